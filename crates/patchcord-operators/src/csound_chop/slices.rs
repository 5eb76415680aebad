//! Samples of a-rate signals between the network, which brings blocks when it likes, and frames, which take slices.
//!
//! A [`Stream`] holds the samples of one incoming signal until a frame takes them. A slice has as many samples as time
//! has passed on the patch's clock, or a few more or less, so that nothing is lost or made up only because the sender's
//! clock is another: while a stream flows every sample that came is shown once. It begins to flow when `jitter` samples
//! are there. When it has none at all it has run dry: the slice is filled up, that is counted, and it gathers `jitter`
//! samples anew. More than `limit` samples are never kept; the oldest go, and are counted.
//!
//! [`Blocks`] goes the other way: it cuts what frames bring into blocks, at another sample rate if need be.

use std::collections::VecDeque;

/// Bounds of streams, in samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Bounds {
    /// Samples that are there before a stream flows, so that the next frames have some.
    pub jitter: usize,
    /// Samples that are kept at most.
    pub limit: usize,
    /// What fills a slice when a stream is dry: its last sample, or silence.
    pub holds: bool,
}

/// Samples of one incoming signal, for each of its members.
#[derive(Debug, Default)]
pub(super) struct Stream {
    members: Vec<VecDeque<f64>>,
    last: Vec<f64>,
    flows: bool,
    /// Samples that had to go since a frame took some.
    missed: u64,
    /// Samples that had to go although somebody reads, of each member.
    pub dropped: u64,
    /// Times that it ran dry.
    pub late: u64,
}

impl Stream {
    pub(super) fn new(members: usize) -> Self {
        Stream { members: vec![VecDeque::new(); members], last: vec![0.0; members], ..Stream::default() }
    }

    /// Samples that wait.
    pub(super) fn waiting(&self) -> usize {
        self.members.first().map_or(0, VecDeque::len)
    }

    /// Takes a block: all samples of the first member, then all of the next.
    pub(super) fn push(&mut self, block: &[f64], bounds: Bounds) {
        let count = block.len() / self.members.len().max(1);
        for (samples, new) in self.members.iter_mut().zip(block.chunks_exact(count.max(1))) {
            samples.extend(new);
        }
        let excess = self.waiting().saturating_sub(bounds.limit);
        self.forget(excess);
        self.missed += excess as u64;
    }

    /// Keeps the newest samples only, for a reader that comes after nobody has read for long.
    fn begin_anew(&mut self, bounds: Bounds) {
        self.missed = 0;
        self.forget(self.waiting().saturating_sub(bounds.jitter));
    }

    fn forget(&mut self, count: usize) {
        for samples in &mut self.members {
            samples.drain(..count.min(samples.len()));
        }
    }

    /// Takes `count` samples of each member, and fills up what is not there.
    fn take(&mut self, count: usize, bounds: Bounds, out: &mut Vec<Vec<f64>>) {
        self.dropped += std::mem::take(&mut self.missed);
        self.flows |= self.waiting() >= bounds.jitter.max(1);
        let there = if self.flows { self.waiting().min(count) } else { 0 };
        for (samples, last) in self.members.iter_mut().zip(&mut self.last) {
            let mut taken: Vec<f64> = samples.drain(..there).collect();
            *last = taken.last().copied().unwrap_or(*last);
            taken.resize(count, if bounds.holds { *last } else { 0.0 });
            out.push(taken);
        }
        if self.flows && there < count {
            self.flows = false;
            self.late += 1;
        }
    }
}

/// Cuts the streams of one operator into slices.
#[derive(Debug, Default)]
pub(super) struct Slicer {
    /// Seconds up to which slices were taken.
    until: Option<f64>,
    /// Part of a sample that was still owed then.
    fraction: f64,
    /// Samples shown so far.
    shown: u64,
}

/// When a slice is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    /// Seconds at which the frame begins.
    pub now: f64,
    /// Samples per second.
    pub rate: f64,
    /// Seconds from frame to frame.
    pub frame: f64,
    /// The last slice was taken in the frame before, however long ago that was. Otherwise nobody may have read for long,
    /// and then wants what is new.
    pub reads_on: bool,
}

