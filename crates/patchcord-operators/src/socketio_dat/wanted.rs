//! The events that input 1 names.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;

use super::declaration::input;
use crate::par_reader::ParReader;

/// The names, as the table had them when it was looked at last.
#[derive(Default)]
pub(super) struct Wanted {
    names: RefCell<HashSet<Box<str>>>,
    /// The table and its revision then.
    seen: Cell<Option<(OpId, u64)>>,
}

impl Wanted {
    /// Brings the table up to date, which may have to be computed, and then the names: before each read.
    pub(super) fn cook(&self, network: &Network, op: OpId) {
        if let Some(source) = (ParReader { network, op }).input(input::EVENTS) {
            network.cook(source);
        }
        self.refresh(network, op);
    }

    /// Whether an event is named. Looks whether the table is another than before, because a callback may have edited it.
    #[inline]
    pub(super) fn contains(&self, network: &Network, op: OpId, event: &str) -> bool {
        if self.seen.get() != revision(network, op) {
            self.refresh(network, op);
        }
        self.names.borrow().contains(event)
    }

    fn refresh(&self, network: &Network, op: OpId) {
        let now = revision(network, op);
        if self.seen.replace(now) == now {
            return;
        }
        let patch = network.patch();
        let source = now.and_then(|(source, _)| patch.get(source));
        let table = source.and_then(|op| op.content().as_table());
        let names = table.into_iter().flat_map(|table| table.rows()).map(|row| row.name());
        *self.names.borrow_mut() = names.filter(|name| !name.is_empty()).map(Box::from).collect();
    }
}

/// The operator at the input, and the revision of its table.
#[inline]
fn revision(network: &Network, op: OpId) -> Option<(OpId, u64)> {
    let patch = network.patch();
    let source = patch.get(op)?.inputs().get(input::EVENTS).copied().flatten()?.op;
    Some((source, patch.get(source)?.content_version()))
}
