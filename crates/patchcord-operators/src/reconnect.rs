//! When a client connects again: growing delays, and one attempt that is planned at a time; when a server tries again to listen;
//! and how long one that is let go of may take to close.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_net::client::{Backoff, BackoffSettings, chance};
use patchcord_net::listen::{listen, parse_address};
use tokio::task::JoinHandle;

/// Begins a client when its operator is known by its worker. While the patch starts it waits until onStart of Execute DATs
/// was called, which is put off twice, so that what a script prepares there (a table of headers, a token) is what the first
/// connection uses.
pub(crate) fn begin_later(network: &Network, begin: impl FnOnce(&Network) + 'static) {
    if network.has_started() {
        network.defer(begin);
    } else {
        network.defer(|network| network.defer(|network| network.defer(begin)));
    }
}

/// Begins an operator again, or says that it has begun, in a turn of its own that others come before: a graph that asks each time
/// that it is told must not hold the thread.
pub(crate) fn begin_soon<W: Worker>(network: &Network, op: OpId, begin: impl FnOnce(&W) + 'static) {
    let network = network.clone();
    tokio::task::spawn_local(async move {
        network.turn(|network| network.with_worker(op, begin));
    });
}

/// A client's next attempt.
pub(crate) struct Reconnect {
    backoff: RefCell<Backoff>,
    planned: RefCell<Option<Planned>>,
}

struct Planned {
    at: Instant,
    timer: JoinHandle<()>,
}

impl Drop for Planned {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

impl Reconnect {
    /// Nothing is planned.
    pub(crate) fn new() -> Self {
        Reconnect { backoff: RefCell::new(Backoff::new(BackoffSettings::default())), planned: RefCell::default() }
    }

    /// Other delays from the next one on.
    pub(crate) fn set_settings(&self, settings: BackoffSettings) {
        self.backoff.borrow_mut().set_settings(settings);
    }

    /// The next delay is the first again.
    pub(crate) fn reset(&self) {
        self.backoff.borrow_mut().reset();
    }

    /// Attempts in a row so far.
    pub(crate) fn attempts(&self) -> u32 {
        self.backoff.borrow().attempts()
    }

    /// Gives up what is planned.
    pub(crate) fn cancel(&self) {
        self.planned.take();
    }

    /// Whether an attempt is planned.
    pub(crate) fn is_planned(&self) -> bool {
        self.planned.borrow().is_some()
    }

    /// How long it is until the planned attempt.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.planned.borrow().as_ref().map(|planned| planned.at.saturating_duration_since(Instant::now()))
    }

    /// Plans the next attempt, in a turn of its own, and says when it is; `None` when all attempts are used up.
    pub(crate) fn plan(&self, network: &Network, attempt: impl FnOnce() + 'static) -> Option<Duration> {
        let delay = self.backoff.borrow_mut().next_delay(chance())?;
        let network = network.clone();
        let timer = tokio::task::spawn_local(async move {
            tokio::time::sleep(delay).await;
            network.turn(|_| attempt());
        });
        self.planned.replace(Some(Planned { at: Instant::now() + delay, timer }));
        Some(delay)
    }
}

/// How often a server that could not listen tries again. [`ListenError::remedy`] says so.
///
/// [`ListenError::remedy`]: patchcord_net::listen::ListenError::remedy
const LISTEN_AGAIN: Duration = Duration::from_secs(2);

/// A server's next try to listen where it could not: another program may give up the port, or the network come up with the
/// address, while nobody is there to pulse anything.
#[derive(Default)]
pub(crate) struct ListenAgain(RefCell<Option<JoinHandle<()>>>);

impl ListenAgain {
    /// Calls `start`, in a turn of its own, when it can be listened at this address and port; not when what is wrong there has to
    /// be corrected first. Replaces what was planned before.
    pub(crate) fn plan(&self, network: &Network, (address, port): (String, u16), start: impl FnOnce() + 'static) {
        self.cancel();
        let try_it = move || parse_address(&address).and_then(|address| listen(address, port));
        if try_it().is_err_and(|error| !error.may_pass()) {
            return;
        }
        let network = network.clone();
        self.0.replace(Some(tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(LISTEN_AGAIN).await;
                if !try_it().is_err_and(|error| error.may_pass()) {
                    break;
                }
            }
            network.turn(|_| start());
        })));
    }

    /// Gives up what is planned.
    pub(crate) fn cancel(&self) {
        if let Some(planned) = self.0.take() {
            planned.abort();
        }
    }
}

impl Drop for ListenAgain {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// How long a closing connection has to do so in an orderly way.
const CLOSE_TIME: Duration = Duration::from_millis(2500);
/// How often it is looked whether it has.
const CLOSE_LOOK: Duration = Duration::from_millis(10);

/// Waits until a connection that was told to close has done so, for as long as it may.
pub(crate) async fn until_closed(is_closed: impl Fn() -> bool) {
    let closed = async {
        while !is_closed() {
            tokio::time::sleep(CLOSE_LOOK).await;
        }
    };
    let _ = tokio::time::timeout(CLOSE_TIME, closed).await;
}
