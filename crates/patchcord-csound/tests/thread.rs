//! The service thread by itself: one for the process, at rest when nothing happens, gone with the last note. In a program
//! of its own, because other tests share the thread of theirs.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use patchcord_csound::service::{Direction, Host, Opened, Variable, connect, open};
use patchcord_signal::{FloatSize, Kind, Layout};

/// How often each service thread has gone to sleep.
fn sleeps() -> Vec<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let service =
        tasks.filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "csound-sockets\n"));
    let count = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
        line.trim().parse().unwrap()
    };
    service.map(|task| count(std::fs::read_to_string(task.join("status")).unwrap())).collect()
}

fn note(port: u16) -> Opened {
    let host = Host { instance: 1, sample_rate: 48_000.0, ksmps: 64, note_ksmps: 64, float: FloatSize::F64 };
    let layout = Layout::new(Kind::Control, FloatSize::F64, 1, &[]).unwrap();
    let variable = |name: &str, direction| Variable { name: name.to_owned(), layout: layout.clone(), direction };
    let variables = [variable("kout", Direction::Outgoing), variable("kin", Direction::Incoming)];
    open(host, port, &variables).unwrap()
}

#[test]
fn one_thread_serves_all_rests_when_nothing_happens_and_ends_with_the_last_note() {
    let ports: Vec<u16> = {
        let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
    };
    assert!(sleeps().is_empty());
    for _ in 0..3 {
        let mut notes: Vec<_> = ports.iter().flat_map(|&port| [note(port), note(port)]).collect();
        let host = Host { instance: 1, sample_rate: 48_000.0, ksmps: 64, note_ksmps: 64, float: FloatSize::F64 };
        notes.push(connect(host, &format!("ws://127.0.0.1:{}", ports[0]), &[]).unwrap());
        let mut socket = TcpStream::connect(("127.0.0.1", ports[0])).unwrap();
        let head = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        socket.write_all(head.as_bytes()).unwrap();
        assert!(socket.read(&mut [0; 1024]).unwrap() > 0);
        std::thread::sleep(Duration::from_millis(50));
        let before = sleeps();
        assert_eq!(before.len(), 1, "one thread");
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(sleeps(), before, "it rests");
        drop(notes);
        assert!(sleeps().is_empty(), "it has ended");
    }
}
