//! One parameter: what is declared of it.
//!
//! Those of operator types are `static`; custom ones are made at run time, so texts and menus are borrowed or owned.

use std::borrow::Cow;
use std::ops::Deref;
use std::rc::Rc;

use super::Family;

/// A text that is part of the program or was made at run time.
pub type Text = Cow<'static, str>;

/// Declaration of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Script name, as in `op('x').par.NAME`.
    pub name: Text,
    /// Label shown to people.
    pub label: Text,
    /// Type, default and range.
    pub kind: Kind,
    /// What it does; sentences with units and limits.
    pub help: Text,
    /// Retired names that are still understood.
    pub aliases: &'static [&'static str],
    /// The value is never printed and never written to a file.
    pub secret: bool,
    /// Goes beyond TouchDesigner's operator of the same name.
    pub beyond: bool,
}

impl Parameter {
    const fn new(name: &'static str, label: &'static str, kind: Kind) -> Self {
        Parameter {
            name: Cow::Borrowed(name),
            label: Cow::Borrowed(label),
            kind,
            help: Cow::Borrowed(""),
            aliases: &[],
            secret: false,
            beyond: false,
        }
    }

    /// A parameter that is made at run time.
    pub fn custom(name: String, label: String, kind: Kind) -> Self {
        Parameter { name: Cow::Owned(name), label: Cow::Owned(label), ..Parameter::new("", "", kind) }
    }

    /// A switch.
    pub const fn toggle(name: &'static str, label: &'static str, default: bool) -> Self {
        Self::new(name, label, Kind::Toggle { default })
    }

    /// A button without a value.
    pub const fn pulse(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Pulse)
    }

    /// Text.
    pub const fn str(name: &'static str, label: &'static str, default: &'static str) -> Self {
        Self::new(name, label, Kind::Str { default: Cow::Borrowed(default) })
    }

    /// A whole number that clamps to `min..=max`.
    pub const fn int(name: &'static str, label: &'static str, default: i64, min: i64, max: i64) -> Self {
        Self::new(name, label, Kind::Int { default, range: Range::clamped(min, max) })
    }

    /// A number that clamps to `min..=max`.
    pub const fn float(name: &'static str, label: &'static str, default: f64, min: f64, max: f64) -> Self {
        Self::new(name, label, Kind::Float { default, range: Range::clamped(min, max) })
    }

    /// One of several named entries.
    pub const fn menu(
        name: &'static str,
        label: &'static str,
        default: &'static str,
        entries: &'static [MenuEntry<'static>],
    ) -> Self {
        Self::new(name, label, Kind::Menu { default: Cow::Borrowed(default), entries: Entries::Declared(entries) })
    }

    /// A file path; relative paths count from the patch folder.
    pub const fn file(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::File { default: Cow::Borrowed("") })
    }

    /// A folder path; relative paths count from the patch folder.
    pub const fn folder(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Folder { default: Cow::Borrowed("") })
    }

    /// A reference to any operator.
    pub const fn op(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Op { family: None, default: Cow::Borrowed("") })
    }

    /// A reference to a DAT.
    pub const fn dat(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Op { family: Some(Family::Dat), default: Cow::Borrowed("") })
    }

    /// A reference to a CHOP.
    pub const fn chop(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Op { family: Some(Family::Chop), default: Cow::Borrowed("") })
    }

    /// A reference to a component.
    pub const fn comp(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Op { family: Some(Family::Comp), default: Cow::Borrowed("") })
    }

    /// Adds the help text.
    pub const fn help(mut self, help: &'static str) -> Self {
        // Nothing can be dropped while compiling, and what is replaced is borrowed.
        std::mem::forget(std::mem::replace(&mut self.help, Cow::Borrowed(help)));
        self
    }

    /// Adds retired names.
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Marks the value as a secret.
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Marks the parameter as one that goes beyond TouchDesigner.
    pub const fn beyond(mut self) -> Self {
        self.beyond = true;
        self
    }
}

/// Range of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range<T> {
    /// Smallest value, where `clamp_min` holds.
    pub min: T,
    /// Largest value, where `clamp_max` holds.
    pub max: T,
    /// Smaller values become the smallest.
    pub clamp_min: bool,
    /// Larger values become the largest.
    pub clamp_max: bool,
    /// Where a slider begins.
    pub norm_min: T,
    /// Where a slider ends.
    pub norm_max: T,
}

impl<T: Copy + PartialOrd> Range<T> {
    /// Values outside become the nearest one inside.
    pub const fn clamped(min: T, max: T) -> Self {
        Range { min, max, clamp_min: true, clamp_max: true, norm_min: min, norm_max: max }
    }

    /// Any value; the range is for a slider only.
    pub const fn open(min: T, max: T) -> Self {
        Range { min, max, clamp_min: false, clamp_max: false, norm_min: min, norm_max: max }
    }

