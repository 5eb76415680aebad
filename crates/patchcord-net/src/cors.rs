//! Which pages of other origins may use the server (CORS, as the Fetch standard defines it).
//!
//! [`Cors`] holds the origins that the patch allows. It answers preflight requests itself, so that no callback sees
//! them, and adds the permission to every other answer unless the script has set one. It promises that caches cannot
//! mix up the answers for two origins (`Vary`), and that `*` is never combined with credentials, which browsers
//! refuse anyway.
//!
//! CORS only tells browsers what their pages may read. It keeps nobody else out: authentication is left to the
//! server, and the origins of WebSockets, to which browsers do not apply CORS, to its `origins` list.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::body::Body;

/// Methods that a preflight answer allows: all that a callback can be asked with.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// Seconds for which a browser may remember a preflight answer; short, because patches change while they run.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

const ANY: HeaderValue = HeaderValue::from_static("*");

/// The origins whose pages may read answers. Without any, both methods do nothing and scripts set their own headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors {
    /// `*` for every origin, or origins as a browser's address bar begins, `https://example.org:8443`. Letter case
    /// and a slash at the end do not matter.
    pub origins: Vec<String>,
}

impl Cors {
    /// The answer to a preflight request (`OPTIONS` with `Origin` and `Access-Control-Request-Method`), or `None` for
    /// any other request.
    ///
    /// An origin that is not allowed gets the same 204 without permissions, which makes the browser refuse. Requested
    /// header names are allowed as asked.
    pub fn preflight(&self, request: &Parts) -> Option<Response<Body>> {
        let asks = request.method == Method::OPTIONS && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let origin = request.headers.get(ORIGIN).filter(|_| asks && !self.origins.is_empty())?;

        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(
            VARY,
            HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        );
        if let Some(allowed) = self.allowed(origin) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
            for names in request.headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.append(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
            }
        }
        Some(response)
    }

    /// Adds the permission to an answer, unless the script gave one. Where the answer ends up with `*`, a permission
    /// for credentials is taken out.
    pub fn apply(&self, request: &HeaderMap, response: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        if !response.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            if !self.allows_all() {
                // Also without permission: a cache must not hand this answer to an origin that would get one.
                vary_by_origin(response);
            }
            if let Some(allowed) = request.get(ORIGIN).and_then(|origin| self.allowed(origin)) {
                response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            }
        }
        if response.get(ACCESS_CONTROL_ALLOW_ORIGIN) == Some(&ANY) {
            response.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
        }
    }

    /// The value to allow an origin with.
    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.allows_all() {
            return Some(ANY);
        }
        let text = origin.to_str().ok()?;
        self.origins.iter().any(|listed| same_origin(listed, text)).then(|| origin.clone())
    }

    fn allows_all(&self) -> bool {
        self.origins.iter().any(|listed| listed.trim() == "*")
    }
}

fn same_origin(listed: &str, origin: &str) -> bool {
    listed.trim().trim_end_matches('/').eq_ignore_ascii_case(origin)
}

