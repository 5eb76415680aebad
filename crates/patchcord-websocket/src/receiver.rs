//! The receiving direction: bytes in, events out.
//!
//! A whole message that lies in the given bytes is unmasked where it lies and handed out without a copy. Everything
//! else is kept here and nowhere else: up to 13 bytes of a header, up to 125 bytes of a control frame, and the payload
//! of a message in progress, whose memory grows with what has come and never with what was announced. A connection
//! between messages owns at most [`KEPT`] bytes of heap, and where the peer's compression refers back to earlier messages
//! what that needs. Any split of the same bytes gives the same events.
//!
//! Answering (a pong for a ping, a close for a close, a close frame for an error) is left to the driver, because it
//! owns the [`Sender`](crate::Sender).

use crate::close::{CloseCode, CloseFrame};
use crate::deflate::{DeflateParameters, Inflater};
use crate::error::ProtocolError;
use crate::frame::{Header, MAX_CONTROL_PAYLOAD, MAX_HEADER, MessageKind, Opcode, Role};
use crate::mask::{self, Key};
use crate::utf8::TextAssembly;

/// Memory of an assembled message that is kept for the next one, in bytes.
const KEPT: usize = 1024;

/// What a peer may make this end hold and do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest message in bytes, counted over all its fragments and in inflated bytes. Default 16 MiB. More is
    /// [`ProtocolError::MessageTooBig`], as soon as a header announces it or as soon as it comes out of compression.
    pub message: usize,
    /// Most frames that one message may be cut into. Default 262,144, which a message of the default size reaches with
    /// fragments of 64 bytes. More is [`ProtocolError::TooManyFrames`]. At least one is always allowed.
    pub frames: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message: 16 << 20, frames: 1 << 18 }
    }
}

