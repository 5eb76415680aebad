//! Close codes, and the closing handshake (RFC 6455 §7): who began it, what is still owed, and how the end is reported.
//!
//! [`CloseHandshake`] is told what was sent and received and answers what to do next. It promises one [`Ending`] for
//! every connection, whichever way it went. Writing the frames is the sender's; ending the transport, and calling the
//! user's callback exactly once, is the driver's.

use std::fmt;
use std::time::{Duration, Instant};

/// A close code (§7.4). Any number can be held; [`CloseCode::may_be_sent`] says which may stand in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: a server goes down or a browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the other end broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that this end cannot take.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1005: a close frame came without a code. Reported only, never sent.
    pub const NO_CODE: Self = Self(1005);
    /// 1006: the connection ended without a close frame. Reported only, never sent.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: data that does not fit the message's kind, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: refused by a policy.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message too big to take.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: the server agreed to no extension that the client cannot do without.
    pub const EXTENSION_REQUIRED: Self = Self(1010);
    /// 1011: an unexpected condition at this end.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts (IANA registry).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: overloaded, try again later (IANA registry).
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got a bad answer (IANA registry).
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code with this number.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number of this code.
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// Whether the code may stand in a close frame: 1000–1003, 1007–1014 and 3000–4999 (§7.4.2 and the IANA registry).
    pub const fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

/// What a close frame says when it says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// Why the peer closes, as a number.
    pub code: CloseCode,
    /// Why the peer closes, in words; often empty, at most 123 bytes.
    pub reason: &'a str,
}

/// The closing handshake of one connection.
///
/// Tell it of every close frame that was sent ([`CloseHandshake::handle_sent`]) and received
/// ([`CloseHandshake::handle_received`]); keep its deadline; ask for the [`CloseHandshake::ending`] when the
/// transport is gone.
#[derive(Debug, Clone, Default)]
pub struct CloseHandshake {
    sent: Option<Option<CloseCode>>,
    received: Option<(Option<CloseCode>, String)>,
    first: Option<ClosedBy>,
    deadline: Option<Instant>,
}

/// What a received close frame demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseStep {
    /// Answer with a close frame of this code (none: an empty one), write it out, then end the transport.
    Reply(Option<CloseCode>),
    /// Both close frames have passed: end the transport.
    Complete,
}

/// Who began to close a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedBy {
    /// This end sent its close frame first.
    Local,
    /// The peer's close frame came first.
    Remote,
    /// Nobody: the transport ended without a close frame.
    Nobody,
}

/// How a connection ended, for the close callback and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The peer's code; 1005 when its close frame had none, 1006 when no close frame came (§7.1.5).
    pub code: CloseCode,
    /// The peer's reason, or nothing (§7.1.6).
    pub reason: String,
    /// Who began to close.
    pub by: ClosedBy,
    /// The code that this end sent, when it sent one: says why the connection was failed here.
    pub sent: Option<CloseCode>,
    /// Whether close frames have passed both ways (§7.1.4).
    pub clean: bool,
}

impl CloseHandshake {
    /// How long the peer has to answer a close frame.
    pub const REPLY_TIME: Duration = Duration::from_secs(2);

    /// The handshake of a connection that is open.
    pub fn new() -> Self {
        Self::default()
    }

    /// A close frame was sent, as the first or as the answer. From now on the peer has [`Self::REPLY_TIME`].
    pub fn handle_sent(&mut self, code: Option<CloseCode>, now: Instant) {
        if self.sent.is_some() {
            return;
        }
        self.sent = Some(code);
        self.first.get_or_insert(ClosedBy::Local);
        if self.received.is_none() {
            self.deadline = Some(now + Self::REPLY_TIME);
        }
    }

    /// The peer's close frame came; the result says what to do about it.
    pub fn handle_received(&mut self, frame: Option<CloseFrame<'_>>) -> CloseStep {
        let code = frame.map(|frame| frame.code);
        if self.received.is_none() {
            self.received = Some((code, frame.map(|frame| frame.reason.to_owned()).unwrap_or_default()));
        }
        self.first.get_or_insert(ClosedBy::Remote);
        self.deadline = None;
        if self.sent.is_some() { CloseStep::Complete } else { CloseStep::Reply(code) }
    }

    /// Whether a close frame was sent or received: no new messages may be sent.
    pub fn is_closing(&self) -> bool {
        self.first.is_some()
    }

