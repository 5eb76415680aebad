//! The WebSocket DAT: a client of a WebSocket server.
//!
//! - [`declaration`]: parameters, info channels, callbacks: the facts.
//! - [`WebSocketDat`]: the worker. It has one connection at most, a [`link`], and plans the next when one has failed.
//! - [`replay`]: a recording in the place of a connection.
//! - [`settings`]: from parameters to how a connection is dialled; read anew at every attempt.
//!
//! A change of address, port or recording connects anew, limits hold at once, and everything else about the request
//! holds from the next attempt on: no other edit can lose a connection.

mod declaration;
mod link;
mod replay;
mod settings;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};

use patchcord_core::change::Change;
use patchcord_core::declaration::ParIndex;
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::value::Value;
use patchcord_net::client::WebSocketClient;
use patchcord_net::websocket::{CloseCode, Peer, Sent};
use tokio::sync::watch;

pub use declaration::WEBSOCKET_DAT;
use declaration::{callback, par};
pub(crate) use link::reason as connection_ended;
use link::{Link, Shared};
use replay::Replay;
use settings::Reader;

use crate::listening::{Listener, News};
use crate::par_reader::ParReader;
use crate::received::Received;
use crate::reconnect::{Reconnect, begin_later, begin_soon, until_closed};
use crate::recording::{Content, Direction, Entry, REPLAY};

/// Bytes of the longest ping and pong (RFC 6455 §5.5).
const LONGEST_PING: usize = 125;
/// Pages of the parameters that say how a connection is dialled.
const DIAL_PAGES: [&str; 4] = ["Connect", "Request", "TLS", "Network"];

/// Worker of a WebSocket DAT.
pub struct WebSocketDat {
    me: Weak<WebSocketDat>,
    shared: Rc<Shared>,
    /// Where messages come from, and the link that hears of them.
    connection: RefCell<Option<(Connection, Rc<Link>)>>,
    replay_speed: watch::Sender<f64>,
    /// Address and port that were dialled last.
    target: RefCell<Option<(Rc<str>, usize)>>,
    reconnect: Reconnect,
    /// What was dialled last cannot be had as the parameters are: somebody has to correct them first.
    needs_correction: Cell<bool>,
    /// The first start has been tried. Until then changes of parameters are part of what it will read.
    begun: Cell<bool>,
}

/// Where messages come from.
enum Connection {
    /// A server; the connection is open or being dialled.
    Network(WebSocketClient<Link>),
    /// A recording.
    Replay(Replay),
}

impl Connection {
    fn peer(&self) -> Option<Rc<Peer<()>>> {
        match self {
            Connection::Network(client) => client.peer(),
            Connection::Replay(replay) => replay.peer(),
        }
    }

    fn is_ended(&self) -> bool {
        match self {
            Connection::Network(client) => client.is_ended(),
            Connection::Replay(replay) => replay.is_ended(),
        }
    }

    fn close(&self, code: CloseCode) {
        match self {
            Connection::Network(client) => client.close(code, ""),
            Connection::Replay(replay) => replay.close(code),
        }
    }
}

/// Starts the worker of a new operator.
fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    let worker = Rc::new_cyclic(|me| WebSocketDat {
        me: me.clone(),
        shared: Rc::new(Shared::new(network, op)),
        connection: RefCell::default(),
        replay_speed: watch::Sender::new(1.0),
        target: RefCell::default(),
        reconnect: Reconnect::new(),
        needs_correction: Cell::new(false),
        begun: Cell::new(false),
    });
    begin_later(network, move |network| {
        network.with_worker(op, WebSocketDat::begin);
    });
    worker
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// There is no open connection.
    #[error("not connected; nothing was sent")]
    NotConnected,
    /// A ping or pong that is too long (RFC 6455 §5.5).
    #[error("a ping or pong of more than 125 bytes was not sent")]
    LongPing,
    /// This end or the other has begun to close.
    #[error("the connection is closing; nothing was sent")]
    Closing,
    /// The queue is full, and messages are dropped.
    #[error("the server reads too slowly; messages are dropped")]
    Dropped,
    /// The queue is full, and the connection ends.
    #[error("the server reads too slowly; the connection is closed")]
    Overflow,
}

