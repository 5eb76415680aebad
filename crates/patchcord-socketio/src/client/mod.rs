//! A client of Socket.IO: namespaces over one session of the engine at a time, and over as many as it takes.
//!
//! [`Client::connect`] begins a session; when it ends ([`ClientEvent::Closed`]) the driver decides when to begin the next.
//! Namespaces, what is buffered for them, and what a server restores a session by stay from one to the next.
//!
//! The driver's part is that of [`Engine`]: do what [`Client::poll_output`] says, report what came of it, mind
//! [`Client::poll_timeout`], and hand on what [`Client::poll_event`] gives, after each call. What belongs to the
//! transports of an ended session must not be reported to the next.
//!
//! Source: the protocol documents of Socket.IO 4 and 5, the reference client 4.8 (its options, reasons and orders), and what
//! servers of the versions 2 and 4 were seen to do.

mod acks;
mod event;
mod offline;
mod retries;
mod settings;
mod socket;

use std::collections::VecDeque;
use std::time::Instant;

pub use event::{
    AckFailure, AckToken, AlreadyConnected, ClientEvent, DisconnectReason, EmitError, Emitted, Ignored, JoinError,
    Outcome, Refused, RequestId,
};
pub use settings::{AckRequest, ClientSettings, Credentials, EmitOptions, OfflinePolicy, VersionChoice};

use crate::decoder::{Decoder, ParseError};
use crate::engine::{
    CloseReason, Engine, EngineError, EngineEvent, EngineSettings, Output, Refusal, Transport, Transports, Version,
};
use crate::namespace::Namespace;
use crate::packet::{Content, Packet};
use crate::value::Value;
use socket::{Admission, Context, Socket};

/// A client.
#[derive(Debug)]
pub struct Client {
    settings: ClientSettings,
    /// The version that the next session asks for.
    version: Version,
    /// The last session has gone over to a WebSocket, so the next may begin on one.
    upgraded: bool,
    session: Option<Session>,
    sockets: Vec<Socket>,
    events: VecDeque<ClientEvent>,
    next_request: u64,
}

/// One session of the engine.
#[derive(Debug)]
struct Session {
    engine: Engine,
    inbox: Inbox,
    /// The transport that was told last.
    transport: Transport,
    /// Why this client ends it; else the engine knows.
    failure: Option<DisconnectReason>,
    /// Its end has been told.
    ended: bool,
}

/// What the engine has handed up and has not been looked at.
#[derive(Debug)]
struct Inbox {
    decoder: Decoder,
    arrived: VecDeque<Arrived>,
    /// How many values more may come with what the driver reports at the moment: the body of a poll has thousands of
    /// packets, which are all in memory before the first of them is handed out.
    values: usize,
    /// Attachments of this many bytes, and their packet, have come so far.
    size: usize,
    failed: bool,
}

#[derive(Debug)]
enum Arrived {
    Open,
    Ping,
    /// A packet, and its size in bytes.
    Packet(Packet, usize),
    Failed(ParseError),
}

impl Inbox {
    fn take(&mut self, event: EngineEvent<'_>) {
        let arrived = match event {
            EngineEvent::Open(_) => Arrived::Open,
            EngineEvent::Ping => Arrived::Ping,
            EngineEvent::Message(_) if self.failed => return,
            EngineEvent::Message(data) => {
                self.size = self.size.saturating_add(data.len());
                match self.decoder.handle_message_within(data, &mut self.values) {
                    Ok(None) => return,
                    Ok(Some(packet)) => Arrived::Packet(packet, std::mem::take(&mut self.size)),
                    Err(error) => {
                        self.failed = true;
                        Arrived::Failed(error)
                    }
                }
            }
        };
        self.arrived.push_back(arrived);
    }
}

impl Client {
    /// A client that has joined nothing and is not connected.
    pub fn new(settings: ClientSettings) -> Self {
        let version = settings.version.first();
        let (sockets, events) = (Vec::new(), VecDeque::new());
        Self { settings, version, upgraded: false, session: None, sockets, events, next_request: 0 }
    }

    /// How it is run.
    pub fn settings(&self) -> &ClientSettings {
        &self.settings
    }

    /// Changes how it is run, without an end to the session. Limits, policies and time-outs count from now on; version,
    /// address, transports and their time-outs from the next session on. The parser stays what it was, because what is
    /// buffered is written already.
    pub fn set_settings(&mut self, settings: ClientSettings) {
        if settings.version != self.settings.version {
            self.version = settings.version.first();
        }
        self.settings = ClientSettings { parser: self.settings.parser, ..settings };
        if let Some(session) = &mut self.session {
            session.engine.set_limits(self.settings.engine.max_packet, self.settings.engine.max_queue);
            session.inbox.decoder.set_limits(self.settings.limits);
        }
    }

