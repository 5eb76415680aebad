//! The WebSocket DAT: a client of a WebSocket server.
//!
//! - [`declaration`]: parameters, info channels, callbacks: the facts.
//! - [`WebSocketDat`]: the worker. It has one connection at most, a [`link`], and plans the next when one has failed.
//! - [`settings`]: from parameters to how a connection is dialled; read anew at every attempt.
//!
//! A change of address or port connects anew, limits hold at once, and everything else about the request holds from the
//! next attempt on: no other edit can lose a connection.

mod declaration;
mod link;
mod settings;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use patchcord_core::change::Change;
use patchcord_core::declaration::ParIndex;
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::value::Value;
use patchcord_net::client::{Backoff, BackoffSettings, WebSocketClient};
use patchcord_net::websocket::{CloseCode, Peer, Sent};
use tokio::task::JoinHandle;

pub use declaration::WEBSOCKET_DAT;
use declaration::{callback, par};
use link::{Link, Shared};
use settings::Reader;

use crate::par_reader::ParReader;
use crate::received::Received;

/// How long a closing connection has to do so in an orderly way.
const CLOSE_TIME: Duration = Duration::from_millis(2500);
/// How often it is looked whether it has.
const CLOSE_LOOK: Duration = Duration::from_millis(10);

/// Worker of a WebSocket DAT.
pub struct WebSocketDat {
    me: Weak<WebSocketDat>,
    shared: Rc<Shared>,
    /// The connection, open or being dialled, and the link that hears of it.
    connection: RefCell<Option<(WebSocketClient<Link>, Rc<Link>)>>,
    backoff: RefCell<Backoff>,
    planned: RefCell<Option<Planned>>,
    /// The first start has been tried. Until then changes of parameters are part of what it will read.
    begun: Cell<bool>,
}

/// The next attempt.
struct Planned {
    at: Instant,
    timer: JoinHandle<()>,
}

impl Drop for Planned {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

/// Starts the worker of a new operator.
fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    let worker = Rc::new_cyclic(|me| WebSocketDat {
        me: me.clone(),
        shared: Rc::new(Shared::new(network, op)),
        connection: RefCell::default(),
        backoff: RefCell::new(Backoff::new(BackoffSettings::default())),
        planned: RefCell::default(),
        begun: Cell::new(false),
    });
    // The operator is not yet known by this worker; a callback that calls it has to wait until it is.
    network.defer(move |network| {
        network.with_worker(op, WebSocketDat::begin);
    });
    worker
}

impl WebSocketDat {
    /// Sends a text message. The result is its size in bytes; -1 when it was not sent, with a warning on the operator.
    pub fn send_text(&self, text: &str) -> i64 {
        self.send(text.len(), |peer| peer.send_text(text))
    }

    /// Sends a binary message. The result is as for [`WebSocketDat::send_text`].
    pub fn send_binary(&self, bytes: &[u8]) -> i64 {
        self.send(bytes.len(), |peer| peer.send_binary(bytes))
    }

    /// Sends a ping of at most 125 bytes. The result is as for [`WebSocketDat::send_text`].
    pub fn send_ping(&self, payload: &[u8]) -> i64 {
        self.send(payload.len(), |peer| peer.send_ping(payload))
    }

    /// Sends a pong of at most 125 bytes; left out when the same one has been sent automatically. The result is as for
    /// [`WebSocketDat::send_text`].
    pub fn send_pong(&self, payload: &[u8]) -> i64 {
        let link = self.connection.borrow().as_ref().map(|(_, link)| link.clone());
        let answered = link.and_then(|link| link.ponged.take());
        if answered.as_deref() == Some(payload) {
            return payload.len() as i64;
        }
        self.send(payload.len(), |peer| peer.send_pong(payload))
    }

