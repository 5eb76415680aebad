//! The running patch: the tree, its workers and the turns in which things happen.
//!
//! A [`Network`] is a cheap handle; all handles share one patch on one thread. What happens, happens in *turns*: a
//! message arrived, a frame began, a file changed. Within a turn scripts read and edit the patch freely. What their
//! edits cause is queued, and when the outermost turn ends the queue is worked off in order, each item with nothing
//! borrowed. So callbacks re-enter the patch but never nest in one another.
//!
//! Borrows of the patch are short: nobody may call a handler, an evaluator or a worker while holding one.
//!
//! Turns and callbacks are in this file; problems in [`reporting`], values of parameters in [`evaluation`], what they depend
//! on in [`dependencies`], who is told of changes in [`watching`], frames and delayed runs in
//! [`frames`], cooking and info channels in [`cooking`].

mod cooking;
mod dependencies;
mod evaluation;
mod frames;
mod reporting;
mod storage;
mod watching;

use std::any::Any;
use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use slotmap::SecondaryMap;

use crate::callbacks::{CallbackSource, Callbacks, Evaluator, ExtensionNews, NoCallbacks};
use crate::change::{Change, ChangeQueue, Pending};
use crate::declaration::{OperatorType, ParIndex};
use crate::frame::{Frame, FramePhase, Runs};
use crate::patch::{OpId, Patch, PatchError};
use crate::problem::Severity;
use crate::table::Table;
use crate::textport::Textport;
use crate::tracking::Reads;
pub use cooking::CookFigures;
use evaluation::Evaluated;

/// Items of the queue that one turn works off besides those of its own; the rest waits for the next turn, so that scripts
/// which cause one another for ever do not stop the sockets.
pub const MAX_CHANGES_PER_TURN: usize = 10_000;

/// Time after which a turn leaves the rest of the queue to the next one, for the same reason: a script may take long.
pub const LONGEST_TURN: Duration = Duration::from_secs(1);

/// The part of an operator that does its work: a listener, a connection, a file.
///
/// All methods are called on the patch's thread with nothing borrowed.
pub trait Worker: Any {
    /// Something about the operator changed.
    fn handle_change(&self, _network: &Network, _change: &Change) {}

    /// A pulse parameter is being pressed by a script, which is to see at once what that does to the content. Returns
    /// whether all is done, so that [`Worker::handle_change`] does not hear of it.
    fn handle_press(&self, _network: &Network, _index: ParIndex) -> bool {
        false
    }

    /// Whether the content is computed by [`Worker::cook`] when it is read.
    fn computes(&self) -> bool {
        false
    }

    /// Computes the content. Called before it is read, if anything that the last cook read is another by now. What it
    /// reads through the [`Network`] is noted; figures that are others at each look are [`Source::Moment`](crate::tracking::Source::Moment).
    fn cook(&self, _network: &Network) {}

    /// Something about an operator changed that this one watches ([`Network::watch`]).
    fn handle_watched(&self, _network: &Network, _change: &Change) {}

    /// Operators were made, destroyed, renamed or wired anew ([`Network::watch_tree`]).
    fn handle_tree(&self, _network: &Network) {}

    /// Whether [`Worker::handle_frame`] is wanted from the start; [`Network::set_frame_interest`] changes it later.
    fn wants_frames(&self) -> bool {
        false
    }

    /// A frame starts or ends.
    fn handle_frame(&self, _network: &Network, _frame: Frame, _phase: FramePhase) {}

    /// Values of the declared info channels, in their order.
    fn info(&self, _network: &Network) -> Vec<f64> {
        Vec::new()
    }

    /// What an Info DAT shows of the operator.
    fn info_table(&self, _network: &Network) -> Option<Table> {
        None
    }

    /// The operator was destroyed and has left the tree. Until this returns it can be read like any other, and callbacks
    /// can be called; edits of it are refused.
    fn stop(&self, _network: &Network) {}

    /// The program is about to end; no operator has given anything up yet, so this is the time to say goodbye.
    fn handle_exit(&self, _network: &Network) {}

    /// The program ends: give up resources in an orderly way and be ready soon.
    fn shut_down(&self, _network: &Network) -> Option<Pin<Box<dyn Future<Output = ()>>>> {
        None
    }
}

/// Handle of the running patch.
#[derive(Clone)]
pub struct Network(Rc<Inner>);

