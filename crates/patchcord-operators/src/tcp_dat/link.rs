//! What the operator hears of its connections: news for its listeners, lines of the textport, what shows on it.
//!
//! A link that the operator has let go of, because it begins anew or was switched off, is silent from then on: its end has been
//! told already.

use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_net::client::{DialError, Progress};
use patchcord_net::tcp::{Ending, Handler, Peer, Refusal, Stats};

use super::TcpDat;
use crate::listening::{Listeners, News};

/// How long a connection has to stand to count as one, when nothing comes: a server that accepts and closes at once is
/// not to be dialled at the shortest delay for ever.
const STEADY: Duration = Duration::from_secs(10);

/// What all links of an operator share.
pub(super) struct Shared {
    pub network: Network,
    pub op: OpId,
    pub listeners: Listeners,
    /// Sums over connections that have ended.
    pub past: Cell<Stats>,
    /// Times that it was connected or listened.
    pub opened: Cell<u64>,
    pub refused: Cell<u64>,
    pub slow: Cell<u64>,
}

impl Shared {
    /// Shows on the operator why there is no connection.
    pub(super) fn show(&self, message: &str, remedy: &str) {
        self.network.report(self.op, Problem::warning("connection", message, remedy));
    }

    /// Says what happens to the connection in the textport.
    pub(super) fn say(&self, message: &str) {
        self.network.say_status(self.op, message);
    }

    /// It is connected, or listens. Listeners are told by [`Link::tell_opened`].
    pub(super) fn open(&self, message: &str) {
        self.opened.set(self.opened.get() + 1);
        self.network.clear_problem(self.op, "connection");
        self.say(message);
    }
}

/// Hears of one connection of a client, or of all of a server.
pub(super) struct Link {
    pub shared: Rc<Shared>,
    pub dat: Weak<TcpDat>,
    pub is_server: bool,
    /// The operator still takes this link for its own.
    pub is_current: Cell<bool>,
    /// Listeners have heard that it is open, and not that it is closed.
    pub told_open: Cell<bool>,
    /// Listeners have heard that there is no room for another client, and none has left since.
    told_full: Cell<bool>,
}

impl Link {
    pub(super) fn new(shared: &Rc<Shared>, dat: &Weak<TcpDat>, is_server: bool) -> Rc<Self> {
        Rc::new(Link {
            shared: shared.clone(),
            dat: dat.clone(),
            is_server,
            is_current: Cell::new(true),
            told_open: Cell::new(false),
            told_full: Cell::new(false),
        })
    }

    /// Tells listeners that it is open: from the task of the connection or the listener, so that listeners who open and close
    /// it for ever leave others their turns.
    fn tell_opened(&self) {
        if self.is_current.get() && !self.told_open.replace(true) {
            self.shared.listeners.tell(News::Opened);
        }
    }

    /// Tells listeners that it is closed, because somebody here has asked for that.
    pub(super) fn tell_closed(&self, reason: &str) {
        if self.told_open.replace(false) {
            self.shared.listeners.tell(News::Closed { failure: false, reason });
        }
    }

    /// There is no connection, or the server cannot listen.
    pub(super) fn fail(&self, message: &str, remedy: &str) {
        self.shared.show(message, remedy);
        self.end(News::Error(message));
    }

    /// A connection of a client has ended, or could not be had; or a server could not listen.
    fn end(&self, news: News<'_>) {
        self.shared.listeners.tell(news);
        // A listener may have begun anew, or switched the operator off.
        if let Some(dat) = self.dat.upgrade().filter(|_| self.is_current.get()) {
            dat.plan_reconnect();
        }
    }

    fn count(&self, peer: &Peer, ending: &Ending) {
        let mut past = self.shared.past.get();
        past += peer.stats();
        self.shared.past.set(past);
        if matches!(ending, Ending::TooSlow { .. }) {
            self.shared.slow.set(self.shared.slow.get() + 1);
        }
    }

    fn handle_client_left(&self, peer: &Peer, ending: &Ending) {
        self.told_full.set(false);
        let message = format!("client {} has left: {ending}", peer.address());
        match ending {
            Ending::Local | Ending::Remote | Ending::Lost { .. } => self.shared.say(&message),
            Ending::TooSlow { .. } => {
                self.warn_of_client(&message, "send less, or set `maxqueue` higher");
            }
            Ending::Panicked(_) => self.warn_of_client(&message, "this is a fault of the program"),
        }
    }

    fn warn_of_client(&self, message: &str, remedy: &str) {
        self.shared.network.report(self.shared.op, Problem::warning("client", message, remedy));
        self.shared.listeners.tell(News::Error(message));
    }
}

impl Handler for Link {
    fn handle_open(&self, peer: &Rc<Peer>) {
        if !self.is_current.get() {
            return;
        }
        if self.is_server {
            self.shared.say(&format!("client {} has connected", peer.address()));
        } else {
            self.shared.open(&format!("connected to {}", peer.address()));
            self.tell_opened();
        }
    }

    fn handle_bytes(&self, _: &Rc<Peer>, bytes: &[u8]) {
        if self.is_current.get() {
            self.shared.listeners.tell(News::Bytes(bytes));
        }
    }

    fn handle_close(&self, peer: &Rc<Peer>, ending: &Ending) {
        self.count(peer, ending);
        if !self.is_current.get() {
            return;
        }
        if self.is_server {
            return self.handle_client_left(peer, ending);
        }
        let dat = self.dat.upgrade();
        if let Some(dat) = &dat
            && (peer.stats().packets_in > 0 || peer.joined().elapsed() >= STEADY)
        {
            dat.note_steady();
        }
        let comes_back = dat.is_some_and(|dat| dat.reconnects());
        let remedy = match ending {
            Ending::TooSlow { .. } => "send less, or set `maxqueue` higher",
            Ending::Panicked(_) => "this is a fault of the program",
            _ if comes_back => "",
            _ => "pulse `reset` to connect anew, or switch `reconnect` on",
        };
        let message = format!("the connection to {} was lost: {ending}", peer.address());
        self.shared.show(&message, remedy);
        self.told_open.set(false);
        self.end(News::Closed { failure: true, reason: &message });
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        let start = self.shared.network.now();
        work();
        self.shared.network.note_cook(self.shared.op, start);
    }

    fn handle_progress(&self, progress: &Progress) {
        if self.is_current.get() {
            self.shared.say(&progress.to_string());
        }
    }

    fn handle_failure(&self, error: &DialError) {
        if self.is_current.get() {
            self.fail(&error.to_string(), &error.remedy());
        }
    }

    fn handle_listening(&self) {
        self.tell_opened();
    }

    fn handle_refusal(&self, refusal: &Refusal) {
        if !self.is_current.get() {
            return;
        }
        self.shared.refused.set(self.shared.refused.get() + 1);
        // Whoever knocks again and again is counted, and told of once.
        if !self.told_full.replace(true) {
            let remedy = match refusal {
                Refusal::TooMany { .. } => "set `maxclients` higher, if that many are meant",
                Refusal::Panicked { .. } => "this is a fault of the program",
                Refusal::Accept { .. } => "allow the program more open files, or set `maxclients` lower",
            };
            self.warn_of_client(&refusal.to_string(), remedy);
        }
    }
}
