//! What a client has to say, and why things end.

use compact_str::CompactString;

use crate::decoder::ParseError;
use crate::engine::{CloseReason, SendError, Transport};
use crate::namespace::{Namespace, NamespaceError};
use crate::packet::EncodeError;
use crate::value::Value;

/// The number of an emitted event whose answer is waited for; unique for a [`Client`](crate::Client).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) u64);

/// What is needed to answer a server's event: once, so it cannot be cloned.
#[derive(Debug, PartialEq, Eq)]
pub struct AckToken {
    pub(crate) namespace: Namespace,
    pub(crate) id: u64,
    /// The connection of the namespace that it belongs to.
    pub(crate) epoch: u64,
}

impl AckToken {
    /// The number under which the server asks.
    pub fn id(&self) -> u64 {
        self.id
    }
}

/// What happened.
#[derive(Debug, PartialEq)]
pub enum ClientEvent {
    /// The engine is open; namespaces are being connected.
    Open,
    /// A namespace is connected. What came for it before has been told before, what was buffered is on its way.
    Connected {
        /// Which.
        namespace: Namespace,
        /// Its id at the server.
        sid: String,
        /// Whether the server has restored the session that was lost.
        recovered: bool,
    },
    /// The server does not let the client into a namespace. It is not tried again until it is joined again; only after
    /// [`Refused::TimedOut`] it is tried in the next session too.
    Refused {
        /// Which.
        namespace: Namespace,
        /// Why.
        reason: Refused,
    },
    /// A server of protocol 4 reports an error in a connected namespace, which stays so.
    ServerError {
        /// Which.
        namespace: Namespace,
        /// What it says.
        data: Value,
    },
    /// An event came.
    Event {
        /// Where.
        namespace: Namespace,
        /// Its name.
        name: CompactString,
        /// Its arguments.
        args: Vec<Value>,
        /// The offset that came behind the arguments, where connection state recovery is in force. A string at the end
        /// of a volatile event cannot be told from one.
        offset: Option<String>,
        /// With what it is to be answered, if the server asks for that ([`Client::acknowledge`](crate::Client::acknowledge)).
        ack: Option<AckToken>,
    },
    /// An event of this end was answered.
    Acknowledged {
        /// Where.
        namespace: Namespace,
        /// Which.
        request: RequestId,
        /// With what.
        args: Vec<Value>,
    },
    /// An event of this end will not be answered.
    AckFailed {
        /// Where.
        namespace: Namespace,
        /// Which.
        request: RequestId,
        /// Why.
        reason: AckFailure,
    },
    /// A connected namespace is not connected any more.
    Disconnected {
        /// Which.
        namespace: Namespace,
        /// Why.
        reason: DisconnectReason,
    },
    /// The session has gone over to another transport.
    TransportChanged(Transport),
    /// The session stays on polling, for this reason.
    ProbeFailed(String),
    /// The server pinged; it has been answered.
    Ping,
    /// The server sent something that belongs to nothing here; a late acknowledgement for example.
    Ignored {
        /// Where.
        namespace: Namespace,
        /// What.
        what: Ignored,
    },
    /// The engine has ended, after all namespaces were told so. The driver drops what it still has open.
    Closed(DisconnectReason),
}

/// Something that belongs to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// An event or an answer for a namespace that is not connected.
    NotConnected,
    /// The answer to something that is not waited for (any more).
    Acknowledgement,
}

