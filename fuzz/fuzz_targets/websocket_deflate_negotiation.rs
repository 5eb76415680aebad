//! Offers and answers about compression; see `patchcord_websocket::fuzz::deflate_negotiation`. Seeds: `crates/patchcord-websocket/tests/corpus/deflate_negotiation`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| patchcord_websocket::fuzz::deflate_negotiation(data));
