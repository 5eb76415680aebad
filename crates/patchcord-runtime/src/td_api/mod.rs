//! The declaration of TouchDesigner's Python API: every class and member, and what becomes of it here.
//!
//! One row is one member ([`works`], [`stand_in`], [`raises`]). From the rows come `docs/td-api.md`, the messages of what
//! is not here, and what `patchcord check` says of scripts; a test in the running program compares each row with the object itself.
//! So a member that is built (or given up) is one row that changes, in the file of its class.
//!
//! Nothing here knows Python; names, kinds and sentences only.

mod chop;
mod comp;
mod dat;
mod modules;
mod network;
mod op;
mod operators;
mod par;
mod pictures;
mod program;
mod run;
mod td;
mod tdu;

pub use operators::{FAMILIES, FamilyTypes, absent_type, why_absent};

/// The version in which what has no other `since` came.
pub const FIRST: &str = "0.1";

/// The page that an error names.
pub const PAGE: &str = "docs/td-api.md";

/// It is planned and not built.
const NOT_YET: &str = "it is not built yet";
/// What an editor of networks shows or changes.
const NO_EDITOR: &str = "there is no network editor";
/// What needs a window.
const NO_WINDOW: &str = "there are no windows";
/// What needs a graphics card.
const NO_GPU: &str = "nothing is drawn here, so no graphics card is used";
/// What reads or writes files of TouchDesigner.
const NO_TOX: &str = "files of TouchDesigner (.toe, .tox) are not read or written";
/// What TouchDesigner sells.
const NO_LICENCES: &str = "Patchcord is free software and knows no licences";

/// Every class, module and object of the API.
pub static CLASSES: &[&Class] = &[
    &td::TD,
    &op::OP,
    &comp::COMP,
    &dat::DAT,
    &dat::CELL,
    &dat::CHANGED_DAT_INFO,
    &chop::CHOP,
    &chop::CHANNEL,
    &chop::SEGMENT,
    &par::PAR,
    &par::PAR_CHANGE,
    &par::PAR_COLLECTION,
    &par::PAR_GROUP,
    &par::PAR_GROUP_COLLECTION,
    &par::PAGE,
    &par::SEQUENCE,
    &par::SEQUENCE_BLOCK,
    &op::CONNECTOR,
    &comp::VFS,
    &comp::VFS_FILE,
    &run::RUN,
    &run::RUNS,
    &program::TIME_COMP,
    &network::SOCKETIO_DAT,
    &network::WEBSOCKET_DAT,
    &network::WEBSERVER_DAT,
    &network::LOGIC_COMP,
    &network::WEBCLIENT_DAT,
    &network::TCPIP_DAT,
    &network::UDP_DAT,
    &network::OSC_OUT_DAT,
    &network::MQTT_DAT,
    &network::PEER,
    &program::ABS_TIME,
    &program::APP,
    &program::PROJECT,
    &program::UI,
    &program::SYS_INFO,
    &program::MONITORS,
    &program::LICENSES,
    &tdu::TDU,
    &tdu::DEPENDENCY,
    &tdu::FILE_INFO,
    &tdu::TIMECODE,
    &tdu::MENU,
    &tdu::POSITION,
    &tdu::VECTOR,
    &tdu::QUATERNION,
    &tdu::MATRIX,
    &tdu::COLOR,
    &modules::TD_FUNCTIONS,
    &modules::TD_STORE_TOOLS,
    &modules::STORAGE_MANAGER,
    &modules::TD_JSON,
    &pictures::TOP,
    &pictures::SOP,
    &pictures::POP,
    &pictures::MAT,
    &pictures::PANEL_VALUE,
    &pictures::PANEL_COMP,
    &pictures::OBJECT_COMP,
];

/// A class, module or object, and its members.
#[derive(Debug)]
pub struct Class {
    /// Name as scripts write it: `DAT`, `tdu.Dependency`, `absTime`.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// What stands under its name.
    pub kind: ClassKind,
    /// The class whose members it has too; empty when there is none.
    pub base: &'static str,
    /// Set when there is no such class at all: why. Then none of its members is there, whatever their rows say.
    pub absent: Option<&'static str>,
    /// Its own members.
    pub members: &'static [Member],
}

/// What stands under the name of a [`Class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassKind {
    /// A class: members are those of its objects.
    Class,
    /// The one object of its class: `absTime`.
    Object,
    /// A module.
    Module,
}

impl Class {
    const fn new(name: &'static str, help: &'static str, members: &'static [Member]) -> Self {
        Class { name, help, kind: ClassKind::Class, base: "", absent: None, members }
    }

    const fn module(name: &'static str, help: &'static str, members: &'static [Member]) -> Self {
        Class { name, help, kind: ClassKind::Module, base: "", absent: None, members }
    }

