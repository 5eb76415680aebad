//! A connection's socket with what this end still has to write on its own account: answers, pongs, close frames, messages
//! of `csound.v1`, and all frames of a client. Streams that many clients share are written from where they lie.

use std::io;
use std::time::{Duration, Instant};

use super::transport::Transport;

/// How long a peer may take no byte while some wait for it.
pub(super) const STALL: Duration = Duration::from_secs(30);
/// Memory for own bytes that an idle connection keeps.
const KEPT: usize = 4 * 1024;
/// Written bytes at the begin of the memory that are let go while others wait.
const MOVED: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Socket {
    transport: Transport,
    /// Own bytes, of which `written` are gone.
    out: Vec<u8>,
    written: usize,
    /// The socket takes nothing until it says that it is writable.
    blocked: bool,
    /// Since when it has taken nothing.
    stalled_since: Option<Instant>,
    /// The socket may hold bytes to read.
    pub(super) readable: bool,
    /// The end lies behind what is there to read, and makes no event of its own.
    ends: bool,
}

impl Socket {
    pub(super) fn new(transport: Transport) -> Self {
        Self {
            transport,
            out: Vec::new(),
            written: 0,
            blocked: false,
            stalled_since: None,
            readable: false,
            ends: false,
        }
    }

    pub(super) fn transport(&mut self) -> &mut Transport {
        &mut self.transport
    }

    /// Bounds what the system keeps for the peer and has not sent yet, in bytes.
    pub(super) fn limit_unsent(&mut self, bytes: u32) {
        // Without it a slow client lags by more, and nothing else is wrong.
        let _ = socket2::SockRef::from(&*self.transport.socket()).set_tcp_notsent_lowat(bytes);
    }

    /// Where own bytes are appended. They go out in order.
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Own bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.out.len() - self.written
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// The socket says that there is something to read, and perhaps the end behind it.
    pub(super) fn handle_readable(&mut self, ends: bool) {
        self.readable = true;
        self.ends |= ends;
    }

    pub(super) fn handle_writable(&mut self) {
        self.blocked = false;
    }

    /// When the peer has stalled for too long, if it goes on.
    pub(super) fn stall_deadline(&self) -> Option<Instant> {
        self.stalled_since.map(|since| since + STALL)
    }

    /// Reads what has come; `None` when nothing is there, 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.transport.read(buffer) {
            Ok(count) => {
                // A short read has emptied the socket: what comes later makes a new event.
                if count < buffer.len() && count > 0 && !self.ends && self.transport.is_plain() {
                    self.readable = false;
                }
                Ok(Some(count))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes own bytes; whether all are gone.
    pub(super) fn write_own(&mut self, now: Instant) -> io::Result<bool> {
        while self.written < self.out.len() {
            if self.blocked {
                // A peer that is always a little behind must not make the memory grow.
                if self.written > MOVED {
                    self.out.drain(..self.written);
                    self.written = 0;
                }
                return Ok(false);
            }
            let result = self.transport.write(&self.out[self.written..]);
            self.written += self.account(result, now)?;
        }
        self.written = 0;
        self.out.clear();
        if self.out.capacity() > KEPT {
            self.out.shrink_to(KEPT);
        }
        if !self.blocked && !self.transport.is_plain() {
            let result = self.transport.flush().map(|()| 1);
            self.account(result, now)?;
        }
        Ok(!self.blocked)
    }

    /// Writes bytes from elsewhere; how many were taken.
    pub(super) fn write(&mut self, bytes: &[u8], now: Instant) -> io::Result<usize> {
        if self.blocked || bytes.is_empty() {
            return Ok(0);
        }
        let result = self.transport.write(bytes);
        let count = self.account(result, now)?;
        if count < bytes.len() && self.transport.is_plain() {
            // The rest would be refused, too.
            self.blocked = true;
            self.stalled_since = Some(now);
        }
        Ok(count)
    }

    fn account(&mut self, result: io::Result<usize>, now: Instant) -> io::Result<usize> {
        match result {
            Ok(count) => {
                if count > 0 {
                    self.stalled_since = None;
                }
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.blocked = true;
                self.stalled_since.get_or_insert(now);
                Ok(0)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(error),
        }
    }
}
