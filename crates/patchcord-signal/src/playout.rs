//! The jitter buffer of an incoming a-rate signal: blocks arrive when the network brings them and leave one at a time, every
//! k-cycle.
//!
//! Playing starts when as many blocks wait as the target says, or when blocks wait and none has come for as long as that:
//! the end of what somebody sent. When it runs dry, the buffer plays silence or holds the last sample, counts that
//! once, and fills up to the target again. Above the limit the oldest blocks are dropped down to the target, and counted;
//! of a burst the newest are heard, however large it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use crate::blocks::{BlockReader, BlockWriter, blocks};
use crate::counters::{Count, Counters};
use crate::layout::Layout;

/// Most bytes of a jitter buffer; a limit that would take more is lowered, to no fewer than two blocks.
pub const MAX_BUFFER: usize = 64 << 20;

/// Blocks beyond the limit that may come while one is being played, without touching it.
const SPARE: usize = 16;
/// How often a block is tried to be taken that a burst is writing over.
const TRIES: usize = 4;

/// What is played when nothing is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dry {
    /// Zeros.
    #[default]
    Silence,
    /// The last sample of each member, until new ones come.
    Hold,
}

/// How much is buffered, in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayoutSettings {
    /// Blocks that wait before playing starts, at least 1.
    pub target: usize,
    /// Most blocks that may wait, more than the target.
    pub limit: usize,
    /// What is played when nothing is there.
    pub dry: Dry,
}

impl PlayoutSettings {
    /// Settings from times, for blocks that are played every `period`. Both are rounded to whole blocks, at least
    /// one, and the limit is at least twice the target: blocks that come as unevenly as the target allows are not too many.
    pub fn new(target: Duration, limit: Duration, period: Duration, dry: Dry) -> Self {
        let period = period.as_nanos().max(1);
        let blocks =
            |time: Duration| usize::try_from((time.as_nanos() + period / 2) / period).unwrap_or(usize::MAX >> 1);
        let target = blocks(target).max(1);
        Self { target, limit: blocks(limit).max(target.saturating_mul(2)), dry }
    }
}

/// A jitter buffer for blocks of `layout`. What runs dry or is dropped is counted in `counters`.
///
/// # Panics
///
/// With a layout of text.
pub fn playout(layout: &Layout, settings: PlayoutSettings, counters: &Arc<Counters>) -> (PlayoutWriter, PlayoutReader) {
    let size = layout.payload_len().expect("blocks are numbers");
    let limit = settings.limit.min((MAX_BUFFER / size).saturating_sub(SPARE)).max(2);
    let (writer, reader) = blocks(size, limit + SPARE);
    let ended = Arc::new(AtomicBool::new(true));
    let writer = PlayoutWriter { blocks: writer, ended: Arc::clone(&ended) };
    let reader = PlayoutReader {
        blocks: reader,
        sample: layout.float().bytes(),
        members: layout.members(),
        target: settings.target.clamp(1, limit) as u64,
        limit: limit as u64,
        dry: settings.dry,
        state: State::Filling { waiting: 0, quiet: 0 },
        held: vec![0; layout.members() * layout.float().bytes()].into(),
        ended,
        counters: Arc::clone(counters),
    };
    (writer, reader)
}

/// Puts blocks in as they arrive.
#[derive(Debug)]
pub struct PlayoutWriter {
    blocks: BlockWriter,
    ended: Arc<AtomicBool>,
}

impl PlayoutWriter {
    /// Appends a block. There is always room: what is not played in time goes, the oldest first. `false`: it has another
    /// size than the layout, and is not taken.
    pub fn push(&mut self, block: &[u8]) -> bool {
        let fits = block.len() == self.blocks.size();
        if fits {
            self.ended.store(false, Relaxed);
            self.blocks.push(block);
        }
        fits
    }

    /// Says that whoever sent has stopped on purpose or is gone: what waits is played to its end, and that nothing follows
    /// counts as no fault. The next block takes it back.
    pub fn end(&mut self) {
        self.ended.store(true, Relaxed);
    }

    /// Blocks that wait, those included that will be dropped with the next one that is played.
    pub fn buffered(&self) -> u64 {
        self.blocks.waiting()
    }
}

/// What [`PlayoutReader::next_block`] wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Played {
    /// A block that was sent.
    Block,
    /// Silence or the held sample, because nothing was there or the buffer fills.
    Dry,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// `waiting` blocks were there the last time, and none came for `quiet` cycles.
    Filling {
        waiting: u64,
        quiet: u64,
    },
    Playing,
}

