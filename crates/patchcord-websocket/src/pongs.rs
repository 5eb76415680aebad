//! How many pongs a peer may demand before it reads them.
//!
//! Every ping is answered in order while few answers wait to be written; beyond that only the latest ping is kept and
//! answered after the write, as RFC 6455 §5.5.3 allows. So a flood of pings from a peer that does not read costs 125
//! bytes and not a queue. Writing the frames is the driver's.

use crate::frame::MAX_CONTROL_PAYLOAD;

/// What to do about a ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PongAction {
    /// Send a pong with its payload now.
    SendNow,
    /// Do nothing: the answer is kept, and later pings replace it.
    Kept,
}

/// The pongs that one connection owes.
#[derive(Debug, Clone)]
pub struct Pongs {
    sent: u16,
    kept: [u8; MAX_CONTROL_PAYLOAD],
    /// Length of the kept payload, while there is one.
    kept_len: Option<u8>,
}

impl Pongs {
    /// Pongs that may wait in the out-buffer for one write.
    pub const PER_WRITE: u16 = 64;

    /// No ping has come yet.
    pub fn new() -> Self {
        Self { sent: 0, kept: [0; MAX_CONTROL_PAYLOAD], kept_len: None }
    }

    /// A ping came with `payload`, at most 125 bytes as the receiver gives it (more is cut off).
    pub fn handle_ping(&mut self, payload: &[u8]) -> PongAction {
        if self.sent < Self::PER_WRITE {
            self.sent += 1;
            return PongAction::SendNow;
        }
        let payload = &payload[..payload.len().min(MAX_CONTROL_PAYLOAD)];
        self.kept[..payload.len()].copy_from_slice(payload);
        self.kept_len = Some(payload.len() as u8);
        PongAction::Kept
    }

    /// The out-buffer has been written to the socket completely. The payload of a pong to send now, if one was kept.
    pub fn handle_written(&mut self) -> Option<&[u8]> {
        self.sent = 0;
        let length = self.kept_len.take()?;
        self.sent = 1;
        Some(&self.kept[..usize::from(length)])
    }
}

impl Default for Pongs {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_pings_are_all_answered() {
        let mut pongs = Pongs::new();
        for _ in 0..Pongs::PER_WRITE {
            assert_eq!(pongs.handle_ping(b"x"), PongAction::SendNow);
        }
        assert_eq!(pongs.handle_written(), None);
    }

    #[test]
    fn of_a_flood_only_the_latest_is_answered_section_5_5_3() {
        let mut pongs = Pongs::new();
        for number in 0..10_000u32 {
            pongs.handle_ping(&number.to_be_bytes());
        }
        assert_eq!(pongs.handle_written(), Some(&9_999u32.to_be_bytes()[..]));
        assert_eq!(pongs.handle_ping(b""), PongAction::SendNow, "writing renews the allowance");
        assert_eq!(pongs.handle_written(), None);
    }
}
