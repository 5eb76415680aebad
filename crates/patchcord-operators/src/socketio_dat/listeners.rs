//! Who hears of a connection besides its callbacks: logic graphs.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::{Rc, Weak};

use patchcord_socketio::Value;

/// What a listener hears of.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// A namespace is connected.
    Opened(&'a str),
    /// A namespace is connected no more: whether that is a failure, and why.
    Closed(&'a str, bool, &'a str),
    /// Something went wrong; the namespace is empty when it is about none.
    Error(&'a str, &'a str),
    /// An event came that somebody has subscribed to: namespace, name, arguments.
    Event(&'a str, &'a str, &'a [Value]),
}

/// Hears of a connection. It is called with nothing borrowed.
pub trait Listener {
    /// Something happened.
    fn handle_news(&self, news: News<'_>);
}

/// Events of a connection that may be subscribed to.
pub const MAX_SUBSCRIPTIONS: usize = 10_000;

/// The listeners of an operator, and the events that they have subscribed to, which are the connection's: every listener
/// hears of them.
#[derive(Default)]
pub(super) struct Listeners {
    all: RefCell<Vec<Weak<dyn Listener>>>,
    is_any: Cell<bool>,
    /// Names of events by namespace.
    subscriptions: RefCell<HashMap<String, HashSet<String>>>,
}

impl Listeners {
    pub fn add(&self, listener: Weak<dyn Listener>) {
        let mut all = self.all.borrow_mut();
        all.retain(|one| one.strong_count() > 0 && !one.ptr_eq(&listener));
        all.push(listener);
        self.is_any.set(true);
    }

    pub fn remove(&self, listener: &Weak<dyn Listener>) {
        let mut all = self.all.borrow_mut();
        all.retain(|one| one.strong_count() > 0 && !one.ptr_eq(listener));
        self.is_any.set(!all.is_empty());
    }

    /// Listens for an event; false when too many are listened for.
    pub fn subscribe(&self, namespace: &str, event: &str) -> bool {
        let mut subscriptions = self.subscriptions.borrow_mut();
        if subscriptions.values().map(HashSet::len).sum::<usize>() >= MAX_SUBSCRIPTIONS {
            return false;
        }
        subscriptions.entry(namespace.to_owned()).or_default().insert(event.to_owned());
        true
    }

    pub fn unsubscribe(&self, namespace: &str, event: &str) {
        if let Some(events) = self.subscriptions.borrow_mut().get_mut(namespace) {
            events.remove(event);
        }
    }

    /// Tells of an event, if somebody has subscribed to it.
    #[inline]
    pub fn tell_event(&self, namespace: &str, event: &str, args: &[Value]) {
        if self.is_any.get() && self.subscriptions.borrow().get(namespace).is_some_and(|events| events.contains(event))
        {
            self.tell_all(News::Event(namespace, event, args));
        }
    }

    #[inline]
    pub fn tell(&self, news: News<'_>) {
        if self.is_any.get() {
            self.tell_all(news);
        }
    }

    fn tell_all(&self, news: News<'_>) {
        // A listener may add or remove one.
        let all: Vec<Rc<dyn Listener>> = self.all.borrow().iter().filter_map(Weak::upgrade).collect();
        for listener in all {
            listener.handle_news(news);
        }
    }
}
