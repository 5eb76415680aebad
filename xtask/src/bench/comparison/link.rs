//! The server's end of a WebSocket to a client that is measured.
//!
//! Frames are read into one buffer and unmasked there; what is sent is put together beforehand by [`frame`].

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::Range;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::super::floor::{self, Refused};
use super::super::process::Server;

/// Longest wait for a sign of life of the client.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Room for what a client sends in one piece.
pub const INPUT: usize = 64 * 1024;

/// Opcodes of RFC 6455 §5.2.
pub const TEXT: u8 = 0x1;
/// See [`TEXT`].
pub const PONG: u8 = 0xA;

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A socket failed.
    #[error("socket: {0}")]
    Socket(#[from] io::Error),
    /// The client ended, or did not come.
    #[error("the client did not connect: {0}")]
    NotConnected(String),
    /// The client closed the connection.
    #[error("the client closed the connection")]
    Closed,
    /// The client broke the protocol.
    #[error("the client: {0}")]
    Frame(#[from] Refused),
    /// What came back is not what it must be.
    #[error("wrong answer: {0}")]
    WrongAnswer(String),
    /// The client neither took nor answered anything for [`PATIENCE`].
    #[error("the client is stuck for {} s", PATIENCE.as_secs())]
    Stuck,
    /// The client's accounts in /proc cannot be read.
    #[error("client process: {0}")]
    Process(io::Error),
    /// The command line is not complete.
    #[error(
        "expected: --port N --work ID --warm-up MS --window MS --cores LOAD,CLIENT --log FILE [--rows N] \
         -- PROGRAM [ARGUMENT…]"
    )]
    Usage,
}

