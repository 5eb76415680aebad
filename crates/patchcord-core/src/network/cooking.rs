//! Cooking, and what can be seen of it: figures and info channels.
//!
//! An operator that computes its content cooks when somebody reads the content and something that it read the last time
//! is another by now. Nobody reads, nothing cooks. Wires or references that lead round in a circle are an error that names
//! the way.

use std::rc::Rc;
use std::time::Duration;

use super::{Network, Worker};
use crate::content::Content;
use crate::declaration::COMMON_INFO;
use crate::patch::flags::Flag;
use crate::patch::{CookStats, OpId, PatchError};
use crate::problem::{Problem, Severity};
use crate::tracking::{Computed, Source};

/// Cause of the error that an operator cannot cook.
const COOK: &str = "cook";

/// Figures about an operator's cooks, as the common info channels show them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CookFigures {
    /// Cooks since the operator was made.
    pub total: u64,
    /// Length of the last cook in milliseconds.
    pub time_ms: f64,
    /// Frame of the last cook, counted from the program's start.
    pub abs_frame: u64,
    /// Start of the last cook within its frame in milliseconds.
    pub start_ms: f64,
    /// End of the last cook within its frame in milliseconds.
    pub end_ms: f64,
}

impl Network {
    /// Brings an operator's content up to date, for operators that compute it ([`Worker::computes`]): if anything that
    /// its last cook read is another by now, it cooks. Nothing for the others.
    #[inline]
    pub fn cook(&self, op: OpId) {
        if let Some(worker) = self.begun_worker(op).filter(|worker| worker.computes()) {
            self.cook_with(op, &*worker, false);
        }
    }

    /// As [`Network::cook`], for who only looks at an operator from outside: one that is cooking is seen as it is.
    pub fn cook_to_look(&self, op: OpId) {
        if !self.0.queue.tracker.is_under_way(Computed::Content(op)) {
            self.cook(op);
        }
    }

    /// Cooks an operator whether or not anything is another. One that computes nothing has cooked, too.
    pub fn force_cook(&self, op: OpId) {
        match self.begun_worker(op).filter(|worker| worker.computes()) {
            Some(worker) => self.cook_with(op, &*worker, true),
            None => self.note_cook(op, self.now()),
        }
    }

    /// Reads the content of an operator, after it was brought up to date. `None` when it is gone. `read` is called
    /// while the patch is borrowed.
    pub fn read_content<R>(&self, op: OpId, read: impl FnOnce(&Content) -> R) -> Option<R> {
        self.cook(op);
        if self.notes_reads() {
            self.note_read(Source::Content(op));
        }
        self.patch().get(op).map(|op| read(op.content()))
    }

    fn cook_with(&self, op: OpId, worker: &dyn Worker, force: bool) {
        let known = self.0.cooked.borrow().get(op).cloned().filter(|_| !force);
        if known.as_ref().is_some_and(|known| known.is_seen(self.0.queue.tracker.epoch())) {
            return;
        }
        let Some(flags) = self.patch().get(op).map(|op| op.flags).filter(|_| self.may_cook(op)) else { return };
        let under_way = match self.0.queue.tracker.begin(Computed::Content(op)) {
            Ok(under_way) => under_way,
            Err(refusal) => return self.refuse_cook(op, self.refusal(&refusal)),
        };
        if let Some(known) = known {
            if self.is_current(&known) && under_way.way_round().is_none() {
                under_way.pass_on_to(&known);
                drop(under_way);
                self.pass_on(&known);
                return;
            }
            under_way.restart();
        }
        let start = self.now();
        if !flags.has(Flag::BYPASS) || !self.hand_through(op) {
            worker.cook(self);
        }
        self.note_cook(op, start);
        match under_way.way_round() {
            Some(way) => {
                under_way.try_again_next_frame(self.frame().number);
                self.refuse_cook(op, self.loop_text(&way));
            }
            None => self.clear_problem(op, COOK),
        }
        let reads = Rc::new(under_way.finish());
        self.pass_on(&reads);
        if self.patch().get(op).is_some() {
            let old = self.0.cooked.borrow_mut().insert(op, reads);
            drop(old);
        }
    }

