//! The patch: a tree of operators with parameters, content, wires and problems.
//!
//! This is plain data with rules. It starts nothing and calls nobody: each edit leaves a [`Change`](crate::change::Change) in the queue, and
//! [`Network`](crate::network::Network) delivers the changes when the current turn has ended. Operators are named by
//! [`OpId`], which carries a generation, so an id of a destroyed operator finds nothing and never another operator.

mod children;
mod connectors;
pub mod custom;
pub mod extras;
mod find;
pub mod flags;
mod links;
mod parameters;
mod references;
mod shortcuts;
pub mod stand_in;
mod tree;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use crate::callbacks::Callbacks;
use crate::change::ChangeQueue;
use crate::content::Content;
use crate::declaration::{ContentKind, Family, OperatorType, ParIndex, ParRef};
use crate::network::Worker;
use crate::parameter::{ParMode, ParState, ParValue, ParameterError, default_value, nearest_name};
use crate::problem::Problems;
use crate::value::HostValue;
use children::Children;
pub use connectors::{Side, connector_order};
use custom::{Custom, CustomError, CustomPage, ParAttributes};
use extras::Extras;
use flags::Flags;
pub use shortcuts::ShortcutClash;

slotmap::new_key_type! {
    /// Names one operator for as long as it exists.
    pub struct OpId;
}

/// Operators that a patch holds at most.
pub const MAX_OPERATORS: usize = 1_000_000;

/// A wire's source: an operator and which of its outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where the wire comes from.
    pub op: OpId,
    /// Output, counted from 0.
    pub output: u8,
}

/// What is noted of an operator's cooks; [`Network::cook_figures`](crate::network::Network::cook_figures) reads it.
#[derive(Clone, Copy, Debug, Default)]
pub struct CookStats {
    /// Cooks since the operator was made.
    pub total: u64,
    /// Start of the last cook, by the program's clock.
    pub start: Duration,
    /// End of the last cook.
    pub end: Duration,
}

impl CookStats {
    /// Length of the last cook in milliseconds.
    pub fn time_ms(&self) -> f64 {
        self.end.saturating_sub(self.start).as_secs_f64() * 1000.0
    }
}

/// One operator.
pub struct Operator {
    name: Rc<str>,
    path: Rc<str>,
    declaration: &'static OperatorType,
    parent: Option<OpId>,
    /// Which operator of the patch this is, counted in order of creation.
    number: u64,
    children: Children,
    parameters: Vec<(ParIndex, ParState)>,
    /// What was set of a parameter beside its value.
    attributes: Vec<(ParIndex, ParAttributes)>,
    /// Custom parameters; most operators never have one.
    custom: Option<Box<Custom>>,
    inputs: Vec<Option<Source>>,
    /// Operators with an input that this one feeds.
    fed: Vec<OpId>,
    dock: Option<OpId>,
    /// Operators that are docked to this one.
    docked: Vec<OpId>,
    pub(crate) content: Content,
    /// What the content's own revision counts from.
    pub(crate) content_base: u64,
    /// Operators that are told of its changes.
    pub(crate) watchers: Vec<OpId>,
    /// It has been told that it was made.
    pub(crate) begun: bool,
    pub(crate) worker: Option<Rc<dyn Worker>>,
    pub(crate) native_callbacks: Option<Rc<dyn Callbacks>>,
    pub(crate) content_change_queued: bool,
    pub(crate) definitions_change_queued: bool,
    /// Values that scripts keep on the operator, in order of their first store.
    pub storage: Vec<(Rc<str>, HostValue)>,
    /// Another number with each change of the storage; see [`Patch::note_storage_change`].
    pub(crate) storage_version: u64,
    /// What is wrong with it now. File problems through [`Network`](crate::network::Network), which also says them.
    pub problems: Problems,
    /// Cook figures.
    pub cook: CookStats,
    /// Words to find it by.
    pub tags: Vec<Rc<str>>,
    /// A person's remark.
    pub comment: Rc<str>,
    /// Its switches.
    pub flags: Flags,
    extras: Option<Box<Extras>>,
}

