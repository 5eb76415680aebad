//! Scripts as Python modules: one module per DAT and version of its text.
//!
//! A text is compiled, then run in a new module; only when both succeed does the new module take the place of the old
//! one. So the last good script stays while its successor is broken, and tracebacks show the lines of the one that
//! runs. What is wrong is shown on the DAT and on every operator whose callbacks it holds. Module globals live as long
//! as the text stays the same.
//!
//! Names that scripts need not import (`me`, `op`, `parent` …) stand in builtins of the module's own, so that they can
//! be shadowed and do not travel with `from x import *`.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

use patchcord_core::declaration::Kind;
use patchcord_core::parameter::ParValue;
use patchcord_core::patch::{OpId, Operator};
use patchcord_core::tracking::Source as Read;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule};
use slotmap::SecondaryMap;

use crate::errors::{self, CAUSE, Error, file_quietly};
use crate::globals::{ModuleFinder, OpFinder, OpsFinder, ParentFinder};
use crate::glue::Glue;
use crate::host::{self, Host, Kept};
use crate::run::Runner;
use crate::shipped;
use crate::shortcuts::{ExtensionFinder, InternalFinder};
use crate::watchdog;

/// Where modules of general use stand in a component.
const COMMON_MODULES: &str = "local/modules";

/// Scripts that were asked for, with the versions that they had.
pub type Used = Vec<(Rc<Script>, u64)>;

/// All scripts that were loaded or tried.
#[derive(Default)]
pub struct Scripts {
    loaded: RefCell<SecondaryMap<OpId, Rc<Script>>>,
    /// What is noted of scripts that were asked for: as many lists as there are recordings, one in another, each with the
    /// number of scripts that were loading when it began.
    recordings: RefCell<Vec<(usize, Used)>>,
    /// Scripts that are loading, one in another.
    loading: Cell<usize>,
    /// Kept, because what a destroyed operator left is dropped when another takes its place in the map.
    namespaces: RefCell<SecondaryMap<OpId, Kept>>,
}

impl Scripts {
    /// The script of a DAT, in the version of its present text.
    ///
    /// # Errors
    /// `td.Error` when the operator is gone or holds no text.
    pub fn of(&self, host: &Host, py: Python<'_>, dat: OpId) -> PyResult<Rc<Script>> {
        {
            let patch = host.network.patch();
            let operator = patch.get(dat).ok_or_else(host::gone)?;
            if operator.content().as_text().is_none() {
                return Err(Error::new_err(format!("{} holds no text that could be a script", operator.path())));
            }
        }
        let known = self.loaded.borrow().get(dat).cloned();
        let script = known.unwrap_or_else(|| {
            // A destroyed DAT may have had the place of this one.
            self.forget_gone(host, py);
            let script = Rc::new(Script::new(dat));
            self.loaded.borrow_mut().insert(dat, script.clone());
            script
        });
        host.network.note_read(Read::Content(dat));
        script.refresh(host, py);
        self.record(&script);
        Ok(script)
    }

    /// Does work, and gives the scripts that it asked for, with their versions. What a script asks for while it loads is
    /// its own business.
    pub fn recorded<R>(&self, work: impl FnOnce() -> R) -> (R, Used) {
        let recording = Recording::begin(self);
        let result = work();
        (result, recording.end())
    }

    fn record(&self, script: &Rc<Script>) {
        if let Some((loading, scripts)) = self.recordings.borrow_mut().last_mut()
            && *loading == self.loading.get()
            && !scripts.iter().any(|(known, _)| Rc::ptr_eq(known, script))
        {
            scripts.push((script.clone(), script.version()));
        }
    }

    /// Loads the new texts of scripts that are in use.
    pub fn refresh_all(&self, host: &Host, py: Python<'_>) {
        let loaded: Vec<_> = self.loaded.borrow().values().cloned().collect();
        for script in loaded {
            if host.network.patch().get(script.dat).is_some() {
                script.refresh(host, py);
            }
        }
        self.forget_gone(host, py);
    }

    /// Lets go of the scripts of DATs that were destroyed.
    fn forget_gone(&self, host: &Host, py: Python<'_>) {
        let gone: Vec<_> = {
            let patch = host.network.patch();
            // What is only ending still has its last callbacks to answer.
            let is_gone = |dat| patch.get(dat).is_none() && !patch.is_ending(dat);
            self.loaded.borrow().values().filter(|script| is_gone(script.dat)).cloned().collect()
        };
        for script in gone {
            self.forget(py, &script);
        }
    }

