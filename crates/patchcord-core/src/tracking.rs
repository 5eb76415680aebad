//! What computed values depend on.
//!
//! While an expression is evaluated or an operator cooks, whatever is read is noted as a [`Source`] with the version
//! that it had. The result is current for as long as every source has that version; nobody has to be told of a change,
//! and a value that nobody reads is never computed. So a change costs the one who makes it a counter, and a read
//! costs a comparison for each source.
//!
//! Computations read one another; the [`Tracker`] keeps those that are under way as a stack. One that comes back to
//! itself is a [`Refusal`] that names the way round.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::declaration::ParIndex;
use crate::patch::OpId;

/// Expressions that may be under way at once, each read by the one before. Each takes some of the thread's stack.
const MAX_EXPRESSIONS: usize = 200;

/// Cooks that may be under way at once.
const MAX_COOKS: usize = 400;

/// Sources that one computation keeps; one that reads more is computed whenever it is read.
const MAX_SOURCES: usize = 4096;

/// Latest sources among which one that is read again is looked for, so that a loop over a table notes it once.
const REMEMBERED: usize = 8;

/// Something that can be read and can change.
#[derive(Clone, Debug)]
pub enum Source {
    /// Value of a parameter.
    Par(OpId, ParIndex),
    /// Text, table or channels of an operator.
    Content(OpId),
    /// What is stored on an operator.
    Storage(OpId),
    /// Which operators there are, their names, places and wires.
    Tree,
    /// The frame.
    Time,
    /// What is another at each look: figures, states of connections. What reads it is never kept.
    Moment,
    /// A value outside the patch with a counter of its own.
    Shared(Shared),
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Source::Par(a, i), Source::Par(b, j)) => (a, i) == (b, j),
            (Source::Content(a), Source::Content(b)) | (Source::Storage(a), Source::Storage(b)) => a == b,
            (Source::Tree, Source::Tree) | (Source::Time, Source::Time) | (Source::Moment, Source::Moment) => true,
            (Source::Shared(a), Source::Shared(b)) => Arc::ptr_eq(&a.0, &b.0),
            _ => false,
        }
    }
}

impl Source {
    /// Whether it can change without [`Tracker::epoch`] moving.
    fn is_volatile(&self) -> bool {
        matches!(self, Source::Time | Source::Moment | Source::Shared(_))
    }
}

/// Counter of a value outside the patch. It can be counted up on any thread.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<AtomicU64>);

impl Shared {
    /// Notes that the value is another.
    pub fn note_change(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Grows with each change.
    pub fn version(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Computed {
    /// Value of a parameter.
    Par(OpId, ParIndex),
    /// Content of an operator.
    Content(OpId),
}

/// What one computation has read.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    sources: Vec<(Source, u64)>,
    /// It, or something that it read, can become stale without [`Tracker::epoch`] moving.
    is_volatile: Cell<bool>,
    /// The epoch at which everything was last seen to be as it was.
    seen: Cell<u64>,
}

impl Reads {
    pub(crate) fn is_volatile(&self) -> bool {
        self.is_volatile.get()
    }

    /// The sources with the versions that they had, in the order in which they were read.
    pub(crate) fn sources(&self) -> &[(Source, u64)] {
        &self.sources
    }

    /// Whether nothing can have changed since the last look.
    pub(crate) fn is_seen(&self, epoch: u64) -> bool {
        !self.is_volatile() && self.seen.get() == epoch
    }

    pub(crate) fn see(&self, epoch: u64) {
        self.seen.set(epoch);
    }

    fn note(&mut self, source: Source, version: u64) {
        if self.sources.iter().rev().take(REMEMBERED).any(|(known, _)| *known == source) {
            return;
        }
        if source.is_volatile() {
            self.is_volatile.set(true);
        }
        if self.sources.len() >= MAX_SOURCES {
            self.sources.clear();
            self.sources.push((Source::Moment, 0));
            self.is_volatile.set(true);
        } else if !matches!(self.sources.first(), Some((Source::Moment, _))) {
            self.sources.push((source, version));
        }
    }
}

/// Why something is not computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is being computed already: the way from it back to it.
    Loop(Vec<Computed>),
    /// Too many computations are under way.
    TooDeep,
}

struct Computation {
    of: Computed,
    /// Part of a way that led back to its beginning.
    is_loop: Option<Rc<[Computed]>>,
    reads: Reads,
}

/// Computations under way, and the counters by which a change is seen.
#[derive(Default)]
pub(crate) struct Tracker {
    stack: RefCell<Vec<Computation>>,
    active: Cell<bool>,
    /// Counts all changes of anything that can be a source, but time and what is outside.
    epoch: Cell<u64>,
    /// Counts changes of [`Source::Tree`].
    tree: Cell<u64>,
    expressions: Cell<usize>,
}

impl Tracker {
    /// Grows with every change of the patch that a computation can have read.
    #[inline]
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.get()
    }

