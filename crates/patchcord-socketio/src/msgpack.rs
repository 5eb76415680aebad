//! MessagePack to [`Value`] and back, and packets as maps of it.
//!
//! Own code, because the reading has to be bounded in depth and in memory, because JavaScript's `undefined`, dates and
//! buffers come as extension types, and because what there is to it is one table of markers. Source: the specification of
//! MessagePack, and what `socket.io-msgpack-parser` was seen to write.

use bytes::Bytes;

use crate::packet::{Content, Packet};
use crate::value::Value;

/// Why bytes are no MessagePack that this end reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MsgpackError {
    /// Cut short, followed by more, with a marker that there is not, with text that is not UTF-8 or a key that is no
    /// text; at this byte, from 1.
    Malformed { at: usize },
    /// Nested deeper than the limit.
    TooDeep,
    /// More values than the limit.
    TooManyValues,
}

/// Reads bytes that are one value, at most `depth` deep, out of a budget of values, which is then what is left of it.
/// Memory grows with what is there, not with what is announced.
pub(crate) fn read(bytes: &[u8], depth: usize, values: &mut usize) -> Result<Value, MsgpackError> {
    let mut reader = Reader { bytes, at: 0, values: *values };
    let value = reader.value(depth)?;
    *values = reader.values;
    if reader.at < bytes.len() { Err(reader.malformed()) } else { Ok(value) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// How many more values may be read.
    values: usize,
}

/// The extension type that JavaScript's encoder (notepack) uses for what MessagePack does not have.
const JAVASCRIPT: u8 = 0;

impl<'a> Reader<'a> {
    fn malformed(&self) -> MsgpackError {
        MsgpackError::Malformed { at: self.at + 1 }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], MsgpackError> {
        let (taken, _) = self.bytes[self.at..].split_at_checked(count).ok_or(self.malformed())?;
        self.at += count;
        Ok(taken)
    }

    /// An unsigned number of `size` bytes, at most 8.
    fn number(&mut self, size: usize) -> Result<u64, MsgpackError> {
        Ok(self.take(size)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// A signed number of `size` bytes.
    fn signed(&mut self, size: usize) -> Result<i64, MsgpackError> {
        let unused = 64 - 8 * size as u32;
        Ok((self.number(size)? as i64) << unused >> unused)
    }

    fn length(&mut self, size: usize) -> Result<usize, MsgpackError> {
        let length = self.number(size)?;
        usize::try_from(length).map_err(|_| self.malformed())
    }

    fn value(&mut self, depth: usize) -> Result<Value, MsgpackError> {
        self.values = self.values.checked_sub(1).ok_or(MsgpackError::TooManyValues)?;
        let marker = self.take(1)?[0];
        Ok(match marker {
            0x00..=0x7f => Value::Int(marker.into()),
            0x80..=0x8f => self.object((marker & 0x0f).into(), depth)?,
            0x90..=0x9f => self.array((marker & 0x0f).into(), depth)?,
            0xa0..=0xbf => self.text((marker & 0x1f).into())?.into(),
            0xc0 => Value::Null,
            0xc1 => {
                self.at -= 1;
                return Err(self.malformed());
            }
            0xc2 => Value::Bool(false),
            0xc3 => Value::Bool(true),
            0xc4..=0xc6 => {
                let length = self.length(1 << (marker - 0xc4))?;
                Value::Binary(Bytes::copy_from_slice(self.take(length)?))
            }
            0xc7..=0xc9 => {
                let length = self.length(1 << (marker - 0xc7))?;
                self.extension(length)?
            }
            0xca => Value::Float(f32::from_bits(self.number(4)? as u32).into()),
            0xcb => Value::Float(f64::from_bits(self.number(8)?)),
            0xcc..=0xcf => self.number(1 << (marker - 0xcc))?.into(),
            0xd0..=0xd3 => Value::Int(self.signed(1 << (marker - 0xd0))?),
            0xd4..=0xd8 => self.extension(1 << (marker - 0xd4))?,
            0xd9..=0xdb => {
                let length = self.length(1 << (marker - 0xd9))?;
                self.text(length)?.into()
            }
            0xdc..=0xdd => {
                let count = self.length(2 << (marker - 0xdc))?;
                self.array(count, depth)?
            }
            0xde..=0xdf => {
                let count = self.length(2 << (marker - 0xde))?;
                self.object(count, depth)?
            }
            0xe0..=0xff => Value::Int((marker as i8).into()),
        })
    }

    fn array(&mut self, count: usize, depth: usize) -> Result<Value, MsgpackError> {
        let inside = depth.checked_sub(1).ok_or(MsgpackError::TooDeep)?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self.value(inside)?);
        }
        Ok(Value::Array(items))
    }

    fn object(&mut self, count: usize, depth: usize) -> Result<Value, MsgpackError> {
        let inside = depth.checked_sub(1).ok_or(MsgpackError::TooDeep)?;
        let mut fields = Vec::new();
        for _ in 0..count {
            let at = self.at;
            let key = match self.value(0) {
                Ok(Value::Text(key)) => key,
                Ok(Value::Int(key)) => key.to_string(),
                Ok(_) | Err(MsgpackError::TooDeep) => return Err(MsgpackError::Malformed { at: at + 1 }),
                Err(error) => return Err(error),
            };
            fields.push((key, self.value(inside)?));
        }
        Ok(Value::Object(fields))
    }

    fn text(&mut self, length: usize) -> Result<&'a str, MsgpackError> {
        let at = self.at;
        simdutf8::basic::from_utf8(self.take(length)?).map_err(|_| MsgpackError::Malformed { at: at + 1 })
    }

    /// `undefined` is null, a date its milliseconds since 1970, anything else its bytes.
    fn extension(&mut self, length: usize) -> Result<Value, MsgpackError> {
        let kind = self.take(1)?[0];
        let bytes = self.take(length)?;
        Ok(match (kind, bytes) {
            (JAVASCRIPT, [0]) => Value::Null,
            (JAVASCRIPT, &[a, b, c, d, e, f, g, h]) => Value::Int(i64::from_be_bytes([a, b, c, d, e, f, g, h])),
            _ => Value::Binary(Bytes::copy_from_slice(bytes)),
        })
    }
}

