//! A server's promises about connections, driven over real sockets by a peer that writes its frames by hand and so can
//! misbehave: it reads nothing, answers no close frame, or comes twice from one port of its own.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http::Response;
use patchcord_net::body::Body;
use patchcord_net::server::{Accept, Handler, Reply, Request, Server, Settings, Upgrade};
use patchcord_net::websocket::{self, CloseCode, Ending, Peer, Sent, SlowReader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;

/// Long enough for whatever is bounded by two seconds and a sweep.
const PATIENCE: Duration = Duration::from_secs(10);
const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDAwMDAwMDAwMDAwMDAwMA==\r\n\r\n";

/// Answers "flood" with more than the system takes for a peer that does not read, "burst" with ten times what may wait;
/// notes ends.
#[derive(Default)]
struct Notes {
    endings: RefCell<Vec<Ending>>,
    messages_in: Cell<u64>,
    /// Requests that wait for an answer.
    waiting: Rc<Cell<usize>>,
    answers: Rc<Notify>,
}

/// One request less waits when this goes.
struct Decrease(Rc<Cell<usize>>);

impl Drop for Decrease {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl websocket::Handler for Notes {
    type Data = ();

    fn handle_open(&self, _: &Rc<Peer<()>>) {}

    fn handle_text(&self, client: &Rc<Peer<()>>, text: &str) {
        match text {
            "flood" => {
                client.send_binary(&vec![0; 32 << 20]);
            }
            "burst" => {
                client.set_budget(16 << 10, SlowReader::Pause);
                for part in 0..40 {
                    assert_eq!(client.send_binary(&[part; 4096]), Sent::Queued, "part {part}");
                }
                client.close(CloseCode::NORMAL, "");
            }
            _ => {}
        }
    }

    fn handle_binary(&self, _: &Rc<Peer<()>>, _: &[u8]) {}

    fn handle_ping(&self, _: &Rc<Peer<()>>, _: &[u8]) {}

    fn handle_pong(&self, _: &Rc<Peer<()>>, _: &[u8]) {}

    fn handle_close(&self, client: &Rc<Peer<()>>, ending: &Ending) {
        self.messages_in.set(client.stats().messages_in);
        self.endings.borrow_mut().push(ending.clone());
    }
}

impl Handler for Notes {
    /// Answers when [`Notes::answers`] is told to.
    fn handle_request(&self, _: &Request<'_>) -> Reply {
        let (waiting, answers) = (self.waiting.clone(), self.answers.clone());
        waiting.set(waiting.get() + 1);
        let asked = Decrease(waiting);
        Reply::Later(Box::pin(async move {
            let _asked = asked;
            answers.notified().await;
            Response::new(Body::full("fine"))
        }))
    }

    fn handle_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Box<Response<Body>>> {
        Ok(Accept { data: (), subprotocol: None })
    }
}

/// A frame of at most 125 bytes as a client sends it, masked with zeros.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

async fn listen(server: &Server<Notes>) -> SocketAddr {
    server.listen(TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap()
}

/// Opens a WebSocket from a port of the peer's own, 0 for any.
async fn open(to: SocketAddr, from_port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], from_port))).unwrap();
    let mut peer = socket.connect(to).await.unwrap();
    peer.write_all(HANDSHAKE.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(peer.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    peer
}

/// The peer has read the answer to its handshake before the server's task has begun; this is when it has.
async fn wait_for_clients(server: &Server<Notes>, count: usize) {
    let opened = async {
        while server.client_count() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, opened).await.expect("the WebSocket opens");
}

/// Everything up to the end of the transport, which has to come.
async fn read_to_end(peer: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, peer.read_to_end(&mut bytes)).await.expect("the transport ends");
    bytes
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Server<Notes>, Rc<Notes>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let notes = Rc::new(Notes::default());
        let mut settings = Settings::default();
        settings.limits.queue = 64 << 20;
        test(Server::new(notes.clone(), settings), notes).await;
    });
}

#[test]
fn a_peer_that_closes_but_does_not_read_is_given_up() {
    run(|server, notes| async move {
        let address = listen(&server).await;
        let mut peer = open(address, 0).await;
        peer.write_all(&[frame(1, b"flood"), frame(8, &1000_u16.to_be_bytes())].concat()).await.unwrap();
        wait_for_clients(&server, 1).await;
        tokio::time::timeout(PATIENCE, server.closed()).await.expect("the connection ends");
        assert_eq!(notes.endings.borrow().len(), 1);
        assert_eq!(notes.endings.borrow()[0].code, CloseCode::NORMAL);
    });
}

