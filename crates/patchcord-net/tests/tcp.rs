//! TCP clients and servers of this crate against sockets of the standard library and of tokio.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use patchcord_net::client::{DialError, Progress};
use patchcord_net::listen::listen;
use patchcord_net::tcp::{Ending, Handler, Peer, Refusal, Settings, Target, TcpClient, TcpServer};
use patchcord_net::websocket::Sent;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Notes what is heard, and answers.
#[derive(Default)]
struct Heard {
    lines: RefCell<Vec<String>>,
    bytes: RefCell<Vec<u8>>,
    turns: Cell<u32>,
    echoes: bool,
    panics: bool,
}

impl Heard {
    fn say(&self, line: String) {
        self.lines.borrow_mut().push(line);
    }

    async fn until(&self, start: &str) -> String {
        let found = || self.lines.borrow().iter().find(|line| line.starts_with(start)).cloned();
        until(start, || found().is_some()).await;
        found().unwrap()
    }
}

impl Handler for Heard {
    fn handle_open(&self, _: &Rc<Peer>) {
        self.say("open".to_owned());
    }

    fn handle_bytes(&self, peer: &Rc<Peer>, bytes: &[u8]) {
        assert!(!(self.panics && bytes == b"panic"), "a test's panic");
        self.bytes.borrow_mut().extend_from_slice(bytes);
        if self.echoes {
            peer.send(bytes);
        }
    }

    fn handle_close(&self, _: &Rc<Peer>, ending: &Ending) {
        self.say(format!("close {ending}"));
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        self.turns.set(self.turns.get() + 1);
        work();
    }

    fn handle_progress(&self, progress: &Progress) {
        self.say(progress.to_string());
    }

    fn handle_failure(&self, error: &DialError) {
        self.say(format!("failure {error}"));
    }

    fn handle_refusal(&self, refusal: &Refusal) {
        self.say(format!("refusal {refusal}"));
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Lets every task that waits for the thread have it once; `yield_now` would wait for the sockets, too.
async fn next_in_line() {
    let mut has_waited = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut has_waited, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn run(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, work);
}

fn target(address: SocketAddr) -> Target {
    Target {
        host: address.ip().to_string(),
        port: address.port(),
        only_ipv6: false,
        time_limit: Duration::from_secs(5),
    }
}

fn serve(heard: Heard, settings: Settings, clients: usize) -> (Rc<Heard>, TcpServer<Heard>, SocketAddr) {
    let heard = Rc::new(heard);
    let server = TcpServer::new(heard.clone(), settings, clients);
    let address = server.listen(listen(LOOPBACK, 0).unwrap()).unwrap();
    (heard, server, address)
}

#[test]
fn a_client_sends_hears_and_closes_when_all_is_written() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let heard = Rc::new(Heard::default());
        let client = TcpClient::connect(heard.clone(), target(listener.local_addr().unwrap()), Settings::default());
        assert!(heard.lines.borrow().is_empty() && client.peer().is_none());
        let (mut server, _) = listener.accept().await.unwrap();
        heard.until("open").await;
        let peer = client.peer().unwrap();
        let much = vec![7u8; 3 << 20];
        assert_eq!(peer.send(&much), Sent::Queued);
        client.close();
        assert_eq!(peer.send(b"late"), Sent::Closed);
        server.write_all(b"dropped, since nobody listens any more").await.unwrap();
        let mut got = Vec::new();
        server.read_to_end(&mut got).await.unwrap();
        assert!(got == much, "{} of {} bytes", got.len(), much.len());
        drop(server);
        assert_eq!(heard.until("close").await, "close it was closed");
        assert!(client.is_ended() && heard.bytes.borrow().is_empty());
    });
}

#[test]
fn what_the_server_has_sent_before_it_ends_is_heard_and_the_end_is_one() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let heard = Rc::new(Heard::default());
        let client = TcpClient::connect(heard.clone(), target(listener.local_addr().unwrap()), Settings::default());
        let (mut server, _) = listener.accept().await.unwrap();
        server.write_all(b"goodbye").await.unwrap();
        drop(server);
        assert_eq!(heard.until("close").await, "close the other end closed it");
        assert_eq!(*heard.bytes.borrow(), b"goodbye");
        assert!(client.is_ended() && client.peer().is_none());
    });
}

#[test]
fn a_server_that_is_not_there_is_a_failure_in_words() {
    run(async {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let heard = Rc::new(Heard::default());
        let client = TcpClient::connect(heard.clone(), target(closed), Settings::default());
        assert_eq!(heard.until("failure").await, format!("failure {closed} refused the connection"));
        assert!(client.is_ended());
        let only_ipv6 = Target { only_ipv6: true, ..target(closed) };
        let heard = Rc::new(Heard::default());
        let _client = TcpClient::connect(heard.clone(), only_ipv6, Settings::default());
        assert!(heard.until("failure").await.contains("it has no address"));
    });
}

#[test]
fn a_client_that_is_dropped_is_silent() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let heard = Rc::new(Heard::default());
        let client = TcpClient::connect(heard.clone(), target(listener.local_addr().unwrap()), Settings::default());
        let (mut server, _) = listener.accept().await.unwrap();
        heard.until("open").await;
        drop(client);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0, "the connection ends");
        assert!(!heard.lines.borrow().iter().any(|line| line.starts_with("close")));
    });
}