    /// Lets go of the script of a DAT that is gone.
    fn forget(&self, py: Python<'_>, script: &Script) {
        let old = (self.loaded.borrow_mut().remove(script.dat), self.namespaces.borrow_mut().remove(script.dat));
        drop(old);
        if let Some(Err(error)) = script.module(py).map(|module| take_from_modules(&module)) {
            tracing::warn!("the module of a destroyed DAT stays: {error}");
        }
    }

    /// Gives the module of a DAT the name of its new path.
    pub fn handle_rename(&self, host: &Host, py: Python<'_>, dat: OpId) {
        let known = self.loaded.borrow().get(dat).cloned();
        let Some(module) = known.and_then(|script| script.module(py)) else { return };
        let path = host.network.patch().path(dat);
        let rename = || -> PyResult<()> {
            take_from_modules(&module)?;
            module.setattr("__name__", &*path)?;
            Glue::of(py)?.get(py, "place_module")?.call1((&*path, &module)).map(|_| ())
        };
        if let Err(error) = rename() {
            tracing::warn!("the module of {path} keeps its old name: {error}");
        }
    }

    /// Globals for expressions and short texts that run on behalf of an operator.
    ///
    /// # Errors
    /// `td.Error` when the operator is gone.
    pub fn namespace<'py>(&self, host: &Host, py: Python<'py>, op: OpId) -> PyResult<Bound<'py, PyDict>> {
        if let Some(known) = self.namespaces.borrow().get(op) {
            return Ok(known.get(py).cast_into()?);
        }
        let globals = PyDict::new(py);
        bind(host, py, op, &globals)?;
        globals.set_item("__builtins__", host.builtins.bind(py))?;
        self.namespaces.borrow_mut().insert(op, Kept::new(globals.clone().into_any().unbind()));
        Ok(globals)
    }
}

/// Notes scripts that are asked for; takes its list away also when the work panics.
struct Recording<'a>(&'a Scripts);

impl<'a> Recording<'a> {
    fn begin(scripts: &'a Scripts) -> Self {
        scripts.recordings.borrow_mut().push((scripts.loading.get(), Vec::new()));
        Recording(scripts)
    }

    fn end(self) -> Used {
        self.0.recordings.borrow_mut().last_mut().map(|(_, scripts)| std::mem::take(scripts)).unwrap_or_default()
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        let last = self.0.recordings.borrow_mut().pop();
        drop(last);
    }
}

/// Takes a script's module out of `sys.modules`, unless another DAT has taken its path.
fn take_from_modules(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let modules = module.py().import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
    let name = module.name()?;
    match modules.get_item(&name)? {
        Some(placed) if placed.is(module) => modules.del_item(name),
        _ => Ok(()),
    }
}

/// The script of one DAT.
pub struct Script {
    dat: OpId,
    /// Revision of the text that was tried last.
    tried: Cell<Option<u64>>,
    loading: Cell<bool>,
    /// Grows with each version that works.
    version: Cell<u64>,
    /// The version that works; while the first one loads, that one.
    module: RefCell<Option<Py<PyModule>>>,
    failure: RefCell<Option<String>>,
    users: RefCell<Vec<OpId>>,
}

impl Script {
    fn new(dat: OpId) -> Self {
        Script {
            dat,
            tried: Cell::new(None),
            loading: Cell::new(false),
            version: Cell::new(0),
            module: RefCell::default(),
            failure: RefCell::default(),
            users: RefCell::default(),
        }
    }

    /// The DAT.
    pub fn dat(&self) -> OpId {
        self.dat
    }

    /// The module of the last text that works; `None` when none ever did.
    pub fn module<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyModule>> {
        self.module.borrow().as_ref().map(|module| module.bind(py).clone())
    }

