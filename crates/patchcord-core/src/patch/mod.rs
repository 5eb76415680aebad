//! The patch: a tree of operators with parameters, content, wires and problems.
//!
//! This is plain data with rules. It starts nothing and calls nobody: each edit leaves a [`Change`] in the queue, and
//! [`Network`](crate::network::Network) delivers the changes when the current turn has ended. Operators are named by
//! [`OpId`], which carries a generation, so an id of a destroyed operator finds nothing and never another operator.

mod find;
mod parameters;

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use crate::callbacks::Callbacks;
use crate::change::{Change, ChangeQueue};
use crate::content::Content;
use crate::declaration::{ContentKind, Family, OperatorType, ParIndex};
use crate::network::Worker;
use crate::parameter::{ParMode, ParState, ParValue, ParameterError, default_value, nearest_name};
use crate::problem::Problems;
use crate::tdu;
use crate::value::HostValue;

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
    children: Children,
    parameters: Vec<(ParIndex, ParState)>,
    inputs: Vec<Option<Source>>,
    dock: Option<OpId>,
    pub(crate) content: Content,
    pub(crate) worker: Option<Rc<dyn Worker>>,
    pub(crate) native_callbacks: Option<Rc<dyn Callbacks>>,
    pub(crate) content_change_queued: bool,
    /// Values that scripts keep on the operator, in order of their first store.
    pub storage: Vec<(Rc<str>, HostValue)>,
    /// What is wrong with it now. File problems through [`Network`](crate::network::Network), which also says them.
    pub problems: Problems,
    /// Cook figures.
    pub cook: CookStats,
    /// Words to find it by.
    pub tags: Vec<Rc<str>>,
    /// A person's remark.
    pub comment: Rc<str>,
}

