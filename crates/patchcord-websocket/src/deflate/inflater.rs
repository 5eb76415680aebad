//! Compressed payloads in, bytes of messages out, a step at a time.

use std::cell::RefCell;

use flate2::{Decompress, FlushDecompress, Status};

use super::{STEP, TAIL};
use crate::error::ProtocolError;

/// States that a thread keeps for its next compressed messages.
const POOLED: usize = 8;
/// About what one state of zlib takes, window included.
const STATE: usize = 48 * 1024;
/// A block of no bytes that says it is the last: it ends a stream where a block may begin, and nowhere else.
const LAST_BLOCK: [u8; 5] = [0x01, 0x00, 0x00, 0xff, 0xff];

thread_local! {
    static POOL: RefCell<Vec<Decompress>> = const { RefCell::new(Vec::new()) };
    /// Where the bytes of a step lie until they are appended to their message.
    static STEP_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Inflates the messages of one peer.
#[derive(Debug)]
pub(crate) struct Inflater {
    context_takeover: bool,
    /// Zlib's state while a message is arriving; with context takeover from the first one on.
    ///
    /// Its window is always the largest: zlib's state takes no less memory for a smaller one.
    state: Option<Decompress>,
    /// Nothing has come of the message, or nothing since its last final block.
    at_start: bool,
}

impl Inflater {
    pub(crate) fn new(context_takeover: bool) -> Self {
        Self { context_takeover, state: None, at_start: true }
    }

    /// Inflates a piece of a message and gives what comes out to `take`, at most [`STEP`] bytes at a time.
    pub(crate) fn inflate(
        &mut self,
        mut piece: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), ProtocolError>,
    ) -> Result<(), ProtocolError> {
        if piece.is_empty() {
            return Ok(());
        }
        let state =
            self.state.get_or_insert_with(|| POOL.with_borrow_mut(Vec::pop).unwrap_or_else(|| Decompress::new(false)));
        STEP_BUFFER.with_borrow_mut(|step| {
            step.resize(STEP, 0);
            loop {
                let (before_in, before_out) = (state.total_in(), state.total_out());
                let status = state.decompress(piece, step, FlushDecompress::None);
                let read = (state.total_in() - before_in) as usize;
                let written = (state.total_out() - before_out) as usize;
                piece = &piece[read..];
                self.at_start = false;
                // What came out before an error counts: the order of errors does not depend on the pieces.
                take(&step[..written])?;
                match status {
                    // The stream goes on behind a final block with a block of its own (RFC 7692 §7.2.3.4).
                    Ok(Status::StreamEnd) => {
                        state.reset(false);
                        self.at_start = true;
                        if piece.is_empty() {
                            return Ok(());
                        }
                    }
                    // A step that was not filled has left nothing inside.
                    Ok(_) if piece.is_empty() && written < STEP => return Ok(()),
                    Ok(_) if read > 0 || written > 0 => {}
                    Ok(_) | Err(_) => return Err(ProtocolError::CorruptCompression),
                }
            }
        })
    }

    /// Ends a message whose last piece has come: puts back what its sender took off (RFC 7692 §7.2.2).
    pub(crate) fn finish(&mut self, take: impl FnMut(&[u8]) -> Result<(), ProtocolError>) -> Result<(), ProtocolError> {
        // A message of no bytes, or one whose sender forgot the empty block behind a final one, is whole as it is.
        if self.context_takeover {
            if !self.at_start {
                self.inflate(&TAIL, take)?;
            }
            self.at_start = true;
            return Ok(());
        }
        if !self.at_start {
            // Nothing else tells a message that was cut short inside a block.
            self.inflate(&[&TAIL[..], &LAST_BLOCK].concat(), take)?;
            if !std::mem::replace(&mut self.at_start, true) {
                return Err(ProtocolError::CorruptCompression);
            }
        }
        if let Some(mut state) = self.state.take() {
            state.reset(false);
            POOL.with_borrow_mut(|pool| {
                if pool.len() < POOLED {
                    pool.push(state);
                }
            });
        }
        Ok(())
    }

    /// Forgets everything; the connection reads no more.
    pub(crate) fn end(&mut self) {
        self.state = None;
        self.at_start = true;
    }

    /// Bytes of heap memory held, about.
    pub(crate) fn memory(&self) -> usize {
        if self.state.is_some() { STATE } else { 0 }
    }
}
