//! Sending: events of this end.

use std::time::{Duration, Instant};

use patchcord_core::problem::Problem;
use patchcord_socketio::engine::SendError;
use patchcord_socketio::{
    AckRequest, EmitError, EmitOptions, Emitted, EncodeError, Namespace, NamespaceError, Outcome, Value, is_reserved,
};

use super::acks::{AckHandler, Pending};
use super::recorded::note_event;
use super::{Connection, SocketIoDat};
use crate::recording::Direction;

/// How an event is emitted.
#[derive(Default)]
pub struct Emit<'a> {
    /// Where; none is the first of `namespaces`.
    pub namespace: Option<&'a str>,
    /// Whether the server is to acknowledge it, and who hears that.
    pub ack: Ack,
    /// How long that may take, zero as long as the connection lasts; none is what `acktimeout` says.
    pub timeout: Option<Duration>,
    /// Dropped where it cannot be sent at once.
    pub volatile: bool,
    /// How often it is sent again when it is not acknowledged; none is what `retries` says.
    pub retries: Option<u32>,
}

/// Whether an event asks for an acknowledgement.
#[derive(Default)]
pub enum Ack {
    /// No.
    #[default]
    None,
    /// Yes; it goes to onAck.
    Callback,
    /// Yes; it goes to this function.
    Call(AckHandler),
}

/// A mistake of whoever emits; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmitMistake {
    /// The event cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// There can be no such namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// The operator is not in that namespace.
    #[error("the operator is not in the namespace {0}; `namespaces` says in which it is")]
    NotJoined(Namespace),
}

impl SocketIoDat {
    /// Emits an event. The result is the number under which its acknowledgement comes, if it asks for one; nothing was
    /// sent or kept without a warning on the operator.
    ///
    /// # Errors
    /// [`EmitMistake`].
    pub fn emit(&self, event: &str, args: Vec<Value>, how: Emit<'_>) -> Result<Option<u64>, EmitMistake> {
        let named = how.namespace.map(Namespace::new).transpose()?;
        let Some(link) = self.link() else { return Ok(self.warn_not_sent(NOT_CONNECTED)) };
        let first = link.places.borrow().first().map(|place| place.namespace.clone());
        // Nothing could be dialled yet.
        let Some(first) = first else { return Ok(self.warn_not_sent(NOT_CONNECTED)) };
        let namespace = named.unwrap_or(first);
        let noted = self.shared.tap.is_on().then(|| args.clone());
        let asks = !matches!(how.ack, Ack::None);
        let timeout = how.timeout.or(self.shared.options.get().ack_timeout).filter(|timeout| !timeout.is_zero());
        let ack = match (asks, timeout) {
            (false, _) => AckRequest::None,
            (true, None) => AckRequest::Wait,
            (true, Some(timeout)) => AckRequest::WaitFor(timeout),
        };
        let options = EmitOptions { volatile: how.volatile, ack, retries: how.retries };
        let (emitted, is_replay) = match &*self.connection.borrow() {
            Some((Connection::Network(client), _)) => (client.emit(&namespace, event, args, options), false),
            Some((Connection::Replay(_), _)) if is_reserved(event) => {
                return Err(EncodeError::ReservedName(event.to_owned()).into());
            }
            Some((Connection::Replay(_), _)) if !link.is_in(&namespace) => {
                return Err(EmitMistake::NotJoined(namespace));
            }
            Some((Connection::Replay(_), _)) if link.connected() == 0 => return Ok(self.warn_not_sent(NOT_CONNECTED)),
            Some((Connection::Replay(_), _)) => (Ok(Emitted { outcome: Outcome::Sent, request: None }), true),
            None => return Ok(None),
        };
        let emitted = match emitted {
            Ok(emitted) => emitted,
            Err(EmitError::Encode(error)) => return Err(error.into()),
            Err(EmitError::UnknownNamespace(namespace)) => return Err(EmitMistake::NotJoined(namespace)),
            Err(EmitError::NotConnected(_)) => return Ok(self.warn_not_sent(NOT_CONNECTED)),
            Err(error) => return Ok(self.warn_not_taken(&error)),
        };
        let number = (asks && (is_replay || emitted.request.is_some())).then(|| self.shared.requests.get() + 1);
        if emitted.outcome != Outcome::Dropped {
            self.shared.events_out.set(self.shared.events_out.get() + 1);
            if self.shared.send_failed.replace(false) {
                self.shared.network.clear_problem(self.shared.op, "send");
            }
            if let Some(args) = noted {
                note_event(&self.shared.tap, Direction::Out, &namespace, (event, args, number), None);
            }
        }
        let Some(number) = number else { return Ok(None) };
        self.shared.requests.set(number);
        let handler = match how.ack {
            Ack::Call(handler) => Some(handler),
            Ack::None | Ack::Callback => None,
        };
        let pending = Pending { number, event: event.into(), namespace, sent: Instant::now(), handler };
        match emitted.request {
            Some(request) => link.acks.wait(request, pending),
            None if link.acks.wait_in_replay(pending) => {}
            None => return Ok(self.warn_not_sent("too many events wait for an acknowledgement")),
        }
        Ok(Some(number))
    }

    #[cold]
    fn warn_not_taken(&self, error: &EmitError) -> Option<u64> {
        self.warn_why(&error.to_string(), remedy(error))
    }

    #[cold]
    fn warn_not_sent(&self, why: &str) -> Option<u64> {
        self.warn_why(why, NOT_YET)
    }

    fn warn_why(&self, why: &str, remedy: &'static str) -> Option<u64> {
        self.shared.send_failed.set(true);
        self.past_dropped.set(self.past_dropped.get() + 1);
        let message = format!("{why}; nothing was sent");
        self.shared.network.report(self.shared.op, Problem::warning("send", message, remedy));
        None
    }
}

/// What can be done about emitting while there is no connection.
const NOT_YET: &str = "emit from onOpen on, or see `offline`";
const NOT_CONNECTED: &str = "not connected";

/// What can be done about an event that the client does not take.
pub(super) fn remedy(error: &EmitError) -> &'static str {
    match error {
        EmitError::Send(SendError::QueueFull { .. }) => {
            "emit less, or only what counts at that moment with volatile=True; or raise `maxqueue`"
        }
        EmitError::Send(SendError::TooBigForServer { .. }) => {
            "send it in parts, or have the server allow more (`maxHttpBufferSize`)"
        }
        EmitError::TooManyPendingAcks { .. } => "ask for fewer answers, or give `emit` a `timeout`",
        EmitError::BufferFull => "emit less, raise `offlinelimit`, or see `offline`",
        EmitError::Encode(_) => "see what onReceiveEvent returns",
        EmitError::StaleAck => "",
        EmitError::Send(SendError::NotOpen) | EmitError::NotConnected(_) | EmitError::UnknownNamespace(_) => NOT_YET,
    }
}
