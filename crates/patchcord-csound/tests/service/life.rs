//! How notes, ports and connections end, and how soon.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use patchcord_csound::service::{Direction, OpenError, Opened, SettingValue, connect, forget, open, set, watch};
use patchcord_signal::Kind;

use crate::peers::{
    KSMPS, await_clients, bytes, client, close_code, free_port, host, input, numbers, opened, out, publish, tcp,
    try_client, variable,
};

/// What the drop of a note may take.
const DROP: Duration = Duration::from_millis(50);

/// Makes a note in some state, with what has to outlive it, and drops it. On a machine that does much else one of a few
/// attempts has to be in time.
fn ends_soon<T>(what: &str, mut make: impl FnMut() -> (Opened, T)) {
    let mut took = Vec::new();
    for _ in 0..5 {
        let (note, others) = make();
        let start = Instant::now();
        drop(note);
        took.push(start.elapsed());
        drop(others);
        if took.last().is_some_and(|took| *took < DROP) {
            return;
        }
    }
    panic!("{what}: {took:?}");
}

#[test]
fn a_note_ends_soon_in_every_state() {
    ends_soon("without clients", || (opened(&[out("k", Kind::Control)]).0, ()));
    ends_soon("with clients that do not answer", || {
        let (note, port) = opened(&[out("k", Kind::Control)]);
        let clients: Vec<_> = (0..16).map(|_| client(port, "k")).collect();
        await_clients(&note, 16);
        (note, clients)
    });
    ends_soon("with half a head", || {
        let (note, port) = opened(&[out("k", Kind::Control)]);
        let half = |_| {
            let mut socket = tcp(port);
            socket.write_all(b"GET / HTTP/1.1\r\n").unwrap();
            socket
        };
        (note, (0..8).map(half).collect::<Vec<_>>())
    });
    ends_soon("with a client that does not read", || {
        let (mut note, port) = opened(&[variable("abig", Kind::Audio, &[64], Direction::Outgoing)]);
        let slow = client(port, "abig");
        await_clients(&note, 1);
        for _ in 0..400 {
            note.outgoing[0].publish(&bytes(&[0.5; KSMPS * 64]));
            note.note.wake();
            std::thread::sleep(Duration::from_micros(500));
        }
        (note, slow)
    });
    ends_soon("with an opening under way", || {
        // Nobody accepts: the system does, up to a point, and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", silent.local_addr().unwrap());
        let note = connect(host(1), &url, &[out("k", Kind::Control)]).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        (note, silent)
    });
    // An address for documentation, where nothing ever answers.
    ends_soon("with a dial under way", || {
        (connect(host(1), "ws://192.0.2.1:9", &[out("k", Kind::Control)]).unwrap(), ())
    });
}

#[test]
fn the_end_is_told_and_the_port_is_free_at_once() {
    let port = free_port();
    let host = host(port.into());
    for round in 0..20 {
        let mut note = open(host, port, &[out("k", Kind::Control)]).unwrap();
        let mut socket = client(port, "k");
        await_clients(&note, 1);
        publish(&mut note, 0, f64::from(round));
        assert_eq!(numbers(&mut socket), [f64::from(round)]);
        drop(note);
        drop(TcpListener::bind(("127.0.0.1", port)).expect("the port is free"));
        assert_eq!(close_code(&mut socket), Some(1001));
    }
}

#[test]
fn a_name_that_goes_takes_its_clients_and_no_others() {
    let port = free_port();
    let host = host(port.into());
    let mut stays = open(host, port, &[out("kstays", Kind::Control)]).unwrap();
    let mut goes = open(host, port, &[variable("abig", Kind::Audio, &[64], Direction::Outgoing)]).unwrap();
    let (mut kept, mut gone) = (client(port, "kstays"), client(port, "abig"));
    await_clients(&stays, 2);
    // A frame is on its way, perhaps in part; it is finished before the close.
    goes.outgoing[0].publish(&bytes(&[0.25; KSMPS * 64]));
    goes.note.wake();
    std::thread::sleep(Duration::from_millis(5));
    drop(goes);
    assert_eq!(numbers(&mut gone).len(), KSMPS * 64);
    assert_eq!(close_code(&mut gone), Some(1001));
    await_clients(&stays, 1);
    assert_eq!(try_client(port, Some("abig")).unwrap_err().0, 404);
    publish(&mut stays, 0, 1.0);
    assert_eq!(numbers(&mut kept), [1.0]);
}

