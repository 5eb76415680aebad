//! Who has the interpreter: the patch's thread keeps it while it works and gives it up while it sleeps.
//!
//! Taking and giving back the interpreter costs some 500 instructions, which a thread that does it for every read of
//! every connection pays again and again. So it is given up only where the event loop is about to wait for the system.
//! Threads of scripts get it then, and whenever they ask for it while a callback runs, as Python does it everywhere; a
//! loop that never sleeps gives them a turn by itself ([`note_turn`]).

use std::cell::Cell;
use std::ptr;

use patchcord_runtime::engine::Parking;
use pyo3::ffi::{PyEval_RestoreThread, PyEval_SaveThread, PyThreadState};
use pyo3::prelude::*;

/// Turns in a row after which other threads are let in.
const TURNS: u32 = 1000;

thread_local! {
    /// Whether this thread keeps the interpreter between callbacks.
    static KEEPS: Cell<bool> = const { Cell::new(false) };
    /// This thread's Python state while it sleeps without the interpreter.
    static ASLEEP: Cell<*mut PyThreadState> = const { Cell::new(ptr::null_mut()) };
    /// Turns since the thread slept.
    static TURNS_AWAKE: Cell<u32> = const { Cell::new(0) };
}

/// What an event loop has to call around its sleep.
pub const PARKING: Parking = Parking { before: give_up, after: take_back };

/// Runs an event loop whose thread keeps the interpreter. The loop must call [`PARKING`].
pub fn keep(run: &mut dyn FnMut()) {
    Python::attach(|_| {
        KEEPS.set(true);
        run();
        KEEPS.set(false);
    });
}

/// A turn begins. Lets other threads in when the loop has not slept for long.
pub fn note_turn(py: Python<'_>) {
    let turns = TURNS_AWAKE.get() + 1;
    TURNS_AWAKE.set(turns % TURNS);
    if turns == TURNS {
        py.detach(|| ());
    }
}

#[allow(unsafe_code)]
fn give_up() {
    if KEEPS.get() && ASLEEP.get().is_null() {
        TURNS_AWAKE.set(0);
        // SAFETY: `keep` has this thread attached. Until `take_back` it only sleeps: the loop's driver notes which
        // sockets are ready and which tasks have to be polled, and touches no Python object.
        ASLEEP.set(unsafe { PyEval_SaveThread() });
    }
}

#[allow(unsafe_code)]
fn take_back() {
    let state = ASLEEP.replace(ptr::null_mut());
    if !state.is_null() {
        // SAFETY: the state is this thread's own, from `give_up`, and is used once.
        unsafe { PyEval_RestoreThread(state) };
    }
}
