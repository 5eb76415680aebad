//! One WebSocket of a client's: dialling, the connection, its one end.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use patchcord_websocket::{CloseCode, DeflateParameters, Heartbeat, Role, Sender};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::address::Address;
use super::dial::{Opening, dial};
use super::error::DialError;
use super::progress::Progress;
use super::settings::DialSettings;
use crate::catch_panic::catch_panic;
use crate::websocket::connection::{Connection, Owner};
use crate::websocket::{self, Peer, SlowReader};

/// Time between two looks at the heartbeat and at what is waited for.
const SWEEP: Duration = Duration::from_millis(500);
/// How long the server has, once both close frames have passed, to end the transport.
const LINGER: Duration = Duration::from_secs(2);

/// Hears of a client's progress and, as every [`websocket::Handler`], of what comes. Called on the client's thread; it
/// must not block.
///
/// Exactly one of two ends comes for each client: [`handle_failure`](Handler::handle_failure), or `handle_close` behind a
/// `handle_open`.
pub trait Handler: websocket::Handler {
    /// A step of the dial begins.
    fn handle_progress(&self, _progress: &Progress) {}

    /// The server has accepted; `handle_open` follows at once. Gives what is to be kept with the peer.
    fn handle_accepted(&self, accepted: Accepted) -> Self::Data;

    /// No WebSocket could be opened.
    fn handle_failure(&self, error: &DialError);

    /// The handling of the open connection panicked, which ends it: a fault of this program.
    fn handle_panic(&self, _reason: &str) {}
}

/// What the server's reply settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Where the WebSocket is, after redirects.
    pub address: Address,
    /// The server's IP address and port, or the proxy's.
    pub peer: SocketAddr,
    /// The subprotocol that the server chose among the offered.
    pub subprotocol: Option<String>,
    /// What was agreed on about compression; `None` for none.
    pub deflate: Option<DeflateParameters>,
    /// The headers of the reply, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// Bounds of an open connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Bytes of one message that the server may send, over all its fragments.
    pub message: usize,
    /// Bytes that may wait to be sent.
    pub queue: usize,
    /// What happens to messages beyond that.
    pub slow_reader: SlowReader,
    /// Time between pings; zero sends none.
    pub ping_interval: Duration,
    /// Pings in a row without any sign of life after which the server is given up.
    pub missed_pings: u32,
}

impl Default for ConnectionSettings {
    /// The same as a server's: 16 MiB, 4 MiB, pause, 20 s, 2.
    fn default() -> Self {
        ConnectionSettings {
            message: 16 << 20,
            queue: 4 << 20,
            slow_reader: SlowReader::Pause,
            ping_interval: Heartbeat::INTERVAL,
            missed_pings: Heartbeat::MAX_MISSED,
        }
    }
}

/// A WebSocket to a server, from the dial to the end; a new connection is a new client. Dropping it ends whatever it is
/// at without a close frame, and the handler still hears of the end, from the task and not from within the drop.
pub struct WebSocketClient<H: Handler> {
    shared: Rc<Shared<H>>,
    task: JoinHandle<()>,
}

type Lingering<H> = (Instant, Rc<Peer<<H as websocket::Handler>::Data>>);

/// What a client and its task share.
struct Shared<H: Handler> {
    handler: Rc<H>,
    /// The time of the last sweep.
    now: Cell<Instant>,
    settings: Cell<ConnectionSettings>,
    peer: RefCell<Option<Rc<Peer<H::Data>>>>,
    /// The connection when it is closed on both sides but still there, and until when it may be.
    lingering: RefCell<Option<Lingering<H>>>,
    ended: Cell<bool>,
}

impl<H: Handler> WebSocketClient<H> {
    /// Begins to dial. Must be called inside a `LocalSet` of a tokio runtime; the handler hears nothing before this has
    /// returned.
    pub fn connect(handler: Rc<H>, address: Address, dial: DialSettings, settings: ConnectionSettings) -> Self {
        let shared = Rc::new(Shared {
            handler,
            now: Cell::new(Instant::now()),
            settings: Cell::new(settings),
            peer: RefCell::default(),
            lingering: RefCell::default(),
            ended: Cell::new(false),
        });
        // Outside of the task, so that a task which is dropped before its first turn has its end reported too.
        let report = ReportCancelled { shared: Some(shared.clone()) };
        let task = tokio::task::spawn_local(run(shared.clone(), report, address, dial));
        WebSocketClient { shared, task }
    }

    /// The server, while the WebSocket is open; also while it closes.
    pub fn peer(&self) -> Option<Rc<Peer<H::Data>>> {
        self.shared.peer.borrow().clone()
    }

    /// Whether the handler has heard of the end.
    pub fn is_ended(&self) -> bool {
        self.shared.ended.get()
    }

