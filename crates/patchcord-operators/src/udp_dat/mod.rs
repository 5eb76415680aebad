//! The UDP DAT: a socket for logic graphs.
//!
//! - [`declaration`]: parameters and info channels: the facts.
//! - [`UdpDat`]: the worker. It has one socket at most, whose [`link`] hears of everything, and plans the next attempt when
//!   it failed or could not be had.
//! - [`settings`]: from parameters to addresses and bounds.
//!
//! Another local port or address takes another socket; everything else holds at once for the one that is open.

mod declaration;
mod link;
mod settings;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use patchcord_core::change::Change;
use patchcord_core::declaration::ParIndex;
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_net::listen::bind_udp;
use patchcord_net::udp::{MAX_DATAGRAM, MAX_WAITING, Stats, UdpError, UdpSocket};

pub use declaration::UDP_DAT;
use declaration::par;
use link::Link;
use settings::{Place, Reader};

use crate::listening::{Listener, Listeners, News};
use crate::local_address::{local_address, remedy};
use crate::par_reader::{ParReader, Wrong};
use crate::reconnect::{Reconnect, begin_later, begin_soon};

/// Worker of a UDP DAT.
pub struct UdpDat {
    me: Weak<UdpDat>,
    network: Network,
    op: OpId,
    listeners: Listeners,
    /// The socket, and the link that hears of it.
    socket: RefCell<Option<(UdpSocket<Link>, Rc<Link>)>>,
    /// Where the socket is, or should have been.
    place: RefCell<Option<Place>>,
    /// What is to be sent when the socket is open.
    kept: RefCell<Vec<Vec<u8>>>,
    reconnect: Reconnect,
    /// Sums over sockets that are closed.
    past: Cell<Stats>,
    past_dropped: Cell<u64>,
    opened: Cell<u64>,
    /// The latest datagram could not be sent, which the operator shows.
    send_failed: Cell<bool>,
    /// The first start has been tried. Until then changes of parameters are part of what it will read.
    begun: Cell<bool>,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// It is on its way, or waits for the look-up of a name or the system.
    Sent,
    /// It is sent when the socket is open, which it is not yet. Somebody has to switch `active` on, if it is off.
    Kept,
}

/// Starts the worker of a new operator.
fn start(network: &Network, op: OpId) -> Rc<dyn Worker> {
    let worker = Rc::new_cyclic(|me| UdpDat {
        me: me.clone(),
        network: network.clone(),
        op,
        listeners: Listeners::default(),
        socket: RefCell::default(),
        place: RefCell::default(),
        kept: RefCell::default(),
        reconnect: Reconnect::new(),
        past: Cell::default(),
        past_dropped: Cell::new(0),
        opened: Cell::new(0),
        send_failed: Cell::new(false),
        begun: Cell::new(false),
    });
    begin_later(network, move |network| {
        network.with_worker(op, UdpDat::begin);
    });
    worker
}

impl UdpDat {
    /// Tells a listener of everything that happens, until it is gone or does not listen any more.
    pub fn listen(&self, listener: Weak<dyn Listener>) {
        self.listeners.add(listener);
    }

    /// Tells a listener of nothing more.
    pub fn unlisten(&self, listener: &Weak<dyn Listener>) {
        self.listeners.remove(listener);
    }

    /// Sends a datagram, or keeps it until the socket is open.
    ///
    /// # Errors
    /// Why it was not sent and will not be, in plain words.
    pub fn send(&self, bytes: &[u8]) -> Result<Sending, String> {
        let sent = match &*self.socket.borrow() {
            Some((socket, _)) if !socket.is_closed() => socket.send(bytes).map(|()| Sending::Sent),
            _ => self.keep(bytes).map(|()| Sending::Kept),
        };
        match &sent {
            Ok(_) if self.send_failed.replace(false) => self.network.clear_problem(self.op, "send"),
            Ok(_) => {}
            Err(error) => self.show_unsent(error),
        }
        sent.map_err(|error| error.to_string())
    }

    fn keep(&self, bytes: &[u8]) -> Result<(), UdpError> {
        if bytes.len() > MAX_DATAGRAM {
            return Err(UdpError::TooLarge { size: bytes.len() });
        }
        let limit = self.reader().size(par::MAXQUEUE);
        if self.kept_bytes() + bytes.len() > limit || self.kept.borrow().len() >= MAX_WAITING {
            self.past_dropped.set(self.past_dropped.get() + 1);
            return Err(UdpError::Full { limit });
        }
        self.kept.borrow_mut().push(bytes.to_vec());
        Ok(())
    }

