//! HTTP/1.1 as far as a port needs it: the heads of requests, and short answers.
//!
//! A head is bounded in size and in number of headers. Every answer ends its connection, so that nothing of a request's
//! body has to be understood.

use std::time::SystemTime;

use httparse::Status;

/// Largest head of a request in bytes.
pub(super) const MAX_HEAD: usize = 16 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;

/// What came of reading a head.
#[derive(Debug)]
pub(super) enum Head<'a> {
    /// More bytes are needed.
    Partial,
    /// It is complete.
    Complete(Request<'a>),
    /// It is none, or too large; answer and end.
    Bad(Answer),
}

/// The head of a request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// Path and query as they were sent.
    pub(super) target: &'a str,
    /// Minor version of HTTP/1.
    pub(super) minor: u8,
    /// The headers in order.
    pub(super) headers: Vec<(&'a str, &'a [u8])>,
    /// Length of the head in bytes.
    pub(super) size: usize,
}

/// A short answer in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn new(status: u16, text: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), text: text.into() }
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Appends the answer; `HEAD` asks for everything but the text.
    pub(super) fn encode(&self, out: &mut Vec<u8>, is_head: bool) {
        let length = self.text.len() as u64 + 1;
        let mut headers = vec![("Content-Type", "text/plain; charset=utf-8")];
        headers.extend(self.headers.iter().map(|(name, value)| (*name, value.as_str())));
        encode_head(out, self.status, &headers, Some(length));
        if !is_head {
            out.extend_from_slice(self.text.as_bytes());
            out.push(b'\n');
        }
    }
}

/// Reads the head at the start of `bytes`.
pub(super) fn read_head(bytes: &[u8]) -> Head<'_> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let size = match request.parse(bytes) {
        Ok(Status::Complete(size)) if size <= MAX_HEAD => size,
        Ok(Status::Partial) if bytes.len() < MAX_HEAD => return Head::Partial,
        Ok(_) => return Head::Bad(Answer::new(431, "the head of the request is larger than 16 KiB")),
        Err(httparse::Error::TooManyHeaders) => {
            return Head::Bad(Answer::new(431, "the request has more than 64 headers"));
        }
        // The first byte of a TLS record that begins a handshake.
        Err(_) if bytes.first() == Some(&0x16) => {
            return Head::Bad(Answer::new(400, "this port does not speak TLS: use ws:// or http://"));
        }
        Err(_) => return Head::Bad(Answer::new(400, "this is not a request of HTTP/1.1")),
    };
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version) else {
        return Head::Bad(Answer::new(400, "this is not a request of HTTP/1.1"));
    };
    let headers: Vec<_> = request.headers.iter().map(|header| (header.name, header.value)).collect();
    let hosts = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host")).count();
    // RFC 9112 §3.2.
    if hosts > 1 || (hosts == 0 && minor > 0) {
        return Head::Bad(Answer::new(400, "the request needs one Host header"));
    }
    Head::Complete(Request { method, target, minor, headers, size })
}

impl Request<'_> {
    pub(super) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// The path of the target, without the query; `None` for a target that has none.
    pub(super) fn path(&self) -> Option<&str> {
        let path = self.target.split(['?', '#']).next()?;
        if path.starts_with('/') {
            return Some(path);
        }
        // The absolute form, which servers have to take (RFC 9112 §3.2.2).
        let authority = path.strip_prefix("http://").or_else(|| path.strip_prefix("https://"))?;
        Some(authority.find('/').map_or("/", |slash| &authority[slash..]))
    }

    /// The values of a header, as text; those that are none are left out.
    pub(super) fn values<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        let named = self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name));
        named.filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }
}

/// Appends the head of an answer that ends the connection.
pub(super) fn encode_head(out: &mut Vec<u8>, status: u16, headers: &[(&str, &str)], length: Option<u64>) {
    let mut line = |parts: &[&str]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    line(&["HTTP/1.1 ", &status.to_string(), " ", reason(status), "\r\n"]);
    line(&["Date: ", &httpdate::fmt_http_date(SystemTime::now()), "\r\nConnection: close\r\n"]);
    line(&["Server: patchcord-csound/", env!("CARGO_PKG_VERSION"), "\r\nX-Content-Type-Options: nosniff\r\n"]);
    for (name, value) in headers {
        // An Upgrade is announced in Connection, too (RFC 9110 §7.8).
        if *name == "Upgrade" {
            line(&["Connection: Upgrade\r\n"]);
        }
        line(&[name, ": ", value, "\r\n"]);
    }
    if let Some(length) = length {
        line(&["Content-Length: ", &length.to_string(), "\r\n"]);
    }
    line(&["\r\n"]);
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(bytes: &[u8]) -> u16 {
        match read_head(bytes) {
            Head::Bad(answer) => answer.status,
            Head::Partial => 0,
            Head::Complete(_) => 200,
        }
    }

    #[test]
    fn a_head_is_read_in_whatever_pieces_it_comes() {
        let bytes = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-A:  1 \r\n\r\nrest";
        for cut in 0..bytes.len() - 4 {
            assert_eq!(status(&bytes[..cut]), 0, "cut at {cut}");
        }
        let Head::Complete(request) = read_head(bytes) else { panic!("complete") };
        assert_eq!((request.method, request.target, request.path()), ("GET", "/a?b=c", Some("/a")));
        assert_eq!(request.values("x-a").collect::<Vec<_>>(), ["1"]);
        assert_eq!(&bytes[request.size..], b"rest");
    }

    #[test]
    fn targets_have_a_path_or_none() {
        let path = |target: &str| {
            let bytes = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
            let Head::Complete(request) = read_head(bytes.as_bytes()) else { panic!("complete") };
            request.path().map(str::to_owned)
        };
        assert_eq!(path("http://h:1/a?b").as_deref(), Some("/a"));
        assert_eq!(path("http://h").as_deref(), Some("/"));
        assert_eq!(path("*"), None);
    }

    #[test]
    fn what_is_wrong_has_its_status() {
        assert_eq!(status(b"hello\r\n\r\n"), 400);
        assert_eq!(status(b"\x16\x03\x01\x02\x00\x01"), 400);
        assert_eq!(status(b"GET / HTTP/1.1\r\n\r\n"), 400, "no Host");
        assert_eq!(status(b"GET / HTTP/1.0\r\n\r\n"), 200, "older than Host");
        assert_eq!(status(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(65));
        assert_eq!(status(many.as_bytes()), 431);
        let endless = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(MAX_HEAD));
        assert_eq!(status(endless.as_bytes()), 431);
    }

    #[test]
    fn an_answer_has_its_length_and_ends_the_connection() {
        let answer = Answer::new(405, "no").with("Allow", "GET, HEAD");
        let encoded = |is_head| {
            let mut out = Vec::new();
            answer.encode(&mut out, is_head);
            String::from_utf8(out).unwrap()
        };
        let whole = encoded(false);
        assert!(whole.starts_with("HTTP/1.1 405 Method Not Allowed\r\nDate: "), "{whole}");
        for line in
            ["Connection: close", "Server: patchcord-csound/", "Allow: GET, HEAD", "Content-Length: 3", "\r\n\r\nno\n"]
        {
            assert!(whole.contains(line), "{line}");
        }
        assert!(encoded(true).ends_with("Content-Length: 3\r\n\r\n"));
    }
}
