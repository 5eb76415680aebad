//! The helpers of TouchDesigner's `tdu` module that compute on plain numbers and texts.
//!
//! Callback scripts reach them through Python; operators use them to name what they create. Nothing here knows an
//! operator, a file or the time, and every function gives the same answer for the same arguments.
//!
//! `tdu.match` and `tdu.expand` are in [`crate::pattern`]; what needs a project (`expandPath`, `Dependency`, `FileInfo`)
//! is left to the Python side, as is turning split words into Python literals.
//!
//! Source: the vendor's page of the TDU class. Where it is silent the choice is ours and the function says so.

/// `value`, or the bound that it passes. When the bounds are crossed, `low` wins below itself, then `high`.
pub fn clamp<T: PartialOrd>(value: T, low: T, high: T) -> T {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// Carries `value` from one range over to another in proportion; values outside the first range land outside the
/// second. An empty first range gives `to_min` (the source does not say).
pub fn remap(value: f64, from_min: f64, from_max: f64, to_min: f64, to_max: f64) -> f64 {
    if from_min == from_max {
        return to_min;
    }
    to_min + (value - from_min) * (to_max - to_min) / (from_max - from_min)
}

/// What [`rand`] starts from: anything that is not a number counts by its text, an operator by its path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Seed<'a> {
    /// A number; whole and real numbers of one value are one seed.
    Number(f64),
    /// A text.
    Text(&'a str),
}

/// A value from 0 up to but not including 1 that depends on the seed alone.
///
/// The values are ours: the same on every machine and in every version of this program, but not TouchDesigner's.
pub fn rand(seed: Seed<'_>) -> f64 {
    let start = match seed {
        // Adding zero makes the negative zero a plain one.
        Seed::Number(number) if number.is_nan() => f64::NAN.to_bits(),
        Seed::Number(number) => (number + 0.0).to_bits(),
        Seed::Text(text) => fnv1a(text.as_bytes()),
    };
    (scatter(start) >> 11) as f64 / (1u64 << 53) as f64
}

/// The part of a name before any digit, after the last slash: `arm123/leg456` is `leg`.
pub fn base(name: &str) -> &str {
    let name = after_slash(name);
    &name[..name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len())]
}

/// The last group of digits after the last slash: 456 for `arm123/456leg`, `None` where there is no digit.
/// A group too long for 64 bits gives the largest number there is.
pub fn digits(name: &str) -> Option<u64> {
    let name = after_slash(name);
    let end = name.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = name[..end].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + next_char_length(&name[at..]));
    Some(name[start..end].parse().unwrap_or(u64::MAX))
}

/// The name with every character that is not an ASCII letter, a digit or `_` turned into `_`.
///
/// A name may start with a digit (the source's own example has `456leg`). An empty name becomes `_`.
pub fn valid_name(name: &str) -> String {
    if name.is_empty() {
        return "_".to_owned();
    }
    name.chars().map(|c| if is_name_char(c) { c } else { '_' }).collect()
}

/// As [`valid_name`], but slashes stay, and an empty path stays empty.
pub fn valid_path(path: &str) -> String {
    path.chars().map(|c| if is_name_char(c) || c == '/' { c } else { '_' }).collect()
}

/// Whether `name` can be an operator's name as it stands.
pub fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_name_char)
}

/// The words of a text that are separated by white space. A word that starts with `"` or `'` goes on to the same
/// quote and may hold spaces; a quote inside a word is an ordinary character, and one that is never closed takes all
/// that follows.
pub fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = if matches!(first, '"' | '\'') {
            rest[1..].split_once(first).unwrap_or((&rest[1..], ""))
        } else {
            rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()))
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

/// The first name that is free, for an operator that is created or copied: `websocket` gives `websocket1`, then
/// `websocket2`; `cam5`, being taken, gives `cam6`. `taken` must call some name free.
pub fn next_name(base: &str, taken: impl Fn(&str) -> bool) -> String {
    let stem = base.trim_end_matches(|c: char| c.is_ascii_digit());
    let first = base[stem.len()..].parse::<u64>().ok().and_then(|number| number.checked_add(1)).unwrap_or(1);
    let mut name = String::new();
    for number in first..=u64::MAX {
        name = format!("{stem}{number}");
        if !taken(&name) {
            break;
        }
    }
    name
}

