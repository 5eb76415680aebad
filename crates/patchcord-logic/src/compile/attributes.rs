//! The attributes of a node: what is set, checked against the declaration, with defaults for the rest.

use std::rc::Rc;

use super::{Compiler, nearest};
use crate::declaration::{Attribute, AttributeKind, Default, Field, FieldKind, NodeType, SocketType, slug};
use crate::finding::suggestion;
use crate::graph::Graph;
use crate::source::{Literal, Name, NodeSource, Spanned};
use crate::value::{DataType, Value};

/// What an attribute is set to.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text, or the name of a choice.
    Text(Rc<str>),
    /// A data type.
    Type(DataType),
    /// A value.
    Value(Value),
    /// A connection, variable, event or function, by its position in the graph.
    Index(usize),
    /// Entries.
    List(Vec<Entry>),
}

/// An entry of a list, with a setting for each field, in the order of the declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    fields: &'static [Field],
    settings: Vec<Setting>,
}

impl Entry {
    fn setting(&self, field: &str) -> Option<&Setting> {
        let index = self.fields.iter().position(|one| one.name == field)?;
        self.settings.get(index)
    }

    /// A field that is text or a choice. Of an entry that is a plain value, the name of its only field.
    pub fn text(&self, field: &str) -> Rc<str> {
        match self.setting(field) {
            Some(Setting::Text(text)) => text.clone(),
            Some(Setting::Type(data_type)) => Rc::from(data_type.name()),
            Some(Setting::Value(value)) => Rc::from(crate::convert::to_text(value)),
            _ => Rc::from(""),
        }
    }

    /// A field that is true or false.
    pub fn flag(&self, field: &str) -> bool {
        matches!(self.setting(field), Some(Setting::Bool(true)))
    }

    /// A field that names a data type.
    pub fn data_type(&self, field: &str) -> DataType {
        match self.setting(field) {
            Some(Setting::Type(data_type)) => *data_type,
            _ => DataType::Any,
        }
    }

    /// A field that is a value.
    pub fn value(&self, field: &str) -> Value {
        match self.setting(field) {
            Some(Setting::Value(value)) => value.clone(),
            _ => Value::Nothing,
        }
    }
}

/// The attributes of one node, by their declared names. A name that the declaration does not have reads as zero.
pub struct Attributes<'a> {
    node_type: &'static NodeType,
    settings: &'a [Setting],
    /// The graph as far as it is compiled: its variables, events, functions and connections are complete.
    pub graph: &'a Graph,
    /// The function whose body the node is in.
    pub function: Option<usize>,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(
        node_type: &'static NodeType,
        settings: &'a [Setting],
        graph: &'a Graph,
        function: Option<usize>,
    ) -> Self {
        Attributes { node_type, settings, graph, function }
    }

    fn setting(&self, name: &str) -> Option<&'a Setting> {
        let index = self.node_type.attributes.iter().position(|attribute| attribute.name == name);
        debug_assert!(index.is_some(), "\"{}\" declares no attribute \"{name}\"", self.node_type.title);
        self.settings.get(index?)
    }

    /// True or false.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.setting(name), Some(Setting::Bool(true)))
    }

    /// A whole number.
    pub fn int(&self, name: &str) -> i64 {
        match self.setting(name) {
            Some(Setting::Int(number)) => *number,
            _ => 0,
        }
    }

    /// A number.
    pub fn float(&self, name: &str) -> f64 {
        match self.setting(name) {
            Some(Setting::Float(number)) => *number,
            _ => 0.0,
        }
    }

    /// Text, or the name of a choice.
    pub fn text(&self, name: &str) -> Rc<str> {
        match self.setting(name) {
            Some(Setting::Text(text)) => text.clone(),
            _ => Rc::from(""),
        }
    }

    /// A data type.
    pub fn data_type(&self, name: &str) -> DataType {
        match self.setting(name) {
            Some(Setting::Type(data_type)) => *data_type,
            _ => DataType::Any,
        }
    }

    /// A value of the type that is declared for it.
    pub fn value(&self, name: &str) -> Value {
        match self.setting(name) {
            Some(Setting::Value(value)) => value.clone(),
            Some(Setting::Bool(flag)) => Value::Bool(*flag),
            Some(Setting::Int(number)) => Value::Int(i32::try_from(*number).unwrap_or(0)),
            Some(Setting::Float(number)) => Value::Float(*number),
            Some(Setting::Text(text)) => Value::String(text.clone()),
            _ => Value::Nothing,
        }
    }

    /// What the first output holds before the node was ever run.
    pub(super) fn stored(&self, name: &str) -> Option<Value> {
        Some(self.value(name))
    }

    /// The position of the connection, variable, event or function that is named.
    pub fn index(&self, name: &str) -> usize {
        match self.setting(name) {
            Some(Setting::Index(index)) => *index,
            _ => 0,
        }
    }

    /// The entries of a list.
    pub fn entries(&self, name: &str) -> &'a [Entry] {
        match self.setting(name) {
            Some(Setting::List(entries)) => entries,
            _ => &[],
        }
    }

    /// The type that a socket has.
    pub fn socket_type(&self, data_type: SocketType, entry: Option<&Entry>) -> DataType {
        match data_type {
            SocketType::Is(data_type) => data_type,
            SocketType::Of(attribute) => self.data_type(attribute),
            SocketType::OfVariable(attribute) => {
                self.graph.variables.get(self.index(attribute)).map_or(DataType::Any, |variable| variable.data_type)
            }
            SocketType::OfField(field) => entry.map_or(DataType::Any, |entry| entry.data_type(field)),
        }
    }
}

