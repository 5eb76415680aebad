//! `run`: scripts and functions that run later, and Run, the handle of one.
//!
//! Without a delay it runs at once. A text runs with the names of the operator it is run from and with `args`; a
//! function is called with the arguments. On a thread that does not own the patch, `run` hands the work over to the
//! one that does: the way back for threads of scripts. What a run raises is shown under its operator.

use std::cell::{Cell as StdCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use patchcord_core::frame::{Delay, RunId};
use patchcord_core::patch::OpId;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCodeMethods, PyDict, PyList, PyString, PyTuple};

use crate::convert::text_of;
use crate::errors::{self, Error};
use crate::glue::Glue;
use crate::host::{self, Host, Kept};
use crate::op::cell::Cell;
use crate::op::dat::Dat;
use crate::op::operator_argument;
use crate::watchdog;

/// Runs that wait, with their handles.
#[derive(Default)]
pub struct Runs(RefCell<HashMap<RunId, Py<Run>>>);

/// When and as what something is to run.
#[derive(Default)]
pub struct RunOptions {
    from: Option<OpId>,
    delay: Option<Delay>,
    group: Option<String>,
    origin: Option<Py<PyAny>>,
}

impl RunOptions {
    /// The text is that of a DAT or of a cell.
    pub fn of(mut self, origin: &Bound<'_, PyAny>) -> Self {
        self.origin = Some(origin.clone().unbind());
        self
    }

    /// Reads the named arguments of `run`.
    ///
    /// # Errors
    /// `TypeError` for one that it does not have; `td.Error` when an operator is meant that does not exist.
    pub fn read(options: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let mut read = RunOptions::default();
        let (mut end_frame, mut frames, mut milliseconds) = (false, 0.0, 0.0);
        for (name, value) in options.into_iter().flat_map(|options| options.iter()) {
            match name.extract::<String>()?.as_str() {
                "endFrame" => end_frame = value.is_truthy()?,
                "delayFrames" => frames = value.extract::<f64>()?,
                "delayMilliSeconds" => milliseconds = value.extract::<f64>()?,
                "fromOP" if !value.is_none() => read.from = Some(operator_argument(&value)?),
                "group" if !value.is_none() => read.group = Some(text_of(&value)?),
                // There is one timeline, which always plays: any operator will do.
                "delayRef" if !value.is_none() => drop(operator_argument(&value)?),
                // There is nothing that would be a parameter's script.
                "delayRef" | "asParameter" | "fromOP" | "group" => {}
                name => return Err(PyTypeError::new_err(format!("run takes no argument `{name}`"))),
            }
        }
        read.delay = if end_frame {
            Some(Delay::EndOfFrame)
        } else if frames >= 1.0 {
            Some(Delay::Frames(frames as u64))
        } else if milliseconds > 0.0 {
            Some(Delay::Milliseconds(milliseconds))
        } else {
            None
        };
        Ok(read)
    }
}

/// What is to run.
struct Task {
    /// On whose behalf.
    op: OpId,
    script: Kept,
    arguments: Kept,
}

impl Task {
    fn run(&self, host: &Host, py: Python<'_>) {
        if host.network.patch().get(self.op).is_none() {
            return;
        }
        let subject = host.guard.subject(&host.network.patch().path(self.op), "a run");
        let script = self.script.get(py);
        let arguments = self.arguments.get(py);
        let result = host.script(self.op, subject, || {
            let arguments = arguments.cast::<PyTuple>()?;
            match script.cast::<PyString>() {
                Ok(text) => {
                    let glue = Glue::of(py)?;
                    let code = glue.compile(py, &text.to_cow()?, "run")?;
                    let globals = host.scripts.namespace(host, py, self.op)?.copy()?;
                    globals.set_item("args", arguments)?;
                    code.run(Some(&globals), None).map(|_| ())
                }
                Err(_) => script.call1(arguments).map(|_| ()),
            }
        });
        if let Err(failure) = result {
            let interrupted = failure.is_interrupt(py);
            errors::report(host, py, self.op, "a run", failure);
            if interrupted {
                watchdog::pass_on(&host.guard);
            }
        }
    }
}

/// Runs a text or a function, now or later, on behalf of an operator.
///
/// # Errors
/// `TypeError` for what is neither; `td.Error` when too many runs wait.
pub fn start<'py>(
    op: OpId,
    script: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyTuple>,
    options: RunOptions,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = script.py();
    if !script.is_callable() && script.cast::<PyString>().is_err() {
        return Err(PyTypeError::new_err("run takes a script as text, or a function"));
    }
    let op = options.from.unwrap_or(op);
    let task = Task {
        op,
        script: Kept::new(script.clone().unbind()),
        arguments: Kept::new(arguments.clone().into_any().unbind()),
    };
    host::with(|host| {
        let Some(delay) = options.delay else {
            task.run(host, py);
            return Ok(Some(Bound::new(py, Run::over(&task, options, py))?.into_any()));
        };
        let run = Run::over(&task, options, py);
        let own_id = Rc::new(StdCell::new(None));
        let its_id = own_id.clone();
        let id = host.network.schedule(delay, move |_| {
            if let Some(host) = host::here() {
                Python::attach(|py| {
                    task.run(&host, py);
                    drop(task);
                    host.runs.forget(its_id.get());
                    host::let_go(py);
                });
            }
        });
        let id = id.ok_or_else(|| Error::new_err("too many runs wait already"))?;
        own_id.set(Some(id));
        let run = Bound::new(py, Run { id: Some(id), ..run })?;
        let old = host.runs.0.borrow_mut().insert(id, run.clone().unbind());
        drop(old);
        Ok(Some(run.into_any()))
    })
}

