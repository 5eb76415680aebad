//! Sessions of Engine.IO against a scripted server, in virtual time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_socketio::engine::{
    CloseReason, Data, Engine, EngineError, EngineEvent, EngineSettings, Frame, Output, PacketError, Refusal,
    SendError, Transport, Transports, Version, payload,
};

const SECOND: Duration = Duration::from_secs(1);
const OPEN: &str =
    r#"0{"sid":"abc","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":100}"#;

/// A session, what it has said, and its time.
struct Session {
    engine: Engine,
    said: Vec<String>,
    now: Instant,
}

impl Session {
    fn new(version: Version, transports: Transports) -> Self {
        let settings = EngineSettings { version, transports, max_queue: 1000, ..EngineSettings::default() };
        let now = Instant::now();
        Self { engine: Engine::new(settings, now), said: Vec::new(), now }
    }

    /// Over a WebSocket, open.
    fn open(version: Version) -> Self {
        let mut session = Self::new(version, Transports::WebSocket);
        session.outputs();
        session.engine.handle_websocket_open();
        session.text(OPEN);
        assert_eq!(std::mem::take(&mut session.said), ["open abc"]);
        session
    }

    /// Over polling, open, with its GET out.
    fn open_polling(version: Version, transports: Transports) -> Self {
        let mut session = Self::new(version, transports);
        assert_eq!(session.outputs(), [format!("GET /socket.io/?EIO={}&transport=polling", version.number())]);
        let open = match version {
            Version::V3 => format!("{}:{OPEN}", OPEN.len()),
            Version::V4 => OPEN.to_owned(),
        };
        session.get(&open);
        assert_eq!(std::mem::take(&mut session.said), ["open abc"]);
        session
    }

    fn text(&mut self, text: &str) {
        let Self { engine, said, now } = self;
        engine.handle_text(text, *now, |event| said.push(show(event)));
    }

    fn binary(&mut self, bytes: &[u8]) {
        let Self { engine, said, now } = self;
        engine.handle_binary(bytes, *now, |event| said.push(show(event)));
    }

    fn get(&mut self, body: impl AsRef<[u8]>) {
        let Self { engine, said, now } = self;
        engine.handle_get(body.as_ref(), *now, |event| said.push(show(event)));
    }

    fn send(&mut self, text: &str) -> Result<(), SendError> {
        self.engine.send(vec![Data::Text(text.to_owned().into())])
    }

    /// Lets time pass, in steps as a driver would take them.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.engine.poll_timeout().filter(|deadline| *deadline <= end) {
            assert!(deadline >= self.now, "a deadline lies in the past");
            self.now = deadline;
            self.engine.handle_timeout(deadline);
        }
        self.now = end;
    }

    fn outputs(&mut self) -> Vec<String> {
        let mut outputs = Vec::new();
        while let Some(output) = self.engine.poll_output() {
            outputs.push(match output {
                Output::OpenWebSocket { target } => format!("open {target}"),
                Output::Frame(Frame::Text(text)) => text,
                Output::Frame(Frame::Binary(bytes)) => bytes.escape_ascii().to_string(),
                Output::CloseWebSocket => "close".to_owned(),
                Output::Get { target } => format!("GET {target}"),
                Output::Post { target, body } => {
                    format!("POST {target} {} {}", body.content_type, String::from_utf8_lossy(&body.bytes))
                }
            });
            assert!(outputs.len() < 100, "outputs without end");
        }
        outputs
    }
}

fn show(event: EngineEvent<'_>) -> String {
    match event {
        EngineEvent::Open(handshake) => format!("open {}", handshake.sid),
        EngineEvent::Message(Data::Text(text)) => text.into_owned(),
        EngineEvent::Message(Data::Binary(bytes)) => format!("bytes {}", bytes.escape_ascii()),
        EngineEvent::Ping => "ping".to_owned(),
    }
}

const GET: &str = "GET /socket.io/?EIO=4&transport=polling&sid=abc";
const WEBSOCKET: &str = "open /socket.io/?EIO=4&transport=websocket&sid=abc";

