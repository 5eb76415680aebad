//! The names of a port: who declares them, who speaks, what a client gets for the sub-protocols that it offers.
//!
//! Several notes may declare the same name, if layout and direction agree. An incoming value goes to all of them. For an
//! outgoing name the youngest living note speaks; when it ends, the next older one does.

use std::collections::BTreeMap;
use std::fmt;

use crate::control::SUBPROTOCOL;
use crate::layout::{Direction, Layout, Variable};

/// Most names of a port.
pub const MAX_NAMES: usize = 4096;
/// Most bytes of a name.
pub const MAX_NAME: usize = 255;

/// Who declares variables: a note. A number is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(u64);

/// A name as long as somebody declares it. A number is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(u64);

/// One variable of one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// The note.
    pub owner: Owner,
    /// Which of the variables that it declared, from 0.
    pub index: usize,
}

/// Why variables cannot be declared. Nothing of them is declared then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Another note, or the same one, has declared the name with another layout or direction.
    #[error("`{name}` is {declared} on this port and cannot be {wanted} as well")]
    Conflict {
        /// The name.
        name: String,
        /// Type and direction that stand.
        declared: String,
        /// Type and direction that were wanted.
        wanted: String,
    },
    /// A name that no client could offer as a sub-protocol (RFC 6455 §4.1: a token of HTTP).
    #[error("`{0}` cannot be a name: a sub-protocol has 1 to {MAX_NAME} letters, digits or any of !#$%&'*+-.^_`|~")]
    NotASubprotocol(String),
    /// The name of the control protocol.
    #[error("the name `{0}` is taken by the control protocol")]
    Reserved(String),
    /// More than [`MAX_NAMES`].
    #[error("a port has at most {MAX_NAMES} names")]
    TooMany,
}

/// What declaring gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Who declared them, for [`Names::withdraw`].
    pub owner: Owner,
    /// The names, in the order of the variables.
    pub names: Vec<NameId>,
}

/// What withdrawing changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Withdrawn {
    /// Names that nobody declares any more.
    pub gone: Vec<NameId>,
    /// Outgoing names for which another note speaks now.
    pub passed_on: Vec<NameId>,
}

/// What a client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The stream of a name, which it offered.
    Named(NameId),
    /// The first outgoing name, or the first of all, because it offered none: the answer has no sub-protocol.
    First(NameId),
    /// The control protocol.
    Control,
    /// Nothing: it offered only what is not here, or nothing is here.
    Unknown,
}

/// A kept value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest<'a> {
    /// In the form of rings and cells.
    pub payload: &'a [u8],
    /// Grows with each value that is kept.
    pub revision: u64,
}

/// The names of a port, in the order in which they were declared first.
#[derive(Debug, Default)]
pub struct Names {
    names: BTreeMap<NameId, Name>,
    by_name: BTreeMap<String, NameId>,
    next: u64,
    revision: u64,
    /// What is kept of any name is what it is now.
    keeps_all: bool,
}

#[derive(Debug)]
struct Name {
    variable: Variable,
    /// From the oldest to the youngest.
    slots: Vec<Slot>,
    /// The value of each slot of an outgoing name; for an incoming one the last that came.
    kept: BTreeMap<Option<Slot>, (Vec<u8>, u64)>,
}

impl Name {
    fn speaker(&self) -> Option<Slot> {
        match self.variable.direction {
            Direction::Outgoing => self.slots.last().copied(),
            Direction::Incoming => None,
        }
    }
}

impl Names {
    /// No names, of a host that keeps outgoing values of [kept](crate::Kind::is_kept) kinds, and others only while somebody
    /// watches them.
    pub fn new() -> Self {
        Self::default()
    }

    /// No names, of a host that keeps every value when it changes, so that what is kept is always current.
    pub fn keeping_all() -> Self {
        Self { keeps_all: true, ..Self::default() }
    }

