//! Parameters that name operators: they follow one that gets another name.

use std::rc::Rc;

use super::{OpId, Operator, Patch};
use crate::declaration::{Kind, ParIndex};
use crate::parameter::{ParMode, ParValue};
use crate::value::OwnedValue;

/// A constant parameter whose text names an operator that is about to be renamed, or one inside it.
pub(super) struct Reference {
    op: OpId,
    index: ParIndex,
    text: Rc<str>,
    /// For each path of the text, the operator that it names and how many levels that is below the one to be renamed.
    named: Vec<Option<(OpId, usize)>>,
}

impl Patch {
    /// The parameters that name an operator, or one inside it, in constant mode.
    pub(super) fn references_to(&self, renamed: OpId) -> Vec<Reference> {
        let mut references = Vec::new();
        for (op, operator) in &self.operators {
            for (index, text) in constant_references(operator) {
                let named: Vec<_> = text.split_whitespace().map(|path| self.named_within(op, path, renamed)).collect();
                if named.iter().any(Option::is_some) {
                    references.push(Reference { op, index, text, named });
                }
            }
        }
        references
    }

    /// The operator that a path names, if it is one that is to be renamed or inside that one, and how deep.
    fn named_within(&self, op: OpId, path: &str, renamed: OpId) -> Option<(OpId, usize)> {
        let target = self.find_from(op, path)?;
        let mut above = std::iter::successors(Some(target), |at| self.get(*at)?.parent);
        above.position(|at| at == renamed).map(|depth| (target, depth))
    }

    /// Writes the new name into parameters that named the operator by its old one. A path that would mean another operator
    /// then, as one with patterns may, stays as it is.
    pub(super) fn follow_rename(&mut self, references: Vec<Reference>, old: &str, new: &str) {
        for Reference { op, index, text, named } in references {
            let paths: Vec<String> = text
                .split_whitespace()
                .zip(named)
                .map(|(path, named)| {
                    let follows = |(target, depth)| {
                        let other = with_name(path, depth, old, new)?;
                        (self.find_from(op, &other) == Some(target)).then_some(other)
                    };
                    named.and_then(follows).unwrap_or_else(|| path.to_owned())
                })
                .collect();
            let followed = paths.join(" ");
            if *followed != *text {
                // The parameter has taken a text of this kind before.
                let _ = self.set_par(op, index, &OwnedValue::Str(followed));
            }
        }
    }
}

/// The parameters of an operator that name operators by a text of their own.
fn constant_references(op: &Operator) -> impl Iterator<Item = (ParIndex, Rc<str>)> + '_ {
    op.parameters.iter().filter_map(|(index, state)| match &state.value {
        ParValue::Str(text) if state.mode == ParMode::Constant && !text.is_empty() => {
            matches!(op.parameter(*index)?.kind, Kind::Op { .. }).then(|| (*index, text.clone()))
        }
        _ => None,
    })
}

/// A path with another name at the step that is so many above its last, where the old name stands there.
fn with_name(path: &str, depth: usize, old: &str, new: &str) -> Option<String> {
    let mut steps: Vec<&str> = path.split('/').collect();
    let (at, _) = steps.iter().enumerate().rev().filter(|(_, step)| !step.is_empty()).nth(depth)?;
    if steps[at] != old {
        return None;
    }
    steps[at] = new;
    Some(steps.join("/"))
}
