//! What the operator hears of its socket. A link that it has let go of is silent: the end has been told already.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};

use patchcord_net::udp::{Handler, UdpError};

use super::UdpDat;
use crate::listening::News;

/// Hears of one socket.
pub(super) struct Link {
    dat: Weak<UdpDat>,
    /// The operator still takes this link for its own.
    pub is_current: Cell<bool>,
    /// Listeners have heard that the socket is open, and not that it is closed.
    pub told_open: Cell<bool>,
}

impl Link {
    pub(super) fn new(dat: &Weak<UdpDat>) -> Rc<Self> {
        Rc::new(Link { dat: dat.clone(), is_current: Cell::new(true), told_open: Cell::new(false) })
    }

    fn dat(&self) -> Option<Rc<UdpDat>> {
        self.dat.upgrade().filter(|_| self.is_current.get())
    }
}

impl Handler for Link {
    /// From the socket's task, so that listeners who open and close it for ever leave others their turns.
    fn handle_open(&self) {
        if let Some(dat) = self.dat() {
            self.told_open.set(true);
            dat.listeners.tell(News::Opened);
        }
    }

    fn handle_datagram(&self, _: SocketAddr, bytes: &[u8]) {
        if let Some(dat) = self.dat() {
            dat.listeners.tell(News::Bytes(bytes));
        }
    }

    fn handle_error(&self, error: &UdpError) {
        if let Some(dat) = self.dat() {
            dat.show_unsent(error);
            dat.listeners.tell(News::Error(&error.to_string()));
        }
    }

    fn handle_failure(&self, error: &UdpError) {
        let Some(dat) = self.dat() else { return };
        let message = error.to_string();
        dat.show(&message, &if dat.reopens() { String::new() } else { error.remedy() });
        self.told_open.set(false);
        dat.listeners.tell(News::Closed { failure: true, reason: &message });
        dat.plan_reopening();
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        let Some(dat) = self.dat.upgrade() else { return work() };
        let start = dat.network.now();
        work();
        dat.network.note_cook(dat.op, start);
    }
}