#[test]
fn time_limits_outlive_the_server() {
    run(|server, notes| async move {
        let address = listen(&server).await;
        let mut peer = open(address, 0).await;
        wait_for_clients(&server, 1).await;
        server.close_all(CloseCode::GOING_AWAY, "");
        drop(server);
        // The close frame is not answered.
        assert_eq!(read_to_end(&mut peer).await, [0x88, 2, 0x03, 0xe9]);
        assert_eq!(notes.endings.borrow().len(), 1);
    });
}

#[test]
fn connections_from_one_port_of_a_peer_are_told_apart() {
    run(|server, notes| async move {
        let mut old = open(listen(&server).await, 0).await;
        let mut new = open(listen(&server).await, old.local_addr().unwrap().port()).await;
        wait_for_clients(&server, 2).await;
        server.close_all(CloseCode::GOING_AWAY, "");
        for peer in [&mut old, &mut new] {
            peer.write_all(&frame(8, &1001_u16.to_be_bytes())).await.unwrap();
            assert_eq!(read_to_end(peer).await, [0x88, 2, 0x03, 0xe9]);
        }
        assert_eq!(notes.endings.borrow().len(), 2);
    });
}

#[test]
fn pings_and_pongs_are_no_messages() {
    run(|server, notes| async move {
        let mut peer = open(listen(&server).await, 0).await;
        let frames = [frame(9, b""), frame(10, b""), frame(1, b"hi"), frame(8, &1000_u16.to_be_bytes())];
        peer.write_all(&frames.concat()).await.unwrap();
        read_to_end(&mut peer).await;
        assert_eq!(notes.messages_in.get(), 1);
    });
}

#[test]
fn a_burst_from_one_callback_is_written_while_it_is_sent() {
    run(|server, _| async move {
        let mut peer = open(listen(&server).await, 0).await;
        peer.write_all(&frame(1, b"burst")).await.unwrap();
        let mut bytes = vec![0; 40 * (4 + 4096)];
        tokio::time::timeout(PATIENCE, peer.read_exact(&mut bytes)).await.expect("all of it").unwrap();
        for (part, frame) in bytes.chunks(4 + 4096).enumerate() {
            assert!(frame[..4] == [0x82, 126, 16, 0] && frame[4..].iter().all(|byte| usize::from(*byte) == part));
        }
        peer.write_all(&frame(8, &1000_u16.to_be_bytes())).await.unwrap();
        assert_eq!(read_to_end(&mut peer).await, [0x88, 2, 0x03, 0xe8]);
    });
}

/// Waits until so many requests wait for their answers.
async fn wait_for_requests(notes: &Notes, count: usize) {
    let asked = async {
        while notes.waiting.get() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the requests are there, or have gone");
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn an_answer_may_come_later_and_the_connection_goes_on() {
    run(|server, notes| async move {
        let mut peer = TcpStream::connect(listen(&server).await).await.unwrap();
        for _ in 0..2 {
            peer.write_all(GET.as_bytes()).await.unwrap();
            wait_for_requests(&notes, 1).await;
            notes.answers.notify_one();
            let mut head = vec![0; 17];
            peer.read_exact(&mut head).await.unwrap();
            assert!(head.starts_with(b"HTTP/1.1 200 OK"));
            while !head.ends_with(b"\r\n\r\nfine") {
                head.push(peer.read_u8().await.unwrap());
            }
        }
        assert_eq!(notes.waiting.get(), 0);
    });
}

#[test]
fn a_client_that_has_closed_its_half_gets_what_it_asked_for() {
    run(|server, notes| async move {
        let mut peer = TcpStream::connect(listen(&server).await).await.unwrap();
        peer.write_all(GET.repeat(2).as_bytes()).await.unwrap();
        peer.shutdown().await.unwrap();
        wait_for_requests(&notes, 1).await;
        notes.answers.notify_one();
        let mut first = Vec::new();
        while !first.ends_with(b"\r\n\r\nfine") {
            first.push(peer.read_u8().await.unwrap());
        }
        wait_for_requests(&notes, 1).await;
        notes.answers.notify_one();
        assert!(read_to_end(&mut peer).await.ends_with(b"\r\n\r\nfine"));
    });
}

#[test]
fn an_answer_for_a_client_that_has_gone_ends_the_connection() {
    run(|server, notes| async move {
        let mut peer = TcpStream::connect(listen(&server).await).await.unwrap();
        peer.write_all(GET.as_bytes()).await.unwrap();
        wait_for_requests(&notes, 1).await;
        drop(peer);
        notes.answers.notify_one();
        wait_for_requests(&notes, 0).await;
        let ended = async {
            while server.connection_count() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("the connection ends");
    });
}
