//! Whether a client already has the file it asks for (conditional requests, RFC 9110 §13).
//!
//! A file is told from its earlier states by its size and the time of its last change, to the nanosecond where the
//! file system keeps it. That makes a strong entity tag, which `If-Range` needs for resuming a download.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, HeaderValue};

use super::encoding::Encoding;

/// What tells one state of a file from another. A file without a time of change has neither tag nor date.
pub(super) struct Validators {
    etag: Option<String>,
    /// Whole seconds since 1970, and not later than now, as §8.8.2.1 demands.
    modified: Option<u64>,
}

/// What the conditions say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send it.
    Send,
    /// The client has it: 304.
    NotModified,
    /// The client wanted another state: 412.
    Failed,
}

impl Validators {
    pub(super) fn new(size: u64, modified: Option<SystemTime>, encoding: Option<Encoding>, now: SystemTime) -> Self {
        let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let form = encoding.map_or("", Encoding::suffix).replace('.', "-");
        let etag = modified.map(|time| format!("\"{size:x}-{:x}.{:x}{form}\"", time.as_secs(), time.subsec_nanos()));
        let modified = modified.map(|time| time.as_secs().min(seconds(now)));
        Validators { etag, modified }
    }

    pub(super) fn etag(&self) -> Option<HeaderValue> {
        self.etag.clone().map(super::text)
    }

    pub(super) fn last_modified(&self) -> Option<HeaderValue> {
        let time = UNIX_EPOCH.checked_add(Duration::from_secs(self.modified?))?;
        Some(super::text(httpdate::fmt_http_date(time)))
    }

    /// Goes through the conditions in the order of §13.2.2.
    pub(super) fn evaluate(&self, headers: &HeaderMap) -> Verdict {
        if headers.contains_key(IF_MATCH) {
            if !self.matches(headers, IF_MATCH, Comparison::Strong) {
                return Verdict::Failed;
            }
        } else if let (Some(limit), Some(modified)) = (date(headers, IF_UNMODIFIED_SINCE), self.modified)
            && modified > limit
        {
            return Verdict::Failed;
        }
        if headers.contains_key(IF_NONE_MATCH) {
            if self.matches(headers, IF_NONE_MATCH, Comparison::Weak) {
                return Verdict::NotModified;
            }
        } else if let (Some(known), Some(modified)) = (date(headers, IF_MODIFIED_SINCE), self.modified)
            && modified <= known
        {
            return Verdict::NotModified;
        }
        Verdict::Send
    }

    /// Whether a `Range` may be honoured: there is no `If-Range`, or it names exactly this state (§13.1.5). A date
    /// does so only when the file has been left alone for a second, because a date cannot tell two changes within one.
    pub(super) fn allow_range(&self, headers: &HeaderMap, now: SystemTime) -> bool {
        let Some(condition) = headers.get(IF_RANGE) else { return true };
        let Ok(condition) = condition.to_str() else { return false };
        if condition.contains('"') {
            return self.etag.as_deref() == Some(condition.trim());
        }
        match (httpdate::parse_http_date(condition), self.modified) {
            (Ok(date), Some(modified)) => seconds(date) == modified && modified < seconds(now),
            _ => false,
        }
    }

    fn matches(&self, headers: &HeaderMap, name: HeaderName, comparison: Comparison) -> bool {
        let fields = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        fields.flat_map(tags).any(|tag| match (tag, comparison) {
            (Tag::Any, _) => true,
            (Tag::Strong(tag), _) | (Tag::Weak(tag), Comparison::Weak) => self.etag.as_deref() == Some(tag),
            (Tag::Weak(_), Comparison::Strong) => false,
        })
    }
}

/// How entity tags are compared (§8.8.3.2).
#[derive(Clone, Copy)]
enum Comparison {
    Strong,
    Weak,
}

/// An entity tag of a condition, its quotes included.
#[derive(Debug, PartialEq, Eq)]
enum Tag<'a> {
    Any,
    Strong(&'a str),
    Weak(&'a str),
}

/// The tags of a field, up to the first that is malformed. A comma may stand inside the quotes.
fn tags(field: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = field;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if let Some(after) = rest.strip_prefix('*') {
            rest = after;
            return Some(Tag::Any);
        }
        let (weak, quoted) = match rest.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let end = quoted.strip_prefix('"')?.find('"')? + 2;
        let (tag, after) = quoted.split_at(end);
        rest = after;
        Some(if weak { Tag::Weak(tag) } else { Tag::Strong(tag) })
    })
}

