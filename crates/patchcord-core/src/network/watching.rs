//! Operators that are told of what happens to others.

use super::{Network, Worker};
use crate::change::Change;
use crate::patch::OpId;

impl Network {
    /// Tells `watcher` from now on of changes of `target` ([`Worker::handle_watched`]): of its parameters, its content,
    /// its pulses. Nothing when either is gone.
    pub fn watch(&self, target: OpId, watcher: OpId) {
        let mut patch = self.patch_mut();
        if let Some(op) = patch.get_mut(target).filter(|op| !op.watchers.contains(&watcher)) {
            op.watchers.push(watcher);
        }
    }

    /// Ends what [`Network::watch`] began.
    pub fn unwatch(&self, target: OpId, watcher: OpId) {
        if let Some(op) = self.patch_mut().get_mut(target) {
            op.watchers.retain(|known| *known != watcher);
        }
    }

    /// Says whether an operator is told when operators are made, destroyed, renamed or wired anew
    /// ([`Worker::handle_tree`]), once for a turn.
    pub fn watch_tree(&self, watcher: OpId, wanted: bool) {
        let mut watchers = self.0.tree_watchers.borrow_mut();
        watchers.retain(|known| *known != watcher);
        if wanted {
            watchers.push(watcher);
        }
    }

    pub(super) fn tell_watchers(&self, change: &Change) {
        let watchers = match self.patch().get(change.op()) {
            Some(op) if op.is_watched() => op.watchers.clone(),
            _ => return,
        };
        let mut gone = Vec::new();
        for watcher in watchers {
            let worker = self.patch().get(watcher).map(|op| op.worker().cloned());
            match worker {
                Some(Some(worker)) => Worker::handle_watched(&*worker, self, change),
                Some(None) => {}
                None => gone.push(watcher),
            }
        }
        gone.into_iter().for_each(|watcher| self.unwatch(change.op(), watcher));
    }

    /// Queues word of another tree, once for all changes so far.
    pub(super) fn tell_tree_watchers(&self) {
        let tree = self.tree_version();
        if self.0.tree_watchers.borrow().is_empty() || self.0.told_tree.replace(tree) == tree {
            return;
        }
        self.defer(|network| {
            network.0.tree_watchers.borrow_mut().retain(|watcher| network.patch().get(*watcher).is_some());
            let watchers = network.0.tree_watchers.borrow().clone();
            for watcher in watchers {
                let worker = network.patch().get(watcher).and_then(|op| op.worker().cloned());
                if let Some(worker) = worker {
                    worker.handle_tree(network);
                }
            }
        });
    }
}
