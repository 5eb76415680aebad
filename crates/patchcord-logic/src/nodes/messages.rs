//! WebSocket clients, TCP and UDP: connections that carry messages (reference §3.4).
//!
//! The three families have the same five or six nodes; each is declared by itself, since titles, help and plugin differ.

use crate::compile::Attributes;
use crate::declaration::{
    Attribute, AttributeError, AttributeKind, Behaviour, DataSocket, Default, Family, NodeType, Scopes, Shape,
    SocketType,
};
use crate::engine::{Failure, Flow, Turn};
use crate::graph::Listen;
use crate::nodes::NODE;
use crate::nodes::connection::{Listener, Starts};
use crate::ports::{ConnectionEvent, ConnectionRequest, Occurrence, Payload};
use crate::value::{DataType, Value};

/// `Message` is of this type: what the attribute `Is Binary` decides is kept as a type, since sockets have one.
const DATA_TYPE: Attribute = Attribute::new(
    "Data Type",
    AttributeKind::Type(&[DataType::String, DataType::Binary]),
    Default::Type(DataType::String),
    "Whether Message is text or bytes (Incari's Is Binary).",
);

const MESSAGE_IN: DataSocket = DataSocket {
    name: "Message",
    data_type: SocketType::Of("Data Type"),
    repeat: crate::declaration::Repeat::Once,
    attribute: None,
    help: "What is sent.",
};

const MESSAGE_OUT: DataSocket = DataSocket {
    name: "Message",
    data_type: SocketType::Of("Data Type"),
    repeat: crate::declaration::Repeat::Once,
    attribute: None,
    help: "What arrived.",
};

const ERROR_OUT: DataSocket = DataSocket::new("Message", DataType::String, "What went wrong.");

const fn configuration(family: Family, help: &'static str) -> Attribute {
    Attribute::new("Configuration", AttributeKind::Connection(family), Default::Required, help)
}

const WEBSOCKET: NodeType = NodeType {
    group: "Communication/WebSocket",
    scopes: Scopes::PROJECT_SCENE,
    plugin: Some("websocket"),
    attributes: &[configuration(
        Family::WebSocket,
        "The connection, defined in patch.toml as [connection.websocket.NAME].",
    )],
    ..NODE
};

const WEBSOCKET_TYPED: &[Attribute] = &[
    configuration(Family::WebSocket, "The connection, defined in patch.toml as [connection.websocket.NAME]."),
    DATA_TYPE,
];

const TCP: NodeType = NodeType {
    group: "Communication/TCP",
    scopes: Scopes::PROJECT_SCENE,
    plugin: Some("tcp"),
    attributes: &[configuration(Family::Tcp, "The connection, defined in patch.toml as [connection.tcp.NAME].")],
    ..NODE
};

const TCP_TYPED: &[Attribute] =
    &[configuration(Family::Tcp, "The connection, defined in patch.toml as [connection.tcp.NAME]."), DATA_TYPE];

const UDP: NodeType = NodeType {
    group: "Communication/UDP",
    scopes: Scopes::PROJECT_SCENE,
    plugin: Some("udp"),
    attributes: &[configuration(Family::Udp, "The connection, defined in patch.toml as [connection.udp.NAME].")],
    ..NODE
};

const UDP_TYPED: &[Attribute] =
    &[configuration(Family::Udp, "The connection, defined in patch.toml as [connection.udp.NAME]."), DATA_TYPE];

/// WebSocket Client Start.
pub static WEBSOCKET_CLIENT_START: NodeType = NodeType {
    title: "WebSocket Client Start",
    help: "Begins to open the connection. ► fires when that has been asked for; On WebSocket Start when it is open.",
    build: starts,
    ..WEBSOCKET
};

/// WebSocket Client Stop.
pub static WEBSOCKET_CLIENT_STOP: NodeType = NodeType {
    title: "WebSocket Client Stop",
    help: "Begins to close the connection. ► fires when that has been asked for; On WebSocket Stop when it is closed.",
    build: stops,
    ..WEBSOCKET
};

/// WebSocket Client Send.
pub static WEBSOCKET_CLIENT_SEND: NodeType = NodeType {
    title: "WebSocket Client Send",
    help: "Sends a message. Without a connection nothing is sent, and On WebSocket Error says so.",
    attributes: WEBSOCKET_TYPED,
    inputs: &[MESSAGE_IN],
    build: sends,
    ..WEBSOCKET
};

