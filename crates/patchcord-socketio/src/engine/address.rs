//! Where the requests of a session go: path and query.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Version;

/// What carries the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP long-polling: one GET that waits for packets, and POSTs.
    Polling,
    /// One WebSocket.
    WebSocket,
}

impl Transport {
    /// The name in addresses and open packets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }
}

/// Path and query of a session's requests; scheme and host are the driver's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The path, `/socket.io/` by default. A `/` is put before it where there is none, and after it if
    /// `trailing_slash`. What a path cannot hold is percent-encoded.
    pub path: String,
    /// Whether a path without `/` at its end gets one. Default `true`.
    pub trailing_slash: bool,
    /// Names and values of the user's own, not encoded yet. Those that the protocol uses itself are left out.
    pub query: Vec<(String, String)>,
    /// Asks a server of version 3 for base64 instead of binary bodies and frames.
    pub base64: bool,
    /// Put into polling's parameter `t` before a number that counts up, so that no cache between can answer: the caller's
    /// entropy. None, and `t` is left out.
    pub cache_buster: Option<String>,
}

impl Default for Address {
    fn default() -> Self {
        Self {
            path: "/socket.io/".to_owned(),
            trailing_slash: true,
            query: Vec::new(),
            base64: false,
            cache_buster: None,
        }
    }
}

/// What `encodeURIComponent` leaves as it is.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
/// What a path cannot hold. A `%` is taken for an encoding that is there already.
const PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?').add(b'`').add(b'{').add(b'}').add(b'\\');

/// Parameters of the protocol.
const OWN: [&str; 5] = ["EIO", "transport", "sid", "t", "b64"];

impl Address {
    /// Path and query of a request; `count` is the number of the request, for `t`.
    pub fn target(&self, version: Version, transport: Transport, sid: Option<&str>, count: u64) -> String {
        let mut target = String::new();
        if !self.path.starts_with('/') {
            target.push('/');
        }
        target.extend(utf8_percent_encode(&self.path, PATH));
        if self.trailing_slash && !target.ends_with('/') {
            target.push('/');
        }
        target.push_str(&format!("?EIO={}&transport={}", version.number(), transport.name()));
        let mut add = |name: &str, value: &str| {
            target.push('&');
            target.extend(utf8_percent_encode(name, COMPONENT));
            target.push('=');
            target.extend(utf8_percent_encode(value, COMPONENT));
        };
        if let Some(sid) = sid {
            add("sid", sid);
        }
        if let Some(seed) = self.cache_buster.as_ref().filter(|_| transport == Transport::Polling) {
            add("t", &format!("{seed}{count:x}"));
        }
        if self.base64 {
            add("b64", "1");
        }
        for (name, value) in self.query.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
            add(name, value);
        }
        target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_and_those_of_a_session() {
        let mut address = Address::default();
        assert_eq!(address.target(Version::V4, Transport::WebSocket, None, 0), "/socket.io/?EIO=4&transport=websocket");
        address.cache_buster = Some("x7-".to_owned());
        assert_eq!(
            address.target(Version::V3, Transport::Polling, Some("a+b"), 255),
            "/socket.io/?EIO=3&transport=polling&sid=a%2Bb&t=x7-ff"
        );
        assert_eq!(
            address.target(Version::V4, Transport::WebSocket, Some("a"), 255),
            "/socket.io/?EIO=4&transport=websocket&sid=a"
        );
        address.base64 = true;
        assert!(address.target(Version::V3, Transport::WebSocket, None, 0).ends_with("&b64=1"));
    }

    #[test]
    fn paths_and_queries_of_the_user_are_encoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut address = Address {
            path: "my io/ü?#%20".to_owned(),
            query: vec![pair("token", "a b&c=d+€"), pair("sid", "forged"), pair("EIO", "9"), pair("'", "()")],
            ..Address::default()
        };
        assert_eq!(
            address.target(Version::V4, Transport::WebSocket, None, 0),
            "/my%20io/%C3%BC%3F%23%20/?EIO=4&transport=websocket&token=a%20b%26c%3Dd%2B%E2%82%AC&'=()"
        );
        address.trailing_slash = false;
        assert!(address.target(Version::V4, Transport::WebSocket, None, 0).starts_with("/my%20io/%C3%BC%3F%23%20?"));
    }
}
