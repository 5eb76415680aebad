//! A client's namespaces, from the first packet to the last.

use crate::scripted::{OPEN, SECOND, Scripted, namespace};
use std::time::Duration;

use patchcord_socketio::engine::{CloseReason, Output, Refusal, Transports, Version};
use patchcord_socketio::{
    AlreadyConnected, Client, ClientEvent, ClientSettings, Credentials, DisconnectReason, EmitError, JoinError,
    Namespace, Parser, Value, VersionChoice,
};

fn nothing() -> Vec<String> {
    Vec::new()
}

fn v3() -> ClientSettings {
    ClientSettings { version: VersionChoice::V3, ..ClientSettings::default() }
}

/// What the first request of a session is made over, and the session lost then.
fn first_transport(peer: &mut Scripted, upgrade: bool) -> &'static str {
    peer.client.connect(peer.now).unwrap();
    let transport = match peer.client.poll_output(peer.now) {
        Some(Output::OpenWebSocket { .. }) => "websocket",
        Some(Output::Get { .. }) => "polling",
        other => panic!("{other:?}"),
    };
    if upgrade {
        let open = r#"0{"sid":"engine","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;
        peer.client.handle_get(open.as_bytes(), peer.now);
        peer.sent();
        peer.client.handle_post(peer.now);
        peer.client.handle_websocket_open(peer.now);
        assert_eq!(peer.sent(), ["2probe"]);
        peer.server("3probe");
        peer.client.handle_get(b"6", peer.now);
        assert_eq!(peer.sent(), ["5"]);
    }
    peer.client.abort(CloseReason::TransportError("lost".to_owned()), peer.now);
    let told = if upgrade {
        &["open", "over websocket", "closed: the connection failed: lost"][..]
    } else {
        &["closed: the connection failed: lost"]
    };
    assert!(peer.client.has_events());
    assert_eq!(peer.events(), told);
    assert!(!peer.client.has_events());
    peer.sent();
    transport
}

#[test]
fn a_session_can_begin_where_the_last_one_went() {
    let mut settings = ClientSettings { remember_upgrade: true, ..ClientSettings::default() };
    settings.engine.transports = Transports::PollingThenWebSocket;
    let mut peer = Scripted::new(settings.clone(), &["/"]);
    assert_eq!(first_transport(&mut peer, false), "polling");
    assert_eq!(first_transport(&mut peer, true), "polling");
    assert_eq!(first_transport(&mut peer, false), "websocket");
    assert_eq!(first_transport(&mut peer, true), "polling", "a WebSocket that could not be opened is forgotten");
    peer.client.set_settings(ClientSettings { remember_upgrade: false, ..settings });
    assert_eq!(first_transport(&mut peer, false), "polling");
}

#[test]
fn a_websocket_that_the_server_closes_says_why() {
    for (code, reason, told) in [
        (1000, "bye", "closed: the server closed the connection"),
        (1001, "", "closed: the server closed the connection"),
        (1005, "", "closed: the server closed the connection"),
        (1009, "", "closed: the server closed the WebSocket with code 1009"),
        (4000, "enough", "closed: the server closed the WebSocket with code 4000: enough"),
    ] {
        let mut peer = Scripted::connected(ClientSettings::default(), &["/"]);
        peer.client.handle_websocket_closed(code, reason, peer.now);
        assert_eq!(peer.events(), ["/ disconnected: transport close", told]);
    }
}

