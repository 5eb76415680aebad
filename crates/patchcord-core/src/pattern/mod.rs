//! Patterns over names, as TouchDesigner writes them: `chan*`, `t?`, `r[xyz]`, `blend[3-7:2]`, `* ^geo1`.
//!
//! [`Pattern`] is a list of terms that are separated by spaces or commas; [`Glob`] is one term. Operator look-up,
//! channel and parameter scopes and `tdu.match` use the list; tables and path segments use the single term, because a
//! cell may hold spaces. [`expand`] goes the other way and writes out every name that a pattern stands for.
//!
//! Promised: parsing never fails (what is not a well-formed bracket is ordinary text), matching costs at most
//! pattern length × name length whatever the pattern, and expansion is bounded.
//! Left to others: what a name is relative to, `/` in paths, `@group` names, and the set operators `|`, `&`, `~`.
//!
//! Source: the vendor's pages on pattern matching and pattern expansion. `[a-z]` and `[!x]` are additions of ours.

mod glob;

use thiserror::Error;

use glob::{bracket, fold, tokens};

pub use glob::Glob;

/// The most names that one [`expand`] writes out.
pub const MAX_EXPANSION: usize = 100_000;

/// The most bytes of text, over all names, that one [`expand`] writes out.
pub const MAX_EXPANSION_BYTES: usize = 16 * 1024 * 1024;

/// Whether upper and lower case letters are different letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Case {
    /// `A` and `a` differ.
    #[default]
    Sensitive,
    /// `A` and `a` are the same; letters are compared one by one, so `ß` does not equal `ss`.
    Insensitive,
}

impl Case {
    /// The case that a script's `caseSensitive` argument asks for.
    pub fn sensitive(yes: bool) -> Self {
        if yes { Case::Sensitive } else { Case::Insensitive }
    }

    /// Whether two texts are equal under this case.
    pub fn same(self, a: &str, b: &str) -> bool {
        match self {
            Case::Sensitive => a == b,
            Case::Insensitive => a.chars().map(fold).eq(b.chars().map(fold)),
        }
    }
}

/// Why a pattern could not be expanded into names.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExpandError {
    /// The pattern stands for more than [`MAX_EXPANSION`] names.
    #[error("pattern stands for more than {MAX_EXPANSION} names")]
    TooManyNames,
    /// The names together are longer than [`MAX_EXPANSION_BYTES`].
    #[error("pattern stands for more than {MAX_EXPANSION_BYTES} bytes of names")]
    TooLong,
    /// A set such as `[!x]` names what is not wanted, so there is nothing to write out.
    #[error("a set that excludes characters cannot be written out as names")]
    ExcludingSet,
}

/// A list of terms, read from left to right: a term adds the names it matches, a term with `^` takes them away.
///
/// A list whose first term has `^` starts from every name. Quotes keep a term together: `"Instance 3"`.
///
/// ```
/// use patchcord_core::pattern::Pattern;
/// let pattern = Pattern::parse("blend[1-12] ^blend[5,6] tx");
/// assert!(pattern.matches("blend12") && pattern.matches("tx"));
/// assert!(!pattern.matches("blend6") && !pattern.matches("blend13"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    excluded: bool,
    glob: Glob,
}

impl Pattern {
    /// Reads a pattern that tells upper from lower case.
    pub fn parse(text: &str) -> Self {
        Self::parse_with(text, Case::Sensitive)
    }

    /// Reads a pattern. An empty text matches nothing.
    pub fn parse_with(text: &str, case: Case) -> Self {
        let term = |t: TermText<'_>| Term { excluded: t.excluded, glob: Glob::parse(t.text, case) };
        Self { terms: terms(text).map(term).collect() }
    }

    /// Whether the list as a whole lets `name` through.
    pub fn matches(&self, name: &str) -> bool {
        let last = self.terms.iter().rev().find(|term| term.glob.matches(name));
        match last {
            Some(term) => !term.excluded,
            None => self.starts_from_all(),
        }
    }

