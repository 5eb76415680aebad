//! The running patch as Python sees it: one [`Host`] per patch, kept in a thread-local of the thread that owns it.
//!
//! [`PythonHost`] is what `patchcord-runtime` asks for scripts. [`with`] is how every class of the td API reaches the
//! patch; on another thread it raises `td.Error`. [`Host::script`] brackets every entry into script code: it notes whose
//! script runs, lets the watchdog see it, and catches panics. [`Kept`] holds Python objects in places where the core
//! drops them at times when no Python code may run.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use patchcord_core::callbacks::Evaluator;
use patchcord_core::declaration::ParIndex;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_runtime::command::HostFactory;
use patchcord_runtime::engine::Parking;
use patchcord_runtime::guard::{Guard, Subject};
use patchcord_runtime::project::Reviewer;
use patchcord_runtime::remote::Remote;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use slotmap::SecondaryMap;

use crate::callbacks::PythonCallbackSource;
use crate::errors::{Error, Repeats};
use crate::evaluator::{ExpressionCache, PythonEvaluator};
use crate::extension::Extensions;
use crate::found::Found;
use crate::module::Scripts;
use crate::op::class::Classes;
use crate::op::custom;
use crate::op::par::ParCollection;
use crate::review::PythonReviewer;
use crate::run::Runs;
use crate::storage_file::{self, StorageFiles};
use crate::{convert, globals, keeping, streams, watchdog};

thread_local! {
    static HOST: RefCell<Option<Rc<Host>>> = const { RefCell::new(None) };
    /// Objects that were let go of while no Python code may run.
    static RELEASED: RefCell<Vec<Py<PyAny>>> = const { RefCell::new(Vec::new()) };
}

/// The way to the running patch for threads that do not own it.
static REMOTE: Mutex<Option<Remote>> = Mutex::new(None);

/// A patch with its scripts.
pub struct Host {
    /// The patch.
    pub network: Network,
    /// The watchdog.
    pub guard: Arc<Guard>,
    /// Ends the program.
    pub remote: Remote,
    /// Python classes of the operator types.
    pub classes: Classes,
    /// Loaded scripts.
    pub scripts: Scripts,
    /// Extensions of components.
    pub extensions: Extensions,
    /// Compiled expressions.
    pub expressions: ExpressionCache,
    /// Errors that were said.
    pub repeats: Repeats,
    /// Delayed runs.
    pub runs: Runs,
    /// Storage that is to be written to its files.
    pub storage_files: StorageFiles,
    /// Operators that scripts have found.
    pub found: Found,
    /// What the last `op()` was asked for that found nothing.
    pub not_found: RefCell<String>,
    /// Strings that are handed out again and again.
    pub names: convert::Names,
    /// Builtins of every script: Python's own, and what td adds for all operators alike.
    pub builtins: Py<PyDict>,
    running: Cell<Option<OpId>>,
    /// A script's DAT, and the operator from whose place it looks for others while the callback lasts.
    place: Cell<Option<(OpId, OpId)>>,
    handles: RefCell<SecondaryMap<OpId, Py<PyAny>>>,
    parameters: RefCell<SecondaryMap<OpId, Py<ParCollection>>>,
}

/// Does `work` with the patch of this thread.
///
/// # Errors
/// `td.Error` on a thread that owns none; else what `work` gives.
#[inline]
pub fn with<R>(work: impl FnOnce(&Host) -> PyResult<R>) -> PyResult<R> {
    HOST.with_borrow(|host| match host {
        Some(host) => work(host),
        None => Err(not_here()),
    })
}

/// The patch of this thread, when it owns one.
pub fn here() -> Option<Rc<Host>> {
    HOST.try_with(|host| host.borrow().clone()).ok().flatten()
}

