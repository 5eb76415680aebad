//! One connection of the operator: turns what the client reports into news for graphs and lines of the textport.
//!
//! A link that the operator has let go of is silent from then on: its end has been told already.

use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_net::client::Progress;
use patchcord_net::mqtt::{self, Accepted, MqttError, MqttStats, Qos};

use super::MqttDat;
use super::subscriptions::Subscriptions;
use crate::listening::{Listeners, News};
use crate::table_content::put_table;

/// How long a connection has to stand to count as one, when no message comes: a broker that accepts and closes at once is
/// not to be dialled at the shortest delay for ever.
const STEADY: Duration = Duration::from_secs(10);

/// What all links of an operator share.
pub(super) struct Shared {
    pub network: Network,
    pub op: OpId,
    pub listeners: Listeners,
    pub subscriptions: Subscriptions,
    /// Sums over connections that have ended.
    pub past: Cell<MqttStats>,
    /// Messages that were not confirmed when a connection ended.
    pub lost: Cell<u64>,
    /// Open connections so far.
    pub opened: Cell<u64>,
    /// The table is to be made anew once what is going on has ended.
    table_is_due: Cell<bool>,
}

impl Shared {
    pub(super) fn new(network: &Network, op: OpId) -> Self {
        Shared {
            network: network.clone(),
            op,
            listeners: Listeners::default(),
            subscriptions: Subscriptions::default(),
            past: Cell::default(),
            lost: Cell::new(0),
            opened: Cell::new(0),
            table_is_due: Cell::new(false),
        }
    }

    /// Says what happens to the connection.
    pub(super) fn say(&self, message: &str) {
        self.network.say_status(self.op, message);
    }

    /// Shows on the operator why there is no connection.
    pub(super) fn show(&self, message: String, remedy: &str) {
        self.network.report(self.op, Problem::warning("connection", message, remedy));
    }

    /// Something about subscriptions is another. However much comes together is shown once.
    pub(super) fn show_subscriptions(self: &Rc<Self>) {
        if self.table_is_due.replace(true) {
            return;
        }
        let me = Rc::downgrade(self);
        self.network.defer(move |network| {
            let Some(shared) = me.upgrade() else { return };
            shared.table_is_due.set(false);
            // An operator that is gone has no table to show.
            let _ = put_table(network, shared.op, shared.subscriptions.table());
        });
    }

    pub(super) fn count(&self, stats: MqttStats) {
        let past = self.past.get();
        self.past.set(MqttStats {
            messages_in: past.messages_in + stats.messages_in,
            messages_out: past.messages_out + stats.messages_out,
            bytes_in: past.bytes_in + stats.bytes_in,
            bytes_out: past.bytes_out + stats.bytes_out,
            dropped: past.dropped + stats.dropped,
        });
    }
}

/// Hears of one connection.
pub(super) struct Link {
    pub shared: Rc<Shared>,
    pub dat: Weak<MqttDat>,
    /// The operator still takes this link for its own.
    pub is_current: Cell<bool>,
    /// Since when it is open.
    opened: Cell<Option<Instant>>,
    has_received: Cell<bool>,
}

impl Link {
    pub(super) fn new(shared: &Rc<Shared>, dat: &Weak<MqttDat>) -> Rc<Self> {
        Rc::new(Link {
            shared: shared.clone(),
            dat: dat.clone(),
            is_current: Cell::new(true),
            opened: Cell::default(),
            has_received: Cell::new(false),
        })
    }

    /// Whether the broker had accepted, so that graphs know of the connection.
    pub(super) fn was_open(&self) -> bool {
        self.opened.get().is_some()
    }

