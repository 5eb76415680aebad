//! Reading `patch.toml`: from text to settings and entries, with every mistake noted on the way.
//!
//! The reader never stops at a mistake: it notes a reason with its place and goes on with what it could understand, so
//! that one reading finds everything. This file reads sections and keys, `values` reads parameters and contents,
//! `links` resolves what names another operator, `scripts` compiles.
//!
//! Promised: values of secret parameters are collected, so that no report shows them, also where the file is too broken
//! to know what is a parameter.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use patchcord_core::declaration::{Family, OperatorType, Text};
use patchcord_core::parameter::ParValue;
use patchcord_core::parameter::nearest_name;
use patchcord_core::patch::stand_in::{STAND_IN, family_of_type, is_stand_in};
use patchcord_core::tdu;
use toml_edit::{Document, Item, TableLike};

use super::file::{ContentEntry, Dispatch, Entry, ParEntry, Settings, parent_path};
use super::keeps::Keeps;
use super::load::clean;
use super::reason::Reason;
use super::report::{Finding, Report, Source};
use crate::td_api::absent_type;

/// The format that this version reads and writes.
pub(super) const FORMAT: i64 = 1;

/// Names that may stand twice before reading gives up.
const MAX_DUPLICATES: usize = 100;

pub(super) const SECTIONS: &[&str] = &["patch", "op", "connection"];
pub(super) const PATCH_KEYS: &[&str] = &[
    "format",
    "name",
    "frame_rate",
    "at",
    "dispatch",
    "plugins",
    "callback_warning_ms",
    "callback_limit_s",
    "stand_ins",
];
pub(super) const OPERATOR_KEYS: &[&str] =
    &["type", "in", "par", "text", "rows", "file", "tags", "comment", "dock", "ext", "custom", "storage", "vfs"];

/// Reads one patch file.
pub(super) struct Reader<'a> {
    pub text: &'a str,
    pub folder: &'a Path,
    pub types: &'a [&'static OperatorType],
    pub settings: Settings,
    pub entries: Vec<Entry>,
    /// What names another operator, to be resolved when all are known.
    pub links: Vec<Link>,
    /// Names of all `op` sections by path, also of those that could not be read, with the type where it is known.
    pub names: HashMap<Rc<str>, Option<&'static OperatorType>>,
    /// Families of the operators that stand-ins are made for, by path.
    pub stand_ins: HashMap<Rc<str>, &'static str>,
    /// Where inline texts and expressions stand, for the compiler's findings.
    pub spans: HashMap<SpanKey, Range<usize>>,
    pub secrets: Vec<Range<usize>>,
    /// Custom parameters of the operator that is being read whose definition is wrong.
    pub bad_definitions: Vec<String>,
    noted: Vec<(Reason, Range<usize>)>,
    duplicates: Vec<Range<usize>>,
    scripts: Vec<Finding>,
    /// Files beside the patch file that were noted something about.
    pub faulty_files: Vec<PathBuf>,
    /// What was remarked of scripts in files: file, line, byte, message.
    pub remarked: HashSet<(PathBuf, u32, u32, String)>,
}

/// A thing of an entry that somebody asks the place of later.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum SpanKey {
    /// The `text` of an entry.
    Text(usize),
    /// A parameter of an entry.
    Parameter(usize, u32),
}

/// Something that names another operator.
pub(super) struct Link {
    /// Which entry names it.
    pub entry: usize,
    /// The name as it is written.
    pub name: String,
    pub span: Range<usize>,
    pub role: Role,
}

