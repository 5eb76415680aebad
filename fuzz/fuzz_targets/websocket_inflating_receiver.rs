//! Frames with compressed messages in any split; see `patchcord_websocket::fuzz::inflating_receiver`. Seeds: `crates/patchcord-websocket/tests/corpus/inflating_receiver`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patchcord_websocket::fuzz::inflating_receiver(data));
