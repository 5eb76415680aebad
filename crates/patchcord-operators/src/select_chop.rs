//! The Select CHOP: channels of other CHOPs by name (TouchDesigner reference, section 5).

use std::rc::Rc;

use patchcord_core::content::{Channels, Content};
use patchcord_core::declaration::{ContentKind, Family, Input, Kind, OperatorType, Page, ParIndex, Parameter};
use patchcord_core::network::{Network, Worker};
use patchcord_core::patch::OpId;
use patchcord_core::pattern::Pattern;
use patchcord_core::problem::Problem;

use crate::channel_names::{ChannelNames, MAX_CHANNELS};
use crate::inputs;

/// The Select CHOP.
pub static SELECT_CHOP: OperatorType = OperatorType {
    name: "selectCHOP",
    label: "Select CHOP",
    family: Family::Chop,
    summary: "Shows channels of one or several other CHOPs, wherever they are, chosen by name and with other names if so \
              wished.",
    content: ContentKind::Channels,
    editable: false,
    inputs: &[Input { label: "CHOP", help: "Taken from when `chops` is empty." }],
    pages: PAGES,
    info_channels: &[],
    callbacks: &[],
    start: Some(start),
};

const PAGES: &[Page] = &[Page {
    name: "Select",
    parameters: &[
        Parameter::op("chops", "CHOPs").aliases(&["chop"]).help(
            "The CHOPs to take channels from: names and patterns with spaces between them. Empty, the one that is wired \
             to the input.",
        ),
        Parameter::str("channames", "Channel Names", "*").help(
            "Names of the channels to take, with patterns such as `t*` and exceptions such as `^tz`: in the order in \
             which they are named, and of one pattern in the order of the CHOP.",
        ),
        Parameter::str("renamefrom", "Rename from", "*").help(
            "Which of the channels get another name: names and patterns, each of which belongs to the one at the same \
             place of `renameto`.",
        ),
        Parameter::str("renameto", "Rename to", "*").help(
            "The other names. Each `*` or `?` stands for what the one at its place in `renamefrom` has matched.",
        ),
    ],
}];

const CHOPS: ParIndex = ParIndex::of(PAGES, "chops");
const CHANNAMES: ParIndex = ParIndex::of(PAGES, "channames");
const RENAMEFROM: ParIndex = ParIndex::of(PAGES, "renamefrom");
const RENAMETO: ParIndex = ParIndex::of(PAGES, "renameto");

/// Cause of the warning that a name has no operator.
const REFERENCE: &str = "reference";

/// Cause of the warning that there are too many channels.
const TOO_MANY: &str = "channels";

struct SelectChop(OpId);

fn start(_: &Network, op: OpId) -> Rc<dyn Worker> {
    debug_assert!(matches!(PAGES[0].parameters[0].kind, Kind::Op { .. }));
    Rc::new(SelectChop(op))
}

impl Worker for SelectChop {
    fn computes(&self) -> bool {
        true
    }

    fn cook(&self, network: &Network) {
        let text = |index| network.eval(self.0, index).to_text();
        let mut rate = None;
        let mut slice = None;
        let mut all: Vec<(Rc<str>, Vec<f64>)> = Vec::new();
        for source in self.sources(network) {
            let channels = inputs::channels(network, source);
            rate = rate.or(Some(channels.rate));
            slice = slice.or(channels.slice);
            all.extend(channels.channels);
        }
        let wanted = text(CHANNAMES);
        let exceptions: Vec<Pattern> =
            wanted.split_whitespace().filter_map(|word| word.strip_prefix('^')).map(Pattern::parse).collect();
        let mut chosen = Vec::new();
        for word in wanted.split_whitespace().filter(|word| !word.starts_with('^')) {
            let pattern = Pattern::parse(word);
            let fits = |name: &str| pattern.matches(name) && !exceptions.iter().any(|not| not.matches(name));
            chosen.extend(all.iter().filter(|(name, _)| fits(name)).cloned());
        }
        if chosen.len() > MAX_CHANNELS {
            let message = format!("{} channels are chosen", chosen.len());
            network.report(self.0, Problem::warning(TOO_MANY, message, "the first 10000 are shown"));
        } else {
            network.clear_problem(self.0, TOO_MANY);
        }
        chosen.truncate(MAX_CHANNELS);
        let renames = Renames::parse(&text(RENAMEFROM), &text(RENAMETO));
        let mut names = ChannelNames::default();
        // All channels of a CHOP have the same number of samples: the last value goes on.
        let samples = chosen.iter().map(|(_, samples)| samples.len()).max().unwrap_or(0);
        let channels = chosen.into_iter().map(|(name, mut values)| {
            values.resize(samples, values.last().copied().unwrap_or(0.0));
            (names.give(&renames.apply(&name)), values)
        });
        let channels = channels.collect();
        let content = Content::Channels(Channels { rate: rate.unwrap_or(60.0), channels, slice });
        network.patch_mut().put_content(self.0, content);
    }
}

