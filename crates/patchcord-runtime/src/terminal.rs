//! The terminal: lines of the textport and of the log, written by a thread of their own.
//!
//! Who says a line only puts it into a queue, so a terminal that stands still (a pipe nobody reads, a paused
//! console) never holds the patch. The queue is bounded in lines and bytes; beyond that the oldest lines go and a
//! line says how many. What scripts print and the status go to standard output, warnings, errors and the log to
//! standard error. `TOUCH_TEXT_CONSOLE=0` silences all but errors and the log. A pipe that was closed is ignored.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use patchcord_core::textport::{Line, LineKind, Sink};
use tracing_subscriber::fmt::MakeWriter;

use crate::network_addresses::{qr, urls_of_status};

/// Lines that wait at most.
pub const MAX_LINES: usize = 10_000;

/// Bytes that wait at most.
pub const MAX_BYTES: usize = 16 << 20;

/// Lines that are written in one go.
const BATCH: usize = 1_000;

/// Pause before a stream that cannot take more is tried again.
const FULL_PAUSE: Duration = Duration::from_millis(10);

/// The terminal; clones share it. When the last one is dropped, its thread writes what waits and ends.
#[derive(Clone)]
pub struct Terminal(Arc<Handle>);

/// Where lines go and how they look.
pub struct Streams {
    /// For prints and status.
    pub out: Box<dyn Write + Send>,
    /// For warnings, errors and the log.
    pub err: Box<dyn Write + Send>,
    /// Colours and QR codes on `out`.
    pub out_is_terminal: bool,
    /// Colours on `err`.
    pub err_is_terminal: bool,
    /// Whether anything but errors and the log is shown.
    pub textport: bool,
}

impl Streams {
    /// The streams of the process. Colours need a terminal, no `NO_COLOR`, and a `TERM` other than `dumb`.
    pub fn standard() -> Self {
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|value| value != "dumb");
        Streams {
            out_is_terminal: colours && io::stdout().is_terminal(),
            err_is_terminal: colours && io::stderr().is_terminal(),
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            textport: std::env::var_os("TOUCH_TEXT_CONSOLE").is_none_or(|value| value != "0"),
        }
    }
}

impl Terminal {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(streams: Streams) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (textport, writer) = (streams.textport, Writer { shared: shared.clone(), streams });
        std::thread::Builder::new().name("patchcord-text".to_owned()).spawn(move || writer.work())?;
        Ok(Terminal(Arc::new(Handle { shared, textport })))
    }

    /// Says a line.
    pub fn say(&self, kind: LineKind, path: &str, text: &str) {
        if self.0.textport || kind == LineKind::Error {
            self.0.shared.push(Entry { kind: Kind::Line(kind), path: path.to_owned(), text: text.to_owned() });
        }
    }

    /// Says a line of the log.
    fn log(&self, text: String) {
        self.0.shared.push(Entry { kind: Kind::Log, path: String::new(), text });
    }

    /// Waits until all that was said is written, at most so long. Returns whether it is.
    pub fn flush(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut state = self.0.shared.state();
        while state.writing || !state.queue.is_empty() {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return false;
            }
            state = self.0.shared.written.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Sink for Terminal {
    fn line(&self, line: &Line) {
        self.say(line.kind, &line.path, &line.text);
    }
}

impl<'a> MakeWriter<'a> for Terminal {
    type Writer = LogLine;

    fn make_writer(&'a self) -> LogLine {
        LogLine { terminal: self.clone(), text: Vec::new() }
    }
}

/// Gathers one entry of the log and says it when dropped.
pub struct LogLine {
    terminal: Terminal,
    text: Vec<u8>,
}

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        self.terminal.log(String::from_utf8_lossy(&self.text).trim_end().to_owned());
    }
}

struct Handle {
    shared: Arc<Shared>,
    textport: bool,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.work.notify_one();
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Entry>,
    bytes: usize,
    dropped: u64,
    writing: bool,
    closed: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Line(LineKind),
    Log,
}

