//! The server's half of the opening handshake (RFC 6455 §4.2).
//!
//! [`accept`] judges the head of a request, whichever library read it. What is wrong is a [`HandshakeError`] with the
//! status to answer; what is right is an [`Accepted`], from which the 101 response is made. `Host`, authentication and
//! time-outs belong to the HTTP layer. [`check_origin`] is separate because an operator's list decides it (§10.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::extension::{self, ExtensionOffer};
use super::{VERSION, accept_key, deflate, has_token, is_token, list_elements};
use crate::deflate::{DeflateParameters, DeflateSettings};

/// Why a request does not become a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The method is not GET (§4.1, item 2 of the request's requirements).
    #[error("a WebSocket is opened with GET, not with another method")]
    MethodNotGet,
    /// The request is older than HTTP/1.1.
    #[error("a WebSocket needs HTTP/1.1 or later")]
    HttpTooOld,
    /// `Upgrade` is missing or does not name `websocket`.
    #[error("the request does not ask to upgrade to websocket")]
    NoUpgrade,
    /// `Connection` is missing or does not name `upgrade`.
    #[error("the request's Connection header does not say upgrade")]
    NoConnectionUpgrade,
    /// `Sec-WebSocket-Version` is missing, repeated or not 13; the answer names the version to use (§4.4).
    #[error("the request asks for another WebSocket version than 13")]
    UnsupportedVersion,
    /// `Sec-WebSocket-Key` is missing, repeated, or not 16 bytes in base64.
    #[error("the request has no usable Sec-WebSocket-Key")]
    BadKey,
    /// `Sec-WebSocket-Protocol` is not a list of tokens (§11.3.4).
    #[error("the request's Sec-WebSocket-Protocol header is malformed")]
    BadSubprotocols,
    /// `Sec-WebSocket-Extensions` does not have the form of §9.1.
    #[error("the request's Sec-WebSocket-Extensions header is malformed")]
    BadExtensions,
    /// `Origin` stands more than once, so that it could be judged by one and mean another (RFC 6454 §7.3).
    #[error("the request has more than one Origin header")]
    RepeatedOrigin,
    /// The page that opens the connection comes from an origin that is not allowed (§10.2).
    #[error("connections from pages of this origin are not allowed")]
    OriginNotAllowed,
    /// The subprotocol to answer with is not one that the client offered (§4.2.2, item 5).
    #[error("the chosen subprotocol was not offered by the client")]
    SubprotocolNotOffered,
}

impl HandshakeError {
    /// The HTTP status to answer with.
    pub fn status(&self) -> u16 {
        match self {
            Self::MethodNotGet => 405,
            Self::HttpTooOld => 505,
            Self::UnsupportedVersion => 426,
            Self::OriginNotAllowed => 403,
            Self::SubprotocolNotOffered => 500,
            Self::NoUpgrade
            | Self::NoConnectionUpgrade
            | Self::BadKey
            | Self::BadSubprotocols
            | Self::BadExtensions
            | Self::RepeatedOrigin => 400,
        }
    }

    /// The headers that the answer must have beside its status: the version to use for 426 (§4.4) with the `Upgrade`
    /// that this status demands (RFC 9110 §15.5.22), the methods for 405.
    pub fn headers(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::UnsupportedVersion => &[("Sec-WebSocket-Version", VERSION), ("Upgrade", "websocket")],
            Self::MethodNotGet => &[("Allow", "GET")],
            _ => &[],
        }
    }
}

/// A request that may become a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted<'a> {
    accept_key: String,
    subprotocols: Vec<&'a str>,
    extensions: Vec<ExtensionOffer<'a>>,
    /// The element of the answer that accepts compression.
    deflate: Option<String>,
    origin: Option<&'a [u8]>,
}

/// Judges the head of a request: its method, its HTTP version as (major, minor), and all its headers in order. Header
/// names are taken in upper or lower case.
///
/// # Errors
///
/// The first rule of §4.2.1 that the request breaks.
pub fn accept<'a>(
    method: &str,
    version: (u8, u8),
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<Accepted<'a>, HandshakeError> {
    if method != "GET" {
        return Err(HandshakeError::MethodNotGet);
    }
    if version < (1, 1) {
        return Err(HandshakeError::HttpTooOld);
    }
    let fields = Fields::collect(headers)?;
    if !fields.upgrade {
        return Err(HandshakeError::NoUpgrade);
    }
    if !fields.connection {
        return Err(HandshakeError::NoConnectionUpgrade);
    }
    if !matches!(fields.version, Once::One(value) if value == VERSION.as_bytes()) {
        return Err(HandshakeError::UnsupportedVersion);
    }
    let key = match fields.key {
        Once::One(value) => std::str::from_utf8(value).ok().filter(|key| is_key(key)),
        Once::None | Once::Many => None,
    };
    let origin = match fields.origin {
        Once::None => None,
        Once::One(origin) => Some(origin),
        Once::Many => return Err(HandshakeError::RepeatedOrigin),
    };
    Ok(Accepted {
        accept_key: accept_key(key.ok_or(HandshakeError::BadKey)?),
        subprotocols: fields.subprotocols,
        extensions: fields.extensions,
        deflate: None,
        origin,
    })
}

