//! The sending direction: messages in, bytes out.
//!
//! Frames are appended to a buffer that the caller gives, so that one write carries many of them. A client's frames are
//! masked with a fresh key each. What must not be sent is refused with a reason and leaves the buffer as it was: control
//! payloads that are too long, close codes that must not stand on the wire, a message inside another, anything after a
//! close. Where compression was agreed on, whole messages are compressed when they are long enough and become smaller;
//! messages in fragments are sent as they are. Bounding the buffer for a peer that does not read is left to the driver.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compression;

use crate::close::CloseCode;
use crate::deflate::{DeflateParameters, DeflateSettings, Deflater, WindowBits, deflate_alone};
use crate::frame::{FrameHeader, MAX_CONTROL_PAYLOAD, MAX_HEADER, MessageKind, Opcode, Role};
use crate::mask::KeySource;

/// The longest close reason in bytes: a control payload without the code.
const MAX_CLOSE_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

/// Why something was not sent. The connection and the buffer are as they were before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// A close frame was sent before: nothing may follow it (§5.5.1).
    #[error("the connection is closing, nothing more can be sent")]
    Closing,
    /// A ping or pong payload of more than 125 bytes (§5.5).
    #[error("a ping or pong holds at most 125 bytes, not {0}")]
    ControlTooLong(usize),
    /// A close code that must not stand on the wire (§7.4).
    #[error("close code {0} must not be sent; use 1000 to 1003, 1007 to 1014 or 3000 to 4999")]
    CloseCodeNotSendable(CloseCode),
    /// A message was begun in fragments and has not been ended (§5.4).
    #[error("a message in fragments has to be ended before the next message")]
    InsideMessage,
    /// A fragment was to continue or end a message that was not begun (§5.4).
    #[error("no message in fragments has been begun")]
    NoMessageBegun,
    /// A message that was encoded once for many peers is not masked, as a client's must be (§5.1).
    #[error("a client cannot send a shared message, its frames are masked one by one")]
    SharedFromClient,
}

/// Writes one peer's frames.
#[derive(Debug)]
pub struct Sender {
    /// Makes the masking keys; a server has none.
    keys: Option<KeySource>,
    /// Where compression was agreed on.
    deflater: Option<Box<Deflater>>,
    inside_message: bool,
    closing: bool,
}

impl Sender {
    /// A sender for the end that plays `role`. In the client role `seed` seeds the masking keys and must come from the
    /// system's entropy (§10.3); in the server role it is not used.
    pub fn new(role: Role, seed: u64) -> Self {
        let keys = match role {
            Role::Server => None,
            Role::Client => Some(KeySource::new(seed)),
        };
        Self { keys, deflater: None, inside_message: false, closing: false }
    }

    /// The same sender for a connection whose ends agreed on compression; `settings` say which messages are compressed,
    /// and how much.
    #[must_use]
    pub fn with_deflate(mut self, agreed: &DeflateParameters, settings: &DeflateSettings) -> Self {
        let own = if self.keys.is_some() { agreed.client } else { agreed.server };
        self.deflater = Some(Box::new(Deflater::new(own, settings)));
        self
    }

    /// Compresses the next message without reference to those before it. A driver that may yet drop a message which it
    /// has had written calls this before it and after it: what is dropped must not be part of the context. Does
    /// nothing where there is none.
    pub fn forget_context(&mut self) {
        if let Some(deflater) = &mut self.deflater {
            deflater.forget_context();
        }
    }

