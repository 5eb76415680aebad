//! The client's role against servers of another implementation and against our own port; TLS of both roles.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_csound::service::{Direction, OpenError, Opened, SettingValue, Variable, connect, open, set};
use patchcord_signal::{FloatSize, Kind, Layout};
use rustls::crypto::ring;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::http::HeaderValue;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use crate::peers::{
    PATIENCE, await_clients, bytes, console, free_port, host, input, numbers, opened, out, publish, send, taken, text,
};

#[expect(clippy::result_large_err, reason = "tungstenite wants it so")]
/// Accepts one WebSocket, and says which sub-protocol it wanted.
fn accept(listener: &TcpListener) -> (WebSocket<TcpStream>, String) {
    let (socket, _) = listener.accept().unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut wanted = String::new();
    let answer = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let offered = request.headers().get("Sec-WebSocket-Protocol").unwrap();
        wanted = offered.to_str().unwrap().to_owned();
        response.headers_mut().insert("Sec-WebSocket-Protocol", offered.clone());
        Ok(response)
    };
    let socket = tungstenite::accept_hdr(socket, answer).unwrap();
    (socket, wanted)
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/path", listener.local_addr().unwrap());
    (listener, url)
}

#[test]
fn each_variable_has_a_connection_and_comes_back() {
    let (listener, url) = listener();
    let variables = [out("kamp", Kind::Control), input("kfreq", Kind::Control), out("Sname", Kind::Text)];
    let mut note = connect(host(1), &url, &variables).unwrap();
    note.outgoing[1].publish("first".as_bytes());
    note.note.wake();
    for round in 0..2 {
        let mut sockets: Vec<_> = (0..3).map(|_| accept(&listener)).collect();
        sockets.sort_by(|one, other| one.1.cmp(&other.1));
        let [(words, _), (amp, _), (freq, _)] = &mut sockets[..] else { panic!("three") };
        await_clients(&note, 3);
        assert_eq!(text(words), "first", "a kept value goes to the server each time");
        publish(&mut note, 0, f64::from(round));
        assert_eq!(numbers(amp), [f64::from(round)]);
        send(freq, &[440.0 + f64::from(round)]);
        assert_eq!(taken(&mut note, 0), 440.0 + f64::from(round));
        for socket in [words, amp, freq] {
            if round == 0 {
                let _ = socket.get_mut().shutdown(std::net::Shutdown::Both);
            }
        }
        if round == 0 {
            let lines = console(&mut note, "trying again");
            assert!(lines.iter().any(|line| line == "websocketclient: connection established for kfreq"), "{lines:?}");
        }
    }
    drop(note);
}

#[test]
fn a_server_that_is_not_there_yet_is_found_when_it_comes() {
    let port = free_port();
    let mut note = connect(host(1), &format!("ws://127.0.0.1:{port}"), &[input("kamp", Kind::Control)]).unwrap();
    let said = console(&mut note, "trying again");
    assert!(
        said[0].starts_with(&format!("websocketclient: ws://127.0.0.1:{port} kamp: Connection refused")),
        "{said:?}"
    );
    let mut server = open(host(2), port, &[out("kamp", Kind::Control)]).unwrap();
    await_clients(&note, 1);
    publish(&mut server, 0, 0.5);
    assert_eq!(taken(&mut note, 0), 0.5);
    assert_eq!(console(&mut note, "established").len(), 1, "an attempt that fails is told once");
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let (_server, port) = opened(&[out("kamp", Kind::Control)]);
    let mut note = connect(host(1), &format!("ws://127.0.0.1:{port}"), &[input("kother", Kind::Control)]).unwrap();
    let said = console(&mut note, "trying again");
    assert!(said[0].contains("the server refuses with 404 Not Found There is no variable \"kother\""), "{said:?}");
    assert!(matches!(connect(host(1), "http://x", &[]), Err(OpenError::Address(_))));
}

#[test]
fn a_server_that_closes_is_told_with_its_reason_and_not_asked_again_and_again() {
    let (listener, url) = listener();
    let mut note = connect(host(1), &url, &[out("asig", Kind::Audio)]).unwrap();
    let mut opened = Vec::new();
    for _ in 0..4 {
        let (mut socket, _) = accept(&listener);
        opened.push(Instant::now());
        let frame = CloseFrame { code: CloseCode::Policy, reason: "not here".into() };
        socket.close(Some(frame)).unwrap();
        while socket.read().is_ok() {}
        drop(socket);
        let lines = console(&mut note, "trying again");
        let expected = format!(
            "websocketclient: {url} asig: the server has closed the connection with 1008: not here; trying again"
        );
        assert_eq!(lines.last(), Some(&expected));
    }
    let pauses: Vec<_> = opened.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[2] > pauses[0].mul_f64(1.5), "each pause is longer: {pauses:?}");
}

