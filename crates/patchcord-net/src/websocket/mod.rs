//! WebSocket connections of servers and clients: the protocol core on a socket.
//!
//! [`Peer`] is what the rest of the program holds of a connection: who is at the other end, its counters, and sending.
//! The connection itself is one small task ([`connection`]) that reads, hands every message of a read to the
//! [`Handler`], and then writes everything that was sent in one go.

pub(crate) mod connection;
mod handler;
mod outbox;
mod peer;
mod played;

pub use handler::Handler;
pub use outbox::{Sent, SlowReader};
pub use patchcord_websocket::handshake::server::check_origin;
pub use patchcord_websocket::{CloseCode, ClosedBy, Ending};
pub use patchcord_websocket::{DeflateDirection, DeflateSettings, WindowBits};
pub use peer::{Peer, PeerStats};
pub use played::PlayedWebSocket;
