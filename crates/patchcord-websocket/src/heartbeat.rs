//! Whether the peer is still there: pings at an interval, pongs counted against them.
//!
//! Each ping carries a number of its own, so that only the answer to the latest one counts; an old or invented pong is
//! no sign of life. A peer that has let `max_missed` pings in a row pass is given up. Time is an argument: the driver
//! keeps [`Heartbeat::next_deadline`], calls [`Heartbeat::poll`] then, and sends what it is told to send.

use std::time::{Duration, Instant};

/// The payload of a heartbeat's ping: its number, big-endian.
pub type PingPayload = [u8; 8];

/// What a heartbeat wants at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatAction {
    /// The deadline has not come.
    Nothing,
    /// Send a ping with this payload.
    SendPing(PingPayload),
    /// The peer has missed too many pings: give the connection up.
    TimedOut,
}

/// The heartbeat of one connection.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    interval: Duration,
    max_missed: u32,
    deadline: Option<Instant>,
    /// Number of the latest ping; 0 before the first.
    number: u64,
    /// When the latest ping was sent, until it is answered.
    waiting_since: Option<Instant>,
    /// Bytes have come since then.
    heard: bool,
    /// A late call has already put off counting that ping as missed.
    excused: bool,
    missed: u32,
}

impl Heartbeat {
    /// Default time between pings.
    pub const INTERVAL: Duration = Duration::from_secs(20);
    /// Default number of unanswered pings after which the peer is given up.
    pub const MAX_MISSED: u32 = 2;
    /// A call that comes this much after its deadline shows that this machine has slept: the answer may lie unread. As
    /// long it gets to be read.
    const LATE: Duration = Duration::from_secs(1);

    /// A heartbeat whose first ping is due one `interval` after `now`. An interval of zero switches it off; `max_missed`
    /// counts from one.
    pub fn new(interval: Duration, max_missed: u32, now: Instant) -> Self {
        let deadline = if interval.is_zero() { None } else { now.checked_add(interval) };
        Self {
            interval,
            max_missed: max_missed.max(1),
            deadline,
            number: 0,
            waiting_since: None,
            heard: false,
            excused: false,
            missed: 0,
        }
    }

    /// What is to be done at `now`. A late call counts as one interval, and an answer that came before it may be read
    /// first, so that a machine that slept does not take its own sleep for the peer's silence.
    pub fn poll(&mut self, now: Instant) -> HeartbeatAction {
        let Some(deadline) = self.deadline.filter(|deadline| now >= *deadline) else {
            return HeartbeatAction::Nothing;
        };
        if self.waiting_since.is_some() && !self.heard {
            if !self.excused && now.saturating_duration_since(deadline) >= Self::LATE {
                self.excused = true;
                self.deadline = now.checked_add(Self::LATE);
                return HeartbeatAction::Nothing;
            }
            self.missed += 1;
            if self.missed >= self.max_missed {
                self.deadline = None;
                return HeartbeatAction::TimedOut;
            }
        }
        self.deadline = now.checked_add(self.interval);
        self.number += 1;
        self.waiting_since = Some(now);
        self.heard = false;
        self.excused = false;
        HeartbeatAction::SendPing(self.number.to_be_bytes())
    }

    /// A pong came. The round trip, if it answers the latest ping for the first time; otherwise nothing changes.
    pub fn handle_pong(&mut self, payload: &[u8], now: Instant) -> Option<Duration> {
        if payload != self.number.to_be_bytes() {
            return None;
        }
        let sent = self.waiting_since.take()?;
        self.missed = 0;
        Some(now.saturating_duration_since(sent))
    }

    /// Other bytes came. They show that the peer lives, so that a large message on a slow line is not cut off because
    /// its pong has to wait behind it.
    pub fn handle_bytes(&mut self) {
        self.heard = true;
        self.missed = 0;
    }

