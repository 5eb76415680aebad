//! A client's handshake; see `patchcord_websocket::fuzz::handshake_request`. Seeds: `crates/patchcord-websocket/tests/corpus/handshake_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patchcord_websocket::fuzz::handshake_request(data));
