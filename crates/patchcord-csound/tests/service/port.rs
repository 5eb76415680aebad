//! What a port answers: handshakes, refusals, pages.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;

use patchcord_csound::service::{SettingValue, open, set};
use patchcord_signal::Kind;

use crate::peers::{
    answer, await_clients, client, close_code, console, free_port, get, host, input, numbers, opened, out, publish,
    tcp, try_client,
};

const UPGRADE: &str = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

fn status(port: u16, request: &str) -> u16 {
    answer(port, request.as_bytes()).0
}

fn text(value: &str) -> SettingValue {
    SettingValue::Text(value.to_owned())
}

#[test]
fn the_subprotocol_is_the_name_exactly() {
    let (mut note, port) = opened(&[out("kamp", Kind::Control), input("kfreq", Kind::Control)]);
    let chosen = |offer| try_client(port, offer).map(|(_, chosen)| chosen);
    assert_eq!(chosen(Some("no, kfreq, kamp")), Ok(Some("kfreq".into())), "the client's order");
    let (status, body) = chosen(Some("Kamp")).unwrap_err();
    assert_eq!(status, 404);
    assert!(body.contains("kamp k (out") && body.contains("kfreq k (in"), "{body}");
    await_clients(&note, 0);
    let (mut first, chosen) = try_client(port, None).unwrap();
    assert_eq!(chosen, None);
    await_clients(&note, 1);
    publish(&mut note, 0, 3.0);
    assert_eq!(numbers(&mut first), [3.0], "the first outgoing name");
}