#[test]
fn a_port_belongs_to_one_instance() {
    let port = free_port();
    let note = open(host(41), port, &[out("k", Kind::Control)]).unwrap();
    let other = open(host(42), port, &[out("k", Kind::Control)]).unwrap_err();
    assert!(matches!(other, OpenError::InUse { .. }));
    assert_eq!(other.to_string(), format!("port {port} is in use; choose another one, or end what has it"));
    drop(note);
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let taken = open(host(42), port, &[out("k", Kind::Control)]).unwrap_err();
    assert!(matches!(taken, OpenError::InUse { .. }), "{taken}");
    drop(listener);
    drop(open(host(42), port, &[out("k", Kind::Control)]).unwrap());
    assert!(matches!(open(host(42), 0, &[]).unwrap_err(), OpenError::BadPort(0)));
}

#[test]
fn an_instance_that_is_reset_leaves_nothing() {
    let port = free_port();
    set(51, port, "clients", SettingValue::Number(1.0)).unwrap();
    let note = open(host(51), port, &[out("k", Kind::Control)]).unwrap();
    let mut socket = client(port, "k");
    forget(51);
    assert_eq!(close_code(&mut socket), Some(1001));
    let again = open(host(52), port, &[out("k", Kind::Control)]).unwrap();
    drop(note);
    let clients = [client(port, "k"), client(port, "k")];
    await_clients(&again, 2);
    drop(clients);
}

#[test]
fn a_port_can_be_watched_before_and_after_it_is_open() {
    let port = free_port();
    let watch = watch(61, port);
    assert_eq!(watch.status(), Default::default());
    let note = open(host(61), port, &[out("k", Kind::Control)]).unwrap();
    let socket = client(port, "k");
    await_clients(&note, 1);
    assert_eq!(watch.status().clients, 1);
    drop(note);
    assert_eq!(watch.status(), Default::default());
    drop(socket);
}

#[test]
fn pings_are_answered_and_closes_too() {
    let (note, port) = opened(&[input("k", Kind::Control)]);
    let mut socket = client(port, "k");
    socket.send(tungstenite::Message::Ping("hello".into())).unwrap();
    assert_eq!(socket.read().unwrap(), tungstenite::Message::Pong("hello".into()));
    let code = tungstenite::protocol::CloseFrame { code: 4000.into(), reason: "enough".into() };
    socket.close(Some(code)).unwrap();
    assert_eq!(close_code(&mut socket), Some(4000));
    await_clients(&note, 0);
    // What breaks the protocol is told so.
    let mut socket = client(port, "k");
    socket.get_mut().write_all(&[0x82, 0x01, 0x00]).unwrap();
    assert_eq!(close_code(&mut socket), Some(1002));
    await_clients(&note, 0);
}

