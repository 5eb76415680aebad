//! What waits to be written to one WebSocket peer.
//!
//! While the socket takes everything, frames are encoded one behind another into a buffer that is borrowed from a pool
//! of the thread, so that many answers leave in one write and an idle connection owns no buffer. When the socket stops
//! taking bytes, further messages wait as whole frames in a queue, so that a slow reader's policy can drop whole
//! messages. The sum of both is bounded by a byte budget.

use std::cell::RefCell;
use std::collections::VecDeque;

use bytes::Bytes;

/// Bytes moved from the queue into the buffer for one write.
const WRITE_SIZE: usize = 64 * 1024;
/// Buffers that the pool keeps, and the largest that it takes back.
const POOL_BUFFERS: usize = 32;
const POOL_BUFFER_SIZE: usize = 256 * 1024;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

fn take_buffer() -> Vec<u8> {
    POOL.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(4096))
}

fn give_back(mut buffer: Vec<u8>) {
    if buffer.capacity() == 0 || buffer.capacity() > POOL_BUFFER_SIZE {
        return;
    }
    buffer.clear();
    POOL.with_borrow_mut(|pool| {
        if pool.len() < POOL_BUFFERS {
            pool.push(buffer);
        }
    });
}

/// What happens to a message for a peer that reads too slowly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowReader {
    /// Read no more from that peer while much waits for it; when the budget is full all the same, close with 1013.
    #[default]
    Pause,
    /// Drop the messages that have waited longest.
    DropOldest,
    /// Drop the new message.
    DropNewest,
    /// Keep only the newest message.
    Latest,
    /// Close with 1008.
    Close,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is written or waits to be.
    Queued,
    /// The budget was full; this message was dropped.
    Dropped,
    /// The budget was full; the connection is to be closed.
    Overflow,
    /// The connection is closing.
    Closed,
}

/// A whole frame that waits.
struct Waiting {
    bytes: Bytes,
    is_data: bool,
}

/// The bytes that wait for one peer.
#[derive(Default)]
pub(crate) struct Outbox {
    buffer: Vec<u8>,
    written: usize,
    queue: VecDeque<Waiting>,
    queued: usize,
    blocked: bool,
    /// Nothing is kept, because nobody takes it.
    discards: bool,
    dropped: u64,
}

impl Outbox {
    /// An outbox that takes everything and keeps nothing.
    pub(super) fn nowhere() -> Self {
        // Blocked, so that the way of a socket that takes everything has nothing to ask.
        Outbox { blocked: true, discards: true, ..Outbox::default() }
    }

