//! A server for HTTP/1.1, HTTP/2 and WebSocket on one port.
//!
//! A [`Server`] owns the listener and knows its connections; a [`Handler`] answers. The two change independently: the
//! listener can move to another port and the settings can change while connections stay open. Everything runs on the
//! thread's own tokio runtime (inside a `LocalSet`), and the handler is called inline, with no hop to another thread.
//!
//! Time-outs and pings need no timer per connection: one sweep, twice a second, looks at all of them. So time limits
//! are kept to about half a second.

mod head;
mod http;
mod owed;
mod reply;
mod request;
mod settings;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use ::http::{Response, StatusCode};
use patchcord_websocket::Role;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::body::Body;
use crate::transport::Transport;
use crate::websocket::connection::Owner;
use crate::websocket::{self, CloseCode, Peer};

pub use reply::Reply;
pub use request::{Request, Upgrade};
pub use settings::{Limits, Settings, TlsConfig};

/// Time between two sweeps over all connections.
const SWEEP: Duration = Duration::from_millis(500);
/// Pause after the system refused to accept, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a peer has, once both close frames have passed, to take what waits for it and to end the transport.
const LINGER: Duration = Duration::from_secs(2);

/// Answers requests, and messages as every [`websocket::Handler`] does. Called on the server's thread; it must not block.
pub trait Handler: websocket::Handler {
    /// Answers an HTTP request, at once or later.
    fn handle_request(&self, request: &Request<'_>) -> Reply;

    /// Accepts or refuses a WebSocket before it opens.
    ///
    /// # Errors
    /// The response that refuses it.
    fn handle_upgrade(&self, upgrade: &Upgrade<'_>) -> Result<Accept<Self::Data>, Box<Response<Body>>>;

    /// A connection or request was refused before it reached the handler.
    fn handle_refusal(&self, _refusal: &Refusal) {}
}

/// How an accepted WebSocket begins.
pub struct Accept<D> {
    /// What the handler keeps with the client.
    pub data: D,
    /// The subprotocol; must be one of those offered.
    pub subprotocol: Option<String>,
}

/// Why a connection or request was refused by the server itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many connections.
    #[error("{address}: more than {limit} connections")]
    TooManyConnections {
        /// The peer.
        address: IpAddr,
        /// The limit.
        limit: usize,
    },
    /// Too many connections from one address.
    #[error("{address}: more than {limit} connections from this address")]
    TooManyFromAddress {
        /// The peer.
        address: IpAddr,
        /// The limit.
        limit: usize,
    },
    /// The TLS handshake failed or took too long.
    #[error("{address}: TLS handshake failed: {reason}")]
    Tls {
        /// The peer.
        address: IpAddr,
        /// What went wrong.
        reason: String,
    },
    /// A request broke a rule or a limit.
    #[error("{address}: {status}: {reason}")]
    Request {
        /// The peer.
        address: IpAddr,
        /// Status of the answer.
        status: StatusCode,
        /// The rule.
        reason: &'static str,
    },
    /// A connection was dropped for being too slow.
    #[error("{address}: {reason}")]
    TimedOut {
        /// The peer.
        address: IpAddr,
        /// What it was too slow for.
        reason: &'static str,
    },
    /// The handling of a connection panicked, which ended it: a fault of this program.
    #[error("the handling of a connection panicked: {reason}")]
    Panicked {
        /// What the panic said.
        reason: String,
    },
    /// The system refused to accept connections.
    #[error("accepting a connection failed: {reason}")]
    Accept {
        /// What the system said.
        reason: String,
    },
}

/// A server. Dropping it stops the listener; connections live on, with their time limits, until they end.
pub struct Server<H: Handler> {
    shared: Rc<Shared<H>>,
    listener: RefCell<Option<Listening>>,
    sweeper: JoinHandle<()>,
}

struct Listening {
    address: SocketAddr,
    socket: ListenerSlot,
    task: JoinHandle<()>,
}

/// The listener, where it can be taken away from the accept task: the port is free at once, not when the task is next
/// polled.
type ListenerSlot = Rc<RefCell<Option<TcpListener>>>;

impl Drop for Listening {
    fn drop(&mut self) {
        self.socket.take();
        self.task.abort();
    }
}

/// Open WebSockets by where they lie. An address would not do as their key: a peer may reach two addresses of this
/// machine, or an old and a new port, from one port of its own.
type OpenClients<H> = HashMap<*const Client<H>, Rc<Client<H>>>;
type Lingering<H> = (Instant, Rc<Client<H>>);
type Client<H> = Peer<<H as websocket::Handler>::Data>;

/// What the tasks of a server share.
pub(crate) struct Shared<H: Handler> {
    pub(crate) handler: Rc<H>,
    settings: RefCell<Rc<Settings>>,
    now: Cell<Instant>,
    clock: Arc<CoarseClock>,
    http: RefCell<HashMap<u64, Arc<http::ConnectionState>>>,
    next_connection: Cell<u64>,
    clients: RefCell<OpenClients<H>>,
    /// Connections that are closed on both sides but still there, and until when they may be.
    lingering: RefCell<Vec<Lingering<H>>>,
    per_address: RefCell<HashMap<IpAddr, usize>>,
    connections: Cell<usize>,
    closed: RefCell<Vec<Waker>>,
    stopping: Cell<bool>,
    /// The server was dropped; what is left of it ends with the last connection.
    orphaned: Cell<bool>,
}

impl<H: Handler> Server<H> {
    /// A server that does not listen yet. Must be called inside a `LocalSet` of a tokio runtime.
    pub fn new(handler: Rc<H>, settings: Settings) -> Self {
        let shared = Rc::new(Shared {
            handler,
            settings: RefCell::new(Rc::new(settings)),
            now: Cell::new(Instant::now()),
            clock: Arc::default(),
            http: RefCell::default(),
            next_connection: Cell::new(0),
            clients: RefCell::default(),
            lingering: RefCell::default(),
            per_address: RefCell::default(),
            connections: Cell::new(0),
            closed: RefCell::default(),
            stopping: Cell::new(false),
            orphaned: Cell::new(false),
        });
        let swept = shared.clone();
        let sweeper = tokio::task::spawn_local(async move {
            let mut interval = tokio::time::interval(SWEEP);
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while !(swept.orphaned.get() && swept.connections.get() == 0) {
                interval.tick().await;
                swept.sweep();
            }
        });
        Server { shared, listener: RefCell::new(None), sweeper }
    }

