//! What reading and writing frames costs: nanoseconds per small message, gigabytes per second for large ones.
//!
//! `cargo run --release -p patchcord-websocket --example codec` fills a read buffer of 64 KiB with a client's frames and
//! reads them as a server, again and again. Reading uses the buffer up, so each round copies it anew; the copy is timed
//! by itself and taken off. The best of several rounds is printed: what the code costs when nothing disturbs it.

use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use patchcord_websocket::{Event, Limits, Receiver, Role, Sender};

const BUFFER: usize = 64 * 1024;
const ROUNDS: u32 = 400;

fn main() -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    let ascii = |length: usize| "patchcord ".bytes().cycle().take(length).collect::<Vec<u8>>();
    let mixed = |length: usize| "пример ".bytes().cycle().take(length / 13 * 13).collect::<Vec<u8>>();
    for (name, payload, text) in [
        ("receive text 32 B", ascii(32), true),
        ("receive binary 32 B", ascii(32), false),
        ("receive text 125 B", ascii(125), true),
        ("receive ASCII text 16 KiB", ascii(16 * 1024), true),
        ("receive Cyrillic text 16 KiB", mixed(16 * 1024), true),
        ("receive binary 16 KiB", ascii(16 * 1024), false),
    ] {
        let per_message = receive(&payload, text);
        report(&mut stdout, name, payload.len(), per_message)?;
    }
    for (name, role, length) in [
        ("send text 32 B, server", Role::Server, 32),
        ("send text 32 B, client", Role::Client, 32),
        ("send text 16 KiB, server", Role::Server, 16 * 1024),
        ("send text 16 KiB, client", Role::Client, 16 * 1024),
    ] {
        let per_message = send(role, &ascii(length));
        report(&mut stdout, name, length, per_message)?;
    }
    Ok(())
}

/// Time to receive one message of `payload` out of a buffer full of them, in nanoseconds.
fn receive(payload: &[u8], text: bool) -> f64 {
    let mut sender = Sender::new(Role::Client, 1);
    let (mut frames, mut count) = (Vec::new(), 0);
    while frames.len() + payload.len() + 14 <= BUFFER {
        match std::str::from_utf8(payload) {
            Ok(payload) if text => sender.text(&mut frames, payload).expect("nothing was closed"),
            _ => sender.binary(&mut frames, payload).expect("nothing was closed"),
        }
        count += 1;
    }
    let mut buffer = frames.clone();
    let copy = best_of(|| {
        buffer.copy_from_slice(&frames);
        black_box(&mut buffer);
    });
    let mut receiver = Receiver::new(Role::Server, Limits::default());
    let whole = best_of(|| {
        buffer.copy_from_slice(&frames);
        let mut input = black_box(&mut buffer[..]);
        let mut bytes = 0;
        while let Some(event) = receiver.receive(&mut input).expect("the frames are valid") {
            bytes += match event {
                Event::Text(text) => black_box(text).len(),
                Event::Binary(binary) => black_box(binary).len(),
                other => panic!("{other:?} was not sent"),
            };
        }
        assert_eq!(bytes, count * payload.len());
    });
    whole.saturating_sub(copy).as_nanos() as f64 / count as f64
}

/// Time to append one message of `payload` to a buffer that fills up with them, in nanoseconds.
fn send(role: Role, payload: &[u8]) -> f64 {
    let payload = std::str::from_utf8(payload).expect("the payload is ASCII");
    let mut sender = Sender::new(role, 1);
    let mut out = Vec::with_capacity(BUFFER);
    let count = BUFFER / (payload.len() + 14);
    let whole = best_of(|| {
        out.clear();
        for _ in 0..count {
            sender.text(&mut out, black_box(payload)).expect("nothing was closed");
        }
        black_box(&mut out);
    });
    whole.as_nanos() as f64 / count as f64
}

fn best_of(mut round: impl FnMut()) -> Duration {
    let timed = |_| {
        let start = Instant::now();
        round();
        start.elapsed()
    };
    (0..ROUNDS).map(timed).min().unwrap_or_default()
}

fn report(out: &mut impl Write, name: &str, bytes: usize, nanoseconds: f64) -> std::io::Result<()> {
    writeln!(out, "{name:<30} {nanoseconds:8.1} ns  {:6.2} GB/s", bytes as f64 / nanoseconds)
}
