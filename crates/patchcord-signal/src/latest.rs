//! Cells that hold the latest value: whoever reads the sockets stores, the performance thread takes.
//!
//! Three slots of atomic words: the writer owns one, the reader owns one, and the third is handed over with a single
//! exchange, in either direction. Both sides are wait-free whatever the other one does, a value is never torn, and
//! all memory is taken when the cell is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::layout::Layout;

/// Set beside the index of the slot in the middle when the writer put it there.
const FRESH: u8 = 4;
/// Bytes of a word.
const WORD: usize = 8;

/// A cell for values of numbers.
///
/// # Panics
///
/// With a layout of text, whose cell is made by [`latest_text`].
pub fn latest(layout: &Layout) -> (LatestWriter, LatestReader) {
    let size = layout.payload_len().expect("text has a cell of its own");
    let (writer, reader) = slots(size);
    (LatestWriter { slots: writer, size }, LatestReader { slots: reader, size })
}

/// A cell for texts, or arrays of them ([`strings`](crate::strings)), of up to `limit` bytes.
pub fn latest_text(limit: usize) -> (TextWriter, TextReader) {
    let (writer, reader) = slots(limit);
    (TextWriter { slots: writer, limit }, TextReader { slots: reader, limit })
}

fn slots(bytes: usize) -> (SlotWriter, SlotReader) {
    let slot = || Slot { length: AtomicU64::new(0), words: (0..bytes.div_ceil(WORD)).map(|_| 0.into()).collect() };
    let cell = Arc::new(Cell { slots: [slot(), slot(), slot()], middle: AtomicU8::new(1) });
    (SlotWriter { cell: Arc::clone(&cell), own: 0 }, SlotReader { cell, own: 2 })
}

#[derive(Debug)]
struct Cell {
    slots: [Slot; 3],
    /// Index of the slot that neither side owns, with [`FRESH`].
    middle: AtomicU8,
}

/// Its content is handed over by the exchange of `middle`; the words themselves need no order.
#[derive(Debug)]
struct Slot {
    length: AtomicU64,
    words: Box<[AtomicU64]>,
}

#[derive(Debug)]
struct SlotWriter {
    cell: Arc<Cell>,
    own: u8,
}

impl SlotWriter {
    fn store(&mut self, payload: &[u8]) {
        let slot = &self.cell.slots[usize::from(self.own)];
        slot.length.store(payload.len() as u64, Ordering::Relaxed);
        let (whole, rest) = payload.as_chunks::<WORD>();
        let mut last = [0; WORD];
        last[..rest.len()].copy_from_slice(rest);
        for (word, bytes) in slot.words.iter().zip(whole.iter().chain([&last])) {
            word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
        }
        let middle = self.cell.middle.swap(self.own | FRESH, Ordering::AcqRel);
        self.own = middle & !FRESH;
    }
}

#[derive(Debug)]
struct SlotReader {
    cell: Arc<Cell>,
    own: u8,
}

impl SlotReader {
    /// Whether [`take`](Self::take) would find something.
    #[inline]
    fn is_fresh(&self) -> bool {
        self.cell.middle.load(Ordering::Relaxed) & FRESH != 0
    }

    /// Copies the value to `out`, which is as large as the cell, and returns its bytes; `None` when nothing was stored
    /// since the last time.
    #[inline]
    fn take(&mut self, out: &mut [u8]) -> Option<usize> {
        if !self.is_fresh() {
            return None;
        }
        let middle = self.cell.middle.swap(self.own, Ordering::AcqRel);
        self.own = middle & !FRESH;
        let slot = &self.cell.slots[usize::from(self.own)];
        let length = usize::try_from(slot.length.load(Ordering::Relaxed)).unwrap_or(out.len());
        let (whole, rest) = out[..length].as_chunks_mut::<WORD>();
        for (bytes, word) in whole.iter_mut().zip(&slot.words) {
            *bytes = word.load(Ordering::Relaxed).to_le_bytes();
        }
        if let Some(word) = slot.words.get(whole.len()) {
            rest.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes()[..rest.len()]);
        }
        Some(length)
    }
}

/// Stores the latest value of numbers.
#[derive(Debug)]
pub struct LatestWriter {
    slots: SlotWriter,
    size: usize,
}

impl LatestWriter {
    /// Stores a value, which replaces one that was not taken. `false`: it has another size than the layout, and nothing is
    /// stored.
    pub fn store(&mut self, payload: &[u8]) -> bool {
        let fits = payload.len() == self.size;
        if fits {
            self.slots.store(payload);
        }
        fits
    }
}

/// Takes the latest value of numbers. Nothing in it allocates, locks or calls the system.
#[derive(Debug)]
pub struct LatestReader {
    slots: SlotReader,
    size: usize,
}

impl LatestReader {
    /// Copies the latest value to the begin of `out`. `false`: nothing was stored since the last time, and `out` is as it was.
    ///
    /// # Panics
    ///
    /// When `out` is smaller than a value.
    #[inline]
    pub fn take(&mut self, out: &mut [u8]) -> bool {
        self.slots.take(&mut out[..self.size]).is_some()
    }
}

/// Stores the latest text.
#[derive(Debug)]
pub struct TextWriter {
    slots: SlotWriter,
    limit: usize,
}

impl TextWriter {
    /// Stores a text, which replaces one that was not taken. `false`: it is longer than the limit, and nothing is stored.
    pub fn store(&mut self, text: &[u8]) -> bool {
        let fits = text.len() <= self.limit;
        if fits {
            self.slots.store(text);
        }
        fits
    }
}

/// Takes the latest text. Nothing in it allocates, locks or calls the system.
#[derive(Debug)]
pub struct TextReader {
    slots: SlotReader,
    limit: usize,
}

impl TextReader {
    /// Bytes of the longest text.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Copies the latest text to the begin of `out` and returns its bytes. `None`: nothing was stored since the last time, and
    /// `out` is as it was.
    ///
    /// # Panics
    ///
    /// When `out` is smaller than [`limit`](Self::limit).
    #[inline]
    pub fn take(&mut self, out: &mut [u8]) -> Option<usize> {
        self.slots.take(&mut out[..self.limit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{FloatSize, Kind, LayoutError};

    #[test]
    fn the_last_value_wins_and_is_taken_once() -> Result<(), LayoutError> {
        let (mut writer, mut reader) = latest(&Layout::new(Kind::Control, FloatSize::F32, 1, &[3])?);
        let mut out = [9; 12];
        assert!(!reader.take(&mut out));
        assert_eq!(out, [9; 12]);
        for value in 1..=10 {
            assert!(writer.store(&[value; 12]));
        }
        assert!(reader.take(&mut out));
        assert_eq!(out, [10; 12]);
        assert!(!reader.take(&mut out));
        assert!(!writer.store(&[0; 11]) && !writer.store(&[0; 13]));
        assert!(!reader.take(&mut out));
        Ok(())
    }

    #[test]
    fn texts_keep_their_length() {
        let (mut writer, mut reader) = latest_text(20);
        let mut out = [0; 20];
        for text in ["", "short", "eight by", "twenty bytes of text"] {
            assert!(writer.store(text.as_bytes()));
            let length = reader.take(&mut out);
            assert_eq!(length.map(|length| &out[..length]), Some(text.as_bytes()));
            assert_eq!(reader.take(&mut out), None);
        }
        assert!(!writer.store(&[b'x'; 21]));
        assert_eq!(reader.take(&mut out), None);
    }
}
