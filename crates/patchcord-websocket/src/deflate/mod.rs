//! Compression of messages, `permessage-deflate` (RFC 7692), on zlib's raw deflate streams.
//!
//! [`DeflateSettings`] say what this end wants and [`DeflateParameters`] what both ends agreed on in the
//! [handshake](crate::handshake::deflate). The receiver owns an [`Inflater`] and the sender a [`Deflater`], each behind
//! one pointer, so that a connection without compression pays for neither.
//!
//! # Memory
//!
//! Without context takeover a message is compressed by itself. Its state is borrowed from a small pool of the thread
//! while the message is written or arriving, so that an idle connection owns none, however many there are. With context
//! takeover a connection keeps its state from its first compressed message on. Measured with the example
//! `deflate_memory` (zlib-rs 0.6, x86-64), by how many KiB one connection grows the process after a message of 64 KiB each
//! way:
//!
//! | context takeover | window bits | sending | receiving |
//! |---|---:|---:|---:|
//! | no | any | 0.1 | 0.6 |
//! | yes | 15 | 312 | 47 |
//! | yes | 12 | 200 | 47 |
//! | yes | 9 | 193 | 47 |
//!
//! What a smaller window saves, it saves the sender: zlib-rs inflates with the largest one always.
//!
//! A message limit holds for the inflated bytes, which are taken in steps of [`STEP`] bytes: what a bomb costs is the
//! limit and one step.

mod deflater;
mod inflater;

use flate2::Compression;

pub(crate) use deflater::{Deflater, deflate_alone};
pub(crate) use inflater::Inflater;

/// Bytes inflated at a time.
const STEP: usize = 16 * 1024;

/// The end of a block of no bytes, which every compressed message would have and none shows (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Size of the window that compression may refer back to, as the power of two of its bytes: 8 to 15 (RFC 7692 §7.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// 256 bytes.
    pub const MIN: Self = Self(8);
    /// 512 bytes: the least that zlib has a compressor for.
    pub(crate) const ZLIB_MIN: Self = Self(9);
    /// 32 KiB.
    pub const MAX: Self = Self(15);

    /// `None` outside 8 to 15.
    pub const fn new(bits: u8) -> Option<Self> {
        if bits >= Self::MIN.0 && bits <= Self::MAX.0 { Some(Self(bits)) } else { None }
    }

    /// The number of bits, 8 to 15.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// How the messages of one direction are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateDirection {
    /// A message may refer back to the messages before it: smaller for many alike, at the price of memory for each
    /// connection, 312 KiB where it is compressed (193 with the smallest window) and 47 where it is inflated. Default
    /// false: what is needed then is shared by all connections of a thread.
    pub context_takeover: bool,
    /// How far back it may refer. Default 15. A server with 8 tells a client that leaves it the choice 9.
    pub window_bits: WindowBits,
}

impl Default for DeflateDirection {
    fn default() -> Self {
        Self { context_takeover: false, window_bits: WindowBits::MAX }
    }
}

/// What this end wants of compression: the most that it lets either direction use, and how it compresses itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateSettings {
    /// What the server sends.
    pub server: DeflateDirection,
    /// What the client sends.
    pub client: DeflateDirection,
    /// 1 (fastest) to 9 (smallest); others are taken for the nearest. Default 6.
    pub level: u8,
    /// Messages of fewer bytes are sent as they are. Default 256.
    pub threshold: usize,
}

impl Default for DeflateSettings {
    fn default() -> Self {
        Self { server: DeflateDirection::default(), client: DeflateDirection::default(), level: 6, threshold: 256 }
    }
}

impl DeflateSettings {
    fn compression(&self) -> Compression {
        Compression::new(self.level.clamp(1, 9).into())
    }
}

/// What both ends agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateParameters {
    /// What the server sends.
    pub server: DeflateDirection,
    /// What the client sends.
    pub client: DeflateDirection,
}
