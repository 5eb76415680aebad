//! Edits of the tree: making, destroying and renaming operators.

use std::collections::HashSet;
use std::rc::Rc;

use super::{MAX_OPERATORS, OpId, Operator, Patch, PatchError, blank};
use crate::change::Change;
use crate::declaration::{Family, OperatorType};
use crate::tdu;

impl Patch {
    /// Makes an operator. Without a name it gets the type's short name and the first free digit.
    ///
    /// # Errors
    /// When the parent is gone or no component, or the name is illegal or taken, or the patch is full.
    pub fn create(
        &mut self,
        parent: OpId,
        kind: &'static OperatorType,
        name: Option<&str>,
    ) -> Result<OpId, PatchError> {
        if self.operators.len() >= MAX_OPERATORS {
            return Err(PatchError::Full);
        }
        let holder = self.operators.get(parent).ok_or(PatchError::Gone)?;
        if !holder.holds_operators() {
            return Err(PatchError::NotAComponent { path: holder.path.clone() });
        }
        let name: Rc<str> = match name {
            Some(name) => {
                check_name(name)?;
                if holder.children.find(name).is_some() {
                    return Err(PatchError::NameTaken { name: name.to_owned(), parent: holder.path.clone() });
                }
                Rc::from(name)
            }
            None => Rc::from(holder.children.free_name(kind.short_name())),
        };
        self.made += 1;
        let mut operator = blank(kind, name.clone(), join(&holder.path, &name), Some(parent));
        operator.number = self.made;
        let id = self.operators.insert(operator);
        self.operators[parent].children.add(id, self.made, name);
        self.queue.push(Change::Created { op: id });
        Ok(id)
    }

    /// First free name in a component: the base and a number from 1.
    pub fn free_name(&self, parent: OpId, base: &str) -> String {
        self.operators.get(parent).map_or_else(|| format!("{base}1"), |op| op.children.free_name(base))
    }

    /// Destroys an operator with all that is inside it and docked to it. They leave the tree at once; their workers are
    /// told when the turn has ended.
    ///
    /// # Errors
    /// [`PatchError::Gone`], [`PatchError::IsRoot`].
    pub fn destroy(&mut self, id: OpId) -> Result<(), PatchError> {
        if id == self.root {
            return Err(PatchError::IsRoot);
        }
        self.operators.get(id).ok_or(PatchError::Gone)?;
        let mut doomed = vec![id];
        let mut known = HashSet::from([id]);
        let mut at = 0;
        while at < doomed.len() {
            let op = &self.operators[doomed[at]];
            let more = op.children.in_order().iter().chain(&op.docked).copied();
            doomed.extend(more.filter(|other| known.insert(*other)));
            at += 1;
        }
        let (mut cut, mut components) = (Vec::new(), Vec::new());
        for &gone in &doomed {
            self.undock(gone);
            self.open_inputs(gone);
            cut.extend(self.cut_outputs(gone));
            if let Some(op) = self.operators.remove(gone) {
                // Below another that goes, all stays as it was: its last callbacks find what is near it.
                if let Some(parent) = op.parent.filter(|parent| !known.contains(parent)) {
                    self.operators[parent].children.remove(op.number, &op.name);
                }
                // One that was made in the same turn has not begun, so it has nothing to end and nobody knows it.
                if is_component(&op) {
                    components.push(gone);
                } else {
                    self.queue.push(Change::Destroyed { op: gone });
                }
                if op.begun {
                    self.ending.insert(gone, op);
                }
            }
        }
        // What is inside says goodbye first: its callbacks may need the extensions of the component.
        components.into_iter().rev().for_each(|op| self.queue.push(Change::Destroyed { op }));
        cut.retain(|(_, target)| !known.contains(target));
        cut.sort_unstable_by_key(|(number, _)| *number);
        cut.dedup();
        cut.into_iter().for_each(|(_, op)| self.queue.push(Change::Inputs { op }));
        Ok(())
    }

    /// Gives an operator another name; the paths of all that is inside it follow, and so do parameters that name one of
    /// them in constant mode.
    ///
    /// # Errors
    /// When the name is illegal or taken, or the operator is gone or the root.
    pub fn rename(&mut self, id: OpId, name: &str) -> Result<(), PatchError> {
        check_name(name)?;
        let op = self.operators.get(id).ok_or(PatchError::Gone)?;
        let (old, parent) = (op.name.clone(), op.parent.ok_or(PatchError::IsRoot)?);
        if &*old == name {
            return Ok(());
        }
        let holder = &self.operators[parent];
        if holder.children.find(name).is_some() {
            return Err(PatchError::NameTaken { name: name.to_owned(), parent: holder.path.clone() });
        }
        let references = self.references_to(id);
        let name: Rc<str> = Rc::from(name);
        self.operators[parent].children.rename(id, &old, name.clone());
        self.operators[id].name = name.clone();
        let mut stale = vec![id];
        while let Some(id) = stale.pop() {
            let parent = self.operators[id].parent.unwrap_or(self.root);
            let path = join(&self.operators[parent].path, &self.operators[id].name);
            self.operators[id].path = path;
            stale.extend(self.operators[id].children.in_order().iter().rev());
            self.queue.push(Change::Renamed { op: id });
        }
        self.follow_rename(references, &old, &name);
        Ok(())
    }
}

fn is_component(op: &Operator) -> bool {
    op.declaration.family == Family::Comp
}

fn join(parent: &str, name: &str) -> Rc<str> {
    if parent == "/" { Rc::from(format!("/{name}")) } else { Rc::from(format!("{parent}/{name}")) }
}

fn check_name(name: &str) -> Result<(), PatchError> {
    if !name.is_empty() && tdu::valid_name(name) == name {
        Ok(())
    } else {
        Err(PatchError::BadName { name: name.to_owned() })
    }
}