    /// Appends a text message to `out`, in one frame.
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`], [`SendError::InsideMessage`].
    #[inline]
    pub fn text(&mut self, out: &mut Vec<u8>, text: &str) -> Result<(), SendError> {
        self.message(out, MessageKind::Text, text.as_bytes())
    }

    /// Appends a binary message to `out`, in one frame.
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`], [`SendError::InsideMessage`].
    #[inline]
    pub fn binary(&mut self, out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), SendError> {
        self.message(out, MessageKind::Binary, bytes)
    }

    /// Appends a ping to `out`, at any time before a close, also between fragments (§5.5.2).
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`], [`SendError::ControlTooLong`].
    pub fn ping(&mut self, out: &mut Vec<u8>, payload: &[u8]) -> Result<(), SendError> {
        self.control(out, Opcode::Ping, payload)
    }

    /// Appends a pong to `out`, at any time before a close, also between fragments (§5.5.3).
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`], [`SendError::ControlTooLong`].
    pub fn pong(&mut self, out: &mut Vec<u8>, payload: &[u8]) -> Result<(), SendError> {
        self.control(out, Opcode::Pong, payload)
    }

    /// Appends a close frame to `out`; the last frame of this direction (§5.5.1). A reason of more than 123 bytes is
    /// cut at the end of a character. A message in fragments is given up.
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`], [`SendError::CloseCodeNotSendable`].
    pub fn close(&mut self, out: &mut Vec<u8>, code: CloseCode, reason: &str) -> Result<(), SendError> {
        self.check_open()?;
        if !code.may_be_sent() {
            return Err(SendError::CloseCodeNotSendable(code));
        }
        let reason = &reason[..reason.floor_char_boundary(MAX_CLOSE_REASON)];
        let mut payload = [0; MAX_CONTROL_PAYLOAD];
        payload[..2].copy_from_slice(&code.as_u16().to_be_bytes());
        payload[2..2 + reason.len()].copy_from_slice(reason.as_bytes());
        self.frame(out, Opcode::Close, true, &payload[..2 + reason.len()]);
        self.closing = true;
        Ok(())
    }

    /// Appends a close frame that gives no code; the peer reports it as 1005 (§7.1.5).
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`].
    pub fn close_without_code(&mut self, out: &mut Vec<u8>) -> Result<(), SendError> {
        self.check_open()?;
        self.frame(out, Opcode::Close, true, &[]);
        self.closing = true;
        Ok(())
    }

    /// Begins a message in fragments with its first one (§5.4). The pieces of a text may be cut inside a character;
    /// that their sum is UTF-8 is the caller's to see to.
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`], [`SendError::InsideMessage`].
    pub fn first_fragment(&mut self, out: &mut Vec<u8>, kind: MessageKind, piece: &[u8]) -> Result<(), SendError> {
        self.check_new_message()?;
        self.frame(out, kind.into(), false, piece);
        self.inside_message = true;
        Ok(())
    }

    /// Continues a message in fragments (§5.4).
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`], [`SendError::NoMessageBegun`].
    pub fn next_fragment(&mut self, out: &mut Vec<u8>, piece: &[u8]) -> Result<(), SendError> {
        self.continuation(out, false, piece)
    }

    /// Ends a message in fragments with its last one, which may be empty (§5.4).
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`], [`SendError::NoMessageBegun`].
    pub fn last_fragment(&mut self, out: &mut Vec<u8>, piece: &[u8]) -> Result<(), SendError> {
        self.continuation(out, true, piece)?;
        self.inside_message = false;
        Ok(())
    }

    /// The header of a message in one frame, for a driver that writes a large payload from where it lies. Exactly
    /// `length` bytes have to follow it on the wire, in the client role after [`FrameHeader::mask`].
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`], [`SendError::InsideMessage`].
    pub fn header(&mut self, kind: MessageKind, length: usize) -> Result<FrameHeader, SendError> {
        self.check_new_message()?;
        Ok(self.frame_header(kind.into(), true, length))
    }

    /// Whether payloads stand on the wire as they are given, so that [`Sender::header`] and the payload itself make a
    /// message. A client masks them, and where compression was agreed on they may be compressed.
    pub fn sends_verbatim(&self) -> bool {
        self.keys.is_none() && self.deflater.is_none()
    }

    /// The bytes of a message that was encoded once for many peers. They have to go out whole, after everything that
    /// was sent before; the buffer is shared, not copied. It is also compressed once, for all peers with the same window
    /// and at the level of the first; only for a peer with context takeover it is compressed anew.
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`], [`SendError::InsideMessage`], [`SendError::SharedFromClient`].
    pub fn shared(&mut self, message: &EncodedMessage) -> Result<Bytes, SendError> {
        self.check_new_message()?;
        if self.keys.is_some() {
            return Err(SendError::SharedFromClient);
        }
        let encoded = &*message.0;
        let Some(deflater) = self.deflater.as_mut().filter(|deflater| deflater.wants(encoded.payload().len())) else {
            return Ok(encoded.plain.clone());
        };
        if let Some((window_bits, level)) = deflater.alone() {
            return Ok(encoded.compressed(window_bits, level));
        }
        let mut own = Vec::new();
        self.compressed_frame(&mut own, encoded.opcode, encoded.payload());
        Ok(own.into())
    }

    /// Whether a close frame was sent.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Appends a message of either kind to `out`, in one frame. A text has to be UTF-8, which is the caller's to see to.
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`], [`SendError::InsideMessage`].
    #[inline]
    pub fn message(&mut self, out: &mut Vec<u8>, kind: MessageKind, payload: &[u8]) -> Result<(), SendError> {
        self.check_new_message()?;
        match &self.deflater {
            Some(deflater) if deflater.wants(payload.len()) => self.compressed_frame(out, kind.into(), payload),
            _ => self.frame(out, kind.into(), true, payload),
        }
        Ok(())
    }

    /// Appends a message in one frame: compressed, unless that does not make it smaller.
    #[inline(never)]
    fn compressed_frame(&mut self, out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
        let start = out.len();
        // The header comes before the payload whose length it tells, so the payload makes room for any and moves up.
        out.resize(start + MAX_HEADER, 0);
        if !self.deflater.as_mut().is_some_and(|deflater| deflater.deflate(payload, out)) {
            out.truncate(start);
            self.frame(out, opcode, true, payload);
            return;
        }
        let length = out.len() - start - MAX_HEADER;
        let header = self.frame_header(opcode, true, length).compressed();
        let payload_at = start + header.as_bytes().len();
        out[start..payload_at].copy_from_slice(header.as_bytes());
        out.copy_within(start + MAX_HEADER.., payload_at);
        out.truncate(payload_at + length);
        header.mask(&mut out[payload_at..]);
    }

    fn control(&mut self, out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.check_open()?;
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return Err(SendError::ControlTooLong(payload.len()));
        }
        self.frame(out, opcode, true, payload);
        Ok(())
    }

    fn continuation(&mut self, out: &mut Vec<u8>, fin: bool, piece: &[u8]) -> Result<(), SendError> {
        self.check_open()?;
        if !self.inside_message {
            return Err(SendError::NoMessageBegun);
        }
        self.frame(out, Opcode::Continuation, fin, piece);
        Ok(())
    }

    #[inline]
    fn check_open(&self) -> Result<(), SendError> {
        if self.closing { Err(SendError::Closing) } else { Ok(()) }
    }

    #[inline]
    fn check_new_message(&self) -> Result<(), SendError> {
        self.check_open()?;
        if self.inside_message { Err(SendError::InsideMessage) } else { Ok(()) }
    }

    #[inline]
    fn frame(&mut self, out: &mut Vec<u8>, opcode: Opcode, fin: bool, payload: &[u8]) {
        let header = self.frame_header(opcode, fin, payload.len());
        out.reserve(MAX_HEADER + payload.len());
        out.extend_from_slice(header.as_bytes());
        let start = out.len();
        out.extend_from_slice(payload);
        header.mask(&mut out[start..]);
    }

    #[inline]
    fn frame_header(&mut self, opcode: Opcode, fin: bool, payload: usize) -> FrameHeader {
        FrameHeader::new(opcode, fin, payload, self.keys.as_mut().map(KeySource::next_key))
    }
}