    /// The version that the next session asks for.
    pub fn next_version(&self) -> Version {
        self.version
    }

    /// The session, also when it has ended; none before the first.
    pub fn engine(&self) -> Option<&Engine> {
        self.session.as_ref().map(|session| &session.engine)
    }

    /// Joins a namespace, now and in each session to come. One that is joined already keeps its state and gets these
    /// credentials, which count from the next connection on: a token can be renewed that way before [`Client::connect`].
    ///
    /// # Errors
    ///
    /// [`JoinError::TooManyNamespaces`].
    pub fn join(&mut self, namespace: &Namespace, credentials: Credentials, now: Instant) -> Result<(), JoinError> {
        let known = self.sockets.iter_mut().find(|socket| socket.namespace == *namespace);
        if let Some(socket) = known {
            socket.credentials = credentials;
            socket.wanted = true;
        } else if self.sockets.len() >= self.settings.max_namespaces {
            return Err(JoinError::TooManyNamespaces { limit: self.settings.max_namespaces });
        } else {
            self.sockets.push(Socket::new(namespace.clone(), credentials));
        }
        if self.is_open() {
            self.with_socket(namespace, now, Socket::connect);
            self.settle(now);
        }
        Ok(())
    }

    /// Leaves a namespace and forgets it, with all that waits to be sent: whatever waits for an answer fails
    /// ([`ClientEvent::AckFailed`]). With the last one the session is closed.
    pub fn leave(&mut self, namespace: &Namespace, now: Instant) {
        self.with_socket(namespace, now, Socket::abandon);
        self.sockets.retain(|socket| socket.namespace != *namespace);
        let deserted = !self.sockets.iter().any(Socket::is_active);
        if let Some(session) = self.session.as_mut().filter(|_| deserted) {
            session.failure = None;
            session.engine.close(now);
        }
        self.settle(now);
    }

    /// Begins a session. Joined namespaces that the server has put this client out of have to be joined again before.
    ///
    /// # Errors
    ///
    /// [`AlreadyConnected`], until [`ClientEvent::Closed`] has come for the last one.
    pub fn connect(&mut self, now: Instant) -> Result<(), AlreadyConnected> {
        if self.session.as_ref().is_some_and(|session| !session.ended) {
            return Err(AlreadyConnected);
        }
        let mut settings = EngineSettings { version: self.version, ..self.settings.engine.clone() };
        if self.settings.remember_upgrade && self.upgraded && settings.transports == Transports::PollingThenWebSocket {
            settings.transports = Transports::WebSocket;
        }
        let engine = Engine::new(settings, now);
        let decoder = Decoder::new(self.version, self.settings.parser, self.settings.limits);
        let inbox = Inbox { decoder, arrived: VecDeque::new(), values: 0, size: 0, failed: false };
        let transport = engine.transport();
        self.session = Some(Session { engine, inbox, transport, failure: None, ended: false });
        Ok(())
    }

    /// Ends the session after what is queued has gone out. Namespaces stay joined for the next one.
    pub fn close(&mut self, now: Instant) {
        self.each_socket(now, |socket, cx| {
            let wanted = socket.wanted;
            socket.leave(cx);
            socket.wanted = wanted;
        });
        if let Some(session) = &mut self.session {
            session.failure = None;
            session.engine.close(now);
        }
        self.settle(now);
    }

    /// Ends the session at once, for this reason; what is queued is dropped. Namespaces stay joined for the next one.
    pub fn abort(&mut self, reason: CloseReason, now: Instant) {
        if let Some(session) = &mut self.session {
            session.failure = None;
            session.engine.abort(reason);
        }
        self.settle(now);
    }

    /// Emits an event in a namespace.
    ///
    /// # Errors
    ///
    /// [`EmitError`]; nothing of it was sent or kept.
    pub fn emit(
        &mut self,
        namespace: &Namespace,
        name: &str,
        args: Vec<Value>,
        options: EmitOptions,
        now: Instant,
    ) -> Result<Emitted, EmitError> {
        // Timers may have stood still: what is over is not sent to.
        self.handle_timeout(now);
        self.with_socket(namespace, now, |socket, cx| socket.emit(name, args, options, cx))
            .unwrap_or_else(|| Err(EmitError::UnknownNamespace(namespace.clone())))
    }

    /// Answers an event of the server. The token is used up, also by an error.
    ///
    /// # Errors
    ///
    /// [`EmitError::StaleAck`] when the connection it came over is gone, [`EmitError::Encode`], [`EmitError::Send`].
    pub fn acknowledge(&mut self, token: AckToken, args: Vec<Value>, now: Instant) -> Result<(), EmitError> {
        let namespace = token.namespace.clone();
        self.with_socket(&namespace, now, |socket, cx| socket.acknowledge(&token, args, cx))
            .unwrap_or(Err(EmitError::StaleAck))
    }