    /// Accepts connections from this listener, instead of the one before. Open connections stay.
    pub fn listen(&self, listener: TcpListener) -> io::Result<SocketAddr> {
        let address = listener.local_addr()?;
        self.shared.stopping.set(false);
        let socket = Rc::new(RefCell::new(Some(listener)));
        let task = tokio::task::spawn_local(accept(self.shared.clone(), socket.clone()));
        self.listener.replace(Some(Listening { address, socket, task }));
        Ok(address)
    }

    /// Accepts no more connections. Open connections stay.
    pub fn stop_listening(&self) {
        self.listener.take();
    }

    /// Where the server listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.borrow().as_ref().map(|listening| listening.address)
    }

    /// Changes the settings. They hold for new connections and requests; what can hold for open WebSockets, does.
    pub fn set_settings(&self, settings: Settings) {
        let settings = Rc::new(settings);
        let now = Instant::now();
        let heartbeat_differs = {
            let before = self.shared.settings.borrow();
            (before.limits.ping_interval, before.limits.missed_pings)
                != (settings.limits.ping_interval, settings.limits.missed_pings)
        };
        for client in self.shared.clients.borrow().values() {
            client.set_budget(settings.limits.queue, settings.slow_reader);
            client.set_message_limit(settings.limits.message);
            if heartbeat_differs {
                client.set_heartbeat(settings.heartbeat(now));
            }
        }
        *self.shared.settings.borrow_mut() = settings;
    }

    /// Open WebSocket clients, in no particular order.
    pub fn clients(&self) -> Vec<Rc<Client<H>>> {
        self.shared.clients.borrow().values().cloned().collect()
    }

