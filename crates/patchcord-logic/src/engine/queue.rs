//! What has happened and was not looked at yet, in order, bounded in number and in bytes.
//!
//! A graph keeps up with what comes unless a debugger holds it or its branches are long; then what waits must not fill
//! the memory. What carries nothing (a time-out that is due) is refused by number alone, so that large messages cannot
//! push it out.

use std::collections::VecDeque;

use super::frames::FrameId;
use crate::ports::Occurrence;

/// Occurrences that may wait.
pub const MAX_QUEUE: usize = 10_000;
/// Bytes that all of them may carry. One may carry more than that when it is the only one that carries any.
pub const MAX_QUEUE_BYTES: usize = 64 << 20;

/// Something that has happened.
pub(super) struct Waiting {
    pub occurrence: Occurrence,
    /// The node that it is for; else all that listen.
    pub to: Option<(FrameId, u32)>,
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether something that carries nothing finds room.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < MAX_QUEUE
    }

    /// Puts something at the end; false when there is no room for it.
    pub(super) fn push(&mut self, waiting: Waiting) -> bool {
        let bytes = waiting.occurrence.bytes();
        let is_too_much = bytes > 0 && self.bytes > 0 && self.bytes.saturating_add(bytes) > MAX_QUEUE_BYTES;
        if !self.has_room() || is_too_much {
            return false;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.waiting.push_back(waiting);
        true
    }

    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(waiting.occurrence.bytes());
        Some(waiting)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter()
    }

    /// Keeps what `renew` makes of each.
    pub(super) fn renew(&mut self, renew: impl FnMut(Waiting) -> Option<Waiting>) {
        self.waiting = std::mem::take(&mut self.waiting).into_iter().filter_map(renew).collect();
        self.bytes = self.waiting.iter().map(|waiting| waiting.occurrence.bytes()).fold(0, usize::saturating_add);
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::ports::{ConnectionEvent, Payload};

    fn message(bytes: usize) -> Waiting {
        let event = ConnectionEvent::Message(Payload::Binary(Rc::from(vec![0; bytes])));
        Waiting { occurrence: Occurrence::Connection { connection: 0, event }, to: None }
    }

    fn due() -> Waiting {
        Waiting { occurrence: Occurrence::Due { instance: 1 }, to: None }
    }

    #[test]
    fn what_waits_is_bounded_in_bytes() {
        let mut queue = Queue::default();
        let half = MAX_QUEUE_BYTES / 2;
        assert!(queue.push(message(half)) && queue.push(message(half)));
        assert!(!queue.push(message(1)) && queue.push(due()));
        assert!(queue.pop().is_some() && queue.push(message(1)));
        while queue.pop().is_some() {}
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn one_alone_may_be_of_any_size() {
        let mut queue = Queue::default();
        assert!(queue.push(due()) && queue.push(message(MAX_QUEUE_BYTES + 1)));
        assert!(!queue.push(message(1)) && queue.push(due()));
    }

    #[test]
    fn what_waits_is_bounded_in_number() {
        let mut queue = Queue::default();
        assert!((0..MAX_QUEUE).all(|_| queue.push(due())));
        assert!(!queue.has_room() && !queue.push(due()));
    }

    #[test]
    fn what_is_renewed_is_counted_anew() {
        let mut queue = Queue::default();
        assert!(queue.push(message(1000)) && queue.push(message(10)) && queue.push(due()));
        queue.renew(|waiting| (waiting.occurrence.bytes() < 1000).then_some(waiting));
        assert_eq!((queue.bytes, queue.iter().count()), (10, 2));
    }
}
