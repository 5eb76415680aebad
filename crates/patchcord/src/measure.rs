//! What callbacks cost in this program: the half of `cargo xtask bench python` that a script cannot be.
//!
//! A script of the benchmark's patch asks for steps with `_patchcord.measure`. They are done when its own turn is over,
//! where messages of the network are handled too, by the same [`Callbacks`](patchcord_core::callbacks::Callbacks) and conversions and with values such as
//! operators hand over. Nothing here runs unless a script asks for it.

use std::time::Instant;

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::value::{FieldName, Record, Value};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::callbacks::call;
use crate::convert::{from_response, record_to_python, text_of};
use crate::host::{self, Host, Kept};
use crate::op::Op;

/// One step: its name, an operator, what it is done with, and how often.
type Order<'py> = (String, Bound<'py, Op>, Bound<'py, PyAny>, u32);

struct Step {
    name: String,
    op: OpId,
    given: Kept,
    times: u32,
}

/// Does steps when the turn is over, then calls `done` with a list of nanoseconds for each time.
///
/// - `call`: calls the function that is given, without arguments, and nothing else.
/// - `arguments`: the same with an operator, a whole number and 32 bytes of text, which are converted.
/// - `tell`: has the operator's onReceiveText called with the text that is given, in one batch.
/// - `turns`: the same, each in a batch of its own.
/// - `request`: makes a request's dictionary.
/// - `response`: reads the response dictionary that is given.
/// - `answer`: has the operator's onHTTPRequest called and reads the response.
///
/// # Errors
/// What reading the arguments raises.
#[pyfunction]
pub fn measure(steps: Vec<Order<'_>>, done: Py<PyAny>) -> PyResult<()> {
    let step = |(name, op, given, times): Order<'_>| Step {
        name,
        op: op.get().id(),
        given: Kept::new(given.unbind()),
        times: times.max(1),
    };
    let (steps, done): (Vec<Step>, _) = (steps.into_iter().map(step).collect(), Kept::new(done));
    host::with(|host| {
        host.network.defer(move |network| {
            let Some(host) = host::here() else { return };
            Python::attach(|py| {
                let times = steps.iter().map(|step| step.measure(&host, network, py)).collect::<PyResult<Vec<_>>>();
                if let Err(error) = times.and_then(|times| done.get(py).call1((times,))) {
                    tracing::error!("nothing is measured: {error}");
                }
            });
        });
        Ok(())
    })
}

impl Step {
    fn measure(&self, host: &Host, network: &Network, py: Python<'_>) -> PyResult<f64> {
        let given = self.given.get(py);
        let text = text_of(&given)?;
        let callbacks = network.callbacks_for(self.op);
        let callback = |name: &str| {
            let declaration = network.patch().get(self.op).map(|op| op.declaration());
            let position = declaration.and_then(|declaration| declaration.find_callback(name));
            position.filter(|at| callbacks.defines(network, *at)).ok_or_else(|| PyValueError::new_err(name.to_owned()))
        };
        match &*self.name {
            "call" => self.time(|| given.call0().map(drop)),
            "arguments" => {
                let arguments = [Value::Op(self.op), Value::Int(1), Value::Str(TEXT)];
                self.time(|| call(py, host, &given, &arguments).map(drop))
            }
            "tell" | "turns" => {
                let (at, arguments) =
                    (callback("onReceiveText")?, [Value::Op(self.op), Value::Int(1), Value::Str(&text)]);
                let tell = || network.turn(|network| callbacks.tell(network, at, &arguments));
                if self.name == "turns" {
                    return self.time(|| {
                        callbacks.batch(&mut || tell());
                        Ok(())
                    });
                }
                let mut time = Ok(0.0);
                callbacks.batch(&mut || {
                    time = self.time(|| {
                        tell();
                        Ok(())
                    });
                });
                time
            }
            "request" => self.time(|| record_to_python(py, host, &Request).map(drop)),
            "response" => self.time(|| from_response(&given).map(drop)),
            "answer" => {
                let arguments = [Value::Op(self.op), Value::Record(&Request), Value::Record(&Response)];
                let at = callback("onHTTPRequest")?;
                let answer = || network.turn(|network| callbacks.call(network, at, &arguments));
                self.time(|| answer().map(drop).map_err(|error| PyValueError::new_err(error.to_string())))
            }
            name => Err(PyValueError::new_err(name.to_owned())),
        }
    }

    fn time(&self, mut work: impl FnMut() -> PyResult<()>) -> PyResult<f64> {
        let begin = Instant::now();
        for _ in 0..self.times {
            work()?;
        }
        Ok(begin.elapsed().as_nanos() as f64 / f64::from(self.times))
    }
}

/// 32 bytes.
const TEXT: &str = "a message of thirty-two bytes ..";

/// A request with ten fields, as the Web Server DAT hands it over.
struct Request;

impl Record for Request {
    fn fields(&self, visit: &mut dyn FnMut(FieldName<'_>, Value<'_>)) {
        visit(FieldName::Header("host"), Value::Str("127.0.0.1:9980"));
        visit(FieldName::Header("user-agent"), Value::Str("Mozilla/5.0 (X11; Linux x86_64; rv:140.0)"));
        visit(FieldName::Header("accept"), Value::Str("text/html,application/xhtml+xml"));
        visit(FieldName::Header("accept-encoding"), Value::Str("gzip, deflate, br"));
        visit(FieldName::Fixed("method"), Value::Str("GET"));
        visit(FieldName::Fixed("uri"), Value::Str("/status"));
        visit(FieldName::Fixed("pars"), Value::Record(&NoPars));
        visit(FieldName::Fixed("clientAddress"), Value::Str("127.0.0.1:51234"));
        visit(FieldName::Fixed("serverAddress"), Value::Str("127.0.0.1:9980"));
        visit(FieldName::Fixed("data"), Value::Body(b""));
    }

    fn ignores_case(&self) -> bool {
        true
    }
}

/// A request without query parameters.
struct NoPars;

impl Record for NoPars {
    fn fields(&self, _: &mut dyn FnMut(FieldName<'_>, Value<'_>)) {}
}

/// The response before a callback has filled it in.
struct Response;

impl Record for Response {
    fn fields(&self, visit: &mut dyn FnMut(FieldName<'_>, Value<'_>)) {
        visit(FieldName::Fixed("statusCode"), Value::Int(404));
        visit(FieldName::Fixed("statusReason"), Value::Str("Not Found"));
        visit(FieldName::Fixed("data"), Value::Str(""));
    }

    fn constant(&self) -> Option<&'static str> {
        Some("response")
    }
}