#[test]
fn namespaces_share_one_engine() {
    let mut peer = Scripted::new(ClientSettings::default(), &["/", "admin"]);
    let token = Credentials { auth: vec![("token".to_owned(), "x".into())], ..Credentials::default() };
    peer.client.join(&namespace("admin"), token.clone(), peer.now).unwrap();
    peer.open();
    assert_eq!(peer.sent(), ["40", "40/admin,{\"token\":\"x\"}"]);
    peer.server("40/admin,{\"sid\":\"two\"}");
    peer.server("40{\"sid\":\"one\"}");
    peer.server("42/admin,[\"hi\",{\"a\":[1]}]");
    peer.server("42[\"hi\"]");
    assert_eq!(
        peer.events(),
        ["open", "/admin connected two", "/ connected one", "/admin hi [{\"a\":[1]}]", "/ hi []"]
    );
    assert_eq!(peer.client.sid(&namespace("/admin")), Some("two"));
    // One that is joined while the engine is open is connected at once.
    peer.client.join(&namespace("late"), token, peer.now).unwrap();
    assert_eq!(peer.sent(), ["40/late,{\"token\":\"x\"}"]);
    assert_eq!(peer.client.connect(peer.now), Err(AlreadyConnected));
}

#[test]
fn what_is_sent_and_what_comes_with_attachments() {
    let mut peer = Scripted::connected(ClientSettings::default(), &["/"]);
    peer.emit("img", vec![Value::Binary(vec![1].into()), "x".into()]).unwrap();
    peer.server("2");
    assert_eq!(peer.sent(), ["3", "451-[\"img\",{\"_placeholder\":true,\"num\":0},\"x\"]", "bytes \\x01"]);
    peer.server("451-[\"img\",{\"_placeholder\":true,\"num\":0}]");
    peer.server("2");
    peer.client.handle_binary(b"\x04\xff", peer.now);
    assert_eq!(peer.events(), ["ping", "ping", "/ img [{\"_placeholder\":true}]"]);
}

#[test]
fn a_server_says_no() {
    let mut peer = Scripted::new(ClientSettings::default(), &["/", "/deny"]);
    peer.open();
    peer.sent();
    peer.server("40{\"sid\":\"a\"}");
    peer.server("44/deny,{\"message\":\"denied\",\"data\":{\"code\":42}}");
    let events: Vec<_> = std::iter::from_fn(|| peer.client.poll_event()).collect();
    let Some(ClientEvent::Refused { reason, .. }) = events.last() else { panic!("{events:?}") };
    assert_eq!(reason.to_string(), "the server refused the namespace: denied");
    assert!(format!("{reason:?}").contains("(\"code\", Int(42))"), "{reason:?}");
    assert_eq!(peer.sent(), nothing(), "the other one goes on");
    peer.lose();
    peer.open();
    assert_eq!(peer.sent(), ["40"], "it is not tried again by itself");
    peer.client.join(&namespace("/deny"), Credentials::default(), peer.now).unwrap();
    assert_eq!(peer.sent(), ["40/deny,"]);
}

#[test]
fn a_server_that_never_answers() {
    let mut peer = Scripted::new(ClientSettings::default(), &["/", "/slow"]);
    peer.open();
    peer.server("40{\"sid\":\"a\"}");
    peer.events();
    peer.sent();
    peer.pass(20 * SECOND);
    assert_eq!(peer.events(), ["/slow refused: the server did not connect the namespace in time"]);
    assert_eq!(peer.sent(), ["41/slow,"]);
    peer.server("40/slow,{\"sid\":\"late\"}");
    assert_eq!(peer.client.sid(&namespace("/slow")), None);
    peer.server("42[\"on\"]");
    assert_eq!((peer.events(), peer.sent()), (vec!["/ on []".into()], nothing()), "the other one goes on");
    peer.lose();
    peer.open();
    assert_eq!(peer.sent(), ["40", "40/slow,"], "it is asked again");
    peer.events();
    peer.server("41");
    peer.pass(20 * SECOND);
    let [refused, timed_out] = [("/", "the server refused the namespace: it disconnected the client"), SLOW]
        .map(|(namespace, words)| format!("{namespace} refused: {words}"));
    assert_eq!(peer.events(), [refused, timed_out]);
    assert_eq!(peer.sent(), ["41/slow,", "close"]);
    assert_eq!(peer.events(), [format!("closed: {}", DisconnectReason::NamespaceTimeout)]);
    peer.open();
    assert_eq!(peer.sent(), ["40/slow,"]);
}

const SLOW: (&str, &str) = ("/slow", "the server did not connect the namespace in time");

