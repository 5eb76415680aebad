//! Writes a recording: lines collect in memory, and a thread of their own puts them into the file.
//!
//! Noting an entry appends its line to a buffer under a lock that is never held while the disk works, so the patch's
//! thread never waits for it. The writer takes the whole buffer when 256 KiB have collected, or a quarter of a second
//! after the first line. What it has not taken is bounded ([`MAX_WAITING_BYTES`]); beyond that new entries are
//! dropped, counted, and the gap stands in the recording as an entry of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::format::{MAX_LINE_BYTES, NoRoom, write_entry, write_header};
use super::{Content, Direction, Entry, Header};

/// Size of a recording, in bytes, at which it stops where nobody says another (1 GiB).
pub const DEFAULT_MAX_BYTES: u64 = 1 << 30;

/// Bytes of lines that may wait for the disk before another entry is taken on (16 MiB). So at most this and one line
/// wait, and as much again is on its way to the disk.
pub const MAX_WAITING_BYTES: usize = 16 << 20;

/// Bytes that are written without waiting for more.
const BATCH: usize = 256 << 10;

/// A buffer that a burst has made larger than this is not kept.
const KEPT_CAPACITY: usize = 1 << 20;

/// Longest time that a line waits for others.
const INTERVAL: Duration = Duration::from_millis(250);

/// Longest time that the end waits for the last lines to be written.
const FINISH_LIMIT: Duration = Duration::from_secs(1);

/// Names that are tried for a recording: `show.jsonl`, `show-2.jsonl` and so on.
const MAX_NAMES: u32 = 1000;

/// Why there is no recording, or not all of one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecordingError {
    /// The folder of the file is missing.
    #[error("there is no folder for {path}")]
    NoFolder {
        /// The file.
        path: PathBuf,
    },
    /// The name ends in nothing that a file can be called.
    #[error("{path} is no name of a file")]
    NoName {
        /// What was given.
        path: PathBuf,
    },
    /// Every name that would be tried is taken.
    #[error("{path} and {MAX_NAMES} names like it are taken")]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made.
    #[error("{path} cannot be written: {reason}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// There is no thread for it.
    #[error("the thread that writes {path} cannot be started: {reason}")]
    NoThread {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Recording has stopped: the disk is full, or gone.
    #[error(
        "recording to {path} has stopped, it cannot be written any more: {reason}; {lost} messages are lost so far"
    )]
    Failed {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
        /// Messages that were noted and are not in the file.
        lost: u64,
    },
    /// Recording has stopped: the file has reached its limit.
    #[error("recording to {path} has stopped at its limit of {limit} bytes")]
    Full {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Recording goes on with gaps.
    #[error("the disk is slower than the messages come; some are missing in {path}")]
    Slow {
        /// The file.
        path: PathBuf,
    },
    /// Recording goes on without this message.
    #[error("a message is too large for {path} (a line has at most {MAX_LINE_BYTES} bytes)")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

impl RecordingError {
    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            RecordingError::NoFolder { .. } => "make the folder; it is not made here",
            RecordingError::NoName { .. } => "name a file",
            RecordingError::Taken { .. } => "move old recordings away, or choose another name",
            RecordingError::Unwritable { .. } | RecordingError::NoThread { .. } => "the traffic goes on unrecorded",
            RecordingError::Failed { .. } => "make room and set `record` anew; what is in the file is good",
            RecordingError::Full { .. } => "set `record` anew; a new file is begun",
            RecordingError::Slow { .. } => "record to a faster disk; the gaps are marked in the recording",
            RecordingError::TooLarge { .. } => "the gap is marked in the recording",
        }
    }

    /// Whether nothing is recorded any more.
    pub fn is_end(&self) -> bool {
        !matches!(self, RecordingError::Slow { .. } | RecordingError::TooLarge { .. })
    }
}

/// What a recording came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The file.
    pub path: PathBuf,
    /// Entries that are in the file.
    pub messages: u64,
    /// Entries that are not.
    pub lost: u64,
    /// Size of the file, in bytes.
    pub bytes: u64,
}

/// A recording that is being written. Dropping it ends it, as [`Recorder::finish`] does.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    path: PathBuf,
    started: Instant,
}

/// What goes wrong while recording, each kind of trouble once.
#[derive(Debug)]
pub struct Problems(mpsc::UnboundedReceiver<RecordingError>);

