//! Socket.IO (protocol 5 and 4) over Engine.IO (4 and 3), as state machines without I/O and without a clock.
//!
//! Messages and `Instant`s are arguments, events and what the transports have to do are results; whoever owns the
//! sockets drives it. From the wire up:
//!
//! - [`engine`]: packets over a WebSocket or HTTP long-polling, heartbeats, the change from one to the other;
//! - [`Packet`], [`Decoder`], [`Packet::encode`]: the packets of Socket.IO, with bytes as attachments, as JSON or as
//!   MessagePack;
//! - [`Value`]: what events carry;
//! - [`Client`]: namespaces, acknowledgements in both directions, what is buffered, sent again, restored.
//!
//! A server's role has its place beside the client's: [`engine`] holds the packets that both share, and a `server`
//! module there and here would be the second user of [`Decoder`] and [`Packet::encode`].
//!
//! Sockets, TLS, HTTP, WebSocket frames and the time between attempts to connect are left to the driver.

mod client;
mod decoder;
pub mod engine;
#[doc(hidden)]
pub mod fuzz;
mod json;
mod msgpack;
mod namespace;
mod packet;
mod value;

pub use client::{
    AckFailure, AckRequest, AckToken, AlreadyConnected, Client, ClientEvent, ClientSettings, Credentials,
    DisconnectReason, EmitError, EmitOptions, Emitted, Ignored, JoinError, OfflinePolicy, Outcome, Refused, RequestId,
    VersionChoice,
};
pub use decoder::{Decoder, ParseError};
pub use namespace::{Namespace, NamespaceError};
pub use packet::{Content, EncodeError, Encoded, Event, Limits, Packet, Parser, is_reserved};
pub use value::{TooDeep, Value};