/// What the peer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A text message, complete and valid UTF-8.
    Text(&'a str),
    /// A binary message, complete.
    Binary(&'a [u8]),
    /// A ping, to be answered by a pong with the same payload of at most 125 bytes (§5.5.2).
    Ping(&'a [u8]),
    /// A pong, asked for or not, of at most 125 bytes (§5.5.3).
    Pong(&'a [u8]),
    /// The peer closes; nothing that it sends afterwards is read (§5.5.1). `None` when it gave no code.
    Close(Option<CloseFrame<'a>>),
}

/// Reads one peer's frames.
#[derive(Debug)]
pub struct Receiver {
    role: Role,
    limits: Limits,
    finished: bool,
    /// The message in `text` or `binary` was handed out and is to be forgotten at the next call.
    handed_out: bool,
    /// The frame whose payload is arriving.
    frame: Option<Frame>,
    /// The data message in progress.
    message: Option<Message>,
    text: TextAssembly,
    binary: Vec<u8>,
    /// Where compression was agreed on.
    inflater: Option<Box<Inflater>>,
    /// A header of which bytes are missing.
    header: Stash<MAX_HEADER>,
    /// The payload of a control frame that did not come whole.
    control: Stash<MAX_CONTROL_PAYLOAD>,
}

impl Receiver {
    /// A receiver for the end that plays `role`, at the start of the stream: after the opening handshake's head.
    pub fn new(role: Role, limits: Limits) -> Self {
        Self {
            role,
            limits: Limits { message: limits.message, frames: limits.frames.max(1) },
            finished: false,
            handed_out: false,
            frame: None,
            message: None,
            text: TextAssembly::default(),
            binary: Vec::new(),
            inflater: None,
            header: Stash::default(),
            control: Stash::default(),
        }
    }

    /// The same receiver for a connection whose ends agreed on compression.
    #[must_use]
    pub fn with_deflate(mut self, agreed: &DeflateParameters) -> Self {
        let peer = match self.role {
            Role::Server => agreed.client,
            Role::Client => agreed.server,
        };
        self.inflater = Some(Box::new(Inflater::new(peer.context_takeover)));
        self
    }

    /// Changes the largest message in bytes. What has come of a message in progress stays; more of it is measured anew.
    pub fn set_message_limit(&mut self, bytes: usize) {
        self.limits.message = bytes;
    }

    /// Takes bytes from the front of `input` up to the end of the next event, and returns the event.
    ///
    /// `None` means that all of `input` was taken and the next event is not complete; so the driver's loop is
    ///
    /// ```
    /// # use patchcord_websocket::{Event, Limits, ProtocolError, Receiver, Role};
    /// # fn read(receiver: &mut Receiver, buffer: &mut [u8], count: usize) -> Result<(), ProtocolError> {
    /// let mut input = &mut buffer[..count];
    /// while let Some(event) = receiver.receive(&mut input)? {
    ///     if let Event::Text(text) = event {
    ///         assert_eq!(text, "Hello");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// # let mut bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    /// # read(&mut Receiver::new(Role::Server, Limits::default()), &mut bytes, 11).unwrap();
    /// ```
    ///
    /// The call that returns `None` also frees the memory of the last message. Payloads in `input` are unmasked in
    /// place, so its contents are used up. After a close or an error all further input is taken and ignored.
    ///
    /// # Errors
    ///
    /// A [`ProtocolError`] is returned once; it ends the stream.
    #[inline]
    pub fn receive<'a, 'i: 'a>(&'a mut self, input: &mut &'i mut [u8]) -> Result<Option<Event<'a>>, ProtocolError> {
        if self.handed_out {
            self.forget_message();
        }
        if self.frame.is_none() && self.header.is_empty() && !self.finished {
            // The common case: the next frame is a whole message and lies in the input.
            let header = match Header::parse(input, self.role) {
                Ok(header) => header,
                Err(ProtocolError::ReservedBits) if self.inflater.is_some() => return self.receive_in_pieces(input),
                Err(error) => return Err(self.fail(error)),
            };
            if let Some(header) = header
                && (header.opcode.is_control() || (header.fin && self.message.is_none()))
                && header.opcode != Opcode::Continuation
                && header.payload <= (input.len() - header.size) as u64
                && (header.opcode.is_control() || header.payload <= self.limits.message as u64)
            {
                let payload = take(input, header.size + header.payload as usize);
                let payload = &mut payload[header.size..];
                mask::apply(payload, header.key);
                if header.opcode == Opcode::Close {
                    self.end();
                }
                return match whole_event(header.opcode, payload) {
                    Ok(event) => Ok(Some(event)),
                    Err(error) => Err(self.fail(error)),
                };
            }
        }
        self.receive_in_pieces(input)
    }

    /// Whether a close frame or an error has ended the stream: further bytes mean nothing.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether a data message has begun and not ended: its first fragment, or part of it, has come.
    pub fn is_inside_message(&self) -> bool {
        self.message.is_some()
    }

    /// Bytes of heap memory held at the moment; what compression holds is a round figure.
    pub fn memory(&self) -> usize {
        self.text.capacity() + self.binary.capacity() + self.inflater.as_ref().map_or(0, |inflater| inflater.memory())
    }

    #[inline(never)]
    fn receive_in_pieces<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        match self.advance(input) {
            Ok(None) => Ok(None),
            Ok(Some(Complete::Text)) => Ok(Some(Event::Text(self.text.as_str()))),
            Ok(Some(Complete::Binary)) => Ok(Some(Event::Binary(&self.binary))),
            Ok(Some(Complete::Control(opcode))) => {
                // Of the control frames only a close can be wrong, and it is the end either way.
                if opcode == Opcode::Close {
                    self.end();
                }
                whole_event(opcode, self.control.as_bytes()).map(Some)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Takes frames and pieces of frames until an event is complete.
    fn advance(&mut self, input: &mut &mut [u8]) -> Result<Option<Complete>, ProtocolError> {
        while !self.finished {
            let mut frame = match self.frame {
                Some(frame) => frame,
                None => match self.next_header(input)? {
                    Some(header) => self.begin_frame(header)?,
                    None => return Ok(None),
                },
            };
            let piece = take(input, usize::try_from(frame.remaining).unwrap_or(usize::MAX).min(input.len()));
            mask::apply(piece, frame.key);
            match frame.target {
                Target::Control(_) => self.control.append(piece),
                Target::Data(MessageKind::Text) => self.text.append(piece, frame.may_come)?,
                Target::Data(MessageKind::Binary) => append(&mut self.binary, piece, frame.may_come),
                Target::Compressed(kind) => self.inflate(kind, Some(piece))?,
            }
            frame.remaining -= piece.len() as u64;
            frame.may_come -= piece.len() as u64;
            if frame.remaining > 0 {
                frame.key = mask::advance(frame.key, piece.len());
                self.frame = Some(frame);
                return Ok(None);
            }
            self.frame = None;
            match frame.target {
                Target::Control(opcode) => return Ok(Some(Complete::Control(opcode))),
                Target::Data(kind) | Target::Compressed(kind) if frame.fin => {
                    if let Target::Compressed(_) = frame.target {
                        self.inflate(kind, None)?;
                    }
                    self.message = None;
                    self.handed_out = true;
                    if kind == MessageKind::Text {
                        self.text.finish()?;
                    }
                    return Ok(Some(match kind {
                        MessageKind::Text => Complete::Text,
                        MessageKind::Binary => Complete::Binary,
                    }));
                }
                Target::Data(_) | Target::Compressed(_) => {}
            }
        }
        take(input, input.len());
        Ok(None)
    }

    /// The next header, joined with what an earlier call left of it.
    fn next_header(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, ProtocolError> {
        if self.header.is_empty()
            && let Some(header) = self.parse_header(input)?
        {
            take(input, header.size);
            return Ok(Some(header));
        }
        let stashed = self.header.as_bytes().len();
        let copied = input.len().min(MAX_HEADER - stashed);
        self.header.append(&input[..copied]);
        let header = self.parse_header(self.header.as_bytes())?;
        match header {
            Some(header) => {
                take(input, header.size - stashed);
                self.header.clear();
            }
            // A header is complete at 14 bytes at the latest, so all of the input was copied.
            None => {
                take(input, copied);
            }
        }
        Ok(header)
    }

    fn parse_header(&self, bytes: &[u8]) -> Result<Option<Header>, ProtocolError> {
        match self.inflater {
            None => Header::parse(bytes, self.role),
            Some(_) => Header::parse_compressible(bytes, self.role),
        }
    }

    /// Inflates a piece of a compressed message, or its end, and appends what comes out.
    fn inflate(&mut self, kind: MessageKind, piece: Option<&[u8]>) -> Result<(), ProtocolError> {
        let (Some(inflater), Some(message)) = (&mut self.inflater, &mut self.message) else { return Ok(()) };
        let limit = self.limits.message;
        let take = |inflated: &[u8]| {
            let may_come = (limit as u64).saturating_sub(message.length);
            message.length += inflated.len() as u64;
            // What fits is judged as text before the rest is too much, so that no step decides which error it is.
            let fitting = &inflated[..inflated.len().min(usize::try_from(may_come).unwrap_or(usize::MAX))];
            match kind {
                MessageKind::Text => self.text.append(fitting, may_come)?,
                MessageKind::Binary => append(&mut self.binary, fitting, may_come),
            }
            if fitting.len() < inflated.len() { Err(ProtocolError::MessageTooBig { limit }) } else { Ok(()) }
        };
        match piece {
            Some(piece) => inflater.inflate(piece, take),
            None => inflater.finish(take),
        }
    }

    /// Checks a header against what came before it, and counts it.
    fn begin_frame(&mut self, header: Header) -> Result<Frame, ProtocolError> {
        let target = match (header.opcode, self.message) {
            (Opcode::Text, None) => Target::first(MessageKind::Text, header.compressed),
            (Opcode::Binary, None) => Target::first(MessageKind::Binary, header.compressed),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(ProtocolError::ExpectedContinuation),
            (Opcode::Continuation, Some(message)) => message.target,
            (Opcode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
            (control, _) => Target::Control(control),
        };
        let remaining = header.payload;
        let may_come = match target {
            Target::Control(_) => {
                self.control.clear();
                remaining
            }
            Target::Data(_) | Target::Compressed(_) => {
                let message = self.message.get_or_insert(Message { target, frames: 0, length: 0 });
                message.frames += 1;
                if let Target::Data(_) = target {
                    message.length = message.length.saturating_add(header.payload);
                }
                if message.length > self.limits.message as u64 {
                    return Err(ProtocolError::MessageTooBig { limit: self.limits.message });
                }
                if message.frames > self.limits.frames {
                    return Err(ProtocolError::TooManyFrames { limit: self.limits.frames });
                }
                match target {
                    Target::Data(_) if !header.fin => self.limits.message as u64 - message.length + remaining,
                    _ => remaining,
                }
            }
        };
        Ok(Frame { target, fin: header.fin, key: header.key, remaining, may_come })
    }

    fn forget_message(&mut self) {
        self.handed_out = false;
        self.text.clear(KEPT);
        if self.binary.capacity() > KEPT {
            self.binary = Vec::new();
        } else {
            self.binary.clear();
        }
    }

    #[cold]
    fn fail(&mut self, error: ProtocolError) -> ProtocolError {
        self.end();
        error
    }

    /// Stops reading; a message in progress is given up.
    fn end(&mut self) {
        self.finished = true;
        self.frame = None;
        self.message = None;
        self.forget_message();
        if let Some(inflater) = &mut self.inflater {
            inflater.end();
        }
    }
}

/// A frame whose header has been read.
#[derive(Debug, Clone, Copy)]
struct Frame {
    target: Target,
    fin: bool,
    /// The key for the next byte of the payload.
    key: Key,
    /// Bytes of this frame's payload still to come.
    remaining: u64,
    /// The most that the whole message can still bring, this frame included; of a compressed one this frame alone.
    may_come: u64,
}

/// Where a frame's payload is collected.
#[derive(Debug, Clone, Copy)]
enum Target {
    Control(Opcode),
    Data(MessageKind),
    /// In the same place as data, once it is inflated.
    Compressed(MessageKind),
}

impl Target {
    /// That of a message's first frame.
    fn first(kind: MessageKind, compressed: bool) -> Self {
        if compressed { Self::Compressed(kind) } else { Self::Data(kind) }
    }
}

/// A data message in progress.
#[derive(Debug, Clone, Copy)]
struct Message {
    target: Target,
    frames: u32,
    /// Bytes announced so far; of a compressed message the inflated ones.
    length: u64,
}

/// What has come to its end, and in which buffer it lies.
enum Complete {
    Text,
    Binary,
    Control(Opcode),
}

/// A few bytes, held without an allocation.
#[derive(Debug)]
struct Stash<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Default for Stash<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0 }
    }
}

impl<const N: usize> Stash<N> {
    #[inline]
    fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Appends `more`, which the caller has bounded: headers by 14 bytes, control payloads by 125.
    fn append(&mut self, more: &[u8]) {
        let at = usize::from(self.len);
        self.bytes[at..at + more.len()].copy_from_slice(more);
        self.len += more.len() as u8;
    }

    fn clear(&mut self) {
        self.len = 0;
    }
}

/// The event of a frame that is an event by itself, from its unmasked payload.
#[inline]
fn whole_event(opcode: Opcode, payload: &[u8]) -> Result<Event<'_>, ProtocolError> {
    match opcode {
        Opcode::Text => simdutf8::basic::from_utf8(payload).map(Event::Text).map_err(|_| ProtocolError::InvalidUtf8),
        Opcode::Binary | Opcode::Continuation => Ok(Event::Binary(payload)),
        Opcode::Ping => Ok(Event::Ping(payload)),
        Opcode::Pong => Ok(Event::Pong(payload)),
        Opcode::Close => close_frame(payload).map(Event::Close),
    }
}

/// Reads the payload of a close frame (§5.5.1).
fn close_frame(payload: &[u8]) -> Result<Option<CloseFrame<'_>>, ProtocolError> {
    if payload.is_empty() {
        return Ok(None);
    }
    let Some((code, reason)) = payload.split_first_chunk() else { return Err(ProtocolError::ClosePayloadTooShort) };
    let code = CloseCode::new(u16::from_be_bytes(*code));
    if !code.may_be_sent() {
        return Err(ProtocolError::InvalidCloseCode(code.as_u16()));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| ProtocolError::InvalidCloseReason)?;
    Ok(Some(CloseFrame { code, reason }))
}

fn append(buffer: &mut Vec<u8>, piece: &[u8], may_come: u64) {
    buffer.reserve_exact(reserve_for(buffer.len(), buffer.capacity(), piece.len(), may_come));
    buffer.extend_from_slice(piece);
}

/// Cuts `count` bytes off the front of `input`.
#[inline]
fn take<'i>(input: &mut &'i mut [u8], count: usize) -> &'i mut [u8] {
    let (taken, rest) = std::mem::take(input).split_at_mut(count);
    *input = rest;
    taken
}

/// How many bytes to reserve before `piece` more bytes are appended to a buffer of `len` and `capacity`: as many again as
/// there are then, so that appending stays cheap, but never more than `may_come`, the most that can follow (`piece`
/// included). So a buffer is at most twice what has come, and never larger than the message can be.
pub(crate) fn reserve_for(len: usize, capacity: usize, piece: usize, may_come: u64) -> usize {
    if capacity - len >= piece {
        return 0;
    }
    let doubled = (len + piece).saturating_mul(2) - len;
    doubled.min(usize::try_from(may_come).unwrap_or(usize::MAX)).max(piece)
}
