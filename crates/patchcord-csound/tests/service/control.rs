//! `csound.v1` at a port: JSON by name.

use std::time::{Duration, Instant};

use patchcord_csound::service::{Incoming, Opened, Request, SettingValue, open, set};
use patchcord_signal::Kind;
use serde_json::{Value, json};
use tungstenite::Message;

use crate::peers::{Socket, await_clients, client, free_port, host, input, out, publish, taken, text, until};

fn port_with_control(level: f64) -> (Opened, u16) {
    let port = free_port();
    set(port.into(), port, "control", SettingValue::Number(level)).unwrap();
    let variables = [
        out("kamp", Kind::Control),
        out("inum", Kind::Init),
        out("asig", Kind::Audio),
        input("kfreq", Kind::Control),
        input("Sname", Kind::Text),
    ];
    (open(host(port.into()), port, &variables).unwrap(), port)
}

fn ask(socket: &mut Socket, request: Value) {
    socket.send(Message::text(request.to_string())).unwrap();
}

fn told(socket: &mut Socket) -> Value {
    serde_json::from_str(&text(socket)).unwrap()
}

#[test]
fn a_session_is_greeted_and_greeted_again_when_names_change() {
    let (note, port) = port_with_control(1.0);
    let mut socket = client(port, "csound.v1");
    let hello = told(&mut socket);
    let hello = &hello["hello"];
    assert_eq!((&hello["sr"], &hello["ksmps"], &hello["float"]), (&json!(48000), &json!(64), &json!(64)));
    assert_eq!((&hello["version"], &hello["control"]), (&json!(1), &json!(1)));
    assert_eq!(hello["variables"][3], json!({"name": "kfreq", "type": "k", "direction": "in"}));
    await_clients(&note, 1);
    let more = open(host(port.into()), port, &[out("kmore", Kind::Control)]).unwrap();
    assert_eq!(told(&mut socket)["hello"]["variables"].as_array().unwrap().len(), 6);
    drop(more);
    assert_eq!(told(&mut socket)["hello"]["variables"].as_array().unwrap().len(), 5);
    drop(note);
    assert_eq!(crate::peers::close_code(&mut socket), Some(1001));
}

#[test]
fn values_are_set_and_got() {
    let (mut note, port) = port_with_control(0.0);
    publish(&mut note, 1, 7.0);
    let mut socket = client(port, "csound.v1");
    told(&mut socket);
    ask(&mut socket, json!({"set": {"kfreq": 440, "Sname": "x"}}));
    assert_eq!(taken(&mut note, 0), 440.0);
    let Incoming::Text(reader) = &mut note.incoming[1] else { panic!("no text") };
    let mut value = vec![0; reader.limit()];
    let length = until("a text", || reader.take(&mut value));
    assert_eq!(&value[..length], b"x");
    ask(&mut socket, json!({"get": ["inum", "kfreq"]}));
    assert_eq!(told(&mut socket), json!({"values": {"inum": 7, "kfreq": 440}}));
    // A k value is known as soon as it is published.
    ask(&mut socket, json!({"get": ["kamp"]}));
    let values = until("an answer", || {
        publish(&mut note, 0, 0.5);
        socket.get_mut().set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        socket.read().ok()
    });
    assert_eq!(values, Message::text(r#"{"values":{"kamp":0.5}}"#));
    socket.get_mut().set_read_timeout(Some(crate::peers::PATIENCE)).unwrap();
    for (request, part) in [
        (json!({"set": {"kother": 1}}), "control setting"),
        (json!({"event": "i 1 0 1"}), "score events are taken"),
        (json!({"subscribe": ["asig"]}), "a-rate"),
        (json!({"get": ["kapm"]}), "kamp"),
    ] {
        ask(&mut socket, request);
        let error = told(&mut socket)["error"].as_str().unwrap().to_owned();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_subscription_gets_the_latest_at_its_rate() {
    let (mut note, port) = port_with_control(0.0);
    let mut socket = client(port, "csound.v1");
    told(&mut socket);
    ask(&mut socket, json!({"subscribe": ["kamp"], "rate": 50}));
    let publisher = std::thread::spawn(move || {
        for number in 0..1500 {
            publish(&mut note, 0, f64::from(number));
            std::thread::sleep(Duration::from_micros(1000));
        }
        note
    });
    let (start, mut count, mut last) = (Instant::now(), 0, -1.0);
    while start.elapsed() < Duration::from_secs(1) {
        let value = told(&mut socket)["values"]["kamp"].as_f64().unwrap();
        assert!(value > last);
        last = value;
        count += 1;
    }
    assert!((25..=55).contains(&count), "{count} messages in a second");
    ask(&mut socket, json!({"unsubscribe": ["kamp"]}));
    let note = publisher.join().unwrap();
    drop(note);
}

#[test]
fn the_channels_that_clients_make_are_bounded() {
    let (mut note, port) = port_with_control(1.0);
    let mut socket = client(port, "csound.v1");
    told(&mut socket);
    let mut set = |from: usize, to: usize| {
        let values: serde_json::Map<_, _> = (from..to).map(|number| (format!("name{number}"), json!(number))).collect();
        ask(&mut socket, json!({ "set": values }));
        // What is always answered, after all before.
        ask(&mut socket, json!({}));
        let mut refused = Vec::new();
        loop {
            let error = told(&mut socket)["error"].as_str().unwrap().to_owned();
            if error.starts_with("nothing is asked for") {
                break;
            }
            refused.push(error);
        }
        while note.note.request().is_some() {}
        refused
    };
    for start in (0..4096).step_by(512) {
        assert!(set(start, start + 512).is_empty());
    }
    assert_eq!(
        set(4096, 4097),
        ["clients have set 4096 software channels, which are the most; those can be set again"]
    );
    assert!(set(17, 18).is_empty(), "one that is there is set");
}

#[test]
fn channels_and_events_reach_performance() {
    let (mut note, port) = port_with_control(2.0);
    let mut socket = client(port, "csound.v1");
    told(&mut socket);
    ask(&mut socket, json!({"set": {"gain": 0.25}}));
    ask(&mut socket, json!({"set": {"word": "hé"}}));
    ask(&mut socket, json!({"event": "i 1 0 1"}));
    let mut seen = Vec::new();
    until("three requests", || {
        while let Some(request) = note.note.request() {
            seen.push(match request {
                Request::Number { channel, value } => format!("{channel:?}={value}"),
                Request::Text { channel, text } => format!("{channel:?}={}", text.to_str().unwrap()),
                Request::Event(line) => line.to_str().unwrap().to_owned(),
            });
        }
        (seen.len() == 3).then_some(())
    });
    assert_eq!(seen, ["\"gain\"=0.25", "\"word\"=hé", "i 1 0 1"]);
}
