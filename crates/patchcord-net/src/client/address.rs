//! Where to connect to, read from what people write into an address field.
//!
//! An address is a host with as much around it as the writer cared for: `localhost`, `10.0.0.5:8000`, `[::1]/live`,
//! `wss://user:secret@show.example/socket?room=1`. A port beside it, as operators have, counts where the address has
//! none. The `url` crate parses and percent-encodes; the rules for what is missing are here.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// Bytes of the longest address.
const MAX_LENGTH: usize = 8 * 1024;
/// The port that means TLS where no scheme is written.
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// The address of a WebSocket server. As text it leaves out user, password and query, which may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Always `ws` or `wss`, with a host; a default port is left out.
    url: Url,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing is written.
    #[error("no address is set")]
    Empty,
    /// More than 8 KiB.
    #[error("the address is longer than 8 KiB")]
    TooLong,
    /// A line break or another control character.
    #[error("the address has a line break or another control character in it")]
    ControlCharacter,
    /// A scheme that is not spoken here.
    #[error("`{scheme}://` is not a scheme of WebSocket")]
    Scheme {
        /// What is written.
        scheme: String,
    },
    /// No host between scheme and path.
    #[error("the address names no host")]
    NoHost,
    /// The host is not a name or an IP address.
    #[error("`{host}` is no host name: {reason}")]
    Host {
        /// What is written.
        host: String,
        /// Why not.
        reason: String,
    },
    /// Not a number from 1 to 65535.
    #[error("`{port}` is no port")]
    Port {
        /// What is written.
        port: String,
    },
    /// A user or password with a character that ends them in an address (RFC 3986 §3.2.1).
    #[error("the user or password in the address has a `/`, `?` or `\\`, which ends them")]
    User,
    /// A `#`, behind which nothing is ever sent (RFC 6455 §3).
    #[error("the address has a `#`, and what stands behind one is not sent")]
    Fragment,
}

impl AddressError {
    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            AddressError::Empty | AddressError::NoHost => {
                "set the address to a host name or an IP address, for instance `localhost` or `wss://example.org/live`"
            }
            AddressError::TooLong => "shorten the address; send what is long as a message",
            AddressError::ControlCharacter => "write the address in one line, without invisible characters",
            AddressError::Scheme { .. } => "begin the address with ws://, wss://, http://, https:// or nothing",
            AddressError::Host { .. } => "correct the host: a name, an IPv4 address, or an IPv6 address in brackets",
            AddressError::User => "write %2F for /, %3F for ? and %5C for \\, or use `username` and `password`",
            AddressError::Port { .. } => "set the port to a number from 1 to 65535",
            AddressError::Fragment => "write %23 where a # is meant, or leave out what begins with it",
        }
    }
}

