//! What edits leave behind: changes that wait for the end of the turn.
//!
//! A script sees its own writes at once, but what the writes cause (a server that restarts, a callback that is called)
//! happens when the script has returned. So edits only push a [`Change`]; the network takes them out in order.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::declaration::ParIndex;
use crate::network::Network;
use crate::parameter::{ParMode, ParValue};
use crate::patch::OpId;
use crate::tracking::Tracker;

/// A change of the patch that somebody may have to act on.
pub enum Change {
    /// An operator was made.
    Created {
        /// Which.
        op: OpId,
    },
    /// An operator was destroyed; its worker, if it had one, is still to be stopped.
    Destroyed {
        /// Which it was.
        op: OpId,
    },
    /// An operator has another name or path; each operator inside a component that was renamed has one, too.
    Renamed {
        /// Which.
        op: OpId,
    },
    /// A parameter has another value. The value is the one of this change, even when a later one has followed.
    Parameter {
        /// Whose.
        op: OpId,
        /// Which.
        index: ParIndex,
        /// The value.
        value: ParValue,
        /// The value before.
        before: ParValue,
    },
    /// How a parameter gets its value, or whether it can be used, is another. Only of an operator that is watched.
    ParameterState {
        /// Whose.
        op: OpId,
        /// Which.
        index: ParIndex,
        /// What is another.
        before: ParStateBefore,
    },
    /// A parameter has another expression; its value is to be computed.
    Computed {
        /// Whose.
        op: OpId,
        /// Which.
        index: ParIndex,
    },
    /// Custom parameters were made, destroyed or defined anew. Values that differ by it have changes of their own.
    Definitions {
        /// Whose.
        op: OpId,
    },
    /// A pulse parameter was pressed.
    Pulse {
        /// Whose.
        op: OpId,
        /// Which.
        index: ParIndex,
        /// The operator has acted on it already ([`Worker::handle_press`](crate::network::Worker::handle_press)).
        is_done: bool,
    },
    /// Text or table differ.
    Content {
        /// Whose.
        op: OpId,
    },
    /// A wire to the operator was made or taken away.
    Inputs {
        /// Whose.
        op: OpId,
    },
}

/// What a parameter's state was before a change of it.
#[derive(Clone, Debug, PartialEq)]
pub enum ParStateBefore {
    /// Its mode.
    Mode(ParMode),
    /// Text of its expression.
    Expression(Rc<str>),
    /// Whether it could be used.
    Enable(bool),
}

impl Change {
    /// The operator that it is about.
    pub fn op(&self) -> OpId {
        match self {
            Change::Created { op }
            | Change::Destroyed { op }
            | Change::Renamed { op }
            | Change::Parameter { op, .. }
            | Change::ParameterState { op, .. }
            | Change::Computed { op, .. }
            | Change::Definitions { op }
            | Change::Pulse { op, .. }
            | Change::Content { op }
            | Change::Inputs { op } => *op,
        }
    }
}

/// Work that waits for the end of the turn.
pub(crate) enum Pending {
    Change(Change),
    Job(Box<dyn FnOnce(&Network)>),
}

/// Changes and jobs in the order in which they came.
#[derive(Default)]
pub struct ChangeQueue {
    pending: RefCell<VecDeque<Pending>>,
    script_epoch: Cell<u64>,
    text_change_queued: Cell<bool>,
    /// Turns that are running, one in another. While there is one, its end works the queue off.
    pub(crate) depth: Cell<u32>,
    /// The worker of a destroyed operator is being stopped; what was destroyed can be read meanwhile.
    pub(crate) tells_ending: Cell<bool>,
    /// What computed values depend on.
    pub(crate) tracker: Tracker,
    wake: RefCell<Option<Rc<dyn Fn()>>>,
}

impl ChangeQueue {
    pub(crate) fn push(&self, change: Change) {
        // Anything but a table edit can change which script an operator calls.
        if !matches!(change, Change::Content { .. } | Change::Pulse { .. } | Change::ParameterState { .. }) {
            self.note_script_change();
        }
        match change {
            Change::Created { .. } | Change::Destroyed { .. } | Change::Renamed { .. } | Change::Inputs { .. } => {
                self.tracker.note_tree_change();
            }
            _ => drop(self.tracker.note_change()),
        }
        self.push_pending(Pending::Change(change));
    }

    pub(crate) fn push_job(&self, job: Box<dyn FnOnce(&Network)>) {
        self.push_pending(Pending::Job(job));
    }

    fn push_pending(&self, pending: Pending) {
        let first = {
            let mut queue = self.pending.borrow_mut();
            queue.push_back(pending);
            queue.len() == 1
        };
        if first && self.depth.get() == 0 {
            self.wake();
        }
    }

    pub(crate) fn set_wake(&self, wake: Rc<dyn Fn()>) {
        *self.wake.borrow_mut() = Some(wake);
    }

    /// Asks the engine to look at the patch soon.
    pub(crate) fn wake(&self) {
        let wake = self.wake.borrow().clone();
        if let Some(wake) = wake {
            wake();
        }
    }

    pub(crate) fn take(&self) -> Option<Pending> {
        self.pending.borrow_mut().pop_front()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.borrow().is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.pending.borrow().len()
    }

    pub(crate) fn note_script_change(&self) {
        self.script_epoch.set(self.script_epoch.get() + 1);
    }

    /// Notes that the text of an operator, which may be a script, is another. One notice waits at a time.
    pub(crate) fn note_text_change(&self) {
        self.note_script_change();
        if !self.text_change_queued.replace(true) {
            self.push_job(Box::new(Network::tell_text_change));
        }
    }

    pub(crate) fn text_change_told(&self) {
        self.text_change_queued.set(false);
    }

    #[inline]
    pub(crate) fn script_epoch(&self) -> u64 {
        self.script_epoch.get()
    }
}
