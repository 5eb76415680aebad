//! JSON to [`Value`] and back: by serde_json's parser, without a tree in between, and by a writer that leaves numbers with
//! fractions and texts with escapes to serde_json.
//!
//! Depth and number of values are bounded while they are read. Bytes are written as numbered placeholders, in the order
//! in which a reader meets them.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::{self, Write as _};

use bytes::Bytes;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::value::{PLACEHOLDER, PLACEHOLDER_INDEX, Value};

/// The deepest nesting that may be allowed: serde_json itself stops at 127.
pub(crate) const MAX_DEPTH: usize = 120;

/// Why a text is no JSON that this end reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// Not JSON; at this byte, from 1.
    Syntax { at: usize },
    /// Nested deeper than the limit.
    TooDeep,
    /// More values than the limit.
    TooManyValues,
}

/// Reads a text that is one JSON value, at most `depth` deep, with at most `values` values in it.
///
/// A character beyond the basic plane that was cut in half (JavaScript's strings can be, and its JSON then holds half
/// of an escaped pair) becomes U+FFFD; everything else that is not JSON is an error.
pub(crate) fn read(text: &str, depth: usize, mut values: usize) -> Result<Value, JsonError> {
    read_within(text, depth, &mut values)
}

/// The same out of a budget of values, which is then what is left of it.
pub(crate) fn read_within(text: &str, depth: usize, values: &mut usize) -> Result<Value, JsonError> {
    let outcome = read_strict(text, depth, values);
    if let Err(JsonError::Syntax { .. }) = outcome
        && let Cow::Owned(mended) = mend_halves(text)
    {
        return read_strict(&mended, depth, values);
    }
    outcome
}

fn read_strict(text: &str, depth: usize, values: &mut usize) -> Result<Value, JsonError> {
    let budget = Budget { values: Cell::new(*values), exceeded: Cell::new(None) };
    let mut parser = serde_json::Deserializer::from_str(text);
    let seed = Seed { budget: &budget, depth: depth.min(MAX_DEPTH) };
    let outcome = seed.deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    let value =
        outcome.map_err(|error| budget.exceeded.get().unwrap_or(JsonError::Syntax { at: place(text, &error) }))?;
    *values = budget.values.get();
    Ok(value)
}

/// The byte that serde_json complains about, from 1.
fn place(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    before + error.column()
}

/// What may still be read.
struct Budget {
    values: Cell<usize>,
    exceeded: Cell<Option<JsonError>>,
}

impl Budget {
    fn exceed<E: de::Error>(&self, error: JsonError) -> E {
        self.exceeded.set(Some(error));
        E::custom("over a limit")
    }
}

/// Reads one value, `depth` levels above the deepest.
#[derive(Clone, Copy)]
struct Seed<'b> {
    budget: &'b Budget,
    depth: usize,
}

impl Seed<'_> {
    fn inside<E: de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.budget.exceed(JsonError::TooDeep)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.budget.values.get().checked_sub(1) {
            Some(left) => self.budget.values.set(left),
            None => return Err(self.budget.exceed(JsonError::TooManyValues)),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            fields.push((name, map.next_value_seed(inside)?));
        }
        Ok(Value::Object(fields))
    }
}

