//! The functions that Csound offers to opcodes: pointers at the beginning of its `CSOUND` structure, called by their place there.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;

use super::{MyFlt, layout::OpcodeHead};

/// Places in the table of Csound 6.18, which is frozen. The public part has 243.
pub(super) mod place {
    pub const SAMPLE_RATE: usize = 0;
    pub const KSMPS: usize = 2;
    pub const MESSAGE: usize = 17;
    pub const INPUT_NAME: usize = 43;
    pub const OUTPUT_NAME: usize = 45;
    pub const REALLOC: usize = 52;
    pub const INIT_ERROR: usize = 96;
    pub const PERFORM_ERROR: usize = 97;
    pub const REGISTER_DEINIT: usize = 187;
    pub const REGISTER_RESET: usize = 188;
    pub const INPUT_MESSAGE: usize = 218;
    pub const CHANNEL: usize = 230;
}

/// A running Csound, within a call from it.
#[derive(Clone, Copy)]
pub struct Csound<'call> {
    table: *const *const c_void,
    call: PhantomData<&'call ()>,
}

/// Longest line for Csound's console, in bytes.
const LINE: usize = 1024;

impl<'call> Csound<'call> {
    /// # Safety
    /// `csound` is the pointer that Csound has just called with, and `'call` does not outlive that call.
    pub(super) unsafe fn new(csound: *mut c_void) -> Self {
        Csound { table: csound.cast::<*const c_void>().cast_const(), call: PhantomData }
    }

    pub(super) fn pointer(self) -> *mut c_void {
        self.table.cast_mut().cast()
    }

    /// What tells this Csound from others of the process.
    pub fn key(self) -> usize {
        self.table.addr()
    }

    /// # Safety
    /// `F` is the type of the function pointer at that place.
    pub(super) unsafe fn function<F: Copy>(self, place: usize) -> F {
        const { assert!(size_of::<F>() == size_of::<*const c_void>()) };
        // SAFETY: the table has 243 places, all of `place` are below; the caller knows the type.
        unsafe { self.table.add(place).cast::<F>().read() }
    }

    /// `sr`: samples per second.
    pub fn sample_rate(self) -> f64 {
        type Function = unsafe extern "C" fn(*mut c_void) -> MyFlt;
        // SAFETY: GetSr has this type.
        let rate = unsafe { self.function::<Function>(place::SAMPLE_RATE)(self.pointer()) };
        #[allow(clippy::useless_conversion, reason = "MyFlt is f32 in the other build")]
        f64::from(rate)
    }

    /// `ksmps` of the whole orchestra: samples in a k-cycle.
    pub fn ksmps(self) -> usize {
        type Function = unsafe extern "C" fn(*mut c_void) -> u32;
        // SAFETY: GetKsmps has this type.
        unsafe { self.function::<Function>(place::KSMPS)(self.pointer()) as usize }
    }

    /// Prints a line on Csound's console. Of a line above 1,000 bytes the rest is cut off. Allocates nothing here.
    pub fn message(self, line: &str) {
        type Function = unsafe extern "C" fn(*mut c_void, *const c_char, ...);
        let text = Line::new(line.as_bytes(), true);
        // SAFETY: Message has this type; the text is no format and has its NUL.
        unsafe { self.function::<Function>(place::MESSAGE)(self.pointer(), c"%s".as_ptr(), text.as_ptr()) }
    }

    /// Ends this note before it has begun, with a reason. The performance goes on.
    ///
    /// # Safety
    /// Called from an init entry with no frame open that would have to be unwound: in a call that Csound made without an
    /// opcode it jumps out.
    pub(super) unsafe fn init_error(self, line: &Line) -> c_int {
        type Function = unsafe extern "C" fn(*mut c_void, *const c_char, ...) -> c_int;
        // SAFETY: InitError has this type.
        unsafe { self.function::<Function>(place::INIT_ERROR)(self.pointer(), c"%s".as_ptr(), line.as_ptr()) }
    }

