//! Frame headers (RFC 6455 §5.2): reading one from as few bytes as have come, and writing one.
//!
//! Reading refuses everything that is wrong with a header by itself: reserved bits and opcodes, masks of the wrong
//! role, control frames that are fragmented or too long, lengths that are not minimal. Every check runs as soon as its
//! bytes are there. What depends on earlier frames (fragments in order, size of the message) is the receiver's.

use crate::error::ProtocolError;
use crate::mask::{self, Key};

/// The largest payload of a ping, pong or close frame, in bytes (§5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// The largest header: two bytes, a 64-bit length and a masking key.
pub(crate) const MAX_HEADER: usize = 14;

/// Which end of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// This end accepted the connection: it reads masked frames and writes unmasked ones (§5.1).
    Server,
    /// This end opened the connection: it reads unmasked frames and writes masked ones (§5.1).
    Client,
}

/// What a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8 text (§5.6).
    Text,
    /// Bytes whose meaning is the application's (§5.6).
    Binary,
}

/// The bit of the first byte that marks the first frame of a compressed message: RSV1 (RFC 7692 §6).
pub(crate) const COMPRESSED: u8 = 0x40;

/// What a frame is for (§5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
}

impl Opcode {
    #[inline]
    pub(crate) fn is_control(self) -> bool {
        self as u8 >= 0x8
    }

    #[inline]
    fn parse(nibble: u8) -> Result<Self, ProtocolError> {
        Ok(match nibble {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            reserved => return Err(ProtocolError::ReservedOpcode(reserved)),
        })
    }
}

impl From<MessageKind> for Opcode {
    fn from(kind: MessageKind) -> Self {
        match kind {
            MessageKind::Text => Self::Text,
            MessageKind::Binary => Self::Binary,
        }
    }
}

/// A header that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) opcode: Opcode,
    pub(crate) fin: bool,
    /// The frame begins a compressed message.
    pub(crate) compressed: bool,
    /// Zeros when the frame is not masked, which unmasks to the same bytes.
    pub(crate) key: Key,
    /// Length of the payload in bytes.
    pub(crate) payload: u64,
    /// Length of this header in bytes.
    pub(crate) size: usize,
}

impl Header {
    /// Reads the header at the start of `bytes`, which `role` received; `None` when more bytes are needed.
    #[inline]
    pub(crate) fn parse(bytes: &[u8], role: Role) -> Result<Option<Self>, ProtocolError> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(ProtocolError::ReservedBits);
        }
        let fin = first & 0x80 != 0;
        let opcode = Opcode::parse(first & 0x0f)?;
        if opcode.is_control() && !fin {
            return Err(ProtocolError::FragmentedControl);
        }

        let Some(&second) = bytes.get(1) else { return Ok(None) };
        let masked = second & 0x80 != 0;
        match (role, masked) {
            (Role::Server, false) => return Err(ProtocolError::UnmaskedFromClient),
            (Role::Client, true) => return Err(ProtocolError::MaskedFromServer),
            _ => {}
        }
        let short = second & 0x7f;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL_PAYLOAD {
            return Err(ProtocolError::OversizedControl);
        }

        let (payload, key_at) = match short {
            126 => {
                let Some(length) = bytes.get(2..).and_then(|rest| rest.first_chunk()) else { return Ok(None) };
                let length = u16::from_be_bytes(*length);
                if length < 126 {
                    return Err(ProtocolError::LengthNotMinimal);
                }
                (u64::from(length), 4)
            }
            127 => {
                let Some(length) = bytes.get(2..).and_then(|rest| rest.first_chunk()) else { return Ok(None) };
                let length = u64::from_be_bytes(*length);
                if length >> 63 != 0 {
                    return Err(ProtocolError::LengthOutOfRange);
                }
                if length <= u64::from(u16::MAX) {
                    return Err(ProtocolError::LengthNotMinimal);
                }
                (length, 10)
            }
            length => (u64::from(length), 2),
        };

        if !masked {
            return Ok(Some(Self { opcode, fin, compressed: false, key: [0; 4], payload, size: key_at }));
        }
        let Some(&key) = bytes.get(key_at..).and_then(|rest| rest.first_chunk()) else { return Ok(None) };
        Ok(Some(Self { opcode, fin, compressed: false, key, payload, size: key_at + 4 }))
    }

    /// Reads a header where compression was agreed on: the first frame of a data message may have its mark.
    pub(crate) fn parse_compressible(bytes: &[u8], role: Role) -> Result<Option<Self>, ProtocolError> {
        match bytes.first() {
            Some(&first) if first & 0x70 == COMPRESSED => {
                if !matches!(Opcode::parse(first & 0x0f)?, Opcode::Text | Opcode::Binary) {
                    return Err(ProtocolError::MisplacedCompression);
                }
                let mut plain = [0; MAX_HEADER];
                let copied = bytes.len().min(MAX_HEADER);
                plain[..copied].copy_from_slice(&bytes[..copied]);
                plain[0] &= !COMPRESSED;
                let header = Self::parse(&plain[..copied], role)?;
                Ok(header.map(|header| Self { compressed: true, ..header }))
            }
            _ => Self::parse(bytes, role),
        }
    }
}

/// The bytes of a frame header that is to be written before its payload, for a driver that writes both in one vectored
/// write. A client's header carries the masking key, and the payload has to go through [`FrameHeader::mask`] first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    bytes: [u8; MAX_HEADER],
    size: u8,
    key: Option<Key>,
}

