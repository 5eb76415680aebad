//! The response that a callback fills in, and what becomes of it on the wire (TouchDesigner reference, section 3.3).

use std::rc::Rc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Response, StatusCode};
use patchcord_core::value::{FieldName, OwnedValue, Record, Value};
use patchcord_net::body::Body;

/// Reason of the response as it is handed to the callback, whose status is 404.
const DEFAULT_REASON: &str = "Not Found";

/// The response as it is handed to the callback.
pub(super) struct BlankResponse;

impl Record for BlankResponse {
    fn fields(&self, visit: &mut dyn FnMut(FieldName<'_>, Value<'_>)) {
        visit(FieldName::Fixed("statusCode"), Value::Int(404));
        visit(FieldName::Fixed("statusReason"), Value::Str(DEFAULT_REASON));
        visit(FieldName::Fixed("data"), Value::Str(""));
    }

    fn constant(&self) -> Option<&'static str> {
        Some("response")
    }
}

/// An answer without contents.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Makes the answer of what the callback gave back. Anything that cannot be written is left out, and `warn` hears of it:
/// a script's dictionary is not to be trusted with the wire.
pub(super) fn from_value(value: OwnedValue, warn: &mut dyn FnMut(String)) -> Response<Body> {
    let entries = match value {
        OwnedValue::Dict(entries) => entries,
        // A native handler may answer with the contents alone.
        text @ (OwnedValue::Str(_) | OwnedValue::Bytes(_)) => {
            return with_data(empty(StatusCode::OK), text);
        }
        other => {
            warn(format!("onHTTPRequest returned {} instead of the response", kind(&other)));
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        }
    };
    let mut response = empty(StatusCode::NOT_FOUND);
    let mut data = OwnedValue::None;
    let mut reason = None;
    for (name, value) in entries {
        match &*name {
            "statusCode" => match status(&value) {
                Some(status) => *response.status_mut() = status,
                None => {
                    warn(format!("statusCode {} is no HTTP status", show(&value)));
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                }
            },
            "statusReason" => reason = Some(value),
            "data" => data = value,
            _ => set_header(&mut response, &name, &value, warn),
        }
    }
    if let Some(OwnedValue::Str(reason)) = reason {
        set_reason(&mut response, &reason);
    }
    with_data(response, data)
}

/// What a body consists of.
#[derive(Clone, Copy)]
pub enum Contents<'a> {
    /// Text; without a `Content-Type` it is plain text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

/// The answer of a logic graph. Its length is the server's own affair, as in a callback's answer.
///
/// # Errors
/// In plain words, when the status or a header is none.
pub fn of_graph(status: u16, headers: &[(Rc<str>, Rc<str>)], body: Contents<'_>) -> Result<Response<Body>, String> {
    let status = StatusCode::from_u16(status).map_err(|_| format!("{status} is no HTTP status"))?;
    let mut response = empty(status);
    for (name, text) in headers {
        let header = HeaderName::try_from(&**name);
        let header = header.map_err(|_| format!("`{}` is no header name", name.escape_debug()))?;
        if header == CONTENT_LENGTH || header == TRANSFER_ENCODING {
            continue;
        }
        let value = HeaderValue::from_bytes(text.as_bytes());
        let value =
            value.map_err(|_| format!("the value of header `{name}` has characters that no header may have"))?;
        response.headers_mut().append(header, value);
    }
    *response.body_mut() = match body {
        Contents::Text(text) => {
            if !text.is_empty() && !response.headers().contains_key(CONTENT_TYPE) {
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            }
            Body::full(text.to_owned())
        }
        Contents::Binary(bytes) => Body::full(bytes.to_vec()),
    };
    Ok(response)
}

