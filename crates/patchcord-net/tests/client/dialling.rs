//! Each way in which a dial goes wrong has a name of its own, and the good ways.

use std::time::{Duration, Instant};

use patchcord_net::client::{Address, DialError, DialSettings, Phase, RedirectRefusal};
use patchcord_websocket::handshake::client::{ClientError, RequestError};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::peers::{
    accepting, answering, at, dial_with_steps, failure, field, read_head, run, server, websocket, within,
};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn the_steps_are_told_in_their_order() {
    run(async {
        let server = websocket(b"", async |_| {}).await;
        let (opened, steps) = dial_with_steps(&at(server), &DialSettings::default()).await;
        let opening = opened.unwrap();
        assert_eq!((opening.peer, opening.pending.len(), opening.subprotocol), (server, 0, None));
        assert_eq!(steps, [format!("connecting to {server}"), format!("opening a WebSocket at ws://{server}/live")]);

        let by_name = Address::parse("localhost/x?token=hidden", server.port()).unwrap();
        let (opened, steps) = dial_with_steps(&by_name, &DialSettings::default()).await;
        opened.unwrap();
        assert_eq!(steps[0], "looking up localhost");
        assert!(steps.contains(&format!("connecting to {server}")), "{steps:?}");
        assert_eq!(steps.last().unwrap(), &format!("opening a WebSocket at ws://localhost:{}/x", server.port()));
    })
    .await;
}