/// Waits for the client to connect.
///
/// # Errors
/// [`LoadError::NotConnected`] when it ends, or takes longer than [`PATIENCE`].
pub fn accept(listener: &TcpListener, client: &mut Server) -> Result<TcpStream, LoadError> {
    listener.set_nonblocking(true)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = client.ended() {
            return Err(LoadError::NotConnected(format!("it ended with {status}")));
        }
        if Instant::now() > deadline {
            return Err(LoadError::NotConnected(format!("no attempt within {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A frame as a server sends it, of at most 64 KiB.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(length as u8),
        length => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// A frame with a whole text message.
pub fn text_frame(text: &[u8]) -> Vec<u8> {
    frame(0x80 | TEXT, text)
}

/// The open connection.
pub struct Link {
    stream: TcpStream,
    input: Vec<u8>,
    filled: usize,
    used: usize,
}

impl Link {
    /// Answers the client's opening handshake, on whatever path it asks.
    ///
    /// # Errors
    /// When the socket fails, or the request has no key.
    pub fn open(stream: TcpStream) -> Result<Self, LoadError> {
        let mut link = Self { stream, input: vec![0; INPUT], filled: 0, used: 0 };
        let end = loop {
            link.read()?;
            if let Some(end) = memchr::memmem::find(&link.input[..link.filled], b"\r\n\r\n") {
                break end + 4;
            }
        };
        let key = floor::header(&link.input[..end], b"sec-websocket-key").ok_or(Refused::NoKey)?;
        let response = floor::upgrade_response(key);
        link.stream.write_all(response.as_bytes())?;
        link.used = end;
        Ok(link)
    }

    /// Whether [`read`](Self::read), [`write`](Self::write) and [`send`](Self::send) wait.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn set_blocking(&self, blocking: bool) -> io::Result<()> {
        self.stream.set_nonblocking(!blocking)
    }

    /// Reads once.
    ///
    /// # Errors
    /// [`LoadError::Closed`] at the end of the stream, [`LoadError::Stuck`] when nothing came for [`PATIENCE`].
    pub fn read(&mut self) -> Result<(), LoadError> {
        self.input.copy_within(self.used..self.filled, 0);
        self.filled -= std::mem::take(&mut self.used);
        match self.stream.read(&mut self.input[self.filled..]) {
            Ok(0) if self.filled == INPUT => Err(Refused::TooLong.into()),
            Ok(0) => Err(LoadError::Closed),
            Ok(read) => {
                self.filled += read;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(LoadError::Stuck),
            Err(error) => Err(error.into()),
        }
    }

    /// Opcode and payload of the next complete frame, unmasked.
    ///
    /// # Errors
    /// When the frame breaks the protocol, and [`LoadError::Closed`] when it is a close frame.
    pub fn next_frame(&mut self) -> Result<Option<(u8, Range<usize>)>, LoadError> {
        let Some((header, length)) = floor::frame_header(&self.input[self.used..self.filled], true)? else {
            return Ok(None);
        };
        let payload = self.used + header;
        let Some(end) = payload.checked_add(length).filter(|&end| end <= self.filled) else { return Ok(None) };
        let mask = [0, 1, 2, 3].map(|at| self.input[payload - 4 + at]);
        floor::unmask(&mut self.input[payload..end], mask);
        let opcode = self.input[self.used] & 0x0F;
        self.used = end;
        if opcode == 0x8 { Err(LoadError::Closed) } else { Ok(Some((opcode, payload..end))) }
    }

    /// What [`next_frame`](Self::next_frame) found.
    pub fn payload(&self, range: Range<usize>) -> &[u8] {
        &self.input[range]
    }

    /// Waits for the next text; other frames are passed over.
    ///
    /// # Errors
    /// As [`read`](Self::read) and [`next_frame`](Self::next_frame).
    pub fn text(&mut self) -> Result<&[u8], LoadError> {
        loop {
            match self.next_frame()? {
                Some((TEXT, payload)) => return Ok(&self.input[payload]),
                Some(_) => {}
                None => self.read()?,
            }
        }
    }

    /// Writes everything.
    ///
    /// # Errors
    /// The socket's.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), LoadError> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Writes what the kernel takes at once, which may be nothing.
    ///
    /// # Errors
    /// The socket's.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, LoadError> {
        match self.stream.write(bytes) {
            Ok(written) => Ok(written),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until there is something to read or, where that is wanted, room to write; says which.
    ///
    /// # Errors
    /// [`LoadError::Stuck`] after [`PATIENCE`].
    pub fn wait(&self, wants_output: bool) -> Result<(bool, bool), LoadError> {
        let wanted = if wants_output { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut sockets = [PollFd::new(&self.stream, wanted)];
        let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
        if rustix::event::poll(&mut sockets, Some(&patience)).map_err(io::Error::from)? == 0 {
            return Err(LoadError::Stuck);
        }
        let ready = sockets[0].revents();
        let readable = ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR);
        Ok((readable, ready.contains(PollFlags::OUT)))
    }

    /// Ends the connection in an orderly way. How the client goes on is not judged.
    ///
    /// # Errors
    /// The socket's.
    pub fn close(mut self) -> Result<(), LoadError> {
        self.stream.write_all(&frame(0x88, &1000_u16.to_be_bytes()))?;
        self.stream.shutdown(Shutdown::Write)?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && self.stream.read(&mut self.input).is_ok_and(|read| read > 0) {}
        Ok(())
    }
}

/// For tests of what uses a link.
#[cfg(test)]
pub mod test {
    use std::net::Ipv4Addr;

    use super::*;

    /// A link to a client that the test plays, with nothing shaken hands.
    pub fn linked() -> io::Result<(Link, TcpStream)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        client.set_read_timeout(Some(PATIENCE))?;
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok((Link { stream, input: vec![0; INPUT], filled: 0, used: 0 }, client))
    }

    /// A frame as a client sends it.
    pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = frame(first, payload);
        let header = frame.len() - payload.len();
        frame[1] |= 0x80;
        frame.splice(header..header, [0; 4]);
        frame
    }
}