#[test]
fn a_session_whose_only_namespace_is_too_slow_is_worth_another() {
    let reason = DisconnectReason::NamespaceTimeout;
    assert_eq!((reason.name(), reason.reconnects()), ("transport error", true));
    let silent = || {
        let mut peer = Scripted::new(ClientSettings::default(), &["/slow"]);
        peer.open();
        peer.emit_in(&namespace("/slow"), "kept");
        peer.pass(20 * SECOND);
        peer.events();
        peer
    };
    let mut peer = silent();
    assert_eq!(peer.sent(), ["40/slow,", "41/slow,", "close"]);
    assert_eq!(peer.events(), [format!("closed: {reason}")]);
    peer.open();
    peer.server("40/slow,{\"sid\":\"a\"}");
    assert_eq!(peer.sent(), ["40/slow,", "42/slow,[\"kept\"]"]);

    // Who has the session closed meanwhile, or leaves, means it.
    let ends: [fn(&mut Scripted); 2] =
        [|peer| peer.client.close(peer.now), |peer| peer.client.leave(&namespace("/slow"), peer.now)];
    for end in ends {
        let mut peer = silent();
        end(&mut peer);
        peer.sent();
        assert_eq!(peer.events(), ["closed: closed by this end"]);
    }
}

#[test]
fn a_kick_from_one_namespace_and_from_the_last() {
    let mut peer = Scripted::connected(ClientSettings::default(), &["/", "/admin"]);
    peer.server("41/admin,");
    assert_eq!(peer.events(), ["/admin disconnected: io server disconnect"]);
    peer.server("42/admin,[\"late\"]");
    assert_eq!(peer.events(), ["/admin ignored NotConnected"]);
    assert_eq!(peer.sent(), nothing());
    peer.server("41");
    assert_eq!(peer.events(), ["/ disconnected: io server disconnect", "closed: closed by this end"]);
    assert_eq!(peer.sent(), ["close"]);
}

#[test]
fn a_kick_before_the_namespace_is_connected_is_a_refusal() {
    let mut peer = Scripted::new(ClientSettings::default(), &["/", "/admin"]);
    peer.open();
    peer.server("40{\"sid\":\"a\"}");
    peer.events();
    peer.sent();
    peer.server("41/admin,");
    assert_eq!(peer.events(), ["/admin refused: the server refused the namespace: it disconnected the client"]);
    peer.lose();
    peer.open();
    assert_eq!(peer.sent(), ["40"], "it is not tried again by itself");
    peer.events();
    peer.server("41");
    let refused = "/ refused: the server refused the namespace: it disconnected the client";
    assert_eq!(
        (peer.sent(), peer.events()),
        (vec!["close".into()], vec![refused.into(), "closed: closed by this end".into()])
    );
}

#[test]
fn leaving_and_closing() {
    let mut peer = Scripted::connected(ClientSettings::default(), &["/", "/admin"]);
    peer.client.leave(&namespace("/admin"), peer.now);
    assert_eq!(
        (peer.sent(), peer.events()),
        (vec!["41/admin,".into()], vec!["/admin disconnected: io client disconnect".into()])
    );
    peer.client.leave(&Namespace::ROOT, peer.now);
    assert_eq!(peer.sent(), ["41", "close"]);
    assert_eq!(peer.events(), ["/ disconnected: io client disconnect", "closed: closed by this end"]);

    let mut peer = Scripted::connected(ClientSettings::default(), &["/", "/admin"]);
    peer.emit("bye", vec![]).unwrap();
    peer.client.close(peer.now);
    assert_eq!(peer.sent(), ["42[\"bye\"]", "41", "41/admin,", "close"]);
    peer.events();
    peer.open();
    assert_eq!(peer.sent(), ["40", "40/admin,"], "what is closed is still joined");
}

