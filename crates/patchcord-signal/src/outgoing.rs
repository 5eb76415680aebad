//! The ring of an outgoing signal: the performance thread publishes values, whoever serves the sockets takes them out, in
//! order.
//!
//! One writer and one reader, wait-free, with all memory taken when the ring is made. A full ring drops the newest value
//! and counts it. A signal that nobody listens to is not written at all, except for [kept](crate::Kind::is_kept) kinds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::counters::{Count, Counters};
use crate::layout::Layout;

/// Fewest values that a ring holds, whatever the time (two, when a value is larger than half of [`MAX_RING`]).
pub const MIN_VALUES: usize = 64;
/// Most bytes of a ring, unless two values take more.
pub const MAX_RING: usize = 4 << 20;

/// Bytes before a text that say how long it is.
const TEXT_HEADER: usize = 4;

/// The number of values for [`outgoing`] that covers `time` with a value every `period`, within [`MIN_VALUES`] and
/// [`MAX_RING`].
pub fn values_in(layout: &Layout, time: Duration, period: Duration) -> usize {
    let values = time.as_nanos().div_ceil(period.as_nanos().max(1));
    let most = MAX_RING / layout.payload_len().unwrap_or(1).max(1);
    usize::try_from(values).unwrap_or(usize::MAX).max(MIN_VALUES).min(most).max(2)
}

/// A ring for `values` values of numbers. What is dropped is counted in `counters`.
///
/// # Panics
///
/// With a layout of text, whose ring is made by [`outgoing_text`].
pub fn outgoing(layout: &Layout, values: usize, counters: &Arc<Counters>) -> (OutgoingWriter, OutgoingReader) {
    let payload = layout.payload_len().expect("text has a ring of its own");
    ring(Some(payload), payload * values.max(1), layout.kind().is_kept(), counters)
}

/// A ring for texts, or arrays of them ([`strings`](crate::strings)), of up to `limit` bytes; two of the longest fit.
pub fn outgoing_text(limit: usize, counters: &Arc<Counters>) -> (OutgoingWriter, OutgoingReader) {
    ring(None, 2 * (TEXT_HEADER + limit), true, counters)
}

fn ring(
    payload: Option<usize>,
    bytes: usize,
    kept: bool,
    counters: &Arc<Counters>,
) -> (OutgoingWriter, OutgoingReader) {
    let (producer, consumer) = RingBuffer::new(bytes);
    let listeners = Arc::new(AtomicU32::new(0));
    let counters = Arc::clone(counters);
    let writer = OutgoingWriter { ring: producer, payload, kept, listeners: Arc::clone(&listeners), counters };
    (writer, OutgoingReader { ring: consumer, payload, kept, listeners })
}

/// The performance thread's end. Nothing in it allocates, locks or calls the system.
#[derive(Debug)]
pub struct OutgoingWriter {
    ring: Producer<u8>,
    /// Bytes of a value, `None` for text.
    payload: Option<usize>,
    kept: bool,
    listeners: Arc<AtomicU32>,
    counters: Arc<Counters>,
}

impl OutgoingWriter {
    /// Bytes of the longest value: the limit of text, the size of a value of numbers.
    pub fn largest(&self) -> usize {
        self.payload.unwrap_or_else(|| self.ring.buffer().capacity() / 2 - TEXT_HEADER)
    }

    /// Whether a value that is published now is wanted: somebody listens, or the kind is kept for those who will.
    #[inline]
    pub fn has_listeners(&self) -> bool {
        self.kept || self.listeners.load(Relaxed) > 0
    }

    /// Appends a value, and says whether the reader has something new to take. `false`: nobody listens, or the ring is full
    /// (the value is dropped and counted).
    ///
    /// A text that found the ring full is not counted: it has to be published again at the next cycle, since it may be the
    /// last one for long.
    ///
    /// # Panics
    ///
    /// When a value of numbers has another size than its layout.
    #[inline]
    pub fn publish(&mut self, payload: &[u8]) -> bool {
        if !self.has_listeners() {
            return false;
        }
        match self.payload {
            Some(size) => {
                assert_eq!(payload.len(), size, "a value has the size of its layout");
                let queued = self.ring.push_entire_slice(payload).is_ok();
                if !queued {
                    self.counters.add(Count::Dropped, 1);
                }
                queued
            }
            None => self.publish_text(payload),
        }
    }

    fn publish_text(&mut self, text: &[u8]) -> bool {
        let Ok(length) = u32::try_from(text.len()) else { return false };
        let Ok(mut chunk) = self.ring.write_chunk(TEXT_HEADER + text.len()) else { return false };
        let (first, second) = chunk.as_mut_slices();
        let bytes = length.to_le_bytes();
        let record = bytes.iter().chain(text);
        first.iter_mut().chain(second).zip(record).for_each(|(slot, byte)| *slot = *byte);
        chunk.commit_all();
        true
    }
}

/// The end of whoever serves the sockets.
#[derive(Debug)]
pub struct OutgoingReader {
    ring: Consumer<u8>,
    payload: Option<usize>,
    kept: bool,
    listeners: Arc<AtomicU32>,
}

impl OutgoingReader {
    /// Appends the oldest value to `out` and returns its bytes, `None` when the ring is empty.
    #[inline]
    pub fn pop(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let (header, length) = self.next_record()?;
        let chunk = self.ring.read_chunk(header + length).ok()?;
        let (first, second) = chunk.as_slices();
        let skipped = header.min(first.len());
        out.extend_from_slice(&first[skipped..]);
        out.extend_from_slice(&second[header - skipped..]);
        chunk.commit_all();
        Some(length)
    }

