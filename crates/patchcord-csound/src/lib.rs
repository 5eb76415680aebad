//! Csound's opcode `websocket` and its relatives, as a plugin that Csound 6.18 loads.
//!
//! - [`ffi`]: Csound's structures and functions, and the entries that it calls. All `unsafe` of the crate
//!   is there, but for the two functions below, whose names Csound looks for.
//! - [`opcodes`]: what each opcode does at init and in each k-cycle.
//! - [`service`]: the one thread that has the sockets.
//!
//! Csound looks for two functions in a plugin, [`csound_opcode_init`] and [`csoundModuleInfo`].

pub mod ffi;
pub mod opcodes;
pub mod service;

use std::ffi::{c_int, c_void};

/// Csound's question for the plugin's opcodes: writes the list's address and answers its size in bytes.
///
/// # Safety
/// For Csound's loader alone: `csound` is a Csound, and `list` a place for a pointer.
#[allow(unsafe_code, reason = "Csound finds it by this name and calls it with pointers")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn csound_opcode_init(csound: *mut c_void, list: *mut *const c_void) -> i64 {
    // SAFETY: as above.
    unsafe { ffi::entry::answer(csound, list.cast(), &opcodes::ENTRIES, service::forget) as i64 }
}

/// Csound's question for the plugin's version of the interface and size of numbers.
#[allow(unsafe_code, reason = "Csound finds it by this name")]
#[allow(non_snake_case, reason = "Csound's name")]
#[unsafe(no_mangle)]
pub extern "C" fn csoundModuleInfo() -> c_int {
    ffi::entry::module_info()
}
