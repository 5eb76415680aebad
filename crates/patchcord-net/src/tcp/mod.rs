//! Plain TCP: bytes both ways, without a protocol over them.
//!
//! A [`TcpClient`] dials a server as WebSockets are dialled (name look-up out of the way, every address of the name, one
//! time limit). A [`TcpServer`] listens, and sends to all its clients. Both tell a [`Handler`], inline, of what comes;
//! it answers through the [`Peer`]. Neither comes back by itself: who owns it decides.
//!
//! TCP has no messages: what was sent in one go may arrive in pieces, or together with the next. So a peer that reads too
//! slowly cannot be met by leaving something out; when more waits for it than the limit, its connection ends.
//!
//! A peer that ends its half of a connection gets what waits for it, and then the connection ends. A connection that
//! this end closes is written to its end, too; either way a peer that takes nothing for [`LINGER`] is let go of.

mod client;
mod connection;
mod outbox;
mod peer;
mod server;

use std::rc::Rc;
use std::time::Duration;

pub use client::{Target, TcpClient};
pub use peer::{Ending, Peer, Stats};
pub use server::{Refusal, TcpServer};

use crate::client::{DialError, Progress};

/// How long a connection that closes may stand still before it is let go of.
pub const LINGER: Duration = Duration::from_secs(2);

/// Hears of connections. Called on their thread, inline; it must not block.
pub trait Handler: 'static {
    /// A connection is open.
    fn handle_open(&self, peer: &Rc<Peer>);

    /// Bytes came, at most 64 KiB at a time.
    fn handle_bytes(&self, peer: &Rc<Peer>, bytes: &[u8]);

    /// A connection is closed; comes exactly once for each [`Handler::handle_open`], unless the client or server was dropped.
    fn handle_close(&self, peer: &Rc<Peer>, ending: &Ending);

    /// Brackets the handing over of what one turn brought: must call `work` once. What was sent meanwhile is written next.
    fn handle_turn(&self, work: &mut dyn FnMut()) {
        work();
    }

    /// Of a client: a step of the dial begins.
    fn handle_progress(&self, _progress: &Progress) {}

    /// Of a client: there is no connection, and nothing else will come.
    fn handle_failure(&self, _error: &DialError) {}

    /// Of a server: it lets clients in from now on, at the place where it listens now.
    fn handle_listening(&self) {}

    /// Of a server: a client was not let in.
    fn handle_refusal(&self, _refusal: &Refusal) {}
}

/// Bounds of a connection. They hold at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bytes that may wait to be sent to one peer. What is sent when nothing waits may be larger.
    pub queue: usize,
    /// Silence after which the system asks whether the other end is still there, and time between such questions; after
    /// three without an answer the connection is lost. Whole seconds; zero asks never.
    pub keep_alive: Duration,
}

impl Default for Settings {
    /// 4 MiB and 20 s.
    fn default() -> Self {
        Settings { queue: 4 << 20, keep_alive: Duration::from_secs(20) }
    }
}
