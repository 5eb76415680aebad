//! One packet of Engine.IO, as a WebSocket frame carries it.
//!
//! A text frame is a digit and the packet's text. A binary frame is always a message: in version 4 its bytes as they
//! are, in version 3 behind one byte `0x04`. Bytes may also come as text, `b` (version 3: `b4`) and base64, from a server
//! that was asked for it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use bytes::Bytes;

use super::handshake::{Handshake, HandshakeError};
use super::{Version, payload};

/// What a message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Binary(Bytes),
}

impl Data<'_> {
    /// Length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same, independent of what it was read from.
    pub fn into_owned(self) -> Data<'static> {
        match self {
            Self::Text(text) => Data::Text(Cow::Owned(text.into_owned())),
            Self::Binary(bytes) => Data::Binary(bytes),
        }
    }
}

/// A packet. Text is borrowed from where it was read; bytes are shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: the server opens the session.
    Open(Handshake),
    /// `1`: the session ends.
    Close,
    /// `2`: to be answered by a pong with the same text; `probe` asks whether a new transport works.
    Ping(Cow<'a, str>),
    /// `3`: answers a ping.
    Pong(Cow<'a, str>),
    /// `4`: what the session is for.
    Message(Data<'a>),
    /// `5`: the client goes over to the transport that carries this.
    Upgrade,
    /// `6`: nothing; releases a poll that waits.
    Noop,
}

/// A packet as it stands in a WebSocket message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
}

/// Why bytes are no packet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Nothing, where a packet has to begin with a digit.
    #[error("the peer sent an empty packet")]
    Empty,
    /// The first character is none of the packet types.
    #[error("the peer sent a packet of the unknown type {0:?}")]
    UnknownType(char),
    /// A binary frame of version 3 does not begin with the byte 4.
    #[error("the peer sent a binary packet of the unknown type {0:#04x}")]
    UnknownBinaryType(u8),
    /// Bytes as text that are not base64.
    #[error("the peer sent bytes as text that are not base64")]
    Base64,
    /// The open packet cannot be used.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// A packet of a poll is not UTF-8.
    #[error("the peer sent a packet that is not UTF-8")]
    InvalidUtf8,
    /// The length before a packet of version 3 is not a length, or there is no `:` after it.
    #[error("the peer sent a packet without a proper length before it")]
    Length,
    /// A packet of version 3 is shorter than its length says.
    #[error("the peer cut a packet short")]
    Truncated,
    /// The packet is larger than the limit.
    #[error("the peer's packet is larger than the limit of {limit} bytes")]
    TooBig {
        /// The limit in force, in bytes.
        limit: usize,
    },
}

