//! What compression costs in memory: resident kibibytes per connection, by mode.
//!
//! `cargo run --release -p patchcord-websocket --example deflate_memory` opens 500 connections for each mode, lets one
//! message of 64 KiB pass in each direction, and prints by how much the process has grown. Linux only.

use std::io::{Error, Result, Write};
use std::process::Command;

use patchcord_websocket::{
    DeflateDirection, DeflateParameters, DeflateSettings, Event, Limits, Receiver, Role, Sender, WindowBits,
};

const CONNECTIONS: usize = 500;
/// Bytes of a message: more than the largest window.
const MESSAGE: usize = 64 * 1024;

/// Context takeover and window bits.
const MODES: [(bool, u8); 5] = [(false, 15), (false, 9), (true, 15), (true, 12), (true, 9)];

fn main() -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    if let Some(mode) = std::env::args().nth(1) {
        let mode = mode.parse().ok().and_then(|mode: usize| MODES.get(mode)).ok_or(Error::other("no such mode"))?;
        let (sending, receiving) = measure(mode.0, mode.1)?;
        return writeln!(stdout, "{sending:9.1}{receiving:11.1}");
    }
    writeln!(stdout, "context takeover  window bits  sending  receiving  (KiB per connection)")?;
    for (index, (context_takeover, bits)) in MODES.into_iter().enumerate() {
        // A process for each: memory that one mode gave back would hide what the next one takes.
        let measured = Command::new(std::env::current_exe()?).arg(index.to_string()).output()?;
        if !measured.status.success() {
            return Err(Error::other(String::from_utf8_lossy(&measured.stderr)));
        }
        write!(stdout, "{context_takeover:16}  {bits:11}{}", String::from_utf8_lossy(&measured.stdout))?;
    }
    Ok(())
}

/// Kibibytes by which the process grows for each connection's sender and receiver.
fn measure(context_takeover: bool, bits: u8) -> Result<(f64, f64)> {
    let window_bits = WindowBits::new(bits).ok_or(Error::other("no window"))?;
    let direction = DeflateDirection { context_takeover, window_bits };
    let agreed = DeflateParameters { server: direction, client: direction };
    let settings = DeflateSettings { server: direction, client: direction, ..DeflateSettings::default() };
    let text: String = (0..8000).map(|number| format!("message {}\n", number % 37)).collect();
    let text = &text[..MESSAGE];

    // What the thread keeps for all of them is there before it is measured.
    let mut out = Vec::with_capacity(MESSAGE);
    Sender::new(Role::Server, 0).with_deflate(&agreed, &settings).text(&mut out, text).map_err(Error::other)?;
    let frame = out.clone();
    read(&mut Receiver::new(Role::Client, Limits::default()).with_deflate(&agreed), &frame)?;

    let before = resident()?;
    let mut senders = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let mut sender = Sender::new(Role::Server, 0).with_deflate(&agreed, &settings);
        out.clear();
        sender.text(&mut out, text).map_err(Error::other)?;
        senders.push(sender);
    }
    let between = resident()?;
    let mut receivers = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let mut receiver = Receiver::new(Role::Client, Limits::default()).with_deflate(&agreed);
        read(&mut receiver, &frame)?;
        receivers.push(receiver);
    }
    let each = |from: f64, to: f64| (to - from) / CONNECTIONS as f64;
    Ok((each(before, between), each(between, resident()?)))
}

fn read(receiver: &mut Receiver, frame: &[u8]) -> Result<()> {
    let mut bytes = frame.to_vec();
    let mut input = &mut bytes[..];
    while let Some(event) = receiver.receive(&mut input).map_err(Error::other)? {
        assert!(matches!(event, Event::Text(text) if text.len() == MESSAGE));
    }
    Ok(())
}

/// Resident memory of this process in KiB.
fn resident() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or(Error::other("no VmRSS"))?;
    line.trim().trim_end_matches(" kB").parse().map_err(Error::other)
}
