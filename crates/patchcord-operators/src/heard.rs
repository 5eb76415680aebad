//! Whether a handler has the callback for what comes with every message: a call that finds no function costs as much as
//! the row in the table.

use std::cell::Cell;

use patchcord_core::callbacks::Callbacks;
use patchcord_core::network::Network;

/// One callback, and whether it is there.
pub(crate) struct Heard {
    callback: usize,
    /// As found when scripts stood at this epoch.
    found: Cell<(u64, bool)>,
}

impl Heard {
    /// Nobody has looked yet.
    pub(crate) fn new(callback: usize) -> Self {
        Heard { callback, found: Cell::default() }
    }

    /// Looks whether it is there: before each read, since a module may have changed without its text.
    pub(crate) fn look(&self, network: &Network, callbacks: &dyn Callbacks) -> bool {
        let is_there = callbacks.defines(network, self.callback);
        self.found.set((network.script_epoch(), is_there));
        is_there
    }

    /// Whether it is there, as far as no script has changed since it was looked at.
    #[inline]
    pub(crate) fn is_there(&self, network: &Network, callbacks: &dyn Callbacks) -> bool {
        let (epoch, is_there) = self.found.get();
        if epoch == network.script_epoch() { is_there } else { self.look(network, callbacks) }
    }
}
