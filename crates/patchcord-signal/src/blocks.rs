//! A ring of blocks whose writer never waits and never refuses: what the reader has not taken in time is written over, the
//! oldest first.
//!
//! One writer, one reader, atomic words and no lock. Each slot says which block it holds; the reader looks at that before and
//! after it has copied one, so that a block which is written over meanwhile is noticed and not taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Bytes of a word.
const WORD: usize = 8;
/// The number of a slot that is being written. Blocks are counted from 1.
const NONE: u64 = 0;

/// A ring for `capacity` blocks of `size` bytes.
pub(crate) fn blocks(size: usize, capacity: usize) -> (BlockWriter, BlockReader) {
    let atomics = |number: usize| (0..number).map(|_| AtomicU64::new(0)).collect();
    let words = size.div_ceil(WORD);
    let ring = Arc::new(Ring {
        words: atomics(words * capacity),
        numbers: atomics(capacity),
        written: AtomicU64::new(0),
        read: AtomicU64::new(0),
    });
    (BlockWriter { ring: Arc::clone(&ring), size, words }, BlockReader { ring, size, words, read: 0 })
}

#[derive(Debug)]
struct Ring {
    words: Box<[AtomicU64]>,
    /// Of each slot the number of the block in it.
    numbers: Box<[AtomicU64]>,
    /// Number of the newest block.
    written: AtomicU64,
    /// Number of the last block that was taken or skipped.
    read: AtomicU64,
}

impl Ring {
    /// Index of the slot of a block.
    fn slot(&self, number: u64) -> usize {
        (number % self.numbers.len() as u64) as usize
    }

    fn waiting(&self, read: u64) -> u64 {
        self.written.load(Ordering::Acquire).saturating_sub(read)
    }
}

#[derive(Debug)]
pub(crate) struct BlockWriter {
    ring: Arc<Ring>,
    size: usize,
    words: usize,
}

impl BlockWriter {
    /// Bytes of a block.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Appends a block, which has the size of all.
    pub fn push(&mut self, block: &[u8]) {
        self.push_then(block, || {});
    }

    /// With `before_it_is_there` at the one moment of interest to tests.
    fn push_then(&mut self, block: &[u8], before_it_is_there: impl FnOnce()) {
        debug_assert_eq!(block.len(), self.size);
        let number = self.ring.written.load(Ordering::Relaxed) + 1;
        let slot = self.ring.slot(number);
        self.ring.numbers[slot].store(NONE, Ordering::Relaxed);
        // Whoever sees a word of the new block sees that the old one is gone.
        fence(Ordering::Release);
        let (whole, rest) = block.as_chunks::<WORD>();
        let mut last = [0; WORD];
        last[..rest.len()].copy_from_slice(rest);
        let words = &self.ring.words[slot * self.words..][..self.words];
        for (word, bytes) in words.iter().zip(whole.iter().chain([&last])) {
            word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
        }
        before_it_is_there();
        self.ring.numbers[slot].store(number, Ordering::Release);
        self.ring.written.store(number, Ordering::Release);
    }

    /// Blocks that wait, as the other thread has last said.
    pub fn waiting(&self) -> u64 {
        self.ring.waiting(self.ring.read.load(Ordering::Relaxed))
    }
}

#[derive(Debug)]
pub(crate) struct BlockReader {
    ring: Arc<Ring>,
    size: usize,
    words: usize,
    /// Number of the last block that was taken or skipped.
    read: u64,
}

impl BlockReader {
    /// Bytes of a block.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Blocks that wait, those that are written over already included.
    #[inline]
    pub fn waiting(&self) -> u64 {
        self.ring.waiting(self.read)
    }

    /// Lets the oldest blocks go, at most as many as wait.
    pub fn skip(&mut self, blocks: u64) {
        self.read += blocks;
        self.ring.read.store(self.read, Ordering::Relaxed);
    }

