//! Reading what an operator of the file holds: values of parameters, text, tables and files.
//!
//! A parameter takes a constant, or an inline table with one of `env`, `file`, `expr` and `bind`. Constants convert as
//! in a script (a number may stand in quotes, a menu takes an entry's name or its position); a number outside the range
//! is clamped with a warning.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use patchcord_core::declaration::{ContentKind, Kind, ParIndex, Parameter};
use patchcord_core::parameter::{ParValue, convert, nearest_name};
use patchcord_core::patch::stand_in::is_stand_in;
use patchcord_core::table::Table;
use patchcord_core::tdu;
use patchcord_core::value::OwnedValue;
use toml_edit::{Item, TableLike};

use super::file::{ContentEntry, Entry, FileEntry, ParEntry};
use super::load::{self, Loaded};
use super::reader::{Reader, Role, SpanKey, key_span, unknown_key, value_span};
use super::reason::Reason;

const SOURCES: &[&str] = &["env", "file", "expr", "bind"];

impl Reader<'_> {
    /// Reads the `par` table of an operator.
    pub fn read_parameters(&mut self, entry: &mut Entry, table: &dyn TableLike) {
        let mut seen: HashMap<ParIndex, &str> = HashMap::new();
        for (key, item) in table.iter() {
            let Some((index, parameter)) = entry.find_parameter(key) else {
                if is_stand_in(entry.kind) && tdu::is_valid_name(key) {
                    self.read_asked(entry, key, item, value_span(table, key, item));
                    continue;
                }
                // Its definition is wrong, which has been noted there.
                if self.bad_definitions.iter().any(|bad| key.strip_prefix(bad.as_str()).is_some_and(is_suffix)) {
                    continue;
                }
                let names = entry.all_parameters().map(|(_, parameter)| &*parameter.name);
                let nearest = nearest_name(key, names).map(str::to_owned);
                let reason = Reason::UnknownParameter { label: entry.kind.label, name: key.to_owned(), nearest };
                self.note(reason, key_span(table, key));
                continue;
            };
            // A retired name beside the present one.
            if let Some(other) = seen.insert(index, key) {
                let reason = Reason::GivenTwice { key: key.to_owned(), other: other.to_owned() };
                self.note(reason, key_span(table, key));
                continue;
            }
            if parameter.kind == Kind::Pulse {
                self.note(Reason::Pulse { parameter: parameter.name.clone() }, key_span(table, key));
                continue;
            }
            let span = value_span(table, key, item);
            let given = match item.as_table_like() {
                Some(source) => self.read_source(parameter, source, span.clone()),
                None => self.read_constant(parameter, item, span.clone()),
            };
            if let Some(given) = given {
                self.keep_parameter(entry, index, given, span);
            }
        }
    }

    /// Reads a parameter that a stand-in is asked for: whether it is a number or a text, what is given decides.
    fn read_asked(&mut self, entry: &mut Entry, key: &str, item: &Item, span: Range<usize>) {
        let text = |source: &dyn TableLike, key: &str| source.get(key).and_then(Item::as_str).map(Rc::from);
        let given = match (item.as_table_like(), constant(item)) {
            (Some(source), _) if source.len() == 1 => {
                let expression = text(source, "expr").map(ParEntry::Expression);
                expression.or_else(|| text(source, "bind").map(ParEntry::Bind))
            }
            (None, Some(OwnedValue::Bool(on))) => Some(ParEntry::Constant(ParValue::Bool(on))),
            (None, Some(OwnedValue::Int(number))) => Some(ParEntry::Constant(ParValue::Int(number))),
            (None, Some(OwnedValue::Float(number))) => Some(ParEntry::Constant(ParValue::Float(number))),
            (None, Some(OwnedValue::Str(text))) => Some(ParEntry::Constant(ParValue::Str(Rc::from(text)))),
            _ => None,
        };
        match given {
            Some(given) => drop(entry.asked.insert(Rc::from(key), given)),
            None => {
                let expected = "a number, text, true or false, { expr = \"…\" } or { bind = \"…\" }";
                self.note_type(&format!("par.{key}"), expected, item, span);
            }
        }
    }

    fn keep_parameter(&mut self, entry: &mut Entry, index: ParIndex, given: ParEntry, span: Range<usize>) {
        let parameter = entry.parameter(index);
        if let (Kind::Op { family, .. }, ParEntry::Constant(ParValue::Str(path))) = (&parameter.kind, &given) {
            self.link(path, span.clone(), Role::Reference { parameter: parameter.name.clone(), family: *family });
        }
        self.spans.insert(SpanKey::Parameter(self.entries.len(), index.0), span);
        entry.parameters.insert(index, given);
    }

    /// Reads a value that is written where it is used.
    pub fn read_constant(&mut self, parameter: &Parameter, item: &Item, span: Range<usize>) -> Option<ParEntry> {
        let Some(given) = constant(item) else {
            let key = format!("par.{}", parameter.name);
            self.note_type(&key, expected(parameter), item, span);
            return None;
        };
        match convert(parameter, &given) {
            Ok(value) => {
                if let Some((found, used)) = clamped(&given, &value) {
                    let found = if parameter.secret { "this value".to_owned() } else { found };
                    self.note(Reason::Clamped { parameter: parameter.name.clone(), found, used }, span);
                }
                Some(ParEntry::Constant(value))
            }
            Err(_) if parameter.secret => {
                self.note(hidden("this value", parameter), span);
                None
            }
            Err(error) => {
                self.note(Reason::Parameter(error), span);
                None
            }
        }
    }

    /// Reads where a value comes from.
    pub fn read_source(
        &mut self,
        parameter: &Parameter,
        source: &dyn TableLike,
        span: Range<usize>,
    ) -> Option<ParEntry> {
        for (key, _) in source.iter().filter(|(key, _)| !SOURCES.contains(key)) {
            self.note(unknown_key("the source of a parameter", key, SOURCES), key_span(source, key));
        }
        let mut known = source.iter().filter(|(key, _)| SOURCES.contains(key));
        let (key, item) = match (known.next(), known.next()) {
            (Some(one), None) => one,
            // An unknown key has been noted and explains why nothing is there.
            (None, _) if !source.is_empty() => return None,
            _ => {
                self.note(Reason::OneSource { key: format!("par.{}", parameter.name) }, span);
                return None;
            }
        };
        let span = value_span(source, key, item);
        let Some(text) = item.as_str() else {
            self.note_type(key, "text", item, span);
            return None;
        };
        let (from, value, file) = match key {
            "expr" => return Some(ParEntry::Expression(Rc::from(text))),
            "bind" => return Some(ParEntry::Bind(Rc::from(text))),
            "env" => (format!("the environment variable {text}"), load::variable(text), None),
            _ => {
                let path = load::resolve(self.folder, text);
                (format!("the content of {text}"), load::value(&path, text), Some(path))
            }
        };
        let value = match value {
            Ok(value) => value,
            Err(reason) => {
                self.faulty_files.extend(file);
                self.note(reason, span);
                return None;
            }
        };
        let given = OwnedValue::Str(value);
        match convert(parameter, &given) {
            Ok(value) => {
                // What is used instead is an end of the range, and so no secret.
                if let Some((_, used)) = clamped(&given, &value) {
                    self.note(Reason::Clamped { parameter: parameter.name.clone(), found: from, used }, span);
                }
                Some(ParEntry::Hidden { value, file })
            }
            Err(_) => {
                self.faulty_files.extend(file);
                self.note(hidden(&from, parameter), span);
                None
            }
        }
    }

    // ---- text, rows and file --------------------------------------------------------------------------------------

    /// Reads `text`, `rows` and `file` of an operator whose parameters have been read.
    pub fn read_content(&mut self, entry: &mut Entry, keys: &dyn TableLike) {
        let mut inline = None;
        if let Some(item) = keys.get("text") {
            inline = Some("text");
            self.read_text(entry, item, value_span(keys, "text", item));
        }
        if let Some(item) = keys.get("rows") {
            inline = Some("rows");
            self.read_rows(entry, item, value_span(keys, "rows", item));
        }
        let file = match keys.get("file") {
            Some(item) => self.read_file_key(entry, item, value_span(keys, "file", item)),
            None => self.file_parameters(entry),
        };
        let Some((shown, span)) = file else { return };
        if let Some(other) = inline {
            let reason = Reason::GivenTwice { key: "file".into(), other: other.into() };
            return self.note(reason, span);
        }
        let path = load::resolve(self.folder, &shown);
        let loaded = load::content(&path, &shown, entry.kind.content, |name| entry.fixed_value(name));
        match loaded {
            Ok(loaded) => {
                let sync = entry.fixed_value("syncfile").is_some_and(|value| value.is_on());
                entry.content = ContentEntry::File(FileEntry { path, shown, sync, loaded });
            }
            Err(reason) => {
                self.faulty_files.push(path);
                self.note(reason, span);
            }
        }
    }

    fn read_text(&mut self, entry: &mut Entry, item: &Item, span: Range<usize>) {
        let Some(text) = item.as_str() else { return self.note_type("text", "text", item, span) };
        if entry.kind.content != ContentKind::Text || !entry.kind.editable {
            return self.note(Reason::NoSuchContent { label: entry.kind.label, key: "text" }, span);
        }
        self.spans.insert(SpanKey::Text(self.entries.len()), span);
        entry.content = ContentEntry::Inline(Loaded::Text(Rc::from(text)));
    }

    fn read_rows(&mut self, entry: &mut Entry, item: &Item, span: Range<usize>) {
        let expected = "a list of rows, each a list of cells";
        let Some(array) = item.as_array() else { return self.note_type("rows", expected, item, span) };
        if entry.kind.content != ContentKind::Table || !entry.kind.editable {
            return self.note(Reason::NoSuchContent { label: entry.kind.label, key: "rows" }, span);
        }
        let mut rows = Vec::with_capacity(array.len());
        for row in array.iter() {
            let at = row.span().unwrap_or_else(|| span.clone());
            let Some(cells) = row.as_array() else {
                self.note(Reason::WrongType { key: "rows".into(), expected, found: row.type_name() }, at);
                continue;
            };
            let mut texts = Vec::with_capacity(cells.len());
            for cell in cells.iter() {
                match cell_text(cell) {
                    Some(text) => texts.push(text),
                    None => {
                        let (expected, found) = ("cells of text, numbers or truth values", cell.type_name());
                        let at = cell.span().unwrap_or_else(|| at.clone());
                        self.note(Reason::WrongType { key: "rows".into(), expected, found }, at);
                    }
                }
            }
            rows.push(texts);
        }
        match Table::from_rows(&rows) {
            Ok(table) => entry.content = ContentEntry::Inline(Loaded::Table(table)),
            Err(error) => self.note(Reason::Table { error: error.to_string() }, span),
        }
    }

    /// `file = x`: sets `file` and `syncfile`, which must not be given in another way as well.
    fn read_file_key(&mut self, entry: &mut Entry, item: &Item, span: Range<usize>) -> Option<(Rc<str>, Range<usize>)> {
        let Some(name) = item.as_str() else {
            self.note_type("file", "the name of a file", item, span);
            return None;
        };
        let holds = matches!(entry.kind.content, ContentKind::Text | ContentKind::Table);
        let Some((index, _)) = entry.kind.find_parameter("file").filter(|_| holds) else {
            self.note(Reason::NoSuchContent { label: entry.kind.label, key: "file" }, span);
            return None;
        };
        if entry.parameters.contains_key(&index) {
            self.note(Reason::GivenTwice { key: "file".into(), other: "par.file".into() }, span);
            return None;
        }
        let name: Rc<str> = Rc::from(name);
        entry.parameters.insert(index, ParEntry::Constant(ParValue::Str(name.clone())));
        if let Some((sync, _)) = entry.kind.find_parameter("syncfile") {
            entry.parameters.entry(sync).or_insert(ParEntry::Constant(ParValue::Bool(true)));
        }
        Some((name, span))
    }

    /// The long way to say `file = x`: `par.file` with `par.syncfile` or `par.loadonstart` on.
    fn file_parameters(&mut self, entry: &Entry) -> Option<(Rc<str>, Range<usize>)> {
        if !matches!(entry.kind.content, ContentKind::Text | ContentKind::Table) {
            return None;
        }
        let (index, _) = entry.kind.find_parameter("file")?;
        let on = |name| entry.fixed_value(name).is_some_and(|value: ParValue| value.is_on());
        match entry.fixed_value("file") {
            Some(ParValue::Str(name)) if !name.is_empty() && (on("syncfile") || on("loadonstart")) => {
                let span = self.spans.get(&SpanKey::Parameter(self.entries.len(), index.0)).cloned();
                Some((name, span.unwrap_or(0..0)))
            }
            _ => None,
        }
    }
}