/// Replaces escaped halves of surrogate pairs that stand alone. Borrowed where there are none.
fn mend_halves(text: &str) -> Cow<'_, str> {
    const HALF: &str = "\\ufffd";
    let mut mended = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(found) = text[at..].find('\\') {
        at += found;
        let unit = escaped_unit(&text[at..]);
        let length = match unit {
            Some(0xd800..=0xdbff) if matches!(escaped_unit(&text[at + 6..]), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => {
                mended.push_str(&text[kept..at]);
                mended.push_str(HALF);
                kept = at + 6;
                6
            }
            // The escaped character belongs to the escape, whatever it is.
            _ => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        };
        at += length;
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    mended.push_str(&text[kept..]);
    Cow::Owned(mended)
}

/// The UTF-16 code unit that `text` begins with as `\uXXXX`.
fn escaped_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

/// Reads the payload of an event that is a name and at most one text, neither with an escape in it: most events are, and
/// finding out costs little. `None` where it is anything else.
pub(crate) fn read_plain_event(payload: &str) -> Option<(&str, Option<&str>)> {
    let inner = payload.strip_prefix("[\"")?.strip_suffix("\"]")?;
    let (name, text) = match inner.find('"') {
        None => (inner, None),
        Some(end) => (&inner[..end], Some(inner[end..].strip_prefix("\",\"")?)),
    };
    (is_plain(name) && text.is_none_or(is_plain)).then_some((name, text))
}

/// Whether a text stands in JSON as it is.
fn is_plain(text: &str) -> bool {
    // Without a way out in between, so that many bytes are looked at together.
    !text.bytes().fold(false, |found, byte| found | (byte == b'"') | (byte == b'\\') | (byte < 0x20))
}

/// Writes a value; bytes become placeholders without number. The value's depth has to be checked before.
pub(crate) fn write(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

/// Appends an array of `name` and `args` to `out`, and their bytes to `attachments`. Depths have to be checked before.
pub(crate) fn write_array(out: &mut String, name: Option<&str>, args: &[Value], attachments: &mut Vec<Bytes>) {
    out.push('[');
    if let Some(name) = name {
        write_text(out, name);
    }
    let mut is_first = name.is_none();
    for value in args {
        if !std::mem::take(&mut is_first) {
            out.push(',');
        }
        write_with(out, value, &mut Some(attachments));
    }
    out.push(']');
}

/// Appends one value to `out`, bytes as placeholders without number. Its depth has to be checked before.
pub(crate) fn write_value(out: &mut String, value: &Value) {
    write_with(out, value, &mut None);
}

/// Where bytes are collected while a value is written.
type Attachments<'a> = Option<&'a mut Vec<Bytes>>;

fn write_with(out: &mut String, value: &Value, attachments: &mut Attachments<'_>) {
    // Writing to memory does not fail.
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::UInt(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Float(number) => out.push_str(&serde_json::to_string(number).unwrap_or_default()),
        Value::Text(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_with(out, item, attachments);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (at, (name, value)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_text(out, name);
                out.push(':');
                write_with(out, value, attachments);
            }
            out.push('}');
        }
        Value::Binary(bytes) => {
            let _ = write!(out, "{{\"{PLACEHOLDER}\":true");
            if let Some(attachments) = attachments {
                let _ = write!(out, ",\"{PLACEHOLDER_INDEX}\":{}", attachments.len());
                attachments.push(bytes.clone());
            }
            out.push('}');
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Value, JsonError> {
        read(text, 8, 100)
    }

    #[test]
    fn numbers_keep_what_they_can() {
        for (text, value) in [
            ("9223372036854775807", Value::Int(i64::MAX)),
            ("-9223372036854775808", Value::Int(i64::MIN)),
            ("18446744073709551615", Value::UInt(u64::MAX)),
            ("18446744073709551616", Value::Float(18_446_744_073_709_551_616.0)),
            ("0.1", Value::Float(0.1)),
            ("1.0", Value::Float(1.0)),
            ("1e3", Value::Float(1000.0)),
            // A number that a parser without exact rounding misses by one bit.
            ("2.638344616030823e-256", Value::Float(2.638344616030823e-256)),
        ] {
            assert_eq!(parse(text), Ok(value), "{text}");
        }
        assert_eq!(parse("1e400"), Err(JsonError::Syntax { at: 5 }));
        assert_eq!(write(&Value::Float(f64::NAN)), "null");
    }

    #[test]
    fn plain_events_are_told_from_all_others() {
        assert_eq!(read_plain_event(r#"["e"]"#), Some(("e", None)));
        assert_eq!(read_plain_event(r#"["e","ü, 😀"]"#), Some(("e", Some("ü, 😀"))));
        assert_eq!(read_plain_event(r#"["",""]"#), Some(("", Some(""))));
        for other in [
            "",
            "[]",
            "[\"",
            "[\"]",
            r#"["e",1]"#,
            r#"["e","a","b"]"#,
            r#"["e", "a"]"#,
            r#"["e","a\n"]"#,
            r#"["e\\","a"]"#,
            "[\"e\",\"a\tb\"]",
            r#"["e","a"b"]"#,
            r#"["e","a\"]"#,
            r#"["e":"a"]"#,
            r#"["e",["a"]]"#,
        ] {
            assert_eq!(read_plain_event(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_written_is_what_serde_json_writes() {
        let values = [
            Value::from("a \"b\" \\ \n \u{1} \u{7f} ü €😀"),
            Value::from(""),
            Value::Float(1.0),
            Value::Float(-0.0),
            Value::Float(1e300),
            Value::Float(f64::INFINITY),
            Value::Int(i64::MIN),
            Value::UInt(u64::MAX),
            Value::Array(vec![Value::Null, Value::Bool(true), Value::Bool(false), Value::Array(Vec::new())]),
            Value::Object(vec![("a\"".to_owned(), Value::Object(Vec::new())), (String::new(), Value::Int(0))]),
        ];
        let written = [
            r#""a \"b\" \\ \n \u0001 \u{7f} ü €😀""#.replace("\\u{7f}", "\u{7f}"),
            r#""""#.to_owned(),
            "1.0".to_owned(),
            "-0.0".to_owned(),
            "1e+300".to_owned(),
            "null".to_owned(),
            "-9223372036854775808".to_owned(),
            "18446744073709551615".to_owned(),
            "[null,true,false,[]]".to_owned(),
            r#"{"a\"":{},"":0}"#.to_owned(),
        ];
        for (value, expected) in values.iter().zip(written) {
            assert_eq!(write(value), expected);
        }
    }

    #[test]
    fn fields_keep_their_order_and_the_last_of_a_name_counts() {
        let value = parse(r#"{"b":1,"a":2,"b":3}"#).unwrap();
        assert_eq!(value.field("b"), Some(&Value::Int(3)));
        assert_eq!(write(&value), r#"{"b":1,"a":2,"b":3}"#);
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        assert!(parse("[[[[[[[[1]]]]]]]]").is_ok());
        assert_eq!(parse("[[[[[[[[[1]]]]]]]]]"), Err(JsonError::TooDeep));
        assert_eq!(parse(&"[".repeat(100_000)), Err(JsonError::TooDeep));
        assert_eq!(read(&"{\"a\":".repeat(100_000), usize::MAX, 1000), Err(JsonError::TooDeep));
        let list = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        assert!(parse(&list(99)).is_ok());
        assert_eq!(parse(&list(100)), Err(JsonError::TooManyValues));
    }

    #[test]
    fn errors_know_their_place() {
        assert_eq!(parse("[1,\n\n2,]"), Err(JsonError::Syntax { at: 8 }));
        assert_eq!(parse("[1] 2"), Err(JsonError::Syntax { at: 5 }));
        assert_eq!(parse("NaN"), Err(JsonError::Syntax { at: 1 }));
    }

    #[test]
    fn half_a_character_is_replaced() {
        for (text, meant) in [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""a\uDE00b""#, "a\u{fffd}b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\\\ud83d€""#, "\\\u{fffd}€"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
        ] {
            assert_eq!(parse(text), Ok(Value::from(meant)), "{text}");
        }
        for text in [r#""\ud83"#, r#""\ud83d"#, r#""\u+123""#, "\"\\ud83d\\", "\"\\€"] {
            assert!(matches!(parse(text), Err(JsonError::Syntax { .. })), "{text}");
        }
    }
}
