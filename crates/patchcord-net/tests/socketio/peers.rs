//! Scripted servers, and a handler that notes what it hears.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use patchcord_net::client::{Address, DialError, DialSettings, Progress};
use patchcord_net::socketio::{Handler, SocketIoClient, Target};
use patchcord_socketio::engine::Transports;
use patchcord_socketio::{AckToken, ClientEvent, ClientSettings, Credentials, EmitOptions, Namespace, Value};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tungstenite::handshake::derive_accept_key;

/// Longer than anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub const OPEN: &str = r#"0{"sid":"engine","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
pub const CONNECTED: &str = r#"40{"sid":"s"}"#;

thread_local! {
    /// Connections that servers of this test serve.
    static SERVING: Cell<usize> = const { Cell::new(0) };
    static SERVER_FAILED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a test as clients want it, waits until its servers have served, and fails if one of them did.
pub async fn run(test: impl Future<Output = ()>) {
    let whole = async {
        test.await;
        while SERVING.get() > 0 {
            pause(10).await;
        }
    };
    let local = tokio::task::LocalSet::new();
    local.run_until(async { tokio::time::timeout(PATIENCE, whole).await.expect("the test hangs") }).await;
    assert!(!SERVER_FAILED.get(), "a server of this test has failed, see above");
}

pub async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

struct Serving;

impl Serving {
    fn new() -> Self {
        SERVING.set(SERVING.get() + 1);
        Serving
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        SERVING.set(SERVING.get() - 1);
        if std::thread::panicking() {
            SERVER_FAILED.set(true);
        }
    }
}

pub trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

/// A request that a server has read.
#[derive(Clone)]
pub struct Asked {
    /// Which connection it came over, from 0.
    pub connection: usize,
    /// Method, path and query.
    pub line: String,
    pub head: String,
    pub body: String,
}

impl Asked {
    pub fn is_get(&self) -> bool {
        self.line.starts_with("GET ")
    }

    pub fn is_websocket(&self) -> bool {
        self.line.contains("transport=websocket")
    }

    /// Whether it begins a session.
    pub fn is_first(&self) -> bool {
        !self.line.contains("sid=")
    }

    /// The value of a field of the head.
    pub fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.into_iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

type Then = Box<dyn FnOnce(WebSocket) -> Pin<Box<dyn Future<Output = ()>>>>;

/// What a server does with a request.
pub enum Reply {
    /// Answers 200 with this body.
    Ok(String),
    /// Says these bytes and keeps the connection.
    Bytes(Vec<u8>),
    /// Says these bytes and ends the connection.
    End(Vec<u8>),
    /// Accepts a WebSocket and goes on with it.
    WebSocket(Then),
}

pub fn ok(body: &str) -> Reply {
    Reply::Ok(body.to_owned())
}

pub fn websocket<F, Serve>(then: F) -> Reply
where
    F: FnOnce(WebSocket) -> Serve + 'static,
    Serve: Future<Output = ()> + 'static,
{
    Reply::WebSocket(Box::new(move |socket| Box::pin(then(socket))))
}

/// An answer with this status and body, over a connection that is kept.
pub fn status(line: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {line}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A server that does with every request what the script says. A script that is not done when the client ends the
/// connection is abandoned, and `abandoned` counts it.
#[derive(Clone, Default)]
pub struct Server {
    pub asked: Rc<RefCell<Vec<Asked>>>,
    pub abandoned: Rc<Cell<usize>>,
    pub connections: Rc<Cell<usize>>,
    tls: Option<Rc<TlsAcceptor>>,
}

impl Server {
    pub fn over_tls(acceptor: TlsAcceptor) -> Self {
        Server { tls: Some(Rc::new(acceptor)), ..Server::default() }
    }

    pub async fn listen<F, Serve>(&self, script: F) -> SocketAddr
    where
        F: Fn(Asked) -> Serve + 'static,
        Serve: Future<Output = Reply> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (script, server) = (Rc::new(script), self.clone());
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, server, serving) = (script.clone(), server.clone(), Serving::new());
                let connection = server.connections.replace(server.connections.get() + 1);
                tokio::task::spawn_local(async move {
                    let _serving = serving;
                    match server.tls.clone() {
                        Some(acceptor) => {
                            let stream = acceptor.accept(stream).await.unwrap();
                            server.serve(Box::new(stream), connection, &*script).await;
                        }
                        None => server.serve(Box::new(stream), connection, &*script).await,
                    }
                });
            }
        });
        address
    }

    async fn serve<F, Serve>(&self, mut stream: Box<dyn Io>, connection: usize, script: &F)
    where
        F: Fn(Asked) -> Serve + 'static,
        Serve: Future<Output = Reply> + 'static,
    {
        while let Some(asked) = read_request(&mut stream, connection).await {
            self.asked.borrow_mut().push(asked.clone());
            let mut nothing = [0; 1];
            let reply = tokio::select! {
                reply = script(asked.clone()) => reply,
                read = stream.read(&mut nothing) => {
                    assert!(!matches!(read, Ok(1)), "a request before the last was answered");
                    self.abandoned.set(self.abandoned.get() + 1);
                    return;
                }
            };
            match reply {
                Reply::Ok(body) => {
                    let answer = status("200 OK", "Content-Type: text/plain; charset=UTF-8\r\n", &body);
                    stream.write_all(&answer).await.unwrap();
                }
                Reply::Bytes(bytes) => stream.write_all(&bytes).await.unwrap(),
                Reply::End(bytes) => {
                    // The client may have gone.
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.shutdown().await;
                    return;
                }
                Reply::WebSocket(then) => {
                    stream.write_all(accepting(&asked).as_bytes()).await.unwrap();
                    return then(WebSocket { stream }).await;
                }
            }
        }
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked.borrow().iter().map(|asked| asked.line.clone()).collect()
    }
}

