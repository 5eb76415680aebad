//! The stream of an outgoing signal to its clients: encoded once, read by each client at its own pace.
//!
//! Frames stand behind one another in one buffer. A client is a cursor at the begin of a frame; the rest of a frame that
//! was written in part is the client's own, so that it is finished whatever becomes of the log. What all have read is let go.
//! What a slow client has not read is kept up to a limit in bytes and age; beyond it the oldest whole frames are
//! lost to that client, and counted. With no client nothing is kept: a stream begins live.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Bytes at the begin of the buffer that are let go without moving the rest.
const MOVE_AT_LEAST: usize = 16 << 10;
/// Bytes and frames that the buffer keeps room for when it is empty.
const ROOM_BYTES: usize = 256 << 10;
const ROOM_FRAMES: usize = 4 << 10;

/// How much is kept for slow clients. The newest frame is always kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLimits {
    /// Most bytes of frames.
    pub bytes: usize,
    /// Most time that a frame waits.
    pub age: Duration,
}

/// A client of one [`StreamLog`].
#[derive(Debug, PartialEq, Eq)]
pub struct Cursor(usize);

/// What one [`StreamLog::push`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pushed {
    /// Frames that were lost to clients, each counted once for each client that has not read it.
    pub lost: u64,
}

/// Frames for several clients.
#[derive(Debug)]
pub struct StreamLog {
    limits: StreamLimits,
    /// Frames from `start` on.
    bytes: Vec<u8>,
    start: usize,
    /// Bytes that were let go before `start`, since the log was made.
    gone: u64,
    frames: VecDeque<Frame>,
    /// Number of the frame at `start`, since the log was made.
    first: u64,
    clients: Vec<Option<Client>>,
    /// Clients whose next frame is the first one.
    at_first: usize,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Bytes of this frame and all before it, since the log was made.
    end: u64,
    at: Instant,
}

#[derive(Debug)]
struct Client {
    /// Number of the next frame that it has not begun.
    next: u64,
    /// Bytes that go before that frame, from `own_start` on.
    own: Vec<u8>,
    own_start: usize,
    lost: u64,
}

impl StreamLog {
    /// A log without clients.
    pub fn new(limits: StreamLimits) -> Self {
        Self {
            limits,
            bytes: Vec::new(),
            start: 0,
            gone: 0,
            frames: VecDeque::new(),
            first: 0,
            clients: Vec::new(),
            at_first: 0,
        }
    }

    /// Limits that hold from the next [`push`](Self::push) on.
    pub fn set_limits(&mut self, limits: StreamLimits) {
        self.limits = limits;
    }

    /// A new client. It gets `before` (a handshake's answer, current values) and then every frame that is pushed from now on.
    pub fn join(&mut self, before: Vec<u8>) -> Cursor {
        let next = self.end();
        let client = Some(Client { next, own: before, own_start: 0, lost: 0 });
        if next == self.first {
            self.at_first += 1;
        }
        match self.clients.iter().position(Option::is_none) {
            Some(free) => {
                self.clients[free] = client;
                Cursor(free)
            }
            None => {
                self.clients.push(client);
                Cursor(self.clients.len() - 1)
            }
        }
    }

    /// Lets a client go, and returns what it has begun and still has to be written if anything may follow: the rest of a
    /// frame and what was inserted.
    ///
    /// # Panics
    ///
    /// With a cursor of another log.
    pub fn leave(&mut self, cursor: Cursor) -> Vec<u8> {
        let mut client = self.clients[cursor.0].take().expect("a cursor of this log");
        while self.clients.pop_if(|client| client.is_none()).is_some() {}
        if self.clients.is_empty() {
            let limits = self.limits;
            let first = self.end();
            *self = Self { first, ..Self::new(limits) };
        } else {
            self.has_moved(client.next);
        }
        client.own.drain(..client.own_start);
        client.own
    }

