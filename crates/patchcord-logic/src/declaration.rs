//! Declarations: every fact about a node type, stated once.
//!
//! The loader, `check`, the generated reference, an editor and the table-driven tests all read these values. Titles,
//! groups, attributes and sockets follow Incari's documentation (sections 1 to 4.6 of its reference); what goes beyond
//! it says so in its help.
//!
//! A node's sockets may depend on its attributes: three `Input` sockets because `Count` is 3, one `Case` for each entry
//! of `Cases`. A declaration says how ([`Repeat`]), and [`crate::compile`] makes the sockets of each node.

use std::rc::Rc;

use crate::compile::Attributes;
use crate::engine::{Failure, Flow, Turn};
use crate::graph::Listen;
use crate::ports::Occurrence;
use crate::value::DataType;

/// Declaration of one node type.
pub struct NodeType {
    /// Name shown to people and written in graph files: `Socket.IO Send`.
    pub title: &'static str,
    /// Where it stands in the toolbox: `Communication/Socket.IO`.
    pub group: &'static str,
    /// One to three sentences for the reference.
    pub help: &'static str,
    /// The graphs in which it may stand.
    pub scopes: Scopes,
    /// The plugin that brings it (`socketio`); when a patch switches that off, the type is unknown.
    pub plugin: Option<&'static str>,
    /// Which standard pulse sockets it has.
    pub shape: Shape,
    /// What is set in its panel, in order.
    pub attributes: &'static [Attribute],
    /// Pulse inputs beyond the standard one, in order.
    pub pulse_inputs: &'static [PulseSocket],
    /// Pulse outputs beyond the standard one, in order.
    pub pulse_outputs: &'static [PulseSocket],
    /// Data inputs, in order.
    pub inputs: &'static [DataSocket],
    /// Data outputs, in order.
    pub outputs: &'static [DataSocket],
    /// Pulse outputs that fire later than the pulse that came in; empty text is the standard one.
    pub later: &'static [&'static str],
    /// The attribute whose value the first data output holds before the node was ever run.
    pub stored: Option<&'static str>,
    /// Makes what a node of this type does.
    pub build: Build,
}

/// Makes what a node does from its attributes; an error names the attribute and what is wrong with it.
pub type Build = fn(&Attributes<'_>) -> Result<Box<dyn Behaviour>, AttributeError>;

/// What is wrong with an attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AttributeError {
    /// The attribute's name, as declared.
    pub attribute: &'static str,
    /// What is wrong, in plain words.
    pub message: String,
}

/// What a node does. One value serves a node for as long as its graph lives: what changes is kept in data outputs.
pub trait Behaviour {
    /// A pulse has come in: by the standard input (0) or one of the declared others (from 1).
    ///
    /// # Errors
    /// What keeps it from going on: the console names the node and says so, and the pulse stops here.
    fn pulse(&self, turn: &mut Turn<'_>, input: usize) -> Result<Flow, Failure>;

    /// The branch that [`Flow::Then`] started has ended; `step` is what that said.
    ///
    /// # Errors
    /// As of [`Behaviour::pulse`].
    fn resume(&self, turn: &mut Turn<'_>, step: crate::engine::Step) -> Result<Flow, Failure> {
        let _ = (turn, step);
        Ok(Flow::End)
    }

    /// The variable that its output is, for a node without pulses.
    fn reads_variable(&self) -> Option<usize> {
        None
    }

    /// The connection that it works on, by its position in the graph.
    fn connection(&self) -> Option<usize> {
        None
    }

    /// The function that it calls, by its position in the graph.
    fn calls(&self) -> Option<usize> {
        None
    }

    /// Method and path of the requests that it takes, for the outside to answer the others.
    fn routes(&self) -> Vec<(Rc<str>, Rc<str>)> {
        Vec::new()
    }

    /// What an event node waits for.
    fn listens(&self) -> Listen {
        Listen::Nothing
    }

    /// What the node waited for has happened: an event it listens to, a time that has come, an answer.
    ///
    /// # Errors
    /// As of [`Behaviour::pulse`].
    fn handle(&self, turn: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
        let _ = (turn, occurrence);
        Ok(Flow::End)
    }
}

/// The graphs in which a node may stand, as Incari's toolbox offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes {
    /// Shown as P, S, F, and for prefabs.
    bits: u8,
}