impl Compiler<'_> {
    /// The settings of a node in the order of its type's attributes; what is wrong is noted, and counts as not set.
    pub(super) fn settings(&mut self, source: &NodeSource, node_type: &'static NodeType) -> Vec<Setting> {
        let mut settings = Vec::with_capacity(node_type.attributes.len());
        for attribute in node_type.attributes {
            let slug = slug(attribute.name);
            let written = source.set.iter().find(|(name, _)| name.value == slug).map(|(_, literal)| literal);
            let setting = match (written, attribute.default) {
                (Some(literal), _) => self.setting(attribute, literal, node_type, &settings),
                (None, Default::Required) => {
                    let text = format!("\"{}\" has to be set: {}", attribute.name, attribute.help);
                    self.findings.error(source.id.span.clone(), text, Some(format!("set.{slug} = …")));
                    None
                }
                (None, _) => None,
            };
            settings.push(setting.unwrap_or_else(|| self.unset(attribute, node_type, &settings)));
        }
        settings
    }

    /// What holds while nothing is set.
    fn unset(&self, attribute: &'static Attribute, node_type: &'static NodeType, before: &[Setting]) -> Setting {
        match (attribute.default, attribute.kind) {
            (Default::Bool(flag), AttributeKind::Value(_)) => Setting::Value(Value::Bool(flag)),
            (Default::Bool(flag), _) => Setting::Bool(flag),
            (Default::Int(number), AttributeKind::Value(data_type)) => {
                let data_type =
                    Attributes::new(node_type, before, &self.graph, self.function).socket_type(data_type, None);
                let number = Value::Int(i32::try_from(number).unwrap_or(0));
                Setting::Value(crate::convert::convert(&number, data_type).unwrap_or_else(|_| data_type.zero()))
            }
            (Default::Int(number), _) => Setting::Int(number),
            (Default::Float(number), AttributeKind::Value(_)) => Setting::Value(Value::Float(number)),
            (Default::Float(number), _) => Setting::Float(number),
            (Default::Text(text), AttributeKind::Value(data_type)) => {
                let data_type =
                    Attributes::new(node_type, before, &self.graph, self.function).socket_type(data_type, None);
                let text = Value::text(text);
                Setting::Value(if data_type == DataType::String { text } else { data_type.zero() })
            }
            (Default::Text(text), _) => Setting::Text(Rc::from(text)),
            (Default::Type(data_type), _) => Setting::Type(data_type),
            (Default::Zero | Default::Required, kind) => match kind {
                AttributeKind::Bool => Setting::Bool(false),
                AttributeKind::Int { min, .. } => Setting::Int(min.max(0)),
                AttributeKind::Float => Setting::Float(0.0),
                AttributeKind::Text => Setting::Text(Rc::from("")),
                AttributeKind::Choice(choices) => Setting::Text(Rc::from(choices.first().copied().unwrap_or(""))),
                AttributeKind::Type(_) => Setting::Type(DataType::Any),
                AttributeKind::Value(data_type) => {
                    let attributes = Attributes::new(node_type, before, &self.graph, self.function);
                    Setting::Value(attributes.socket_type(data_type, None).zero())
                }
                AttributeKind::List(_) => Setting::List(Vec::new()),
                AttributeKind::Connection(_)
                | AttributeKind::Variable
                | AttributeKind::Event
                | AttributeKind::Function => Setting::Index(0),
            },
        }
    }

    /// A written setting.
    fn setting(
        &mut self,
        attribute: &'static Attribute,
        literal: &Spanned<Literal>,
        node_type: &'static NodeType,
        before: &[Setting],
    ) -> Option<Setting> {
        let name = attribute.name;
        match (attribute.kind, &literal.value) {
            (AttributeKind::Bool, Literal::Bool(flag)) => Some(Setting::Bool(*flag)),
            (AttributeKind::Int { min, max }, Literal::Int(number)) => {
                if (min..=max).contains(number) {
                    Some(Setting::Int(*number))
                } else {
                    self.findings.error(literal.span.clone(), format!("{name} is from {min} to {max}"), None);
                    None
                }
            }
            // Beyond 2^53 the nearest float.
            #[allow(clippy::cast_precision_loss)]
            (AttributeKind::Float, Literal::Int(number)) => Some(Setting::Float(*number as f64)),
            (AttributeKind::Float, Literal::Float(number)) => Some(Setting::Float(*number)),
            (AttributeKind::Text, Literal::Text(text)) => Some(Setting::Text(Rc::from(&**text))),
            (AttributeKind::Choice(choices), Literal::Text(text)) => self.choice(name, choices, text, literal),
            (AttributeKind::Type(allowed), Literal::Text(text)) => {
                let data_type = self.data_type(&Spanned::new(text.clone(), literal.span.clone()))?;
                if !allowed.is_empty() && !allowed.contains(&data_type) {
                    let names: Vec<_> = allowed.iter().map(|data_type| data_type.name()).collect();
                    let text = format!("{name} is one of {}", names.join(", "));
                    self.findings.error(literal.span.clone(), text, None);
                    return None;
                }
                Some(Setting::Type(data_type))
            }
            (AttributeKind::Value(data_type), _) => {
                let data_type =
                    Attributes::new(node_type, before, &self.graph, self.function).socket_type(data_type, None);
                Some(Setting::Value(self.value(literal, data_type)?))
            }
            (AttributeKind::Connection(family), Literal::Text(text)) => {
                let found = self.graph.connections.iter().position(|one| one.0 == family && *one.1 == **text);
                if found.is_none() {
                    let names = self.graph.connections.iter().filter(|one| one.0 == family).map(|one| &*one.1);
                    let help = suggestion(nearest(text, names))
                        .unwrap_or_else(|| format!("patch.toml defines it: [connection.{}.{text}]", family.key()));
                    let text = format!("there is no {} connection \"{text}\"", family.label());
                    self.findings.error(literal.span.clone(), text, Some(help));
                }
                found.map(Setting::Index)
            }
            (AttributeKind::Variable, Literal::Text(text)) => {
                let found = self.graph.variables.iter().position(|one| *one.name == **text);
                if found.is_none() {
                    let near = nearest(text, self.graph.variables.iter().map(|one| &*one.name));
                    self.missing("variable", "var", text, near, literal);
                }
                found.map(Setting::Index)
            }
            (AttributeKind::Event, Literal::Text(text)) => {
                let found = self.graph.events.iter().position(|one| *one.name == **text);
                if found.is_none() {
                    let near = nearest(text, self.graph.events.iter().map(|one| &*one.name));
                    self.missing("custom event", "event", text, near, literal);
                }
                found.map(Setting::Index)
            }
            (AttributeKind::Function, Literal::Text(text)) => {
                let found = self.graph.functions.iter().position(|one| *one.name == **text);
                if found.is_none() {
                    let near = nearest(text, self.graph.functions.iter().map(|one| &*one.name));
                    self.missing("function", "function", text, near, literal);
                }
                found.map(Setting::Index)
            }
            (AttributeKind::List(fields), Literal::List(list)) => self.list(name, fields, list, node_type, before),
            (kind, other) => {
                let expected = match kind {
                    AttributeKind::Bool => "true or false",
                    AttributeKind::Int { .. } => "a whole number",
                    AttributeKind::Float => "a number",
                    AttributeKind::List(_) => "a list",
                    _ => "text",
                };
                let text = format!("{name} is {expected}, not {}", other.kind());
                self.findings.error(literal.span.clone(), text, None);
                None
            }
        }
    }

    fn missing(&mut self, what: &str, section: &str, name: &str, near: Option<String>, literal: &Spanned<Literal>) {
        let help = suggestion(near).unwrap_or_else(|| format!("the file defines it: [{section}.{name}]"));
        self.findings.error(literal.span.clone(), format!("there is no {what} \"{name}\""), Some(help));
    }

    fn choice(&mut self, name: &str, choices: &[&str], text: &str, literal: &Spanned<Literal>) -> Option<Setting> {
        if let Some(choice) = choices.iter().find(|choice| **choice == text) {
            return Some(Setting::Text(Rc::from(*choice)));
        }
        let help = suggestion(nearest(text, choices.iter().copied()))
            .unwrap_or_else(|| format!("it is one of {}", choices.join(", ")));
        self.findings.error(literal.span.clone(), format!("{name} cannot be \"{text}\""), Some(help));
        None
    }

    fn list(
        &mut self,
        name: &str,
        fields: &'static [Field],
        list: &[Spanned<Literal>],
        node_type: &'static NodeType,
        before: &[Setting],
    ) -> Option<Setting> {
        let mut entries = Vec::with_capacity(list.len());
        let mut complete = true;
        for element in list {
            let written: Vec<(Name, Spanned<Literal>)> = match &element.value {
                Literal::Table(written) => written.clone(),
                // A list of one field is a list of plain values.
                _ if fields.len() == 1 => {
                    vec![(Spanned::new(slug(fields[0].name), element.span.clone()), element.clone())]
                }
                other => {
                    let keys: Vec<_> = fields.iter().map(|field| format!("{} = …", slug(field.name))).collect();
                    let text = format!("an entry of {name} is a table, not {}", other.kind());
                    self.findings.error(element.span.clone(), text, Some(format!("{{ {} }}", keys.join(", "))));
                    complete = false;
                    continue;
                }
            };
            for (key, _) in &written {
                if !fields.iter().any(|field| slug(field.name) == key.value) {
                    let keys: Vec<_> = fields.iter().map(|field| slug(field.name)).collect();
                    let help = suggestion(nearest(&key.value, keys.iter().map(String::as_str)))
                        .unwrap_or_else(|| format!("it has {}", keys.join(", ")));
                    let text = format!("an entry of {name} has no \"{}\"", key.value);
                    self.findings.error(key.span.clone(), text, Some(help));
                    complete = false;
                }
            }
            let mut entry = Entry { fields, settings: Vec::with_capacity(fields.len()) };
            for field in fields {
                let slug = slug(field.name);
                let literal = written.iter().find(|(key, _)| key.value == slug).map(|(_, literal)| literal);
                let setting = self.field(field, literal, &entry, node_type, before);
                complete &= setting.is_some();
                entry.settings.push(setting.unwrap_or(Setting::Bool(false)));
            }
            entries.push(entry);
        }
        complete.then_some(Setting::List(entries))
    }

    fn field(
        &mut self,
        field: &'static Field,
        literal: Option<&Spanned<Literal>>,
        entry: &Entry,
        node_type: &'static NodeType,
        before: &[Setting],
    ) -> Option<Setting> {
        let name = field.name;
        let data_type = match field.kind {
            FieldKind::ValueOf(attribute) => {
                Some(Attributes::new(node_type, before, &self.graph, self.function).data_type(attribute))
            }
            FieldKind::ValueOfField(other) => Some(entry.data_type(other)),
            _ => None,
        };
        let Some(literal) = literal else {
            return Some(match field.kind {
                FieldKind::Bool => Setting::Bool(false),
                FieldKind::Text => Setting::Text(Rc::from("")),
                FieldKind::Choice(choices) => Setting::Text(Rc::from(choices.first().copied().unwrap_or(""))),
                FieldKind::Type => Setting::Type(DataType::Any),
                FieldKind::ValueOf(_) | FieldKind::ValueOfField(_) => {
                    Setting::Value(data_type.unwrap_or(DataType::Any).zero())
                }
            });
        };
        match (field.kind, &literal.value) {
            (FieldKind::Bool, Literal::Bool(flag)) => Some(Setting::Bool(*flag)),
            (FieldKind::Text, Literal::Text(text)) => Some(Setting::Text(Rc::from(&**text))),
            (FieldKind::Choice(choices), Literal::Text(text)) => self.choice(name, choices, text, literal),
            (FieldKind::Type, Literal::Text(text)) => {
                self.data_type(&Spanned::new(text.clone(), literal.span.clone())).map(Setting::Type)
            }
            (FieldKind::ValueOf(_) | FieldKind::ValueOfField(_), _) => {
                self.value(literal, data_type.unwrap_or(DataType::Any)).map(Setting::Value)
            }
            (kind, other) => {
                let expected = if kind == FieldKind::Bool { "true or false" } else { "text" };
                let text = format!("{name} is {expected}, not {}", other.kind());
                self.findings.error(literal.span.clone(), text, None);
                None
            }
        }
    }
}