/// The way to the running patch, from any thread.
pub fn remote() -> Option<Remote> {
    REMOTE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Why script code gave no result.
pub enum Failure {
    /// It raised.
    Raised(PyErr),
    /// Code of this program panicked under it.
    Panicked(String),
}

impl Failure {
    /// Whether the script was interrupted: by the watchdog, or because the program stops.
    pub fn is_interrupt(&self, py: Python<'_>) -> bool {
        matches!(self, Failure::Raised(error) if watchdog::is_interrupt(py, error))
    }
}

impl Host {
    /// Remembers that `op()` found nothing: a script that then fails on None is told.
    pub fn note_not_found(&self, path: &str) {
        let mut last = self.not_found.borrow_mut();
        last.clear();
        last.push_str(path);
    }

    /// Runs script code on behalf of an operator.
    ///
    /// # Errors
    /// [`Failure`].
    #[inline]
    pub fn script<R>(&self, script: OpId, subject: Subject, work: impl FnOnce() -> PyResult<R>) -> Result<R, Failure> {
        let _running =
            Running { host: self, before: self.running.replace(Some(script)), token: self.guard.enter(subject) };
        // pyo3 carries a panic of ours through Python and lets it loose again here.
        let mut result = Err(Failure::Panicked(String::new()));
        let run = || match work() {
            Ok(value) => result = Ok(value),
            Err(error) => result = raised(error),
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(()) => result,
            Err(panic) => Err(Failure::Panicked(panic_text(&*panic))),
        }
    }

    /// Lets the script of a DAT look for operators from another place than its own until the result is dropped.
    pub fn look_from(&self, script: OpId, place: OpId) -> LookingFrom<'_> {
        LookingFrom { host: self, before: self.place.replace(Some((script, place))) }
    }

    /// The operator from whose place a script looks.
    pub fn place_of(&self, script: OpId) -> OpId {
        self.place.get().filter(|(of, _)| *of == script).map_or(script, |(_, place)| place)
    }

    /// The operator whose script runs.
    pub fn running(&self) -> Option<OpId> {
        self.running.get()
    }

    /// The Python object of an operator. It is always the same one, so handing it out costs a look-up.
    ///
    /// # Errors
    /// `td.Error` when the operator is gone.
    #[inline]
    pub fn handle<'py>(&self, py: Python<'py>, op: OpId) -> PyResult<Bound<'py, PyAny>> {
        if let Some(handle) = self.handles.borrow().get(op) {
            return Ok(handle.bind(py).clone());
        }
        self.new_handle(py, op)
    }

    #[cold]
    fn new_handle<'py>(&self, py: Python<'py>, op: OpId) -> PyResult<Bound<'py, PyAny>> {
        let declaration = self.network.patch().get(op).map(|op| op.declaration()).ok_or_else(gone)?;
        let handle = self.classes.instance(py, declaration, op)?;
        let old = self.handles.borrow_mut().insert(op, handle.clone().unbind());
        drop(old);
        Ok(handle)
    }

    /// As [`Host::handle`], `None` for no operator.
    ///
    /// # Errors
    /// As there.
    pub fn handle_or_none<'py>(&self, py: Python<'py>, op: Option<OpId>) -> PyResult<Option<Bound<'py, PyAny>>> {
        op.map(|op| self.handle(py, op)).transpose()
    }

    /// Python objects of several operators.
    ///
    /// # Errors
    /// As [`Host::handle`].
    pub fn handles<'py>(&self, py: Python<'py>, ops: &[OpId]) -> PyResult<Vec<Bound<'py, PyAny>>> {
        ops.iter().map(|op| self.handle(py, *op)).collect()
    }

    /// The parameters of an operator, as one Python object that stays the same.
    ///
    /// # Errors
    /// `td.Error` when the operator is gone.
    pub fn parameters<'py>(&self, py: Python<'py>, op: OpId) -> PyResult<Bound<'py, ParCollection>> {
        if let Some(parameters) = self.parameters.borrow().get(op) {
            return Ok(parameters.bind(py).clone());
        }
        let all = self.network.patch().get(op).map(|op| op.parameters().collect()).ok_or_else(gone)?;
        let parameters = ParCollection::of(py, op, all)?;
        let old = self.parameters.borrow_mut().insert(op, parameters.clone().unbind());
        drop(old);
        Ok(parameters)
    }

    /// Lets the Python object with an operator's parameters follow its custom ones. `news` are those that are new, where
    /// nothing else has changed.
    ///
    /// # Errors
    /// `td.Error` when the operator is gone.
    pub fn renew_parameters(&self, py: Python<'_>, op: OpId, news: Option<&[ParIndex]>) -> PyResult<()> {
        let held = self.parameters.borrow().get(op).map(|held| held.clone_ref(py));
        held.map_or(Ok(()), |held| custom::renew(held.bind(py), op, news))
    }
}

/// Marks that script code runs; takes the marks back when it is dropped.
struct Running<'a> {
    host: &'a Host,
    before: Option<OpId>,
    token: u64,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.host.guard.leave(self.token);
        self.host.running.set(self.before);
    }
}

/// A script looks from another place; takes that back when it is dropped.
pub struct LookingFrom<'a> {
    host: &'a Host,
    before: Option<(OpId, OpId)>,
}

