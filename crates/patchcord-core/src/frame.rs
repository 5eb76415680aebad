//! Frames and what waits for them.
//!
//! The clock stands outside: the runtime calls [`Network::frame_start`](crate::network::Network::frame_start) at each
//! frame. Delayed runs wait here in order of their frame; within a frame, in order of their making.

use std::collections::BTreeMap;

use crate::network::Network;

/// Delayed runs that may wait at once.
pub const MAX_RUNS: usize = 100_000;

/// Where the program stands in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Frames since the program started; the first is 1.
    pub number: u64,
    /// Seconds since the program started, at the frame's start.
    pub seconds: f64,
    /// Frames since the last one that was not skipped; above 1 when frames were dropped.
    pub step: u32,
    /// Frames per second.
    pub rate: f64,
    /// Frames skipped since the program started.
    pub dropped: u64,
}

impl Default for Frame {
    fn default() -> Self {
        Frame { number: 0, seconds: 0.0, step: 1, rate: 60.0, dropped: 0 }
    }
}

/// Part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramePhase {
    /// Before anything cooks.
    Start,
    /// When all is done.
    End,
}

/// Names a delayed run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId {
    due: Due,
    sequence: u64,
}

/// When a delayed run is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Due {
    /// At the end of the frame that is running, or of the next one.
    EndOfFrame,
    /// At the start of this frame.
    Frame(u64),
}

/// When something is to run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// At the end of this frame.
    EndOfFrame,
    /// After so many frames, at least one.
    Frames(u64),
    /// After so many milliseconds, rounded to frames.
    Milliseconds(f64),
}

/// A job that waits.
type Job = Box<dyn FnOnce(&Network)>;

/// The runs that wait.
#[derive(Default)]
pub(crate) struct Runs {
    waiting: BTreeMap<RunId, Job>,
    sequence: u64,
}

impl Runs {
    pub(crate) fn add(&mut self, now: Frame, delay: Delay, job: Job) -> Option<RunId> {
        if self.waiting.len() >= MAX_RUNS {
            return None;
        }
        let frames = |count: u64| Due::Frame(now.number.saturating_add(count.max(1)));
        let due = match delay {
            Delay::EndOfFrame => Due::EndOfFrame,
            Delay::Frames(count) => frames(count),
            Delay::Milliseconds(ms) => frames((ms.max(0.0) * now.rate / 1000.0).round() as u64),
        };
        self.sequence += 1;
        let id = RunId { due, sequence: self.sequence };
        self.waiting.insert(id, job);
        Some(id)
    }

    pub(crate) fn kill(&mut self, id: RunId) -> bool {
        self.waiting.remove(&id).is_some()
    }

    pub(crate) fn remaining(&self, id: RunId, now: Frame) -> Option<u64> {
        self.waiting.get(&id)?;
        Some(match id.due {
            Due::EndOfFrame => 0,
            Due::Frame(frame) => frame.saturating_sub(now.number),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn ids(&self) -> Vec<RunId> {
        self.waiting.keys().copied().collect()
    }

    /// The next job that is due in this phase of this frame, made before `before`, so that a run which schedules
    /// itself anew waits for the next frame.
    pub(crate) fn take_due(&mut self, now: Frame, phase: FramePhase, before: u64) -> Option<Job> {
        // Only what is due is looked at: thousands may wait for later.
        let (first, last) = match phase {
            FramePhase::Start => (Due::Frame(0), Due::Frame(now.number)),
            FramePhase::End => (Due::EndOfFrame, Due::EndOfFrame),
        };
        let due = RunId { due: first, sequence: 0 }..=RunId { due: last, sequence: u64::MAX };
        let id = *self.waiting.range(due).map(|(id, _)| id).find(|id| id.sequence <= before)?;
        self.waiting.remove(&id)
    }

    pub(crate) fn last_sequence(&self) -> u64 {
        self.sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> Frame {
        Frame { number, ..Frame::default() }
    }

    #[test]
    fn runs_come_due_at_their_frame_and_in_order() {
        let mut runs = Runs::default();
        let late = runs.add(at(10), Delay::Frames(3), Box::new(|_| ())).unwrap();
        let soon = runs.add(at(10), Delay::Milliseconds(17.0), Box::new(|_| ())).unwrap();
        assert_eq!(runs.remaining(late, at(10)), Some(3));
        assert_eq!(runs.remaining(soon, at(10)), Some(1));
        let all = runs.last_sequence();
        assert!(runs.take_due(at(10), FramePhase::Start, all).is_none());
        assert!(runs.take_due(at(11), FramePhase::Start, all).is_some());
        assert!(runs.take_due(at(11), FramePhase::Start, all).is_none());
        assert!(runs.take_due(at(13), FramePhase::Start, all).is_some());
    }

    #[test]
    fn the_end_of_a_frame_has_runs_of_its_own() {
        let mut runs = Runs::default();
        runs.add(at(1), Delay::EndOfFrame, Box::new(|_| ())).unwrap();
        let all = runs.last_sequence();
        assert!(runs.take_due(at(1), FramePhase::Start, all).is_none());
        assert!(runs.take_due(at(1), FramePhase::End, all).is_some());
    }

    #[test]
    fn a_run_that_is_made_in_a_phase_waits_for_the_next_one() {
        let mut runs = Runs::default();
        runs.add(at(1), Delay::EndOfFrame, Box::new(|_| ())).unwrap();
        let before = runs.last_sequence();
        runs.add(at(1), Delay::EndOfFrame, Box::new(|_| ())).unwrap();
        runs.add(at(0), Delay::Frames(1), Box::new(|_| ())).unwrap();
        assert!(runs.take_due(at(1), FramePhase::Start, before).is_none());
        assert!(runs.take_due(at(1), FramePhase::End, before).is_some());
        assert!(runs.take_due(at(1), FramePhase::End, before).is_none());
        let before = runs.last_sequence();
        assert!(runs.take_due(at(2), FramePhase::Start, before).is_some());
        assert!(runs.take_due(at(2), FramePhase::End, before).is_some());
        assert!(runs.is_empty());
    }

    #[test]
    fn a_killed_run_is_gone() {
        let mut runs = Runs::default();
        let id = runs.add(at(1), Delay::Frames(1), Box::new(|_| ())).unwrap();
        assert!(runs.kill(id));
        assert!(!runs.kill(id));
        assert_eq!(runs.remaining(id, at(1)), None);
    }

    #[test]
    fn runs_are_bounded() {
        let mut runs = Runs::default();
        for _ in 0..MAX_RUNS {
            assert!(runs.add(at(1), Delay::Frames(1), Box::new(|_| ())).is_some());
        }
        assert!(runs.add(at(1), Delay::Frames(1), Box::new(|_| ())).is_none());
    }
}
