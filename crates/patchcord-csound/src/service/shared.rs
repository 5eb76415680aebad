//! What the service thread shares with the threads of Csound: commands, replies, and the one flag that performance reads.
//!
//! The thread is started for the first note of the process and joined with the last. Nothing here registers a destructor
//! of thread-local storage on the calling thread, so that the plugin can be unloaded.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mio::{Poll, Waker};

use super::thread::{Command, WAKE, run};
use crate::ffi::thread::{Thread, spawn};

/// Names a note among all that ever were.
pub(super) type NoteId = u64;

/// How long a command may take before its caller goes on without an answer. The thread answers within a round; this is
/// for a machine that is at a standstill.
const PATIENCE: Duration = Duration::from_secs(5);

/// What both sides hold.
#[derive(Debug)]
pub(super) struct Shared {
    commands: Mutex<Vec<Command>>,
    /// There are commands, for the thread between two rounds.
    posted: Condvar,
    waker: Waker,
    /// The thread waits and has not yet been woken for data.
    asleep: AtomicBool,
    /// The thread has ended and takes no more commands.
    ended: AtomicBool,
}

impl Shared {
    pub(super) fn new(poll: &Poll) -> io::Result<Self> {
        Ok(Self {
            commands: Mutex::default(),
            posted: Condvar::new(),
            waker: Waker::new(poll.registry(), WAKE)?,
            asleep: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        })
    }

    /// Whether the thread takes no more commands.
    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The thread ends: who waits for an answer is let go.
    pub(super) fn end(&self) {
        let mut commands = lock(&self.commands);
        self.ended.store(true, Ordering::Release);
        let left = std::mem::take(&mut *commands);
        drop(commands);
        drop(left);
    }

    /// Data lie in a ring. Costs a fence and a load while the thread is awake, and one system call when it sleeps.
    #[inline]
    pub(super) fn wake_for_data(&self) {
        // Pairs with the fence in `falls_asleep`: either this sees the flag, or the thread sees the data.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed) {
            let _ = self.waker.wake();
        }
    }

    /// The thread is about to wait. It has to look at the rings once more after this.
    pub(super) fn falls_asleep(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    pub(super) fn wakes_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Takes the commands that have come.
    pub(super) fn take_commands(&self, into: &mut Vec<Command>) {
        std::mem::swap(&mut *lock(&self.commands), into);
    }

    /// Waits between two rounds, until a command comes or the time is over.
    pub(super) fn pause(&self, time: Duration) {
        let commands = lock(&self.commands);
        if commands.is_empty() {
            drop(self.posted.wait_timeout(commands, time));
        }
    }

    fn post(&self, command: Command) {
        let mut commands = lock(&self.commands);
        if !self.ended.load(Ordering::Relaxed) {
            commands.push(command);
            drop(commands);
            self.posted.notify_one();
            let _ = self.waker.wake();
        }
    }

    /// Posts a command and waits for what it answers; nothing if the thread has ended.
    pub(super) fn ask<T>(&self, patience: Duration, command: impl FnOnce(Replier<T>) -> Command) -> Option<T> {
        let slot = Arc::new(Slot { state: Mutex::new(Answer::Awaited), changed: Condvar::new() });
        self.post(command(Replier(slot.clone())));
        let deadline = Instant::now() + patience;
        let mut state = lock(&slot.state);
        loop {
            match std::mem::replace(&mut *state, Answer::Awaited) {
                Answer::Given(answer) => return Some(answer),
                Answer::Lost => return None,
                Answer::Awaited => {}
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            state = slot.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the thread puts its answer. Dropped without one it tells the caller that none will come.
#[derive(Debug)]
pub(super) struct Replier<T>(Arc<Slot<T>>);

#[derive(Debug)]
struct Slot<T> {
    state: Mutex<Answer<T>>,
    changed: Condvar,
}

#[derive(Debug)]
enum Answer<T> {
    Awaited,
    Given(T),
    Lost,
}

impl<T> Replier<T> {
    pub(super) fn answer(self, answer: T) {
        *lock(&self.0.state) = Answer::Given(answer);
    }
}

impl<T> Drop for Replier<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        if let Answer::Awaited = *state {
            *state = Answer::Lost;
        }
        self.0.changed.notify_one();
    }
}

/// The thread of this process, while there are notes.
struct Running {
    shared: Arc<Shared>,
    thread: Thread,
    /// Each living note with its Csound instance.
    notes: Vec<(NoteId, usize)>,
}

static RUNNING: Mutex<Option<Running>> = Mutex::new(None);
static NEXT_NOTE: AtomicU64 = AtomicU64::new(1);

/// Enters a note, and starts the thread if it is the first.
pub(super) fn enter(instance: usize) -> io::Result<(Arc<Shared>, NoteId)> {
    let mut running = lock(&RUNNING);
    if running.as_ref().is_some_and(|running| running.shared.has_ended()) {
        // It has panicked; its notes are silent for the rest of their lives.
        if let Some(ended) = running.take() {
            ended.thread.join();
        }
    }
    let note = NEXT_NOTE.fetch_add(1, Ordering::Relaxed);
    if let Some(running) = &mut *running {
        running.notes.push((note, instance));
        return Ok((running.shared.clone(), note));
    }
    let poll = Poll::new()?;
    let shared = Arc::new(Shared::new(&poll)?);
    let given = shared.clone();
    let body = move || {
        let _end = End(given.clone());
        run(&given, poll);
    };
    let thread = spawn(c"csound-sockets", body)?;
    *running = Some(Running { shared: shared.clone(), thread, notes: vec![(note, instance)] });
    Ok((shared, note))
}

/// Lets a note go, and joins the thread if it was the last.
pub(super) fn leave(shared: &Arc<Shared>, note: NoteId) {
    let mut running = lock(&RUNNING);
    let Some(current) = running.as_mut().filter(|running| Arc::ptr_eq(&running.shared, shared)) else { return };
    let before = current.notes.len();
    current.notes.retain(|(own, _)| *own != note);
    if current.notes.len() == before {
        return;
    }
    if current.notes.is_empty() {
        stop(running.take());
    } else {
        current.shared.ask(Duration::from_millis(45), |reply| Command::Withdraw(note, reply));
    }
}

/// Lets all notes of an instance go, whose handles may never be dropped.
pub(super) fn leave_all(instance: usize) {
    let mut running = lock(&RUNNING);
    let Some(current) = running.as_mut() else { return };
    let (gone, left): (Vec<_>, Vec<_>) = current.notes.drain(..).partition(|(_, own)| *own == instance);
    current.notes = left;
    if gone.is_empty() {
        return;
    }
    if current.notes.is_empty() {
        stop(running.take());
        return;
    }
    for (note, _) in gone {
        current.shared.ask(Duration::from_millis(45), |reply| Command::Withdraw(note, reply));
    }
}

/// Asks the thread, if there is one.
pub(super) fn ask_running<T>(command: impl FnOnce(Replier<T>) -> Command) -> Option<T> {
    let shared = lock(&RUNNING).as_ref()?.shared.clone();
    shared.ask(PATIENCE, command)
}

/// Asks the thread of a note.
pub(super) fn ask<T>(shared: &Shared, command: impl FnOnce(Replier<T>) -> Command) -> Option<T> {
    shared.ask(PATIENCE, command)
}

fn stop(running: Option<Running>) {
    if let Some(running) = running {
        running.shared.post(Command::Stop);
        running.thread.join();
    }
}

/// Marks the end of the thread, also by a panic, and lets go of everybody who waits.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}
