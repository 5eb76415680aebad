//! The frame clock: which frame it is, when the next one is due, and how many were missed.
//!
//! Frames stand on a grid of absolute deadlines, so their rate does not drift with the work they do. A frame that
//! comes too late takes the number of the grid; those between are skipped, never made up, and counted. While nobody
//! wants frames none is run, and the number is still right when somebody asks. Reads no clock: `now` is time since
//! the program started.

use std::time::Duration;

use patchcord_core::frame::Frame;

/// Slowest and fastest rate, in frames per second; others are brought into this range.
pub const RATES: std::ops::RangeInclusive<f64> = 0.1..=1000.0;

/// Rate of a patch that says nothing.
pub const DEFAULT_RATE: f64 = 60.0;

/// Counts frames against time.
#[derive(Clone, Debug)]
pub struct FrameClock {
    rate: f64,
    /// When frame `anchor` starts; changes with the rate.
    anchor_time: Duration,
    anchor: u64,
    /// The frame that ran last.
    last: u64,
    dropped: u64,
}

impl Default for FrameClock {
    fn default() -> Self {
        FrameClock { rate: DEFAULT_RATE, anchor_time: Duration::ZERO, anchor: 1, last: 0, dropped: 0 }
    }
}

impl FrameClock {
    /// Frames per second.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Number of the frame that ran last; 0 before the first.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Changes the rate. Numbers go on from the present frame.
    pub fn set_rate(&mut self, rate: f64, now: Duration) {
        let rate = if rate.is_finite() { rate.clamp(*RATES.start(), *RATES.end()) } else { DEFAULT_RATE };
        if rate != self.rate {
            (self.anchor, self.anchor_time) = (self.number_at(now), now);
            self.rate = rate;
        }
    }

    /// When the frame after the last one is due. Lies in the past when the clock is late.
    pub fn next_deadline(&self) -> Duration {
        self.start_of(self.last + 1)
    }

    /// The frame that is due now; `None` when it is too early. Skipped frames are counted.
    pub fn tick(&mut self, now: Duration) -> Option<Frame> {
        let number = self.number_at(now);
        let step = number.checked_sub(self.last).filter(|step| *step > 0)?;
        self.last = number;
        self.dropped += step - 1;
        Some(Frame { step: u32::try_from(step).unwrap_or(u32::MAX), ..self.frame_at(now) })
    }

    /// Frames are wanted again after a rest: those that nobody wanted do not count as missed.
    pub fn resume(&mut self, now: Duration) {
        self.last = self.last.max(self.number_at(now));
    }

    /// The frame that a time lies in.
    pub fn frame_at(&self, now: Duration) -> Frame {
        let number = self.number_at(now);
        let seconds = self.start_of(number).as_secs_f64();
        Frame { number, seconds, step: 1, rate: self.rate, dropped: self.dropped }
    }

    fn number_at(&self, now: Duration) -> u64 {
        let passed = now.saturating_sub(self.anchor_time).as_secs_f64() * self.rate;
        let number = self.anchor + passed as u64;
        // Rounding may put a time that is exactly a deadline into the frame before; deadlines belong to their frame.
        if self.start_of(number + 1) <= now { number + 1 } else { number }
    }

    fn start_of(&self, number: u64) -> Duration {
        let frames = number.saturating_sub(self.anchor) as f64;
        self.anchor_time + Duration::try_from_secs_f64(frames / self.rate).unwrap_or(Duration::MAX / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: f64) -> Duration {
        Duration::from_secs_f64(ms / 1000.0)
    }

    #[test]
    fn frames_keep_to_the_grid_whatever_the_work_takes() {
        let mut clock = FrameClock::default();
        clock.set_rate(100.0, Duration::ZERO);
        let first = clock.tick(ms(0.0)).unwrap();
        assert_eq!((first.number, first.step, first.dropped), (1, 1, 0));
        assert_eq!(clock.next_deadline(), ms(10.0));
        assert!(clock.tick(ms(9.9)).is_none());
        // 3 ms late; the next deadline is not.
        assert_eq!(clock.tick(ms(13.0)).unwrap().number, 2);
        assert_eq!(clock.next_deadline(), ms(20.0));
    }

    #[test]
    fn missed_frames_are_skipped_and_counted() {
        let mut clock = FrameClock::default();
        clock.set_rate(100.0, Duration::ZERO);
        clock.tick(ms(0.0)).unwrap();
        let late = clock.tick(ms(45.0)).unwrap();
        assert_eq!((late.number, late.step, late.dropped), (5, 4, 3));
        assert_eq!(late.seconds, 0.04);
        assert_eq!(clock.next_deadline(), ms(50.0));
        assert_eq!(clock.tick(ms(50.0)).unwrap().step, 1);
    }

    #[test]
    fn every_deadline_is_the_start_of_its_frame() {
        for rate in [0.1, 23.976, 29.97, 60.0, 144.0, 1000.0] {
            let mut clock = FrameClock::default();
            clock.set_rate(rate, Duration::ZERO);
            clock.resume(ms(123_456.7));
            for _ in 0..1000 {
                let due = clock.next_deadline();
                let frame = clock.tick(due).unwrap_or_else(|| panic!("not due at {due:?} with {rate}"));
                assert_eq!(frame.step, 1, "at {due:?} with {rate}");
            }
            assert_eq!(clock.frame_at(Duration::ZERO).dropped, 0);
        }
    }

    #[test]
    fn a_rest_costs_no_frames_and_the_number_goes_on() {
        let mut clock = FrameClock::default();
        clock.set_rate(50.0, Duration::ZERO);
        clock.tick(ms(0.0)).unwrap();
        assert_eq!(clock.frame_at(ms(10_010.0)).number, 501);
        clock.resume(ms(10_010.0));
        let frame = clock.tick(ms(10_020.0)).unwrap();
        assert_eq!((frame.number, frame.step, frame.dropped), (502, 1, 0));
    }

    #[test]
    fn another_rate_goes_on_from_the_present_frame() {
        let mut clock = FrameClock::default();
        assert_eq!(clock.frame_at(ms(1000.0)).number, 61);
        clock.resume(ms(1000.0));
        clock.set_rate(10.0, ms(1000.0));
        assert_eq!(clock.next_deadline(), ms(1100.0));
        assert_eq!(clock.tick(ms(1100.0)).unwrap().number, 62);
        clock.set_rate(f64::NAN, ms(1100.0));
        assert_eq!(clock.rate(), DEFAULT_RATE);
        clock.set_rate(1e9, ms(1100.0));
        assert_eq!(clock.rate(), *RATES.end());
    }
}
