//! Messages in, compressed payloads out.

use std::cell::RefCell;

use flate2::{Compress, CompressError, Compression, FlushCompress};

use super::{DeflateDirection, DeflateSettings, TAIL, WindowBits};

/// States that a thread keeps for messages that are compressed by themselves.
const POOLED: usize = 4;

/// A state of the pool, and what it was made for.
struct Pooled {
    level: Compression,
    window_bits: WindowBits,
    state: Compress,
}

thread_local! {
    /// The one that was used last stands last.
    static POOL: RefCell<Vec<Pooled>> = const { RefCell::new(Vec::new()) };
}

/// Compresses the messages for one peer.
#[derive(Debug)]
pub(crate) struct Deflater {
    direction: DeflateDirection,
    level: Compression,
    threshold: usize,
    /// With context takeover: zlib's state, from the first compressed message on.
    context: Option<Compress>,
}

impl Deflater {
    pub(crate) fn new(direction: DeflateDirection, settings: &DeflateSettings) -> Self {
        // An empty message has nothing to compress.
        let threshold = settings.threshold.max(1);
        Self { direction, level: settings.compression(), threshold, context: None }
    }

    /// Whether a message of so many bytes is to be compressed.
    #[inline]
    pub(crate) fn wants(&self, length: usize) -> bool {
        length >= self.threshold
    }

    /// The window and level of messages that are compressed by themselves; `None` with context takeover.
    pub(crate) fn alone(&self) -> Option<(WindowBits, Compression)> {
        (!self.direction.context_takeover).then_some((self.direction.window_bits, self.level))
    }

    /// The next message refers to none before it.
    pub(crate) fn forget_context(&mut self) {
        if let Some(context) = self.context.as_mut().filter(|context| context.total_in() > 0) {
            context.reset();
        }
    }

    /// Appends the payload of `message` in its compressed form to `out`. False when the message is to be sent as it is;
    /// `out` is as it was then.
    pub(crate) fn deflate(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        if let Some((window_bits, level)) = self.alone() {
            return deflate_alone(window_bits, level, message, out);
        }
        let start = out.len();
        let (level, window_bits) = (self.level, self.direction.window_bits);
        let context = self.context.get_or_insert_with(|| new_state(level, window_bits));
        let whole = deflate(context, message, out).is_ok();
        if !whole {
            out.truncate(start);
            self.context = None;
        }
        // Once compressed, the message is part of the context: the peer has to see it even where it grew.
        whole
    }
}

/// Appends `message` to `out`, compressed by itself. False when that does not make it smaller; `out` is as it was then.
pub(crate) fn deflate_alone(window_bits: WindowBits, level: Compression, message: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    POOL.with_borrow_mut(|pool| {
        let found = pool.iter().position(|pooled| pooled.window_bits == window_bits && pooled.level == level);
        let mut pooled = match found {
            Some(index) => pool.remove(index),
            None => Pooled { level, window_bits, state: new_state(level, window_bits) },
        };
        let smaller = deflate(&mut pooled.state, message, out).is_ok() && out.len() - start < message.len();
        if !smaller {
            out.truncate(start);
        }
        pooled.state.reset();
        if pool.len() >= POOLED {
            pool.remove(0);
        }
        pool.push(pooled);
        smaller
    })
}

/// With 9 bits zlib refers back at most 250 bytes, because it keeps room for the longest match; so what was asked to fit
/// into 8 does. It has no state for 8 itself.
fn new_state(level: Compression, window_bits: WindowBits) -> Compress {
    Compress::new_with_window_bits(level, false, window_bits.max(WindowBits::ZLIB_MIN).get())
}

/// Appends `message` up to the end of a block, and takes the tail of that block off (RFC 7692 §7.2.1).
fn deflate(state: &mut Compress, mut message: &[u8], out: &mut Vec<u8>) -> Result<(), CompressError> {
    loop {
        // A guess of the whole; zlib asks for more than six bytes of room.
        out.reserve(message.len() / 4 + 64);
        let before = state.total_in();
        state.compress_vec(message, out, FlushCompress::Sync)?;
        message = &message[(state.total_in() - before) as usize..];
        // While the room was filled to the last byte, more may be waiting.
        if message.is_empty() && out.len() < out.capacity() {
            break;
        }
    }
    debug_assert!(out.ends_with(&TAIL), "a flush ends with an empty block");
    out.truncate(out.len() - TAIL.len());
    Ok(())
}