#[test]
fn a_lost_engine_takes_all_namespaces_with_it() {
    let mut peer = Scripted::connected(ClientSettings::default(), &["/", "/admin"]);
    peer.lose();
    let lost = "disconnected: transport error";
    assert_eq!(
        peer.events(),
        [format!("/ {lost}"), format!("/admin {lost}"), "closed: the connection failed: reset".into()]
    );
    peer.open();
    peer.server("40{\"sid\":\"b\"}");
    peer.pass(45 * SECOND);
    let events = peer.events();
    assert!(events.contains(&"/ disconnected: ping timeout".to_owned()), "{events:?}");
}

#[test]
fn a_peer_that_breaks_a_rule_is_left() {
    for (rubbish, words) in [
        ("42[]", "without a name"),
        ("42{\"a\":1}", "does not belong"),
        ("43[]", "acknowledgement number"),
        ("4511-[\"a\"]", "10 attachments"),
        ("4", "unknown type"),
        ("9", "unknown type '9'"),
        ("b!", "base64"),
    ] {
        let mut peer = Scripted::connected(ClientSettings::default(), &["/"]);
        peer.server(rubbish);
        peer.server("42[\"after\"]");
        let events = peer.events();
        assert_eq!(events[0], "/ disconnected: parse error", "{rubbish}");
        assert!(events[1].starts_with("closed: ") && events[1].contains(words), "{events:?}");
        assert_eq!((events.len(), peer.sent()), (2, vec!["close".to_owned()]));
    }
}

#[test]
fn events_that_come_before_their_namespace_is_connected() {
    let settings = ClientSettings { max_early: 200, ..ClientSettings::default() };
    let mut peer = Scripted::new(settings.clone(), &["/"]);
    peer.open();
    peer.server("42[\"early\",1]");
    assert_eq!(peer.events(), ["open"]);
    peer.server("40{\"sid\":\"a\"}");
    assert_eq!(peer.events(), ["/ early [1]", "/ connected a"]);
    let mut peer = Scripted::new(settings, &["/"]);
    peer.open();
    (0..4).for_each(|_| peer.server("42[\"early\"]"));
    let words = "closed: the server sent more than 200 bytes of events before it connected the namespace";
    assert_eq!(peer.events(), ["open", words]);
}

#[test]
fn nothing_is_heard_of_a_session_after_what_ended_it() {
    let mut settings = ClientSettings { max_early: 100, ..ClientSettings::default() };
    settings.engine.transports = Transports::Polling;
    for fatal in ["42[\"too much, and early at that\",\"xxxxxxxxxxxxxxxxxx\"]", "42[]", "40", "9"] {
        let mut peer = Scripted::new(settings.clone(), &["/"]);
        peer.client.connect(peer.now).unwrap();
        peer.client.poll_output(peer.now);
        let body = [OPEN, fatal, "40{\"sid\":\"a\"}", "42[\"late\"]"].join("\u{1e}");
        peer.client.handle_get(body.as_bytes(), peer.now);
        let events = peer.events();
        assert_eq!((events.len(), events[0].as_str(), &events[1][..7]), (2, "open", "closed:"), "{events:?}");
    }
}

#[test]
fn an_old_server_that_takes_version_4_for_an_answer_is_told_by_its_greeting() {
    for joined in ["/", "/admin"] {
        let mut peer = Scripted::new(ClientSettings::default(), &[joined]);
        peer.open();
        peer.server("40");
        assert_eq!(
            peer.events(),
            ["open", "closed: the server speaks Engine.IO 3 (Socket.IO 2); ask for that version"]
        );
        peer.open();
        assert_eq!(peer.client.engine().unwrap().version(), Version::V3);
    }
    let fixed = ClientSettings { version: VersionChoice::V4, ..ClientSettings::default() };
    let mut peer = Scripted::new(fixed, &["/"]);
    peer.open();
    peer.server("40");
    peer.open();
    assert_eq!(peer.client.engine().unwrap().version(), Version::V4);
}

