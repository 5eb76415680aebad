//! The patch file as it was read: settings, and one entry for each operator.
//!
//! [`PatchFile`] is what `patch.toml` and the files beside it say, checked and resolved: types are declarations, values
//! have the type of their parameter, wires name operators that exist, texts and tables are loaded. It knows no running
//! patch; [`LivePatch`](super::live::LivePatch) brings it to life and compares it with the next one.
//!
//! Promised: a value that is secret, or that came from the environment or a file, is not part of any `Debug` output.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use patchcord_core::callbacks::Evaluator;
use patchcord_core::declaration::{OperatorType, ParIndex, Parameter};
use patchcord_core::parameter::ParValue;
use patchcord_core::patch::custom::GroupDefinition;

use super::keeps::Keeps;
use super::load::{self, Loaded};
use super::reader::Reader;
use super::report::Report;
use super::review::Review;

/// Name of the file that makes a folder a patch.
pub const FILE_NAME: &str = "patch.toml";

/// A patch file without errors.
pub struct PatchFile {
    pub(super) folder: PathBuf,
    pub(super) settings: Settings,
    pub(super) entries: Vec<Entry>,
    pub(super) warnings: Report,
}

/// The `[patch]` section.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Name of the patch; the folder's name when the file gives none.
    pub name: String,
    /// Frames per second, from 1 to 1000; 60 when the file gives none.
    pub frame_rate: f64,
    /// Path of the component that holds the operators of the file; `/project1` when the file gives none.
    pub at: Rc<str>,
    /// When network events are handled.
    pub dispatch: Dispatch,
    /// Families of logic nodes that are switched on or off.
    pub plugins: BTreeMap<String, bool>,
    /// How long a callback may run before it is reported; `None` when it never is. 100 ms when the file gives none
    /// (`callback_warning_ms`, 0 is never).
    pub callback_warning: Option<Duration>,
    /// How long a callback may run before it is interrupted; `None` when it never is. 10 s when the file gives none
    /// (`callback_limit_s`, 0 is never).
    pub callback_limit: Option<Duration>,
    /// Whether operators of types that are not here are made as stand-ins (`stand_ins`).
    pub stand_ins: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            name: String::new(),
            frame_rate: 60.0,
            at: Rc::from("/project1"),
            dispatch: Dispatch::Arrival,
            plugins: BTreeMap::new(),
            callback_warning: Some(Duration::from_millis(100)),
            callback_limit: Some(Duration::from_secs(10)),
            stand_ins: false,
        }
    }
}

impl Settings {
    /// Families of logic nodes that are switched off.
    pub fn plugins_off(&self) -> Vec<String> {
        self.plugins.iter().filter(|(_, on)| !**on).map(|(name, _)| name.clone()).collect()
    }
}

/// When network events are handled (`[patch] dispatch`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// When they arrive: `"arrival"`, the default.
    Arrival,
    /// Once per frame, as TouchDesigner does: `"frame"`.
    Frame,
}

