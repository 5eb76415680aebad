//! The project-wide connections, and what happens on them.
//!
//! A connection is an operator in the component [`COMPONENT`] beside the graph or further out, which the patch file makes of
//! `[connection.FAMILY.NAME]`: a SocketIO DAT is one of Socket.IO. So a connection has everything that the operator has,
//! and several graphs may use one. What a family does differently stands behind [`Connecting`], with a file for each.

mod http_server;
mod mqtt;
mod socketio;
mod tcp;
mod udp;
mod websocket;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use patchcord_core::declaration::ParIndex;
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::value::OwnedValue;
use patchcord_logic::Graph;
use patchcord_logic::declaration::Family;
use patchcord_logic::ports::{ConnectionEvent, ConnectionRequest, Level, Occurrence, Payload};

use super::LogicComp;
use crate::listening::{Listener, News};

/// Name of the component that holds the connections.
pub const COMPONENT: &str = "connections";

/// What graphs need of a family's operator. Start and Stop are the same for all: they switch its parameter `active`.
trait Connecting: Sync {
    fn family(&self) -> Family;

    /// Tells a listener of everything that happens to the connection from now on. The operator may be as new as the graph,
    /// and not begun: one save can bring both.
    fn listen(&self, network: &Network, op: OpId, listener: Weak<dyn Listener>);

    /// Tells a listener of nothing more.
    fn unlisten(&self, network: &Network, op: OpId, listener: &Weak<dyn Listener>);

    /// Does what a node asks for besides Start and Stop.
    ///
    /// # Errors
    /// In plain words, when it cannot even be tried. What fails is said by [`Asked::fail`].
    fn request(&self, asked: &Asked<'_>, request: ConnectionRequest) -> Result<(), String>;

    /// Whether the connection is open now, or the server listens: a graph that begins then hears of it at once.
    fn is_open(&self, network: &Network, op: OpId) -> bool;

    /// Begins again where the operator is active and yet rests, because it could not be had or was lost. False when it does
    /// not rest, and there is nothing to begin.
    fn begin_again(&self, _: &Network, _: OpId) -> bool {
        false
    }

    /// Whether the family has an event On … Error. Of one that has none, the console is told what went wrong.
    fn has_error_event(&self) -> bool {
        true
    }
}

fn find(family: Family) -> &'static dyn Connecting {
    match family {
        Family::SocketIo => &socketio::SocketIo,
        Family::WebSocket => &websocket::WebSocket,
        Family::HttpServer => &http_server::HttpServer,
        Family::Tcp => &tcp::Tcp,
        Family::Udp => &udp::Udp,
        Family::Mqtt => &mqtt::Mqtt,
    }
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
        Some(Known { family, name: Rc::from(name), op })
    });
    known.collect()
}

/// The connections of one graph, in the order in which the graph counts them.
#[derive(Default)]
pub(super) struct Connections {
    all: RefCell<Vec<Connection>>,
}

#[derive(Clone)]
struct Connection {
    family: &'static dyn Connecting,
    name: Rc<str>,
    op: OpId,
    ear: Rc<Ear>,
}

impl Connection {
    fn listener(&self) -> Weak<dyn Listener> {
        Rc::downgrade(&(self.ear.clone() as Rc<dyn Listener>))
    }
}

/// Hears of one connection.
struct Ear {
    logic: Weak<LogicComp>,
    family: &'static dyn Connecting,
    name: Rc<str>,
    /// Which connection of the graph it is.
    index: Cell<usize>,
    /// Method and path of the HTTP requests that the graph takes.
    routes: RefCell<Vec<(Rc<str>, Rc<str>)>>,
}

