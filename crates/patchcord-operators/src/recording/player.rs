//! Plays a recording back: hands out its entries when they are due.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{Content, Header, Reader, Recorded, ReplayError};

/// Entries that one turn reads at most.
const TURN_ENTRIES: u32 = 64;

/// Bytes of messages after which a turn ends.
const TURN_BYTES: usize = 1 << 20;

/// Longest sleep of [`play`]: the timer knows no longer ones.
const MAX_SLEEP: Duration = Duration::from_secs(86_400);

/// What has been played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Entries that were handed out.
    pub entries: u64,
    /// Messages that the recording marks as missing.
    pub lost: u64,
    /// The broken last line, when whoever wrote the recording was cut off: a warning, known at the end.
    pub cut_off: Option<u64>,
}

/// What comes after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing is due before this time. A time that has passed means that the turn was full: others come first, then
    /// the next turn.
    Next(Duration),
    /// That was all.
    End,
}

/// A recording that is played. Has no clock: every time is counted by the caller from when playing began.
#[derive(Debug)]
pub struct Player {
    reader: Reader,
    /// Read, and not due yet.
    next: Option<Recorded>,
    speed: f64,
    /// At this time of the caller the recording stood at `anchor_at`; changes with the speed.
    anchor: Duration,
    anchor_at: Duration,
    /// Time of the last entry that was due.
    reached: Duration,
    played: Played,
}

impl Player {
    /// Opens a recording. A speed of 1 is the original, 2 is twice as fast, 0 (and what is no speed: negative, or no
    /// number) is as fast as it goes.
    ///
    /// # Errors
    /// When it cannot be opened or is no recording.
    pub fn open(path: &Path, speed: f64) -> Result<Self, ReplayError> {
        let reader = Reader::open(path)?;
        let (start, played) = (Duration::ZERO, Played::default());
        let speed = in_range(speed);
        Ok(Player { reader, next: None, speed, anchor: start, anchor_at: start, reached: start, played })
    }

    /// What the first line says.
    pub fn header(&self) -> &Header {
        self.reader.header()
    }

    /// What has been played so far.
    pub fn played(&self) -> Played {
        Played { cut_off: self.reader.cut_off(), ..self.played }
    }

    /// Changes the speed from `now` on.
    pub fn set_speed(&mut self, speed: f64, now: Duration) {
        let speed = in_range(speed);
        if speed != self.speed {
            self.anchor_at = self.position(now);
            self.anchor = now;
            self.speed = speed;
        }
    }

    /// Hands out what is due: what came in, openings and closings, and gaps. One call reads at most 64 entries, and ends after
    /// 1 MiB of messages.
    ///
    /// # Errors
    /// When the recording cannot be read or understood any further.
    pub fn play_due(&mut self, now: Duration, on_entry: &mut dyn FnMut(Recorded)) -> Result<Turn, ReplayError> {
        let mut bytes = 0;
        for _ in 0..TURN_ENTRIES {
            let Some(recorded) = self.next.take().map_or_else(|| self.reader.next_entry(), |next| Ok(Some(next)))?
            else {
                return Ok(Turn::End);
            };
            let due = self.due(recorded.at);
            if due > now || bytes >= TURN_BYTES {
                self.next = Some(recorded);
                return Ok(Turn::Next(due));
            }
            self.reached = recorded.at;
            bytes += size(&recorded.entry.content);
            if let Content::Lost(count) = recorded.entry.content {
                self.played.lost = self.played.lost.saturating_add(count);
                on_entry(recorded);
            } else if recorded.entry.is_played() {
                self.played.entries += 1;
                on_entry(recorded);
            }
        }
        Ok(Turn::Next(now))
    }

    /// Where the recording stands.
    fn position(&self, now: Duration) -> Duration {
        if self.speed == 0.0 {
            return self.reached;
        }
        let passed = now.saturating_sub(self.anchor).as_secs_f64() * self.speed;
        self.anchor_at.saturating_add(Duration::try_from_secs_f64(passed).unwrap_or(Duration::MAX))
    }

    /// The caller's time at which something is due.
    fn due(&self, at: Duration) -> Duration {
        if self.speed == 0.0 {
            return Duration::ZERO;
        }
        let wait = at.saturating_sub(self.anchor_at).as_secs_f64() / self.speed;
        self.anchor.saturating_add(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }
}

fn in_range(speed: f64) -> f64 {
    if speed.is_finite() { speed.max(0.0) } else { 0.0 }
}

fn size(content: &Content<'_>) -> usize {
    match content {
        Content::Text(text) => text.len(),
        Content::Binary(bytes) | Content::Ping(bytes) | Content::Pong(bytes) => bytes.len(),
        Content::Request(request) => request.body.bytes.len(),
        Content::Response(response) => response.body.bytes.len(),
        Content::Open { .. } | Content::Failed { .. } | Content::Close { .. } | Content::Lost(_) => 0,
    }
}

/// Plays a recording on tokio's clock and calls `on_entry` for what is due, with other tasks' turns between. The speed
/// is that of the channel, which may change while it plays. Reading and decoding are done by tokio's pool of threads, a
/// turn at a time. Dropping the future ends it.
///
/// # Errors
/// When the recording cannot be read or understood any further.
pub async fn play(
    mut player: Player,
    mut speed: watch::Receiver<f64>,
    mut on_entry: impl FnMut(Recorded),
) -> Result<Played, ReplayError> {
    let started = Instant::now();
    loop {
        let now = started.elapsed();
        player.set_speed(*speed.borrow_and_update(), now);
        let turn = in_pool(move || {
            let mut due = Vec::new();
            let next = player.play_due(now, &mut |recorded| due.push(recorded));
            (player, due, next)
        });
        let (back, due, next) = turn.await;
        player = back;
        due.into_iter().for_each(&mut on_entry);
        match next? {
            Turn::End => return Ok(player.played()),
            Turn::Next(due) if due <= started.elapsed() => tokio::task::yield_now().await,
            Turn::Next(due) => {
                let sleep = sleep_until(started + due.min(now + MAX_SLEEP));
                tokio::select! {
                    () = sleep => {}
                    () = changed(&mut speed) => {}
                }
            }
        }
    }
}

/// Opens a recording of an operator type as [`Player::open`] does, in tokio's pool of threads.
///
/// # Errors
/// As [`Player::open`], and when the recording says that another type made it.
pub async fn open(path: PathBuf, operator_type: &'static str, speed: f64) -> Result<Player, ReplayError> {
    in_pool(move || {
        let player = Player::open(&path, speed)?;
        let recorded = &player.header().operator_type;
        // One that somebody wrote by hand may not say.
        if !recorded.is_empty() && recorded != operator_type {
            return Err(ReplayError::OtherOperator { path, recorded: recorded.clone(), here: operator_type });
        }
        Ok(player)
    })
    .await
}

/// Lets a thread that may wait for the disk do it.
async fn in_pool<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Waits for another speed; for ever when nobody is left to set one.
async fn changed(speed: &mut watch::Receiver<f64>) {
    if speed.changed().await.is_err() {
        std::future::pending().await
    }
}
