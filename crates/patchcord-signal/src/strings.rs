//! Text and arrays of text: on the wire, and in the rings and cells.
//!
//! A string (`S`) is its UTF-8 in both places. An array of strings (`S[]`) is a JSON array on the wire. In rings and cells
//! it is its strings one after the other, each with a zero byte behind it, so that the performance thread neither parses
//! nor allocates; Csound's strings cannot hold that byte anyway.

use std::borrow::Cow;

/// Why a message is not the strings that were expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StringsError {
    /// Bytes that are not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// A zero byte, where Csound's strings end.
    #[error("the text holds a zero character, where a string of Csound ends")]
    Zero,
    /// For an array: not a JSON array of strings.
    #[error("an array of strings is sent as JSON: [\"one\",\"two\"]")]
    NotAnArray,
    /// An array of another size.
    #[error("the array has {expected} strings, the message {got}")]
    Members {
        /// Members of the array.
        expected: usize,
        /// Strings of the message.
        got: usize,
    },
}

/// The text of a string in a ring or cell, for the wire. What is not UTF-8 becomes U+FFFD, because a text frame has to be.
pub fn text(payload: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(payload)
}

/// Whether a message can be a string: UTF-8 without a zero.
///
/// # Errors
///
/// [`StringsError::NotUtf8`], [`StringsError::Zero`].
pub fn check(message: &[u8]) -> Result<&str, StringsError> {
    let text = std::str::from_utf8(message).map_err(|_| StringsError::NotUtf8)?;
    if text.contains('\0') { Err(StringsError::Zero) } else { Ok(text) }
}

/// The strings of an array's form in rings and cells. Without the last zero the last string ends where the bytes end.
pub fn members(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut parts = payload.split(|&byte| byte == 0).peekable();
    std::iter::from_fn(move || {
        let part = parts.next()?;
        (parts.peek().is_some() || !part.is_empty()).then_some(part)
    })
}

/// Appends strings to `out` in the form of rings and cells. A string that holds a zero ends there.
pub fn join<'a>(strings: impl IntoIterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    for string in strings {
        let end = string.iter().position(|&byte| byte == 0).unwrap_or(string.len());
        out.extend_from_slice(&string[..end]);
        out.push(0);
    }
}

/// The message of an array in the form of rings and cells: JSON.
pub fn to_json(payload: &[u8]) -> String {
    let strings: Vec<Cow<'_, str>> = members(payload).map(text).collect();
    serde_json::to_string(&strings).expect("strings are always JSON")
}

/// An array's message in the form of rings and cells, when it has exactly `expected` strings.
///
/// # Errors
///
/// [`StringsError`], each variant of it.
pub fn from_json(message: &[u8], expected: usize) -> Result<Vec<u8>, StringsError> {
    let message = std::str::from_utf8(message).map_err(|_| StringsError::NotUtf8)?;
    let strings: Vec<Cow<'_, str>> = serde_json::from_str(message).map_err(|_| StringsError::NotAnArray)?;
    if strings.len() != expected {
        return Err(StringsError::Members { expected, got: strings.len() });
    }
    if strings.iter().any(|string| string.contains('\0')) {
        return Err(StringsError::Zero);
    }
    let mut out = Vec::with_capacity(message.len());
    join(strings.iter().map(|string| string.as_bytes()), &mut out);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_of_strings_go_through_json_and_back() {
        for (strings, json) in [
            (&["a", "b"][..], r#"["a","b"]"#),
            (&["", ""], r#"["",""]"#),
            (&["quote \" and ü"], r#"["quote \" and ü"]"#),
            (&[], "[]"),
        ] {
            let mut payload = Vec::new();
            join(strings.iter().map(|string| string.as_bytes()), &mut payload);
            assert_eq!(to_json(&payload), json);
            assert_eq!(from_json(json.as_bytes(), strings.len()), Ok(payload.clone()));
            assert!(members(&payload).eq(strings.iter().map(|string| string.as_bytes())));
        }
    }

    #[test]
    fn what_is_no_array_of_strings_is_refused() {
        assert_eq!(from_json(b"[1]", 1), Err(StringsError::NotAnArray));
        assert_eq!(from_json(b"{}", 1), Err(StringsError::NotAnArray));
        assert_eq!(from_json(b"[\"a\"", 1), Err(StringsError::NotAnArray));
        assert_eq!(from_json(b"[\"a\"]", 2), Err(StringsError::Members { expected: 2, got: 1 }));
        assert_eq!(from_json(br#"["a\u0000b"]"#, 1), Err(StringsError::Zero));
        assert_eq!(from_json(b"[\"\xff\"]", 1), Err(StringsError::NotUtf8));
        assert_eq!(check(b"a\0b"), Err(StringsError::Zero));
        assert_eq!(check(b"\xff"), Err(StringsError::NotUtf8));
        assert_eq!(check("ü".as_bytes()), Ok("ü"));
    }

    #[test]
    fn bytes_that_are_not_text_are_shown_as_replaced() {
        assert_eq!(text(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(to_json(b"\xff\0"), "[\"\u{fffd}\"]");
    }
}
