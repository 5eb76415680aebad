//! What is sent when its namespace is connected: bounded, with a policy for what is too much.

use std::collections::VecDeque;

use super::settings::OfflinePolicy;
use crate::packet::Encoded;

/// A packet that waits.
#[derive(Debug)]
pub(crate) struct Buffered {
    pub encoded: Encoded,
    /// The number under which it asks for an answer.
    pub ack: Option<u64>,
}

/// The packets of one namespace that wait.
#[derive(Debug, Default)]
pub(crate) struct Offline {
    packets: VecDeque<Buffered>,
    bytes: usize,
}

/// What became of a packet.
#[derive(Debug)]
pub(crate) enum Pushed {
    /// It is kept, and these are not any more.
    Kept(Vec<Buffered>),
    /// It was dropped.
    Dropped,
    /// It was refused.
    Refused,
}

impl Offline {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Keeps a packet, if there are then at most `most` with at most `most_bytes`.
    pub fn push(&mut self, packet: Buffered, policy: OfflinePolicy, most: usize, most_bytes: usize) -> Pushed {
        let size = packet.encoded.size();
        let fits = |this: &Self| this.packets.len() < most && this.bytes.saturating_add(size) <= most_bytes;
        let mut dropped = Vec::new();
        if policy == OfflinePolicy::DropOldest && size <= most_bytes && most > 0 {
            while !fits(self) {
                dropped.extend(self.pop());
            }
        }
        if fits(self) && policy != OfflinePolicy::Off {
            self.bytes += size;
            self.packets.push_back(packet);
            return Pushed::Kept(dropped);
        }
        match policy {
            OfflinePolicy::Keep | OfflinePolicy::Off => Pushed::Refused,
            OfflinePolicy::DropOldest | OfflinePolicy::DropNewest => Pushed::Dropped,
        }
    }

    /// The oldest.
    pub fn front(&self) -> Option<&Buffered> {
        self.packets.front()
    }

    /// Takes the oldest.
    pub fn pop(&mut self) -> Option<Buffered> {
        let packet = self.packets.pop_front()?;
        self.bytes -= packet.encoded.size();
        Some(packet)
    }

    /// Forgets the one with this number.
    pub fn remove(&mut self, ack: u64) {
        if let Some(place) = self.packets.iter().position(|packet| packet.ack == Some(ack))
            && let Some(packet) = self.packets.remove(place)
        {
            self.bytes -= packet.encoded.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Data;

    fn packet(ack: u64, size: usize) -> Buffered {
        Buffered {
            encoded: Encoded { first: Data::Text("x".repeat(size).into()), attachments: Vec::new() },
            ack: Some(ack),
        }
    }

    /// Pushes packets of 10 bytes into a buffer for three of them; which ones are kept, dropped, refused.
    fn outcome(policy: OfflinePolicy) -> (Vec<u64>, Vec<u64>, usize) {
        let mut offline = Offline::default();
        let (mut dropped, mut refused) = (Vec::new(), 0);
        for ack in 0..5 {
            match offline.push(packet(ack, 10), policy, 3, 1000) {
                Pushed::Kept(gone) => dropped.extend(gone.into_iter().filter_map(|packet| packet.ack)),
                Pushed::Dropped => dropped.push(ack),
                Pushed::Refused => refused += 1,
            }
        }
        let kept = std::iter::from_fn(|| offline.pop()).filter_map(|packet| packet.ack).collect();
        assert_eq!(offline.bytes, 0);
        (kept, dropped, refused)
    }

    #[test]
    fn a_full_buffer_does_what_the_policy_says() {
        assert_eq!(outcome(OfflinePolicy::Keep), (vec![0, 1, 2], vec![], 2));
        assert_eq!(outcome(OfflinePolicy::DropOldest), (vec![2, 3, 4], vec![0, 1], 0));
        assert_eq!(outcome(OfflinePolicy::DropNewest), (vec![0, 1, 2], vec![3, 4], 0));
        assert_eq!(outcome(OfflinePolicy::Off), (vec![], vec![], 5));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut offline = Offline::default();
        assert!(matches!(offline.push(packet(0, 60), OfflinePolicy::DropOldest, 9, 100), Pushed::Kept(_)));
        assert!(matches!(offline.push(packet(1, 101), OfflinePolicy::DropOldest, 9, 100), Pushed::Dropped));
        assert_eq!(offline.len(), 1, "what can never fit drives nothing out");
        assert!(
            matches!(offline.push(packet(2, 50), OfflinePolicy::DropOldest, 9, 100), Pushed::Kept(gone) if gone.len() == 1)
        );
        offline.remove(2);
        assert!(offline.is_empty());
        assert_eq!(offline.bytes, 0);
    }
}
