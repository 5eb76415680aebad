//! The example `embed`, run as it stands: a Rust program with a patch whose callbacks are closures.

#[path = "../../../examples/embed.rs"]
#[allow(dead_code, reason = "its main is replaced by the test")]
mod embed;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use patchcord_runtime::engine::Options;
use tungstenite::Message;

/// Bound of every wait.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_rust_program_answers_requests_and_messages_with_closures() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let mut engine = embed::counter(port, Options::default()).unwrap();
    let remote = engine.remote().clone();
    let clients = std::thread::spawn(move || {
        // Whatever happens here, the engine has to end.
        let result = std::panic::catch_unwind(|| visit(port));
        remote.stop(0);
        result
    });
    assert_eq!(engine.run(), 0);
    let (answers, messages) = clients.join().unwrap().unwrap();
    assert_eq!(answers, ["/tea: 1\n", "/tea: 2\n", "/cake: 1\n"]);
    assert_eq!(messages, ["hello", "hello"]);

    let patch = engine.network().patch();
    let visits = patch.find(patch.root(), "/visits").unwrap();
    assert_eq!(patch.table(visits).unwrap().to_text(), "path\tcount\n/tea\t2\n/cake\t1\n");
}

/// Three requests, then a message that two WebSocket clients get: the answers and the messages.
fn visit(port: u16) -> (Vec<String>, Vec<String>) {
    let answers = ["/tea", "/tea", "/cake"].map(|path| get(port, path)).to_vec();
    let mut clients = [open(port), open(port)];
    clients[0].send(Message::text("hello")).unwrap();
    let messages = clients.iter_mut().map(|client| client.read().unwrap().into_text().unwrap().to_string());
    (answers, messages.collect())
}

/// The body of an answer.
fn get(port: u16, path: &str) -> String {
    let mut stream = connect(port);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn open(port: u16) -> tungstenite::WebSocket<TcpStream> {
    tungstenite::client(format!("ws://127.0.0.1:{port}/"), connect(port)).unwrap().0
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}