/// Parameters whose value is computed; `None` for one that was not computed yet.
type ComputedParameters = BTreeMap<(OpId, ParIndex), Option<Rc<Evaluated>>>;

struct Inner {
    patch: RefCell<Patch>,
    queue: Rc<ChangeQueue>,
    settling: Cell<bool>,
    started: Cell<bool>,
    /// Workers have given up what they held; nothing may make them begin anew.
    ended: Cell<bool>,
    textport: Textport,
    callback_source: RefCell<Option<Rc<dyn CallbackSource>>>,
    evaluator: RefCell<Option<Rc<dyn Evaluator>>>,
    /// Parameters whose value is computed, with what they read when it was computed last.
    computed: RefCell<ComputedParameters>,
    /// What operators read in their last cook.
    cooked: RefCell<SecondaryMap<OpId, Rc<Reads>>>,
    /// Epoch at which all computed parameters were current.
    refreshed: Cell<u64>,
    /// A frame was asked for that would refresh them.
    frame_asked: Cell<bool>,
    /// Operators that are told when the tree is another, and the tree of which they were told.
    tree_watchers: RefCell<Vec<OpId>>,
    told_tree: Cell<u64>,
    frame_workers: RefCell<Vec<(OpId, Rc<dyn Worker>)>>,
    runs: RefCell<Runs>,
    frame: Cell<Frame>,
    frame_source: RefCell<Option<FrameSource>>,
    rate_setter: RefCell<Option<RateSetter>>,
    clock: RefCell<Rc<dyn Fn() -> Duration>>,
    project: RefCell<Project>,
}

/// Gives the frame that a time lies in, or the frame now; gets the frame that ran last.
pub type FrameSource = Rc<dyn Fn(Frame, Option<Duration>) -> Frame>;

/// Sets the frames per second.
pub type RateSetter = Rc<dyn Fn(f64)>;

/// Facts about the project that scripts can read.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// Name of the patch.
    pub name: String,
    /// Folder that relative file names count from.
    pub folder: std::path::PathBuf,
    /// Families of logic nodes that are switched off.
    pub plugins_off: Vec<String>,
    /// Options that the program was started with, for logic graphs to ask for.
    pub options: BTreeMap<String, String>,
    /// Whether logic graphs say every node that they run.
    pub trace_logic: bool,
}

impl Network {
    /// An empty patch that knows these operator types.
    pub fn new(types: &[&'static OperatorType]) -> Self {
        let queue = Rc::new(ChangeQueue::default());
        Network(Rc::new(Inner {
            patch: RefCell::new(Patch::new(types, queue.clone())),
            queue,
            settling: Cell::new(false),
            started: Cell::new(false),
            ended: Cell::new(false),
            textport: Textport::default(),
            callback_source: RefCell::default(),
            evaluator: RefCell::default(),
            computed: RefCell::default(),
            cooked: RefCell::default(),
            refreshed: Cell::new(0),
            frame_asked: Cell::new(false),
            tree_watchers: RefCell::default(),
            told_tree: Cell::new(0),
            frame_workers: RefCell::default(),
            runs: RefCell::default(),
            frame: Cell::default(),
            frame_source: RefCell::default(),
            rate_setter: RefCell::default(),
            clock: RefCell::new(Rc::new(|| Duration::ZERO)),
            project: RefCell::default(),
        }))
    }

    /// The patch, to be read for a moment.
    pub fn patch(&self) -> Ref<'_, Patch> {
        self.0.patch.borrow()
    }

