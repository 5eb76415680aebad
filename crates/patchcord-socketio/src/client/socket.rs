//! One namespace of a client: it outlives the sessions of the engine.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::acks::Acks;
use super::event::{
    AckFailure, AckToken, ClientEvent, DisconnectReason, EmitError, Emitted, Ignored, Outcome, Refused, RequestId,
};
use super::offline::{Buffered, Offline, Pushed};
use super::retries::{Retries, Retry};
use super::settings::{AckRequest, ClientSettings, Credentials, EmitOptions, OfflinePolicy};
use crate::engine::{Engine, Handshake, SendError, Version};
use crate::namespace::Namespace;
use crate::packet::{Content, Encoded, Event, Packet};
use crate::value::Value;

/// What a namespace needs of its client.
pub(crate) struct Context<'a> {
    /// The session, if there is one.
    pub engine: Option<&'a mut Engine>,
    pub settings: &'a ClientSettings,
    pub events: &'a mut VecDeque<ClientEvent>,
    /// The number of the next request.
    pub next_request: &'a mut u64,
    pub now: Instant,
}

impl Context<'_> {
    fn version(&self) -> Version {
        self.engine.as_ref().map_or(Version::V4, |engine| engine.version())
    }

    fn send(&mut self, packet: &Packet) -> Result<(), EmitError> {
        let encoded = packet.encode(self.settings.parser, &self.settings.limits)?;
        self.send_encoded(encoded)?;
        Ok(())
    }

    /// Sends what must not wait behind a full queue: what connects a namespace, and what leaves it.
    fn send_control(&mut self, packet: &Packet) -> Result<(), EmitError> {
        let encoded = packet.encode(self.settings.parser, &self.settings.limits)?;
        let engine = self.engine.as_mut().ok_or(SendError::NotOpen)?;
        engine.send_control(encoded.into_messages())?;
        Ok(())
    }

    fn send_encoded(&mut self, encoded: Encoded) -> Result<(), SendError> {
        match &mut self.engine {
            Some(engine) => engine.send(encoded.into_messages()),
            None => Err(SendError::NotOpen),
        }
    }

    fn has_room(&self, encoded: &Encoded) -> bool {
        let messages = 1 + encoded.attachments.len();
        self.engine.as_ref().is_some_and(|engine| engine.has_room(messages, encoded.size()))
    }

    fn request(&mut self) -> RequestId {
        *self.next_request += 1;
        RequestId(*self.next_request)
    }

    fn deadline(&self, after: Duration) -> Option<Instant> {
        self.now.checked_add(after)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Connecting { deadline: Option<Instant> },
    Connected { sid: String },
}

/// What a server restores a lost session by.
#[derive(Debug)]
struct Recovery {
    pid: String,
    offset: Option<String>,
}

/// What a server says when it lets a client in.
#[derive(Debug)]
pub(crate) struct Admission {
    sid: String,
    /// By which it would restore the session.
    pid: Option<String>,
}

impl Admission {
    /// From what stands in the packet. None, if there is no id: a server of protocol 4 has none to give.
    pub fn of_protocol_5(payload: Option<&Value>) -> Option<Self> {
        let text = |name| payload?.field(name)?.as_text().map(str::to_owned);
        Some(Self { sid: text("sid")?, pid: text("pid") })
    }

    /// From the id of the engine's session.
    pub fn of_protocol_4(namespace: &Namespace, handshake: Option<&Handshake>) -> Self {
        let sid = handshake.map(|handshake| handshake.sid.as_str()).unwrap_or_default();
        let sid = if namespace.is_root() { sid.to_owned() } else { format!("{namespace}#{sid}") };
        Self { sid, pid: None }
    }
}

/// What an early event counts beside its bytes.
const OVERHEAD: usize = 64;

/// One namespace.
#[derive(Debug)]
pub(crate) struct Socket {
    pub namespace: Namespace,
    pub credentials: Credentials,
    /// It is to be connected whenever the engine is open.
    pub wanted: bool,
    phase: Phase,
    /// How often it has been connected.
    epoch: u64,
    recovery: Option<Recovery>,
    acks: Acks,
    offline: Offline,
    retries: Retries,
    /// Events that came before the server said that the namespace is connected.
    early: Vec<Event>,
    early_size: usize,
    dropped: u64,
}

