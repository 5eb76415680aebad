//! What lasts longer than one client of the operator: counters, options, and how its user hears of things.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use patchcord_core::callbacks::Callbacks;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::value::Value as HostValue;
use patchcord_socketio::{Namespace, Value};

use super::convert::with_message;
use super::declaration::callback;
use super::settings::Options;
use super::subscriptions::{News, Subscriptions};
use super::wanted::Wanted;
use crate::heard::Heard;
use crate::listening::{self, Listeners};
use crate::recording::Tap;

/// What all links of an operator share.
pub(super) struct Shared {
    pub network: Network,
    pub op: OpId,
    pub callbacks: Rc<dyn Callbacks>,
    pub options: Cell<Options>,
    pub wanted: Wanted,
    pub tap: Rc<Tap>,
    /// Sessions that were opened so far.
    pub opened: Cell<u64>,
    pub events_in: Cell<u64>,
    pub events_out: Cell<u64>,
    pub round_trip: Cell<Duration>,
    /// The latest connection of a namespace took up the session before.
    pub recovered: Cell<bool>,
    /// The latest event could not be sent, which the operator shows.
    pub send_failed: Cell<bool>,
    pub last_reason: RefCell<String>,
    pub last_error: RefCell<(String, Value)>,
    /// Numbers that `emit` has given out.
    pub requests: Cell<u64>,
    pub event: Heard,
    pub listeners: Listeners,
    pub subscriptions: Subscriptions,
}

impl Shared {
    pub(super) fn new(network: &Network, op: OpId) -> Self {
        Shared {
            network: network.clone(),
            op,
            callbacks: network.callbacks_for(op),
            options: Cell::default(),
            wanted: Wanted::default(),
            tap: Tap::new(network, op),
            opened: Cell::new(0),
            events_in: Cell::new(0),
            events_out: Cell::new(0),
            round_trip: Cell::default(),
            recovered: Cell::new(false),
            send_failed: Cell::new(false),
            last_reason: RefCell::default(),
            last_error: RefCell::default(),
            requests: Cell::new(0),
            event: Heard::new(callback::RECEIVE_EVENT),
            listeners: Listeners::default(),
            subscriptions: Subscriptions::default(),
        }
    }

    /// Calls a callback in a turn of its own. What went wrong has been reported by the handler.
    pub(super) fn call(&self, callback: usize, arguments: &[HostValue<'_>]) {
        self.network.turn(|network| self.callbacks.tell(network, callback, arguments));
    }

    /// Says what happens to the connection, in the textport.
    pub(super) fn say(&self, message: impl Into<Rc<str>>) {
        self.network.say_status(self.op, message);
    }

    /// Shows on the operator what is wrong.
    pub(super) fn warn(&self, cause: &'static str, message: &str, remedy: &str) {
        self.network.report(self.op, Problem::warning(cause, message, remedy));
    }

    /// Tells listeners of an event, if somebody has subscribed to it.
    #[inline]
    pub(super) fn tell_event(&self, namespace: &str, event: &str, args: &[Value]) {
        if self.listeners.is_any() && self.subscriptions.contains(namespace, event) {
            self.tell(News::Event(namespace, event, args));
        }
    }

    #[inline]
    fn tell(&self, news: News<'_>) {
        self.listeners.tell(listening::News::SocketIo(news));
    }

    pub(super) fn tell_open(&self, namespace: &Namespace, recovered: bool) {
        self.tell(News::Opened(namespace.as_str()));
        let name = HostValue::Str(namespace.as_str());
        self.call(callback::OPEN, &[HostValue::Op(self.op), name, HostValue::Bool(recovered)]);
    }

    pub(super) fn tell_close(&self, namespace: &Namespace, failure: bool, reason: &str) {
        self.last_reason.replace(reason.to_owned());
        self.tell(News::Closed(namespace.as_str(), failure, reason));
        let (name, reason) = (HostValue::Str(namespace.as_str()), HostValue::Str(reason));
        self.call(callback::CLOSE, &[HostValue::Op(self.op), HostValue::Bool(failure), name, reason]);
    }

    pub(super) fn tell_error(&self, namespace: &str, message: &str, data: &Value) {
        self.last_error.replace((message.to_owned(), data.clone()));
        self.tell(News::Error(namespace, message));
        with_message(std::slice::from_ref(data), |data| {
            let (name, message) = (HostValue::Str(namespace), HostValue::Str(message));
            self.call(callback::CONNECT_ERROR, &[HostValue::Op(self.op), name, message, data]);
        });
    }
}