#[test]
fn an_old_server_is_told_by_its_first_answer_to_a_poll() {
    let mut settings = ClientSettings::default();
    settings.engine.transports = Transports::Polling;
    let mut peer = Scripted::new(settings, &["/"]);
    peer.client.connect(peer.now).unwrap();
    peer.client.poll_output(peer.now);
    let open = r#"0{"sid":"old","upgrades":[],"pingInterval":25000,"pingTimeout":5000}"#;
    peer.client.handle_get(format!("{}:{open}2:40", open.len()).as_bytes(), peer.now);
    assert_eq!(peer.events(), ["closed: the server speaks Engine.IO 3 (Socket.IO 2); ask for that version"]);
    peer.client.connect(peer.now).unwrap();
    assert_eq!(peer.client.engine().unwrap().version(), Version::V3);
}

#[test]
fn a_version_that_is_refused_is_not_asked_for_again() {
    let mut peer = Scripted::new(ClientSettings::default(), &["/"]);
    for version in [Version::V4, Version::V3, Version::V4] {
        peer.client.connect(peer.now).unwrap();
        assert!(matches!(peer.client.poll_output(peer.now), Some(Output::OpenWebSocket { .. })));
        assert_eq!(peer.client.engine().unwrap().version(), version);
        peer.client.handle_websocket_refused(Refusal::UnsupportedVersion, peer.now);
        let closed = peer.client.poll_event();
        let Some(ClientEvent::Closed(reason)) = closed else { panic!("{closed:?}") };
        assert_eq!((reason.name(), reason.reconnects()), ("transport error", true));
    }
}

#[test]
fn protocol_4_connects_the_root_unasked_and_carries_queries() {
    let mut peer = Scripted::new(v3(), &["/"]);
    let query = vec![("token".to_owned(), "a b".to_owned())];
    let admin = Credentials { query, auth: vec![("ignored".to_owned(), Value::Null)] };
    peer.client.join(&namespace("/admin"), admin, peer.now).unwrap();
    peer.open();
    assert_eq!(peer.sent(), ["40/admin?token=a%20b,"]);
    peer.server("40");
    peer.server("40/admin?token=a%20b,");
    peer.server("42/admin,[\"hi\"]");
    peer.server("44/admin,[\"middleware\"]");
    assert_eq!(
        peer.events(),
        [
            "open",
            "/ connected engine",
            "/admin connected /admin#engine",
            "/admin hi []",
            "/admin error [\"middleware\"]"
        ]
    );
    peer.server("40/other,");
    assert_eq!(peer.events(), nothing());

    let mut peer = Scripted::new(v3(), &["/deny"]);
    peer.open();
    peer.server("40");
    peer.server("44/deny,{\"code\":42}");
    assert_eq!(peer.sent(), ["40/deny,", "close"], "it was the only one");
    let events = peer.events();
    assert_eq!(events[1], "/deny refused: the server refused the namespace: no reason given");
}

#[test]
fn the_first_poll_of_protocol_4_brings_open_and_connect() {
    let mut settings = v3();
    settings.engine.transports = Transports::Polling;
    let mut peer = Scripted::new(settings, &["/"]);
    peer.client.connect(peer.now).unwrap();
    assert!(matches!(peer.client.poll_output(peer.now), Some(Output::Get { .. })));
    let body = format!("{}:{OPEN}2:4012:42[\"welcome\"]", OPEN.len());
    peer.client.handle_get(body.replace("12:", "13:").as_bytes(), peer.now);
    assert_eq!(peer.events(), ["open", "/ connected engine", "/ welcome []"]);
    peer.client.handle_request_failed(CloseReason::Refused(Refusal::UnknownSession), peer.now);
    assert_eq!(peer.events()[0], "/ disconnected: transport error");
}