struct Entry {
    kind: Kind,
    path: String,
    text: String,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs while the state is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, entry: Entry) {
        {
            let mut state = self.state();
            state.bytes += entry.text.len();
            state.queue.push_back(entry);
            while state.queue.len() > MAX_LINES || (state.bytes > MAX_BYTES && state.queue.len() > 1) {
                let Some(oldest) = state.queue.pop_front() else { break };
                state.bytes -= oldest.text.len();
                state.dropped += 1;
            }
        }
        self.work.notify_one();
    }

    /// Waits for the next lines; `None` at the end.
    fn take(&self) -> Option<(u64, Vec<Entry>)> {
        let mut state = self.state();
        state.writing = false;
        if state.queue.is_empty() {
            self.written.notify_all();
        }
        while state.queue.is_empty() {
            if state.closed {
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.writing = true;
        let count = state.queue.len().min(BATCH);
        let batch: Vec<_> = state.queue.drain(..count).collect();
        state.bytes -= batch.iter().map(|entry| entry.text.len()).sum::<usize>();
        Some((std::mem::take(&mut state.dropped), batch))
    }
}

struct Writer {
    shared: Arc<Shared>,
    streams: Streams,
}

impl Writer {
    fn work(mut self) {
        let mut text = String::new();
        while let Some((dropped, batch)) = self.shared.take() {
            if dropped > 0 {
                let _ = writeln!(text, "… {dropped} line{} dropped", if dropped == 1 { "" } else { "s" });
            }
            let mut to_err = false;
            for entry in batch {
                let err = !matches!(entry.kind, Kind::Line(LineKind::Print | LineKind::Status));
                if err != to_err {
                    self.write(to_err, &mut text);
                    to_err = err;
                }
                let colours = if err { self.streams.err_is_terminal } else { self.streams.out_is_terminal };
                format(&mut text, &entry, colours);
            }
            self.write(to_err, &mut text);
        }
    }

    fn write(&mut self, to_err: bool, text: &mut String) {
        let stream = if to_err { &mut self.streams.err } else { &mut self.streams.out };
        // A closed pipe or a full disk: there is nobody left to tell.
        let _ = write_patiently(stream, text.as_bytes());
        text.clear();
    }
}

/// Writes all, also to a stream that somebody else has made non-blocking.
fn write_patiently(stream: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(FULL_PAUSE),
            Err(error) => return Err(error),
        }
    }
    stream.flush()
}

fn format(out: &mut String, entry: &Entry, colours: bool) {
    let kind = match entry.kind {
        Kind::Log | Kind::Line(LineKind::Print) => {
            out.push_str(&entry.text);
            out.push('\n');
            return;
        }
        Kind::Line(kind) => kind,
    };
    let (word, colour) = match kind {
        LineKind::Warning => ("warning: ", "\x1b[33m"),
        LineKind::Error => ("error: ", "\x1b[31m"),
        LineKind::Status | LineKind::Print => ("", ""),
    };
    let (dim, colour, plain) = if colours { ("\x1b[2m", colour, "\x1b[0m") } else { ("", "", "") };
    if !entry.path.is_empty() {
        let _ = write!(out, "{dim}[{}]{plain} ", Visible(&entry.path));
    }
    let _ = match word {
        "" => writeln!(out, "{}", Visible(&entry.text)),
        word => writeln!(out, "{colour}{word}{plain}{}", Visible(&entry.text)),
    };
    if kind == LineKind::Status {
        let urls = urls_of_status(&entry.text);
        for url in &urls {
            let _ = writeln!(out, "    in the local network: {url}");
        }
        if let (true, Some(url)) = (colours, urls.first()) {
            // White on black, whatever the terminal's own colours are.
            for line in qr(url).lines() {
                let _ = writeln!(out, "    \x1b[40;97m{line}\x1b[0m");
            }
        }
    }
}

/// Text from outside that cannot steer the terminal: control characters are shown as escapes.
struct Visible<'a>(&'a str);

