//! Time-outs and intervals, by their absolute deadlines.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::MAX_TIMERS;
use super::frames::FrameId;

/// The shortest interval: what repeats without a pause would leave nobody else a turn.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);
/// The longest time-out: a year.
const LONGEST: f64 = 366.0 * 86_400.0;

/// What runs.
#[derive(Default)]
pub(super) struct Timers {
    running: HashMap<u64, Timer>,
    deadlines: BTreeSet<(Duration, u64)>,
}

pub(super) struct Timer {
    frame: FrameId,
    node: u32,
    deadline: Duration,
    period: Option<Duration>,
}

impl Timers {
    /// Starts one; false when too many run. `seconds` is a finite number.
    pub fn start(&mut self, id: u64, frame: FrameId, node: u32, now: Duration, seconds: f64, repeats: bool) -> bool {
        if self.is_full() {
            return false;
        }
        let wait = Duration::from_secs_f64(seconds.clamp(0.0, LONGEST));
        let wait = if repeats { wait.max(SHORTEST_INTERVAL) } else { wait };
        let deadline = now + wait;
        self.running.insert(id, Timer { frame, node, deadline, period: repeats.then_some(wait) });
        self.deadlines.insert((deadline, id));
        true
    }

    /// Whether there is no room for another one.
    pub fn is_full(&self) -> bool {
        self.running.len() >= MAX_TIMERS
    }

    /// Ends one: whose it was.
    pub fn stop(&mut self, id: u64) -> Option<(FrameId, u32)> {
        let timer = self.running.remove(&id)?;
        self.deadlines.remove(&(timer.deadline, id));
        Some((timer.frame, timer.node))
    }

    pub fn is_running(&self, id: u64) -> bool {
        self.running.contains_key(&id)
    }

    /// The next that is due. A time-out is gone with that; an interval waits for its next period, and those that have
    /// passed unseen are skipped.
    pub fn due(&mut self, now: Duration) -> Option<(u64, FrameId, u32)> {
        let (deadline, id) = self.deadlines.first().copied().filter(|(deadline, _)| *deadline <= now)?;
        self.deadlines.pop_first();
        let timer = self.running.get_mut(&id)?;
        let whose = (id, timer.frame, timer.node);
        match timer.period {
            None => {
                self.running.remove(&id);
            }
            Some(period) => {
                let passed = (now - deadline).as_nanos() / period.as_nanos();
                let passed = u32::try_from(passed).unwrap_or(u32::MAX - 1);
                timer.deadline = deadline + period * (passed + 1);
                self.deadlines.insert((timer.deadline, id));
            }
        }
        Some(whose)
    }

    /// When the next is due.
    pub fn next(&self) -> Option<Duration> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The frames that something runs for.
    pub fn frames(&self) -> impl Iterator<Item = FrameId> + '_ {
        self.running.values().map(|timer| timer.frame)
    }

    /// Ends those of frames that are gone.
    pub fn retain(&mut self, is_alive: impl Fn(FrameId) -> bool) {
        self.move_nodes(|frame, node| is_alive(frame).then_some(node));
    }

    /// Gives each timer the new position of its node; those whose node or frame is gone end.
    pub fn move_nodes(&mut self, moved: impl Fn(FrameId, u32) -> Option<u32>) {
        let gone: Vec<u64> = self
            .running
            .iter_mut()
            .filter_map(|(id, timer)| match moved(timer.frame, timer.node) {
                Some(node) => {
                    timer.node = node;
                    None
                }
                None => Some(*id),
            })
            .collect();
        for id in gone {
            self.stop(id);
        }
    }
}