fn post(body: &str) -> String {
    format!("POST /socket.io/?EIO=4&transport=polling&sid=abc {} {body}", payload::TEXT)
}

#[test]
fn over_a_websocket_alone() {
    let mut session = Session::new(Version::V4, Transports::WebSocket);
    assert_eq!(session.outputs(), ["open /socket.io/?EIO=4&transport=websocket"]);
    assert_eq!(session.send("early"), Err(SendError::NotOpen));
    session.engine.handle_websocket_open();
    assert_eq!(session.outputs(), [""; 0]);
    session.text(OPEN);
    assert!(session.engine.is_writable());
    session.send("2[\"a\"]").unwrap();
    assert!(!session.engine.is_writable(), "one message waits");
    session.engine.send(vec![Data::Binary(Bytes::from_static(b"\x04\xff"))]).unwrap();
    assert_eq!(session.outputs(), ["42[\"a\"]", "\\x04\\xff"]);
    assert_eq!(session.engine.queued(), 0);
    session.text("42[\"b\"]");
    session.binary(b"4");
    session.text("6");
    assert_eq!(session.said, ["open abc", "2[\"b\"]", "bytes 4"]);
    session.engine.close(session.now);
    assert_eq!(session.engine.close_reason(), Some(&CloseReason::Client));
    assert_eq!(session.outputs(), ["close"]);
    session.engine.handle_websocket_end(None);
    session.text("4late");
    assert_eq!(session.engine.close_reason(), Some(&CloseReason::Client));
    assert_eq!((session.said.len(), session.outputs().len(), session.engine.poll_timeout()), (3, 0, None));
}

#[test]
fn version_3_puts_a_4_before_bytes() {
    let mut session = Session::open(Version::V3);
    session.engine.send(vec![Data::Binary(Bytes::from_static(b"a"))]).unwrap();
    assert_eq!(session.outputs(), ["\\x04a"]);
    session.binary(b"\x04b");
    assert_eq!(session.said, ["bytes b"]);
    session.binary(b"b");
    let error = EngineError::Packet(PacketError::UnknownBinaryType(b'b'));
    assert_eq!(session.engine.close_reason(), Some(&CloseReason::Engine(error)));
}

#[test]
fn polling_has_one_get_and_one_post_at_a_time() {
    let mut session = Session::open_polling(Version::V4, Transports::Polling);
    assert_eq!(session.outputs(), [GET]);
    session.send("a").unwrap();
    session.send("b").unwrap();
    assert_eq!(session.outputs(), [post("4a\u{1e}4b")]);
    session.send("c").unwrap();
    assert!(!session.engine.is_writable());
    assert_eq!(session.outputs(), [""; 0]);
    session.get("4x\u{1e}bAQI=\u{1e}2");
    assert_eq!(session.outputs(), [GET]);
    session.engine.handle_post();
    assert_eq!(session.outputs(), [post("3\u{1e}4c")]);
    assert_eq!(session.said, ["x", "bytes \\x01\\x02", "ping"]);
    session.engine.handle_post();
    session.send("bye").unwrap();
    session.engine.close(session.now);
    assert_eq!(session.engine.close_reason(), None);
    assert_eq!(session.outputs(), [post("4bye")]);
    session.engine.handle_post();
    assert_eq!(session.outputs(), [post("1")], "alone");
    session.get("6");
    assert_eq!(session.outputs(), [""; 0], "no new poll");
    session.engine.handle_post();
    assert_eq!(session.engine.close_reason(), Some(&CloseReason::Client));
}

#[test]
fn a_post_keeps_below_what_the_server_takes_and_packets_stay_whole() {
    let mut session = Session::open_polling(Version::V4, Transports::Polling);
    session.outputs();
    for letter in ["a", "b", "c"] {
        session.send(&letter.repeat(40)).unwrap();
    }
    session.send(&"d".repeat(99)).unwrap();
    let error = SendError::TooBigForServer { size: 101, limit: 100 };
    assert_eq!(session.send(&"e".repeat(100)), Err(error));
    let bytes = Data::Binary(Bytes::from_static(&[0; 75]));
    assert_eq!(session.engine.send(vec![Data::Text("f".into()), bytes]), Err(error), "base64 counts");
    let mut bodies = Vec::new();
    for _ in 0..4 {
        bodies.extend(session.outputs());
        session.engine.handle_post();
    }
    let four = |letter: &str| format!("4{}", letter.repeat(40));
    assert_eq!(
        bodies,
        [post(&format!("{}\u{1e}{}", four("a"), four("b"))), post(&four("c")), post(&format!("4{}", "d".repeat(99)))]
    );
}

