//! State of a parameter: its mode, its constant value, and how a value from a file or a script becomes one.
//!
//! Conversions follow TouchDesigner: numbers outside a range clamp, a menu takes an entry's name or its position, a
//! toggle takes numbers and the usual words. Anything else is a [`ParameterError`] that names what would be right.

use std::rc::Rc;

use crate::declaration::{Kind, Parameter, Text};
use crate::value::OwnedValue;

/// A parameter's value. Operators are kept as the path that was written.
#[derive(Clone, Debug, PartialEq)]
pub enum ParValue {
    /// Of a toggle or pulse.
    Bool(bool),
    /// Of an Int.
    Int(i64),
    /// Of a Float.
    Float(f64),
    /// Of Str, Menu, File, Folder and operator references.
    Str(Rc<str>),
}

impl ParValue {
    /// Text form, as `str(par)` gives it in Python.
    pub fn to_text(&self) -> Rc<str> {
        match self {
            ParValue::Bool(on) => Rc::from(if *on { "True" } else { "False" }),
            ParValue::Int(number) => Rc::from(number.to_string()),
            ParValue::Float(number) => Rc::from(number.to_string()),
            ParValue::Str(text) => text.clone(),
        }
    }

    /// Truth of the value: zero, `off` and empty text are false.
    pub fn is_on(&self) -> bool {
        match self {
            ParValue::Bool(on) => *on,
            ParValue::Int(number) => *number != 0,
            ParValue::Float(number) => *number != 0.0,
            ParValue::Str(text) => !text.is_empty(),
        }
    }

    /// Number nearest to the value; text that is no number is 0.
    pub fn as_f64(&self) -> f64 {
        match self {
            ParValue::Bool(on) => f64::from(u8::from(*on)),
            ParValue::Int(number) => *number as f64,
            ParValue::Float(number) => *number,
            ParValue::Str(text) => text.parse().unwrap_or(0.0),
        }
    }

    /// The value as a script or a file would give it.
    pub fn to_owned_value(&self) -> OwnedValue {
        match self {
            ParValue::Bool(on) => OwnedValue::Bool(*on),
            ParValue::Int(number) => OwnedValue::Int(*number),
            ParValue::Float(number) => OwnedValue::Float(*number),
            ParValue::Str(text) => OwnedValue::Str(text.to_string()),
        }
    }

    /// Whole number, rounded towards zero.
    pub fn as_i64(&self) -> i64 {
        match self {
            ParValue::Int(number) => *number,
            other => other.as_f64() as i64,
        }
    }
}

/// How a parameter gets its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParMode {
    /// From the constant.
    #[default]
    Constant,
    /// From an expression, computed when it is read.
    Expression,
    /// From another parameter, both ways.
    Bind,
}

impl ParMode {
    /// TouchDesigner's name: `CONSTANT`, `EXPRESSION` or `BIND`.
    pub const fn name(self) -> &'static str {
        match self {
            ParMode::Constant => "CONSTANT",
            ParMode::Expression => "EXPRESSION",
            ParMode::Bind => "BIND",
        }
    }
}

/// State of one parameter that differs from its declaration's default. The others need no state.
#[derive(Clone, Debug)]
pub struct ParState {
    /// Where the value comes from.
    pub mode: ParMode,
    /// The mode before this one.
    pub previous: ParMode,
    /// The constant value; in the other modes, what was computed last.
    pub value: ParValue,
    /// Text of the expression, kept while another mode is on.
    pub expression: Option<Rc<str>>,
    /// Text of the bind expression, kept while another mode is on.
    pub bind: Option<Rc<str>>,
    /// Another number with each change of the value; 0 for one that was never set.
    pub(crate) version: u64,
}

impl ParState {
    /// State of a parameter that is at its default.
    pub fn of_default(parameter: &Parameter) -> Self {
        ParState {
            mode: ParMode::Constant,
            previous: ParMode::Constant,
            value: default_value(parameter),
            expression: None,
            bind: None,
            version: 0,
        }
    }

    /// Lets what it computes be computed anew, as another text would: what it gives may have another form now.
    pub(crate) fn forget_computed(&mut self) {
        for text in [&mut self.expression, &mut self.bind].into_iter().flatten() {
            *text = Rc::from(&**text);
        }
    }

    /// Puts it in another mode. Returns the one before.
    pub(crate) fn change_mode(&mut self, mode: ParMode) -> ParMode {
        let before = std::mem::replace(&mut self.mode, mode);
        if before != mode {
            self.previous = before;
        }
        before
    }
}