    /// Whether close frames have passed both ways: the transport can end.
    pub fn is_complete(&self) -> bool {
        self.sent.is_some() && self.received.is_some()
    }

    /// When the wait for the peer's answer ends; `None` while there is nothing to wait for.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether the peer has let the time for its answer pass: end the transport without it.
    pub fn is_timed_out(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// What to report, at the moment when the transport is gone.
    pub fn ending(&self) -> Ending {
        let (code, reason) = match &self.received {
            Some((code, reason)) => (code.unwrap_or(CloseCode::NO_CODE), reason.clone()),
            None => (CloseCode::ABNORMAL, String::new()),
        };
        Ending {
            code,
            reason,
            by: self.first.unwrap_or(ClosedBy::Nobody),
            sent: self.sent.flatten(),
            clean: self.is_complete(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(code: CloseCode, reason: &str) -> Option<CloseFrame<'_>> {
        Some(CloseFrame { code, reason })
    }

    #[test]
    fn codes_that_may_be_sent_section_7_4() {
        let sendable: Vec<u16> = (0..=u16::MAX).filter(|&number| CloseCode::new(number).may_be_sent()).collect();
        let expected: Vec<u16> = (1000..=1003).chain(1007..=1014).chain(3000..=4999).collect();
        assert_eq!(sendable, expected);
    }

    #[test]
    fn the_peers_close_is_answered_with_its_code_section_5_5_1() {
        let now = Instant::now();
        let mut close = CloseHandshake::new();
        assert_eq!(
            close.handle_received(frame(CloseCode::GOING_AWAY, "bye")),
            CloseStep::Reply(Some(CloseCode::GOING_AWAY))
        );
        assert!(close.is_closing() && !close.is_complete());
        close.handle_sent(Some(CloseCode::GOING_AWAY), now);
        assert_eq!(close.next_deadline(), None, "nothing is owed by the peer");
        let ending = close.ending();
        assert_eq!(
            (ending.code, ending.reason.as_str(), ending.by, ending.clean),
            (CloseCode::GOING_AWAY, "bye", ClosedBy::Remote, true)
        );
    }

    #[test]
    fn a_close_of_ours_waits_two_seconds_for_the_answer() {
        let now = Instant::now();
        let mut close = CloseHandshake::new();
        close.handle_sent(Some(CloseCode::NORMAL), now);
        assert_eq!(close.next_deadline(), Some(now + Duration::from_secs(2)));
        assert!(!close.is_timed_out(now + Duration::from_millis(1999)));
        assert!(close.is_timed_out(now + Duration::from_secs(2)));
        assert_eq!(close.handle_received(frame(CloseCode::NORMAL, "")), CloseStep::Complete);
        assert!(!close.is_timed_out(now + Duration::from_secs(9)));
        let ending = close.ending();
        assert_eq!((ending.code, ending.by, ending.clean), (CloseCode::NORMAL, ClosedBy::Local, true));
    }

    #[test]
    fn crossing_closes_are_complete_without_a_second_frame() {
        let now = Instant::now();
        let mut close = CloseHandshake::new();
        close.handle_sent(Some(CloseCode::NORMAL), now);
        assert_eq!(close.handle_received(frame(CloseCode::new(4000), "mine")), CloseStep::Complete);
        assert_eq!(close.ending().code, CloseCode::new(4000));
        assert_eq!(close.ending().sent, Some(CloseCode::NORMAL));
    }

    #[test]
    fn a_close_without_a_code_is_reported_as_1005_section_7_1_5() {
        let mut close = CloseHandshake::new();
        assert_eq!(close.handle_received(None), CloseStep::Reply(None));
        assert_eq!(close.ending().code, CloseCode::NO_CODE);
    }

    #[test]
    fn an_end_without_a_close_is_reported_as_1006_section_7_1_5() {
        let lost = CloseHandshake::new().ending();
        assert_eq!((lost.code, lost.by, lost.clean), (CloseCode::ABNORMAL, ClosedBy::Nobody, false));
        let mut failed = CloseHandshake::new();
        failed.handle_sent(Some(CloseCode::PROTOCOL_ERROR), Instant::now());
        let ending = failed.ending();
        assert_eq!(
            (ending.code, ending.sent, ending.clean),
            (CloseCode::ABNORMAL, Some(CloseCode::PROTOCOL_ERROR), false)
        );
    }
}
