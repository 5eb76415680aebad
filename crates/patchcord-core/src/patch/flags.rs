//! Flags of an operator: what a person switches on it in a network editor, and scripts through its attributes.
//!
//! Three of them mean something without an editor: `lock` keeps the content as it is and lets scripts edit it, `bypass`
//! hands input 0 through, and an operator without `allowCooking` is not brought up to date. The others are kept.

use super::{OpId, Patch, PatchError};

/// A switch of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Name that scripts use.
    pub name: &'static str,
    /// Whether a new operator has it.
    pub default: bool,
    bit: u32,
}

const fn flag(bit: u32, name: &'static str, default: bool) -> Flag {
    Flag { name, default, bit }
}

impl Flag {
    /// Its viewer takes input.
    pub const ACTIVE_VIEWER: Flag = flag(0, "activeViewer", false);
    /// It is brought up to date when somebody reads it.
    pub const ALLOW_COOKING: Flag = flag(1, "allowCooking", true);
    /// It hands its input 0 through.
    pub const BYPASS: Flag = flag(2, "bypass", false);
    /// A clone keeps its own state.
    pub const CLONE_IMMUNE: Flag = flag(3, "cloneImmune", false);
    /// It is the one that an editor is about.
    pub const CURRENT: Flag = flag(4, "current", false);
    /// It is shown.
    pub const DISPLAY: Flag = flag(5, "display", false);
    /// It is shown in its network.
    pub const EXPOSE: Flag = flag(6, "expose", true);
    /// Its content stays as it is.
    pub const LOCK: Flag = flag(7, "lock", false);
    /// It is selected.
    pub const SELECTED: Flag = flag(8, "selected", false);
    /// Its viewer is open.
    pub const VIEWER: Flag = flag(9, "viewer", false);
    /// It is rendered.
    pub const RENDER: Flag = flag(10, "render", false);
    /// What is docked to it is shown.
    pub const SHOW_DOCKED: Flag = flag(11, "showDocked", true);
    /// Its expressions are Python.
    pub const PYTHON: Flag = flag(12, "python", true);
    /// It can be picked in a viewer.
    pub const PICKABLE: Flag = flag(13, "pickable", false);
    /// It is an aid and no part of the network's work, such as an annotation.
    pub const UTILITY: Flag = flag(14, "utility", false);
    /// Its channels or cells set parameters.
    pub const EXPORT: Flag = flag(15, "export", false);

    /// All flags.
    pub const ALL: [Flag; 16] = [
        Flag::ACTIVE_VIEWER,
        Flag::ALLOW_COOKING,
        Flag::BYPASS,
        Flag::CLONE_IMMUNE,
        Flag::CURRENT,
        Flag::DISPLAY,
        Flag::EXPOSE,
        Flag::LOCK,
        Flag::SELECTED,
        Flag::VIEWER,
        Flag::RENDER,
        Flag::SHOW_DOCKED,
        Flag::PYTHON,
        Flag::PICKABLE,
        Flag::UTILITY,
        Flag::EXPORT,
    ];

    /// The flag that scripts call so.
    pub fn find(name: &str) -> Option<Flag> {
        Flag::ALL.into_iter().find(|flag| flag.name == name)
    }
}

/// Which flags an operator has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    /// Whether it has one.
    #[inline]
    pub fn has(self, flag: Flag) -> bool {
        self.0 >> flag.bit & 1 == 1
    }

    /// Sets or takes away one.
    pub fn set(&mut self, flag: Flag, on: bool) {
        let bit = 1 << flag.bit;
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }
}

impl Default for Flags {
    fn default() -> Self {
        let mut flags = Flags(0);
        for flag in Flag::ALL {
            flags.set(flag, flag.default);
        }
        flags
    }
}

impl Patch {
    /// Sets a flag of an operator. One operator of a component is the current one: the others lose that flag.
    ///
    /// # Errors
    /// [`PatchError::Gone`].
    pub fn set_flag(&mut self, id: OpId, flag: Flag, on: bool) -> Result<(), PatchError> {
        let parent = self.get(id).ok_or(PatchError::Gone)?.parent;
        if flag == Flag::CURRENT && on {
            let siblings = parent.and_then(|parent| self.get(parent)).map(|parent| parent.children().to_vec());
            for sibling in siblings.unwrap_or_default() {
                if let Some(op) = self.get_mut(sibling) {
                    op.flags.set(flag, false);
                }
            }
        }
        let op = self.get_mut(id).ok_or(PatchError::Gone)?;
        if op.flags.has(flag) != on {
            op.flags.set(flag, on);
            // Who has read a flag has read the tree; who reads content reads another one.
            self.queue().tracker.note_tree_change();
            self.note_content_change(id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_has_a_bit_and_a_name_of_its_own() {
        for (at, flag) in Flag::ALL.into_iter().enumerate() {
            assert_eq!(flag.bit as usize, at);
            assert_eq!(Flag::find(flag.name), Some(flag));
            let mut flags = Flags::default();
            flags.set(flag, !flag.default);
            let others = Flag::ALL.into_iter().filter(|other| *other != flag);
            assert!(others.clone().count() == 15 && { others }.all(|other| flags.has(other) == other.default));
            assert_eq!(flags.has(flag), !flag.default);
        }
        assert_eq!(Flag::find("lid"), None);
    }
}
