//! What a handler gets to see of a request.

use bytes::Bytes;
use http::request::Parts;
use patchcord_websocket::handshake::server::Accepted;

/// An HTTP request with its whole body.
pub struct Request<'a> {
    /// Method, target, version and headers.
    pub parts: &'a Parts,
    /// The body; empty when there is none.
    pub body: &'a Bytes,
    /// The peer's address as `ip:port`.
    pub client_address: &'a str,
    /// The address that the peer reached, as `ip:port`.
    pub server_address: &'a str,
}

/// A request to open a WebSocket that has passed the protocol's own checks.
pub struct Upgrade<'a> {
    /// Method, target, version and headers.
    pub parts: &'a Parts,
    /// What the opening handshake asks for: subprotocols, origin.
    pub handshake: &'a Accepted<'a>,
    /// The peer's address as `ip:port`.
    pub client_address: &'a str,
    /// The address that the peer reached, as `ip:port`.
    pub server_address: &'a str,
}

impl Upgrade<'_> {
    /// Path and query of the request target.
    pub fn uri(&self) -> &str {
        self.parts.uri.path_and_query().map_or("/", |target| target.as_str())
    }
}
