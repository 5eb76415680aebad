//! Why a peer's byte stream cannot be read any further.
//!
//! One variant per rule of RFC 6455 that a peer can break, each with the close code to answer with. After any of these
//! the connection is failed (§7.1.7): send a close frame with [`ProtocolError::close_code`], then end the transport.
//! What went wrong while *sending* is the caller's own doing and lives in [`SendError`](crate::SendError).

use crate::close::CloseCode;

/// A rule that the peer's bytes broke. The [`Receiver`](crate::Receiver) that returned it reads nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A reserved bit was set that no negotiated extension uses (§5.2).
    #[error("the peer set a reserved frame bit that no agreed extension uses")]
    ReservedBits,
    /// The bit that marks a compressed message was set on another frame than a message's first (RFC 7692 §6.1).
    #[error("the peer marked a frame as compressed that does not begin a message")]
    MisplacedCompression,
    /// The opcode is one of the ten that the RFC reserves (§5.2).
    #[error("the peer sent a frame with the reserved opcode {0:#x}")]
    ReservedOpcode(u8),
    /// A ping, pong or close frame without the FIN bit (§5.5).
    #[error("the peer sent a control frame in fragments")]
    FragmentedControl,
    /// A ping, pong or close frame of more than 125 bytes (§5.5).
    #[error("the peer sent a control frame of more than 125 bytes")]
    OversizedControl,
    /// A client sent a frame without a mask (§5.1).
    #[error("the client sent a frame without a mask")]
    UnmaskedFromClient,
    /// A server sent a masked frame (§5.1).
    #[error("the server sent a masked frame")]
    MaskedFromServer,
    /// A payload length was written in more bytes than it needs (§5.2).
    #[error("the peer wrote a payload length in more bytes than needed")]
    LengthNotMinimal,
    /// The most significant bit of a 64-bit payload length was set (§5.2).
    #[error("the peer announced a payload length of more than 63 bits")]
    LengthOutOfRange,
    /// A continuation frame while no message was being sent in fragments (§5.4).
    #[error("the peer continued a message that it had not begun")]
    UnexpectedContinuation,
    /// A text or binary frame before the last fragment of the message in progress (§5.4).
    #[error("the peer began a message inside another message")]
    ExpectedContinuation,
    /// The message would be larger than [`Limits::message`](crate::Limits::message), counted over all fragments and, if
    /// it is compressed, in inflated bytes.
    #[error("the peer's message is larger than the limit of {limit} bytes")]
    MessageTooBig {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// The message has more frames than [`Limits::frames`](crate::Limits::frames).
    #[error("the peer cut a message into more than {limit} frames")]
    TooManyFrames {
        /// The limit in force, in frames.
        limit: u32,
    },
    /// A compressed message is not a deflate stream, or is cut short (RFC 7692 §7.2.2).
    #[error("the peer sent a compressed message that cannot be inflated")]
    CorruptCompression,
    /// A text message is not UTF-8 (§8.1).
    #[error("the peer sent text that is not UTF-8")]
    InvalidUtf8,
    /// A close frame with a payload of one byte, which is neither nothing nor a code (§5.5.1).
    #[error("the peer sent a close frame with half a close code")]
    ClosePayloadTooShort,
    /// A close frame with a code that must not stand on the wire (§7.4).
    #[error("the peer closed with code {0}, which must not be sent")]
    InvalidCloseCode(u16),
    /// A close reason that is not UTF-8 (§5.5.1).
    #[error("the peer gave a close reason that is not UTF-8")]
    InvalidCloseReason,
}

impl ProtocolError {
    /// The code for the close frame that answers this error (§7.4.1): 1009 for what is too big, 1007 for text that
    /// is not UTF-8 and for what cannot be inflated, 1002 for everything else.
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::MessageTooBig { .. } | Self::TooManyFrames { .. } => CloseCode::TOO_BIG,
            Self::InvalidUtf8 | Self::InvalidCloseReason | Self::CorruptCompression => CloseCode::INVALID_PAYLOAD,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}