    /// The value, or the nearest one that is allowed. A range whose ends are the wrong way round gives its largest value.
    pub fn clamp(&self, value: T) -> T {
        let value = if self.clamp_min && value < self.min { self.min } else { value };
        if self.clamp_max && value > self.max { self.max } else { value }
    }
}

/// Type of a parameter, with its default and range.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// On or off.
    Toggle {
        /// Default.
        default: bool,
    },
    /// A button that is on while it is held.
    Momentary {
        /// Default.
        default: bool,
    },
    /// A button.
    Pulse,
    /// Text.
    Str {
        /// Default.
        default: Text,
    },
    /// Text, for which a menu offers some.
    StrMenu {
        /// Default.
        default: Text,
        /// What is offered.
        entries: Entries,
    },
    /// A whole number.
    Int {
        /// Default.
        default: i64,
        /// What is allowed.
        range: Range<i64>,
    },
    /// A number.
    Float {
        /// Default.
        default: f64,
        /// What is allowed.
        range: Range<f64>,
    },
    /// One of several entries, stored by name.
    Menu {
        /// Name of the default entry.
        default: Text,
        /// The entries in order.
        entries: Entries,
    },
    /// Path of a file.
    File {
        /// Default.
        default: Text,
    },
    /// Path of a file that is to be written.
    FileSave {
        /// Default.
        default: Text,
    },
    /// Path of a folder.
    Folder {
        /// Default.
        default: Text,
    },
    /// Path of an operator, of one family where given.
    Op {
        /// The only family that is accepted.
        family: Option<Family>,
        /// Default.
        default: Text,
    },
    /// A style of custom parameter that has no meaning here, such as a reference to a TOP: what it is given stays a text.
    Kept {
        /// TouchDesigner's name of the style.
        style: &'static str,
        /// Default.
        default: Text,
    },
}

impl Kind {
    /// TouchDesigner's name of the style: `Toggle`, `Int`, `StrMenu` …
    pub const fn style(&self) -> &'static str {
        match self {
            Kind::Toggle { .. } => "Toggle",
            Kind::Momentary { .. } => "Momentary",
            Kind::Pulse => "Pulse",
            Kind::Str { .. } => "Str",
            Kind::StrMenu { .. } => "StrMenu",
            Kind::Int { .. } => "Int",
            Kind::Float { .. } => "Float",
            Kind::Menu { .. } => "Menu",
            Kind::File { .. } => "File",
            Kind::FileSave { .. } => "FileSave",
            Kind::Folder { .. } => "Folder",
            Kind::Op { family: Some(Family::Dat), .. } => "DAT",
            Kind::Op { family: Some(Family::Chop), .. } => "CHOP",
            Kind::Op { family: Some(Family::Comp), .. } => "COMP",
            Kind::Op { family: None, .. } => "OP",
            Kind::Kept { style, .. } => style,
        }
    }

    /// Entries of a menu; none for what has no menu.
    pub const fn entries(&self) -> &Entries {
        match self {
            Kind::Menu { entries, .. } | Kind::StrMenu { entries, .. } => entries,
            _ => &Entries::Declared(&[]),
        }
    }
}

/// One entry of a menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MenuEntry<'a> {
    /// Script name.
    pub name: &'a str,
    /// Label shown to people.
    pub label: &'a str,
}

impl<'a> MenuEntry<'a> {
    /// An entry with its script name and label.
    pub const fn new(name: &'a str, label: &'a str) -> Self {
        MenuEntry { name, label }
    }
}

/// Entries of a menu in order.
#[derive(Clone, Debug)]
pub enum Entries {
    /// Of an operator type.
    Declared(&'static [MenuEntry<'static>]),
    /// Made at run time: names and labels.
    Own(Vec<(String, String)>),
}

impl Entries {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Entries::Declared(entries) => entries.len(),
            Entries::Own(entries) => entries.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry at a position.
    pub fn get(&self, at: usize) -> Option<MenuEntry<'_>> {
        match self {
            Entries::Declared(entries) => entries.get(at).copied(),
            Entries::Own(entries) => entries.get(at).map(|(name, label)| MenuEntry::new(name, label)),
        }
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = MenuEntry<'_>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

impl PartialEq for Entries {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// A parameter of an operator: one of its type, or a custom one.
#[derive(Clone, Debug)]
pub enum ParRef {
    /// Of the operator's type.
    Declared(&'static Parameter),
    /// Made at run time. It stays as it is; a definition that changes is another one.
    Custom(Rc<Parameter>),
}

impl Deref for ParRef {
    type Target = Parameter;

    #[inline]
    fn deref(&self) -> &Parameter {
        match self {
            ParRef::Declared(parameter) => parameter,
            ParRef::Custom(parameter) => parameter,
        }
    }
}
