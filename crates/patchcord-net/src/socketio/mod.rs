//! Clients of Socket.IO: the protocol core on WebSockets and HTTP long-polling.
//!
//! [`SocketIoClient`] is what the rest of the program holds: namespaces, sending, one session at a time. It does what
//! [`patchcord_socketio::Client`] wants done: opens a WebSocket (a [`WebSocketClient`](crate::client::WebSocketClient) as
//! any other), makes requests, minds the time. All transports are dialled as [`client::dial`](crate::client::dial())
//! does it, with the same proxy, TLS and errors. It does not come back by itself: [`Backoff`](crate::client::Backoff)
//! says when to connect again, and who owns the client does so.
//!
//! - [`driver`]: between the core and everything around it; turns, the clock, sessions;
//! - [`link`]: one WebSocket of a session;
//! - [`polling`]: the requests of a session, over connections that are kept; [`cookies`] of its own.

mod cookies;
mod driver;
mod link;
mod polling;
mod transports;

use std::rc::Rc;
use std::time::Duration;

use patchcord_socketio::engine::{Transport, Version};
use patchcord_socketio::{
    AckToken, AlreadyConnected, ClientEvent, ClientSettings, Credentials, EmitError, EmitOptions, Emitted, JoinError,
    Namespace, Value,
};
use tokio::task::JoinHandle;

use crate::client::{Address, ConnectionSettings, DialError, DialSettings, Progress};
use driver::Driver;

/// Hears of a client. Called on the client's thread with nothing borrowed: it may emit, join, close, connect, and drop the
/// client. It must not block. What such a call causes is told after the call that it was made in has returned.
pub trait Handler: 'static {
    /// A step on the way to the session's first transport begins.
    fn handle_progress(&self, _progress: &Progress) {}

    /// Why the transport that ends the session could not be had; [`ClientEvent::Closed`] follows. Not called for a
    /// WebSocket that was only probed, nor for what passes over an open transport.
    fn handle_failure(&self, error: &DialError);

    /// Something happened. [`ClientEvent::Closed`] is the last of a session; from within it the next can be begun.
    fn handle_event(&self, event: ClientEvent);

    /// Brackets all that one read, answer or timer brings: must call `work` once.
    fn handle_turn(&self, work: &mut dyn FnMut()) {
        work();
    }

    /// The handling of something panicked, which ends the session: a fault of this program.
    fn handle_panic(&self, _reason: &str) {}
}

/// Where a session goes, and how.
#[derive(Debug, Clone)]
pub struct Target {
    /// Scheme, host, port and user count; path and query are those of
    /// [`EngineSettings::address`](patchcord_socketio::engine::EngineSettings::address).
    pub address: Address,
    /// How each transport is dialled. The time limit is that of one dial, beside the one for the session to be opened.
    /// Cookies among the headers are the first that the session has. Requests of polling offer neither subprotocols nor
    /// compression and follow no redirects.
    pub dial: DialSettings,
    /// Bounds of the transports.
    pub connection: ConnectionSettings,
}

impl Target {
    /// A session at this address, with the defaults of all else but WebSocket's own pings: the engine has a heartbeat.
    pub fn new(address: Address) -> Self {
        let connection = ConnectionSettings { ping_interval: Duration::ZERO, ..ConnectionSettings::default() };
        Target { address, dial: DialSettings::default(), connection }
    }
}

/// Counters of a client, over all its sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientStats {
    /// Bytes that came: of messages of WebSockets and of bodies of responses, heartbeats included.
    pub bytes_in: u64,
    /// Bytes that were sent: of messages of WebSockets and of bodies of requests, heartbeats included.
    pub bytes_out: u64,
    /// Messages of WebSockets and bodies of responses that came.
    pub messages_in: u64,
    /// Messages of WebSockets and bodies of requests that were sent.
    pub messages_out: u64,
}

/// A client of Socket.IO. Dropping it ends everything at once, and the handler hears nothing more.
pub struct SocketIoClient<H: Handler> {
    driver: Rc<Driver<H>>,
    task: JoinHandle<()>,
}

impl<H: Handler> SocketIoClient<H> {
    /// A client that has joined nothing and is not connected. Must be called inside a `LocalSet` of a tokio runtime.
    pub fn new(handler: Rc<H>, settings: ClientSettings) -> Self {
        let driver = Driver::new(handler, settings);
        let task = tokio::task::spawn_local(driver::run(driver.clone()));
        SocketIoClient { driver, task }
    }

