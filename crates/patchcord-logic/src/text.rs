//! Reading a graph from its text form, `*.logic.toml` (reference §6).
//!
//! Each wire is written at the end where it is the only one: a pulse at its source (`next`, `on.…`), data at its sink
//! (`from.…`). Reading never stops at a mistake: it notes it and goes on with what it could understand.

use std::ops::Range;

use toml_edit::{Document, Item, Key, TableLike, Value as TomlValue};

use crate::compile::nearest;
use crate::finding::{Finding, Findings, suggestion};
use crate::source::{
    EventSource, FunctionSource, Literal, Name, NodeSource, ParameterSource, Source, Spanned, VariableSource,
};

/// The format that this version reads.
pub const FORMAT: i64 = 1;

/// Texts that are larger are not read, in bytes.
pub const MAX_TEXT: usize = 16 * 1024 * 1024;

const SECTIONS: &[&str] = &["project", "var", "event", "function", "node", "layout"];
const NODE_KEYS: &[&str] = &["type", "set", "from", "next", "on", "enabled", "pass_through", "note"];

/// Reads a text. What it holds is complete only when no finding is an error.
pub fn read(text: &str) -> (Source, Vec<Finding>) {
    let mut reader = Reader { findings: Findings::default(), end: text.len() };
    let source = reader.read(text);
    (source, reader.findings.into_all())
}

struct Reader {
    findings: Findings,
    end: usize,
}