/// Children of a component, in order of creation, with a look-up by name once there are several.
#[derive(Default)]
struct Children {
    order: Vec<OpId>,
    by_name: HashMap<Rc<str>, OpId>,
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
        &self.children.order
    }

    /// The operator that it is docked to.
    pub fn dock(&self) -> Option<OpId> {
        self.dock
    }

    /// Its inputs; trailing open ones may be missing.
    pub fn inputs(&self) -> &[Option<Source>] {
        &self.inputs
    }

    /// What it holds.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The part that does its work, once started.
    pub fn worker(&self) -> Option<&Rc<dyn Worker>> {
        self.worker.as_ref()
    }

    /// State of a parameter that was ever set; `None` while it is at its default.
    pub fn par_state(&self, index: ParIndex) -> Option<&ParState> {
        self.parameters.binary_search_by_key(&index, |(at, _)| *at).ok().map(|at| &self.parameters[at].1)
    }

    /// Constant value of a parameter; in another mode, what was computed last.
    pub fn par_value(&self, index: ParIndex) -> ParValue {
        match self.par_state(index) {
            Some(state) => state.value.clone(),
            None => default_value(self.declaration.parameter(index)),
        }
    }

    /// Parameters whose value is computed: index and mode.
    pub fn computed_parameters(&self) -> impl Iterator<Item = (ParIndex, ParMode)> {
        self.parameters.iter().filter(|(_, state)| state.mode != ParMode::Constant).map(|(at, state)| (*at, state.mode))
    }

    fn par_state_mut(&mut self, index: ParIndex) -> &mut ParState {
        match self.parameters.binary_search_by_key(&index, |(at, _)| *at) {
            Ok(at) => &mut self.parameters[at].1,
            Err(at) => {
                let state = ParState::of_default(self.declaration.parameter(index));
                self.parameters.insert(at, (index, state));
                &mut self.parameters[at].1
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
    /// A wire between families.
    #[error("a {from} cannot be wired to a {to}")]
    FamilyMismatch {
        /// Family of the source.
        from: &'static str,
        /// Family of the target.
        to: &'static str,
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
}

/// The whole tree.
pub struct Patch {
    operators: slotmap::SlotMap<OpId, Operator>,
    root: OpId,
    types: Vec<&'static OperatorType>,
    queue: Rc<ChangeQueue>,
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
        Patch { operators, root, types: types.to_vec(), queue }
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

    /// The operator, or `None` when it was destroyed.
    pub fn get(&self, id: OpId) -> Option<&Operator> {
        self.operators.get(id)
    }

    /// The operator for changes that need no delivery, such as storage and cook figures.
    pub fn get_mut(&mut self, id: OpId) -> Option<&mut Operator> {
        self.operators.get_mut(id)
    }

    /// All operators, the root included, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (OpId, &Operator)> {
        self.operators.iter()
    }

    /// Path of an operator; empty when it was destroyed.
    pub fn path(&self, id: OpId) -> Rc<str> {
        self.operators.get(id).map_or_else(|| Rc::from(""), |op| op.path.clone())
    }

    // ---- tree -----------------------------------------------------------------------------------------------------

    /// Makes an operator. Without a name it gets the type's short name and the first free digit.
    ///
    /// # Errors
    /// When the parent is gone or no component, or the name is illegal or taken.
    pub fn create(
        &mut self,
        parent: OpId,
        kind: &'static OperatorType,
        name: Option<&str>,
    ) -> Result<OpId, PatchError> {
        if self.operators.len() >= MAX_OPERATORS {
            return Err(PatchError::Full);
        }
        let holder = self.operators.get(parent).ok_or(PatchError::Gone)?;
        if holder.declaration.family != Family::Comp {
            return Err(PatchError::NotAComponent { path: holder.path.clone() });
        }
        let name: Rc<str> = match name {
            Some(name) => {
                check_name(name)?;
                if holder.children.by_name.contains_key(name) {
                    return Err(PatchError::NameTaken { name: name.to_owned(), parent: holder.path.clone() });
                }
                Rc::from(name)
            }
            None => Rc::from(self.free_name(parent, kind.short_name())),
        };
        let path = join(&self.operators[parent].path, &name);
        let id = self.operators.insert(blank(kind, name.clone(), path, Some(parent)));
        let children = &mut self.operators[parent].children;
        children.order.push(id);
        children.by_name.insert(name, id);
        self.queue.push(Change::Created { op: id });
        Ok(id)
    }

    /// First free name in a component: the base and a number from 1.
    pub fn free_name(&self, parent: OpId, base: &str) -> String {
        let taken = |name: &str| self.operators.get(parent).is_some_and(|op| op.children.by_name.contains_key(name));
        (1..).map(|number: u32| format!("{base}{number}")).find(|name| !taken(name)).unwrap_or_default()
    }

    /// Destroys an operator with all that is inside it and docked to it.
    ///
    /// # Errors
    /// [`PatchError::Gone`], [`PatchError::IsRoot`].
    pub fn destroy(&mut self, id: OpId) -> Result<(), PatchError> {
        if id == self.root {
            return Err(PatchError::IsRoot);
        }
        let parent = self.operators.get(id).ok_or(PatchError::Gone)?.parent;
        let mut doomed = vec![id];
        let mut at = 0;
        while at < doomed.len() {
            let op = &self.operators[doomed[at]];
            let inside = op.children.order.clone();
            // Only siblings can be docked, so the search stays in the component.
            let siblings = op.parent.map(|parent| self.operators[parent].children.order.as_slice()).unwrap_or_default();
            let docked = siblings.iter().copied().filter(|&other| self.operators[other].dock == Some(doomed[at]));
            let more: Vec<OpId> = inside.into_iter().chain(docked).filter(|other| !doomed.contains(other)).collect();
            doomed.extend(more);
            at += 1;
        }
        if let Some(parent) = parent.and_then(|parent| self.operators.get_mut(parent)) {
            parent.children.order.retain(|child| !doomed.contains(child));
            parent.children.by_name.retain(|_, child| !doomed.contains(child));
        }
        for &gone in &doomed {
            if let Some(op) = self.operators.remove(gone) {
                self.queue.push(Change::Destroyed { op: gone, path: op.path, worker: op.worker });
            }
        }
        for (target, op) in &mut self.operators {
            let mut touched = false;
            for input in &mut op.inputs {
                if input.is_some_and(|source| doomed.contains(&source.op)) {
                    *input = None;
                    touched = true;
                }
            }
            if touched {
                self.queue.push(Change::Inputs { op: target });
            }
        }
        Ok(())
    }

    /// Gives an operator another name; the paths of all that is inside it follow.
    ///
    /// # Errors
    /// When the name is illegal or taken, or the operator is gone or the root.
    pub fn rename(&mut self, id: OpId, name: &str) -> Result<(), PatchError> {
        check_name(name)?;
        let old = self.operators.get(id).ok_or(PatchError::Gone)?.name.clone();
        let parent = self.operators[id].parent.ok_or(PatchError::IsRoot)?;
        if &*old == name {
            return Ok(());
        }
        let holder = &mut self.operators[parent];
        if holder.children.by_name.contains_key(name) {
            return Err(PatchError::NameTaken { name: name.to_owned(), parent: holder.path.clone() });
        }
        let name: Rc<str> = Rc::from(name);
        holder.children.by_name.remove(&old);
        holder.children.by_name.insert(name.clone(), id);
        self.operators[id].name = name;
        let mut stale = vec![id];
        while let Some(id) = stale.pop() {
            let parent = self.operators[id].parent.unwrap_or(self.root);
            let path = join(&self.operators[parent].path, &self.operators[id].name);
            self.operators[id].path = path;
            stale.extend_from_slice(&self.operators[id].children.order);
        }
        self.queue.push(Change::Renamed { op: id });
        Ok(())
    }

    /// Docks an operator to a sibling (or frees it), so that the two live and die together.
    ///
    /// # Errors
    /// [`PatchError::Gone`].
    pub fn dock(&mut self, id: OpId, host: Option<OpId>) -> Result<(), PatchError> {
        self.operators.get_mut(id).ok_or(PatchError::Gone)?.dock = host;
        Ok(())
    }

    /// Operators docked to this one.
    pub fn docked(&self, host: OpId) -> Vec<OpId> {
        let Some(parent) = self.get(host).and_then(|op| op.parent) else { return Vec::new() };
        let siblings = &self.operators[parent].children.order;
        siblings.iter().copied().filter(|&id| self.operators[id].dock == Some(host)).collect()
    }

    // ---- wires ----------------------------------------------------------------------------------------------------

    /// Wires an output to an input, or opens the input.
    ///
    /// # Errors
    /// When an operator is gone, the input does not exist, or the families differ.
    pub fn wire(&mut self, target: OpId, input: usize, source: Option<Source>) -> Result<(), PatchError> {
        let declaration = self.get(target).ok_or(PatchError::Gone)?.declaration;
        if input >= declaration.inputs.len() {
            return Err(PatchError::NoSuchInput { label: declaration.label, count: declaration.inputs.len(), input });
        }
        if let Some(source) = source {
            let from = self.get(source.op).ok_or(PatchError::Gone)?.declaration.family;
            if from != declaration.family && from != Family::Comp {
                return Err(PatchError::FamilyMismatch { from: from.suffix(), to: declaration.family.suffix() });
            }
        }
        let inputs = &mut self.operators[target].inputs;
        if inputs.len() <= input {
            inputs.resize(input + 1, None);
        }
        if inputs[input] != source {
            inputs[input] = source;
            self.queue.push(Change::Inputs { op: target });
        }
        Ok(())
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
        children: Children::default(),
        parameters: Vec::new(),
        inputs: Vec::new(),
        dock: None,
        content: Content::of(kind.content),
        worker: None,
        native_callbacks: None,
        content_change_queued: false,
        storage: Vec::new(),
        problems: Problems::default(),
        cook: CookStats::default(),
        tags: Vec::new(),
        comment: Rc::from(""),
    }
}

fn join(parent: &str, name: &str) -> Rc<str> {
    if parent == "/" { Rc::from(format!("/{name}")) } else { Rc::from(format!("{parent}/{name}")) }
}

fn check_name(name: &str) -> Result<(), PatchError> {
    if !name.is_empty() && tdu::valid_name(name) == name {
        Ok(())
    } else {
        Err(PatchError::BadName { name: name.to_owned() })
    }
}