/// Why a value does not fit a parameter.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParameterError {
    /// The operator type has no parameter of that name.
    #[error("there is no parameter `{name}`{}", nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// The most similar name.
        nearest: Option<String>,
    },
    /// The value is of the wrong type.
    #[error("`{parameter}` takes {expected}, not {found}")]
    WrongType {
        /// Script name of the parameter.
        parameter: Text,
        /// What it takes.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// The menu has no such entry.
    #[error("`{parameter}` has no entry `{entry}`; it takes {}", choices.join(", "))]
    UnknownEntry {
        /// Script name of the parameter.
        parameter: Text,
        /// What was asked for.
        entry: String,
        /// Names of all entries.
        choices: Vec<String>,
    },
    /// The menu has fewer entries.
    #[error("`{parameter}` has {count} entries, there is no number {index}")]
    NoSuchIndex {
        /// Script name of the parameter.
        parameter: Text,
        /// Entries of the menu.
        count: usize,
        /// What was asked for.
        index: i64,
    },
    /// A number that is not finite.
    #[error("`{parameter}` takes a finite number")]
    NotFinite {
        /// Script name of the parameter.
        parameter: Text,
    },
}

/// Default of a declaration as a value.
pub fn default_value(parameter: &Parameter) -> ParValue {
    match &parameter.kind {
        Kind::Toggle { default } | Kind::Momentary { default } => ParValue::Bool(*default),
        Kind::Pulse => ParValue::Bool(false),
        Kind::Int { default, .. } => ParValue::Int(*default),
        Kind::Float { default, .. } => ParValue::Float(*default),
        Kind::Str { default }
        | Kind::StrMenu { default, .. }
        | Kind::Menu { default, .. }
        | Kind::File { default }
        | Kind::FileSave { default }
        | Kind::Folder { default }
        | Kind::Op { default, .. }
        | Kind::Kept { default, .. } => ParValue::Str(Rc::from(&**default)),
    }
}

/// Turns what a file, script or expression gave into a value of this parameter. Numbers clamp to the range.
///
/// # Errors
/// [`ParameterError`] when no reading of the value fits.
pub fn convert(parameter: &Parameter, given: &OwnedValue) -> Result<ParValue, ParameterError> {
    match &parameter.kind {
        Kind::Toggle { .. } | Kind::Momentary { .. } | Kind::Pulse => {
            to_bool(given).map(ParValue::Bool).ok_or_else(|| wrong(parameter, "on or off", given))
        }
        Kind::Int { range, .. } => {
            let number = to_number(given).ok_or_else(|| wrong(parameter, "a whole number", given))?;
            if !number.is_finite() {
                return Err(ParameterError::NotFinite { parameter: parameter.name.clone() });
            }
            let whole = if let OwnedValue::Int(whole) = given { *whole } else { number as i64 };
            Ok(ParValue::Int(range.clamp(whole)))
        }
        Kind::Float { range, .. } => {
            let number = to_number(given).ok_or_else(|| wrong(parameter, "a number", given))?;
            if !number.is_finite() {
                return Err(ParameterError::NotFinite { parameter: parameter.name.clone() });
            }
            Ok(ParValue::Float(range.clamp(number)))
        }
        Kind::Menu { entries, .. } => {
            let by_index = |index: i64| {
                usize::try_from(index).ok().and_then(|i| entries.get(i)).ok_or(ParameterError::NoSuchIndex {
                    parameter: parameter.name.clone(),
                    count: entries.len(),
                    index,
                })
            };
            let unknown = |entry: String| ParameterError::UnknownEntry {
                parameter: parameter.name.clone(),
                entry,
                choices: entries.iter().map(|entry| entry.name.to_owned()).collect(),
            };
            let entry = match given {
                OwnedValue::Int(index) => by_index(*index)?,
                OwnedValue::Float(index) => by_index(*index as i64)?,
                OwnedValue::Str(name) => entries
                    .iter()
                    .find(|entry| entry.name == *name)
                    .or_else(|| entries.iter().find(|entry| entry.label == *name))
                    .ok_or_else(|| unknown(name.clone()))?,
                OwnedValue::Bool(on) => return Err(unknown(on.to_string())),
                _ => return Err(wrong(parameter, "the name of an entry", given)),
            };
            Ok(ParValue::Str(Rc::from(entry.name)))
        }
        Kind::Str { .. } | Kind::StrMenu { .. } | Kind::File { .. } | Kind::FileSave { .. } | Kind::Folder { .. } => {
            to_text(given).map(ParValue::Str).ok_or_else(|| wrong(parameter, "text", given))
        }
        // A script can read the object that an expression gives; the patch keeps a word for it.
        Kind::Kept { .. } => Ok(ParValue::Str(to_text(given).unwrap_or_else(|| Rc::from(described(given))))),
        Kind::Op { .. } => {
            to_text(given).map(ParValue::Str).ok_or_else(|| wrong(parameter, "an operator or its path", given))
        }
    }
}

fn to_bool(given: &OwnedValue) -> Option<bool> {
    match given {
        OwnedValue::Bool(on) => Some(*on),
        OwnedValue::Int(number) => Some(*number != 0),
        OwnedValue::Float(number) => Some(*number != 0.0),
        OwnedValue::Str(text) => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "on" | "true" | "yes" => Some(true),
            "0" | "off" | "false" | "no" | "" => Some(false),
            other => other.parse::<f64>().ok().map(|number| number != 0.0),
        },
        _ => None,
    }
}

