//! Which bytes of a file a client wants (`Range`, RFC 9110 §14).

use std::ops::Range;

use http::HeaderMap;
use http::header::RANGE;

/// Ranges that are taken in one request; with more, the whole file is sent, as §14.2 allows against abuse.
const MAX_RANGES: usize = 16;

/// What is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ranges {
    /// Everything: there is no `Range`, or one that is not understood, which §14.2 tells to ignore.
    Whole,
    /// None of the ranges lies in the file.
    Unsatisfiable,
    /// These bytes, in the order asked for, the end not included; never empty, none empty, none overlapping.
    Parts(Vec<Range<u64>>),
}

impl Ranges {
    /// Reads the request's `Range` for a file of `size` bytes. An empty file is sent whole, because no range of it
    /// could be named in the answer.
    pub(super) fn of(headers: &HeaderMap, size: u64) -> Self {
        let mut fields = headers.get_all(RANGE).iter();
        let (Some(field), None) = (fields.next(), fields.next()) else { return Ranges::Whole };
        let parts = match field.to_str().ok().and_then(|field| parse(field, size)) {
            Some(parts) if size > 0 => parts,
            _ => return Ranges::Whole,
        };
        if parts.is_empty() { Ranges::Unsatisfiable } else { Ranges::Parts(merge(parts)) }
    }
}

/// The satisfiable ranges; `None` if the field is malformed, of another unit, or too long.
fn parse(field: &str, size: u64) -> Option<Vec<Range<u64>>> {
    let (unit, list) = field.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut count = 0;
    let mut parts = Vec::new();
    for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        count += 1;
        let (first, last) = item.split_once('-')?;
        let part = match (first, last) {
            ("", suffix) => size.saturating_sub(number(suffix)?)..size,
            (first, "") => number(first)?..size,
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                first..last.saturating_add(1).min(size)
            }
        };
        if part.start < part.end {
            parts.push(part);
        }
    }
    (1..=MAX_RANGES).contains(&count).then_some(parts)
}

/// A number of any length; what no file can have counts as the largest.
fn number(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Joins ranges that overlap or touch into the earliest of them, so that no byte is sent twice.
fn merge(parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(parts.len());
    for mut part in parts {
        let mut place = merged.len();
        let mut index = 0;
        while index < merged.len() {
            let other = &merged[index];
            if other.start <= part.end && part.start <= other.end {
                part = part.start.min(other.start)..part.end.max(other.end);
                place = place.min(index);
                merged.remove(index);
            } else {
                index += 1;
            }
        }
        merged.insert(place.min(merged.len()), part);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(field: &str, size: u64) -> Ranges {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, field.parse().unwrap());
        Ranges::of(&headers, size)
    }

    /// Start and end of each part.
    fn parts(field: &str, size: u64) -> Vec<(u64, u64)> {
        match ranges(field, size) {
            Ranges::Parts(parts) => parts.into_iter().map(|part| (part.start, part.end)).collect(),
            other => panic!("{field}: {other:?}"),
        }
    }

    #[test]
    fn single_ranges() {
        assert_eq!(parts("bytes=0-0", 100), [(0, 1)]);
        assert_eq!(parts("bytes=10-19", 100), [(10, 20)]);
        assert_eq!(parts("bytes=90-", 100), [(90, 100)]);
        assert_eq!(parts("bytes=90-999", 100), [(90, 100)]);
        assert_eq!(parts("bytes=-10", 100), [(90, 100)]);
        assert_eq!(parts("bytes=-999", 100), [(0, 100)]);
        assert_eq!(parts("Bytes= 5-6 , ,", 100), [(5, 7)]);
        assert_eq!(parts("bytes=0-99999999999999999999999", 100), [(0, 100)]);
        assert_eq!(parts("bytes=0-18446744073709551615", 100), [(0, 100)]);
    }

    #[test]
    fn several_ranges_keep_their_order() {
        assert_eq!(parts("bytes=50-59,0-9,-5", 100), [(50, 60), (0, 10), (95, 100)]);
        assert_eq!(parts("bytes=0-1,200-", 100), [(0, 2)]);
    }

    #[test]
    fn overlapping_and_touching_ranges_are_joined() {
        assert_eq!(parts("bytes=0-9,10-19", 100), [(0, 20)]);
        assert_eq!(parts("bytes=0-9,5-50,90-", 100), [(0, 51), (90, 100)]);
        assert_eq!(parts("bytes=40-49,0-9,20-29,5-45", 100), [(0, 50)]);
        assert_eq!(parts("bytes=60-69,0-9,80-89,5-65", 100), [(0, 70), (80, 90)]);
        assert_eq!(parts("bytes=0-,0-,0-,0-", 100), [(0, 100)]);
    }

    #[test]
    fn ranges_beyond_the_end_cannot_be_satisfied() {
        for field in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=100-,200-,-0"] {
            assert_eq!(ranges(field, 100), Ranges::Unsatisfiable, "{field}");
        }
    }

    #[test]
    fn what_is_not_understood_is_ignored() {
        for field in [
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-4",
            "bytes=0-1,5-4",
            "bytes=+1-2",
            "bytes=1",
            "bytes=--1",
            "bytes=0x1-2",
            "lines=0-1",
            "bytes 0-1",
            "bytes=1 - 2",
        ] {
            assert_eq!(ranges(field, 100), Ranges::Whole, "{field}");
        }
        let many = format!("bytes={}", vec!["0-0"; MAX_RANGES + 1].join(","));
        assert_eq!(ranges(&many, 100), Ranges::Whole);
        assert_eq!(ranges("bytes=0-", 0), Ranges::Whole);
        assert_eq!(Ranges::of(&HeaderMap::new(), 100), Ranges::Whole);
    }

    #[test]
    fn repeated_fields_are_ignored() {
        let mut headers = HeaderMap::new();
        headers.append(RANGE, "bytes=0-1".parse().unwrap());
        headers.append(RANGE, "bytes=3-4".parse().unwrap());
        assert_eq!(Ranges::of(&headers, 100), Ranges::Whole);
    }
}
