//! Names of channels: none comes twice in a CHOP.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Channels that a computing CHOP makes at most; the rest is left out, with a warning.
pub(crate) const MAX_CHANNELS: usize = 10_000;

/// The names given so far.
#[derive(Default)]
pub(crate) struct ChannelNames {
    given: HashSet<Rc<str>>,
    /// For each stem, the number that was given last.
    numbers: HashMap<Box<str>, u64>,
}

impl ChannelNames {
    /// A name that no other channel has: the one that is wanted, else its stem with the next number.
    pub(crate) fn give(&mut self, wanted: &str) -> Rc<str> {
        let name: Rc<str> = Rc::from(wanted);
        if self.given.insert(name.clone()) {
            return name;
        }
        let stem = wanted.trim_end_matches(|c: char| c.is_ascii_digit());
        let first = wanted[stem.len()..].parse().unwrap_or(0);
        let number = self.numbers.entry(stem.into()).or_insert(first);
        *number = (*number).max(first);
        loop {
            // There are fewer channels than numbers.
            *number = number.saturating_add(1);
            let name: Rc<str> = Rc::from(format!("{stem}{number}"));
            if self.given.insert(name.clone()) {
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_counts_up() {
        let mut names = ChannelNames::default();
        let given = ["a", "a", "a2", "a", "chan1", "chan1", "chan1"].map(|wanted| names.give(wanted).to_string());
        assert_eq!(given, ["a", "a1", "a2", "a3", "chan1", "chan2", "chan3"]);
    }
}