    fn kept_bytes(&self) -> usize {
        self.kept.borrow().iter().map(Vec::len).sum()
    }

    /// Begins where the operator is active and rests: the socket is closed, and no attempt is planned. False when it does not
    /// rest.
    pub fn begin_again(&self) -> bool {
        let rests =
            self.begun.get() && self.reader().on(par::ACTIVE) && !self.is_open() && !self.reconnect.is_planned();
        if rests {
            begin_soon(&self.network, self.op, |dat: &UdpDat| {
                // Somebody else may have been faster.
                if dat.reader().on(par::ACTIVE) && !dat.is_open() {
                    dat.open_anew("opening again");
                }
            });
        }
        rests
    }

    /// Whether listeners have heard that the socket is open, and not that it is closed. They hear it a little after it is.
    pub fn has_told_open(&self) -> bool {
        self.socket.borrow().as_ref().is_some_and(|(_, link)| link.told_open.get())
    }

    fn is_open(&self) -> bool {
        self.socket.borrow().as_ref().is_some_and(|(socket, _)| !socket.is_closed())
    }

    fn reader(&self) -> Reader<'_> {
        Reader(ParReader { network: &self.network, op: self.op })
    }

    fn begin(&self) {
        self.begun.set(true);
        self.apply_settings();
        if self.reader().on(par::ACTIVE) {
            self.open();
        }
    }

    fn show(&self, message: &str, remedy: &str) {
        self.network.report(self.op, Problem::warning("connection", message, remedy));
    }

    fn show_unsent(&self, error: &UdpError) {
        self.send_failed.set(true);
        self.network.report(self.op, Problem::warning("send", error.to_string(), error.remedy()));
    }

    /// Shows what is wrong with the settings, if anything.
    fn show_settings(&self, wrong: Vec<Wrong>, errors: &[UdpError]) {
        let errors = errors.iter().map(|error| (error.to_string(), error.remedy()));
        match wrong.into_iter().chain(errors).next() {
            Some((message, remedy)) => {
                self.network.report(self.op, Problem::warning("settings", message, remedy));
            }
            None => self.network.clear_problem(self.op, "settings"),
        }
    }

    fn apply_settings(&self) {
        // Read first: expressions may be Python, which may ask for anything, this operator included.
        let ((settings, wrong), backoff) = (self.reader().settings(), self.reader().backoff());
        self.reconnect.set_settings(backoff);
        let errors = match &*self.socket.borrow() {
            Some((socket, _)) => socket.set_settings(settings),
            None => Vec::new(),
        };
        self.show_settings(wrong, &errors);
    }

    /// Opens a socket as the parameters say. One that is there must have been let go of before.
    fn open(&self) {
        self.reconnect.cancel();
        let (place, (settings, wrong)) = (self.reader().place(), self.reader().settings());
        self.place.replace(Some(place.clone()));
        let link = Link::new(&self.me);
        let again = "then pulse `reset`, or switch `rebind` on";
        let opened = local_address(&place.address, place.is_ipv6)
            .and_then(|address| bind_udp(address, place.port, place.shares_port))
            .map_err(|error| (error.to_string(), remedy(&error, "localport", again)))
            .and_then(|socket| {
                UdpSocket::new(link.clone(), socket, settings).map_err(|error| (error.to_string(), error.remedy()))
            });
        match opened {
            Ok((socket, errors)) => {
                let local = socket.local_address();
                self.socket.replace(Some((socket, link)));
                self.opened.set(self.opened.get() + 1);
                self.reconnect.reset();
                self.network.clear_problem(self.op, "connection");
                self.show_settings(wrong, &errors);
                self.network.say_status(self.op, format!("open at {local}"));
                self.send_kept();
            }
            Err((message, remedy)) => {
                self.show(&message, &remedy);
                self.listeners.tell(News::Error(&message));
                self.plan_reopening();
                if !self.reconnect.is_planned() && !self.is_open() {
                    let kept = self.kept.take().len();
                    self.past_dropped.set(self.past_dropped.get() + kept as u64);
                }
            }
        }
    }

    /// Sends what was kept for an open socket.
    fn send_kept(&self) {
        for bytes in self.kept.take() {
            if let Err(message) = self.send(&bytes) {
                self.listeners.tell(News::Error(&message));
            }
        }
    }

    /// Closes the socket, and tells of it.
    fn close(&self, message: &str) {
        self.reconnect.cancel();
        self.network.clear_problem(self.op, "connection");
        self.network.clear_problem(self.op, "send");
        if self.is_open() {
            self.network.say_status(self.op, message);
        }
        if self.take_socket() {
            self.listeners.tell(News::Closed { failure: false, reason: message });
        }
    }

    /// Lets go of the socket. The result says whether listeners take it to be open.
    fn take_socket(&self) -> bool {
        let Some((socket, link)) = self.socket.take() else { return false };
        link.is_current.set(false);
        let mut past = self.past.get();
        past += socket.stats();
        self.past.set(past);
        self.past_dropped.set(self.past_dropped.get() + socket.dropped());
        link.told_open.get()
    }

    fn open_anew(&self, message: &str) {
        self.close(message);
        self.reconnect.reset();
        if self.reader().on(par::ACTIVE) {
            self.open();
        }
    }

    fn reopens(&self) -> bool {
        self.reader().on(par::ACTIVE) && self.reader().on(par::REBIND)
    }

    /// The socket failed or could not be had.
    fn plan_reopening(&self) {
        // A listener may have opened it again.
        if !self.reopens() || self.reconnect.is_planned() || self.is_open() {
            return;
        }
        let me = self.me.clone();
        let attempt = move || {
            if let Some(dat) = me.upgrade() {
                dat.take_socket();
                dat.open();
            }
        };
        if let Some(delay) = self.reconnect.plan(&self.network, attempt) {
            let attempts = self.reconnect.attempts();
            let message = format!("trying again in {:.1} s, attempt {attempts}", delay.as_secs_f64());
            self.network.say_status(self.op, message);
        }
    }

    fn handle_parameter(&self, index: ParIndex, on: bool) {
        match index {
            par::ACTIVE if on => {
                if !self.is_open() {
                    self.take_socket();
                    self.reconnect.reset();
                    self.open();
                }
            }
            par::ACTIVE => {
                self.close("closed");
                self.kept.take();
            }
            par::REBIND if on => {
                if self.place.borrow().is_some() {
                    self.plan_reopening();
                }
            }
            par::REBIND => self.reconnect.cancel(),
            par::LOCALPORT | par::LOCALADDRESS | par::LOCALIPV6 | par::GROUPS => {
                // Several may have changed in one turn, which is one change.
                let wanted = self.reader().place();
                let is_another = self.place.borrow().as_ref().is_some_and(|place| *place != wanted);
                if is_another {
                    self.open_anew("closed, because the local address has changed");
                } else {
                    self.apply_settings();
                }
            }
            _ => self.apply_settings(),
        }
    }
}

