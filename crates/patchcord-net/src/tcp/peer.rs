//! What the rest of the program holds of a connection: who is at the other end, counters, sending and closing.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use super::Settings;
use super::outbox::Outbox;
use crate::websocket::Sent;

/// Questions of the system without an answer after which a connection is lost.
const KEEP_ALIVE_TRIES: u32 = 3;

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// This end closed it.
    #[error("it was closed")]
    Local,
    /// The other end closed it, or its half of it.
    #[error("the other end closed it")]
    Remote,
    /// The other end does not take what is sent.
    #[error("the other end reads too slowly: {waiting} bytes wait, and no more than {limit} may")]
    TooSlow {
        /// Bytes that waited and were lost.
        waiting: usize,
        /// The limit in force.
        limit: usize,
    },
    /// The network or the other machine failed.
    #[error("{reason}")]
    Lost {
        /// What the system said.
        reason: String,
    },
    /// The handling of the connection panicked: a fault of this program.
    #[error("its handling was ended by a panic: {0}")]
    Panicked(String),
}

/// Counters of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times that bytes were handed over.
    pub packets_in: u64,
    /// Times that something was sent.
    pub packets_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes accepted for sending.
    pub bytes_out: u64,
}

impl std::ops::AddAssign for Stats {
    fn add_assign(&mut self, other: Stats) {
        self.packets_in += other.packets_in;
        self.packets_out += other.packets_out;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
    }
}

/// The other end of a connection.
pub struct Peer {
    address: SocketAddr,
    joined: Instant,
    pub(super) stream: TcpStream,
    pub(super) outbox: RefCell<Outbox>,
    pub(super) stats: Cell<Stats>,
    queue: Cell<usize>,
    closing: Cell<bool>,
    /// Why the connection is to end at once.
    pub(super) aborted: RefCell<Option<Ending>>,
    waker: RefCell<Option<Waker>>,
}

impl Peer {
    pub(super) fn new(stream: TcpStream, address: SocketAddr, settings: Settings) -> Self {
        // What is sent is written whole; waiting for more would only add latency.
        let _ = stream.set_nodelay(true);
        let peer = Peer {
            address: SocketAddr::new(address.ip().to_canonical(), address.port()),
            joined: Instant::now(),
            stream,
            outbox: RefCell::default(),
            stats: Cell::default(),
            queue: Cell::new(settings.queue),
            closing: Cell::new(false),
            aborted: RefCell::default(),
            waker: RefCell::default(),
        };
        peer.apply_keep_alive(settings);
        peer
    }

    /// IP address and port of the other end.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Since when the connection is open.
    pub fn joined(&self) -> Instant {
        self.joined
    }

    /// What passed so far.
    pub fn stats(&self) -> Stats {
        self.stats.get()
    }

    /// Bytes that wait to be sent.
    pub fn queued(&self) -> usize {
        self.outbox.borrow().len()
    }

    /// Whether nothing can be sent any more.
    pub fn is_closing(&self) -> bool {
        self.closing.get() || self.aborted.borrow().is_some()
    }

    /// Sends bytes. When too much waits already, the connection ends as [`Ending::TooSlow`] and the answer is
    /// [`Sent::Overflow`].
    pub fn send(&self, bytes: &[u8]) -> Sent {
        self.put(bytes.len(), |outbox| outbox.put(bytes))
    }

    /// Sends bytes that other peers get, too, without a copy for each.
    pub fn send_shared(&self, bytes: &Bytes) -> Sent {
        self.put(bytes.len(), |outbox| outbox.put_shared(bytes))
    }

    fn put(&self, size: usize, put: impl FnOnce(&mut Outbox)) -> Sent {
        if self.is_closing() {
            return Sent::Closed;
        }
        let mut outbox = self.outbox.borrow_mut();
        let limit = self.queue.get();
        let waiting = outbox.len();
        if waiting > 0 && waiting + size > limit {
            drop(outbox);
            self.abort(Ending::TooSlow { waiting, limit });
            return Sent::Overflow;
        }
        put(&mut outbox);
        let mut stats = self.stats.get();
        stats.packets_out += 1;
        stats.bytes_out += size as u64;
        self.stats.set(stats);
        drop(outbox);
        self.wake();
        Sent::Queued
    }

    /// Closes the connection when what waits is written. Returns at once.
    pub fn close(&self) {
        self.closing.set(true);
        self.wake();
    }

    /// Ends the connection at once.
    pub(super) fn abort(&self, ending: Ending) {
        self.aborted.borrow_mut().get_or_insert(ending);
        self.wake();
    }

    pub(super) fn set_settings(&self, settings: Settings) {
        self.queue.set(settings.queue);
        self.apply_keep_alive(settings);
    }

    /// A system that refuses costs no connection: it only notices later that the other end is gone.
    fn apply_keep_alive(&self, settings: Settings) {
        let socket = SockRef::from(&self.stream);
        let time = settings.keep_alive;
        let keep_alive = TcpKeepalive::new().with_time(time).with_interval(time).with_retries(KEEP_ALIVE_TRIES);
        let result = match time.as_secs() {
            0 => socket.set_keepalive(false),
            _ => socket.set_tcp_keepalive(&keep_alive),
        };
        if let Err(error) = result {
            tracing::debug!(peer = %self.address, %error, "keep-alive cannot be set");
        }
    }

    pub(super) fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        SockRef::from(&self.stream).shutdown(how)
    }

    pub(super) fn remember(&self, waker: &Waker) {
        let mut known = self.waker.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }

    fn wake(&self) {
        let waker = self.waker.borrow().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
