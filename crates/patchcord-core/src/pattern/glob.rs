//! One term of a pattern: its tokens, and how a name is matched against them.
//!
//! A term is cut into tokens once. Matching follows every place that the tokens so far can end at, side by side, so
//! that the cost is at most tokens × name length: no name makes it try again, however many stars a pattern has.

use super::Case;

/// The most bytes that a bracket may hold; a longer one is ordinary text.
const MAX_BRACKET: usize = 1024;

/// One term: text with `*`, `?` and brackets, no `^` and no separators, matched against the whole name.
///
/// | form | matches |
/// |---|---|
/// | `*`, `?` | any run of characters, also none; any one character |
/// | `[xyz]`, `[a-f]`, `[!xyz]` | one character that is, or is not, in the set |
/// | `[1-20]`, `[0-100:5]`, `[1,3,10-20]` | a whole number in the range, written without leading zeros |
///
/// A number range takes as many digits as it needs, so `blend[0-9]*` matches `blend12`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    tokens: Vec<Token>,
    case: Case,
}

impl Glob {
    /// Reads one term; separators and a leading `^` are ordinary characters here.
    pub fn parse(text: &str, case: Case) -> Self {
        let mut tokens = tokens(text);
        if case == Case::Insensitive {
            tokens.iter_mut().for_each(Token::fold);
        }
        Self { tokens, case }
    }

    /// Whether the whole of `name` fits.
    pub fn matches(&self, name: &str) -> bool {
        let rest = match self.tokens.as_slice() {
            [] => return name.is_empty(),
            [Token::Text(text)] => return self.after_text(text, name) == Some(name.len()),
            [Token::Text(text), ..] if self.after_text(text, name).is_none() => return false,
            tokens => tokens,
        };
        // All places that the tokens so far can end at are followed together, so no choice is ever taken back.
        let mut reached = vec![false; name.len() + 1];
        reached[0] = true;
        for token in rest {
            let mut next = vec![false; name.len() + 1];
            for (at, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
                if matches!(token, Token::AnyRun) {
                    (at..=name.len()).filter(|end| name.is_char_boundary(*end)).for_each(|end| next[end] = true);
                    break;
                }
                self.ends(token, &name[at..], |taken| next[at + taken] = true);
            }
            reached = next;
        }
        reached[name.len()]
    }

    /// The plain text that the term is, if it has no wildcard and tells upper from lower case.
    pub fn as_literal(&self) -> Option<&str> {
        match (self.case, self.tokens.as_slice()) {
            (Case::Sensitive, []) => Some(""),
            (Case::Sensitive, [Token::Text(text)]) => Some(text),
            _ => None,
        }
    }