/// Takes a block out every k-cycle. Nothing in it allocates, locks or calls the system.
#[derive(Debug)]
pub struct PlayoutReader {
    blocks: BlockReader,
    /// Bytes of a float.
    sample: usize,
    members: usize,
    target: u64,
    limit: u64,
    dry: Dry,
    state: State,
    /// The last sample of each member, for [`Dry::Hold`].
    held: Box<[u8]>,
    ended: Arc<AtomicBool>,
    counters: Arc<Counters>,
}

impl PlayoutReader {
    /// Writes the next block to the begin of `out`.
    ///
    /// # Panics
    ///
    /// When `out` is smaller than a block.
    pub fn next_block(&mut self, out: &mut [u8]) -> Played {
        let out = &mut out[..self.blocks.size()];
        let waiting = self.drop_oldest();
        if let State::Filling { waiting: before, quiet } = &mut self.state {
            *quiet = if waiting == *before { *quiet + 1 } else { 0 };
            *before = waiting;
            let enough = waiting >= self.target || (waiting > 0 && (*quiet >= self.target || self.ended.load(Relaxed)));
            if enough {
                self.state = State::Playing;
            }
        }
        if matches!(self.state, State::Filling { .. }) {
            self.write_dry(out);
            return Played::Dry;
        }
        for _ in 0..TRIES {
            if self.blocks.take(out) {
                self.hold(out);
                return Played::Block;
            }
            if self.drop_oldest() == 0 {
                break;
            }
        }
        if !self.ended.load(Relaxed) {
            self.counters.add(Count::Late, 1);
        }
        self.state = State::Filling { waiting: 0, quiet: 0 };
        self.write_dry(out);
        Played::Dry
    }

    /// Blocks that wait, those included that will be dropped with the next one that is played.
    pub fn buffered(&self) -> u64 {
        self.blocks.waiting()
    }

    /// Keeps to the limit, and says how many wait then.
    fn drop_oldest(&mut self) -> u64 {
        let waiting = self.blocks.waiting();
        if waiting <= self.limit {
            return waiting;
        }
        self.blocks.skip(waiting - self.target);
        self.counters.add(Count::Dropped, waiting - self.target);
        self.target
    }

    fn hold(&mut self, block: &[u8]) {
        if self.dry == Dry::Hold {
            let member = self.blocks.size() / self.members;
            for (held, samples) in self.held.chunks_exact_mut(self.sample).zip(block.chunks_exact(member)) {
                held.copy_from_slice(&samples[member - self.sample..]);
            }
        }
    }

