//! Shortcuts: names under which scripts find components and operators wherever these are.
//!
//! A *global* shortcut (`opshortcut`) is found from everywhere, a *parent* shortcut (`parentshortcut`) from inside the
//! component that has it, an *internal* one (`iop0shortcut` with `iop0op`) names an operator for everything inside the
//! component. They are parameters like others, so their declaration is with the components.

use std::collections::HashMap;
use std::rc::Rc;

use super::{OpId, Operator, Patch};
use crate::declaration::Family;
use crate::parameter::ParValue;
use crate::tracking::Source as Read;

/// Internal operators that a component has at most.
pub const MAX_INTERNALS: usize = 4;

/// A component whose global shortcut an older one has already.
#[derive(Debug, PartialEq)]
pub struct ShortcutClash {
    /// The component.
    pub op: OpId,
    /// The shortcut.
    pub name: Rc<str>,
    /// Path of the component that is meant by it.
    pub first: Rc<str>,
}

impl Patch {
    /// Text of a component's parameter, noted as read.
    fn noted_par(&self, id: OpId, name: &str) -> Option<Rc<str>> {
        let op = self.get(id)?;
        let tracker = &self.queue().tracker;
        if tracker.is_active()
            && let Some((index, _)) = op.declaration.find_parameter(name)
        {
            tracker.note(Read::Par(id, index), op.par_state(index).map_or(0, |state| state.version));
        }
        text_par(op, name)
    }

    /// The component with a global shortcut; of several the oldest.
    pub fn find_shortcut(&self, name: &str) -> Option<OpId> {
        self.note_tree_read();
        let known = self.shortcuts.borrow().get(name).copied();
        if let Some(known) = known.filter(|known| self.global_shortcut(*known).as_deref() == Some(name)) {
            return Some(known);
        }
        let mut shortcuts: HashMap<Rc<str>, OpId> = HashMap::new();
        for (name, op) in self.global_shortcuts() {
            shortcuts.entry(name).or_insert(op);
        }
        let found = shortcuts.get(name).copied();
        *self.shortcuts.borrow_mut() = shortcuts;
        if found.is_none() && self.queue().tracker.is_active() {
            // Any component may get it.
            self.queue().tracker.note(Read::Moment, 0);
        }
        // Asked once more, so that a computation has read the parameter.
        found.filter(|found| self.global_shortcut(*found).is_some())
    }

    /// All global shortcuts with their components, the oldest first.
    pub fn global_shortcuts(&self) -> Vec<(Rc<str>, OpId)> {
        let named = |(id, op): (OpId, &Operator)| Some((op.number, text_par(op, "opshortcut")?, id));
        let mut found: Vec<_> = self.iter().filter_map(named).collect();
        found.sort_unstable_by_key(|(number, ..)| *number);
        found.into_iter().map(|(_, name, id)| (name, id)).collect()
    }

    /// Components whose global shortcut an older one has.
    pub fn clashing_shortcuts(&self) -> Vec<ShortcutClash> {
        let mut first: HashMap<Rc<str>, OpId> = HashMap::new();
        let mut clashes = Vec::new();
        for (name, op) in self.global_shortcuts() {
            match first.get(&name) {
                Some(older) => clashes.push(ShortcutClash { op, name, first: self.path(*older) }),
                None => drop(first.insert(name, op)),
            }
        }
        *self.shortcuts.borrow_mut() = first;
        clashes
    }

    /// The global shortcut of a component; `None` without one.
    pub fn global_shortcut(&self, op: OpId) -> Option<Rc<str>> {
        self.noted_par(op, "opshortcut")
    }

    /// The parent shortcut of a component; `None` without one.
    pub fn parent_shortcut(&self, op: OpId) -> Option<Rc<str>> {
        self.noted_par(op, "parentshortcut")
    }

    /// The nearest component around an operator with a parent shortcut.
    pub fn find_parent_shortcut(&self, op: OpId, name: &str) -> Option<OpId> {
        self.note_tree_read();
        self.around(op).skip(1).find(|at| self.parent_shortcut(*at).as_deref() == Some(name))
    }

    /// The operator itself and the components around it, from the inside out.
    pub fn around(&self, op: OpId) -> impl Iterator<Item = OpId> + '_ {
        std::iter::successors(Some(op), |at| self.get(*at).and_then(Operator::parent))
    }

    /// Internal operators of a component by their shortcuts. One that does not exist is `None`.
    pub fn internals(&self, op: OpId) -> Vec<(Rc<str>, Option<OpId>)> {
        self.note_tree_read();
        let internal = |number: usize| {
            let name = self.noted_par(op, &format!("iop{number}shortcut"))?;
            let path = self.noted_par(op, &format!("iop{number}op"));
            Some((name, path.and_then(|path| self.find(op, &path).or_else(|| self.find_from(op, &path)))))
        };
        (0..MAX_INTERNALS).filter_map(internal).collect()
    }

    /// The internal operator that a shortcut means for an operator: that of the nearest component, itself included.
    pub fn find_internal(&self, op: OpId, name: &str) -> Option<OpId> {
        self.note_tree_read();
        let of = |at| self.internals(at).into_iter().find(|(known, _)| **known == *name);
        self.around(op).find_map(of).and_then(|(_, internal)| internal)
    }
}

/// Text of a component's parameter, when it is not empty.
fn text_par(op: &Operator, name: &str) -> Option<Rc<str>> {
    // Most components have no parameter set at all.
    if op.parameters.is_empty() || op.declaration.family != Family::Comp {
        return None;
    }
    let (index, _) = op.declaration.find_parameter(name)?;
    match op.par_state(index)?.value {
        ParValue::Str(ref text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}
