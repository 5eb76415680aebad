//! Scripts as handlers: an operator's callbacks are the functions of its callbacks DAT.
//!
//! Which script an operator calls is settled when the patch's script epoch has moved; a call then is a look-up in the
//! module's dictionary, the conversion of the arguments that the function takes, and the call. Arguments go by
//! position, cut to what the function takes, because the same callback has had different arguments over the years.
//! A missing function is no error. What a function raises is shown on the operator, and the patch goes on.
//!
//! An operator that holds a text itself and has no `callbacks` parameter (an Execute DAT) is its own script.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use patchcord_core::callbacks::{CallbackError, CallbackSource, Callbacks, ExtensionNews, NoCallbacks};
use patchcord_core::declaration::{ContentKind, OperatorType, ParIndex, Returns};
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::value::{OwnedValue, Value};
use patchcord_runtime::guard::Subject;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::convert::{from_answer, from_python, from_response, record_to_python, text, to_python};
use crate::errors::{self, CAUSE};
use crate::glue::Glue;
use crate::host::{self, Failure, Host};
use crate::keeping;
use crate::module::Script;
use crate::storage_file;

/// Cause of the warning that the callbacks DAT is not there.
const MISSING: &str = "callbacks";

/// Gives operators their scripts.
pub struct PythonCallbackSource;

impl CallbackSource for PythonCallbackSource {
    fn callbacks_for(&self, network: &Network, op: OpId) -> Rc<dyn Callbacks> {
        let declaration = network.patch().get(op).map(|op| op.declaration());
        let Some((declaration, host)) = declaration.zip(host::here()) else { return Rc::new(NoCallbacks) };
        let callbacks = Python::attach(|py| PythonCallbacks::new(&host, py, op, declaration));
        // At once, so that what is wrong with the script shows now and not when it is called.
        Python::attach(|py| callbacks.refresh(&host, py));
        Rc::new(callbacks)
    }

    fn handle_text_change(&self, _network: &Network) {
        if let Some(host) = host::here() {
            Python::attach(|py| {
                host.scripts.refresh_all(&host, py);
                host.extensions.refresh_all(&host, py);
                host::let_go(py);
            });
        }
    }

    fn handle_rename(&self, _network: &Network, op: OpId) {
        if let Some(host) = host::here() {
            Python::attach(|py| host.scripts.handle_rename(&host, py, op));
        }
    }

    fn handle_extensions(&self, _network: &Network, op: OpId, news: ExtensionNews) {
        if let Some(host) = host::here() {
            Python::attach(|py| {
                host.extensions.handle_news(&host, py, op, news);
                host::let_go(py);
            });
        }
    }

    fn handle_definitions(&self, _network: &Network, op: OpId) {
        if let Some(host) = host::here() {
            // An operator that is gone by now has no parameters that anybody could read.
            let _ = Python::attach(|py| host.renew_parameters(py, op, None));
        }
    }

    fn handle_storage_file(&self, _network: &Network, op: OpId) {
        if let Some(host) = host::here() {
            storage_file::attach(&host, op);
        }
    }

    fn save_storage(&self, network: &Network) {
        storage_file::save(network);
    }

    fn handle_drop(&self, _network: &Network) {
        Python::attach(host::let_go);
    }
}

/// The script functions of one operator.
struct PythonCallbacks {
    /// Weak, because the host holds the patch, which holds this.
    host: Weak<Host>,
    op: OpId,
    declaration: &'static OperatorType,
    /// The parameter that names the callbacks DAT; `None` when the operator is its own script.
    parameter: Option<ParIndex>,
    names: Vec<Py<PyString>>,
    subjects: RefCell<Vec<Subject>>,
    /// Path of the operator by which the subjects are named.
    path: RefCell<Rc<str>>,
    epoch: Cell<Option<u64>>,
    script: RefCell<Option<Rc<Script>>>,
    /// Version of the script that the functions are from.
    version: Cell<u64>,
    module: RefCell<Option<Py<PyDict>>>,
    functions: RefCell<Vec<Option<Function>>>,
    /// Callbacks that raised when they were called last, one bit each.
    failing: Cell<u64>,
    in_batch: Cell<bool>,
    /// The script's DAT and the operator from whose place it looks, where that is another one (`executeloc`).
    place: Cell<Option<(OpId, OpId)>>,
}

