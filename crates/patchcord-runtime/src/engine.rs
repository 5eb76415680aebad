//! The engine: a patch, its thread's event loop, the frame clock, the watchdog and the followed files in one.
//!
//! This is what a Rust program embeds. The engine runs on the thread that made it and takes it over while
//! [`Engine::run`] runs; connections, file saves, jobs from other threads and frames take turns on it. A frame is run
//! only when something wants frames, so an idle patch costs next to nothing. A panic in a frame or a job is reported
//! and ends neither the loop nor other operators. The end is orderly: every worker is asked to stop and has
//! [`SHUT_DOWN_LIMIT`] for it; tasks that are left over are dropped.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_core::declaration::OperatorType;
use patchcord_core::frame::Frame;
use patchcord_core::network::Network;
use patchcord_core::textport::{Line, LineKind};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::{JoinSet, LocalSet, yield_now};

use crate::clock::FrameClock;
use crate::guard::{Duties, Guard, Limits, Report as GuardReport, Watch};
use crate::live::Follower;
use crate::platform::{FrameTimer, monotonic};
use crate::project::{Dispatch, LivePatch, PatchFile, Report, Settings};
use crate::remote::Remote;
use crate::terminal::Terminal;
use crate::watcher::Watcher;

/// Time that all workers together have for their orderly end.
pub const SHUT_DOWN_LIMIT: Duration = Duration::from_secs(3);

/// Turns at the end for work that turns have left over.
const LAST_TURNS: usize = 100;

/// Jobs of other threads between two looks at everything else.
const JOBS_IN_A_ROW: usize = 64;

/// Threads for work that blocks: name look-ups, file bodies.
const BLOCKING_THREADS: usize = 8;

/// What an engine does besides running the patch.
#[derive(Default)]
pub struct Options {
    /// Where the textport goes; without one its lines are only kept.
    pub terminal: Option<Terminal>,
    /// Ends in order at SIGINT and SIGTERM. One engine of a process may.
    pub catch_signals: bool,
    /// Called around the sleep of the event loop.
    pub parking: Option<Parking>,
}

/// What a host wants done when the patch's thread is about to wait for the system, and when it wakes. Nothing of the
/// patch runs between the two.
#[derive(Clone, Copy, Debug)]
pub struct Parking {
    /// The thread is about to wait.
    pub before: fn(),
    /// The thread has waited.
    pub after: fn(),
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The event loop cannot be made.
    #[error("the event loop cannot be made: {0}")]
    EventLoop(io::Error),
    /// The frame timer cannot be made.
    #[error("the frame timer cannot be made: {0}")]
    Timer(io::Error),
    /// The watchdog cannot be started.
    #[error("the watchdog cannot be started: {0}")]
    Guard(io::Error),
}

/// A patch that can run.
///
/// ```
/// use std::time::Duration;
/// use patchcord_runtime::engine::{Engine, Options};
///
/// let mut engine = Engine::new(&[], Options::default())?;
/// assert!(engine.turn(|network| network.patch().is_empty()));
/// engine.run_until(async { tokio::time::sleep(Duration::from_millis(1)).await });
/// engine.shut_down();
/// # Ok::<_, patchcord_runtime::engine::EngineError>(())
/// ```
pub struct Engine {
    /// `None` only while the engine is dropped.
    runtime: Option<Runtime>,
    tasks: LocalSet,
    network: Network,
    types: Vec<&'static OperatorType>,
    frames: Rc<Frames>,
    timer: FrameTimer,
    wake: Rc<Notify>,
    remote: Remote,
    guard: Arc<Guard>,
    /// The guard's thread, which ends with the engine.
    _watch: Watch,
}

impl Engine {
    /// An engine with an empty patch that knows these operator types. The calling thread is the patch's thread.
    ///
    /// # Errors
    /// When the system refuses a file, a thread, or the signals.
    pub fn new(types: &[&'static OperatorType], options: Options) -> Result<Self, EngineError> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().max_blocking_threads(BLOCKING_THREADS).thread_name("patchcord-work");
        if let Some(parking) = options.parking {
            builder.on_thread_park(parking.before).on_thread_unpark(parking.after);
        }
        let runtime = builder.build().map_err(EngineError::EventLoop)?;
        let timer = {
            let _context = runtime.enter();
            FrameTimer::new().map_err(EngineError::Timer)?
        };
        let (network, remote, wake) = (Network::new(types), Remote::default(), Rc::new(Notify::new()));
        let frames = Rc::new(Frames::new());
        let clock = frames.clone();
        network.set_clock(Rc::new(move || clock.now()));
        let source = frames.clone();
        network.set_frame_source(Rc::new(move |last, time| source.frame(last, time)));
        let (rated, woken) = (frames.clone(), wake.clone());
        network.set_rate_setter(Rc::new(move |rate| set_rate(&rated, &woken, rate)));
        let waker = wake.clone();
        network.set_wake(Rc::new(move || waker.notify_one()));
        if let Some(terminal) = &options.terminal {
            network.textport().set_sink(Rc::new(terminal.clone()));
        }
        let (guard, stop) = (Guard::new(), remote.clone());
        let duties = Duties {
            signals: options.catch_signals,
            report: report_route(options.terminal, remote.clone()),
            stop: Box::new(move || stop.stop(0)),
        };
        let watch = guard.watch(duties).map_err(EngineError::Guard)?;
        let tasks = LocalSet::new();
        tasks.spawn_local(run_jobs(network.clone(), remote.clone()));
        let runtime = Some(runtime);
        let types = types.to_vec();
        Ok(Engine { runtime, tasks, network, types, frames, timer, wake, remote, guard, _watch: watch })
    }

    /// The patch. Edit it in [`Engine::turn`], where operators can start their tasks.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The way to the patch from other threads, and to its end.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// The watchdog, for whoever calls scripts.
    pub fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }

