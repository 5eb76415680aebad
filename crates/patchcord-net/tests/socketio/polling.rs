//! A session over HTTP long-polling: requests word by word, connections that are kept and lost, cookies.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use patchcord_net::client::{Address, Proxy};
use patchcord_net::socketio::Target;
use patchcord_net::tls::{ClientTls, MinimumVersion, ServerTls, client_config, server_config};
use patchcord_socketio::engine::Transports;
use patchcord_socketio::{ClientSettings, Value, VersionChoice};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::peers::{
    Asked, CONNECTED, Notes, OPEN, Reply, Server, at, connecting, ok, over, pause, run, status, within,
};

fn polling() -> ClientSettings {
    over(Transports::Polling)
}

/// What the server has for the client, packet by packet: each GET gets one, and waits for it.
#[derive(Clone, Default)]
struct Mailbox {
    packets: Rc<std::cell::RefCell<std::collections::VecDeque<String>>>,
    filled: Rc<Notify>,
}

impl Mailbox {
    fn put(&self, packet: &str) {
        self.packets.borrow_mut().push_back(packet.to_owned());
        self.filled.notify_one();
    }

    async fn next(&self) -> String {
        loop {
            if let Some(packet) = self.packets.borrow_mut().pop_front() {
                return packet;
            }
            self.filled.notified().await;
        }
    }

    /// What any server of version 4 does: opens, takes what is posted, hands out what there is for the client.
    async fn answer(self, asked: Asked) -> Reply {
        if asked.is_first() {
            return ok(OPEN);
        }
        if asked.is_get() {
            return Reply::Ok(self.next().await);
        }
        if asked.body == "40" {
            self.put(CONNECTED);
        }
        ok("ok")
    }
}

/// A server with a mailbox.
async fn served(server: &Server) -> (Mailbox, std::net::SocketAddr) {
    let mailbox = Mailbox::default();
    let shared = mailbox.clone();
    let address = server.listen(move |asked| shared.clone().answer(asked)).await;
    (mailbox, address)
}

fn posts(server: &Server) -> Vec<String> {
    server.asked.borrow().iter().filter(|asked| !asked.is_get()).map(|asked| asked.body.clone()).collect()
}

