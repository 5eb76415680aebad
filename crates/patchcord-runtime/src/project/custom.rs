//! Reading `custom` of a component: definitions of custom parameters.
//!
//! `custom.Seat = { page = "Agent", style = "Int", default = 1, min = 0, max = 8 }` makes the parameter `Seat`; one with
//! several values (`size = 3`, style XYZ) those with the suffixes of its style. What a script calls them and how
//! they take values is as in TouchDesigner; an end that is given holds, unless `clamp = false`.

use std::ops::Range;
use std::rc::Rc;

use patchcord_core::declaration::{Entries, Family, Kind, Text};
use patchcord_core::patch::custom::{CustomError, GroupDefinition, MAX_CUSTOM_PARAMETERS, Style, set_default};
use toml_edit::{Item, TableLike};

use super::file::{CustomEntry, Entry};
use super::reader::{Reader, key_span, unknown_key, value_span};
use super::reason::Reason;
use super::values::{constant, expected};

pub(super) const KEYS: &[&str] = &["page", "style", "label", "size", "default", "min", "max", "clamp", "menu", "help"];

/// The page of a parameter that names none.
const PAGE: &str = "Custom";

impl Reader<'_> {
    /// Reads `custom` of an operator, before its parameters.
    pub fn read_custom(&mut self, entry: &mut Entry, keys: &dyn TableLike) {
        self.bad_definitions.clear();
        let Some(item) = keys.get("custom") else { return };
        if entry.kind.family != Family::Comp {
            let reason = Reason::NoSuchContent { label: entry.kind.label, key: "custom" };
            return self.note(reason, key_span(keys, "custom"));
        }
        let Some(table) = item.as_table_like() else {
            let expected = "definitions such as custom.Seat = { style = \"Int\" }";
            return self.note_type("custom", expected, item, value_span(keys, "custom", item));
        };
        let mut count = 0;
        for (name, item) in table.iter() {
            let Some(facts) = item.as_table_like() else {
                self.bad_definitions.push(name.to_owned());
                let expected = "a definition such as { style = \"Int\" }";
                self.note_type(name, expected, item, value_span(table, name, item));
                continue;
            };
            let Some(custom) = self.read_definition(name, facts, key_span(table, name)) else {
                self.bad_definitions.push(name.to_owned());
                continue;
            };
            let taken = custom.definition.parameters.iter().find(|new| entry.find_parameter(&new.name).is_some());
            count += custom.definition.parameters.len();
            if let Some(taken) = taken {
                let error = CustomError::NameTaken { name: taken.name.to_string() };
                self.note(Reason::Custom(error), key_span(table, name));
            } else if count > MAX_CUSTOM_PARAMETERS {
                return self.note(Reason::Custom(CustomError::Full), key_span(table, name));
            } else {
                entry.custom.push(custom);
            }
        }
    }

    /// Reads one definition; `None` when it is no use.
    fn read_definition(&mut self, name: &str, facts: &dyn TableLike, span: Range<usize>) -> Option<CustomEntry> {
        for (key, _) in facts.iter().filter(|(key, _)| !KEYS.contains(key)) {
            self.note(unknown_key("a custom parameter", key, KEYS), key_span(facts, key));
        }
        let style = match facts.get("style") {
            None => {
                self.note(Reason::NoStyle { name: name.to_owned() }, span);
                return None;
            }
            Some(item) => self.fact_text(facts, "style", item)?,
        };
        let Some(style) = Style::find(&style) else {
            let nearest = Style::nearest(&style);
            self.note(Reason::UnknownStyle { name: style, nearest }, fact_span(facts, "style"));
            return None;
        };
        let mut text = |key| facts.get(key).and_then(|item| self.fact_text(facts, key, item));
        let (label, help, page) = (text("label"), text("help"), text("page"));
        let size = match facts.get("size") {
            None => style.size(),
            Some(item) => match item.as_integer().and_then(|size| usize::try_from(size).ok()) {
                Some(size) => size,
                None => {
                    self.note_type("size", "a whole number", item, fact_span(facts, "size"));
                    return None;
                }
            },
        };
        let mut definition = match style.define(name, label.as_deref().unwrap_or(name), size) {
            Ok(definition) => definition,
            Err(error) => {
                let place = if matches!(error, CustomError::Size { .. }) && facts.contains_key("size") {
                    fact_span(facts, "size")
                } else {
                    span
                };
                self.note(Reason::Custom(error), place);
                return None;
            }
        };
        if let Some(help) = help {
            definition.parameters.iter_mut().for_each(|parameter| parameter.help = Text::Owned(help.clone()));
        }
        self.read_menu(&mut definition, facts, &span);
        self.read_range(&mut definition, facts);
        self.read_default(&mut definition, facts);
        let page = page.filter(|page| !page.trim().is_empty());
        Some(CustomEntry { page: page.map_or_else(|| Rc::from(PAGE), Rc::from), definition })
    }

    fn fact_text(&mut self, facts: &dyn TableLike, key: &str, item: &Item) -> Option<String> {
        let text = item.as_str().map(str::to_owned);
        if text.is_none() {
            self.note_type(key, "text", item, fact_span(facts, key));
        }
        text
    }

    /// `menu = ["a", "b"]`, or `{ a = "Label of a", b = "Label of b" }`.
    fn read_menu(&mut self, definition: &mut GroupDefinition, facts: &dyn TableLike, span: &Range<usize>) {
        let style = definition.style.name;
        let Some(item) = facts.get("menu") else {
            if style == "Menu" {
                self.note(Reason::NoEntries, span.clone());
            }
            return;
        };
        let place = fact_span(facts, "menu");
        let listed = item.as_array().map(|array| {
            let texts = array.iter().map(|value| value.as_str().map(|name| (name.to_owned(), name.to_owned())));
            texts.collect::<Option<Vec<_>>>()
        });
        let labelled = || {
            item.as_table_like().map(|table| {
                let labels = table.iter().map(|(name, label)| Some((name.to_owned(), label.as_str()?.to_owned())));
                labels.collect::<Option<Vec<_>>>()
            })
        };
        let Some(Some(all)) = listed.or_else(labelled) else {
            return self.note_type("menu", "a list of texts, or a table of names and labels", item, place);
        };
        if all.is_empty() {
            return self.note(Reason::NoEntries, place);
        }
        for parameter in &mut definition.parameters {
            match &mut parameter.kind {
                Kind::Menu { entries, default } => {
                    *default = Text::Owned(all[0].0.clone());
                    *entries = Entries::Own(all.clone());
                }
                Kind::StrMenu { entries, .. } => *entries = Entries::Own(all.clone()),
                _ => return self.note(Reason::NotOfStyle { key: "menu", style }, key_span(facts, "menu")),
            }
        }
    }

    fn read_range(&mut self, definition: &mut GroupDefinition, facts: &dyn TableLike) {
        let style = definition.style.name;
        for key in ["min", "max", "clamp"] {
            let number = matches!(definition.parameters[0].kind, Kind::Int { .. } | Kind::Float { .. });
            if facts.contains_key(key) && !number {
                self.note(Reason::NotOfStyle { key, style }, key_span(facts, key));
            }
        }
        let clamp = facts.get("clamp").and_then(|item| {
            if item.as_bool().is_none() {
                self.note_type("clamp", "true or false", item, fact_span(facts, "clamp"));
            }
            item.as_bool()
        });
        let size = definition.parameters.len();
        let min = self.read_numbers(facts, "min", size);
        let max = self.read_numbers(facts, "max", size);
        for (at, parameter) in definition.parameters.iter_mut().enumerate() {
            let ends = (min.as_ref().map(|min| min[at]), max.as_ref().map(|max| max[at]));
            let (lowest, highest) = match &mut parameter.kind {
                Kind::Int { range, .. } => {
                    set_ends(range, ends.0.map(|end| end as i64), ends.1.map(|end| end as i64), clamp);
                    (range.min as f64, range.max as f64)
                }
                Kind::Float { range, .. } => {
                    set_ends(range, ends.0, ends.1, clamp);
                    (range.min, range.max)
                }
                _ => return,
            };
            if lowest > highest && ends.0.is_some() && ends.1.is_some() {
                return self.note(Reason::RangeReversed, fact_span(facts, "min"));
            }
        }
    }

    /// A number for each value: one for all, or a list.
    fn read_numbers(&mut self, facts: &dyn TableLike, key: &'static str, size: usize) -> Option<Vec<f64>> {
        let item = facts.get(key)?;
        let number = |item: &Item| item.as_float().or_else(|| item.as_integer().map(|whole| whole as f64));
        let all: Option<Vec<f64>> = values(item, size).iter().map(number).collect();
        let place = fact_span(facts, key);
        match all {
            Some(all) if all.len() == size => return Some(all),
            Some(all) => self.note(Reason::ValueCount { key, found: all.len(), size }, place),
            None => self.note_type(key, "a number", item, place),
        }
        None
    }

    fn read_default(&mut self, definition: &mut GroupDefinition, facts: &dyn TableLike) {
        let Some(item) = facts.get("default") else { return };
        let (style, size, place) = (definition.style.name, definition.parameters.len(), fact_span(facts, "default"));
        let given = values(item, size);
        if given.len() != size {
            return self.note(Reason::ValueCount { key: "default", found: given.len(), size }, place);
        }
        for (parameter, item) in definition.parameters.iter_mut().zip(&given) {
            if parameter.kind == Kind::Pulse {
                return self.note(Reason::NotOfStyle { key: "default", style }, key_span(facts, "default"));
            }
            let Some(value) = constant(item) else {
                return self.note_type("default", expected(parameter), item, place);
            };
            if let Err(error) = set_default(parameter, &value) {
                return self.note(Reason::Parameter(error), place);
            }
        }
    }
}

/// The ends that are given; they hold unless `clamp` says otherwise.
fn set_ends<T: Copy + PartialOrd>(
    range: &mut patchcord_core::declaration::Range<T>,
    min: Option<T>,
    max: Option<T>,
    clamp: Option<bool>,
) {
    if let Some(min) = min {
        (range.min, range.norm_min) = (min, min);
    }
    if let Some(max) = max {
        (range.max, range.norm_max) = (max, max);
    }
    range.clamp_min = clamp.unwrap_or(min.is_some());
    range.clamp_max = clamp.unwrap_or(max.is_some());
}

/// The values of a list, or one for each of `size`.
fn values(item: &Item, size: usize) -> Vec<Item> {
    match item.as_array() {
        Some(array) => array.iter().map(|value| Item::Value(value.clone())).collect(),
        None => vec![item.clone(); size],
    }
}

fn fact_span(facts: &dyn TableLike, key: &str) -> Range<usize> {
    facts.get(key).map_or(0..0, |item| value_span(facts, key, item))
}