/// What the other operator is to the entry.
pub(super) enum Role {
    Wire { input: usize },
    Dock,
    Reference { parameter: Text, family: Option<Family> },
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str, folder: &'a Path, types: &'a [&'static OperatorType]) -> Self {
        let folder_name = clean(folder).file_name().map(|name| name.to_string_lossy().into_owned());
        Reader {
            text,
            folder,
            types,
            settings: Settings { name: folder_name.unwrap_or_else(|| "patch".to_owned()), ..Settings::default() },
            entries: Vec::new(),
            links: Vec::new(),
            names: HashMap::new(),
            stand_ins: HashMap::new(),
            spans: HashMap::new(),
            secrets: Vec::new(),
            bad_definitions: Vec::new(),
            noted: Vec::new(),
            duplicates: Vec::new(),
            scripts: Vec::new(),
            faulty_files: Vec::new(),
            remarked: HashSet::new(),
        }
    }

    /// Reads everything.
    pub fn read(&mut self) {
        let Some(document) = self.parse() else { return };
        let root = document.as_table();
        // Decides which types there are, wherever it stands.
        let stand_ins = root.get("patch").and_then(|patch| patch.get("stand_ins")).and_then(Item::as_bool);
        self.settings.stand_ins = stand_ins.unwrap_or(false);
        for (name, item) in root.iter() {
            let span = key_span(root, name);
            match name {
                "patch" => self.read_patch(item, span),
                "op" => self.read_operators(item, span),
                // Read below, when all operators are known.
                "connection" => {}
                _ => self.note(unknown_key("the patch file", name, SECTIONS), span),
            }
        }
        if let Some(item) = root.get("connection") {
            self.read_connections(item, key_span(root, "connection"));
        }
        if root.get("patch").is_none_or(|item| item.get("format").is_none()) {
            self.note(Reason::NoFormat, 0..0);
        }
        self.resolve_links();
    }

    /// Parses the text. A name that stands twice makes the whole text invalid TOML; here the second one gets a name of
    /// its own, in a copy where all places stay the same, so that the rest is read nevertheless.
    fn parse(&mut self) -> Option<Document<String>> {
        let mut text = self.text.to_owned();
        for attempt in 0..MAX_DUPLICATES {
            let error = match Document::parse(text.clone()) {
                Ok(document) => return Some(document),
                Err(error) => error,
            };
            self.hide_what_looks_secret();
            let span = error.span().unwrap_or(0..0);
            let key = self.text.get(span.clone()).unwrap_or_default();
            if error.message() != "duplicate key" || key.is_empty() {
                let message = error.message().trim().replace('\n', ", ");
                self.note(Reason::Syntax { message }, span);
                return None;
            }
            text.replace_range(span.clone(), &stand_in(key, attempt));
            // The stand-in may be taken too; then its place comes again.
            if !self.duplicates.contains(&span) {
                let key = key.trim_matches(['"', '\'']).to_owned();
                self.note(Reason::Duplicate { key }, span.clone());
                self.duplicates.push(span);
            }
        }
        None
    }

    /// Notes a mistake, unless it is about a name that is only there in place of one that stood twice.
    pub fn note(&mut self, reason: Reason, span: Range<usize>) {
        if !self.duplicates.contains(&span) {
            self.noted.push((reason, span));
        }
    }

    /// Notes what a compiler found in a file beside the patch file.
    pub fn note_script(&mut self, finding: Finding) {
        self.scripts.push(finding);
    }

    /// What was read, and what was noted on the way.
    pub fn finish(self, name: &str) -> (Settings, Vec<Entry>, Report) {
        let source = Source::new(name, self.text, &self.secrets, 0);
        let own = self.noted.into_iter().map(|(reason, span)| Finding::new(reason, span, Arc::clone(&source)));
        let mut report = Report::new(own.chain(self.scripts).collect());
        report.faulty_files = self.faulty_files;
        (self.settings, self.entries, report)
    }

    // ---- [patch] --------------------------------------------------------------------------------------------------