impl Drop for LookingFrom<'_> {
    fn drop(&mut self) {
        self.host.place.set(self.before);
    }
}

/// A Python object in a place where the core may drop it while the patch is borrowed. Letting go of a Python object can
/// run code, so it is put aside and let go of by [`let_go`].
pub struct Kept(Option<Py<PyAny>>);

impl Kept {
    /// Keeps an object.
    pub fn new(object: Py<PyAny>) -> Self {
        Kept(Some(object))
    }

    /// The object.
    pub fn get<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        // Only dropping empties it.
        self.0.as_ref().map_or_else(|| py.None().into_bound(py), |object| object.bind(py).clone())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            // Where the thread ends, pyo3 lets go of the object by itself.
            let _ = RELEASED.try_with(|released| released.borrow_mut().push(object));
        }
    }
}

/// Lets go of what was kept and is not any more. To be called with nothing borrowed.
pub fn let_go(_py: Python<'_>) {
    while let Ok(Some(object)) = RELEASED.try_with(|released| released.borrow_mut().pop()) {
        drop(object);
    }
}

/// `td.Error` for an operator that was destroyed.
pub fn gone() -> PyErr {
    Error::new_err("the operator does not exist any more")
}

fn not_here() -> PyErr {
    if remote().is_some() {
        Error::new_err("operators are reached from the main thread only; hand the work over with run(function, *args)")
    } else {
        Error::new_err("no patch is running")
    }
}

/// Out of the way: an error is large, and a call that raises nothing should not make room for it more than once.
#[cold]
#[inline(never)]
fn raised<R>(error: PyErr) -> Result<R, Failure> {
    Err(Failure::Raised(error))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "for an unknown reason".to_owned())
}

/// Brings Python into the program.
pub struct PythonHost;

impl HostFactory for PythonHost {
    fn description(&self) -> String {
        Python::attach(|py| {
            let version = py.version_info();
            format!("Python {}.{}.{}", version.major, version.minor, version.patch)
        })
    }

    fn attach(&mut self, network: &Network, guard: &Arc<Guard>, remote: &Remote) -> Result<(), String> {
        Python::attach(|py| {
            let host = Host {
                network: network.clone(),
                guard: guard.clone(),
                remote: remote.clone(),
                classes: Classes::new(py, network.patch().types())?,
                scripts: Scripts::default(),
                extensions: Extensions::default(),
                expressions: ExpressionCache::default(),
                repeats: Repeats::default(),
                not_found: RefCell::default(),
                runs: Runs::default(),
                storage_files: StorageFiles::default(),
                found: Found::default(),
                names: convert::Names::default(),
                builtins: PyDict::new(py).unbind(),
                running: Cell::new(None),
                place: Cell::new(None),
                handles: RefCell::default(),
                parameters: RefCell::default(),
            };
            globals::install(py, &host)?;
            streams::install(py)?;
            watchdog::install(py, guard)?;
            *REMOTE.lock().unwrap_or_else(PoisonError::into_inner) = Some(remote.clone());
            HOST.set(Some(Rc::new(host)));
            network.set_callback_source(Rc::new(PythonCallbackSource));
            network.set_evaluator(Rc::new(PythonEvaluator));
            Ok(())
        })
        .map_err(|error: PyErr| format!("Python cannot be prepared: {error}"))
    }

    fn parking(&self) -> Option<Parking> {
        Some(keeping::PARKING)
    }

    fn run(&mut self, run: &mut dyn FnMut()) {
        keeping::keep(run);
    }

    fn evaluator(&self) -> Option<Rc<dyn Evaluator>> {
        Some(Rc::new(PythonEvaluator))
    }

    fn reviewer(&self) -> Option<Rc<dyn Reviewer>> {
        Some(Rc::new(PythonReviewer))
    }

    fn detach(&mut self, network: &Network) {
        Python::attach(|py| {
            if let Some(host) = here() {
                host.extensions.end_all(&host, py);
            }
            storage_file::save_all(py);
            // What scripts keep may run code when it goes, so it goes while the patch is still there.
            let stored: Vec<_> = {
                let mut patch = network.patch_mut();
                let ids: Vec<OpId> = patch.iter().map(|(id, _)| id).collect();
                let take = |id| patch.get_mut(id).map(|op| std::mem::take(&mut op.storage));
                ids.into_iter().filter_map(take).collect()
            };
            drop(stored);
            let_go(py);
            watchdog::remove();
            streams::remove(py);
            *REMOTE.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let host = HOST.take();
            network.release_hosts();
            drop(host);
            let_go(py);
        });
    }
}
