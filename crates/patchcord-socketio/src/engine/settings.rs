//! How a session of Engine.IO is to be run.

use std::time::Duration;

use super::Version;
use super::address::Address;

/// The transports that a session may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transports {
    /// A WebSocket from the start.
    #[default]
    WebSocket,
    /// Polling, and a WebSocket as soon as one is known to work.
    PollingThenWebSocket,
    /// Polling alone.
    Polling,
}

/// How a session is to be run. A time-out of `Duration::MAX` never comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// The version that the server is asked for.
    pub version: Version,
    /// Path and query.
    pub address: Address,
    /// Which transports.
    pub transports: Transports,
    /// How long it may take until the open packet has come. Default 20 s.
    pub open_timeout: Duration,
    /// How long a WebSocket may take to be opened and answer when the session is on polling already. Default 10 s, after
    /// which servers give it up too.
    pub probe_timeout: Duration,
    /// How long what is queued may take to go out when the session is closed. Default 5 s.
    pub close_timeout: Duration,
    /// The largest packet that is taken from a poll, in bytes. Default 16 MiB. The size of frames is bounded where
    /// they are read, that of bodies too.
    pub max_packet: usize,
    /// Most bytes that wait to be sent, each packet with 32 more. Default 16 MiB. What is sent while nothing waits is
    /// taken whatever its size; what joins and leaves namespaces may be as much again.
    pub max_queue: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            version: Version::V4,
            address: Address::default(),
            transports: Transports::default(),
            open_timeout: Duration::from_secs(20),
            probe_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            max_packet: 16 << 20,
            max_queue: 16 << 20,
        }
    }
}
