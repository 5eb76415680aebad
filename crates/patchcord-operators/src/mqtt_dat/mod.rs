//! The MQTT DAT: a connection to a broker, for logic graphs.
//!
//! - [`declaration`]: parameters and info channels: the facts.
//! - [`MqttDat`]: the worker. It has one connection at most, a [`link`], and plans the next when one has failed.
//! - [`subscriptions`]: what was subscribed to, which outlives connections.
//! - [`settings`]: from parameters to how a broker is dialled and logged in to; read anew at every attempt.
//!
//! A change of where the connection leads connects anew, limits and how messages are sent hold at once, and everything
//! else holds from the next attempt on, which is at once where there is no connection.

mod declaration;
mod link;
mod settings;
mod subscriptions;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};

use patchcord_core::change::Change;
use patchcord_core::declaration::ParIndex;
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::table::Table;
use patchcord_net::mqtt::{BrokerAddress, MqttClient, PublishError, SubscribeError, check_filter};

pub use declaration::MQTT_DAT;
use declaration::par;
use link::{Link, Shared};
use settings::{Reader, Target};

use crate::listening::{Listener, News};
use crate::par_reader::ParReader;
use crate::reconnect::{Reconnect, begin_later, until_closed};

/// Pages of the parameters that say how a broker is dialled and logged in to.
const DIAL_PAGES: [&str; 3] = ["Connect", "TLS", "Limits"];

/// Worker of an MQTT DAT.
pub struct MqttDat {
    me: Weak<MqttDat>,
    shared: Rc<Shared>,
    /// The connection, open or being made, and the link that hears of it.
    connection: RefCell<Option<(MqttClient<Link>, Rc<Link>)>>,
    /// What was dialled last.
    target: RefCell<Option<Target>>,
    /// The client id where none is set.
    own_id: String,
    reconnect: Reconnect,
    /// What was dialled last cannot be had as the parameters are: somebody has to correct them first.
    needs_correction: Cell<bool>,
    /// The first start has been tried. Until then changes of parameters are part of what it will read.
    begun: Cell<bool>,
}

/// Whether a text can be an address of a broker.
///
/// # Errors
/// In plain words, and what can be done about it.
pub fn check_address(text: &str) -> Result<(), (String, &'static str)> {
    let parsed = BrokerAddress::parse(text, 0, false);
    parsed.map(drop).map_err(|error| (error.to_string(), error.remedy()))
}

/// Starts the worker of a new operator.
fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    // Two clients of one name put each other out; where the system gives no chance, the broker makes up a name.
    let own_id = getrandom::u32().map_or(String::new(), |number| format!("patchcord-{number:08x}"));
    let worker = Rc::new_cyclic(|me| MqttDat {
        me: me.clone(),
        shared: Rc::new(Shared::new(network, op)),
        connection: RefCell::default(),
        target: RefCell::default(),
        own_id,
        reconnect: Reconnect::new(),
        needs_correction: Cell::new(false),
        begun: Cell::new(false),
    });
    begin_later(network, move |network| {
        network.with_worker(op, MqttDat::begin);
    });
    worker
}

impl MqttDat {
    /// Tells a listener of everything that happens from now on.
    pub fn listen(&self, listener: Weak<dyn Listener>) {
        self.shared.listeners.add(listener);
    }

    /// Tells a listener of nothing more.
    pub fn unlisten(&self, listener: &Weak<dyn Listener>) {
        self.shared.listeners.remove(listener);
    }

    /// Publishes, with the level and the retain flag of the parameters. What the broker does not take at once waits.
    ///
    /// # Errors
    /// [`PublishError`]; the operator shows it, too, unless there is no connection.
    pub fn publish(&self, topic: &str, payload: &[u8]) -> Result<(), PublishError> {
        let (level, retain) = self.reader().publishing();
        let published = match &*self.connection.borrow() {
            Some((client, _)) => client.publish(topic, payload, level, retain),
            None => Err(PublishError::NotConnected),
        };
        let (network, op) = (&self.shared.network, self.shared.op);
        match &published {
            Err(error @ (PublishError::Full | PublishError::TooLarge { .. })) => {
                let remedy = "publish less, or raise `maxqueue`; see `slowreader`";
                network.report(op, Problem::warning("publish", format!("a message was not sent: {error}"), remedy));
            }
            Err(_) => {}
            Ok(()) => network.clear_problem(op, "publish"),
        }
        published
    }