    fn send(&self, size: usize, send: impl FnOnce(&Peer<()>) -> Sent) -> i64 {
        let sent = self.peer().map(|peer| send(&peer));
        if sent == Some(Sent::Queued) {
            return size as i64;
        }
        let (message, remedy) = match sent {
            None => ("not connected; nothing was sent", "send from onConnect on"),
            Some(Sent::Closed) => ("the connection is closing, or a ping or pong has more than 125 bytes", ""),
            Some(Sent::Dropped) => ("the server reads too slowly; messages are dropped", "see `slowreader`"),
            _ => ("the server reads too slowly; the connection is closed", "see `slowreader`"),
        };
        self.shared.network.report(self.shared.op, Problem::warning("send", message, remedy));
        -1
    }

    fn peer(&self) -> Option<Rc<Peer<()>>> {
        self.connection.borrow().as_ref().and_then(|(client, _)| client.peer())
    }

    fn reader(&self) -> Reader<'_> {
        Reader(ParReader { network: &self.shared.network, op: self.shared.op })
    }

    fn begin(&self) {
        self.begun.set(true);
        self.apply_options();
        self.warn_of_retired();
        if self.reader().on(par::ACTIVE) {
            self.connect();
        }
    }

    fn apply_options(&self) {
        let reader = self.reader();
        let options = reader.options();
        self.shared.options.set(options);
        options.received.shape(&self.shared.network, self.shared.op);
        if let Some((client, _)) = &*self.connection.borrow() {
            client.set_settings(reader.connection());
        }
        self.backoff.borrow_mut().set_settings(reader.backoff());
    }

    fn warn_of_retired(&self) {
        let (network, op) = (&self.shared.network, self.shared.op);
        if self.reader().on(par::SOCKETIO) || !self.reader().text(par::SOCKETIOADDRESS).is_empty() {
            let message = "`socketio` and `socketioaddress` are retired and have no effect";
            network.report(op, Problem::warning("retired", message, "take them out of the patch"));
        } else {
            network.clear_problem(op, "retired");
        }
    }

    /// Dials as the parameters say now. A connection that is there must have been let go of before.
    fn connect(&self) {
        self.planned.take();
        let shared = &self.shared;
        let link = Rc::new(Link {
            shared: shared.clone(),
            dat: self.me.clone(),
            is_current: Cell::new(true),
            ponged: RefCell::default(),
        });
        match self.reader().dial() {
            Ok((address, dial)) => {
                let client = WebSocketClient::connect(link.clone(), address, dial, self.reader().connection());
                self.connection.replace(Some((client, link)));
            }
            Err((message, remedy)) => {
                shared.say(&format!("connection failed: {message}"));
                shared.show(message, &remedy);
                // Somebody has to correct it first, so nothing is planned.
                shared.call(callback::DISCONNECT, &[Value::Op(shared.op)]);
            }
        }
    }

    /// Lets go of the connection: its end is told now, and it closes on its own.
    fn disconnect(&self, code: CloseCode, message: &str) -> Option<WebSocketClient<Link>> {
        self.planned.take();
        self.shared.network.clear_problem(self.shared.op, "connection");
        let (client, link) = self.connection.take()?;
        link.is_current.set(false);
        let was_there = !client.is_ended();
        client.close(code, "");
        if was_there {
            self.shared.say(message);
            self.shared.call(callback::DISCONNECT, &[Value::Op(self.shared.op)]);
        }
        was_there.then_some(client)
    }

    /// As [`WebSocketDat::disconnect`], and nobody waits for it.
    fn leave(&self, code: CloseCode, message: &str) {
        if let Some(client) = self.disconnect(code, message) {
            tokio::task::spawn_local(closed(client));
        }
    }

    /// The link's connection is open.
    fn handle_open(&self) {
        self.backoff.borrow_mut().reset();
    }

    fn reconnects(&self) -> bool {
        self.reader().on(par::ACTIVE) && self.reader().on(par::RECONNECT)
    }

    /// The connection has ended or could not be had, and nobody has asked for that.
    fn plan_reconnect(&self) {
        if !self.reconnects() {
            return;
        }
        let next = self.backoff.borrow_mut().next_delay(patchcord_net::client::chance());
        let Some(delay) = next else {
            let attempts = self.backoff.borrow().attempts();
            self.shared.say(&format!("error: given up after {attempts} attempts"));
            return;
        };
        let attempt = self.backoff.borrow().attempts();
        self.shared.say(&format!("connecting again in {:.1} s, attempt {attempt}", delay.as_secs_f64()));
        let me = self.me.clone();
        let timer = tokio::task::spawn_local(async move {
            tokio::time::sleep(delay).await;
            let Some(dat) = me.upgrade() else { return };
            dat.shared.network.turn(|_| dat.connect());
        });
        self.planned.replace(Some(Planned { at: Instant::now() + delay, timer }));
    }

    fn handle_parameter(&self, index: ParIndex, on: bool) {
        match index {
            par::ACTIVE if on => {
                if self.connection.borrow().as_ref().is_none_or(|(client, _)| client.is_ended()) {
                    self.backoff.borrow_mut().reset();
                    self.connect();
                }
            }
            par::ACTIVE => self.leave(CloseCode::NORMAL, "disconnected"),
            par::NETADDRESS | par::PORT => self.connect_anew("disconnected, because the address has changed"),
            par::SOCKETIO | par::SOCKETIOADDRESS => self.warn_of_retired(),
            par::RECONNECT if on => {
                let is_down = self.connection.borrow().as_ref().is_none_or(|(client, _)| client.is_ended());
                if is_down && self.planned.borrow().is_none() {
                    self.plan_reconnect();
                }
            }
            par::RECONNECT => {
                self.planned.take();
            }
            _ => self.apply_options(),
        }
    }

    fn connect_anew(&self, message: &str) {
        self.leave(CloseCode::NORMAL, message);
        self.backoff.borrow_mut().reset();
        if self.reader().on(par::ACTIVE) {
            self.connect();
        }
    }
}

