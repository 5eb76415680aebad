//! What a server is told: limits, time-outs, static files, origins.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_websocket::{DeflateSettings, Heartbeat};

use crate::cors::Cors;
use crate::static_files::StaticFiles;
use crate::websocket::SlowReader;

/// Bounds on what peers may make the server hold and do.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of one WebSocket message, over all its fragments and before compression.
    pub message: usize,
    /// Bytes of a request body.
    pub body: usize,
    /// Bytes of a request's head.
    pub head: usize,
    /// Fields of a request's head.
    pub fields: usize,
    /// Bytes of a request's target.
    pub target: usize,
    /// Open connections.
    pub connections: usize,
    /// Open connections from one address; 0 is no limit.
    pub connections_per_address: usize,
    /// Time for the TLS handshake, and for a request's head from its first byte.
    pub handshake_time: Duration,
    /// Longest pause within a request's body or while the peer takes the answer.
    pub stall_time: Duration,
    /// Time that a kept-alive connection may be idle.
    pub idle_time: Duration,
    /// Bytes that may wait for one WebSocket client.
    pub queue: usize,
    /// Time between pings to a WebSocket client; zero sends none.
    pub ping_interval: Duration,
    /// Pings in a row without any sign of life after which a client is given up.
    pub missed_pings: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message: 16 << 20,
            body: 64 << 20,
            head: 32 << 10,
            fields: 100,
            target: 8 << 10,
            connections: 10_000,
            connections_per_address: 0,
            handshake_time: Duration::from_secs(10),
            stall_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(75),
            queue: 4 << 20,
            ping_interval: Heartbeat::INTERVAL,
            missed_pings: Heartbeat::MAX_MISSED,
        }
    }
}

/// A server's TLS, as [`crate::tls`] makes it.
pub type TlsConfig = rustls::ServerConfig;

/// All settings of a server.
#[derive(Clone, Default)]
pub struct Settings {
    /// Bounds.
    pub limits: Limits,
    /// What happens to messages for clients that read too slowly.
    pub slow_reader: SlowReader,
    /// Compression of messages with the clients that offer it; `None`, the default, declines. Holds for connections that
    /// open from then on.
    pub deflate: Option<DeflateSettings>,
    /// TLS; `None` is plain text.
    pub tls: Option<Arc<TlsConfig>>,
    /// Files to serve before the handler is asked.
    pub static_files: Option<Rc<StaticFiles>>,
    /// Pages of other origins that may read answers.
    pub cors: Option<Rc<Cors>>,
}

impl Settings {
    pub(crate) fn heartbeat(&self, now: Instant) -> Heartbeat {
        Heartbeat::new(self.limits.ping_interval, self.limits.missed_pings, now)
    }
}
