//! What waits to be written to one end of a stream.
//!
//! Small pieces are put together, large ones that several ends get are shared; so what is kept is hardly more than the bytes
//! that wait, however small the pieces are. An empty outbox owns nothing.

use std::collections::VecDeque;

use bytes::Bytes;

/// Bytes of small pieces that are put together, and that are written at once.
const CHUNK: usize = 64 * 1024;
/// A piece of this size is shared; for a smaller one a copy is cheaper.
const SHARED: usize = 4096;

/// The bytes that wait, in order.
#[derive(Default)]
pub(super) struct Outbox {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that are written.
    written: usize,
    len: usize,
}

enum Chunk {
    Own(Vec<u8>),
    Shared(Bytes),
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        match self {
            Chunk::Own(bytes) => bytes,
            Chunk::Shared(bytes) => bytes,
        }
    }
}

impl Outbox {
    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        match self.chunks.back_mut() {
            Some(Chunk::Own(last)) if last.len() + bytes.len() <= CHUNK => last.extend_from_slice(bytes),
            _ if bytes.is_empty() => {}
            _ => self.chunks.push_back(Chunk::Own(bytes.to_vec())),
        }
    }

    pub(super) fn put_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARED {
            return self.put(bytes);
        }
        self.len += bytes.len();
        self.chunks.push_back(Chunk::Shared(bytes.clone()));
    }

    /// The bytes to write next; empty when nothing waits.
    pub(super) fn next_write(&self) -> &[u8] {
        self.chunks.front().map_or(&[], |chunk| &chunk.bytes()[self.written..])
    }

    /// The socket took so many of them.
    pub(super) fn handle_written(&mut self, count: usize) {
        self.written += count;
        self.len -= count;
        if self.chunks.front().is_some_and(|chunk| chunk.bytes().len() == self.written) {
            self.chunks.pop_front();
            self.written = 0;
        }
        if self.chunks.is_empty() {
            self.chunks = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(outbox: &mut Outbox, step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while !outbox.next_write().is_empty() {
            let part = outbox.next_write()[..step.min(outbox.next_write().len())].to_vec();
            outbox.handle_written(part.len());
            out.extend(part);
        }
        out
    }

    #[test]
    fn order_holds_however_it_is_put_and_written() {
        for step in [1, 3, 5000, usize::MAX] {
            let mut outbox = Outbox::default();
            let large = Bytes::from(vec![2; SHARED]);
            outbox.put(&[1; 10]);
            outbox.put_shared(&large);
            outbox.put(&[]);
            outbox.put(&[3; 10]);
            outbox.put_shared(&Bytes::from_static(&[4; 10]));
            let expected = [vec![1; 10], large.to_vec(), vec![3; 10], vec![4; 10]].concat();
            assert_eq!((outbox.len(), outbox.chunks.len()), (expected.len(), 3));
            assert!(drain(&mut outbox, step) == expected, "in steps of {step}");
            assert_eq!((outbox.len(), outbox.chunks.capacity()), (0, 0));
        }
    }

    #[test]
    fn small_pieces_are_put_together_also_behind_what_is_being_written() {
        let mut outbox = Outbox::default();
        for number in 0..200_000u32 {
            outbox.put(&[number as u8]);
            if number == 10 {
                outbox.handle_written(5);
            }
        }
        assert_eq!((outbox.len(), outbox.chunks.len()), (200_000 - 5, 4));
        assert_eq!(drain(&mut outbox, 777)[..3], [5, 6, 7]);
    }
}
