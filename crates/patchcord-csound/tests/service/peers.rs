//! What the tests have in common: ports, variables, and the other end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use patchcord_csound::service::{Direction, Host, Incoming, Opened, Variable, open};
use patchcord_signal::{FloatSize, Kind, Layout};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Message, WebSocket};

pub const KSMPS: usize = 64;
/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A Csound instance with a number of its own.
pub fn host(instance: usize) -> Host {
    Host { instance, sample_rate: 48_000.0, ksmps: KSMPS as u32, note_ksmps: KSMPS as u32, float: FloatSize::F64 }
}

/// A port that nobody has at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn variable(name: &str, kind: Kind, dims: &[usize], direction: Direction) -> Variable {
    let block = if kind == Kind::Audio { KSMPS } else { 1 };
    Variable { name: name.to_owned(), layout: Layout::new(kind, FloatSize::F64, block, dims).unwrap(), direction }
}

pub fn out(name: &str, kind: Kind) -> Variable {
    variable(name, kind, &[], Direction::Outgoing)
}

pub fn input(name: &str, kind: Kind) -> Variable {
    variable(name, kind, &[], Direction::Incoming)
}

/// A port of its own with these variables.
pub fn opened(variables: &[Variable]) -> (Opened, u16) {
    let port = free_port();
    (open(host(port.into()), port, variables).unwrap(), port)
}

pub type Socket = WebSocket<TcpStream>;

pub fn tcp(port: u16) -> TcpStream {
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

/// A client that offers these sub-protocols; the error of a refusal is its answer.
pub fn try_client(port: u16, offer: Option<&str>) -> Result<(Socket, Option<String>), (u16, String)> {
    let mut request = format!("ws://127.0.0.1:{port}/").into_client_request().unwrap();
    if let Some(offer) = offer {
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_str(offer).unwrap());
    }
    match tungstenite::client(request, tcp(port)) {
        Ok((socket, response)) => {
            let chosen = response.headers().get("Sec-WebSocket-Protocol");
            Ok((socket, chosen.map(|chosen| chosen.to_str().unwrap().to_owned())))
        }
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            let body = String::from_utf8(response.body().clone().unwrap_or_default()).unwrap();
            Err((response.status().as_u16(), body))
        }
        Err(error) => panic!("{error}"),
    }
}

pub fn client(port: u16, name: &str) -> Socket {
    let (socket, chosen) = try_client(port, Some(name)).unwrap();
    assert_eq!(chosen.as_deref(), Some(name));
    socket
}

/// The next binary message as numbers.
pub fn numbers(socket: &mut Socket) -> Vec<f64> {
    match socket.read().unwrap() {
        Message::Binary(bytes) => {
            bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
        }
        other => panic!("{other:?}"),
    }
}

pub fn text(socket: &mut Socket) -> String {
    match socket.read().unwrap() {
        Message::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

pub fn close_code(socket: &mut Socket) -> Option<u16> {
    loop {
        match socket.read() {
            Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub fn send(socket: &mut Socket, values: &[f64]) {
    socket.send(Message::Binary(bytes(values).into())).unwrap();
}

pub fn bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Publishes one number, and wakes the thread.
pub fn publish(opened: &mut Opened, index: usize, value: f64) {
    opened.outgoing[index].publish(&value.to_le_bytes());
    opened.note.wake();
}

/// Waits until something is so.
pub fn until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until a port has so many clients.
pub fn await_clients(opened: &Opened, clients: u64) {
    until(&format!("{clients} clients"), || (opened.note.status().clients == clients).then_some(()));
}

/// Waits for the next number of an incoming variable.
pub fn taken(opened: &mut Opened, index: usize) -> f64 {
    let Incoming::Latest(reader) = &mut opened.incoming[index] else { panic!("no cell") };
    let mut value = [0; 8];
    until("a value", || reader.take(&mut value).then_some(()));
    f64::from_le_bytes(value)
}

/// All lines for the console until one has `part` in it.
pub fn console(opened: &mut Opened, part: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = [0; 256];
    until(part, || {
        while let Some(length) = opened.note.message(&mut line) {
            lines.push(String::from_utf8(line[..length].to_vec()).unwrap());
        }
        lines.iter().any(|line| line.contains(part)).then_some(())
    });
    lines
}

/// The whole answer to bytes that are sent as they are.
pub fn answer(port: u16, request: &[u8]) -> (u16, String, String) {
    let mut socket = tcp(port);
    socket.write_all(request).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, head.to_owned(), body.to_owned())
}

pub fn get(port: u16, path: &str) -> (u16, String, String) {
    answer(port, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
}
