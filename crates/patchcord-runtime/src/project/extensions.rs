//! Reading `ext` of a component: a list of extensions, short for their parameters.
//!
//! `{ object = "AgentExt.AgentExt(me)", name = "Agent", promote = true }` says the same as `par.ext0object`, `par.ext0name`
//! and `par.ext0promote`; the second of the list those with a 1, and so on.

use std::ops::Range;
use std::rc::Rc;

use patchcord_core::declaration::{ParIndex, Parameter};
use patchcord_core::parameter::ParValue;
use patchcord_core::tdu;
use toml_edit::{Item, TableLike};

use super::file::{Entry, ParEntry};
use super::reader::{Reader, SpanKey, key_span, unknown_key, value_span};
use super::reason::Reason;

const KEYS: &[&str] = &["object", "name", "promote"];

/// What `ext` takes.
const EXPECTED: &str = "a list of extensions, each like { object = \"AgentExt.AgentExt(me)\", promote = true }";

impl Reader<'_> {
    /// Reads `ext` of an operator whose parameters have been read.
    pub fn read_extensions(&mut self, entry: &mut Entry, keys: &dyn TableLike) {
        let Some(item) = keys.get("ext") else { return };
        let span = value_span(keys, "ext", item);
        let most = (0..).take_while(|number| find(entry, *number, "object").is_some()).count();
        if most == 0 {
            return self.note(Reason::NoSuchContent { label: entry.kind.label, key: "ext" }, key_span(keys, "ext"));
        }
        // `[[op.agent.ext]]` is an array of tables, `ext = [{ … }]` an array of inline tables.
        let tables: Vec<(&dyn TableLike, Range<usize>)> = match (item.as_array(), item.as_array_of_tables()) {
            (Some(array), _) => {
                let mut tables: Vec<(&dyn TableLike, Range<usize>)> = Vec::new();
                for value in array.iter() {
                    let span = value.span().unwrap_or_else(|| span.clone());
                    match value.as_inline_table() {
                        Some(table) => tables.push((table, span)),
                        None => {
                            let found = value.type_name();
                            self.note(Reason::WrongType { key: "ext".into(), expected: EXPECTED, found }, span);
                        }
                    }
                }
                tables
            }
            (None, Some(array)) => array
                .iter()
                .map(|table| (table as &dyn TableLike, table.span().unwrap_or_else(|| span.clone())))
                .collect(),
            (None, None) => return self.note_type("ext", EXPECTED, item, span),
        };
        for (number, (table, span)) in tables.into_iter().enumerate() {
            if number >= most {
                return self.note(Reason::TooManyExtensions { most }, span);
            }
            self.read_extension(entry, number, table, span);
        }
    }

    fn read_extension(&mut self, entry: &mut Entry, number: usize, table: &dyn TableLike, span: Range<usize>) {
        for (key, item) in table.iter() {
            let span = value_span(table, key, item);
            let value = match key {
                "object" => item.as_str().map(|text| ParValue::Str(Rc::from(text))),
                "name" => item.as_str().map(|text| ParValue::Str(Rc::from(text))),
                "promote" => item.as_bool().map(ParValue::Bool),
                _ => {
                    self.note(unknown_key("an extension", key, KEYS), key_span(table, key));
                    continue;
                }
            };
            let Some(value) = value else {
                let expected = if key == "promote" { "true or false" } else { "text" };
                self.note_type(key, expected, item, span);
                continue;
            };
            if let ParValue::Str(name) = &value
                && key == "name"
                && !is_attribute_name(name)
            {
                self.note(Reason::BadExtensionName { name: name.to_string(), legal: attribute_name(name) }, span);
                continue;
            }
            let Some((index, parameter)) = find(entry, number, key) else { continue };
            if entry.parameters.contains_key(&index) {
                let (key, other) = (format!("ext.{key}"), format!("par.{}", parameter.name));
                self.note(Reason::GivenTwice { key, other }, span);
                continue;
            }
            self.spans.insert(SpanKey::Parameter(self.entries.len(), index.0), span);
            entry.parameters.insert(index, ParEntry::Constant(value));
        }
        let has_object = table.get("object").and_then(Item::as_str).is_some_and(|object| !object.trim().is_empty());
        if !has_object && table.get("object").is_none_or(|object| object.as_str().is_some()) {
            self.note(Reason::NoExtensionObject, span);
        }
    }
}

fn find(entry: &Entry, number: usize, key: &str) -> Option<(ParIndex, &'static Parameter)> {
    entry.kind.find_parameter(&format!("ext{number}{key}"))
}

/// The nearest name that can be an attribute.
fn attribute_name(name: &str) -> String {
    let name = tdu::valid_name(name);
    if is_attribute_name(&name) { name } else { format!("E{name}") }
}

/// Whether `ext.NAME` is an attribute in Python.
fn is_attribute_name(name: &str) -> bool {
    name.is_empty() || (tdu::is_valid_name(name) && !name.starts_with(|first: char| first.is_ascii_digit()))
}