    /// Subscribes to filters, for as long as the operator is there and `reset` is not used: each new connection asks for
    /// them. Without a connection they wait for the next.
    ///
    /// # Errors
    /// [`SubscribeError`]. None of them is subscribed to then.
    pub fn subscribe(&self, filters: &[&str]) -> Result<(), SubscribeError> {
        for filter in filters {
            check_filter(filter).map_err(|error| SubscribeError::Filter { filter: (*filter).to_owned(), error })?;
        }
        if !self.shared.subscriptions.want(filters.iter().copied()) {
            return Err(SubscribeError::TooMany);
        }
        self.shared.show_subscriptions();
        let level = self.reader().subscribe_level();
        match &*self.connection.borrow() {
            Some((client, _)) if client.is_open() => client.subscribe(filters.iter().copied(), level),
            _ => Ok(()),
        }
    }

    /// Whether the broker has this client logged in.
    pub fn is_connected(&self) -> bool {
        self.connection.borrow().as_ref().is_some_and(|(client, _)| client.is_open())
    }

    /// Connects at once where it is active and yet has no connection. False when it has one, or is not active.
    pub fn begin_again(&self) -> bool {
        let rests = self.begun.get() && self.reader().on(par::ACTIVE) && self.is_down();
        if rests {
            self.reconnect.reset();
            self.connect();
        }
        rests
    }

    fn reader(&self) -> Reader<'_> {
        Reader(ParReader { network: &self.shared.network, op: self.shared.op })
    }

    fn begin(&self) {
        self.begun.set(true);
        self.apply_options();
        self.shared.show_subscriptions();
        if self.reader().on(par::ACTIVE) {
            self.connect();
        }
    }

    fn apply_options(&self) {
        // Read first: expressions may be Python, which may ask for anything, this operator included.
        let (limits, backoff) = (self.reader().limits(), self.reader().backoff());
        if let Some((client, _)) = &*self.connection.borrow() {
            client.set_limits(limits);
        }
        self.reconnect.set_settings(backoff);
    }

    /// Dials as the parameters say now. A connection that is there must have been let go of before.
    fn connect(&self) {
        self.reconnect.cancel();
        self.needs_correction.set(false);
        let target = self.reader().target();
        self.target.replace(Some(target));
        let link = Link::new(&self.shared, &self.me);
        match self.reader().dial(&self.own_id) {
            Ok((broker, dial, login)) => {
                let limits = self.reader().limits();
                let client = MqttClient::connect(link.clone(), broker, dial, login, limits);
                self.connection.replace(Some((client, link)));
            }
            Err((message, remedy)) => {
                self.needs_correction.set(true);
                link.fail(&message, &remedy);
            }
        }
    }

    /// A new connection asks for what was subscribed to.
    fn subscribe_again(&self) {
        self.shared.network.clear_problem(self.shared.op, "subscribe");
        let filters = self.shared.subscriptions.open();
        let level = self.reader().subscribe_level();
        let asked = match &*self.connection.borrow() {
            Some((client, _)) => client.subscribe(filters.iter().map(|filter| &**filter), level),
            None => return,
        };
        if let Err(error) = asked {
            self.shared.say(&format!("error: not everything is subscribed to again: {error}"));
        }
    }

    /// Lets go of the connection: its end is told now, and it closes on its own.
    fn disconnect(&self, message: &str) -> Option<MqttClient<Link>> {
        self.reconnect.cancel();
        self.shared.network.clear_problem(self.shared.op, "connection");
        let (client, link) = self.connection.take()?;
        if client.is_ended() {
            return None;
        }
        client.close();
        link.is_current.set(false);
        self.shared.subscriptions.close();
        self.shared.show_subscriptions();
        self.shared.say(message);
        if link.was_open() {
            self.shared.listeners.tell(News::Closed { failure: false, reason: message });
        }
        Some(client)
    }

    /// As [`MqttDat::disconnect`], and nobody waits for it.
    fn leave(&self, message: &str) {
        if let Some(client) = self.disconnect(message) {
            let shared = self.shared.clone();
            tokio::task::spawn_local(async move {
                until_closed(|| client.is_ended()).await;
                shared.count(client.stats());
            });
        }
    }

    /// The connection of a link has ended: what has passed over it is part of the past.
    fn count_of(&self, link: &Link) {
        if !link.is_current.get() {
            return;
        }
        if let Some((client, _)) = &*self.connection.borrow() {
            self.shared.count(client.stats());
        }
    }

    /// A connection was more than a door that opens and shuts: the next delay is the first again.
    fn note_steady(&self) {
        self.reconnect.reset();
    }

    fn reconnects(&self) -> bool {
        self.reader().on(par::ACTIVE) && self.reader().on(par::RECONNECT)
    }

    /// The connection has ended or could not be had, and nobody has asked for that.
    fn plan_reconnect(&self) {
        if !self.reconnects() || self.needs_correction.get() || self.reconnect.is_planned() {
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
        match planned {
            None => self.shared.say(&format!("error: given up after {attempts} attempts")),
            Some(delay) => {
                self.shared.say(&format!("connecting again in {:.1} s, attempt {attempts}", delay.as_secs_f64()));
            }
        }
    }

    fn handle_parameter(&self, index: ParIndex, on: bool) {
        match index {
            par::ACTIVE if on => {
                if self.is_down() {
                    self.reconnect.reset();
                    self.connect();
                }
            }
            par::ACTIVE => self.leave("disconnected"),
            par::NETADDRESS | par::PORT | par::TLS => {
                // Several may have changed in one turn, which is one change.
                let target = self.reader().target();
                if self.target.borrow().as_ref() != Some(&target) {
                    self.connect_anew("disconnected, because the address has changed");
                }
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
                let may_correct = DIAL_PAGES.contains(&MQTT_DAT.page_of(index).name);
                // Where an attempt has failed, a corrected password need not wait for the next.
                if may_correct && self.is_down() && (self.needs_correction.get() || self.reconnect.is_planned()) {
                    self.begin_again();
                }
            }
        }
    }

    fn is_down(&self) -> bool {
        self.connection.borrow().as_ref().is_none_or(|(client, _)| client.is_ended())
    }

    fn connect_anew(&self, message: &str) {
        self.leave(message);
        self.reconnect.reset();
        if self.reader().on(par::ACTIVE) {
            self.connect();
        }
    }

    fn status(&self) -> &'static str {
        if self.is_connected() {
            "open"
        } else if !self.is_down() {
            "connecting"
        } else if self.reconnect.is_planned() {
            "waiting"
        } else {
            "closed"
        }
    }
}