    fn read_patch(&mut self, item: &Item, span: Range<usize>) {
        let Some(table) = item.as_table_like() else {
            return self.note_type("patch", "a section", item, span);
        };
        for (key, item) in table.iter() {
            let span = value_span(table, key, item);
            match key {
                "format" => match item.as_integer() {
                    Some(FORMAT) => {}
                    Some(found) => self.note(Reason::UnknownFormat { found }, span),
                    None => self.note_type(key, "a whole number", item, span),
                },
                "name" => match item.as_str() {
                    Some(name) => self.settings.name = name.to_owned(),
                    None => self.note_type(key, "text", item, span),
                },
                "frame_rate" => {
                    if let Some(rate) = self.number("frame_rate", item, span, 1.0, 1000.0) {
                        self.settings.frame_rate = rate;
                    }
                }
                "callback_warning_ms" => {
                    if let Some(limit) = self.number("callback_warning_ms", item, span, 0.0, 3_600_000.0) {
                        self.settings.callback_warning = (limit > 0.0).then(|| Duration::from_secs_f64(limit / 1000.0));
                    }
                }
                "callback_limit_s" => {
                    if let Some(limit) = self.number("callback_limit_s", item, span, 0.0, 3600.0) {
                        self.settings.callback_limit = (limit > 0.0).then(|| Duration::from_secs_f64(limit));
                    }
                }
                "at" => match item.as_str() {
                    Some(at) if is_place(at) => self.settings.at = Rc::from(at),
                    Some(at) => self.note(Reason::BadPlace { found: at.to_owned() }, span),
                    None => self.note_type(key, "text", item, span),
                },
                "dispatch" => match item.as_str() {
                    Some("arrival") => self.settings.dispatch = Dispatch::Arrival,
                    Some("frame") => self.settings.dispatch = Dispatch::Frame,
                    Some(found) => {
                        let (found, choices) = (found.to_owned(), &["arrival", "frame"][..]);
                        self.note(Reason::UnknownChoice { key: "dispatch", found, choices }, span);
                    }
                    None => self.note_type(key, "text", item, span),
                },
                "plugins" => self.read_plugins(item, span),
                "stand_ins" if item.as_bool().is_some() => {}
                "stand_ins" => self.note_type(key, "true or false", item, span),
                _ => self.note(unknown_key("[patch]", key, PATCH_KEYS), key_span(table, key)),
            }
        }
    }

    fn read_plugins(&mut self, item: &Item, span: Range<usize>) {
        let Some(table) = item.as_table_like() else {
            return self.note_type("plugins", "a table such as { socketio = false }", item, span);
        };
        let mut plugins = BTreeMap::new();
        for (name, item) in table.iter() {
            match item.as_bool() {
                Some(on) => drop(plugins.insert(name.to_owned(), on)),
                None => self.note_type(name, "true or false", item, value_span(table, name, item)),
            }
        }
        let known: BTreeSet<_> = patchcord_logic::nodes::ALL.iter().filter_map(|node_type| node_type.plugin).collect();
        for name in plugins.keys().filter(|name| !known.contains(name.as_str())) {
            let known: Vec<&'static str> = known.iter().copied().collect();
            self.note(unknown_key("plugins", name, &known), span.clone());
        }
        self.settings.plugins = plugins;
    }

    fn number(&mut self, key: &'static str, item: &Item, span: Range<usize>, min: f64, max: f64) -> Option<f64> {
        let Some(number) = item.as_float().or_else(|| item.as_integer().map(|number| number as f64)) else {
            self.note_type(key, "a number", item, span);
            return None;
        };
        if (min..=max).contains(&number) {
            return Some(number);
        }
        self.note(Reason::OutOfRange { key, min, max }, span);
        None
    }

    // ---- [op.NAME] ------------------------------------------------------------------------------------------------

    fn read_operators(&mut self, item: &Item, span: Range<usize>) {
        let Some(table) = item.as_table_like() else {
            return self.note_type("op", "sections such as [op.table1]", item, span);
        };
        for (path, item) in table.iter() {
            let kind = item.get("type").and_then(Item::as_str).and_then(|name| self.find_type(name));
            self.names.insert(Rc::from(path), kind);
            if let Some(kind) = kind.filter(|kind| is_stand_in(kind)) {
                let named = stood_in_for(kind, item).and_then(family_of_type);
                self.stand_ins.insert(Rc::from(path), named.unwrap_or(kind.family.suffix()));
            }
        }
        for (path, item) in table.iter() {
            let span = key_span(table, path);
            match item.as_table_like() {
                Some(keys) => self.read_operator(path, span, keys),
                None => self.note_type(path, "a section with a type", item, span),
            }
        }
    }

