//! Why a dial failed, in the words of who has to put it right.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use patchcord_websocket::handshake::client::{ClientError, Refusal, RequestError};

use super::address::{Address, AddressError};
use super::progress::{Phase, Progress};
use super::proxy::ProxyError;
use crate::tls::{TlsEnd, TlsError, TlsFailure};

/// Characters of a refusal's body that are shown.
const SHOWN: usize = 200;

/// Why no WebSocket could be opened, or a request of long-polling not be answered. The text says what is wrong, [`remedy`](DialError::remedy) what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The address cannot be read.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A subprotocol, header or origin of the settings cannot stand in a request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Certificates or keys of the settings cannot be used.
    #[error(transparent)]
    TlsSettings(#[from] TlsError),
    /// The name has no address.
    #[error("the name {name} cannot be looked up: {reason}")]
    Dns {
        /// The name.
        name: String,
        /// What the system said.
        reason: String,
    },
    /// The machine is there, but nothing listens on that port.
    #[error("{}{address} refused the connection", proxy_prefix(*.is_proxy))]
    Refused {
        /// Where.
        address: SocketAddr,
        /// Whether that is the proxy.
        is_proxy: bool,
    },
    /// No way leads to the machine.
    #[error("{}{address} cannot be reached: {source}", proxy_prefix(*.is_proxy))]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// Whether that is the proxy.
        is_proxy: bool,
        /// What the system said.
        source: io::Error,
    },
    /// The time limit passed.
    #[error("no connection within {}: gave up {reached}", seconds(*.limit))]
    TimedOut {
        /// What was going on then.
        reached: Progress,
        /// The limit.
        limit: Duration,
    },
    /// The proxy did not connect.
    #[error("the proxy {proxy} does not connect: {source}")]
    Proxy {
        /// The proxy, without its password.
        proxy: String,
        /// Why not.
        source: ProxyError,
    },
    /// The TLS handshake failed.
    #[error(transparent)]
    Tls(TlsFailure),
    /// The server answered with another status than 101.
    #[error("the server answered {}", answer(.0))]
    Status(Box<Refusal>),
    /// The server answered a request of HTTP long-polling with another status than 200, or with a page for people.
    #[error("the server answered {}", answer(.0))]
    Poll(Box<Refusal>),
    /// The answer to a request of HTTP long-polling cannot be read.
    #[error("the server's answer cannot be read: {reason}")]
    BadResponse {
        /// Why not.
        reason: String,
    },
    /// The body of an answer to a request of HTTP long-polling is larger than the limit.
    #[error("the server's answer is larger than the limit of {limit} bytes")]
    ResponseTooLarge {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// The server sends elsewhere, where this end may not or will not go.
    #[error("the server redirects to {to}, {reason}")]
    Redirected {
        /// Where, without its secrets; as the server wrote it if it is no address.
        to: String,
        /// Why it was not followed.
        reason: RedirectRefusal,
    },
    /// What came is not HTTP.
    #[error("the server does not speak HTTP: its answer begins with {start:?}")]
    NotHttp {
        /// The first characters.
        start: String,
    },
    /// The answer was not made from this request: a cache or a server that is none of WebSocket.
    #[error("the server's answer has the wrong accept key")]
    WrongAcceptKey,
    /// The answer breaks another rule of the handshake.
    #[error(transparent)]
    BadAnswer(ClientError),
    /// The connection ended before the WebSocket was open.
    #[error("the connection ended during {}: {reason}", during(*.phase))]
    ClosedEarly {
        /// In which step.
        phase: Phase,
        /// How.
        reason: String,
    },
    /// This end gave up: the client was closed or dropped.
    #[error("connecting was cancelled")]
    Cancelled,
    /// The system gives no random numbers, which every handshake needs.
    #[error("the system gives no random numbers")]
    NoEntropy,
    /// The dial panicked.
    #[error("connecting was ended by a panic: {0}")]
    Panicked(String),
}

/// Why a redirect was not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectRefusal {
    /// The settings allow none.
    #[error("and redirects are not followed")]
    NotAllowed,
    /// More than the settings allow.
    #[error("after {0} redirects already")]
    TooMany(u8),
    /// From TLS to plain text.
    #[error("which is not encrypted as this connection is")]
    Downgrade,
    /// The requests of HTTP long-polling follow none.
    #[error("and polling follows no redirects")]
    Polling,
    /// Not an address of HTTP or WebSocket.
    #[error("which is no address of a WebSocket")]
    NoAddress,
}

