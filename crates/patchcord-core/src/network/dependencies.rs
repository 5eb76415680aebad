//! What computations read, and whether it is still as it was ([`crate::tracking`]).

use super::Network;
use crate::parameter::ParMode;
use crate::patch::{OpId, Operator};
use crate::tracking::{Computed, Reads, Refusal, Shared, Source};

impl Network {
    /// Whether an expression is being evaluated or an operator cooks, so that what is read is to be noted.
    #[inline]
    pub fn notes_reads(&self) -> bool {
        self.0.queue.tracker.is_active()
    }

    /// Notes that something was read. Free when nothing is being computed.
    #[inline]
    pub fn note_read(&self, source: Source) {
        if self.notes_reads() {
            let version = self.version_of(&source);
            self.0.queue.tracker.note(source, version);
        }
    }

    /// Does work whose reads are not noted: what is read in it makes nothing stale.
    pub fn untracked<R>(&self, work: impl FnOnce() -> R) -> R {
        self.0.queue.tracker.untracked(work)
    }

    /// Counts the changes of names, places and wires, and of which operators there are.
    pub fn tree_version(&self) -> u64 {
        self.0.queue.tracker.tree_version()
    }

    fn version_of(&self, source: &Source) -> u64 {
        let of = |op: OpId, version: &dyn Fn(&Operator) -> u64| self.patch().get(op).map_or(u64::MAX, version);
        match source {
            Source::Par(op, index) => of(*op, &|op| op.par_version(*index)),
            Source::Content(op) => of(*op, &Operator::content_version),
            Source::Storage(op) => of(*op, &|op| op.storage_version),
            Source::Tree => self.tree_version(),
            Source::Time => self.frame().number,
            Source::Moment => 0,
            Source::Shared(shared) => Shared::version(shared),
        }
    }

    /// Whether everything that a computation read is as it was. What is computed itself is brought up to date first, in
    /// the order in which it was read: what comes behind a difference may not be wanted any more.
    pub(super) fn is_current(&self, reads: &Reads) -> bool {
        let epoch = self.0.queue.tracker.epoch();
        if reads.is_seen(epoch) {
            return true;
        }
        let current = reads.sources().iter().all(|(source, version)| {
            match source {
                Source::Moment => return false,
                Source::Par(op, index) => {
                    let is_computed = self.patch().get(*op).and_then(|op| op.par_state(*index).map(|state| state.mode));
                    if is_computed.is_some_and(|mode| mode != ParMode::Constant) {
                        self.eval(*op, *index);
                    }
                }
                Source::Content(op) => self.cook(*op),
                _ => {}
            }
            self.version_of(source) == *version
        });
        // What was computed meanwhile may have moved the epoch, and everything may have followed it.
        if current && epoch == self.0.queue.tracker.epoch() {
            reads.see(epoch);
        }
        current
    }

    /// Notes for the computation above that what it reads is volatile.
    pub(super) fn pass_on(&self, reads: &Reads) {
        if reads.is_volatile() {
            self.0.queue.tracker.note_volatile();
        }
    }

    /// Why something cannot be computed, in words.
    pub(super) fn refusal(&self, refusal: &Refusal) -> String {
        match refusal {
            Refusal::TooDeep => "it depends on too long a chain of others".to_owned(),
            Refusal::Loop(way) => self.loop_text(way),
        }
    }

    pub(super) fn loop_text(&self, way: &[Computed]) -> String {
        let name = |computed: &Computed| match computed {
            Computed::Par(op, index) => format!("{}.par.{}", self.patch().path(*op), self.par_name(*op, *index)),
            Computed::Content(op) => self.patch().path(*op).to_string(),
        };
        let mut names: Vec<_> = way.iter().map(name).collect();
        // A circle has no beginning; told from the same place each time it is the same news.
        let first = names.iter().enumerate().min_by_key(|(_, name)| *name).map_or(0, |(at, _)| at);
        names.rotate_left(first);
        names.extend(names.first().cloned());
        format!("it depends on itself: {}", names.join(" -> "))
    }
}