/// Whether the headers ask for a WebSocket at all, so that [`accept`] should judge the request; if not it is plain HTTP.
pub fn is_upgrade<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> bool {
    headers.into_iter().any(|(name, value)| name.eq_ignore_ascii_case("upgrade") && has_token(value, "websocket"))
}

/// Checks the page's origin against the origins that an operator allows (§10.2): exact ones such as
/// `https://example.org:8443`, in upper or lower case, or `*` for any. A request without `Origin` does not come from a
/// page and passes: a program could write any origin that it likes.
///
/// # Errors
///
/// [`HandshakeError::OriginNotAllowed`].
pub fn check_origin(origin: Option<&[u8]>, allowed: &[impl AsRef<str>]) -> Result<(), HandshakeError> {
    let Some(origin) = origin else { return Ok(()) };
    let matches = |allowed: &str| allowed == "*" || allowed.as_bytes().eq_ignore_ascii_case(origin);
    if allowed.iter().any(|allowed| matches(allowed.as_ref())) { Ok(()) } else { Err(HandshakeError::OriginNotAllowed) }
}

impl<'a> Accepted<'a> {
    /// The value of the answer's `Sec-WebSocket-Accept`.
    pub fn accept_key(&self) -> &str {
        &self.accept_key
    }

    /// The subprotocols that the client offers, the preferred one first.
    pub fn subprotocols(&self) -> &[&'a str] {
        &self.subprotocols
    }

    /// The extensions that the client offers.
    pub fn extensions(&self) -> &[ExtensionOffer<'a>] {
        &self.extensions
    }

    /// The origin of the page that opens the connection; `None` when it is not a page.
    pub fn origin(&self) -> Option<&'a [u8]> {
        self.origin
    }

    /// The first of the server's subprotocols that the client offers; subprotocols are compared exactly (§11.3.4).
    pub fn choose_subprotocol(&self, supported: &[impl AsRef<str>]) -> Option<&'a str> {
        supported.iter().find_map(|own| self.subprotocols.iter().copied().find(|offered| *offered == own.as_ref()))
    }

    /// Takes the client's first offer of compression that lets `settings` be kept, and says so in the response
    /// (RFC 7692 §7.1). `None`, and a connection without compression, where there is no such offer.
    pub fn accept_deflate(&mut self, settings: &DeflateSettings) -> Option<DeflateParameters> {
        let (agreed, answer) = deflate::choose(&self.extensions, settings)?;
        self.deflate = Some(answer);
        Some(agreed)
    }

    /// The headers of the 101 response (§4.2.2, item 5), for an HTTP library to write.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::SubprotocolNotOffered`].
    pub fn response_headers(&self, subprotocol: Option<&str>) -> Result<Vec<(&'static str, String)>, HandshakeError> {
        let mut headers = vec![
            ("Upgrade", "websocket".to_owned()),
            ("Connection", "Upgrade".to_owned()),
            ("Sec-WebSocket-Accept", self.accept_key.clone()),
        ];
        if let Some(chosen) = subprotocol {
            if !self.subprotocols.contains(&chosen) {
                return Err(HandshakeError::SubprotocolNotOffered);
            }
            headers.push(("Sec-WebSocket-Protocol", chosen.to_owned()));
        }
        if let Some(deflate) = &self.deflate {
            headers.push(("Sec-WebSocket-Extensions", deflate.clone()));
        }
        Ok(headers)
    }

    /// The whole head of the 101 response, for a driver without an HTTP library.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::SubprotocolNotOffered`].
    pub fn response(&self, subprotocol: Option<&str>) -> Result<Vec<u8>, HandshakeError> {
        let mut head = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
        for (name, value) in self.response_headers(subprotocol)? {
            head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        Ok(head)
    }
}

/// A header that must not stand twice.
#[derive(Clone, Copy, Default)]
enum Once<'a> {
    #[default]
    None,
    One(&'a [u8]),
    Many,
}

impl<'a> Once<'a> {
    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::None => Self::One(value.trim_ascii()),
            Self::One(_) | Self::Many => Self::Many,
        };
    }
}

