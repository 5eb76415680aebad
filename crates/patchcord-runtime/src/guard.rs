//! The watchdog: says when a callback holds the patch, ends one that does not come back, and owns Ctrl-C.
//!
//! Whoever calls a script brackets the call with [`Guard::enter`] and [`Guard::leave`]; both are a few relaxed stores
//! on the patch's thread and read no clock. A thread of its own looks every few milliseconds: the same call seen for
//! longer than the warning time is said once, one beyond the limit is interrupted through the hook that the script
//! host sets. Times are therefore counted from when the call was first seen, at most [`REST`] after it began.
//!
//! SIGINT and SIGTERM end the engine in order; a callback that still runs 200 ms later is interrupted. A second Ctrl-C ends the
//! process at once. Callbacks in Rust are watched and reported like scripts, but nothing can interrupt them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use patchcord_core::textport::LineKind;

use crate::platform::{Alarm, StopSignal, StopSignals, exit_now};

/// How often the thread looks while a call runs.
pub const LOOK: Duration = Duration::from_millis(10);

/// How often it looks while none runs.
pub const REST: Duration = Duration::from_millis(50);

/// Time after which a call that was interrupted in vain is interrupted again.
const INSIST: Duration = Duration::from_secs(1);

/// Time that a call which runs when the program is asked to stop gets to end by itself.
const GRACE: Duration = Duration::from_millis(200);

/// Longest call while the engine ends, whatever the limits say.
const LIMIT_AT_THE_END: Duration = Duration::from_secs(3);

/// The same subject is reported at most this often.
const REPORT_PAUSE: Duration = Duration::from_secs(5);

/// Bits of a token that say whose call it is; the rest counts calls.
const SUBJECT_BITS: u32 = 16;

/// Exit code of a program that was ended by a second Ctrl-C.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Whose call it is; made once by [`Guard::subject`], then free to pass around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject(u16);

/// Why a call is to be interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It ran longer than the limit.
    TimeLimit,
    /// A person pressed Ctrl-C, or the program was asked to terminate.
    CtrlC,
}

/// When calls are reported and interrupted; `None` is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A call that runs longer is reported. 100 ms unless changed.
    pub warning: Option<Duration>,
    /// A call that runs longer is interrupted. 10 s unless changed.
    pub limit: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { warning: Some(Duration::from_millis(100)), limit: Some(Duration::from_secs(10)) }
    }
}

/// Interrupts the call that carries this token.
pub type Interrupt = Box<dyn Fn(u64, Reason) + Send + Sync>;

/// Says a line about an operator's path.
pub type Report = Box<dyn Fn(LineKind, &str, String) + Send>;

/// Watches the calls of one patch. One thread enters and leaves; any thread may ask.
#[derive(Default)]
pub struct Guard {
    /// Token of the call that runs, 0 for none.
    running: AtomicU64,
    /// Tokens given so far, without the subject's bits.
    calls: AtomicU64,
    ending: AtomicBool,
    names: RwLock<Names>,
    limits: Mutex<Limits>,
    interrupt: Mutex<Option<Interrupt>>,
}

#[derive(Default)]
struct Names {
    list: Vec<(Box<str>, Box<str>)>,
    index: HashMap<(Box<str>, Box<str>), Subject>,
}

impl Guard {
    /// A guard that nobody watches yet; see [`Guard::watch`].
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Names a callback (`onHTTPRequest`, or words such as `a run`) of an operator, for reports. Take it once and keep
    /// it; the same names give the same subject. After 65,535 names the last one stands for all others.
    pub fn subject(&self, path: &str, callback: &str) -> Subject {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let key = (Box::from(path), Box::from(callback));
        if let Some(subject) = names.index.get(&key) {
            return *subject;
        }
        if names.list.len() == usize::from(u16::MAX) {
            names.list.push((Box::from(""), Box::from("a callback")));
        }
        if names.list.len() > usize::from(u16::MAX) {
            return Subject(u16::MAX);
        }
        let subject = Subject(names.list.len() as u16);
        names.list.push(key.clone());
        names.index.insert(key, subject);
        subject
    }

    /// Begins a call. Returns its token, which is never 0; a call within a call returns 0 and counts as the outer one.
    ///
    /// To be called on the patch's thread only.
    #[inline]
    pub fn enter(&self, subject: Subject) -> u64 {
        if self.running.load(Ordering::Relaxed) != 0 {
            return 0;
        }
        let calls = self.calls.load(Ordering::Relaxed).wrapping_add(1) & (u64::MAX >> SUBJECT_BITS);
        self.calls.store(calls, Ordering::Relaxed);
        let token = calls << SUBJECT_BITS | u64::from(subject.0);
        let token = if token == 0 { 1 << SUBJECT_BITS } else { token };
        self.running.store(token, Ordering::Release);
        token
    }

