//! What an operator notes its traffic with: the recording that its parameter `record` asks for, if it asks for one.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::{Problem, Severity};

use tokio::task::JoinHandle;

use super::{DEFAULT_MAX_BYTES, Entry, Header, Problems, Recorder, Summary};

/// Cause of the problem that not everything is recorded.
const CAUSE: &str = "record";

/// An operator's recording, on or off.
pub(crate) struct Tap {
    me: Weak<Tap>,
    network: Network,
    op: OpId,
    /// Whether what is noted is recorded: all that traffic which nobody records pays for.
    is_on: Cell<bool>,
    recorder: RefCell<Option<Recorder>>,
    /// What the parameter names.
    wanted: RefCell<Option<PathBuf>>,
    noted: Cell<u64>,
    /// Entries that recordings which have ended lost.
    lost_before: Cell<u64>,
}

impl Tap {
    pub(crate) fn new(network: &Network, op: OpId) -> Rc<Self> {
        Rc::new_cyclic(|me| Tap {
            me: me.clone(),
            network: network.clone(),
            op,
            is_on: Cell::new(false),
            recorder: RefCell::default(),
            wanted: RefCell::default(),
            noted: Cell::new(0),
            lost_before: Cell::new(0),
        })
    }

    /// Records to this file from now on, or to none. The same file as before changes nothing, unless recording to it
    /// failed or has stopped: then it is tried again.
    pub(crate) fn set_file(&self, file: Option<PathBuf>) {
        if *self.wanted.borrow() == file && (file.is_none() || self.is_on.get()) {
            return;
        }
        self.finish();
        self.network.clear_problem(self.op, CAUSE);
        if let Some(file) = &file {
            self.start(file);
        }
        self.wanted.replace(file);
    }

    fn start(&self, file: &Path) {
        let header = {
            let patch = self.network.patch();
            let Some(op) = patch.get(self.op) else { return };
            Header::now(&**op.path(), op.declaration().name)
        };
        match Recorder::start(file, &header, DEFAULT_MAX_BYTES) {
            Ok((recorder, problems)) => {
                self.network.say_status(self.op, format!("recording to {}", recorder.path().display()));
                tokio::task::spawn_local(watch(self.me.clone(), recorder.path().to_owned(), problems));
                self.recorder.replace(Some(recorder));
                self.is_on.set(true);
            }
            Err(error) => {
                self.network.report(self.op, Problem::error(CAUSE, error.to_string(), error.remedy()));
            }
        }
    }

    /// Whether what is noted is recorded.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.get()
    }

    /// Ends the recording. The task that comes back ends when it is written; nobody has to wait for it.
    pub(crate) fn finish(&self) -> Option<JoinHandle<()>> {
        self.is_on.set(false);
        self.wanted.take();
        let recorder = self.recorder.take()?;
        let (network, op, me) = (self.network.clone(), self.op, self.me.clone());
        let written = tokio::task::spawn_blocking(move || recorder.finish());
        Some(tokio::task::spawn_local(async move {
            let Ok(summary) = written.await else { return };
            network.turn(|network| network.say_status(op, in_words(&summary)));
            if let Some(tap) = me.upgrade() {
                tap.lost_before.set(tap.lost_before.get() + summary.lost);
            }
        }))
    }

    /// Notes what happens now. What the entry is made of is asked for only when it is recorded.
    #[inline]
    pub(crate) fn note<'a>(&self, entry: impl FnOnce() -> Entry<'a>) {
        if self.is_on.get() {
            self.note_now(entry);
        }
    }

    /// Out of the way of traffic that nobody records.
    #[cold]
    fn note_now<'a>(&self, entry: impl FnOnce() -> Entry<'a>) {
        if let Some(recorder) = &*self.recorder.borrow() {
            self.noted.set(self.noted.get() + 1);
            recorder.note(entry());
        }
    }

    /// Entries that were not recorded for want of room or time.
    pub(crate) fn lost(&self) -> u64 {
        self.lost_before.get() + self.recorder.borrow().as_ref().map_or(0, Recorder::lost)
    }

    /// Entries that were recorded.
    pub(crate) fn recorded(&self) -> u64 {
        self.noted.get().saturating_sub(self.lost())
    }
}

/// Shows on the operator what goes wrong with a recording.
async fn watch(tap: Weak<Tap>, path: PathBuf, mut problems: Problems) {
    while let Some(error) = problems.next().await {
        let Some(tap) = tap.upgrade() else { return };
        if error.is_end() && tap.recorder.borrow().as_ref().is_some_and(|recorder| recorder.path() == path) {
            tap.is_on.set(false);
        }
        let severity = if error.is_end() { Severity::Error } else { Severity::Warning };
        let problem = Problem { severity, ..Problem::warning(CAUSE, error.to_string(), error.remedy()) };
        tap.network.turn(|network| network.report(tap.op, problem));
    }
}

fn in_words(summary: &Summary) -> String {
    let Summary { path, messages, lost, .. } = summary;
    let lost = if *lost > 0 { format!(", {lost} are lost") } else { String::new() };
    let plural = if *messages == 1 { "y" } else { "ies" };
    format!("recorded {messages} entr{plural} to {}{lost}", path.display())
}