    /// Clients.
    pub fn clients(&self) -> usize {
        self.clients.iter().flatten().count()
    }

    /// Appends the frame that `encode` writes behind what the buffer holds. Without clients nothing is kept, and `encode` is
    /// not called.
    pub fn push(&mut self, now: Instant, encode: impl FnOnce(&mut Vec<u8>)) -> Pushed {
        if self.clients.is_empty() {
            return Pushed::default();
        }
        let before = self.bytes.len();
        encode(&mut self.bytes);
        if self.bytes.len() <= before {
            return Pushed::default();
        }
        self.frames.push_back(Frame { end: self.gone + self.kept() as u64, at: now });
        self.drop_oldest(now)
    }

    /// What a client has to be written next, in order: its own bytes, then frames. Both are empty when it has everything.
    ///
    /// # Panics
    ///
    /// With a cursor of another log.
    pub fn pending(&self, cursor: &Cursor) -> [&[u8]; 2] {
        let client = self.client(cursor);
        let frames = &self.bytes[self.start + index(self.position(client.next) - self.gone)..];
        [&client.own[client.own_start..], frames]
    }

    /// Whether a client has everything.
    ///
    /// # Panics
    ///
    /// With a cursor of another log.
    pub fn has_all(&self, cursor: &Cursor) -> bool {
        let client = self.client(cursor);
        client.own_start == client.own.len() && client.next == self.end()
    }

    /// Says that the first `bytes` bytes of what is [`pending`](Self::pending) were written, and returns how many frames
    /// that began. The rest of a frame is finished whatever happens.
    ///
    /// # Panics
    ///
    /// With a cursor of another log, or more bytes than were pending.
    pub fn advance(&mut self, cursor: &Cursor, bytes: usize) -> u64 {
        let from = self.position(self.client(cursor).next);
        let client = self.clients[cursor.0].as_mut().expect("a cursor of this log");
        let own = bytes.min(client.own.len() - client.own_start);
        client.own_start += own;
        if client.own_start == client.own.len() {
            client.own.clear();
            client.own_start = 0;
        }
        let before = client.next;
        if bytes > own {
            let reached = from + (bytes - own) as u64;
            let frames = self.frames.range(index(before - self.first)..);
            client.next += 1 + frames.take_while(|frame| frame.end < reached).count() as u64;
            let last = self.frames.get(index(client.next - 1 - self.first)).expect("no more than was pending");
            let place = |position: u64| self.start + index(position - self.gone);
            client.own.extend_from_slice(&self.bytes[place(reached)..place(last.end)]);
        }
        let begun = client.next - before;
        if begun > 0 {
            self.has_moved(before);
        }
        begun
    }

    /// Puts bytes (a pong, a close) before the frames that the client has not begun. The caller bounds them, see
    /// [`inserted`](Self::inserted).
    ///
    /// # Panics
    ///
    /// With a cursor of another log.
    pub fn insert(&mut self, cursor: &Cursor, bytes: &[u8]) {
        self.clients[cursor.0].as_mut().expect("a cursor of this log").own.extend_from_slice(bytes);
    }

    /// Bytes of a client's own that wait: the rest of a frame and what was inserted.
    ///
    /// # Panics
    ///
    /// With a cursor of another log.
    pub fn inserted(&self, cursor: &Cursor) -> usize {
        let client = self.client(cursor);
        client.own.len() - client.own_start
    }

    /// Frames that a client has lost.
    ///
    /// # Panics
    ///
    /// With a cursor of another log.
    pub fn lost(&self, cursor: &Cursor) -> u64 {
        self.client(cursor).lost
    }

    /// Bytes of frames that are kept.
    pub fn kept(&self) -> usize {
        self.bytes.len() - self.start
    }

    fn client(&self, cursor: &Cursor) -> &Client {
        self.clients.get(cursor.0).and_then(Option::as_ref).expect("a cursor of this log")
    }

