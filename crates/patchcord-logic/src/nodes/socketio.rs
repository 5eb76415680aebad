//! The nine Socket.IO nodes (reference §1).

use crate::declaration::{Attribute, AttributeKind, Behaviour, DataSocket, Default, Family, NodeType, Scopes, Shape};
use crate::engine::{Failure, Flow, Turn};
use crate::graph::Listen;
use crate::nodes::NODE;
use crate::nodes::connection::{Listener, Starts};
use crate::ports::{ConnectionEvent, ConnectionRequest, Occurrence};
use crate::value::{DataType, Value};

const ACTIONS: &str = "Communication/Socket.IO";
const EVENTS: &str = "Communication/Socket.IO/Events";

const CONFIGURATION: Attribute = Attribute::new(
    "Configuration",
    AttributeKind::Connection(Family::SocketIo),
    Default::Required,
    "The connection, defined in patch.toml as [connection.socketio.NAME].",
);

const EVENT_NAME: DataSocket = DataSocket::new("Event Name", DataType::String, "Name of the event.");
const NAMESPACE: DataSocket = DataSocket::new(
    "Namespace",
    DataType::String,
    "Namespace; `/` when it is empty, and with a leading slash in any case.",
);

/// What the nine share.
const SOCKETIO: NodeType = NodeType {
    group: ACTIONS,
    scopes: Scopes::PROJECT_SCENE,
    plugin: Some("socketio"),
    attributes: &[CONFIGURATION],
    ..NODE
};

/// Socket.IO Start.
pub static SOCKETIO_START: NodeType = NodeType {
    title: "Socket.IO Start",
    help: "Begins to open the connection. ► fires when that has been asked for; what needs the connection stands behind On Socket.IO Start.",
    build: |attributes| Ok(Box::new(Starts { connection: attributes.index("Configuration"), stops: false })),
    ..SOCKETIO
};

/// Socket.IO Stop.
pub static SOCKETIO_STOP: NodeType = NodeType {
    title: "Socket.IO Stop",
    help: "Begins to close the connection. ► fires when that has been asked for; what has to wait for the end stands behind On Socket.IO Stop.",
    build: |attributes| Ok(Box::new(Starts { connection: attributes.index("Configuration"), stops: true })),
    ..SOCKETIO
};

/// Socket.IO Send.
pub static SOCKETIO_SEND: NodeType = NodeType {
    title: "Socket.IO Send",
    help: "Emits one event with one text in a namespace. Without a connection nothing is sent, and On Socket.IO Error says so.",
    inputs: &[EVENT_NAME, NAMESPACE, DataSocket::new("Message", DataType::String, "The text.")],
    build: |attributes| Ok(Box::new(Work { connection: attributes.index("Configuration"), does: Does::Send })),
    ..SOCKETIO
};

/// Socket.IO Subscribe.
pub static SOCKETIO_SUBSCRIBE: NodeType = NodeType {
    title: "Socket.IO Subscribe",
    help: "Begins to listen for an event of a namespace, now or as soon as the connection is there; it holds over reconnects. Twice is the same as once.",
    inputs: &[EVENT_NAME, NAMESPACE],
    build: |attributes| Ok(Box::new(Work { connection: attributes.index("Configuration"), does: Does::Subscribe })),
    ..SOCKETIO
};

/// Socket.IO Unsubscribe.
pub static SOCKETIO_UNSUBSCRIBE: NodeType = NodeType {
    title: "Socket.IO Unsubscribe",
    help: "Ends the listening for an event of a namespace.",
    inputs: &[EVENT_NAME, NAMESPACE],
    build: |attributes| Ok(Box::new(Work { connection: attributes.index("Configuration"), does: Does::Unsubscribe })),
    ..SOCKETIO
};

/// On Socket.IO Start.
pub static ON_SOCKETIO_START: NodeType = NodeType {
    title: "On Socket.IO Start",
    group: EVENTS,
    help: "Fires when the connection is established, and again after each reconnect.",
    shape: Shape::Event,
    build: |attributes| Ok(Box::new(Listener { listen: Listen::Started(attributes.index("Configuration")) })),
    ..SOCKETIO
};

/// On Socket.IO Stop.
pub static ON_SOCKETIO_STOP: NodeType = NodeType {
    title: "On Socket.IO Stop",
    group: EVENTS,
    help: "Fires when the connection has ended, whoever ended it.",
    shape: Shape::Event,
    build: |attributes| Ok(Box::new(Listener { listen: Listen::Stopped(attributes.index("Configuration")) })),
    ..SOCKETIO
};

/// On Socket.IO Receive.
pub static ON_SOCKETIO_RECEIVE: NodeType = NodeType {
    title: "On Socket.IO Receive",
    group: EVENTS,
    help: "Fires for each subscribed event of the connection. A text that the event carries comes as it is, anything else as compact JSON (several arguments as one array), bytes as base64.",
    shape: Shape::Event,
    outputs: &[
        DataSocket::new("Namespace", DataType::String, "The namespace that it came in."),
        DataSocket::new("Trigger Name", DataType::String, "The event's name."),
        DataSocket::new("Message", DataType::String, "What it carried."),
    ],
    build: |attributes| Ok(Box::new(OnReceive { connection: attributes.index("Configuration") })),
    ..SOCKETIO
};

/// On Socket.IO Error.
pub static ON_SOCKETIO_ERROR: NodeType = NodeType {
    title: "On Socket.IO Error",
    group: EVENTS,
    help: "Fires when something of the connection went wrong: it could not be opened, a namespace was refused, a message could not be sent.",
    shape: Shape::Event,
    outputs: &[
        DataSocket::new("Namespace", DataType::String, "The namespace that it is about."),
        DataSocket::new("Message", DataType::String, "What went wrong."),
    ],
    build: |attributes| Ok(Box::new(OnError { connection: attributes.index("Configuration") })),
    ..SOCKETIO
};

struct Work {
    connection: usize,
    does: Does,
}

enum Does {
    Send,
    Subscribe,
    Unsubscribe,
}

impl Behaviour for Work {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        let (event, namespace) = (turn.text(0), turn.text(1));
        let request = match self.does {
            Does::Send => ConnectionRequest::Emit { namespace, event, message: turn.text(2) },
            Does::Subscribe => ConnectionRequest::Subscribe { namespace, event },
            Does::Unsubscribe => ConnectionRequest::Unsubscribe { namespace, event },
        };
        turn.connection(self.connection, request)?;
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
        let Occurrence::Connection { event: ConnectionEvent::Event { namespace, name, message }, .. } = occurrence
        else {
            return Ok(Flow::End);
        };
        turn.set(0, Value::String(namespace.clone()));
        turn.set(1, Value::String(name.clone()));
        turn.set(2, Value::String(message.clone()));
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
        if let Occurrence::Connection { event: ConnectionEvent::Error { namespace, message }, .. } = occurrence {
            turn.set(0, Value::String(namespace.clone()));
            turn.set(1, Value::String(message.clone()));
        }
        Ok(Flow::Next)
    }
}
