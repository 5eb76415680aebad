//! HTTP as a recording has it: requests and answers without their secrets, and requests made of what was recorded.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION, SET_COOKIE};
use http::request::Parts;
use patchcord_net::body::Body;
use patchcord_net::server::Request;

use crate::recording::{self, Content, Headers};

/// Bytes of a request's body that are recorded. What had more cannot be replayed.
const REQUEST_BODY: usize = 4 << 20;
/// Bytes of an answer's body that are recorded.
const RESPONSE_BODY: usize = 64 << 10;

/// Headers whose values let somebody in.
const SECRETS: [HeaderName; 4] = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE];

/// What stands in the place of such a value.
const HIDDEN: &str = "(not recorded)";

/// A request as it is recorded.
pub(super) fn of_request<'a>(request: &Request<'a>) -> Content<'a> {
    let target = request.parts.uri.path_and_query().map_or("/", |target| target.as_str());
    Content::Request(recording::Request {
        method: request.parts.method.as_str().into(),
        uri: target.into(),
        server: request.server_address.into(),
        headers: headers(&request.parts.headers),
        body: recording::Body::new(request.body, REQUEST_BODY),
    })
}

/// An answer as it is recorded.
pub(super) fn of_response(response: &http::Response<Body>) -> Content<'_> {
    Content::Response(recording::Response {
        status: response.status().as_u16(),
        headers: headers(response.headers()),
        body: recording::Body::new(response.body().as_bytes().unwrap_or_default(), RESPONSE_BODY),
    })
}

/// Bytes beyond ASCII are recorded as Latin-1, unless they are UTF-8.
fn headers(headers: &HeaderMap) -> Headers {
    let value = |name: &HeaderName, value: &[u8]| match std::str::from_utf8(value) {
        _ if SECRETS.contains(name) => HIDDEN.to_owned(),
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().map(|&byte| char::from(byte)).collect(),
    };
    headers.iter().map(|(name, bytes)| (name.as_str().to_owned(), value(name, bytes.as_bytes()))).collect()
}

/// A recorded request without its body; `None` when it is none that could have come.
pub(super) fn to_parts(request: &recording::Request<'_>) -> Option<Parts> {
    let builder = http::Request::builder().method(&*request.method).uri(&*request.uri);
    let builder = request.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value.as_bytes()));
    builder.body(()).ok().map(|request| request.into_parts().0)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn recorded(request: http::request::Builder, body: Vec<u8>) -> recording::Request<'static> {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let body = Bytes::from(body);
        let request = Request { parts: &parts, body: &body, client_address: "c", server_address: "s" };
        let Content::Request(content) = of_request(&request) else { panic!("no request") };
        recording::Request {
            method: content.method.into_owned().into(),
            uri: content.uri.into_owned().into(),
            server: content.server.into_owned().into(),
            headers: content.headers,
            body: recording::Body { bytes: content.body.bytes.into_owned().into(), size: content.body.size },
        }
    }

    #[test]
    fn a_request_comes_back_without_what_lets_somebody_in() {
        let request = http::Request::post("/cue%20a?x=1&y")
            .header("Authorization", "Basic c2VjcmV0")
            .header("cookie", "session=secret")
            .header("Proxy-Authorization", "secret")
            .header("x-name", "Zoë")
            .header("x-two", "1")
            .header("x-two", "2");
        let recorded = recorded(request, b"go".to_vec());
        assert!(!format!("{recorded:?}").to_lowercase().contains("secret") && !format!("{recorded:?}").contains("c2V"));
        let parts = to_parts(&recorded).unwrap();
        assert_eq!((parts.method.as_str(), parts.uri.to_string()), ("POST", "/cue%20a?x=1&y".to_owned()));
        assert_eq!(parts.headers["authorization"], HIDDEN);
        assert_eq!(parts.headers["x-name"], "Zoë".as_bytes());
        assert_eq!(parts.headers.get_all("x-two").iter().count(), 2);
        assert_eq!((&*recorded.body.bytes, recorded.body.is_whole()), (&b"go"[..], true));
    }

    #[test]
    fn of_long_bodies_the_beginning_is_recorded() {
        let recorded = recorded(http::Request::put("/"), vec![7; REQUEST_BODY + 1]);
        assert_eq!((recorded.body.bytes.len(), recorded.body.size), (REQUEST_BODY, REQUEST_BODY as u64 + 1));
        let response = http::Response::new(Body::full(vec![7; RESPONSE_BODY + 1]));
        let Content::Response(response) = of_response(&response) else { panic!("no response") };
        assert_eq!((response.body.bytes.len(), response.body.is_whole()), (RESPONSE_BODY, false));
    }

    #[test]
    fn an_answers_cookies_are_not_recorded() {
        let response = http::Response::builder().header("Set-Cookie", "secret").body(Body::empty()).unwrap();
        let Content::Response(response) = of_response(&response) else { panic!("no response") };
        assert_eq!(response.headers, [("set-cookie".to_owned(), HIDDEN.to_owned())]);
    }

    #[test]
    fn what_is_no_request_is_none() {
        let request = |method: &'static str, uri: &'static str, header: (&str, &str)| {
            to_parts(&recording::Request {
                method: method.into(),
                uri: uri.into(),
                server: "".into(),
                headers: vec![(header.0.to_owned(), header.1.to_owned())],
                body: recording::Body::new(b"", 0),
            })
            .is_some()
        };
        assert!(request("GET", "/", ("a", "b")));
        assert!(!request("G E T", "/", ("a", "b")));
        assert!(!request("GET", "/ /", ("a", "b")));
        assert!(!request("GET", "/", ("a\n", "b")));
        assert!(!request("GET", "/", ("a", "b\nc")));
    }
}
