//! The floor: what a server costs that does little more than the protocols need.
//!
//! One thread, one epoll loop. A readiness event is one read, everything that the read held is parsed, frames are
//! unmasked and turned into answers in the buffer they arrived in, and one write answers them all. In steady state
//! nothing is allocated and an idle connection owns no buffer. Requests are parsed to the end of their head and
//! answered with a constant; a request for [`WEBSOCKET_PATH`] is upgraded with the accept key of RFC 6455 §4.2.2.
//!
//! It is a yardstick and no server to use: no time-outs, no UTF-8 check, no fragments put together (each frame is
//! echoed as it is), and whoever breaks the protocol is dropped without a word. It listens on 127.0.0.1 only and runs until
//! it is killed.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ops::Range;
use std::time::Duration;

use base64::Engine;
use sha1::{Digest, Sha1};

use super::poll::Poll;
use super::work::{BODY, WEBSOCKET_PATH};

/// Bytes taken by one read, and the most that a frame or a request head may have.
const INPUT: usize = 64 * 1024;

/// Token of the listener; connections count from 0.
const LISTENER: usize = usize::MAX;

/// What the other end did that ends its connection.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its socket failed, or it ended the connection.
    #[error("the client is gone")]
    Gone,
    /// It sent more in one piece than there is room for.
    #[error("a head or frame is longer than the buffer")]
    TooLong,
    /// It broke the protocol.
    #[error("a frame breaks RFC 6455 §5.2")]
    BadFrame,
    /// It wants a WebSocket and sent no key.
    #[error("the upgrade request has no key")]
    NoKey,
}

/// Why the floor cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum FloorError {
    /// The command line is not `--port N`.
    #[error("expected: bench-floor --port N")]
    Usage,
    /// The kernel refused a socket operation.
    #[error("socket: {0}")]
    Socket(#[from] io::Error),
}

/// Entry of `xtask bench-floor --port N`.
pub fn run(args: &[String]) -> Result<(), FloorError> {
    let [option, port] = args else { return Err(FloorError::Usage) };
    let port = port.parse().ok().filter(|_| option == "--port").ok_or(FloorError::Usage)?;
    let mut floor = Floor::new(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?)?;
    loop {
        floor.turn(None)?;
    }
}

/// The server.
pub struct Floor {
    listener: TcpListener,
    poll: Poll,
    ready: Vec<usize>,
    connections: Vec<Option<Connection>>,
    response: Vec<u8>,
    input: Box<[u8]>,
    output: Vec<u8>,
}

/// One client. Both buffers are empty unless a read ended inside a message or the client does not read.
struct Connection {
    stream: TcpStream,
    websocket: bool,
    rest: Vec<u8>,
    unsent: Vec<u8>,
}

impl Floor {
    /// Serves the clients of `listener`.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let poll = Poll::new()?;
        poll.add(&listener, LISTENER)?;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", BODY.len());
        Ok(Self {
            listener,
            poll,
            ready: Vec::new(),
            connections: Vec::new(),
            response: [head.as_bytes(), BODY.as_bytes()].concat(),
            input: vec![0; INPUT].into_boxed_slice(),
            output: Vec::new(),
        })
    }

    /// Waits for readiness, at most `timeout`, and serves every socket that is ready.
    pub fn turn(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let mut ready = std::mem::take(&mut self.ready);
        self.poll.wait(&mut ready, timeout)?;
        for &token in &ready {
            if token == LISTENER {
                self.accept()?;
            } else if self.serve(token).is_err() {
                self.connections[token] = None;
            }
        }
        self.ready = ready;
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let free = self.connections.iter().position(Option::is_none);
            let token = free.unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            self.poll.add(&stream, token)?;
            self.connections[token] =
                Some(Connection { stream, websocket: false, rest: Vec::new(), unsent: Vec::new() });
        }
    }

    fn serve(&mut self, token: usize) -> Result<(), Refused> {
        let Some(connection) = self.connections[token].as_mut() else { return Ok(()) };
        if !connection.unsent.is_empty() {
            let unsent = std::mem::take(&mut connection.unsent);
            connection.send(&unsent)?;
            if connection.unsent.is_empty() {
                self.poll.want_output(&connection.stream, token, false).map_err(|_| Refused::Gone)?;
            }
            return Ok(());
        }

        let held = connection.rest.len();
        self.input[..held].copy_from_slice(&connection.rest);
        let end = match connection.stream.read(&mut self.input[held..]) {
            Ok(0) => return Err(if held == INPUT { Refused::TooLong } else { Refused::Gone }),
            Ok(read) => held + read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(_) => return Err(Refused::Gone),
        };
        connection.rest.clear();

        let input = &mut self.input[..end];
        let used;
        let mut closing = false;
        if connection.websocket {
            let echo = echo_frames(input)?;
            (used, closing) = (echo.used, echo.closing);
            connection.send(&input[echo.reply])?;
        } else {
            self.output.clear();
            (used, connection.websocket) = answer_requests(input, &self.response, &mut self.output)?;
            connection.send(&self.output)?;
        }
        if closing {
            return Err(Refused::Gone);
        }
        connection.rest.extend_from_slice(&input[used..]);
        if !connection.unsent.is_empty() {
            self.poll.want_output(&connection.stream, token, true).map_err(|_| Refused::Gone)?;
        }
        Ok(())
    }
}

