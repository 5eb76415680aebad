//! Why there is no connection, and what a person can do about it, in the words of this operator's parameters.

use patchcord_net::client::DialError;
use patchcord_socketio::engine::{CloseReason, EngineError, PacketError, Refusal};
use patchcord_socketio::{DisconnectReason, ParseError, Refused};

/// Why a transport could not be had.
pub(super) struct Failure {
    pub message: String,
    pub remedy: String,
}

impl Failure {
    pub(super) fn of_dial(error: &DialError) -> Self {
        let remedy = match error {
            DialError::Request(_) => "correct the input `headers`".to_owned(),
            DialError::Status(refusal) | DialError::Poll(refusal) if matches!(refusal.status, 401 | 403) => {
                CREDENTIALS.to_owned()
            }
            DialError::Poll(refusal) if refusal.status == 413 => TAKES_LESS.to_owned(),
            DialError::ResponseTooLarge { .. } => TOO_BIG.to_owned(),
            error => error.remedy().replace("before the address", "in `url`").replace("the address", "`url`"),
        };
        Failure { message: error.to_string(), remedy }
    }

    /// The same of a session that has ended.
    pub(super) fn of_end(reason: &DisconnectReason) -> Self {
        Failure { message: one_line(&reason.to_string()), remedy: remedy(reason).to_owned() }
    }
}

const CREDENTIALS: &str = "give the server what it wants by the inputs `headers`, `query` or `auth`";
const TOO_BIG: &str = "raise `maxmessage`, or have the server send less at a time";
const TAKES_LESS: &str = "send less at a time, or have the server take larger messages (`maxHttpBufferSize`)";
const NOT_SOCKETIO: &str = "the server breaks the protocol of Socket.IO: see its version and its log";

/// What can be done about a session that has ended or was not opened.
pub(super) fn remedy(reason: &DisconnectReason) -> &'static str {
    match reason {
        DisconnectReason::Server => "the server has closed it on purpose: pulse `reset`, or see `reconnectrefused`",
        DisconnectReason::Client | DisconnectReason::Engine(CloseReason::Client) => "",
        DisconnectReason::OldServer => "set `version` to auto or v3",
        DisconnectReason::Parse(error) => parse_remedy(error),
        DisconnectReason::NamespaceTimeout => "see the log of the server, or allow more `namespacetimeout`",
        DisconnectReason::TooMuchEarly { .. } => {
            "ask whoever runs the server to send less before it connects a namespace"
        }
        DisconnectReason::Engine(CloseReason::PingTimeout) => "see that the network and the server still work",
        DisconnectReason::Engine(CloseReason::WebSocketClosed { code: 1009, .. }) => TAKES_LESS,
        DisconnectReason::Engine(CloseReason::TransportClose | CloseReason::WebSocketClosed { .. }) => {
            "see the log of the server"
        }
        DisconnectReason::Engine(CloseReason::TransportError(_)) => {
            "see that the server runs, what its log says, and the network"
        }
        DisconnectReason::Engine(CloseReason::TooBig(_)) => TOO_BIG,
        DisconnectReason::Engine(CloseReason::OpenTimeout) => "correct `url` and `path`, or allow more `timeout`",
        DisconnectReason::Engine(CloseReason::Engine(EngineError::Packet(PacketError::TooBig { .. }))) => TOO_BIG,
        DisconnectReason::Engine(CloseReason::Engine(_)) => {
            "correct `url` and `path`: what answers there does not keep to Engine.IO"
        }
        DisconnectReason::Engine(CloseReason::Refused(refusal)) => match refusal {
            Refusal::UnknownTransport => "set `transports` to another entry",
            Refusal::UnknownSession => {
                "a server that was restarted knows this client again after the next attempt; where a load balancer stands \
                 between, set `transports` to websocket"
            }
            Refusal::Forbidden(_) => CREDENTIALS,
            Refusal::UnsupportedVersion => "set `version` to auto",
            Refusal::BadMethod | Refusal::BadRequest | Refusal::Status(_) => "correct `url` and `path`",
        },
    }
}

/// What can be done about a server whose packets cannot be read.
fn parse_remedy(error: &ParseError) -> &'static str {
    match error {
        ParseError::TooManyAttachments { .. } => "raise `maxattachments`, or have the server send fewer in one event",
        ParseError::TooBig { .. } => TOO_BIG,
        ParseError::TooDeep { .. } | ParseError::TooManyValues { .. } => "have the server send simpler events",
        ParseError::UnknownType(_)
        | ParseError::Json { .. }
        | ParseError::MessagePack { .. }
        | ParseError::UnexpectedText
        | ParseError::UnexpectedBinary => "see that `parser` is that of the server; if it is, see the server's log",
        ParseError::AttachmentCount
        | ParseError::Namespace
        | ParseError::AckId
        | ParseError::Payload
        | ParseError::EventName
        | ParseError::Placeholder => NOT_SOCKETIO,
        ParseError::ReservedName(_) => "have the server send this event under another name",
    }
}

/// What can be done about a namespace that the server does not let this client into.
pub(super) fn refused_remedy(reason: &Refused) -> &'static str {
    match reason {
        Refused::Server { .. } => {
            "correct the input `auth` or `namespaces`, then pulse `reset`; see `reconnectrefused`"
        }
        Refused::TimedOut => "see the log of the server, or allow more `namespacetimeout`",
        Refused::Credentials(_) | Refused::Send(_) => "shorten what the input `auth` has, then pulse `reset`",
        Refused::Query(_) => "shorten what the input `query` has, then pulse `reset`",
    }
}

/// Text of a server, fit for one line.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect::<String>().trim_end().to_owned()
}