impl DialError {
    /// The step that failed.
    pub fn phase(&self) -> Phase {
        match self {
            DialError::Address(_)
            | DialError::Request(_)
            | DialError::TlsSettings(_)
            | DialError::Cancelled
            | DialError::NoEntropy
            | DialError::Panicked(_) => Phase::Settings,
            DialError::Dns { .. } => Phase::Dns,
            DialError::Refused { .. } | DialError::Unreachable { .. } => Phase::Connect,
            DialError::TimedOut { reached, .. } => reached.phase,
            DialError::ClosedEarly { phase, .. } => *phase,
            DialError::Proxy { .. } => Phase::Proxy,
            DialError::Tls(_) => Phase::Tls,
            DialError::Status(_)
            | DialError::Redirected { .. }
            | DialError::NotHttp { .. }
            | DialError::WrongAcceptKey
            | DialError::BadAnswer(_) => Phase::Handshake,
            DialError::Poll(_) | DialError::BadResponse { .. } | DialError::ResponseTooLarge { .. } => Phase::Request,
        }
    }

    /// Whether the settings cannot be used: no dial goes well before somebody has changed them.
    pub fn is_of_settings(&self) -> bool {
        matches!(self, DialError::Address(_) | DialError::Request(_) | DialError::TlsSettings(_))
    }

    /// What a person can do about it.
    pub fn remedy(&self) -> String {
        match self {
            DialError::Address(error) => error.remedy(),
            DialError::Request(_) => "correct the headers and subprotocols of the connection",
            DialError::TlsSettings(error) => return error.remedy(TlsEnd::Client),
            DialError::Dns { .. } => {
                "correct the name, or use the IP address; see that this machine has a network and a name server"
            }
            DialError::Refused { is_proxy: true, .. } => "start the proxy, or correct its address and port",
            DialError::Refused { .. } => {
                "start the server, or correct the port; a server that listens on 127.0.0.1 alone cannot be reached from \
                 another machine"
            }
            DialError::Unreachable { .. } => {
                "correct the address; see that both machines are in one network and that no firewall stands between them"
            }
            DialError::TimedOut { reached, .. } => return timed_out_remedy(reached.phase).to_owned(),
            DialError::Proxy { source, .. } => source.remedy(),
            DialError::Tls(failure) => return failure.remedy(),
            DialError::Status(refusal) => status_remedy(refusal.status),
            DialError::Poll(refusal) => poll_remedy(refusal),
            DialError::BadResponse { .. } => "correct the port: another kind of server listens on this one",
            DialError::ResponseTooLarge { .. } => "have the server send less at a time, or allow larger messages",
            DialError::Redirected { reason: RedirectRefusal::NotAllowed, to } => {
                return format!("use {to} as the address, or allow redirects");
            }
            DialError::Redirected { reason: RedirectRefusal::Polling, to } => {
                return format!("use {to} as the address");
            }
            DialError::Redirected { .. } => "ask whoever runs the server for the address of its WebSocket",
            DialError::NotHttp { start } if is_tls_alert(start) => "the server wants TLS: begin the address with wss://",
            DialError::NotHttp { .. } => "correct the port: another kind of server listens on this one",
            DialError::WrongAcceptKey => "connect straight to the server, without a proxy or cache in between",
            DialError::BadAnswer(ClientError::UnaskedSubprotocol) => "offer the subprotocol that the server wants",
            DialError::BadAnswer(_) => "correct the path: what answers there does not keep to the WebSocket protocol",
            DialError::ClosedEarly { phase: Phase::Handshake | Phase::Request, .. } => {
                "correct port and path; a server that wants TLS needs wss:// before the address"
            }
            DialError::ClosedEarly { .. } => "correct address and port; see the log of the server",
            DialError::Cancelled => "",
            DialError::NoEntropy => "restart the machine",
            DialError::Panicked(_) => "this is a fault of the program",
        }
        .to_owned()
    }
}

