//! Custom parameters: pages of parameters that scripts and patch files give a component.
//!
//! A page holds groups, and a group holds the parameters that were made together: `Pos` of style XYZ is `Posx`, `Posy`
//! and `Posz`. A definition never changes in place: whoever holds one sees what it was, and a [`ParIndex`] finds what it is.

mod edit;
mod style;

use std::collections::HashMap;
use std::rc::Rc;

use crate::declaration::{ParIndex, Parameter};
use crate::parameter::ParMode;
pub use edit::set_default;
pub use style::{STYLES, Style, right_name};

/// Custom parameters that an operator holds at most.
pub const MAX_CUSTOM_PARAMETERS: usize = 10_000;

/// Pages of custom parameters that an operator holds at most.
pub const MAX_CUSTOM_PAGES: usize = 1_000;

/// Names a page of custom parameters; it is not used again while the operator lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageId(pub u32);

/// A page of custom parameters.
#[derive(Clone, Debug)]
pub struct CustomPage {
    id: PageId,
    name: Rc<str>,
    groups: Vec<ParGroup>,
}

impl CustomPage {
    /// What names it.
    pub fn id(&self) -> PageId {
        self.id
    }

    /// Its title.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its groups in order.
    pub fn groups(&self) -> &[ParGroup] {
        &self.groups
    }

    /// Its parameters in order.
    pub fn members(&self) -> impl Iterator<Item = ParIndex> {
        self.groups.iter().flat_map(|group| group.members.iter().copied())
    }
}

/// Custom parameters that were made together.
#[derive(Clone, Debug)]
pub struct ParGroup {
    /// Name without suffixes.
    pub name: Rc<str>,
    /// Style that it was made with: `Float`, `XYZ` …
    pub style: &'static Style,
    /// Its place among the groups of the page; equal ones stay in the order in which they were made.
    pub order: f64,
    members: Vec<ParIndex>,
}

impl ParGroup {
    /// Its parameters.
    pub fn members(&self) -> &[ParIndex] {
        &self.members
    }
}

/// What custom parameters are to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDefinition {
    /// Name without suffixes.
    pub name: String,
    /// The style.
    pub style: &'static Style,
    /// Place among the groups of the page; at the end without one.
    pub order: Option<f64>,
    /// The parameters, their names with suffixes.
    pub parameters: Vec<Parameter>,
}

/// What can be set of a parameter beside its value. It is kept for editors and scripts.
#[derive(Clone, Debug, PartialEq)]
pub struct ParAttributes {
    /// It may be edited.
    pub enable: bool,
    /// An expression that says whether it may be edited.
    pub enable_expr: Rc<str>,
    /// People may not edit it.
    pub read_only: bool,
    /// It is not shown.
    pub hidden: bool,
    /// A line is drawn above it.
    pub start_section: bool,
    /// The mode that a reset puts it in.
    pub default_mode: ParMode,
    /// The expression that a reset gives it.
    pub default_expr: Rc<str>,
    /// The bind expression that a reset gives it.
    pub default_bind: Rc<str>,
    /// The range follows the parameter that it is bound to.
    pub bind_range: bool,
    /// An expression whose `menuNames` and `menuLabels` are those of the menu.
    pub menu_source: Rc<str>,
}

impl Default for ParAttributes {
    fn default() -> Self {
        ParAttributes {
            enable: true,
            enable_expr: Rc::from(""),
            read_only: false,
            hidden: false,
            start_section: false,
            default_mode: ParMode::Constant,
            default_expr: Rc::from(""),
            default_bind: Rc::from(""),
            bind_range: false,
            menu_source: Rc::from(""),
        }
    }
}

/// The custom parameters of an operator.
#[derive(Clone, Debug, Default)]
pub(super) struct Custom {
    pages: Vec<CustomPage>,
    by_index: HashMap<ParIndex, Rc<Parameter>>,
    by_name: HashMap<String, ParIndex>,
    /// Parameters and pages that were ever made.
    made: u32,
    made_pages: u32,
    /// Grows when a definition changes.
    pub(super) version: u64,
}

impl Custom {
    pub(super) fn pages(&self) -> &[CustomPage] {
        &self.pages
    }

    #[inline]
    pub(super) fn parameter(&self, index: ParIndex) -> Option<&Rc<Parameter>> {
        self.by_index.get(&index)
    }

    pub(super) fn len(&self) -> usize {
        self.by_index.len()
    }

    pub(super) fn find(&self, name: &str) -> Option<ParIndex> {
        self.by_name.get(name).copied()
    }

    /// Page and group of the group of a name.
    fn group_place(&self, name: &str) -> Option<(usize, usize)> {
        // Its first parameter has the name with the first suffix of a style.
        ["", "1", "x", "r", "u", "w"].iter().find_map(|suffix| {
            let place = self.place_of(self.find(&format!("{name}{suffix}"))?)?;
            (*self.pages[place.0].groups[place.1].name == *name).then_some(place)
        })
    }

    /// Page and group of a parameter.
    fn place_of(&self, index: ParIndex) -> Option<(usize, usize)> {
        self.pages.iter().enumerate().find_map(|(page, it)| {
            it.groups.iter().position(|group| group.members.contains(&index)).map(|group| (page, group))
        })
    }
}

/// Why custom parameters cannot be so.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CustomError {
    /// Only components have them.
    #[error("{path} is no component and cannot have custom parameters")]
    NotAComponent {
        /// Path of the operator.
        path: String,
    },
    /// The name does not have the form that custom parameters have.
    #[error("`{name}` is no name of a custom parameter: the first letter is upper case, all else lower case letters and digits{}", right.as_ref().map(|right| format!("; use `{right}`")).unwrap_or_default())]
    BadName {
        /// What was asked for.
        name: String,
        /// The nearest right one.
        right: Option<String>,
    },
    /// The name is taken.
    #[error("there is a parameter `{name}` already")]
    NameTaken {
        /// Which.
        name: String,
    },
    /// A page needs a name.
    #[error("a page needs a name")]
    PageWithoutName,
    /// Another page has the name.
    #[error("there is a page `{name}` already")]
    PageNameTaken {
        /// Which.
        name: String,
    },
    /// More values than the style can have.
    #[error("a parameter of style {style} has {} values, not {size}", if *most == 1 { "no further".to_owned() } else { format!("1 to {most}") })]
    Size {
        /// Name of the style.
        style: &'static str,
        /// What was asked for.
        size: usize,
        /// What is possible.
        most: usize,
    },
    /// There is no more room.
    #[error("an operator holds at most {MAX_CUSTOM_PARAMETERS} custom parameters on {MAX_CUSTOM_PAGES} pages")]
    Full,
    /// The page was destroyed.
    #[error("the page does not exist any more")]
    PageGone,
    /// The parameter was destroyed.
    #[error("the parameter does not exist any more")]
    ParameterGone,
    /// Parameters of the type stay as they are.
    #[error("`{name}` is not a custom parameter, so this cannot be changed")]
    BuiltIn {
        /// Script name of the parameter.
        name: String,
    },
}