    /// Ends the call that [`Guard::enter`] began. A token of 0 does nothing.
    #[inline]
    pub fn leave(&self, token: u64) {
        if token != 0 {
            self.running.store(0, Ordering::Release);
        }
    }

    /// Brackets a call so that it is left whatever happens in it.
    pub fn scope(&self, subject: Subject) -> Scope<'_> {
        Scope { guard: self, token: self.enter(subject) }
    }

    /// Whether the call with this token still runs: an interrupt that arrives late must find out and do nothing.
    pub fn is_running(&self, token: u64) -> bool {
        token != 0 && self.running.load(Ordering::Acquire) == token
    }

    /// Token of the call that runs now.
    pub fn running(&self) -> Option<u64> {
        Some(self.running.load(Ordering::Acquire)).filter(|token| *token != 0)
    }

    /// When calls are reported and interrupted.
    pub fn limits(&self) -> Limits {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes when calls are reported and interrupted; also holds for the call that runs.
    pub fn set_limits(&self, limits: Limits) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Sets who can interrupt a call. The hook is called on the guard's thread, again each second while the call does
    /// not end; it must return at once and check [`Guard::is_running`] where it takes effect.
    pub fn set_interrupt(&self, interrupt: Interrupt) {
        *self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = Some(interrupt);
    }

    /// Takes the hook away; when this returns, it is not being called any more.
    pub fn clear_interrupt(&self) {
        *self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Says that the engine ends: from now on no call may take longer than a few seconds.
    pub fn note_ending(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Starts the thread that looks. It ends when the returned [`Watch`] is dropped.
    ///
    /// # Errors
    /// When the system gives no thread or no file for the alarm.
    pub fn watch(self: &Arc<Self>, duties: Duties) -> std::io::Result<Watch> {
        // A signal handler may ring at any time until the process ends, so its alarm is never freed.
        let alarm: &'static Alarm = Box::leak(Box::new(Alarm::new()?));
        let signals = if duties.signals { Some(StopSignals::catch(alarm)?) } else { None };
        let over = Arc::new(AtomicBool::new(false));
        let watcher = Watcher {
            guard: self.clone(),
            duties,
            alarm,
            signals,
            over: over.clone(),
            patrol: Patrol::default(),
            stop_asked: false,
            grace: None,
        };
        let thread = std::thread::Builder::new().name("patchcord-guard".to_owned()).spawn(move || watcher.work())?;
        Ok(Watch { over, alarm, thread: Some(thread) })
    }

    /// In words, whose call a token stands for: path and callback.
    fn whose(&self, token: u64) -> (String, String) {
        let at = usize::from(token as u16);
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.list.get(at).map_or_else(Default::default, |(path, callback)| (path.to_string(), callback.to_string()))
    }
}

/// A call that is left when this is dropped.
pub struct Scope<'a> {
    guard: &'a Guard,
    token: u64,
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        self.guard.leave(self.token);
    }
}

/// What the guard's thread is to do.
pub struct Duties {
    /// Takes SIGINT and SIGTERM.
    pub signals: bool,
    /// Says what was noticed.
    pub report: Report,
    /// Asks the engine to end in order.
    pub stop: Box<dyn Fn() + Send>,
}

/// The guard's thread; ends it when dropped.
pub struct Watch {
    over: Arc<AtomicBool>,
    alarm: &'static Alarm,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        self.alarm.ring();
        if let Some(thread) = self.thread.take() {
            // It panics only when a hook does, and then there is nothing left to end.
            let _ = thread.join();
        }
    }
}

struct Watcher {
    guard: Arc<Guard>,
    duties: Duties,
    alarm: &'static Alarm,
    signals: Option<StopSignals>,
    over: Arc<AtomicBool>,
    patrol: Patrol,
    stop_asked: bool,
    /// The call that ran when the program was asked to stop, and until when it may go on.
    grace: Option<(u64, Instant)>,
}

impl Watcher {
    fn work(mut self) {
        while !self.over.load(Ordering::Acquire) {
            self.alarm.wait(if self.guard.running().is_some() { LOOK } else { REST });
            while let Some(signal) = self.signals.as_ref().and_then(StopSignals::take) {
                self.obey(signal);
            }
            self.end_grace();
            self.look();
        }
    }

    fn obey(&mut self, signal: StopSignal) {
        if self.stop_asked && signal == StopSignal::Interrupt {
            exit_now(EXIT_INTERRUPTED.into());
        }
        self.stop_asked = true;
        self.guard.note_ending();
        self.grace = self.guard.running().map(|token| (token, Instant::now() + GRACE));
        (self.duties.stop)();
    }

