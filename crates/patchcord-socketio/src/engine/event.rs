//! What a session says and what it has the driver do, and why it ends.

#[cfg(doc)]
use super::client::Engine;
use super::handshake::{Handshake, Refusal};
use super::packet::{Data, Frame, PacketError};
use super::payload::Body;

/// What the driver has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Open a WebSocket to this path and query. Report it with [`Engine::handle_websocket_open`],
    /// [`Engine::handle_websocket_refused`], [`Engine::handle_websocket_closed`] or [`Engine::handle_websocket_end`].
    OpenWebSocket {
        /// Path and query.
        target: String,
    },
    /// Send this on the WebSocket.
    Frame(Frame),
    /// Close the WebSocket, with code 1000 if it is open; stop opening it if it is not.
    CloseWebSocket,
    /// Make this GET request. Report it with [`Engine::handle_get`] or [`Engine::handle_request_failed`]. There is never
    /// more than one at a time.
    Get {
        /// Path and query.
        target: String,
    },
    /// Make this POST request. Report it with [`Engine::handle_post`] or [`Engine::handle_request_failed`]. There is never
    /// more than one at a time.
    Post {
        /// Path and query.
        target: String,
        /// What to send.
        body: Body,
    },
}

/// What a session has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineEvent<'a> {
    /// The server opened it.
    Open(&'a Handshake),
    /// A message came.
    Message(Data<'a>),
    /// The server pinged; the answer goes out by itself.
    Ping,
}

/// A rule of the protocol that the server broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// What it sent is no packet.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// It answered the first poll in version 3, though it was asked for 4.
    #[error("the server speaks Engine.IO 3")]
    OldServer,
    /// Its first packet was another one.
    #[error("the server did not begin with an open packet")]
    NotOpened,
    /// One body of a poll holds more packets than are taken at once.
    #[error("the server sent more than {limit} packets in one response")]
    TooManyPackets {
        /// The limit in force.
        limit: usize,
    },
    /// It opened the session twice.
    #[error("the server opened the session twice")]
    OpenedTwice,
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// This end closed it.
    #[error("closed by this end")]
    Client,
    /// No sign of life within the time that the server itself had named.
    #[error("the server has not been heard for too long")]
    PingTimeout,
    /// The server closed the session, or its transport.
    #[error("the server closed the connection")]
    TransportClose,
    /// The server closed the WebSocket, and says that something was wrong: 1009 for a message that it finds too large.
    #[error("the server closed the WebSocket with code {code}{}{reason}", if .reason.is_empty() { "" } else { ": " })]
    WebSocketClosed {
        /// The code of its close frame.
        code: u16,
        /// The words beside it; may be empty.
        reason: String,
    },
    /// The transport failed, or a request did.
    #[error("the connection failed: {0}")]
    TransportError(String),
    /// A message was larger than this end takes, or in more pieces. The transport, which reads no further, says so.
    #[error("{0}")]
    TooBig(String),
    /// The server answered a request with an error.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The server broke the protocol of Engine.IO.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// There was no open packet in time.
    #[error("the server did not open the session in time")]
    OpenTimeout,
}

/// Why a message was not queued. Nothing of it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The session is not open.
    #[error("the connection is not open")]
    NotOpen,
    /// The server would close the connection over it.
    #[error("the message has {size} bytes, the server takes at most {limit}")]
    TooBigForServer {
        /// Size of the message, as the transport carries it.
        size: usize,
        /// What the server takes (`maxPayload`).
        limit: usize,
    },
    /// Too much is waiting already.
    #[error("more than {limit} bytes wait to be sent")]
    QueueFull {
        /// The limit in force, in bytes.
        limit: usize,
    },
}
