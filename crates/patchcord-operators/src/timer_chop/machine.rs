//! The timer itself: segments that are counted one after the other, and what happens while time passes. It reads no
//! clock.

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Seconds before it begins.
    pub delay: f64,
    /// Seconds of a cycle; infinite for one that never ends.
    pub length: f64,
    /// Cycles; `None` is without end.
    pub cycles: Option<u64>,
}

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A segment begins.
    SegmentEnter(usize),
    /// A cycle of a segment begins.
    CycleStart(usize, u64),
    /// A cycle has come to its end.
    CycleEnd(usize, u64),
    /// A segment is left; early when interrupted.
    SegmentExit(usize, bool),
    /// All is done; early when interrupted.
    Done(usize, bool),
}

/// Cycles and segments that one step of time goes through at most; the rest of the time is dropped.
const MAX_STEPS: usize = 1000;

/// Shortest cycle, in seconds.
const SHORTEST: f64 = 1e-6;

/// A timer that runs.
#[derive(Clone, Debug)]
pub struct Machine {
    segments: Vec<Segment>,
    segment: usize,
    cycle: u64,
    /// Seconds since the delay or the cycle began.
    elapsed: f64,
    in_delay: bool,
    is_done: bool,
    /// The segment is left at the end of the cycle.
    leaves: bool,
}

impl Machine {
    /// A timer at its beginning.
    pub fn new(mut segments: Vec<Segment>) -> Self {
        for segment in &mut segments {
            segment.length = segment.length.max(SHORTEST);
            segment.delay = segment.delay.max(0.0);
        }
        Machine { segments, segment: 0, cycle: 0, elapsed: 0.0, in_delay: true, is_done: false, leaves: false }
    }

    fn current(&self) -> Segment {
        self.segments.get(self.segment).copied().unwrap_or(Segment { delay: 0.0, length: SHORTEST, cycles: Some(1) })
    }

    /// Whether all is done.
    #[cfg(test)]
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether a cycle is being counted, and not a delay.
    pub fn is_active(&self) -> bool {
        !self.in_delay && !self.is_done
    }

    /// The segment that is counted, from 0.
    pub fn segment(&self) -> usize {
        self.segment
    }

    /// Cycles of the segment that are complete.
    pub fn cycles(&self) -> u64 {
        self.cycle
    }

    /// Length of a cycle now, in seconds.
    pub fn length(&self) -> f64 {
        self.current().length
    }

    /// Seconds of the cycle that have passed.
    pub fn seconds(&self) -> f64 {
        match (self.is_done, self.in_delay) {
            (true, _) => self.current().length,
            (false, true) => 0.0,
            (false, false) => self.elapsed,
        }
    }

    /// Part of the cycle that has passed, from 0 to 1; of an endless one 0.
    pub fn fraction(&self) -> f64 {
        if self.is_done { 1.0 } else { (self.seconds() / self.current().length).min(1.0) }
    }

    /// Part of the delay that has passed.
    pub fn delay_fraction(&self) -> f64 {
        let delay = self.current().delay;
        if self.in_delay && delay > 0.0 { (self.elapsed / delay).min(1.0) } else { 1.0 }
    }

    /// Lets time pass.
    pub fn advance(&mut self, seconds: f64) -> Vec<Event> {
        let mut events = Vec::new();
        let mut left = seconds;
        for _ in 0..MAX_STEPS {
            if self.is_done {
                break;
            }
            let limit = if self.in_delay { self.current().delay } else { self.current().length };
            // A delay of nothing is over at once, a cycle not before time has passed.
            if self.elapsed + left < limit {
                self.elapsed += left;
                break;
            }
            left -= limit - self.elapsed;
            self.elapsed = 0.0;
            if self.in_delay {
                self.in_delay = false;
                events.extend([Event::SegmentEnter(self.segment), Event::CycleStart(self.segment, self.cycle)]);
            } else {
                self.end_cycle(&mut events);
            }
        }
        events
    }

    /// Goes on behind the end of a cycle.
    fn end_cycle(&mut self, events: &mut Vec<Event>) {
        events.push(Event::CycleEnd(self.segment, self.cycle));
        self.cycle += 1;
        let goes_on = !self.leaves && self.current().cycles.is_none_or(|cycles| self.cycle < cycles);
        if goes_on {
            events.push(Event::CycleStart(self.segment, self.cycle));
        } else {
            events.push(Event::SegmentExit(self.segment, false));
            self.next_segment(events, false);
        }
    }

    fn next_segment(&mut self, events: &mut Vec<Event>, interrupt: bool) {
        self.leaves = false;
        if self.segment + 1 < self.segments.len() {
            self.begin(self.segment + 1);
        } else {
            self.is_done = true;
            events.push(Event::Done(self.segment, interrupt));
        }
    }