fn vary_by_origin(response: &mut HeaderMap) {
    let covered = response
        .get_all(VARY)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|name| name == "*" || name.eq_ignore_ascii_case("origin"));
    if !covered {
        response.append(VARY, HeaderValue::from_static("Origin"));
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn cors(origins: &[&str]) -> Cors {
        Cors { origins: origins.iter().map(|&origin| origin.to_owned()).collect() }
    }

    fn request(method: Method, headers: &[(&'static str, &str)]) -> Parts {
        let mut request = Request::new(());
        *request.method_mut() = method;
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        request.into_parts().0
    }

    fn ask(origin: &str) -> Parts {
        request(
            Method::OPTIONS,
            &[
                ("origin", origin),
                ("access-control-request-method", "PUT"),
                ("access-control-request-headers", "content-type, x-show"),
            ],
        )
    }

    fn applied(cors: &Cors, origin: Option<&str>, set: &[(&'static str, &'static str)]) -> HeaderMap {
        let origin = origin.map(|origin| ("origin", origin));
        let request = request(Method::GET, origin.as_slice());
        let mut headers = HeaderMap::new();
        for (name, value) in set {
            headers.append(*name, HeaderValue::from_static(value));
        }
        cors.apply(&request.headers, &mut headers);
        headers
    }

    #[test]
    fn a_preflight_of_an_allowed_origin_is_answered() {
        let response = cors(&["https://Show.example/"]).preflight(&ask("https://show.example")).unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let headers = response.headers();
        assert_eq!(headers["access-control-allow-origin"], "https://show.example");
        assert_eq!(headers["access-control-allow-methods"], METHODS);
        assert_eq!(headers["access-control-allow-headers"], "content-type, x-show");
        assert_eq!(headers["access-control-max-age"], "600");
        assert_eq!(headers["vary"], "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
        assert!(response.body().is_empty());
    }

    #[test]
    fn a_preflight_of_another_origin_is_answered_without_permission() {
        for origin in ["https://evil.example", "http://show.example", "https://show.example.evil.example", "null"] {
            let response = cors(&["https://show.example"]).preflight(&ask(origin)).unwrap();
            assert_eq!(response.status(), StatusCode::NO_CONTENT);
            assert_eq!(response.headers().len(), 1, "{origin}: {:?}", response.headers());
            assert!(response.headers().contains_key("vary"));
        }
    }

    #[test]
    fn other_requests_are_no_preflight() {
        let cors = cors(&["*"]);
        assert!(cors.preflight(&request(Method::OPTIONS, &[("origin", "https://a.example")])).is_none());
        assert!(cors.preflight(&request(Method::OPTIONS, &[("access-control-request-method", "PUT")])).is_none());
        let get = [("origin", "https://a.example"), ("access-control-request-method", "PUT")];
        assert!(cors.preflight(&request(Method::GET, &get)).is_none());
    }

    #[test]
    fn without_origins_scripts_are_on_their_own() {
        let off = Cors::default();
        assert!(off.preflight(&ask("https://a.example")).is_none());
        let set = [("access-control-allow-origin", "*"), ("access-control-allow-credentials", "true")];
        assert_eq!(applied(&off, Some("https://a.example"), &set).len(), 2);
    }

    #[test]
    fn exact_origins_are_echoed_and_vary() {
        let cors = cors(&["https://a.example", "http://b.example:8080"]);
        let headers = applied(&cors, Some("http://b.example:8080"), &[]);
        assert_eq!(headers["access-control-allow-origin"], "http://b.example:8080");
        assert_eq!(headers["vary"], "Origin");
        for stranger in [Some("https://c.example"), None] {
            let headers = applied(&cors, stranger, &[]);
            assert!(!headers.contains_key("access-control-allow-origin"));
            assert_eq!(headers["vary"], "Origin");
        }
    }

    #[test]
    fn vary_is_added_once_and_beside_others() {
        let cors = cors(&["https://a.example"]);
        let headers = applied(&cors, None, &[("vary", "Accept-Encoding")]);
        assert_eq!(headers.get_all("vary").iter().collect::<Vec<_>>(), ["Accept-Encoding", "Origin"]);
        for covered in ["accept, ORIGIN", "*"] {
            assert_eq!(applied(&cors, None, &[("vary", covered)]).get_all("vary").iter().count(), 1);
        }
    }

    #[test]
    fn any_origin_goes_without_vary_and_without_credentials() {
        let headers =
            applied(&cors(&["*"]), Some("https://a.example"), &[("access-control-allow-credentials", "true")]);
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn a_script_that_sets_its_own_permission_keeps_it() {
        let cors = cors(&["https://a.example"]);
        let own = [("access-control-allow-origin", "https://b.example"), ("access-control-allow-credentials", "true")];
        let headers = applied(&cors, Some("https://a.example"), &own);
        assert_eq!(headers["access-control-allow-origin"], "https://b.example");
        assert_eq!(headers.len(), 2);
        let unsafe_pair = [("access-control-allow-origin", "*"), ("access-control-allow-credentials", "true")];
        assert!(!applied(&cors, None, &unsafe_pair).contains_key("access-control-allow-credentials"));
    }
}