/// A message of a server, encoded once and shared by all the peers that it goes to; cheap to clone.
///
/// [`Sender::shared`] gives its bytes, after the checks of that connection.
#[derive(Debug, Clone)]
pub struct EncodedMessage(Arc<Encoded>);

#[derive(Debug)]
struct Encoded {
    opcode: Opcode,
    /// The frame without compression.
    plain: Bytes,
    payload_at: usize,
    /// The frame compressed by itself, for each size of the window that a peer had; the plain one where that is smaller.
    compressed: [OnceLock<Bytes>; (WindowBits::MAX.get() - WindowBits::MIN.get()) as usize + 1],
}

impl EncodedMessage {
    /// Encodes a text message.
    pub fn text(text: &str) -> Self {
        Self::new(Opcode::Text, text.as_bytes())
    }

    /// Encodes a binary message.
    pub fn binary(bytes: &[u8]) -> Self {
        Self::new(Opcode::Binary, bytes)
    }

    /// Length of the frame without compression in bytes, header included: what it counts in a byte budget before it is
    /// known how it is sent.
    pub fn wire_len(&self) -> usize {
        self.0.plain.len()
    }

    /// Length of the message in bytes.
    pub fn payload_len(&self) -> usize {
        self.0.payload().len()
    }

    fn new(opcode: Opcode, payload: &[u8]) -> Self {
        let header = FrameHeader::new(opcode, true, payload.len(), None);
        let payload_at = header.as_bytes().len();
        let mut plain = Vec::with_capacity(payload_at + payload.len());
        plain.extend_from_slice(header.as_bytes());
        plain.extend_from_slice(payload);
        Self(Arc::new(Encoded { opcode, plain: plain.into(), payload_at, compressed: Default::default() }))
    }
}