/// base64 as it is written, and read with or without the `=` at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl<'a> Packet<'a> {
    /// Reads a text frame.
    ///
    /// # Errors
    ///
    /// A [`PacketError`] when it is none of the packets.
    pub fn from_text(version: Version, text: &'a str) -> Result<Self, PacketError> {
        let mut letters = text.chars();
        let first = letters.next().ok_or(PacketError::Empty)?;
        let rest = letters.as_str();
        Ok(match first {
            '0' => Self::Open(Handshake::parse(rest)?),
            '1' => Self::Close,
            '2' => Self::Ping(rest.into()),
            '3' => Self::Pong(rest.into()),
            '4' => Self::Message(Data::Text(rest.into())),
            '5' => Self::Upgrade,
            '6' => Self::Noop,
            'b' => {
                let digits = match version {
                    Version::V4 => rest,
                    Version::V3 => rest.strip_prefix('4').ok_or(PacketError::Base64)?,
                };
                let bytes = BASE64.decode(digits).map_err(|_| PacketError::Base64)?;
                Self::Message(Data::Binary(bytes.into()))
            }
            other => return Err(PacketError::UnknownType(other)),
        })
    }

    /// Reads a binary frame.
    ///
    /// # Errors
    ///
    /// [`PacketError::Empty`] and [`PacketError::UnknownBinaryType`], in version 3.
    pub fn from_binary(version: Version, bytes: &[u8]) -> Result<Packet<'static>, PacketError> {
        let message = match version {
            Version::V4 => bytes,
            Version::V3 => match bytes.split_first() {
                Some((4, message)) => message,
                Some((other, _)) => return Err(PacketError::UnknownBinaryType(*other)),
                None => return Err(PacketError::Empty),
            },
        };
        Ok(Packet::Message(Data::Binary(Bytes::copy_from_slice(message))))
    }

    /// The packet as a WebSocket message.
    pub fn into_frame(self, version: Version) -> Frame {
        match (self, version) {
            (Self::Message(Data::Binary(bytes)), Version::V4) => Frame::Binary(bytes),
            (Self::Message(Data::Binary(bytes)), Version::V3) => Frame::Binary([&[4], &bytes[..]].concat().into()),
            (Self::Message(Data::Text(Cow::Owned(mut text))), _) => {
                text.insert(0, '4');
                Frame::Text(text)
            }
            (packet, _) => {
                let mut text = String::with_capacity(1 + packet.text().len());
                packet.write_text(version, &mut text);
                Frame::Text(text)
            }
        }
    }

    /// Appends the packet as text, bytes as base64.
    pub(crate) fn write_text(&self, version: Version, out: &mut String) {
        if let Self::Message(Data::Binary(bytes)) = self {
            out.push_str(if version == Version::V3 { "b4" } else { "b" });
            STANDARD.encode_string(bytes, out);
            return;
        }
        out.push(self.type_digit());
        out.push_str(&self.text());
    }

    /// Length of the packet as text, in bytes: what it counts in the body of a request.
    pub(crate) fn text_len(&self, version: Version) -> usize {
        match self {
            Self::Message(Data::Binary(bytes)) => payload::base64_len(bytes.len()) + usize::from(version.number() == 3),
            _ => 1 + self.text().len(),
        }
    }

    /// The digit of its type.
    fn type_digit(&self) -> char {
        match self {
            Self::Open(_) => '0',
            Self::Close => '1',
            Self::Ping(_) => '2',
            Self::Pong(_) => '3',
            Self::Message(_) => '4',
            Self::Upgrade => '5',
            Self::Noop => '6',
        }
    }

    /// What follows the digit; nothing for bytes.
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Open(handshake) => handshake.to_json().into(),
            Self::Ping(text) | Self::Pong(text) | Self::Message(Data::Text(text)) => Cow::Borrowed(text),
            Self::Close | Self::Upgrade | Self::Noop | Self::Message(Data::Binary(_)) => Cow::Borrowed(""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(version: Version, text: &str) -> Result<Packet<'_>, PacketError> {
        Packet::from_text(version, text)
    }

    #[test]
    fn text_frames_are_a_digit_and_the_rest() {
        for version in [Version::V3, Version::V4] {
            for (frame, packet) in [
                ("1", Packet::Close),
                ("2", Packet::Ping("".into())),
                ("2probe", Packet::Ping("probe".into())),
                ("3probe", Packet::Pong("probe".into())),
                ("42[\"€\"]", Packet::Message(Data::Text("2[\"€\"]".into()))),
                ("4", Packet::Message(Data::Text("".into()))),
                ("5", Packet::Upgrade),
                ("6", Packet::Noop),
            ] {
                assert_eq!(text(version, frame), Ok(packet.clone()));
                assert_eq!(packet.clone().into_frame(version), Frame::Text(frame.to_owned()));
                assert_eq!(packet.text_len(version), frame.len());
            }
        }
    }

    #[test]
    fn bytes_are_bare_in_version_4_and_behind_a_4_in_version_3() {
        let packet = Packet::Message(Data::Binary(Bytes::from_static(&[1, 2, 3, 4])));
        for (version, frame, encoded) in
            [(Version::V4, &[1, 2, 3, 4][..], "bAQIDBA=="), (Version::V3, &[4, 1, 2, 3, 4], "b4AQIDBA==")]
        {
            assert_eq!(packet.clone().into_frame(version), Frame::Binary(Bytes::copy_from_slice(frame)));
            assert_eq!(Packet::from_binary(version, frame), Ok(packet.clone()));
            let mut written = String::new();
            packet.write_text(version, &mut written);
            assert_eq!(written, encoded);
            assert_eq!(packet.text_len(version), encoded.len());
            assert_eq!(text(version, encoded), Ok(packet.clone()));
            assert_eq!(text(version, encoded.trim_end_matches('=')), Ok(packet.clone()));
        }
    }

    #[test]
    fn what_looks_like_something_else_is_bytes_in_version_4() {
        for bytes in [&b"\x04"[..], b"4", b"\x1e", b"\xff\xfe", b""] {
            let packet = Packet::Message(Data::Binary(Bytes::copy_from_slice(bytes)));
            assert_eq!(Packet::from_binary(Version::V4, bytes), Ok(packet));
        }
    }

    #[test]
    fn what_is_no_packet_says_why() {
        assert_eq!(text(Version::V4, ""), Err(PacketError::Empty));
        assert_eq!(text(Version::V4, "7"), Err(PacketError::UnknownType('7')));
        assert_eq!(text(Version::V4, "€"), Err(PacketError::UnknownType('€')));
        assert_eq!(text(Version::V4, "b!"), Err(PacketError::Base64));
        assert_eq!(text(Version::V3, "b"), Err(PacketError::Base64));
        assert_eq!(text(Version::V3, "b3AQ=="), Err(PacketError::Base64));
        assert_eq!(text(Version::V4, "0{}"), Err(PacketError::Handshake(HandshakeError::Field("sid"))));
        assert_eq!(Packet::from_binary(Version::V3, b""), Err(PacketError::Empty));
        assert_eq!(Packet::from_binary(Version::V3, b"41"), Err(PacketError::UnknownBinaryType(b'4')));
    }
}
