//! Sockets of this crate against those of the standard library.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use patchcord_net::listen::{ListenError, bind_udp};
use patchcord_net::udp::{Handler, MAX_DATAGRAM, Settings, Target, UdpError, UdpSocket};
use tokio::net;
use tokio::task::LocalSet;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const EVERYWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Notes what is heard.
#[derive(Default)]
struct Heard {
    datagrams: RefCell<Vec<(SocketAddr, Vec<u8>)>>,
    errors: RefCell<Vec<String>>,
    turns: Cell<u32>,
    /// What a datagram `close` closes.
    socket: RefCell<Option<UdpSocket<Heard>>>,
}

impl Handler for Heard {
    fn handle_datagram(&self, from: SocketAddr, bytes: &[u8]) {
        if bytes == b"close" {
            let socket = self.socket.take();
            drop(socket);
        }
        self.datagrams.borrow_mut().push((from, bytes.to_vec()));
    }

    fn handle_error(&self, error: &UdpError) {
        self.errors.borrow_mut().push(error.to_string());
    }

    fn handle_failure(&self, error: &UdpError) {
        self.errors.borrow_mut().push(format!("failed: {error}"));
    }

    fn handle_turn(&self, work: &mut dyn FnMut()) {
        self.turns.set(self.turns.get() + 1);
        work();
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

fn to(host: &str, port: u16) -> Option<Target> {
    Some(Target { host: host.to_owned(), port, is_ipv6: false })
}

fn open(local: IpAddr, settings: Settings) -> (Rc<Heard>, UdpSocket<Heard>) {
    let heard = Rc::new(Heard::default());
    let (socket, errors) = UdpSocket::new(heard.clone(), bind_udp(local, 0, false).unwrap(), settings).unwrap();
    assert!(errors.is_empty(), "{errors:?}");
    (heard, socket)
}

async fn other_end() -> (net::UdpSocket, u16) {
    let socket = net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

async fn next(socket: &net::UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 70_000];
    let received = tokio::time::timeout(Duration::from_secs(5), socket.recv_from(&mut buffer)).await;
    let (size, from) = received.expect("a datagram").unwrap();
    buffer.truncate(size);
    (buffer, from)
}

#[test]
fn datagrams_go_both_ways_whole_and_the_largest_too() {
    run(async {
        let (peer, port) = other_end().await;
        let (heard, socket) = open(LOOPBACK, Settings { target: to("127.0.0.1", port), ..Settings::default() });
        let largest = vec![9; MAX_DATAGRAM];
        for sent in [&b"hello"[..], b"", &largest] {
            socket.send(sent).unwrap();
            assert!(next(&peer).await == (sent.to_vec(), socket.local_address()), "{} bytes", sent.len());
        }
        let error = socket.send(&vec![0; MAX_DATAGRAM + 1]).unwrap_err();
        assert_eq!(error.to_string(), "65508 bytes were not sent: a datagram has room for 65507");
        peer.send_to(b"", socket.local_address()).await.unwrap();
        peer.send_to(&largest, socket.local_address()).await.unwrap();
        until("two datagrams", || heard.datagrams.borrow().len() == 2).await;
        assert!(heard.datagrams.borrow()[1] == (peer.local_addr().unwrap(), largest));
        let stats = socket.stats();
        assert_eq!((stats.packets_out, stats.packets_in), (3, 2));
        assert_eq!((stats.bytes_out, stats.bytes_in), (5 + MAX_DATAGRAM as u64, MAX_DATAGRAM as u64));
    });
}

#[test]
fn whoever_has_sent_last_is_answered() {
    run(async {
        let (target, port) = other_end().await;
        let settings = Settings { target: to("127.0.0.1", port), answers_last_sender: true, ..Settings::default() };
        let (heard, socket) = open(LOOPBACK, settings.clone());
        socket.send(b"to the target").unwrap();
        assert_eq!(next(&target).await.0, b"to the target");
        let (first, second) = (other_end().await.0, other_end().await.0);
        for (count, sender) in [(1, &first), (2, &second)] {
            sender.send_to(b"question", socket.local_address()).await.unwrap();
            until("a question", || heard.datagrams.borrow().len() == count).await;
            socket.send(b"answer").unwrap();
            assert_eq!(next(sender).await.0, b"answer");
        }
        assert_eq!(socket.last_sender(), second.local_addr().ok());
        socket.set_settings(Settings { answers_last_sender: false, ..settings });
        socket.send(b"to the target again").unwrap();
        assert_eq!(next(&target).await.0, b"to the target again");
        let (_, nobody) = open(LOOPBACK, Settings { answers_last_sender: true, ..Settings::default() });
        assert!(matches!(nobody.send(b"x"), Err(UdpError::NoTarget)));
    });
}

#[test]
fn what_is_sent_while_a_name_is_looked_up_waits() {
    run(async {
        let (peer, port) = other_end().await;
        let (heard, socket) = open(LOOPBACK, Settings { target: to("localhost", port), ..Settings::default() });
        socket.send(b"one").unwrap();
        socket.send(b"two").unwrap();
        assert_eq!(socket.queued(), 6);
        assert_eq!(next(&peer).await.0, b"one");
        assert_eq!(next(&peer).await.0, b"two");
        assert_eq!((socket.queued(), heard.errors.borrow().len()), (0, 0));
        socket.send(b"three").unwrap();
        assert_eq!(socket.queued(), 0, "the name is known now");
        assert_eq!(next(&peer).await.0, b"three");
    });
}

#[test]
fn a_name_without_address_is_told_and_what_waits_is_bounded() {
    run(async {
        let settings = Settings { target: to("nobody.invalid", 9), queue: 10, ..Settings::default() };
        let (heard, socket) = open(LOOPBACK, settings);
        socket.send(b"12345678").unwrap();
        assert!(matches!(socket.send(b"123"), Err(UdpError::Full { limit: 10 })));
        until("the error", || !heard.errors.borrow().is_empty()).await;
        let error = heard.errors.borrow()[0].clone();
        assert!(
            error.starts_with("what waited for it was not sent: the name nobody.invalid cannot be looked up"),
            "{error}"
        );
        assert_eq!((socket.queued(), socket.dropped()), (0, 2));
        socket.send(b"12345678").unwrap();
        until("a second try", || heard.errors.borrow().len() == 2).await;
    });
}

#[test]
fn only_what_is_allowed_leaves_this_machine_or_goes_to_many() {
    run(async {
        let (heard, socket) = open(LOOPBACK, Settings { target: to("192.0.2.1", 9), ..Settings::default() });
        assert!(matches!(socket.send(b"x"), Err(UdpError::OnlyThisMachine { .. })));
        socket.set_settings(Settings { target: to("255.255.255.255", 9), ..Settings::default() });
        assert!(matches!(socket.send(b"x"), Err(UdpError::ToMany { .. })));
        socket.set_settings(Settings { target: to("::1", 9), ..Settings::default() });
        assert!(matches!(socket.send(b"x"), Err(UdpError::OtherFamily { .. })));
        let listener = net::UdpSocket::bind("0.0.0.0:0").await.unwrap();
        // The broadcast address of the loopback network.
        let target = to("127.255.255.255", listener.local_addr().unwrap().port());
        let settings = Settings { target, ..Settings::default() };
        socket.set_settings(settings.clone());
        assert!(matches!(socket.send(b"x"), Err(UdpError::ToMany { .. })));
        socket.set_settings(Settings { broadcasts: true, ..settings.clone() });
        socket.send(b"to all").unwrap();
        assert_eq!(next(&listener).await.0, b"to all");
        socket.set_settings(settings);
        assert!(matches!(socket.send(b"x"), Err(UdpError::ToMany { .. })), "it is taken back");
        assert!(heard.errors.borrow().is_empty());
    });
}

#[test]
fn a_multicast_group_is_heard_while_it_is_joined() {
    run(async {
        let group = IpAddr::V4(Ipv4Addr::new(239, 255, 77, 3));
        let joined = Settings { groups: vec![group], interface: Some(Ipv4Addr::LOCALHOST), ..Settings::default() };
        let (heard, socket) = open(EVERYWHERE, joined.clone());
        let port = socket.local_address().port();
        let sending = Settings {
            target: to("239.255.77.3", port),
            broadcasts: true,
            interface: Some(Ipv4Addr::LOCALHOST),
            ..Settings::default()
        };
        let (_, sender) = open(EVERYWHERE, sending.clone());
        sender.send(b"group").unwrap();
        until("the group", || heard.datagrams.borrow().len() == 1).await;
        socket.set_settings(Settings { groups: Vec::new(), ..joined.clone() });
        sender.send(b"not for us").unwrap();
        net::UdpSocket::bind("127.0.0.1:0").await.unwrap().send_to(b"marker", ("127.0.0.1", port)).await.unwrap();
        until("the marker", || heard.datagrams.borrow().iter().any(|(_, bytes)| bytes == b"marker")).await;
        assert_eq!(heard.datagrams.borrow().len(), 2);
        assert!(matches!(
            {
                sender.set_settings(Settings { broadcasts: false, ..sending });
                sender.send(b"x")
            },
            Err(UdpError::ToMany { .. })
        ));
        let (_, alone) = open(LOOPBACK, Settings::default());
        let errors = alone.set_settings(joined);
        assert_eq!(
            errors[0].to_string(),
            "the multicast group 239.255.77.3 cannot be joined: the socket hears 127.0.0.1 alone"
        );
    });
}

#[test]
fn a_socket_of_both_versions_of_ip_reaches_both() {
    run(async {
        let (peer, port) = other_end().await;
        let (heard, socket) =
            open(IpAddr::V6(Ipv6Addr::UNSPECIFIED), Settings { target: to("127.0.0.1", port), ..Settings::default() });
        socket.send(b"from both").unwrap();
        let (bytes, from) = next(&peer).await;
        assert_eq!(bytes, b"from both");
        peer.send_to(b"back", from).await.unwrap();
        until("back", || heard.datagrams.borrow().len() == 1).await;
        assert_eq!(heard.datagrams.borrow()[0].0, peer.local_addr().unwrap(), "as IPv4 writes it");
    });
}

#[test]
fn a_port_in_use_is_told_and_is_free_when_the_socket_is_closed() {
    run(async {
        let (heard, socket) = open(LOOPBACK, Settings::default());
        let address = socket.local_address();
        assert!(matches!(bind_udp(LOOPBACK, address.port(), false), Err(ListenError::InUse { .. })));
        heard.socket.replace(Some(socket));
        let peer = net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for bytes in [&b"one"[..], b"close", b"after"] {
            peer.send_to(bytes, address).await.unwrap();
        }
        until("the close", || heard.datagrams.borrow().len() == 2).await;
        until("a free port", || bind_udp(LOOPBACK, address.port(), false).is_ok()).await;
        assert_eq!(heard.datagrams.borrow().len(), 2, "nothing is heard after it");
    });
}

#[test]
fn a_flood_leaves_time_for_others() {
    run(async {
        let (heard, socket) = open(LOOPBACK, Settings::default());
        let address = socket.local_address();
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let ended = stop.clone();
        let flood = std::thread::spawn(move || {
            let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = sender.send_to(&[1; 16], address);
            }
        });
        until("the flood", || heard.datagrams.borrow().len() > 2000).await;
        let other = heard.clone();
        let handed_over = tokio::task::spawn_local(async move {
            let before = other.datagrams.borrow().len();
            for _ in 0..10 {
                next_in_line().await;
            }
            other.datagrams.borrow().len() - before
        });
        let handed_over = handed_over.await.unwrap();
        assert!(handed_over <= 11 * 256, "{handed_over} datagrams while another task waited 10 times");
        assert!((heard.turns.get() as usize) < heard.datagrams.borrow().len(), "several in a turn");
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        drop(socket);
        flood.join().unwrap();
    });
}