impl Encoded {
    fn payload(&self) -> &[u8] {
        &self.plain[self.payload_at..]
    }

    fn compressed(&self, window_bits: WindowBits, level: Compression) -> Bytes {
        let place = &self.compressed[usize::from(window_bits.get() - WindowBits::MIN.get())];
        let compress = || {
            let mut payload = Vec::new();
            if !deflate_alone(window_bits, level, self.payload(), &mut payload) {
                return self.plain.clone();
            }
            let header = FrameHeader::new(self.opcode, true, payload.len(), None).compressed();
            [header.as_bytes(), &payload].concat().into()
        };
        place.get_or_init(compress).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> (Sender, Vec<u8>) {
        (Sender::new(Role::Server, 0), Vec::new())
    }

    #[test]
    fn a_servers_hello_is_the_example_of_section_5_7() {
        let (mut sender, mut out) = server();
        sender.text(&mut out, "Hello").unwrap();
        assert_eq!(out, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    }

    #[test]
    fn fragments_are_the_example_of_section_5_7() {
        let (mut sender, mut out) = server();
        sender.first_fragment(&mut out, MessageKind::Text, b"Hel").unwrap();
        sender.last_fragment(&mut out, b"lo").unwrap();
        assert_eq!(out, [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f]);
    }

    #[test]
    fn a_client_masks_every_frame_with_another_key_section_5_3() {
        let mut sender = Sender::new(Role::Client, 7);
        let mut out = Vec::new();
        sender.text(&mut out, "Hello").unwrap();
        sender.text(&mut out, "Hello").unwrap();
        let (first, second) = out.split_at(11);
        assert_eq!((first[1], second[1]), (0x85, 0x85));
        assert_ne!(first[2..6], second[2..6], "fresh key");
        for frame in [first, second] {
            let plain: Vec<u8> =
                frame[6..].iter().zip(frame[2..6].iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            assert_eq!(plain, b"Hello");
        }
    }

    #[test]
    fn frames_collect_in_one_buffer() {
        let (mut sender, mut out) = server();
        sender.binary(&mut out, &[1]).unwrap();
        sender.ping(&mut out, b"?").unwrap();
        sender.pong(&mut out, b"!").unwrap();
        assert_eq!(out, [0x82, 1, 1, 0x89, 1, b'?', 0x8a, 1, b'!']);
    }

    #[test]
    fn nothing_follows_a_close_section_5_5_1() {
        let (mut sender, mut out) = server();
        sender.close(&mut out, CloseCode::NORMAL, "bye").unwrap();
        assert_eq!(out, [0x88, 5, 0x03, 0xe8, b'b', b'y', b'e']);
        assert!(sender.is_closing());
        let sent = out.clone();
        assert_eq!(sender.text(&mut out, "x"), Err(SendError::Closing));
        assert_eq!(sender.binary(&mut out, b"x"), Err(SendError::Closing));
        assert_eq!(sender.ping(&mut out, b""), Err(SendError::Closing));
        assert_eq!(sender.pong(&mut out, b""), Err(SendError::Closing));
        assert_eq!(sender.close(&mut out, CloseCode::NORMAL, ""), Err(SendError::Closing));
        assert_eq!(sender.close_without_code(&mut out), Err(SendError::Closing));
        assert_eq!(sender.first_fragment(&mut out, MessageKind::Text, b""), Err(SendError::Closing));
        assert_eq!(sender.next_fragment(&mut out, b""), Err(SendError::Closing));
        assert_eq!(sender.last_fragment(&mut out, b""), Err(SendError::Closing));
        assert_eq!(sender.header(MessageKind::Text, 1), Err(SendError::Closing));
        assert_eq!(sender.shared(&EncodedMessage::text("x")), Err(SendError::Closing));
        assert_eq!(out, sent);
    }

    #[test]
    fn control_payloads_end_at_125_bytes_section_5_5() {
        let (mut sender, mut out) = server();
        assert_eq!(sender.ping(&mut out, &[0; 126]), Err(SendError::ControlTooLong(126)));
        assert_eq!(sender.pong(&mut out, &[0; 200]), Err(SendError::ControlTooLong(200)));
        assert!(out.is_empty());
        sender.ping(&mut out, &[0; 125]).unwrap();
        assert_eq!(out.len(), 127);
    }

    #[test]
    fn close_codes_that_only_report_are_refused_section_7_4_1() {
        let (mut sender, mut out) = server();
        for number in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            let code = CloseCode::new(number);
            assert_eq!(sender.close(&mut out, code, ""), Err(SendError::CloseCodeNotSendable(code)));
        }
        assert!(out.is_empty() && !sender.is_closing());
    }

    #[test]
    fn a_long_close_reason_is_cut_between_characters() {
        let (mut sender, mut out) = server();
        // 122 bytes and a character of two: the 123rd byte would be half of it.
        let reason = format!("{}é", "x".repeat(122));
        sender.close(&mut out, CloseCode::NORMAL, &reason).unwrap();
        assert_eq!(out.len(), 2 + 2 + 122);
        assert_eq!(&out[4..], "x".repeat(122).as_bytes());
    }

    #[test]
    fn messages_do_not_mix_with_fragments_but_control_frames_do_section_5_4() {
        let (mut sender, mut out) = server();
        assert_eq!(sender.next_fragment(&mut out, b""), Err(SendError::NoMessageBegun));
        assert_eq!(sender.last_fragment(&mut out, b""), Err(SendError::NoMessageBegun));
        sender.first_fragment(&mut out, MessageKind::Binary, b"a").unwrap();
        assert_eq!(sender.text(&mut out, "x"), Err(SendError::InsideMessage));
        assert_eq!(sender.first_fragment(&mut out, MessageKind::Text, b"x"), Err(SendError::InsideMessage));
        assert_eq!(sender.header(MessageKind::Text, 1), Err(SendError::InsideMessage));
        assert_eq!(sender.shared(&EncodedMessage::text("x")), Err(SendError::InsideMessage));
        sender.ping(&mut out, b"").unwrap();
        sender.last_fragment(&mut out, b"b").unwrap();
        sender.text(&mut out, "c").unwrap();
        assert_eq!(out, [0x02, 1, b'a', 0x89, 0, 0x80, 1, b'b', 0x81, 1, b'c']);
    }

    #[test]
    fn a_header_and_its_payload_equal_the_message_written_whole() {
        let payload = vec![b'x'; 70_000];
        let mut by_header = Sender::new(Role::Client, 3);
        let mut whole = Sender::new(Role::Client, 3);
        let header = by_header.header(MessageKind::Binary, payload.len()).unwrap();
        let mut pieces = header.as_bytes().to_vec();
        let mut masked = payload.clone();
        header.mask(&mut masked);
        pieces.extend_from_slice(&masked);
        let mut out = Vec::new();
        whole.binary(&mut out, &payload).unwrap();
        assert_eq!(pieces, out);
    }

    #[test]
    fn a_shared_message_is_the_same_memory_for_every_peer() {
        let message = EncodedMessage::text("to all");
        let (mut sender, mut out) = server();
        let first = sender.shared(&message).unwrap();
        let second = Sender::new(Role::Server, 0).shared(&message).unwrap();
        assert_eq!(first.as_ptr(), second.as_ptr());
        sender.text(&mut out, "to all").unwrap();
        assert_eq!((&first[..], message.wire_len()), (&out[..], out.len()));
        assert_eq!(Sender::new(Role::Client, 0).shared(&message), Err(SendError::SharedFromClient));
    }
}