#[test]
fn all_interfaces_are_those_of_ipv6_too() {
    let port = free_port();
    set(port.into(), port, "interface", SettingValue::Text("*".into())).unwrap();
    let note = open(host(port.into()), port, &[out("k", Kind::Control)]).unwrap();
    drop(TcpStream::connect(("127.0.0.1", port)).unwrap());
    if TcpListener::bind("[::1]:0").is_ok() {
        drop(TcpStream::connect(("::1", port)).unwrap());
    }
    drop(note);
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn notes_and_clients_that_come_and_go_in_any_order_leave_a_port_that_works() {
    let ports = [free_port(), free_port()];
    let end = Instant::now() + Duration::from_secs(3);
    let variables = [
        out("k", Kind::Control),
        variable("a", Kind::Audio, &[4], Direction::Outgoing),
        out("S", Kind::Text),
        out("i", Kind::Init),
        input("kin", Kind::Control),
        input("ain", Kind::Audio),
    ];
    let play = |seed: u64| {
        let variables = variables.clone();
        move || {
            let mut random = Numbers(seed);
            while Instant::now() < end {
                let port = ports[random.below(2) as usize];
                let some = &variables[random.below(4) as usize..];
                let Ok(mut note) = open(host(81), port, some) else { continue };
                for _ in 0..random.below(30) {
                    for (variable, ring) in some.iter().zip(&mut note.outgoing) {
                        let length = variable.layout.payload_len().unwrap_or(5);
                        ring.publish(&vec![b'x'; length]);
                    }
                    note.note.wake();
                    std::thread::sleep(Duration::from_micros(random.below(1500)));
                }
            }
        }
    };
    let listen = |seed: u64| {
        move || {
            let mut random = Numbers(seed);
            while Instant::now() < end {
                let port = ports[random.below(2) as usize];
                let Ok(mut socket) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let name = ["k", "a", "S", "i", "kin", "ain", "csound.v1", "none"][random.below(8) as usize];
                let head = format!(
                    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Protocol: {name}\r\n\r\n"
                );
                let cut = random.below(3) * head.len() as u64 / 2;
                let _ = socket.write_all(&head.as_bytes()[..cut as usize]);
                for _ in 0..random.below(4) {
                    let mut frame = vec![0x82, 0x88, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
                    if random.below(3) == 0 {
                        frame[random.below(6) as usize] ^= 1 << random.below(8);
                    }
                    let _ = socket.write_all(&frame);
                    std::thread::sleep(Duration::from_micros(random.below(2000)));
                }
            }
        }
    };
    let anchor = open(host(81), ports[0], &variables).unwrap();
    let players: Vec<_> = (1..4).map(|seed| std::thread::spawn(play(seed))).collect();
    let listeners: Vec<_> = (11..17).map(|seed| std::thread::spawn(listen(seed))).collect();
    for thread in players.into_iter().chain(listeners) {
        thread.join().unwrap();
    }
    await_clients(&anchor, 0);
    let mut note = anchor;
    let mut socket = client(ports[0], "k");
    await_clients(&note, 1);
    publish(&mut note, 0, 1.5);
    assert_eq!(numbers(&mut socket), [1.5]);
}

#[test]
fn a_note_ends_soon_whatever_clients_ask_for() {
    let names: Vec<_> = (0..300).map(|number| out(&format!("kname{number}"), Kind::Control)).collect();
    let (note, port) = opened(&names);
    // A masked frame; the name is unknown, and the answer takes a look at all the others.
    let mut request = vec![0x81, 0x80 | 17, 0, 0, 0, 0];
    request.extend_from_slice(br#"{"get":["kxme1"]}"#);
    let requests = request.repeat(8000);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let mut socket = client(port, "csound.v1");
                while !is_over.load(Ordering::Relaxed) {
                    if socket.get_mut().write_all(&requests).is_err() {
                        break;
                    }
                }
            });
        }
        await_clients(&note, 40);
        thread::sleep(Duration::from_millis(200));
        let start = Instant::now();
        drop(note);
        let took = start.elapsed();
        is_over.store(true, Ordering::Relaxed);
        // Forty threads want the processor, too. Served to the end, the requests would take many seconds.
        assert!(took < Duration::from_secs(1), "{took:?}");
    });
}

#[test]
fn connections_that_come_all_at_once_are_all_accepted() {
    let (note, port) = opened(&[out("kamp", Kind::Control)]);
    let mut sockets: Vec<_> = (0..100).map(|_| tcp(port)).collect();
    for socket in &mut sockets {
        socket.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    }
    for mut socket in sockets {
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    }
    drop(note);
}