    /// The patch, to be edited for a moment.
    #[inline]
    pub fn patch_mut(&self) -> RefMut<'_, Patch> {
        self.0.patch.borrow_mut()
    }

    /// The textport.
    pub fn textport(&self) -> &Textport {
        &self.0.textport
    }

    /// Facts about the project.
    pub fn project(&self) -> Project {
        self.0.project.borrow().clone()
    }

    /// Sets the facts about the project.
    pub fn set_project(&self, project: Project) {
        *self.0.project.borrow_mut() = project;
    }

    /// Sets who gives operators their handlers.
    pub fn set_callback_source(&self, source: Rc<dyn CallbackSource>) {
        *self.0.callback_source.borrow_mut() = Some(source);
    }

    /// Sets who computes expressions.
    pub fn set_evaluator(&self, evaluator: Rc<dyn Evaluator>) {
        *self.0.evaluator.borrow_mut() = Some(evaluator);
    }

    /// Who computes expressions.
    pub fn evaluator(&self) -> Option<Rc<dyn Evaluator>> {
        self.0.evaluator.borrow().clone()
    }

    /// Lets go of handlers, evaluator and what destroyed operators have left, so that what these hold is dropped before
    /// the interpreter ends.
    pub fn release_hosts(&self) {
        let _source = self.0.callback_source.borrow_mut().take();
        let _evaluator = self.0.evaluator.borrow_mut().take();
        let _ending = self.patch_mut().take_all_ending();
    }

    /// Sets the clock: time since the program started.
    pub fn set_clock(&self, clock: Rc<dyn Fn() -> Duration>) {
        *self.0.clock.borrow_mut() = clock;
    }

    /// Sets who is told that the patch wants to be looked at: work was queued outside a turn, a turn has left work
    /// over, or frames are wanted from now on. It is called with the patch borrowed, so it may only take a note.
    pub fn set_wake(&self, wake: Rc<dyn Fn()>) {
        self.0.queue.set_wake(wake);
    }

    /// Sets who knows the frame while none is run because nobody wants one; it is given the frame that ran last.
    pub fn set_frame_source(&self, source: FrameSource) {
        *self.0.frame_source.borrow_mut() = Some(source);
    }

    /// Time since the program started.
    pub fn now(&self) -> Duration {
        (self.0.clock.borrow())()
    }

    // ---- turns ----------------------------------------------------------------------------------------------------

    /// Runs `work` as a turn; when it is the outermost one, what it caused is worked off before this returns.
    #[inline]
    pub fn turn<R>(&self, work: impl FnOnce(&Network) -> R) -> R {
        let depth = &self.0.queue.depth;
        depth.set(depth.get() + 1);
        let _leave = Leave(depth);
        let result = work(self);
        drop(_leave);
        if depth.get() == 0 {
            if !self.0.queue.is_empty() {
                self.settle();
            }
            let stale = self.has_stale_parameters();
            if !self.0.frame_asked.replace(stale) && stale {
                self.0.queue.wake();
            }
        }
        result
    }

    /// Queues work for the end of the turn. Outside a turn it waits for the next one.
    pub fn defer(&self, job: impl FnOnce(&Network) + 'static) {
        self.0.queue.push_job(Box::new(job));
    }

    /// Whether a turn has left work over.
    pub fn is_settled(&self) -> bool {
        self.0.queue.is_empty()
    }

    /// Whether the patch has started: the operators of the first turn that made any have been told of it. They are the
    /// patch as it was loaded; what comes later, be it by their own doing, is made at run time.
    pub fn has_started(&self) -> bool {
        self.0.started.get()
    }

    #[inline(never)]
    fn settle(&self) {
        if self.0.settling.replace(true) {
            return;
        }
        let settled = Settled(&self.0);
        if !self.has_started() && !self.patch().is_empty() {
            // Behind all that the turn did, and before all that this will cause.
            self.defer(|network| network.0.started.set(true));
        }
        let start = self.now();
        // What the turn itself did has an end, however much it was: a patch of many operators is loaded in one.
        for _ in 0..self.0.queue.len() + MAX_CHANGES_PER_TURN {
            let Some(pending) = self.0.queue.take() else { break };
            // Nested turns (a worker calls a callback) must not settle: the depth stays above zero here.
            self.0.queue.depth.set(1);
            match pending {
                Pending::Job(job) => job(self),
                Pending::Change(change) => self.deliver(change),
            }
            self.0.queue.depth.set(0);
            if self.now().saturating_sub(start) >= LONGEST_TURN {
                break;
            }
        }
        drop(settled);
        if !self.0.queue.is_empty() {
            let text = format!(
                "one turn caused work of {} s or {MAX_CHANGES_PER_TURN} changes; the rest waits for the next turn",
                LONGEST_TURN.as_secs()
            );
            self.report_global(Severity::Warning, &text);
        }
    }

    fn deliver(&self, change: Change) {
        let op = change.op();
        if self.0.ended.get() && !matches!(change, Change::Destroyed { .. }) {
            return;
        }
        match &change {
            Change::Created { .. } => {
                self.start_worker(op);
                self.tell_tree_watchers();
                return;
            }
            Change::Destroyed { .. } => {
                self.end_operator(op);
                self.tell_tree_watchers();
                return;
            }
            Change::Inputs { .. } => self.tell_tree_watchers(),
            Change::Renamed { .. } => {
                self.tell_tree_watchers();
                let source = self.0.callback_source.borrow().clone();
                if let Some(source) = source {
                    source.handle_rename(self, op);
                }
            }
            Change::Computed { index, .. } => {
                self.0.computed.borrow_mut().entry((op, *index)).or_default();
                self.refresh_computed(op, *index);
                return;
            }
            Change::Definitions { .. } => {
                if let Some(op) = self.patch_mut().get_mut(op) {
                    op.definitions_change_queued = false;
                }
                let source = self.0.callback_source.borrow().clone();
                if let Some(source) = source {
                    source.handle_definitions(self, op);
                }
            }
            Change::Content { .. } => {
                if let Some(op) = self.patch_mut().get_mut(op) {
                    op.content_change_queued = false;
                }
            }
            _ => {}
        }
        let is_done = matches!(change, Change::Pulse { is_done: true, .. });
        let worker = self.patch().get(op).and_then(|op| op.worker.clone()).filter(|_| !is_done);
        if let Some(worker) = worker {
            worker.handle_change(self, &change);
        }
        self.tell_watchers(&change);
    }

    /// The worker of an operator. One that was made in this turn starts now, so that a script which makes an operator can
    /// read what it computes.
    fn begun_worker(&self, op: OpId) -> Option<Rc<dyn Worker>> {
        let worker = {
            let patch = self.patch();
            let op = patch.get(op)?;
            if op.begun { Some(op.worker.clone()) } else { None }
        };
        worker.unwrap_or_else(|| {
            self.start_worker(op);
            self.patch().get(op)?.worker.clone()
        })
    }

    /// Starts the worker of an operator that has not begun.
    fn start_worker(&self, op: OpId) {
        if self.0.ended.get() {
            return;
        }
        let start = self
            .patch_mut()
            .get_mut(op)
            .and_then(|op| if std::mem::replace(&mut op.begun, true) { None } else { op.declaration().start });
        let Some(start) = start else { return };
        let worker = start(self, op);
        // A script that was loaded by the start may have destroyed the operator. Then the worker is stopped in its turn.
        let is_there = self.patch_mut().put_worker(op, worker.clone());
        if is_there && worker.wants_frames() {
            self.0.frame_workers.borrow_mut().push((op, worker));
            self.0.queue.wake();
        }
    }

    /// Stops the worker of an operator that was destroyed. What it calls can still read the operator, and whatever was
    /// destroyed in the same turn: a server's callbacks DAT may have gone with it.
    fn end_operator(&self, op: OpId) {
        self.0.frame_workers.borrow_mut().retain(|(id, _)| *id != op);
        // Behind all that was destroyed in the same turn. Queued first, so that it happens whatever comes of the stop.
        self.defer(move |network| network.bury(op));
        let worker = self.patch().ending_worker(op);
        if let Some(worker) = worker {
            let _telling = TellingEnding::begin(&self.0.queue);
            worker.stop(self);
        }
    }

    /// Drops what is left of a destroyed operator.
    fn bury(&self, op: OpId) {
        // Taken out first: dropping it may run code that uses the patch.
        let left = (self.patch_mut().take_ending(op), self.0.cooked.borrow_mut().remove(op));
        drop(left);
        let source = self.0.callback_source.borrow().clone();
        if let Some(source) = source {
            source.handle_drop(self);
        }
    }

    /// As [`Network::with_worker`], of an operator whose worker starts for it if it was made in this turn.
    pub fn with_begun_worker<W: Worker, R>(&self, op: OpId, work: impl FnOnce(&W) -> R) -> Option<R> {
        let worker = self.begun_worker(op)?;
        let worker: &dyn Any = &*worker;
        worker.downcast_ref::<W>().map(work)
    }

    /// The worker of an operator, when it has one of this type.
    pub fn with_worker<W: Worker, R>(&self, op: OpId, work: impl FnOnce(&W) -> R) -> Option<R> {
        let worker = self.patch().get(op)?.worker.clone()?;
        let worker: &dyn Any = &*worker;
        worker.downcast_ref::<W>().map(work)
    }

    /// Grows whenever scripts, parameters or the tree changed; a handler that caches a function compares it.
    #[inline]
    pub fn script_epoch(&self) -> u64 {
        self.0.queue.script_epoch()
    }

    // ---- callbacks ------------------------------------------------------------------------------------------------

    /// The handler of an operator: the one given in Rust, else the callback source's.
    pub fn callbacks_for(&self, op: OpId) -> Rc<dyn Callbacks> {
        if let Some(native) = self.patch().get(op).and_then(|op| op.native_callbacks.clone()) {
            return native;
        }
        let source = self.0.callback_source.borrow().clone();
        source.map_or_else(|| Rc::new(NoCallbacks) as Rc<dyn Callbacks>, |source| source.callbacks_for(self, op))
    }

    /// Gives an operator a handler in Rust. Call it in the turn that creates the operator.
    ///
    /// # Errors
    /// [`PatchError::Gone`].
    pub fn set_callbacks(&self, op: OpId, callbacks: Rc<dyn Callbacks>) -> Result<(), PatchError> {
        self.patch_mut().get_mut(op).ok_or(PatchError::Gone)?.native_callbacks = Some(callbacks);
        Ok(())
    }

    /// Tells the callback source that scripts may have other texts.
    pub(crate) fn tell_text_change(&self) {
        self.0.queue.text_change_told();
        let source = self.0.callback_source.borrow().clone();
        if let Some(source) = source {
            source.handle_text_change(self);
        }
    }

    /// Tells the callback source what the extensions of a component have to know.
    pub fn tell_extensions(&self, op: OpId, news: ExtensionNews) {
        let source = self.0.callback_source.borrow().clone();
        if let Some(source) = source {
            source.handle_extensions(self, op, news);
        }
    }

    // ---- the end --------------------------------------------------------------------------------------------------

    /// Tells all workers of the end, and then asks them to give up what they hold. From then on no worker is told of a
    /// change, so that a script which hears of the end (onServerStop) cannot start again what has stopped. The futures
    /// are to be awaited together, with a bound.
    pub fn shut_down(&self) -> Vec<Pin<Box<dyn Future<Output = ()>>>> {
        let workers = || self.patch().iter().filter_map(|(_, op)| op.worker.clone()).collect::<Vec<_>>();
        self.turn(|network| workers().iter().for_each(|worker| worker.handle_exit(network)));
        let workers = workers();
        self.0.ended.set(true);
        self.turn(|network| workers.iter().filter_map(|worker| worker.shut_down(network)).collect())
    }

    /// Drops workers, handlers, delayed runs and what is queued. Workers hold this network, which holds them, so a
    /// program that is done with a patch calls this to free it; the operators can still be read.
    pub fn release(&self) {
        self.release_hosts();
        let held: Vec<_> = {
            let mut patch = self.patch_mut();
            let ids: Vec<OpId> = patch.iter().map(|(id, _)| id).collect();
            let take = |id| patch.get_mut(id).map(|op| (op.worker.take(), op.native_callbacks.take()));
            ids.into_iter().filter_map(take).collect()
        };
        let frame_workers = self.0.frame_workers.take();
        let runs = self.0.runs.take();
        // Dropped here, with nothing borrowed: dropping them may run code that uses the patch.
        drop((held, frame_workers, runs));
        while let Some(pending) = self.0.queue.take() {
            drop(pending);
        }
    }
}

/// Takes the depth back when a turn ends, also by a panic.
struct Leave<'a>(&'a Cell<u32>);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Lets destroyed operators be read; takes it back when their worker has stopped, also by a panic.
struct TellingEnding<'a>(&'a ChangeQueue);

impl<'a> TellingEnding<'a> {
    fn begin(queue: &'a ChangeQueue) -> Self {
        queue.tells_ending.set(true);
        TellingEnding(queue)
    }
}

impl Drop for TellingEnding<'_> {
    fn drop(&mut self) {
        self.0.tells_ending.set(false);
    }
}

/// Ends the working-off of the queue, also by a panic, so that one broken worker does not stop all others.
struct Settled<'a>(&'a Inner);

impl Drop for Settled<'_> {
    fn drop(&mut self) {
        self.0.settling.set(false);
        self.0.queue.depth.set(0);
        if !self.0.queue.is_empty() {
            self.0.queue.wake();
        }
    }
}
