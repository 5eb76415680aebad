//! The head of a request: the rules that hyper leaves to its user.

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use hyper::body::Incoming;

use super::Limits;

/// What hyper leaves to its user: `Host`, target size, announced body size.
pub(super) fn check_head(request: &http::Request<Incoming>, limits: &Limits) -> Result<(), (StatusCode, &'static str)> {
    if request.version() == Version::HTTP_11 {
        let mut hosts = request.headers().get_all(HOST).iter();
        match (hosts.next(), hosts.next()) {
            (Some(host), None) if is_host(host.as_bytes()) => {}
            (Some(_), None) => return Err((StatusCode::BAD_REQUEST, "the Host header names no host")),
            (None, _) => return Err((StatusCode::BAD_REQUEST, "the Host header is missing")),
            (Some(_), Some(_)) => return Err((StatusCode::BAD_REQUEST, "there is more than one Host header")),
        }
    }
    if request.method() == Method::CONNECT {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "this server is no proxy"));
    }
    let path = request.uri().path();
    let is_path = path.starts_with('/') || (path == "*" && request.method() == Method::OPTIONS);
    if !is_path {
        return Err((StatusCode::BAD_REQUEST, "the request target is no path"));
    }
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > limits.target {
        return Err((StatusCode::URI_TOO_LONG, "the request target is too long"));
    }
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.body as u64) {
        return Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"));
    }
    Ok(())
}

/// Whether a `Host` could be one: `host[:port]`, possibly empty, without user, path or spaces (RFC 9112 §3.2).
fn is_host(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_~:[]%!$&'()*+,;=".contains(byte))
}

/// HTTP/2 says in its target what HTTP/1 says in `Host`; handlers find it in one place.
pub(super) fn name_host(parts: &mut Parts) {
    if parts.headers.contains_key(HOST) {
        return;
    }
    let authority = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(authority) = authority {
        parts.headers.insert(HOST, authority);
    }
}

pub(super) fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

pub(super) fn header_bytes(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}
