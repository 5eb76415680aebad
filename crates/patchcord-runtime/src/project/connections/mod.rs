//! Reading `[connection.FAMILY.NAME]`: the project-wide connections that logic graphs name.
//!
//! A connection becomes an operator of its own in the component `connections`, so that the difference of two readings, live
//! edits, recordings and everything else of operators hold for it, too. The fields are Incari's (reference §2 and §3), with
//! those of its sibling families that one has not; `par` reaches every parameter of the operator. Which fields a family has
//! and what becomes of them stands in [`families`].

mod families;

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use patchcord_core::declaration::{Kind, OperatorType, ParIndex, Parameter};
use patchcord_core::parameter::{ParValue, nearest_name};
use patchcord_core::tdu;
use patchcord_logic::declaration::Family;
use patchcord_operators::base_comp::BASE_COMP;
use patchcord_operators::logic_comp::{COMPONENT, connection_name};
use toml_edit::{Item, TableLike};

use super::file::{ContentEntry, Entry, ParEntry, Wire, join};
use super::keeps::Keeps;
use super::reader::{Reader, key_span, unknown_key, value_span};
use super::reason::Reason;
use families::{FAMILIES, FamilyFields, Takes};

/// The key of every family for parameters of the operator.
const PAR: &str = "par";

/// A connection while it is read.
struct Draft<'t> {
    /// Its name.
    name: &'t str,
    /// Place of the name.
    span: Range<usize>,
    /// Name of its operator.
    operator: String,
    kind: &'static OperatorType,
    /// Fields that [`FamilyFields::finish`] looks at, with the place of each.
    given: BTreeMap<&'static str, (ParValue, Range<usize>)>,
    /// The table field, if the family has one.
    table: Option<Vec<[String; 2]>>,
    parameters: BTreeMap<ParIndex, ParEntry>,
    inputs: Vec<Option<Wire>>,
}

impl Draft<'_> {
    /// A text field and its place.
    fn text(&self, field: &str) -> Option<(Rc<str>, Range<usize>)> {
        self.given.get(field).map(|(value, span)| (value.to_text(), span.clone()))
    }

    /// A port field and its place; 0 is the value of one that nobody has touched, and no port.
    fn port(&self, field: &str) -> Option<(u16, Range<usize>)> {
        let (value, span) = self.given.get(field)?;
        let port = u16::try_from(value.as_i64()).ok().filter(|port| *port != 0)?;
        Some((port, span.clone()))
    }

    /// Whether a field is there and true.
    fn is_on(&self, field: &str) -> bool {
        self.given.get(field).is_some_and(|(value, _)| value.is_on())
    }

    /// Gives a parameter of the operator a value.
    fn set(&mut self, parameter: &str, value: ParValue) {
        if let Some((index, _)) = self.kind.find_parameter(parameter) {
            self.parameters.insert(index, ParEntry::Constant(value));
        }
    }

    /// Gives a parameter of the operator a text.
    fn set_text(&mut self, parameter: &str, text: &str) {
        self.set(parameter, ParValue::Str(Rc::from(text)));
    }
}

