//! Connections that this end opens: from what a person wrote as an address to an open WebSocket.
//!
//! [`Address`] reads the address. [`dial()`] goes the way there (name look-up, TCP, proxy, TLS, handshake) under one time
//! limit and says which step failed and why ([`DialError`]). A [`WebSocketClient`] does both as a task, then runs the
//! connection as a server runs its own, and reports exactly one end. It does not come back by itself: [`Backoff`] says
//! when to dial again, and who owns the client does so.
//!
//! Everything runs on the thread's own tokio runtime, inside a `LocalSet`. What blocks (name look-up, reading the
//! system's authorities) is done by tokio's pool. A look-up that was given up holds its thread there until the system
//! lets go, so there are few at a time.

mod address;
mod backoff;
mod dial;
mod error;
mod handshake;
mod progress;
mod proxy;
mod settings;
mod tcp;
mod websocket;

pub use address::{Address, AddressError};
pub use backoff::{Backoff, BackoffSettings, chance};
pub use dial::{Opening, dial};
pub(crate) use dial::{dial_stream, dial_tcp, look_up, system_tls};
pub use error::{DialError, RedirectRefusal};
pub(crate) use error::{lost_by, redirected};
pub use progress::{Phase, Progress};
pub use proxy::{Proxy, ProxyAddressError, ProxyError, ProxyKind};
pub use settings::DialSettings;
pub use websocket::{Accepted, ConnectionSettings, Handler, WebSocketClient};