    const fn object(name: &'static str, help: &'static str, members: &'static [Member]) -> Self {
        Class { name, help, kind: ClassKind::Object, base: "", absent: None, members }
    }

    const fn base(mut self, base: &'static str) -> Self {
        self.base = base;
        self
    }

    /// There is no such class here.
    const fn absent(mut self, why: &'static str) -> Self {
        self.absent = Some(why);
        self
    }

    /// How a member of this class is dealt with: as its row says, unless there is no such class.
    pub fn state_of(&self, member: &Member) -> State {
        match (self.absent, member.state) {
            (Some(_), State::Raises(why)) => State::Raises(why),
            (Some(why), _) => State::Raises(why),
            (None, state) => state,
        }
    }
}

/// One member of a class.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Name as in the row: a method ends with `()`.
    written: &'static str,
    /// What becomes of it.
    pub state: State,
    /// What to use in its place; empty when there is nothing.
    pub instead: &'static str,
    /// What is worth knowing; empty when nothing is.
    pub note: &'static str,
    /// What it gives, or what the call of it gives, as far as `check` follows it: a class (`OP`), or a list of it (`[OP]`).
    pub gives: &'static str,
    /// The version that brought it (or gave it its present state).
    pub since: &'static str,
    /// It goes beyond TouchDesigner.
    pub beyond: bool,
}

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does what it does in TouchDesigner.
    Works,
    /// It is there and does something else, such as nothing: what.
    StandIn(&'static str),
    /// It raises: why.
    Raises(&'static str),
}

impl Member {
    const fn new(written: &'static str, state: State) -> Self {
        Member { written, state, instead: "", note: "", gives: "", since: FIRST, beyond: false }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.written.strip_suffix("()").unwrap_or(self.written)
    }

    /// Its name, with `()` when it is called.
    pub fn written(&self) -> &'static str {
        self.written
    }

    /// Whether it is called.
    pub fn is_method(&self) -> bool {
        self.written.ends_with("()")
    }

    const fn gives(mut self, class: &'static str) -> Self {
        self.gives = class;
        self
    }

    const fn instead(mut self, instead: &'static str) -> Self {
        self.instead = instead;
        self
    }

    const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    #[expect(dead_code, reason = "for the version after the first")]
    const fn since(mut self, version: &'static str) -> Self {
        self.since = version;
        self
    }

    const fn beyond(mut self) -> Self {
        self.beyond = true;
        self
    }
}

/// A member that does what it does in TouchDesigner.
const fn works(name: &'static str) -> Member {
    Member::new(name, State::Works)
}

/// A member that is there and does something else.
const fn stand_in(name: &'static str, what: &'static str) -> Member {
    Member::new(name, State::StandIn(what))
}

/// A member that is not there.
const fn raises(name: &'static str, why: &'static str) -> Member {
    Member::new(name, State::Raises(why))
}

/// What is said of a member that is not there: why, and what to use.
pub fn reason(why: &str, instead: &str) -> String {
    if instead.is_empty() { why.to_owned() } else { format!("{why}; use {instead}") }
}

/// What is said when something is used that is not there.
pub fn sentence(name: &str, why: &str) -> String {
    format!("{name} exists in TouchDesigner but not in Patchcord: {why} ({PAGE})")
}

/// The class of a name.
pub fn find(name: &str) -> Option<&'static Class> {
    CLASSES.iter().find(|class| class.name == name).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_class_and_member_is_declared_once_and_every_reference_leads_somewhere() {
        let mut classes = HashSet::new();
        for class in CLASSES {
            assert!(classes.insert(class.name), "{} stands twice", class.name);
            assert!(class.base.is_empty() || find(class.base).is_some(), "{}: no class {}", class.name, class.base);
            assert!(class.help.ends_with('.'), "{}: a sentence ends with a dot", class.name);
            let mut members = HashSet::new();
            for member in class.members {
                let name = format!("{}.{}", class.name, member.name());
                assert!(members.insert(member.name()), "{name} stands twice");
                let gives = member.gives.trim_matches(['[', ']']);
                assert!(gives.is_empty() || find(gives).is_some() || is_type(gives), "{name} gives {gives}");
                if let State::Raises(text) | State::StandIn(text) = member.state {
                    assert!(!text.is_empty() && !text.ends_with('.'), "{name}: a clause, which another may follow");
                }
            }
        }
    }

    fn is_type(name: &str) -> bool {
        FAMILIES.iter().any(|family| family.types().any(|known| known == name))
    }

    #[test]
    fn a_member_of_a_class_that_is_absent_is_not_there() {
        static GONE: Class = Class::new("Gone", "Gone.", &[works("one"), raises("two", "two went")]).absent("all went");
        let states: Vec<State> = GONE.members.iter().map(|member| GONE.state_of(member)).collect();
        assert_eq!(states, [State::Raises("all went"), State::Raises("two went")]);
    }
}