/// What the handshake reads of a request's headers.
#[derive(Default)]
struct Fields<'a> {
    upgrade: bool,
    connection: bool,
    version: Once<'a>,
    key: Once<'a>,
    origin: Once<'a>,
    subprotocols: Vec<&'a str>,
    extensions: Vec<ExtensionOffer<'a>>,
}

impl<'a> Fields<'a> {
    fn collect(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, HandshakeError> {
        let mut fields = Self::default();
        for (name, value) in headers {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            if is("upgrade") {
                fields.upgrade |= has_token(value, "websocket");
            } else if is("connection") {
                fields.connection |= has_token(value, "upgrade");
            } else if is("origin") {
                fields.origin.add(value);
            } else if is("sec-websocket-version") {
                fields.version.add(value);
            } else if is("sec-websocket-key") {
                fields.key.add(value);
            } else if is("sec-websocket-protocol") {
                fields.add_subprotocols(value)?;
            } else if is("sec-websocket-extensions") {
                let value = std::str::from_utf8(value).map_err(|_| HandshakeError::BadExtensions)?;
                fields.extensions.extend(extension::parse(value).ok_or(HandshakeError::BadExtensions)?);
            }
        }
        Ok(fields)
    }

    fn add_subprotocols(&mut self, value: &'a [u8]) -> Result<(), HandshakeError> {
        let value = std::str::from_utf8(value).map_err(|_| HandshakeError::BadSubprotocols)?;
        for element in list_elements(value) {
            if !is_token(element) {
                return Err(HandshakeError::BadSubprotocols);
            }
            self.subprotocols.push(element);
        }
        Ok(())
    }
}

/// Whether the value of `Sec-WebSocket-Key` is 16 bytes in base64.
fn is_key(value: &str) -> bool {
    let mut nonce = [0; 18];
    value.len() == 24 && STANDARD.decode_slice(value, &mut nonce) == Ok(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request of §1.3, with `change` made to its headers.
    fn judge(
        change: impl FnOnce(&mut Vec<(&'static str, &'static [u8])>),
    ) -> Result<Accepted<'static>, HandshakeError> {
        let mut headers: Vec<(&str, &[u8])> = vec![
            ("host", b"server.example.com"),
            ("upgrade", b"websocket"),
            ("Connection", b"keep-alive, Upgrade"),
            ("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
            ("Origin", b"http://example.com"),
            ("Sec-WebSocket-Protocol", b"chat, superchat"),
            ("Sec-WebSocket-Version", b"13"),
        ];
        change(&mut headers);
        accept("GET", (1, 1), headers)
    }

    fn without(name: &'static str) -> Result<Accepted<'static>, HandshakeError> {
        judge(|headers| headers.retain(|header| !header.0.eq_ignore_ascii_case(name)))
    }

    fn with(name: &'static str, value: &'static [u8]) -> Result<Accepted<'static>, HandshakeError> {
        judge(|headers| {
            headers.retain(|header| !header.0.eq_ignore_ascii_case(name));
            headers.push((name, value));
        })
    }

    fn and(name: &'static str, value: &'static [u8]) -> Result<Accepted<'static>, HandshakeError> {
        judge(|headers| headers.push((name, value)))
    }

    #[test]
    fn the_example_of_section_1_3_is_accepted() {
        let accepted = judge(|_| {}).unwrap();
        assert_eq!(accepted.origin(), Some(&b"http://example.com"[..]));
        assert_eq!(accepted.subprotocols(), ["chat", "superchat"]);
        assert!(accepted.extensions().is_empty());
        assert_eq!(
            String::from_utf8(accepted.response(Some("chat")).unwrap()).unwrap(),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
        );
    }

    #[test]
    fn method_and_version_of_http_section_4_1() {
        assert_eq!(accept("POST", (1, 1), []), Err(HandshakeError::MethodNotGet));
        assert_eq!(accept("GET", (1, 0), []), Err(HandshakeError::HttpTooOld));
    }

    #[test]
    fn upgrade_headers_section_4_2_1() {
        assert_eq!(without("upgrade"), Err(HandshakeError::NoUpgrade));
        assert_eq!(with("upgrade", b"h2c"), Err(HandshakeError::NoUpgrade));
        assert!(with("upgrade", b"h2c, WebSocket").is_ok());
        assert_eq!(without("connection"), Err(HandshakeError::NoConnectionUpgrade));
        assert_eq!(with("connection", b"keep-alive"), Err(HandshakeError::NoConnectionUpgrade));
        assert!(and("connection", b"close").is_ok(), "one of several headers says it");
    }

    #[test]
    fn another_version_is_answered_with_426_and_13_section_4_4() {
        for error in [
            with("Sec-WebSocket-Version", b"8"),
            with("Sec-WebSocket-Version", b"13, 8"),
            with("Sec-WebSocket-Version", b"013"),
            without("Sec-WebSocket-Version"),
            and("Sec-WebSocket-Version", b"13"),
        ] {
            let error = error.unwrap_err();
            assert_eq!((&error, error.status()), (&HandshakeError::UnsupportedVersion, 426));
            assert_eq!(error.headers(), [("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket")]);
        }
    }

    #[test]
    fn the_key_is_16_bytes_section_4_2_1() {
        for value in
            [&b""[..], b"AAAA", b"dGhlIHNhbXBsZSBub25jZTE2", b"dGhlIHNhbXBsZSBub25jZQ", b"!!!!!!!!!!!!!!!!!!!!!!!!"]
        {
            assert_eq!(with("Sec-WebSocket-Key", value), Err(HandshakeError::BadKey), "{value:?}");
        }
        assert_eq!(without("Sec-WebSocket-Key"), Err(HandshakeError::BadKey));
        assert_eq!(and("Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="), Err(HandshakeError::BadKey));
    }

    #[test]
    fn a_subprotocol_is_chosen_among_the_offered_section_4_2_2() {
        let accepted = and("Sec-WebSocket-Protocol", b"mqtt").unwrap();
        assert_eq!(accepted.subprotocols(), ["chat", "superchat", "mqtt"]);
        assert_eq!(accepted.choose_subprotocol(&["x", "mqtt", "chat"]), Some("mqtt"), "the server's order decides");
        assert_eq!(accepted.choose_subprotocol(&["Chat"]), None);
        assert_eq!(accepted.response(Some("Chat")), Err(HandshakeError::SubprotocolNotOffered));
        assert_eq!(with("Sec-WebSocket-Protocol", b"a b"), Err(HandshakeError::BadSubprotocols));
        assert_eq!(with("Sec-WebSocket-Protocol", b"a\r\nb"), Err(HandshakeError::BadSubprotocols));
    }

    #[test]
    fn extensions_are_read_and_not_accepted_unasked_section_9_1() {
        let accepted = and("Sec-WebSocket-Extensions", b"permessage-deflate; client_max_window_bits").unwrap();
        assert_eq!(accepted.extensions()[0].name, "permessage-deflate");
        let headers = accepted.response_headers(None).unwrap();
        assert!(headers.iter().all(|(name, _)| *name != "Sec-WebSocket-Extensions"));
        assert_eq!(and("Sec-WebSocket-Extensions", b"a b"), Err(HandshakeError::BadExtensions));
        assert_eq!(and("Sec-WebSocket-Extensions", b"\xff"), Err(HandshakeError::BadExtensions));
    }

    #[test]
    fn compression_is_accepted_when_it_is_asked_for_rfc_7692_section_5() {
        let mut accepted =
            and("Sec-WebSocket-Extensions", b"x-other, permessage-deflate; client_max_window_bits").unwrap();
        assert!(accepted.accept_deflate(&DeflateSettings::default()).is_some());
        let answer =
            ("Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
        let headers = accepted.response_headers(None).unwrap();
        assert_eq!(headers.last().map(|(name, value)| (*name, value.as_str())), Some(answer));
        assert_eq!(and("X", b"").unwrap().accept_deflate(&DeflateSettings::default()), None, "nothing was offered");
    }

    #[test]
    fn origins_are_compared_exactly_section_10_2() {
        let page = Some(&b"https://example.org"[..]);
        assert_eq!(check_origin(page, &["https://example.org"]), Ok(()));
        assert_eq!(check_origin(page, &["HTTPS://Example.org"]), Ok(()));
        assert_eq!(check_origin(page, &["*"]), Ok(()));
        assert_eq!(check_origin(None, &[] as &[&str]), Ok(()), "not a page");
        for other in ["http://example.org", "https://example.org:8443", "https://example.org.evil", "https://evil", ""]
        {
            assert_eq!(check_origin(page, &[other]), Err(HandshakeError::OriginNotAllowed), "{other}");
        }
        assert_eq!(check_origin(Some(b"null"), &["https://example.org"]), Err(HandshakeError::OriginNotAllowed));
        assert_eq!(and("Origin", b"http://example.com"), Err(HandshakeError::RepeatedOrigin));
    }

    #[test]
    fn plain_requests_are_told_apart() {
        assert!(is_upgrade([("Upgrade", &b"websocket"[..])]));
        assert!(!is_upgrade([("Upgrade", &b"h2c"[..]), ("Connection", b"websocket")]));
    }
}
