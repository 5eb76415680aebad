//! From an [`Opcode`] to what Csound calls: an entry of its list, with functions that let no panic through.

use std::ffi::{CStr, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use super::call::Call;
use super::csound::{Csound, Line};
pub(crate) use super::layout::OpcodeEntry;
use super::layout::OpcodeHead;
use super::signals::HeldSignals;

/// Why an opcode cannot begin or go on: what Csound prints behind the instrument and the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

/// An opcode: what it does at init and in each k-cycle. Its value is the state of one note; it is dropped when the note ends.
pub trait Opcode: Sized + 'static {
    /// Init. `previous` is the state from before, in a `reinit` or a tied note.
    ///
    /// # Errors
    /// The reason why the note cannot begin. The performance goes on.
    fn init(call: &mut Call<'_>, previous: Option<Box<Self>>) -> Result<Box<Self>, Failure>;

    /// A k-cycle.
    ///
    /// # Errors
    /// The reason why the note has to end. The performance goes on.
    fn perform(&mut self, call: &mut Call<'_>) -> Result<(), Failure>;
}

/// An opcode's structure with room for `ARGUMENTS` pointers.
#[repr(C)]
struct Slot<O, const ARGUMENTS: usize> {
    head: OpcodeHead,
    arguments: [*mut c_void; ARGUMENTS],
    state: *mut O,
}

const OK: c_int = 0;
const NOT_OK: c_int = -1;

/// When Csound calls an opcode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// At init only.
    Init,
    /// At init and in each k-cycle.
    Perform,
}

/// An entry of Csound's list: an opcode under a name, which may have several (behind a dot that is not the user's), with the
/// types of its outputs and inputs in Csound's letters, and with room for `ARGUMENTS` of both together.
pub(crate) const fn entry<O: Opcode, const ARGUMENTS: usize>(
    name: &'static CStr,
    outputs: &'static CStr,
    inputs: &'static CStr,
    when: When,
) -> OpcodeEntry {
    let size = size_of::<Slot<O, ARGUMENTS>>();
    // A size from 0xfffb on means something else to Csound.
    assert!(size < 0xfffb, "Csound counts an opcode's bytes in 16 bits");
    OpcodeEntry {
        name: name.as_ptr(),
        size: size as u16,
        flags: 0,
        thread: match when {
            When::Init => 1,
            When::Perform => 3,
        },
        outputs: outputs.as_ptr(),
        inputs: inputs.as_ptr(),
        init: Some(init::<O, ARGUMENTS>),
        perform: match when {
            When::Init => None,
            When::Perform => Some(perform::<O, ARGUMENTS>),
        },
        perform_audio: None,
        user: std::ptr::null(),
    }
}

/// What an entry does with the line of a failure. Csound may jump out of its error functions, so that nothing that would have
/// to be dropped is alive when it is called: the line is on the stack.
type Outcome = Option<Line>;

fn outcome(run: impl FnOnce() -> Result<(), Failure>) -> Outcome {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(Line::new(failure.0.as_bytes(), false)),
        Err(payload) => {
            let line = format!("a fault in the plugin ({}); please report it", last_panic());
            // What was thrown may panic again when it is dropped.
            std::mem::forget(payload);
            Some(Line::new(line.as_bytes(), false))
        }
    }
}

unsafe extern "C" fn init<O: Opcode, const ARGUMENTS: usize>(csound: *mut c_void, opcode: *mut c_void) -> c_int {
    let slot = opcode.cast::<Slot<O, ARGUMENTS>>();
    // SAFETY: Csound calls with itself and a structure that it has made after our entry; it is zero before the first init
    // and after a deinit, so that the state is null or a box of ours.
    let (csound, outcome) = unsafe {
        let csound = Csound::new(csound);
        let head = slot.cast::<OpcodeHead>();
        let outcome = outcome(|| {
            let _held = HeldSignals::new();
            let mut call = Call::new(csound, head);
            let pointers = call.pointers();
            if pointers > ARGUMENTS {
                return Err(Failure(format!(
                    "{pointers} arguments are more than the {ARGUMENTS} that one opcode has room for; divide them among several"
                )));
            }
            let previous = std::mem::replace(&mut (*slot).state, std::ptr::null_mut());
            let first = previous.is_null();
            let previous = (!first).then(|| Box::from_raw(previous));
            let state = O::init(&mut call, previous)?;
            if first && !csound.register_deinit(head, deinit::<O, ARGUMENTS>) {
                return Err(Failure("no memory".to_owned()));
            }
            (*slot).state = Box::into_raw(state);
            Ok(())
        });
        (csound, outcome)
    };
    match outcome {
        None => OK,
        // SAFETY: nothing in this frame has to be dropped.
        Some(line) => unsafe { csound.init_error(&line) },
    }
}

unsafe extern "C" fn perform<O: Opcode, const ARGUMENTS: usize>(csound: *mut c_void, opcode: *mut c_void) -> c_int {
    let slot = opcode.cast::<Slot<O, ARGUMENTS>>();
    // SAFETY: as in init. A call of one opcode is never made twice at a time.
    let (csound, head, outcome) = unsafe {
        let csound = Csound::new(csound);
        let head = slot.cast::<OpcodeHead>();
        let Some(state) = (*slot).state.as_mut() else {
            return OK;
        };
        let outcome = outcome(|| state.perform(&mut Call::new(csound, head)));
        (csound, head, outcome)
    };
    match outcome {
        None => OK,
        // SAFETY: the state is borrowed no more; it may be dropped in here.
        Some(line) => unsafe { csound.perform_error(head, &line) },
    }
}

