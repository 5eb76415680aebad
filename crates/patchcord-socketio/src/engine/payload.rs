//! Several packets as the body of one HTTP request or response (long-polling).
//!
//! Version 4 puts the byte `0x1e` between packets and writes bytes as base64. Version 3 writes a length before each: as
//! decimal text and `:` (counted in UTF-16 code units, as JavaScript counts), or, in a body that is binary as a whole, as
//! a byte `00` for text or `01` for bytes, digits as bytes 0 to 9, and `ff` (counted in bytes). The two forms of version 3
//! are told apart by their first byte.

use bytes::Bytes;

use super::Version;
use super::packet::{Data, Packet, PacketError};

/// Between the packets of version 4.
const SEPARATOR: u8 = 0x1e;
/// Ends the length in a binary body of version 3.
const LENGTH_END: u8 = 0xff;
/// Most digits of a length in version 3: enough for any body that can be held.
const MAX_DIGITS: usize = 15;

/// The media type of a body that is text.
pub const TEXT: &str = "text/plain;charset=UTF-8";
/// The media type of a body that is binary.
pub const BINARY: &str = "application/octet-stream";

/// Reads the packets of a body, one after the other; an error is the last item.
///
/// Packets are read when they are asked for, so a body of many small ones costs no memory of its own.
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    version: Version,
    limit: usize,
    rest: Option<&'a [u8]>,
    binary: bool,
}

impl<'a> Packets<'a> {
    /// The packets of `body`, of which none may have more than `limit` bytes.
    pub fn new(version: Version, body: &'a [u8], limit: usize) -> Self {
        let binary = version == Version::V3 && matches!(body.first(), Some(0 | 1));
        Self { version, limit, rest: Some(body), binary }
    }