impl Address {
    /// Reads an address. `port` counts where the text has none; 0 is the scheme's own (80, with TLS 443). TLS is used with
    /// the schemes `wss` and `https`, and without a scheme on port 443. The path is `/` unless one is written.
    ///
    /// A `port` of 80, which is what people have who have set none, is 443 with the schemes of TLS.
    ///
    /// # Errors
    /// [`AddressError`]. Nothing is guessed beyond the rules above.
    pub fn parse(text: &str, port: u16) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err(AddressError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(AddressError::ControlCharacter);
        }
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.contains('#') {
            return Err(AddressError::Fragment);
        }
        let (scheme, rest) = split_scheme(text);
        let (authority, path) = rest.split_at(rest.find(['/', '?', '\\']).unwrap_or(rest.len()));
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        let is_cut_short = user.is_none() && path.contains('@');
        let (host, written) = match split_port(host) {
            // What seems to be a port may be a piece of a password, which nobody should read.
            Err(_) if is_cut_short => return Err(AddressError::User),
            split => split?,
        };
        if host.is_empty() {
            return Err(AddressError::NoHost);
        }
        let is_tls = match scheme {
            Some(scheme) => is_tls_scheme(scheme)?,
            None => written.unwrap_or(port) == HTTPS_PORT,
        };
        let port = match written {
            Some(port) => port,
            None if is_tls && port == HTTP_PORT => HTTPS_PORT,
            None => port,
        };
        let mut whole = String::from(if is_tls { "wss://" } else { "ws://" });
        if let Some(user) = user {
            whole.extend([user, "@"]);
        }
        whole.push_str(&host);
        if port != 0 {
            whole.push_str(&format!(":{port}"));
        }
        whole.push_str(path);
        let bad_host = |reason: String| AddressError::Host { host: host.clone().into_owned(), reason };
        let url = Url::parse(&whole).map_err(|error| bad_host(error.to_string()))?;
        Address::new(url).ok_or_else(|| bad_host("it has a character that names cannot have".to_owned()))
    }

    /// Nothing if the host has characters that the URL standard lets pass and a `Host` header does not.
    fn new(url: Url) -> Option<Self> {
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let fits = match url.host()? {
            Host::Domain(name) => name.bytes().all(is_name_byte),
            Host::Ipv4(_) | Host::Ipv6(_) => true,
        };
        fits.then_some(Address { url })
    }

    /// The address to which a reply's `Location` leads. `None` if it cannot be read or is not one of a WebSocket or HTTP
    /// server.
    pub fn join(&self, location: &str) -> Option<Self> {
        let mut url = self.url.join(location).ok()?;
        let scheme = if is_tls_scheme(url.scheme()).ok()? { "wss" } else { "ws" };
        url.set_scheme(scheme).ok()?;
        url.set_fragment(None);
        let mut joined = Address::new(url)?;
        if joined.has_origin_of(self) && joined.url.username().is_empty() && joined.url.password().is_none() {
            // A location says who may read it no more than where it is; the user is the same as before.
            joined.url.set_username(self.url.username()).ok()?;
            joined.url.set_password(self.url.password()).ok()?;
        }
        Some(joined)
    }

    /// The same address with more at the end of its query, percent-encoded.
    pub fn with_query<'a>(mut self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut pairs = pairs.into_iter().peekable();
        if pairs.peek().is_some() {
            self.url.query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    /// The same address with another path and query, percent-encoded where they have to be.
    pub fn with_target(mut self, target: &str) -> Self {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        self.url.set_path(path);
        self.url.set_query(query);
        self
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "wss"
    }

    /// The host: a name in lower case and punycode, or an IP address, IPv6 without brackets.
    pub fn host(&self) -> Cow<'_, str> {
        match self.url.host() {
            Some(Host::Domain(name)) => name.into(),
            Some(Host::Ipv4(address)) => address.to_string().into(),
            Some(Host::Ipv6(address)) => address.to_string().into(),
            None => "".into(),
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// Path and query as they stand in a request: beginning with `/`, percent-encoded.
    pub fn target(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// What the `Host` header says: the port only if it is not the scheme's own (RFC 6455 §4.1).
    pub fn host_header(&self) -> &str {
        &self.url[url::Position::BeforeHost..url::Position::AfterPort]
    }

    /// The origin that a page of this server would have: `https://show.example:8443`.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.is_tls() { "https" } else { "http" }, self.host_header())
    }

    /// The value of an `Authorization` header by the user and password of the address (RFC 7617), if it has a user.
    pub fn authorization(&self) -> Option<String> {
        basic(self.url.username(), self.url.password())
    }

    /// The user and the password of the address, percent-decoded, if it has a user.
    pub(crate) fn credentials(&self) -> Option<(String, String)> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = (self.url.username(), self.url.password());
        (!user.is_empty()).then(|| (decoded(user), decoded(password.unwrap_or_default())))
    }

    /// Whether scheme, host and port are the same: what was meant for the one may be told to the other.
    pub fn has_origin_of(&self, other: &Address) -> bool {
        self.is_tls() == other.is_tls() && self.host_header() == other.host_header()
    }
}

/// Basic authentication by a percent-encoded user and password; nothing without a user.
pub(super) fn basic(user: &str, password: Option<&str>) -> Option<String> {
    if user.is_empty() && password.is_none() {
        return None;
    }
    let mut credentials: Vec<u8> = percent_decode_str(user).collect();
    credentials.push(b':');
    credentials.extend(percent_decode_str(password.unwrap_or_default()));
    Some(format!("Basic {}", STANDARD.encode(credentials)))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.url.scheme(), self.host_header(), self.url.path())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// The scheme, if one is written, and what stands behind it. A `://` within a query is none.
