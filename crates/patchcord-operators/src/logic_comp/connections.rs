//! The project-wide connections, and what happens on them.
//!
//! A connection is an operator in the component [`COMPONENT`] beside the graph or further out, which the patch file makes of
//! `[connection.FAMILY.NAME]`: a SocketIO DAT is one of Socket.IO. So a connection has everything that the operator has,
//! and several graphs may use one.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::value::OwnedValue;
use patchcord_logic::declaration::Family;
use patchcord_logic::ports::{ConnectionEvent, ConnectionRequest, Level, Occurrence};

use super::LogicComp;
use crate::socketio_dat::{Emit, Listener, News, SocketIoDat, Value};

/// Name of the component that holds the connections.
pub const COMPONENT: &str = "connections";

/// Whether connections of a family can be made.
pub(super) fn is_here(family: Family) -> bool {
    family == Family::SocketIo
}

/// Name of the operator of a connection.
pub fn connection_name(family: Family, name: &str) -> String {
    format!("{}_{name}", family.key())
}

/// A connection of the patch.
pub(super) struct Known {
    pub family: Family,
    pub name: Rc<str>,
    pub op: OpId,
}

/// The connections that a graph can see: those of the nearest component of that name.
pub(super) fn known(network: &Network, graph: OpId) -> Vec<Known> {
    let patch = network.patch();
    let mut level = patch.get(graph).and_then(|op| op.parent());
    let holder = loop {
        let Some(parent) = level else { return Vec::new() };
        if let Some(holder) = patch.find(parent, COMPONENT) {
            break holder;
        }
        level = patch.get(parent).and_then(|op| op.parent());
    };
    let children = patch.get(holder).map(|op| op.children().to_vec()).unwrap_or_default();
    let known = children.into_iter().filter_map(|op| {
        let name = patch.get(op)?.name().to_string();
        let (family, name) = Family::ALL
            .iter()
            .find_map(|family| Some((*family, name.strip_prefix(family.key())?.strip_prefix('_')?.to_owned())))?;
        is_here(family).then(|| Known { family, name: Rc::from(name), op })
    });
    known.collect()
}

/// The connections of one graph, in the order in which the graph counts them.
#[derive(Default)]
pub(super) struct Connections {
    all: RefCell<Vec<Connection>>,
}

struct Connection {
    family: Family,
    name: Rc<str>,
    op: OpId,
    ear: Rc<Ear>,
}

/// Hears of one connection.
struct Ear {
    logic: Weak<LogicComp>,
    /// Which connection of the graph it is.
    index: Cell<usize>,
}

impl Connections {
    /// Takes the connections of a graph that begins.
    pub fn attach(&self, logic: &LogicComp, known: Vec<Known>) {
        self.let_go(&logic.network);
        let all: Vec<Connection> = known
            .into_iter()
            .enumerate()
            .map(|(index, one)| {
                let ear = Rc::new(Ear { logic: logic.me.clone(), index: Cell::new(index) });
                let listener: Weak<dyn Listener> = Rc::downgrade(&(ear.clone() as Rc<dyn Listener>));
                logic.network.with_worker(one.op, |dat: &SocketIoDat| dat.listen(listener));
                Connection { family: one.family, name: one.name, op: one.op, ear }
            })
            .collect();
        *self.all.borrow_mut() = all;
    }

    /// Hears no more.
    pub fn let_go(&self, network: &Network) {
        for one in self.all.take() {
            let listener: Weak<dyn Listener> = Rc::downgrade(&(one.ear.clone() as Rc<dyn Listener>));
            network.with_worker(one.op, |dat: &SocketIoDat| dat.unlisten(&listener));
        }
    }

    /// Whether the patch has others than these by now.
    pub fn are_others(&self, network: &Network, graph: OpId) -> bool {
        let known = known(network, graph);
        let all = self.all.borrow();
        !known.iter().map(|one| (one.op, &one.name)).eq(all.iter().map(|one| (one.op, &one.name)))
    }

    fn get(&self, index: usize) -> Option<(Family, Rc<str>, OpId)> {
        self.all.borrow().get(index).map(|one| (one.family, one.name.clone(), one.op))
    }
}

