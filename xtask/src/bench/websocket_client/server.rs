//! The load for clients: a server that starts one client, lets it connect, and sends as fast as it takes.
//!
//! Everything it sends is prepared beforehand as chunks of some 256 KB that end in a ping, so that a turn is a large write
//! and the pongs say what the client has taken: a pong names the chunk that it ends, and frames are handled in order.
//! Echoes are one message and one answer at a time, each compared with what was sent.

use std::time::{Duration, Instant};

use super::super::comparison::flood::{CHUNK, Chunk, Flood, Marks, Until};
use super::super::comparison::link::{Link, LoadError, PONG, frame, text_frame};
use super::super::comparison::load::{Accounts, Order, Taken, texts};
use super::super::histogram::Histogram;
use super::super::measurement::Measurement;
use super::work::{Kind, WORKS};

/// Different messages of an echo.
const ECHOES: usize = 64;
/// Contents of the ping that asks our client how many rows its table has; the answer is a text.
const ROWS: &[u8] = b"rows";
/// Bytes of the number in the ping that ends a chunk.
const NUMBER: usize = 8;

/// Entry of `xtask bench-flood`.
pub fn run(args: &[String]) -> Result<(), LoadError> {
    println!("{}", measure(&Order::parse(args, &WORKS)?)?.to_line());
    Ok(())
}

/// Starts the client and measures it.
fn measure(order: &Order<Kind>) -> Result<Taken, LoadError> {
    let (mut client, mut link) = order.connect()?;
    client.settle()?;
    let mut pings = Pings;
    let measurement = match order.work.kind {
        Kind::Flood => {
            let mut flood = Flood::new(&mut link, &mut pings, chunk(order.work.bytes), None);
            flood.run(Until::After(order.warm_up))?;
            let measurement = flood.measure(&client.pids, Until::After(order.window))?;
            flood.finish()?;
            measurement
        }
        Kind::Fill { messages } => {
            let chunk = chunk(order.work.bytes);
            let chunks = messages / chunk.operations;
            Flood::new(&mut link, &mut pings, chunk, Some(chunks)).measure(&client.pids, Until::Done(chunks))?
        }
        Kind::Echo => {
            let mut echo = Echo { link: &mut link, texts: &texts(ECHOES, order.work.bytes), next: 0 };
            echo.run(order.warm_up, &mut Histogram::new())?;
            echo.measure(&client.pids, order.window)?
        }
    };
    let memory = client.memory()?;
    if let Some(rows) = order.rows {
        check_rows(&mut link, rows)?;
    }
    link.close()?;
    Ok(Taken { measurement, memory })
}

/// Messages of one size, and the ping behind them.
fn chunk(size: usize) -> Chunk {
    let messages = texts(CHUNK / size, size);
    let mut bytes: Vec<u8> = messages.iter().flat_map(|text| text_frame(text)).collect();
    bytes.extend(frame(0x89, &[0; NUMBER]));
    Chunk { bytes, operations: messages.len() as u64 }
}

/// Chunks end in a ping with their number, and the pong says it.
struct Pings;

impl Marks for Pings {
    fn stamp(&self, chunk: &mut [u8], number: u64) {
        let at = chunk.len() - NUMBER;
        chunk[at..].copy_from_slice(&number.to_be_bytes());
    }

    fn handle_frame(&mut self, opcode: u8, payload: &[u8]) -> Result<Option<u64>, LoadError> {
        let number = payload.try_into().ok().map(u64::from_be_bytes);
        Ok(number.filter(|_| opcode == PONG))
    }
}

/// Asks our client for the number of its table's rows.
fn check_rows(link: &mut Link, expected: u64) -> Result<(), LoadError> {
    link.send(&frame(0x89, ROWS))?;
    let answer = String::from_utf8_lossy(link.text()?).into_owned();
    if answer == expected.to_string() {
        return Ok(());
    }
    Err(LoadError::WrongAnswer(format!("the table has {answer} rows and not {expected}")))
}

/// Sends a message and waits for it to come back, again and again.
struct Echo<'a> {
    link: &'a mut Link,
    texts: &'a [Vec<u8>],
    next: usize,
}

impl Echo<'_> {
    fn measure(&mut self, pids: &[u32], time: Duration) -> Result<Measurement, LoadError> {
        let mut round_trips = Histogram::new();
        let accounts = Accounts::begin(pids)?;
        let echoes = self.run(time, &mut round_trips)?;
        accounts.end(echoes, &round_trips)
    }

    fn run(&mut self, time: Duration, round_trips: &mut Histogram) -> Result<u64, LoadError> {
        let (begin, mut echoes) = (Instant::now(), 0);
        while begin.elapsed() < time {
            let message = text_frame(&self.texts[self.next]);
            let sent = Instant::now();
            self.link.send(&message)?;
            let text = self.link.text()?;
            round_trips.record(sent.elapsed().as_nanos().try_into().unwrap_or(u64::MAX));
            if text != self.texts[self.next] {
                return Err(LoadError::WrongAnswer("another text".to_owned()));
            }
            self.next = (self.next + 1) % self.texts.len();
            echoes += 1;
        }
        Ok(echoes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write};

    use super::super::super::comparison::link::PATIENCE;
    use super::super::super::comparison::link::test::{linked, masked};
    use super::*;

    #[test]
    fn a_flood_counts_what_pongs_confirm() -> Result<(), LoadError> {
        let (mut link, mut client) = linked()?;
        let chunk = chunk(64);
        let (count, length) = (chunk.operations, chunk.bytes.len());
        let taken = std::thread::spawn(move || {
            let mut bytes = vec![0; length];
            for _ in 0..6 {
                client.read_exact(&mut bytes)?;
                client.write_all(&masked(0x8A, &bytes[length - 8..]))?;
            }
            io::Result::Ok(bytes)
        });
        let mut pings = Pings;
        let mut flood = Flood::new(&mut link, &mut pings, chunk, Some(6));
        let measurement = flood.measure(&[std::process::id()], Until::Done(6))?;
        assert_eq!(measurement.operations, 6 * count);
        assert_eq!(flood.finish()?, 6);
        let last = taken.join().expect("the client does not panic")?;
        assert_eq!((&last[..2], &last[length - 10..]), (&[0x81, 64][..], &[0x89, 8, 0, 0, 0, 0, 0, 0, 0, 6][..]));
        Ok(())
    }

    #[test]
    fn another_text_ends_an_echo() -> Result<(), LoadError> {
        let (mut link, mut client) = linked()?;
        client.write_all(&[masked(0x8A, b"late"), masked(0x81, b"wrong")].concat())?;
        let mut echo = Echo { link: &mut link, texts: &texts(ECHOES, 64), next: 0 };
        let result = echo.run(PATIENCE, &mut Histogram::new());
        assert!(matches!(result, Err(LoadError::WrongAnswer(_))), "{result:?}");
        Ok(())
    }

    #[test]
    fn the_rows_of_the_table_are_compared() -> Result<(), LoadError> {
        let (mut link, mut client) = linked()?;
        client.write_all(&[masked(0x81, b"101"), masked(0x81, b"7")].concat())?;
        check_rows(&mut link, 101)?;
        assert!(matches!(check_rows(&mut link, 101), Err(LoadError::WrongAnswer(_))));
        Ok(())
    }
}
