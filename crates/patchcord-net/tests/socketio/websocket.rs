//! A session over a WebSocket: what passes, in which order, and how much may wait.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use patchcord_net::socketio::ClientStats;
use patchcord_socketio::engine::{Transport, Version};
use patchcord_socketio::{AckRequest, ClientSettings, EmitError, EmitOptions, Emitted, Namespace, Outcome, Value};

use tokio::sync::Notify;

use super::peers::{Message, Notes, Server, at, connecting, pause, run, websocket};

fn asking() -> EmitOptions {
    EmitOptions { ack: AckRequest::Wait, ..EmitOptions::default() }
}

#[tokio::test]
async fn events_and_answers_pass_both_ways() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|_| async {
                websocket(|mut socket| async move {
                    socket.open().await;
                    socket.expect(r#"420["hello",1]"#).await;
                    socket.texts(&[r#"430["good",null]"#, r#"427["ask","it"]"#]).await;
                    socket.expect(r#"437["answer"]"#).await;
                    socket.expect(r#"451-["bytes",{"_placeholder":true,"num":0}]"#).await;
                    assert_eq!(socket.receive().await, Some(Message::Binary(vec![4, 255])));
                    socket.text(r#"451-["back",{"_placeholder":true,"num":0}]"#).await;
                    socket.send(2, &[1, 2]).await;
                    assert_eq!(socket.rest().await, [Message::Text("41".to_owned()), Message::Close(1000)]);
                })
            })
            .await;
        let notes = connecting(ClientSettings::default(), at(address));
        notes.until("connected /").await;
        let client = notes.client();
        assert_eq!(
            (client.sid(&Namespace::ROOT).as_deref(), client.engine_sid().as_deref()),
            (Some("s"), Some("engine"))
        );
        assert_eq!((client.transport(), client.version()), (Some(Transport::WebSocket), Some(Version::V4)));
        client.emit(&Namespace::ROOT, "hello", vec![Value::from(1)], asking()).unwrap();
        notes.until(r#"event / ask Text("it")"#).await;
        let token = notes.tokens.borrow_mut().pop().unwrap();
        client.acknowledge(token, vec![Value::from("answer")]).unwrap();
        notes.emit("bytes", vec![Value::Binary(Bytes::from_static(&[4, 255]))]);
        notes.until_count("event / back", 1).await;
        client.close();
        assert!(!client.is_closed(), "the handler has not heard of it");
        notes.until_closed().await;
        assert!(client.is_closed());
        assert_eq!((client.sid(&Namespace::ROOT), client.engine_sid(), client.transport()), (None, None, None));
        assert_eq!(
            notes.take(),
            [
                "progress connect",
                "progress handshake",
                "open",
                "connected /",
                r#"acknowledged Text("good") Null"#,
                r#"event / ask Text("it")"#,
                r#"event / back Binary(b"\x01\x02")"#,
                "disconnected /: io client disconnect",
                "closed, io client disconnect: closed by this end",
            ]
        );
        let ClientStats { messages_in, messages_out, bytes_out, .. } = client.stats();
        assert_eq!((messages_in, messages_out, bytes_out), (6, 6, 2 + 14 + 13 + 43 + 2 + 2));
        notes.end();
        assert_eq!(server.lines(), ["GET /socket.io/?EIO=4&transport=websocket"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_call_from_within_causes_is_told_after_it() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|_| async {
                websocket(|mut socket| async move {
                    socket.open().await;
                    socket.texts(&[r#"42["first"]"#, r#"42["second"]"#]).await;
                    socket.expect(r#"42["seen","first"]"#).await;
                    socket.expect("41").await;
                    assert_eq!(socket.receive().await, Some(Message::Close(1000)));
                    socket.rest().await;
                })
            })
            .await;
        let notes = super::peers::idle(ClientSettings::default());
        notes.reaction.replace(Some(Rc::new(|notes: &Notes, line: &str| {
            if line == "event / first" {
                notes.emit("seen", vec![Value::from("first")]);
                notes.client().close();
                let error = notes.client().emit(&Namespace::ROOT, "late", vec![], asking()).map(|sent| sent.outcome);
                assert_eq!(error, Ok(Outcome::Buffered));
            }
        })));
        notes.client().connect(at(address)).unwrap();
        notes.until_closed().await;
        let lines = notes.take();
        let after = lines.iter().skip_while(|line| *line != "event / first").cloned().collect::<Vec<_>>();
        assert_eq!(after[1], "disconnected /: io client disconnect");
        assert!(after[2].starts_with("closed, io client disconnect"), "{after:?}");
        assert_eq!(after.len(), 3, "what comes after the end of the session is not told: {after:?}");
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn what_one_read_brings_is_one_turn_and_what_it_sends_one_write() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|_| async {
                websocket(|mut socket| async move {
                    socket.open().await;
                    pause(50).await;
                    socket.texts(&[r#"42["a"]"#; 100]).await;
                    // 100 frames of 6 and 7 bytes that came together.
                    pause(50).await;
                    assert_eq!(socket.read_once().await, 1300);
                    socket.rest().await;
                })
            })
            .await;
        let notes = super::peers::idle(ClientSettings::default());
        notes.reaction.replace(Some(Rc::new(|notes: &Notes, line: &str| {
            if line == "event / a" {
                notes.emit("b", vec![]);
            }
        })));
        notes.client().connect(at(address)).unwrap();
        notes.until_count("event", 100).await;
        pause(100).await;
        assert!(notes.turns.borrow().contains(&100), "{:?}", notes.turns.borrow());
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn time_passes_for_answers_and_heartbeats() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|_| async {
                websocket(|mut socket| async move {
                    socket.text(r#"0{"sid":"e","upgrades":[],"pingInterval":200,"pingTimeout":100}"#).await;
                    socket.expect("40").await;
                    socket.texts(&[super::peers::CONNECTED, "2"]).await;
                    socket.expect("3").await;
                    socket.rest().await;
                })
            })
            .await;
        let notes = connecting(ClientSettings::default(), at(address));
        notes.until("connected /").await;
        let ack = AckRequest::WaitFor(Duration::from_millis(50));
        let options = EmitOptions { ack, ..EmitOptions::default() };
        notes.client().emit(&Namespace::ROOT, "quick", vec![], options).unwrap();
        let closed = notes.until_closed().await;
        assert_eq!(closed, "closed, ping timeout: the server has not been heard for too long");
        let lines = notes.take();
        assert_eq!(
            lines[lines.len() - 3..lines.len() - 1],
            ["not acknowledged: the event was not acknowledged in time", "disconnected /: ping timeout"]
        );
        notes.end();
    })
    .await;
}

/// A server that lets a client in, reads nothing until it is told to, and then reads to the end. All that comes has to be
/// events with numbers in order.
async fn slow(server: &Server, go: &Rc<Notify>, say: &'static [&'static str]) -> std::net::SocketAddr {
    let go = go.clone();
    server
        .listen(move |_| {
            let go = go.clone();
            async move {
                websocket(move |mut socket| async move {
                    socket.open().await;
                    socket.texts(say).await;
                    go.notified().await;
                    let messages = socket.rest().await;
                    assert_eq!(messages.last(), Some(&Message::Close(1000)), "the last of {}", messages.len());
                    let is_event =
                        |message: &&Message| matches!(message, Message::Text(text) if text.starts_with("42"));
                    for (number, message) in messages.iter().filter(is_event).enumerate() {
                        let Message::Text(text) = message else { continue };
                        assert!(text.starts_with(&format!(r#"42["big",{number}"#)), "{number}: {text:.30}");
                    }
                })
            }
        })
        .await
}

#[tokio::test]
async fn a_server_that_does_not_read_fills_the_queue_and_nothing_else() {
    run(async {
        let (server, go) = (Server::default(), Rc::new(Notify::new()));
        let address = slow(&server, &go, &["2", r#"42["still here"]"#]).await;
        let mut settings = ClientSettings::default();
        settings.engine.max_queue = 4 << 20;
        let notes = connecting(settings, at(address));
        notes.until("connected /").await;
        let client = notes.client();
        let filling = Value::from("x".repeat(100_000).as_str());
        let mut sent = 0;
        let refused = loop {
            match client.emit(&Namespace::ROOT, "big", vec![Value::from(sent), filling.clone()], EmitOptions::default())
            {
                Ok(emitted) => assert_eq!(emitted, Emitted { outcome: Outcome::Sent, request: None }),
                Err(error) => break error,
            }
            sent += 1;
            // What was sent is written on the way.
            tokio::task::yield_now().await;
        };
        assert!(matches!(refused, EmitError::Send(_)), "{refused}");
        assert!(client.queued() > 4 << 20 && client.queued() < 5 << 20, "{}", client.queued());
        let volatile = EmitOptions { volatile: true, ..EmitOptions::default() };
        let dropped = client.emit(&Namespace::ROOT, "now", vec![], volatile).unwrap();
        assert_eq!((dropped.outcome, client.dropped(&Namespace::ROOT)), (Outcome::Dropped, 1));
        // What comes is heard all the while.
        notes.until("event / still here").await;
        assert!(notes.has("ping"));
        go.notify_one();
        while client.queued() > 0 {
            pause(10).await;
        }
        let written = client.emit(&Namespace::ROOT, "big", vec![Value::from(sent)], volatile).map(|sent| sent.outcome);
        assert_eq!(written, Ok(Outcome::Sent));
        client.close();
        notes.until_closed().await;
        assert!(sent > 40, "{sent}");
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn a_server_that_pings_and_does_not_read_makes_nothing_pile_up() {
    run(async {
        let (go, fill) = (Rc::new(Notify::new()), Rc::new(Notify::new()));
        let (gone, filled) = (go.clone(), fill.clone());
        let server = Server::default();
        let address = server
            .listen(move |_| {
                let (go, fill) = (gone.clone(), filled.clone());
                async move {
                    websocket(move |mut socket| async move {
                        socket.open().await;
                        fill.notified().await;
                        socket.raw(&super::peers::frame(9, &[7; 125]).repeat(2000)).await;
                        socket.text(r#"42["pinged"]"#).await;
                        go.notified().await;
                        assert!(socket.rest().await.contains(&Message::Pong(vec![7; 125])));
                    })
                }
            })
            .await;
        let notes = connecting(ClientSettings::default(), at(address));
        notes.until("connected /").await;
        let filling = Value::from("x".repeat(1_000_000).as_str());
        (0..12).for_each(|_| notes.emit("big", vec![filling.clone()]));
        pause(100).await;
        let before = notes.client().queued();
        assert!(before > 1_000_000, "{before}");
        fill.notify_one();
        notes.until("event / pinged").await;
        let more = notes.client().queued() - before;
        assert!((131..4096).contains(&more), "{more}");
        go.notify_one();
        notes.client().close();
        notes.until_closed().await;
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn closing_waits_until_what_is_queued_is_written() {
    run(async {
        let (server, go) = (Server::default(), Rc::new(Notify::new()));
        let address = slow(&server, &go, &[]).await;
        let notes = connecting(ClientSettings::default(), at(address));
        notes.until("connected /").await;
        let filling = Value::from("x".repeat(100_000).as_str());
        for number in 0..100 {
            notes.emit("big", vec![Value::from(number), filling.clone()]);
        }
        let client = notes.client();
        client.close();
        assert!(client.queued() > 1 << 20, "more than the system buffers");
        pause(100).await;
        assert_eq!(notes.starting("closed"), [""; 0]);
        go.notify_one();
        // The server sees all of it, or it fails.
        notes.until_closed().await;
        pause(100).await;
        drop(client);
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn a_server_that_never_reads_is_not_waited_for_for_ever() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|_| async {
                websocket(|mut socket| async move {
                    socket.open().await;
                    pause(1200).await;
                })
            })
            .await;
        let mut settings = ClientSettings::default();
        settings.engine.close_timeout = Duration::from_millis(200);
        let notes = connecting(settings, at(address));
        notes.until("connected /").await;
        let filling = Value::from("x".repeat(1_000_000).as_str());
        for _ in 0..15 {
            notes.emit("big", vec![filling.clone()]);
        }
        let begun = std::time::Instant::now();
        notes.client().close();
        assert!(notes.until_closed().await.starts_with("closed, io client disconnect"));
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        notes.end();
    })
    .await;
}
