//! The opening handshake (RFC 6455 §4): the HTTP upgrade before the first frame.
//!
//! [`server`] judges a request whose head an HTTP library has read, and says what to answer; [`client`] writes a request
//! and reads the reply. Both refuse what would let one header become two. HTTP itself (request parsing, `Host`,
//! time-outs, redirects, authentication) is left to the driver.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

pub mod client;
pub mod deflate;
pub mod extension;
pub mod server;

/// The protocol version of RFC 6455, the only one there is.
pub const VERSION: &str = "13";

/// The value of `Sec-WebSocket-Accept` for the `Sec-WebSocket-Key` of a request (§4.2.2, item 5).
pub(crate) fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

/// The elements of a comma-separated header value, without spaces around them; empty ones are skipped (RFC 9110 §5.6.1).
pub(crate) fn list_elements(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(|element| element.trim_matches([' ', '\t'])).filter(|element| !element.is_empty())
}

/// Whether a comma-separated header value has `token` among its elements, in upper or lower case.
pub(crate) fn has_token(value: &[u8], token: &str) -> bool {
    std::str::from_utf8(value)
        .is_ok_and(|value| list_elements(value).any(|element| element.eq_ignore_ascii_case(token)))
}

/// Whether `text` is a token of RFC 9110 §5.6.2: a header name, a subprotocol, an extension.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_key_is_the_example_of_section_1_3() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn tokens_are_found_in_lists_whatever_their_case() {
        assert!(has_token(b"keep-alive, Upgrade", "upgrade"));
        assert!(has_token(b",\t UPGRADE ,", "upgrade"));
        assert!(!has_token(b"upgrades", "upgrade"));
        assert!(!has_token(b"\xffupgrade", "upgrade"));
    }
}