fn to_number(given: &OwnedValue) -> Option<f64> {
    match given {
        OwnedValue::Bool(on) => Some(f64::from(u8::from(*on))),
        OwnedValue::Int(number) => Some(*number as f64),
        OwnedValue::Float(number) => Some(*number),
        OwnedValue::Str(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn to_text(given: &OwnedValue) -> Option<Rc<str>> {
    match given {
        OwnedValue::None => Some(Rc::from("")),
        OwnedValue::Bool(on) => Some(Rc::from(if *on { "True" } else { "False" })),
        OwnedValue::Int(number) => Some(Rc::from(number.to_string())),
        OwnedValue::Float(number) => Some(Rc::from(number.to_string())),
        OwnedValue::Str(text) => Some(Rc::from(text.as_str())),
        _ => None,
    }
}

fn wrong(parameter: &Parameter, expected: &'static str, given: &OwnedValue) -> ParameterError {
    ParameterError::WrongType { parameter: parameter.name.clone(), expected, found: described(given) }
}

fn described(given: &OwnedValue) -> String {
    match given {
        OwnedValue::None => "nothing".to_owned(),
        OwnedValue::Bool(on) => on.to_string(),
        OwnedValue::Int(number) => number.to_string(),
        OwnedValue::Float(number) => number.to_string(),
        OwnedValue::Str(text) => format!("{text:?}"),
        OwnedValue::Bytes(_) => "bytes".to_owned(),
        OwnedValue::Op(_) => "an operator".to_owned(),
        OwnedValue::List(_) => "a list".to_owned(),
        OwnedValue::Dict(_) => "a table".to_owned(),
        OwnedValue::Other(name) => name.clone(),
    }
}

/// The most similar name among `names`, when one is similar enough to be worth suggesting.
pub fn nearest_name<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted.to_ascii_lowercase(), &name.to_ascii_lowercase()), name))
        .filter(|(similarity, _)| *similarity > 0.78)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declaration::MenuEntry;

    static PORT: Parameter = Parameter::int("port", "Port", 9980, 1, 65535);
    static LEVEL: Parameter = Parameter::float("level", "Level", 0.5, 0.0, 1.0);
    static ACTIVE: Parameter = Parameter::toggle("active", "Active", false);
    static MODE: Parameter =
        Parameter::menu("mode", "Mode", "a", &[MenuEntry::new("a", "First"), MenuEntry::new("b", "Second")]);

    #[test]
    fn numbers_outside_the_range_clamp() {
        assert_eq!(convert(&PORT, &OwnedValue::Int(0)), Ok(ParValue::Int(1)));
        assert_eq!(convert(&PORT, &OwnedValue::Int(70_000)), Ok(ParValue::Int(65535)));
        assert_eq!(convert(&LEVEL, &OwnedValue::Float(1.5)), Ok(ParValue::Float(1.0)));
    }

    #[test]
    fn numbers_come_from_text_and_truncate() {
        assert_eq!(convert(&PORT, &OwnedValue::Str(" 8080 ".into())), Ok(ParValue::Int(8080)));
        assert_eq!(convert(&PORT, &OwnedValue::Float(80.9)), Ok(ParValue::Int(80)));
        assert!(matches!(convert(&PORT, &OwnedValue::Str("eighty".into())), Err(ParameterError::WrongType { .. })));
        assert!(matches!(convert(&LEVEL, &OwnedValue::Float(f64::NAN)), Err(ParameterError::NotFinite { .. })));
    }

    #[test]
    fn toggles_take_the_usual_words() {
        for (text, on) in [("1", true), ("on", true), ("True", true), ("0", false), ("Off", false), ("", false)] {
            assert_eq!(convert(&ACTIVE, &OwnedValue::Str(text.into())), Ok(ParValue::Bool(on)), "{text:?}");
        }
        assert!(convert(&ACTIVE, &OwnedValue::Str("maybe".into())).is_err());
    }

    #[test]
    fn menus_take_names_labels_and_positions() {
        for given in [OwnedValue::Str("b".into()), OwnedValue::Str("Second".into()), OwnedValue::Int(1)] {
            assert_eq!(convert(&MODE, &given), Ok(ParValue::Str(Rc::from("b"))));
        }
        let error = convert(&MODE, &OwnedValue::Str("c".into())).unwrap_err();
        assert_eq!(error.to_string(), "`mode` has no entry `c`; it takes a, b");
        let error = convert(&MODE, &OwnedValue::Bool(true)).unwrap_err();
        assert_eq!(error.to_string(), "`mode` has no entry `true`; it takes a, b");
        assert!(matches!(convert(&MODE, &OwnedValue::Int(2)), Err(ParameterError::NoSuchIndex { count: 2, .. })));
    }

    #[test]
    fn the_nearest_name_is_offered_only_when_it_is_near() {
        assert_eq!(nearest_name("prot", ["port", "active"]), Some("port"));
        assert_eq!(nearest_name("colour", ["port", "active"]), None);
    }
}
