//! An open WebSocket of a client's: what passes, and how it ends, exactly once.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use patchcord_net::client::{Address, ConnectionSettings, DialSettings, WebSocketClient};
use patchcord_net::websocket::{CloseCode, ClosedBy, DeflateSettings, Sent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

use super::peers::{
    Notes, accepting, at, client, close_frame, field, frame, read_frames, read_head, run, server, websocket,
};

fn defaults() -> ConnectionSettings {
    ConnectionSettings::default()
}

/// A server of another implementation, which answers text with text and "bye" by closing.
fn independent_echo() -> (std::net::SocketAddr, thread::JoinHandle<Option<CloseFrame>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(super::peers::PATIENCE)).unwrap();
        let mut socket = tungstenite::accept(stream).unwrap();
        let mut closed = None;
        loop {
            match socket.read() {
                Ok(Message::Text(text)) if text.as_str() == "bye" => {
                    let frame = CloseFrame { code: 4000.into(), reason: "as you wish".into() };
                    socket.close(Some(frame)).unwrap();
                }
                Ok(Message::Close(frame)) => closed = frame,
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message).unwrap(),
                Ok(_) => {}
                Err(_) => return closed,
            }
        }
    });
    (address, server)
}

#[tokio::test]
async fn messages_of_every_size_pass_both_ways() {
    run(async {
        let (address, server) = independent_echo();
        let (notes, client) = client(address, defaults());
        notes.until(|notes| notes.has("open data")).await;
        let peer = client.peer().unwrap();
        assert_eq!((peer.address(), *peer.data()), (address, "data"));
        let sizes = [0, 1, 125, 126, 65_535, 65_536, 1 << 20];
        for size in sizes {
            // The largest is more than may wait beside others.
            assert_eq!(peer.send_binary(&vec![7; size]), Sent::Queued);
            notes.until(|notes| notes.has(&format!("binary {size}"))).await;
        }
        peer.send_text("grüße");
        notes.until(|notes| notes.has("text grüße")).await;
        assert_eq!((peer.stats().messages_in, peer.stats().messages_out), (8, 8));
        peer.send_ping(b"there?");
        notes.until(|notes| notes.has("pong 6")).await;

        client.close(CloseCode::new(3000), "done");
        notes.until_ended().await;
        let ending = notes.endings.borrow()[0].clone();
        assert_eq!((ending.code, ending.by, ending.clean), (CloseCode::new(3000), ClosedBy::Local, true));
        assert!(client.is_ended() && client.peer().is_none());
        let told = server.join().unwrap().unwrap();
        assert_eq!((u16::from(told.code), told.reason.as_str()), (3000, "done"));
        let log = notes.log.borrow();
        assert_eq!(log[..3], ["connect", "handshake", "open data"], "{log:?}");
    })
    .await;
}