    /// Changes how the client is run ([`patchcord_socketio::Client::set_settings`] says what holds from when on).
    pub fn set_settings(&self, settings: ClientSettings) {
        self.driver.call(|client, _| client.set_settings(settings));
    }

    /// Changes the bounds of the transports; they hold at once. Their queue and what becomes of slow readers mean nothing
    /// here: what waits is bounded by
    /// [`EngineSettings::max_queue`](patchcord_socketio::engine::EngineSettings::max_queue).
    pub fn set_connection(&self, settings: ConnectionSettings) {
        self.driver.set_connection(settings);
    }

    /// Joins a namespace, now and in each session to come. One that is joined already gets these credentials, which count
    /// from the next connection on.
    ///
    /// # Errors
    ///
    /// [`JoinError`].
    pub fn join(&self, namespace: &Namespace, credentials: Credentials) -> Result<(), JoinError> {
        self.driver.call(|client, now| client.join(namespace, credentials, now))
    }

    /// Leaves a namespace and forgets it, with all that waits to be sent. With the last one the session is closed.
    pub fn leave(&self, namespace: &Namespace) {
        self.driver.call(|client, now| client.leave(namespace, now));
    }

    /// Begins a session. The handler hears nothing before this has returned.
    ///
    /// # Errors
    ///
    /// [`AlreadyConnected`], until the handler has been told [`ClientEvent::Closed`] of the last one.
    pub fn connect(&self, target: Target) -> Result<(), AlreadyConnected> {
        self.driver.connect(target)
    }

    /// Emits an event in a namespace.
    ///
    /// # Errors
    ///
    /// [`EmitError`]; nothing of it was sent or kept.
    pub fn emit(
        &self,
        namespace: &Namespace,
        name: &str,
        args: Vec<Value>,
        options: EmitOptions,
    ) -> Result<Emitted, EmitError> {
        self.driver.call(|client, now| client.emit(namespace, name, args, options, now))
    }

    /// Answers an event of the server. The token is used up, also by an error.
    ///
    /// # Errors
    ///
    /// [`EmitError`]; the server gets no answer.
    pub fn acknowledge(&self, token: AckToken, args: Vec<Value>) -> Result<(), EmitError> {
        self.driver.call(|client, now| client.acknowledge(token, args, now))
    }

    /// Ends the session in order: what is queued goes out, namespaces are left, the engine is closed. Returns at once; the
    /// handler hears of it later.
    pub fn close(&self) {
        self.driver.call(|client, now| client.close(now));
    }

    /// Ends the session at once; what is queued is dropped. The handler hears of it later.
    pub fn abort(&self) {
        self.driver.abort();
    }

    /// Whether [`SocketIoClient::connect`] may be called.
    pub fn is_closed(&self) -> bool {
        self.driver.is_closed()
    }

    /// The id of a namespace at the server, while it is connected.
    pub fn sid(&self, namespace: &Namespace) -> Option<String> {
        self.driver.client().sid(namespace).map(str::to_owned)
    }

    /// The id of the session at the server, while it is open.
    pub fn engine_sid(&self) -> Option<String> {
        let client = self.driver.client();
        client.engine().filter(|engine| engine.is_open())?.handshake().map(|handshake| handshake.sid.clone())
    }

    /// What carries the packets, while the session is open.
    pub fn transport(&self) -> Option<Transport> {
        let client = self.driver.client();
        client.engine().filter(|engine| engine.is_open()).map(|engine| engine.transport())
    }

    /// The version of Engine.IO that the server is asked for, while there is a session.
    pub fn version(&self) -> Option<Version> {
        let client = self.driver.client();
        client.engine().filter(|engine| engine.close_reason().is_none()).map(|engine| engine.version())
    }

    /// The version of Engine.IO that the next session asks for.
    pub fn next_version(&self) -> Version {
        self.driver.client().next_version()
    }

    /// Bytes that wait to be sent in this session.
    pub fn queued(&self) -> usize {
        self.driver.queued()
    }

    /// How many events of a namespace wait to be sent when it is connected, or until one before was acknowledged.
    pub fn buffered(&self, namespace: &Namespace) -> usize {
        self.driver.client().buffered(namespace)
    }

    /// How many events of a namespace were dropped: volatile ones, and those that a buffer or the server did not take.
    pub fn dropped(&self, namespace: &Namespace) -> u64 {
        self.driver.client().dropped(namespace)
    }

    /// Counters.
    pub fn stats(&self) -> ClientStats {
        self.driver.stats()
    }
}

impl<H: Handler> Drop for SocketIoClient<H> {
    fn drop(&mut self) {
        self.task.abort();
        self.driver.shut();
    }
}