    /// The id of a namespace at the server, while it is connected.
    pub fn sid(&self, namespace: &Namespace) -> Option<&str> {
        self.socket(namespace)?.sid()
    }

    /// How many events of a namespace wait to be sent when it is connected, or until one before was acknowledged.
    pub fn buffered(&self, namespace: &Namespace) -> usize {
        self.socket(namespace).map_or(0, Socket::buffered)
    }

    /// How many events of a namespace were dropped: volatile ones, those that a buffer or the server did not take, and
    /// those that did not ask for an answer themselves and were given up after all attempts.
    pub fn dropped(&self, namespace: &Namespace) -> u64 {
        self.socket(namespace).map_or(0, Socket::dropped)
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// Whether [`Client::poll_event`] has something to give.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// What the driver has to do next ([`Output`]).
    pub fn poll_output(&mut self, now: Instant) -> Option<Output> {
        let output = self.session.as_mut()?.engine.poll_output();
        if output.is_some() {
            // There is room for what was buffered.
            self.each_socket(now, Socket::flush);
        }
        self.settle(now);
        output
    }

    /// When [`Client::handle_timeout`] has to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let engine = self.session.as_ref().and_then(|session| session.engine.poll_timeout());
        self.sockets.iter().filter_map(Socket::deadline).chain(engine).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.with_engine(now, |engine, _| engine.handle_timeout(now));
        self.each_socket(now, Socket::handle_timeout);
        self.settle(now);
    }

    /// The WebSocket is open.
    pub fn handle_websocket_open(&mut self, now: Instant) {
        self.with_engine(now, |engine, _| engine.handle_websocket_open());
    }

    /// The server answered the WebSocket's handshake with another status than 101.
    pub fn handle_websocket_refused(&mut self, refusal: Refusal, now: Instant) {
        self.with_engine(now, |engine, _| engine.handle_websocket_refused(refusal));
    }

    /// The server has closed the WebSocket, with a close frame of this code; 1005 when it had none.
    pub fn handle_websocket_closed(&mut self, code: u16, reason: &str, now: Instant) {
        self.with_engine(now, |engine, _| engine.handle_websocket_closed(code, reason));
    }

    /// The WebSocket has ended or could not be opened; `error` is `None` when it was closed in order.
    pub fn handle_websocket_end(&mut self, error: Option<String>, now: Instant) {
        self.with_engine(now, |engine, _| engine.handle_websocket_end(error));
    }

    /// A text message came on the WebSocket.
    pub fn handle_text(&mut self, text: &str, now: Instant) {
        self.with_engine(now, |engine, inbox| engine.handle_text(text, now, |event| inbox.take(event)));
    }

    /// A binary message came on the WebSocket.
    pub fn handle_binary(&mut self, bytes: &[u8], now: Instant) {
        self.with_engine(now, |engine, inbox| engine.handle_binary(bytes, now, |event| inbox.take(event)));
    }

    /// The GET was answered with status 200 and this body.
    pub fn handle_get(&mut self, body: &[u8], now: Instant) {
        self.with_engine(now, |engine, inbox| engine.handle_get(body, now, |event| inbox.take(event)));
    }

    /// The POST was answered with status 200.
    pub fn handle_post(&mut self, now: Instant) {
        self.with_engine(now, |engine, _| engine.handle_post());
    }

    /// A GET or POST failed: it was answered with another status ([`CloseReason::Refused`]), or not at all
    /// ([`CloseReason::TransportError`]).
    pub fn handle_request_failed(&mut self, reason: CloseReason, now: Instant) {
        self.with_engine(now, |engine, _| engine.handle_request_failed(reason));
    }