    /// Ends the client: an open WebSocket in an orderly way, a dial at once, as [`DialError::Cancelled`]. A code that must
    /// not be sent counts as 1000. Returns at once; the handler hears of the end later.
    pub fn close(&self, code: CloseCode, reason: &str) {
        match self.peer() {
            Some(peer) => peer.close(if code.may_be_sent() { code } else { CloseCode::NORMAL }, reason),
            None => self.task.abort(),
        }
    }

    /// Changes the bounds; they hold at once.
    pub fn set_settings(&self, settings: ConnectionSettings) {
        let before = self.shared.settings.replace(settings);
        let Some(peer) = self.peer() else { return };
        peer.set_budget(settings.queue, settings.slow_reader);
        peer.set_message_limit(settings.message);
        let rhythm = |settings: ConnectionSettings| (settings.ping_interval, settings.missed_pings);
        if rhythm(before) != rhythm(settings) {
            peer.set_heartbeat(Heartbeat::new(settings.ping_interval, settings.missed_pings, Instant::now()));
        }
    }
}

impl<H: Handler> Drop for WebSocketClient<H> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reports a dial that does not come to its end.
struct ReportCancelled<H: Handler> {
    shared: Option<Rc<Shared<H>>>,
}

impl<H: Handler> Drop for ReportCancelled<H> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take()
            && !std::thread::panicking()
        {
            shared.fail(&DialError::Cancelled);
        }
    }
}

async fn run<H: Handler>(
    shared: Rc<Shared<H>>,
    mut report: ReportCancelled<H>,
    address: Address,
    settings: DialSettings,
) {
    let dialled = {
        let tell = |progress: &Progress| shared.handler.handle_progress(progress);
        let mut dialling = pin!(dial(&address, &settings, &tell));
        poll_fn(|cx| match catch_panic(|| dialling.as_mut().poll(cx)) {
            Ok(polled) => polled,
            Err(reason) => Poll::Ready(Err(DialError::Panicked(reason))),
        })
        .await
    };
    drop(settings);
    report.shared = None;
    let connection = match dialled.and_then(|opening| begin(&shared, opening)) {
        Ok(connection) => connection,
        Err(error) => return shared.fail(&error),
    };
    let mut connection = pin!(connection);
    let mut sweeps = tokio::time::interval(SWEEP);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    poll_fn(|cx| {
        while sweeps.poll_tick(cx).is_ready() {
            shared.sweep();
        }
        connection.as_mut().poll(cx)
    })
    .await;
}

/// Makes the connection of a WebSocket that the server has accepted.
fn begin<H: Handler>(shared: &Rc<Shared<H>>, opening: Opening) -> Result<Connection<Shared<H>>, DialError> {
    let seed = getrandom::u64().map_err(|_| DialError::NoEntropy)?;
    let Opening { transport, pending, peer: peer_address, address, subprotocol, deflate, headers } = opening;
    let agreed = deflate.map(|(agreed, _)| agreed);
    let accepted = Accepted { address, peer: peer_address, subprotocol, deflate: agreed, headers };
    let data = catch_panic(|| shared.handler.handle_accepted(accepted)).map_err(DialError::Panicked)?;
    let now = Instant::now();
    let settings = shared.settings.get();
    let heartbeat = Heartbeat::new(settings.ping_interval, settings.missed_pings, now);
    let mut sender = Sender::new(Role::Client, seed);
    if let Some((agreed, settings)) = &deflate {
        sender = sender.with_deflate(agreed, settings);
    }
    let peer = Peer::new(data, peer_address, sender, now, heartbeat);
    peer.set_budget(settings.queue, settings.slow_reader);
    peer.set_message_limit(settings.message);
    Ok(Connection::new(Rc::new(peer), shared.clone(), transport, agreed, pending, ()))
}

impl<H: Handler> Shared<H> {
    fn fail(&self, error: &DialError) {
        self.ended.set(true);
        self.handler.handle_failure(error);
    }

    fn sweep(&self) {
        let now = Instant::now();
        self.now.set(now);
        if let Some(peer) = self.peer.borrow().as_ref() {
            peer.handle_time(now);
        }
        if let Some((until, peer)) = self.lingering.borrow().as_ref()
            && now >= *until
        {
            peer.abort("the server did not end the transport");
        }
    }
}

impl<H: Handler> Owner for Shared<H> {
    type Handler = H;
    type Place = ();
    const ROLE: Role = Role::Client;

    #[inline]
    fn handler(&self) -> &H {
        &self.handler
    }

    #[inline]
    fn now(&self) -> Instant {
        self.now.get()
    }

    fn remember(&self, peer: &Rc<Peer<H::Data>>) {
        self.peer.replace(Some(peer.clone()));
    }

    fn forget(&self, _peer: &Rc<Peer<H::Data>>) {
        self.peer.replace(None);
        self.ended.set(true);
    }

    fn linger(&self, peer: &Rc<Peer<H::Data>>) {
        self.lingering.replace(Some((Instant::now() + LINGER, peer.clone())));
    }

    fn handle_panic(&self, reason: String) {
        self.handler.handle_panic(&reason);
    }
}
