//! Servers and a handler for these tests.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use patchcord_net::client::{
    Accepted, Address, ConnectionSettings, DialError, DialSettings, Handler, Opening, Progress, WebSocketClient, dial,
};
use patchcord_net::websocket::{self, Ending, Peer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tungstenite::handshake::derive_accept_key;

/// Longer than anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

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
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let local = tokio::task::LocalSet::new();
    local.run_until(async { tokio::time::timeout(PATIENCE, whole).await.expect("the test hangs") }).await;
    assert!(!SERVER_FAILED.get(), "a server of this test has failed, see above");
}

/// A server for one connection at a time; `serve` says what it does with each.
pub async fn server<F, Serve>(serve: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Serve + 'static,
    Serve: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            SERVING.set(SERVING.get() + 1);
            if tokio::task::spawn_local(serve(stream)).await.is_err() {
                SERVER_FAILED.set(true);
            }
            SERVING.set(SERVING.get() - 1);
        }
    });
    address
}

/// A server that reads a request and answers with these bytes, then ends.
pub async fn answering(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer: Rc<[u8]> = answer.into().into();
    server(move |mut stream| {
        let answer = answer.clone();
        async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(&answer).await;
        }
    })
    .await
}

/// A server that accepts a WebSocket, says `behind` in the same write as its reply, and goes on as `then` says.
pub async fn websocket<F, Then>(behind: &'static [u8], then: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Then + 'static,
    Then: Future<Output = ()> + 'static,
{
    let then = Rc::new(then);
    server(move |mut stream| {
        let then = then.clone();
        async move {
            let head = read_head(&mut stream).await;
            let mut answer = accepting(&head).into_bytes();
            answer.extend_from_slice(behind);
            stream.write_all(&answer).await.unwrap();
            then(stream).await;
        }
    })
    .await
}

/// The reply that opens a WebSocket.
pub fn accepting(request: &str) -> String {
    let key = field(request, "Sec-WebSocket-Key").expect("a key");
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    )
}

/// The head of a request.
pub async fn read_head(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// The value of a field of a head.
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().filter_map(|line| line.split_once(": ")).find(|(own, _)| *own == name).map(|(_, value)| value)
}

/// Reads frames of a client, at most 125 bytes each, until the stream ends; opcode and unmasked payload.
pub async fn read_frames(stream: &mut TcpStream) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    loop {
        let mut head = [0; 6];
        if stream.read_exact(&mut head).await.is_err() {
            return frames;
        }
        assert_eq!(head[1] & 0x80, 0x80, "a client masks its frames");
        let mut payload = vec![0; usize::from(head[1] & 0x7f)];
        stream.read_exact(&mut payload).await.unwrap();
        for (index, byte) in payload.iter_mut().enumerate() {
            *byte ^= head[2 + index % 4];
        }
        frames.push((head[0] & 0x0f, payload));
    }
}

/// A frame as a server sends it.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode, payload.len() as u8];
    frame.extend_from_slice(payload);
    frame
}

pub fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    frame(8, &[&code.to_be_bytes()[..], reason.as_bytes()].concat())
}

pub fn at(address: SocketAddr) -> Address {
    Address::parse(&format!("ws://{address}/live"), 0).unwrap()
}

pub fn within(time_limit: Duration) -> DialSettings {
    DialSettings { time_limit, ..DialSettings::default() }
}

/// Dials, and gives the steps that were reported.
pub async fn dial_with_steps(address: &Address, settings: &DialSettings) -> (Result<Opening, DialError>, Vec<String>) {
    let steps = RefCell::new(Vec::new());
    let result = dial(address, settings, &|progress: &Progress| steps.borrow_mut().push(progress.to_string())).await;
    (result, steps.into_inner())
}

/// Why a dial fails.
pub async fn failure(address: &Address, settings: &DialSettings) -> DialError {
    dial_with_steps(address, settings).await.0.expect_err("the dial is to fail")
}

/// Notes all that a client tells.
#[derive(Default)]
pub struct Notes {
    pub log: RefCell<Vec<String>>,
    pub endings: RefCell<Vec<Ending>>,
    pub failures: RefCell<Vec<DialError>>,
    pub accepted: RefCell<Option<Accepted>>,
    pub panics_on_text: Cell<bool>,
    pub panics_on_progress: Cell<bool>,
    changed: Notify,
}

impl Notes {
    fn note(&self, line: String) {
        self.log.borrow_mut().push(line);
        self.changed.notify_waiters();
    }

    /// Waits until something holds.
    pub async fn until(&self, mut holds: impl FnMut(&Self) -> bool) {
        while !holds(self) {
            self.changed.notified().await;
        }
    }

    /// Waits for the end, and some time more for a second one that must not come.
    pub async fn until_ended(&self) {
        self.until(|notes| !notes.endings.borrow().is_empty() || !notes.failures.borrow().is_empty()).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(self.endings.borrow().len() + self.failures.borrow().len(), 1, "{:?}", self.log.borrow());
    }

    pub fn has(&self, line: &str) -> bool {
        self.log.borrow().iter().any(|noted| noted == line)
    }
}

impl websocket::Handler for Notes {
    type Data = &'static str;

    fn handle_open(&self, peer: &Rc<Peer<&'static str>>) {
        self.note(format!("open {}", peer.data()));
    }

    fn handle_text(&self, _: &Rc<Peer<&'static str>>, text: &str) {
        assert!(!self.panics_on_text.get(), "as the test wants it");
        self.note(format!("text {text}"));
    }

    fn handle_binary(&self, _: &Rc<Peer<&'static str>>, bytes: &[u8]) {
        self.note(format!("binary {}", bytes.len()));
    }

    fn handle_ping(&self, peer: &Rc<Peer<&'static str>>, payload: &[u8]) {
        peer.send_pong(payload);
        self.note(format!("ping {}", payload.len()));
    }

    fn handle_pong(&self, _: &Rc<Peer<&'static str>>, payload: &[u8]) {
        self.note(format!("pong {}", payload.len()));
    }

    fn handle_close(&self, _: &Rc<Peer<&'static str>>, ending: &Ending) {
        self.endings.borrow_mut().push(ending.clone());
        self.note(format!("close {}", ending.code));
    }
}

impl Handler for Notes {
    fn handle_progress(&self, progress: &Progress) {
        assert!(!self.panics_on_progress.get(), "as the test wants it");
        self.note(progress.phase.name().to_owned());
    }

    fn handle_accepted(&self, accepted: Accepted) -> &'static str {
        self.accepted.replace(Some(accepted));
        "data"
    }

    fn handle_failure(&self, error: &DialError) {
        let line = format!("failed: {error}");
        // Errors cannot be copied; what tests ask of one they ask of its text.
        self.failures.borrow_mut().push(DialError::Panicked(error.to_string()));
        self.note(line);
    }

    fn handle_panic(&self, reason: &str) {
        self.note(format!("panic {reason}"));
    }
}

pub fn client(address: SocketAddr, settings: ConnectionSettings) -> (Rc<Notes>, WebSocketClient<Notes>) {
    let notes = Rc::new(Notes::default());
    let client = WebSocketClient::connect(notes.clone(), at(address), DialSettings::default(), settings);
    (notes, client)
}
