//! The request as a callback sees it (TouchDesigner reference, section 3.3).

use std::borrow::Cow;

use http::HeaderMap;
use http::request::Parts;
use patchcord_core::value::{FieldName, Record, Value};
use percent_encoding::percent_decode_str;

/// A request's fields, read on demand: nothing is decoded that nobody asks for.
pub(super) struct RequestRecord<'a> {
    pub parts: &'a Parts,
    /// The body; `None` for a WebSocket request, which has none.
    pub body: Option<&'a [u8]>,
    pub client_address: &'a str,
    pub server_address: &'a str,
    /// [`decoded_path`] of the request.
    pub path: Cow<'a, str>,
}

impl Record for RequestRecord<'_> {
    fn fields(&self, visit: &mut dyn FnMut(FieldName<'_>, Value<'_>)) {
        // Headers first: a header called `Method` must not replace the method.
        each_header(&self.parts.headers, |name, value| visit(FieldName::Header(name), Value::Str(value)));
        visit(FieldName::Fixed("method"), Value::Str(self.parts.method.as_str()));
        visit(FieldName::Fixed("uri"), Value::Str(&self.path));
        visit(FieldName::Fixed("pars"), Value::Record(&Pars(self.parts.uri.query().unwrap_or(""))));
        visit(FieldName::Fixed("clientAddress"), Value::Str(self.client_address));
        visit(FieldName::Fixed("serverAddress"), Value::Str(self.server_address));
        if let Some(body) = self.body {
            visit(FieldName::Fixed("data"), Value::Body(body));
        }
    }

    fn ignores_case(&self) -> bool {
        true
    }
}

/// Visits the headers, names in lower case; several of one name are joined.
pub(crate) fn each_header(headers: &HeaderMap, mut visit: impl FnMut(&str, &str)) {
    if headers.len() == headers.keys_len() {
        headers.iter().for_each(|(name, value)| visit(name.as_str(), &text(value.as_bytes())));
    } else {
        headers.keys().for_each(|name| visit(name.as_str(), &joined(headers, name)));
    }
}

/// Decoded query parameters. A name without a value has an empty one; of a name that comes twice, the last counts.
pub(crate) struct Pars<'a>(pub &'a str);

impl Record for Pars<'_> {
    fn fields(&self, visit: &mut dyn FnMut(FieldName<'_>, Value<'_>)) {
        for pair in self.0.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            visit(FieldName::Free(&decode_query(name)), Value::Str(&decode_query(value)));
        }
    }
}

/// The path with its percent-escapes decoded, as far as they are UTF-8.
pub(super) fn decoded_path(parts: &Parts) -> Cow<'_, str> {
    let path = parts.uri.path();
    if path.contains('%') { percent_decode_str(path).decode_utf8_lossy() } else { Cow::Borrowed(path) }
}