    /// The module, for a script that asks for it.
    ///
    /// # Errors
    /// `td.Error` with the reason why there is none.
    pub fn require<'py>(&self, host: &Host, py: Python<'py>) -> PyResult<Bound<'py, PyModule>> {
        self.module(py).ok_or_else(|| {
            let path = host.network.patch().path(self.dat);
            let reason = self.failure.borrow().clone().unwrap_or_default();
            Error::new_err(format!("the script {path} does not load: {reason}"))
        })
    }

    /// Grows whenever the module is another one.
    pub fn version(&self) -> u64 {
        self.version.get()
    }

    /// As [`Script::version`], after a look at the DAT's text.
    pub fn version_now(&self, host: &Host, py: Python<'_>) -> u64 {
        let revision = host.network.patch().get(self.dat).and_then(|dat| Some(dat.content().as_text()?.revision()));
        if revision.is_some() && revision != self.tried.get() {
            self.refresh(host, py);
        }
        self.version()
    }

    /// Notes an operator that has its callbacks here, so that it shows what is wrong with them.
    pub fn add_user(&self, host: &Host, op: OpId) {
        let new = {
            let mut users = self.users.borrow_mut();
            let new = !users.contains(&op);
            if new {
                let patch = host.network.patch();
                users.retain(|user| patch.get(*user).is_some());
                users.push(op);
            }
            new
        };
        if new && op != self.dat {
            self.tell(host, op);
        }
    }

    /// Takes back what [`Script::add_user`] noted.
    pub fn remove_user(&self, host: &Host, op: OpId) {
        self.users.borrow_mut().retain(|user| *user != op);
        host.network.clear_problem(op, CAUSE);
    }

    fn refresh(&self, host: &Host, py: Python<'_>) {
        let Some(source) = Source::of(host, self.dat) else { return };
        if self.tried.get() == Some(source.revision) || self.loading.replace(true) {
            return;
        }
        self.tried.set(Some(source.revision));
        host.scripts.loading.set(host.scripts.loading.get() + 1);
        let failure = self.load(host, py, &source);
        host.scripts.loading.set(host.scripts.loading.get() - 1);
        self.loading.set(false);
        if failure.is_none() {
            host.network.clear_problem(self.dat, CAUSE);
        }
        *self.failure.borrow_mut() = failure;
        let users = self.users.borrow().clone();
        for user in users.into_iter().filter(|user| *user != self.dat) {
            self.tell(host, user);
        }
    }

    /// Shows on an operator how its callbacks are.
    fn tell(&self, host: &Host, user: OpId) {
        match &*self.failure.borrow() {
            Some(reason) => file_quietly(&host.network, user, &format!("its callbacks do not load: {reason}")),
            None => host.network.clear_problem(user, CAUSE),
        }
    }

    /// Loads a text; the reason when that fails.
    fn load(&self, host: &Host, py: Python<'_>, source: &Source) -> Option<String> {
        let subject = host.guard.subject(&source.path, "the script");
        let is_first = self.module.borrow().is_none();
        let mut before = None;
        let loaded = host.script(self.dat, subject, || {
            let glue = Glue::of(py)?;
            let code = glue.compile(py, &source.text, &source.file)?;
            let module = PyModule::new(py, &source.path)?;
            let builtins = host.builtins.bind(py).copy()?;
            bind(host, py, self.dat, &builtins)?;
            builtins.set_item("__import__", script_import(py, self.dat)?)?;
            let globals = module.dict();
            globals.set_item("__builtins__", builtins)?;
            globals.set_item("__file__", &source.file)?;
            let place = glue.get(py, "place_module")?;
            before = Some((
                glue.get(py, "remember_lines")?.call1((&source.file, &*source.text))?,
                place.call1((&*source.path, &module))?,
            ));
            if is_first {
                // Two scripts may import each other.
                *self.module.borrow_mut() = Some(module.clone().unbind());
            }
            use pyo3::types::PyCodeMethods;
            code.run(Some(&globals), None)?;
            Ok(module)
        });
        match loaded {
            Ok(module) => {
                let old = self.module.borrow_mut().replace(module.unbind());
                self.version.set(self.version.get() + 1);
                drop(old);
                None
            }
            Err(failure) => {
                if is_first {
                    let unfinished = self.module.borrow_mut().take();
                    drop(unfinished);
                }
                let interrupted = failure.is_interrupt(py);
                let reason = errors::report(host, py, self.dat, "the script", failure).to_string();
                // The old version goes on, and so do its lines.
                let restore = |(lines, module)| -> PyResult<()> {
                    let glue = Glue::of(py)?;
                    glue.get(py, "restore_lines")?.call1((&source.file, lines))?;
                    glue.get(py, "place_module")?.call1((&*source.path, module)).map(|_| ())
                };
                if let Some(Err(error)) = before.map(restore) {
                    tracing::warn!("tracebacks of {} may show wrong lines: {error}", source.path);
                }
                if interrupted {
                    watchdog::pass_on(&host.guard);
                }
                Some(reason)
            }
        }
    }
}