impl Scopes {
    /// The project's own graph.
    pub const PROJECT: Scopes = Scopes { bits: 1 };
    /// A function's graph.
    pub const FUNCTION: Scopes = Scopes { bits: 4 };
    /// Project and Scene: communication.
    pub const PROJECT_SCENE: Scopes = Scopes { bits: 3 };
    /// Project, Scene, Function.
    pub const NO_PREFAB: Scopes = Scopes { bits: 7 };
    /// All four.
    pub const ALL: Scopes = Scopes { bits: 15 };

    /// Whether `other` is among these.
    pub const fn contains(self, other: Scopes) -> bool {
        self.bits & other.bits == other.bits
    }

    /// Names of the scopes, in Incari's order.
    pub fn names(self) -> Vec<&'static str> {
        let all = ["Project", "Scene", "Function", "Prefab"];
        all.into_iter().enumerate().filter(|(bit, _)| self.bits & (1 << bit) != 0).map(|(_, name)| name).collect()
    }
}

/// Which standard pulse sockets a node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// ► in and ► out.
    Action,
    /// ► in only: the pulse goes on by other outputs.
    Fork,
    /// ► in only, and the branch ends here.
    End,
    /// ► out only, run by other pulse inputs (Select Data).
    Join,
    /// ► out only: an event, the beginning of a branch.
    Event,
    /// An event whose branches begin at other outputs (On HTTP Route): it has no standard pulse at all.
    EventFork,
    /// No pulse at all: its output is read (Variable Getter).
    Value,
}

impl Shape {
    /// Whether it has the standard input.
    pub const fn has_input(self) -> bool {
        matches!(self, Shape::Action | Shape::Fork | Shape::End)
    }

    /// Whether it has the standard output.
    pub const fn has_output(self) -> bool {
        matches!(self, Shape::Action | Shape::Join | Shape::Event)
    }
}

/// One attribute of a node type.
pub struct Attribute {
    /// Name as shown: `Event Name`. In a graph file it is `set.event_name`.
    pub name: &'static str,
    /// What may be set.
    pub kind: AttributeKind,
    /// What holds while nothing is set.
    pub default: Default,
    /// One sentence.
    pub help: &'static str,
}

/// What an attribute takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    /// True or false.
    Bool,
    /// A whole number within bounds.
    Int {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// A number.
    Float,
    /// Text.
    Text,
    /// One of these names.
    Choice(&'static [&'static str]),
    /// The name of a data type; one of these, or any when there are none.
    Type(&'static [DataType]),
    /// A value of a type: fixed, or named by another attribute.
    Value(SocketType),
    /// The name of a connection of a family.
    Connection(Family),
    /// The name of a variable of the graph.
    Variable,
    /// The name of a custom event of the graph.
    Event,
    /// The name of a function of the graph.
    Function,
    /// A list: plain values when there is one field, tables of fields otherwise.
    List(&'static [Field]),
}

/// A field of a list's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name as shown; the key in a graph file is its slug.
    pub name: &'static str,
    /// What it takes: one of the kinds that are no list.
    pub kind: FieldKind,
    /// One sentence.
    pub help: &'static str,
}