/// The date of a field in seconds since 1970; none that cannot be read (§13.1.3 tells to ignore it).
fn date(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    let date = httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()?;
    Some(seconds(date))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"64-3b9aca00.0\"";
    const AT: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
    const BEFORE: &str = "Sun, 09 Sep 2001 01:46:39 GMT";
    const AFTER: &str = "Sun, 09 Sep 2001 01:46:41 GMT";

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn file() -> Validators {
        Validators::new(100, Some(at(1_000_000_000)), None, at(2_000_000_000))
    }

    fn verdict(fields: &[(HeaderName, &str)]) -> Verdict {
        file().evaluate(&headers(fields))
    }

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_file_has_a_tag_and_a_date() {
        assert_eq!(file().etag().unwrap(), TAG);
        assert_eq!(file().last_modified().unwrap(), AT);
    }

    #[test]
    fn states_and_forms_have_different_tags() {
        let now = at(2_000_000_000);
        let time = at(1_000_000_000);
        let all = [
            Validators::new(100, Some(time), None, now),
            Validators::new(101, Some(time), None, now),
            Validators::new(100, Some(time + Duration::from_nanos(1)), None, now),
            Validators::new(100, Some(time), Some(Encoding::Brotli), now),
            Validators::new(100, Some(time), Some(Encoding::Gzip), now),
        ];
        let tags: std::collections::HashSet<_> = all.iter().map(|file| file.etag().unwrap()).collect();
        assert_eq!(tags.len(), all.len());
    }

    #[test]
    fn a_date_in_the_future_is_not_told() {
        let file = Validators::new(100, Some(at(3_000_000_000)), None, at(1_000_000_000));
        assert_eq!(file.last_modified().unwrap(), AT);
        let before_1970 = Validators::new(100, Some(UNIX_EPOCH - Duration::from_secs(1)), None, at(1_000_000_000));
        assert!(before_1970.etag().is_none() && before_1970.last_modified().is_none());
    }

    #[test]
    fn none_match_compares_weakly() {
        let weak = format!("W/{TAG}");
        let listed = format!("\"a,b\", W/\"c\" , {TAG}");
        for value in [TAG, weak.as_str(), listed.as_str(), "*"] {
            assert_eq!(verdict(&[(IF_NONE_MATCH, value)]), Verdict::NotModified, "{value}");
        }
        for value in ["\"other\"", "64-3b9aca00.0", "", "\"open"] {
            assert_eq!(verdict(&[(IF_NONE_MATCH, value)]), Verdict::Send, "{value}");
        }
    }

    #[test]
    fn a_tag_overrides_a_date() {
        assert_eq!(verdict(&[(IF_NONE_MATCH, "\"other\""), (IF_MODIFIED_SINCE, AT)]), Verdict::Send);
        assert_eq!(verdict(&[(IF_MATCH, TAG), (IF_UNMODIFIED_SINCE, BEFORE)]), Verdict::Send);
    }

    #[test]
    fn dates_count_whole_seconds() {
        assert_eq!(verdict(&[(IF_MODIFIED_SINCE, BEFORE)]), Verdict::Send);
        assert_eq!(verdict(&[(IF_MODIFIED_SINCE, AT)]), Verdict::NotModified);
        assert_eq!(verdict(&[(IF_MODIFIED_SINCE, AFTER)]), Verdict::NotModified);
        assert_eq!(verdict(&[(IF_MODIFIED_SINCE, "yesterday")]), Verdict::Send);
        assert_eq!(verdict(&[(IF_UNMODIFIED_SINCE, BEFORE)]), Verdict::Failed);
        assert_eq!(verdict(&[(IF_UNMODIFIED_SINCE, AT)]), Verdict::Send);
    }

    #[test]
    fn match_compares_strongly() {
        let weak = format!("W/{TAG}");
        assert_eq!(verdict(&[(IF_MATCH, TAG)]), Verdict::Send);
        assert_eq!(verdict(&[(IF_MATCH, "*")]), Verdict::Send);
        assert_eq!(verdict(&[(IF_MATCH, &weak)]), Verdict::Failed);
        assert_eq!(verdict(&[(IF_MATCH, "\"other\"")]), Verdict::Failed);
    }

    #[test]
    fn if_range_names_exactly_this_state() {
        let weak = format!("W/{TAG}");
        let now = at(2_000_000_000);
        let allowed = |value| file().allow_range(&headers(&[(IF_RANGE, value)]), now);
        assert!(file().allow_range(&HeaderMap::new(), now));
        assert!(allowed(TAG));
        assert!(allowed(AT));
        for value in [weak.as_str(), "\"other\"", BEFORE, AFTER, "yesterday"] {
            assert!(!allowed(value), "{value}");
        }
        // Changed this very second: it may change again without the date telling.
        assert!(!file().allow_range(&headers(&[(IF_RANGE, AT)]), at(1_000_000_000)));
    }
}
