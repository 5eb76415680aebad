//! A graph as it is written, before it is compiled: the same tree whether it came from a file, an editor or JSON.

use std::ops::Range;

/// A thing and where it stands, in bytes of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// The thing.
    pub value: T,
    /// Its place.
    pub span: Range<usize>,
}

impl<T> Spanned<T> {
    /// A thing at a place.
    pub fn new(value: T, span: Range<usize>) -> Self {
        Spanned { value, span }
    }
}

/// A name and where it stands.
pub type Name = Spanned<String>;

/// A written value.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true`
    Bool(bool),
    /// `3`
    Int(i64),
    /// `2.5`
    Float(f64),
    /// `"text"`
    Text(String),
    /// `[…]`
    List(Vec<Spanned<Literal>>),
    /// `{ key = … }`
    Table(Vec<(Name, Spanned<Literal>)>),
}

impl Literal {
    /// What people call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Literal::Bool(_) => "true or false",
            Literal::Int(_) => "a whole number",
            Literal::Float(_) => "a number",
            Literal::Text(_) => "text",
            Literal::List(_) => "a list",
            Literal::Table(_) => "a table",
        }
    }
}

/// A graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// `[project] name`
    pub name: Option<Name>,
    /// `[var.NAME]`
    pub variables: Vec<VariableSource>,
    /// `[event.NAME]`
    pub events: Vec<EventSource>,
    /// `[function.NAME]`
    pub functions: Vec<FunctionSource>,
    /// `[node.ID]`
    pub nodes: Vec<NodeSource>,
}

/// A variable.
#[derive(Clone, Debug, PartialEq)]
pub struct VariableSource {
    /// Its name.
    pub name: Name,
    /// `type`
    pub data_type: Option<Name>,
    /// `initial`
    pub initial: Option<Spanned<Literal>>,
}

/// A custom event.
#[derive(Clone, Debug, PartialEq)]
pub struct EventSource {
    /// Its name.
    pub name: Name,
    /// `params`
    pub parameters: Vec<ParameterSource>,
}

/// A function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionSource {
    /// Its name.
    pub name: Name,
    /// `params`
    pub parameters: Vec<ParameterSource>,
    /// `results`
    pub results: Vec<ParameterSource>,
    /// `[function.NAME.node.ID]`
    pub nodes: Vec<NodeSource>,
}

/// A parameter or a result: `{ name = "Seat", type = "Int", default = 1 }`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSource {
    /// `name`
    pub name: Name,
    /// `type`
    pub data_type: Option<Name>,
    /// `default`
    pub default: Option<Spanned<Literal>>,
}

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSource {
    /// Its id.
    pub id: Name,
    /// `type`
    pub node_type: Option<Name>,
    /// `set.…`: slug of an attribute or of an input that no wire leads to.
    pub set: Vec<(Name, Spanned<Literal>)>,
    /// `from.…`: slug of an input, and `node.output` or `var.name`.
    pub from: Vec<(Name, Name)>,
    /// `next`: the node behind the standard output.
    pub next: Option<Name>,
    /// `on.…`: slug of a pulse output (`default`, `case.chat`, `pulse.1`), and the node behind it.
    pub on: Vec<(Name, Name)>,
    /// `enabled`
    pub enabled: bool,
    /// `pass_through`
    pub pass_through: Option<Spanned<bool>>,
    /// `note`
    pub note: Option<String>,
}