impl FrameHeader {
    #[inline]
    pub(crate) fn new(opcode: Opcode, fin: bool, payload: usize, key: Option<Key>) -> Self {
        let mut bytes = [0; MAX_HEADER];
        bytes[0] = opcode as u8 | if fin { 0x80 } else { 0 };
        let mask_bit = if key.is_some() { 0x80 } else { 0 };
        let mut size = if payload < 126 {
            bytes[1] = mask_bit | payload as u8;
            2
        } else if let Ok(length) = u16::try_from(payload) {
            bytes[1] = mask_bit | 126;
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            4
        } else {
            bytes[1] = mask_bit | 127;
            bytes[2..10].copy_from_slice(&(payload as u64).to_be_bytes());
            10
        };
        if let Some(key) = key {
            bytes[size..size + 4].copy_from_slice(&key);
            size += 4;
        }
        Self { bytes, size: size as u8, key }
    }

    /// The same header with the mark of a compressed message.
    pub(crate) fn compressed(mut self) -> Self {
        self.bytes[0] |= COMPRESSED;
        self
    }

    /// The header as it goes on the wire: 2 to 14 bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.size)]
    }

    /// Masks the whole payload of this frame in place, as a client must (§5.3). Does nothing in the server role.
    #[inline]
    pub fn mask(&self, payload: &mut [u8]) {
        if let Some(key) = self.key {
            mask::apply(payload, key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(bytes: &[u8]) -> Result<Option<Header>, ProtocolError> {
        Header::parse(bytes, Role::Client)
    }

    #[test]
    fn written_headers_read_back_at_every_border_of_section_5_2() {
        for (payload, size) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10), (1 << 40, 10)] {
            for (role, key) in [(Role::Client, None), (Role::Server, Some([9, 8, 7, 6]))] {
                let written = FrameHeader::new(Opcode::Binary, true, payload, key);
                let expected = Header {
                    opcode: Opcode::Binary,
                    fin: true,
                    compressed: false,
                    key: key.unwrap_or_default(),
                    payload: payload as u64,
                    size: size + if key.is_some() { 4 } else { 0 },
                };
                assert_eq!(Header::parse(written.as_bytes(), role), Ok(Some(expected)));
                for cut in 0..written.as_bytes().len() {
                    assert_eq!(Header::parse(&written.as_bytes()[..cut], role), Ok(None), "{payload} cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn reserved_bits_and_opcodes_are_refused_from_the_first_byte_section_5_2() {
        for bit in [0x40, 0x20, 0x10] {
            assert_eq!(parsed(&[0x81 | bit]), Err(ProtocolError::ReservedBits));
        }
        for nibble in [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf] {
            assert_eq!(parsed(&[0x80 | nibble]), Err(ProtocolError::ReservedOpcode(nibble)));
        }
    }

    #[test]
    fn the_mark_of_compression_belongs_to_the_first_frame_of_a_message_rfc_7692_section_6() {
        let parsed = |bytes: &[u8]| Header::parse_compressible(bytes, Role::Client);
        for first in [0x41, 0x42, 0xc1, 0xc2] {
            assert_eq!(parsed(&[first]), Ok(None));
            assert!(parsed(&[first, 5]).unwrap().unwrap().compressed);
            assert_eq!(Header::parse(&[first], Role::Client), Err(ProtocolError::ReservedBits));
            assert!(!parsed(&[first & !COMPRESSED, 5]).unwrap().unwrap().compressed);
            assert_eq!(parsed(&[first | 0x20]), Err(ProtocolError::ReservedBits));
        }
        for first in [0x40, 0xc0, 0xc8, 0xc9, 0xca] {
            assert_eq!(parsed(&[first]), Err(ProtocolError::MisplacedCompression));
        }
        assert_eq!(parsed(&[0xc3]), Err(ProtocolError::ReservedOpcode(3)));
    }

    #[test]
    fn control_frames_are_whole_and_short_section_5_5() {
        for opcode in [0x8, 0x9, 0xa] {
            assert_eq!(parsed(&[opcode]), Err(ProtocolError::FragmentedControl));
            assert_eq!(parsed(&[0x80 | opcode, 126]), Err(ProtocolError::OversizedControl));
            assert_eq!(parsed(&[0x80 | opcode, 127]), Err(ProtocolError::OversizedControl));
            assert!(matches!(parsed(&[0x80 | opcode, 125]), Ok(Some(_))));
        }
    }

    #[test]
    fn the_mask_bit_belongs_to_clients_section_5_1() {
        assert_eq!(Header::parse(&[0x81, 0x05], Role::Server), Err(ProtocolError::UnmaskedFromClient));
        assert_eq!(Header::parse(&[0x81, 0x85], Role::Client), Err(ProtocolError::MaskedFromServer));
    }

    #[test]
    fn lengths_are_minimal_and_have_63_bits_section_5_2() {
        assert_eq!(parsed(&[0x82, 126, 0, 125]), Err(ProtocolError::LengthNotMinimal));
        assert_eq!(parsed(&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), Err(ProtocolError::LengthNotMinimal));
        assert_eq!(parsed(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]), Err(ProtocolError::LengthOutOfRange));
        assert_eq!(
            parsed(&[0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255]).map(|h| h.map(|h| h.payload)),
            Ok(Some(i64::MAX as u64))
        );
    }
}