impl Operator {
    /// Its name within its parent.
    pub fn name(&self) -> &Rc<str> {
        &self.name
    }

    /// Its path from the root, such as `/project1/webserver1`.
    pub fn path(&self) -> &Rc<str> {
        &self.path
    }

    /// Its type.
    pub fn declaration(&self) -> &'static OperatorType {
        self.declaration
    }

    /// The component that holds it; `None` for the root.
    pub fn parent(&self) -> Option<OpId> {
        self.parent
    }

    /// Its children in order of creation.
    pub fn children(&self) -> &[OpId] {
        self.children.in_order()
    }

    /// The operator that it is docked to.
    pub fn dock(&self) -> Option<OpId> {
        self.dock
    }

    /// What its own inputs are wired to; trailing open ones may be missing. [`Patch::inputs`] shows those of components.
    pub fn inputs(&self) -> &[Option<Source>] {
        &self.inputs
    }

    /// What it holds.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Whether an operator is told of its changes.
    pub(crate) fn is_watched(&self) -> bool {
        !self.watchers.is_empty()
    }

    /// What it has besides; `None` while that is nothing.
    pub fn extras(&self) -> Option<&Extras> {
        self.extras.as_deref()
    }

    /// What it has besides, to be changed.
    pub fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    /// The part that does its work, once started.
    pub fn worker(&self) -> Option<&Rc<dyn Worker>> {
        self.worker.as_ref()
    }

    /// The parameter at an index; `None` for a custom one that was destroyed.
    #[inline]
    pub fn parameter(&self, index: ParIndex) -> Option<ParRef> {
        if index.is_custom() {
            return self.custom.as_ref()?.parameter(index).cloned().map(ParRef::Custom);
        }
        Some(ParRef::Declared(self.declaration.parameter(index)))
    }

    /// All parameters with their index: those of the type, then the custom ones, page by page.
    pub fn parameters(&self) -> impl Iterator<Item = (ParIndex, ParRef)> {
        let declared = self.declaration.parameters().map(|(index, parameter)| (index, ParRef::Declared(parameter)));
        declared.chain(self.custom_parameters())
    }

    /// The custom parameters with their index, page by page.
    pub fn custom_parameters(&self) -> impl Iterator<Item = (ParIndex, ParRef)> {
        let members = self.custom_pages().iter().flat_map(CustomPage::members);
        members.filter_map(|index| Some((index, self.parameter(index)?)))
    }

    /// Finds a parameter by its script name. Retired names count.
    pub fn find_parameter(&self, name: &str) -> Option<(ParIndex, ParRef)> {
        if let Some((index, parameter)) = self.declaration.find_parameter(name) {
            return Some((index, ParRef::Declared(parameter)));
        }
        let custom = self.custom.as_ref()?;
        let index = custom.find(name)?;
        Some((index, ParRef::Custom(custom.parameter(index)?.clone())))
    }

    /// The name of the page that a parameter stands on; `None` for a custom one that was destroyed.
    pub fn page_of(&self, index: ParIndex) -> Option<&str> {
        if index.is_custom() {
            return self.custom_pages().iter().find(|page| page.members().any(|at| at == index)).map(CustomPage::name);
        }
        Some(self.declaration.page_of(index).name)
    }

    /// How many custom parameters there are.
    pub fn custom_count(&self) -> usize {
        self.custom.as_ref().map_or(0, |custom| custom.len())
    }

    /// Pages of custom parameters in order.
    pub fn custom_pages(&self) -> &[CustomPage] {
        self.custom.as_ref().map_or(&[], |custom| custom.pages())
    }

    /// What was set of a parameter beside its value.
    pub fn par_attributes(&self, index: ParIndex) -> ParAttributes {
        let found = self.attributes.binary_search_by_key(&index, |(at, _)| *at);
        found.map_or_else(|_| ParAttributes::default(), |at| self.attributes[at].1.clone())
    }

    /// State of a parameter that was ever set; `None` while it is at its default.
    pub fn par_state(&self, index: ParIndex) -> Option<&ParState> {
        self.parameters.binary_search_by_key(&index, |(at, _)| *at).ok().map(|at| &self.parameters[at].1)
    }

    /// Grows when a parameter's value changes, or what a custom one is.
    pub(crate) fn par_version(&self, index: ParIndex) -> u64 {
        let value = self.par_state(index).map_or(0, |state| state.version);
        match &self.custom {
            Some(custom) if index.is_custom() => value.max(custom.version),
            _ => value,
        }
    }

    /// Constant value of a parameter; in another mode, what was computed last.
    pub fn par_value(&self, index: ParIndex) -> ParValue {
        match self.par_state(index) {
            Some(state) => state.value.clone(),
            None => self.parameter(index).map_or_else(|| ParValue::Str(Rc::from("")), |it| default_value(&it)),
        }
    }

    /// Parameters whose value is computed: index and mode.
    pub fn computed_parameters(&self) -> impl Iterator<Item = (ParIndex, ParMode)> {
        self.parameters.iter().filter(|(_, state)| state.mode != ParMode::Constant).map(|(at, state)| (*at, state.mode))
    }

    fn known_par_state_mut(&mut self, index: ParIndex) -> Option<&mut ParState> {
        let at = self.parameters.binary_search_by_key(&index, |(at, _)| *at).ok()?;
        Some(&mut self.parameters[at].1)
    }

    fn par_state_mut(&mut self, index: ParIndex) -> Result<&mut ParState, PatchError> {
        match self.parameters.binary_search_by_key(&index, |(at, _)| *at) {
            Ok(at) => Ok(&mut self.parameters[at].1),
            Err(at) => {
                let parameter = self.parameter(index).ok_or(CustomError::ParameterGone)?;
                self.parameters.insert(at, (index, ParState::of_default(&parameter)));
                Ok(&mut self.parameters[at].1)
            }
        }
    }
}