impl Connections {
    /// Takes the connections of a graph that begins or takes the place of another, whose ears stay where the connection is the same:
    /// what they have subscribed to goes on. Gives those that are open and that it has not listened to before.
    pub fn attach(&self, logic: &LogicComp, known: Vec<Known>) -> Vec<usize> {
        let mut before = self.all.take();
        let mut all = Vec::with_capacity(known.len());
        let mut open = Vec::new();
        for (index, one) in known.into_iter().enumerate() {
            let family = find(one.family);
            let same = before.iter().position(|old| old.op == one.op && old.name == one.name);
            let connection = match same.map(|at| before.swap_remove(at)) {
                Some(connection) => {
                    connection.ear.index.set(index);
                    connection
                }
                None => {
                    let ear = Ear {
                        logic: logic.me.clone(),
                        family,
                        name: one.name.clone(),
                        index: Cell::new(index),
                        routes: RefCell::default(),
                    };
                    let connection = Connection { family, name: one.name, op: one.op, ear: Rc::new(ear) };
                    family.listen(&logic.network, one.op, connection.listener());
                    if family.is_open(&logic.network, one.op) {
                        open.push(index);
                    }
                    connection
                }
            };
            all.push(connection);
        }
        self.all.replace(all);
        leave(&logic.network, before);
        open
    }

    /// All that are open.
    pub fn open(&self, network: &Network) -> Vec<usize> {
        let all = self.all.borrow().clone();
        (0..all.len()).filter(|index| all[*index].family.is_open(network, all[*index].op)).collect()
    }

    /// Takes the requests that this graph, which runs from now on, has routes for.
    pub fn set_routes(&self, graph: &Graph) {
        for (index, one) in self.all.borrow().iter().enumerate() {
            one.ear.routes.replace(graph.routes(index));
        }
    }

    /// Hears no more.
    pub fn let_go(&self, network: &Network) {
        leave(network, self.all.take());
    }

    /// Whether the patch has others than these by now.
    pub fn are_others(&self, network: &Network, graph: OpId) -> bool {
        let known = known(network, graph);
        let all = self.all.borrow();
        !known.iter().map(|one| (one.op, &one.name)).eq(all.iter().map(|one| (one.op, &one.name)))
    }

    fn get(&self, index: usize) -> Option<Connection> {
        self.all.borrow().get(index).cloned()
    }
}

fn leave(network: &Network, connections: Vec<Connection>) {
    for one in connections {
        one.family.unlisten(network, one.op, &one.listener());
    }
}

/// Does what a node asks of a connection.
///
/// # Errors
/// In plain words, when it cannot even be tried.
pub(super) fn request(logic: &LogicComp, node: &str, index: usize, request: ConnectionRequest) -> Result<(), String> {
    let Some(connection) = logic.connections.get(index) else { return Err("the connection is gone".to_owned()) };
    let asked = Asked { logic, node, connection: &connection };
    match request {
        ConnectionRequest::Start => asked.start(),
        ConnectionRequest::Stop => asked.stop(),
        request => connection.family.request(&asked, request),
    }
}

/// A connection that a node asks for something.
struct Asked<'a> {
    logic: &'a LogicComp,
    /// The node, as the console names it.
    node: &'a str,
    connection: &'a Connection,
}

