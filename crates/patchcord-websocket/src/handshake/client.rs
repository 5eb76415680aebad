//! The client's half of the opening handshake (RFC 6455 §4.1).
//!
//! A [`ClientRequest`] becomes the bytes to send and a [`ReplyReader`], which reads the server's answer in whatever
//! pieces it comes and says where the first frame begins, so that bytes behind the head are not lost. Only a reply that
//! keeps every rule is a [`Reply`]; any other is a [`ClientError`]. Connecting, TLS, the nonce's entropy, the time limit,
//! redirects and authentication are left to the driver, which finds what it needs in [`Refusal`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::deflate::{self, DeflateError};
use super::{VERSION, accept_key, extension, has_token, is_token};
use crate::deflate::{DeflateParameters, DeflateSettings};

/// The largest head of a reply in bytes, interim replies included.
pub const MAX_HEAD: usize = 32 * 1024;
/// The most headers that a reply may have.
pub const MAX_HEADERS: usize = 100;
/// How much of a refusal's body is kept, in bytes.
pub const MAX_REFUSAL_BODY: usize = 1024;

/// Headers that the handshake writes itself; an extra header must not repeat them.
const OWN_HEADERS: [&str; 9] = [
    "host",
    "upgrade",
    "connection",
    "origin",
    "content-length",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
];

/// What a client asks for.
#[derive(Debug, Clone, Copy)]
pub struct ClientRequest<'a> {
    /// Host and, if it is not the scheme's own, port: `example.org:8080`, `[::1]:8080`.
    pub host: &'a str,
    /// Path and query, beginning with `/`, percent-encoded.
    pub path: &'a str,
    /// The origin to claim, if any; only pages have to (§4.1, item 8).
    pub origin: Option<&'a str>,
    /// The subprotocols to offer, the preferred one first; tokens, none twice (§4.1, item 10).
    pub subprotocols: &'a [&'a str],
    /// What to offer of compression (RFC 7692); `None` for nothing.
    pub deflate: Option<DeflateSettings>,
    /// Further headers, such as `Authorization` and `Cookie`.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Why a request cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The host is empty or has a character that cannot stand in it.
    #[error("the host {0:?} cannot stand in a request")]
    BadHost(String),
    /// The path does not begin with `/`, or has a space, a `#`, a control or a non-ASCII character.
    #[error("the path {0:?} cannot stand in a request; it begins with / and is percent-encoded")]
    BadPath(String),
    /// A subprotocol is not a token, or is offered twice.
    #[error("the subprotocol {0:?} is not a token or is offered twice")]
    BadSubprotocol(String),
    /// A header's name is not a token.
    #[error("{0:?} is not a header name")]
    BadHeaderName(String),
    /// A header's value has a line break or another control character.
    #[error("the value of header {0:?} has a line break or control character")]
    BadHeaderValue(String),
    /// A header belongs to the handshake itself.
    #[error("the header {0:?} is written by the handshake itself")]
    ReservedHeader(String),
}

impl RequestError {
    /// Whether one of the further headers is what is wrong.
    pub fn is_of_header(&self) -> bool {
        matches!(self, Self::BadHeaderName(_) | Self::BadHeaderValue(_) | Self::ReservedHeader(_))
    }
}

/// Why a server's answer does not open a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The answer is not HTTP/1.x, or it is a 101 of HTTP/1.0.
    #[error("the server does not speak HTTP/1.1")]
    NotHttp,
    /// The head of the answer is larger than [`MAX_HEAD`].
    #[error("the head of the server's reply is larger than 32 KiB")]
    HeadTooLarge,
    /// The head of the answer has more headers than [`MAX_HEADERS`].
    #[error("the server's reply has more than 100 headers")]
    TooManyHeaders,
    /// The connection ended before the answer did.
    #[error("the server ended the connection before its reply was complete")]
    EndedEarly,
    /// The server answered with another status than 101.
    #[error("the server refused with status {} {}", .0.status, .0.reason)]
    Refused(Box<Refusal>),
    /// `Upgrade` is missing or does not name `websocket` (§4.1, item 2 of the reply's rules).
    #[error("the server's reply does not upgrade to websocket")]
    NoUpgrade,
    /// `Connection` is missing or does not name `upgrade` (item 3).
    #[error("the Connection header of the server's reply does not say upgrade")]
    NoConnectionUpgrade,
    /// `Sec-WebSocket-Accept` is missing, repeated or not the answer to the key (item 4).
    #[error("the server's reply does not answer the key of the request")]
    WrongAcceptKey,
    /// The server chose an extension that was not offered (item 5).
    #[error("the server uses an extension that was not asked for")]
    UnaskedExtension,
    /// `Sec-WebSocket-Extensions` does not have the form of §9.1.
    #[error("the Sec-WebSocket-Extensions header of the server's reply is malformed")]
    BadExtensions,
    /// The server's answer to the offer of compression breaks a rule of RFC 7692 §7.1.
    #[error(transparent)]
    Deflate(#[from] DeflateError),
    /// The server chose a subprotocol that was not offered, or more than one (item 6).
    #[error("the server chose a subprotocol that was not offered")]
    UnaskedSubprotocol,
}

