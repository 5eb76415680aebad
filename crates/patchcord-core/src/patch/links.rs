//! What joins operators: wires and docks. Both ends know of each, so that neither has to be searched for. Wires to and
//! from components are kept at the operators inside that make their inputs and outputs (see `connectors`).

use super::{OpId, Patch, PatchError, Source};
use crate::change::Change;

impl Patch {
    /// Docks an operator to a sibling (or frees it), so that the two live and die together.
    ///
    /// # Errors
    /// When one of the two is gone, or they are not two operators of one component.
    pub fn dock(&mut self, id: OpId, host: Option<OpId>) -> Result<(), PatchError> {
        let op = self.operators.get(id).ok_or(PatchError::Gone)?;
        if let Some(host) = host {
            let target = self.operators.get(host).ok_or(PatchError::Gone)?;
            if target.parent != op.parent || host == id {
                return Err(PatchError::NotSiblings { path: op.path.clone(), host: target.path.clone() });
            }
        }
        self.undock(id);
        if let Some(host) = host {
            self.operators[id].dock = Some(host);
            self.operators[host].docked.push(id);
        }
        Ok(())
    }

    /// Operators docked to this one, in order of creation.
    pub fn docked(&self, host: OpId) -> Vec<OpId> {
        let mut docked = self.get(host).map(|op| op.docked.clone()).unwrap_or_default();
        docked.sort_unstable_by_key(|id| self.get(*id).map(|op| op.number));
        docked
    }

    /// Frees an operator from the one that it is docked to.
    pub(super) fn undock(&mut self, id: OpId) {
        let host = self.operators.get_mut(id).and_then(|op| op.dock.take());
        if let Some(host) = host.and_then(|host| self.operators.get_mut(host)) {
            host.docked.retain(|docked| *docked != id);
        }
    }

    /// Wires an output to an input, or opens the input. Inputs and outputs of a component are those of the In and Out
    /// operators inside it.
    ///
    /// # Errors
    /// When an operator is gone, the input or output does not exist, or the families differ.
    pub fn wire(&mut self, target: OpId, input: usize, source: Option<Source>) -> Result<(), PatchError> {
        let (target, input) = self.wire_end(target, input)?;
        let source = source.map(|source| self.wire_start(source)).transpose()?;
        if let Some(source) = source {
            let family = |id: OpId| self.operators.get(id).map(super::Operator::family_name);
            let (from, to) = (family(source.op).ok_or(PatchError::Gone)?, family(target).ok_or(PatchError::Gone)?);
            if from != to {
                return Err(PatchError::FamilyMismatch { from, to });
            }
        }
        let inputs = &mut self.operators[target].inputs;
        if inputs.len() <= input {
            inputs.resize(input + 1, None);
        }
        let old = std::mem::replace(&mut inputs[input], source);
        if old == source {
            return Ok(());
        }
        let still_fed = |from: OpId| inputs.iter().flatten().any(|source| source.op == from);
        let forgotten = old.map(|old| old.op).filter(|old| !still_fed(*old));
        if let Some(old) = forgotten.and_then(|old| self.operators.get_mut(old)) {
            old.fed.retain(|fed| *fed != target);
        }
        if let Some(source) = source
            && let Some(from) = self.operators.get_mut(source.op)
            && !from.fed.contains(&target)
        {
            from.fed.push(target);
        }
        self.queue.push(Change::Inputs { op: target });
        Ok(())
    }

    /// Lets the sources of an operator forget it.
    pub(super) fn open_inputs(&mut self, target: OpId) {
        let Some(op) = self.operators.get_mut(target) else { return };
        for source in std::mem::take(&mut op.inputs).into_iter().flatten() {
            if let Some(from) = self.operators.get_mut(source.op) {
                from.fed.retain(|fed| *fed != target);
            }
        }
    }

    /// Opens all inputs that an operator feeds. Returns whose they are, with the operator's number.
    pub(super) fn cut_outputs(&mut self, source: OpId) -> Vec<(u64, OpId)> {
        let fed = self.operators.get_mut(source).map(|op| std::mem::take(&mut op.fed)).unwrap_or_default();
        let mut cut = Vec::with_capacity(fed.len());
        for id in fed {
            let Some(op) = self.operators.get_mut(id) else { continue };
            op.inputs
                .iter_mut()
                .filter(|input| input.is_some_and(|from| from.op == source))
                .for_each(|input| *input = None);
            cut.push((op.number, id));
        }
        cut
    }
}
