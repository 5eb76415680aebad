//! Csound's opcode `websocket` and its relatives, as a plugin that Csound 6.18 loads.
//!
//! - [`ffi`]: Csound's structures and functions, and the entries that it calls. All `unsafe` of the crate is there.
//! - [`opcodes`]: what each opcode does at init and in each k-cycle.
//! - [`service`]: the one thread that has the sockets.

pub mod ffi;
pub mod opcodes;
pub mod service;
