//! Styles of custom parameters: TouchDesigner's names, the suffixes of their values and what each begins with.

use super::{CustomError, GroupDefinition};
use crate::declaration::{Entries, Family, Kind, Parameter, Range, Text};
use crate::parameter::nearest_name;

/// A style of custom parameter.
#[derive(Debug)]
pub struct Style {
    /// TouchDesigner's name, as in `appendXYZ`.
    pub name: &'static str,
    /// What its values are called; empty for a single one.
    suffixes: &'static [&'static str],
    /// A number that can have up to four values, called 1 to 4.
    pub sizeable: bool,
    kind: fn() -> Kind,
}

impl PartialEq for Style {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Values that a number has at most.
const MOST_VALUES: usize = 4;

/// The styles, in TouchDesigner's order.
pub static STYLES: &[Style] = &[
    sizeable("Float", float),
    sizeable("Int", || Kind::Int { default: 0, range: Range::open(0, 10) }),
    single("Str", || Kind::Str { default: EMPTY }),
    single("StrMenu", || Kind::StrMenu { default: EMPTY, entries: Entries::Declared(&[]) }),
    single("Menu", || Kind::Menu { default: EMPTY, entries: Entries::Declared(&[]) }),
    single("Toggle", || Kind::Toggle { default: false }),
    single("Pulse", || Kind::Pulse),
    single("Momentary", || Kind::Momentary { default: false }),
    single("File", || Kind::File { default: EMPTY }),
    single("FileSave", || Kind::FileSave { default: EMPTY }),
    single("Folder", || Kind::Folder { default: EMPTY }),
    single("OP", || Kind::Op { family: None, default: EMPTY }),
    single("COMP", || Kind::Op { family: Some(Family::Comp), default: EMPTY }),
    single("DAT", || Kind::Op { family: Some(Family::Dat), default: EMPTY }),
    single("CHOP", || Kind::Op { family: Some(Family::Chop), default: EMPTY }),
    single("Object", || kept("Object")),
    single("PanelCOMP", || kept("PanelCOMP")),
    single("TOP", || kept("TOP")),
    single("SOP", || kept("SOP")),
    single("POP", || kept("POP")),
    single("MAT", || kept("MAT")),
    single("Python", || kept("Python")),
    single("Par", || kept("Par")),
    single("Header", || kept("Header")),
    single("Sequence", || kept("Sequence")),
    several("XY", &["x", "y"]),
    several("XYZ", &["x", "y", "z"]),
    several("XYZW", &["x", "y", "z", "w"]),
    several("WH", &["w", "h"]),
    several("UV", &["u", "v"]),
    several("UVW", &["u", "v", "w"]),
    several("RGB", &["r", "g", "b"]),
    several("RGBA", &["r", "g", "b", "a"]),
];

const EMPTY: Text = Text::Borrowed("");

const fn single(name: &'static str, kind: fn() -> Kind) -> Style {
    Style { name, suffixes: &[], sizeable: false, kind }
}

const fn sizeable(name: &'static str, kind: fn() -> Kind) -> Style {
    Style { name, suffixes: &[], sizeable: true, kind }
}

const fn several(name: &'static str, suffixes: &'static [&'static str]) -> Style {
    Style { name, suffixes, sizeable: false, kind: float }
}

fn float() -> Kind {
    Kind::Float { default: 0.0, range: Range::open(0.0, 1.0) }
}

fn kept(style: &'static str) -> Kind {
    Kind::Kept { style, default: EMPTY }
}

impl Style {
    /// The style of this name.
    pub fn find(name: &str) -> Option<&'static Style> {
        STYLES.iter().find(|style| style.name == name)
    }

    /// The style whose name is most similar.
    pub fn nearest(name: &str) -> Option<&'static str> {
        nearest_name(name, STYLES.iter().map(|style| style.name))
    }

