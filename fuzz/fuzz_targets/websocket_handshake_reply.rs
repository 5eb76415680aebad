//! A server's answer to our handshake, in any split; see `patchcord_websocket::fuzz::handshake_reply`. Seeds: `crates/patchcord-websocket/tests/corpus/handshake_reply`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patchcord_websocket::fuzz::handshake_reply(data));
