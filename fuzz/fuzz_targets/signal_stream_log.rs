//! A stream and clients that do anything; see `patchcord_signal::fuzz::stream_log`. Seeds: `crates/patchcord-signal/tests/corpus/stream_log`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patchcord_signal::fuzz::stream_log(data));
