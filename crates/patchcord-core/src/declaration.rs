//! Declarations: every fact about an operator type, stated once.
//!
//! A type's parameters, info channels, callbacks and inputs are `static` data. The patch-file reader, Python's `par`,
//! `patchcord check`, `patchcord ops`, the generated reference and the table-driven tests all read these values, so
//! a fact that is written here is written nowhere else. Names, labels, pages and order follow TouchDesigner's
//! documentation; what goes beyond it stands on pages of its own and is neutral by default.

mod parameter;

use std::borrow::Cow;
use std::rc::Rc;

pub use parameter::{Entries, Kind, MenuEntry, ParRef, Parameter, Range, Text};

use crate::network::{Network, Worker};
use crate::patch::OpId;

/// Family of an operator, as TouchDesigner groups them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// A component: holds other operators.
    Comp,
    /// Text or a table.
    Dat,
    /// Channels of samples.
    Chop,
}

impl Family {
    /// The suffix of the family's type names: `COMP`, `DAT` or `CHOP`.
    pub const fn suffix(self) -> &'static str {
        match self {
            Family::Comp => "COMP",
            Family::Dat => "DAT",
            Family::Chop => "CHOP",
        }
    }
}

/// What an operator of a type holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentKind {
    /// Nothing of its own.
    None,
    /// Free text.
    Text,
    /// A table of cells.
    Table,
    /// Named channels.
    Channels,
}

/// Declaration of one operator type.
pub struct OperatorType {
    /// TouchDesigner's type name with the family suffix: `webserverDAT`.
    pub name: &'static str,
    /// Name shown to people: `Web Server DAT`.
    pub label: &'static str,
    /// Family; decides what may be wired to what.
    pub family: Family,
    /// One or two sentences for the reference.
    pub summary: &'static str,
    /// What it holds.
    pub content: ContentKind,
    /// Whether scripts and people may edit what it holds.
    pub editable: bool,
    /// Inputs in order; wires beyond them are an error.
    pub inputs: &'static [Input],
    /// Parameter pages in order. [`ParIndex`] counts through all of them.
    pub pages: &'static [Page],
    /// Info channels of this type, before the common ones.
    pub info_channels: &'static [InfoChannel],
    /// Callbacks that its callbacks DAT may define.
    pub callbacks: &'static [Callback],
    /// Makes the part that does the work; `None` for operators that only hold data.
    pub start: Option<Start>,
}

/// Makes the worker of a new operator.
pub type Start = fn(&Network, OpId) -> Rc<dyn Worker>;

impl OperatorType {
    /// Type name without the family suffix, as in `op.type`: `webserver`.
    pub fn short_name(&self) -> &'static str {
        self.name.strip_suffix(self.family.suffix()).unwrap_or(self.name)
    }

    /// All parameters with their index, in page order.
    pub fn parameters(&self) -> impl Iterator<Item = (ParIndex, &'static Parameter)> + use<> {
        self.pages
            .iter()
            .flat_map(|page| page.parameters.iter())
            .enumerate()
            .map(|(index, parameter)| (ParIndex(index as u32), parameter))
    }

    /// The parameter at `index`. Indices come from this same declaration.
    ///
    /// # Panics
    /// When the index belongs to another type.
    pub fn parameter(&self, index: ParIndex) -> &'static Parameter {
        let mut rest = index.0 as usize;
        for page in self.pages {
            if rest < page.parameters.len() {
                return &page.parameters[rest];
            }
            rest -= page.parameters.len();
        }
        panic!("{} has no parameter {}", self.name, index.0)
    }

    /// Finds a parameter by its script name. Retired names of [`Parameter::aliases`] count.
    pub fn find_parameter(&self, name: &str) -> Option<(ParIndex, &'static Parameter)> {
        self.parameters().find(|(_, parameter)| *parameter.name == *name || parameter.aliases.contains(&name))
    }

    /// The page that a parameter stands on.
    pub fn page_of(&self, index: ParIndex) -> &'static Page {
        let mut rest = index.0 as usize;
        for page in self.pages {
            if rest < page.parameters.len() {
                return page;
            }
            rest -= page.parameters.len();
        }
        panic!("{} has no parameter {}", self.name, index.0)
    }

    /// Whether the operator's own text is the script with its callbacks, because no `callbacks` parameter names one.
    pub fn is_own_script(&self) -> bool {
        !self.callbacks.is_empty() && self.content == ContentKind::Text && self.find_parameter("callbacks").is_none()
    }

    /// Position of a callback in [`OperatorType::callbacks`].
    pub fn find_callback(&self, name: &str) -> Option<usize> {
        self.callbacks.iter().position(|callback| callback.name == name)
    }
}

impl std::fmt::Debug for OperatorType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// One input of an operator type.
#[derive(Debug)]
pub struct Input {
    /// Short name for the reference and for errors.
    pub label: &'static str,
    /// What is expected there.
    pub help: &'static str,
}

/// A page of parameters.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Title: `Web Server`, `Secure`, `Common` …
    pub name: &'static str,
    /// Parameters in order.
    pub parameters: &'static [Parameter],
}

/// Names a parameter of an operator. Those of its type are counted through all pages; custom parameters have numbers from
/// [`ParIndex::FIRST_CUSTOM`], which are not used again while the operator lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParIndex(pub u32);