    /// Does something with the patch, as one turn, while the engine is not running.
    pub fn turn<R>(&self, work: impl FnOnce(&Network) -> R) -> R {
        let _context = self.runtime().enter();
        let _tasks = self.tasks.enter();
        self.network.turn(work)
    }

    /// Frames per second, from 0.1 to 1000; others are brought into this range. Live.
    pub fn set_frame_rate(&self, rate: f64) {
        set_rate(&self.frames, &self.wake, rate);
    }

    /// Brings a project to life and follows its files from now on. What hinders the following is said as a warning.
    ///
    /// # Errors
    /// A report of what the network refused.
    pub fn open(&mut self, file: PatchFile) -> Result<(), Report> {
        let (frames, wake, guard) = (self.frames.clone(), self.wake.clone(), self.guard.clone());
        let (textport, once_per_frame) = (self.network.clone(), Cell::new(false));
        let set_settings = Rc::new(move |settings: &Settings| {
            set_rate(&frames, &wake, settings.frame_rate);
            let asked = settings.dispatch == Dispatch::Frame;
            if asked && !once_per_frame.replace(asked) {
                let text = "dispatch = \"frame\" is not supported yet; events are handled when they arrive";
                textport.textport().say(LineKind::Warning, "", text);
            }
            guard.set_limits(Limits { warning: settings.callback_warning, limit: settings.callback_limit });
        });
        set_settings(file.settings());
        let live = self.turn(|network| LivePatch::open(network, file))?;
        let (network, types) = (self.network.clone(), self.types.clone());
        let (watcher, reason) = Watcher::new();
        if let Some(reason) = reason {
            network.textport().say(LineKind::Warning, "", reason.to_string());
        }
        let mut follower = Follower { network, types, live, watcher, set_settings, refused: None };
        follower.watch();
        self.tasks.spawn_local(follower.follow());
        Ok(())
    }

    /// Runs the patch until the end is asked for, by [`Remote::stop`] or a signal, and ends it in order. Returns the
    /// exit code that was asked for.
    pub fn run(&mut self) -> u8 {
        self.run_until(std::future::pending::<()>());
        self.shut_down();
        self.remote.exit_code().unwrap_or(0)
    }

    /// Runs the patch until the future is ready; `None` when the end was asked for before. Can be called again.
    pub fn run_until<R>(&mut self, end: impl Future<Output = R>) -> Option<R> {
        self.tasks.block_on(self.runtime(), async {
            tokio::select! {
                biased;
                _ = self.remote.stop_asked() => None,
                result = end => Some(result),
                never = self.run_frames() => match never {},
            }
        })
    }

    /// Ends the patch as [`Engine::shut_down_within`] does, with [`SHUT_DOWN_LIMIT`].
    pub fn shut_down(&mut self) {
        self.shut_down_within(SHUT_DOWN_LIMIT);
    }

    /// Ends the patch in order: workers give up what they hold, what this causes is worked off, tasks are dropped.
    /// The patch can still be read afterwards, but nothing in it works any more.
    /// `limit` is the time that all workers have together; who needs longer is cut off, and a warning says so.
    pub fn shut_down_within(&mut self, limit: Duration) {
        self.guard.note_ending();
        let network = &self.network;
        self.tasks.block_on(self.runtime(), async {
            let mut ends = JoinSet::new();
            for end in guarded(network, "the end", Network::shut_down).unwrap_or_default() {
                ends.spawn_local(end);
            }
            let all = async { while ends.join_next().await.is_some() {} };
            if tokio::time::timeout(limit, all).await.is_err() {
                let late = ends.len();
                let plural = if late == 1 { " is" } else { "s are" };
                let text = format!("{late} operator{plural} cut off: no orderly end within {limit:?}");
                network.textport().say(LineKind::Warning, "", text);
            }
            let start = Instant::now();
            for _ in 0..LAST_TURNS {
                if start.elapsed() >= limit {
                    network.textport().say(LineKind::Warning, "", "scripts cause one another without end; cut off");
                    break;
                }
                while let Some(job) = self.remote.take() {
                    guarded(network, "a job of another thread", |network| network.turn(job));
                }
                if network.is_settled() {
                    break;
                }
                guarded(network, "left-over work", |network| network.turn(|_| ()));
                yield_now().await;
            }
        });
        let _context = self.runtime().enter();
        // Dropping the set drops the tasks, here where the event loop still exists.
        self.tasks = LocalSet::new();
    }