/// Appends a packet.
pub(crate) fn write_packet(out: &mut Vec<u8>, packet: &Packet) {
    let id = packet.content.id();
    let has_payload = !matches!(packet.content, Content::Connect(None) | Content::Disconnect);
    write_size(out, 2 + usize::from(id.is_some()) + usize::from(has_payload), &MAP);
    write_text(out, "type");
    write_unsigned(out, packet.content.type_number().into());
    write_text(out, "nsp");
    write_text(out, packet.namespace.as_str());
    if let Some(id) = id {
        write_text(out, "id");
        write_unsigned(out, id);
    }
    if has_payload {
        write_text(out, "data");
    }
    match &packet.content {
        Content::Connect(None) | Content::Disconnect => {}
        Content::Connect(Some(value)) | Content::ConnectError(value) => write(out, value),
        Content::Event(event) => {
            write_size(out, 1 + event.args.len(), &ARRAY);
            write_text(out, &event.name);
            event.args.iter().for_each(|value| write(out, value));
        }
        Content::Ack { args, .. } => {
            write_size(out, args.len(), &ARRAY);
            args.iter().for_each(|value| write(out, value));
        }
    }
}

/// Appends a value, in as few bytes as it can be written. Its depth has to be checked before.
fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(value) => out.push(if *value { 0xc3 } else { 0xc2 }),
        Value::Int(number) => match u64::try_from(*number) {
            Ok(number) => write_unsigned(out, number),
            Err(_) => write_negative(out, *number),
        },
        Value::UInt(number) => write_unsigned(out, *number),
        Value::Float(number) => {
            out.push(0xcb);
            out.extend(number.to_bits().to_be_bytes());
        }
        Value::Text(text) => write_text(out, text),
        Value::Binary(bytes) => {
            write_size(out, bytes.len(), &BINARY);
            out.extend_from_slice(bytes);
        }
        Value::Array(items) => {
            write_size(out, items.len(), &ARRAY);
            items.iter().for_each(|value| write(out, value));
        }
        Value::Object(fields) => {
            write_size(out, fields.len(), &MAP);
            for (name, value) in fields {
                write_text(out, name);
                write(out, value);
            }
        }
    }
}

fn write_unsigned(out: &mut Vec<u8>, number: u64) {
    match number {
        0..0x80 => out.push(number as u8),
        0x80..0x100 => out.extend([0xcc, number as u8]),
        0x100..0x1_0000 => {
            out.push(0xcd);
            out.extend((number as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(0xce);
            out.extend((number as u32).to_be_bytes());
        }
        _ => {
            out.push(0xcf);
            out.extend(number.to_be_bytes());
        }
    }
}

fn write_negative(out: &mut Vec<u8>, number: i64) {
    if number >= -0x20 {
        out.push(number as u8);
    } else if let Ok(number) = i8::try_from(number) {
        out.extend([0xd0, number as u8]);
    } else if let Ok(number) = i16::try_from(number) {
        out.push(0xd1);
        out.extend(number.to_be_bytes());
    } else if let Ok(number) = i32::try_from(number) {
        out.push(0xd2);
        out.extend(number.to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend(number.to_be_bytes());
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_size(out, text.len(), &TEXT);
    out.extend_from_slice(text.as_bytes());
}

/// The markers of something with a size: the marker that holds sizes below a limit itself, then those that one, two and
/// four bytes of size follow.
struct Sized {
    short: Option<(u8, usize)>,
    one: Option<u8>,
    two: u8,
    four: u8,
}

const TEXT: Sized = Sized { short: Some((0xa0, 0x20)), one: Some(0xd9), two: 0xda, four: 0xdb };
const BINARY: Sized = Sized { short: None, one: Some(0xc4), two: 0xc5, four: 0xc6 };
const ARRAY: Sized = Sized { short: Some((0x90, 0x10)), one: None, two: 0xdc, four: 0xdd };
const MAP: Sized = Sized { short: Some((0x80, 0x10)), one: None, two: 0xde, four: 0xdf };

/// Sizes beyond 32 bits are cut off at it; packets are bounded far below.
fn write_size(out: &mut Vec<u8>, size: usize, markers: &Sized) {
    match (markers.short, markers.one, size) {
        (Some((marker, limit)), ..) if size < limit => out.push(marker | size as u8),
        (_, Some(marker), 0..0x100) => out.extend([marker, size as u8]),
        (_, _, 0..0x1_0000) => {
            out.push(markers.two);
            out.extend((size as u16).to_be_bytes());
        }
        _ => {
            out.push(markers.four);
            out.extend(u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
}