/// What is known of a function.
struct Function {
    object: Py<PyAny>,
    shape: Shape,
}

#[derive(Clone, Copy)]
struct Shape {
    /// Positional arguments that it takes.
    takes: usize,
    is_async: bool,
}

impl PythonCallbacks {
    fn new(host: &Rc<Host>, py: Python<'_>, op: OpId, declaration: &'static OperatorType) -> Self {
        let parameter = declaration.find_parameter("callbacks").map(|(index, _)| index);
        let callbacks = PythonCallbacks {
            host: Rc::downgrade(host),
            op,
            declaration,
            parameter,
            names: declaration.callbacks.iter().map(|callback| PyString::intern(py, callback.name).unbind()).collect(),
            subjects: RefCell::default(),
            path: RefCell::new(Rc::from("")),
            epoch: Cell::new(None),
            script: RefCell::default(),
            version: Cell::new(0),
            module: RefCell::default(),
            functions: RefCell::new(declaration.callbacks.iter().map(|_| None).collect()),
            failing: Cell::new(0),
            in_batch: Cell::new(false),
            place: Cell::new(None),
        };
        callbacks.name_subjects(host);
        callbacks
    }

    /// Settles which script is called, and which callbacks it has.
    fn refresh(&self, host: &Host, py: Python<'_>) {
        // Loading a script may move the epoch; what it changed is then seen by the next look.
        let epoch = host.network.script_epoch();
        if host.network.patch().is_ending(self.op) && self.keeps_script(host) {
            self.epoch.set(Some(epoch));
            return;
        }
        let dat = self.script_dat(host);
        self.place.set(dat.zip(self.execution_place(host)));
        let script = dat.and_then(|dat| host.scripts.of(host, py, dat).ok());
        let before = self.script.replace(script.clone());
        let same = match (&before, &script) {
            (Some(before), Some(script)) => Rc::ptr_eq(before, script),
            (None, None) => true,
            _ => false,
        };
        if !same {
            if let Some(before) = &before {
                before.remove_user(host, self.op);
            }
            if let Some(script) = &script {
                script.add_user(host, self.op);
            }
        }
        self.note_missing(host, before.is_some(), script.is_some());
        self.name_subjects(host);
        let version = script.as_ref().map_or(0, |script| script.version());
        if !same || version != self.version.replace(version) {
            let module = script.and_then(|script| script.module(py)).map(|module| module.dict().unbind());
            let old = (self.module.replace(module), self.forget_functions());
            drop(old);
            self.failing.set(0);
        }
        for callback in 0..self.names.len() {
            if let Err(error) = self.function(py, callback) {
                let (name, path) = (self.declaration.callbacks[callback].name, host.network.patch().path(self.op));
                tracing::warn!("{name} of {path} cannot be inspected: {error}");
            }
        }
        self.epoch.set(Some(epoch));
    }

    /// Shows that `callbacks` names what is no script, and says it when there was one before: renamed, destroyed or
    /// misspelled. Until then a script that is still to come may make it.
    fn note_missing(&self, host: &Host, had_script: bool, has_script: bool) {
        let Some(parameter) = self.parameter else { return };
        let name = host.network.patch().get(self.op).map(|op| op.par_value(parameter).to_text()).unwrap_or_default();
        if has_script || name.is_empty() {
            host.network.clear_problem(self.op, MISSING);
            return;
        }
        let message = format!("`callbacks` names `{name}`, where no script is; nothing is called");
        let problem = Problem::warning(MISSING, message, "names count from the component that holds this one");
        if had_script {
            host.network.report(self.op, problem);
        } else if let Some(op) = host.network.patch_mut().get_mut(self.op) {
            op.problems.file(problem);
        }
    }