#[test]
fn a_post_has_as_many_packets_as_every_server_takes() {
    let mut session = Session::open_polling(Version::V4, Transports::Polling);
    session.outputs();
    for _ in 0..20 {
        session.send("a").unwrap();
    }
    let packets = |count| post(&["4a"; 20][..count].join("\u{1e}"));
    assert_eq!(session.outputs(), [packets(16)]);
    session.engine.handle_post();
    assert_eq!(session.outputs(), [packets(4)]);
}

#[test]
fn polls_of_version_3() {
    let mut session = Session::open_polling(Version::V3, Transports::Polling);
    session.get("2:402:4a");
    assert_eq!(session.said, ["0", "a"]);
    session.outputs();
    session.send("€").unwrap();
    session.engine.send(vec![Data::Binary(Bytes::from_static(b"b"))]).unwrap();
    let target = "/socket.io/?EIO=3&transport=polling&sid=abc";
    let body = "\u{0}\u{4}\u{fffd}4€\u{1}\u{2}\u{fffd}\u{4}b";
    assert_eq!(session.outputs(), [format!("POST {target} {} {body}", payload::BINARY)]);
}

#[test]
fn the_queue_is_bounded_but_one_unit_always_fits() {
    let mut session = Session::open(Version::V3);
    session.engine.handle_timeout(session.now);
    let unit = || vec![Data::Text("h".into()), Data::Binary(Bytes::from_static(&[0; 90]))];
    let mut taken = 0;
    while session.engine.has_room(2, 91) {
        session.engine.send(unit()).unwrap();
        taken += 1;
        assert!(taken < 100);
    }
    assert_eq!(taken, 6, "155 bytes each");
    assert_eq!(session.engine.send(unit()), Err(SendError::QueueFull { limit: 1000 }));
    assert_eq!(session.engine.queued(), 6 * 155);
    assert_eq!(
        [(1, 38), (1, 39), (2, 6), (2, 7)].map(|(messages, bytes)| session.engine.has_room(messages, bytes)),
        [true, false, true, false]
    );
    session.send(&"x".repeat(38)).unwrap();
    assert_eq!(session.outputs().len(), 13);
    assert!(session.engine.has_room(2, 91) && session.engine.has_room(1, usize::MAX), "nothing waits");
    assert!(session.engine.send(unit()).is_ok());
}

#[test]
fn the_change_to_a_websocket_in_the_order_of_the_reference() {
    for version in [Version::V4, Version::V3] {
        let mut session = Session::open_polling(version, Transports::PollingThenWebSocket);
        let outputs = session.outputs();
        assert!(outputs[0].starts_with("open ") && outputs[1].starts_with("GET "), "{outputs:?}");
        session.send("before").unwrap();
        assert_eq!(session.outputs().len(), 1, "polling goes on");
        session.engine.handle_websocket_open();
        assert_eq!(session.outputs(), ["2probe"]);
        session.text("3probe");
        session.send("held").unwrap();
        assert!(!session.engine.is_writable());
        assert_eq!(session.outputs(), [""; 0], "requests are out");
        session.engine.handle_post();
        assert_eq!(session.outputs(), [""; 0], "the poll is out");
        assert_eq!(session.engine.transport(), Transport::Polling);
        session.get(if version == Version::V4 { "4last\u{1e}6" } else { "5:4last1:6" });
        assert_eq!(session.engine.transport(), Transport::WebSocket);
        assert_eq!(session.outputs(), ["5", "4held"]);
        session.text("4first");
        assert_eq!(session.said, ["last", "first"]);
        assert_eq!(session.engine.take_probe_failure(), None);
        session.engine.handle_websocket_end(Some("reset".to_owned()));
        let reason = CloseReason::TransportError("reset".to_owned());
        assert_eq!(session.engine.close_reason(), Some(&reason));
    }
}