    /// The plain name that the pattern is, if it is one, which a caller may look up without a scan. Only a case-sensitive
    /// pattern is a plain name.
    pub fn as_literal(&self) -> Option<&str> {
        match self.terms.as_slice() {
            [Term { excluded: false, glob }] => glob.as_literal(),
            _ => None,
        }
    }

    fn starts_from_all(&self) -> bool {
        self.terms.first().is_some_and(|term| term.excluded)
    }
}

/// One term of a pattern's text, before it is read as a [`Glob`]. For callers that treat terms themselves, such as
/// the operator look-up, which cuts a term at `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermText<'a> {
    /// The term began with `^`.
    pub excluded: bool,
    /// The term without `^` and without quotes.
    pub text: &'a str,
}

/// Cuts a pattern into its terms: at white space, and at commas outside brackets.
pub fn terms(text: &str) -> impl Iterator<Item = TermText<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(is_separator);
            if rest.is_empty() {
                return None;
            }
            let bare = rest.strip_prefix('^');
            let body = bare.unwrap_or(rest);
            let quoted = body.strip_prefix('"');
            let (text, after) = match quoted {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => body.split_at(term_length(body)),
            };
            rest = after;
            // A `^` that stands alone takes nothing away.
            if quoted.is_some() || !text.is_empty() {
                return Some(TermText { excluded: bare.is_some(), text });
            }
        }
    })
}

/// The positions of the names that a pattern matches, in the order of `names` (`tdu.match`).
pub fn match_names<S: AsRef<str>>(pattern: &str, names: &[S], case: Case) -> Vec<usize> {
    let pattern = Pattern::parse_with(pattern, case);
    (0..names.len()).filter(|index| pattern.matches(names[*index].as_ref())).collect()
}

/// Writes out every name that a pattern stands for (`tdu.expand`): `A[1-3] B[xy]` is `A1 A2 A3 Bx By`.
///
/// Several brackets give every combination, the first varying slowest: `[tr][xy]` is `tx ty rx ry`. A range may run
/// backwards. `*`, `?` and `^` stand for themselves.
///
/// # Errors
/// See [`ExpandError`]; nothing is written out when one occurs.
pub fn expand(pattern: &str) -> Result<Vec<String>, ExpandError> {
    let (mut all, mut bytes) = (Vec::new(), 0usize);
    for term in terms(pattern) {
        let mut names = vec![if term.excluded { "^".to_owned() } else { String::new() }];
        for token in tokens(term.text) {
            let count = token.count().ok_or(ExpandError::ExcludingSet)?;
            let room = (MAX_EXPANSION - all.len()) as u64;
            if count.saturating_mul(names.len() as u64) > room {
                return Err(ExpandError::TooManyNames);
            }
            let choices = token.choices();
            let length = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
            if bytes + length(&names) * choices.len() + length(&choices) * names.len() > MAX_EXPANSION_BYTES {
                return Err(ExpandError::TooLong);
            }
            names = names.iter().flat_map(|name| choices.iter().map(move |choice| format!("{name}{choice}"))).collect();
        }
        bytes += names.iter().map(String::len).sum::<usize>();
        all.append(&mut names);
        if all.len() > MAX_EXPANSION {
            return Err(ExpandError::TooManyNames);
        }
    }
    Ok(all)
}