#[test]
fn two_ends_with_blocks_of_another_size_stay_connected_and_are_told() {
    let port = free_port();
    let mut server = open(host(port.into()), port, &[input("asig", Kind::Audio)]).unwrap();
    let mut larger = host(1);
    (larger.ksmps, larger.note_ksmps) = (128, 128);
    let layout = Layout::new(Kind::Audio, FloatSize::F64, 128, &[]).unwrap();
    let asig = Variable { name: "asig".into(), layout, direction: Direction::Outgoing };
    let mut note = connect(larger, &format!("ws://127.0.0.1:{port}"), &[asig]).unwrap();
    await_clients(&note, 1);
    for _ in 0..3 {
        note.outgoing[0].publish(&[0; 1024]);
        note.note.wake();
    }
    let lines = console(&mut server, "dropped");
    assert_eq!(lines.last().unwrap(), "websocket: a message for asig was dropped: it has 1024 bytes, a value has 512");
    // It is still there.
    note.outgoing[0].publish(&[0; 1024]);
    note.note.wake();
    await_clients(&note, 1);
    assert_eq!(console(&mut note, "established").len(), 1);
}

fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../patchcord-net/tests/tls").join(name)
}

fn secure_port(instance: usize, port: u16) -> Opened {
    for (name, file) in [("certificate", "chain.pem"), ("key", "key-pkcs8.pem")] {
        set(instance, port, name, SettingValue::Text(pem(file).to_str().unwrap().into())).unwrap();
    }
    open(host(instance), port, &[out("asig", Kind::Audio), input("kfreq", Kind::Control)]).unwrap()
}

#[test]
fn a_port_speaks_tls_and_streams_through_it() {
    let port = free_port();
    let mut note = secure_port(port.into(), port);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pem("ca.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let socket = crate::peers::tcp(port);
    let mut request = "ws://localhost/".into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("asig"));
    let (mut socket, _) = tungstenite::client(request, StreamOwned::new(tls, socket)).unwrap();
    await_clients(&note, 1);
    let reader = std::thread::spawn(move || {
        for number in 0..1000 {
            match socket.read().unwrap() {
                Message::Binary(block) => assert_eq!(block[..8], f64::from(number).to_le_bytes()),
                other => panic!("{other:?}"),
            }
        }
    });
    for number in 0..1000 {
        note.outgoing[0].publish(&bytes(&[f64::from(number); 64]));
        note.note.wake();
        std::thread::sleep(Duration::from_millis(1));
    }
    reader.join().unwrap();
    let (status, _, words) = crate::peers::get(port, "/");
    assert_eq!((status, words.as_str()), (400, "this port speaks TLS: use wss:// or https://\n"));
    // Half a handshake keeps no note from its end.
    let half = crate::peers::tcp(port);
    std::io::Write::write_all(&mut &half, &[0x16, 0x03, 0x01, 0x02, 0x00]).unwrap();
    std::thread::sleep(Duration::from_millis(10));
    let start = std::time::Instant::now();
    drop(note);
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[test]
fn a_client_speaks_tls_to_a_port_whose_authority_it_was_told() {
    let port = free_port();
    let server_instance = 10_000 + usize::from(port);
    let mut server = secure_port(server_instance, port);
    let authorities = SettingValue::Text(pem("ca.pem").to_str().unwrap().into());
    set(3, port, "certificate", authorities).unwrap();
    let url = format!("wss://localhost:{port}/");
    let mut note = connect(host(3), &url, &[out("kfreq", Kind::Control)]).unwrap();
    await_clients(&note, 1);
    publish(&mut note, 0, 220.0);
    assert_eq!(taken(&mut server, 0), 220.0);
    // Another authority is not trusted, and it is said why.
    set(4, port, "certificate", SettingValue::Text(pem("own.pem").to_str().unwrap().into())).unwrap();
    let mut wary = connect(host(4), &url, &[out("kfreq", Kind::Control)]).unwrap();
    let said = console(&mut wary, "trying again");
    assert!(said[0].contains("invalid peer certificate"), "{said:?}");
}

#[test]
fn files_that_are_no_certificates_say_so() {
    let port = free_port();
    set(5, port, "certificate", SettingValue::Text("/no/such.pem".into())).unwrap();
    let error = open(host(5), port, &[out("k", Kind::Control)]).unwrap_err().to_string();
    assert!(error.starts_with("the certificate in \"/no/such.pem\" cannot be read: "), "{error}");
}