fn accepting(asked: &Asked) -> String {
    let key = derive_accept_key(asked.field("Sec-WebSocket-Key").expect("a key").as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {key}\r\n\r\n"
    )
}

async fn read_request(stream: &mut Box<dyn Io>, connection: usize) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let mut asked = Asked { connection, line, head, body: String::new() };
    let length = asked.field("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    asked.body = body.iter().map(|&byte| char::from(byte)).collect();
    Some(asked)
}

/// The server's end of a WebSocket.
pub struct WebSocket {
    stream: Box<dyn Io>,
}

/// What came over it.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    Text(String),
    Binary(Vec<u8>),
    Close(u16),
    Pong(Vec<u8>),
}

impl WebSocket {
    pub async fn text(&mut self, text: &str) {
        self.send(1, text.as_bytes()).await;
    }

    pub async fn texts(&mut self, texts: &[&str]) {
        let frames: Vec<u8> = texts.iter().flat_map(|text| frame(1, text.as_bytes())).collect();
        self.stream.write_all(&frames).await.unwrap();
    }

    pub async fn send(&mut self, opcode: u8, payload: &[u8]) {
        self.stream.write_all(&frame(opcode, payload)).await.unwrap();
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// How many bytes come in one read.
    pub async fn read_once(&mut self) -> usize {
        self.stream.read(&mut [0; 10_000]).await.unwrap()
    }

    /// The next message; `None` at the end of the stream.
    pub async fn receive(&mut self) -> Option<Message> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).await.ok()?;
        let length = match head[1] & 0x7f {
            126 => u64::from(self.stream.read_u16().await.ok()?),
            127 => self.stream.read_u64().await.ok()?,
            length => length.into(),
        };
        let mut mask = [0; 4];
        self.stream.read_exact(&mut mask).await.ok()?;
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).await.ok()?;
        payload.iter_mut().enumerate().for_each(|(index, byte)| *byte ^= mask[index % 4]);
        Some(match head[0] & 0x0f {
            1 => Message::Text(String::from_utf8(payload).unwrap()),
            2 => Message::Binary(payload),
            10 => Message::Pong(payload),
            8 if payload.is_empty() => Message::Close(1005),
            8 => Message::Close(u16::from_be_bytes([payload[0], payload[1]])),
            other => panic!("the client sent a frame of type {other}"),
        })
    }

    /// The next message, which is this text.
    pub async fn expect(&mut self, text: &str) {
        assert_eq!(self.receive().await, Some(Message::Text(text.to_owned())));
    }

    /// Opens the engine and lets the client into `/`.
    pub async fn open(&mut self) {
        self.text(OPEN).await;
        self.expect("40").await;
        self.text(CONNECTED).await;
    }

    /// Reads until the client ends the stream.
    pub async fn rest(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.receive().await {
            messages.push(message);
        }
        messages
    }
}

/// A frame as a server sends it.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        length @ ..126 => frame.push(length as u8),
        length @ ..0x1_0000 => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

type Reaction = Rc<dyn Fn(&Notes, &str)>;

/// Notes all that a client tells, as lines, and does what a test wants done on the way.
#[derive(Default)]
pub struct Notes {
    lines: RefCell<Vec<String>>,
    pub tokens: RefCell<Vec<AckToken>>,
    pub client: RefCell<Option<Rc<SocketIoClient<Notes>>>>,
    /// Called with every line but those of progress, from within the handler.
    pub reaction: RefCell<Option<Reaction>>,
    /// Turns, and how many lines each noted.
    pub turns: RefCell<Vec<usize>>,
    is_inside: Cell<bool>,
    changed: Notify,
}

