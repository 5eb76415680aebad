//! How a port is, for `websocketstatus`, which may ask before the port opens and after it has closed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use patchcord_signal::{Count, Counters};

/// How a port or the connections of a client are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status {
    /// Clients that are connected; for a client, connections that stand.
    pub clients: u64,
    /// Values lost to slow clients, full rings and jitter buffers above their limit, since it was opened.
    pub dropped: u64,
    /// How often an a-rate input had run dry, since it was opened.
    pub late: u64,
}

/// The counters of a port, with what they were when it was opened.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) counters: Arc<Counters>,
    dropped_before: AtomicU64,
    late_before: AtomicU64,
}

impl Counts {
    pub(super) fn begin(&self) {
        self.dropped_before.store(self.counters.read(Count::Dropped), Relaxed);
        self.late_before.store(self.counters.read(Count::Late), Relaxed);
    }

    pub(super) fn status(&self) -> Status {
        let since = |count, before: &AtomicU64| self.counters.read(count).saturating_sub(before.load(Relaxed));
        Status {
            clients: self.counters.read(Count::Clients),
            dropped: since(Count::Dropped, &self.dropped_before),
            late: since(Count::Late, &self.late_before),
        }
    }
}

struct Known {
    instance: usize,
    port: u16,
    counts: Arc<Counts>,
}

static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// The counts of a port of an instance, whether it is open or not.
pub(super) fn counts(instance: usize, port: u16) -> Arc<Counts> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.iter().find(|known| (known.instance, known.port) == (instance, port)) {
        return known.counts.clone();
    }
    let counts = Arc::<Counts>::default();
    known.push(Known { instance, port, counts: counts.clone() });
    counts
}

/// An instance is reset.
pub(super) fn forget(instance: usize) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|known| known.instance != instance);
    // The plugin may be unloaded next, and a static is never dropped.
    known.shrink_to_fit();
}