    /// Interrupts the call that still runs some time after the program was asked to stop.
    fn end_grace(&mut self) {
        let Some((token, until)) = self.grace else { return };
        if self.guard.running() != Some(token) {
            self.grace = None;
        } else if Instant::now() >= until {
            self.grace = None;
            let (path, callback) = self.guard.whose(token);
            let what = if self.can_interrupt() { "is interrupted" } else { "is waited for" };
            let text = format!("stopping; {callback} still runs and {what}, Ctrl-C again ends at once");
            (self.duties.report)(LineKind::Status, &path, text);
            self.interrupt(token, Reason::CtrlC);
        }
    }

    fn look(&mut self) {
        let mut limits = self.guard.limits();
        if self.guard.ending.load(Ordering::Acquire) {
            limits.limit = Some(limits.limit.map_or(LIMIT_AT_THE_END, |limit| limit.min(LIMIT_AT_THE_END)));
        }
        match self.patrol.look(self.guard.running(), limits, Instant::now()) {
            None => {}
            Some(Finding::Slow { token, ms, unreported }) => {
                let (path, callback) = self.guard.whose(token);
                let again = match unreported {
                    0 => String::new(),
                    1 => ", as it did once more since the last report".to_owned(),
                    count => format!(", as it did {count} more times since the last report"),
                };
                let text = format!("{callback} has held the patch for {ms} ms{again}");
                (self.duties.report)(LineKind::Warning, &path, text);
            }
            Some(Finding::TooLong { token, seconds, first }) => {
                if first {
                    let (path, callback) = self.guard.whose(token);
                    let what = if self.can_interrupt() { "is interrupted" } else { "cannot be interrupted" };
                    let text = format!("{callback} has held the patch for {seconds:.1} s and {what}");
                    (self.duties.report)(LineKind::Error, &path, text);
                }
                self.interrupt(token, Reason::TimeLimit);
            }
        }
    }

    fn can_interrupt(&self) -> bool {
        self.guard.interrupt.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn interrupt(&self, token: u64, reason: Reason) {
        let hook = self.guard.interrupt.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hook) = &*hook {
            hook(token, reason);
        }
    }
}

/// What a look brought up.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Finding {
    /// Slower than the warning time; `unreported` calls of the same subject were so before without a report.
    Slow { token: u64, ms: u128, unreported: u32 },
    /// Slower than the limit.
    TooLong { token: u64, seconds: f64, first: bool },
}

/// Judges what is seen from look to look. Reads no clock.
#[derive(Default)]
struct Patrol {
    token: u64,
    since: Option<Instant>,
    warned: bool,
    interrupted: Option<Instant>,
    reports: HashMap<u16, (Instant, u32)>,
}

impl Patrol {
    fn look(&mut self, running: Option<u64>, limits: Limits, now: Instant) -> Option<Finding> {
        let token = running?;
        let since = match self.since {
            Some(since) if self.token == token => since,
            _ => {
                (self.token, self.since, self.warned, self.interrupted) = (token, Some(now), false, None);
                return None;
            }
        };
        let held = now.saturating_duration_since(since);
        if limits.limit.is_some_and(|limit| held >= limit) {
            let first = self.interrupted.is_none();
            if first || self.interrupted.is_some_and(|at| now.saturating_duration_since(at) >= INSIST) {
                self.interrupted = Some(now);
                return Some(Finding::TooLong { token, seconds: held.as_secs_f64(), first });
            }
        }
        if !self.warned && limits.warning.is_some_and(|warning| held >= warning) {
            self.warned = true;
            return self.report(token, held, now);
        }
        None
    }

