//! The events of this end whose answers are waited for.
//!
//! Numbers begin at 0 for each namespace, grow, and are never used again. Deadlines are kept in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::event::RequestId;

/// Something that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending {
    /// How the caller knows it.
    pub request: RequestId,
    /// It has not been sent yet, so a lost connection does not make it fail.
    pub buffered: bool,
    deadline: Option<Instant>,
}

/// What waits for answers in one namespace.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    next: u64,
    pending: BTreeMap<u64, Pending>,
    deadlines: BTreeSet<(Instant, u64)>,
}

impl Acks {
    /// How many are waited for.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// The number that the next event will have.
    pub fn next_id(&self) -> u64 {
        self.next
    }

    /// Waits for the answer to the event with the number [`Acks::next_id`].
    pub fn register(&mut self, request: RequestId, deadline: Option<Instant>, buffered: bool) {
        let id = self.next;
        self.next += 1;
        self.pending.insert(id, Pending { request, buffered, deadline });
        self.deadlines.extend(deadline.map(|deadline| (deadline, id)));
    }

    /// The event with this number was sent.
    pub fn sent(&mut self, id: u64) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.buffered = false;
        }
    }

    /// Waits no more, because an answer came; to nothing that was not sent.
    pub fn take_answered(&mut self, id: u64) -> Option<Pending> {
        if self.pending.get(&id)?.buffered { None } else { self.take(id) }
    }

    /// Waits no more, because the event was dropped.
    pub fn take(&mut self, id: u64) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        if let Some(deadline) = pending.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        Some(pending)
    }

    /// Waits no more for an event whose deadline has come.
    pub fn take_expired(&mut self, now: Instant) -> Option<(u64, Pending)> {
        let (_, id) = *self.deadlines.first().filter(|(deadline, _)| *deadline <= now)?;
        self.take(id).map(|pending| (id, pending))
    }

    /// Waits no more for what was sent, in the order in which it was.
    pub fn take_sent(&mut self) -> Vec<RequestId> {
        let sent: Vec<u64> = self.pending.iter().filter(|(_, pending)| !pending.buffered).map(|(id, _)| *id).collect();
        sent.into_iter().filter_map(|id| self.take(id)).map(|pending| pending.request).collect()
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_grow_and_are_answered_once() {
        let mut acks = Acks::default();
        for number in 0..3 {
            assert_eq!(acks.next_id(), number);
            acks.register(RequestId(number + 100), None, false);
        }
        assert_eq!(acks.take(1).map(|pending| pending.request), Some(RequestId(101)));
        assert_eq!(acks.take(1), None);
        assert_eq!(acks.next_id(), 3);
        assert_eq!(acks.len(), 2);
    }

    #[test]
    fn deadlines_come_in_their_order() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut acks = Acks::default();
        acks.register(RequestId(0), Some(at(3)), false);
        acks.register(RequestId(1), Some(at(1)), false);
        acks.register(RequestId(2), None, false);
        acks.register(RequestId(3), Some(at(1)), false);
        assert_eq!(acks.deadline(), Some(at(1)));
        assert_eq!(acks.take_expired(now), None);
        acks.take(1);
        assert_eq!(acks.take_expired(at(2)).map(|(id, _)| id), Some(3));
        assert_eq!(acks.take_expired(at(2)), None);
        assert_eq!(acks.deadline(), Some(at(3)));
    }

    #[test]
    fn what_was_not_sent_survives_a_lost_connection() {
        let mut acks = Acks::default();
        acks.register(RequestId(0), None, false);
        acks.register(RequestId(1), None, true);
        acks.register(RequestId(2), None, true);
        acks.sent(2);
        assert_eq!(acks.take_answered(1), None);
        assert_eq!(acks.take_sent(), [RequestId(0), RequestId(2)]);
        assert_eq!(acks.len(), 1);
    }
}
