//! Csound 6.18's structures, as far as an opcode needs them, with their places checked when this is compiled.
//!
//! From `csoundCore.h` and `csound_type_system.h`. In a Csound with 32-bit floats fewer bytes lie before some fields.

use std::ffi::{c_char, c_int, c_void};

use super::MyFlt;

/// `OPDS`: how every opcode's structure begins.
#[repr(C)]
pub struct OpcodeHead {
    next_init: *mut OpcodeHead,
    next_perform: *mut OpcodeHead,
    init: *const c_void,
    perform: *const c_void,
    /// The opcode's line in the orchestra.
    pub text: *const OpcodeText,
    /// The note.
    pub note: *const Note,
}

/// `OPTXT`: a line of the orchestra.
#[repr(C)]
pub struct OpcodeText {
    next: *const OpcodeText,
    line: u16,
    location: u64,
    /// The opcode's entry, as Csound has copied it.
    pub entry: *const OpcodeEntry,
    name: *const c_char,
    pub(super) inputs: *const NameList,
    pub(super) outputs: *const NameList,
    input_arguments: *const c_void,
    /// How many inputs there are.
    pub input_count: u32,
    output_arguments: *const c_void,
    /// How many outputs there are.
    pub output_count: u32,
    input_type: c_char,
    output_type: c_char,
}

/// `ARGLST`: names of arguments. The names follow the count.
#[repr(C)]
pub struct NameList {
    count: c_int,
    pub(super) names: [*const c_char; 1],
}

/// `INSDS`: a note, or the instance of a user-defined opcode.
#[repr(C)]
pub struct Note {
    chains: [*const c_void; 9],
    extra_release: c_int,
    midi_channel: *const c_void,
    next_overlap: *const c_void,
    /// The instrument's number; 0 is the code outside of instruments.
    pub instrument: i16,
    definition: *const c_void,
    sustained: i16,
    midi_key: u8,
    midi_velocity: u8,
    releasing: c_char,
    active: c_char,
    off_beat: f64,
    off_time: f64,
    python: *const c_void,
    csound: *const c_void,
    /// K-cycles since the note began.
    pub kcounter: u64,
    /// Samples in a k-cycle of this note (`setksmps` can make it smaller than Csound's own).
    pub ksmps: u32,
    rates: [MyFlt; 4],
    jump: *const c_void,
    scratch: [MyFlt; 4],
    opcode_buffers: *const c_void,
    opcode_deactivate: *const c_void,
    instrument_deactivate: *const c_void,
    deinit_chain: *const c_void,
    /// Samples of the first k-cycle that lie before the note begins (`--sample-accurate`).
    pub offset: u32,
    end_calculated: u32,
    /// Samples of the last k-cycle that lie behind the note's end.
    pub early: u32,
    input_bus: *const c_void,
    output_bus: *const c_void,
    init_done: c_int,
    tie: c_int,
    reinit: c_int,
}

/// `STRINGDAT`: a string variable.
#[repr(C)]
pub struct StringData {
    /// The text, with a NUL at its end.
    pub data: *mut c_char,
    /// The capacity in bytes, with the NUL.
    pub size: c_int,
}

/// `ARRAYDAT`: an array variable.
#[repr(C)]
pub struct ArrayData {
    /// How many dimensions; 0 before the array exists.
    pub dimensions: c_int,
    /// The size of each dimension.
    pub sizes: *const c_int,
    /// Bytes of one member.
    pub member_size: c_int,
    /// The members' type.
    pub member_type: *const VariableType,
    /// The members, one behind the other.
    pub data: *mut MyFlt,
    /// Bytes at `data`.
    pub allocated: usize,
}

/// `CS_TYPE`: the type of a variable.
#[repr(C)]
pub struct VariableType {
    /// `a`, `k`, `[` …
    pub name: *const c_char,
    description: *const c_char,
}

