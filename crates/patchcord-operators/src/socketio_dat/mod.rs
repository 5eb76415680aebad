//! The SocketIO DAT: a client of a Socket.IO server.
//!
//! - [`declaration`]: parameters, inputs, info channels, callbacks: the facts.
//! - [`SocketIoDat`]: the worker. While it is active it has one client, which keeps namespaces and what waits to be sent
//!   from one session to the next; it plans when the next begins.
//! - [`emit`](Emit): sending, and [`acks`] that are waited for.
//! - [`graphs`]: what logic graphs do with it; [`subscriptions`] of theirs.
//! - [`link`]: what the client reports, as rows, callbacks and lines; [`wanted`] events, [`convert`]ed values, [`reason`]s.
//! - [`recorded`], [`replay`]: a recording's packets, and a recording in the place of a server.
//! - [`settings`]: from parameters and inputs to how a session is dialled; read anew at every attempt. [`info`] is what
//!   it shows of itself.
//!
//! A change of the URL, path, parser or recording connects anew, namespaces and limits hold at once, and everything else
//! about the request holds from the next attempt on: no other edit can lose a connection.

mod acks;
mod convert;
mod declaration;
mod emit;
mod graphs;
mod info;
mod link;
mod reason;
mod recorded;
mod replay;
mod settings;
mod shared;
mod subscriptions;
mod wanted;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};

use patchcord_core::change::Change;
use patchcord_core::declaration::ParIndex;
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::table::Table;
use patchcord_core::value::Value as HostValue;
use patchcord_net::client::ConnectionSettings;
use patchcord_net::socketio::{ClientStats, SocketIoClient, Target};
pub use patchcord_socketio::Value;
use patchcord_socketio::engine::Version;
use patchcord_socketio::{AckToken, ClientSettings, Credentials, EmitError, JoinError, Namespace};
use tokio::sync::watch;

pub use acks::AckHandler;
pub use convert::{NotSendable, from_host};
pub use declaration::SOCKETIO_DAT;
use declaration::{callback, par};
pub use emit::{Ack, Emit, EmitMistake};
use link::{Link, PlaceState, in_words, version_in_words};
use replay::Replay;
use settings::{Identity, Reader};
use shared::Shared;
pub use subscriptions::{MAX_SUBSCRIPTIONS, News};

use crate::par_reader::{ParReader, Wrong};
use crate::received::Received;
use crate::reconnect::{Reconnect, begin_later, until_closed};
use crate::recording::REPLAY;

/// What to do about more namespaces than may be.
const TOO_MANY_NAMESPACES: &str = "name fewer in `namespaces`";
/// Pages of the parameters that say how a session is dialled.
const DIAL_PAGES: [&str; 4] = ["Connect", "Request", "TLS", "Network"];

/// Worker of a SocketIO DAT.
pub struct SocketIoDat {
    me: Weak<SocketIoDat>,
    shared: Rc<Shared>,
    /// Where events come from, and the link that hears of them; while active.
    connection: RefCell<Option<(Connection, Rc<Link>)>>,
    replay_speed: watch::Sender<f64>,
    /// What the client was made for.
    identity: RefCell<Option<Identity>>,
    reconnect: Reconnect,
    /// What was dialled last cannot be had as the parameters are: somebody has to correct them first.
    needs_correction: Cell<bool>,
    /// Sums over clients that are gone.
    past: Cell<ClientStats>,
    /// Events that clients that are gone have dropped, and that no client took.
    past_dropped: Cell<u64>,
    /// The first start has been tried. Until then changes of parameters are part of what it will read.
    begun: Cell<bool>,
}

/// Where events come from.
enum Connection {
    /// A server; a session is open, being opened, or waited for.
    Network(SocketIoClient<Link>),
    /// A recording.
    Replay(Replay),
}

impl Connection {
    /// Whether there is no session, nor one that is being opened.
    fn is_closed(&self) -> bool {
        match self {
            Connection::Network(client) => client.is_closed(),
            Connection::Replay(replay) => replay.is_ended(),
        }
    }

    fn close(&self) {
        match self {
            Connection::Network(client) => client.close(),
            Connection::Replay(replay) => replay.close(),
        }
    }
}

/// A session that is to be begun.
struct Session {
    target: Target,
    client: ClientSettings,
    namespaces: Vec<Namespace>,
    credentials: Credentials,
}

/// Starts the worker of a new operator.
fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    let worker = Rc::new_cyclic(|me| SocketIoDat {
        me: me.clone(),
        shared: Rc::new(Shared::new(network, op)),
        connection: RefCell::default(),
        replay_speed: watch::Sender::new(1.0),
        identity: RefCell::default(),
        reconnect: Reconnect::new(),
        needs_correction: Cell::new(false),
        past: Cell::default(),
        past_dropped: Cell::new(0),
        begun: Cell::new(false),
    });
    begin_later(network, move |network| {
        network.with_worker(op, SocketIoDat::begin);
    });
    worker
}