/// Why an edit of the patch is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PatchError {
    /// The operator does not exist any more.
    #[error("the operator does not exist any more")]
    Gone,
    /// No such operator type.
    #[error("there is no operator type `{name}`{}", nearest.map(|n| format!(", did you mean `{n}`?")).unwrap_or_default())]
    UnknownType {
        /// What was asked for.
        name: String,
        /// The most similar type name.
        nearest: Option<&'static str>,
    },
    /// A type of TouchDesigner's that is not here.
    #[error(
        "`{name}` is not here; with `stand_ins = true` in the [patch] section of patch.toml a stand-in takes its place"
    )]
    NotHere {
        /// What was asked for.
        name: String,
    },
    /// The name is no legal operator name.
    #[error("`{name}` is no operator name: use letters, digits and underscores")]
    BadName {
        /// What was asked for.
        name: String,
    },
    /// The name is taken.
    #[error("`{name}` exists already in {parent}")]
    NameTaken {
        /// What was asked for.
        name: String,
        /// Path of the component.
        parent: Rc<str>,
    },
    /// Only components hold operators.
    #[error("{path} is no component and cannot hold operators")]
    NotAComponent {
        /// Path of the operator.
        path: Rc<str>,
    },
    /// The root cannot be destroyed, renamed or moved.
    #[error("this cannot be done to the root")]
    IsRoot,
    /// A wire to an input that the type does not have.
    #[error("{label} has {count} input{}, there is no input {input}", if *count == 1 { "" } else { "s" })]
    NoSuchInput {
        /// Label of the type.
        label: &'static str,
        /// Inputs that it has.
        count: usize,
        /// Input asked for, counted from 0.
        input: usize,
    },
    /// A wire to an input, or from an output, that the operator does not have.
    #[error(
        "{path} has {count} {what}{}, there is no {what} {at}{}",
        if *count == 1 { "" } else { "s" },
        if maker.is_empty() { String::new() } else { format!("; an {maker} DAT or {maker} CHOP inside it makes one") }
    )]
    NoConnector {
        /// Path of the operator.
        path: Rc<str>,
        /// `input` or `output`.
        what: &'static str,
        /// How many it has.
        count: usize,
        /// Which was asked for, counted from 0.
        at: usize,
        /// The kind of operator that makes one inside a component; empty for others.
        maker: &'static str,
    },
    /// A wire between families.
    #[error("a {from} cannot be wired to a {to}")]
    FamilyMismatch {
        /// Family of the source.
        from: &'static str,
        /// Family of the target.
        to: &'static str,
    },
    /// A dock to an operator of another component, or to the operator itself.
    #[error("{path} cannot be docked to {host}: only operators of the same component can be docked to one another")]
    NotSiblings {
        /// Path of the operator.
        path: Rc<str>,
        /// Path of the one that it was to be docked to.
        host: Rc<str>,
    },
    /// The patch is full.
    #[error("a patch holds at most {MAX_OPERATORS} operators")]
    Full,
    /// The operator's content cannot be edited, or is of another kind.
    #[error("{label} {reason}")]
    Content {
        /// Label of the type.
        label: &'static str,
        /// What is the matter.
        reason: &'static str,
    },
    /// A parameter does not take the value.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// A custom parameter cannot be so.
    #[error(transparent)]
    Custom(#[from] CustomError),
}