#[test]
fn a_probe_that_fails_leaves_the_session_on_polling() {
    type Fail = fn(&mut Session);
    let cases: [(&str, Fail); 7] = [
        ("HTTP status 502", |session| session.engine.handle_websocket_refused(Refusal::Status(502))),
        ("refused", |session| session.engine.handle_websocket_end(Some("refused".to_owned()))),
        ("in time", |session| session.pass(10 * SECOND)),
        ("something else", |session| {
            session.engine.handle_websocket_open();
            session.outputs();
            session.text("3other");
        }),
        ("something else", |session| {
            session.engine.handle_websocket_open();
            session.text("3probe");
        }),
        ("closed the connection", |session| {
            session.engine.handle_websocket_open();
            session.outputs();
            session.engine.handle_websocket_end(None);
        }),
        ("in time", |session| {
            session.engine.handle_websocket_open();
            session.outputs();
            session.text("3probe");
            session.pass(10 * SECOND);
        }),
    ];
    for (words, fail) in cases {
        let mut session = Session::open_polling(Version::V4, Transports::PollingThenWebSocket);
        assert_eq!(session.outputs(), [WEBSOCKET, GET]);
        session.get("4x");
        session.outputs();
        fail(&mut session);
        let failure = session.engine.take_probe_failure().expect(words);
        assert!(failure.contains(words), "{failure}");
        session.send("a").unwrap();
        let outputs: Vec<_> = session.outputs().into_iter().filter(|output| output != "close").collect();
        assert_eq!(outputs, [post("4a")], "{words}");
        session.engine.handle_websocket_end(None);
        session.get("4y");
        session.engine.handle_post();
        assert_eq!(session.outputs(), [GET]);
        assert_eq!((session.engine.close_reason(), session.engine.transport()), (None, Transport::Polling));
    }
}

#[test]
fn frames_behind_a_probe_that_failed_are_not_the_sessions() {
    for late in ["4late", "1", "9"] {
        let mut session = Session::open_polling(Version::V4, Transports::PollingThenWebSocket);
        session.outputs();
        session.engine.handle_websocket_open();
        session.outputs();
        session.text("3other");
        session.text(late);
        session.binary(b"late");
        assert_eq!((session.said.len(), session.engine.close_reason()), (0, None), "{late}");
        assert_eq!(session.outputs(), ["close"]);
    }
}

#[test]
fn a_close_during_the_change_ends_both_transports() {
    let mut session = Session::open_polling(Version::V4, Transports::PollingThenWebSocket);
    session.outputs();
    session.engine.handle_websocket_open();
    session.outputs();
    session.text("3probe");
    session.engine.close(session.now);
    assert_eq!(session.outputs(), ["close".to_owned(), post("1")]);
    session.pass(5 * SECOND);
    assert_eq!(session.engine.close_reason(), Some(&CloseReason::Client), "a POST that never ends is not waited for");
}