    /// Copies the oldest block to `out`, which has the size of a block. `false`: none waits, or it has been written over, and
    /// `out` may hold anything.
    #[inline]
    pub fn take(&mut self, out: &mut [u8]) -> bool {
        self.take_then(out, || {})
    }

    /// With `after_the_copy` at the one moment of interest to tests.
    #[inline]
    fn take_then(&mut self, out: &mut [u8], after_the_copy: impl FnOnce()) -> bool {
        let number = self.read + 1;
        let slot = self.ring.slot(number);
        if self.ring.numbers[slot].load(Ordering::Acquire) != number {
            return false;
        }
        let words = &self.ring.words[slot * self.words..][..self.words];
        let (whole, rest) = out.as_chunks_mut::<WORD>();
        for (bytes, word) in whole.iter_mut().zip(words) {
            *bytes = word.load(Ordering::Relaxed).to_le_bytes();
        }
        if let Some(word) = words.get(whole.len()) {
            rest.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes()[..rest.len()]);
        }
        after_the_copy();
        fence(Ordering::Acquire);
        let is_whole = self.ring.numbers[slot].load(Ordering::Relaxed) == number;
        if is_whole {
            self.skip(1);
        }
        is_whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_leave_in_order_and_the_oldest_are_written_over() {
        let (mut writer, mut reader) = blocks(11, 3);
        let mut out = [0; 11];
        assert!(!reader.take(&mut out));
        for round in 0..10u8 {
            writer.push(&[round; 11]);
            writer.push(&[round + 100; 11]);
            assert_eq!((writer.waiting(), reader.waiting()), (2, 2));
            assert!(reader.take(&mut out) && out == [round; 11]);
            assert!(reader.take(&mut out) && out == [round + 100; 11]);
            assert!(!reader.take(&mut out));
        }
        (1..=5).for_each(|number| writer.push(&[number; 11]));
        assert_eq!(reader.waiting(), 5);
        assert!(!reader.take(&mut out), "it has been written over");
        reader.skip(2);
        for number in 3..=5 {
            assert!(reader.take(&mut out));
            assert_eq!(out, [number; 11]);
        }
        assert_eq!((writer.waiting(), reader.waiting()), (0, 0));
    }

    #[test]
    fn a_block_that_is_written_over_while_it_is_copied_is_not_taken() {
        let (mut writer, mut reader) = blocks(8, 2);
        let mut out = [0; 8];
        writer.push(&[1; 8]);
        writer.push(&[2; 8]);
        assert!(!reader.take_then(&mut out, || writer.push(&[3; 8])), "the next one lies in its place");
        reader.skip(1);
        assert!(reader.take_then(&mut out, || {}) && out == [2; 8]);
        writer.push(&[4; 8]);
        writer.push_then(&[5; 8], || assert!(!reader.take(&mut out), "the next one is being put in its place"));
        reader.skip(1);
        assert!(reader.take(&mut out) && out == [4; 8]);
    }

    #[test]
    fn what_is_taken_is_whole_while_the_writer_goes_round_and_round() {
        const WORDS: usize = if cfg!(miri) { 12 } else { 1000 };
        const BLOCKS: u64 = if cfg!(miri) { 150 } else { 20_000 };
        let (mut writer, mut reader) = blocks(WORDS * WORD, 2);
        let thread = std::thread::spawn(move || {
            for number in 1..=BLOCKS {
                writer.push(&number.to_le_bytes().repeat(WORDS));
                if number % 64 == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let (mut out, mut last) = (vec![0; WORDS * WORD], 0);
        while last < BLOCKS {
            let waiting = reader.waiting();
            if waiting > 1 {
                reader.skip(waiting - 1);
            }
            if reader.take(&mut out) {
                let (words, _) = out.as_chunks::<WORD>();
                assert!(words.iter().all(|word| *word == words[0]), "a torn block");
                let number = u64::from_le_bytes(words[0]);
                assert!(number > last, "in order");
                last = number;
            } else if waiting == 0 {
                std::thread::yield_now();
            }
        }
        thread.join().expect("the writer");
    }
}