/// The whole tree.
pub struct Patch {
    operators: slotmap::SlotMap<OpId, Operator>,
    /// Operators that were destroyed and are still to be told of it. They have left the tree.
    ending: HashMap<OpId, Operator>,
    /// Operators that were ever made.
    made: u64,
    root: OpId,
    types: Vec<&'static OperatorType>,
    queue: Rc<ChangeQueue>,
    /// Global shortcuts as they were found last.
    shortcuts: RefCell<HashMap<Rc<str>, OpId>>,
    /// Types that are not here are made as stand-ins.
    stand_ins: bool,
}

/// The root's own type; it is not offered for creation.
static ROOT_TYPE: OperatorType = OperatorType {
    name: "rootCOMP",
    label: "Root COMP",
    family: Family::Comp,
    summary: "The root of all operators.",
    content: ContentKind::None,
    editable: false,
    inputs: &[],
    pages: &[],
    info_channels: &[],
    callbacks: &[],
    start: None,
};

impl Patch {
    /// An empty patch that knows these operator types. Changes go to `queue`.
    pub fn new(types: &[&'static OperatorType], queue: Rc<ChangeQueue>) -> Self {
        let mut operators = slotmap::SlotMap::with_key();
        let root = operators.insert(blank(&ROOT_TYPE, Rc::from("/"), Rc::from("/"), None));
        Patch {
            operators,
            ending: HashMap::new(),
            made: 0,
            root,
            types: types.to_vec(),
            queue,
            shortcuts: RefCell::default(),
            stand_ins: false,
        }
    }

    /// The root component.
    pub fn root(&self) -> OpId {
        self.root
    }

    /// Operators, the root included.
    pub fn len(&self) -> usize {
        self.operators.len()
    }

    /// Whether there is nothing but the root.
    pub fn is_empty(&self) -> bool {
        self.operators.len() <= 1
    }

    /// The types that can be created.
    pub fn types(&self) -> &[&'static OperatorType] {
        &self.types
    }

    /// Finds a type by its full name (`webserverDAT`) .
    ///
    /// # Errors
    /// [`PatchError::UnknownType`] with the most similar name.
    pub fn find_type(&self, name: &str) -> Result<&'static OperatorType, PatchError> {
        self.types.iter().find(|kind| kind.name == name).copied().ok_or_else(|| PatchError::UnknownType {
            name: name.to_owned(),
            nearest: nearest_name(name, self.types.iter().map(|kind| kind.name)),
        })
    }

