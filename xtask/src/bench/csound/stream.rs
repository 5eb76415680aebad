//! A client's connection to an opcode: one variable, named as the sub-protocol.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use super::super::floor::{self, Refused};

/// Longest wait for a sign of life.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long after its start an opcode may open its port.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How often is looked whether it has.
const LOOK: Duration = Duration::from_millis(2);
/// Room for what is read at once.
const INPUT: usize = 64 * 1024;
/// Longest message.
const MESSAGE: usize = 64 * 1024;

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A socket failed.
    #[error("socket: {0}")]
    Socket(#[from] io::Error),
    /// The upgrade was not answered with 101 and the name that was asked for.
    #[error("the WebSocket handshake for {0} was refused: {1}")]
    Handshake(String, String),
    /// Csound closed a connection that was in use.
    #[error("a connection was closed")]
    Closed,
    /// What came is no frame.
    #[error("broken frames: {0}")]
    Frame(#[from] Refused),
    /// What came is not what it must be.
    #[error("wrong message: {0}")]
    WrongMessage(String),
    /// Nothing came for [`PATIENCE`].
    #[error("nothing came for {} s", PATIENCE.as_secs())]
    Stuck,
    /// The accounts in /proc cannot be read.
    #[error("Csound's process: {0}")]
    Process(io::Error),
    /// The command line is not complete.
    #[error("expected: bench-csound-load --work ID --pids N,N [--ports N,N] --warm-up MS --window MS")]
    Usage,
}

/// An open connection.
pub struct Stream {
    socket: TcpStream,
    input: Vec<u8>,
    filled: usize,
    /// Payload of a message whose last fragment has not come.
    partial: Vec<u8>,
    /// A message has begun and not ended.
    open: bool,
}

impl Stream {
    /// Connects to a port of 127.0.0.1 as soon as it is there, and asks for a variable. Reads do not wait afterwards.
    ///
    /// # Errors
    /// [`LoadError::Handshake`] when the answer is not 101 with the same name.
    pub fn open(port: u16, name: &str) -> Result<Self, LoadError> {
        let deadline = Instant::now() + START_LIMIT;
        let mut socket = loop {
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Ok(socket) => break socket,
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && Instant::now() < deadline => {
                    std::thread::sleep(LOOK);
                }
                Err(error) => return Err(error.into()),
            }
        };
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let request = format!(
            "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {name}\r\n\r\n"
        );
        socket.write_all(request.as_bytes())?;
        let mut stream = Self { socket, input: vec![0; INPUT], filled: 0, partial: Vec::new(), open: false };
        let refused = |head: &[u8]| {
            let first = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
            LoadError::Handshake(name.to_owned(), String::from_utf8_lossy(first).into_owned())
        };
        let end = loop {
            match stream.socket.read(&mut stream.input[stream.filled..]) {
                Ok(0) => return Err(refused(b"closed")),
                Ok(read) => stream.filled += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(refused(b"no answer")),
                Err(error) => return Err(error.into()),
            }
            if let Some(end) = memchr::memmem::find(&stream.input[..stream.filled], b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = &stream.input[..end];
        let named = floor::header(head, b"sec-websocket-protocol") == Some(name.as_bytes());
        if !head.starts_with(b"HTTP/1.1 101 ") || !named {
            return Err(refused(head));
        }
        stream.socket.set_nonblocking(true)?;
        stream.input.copy_within(end..stream.filled, 0);
        stream.filled -= end;
        Ok(stream)
    }

    /// The socket, for a poll.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Takes what is there, in one read, and hands over every message that it completes. Pings are answered.
    ///
    /// # Errors
    /// What breaks the protocol, what `handle` refuses, and [`LoadError::Closed`].
    pub fn read(&mut self, mut handle: impl FnMut(&[u8]) -> Result<(), LoadError>) -> Result<(), LoadError> {
        match self.socket.read(&mut self.input[self.filled..]) {
            Ok(0) if self.filled == self.input.len() => return Err(Refused::TooLong.into()),
            Ok(0) => return Err(LoadError::Closed),
            Ok(read) => self.filled += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        let mut used = 0;
        while let Some((header, length)) = floor::frame_header(&self.input[used..self.filled], false)? {
            let payload = used + header;
            let Some(end) = payload.checked_add(length).filter(|&end| end <= self.filled) else { break };
            let (last, opcode) = (self.input[used] & 0x80 != 0, self.input[used] & 0x0F);
            let payload = &self.input[payload..end];
            match opcode {
                0x8 => return Err(LoadError::Closed),
                0x9 => self.socket.write_all(&masked(0x8A, payload))?,
                0xA => {}
                _ if (opcode == 0) != self.open => return Err(Refused::BadFrame.into()),
                _ if last && !self.open => handle(payload)?,
                _ => {
                    if self.partial.len() + length > MESSAGE {
                        return Err(Refused::TooLong.into());
                    }
                    self.partial.extend_from_slice(payload);
                    self.open = !last;
                    if last {
                        handle(&self.partial)?;
                        self.partial.clear();
                    }
                }
            }
            used = end;
        }
        self.input.copy_within(used..self.filled, 0);
        self.filled -= used;
        Ok(())
    }

    /// Sends a binary message of at most 125 bytes.
    ///
    /// # Errors
    /// The socket's; so small a message is taken at once or not at all.
    pub fn send(&mut self, payload: &[u8]) -> Result<(), LoadError> {
        Ok(self.socket.write_all(&masked(0x82, payload))?)
    }
}

/// A short frame as a client sends it. The mask is all zeros, which is as good as any between two programs of one
/// machine.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What a client read, what is left in its stream, and what its server got then.
    struct Served {
        messages: Vec<Vec<u8>>,
        left: usize,
        got: Vec<u8>,
    }

    /// A server sends these bytes behind its answer.
    fn served(answer: &'static str, bytes: &'static [u8]) -> Result<Served, LoadError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let server = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept()?;
            socket.set_read_timeout(Some(Duration::from_millis(300)))?;
            let mut request = [0; 1024];
            let read = socket.read(&mut request)?;
            assert!(request[..read].ends_with(b"Sec-WebSocket-Protocol: kout\r\n\r\n"));
            socket.write_all(answer.as_bytes())?;
            socket.write_all(bytes)?;
            let read = socket.read(&mut request).unwrap_or(0);
            io::Result::Ok(request[..read].to_vec())
        });
        let result = (|| {
            let mut stream = Stream::open(port, "kout")?;
            let mut messages = Vec::new();
            std::thread::sleep(Duration::from_millis(50));
            stream.read(|message| {
                messages.push(message.to_vec());
                Ok(())
            })?;
            Ok((messages, stream.filled))
        })();
        let got = server.join().expect("the server's thread does not panic")?;
        result.map(|(messages, left)| Served { messages, left, got })
    }

    const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Protocol: kout\r\n\r\n";

    #[test]
    fn fragments_are_put_together_and_pings_are_answered() -> Result<(), LoadError> {
        let bytes = b"\x02\x02ab\x89\x01!\x80\x01c\x82\x01d\x82\x7E";
        let Served { messages, left, got } = served(ANSWER, bytes)?;
        assert_eq!(messages, [b"abc".as_slice(), b"d"]);
        assert_eq!(got, b"\x8A\x81\0\0\0\0!");
        assert_eq!(left, 2);
        Ok(())
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        let error = |answer, bytes| served(answer, bytes).map(|_| ()).expect_err("refused").to_string();
        assert!(error("HTTP/1.1 404 Not Found\r\n\r\n", b"").ends_with("kout was refused: HTTP/1.1 404 Not Found"));
        assert!(error("HTTP/1.1 101 Switching Protocols\r\n\r\n", b"").contains("refused"));
        assert!(error(ANSWER, b"\x80\x01c").contains("broken frames"));
        assert!(error(ANSWER, b"\x88\x02\x03\xE9").contains("closed"));
    }
}
