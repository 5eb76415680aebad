//! Against an independent implementation, tungstenite, over a pair of in-memory pipes: handshakes, messages both ways in
//! both roles, pings and the closing handshake.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

use patchcord_websocket::fuzz::{Recorded, record};
use patchcord_websocket::handshake::client::{ClientError, ClientRequest};
use patchcord_websocket::handshake::server::accept;
use patchcord_websocket::{CloseCode, Limits, MessageKind, Role, Sender};
use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::server::{Request, Response};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode as PeerCloseCode;
use tungstenite::{Bytes, Error, Message, WebSocket};

/// The peer's end of a connection; a clone of it is our end.
#[derive(Debug, Clone, Default)]
struct Pipe(Rc<RefCell<Ends>>);

#[derive(Debug, Default)]
struct Ends {
    to_peer: VecDeque<u8>,
    from_peer: Vec<u8>,
    /// Our end is closed: nothing follows `to_peer`.
    ended: bool,
}

impl Pipe {
    fn give(&self, bytes: &[u8]) {
        self.0.borrow_mut().to_peer.extend(bytes);
    }

    fn written(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().from_peer)
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut ends = self.0.borrow_mut();
        match ends.to_peer.read(buffer) {
            Ok(0) if !ends.ended => Err(ErrorKind::WouldBlock.into()),
            other => other,
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().from_peer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const ROLES: [Role; 2] = [Role::Server, Role::Client];

/// A peer for our `role`, its handshake done.
fn connected(role: Role) -> (WebSocket<Pipe>, Pipe) {
    let pipe = Pipe::default();
    let peer_role = match role {
        Role::Server => tungstenite::protocol::Role::Client,
        Role::Client => tungstenite::protocol::Role::Server,
    };
    (WebSocket::from_raw_socket(pipe.clone(), peer_role, None), pipe)
}

/// The next message that the peer reads.
fn peer_reads(peer: &mut WebSocket<Pipe>) -> Message {
    peer.read().expect("our frames are in order")
}

fn recorded(role: Role, bytes: &[u8]) -> Vec<Recorded> {
    let whole = record(role, Limits::default(), [bytes]);
    assert_eq!(record(role, Limits::default(), bytes.chunks(1000)), whole);
    whole
}

fn sizes() -> impl Iterator<Item = usize> {
    [0, 1, 7, 8, 125, 126, 127, 1000, 65_535, 65_536, 300_000].into_iter()
}

#[test]
fn the_peer_reads_what_we_send() {
    for role in ROLES {
        let (mut peer, pipe) = connected(role);
        let mut sender = Sender::new(role, 11);
        let mut out = Vec::new();
        for size in sizes() {
            sender.text(&mut out, &"x".repeat(size)).unwrap();
            sender.binary(&mut out, &vec![0xee; size]).unwrap();
        }
        pipe.give(&out);
        for size in sizes() {
            assert_eq!(peer_reads(&mut peer), Message::text("x".repeat(size)), "{role:?}");
            assert_eq!(peer_reads(&mut peer), Message::binary(vec![0xee; size]), "{role:?}");
        }
    }
}

#[test]
fn we_read_what_the_peer_sends() {
    for role in ROLES {
        let (mut peer, pipe) = connected(role);
        let mut expected = Vec::new();
        for size in sizes() {
            let text = "né".repeat(size);
            peer.write(Message::text(text.clone())).unwrap();
            expected.push(Recorded::Text(text));
            peer.write(Message::binary(vec![0xee; size])).unwrap();
            expected.push(Recorded::Binary(vec![0xee; size]));
        }
        peer.write(Message::Ping(Bytes::from_static(b"there?"))).unwrap();
        expected.push(Recorded::Ping(b"there?".to_vec()));
        peer.flush().unwrap();
        assert_eq!(recorded(role, &pipe.written()), expected, "{role:?}");
    }
}

#[test]
fn the_peer_joins_our_fragments_and_answers_a_ping_between_them() {
    for role in ROLES {
        let (mut peer, pipe) = connected(role);
        let mut sender = Sender::new(role, 12);
        let mut out = Vec::new();
        let text = "κόσμε".as_bytes();
        sender.first_fragment(&mut out, MessageKind::Text, &text[..3]).unwrap();
        sender.ping(&mut out, b"between").unwrap();
        sender.next_fragment(&mut out, &text[3..4]).unwrap();
        sender.last_fragment(&mut out, &text[4..]).unwrap();
        pipe.give(&out);
        assert_eq!(peer_reads(&mut peer), Message::Ping(Bytes::from_static(b"between")));
        assert_eq!(peer_reads(&mut peer), Message::text("κόσμε"));
        peer.flush().unwrap();
        assert_eq!(recorded(role, &pipe.written()), [Recorded::Pong(b"between".to_vec())]);
    }
}

#[test]
fn our_close_is_answered_by_the_peer() {
    for role in ROLES {
        let (mut peer, pipe) = connected(role);
        let mut out = Vec::new();
        Sender::new(role, 13).close(&mut out, CloseCode::GOING_AWAY, "stopping").unwrap();
        pipe.give(&out);
        let frame = CloseFrame { code: PeerCloseCode::Away, reason: "stopping".into() };
        assert_eq!(peer_reads(&mut peer), Message::Close(Some(frame)));
        assert!(matches!(peer.flush(), Ok(()) | Err(Error::ConnectionClosed)));
        assert_eq!(recorded(role, &pipe.written()), [Recorded::Close(Some((1001, "stopping".to_owned())))]);
    }
}

#[test]
fn our_answer_completes_the_peers_close() {
    for role in ROLES {
        let (mut peer, pipe) = connected(role);
        let frame = CloseFrame { code: PeerCloseCode::Library(4000), reason: "enough".into() };
        peer.close(Some(frame)).unwrap();
        peer.flush().unwrap();
        assert_eq!(recorded(role, &pipe.written()), [Recorded::Close(Some((4000, "enough".to_owned())))]);
        let mut out = Vec::new();
        Sender::new(role, 14).close(&mut out, CloseCode::new(4000), "").unwrap();
        pipe.give(&out);
        assert!(matches!(peer.read(), Ok(Message::Close(Some(answer))) if u16::from(answer.code) == 4000));
        // As a client it waits for the server to end the transport (§7.1.1).
        pipe.0.borrow_mut().ended = true;
        assert!(matches!(peer.read(), Err(Error::ConnectionClosed)));
    }
}

#[test]
fn the_peer_as_a_client_accepts_our_response() {
    let pipe = Pipe::default();
    let mut request = tungstenite::client::IntoClientRequest::into_client_request("ws://localhost/chat").unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "mqtt, chat".parse().unwrap());
    let waiting = match tungstenite::client::client(request, pipe.clone()) {
        Err(HandshakeError::Interrupted(waiting)) => waiting,
        other => panic!("{other:?}"),
    };
    let head = pipe.written();
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    assert_eq!(request.parse(&head), Ok(httparse::Status::Complete(head.len())));
    let fields = request.headers.iter().map(|header| (header.name, header.value));
    let accepted = accept(request.method.unwrap(), (1, request.version.unwrap()), fields).unwrap();
    let chosen = accepted.choose_subprotocol(&["chat"]);
    pipe.give(&accepted.response(chosen).unwrap());
    let (mut peer, response) = waiting.handshake().expect("our response is in order");
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    let mut out = Vec::new();
    Sender::new(Role::Server, 0).text(&mut out, "hi").unwrap();
    pipe.give(&out);
    assert_eq!(peer_reads(&mut peer), Message::text("hi"));
}

#[test]
fn the_peer_as_a_server_accepts_our_request() {
    let pipe = Pipe::default();
    let request = ClientRequest {
        host: "localhost:8080",
        path: "/chat?room=1",
        origin: Some("http://localhost"),
        subprotocols: &["mqtt", "chat"],
        deflate: None,
        headers: &[("Authorization", "Bearer token")],
    };
    let (head, mut reader) = request.encode([7; 16]).unwrap();
    pipe.give(&head);
    // The size of the error is tungstenite's choice.
    #[allow(clippy::result_large_err)]
    let choose = |request: &Request, mut response: Response| {
        assert_eq!(request.uri(), "/chat?room=1");
        assert_eq!(request.headers()["authorization"], "Bearer token");
        response.headers_mut().insert("sec-websocket-protocol", "chat".parse().unwrap());
        Ok(response)
    };
    let mut peer = tungstenite::accept_hdr(pipe.clone(), choose).expect("our request is in order");
    peer.send(Message::text("first")).unwrap();
    let answer = pipe.written();
    let reply = reader.receive(&answer).unwrap().expect("the reply is complete");
    assert_eq!(reply.subprotocol.as_deref(), Some("chat"));
    assert_eq!(recorded(Role::Client, &answer[reply.consumed..]), [Recorded::Text("first".to_owned())]);
}

#[test]
fn the_peers_refusal_is_read_with_its_body() {
    let pipe = Pipe::default();
    let request =
        ClientRequest { host: "localhost", path: "/", origin: None, subprotocols: &[], deflate: None, headers: &[] };
    let (head, mut reader) = request.encode([7; 16]).unwrap();
    pipe.give(&head);
    #[allow(clippy::result_large_err)]
    let refuse = |_: &Request, _: Response| {
        let mut refusal = tungstenite::http::Response::new(Some("members only".to_owned()));
        *refusal.status_mut() = tungstenite::http::StatusCode::FORBIDDEN;
        Err(refusal)
    };
    assert!(tungstenite::accept_hdr(pipe.clone(), refuse).is_err());
    match reader.receive(&pipe.written()) {
        Err(ClientError::Refused(refusal)) => {
            assert_eq!((refusal.status, &refusal.body[..]), (403, &b"members only"[..]));
        }
        other => panic!("{other:?}"),
    }
}
