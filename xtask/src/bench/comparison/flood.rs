//! A flood: chunks of messages without a pause, each with a mark at its end that the client confirms.
//!
//! What a client has done is known from the marks that it confirms, because it handles messages in order. A window
//! begins and ends at a confirmed mark, and at most [`IN_FLIGHT`] chunks are under way, so no message counts that waits
//! in a socket.

use std::time::{Duration, Instant};

use super::super::histogram::Histogram;
use super::super::measurement::Measurement;
use super::link::{Link, LoadError};
use super::load::Accounts;

/// Payload bytes of a chunk.
pub const CHUNK: usize = 256_000;
/// Chunks that are sent before the client has confirmed the first of them.
const IN_FLIGHT: u64 = 4;

/// How chunks are marked, and how a client confirms them.
pub trait Marks {
    /// Puts the number of a chunk into its mark. Numbers count from 1.
    fn stamp(&self, chunk: &mut [u8], number: u64);

    /// Takes a frame of the client in and returns the number of the last chunk that is done, where it says something
    /// new.
    ///
    /// # Errors
    /// When it is not what the client must send.
    fn handle_frame(&mut self, opcode: u8, payload: &[u8]) -> Result<Option<u64>, LoadError>;

    /// What has to be sent before the next chunk, apart from it.
    ///
    /// # Errors
    /// When the client has let a time limit of the protocol pass.
    fn poll_output(&mut self, _now: Instant, _output: &mut Vec<u8>) -> Result<(), LoadError> {
        Ok(())
    }
}

/// Bytes that are sent in one piece.
pub struct Chunk {
    /// Messages and the mark behind them.
    pub bytes: Vec<u8>,
    /// Operations that are done when the mark is confirmed.
    pub operations: u64,
}

/// When a flood has been going on for long enough.
#[derive(Clone, Copy)]
pub enum Until {
    /// At the first mark that is confirmed after this time.
    After(Duration),
    /// When this many chunks were done.
    Done(u64),
}

/// Sends a chunk again and again.
pub struct Flood<'a, M> {
    link: &'a mut Link,
    marks: &'a mut M,
    chunk: Chunk,
    /// What goes out before the next chunk.
    output: Vec<u8>,
    /// Bytes of the chunk under way that were written.
    written: usize,
    /// Chunks of which the first byte was written.
    begun: u64,
    done: u64,
    most: u64,
}

impl<'a, M: Marks> Flood<'a, M> {
    /// At most `most` chunks.
    pub fn new(link: &'a mut Link, marks: &'a mut M, chunk: Chunk, most: Option<u64>) -> Self {
        let most = most.unwrap_or(u64::MAX);
        Self { link, marks, chunk, output: Vec::new(), written: 0, begun: 0, done: 0, most }
    }

    /// Goes on and counts.
    ///
    /// # Errors
    /// As [`run`](Self::run), and when the client's accounts cannot be read.
    pub fn measure(&mut self, pids: &[u32], until: Until) -> Result<Measurement, LoadError> {
        let before = self.done;
        let accounts = Accounts::begin(pids)?;
        self.run(until)?;
        accounts.end((self.done - before) * self.chunk.operations, &Histogram::new())
    }

    /// Goes on.
    ///
    /// # Errors
    /// When the client is stuck, gone, or sends what it must not.
    pub fn run(&mut self, until: Until) -> Result<(), LoadError> {
        self.link.set_blocking(false)?;
        let begin = Instant::now();
        loop {
            let before = self.done;
            self.turn()?;
            let ended = match until {
                Until::After(time) => self.done > before && begin.elapsed() >= time,
                Until::Done(chunks) => self.done >= chunks,
            };
            if ended {
                return Ok(self.link.set_blocking(true)?);
            }
        }
    }

    /// Ends the chunk that was begun, waits until all are done, and says how many they were.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn finish(mut self) -> Result<u64, LoadError> {
        self.most = self.begun;
        if self.done < self.begun {
            self.run(Until::Done(self.begun))?;
        }
        Ok(self.begun)
    }

    /// Waits until something can be written or read, and does it.
    fn turn(&mut self) -> Result<(), LoadError> {
        let may_begin = self.begun < self.most && self.begun - self.done < IN_FLIGHT;
        if self.written == 0 && may_begin {
            self.marks.poll_output(Instant::now(), &mut self.output)?;
        }
        let wants_output = self.written > 0 || may_begin || !self.output.is_empty();
        let (readable, writable) = self.link.wait(wants_output)?;
        if readable {
            self.link.read()?;
            while let Some((opcode, payload)) = self.link.next_frame()? {
                if let Some(number) = self.marks.handle_frame(opcode, self.link.payload(payload))? {
                    self.done = number;
                }
            }
        }
        if writable { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), LoadError> {
        if !self.output.is_empty() {
            let written = self.link.write(&self.output)?;
            self.output.drain(..written);
            return Ok(());
        }
        if self.written == 0 {
            self.marks.stamp(&mut self.chunk.bytes, self.begun + 1);
        }
        let written = self.link.write(&self.chunk.bytes[self.written..])?;
        self.begun += u64::from(self.written == 0 && written > 0);
        self.written = (self.written + written) % self.chunk.bytes.len();
        Ok(())
    }
}
