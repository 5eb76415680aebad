//! A compiled graph: nodes, where each input's value comes from, where each pulse goes.
//!
//! A graph has a body of its own and one for each function. Within a body, nodes stand in the order of the file, and
//! all data outputs have a place in one row of *slots*; a frame of the engine is such a row. A graph never changes:
//! an edit compiles another one, which takes over what the engine holds ([`crate::Engine::replace`]).

use std::collections::HashMap;
use std::rc::Rc;

use crate::declaration::{Behaviour, Family, NodeType};
use crate::value::{DataType, Value};

/// A compiled graph.
pub struct Graph {
    /// The graph's own body first, then one for each function.
    pub bodies: Vec<Body>,
    /// Variables, in the order of the file.
    pub variables: Vec<Variable>,
    /// Custom events, in the order of the file.
    pub events: Vec<CustomEvent>,
    /// Functions, in the order of the file; the body of function `n` is body `n + 1`.
    pub functions: Vec<Function>,
    /// Connections that nodes name.
    pub connections: Vec<(Family, Rc<str>)>,
    /// Event nodes of the graph's own body, by what they wait for, in the order of the file.
    pub(crate) listeners: HashMap<Listen, Vec<u32>>,
}

/// What an event node waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listen {
    /// It is no event node.
    Nothing,
    /// The graph begins.
    Initialize,
    /// A custom event.
    Custom(usize),
    /// A variable gets another value.
    Changed(usize),
    /// A variable is set.
    Set(usize),
    /// A connection opens.
    Started(usize),
    /// A connection closes.
    Stopped(usize),
    /// A connection says that something went wrong.
    Error(usize),
    /// Something arrives: an event, a message, a topic, a request.
    Received(usize),
}

/// A variable of the graph.
pub struct Variable {
    /// Its name.
    pub name: Rc<str>,
    /// Its type.
    pub data_type: DataType,
    /// What it holds at first.
    pub initial: Value,
}

/// A custom event of the graph.
pub struct CustomEvent {
    /// Its name.
    pub name: Rc<str>,
    /// What it carries.
    pub parameters: Vec<Parameter>,
}

/// A function of the graph.
pub struct Function {
    /// Its name.
    pub name: Rc<str>,
    /// What it takes.
    pub parameters: Vec<Parameter>,
    /// What it gives back.
    pub results: Vec<Parameter>,
}

/// A parameter of an event or a function, or a result.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name as shown.
    pub name: Rc<str>,
    /// Its type.
    pub data_type: DataType,
    /// What it is when nothing else is said.
    pub default: Value,
}

/// A network of nodes: the graph's own, or a function's.
pub struct Body {
    /// Name of the function; empty for the graph's own.
    pub name: Rc<str>,
    /// Nodes in the order of the file.
    pub nodes: Vec<Node>,
    /// Position of each node by its id.
    pub ids: HashMap<Rc<str>, u32>,
    /// What the slots of a new frame hold: nothing, but for nodes with a stored value.
    pub(crate) initial: Vec<Option<Value>>,
    /// Where a call of the function enters.
    pub(crate) entry: Option<u32>,
}

/// A node.
pub struct Node {
    /// The name that its maker gave it, unique within the body.
    pub id: Rc<str>,
    /// What people are told: the id, behind `function/` when it is inside one.
    pub label: Rc<str>,
    /// Its type.
    pub node_type: &'static NodeType,
    /// Off: it is not run, and nothing behind it.
    pub enabled: bool,
    /// On: it does nothing, and the pulse goes on.
    pub pass_through: bool,
    /// Data inputs.
    pub inputs: Vec<Input>,
    /// Data outputs.
    pub outputs: Vec<Output>,
    /// Slugs of its pulse inputs; the standard one, which is first, has none.
    pub pulse_inputs: Vec<Rc<str>>,
    /// Slugs of its pulse outputs; the standard one, which is first, has none.
    pub pulse_outputs: Vec<Rc<str>>,
    /// Where each pulse output leads.
    pub(crate) targets: Vec<Option<Target>>,
    /// The slot of its first data output.
    pub(crate) first_slot: u32,
    /// What it does.
    pub(crate) behaviour: Box<dyn Behaviour>,
}

/// A data input of a node.
pub struct Input {
    /// Its slug.
    pub name: Rc<str>,
    /// Its type.
    pub data_type: DataType,
    /// Where its value comes from.
    pub(crate) origin: Origin,
}

/// Where the value of an input comes from.
pub(crate) enum Origin {
    /// It is written in the file, or the default.
    Literal(Value),
    /// A data output of the same body; the type is what it holds before it was ever set.
    Slot(u32),
    /// A variable.
    Variable(u32),
}

/// A data output of a node.
pub struct Output {
    /// Its slug.
    pub name: Rc<str>,
    /// Its type.
    pub data_type: DataType,
}

/// Where a pulse goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The node.
    pub node: u32,
    /// Its pulse input: 0 is the standard one.
    pub input: u16,
}

impl Graph {
    /// A graph in which nothing is.
    pub fn empty() -> Self {
        Graph {
            bodies: vec![Body::new(Rc::from(""))],
            variables: Vec::new(),
            events: Vec::new(),
            functions: Vec::new(),
            connections: Vec::new(),
            listeners: HashMap::new(),
        }
    }

    /// Method and path of the HTTP requests that the graph takes of a connection.
    pub fn routes(&self, connection: usize) -> Vec<(Rc<str>, Rc<str>)> {
        let nodes = self.listeners(Listen::Received(connection)).iter().map(|at| &self.bodies[0].nodes[*at as usize]);
        nodes.filter(|node| node.enabled).flat_map(|node| node.behaviour.routes()).collect()
    }

    /// The listeners of something.
    pub(crate) fn listeners(&self, listen: Listen) -> &[u32] {
        self.listeners.get(&listen).map_or(&[], Vec::as_slice)
    }
}

impl Body {
    pub(crate) fn new(name: Rc<str>) -> Self {
        Body { name, nodes: Vec::new(), ids: HashMap::new(), initial: Vec::new(), entry: None }
    }

    /// A node by its id.
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.ids.get(id).map(|index| &self.nodes[*index as usize])
    }
}