    fn report(&mut self, token: u64, held: Duration, now: Instant) -> Option<Finding> {
        let (last, unreported) = self.reports.entry(token as u16).or_insert((now, 0));
        if *last != now && now.saturating_duration_since(*last) < REPORT_PAUSE {
            *unreported += 1;
            return None;
        }
        *last = now;
        Some(Finding::Slow { token, ms: held.as_millis(), unreported: std::mem::take(unreported) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_call_within_a_call_counts_as_the_outer_one() {
        let guard = Guard::new();
        let (outer, inner) = (guard.subject("/a", "onA"), guard.subject("/b", "onB"));
        let token = guard.enter(outer);
        assert!(guard.is_running(token));
        let nested = guard.enter(inner);
        assert_eq!(nested, 0);
        guard.leave(nested);
        assert_eq!(guard.running(), Some(token));
        guard.leave(token);
        assert_eq!(guard.running(), None);
        assert!(!guard.is_running(token));
    }

    #[test]
    fn tokens_tell_calls_apart_and_name_their_subject() {
        let guard = Guard::new();
        let subject = guard.subject("/project1/web", "onHTTPRequest");
        assert_eq!(guard.subject("/project1/web", "onHTTPRequest"), subject);
        let first = guard.enter(subject);
        guard.leave(first);
        let second = guard.scope(subject);
        assert_ne!(Some(first), guard.running());
        assert_eq!(guard.whose(guard.running().unwrap()), ("/project1/web".to_owned(), "onHTTPRequest".to_owned()));
        drop(second);
        assert_eq!(guard.running(), None);
    }

    #[test]
    fn names_are_bounded() {
        let guard = Guard::new();
        let subjects: Vec<_> = (0..70_000).map(|at| guard.subject("/a", &format!("on{at}"))).collect();
        assert_eq!(subjects.last(), Some(&Subject(u16::MAX)));
        assert_eq!(guard.whose(guard.enter(Subject(u16::MAX))).1, "a callback");
    }

    #[test]
    fn a_slow_call_is_found_once_and_a_long_one_again_and_again() {
        let (mut patrol, limits, start) = (Patrol::default(), Limits::default(), Instant::now());
        let mut look = |token, ms: u32| patrol.look(Some(token), limits, start + MS * ms);
        assert_eq!(look(7, 0), None);
        assert_eq!(look(7, 99), None);
        assert_eq!(look(7, 100), Some(Finding::Slow { token: 7, ms: 100, unreported: 0 }));
        assert_eq!(look(7, 9_990), None);
        assert_eq!(look(7, 10_000), Some(Finding::TooLong { token: 7, seconds: 10.0, first: true }));
        assert_eq!(look(7, 10_500), None);
        assert_eq!(look(7, 11_000), Some(Finding::TooLong { token: 7, seconds: 11.0, first: false }));
    }

    #[test]
    fn many_short_calls_are_not_one_long_one() {
        let (mut patrol, start) = (Patrol::default(), Instant::now());
        for call in 0..10_000_u32 {
            let token = u64::from(call + 1) << SUBJECT_BITS;
            assert_eq!(patrol.look(Some(token), Limits::default(), start + MS * call), None);
        }
    }

    #[test]
    fn reports_of_one_subject_are_few_and_count_the_rest() {
        let (mut patrol, limits, start) = (Patrol::default(), Limits::default(), Instant::now());
        let mut found = Vec::new();
        for call in 1..=40_u32 {
            let (token, at) = (u64::from(call) << SUBJECT_BITS, start + MS * 200 * call);
            assert_eq!(patrol.look(Some(token), limits, at), None);
            found.extend(patrol.look(Some(token), limits, at + MS * 150));
        }
        let unreported: Vec<_> = found
            .iter()
            .map(|finding| match finding {
                Finding::Slow { unreported, .. } => *unreported,
                Finding::TooLong { .. } => panic!("{finding:?}"),
            })
            .collect();
        assert_eq!(unreported, [0, 24]);
    }

    #[test]
    fn limits_of_none_are_off() {
        let (mut patrol, start) = (Patrol::default(), Instant::now());
        let limits = Limits { warning: None, limit: None };
        assert_eq!(patrol.look(Some(1), limits, start), None);
        assert_eq!(patrol.look(Some(1), limits, start + MS * 3_600_000), None);
    }

    #[test]
    fn the_thread_reports_and_interrupts_a_call_that_does_not_return() {
        let guard = Guard::new();
        guard.set_limits(Limits { warning: Some(MS * 20), limit: Some(MS * 60) });
        let (events, seen) = mpsc::channel::<String>();
        let (interrupted, wait) = mpsc::channel();
        let hook = (guard.clone(), interrupted);
        guard.set_interrupt(Box::new(move |token, reason| {
            let (guard, interrupted) = &hook;
            interrupted.send((guard.is_running(token), reason)).unwrap();
        }));
        let report = Box::new(move |kind, path: &str, text: String| {
            events.send(format!("{kind:?} {path} {text}")).unwrap();
        });
        let watch = guard.watch(Duties { signals: false, report, stop: Box::new(|| ()) }).unwrap();
        let token = guard.enter(guard.subject("/project1/web", "onHTTPRequest"));
        // As a runaway script does, this call ends only because the hook ends it.
        let (was_running, reason) = wait.recv_timeout(Duration::from_secs(10)).unwrap();
        guard.leave(token);
        drop(watch);
        assert!(was_running);
        assert_eq!(reason, Reason::TimeLimit);
        let reports: Vec<_> = seen.try_iter().collect();
        assert_eq!(reports.len(), 2, "{reports:?}");
        assert!(reports[0].starts_with("Warning /project1/web onHTTPRequest has held the patch for "), "{reports:?}");
        assert!(reports[1].starts_with("Error /project1/web onHTTPRequest has held the patch for "), "{reports:?}");
    }
}