#[tokio::test]
async fn the_request_says_what_address_and_settings_say() {
    run(async {
        let server = server(|mut stream| async move {
            let head = read_head(&mut stream).await;
            let host = format!("localhost:{}", stream.local_addr().unwrap().port());
            assert!(head.starts_with("GET /a%20b?x=1&y=2 HTTP/1.1\r\n"), "{head}");
            assert_eq!(field(&head, "Host"), Some(host.as_str()));
            assert_eq!(field(&head, "Origin"), Some(format!("http://{host}").as_str()));
            assert_eq!(field(&head, "Authorization"), Some("Basic bWU6c2VjcmV0"));
            assert_eq!(field(&head, "Sec-WebSocket-Protocol"), Some("chat, mqtt"));
            assert_eq!(field(&head, "X-Seat"), Some("7"));
            let answer = accepting(&head).replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: mqtt\r\nX-Room: 3\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let address = Address::parse("me:secret@localhost/a b?x=1", server.port()).unwrap().with_query([("y", "2")]);
        let settings = DialSettings {
            origin: Some(address.origin()),
            subprotocols: vec!["chat".to_owned(), "mqtt".to_owned()],
            headers: vec![("X-Seat".to_owned(), "7".to_owned())],
            ..DialSettings::default()
        };
        let opening = dial_with_steps(&address, &settings).await.0.unwrap();
        assert_eq!(opening.subprotocol.as_deref(), Some("mqtt"));
        assert!(opening.headers.iter().any(|(name, value)| name == "X-Room" && value == b"3"));
    })
    .await;
}

#[tokio::test]
async fn settings_that_cannot_stand_in_a_request_are_told() {
    run(async {
        let server = answering("never asked").await;
        let headers = vec![("X".to_owned(), "a\r\nb".to_owned())];
        let error = failure(&at(server), &DialSettings { headers, ..DialSettings::default() }).await;
        assert!(matches!(error, DialError::Request(RequestError::BadHeaderValue(_))), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_name_without_an_address_is_told() {
    run(async {
        let error = failure(&Address::parse("nobody.invalid", 80).unwrap(), &DialSettings::default()).await;
        assert!(matches!(&error, DialError::Dns { name, .. } if name == "nobody.invalid"), "{error}");
        assert_eq!((error.phase().name(), error.is_of_settings()), ("dns", false));
    })
    .await;
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses() {
    run(async {
        // Bound but not listening: nobody else can take the port meanwhile.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let nowhere = socket.local_addr().unwrap();
        let error = failure(&at(nowhere), &DialSettings::default()).await;
        assert!(matches!(error, DialError::Refused { address, is_proxy: false } if address == nowhere), "{error}");
        assert_eq!(error.to_string(), format!("{nowhere} refused the connection"));

        // A name with two addresses, of which one may not even exist here, is refused all the same.
        let by_name = Address::parse("localhost", nowhere.port()).unwrap();
        let error = failure(&by_name, &DialSettings::default()).await;
        assert!(matches!(error, DialError::Refused { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_name_is_tried_at_all_its_addresses() {
    run(async {
        // `localhost` may be ::1 first, where nobody listens.
        let server = websocket(b"", async |_| {}).await;
        let address = Address::parse("localhost", server.port()).unwrap();
        let opening = dial_with_steps(&address, &DialSettings::default()).await.0.unwrap();
        assert_eq!(opening.peer, server);
    })
    .await;
}

#[tokio::test]
async fn a_machine_that_does_not_answer_runs_into_the_limit() {
    run(async {
        // A full backlog: the system drops what else comes in, as a firewall does.
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut filling = Vec::new();
        while let Ok(Ok(stream)) = tokio::time::timeout(SHORT, tokio::net::TcpStream::connect(address)).await {
            filling.push(stream);
            assert!(filling.len() < 100, "the backlog does not fill");
        }
        let begun = Instant::now();
        let error = failure(&at(address), &within(SHORT)).await;
        assert!(matches!(&error, DialError::TimedOut { reached, .. } if reached.phase == Phase::Connect), "{error}");
        assert_eq!(error.to_string(), format!("no connection within 0.3 s: gave up connecting to {address}"));
        assert!(begun.elapsed() >= SHORT && begun.elapsed() < 5 * SHORT, "{:?}", begun.elapsed());
    })
    .await;
}

#[tokio::test]
async fn a_listener_that_never_answers_runs_into_the_limit() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let error = failure(&at(listener.local_addr().unwrap()), &within(SHORT)).await;
        assert!(matches!(&error, DialError::TimedOut { reached, .. } if reached.phase == Phase::Handshake), "{error}");
        assert_eq!(error.phase().name(), "handshake");
    })
    .await;
}

#[tokio::test]
async fn an_answer_byte_by_byte_is_read_and_does_not_stretch_the_limit() {
    run(async {
        let slow = |pause: Duration| {
            server(move |mut stream| async move {
                let head = read_head(&mut stream).await;
                for byte in accepting(&head).bytes() {
                    if stream.write_u8(byte).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                }
            })
        };
        let server = slow(Duration::from_millis(1)).await;
        dial_with_steps(&at(server), &DialSettings::default()).await.0.unwrap();
        let server = slow(Duration::from_millis(50)).await;
        let error = failure(&at(server), &within(SHORT)).await;
        assert!(matches!(error, DialError::TimedOut { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn an_end_and_a_reset_during_the_handshake_are_told() {
    run(async {
        let ends = answering("").await;
        let error = failure(&at(ends), &DialSettings::default()).await;
        assert_eq!(error.to_string(), "the connection ended during the WebSocket handshake: the other end closed it");
        let half = answering("HTTP/1.1 101 Switching Proto").await;
        let error = failure(&at(half), &DialSettings::default()).await;
        assert!(matches!(error, DialError::ClosedEarly { phase: Phase::Handshake, .. }), "{error}");
        let resets = server(|mut stream| async move {
            read_head(&mut stream).await;
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        })
        .await;
        let error = failure(&at(resets), &DialSettings::default()).await;
        assert_eq!(error.to_string(), "the connection ended during the WebSocket handshake: the other end reset it");
        assert!(!error.is_of_settings());
    })
    .await;
}

#[tokio::test]
async fn other_answers_than_101_are_shown_with_their_words() {
    run(async {
        for (answer, text, remedy) in [
            (
                "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
                "the server answered 401 Unauthorized",
                "`username`",
            ),
            (
                "HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nno\r\n\tentry",
                "the server answered 403 Forbidden: no entry",
                "let this client in",
            ),
            ("HTTP/1.1 404 Not Found\r\n\r\nnowhere", "the server answered 404 Not Found: nowhere", "path"),
            ("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n", "the server answered 426", "wss://"),
            ("HTTP/1.1 429 \r\nContent-Length: 0\r\n\r\n", "the server answered 429", "wait"),
            ("HTTP/1.0 500 Oops\r\n\r\n\x1b[31mfault", "the server answered 500 Oops: [31mfault", "log"),
            (
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!doctype html>\n<title>Home</title>",
                "the server answered 200 OK: <!doctype html> <title>Home</title>",
                "path",
            ),
        ] {
            let server = answering(answer).await;
            let error = failure(&at(server), &DialSettings::default()).await;
            assert!(matches!(error, DialError::Status(_)), "{error}");
            assert!(error.to_string().starts_with(text), "{error}");
            assert!(error.remedy().contains(remedy), "{}", error.remedy());
            assert!(!error.is_of_settings(), "{error}");
            assert!(!error.to_string().contains(['\x1b', '\n']), "{error:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_status_is_told_even_if_its_body_never_comes() {
    run(async {
        let server = server(|mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 99\r\n\r\nlater").await.unwrap();
            read_head(&mut stream).await;
        })
        .await;
        let error = failure(&at(server), &within(SHORT)).await;
        assert_eq!(error.to_string(), "the server answered 503 Busy: later");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_http_is_told() {
    run(async {
        let server = answering("SSH-2.0-OpenSSH_9.9\r\n").await;
        let error = failure(&at(server), &DialSettings::default()).await;
        assert!(matches!(&error, DialError::NotHttp { start } if start.starts_with("SSH-2.0")), "{error}");
        assert!(error.remedy().contains("another kind of server"));
        // What a TLS server answers to plain text.
        let server = answering([0x15, 0x03, 0x03, 0, 2, 2, 70]).await;
        let error = failure(&at(server), &DialSettings::default()).await;
        assert!(error.remedy().contains("wss://"), "{error}: {}", error.remedy());
        assert!(!error.to_string().contains('\x15'), "{error}");
    })
    .await;
}

#[tokio::test]
async fn answers_that_break_the_handshake_are_told() {
    run(async {
        let good = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
        let wrong = answering(format!("{good}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")).await;
        let error = failure(&at(wrong), &DialSettings::default()).await;
        assert!(matches!(error, DialError::WrongAcceptKey), "{error}");
        let none = answering("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n").await;
        let error = failure(&at(none), &DialSettings::default()).await;
        assert!(matches!(error, DialError::BadAnswer(ClientError::NoUpgrade)), "{error}");
        let huge = answering(format!("HTTP/1.1 101 S\r\nX: {}\r\n\r\n", "x".repeat(40_000))).await;
        let error = failure(&at(huge), &DialSettings::default()).await;
        assert!(matches!(error, DialError::BadAnswer(ClientError::HeadTooLarge)), "{error}");
        let unasked = server(|mut stream| async move {
            let head = read_head(&mut stream).await;
            let answer = accepting(&head).replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let error = failure(&at(unasked), &DialSettings::default()).await;
        assert!(matches!(error, DialError::BadAnswer(ClientError::UnaskedSubprotocol)), "{error}");
    })
    .await;
}

#[tokio::test]
async fn redirects_are_refused_with_where_they_lead() {
    run(async {
        let server = answering(
            "HTTP/1.1 301 Moved Permanently\r\nLocation: https://me:x@new.example/live?k=1\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
        let error = failure(&at(server), &DialSettings::default()).await;
        let DialError::Redirected { to, reason } = &error else { panic!("{error}") };
        assert_eq!((to.as_str(), *reason), ("wss://new.example/live", RedirectRefusal::NotAllowed));
        assert!(error.remedy().contains("wss://new.example/live"));
        let server = answering("HTTP/1.1 302 Found\r\nLocation: mailto:x\r\nContent-Length: 0\r\n\r\n").await;
        let error = failure(&at(server), &DialSettings::default()).await;
        assert!(matches!(error, DialError::Redirected { reason: RedirectRefusal::NoAddress, .. }), "{error}");
        // Without a place to go it is an answer like any other.
        let server = answering("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n").await;
        let error = failure(&at(server), &DialSettings::default()).await;
        assert!(matches!(error, DialError::Status(_)), "{error}");
    })
    .await;
}

#[tokio::test]
async fn redirects_are_followed_as_often_as_allowed_and_secrets_stay() {
    run(async {
        let target = server(|mut stream| async move {
            let head = read_head(&mut stream).await;
            assert!(head.starts_with("GET /end HTTP/1.1\r\n"), "{head}");
            assert_eq!((field(&head, "Authorization"), field(&head, "cookie")), (None, None), "{head}");
            assert_eq!(field(&head, "X-Seat"), Some("7"));
            stream.write_all(accepting(&head).as_bytes()).await.unwrap();
        })
        .await;
        let hop = server(move |mut stream| async move {
            let head = read_head(&mut stream).await;
            assert!(field(&head, "Authorization").is_some() && field(&head, "cookie").is_some(), "{head}");
            let to = if head.starts_with("GET /a ") { "/b".to_owned() } else { format!("http://{target}/end") };
            let answer = format!("HTTP/1.1 307 Temporary\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let address = Address::parse(&format!("ws://me:secret@{hop}/a"), 0).unwrap();
        let headers = [("cookie", "session=1"), ("X-Seat", "7")].map(|(name, value)| (name.into(), value.into()));
        let settings = DialSettings { redirects: 2, headers: headers.into(), ..DialSettings::default() };
        // The user of the address is said again where the address itself is asked again.
        let error = failure(&address, &DialSettings { redirects: 1, ..settings.clone() }).await;
        assert!(matches!(error, DialError::Redirected { reason: RedirectRefusal::TooMany(1), .. }), "{error}");
        let opening = dial_with_steps(&address, &settings).await.0.unwrap();
        assert_eq!(opening.address.to_string(), format!("ws://{target}/end"));
    })
    .await;
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    run(async {
        let circle = answering("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n").await;
        let error = failure(&at(circle), &DialSettings { redirects: 255, ..DialSettings::default() }).await;
        assert!(matches!(error, DialError::Redirected { reason: RedirectRefusal::TooMany(5), .. }), "{error}");
    })
    .await;
}