    fn read_operator(&mut self, path: &str, span: Range<usize>, keys: &dyn TableLike) {
        self.check_path(path, &span);
        self.hide_secrets(keys);
        let kind = match keys.get("type") {
            None => {
                self.note(Reason::NoType, span);
                None
            }
            Some(item) => match item.as_str() {
                Some(name) => {
                    let kind = self.find_type(name);
                    if kind.is_none() && absent_type(name).is_some() {
                        self.note(Reason::NotHere { name: name.to_owned() }, value_span(keys, "type", item));
                    } else if kind.is_none() {
                        let nearest = nearest_name(name, self.types.iter().map(|kind| kind.name));
                        self.note(
                            Reason::UnknownType { name: name.to_owned(), nearest },
                            value_span(keys, "type", item),
                        );
                    }
                    kind
                }
                None => {
                    self.note_type("type", "text", item, value_span(keys, "type", item));
                    None
                }
            },
        };
        // Without a type its parameters cannot be judged, its other keys can.
        let mut entry = kind.map(|kind| Entry {
            path: Rc::from(path),
            kind,
            custom: Vec::new(),
            inputs: Vec::new(),
            parameters: BTreeMap::new(),
            asked: BTreeMap::new(),
            content: ContentEntry::None,
            tags: Vec::new(),
            comment: Rc::from(""),
            dock: None,
            keeps: Keeps::default(),
        });
        if let Some(entry) = entry.as_mut().filter(|entry| is_stand_in(entry.kind))
            && let Some((index, _)) = entry.kind.find_parameter("optype")
            && let Some(name) = keys.get("type").and_then(Item::as_str).filter(|name| *name != entry.kind.name)
        {
            entry.parameters.insert(index, ParEntry::Constant(ParValue::Str(Rc::from(name))));
        }
        match &mut entry {
            Some(entry) => self.read_custom(entry, keys),
            None => self.bad_definitions.clear(),
        }
        for (key, item) in keys.iter() {
            let span = value_span(keys, key, item);
            match key {
                "type" | "text" | "rows" | "file" | "ext" | "custom" | "storage" | "vfs" => {}
                "in" => self.read_inputs(item, span),
                "par" => match (item.as_table_like(), &mut entry) {
                    (Some(table), Some(entry)) => self.read_parameters(entry, table),
                    (Some(_), None) => {}
                    (None, _) => self.note_type(key, "parameters such as par.active = true", item, span),
                },
                "tags" => {
                    let tags = self.texts(key, item, span);
                    if let Some(entry) = &mut entry {
                        entry.tags = tags.into_iter().map(|(tag, _)| Rc::from(tag)).collect();
                    }
                }
                "comment" => match (item.as_str(), &mut entry) {
                    (Some(comment), Some(entry)) => entry.comment = Rc::from(comment),
                    (Some(_), None) => {}
                    (None, _) => self.note_type(key, "text", item, span),
                },
                "dock" => match item.as_str() {
                    Some(host) => self.link(host, span, Role::Dock),
                    None => self.note_type(key, "the name of an operator", item, span),
                },
                _ if item.get("type").is_some() => {
                    let name = format!("{path}/{key}");
                    self.note(Reason::NestedTable { key: key.to_owned(), name }, key_span(keys, key));
                }
                _ => self.note(unknown_key("an operator", key, OPERATOR_KEYS), key_span(keys, key)),
            }
        }
        match entry {
            Some(mut entry) => {
                self.read_content(&mut entry, keys);
                self.read_extensions(&mut entry, keys);
                self.read_keeps(&mut entry, keys);
                self.entries.push(entry);
            }
            // There is no entry that its links could belong to.
            None => self.links.retain(|link| link.entry < self.entries.len()),
        }
    }

