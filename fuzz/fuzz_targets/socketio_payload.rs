//! Bodies of polls; see `patchcord_socketio::fuzz::payload`. Seeds: `crates/patchcord-socketio/tests/corpus/payload`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patchcord_socketio::fuzz::payload(data));