    /// Whether a destroyed operator still has the script that it had: its DAT is there, or was destroyed in the same turn.
    /// It is not looked for, since the operator has left the tree.
    fn keeps_script(&self, host: &Host) -> bool {
        let patch = host.network.patch();
        self.script.borrow().as_ref().is_some_and(|script| patch.get(script.dat()).is_some())
    }

    fn is_current(&self, network: &Network) -> bool {
        self.epoch.get() == Some(network.script_epoch())
    }

    fn script_dat(&self, host: &Host) -> Option<OpId> {
        match self.parameter {
            Some(parameter) => {
                // Brings an expression up to date, which the look-up of the operator then reads.
                host.network.eval(self.op, parameter);
                host.network.patch().par_op(self.op, parameter)
            }
            None => (self.declaration.content == ContentKind::Text).then_some(self.op),
        }
    }

    /// What `executeloc` chooses, where it is not the script's DAT.
    fn execution_place(&self, host: &Host) -> Option<OpId> {
        let (executeloc, _) = self.declaration.find_parameter("executeloc")?;
        let (fromop, _) = self.declaration.find_parameter("fromop")?;
        match &*host.network.eval(self.op, executeloc).to_text() {
            "current" => Some(self.op),
            "op" => {
                host.network.eval(self.op, fromop);
                host.network.patch().par_op(self.op, fromop)
            }
            _ => None,
        }
    }

    /// Gives the watchdog the names of the callbacks, by the path that the operator has now.
    fn name_subjects(&self, host: &Host) {
        let path = host.network.patch().path(self.op);
        if *self.path.borrow() == path {
            return;
        }
        let subject = |callback: &patchcord_core::declaration::Callback| host.guard.subject(&path, callback.name);
        *self.subjects.borrow_mut() = self.declaration.callbacks.iter().map(subject).collect();
        *self.path.borrow_mut() = path;
    }

    fn forget_functions(&self) -> Vec<Option<Function>> {
        self.functions.replace(self.names.iter().map(|_| None).collect())
    }