    /// Whether flags let an operator cook: it is not locked, and it and the components around it allow it.
    fn may_cook(&self, op: OpId) -> bool {
        let patch = self.patch();
        let locked = patch.get(op).is_some_and(|op| op.flags.has(Flag::LOCK));
        !locked && patch.around(op).all(|at| patch.get(at).is_some_and(|op| op.flags.has(Flag::ALLOW_COOKING)))
    }

    /// Puts the content of input 0 in place of an operator's own. Returns whether there is such an input.
    fn hand_through(&self, op: OpId) -> bool {
        let source = {
            let patch = self.patch();
            patch.note_tree_read();
            patch.get(op).and_then(|op| op.inputs().first().copied().flatten())
        };
        let Some(content) = source.and_then(|source| self.read_content(source.op, Content::clone)) else {
            return false;
        };
        self.patch_mut().put_content(op, content);
        true
    }

    /// Sets a flag of an operator. What an operator computed under another flag is computed anew.
    ///
    /// # Errors
    /// [`PatchError::Gone`].
    pub fn set_flag(&self, op: OpId, flag: Flag, on: bool) -> Result<(), PatchError> {
        self.patch_mut().set_flag(op, flag, on)?;
        let old = self.0.cooked.borrow_mut().remove(op);
        drop(old);
        Ok(())
    }

    fn refuse_cook(&self, op: OpId, reason: String) {
        let remedy = "open one of the wires or references on the way; its content stays as it was";
        self.report(op, Problem::error(COOK, format!("it cannot cook: {reason}"), remedy));
    }

    /// Notes that an operator cooked from `start` until now.
    #[inline]
    pub fn note_cook(&self, op: OpId, start: Duration) {
        let end = self.now();
        if let Some(op) = self.patch_mut().get_mut(op) {
            // Which frame it was is worked out by whoever asks: a server cooks more often than anybody looks.
            op.cook = CookStats { total: op.cook.total + 1, start, end };
        }
    }

    /// Figures about an operator's cooks; `None` when it is gone.
    pub fn cook_figures(&self, op: OpId) -> Option<CookFigures> {
        let cook = self.patch().get(op)?.cook;
        if cook.total == 0 {
            return Some(CookFigures::default());
        }
        let frame = self.frame_at(Some(cook.start));
        let within = |at: Duration| ((at.as_secs_f64() - frame.seconds) * 1000.0).max(0.0);
        Some(CookFigures {
            total: cook.total,
            time_ms: cook.time_ms(),
            abs_frame: frame.number,
            start_ms: within(cook.start),
            end_ms: within(cook.end),
        })
    }

    /// All info channels of an operator after a cook: its own, then the common ones. They are others at each look.
    pub fn info(&self, op: OpId) -> Vec<(&'static str, f64)> {
        self.cook_to_look(op);
        self.info_of_last_cook(op)
    }

    /// All info channels of an operator, which is not cooked for it.
    pub fn info_of_last_cook(&self, op: OpId) -> Vec<(&'static str, f64)> {
        self.note_read(Source::Moment);
        let Some((declaration, worker)) = self.patch().get(op).map(|op| (op.declaration(), op.worker.clone())) else {
            return Vec::new();
        };
        let own = worker.map(|worker| worker.info(self)).unwrap_or_default();
        let own = own.into_iter().chain(std::iter::repeat(0.0));
        let mut info: Vec<_> = declaration.info_channels.iter().map(|channel| channel.name).zip(own).collect();
        info.extend(COMMON_INFO.iter().map(|channel| channel.name).zip(self.common_info(op)));
        info
    }

    fn common_info(&self, op: OpId) -> [f64; 11] {
        let Some(cook) = self.cook_figures(op) else { return [0.0; 11] };
        let now = self.frame().number;
        let patch = self.patch();
        let Some(op) = patch.get(op) else { return [0.0; 11] };
        let (rows, cols) = match op.content().as_table() {
            Some(table) => (table.num_rows(), table.num_cols()),
            None => (op.content().as_text().map_or(0, |text| text.as_str().lines().count()), 0),
        };
        [
            rows as f64,
            cols as f64,
            cook.total as f64,
            cook.time_ms,
            cook.abs_frame as f64,
            cook.abs_frame as f64,
            cook.start_ms,
            cook.end_ms,
            f64::from(u8::from(cook.total > 0 && cook.abs_frame == now)),
            op.problems.of(Severity::Warning).count() as f64,
            op.problems.of(Severity::Error).count() as f64,
        ]
    }
}