    fn is_open(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.engine.is_open())
    }

    fn socket(&self, namespace: &Namespace) -> Option<&Socket> {
        self.sockets.iter().find(|socket| socket.namespace == *namespace)
    }

    fn with_engine(&mut self, now: Instant, handle: impl FnOnce(&mut Engine, &mut Inbox)) {
        if let Some(session) = &mut self.session {
            session.inbox.values = self.settings.limits.values;
            handle(&mut session.engine, &mut session.inbox);
            self.settle(now);
        }
    }

    fn with_socket<T>(
        &mut self,
        namespace: &Namespace,
        now: Instant,
        handle: impl FnOnce(&mut Socket, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let socket = self.sockets.iter_mut().find(|socket| socket.namespace == *namespace)?;
        let mut cx = Context {
            engine: self.session.as_mut().map(|session| &mut session.engine),
            settings: &self.settings,
            events: &mut self.events,
            next_request: &mut self.next_request,
            now,
        };
        Some(handle(socket, &mut cx))
    }

    fn each_socket(&mut self, now: Instant, mut handle: impl FnMut(&mut Socket, &mut Context<'_>)) {
        let mut cx = Context {
            engine: self.session.as_mut().map(|session| &mut session.engine),
            settings: &self.settings,
            events: &mut self.events,
            next_request: &mut self.next_request,
            now,
        };
        self.sockets.iter_mut().for_each(|socket| handle(socket, &mut cx));
    }

    /// Looks at what the engine has handed up, and at what has become of it.
    fn settle(&mut self, now: Instant) {
        while let Some(arrived) = self.session.as_mut().and_then(|session| session.inbox.arrived.pop_front()) {
            let outcome = match arrived {
                Arrived::Open => {
                    self.handle_open(now);
                    Ok(())
                }
                Arrived::Ping => {
                    self.events.push_back(ClientEvent::Ping);
                    Ok(())
                }
                Arrived::Packet(packet, size) => self.handle_packet(packet, size, now),
                Arrived::Failed(error) => Err(DisconnectReason::Parse(error)),
            };
            if let (Err(failure), Some(session)) = (outcome, &mut self.session) {
                session.inbox.arrived.clear();
                session.engine.abort(CloseReason::Client);
                session.failure.get_or_insert(failure);
            }
        }
        let deserted = !self.sockets.is_empty() && self.sockets.iter().all(Socket::is_idle);
        let Some(session) = &mut self.session else { return };
        if session.engine.is_open() && deserted {
            // What is still wanted was not connected in time; the next session may do better.
            if self.sockets.iter().any(|socket| socket.wanted) {
                session.failure = Some(DisconnectReason::NamespaceTimeout);
            }
            session.engine.close(now);
        }
        if let Some(failure) = session.engine.take_probe_failure() {
            self.events.push_back(ClientEvent::ProbeFailed(failure));
        }
        if session.transport != session.engine.transport() {
            session.transport = session.engine.transport();
            self.upgraded = true;
            self.events.push_back(ClientEvent::TransportChanged(session.transport));
        }
        if let Some(reason) = session.engine.close_reason()
            && !session.ended
        {
            session.ended = true;
            let reason = session.failure.take().unwrap_or_else(|| match reason {
                CloseReason::Engine(EngineError::OldServer) => DisconnectReason::OldServer,
                reason => DisconnectReason::Engine(reason.clone()),
            });
            self.handle_end(reason, now);
        }
    }

    fn handle_open(&mut self, now: Instant) {
        self.events.push_back(ClientEvent::Open);
        if !self.is_open() {
            // What came with the open packet has ended the session already.
            return;
        }
        self.each_socket(now, |socket, cx| {
            if socket.wanted {
                socket.connect(cx);
            }
        });
    }

    fn handle_packet(&mut self, packet: Packet, size: usize, now: Instant) -> Result<(), DisconnectReason> {
        let Some(engine) = self.engine() else { return Ok(()) };
        let version = engine.version();
        let Packet { mut namespace, content } = packet;
        if version == Version::V3 {
            namespace = namespace.without_query();
        }
        if let Content::Connect(payload) = content {
            let admission = match version {
                Version::V3 => Admission::of_protocol_4(&namespace, engine.handshake()),
                Version::V4 => Admission::of_protocol_5(payload.as_ref()).ok_or(DisconnectReason::OldServer)?,
            };
            // A server of protocol 4 connects `/` for everybody; not everybody has joined it.
            self.with_socket(&namespace, now, |socket, cx| socket.handle_connect(admission, cx));
            return Ok(());
        }
        let handled = self.with_socket(&namespace, now, |socket, cx| {
            match content {
                Content::Connect(_) => {}
                Content::Disconnect => socket.handle_disconnect(cx),
                Content::Event(event) => return socket.handle_event(event, size, cx),
                Content::Ack { id, args } => socket.handle_ack(id, args, cx),
                Content::ConnectError(data) => socket.handle_connect_error(data, cx),
            }
            Ok(())
        });
        handled.unwrap_or_else(|| {
            self.events.push_back(ClientEvent::Ignored { namespace, what: Ignored::NotConnected });
            Ok(())
        })
    }

    fn handle_end(&mut self, reason: DisconnectReason, now: Instant) {
        if self.settings.version == VersionChoice::Auto {
            self.version = match &reason {
                DisconnectReason::OldServer => Version::V3,
                DisconnectReason::Engine(CloseReason::Refused(Refusal::UnsupportedVersion)) => match self.version {
                    Version::V3 => Version::V4,
                    Version::V4 => Version::V3,
                },
                _ => self.version,
            };
        }
        // A WebSocket that could not even be opened is no way any more.
        self.upgraded &= self.engine().is_some_and(|engine| engine.handshake().is_some());
        self.each_socket(now, |socket, cx| socket.lose(&reason, cx));
        self.events.push_back(ClientEvent::Closed(reason));
    }
}