/// Waits until a connection has closed, for as long as it may.
async fn closed(client: WebSocketClient<Link>) {
    let ended = async {
        while !client.is_ended() {
            tokio::time::sleep(CLOSE_LOOK).await;
        }
    };
    let _ = tokio::time::timeout(CLOSE_TIME, ended).await;
}

impl Worker for WebSocketDat {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn handle_change(&self, _: &Network, change: &Change) {
        match change {
            _ if !self.begun.get() => {}
            Change::Parameter { index, value, .. } => self.handle_parameter(*index, value.is_on()),
            Change::Pulse { index, .. } if *index == par::RESET => self.connect_anew("disconnected for a reset"),
            Change::Pulse { index, .. } if *index == par::CLEAR => {
                Received::clear(&self.shared.network, self.shared.op);
            }
            _ => {}
        }
    }

    fn info(&self, _: &Network) -> Vec<f64> {
        let peer = self.peer();
        let mut stats = self.shared.past.get();
        let (mut dropped, mut queued, mut round_trip) = (self.shared.past_dropped.get(), 0, 0.0);
        if let Some(peer) = &peer {
            let now = peer.stats();
            stats.messages_in += now.messages_in;
            stats.messages_out += now.messages_out;
            stats.bytes_in += now.bytes_in;
            stats.bytes_out += now.bytes_out;
            dropped += peer.dropped();
            queued = peer.queued();
            round_trip = peer.round_trip().map_or(0.0, |time| time.as_secs_f64() * 1000.0);
        }
        let next = self.planned.borrow().as_ref().map(|planned| planned.at.saturating_duration_since(Instant::now()));
        vec![
            f64::from(u8::from(peer.is_some_and(|peer| !peer.is_closing()))),
            self.shared.opened.get().saturating_sub(1) as f64,
            f64::from(self.backoff.borrow().attempts()),
            next.map_or(0.0, |time| time.as_secs_f64()),
            round_trip,
            stats.messages_in as f64,
            stats.messages_out as f64,
            stats.bytes_in as f64,
            stats.bytes_out as f64,
            dropped as f64,
            queued as f64,
            f64::from(self.shared.close_code.get()),
        ]
    }

    fn stop(&self, _: &Network) {
        self.leave(CloseCode::GOING_AWAY, "disconnected, because the operator was removed");
    }

    fn shut_down(&self, _: &Network) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        let client = self.disconnect(CloseCode::GOING_AWAY, "disconnected, because the program ends")?;
        Some(Box::pin(closed(client)))
    }
}
