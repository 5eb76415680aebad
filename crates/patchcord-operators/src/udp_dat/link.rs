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
}

impl Link {
    pub(super) fn new(dat: &Weak<UdpDat>) -> Rc<Self> {
        Rc::new(Link { dat: dat.clone(), is_current: Cell::new(true) })
    }

    fn dat(&self) -> Option<Rc<UdpDat>> {
        self.dat.upgrade().filter(|_| self.is_current.get())
    }
}

impl Handler for Link {
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