    fn write_dry(&self, out: &mut [u8]) {
        match self.dry {
            Dry::Silence => out.fill(0),
            Dry::Hold => {
                let member = self.blocks.size() / self.members;
                for (samples, held) in out.chunks_exact_mut(member).zip(self.held.chunks_exact(self.sample)) {
                    samples.chunks_exact_mut(self.sample).for_each(|sample| sample.copy_from_slice(held));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{FloatSize, Kind, LayoutError};

    const SETTINGS: PlayoutSettings = PlayoutSettings { target: 3, limit: 6, dry: Dry::Silence };

    /// A buffer for blocks of two samples in two members.
    fn buffer(settings: PlayoutSettings) -> Result<(PlayoutWriter, PlayoutReader, Arc<Counters>), LayoutError> {
        let counters = Counters::new();
        let (writer, reader) = playout(&Layout::new(Kind::Audio, FloatSize::F32, 2, &[2])?, settings, &counters);
        Ok((writer, reader, counters))
    }

    fn push(writer: &mut PlayoutWriter, numbers: std::ops::RangeInclusive<u8>) {
        numbers.for_each(|number| assert!(writer.push(&[number; 16])));
    }

    /// The number of the next block, `None` when it is dry.
    fn next(reader: &mut PlayoutReader) -> Option<u8> {
        let mut out = [0xff; 16];
        let played = reader.next_block(&mut out);
        assert!(out.iter().all(|&byte| byte == out[0]));
        match played {
            Played::Block => Some(out[0]),
            Played::Dry => {
                assert_eq!(out[0], 0);
                None
            }
        }
    }

    /// Blocks that wait, times that it ran dry, blocks that were dropped.
    fn counts(reader: &PlayoutReader, counters: &Counters) -> (u64, u64, u64) {
        (reader.buffered(), counters.read(Count::Late), counters.read(Count::Dropped))
    }

    #[test]
    fn it_fills_plays_runs_dry_and_fills_again() -> Result<(), LayoutError> {
        let (mut writer, mut reader, counters) = buffer(SETTINGS)?;
        assert_eq!(next(&mut reader), None);
        push(&mut writer, 1..=2);
        assert_eq!(next(&mut reader), None);
        assert_eq!(counts(&reader, &counters), (2, 0, 0));
        push(&mut writer, 3..=3);
        for number in 1..=3 {
            assert_eq!(next(&mut reader), Some(number));
        }
        assert_eq!(next(&mut reader), None);
        assert_eq!(counts(&reader, &counters), (0, 1, 0));
        assert_eq!(next(&mut reader), None);
        push(&mut writer, 4..=5);
        assert_eq!(next(&mut reader), None);
        assert_eq!(counts(&reader, &counters), (2, 1, 0), "a dry stretch counts once");
        push(&mut writer, 6..=6);
        assert_eq!(next(&mut reader), Some(4));
        Ok(())
    }

    #[test]
    fn above_the_limit_the_oldest_are_dropped_down_to_the_target() -> Result<(), LayoutError> {
        let (mut writer, mut reader, counters) = buffer(SETTINGS)?;
        push(&mut writer, 1..=6);
        assert_eq!(next(&mut reader), Some(1));
        push(&mut writer, 7..=9);
        assert_eq!(next(&mut reader), Some(7), "eight waited, three are kept");
        assert_eq!(counts(&reader, &counters), (2, 0, 5));
        push(&mut writer, 10..=250);
        assert_eq!(writer.buffered(), 243);
        assert_eq!(next(&mut reader), Some(248), "of a burst the newest are heard");
        assert_eq!(counts(&reader, &counters), (2, 0, 245));
        Ok(())
    }

    #[test]
    fn the_end_of_what_was_sent_is_played_after_a_quiet_while() -> Result<(), LayoutError> {
        let (mut writer, mut reader, counters) = buffer(SETTINGS)?;
        push(&mut writer, 1..=1);
        for _ in 0..3 {
            assert_eq!(next(&mut reader), None);
        }
        assert_eq!(next(&mut reader), Some(1));
        assert_eq!(next(&mut reader), None);
        assert_eq!(counts(&reader, &counters), (0, 1, 0));
        Ok(())
    }

    #[test]
    fn an_end_is_no_fault() -> Result<(), LayoutError> {
        let (mut writer, mut reader, counters) = buffer(SETTINGS)?;
        push(&mut writer, 1..=2);
        writer.end();
        assert_eq!((next(&mut reader), next(&mut reader), next(&mut reader)), (Some(1), Some(2), None));
        assert_eq!(counts(&reader, &counters), (0, 0, 0));
        push(&mut writer, 3..=5);
        for number in [Some(3), Some(4), Some(5), None] {
            assert_eq!(next(&mut reader), number);
        }
        assert_eq!(counts(&reader, &counters), (0, 1, 0), "it was begun again and not ended");
        Ok(())
    }

    #[test]
    fn the_last_sample_of_each_member_is_held() -> Result<(), LayoutError> {
        let settings = PlayoutSettings { target: 1, limit: 2, dry: Dry::Hold };
        let (mut writer, mut reader, _) = buffer(settings)?;
        let mut out = [0xff; 16];
        assert_eq!(reader.next_block(&mut out), Played::Dry);
        assert_eq!(out, [0; 16]);
        let block = [[1; 4], [2; 4], [3; 4], [4; 4]].concat();
        assert!(writer.push(&block) && !writer.push(&block[1..]));
        assert_eq!(reader.next_block(&mut out), Played::Block);
        assert_eq!(out[..], block);
        assert_eq!(reader.next_block(&mut out), Played::Dry);
        assert_eq!(out[..], [[2; 4], [2; 4], [4; 4], [4; 4]].concat());
        Ok(())
    }

    #[test]
    fn times_become_blocks() {
        let block = Duration::from_secs_f64(64.0 / 48_000.0);
        let settings = |target, limit| {
            PlayoutSettings::new(Duration::from_millis(target), Duration::from_millis(limit), block, Dry::Silence)
        };
        assert_eq!((settings(20, 200).target, settings(20, 200).limit), (15, 150));
        assert_eq!((settings(0, 0).target, settings(0, 0).limit), (1, 2));
        assert_eq!((settings(40, 20).target, settings(40, 20).limit), (30, 60));
    }
}
