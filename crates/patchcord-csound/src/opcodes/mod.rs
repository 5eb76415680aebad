//! The opcodes: what each does at init and in each k-cycle.

use crate::ffi::entry::OpcodeEntry;

/// The opcodes as Csound lists them.
pub(crate) static ENTRIES: [OpcodeEntry; 0] = [];
