//! Text that arrives in pieces: validated once, as early as an impossible byte can be known.
//!
//! A piece may end inside a code point. Up to three bytes of it wait here until the rest comes; everything before is
//! validated as a block and appended to a `String`, so that nothing has to be looked at again when the message is
//! complete. RFC 6455 §8.1 lets a receiver wait until the end; failing at the first impossible byte, even inside a
//! frame that is still arriving, costs nothing more and spares both sides the rest of the message.

use crate::error::ProtocolError;
use crate::receiver::reserve_for;

/// The text of a message in progress.
#[derive(Debug, Default)]
pub(crate) struct TextAssembly {
    text: String,
    /// The first bytes of a code point that a piece ended in; a possible beginning, never an impossible one.
    tail: [u8; 4],
    tail_len: u8,
}

impl TextAssembly {
    /// Appends `piece`; at most `may_come` bytes of the message are still to come, the piece included.
    pub(crate) fn append(&mut self, mut piece: &[u8], may_come: u64) -> Result<(), ProtocolError> {
        let mut may_come = may_come.saturating_add(u64::from(self.tail_len));
        while self.tail_len > 0 {
            let Some((&byte, rest)) = piece.split_first() else { return Ok(()) };
            piece = rest;
            self.tail[usize::from(self.tail_len)] = byte;
            self.tail_len += 1;
            if let Some(code_point) = code_point(&self.tail[..usize::from(self.tail_len)])? {
                self.tail_len = 0;
                push(&mut self.text, code_point, may_come);
                may_come = may_come.saturating_sub(code_point.len() as u64);
            }
        }
        let (complete, tail) = split_unfinished(piece);
        let complete = simdutf8::basic::from_utf8(complete).map_err(|_| ProtocolError::InvalidUtf8)?;
        push(&mut self.text, complete, may_come);
        if !tail.is_empty() {
            // By its lead byte the code point is unfinished; whether it can still become one is checked here.
            code_point(tail)?;
            self.tail[..tail.len()].copy_from_slice(tail);
            self.tail_len = tail.len() as u8;
        }
        Ok(())
    }

    /// Checks that the message does not end inside a code point, once its last fragment is in.
    pub(crate) fn finish(&self) -> Result<(), ProtocolError> {
        if self.tail_len > 0 { Err(ProtocolError::InvalidUtf8) } else { Ok(()) }
    }

    /// The complete code points so far.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Forgets the text; keeps its memory only up to `kept` bytes.
    pub(crate) fn clear(&mut self, kept: usize) {
        self.tail_len = 0;
        if self.text.capacity() > kept {
            self.text = String::new();
        } else {
            self.text.clear();
        }
    }

    /// Bytes of memory held.
    pub(crate) fn capacity(&self) -> usize {
        self.text.capacity()
    }
}

/// The code point that `bytes` (at most four) are; `None` while they are the possible beginning of one.
fn code_point(bytes: &[u8]) -> Result<Option<&str>, ProtocolError> {
    match std::str::from_utf8(bytes) {
        Ok(code_point) => Ok(Some(code_point)),
        Err(error) if error.error_len().is_none() => Ok(None),
        Err(_) => Err(ProtocolError::InvalidUtf8),
    }
}

fn push(text: &mut String, more: &str, may_come: u64) {
    text.reserve_exact(reserve_for(text.len(), text.capacity(), more.len(), may_come));
    text.push_str(more);
}

/// Splits off a last code point of which bytes are missing, judged by its lead byte alone.
fn split_unfinished(bytes: &[u8]) -> (&[u8], &[u8]) {
    for back in 1..=bytes.len().min(3) {
        let at = bytes.len() - back;
        let needed = match bytes[at] {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xff => 4,
            _ => 1,
        };
        return if needed > back { bytes.split_at(at) } else { (bytes, &[]) };
    }
    (bytes, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` in pieces of `size`; the number of bytes fed when it failed, or the text.
    fn feed(bytes: &[u8], size: usize) -> Result<String, usize> {
        let mut assembly = TextAssembly::default();
        let mut fed = 0;
        for piece in bytes.chunks(size) {
            fed += piece.len();
            assembly.append(piece, piece.len() as u64).map_err(|_| fed)?;
        }
        assembly.finish().map(|()| assembly.as_str().to_owned()).map_err(|_| fed)
    }

    #[test]
    fn code_points_may_be_split_anywhere() {
        let text = "aé€😀 κόσμε \u{0} \u{7f} \u{80} \u{7ff} \u{800} \u{ffff} \u{10000} \u{10ffff}".repeat(9);
        for size in 1..=80 {
            assert_eq!(feed(text.as_bytes(), size), Ok(text.clone()), "pieces of {size}");
        }
    }

    #[test]
    fn fails_at_the_first_impossible_byte() {
        // Over-long forms, surrogates, beyond U+10FFFF, stray continuation, bytes that never occur.
        for (bytes, at) in [
            (&b"\xc0\xaf"[..], 1),
            (b"\xc1\xbf", 1),
            (b"\xe0\x80\xaf", 2),
            (b"\xed\xa0\x80", 2),
            (b"\xf0\x80\x80\xaf", 2),
            (b"\xf4\x90\x80\x80", 2),
            (b"\xf5\x80", 1),
            (b"\xff", 1),
            (b"a\x80", 2),
            (b"\xe2\x82a", 3),
            ("κόσμε\u{0}".as_bytes(), 0),
        ] {
            let expected = if at == 0 { Ok(String::from_utf8_lossy(bytes).into_owned()) } else { Err(at) };
            assert_eq!(feed(bytes, 1), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn an_impossible_beginning_at_the_end_of_a_piece_fails_with_that_piece() {
        assert_eq!(feed(b"abc\xed\xa0", 5), Err(5));
        assert_eq!(feed(b"abc\xf4\x90", 5), Err(5));
        assert_eq!(feed(b"abc\xc0", 4), Err(4));
    }

    #[test]
    fn a_message_that_ends_inside_a_code_point_is_refused() {
        let mut assembly = TextAssembly::default();
        assert_eq!(assembly.append(b"caf\xc3", 4), Ok(()));
        assert_eq!(assembly.finish(), Err(ProtocolError::InvalidUtf8));
    }

    #[test]
    fn clearing_forgets_a_tail_and_keeps_only_small_memory() {
        let mut assembly = TextAssembly::default();
        assert_eq!(assembly.append(&[b'x'; 5000], 5000), Ok(()));
        assert_eq!(assembly.append(b"\xe2\x82", 2), Ok(()));
        assembly.clear(1024);
        assert_eq!((assembly.finish(), assembly.as_str(), assembly.capacity()), (Ok(()), "", 0));
    }
}
