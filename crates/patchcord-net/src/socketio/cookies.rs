//! Cookies of one session, as load balancers set them to keep a client at one server (RFC 6265, reduced to what concerns
//! one host and one path: names, values, and when they end).

use std::time::SystemTime;

/// Most cookies that are kept, and most bytes of one.
const MOST: usize = 32;
const LONGEST: usize = 4096;

/// The cookies of a session.
#[derive(Debug, Default)]
pub(super) struct Cookies {
    /// Names and values, in the order in which they came.
    pairs: Vec<(String, String)>,
}

impl Cookies {
    /// Those that a `Cookie` header has.
    pub(super) fn from_header(header: &str) -> Self {
        let pairs = header.split(';').map(str::trim).filter(|pair| !pair.is_empty());
        let split = |pair: &str| match pair.split_once('=') {
            Some((name, value)) => (name.trim().to_owned(), value.trim().to_owned()),
            None => (pair.to_owned(), String::new()),
        };
        Cookies { pairs: pairs.map(split).collect() }
    }

    /// A server's `Set-Cookie` header. One that is too much, or makes no sense, is left out.
    pub(super) fn set(&mut self, header: &str, now: SystemTime) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || name.len() + value.len() > LONGEST || header.chars().any(char::is_control) {
            return;
        }
        let attributes: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
        let attribute = |wanted: &str| {
            let found = attributes.iter().rev().find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.trim())
        };
        // Max-Age goes before Expires (RFC 6265 §5.3, step 3).
        let has_ended = match attribute("max-age").and_then(|seconds| seconds.parse::<i64>().ok()) {
            Some(seconds) => seconds <= 0,
            None => {
                attribute("expires").and_then(|date| httpdate::parse_http_date(date).ok()).is_some_and(|end| end <= now)
            }
        };
        let known = self.pairs.iter().position(|(known, _)| known == name);
        match (known, has_ended) {
            (Some(place), true) => drop(self.pairs.remove(place)),
            (Some(place), false) => value.clone_into(&mut self.pairs[place].1),
            (None, true) => {}
            (None, false) if self.pairs.len() < MOST => self.pairs.push((name.to_owned(), value.to_owned())),
            (None, false) => {}
        }
    }

    /// The value of the `Cookie` header; `None` without cookies.
    pub(super) fn header(&self) -> Option<String> {
        let pairs: Vec<String> = self.pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// 2026-01-01.
    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_767_225_600)
    }

    fn after(first: &str, headers: &[&str]) -> Option<String> {
        let mut cookies = Cookies::from_header(first);
        headers.iter().for_each(|header| cookies.set(header, now()));
        cookies.header()
    }

    #[test]
    fn what_the_server_sets_is_sent_back() {
        assert_eq!(after("", &[]), None);
        assert_eq!(after("", &["io=a1; Path=/; HttpOnly; SameSite=Strict"]).as_deref(), Some("io=a1"));
        assert_eq!(after("mine=1;b", &["io = a=1 ; Max-Age=60", "io=2"]).as_deref(), Some("mine=1; b=; io=2"));
    }

    #[test]
    fn what_has_ended_goes() {
        assert_eq!(after("io=1", &["io=; Max-Age=0"]), None);
        assert_eq!(after("io=1", &["io=; expires=Thu, 01 Jan 1970 00:00:00 GMT"]), None);
        assert_eq!(after("", &["a=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT"]).as_deref(), Some("a=1"));
        assert_eq!(after("", &["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=5"]).as_deref(), Some("a=1"));
    }

    #[test]
    fn what_makes_no_sense_or_is_too_much_is_left_out() {
        let long = format!("a={}", "x".repeat(LONGEST));
        assert_eq!(after("", &["", "=x", "novalue", "a=b\r\nX: y", &long]), None);
        let mut cookies = Cookies::default();
        (0..100).for_each(|number| cookies.set(&format!("c{number}=1"), now()));
        assert_eq!(cookies.pairs.len(), MOST);
    }
}