impl Notes {
    fn note(&self, line: String) {
        assert!(!self.is_inside.replace(true), "told of {line} from within another call");
        self.lines.borrow_mut().push(line.clone());
        self.changed.notify_waiters();
        let reaction = self.reaction.borrow().clone();
        let reacted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if let Some(reaction) = reaction {
                reaction(self, &line);
            }
        }));
        self.is_inside.set(false);
        if let Err(panic) = reacted {
            std::panic::resume_unwind(panic);
        }
    }

    /// Waits for a line.
    pub async fn until(&self, line: &str) {
        while !self.has(line) {
            self.changed.notified().await;
        }
    }

    /// Waits for so many lines that begin like this.
    pub async fn until_count(&self, start: &str, count: usize) {
        while self.starting(start).len() < count {
            self.changed.notified().await;
        }
    }

    pub fn has(&self, line: &str) -> bool {
        self.lines.borrow().iter().any(|noted| noted == line)
    }

    pub fn starting(&self, start: &str) -> Vec<String> {
        self.lines.borrow().iter().filter(|line| line.starts_with(start)).cloned().collect()
    }

    /// What was noted so far; it is forgotten.
    pub fn take(&self) -> Vec<String> {
        self.lines.take()
    }

    /// Waits until the session has ended; how.
    pub async fn until_closed(&self) -> String {
        self.until_count("closed", 1).await;
        self.starting("closed").remove(0)
    }

    pub fn client(&self) -> Rc<SocketIoClient<Notes>> {
        self.client.borrow().clone().expect("a client")
    }

    pub fn emit(&self, name: &str, args: Vec<Value>) {
        self.client().emit(&Namespace::ROOT, name, args, EmitOptions::default()).unwrap();
    }

    /// Drops the client.
    pub fn end(&self) {
        drop(self.client.take());
    }
}

fn texts(args: &[Value]) -> String {
    args.iter().map(|arg| format!(" {arg:?}")).collect()
}

impl Handler for Notes {
    fn handle_progress(&self, progress: &Progress) {
        self.lines.borrow_mut().push(format!("progress {}", progress.phase));
    }

    fn handle_failure(&self, error: &DialError) {
        assert!(!error.remedy().is_empty(), "{error}");
        self.note(format!("failure in {}: {error}", error.phase()));
    }

    fn handle_event(&self, event: ClientEvent) {
        let line = match event {
            ClientEvent::Open => "open".to_owned(),
            ClientEvent::Connected { namespace, .. } => format!("connected {namespace}"),
            ClientEvent::Refused { namespace, reason } => format!("refused {namespace}: {reason}"),
            ClientEvent::Event { namespace, name, args, ack, .. } => {
                self.tokens.borrow_mut().extend(ack);
                format!("event {namespace} {name}{}", texts(&args))
            }
            ClientEvent::Acknowledged { args, .. } => format!("acknowledged{}", texts(&args)),
            ClientEvent::AckFailed { reason, .. } => format!("not acknowledged: {reason}"),
            ClientEvent::Disconnected { namespace, reason } => format!("disconnected {namespace}: {}", reason.name()),
            ClientEvent::TransportChanged(transport) => format!("transport {}", transport.name()),
            ClientEvent::ProbeFailed(reason) => format!("probe failed: {reason}"),
            ClientEvent::Closed(reason) => format!("closed, {}: {reason}", reason.name()),
            ClientEvent::Ping => "ping".to_owned(),
            other => format!("{other:?}"),
        };
        self.note(line);
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        let before = self.lines.borrow().len();
        work();
        self.turns.borrow_mut().push(self.lines.borrow().len() - before);
    }

    fn handle_panic(&self, reason: &str) {
        self.lines.borrow_mut().push(format!("panic {reason}"));
        self.changed.notify_waiters();
    }
}

pub fn at(address: SocketAddr) -> Target {
    Target::new(Address::parse(&format!("http://{address}"), 0).unwrap())
}

pub fn within(address: SocketAddr, time_limit: Duration) -> Target {
    Target { dial: DialSettings { time_limit, ..DialSettings::default() }, ..at(address) }
}

pub fn over(transports: Transports) -> ClientSettings {
    let mut settings = ClientSettings::default();
    settings.engine.transports = transports;
    settings
}

/// A client that has joined `/` and has not been connected.
pub fn idle(settings: ClientSettings) -> Rc<Notes> {
    let notes = Rc::new(Notes::default());
    let client = SocketIoClient::new(notes.clone(), settings);
    client.join(&Namespace::ROOT, Credentials::default()).unwrap();
    notes.client.replace(Some(Rc::new(client)));
    notes
}

/// A client that has joined `/` and is on its way.
pub fn connecting(settings: ClientSettings, target: Target) -> Rc<Notes> {
    let notes = idle(settings);
    notes.client().connect(target).unwrap();
    notes
}