fn split_scheme(text: &str) -> (Option<&str>, &str) {
    match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '@', '[']) => (Some(scheme), rest),
        _ => (None, text),
    }
}

fn is_tls_scheme(scheme: &str) -> Result<bool, AddressError> {
    match scheme.to_ascii_lowercase().as_str() {
        "ws" | "http" => Ok(false),
        "wss" | "https" => Ok(true),
        _ => Err(AddressError::Scheme { scheme: scheme.to_owned() }),
    }
}

/// The host, an IPv6 address in brackets whether it had them or not, and the port if one is written. Zero is none.
pub(super) fn split_port(authority: &str) -> Result<(Cow<'_, str>, Option<u16>), AddressError> {
    let (host, port) = if authority.starts_with('[') {
        let end = authority.find(']').map_or(authority.len(), |end| end + 1);
        let (host, behind) = authority.split_at(end);
        match behind.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if behind.is_empty() => (host, None),
            None => return Err(AddressError::Port { port: behind.to_owned() }),
        }
    } else if authority.matches(':').count() > 1 {
        // An IPv6 address without brackets; a port could not be told from its last group.
        return Ok((format!("[{authority}]").into(), None));
    } else {
        authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
    };
    let port = port.filter(|port| !port.is_empty()).map(|port| {
        let number = if port.bytes().all(|byte| byte.is_ascii_digit()) { port.parse().ok() } else { None };
        number.filter(|&number| number > 0).ok_or_else(|| AddressError::Port { port: port.to_owned() })
    });
    Ok((host.into(), port.transpose()?))
}

#[cfg(test)]
mod tests {
    use patchcord_websocket::handshake::client::ClientRequest;
    use proptest::prelude::*;

    use super::*;