impl Connection {
    /// Writes once and keeps what the kernel did not take.
    fn send(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if bytes.is_empty() {
            return Ok(());
        }
        let written = match self.stream.write(bytes) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => return Err(Refused::Gone),
        };
        self.unsent.extend_from_slice(&bytes[written..]);
        Ok(())
    }
}

/// Appends one response per complete request to `output`. Returns the bytes used and whether the last request was an
/// upgrade, behind which no request can follow.
fn answer_requests(input: &[u8], response: &[u8], output: &mut Vec<u8>) -> Result<(usize, bool), Refused> {
    let mut used = 0;
    while let Some(length) = memchr::memmem::find(&input[used..], b"\r\n\r\n") {
        let head = &input[used..used + length + 4];
        used += head.len();
        let path = head.strip_prefix(b"GET ").and_then(|rest| rest.strip_prefix(WEBSOCKET_PATH.as_bytes()));
        if path.is_some_and(|rest| rest.starts_with(b" ")) {
            let key = header(head, b"sec-websocket-key").ok_or(Refused::NoKey)?;
            output.extend_from_slice(upgrade_response(key).as_bytes());
            return Ok((used, true));
        }
        output.extend_from_slice(response);
    }
    if used == 0 && input.len() == INPUT { Err(Refused::TooLong) } else { Ok((used, false)) }
}

/// The response that opens a WebSocket for a client with this key.
pub fn upgrade_response(key: &[u8]) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        accept_key(key)
    )
}

/// The value of a header, without the blanks around it.
pub fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|&byte| byte == b'\n').find_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        line[..colon].eq_ignore_ascii_case(name).then(|| line[colon + 1..].trim_ascii())
    })
}

/// The answer to a client's key, RFC 6455 §4.2.2.
fn accept_key(key: &[u8]) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// What [`echo_frames`] made of a buffer.
#[derive(Debug)]
struct Echo {
    /// Where the answers are in the buffer.
    reply: Range<usize>,
    /// Bytes of complete frames; the rest is the start of a frame.
    used: usize,
    /// The client has sent a close frame, which is among the answers.
    closing: bool,
}

/// Turns every complete frame into its echo, in place. A server's header is four bytes shorter than a client's (no
/// mask), so the first payload stays where it is and only those behind it move.
fn echo_frames(bytes: &mut [u8]) -> Result<Echo, Refused> {
    let mut echo = Echo { reply: 0..0, used: 0, closing: false };
    while let Some((header, length)) = frame_header(&bytes[echo.used..], true)? {
        let payload = echo.used + header;
        let Some(end) = payload.checked_add(length).filter(|&end| end <= bytes.len()) else {
            if header.saturating_add(length) > INPUT {
                return Err(Refused::TooLong);
            }
            break;
        };
        let mask = [bytes[payload - 4], bytes[payload - 3], bytes[payload - 2], bytes[payload - 1]];
        unmask(&mut bytes[payload..end], mask);

        let first = bytes[echo.used];
        let opcode = first & 0x0F;
        if opcode != 0xA {
            // Header without the mask, from the client's own: the length field is the same but for its mask bit.
            let reply_header = header - 4;
            let second = bytes[echo.used + 1] & 0x7F;
            let extended = echo.used + 2..echo.used + reply_header;
            if echo.reply.is_empty() {
                echo.reply = payload - reply_header..payload - reply_header;
            }
            let to = echo.reply.end;
            bytes.copy_within(extended, to + 2);
            bytes[to] = if opcode == 0x9 { first & 0xF0 | 0xA } else { first };
            bytes[to + 1] = second;
            if to + reply_header != payload {
                bytes.copy_within(payload..end, to + reply_header);
            }
            echo.reply.end = to + reply_header + length;
        }
        echo.used = end;
        if opcode == 0x8 {
            echo.closing = true;
            break;
        }
    }
    Ok(echo)
}