    /// Declares the variables of a note that begins, all or none. From then on the note speaks for the outgoing ones. Of a
    /// name that is there twice among them the last speaks.
    ///
    /// # Errors
    ///
    /// [`NameError`], each variant of it.
    pub fn declare(&mut self, variables: &[Variable]) -> Result<Declared, NameError> {
        self.check(variables)?;
        let owner = Owner(self.new_number());
        let mut names = Vec::with_capacity(variables.len());
        for (index, variable) in variables.iter().enumerate() {
            let id = self.find(&variable.name).unwrap_or_else(|| {
                let id = NameId(self.new_number());
                self.by_name.insert(variable.name.clone(), id);
                self.names.insert(id, Name { variable: variable.clone(), slots: Vec::new(), kept: BTreeMap::new() });
                id
            });
            self.names.get_mut(&id).expect("found or inserted").slots.push(Slot { owner, index });
            names.push(id);
        }
        Ok(Declared { owner, names })
    }

    /// Withdraws everything that `owner` has declared.
    pub fn withdraw(&mut self, owner: Owner) -> Withdrawn {
        let mut withdrawn = Withdrawn::default();
        self.names.retain(|&id, name| {
            let before = name.speaker();
            name.slots.retain(|slot| slot.owner != owner);
            name.kept.retain(|slot, _| slot.is_none_or(|slot| slot.owner != owner));
            if name.slots.is_empty() {
                withdrawn.gone.push(id);
            } else if before != name.speaker() {
                withdrawn.passed_on.push(id);
            }
            !name.slots.is_empty()
        });
        self.by_name.retain(|_, id| self.names.contains_key(id));
        withdrawn
    }

    /// Whether no name is declared.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The variables, in the order in which their names were declared first.
    pub fn variables(&self) -> impl Iterator<Item = (NameId, &Variable)> {
        self.names.iter().map(|(&id, name)| (id, &name.variable))
    }

    /// The variable of a name, `None` when it is gone.
    pub fn variable(&self, id: NameId) -> Option<&Variable> {
        self.names.get(&id).map(|name| &name.variable)
    }

    /// The name that is written so, exactly.
    pub fn find(&self, name: &str) -> Option<NameId> {
        self.by_name.get(name).copied()
    }

    /// Who speaks for an outgoing name: the youngest note.
    pub fn speaker(&self, id: NameId) -> Option<Slot> {
        self.names.get(&id)?.speaker()
    }

    /// All who declare a name, from the oldest to the youngest: who receives an incoming value.
    pub fn slots(&self, id: NameId) -> &[Slot] {
        self.names.get(&id).map_or(&[], |name| &name.slots)
    }