/// Why a server does not let a client into a namespace.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    /// It says no, by an error or by a disconnection.
    #[error("the server refused the namespace: {message}")]
    Server {
        /// Its message.
        message: String,
        /// What it says beside that; in protocol 4 all that it says. Null, if nothing.
        data: Value,
    },
    /// It does not answer within [`ClientSettings::connect_timeout`](crate::ClientSettings::connect_timeout).
    #[error("the server did not connect the namespace in time")]
    TimedOut,
    /// What it is to be told cannot be sent.
    #[error(transparent)]
    Credentials(#[from] EncodeError),
    /// The query makes the name of the namespace too long (protocol 4).
    #[error(transparent)]
    Query(#[from] NamespaceError),
    /// What it is to be told is too large for it.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// Why an event is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AckFailure {
    /// There was no answer in time, after all attempts.
    #[error("the event was not acknowledged in time")]
    TimedOut,
    /// The namespace was disconnected after the event had been sent.
    #[error("the namespace was disconnected")]
    Disconnected,
    /// It was dropped from a full buffer or with the namespace that was left, or the server cannot take anything as
    /// large.
    #[error("the event was dropped before it was sent")]
    Dropped,
}

/// Why a namespace, or all of them, are not connected any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DisconnectReason {
    /// The server put the client out of the namespace.
    #[error("the server disconnected the client")]
    Server,
    /// This end left.
    #[error("disconnected by this end")]
    Client,
    /// The engine failed.
    #[error(transparent)]
    Engine(CloseReason),
    /// The server broke the protocol of Socket.IO.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The server speaks version 3 alone, though it takes 4 for an answer.
    #[error("the server speaks Engine.IO 3 (Socket.IO 2); ask for that version")]
    OldServer,
    /// The server connected none of the namespaces in time that are still joined.
    #[error("the server did not connect a namespace in time")]
    NamespaceTimeout,
    /// More came before the namespace was connected than is kept.
    #[error("the server sent more than {limit} bytes of events before it connected the namespace")]
    TooMuchEarly {
        /// The limit in force, in bytes.
        limit: usize,
    },
}

impl DisconnectReason {
    /// What the reference client calls it, or would if it knew of it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Server => "io server disconnect",
            Self::Client | Self::Engine(CloseReason::Client) => "io client disconnect",
            Self::Engine(CloseReason::PingTimeout) => "ping timeout",
            Self::Engine(CloseReason::TransportClose | CloseReason::WebSocketClosed { .. }) => "transport close",
            Self::Engine(
                CloseReason::TransportError(_)
                | CloseReason::TooBig(_)
                | CloseReason::Refused(_)
                | CloseReason::OpenTimeout,
            )
            | Self::NamespaceTimeout => "transport error",
            Self::Engine(CloseReason::Engine(_)) | Self::Parse(_) | Self::OldServer | Self::TooMuchEarly { .. } => {
                "parse error"
            }
        }
    }

    /// Whether a client is to connect again by itself.
    pub fn reconnects(&self) -> bool {
        !matches!(self, Self::Server | Self::Client | Self::Engine(CloseReason::Client))
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Emitted {
    /// Where it is.
    pub outcome: Outcome,
    /// Under which number its answer comes; `None` where none was asked for, or it was dropped.
    pub request: Option<RequestId>,
}

/// Where an emitted event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With the engine, to go out.
    Sent,
    /// Buffered until the namespace is connected, or in the queue of those that are sent until they are acknowledged.
    Buffered,
    /// Nowhere: it was volatile, or the buffer was full.
    Dropped,
}

/// Why an event was not emitted, or not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// The namespace was not joined.
    #[error("the namespace {0} was not joined")]
    UnknownNamespace(Namespace),
    /// The namespace is not connected, and nothing is kept for it.
    #[error("the namespace {0} is not connected")]
    NotConnected(Namespace),
    /// The event cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The engine does not take it.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The buffer for what is sent later is full.
    #[error("as much as may be is waiting to be sent when the namespace is connected")]
    BufferFull,
    /// Too many answers are waited for.
    #[error("{limit} events are waiting to be acknowledged; no more may")]
    TooManyPendingAcks {
        /// The limit in force.
        limit: usize,
    },
    /// The event to be answered came over a connection that is gone.
    #[error("the connection over which the event came is gone")]
    StaleAck,
}

/// Why a namespace was not joined, or a connection not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// As many as may be are joined.
    #[error("{limit} namespaces are joined; no more may")]
    TooManyNamespaces {
        /// The limit in force.
        limit: usize,
    },
}

/// A session is open, or is being opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client is connected already")]
pub struct AlreadyConnected;
