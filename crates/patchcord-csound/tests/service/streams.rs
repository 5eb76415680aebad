//! Values both ways: all of them, in order, for everybody.

use std::io::Write;
use std::time::{Duration, Instant};

use patchcord_csound::service::{Direction, Host, Incoming, open};
use patchcord_signal::{Kind, Played};
use tungstenite::Message;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::peers::{
    KSMPS, Socket, await_clients, bytes, client, close_code, console, free_port, host, input, numbers, opened, out,
    publish, send, taken, tcp, text, until, variable,
};

#[test]
fn a_number_goes_out_as_eight_bytes_in_one_frame() {
    let (mut note, port) = opened(&[out("kamp", Kind::Control)]);
    let mut socket = client(port, "kamp");
    await_clients(&note, 1);
    publish(&mut note, 0, 1.0);
    assert_eq!(socket.read().unwrap(), Message::Binary(vec![0, 0, 0, 0, 0, 0, 0xf0, 0x3f].into()));
    assert_eq!(console(&mut note, "established"), ["websocket: connection established for kamp"]);
}

#[test]
fn sixteen_clients_get_all_blocks_in_order() {
    let (mut note, port) = opened(&[out("asig", Kind::Audio)]);
    let sockets: Vec<_> = (0..16).map(|_| client(port, "asig")).collect();
    await_clients(&note, 16);
    let readers: Vec<_> = sockets
        .into_iter()
        .map(|mut socket| {
            std::thread::spawn(move || {
                for number in 0..1500 {
                    let block = numbers(&mut socket);
                    assert_eq!(
                        (block.len(), block[0], block[KSMPS - 1]),
                        (KSMPS, f64::from(number), f64::from(number))
                    );
                }
            })
        })
        .collect();
    for number in 0..1500 {
        note.outgoing[0].publish(&bytes(&[f64::from(number); KSMPS]));
        note.note.wake();
        std::thread::sleep(Duration::from_micros(1333));
    }
    for reader in readers {
        reader.join().unwrap();
    }
    assert_eq!(note.note.status().dropped, 0);
}