/// Whether it is what a style adds to a name: nothing, a number or a letter.
fn is_suffix(rest: &str) -> bool {
    rest.len() <= 1
}

/// A TOML value as a value of the core; `None` for arrays, tables and dates.
pub(super) fn constant(item: &Item) -> Option<OwnedValue> {
    if let Some(text) = item.as_str() {
        return Some(OwnedValue::Str(text.to_owned()));
    }
    let number = item.as_integer().map(OwnedValue::Int).or_else(|| item.as_float().map(OwnedValue::Float));
    number.or_else(|| item.as_bool().map(OwnedValue::Bool))
}

fn cell_text(cell: &toml_edit::Value) -> Option<String> {
    if let Some(text) = cell.as_str() {
        return Some(text.to_owned());
    }
    if let Some(on) = cell.as_bool() {
        return Some(if on { "1".into() } else { "0".into() });
    }
    cell.as_integer().map(|number| number.to_string()).or_else(|| cell.as_float().map(|number| number.to_string()))
}

/// What was written and what is used, when a number had to be clamped.
fn clamped(given: &OwnedValue, used: &ParValue) -> Option<(String, String)> {
    let number = match given {
        OwnedValue::Int(number) => *number as f64,
        OwnedValue::Float(number) => *number,
        OwnedValue::Str(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    match used {
        ParValue::Int(used) if *used != number as i64 => Some((number.to_string(), used.to_string())),
        ParValue::Float(used) if *used != number => Some((number.to_string(), used.to_string())),
        _ => None,
    }
}

pub(super) fn expected(parameter: &Parameter) -> &'static str {
    match &parameter.kind {
        Kind::Toggle { .. } | Kind::Momentary { .. } | Kind::Pulse => "true or false",
        Kind::Int { .. } => "a whole number",
        Kind::Float { .. } => "a number",
        Kind::Menu { .. } => "the name of an entry",
        Kind::Op { .. } => "the name of an operator",
        Kind::Str { .. }
        | Kind::StrMenu { .. }
        | Kind::File { .. }
        | Kind::FileSave { .. }
        | Kind::Folder { .. }
        | Kind::Kept { .. } => "text",
    }
}

fn hidden(from: &str, parameter: &Parameter) -> Reason {
    Reason::HiddenValue { from: from.to_owned(), parameter: parameter.name.clone(), style: parameter.kind.style() }
}