impl SelectChop {
    fn sources(&self, network: &Network) -> Vec<OpId> {
        let named = network.eval(self.0, CHOPS).to_text();
        if named.trim().is_empty() {
            network.clear_problem(self.0, REFERENCE);
            return inputs::source(network, self.0, 0).into_iter().collect();
        }
        let mut found = {
            let patch = network.patch();
            patch.find_all(patch.network_of(self.0), &named)
        };
        found.retain(|source| *source != self.0);
        if found.is_empty() {
            let message = format!("there is no operator `{named}`");
            let remedy = "names count from the component that holds this one";
            network.report(self.0, Problem::warning(REFERENCE, message, remedy));
        } else {
            network.clear_problem(self.0, REFERENCE);
        }
        found
    }
}

/// Which names become which.
struct Renames(Vec<(String, String)>);

impl Renames {
    fn parse(from: &str, to: &str) -> Self {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        Renames(words(from).into_iter().zip(words(to)).collect())
    }

    fn apply(&self, name: &str) -> String {
        let renamed = self.0.iter().find_map(|(from, to)| {
            let matched = matched_parts(from, name)?;
            let mut parts = matched.iter();
            let piece = |c: char| match c {
                '*' | '?' => parts.next().copied().unwrap_or("").to_owned(),
                c => c.to_string(),
            };
            Some(to.chars().map(piece).collect::<String>())
        });
        renamed.filter(|renamed| !renamed.is_empty()).unwrap_or_else(|| name.to_owned())
    }
}

/// What each `*` and `?` of a pattern stands for in a name; `None` when the name does not fit.
fn matched_parts<'n>(pattern: &str, name: &'n str) -> Option<Vec<&'n str>> {
    let Some(at) = pattern.find(['*', '?']) else { return (pattern == name).then(Vec::new) };
    let rest = name.strip_prefix(&pattern[..at])?;
    let (wild, pattern) = (&pattern[at..=at], &pattern[at + 1..]);
    let lengths: Vec<usize> = match wild {
        "?" => rest.chars().next().map(char::len_utf8).into_iter().collect(),
        // As little as possible first, so that `*_*` parts a name at its first underscore.
        _ => rest.char_indices().map(|(at, _)| at).chain([rest.len()]).collect(),
    };
    lengths.into_iter().find_map(|length| {
        let mut parts = matched_parts(pattern, &rest[length..])?;
        parts.insert(0, &rest[..length]);
        Some(parts)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_changed_by_patterns() {
        for (from, to, name, renamed) in [
            ("*", "*", "tx", "tx"),
            ("tx ty", "x y", "ty", "y"),
            ("t?", "pos_?", "tz", "pos_z"),
            ("*_*", "*-*", "a_b_c", "a-b_c"),
            ("t*", "r*", "scale", "scale"),
            ("*", "", "tx", "tx"),
            ("bob*", "carol*", "bob12", "carol12"),
        ] {
            assert_eq!(Renames::parse(from, to).apply(name), renamed, "{from} to {to}");
        }
    }
}
