//! The control protocol, sub-protocol `csound.v1`.

/// Its name.
pub const SUBPROTOCOL: &str = "csound.v1";