impl Reader {
    fn read(&mut self, text: &str) -> Source {
        let mut source = Source::default();
        if text.len() > MAX_TEXT {
            self.findings.error(0..0, format!("the file is larger than {} MiB", MAX_TEXT >> 20), None);
            return source;
        }
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(error) => {
                let span = error.span().unwrap_or(self.end..self.end);
                self.findings.error(span, error.message().to_owned(), None);
                return source;
            }
        };
        for (key, item) in entries(document.as_table()) {
            match key.value.as_str() {
                "project" => self.project(item, &key, &mut source),
                "var" => self.each(item, &key, |reader, name, table| {
                    let variable = reader.variable(name, table);
                    source.variables.push(variable);
                }),
                "event" => self.each(item, &key, |reader, name, table| {
                    reader.only(table, &["params"], "a custom event");
                    let parameters = reader.parameters(table, "params");
                    source.events.push(EventSource { name, parameters });
                }),
                "function" => self.each(item, &key, |reader, name, table| {
                    let function = reader.function(name, table);
                    source.functions.push(function);
                }),
                "node" => source.nodes = self.nodes(item, &key, ""),
                // Positions and frames are an editor's.
                "layout" => {}
                "connection" => self.findings.error(
                    key.span.clone(),
                    "connections stand in patch.toml, which all graphs of a patch share",
                    Some(
                        "move the section to patch.toml as [connection.socketio.NAME], [connection.mqtt.NAME] …"
                            .to_owned(),
                    ),
                ),
                _ => self.unknown(&key, SECTIONS, "a logic file"),
            }
        }
        source
    }

    fn project(&mut self, item: &Item, key: &Name, source: &mut Source) {
        let Some(table) = self.table(item, key) else { return };
        for (name, item) in entries(table) {
            match name.value.as_str() {
                "name" => source.name = self.text(item, &name),
                "format" => match item.as_integer() {
                    Some(FORMAT) => {}
                    _ => self.findings.error(
                        self.span(item, &name),
                        format!("this version reads format {FORMAT}"),
                        Some(format!("format = {FORMAT}")),
                    ),
                },
                _ => self.unknown(&name, &["name", "format"], "[project]"),
            }
        }
    }

    fn variable(&mut self, name: Name, table: &dyn TableLike) -> VariableSource {
        let mut variable = VariableSource { name, data_type: None, initial: None };
        for (key, item) in entries(table) {
            match key.value.as_str() {
                // That it has to have one is said where it is compiled.
                "type" => variable.data_type = self.quiet_text(item, &key),
                "initial" => variable.initial = self.literal(item, &key),
                _ => self.unknown(&key, &["type", "initial"], "a variable"),
            }
        }
        variable
    }

    fn function(&mut self, name: Name, table: &dyn TableLike) -> FunctionSource {
        self.only(table, &["params", "results", "node"], "a function");
        let parameters = self.parameters(table, "params");
        let results = self.parameters(table, "results");
        let mut nodes = Vec::new();
        if let Some((key, item)) = entries(table).find(|(key, _)| key.value == "node") {
            nodes = self.nodes(item, &key, &format!("{}/", name.value));
        }
        self.findings.node.clear();
        FunctionSource { name, parameters, results, nodes }
    }

    fn parameters(&mut self, table: &dyn TableLike, key: &str) -> Vec<ParameterSource> {
        let Some((key, item)) = entries(table).find(|(name, _)| name.value == key) else { return Vec::new() };
        let Some(Spanned { value: Literal::List(list), span }) = self.literal(item, &key) else {
            self.findings.error(
                self.span(item, &key),
                format!("{} is a list of tables", key.value),
                Some(format!("{} = [{{ name = \"Seat\", type = \"Int\" }}]", key.value)),
            );
            return Vec::new();
        };
        let mut parameters = Vec::new();
        for entry in list {
            let Literal::Table(fields) = entry.value else {
                self.findings.error(
                    entry.span,
                    "a parameter is a table",
                    Some("{ name = \"Seat\", type = \"Int\" }".to_owned()),
                );
                continue;
            };
            let (mut name, mut data_type, mut default) = (None, None, None);
            for (field, value) in fields {
                match (field.value.as_str(), value.value) {
                    ("name", Literal::Text(text)) => name = Some(Spanned::new(text, value.span)),
                    ("type", Literal::Text(text)) => data_type = Some(Spanned::new(text, value.span)),
                    ("default", literal) => default = Some(Spanned::new(literal, value.span)),
                    ("name" | "type", other) => {
                        self.findings.error(value.span, format!("{} is text, not {}", field.value, other.kind()), None);
                    }
                    _ => self.unknown(&field, &["name", "type", "default"], "a parameter"),
                }
            }
            match name.filter(|name: &Name| !name.value.is_empty()) {
                Some(name) => parameters.push(ParameterSource { name, data_type, default }),
                None => self.findings.error(entry.span, "a parameter has to have a name", None),
            }
        }
        let _ = span;
        parameters
    }

    fn nodes(&mut self, item: &Item, key: &Name, prefix: &str) -> Vec<NodeSource> {
        let mut nodes = Vec::new();
        self.each(item, key, |reader, id, table| {
            reader.findings.node = format!("{prefix}{}", id.value);
            let node = reader.node(id, table);
            nodes.push(node);
            reader.findings.node.clear();
        });
        nodes
    }

    fn node(&mut self, id: Name, table: &dyn TableLike) -> NodeSource {
        if id.value == "var" {
            let text = "no node can be called \"var\": wires from \"var.…\" are variables";
            self.findings.error(id.span.clone(), text, None);
        } else if id.value.contains(['.', '/']) || id.value.is_empty() {
            self.findings.error(id.span.clone(), "the id of a node is a word without points and slashes", None);
        }
        let mut node = NodeSource {
            id,
            node_type: None,
            set: Vec::new(),
            from: Vec::new(),
            next: None,
            on: Vec::new(),
            enabled: true,
            pass_through: None,
            note: None,
        };
        for (key, item) in entries(table) {
            match key.value.as_str() {
                "type" => node.node_type = self.quiet_text(item, &key),
                "set" => {
                    let Some(table) = self.table(item, &key) else { continue };
                    for (name, item) in entries(table) {
                        if let Some(literal) = self.literal(item, &name) {
                            node.set.push((name, literal));
                        }
                    }
                }
                "from" => self.wires(item, &key, "", &mut node.from),
                "on" => self.wires(item, &key, "", &mut node.on),
                "next" => node.next = self.text(item, &key),
                "enabled" => node.enabled = self.flag(item, &key).is_none_or(|flag| flag.value),
                "pass_through" => node.pass_through = self.flag(item, &key),
                "note" => node.note = self.text(item, &key).map(|text| text.value),
                _ => self.unknown(&key, NODE_KEYS, "a node"),
            }
        }
        node
    }

    /// Wires by the dotted name of their socket: `case.chat`.
    fn wires(&mut self, item: &Item, key: &Name, prefix: &str, wires: &mut Vec<(Name, Name)>) {
        let Some(table) = self.table(item, key) else { return };
        for (name, item) in entries(table) {
            let full = Spanned::new(format!("{prefix}{}", name.value), name.span.clone());
            if item.as_table_like().is_some() {
                self.wires(item, &name, &format!("{}.", full.value), wires);
            } else if let Some(end) = self.text(item, &name) {
                wires.push((full, end));
            }
        }
    }

    /// Each table of a section of named tables.
    fn each(&mut self, item: &Item, key: &Name, mut found: impl FnMut(&mut Self, Name, &dyn TableLike)) {
        let Some(table) = self.table(item, key) else { return };
        for (name, item) in entries(table) {
            if name.value.is_empty() && key.value != "node" {
                self.findings.error(
                    name.span.clone(),
                    format!("what stands in `{}` has to have a name", key.value),
                    None,
                );
            }
            if let Some(table) = self.table(item, &name) {
                found(self, name, table);
            }
        }
    }

    fn table<'a>(&mut self, item: &'a Item, key: &Name) -> Option<&'a dyn TableLike> {
        let table = item.as_table_like();
        if table.is_none() {
            let help = format!("{} = {{ … }}", key.value);
            self.findings.error(self.span(item, key), format!("{} is a table", key.value), help);
        }
        table
    }

    fn text(&mut self, item: &Item, key: &Name) -> Option<Name> {
        let span = self.span(item, key);
        match item.as_str() {
            Some(text) => Some(Spanned::new(text.to_owned(), span)),
            None => {
                let help =
                    (key.value == "next").then(|| "the id of one node; a Sequential leads to several".to_owned());
                self.findings.error(span, format!("{} is text", key.value), help);
                None
            }
        }
    }

    /// As [`Reader::text`]; whoever misses it says so.
    fn quiet_text(&self, item: &Item, key: &Name) -> Option<Name> {
        item.as_str().filter(|text| !text.is_empty()).map(|text| Spanned::new(text.to_owned(), self.span(item, key)))
    }

    fn flag(&mut self, item: &Item, key: &Name) -> Option<Spanned<bool>> {
        let span = self.span(item, key);
        match item.as_bool() {
            Some(flag) => Some(Spanned::new(flag, span)),
            None => {
                self.findings.error(span, format!("{} is true or false", key.value), None);
                None
            }
        }
    }

    fn literal(&mut self, item: &Item, key: &Name) -> Option<Spanned<Literal>> {
        let span = self.span(item, key);
        let literal = match item {
            Item::Value(value) => literal_of(value),
            Item::Table(table) => Some(table_of(table)),
            Item::ArrayOfTables(tables) => Some(Literal::List(
                tables
                    .iter()
                    .map(|table| Spanned::new(table_of(table), table.span().unwrap_or(span.clone())))
                    .collect(),
            )),
            Item::None => None,
        };
        if literal.is_none() {
            self.findings.error(span.clone(), "dates are written as text", None);
        }
        literal.map(|literal| Spanned::new(literal, span))
    }

    fn only(&mut self, table: &dyn TableLike, keys: &[&str], what: &str) {
        for (key, _) in entries(table) {
            if !keys.contains(&key.value.as_str()) {
                self.unknown(&key, keys, what);
            }
        }
    }

    fn unknown(&mut self, key: &Name, keys: &[&str], what: &str) {
        let help = suggestion(nearest(&key.value, keys.iter().copied()))
            .unwrap_or_else(|| format!("it has {}", keys.join(", ")));
        self.findings.error(key.span.clone(), format!("{what} has no \"{}\"", key.value), Some(help));
    }

    fn span(&self, item: &Item, key: &Name) -> Range<usize> {
        item.span().unwrap_or_else(|| key.span.clone())
    }
}

