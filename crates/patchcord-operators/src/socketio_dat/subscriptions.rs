//! The events of a connection that logic graphs have subscribed to.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Weak;

use patchcord_socketio::Value;

use crate::listening::Listener;

/// What a listener hears of a Socket.IO connection.
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

/// Events of a connection that may be subscribed to.
pub const MAX_SUBSCRIPTIONS: usize = 10_000;

/// The events that are subscribed to. A subscription is the connection's: every listener hears of the event, and any may
/// end it. It is held by those that made it, and ends with the last of them.
#[derive(Default)]
pub(super) struct Subscriptions {
    /// Who holds each event, by namespace and name.
    all: RefCell<HashMap<String, Events>>,
}

/// Who holds the events of a namespace, by name.
type Events = HashMap<String, Vec<Weak<dyn Listener>>>;

impl Subscriptions {
    /// Subscribes to an event; false when too many are subscribed to.
    pub fn add(&self, namespace: &str, event: &str, holder: &Weak<dyn Listener>) -> bool {
        let mut all = self.all.borrow_mut();
        let is_known = all.get(namespace).is_some_and(|events| events.contains_key(event));
        if !is_known && all.values().map(Events::len).sum::<usize>() >= MAX_SUBSCRIPTIONS {
            return false;
        }
        let holders = all.entry(namespace.to_owned()).or_default().entry(event.to_owned()).or_default();
        holders.retain(|one| one.strong_count() > 0 && !one.ptr_eq(holder));
        holders.push(holder.clone());
        true
    }

    /// Ends a subscription, whoever made it.
    pub fn remove(&self, namespace: &str, event: &str) {
        if let Some(events) = self.all.borrow_mut().get_mut(namespace) {
            events.remove(event);
        }
    }

    /// Ends what only this one holds.
    pub fn let_go(&self, holder: &Weak<dyn Listener>) {
        let mut all = self.all.borrow_mut();
        for events in all.values_mut() {
            events.retain(|_, holders| {
                holders.retain(|one| one.strong_count() > 0 && !one.ptr_eq(holder));
                !holders.is_empty()
            });
        }
        all.retain(|_, events| !events.is_empty());
    }

    /// Whether somebody has subscribed to an event.
    pub fn contains(&self, namespace: &str, event: &str) -> bool {
        self.all.borrow().get(namespace).is_some_and(|events| events.contains_key(event))
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::listening;

    struct Graph;

    impl Listener for Graph {
        fn handle_news(&self, _: listening::News<'_>) {}
    }

    fn graph() -> (Rc<dyn Listener>, Weak<dyn Listener>) {
        let graph: Rc<dyn Listener> = Rc::new(Graph);
        let weak = Rc::downgrade(&graph);
        (graph, weak)
    }

    #[test]
    fn a_subscription_ends_with_the_last_that_holds_it() {
        let subscriptions = Subscriptions::default();
        let ((_a, one), (_b, other)) = (graph(), graph());
        for holder in [&one, &one, &other] {
            assert!(subscriptions.add("/", "chat", holder));
        }
        subscriptions.let_go(&one);
        assert!(subscriptions.contains("/", "chat"));
        assert!(!subscriptions.contains("/room", "chat"));
        subscriptions.let_go(&other);
        assert!(!subscriptions.contains("/", "chat"));
    }

    #[test]
    fn one_unsubscribe_ends_it_for_all() {
        let subscriptions = Subscriptions::default();
        let ((_a, one), (_b, other)) = (graph(), graph());
        assert!(subscriptions.add("/", "chat", &one) && subscriptions.add("/", "chat", &other));
        subscriptions.remove("/", "chat");
        assert!(!subscriptions.contains("/", "chat"));
    }

    #[test]
    fn there_is_room_for_so_many_and_known_ones_are_no_more() {
        let subscriptions = Subscriptions::default();
        let (_a, one) = graph();
        for number in 0..MAX_SUBSCRIPTIONS {
            assert!(subscriptions.add("/", &number.to_string(), &one));
        }
        assert!(!subscriptions.add("/", "one more", &one));
        assert!(subscriptions.add("/", "7", &one));
    }
}
