//! Why there is no connection, and what a person can do about it, in the words of this operator's parameters.

use patchcord_net::client::DialError;
use patchcord_socketio::engine::{CloseReason, Refusal};
use patchcord_socketio::{DisconnectReason, Refused};

/// Why a transport could not be had.
pub(super) struct Failure {
    pub message: String,
    pub remedy: String,
    /// Nothing gets better before somebody has corrected a parameter.
    pub is_of_settings: bool,
}

impl Failure {
    pub(super) fn of_dial(error: &DialError) -> Self {
        let remedy = match error {
            DialError::Status(refusal) | DialError::Poll(refusal) if matches!(refusal.status, 401 | 403) => {
                "give the server what it wants by the inputs `headers`, `query` or `auth`".to_owned()
            }
            error => error.remedy(),
        };
        Failure { message: error.to_string(), remedy, is_of_settings: error.is_of_settings() }
    }
}

/// What can be done about a session that has ended or was not opened.
pub(super) fn remedy(reason: &DisconnectReason) -> &'static str {
    match reason {
        DisconnectReason::Server => "the server has closed it on purpose: pulse `reset`, or see `reconnectrefused`",
        DisconnectReason::Client | DisconnectReason::Engine(CloseReason::Client) => "",
        DisconnectReason::OldServer => "set `version` to auto or v3",
        DisconnectReason::Parse(_) => "see that `parser` and `maxattachments` are those of the server",
        DisconnectReason::TooMuchEarly { .. } => {
            "ask whoever runs the server to send less before it connects a namespace"
        }
        DisconnectReason::Engine(CloseReason::PingTimeout) => "see that the network and the server still work",
        DisconnectReason::Engine(CloseReason::WebSocketClosed { code: 1009, .. }) => {
            "send less at a time, or have the server take larger messages (`maxHttpBufferSize`)"
        }
        DisconnectReason::Engine(CloseReason::TransportClose | CloseReason::WebSocketClosed { .. }) => {
            "see the log of the server"
        }
        DisconnectReason::Engine(CloseReason::TransportError(_)) => "see that the server runs, and the network",
        DisconnectReason::Engine(CloseReason::OpenTimeout) => "correct `url` and `path`, or allow more `timeout`",
        DisconnectReason::Engine(CloseReason::Engine(_)) => {
            "correct `url` and `path`: what answers there does not keep to Engine.IO"
        }
        DisconnectReason::Engine(CloseReason::Refused(refusal)) => match refusal {
            Refusal::UnknownTransport => "set `transports` to another entry",
            Refusal::UnknownSession => "set `transports` to websocket: a load balancer sends each request elsewhere",
            Refusal::Forbidden(_) => "give the server what it wants by the inputs `headers`, `query` or `auth`",
            Refusal::UnsupportedVersion => "set `version` to auto",
            Refusal::BadMethod | Refusal::BadRequest | Refusal::Status(_) => "correct `url` and `path`",
        },
    }
}

/// What can be done about a namespace that the server does not let this client into.
pub(super) fn refused_remedy(reason: &Refused) -> &'static str {
    match reason {
        Refused::Server { .. } => {
            "correct the input `auth` or `namespaces`, then pulse `reset`; see `reconnectrefused`"
        }
        Refused::TimedOut => "see the log of the server, or allow more `namespacetimeout`; then pulse `reset`",
        Refused::Credentials(_) | Refused::Send(_) => "shorten what the input `auth` has, then pulse `reset`",
        Refused::Query(_) => "shorten what the input `query` has, then pulse `reset`",
    }
}
