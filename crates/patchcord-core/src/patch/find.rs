//! Finding operators by path and pattern.

use super::{OpId, Patch};
use crate::declaration::{Family, ParIndex};
use crate::parameter::ParValue;
use crate::pattern::Pattern;
use crate::tracking::Source;

impl Patch {
    /// The first operator that a path or pattern names, seen from inside the component `base`.
    ///
    /// Paths are absolute (`/project1/x`), relative (`x`, `./x`, `../x`, `x/y`), and each part may be a pattern
    /// (`web*`). Several, separated by spaces, are tried in order.
    pub fn find(&self, base: OpId, path: &str) -> Option<OpId> {
        self.note_tree_read();
        // The plain case (a sibling's name) comes with nearly every call of a script.
        if let Some(op) = self.get(base)
            && let Some(child) = op.children.find(path)
        {
            return Some(child);
        }
        path.split_whitespace().find_map(|one| {
            let mut found = Vec::new();
            self.walk(base, one, true, &mut found);
            found.first().copied()
        })
    }

    /// All operators that the paths and patterns name, each once, in order.
    pub fn find_all(&self, base: OpId, paths: &str) -> Vec<OpId> {
        self.note_tree_read();
        let mut found = Vec::new();
        for one in paths.split_whitespace() {
            self.walk(base, one, false, &mut found);
        }
        let mut seen = std::collections::HashSet::new();
        found.retain(|id| seen.insert(*id));
        found
    }

    /// Notes that a computation has read names, places, wires, or which operators there are.
    #[inline]
    pub fn note_tree_read(&self) {
        let tracker = &self.queue().tracker;
        if tracker.is_active() {
            tracker.note(Source::Tree, tracker.tree_version());
        }
    }

    /// Notes that something that scripts read of operators is another: a place in an editor, a comment, a variable.
    pub fn note_tree_change(&self) {
        self.queue().tracker.note_tree_change();
    }

    fn walk(&self, base: OpId, path: &str, first_only: bool, found: &mut Vec<OpId>) {
        let (mut level, rest) = match path.strip_prefix('/') {
            Some(rest) => (vec![self.root], rest),
            None => (vec![base], path),
        };
        for part in rest.split('/').filter(|part| !part.is_empty()) {
            let mut next = Vec::new();
            for &at in &level {
                let Some(op) = self.get(at) else { continue };
                match part {
                    "." => next.push(at),
                    ".." => next.extend(op.parent),
                    name => {
                        if let Some(child) = op.children.find(name) {
                            next.push(child);
                        } else if name.contains(['*', '?', '[', '^']) {
                            let pattern = Pattern::parse(name);
                            let matching = op.children.in_order().iter().copied();
                            let matches = |&child: &OpId| self.get(child).is_some_and(|op| pattern.matches(&op.name));
                            next.extend(matching.filter(matches));
                        }
                    }
                }
            }
            if next.is_empty() {
                return;
            }
            level = next;
        }
        if first_only {
            level.truncate(1);
        }
        found.extend(level);
    }

    /// The component from which an operator's relative paths count: its parent.
    pub fn network_of(&self, id: OpId) -> OpId {
        self.get(id).and_then(|op| op.parent).unwrap_or(self.root)
    }

    /// The first operator that a path or pattern names, as it is meant by an operator: names count from the network around
    /// it, and `.` is the operator itself when it is a component, so that `./x` is inside it.
    pub fn find_from(&self, id: OpId, path: &str) -> Option<OpId> {
        let network = self.network_of(id);
        if !path.contains('.') || self.get(id).is_none_or(|op| op.declaration.family != Family::Comp) {
            return self.find(network, path);
        }
        path.split_whitespace().find_map(|one| match one == "." || one.starts_with("./") {
            true => self.find(id, one),
            false => self.find(network, one),
        })
    }

    /// What an operator-reference parameter names now, from its constant or last computed value.
    pub fn par_op(&self, id: OpId, index: ParIndex) -> Option<OpId> {
        let ParValue::Str(path) = self.get(id)?.par_value(index) else { return None };
        if path.is_empty() { None } else { self.find_from(id, &path) }
    }
}