/// On WebSocket Start.
pub static ON_WEBSOCKET_START: NodeType = NodeType {
    title: "On WebSocket Start",
    group: "Communication/WebSocket/Events",
    help: "Fires when the connection is open, and again after each reconnect.",
    shape: Shape::Event,
    build: on_start,
    ..WEBSOCKET
};

/// On WebSocket Stop.
pub static ON_WEBSOCKET_STOP: NodeType = NodeType {
    title: "On WebSocket Stop",
    group: "Communication/WebSocket/Events",
    help: "Fires when the connection has closed.",
    shape: Shape::Event,
    build: on_stop,
    ..WEBSOCKET
};

/// On WebSocket Receive.
pub static ON_WEBSOCKET_RECEIVE: NodeType = NodeType {
    title: "On WebSocket Receive",
    group: "Communication/WebSocket/Events",
    help: "Fires for each message.",
    shape: Shape::Event,
    attributes: WEBSOCKET_TYPED,
    outputs: &[MESSAGE_OUT],
    build: on_receive,
    ..WEBSOCKET
};

/// On WebSocket Error.
pub static ON_WEBSOCKET_ERROR: NodeType = NodeType {
    title: "On WebSocket Error",
    group: "Communication/WebSocket/Events",
    help: "Fires when something of the connection went wrong.",
    shape: Shape::Event,
    outputs: &[ERROR_OUT],
    build: on_error,
    ..WEBSOCKET
};

/// TCP Start.
pub static TCP_START: NodeType = NodeType {
    title: "TCP Start",
    help: "Begins to connect, or to listen when the connection is a server. ► fires when that has been asked for; On TCP Start when it is there.",
    build: starts,
    ..TCP
};

/// TCP Stop.
pub static TCP_STOP: NodeType = NodeType {
    title: "TCP Stop",
    help: "Begins to close. ► fires when that has been asked for; On TCP Stop when it is closed.",
    build: stops,
    ..TCP
};

/// TCP Send.
pub static TCP_SEND: NodeType = NodeType {
    title: "TCP Send",
    help: "Sends bytes; a server to all its clients. Without a connection it begins to open one, and this message is lost.",
    attributes: TCP_TYPED,
    inputs: &[MESSAGE_IN],
    build: sends,
    ..TCP
};

/// On TCP Start.
pub static ON_TCP_START: NodeType = NodeType {
    title: "On TCP Start",
    group: "Communication/TCP/Events",
    help: "Fires when it is connected, or listens.",
    shape: Shape::Event,
    build: on_start,
    ..TCP
};

/// On TCP Stop.
pub static ON_TCP_STOP: NodeType = NodeType {
    title: "On TCP Stop",
    group: "Communication/TCP/Events",
    help: "Fires when it is closed.",
    shape: Shape::Event,
    build: on_stop,
    ..TCP
};

/// On TCP Packet Receive.
pub static ON_TCP_PACKET_RECEIVE: NodeType = NodeType {
    title: "On TCP Packet Receive",
    group: "Communication/TCP/Events",
    help: "Fires for what arrives, as it arrives: TCP has no messages, so one that was sent may come in pieces or together with the next.",
    shape: Shape::Event,
    attributes: TCP_TYPED,
    outputs: &[MESSAGE_OUT],
    build: on_receive,
    ..TCP
};

/// On TCP Error.
pub static ON_TCP_ERROR: NodeType = NodeType {
    title: "On TCP Error",
    group: "Communication/TCP/Events",
    help: "Fires when something of the connection went wrong.",
    shape: Shape::Event,
    outputs: &[ERROR_OUT],
    build: on_error,
    ..TCP
};

/// UDP Start.
pub static UDP_START: NodeType = NodeType {
    title: "UDP Start",
    help: "Opens the socket. ► fires when that has been asked for; On UDP Start when it is open.",
    build: starts,
    ..UDP
};

/// UDP Stop.
pub static UDP_STOP: NodeType = NodeType {
    title: "UDP Stop",
    help: "Closes the socket. ► fires when that has been asked for; On UDP Stop when it is closed.",
    build: stops,
    ..UDP
};

