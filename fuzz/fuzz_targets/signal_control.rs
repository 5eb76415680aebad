//! Requests of `csound.v1`; see `patchcord_signal::fuzz::control`. Seeds: `crates/patchcord-signal/tests/corpus/control`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patchcord_signal::fuzz::control(data));
