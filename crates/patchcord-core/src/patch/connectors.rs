//! Inputs and outputs of components: the In and Out operators inside them.
//!
//! A component has an input for each In operator that stands directly in it, and an output for each Out operator, of
//! whatever family. They are counted in the order of the parameter `connectorder`, then of their names, where `in2`
//! comes before `in10`.
//!
//! A wire to an input of a component is kept at its In operator, and a wire from an output at its Out operator. So it
//! stays with the operator when this is renamed or another comes before it, and it is open when the operator is
//! destroyed. [`Patch::inputs`] and [`Patch::fed_by`] show such wires as they are seen from outside.

use std::cmp::Ordering;

use super::stand_in::STAND_IN_INPUTS;
use super::{OpId, Patch, PatchError, Source};
use crate::declaration::{Family, OperatorType};
use crate::tdu;

/// Which side of a component a connector is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Inputs.
    In,
    /// Outputs.
    Out,
}

impl Side {
    /// The side on which an operator of this type makes a connector for the component that holds it.
    pub fn of(kind: &OperatorType) -> Option<Side> {
        match kind.short_name() {
            "in" => Some(Side::In),
            "out" => Some(Side::Out),
            _ => None,
        }
    }
}

/// Which of two connectors of a component comes first, each given by its `connectorder` and its name.
pub fn connector_order(one: (i64, &str), other: (i64, &str)) -> Ordering {
    let key = |(order, name): (i64, &str)| {
        let base = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        (order, base, tdu::digits(name).unwrap_or(0))
    };
    key(one).cmp(&key(other)).then_with(|| one.1.cmp(other.1))
}

impl Patch {
    /// The In or Out operators of a component, in the order of its inputs or outputs.
    pub fn connectors(&self, component: OpId, side: Side) -> Vec<OpId> {
        let children = self.get(component).map(|op| op.children().to_vec()).unwrap_or_default();
        let mut found: Vec<(i64, OpId)> = children
            .into_iter()
            .filter_map(|id| {
                let kind = self.get(id)?.declaration;
                (Side::of(kind) == Some(side)).then(|| (self.connect_order_of(id), id))
            })
            .collect();
        let name = |id: OpId| self.get(id).map_or("", |op| &*op.name);
        found.sort_by(|(one, a), (other, b)| connector_order((*one, name(*a)), (*other, name(*b))));
        found.into_iter().map(|(_, id)| id).collect()
    }

    fn connect_order_of(&self, id: OpId) -> i64 {
        let Some(op) = self.get(id) else { return 0 };
        op.declaration.find_parameter("connectorder").map_or(0, |(index, _)| op.par_value(index).as_i64())
    }

    /// Inputs of an operator as the network around it shows them; trailing open ones may be missing. An operator of the
    /// same network stands for what it feeds from inside, and an In operator has none.
    pub fn inputs(&self, id: OpId) -> Vec<Option<Source>> {
        let Some(op) = self.get(id) else { return Vec::new() };
        if Side::of(op.declaration) == Some(Side::In) {
            return Vec::new();
        }
        if op.declaration.family != Family::Comp {
            return op.inputs.iter().map(|source| source.map(|source| self.seen_from(op.parent, source))).collect();
        }
        let connectors = self.connectors(id, Side::In);
        let source = |of: OpId| self.get(of)?.inputs.first().copied().flatten();
        connectors.into_iter().map(|of| source(of).map(|source| self.seen_from(op.parent, source))).collect()
    }

    /// A source as it is seen from a network: an Out operator of another one is the component that it stands in.
    fn seen_from(&self, network: Option<OpId>, source: Source) -> Source {
        let Some(from) = self.get(source.op) else { return source };
        let Some(component) = from.parent.filter(|parent| Some(*parent) != network) else { return source };
        let output = self.connectors(component, Side::Out).iter().position(|out| *out == source.op);
        output.map_or(source, |output| Source { op: component, output: output.try_into().unwrap_or(u8::MAX) })
    }

    /// Operators of the same network that this one feeds, in order of creation.
    pub fn fed_by(&self, source: OpId) -> Vec<OpId> {
        let Some(op) = self.get(source) else { return Vec::new() };
        let mut fed: Vec<OpId> = op.fed.iter().filter_map(|to| self.seen_in(op.parent, *to)).collect();
        if op.declaration.family == Family::Comp {
            let outs = self.connectors(source, Side::Out);
            let further = outs.iter().filter_map(|out| self.get(*out)).flat_map(|out| &out.fed);
            fed.extend(further.filter_map(|to| self.seen_in(op.parent, *to)));
        }
        fed.sort_unstable_by_key(|id| self.get(*id).map(|op| op.number));
        fed.dedup();
        fed
    }

    /// What a network shows of an operator that is fed: the operator itself, or the component whose input it is.
    fn seen_in(&self, network: Option<OpId>, fed: OpId) -> Option<OpId> {
        let op = self.get(fed)?;
        if op.parent == network {
            return Some(fed);
        }
        op.parent.filter(|component| self.get(*component).is_some_and(|component| component.parent == network))
    }

    /// The operator and the number of its input at which a wire to this input is kept.
    pub(super) fn wire_end(&self, target: OpId, input: usize) -> Result<(OpId, usize), PatchError> {
        let op = self.operators.get(target).ok_or(PatchError::Gone)?;
        if op.declaration.family == Family::Comp {
            let ins = self.connectors(target, Side::In);
            let connector = ins.get(input).map(|id| (*id, 0));
            return connector.ok_or_else(|| PatchError::NoConnector {
                path: op.path.clone(),
                what: "input",
                count: ins.len(),
                at: input,
                maker: "In",
            });
        }
        let count = if op.is_stand_in() { STAND_IN_INPUTS } else { op.declaration.inputs.len() };
        if input < count {
            return Ok((target, input));
        }
        Err(PatchError::NoSuchInput { label: op.declaration.label, count, input })
    }

    /// The operator whose content a wire from this output carries.
    pub(super) fn wire_start(&self, source: Source) -> Result<Source, PatchError> {
        let op = self.operators.get(source.op).ok_or(PatchError::Gone)?;
        let (outs, maker) = match op.declaration.family {
            Family::Comp => (self.connectors(source.op, Side::Out), "Out"),
            _ => (vec![source.op], ""),
        };
        match outs.get(usize::from(source.output)) {
            Some(op) => Ok(Source { op: *op, output: 0 }),
            None => Err(PatchError::NoConnector {
                path: op.path.clone(),
                what: "output",
                count: outs.len(),
                at: source.output.into(),
                maker,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectors_are_ordered_by_number_then_by_name_with_digits_as_numbers() {
        let mut connectors = [(0, "in10"), (0, "b"), (1, "a"), (0, "in2"), (-1, "z"), (0, "in"), (0, "in02")];
        connectors.sort_by(|one, other| connector_order(*one, *other));
        let expected = [(-1, "z"), (0, "b"), (0, "in"), (0, "in02"), (0, "in2"), (0, "in10"), (1, "a")];
        assert_eq!(connectors, expected);
    }
}