impl Socket {
    pub fn new(namespace: Namespace, credentials: Credentials) -> Self {
        Self {
            namespace,
            credentials,
            wanted: true,
            phase: Phase::Idle,
            epoch: 0,
            recovery: None,
            acks: Acks::default(),
            offline: Offline::default(),
            retries: Retries::default(),
            early: Vec::new(),
            early_size: 0,
            dropped: 0,
        }
    }

    /// Its id at the server, while it is connected.
    pub fn sid(&self) -> Option<&str> {
        match &self.phase {
            Phase::Connected { sid } => Some(sid),
            Phase::Idle | Phase::Connecting { .. } => None,
        }
    }

    /// Whether it needs a session.
    pub fn is_active(&self) -> bool {
        self.wanted || !self.is_idle()
    }

    /// Whether it is neither connected nor being connected.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// How many events wait to be sent.
    pub fn buffered(&self) -> usize {
        self.offline.len() + self.retries.len()
    }

    /// How many events were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// When [`Socket::handle_timeout`] has to be called.
    pub fn deadline(&self) -> Option<Instant> {
        let connecting = match self.phase {
            Phase::Connecting { deadline } => deadline,
            Phase::Idle | Phase::Connected { .. } => None,
        };
        [connecting, self.acks.deadline()].into_iter().flatten().min()
    }

    /// Asks the server to be let in. A server of protocol 4 lets everybody into `/` without being asked.
    pub fn connect(&mut self, cx: &mut Context<'_>) {
        if !self.is_idle() {
            return;
        }
        self.phase = Phase::Connecting { deadline: cx.deadline(cx.settings.connect_timeout) };
        if let Err(reason) = self.send_connect(cx) {
            self.refuse(reason, cx);
        }
    }

    fn send_connect(&self, cx: &mut Context<'_>) -> Result<(), Refused> {
        let (namespace, auth) = match cx.version() {
            Version::V3 if self.namespace.is_root() => return Ok(()),
            Version::V3 => (self.namespace.with_query(&self.credentials.query)?, None),
            Version::V4 => (self.namespace.clone(), self.auth(cx.settings.recovery)),
        };
        match cx.send_control(&Packet { namespace, content: Content::Connect(auth) }) {
            Ok(()) => Ok(()),
            Err(EmitError::Encode(error)) => Err(error.into()),
            Err(EmitError::Send(error)) => Err(error.into()),
            // Nothing else comes of sending.
            Err(_) => Ok(()),
        }
    }

    /// The auth object, with what a lost session is restored by if that is wanted. Nothing, where there is neither.
    fn auth(&self, restores: bool) -> Option<Value> {
        let mut fields = self.credentials.auth.clone();
        if let Some(Recovery { pid, offset: Some(offset) }) = self.recovery.as_ref().filter(|_| restores) {
            fields.push(("pid".to_owned(), pid.as_str().into()));
            fields.push(("offset".to_owned(), offset.as_str().into()));
        }
        if fields.is_empty() { None } else { Some(Value::Object(fields)) }
    }

    /// Leaves: tells the server, if it has to know.
    pub fn leave(&mut self, cx: &mut Context<'_>) {
        self.wanted = false;
        self.recovery = None;
        if !self.is_idle() {
            self.send_disconnect(cx);
            self.lose(&DisconnectReason::Client, cx);
        }
    }

    /// Leaves for good: nothing is sent any more, and whatever was to be answered is told that it will not be.
    pub fn abandon(&mut self, cx: &mut Context<'_>) {
        let in_flight = self.retries.in_flight.is_some();
        self.leave(cx);
        if in_flight && let Some(retry) = self.retries.pop() {
            self.fail(retry.request, AckFailure::Disconnected, cx);
        }
        while let Some(packet) = self.offline.pop() {
            self.drop_buffered(packet.ack, cx);
        }
        while let Some(retry) = self.retries.pop() {
            self.fail(retry.request, AckFailure::Dropped, cx);
        }
    }

    fn send_disconnect(&self, cx: &mut Context<'_>) {
        // Where it cannot be sent the connection is ending anyway.
        let _ = cx.send_control(&Packet { namespace: self.namespace.clone(), content: Content::Disconnect });
    }