/// The text of a script and what it is called.
struct Source {
    text: Rc<str>,
    revision: u64,
    path: Rc<str>,
    /// What stands in tracebacks: the file that the DAT is synced to, else its path.
    file: String,
}

impl Source {
    fn of(host: &Host, dat: OpId) -> Option<Self> {
        let folder = host.network.project().folder;
        let patch = host.network.patch();
        let operator = patch.get(dat)?;
        let text = operator.content().as_text()?;
        let file = synced_file(operator).map(|file| folder.join(file));
        Some(Source {
            text: text.as_str().clone(),
            revision: text.revision(),
            path: operator.path().clone(),
            file: file.map_or_else(|| operator.path().to_string(), |file| file.to_string_lossy().into_owned()),
        })
    }
}

/// The file that a DAT takes its text from.
fn synced_file(operator: &Operator) -> Option<PathBuf> {
    let declaration = operator.declaration();
    let (sync, _) = declaration.find_parameter("syncfile")?;
    let (file, parameter) = declaration.find_parameter("file")?;
    if !matches!(parameter.kind, Kind::File { .. }) || !operator.par_value(sync).is_on() {
        return None;
    }
    match operator.par_value(file) {
        ParValue::Str(path) if !path.is_empty() => Some(PathBuf::from(&*path)),
        _ => None,
    }
}

/// Adds the names that mean something else for each operator.
fn bind(host: &Host, py: Python<'_>, op: OpId, names: &Bound<'_, PyDict>) -> PyResult<()> {
    names.set_item("me", host.handle(py, op)?)?;
    names.set_item("op", Bound::new(py, OpFinder::seen_from(op))?)?;
    names.set_item("ops", Bound::new(py, OpsFinder::seen_from(op))?)?;
    names.set_item("parent", Bound::new(py, ParentFinder::seen_from(op))?)?;
    names.set_item("ext", Bound::new(py, ExtensionFinder::seen_from(op))?)?;
    names.set_item("iop", Bound::new(py, InternalFinder::operators(op))?)?;
    names.set_item("ipar", Bound::new(py, InternalFinder::parameters(op))?)?;
    names.set_item("mod", Bound::new(py, ModuleFinder::seen_from(op))?)?;
    names.set_item("run", Bound::new(py, Runner::for_op(op))?)
}

/// The module that a name means for a script: a DAT inside it, when it is a component, or near it; else one of general use
/// in a component around it; else one of the modules that come with the program.
///
/// # Errors
/// `td.Error` when there is such a DAT and its script does not load.
pub fn find_module<'py>(
    host: &Host,
    py: Python<'py>,
    from: OpId,
    name: &str,
) -> PyResult<Option<Bound<'py, PyModule>>> {
    let found = {
        let patch = host.network.patch();
        let text = |at: OpId, name: &str| {
            patch.find(at, name).filter(|id| patch.get(*id).is_some_and(|op| op.content().as_text().is_some()))
        };
        let mut common = patch.around(from).skip(1);
        let near = text(from, name).or_else(|| text(patch.network_of(from), name));
        near.or_else(|| common.find_map(|at| text(patch.find(at, COMMON_MODULES)?, name)))
    };
    match found {
        Some(dat) => host.scripts.of(host, py, dat)?.require(host, py).map(Some),
        None => shipped::module(py, name),
    }
}

/// The `__import__` of a script.
fn script_import<'py>(py: Python<'py>, from: OpId) -> PyResult<Bound<'py, PyAny>> {
    shipped::make_import(py, &Bound::new(py, ImportFinder(from))?.into_any())
}

/// Finds the DATs that a script can import.
#[pyclass(frozen, module = "td")]
struct ImportFinder(OpId);

#[pymethods]
impl ImportFinder {
    fn __call__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyModule>>> {
        host::with(|host| find_module(host, py, self.0, name))
    }
}