/// `OENTRY`: an opcode in the list that Csound asks a plugin for.
#[repr(C)]
pub struct OpcodeEntry {
    /// The opcode's name.
    pub name: *const c_char,
    /// Bytes of its structure: at most 65,535.
    pub size: u16,
    /// 0: depends on nothing that Csound's parallel mode has to know of.
    pub flags: u16,
    /// 1 init, 2 perform.
    pub thread: u8,
    /// Types of the outputs.
    pub outputs: *const c_char,
    /// Types of the inputs.
    pub inputs: *const c_char,
    /// Called at init.
    pub init: Option<EntryFunction>,
    /// Called in each k-cycle.
    pub perform: Option<EntryFunction>,
    /// Called in each k-cycle of opcodes of the old kind.
    pub perform_audio: Option<EntryFunction>,
    /// Csound's own.
    pub user: *const c_void,
}

#[cfg(test)]
impl OpcodeEntry {
    /// Whether this is the entry of that name with those inputs.
    pub(crate) fn is(&self, name: &str, inputs: &str) -> bool {
        // SAFETY: an entry's name and types are constants.
        unsafe {
            std::ffi::CStr::from_ptr(self.name).to_bytes() == name.as_bytes()
                && std::ffi::CStr::from_ptr(self.inputs).to_bytes() == inputs.as_bytes()
        }
    }
}

// SAFETY: an entry is constant, and its pointers are to constants.
unsafe impl Sync for OpcodeEntry {}

/// A function of an opcode, as Csound calls it.
pub type EntryFunction = unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int;

/// The type of an argument stands this many bytes before its value (`CS_VAR_TYPE_OFFSET`).
pub const TYPE_BEFORE_VALUE: usize = 8;

const _: () = {
    use std::mem::{offset_of, size_of};
    assert!(size_of::<OpcodeHead>() == 48);
    assert!(offset_of!(OpcodeHead, text) == 32);
    assert!(offset_of!(OpcodeHead, note) == 40);
    assert!(size_of::<OpcodeText>() == 88);
    assert!(offset_of!(OpcodeText, entry) == 8 + 16);
    assert!(offset_of!(OpcodeText, inputs) == 8 + 32);
    assert!(offset_of!(OpcodeText, outputs) == 8 + 40);
    assert!(offset_of!(OpcodeText, input_count) == 8 + 56);
    assert!(offset_of!(OpcodeText, output_count) == 8 + 72);
    assert!(offset_of!(NameList, names) == 8);
    assert!(offset_of!(Note, instrument) == 96);
    assert!(offset_of!(Note, csound) == 144);
    assert!(offset_of!(Note, kcounter) == 152);
    assert!(offset_of!(Note, ksmps) == 160);
    let narrow = size_of::<MyFlt>() == 4;
    assert!(offset_of!(Note, rates) == if narrow { 164 } else { 168 });
    assert!(offset_of!(Note, offset) == if narrow { 240 } else { 272 });
    assert!(offset_of!(Note, early) == if narrow { 248 } else { 280 });
    assert!(offset_of!(Note, tie) == if narrow { 276 } else { 308 });
    assert!(offset_of!(Note, reinit) == if narrow { 280 } else { 312 });
    assert!(size_of::<StringData>() == 16);
    assert!(offset_of!(StringData, size) == 8);
    assert!(size_of::<ArrayData>() == 48);
    assert!(offset_of!(ArrayData, sizes) == 8);
    assert!(offset_of!(ArrayData, member_size) == 16);
    assert!(offset_of!(ArrayData, member_type) == 24);
    assert!(offset_of!(ArrayData, data) == 32);
    assert!(offset_of!(ArrayData, allocated) == 40);
    assert!(size_of::<OpcodeEntry>() == 64);
    assert!(offset_of!(OpcodeEntry, size) == 8);
    assert!(offset_of!(OpcodeEntry, thread) == 12);
    assert!(offset_of!(OpcodeEntry, outputs) == 16);
    assert!(offset_of!(OpcodeEntry, init) == 32);
    assert!(offset_of!(OpcodeEntry, user) == 56);
};
