//! One session after the other, and the ends of a client.

use std::cell::Cell;
use std::rc::Rc;

use patchcord_net::client::ConnectionSettings;
use patchcord_net::socketio::SocketIoClient;
use patchcord_socketio::engine::Transports;
use patchcord_socketio::{AlreadyConnected, ClientSettings, Credentials, Namespace};

use super::peers::{Message, Notes, OPEN, Server, at, connecting, idle, ok, over, pause, run, websocket};

#[tokio::test]
async fn the_next_session_begins_from_within_the_end_of_the_last() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|asked| async move {
                websocket(move |mut socket| async move {
                    socket.open().await;
                    socket.text(&format!(r#"42["session",{}]"#, asked.connection)).await;
                    if asked.connection == 0 {
                        // Rubbish ends the session; what stands behind it belongs to no other.
                        socket.texts(&["9", r#"42["stale"]"#]).await;
                    }
                    socket.rest().await;
                })
            })
            .await;
        let notes = idle(ClientSettings::default());
        let target = at(address);
        let again = target.clone();
        notes.reaction.replace(Some(Rc::new(move |notes: &Notes, line: &str| {
            let client = notes.client();
            if line.starts_with("disconnected") {
                assert_eq!(client.connect(again.clone()), Err(AlreadyConnected));
            }
            if line.starts_with("closed, parse error") {
                assert!(client.is_closed());
                client.connect(again.clone()).unwrap();
                assert_eq!(client.connect(again.clone()), Err(AlreadyConnected));
            }
        })));
        notes.client().connect(target).unwrap();
        notes.until("event / session Int(1)").await;
        pause(50).await;
        let lines: Vec<_> = notes.take().into_iter().filter(|line| !line.starts_with("progress")).collect();
        assert_eq!(
            lines,
            [
                "open",
                "connected /",
                "event / session Int(0)",
                "disconnected /: parse error",
                "closed, parse error: the peer sent a packet of the unknown type '9'",
                "open",
                "connected /",
                "event / session Int(1)",
            ]
        );
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn a_panic_of_the_handler_ends_the_session_and_not_the_client() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|asked| async move {
                websocket(move |mut socket| async move {
                    socket.open().await;
                    if asked.connection == 0 {
                        socket.texts(&[r#"42["boom"]"#, r#"42["behind"]"#]).await;
                    }
                    socket.rest().await;
                })
            })
            .await;
        let notes = idle(ClientSettings::default());
        notes.reaction.replace(Some(Rc::new(|_: &Notes, line: &str| {
            assert_ne!(line, "event / boom", "as the test wants it");
        })));
        notes.client().connect(at(address)).unwrap();
        let closed = notes.until_closed().await;
        assert!(closed.starts_with("closed, transport error"), "{closed}");
        let lines = notes.take();
        assert!(
            lines.iter().any(|line| line.starts_with("panic") && line.contains("as the test wants it")),
            "{lines:?}"
        );
        assert!(!lines.contains(&"event / behind".to_owned()));
        notes.client().connect(at(address)).unwrap();
        notes.until("connected /").await;
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn a_panic_while_the_end_is_told_does_not_keep_the_next_session_away() {
    run(async {
        let server = Server::default();
        let address = server.listen(|_| async { websocket(|mut socket| async move { socket.open().await }) }).await;
        let notes = idle(ClientSettings::default());
        let panics = Rc::new(Cell::new(0));
        let counted = panics.clone();
        notes.reaction.replace(Some(Rc::new(move |_: &Notes, line: &str| {
            if line.starts_with("closed") && counted.replace(counted.get() + 1) == 0 {
                panic!("as the test wants it");
            }
        })));
        notes.client().connect(at(address)).unwrap();
        notes.until_count("panic", 1).await;
        assert!(notes.client().is_closed());
        notes.client().connect(at(address)).unwrap();
        notes.until_count("closed", 2).await;
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn a_client_that_is_dropped_is_silent() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|_| async {
                websocket(|mut socket| async move {
                    socket.open().await;
                    socket.texts(&[r#"42["drop"]"#, r#"42["behind"]"#]).await;
                    // The stream ends, without a close frame.
                    assert_eq!(socket.rest().await, []);
                })
            })
            .await;
        let notes = idle(ClientSettings::default());
        notes.reaction.replace(Some(Rc::new(|notes: &Notes, line: &str| {
            if line == "event / drop" {
                notes.end();
            }
        })));
        notes.client().connect(at(address)).unwrap();
        notes.until("event / drop").await;
        pause(50).await;
        assert_eq!(notes.take().last().map(String::as_str), Some("event / drop"));

        let notes = connecting(ClientSettings::default(), at(address));
        notes.end();
        pause(50).await;
        assert_eq!(notes.take(), [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn aborting_ends_everything_at_once_and_is_told_later() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|_| async {
                websocket(|mut socket| async move {
                    socket.open().await;
                    assert_eq!(socket.rest().await, []);
                })
            })
            .await;
        let notes = connecting(ClientSettings::default(), at(address));
        notes.until("connected /").await;
        notes.take();
        notes.client().abort();
        assert_eq!(notes.take(), [""; 0]);
        notes.until_closed().await;
        assert_eq!(
            notes.take(),
            ["disconnected /: io client disconnect", "closed, io client disconnect: closed by this end"]
        );
        notes.client().abort();
        notes.client().close();
        pause(20).await;
        assert_eq!(notes.take(), [""; 0]);
        // While it is on its way, too.
        notes.client().connect(at(address)).unwrap();
        notes.client().close();
        notes.until_closed().await;
        assert_eq!(notes.take(), ["closed, io client disconnect: closed by this end"]);
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn bounds_change_while_a_session_runs() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|asked| async move {
                let long = format!(r#"42["long","{}"]"#, "x".repeat(2000));
                if asked.is_websocket() {
                    return websocket(move |mut socket| async move {
                        socket.open().await;
                        socket.expect(r#"42["more"]"#).await;
                        socket.text(&long).await;
                        socket.expect(r#"42["more"]"#).await;
                        socket.text(&long).await;
                        socket.rest().await;
                    });
                }
                ok(if asked.is_first() { OPEN } else { &long })
            })
            .await;
        let mut target = at(address);
        target.connection.message = 100;
        let notes = connecting(ClientSettings::default(), target.clone());
        notes.until("connected /").await;
        notes.client().set_connection(ConnectionSettings { message: 10_000, ..target.connection });
        notes.emit("more", vec![]);
        notes.until_count("event / long", 1).await;
        notes.client().set_connection(target.connection);
        notes.emit("more", vec![]);
        let closed = notes.until_closed().await;
        assert_eq!(closed, "closed, transport error: the peer's message is larger than the limit of 100 bytes");
        notes.take();
        // One packet of a poll has a bound of its own.
        let mut settings = over(Transports::Polling);
        settings.engine.max_packet = 1000;
        notes.client().set_settings(settings);
        notes.client().connect(target).unwrap();
        let closed = notes.until_closed().await;
        assert_eq!(closed, "closed, parse error: the peer's packet is larger than the limit of 1000 bytes");
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn namespaces_come_and_go_and_the_last_takes_the_session_along() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|_| async {
                websocket(|mut socket| async move {
                    socket.open().await;
                    socket.expect("40/a,").await;
                    socket.text(r#"40/a,{"sid":"a"}"#).await;
                    socket.expect("41").await;
                    socket.expect("41/a,").await;
                    assert_eq!(socket.rest().await, [Message::Close(1000)]);
                })
            })
            .await;
        let notes = connecting(ClientSettings::default(), at(address));
        notes.until("connected /").await;
        let client: Rc<SocketIoClient<Notes>> = notes.client();
        let name = Namespace::new("/a").unwrap();
        client.join(&name, Credentials::default()).unwrap();
        notes.until("connected /a").await;
        client.leave(&Namespace::ROOT);
        notes.until("disconnected /: io client disconnect").await;
        assert!(!client.is_closed());
        client.leave(&name);
        notes.until_closed().await;
        notes.end();
    })
    .await;
}