/// UDP Send.
pub static UDP_SEND: NodeType = NodeType {
    title: "UDP Send",
    help: "Sends a datagram. Without an open socket it opens one, and the message goes out.",
    attributes: UDP_TYPED,
    inputs: &[MESSAGE_IN],
    build: sends,
    ..UDP
};

/// On UDP Start.
pub static ON_UDP_START: NodeType = NodeType {
    title: "On UDP Start",
    group: "Communication/UDP/Events",
    help: "Fires when the socket is open.",
    shape: Shape::Event,
    build: on_start,
    ..UDP
};

/// On UDP Stop.
pub static ON_UDP_STOP: NodeType = NodeType {
    title: "On UDP Stop",
    group: "Communication/UDP/Events",
    help: "Fires when the socket is closed.",
    shape: Shape::Event,
    build: on_stop,
    ..UDP
};

/// On UDP Packet Receive.
pub static ON_UDP_PACKET_RECEIVE: NodeType = NodeType {
    title: "On UDP Packet Receive",
    group: "Communication/UDP/Events",
    help: "Fires for each datagram.",
    shape: Shape::Event,
    attributes: UDP_TYPED,
    outputs: &[MESSAGE_OUT],
    build: on_receive,
    ..UDP
};

/// On UDP Error.
pub static ON_UDP_ERROR: NodeType = NodeType {
    title: "On UDP Error",
    group: "Communication/UDP/Events",
    help: "Fires when something of the socket went wrong.",
    shape: Shape::Event,
    outputs: &[ERROR_OUT],
    build: on_error,
    ..UDP
};

type Built = Result<Box<dyn Behaviour>, AttributeError>;

fn starts(attributes: &Attributes<'_>) -> Built {
    Ok(Box::new(Starts { connection: attributes.index("Configuration"), stops: false }))
}

fn stops(attributes: &Attributes<'_>) -> Built {
    Ok(Box::new(Starts { connection: attributes.index("Configuration"), stops: true }))
}

fn sends(attributes: &Attributes<'_>) -> Built {
    Ok(Box::new(Send { connection: attributes.index("Configuration") }))
}

fn on_start(attributes: &Attributes<'_>) -> Built {
    Ok(Box::new(Listener { listen: Listen::Started(attributes.index("Configuration")) }))
}

fn on_stop(attributes: &Attributes<'_>) -> Built {
    Ok(Box::new(Listener { listen: Listen::Stopped(attributes.index("Configuration")) }))
}

fn on_receive(attributes: &Attributes<'_>) -> Built {
    Ok(Box::new(OnReceive { connection: attributes.index("Configuration") }))
}

fn on_error(attributes: &Attributes<'_>) -> Built {
    Ok(Box::new(OnError { connection: attributes.index("Configuration") }))
}

struct Send {
    connection: usize,
}

impl Behaviour for Send {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let message = match turn.input(0) {
            Value::Binary(bytes) => Payload::Binary(bytes.clone()),
            Value::String(text) => Payload::Text(text.clone()),
            other => Payload::Text(crate::convert::to_text(other).into()),
        };
        turn.connection(self.connection, ConnectionRequest::Send(message))?;
        Ok(Flow::Next)
    }

    fn connection(&self) -> Option<usize> {
        Some(self.connection)
    }
}

struct OnReceive {
    connection: usize,
}

impl Behaviour for OnReceive {
    fn pulse(&self, _: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        Ok(Flow::Next)
    }

    fn listens(&self) -> Listen {
        Listen::Received(self.connection)
    }

    fn handle(&self, turn: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
        let Occurrence::Connection { event: ConnectionEvent::Message(message), .. } = occurrence else {
            return Ok(Flow::End);
        };
        let value = message.as_type(turn.output_type(0));
        turn.set(0, value);
        Ok(Flow::Next)
    }
}

struct OnError {
    connection: usize,
}

impl Behaviour for OnError {
    fn pulse(&self, _: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        Ok(Flow::Next)
    }

    fn listens(&self) -> Listen {
        Listen::Error(self.connection)
    }

    fn handle(&self, turn: &mut Turn<'_>, occurrence: &Occurrence) -> Result<Flow, Failure> {
        if let Occurrence::Connection { event: ConnectionEvent::Error { message, .. }, .. } = occurrence {
            turn.set(0, Value::String(message.clone()));
        }
        Ok(Flow::Next)
    }
}