    fn check_path(&mut self, path: &str, span: &Range<usize>) {
        if !path.split('/').all(tdu::is_valid_name) {
            let parts = path.split('/').filter(|part| !part.is_empty()).map(tdu::valid_name);
            let legal = parts.collect::<Vec<_>>().join("/");
            let legal = if legal.is_empty() { "op1".to_owned() } else { legal };
            self.note(Reason::BadName { name: path.to_owned(), legal }, span.clone());
            return;
        }
        let parent = parent_path(path);
        if parent.is_empty() {
            return;
        }
        let reason = match self.names.get(parent) {
            // Its type is unknown, which is reported there.
            Some(None) => return,
            Some(Some(kind)) if kind.family == Family::Comp => return,
            Some(_) if self.stand_ins.get(parent) == Some(&Family::Comp.suffix()) => return,
            Some(Some(kind)) => Reason::ParentIsNoComponent { parent: parent.to_owned(), label: kind.label },
            None => {
                let is_component = |kind: &Option<&OperatorType>| kind.is_some_and(|kind| kind.family == Family::Comp);
                let components = self.names.iter().filter(|(_, kind)| is_component(kind)).map(|(path, _)| &**path);
                let nearest = nearest_name(parent, sorted(components)).map(str::to_owned);
                Reason::NoParent { parent: parent.to_owned(), nearest }
            }
        };
        self.note(reason, span.clone());
    }

    fn read_inputs(&mut self, item: &Item, span: Range<usize>) {
        for (input, (name, span)) in self.texts("in", item, span).into_iter().enumerate() {
            if !name.is_empty() {
                self.link(&name, span, Role::Wire { input });
            }
        }
    }

    /// Keeps what names another operator for later. It belongs to the entry that is being read.
    pub fn link(&mut self, name: &str, span: Range<usize>, role: Role) {
        self.links.push(Link { entry: self.entries.len(), name: name.to_owned(), span, role });
    }

    fn texts(&mut self, key: &str, item: &Item, span: Range<usize>) -> Vec<(String, Range<usize>)> {
        let expected = "a list of texts";
        let Some(array) = item.as_array() else {
            self.note_type(key, expected, item, span);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for value in array.iter() {
            let span = value.span().unwrap_or_else(|| span.clone());
            match value.as_str() {
                Some(text) => texts.push((text.to_owned(), span)),
                None => {
                    let found = value.type_name();
                    self.note(Reason::WrongType { key: key.to_owned(), expected, found }, span);
                }
            }
        }
        texts
    }

    fn find_type(&self, name: &str) -> Option<&'static OperatorType> {
        let stands_in = self.settings.stand_ins && absent_type(name).is_some();
        let find = |name: &str| self.types.iter().find(|kind| kind.name == name).copied();
        find(name).or_else(|| find(STAND_IN).filter(|_| stands_in))
    }

    /// Notes that a key has a value of the wrong type.
    pub fn note_type(&mut self, key: &str, expected: &'static str, item: &Item, span: Range<usize>) {
        self.note(Reason::WrongType { key: key.to_owned(), expected, found: item.type_name() }, span);
    }

    // ---- secrets --------------------------------------------------------------------------------------------------

    /// Hides the values of parameters that are secret in any type, or whose name is nearly that of one: the type may be
    /// wrong and the name misspelt, and still nobody wants the value in a terminal.
    pub fn hide_secrets(&mut self, keys: &dyn TableLike) {
        let secret: Vec<_> = self.secret_names().collect();
        let Some(parameters) = keys.get("par").and_then(Item::as_table_like) else { return };
        for (key, item) in parameters.iter() {
            if !item.is_table_like() && nearest_name(key, secret.iter().copied()).is_some() && !self.is_known(keys, key)
            {
                self.secrets.push(value_span(parameters, key, item));
            }
        }
    }

