//! Lines for Csound's console, from the service thread to the performance that prints them.
//!
//! A bounded ring per note. Lines that find no room are lost: the console is for people, and the counters count.

use rtrb::{Consumer, Producer, RingBuffer};

/// Longest line in bytes.
pub const MESSAGE: usize = 256;
/// Lines that may wait for one note.
const LINES: usize = 32;

#[derive(Debug, Clone, Copy)]
struct Line {
    length: u16,
    bytes: [u8; MESSAGE],
}

/// Where the thread puts lines.
#[derive(Debug)]
pub(super) struct Writer(Producer<Line>);

/// Where performance finds them.
#[derive(Debug)]
pub(super) struct Reader(Consumer<Line>);

pub(super) fn console() -> (Writer, Reader) {
    let (producer, consumer) = RingBuffer::new(LINES);
    (Writer(producer), Reader(consumer))
}

impl Writer {
    /// Adds a line; what is too long is cut at the end of a character, and control characters, which a peer may have
    /// chosen, become spaces.
    pub(super) fn line(&mut self, text: &str) {
        let text = &text[..text.floor_char_boundary(MESSAGE)];
        let mut line = Line { length: text.len() as u16, bytes: [0; MESSAGE] };
        for (place, byte) in line.bytes.iter_mut().zip(text.bytes()) {
            *place = if byte.is_ascii_control() { b' ' } else { byte };
        }
        let _ = self.0.push(line);
    }
}

impl Reader {
    #[inline]
    pub(super) fn next(&mut self, out: &mut [u8; MESSAGE]) -> Option<usize> {
        let line = self.0.pop().ok()?;
        *out = line.bytes;
        Some(usize::from(line.length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_in_order_and_a_full_ring_loses_the_newest() {
        let (mut writer, mut reader) = console();
        for number in 0..LINES + 3 {
            writer.line(&format!("line\n{number}"));
        }
        let mut out = [0; MESSAGE];
        for number in 0..LINES {
            let length = reader.next(&mut out).unwrap();
            assert_eq!(std::str::from_utf8(&out[..length]).unwrap(), format!("line {number}"));
        }
        assert_eq!(reader.next(&mut out), None);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let (mut writer, mut reader) = console();
        writer.line(&"é".repeat(200));
        writer.line(&format!("a{}", "é".repeat(200)));
        let mut out = [0; MESSAGE];
        assert_eq!(reader.next(&mut out), Some(256));
        assert_eq!(reader.next(&mut out), Some(255));
    }
}