    /// The server lets the client in.
    pub fn handle_connect(&mut self, admission: Admission, cx: &mut Context<'_>) {
        let Admission { sid, pid } = admission;
        let Phase::Connecting { .. } = self.phase else { return };
        let recovered = pid.is_some() && self.recovery.as_ref().map(|recovery| &recovery.pid) == pid.as_ref();
        if !recovered {
            self.recovery = pid.map(|pid| Recovery { pid, offset: None });
        }
        self.phase = Phase::Connected { sid: sid.clone() };
        self.epoch += 1;
        self.early_size = 0;
        for event in std::mem::take(&mut self.early) {
            self.deliver(event, cx);
        }
        self.flush(cx);
        cx.events.push_back(ClientEvent::Connected { namespace: self.namespace.clone(), sid, recovered });
    }

    /// The server does not let the client in.
    pub fn handle_connect_error(&mut self, data: Value, cx: &mut Context<'_>) {
        let connected = match self.phase {
            Phase::Idle => return,
            Phase::Connecting { .. } => false,
            Phase::Connected { .. } => true,
        };
        if cx.version() == Version::V3 && connected {
            cx.events.push_back(ClientEvent::ServerError { namespace: self.namespace.clone(), data });
            return;
        }
        if connected {
            self.lose(&DisconnectReason::Server, cx);
        }
        let message = data.as_text().or_else(|| data.field("message").and_then(Value::as_text));
        let message = message.unwrap_or("no reason given").to_owned();
        let data = match (cx.version(), data) {
            (Version::V3, data) => data,
            (Version::V4, data) => data.field("data").cloned().unwrap_or_default(),
        };
        self.refuse(Refused::Server { message, data }, cx);
    }

    /// The server puts the client out, or does not let it in.
    pub fn handle_disconnect(&mut self, cx: &mut Context<'_>) {
        match self.phase {
            Phase::Idle => {}
            Phase::Connecting { .. } => {
                let message = "it disconnected the client".to_owned();
                self.refuse(Refused::Server { message, data: Value::Null }, cx);
            }
            Phase::Connected { .. } => {
                self.wanted = false;
                self.recovery = None;
                self.lose(&DisconnectReason::Server, cx);
            }
        }
    }

    /// An event of `size` bytes came.
    ///
    /// # Errors
    ///
    /// [`DisconnectReason::TooMuchEarly`], which ends the session.
    pub fn handle_event(&mut self, event: Event, size: usize, cx: &mut Context<'_>) -> Result<(), DisconnectReason> {
        match self.phase {
            Phase::Connected { .. } => self.deliver(event, cx),
            Phase::Connecting { .. } => {
                self.early_size = self.early_size.saturating_add(size + OVERHEAD);
                if self.early_size > cx.settings.max_early {
                    return Err(DisconnectReason::TooMuchEarly { limit: cx.settings.max_early });
                }
                self.early.push(event);
            }
            Phase::Idle => self.ignore(Ignored::NotConnected, cx),
        }
        Ok(())
    }