    /// What a parameter of this style begins with.
    pub fn kind(&self) -> Kind {
        (self.kind)()
    }

    /// Values that it has, when none are asked for.
    pub fn size(&self) -> usize {
        self.suffixes.len().max(1)
    }

    /// Names of the values of a group.
    ///
    /// # Errors
    /// [`CustomError::BadName`], [`CustomError::Size`].
    pub fn names(&self, name: &str, size: usize) -> Result<Vec<String>, CustomError> {
        if !is_right_name(name) {
            return Err(CustomError::BadName { name: name.to_owned(), right: right_name(name) });
        }
        let most = if self.sizeable { MOST_VALUES } else { self.size() };
        if size == 0 || size > most || (!self.sizeable && size != most) {
            return Err(CustomError::Size { style: self.name, size, most });
        }
        Ok(match self.suffixes {
            [] if size == 1 => vec![name.to_owned()],
            [] => (1..=size).map(|number| format!("{name}{number}")).collect(),
            suffixes => suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect(),
        })
    }

    /// The definition of a group of this style, with the values that a new one has.
    ///
    /// # Errors
    /// As [`Style::names`].
    pub fn define(&'static self, name: &str, label: &str, size: usize) -> Result<GroupDefinition, CustomError> {
        let names = self.names(name, size)?;
        let parameter = |name| Parameter::custom(name, label.to_owned(), self.kind());
        let parameters = names.into_iter().map(parameter).collect();
        Ok(GroupDefinition { name: name.to_owned(), style: self, order: None, parameters })
    }
}

fn is_right_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_uppercase())
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// The name in the form that custom parameters have; `None` when nothing is left of it.
pub fn right_name(name: &str) -> Option<String> {
    let mut letters = name.chars().filter(char::is_ascii_alphanumeric).skip_while(char::is_ascii_digit);
    let first = letters.next()?.to_ascii_uppercase();
    Some(std::iter::once(first).chain(letters.map(|c| c.to_ascii_lowercase())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_suffixes_of_their_style() {
        let names = |style: &str, size| Style::find(style).unwrap().names("Pos", size).unwrap();
        assert_eq!(names("Float", 1), ["Pos"]);
        assert_eq!(names("Int", 3), ["Pos1", "Pos2", "Pos3"]);
        assert_eq!(names("XYZ", 3), ["Posx", "Posy", "Posz"]);
        assert_eq!(names("RGBA", 4), ["Posr", "Posg", "Posb", "Posa"]);
        assert_eq!(names("UVW", 3), ["Posu", "Posv", "Posw"]);
        assert_eq!(names("WH", 2), ["Posw", "Posh"]);
    }

    #[test]
    fn a_wrong_name_is_told_the_right_one() {
        for (wrong, right) in [("seat", "Seat"), ("My_Value", "Myvalue"), ("speedX", "Speedx"), ("2 d", "D")] {
            assert_eq!(right_name(wrong).as_deref(), Some(right));
            let error = STYLES[0].names(wrong, 1).unwrap_err();
            assert!(error.to_string().ends_with(&format!("use `{right}`")), "{error}");
        }
        assert_eq!(right_name("12"), None);
        assert!(STYLES[0].names("", 1).is_err());
    }

    #[test]
    fn only_numbers_have_several_values() {
        let size = |style: &str, size| Style::find(style).unwrap().names("A", size).map_err(|error| error.to_string());
        assert_eq!(size("Float", 4).unwrap().len(), 4);
        assert_eq!(size("Float", 5), Err("a parameter of style Float has 1 to 4 values, not 5".into()));
        assert!(size("Float", 0).is_err() && size("Str", 2).is_err() && size("XYZ", 2).is_err());
    }

    #[test]
    fn every_style_says_its_own_name() {
        for style in STYLES {
            let kind = style.kind().style();
            assert!(kind == style.name || (kind == "Float" && style.suffixes.len() > 1), "{}", style.name);
        }
    }
}