fn timed_out_remedy(phase: Phase) -> &'static str {
    match phase {
        Phase::Dns => "see that this machine's name server answers, or use the IP address",
        Phase::Connect => {
            "correct the address; see that the machine is switched on and that no firewall stands between, or allow more \
             time"
        }
        Phase::Proxy => "see that the proxy can reach the server, or allow more time",
        Phase::Settings | Phase::Tls | Phase::Handshake | Phase::Request => {
            "correct the port: what listens there does not answer; or allow more time"
        }
    }
}

fn status_remedy(status: u16) -> &'static str {
    match status {
        101..400 => "correct the path: a WebSocket is answered with 101",
        400 => "correct the path; if the server wants TLS, begin the address with wss://",
        401 => "set `username` and `password`, or `token`, to what the server wants",
        403 => "ask whoever runs the server to let this client in; some let in certain origins alone",
        404 | 405 => "correct the path of the address",
        407 => "give the proxy's user and password in its address",
        426 => "the server wants another version of the protocol or TLS: try wss://",
        429 => "wait before connecting again",
        _ if status < 500 => "correct the request: address, headers and subprotocols",
        _ => "look into the log of the server, or wait until it works again",
    }
}

fn poll_remedy(refusal: &Refusal) -> &'static str {
    use patchcord_socketio::engine::Refusal as Said;
    match Said::parse(refusal.status, &refusal.body) {
        Said::UnknownTransport => "use another transport: the server does not offer polling",
        Said::UnknownSession => {
            "connect again if the server was restarted; behind a load balancer use WebSocket alone, or have it keep each \
             client at one server"
        }
        Said::UnsupportedVersion => "use another version of the protocol",
        Said::Status(404) => "correct the path: there is no Socket.IO server under it",
        Said::Status(status) if status < 400 => "correct address and path: there is no Socket.IO server under it",
        _ => status_remedy(refusal.status),
    }
}

/// What a TLS server says to plain text: an alert record.
fn is_tls_alert(start: &str) -> bool {
    start.starts_with("\u{15}\u{3}")
}

fn proxy_prefix(is_proxy: bool) -> &'static str {
    if is_proxy { "the proxy " } else { "" }
}

fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}

fn during(phase: Phase) -> &'static str {
    match phase {
        Phase::Settings | Phase::Dns | Phase::Connect => "connecting",
        Phase::Proxy => "the proxy's answer",
        Phase::Tls => "the TLS handshake",
        Phase::Handshake => "the WebSocket handshake",
        Phase::Request => "a request",
    }
}

/// Status, words and the beginning of the body, in one line.
fn answer(refusal: &Refusal) -> String {
    let mut text = format!("{} {}", refusal.status, printable(&refusal.reason)).trim_end().to_owned();
    let body = printable(&String::from_utf8_lossy(&refusal.body));
    if !body.is_empty() {
        text.push_str(": ");
        text.extend(body.chars().take(SHOWN));
        if body.chars().nth(SHOWN).is_some() {
            text.push('…');
        }
    }
    text
}

/// Text of a peer, fit for one line of a terminal.
fn printable(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A stream failed before the WebSocket was open.
pub(super) fn lost(phase: Phase, error: io::Error) -> DialError {
    lost_by(phase, &error)
}

/// The same, by an error that belongs to somebody else.
pub(crate) fn lost_by(phase: Phase, error: &io::Error) -> DialError {
    if let Some(failure) = TlsFailure::find(error) {
        return DialError::Tls(failure);
    }
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::WriteZero => "the other end closed it".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            "the other end reset it".to_owned()
        }
        _ => error.to_string(),
    };
    DialError::ClosedEarly { phase, reason }
}

/// The answer is none that opens a WebSocket.
pub(super) fn refused(error: ClientError, start: &[u8]) -> DialError {
    match error {
        ClientError::NotHttp => {
            let start = String::from_utf8_lossy(&start[..start.len().min(40)]).into_owned();
            DialError::NotHttp { start }
        }
        ClientError::EndedEarly => lost(Phase::Handshake, io::ErrorKind::UnexpectedEof.into()),
        ClientError::Refused(refusal) => DialError::Status(refusal),
        ClientError::WrongAcceptKey => DialError::WrongAcceptKey,
        other => DialError::BadAnswer(other),
    }
}

/// A redirect was not followed.
pub(crate) fn redirected(location: &str, to: Option<&Address>, reason: RedirectRefusal) -> DialError {
    let to = to.map_or_else(|| printable(location).chars().take(SHOWN).collect(), Address::to_string);
    DialError::Redirected { to, reason }
}
