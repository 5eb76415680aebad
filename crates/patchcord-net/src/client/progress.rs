//! How far a dial has come, for messages and for errors.

use std::fmt;

/// A step on the way to an open WebSocket, or to the answer of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Reading the address, the settings and the files that they name.
    Settings,
    /// Looking up a name.
    Dns,
    /// Opening a TCP connection.
    Connect,
    /// Asking a proxy for a way, once it is connected.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The WebSocket handshake.
    Handshake,
    /// A request of HTTP long-polling.
    Request,
}

impl Phase {
    /// A short name that does not change: `settings`, `dns`, `connect`, `proxy`, `tls`, `handshake`, `request`.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Settings => "settings",
            Phase::Dns => "dns",
            Phase::Connect => "connect",
            Phase::Proxy => "proxy",
            Phase::Tls => "tls",
            Phase::Handshake => "handshake",
            Phase::Request => "request",
        }
    }

    /// What is being done, to be followed by with whom.
    fn doing(self) -> &'static str {
        match self {
            Phase::Settings => "preparing to connect to",
            Phase::Dns => "looking up",
            Phase::Connect => "connecting to",
            Phase::Proxy => "waiting for the proxy to connect to",
            Phase::Tls => "agreeing on TLS with",
            Phase::Handshake => "opening a WebSocket at",
            Phase::Request => "asking",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A step that begins, and with whom: a name, an IP address with port, an address without its secrets. Its text is a
/// message for people: `looking up example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The step.
    pub phase: Phase,
    /// With whom.
    pub subject: String,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.phase.doing(), self.subject)
    }
}
