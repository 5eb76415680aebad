//! The WebSocket protocol (RFC 6455) with compression (RFC 7692) for both roles, as state machines without I/O and without a clock.
//!
//! Bytes and `Instant`s are arguments, events and bytes are results; whoever owns the socket drives it. The two
//! directions are separate values, so that a callback that runs while an event is being read can send on the same
//! connection:
//!
//! - [`Receiver`]: bytes in, [`Event`]s out, zero-copy where a message lies whole in the read buffer;
//! - [`Sender`]: messages in, bytes appended to an out-buffer; [`EncodedMessage`] is encoded once for many peers;
//! - [`CloseHandshake`] and [`Heartbeat`]: how a connection ends, and whether the peer is alive;
//! - [`handshake`]: the HTTP upgrade that comes before all of that, for server and client, with the negotiation of
//!   compression ([`handshake::deflate`]).
//!
//! Sockets, TLS, HTTP itself, time-outs of the opening handshake and byte budgets for slow readers are left to the
//! driver.

mod close;
mod deflate;
mod error;
mod frame;
#[doc(hidden)]
pub mod fuzz;
pub mod handshake;
mod heartbeat;
mod mask;
mod receiver;
mod sender;
mod utf8;

pub use close::{CloseCode, CloseFrame, CloseHandshake, CloseStep, ClosedBy, Ending};
pub use deflate::{DeflateDirection, DeflateParameters, DeflateSettings, WindowBits};
pub use error::ProtocolError;
pub use frame::{FrameHeader, MAX_CONTROL_PAYLOAD, MessageKind, Role};
pub use heartbeat::{Heartbeat, HeartbeatAction, PingPayload};
pub use receiver::{Event, Limits, Receiver};
pub use sender::{EncodedMessage, SendError, Sender};