    /// Bytes that wait.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len() - self.written + self.queued
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.len() == self.written && self.queue.is_empty()
    }

    /// Whether a message of so many bytes that is put in now may wait as a whole, and so may yet be dropped. Compression
    /// can make it a little longer.
    #[inline]
    pub(crate) fn may_drop(&self, size: usize) -> bool {
        self.blocked || size >= WRITE_SIZE / 2
    }

    /// Messages dropped so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether a data message of `size` bytes can be put in without regard to the policy. A peer for which nothing waits is
    /// not slow: it gets one message of any size.
    #[inline]
    pub(crate) fn has_room(&self, size: usize, budget: usize, policy: SlowReader) -> bool {
        let waiting = self.len();
        waiting == 0 || (waiting + size <= budget && !(policy == SlowReader::Latest && self.blocked))
    }

    /// Makes room for a data message of `size` bytes, by the policy. `Queued` means: go on and put it in.
    #[inline]
    pub(crate) fn admit(&mut self, size: usize, budget: usize, policy: SlowReader) -> Sent {
        if self.has_room(size, budget, policy) {
            return Sent::Queued;
        }
        self.admit_when_full(size, budget, policy)
    }

    #[cold]
    fn admit_when_full(&mut self, size: usize, budget: usize, policy: SlowReader) -> Sent {
        match policy {
            SlowReader::Pause | SlowReader::Close => Sent::Overflow,
            SlowReader::DropNewest => {
                self.dropped += 1;
                Sent::Dropped
            }
            // Nothing is given up for a message that cannot fit in any case.
            SlowReader::Latest | SlowReader::DropOldest if size > budget => {
                self.dropped += 1;
                Sent::Dropped
            }
            SlowReader::Latest => {
                self.drop_data(|_| true);
                self.fits_or_drop(size, budget)
            }
            SlowReader::DropOldest => {
                let mut excess = (self.len() + size).saturating_sub(budget);
                self.drop_data(|frame| {
                    let drop = excess > 0;
                    excess = excess.saturating_sub(frame);
                    drop
                });
                self.fits_or_drop(size, budget)
            }
        }
    }

    fn fits_or_drop(&mut self, size: usize, budget: usize) -> Sent {
        if self.len() + size <= budget {
            Sent::Queued
        } else {
            self.dropped += 1;
            Sent::Dropped
        }
    }

    fn drop_data(&mut self, mut doomed: impl FnMut(usize) -> bool) {
        let before = self.queue.len();
        let queued = &mut self.queued;
        self.queue.retain(|frame| {
            let keep = !(frame.is_data && doomed(frame.bytes.len()));
            if !keep {
                *queued -= frame.bytes.len();
            }
            keep
        });
        self.dropped += (before - self.queue.len()) as u64;
    }

    /// Puts a frame in; `encode` appends it to the buffer that it is given.
    #[inline]
    pub(crate) fn put<E>(
        &mut self,
        is_data: bool,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.blocked {
            let mut frame = Vec::new();
            encode(&mut frame)?;
            if self.discards {
                return Ok(());
            }
            self.queued += frame.len();
            self.queue.push_back(Waiting { bytes: frame.into(), is_data });
            return Ok(());
        }
        if self.buffer.capacity() == 0 {
            self.buffer = take_buffer();
        }
        encode(&mut self.buffer)
    }

    /// Puts in a frame whose bytes are shared with other peers.
    pub(crate) fn put_shared(&mut self, bytes: Bytes) {
        if !self.blocked && bytes.len() < WRITE_SIZE {
            // A copy is cheaper than a separate write.
            let _ = self.put(true, |buffer| {
                buffer.extend_from_slice(&bytes);
                Ok::<(), std::convert::Infallible>(())
            });
            return;
        }
        self.blocked = true;
        if self.discards {
            return;
        }
        self.queued += bytes.len();
        self.queue.push_back(Waiting { bytes, is_data: true });
    }

    /// The bytes to write next; empty when nothing waits.
    pub(crate) fn next_write(&mut self) -> &[u8] {
        if self.written == self.buffer.len() {
            self.refill();
        }
        &self.buffer[self.written..]
    }

    /// The socket took so many bytes.
    pub(crate) fn handle_written(&mut self, count: usize) {
        self.written += count;
        if self.written == self.buffer.len() {
            self.refill();
        }
    }

    /// The socket takes nothing at present.
    pub(crate) fn handle_blocked(&mut self) {
        self.blocked = true;
    }

    fn refill(&mut self) {
        self.written = 0;
        self.buffer.clear();
        if self.queue.is_empty() {
            self.blocked = false;
            give_back(std::mem::take(&mut self.buffer));
            if self.queue.capacity() > 0 {
                self.queue = VecDeque::new();
            }
            return;
        }
        if self.buffer.capacity() == 0 {
            self.buffer = take_buffer();
        }
        while let Some(frame) = self.queue.pop_front() {
            self.queued -= frame.bytes.len();
            self.buffer.extend_from_slice(&frame.bytes);
            if self.buffer.len() >= WRITE_SIZE {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(outbox: &mut Outbox, byte: u8, size: usize, budget: usize, policy: SlowReader) -> Sent {
        let sent = outbox.admit(size, budget, policy);
        if sent == Sent::Queued {
            let frame = vec![byte; size];
            outbox
                .put(true, |buffer| {
                    buffer.extend_from_slice(&frame);
                    Ok::<(), ()>(())
                })
                .unwrap();
        }
        sent
    }

    fn drain(outbox: &mut Outbox) -> Vec<u8> {
        let mut out = Vec::new();
        while !outbox.next_write().is_empty() {
            let count = outbox.next_write().len();
            out.extend_from_slice(outbox.next_write());
            outbox.handle_written(count);
        }
        out
    }

    #[test]
    fn an_idle_outbox_owns_nothing() {
        let mut outbox = Outbox::default();
        put(&mut outbox, 1, 100, 1000, SlowReader::Pause);
        assert_eq!(outbox.len(), 100);
        assert_eq!(drain(&mut outbox), vec![1; 100]);
        assert_eq!((outbox.buffer.capacity(), outbox.queue.capacity(), outbox.is_empty()), (0, 0, true));
    }

    #[test]
    fn order_holds_across_a_blocked_socket() {
        let mut outbox = Outbox::default();
        put(&mut outbox, 1, 4, 1000, SlowReader::Pause);
        outbox.handle_written(2);
        outbox.handle_blocked();
        put(&mut outbox, 2, 2, 1000, SlowReader::Pause);
        outbox.put_shared(Bytes::from_static(&[3, 3]));
        assert_eq!(drain(&mut outbox), [1, 1, 2, 2, 3, 3]);
        put(&mut outbox, 4, 1, 1000, SlowReader::Pause);
        assert_eq!(drain(&mut outbox), [4]);
    }

    #[test]
    fn each_policy_keeps_to_the_budget() {
        for (policy, last, left) in [
            (SlowReader::DropNewest, Sent::Dropped, vec![0, 1, 2]),
            (SlowReader::DropOldest, Sent::Queued, vec![0, 2, 3]),
            (SlowReader::Latest, Sent::Queued, vec![0, 3]),
            (SlowReader::Pause, Sent::Overflow, vec![0, 1, 2]),
            (SlowReader::Close, Sent::Overflow, vec![0, 1, 2]),
        ] {
            let mut outbox = Outbox::default();
            put(&mut outbox, 0, 10, 30, policy);
            outbox.handle_blocked();
            put(&mut outbox, 1, 10, 30, policy);
            put(&mut outbox, 2, 10, 30, policy);
            assert_eq!(put(&mut outbox, 3, 10, 30, policy), last, "{policy:?}");
            let mut got = drain(&mut outbox);
            got.dedup();
            assert_eq!(got, left, "{policy:?}");
        }
    }

    #[test]
    fn what_waits_is_not_given_up_for_a_message_that_can_never_fit() {
        for policy in [SlowReader::DropOldest, SlowReader::Latest] {
            let mut outbox = Outbox::default();
            outbox.handle_blocked();
            put(&mut outbox, 1, 10, 30, policy);
            assert_eq!(put(&mut outbox, 2, 31, 30, policy), Sent::Dropped, "{policy:?}");
            assert_eq!(drain(&mut outbox), vec![1; 10], "{policy:?}");
            assert_eq!(outbox.dropped(), 1, "{policy:?}");
        }
    }

    #[test]
    fn a_message_larger_than_the_budget_goes_to_a_peer_for_which_nothing_waits() {
        for policy in [SlowReader::Pause, SlowReader::Close, SlowReader::DropOldest, SlowReader::DropNewest] {
            let mut outbox = Outbox::default();
            assert_eq!(put(&mut outbox, 1, 31, 30, policy), Sent::Queued);
            assert_ne!(put(&mut outbox, 2, 1, 30, policy), Sent::Queued, "{policy:?}");
            assert_eq!(drain(&mut outbox), vec![1; 31]);
        }
    }
}