    /// The function of a callback as the module has it now, and what it takes. A script may put another in its place.
    ///
    /// In place, since its result is large and every message asks for it: a call of its own was measured at 1 ns of 65.
    #[inline(always)]
    fn function<'py>(&self, py: Python<'py>, callback: usize) -> PyResult<Option<(Bound<'py, PyAny>, Shape)>> {
        let Some(module) = self.module.borrow().as_ref().map(|module| module.bind(py).clone()) else { return Ok(None) };
        let Some(name) = self.names.get(callback) else { return Ok(None) };
        let found = module.get_item(name.bind(py))?;
        let known = match (&found, &self.functions.borrow()[callback]) {
            (Some(object), Some(known)) if known.object.is(object) => Some(known.shape),
            _ => None,
        };
        match (found, known) {
            (Some(object), Some(shape)) => Ok(Some((object, shape))),
            (found, _) => self.note_function(py, callback, found),
        }
    }

    /// As [`PythonCallbacks::function`], where it is another than before.
    #[cold]
    fn note_function<'py>(
        &self,
        py: Python<'py>,
        callback: usize,
        found: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<(Bound<'py, PyAny>, Shape)>> {
        let Some(object) = found.filter(|object| object.is_callable()) else {
            let old = self.functions.borrow_mut()[callback].take();
            drop(old);
            return Ok(None);
        };
        let (takes, is_async) = Glue::of(py)?.positional(&object)?;
        let given = self.declaration.callbacks[callback].arguments.len();
        let shape = Shape { takes: takes.unwrap_or(given).min(given), is_async };
        let function = Function { object: object.clone().unbind(), shape };
        let old = self.functions.borrow_mut()[callback].replace(function);
        drop(old);
        Ok(Some((object, shape)))
    }

    /// Calls a callback by way of `call`, which gets the function and the arguments that it takes.
    #[inline]
    fn invoke<R: Default>(
        &self,
        host: &Host,
        py: Python<'_>,
        callback: usize,
        arguments: &[Value<'_>],
        call: impl FnOnce(&Bound<'_, PyAny>, &[Value<'_>]) -> PyResult<R>,
    ) -> Result<R, Failure> {
        let Some((function, shape)) = self.function(py, callback).map_err(Failure::Raised)? else {
            return Ok(R::default());
        };
        if shape.is_async {
            self.refuse_async(host, callback);
            return Ok(R::default());
        }
        let arguments = &arguments[..shape.takes.min(arguments.len())];
        let subject = self.subjects.borrow()[callback];
        let _looking = self.place.get().map(|(script, place)| host.look_from(script, place));
        host.script(self.op, subject, || call(&function, arguments))
    }

    /// Notes and reports how a call ended.
    #[inline]
    fn conclude<R>(
        &self,
        host: &Host,
        py: Python<'_>,
        callback: usize,
        result: Result<R, Failure>,
    ) -> Result<R, CallbackError> {
        let bit = 1_u64.checked_shl(callback as u32).unwrap_or(0);
        match result {
            Ok(value) => {
                if self.failing.get() & bit != 0 {
                    self.note_success(host, bit);
                }
                Ok(value)
            }
            Err(failure) => {
                self.failing.set(self.failing.get() | bit);
                let name = self.declaration.callbacks[callback].name;
                Err(errors::report(host, py, self.op, name, failure))
            }
        }
    }

    /// Does `work` with this thread attached, which it is already in a batch, and with the script settled.
    #[inline]
    fn attached<R>(&self, network: &Network, work: impl FnOnce(&Host, Python<'_>) -> R) -> Option<R> {
        let host = self.host.upgrade()?;
        let work = |py: Python<'_>| {
            if !self.is_current(network) {
                self.refresh(&host, py);
            }
            work(&host, py)
        };
        if self.in_batch.get() {
            // SAFETY: the mark is set only while `batch` has this thread attached, and neither leaves the thread.
            #[allow(unsafe_code)]
            return Some(work(unsafe { Python::assume_attached() }));
        }
        Python::attach(|py| {
            let result = work(py);
            host::let_go(py);
            Some(result)
        })
    }

    fn refuse_async(&self, host: &Host, callback: usize) {
        let name = self.declaration.callbacks[callback].name;
        let message = format!("{name} is an `async def`, which is not called");
        host.network.report(self.op, Problem::error(CAUSE, message, "make it a plain `def`"));
    }

    /// Takes an error of this callback back once no callback fails any more.
    #[cold]
    fn note_success(&self, host: &Host, bit: u64) {
        self.failing.set(self.failing.get() & !bit);
        if self.failing.get() == 0 {
            host.network.clear_problem(self.op, CAUSE);
        }
    }
}

impl Callbacks for PythonCallbacks {
    fn defines(&self, network: &Network, callback: usize) -> bool {
        // What cannot be inspected is called all the same, which says what is wrong with it.
        let defines =
            |_: &Host, py: Python<'_>| self.function(py, callback).map_or(true, |function| function.is_some());
        self.attached(network, defines).unwrap_or(false)
    }

