//! HTTP/2 from a peer that writes its frames by hand and so can misbehave: it reads no answer but goes on living.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use http::Response;
use patchcord_net::body::Body;
use patchcord_net::server::{Accept, Handler, Limits, Refusal, Reply, Request, Server, Settings, Upgrade};
use patchcord_net::websocket::{self, Ending, Peer as Client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that an HTTP/2 peer takes before it is asked (RFC 9113 §6.5.2).
const WINDOW: usize = 65_535;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const END: u8 = 1;
const END_HEADERS: u8 = 4;

/// Answers `/panic` with a panic, `/large` with more than a peer takes unasked, `/later` after [`LATER`], all else with
/// "fine".
#[derive(Default)]
struct Notes(RefCell<Vec<Refusal>>);

impl websocket::Handler for Notes {
    type Data = ();

    fn handle_open(&self, _: &Rc<Client<()>>) {}

    fn handle_text(&self, _: &Rc<Client<()>>, _: &str) {}

    fn handle_binary(&self, _: &Rc<Client<()>>, _: &[u8]) {}

    fn handle_ping(&self, _: &Rc<Client<()>>, _: &[u8]) {}

    fn handle_pong(&self, _: &Rc<Client<()>>, _: &[u8]) {}

    fn handle_close(&self, _: &Rc<Client<()>>, _: &Ending) {}
}

impl Handler for Notes {
    fn handle_request(&self, request: &Request<'_>) -> Reply {
        let body = match request.parts.uri.path() {
            "/panic" => panic!("the handler fails"),
            "/later" => {
                let answer = async {
                    tokio::time::sleep(LATER).await;
                    Response::new(Body::full("fine"))
                };
                return Reply::Later(Box::pin(answer));
            }
            "/large" => Body::full(vec![0; 4 * WINDOW]),
            _ => Body::full("fine"),
        };
        Response::new(body).into()
    }

    fn handle_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Box<Response<Body>>> {
        Ok(Accept { data: (), subprotocol: None })
    }

    fn handle_refusal(&self, refusal: &Refusal) {
        self.0.borrow_mut().push(refusal.clone());
    }
}

/// A connected peer.
struct Peer(TcpStream);

/// The head of a request: method and http by their numbers in the static table, path and authority in plain text
/// (RFC 7541).
fn head(method: u8, path: &str) -> Vec<u8> {
    let mut block = vec![method, 0x86, 0x04, path.len() as u8];
    block.extend(path.as_bytes());
    block.extend([0x01, 1, b'x']);
    block
}

/// A frame: kind, flags, stream, payload.
type Frame = (u8, u8, u32, Vec<u8>);

impl Peer {
    async fn connect(server: &Server<Notes>) -> Self {
        let stream = TcpStream::connect(server.address().unwrap()).await.unwrap();
        let mut peer = Peer(stream);
        peer.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        peer.send(SETTINGS, 0, 0, &[]).await.unwrap();
        peer
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).await
    }

    /// Asks for a path of at most 127 bytes.
    async fn get(&mut self, stream: u32, path: &str) {
        self.send(HEADERS, END | END_HEADERS, stream, &head(0x82, path)).await.unwrap();
    }

    /// Begins a request whose body is to follow.
    async fn post(&mut self, stream: u32, path: &str) {
        self.send(HEADERS, END_HEADERS, stream, &head(0x83, path)).await.unwrap();
    }

    /// The next frame; `None` when the connection has ended.
    async fn read(&mut self) -> Option<Frame> {
        timeout(PATIENCE, async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
        })
        .await
        .expect("a frame or the end comes")
    }

    /// Bytes of the next data frame of a stream, and whether it is the last; `None` when the stream was reset.
    async fn read_data(&mut self, of: u32) -> Option<(Vec<u8>, bool)> {
        loop {
            match self.read().await.expect("the connection goes on") {
                (DATA, flags, stream, payload) if stream == of => return Some((payload, flags & END != 0)),
                (RST_STREAM, _, stream, _) if stream == of => return None,
                _ => {}
            }
        }
    }

    async fn widen(&mut self, stream: u32, by: usize) {
        let by = (by as u32).to_be_bytes();
        self.send(WINDOW_UPDATE, 0, 0, &by).await.unwrap();
        self.send(WINDOW_UPDATE, 0, stream, &by).await.unwrap();
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

async fn start(limits: Limits) -> (Rc<Notes>, Server<Notes>) {
    let notes = Rc::new(Notes::default());
    let server = Server::new(notes.clone(), Settings { limits, ..Settings::default() });
    server.listen(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
    (notes, server)
}

#[test]
fn a_panic_ends_its_stream_and_is_told() {
    run(async {
        let (notes, server) = start(Limits::default()).await;
        let mut peer = Peer::connect(&server).await;
        peer.get(1, "/panic").await;
        assert_eq!(peer.read_data(1).await, None);
        assert_eq!(*notes.0.borrow(), [Refusal::Panicked { reason: "the handler fails".to_owned() }]);
        peer.get(3, "/").await;
        assert_eq!(peer.read_data(3).await, Some((b"fine".to_vec(), true)));
    });
}

/// Longer than the shortest idle time that is used here.
const LATER: Duration = Duration::from_millis(2500);

#[test]
fn an_answer_may_take_longer_than_a_connection_may_be_idle() {
    run(async {
        let (notes, server) = start(Limits { idle_time: Duration::from_secs(1), ..Limits::default() }).await;
        let mut peer = Peer::connect(&server).await;
        peer.get(1, "/later").await;
        assert_eq!(peer.read_data(1).await, Some((b"fine".to_vec(), true)));
        assert!(notes.0.borrow().is_empty());
        assert!(peer.read().await.is_none(), "afterwards it is idle");
    });
}

const STALL_TIME: Duration = Duration::from_secs(2);

fn limits() -> Limits {
    Limits { stall_time: STALL_TIME, ..Limits::default() }
}

#[test]
fn a_peer_that_pings_and_does_not_take_its_answer_is_given_up() {
    run(async {
        let (notes, server) = start(limits()).await;
        let mut peer = Peer::connect(&server).await;
        peer.get(1, "/large").await;
        let mut taken = 0;
        while taken < WINDOW {
            taken += peer.read_data(1).await.expect("the stream goes on").0.len();
        }
        // Pings for longer than it may stall, unless the connection ends.
        for _ in 0..40 {
            sleep(STALL_TIME / 10).await;
            if server.connection_count() == 0 || peer.send(PING, 0, 0, b"pingping").await.is_err() {
                break;
            }
        }
        assert_eq!(server.connection_count(), 0);
        let reason = "the answer was not read";
        assert_eq!(*notes.0.borrow(), [Refusal::TimedOut { address: [127, 0, 0, 1].into(), reason }]);
    });
}

#[test]
fn a_peer_that_takes_its_answer_slowly_is_not_given_up_nor_one_that_only_pings() {
    run(async {
        let (notes, server) = start(limits()).await;
        let mut peer = Peer::connect(&server).await;
        peer.get(1, "/large").await;
        let (mut taken, mut asked) = (0, WINDOW);
        loop {
            let (data, ended) = peer.read_data(1).await.expect("the stream goes on");
            taken += data.len();
            if ended {
                break;
            }
            if taken == asked {
                // A part of the time that it may stall, for about a frame.
                sleep(STALL_TIME / 4).await;
                peer.widen(1, 20_000).await;
                asked += 20_000;
            }
        }
        assert_eq!(taken, 4 * WINDOW);
        for _ in 0..15 {
            sleep(STALL_TIME / 10).await;
            peer.send(PING, 0, 0, b"pingping").await.unwrap();
        }
        peer.get(3, "/").await;
        assert_eq!(peer.read_data(3).await, Some((b"fine".to_vec(), true)));
        assert!(notes.0.borrow().is_empty());
    });
}

#[test]
fn a_body_that_stops_coming_ends_its_request_and_no_other() {
    run(async {
        let (notes, server) = start(limits()).await;
        let mut peer = Peer::connect(&server).await;
        peer.post(1, "/").await;
        peer.send(DATA, 0, 1, b"half of a bo").await.unwrap();
        for _ in 0..15 {
            sleep(STALL_TIME / 10).await;
            peer.send(PING, 0, 0, b"pingping").await.unwrap();
        }
        assert_eq!(peer.read_data(1).await, Some((b"the request's body stopped coming".to_vec(), true)));
        let (status, reason) = (http::StatusCode::REQUEST_TIMEOUT, "the request's body stopped coming");
        assert_eq!(*notes.0.borrow(), [Refusal::Request { address: [127, 0, 0, 1].into(), status, reason }]);
        peer.get(3, "/").await;
        assert_eq!(peer.read_data(3).await, Some((b"fine".to_vec(), true)));
    });
}
