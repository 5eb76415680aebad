//! A client and a server, a network and a user that do anything; see `patchcord_socketio::fuzz::session`. Seeds: `crates/patchcord-socketio/tests/corpus/session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patchcord_socketio::fuzz::session(data));