    /// Number of open WebSocket clients.
    pub fn client_count(&self) -> usize {
        self.shared.clients.borrow().len()
    }

    /// Open TCP connections, WebSockets included.
    pub fn connection_count(&self) -> usize {
        self.shared.connections.get()
    }

    /// Ends every connection in an orderly way: WebSockets get this close code, HTTP connections end after the answer
    /// that they are at. Returns at once; by then the handler has been told that each WebSocket is closed, in the order in
    /// which they were opened. The peers get what waits for them and have two seconds to answer, as with any close.
    pub fn close_all(&self, code: CloseCode, reason: &str) {
        self.shared.stopping.set(true);
        for connection in self.shared.http.borrow().values() {
            connection.end_gracefully();
        }
        let mut clients = self.clients();
        clients.sort_by_key(|client| client.joined());
        clients.iter().for_each(|client| client.close(code, reason));
        // Only when all are closing: a handler that hears of one end must not send to those that end next.
        clients.iter().for_each(|client| self.shared.report_close(client));
    }

    /// Waits until no WebSocket is open.
    pub fn closed(&self) -> impl Future<Output = ()> + use<H> {
        let shared = self.shared.clone();
        poll_fn(move |cx| {
            if shared.clients.borrow().is_empty() {
                return Poll::Ready(());
            }
            shared.closed.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
    }
}

impl<H: Handler> Drop for Server<H> {
    fn drop(&mut self) {
        self.stop_listening();
        self.shared.orphaned.set(true);
        if self.connection_count() == 0 {
            self.sweeper.abort();
        }
    }
}

/// A clock that stands still between two sweeps, so that reading it costs nothing. Time in which this end did not run,
/// because the machine slept or a callback held the thread, is not counted: no peer is slow for it.
#[derive(Default)]
pub(crate) struct CoarseClock {
    milliseconds: AtomicU64,
}

impl CoarseClock {
    /// Milliseconds that the server has run.
    pub(crate) fn now(&self) -> u64 {
        self.milliseconds.load(Relaxed)
    }

    /// So much time has passed since the last sweep.
    fn advance(&self, by: Duration) {
        self.milliseconds.fetch_add(by.min(2 * SWEEP).as_millis() as u64, Relaxed);
    }
}

impl<H: Handler> Shared<H> {
    pub(crate) fn settings(&self) -> Rc<Settings> {
        self.settings.borrow().clone()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    fn sweep(&self) {
        let now = Instant::now();
        self.clock.advance(now.saturating_duration_since(self.now.replace(now)));
        let settings = self.settings();
        // Collected first: what is due may end connections, which take themselves out of the tables.
        let http: Vec<_> = self.http.borrow().values().cloned().collect();
        for connection in http {
            if let Some(reason) = connection.handle_time(&settings.limits) {
                self.handler.handle_refusal(&Refusal::TimedOut { address: connection.address().ip(), reason });
            }
        }
        let clients: Vec<_> = self.clients.borrow().values().cloned().collect();
        for client in clients {
            client.handle_time(now);
        }
        self.lingering.borrow_mut().retain(|(until, client)| {
            let over = now >= *until;
            if over {
                client.abort("the peer did not end the transport");
            }
            !over && Rc::strong_count(client) > 1
        });
    }

    /// Counts a connection in, or says why it may not come in.
    fn admit(self: &Rc<Self>, address: SocketAddr) -> Result<Admission<H>, Refusal> {
        let settings = self.settings.borrow();
        let limit = settings.limits.connections;
        if self.connections.get() >= limit {
            return Err(Refusal::TooManyConnections { address: address.ip(), limit });
        }
        let limit = settings.limits.connections_per_address;
        let mut per_address = self.per_address.borrow_mut();
        let count = per_address.entry(address.ip()).or_insert(0);
        if limit > 0 && *count >= limit {
            return Err(Refusal::TooManyFromAddress { address: address.ip(), limit });
        }
        *count += 1;
        self.connections.set(self.connections.get() + 1);
        Ok(Admission { shared: self.clone(), address: address.ip() })
    }
}

impl<H: Handler> Owner for Shared<H> {
    type Handler = H;
    type Place = Rc<Admission<H>>;
    const ROLE: Role = Role::Server;

    #[inline]
    fn handler(&self) -> &H {
        &self.handler
    }

    /// The time of the last sweep.
    #[inline]
    fn now(&self) -> Instant {
        self.now.get()
    }

    fn remember(&self, client: &Rc<Client<H>>) {
        self.clients.borrow_mut().insert(Rc::as_ptr(client), client.clone());
    }

    fn announces(&self, client: &Rc<Client<H>>) -> bool {
        if self.is_stopping() {
            // The handler has been told of the end of all others.
            client.close(CloseCode::GOING_AWAY, "the server stops");
        }
        !self.is_stopping()
    }

    fn forget(&self, client: &Rc<Client<H>>) {
        let mut clients = self.clients.borrow_mut();
        clients.remove(&Rc::as_ptr(client));
        if clients.is_empty() {
            self.closed.borrow_mut().drain(..).for_each(Waker::wake);
        }
    }

    fn linger(&self, client: &Rc<Client<H>>) {
        self.lingering.borrow_mut().push((Instant::now() + LINGER, client.clone()));
    }

    fn handle_panic(&self, reason: String) {
        self.handler.handle_refusal(&Refusal::Panicked { reason });
    }
}

/// A place among the connections; given back when dropped.
pub(crate) struct Admission<H: Handler> {
    shared: Rc<Shared<H>>,
    address: IpAddr,
}

impl<H: Handler> Drop for Admission<H> {
    fn drop(&mut self) {
        self.shared.connections.set(self.shared.connections.get() - 1);
        let mut per_address = self.shared.per_address.borrow_mut();
        if let Some(count) = per_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                per_address.remove(&self.address);
            }
        }
    }
}

async fn accept<H: Handler>(shared: Rc<Shared<H>>, listener: ListenerSlot) {
    loop {
        let accepted = poll_fn(|cx| match listener.borrow().as_ref() {
            Some(listener) => listener.poll_accept(cx).map(Some),
            None => Poll::Ready(None),
        });
        let (stream, address) = match accepted.await {
            None => return,
            Some(Ok(accepted)) => accepted,
            Some(Err(error)) if is_peers_fault(&error) => continue,
            Some(Err(error)) => {
                shared.handler.handle_refusal(&Refusal::Accept { reason: error.to_string() });
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        match shared.admit(address) {
            Ok(admission) => {
                tokio::task::spawn_local(connect(shared.clone(), admission, stream, address));
            }
            Err(refusal) => shared.handler.handle_refusal(&refusal),
        }
    }
}

fn is_peers_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

async fn connect<H: Handler>(shared: Rc<Shared<H>>, admission: Admission<H>, stream: TcpStream, address: SocketAddr) {
    // Answers are written whole; waiting for more would only add latency.
    let _ = stream.set_nodelay(true);
    let tls: Option<Arc<_>> = shared.settings.borrow().tls.clone();
    let transport = match tls {
        None => Transport::Plain(stream),
        Some(config) => {
            let limit = shared.settings.borrow().limits.handshake_time;
            let handshake = TlsAcceptor::from(config).accept(stream);
            let reason = match tokio::time::timeout(limit, handshake).await {
                Ok(Ok(stream)) => Ok(Transport::Tls(Box::new(stream.into()))),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("it took too long".to_owned()),
            };
            match reason {
                Ok(transport) => transport,
                Err(reason) => {
                    shared.handler.handle_refusal(&Refusal::Tls { address: address.ip(), reason });
                    return;
                }
            }
        }
    };
    http::serve(shared, admission, transport, address).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_of_this_end_is_no_time_of_the_clock() {
        let clock = CoarseClock::default();
        clock.advance(SWEEP);
        clock.advance(Duration::from_secs(3600));
        assert_eq!(clock.now(), 1500);
    }
}
