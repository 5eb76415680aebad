//! WebSocket connections of a server: the protocol core on a socket.
//!
//! [`Client`] is what the rest of the program holds of a connection: who it is, its counters, and sending. The
//! connection itself is one small task ([`connection`]) that reads, hands every message of a read to the handler, and
//! then writes everything that was sent in one go.

mod client;
pub(crate) mod connection;
mod outbox;

pub use client::{Client, ClientStats};
pub use outbox::{Sent, SlowReader};
pub use patchcord_websocket::handshake::server::check_origin;
pub use patchcord_websocket::{CloseCode, ClosedBy, Ending};