/// An answer with another status than 101.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status: 401, 302, 503 …
    pub status: u16,
    /// The words beside the status; may be empty.
    pub reason: String,
    /// The headers in order: `Location`, `WWW-Authenticate`, `Retry-After` …
    pub headers: Vec<(String, Vec<u8>)>,
    /// The first bytes of the body as they came, at most [`MAX_REFUSAL_BODY`].
    pub body: Vec<u8>,
}

/// An answer that opens the WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The subprotocol that the server chose among the offered.
    pub subprotocol: Option<String>,
    /// What was agreed on about compression; `None` when the server does not take the offer.
    pub deflate: Option<DeflateParameters>,
    /// The headers in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// How many bytes of the last input belong to the head; frames begin behind them.
    pub consumed: usize,
}

impl ClientRequest<'_> {
    /// The bytes of the request, and the reader of its answer. `nonce` must be 16 random bytes, fresh for every
    /// connection (§4.1, item 7).
    ///
    /// # Errors
    ///
    /// [`RequestError`]: something would break out of its place in the request. Nothing is repaired.
    pub fn encode(&self, nonce: [u8; 16]) -> Result<(Vec<u8>, ReplyReader), RequestError> {
        self.check()?;
        let key = STANDARD.encode(nonce);
        let mut head = format!("GET {} HTTP/1.1\r\n", self.path);
        let mut field = |name: &str, value: &str| head.extend([name, ": ", value, "\r\n"]);
        field("Host", self.host);
        field("Upgrade", "websocket");
        field("Connection", "Upgrade");
        field("Sec-WebSocket-Key", &key);
        field("Sec-WebSocket-Version", VERSION);
        if !self.subprotocols.is_empty() {
            field("Sec-WebSocket-Protocol", &self.subprotocols.join(", "));
        }
        if let Some(settings) = &self.deflate {
            field("Sec-WebSocket-Extensions", &deflate::offer(settings));
        }
        if let Some(origin) = self.origin {
            field("Origin", origin);
        }
        for (name, value) in self.headers {
            field(name, value);
        }
        head.push_str("\r\n");
        let reader = ReplyReader {
            accept_key: accept_key(&key),
            offered: self.subprotocols.iter().map(|&offered| offered.to_owned()).collect(),
            deflate: self.deflate,
            head: Vec::new(),
            start: 0,
            searched: 0,
            refusal: None,
        };
        Ok((head.into_bytes(), reader))
    }

    fn check(&self) -> Result<(), RequestError> {
        let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte);
        if self.host.is_empty() || !self.host.bytes().all(is_host_byte) {
            return Err(RequestError::BadHost(self.host.to_owned()));
        }
        if !self.path.starts_with('/') || !self.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(RequestError::BadPath(self.path.to_owned()));
        }
        for (index, subprotocol) in self.subprotocols.iter().enumerate() {
            if !is_token(subprotocol) || self.subprotocols[..index].contains(subprotocol) {
                return Err(RequestError::BadSubprotocol((*subprotocol).to_owned()));
            }
        }
        let origin = self.origin.map(|origin| ("Origin", origin));
        for &(name, value) in self.headers.iter().chain(&origin) {
            if !is_token(name) {
                return Err(RequestError::BadHeaderName(name.to_owned()));
            }
            if value.bytes().any(|byte| byte != b'\t' && byte.is_ascii_control()) {
                return Err(RequestError::BadHeaderValue(name.to_owned()));
            }
        }
        match self.headers.iter().find(|(name, _)| OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name))) {
            Some((name, _)) => Err(RequestError::ReservedHeader((*name).to_owned())),
            None => Ok(()),
        }
    }
}