#[test]
fn message_pack_is_one_binary_message() {
    let settings = ClientSettings { parser: Parser::MessagePack, ..ClientSettings::default() };
    let mut peer = Scripted::new(settings, &["/"]);
    peer.open();
    assert_eq!(peer.sent(), ["bytes \\x82\\xa4type\\x00\\xa3nsp\\xa1/"]);
    peer.client.handle_binary(b"\x83\xa4type\x00\xa4data\x81\xa3sid\xa1a\xa3nsp\xa1/", peer.now);
    peer.client.handle_binary(b"\x83\xa4type\x02\xa4data\x92\xa2hi\xc4\x01\xff\xa3nsp\xa1/", peer.now);
    assert_eq!(peer.events(), ["open", "/ connected a", "/ hi [{\"_placeholder\":true}]"]);
    peer.emit("yo", vec![Value::Binary(vec![7].into())]).unwrap();
    assert_eq!(peer.sent(), ["bytes \\x83\\xa4type\\x02\\xa3nsp\\xa1/\\xa4data\\x92\\xa2yo\\xc4\\x01\\x07"]);
}

#[test]
fn namespaces_are_bounded_and_have_to_be_joined() {
    let settings = ClientSettings { max_namespaces: 2, ..ClientSettings::default() };
    let mut peer = Scripted::new(settings, &["/a", "/b"]);
    let join = |client: &mut Client, name: &str, now| client.join(&namespace(name), Credentials::default(), now);
    assert_eq!(join(&mut peer.client, "/c", peer.now), Err(JoinError::TooManyNamespaces { limit: 2 }));
    assert_eq!(join(&mut peer.client, "/b", peer.now), Ok(()));
    assert_eq!(peer.emit("a", vec![]), Err(EmitError::UnknownNamespace(Namespace::ROOT)));
    peer.client.leave(&namespace("/a"), peer.now);
    assert_eq!(join(&mut peer.client, "/c", peer.now), Ok(()));
}

#[test]
fn settings_change_without_an_end_to_the_session() {
    let mut peer = Scripted::connected(ClientSettings::default(), &["/"]);
    let mut settings = v3();
    settings.parser = Parser::MessagePack;
    settings.limits.packet = 30;
    settings.engine.max_queue = 50;
    peer.client.set_settings(settings);
    peer.emit("a", vec![]).unwrap();
    assert!(matches!(peer.emit("b", vec![]), Err(EmitError::Send(_))), "the queue is smaller");
    assert!(matches!(peer.emit("c", vec!["x".repeat(30).into()]), Err(EmitError::Encode(_))));
    assert_eq!(peer.sent(), ["42[\"a\"]"]);
    peer.server("42[\"short\"]");
    assert_eq!(peer.events(), ["/ short []"]);
    peer.server(&format!("42[\"{}\"]", "x".repeat(30)));
    assert!(peer.events()[0].starts_with("/ disconnected: parse error"));
    peer.open();
    assert_eq!(peer.client.engine().unwrap().version(), Version::V3);
}

/// What a driver is told, in short.
fn outputs(peer: &mut Scripted) -> Vec<String> {
    let outputs = std::iter::from_fn(|| peer.client.poll_output(peer.now));
    outputs
        .map(|output| match output {
            Output::OpenWebSocket { .. } => "open".to_owned(),
            Output::Frame(frame) => format!("{frame:?}"),
            Output::CloseWebSocket => "close".to_owned(),
            Output::Get { .. } => "GET".to_owned(),
            Output::Post { body, .. } => format!("POST {}", body.bytes.escape_ascii()),
        })
        .collect()
}

/// A client on polling whose WebSocket is being opened.
fn polling() -> Scripted {
    let mut settings = ClientSettings::default();
    settings.engine.transports = Transports::PollingThenWebSocket;
    let mut peer = Scripted::new(settings, &["/"]);
    peer.client.connect(peer.now).unwrap();
    assert_eq!(outputs(&mut peer), ["GET"]);
    let open = OPEN.replace("[]", "[\"websocket\"]");
    peer.client.handle_get(open.as_bytes(), peer.now);
    assert_eq!(outputs(&mut peer), ["open", "GET", "POST 40"]);
    peer.client.handle_post(peer.now);
    peer.client.handle_get(b"40{\"sid\":\"a\"}", peer.now);
    assert_eq!(outputs(&mut peer), ["GET"]);
    assert_eq!(peer.events(), ["open", "/ connected a"]);
    peer
}