#[tokio::test]
async fn messages_are_compressed_where_both_ends_agree() {
    run(async {
        let read = Rc::new(RefCell::new(Vec::new()));
        let frames = read.clone();
        let address = server(move |mut stream| {
            let frames = frames.clone();
            async move {
                let head = read_head(&mut stream).await;
                let offer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                             client_max_window_bits";
                assert_eq!(field(&head, "Sec-WebSocket-Extensions"), Some(offer));
                let extension = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n";
                let mut answer = accepting(&head).into_bytes();
                answer.truncate(answer.len() - 2);
                answer.extend_from_slice(extension.as_bytes());
                // "Hello" as in RFC 7692 §7.2.3.1, then a close frame.
                answer.extend_from_slice(&[0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
                stream.write_all(&answer).await.unwrap();
                let mut frame = [0; 6];
                stream.read_exact(&mut frame).await.unwrap();
                *frames.borrow_mut() = frame.to_vec();
                stream.write_all(&close_frame(1000, "")).await.unwrap();
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        })
        .await;
        let notes = Rc::new(Notes::default());
        let dial = DialSettings { deflate: Some(DeflateSettings::default()), ..DialSettings::default() };
        let client = WebSocketClient::connect(notes.clone(), at(address), dial, defaults());
        notes.until(|notes| notes.has("text Hello")).await;
        let peer = client.peer().unwrap();
        assert_eq!((peer.stats().messages_in, peer.stats().bytes_in), (1, 5));
        peer.send_text(&"x".repeat(20_000));
        assert_eq!(peer.stats().bytes_out, 20_000);
        notes.until_ended().await;
        let frame = read.borrow();
        assert!(frame[0] == 0xc1 && frame[1] & 0x7f < 100, "{frame:x?}");
    })
    .await;
}

#[tokio::test]
async fn the_server_may_close_first() {
    run(async {
        let (address, server) = independent_echo();
        let (notes, client) = client(address, defaults());
        notes.until(|notes| notes.has("open data")).await;
        client.peer().unwrap().send_text("bye");
        notes.until_ended().await;
        let ending = notes.endings.borrow()[0].clone();
        assert_eq!((ending.code.as_u16(), ending.reason.as_str()), (4000, "as you wish"));
        assert_eq!((ending.by, ending.clean), (ClosedBy::Remote, true));
        assert_eq!(u16::from(server.join().unwrap().unwrap().code), 4000);
    })
    .await;
}

#[tokio::test]
async fn frames_that_come_with_the_reply_are_not_lost() {
    run(async {
        let server = websocket(b"\x81\x05first\x82\x03abc\x89\x02hm\x81\x05se", async |mut stream| {
            stream.write_all(b"con").await.unwrap();
            let frames = read_frames(&mut stream).await;
            assert_eq!(frames, [(10, b"hm".to_vec()), (8, 1000u16.to_be_bytes().to_vec())]);
        })
        .await;
        let (notes, client) = client(server, defaults());
        notes.until(|notes| notes.has("text secon")).await;
        let log = notes.log.borrow()[2..].to_vec();
        assert_eq!(log, ["open data", "text first", "binary 3", "ping 2", "text secon"]);
        client.close(CloseCode::NORMAL, "");
        notes.until_ended().await;
    })
    .await;
}

#[tokio::test]
async fn every_close_code_is_reported_and_answered() {
    run(async {
        for code in (1000..=1003).chain(1007..=1014).chain([3000, 4000, 4999]) {
            let server = websocket(b"", move |mut stream| async move {
                stream.write_all(&close_frame(code, "why")).await.unwrap();
                assert_eq!(read_frames(&mut stream).await, [(8, code.to_be_bytes().to_vec())]);
            })
            .await;
            let (notes, _client) = client(server, defaults());
            notes.until_ended().await;
            let ending = notes.endings.borrow()[0].clone();
            assert_eq!((ending.code.as_u16(), ending.reason.as_str(), ending.clean), (code, "why", true));
        }
        let server = websocket(b"\x88\x00", async |mut stream| {
            assert_eq!(read_frames(&mut stream).await, [(8, Vec::new())]);
        })
        .await;
        let (notes, _client) = client(server, defaults());
        notes.until_ended().await;
        assert_eq!(notes.endings.borrow()[0].code, CloseCode::NO_CODE);
    })
    .await;
}

#[tokio::test]
async fn codes_that_must_not_be_sent_are_a_broken_protocol() {
    run(async {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
            let server = websocket(b"", move |mut stream| async move {
                stream.write_all(&close_frame(code, "")).await.unwrap();
                let frames = read_frames(&mut stream).await;
                assert_eq!(frames[0].1[..2], 1002u16.to_be_bytes(), "{code}");
            })
            .await;
            let (notes, _client) = client(server, defaults());
            notes.until_ended().await;
            let ending = notes.endings.borrow()[0].clone();
            assert_eq!((ending.code, ending.sent), (CloseCode::ABNORMAL, Some(CloseCode::PROTOCOL_ERROR)), "{code}");
        }
    })
    .await;
}

#[tokio::test]
async fn masked_frames_of_a_server_are_a_broken_protocol() {
    run(async {
        let server = websocket(b"\x81\x82\0\0\0\0hi", async |mut stream| {
            assert_eq!(read_frames(&mut stream).await[0].1[..2], 1002u16.to_be_bytes());
        })
        .await;
        let (notes, _client) = client(server, defaults());
        notes.until_ended().await;
        assert_eq!(notes.endings.borrow()[0].sent, Some(CloseCode::PROTOCOL_ERROR));
    })
    .await;
}

#[tokio::test]
async fn an_end_without_a_close_frame_is_1006() {
    run(async {
        let server = websocket(b"\x81\x02hi", async |_| {}).await;
        let (notes, _client) = client(server, defaults());
        notes.until_ended().await;
        let ending = notes.endings.borrow()[0].clone();
        assert_eq!((ending.code, ending.by, ending.clean), (CloseCode::ABNORMAL, ClosedBy::Nobody, false));
        assert!(notes.has("text hi"));
    })
    .await;
}

#[tokio::test]
async fn silence_within_a_frame_is_noticed_by_the_heartbeat() {
    run(async {
        let server = websocket(b"\x81\x05ha", async |mut stream| {
            // Reads, so that pings arrive, and never answers.
            read_frames(&mut stream).await;
        })
        .await;
        let rhythm = ConnectionSettings { ping_interval: Duration::from_millis(600), missed_pings: 1, ..defaults() };
        let begun = Instant::now();
        let (notes, _client) = client(server, rhythm);
        notes.until_ended().await;
        let ending = notes.endings.borrow()[0].clone();
        assert_eq!((ending.code, ending.reason.as_str()), (CloseCode::ABNORMAL, "pings were not answered"));
        assert!(begun.elapsed() > Duration::from_millis(1000) && begun.elapsed() < Duration::from_secs(5));
    })
    .await;
}

#[tokio::test]
async fn a_server_that_answers_pings_is_kept_and_timed() {
    run(async {
        let (address, _server) = independent_echo();
        let rhythm = ConnectionSettings { ping_interval: Duration::from_millis(300), missed_pings: 1, ..defaults() };
        let (notes, client) = client(address, rhythm);
        notes.until(|notes| notes.has("open data")).await;
        tokio::time::sleep(Duration::from_millis(2200)).await;
        let peer = client.peer().expect("still open");
        assert!(peer.round_trip().is_some_and(|time| time < Duration::from_secs(1)));
        assert!(!notes.log.borrow().iter().any(|line| line.starts_with("pong")), "pongs of the heartbeat stay inside");
        client.close(CloseCode::NORMAL, "");
        notes.until_ended().await;
    })
    .await;
}

#[tokio::test]
async fn a_close_that_is_not_answered_ends_after_two_seconds() {
    run(async {
        let server = websocket(b"", async |mut stream| {
            let frames = read_frames(&mut stream).await;
            assert_eq!(frames, [(8, 1000u16.to_be_bytes().to_vec())]);
        })
        .await;
        let (notes, client) = client(server, defaults());
        notes.until(|notes| notes.has("open data")).await;
        let begun = Instant::now();
        // 1006 must not be sent, so 1000 is.
        client.close(CloseCode::ABNORMAL, "");
        notes.until_ended().await;
        assert!(begun.elapsed() >= Duration::from_secs(2) && begun.elapsed() < Duration::from_secs(4));
        let ending = notes.endings.borrow()[0].clone();
        assert_eq!((ending.code, ending.sent), (CloseCode::ABNORMAL, Some(CloseCode::NORMAL)));
    })
    .await;
}

#[tokio::test]
async fn a_server_that_does_not_end_the_transport_is_left() {
    run(async {
        let (tell, told) = tokio::sync::oneshot::channel();
        let tell = std::cell::Cell::new(Some(tell));
        let tell = Rc::new(tell);
        let server = websocket(b"", move |mut stream| {
            let tell = tell.clone();
            async move {
                stream.write_all(&close_frame(1000, "")).await.unwrap();
                read_frames(&mut stream).await;
                // Our half has been shut by the client. Keep talking until that fails: the client is really gone.
                let begun = Instant::now();
                while stream.write_all(b"late").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                let _ = tell.take().unwrap().send(begun.elapsed());
            }
        })
        .await;
        let (notes, _client) = client(server, defaults());
        notes.until_ended().await;
        assert!(notes.endings.borrow()[0].clean);
        let held = told.await.unwrap();
        assert!(held > Duration::from_secs(1) && held < Duration::from_secs(5), "{held:?}");
    })
    .await;
}

#[tokio::test]
async fn dropping_a_client_ends_it_once_wherever_it_is() {
    run(async {
        // Before its first turn.
        let server = websocket(b"", async |mut stream| {
            read_frames(&mut stream).await;
        })
        .await;
        let (notes, dropped) = client(server, defaults());
        drop(dropped);
        notes.until_ended().await;
        assert!(notes.has("failed: connecting was cancelled"));
        // While it dials.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (notes, dropped) = client(silent.local_addr().unwrap(), defaults());
        notes.until(|notes| notes.has("handshake")).await;
        drop(dropped);
        notes.until_ended().await;
        assert!(notes.has("failed: connecting was cancelled"));
        // By a close instead of a drop.
        let (notes, closed) = client(silent.local_addr().unwrap(), defaults());
        notes.until(|notes| notes.has("handshake")).await;
        closed.close(CloseCode::NORMAL, "");
        notes.until_ended().await;
        assert!(notes.has("failed: connecting was cancelled") && closed.is_ended());
        // While it is open.
        let (notes, dropped) = client(server, defaults());
        notes.until(|notes| notes.has("open data")).await;
        drop(dropped);
        notes.until_ended().await;
        assert_eq!(notes.endings.borrow()[0].code, CloseCode::ABNORMAL);
        // After its end.
        let (address, _server) = independent_echo();
        let (notes, dropped) = client(address, defaults());
        notes.until(|notes| notes.has("open data")).await;
        dropped.close(CloseCode::NORMAL, "");
        notes.until_ended().await;
        dropped.close(CloseCode::NORMAL, "");
        drop(dropped);
        notes.until_ended().await;
    })
    .await;
}

#[tokio::test]
async fn a_dial_that_fails_is_told_once() {
    run(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let nowhere = socket.local_addr().unwrap();
        let (notes, client) = client(nowhere, defaults());
        notes.until_ended().await;
        assert!(client.is_ended());
        assert_eq!(*notes.log.borrow(), ["connect".to_owned(), format!("failed: {nowhere} refused the connection")]);
    })
    .await;
}

#[tokio::test]
async fn an_announced_gibibyte_reserves_nothing_and_is_refused() {
    run(async {
        let before = resident();
        let server = websocket(b"\x82\x7f\0\0\0\0\x40\0\0\0", async |mut stream| {
            let _ = stream.write_all(&[0; 100_000]).await;
            let mut head = [0; 8];
            if stream.read_exact(&mut head).await.is_ok() {
                let code = [head[6] ^ head[2], head[7] ^ head[3]];
                assert_eq!(code, 1009u16.to_be_bytes());
            }
        })
        .await;
        let (notes, client) = client(server, defaults());
        notes.until_ended().await;
        assert_eq!(notes.endings.borrow()[0].sent, Some(CloseCode::TOO_BIG));
        drop(client);

        // Within the limit memory follows what comes, not what was announced.
        let server = websocket(b"\x82\x7f\0\0\0\0\x3f\0\0\0", async |mut stream| {
            let _ = stream.write_all(&[0; 100_000]).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        })
        .await;
        let (notes, _client) = super::peers::client(server, ConnectionSettings { message: 1 << 30, ..defaults() });
        notes.until_ended().await;
        assert_eq!(notes.endings.borrow()[0].by, ClosedBy::Nobody);
        let grown = resident().saturating_sub(before);
        assert!(grown < 64 << 20, "{grown} bytes more");
    })
    .await;
}

/// Most bytes of memory that this process ever had. Other tests run beside, none of which takes much.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn a_server_that_does_not_read_meets_the_queues_limit() {
    run(async {
        let server = websocket(b"", async |stream| {
            tokio::time::sleep(Duration::from_secs(4)).await;
            drop(stream);
        })
        .await;
        let (notes, client) = client(server, ConnectionSettings { queue: 1 << 20, ..defaults() });
        notes.until(|notes| notes.has("open data")).await;
        let peer = client.peer().unwrap();
        let mut sent = 0;
        // What the system's own buffers take is not ours to count.
        while peer.send_binary(&[0; 100_000]) == Sent::Queued {
            sent += 1;
            assert!(sent < 10_000 && peer.queued() <= 1 << 20);
            tokio::task::yield_now().await;
        }
        assert!(peer.is_closing());
        notes.until_ended().await;
        assert_eq!(notes.endings.borrow()[0].sent, Some(CloseCode::TRY_AGAIN_LATER));
    })
    .await;
}