    /// What a client gets that offers these sub-protocols: the first that is known, in its order; without any, the first
    /// outgoing name (reference §2). An empty offer counts as none.
    pub fn choose<'a>(&self, offered: impl IntoIterator<Item = &'a str>) -> Choice {
        let mut offered = offered.into_iter().filter(|name| !name.is_empty()).peekable();
        if offered.peek().is_none() {
            let first = self.variables().find(|(_, variable)| variable.direction == Direction::Outgoing);
            return first.or_else(|| self.variables().next()).map_or(Choice::Unknown, |(id, _)| Choice::First(id));
        }
        offered
            .find_map(|name| match name {
                SUBPROTOCOL => Some(Choice::Control),
                name => self.find(name).map(Choice::Named),
            })
            .unwrap_or(Choice::Unknown)
    }

    /// Keeps the current value of a slot of an outgoing name: always for [kept](crate::Kind::is_kept) kinds, for others while
    /// a control session wants it (the last of several is enough).
    pub fn keep(&mut self, id: NameId, slot: Slot, payload: &[u8]) {
        self.keep_as(id, Some(slot), payload);
    }

    /// Keeps the last value that came for an incoming name.
    pub fn keep_received(&mut self, id: NameId, payload: &[u8]) {
        self.keep_as(id, None, payload);
    }

    /// The current value of a name: of an outgoing one what its speaker kept last, of an incoming one what came last.
    pub fn latest(&self, id: NameId) -> Option<Latest<'_>> {
        let name = self.names.get(&id)?;
        let (payload, revision) = name.kept.get(&name.speaker())?;
        Some(Latest { payload, revision: *revision })
    }

    /// Whether what is kept of a name is what it is now. If not, the current value is the next one that is kept.
    pub fn is_current(&self, id: NameId) -> bool {
        self.keeps_all
            || self
                .variable(id)
                .is_some_and(|variable| variable.direction == Direction::Incoming || variable.layout.kind().is_kept())
    }

    fn keep_as(&mut self, id: NameId, slot: Option<Slot>, payload: &[u8]) {
        self.revision += 1;
        let Some(name) = self.names.get_mut(&id) else { return };
        let (kept, revision) = name.kept.entry(slot).or_default();
        kept.clear();
        kept.extend_from_slice(payload);
        *revision = self.revision;
    }

    fn check(&self, variables: &[Variable]) -> Result<(), NameError> {
        let mut new = 0;
        for (index, variable) in variables.iter().enumerate() {
            if variable.name == SUBPROTOCOL {
                return Err(NameError::Reserved(variable.name.clone()));
            }
            if !is_subprotocol(&variable.name) {
                return Err(NameError::NotASubprotocol(variable.name.clone()));
            }
            let standing = self.find(&variable.name).and_then(|id| self.variable(id));
            new += usize::from(standing.is_none());
            let standing = standing.or_else(|| variables[..index].iter().find(|earlier| earlier.name == variable.name));
            if let Some(standing) = standing
                && (standing.layout != variable.layout || standing.direction != variable.direction)
            {
                return Err(NameError::Conflict {
                    name: variable.name.clone(),
                    declared: described(&standing.layout, standing.direction),
                    wanted: described(&variable.layout, variable.direction),
                });
            }
        }
        if self.names.len() + new > MAX_NAMES { Err(NameError::TooMany) } else { Ok(()) }
    }

    fn new_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// One line for each name: name, type and direction. For answers to clients that ask for what is not here.
impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.variables().try_for_each(|(_, variable)| {
            writeln!(f, "{} {}", variable.name, described(&variable.layout, variable.direction))
        })
    }
}