/// What a field of a list takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// True or false; false when it is left out.
    Bool,
    /// Text.
    Text,
    /// One of these names; the first when it is left out.
    Choice(&'static [&'static str]),
    /// The name of a data type.
    Type,
    /// A value of the type that the named attribute says.
    ValueOf(&'static str),
    /// A value of the type that another field of the entry says.
    ValueOfField(&'static str),
}

/// What holds while nothing is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    /// Has to be set.
    Required,
    /// The zero of its type, or an empty list.
    Zero,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text, or the name of a choice.
    Text(&'static str),
    /// A data type.
    Type(DataType),
}

/// A pulse socket beside the standard ones.
pub struct PulseSocket {
    /// Name as shown: `OnTrue`.
    pub name: &'static str,
    /// How many of them there are.
    pub repeat: Repeat,
    /// One sentence.
    pub help: &'static str,
}

/// A data socket.
pub struct DataSocket {
    /// Name as shown: `Event Name`.
    pub name: &'static str,
    /// Its type.
    pub data_type: SocketType,
    /// How many of them there are.
    pub repeat: Repeat,
    /// Inputs: the attribute that it takes while no wire leads to it. An input without one takes `set` under its own name.
    pub attribute: Option<&'static str>,
    /// One sentence.
    pub help: &'static str,
}

/// The type of a data socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketType {
    /// Always this one.
    Is(DataType),
    /// The one that an attribute names.
    Of(&'static str),
    /// That of the variable which the attribute names.
    OfVariable(&'static str),
    /// The one that a field of the list entry names which the socket stands for.
    OfField(&'static str),
}

/// How many sockets a declaration stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// One, of that name.
    Once,
    /// As many as an attribute says, numbered from 1: `Input 1`, in a file `input_1`; pulses `pulse.1`.
    Count(&'static str),
    /// One for each entry of a list attribute, numbered from 1.
    Entries(&'static str),
    /// One for each entry of a list attribute, named by a field of the entry (or the entry itself): pulses
    /// `case.chat`, data `key.name`.
    Named {
        /// The list.
        list: &'static str,
        /// The field that names it; empty when entries are plain values.
        field: &'static str,
        /// Only entries whose field says one of these; empty: all.
        only: Option<(&'static str, &'static [&'static str])>,
    },
    /// The parameters of the custom event that the attribute names.
    EventParameters(&'static str),
    /// The parameters of the function that the attribute names, or of the function whose graph this is.
    FunctionParameters(&'static str),
    /// Likewise its results.
    FunctionResults(&'static str),
}

/// A family of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// `[connection.socketio.NAME]`
    SocketIo,
    /// `[connection.websocket.NAME]`
    WebSocket,
    /// `[connection.http_server.NAME]`
    HttpServer,
    /// `[connection.mqtt.NAME]`
    Mqtt,
    /// `[connection.tcp.NAME]`
    Tcp,
    /// `[connection.udp.NAME]`
    Udp,
}

impl Family {
    /// All families.
    pub const ALL: &[Family] =
        &[Family::SocketIo, Family::WebSocket, Family::HttpServer, Family::Mqtt, Family::Tcp, Family::Udp];

    /// The key in a patch file.
    pub const fn key(self) -> &'static str {
        match self {
            Family::SocketIo => "socketio",
            Family::WebSocket => "websocket",
            Family::HttpServer => "http_server",
            Family::Mqtt => "mqtt",
            Family::Tcp => "tcp",
            Family::Udp => "udp",
        }
    }

    /// The name that people read.
    pub const fn label(self) -> &'static str {
        match self {
            Family::SocketIo => "Socket.IO",
            Family::WebSocket => "WebSocket",
            Family::HttpServer => "HTTP Server",
            Family::Mqtt => "MQTT",
            Family::Tcp => "TCP",
            Family::Udp => "UDP",
        }
    }
}

/// The form of a name in graph files: lower case, words of their own (`OnTrue` is `on_true`), everything but letters and
/// digits an underscore.
pub fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len() + 2);
    let mut before = ' ';
    for letter in name.chars() {
        if before.is_lowercase() && letter.is_uppercase() {
            slug.push('_');
        }
        before = letter;
        if letter.is_alphanumeric() {
            slug.extend(letter.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    while slug.ends_with('_') {
        slug.pop();
    }
    slug
}

impl DataSocket {
    /// One socket of a fixed type.
    pub const fn new(name: &'static str, data_type: DataType, help: &'static str) -> Self {
        DataSocket { name, data_type: SocketType::Is(data_type), repeat: Repeat::Once, attribute: None, help }
    }

    /// One socket of the type that an attribute names.
    pub const fn of(name: &'static str, type_attribute: &'static str, help: &'static str) -> Self {
        DataSocket { name, data_type: SocketType::Of(type_attribute), repeat: Repeat::Once, attribute: None, help }
    }

    /// With an attribute for while no wire leads to it.
    pub const fn or(self, attribute: &'static str) -> Self {
        DataSocket { attribute: Some(attribute), ..self }
    }

    /// With a number of them.
    pub const fn times(self, repeat: Repeat) -> Self {
        DataSocket { repeat, ..self }
    }
}

impl PulseSocket {
    /// One socket.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        PulseSocket { name, repeat: Repeat::Once, help }
    }

    /// With a number of them.
    pub const fn times(self, repeat: Repeat) -> Self {
        PulseSocket { repeat, ..self }
    }
}

impl Attribute {
    /// An attribute.
    pub const fn new(name: &'static str, kind: AttributeKind, default: Default, help: &'static str) -> Self {
        Attribute { name, kind, default, help }
    }
}

impl NodeType {
    /// An attribute by its name.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

impl std::fmt::Debug for NodeType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.title)
    }
}
