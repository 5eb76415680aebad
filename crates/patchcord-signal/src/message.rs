//! Values as messages of a WebSocket, and back.
//!
//! Numbers are a binary message of exactly the layout's size. Text is a text message: the string itself, or a JSON array for an
//! array of strings. What comes is taken from text and binary messages alike (reference §4.1).

use std::borrow::Cow;

use crate::layout::{Kind, Layout};
use crate::strings::{self, StringsError};

/// Bytes that JSON may need for one byte of a string.
const ESCAPED: usize = 6;
/// Bytes that JSON needs beside the bytes of one string: quotes, comma and a space.
const QUOTES: usize = 4;

/// Bytes of a message of numbers that are read in any case, although no value has so many: a block of 8,192 samples.
const UNEXPECTED: usize = 64 << 10;

/// A value on its way to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// For a binary frame.
    Binary(&'a [u8]),
    /// For a text frame.
    Text(Cow<'a, str>),
}

impl Message<'_> {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Binary(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
        }
    }
}

/// Why a message is no value of its signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Numbers of another size than the layout.
    #[error("it has {got} bytes, a value has {expected}")]
    Size {
        /// Bytes of a value.
        expected: usize,
        /// Bytes that came.
        got: usize,
    },
    /// Text that is longer than the limit.
    #[error("the text has {got} bytes, at most {limit} are taken")]
    TooLong {
        /// Bytes that are taken.
        limit: usize,
        /// Bytes that came.
        got: usize,
    },
    /// Text that cannot be read.
    #[error(transparent)]
    Text(#[from] StringsError),
}

/// The message of a value in the form of rings and cells.
pub fn encode<'a>(layout: &Layout, payload: &'a [u8]) -> Message<'a> {
    match (layout.kind(), layout.is_array()) {
        (Kind::Text, true) => Message::Text(strings::to_json(payload).into()),
        (Kind::Text, false) => Message::Text(strings::text(payload)),
        _ => Message::Binary(payload),
    }
}

/// The value of a message, in the form of rings and cells; `text` is the most bytes of it when it is text, for an array those of
/// all its strings with a zero byte for each.
///
/// # Errors
///
/// [`MessageError`], each variant of it.
pub fn decode<'a>(layout: &Layout, message: &'a [u8], text: usize) -> Result<Cow<'a, [u8]>, MessageError> {
    let payload = match layout.payload_len() {
        Some(expected) if expected != message.len() => {
            return Err(MessageError::Size { expected, got: message.len() });
        }
        Some(_) => return Ok(message.into()),
        None if layout.is_array() => Cow::from(strings::from_json(message, layout.members())?),
        None => strings::check(message)?.as_bytes().into(),
    };
    if payload.len() > text {
        return Err(MessageError::TooLong { limit: text, got: payload.len() });
    }
    Ok(payload)
}

/// Bytes of the largest message that can be a value; `text` as for [`decode`].
pub fn limit(layout: &Layout, text: usize) -> usize {
    match layout.payload_len() {
        Some(bytes) => bytes,
        None if layout.is_array() => {
            text.saturating_mul(ESCAPED).saturating_add(layout.members().saturating_mul(QUOTES)).saturating_add(2)
        }
        None => text,
    }
}

/// Bytes of the largest message that is read, while a larger one ends its connection; `text` as for [`decode`]. For numbers that
/// is more than a value has: the other end's blocks or arrays may be larger, which is to be said, and is no reason to part.
pub fn read_limit(layout: &Layout, text: usize) -> usize {
    match layout.payload_len() {
        Some(bytes) => bytes.max(UNEXPECTED),
        None => limit(layout, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{FloatSize, LayoutError};

    fn layout(kind: Kind, dims: &[usize]) -> Result<Layout, LayoutError> {
        Layout::new(kind, FloatSize::F64, 1, dims)
    }

    #[test]
    fn messages_of_values_are_values_again() -> Result<(), LayoutError> {
        for (layout, payload, message) in [
            (layout(Kind::Control, &[])?, &[7; 8][..], Message::Binary(&[7; 8])),
            (layout(Kind::Init, &[2])?, &[7; 16], Message::Binary(&[7; 16])),
            (layout(Kind::Text, &[])?, "grün".as_bytes(), Message::Text("grün".into())),
            (layout(Kind::Text, &[2])?, b"a\0\x01\0", Message::Text(r#"["a","\u0001"]"#.into())),
        ] {
            assert_eq!(encode(&layout, payload), message);
            assert_eq!(decode(&layout, message.as_bytes(), 10).as_deref(), Ok(payload));
            assert!(message.as_bytes().len() <= limit(&layout, payload.len()));
        }
        Ok(())
    }

    #[test]
    fn what_is_no_value_is_refused() -> Result<(), LayoutError> {
        let (number, text, texts) = (layout(Kind::Control, &[])?, layout(Kind::Text, &[])?, layout(Kind::Text, &[2])?);
        assert_eq!(decode(&number, &[0; 7], 99), Err(MessageError::Size { expected: 8, got: 7 }));
        assert_eq!(decode(&text, b"1234", 3), Err(MessageError::TooLong { limit: 3, got: 4 }));
        assert_eq!(decode(&texts, br#"["1","2"]"#, 3), Err(MessageError::TooLong { limit: 3, got: 4 }));
        assert_eq!(decode(&text, b"\xff", 3), Err(MessageError::Text(StringsError::NotUtf8)));
        assert_eq!(limit(&texts, usize::MAX), usize::MAX);
        assert_eq!(decode(&number, &[0; 9], 99), Err(MessageError::Size { expected: 8, got: 9 }));
        let large = layout(Kind::Control, &[10_000])?;
        let limits = [&number, &large, &text].map(|layout| read_limit(layout, 99));
        assert_eq!(limits, [65_536, 80_000, 99], "a number too many is read, a text only as far as it may go");
        Ok(())
    }
}