/// What a frame shows of the a-rate signals.
#[derive(Debug, PartialEq)]
pub(super) struct Slice {
    /// Number of the first sample.
    pub start: u64,
    /// Samples of each member of each stream, in order.
    pub members: Vec<Vec<f64>>,
    /// Samples of each.
    pub count: usize,
}

impl Slicer {
    /// The next slice.
    pub(super) fn take(&mut self, streams: &mut [&mut Stream], time: Time, bounds: Bounds) -> Slice {
        let Time { now, rate, frame, reads_on } = time;
        let passed = self.until.replace(now).map(|until| now - until);
        let longest = bounds.limit as f64 / rate;
        let passed = match passed.filter(|passed| *passed >= 0.0 && (reads_on || *passed <= longest)) {
            Some(passed) => passed.min(longest),
            None => {
                streams.iter_mut().for_each(|stream| stream.begin_anew(bounds));
                frame
            }
        };
        let owed = passed * rate + self.fraction;
        let count = self.count(streams, owed.max(0.0) as usize, bounds);
        self.fraction = owed.fract();
        let mut members = Vec::new();
        streams.iter_mut().for_each(|stream| stream.take(count, bounds, &mut members));
        let start = self.shown;
        self.shown += count as u64;
        Slice { start, members, count }
    }

    /// How many samples the slice has: those that are owed, fewer when a stream has some but not as many, and more
    /// when twice the jitter would stay behind.
    fn count(&self, streams: &[&mut Stream], owed: usize, bounds: Bounds) -> usize {
        let flowing = streams.iter().filter(|stream| stream.flows || stream.waiting() >= bounds.jitter.max(1));
        let waiting: Vec<usize> = flowing.map(|stream| stream.waiting()).collect();
        let (Some(&least), Some(&most)) = (waiting.iter().min(), waiting.iter().max()) else { return owed };
        if most > owed + 2 * bounds.jitter {
            return most - bounds.jitter;
        }
        if least == 0 { owed } else { least.min(owed) }
    }
}

/// Cuts samples into blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    members: Vec<Resampled>,
    block: usize,
}

#[derive(Debug, Default)]
struct Resampled {
    waiting: Vec<f64>,
    /// The newest sample of the source, and how far behind it the next one to be made lies, in samples of the source.
    last: f64,
    behind: f64,
}

impl Blocks {
    pub(super) fn new(members: usize, block: usize) -> Self {
        let members = std::iter::repeat_with(Resampled::default).take(members).collect();
        Blocks { members, block: block.max(1) }
    }

    /// Adds samples of a member; `step` is the sample rate of the source through that of the blocks. At another rate
    /// values in between lie on the line from one sample to the next.
    pub(super) fn push(&mut self, member: usize, samples: &[f64], step: f64) {
        let Some(member) = self.members.get_mut(member) else { return };
        if step == 1.0 {
            member.waiting.extend_from_slice(samples);
            member.last = samples.last().copied().unwrap_or(member.last);
            return;
        }
        for &sample in samples {
            // The source goes on by one sample: what lies between the last one and this one can be made.
            while member.behind < 1.0 {
                member.waiting.push(member.last + (sample - member.last) * member.behind);
                member.behind += step;
            }
            member.behind -= 1.0;
            member.last = sample;
        }
    }