fn after_slash(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn next_char_length(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// FNV-1a, 64 bits: text to a number that differs in few bits for similar texts.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// SplitMix64: spreads the few bits by which neighbouring seeds differ over the whole number.
fn scatter(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clamp_keeps_a_value_inside() {
        assert_eq!((clamp(5, 0, 3), clamp(-1, 0, 3), clamp(2, 0, 3)), (3, 0, 2));
        assert_eq!(clamp("m", "a", "f"), "f");
    }

    #[test]
    fn remap_carries_over_and_beyond() {
        assert_eq!(remap(0.5, 0.0, 1.0, -180.0, 180.0), 0.0);
        assert_eq!(remap(2.0, 0.0, 1.0, 0.0, 10.0), 20.0);
        assert_eq!(remap(0.25, 1.0, 0.0, 0.0, 1.0), 0.75);
        assert_eq!(remap(9.0, 1.0, 1.0, 3.0, 4.0), 3.0);
    }

    #[test]
    fn rand_depends_on_the_seed_alone() {
        assert_eq!(rand(Seed::Number(5.0)), rand(Seed::Number(5.0)));
        assert_eq!(rand(Seed::Number(0.0)), rand(Seed::Number(-0.0)));
        assert_ne!(rand(Seed::Text("/project1/a")), rand(Seed::Text("/project1/b")));
        // The values are part of what is promised: patches are arranged by them.
        assert_eq!(rand(Seed::Number(1.0)), 0.5345422839126993);
        assert_eq!(rand(Seed::Text("/project1")), 0.9112375087184);
    }

    #[test]
    fn rand_spreads_over_the_whole_range() {
        let mut tenths = [0; 10];
        for frame in 0..10_000 {
            let value = rand(Seed::Number(f64::from(frame)));
            tenths[(value * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (850..1150).contains(count)), "{tenths:?}");
    }

    #[test]
    fn base_and_digits_look_behind_the_last_slash() {
        assert_eq!((base("arm123"), base("arm123/leg456"), base("7up"), base("a1b2")), ("arm", "leg", "", "a"));
        assert_eq!((digits("arm123"), digits("arm123/leg456")), (Some(123), Some(456)));
        assert_eq!((digits("arm123/leg"), digits("arm123/456leg"), digits("a1b22c")), (None, Some(456), Some(22)));
        assert_eq!((digits("é7"), digits("x99999999999999999999999")), (Some(7), Some(u64::MAX)));
    }

    #[test]
    fn names_and_paths_are_made_legal() {
        assert_eq!(valid_name("a#bc def"), "a_bc_def");
        assert_eq!(valid_name("text-dat$%JSON?"), "text_dat__JSON_");
        assert_eq!((valid_name("a/b"), valid_name("1up"), valid_name("ä"), valid_name("")), {
            ("a_b".to_owned(), "1up".to_owned(), "_".to_owned(), "_".to_owned())
        });
        assert_eq!(valid_path("/a#bc d/ef"), "/a_bc_d/ef");
        assert!(is_valid_name("geo_1") && !is_valid_name("a b") && !is_valid_name(""));
    }

    #[test]
    fn split_keeps_quoted_words_together() {
        assert_eq!(split("1 2.3 None fred \"one '2'\" \"[1, 2]\""), ["1", "2.3", "None", "fred", "one '2'", "[1, 2]"]);
        assert_eq!(split("  /a/b\t'c d'  don't \"\" "), ["/a/b", "c d", "don't", ""]);
        assert_eq!(split("a \"b c"), ["a", "b c"]);
        assert_eq!(split(" "), [""; 0]);
    }

    #[test]
    fn the_next_name_counts_up_to_a_free_one() {
        let taken = ["websocket1", "websocket2", "cam5", "end18446744073709551615"];
        let next = |base| next_name(base, |name| taken.contains(&name));
        assert_eq!((next("websocket"), next("text"), next("cam5")), {
            ("websocket3".to_owned(), "text1".to_owned(), "cam6".to_owned())
        });
        assert_eq!(next("end18446744073709551615"), "end1");
    }
}
