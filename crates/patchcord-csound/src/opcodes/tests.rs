//! Opcodes under a host for tests, with clients over real sockets. The same is shown with the real Csound elsewhere; here are
//! the byte vectors for both sizes of floats, what is allocated in a k-cycle, and cycles that are not whole.

use std::ffi::c_int;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use super::{ENTRIES, OpcodeEntry};
use crate::ffi::MyFlt;
use crate::ffi::test_host::{TestHost, TestOpcode, TestVariable, allocations};

const SIZE: usize = size_of::<MyFlt>();
const KSMPS: usize = 64;

fn entry(name: &str, inputs: &str) -> &'static OpcodeEntry {
    ENTRIES.iter().find(|entry| entry.is(name, inputs)).unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn client(port: u16, name: &str) -> WebSocket<TcpStream> {
    let mut request = format!("ws://127.0.0.1:{port}/").into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", name.parse().unwrap());
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let (mut client, _) = tungstenite::client(request, stream).unwrap();
    client.get_mut().set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    client
}

/// Plays cycles until the client has a message.
fn receive(client: &mut WebSocket<TcpStream>, mut perform: impl FnMut()) -> Message {
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        perform();
        match client.read() {
            Ok(message) => return message,
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no message came");
}

/// Plays cycles until something is true.
fn play_until(mut perform: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !perform() {
        assert!(Instant::now() < end, "it did not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn bytes(numbers: impl IntoIterator<Item = f64>) -> Vec<u8> {
    numbers.into_iter().flat_map(|number| (number as MyFlt).to_le_bytes()).collect()
}

/// `websocketsend port, variable …`, begun.
fn send(host: &mut TestHost, port: u16, variables: &mut [&mut TestVariable]) -> TestOpcode {
    let mut number = host.number("port", "i");
    number.samples(1)[0] = MyFlt::from(port);
    let mut inputs = vec![&mut number];
    inputs.extend(variables.iter_mut().map(|variable| &mut **variable));
    let mut opcode = host.opcode(entry("websocketsend", "i*"), &mut [], &mut inputs);
    assert_eq!(opcode.init(), 0, "{:?}", host.lines());
    opcode
}

/// `variable … websocket port`, begun.
fn receiver(host: &mut TestHost, port: u16, variables: &mut [&mut TestVariable]) -> TestOpcode {
    let mut number = host.number("port", "i");
    number.samples(1)[0] = MyFlt::from(port);
    let mut opcode = host.opcode(entry("websocket", "i"), variables, &mut [&mut number]);
    assert_eq!(opcode.init(), 0, "{:?}", host.lines());
    opcode
}

#[test]
fn values_are_the_bytes_of_csounds_floats() {
    let mut host = TestHost::new(48_000.0, KSMPS as u32);
    let port = free_port();
    let mut number = host.number("k1", "k");
    number.samples(1)[0] = 1.0;
    let mut matrix = host.array("kmatrix", "k", &[2, 3]);
    matrix.numbers.copy_from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let mut audio = host.number("a1", "a");
    let mut many = host.array("aout", "a", &[4]);
    for (index, sample) in many.numbers.iter_mut().enumerate() {
        *sample = index as MyFlt;
    }
    for (index, sample) in audio.samples(KSMPS).iter_mut().enumerate() {
        *sample = -(index as MyFlt);
    }
    let mut once = host.number("i1", "i");
    once.samples(1)[0] = 0.1;
    let variables = &mut [&mut number, &mut matrix, &mut audio, &mut many, &mut once];
    let mut opcode = send(&mut host, port, variables);
    for (name, expected) in [
        ("k1", if SIZE == 8 { vec![0, 0, 0, 0, 0, 0, 0xf0, 0x3f] } else { vec![0, 0, 0x80, 0x3f] }),
        ("kmatrix", bytes((1..=6).map(f64::from))),
        ("a1", bytes((0..64).map(|index| -f64::from(index)))),
        ("aout", bytes((0..256).map(f64::from))),
        ("i1", bytes([0.1])),
    ] {
        let mut client = client(port, name);
        let message = receive(&mut client, || assert_eq!(opcode.perform(), 0));
        assert_eq!(message, Message::binary(expected), "{name}");
    }
    host.end_notes();
}

#[test]
fn bytes_become_csounds_floats() {
    let mut host = TestHost::new(48_000.0, KSMPS as u32);
    let port = free_port();
    let mut number = host.number("k1", "k");
    let mut matrix = host.array("kmatrix", "k", &[2, 3]);
    let mut once = host.number("i1", "i");
    let mut audio = host.number("a1", "a");
    let mut text = host.text("S1");
    let mut opcode = receiver(&mut host, port, &mut [&mut number, &mut matrix, &mut once, &mut audio, &mut text]);
    let mut clients = ["k1", "kmatrix", "i1", "a1", "S1"].map(|name| client(port, name));
    for (client, payload) in clients.iter_mut().zip([
        bytes([0.75]),
        bytes((1..=6).map(f64::from)),
        bytes([0.1]),
        bytes((0..64).map(f64::from)),
        "Grüße".into(),
    ]) {
        client.send(Message::binary(payload)).unwrap();
    }
    let mut heard = false;
    play_until(|| {
        assert_eq!(opcode.perform(), 0);
        heard |= audio.samples(KSMPS).iter().enumerate().skip(1).all(|(index, &sample)| sample == index as MyFlt);
        heard
            && number.samples(1)[0] == 0.75
            && matrix.numbers == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
            && once.samples(1)[0] == 0.1
            && text.current_text() == "Grüße"
    });
    host.end_notes();
}

#[test]
fn a_k_cycle_allocates_nothing() {
    let mut host = TestHost::new(48_000.0, KSMPS as u32);
    let port = free_port();
    let (mut number, mut audio, mut text) = (host.number("k1", "k"), host.number("a1", "a"), host.text("S1"));
    let (mut numbers, mut blocks) = (host.array("karr", "k", &[8]), host.array("aarr", "a", &[4]));
    text.set_text("a text of some length");
    let mut sender = send(&mut host, port, &mut [&mut number, &mut audio, &mut text, &mut numbers, &mut blocks]);
    let (mut k_in, mut a_in, mut s_in) = (host.number("kin", "k"), host.number("ain", "a"), host.text("Sin"));
    let (mut karr_in, mut aarr_in) = (host.array("karrin", "k", &[8]), host.array("aarrin", "a", &[4]));
    let mut taker = receiver(&mut host, port, &mut [&mut k_in, &mut a_in, &mut s_in, &mut karr_in, &mut aarr_in]);
    let _listeners = ["k1", "a1", "S1", "karr", "aarr"].map(|name| client(port, name));
    let mut senders = ["kin", "ain", "Sin", "karrin", "aarrin"].map(|name| client(port, name));
    let (mut counted, mut texts) = (0, 0);
    for cycle in 0..300_u32 {
        let (name, count) = [("kin", 1), ("ain", 64), ("Sin", 0), ("karrin", 8), ("aarrin", 256)][cycle as usize % 5];
        let payload = match name {
            "Sin" => "x".repeat(cycle as usize).into_bytes(),
            _ => bytes(std::iter::repeat_n(f64::from(cycle), count)),
        };
        senders[cycle as usize % 5].send(Message::binary(payload)).unwrap();
        text.set_text(&format!("text {cycle}"));
        std::thread::sleep(Duration::from_micros(500));
        let before = allocations();
        assert_eq!(sender.perform(), 0);
        assert_eq!(taker.perform(), 0);
        let after = allocations();
        // The host for tests allocates for lines: those cycles are not counted.
        if host.lines().is_empty() {
            counted += after - before;
        }
        texts += u32::from(!s_in.current_text().is_empty());
    }
    assert!(texts > 0, "texts arrived in {texts} cycles");
    assert_eq!(counted, 0);
    play_until(|| {
        assert_eq!(taker.perform(), 0);
        k_in.samples(1)[0] == 295.0
    });
    host.end_notes();
}

#[test]
fn a_small_ksmps_collects_whole_blocks_and_parts_of_a_cycle_are_silent() {
    let mut host = TestHost::new(48_000.0, KSMPS as u32);
    let port = free_port();
    let (mut audio, mut blocks) = (host.number("a1", "a"), host.array("aarr", "a", &[2]));
    let mut opcode = send(&mut host, port, &mut [&mut audio, &mut blocks]);
    let mut clients = [client(port, "a1"), client(port, "aarr")];
    opcode.note.ksmps = 16;
    let mut count = 0_u32;
    let mut quarter = |opcode: &mut TestOpcode| {
        let part = f64::from(count % 4) * 16.0;
        for index in 0..16 {
            let sample = (part + f64::from(index)) as MyFlt;
            audio.samples(KSMPS)[index as usize] = sample;
            blocks.numbers[index as usize] = sample;
            blocks.numbers[KSMPS + index as usize] = sample + 100.0;
        }
        count += 1;
        assert_eq!(opcode.perform(), 0);
    };
    let message = receive(&mut clients[0], || (0..4).for_each(|_| quarter(&mut opcode)));
    assert_eq!(message, Message::binary(bytes((0..64).map(f64::from))));
    let message = receive(&mut clients[1], || (0..4).for_each(|_| quarter(&mut opcode)));
    assert_eq!(message, Message::binary(bytes((0..64).chain(100..164).map(f64::from))));
    host.end_notes();

    let port = free_port();
    let mut opcode = send(&mut host, port, &mut [&mut audio]);
    let mut client = client(port, "a1");
    for (index, sample) in audio.samples(KSMPS).iter_mut().enumerate() {
        *sample = index as MyFlt;
    }
    (opcode.note.offset, opcode.note.early) = (10, 20);
    let message = receive(&mut client, || assert_eq!(opcode.perform(), 0));
    let expected = (0..64).map(|index| if (10..44).contains(&index) { f64::from(index) } else { 0.0 });
    assert_eq!(message, Message::binary(bytes(expected)));
    host.end_notes();
}

#[test]
fn a_small_ksmps_hands_out_blocks_in_parts() {
    let mut host = TestHost::new(48_000.0, KSMPS as u32);
    let port = free_port();
    let (mut audio, mut blocks) = (host.number("a1", "a"), host.array("aarr", "a", &[2]));
    let mut opcode = receiver(&mut host, port, &mut [&mut audio, &mut blocks]);
    opcode.note.ksmps = 16;
    let mut clients = [client(port, "a1"), client(port, "aarr")];
    for block in 0..30_u32 {
        let samples = (0..64).map(|index| f64::from(1 + 64 * block + index));
        clients[0].send(Message::binary(bytes(samples.clone()))).unwrap();
        clients[1].send(Message::binary(bytes(samples.clone().chain(samples.map(|sample| -sample))))).unwrap();
    }
    let (mut heard, mut heard_second) = (Vec::new(), Vec::new());
    play_until(|| {
        assert_eq!(opcode.perform(), 0);
        heard.extend_from_slice(&audio.samples(KSMPS)[..16]);
        assert!((0..16).all(|index| blocks.numbers[index] == -blocks.numbers[KSMPS + index]));
        heard_second.extend_from_slice(&blocks.numbers[..16]);
        heard.last() == Some(&1920.0)
    });
    let played = heard.iter().copied().filter(|&sample| sample != 0.0).collect::<Vec<_>>();
    assert_eq!(played, (1..=1920).map(|sample| sample as MyFlt).collect::<Vec<_>>());
    assert!(heard_second.contains(&1.0));
    host.end_notes();
}

#[test]
fn an_array_that_changes_its_size_is_not_read_and_said_once() {
    let mut host = TestHost::new(48_000.0, KSMPS as u32);
    let port = free_port();
    let mut numbers = host.array("karr", "k", &[4]);
    let mut opcode = send(&mut host, port, &mut [&mut numbers]);
    let mut client = client(port, "karr");
    receive(&mut client, || assert_eq!(opcode.perform(), 0));
    host.lines();
    numbers.resize(3);
    for _ in 0..10 {
        assert_eq!(opcode.perform(), 0);
    }
    let lines = host.lines();
    assert!(lines.len() == 1 && lines[0].contains("karr was resized"), "{lines:?}");
    numbers.resize(4);
    numbers.numbers.fill(9.0);
    let expected = Message::binary(bytes([9.0; 4]));
    play_until(|| receive(&mut client, || assert_eq!(opcode.perform(), 0)) == expected);
    host.end_notes();
}

#[test]
fn what_cannot_travel_is_refused_with_its_name_and_a_remedy() {
    let mut host = TestHost::new(48_000.0, KSMPS as u32);
    let refused = |host: &mut TestHost, port: MyFlt, outputs: &mut [&mut TestVariable], input: &mut TestVariable| {
        let mut number = host.number("port", "i");
        number.samples(1)[0] = port;
        let name = if outputs.is_empty() { "websocketsend" } else { "websocket" };
        let mut opcode = host.opcode(entry(name, "i*"), outputs, &mut [&mut number, input]);
        let result: c_int = opcode.init();
        assert_ne!(result, 0);
        host.lines().concat()
    };
    let mut spectrum = host.number("fsig", "f");
    let line = refused(&mut host, 9000.0, &mut [], &mut spectrum);
    assert!(line.contains("input 1, fsig, is of type f"), "{line}");
    let mut missing = host.array("karr", "k", &[]);
    let line = refused(&mut host, 9000.0, &mut [], &mut missing);
    assert!(line.contains("karr") && line.contains("karr[] init 8"), "{line}");
    let (mut out, mut number) = (host.number("p5", "p"), host.number("k1", "k"));
    let line = refused(&mut host, 9000.0, &mut [&mut out], &mut number);
    assert!(line.contains("output 1, p5, is no variable"), "{line}");
    let mut same = host.number("k1", "k");
    let line = refused(&mut host, 9000.0, &mut [&mut same], &mut number);
    assert!(line.contains("k1 stands twice"), "{line}");
    for port in [0.0, -1.0, 65_536.0, MyFlt::NAN] {
        let line = refused(&mut host, port, &mut [], &mut number);
        assert!(line.contains("is no port"), "{line}");
    }
}

#[test]
fn the_last_value_of_a_note_arrives_before_the_close() {
    let mut host = TestHost::new(48_000.0, KSMPS as u32);
    let port = free_port();
    let mut number = host.number("k1", "k");
    let mut opcode = send(&mut host, port, &mut [&mut number]);
    let mut client = client(port, "k1");
    receive(&mut client, || assert_eq!(opcode.perform(), 0));
    for value in 1..=100 {
        number.samples(1)[0] = MyFlt::from(value as u16);
        assert_eq!(opcode.perform(), 0);
    }
    host.end_notes();
    client.get_mut().set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut last = Message::binary(Vec::new());
    loop {
        match client.read().unwrap() {
            Message::Close(frame) => {
                assert_eq!(frame.unwrap().code, tungstenite::protocol::frame::coding::CloseCode::Away);
                break;
            }
            message => last = message,
        }
    }
    assert_eq!(last, Message::binary(bytes([100.0])));
}

#[test]
fn an_array_that_is_an_expression_has_a_name_without_brackets() {
    let mut host = TestHost::new(48_000.0, KSMPS as u32);
    let port = free_port();
    let mut numbers = host.array("#k0[]", "k", &[2]);
    let mut opcode = send(&mut host, port, &mut [&mut numbers]);
    let mut client = client(port, "#k0");
    assert_eq!(receive(&mut client, || assert_eq!(opcode.perform(), 0)), Message::binary(bytes([0.0; 2])));
    host.end_notes();
}