    /// Whether a value can be taken.
    pub fn is_empty(&mut self) -> bool {
        self.next_record().is_none()
    }

    /// Throws away what waits, for who begins to listen live.
    pub fn clear(&mut self) {
        while let Ok(chunk) = self.ring.read_chunk(self.ring.slots()) {
            if chunk.is_empty() {
                break;
            }
            chunk.commit_all();
        }
    }

    /// Says how many listen. With the first one the ring is cleared, so that its stream begins live; the ring of a kept
    /// kind is not.
    pub fn set_listeners(&mut self, number: u32) {
        if !self.kept && number > 0 && self.listeners.load(Relaxed) == 0 {
            self.clear();
        }
        self.listeners.store(number, Relaxed);
    }

    /// Whether the writer is gone; what it has published before can still be taken.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }

    /// Bytes of header and value at the front.
    #[inline]
    fn next_record(&mut self) -> Option<(usize, usize)> {
        if let Some(length) = self.payload {
            return (self.ring.slots() >= length).then_some((0, length));
        }
        let chunk = self.ring.read_chunk(TEXT_HEADER).ok()?;
        let (first, second) = chunk.as_slices();
        let mut header = [0; TEXT_HEADER];
        header.iter_mut().zip(first.iter().chain(second)).for_each(|(slot, byte)| *slot = *byte);
        Some((TEXT_HEADER, u32::from_le_bytes(header) as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{FloatSize, Kind, LayoutError};

    fn ring_of(kind: Kind, values: usize) -> Result<(OutgoingWriter, OutgoingReader, Arc<Counters>), LayoutError> {
        let counters = Counters::new();
        let (writer, reader) = outgoing(&Layout::new(kind, FloatSize::F64, 1, &[])?, values, &counters);
        Ok((writer, reader, counters))
    }

    fn all(reader: &mut OutgoingReader) -> Vec<u8> {
        let mut out = Vec::new();
        while reader.pop(&mut out).is_some() {}
        out
    }

    #[test]
    fn values_leave_in_order_and_the_newest_is_dropped_when_it_is_full() -> Result<(), LayoutError> {
        let (mut writer, mut reader, counters) = ring_of(Kind::Control, 3)?;
        reader.set_listeners(1);
        assert!(reader.is_empty());
        for value in 1..=4 {
            assert_eq!(writer.publish(&[value; 8]), value <= 3);
        }
        assert_eq!(counters.read(Count::Dropped), 1);
        assert!(!reader.is_empty());
        assert_eq!(all(&mut reader), [[1; 8], [2; 8], [3; 8]].concat());
        assert!(writer.publish(&[5; 8]));
        drop(writer);
        assert!(reader.is_abandoned());
        assert_eq!(all(&mut reader), [5; 8]);
        Ok(())
    }

    #[test]
    fn nothing_is_written_while_nobody_listens_and_a_stream_begins_live() -> Result<(), LayoutError> {
        let (mut writer, mut reader, counters) = ring_of(Kind::Control, 3)?;
        assert!(!writer.has_listeners() && !writer.publish(&[1; 8]));
        reader.set_listeners(1);
        assert!(writer.has_listeners() && writer.publish(&[2; 8]));
        reader.set_listeners(0);
        assert!(!writer.publish(&[3; 8]));
        reader.set_listeners(2);
        assert!(reader.is_empty(), "the value of the last time is gone");
        assert!(writer.publish(&[4; 8]));
        reader.set_listeners(1);
        assert_eq!(all(&mut reader), [4; 8]);
        assert_eq!(counters.read(Count::Dropped), 0);
        Ok(())
    }

    #[test]
    fn what_is_kept_is_written_without_listeners() -> Result<(), LayoutError> {
        let (mut writer, mut reader, _) = ring_of(Kind::Init, 3)?;
        assert!(writer.publish(&[1; 8]));
        reader.set_listeners(1);
        assert_eq!(all(&mut reader), [1; 8]);
        Ok(())
    }

    #[test]
    fn texts_of_any_length_go_round_the_end_of_the_ring() {
        let counters = Counters::new();
        let (mut writer, mut reader) = outgoing_text(10, &counters);
        for round in 0..50 {
            let (one, two) = (vec![b'a'; round % 11], vec![b'b'; (round * 7) % 11]);
            assert!(writer.publish(&one) && writer.publish(&two));
            let mut out = Vec::new();
            assert_eq!(reader.pop(&mut out), Some(one.len()));
            assert_eq!(reader.pop(&mut out), Some(two.len()));
            assert_eq!(reader.pop(&mut out), None);
            assert_eq!(out, [one, two].concat());
        }
        assert!(writer.publish(&[b'x'; 10]) && writer.publish(&[b'x'; 10]));
        assert!(!writer.publish(b"y"), "it has to be tried again");
        assert_eq!(counters.read(Count::Dropped), 0);
    }

    #[test]
    fn a_ring_is_sized_in_time_within_bounds() -> Result<(), LayoutError> {
        let audio = Layout::new(Kind::Audio, FloatSize::F64, 64, &[])?;
        let period = Duration::from_secs_f64(64.0 / 48_000.0);
        let second = Duration::from_secs(1);
        assert_eq!(values_in(&audio, second, period), 751, "rounded up, the period is in nanoseconds");
        assert_eq!(values_in(&audio, Duration::ZERO, period), MIN_VALUES);
        assert_eq!(values_in(&audio, second * 3600, period), MAX_RING / 512);
        assert_eq!(values_in(&audio, second, Duration::ZERO), MAX_RING / 512);
        let large = Layout::new(Kind::Audio, FloatSize::F64, 64, &[10_000])?;
        assert_eq!(values_in(&large, second, period), 2);
        Ok(())
    }
}