    /// Reports the length of every piece at the start of `rest` that `token` can take.
    fn ends(&self, token: &Token, rest: &str, mut end: impl FnMut(usize)) {
        match token {
            Token::Text(text) => {
                if let Some(taken) = self.after_text(text, rest) {
                    end(taken);
                }
            }
            Token::AnyChar => {
                if let Some(c) = rest.chars().next() {
                    end(c.len_utf8());
                }
            }
            Token::Set(set) => {
                if let Some(c) = rest.chars().next()
                    && set.contains(if self.case == Case::Insensitive { fold(c) } else { c })
                {
                    end(c.len_utf8());
                }
            }
            Token::Numbers(ranges) => {
                let mut value = Some(0u64);
                for (index, digit) in rest.bytes().enumerate().take_while(|(_, byte)| byte.is_ascii_digit()) {
                    value = value.and_then(|v| v.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
                    let Some(value) = value else { break };
                    if ranges.iter().any(|range| range.contains(value)) {
                        end(index + 1);
                    }
                    if value == 0 {
                        break;
                    }
                }
            }
            Token::AnyRun => (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).for_each(end),
        }
    }

    fn after_text(&self, text: &str, rest: &str) -> Option<usize> {
        match self.case {
            Case::Sensitive => rest.starts_with(text).then_some(text.len()),
            Case::Insensitive => {
                let mut given = rest.chars();
                for wanted in text.chars() {
                    if fold(given.next()?) != wanted {
                        return None;
                    }
                }
                Some(rest.len() - given.as_str().len())
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Text(String),
    AnyChar,
    AnyRun,
    Set(Set),
    Numbers(Vec<NumberRange>),
}

impl Token {
    fn fold(&mut self) {
        match self {
            Token::Text(text) => *text = text.chars().map(fold).collect(),
            Token::Set(set) => set.spans.iter_mut().for_each(|span| span.folded = true),
            Token::AnyChar | Token::AnyRun | Token::Numbers(_) => {}
        }
    }

    /// How many texts the token stands for when it is written out; `None` for an excluding set.
    pub fn count(&self) -> Option<u64> {
        match self {
            Token::Text(_) | Token::AnyChar | Token::AnyRun => Some(1),
            Token::Set(set) if set.excluding => None,
            Token::Set(set) => {
                Some(set.spans.iter().map(|span| u64::from(span.last as u32 - span.first as u32) + 1).sum())
            }
            Token::Numbers(ranges) => Some(ranges.iter().fold(0, |sum, range| range.count().saturating_add(sum))),
        }
    }

    pub fn choices(&self) -> Vec<String> {
        match self {
            Token::Text(text) => vec![text.clone()],
            Token::AnyChar => vec!["?".to_owned()],
            Token::AnyRun => vec!["*".to_owned()],
            Token::Set(set) => set.spans.iter().flat_map(|span| span.first..=span.last).map(String::from).collect(),
            Token::Numbers(ranges) => ranges.iter().flat_map(NumberRange::numbers).map(|n| n.to_string()).collect(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    excluding: bool,
    spans: Vec<Span>,
}

/// Characters from `first` to `last`; `folded` compares them with a lower-case character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first: char,
    last: char,
    folded: bool,
}

impl Set {
    fn parse(inside: &str) -> Self {
        let (excluding, inside) = match inside.strip_prefix('!') {
            Some(rest) if !rest.is_empty() => (true, rest),
            _ => (false, inside),
        };
        let chars: Vec<char> = inside.chars().collect();
        let (mut spans, mut at) = (Vec::new(), 0);
        while at < chars.len() {
            let span = at + 2 < chars.len() && chars[at + 1] == '-';
            let (a, b) = if span { (chars[at], chars[at + 2]) } else { (chars[at], chars[at]) };
            spans.push(Span { first: a.min(b), last: a.max(b), folded: false });
            at += if span { 3 } else { 1 };
        }
        Self { excluding, spans }
    }

    fn contains(&self, c: char) -> bool {
        self.spans.iter().any(|span| span.contains(c)) != self.excluding
    }
}

impl Span {
    fn contains(&self, c: char) -> bool {
        let span = self.first..=self.last;
        // A folded span is asked with a lower-case character and may itself be written in either case.
        span.contains(&c) || self.folded && (span.contains(&upper(c)) || fold(self.first) == c)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumberRange {
    first: u64,
    last: u64,
    step: u64,
}

impl NumberRange {
    /// `7`, `1-20` or `1-20:3`. A step of 0 is taken as 1.
    fn parse(text: &str) -> Option<Self> {
        let (range, step) = match text.split_once(':') {
            Some((range, step)) => (range, number(step)?),
            None => (text, 1),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None if text.contains(':') => return None,
            None => (number(range)?, number(range)?),
        };
        Some(Self { first, last, step: step.max(1) })
    }

    fn contains(&self, value: u64) -> bool {
        let (low, high) = (self.first.min(self.last), self.first.max(self.last));
        (low..=high).contains(&value) && value.abs_diff(self.first).is_multiple_of(self.step)
    }

    fn count(&self) -> u64 {
        (self.first.abs_diff(self.last) / self.step).saturating_add(1)
    }

    fn numbers(&self) -> impl Iterator<Item = u64> {
        let (first, step, up) = (self.first, self.step, self.last >= self.first);
        (0..self.count()).map(move |n| if up { first + n * step } else { first - n * step })
    }
}

/// Cuts a term into tokens. A bracket that is never closed, or is empty, is text.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (token, taken) = match (c, bracket(rest)) {
            ('*', _) => (Token::AnyRun, 1),
            ('?', _) => (Token::AnyChar, 1),
            (_, Some(inside)) => (class(inside), inside.len() + 2),
            _ => (Token::Text(c.to_string()), c.len_utf8()),
        };
        match (tokens.last_mut(), token) {
            (Some(Token::Text(text)), Token::Text(more)) => text.push_str(&more),
            (_, token) => tokens.push(token),
        }
        rest = &rest[taken..];
    }
    tokens
}

/// Numbers if the bracket holds a range or a list of whole numbers, else a set of characters.
fn class(inside: &str) -> Token {
    let ranges: Option<Vec<_>> = inside.split(',').map(NumberRange::parse).collect();
    match ranges {
        Some(ranges) if inside.contains(['-', ',']) => Token::Numbers(ranges),
        _ => Token::Set(Set::parse(inside)),
    }
}

/// The inside of the bracket that `text` starts with. The search for its end is bounded, or a text of nothing but
/// opening brackets would cost the square of its length.
pub(super) fn bracket(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('[')?;
    let end = inside.bytes().take(MAX_BRACKET).position(|byte| byte == b']')?;
    (end > 0).then(|| &inside[..end])
}

/// A whole number; one past 64 bits is taken as the largest there is.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

pub(super) fn fold(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn upper(c: char) -> char {
    c.to_uppercase().next().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::parse(pattern, Case::Sensitive).matches(name)
    }

    #[test]
    fn stars_and_question_marks_cover_the_whole_name() {
        assert!(matches("chan*", "chan") && matches("chan*", "chan12"));
        assert!(!matches("chan*", "mychan") && matches("*foot*", "left_foot_1"));
        assert!(matches("t?", "tx") && !matches("t?", "t") && !matches("t?", "txy"));
        assert!(matches("**", "") && matches("?", "é") && !matches("", "a"));
    }

    #[test]
    fn a_set_is_one_character() {
        assert!(matches("r[xyz]", "ry") && !matches("r[xyz]", "rw") && !matches("r[xyz]", "rxy"));
        assert!(matches("r[a-f]", "rc") && !matches("r[a-f]", "r-") && matches("r[-a]", "r-"));
        assert!(matches("r[!xy]", "rz") && !matches("r[!xy]", "rx") && matches("r[!]", "r!"));
        assert!(matches("n[12]", "n2") && !matches("n[12]", "n12"));
    }

    #[test]
    fn a_number_range_is_a_whole_number() {
        assert!(matches("chan[1-20]", "chan1") && matches("chan[1-20]", "chan12") && matches("chan[1-20]", "chan20"));
        assert!(!matches("chan[1-20]", "chan21") && !matches("chan[1-20]", "chan0") && !matches("chan[1-20]", "chan"));
        assert!(matches("blend[3-7:2]", "blend5") && !matches("blend[3-7:2]", "blend4"));
        assert!(matches("blend[2-3,5,13]", "blend13") && !matches("blend[2-3,5,13]", "blend4"));
        assert!(matches("[9-0:2]", "7") && !matches("[9-0:2]", "0"));
        assert!(!matches("f[1-20]", "f07"), "a name is what would be written out, and that is f7");
    }

    #[test]
    fn a_number_range_takes_any_run_of_digits_that_lets_the_rest_fit() {
        assert!(matches("blend[0-9]*", "blend12_dark"));
        assert!(matches("[1-10]0", "10") && matches("[1-10]0", "100") && !matches("[1-10]0", "110"));
        assert!(matches("a[1-99999999999999999999]", "a123"), "a bound past 64 bits is the largest number there is");
    }

    #[test]
    fn broken_brackets_are_text() {
        assert!(matches("a[b", "a[b") && matches("a[]", "a[]") && matches("a]", "a]"));
        let long = format!("[{}]", "x".repeat(MAX_BRACKET));
        assert!(matches(&long, &long) && !matches(&long, "x"));
    }

    #[test]
    fn insensitive_matching_ignores_case_in_text_and_sets() {
        let matches = |pattern, name| Glob::parse(pattern, Case::Insensitive).matches(name);
        assert!(matches("blue*", "BlueBerry") && matches("ÄB", "äb"));
        assert!(matches("r[XY]", "Rx") && matches("r[a-f]", "RC") && !matches("r[!x]", "rX"));
    }

    #[test]
    fn only_plain_text_is_a_literal() {
        assert_eq!(Glob::parse("geo1", Case::Sensitive).as_literal(), Some("geo1"));
        assert_eq!(Glob::parse("", Case::Sensitive).as_literal(), Some(""));
        assert_eq!(Glob::parse("geo*", Case::Sensitive).as_literal(), None);
        assert_eq!(Glob::parse("geo1", Case::Insensitive).as_literal(), None);
    }

    #[test]
    fn many_stars_do_not_blow_up() {
        // A matcher that takes choices back needs more steps here than there are atoms.
        let pattern = "*a".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(2000)));
        assert!(matches(&pattern, &("a".repeat(2000) + "b")));
        assert!(!matches(&"[0-9]*".repeat(100), &"1".repeat(99)));
        assert!(matches(&"[".repeat(100_000), &"[".repeat(100_000)));
    }

    /// The meaning of a list of tokens, said in the plainest way.
    fn by_trying(tokens: &[Token], name: &str) -> bool {
        let Some((token, rest)) = tokens.split_first() else { return name.is_empty() };
        let ends = (0..=name.len()).filter(|end| name.is_char_boundary(*end));
        let taken_by = |piece: &str| match token {
            Token::Text(text) => text == piece,
            Token::AnyChar => piece.chars().count() == 1,
            Token::AnyRun => true,
            Token::Set(set) => piece.chars().count() == 1 && piece.chars().all(|c| set.contains(c)),
            Token::Numbers(ranges) => ranges.iter().any(|range| range.numbers().any(|n| n.to_string() == piece)),
        };
        ends.into_iter().any(|end| taken_by(&name[..end]) && by_trying(rest, &name[end..]))
    }

    fn pattern_text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            3 => "[ab1é]{1,2}",
            2 => Just("*".to_owned()),
            1 => Just("?".to_owned()),
            1 => "\\[!?[ab1é]{1,2}\\]",
            1 => (0u64..12, 0u64..12, 1u64..4).prop_map(|(a, b, step)| format!("[{a}-{b}:{step}]")),
            1 => (0u64..12, 0u64..12).prop_map(|(a, b)| format!("[{a},{b}]")),
            1 => "[\\[\\]!:,-]",
        ];
        proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn matching_agrees_with_trying_everything(pattern in pattern_text(), name in "[ab01é\\[]{0,8}") {
            prop_assert_eq!(matches(&pattern, &name), by_trying(&tokens(&pattern), &name));
        }

        #[test]
        fn a_name_that_was_written_out_matches(pattern in pattern_text()) {
            if let Ok(names) = super::super::expand(&pattern) {
                // A comma outside brackets has made several terms of it; each name belongs to one of them.
                let pattern = super::super::Pattern::parse(&pattern);
                prop_assert!(names.iter().all(|name| pattern.matches(name)));
            }
        }
    }
}