/// Keys with their places, and what stands behind them.
fn entries(table: &dyn TableLike) -> impl Iterator<Item = (Name, &Item)> {
    table.iter().map(|(name, item)| {
        let span = table.key(name).and_then(Key::span).or_else(|| item.span()).unwrap_or(0..0);
        (Spanned::new(name.to_owned(), span), item)
    })
}

fn literal_of(value: &TomlValue) -> Option<Literal> {
    Some(match value {
        TomlValue::Boolean(flag) => Literal::Bool(*flag.value()),
        TomlValue::Integer(number) => Literal::Int(*number.value()),
        TomlValue::Float(number) => Literal::Float(*number.value()),
        TomlValue::String(text) => Literal::Text(text.value().clone()),
        TomlValue::Array(elements) => {
            let mut list = Vec::with_capacity(elements.len());
            for element in elements {
                list.push(Spanned::new(literal_of(element)?, element.span().unwrap_or(0..0)));
            }
            Literal::List(list)
        }
        TomlValue::InlineTable(table) => {
            let mut fields = Vec::new();
            for (name, item) in entries(table) {
                let value = item.as_value()?;
                fields.push((name, Spanned::new(literal_of(value)?, value.span().unwrap_or(0..0))));
            }
            Literal::Table(fields)
        }
        TomlValue::Datetime(_) => return None,
    })
}

fn table_of(table: &toml_edit::Table) -> Literal {
    let fields = entries(table).filter_map(|(name, item)| {
        let span = item.span().unwrap_or_else(|| name.span.clone());
        let literal = match item {
            Item::Value(value) => literal_of(value)?,
            Item::Table(table) => table_of(table),
            _ => return None,
        };
        Some((name, Spanned::new(literal, span)))
    });
    Literal::Table(fields.collect())
}