    /// What is written, the port beside it, and: address, `Host`, target.
    const READ: [(&str, u16, &str, &str, &str); 31] = [
        ("localhost", 80, "ws://localhost/", "localhost", "/"),
        ("localhost", 0, "ws://localhost/", "localhost", "/"),
        ("localhost", 8000, "ws://localhost:8000/", "localhost:8000", "/"),
        ("  LocalHost \n", 8000, "ws://localhost:8000/", "localhost:8000", "/"),
        ("localhost:9000", 8000, "ws://localhost:9000/", "localhost:9000", "/"),
        ("localhost:", 8000, "ws://localhost:8000/", "localhost:8000", "/"),
        ("ws://localhost/ws", 8000, "ws://localhost:8000/ws", "localhost:8000", "/ws"),
        ("ws://localhost:80/ws", 8000, "ws://localhost/ws", "localhost", "/ws"),
        ("host/ws", 8000, "ws://host:8000/ws", "host:8000", "/ws"),
        ("h.example", 443, "wss://h.example/", "h.example", "/"),
        ("h.example:443/x", 80, "wss://h.example/x", "h.example", "/x"),
        ("ws://h.example", 443, "ws://h.example:443/", "h.example:443", "/"),
        ("http://h.example", 443, "ws://h.example:443/", "h.example:443", "/"),
        ("wss://h.example/?installation=1", 443, "wss://h.example/", "h.example", "/?installation=1"),
        ("wss://h.example?a=b", 8443, "wss://h.example:8443/", "h.example:8443", "/?a=b"),
        ("wss://h.example", 0, "wss://h.example/", "h.example", "/"),
        ("https://h.example", 80, "wss://h.example/", "h.example", "/"),
        ("wss://h.example:80", 80, "wss://h.example:80/", "h.example:80", "/"),
        ("HTTPS://H.example", 0, "wss://h.example/", "h.example", "/"),
        ("10.0.0.5", 81, "ws://10.0.0.5:81/", "10.0.0.5:81", "/"),
        ("::1", 81, "ws://[::1]:81/", "[::1]:81", "/"),
        ("fe80::1:81/a", 80, "ws://[fe80::1:81]/a", "[fe80::1:81]", "/a"),
        ("[::1]", 81, "ws://[::1]:81/", "[::1]:81", "/"),
        ("[::1]:82/x?y", 81, "ws://[::1]:82/x", "[::1]:82", "/x?y"),
        ("wss://[2001:DB8::1]/", 443, "wss://[2001:db8::1]/", "[2001:db8::1]", "/"),
        ("h/a b/ä?q=ö \"x\"", 80, "ws://h/a%20b/%C3%A4", "h", "/a%20b/%C3%A4?q=%C3%B6%20%22x%22"),
        ("h/%41%2f", 80, "ws://h/%41%2f", "h", "/%41%2f"),
        ("h/p?u=http://other/", 80, "ws://h/p", "h", "/p?u=http://other/"),
        ("müller.example", 80, "ws://xn--mller-kva.example/", "xn--mller-kva.example", "/"),
        ("user:pass@h", 80, "ws://h/", "h", "/"),
        ("wss://me@h:1/x", 80, "wss://h:1/x", "h:1", "/x"),
    ];

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, port, shown, host, target) in READ {
            let address = Address::parse(text, port).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                (address.to_string().as_str(), address.host_header(), address.target()),
                (shown, host, target),
                "{text}"
            );
        }
    }

    #[test]
    fn hosts_and_ports_are_told_apart() {
        let address = Address::parse("wss://[::1]/", 0).unwrap();
        assert_eq!((address.host().as_ref(), address.port(), address.is_tls()), ("::1", 443, true));
        let address = Address::parse("127.0.0.1", 0).unwrap();
        assert_eq!((address.host().as_ref(), address.port(), address.is_tls()), ("127.0.0.1", 80, false));
    }

    #[test]
    fn what_is_no_address_is_told_why() {
        let host = |text: &str| match Address::parse(text, 80) {
            Err(AddressError::Host { .. }) => {}
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(Address::parse(" ", 80), Err(AddressError::Empty));
        assert_eq!(Address::parse(&"a".repeat(9000), 80), Err(AddressError::TooLong));
        assert_eq!(Address::parse("a\r\nb", 80), Err(AddressError::ControlCharacter));
        assert_eq!(Address::parse("ftp://h", 80), Err(AddressError::Scheme { scheme: "ftp".to_owned() }));
        assert_eq!(Address::parse("://h", 80), Err(AddressError::Scheme { scheme: String::new() }));
        assert_eq!(Address::parse("ws://", 80), Err(AddressError::NoHost));
        assert_eq!(Address::parse("/path", 80), Err(AddressError::NoHost));
        assert_eq!(Address::parse(":8000", 80), Err(AddressError::NoHost));
        assert_eq!(Address::parse("ws://user@/x", 80), Err(AddressError::NoHost));
        for port in ["0", "65536", "x", "-1", "+1", "1 "] {
            let error = Address::parse(&format!("h:{port}/"), 80).unwrap_err();
            assert_eq!(error, AddressError::Port { port: port.to_owned() });
        }
        for text in ["ws://user:pa/ss@h", "user:1x/?y@h", "user:p\\ss@h/"] {
            let error = Address::parse(text, 80).unwrap_err();
            assert!(!error.to_string().contains("pa`") && error == AddressError::User, "{text}: {error}");
        }
        assert_eq!(Address::parse("[::1]80", 80), Err(AddressError::Port { port: "80".to_owned() }));
        assert_eq!(Address::parse("h/p#x", 80), Err(AddressError::Fragment));
        for text in [
            "two words",
            "a<b",
            "[::1",
            "[hello]",
            "::zz",
            "fe80::1%eth0",
            "300.1.1.1",
            "a%00b",
            "h^x",
            "h{x}",
            "h\"",
            "a*b",
        ] {
            host(text);
        }
    }

    #[test]
    fn a_user_is_told_to_the_server_and_to_nobody_else() {
        let address = Address::parse("wss://me:s%3Acret%C3%A4@h/x?token=hidden", 0).unwrap();
        assert_eq!(address.authorization().as_deref(), Some("Basic bWU6czpjcmV0w6Q="));
        for text in [address.to_string(), format!("{address:?}"), address.origin()] {
            assert!(!text.contains("cret") && !text.contains("hidden") && !text.contains("me"), "{text}");
        }
        assert_eq!(Address::parse("h", 80).unwrap().authorization(), None);
        assert_eq!(Address::parse("me@h", 80).unwrap().authorization().as_deref(), Some("Basic bWU6"));
        assert_eq!(Address::parse("a:b@c@h", 80).unwrap().authorization().as_deref(), Some("Basic YTpiQGM="));
    }

    #[test]
    fn a_location_on_the_same_server_is_asked_for_by_the_same_user() {
        let address = Address::parse("ws://me:pw@h/a", 80).unwrap();
        let user = |location: &str| address.join(location).and_then(|joined| joined.authorization());
        let same = address.authorization();
        assert!(same.is_some() && user("/b") == same && user("http://h/b") == same && user("ws://h:80/b") == same);
        assert_eq!((user("http://h:81/b"), user("http://other/b"), user("https://h/b")), (None, None, None));
        assert!(user("http://you@h/b").is_some_and(|you| Some(you) != same));
    }

    #[test]
    fn queries_grow_and_paths_change() {
        let address = Address::parse("h/io?a=1", 80).unwrap().with_query([("EIO", "4"), ("to ken", "ä&=")]);
        assert_eq!(address.target(), "/io?a=1&EIO=4&to+ken=%C3%A4%26%3D");
        assert_eq!(Address::parse("h", 80).unwrap().with_query([]).target(), "/");
        assert_eq!(Address::parse("h/?x=1", 80).unwrap().with_target("/a b/").target(), "/a%20b/");
    }

    #[test]
    fn an_origin_is_that_of_a_page() {
        assert_eq!(Address::parse("h", 80).unwrap().origin(), "http://h");
        assert_eq!(Address::parse("wss://h:8443/x", 80).unwrap().origin(), "https://h:8443");
    }

    #[test]
    fn a_location_leads_on() {
        let from = Address::parse("ws://h:8000/a/b?c", 0).unwrap();
        for (location, to) in [
            ("/x", "ws://h:8000/x"),
            ("d", "ws://h:8000/a/d"),
            ("https://other/y#z", "wss://other/y"),
            ("http://other:81/", "ws://other:81/"),
            ("//other/", "ws://other/"),
        ] {
            assert_eq!(from.join(location).unwrap().to_string(), to);
        }
        assert_eq!(from.join("ftp://x/"), None);
        assert_eq!(from.join("mailto:x"), None);
        assert_eq!(from.join("http://"), None);
        assert!(from.has_origin_of(&from.join("/x").unwrap()));
        assert!(!from.has_origin_of(&from.join("wss://h:8000/x").unwrap()));
    }

    proptest! {
        /// What is read as an address can be asked for; nothing panics on what is not.
        #[test]
        fn every_address_makes_a_request(
            text in r#"(wss?://|https?://|)([a-z@:%]{0,5}@)?([a-zäß.0-9\[\]:{}"*]{0,12}|\PC{0,6})(:[0-9]{0,6})?([/?\\]\PC{0,20})?"#,
            port: u16,
            key in "\\PC{0,5}",
        ) {
            let Ok(address) = Address::parse(&text, port) else { return Ok(()) };
            let address = address.with_query([(key.as_str(), "&=# ")]);
            let origin = address.origin();
            let authorization = address.authorization();
            let headers: Vec<_> = authorization.iter().map(|value| ("Authorization", value.as_str())).collect();
            let request = ClientRequest {
                host: address.host_header(),
                path: address.target(),
                origin: Some(&origin),
                subprotocols: &[],
                deflate: None,
                headers: &headers,
            };
            prop_assert!(request.encode([0; 16]).is_ok(), "{text}: {address:?}");
            prop_assert!(address.port() > 0 && !address.host().is_empty());
            let again = Address::parse(&address.to_string(), 0).unwrap();
            prop_assert_eq!(again.host_header(), address.host_header());
        }
    }
}