impl SocketIoDat {
    fn reader(&self) -> Reader<'_> {
        Reader(ParReader { network: &self.shared.network, op: self.shared.op })
    }

    fn begin(&self) {
        self.begun.set(true);
        self.apply_options();
        self.shared.tap.set_file(self.reader().path(par::RECORD));
        self.replay_speed.send_replace(self.reader().number(par::REPLAYSPEED));
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
        let (client, connection, backoff) = (reader.client(), reader.connection(), reader.backoff());
        self.reconnect.set_settings(backoff);
        self.with_client(|it| apply(it, client, connection));
    }

    fn link(&self) -> Option<Rc<Link>> {
        self.connection.borrow().as_ref().map(|(_, link)| link.clone())
    }

    /// Does something with the client, which must not call back.
    fn with_client<R>(&self, work: impl FnOnce(&SocketIoClient<Link>) -> R) -> Option<R> {
        match &*self.connection.borrow() {
            Some((Connection::Network(client), _)) => Some(work(client)),
            _ => None,
        }
    }

    /// Begins a session as the parameters say now, or replays what they name. There must be none.
    fn connect(&self) {
        self.reconnect.cancel();
        self.needs_correction.set(false);
        let identity = self.reader().identity();
        self.identity.replace(Some(identity));
        if let Some(file) = self.reader().path(par::REPLAY) {
            let link = Link::new(&self.shared, &self.me);
            // The recording says where events come from; these say where they go.
            let namespaces = self.reader().namespaces().unwrap_or_default();
            let replay = Replay::start(link.clone(), file, self.replay_speed.subscribe(), namespaces);
            self.connection.replace(Some((Connection::Replay(replay), link)));
            return;
        }
        let session = self.session();
        let link = self.link().unwrap_or_else(|| self.begin_client());
        match session {
            Ok(session) => {
                let before: Vec<Namespace> = link.places.borrow().iter().map(|place| place.namespace.clone()).collect();
                let refused = if self.reader().on(par::RECONNECTREFUSED) { Vec::new() } else { link.refused() };
                // With none left to be in, somebody wants to try them all again.
                let is_none_left = session.namespaces.iter().all(|namespace| refused.contains(namespace));
                let refused = if is_none_left { Vec::new() } else { refused };
                link.begin(&session.namespaces, &refused);
                let begun = self.with_client(|client| begin_session(client, session, &before, &refused));
                if let Some(Err(error)) = begun {
                    self.shared.warn("namespace", &error.to_string(), TOO_MANY_NAMESPACES);
                }
            }
            Err((message, remedy)) => link.fail(&message, &remedy),
        }
    }

    /// Makes a client, which lasts while the operator is active.
    fn begin_client(&self) -> Rc<Link> {
        let link = Link::new(&self.shared, &self.me);
        let client = SocketIoClient::new(link.clone(), self.reader().client());
        self.connection.replace(Some((Connection::Network(client), link.clone())));
        link
    }

    /// Reads parameters and inputs.
    fn session(&self) -> Result<Session, Wrong> {
        let reader = self.reader();
        // Without these another attempt is of no use before somebody has corrected them.
        let (address, namespaces) = reader
            .address()
            .and_then(|address| Ok((address, reader.namespaces()?)))
            .inspect_err(|_| self.needs_correction.set(true))?;
        let (target, address) = reader.target(address)?;
        let mut client = reader.client();
        client.engine.address = address;
        Ok(Session { target, client, namespaces, credentials: reader.credentials() })
    }

    /// Lets go of the client: the end is told now, and it closes on its own.
    fn disconnect(&self, message: &str) -> Option<Connection> {
        self.reconnect.cancel();
        for cause in ["connection", "namespace", REPLAY] {
            self.shared.network.clear_problem(self.shared.op, cause);
        }
        let (connection, link) = self.connection.take()?;
        let was_there = !connection.is_closed();
        if let Connection::Network(client) = &connection {
            self.count(client, &link);
        }
        connection.close();
        link.let_go();
        if was_there {
            self.shared.say(message);
        }
        was_there.then_some(connection)
    }

    /// As [`SocketIoDat::disconnect`], and nobody waits for it.
    fn leave(&self, message: &str) {
        if let Some(connection) = self.disconnect(message) {
            tokio::task::spawn_local(async move { until_closed(|| connection.is_closed()).await });
        }
    }

    /// Keeps the sums of a client that goes.
    fn count(&self, client: &SocketIoClient<Link>, link: &Link) {
        let (past, stats) = (self.past.get(), client.stats());
        self.past.set(ClientStats {
            bytes_in: past.bytes_in + stats.bytes_in,
            bytes_out: past.bytes_out + stats.bytes_out,
            messages_in: past.messages_in + stats.messages_in,
            messages_out: past.messages_out + stats.messages_out,
        });
        let dropped: u64 = link.places.borrow().iter().map(|place| client.dropped(&place.namespace)).sum();
        self.past_dropped.set(self.past_dropped.get() + dropped);
    }

    /// The session, for the line that says that it is open.
    fn session_in_words(&self) -> Option<String> {
        self.with_client(|client| {
            let transport = client.transport().map(|transport| format!(" over {}", in_words(transport)));
            let version = client.version().map(|version| format!(", {}", version_in_words(version)));
            transport.unwrap_or_default() + &version.unwrap_or_default()
        })
    }

    /// Whether the next session asks for another version than the one that the server does not speak.
    fn falls_back(&self) -> bool {
        &*self.reader().text(par::VERSION) == "auto"
            && self.with_client(|client| client.next_version()) == Some(Version::V3)
    }

    fn acknowledge(&self, token: AckToken, args: Vec<Value>) -> Result<(), EmitError> {
        self.with_client(|client| client.acknowledge(token, args)).unwrap_or(Ok(()))
    }

    /// A session was more than a door that opens and shuts: the next delay is the first again.
    fn note_steady(&self) {
        if !self.reconnect.is_planned() {
            self.reconnect.reset();
        }
    }

    fn is_replaying(&self) -> bool {
        matches!(&*self.connection.borrow(), Some((Connection::Replay(_), _)))
    }

    fn is_down(&self) -> bool {
        self.connection.borrow().as_ref().is_none_or(|(connection, _)| connection.is_closed())
    }

    fn reconnects(&self) -> bool {
        // What follows in a recording is the recording's own affair.
        !self.is_replaying() && self.reader().on(par::ACTIVE) && self.reader().on(par::RECONNECT)
    }

    /// The session has ended or could not be had, and nobody has asked for that.
    fn plan_reconnect(&self) {
        if !self.reconnects() || self.needs_correction.get() || self.reconnect.is_planned() {
            return;
        }
        self.plan("connecting again");
    }

    /// The server does not want this client in a namespace; it may later.
    fn plan_rejoin(&self) {
        if self.reader().on(par::RECONNECTREFUSED) && self.reconnects() && !self.reconnect.is_planned() {
            self.plan("trying again");
        }
    }

    fn plan(&self, what: &str) {
        let me = self.me.clone();
        let attempt = move || {
            if let Some(dat) = me.upgrade() {
                dat.try_again();
            }
        };
        let planned = self.reconnect.plan(&self.shared.network, attempt);
        let attempts = self.reconnect.attempts();
        self.shared.say(match planned {
            Some(delay) => format!("{what} in {:.1} s, attempt {attempts}", delay.as_secs_f64()),
            None => format!("given up after {attempts} attempts"),
        });
    }

    /// The time for the next attempt has come.
    fn try_again(&self) {
        self.reconnect.cancel();
        let attempts = HostValue::Int(self.reconnect.attempts().into());
        let before = self.link();
        self.shared.call(callback::RECONNECT_ATTEMPT, &[HostValue::Op(self.shared.op), attempts]);
        // The callback may have switched the operator off, or connected anew.
        let is_same = match (&before, &self.link()) {
            (Some(before), Some(now)) => Rc::ptr_eq(before, now),
            (None, None) => true,
            _ => false,
        };
        if !is_same || !self.reconnects() || self.reconnect.is_planned() {
            return;
        }
        match before {
            Some(link) if !self.is_down() => self.rejoin(&link, self.reader().on(par::RECONNECTREFUSED)),
            _ => self.connect(),
        }
    }

    /// Asks again for the namespaces that the server has not answered for, and perhaps for those that it has refused, in the
    /// session that is open.
    fn rejoin(&self, link: &Link, and_refused: bool) {
        let credentials = self.reader().credentials();
        let mut missing = link.silent();
        if and_refused {
            missing.extend(link.refused());
        }
        for namespace in missing {
            link.set_place(&namespace, PlaceState::Connecting);
            self.shared.say(format!("asking again for {namespace}"));
            // It is one of those that are joined already, so there are not too many.
            let _ = self.with_client(|client| client.join(&namespace, credentials.clone()));
        }
    }

    /// Joins and leaves as the parameter says now, in the session that is there.
    fn apply_namespaces(&self) {
        let Some(link) = self.link().filter(|_| !self.is_replaying()) else { return };
        let wanted = match self.reader().namespaces() {
            Ok(wanted) => wanted,
            Err((message, remedy)) => return self.shared.warn("namespace", &message, &remedy),
        };
        let credentials = self.reader().credentials();
        if self.is_down() {
            let is_refused = !link.refused().is_empty() && self.reader().on(par::ACTIVE);
            if is_refused && !self.reconnect.is_planned() {
                // It rests because the server did not want it; now it is to be somewhere else.
                self.connect();
            }
            return;
        }
        let before: Vec<Namespace> = link.places.borrow().iter().map(|place| place.namespace.clone()).collect();
        let join = |namespace: &Namespace| self.with_client(|client| client.join(namespace, credentials.clone()));
        let mut crowded_out = Vec::new();
        // Before others are left, because the session ends with the last one.
        for namespace in wanted.iter().filter(|namespace| !before.contains(namespace)) {
            link.set_place(namespace, PlaceState::Connecting);
            if let Some(Err(_)) = join(namespace) {
                crowded_out.push(namespace);
            }
        }
        for namespace in before.iter().filter(|namespace| !wanted.contains(namespace)) {
            self.with_client(|client| client.leave(namespace));
            link.leave_place(namespace);
        }
        for namespace in crowded_out {
            if let Some(Err(error)) = join(namespace) {
                self.shared.warn("namespace", &error.to_string(), TOO_MANY_NAMESPACES);
            }
        }
        link.order(&wanted);
    }

    fn handle_parameter(&self, index: ParIndex, on: bool) {
        match index {
            par::ACTIVE if on => {
                if self.is_down() && !self.reconnect.is_planned() {
                    self.reconnect.reset();
                    self.connect();
                }
            }
            par::ACTIVE => self.leave("disconnected"),
            par::URL | par::PATH | par::PARSER => {
                // Several may have changed in one turn, which is one change.
                let identity = self.reader().identity();
                if !self.is_replaying() && self.identity.borrow().as_ref() != Some(&identity) {
                    self.connect_anew("disconnected, because the address or the parser has changed");
                }
            }
            par::NAMESPACES => {
                self.apply_namespaces();
                self.correct();
            }
            par::REPLAY => self.connect_anew("disconnected, because another recording is to be replayed, or none"),
            par::RECORD => {
                self.shared.tap.set_file(self.reader().path(par::RECORD));
                if let Some(link) = self.link() {
                    link.note_standing(|namespace| self.with_client(|client| client.sid(namespace)).flatten());
                }
            }
            par::REPLAYSPEED => {
                self.replay_speed.send_replace(self.reader().number(par::REPLAYSPEED));
            }
            par::RECONNECT if on => {
                if self.is_down() && !self.reconnect.is_planned() {
                    self.reconnect.reset();
                    self.plan_reconnect();
                }
            }
            par::RECONNECT => self.reconnect.cancel(),
            _ => {
                self.apply_options();
                if DIAL_PAGES.contains(&SOCKETIO_DAT.page_of(index).name) {
                    self.correct();
                }
            }
        }
    }

    /// Something was edited that may have been what was wrong.
    fn correct(&self) {
        if self.needs_correction.get() && self.reader().on(par::ACTIVE) {
            self.connect();
        }
    }

    fn connect_anew(&self, message: &str) {
        self.leave(message);
        self.reconnect.reset();
        if self.reader().on(par::ACTIVE) {
            self.connect();
        }
    }
}