impl PatchFile {
    /// Reads `patch.toml` in a folder, and the files that it names.
    ///
    /// # Errors
    /// A [`Report`] of everything that is wrong; it holds at least one error.
    pub fn read(folder: &Path, types: &[&'static OperatorType]) -> Result<PatchFile, Report> {
        Self::read_checked(folder, types, None)
    }

    /// As [`PatchFile::read`], and compiles scripts and expressions. This is what `check` does, and `run` before it
    /// starts. A running patch reads without, because there a script that does not compile leaves the last good one in
    /// place.
    ///
    /// # Errors
    /// A [`Report`] of everything that is wrong, scripts included.
    pub fn read_checked(
        folder: &Path,
        types: &[&'static OperatorType],
        evaluator: Option<&dyn Evaluator>,
    ) -> Result<PatchFile, Report> {
        let text = load::patch_text(folder).map_err(Report::of)?;
        Self::parse_checked(FILE_NAME, &text, folder, types, evaluator)
    }

    /// Reads a text as a patch file. `name` stands for it in the report; relative file names count from `folder`.
    ///
    /// # Errors
    /// A [`Report`] of everything that is wrong; it holds at least one error.
    pub fn parse(name: &str, text: &str, folder: &Path, types: &[&'static OperatorType]) -> Result<PatchFile, Report> {
        Self::parse_checked(name, text, folder, types, None)
    }

    /// As [`PatchFile::read_checked`], with the remarks of a reviewer among the warnings.
    ///
    /// # Errors
    /// A [`Report`] of everything that is wrong, scripts included.
    pub fn read_reviewed(
        folder: &Path,
        types: &[&'static OperatorType],
        evaluator: Option<&dyn Evaluator>,
        reviewer: Option<Review<'_>>,
    ) -> Result<PatchFile, Report> {
        let text = load::patch_text(folder).map_err(Report::of)?;
        Self::parse_reviewed(FILE_NAME, &text, folder, types, evaluator, reviewer)
    }

    /// As [`PatchFile::parse`], and compiles scripts and expressions.
    ///
    /// # Errors
    /// A [`Report`] of everything that is wrong, scripts included.
    pub fn parse_checked(
        name: &str,
        text: &str,
        folder: &Path,
        types: &[&'static OperatorType],
        evaluator: Option<&dyn Evaluator>,
    ) -> Result<PatchFile, Report> {
        Self::parse_reviewed(name, text, folder, types, evaluator, None)
    }

    /// As [`PatchFile::parse_checked`], with the remarks of a reviewer among the warnings.
    ///
    /// # Errors
    /// A [`Report`] of everything that is wrong, scripts included.
    pub fn parse_reviewed(
        name: &str,
        text: &str,
        folder: &Path,
        types: &[&'static OperatorType],
        evaluator: Option<&dyn Evaluator>,
        reviewer: Option<Review<'_>>,
    ) -> Result<PatchFile, Report> {
        let mut reader = Reader::new(text, folder, types);
        reader.read();
        if let Some(evaluator) = evaluator {
            reader.check_scripts(evaluator);
            reader.check_graphs();
        }
        if let Some(reviewer) = reviewer {
            reader.review_scripts(&reviewer);
        }
        let (settings, entries, report) = reader.finish(name);
        if report.has_errors() {
            return Err(report);
        }
        Ok(PatchFile { folder: load::clean(folder), settings, entries, warnings: report })
    }

    /// The folder that relative file names count from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The `[patch]` section.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Warnings; there are no errors.
    pub fn warnings(&self) -> &Report {
        &self.warnings
    }

    /// Paths of the operators of the file, absolute and in the order of the file.
    pub fn operators(&self) -> impl Iterator<Item = String> + '_ {
        self.entries.iter().map(|entry| self.absolute(&entry.path))
    }

    pub(super) fn absolute(&self, path: &str) -> String {
        join(&self.settings.at, path)
    }

    pub(super) fn entry(&self, path: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| *entry.path == *path)
    }
}

impl fmt::Debug for PatchFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operators: Vec<_> = self.operators().collect();
        f.debug_struct("PatchFile").field("settings", &self.settings).field("operators", &operators).finish()
    }
}

/// One operator of the file.
pub(super) struct Entry {
    /// Path below `at`, such as `agent/table1`.
    pub path: Rc<str>,
    pub kind: &'static OperatorType,
    /// Custom parameters in the order of the file.
    pub custom: Vec<CustomEntry>,
    pub inputs: Vec<Option<Wire>>,
    /// By index of the type; those of [`Entry::custom`] are counted from [`ParIndex::FIRST_CUSTOM`].
    pub parameters: BTreeMap<ParIndex, ParEntry>,
    /// Parameters of a stand-in beside those of its own.
    pub asked: BTreeMap<Rc<str>, ParEntry>,
    pub content: ContentEntry,
    pub tags: Vec<Rc<str>>,
    pub comment: Rc<str>,
    /// Path below `at` of the operator that it is docked to.
    pub dock: Option<Rc<str>>,
    /// What it keeps in files besides.
    pub keeps: Keeps,
}

impl Entry {
    /// Its name within its component.
    pub fn name(&self) -> &str {
        base_name(&self.path)
    }

    /// Path below `at` of its component; empty for `at` itself.
    pub fn parent(&self) -> &str {
        parent_path(&self.path)
    }

    /// The parameter at an index of this entry.
    ///
    /// # Panics
    /// When the index belongs to another entry.
    pub fn parameter(&self, index: ParIndex) -> &Parameter {
        if !index.is_custom() {
            return self.kind.parameter(index);
        }
        let mut custom = self.custom.iter().flat_map(|custom| &custom.definition.parameters);
        let at = (index.0 - ParIndex::FIRST_CUSTOM.0) as usize;
        custom.nth(at).unwrap_or_else(|| panic!("{} has no custom parameter {at}", self.path))
    }

    /// Names and definitions of all parameters.
    pub fn all_parameters(&self) -> impl Iterator<Item = (ParIndex, &Parameter)> {
        let custom = self.custom.iter().flat_map(|custom| &custom.definition.parameters);
        let declared = self.kind.parameters().map(|(index, parameter): (ParIndex, &Parameter)| (index, parameter));
        declared.chain((ParIndex::FIRST_CUSTOM.0..).map(ParIndex).zip(custom))
    }

    /// Finds a parameter by its script name.
    pub fn find_parameter(&self, name: &str) -> Option<(ParIndex, &Parameter)> {
        let custom = || self.all_parameters().find(|(index, parameter)| index.is_custom() && parameter.name == name);
        self.kind.find_parameter(name).or_else(custom)
    }

    /// Value of a parameter as far as the file fixes it: what it gives, else the default. `None` for expressions.
    pub fn fixed_value(&self, name: &str) -> Option<ParValue> {
        let (index, parameter) = self.kind.find_parameter(name)?;
        match self.parameters.get(&index) {
            None => Some(patchcord_core::parameter::default_value(parameter)),
            Some(ParEntry::Constant(value) | ParEntry::Hidden { value, .. }) => Some(value.clone()),
            Some(ParEntry::Expression(_) | ParEntry::Bind(_)) => None,
        }
    }
}

/// Custom parameters that the file makes together.
#[derive(Clone, PartialEq)]
pub(super) struct CustomEntry {
    /// Name of the page.
    pub page: Rc<str>,
    pub definition: GroupDefinition,
}

/// A wire's source.
#[derive(Clone, PartialEq)]
pub(super) struct Wire {
    /// Path below `at`.
    pub source: Rc<str>,
    /// Output, counted from 0.
    pub output: u8,
}

/// What the file says about a parameter.
#[derive(Clone, PartialEq)]
pub(super) enum ParEntry {
    Constant(ParValue),
    /// From the environment or a file: not to be shown, nor written back.
    Hidden {
        value: ParValue,
        file: Option<PathBuf>,
    },
    Expression(Rc<str>),
    Bind(Rc<str>),
}

/// What the file says about text or table.
#[derive(Clone, PartialEq)]
pub(super) enum ContentEntry {
    /// Nothing.
    None,
    /// It stands in the patch file.
    Inline(Loaded),
    /// It stands in a file of its own.
    File(FileEntry),
}

/// A text or table that stands in a file.
#[derive(Clone, PartialEq)]
pub(super) struct FileEntry {
    pub path: PathBuf,
    /// The name as it is written.
    pub shown: Rc<str>,
    /// Whether changes of the file are followed.
    pub sync: bool,
    /// What was in it when it was last read.
    pub loaded: Loaded,
}

impl ContentEntry {
    pub fn loaded(&self) -> Option<&Loaded> {
        match self {
            ContentEntry::None => None,
            ContentEntry::Inline(loaded) | ContentEntry::File(FileEntry { loaded, .. }) => Some(loaded),
        }
    }
}

/// A path below another one; an empty one is the other one itself.
pub(super) fn join(parent: &str, path: &str) -> String {
    match (parent, path) {
        ("", path) => path.to_owned(),
        (parent, "") => parent.to_owned(),
        ("/", path) => format!("/{path}"),
        (parent, path) => format!("{parent}/{path}"),
    }
}

/// Last part of a path.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// A path without its last part; empty when it has only one.
pub(super) fn parent_path(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