impl Unsent {
    /// What a person can do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Unsent::NotConnected => "send from onConnect on",
            Unsent::LongPing => "shorten it, or send a message",
            Unsent::Closing => "send before it closes",
            Unsent::Dropped | Unsent::Overflow => "see `slowreader`",
        }
    }
}

impl WebSocketDat {
    /// Tells a listener of everything that happens, until it is gone or does not listen any more.
    pub fn listen(&self, listener: Weak<dyn Listener>) {
        self.shared.listeners.add(listener);
    }

    /// Tells a listener of nothing more.
    pub fn unlisten(&self, listener: &Weak<dyn Listener>) {
        self.shared.listeners.remove(listener);
    }

    /// Whether there is an open connection, and listeners have been told.
    pub fn is_open(&self) -> bool {
        self.shared.told_open.get()
    }

    /// Connects where the operator is active and rests: nothing is open, being dialled or planned. False when it does not.
    pub fn begin_again(&self) -> bool {
        let rests = self.rests();
        if rests {
            begin_soon(&self.shared.network, self.shared.op, |dat: &WebSocketDat| {
                // Somebody else may have been faster.
                if dat.rests() {
                    dat.connect_anew("connecting again");
                }
            });
        }
        rests
    }

    fn rests(&self) -> bool {
        self.begun.get() && self.reader().on(par::ACTIVE) && self.is_down() && !self.reconnect.is_planned()
    }

    /// Sends a text message. The result is its size in bytes; -1 when it was not sent, with a warning on the operator.
    pub fn send_text(&self, text: &str) -> i64 {
        self.send(text.len(), || Content::Text(text.into()), |peer| peer.send_text(text))
    }

    /// Sends a binary message. The result is as for [`WebSocketDat::send_text`].
    pub fn send_binary(&self, bytes: &[u8]) -> i64 {
        self.send(bytes.len(), || Content::Binary(bytes.into()), |peer| peer.send_binary(bytes))
    }

    /// Sends a ping of at most 125 bytes. The result is as for [`WebSocketDat::send_text`].
    pub fn send_ping(&self, payload: &[u8]) -> i64 {
        self.send(payload.len(), || Content::Ping(payload.into()), |peer| peer.send_ping(payload))
    }

    /// Sends a pong of at most 125 bytes; left out when the same one has been sent automatically. The result is as for
    /// [`WebSocketDat::send_text`].
    pub fn send_pong(&self, payload: &[u8]) -> i64 {
        let link = self.connection.borrow().as_ref().map(|(_, link)| link.clone());
        let answered = link.and_then(|link| link.ponged.take());
        if answered.as_deref() == Some(payload) {
            return payload.len() as i64;
        }
        self.send(payload.len(), || Content::Pong(payload.into()), |peer| peer.send_pong(payload))
    }

    /// As [`WebSocketDat::send_text`], and nothing shows on the operator: who has sent it says what became of it.
    ///
    /// # Errors
    /// Why it was not sent.
    pub fn try_send_text(&self, text: &str) -> Result<(), Unsent> {
        self.try_send(text.len(), || Content::Text(text.into()), |peer| peer.send_text(text))
    }

    /// As [`WebSocketDat::try_send_text`], for a binary message.
    ///
    /// # Errors
    /// Why it was not sent.
    pub fn try_send_binary(&self, bytes: &[u8]) -> Result<(), Unsent> {
        self.try_send(bytes.len(), || Content::Binary(bytes.into()), |peer| peer.send_binary(bytes))
    }