impl std::fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let steers = |c: char| c.is_control() && c != '\n' && c != '\t';
        let mut rest = self.0;
        while let Some(at) = rest.find(steers) {
            let (good, bad) = rest.split_at(at);
            f.write_str(good)?;
            let mut chars = bad.chars();
            if let Some(c) = chars.next() {
                write!(f, "{}", c.escape_default())?;
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A stream whose writes wait until the test lets them through.
    struct Gate {
        open: mpsc::Receiver<()>,
        seen: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // An error means that the test has dropped its end: the gate stays open.
            let _ = self.open.recv();
            self.seen.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    type Seen = Arc<Mutex<Vec<u8>>>;

    fn gated(textport: bool) -> (Terminal, mpsc::Sender<()>, Seen, Seen) {
        let (gate, open) = mpsc::channel();
        let (out, err) = (Seen::default(), Seen::default());
        let closed = mpsc::channel().1;
        let streams = Streams {
            out: Box::new(Gate { open, seen: out.clone() }),
            err: Box::new(Gate { open: closed, seen: err.clone() }),
            out_is_terminal: false,
            err_is_terminal: false,
            textport,
        };
        (Terminal::start(streams).unwrap(), gate, out, err)
    }

    fn text(seen: &Seen) -> String {
        String::from_utf8(seen.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_stream_that_stands_still_holds_nobody_and_the_newest_lines_survive() {
        let (terminal, gate, out, _) = gated(true);
        // The writer takes some of the first lines and waits at the gate with them; the queue overflows behind it.
        let total = MAX_LINES * 3;
        for number in 0..total {
            terminal.say(LineKind::Print, "", &number.to_string());
        }
        assert!(!terminal.flush(Duration::from_millis(1)));
        drop(gate);
        assert!(terminal.flush(Duration::from_secs(10)));
        let shown = text(&out);
        let numbers: Vec<usize> = shown.lines().filter_map(|line| line.parse().ok()).collect();
        let dropped: usize = shown
            .lines()
            .filter_map(|line| line.strip_prefix("… ")?.strip_suffix(" lines dropped")?.parse::<usize>().ok())
            .sum();
        assert_eq!(numbers.last(), Some(&(total - 1)));
        assert!(numbers.is_sorted());
        assert!(dropped > 0);
        assert_eq!(numbers.len() + dropped, total);
    }

    #[test]
    fn waiting_text_is_bounded_in_bytes() {
        let shared = Shared::default();
        let megabyte = "x".repeat(1 << 20);
        for _ in 0..100 {
            let kind = Kind::Line(LineKind::Print);
            shared.push(Entry { kind, path: String::new(), text: megabyte.clone() });
        }
        let state = shared.state();
        assert!(state.bytes <= MAX_BYTES);
        assert_eq!(state.queue.len() as u64 + state.dropped, 100);
    }

    #[test]
    fn prints_are_raw_and_the_rest_says_where_and_what() {
        let (terminal, gate, out, err) = gated(true);
        drop(gate);
        terminal.say(LineKind::Print, "/project1/a", "\x1b[1mbold\x1b[0m");
        terminal.say(LineKind::Status, "/project1/web", "listening on http://127.0.0.1:9980/");
        terminal.say(LineKind::Warning, "/project1/web", "slow");
        terminal.say(LineKind::Error, "", "evil \x1b[2J text\nsecond line");
        assert!(terminal.flush(Duration::from_secs(10)));
        assert_eq!(text(&out), "\x1b[1mbold\x1b[0m\n[/project1/web] listening on http://127.0.0.1:9980/\n");
        assert_eq!(text(&err), "[/project1/web] warning: slow\nerror: evil \\u{1b}[2J text\nsecond line\n");
    }

    #[test]
    fn a_silenced_textport_still_shows_errors() {
        let (terminal, gate, out, err) = gated(false);
        drop(gate);
        terminal.say(LineKind::Print, "", "hello");
        terminal.say(LineKind::Warning, "", "hm");
        terminal.say(LineKind::Error, "", "no");
        assert!(terminal.flush(Duration::from_secs(10)));
        assert_eq!((text(&out).as_str(), text(&err).as_str()), ("", "error: no\n"));
    }

    #[test]
    fn a_closed_pipe_is_ignored() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let streams = Streams {
            out: Box::new(writer),
            err: Box::new(io::sink()),
            out_is_terminal: false,
            err_is_terminal: false,
            textport: true,
        };
        let terminal = Terminal::start(streams).unwrap();
        terminal.say(LineKind::Print, "", "nobody reads this");
        terminal.say(LineKind::Print, "", "nor this");
        assert!(terminal.flush(Duration::from_secs(10)));
    }

    #[test]
    fn a_terminal_gets_colours_and_a_code_for_other_devices() {
        let mut out = String::new();
        let text = "listening on http://10.1.2.3:9980/".to_owned();
        format(&mut out, &Entry { kind: Kind::Line(LineKind::Status), path: "/a".to_owned(), text }, true);
        assert!(out.starts_with("\x1b[2m[/a]\x1b[0m listening"));
        assert!(out.contains("http://10.1.2.3:9980/\n    \x1b[40;97m█"));
    }
}