    /// The operator, or `None` when it was destroyed. While operators are told that they were destroyed, they can be read
    /// once more: their last callbacks are given them.
    #[inline]
    pub fn get(&self, id: OpId) -> Option<&Operator> {
        self.operators.get(id).or_else(|| self.get_ending(id))
    }

    #[cold]
    fn get_ending(&self, id: OpId) -> Option<&Operator> {
        if self.queue.tells_ending.get() { self.ending.get(&id) } else { None }
    }

    /// The operator for changes that need no delivery, such as storage and cook figures.
    #[inline]
    pub fn get_mut(&mut self, id: OpId) -> Option<&mut Operator> {
        match self.operators.get_mut(id) {
            Some(op) => Some(op),
            None if self.queue.tells_ending.get() => self.ending.get_mut(&id),
            None => None,
        }
    }

    /// Whether the operator was destroyed and is still to be told of it, or is being told.
    pub fn is_ending(&self, id: OpId) -> bool {
        self.ending.contains_key(&id)
    }

    /// Gives an operator its worker, also one that its start has destroyed. Returns whether it is in the tree.
    pub(crate) fn put_worker(&mut self, id: OpId, worker: Rc<dyn Worker>) -> bool {
        if let Some(op) = self.operators.get_mut(id) {
            op.worker = Some(worker);
            return true;
        }
        if let Some(op) = self.ending.get_mut(&id) {
            op.worker = Some(worker);
        }
        false
    }

    /// The worker of an operator that was destroyed and is still to be told of it.
    pub(crate) fn ending_worker(&self, id: OpId) -> Option<Rc<dyn Worker>> {
        self.ending.get(&id)?.worker.clone()
    }

    /// Takes out what is left of a destroyed operator. To be dropped with nothing borrowed.
    pub(crate) fn take_ending(&mut self, id: OpId) -> Option<Operator> {
        self.ending.remove(&id)
    }

    /// Takes out what is left of all destroyed operators. To be dropped with nothing borrowed.
    pub(crate) fn take_all_ending(&mut self) -> Vec<Operator> {
        self.ending.drain().map(|(_, op)| op).collect()
    }

    /// All operators, the root included, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (OpId, &Operator)> {
        self.operators.iter()
    }

    /// Notes that something was stored on an operator, or is not any more.
    pub fn note_storage_change(&mut self, id: OpId) {
        let version = self.queue.tracker.note_change();
        if let Some(op) = self.get_mut(id) {
            op.storage_version = version;
        }
    }

    /// Path of an operator; empty when it was destroyed.
    pub fn path(&self, id: OpId) -> Rc<str> {
        self.get(id).map_or_else(|| Rc::from(""), |op| op.path.clone())
    }

    /// The queue that edits go to.
    pub(crate) fn queue(&self) -> &Rc<ChangeQueue> {
        &self.queue
    }
}

fn blank(kind: &'static OperatorType, name: Rc<str>, path: Rc<str>, parent: Option<OpId>) -> Operator {
    Operator {
        name,
        path,
        declaration: kind,
        parent,
        number: 0,
        children: Children::default(),
        parameters: Vec::new(),
        attributes: Vec::new(),
        custom: None,
        inputs: Vec::new(),
        fed: Vec::new(),
        dock: None,
        docked: Vec::new(),
        content: Content::of(kind.content),
        content_base: 0,
        watchers: Vec::new(),
        begun: false,
        worker: None,
        native_callbacks: None,
        content_change_queued: false,
        definitions_change_queued: false,
        storage: Vec::new(),
        storage_version: 0,
        problems: Problems::default(),
        cook: CookStats::default(),
        tags: Vec::new(),
        comment: Rc::from(""),
        flags: Flags::default(),
        extras: None,
    }
}
