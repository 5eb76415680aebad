//! The class of the SocketIO DAT: emitting events (TouchDesigner reference, section 2.1).

use std::time::Duration;

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::value::{Sequence, Value as HostValue};
use patchcord_operators::socketio_dat::{Ack, AckHandler, Emit, SocketIoDat as Worker, Value, from_host};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyString, PyTuple};

use super::Op;
use super::dat::Dat;
use crate::convert::{from_python, to_python};
use crate::errors::{self, Error};
use crate::host::{self, Host, Kept, gone};
use crate::watchdog;

/// A SocketIO DAT.
#[pyclass(name = "socketioDAT", module = "td", frozen, extends = Dat, subclass)]
pub struct SocketIoDat;

#[pymethods]
impl SocketIoDat {
    #[new]
    fn new(id: u64) -> PyClassInitializer<Self> {
        PyClassInitializer::from(Op::of(id)).add_subclass(Dat).add_subclass(SocketIoDat)
    }

    /// Emits an event with its arguments: dict, list, tuple, str, int, float, bool, None, bytes.
    ///
    /// `data=` is the one argument by name. `namespace=` is the first of the operator's own unless it is given. With
    /// `ack=` a function, the server's answer goes to it; with `ack=True` to onAck. `timeout=` says in how many seconds, 0 as
    /// long as the connection lasts; without an answer onAckTimeout is called. `volatile=True` drops the event where it
    /// cannot be sent at once, `retries=` sends it again so often until it is acknowledged.
    ///
    /// Returns None, or with `ack` the number under which the answer comes. An event that cannot be sent now is a warning
    /// on the operator; one that can never be is a TypeError or ValueError.
    #[pyo3(signature = (event, *args, **options))]
    fn emit(
        this: &Bound<'_, Self>,
        event: &Bound<'_, PyString>,
        args: &Bound<'_, PyTuple>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Option<u64>> {
        let mut options = options.map_or_else(|| Ok(Options::default()), Options::read)?;
        let mut values = Vec::with_capacity(args.len());
        for argument in args.iter() {
            values.push(sendable(&argument)?);
        }
        if let Some(data) = options.data.take() {
            if !values.is_empty() {
                return Err(PyTypeError::new_err("emit takes the data by position or as `data`, not both"));
            }
            values.push(sendable(&data)?);
        }
        let op = this.as_super().as_super().get().id();
        let name = event.to_cow()?;
        let how = Emit {
            namespace: options.namespace.as_deref(),
            ack: options.ack.map_or(Ack::None, |ack| ack.into_ack(op)),
            timeout: options.timeout,
            volatile: options.volatile,
            retries: options.retries,
        };
        host::with(|host| {
            let network = &host.network;
            match network.with_worker(op, |worker: &Worker| worker.emit(&name, values, how)) {
                Some(emitted) => emitted.map_err(|mistake| PyValueError::new_err(mistake.to_string())),
                None if network.patch().get(op).is_some() => Err(Error::new_err(
                    "the operator was made in this very turn and begins when the script has returned",
                )),
                None => Err(gone()),
            }
        })
    }
}

fn sendable(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    from_host(from_python(value)?).map_err(|error| PyTypeError::new_err(error.to_string()))
}

/// The named arguments of `emit`.
#[derive(Default)]
struct Options<'py> {
    data: Option<Bound<'py, PyAny>>,
    namespace: Option<String>,
    ack: Option<Wanted>,
    timeout: Option<Duration>,
    volatile: bool,
    retries: Option<u32>,
}

/// Who wants the acknowledgement.
enum Wanted {
    Callback,
    Call(Py<PyAny>),
}

impl<'py> Options<'py> {
    fn read(options: &Bound<'py, PyDict>) -> PyResult<Self> {
        let mut read = Options::default();
        for (name, value) in options.iter() {
            match name.extract::<String>()?.as_str() {
                "data" => read.data = Some(value),
                "namespace" if value.is_none() => {}
                "namespace" => read.namespace = Some(value.extract()?),
                "ack" => read.ack = wanted(&value)?,
                "timeout" if value.is_none() => {}
                "timeout" => read.timeout = Some(seconds(&value)?),
                "volatile" => read.volatile = value.is_truthy()?,
                "retries" if value.is_none() => {}
                "retries" => read.retries = Some(value.extract()?),
                other => {
                    return Err(PyTypeError::new_err(format!(
                        "emit takes no argument `{other}`; it takes data, namespace, ack, timeout, volatile and retries"
                    )));
                }
            }
        }
        Ok(read)
    }
}

fn wanted(value: &Bound<'_, PyAny>) -> PyResult<Option<Wanted>> {
    if value.is_none() {
        return Ok(None);
    }
    if let Ok(on) = value.cast::<PyBool>() {
        return Ok(on.is_true().then_some(Wanted::Callback));
    }
    if value.is_callable() {
        return Ok(Some(Wanted::Call(value.clone().unbind())));
    }
    Err(PyTypeError::new_err("ack is a function, or True for the callback onAck"))
}

fn seconds(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let number: f64 = value.extract()?;
    Duration::try_from_secs_f64(number)
        .map_err(|_| PyValueError::new_err(format!("timeout is a number of seconds, not {number}")))
}

impl Wanted {
    fn into_ack(self, op: OpId) -> Ack {
        match self {
            Wanted::Callback => Ack::Callback,
            Wanted::Call(function) => Ack::Call(handler(op, Kept::new(function))),
        }
    }
}

/// Calls a function with the server's answer, on behalf of the operator.
fn handler(op: OpId, function: Kept) -> AckHandler {
    Box::new(move |_: &Network, args: &dyn Sequence| {
        let Some(host) = host::here() else { return };
        Python::attach(|py| {
            call(py, &host, op, &function, args);
            drop(function);
            host::let_go(py);
        });
    })
}

fn call(py: Python<'_>, host: &Host, op: OpId, function: &Kept, args: &dyn Sequence) {
    let subject = host.guard.subject(&host.network.patch().path(op), "an acknowledgement");
    let function = function.get(py);
    let result = host.script(op, subject, || {
        let args = to_python(py, host, &HostValue::List(args))?.cast_into::<PyList>()?;
        function.call1(args.to_tuple()).map(drop)
    });
    if let Err(failure) = result {
        let interrupted = failure.is_interrupt(py);
        errors::report(host, py, op, "an acknowledgement", failure);
        if interrupted {
            watchdog::pass_on(&host.guard);
        }
    }
}
