//! What clients of `csound.v1` want of Csound itself, from the service thread to the performance that does it.
//!
//! A bounded ring of bytes per note, so that performance copies and never frees. A request is written whole or not at all.

use std::ffi::CStr;

use rtrb::{Consumer, Producer, RingBuffer};

/// Bytes of requests that may wait for a note.
const WAITING: usize = 256 * 1024;
/// Kind, length of the channel's name, length of the value.
const HEADER: usize = 9;

/// Something to do at the start of a k-cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Request<'a> {
    /// Set a software channel to a number.
    Number {
        /// Its name.
        channel: &'a CStr,
        /// The number.
        value: f64,
    },
    /// Set a software channel to a string.
    Text {
        /// Its name.
        channel: &'a CStr,
        /// The string.
        text: &'a CStr,
    },
    /// Make a score event.
    Event(
        /// A line of a score: `i 1 0 1`.
        &'a CStr,
    ),
}

/// Why a request was not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("a zero character cannot stand in a name or a text of Csound")]
    Zero,
    #[error("too many requests wait for Csound; try again later")]
    Full,
}

/// Where the thread puts requests.
#[derive(Debug)]
pub(super) struct Writer(Producer<u8>);

/// Where performance finds them.
#[derive(Debug)]
pub(super) struct Reader {
    ring: Consumer<u8>,
    /// The latest request, as it lay in the ring.
    current: Vec<u8>,
}

/// A ring; one that takes nothing where nothing is allowed.
pub(super) fn requests(is_allowed: bool) -> (Writer, Reader) {
    let capacity = if is_allowed { WAITING } else { 0 };
    let (producer, ring) = RingBuffer::new(capacity);
    (Writer(producer), Reader { ring, current: vec![0; capacity] })
}

impl Writer {
    /// Whether the ring takes requests at all.
    pub(super) fn is_allowed(&self) -> bool {
        self.0.buffer().capacity() > 0
    }

    pub(super) fn number(&mut self, channel: &str, value: f64) -> Result<(), Refused> {
        self.put(b'n', channel, &value.to_le_bytes())
    }

    pub(super) fn text(&mut self, channel: &str, text: &str) -> Result<(), Refused> {
        if text.contains('\0') {
            return Err(Refused::Zero);
        }
        self.put(b't', channel, text.as_bytes())
    }

    pub(super) fn event(&mut self, line: &str) -> Result<(), Refused> {
        self.put(b'e', line, &[])
    }

    fn put(&mut self, kind: u8, name: &str, value: &[u8]) -> Result<(), Refused> {
        if name.contains('\0') {
            return Err(Refused::Zero);
        }
        // Name and value end with a zero each, as Csound has them.
        let lengths = [name.len() + 1, value.len() + 1].map(|length| length as u32);
        let mut header = [kind; HEADER];
        header[1..5].copy_from_slice(&lengths[0].to_le_bytes());
        header[5..9].copy_from_slice(&lengths[1].to_le_bytes());
        let bytes = header.iter().chain(name.as_bytes()).chain(&[0]).chain(value).chain(&[0]);
        let total = HEADER + name.len() + value.len() + 2;
        let chunk = self.0.write_chunk_uninit(total).map_err(|_| Refused::Full)?;
        chunk.fill_from_iter(bytes.copied());
        Ok(())
    }
}

impl Reader {
    #[inline]
    pub(super) fn next(&mut self) -> Option<Request<'_>> {
        if self.ring.is_empty() {
            return None;
        }
        self.take()
    }

    fn take(&mut self) -> Option<Request<'_>> {
        let mut header = [0; HEADER];
        self.copy(&mut header);
        let [kind, lengths @ ..] = header;
        let [a, b, c, d, e, f, g, h] = lengths;
        let name_length = u32::from_le_bytes([a, b, c, d]) as usize;
        let total = name_length + u32::from_le_bytes([e, f, g, h]) as usize;
        let mut current = std::mem::take(&mut self.current);
        self.copy(&mut current[..total]);
        self.current = current;
        let (name, value) = self.current[..total].split_at(name_length);
        let name = CStr::from_bytes_with_nul(name).ok()?;
        Some(match kind {
            b'n' => Request::Number { channel: name, value: f64::from_le_bytes(*value.first_chunk()?) },
            b't' => Request::Text { channel: name, text: CStr::from_bytes_with_nul(value).ok()? },
            _ => Request::Event(name),
        })
    }

    fn copy(&mut self, out: &mut [u8]) {
        let Ok(chunk) = self.ring.read_chunk(out.len()) else { return };
        let (first, second) = chunk.as_slices();
        out[..first.len()].copy_from_slice(first);
        out[first.len()..].copy_from_slice(second);
        chunk.commit_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_as_they_were_made_also_around_the_end_of_the_ring() {
        let (mut writer, mut reader) = requests(true);
        let long = "x".repeat(50_000);
        for _ in 0..20 {
            writer.number("freq", 440.5).unwrap();
            writer.text("name", &long).unwrap();
            writer.event("i 1 0 1").unwrap();
            assert_eq!(reader.next(), Some(Request::Number { channel: c"freq", value: 440.5 }));
            match reader.next() {
                Some(Request::Text { channel, text }) => {
                    assert_eq!((channel, text.to_str().unwrap()), (c"name", long.as_str()));
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(reader.next(), Some(Request::Event(c"i 1 0 1")));
            assert_eq!(reader.next(), None);
        }
    }

    #[test]
    fn a_full_ring_and_zeros_are_refused() {
        let (mut writer, mut reader) = requests(true);
        let long = "x".repeat(100_000);
        assert_eq!(writer.event(&long), Ok(()));
        assert_eq!(writer.event(&long), Ok(()));
        assert_eq!(writer.event(&long), Err(Refused::Full));
        assert!(reader.next().is_some());
        assert_eq!(writer.event(&long), Ok(()));
        assert_eq!(writer.number("a\0b", 1.0), Err(Refused::Zero));
        assert_eq!(writer.text("a", "\0"), Err(Refused::Zero));
    }

    #[test]
    fn nothing_is_taken_where_nothing_is_allowed() {
        let (mut writer, mut reader) = requests(false);
        assert!(!writer.is_allowed());
        assert_eq!(writer.number("a", 1.0), Err(Refused::Full));
        assert_eq!(reader.next(), None);
    }
}