fn with_data(mut response: Response<Body>, data: OwnedValue) -> Response<Body> {
    let bytes = match data {
        OwnedValue::Str(text) => {
            if !text.is_empty() && !response.headers().contains_key(CONTENT_TYPE) {
                let html = HeaderValue::from_static("text/html; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, html);
            }
            Bytes::from(text)
        }
        OwnedValue::Bytes(bytes) => Bytes::from(bytes),
        OwnedValue::None => Bytes::new(),
        other => Bytes::from(show(&other)),
    };
    *response.body_mut() = Body::full(bytes);
    response
}

fn status(value: &OwnedValue) -> Option<StatusCode> {
    let number = match value {
        OwnedValue::Int(number) => *number,
        OwnedValue::Float(number) => *number as i64,
        OwnedValue::Str(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    // 1xx answers are the server's own business.
    let number = u16::try_from(number).ok().filter(|number| (200..600).contains(number))?;
    StatusCode::from_u16(number).ok()
}

/// The reason is shown by HTTP/1 only, and only when it differs from the status's own. The one that the response came
/// with is for its own status: a script that sets only another status means that one's.
pub(super) fn set_reason(response: &mut Response<Body>, reason: &str) {
    if response.status().canonical_reason() == Some(reason) || reason == DEFAULT_REASON {
        return;
    }
    if let Ok(reason) = hyper::ext::ReasonPhrase::try_from(reason.as_bytes().to_vec()) {
        response.extensions_mut().insert(reason);
    }
}

fn set_header(response: &mut Response<Body>, name: &str, value: &OwnedValue, warn: &mut dyn FnMut(String)) {
    let text = match value {
        OwnedValue::Str(text) => text.clone(),
        OwnedValue::Bool(_) | OwnedValue::Int(_) | OwnedValue::Float(_) => show(value),
        other => {
            warn(format!("the response's `{name}` is {}, which is no header value; it is left out", kind(other)));
            return;
        }
    };
    let Ok(parsed) = HeaderName::try_from(name) else {
        warn(format!("`{}` is no header name; it is left out", name.escape_debug()));
        return;
    };
    // hyper frames the message; a script's own figures could only contradict it.
    if parsed == CONTENT_LENGTH || parsed == TRANSFER_ENCODING {
        return;
    }
    let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else {
        warn(format!("the value of header `{name}` has characters that no header may have; it is left out"));
        return;
    };
    // Names that differ in letter case only: the last one counts.
    response.headers_mut().insert(parsed, value);
}

/// Text form, as Python's `str` gives it.
fn show(value: &OwnedValue) -> String {
    match value {
        OwnedValue::None => "None".to_owned(),
        OwnedValue::Bool(true) => "True".to_owned(),
        OwnedValue::Bool(false) => "False".to_owned(),
        OwnedValue::Int(number) => number.to_string(),
        OwnedValue::Float(number) => number.to_string(),
        OwnedValue::Str(text) => text.clone(),
        other => kind(other).to_owned(),
    }
}

fn kind(value: &OwnedValue) -> &str {
    match value {
        OwnedValue::None => "None",
        OwnedValue::Bool(_) => "a bool",
        OwnedValue::Int(_) => "an int",
        OwnedValue::Float(_) => "a float",
        OwnedValue::Str(_) => "a str",
        OwnedValue::Bytes(_) => "bytes",
        OwnedValue::Op(_) => "an operator",
        OwnedValue::List(_) => "a list",
        OwnedValue::Dict(_) => "a dict",
        OwnedValue::Other(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(entries: &[(&str, OwnedValue)]) -> (Response<Body>, Vec<String>) {
        let mut warnings = Vec::new();
        let entries = entries.iter().map(|(name, value)| ((*name).to_owned().into(), value.clone())).collect();
        let response = from_value(OwnedValue::Dict(entries), &mut |warning| warnings.push(warning));
        (response, warnings)
    }

    fn str(text: &str) -> OwnedValue {
        OwnedValue::Str(text.to_owned())
    }

    #[test]
    fn text_without_a_type_is_html_and_bytes_have_none() {
        let (response, _) = made(&[("statusCode", OwnedValue::Int(200)), ("data", str("<p>"))]);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        let (response, _) = made(&[("data", OwnedValue::Bytes(vec![1]))]);
        assert!(!response.headers().contains_key(CONTENT_TYPE));
    }

    #[test]
    fn of_two_spellings_of_a_header_the_last_counts() {
        let (response, warnings) = made(&[("content-type", str("a/b")), ("Content-Type", str("c/d"))]);
        assert_eq!(response.headers()[CONTENT_TYPE], "c/d");
        assert!(warnings.is_empty());
    }

    #[test]
    fn junk_is_left_out_with_a_warning() {
        let (response, warnings) = made(&[
            ("headers", OwnedValue::Dict(vec![])),
            ("X-Evil", str("a\r\nSet-Cookie: b")),
            ("bad name", str("x")),
            ("Content-Length", OwnedValue::Int(5)),
            ("X-Count", OwnedValue::Int(3)),
        ]);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert_eq!(response.headers().len(), 1);
        assert_eq!(response.headers()["x-count"], "3");
    }

    #[test]
    fn a_graph_answers_in_plain_text_unless_it_says_what_it_is() {
        let header = |name: &str, text: &str| (Rc::from(name), Rc::from(text));
        let kind = |headers: &[(Rc<str>, Rc<str>)], body: Contents<'_>| {
            let response = of_graph(200, headers, body).unwrap();
            response.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned())
        };
        assert_eq!(kind(&[], Contents::Text("<b>")).as_deref(), Some("text/plain; charset=utf-8"));
        assert_eq!(kind(&[header("Content-Type", "text/html")], Contents::Text("<b>")).as_deref(), Some("text/html"));
        assert_eq!(kind(&[], Contents::Binary(&[0])), None);
        let cookies = [header("Set-Cookie", "a=1"), header("set-cookie", "b=2"), header("Content-Length", "9")];
        let response = of_graph(204, &cookies, Contents::Text("")).unwrap();
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert!(!response.headers().contains_key(CONTENT_LENGTH));
    }

    #[test]
    fn what_a_graph_cannot_answer_is_said() {
        let made = |status, name: &str, text: &str| {
            of_graph(status, &[(Rc::from(name), Rc::from(text))], Contents::Text("")).map(drop).unwrap_err()
        };
        assert_eq!(made(99, "a", "b"), "99 is no HTTP status");
        assert_eq!(made(200, "bad name", "b"), "`bad name` is no header name");
        let control = "the value of header `X-Evil` has characters that no header may have";
        assert_eq!(made(200, "X-Evil", "a\r\nSet-Cookie: b"), control);
    }

    #[test]
    fn a_status_that_is_none_becomes_500() {
        for bad in [OwnedValue::Int(99), OwnedValue::Int(101), OwnedValue::Int(1000), str("teapot"), OwnedValue::None] {
            let (response, warnings) = made(&[("statusCode", bad)]);
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(warnings.len(), 1);
        }
        assert_eq!(made(&[("statusCode", str("204"))]).0.status(), StatusCode::NO_CONTENT);
    }
}
