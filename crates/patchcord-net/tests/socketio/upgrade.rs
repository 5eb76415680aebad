//! Going over from polling to a WebSocket, and staying where that does not work.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use patchcord_socketio::engine::{Transport, Transports};
use patchcord_socketio::{ClientSettings, Value};
use tokio::sync::Notify;

use super::peers::{
    Asked, CONNECTED, Message, Notes, Reply, Server, WebSocket, at, connecting, ok, over, pause, run, status, websocket,
};

const OPEN: &str = r#"0{"sid":"engine","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;

fn upgrading() -> ClientSettings {
    over(Transports::PollingThenWebSocket)
}

/// The polls of a server that offers a WebSocket: the first GETs are answered with what there is, the next one when the
/// session goes over.
#[derive(Clone, Default)]
struct Polls {
    is_connected: Rc<Cell<bool>>,
    released: Rc<Notify>,
    posted: Rc<RefCell<Vec<String>>>,
}

impl Polls {
    async fn answer(self, asked: Asked) -> Reply {
        if asked.is_first() {
            return Reply::Bytes(status("200 OK", "Set-Cookie: node=n1\r\n", OPEN));
        }
        if !asked.is_get() {
            self.posted.borrow_mut().push(asked.body.clone());
            if asked.body.contains("40") {
                self.is_connected.set(true);
                self.released.notify_one();
            }
            return ok("ok");
        }
        self.released.notified().await;
        ok(if self.is_connected.replace(false) { CONNECTED } else { "6" })
    }
}

/// What a server does that goes along.
async fn upgrade(socket: &mut WebSocket, polls: &Polls) {
    socket.expect("2probe").await;
    // The client is let in before.
    while !polls.posted.borrow().iter().any(|body| body.contains("40")) {
        pause(5).await;
    }
    pause(20).await;
    socket.text("3probe").await;
    pause(20).await;
    polls.released.notify_one();
    socket.expect("5").await;
}

#[tokio::test]
async fn a_session_goes_over_and_the_next_may_begin_there() {
    run(async {
        let server = Server::default();
        let polls = Polls::default();
        let shared = polls.clone();
        let address = server
            .listen(move |asked| {
                let polls = shared.clone();
                async move {
                    if !asked.is_websocket() {
                        return polls.answer(asked).await;
                    }
                    websocket(move |mut socket| async move {
                        match asked.is_first() {
                            true => socket.open().await,
                            false => upgrade(&mut socket, &polls).await,
                        }
                        socket.expect(r#"42["up"]"#).await;
                        socket.text(r#"42["down"]"#).await;
                        assert_eq!(socket.rest().await, [Message::Text("41".to_owned()), Message::Close(1000)]);
                    })
                }
            })
            .await;
        let notes = connecting(ClientSettings { remember_upgrade: true, ..upgrading() }, at(address));
        notes.until("transport websocket").await;
        let client = notes.client();
        assert_eq!((client.transport(), client.engine_sid().as_deref()), (Some(Transport::WebSocket), Some("engine")));
        notes.emit("up", vec![]);
        notes.until("event / down").await;
        client.close();
        notes.until_closed().await;
        let lines: Vec<_> = notes.take().into_iter().filter(|line| !line.starts_with("progress")).collect();
        assert_eq!(
            lines,
            [
                "open",
                "connected /",
                "transport websocket",
                "event / down",
                "disconnected /: io client disconnect",
                "closed, io client disconnect: closed by this end"
            ]
        );
        let handshake = server.asked.borrow().iter().find(|asked| asked.is_websocket()).cloned().unwrap();
        assert_eq!(handshake.line, "GET /socket.io/?EIO=4&transport=websocket&sid=engine");
        assert_eq!(handshake.field("cookie"), Some("node=n1"));

        server.asked.take();
        client.connect(at(address)).unwrap();
        notes.until("connected /").await;
        notes.emit("up", vec![]);
        notes.until("event / down").await;
        client.close();
        notes.until_closed().await;
        assert_eq!(server.lines(), ["GET /socket.io/?EIO=4&transport=websocket"]);
        drop(client);
        notes.end();
    })
    .await;
}

/// A session whose WebSocket does not come about stays on polling, and says why.
async fn stays(socket: impl Fn() -> Reply + 'static, reason: &str) {
    let server = Server::default();
    let polls = Polls::default();
    let (shared, socket) = (polls.clone(), Rc::new(socket));
    let address = server
        .listen(move |asked| {
            let (polls, socket) = (shared.clone(), socket.clone());
            async move {
                match asked.is_websocket() {
                    true => socket(),
                    false => polls.answer(asked).await,
                }
            }
        })
        .await;
    let mut settings = upgrading();
    settings.engine.probe_timeout = std::time::Duration::from_millis(200);
    let notes = connecting(settings, at(address));
    notes.until_count("probe failed", 1).await;
    notes.until("connected /").await;
    let told = notes.starting("probe failed").remove(0);
    assert!(told.contains(reason), "{told}");
    notes.emit("up", vec![Value::from(1)]);
    while polls.posted.borrow().last().is_none_or(|body| body != r#"42["up",1]"#) {
        pause(5).await;
    }
    assert_eq!(notes.client().transport(), Some(Transport::Polling));
    assert_eq!(notes.starting("failure"), [""; 0]);
    assert_eq!(notes.starting("closed"), [""; 0]);
    notes.end();
}

#[tokio::test]
async fn a_websocket_that_does_not_work_leaves_the_session_where_it_is() {
    run(async {
        let refused = || Reply::Bytes(status("400 Bad Request", "", r#"{"code":0,"message":"Transport unknown"}"#));
        stays(refused, "the server does not offer this transport").await;
        stays(|| Reply::End(status("502 Bad Gateway", "", "<html>")), "HTTP status 502").await;
        stays(|| Reply::End(Vec::new()), "the connection ended during the WebSocket handshake").await;
        let wrong = || {
            websocket(|mut socket| async move {
                socket.text("3nonsense").await;
                socket.rest().await;
            })
        };
        stays(wrong, "something else than asked").await;
        let silent = || {
            websocket(|mut socket| async move {
                assert_eq!(socket.rest().await, [Message::Text("2probe".to_owned()), Message::Close(1000)]);
            })
        };
        stays(silent, "in time").await;
    })
    .await;
}

#[tokio::test]
async fn closing_while_a_websocket_is_probed_ends_both() {
    run(async {
        let server = Server::default();
        let polls = Polls::default();
        let shared = polls.clone();
        let address = server
            .listen(move |asked| {
                let polls = shared.clone();
                async move {
                    if !asked.is_websocket() {
                        return polls.answer(asked).await;
                    }
                    websocket(|mut socket| async move {
                        assert_eq!(socket.rest().await, [Message::Text("2probe".to_owned()), Message::Close(1000)]);
                    })
                }
            })
            .await;
        let notes: Rc<Notes> = connecting(upgrading(), at(address));
        notes.until("connected /").await;
        while !server.asked.borrow().iter().any(Asked::is_websocket) {
            pause(5).await;
        }
        pause(20).await;
        notes.client().close();
        let closed = notes.until_closed().await;
        assert_eq!(closed, "closed, io client disconnect: closed by this end");
        assert_eq!(polls.posted.borrow()[1..], ["41", "1"]);
        assert_eq!(notes.starting("transport"), [""; 0]);
        pause(50).await;
        notes.end();
    })
    .await;
}