    /// The next packet of version 4: up to the next separator.
    fn next_separated(&mut self, rest: &'a [u8]) -> Result<Option<Packet<'a>>, PacketError> {
        let (packet, rest) = match rest.iter().position(|&byte| byte == SEPARATOR) {
            Some(end) => (&rest[..end], Some(&rest[end + 1..])),
            None => (rest, None),
        };
        self.rest = rest;
        self.text(packet).map(Some)
    }

    /// The next packet of version 3 in text. A length of 0 is no packet: an empty body is written `0:`.
    fn next_counted(&mut self, mut rest: &'a [u8]) -> Result<Option<Packet<'a>>, PacketError> {
        while !rest.is_empty() {
            let colon = rest.iter().take(MAX_DIGITS + 1).position(|&byte| byte == b':').ok_or(PacketError::Length)?;
            let units = decimal(&rest[..colon], b'0')?;
            rest = &rest[colon + 1..];
            if units == 0 {
                continue;
            }
            let end = end_of_units(rest, units)?;
            let (packet, rest) = rest.split_at(end);
            self.rest = Some(rest);
            return self.text(packet).map(Some);
        }
        Ok(None)
    }

    /// The next packet of version 3 in a binary body.
    fn next_measured(&mut self, rest: &'a [u8]) -> Result<Option<Packet<'a>>, PacketError> {
        let Some((&kind, rest)) = rest.split_first() else { return Ok(None) };
        if kind > 1 {
            return Err(PacketError::UnknownBinaryType(kind));
        }
        let end = rest.iter().take(MAX_DIGITS + 1).position(|&byte| byte == LENGTH_END).ok_or(PacketError::Length)?;
        let length = decimal(&rest[..end], 0)?;
        let rest = &rest[end + 1..];
        let (packet, rest) = rest.split_at_checked(length).ok_or(PacketError::Truncated)?;
        self.rest = Some(rest);
        if kind == 0 {
            return self.text(packet).map(Some);
        }
        // One byte more than the message: its type.
        self.check(packet.len().saturating_sub(1))?;
        Packet::from_binary(self.version, packet).map(Some)
    }

    fn text(&self, packet: &'a [u8]) -> Result<Packet<'a>, PacketError> {
        self.check(packet.len())?;
        let text = simdutf8::basic::from_utf8(packet).map_err(|_| PacketError::InvalidUtf8)?;
        Packet::from_text(self.version, text)
    }

    fn check(&self, length: usize) -> Result<(), PacketError> {
        if length > self.limit { Err(PacketError::TooBig { limit: self.limit }) } else { Ok(()) }
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, PacketError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let next = match self.version {
            Version::V4 => self.next_separated(rest),
            Version::V3 if self.binary => self.next_measured(rest),
            Version::V3 => self.next_counted(rest),
        };
        if next.is_err() {
            self.rest = None;
        }
        next.transpose()
    }
}

/// A number of one to [`MAX_DIGITS`] digits, each of them `zero` and its value.
fn decimal(digits: &[u8], zero: u8) -> Result<usize, PacketError> {
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return Err(PacketError::Length);
    }
    let mut number = 0usize;
    for digit in digits {
        let digit = digit.wrapping_sub(zero);
        if digit > 9 {
            return Err(PacketError::Length);
        }
        number = number.saturating_mul(10).saturating_add(digit.into());
    }
    Ok(number)
}

/// Where the first `units` UTF-16 code units of UTF-8 end.
fn end_of_units(bytes: &[u8], units: usize) -> Result<usize, PacketError> {
    let mut left = units;
    let mut at = 0;
    while left > 0 {
        let first = *bytes.get(at).ok_or(PacketError::Truncated)?;
        let (length, units) = match first {
            0..0x80 => (1, 1),
            0x80..0xc0 => return Err(PacketError::InvalidUtf8),
            0xc0..0xe0 => (2, 1),
            0xe0..0xf0 => (3, 1),
            0xf0.. => (4, 2),
        };
        left = left.checked_sub(units).ok_or(PacketError::Length)?;
        at += length;
    }
    if at > bytes.len() { Err(PacketError::Truncated) } else { Ok(at) }
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its media type: [`TEXT`] or [`BINARY`].
    pub content_type: &'static str,
}

/// Writes packets as one body: in version 3 a binary one when one of them carries bytes and the session was not asked
/// for base64 (`base64`), else text.
pub fn encode(version: Version, packets: &[Packet<'_>], base64: bool) -> Body {
    let has_bytes = || packets.iter().any(|packet| matches!(packet, Packet::Message(Data::Binary(_))));
    if version == Version::V3 && !base64 && has_bytes() {
        return Body { bytes: encode_measured(packets).into(), content_type: BINARY };
    }
    let mut body = String::new();
    for packet in packets {
        match version {
            Version::V4 => {
                if !body.is_empty() {
                    body.push(char::from(SEPARATOR));
                }
                packet.write_text(version, &mut body);
            }
            Version::V3 => {
                let mut text = String::new();
                packet.write_text(version, &mut text);
                body.push_str(&text.encode_utf16().count().to_string());
                body.push(':');
                body.push_str(&text);
            }
        }
    }
    Body { bytes: body.into(), content_type: TEXT }
}

/// A binary body of version 3.
fn encode_measured(packets: &[Packet<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut put = |kind: u8, packet: &[&[u8]]| {
        let length: usize = packet.iter().map(|part| part.len()).sum();
        body.push(kind);
        body.extend(length.to_string().bytes().map(|digit| digit - b'0'));
        body.push(LENGTH_END);
        packet.iter().for_each(|part| body.extend_from_slice(part));
    };
    for packet in packets {
        match packet {
            Packet::Message(Data::Binary(bytes)) => put(1, &[&[4], bytes]),
            _ => {
                let mut text = String::new();
                packet.write_text(Version::V3, &mut text);
                put(0, &[text.as_bytes()]);
            }
        }
    }
    body
}

/// Whether a body is one of version 3 that begins with an open packet: `97:0{…`.
pub(crate) fn opens_version_3(body: &[u8]) -> bool {
    let digits = body.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && body[digits..].starts_with(b":0{")
}

/// Most bytes that a packet of this length as text takes in a body, with what separates it.
pub(crate) fn framed_len(version: Version, text_len: usize) -> usize {
    match version {
        Version::V4 => text_len + 1,
        // A kind, the digits, the end of the length.
        Version::V3 => text_len + MAX_DIGITS + 2,
    }
}

/// Length of bytes as text: a `b` and base64.
pub(crate) fn base64_len(bytes: usize) -> usize {
    1 + bytes.div_ceil(3) * 4
}