#[test]
fn nothing_is_lost_at_48000_values_a_second() {
    let port = free_port();
    let every_sample = Host { ksmps: 1, note_ksmps: 1, ..host(port.into()) };
    let mut note = open(every_sample, port, &[out("kfast", Kind::Control)]).unwrap();
    let mut socket = client(port, "kfast");
    await_clients(&note, 1);
    let reader = std::thread::spawn(move || {
        for number in 0..96_000 {
            assert_eq!(numbers(&mut socket), [f64::from(number)]);
        }
    });
    let start = Instant::now();
    for number in 0..96_000u32 {
        publish(&mut note, 0, number.into());
        if number % 48 == 0 {
            let due = start + Duration::from_micros(u64::from(number) * 125 / 6);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }
    reader.join().unwrap();
    assert_eq!(note.note.status().dropped, 0);
}

#[test]
fn a_client_starts_live_and_a_kept_value_goes_to_each() {
    let (mut note, port) = opened(&[out("know", Kind::Control), out("ionce", Kind::Init), out("Stext", Kind::Text)]);
    for number in 0..100 {
        publish(&mut note, 0, f64::from(number));
    }
    publish(&mut note, 1, 7.0);
    note.outgoing[2].publish("first".as_bytes());
    note.note.wake();
    for _ in 0..2 {
        assert_eq!(numbers(&mut client(port, "ionce")), [7.0]);
        assert_eq!(text(&mut client(port, "Stext")), "first");
    }
    let mut now = client(port, "know");
    let mut words = client(port, "Stext");
    assert_eq!(text(&mut words), "first");
    await_clients(&note, 2);
    publish(&mut note, 0, 100.0);
    assert_eq!(numbers(&mut now), [100.0], "what was published before is not sent");
    for word in ["second", "", "dritt\u{e9}s"] {
        note.outgoing[2].publish(word.as_bytes());
        note.note.wake();
        assert_eq!(text(&mut words), word);
    }
}

#[test]
fn arrays_of_strings_are_json_both_ways() {
    let (mut note, port) = opened(&[
        variable("Sout", Kind::Text, &[2], Direction::Outgoing),
        variable("Sin", Kind::Text, &[2], Direction::Incoming),
    ]);
    note.outgoing[0].publish(b"one\0t\"wo\0");
    note.note.wake();
    assert_eq!(text(&mut client(port, "Sout")), r#"["one","t\"wo"]"#);
    client(port, "Sin").send(Message::text(r#"["a","b"]"#)).unwrap();
    let Incoming::Text(reader) = &mut note.incoming[0] else { panic!("no text") };
    let mut value = vec![0; reader.limit()];
    let length = until("strings", || reader.take(&mut value));
    assert_eq!(&value[..length], b"a\0b\0");
}

#[test]
fn the_last_of_a_burst_is_what_csound_sees() {
    let (mut note, port) = opened(&[input("kfreq", Kind::Control)]);
    let mut socket = client(port, "kfreq");
    for number in 0..=5000 {
        send(&mut socket, &[f64::from(number)]);
    }
    until("the last value", || (taken(&mut note, 0) == 5000.0).then_some(()));
    send(&mut socket, &[1.0]);
    assert_eq!(taken(&mut note, 0), 1.0);
}

#[test]
fn fragments_and_split_messages_are_joined() {
    let (mut note, port) = opened(&[variable("karr", Kind::Control, &[2, 3], Direction::Incoming)]);
    let Incoming::Latest(_) = note.incoming[0] else { panic!("no cell") };
    let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let mut socket = client(port, "karr");
    let whole = bytes(&values);
    let pieces = [&whole[..1], &whole[1..1], &whole[1..30], &whole[30..]];
    for (index, piece) in pieces.into_iter().enumerate() {
        let opcode = OpCode::Data(if index == 0 { Data::Binary } else { Data::Continue });
        socket.send(Message::Frame(Frame::message(piece.to_vec(), opcode, index == 3))).unwrap();
        socket.send(Message::Ping("between".into())).unwrap();
    }
    assert_eq!(array(&mut note), values);
    // The same frame in single bytes.
    let mut frame = vec![0x82, 0x80 | 48, 0, 0, 0, 0];
    frame.extend(bytes(&values.map(|value| -value)));
    let tcp = socket.get_mut();
    for byte in frame {
        tcp.write_all(&[byte]).unwrap();
        std::thread::sleep(Duration::from_micros(200));
    }
    assert_eq!(array(&mut note), values.map(|value| -value));
}

fn array(note: &mut patchcord_csound::service::Opened) -> Vec<f64> {
    let Incoming::Latest(reader) = &mut note.incoming[0] else { panic!("no cell") };
    let mut value = [0; 48];
    until("an array", || reader.take(&mut value).then_some(()));
    value.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
}

#[test]
fn blocks_come_in_order_and_none_is_lost() {
    let (mut note, port) = opened(&[input("ain", Kind::Audio)]);
    let Incoming::Audio(reader) = &mut note.incoming[0] else { panic!("no blocks") };
    let sender = std::thread::spawn(move || {
        let mut socket = client(port, "ain");
        for number in 1..=600 {
            send(&mut socket, &[f64::from(number); KSMPS]);
            std::thread::sleep(Duration::from_micros(1200));
        }
        socket
    });
    let (mut block, mut expected) = ([0; KSMPS * 8], 1.0);
    until("all blocks", || {
        if reader.next_block(&mut block) == Played::Block {
            assert_eq!(f64::from_le_bytes(*block.first_chunk().unwrap()), expected);
            expected += 1.0;
        }
        (expected > 600.0).then_some(())
    });
    drop(sender.join().unwrap());
}

#[test]
fn what_has_the_wrong_size_is_dropped_and_said_once() {
    let (mut note, port) = opened(&[input("kfreq", Kind::Control)]);
    let mut socket = client(port, "kfreq");
    for _ in 0..3 {
        socket.send(Message::binary(vec![1, 2, 3, 4])).unwrap();
    }
    socket.send(Message::text("12345678")).unwrap();
    assert_eq!(taken(&mut note, 0), f64::from_le_bytes(*b"12345678"), "either kind of message");
    let lines = console(&mut note, "dropped");
    assert_eq!(lines[1..], ["websocket: a message for kfreq was dropped: it has 4 bytes, a value has 8"]);
    let mut large = client(port, "kfreq");
    large.send(Message::binary(vec![0; 9])).unwrap();
    send(&mut large, &[440.0]);
    assert_eq!(taken(&mut note, 0), 440.0, "one that sends too much is heard when it sends what it should");
    let lines = console(&mut note, "dropped");
    assert_eq!(lines[1..], ["websocket: a message for kfreq was dropped: it has 9 bytes, a value has 8"]);
    large.send(Message::binary(vec![0; (64 << 10) + 1])).unwrap();
    assert_eq!(close_code(&mut large), Some(1009));
    assert_eq!(
        console(&mut note, "closed"),
        [
            "websocket: a client of kfreq is closed with 1009: the peer's message is larger than the limit of 65536 bytes"
        ]
    );
}

#[test]
fn what_is_sent_to_an_outgoing_name_is_ignored() {
    let (mut note, port) = opened(&[out("kamp", Kind::Control)]);
    let mut socket = client(port, "kamp");
    for size in [0, 8, 4000] {
        socket.send(Message::binary(vec![1; size])).unwrap();
    }
    await_clients(&note, 1);
    publish(&mut note, 0, 2.0);
    assert_eq!(numbers(&mut socket), [2.0]);
}

#[test]
fn several_notes_share_a_port_and_the_youngest_speaks() {
    let port = free_port();
    let host = host(port.into());
    let variables = [out("kamp", Kind::Control), out("inum", Kind::Init), input("kin", Kind::Control)];
    let mut old = open(host, port, &variables).unwrap();
    let (mut socket, mut kept) = (client(port, "kamp"), client(port, "inum"));
    await_clients(&old, 2);
    publish(&mut old, 0, 1.0);
    publish(&mut old, 1, 10.0);
    assert_eq!((numbers(&mut socket), numbers(&mut kept)), (vec![1.0], vec![10.0]));

    let mut inbound = client(port, "kin");
    send(&mut inbound, &[5.0]);
    assert_eq!(taken(&mut old, 0), 5.0);
    let mut young = open(host, port, &variables).unwrap();
    assert_eq!(taken(&mut young, 0), 5.0, "a note that begins knows the last value");
    publish(&mut young, 1, 20.0);
    publish(&mut old, 0, 2.0);
    publish(&mut young, 0, 3.0);
    assert_eq!((numbers(&mut socket), numbers(&mut kept)), (vec![3.0], vec![20.0]));
    send(&mut inbound, &[6.0]);
    assert_eq!((taken(&mut old, 0), taken(&mut young, 0)), (6.0, 6.0));

    drop(young);
    publish(&mut old, 0, 4.0);
    assert_eq!((numbers(&mut socket), numbers(&mut kept)), (vec![4.0], vec![10.0]));
    let error = open(host, port, &[out("kamp", Kind::Audio)]).unwrap_err().to_string();
    assert!(error.contains("`kamp` is k (out") && error.contains("a (out"), "{error}");
    drop(old);
    assert_eq!(close_code(&mut socket), Some(1001));
    assert_eq!(close_code(&mut kept), Some(1001));
}

#[test]
fn a_slow_client_loses_the_oldest_and_hurts_nobody() {
    let (mut note, port) = opened(&[variable("abig", Kind::Audio, &[16], Direction::Outgoing)]);
    let mut slow = client(port, "abig");
    let mut fast = client(port, "abig");
    await_clients(&note, 2);
    const BLOCKS: u32 = 2500;
    let reader = std::thread::spawn(move || {
        for number in 0..BLOCKS {
            assert_eq!(numbers(&mut fast)[0], f64::from(number));
        }
        fast
    });
    for number in 0..BLOCKS {
        note.outgoing[0].publish(&bytes(&[f64::from(number); KSMPS * 16]));
        note.note.wake();
        std::thread::sleep(Duration::from_micros(1000));
    }
    drop(reader.join().unwrap());
    let lost = note.note.status().dropped;
    assert!(lost > 0, "the sockets took everything");
    assert_eq!(
        console(&mut note, "slow").last().map(String::as_str),
        Some("websocket: a client of abig is too slow and loses values")
    );
    let (mut last, mut came) = (-1.0, 0);
    while last + 1.0 < f64::from(BLOCKS) {
        let block = numbers(&mut slow);
        assert!(block.len() == KSMPS * 16 && block.iter().all(|sample| *sample == block[0]), "whole blocks only");
        assert!(block[0] > last, "in order");
        last = block[0];
        came += 1;
    }
    assert_eq!(u64::from(BLOCKS), came + lost, "each is there or counted");
}

#[test]
fn a_client_that_sends_and_leaves_at_once_is_heard_and_let_go() {
    let (mut note, port) = opened(&[input("kfreq", Kind::Control)]);
    for round in 1..=200 {
        let mut socket = client(port, "kfreq");
        send(&mut socket, &[f64::from(round)]);
        drop(socket);
        assert_eq!(taken(&mut note, 0), f64::from(round));
    }
    await_clients(&note, 0);
}

#[test]
fn a_client_that_leaves_in_mid_message_disturbs_nobody() {
    let (mut note, port) = opened(&[variable("abig", Kind::Audio, &[64], Direction::Outgoing)]);
    for round in 0..12 {
        let mut raw = tcp(port);
        let head = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        raw.write_all(head.as_bytes()).unwrap();
        let mut whole: Socket = client(port, "abig");
        await_clients(&note, 2);
        note.outgoing[0].publish(&bytes(&[f64::from(round); KSMPS * 64]));
        note.note.wake();
        let mut piece = [0; 1000];
        std::io::Read::read_exact(&mut raw, &mut piece).unwrap();
        drop(raw);
        assert_eq!(numbers(&mut whole)[KSMPS * 64 - 1], f64::from(round));
        drop(whole);
        await_clients(&note, 0);
    }
}