    /// Runs frames while any are wanted, and turns when work was left over.
    async fn run_frames(&self) -> std::convert::Infallible {
        let (network, frames) = (&self.network, &self.frames);
        loop {
            if !network.is_settled() {
                guarded(network, "left-over work", |network| network.turn(|_| ()));
                yield_now().await;
            }
            if !network.wants_frames() {
                frames.ticking.set(false);
                self.wake.notified().await;
                continue;
            }
            frames.begin();
            let due = frames.start + frames.clock.borrow().next_deadline();
            let expired = async {
                self.timer.set(due)?;
                self.timer.expired().await
            };
            tokio::select! {
                biased;
                result = expired => if let Err(error) = result {
                    tracing::error!("the frame timer fails: {error}");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                },
                () = self.wake.notified() => continue,
            }
            let frame = frames.clock.borrow_mut().tick(frames.now());
            if let Some(frame) = frame {
                guarded(network, "the start of a frame", |network| network.frame_start(frame));
                guarded(network, "the end of a frame", Network::frame_end);
            }
            // A frame that takes longer than its time must not keep the sockets waiting for ever.
            yield_now().await;
        }
    }

    fn runtime(&self) -> &Runtime {
        match &self.runtime {
            Some(runtime) => runtime,
            None => unreachable!("the runtime is taken by drop only"),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            {
                let _context = runtime.enter();
                self.tasks = LocalSet::new();
                self.network.release();
            }
            // A name look-up that hangs must not hold the end.
            runtime.shutdown_background();
        }
    }
}

/// The clock with the time that it runs on.
struct Frames {
    /// When the program started, on the monotonic clock.
    start: Duration,
    clock: RefCell<FrameClock>,
    /// Whether frames are run, because somebody wants them.
    ticking: Cell<bool>,
}

impl Frames {
    fn new() -> Self {
        Frames { start: monotonic(), clock: RefCell::default(), ticking: Cell::new(false) }
    }

    fn now(&self) -> Duration {
        monotonic().saturating_sub(self.start)
    }

    fn begin(&self) {
        if !self.ticking.replace(true) {
            let now = self.now();
            self.clock.borrow_mut().resume(now);
        }
    }

    /// The frame that scripts see: the one that is run, or the one that would be.
    fn frame(&self, last: Frame, time: Option<Duration>) -> Frame {
        let clock = self.clock.borrow();
        if let Some(time) = time {
            return clock.frame_at(time);
        }
        if self.ticking.get() && clock.last() == last.number { last } else { clock.frame_at(self.now()) }
    }
}

fn set_rate(frames: &Frames, wake: &Notify, rate: f64) {
    let now = frames.now();
    frames.clock.borrow_mut().set_rate(rate, now);
    wake.notify_one();
}

/// Runs the jobs of other threads, each as a turn.
async fn run_jobs(network: Network, remote: Remote) {
    loop {
        remote.called().await;
        let mut in_a_row = 0;
        while let Some(job) = remote.take() {
            guarded(&network, "a job of another thread", |network| network.turn(job));
            in_a_row += 1;
            if in_a_row % JOBS_IN_A_ROW == 0 {
                yield_now().await;
            }
        }
    }
}

/// Runs something; a panic in it is said and goes no further.
pub(crate) fn guarded<R>(network: &Network, what: &str, work: impl FnOnce(&Network) -> R) -> Option<R> {
    // What a panic may leave half done belongs to one operator; the patch itself is put in order by its turns.
    match catch_unwind(AssertUnwindSafe(|| work(network))) {
        Ok(result) => Some(result),
        Err(panic) => {
            let reason = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no reason given".to_owned());
            network.textport().say(
                LineKind::Error,
                "",
                format!("{what} panicked, which is a fault of this program: {reason}"),
            );
            None
        }
    }
}

/// How the guard's thread reaches people: at once through the terminal, or through the patch's thread.
fn report_route(terminal: Option<Terminal>, remote: Remote) -> GuardReport {
    Box::new(move |kind, path, text| {
        // A full queue means that the patch has other troubles; the terminal has the line in any case.
        let _ = match &terminal {
            Some(terminal) => {
                terminal.say(kind, path, &text);
                let path = path.to_owned();
                remote
                    .submit(move |network| network.textport().keep(Line { kind, path: path.into(), text: text.into() }))
            }
            None => remote.say(kind, path, &text),
        };
    })
}