#[test]
fn requests_that_are_no_websocket_are_answered() {
    let (_note, port) = opened(&[out("kamp", Kind::Control)]);
    let (code, head, body) = get(port, "/");
    assert_eq!(code, 426);
    assert!(head.contains("Upgrade: websocket") && body.contains("kamp k (out"), "{head} {body}");
    assert_eq!(status(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"), 405);
    assert_eq!(status(port, "nonsense\r\n\r\n"), 400);
    assert_eq!(status(port, "GET / HTTP/1.1\r\n\r\n"), 400);
    assert_eq!(status(port, "\x16\x03\x01\x02\x00\x01\x00\x01\x7f\x03\x03 and so on"), 400);
    assert_eq!(status(port, &format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(20_000))), 431);
    let version = format!("GET / HTTP/1.1\r\n{}\r\n", UPGRADE.replace("13", "8"));
    assert_eq!(status(port, &version), 426);
    assert_eq!(status(port, &format!("GET / HTTP/1.1\r\n{}\r\n", UPGRADE.replace("dGhl", ""))), 400);
    assert_eq!(status(port, &format!("GET / HTTP/1.0\r\n{UPGRADE}\r\n")), 505);
}

#[test]
fn compression_is_declined_and_any_path_and_origin_taken() {
    let (_note, port) = opened(&[out("kamp", Kind::Control)]);
    let mut socket = tcp(port);
    let request = format!(
        "GET /any/path?x=y HTTP/1.1\r\n{UPGRADE}Origin: null\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut head = [0; 4096];
    let count = std::io::Read::read(&mut socket, &mut head).unwrap();
    let head = String::from_utf8_lossy(&head[..count]);
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    assert!(!head.contains("Sec-WebSocket-Extensions") && !head.contains("Sec-WebSocket-Protocol"), "{head}");
}

#[test]
fn origins_and_clients_are_limited_also_while_the_port_is_open() {
    let (mut note, port) = opened(&[out("kamp", Kind::Control)]);
    let instance = port.into();
    let with_origin =
        |origin: &str| status(port, &format!("GET / HTTP/1.1\r\n{UPGRADE}Origin: {origin}\r\nX-A: b\r\n\r\n"));
    set(instance, port, "origins", text("https://a.example https://b.example")).unwrap();
    assert_eq!(with_origin("https://c.example"), 403);
    set(instance, port, "clients", SettingValue::Number(2.0)).unwrap();
    let _clients = [client(port, "kamp"), client(port, "kamp")];
    assert_eq!(try_client(port, Some("kamp")).unwrap_err().0, 503);
    assert!(console(&mut note, "refused").last().unwrap().contains("has its 2 clients already"));
    drop(_clients);
    await_clients(&note, 0);
    drop(client(port, "kamp"));
    assert!(set(instance, port, "clints", SettingValue::Number(2.0)).unwrap_err().to_string().contains("\"clients\""));
}

#[test]
fn pages_come_from_the_folder_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("pages");
    fs::create_dir_all(pages.join("sub")).unwrap();
    fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    fs::write(pages.join("index.html"), "<p>home").unwrap();
    fs::write(pages.join("sub/a b.js"), "let a = 1").unwrap();
    fs::write(pages.join(".hidden"), "hidden").unwrap();
    fs::write(pages.join("empty.css"), "").unwrap();
    symlink("../secret.txt", pages.join("out.txt")).unwrap();
    symlink("index.html", pages.join("in.html")).unwrap();
    let big: String = (0..400_000).map(|number| format!("{number:07}\n")).collect();
    fs::write(pages.join("big.txt"), &big).unwrap();

    let port = free_port();
    let host = host(port.into());
    set(host.instance, port, "folder", text(pages.to_str().unwrap())).unwrap();
    let note = open(host, port, &[out("kamp", Kind::Control)]).unwrap();
    let (code, head, body) = get(port, "/");
    assert_eq!((code, body.as_str()), (200, "<p>home"));
    assert!(head.contains("Content-Type: text/html; charset=utf-8") && head.contains("Content-Length: 7"), "{head}");
    let etag = head.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap();
    let again = format!("GET /index.html HTTP/1.1\r\nHost: x\r\nIf-None-Match: {etag}\r\n\r\n");
    assert_eq!(answer(port, again.as_bytes()).0, 304);
    let (code, head, body) = answer(port, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(code == 200 && body.is_empty() && head.contains("Content-Length: 7"), "{head}");
    let (code, head, body) = get(port, "/sub/a%20b.js?x");
    assert_eq!((code, body.as_str()), (200, "let a = 1"));
    assert!(head.contains("Content-Type: text/javascript"), "{head}");
    assert_eq!(get(port, "/empty.css").0, 200);
    assert_eq!(get(port, "/in.html").2, "<p>home");
    assert_eq!(get(port, "/big.txt").2, big);
    let (code, head, _) = get(port, "/sub");
    assert!(code == 301 && head.contains("Location: /sub/"), "{head}");
    for path in ["/out.txt", "/.hidden", "/../secret.txt", "/%2e%2e/secret.txt", "/no", "/sub/", "/index.html/", "//"] {
        assert_eq!(get(port, path).0, 404, "{path}");
    }
    assert_eq!(status(port, "PUT / HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
    // The same port still has the signals, and a page that nobody reads holds nobody up.
    let mut lazy = tcp(port);
    lazy.write_all(b"GET /big.txt HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    drop(client(port, "kamp"));
    drop((note, lazy));
}

#[test]
fn a_head_that_does_not_come_holds_nobody_up() {
    let (note, port) = opened(&[out("kamp", Kind::Control)]);
    let lazy: Vec<_> = (0..200)
        .map(|_| {
            let mut socket = tcp(port);
            socket.write_all(b"GET / HT").unwrap();
            socket
        })
        .collect();
    drop(client(port, "kamp"));
    drop(lazy);
    drop(note);
}

#[test]
fn who_asks_when_the_port_has_just_been_closed_is_told() {
    let (_other, _) = opened(&[out("kamp", Kind::Control)]);
    let (note, port) = opened(&[out("kamp", Kind::Control)]);
    let mut late = tcp(port);
    late.write_all(b"GET / HT").unwrap();
    // It is accepted before the other one, which is answered.
    drop(client(port, "kamp"));
    drop(note);
    late.write_all(b"TP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    late.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("closed"), "{answer}");
}

#[test]
fn what_an_open_port_takes_of_a_text_stays_as_its_notes_have_it() {
    let port = free_port();
    let instance = usize::from(port);
    set(instance, port, "text", SettingValue::Number(10.0)).unwrap();
    let _note = open(host(instance), port, &[input("Sname", Kind::Text)]).unwrap();
    set(instance, port, "text", SettingValue::Number(100.0)).unwrap();
    let mut socket = client(port, "Sname");
    socket.send("longer than ten bytes".into()).unwrap();
    assert_eq!(close_code(&mut socket), Some(1009), "the client is told, and nothing is lost in silence");
}