impl Problems {
    /// Waits for the next; `None` when the recording has ended.
    pub async fn next(&mut self) -> Option<RecordingError> {
        self.0.recv().await
    }
}

impl Recorder {
    /// Begins a recording of at most `max_bytes`. A file that is there is kept: the next free name is taken
    /// (`show-2.jsonl` after `show.jsonl`), and [`Recorder::path`] says which. Only its owner may read the file.
    ///
    /// # Errors
    /// When the file cannot be made or no thread be had. Later trouble comes out of [`Problems`].
    pub fn start(path: &Path, header: &Header, max_bytes: u64) -> Result<(Self, Problems), RecordingError> {
        let (file, path) = create(path)?;
        Self::begin(file, path, header, max_bytes)
    }

    fn begin(file: File, path: PathBuf, header: &Header, max_bytes: u64) -> Result<(Self, Problems), RecordingError> {
        let (report, problems) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(max_bytes));
        write_header(&mut shared.state().waiting, header);
        let writer = Writer { shared: shared.clone(), file, path: path.clone(), report, told: 0 };
        std::thread::Builder::new()
            .name("patchcord-rec".to_owned())
            .spawn(move || writer.work())
            .map_err(|error| RecordingError::NoThread { path: path.clone(), reason: error.to_string() })?;
        Ok((Recorder { shared, path, started: Instant::now() }, Problems(problems)))
    }

    /// The file that is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes that something happens now. Never waits for the disk.
    pub fn note(&self, entry: Entry<'_>) {
        self.note_at(self.started.elapsed(), entry);
    }

    /// Notes what happened so long after the start.
    pub fn note_at(&self, at: Duration, entry: Entry<'_>) {
        if self.shared.state().note(at, &entry) {
            self.shared.work.notify_one();
        }
    }

    /// Entries that are not in the file so far.
    pub fn lost(&self) -> u64 {
        self.shared.state().lost
    }

    /// Ends the recording and waits until it is written, at most a second.
    pub fn finish(self) -> Summary {
        self.shared.finish(self.started.elapsed());
        let state = self.shared.state();
        Summary { path: self.path.clone(), messages: state.messages, lost: state.lost, bytes: state.written }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.finish(self.started.elapsed());
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
}

#[derive(Debug)]
struct State {
    /// Whole lines that the writer has not taken yet.
    waiting: Vec<u8>,
    /// Entries among them.
    waiting_messages: u64,
    /// Bytes that the writer has taken.
    taken: u64,
    max_bytes: u64,
    /// Bytes and entries that are in the file.
    written: u64,
    messages: u64,
    lost: u64,
    /// Entries that were lost since the last one that was not.
    gap: u64,
    /// Why entries were refused, each reason once.
    refusals: Vec<Refusal>,
    /// Nothing more is to come.
    closed: bool,
    /// The writer has ended.
    done: bool,
}

/// Why an entry is not taken on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Refusal {
    /// The recording was finished, or its file failed.
    Ended,
    Full,
    Slow,
    TooLarge,
}

impl State {
    /// Takes an entry on, or counts it as lost. Returns whether the writer has to be woken.
    fn note(&mut self, at: Duration, entry: &Entry<'_>) -> bool {
        let before = self.waiting.len();
        match self.append(at, entry) {
            Ok(()) => {
                self.waiting_messages += 1;
                self.gap = 0;
                before == 0 || (before < BATCH && self.waiting.len() >= BATCH)
            }
            Err(refusal) => {
                self.waiting.truncate(before);
                self.lost += 1;
                self.gap += 1;
                let is_new = !self.refusals.contains(&refusal);
                if is_new {
                    self.refusals.push(refusal);
                }
                is_new
            }
        }
    }

    fn append(&mut self, at: Duration, entry: &Entry<'_>) -> Result<(), Refusal> {
        if self.closed {
            return Err(Refusal::Ended);
        }
        // A recording that has stopped does not go on with messages that happen to be small.
        if self.refusals.contains(&Refusal::Full) {
            return Err(Refusal::Full);
        }
        if self.waiting.len() >= MAX_WAITING_BYTES {
            return Err(Refusal::Slow);
        }
        self.append_gap(at);
        let limit = self.waiting.len() + MAX_LINE_BYTES;
        write_entry(&mut self.waiting, at, entry, limit).map_err(|NoRoom| Refusal::TooLarge)?;
        let size = self.taken + self.waiting.len() as u64;
        if size > self.max_bytes { Err(Refusal::Full) } else { Ok(()) }
    }