impl Reader<'_> {
    /// Reads all connections.
    pub(super) fn read_connections(&mut self, item: &Item, span: Range<usize>) {
        let Some(families) = item.as_table_like() else {
            return self.note_type("connection", "sections such as [connection.socketio.chat]", item, span);
        };
        if self.names.contains_key(COMPONENT) {
            return self.note(Reason::Duplicate { key: format!("op.{COMPONENT}") }, span);
        }
        self.make(entry(COMPONENT, &BASE_COMP, BTreeMap::new(), ContentEntry::None, Vec::new()));
        for (key, item) in families.iter() {
            let span = key_span(families, key);
            match FAMILIES.iter().find(|fields| fields.family.key() == key) {
                // As if there were no such family.
                Some(fields) if self.settings.plugins.get(key) == Some(&false) => {
                    self.note(Reason::PluginOff { family: fields.family.key() }, span);
                }
                Some(fields) => self.read_family(fields, item, span),
                None => {
                    let keys: Vec<_> = Family::ALL.iter().map(|family| family.key()).collect();
                    self.note(unknown_key("[connection]", key, &keys), span);
                }
            }
        }
    }

    fn read_family(&mut self, fields: &FamilyFields, item: &Item, span: Range<usize>) {
        let key = fields.family.key();
        let Some(connections) = item.as_table_like() else {
            return self.note_type(key, "sections such as [connection.socketio.chat]", item, span);
        };
        for (name, item) in connections.iter() {
            let span = key_span(connections, name);
            let Some(keys) = item.as_table_like() else {
                self.note_type(name, "a section with a url", item, span);
                continue;
            };
            if !tdu::is_valid_name(name) {
                self.note(Reason::BadName { name: name.to_owned(), legal: tdu::valid_name(name) }, span);
                continue;
            }
            self.read_connection(fields, name, keys, span);
        }
    }

    fn read_connection(&mut self, fields: &FamilyFields, name: &str, keys: &dyn TableLike, span: Range<usize>) {
        self.hide_secrets(keys);
        self.hide_secret_fields(fields, keys);
        let operator = connection_name(fields.family, name);
        let mut draft = Draft {
            name,
            span,
            operator,
            kind: fields.operator,
            given: BTreeMap::new(),
            table: None,
            parameters: BTreeMap::new(),
            inputs: Vec::new(),
        };
        for (key, item) in keys.iter().filter(|(key, _)| *key != PAR) {
            self.read_field(fields, &mut draft, keys, key, item);
        }
        (fields.finish)(self, &mut draft);
        let path = join(COMPONENT, &draft.operator);
        let mut entry = entry(&path, draft.kind, draft.parameters, ContentEntry::None, draft.inputs);
        if let Some(item) = keys.get(PAR) {
            match item.as_table_like() {
                Some(table) => self.read_parameters(&mut entry, table),
                None => {
                    self.note_type(PAR, "parameters such as par.proxy = \"…\"", item, value_span(keys, PAR, item));
                }
            }
        }
        self.make(entry);
    }

    fn read_field(
        &mut self,
        fields: &FamilyFields,
        draft: &mut Draft<'_>,
        keys: &dyn TableLike,
        key: &str,
        item: &Item,
    ) {
        let span = value_span(keys, key, item);
        let Some(field) = fields.all.iter().find(|field| field.name == key) else {
            let mut known: Vec<_> = fields.all.iter().map(|field| field.name).collect();
            known.push(PAR);
            return self.note(unknown_key("a connection", key, &known), key_span(keys, key));
        };
        let given = match field.takes {
            Takes::Text => item.as_str().map(|text| ParValue::Str(Rc::from(text))).ok_or("text"),
            Takes::Toggle => item.as_bool().map(ParValue::Bool).ok_or("true or false"),
            Takes::Port => match item.as_integer() {
                Some(number) if u16::try_from(number).is_ok() => Ok(ParValue::Int(number)),
                Some(_) => return self.note(Reason::OutOfRange { key: field.name, min: 0.0, max: 65_535.0 }, span),
                None => Err("a whole number"),
            },
            Takes::Parameter(name) => {
                let Some((index, parameter)) = draft.kind.find_parameter(name) else { return };
                if let Some(value) = self.read_for(parameter, key, item, span) {
                    draft.parameters.insert(index, value);
                }
                return;
            }
            Takes::SecretTable => {
                draft.table = self.secret_rows(key, item, span);
                return;
            }
        };
        match given {
            Ok(value) => drop(draft.given.insert(field.name, (value, span))),
            Err(expected) => self.note_type(key, expected, item, span),
        }
    }

    /// Reads a field that is a parameter under another name: a constant of the parameter's kind, or where it comes from as in
    /// `par`.
    fn read_for(&mut self, parameter: &Parameter, key: &str, item: &Item, span: Range<usize>) -> Option<ParEntry> {
        if let Some(source) = item.as_table_like() {
            return self.read_source(parameter, source, span);
        }
        let (fits, expected) = match parameter.kind {
            Kind::Toggle { .. } => (item.is_bool(), "true or false"),
            Kind::Int { .. } => (item.is_integer(), "a whole number"),
            Kind::Float { .. } => (item.is_integer() || item.is_float(), "a number"),
            _ => (item.is_str(), "text"),
        };
        if fits {
            return self.read_constant(parameter, item, span);
        }
        self.note_type(key, expected, item, span);
        None
    }

    /// Names and texts of a table whose texts no report shows.
    fn secret_rows(&mut self, key: &str, item: &Item, span: Range<usize>) -> Option<Vec<[String; 2]>> {
        let Some(table) = item.as_table_like() else {
            self.note_type(key, "a table such as { token = \"…\" }", item, span);
            return None;
        };
        let mut rows = Vec::new();
        for (name, item) in table.iter() {
            let span = value_span(table, name, item);
            self.secrets.push(span.clone());
            match item.as_str() {
                Some(text) => rows.push([name.to_owned(), text.to_owned()]),
                None => self.note_type(name, "text", item, span),
            }
        }
        Some(rows)
    }

    /// Hides the values of secret fields, and of keys that are meant to be one.
    fn hide_secret_fields(&mut self, fields: &FamilyFields, keys: &dyn TableLike) {
        let is_secret = |takes: &Takes| match takes {
            Takes::Parameter(name) => {
                fields.operator.find_parameter(name).is_some_and(|(_, parameter)| parameter.secret)
            }
            _ => false,
        };
        let secret: Vec<_> =
            fields.all.iter().filter(|field| is_secret(&field.takes)).map(|field| field.name).collect();
        for (key, item) in keys.iter() {
            let is_other = fields.all.iter().any(|field| field.name == key && !is_secret(&field.takes));
            if !is_other && !item.is_table_like() && nearest_name(key, secret.iter().copied()).is_some() {
                self.secrets.push(value_span(keys, key, item));
            }
        }
    }

    /// Puts an operator among those of the file.
    fn make(&mut self, entry: Entry) {
        self.names.insert(entry.path.clone(), Some(entry.kind));
        self.entries.push(entry);
    }
}

fn entry(
    path: &str,
    kind: &'static OperatorType,
    parameters: BTreeMap<ParIndex, ParEntry>,
    content: ContentEntry,
    inputs: Vec<Option<Wire>>,
) -> Entry {
    Entry {
        path: Rc::from(path),
        kind,
        custom: Vec::new(),
        inputs,
        parameters,
        asked: BTreeMap::new(),
        content,
        tags: Vec::new(),
        comment: Rc::from(""),
        dock: None,
        keeps: Keeps::default(),
    }
}
