//! How the watchdog and Ctrl-C reach a script that does not come back.
//!
//! The guard's thread sends the process SIGUSR2, which also ends a blocking call such as `time.sleep`; Python's handler
//! for it runs on the main thread and raises in the script. A signal may arrive late, when the script that it was
//! meant for has ended, so the handler compares the token of the call and then does nothing. What is raised is no
//! `Exception`, so that `except Exception` does not swallow it.
//!
//! The signal goes to the process: the system gives it to the main thread, the one that owns the patch, because that
//! one does not block it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use patchcord_runtime::guard::{Guard, Reason};
use pyo3::exceptions::{PyBaseException, PyKeyboardInterrupt};
use pyo3::prelude::*;

pyo3::create_exception!(td, CallbackTimeout, PyBaseException, "Raised in a script that holds the patch too long.");

static GUARD: Mutex<Option<Arc<Guard>>> = Mutex::new(None);
/// Token of the call that is to be interrupted.
static TOKEN: AtomicU64 = AtomicU64::new(0);
static CTRL_C: AtomicBool = AtomicBool::new(false);

/// Puts the handler in place and tells the guard how to interrupt. To be called on Python's main thread.
///
/// # Errors
/// When this is not the main thread.
pub fn install(py: Python<'_>, guard: &Arc<Guard>) -> PyResult<()> {
    let signal = py.import("signal")?;
    let handler = wrap_pyfunction!(handle_signal, py)?;
    signal.call_method1("signal", (signal.getattr("SIGUSR2")?, handler))?;
    *GUARD.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard.clone());
    guard.set_interrupt(Box::new(|token, reason| {
        CTRL_C.store(reason == Reason::CtrlC, Ordering::Release);
        TOKEN.store(token, Ordering::Release);
        send_signal();
    }));
    Ok(())
}

fn send_signal() {
    if let Err(error) = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::USR2) {
        tracing::warn!("a script cannot be interrupted: {error}");
    }
}

/// Whether an exception is how a script was interrupted.
pub fn is_interrupt(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<CallbackTimeout>(py) || error.is_instance_of::<PyKeyboardInterrupt>(py)
}

/// An interrupt has ended a script within another: a run without delay, an expression, a script that is loaded. Its
/// exception goes no further, so the outer one, which is meant, is interrupted anew. Does nothing when there is none.
pub fn pass_on(guard: &Guard) {
    if guard.is_running(TOKEN.load(Ordering::Acquire)) {
        send_signal();
    }
}

/// Forgets the guard; the handler then does nothing.
pub fn remove() {
    *GUARD.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

#[pyfunction]
fn handle_signal(_number: Bound<'_, PyAny>, _frame: Bound<'_, PyAny>) -> PyResult<()> {
    let guard = GUARD.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let token = TOKEN.load(Ordering::Acquire);
    if !guard.is_some_and(|guard| guard.is_running(token)) {
        return Ok(());
    }
    if CTRL_C.load(Ordering::Acquire) {
        Err(PyKeyboardInterrupt::new_err("interrupted, because the program stops"))
    } else {
        Err(CallbackTimeout::new_err("it held the patch too long and was interrupted"))
    }
}
