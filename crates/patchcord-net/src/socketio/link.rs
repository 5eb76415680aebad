//! One WebSocket of a session.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use patchcord_socketio::Client;

use super::Handler;
use super::driver::Driver;
use crate::client::{self, Accepted, ConnectionSettings, DialError, Progress};
use crate::websocket::{self, Ending, Peer, SlowReader};

/// Pongs that may wait to be written: a server that pings and does not read must not make them pile up.
const MOST_PONGS: u32 = 16;

/// Hears of one WebSocket, and hands on what comes as long as it is the session's.
pub(super) struct Link<H: Handler> {
    driver: Rc<Driver<H>>,
    /// Which one it is among the driver's.
    number: u64,
    /// Pongs since nothing waited to be written.
    pongs: Cell<u32>,
}

/// The bounds of a WebSocket whose out-buffer is never more than filled up to some measure, so that no policy has to come
/// in: it must neither be closed nor be read no more, because heartbeats come in even while much is going out.
pub(super) fn settings(given: ConnectionSettings) -> ConnectionSettings {
    ConnectionSettings { queue: usize::MAX, slow_reader: SlowReader::Close, ..given }
}

impl<H: Handler> Link<H> {
    pub(super) fn new(driver: Rc<Driver<H>>, number: u64) -> Self {
        Link { driver, number, pongs: Cell::new(0) }
    }

    #[inline]
    fn is_current(&self) -> bool {
        self.driver.is_current(self.number)
    }
}

impl<H: Handler> client::Handler for Link<H> {
    fn handle_progress(&self, progress: &Progress) {
        if self.is_current() {
            self.driver.handle_progress(progress);
        }
    }

    fn handle_accepted(&self, _accepted: Accepted) {}

    fn handle_failure(&self, error: &DialError) {
        // What is cancelled here was cancelled by the driver, or with the whole thread.
        if self.is_current() && !matches!(error, DialError::Cancelled) {
            self.driver.handle_websocket_failure(error);
        }
    }
}

impl<H: Handler> websocket::Handler for Link<H> {
    type Data = ();

    fn handle_open(&self, peer: &Rc<Peer<()>>) {
        if self.is_current() {
            self.driver.handle_websocket_open(peer);
        }
    }

    #[inline]
    fn handle_text(&self, _peer: &Rc<Peer<()>>, text: &str) {
        if self.is_current() {
            self.driver.count_in(text.len());
            self.driver.tell(|client: &mut Client, now: Instant| client.handle_text(text, now));
        }
    }

    #[inline]
    fn handle_binary(&self, _peer: &Rc<Peer<()>>, bytes: &[u8]) {
        if self.is_current() {
            self.driver.count_in(bytes.len());
            self.driver.tell(|client: &mut Client, now: Instant| client.handle_binary(bytes, now));
        }
    }

    fn handle_ping(&self, peer: &Rc<Peer<()>>, payload: &[u8]) {
        if peer.queued() == 0 {
            self.pongs.set(0);
        }
        if self.pongs.get() < MOST_PONGS {
            self.pongs.set(self.pongs.get() + 1);
            peer.send_pong(payload);
        }
    }

    fn handle_pong(&self, _peer: &Rc<Peer<()>>, _payload: &[u8]) {}

    fn handle_close(&self, _peer: &Rc<Peer<()>>, ending: &Ending) {
        if self.is_current() {
            self.driver.handle_websocket_end(ending);
        } else {
            self.driver.handle_closing();
        }
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        if self.is_current() {
            self.driver.turn(work);
        } else {
            work();
        }
    }

    fn handle_drained(&self, _peer: &Rc<Peer<()>>) {
        self.pongs.set(0);
        // The turn around this asks the core for more, where the WebSocket is still the session's.
        if !self.is_current() {
            self.driver.handle_closing();
        }
    }
}
