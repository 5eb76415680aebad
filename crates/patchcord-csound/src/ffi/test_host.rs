//! A host for tests, of the few functions of Csound's table that the plugin calls. It shows what the real Csound of a
//! distribution cannot: floats of 32 bits, and what is allocated during a k-cycle. All else is tested with the real one.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;

use super::MyFlt;
use super::csound::place;
use super::layout::{
    ArrayData, EntryFunction, NameList, Note, OpcodeEntry, OpcodeHead, OpcodeText, StringData, VariableType,
};

/// The system's allocator, which counts what each thread allocates and frees.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// How often this thread has allocated, reallocated or freed so far.
pub(crate) fn allocations() -> u64 {
    COUNT.get()
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as the caller says.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as the caller says.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as the caller says.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What lies where Csound has its structure.
#[repr(C)]
struct Structure {
    table: [*const c_void; 243],
    sample_rate: MyFlt,
    ksmps: u32,
    lines: RefCell<Vec<String>>,
    at_end: RefCell<Vec<(*mut c_void, EntryFunction)>>,
}

/// A Csound for tests. What it lends lives as long as it does.
pub(crate) struct TestHost {
    csound: Box<Structure>,
}

extern "C" fn sample_rate(csound: *const Structure) -> MyFlt {
    // SAFETY: the plugin calls with what it was called with.
    unsafe { (*csound).sample_rate }
}

extern "C" fn ksmps(csound: *const Structure) -> u32 {
    // SAFETY: as above.
    unsafe { (*csound).ksmps }
}

// The real one takes any number of arguments; the plugin gives one, which arrives in the same register.
extern "C" fn message(csound: *const Structure, _: *const c_char, line: *const c_char) {
    // SAFETY: as above; the line has its NUL.
    unsafe { (*csound).lines.borrow_mut().push(CStr::from_ptr(line).to_string_lossy().into_owned()) };
}

extern "C" fn init_error(csound: *const Structure, _: *const c_char, line: *const c_char) -> c_int {
    message(csound, std::ptr::null(), line);
    1
}

extern "C" fn perform_error(
    csound: *const Structure,
    _: *const c_void,
    _: *const c_char,
    line: *const c_char,
) -> c_int {
    message(csound, std::ptr::null(), line);
    1
}

extern "C" fn input_name(head: *const OpcodeHead, index: c_int) -> *const c_char {
    // SAFETY: as above.
    unsafe { name((*(*head).text).inputs, index) }
}

extern "C" fn output_name(head: *const OpcodeHead, index: c_int) -> *const c_char {
    // SAFETY: as above.
    unsafe { name((*(*head).text).outputs, index) }
}

unsafe fn name(list: *const NameList, index: c_int) -> *const c_char {
    // SAFETY: the names follow the count.
    unsafe { (&raw const (*list).names).cast::<*const c_char>().add(index as usize).read() }
}

extern "C" fn reallocate(_: *mut c_void, memory: *mut c_void, bytes: usize) -> *mut c_void {
    COUNT.set(COUNT.get() + 1);
    // SAFETY: memory of strings comes from here.
    unsafe { libc::realloc(memory, bytes) }
}

extern "C" fn register_deinit(csound: *const Structure, head: *mut c_void, function: EntryFunction) -> c_int {
    // SAFETY: as above.
    unsafe { (*csound).at_end.borrow_mut().push((head, function)) };
    0
}

impl TestHost {
    pub(crate) fn new(sample_rate_: MyFlt, ksmps_: u32) -> TestHost {
        let mut table = [std::ptr::null(); 243];
        for (index, function) in [
            (place::SAMPLE_RATE, sample_rate as *const c_void),
            (place::KSMPS, ksmps as *const c_void),
            (place::MESSAGE, message as *const c_void),
            (place::INPUT_NAME, input_name as *const c_void),
            (place::OUTPUT_NAME, output_name as *const c_void),
            (place::REALLOC, reallocate as *const c_void),
            (place::INIT_ERROR, init_error as *const c_void),
            (place::PERFORM_ERROR, perform_error as *const c_void),
            (place::REGISTER_DEINIT, register_deinit as *const c_void),
        ] {
            table[index] = function;
        }
        let csound = Structure {
            table,
            sample_rate: sample_rate_,
            ksmps: ksmps_,
            lines: RefCell::default(),
            at_end: RefCell::default(),
        };
        TestHost { csound: Box::new(csound) }
    }

    /// The lines printed since the last time.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.csound.lines.take()
    }

    /// A type; it stays for as long as the tests run, as Csound's do.
    fn kind(letter: &str) -> *const VariableType {
        // SAFETY: a type is pointers alone.
        let kind = Box::leak(Box::new(unsafe { MaybeUninit::<VariableType>::zeroed().assume_init() }));
        kind.name = CString::new(letter).unwrap().into_raw();
        kind
    }

    fn variable(name: &str, letter: &str, words: usize) -> TestVariable {
        let mut memory = vec![0_u64; words + 1].into_boxed_slice();
        // SAFETY: the first word is the pointer's place.
        unsafe { memory.as_mut_ptr().cast::<*const VariableType>().write(Self::kind(letter)) };
        TestVariable { name: CString::new(name).unwrap(), memory, numbers: Vec::new(), sizes: Vec::new() }
    }

    /// A number (`k`, `i`, `c`) or a block of samples (`a`).
    pub(crate) fn number(&self, name: &str, letter: &str) -> TestVariable {
        let words = if letter == "a" { self.csound.ksmps as usize } else { 1 };
        Self::variable(name, letter, words)
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> TestVariable {
        Self::variable(name, "S", 2)
    }

    /// An array of numbers, or of blocks.
    pub(crate) fn array(&self, name: &str, letter: &str, sizes: &[c_int]) -> TestVariable {
        let mut variable = Self::variable(name, "[", size_of::<ArrayData>() / 8);
        let per_member = if letter == "a" { self.csound.ksmps as usize } else { 1 };
        let count = sizes.iter().product::<c_int>() as usize * per_member;
        variable.numbers = vec![0.0; count];
        variable.sizes = sizes.to_vec();
        let member_type = Self::kind(letter);
        // SAFETY: the variable has room for this.
        unsafe {
            variable.value().cast::<ArrayData>().write(ArrayData {
                dimensions: sizes.len() as c_int,
                sizes: variable.sizes.as_ptr(),
                member_size: (per_member * size_of::<MyFlt>()) as c_int,
                member_type,
                data: variable.numbers.as_mut_ptr(),
                allocated: count * size_of::<MyFlt>(),
            });
        }
        variable
    }

    /// An opcode in a note of its own, before its init.
    pub(crate) fn opcode(
        &mut self,
        entry: &'static OpcodeEntry,
        outputs: &mut [&mut TestVariable],
        inputs: &mut [&mut TestVariable],
    ) -> TestOpcode {
        let names = |variables: &[&mut TestVariable]| {
            let mut list = vec![std::ptr::without_provenance::<c_char>(variables.len())];
            list.extend(variables.iter().map(|variable| variable.name.as_ptr()));
            list
        };
        let (output_names, input_names) = (names(outputs), names(inputs));
        // SAFETY: a note, a line and a head are numbers and pointers alone.
        unsafe {
            let mut note = Box::new(MaybeUninit::<Note>::zeroed().assume_init());
            note.instrument = 1;
            note.ksmps = self.csound.ksmps;
            let mut text = Box::new(MaybeUninit::<OpcodeText>::zeroed().assume_init());
            text.entry = entry;
            text.inputs = input_names.as_ptr().cast();
            text.outputs = output_names.as_ptr().cast();
            text.input_count = inputs.len() as u32;
            text.output_count = outputs.len() as u32;
            // Room also for arguments that the plugin has not asked for: Csound writes them without asking, too.
            let words = usize::from(entry.size).div_ceil(8) + outputs.len() + inputs.len() + 1;
            let mut memory = vec![0_u64; words].into_boxed_slice();
            let head = memory.as_mut_ptr().cast::<OpcodeHead>();
            (*head).text = &raw const *text;
            (*head).note = &raw const *note;
            let arguments = head.add(1).cast::<*mut c_void>();
            let padding = CStr::from_ptr(entry.outputs).count_bytes().saturating_sub(outputs.len());
            let pointers = outputs
                .iter_mut()
                .map(|variable| variable.value())
                .chain(std::iter::repeat_n(std::ptr::null_mut(), padding))
                .collect::<Vec<_>>();
            let pointers = pointers.into_iter().chain(inputs.iter_mut().map(|variable| variable.value()));
            for (index, pointer) in pointers.enumerate() {
                arguments.add(index).write(pointer);
            }
            TestOpcode {
                csound: (&raw mut *self.csound).cast(),
                entry,
                memory,
                note,
                _line: (text, output_names, input_names),
            }
        }
    }

    /// Ends all notes.
    pub(crate) fn end_notes(&self) {
        for (head, function) in self.csound.at_end.take() {
            // SAFETY: the opcode was registered and lives.
            unsafe { function((&raw const *self.csound).cast_mut().cast(), head) };
        }
    }
}

/// A variable of the orchestra.
pub(crate) struct TestVariable {
    name: CString,
    /// The type's address, and the value behind it.
    memory: Box<[u64]>,
    /// Members of an array.
    pub(crate) numbers: Vec<MyFlt>,
    sizes: Vec<c_int>,
}

impl TestVariable {
    fn value(&mut self) -> *mut c_void {
        // SAFETY: the value begins at the second word.
        unsafe { self.memory.as_mut_ptr().add(1).cast() }
    }

    /// The number, or the samples.
    pub(crate) fn samples(&mut self, count: usize) -> &mut [MyFlt] {
        assert!(count < self.memory.len());
        // SAFETY: there is a word for each.
        unsafe { std::slice::from_raw_parts_mut(self.value().cast(), count) }
    }

    /// Makes an array look resized; its memory stays where it was, with as many members as before at most.
    pub(crate) fn resize(&mut self, size: c_int) {
        self.sizes[0] = size;
    }

    pub(crate) fn set_text(&mut self, text: &str) {
        let text = CString::new(text).unwrap();
        let bytes = text.as_bytes_with_nul();
        // SAFETY: memory of strings comes from here.
        unsafe {
            let string = self.value().cast::<StringData>();
            (*string).data = libc::realloc((*string).data.cast(), bytes.len()).cast();
            (*string).size = bytes.len() as c_int;
            (*string).data.copy_from_nonoverlapping(bytes.as_ptr().cast(), bytes.len());
        }
    }

    pub(crate) fn current_text(&mut self) -> String {
        // SAFETY: as above.
        unsafe {
            let string = self.value().cast::<StringData>();
            CStr::from_ptr((*string).data).to_string_lossy().into_owned()
        }
    }
}

type Line = (Box<OpcodeText>, Vec<*const c_char>, Vec<*const c_char>);

/// An opcode in a note.
pub(crate) struct TestOpcode {
    csound: *mut c_void,
    entry: &'static OpcodeEntry,
    memory: Box<[u64]>,
    pub(crate) note: Box<Note>,
    _line: Line,
}

impl TestOpcode {
    pub(crate) fn init(&mut self) -> c_int {
        // SAFETY: this is how Csound calls.
        unsafe { self.entry.init.unwrap()(self.csound, self.memory.as_mut_ptr().cast()) }
    }

    pub(crate) fn perform(&mut self) -> c_int {
        // SAFETY: this is how Csound calls.
        unsafe { self.entry.perform.unwrap()(self.csound, self.memory.as_mut_ptr().cast()) }
    }
}