#[test]
fn a_session_goes_over_to_a_websocket_and_loses_nothing() {
    let mut peer = polling();
    peer.client.handle_websocket_open(peer.now);
    assert_eq!(outputs(&mut peer), ["Text(\"2probe\")"]);
    peer.client.handle_text("3probe", peer.now);
    peer.emit("held", vec![]).unwrap();
    assert_eq!(outputs(&mut peer), nothing());
    peer.client.handle_get("42[\"last\"]\u{1e}6".as_bytes(), peer.now);
    assert_eq!(peer.events(), ["/ last []", "over websocket"]);
    assert_eq!(outputs(&mut peer), ["Text(\"5\")", "Text(\"42[\\\"held\\\"]\")"]);
}

#[test]
fn the_values_of_a_poll_are_bounded_together() {
    let mut settings = ClientSettings::default();
    settings.engine.transports = Transports::Polling;
    settings.limits.values = 12;
    let poll = |peer: &mut Scripted, packets: &[&str]| {
        peer.client.handle_get(packets.join("\u{1e}").as_bytes(), peer.now);
        let events = peer.events();
        outputs(peer);
        events
    };
    let mut peer = Scripted::new(settings.clone(), &["/"]);
    peer.client.connect(peer.now).unwrap();
    outputs(&mut peer);
    poll(&mut peer, &[OPEN]);
    poll(&mut peer, &["40{\"sid\":\"a\"}"]);
    let (six, three) = ("42[\"a\",[1,2,3]]", "42[\"a\",\"b\"]");
    for body in [&[six, six][..], &[six, three, three], &["42[1,2,3,4,5,6,7,8,9,10,11]"]] {
        assert_eq!(poll(&mut peer, body).len(), body.len(), "each body has its own");
    }
    let events = poll(&mut peer, &[six, three, six]);
    assert_eq!(events[..2], ["/ a [[1,2,3]]", "/ a [\"b\"]"]);
    assert_eq!(events[2..], ["/ disconnected: parse error", "closed: the peer sent more than 12 values at once"]);

    let packed = ClientSettings { parser: Parser::MessagePack, ..settings };
    for (count, closes) in [(1, false), (2, true)] {
        let mut peer = Scripted::new(packed.clone(), &["/"]);
        peer.client.connect(peer.now).unwrap();
        outputs(&mut peer);
        poll(&mut peer, &[OPEN]);
        // {"type":0,"data":{"sid":"a"},"nsp":"/"}, and {"type":2,"data":["a",[1, …]],"nsp":"/"} with twelve values.
        poll(&mut peer, &["bg6R0eXBlAKRkYXRhgaNzaWShYaNuc3ChLw=="]);
        let twelve = "bg6R0eXBlAqRkYXRhkqFhmQECAwQFBgcICaNuc3ChLw==";
        let events = poll(&mut peer, &vec![twelve; count]);
        assert_eq!(events.iter().any(|event| event.starts_with("closed: ")), closes, "{events:?}");
    }
}

#[test]
fn a_websocket_that_cannot_be_had_is_told_and_done_without() {
    let mut peer = polling();
    peer.client.handle_websocket_refused(Refusal::parse(400, b"{\"code\":3}"), peer.now);
    peer.emit("a", vec![]).unwrap();
    assert_eq!(peer.events(), ["probe failed: the server calls the request bad"]);
    assert_eq!(outputs(&mut peer), ["POST 42[\\\"a\\\"]"]);
}

#[test]
fn no_time_out_is_no_time_out() {
    let mut settings = ClientSettings { connect_timeout: Duration::MAX, ..ClientSettings::default() };
    settings.engine.open_timeout = Duration::MAX;
    let mut peer = Scripted::new(settings, &["/"]);
    peer.client.connect(peer.now).unwrap();
    assert_eq!(peer.client.poll_timeout(), None);
    peer.pass(100_000 * SECOND);
    assert_eq!(peer.events(), nothing());
}