    fn takes(&self, network: &Network, callback: usize) -> usize {
        let takes = |_: &Host, py: Python<'_>| match self.function(py, callback) {
            Ok(Some((_, shape))) => shape.takes,
            _ => 0,
        };
        self.attached(network, takes).unwrap_or(0)
    }

    fn call(&self, network: &Network, callback: usize, arguments: &[Value<'_>]) -> Result<OwnedValue, CallbackError> {
        let returns = self.declaration.callbacks.get(callback).map_or(Returns::Nothing, |callback| callback.returns);
        let called = self.attached(network, |host, py| {
            let result = self.invoke(host, py, callback, arguments, |function, arguments| match returns {
                Returns::Nothing => call(py, host, function, arguments).map(|_| OwnedValue::None),
                Returns::Value => from_python(&call(py, host, function, arguments)?),
                Returns::Answer => from_answer(&call(py, host, function, arguments)?),
                Returns::Argument(at) => call_with_dict(py, host, function, arguments, at),
            });
            self.conclude(host, py, callback, result)
        });
        called.unwrap_or(Ok(OwnedValue::None))
    }

    fn tell(&self, network: &Network, callback: usize, arguments: &[Value<'_>]) {
        // What goes wrong has been reported.
        let _ = self.attached(network, |host, py| {
            let result = self.invoke(host, py, callback, arguments, |function, arguments| {
                call(py, host, function, arguments).map(drop)
            });
            self.conclude(host, py, callback, result).is_ok()
        });
    }

    /// Takes the interpreter once for all calls of a batch.
    fn batch(&self, work: &mut dyn FnMut()) {
        Python::attach(|py| {
            keeping::note_turn(py);
            let batch = InBatch::begin(&self.in_batch);
            work();
            drop(batch);
            host::let_go(py);
        });
    }
}

/// Marks a batch; takes the mark back also when the batch panics.
struct InBatch<'a>(&'a Cell<bool>);

impl<'a> InBatch<'a> {
    fn begin(mark: &'a Cell<bool>) -> Self {
        mark.set(true);
        InBatch(mark)
    }
}

impl Drop for InBatch<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// Calls a function with converted arguments. The short forms are those that need no tuple object.
///
/// # Errors
/// What the function raises, or converting.
pub fn call<'py>(
    py: Python<'py>,
    host: &Host,
    function: &Bound<'py, PyAny>,
    arguments: &[Value<'_>],
) -> PyResult<Bound<'py, PyAny>> {
    let python = |value: &Value<'_>| argument(py, host, value);
    match arguments {
        [] => function.call0(),
        [a] => function.call1((python(a)?,)),
        [a, b] => function.call1((python(a)?, python(b)?)),
        [a, b, c] => function.call1((python(a)?, python(b)?, python(c)?)),
        [a, b, c, d] => function.call1((python(a)?, python(b)?, python(c)?, python(d)?)),
        more => {
            let more = more.iter().map(python).collect::<PyResult<Vec<_>>>()?;
            function.call1(PyTuple::new(py, more)?)
        }
    }
}

/// As [`to_python`]; what comes with every message is converted in place.
#[inline]
fn argument<'py>(py: Python<'py>, host: &Host, value: &Value<'_>) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Op(op) => host.handle(py, *op),
        Value::Str(value) => Ok(text(py, value).into_any()),
        value => to_python(py, host, value),
    }
}

/// Calls a function that gets a dictionary to fill in, and reads what it returns, else that dictionary.
fn call_with_dict<'py>(
    py: Python<'py>,
    host: &Host,
    function: &Bound<'py, PyAny>,
    arguments: &[Value<'_>],
    at: usize,
) -> PyResult<OwnedValue> {
    let mut given: Option<Bound<'py, PyDict>> = None;
    let mut python = |position: usize| match &arguments[position] {
        Value::Record(record) if position == at => {
            let dict = record_to_python(py, host, *record)?;
            given = Some(dict.clone());
            Ok(dict.into_any())
        }
        value => to_python(py, host, value),
    };
    let returned = match arguments.len() {
        3 => function.call1((python(0)?, python(1)?, python(2)?))?,
        count => {
            let objects = (0..count).map(python).collect::<PyResult<Vec<_>>>()?;
            function.call1(PyTuple::new(py, objects)?)?
        }
    };
    match given {
        Some(dict) if returned.is_none() => from_response(&dict),
        _ => from_response(&returned),
    }
}