#[test]
fn a_server_sends_to_all_and_hears_each() {
    run(async {
        let (heard, server, address) = serve(Heard::default(), Settings::default(), 2);
        assert_eq!(server.send_to_all(b"nobody"), 0);
        let mut one = TcpStream::connect(address).await.unwrap();
        until("one", || server.client_count() == 1).await;
        assert_eq!(server.send_to_all(b"a"), 1);
        let mut other = TcpStream::connect(address).await.unwrap();
        until("two", || server.client_count() == 2).await;
        assert_eq!(server.clients()[1].address(), other.local_addr().unwrap(), "in the order in which they came");
        assert_eq!(server.send_to_all(b"b"), 2);
        let mut third = TcpStream::connect(address).await.unwrap();
        let refused = heard.until("refusal").await;
        assert!(refused.ends_with("2 clients are connected, and no more may be"), "{refused}");
        assert_eq!(third.read(&mut [0; 8]).await.unwrap_or(0), 0);
        one.write_all(b"from one").await.unwrap();
        until("bytes", || *heard.bytes.borrow() == b"from one").await;
        server.stop_listening();
        server.close_all();
        let mut got = Vec::new();
        one.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"ab");
        got.clear();
        other.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"b");
        assert!(TcpStream::connect(address).await.is_err(), "nobody is let in any more");
    });
}

#[test]
fn who_ends_its_half_gets_the_answer() {
    run(async {
        let (heard, server, address) = serve(Heard { echoes: true, ..Heard::default() }, Settings::default(), 8);
        let asked = vec![b'x'; 1 << 20];
        let sent = asked.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let mut socket = std::net::TcpStream::connect(address).unwrap();
            let mut writing = socket.try_clone().unwrap();
            let writer = std::thread::spawn(move || {
                writing.write_all(&sent).unwrap();
                writing.shutdown(Shutdown::Write).unwrap();
            });
            let mut answer = Vec::new();
            socket.read_to_end(&mut answer).unwrap();
            writer.join().unwrap();
            answer
        });
        let answer = answer.await.unwrap();
        assert!(answer == asked, "{} of {} bytes", answer.len(), asked.len());
        assert_eq!(heard.until("close").await, "close the other end closed it");
        assert_eq!(server.client_count(), 0);
    });
}

#[test]
fn a_client_that_does_not_read_is_let_go_of_and_the_others_stay() {
    run(async {
        let settings = Settings { queue: 1 << 20, ..Settings::default() };
        let (heard, server, address) = serve(Heard::default(), settings, 8);
        let slow = TcpStream::connect(address).await.unwrap();
        until("the slow one", || server.client_count() == 1).await;
        let mut good = TcpStream::connect(address).await.unwrap();
        until("the good one", || server.client_count() == 2).await;
        let chunk = vec![1u8; 64 << 10];
        let reading = tokio::task::spawn_local(async move {
            let mut got = 0;
            let mut buffer = vec![0; 64 << 10];
            while let Ok(count) = good.read(&mut buffer).await
                && count > 0
            {
                got += count;
            }
            got
        });
        let mut sent = 0;
        while server.client_count() == 2 {
            server.send_to_all(&chunk);
            sent += chunk.len();
            assert!(sent < 256 << 20, "the slow one is let go of");
            tokio::task::yield_now().await;
        }
        let reason = heard.until("close").await;
        assert!(reason.starts_with("close the other end reads too slowly: "), "{reason}");
        assert!(reason.ends_with("no more than 1048576 may"), "{reason}");
        server.send_to_all(&chunk);
        server.close_all();
        assert_eq!(reading.await.unwrap(), sent + chunk.len());
        drop(slow);
    });
}

#[test]
fn a_flood_leaves_time_for_others() {
    run(async {
        let (heard, server, address) = serve(Heard::default(), Settings::default(), 8);
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let ended = stop.clone();
        let flood = std::thread::spawn(move || {
            let mut socket = std::net::TcpStream::connect(address).unwrap();
            let chunk = vec![0u8; 256 << 10];
            while !ended.load(std::sync::atomic::Ordering::Relaxed) && socket.write_all(&chunk).is_ok() {}
        });
        until("the flood", || heard.turns.get() > 50).await;
        let other = heard.clone();
        let reads = tokio::task::spawn_local(async move {
            let before = other.turns.get();
            for _ in 0..20 {
                next_in_line().await;
            }
            other.turns.get() - before
        });
        let reads = reads.await.unwrap();
        assert!(reads <= 21 * 8, "{reads} reads while another task waited 20 times");
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        drop(server);
        heard.bytes.take();
        tokio::task::spawn_blocking(|| flood.join().unwrap()).await.unwrap();
    });
}

#[test]
fn a_panic_of_the_handler_ends_one_connection() {
    run(async {
        let (heard, server, address) = serve(Heard { panics: true, ..Heard::default() }, Settings::default(), 8);
        let mut one = TcpStream::connect(address).await.unwrap();
        let mut other = TcpStream::connect(address).await.unwrap();
        one.write_all(b"panic").await.unwrap();
        assert!(heard.until("close").await.starts_with("close its handling was ended by a panic: a test's panic"));
        other.write_all(b"calm").await.unwrap();
        until("the other", || *heard.bytes.borrow() == b"calm").await;
        assert_eq!(server.client_count(), 1);
    });
}

#[test]
fn a_listener_moves_and_its_clients_stay() {
    run(async {
        let (heard, server, before) = serve(Heard { echoes: true, ..Heard::default() }, Settings::default(), 8);
        let mut one = TcpStream::connect(before).await.unwrap();
        until("one", || server.client_count() == 1).await;
        let after = server.listen(listen(LOOPBACK, 0).unwrap()).unwrap();
        assert_eq!(server.address(), Some(after));
        assert!(TcpStream::connect(before).await.is_err());
        let _other = TcpStream::connect(after).await.unwrap();
        until("two", || server.client_count() == 2).await;
        one.write_all(b"still here").await.unwrap();
        let mut got = [0; 10];
        one.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"still here");
        assert_eq!(heard.lines.borrow().len(), 2);
    });
}
