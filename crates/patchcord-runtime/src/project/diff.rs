//! What a new patch file changes, compared with the last one.
//!
//! Operators are compared by path. The running patch plays no part: what scripts changed meanwhile stays, unless the
//! file changed the same thing. TOML comments, the order of sections and the way a value is written are no difference.

use std::collections::{HashMap, HashSet};

use patchcord_core::declaration::ParIndex;
use patchcord_core::parameter::ParValue;

use super::file::{Entry, ParEntry, PatchFile, parent_path};

/// Differences between two patch files.
pub(super) struct Difference<'a> {
    /// Operators that the new file does not have.
    pub removed: Vec<&'a Entry>,
    /// Operators that only the new file has, components before what is inside them.
    pub added: Vec<&'a Entry>,
    /// Operators of another type than before, or inside such a one: they are made anew. Components come first.
    pub recreated: Vec<&'a Entry>,
    /// Operators that may differ in what they hold, as they were and as they are to be.
    pub kept: Vec<(&'a Entry, &'a Entry)>,
}

impl<'a> Difference<'a> {
    /// Compares two files.
    pub fn between(old: &'a PatchFile, new: &'a PatchFile) -> Self {
        let mut difference =
            Difference { removed: Vec::new(), added: Vec::new(), recreated: Vec::new(), kept: Vec::new() };
        // In another place they are other operators.
        let same_place = old.settings.at == new.settings.at;
        let before: HashMap<&str, &Entry> = match same_place {
            true => old.entries.iter().map(|entry| (&*entry.path, entry)).collect(),
            false => HashMap::new(),
        };
        let after: HashSet<&str> = new.entries.iter().map(|entry| &*entry.path).collect();
        let gone = |entry: &&Entry| !same_place || !after.contains(&*entry.path);
        difference.removed.extend(old.entries.iter().filter(gone));
        let mut anew = HashSet::new();
        for entry in parents_first(new) {
            match before.get(&*entry.path) {
                None => difference.added.push(entry),
                Some(old) if !std::ptr::eq(old.kind, entry.kind) || anew.contains(parent_path(&entry.path)) => {
                    anew.insert(&*entry.path);
                    difference.recreated.push(entry);
                }
                Some(old) => difference.kept.push((old, entry)),
            }
        }
        difference
    }
}

/// The entries in the order in which they can be made.
pub(super) fn parents_first(file: &PatchFile) -> Vec<&Entry> {
    let mut entries: Vec<&Entry> = file.entries.iter().collect();
    // The sort is stable: within one depth the order of the file stays.
    entries.sort_by_key(|entry| entry.path.matches('/').count());
    entries
}

/// Parameters whose effect differs; `None` for those that go back to their default.
pub(super) fn parameters<'a>(old: &'a Entry, new: &'a Entry) -> Vec<(ParIndex, Option<&'a ParEntry>)> {
    // Custom parameters are compared by name: their indices follow the order of the file.
    let index_in = |entry: &Entry, of: &Entry, index: ParIndex| match index.is_custom() {
        true => entry.find_parameter(&of.parameter(index).name).map(|(index, _)| index),
        false => Some(index),
    };
    let in_new = old.parameters.keys().filter_map(|index| index_in(new, old, *index));
    let gone: Vec<_> = in_new.filter(|index| !new.parameters.contains_key(index)).map(|index| (index, None)).collect();
    let given = new.parameters.iter().filter(|(index, given)| {
        let before = index_in(old, new, **index).and_then(|index| old.parameters.get(&index));
        !before.is_some_and(|before| same_effect(before, given))
    });
    gone.into_iter().chain(given.map(|(index, given)| (*index, Some(given)))).collect()
}

/// Parameters that a stand-in is asked for and that differ; `None` for those that go back to their default.
pub(super) fn asked<'a>(old: &'a Entry, new: &'a Entry) -> Vec<(&'a str, Option<&'a ParEntry>)> {
    let gone = old.asked.keys().filter(|name| !new.asked.contains_key(*name)).map(|name| (&**name, None));
    let given = new.asked.iter().filter(|(name, given)| old.asked.get(*name) != Some(*given));
    gone.chain(given.map(|(name, given)| (&**name, Some(given)))).collect()
}

/// Inputs that differ.
pub(super) fn wires(old: &Entry, new: &Entry) -> usize {
    let count = old.inputs.len().max(new.inputs.len());
    (0..count).filter(|&at| old.inputs.get(at).cloned().flatten() != new.inputs.get(at).cloned().flatten()).count()
}

fn same_effect(a: &ParEntry, b: &ParEntry) -> bool {
    match (fixed(a), fixed(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn fixed(entry: &ParEntry) -> Option<&ParValue> {
    match entry {
        ParEntry::Constant(value) | ParEntry::Hidden { value, .. } => Some(value),
        ParEntry::Expression(_) | ParEntry::Bind(_) => None,
    }
}