    fn begin(&mut self, segment: usize) {
        (self.segment, self.cycle, self.elapsed, self.in_delay, self.leaves) = (segment, 0, 0.0, true, false);
    }

    /// Ends everything now.
    pub fn go_to_done(&mut self) -> Vec<Event> {
        if self.is_done {
            return Vec::new();
        }
        let mut events = Vec::new();
        if self.is_active() {
            events.push(Event::SegmentExit(self.segment, true));
        }
        self.segment = self.segments.len().saturating_sub(1);
        self.is_done = true;
        events.push(Event::Done(self.segment, true));
        events
    }

    /// Ends the cycle now.
    pub fn go_to_end_of_cycle(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        if self.is_active() {
            self.elapsed = 0.0;
            self.end_cycle(&mut events);
        }
        events
    }

    /// Leaves the segment when the cycle ends.
    pub fn exit_at_end_of_cycle(&mut self) {
        self.leaves = true;
    }

    /// Goes to the segment before or behind.
    pub fn go_to_segment(&mut self, is_next: bool) -> Vec<Event> {
        let mut events = Vec::new();
        if self.is_done {
            return events;
        }
        if self.is_active() {
            events.push(Event::SegmentExit(self.segment, true));
        }
        if is_next {
            self.next_segment(&mut events, true);
        } else {
            self.begin(self.segment.saturating_sub(1));
        }
        events
    }

    /// Goes to a place within the cycle.
    pub fn cue(&mut self, seconds: f64) -> Vec<Event> {
        let mut events = Vec::new();
        if self.is_done {
            return events;
        }
        if self.in_delay {
            self.in_delay = false;
            events.extend([Event::SegmentEnter(self.segment), Event::CycleStart(self.segment, self.cycle)]);
        }
        self.elapsed = seconds.clamp(0.0, self.current().length);
        events
    }
}

#[cfg(test)]
mod tests {
    use super::Event::{CycleEnd, CycleStart, Done, SegmentEnter, SegmentExit};
    use super::*;

    fn segment(delay: f64, length: f64, cycles: Option<u64>) -> Segment {
        Segment { delay, length, cycles }
    }

    #[test]
    fn a_timer_counts_its_delay_and_its_length() {
        let mut timer = Machine::new(vec![segment(1.0, 2.0, Some(1))]);
        assert_eq!(timer.advance(0.5), []);
        assert_eq!((timer.fraction(), timer.delay_fraction(), timer.is_active()), (0.0, 0.5, false));
        assert_eq!(timer.advance(1.5), [SegmentEnter(0), CycleStart(0, 0)]);
        assert_eq!((timer.fraction(), timer.seconds()), (0.5, 1.0));
        assert_eq!(timer.advance(5.0), [CycleEnd(0, 0), SegmentExit(0, false), Done(0, false)]);
        assert_eq!((timer.fraction(), timer.is_done(), timer.cycles()), (1.0, true, 1));
        assert_eq!(timer.advance(5.0), []);
    }

    #[test]
    fn cycles_and_segments_follow_one_another_and_no_time_is_lost() {
        let mut timer = Machine::new(vec![segment(0.0, 1.0, Some(2)), segment(0.5, 1.0, Some(1))]);
        let expected = [
            SegmentEnter(0),
            CycleStart(0, 0),
            CycleEnd(0, 0),
            CycleStart(0, 1),
            CycleEnd(0, 1),
            SegmentExit(0, false),
            SegmentEnter(1),
            CycleStart(1, 0),
        ];
        assert_eq!(timer.advance(2.75), expected);
        assert_eq!((timer.segment(), timer.fraction()), (1, 0.25));
    }

    #[test]
    fn an_endless_cycle_of_no_length_does_not_hang() {
        let mut timer = Machine::new(vec![segment(0.0, 0.0, None)]);
        assert!(timer.advance(1e9).len() < 3 * MAX_STEPS);
        assert!(!timer.is_done());
    }

    #[test]
    fn jumps_are_interruptions() {
        let two = vec![segment(0.0, 1.0, None), segment(0.0, 1.0, Some(1))];
        let mut timer = Machine::new(two.clone());
        timer.advance(0.25);
        assert_eq!(timer.clone().go_to_done(), [SegmentExit(0, true), Done(1, true)]);
        assert_eq!(timer.clone().go_to_end_of_cycle(), [CycleEnd(0, 0), CycleStart(0, 1)]);
        assert_eq!(timer.clone().go_to_segment(true), [SegmentExit(0, true)]);
        timer.exit_at_end_of_cycle();
        assert_eq!(timer.advance(0.75)[..2], [CycleEnd(0, 0), SegmentExit(0, false)]);
        assert_eq!(timer.segment(), 1);
        let mut timer = Machine::new(two);
        assert_eq!(timer.cue(0.5), [SegmentEnter(0), CycleStart(0, 0)]);
        assert_eq!(timer.fraction(), 0.5);
    }
}