#[test]
fn only_transports_that_the_server_names_are_tried() {
    let mut session = Session::new(Version::V4, Transports::PollingThenWebSocket);
    session.outputs();
    session.get(r#"0{"sid":"abc","upgrades":["webtransport"],"pingInterval":1000,"pingTimeout":1000}"#);
    assert_eq!(session.outputs(), [GET]);
}

#[test]
fn the_server_pings_in_version_4() {
    let mut session = Session::open(Version::V4);
    session.pass(44 * SECOND);
    session.text("2");
    session.text("2");
    session.text("2");
    session.send("a").unwrap();
    assert_eq!(session.outputs(), ["3", "4a"], "one answer to a flood, before what waits");
    session.pass(44 * SECOND);
    assert_eq!(session.engine.close_reason(), None);
    session.text("4still here");
    session.pass(SECOND);
    assert_eq!(session.engine.close_reason(), Some(&CloseReason::PingTimeout));
    assert_eq!(session.outputs(), ["close"]);
}

#[test]
fn the_client_pings_in_version_3() {
    let mut session = Session::open(Version::V3);
    for _ in 0..3 {
        session.pass(25 * SECOND);
        assert_eq!(session.outputs(), ["2"]);
        session.text("3");
    }
    session.pass(25 * SECOND);
    assert_eq!(session.outputs(), ["2"]);
    session.pass(19 * SECOND);
    assert_eq!(session.engine.close_reason(), None);
    session.pass(SECOND);
    assert_eq!(session.engine.close_reason(), Some(&CloseReason::PingTimeout));
}

#[test]
fn a_session_that_does_not_open() {
    let mut silent = Session::new(Version::V4, Transports::WebSocket);
    silent.outputs();
    silent.pass(20 * SECOND);
    assert_eq!(silent.engine.close_reason(), Some(&CloseReason::OpenTimeout));
    assert_eq!(silent.outputs(), ["close"], "the dial is given up");

    let mut other = Session::new(Version::V4, Transports::WebSocket);
    other.outputs();
    other.engine.handle_websocket_open();
    other.text("40");
    assert_eq!(other.engine.close_reason(), Some(&CloseReason::Engine(EngineError::NotOpened)));

    let mut refused = Session::new(Version::V4, Transports::WebSocket);
    refused.outputs();
    refused.engine.handle_websocket_refused(Refusal::UnsupportedVersion);
    assert_eq!(refused.engine.close_reason(), Some(&CloseReason::Refused(Refusal::UnsupportedVersion)));
    assert_eq!(refused.outputs(), [""; 0]);

    let mut page = Session::new(Version::V4, Transports::Polling);
    page.outputs();
    page.get("<html></html>");
    let error = EngineError::Packet(PacketError::UnknownType('<'));
    assert_eq!(page.engine.close_reason(), Some(&CloseReason::Engine(error)));
}

#[test]
fn how_a_session_ends() {
    let mut twice = Session::open(Version::V4);
    twice.text(OPEN);
    assert_eq!(twice.engine.close_reason(), Some(&CloseReason::Engine(EngineError::OpenedTwice)));

    let mut closed = Session::open(Version::V4);
    closed.text("1");
    assert_eq!(closed.engine.close_reason(), Some(&CloseReason::TransportClose));
    assert_eq!(closed.outputs(), ["close"]);

    let mut unknown = Session::open_polling(Version::V4, Transports::Polling);
    unknown.outputs();
    unknown.engine.handle_request_failed(CloseReason::Refused(Refusal::UnknownSession));
    assert_eq!(unknown.engine.close_reason(), Some(&CloseReason::Refused(Refusal::UnknownSession)));
    unknown.get("4late");
    assert_eq!((unknown.outputs().len(), unknown.said.len()), (0, 0));

    let mut broken = Session::open_polling(Version::V4, Transports::Polling);
    broken.outputs();
    broken.get("4a\u{1e}\u{1e}4b");
    assert_eq!(broken.said, ["a"]);
    assert_eq!(broken.engine.close_reason(), Some(&CloseReason::Engine(EngineError::Packet(PacketError::Empty))));
}

#[test]
fn the_number_of_packets_in_a_body_is_bounded() {
    let body = |count| vec!["6"; count].join("\u{1e}");
    let mut session = Session::open_polling(Version::V4, Transports::Polling);
    session.outputs();
    session.get(body(1 << 16));
    assert_eq!(session.engine.close_reason(), None);
    session.outputs();
    session.get(body((1 << 16) + 1));
    let error = EngineError::TooManyPackets { limit: 1 << 16 };
    assert_eq!(session.engine.close_reason(), Some(&CloseReason::Engine(error)));
}

#[test]
fn what_is_queued_goes_out_before_a_close() {
    let mut session = Session::open(Version::V4);
    session.send("bye").unwrap();
    session.engine.close(session.now);
    assert_eq!(session.engine.close_reason(), None);
    assert_eq!(session.send("more"), Err(SendError::NotOpen));
    assert_eq!(session.outputs(), ["4bye", "close"]);
    assert_eq!(session.engine.close_reason(), Some(&CloseReason::Client));
}
