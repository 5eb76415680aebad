//! Frames in any split; see `patchcord_websocket::fuzz::receiver`. Seeds: `crates/patchcord-websocket/tests/corpus/receiver`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patchcord_websocket::fuzz::receiver(data));