impl Asked<'_> {
    fn network(&self) -> &Network {
        &self.logic.network
    }

    fn op(&self) -> OpId {
        self.connection.op
    }

    fn name(&self) -> &str {
        &self.connection.name
    }

    /// The listener of this graph.
    fn listener(&self) -> Weak<dyn Listener> {
        self.connection.listener()
    }

    /// Does something with the operator.
    ///
    /// # Errors
    /// When it is gone.
    fn with<W: Worker, R>(&self, work: impl FnOnce(&W) -> R) -> Result<R, String> {
        let gone = || format!("the connection \"{}\" is gone", self.name());
        self.network().with_worker(self.op(), work).ok_or_else(gone)
    }

    /// What was asked for did not happen: the console says so, and On … Error when the branch has ended.
    fn fail(&self, message: impl Into<Rc<str>>) {
        self.fail_in("", message);
    }

    /// As [`Asked::fail`], in a namespace of Socket.IO.
    fn fail_in(&self, namespace: &str, message: impl Into<Rc<str>>) {
        let message = message.into();
        self.logic.say(Level::Warning, self.node, &message);
        if self.connection.family.has_error_event() {
            tell_error(self.logic, &self.connection.ear, namespace, message);
        }
    }

    fn start(&self) -> Result<(), String> {
        if !self.open()? {
            self.say_already("started");
        }
        Ok(())
    }

    fn stop(&self) -> Result<(), String> {
        if self.is_active() == Some(false) {
            self.say_already("stopped");
            return Ok(());
        }
        self.set("active", &OwnedValue::Bool(false))
    }

    /// Begins to open the connection; false when it is open, or about to be.
    ///
    /// # Errors
    /// When it is gone.
    fn open(&self) -> Result<bool, String> {
        if self.is_active() == Some(true) {
            return Ok(self.connection.family.begin_again(self.network(), self.op()));
        }
        self.set("active", &OwnedValue::Bool(true)).map(|()| true)
    }

    /// `None` when the operator is gone.
    fn is_active(&self) -> Option<bool> {
        let (network, op) = (self.network(), self.op());
        par(network, op, "active").map(|index| network.eval(op, index).is_on())
    }

    fn say_already(&self, state: &str) {
        let note = format!("the connection \"{}\" is {state} already", self.name());
        self.logic.say(Level::Info, self.node, &note);
    }

    /// Sets a parameter of the operator.
    ///
    /// # Errors
    /// When it does not take the value.
    fn set(&self, name: &str, value: &OwnedValue) -> Result<(), String> {
        let Some(index) = par(self.network(), self.op(), name) else { return Err("the connection is gone".to_owned()) };
        self.network().set_par(self.op(), index, value).map_err(|error| error.to_string())
    }
}

/// The bytes of a message; text is UTF-8.
fn bytes_of(message: &Payload) -> &[u8] {
    match message {
        Payload::Text(text) => text.as_bytes(),
        Payload::Binary(bytes) => bytes,
    }
}

fn par(network: &Network, op: OpId, name: &str) -> Option<ParIndex> {
    network.patch().get(op).and_then(|op| op.declaration().find_parameter(name)).map(|(index, _)| index)
}

fn tell_error(logic: &LogicComp, ear: &Ear, namespace: &str, message: Rc<str>) {
    if ear.family.has_error_event() {
        let event = ConnectionEvent::Error { namespace: Rc::from(namespace), message };
        logic.happen(Occurrence::Connection { connection: ear.index.get(), event });
    } else {
        let family = ear.family.family().label();
        logic.say(Level::Warning, "", &format!("{family} connection \"{}\": {message}", ear.name));
    }
}

impl Listener for Ear {
    fn together(&self, work: &mut dyn FnMut()) {
        match self.logic.upgrade() {
            Some(logic) => logic.network.turn(|_| work()),
            None => work(),
        }
    }

    fn handle_news(&self, news: News<'_>) {
        let Some(logic) = self.logic.upgrade() else { return };
        let tell = |event| logic.happen(Occurrence::Connection { connection: self.index.get(), event });
        match news {
            News::Opened => tell(ConnectionEvent::Started),
            News::Closed { failure, reason } => {
                if failure {
                    tell_error(&logic, self, "", Rc::from(reason));
                }
                tell(ConnectionEvent::Stopped);
            }
            News::Error(message) => tell_error(&logic, self, "", Rc::from(message)),
            News::Text(text) => tell(ConnectionEvent::Message(Payload::Text(Rc::from(text)))),
            News::Bytes(bytes) => tell(ConnectionEvent::Message(Payload::Binary(Rc::from(bytes)))),
            News::Topic(topic, bytes) => {
                let message = match std::str::from_utf8(bytes) {
                    Ok(text) => Payload::Text(Rc::from(text)),
                    Err(_) => Payload::Binary(Rc::from(bytes)),
                };
                tell(ConnectionEvent::Topic { topic: Rc::from(topic), message });
            }
            News::Request(request) => tell(http_server::event(request)),
            News::SocketIo(news) => socketio::handle_news(&logic, self, news, tell),
        }
    }

    fn takes(&self, method: &str, path: &str) -> bool {
        self.routes.borrow().iter().any(|(taken, at)| **taken == *method && **at == *path)
            && self.logic.upgrade().is_some_and(|logic| logic.is_active())
    }
}