fn decode_query(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

/// All values of a header, joined by commas as RFC 9110 §5.3 has it. Bytes beyond ASCII are read as Latin-1.
fn joined<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Cow<'a, str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| text(value.as_bytes())).unwrap_or_default();
    let Some(second) = values.next() else { return first };
    let mut joined = first.into_owned();
    let separator = if *name == http::header::COOKIE { "; " } else { ", " };
    for value in std::iter::once(second).chain(values) {
        joined.push_str(separator);
        joined.push_str(&text(value.as_bytes()));
    }
    Cow::Owned(joined)
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use patchcord_core::value::OwnedValue;

    use super::*;

    fn fields(record: &dyn Record) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        record.fields(&mut |name, value| {
            fields.push((name.as_str().to_owned(), value.as_str().unwrap_or("?").to_owned()));
        });
        fields
    }

    fn parts(request: http::request::Builder) -> Parts {
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_query_is_split_and_decoded() {
        let pairs = [("a", "1 2"), ("flag", ""), ("ü", "&")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(fields(&Pars("a=1+2&flag&%C3%BC=%26&")), pairs);
    }

    #[test]
    fn a_header_cannot_stand_in_for_a_field() {
        let parts = parts(http::Request::post("/x?y=1").header("method", "FAKE").header("uri", "/fake"));
        let record = RequestRecord {
            parts: &parts,
            body: Some(b""),
            client_address: "c",
            server_address: "s",
            path: decoded_path(&parts),
        };
        let fields = fields(&record);
        let last = |name: &str| fields.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!((last("method"), last("uri")), (Some("POST"), Some("/x")));
    }

    #[test]
    fn repeated_headers_are_joined() {
        let parts = parts(http::Request::get("/").header("accept", "a").header("accept", "b").header("cookie", "x=1"));
        let record = RequestRecord {
            parts: &parts,
            body: None,
            client_address: "",
            server_address: "",
            path: decoded_path(&parts),
        };
        assert!(fields(&record).contains(&("accept".into(), "a, b".into())));
    }

    #[test]
    fn escapes_in_the_path_are_decoded() {
        let parts = parts(http::Request::get("/a%20b?c=%20"));
        assert_eq!(decoded_path(&parts), "/a b");
    }

    /// The value of the last field that a name means, found as a reader of [`Record::fields`] would.
    fn last(record: &dyn Record, name: &str) -> Option<OwnedValue> {
        let mut last = None;
        record.fields(&mut |known, value| {
            if known.as_str().eq_ignore_ascii_case(name) {
                last = Some(value.to_owned_value());
            }
        });
        last
    }

    #[test]
    fn a_field_by_name_is_the_one_among_all_fields() {
        let names = ["x-one", "accept", "cookie", "method", "uri", "pars", "data", "clientaddress", "host"];
        let values: [&[u8]; 6] = [b"a", b"", b"b; c", b"\xe4\xff", "\u{e4}".as_bytes(), b"x,y"];
        let targets = ["/", "/a%20b?x=1&x=2&y", "/%ff?%C3%BC=%26", "/?=&&a=b=c", "*"];
        // Each request has up to four headers out of these, so that repeated ones are among them.
        for number in 0..5000_usize {
            let mut builder = http::Request::post(targets[number % targets.len()]);
            let mut rest = number;
            for _ in 0..number % 5 {
                rest = rest.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (name, value) = (names[(rest >> 20) % names.len()], values[(rest >> 40) % values.len()]);
                builder = builder.header(name, value);
            }
            let parts = parts(builder);
            let bodies: [Option<&[u8]>; 3] = [None, Some(b"text"), Some(b"\xff")];
            let record = RequestRecord {
                parts: &parts,
                body: bodies[number % bodies.len()],
                client_address: "127.0.0.1:1",
                server_address: "127.0.0.1:2",
                path: decoded_path(&parts),
            };
            for name in names.iter().copied().chain(["clientAddress", "serverAddress", "Method", "X-ONE", "none"]) {
                assert_eq!(record.field(name), last(&record, name), "{name} of {parts:?}");
            }
        }
    }

    #[test]
    fn fields_by_name_are_complete() {
        let parts = parts(
            http::Request::get("/?a=1&b=%20")
                .header("accept", "x")
                .header("accept", "y")
                .header("x-name", &b"\xfc"[..])
                .header("method", "FAKE"),
        );
        let record = RequestRecord {
            parts: &parts,
            body: Some(b"\xff"),
            client_address: "c",
            server_address: "s",
            path: decoded_path(&parts),
        };
        let str = |text: &str| OwnedValue::Str(text.to_owned());
        let pars = OwnedValue::Dict(vec![("a".into(), str("1")), ("b".into(), str(" "))]);
        for (name, value) in [
            ("Accept", str("x, y")),
            ("X-Name", str("\u{fc}")),
            ("method", str("GET")),
            ("pars", pars),
            ("data", OwnedValue::Bytes(vec![0xff])),
        ] {
            assert_eq!(record.field(name), Some(value), "{name}");
        }
        assert_eq!(record.field("nothing"), None);
    }
}