    /// Ends this note, with a reason. The opcode is deinitialised while this runs.
    ///
    /// # Safety
    /// `head` is the opcode that Csound has just called, and nothing of its state is borrowed.
    pub(super) unsafe fn perform_error(self, head: *mut OpcodeHead, line: &Line) -> c_int {
        type Function = unsafe extern "C" fn(*mut c_void, *mut OpcodeHead, *const c_char, ...) -> c_int;
        // SAFETY: PerfError has this type.
        unsafe { self.function::<Function>(place::PERFORM_ERROR)(self.pointer(), head, c"%s".as_ptr(), line.as_ptr()) }
    }

    /// The name of an input, as it stands in the orchestra.
    ///
    /// # Safety
    /// `head` is the opcode that Csound has just called.
    pub(super) unsafe fn input_name(self, head: *const OpcodeHead, index: usize) -> Option<&'call CStr> {
        // SAFETY: as the caller says.
        unsafe { self.name(place::INPUT_NAME, head, index) }
    }

    /// The name of an output.
    ///
    /// # Safety
    /// `head` is the opcode that Csound has just called.
    pub(super) unsafe fn output_name(self, head: *const OpcodeHead, index: usize) -> Option<&'call CStr> {
        // SAFETY: as the caller says.
        unsafe { self.name(place::OUTPUT_NAME, head, index) }
    }

    /// # Safety
    /// As above, and `place` is one of the two that tell names.
    unsafe fn name(self, place: usize, head: *const OpcodeHead, index: usize) -> Option<&'call CStr> {
        type Function = unsafe extern "C" fn(*const OpcodeHead, c_int) -> *const c_char;
        // SAFETY: GetInputArgName and GetOutputArgName have this type; they answer null for an index that is not there, and
        // else a string of the orchestra, which lives as long as its instrument.
        unsafe {
            let name = self.function::<Function>(place)(head, c_int::try_from(index).ok()?);
            (!name.is_null()).then(|| CStr::from_ptr(name))
        }
    }

    /// Memory of Csound, made larger or smaller.
    ///
    /// # Safety
    /// `memory` is null or Csound's own, and nobody holds a pointer into it.
    pub(super) unsafe fn reallocate(self, memory: *mut c_void, bytes: usize) -> *mut c_void {
        type Function = unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void;
        // SAFETY: ReAlloc has this type.
        unsafe { self.function::<Function>(place::REALLOC)(self.pointer(), memory, bytes) }
    }

    /// Has `function` called when the note ends.
    ///
    /// # Safety
    /// `head` is the opcode that Csound has just called, and `function` bears being called once with it.
    pub(super) unsafe fn register_deinit(self, head: *mut OpcodeHead, function: super::layout::EntryFunction) -> bool {
        type Function = unsafe extern "C" fn(*mut c_void, *mut OpcodeHead, super::layout::EntryFunction) -> c_int;
        // SAFETY: RegisterDeinitCallback has this type.
        unsafe { self.function::<Function>(place::REGISTER_DEINIT)(self.pointer(), head, function) == 0 }
    }

    /// Has `function` called before this Csound is reset and the plugin unloaded.
    ///
    /// # Safety
    /// `function` bears being called with null.
    pub(super) unsafe fn register_reset(self, function: super::layout::EntryFunction) -> bool {
        type Function = unsafe extern "C" fn(*mut c_void, *mut c_void, super::layout::EntryFunction) -> c_int;
        // SAFETY: RegisterResetCallback has this type.
        unsafe { self.function::<Function>(place::REGISTER_RESET)(self.pointer(), std::ptr::null_mut(), function) == 0 }
    }
}

/// A line with a NUL at its end, on the stack, so that none has to be freed where Csound may jump.
pub(super) struct Line([u8; LINE]);

impl Line {
    pub(super) fn new(text: &[u8], with_line_feed: bool) -> Line {
        let mut line = [0; LINE];
        let mut length = text.len().min(LINE - 2);
        // Not within a character.
        while length < text.len() && text[length] & 0xc0 == 0x80 {
            length -= 1;
        }
        for (to, &from) in line.iter_mut().zip(&text[..length]) {
            // A NUL would cut off the rest.
            *to = if from == 0 { b' ' } else { from };
        }
        if with_line_feed {
            line[length] = b'\n';
        }
        Line(line)
    }

    fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }
}