    /// The next whole block of all members, all samples of the first one first, into `out`; `false` when there is none.
    pub(super) fn take(&mut self, out: &mut Vec<f64>) -> bool {
        let block = self.block;
        if self.members.is_empty() || self.members.iter().any(|member| member.waiting.len() < block) {
            return false;
        }
        out.clear();
        self.members.iter_mut().for_each(|member| out.extend(member.waiting.drain(..block)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 48_000.0;
    const FRAME: f64 = 1.0 / 60.0;
    const BOUNDS: Bounds = Bounds { jitter: 960, limit: 48_000, holds: false };

    fn take(slicer: &mut Slicer, streams: &mut [Stream], now: f64, bounds: Bounds) -> Slice {
        let time = Time { now, rate: RATE, frame: FRAME, reads_on: false };
        slicer.take(&mut streams.iter_mut().collect::<Vec<_>>(), time, bounds)
    }

    fn ramp(from: u64, count: u64) -> Vec<f64> {
        (from + 1..=from + count).map(|number| number as f64).collect()
    }

    /// Slices of a stream in which `arrives` says how many samples came before each frame.
    fn run(frames: u64, bounds: Bounds, arrives: impl Fn(u64) -> u64) -> (Vec<f64>, Stream) {
        let (mut streams, mut slicer, mut sent) = (vec![Stream::new(1)], Slicer::default(), 0);
        let mut shown = Vec::new();
        for frame in 0..frames {
            let count = arrives(frame);
            for block in ramp(sent, count).chunks(64) {
                streams[0].push(block, bounds);
            }
            sent += count;
            let slice = take(&mut slicer, &mut streams, frame as f64 * FRAME, bounds);
            assert_eq!(slice.start as usize, shown.len());
            assert_eq!(slice.members[0].len(), slice.count);
            shown.extend_from_slice(&slice.members[0]);
        }
        (shown, streams.pop().unwrap())
    }

    /// Whether what is shown is silence and then every sample in order, from wherever it begins.
    fn is_whole(shown: &[f64]) -> bool {
        let first_at = shown.iter().position(|value| *value != 0.0).unwrap_or(shown.len());
        let flow = &shown[first_at..];
        !flow.is_empty() && flow.windows(2).all(|pair| pair[1] == pair[0] + 1.0)
    }

    #[test]
    fn a_stream_is_shown_whole_whatever_its_clock() {
        // Exact, a thousandth fast, a thousandth slow, in bursts of two frames.
        for (name, per_frame) in [("exact", 800.0), ("fast", 800.8), ("slow", 799.2)] {
            let (shown, stream) =
                run(6000, BOUNDS, |frame| ((frame + 1) as f64 * per_frame) as u64 - (frame as f64 * per_frame) as u64);
            assert!(is_whole(&shown), "{name}");
            assert_eq!((stream.late, stream.dropped), (0, 0), "{name}");
            assert!(stream.waiting() <= 3 * BOUNDS.jitter, "{name}: {} wait", stream.waiting());
        }
        let (shown, stream) = run(600, BOUNDS, |frame| if frame % 2 == 0 { 1600 } else { 0 });
        assert!(is_whole(&shown));
        assert_eq!((stream.late, stream.dropped), (0, 0));
    }

    #[test]
    fn a_late_frame_loses_nothing_up_to_the_limit() {
        let (mut streams, mut slicer) = (vec![Stream::new(1)], Slicer::default());
        streams[0].push(&ramp(0, 960), BOUNDS);
        assert_eq!(take(&mut slicer, &mut streams, 0.0, BOUNDS).count, 800);
        streams[0].push(&ramp(960, 24_000), BOUNDS);
        let late = take(&mut slicer, &mut streams, 0.5, BOUNDS);
        assert_eq!((late.start, late.members[0][0], late.count), (800, 801.0, 24_000));
        // Beyond the limit the oldest go.
        streams[0].push(&ramp(24_960, 60_000), BOUNDS);
        let time = Time { now: 2.0, rate: RATE, frame: FRAME, reads_on: true };
        let very_late = slicer.take(&mut streams.iter_mut().collect::<Vec<_>>(), time, BOUNDS);
        assert_eq!((very_late.count, streams[0].waiting()), (48_000, 0));
        assert_eq!((streams[0].dropped, streams[0].late), (160 + 60_000 - 48_000, 0));
    }

    #[test]
    fn a_stream_that_runs_dry_is_silent_and_gathers_anew() {
        for holds in [false, true] {
            let bounds = Bounds { holds, ..BOUNDS };
            let (mut streams, mut slicer) = (vec![Stream::new(1)], Slicer::default());
            let mut take =
                |streams: &mut [Stream], frame: u32| take(&mut slicer, streams, f64::from(frame) * FRAME, bounds);
            streams[0].push(&ramp(0, 960), bounds);
            assert_eq!(take(&mut streams, 0).count, 800);
            let rest = take(&mut streams, 1);
            assert_eq!((rest.count, *rest.members[0].last().unwrap()), (160, 960.0));
            let dry = take(&mut streams, 2);
            assert_eq!(dry.members[0], vec![if holds { 960.0 } else { 0.0 }; dry.count]);
            assert_eq!((dry.count, streams[0].late), (800, 1));
            streams[0].push(&ramp(960, 900), bounds);
            assert_eq!(take(&mut streams, 3).members[0][0], if holds { 960.0 } else { 0.0 });
            streams[0].push(&ramp(1860, 100), bounds);
            assert_eq!(take(&mut streams, 4).members[0][0], 961.0);
            assert_eq!(streams[0].late, 1);
        }
    }

    #[test]
    fn a_stream_that_stops_does_not_stop_the_others() {
        let (mut streams, mut slicer) = (vec![Stream::new(1), Stream::new(2)], Slicer::default());
        let mut shown = Vec::new();
        for frame in 0..60 {
            streams[0].push(&ramp(frame * 800, 800), BOUNDS);
            if frame < 10 {
                streams[1].push(&[ramp(frame * 800, 800), ramp(frame * 800, 800)].concat(), BOUNDS);
            }
            let slice = take(&mut slicer, &mut streams, frame as f64 * FRAME, BOUNDS);
            assert_eq!(slice.members.len(), 3);
            shown.extend_from_slice(&slice.members[0]);
        }
        assert!(is_whole(&shown));
        assert_eq!((streams[0].late, streams[1].late), (0, 1));
    }

    #[test]
    fn whoever_begins_to_read_late_gets_what_is_new() {
        let (mut streams, mut slicer) = (vec![Stream::new(1)], Slicer::default());
        for from in (0..480_000).step_by(64) {
            streams[0].push(&ramp(from, 64), BOUNDS);
        }
        let first = take(&mut slicer, &mut streams, 10.0, BOUNDS);
        assert_eq!((first.start, first.count, first.members[0][0]), (0, 800, 480_000.0 - 959.0));
        assert_eq!((streams[0].dropped, streams[0].late), (0, 0));
    }

    #[test]
    fn without_a_stream_slices_follow_the_clock() {
        let mut slicer = Slicer::default();
        let total: usize =
            (0..60).map(|frame| take(&mut slicer, &mut [], f64::from(frame) * FRAME, BOUNDS).count).sum();
        assert!(total.abs_diff(48_000) <= 1, "{total}");
    }

    #[test]
    fn blocks_are_cut_from_slices_of_any_length() {
        let mut blocks = Blocks::new(2, 64);
        let (mut block, mut all) = (Vec::new(), Vec::new());
        let mut sent = 0;
        for count in [10, 100, 1, 17, 300, 84] {
            blocks.push(0, &ramp(sent, count), 1.0);
            blocks.push(1, &ramp(sent + 1000, count), 1.0);
            sent += count;
            while blocks.take(&mut block) {
                assert_eq!((block.len(), block[64] - block[0]), (128, 1000.0));
                all.extend_from_slice(&block[..64]);
            }
        }
        assert_eq!(all, ramp(0, 512));
    }

    #[test]
    fn another_rate_is_met_on_the_line_between_samples() {
        let mut blocks = Blocks::new(1, 1);
        let mut made = Vec::new();
        let mut block = Vec::new();
        for samples in ramp(0, 480).chunks(7) {
            blocks.push(0, samples, 44_100.0 / 48_000.0);
            while blocks.take(&mut block) {
                made.push(block[0]);
            }
        }
        assert!(made.len().abs_diff(522) <= 1, "{}", made.len());
        let steps = made.windows(2).skip(2).map(|pair| pair[1] - pair[0]);
        assert!(steps.into_iter().all(|step| (step - 0.91875).abs() < 1e-9));
    }
}