    fn send<'a>(
        &self,
        size: usize,
        content: impl FnOnce() -> Content<'a>,
        send: impl FnOnce(&Peer<()>) -> Sent,
    ) -> i64 {
        let Err(unsent) = self.try_send(size, content, send) else { return size as i64 };
        self.shared.send_failed.set(true);
        self.shared.network.report(self.shared.op, Problem::warning("send", unsent.to_string(), unsent.remedy()));
        -1
    }

    fn try_send<'a>(
        &self,
        size: usize,
        content: impl FnOnce() -> Content<'a>,
        send: impl FnOnce(&Peer<()>) -> Sent,
    ) -> Result<(), Unsent> {
        match self.peer().map(|peer| send(&peer)) {
            Some(Sent::Queued) => {
                if self.shared.send_failed.replace(false) {
                    self.shared.network.clear_problem(self.shared.op, "send");
                }
                self.shared.tap.note(|| Entry::new(Direction::Out, content()));
                Ok(())
            }
            None => Err(Unsent::NotConnected),
            Some(Sent::Closed) if size > LONGEST_PING && !self.is_closing() => Err(Unsent::LongPing),
            Some(Sent::Closed) => Err(Unsent::Closing),
            Some(Sent::Dropped) => Err(Unsent::Dropped),
            Some(Sent::Overflow) => Err(Unsent::Overflow),
        }
    }

    fn is_closing(&self) -> bool {
        self.peer().is_some_and(|peer| peer.is_closing())
    }

    fn peer(&self) -> Option<Rc<Peer<()>>> {
        self.connection.borrow().as_ref().and_then(|(connection, _)| connection.peer())
    }

    fn reader(&self) -> Reader<'_> {
        Reader(ParReader { network: &self.shared.network, op: self.shared.op })
    }

    fn begin(&self) {
        self.begun.set(true);
        self.apply_options();
        self.apply_record();
        self.apply_replay_speed();
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
        // Read first: expressions may be Python, which may ask for anything, this operator included.
        let (connection, backoff) = (reader.connection(), reader.backoff());
        if let Some((Connection::Network(client), _)) = &*self.connection.borrow() {
            client.set_settings(connection);
        }
        self.reconnect.set_settings(backoff);
    }

    fn apply_record(&self) {
        self.shared.tap.set_file(self.reader().path(par::RECORD));
    }

    fn apply_replay_speed(&self) {
        self.replay_speed.send_replace(self.reader().number(par::REPLAYSPEED));
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

    /// Dials as the parameters say now, or replays what they name. A connection that is there must have been let go of
    /// before.
    fn connect(&self) {
        self.reconnect.cancel();
        self.needs_correction.set(false);
        let target = self.reader().target();
        self.target.replace(Some(target));
        let link = Link::new(&self.shared, &self.me);
        if let Some(file) = self.reader().path(par::REPLAY) {
            let replay = Replay::start(link.clone(), file, self.replay_speed.subscribe());
            self.connection.replace(Some((Connection::Replay(replay), link)));
            return;
        }
        match self.reader().dial() {
            Ok((address, dial)) => {
                let client = WebSocketClient::connect(link.clone(), address, dial, self.reader().connection());
                self.connection.replace(Some((Connection::Network(client), link)));
            }
            Err((message, remedy)) => {
                self.needs_correction.set(true);
                link.fail(&message, &remedy);
            }
        }
    }

    /// Lets go of the connection: its end is told now, and it closes on its own.
    fn disconnect(&self, code: CloseCode, message: &str) -> Option<Connection> {
        self.reconnect.cancel();
        self.shared.network.clear_problem(self.shared.op, "connection");
        self.shared.network.clear_problem(self.shared.op, REPLAY);
        let (connection, link) = self.connection.take()?;
        link.is_current.set(false);
        let was_there = !connection.is_ended();
        if connection.peer().is_some() {
            let close = || Content::Close { code: Some(code.as_u16()), reason: "".into() };
            self.shared.tap.note(|| Entry::new(Direction::Out, close()));
        }
        connection.close(code);
        if was_there {
            self.shared.say(message);
            if self.shared.told_open.replace(false) {
                self.shared.listeners.tell(News::Closed { failure: false, reason: message });
            }
            self.shared.call(callback::DISCONNECT, &[Value::Op(self.shared.op)]);
        }
        was_there.then_some(connection)
    }

    /// As [`WebSocketDat::disconnect`], and nobody waits for it.
    fn leave(&self, code: CloseCode, message: &str) {
        if let Some(connection) = self.disconnect(code, message) {
            tokio::task::spawn_local(async move { until_closed(|| connection.is_ended()).await });
        }
    }

    /// A connection was more than a door that opens and shuts: the next delay is the first again.
    fn note_steady(&self) {
        self.reconnect.reset();
    }

    /// Whether another connection follows on one that has ended.
    fn comes_back(&self) -> bool {
        self.is_replaying() || self.reconnects()
    }

    fn is_replaying(&self) -> bool {
        matches!(&*self.connection.borrow(), Some((Connection::Replay(_), _)))
    }

    fn reconnects(&self) -> bool {
        self.reader().on(par::ACTIVE) && self.reader().on(par::RECONNECT)
    }

    /// The connection has ended or could not be had, and nobody has asked for that.
    fn plan_reconnect(&self) {
        // What follows in a recording is the recording's own affair.
        if self.is_replaying() || !self.reconnects() || self.needs_correction.get() || self.reconnect.is_planned() {
            return;
        }
        let me = self.me.clone();
        let attempt = move || {
            if let Some(dat) = me.upgrade() {
                dat.connect();
            }
        };
        let planned = self.reconnect.plan(&self.shared.network, attempt);
        let attempts = self.reconnect.attempts();
        let Some(delay) = planned else {
            self.shared.say(&format!("error: given up after {attempts} attempts"));
            return;
        };
        // Last: a callback may hear of it and do otherwise.
        self.shared.say(&format!("connecting again in {:.1} s, attempt {attempts}", delay.as_secs_f64()));
    }

    fn handle_parameter(&self, index: ParIndex, on: bool) {
        match index {
            par::ACTIVE if on => {
                if self.is_down() {
                    self.reconnect.reset();
                    self.connect();
                }
            }
            par::ACTIVE => self.leave(CloseCode::NORMAL, "disconnected"),
            par::NETADDRESS | par::PORT => {
                // Both may have changed in one turn, which is one change.
                let target = self.reader().target();
                if !self.is_replaying() && self.target.borrow().as_ref() != Some(&target) {
                    self.connect_anew("disconnected, because the address has changed");
                }
            }
            par::REPLAY => self.connect_anew("disconnected, because another recording is to be replayed, or none"),
            par::RECORD => self.apply_record(),
            par::REPLAYSPEED => self.apply_replay_speed(),
            par::SOCKETIO | par::SOCKETIOADDRESS => self.warn_of_retired(),
            par::RECONNECT if on => {
                if self.is_down() && !self.reconnect.is_planned() {
                    self.reconnect.reset();
                    self.plan_reconnect();
                }
            }
            par::RECONNECT => {
                self.reconnect.cancel();
            }
            _ => {
                self.apply_options();
                let may_correct = DIAL_PAGES.contains(&WEBSOCKET_DAT.page_of(index).name);
                if may_correct && self.needs_correction.get() && self.reader().on(par::ACTIVE) {
                    self.connect();
                }
            }
        }
    }

    fn is_down(&self) -> bool {
        self.connection.borrow().as_ref().is_none_or(|(connection, _)| connection.is_ended())
    }

    fn connect_anew(&self, message: &str) {
        self.leave(CloseCode::NORMAL, message);
        self.reconnect.reset();
        if self.reader().on(par::ACTIVE) {
            self.connect();
        }
    }
}