    /// Number of the frame that will be pushed next.
    fn end(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    /// Bytes of all frames before frame `number`, which is kept or the next one, since the log was made.
    fn position(&self, number: u64) -> u64 {
        match index(number - self.first).checked_sub(1) {
            Some(before) => self.frames[before].end,
            None => self.gone,
        }
    }

    /// A client's next frame was `before` and is a later one, or the client is gone: lets go what all have read.
    fn has_moved(&mut self, before: u64) {
        if before == self.first {
            self.at_first -= 1;
        }
        if self.at_first == 0 {
            let next = self.clients.iter().flatten().map(|client| client.next).min().unwrap_or_else(|| self.end());
            self.let_go(index(next - self.first));
            self.count_at_first();
        }
    }

    fn drop_oldest(&mut self, now: Instant) -> Pushed {
        let end = self.gone + self.kept() as u64;
        let newest = self.frames.len() - 1;
        let (most, age) = (self.limits.bytes as u64, self.limits.age);
        // A frame goes when it is too old, or when what would be kept from it on is too much.
        let mut begin = self.gone;
        let frames = self
            .frames
            .range(..newest)
            .take_while(|frame| {
                let goes = end - begin > most || now.saturating_duration_since(frame.at) > age;
                begin = frame.end;
                goes
            })
            .count();
        let mut pushed = Pushed::default();
        if frames > 0 {
            self.let_go(frames);
            for client in self.clients.iter_mut().flatten() {
                let lost = self.first.saturating_sub(client.next);
                client.lost += lost;
                client.next += lost;
                pushed.lost += lost;
            }
            self.count_at_first();
        }
        pushed
    }

    fn let_go(&mut self, frames: usize) {
        let Some(last) = self.frames.drain(..frames).next_back() else { return };
        self.start += index(last.end - self.gone);
        self.gone = last.end;
        self.first += frames as u64;
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
            // A slow client that has caught up gives back what it cost.
            self.bytes.shrink_to(ROOM_BYTES);
            self.frames.shrink_to(ROOM_FRAMES);
        } else if self.start >= MOVE_AT_LEAST.max(self.bytes.len() / 2) {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }

    fn count_at_first(&mut self) {
        self.at_first = self.clients.iter().flatten().filter(|client| client.next == self.first).count();
    }
}

/// A number of frames or bytes that are kept, which fits because they are in memory.
fn index(kept: u64) -> usize {
    usize::try_from(kept).expect("it is in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: StreamLimits = StreamLimits { bytes: 20, age: Duration::from_secs(1) };

    fn push(log: &mut StreamLog, now: Instant, frame: &[u8]) -> u64 {
        log.push(now, |out| out.extend_from_slice(frame)).lost
    }

    fn pending(log: &StreamLog, cursor: &Cursor) -> Vec<u8> {
        log.pending(cursor).concat()
    }

    #[test]
    fn every_client_gets_every_frame_from_where_it_joined() {
        let now = Instant::now();
        let mut log = StreamLog::new(LIMITS);
        push(&mut log, now, b"nobody");
        let one = log.join(Vec::new());
        push(&mut log, now, b"aaaa");
        let two = log.join(b"hello ".to_vec());
        push(&mut log, now, b"bbbb");
        assert_eq!(pending(&log, &one), b"aaaabbbb");
        assert_eq!(pending(&log, &two), b"hello bbbb");
        assert_eq!(log.advance(&one, 8), 2);
        assert!(log.has_all(&one) && !log.has_all(&two));
        assert_eq!(log.kept(), 4, "what both have read is gone");
        assert_eq!(log.advance(&two, 10), 1);
        assert_eq!(log.kept(), 0);
        assert_eq!(log.clients(), 2);
        assert!(log.leave(one).is_empty() && log.leave(two).is_empty());
        assert_eq!(push(&mut log, now, b"nobody"), 0);
        assert_eq!((log.kept(), log.clients()), (0, 0));
    }

    #[test]
    fn a_slow_client_loses_the_oldest_frames_and_finishes_the_one_it_began() {
        let now = Instant::now();
        let mut log = StreamLog::new(LIMITS);
        let (slow, fast) = (log.join(Vec::new()), log.join(Vec::new()));
        push(&mut log, now, b"frame1 ");
        assert_eq!(log.advance(&slow, 2), 1, "it has begun the frame");
        let mut lost = 0;
        for frame in [b"frame2 ", b"frame3 ", b"frame4 "] {
            lost += push(&mut log, now, frame);
            let bytes = pending(&log, &fast).len();
            log.advance(&fast, bytes);
        }
        assert_eq!(lost, 1, "twenty bytes are two frames");
        assert_eq!(pending(&log, &slow), b"ame1 frame3 frame4 ");
        assert_eq!((log.lost(&slow), log.lost(&fast)), (1, 0));
        assert_eq!(log.advance(&slow, 5), 0);
        assert_eq!(log.advance(&slow, 14), 2);
        assert!(log.has_all(&slow));
    }

    #[test]
    fn what_is_too_old_is_lost_except_the_newest() {
        let now = Instant::now();
        let mut log = StreamLog::new(LIMITS);
        let cursor = log.join(Vec::new());
        push(&mut log, now, b"a");
        push(&mut log, now + LIMITS.age, b"b");
        assert_eq!(pending(&log, &cursor), b"ab");
        assert_eq!(push(&mut log, now + 3 * LIMITS.age, b"much more than the limit"), 2);
        assert_eq!(pending(&log, &cursor), b"much more than the limit");
    }

    #[test]
    fn what_is_inserted_goes_before_the_next_frame() {
        let now = Instant::now();
        let mut log = StreamLog::new(LIMITS);
        let cursor = log.join(Vec::new());
        push(&mut log, now, b"begun.");
        push(&mut log, now, b"whole.");
        log.advance(&cursor, 3);
        log.insert(&cursor, b"pong.");
        assert_eq!(log.inserted(&cursor), 8);
        assert_eq!(pending(&log, &cursor), b"un.pong.whole.");
        log.advance(&cursor, 1);
        assert_eq!(log.leave(cursor), b"n.pong.", "whoever closes finishes the frame first");
    }

    #[test]
    fn a_client_that_is_always_a_little_behind_costs_no_more_memory_with_time() {
        let now = Instant::now();
        let mut log = StreamLog::new(StreamLimits { bytes: 100_000, ..LIMITS });
        let cursor = log.join(Vec::new());
        let frame = |number: u32| number.to_le_bytes().repeat(250);
        for number in 0..10 {
            push(&mut log, now, &frame(number));
        }
        for number in 10..2000 {
            push(&mut log, now, &frame(number));
            assert_eq!(log.pending(&cursor)[1][..1000], frame(number - 10));
            assert_eq!(log.advance(&cursor, 1000), 1);
            assert!(log.kept() == 10_000 && log.bytes.len() < 50_000);
        }
        assert_eq!(log.lost(&cursor), 0);
    }

    #[test]
    fn a_slow_client_that_has_caught_up_gives_its_memory_back() {
        let now = Instant::now();
        let mut log = StreamLog::new(StreamLimits { bytes: 10 << 20, ..LIMITS });
        let cursor = log.join(Vec::new());
        for _ in 0..10_000 {
            push(&mut log, now, &[0; 1000]);
        }
        log.advance(&cursor, 10_000_000);
        assert!(log.bytes.capacity() <= ROOM_BYTES && log.frames.capacity() <= 2 * ROOM_FRAMES);
    }

    #[test]
    #[should_panic(expected = "no more than was pending")]
    fn more_than_was_pending_cannot_be_written() {
        let mut log = StreamLog::new(LIMITS);
        let cursor = log.join(Vec::new());
        push(&mut log, Instant::now(), b"four");
        log.advance(&cursor, 5);
    }
}