    /// Whether the operator's type has this parameter, and it is none of the secret ones.
    fn is_known(&self, keys: &dyn TableLike, parameter: &str) -> bool {
        let kind = keys.get("type").and_then(Item::as_str).and_then(|name| self.find_type(name));
        kind.and_then(|kind| kind.find_parameter(parameter)).is_some_and(|(_, parameter)| !parameter.secret)
    }

    /// Hides the rest of each line that gives a secret a value, for a text that is no TOML. A value that goes on over
    /// several lines is hidden to its end.
    fn hide_what_looks_secret(&mut self) {
        let names: Vec<_> = self.secret_names().collect();
        for name in names {
            for (at, _) in self.text.match_indices(name) {
                let rest = &self.text[at + name.len()..];
                let gap = rest.len() - rest.trim_start_matches([' ', '\t', '"', '\'']).len();
                if !rest[gap..].starts_with('=') {
                    continue;
                }
                let start = at + name.len() + gap + 1;
                let value = &self.text[start..];
                let trimmed = value.trim_start_matches([' ', '\t']);
                let long = ["\"\"\"", "'''"].into_iter().find(|quote| trimmed.starts_with(quote));
                let length = match long {
                    Some(quote) => {
                        let opening = value.len() - trimmed.len() + quote.len();
                        value[opening..].find(quote).map_or(value.len(), |end| opening + end + quote.len())
                    }
                    None => value.find('\n').unwrap_or(value.len()),
                };
                self.secrets.push(start..start + length);
            }
        }
    }

    fn secret_names(&self) -> impl Iterator<Item = &'static str> + use<'_> {
        let secret = self.types.iter().flat_map(|kind| kind.parameters()).filter(|(_, parameter)| parameter.secret);
        secret.map(|(_, parameter)| &*parameter.name)
    }
}

/// The type that a stand-in of the file is in the place of.
fn stood_in_for<'i>(kind: &OperatorType, item: &'i Item) -> Option<&'i str> {
    let named = item.get("type").and_then(Item::as_str).filter(|name| *name != kind.name);
    named.or_else(|| item.get("par").and_then(|par| par.get("optype")).and_then(Item::as_str))
}

/// A name of the same length in bytes, as unlikely to be taken or to be near another one as its length allows.
fn stand_in(key: &str, attempt: usize) -> String {
    let quoted = key.len() >= 2 && key.starts_with(['"', '\'']);
    let letters = key.len() - if quoted { 2 } else { 0 };
    let mut rest = attempt;
    let name = (0..letters).map(|_| {
        let letter = char::from(b'Z' - (rest % 26) as u8);
        rest /= 26;
        letter
    });
    let name: String = name.collect();
    if quoted { format!("{0}{name}{0}", &key[..1]) } else { name }
}

/// Place of a key.
pub(super) fn key_span(table: &dyn TableLike, key: &str) -> Range<usize> {
    table.key(key).and_then(toml_edit::Key::span).unwrap_or(0..0)
}

/// Place of a value; of its key when the value has none of its own, as tables that are spread over several lines.
pub(super) fn value_span(table: &dyn TableLike, key: &str, item: &Item) -> Range<usize> {
    let own = if item.is_value() { item.span() } else { None };
    own.unwrap_or_else(|| key_span(table, key))
}

/// The reason for a key that means nothing.
pub(super) fn unknown_key(place: &'static str, key: &str, known: &[&'static str]) -> Reason {
    Reason::UnknownKey { place, key: key.to_owned(), nearest: nearest_name(key, known.iter().copied()) }
}

/// Names in a fixed order, so that of two equally near ones always the same is offered.
pub(super) fn sorted<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

fn is_place(at: &str) -> bool {
    at == "/" || at.strip_prefix('/').is_some_and(|path| path.split('/').all(tdu::is_valid_name))
}