impl Worker for WebSocketDat {
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

    fn handle_press(&self, network: &Network, index: ParIndex) -> bool {
        let is_clear = index == par::CLEAR;
        if is_clear {
            Received::clear(network, self.shared.op);
        }
        is_clear
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
        let is_open = peer.is_some_and(|peer| !peer.is_closing());
        let next = self.reconnect.left();
        vec![
            f64::from(u8::from(is_open)),
            self.shared.opened.get().saturating_sub(1) as f64,
            if is_open { 0.0 } else { f64::from(self.reconnect.attempts()) },
            next.map_or(0.0, |time| time.as_secs_f64()),
            round_trip,
            stats.messages_in as f64,
            stats.messages_out as f64,
            stats.bytes_in as f64,
            stats.bytes_out as f64,
            dropped as f64,
            queued as f64,
            f64::from(self.shared.close_code.get()),
            self.shared.tap.recorded() as f64,
            self.shared.tap.lost() as f64,
            f64::from(u8::from(self.is_replaying() && !self.is_down())),
        ]
    }

    fn stop(&self, _: &Network) {
        self.leave(CloseCode::GOING_AWAY, "disconnected, because the operator was removed");
        self.shared.tap.finish();
    }

    fn shut_down(&self, _: &Network) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        let connection = self.disconnect(CloseCode::GOING_AWAY, "disconnected, because the program ends");
        let recorded = self.shared.tap.finish();
        Some(Box::pin(async move {
            if let Some(connection) = connection {
                until_closed(|| connection.is_ended()).await;
            }
            if let Some(recorded) = recorded {
                // When it was dropped with the runtime, there is nothing left to wait for.
                let _ = recorded.await;
            }
        }))
    }
}