/// Sizes of the header (with its mask) and of the payload, or `None` while the header is incomplete. A client's frames
/// must be `masked`, a server's must not.
#[inline]
pub fn frame_header(bytes: &[u8], masked: bool) -> Result<Option<(usize, usize)>, Refused> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let control = first & 0x08 != 0;
    let known = matches!(first & 0x0F, 0x0..=0x2 | 0x8..=0xA);
    let short = second & 0x7F;
    let bad_control = control && (first & 0x80 == 0 || short > 125);
    if first & 0x70 != 0 || (second & 0x80 != 0) != masked || !known || bad_control {
        return Err(Refused::BadFrame);
    }
    let mask = if masked { 4 } else { 0 };
    let (header, length) = match short {
        126 => match rest.first_chunk() {
            Some(length) => (4 + mask, u16::from_be_bytes(*length).into()),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(length) => (10 + mask, usize::try_from(u64::from_be_bytes(*length)).map_err(|_| Refused::TooLong)?),
            None => return Ok(None),
        },
        short => (2 + mask, usize::from(short)),
    };
    Ok((bytes.len() >= header).then_some((header, length)))
}

/// RFC 6455 §5.3, eight bytes at a time (the compiler makes vectors of it).
pub fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, tail) = payload.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in tail.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x11, 0x22, 0x33, 0x44];
        let mut frame = vec![first];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    #[test]
    fn frames_become_their_echo_in_one_run_of_bytes() {
        let long = vec![b'x'; 300];
        let mut bytes =
            [masked(0x81, b"hello"), masked(0x89, b"beat"), masked(0x8A, b"late"), masked(0x82, &long)].concat();
        let complete = bytes.len();
        bytes.extend(&masked(0x81, b"cut off")[..7]);

        let echo = echo_frames(&mut bytes).expect("valid frames");
        assert_eq!(echo.used, complete);
        assert!(!echo.closing);
        let expected = [b"\x81\x05hello\x8A\x04beat\x82\x7E\x01\x2C".as_slice(), &long].concat();
        assert_eq!(&bytes[echo.reply], expected);
    }

    #[test]
    fn a_close_frame_is_answered_and_ends_the_run() {
        let mut bytes = [masked(0x88, &[0x03, 0xE8]), masked(0x81, b"too late")].concat();
        let echo = echo_frames(&mut bytes).expect("valid frames");
        assert!(echo.closing);
        assert_eq!(&bytes[echo.reply], b"\x88\x02\x03\xE8");
    }

    #[test]
    fn what_breaks_the_protocol_is_refused() {
        let unmasked = b"\x81\x02hi".to_vec();
        let reserved = masked(0xC1, b"hi");
        let unknown = masked(0x83, b"hi");
        let long_ping = masked(0x89, &[0; 126]);
        for mut bytes in [unmasked, reserved, unknown, long_ping] {
            assert_eq!(echo_frames(&mut bytes).err(), Some(Refused::BadFrame));
        }
        let mut endless = [&[0x82, 0xFF][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
        assert_eq!(echo_frames(&mut endless).err(), Some(Refused::TooLong));
    }

    #[test]
    fn the_accept_key_is_that_of_the_rfc() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn each_complete_request_is_answered() {
        let mut output = Vec::new();
        let two_and_a_half = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT";
        let answered = answer_requests(two_and_a_half, b"[response]", &mut output);
        assert_eq!(answered, Ok((two_and_a_half.len() - 8, false)));
        assert_eq!(output, b"[response][response]");

        assert_eq!(answer_requests(b"GET /ws HTTP/1.1\r\n\r\n", b"", &mut output), Err(Refused::NoKey));
        assert_eq!(answer_requests(&[b'a'; INPUT], b"", &mut output), Err(Refused::TooLong));
    }

    #[test]
    fn a_client_that_does_not_read_gets_everything_in_the_end() -> io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        let mut floor = Floor::new(listener)?;
        client.write_all(b"GET /ws HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")?;
        let patience = Some(Duration::from_secs(5));
        floor.turn(patience)?;
        floor.turn(patience)?;
        let mut head = [0; 4096];
        let length = client.read(&mut head)?;
        assert!(head[..length].ends_with(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"));

        // Sends until neither side takes any more, then reads everything back.
        let frame = masked(0x82, &[7; 60_000]);
        client.set_nonblocking(true)?;
        let mut sent = 0;
        loop {
            match client.write(&frame[sent % frame.len()..]) {
                Ok(written) => sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let before = floor.connections[0].as_ref().map(|connection| connection.unsent.len());
                    if before != Some(0) {
                        break;
                    }
                    floor.turn(patience)?;
                }
                Err(error) => return Err(error),
            }
        }
        let expected = sent / frame.len() * (4 + 60_000);
        let mut received = 0;
        let mut buffer = vec![0; 1 << 20];
        while received < expected {
            match client.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => received += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => floor.turn(patience)?,
                Err(error) => return Err(error),
            }
        }
        assert_eq!(received, expected);
        Ok(())
    }
}