/// The length of the term at the start of `text`: up to a separator that is not inside a bracket.
fn term_length(text: &str) -> usize {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        match bracket(&text[at..]) {
            Some(inside) if !inside.contains(char::is_whitespace) => at += inside.len() + 2,
            _ if is_separator(c) => break,
            _ => at += c.len_utf8(),
        }
    }
    at
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || c == ','
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 6] = ["geo1", "geo2", "light1", "cam1", "Geo3", "geo12"];

    fn matched(pattern: &str) -> Vec<&'static str> {
        match_names(pattern, &NAMES, Case::Sensitive).into_iter().map(|index| NAMES[index]).collect()
    }

    #[test]
    fn terms_are_alternatives() {
        assert_eq!(matched("geo* cam1"), ["geo1", "geo2", "cam1", "geo12"]);
        assert_eq!(matched("geo[1-2],light*"), ["geo1", "geo2", "light1"]);
        assert_eq!(matched("  "), [""; 0]);
    }

    #[test]
    fn a_term_with_a_caret_takes_away_what_came_before() {
        assert_eq!(matched("* ^geo*"), ["light1", "cam1", "Geo3"]);
        assert_eq!(matched("* ^geo* geo2"), ["geo2", "light1", "cam1", "Geo3"]);
        assert_eq!(matched("^geo*"), ["light1", "cam1", "Geo3"], "a list that begins by taking away begins with all");
        assert_eq!(matched("geo1 ^"), ["geo1"], "a caret alone takes nothing away");
    }

    #[test]
    fn case_can_be_ignored() {
        let found = match_names("GEO?", &NAMES, Case::Insensitive);
        assert_eq!(found, [0, 1, 4]);
    }

    #[test]
    fn quotes_keep_a_term_together() {
        let pattern = Pattern::parse("\"Instance 3\" \"run -exec test[0-5]\" ^\"a b\"");
        assert!(pattern.matches("Instance 3") && pattern.matches("run -exec test4"));
        assert!(!pattern.matches("3") && !pattern.matches("run"));
        assert_eq!(terms("\"open end").map(|term| term.text).collect::<Vec<_>>(), ["open end"]);
    }

    #[test]
    fn brackets_keep_their_commas_but_not_their_spaces() {
        assert_eq!(terms("a[1,3] b,c").map(|term| term.text).collect::<Vec<_>>(), ["a[1,3]", "b", "c"]);
        assert_eq!(terms("a[1, 3]").map(|term| term.text).collect::<Vec<_>>(), ["a[1", "3]"]);
    }

    #[test]
    fn a_plain_name_can_be_told_apart() {
        assert_eq!(Pattern::parse(" geo1 ").as_literal(), Some("geo1"));
        assert_eq!(Pattern::parse("geo1 geo2").as_literal(), None);
        assert_eq!(Pattern::parse("^geo1").as_literal(), None);
    }

    #[test]
    fn expansion_writes_out_every_combination() {
        assert_eq!(expand("A[1-3] B[xyz]").unwrap(), ["A1", "A2", "A3", "Bx", "By", "Bz"]);
        assert_eq!(expand("[tr][xyz]").unwrap(), ["tx", "ty", "tz", "rx", "ry", "rz"]);
        assert_eq!(expand("chan[1-11:2]").unwrap(), ["chan1", "chan3", "chan5", "chan7", "chan9", "chan11"]);
        assert_eq!(expand("n[2-0]").unwrap(), ["n2", "n1", "n0"]);
        assert_eq!(expand("a[x-z]").unwrap(), ["ax", "ay", "az"]);
        assert_eq!(expand("1 2 10").unwrap(), ["1", "2", "10"]);
        assert_eq!(expand("geo* ^b?").unwrap(), ["geo*", "^b?"]);
        assert_eq!(expand("").unwrap(), [""; 0]);
    }

    #[test]
    fn expansion_is_bounded() {
        assert_eq!(expand("a[0-99999]").map(|names| names.len()), Ok(MAX_EXPANSION));
        assert_eq!(expand("a[0-100000]"), Err(ExpandError::TooManyNames));
        assert_eq!(expand("a[0-99999] b"), Err(ExpandError::TooManyNames));
        assert_eq!(expand("[0-999][0-999]"), Err(ExpandError::TooManyNames));
        assert_eq!(expand("[0-18446744073709551615]"), Err(ExpandError::TooManyNames));
        assert_eq!(expand(&format!("{}[0-9999]", "x".repeat(2000))), Err(ExpandError::TooLong));
        assert_eq!(expand("a[!x]"), Err(ExpandError::ExcludingSet));
    }
}