    /// An answer came.
    pub fn handle_ack(&mut self, id: u64, args: Vec<Value>, cx: &mut Context<'_>) {
        let answered = match self.phase {
            Phase::Connected { .. } => self.acks.take_answered(id),
            Phase::Idle | Phase::Connecting { .. } => None,
        };
        let Some(pending) = answered else {
            self.ignore(Ignored::Acknowledgement, cx);
            return;
        };
        let (namespace, request) = (self.namespace.clone(), pending.request);
        cx.events.push_back(ClientEvent::Acknowledged { namespace, request, args });
        if self.retries.in_flight == Some(id) {
            self.retries.in_flight = None;
            self.retries.pop();
            self.send_next(cx);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        if let Phase::Connecting { deadline: Some(deadline) } = self.phase
            && cx.now >= deadline
        {
            self.send_disconnect(cx);
            self.refuse(Refused::TimedOut, cx);
        }
        while let Some((id, pending)) = self.acks.take_expired(cx.now) {
            if self.retries.in_flight == Some(id) {
                self.retries.in_flight = None;
                let given_up = self.retries.front().is_some_and(|retry| {
                    retry.failures += 1;
                    retry.failures > retry.retries.unwrap_or(cx.settings.retries)
                });
                if given_up {
                    // Nobody waits for the answer to one that did not ask for it, so it is counted.
                    let asks = self.retries.pop().is_some_and(|retry| retry.asks);
                    self.dropped += u64::from(!asks);
                    self.fail(pending.request, AckFailure::TimedOut, cx);
                }
                self.send_next(cx);
            } else {
                self.offline.remove(id);
                self.fail(pending.request, AckFailure::TimedOut, cx);
            }
        }
    }

    /// The session has ended, or the namespace is not part of it any more. What has not been sent stays.
    pub fn lose(&mut self, reason: &DisconnectReason, cx: &mut Context<'_>) {
        let was = std::mem::replace(&mut self.phase, Phase::Idle);
        self.early = Vec::new();
        self.early_size = 0;
        if let Phase::Connected { .. } = was {
            let (namespace, reason) = (self.namespace.clone(), reason.clone());
            cx.events.push_back(ClientEvent::Disconnected { namespace, reason });
        }
        if let Some(id) = self.retries.in_flight.take() {
            self.acks.take(id);
        }
        for request in self.acks.take_sent() {
            self.fail(request, AckFailure::Disconnected, cx);
        }
    }

    /// Emits an event.
    pub fn emit(
        &mut self,
        name: &str,
        args: Vec<Value>,
        options: EmitOptions,
        cx: &mut Context<'_>,
    ) -> Result<Emitted, EmitError> {
        let retried = options.retries.unwrap_or(cx.settings.retries) > 0 && !options.volatile;
        let id = (retried || options.ack != AckRequest::None).then(|| self.acks.next_id());
        let limit = cx.settings.max_pending_acks;
        if id.is_some() && self.acks.len() >= limit {
            return Err(EmitError::TooManyPendingAcks { limit });
        }
        let event = Event { name: name.into(), args, id };
        let packet = Packet { namespace: self.namespace.clone(), content: Content::Event(event) };
        let encoded = packet.encode(cx.settings.parser, &cx.settings.limits)?;
        if retried {
            if self.sid().is_none() && cx.settings.offline == OfflinePolicy::Off {
                return Err(EmitError::NotConnected(self.namespace.clone()));
            }
            let request = cx.request();
            return self.emit_retried(Retry::new(packet, encoded.size(), request, options), cx);
        }
        let outcome = if self.sid().is_some() && self.offline.is_empty() {
            if options.volatile && !cx.engine.as_ref().is_some_and(|engine| engine.is_writable()) {
                Outcome::Dropped
            } else {
                cx.send_encoded(encoded)?;
                Outcome::Sent
            }
        } else if options.volatile {
            Outcome::Dropped
        } else {
            self.buffer(Buffered { encoded, ack: id }, cx)?
        };
        if outcome == Outcome::Dropped {
            self.dropped += 1;
            return Ok(Emitted { outcome, request: None });
        }
        let request = id.map(|_| {
            let request = cx.request();
            let deadline = match options.ack {
                AckRequest::WaitFor(after) => cx.deadline(after),
                AckRequest::None | AckRequest::Wait => None,
            };
            self.acks.register(request, deadline, outcome == Outcome::Buffered);
            request
        });
        Ok(Emitted { outcome, request })
    }

    /// Answers an event of the server.
    pub fn acknowledge(&mut self, token: &AckToken, args: Vec<Value>, cx: &mut Context<'_>) -> Result<(), EmitError> {
        if self.sid().is_none() || token.epoch != self.epoch {
            return Err(EmitError::StaleAck);
        }
        cx.send(&Packet { namespace: self.namespace.clone(), content: Content::Ack { id: token.id, args } })
    }

    /// Sends what is buffered, as far as the engine takes it.
    pub fn flush(&mut self, cx: &mut Context<'_>) {
        if self.sid().is_none() {
            return;
        }
        while let Some(front) = self.offline.front() {
            if !cx.has_room(&front.encoded) {
                return;
            }
            let Some(Buffered { encoded, ack }) = self.offline.pop() else { return };
            match (cx.send_encoded(encoded), ack) {
                (Ok(()), Some(id)) => self.acks.sent(id),
                (Ok(()), None) => {}
                (Err(_), ack) => self.drop_buffered(ack, cx),
            }
        }
        self.send_next(cx);
    }

    fn emit_retried(&mut self, retry: Retry, cx: &mut Context<'_>) -> Result<Emitted, EmitError> {
        let request = retry.request;
        let (most, most_bytes) = (cx.settings.max_buffered, cx.settings.max_buffered_bytes);
        if !self.retries.push(retry, most, most_bytes) {
            return Err(EmitError::BufferFull);
        }
        self.send_next(cx);
        let alone = self.retries.len() == 1 && self.retries.in_flight.is_some();
        let outcome = if alone { Outcome::Sent } else { Outcome::Buffered };
        Ok(Emitted { outcome, request: Some(request) })
    }

    /// Sends the event whose turn it is, if none is on its way.
    fn send_next(&mut self, cx: &mut Context<'_>) {
        while self.sid().is_some() && self.retries.in_flight.is_none() {
            let id = self.acks.next_id();
            let Some(retry) = self.retries.front() else { return };
            let request = retry.request;
            let timeout = retry.timeout.unwrap_or(cx.settings.ack_timeout);
            match cx.send(retry.numbered(id)) {
                Ok(()) => {
                    self.acks.register(request, cx.deadline(timeout), false);
                    self.retries.in_flight = Some(id);
                }
                Err(EmitError::Send(SendError::QueueFull { .. } | SendError::NotOpen)) => return,
                Err(_) => {
                    self.retries.pop();
                    self.dropped += 1;
                    self.fail(request, AckFailure::Dropped, cx);
                }
            }
        }
    }

    fn buffer(&mut self, packet: Buffered, cx: &mut Context<'_>) -> Result<Outcome, EmitError> {
        let settings = cx.settings;
        match self.offline.push(packet, settings.offline, settings.max_buffered, settings.max_buffered_bytes) {
            Pushed::Kept(gone) => {
                gone.into_iter().for_each(|packet| self.drop_buffered(packet.ack, cx));
                Ok(Outcome::Buffered)
            }
            Pushed::Dropped => Ok(Outcome::Dropped),
            Pushed::Refused if settings.offline == OfflinePolicy::Off => {
                Err(EmitError::NotConnected(self.namespace.clone()))
            }
            Pushed::Refused => Err(EmitError::BufferFull),
        }
    }

    fn drop_buffered(&mut self, ack: Option<u64>, cx: &mut Context<'_>) {
        self.dropped += 1;
        if let Some(pending) = ack.and_then(|id| self.acks.take(id)) {
            self.fail(pending.request, AckFailure::Dropped, cx);
        }
    }

    /// Hands an event out, its offset apart.
    fn deliver(&mut self, event: Event, cx: &mut Context<'_>) {
        let Event { name, mut args, id } = event;
        let mut offset = None;
        if let (Some(recovery), None, Some(Value::Text(last))) = (&mut self.recovery, id, args.last())
            && is_offset(last)
        {
            recovery.offset = Some(last.clone());
            offset = Some(last.clone());
            if cx.settings.strip_offset {
                args.pop();
            }
        }
        let namespace = self.namespace.clone();
        let ack = id.map(|id| AckToken { namespace: namespace.clone(), id, epoch: self.epoch });
        cx.events.push_back(ClientEvent::Event { namespace, name, args, offset, ack });
    }

    fn refuse(&mut self, reason: Refused, cx: &mut Context<'_>) {
        self.phase = Phase::Idle;
        // A server that was too slow once has not said no.
        if reason != Refused::TimedOut {
            self.wanted = false;
            self.recovery = None;
        }
        self.early = Vec::new();
        self.early_size = 0;
        cx.events.push_back(ClientEvent::Refused { namespace: self.namespace.clone(), reason });
    }

    fn fail(&self, request: RequestId, reason: AckFailure, cx: &mut Context<'_>) {
        cx.events.push_back(ClientEvent::AckFailed { namespace: self.namespace.clone(), request, reason });
    }

    fn ignore(&self, what: Ignored, cx: &mut Context<'_>) {
        cx.events.push_back(ClientEvent::Ignored { namespace: self.namespace.clone(), what });
    }
}

/// Whether a string can be an offset: those of the known adapters are of letters, digits, `-`, `_` and `.`, and short.
fn is_offset(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
