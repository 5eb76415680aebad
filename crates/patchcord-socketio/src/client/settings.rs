//! How a client is to be run.

use std::time::Duration;

#[cfg(doc)]
use crate::engine::Transports;
use crate::engine::{EngineSettings, Version};
use crate::packet::{Limits, Parser};
use crate::value::Value;

/// The version of the protocol that servers are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VersionChoice {
    /// 4 first; after a server has shown that it speaks 3 alone, 3, and the other way round.
    #[default]
    Auto,
    /// 3: servers of Socket.IO 1.0.3 to 2.
    V3,
    /// 4: servers of Socket.IO 3 and later.
    V4,
}

impl VersionChoice {
    pub(crate) fn first(self) -> Version {
        match self {
            Self::V3 => Version::V3,
            Self::Auto | Self::V4 => Version::V4,
        }
    }
}

/// What happens to an event that is emitted while its namespace is not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OfflinePolicy {
    /// It is kept and sent when the namespace is connected; when the buffer is full it is refused with an error.
    #[default]
    Keep,
    /// It is kept; when the buffer is full the oldest ones go.
    DropOldest,
    /// It is kept; when the buffer is full it is dropped itself.
    DropNewest,
    /// It is refused with an error, also if it would be sent again until it is acknowledged.
    Off,
}

/// How a client is to be run; the parts of it that the engine needs are in [`EngineSettings`]. A time-out of
/// `Duration::MAX` never comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// The transports; its version is set from [`ClientSettings::version`].
    pub engine: EngineSettings,
    /// The version of the protocol. Default [`VersionChoice::Auto`].
    pub version: VersionChoice,
    /// How packets are written. Default JSON.
    pub parser: Parser,
    /// What one packet may be, in both directions.
    pub limits: Limits,
    /// How long a server may take to let the client into a namespace. Default 20 s.
    pub connect_timeout: Duration,
    /// Most namespaces at a time. Default 64.
    pub max_namespaces: usize,
    /// Most events of one namespace whose answer is waited for. Default 4096.
    pub max_pending_acks: usize,
    /// Most bytes of events that come before their namespace is connected, as packets; a server that restores a session
    /// sends what was missed in that way. More ends the connection. Default 16 MiB.
    pub max_early: usize,
    /// What happens to events while their namespace is not connected. Default [`OfflinePolicy::Keep`].
    pub offline: OfflinePolicy,
    /// Most events that one namespace keeps to be sent later. Default 1024.
    pub max_buffered: usize,
    /// Most bytes of them, as packets. Default 4 MiB.
    pub max_buffered_bytes: usize,
    /// Whether a lost session is taken up again where the server offers that (connection state recovery). Default `true`.
    pub recovery: bool,
    /// Whether the offset that a server puts behind the arguments, for connection state recovery, is taken off them.
    /// Default `true`. [`ClientEvent::Event`](crate::ClientEvent::Event) tells it either way.
    pub strip_offset: bool,
    /// How often an event is sent again when it is not acknowledged within [`ClientSettings::ack_timeout`], where it does
    /// not say so itself ([`EmitOptions::retries`]). With more than 0 all such events but volatile ones are sent one at a
    /// time, each until it is acknowledged. Default 0.
    pub retries: u32,
    /// How long an acknowledgement may take where an event is sent again that names no time itself. Default 5 s.
    pub ack_timeout: Duration,
    /// Whether a session begins on a WebSocket right away when the one before has gone over to one; until a session that
    /// began so could not be opened. Only with [`Transports::PollingThenWebSocket`]. Default `false`.
    pub remember_upgrade: bool,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            engine: EngineSettings::default(),
            version: VersionChoice::default(),
            parser: Parser::default(),
            limits: Limits::default(),
            connect_timeout: Duration::from_secs(20),
            max_namespaces: 64,
            max_pending_acks: 4096,
            max_early: 16 << 20,
            offline: OfflinePolicy::default(),
            max_buffered: 1024,
            max_buffered_bytes: 4 << 20,
            recovery: true,
            strip_offset: true,
            retries: 0,
            ack_timeout: Duration::from_secs(5),
            remember_upgrade: false,
        }
    }
}

/// What a client tells a server when it asks to be let into a namespace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Credentials {
    /// Names and values of the auth object (protocol 5).
    pub auth: Vec<(String, Value)>,
    /// The query of the namespace (protocol 4); that of `/` is the engine's.
    pub query: Vec<(String, String)>,
}

/// How an event is emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EmitOptions {
    /// Dropped where it cannot be sent at once.
    pub volatile: bool,
    /// Whether an answer is asked for.
    pub ack: AckRequest,
    /// How often it is sent again when it is not acknowledged in time; `None` as [`ClientSettings::retries`] says. With
    /// more than 0 it stands in one queue with all such events, which are sent one at a time, and others may overtake it;
    /// the time of [`AckRequest::WaitFor`] is that of one attempt. Volatile events are never sent again.
    pub retries: Option<u32>,
}

/// Whether an event asks for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AckRequest {
    /// No.
    #[default]
    None,
    /// Yes, for as long as the connection lasts.
    Wait,
    /// Yes, for as long as this. Counted from the call, also while the event waits in a buffer, from which it is then
    /// taken.
    WaitFor(Duration),
}