    /// No connection could be had, or it was lost.
    pub(super) fn fail(&self, reason: &str, remedy: &str) {
        let shared = &self.shared;
        shared.show(reason.to_owned(), remedy);
        let was_open = self.was_open();
        let reason = if was_open { reason.to_owned() } else { format!("connection failed: {reason}") };
        shared.say(&format!("error: {reason}"));
        shared.subscriptions.close();
        shared.show_subscriptions();
        if was_open {
            shared.listeners.tell(News::Closed { failure: true, reason: &with_remedy(&reason, remedy) });
        } else {
            shared.listeners.tell(News::Error(&with_remedy(&reason, remedy)));
        }
        // A graph may have connected anew, or switched the operator off.
        if let Some(dat) = self.dat.upgrade().filter(|_| self.is_current.get()) {
            dat.plan_reconnect();
        }
    }
}

fn with_remedy(reason: &str, remedy: &str) -> String {
    if remedy.is_empty() { reason.to_owned() } else { format!("{reason}; {remedy}") }
}

impl mqtt::Handler for Link {
    fn handle_progress(&self, progress: &Progress) {
        if self.is_current.get() {
            self.shared.say(&progress.to_string());
        }
    }

    fn handle_open(&self, _: &Accepted) {
        if !self.is_current.get() {
            return;
        }
        let shared = &self.shared;
        self.opened.set(Some(Instant::now()));
        shared.opened.set(shared.opened.get() + 1);
        shared.network.clear_problem(shared.op, "connection");
        shared.network.clear_problem(shared.op, "publish");
        shared.say("connected");
        if let Some(dat) = self.dat.upgrade() {
            dat.subscribe_again();
        }
        shared.listeners.tell(News::Opened);
    }

    fn handle_message(&self, topic: &str, payload: &[u8], _: bool) {
        self.has_received.set(true);
        if self.is_current.get() {
            self.shared.listeners.tell(News::Topic(topic, payload));
        }
    }

    fn handle_granted(&self, filter: &str, granted: Result<Qos, &str>) {
        if !self.is_current.get() {
            return;
        }
        let shared = &self.shared;
        shared.subscriptions.note(filter, granted);
        shared.show_subscriptions();
        if let Err(reason) = granted {
            let message = format!("\"{filter}\" is not subscribed to: {reason}");
            let remedy = "correct the topic, or have the broker allow it to this user";
            shared.network.report(shared.op, Problem::warning("subscribe", message.clone(), remedy));
            shared.listeners.tell(News::Error(&message));
        }
    }

    fn handle_refused(&self, reason: &str) {
        if self.is_current.get() {
            let message = format!("the broker did not take a message: {reason}");
            let remedy = "see that the topic is allowed to this user";
            self.shared.network.report(self.shared.op, Problem::warning("publish", message.clone(), remedy));
            self.shared.listeners.tell(News::Error(&message));
        }
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        let (network, op) = (&self.shared.network, self.shared.op);
        let start = network.now();
        network.turn(|_| work());
        network.note_cook(op, start);
    }

    fn handle_end(&self, error: Option<&MqttError>, unconfirmed: usize) {
        let shared = self.shared.clone();
        shared.lost.set(shared.lost.get() + unconfirmed as u64);
        let Some(dat) = self.dat.upgrade() else { return };
        dat.count_of(self);
        // The end that this end has asked for was told then.
        let (true, Some(error)) = (self.is_current.get(), error) else { return };
        shared.network.clone().turn(|_| {
            if self.opened.get().is_some_and(|since| self.has_received.get() || since.elapsed() >= STEADY) {
                dat.note_steady();
            }
            dat.needs_correction.set(error.is_of_settings());
            if unconfirmed > 0 {
                let messages = if unconfirmed == 1 { "1 message was" } else { "messages were" };
                let number = if unconfirmed == 1 { String::new() } else { format!("{unconfirmed} ") };
                shared.say(&format!("error: {number}{messages} sent and not confirmed; they may be lost"));
            }
            if matches!(error, MqttError::Panicked(_)) {
                let problem = Problem::error("panic", error.to_string(), error.remedy());
                shared.network.report(shared.op, problem);
            }
            self.fail(&error.to_string(), &error.remedy());
        });
    }
}