impl Worker for MqttDat {
    fn handle_change(&self, _: &Network, change: &Change) {
        match change {
            _ if !self.begun.get() => {}
            Change::Parameter { index, value, .. } => self.handle_parameter(*index, value.is_on()),
            Change::Pulse { index, .. } if *index == par::RESET => {
                self.shared.subscriptions.clear();
                self.shared.show_subscriptions();
                self.connect_anew("disconnected for a reset");
            }
            _ => {}
        }
    }

    fn info(&self, _: &Network) -> Vec<f64> {
        let mut stats = self.shared.past.get();
        let (mut queued, mut unconfirmed) = (0, 0);
        if let Some((client, _)) = &*self.connection.borrow()
            && !client.is_ended()
        {
            let now = client.stats();
            stats.messages_in += now.messages_in;
            stats.messages_out += now.messages_out;
            stats.bytes_in += now.bytes_in;
            stats.bytes_out += now.bytes_out;
            stats.dropped += now.dropped;
            (queued, unconfirmed) = (client.queued(), client.unconfirmed());
        }
        let is_open = self.is_connected();
        vec![
            f64::from(u8::from(is_open)),
            self.shared.opened.get().saturating_sub(1) as f64,
            if is_open { 0.0 } else { f64::from(self.reconnect.attempts()) },
            self.reconnect.left().map_or(0.0, |time| time.as_secs_f64()),
            self.shared.subscriptions.granted() as f64,
            stats.messages_in as f64,
            stats.messages_out as f64,
            stats.bytes_in as f64,
            stats.bytes_out as f64,
            stats.dropped as f64,
            queued as f64,
            unconfirmed as f64,
            self.shared.lost.get() as f64,
        ]
    }

    fn info_table(&self, _: &Network) -> Option<Table> {
        let left = self.reconnect.left().map(|left| format!("{:.1}", left.as_secs_f64())).unwrap_or_default();
        let clientid = self.reader().text(par::CLIENTID);
        let clientid = if clientid.is_empty() { self.own_id.clone() } else { clientid.to_string() };
        let rows = [
            ["name".to_owned(), "value".to_owned()],
            ["status".to_owned(), self.status().to_owned()],
            ["client_id".to_owned(), clientid],
            ["next_attempt".to_owned(), left],
        ];
        Table::from_rows(&rows).ok()
    }

    fn stop(&self, _: &Network) {
        self.leave("disconnected, because the operator was removed");
    }

    fn shut_down(&self, _: &Network) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        let client = self.disconnect("disconnected, because the program ends")?;
        Some(Box::pin(async move { until_closed(|| client.is_ended()).await }))
    }
}