/// Reads the server's answer.
#[derive(Debug, Clone)]
pub struct ReplyReader {
    accept_key: String,
    offered: Vec<String>,
    deflate: Option<DeflateSettings>,
    /// The answer as far as it has come, interim answers included, up to the end of its head.
    head: Vec<u8>,
    /// Where in `head` the answer begins, behind the interim ones.
    start: usize,
    /// How much of `head` has been searched for its end.
    searched: usize,
    /// A refusal whose body is still coming, and how long the body is if that is known.
    refusal: Option<(Refusal, Option<usize>)>,
}

impl ReplyReader {
    /// Takes bytes of the answer. `None` means that all of `input` was taken and more is needed; a [`Reply`] says how
    /// much of `input` it took. Interim answers (100, 103) are skipped.
    ///
    /// # Errors
    ///
    /// [`ClientError`]. The connection is of no use then.
    pub fn receive(&mut self, input: &[u8]) -> Result<Option<Reply>, ClientError> {
        if self.refusal.is_some() {
            return self.collect_body(input);
        }
        let taken = &input[..input.len().min(MAX_HEAD - self.head.len())];
        self.head.extend_from_slice(taken);
        loop {
            let reply = &self.head[self.start..];
            if !reply.iter().zip(b"HTTP/1.").all(|(byte, expected)| byte == expected) {
                return Err(ClientError::NotHttp);
            }
            let Some(end) = self.find_end() else {
                return if self.head.len() == MAX_HEAD { Err(ClientError::HeadTooLarge) } else { Ok(None) };
            };
            let reply = parse_head(&self.head[self.start..end])?;
            self.start = end;
            if matches!(reply.status, 100 | 102..=199) {
                continue;
            }
            // The end was not there before, so everything behind it belongs to this input.
            let consumed = taken.len() - (self.head.len() - end);
            self.head = Vec::new();
            if reply.status == 101 {
                return self.judge(reply, consumed).map(Some);
            }
            let length = body_length(&reply.headers);
            self.refusal = Some((reply, length));
            return self.collect_body(&input[consumed..]);
        }
    }

    /// The connection ended; what to report.
    pub fn handle_end(&mut self) -> ClientError {
        match self.refusal.take() {
            Some((refusal, _)) => ClientError::Refused(Box::new(refusal)),
            None => ClientError::EndedEarly,
        }
    }

    /// The end of the head, behind its empty line, if it has come.
    fn find_end(&mut self) -> Option<usize> {
        // Two bytes back, so that an empty line that came in two pieces is seen.
        let from = self.searched.saturating_sub(2).max(self.start);
        let rest = &self.head[from..];
        let mut line_ends = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index + 1);
        let end = line_ends.find_map(|index| match &rest[index..] {
            [b'\n', ..] => Some(from + index + 1),
            [b'\r', b'\n', ..] => Some(from + index + 2),
            _ => None,
        });
        self.searched = end.unwrap_or(self.head.len());
        end
    }

    /// Collects a refusal's body: up to its known length, otherwise what has come with the head.
    fn collect_body(&mut self, input: &[u8]) -> Result<Option<Reply>, ClientError> {
        let Some((mut refusal, length)) = self.refusal.take() else { return Ok(None) };
        let wanted = length.unwrap_or(input.len()).min(MAX_REFUSAL_BODY);
        let missing = wanted.saturating_sub(refusal.body.len());
        refusal.body.extend_from_slice(&input[..input.len().min(missing)]);
        if refusal.body.len() >= wanted {
            return Err(ClientError::Refused(Box::new(refusal)));
        }
        self.refusal = Some((refusal, length));
        Ok(None)
    }

    /// Checks the answer by the rules of §4.1.
    fn judge(&self, head: Refusal, consumed: usize) -> Result<Reply, ClientError> {
        let values = |name: &'static str| {
            head.headers
                .iter()
                .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_slice())
        };
        if !values("upgrade").any(|value| has_token(value, "websocket")) {
            return Err(ClientError::NoUpgrade);
        }
        if !values("connection").any(|value| has_token(value, "upgrade")) {
            return Err(ClientError::NoConnectionUpgrade);
        }
        let mut accept = values("sec-websocket-accept");
        if accept.next() != Some(self.accept_key.as_bytes()) || accept.next().is_some() {
            return Err(ClientError::WrongAcceptKey);
        }
        let mut deflate = None;
        for value in values("sec-websocket-extensions") {
            let value = std::str::from_utf8(value).map_err(|_| ClientError::BadExtensions)?;
            for answer in extension::parse(value).ok_or(ClientError::BadExtensions)? {
                let settings = self.deflate.as_ref().filter(|_| answer.name == deflate::NAME);
                let agreed = deflate::judge(&answer, settings.ok_or(ClientError::UnaskedExtension)?)?;
                if deflate.replace(agreed).is_some() {
                    return Err(DeflateError::Repeated.into());
                }
            }
        }
        let mut chosen = values("sec-websocket-protocol");
        let subprotocol = match (chosen.next(), chosen.next()) {
            (None, _) => None,
            (Some(value), None) => {
                let offered = self.offered.iter().find(|offered| offered.as_bytes() == value);
                Some(offered.ok_or(ClientError::UnaskedSubprotocol)?.clone())
            }
            (Some(_), Some(_)) => return Err(ClientError::UnaskedSubprotocol),
        };
        Ok(Reply { subprotocol, deflate, headers: head.headers, consumed })
    }
}