/// Whether a client can offer the name as a sub-protocol.
pub fn is_subprotocol(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn described(layout: &Layout, direction: Direction) -> String {
    match direction {
        Direction::Outgoing => format!("{layout} (out, sent to clients)"),
        Direction::Incoming => format!("{layout} (in, received from clients)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{FloatSize, Kind};

    fn variable(name: &str, kind: Kind, dims: &[usize], direction: Direction) -> Variable {
        let layout = Layout::new(kind, FloatSize::F64, 1, dims).expect("a layout");
        Variable { name: name.into(), layout, direction }
    }

    fn incoming(name: &str) -> Variable {
        variable(name, Kind::Control, &[], Direction::Incoming)
    }

    fn outgoing(name: &str) -> Variable {
        variable(name, Kind::Control, &[], Direction::Outgoing)
    }

    #[test]
    fn the_youngest_living_note_speaks() -> Result<(), NameError> {
        let mut names = Names::new();
        let old = names.declare(&[outgoing("kamp"), incoming("kfreq")])?;
        let young = names.declare(&[outgoing("kamp")])?;
        let id = old.names[0];
        assert_eq!(young.names, [id]);
        assert_eq!(names.slots(id).len(), 2);
        assert_eq!(names.speaker(id), Some(Slot { owner: young.owner, index: 0 }));
        names.keep(id, Slot { owner: old.owner, index: 0 }, b"old");
        assert_eq!(names.latest(id), None);
        names.keep(id, Slot { owner: young.owner, index: 0 }, b"young");
        assert_eq!(names.latest(id).map(|latest| latest.payload), Some(&b"young"[..]));
        assert_eq!(names.withdraw(young.owner), Withdrawn { gone: vec![], passed_on: vec![id] });
        assert_eq!(names.speaker(id), Some(Slot { owner: old.owner, index: 0 }));
        assert_eq!(names.latest(id).map(|latest| latest.payload), Some(&b"old"[..]));
        assert_eq!(names.withdraw(old.owner), Withdrawn { gone: old.names, passed_on: vec![] });
        assert!(names.is_empty());
        assert_eq!((names.variable(id), names.speaker(id), names.slots(id)), (None, None, &[][..]));
        Ok(())
    }

    #[test]
    fn an_older_note_that_ends_changes_nothing() -> Result<(), NameError> {
        let mut names = Names::new();
        let old = names.declare(&[outgoing("kamp")])?;
        let young = names.declare(&[outgoing("kamp")])?;
        assert_eq!(names.withdraw(old.owner), Withdrawn::default());
        assert_eq!(names.speaker(young.names[0]).map(|slot| slot.owner), Some(young.owner));
        Ok(())
    }

    #[test]
    fn received_values_are_kept_for_all_who_declare_the_name() -> Result<(), NameError> {
        let mut names = Names::new();
        let one = names.declare(&[incoming("kfreq"), incoming("kfreq")])?;
        let two = names.declare(&[incoming("kfreq")])?;
        let id = two.names[0];
        assert_eq!((one.names.as_slice(), names.slots(id).len()), (&[id, id][..], 3));
        names.keep_received(id, b"440");
        names.withdraw(two.owner);
        assert_eq!(names.latest(id).map(|latest| latest.payload), Some(&b"440"[..]));
        Ok(())
    }

    #[test]
    fn what_disagrees_is_refused_as_a_whole() -> Result<(), NameError> {
        let mut names = Names::new();
        names.declare(&[outgoing("kamp")])?;
        for other in [
            incoming("kamp"),
            variable("kamp", Kind::Control, &[4], Direction::Outgoing),
            variable("kamp", Kind::Init, &[], Direction::Outgoing),
        ] {
            let error = names.declare(&[outgoing("knew"), other]).expect_err("a conflict");
            assert!(matches!(error, NameError::Conflict { .. }));
        }
        let error = names.declare(&[incoming("kamp")]).expect_err("a conflict").to_string();
        assert_eq!(
            error,
            "`kamp` is k (out, sent to clients) on this port and cannot be k (in, received from clients) as well"
        );
        assert!(names.declare(&[incoming("kself"), outgoing("kself")]).is_err(), "within one note");
        assert_eq!(names.find("knew"), None);
        assert_eq!(names.declare(&[outgoing("csound.v1")]), Err(NameError::Reserved("csound.v1".into())));
        for name in ["", "two words", "ü", "a/b", &"x".repeat(MAX_NAME + 1)] {
            assert_eq!(names.declare(&[outgoing(name)]), Err(NameError::NotASubprotocol(name.into())));
        }
        let many: Vec<Variable> = (0..MAX_NAMES).map(|number| outgoing(&format!("k{number}"))).collect();
        assert_eq!(names.declare(&many), Err(NameError::TooMany));
        assert!(names.declare(&many[1..]).is_ok());
        Ok(())
    }

    #[test]
    fn a_client_gets_the_first_of_its_offers_that_is_known() -> Result<(), NameError> {
        let mut names = Names::new();
        assert_eq!(names.choose([]), Choice::Unknown);
        let declared = names.declare(&[incoming("kfreq"), outgoing("#k0"), outgoing("kamp")])?;
        let [kfreq, temporary, kamp] = declared.names[..] else { panic!("three names") };
        assert_eq!(names.choose(["kamp"]), Choice::Named(kamp));
        assert_eq!(names.choose(["KAMP"]), Choice::Unknown);
        assert_eq!(names.choose(["nothing", "kfreq", "kamp"]), Choice::Named(kfreq));
        assert_eq!(names.choose(["csound.v1", "kamp"]), Choice::Control);
        assert_eq!(names.choose([]), Choice::First(temporary));
        assert_eq!(names.choose([""]), Choice::First(temporary));
        let mut only_incoming = Names::new();
        let declared = only_incoming.declare(&[incoming("kfreq")])?;
        assert_eq!(only_incoming.choose([]), Choice::First(declared.names[0]));
        assert_eq!(names.to_string().lines().next(), Some("kfreq k (in, received from clients)"));
        Ok(())
    }
}