impl Worker for UdpDat {
    fn handle_change(&self, _: &Network, change: &Change) {
        match change {
            _ if !self.begun.get() => {}
            Change::Parameter { index, value, .. } => self.handle_parameter(*index, value.is_on()),
            Change::Pulse { index, .. } if *index == par::RESET => self.open_anew("closed for a reset"),
            _ => {}
        }
    }

    fn info(&self, _: &Network) -> Vec<f64> {
        let (mut stats, mut dropped) = (self.past.get(), self.past_dropped.get());
        let (mut queued, mut port) = (self.kept_bytes(), 0);
        if let Some((socket, _)) = &*self.socket.borrow() {
            stats += socket.stats();
            dropped += socket.dropped();
            queued += socket.queued();
            port = if socket.is_closed() { 0 } else { socket.local_address().port() };
        }
        let is_open = self.is_open();
        vec![
            f64::from(u8::from(is_open)),
            f64::from(port),
            self.opened.get().saturating_sub(1) as f64,
            if is_open { 0.0 } else { f64::from(self.reconnect.attempts()) },
            self.reconnect.left().map_or(0.0, |time| time.as_secs_f64()),
            stats.packets_in as f64,
            stats.packets_out as f64,
            stats.bytes_in as f64,
            stats.bytes_out as f64,
            dropped as f64,
            queued as f64,
        ]
    }

    fn stop(&self, _: &Network) {
        self.close("closed, because the operator was removed");
    }
}