fn apply(client: &SocketIoClient<Link>, settings: ClientSettings, connection: ConnectionSettings) {
    client.set_settings(settings);
    client.set_connection(connection);
}

/// Hands a session over to the client, which has been in the namespaces `before` and stays out of those that were refused.
///
/// # Errors
/// When there are more namespaces than may be; the others are joined.
fn begin_session(
    client: &SocketIoClient<Link>,
    session: Session,
    before: &[Namespace],
    refused: &[Namespace],
) -> Result<(), JoinError> {
    let Session { target, client: settings, namespaces, credentials } = session;
    client.set_settings(settings);
    for namespace in before.iter().filter(|namespace| !namespaces.contains(namespace)) {
        client.leave(namespace);
    }
    let wanted = namespaces.iter().filter(|namespace| !refused.contains(namespace));
    let joined: Vec<_> = wanted.map(|namespace| client.join(namespace, credentials.clone())).collect();
    // There is no other session, or this one would not be begun.
    let _ = client.connect(target);
    joined.into_iter().collect()
}

impl Worker for SocketIoDat {
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
        self.info_channels()
    }

    fn info_table(&self, _: &Network) -> Option<Table> {
        Some(self.info_rows())
    }

    fn stop(&self, _: &Network) {
        self.leave("disconnected, because the operator was removed");
        self.shared.tap.finish();
    }

    fn shut_down(&self, _: &Network) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        let connection = self.disconnect("disconnected, because the program ends");
        let recorded = self.shared.tap.finish();
        Some(Box::pin(async move {
            if let Some(connection) = connection {
                until_closed(|| connection.is_closed()).await;
            }
            if let Some(recorded) = recorded {
                // When it was dropped with the runtime, there is nothing left to wait for.
                let _ = recorded.await;
            }
        }))
    }
}
