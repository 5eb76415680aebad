//! Whether the server is still there. In version 4 it pings and the client answers; in version 3 the client pings.

use std::time::{Duration, Instant};

use super::Version;
use super::handshake::Handshake;

/// What a heartbeat wants at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeartbeatAction {
    /// The deadline has not come.
    Nothing,
    /// Send a ping (version 3).
    SendPing,
    /// The server has been silent for too long: give the session up.
    TimedOut,
}

/// The heartbeat of one session.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    version: Version,
    interval: Duration,
    timeout: Duration,
    /// When the server is given up, or, in version 3 while no ping is out, when the next one is due.
    deadline: Option<Instant>,
    /// A ping of this end is not answered (version 3).
    waiting: bool,
    /// A late call has already put off giving up.
    excused: bool,
}

impl Heartbeat {
    /// A call that comes this much after its deadline shows that this program has slept: what came meanwhile may lie
    /// unread. As long it gets to be read.
    const LATE: Duration = Duration::from_secs(1);

    pub fn new(version: Version, handshake: &Handshake, now: Instant) -> Self {
        let (interval, timeout) = (handshake.ping_interval, handshake.ping_timeout);
        let mut heartbeat = Self { version, interval, timeout, deadline: None, waiting: false, excused: false };
        heartbeat.restart(now);
        heartbeat
    }

    /// The server pinged.
    pub fn handle_ping(&mut self, now: Instant) {
        if self.version == Version::V4 {
            self.restart(now);
        }
    }

    /// The server answered a ping.
    pub fn handle_pong(&mut self, now: Instant) {
        if self.version == Version::V3 && self.waiting {
            self.restart(now);
        }
    }

    /// Another packet came. In version 3 the answer to a ping may stand behind it on a slow line and gets more time; in
    /// version 4 only a ping counts, as the reference client has it.
    pub fn handle_packet(&mut self, now: Instant) {
        if self.waiting {
            self.deadline = now.checked_add(self.timeout);
            self.excused = false;
        }
    }

    /// What is to be done at `now`.
    pub fn poll(&mut self, now: Instant) -> HeartbeatAction {
        let Some(deadline) = self.deadline.filter(|deadline| now >= *deadline) else {
            return HeartbeatAction::Nothing;
        };
        if self.version == Version::V3 && !self.waiting {
            self.waiting = true;
            self.deadline = now.checked_add(self.timeout);
            return HeartbeatAction::SendPing;
        }
        if !self.excused && now.saturating_duration_since(deadline) >= Self::LATE {
            self.excused = true;
            self.deadline = now.checked_add(Self::LATE);
            return HeartbeatAction::Nothing;
        }
        self.deadline = None;
        HeartbeatAction::TimedOut
    }

    /// When [`Heartbeat::poll`] has to be called next.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn restart(&mut self, now: Instant) {
        self.waiting = false;
        self.excused = false;
        self.deadline = match self.version {
            Version::V3 => now.checked_add(self.interval),
            Version::V4 => now.checked_add(self.interval + self.timeout),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn heartbeat(version: Version, now: Instant) -> Heartbeat {
        let handshake = Handshake {
            sid: "a".to_owned(),
            upgrades: Vec::new(),
            ping_interval: 25 * SECOND,
            ping_timeout: 20 * SECOND,
            max_payload: None,
        };
        Heartbeat::new(version, &handshake, now)
    }

    #[test]
    fn in_version_4_only_a_ping_counts() {
        let start = Instant::now();
        let mut heartbeat = heartbeat(Version::V4, start);
        assert_eq!(heartbeat.deadline(), Some(start + 45 * SECOND));
        heartbeat.handle_packet(start + 10 * SECOND);
        heartbeat.handle_pong(start + 10 * SECOND);
        assert_eq!(heartbeat.deadline(), Some(start + 45 * SECOND));
        heartbeat.handle_ping(start + 25 * SECOND);
        assert_eq!(heartbeat.poll(start + 69 * SECOND), HeartbeatAction::Nothing);
        assert_eq!(heartbeat.poll(start + 70 * SECOND), HeartbeatAction::TimedOut);
        assert_eq!(heartbeat.deadline(), None);
    }

    #[test]
    fn in_version_3_this_end_pings() {
        let start = Instant::now();
        let mut heartbeat = heartbeat(Version::V3, start);
        assert_eq!(heartbeat.poll(start + 25 * SECOND), HeartbeatAction::SendPing);
        assert_eq!(heartbeat.poll(start + 26 * SECOND), HeartbeatAction::Nothing);
        heartbeat.handle_pong(start + 27 * SECOND);
        assert_eq!(heartbeat.deadline(), Some(start + 52 * SECOND));
        assert_eq!(heartbeat.poll(start + 52 * SECOND), HeartbeatAction::SendPing);
        heartbeat.handle_packet(start + 60 * SECOND);
        assert_eq!(heartbeat.poll(start + 79 * SECOND), HeartbeatAction::Nothing);
        assert_eq!(heartbeat.poll(start + 80 * SECOND), HeartbeatAction::TimedOut);
    }

    #[test]
    fn a_program_that_slept_reads_before_it_gives_up() {
        let start = Instant::now();
        let mut answered = heartbeat(Version::V4, start);
        assert_eq!(answered.poll(start + 100 * SECOND), HeartbeatAction::Nothing);
        answered.handle_ping(start + 100 * SECOND);
        assert_eq!(answered.deadline(), Some(start + 145 * SECOND));
        let mut silent = heartbeat(Version::V4, start);
        assert_eq!(silent.poll(start + 100 * SECOND), HeartbeatAction::Nothing);
        assert_eq!(silent.poll(start + 110 * SECOND), HeartbeatAction::TimedOut);
    }
}