#[tokio::test]
async fn events_pass_both_ways_over_two_connections() {
    run(async {
        let server = Server::default();
        let (mailbox, address) = served(&server).await;
        let mut target = at(address);
        target.address = Address::parse(&format!("http://me:secret@{address}/ignored?so=is+this"), 0).unwrap();
        target.dial.origin = Some("https://patch.example".to_owned());
        target.dial.headers.push(("X-Mine".to_owned(), "yes".to_owned()));
        let mut settings = polling();
        settings.engine.address.query.push(("room".to_owned(), "a b".to_owned()));
        settings.engine.address.cache_buster = Some("c".to_owned());
        let notes = connecting(settings, target);
        notes.until("connected /").await;
        notes.emit("hello", vec![Value::from("ü")]);
        notes.emit("bytes", vec![Value::Binary(Bytes::from_static(&[1, 2, 3]))]);
        mailbox.put("42[\"one\"]\u{1e}451-[\"two\",{\"_placeholder\":true,\"num\":0}]\u{1e}b/w==\u{1e}2");
        notes.until("ping").await;
        assert_eq!(notes.starting("event"), ["event / one", r#"event / two Binary(b"\xff")"#]);
        while posts(&server).last().is_none_or(|body| body != "3") {
            pause(5).await;
        }
        let client = notes.client();
        let stats = client.stats();
        client.close();
        notes.until_closed().await;
        // The GET that was out at the end.
        while server.abandoned.get() == 0 {
            pause(5).await;
        }
        let shown = |asked: &Asked| (asked.line.clone(), asked.body.clone());
        let asked = server.asked.borrow();
        assert_eq!(
            shown(&asked[0]),
            ("GET /socket.io/?EIO=4&transport=polling&t=c1&room=a%20b".to_owned(), String::new())
        );
        let sid = "/socket.io/?EIO=4&transport=polling&sid=engine&t=c";
        // Which of the two is quicker is open.
        let mut second = [shown(&asked[1]), shown(&asked[2])];
        second.sort();
        assert_eq!(second[0], (format!("GET {sid}2&room=a%20b"), String::new()));
        assert_eq!(second[1], (format!("POST {sid}3&room=a%20b"), "40".to_owned()));
        let latin = |text: &str| text.bytes().map(char::from).collect::<String>();
        let events = latin("42[\"hello\",\"ü\"]\u{1e}451-[\"bytes\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQID");
        assert_eq!(posts(&server), ["40", &events, "3", "41", "1"]);
        for asked in asked.iter() {
            let field = |name| asked.field(name);
            assert_eq!(field("host"), Some(address.to_string().as_str()));
            assert_eq!(field("authorization"), Some("Basic bWU6c2VjcmV0"));
            assert_eq!((field("x-mine"), field("origin")), (Some("yes"), Some("https://patch.example")));
            let content_type = (!asked.is_get()).then_some("text/plain;charset=UTF-8");
            assert_eq!((field("content-type"), field("cookie")), (content_type, None));
        }
        assert_eq!(server.connections.get(), 2, "one for GETs, one for POSTs");
        assert_eq!((stats.messages_in, stats.messages_out), (3, 3));
        assert_eq!(stats.bytes_out, 2 + events.chars().count() as u64 + 1);
        let lines = notes.take();
        assert_eq!(lines[..4], ["progress connect", "progress request", "open", "connected /"]);
        assert_eq!(lines.last().unwrap(), "closed, io client disconnect: closed by this end");
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn a_body_with_very_many_events_is_handed_over_in_several_turns() {
    run(async {
        let server = Server::default();
        let (mailbox, address) = served(&server).await;
        let notes = connecting(polling(), at(address));
        notes.until("connected /").await;
        let events: Vec<String> = (0..3000).map(|number| format!(r#"42["n",{number}]"#)).collect();
        mailbox.put(&events.join("\u{1e}"));
        notes.until_count("event", 3000).await;
        let expected: Vec<String> = (0..3000).map(|number| format!("event / n Int({number})")).collect();
        assert_eq!(notes.starting("event"), expected);
        assert_eq!(notes.turns.borrow().iter().max(), Some(&1024));
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn version_3_counts_and_sends_bytes_as_bytes() {
    run(async {
        let server = Server::default();
        let mailbox = Mailbox::default();
        let shared = mailbox.clone();
        let address = server
            .listen(move |asked| {
                let mailbox = shared.clone();
                async move {
                    match (asked.is_first(), asked.is_get()) {
                        (true, _) => ok(&format!("{}:{OPEN}2:40", OPEN.len())),
                        (_, true) => Reply::Ok(mailbox.next().await),
                        (_, false) => Reply::Bytes(status("200 OK", "Content-Type: text/html\r\n", "ok")),
                    }
                }
            })
            .await;
        let notes = connecting(ClientSettings { version: VersionChoice::V3, ..polling() }, at(address));
        notes.until("connected /").await;
        notes.emit("text", vec![Value::from("ü")]);
        while posts(&server).is_empty() {
            pause(5).await;
        }
        notes.emit("bytes", vec![Value::Binary(Bytes::from_static(&[7]))]);
        mailbox.put("12:42[\"hi\",\"€\"]");
        notes.until(r#"event / hi Text("€")"#).await;
        while posts(&server).len() < 2 {
            pause(5).await;
        }
        let asked: Vec<_> = server.asked.borrow().iter().filter(|asked| !asked.is_get()).cloned().collect();
        assert!(asked[0].line.starts_with("POST /socket.io/?EIO=3&transport=polling&sid=engine"));
        let latin = |text: &str| text.bytes().map(char::from).collect::<String>();
        assert_eq!(asked[0].body, latin("14:42[\"text\",\"ü\"]"));
        assert_eq!(asked[1].field("content-type"), Some("application/octet-stream"));
        assert_eq!(
            asked[1].body,
            "\0\x04\x03\u{ff}451-[\"bytes\",{\"_placeholder\":true,\"num\":0}]\x01\x02\u{ff}\x04\x07"
        );
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn a_get_may_take_longer_than_a_dial() {
    run(async {
        let server = Server::default();
        let (mailbox, address) = served(&server).await;
        let notes = connecting(polling(), within(address, Duration::from_millis(100)));
        notes.until("connected /").await;
        pause(300).await;
        mailbox.put(r#"42["late"]"#);
        notes.until("event / late").await;
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn connections_that_the_server_ends_between_requests_are_replaced() {
    run(async {
        let server = Server::default();
        let mailbox = Mailbox::default();
        let shared = mailbox.clone();
        // Every answer is the last of its connection, and says nothing of it.
        let address = server
            .listen(move |asked| {
                let mailbox = shared.clone();
                async move {
                    match mailbox.answer(asked).await {
                        Reply::Ok(body) => Reply::End(status("200 OK", "", &body)),
                        other => other,
                    }
                }
            })
            .await;
        let notes = connecting(polling(), at(address));
        notes.until("connected /").await;
        for number in 0..20 {
            notes.emit("up", vec![Value::from(number)]);
            mailbox.put(&format!(r#"42["down",{number}]"#));
            notes.until(&format!("event / down Int({number})")).await;
        }
        notes.client().close();
        notes.until_closed().await;
        assert_eq!(notes.starting("failure"), [""; 0]);
        let sent = posts(&server).join("\u{1e}");
        let expected: Vec<String> = (0..20).map(|number| format!(r#"42["up",{number}]"#)).collect();
        assert_eq!(sent, format!("40\u{1e}{}\u{1e}41\u{1e}1", expected.join("\u{1e}")));
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn a_get_that_is_lost_is_asked_again_and_a_post_is_not() {
    run(async {
        let server = Server::default();
        let mailbox = Mailbox::default();
        let shared = mailbox.clone();
        let losses = Rc::new(Cell::new(0));
        let counted = losses.clone();
        let gets = Rc::new(Cell::new(0));
        // A kept connection takes the request and ends without a word.
        let address = server
            .listen(move |asked| {
                let (mailbox, losses, gets) = (shared.clone(), counted.clone(), gets.clone());
                async move {
                    let is_lost = match asked.is_get() {
                        true => gets.replace(gets.get() + 1) == 2,
                        false => asked.body.contains("lose"),
                    };
                    if is_lost {
                        losses.set(losses.get() + 1);
                        return Reply::End(Vec::new());
                    }
                    mailbox.answer(asked).await
                }
            })
            .await;
        let notes = connecting(polling(), at(address));
        notes.until("connected /").await;
        mailbox.put(r#"42["again"]"#);
        notes.until("event / again").await;
        assert_eq!(losses.get(), 1, "the GET was asked again");
        notes.emit("lose", vec![]);
        let closed = notes.until_closed().await;
        let reason = "the connection ended during a request: the other end closed it";
        assert_eq!(closed, format!("closed, transport error: the connection failed: {reason}"));
        assert_eq!(notes.starting("failure"), [format!("failure in request: {reason}")]);
        assert_eq!(posts(&server), ["40", r#"42["lose"]"#]);
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn a_session_that_the_server_forgets_is_told() {
    run(async {
        let server = Server::default();
        let mailbox = Mailbox::default();
        let shared = mailbox.clone();
        let address = server
            .listen(move |asked| {
                let mailbox = shared.clone();
                async move {
                    match asked.is_get() {
                        true => mailbox.answer(asked).await,
                        false => {
                            Reply::Bytes(status("400 Bad Request", "", r#"{"code":1,"message":"Session ID unknown"}"#))
                        }
                    }
                }
            })
            .await;
        let notes = connecting(polling(), at(address));
        let closed = notes.until_closed().await;
        assert!(closed.starts_with("closed, transport error: the server does not know the session"), "{closed}");
        assert_eq!(notes.starting("failure").len(), 1);
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn cookies_of_the_server_are_sent_back_within_the_session() {
    run(async {
        let server = Server::default();
        let mailbox = Mailbox::default();
        let shared = mailbox.clone();
        let address = server
            .listen(move |asked| {
                let mailbox = shared.clone();
                async move {
                    if asked.is_first() {
                        let cookies = "Set-Cookie: node=n1; Path=/; HttpOnly\r\nSet-Cookie: mine=2\r\n";
                        return Reply::Bytes(status("200 OK", cookies, OPEN));
                    }
                    mailbox.answer(asked).await
                }
            })
            .await;
        let mut target = at(address);
        target.dial.headers.push(("cookie".to_owned(), "mine=1; other=x".to_owned()));
        let notes = connecting(polling(), target.clone());
        notes.until("connected /").await;
        notes.client().close();
        notes.until_closed().await;
        for (number, asked) in server.asked.take().iter().enumerate() {
            let cookies = if number == 0 { "mine=1; other=x" } else { "mine=2; other=x; node=n1" };
            assert_eq!(asked.field("cookie"), Some(cookies), "{}", asked.line);
        }
        // The next session begins anew.
        notes.client().connect(target).unwrap();
        notes.until_count("connected", 2).await;
        assert_eq!(server.asked.borrow()[0].field("cookie"), Some("mine=1; other=x"));
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_session_abandons_its_requests() {
    run(async {
        let server = Server::default();
        let (mailbox, address) = served(&server).await;
        let notes = connecting(polling(), at(address));
        notes.until("connected /").await;
        // One opens, one connects, one waits.
        while server.asked.borrow().iter().filter(|asked| asked.is_get()).count() < 3 {
            pause(5).await;
        }
        notes.client().abort();
        notes.until_closed().await;
        while server.abandoned.get() == 0 {
            pause(5).await;
        }
        mailbox.put(r#"42["to nobody"]"#);
        notes.take();
        notes.client().connect(at(address)).unwrap();
        notes.until("event / to nobody").await;
        while server.asked.borrow().iter().filter(|asked| asked.is_get()).count() < 7 {
            pause(5).await;
        }
        notes.end();
        while server.abandoned.get() == 1 {
            pause(5).await;
        }
    })
    .await;
}

#[tokio::test]
async fn posts_go_out_one_at_a_time_and_together() {
    run(async {
        let server = Server::default();
        let mailbox = Mailbox::default();
        let (shared, go) = (mailbox.clone(), Rc::new(Notify::new()));
        let held = go.clone();
        let address = server
            .listen(move |asked| {
                let (mailbox, go) = (shared.clone(), held.clone());
                async move {
                    if asked.body.contains("first") {
                        go.notified().await;
                    }
                    mailbox.answer(asked).await
                }
            })
            .await;
        let mut settings = polling();
        settings.engine.max_queue = 1000;
        let notes = connecting(settings, at(address));
        notes.until("connected /").await;
        notes.emit("first", vec![]);
        while posts(&server).len() < 2 {
            pause(5).await;
        }
        notes.emit("second", vec![]);
        notes.emit("third", vec![]);
        assert!(notes.client().queued() > 0);
        pause(30).await;
        assert_eq!(posts(&server).len(), 2);
        go.notify_one();
        while posts(&server).len() < 3 {
            pause(5).await;
        }
        assert_eq!(posts(&server)[2], "42[\"second\"]\u{1e}42[\"third\"]");
        notes.end();
    })
    .await;
}

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

#[tokio::test]
async fn polls_are_encrypted_where_the_address_says_so() {
    run(async {
        let (config, _) = server_config(&ServerTls {
            certificate: &file("chain.pem"),
            private_key: &file("key-pkcs8.pem"),
            password: None,
            client_ca: None,
            verify_client: false,
            minimum: MinimumVersion::Tls12,
        })
        .unwrap();
        let server = Server::over_tls(TlsAcceptor::from(config));
        let (_, address) = served(&server).await;
        let ca = file("ca.pem");
        let tls = client_config(&ClientTls { ca: Some(&ca), ..ClientTls::default() }).unwrap().0;
        let mut target = Target::new(Address::parse("https://localhost", address.port()).unwrap());
        target.dial.tls = Some(tls);
        let notes = connecting(polling(), target);
        notes.until("connected /").await;
        assert!(notes.starting("progress").contains(&"progress tls".to_owned()));
        notes.end();
    })
    .await;
}

/// A proxy that connects whoever asks, and counts.
async fn proxy(count: Rc<Cell<usize>>) -> std::net::SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            count.set(count.get() + 1);
            tokio::task::spawn_local(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let to = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap().to_owned();
                let mut server = tokio::net::TcpStream::connect(to).await.unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn polls_go_through_a_proxy() {
    run(async {
        let server = Server::default();
        let (_, address) = served(&server).await;
        let count = Rc::new(Cell::new(0));
        let proxy = proxy(count.clone()).await;
        let mut target = at(address);
        target.dial.proxy = Some(Proxy::parse(&format!("http://{proxy}")).unwrap());
        let notes: Rc<Notes> = connecting(polling(), target);
        notes.until("connected /").await;
        assert_eq!(count.get(), 2);
        notes.end();
    })
    .await;
}

#[tokio::test]
async fn a_server_is_not_polled_while_what_it_sent_waits_for_the_handler() {
    run(async {
        const COUNT: usize = 3000;
        let server = Server::default();
        let (mailbox, address) = served(&server).await;
        let notes = connecting(polling(), at(address));
        notes.until("connected /").await;
        let polls = |server: &Server| server.asked.borrow().iter().filter(|asked| asked.is_get()).count();
        while polls(&server) < 3 {
            pause(5).await;
        }
        let asked = server.asked.clone();
        *notes.reaction.borrow_mut() = Some(Rc::new(move |_, line| {
            let polls = asked.borrow().iter().filter(|asked| asked.is_get()).count();
            assert!(!line.starts_with("event") || polls == 3, "polled again at {line}");
        }));
        let events: Vec<String> = (0..COUNT).map(|number| format!("42[\"e\",{number}]")).collect();
        mailbox.put(&events.join("\u{1e}"));
        notes.until_count("event", COUNT).await;
        mailbox.put("42[\"last\"]");
        *notes.reaction.borrow_mut() = None;
        notes.until("event / last").await;
        let turns = notes.turns.borrow();
        assert!(turns.iter().all(|&lines| lines <= 1024), "{turns:?}");
        notes.end();
    })
    .await;
}
