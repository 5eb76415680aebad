//! The bare client: what receiving costs that does little more than the protocol needs.
//!
//! One blocking socket and one buffer: a read, the headers of the frames in it, and on to the next. Pings are answered,
//! and in echo mode text messages are sent back. It is a yardstick and no client to use: no UTF-8 check, no fragments
//! put together, payloads are not looked at. It runs until the server ends the connection.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use super::super::floor::{self, Refused};

/// Bytes taken by one read, and the most that a frame may have.
const INPUT: usize = 64 * 1024;

/// The request; every server takes this key.
const REQUEST: &str = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// The masking key of what is sent. A browser's must be random; here nobody is to be protected.
const MASK: [u8; 4] = [0x11, 0x22, 0x33, 0x44];

/// Why the client ends before the server has ended the connection.
#[derive(Debug, thiserror::Error)]
pub enum BareError {
    /// The command line is not `--port N --mode flood|echo`.
    #[error("expected: bench-bare --port N --mode flood|echo")]
    Usage,
    /// The socket failed.
    #[error("socket: {0}")]
    Socket(#[from] io::Error),
    /// The upgrade was refused, or the answer is too long.
    #[error("the WebSocket handshake was refused")]
    Handshake,
    /// The server broke the protocol.
    #[error(transparent)]
    Frame(#[from] Refused),
}

/// Entry of `xtask bench-bare --port N --mode flood|echo`.
pub fn run(args: &[String]) -> Result<(), BareError> {
    let [port_option, port, mode_option, mode] = args else { return Err(BareError::Usage) };
    let port = port.parse().ok().filter(|_| port_option == "--port").ok_or(BareError::Usage)?;
    let echo = match mode.as_str() {
        _ if mode_option != "--mode" => return Err(BareError::Usage),
        "flood" => false,
        "echo" => true,
        _ => return Err(BareError::Usage),
    };
    receive(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?, echo)
}

fn receive(mut stream: TcpStream, echo: bool) -> Result<(), BareError> {
    stream.set_nodelay(true)?;
    stream.write_all(REQUEST.as_bytes())?;
    let mut input = vec![0; INPUT];
    let mut filled = 0;
    let head = loop {
        let read = stream.read(&mut input[filled..])?;
        filled += read;
        match memchr::memmem::find(&input[..filled], b"\r\n\r\n") {
            Some(end) => break end + 4,
            None if read == 0 => return Err(BareError::Handshake),
            None => {}
        }
    };
    if !input.starts_with(b"HTTP/1.1 101 ") {
        return Err(BareError::Handshake);
    }
    input.copy_within(head..filled, 0);
    filled -= head;
    let mut output = Vec::new();
    loop {
        let used = handle_frames(&input[..filled], echo, &mut output)?;
        input.copy_within(used..filled, 0);
        filled -= used;
        if !output.is_empty() {
            stream.write_all(&output)?;
            output.clear();
        }
        match stream.read(&mut input[filled..])? {
            0 if filled == INPUT => return Err(Refused::TooLong.into()),
            0 => return Ok(()),
            read => filled += read,
        }
    }
}

/// Goes through the complete frames, puts the answers to them into `output`, and returns how many bytes they were.
fn handle_frames(input: &[u8], echo: bool, output: &mut Vec<u8>) -> Result<usize, Refused> {
    let mut used = 0;
    while let Some((header, length)) = floor::frame_header(&input[used..], false)? {
        let payload = used + header;
        let Some(end) = payload.checked_add(length).filter(|&end| end <= input.len()) else { break };
        match input[used] & 0x0F {
            0x1 if echo => put_frame(output, input[used], &input[payload..end]),
            0x8 => put_frame(output, input[used], &input[payload..end]),
            0x9 => put_frame(output, 0x8A, &input[payload..end]),
            _ => {}
        }
        used = end;
    }
    Ok(used)
}

/// Appends a masked frame of at most 64 KiB.
fn put_frame(output: &mut Vec<u8>, first: u8, payload: &[u8]) {
    output.push(first);
    match payload.len() {
        length @ 0..=125 => output.push(0x80 | length as u8),
        length => {
            output.push(0x80 | 126);
            output.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    output.extend_from_slice(&MASK);
    let start = output.len();
    output.extend_from_slice(payload);
    floor::unmask(&mut output[start..], MASK);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_are_answered_and_texts_only_in_echo_mode() -> Result<(), Refused> {
        let input = b"\x81\x02hi\x89\x04beat\x81\x05cut";
        let (mut flood, mut echo) = (Vec::new(), Vec::new());
        assert_eq!(handle_frames(input, false, &mut flood)?, 10);
        assert_eq!(handle_frames(input, true, &mut echo)?, 10);
        let mut pong = [b"\x8A\x84".as_slice(), &MASK, b"beat"].concat();
        floor::unmask(&mut pong[6..], MASK);
        assert_eq!(flood, pong);
        assert_eq!((echo[0], echo[1], &echo[8..]), (0x81, 0x82, pong.as_slice()));
        Ok(())
    }

    #[test]
    fn a_masked_frame_of_a_server_is_refused() {
        assert_eq!(handle_frames(b"\x81\x82\0\0\0\0hi", false, &mut Vec::new()), Err(Refused::BadFrame));
    }
}