    /// When [`Heartbeat::poll`] has to be called next; `None` when it is off or the peer was given up.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ping(number: u64) -> HeartbeatAction {
        HeartbeatAction::SendPing(number.to_be_bytes())
    }

    #[test]
    fn pings_at_the_interval_while_they_are_answered() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(20 * SECOND, 2, start);
        assert_eq!(heartbeat.poll(start + 19 * SECOND), HeartbeatAction::Nothing);
        for round in 1..=5u32 {
            let now = start + 20 * round * SECOND;
            assert_eq!(heartbeat.next_deadline(), Some(now));
            assert_eq!(heartbeat.poll(now), ping(round.into()));
            assert_eq!(heartbeat.handle_pong(&u64::from(round).to_be_bytes(), now + SECOND), Some(SECOND));
        }
    }

    #[test]
    fn two_missed_pings_end_it() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(20 * SECOND, 2, start);
        assert_eq!(heartbeat.poll(start + 20 * SECOND), ping(1));
        assert_eq!(heartbeat.poll(start + 40 * SECOND), ping(2));
        assert_eq!(heartbeat.poll(start + 60 * SECOND), HeartbeatAction::TimedOut);
        assert_eq!(heartbeat.next_deadline(), None);
        assert_eq!(heartbeat.poll(start + 80 * SECOND), HeartbeatAction::Nothing);
    }

    #[test]
    fn only_the_latest_ping_can_be_answered_and_only_once() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(SECOND, 9, start);
        assert_eq!(heartbeat.handle_pong(&0u64.to_be_bytes(), start), None, "no ping was sent yet");
        heartbeat.poll(start + SECOND);
        heartbeat.poll(start + 2 * SECOND);
        assert_eq!(heartbeat.handle_pong(&1u64.to_be_bytes(), start + 3 * SECOND), None, "an old ping");
        assert_eq!(heartbeat.handle_pong(b"", start + 3 * SECOND), None, "unasked");
        assert_eq!(heartbeat.handle_pong(&2u64.to_be_bytes(), start + 3 * SECOND), Some(SECOND));
        assert_eq!(heartbeat.handle_pong(&2u64.to_be_bytes(), start + 3 * SECOND), None, "twice");
    }

    #[test]
    fn an_answer_wipes_out_earlier_misses() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(SECOND, 2, start);
        heartbeat.poll(start + SECOND);
        assert_eq!(heartbeat.poll(start + 2 * SECOND), ping(2));
        assert!(heartbeat.handle_pong(&2u64.to_be_bytes(), start + 2 * SECOND).is_some());
        assert_eq!(heartbeat.poll(start + 3 * SECOND), ping(3));
        assert_eq!(heartbeat.poll(start + 4 * SECOND), ping(4));
    }

    #[test]
    fn bytes_of_a_long_message_are_a_sign_of_life() {
        let start = Instant::now();
        for max_missed in [1, 2] {
            let mut heartbeat = Heartbeat::new(SECOND, max_missed, start);
            for second in 1..20 {
                assert_eq!(heartbeat.poll(start + second * SECOND), ping(second.into()));
                heartbeat.handle_bytes();
            }
        }
    }

    #[test]
    fn bytes_before_a_ping_do_not_answer_it() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(SECOND, 1, start);
        heartbeat.handle_bytes();
        assert_eq!(heartbeat.poll(start + SECOND), ping(1));
        assert_eq!(heartbeat.poll(start + 2 * SECOND), HeartbeatAction::TimedOut);
    }

    #[test]
    fn an_interval_of_zero_switches_it_off() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(Duration::ZERO, 2, start);
        assert_eq!(heartbeat.next_deadline(), None);
        assert_eq!(heartbeat.poll(start + 1000 * SECOND), HeartbeatAction::Nothing);
    }

    #[test]
    fn one_late_call_is_one_interval() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(SECOND, 2, start);
        assert_eq!(heartbeat.poll(start + 3600 * SECOND), ping(1));
        assert_eq!(heartbeat.poll(start + 3601 * SECOND), ping(2));
        assert_eq!(heartbeat.poll(start + 3602 * SECOND), HeartbeatAction::TimedOut);
    }

    #[test]
    fn an_answer_that_came_during_a_sleep_can_be_read_before_it_counts_as_missed() {
        let start = Instant::now();
        let woken = start + 3600 * SECOND;
        let mut heartbeat = Heartbeat::new(SECOND, 1, start);
        assert_eq!(heartbeat.poll(start + SECOND), ping(1));
        assert_eq!(heartbeat.poll(woken), HeartbeatAction::Nothing);
        assert!(heartbeat.handle_pong(&1u64.to_be_bytes(), woken).is_some());
        assert_eq!(heartbeat.poll(woken + SECOND), ping(2));
        // Once: a program that is late each time still gives up.
        assert_eq!(heartbeat.poll(woken + 10 * SECOND), HeartbeatAction::Nothing);
        assert_eq!(heartbeat.poll(woken + 20 * SECOND), HeartbeatAction::TimedOut);
    }
}