unsafe extern "C" fn deinit<O: Opcode, const ARGUMENTS: usize>(_csound: *mut c_void, opcode: *mut c_void) -> c_int {
    let slot = opcode.cast::<Slot<O, ARGUMENTS>>();
    // SAFETY: as in init; the pointer is taken out before the state is dropped, so that it is dropped once.
    let state = unsafe { std::mem::replace(&mut (*slot).state, std::ptr::null_mut()) };
    if state.is_null() {
        return OK;
    }
    let _held = HeldSignals::new();
    // SAFETY: a state that is not null is a box of ours.
    match catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(state) }))) {
        Ok(()) => OK,
        Err(payload) => {
            std::mem::forget(payload);
            NOT_OK
        }
    }
}

/// Where and why the last panic was, for the console of a Csound that is called from another place.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

fn last_panic() -> String {
    let last = LAST_PANIC.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if last.is_empty() { "unknown".to_owned() } else { last.clone() }
}

/// Notes panics instead of printing them: the way that Rust prints one leaves something to be done at the end of the thread,
/// which would keep the plugin from being unloaded.
pub(crate) fn keep_panics_for_the_console() {
    std::panic::set_hook(Box::new(|info| {
        let reason = info
            .payload()
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| info.payload().downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no reason");
        let place = info.location().map_or_else(String::new, |place| format!(" at {place}"));
        let line = format!("{reason}{place}");
        *LAST_PANIC.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = line;
    }));
}

/// Called when a Csound is about to be reset: what the plugin keeps for it goes.
static AT_RESET: std::sync::OnceLock<fn(usize)> = std::sync::OnceLock::new();

unsafe extern "C" fn reset(csound: *mut c_void, _: *mut c_void) -> c_int {
    let _held = HeldSignals::new();
    if let Some(at_reset) = AT_RESET.get()
        && let Err(payload) = catch_unwind(|| at_reset(csound.addr()))
    {
        std::mem::forget(payload);
        return NOT_OK;
    }
    OK
}

/// What Csound's question for the plugin's opcodes is answered with: the list's bytes. `at_reset` is called with
/// [`Csound::key`] when that Csound is reset, after the last note has ended.
///
/// # Safety
/// Called by Csound's loader, with itself and a place for the list.
pub(crate) unsafe fn answer(
    csound: *mut c_void,
    list: *mut *const OpcodeEntry,
    entries: &'static [OpcodeEntry],
    at_reset: fn(usize),
) -> isize {
    keep_panics_for_the_console();
    AT_RESET.get_or_init(|| at_reset);
    // SAFETY: as the caller says. Csound copies the list.
    unsafe {
        Csound::new(csound).register_reset(reset);
        list.write(entries.as_ptr());
    }
    size_of_val(entries).cast_signed()
}

/// Answers Csound's question for version and number size: 4.0 is the interface of Csound 6.
pub(crate) const fn module_info() -> c_int {
    (4 << 16) + size_of::<super::MyFlt>() as c_int
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::Side;
    use crate::ffi::test_host::TestHost;

    /// What goes wrong, told by the number that the opcode is called with.
    struct Clumsy(u32);

    impl Opcode for Clumsy {
        fn init(call: &mut Call<'_>, _: Option<Box<Self>>) -> Result<Box<Self>, Failure> {
            let number = call.argument(Side::Input, 0).map_or(0.0, |argument| call.number(&argument));
            match number as u32 {
                1 => Err(Failure("refused in words".to_owned())),
                2 => panic!("in init"),
                number => Ok(Box::new(Clumsy(number))),
            }
        }

        fn perform(&mut self, _: &mut Call<'_>) -> Result<(), Failure> {
            match self.0 {
                3 => Err(Failure("ended in words".to_owned())),
                4 => panic!("in performance"),
                _ => Ok(()),
            }
        }
    }

    impl Drop for Clumsy {
        fn drop(&mut self) {
            assert_ne!(self.0, 5, "in drop");
        }
    }

    static CLUMSY: [OpcodeEntry; 2] = [
        entry::<Clumsy, 1>(c"clumsy", c"", c"i", When::Perform),
        entry::<Clumsy, 1>(c"clumsy", c"", c"i*", When::Perform),
    ];

    #[test]
    fn neither_an_error_nor_a_panic_crosses_the_boundary() {
        let mut host = TestHost::new(48_000.0, 64);
        for (number, init, perform, line) in [
            (0, true, true, ""),
            (1, false, true, "refused in words"),
            (2, false, true, "a fault in the plugin"),
            (3, true, false, "ended in words"),
            (4, true, false, "a fault in the plugin"),
            (5, true, true, ""),
        ] {
            let mut argument = host.number("inumber", "i");
            argument.samples(1)[0] = number as crate::ffi::MyFlt;
            let mut opcode = host.opcode(&CLUMSY[0], &mut [], &mut [&mut argument]);
            assert_eq!(opcode.init() == OK, init, "{number}");
            // Csound does not perform a note that has failed; nothing happens if it does.
            assert_eq!(opcode.perform() == OK, perform, "{number}");
            assert!(host.lines().concat().contains(line), "{number}");
            host.end_notes();
            assert_eq!(opcode.perform(), OK, "{number}: after its end");
        }
    }

    #[test]
    fn more_arguments_than_there_is_room_for_are_refused() {
        let mut host = TestHost::new(48_000.0, 64);
        let (mut one, mut two) = (host.number("ione", "i"), host.number("itwo", "i"));
        let mut opcode = host.opcode(&CLUMSY[1], &mut [], &mut [&mut one, &mut two]);
        assert_ne!(opcode.init(), OK);
        assert_eq!(
            host.lines(),
            ["2 arguments are more than the 1 that one opcode has room for; divide them among several"]
        );
    }
}
