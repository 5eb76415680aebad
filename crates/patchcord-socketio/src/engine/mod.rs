//! Engine.IO, the lower half: packets of text or bytes over a WebSocket, over HTTP long-polling, or first one and then the
//! other.
//!
//! - [`Packet`], [`Frame`]: one packet as one WebSocket frame;
//! - [`payload`]: several packets as the body of one HTTP request or response;
//! - [`Handshake`], [`Refusal`], [`Address`]: how a session begins, and why it does not;
//! - [`Engine`]: a client's session. A server's would stand beside it, on the same packets.
//!
//! Source of everything here: the protocol documents of Engine.IO 3 and 4, with what servers were seen to do.

mod address;
mod client;
mod event;
mod handshake;
mod heartbeat;
mod packet;
pub mod payload;
mod probe;
mod settings;

pub use address::{Address, Transport};
pub use client::Engine;
pub use event::{CloseReason, EngineError, EngineEvent, Output, SendError};
pub use handshake::{Handshake, HandshakeError, Refusal};
pub use packet::{Data, Frame, Packet, PacketError};
pub use settings::{EngineSettings, Transports};

/// The version of the protocol, `EIO` in the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// Engine.IO 3, which servers of Socket.IO 1.0.3 to 2 speak: the client pings.
    V3,
    /// Engine.IO 4, which servers from Socket.IO 3 on speak: the server pings.
    V4,
}

impl Version {
    /// The number as it stands in the address.
    pub fn number(self) -> u8 {
        match self {
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }
}