impl ParIndex {
    /// The first custom parameter.
    pub const FIRST_CUSTOM: ParIndex = ParIndex(0x1_0000);

    /// Whether it names a custom parameter.
    #[inline]
    pub const fn is_custom(self) -> bool {
        self.0 >= ParIndex::FIRST_CUSTOM.0
    }

    /// Looks a parameter up while compiling, so that an operator's worker can name its parameters as constants and a
    /// wrong name does not compile.
    pub const fn of(pages: &[Page], name: &str) -> ParIndex {
        let mut index = 0;
        let mut page = 0;
        while page < pages.len() {
            let mut at = 0;
            while at < pages[page].parameters.len() {
                // What is declared is not made at run time, so its name is borrowed.
                if let Cow::Borrowed(declared) = pages[page].parameters[at].name
                    && same(declared, name)
                {
                    return ParIndex(index);
                }
                index += 1;
                at += 1;
            }
            page += 1;
        }
        panic!("no parameter of this name")
    }
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// One channel of an operator's info.
#[derive(Debug)]
pub struct InfoChannel {
    /// Channel name, as an Info CHOP shows it.
    pub name: &'static str,
    /// What it counts, with its unit.
    pub help: &'static str,
}

/// One callback that an operator may call.
#[derive(Debug)]
pub struct Callback {
    /// Function name in the callbacks DAT.
    pub name: &'static str,
    /// Arguments in order. They are passed by position, trimmed to what the function takes.
    pub arguments: &'static [&'static str],
    /// When it is called and what its return value means.
    pub help: &'static str,
    /// What its return value is good for.
    pub returns: Returns,
    /// Goes beyond TouchDesigner's operator of the same name.
    pub beyond: bool,
}

/// What a callback's return value is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Returns {
    /// Nothing; it is not looked at.
    #[default]
    Nothing,
    /// It is an answer.
    Value,
    /// The argument at this position is a dictionary that the callback fills in and returns; when it returns nothing,
    /// the one that was passed in counts.
    Argument(usize),
    /// The arguments of an answer: a tuple is as many, anything else is one, and nothing is no answer. They come as a
    /// list.
    Answer,
}

impl Callback {
    /// A callback of TouchDesigner's.
    pub const fn new(name: &'static str, arguments: &'static [&'static str], help: &'static str) -> Self {
        Callback { name, arguments, help, returns: Returns::Nothing, beyond: false }
    }

    /// Says what the return value is good for.
    pub const fn returns(mut self, returns: Returns) -> Self {
        self.returns = returns;
        self
    }

    /// Marks the callback as one that goes beyond TouchDesigner.
    pub const fn beyond(mut self) -> Self {
        self.beyond = true;
        self
    }
}

/// Info channels that every operator has, after those of its type (TouchDesigner reference, section 6).
pub static COMMON_INFO: &[InfoChannel] = &[
    InfoChannel { name: "num_rows", help: "rows of a DAT's table; lines of its text" },
    InfoChannel { name: "num_cols", help: "columns of a DAT's table" },
    InfoChannel { name: "total_cooks", help: "cooks since the operator was made" },
    InfoChannel { name: "cook_time", help: "length of the last cook, in milliseconds" },
    InfoChannel { name: "cook_frame", help: "frame of the last cook on the timeline" },
    InfoChannel { name: "cook_abs_frame", help: "frame of the last cook since the program started" },
    InfoChannel { name: "cook_start_time", help: "start of the last cook within its frame, in milliseconds" },
    InfoChannel { name: "cook_end_time", help: "end of the last cook within its frame, in milliseconds" },
    InfoChannel { name: "cooked_this_frame", help: "1 when it has cooked in this frame" },
    InfoChannel { name: "warnings", help: "warnings on the operator" },
    InfoChannel { name: "errors", help: "errors on the operator" },
];

/// The Common page that every DAT has.
pub const COMMON_DAT_PAGE: Page = Page {
    name: "Common",
    parameters: &[
        Parameter::menu(
            "language",
            "Language",
            "input",
            &[
                MenuEntry::new("input", "Input"),
                MenuEntry::new("text", "Text"),
                MenuEntry::new("python", "Python"),
                MenuEntry::new("json", "JSON"),
                MenuEntry::new("xml", "XML"),
                MenuEntry::new("glsl", "GLSL"),
                MenuEntry::new("tscript", "Tscript"),
            ],
        )
        .aliases(&["lang"])
        .help(
            "Language of the text. It chooses the compile check: Python and JSON are checked when the text changes. \
             `input` takes it from input 0, else from the file name, else Python for a text that serves as callbacks.",
        ),
        Parameter::menu(
            "extension",
            "Edit/View Extension",
            "dat",
            &[
                MenuEntry::new("dat", "dat"),
                MenuEntry::new("language", "From Language"),
                MenuEntry::new("custom", "Custom Extension"),
            ],
        )
        .help(
            "Ending of the file name when the DAT is written without one: .dat, the language's own, or a custom one.",
        ),
        Parameter::str("customext", "Custom Extension", "")
            .help("Ending to use with `extension` = custom, without the dot."),
        Parameter::menu(
            "wordwrap",
            "Word Wrap",
            "input",
            &[MenuEntry::new("input", "Input"), MenuEntry::new("on", "On"), MenuEntry::new("off", "Off")],
        )
        .help("Kept for an editor; changes nothing at run time."),
    ],
};
