//! Messages and their attachments; see `patchcord_socketio::fuzz::decoder`. Seeds: `crates/patchcord-socketio/tests/corpus/decoder`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patchcord_socketio::fuzz::decoder(data));
