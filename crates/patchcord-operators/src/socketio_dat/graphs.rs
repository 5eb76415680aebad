//! What logic graphs do with the operator besides sending.

use std::rc::Weak;

use super::SocketIoDat;
use super::declaration::par;
use super::link::PlaceState;
use crate::listening::Listener;
use crate::reconnect::begin_soon;

impl SocketIoDat {
    /// Tells a listener of everything that happens, until it is gone or does not listen any more.
    pub fn listen(&self, listener: Weak<dyn Listener>) {
        self.shared.listeners.add(listener);
    }

    /// Tells a listener of nothing more, and ends what only it has subscribed to.
    pub fn unlisten(&self, listener: &Weak<dyn Listener>) {
        self.shared.listeners.remove(listener);
        self.shared.subscriptions.let_go(listener);
    }

    /// Tells all listeners of an event of a namespace from now on, for as long as `listener` listens; false when there are
    /// [`MAX_SUBSCRIPTIONS`](super::MAX_SUBSCRIPTIONS).
    pub fn subscribe(&self, namespace: &str, event: &str, listener: &Weak<dyn Listener>) -> bool {
        self.shared.subscriptions.add(namespace, event, listener)
    }

    /// Tells nobody of it any more.
    pub fn unsubscribe(&self, namespace: &str, event: &str) {
        self.shared.subscriptions.remove(namespace, event);
    }

    /// Whether a namespace is connected.
    pub fn is_connected(&self, namespace: &str) -> bool {
        let Some(link) = self.link() else { return false };
        let places = link.places.borrow();
        places
            .iter()
            .any(|place| place.namespace.as_str() == namespace && matches!(place.state, PlaceState::Connected { .. }))
    }

    /// Begins again where the operator is active and rests: there is no session, or the server has put it out of the main
    /// namespace, and no attempt is planned. False when it does not rest.
    pub fn begin_again(&self) -> bool {
        let rests = self.rests();
        if rests {
            begin_soon(&self.shared.network, self.shared.op, |dat: &SocketIoDat| {
                match dat.link().filter(|_| !dat.is_down()) {
                    // Somebody else may have been faster.
                    _ if !dat.rests() => {}
                    Some(link) => dat.rejoin(&link, true),
                    None => dat.connect_anew("connecting again"),
                }
            });
        }
        rests
    }

    fn rests(&self) -> bool {
        let is_left = || {
            let link = self.link()?;
            Some(link.silent().iter().chain(&link.refused()).any(|namespace| namespace.as_str() == "/"))
        };
        self.begun.get()
            && self.reader().on(par::ACTIVE)
            && !self.reconnect.is_planned()
            && (self.is_down() || is_left() == Some(true))
    }
}
