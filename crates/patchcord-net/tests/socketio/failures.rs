//! Sessions that do not come about, and sessions that break: what is told, and in which words.

use std::net::SocketAddr;
use std::time::Duration;

use patchcord_socketio::ClientSettings;
use patchcord_socketio::engine::Transports;

use super::peers::{OPEN, Reply, Server, at, connecting, frame, over, pause, run, status, websocket, within};

/// What a client says of an attempt that this answer ends: the failure and the end.
async fn ended(transports: Transports, answer: Vec<u8>) -> (String, String) {
    let server = Server::default();
    let address = server
        .listen(move |_| {
            let answer = answer.clone();
            async move { Reply::End(answer) }
        })
        .await;
    ended_at(transports, address).await
}

async fn ended_at(transports: Transports, address: SocketAddr) -> (String, String) {
    let notes = connecting(over(transports), at(address));
    let closed = notes.until_closed().await;
    let lines = notes.take();
    let failures: Vec<_> = lines.iter().filter(|line| line.starts_with("failure")).cloned().collect();
    assert_eq!(failures.len(), 1, "{lines:?}");
    assert_eq!(lines.last(), Some(&closed));
    notes.end();
    (failures[0].clone(), closed)
}

#[tokio::test]
async fn answers_that_begin_no_session() {
    run(async {
        let both = [Transports::WebSocket, Transports::Polling];
        for (answer, failure, closed) in [
            (
                status("400 Bad Request", "", r#"{"code":5,"message":"Unsupported protocol version"}"#),
                r#"the server answered 400 Bad Request: {"code":5,"message":"Unsupported protocol version"}"#,
                "closed, transport error: the server does not speak this version of Engine.IO",
            ),
            (
                status("403 Forbidden", "", r#"{"code":4,"message":"no"}"#),
                r#"the server answered 403 Forbidden: {"code":4,"message":"no"}"#,
                r#"closed, transport error: the server refuses this client: "no""#,
            ),
            (
                status("502 Bad Gateway", "Content-Type: text/html\r\n", "<html><h1>Bad\nGateway</h1></html>"),
                "the server answered 502 Bad Gateway: <html><h1>Bad Gateway</h1></html>",
                "closed, transport error: the server answered with HTTP status 502; is there a Socket.IO server under this \
                 path?",
            ),
            (
                status("200 OK", "Content-Type: text/html; charset=utf-8\r\n", "\r\n<!doctype html><p>Welcome"),
                "the server answered 200 OK: <!doctype html><p>Welcome",
                "closed, transport error: the server answered with HTTP status 200; is there a Socket.IO server under this \
                 path?",
            ),
        ] {
            for transports in both {
                let (told, end) = ended(transports, answer.clone()).await;
                assert_eq!(told.split_once(": ").unwrap().1, failure, "{transports:?}");
                assert_eq!(end, closed, "{transports:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn polls_that_are_answered_with_something_else() {
    run(async {
        let redirect = b"HTTP/1.1 301 Moved\r\nLocation: https://other.example/io\r\nContent-Length: 0\r\n\r\n";
        for (answer, failure) in [
            (
                redirect.to_vec(),
                "failure in handshake: the server redirects to wss://other.example/io, and polling follows no redirects",
            ),
            (b"220 mail.example\r\n".to_vec(), "failure in request: the server's answer cannot be read: "),
            (Vec::new(), "failure in request: the connection ended during a request: the other end closed it"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0{".to_vec(),
                "failure in request: the connection ended during a request: the other end closed it",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n0{".to_vec(),
                "failure in request: the server's answer is larger than the limit of 34603008 bytes",
            ),
        ] {
            let (told, closed) = ended(Transports::Polling, answer).await;
            assert!(told.starts_with(failure), "{told}");
            let reason = told.split_once(": ").unwrap().1;
            assert_eq!(closed, format!("closed, transport error: the connection failed: {reason}"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_too() {
    run(async {
        let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        answer.resize(answer.len() + (2 << 20), b'4');
        let server = Server::default();
        let address = server
            .listen(move |_| {
                let answer = answer.clone();
                async move { Reply::End(answer) }
            })
            .await;
        let mut target = at(address);
        target.connection.message = 100;
        let notes = connecting(over(Transports::Polling), target);
        let closed = notes.until_closed().await;
        assert!(closed.ends_with("the server's answer is larger than the limit of 1048776 bytes"), "{closed}");
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn nobody_listens() {
    run(async {
        for transports in [Transports::WebSocket, Transports::Polling, Transports::PollingThenWebSocket] {
            let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let (told, closed) = ended_at(transports, gone).await;
            assert_eq!(told, format!("failure in connect: {gone} refused the connection"));
            assert_eq!(
                closed,
                format!("closed, transport error: the connection failed: {gone} refused the connection")
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|_| async {
                std::future::pending::<()>().await;
                Reply::End(Vec::new())
            })
            .await;
        for (transports, phase) in [(Transports::WebSocket, "handshake"), (Transports::Polling, "request")] {
            let mut settings = over(transports);
            settings.engine.open_timeout = Duration::from_millis(100);
            let notes = connecting(settings, at(address));
            let closed = notes.until_closed().await;
            assert_eq!(closed, "closed, transport error: the server did not open the session in time");
            let told = notes.starting("failure").remove(0);
            assert!(told.starts_with(&format!("failure in {phase}: no connection within 0.1 s: gave up ")), "{told}");
            notes.end();
        }
        // The dial of a WebSocket has a limit of its own; that of a poll ends when the request is made.
        let notes = connecting(over(Transports::WebSocket), within(address, Duration::from_millis(50)));
        let closed = notes.until_closed().await;
        assert!(closed.contains("no connection within 0.05 s: gave up opening a WebSocket"), "{closed}");
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn a_websocket_that_says_nothing_is_no_failure_of_the_dial() {
    run(async {
        let server = Server::default();
        let address = server
            .listen(|_| async {
                websocket(|mut socket| async move {
                    socket.rest().await;
                })
            })
            .await;
        let mut settings = ClientSettings::default();
        settings.engine.open_timeout = Duration::from_millis(100);
        let notes = connecting(settings, at(address));
        assert_eq!(notes.until_closed().await, "closed, transport error: the server did not open the session in time");
        assert_eq!(notes.starting("failure"), [""; 0]);
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn ways_in_which_a_websocket_ends() {
    run(async {
        let close = |code: u16, reason: &str| frame(8, &[&code.to_be_bytes()[..], reason.as_bytes()].concat());
        for (frames, closed) in [
            (close(1000, ""), "closed, transport close: the server closed the connection"),
            (close(1001, "restart"), "closed, transport close: the server closed the connection"),
            (vec![0x88, 0], "closed, transport close: the server closed the connection"),
            (Vec::new(), "closed, transport close: the server closed the connection"),
            (
                close(1009, "too big"),
                "closed, transport close: the server closed the WebSocket with code 1009: too big",
            ),
            (close(1011, ""), "closed, transport close: the server closed the WebSocket with code 1011"),
            (frame(1, b"1"), "closed, transport close: the server closed the connection"),
            (vec![0x83, 0], "closed, transport error: the connection failed: "),
            (frame(1, b"\xff"), "closed, transport error: the connection failed: "),
            (
                frame(2, &[0; 2000]),
                "closed, transport error: the peer's message is larger than the limit of 1000 bytes",
            ),
            (frame(1, b"hello"), "closed, parse error: the peer sent a packet of the unknown type 'h'"),
            (frame(1, b"4x"), "closed, parse error: "),
        ] {
            let server = Server::default();
            let shown = frames.clone();
            let address = server
                .listen(move |_| {
                    let frames = frames.clone();
                    async move {
                        websocket(move |mut socket| async move {
                            socket.text(OPEN).await;
                            socket.expect("40").await;
                            socket.raw(&frames).await;
                            if !frames.is_empty() {
                                socket.rest().await;
                            }
                        })
                    }
                })
                .await;
            let mut target = at(address);
            target.connection.message = 1000;
            let notes = connecting(ClientSettings::default(), target);
            let told = notes.until_closed().await;
            assert!(told == closed || (closed.ends_with(": ") && told.starts_with(closed)), "{shown:?}: {told}");
            assert_eq!(notes.starting("failure"), [""; 0]);
            notes.end();
        }
    })
    .await;
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_told() {
    run(async {
        let server = Server::default();
        let address = server.listen(|_| async { Reply::End(Vec::new()) }).await;
        for transports in [Transports::WebSocket, Transports::Polling] {
            for (name, value) in [("Bad Name", "x"), ("X-Name", "a\r\nb"), ("Host", "x")] {
                let mut target = at(address);
                target.dial.headers.push((name.to_owned(), value.to_owned()));
                let notes = connecting(over(transports), target);
                notes.until_closed().await;
                let told = notes.starting("failure").remove(0);
                assert!(told.starts_with("failure in settings: ") && told.contains(name), "{told}");
                notes.end();
            }
        }
        pause(10).await;
        assert_eq!(server.lines(), [""; 0], "nothing was asked");
    })
    .await;
}