    /// Notes a change. The number is a version that nothing else has.
    #[inline]
    pub(crate) fn note_change(&self) -> u64 {
        let next = self.epoch.get() + 1;
        self.epoch.set(next);
        next
    }

    pub(crate) fn note_tree_change(&self) {
        self.tree.set(self.note_change());
    }

    pub(crate) fn tree_version(&self) -> u64 {
        self.tree.get()
    }

    /// Whether something is being computed, so that reads are to be noted.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.active.get()
    }

    /// Notes that the computation on top has read a source.
    pub(crate) fn note(&self, source: Source, version: u64) {
        if let Some(top) = self.stack.borrow_mut().last_mut() {
            // A cook that looks at what the operator held so far does not depend on itself.
            if !matches!((&source, top.of), (Source::Content(op), Computed::Content(own)) if *op == own) {
                top.reads.note(source, version);
            }
        }
    }

    /// Notes that what the computation on top has read was volatile itself.
    pub(crate) fn note_volatile(&self) {
        if let Some(top) = self.stack.borrow().last().filter(|_| self.is_active()) {
            top.reads.is_volatile.set(true);
        }
    }

    /// Begins a computation.
    pub(crate) fn begin(&self, of: Computed) -> Result<UnderWay<'_>, Refusal> {
        let mut stack = self.stack.borrow_mut();
        if let Some(first) = stack.iter().position(|computation| computation.of == of) {
            let way: Rc<[Computed]> = stack[first..].iter().map(|computation| computation.of).collect();
            stack[first..].iter_mut().for_each(|computation| computation.is_loop = Some(way.clone()));
            return Err(Refusal::Loop(way.to_vec()));
        }
        let is_expression = matches!(of, Computed::Par(..));
        if (is_expression && self.expressions.get() >= MAX_EXPRESSIONS) || stack.len() >= MAX_COOKS {
            return Err(Refusal::TooDeep);
        }
        self.expressions.set(self.expressions.get() + usize::from(is_expression));
        stack.push(Computation { of, is_loop: None, reads: Reads::default() });
        Ok(UnderWay { tracker: self, at: stack.len() - 1, was_active: self.active.replace(true) })
    }

    pub(crate) fn is_under_way(&self, computed: Computed) -> bool {
        self.stack.borrow().iter().any(|computation| computation.of == computed)
    }

    /// Does work whose reads are nobody's.
    pub(crate) fn untracked<R>(&self, work: impl FnOnce() -> R) -> R {
        let _suspended = Suspended { tracker: self, before: self.active.replace(false) };
        work()
    }
}

/// A computation under way. It ends when this is dropped, also by a panic.
pub(crate) struct UnderWay<'a> {
    tracker: &'a Tracker,
    at: usize,
    /// Reads were noted before it.
    was_active: bool,
}

impl UnderWay<'_> {
    /// Forgets what was read so far: what was read to see whether an older result is current.
    pub(crate) fn restart(&self) {
        if let Some(computation) = self.tracker.stack.borrow_mut().get_mut(self.at) {
            computation.reads = Reads::default();
        }
    }

    /// For reads that this computation has found to be as they were: something among them may have become volatile
    /// since, and only happens to have the same value.
    pub(crate) fn pass_on_to(&self, reads: &Reads) {
        if self.tracker.stack.borrow().get(self.at).is_some_and(|computation| computation.reads.is_volatile()) {
            reads.is_volatile.set(true);
        }
    }

    /// The way round, when something that was read has led back to this computation.
    pub(crate) fn way_round(&self) -> Option<Rc<[Computed]>> {
        self.tracker.stack.borrow().get(self.at).and_then(|computation| computation.is_loop.clone())
    }

    /// Notes that the result is to be computed anew at the next frame.
    pub(crate) fn try_again_next_frame(&self, frame: u64) {
        if let Some(computation) = self.tracker.stack.borrow_mut().get_mut(self.at) {
            computation.reads.note(Source::Time, frame);
        }
    }

    /// Ends the computation; what it has read.
    pub(crate) fn finish(self) -> Reads {
        let mut stack = self.tracker.stack.borrow_mut();
        stack.get_mut(self.at).map(|computation| std::mem::take(&mut computation.reads)).unwrap_or_default()
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut stack = self.tracker.stack.borrow_mut();
        stack.truncate(self.at);
        let expressions = stack.iter().filter(|computation| matches!(computation.of, Computed::Par(..))).count();
        self.tracker.expressions.set(expressions);
        self.tracker.active.set(self.was_active);
    }
}

/// Reads are not noted; takes that back when it is dropped.
struct Suspended<'a> {
    tracker: &'a Tracker,
    before: bool,
}

impl Drop for Suspended<'_> {
    fn drop(&mut self) {
        self.tracker.active.set(self.before);
    }
}