/// Parses a whole head; a refusal without a body until its status says otherwise.
fn parse_head(bytes: &[u8]) -> Result<Refusal, ClientError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(end)) if end == bytes.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(ClientError::TooManyHeaders),
        Ok(_) | Err(_) => return Err(ClientError::NotHttp),
    }
    // HTTP/1.0 knows no upgrade, but it can refuse.
    if (response.code, response.version) == (Some(101), Some(0)) {
        return Err(ClientError::NotHttp);
    }
    Ok(Refusal {
        status: response.code.ok_or(ClientError::NotHttp)?,
        reason: response.reason.unwrap_or_default().to_owned(),
        headers: response.headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect(),
        body: Vec::new(),
    })
}

/// The length of a body, where `Content-Length` gives it and no transfer coding overrides it (RFC 9112 §6.3).
fn body_length(headers: &[(String, Vec<u8>)]) -> Option<usize> {
    let value = |name: &str| headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    if value("transfer-encoding").is_some() {
        return None;
    }
    std::str::from_utf8(value("content-length")?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; 16] = *b"the sample nonce";
    const PLAIN: ClientRequest<'_> = ClientRequest {
        host: "server.example.com",
        path: "/chat",
        origin: None,
        subprotocols: &[],
        deflate: None,
        headers: &[],
    };
    const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    fn reader(offered: &[&str]) -> ReplyReader {
        ClientRequest { subprotocols: offered, ..PLAIN }.encode(NONCE).expect("the request is in order").1
    }

    /// The whole answer in one piece.
    fn read(answer: &str) -> Result<Option<Reply>, ClientError> {
        reader(&["chat", "mqtt"]).receive(answer.as_bytes())
    }

    fn with_header(line: &str) -> Result<Option<Reply>, ClientError> {
        read(&GOOD.replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n")))
    }

    fn refusal(answer: Result<Option<Reply>, ClientError>) -> Refusal {
        match answer {
            Err(ClientError::Refused(refusal)) => *refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn the_request_is_that_of_section_1_3() {
        let request = ClientRequest {
            origin: Some("http://example.com"),
            subprotocols: &["chat", "superchat"],
            headers: &[("Cookie", "a=b"), ("X-Long", "tab\tand é")],
            ..PLAIN
        };
        let (bytes, _) = request.encode(NONCE).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Protocol: chat, superchat\r\nOrigin: http://example.com\r\n\
             Cookie: a=b\r\nX-Long: tab\tand é\r\n\r\n"
        );
    }

    #[test]
    fn nothing_breaks_out_of_its_place_in_the_request() {
        let refused = |request: ClientRequest<'_>| request.encode(NONCE).expect_err("must be refused");
        for host in ["", "a b", "a\r\nX: y", "a/b", "user@host", "é"] {
            assert_eq!(refused(ClientRequest { host, ..PLAIN }), RequestError::BadHost(host.into()));
        }
        for path in ["", "chat", "/a b", "/a\r\nX: y", "/a#b", "/é", "/\u{7f}"] {
            assert_eq!(refused(ClientRequest { path, ..PLAIN }), RequestError::BadPath(path.into()));
        }
        for list in [&["a b"][..], &[""], &["a,b"], &["a", "a"], &["a\r\n"]] {
            let last = RequestError::BadSubprotocol(list[list.len() - 1].into());
            assert_eq!(refused(ClientRequest { subprotocols: list, ..PLAIN }), last);
        }
        for name in ["", "a b", "a:b", "a\r\nb"] {
            assert_eq!(
                refused(ClientRequest { headers: &[(name, "x")], ..PLAIN }),
                RequestError::BadHeaderName(name.into())
            );
        }
        for value in ["x\r\nEvil: y", "x\n", "\r", "\0", "\u{7f}"] {
            let headers = &[("X-A", value)];
            assert_eq!(refused(ClientRequest { headers, ..PLAIN }), RequestError::BadHeaderValue("X-A".into()));
            let origin = Some(value);
            assert_eq!(refused(ClientRequest { origin, ..PLAIN }), RequestError::BadHeaderValue("Origin".into()));
        }
        for name in ["Host", "sec-websocket-key", "UPGRADE", "Content-Length"] {
            assert_eq!(
                refused(ClientRequest { headers: &[(name, "x")], ..PLAIN }),
                RequestError::ReservedHeader(name.into())
            );
        }
    }

    #[test]
    fn a_good_reply_may_come_in_any_two_pieces_and_says_where_frames_begin() {
        let whole = format!("{GOOD}frames");
        for cut in 0..GOOD.len() {
            let mut reader = reader(&[]);
            assert_eq!(reader.receive(&whole.as_bytes()[..cut]), Ok(None), "cut at {cut}");
            let reply = reader.receive(&whole.as_bytes()[cut..]).unwrap().expect("the head is complete");
            assert_eq!(&whole[cut + reply.consumed..], "frames");
            assert_eq!(reply.headers[0], ("Upgrade".to_owned(), b"WebSocket".to_vec()));
        }
    }

    #[test]
    fn each_rule_for_the_reply_section_4_1() {
        assert_eq!(read(&GOOD.replace("Upgrade: WebSocket", "X: y")), Err(ClientError::NoUpgrade));
        assert_eq!(read(&GOOD.replace("WebSocket\r", "h2c\r")), Err(ClientError::NoUpgrade));
        assert_eq!(read(&GOOD.replace(", upgrade", "")), Err(ClientError::NoConnectionUpgrade));
        assert_eq!(read(&GOOD.replace("s3pP", "S3pP")), Err(ClientError::WrongAcceptKey));
        assert_eq!(read(&GOOD.replace("Sec-WebSocket-Accept", "X")), Err(ClientError::WrongAcceptKey));
        let again = with_header("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(again, Err(ClientError::WrongAcceptKey));
        let deflate = with_header("Sec-WebSocket-Extensions: permessage-deflate");
        assert_eq!(deflate, Err(ClientError::UnaskedExtension));
        assert!(with_header("Sec-WebSocket-Extensions:").is_ok());
    }

    #[test]
    fn compression_is_agreed_on_once_and_when_it_was_offered_rfc_7692_section_5() {
        let settings = DeflateSettings::default();
        let request = ClientRequest { deflate: Some(settings), ..PLAIN };
        let judge = |lines: &str| {
            let answer = GOOD.replace("\r\n\r\n", &format!("\r\n{lines}\r\n\r\n"));
            let (head, mut reader) = request.encode(NONCE).expect("the request is in order");
            assert!(String::from_utf8_lossy(&head).contains(&format!("Extensions: {}\r\n", deflate::offer(&settings))));
            reader.receive(answer.as_bytes()).map(|reply| reply.expect("complete").deflate)
        };
        let accepted = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover";
        assert_eq!(judge("X: y"), Ok(None), "the server may decline");
        let agreed = judge(accepted).unwrap().expect("accepted");
        assert_eq!((agreed.server, agreed.client), (settings.server, settings.client));
        assert_eq!(judge(&format!("{accepted}\r\n{accepted}")), Err(DeflateError::Repeated.into()));
        assert_eq!(judge("Sec-WebSocket-Extensions: x-other"), Err(ClientError::UnaskedExtension));
        assert_eq!(judge("Sec-WebSocket-Extensions: a b"), Err(ClientError::BadExtensions));
        let unkept = DeflateError::MissingParameter("server_no_context_takeover");
        assert_eq!(judge("Sec-WebSocket-Extensions: permessage-deflate"), Err(unkept.into()));
    }

    #[test]
    fn the_subprotocol_must_have_been_offered_section_4_1() {
        assert_eq!(read(GOOD).unwrap().unwrap().subprotocol, None, "the server may choose none");
        let chosen = with_header("Sec-WebSocket-Protocol: mqtt").unwrap().unwrap();
        assert_eq!(chosen.subprotocol.as_deref(), Some("mqtt"));
        for value in ["amqp", "MQTT", "chat, mqtt", ""] {
            let answer = with_header(&format!("Sec-WebSocket-Protocol: {value}"));
            assert_eq!(answer, Err(ClientError::UnaskedSubprotocol), "{value}");
        }
        let two = with_header("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: mqtt");
        assert_eq!(two, Err(ClientError::UnaskedSubprotocol));
    }

    #[test]
    fn a_refusal_carries_status_reason_headers_and_body() {
        let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nsorry, no";
        let refusal = refusal(read(answer));
        assert_eq!((refusal.status, refusal.reason.as_str(), &refusal.body[..]), (401, "Unauthorized", &b"sorry"[..]));
        assert_eq!(refusal.headers[0], ("WWW-Authenticate".to_owned(), b"Basic".to_vec()));
        assert_eq!(self::refusal(read("HTTP/1.0 404 Not Found\r\n\r\n")).status, 404, "an older server can refuse");
    }

    #[test]
    fn a_refusals_body_is_awaited_only_when_its_length_is_known() {
        let mut known = reader(&[]);
        assert_eq!(known.receive(b"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nso"), Ok(None));
        assert_eq!(known.receive(b"r"), Ok(None));
        let mut ended = known.clone();
        assert_eq!(refusal(known.receive(b"ry")).body, b"sorry");
        assert_eq!(refusal(Err(ended.handle_end())).body, b"sor");
        assert_eq!(refusal(read("HTTP/1.1 503 Busy\r\n\r\nso")).body, b"so");
        let coded = "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n";
        assert_eq!(refusal(read(coded)).body, b"");
    }

    #[test]
    fn only_the_start_of_a_long_body_is_kept() {
        let answer = format!("HTTP/1.1 500 Oops\r\nContent-Length: 99999\r\n\r\n{}", "x".repeat(5000));
        assert_eq!(refusal(read(&answer)).body.len(), MAX_REFUSAL_BODY);
    }

    #[test]
    fn interim_replies_are_skipped() {
        let answer = format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{GOOD}!");
        let reply = read(&answer).unwrap().unwrap();
        assert_eq!(reply.consumed, answer.len() - 1);
    }

    #[test]
    fn the_head_is_bounded() {
        let line = format!("X: {}\r\n", "y".repeat(97));
        let endless = GOOD.replace("\r\n\r\n", &format!("\r\n{}", line.repeat(400)));
        assert_eq!(read(&endless), Err(ClientError::HeadTooLarge));
        let mut reader = reader(&[]);
        let outcome = std::iter::repeat_n(b"HTTP/1.1 100 Continue\r\n\r\n", 2000)
            .find_map(|interim| reader.receive(interim).err());
        assert_eq!(outcome, Some(ClientError::HeadTooLarge), "interim replies count too");
        let many = with_header("X: y\r\n".repeat(MAX_HEADERS).trim_end());
        assert_eq!(many, Err(ClientError::TooManyHeaders));
    }

    #[test]
    fn what_is_not_http_is_known_from_its_first_bytes() {
        for answer in ["SSH-2.0", "HTTP/1.0 101 Ok\r\n\r\n", "HTTP/2", "\r\n", "\u{1}", "HTTP/1.1 abc\r\n\r\n"] {
            assert_eq!(read(answer), Err(ClientError::NotHttp), "{answer:?}");
        }
        assert_eq!(reader(&[]).handle_end(), ClientError::EndedEarly);
    }
}