impl Runs {
    /// Drops the handle of a run that does not wait any more.
    fn forget(&self, id: Option<RunId>) {
        let handle = id.and_then(|id| self.0.borrow_mut().remove(&id));
        drop(handle);
    }

    /// Handles of the runs that wait, in order.
    fn waiting<'py>(&self, py: Python<'py>, host: &Host) -> Vec<Bound<'py, Run>> {
        let runs = self.0.borrow();
        host.network.runs().iter().filter_map(|id| runs.get(id)).map(|run| run.bind(py).clone()).collect()
    }
}

/// The global `run` and `td.run`.
#[pyclass(module = "td", frozen)]
pub struct Runner(Option<OpId>);

impl Runner {
    /// For the scripts of an operator.
    pub fn for_op(op: OpId) -> Self {
        Runner(Some(op))
    }

    /// For whatever operator's script runs.
    pub fn for_running() -> Self {
        Runner(None)
    }
}

#[pymethods]
impl Runner {
    #[pyo3(signature = (script, *args, **options))]
    fn __call__<'py>(
        &self,
        script: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if host::here().is_none() {
            return self.hand_over(script, args, options).map(|()| None);
        }
        let options = RunOptions::read(options)?;
        let op = host::with(|host| Ok(self.0.or(host.running()).unwrap_or_else(|| host.network.patch().root())))?;
        start(op, script, args, options)
    }
}

impl Runner {
    /// Lets the patch's thread do it.
    fn hand_over(
        &self,
        script: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let remote = host::remote().ok_or_else(|| Error::new_err("no patch is running"))?;
        let op = self.0;
        let (script, args) = (script.clone().unbind(), args.clone().unbind());
        let options = options.map(|options| options.clone().unbind());
        let job = move |_: &patchcord_core::network::Network| {
            Python::attach(|py| {
                let Some(host) = host::here() else { return };
                let op = op.unwrap_or_else(|| host.network.patch().root());
                let options = RunOptions::read(options.as_ref().map(|options| options.bind(py)));
                if let Err(error) = options.and_then(|options| start(op, script.bind(py), args.bind(py), options)) {
                    errors::report(&host, py, op, "run", host::Failure::Raised(error));
                }
                host::let_go(py);
            });
        };
        remote.submit(job).map_err(|error| Error::new_err(error.to_string()))
    }
}

/// Something that was given to `run`.
#[pyclass(module = "td", frozen)]
pub struct Run {
    /// `None` when it ran at once.
    id: Option<RunId>,
    op: OpId,
    source: Py<PyAny>,
    #[pyo3(get)]
    group: Option<String>,
}

impl Run {
    fn over(task: &Task, options: RunOptions, py: Python<'_>) -> Self {
        let source = options.origin.unwrap_or_else(|| task.script.get(py).unbind());
        Run { id: None, op: task.op, source, group: options.group }
    }

    fn remaining(&self) -> PyResult<Option<u64>> {
        host::with(|host| Ok(self.id.and_then(|id| host.network.remaining_frames(id))))
    }
}

#[pymethods]
impl Run {
    /// Whether it still waits.
    #[getter]
    fn active(&self) -> PyResult<bool> {
        Ok(self.remaining()?.is_some())
    }

    #[getter(isString)]
    fn is_string(&self, py: Python<'_>) -> bool {
        self.source.bind(py).cast::<PyString>().is_ok()
    }

    #[getter(isDAT)]
    fn is_dat(&self, py: Python<'_>) -> bool {
        self.source.bind(py).cast::<Dat>().is_ok()
    }

    #[getter(isCell)]
    fn is_cell(&self, py: Python<'_>) -> bool {
        self.source.bind(py).cast::<Cell>().is_ok()
    }

    /// Path of the operator on whose behalf it runs.
    #[getter]
    fn path(&self) -> PyResult<String> {
        host::with(|host| Ok(host.network.patch().path(self.op).to_string()))
    }

    /// The text or the function; of `run` of a DAT or of a cell, that.
    #[getter]
    fn source(&self, py: Python<'_>) -> Py<PyAny> {
        self.source.clone_ref(py)
    }

    #[getter(remainingFrames)]
    fn remaining_frames(&self) -> PyResult<u64> {
        Ok(self.remaining()?.unwrap_or(0))
    }

    #[getter(remainingMilliseconds)]
    fn remaining_milliseconds(&self) -> PyResult<f64> {
        let rate = host::with(|host| Ok(host.network.frame().rate))?;
        Ok(self.remaining_frames()? as f64 * 1000.0 / rate)
    }

    /// Takes it back.
    fn kill(&self, py: Python<'_>) -> PyResult<()> {
        host::with(|host| {
            if let Some(id) = self.id {
                host.network.kill_run(id);
            }
            host.runs.forget(self.id);
            Ok(())
        })?;
        host::let_go(py);
        Ok(())
    }
}

/// The global `runs`: what waits, in order.
#[pyclass(module = "td", frozen)]
pub struct RunList;

impl RunList {
    fn list<'py>(py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        host::with(|host| PyList::new(py, host.runs.waiting(py, host)))
    }
}

#[pymethods]
impl RunList {
    fn __len__(&self) -> PyResult<usize> {
        host::with(|host| Ok(host.network.runs().len()))
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        RunList::list(key.py())?.as_any().get_item(key)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        RunList::list(py)?.as_any().call_method0("__iter__")
    }
}