/// Does what a node asks of a connection.
///
/// # Errors
/// In plain words, when it cannot even be tried.
pub(super) fn request(logic: &LogicComp, index: usize, request: ConnectionRequest) -> Result<(), String> {
    let Some((_, name, op)) = logic.connections.get(index) else {
        return Err("the connection is gone".to_owned());
    };
    let network = &logic.network;
    let active = |on: bool| -> Result<(), String> {
        let is_on = parameter(network, op, "active");
        if is_on == Some(on) {
            let state = if on { "started" } else { "stopped" };
            logic.say(Level::Info, "", &format!("the connection \"{name}\" is {state} already"));
            return Ok(());
        }
        set(network, op, "active", OwnedValue::Bool(on))
    };
    match request {
        ConnectionRequest::Start => active(true),
        ConnectionRequest::Stop => active(false),
        ConnectionRequest::Emit { namespace, event, message } => {
            let namespace = slashed(&namespace);
            join(network, op, &namespace)?;
            let how = Emit { namespace: Some(&namespace), ..Emit::default() };
            let sent = network.with_worker(op, |dat: &SocketIoDat| {
                if !dat.is_connected(&namespace) {
                    return Err(format!("\"{event}\" was not sent: \"{name}\" is not connected in {namespace}"));
                }
                let args = vec![Value::Text(message.to_string())];
                dat.emit(&event, args, how).map(drop).map_err(|mistake| mistake.to_string())
            });
            match sent {
                Some(Ok(())) => {}
                Some(Err(reason)) => logic.later(index, error(&namespace, reason)),
                None => logic.later(index, error(&namespace, format!("the connection \"{name}\" is gone"))),
            }
            Ok(())
        }
        ConnectionRequest::Subscribe { namespace, event } => {
            let namespace = slashed(&namespace);
            join(network, op, &namespace)?;
            match network.with_worker(op, |dat: &SocketIoDat| dat.subscribe(&namespace, &event)) {
                Some(true) => Ok(()),
                _ => Err("too many events are subscribed to".to_owned()),
            }
        }
        ConnectionRequest::Unsubscribe { namespace, event } => {
            let namespace = slashed(&namespace);
            network.with_worker(op, |dat: &SocketIoDat| dat.unsubscribe(&namespace, &event));
            Ok(())
        }
        _ => Err("a Socket.IO connection does not do this".to_owned()),
    }
}

/// The namespace with its slash; empty is the main one.
fn slashed(namespace: &str) -> String {
    if namespace.starts_with('/') { namespace.to_owned() } else { format!("/{namespace}") }
}

/// Puts a namespace among those of the connection.
fn join(network: &Network, op: OpId, namespace: &str) -> Result<(), String> {
    let Some(index) = index_of(network, op, "namespaces") else { return Ok(()) };
    let names = network.eval(op, index).to_text();
    if names.split_whitespace().any(|name| slashed(name) == namespace) {
        return Ok(());
    }
    network.set_par(op, index, &OwnedValue::Str(format!("{names} {namespace}"))).map_err(|error| error.to_string())
}

fn error(namespace: &str, message: String) -> ConnectionEvent {
    ConnectionEvent::Error { namespace: Rc::from(namespace), message: Rc::from(message) }
}

fn index_of(network: &Network, op: OpId, name: &str) -> Option<patchcord_core::declaration::ParIndex> {
    network.patch().get(op).and_then(|op| op.declaration().find_parameter(name)).map(|(index, _)| index)
}

fn parameter(network: &Network, op: OpId, name: &str) -> Option<bool> {
    index_of(network, op, name).map(|index| network.eval(op, index).is_on())
}

fn set(network: &Network, op: OpId, name: &str, value: OwnedValue) -> Result<(), String> {
    let Some(index) = index_of(network, op, name) else { return Err("the connection is gone".to_owned()) };
    network.set_par(op, index, &value).map_err(|error| error.to_string())
}

impl Listener for Ear {
    fn handle_news(&self, news: News<'_>) {
        let Some(logic) = self.logic.upgrade() else { return };
        let connection = self.index.get();
        let tell = |event| logic.happen(Occurrence::Connection { connection, event });
        match news {
            News::Opened("/") => tell(ConnectionEvent::Started),
            News::Opened(_) => {}
            News::Closed(namespace, failure, reason) => {
                if failure {
                    tell(error(namespace, reason.to_owned()));
                }
                if namespace == "/" {
                    tell(ConnectionEvent::Stopped);
                }
            }
            News::Error(namespace, message) => tell(error(namespace, message.to_owned())),
            News::Event(namespace, name, args) => {
                let message = message_of(args, &|text| logic.say(Level::Warning, "", text));
                let (namespace, name) = (Rc::from(namespace), Rc::from(name));
                tell(ConnectionEvent::Event { namespace, name, message });
            }
        }
    }
}

/// What On Socket.IO Receive shows of an event: a text as it is, anything else as compact JSON, several arguments as one
/// array, bytes as base64 (reference §1.4).
fn message_of(args: &[Value], warn: &dyn Fn(&str)) -> Rc<str> {
    match args {
        [] => Rc::from(""),
        [Value::Text(text)] => Rc::from(text.as_str()),
        [Value::Binary(bytes)] => {
            warn("an event carries bytes: they are handed on as base64");
            Rc::from(STANDARD.encode(bytes))
        }
        [value] => Rc::from(json(value)),
        several => {
            let items: Vec<String> = several.iter().map(json).collect();
            Rc::from(format!("[{}]", items.join(",")))
        }
    }
}

fn json(value: &Value) -> String {
    value.to_json(128).unwrap_or_else(|error| error.to_string())
}