#[tokio::test]
async fn settings_change_while_it_is_open() {
    run(async {
        let (address, _server) = independent_echo();
        let (notes, client) = client(address, defaults());
        notes.until(|notes| notes.has("open data")).await;
        client.set_settings(ConnectionSettings { message: 10, ..defaults() });
        client.peer().unwrap().send_text("eleven long");
        notes.until_ended().await;
        assert_eq!(notes.endings.borrow()[0].sent, Some(CloseCode::TOO_BIG));
    })
    .await;
}

#[tokio::test]
async fn a_panic_ends_its_own_connection_and_is_told() {
    run(async {
        let server = websocket(b"\x81\x02hi", async |mut stream| {
            read_frames(&mut stream).await;
        })
        .await;
        let notes = Rc::new(Notes::default());
        notes.panics_on_text.set(true);
        let client = WebSocketClient::connect(notes.clone(), at(server), DialSettings::default(), defaults());
        notes.until_ended().await;
        assert!(notes.has("panic as the test wants it"), "{:?}", notes.log.borrow());
        assert!(client.is_ended());

        let notes = Rc::new(Notes::default());
        notes.panics_on_progress.set(true);
        let client = WebSocketClient::connect(notes.clone(), at(server), DialSettings::default(), defaults());
        notes.until_ended().await;
        assert!(notes.has("failed: connecting was ended by a panic: as the test wants it"));
        assert!(client.is_ended());
    })
    .await;
}

#[tokio::test]
async fn what_was_accepted_is_told_before_it_is_open() {
    run(async {
        let (address, _server) = independent_echo();
        let (notes, _client) = client(address, defaults());
        notes.until(|notes| notes.has("open data")).await;
        let accepted = notes.accepted.borrow().clone().unwrap();
        let expected = Address::parse(&format!("ws://{address}/live"), 0).unwrap();
        assert_eq!((accepted.peer, accepted.address, accepted.subprotocol), (address, expected, None));
    })
    .await;
}

#[tokio::test]
async fn a_text_cut_into_single_bytes_arrives_whole() {
    run(async {
        let server = websocket(b"", async |mut stream| {
            stream.set_nodelay(true).unwrap();
            for byte in frame(1, "zerteilt".as_bytes()) {
                stream.write_u8(byte).await.unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            stream.write_all(&close_frame(1000, "")).await.unwrap();
            read_frames(&mut stream).await;
        })
        .await;
        let (notes, _client) = client(server, defaults());
        notes.until_ended().await;
        assert!(notes.has("text zerteilt"));
    })
    .await;
}
