//! What the performance thread calls takes and gives back no memory, whatever state the other side is in.
//!
//! An allocator counts what this test's thread asks of it. That nothing locks or calls the system either can be read off the
//! sources: these calls are atomics and copies, and those of `rtrb`, which is wait-free.
#![expect(unsafe_code, reason = "an allocator that counts can be made in no other way")]

use std::alloc::{GlobalAlloc, Layout as MemoryLayout, System};
use std::cell::Cell;
use std::time::Duration;

use patchcord_signal::{
    Count, Counters, Dry, FloatSize, Kind, Layout, Played, PlayoutSettings, latest, latest_text, outgoing,
    outgoing_text, playout,
};

struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    CALLS.with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is passed on as it is; the counter allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: MemoryLayout) -> *mut u8 {
        count();
        // SAFETY: as promised to this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: MemoryLayout) {
        count();
        // SAFETY: as promised to this function.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: MemoryLayout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as promised to this function.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `perf` asks of the allocator.
fn calls(perf: impl FnOnce()) -> usize {
    let before = CALLS.with(Cell::get);
    perf();
    CALLS.with(Cell::get) - before
}

fn layout(kind: Kind) -> Layout {
    let block = if kind == Kind::Audio { 64 } else { 1 };
    Layout::new(kind, FloatSize::F64, block, &[2]).expect("a layout")
}

#[test]
fn the_allocator_counts() {
    assert!(calls(|| drop(std::hint::black_box(vec![0u8; 100]))) == 2);
}

#[test]
fn publishing_takes_no_memory_also_when_the_ring_is_full() {
    let counters = Counters::within(&Counters::new());
    let (mut audio, mut audio_reader) = outgoing(&layout(Kind::Audio), 10, &counters);
    let (mut init, _init_reader) = outgoing(&layout(Kind::Init), 10, &counters);
    let (mut text, _text_reader) = outgoing_text(100, &counters);
    let payload = [1; 1024];
    assert_eq!(calls(|| assert!(!audio.has_listeners() && !audio.publish(&payload))), 0);
    audio_reader.set_listeners(1);
    let perf = || {
        for _ in 0..25 {
            audio.publish(&payload);
            init.publish(&payload[..16]);
            text.publish(&payload[..70]);
        }
    };
    assert_eq!(calls(perf), 0);
    assert_eq!(counters.read(Count::Dropped), 30);
}

#[test]
fn taking_takes_no_memory() {
    let (mut writer, mut reader) = latest(&layout(Kind::Control));
    let (mut text_writer, mut text_reader) = latest_text(100);
    let mut out = [0; 100];
    for number in 0..10 {
        if number % 3 > 0 {
            assert!(writer.store(&[number; 16]) && text_writer.store(&[number; 77]));
        }
        let mut taken = (false, None);
        assert_eq!(calls(|| taken = (reader.take(&mut out), text_reader.take(&mut out))), 0);
        assert_eq!(taken, if number % 3 > 0 { (true, Some(77)) } else { (false, None) });
    }
}

#[test]
fn playing_takes_no_memory_in_any_state() {
    for dry in [Dry::Silence, Dry::Hold] {
        let counters = Counters::within(&Counters::new());
        let period = Duration::from_millis(1);
        let settings = PlayoutSettings::new(4 * period, 8 * period, period, dry);
        let (mut writer, mut reader) = playout(&layout(Kind::Audio), settings, &counters);
        let mut out = [0; 1024];
        let mut blocks = 0;
        // It fills, plays, runs dry, fills, and is drowned.
        for pushed in [0, 2, 2, 0, 0, 0, 0, 0, 3, 3, 15, 0] {
            for _ in 0..pushed {
                writer.push(&[7; 1024]);
            }
            let mut played = Played::Dry;
            assert_eq!(calls(|| played = reader.next_block(&mut out)), 0);
            blocks += u32::from(played == Played::Block);
        }
        assert!(blocks > 5);
        assert_eq!(counters.read(Count::Late), 1);
        assert!(counters.read(Count::Dropped) > 0);
    }
}