    /// Marks what is missing.
    fn append_gap(&mut self, at: Duration) {
        if self.gap > 0 {
            // A line of a few bytes is never too long.
            let _ = write_entry(&mut self.waiting, at, &Entry::new(Direction::In, Content::Lost(self.gap)), usize::MAX);
        }
    }

    /// Nothing more is taken on, and what waits is lost.
    fn fail(&mut self, lost: u64) {
        self.closed = true;
        self.lost += lost + std::mem::take(&mut self.waiting_messages);
        self.waiting = Vec::new();
    }
}

impl Shared {
    fn new(max_bytes: u64) -> Self {
        let state = State {
            waiting: Vec::new(),
            waiting_messages: 0,
            taken: 0,
            max_bytes,
            written: 0,
            messages: 0,
            lost: 0,
            gap: 0,
            refusals: Vec::new(),
            closed: false,
            done: false,
        };
        Shared { state: Mutex::new(state), work: Condvar::new(), done: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs while the state is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the writer to end, and waits for it.
    fn finish(&self, at: Duration) {
        let until = Instant::now() + FINISH_LIMIT;
        let mut state = self.state();
        if !state.closed && !state.refusals.contains(&Refusal::Full) {
            state.append_gap(at);
        }
        state.closed = true;
        self.work.notify_one();
        while !state.done {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return;
            }
            state = self.done.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What runs on the thread of its own.
struct Writer {
    shared: Arc<Shared>,
    file: File,
    path: PathBuf,
    report: mpsc::UnboundedSender<RecordingError>,
    /// Refusals that were told.
    told: usize,
}

/// What the writer takes in one go.
struct Batch {
    lines: Vec<u8>,
    messages: u64,
    refusals: Vec<Refusal>,
}

impl Writer {
    fn work(mut self) {
        let mut lines = Vec::new();
        while let Some(batch) = self.take(lines) {
            for refusal in &batch.refusals {
                self.tell(*refusal);
            }
            self.told += batch.refusals.len();
            lines = match self.write(batch) {
                Some(lines) => lines,
                None => break,
            };
        }
        self.shared.state().done = true;
        self.shared.done.notify_all();
    }

    /// Waits for lines; `None` at the end. The buffer that was emptied takes the place of the one that is taken.
    fn take(&self, emptied: Vec<u8>) -> Option<Batch> {
        let mut since = None;
        let mut state = self.shared.state();
        loop {
            let has_news = state.refusals.len() > self.told;
            if has_news || (state.closed && !state.waiting.is_empty()) || state.waiting.len() >= BATCH {
                break;
            }
            if state.closed {
                return None;
            }
            if state.waiting.is_empty() {
                state = self.shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let rest = INTERVAL.saturating_sub(since.get_or_insert_with(Instant::now).elapsed());
            if rest.is_zero() {
                break;
            }
            state = self.shared.work.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        let lines = std::mem::replace(&mut state.waiting, emptied);
        state.taken += lines.len() as u64;
        let messages = std::mem::take(&mut state.waiting_messages);
        Some(Batch { lines, messages, refusals: state.refusals[self.told..].to_vec() })
    }

    /// Writes a batch and returns its buffer, emptied; `None` when the file takes no more.
    fn write(&mut self, batch: Batch) -> Option<Vec<u8>> {
        let Batch { mut lines, messages, .. } = batch;
        let mut rest = lines.as_slice();
        let result = write_all(&mut self.file, &mut rest);
        // Each line that is not whole in the file is lost, be it one of the header or of a gap.
        let missing = rest.iter().filter(|byte| **byte == b'\n').count() as u64;
        let lost = missing.min(messages);
        let mut state = self.shared.state();
        state.written += (lines.len() - rest.len()) as u64;
        state.messages += messages - lost;
        if let Err(error) = result {
            state.fail(lost);
            let lost = state.lost;
            drop(state);
            self.report(RecordingError::Failed { path: self.path.clone(), reason: error.to_string(), lost });
            return None;
        }
        lines.clear();
        Some(if lines.capacity() > KEPT_CAPACITY { Vec::new() } else { lines })
    }

    fn tell(&self, refusal: Refusal) {
        let path = self.path.clone();
        match refusal {
            Refusal::Ended => {}
            Refusal::Slow => self.report(RecordingError::Slow { path }),
            Refusal::TooLarge => self.report(RecordingError::TooLarge { path }),
            Refusal::Full => {
                let limit = self.shared.state().max_bytes;
                self.report(RecordingError::Full { path, limit });
            }
        }
    }

    fn report(&self, problem: RecordingError) {
        // An operator that has ended does not want to know any more.
        let _ = self.report.send(problem);
    }
}

/// Writes all; `rest` is afterwards what was not written.
fn write_all(file: &mut dyn Write, rest: &mut &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => *rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes the file, under the first name that is free.
fn create(path: &Path) -> Result<(File, PathBuf), RecordingError> {
    if path.file_name().is_none() {
        return Err(RecordingError::NoName { path: path.to_owned() });
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // Traffic holds what people say, and passwords.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for number in 1..=MAX_NAMES {
        let path = numbered(path, number);
        match options.open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(RecordingError::NoFolder { path });
            }
            Err(error) => return Err(RecordingError::Unwritable { path, reason: error.to_string() }),
        }
    }
    Err(RecordingError::Taken { path: path.to_owned() })
}

/// `show.jsonl`, `show-2.jsonl`, `show-3.jsonl` …
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::OwnedFd;

    use super::*;

    fn begin(file: File) -> (Recorder, Problems) {
        Recorder::begin(file, "show.jsonl".into(), &Header::now("/x", "x"), DEFAULT_MAX_BYTES).unwrap()
    }

    fn note(recorder: &Recorder, text: &str) {
        recorder.note(Entry::new(Direction::In, Content::Text(text.into())));
    }

    #[test]
    fn a_full_disk_ends_the_recording_and_nothing_else() {
        let (recorder, mut problems) = begin(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let problem = problems.0.blocking_recv().unwrap();
        assert!(matches!(&problem, RecordingError::Failed { reason, .. } if reason.contains("No space")), "{problem}");
        assert!(problem.is_end());
        note(&recorder, "late");
        let summary = recorder.finish();
        assert_eq!((summary.messages, summary.lost, summary.bytes), (0, 1, 0));
    }

    #[test]
    fn a_disk_that_stands_still_holds_nobody_up_and_the_gap_is_marked() {
        // A pipe that nobody reads takes 64 KiB and then stands still.
        let (mut reader, writer) = std::io::pipe().unwrap();
        let (recorder, mut problems) = begin(OwnedFd::from(writer).into());
        let (text, count) = ("x".repeat(1 << 20), 50_u32);
        let start = Instant::now();
        (0..count).for_each(|_| note(&recorder, &text));
        assert!(start.elapsed() < FINISH_LIMIT * 20, "it waited");
        let lost = recorder.lost();
        assert!((1..u64::from(count)).contains(&lost), "{lost}");
        assert!(recorder.shared.state().waiting.len() < MAX_WAITING_BYTES + (2 << 20));
        let read = std::thread::spawn(move || {
            let mut all = String::new();
            reader.read_to_string(&mut all).unwrap();
            all
        });
        let problem = problems.0.blocking_recv().unwrap();
        assert!(matches!(problem, RecordingError::Slow { .. }) && !problem.is_end(), "{problem}");
        let until = Instant::now() + Duration::from_secs(20);
        while !recorder.shared.state().waiting.is_empty() {
            assert!(Instant::now() < until);
            std::thread::sleep(Duration::from_millis(5));
        }
        note(&recorder, "and on");
        let summary = recorder.finish();
        assert_eq!((summary.messages, summary.lost), (u64::from(count) + 1 - lost, lost));
        let all = read.join().unwrap();
        assert!(all.lines().last().unwrap().contains("and on"));
        let gaps = all.lines().filter_map(|line| {
            line.split_once("\"kind\":\"lost\",\"count\":")?.1.trim_end_matches('}').parse::<u64>().ok()
        });
        assert_eq!(gaps.clone().sum::<u64>(), lost);
        assert_eq!(all.lines().count() as u64, 1 + summary.messages + gaps.count() as u64);
    }
}
