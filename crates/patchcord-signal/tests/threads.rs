//! Two real threads at the two ends of each ring and cell, as fast as they can: values stay whole and in order, and nothing is
//! lost that was not counted.
//!
//! `cargo +nightly miri test -p patchcord-signal --test threads` tries orders of memory that this machine never shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use patchcord_signal::{
    Count, Counters, Dry, FloatSize, Kind, Layout, Played, PlayoutSettings, latest, latest_text, outgoing,
    outgoing_text, playout,
};

/// Values of each run; fewer for an interpreter that tries other orders of memory.
const VALUES: u64 = if cfg!(miri) { 80 } else { 300_000 };
/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(if cfg!(miri) { 600 } else { 60 });

/// A value of `words` words that all hold the number.
fn value(number: u64, words: usize) -> Vec<u8> {
    number.to_le_bytes().repeat(words)
}

/// The number of a value, which must be whole.
fn number(value: &[u8]) -> u64 {
    let (words, rest) = value.as_chunks::<8>();
    assert!(rest.is_empty() && words.iter().all(|word| *word == words[0]), "a torn value: {value:?}");
    u64::from_le_bytes(words[0])
}

fn layout(kind: Kind, block: usize) -> Layout {
    Layout::new(kind, FloatSize::F64, block, &[]).expect("a layout")
}

/// Says that the other thread is done, also when it has failed.
struct Done(Arc<AtomicBool>);

impl Done {
    fn pair() -> (Self, impl Fn() -> bool) {
        let done = Arc::new(AtomicBool::new(false));
        let begin = Instant::now();
        (Self(Arc::clone(&done)), move || {
            assert!(begin.elapsed() < LIMIT, "the other thread hangs");
            done.load(Ordering::Acquire)
        })
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn a_ring_loses_only_what_it_counts() {
    let counters = Counters::new();
    let layout = layout(Kind::Audio, 16);
    let (mut writer, mut reader) = outgoing(&layout, 64, &counters);
    reader.set_listeners(1);
    let (done, is_done) = Done::pair();
    let perf = thread::spawn(move || {
        let _done = done;
        (1..=VALUES).map(|number| u64::from(!writer.publish(&value(number, 16)))).sum::<u64>()
    });
    let (mut last, mut got, mut out) = (0, 0, Vec::new());
    loop {
        let ended = is_done();
        while reader.pop(&mut out).is_some() {
            let number = number(&out);
            assert!(number > last, "in order");
            (last, got) = (number, got + 1);
            out.clear();
        }
        if ended {
            break;
        }
        thread::yield_now();
    }
    let refused = perf.join().expect("the performance thread");
    assert_eq!(counters.read(Count::Dropped), refused);
    assert_eq!(got + refused, VALUES);
    assert!(got > 0 && last > 0);
}

#[test]
fn listeners_that_come_and_go_get_whole_values_in_order() {
    let (mut writer, mut reader) = outgoing(&layout(Kind::Audio, 4), 8, &Counters::new());
    let (done, is_done) = Done::pair();
    let perf = thread::spawn(move || {
        let _done = done;
        for number in 1..=VALUES {
            writer.publish(&value(number, 4));
        }
    });
    let (mut last, mut out, mut turn) = (0, Vec::new(), 0u32);
    while !is_done() {
        turn += 1;
        reader.set_listeners(turn / 3 % 2);
        while reader.pop(&mut out).is_some() {
            let number = number(&out);
            assert!(number > last);
            last = number;
            out.clear();
        }
        thread::yield_now();
    }
    perf.join().expect("the performance thread");
}

#[test]
fn texts_are_whole() {
    let (mut writer, mut reader) = outgoing_text(80, &Counters::new());
    let (done, is_done) = Done::pair();
    let perf = thread::spawn(move || {
        let _done = done;
        for number in 1..=VALUES / 10 {
            while !writer.publish(&value(number, 1 + (number % 10) as usize)) {
                thread::yield_now();
            }
        }
    });
    let (mut last, mut out) = (0, Vec::new());
    loop {
        let ended = is_done();
        while let Some(length) = reader.pop(&mut out) {
            last += 1;
            assert_eq!((number(&out), length), (last, 8 * (1 + (last % 10) as usize)), "none is lost");
            out.clear();
        }
        if ended {
            break;
        }
        thread::yield_now();
    }
    perf.join().expect("the performance thread");
    assert_eq!(last, VALUES / 10);
}

#[test]
fn a_cell_never_goes_back_and_ends_on_the_last_value() {
    let (mut writer, mut reader) = latest(&layout(Kind::Audio, 16));
    let (done, is_done) = Done::pair();
    let service = thread::spawn(move || {
        let _done = done;
        for number in 1..=VALUES {
            assert!(writer.store(&value(number, 16)));
        }
    });
    let (mut last, mut out) = (0, [0; 128]);
    loop {
        let ended = is_done();
        if reader.take(&mut out) {
            let number = number(&out);
            assert!(number > last, "a newer one each time");
            last = number;
        }
        if ended {
            break;
        }
    }
    service.join().expect("the service thread");
    assert_eq!(last, VALUES);
}

#[test]
fn a_cell_of_text_keeps_each_text_with_its_length() {
    let (mut writer, mut reader) = latest_text(80);
    let (done, is_done) = Done::pair();
    let service = thread::spawn(move || {
        let _done = done;
        for number in 1..=VALUES {
            assert!(writer.store(&value(number, 1 + (number % 10) as usize)));
        }
    });
    let (mut last, mut out) = (0, [0; 80]);
    loop {
        let ended = is_done();
        if let Some(length) = reader.take(&mut out) {
            let number = number(&out[..length]);
            assert!(number > last && length == 8 * (1 + (number % 10) as usize));
            last = number;
        }
        if ended {
            break;
        }
    }
    service.join().expect("the service thread");
    assert_eq!(last, VALUES);
}

#[test]
fn a_jitter_buffer_plays_in_order_and_accounts_for_every_block() {
    let counters = Counters::new();
    let settings = PlayoutSettings { target: 8, limit: 32, dry: Dry::Silence };
    let (mut writer, mut reader) = playout(&layout(Kind::Audio, 4), settings, &counters);
    let (done, is_done) = Done::pair();
    let service = thread::spawn(move || {
        let _done = done;
        for number in 1..=VALUES {
            writer.push(&value(number, 4));
            if number % 16 == 0 {
                thread::yield_now();
            }
        }
        writer.end();
    });
    let (mut last, mut played, mut out) = (0, 0, [0; 32]);
    loop {
        let ended = is_done();
        match reader.next_block(&mut out) {
            Played::Block => {
                let number = number(&out);
                assert!(number > last, "in order");
                (last, played) = (number, played + 1);
            }
            Played::Dry if ended => break,
            Played::Dry => thread::yield_now(),
        }
    }
    service.join().expect("the service thread");
    assert_eq!(last, VALUES, "the newest is always heard");
    assert_eq!(played + counters.read(Count::Dropped), VALUES);
}
