//! Stand-ins: operators that take the place of a type that is not here.
//!
//! What such an operator is to scripts, the type in its parameter `optype` decides: `noiseTOP` makes it a TOP. It has every
//! parameter that is asked for: a custom one is made at the first mention of its name, a number until text is given
//! to it. What it remembers and shows is its worker's business.

use super::custom::{CustomError, GroupDefinition, Style};
use super::{OpId, Operator, Patch, PatchError};
use crate::declaration::{Family, Kind, OperatorType, ParIndex, Parameter};
use crate::parameter::ParValue;
use crate::tdu;
use crate::value::OwnedValue;

/// Type name of the stand-in.
pub const STAND_IN: &str = "standinDAT";

/// Name of the page with the parameters that were asked for.
const PAGE: &str = "Asked for";

/// Inputs that a stand-in can have.
pub const STAND_IN_INPUTS: usize = 64;

/// Longest name of a parameter that a stand-in makes up, in bytes.
const MAX_NAME: usize = 100;

/// The families of operators, those among them that have no operator here.
pub const FAMILIES: [&str; 7] = ["CHOP", "COMP", "DAT", "MAT", "POP", "SOP", "TOP"];

/// The family of a type by its name; `None` for what is no type name.
pub fn family_of_type(name: &str) -> Option<&'static str> {
    let mut families = FAMILIES.iter().filter(|family| name.len() > family.len() && name.ends_with(**family));
    families.next().copied()
}

/// Whether a type is the stand-in.
pub fn is_stand_in(kind: &OperatorType) -> bool {
    kind.name == STAND_IN
}

impl Operator {
    /// Whether it is a stand-in.
    pub fn is_stand_in(&self) -> bool {
        is_stand_in(self.declaration)
    }

    /// Its type as scripts see it, such as `noiseTOP`: that of its declaration, or what it stands in for.
    pub fn type_name(&self) -> &str {
        self.stands_in_for().unwrap_or(self.declaration.name)
    }

    /// Its type without the family, such as `noise`.
    pub fn short_type_name(&self) -> &str {
        let name = self.type_name();
        name.strip_suffix(self.family_name()).unwrap_or(name)
    }

    /// The family of its type as scripts see it, such as `TOP`.
    pub fn family_name(&self) -> &'static str {
        self.stands_in_for().and_then(family_of_type).unwrap_or(self.declaration.family.suffix())
    }

    fn stands_in_for(&self) -> Option<&str> {
        if !self.is_stand_in() {
            return None;
        }
        let (index, _) = self.declaration.find_parameter("optype")?;
        match &self.par_state(index)?.value {
            ParValue::Str(name) => family_of_type(name).map(|_| &**name),
            _ => None,
        }
    }

    /// Whether other operators can be in it.
    pub(super) fn holds_operators(&self) -> bool {
        self.declaration.family == Family::Comp || self.family_name() == "COMP"
    }
}

impl Patch {
    /// Whether operators of types that are not here are made as stand-ins.
    pub fn allows_stand_ins(&self) -> bool {
        self.stand_ins
    }

    /// Says whether operators of types that are not here are made as stand-ins.
    pub fn allow_stand_ins(&mut self, allowed: bool) {
        self.stand_ins = allowed;
    }

    /// The parameter of a stand-in that has this name, made when there is none. With text to be `given`, one that takes
    /// numbers becomes one that takes text. `None` for other operators.
    ///
    /// # Errors
    /// When the operator is gone, or has as many parameters as it can have.
    pub fn stand_in_par(
        &mut self,
        id: OpId,
        name: &str,
        given: Option<&OwnedValue>,
    ) -> Result<Option<ParIndex>, PatchError> {
        let op = self.get(id).ok_or(PatchError::Gone)?;
        if !op.is_stand_in() || name.len() > MAX_NAME || !tdu::is_valid_name(name) {
            return Ok(None);
        }
        let is_number = match given {
            None | Some(OwnedValue::Bool(_) | OwnedValue::Int(_) | OwnedValue::Float(_)) => true,
            // Text that is a number stays one where the parameter is known to be a number.
            Some(OwnedValue::Str(text)) => {
                op.find_parameter(name).is_some() && text.trim().parse::<f64>().is_ok_and(f64::is_finite)
            }
            Some(_) => false,
        };
        let style = Style::find(if is_number { "Float" } else { "Str" }).ok_or(CustomError::Full)?;
        if let Some((index, parameter)) = op.find_parameter(name) {
            if index.is_custom() && !is_number && matches!(parameter.kind, Kind::Float { .. }) {
                self.change_custom(id, index, |parameter| parameter.kind = style.kind())?;
            }
            return Ok(Some(index));
        }
        let page = self.append_custom_page(id, PAGE)?;
        let parameter = Parameter::custom(name.to_owned(), name.to_owned(), style.kind());
        let definition = GroupDefinition { name: name.to_owned(), style, order: None, parameters: vec![parameter] };
        Ok(self.define_custom(id, page, definition, false)?.first().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_is_the_end_of_a_type_name() {
        for (name, family) in [
            ("noiseTOP", Some("TOP")),
            ("noiseCHOP", Some("CHOP")),
            ("buttonCOMP", Some("COMP")),
            ("gridPOP", Some("POP")),
            ("TOP", None),
            ("noise", None),
        ] {
            assert_eq!(family_of_type(name), family, "{name}");
        }
    }
}
