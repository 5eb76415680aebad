//! From a written graph to one that runs, with every mistake noted at its place.
//!
//! `attributes` reads what is set, `sockets` makes the sockets of each node from its declaration, `wires` joins them,
//! `warnings` looks for what runs and is still likely wrong (reference §6).

mod attributes;
mod sockets;
mod warnings;
mod wires;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

pub use attributes::{Attributes, Entry, Setting};

use crate::convert::convert;
use crate::declaration::{Family, NodeType, Scopes, slug};
use crate::finding::{Finding, Findings, suggestion};
use crate::graph::{Body, CustomEvent, Function, Graph, Input, Listen, Node, Parameter, Variable};
use crate::source::{Literal, Name, NodeSource, ParameterSource, Source, Spanned};
use crate::value::{DataType, Value};

/// Nodes that a graph may have.
pub const MAX_NODES: usize = 1_000_000;

/// What surrounds a graph.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The node types that there are; [`crate::nodes::ALL`].
    pub types: &'a [&'static NodeType],
    /// Connections of the project.
    pub connections: &'a [(Family, Rc<str>)],
    /// Plugins that are switched off.
    pub plugins_off: &'a [String],
}

/// Compiles a graph. It runs only when no finding is an error, and is `None` otherwise.
pub fn compile(source: &Source, context: Context<'_>) -> (Option<Graph>, Vec<Finding>) {
    let mut compiler = Compiler {
        context,
        findings: Findings::default(),
        types: context.types.iter().map(|node_type| (node_type.title, *node_type)).collect(),
        graph: Graph::empty(),
        function: None,
        broken: HashSet::new(),
    };
    compiler.compile(source);
    let findings = compiler.findings;
    let graph = (findings.errors() == 0).then_some(compiler.graph);
    (graph, findings.into_all())
}

/// The nearest of some names, when it is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let lower = name.to_lowercase();
    names
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}

struct Compiler<'a> {
    context: Context<'a>,
    findings: Findings,
    types: HashMap<&'static str, &'static NodeType>,
    graph: Graph,
    /// The function whose body is compiled.
    function: Option<usize>,
    /// Ids of nodes of the body that have mistakes: nothing is said of wires that may be right without these.
    broken: HashSet<Rc<str>>,
}

impl Compiler<'_> {
    fn compile(&mut self, source: &Source) {
        self.graph.connections = self.context.connections.to_vec();
        self.variables(source);
        let mut names: HashMap<&str, ()> = HashMap::new();
        for event in &source.events {
            if names.insert(&event.name.value, ()).is_some() {
                self.findings.error(
                    event.name.span.clone(),
                    format!("there are two events \"{}\"", event.name.value),
                    None,
                );
            }
            let parameters = self.parameters(&event.parameters);
            self.graph.events.push(CustomEvent { name: Rc::from(&*event.name.value), parameters });
        }
        for function in &source.functions {
            let parameters = self.parameters(&function.parameters);
            let results = self.parameters(&function.results);
            self.graph.functions.push(Function { name: Rc::from(&*function.name.value), parameters, results });
        }
        let total = source.nodes.len() + source.functions.iter().map(|function| function.nodes.len()).sum::<usize>();
        if total > MAX_NODES {
            self.findings.error(0..0, format!("a graph may have {MAX_NODES} nodes, and this one has {total}"), None);
            return;
        }
        let main = self.body("", &source.nodes);
        self.listeners(&main);
        self.graph.bodies[0] = main;
        for (index, function) in source.functions.iter().enumerate() {
            self.function = Some(index);
            let mut body = self.body(&function.name.value, &function.nodes);
            body.entry = self.entry(&body, function.name.span.clone());
            self.graph.bodies.push(body);
        }
        self.findings.node.clear();
        self.function = None;
        if self.findings.errors() == 0 {
            warnings::look(&self.graph, source, &mut self.findings);
        }
    }

    fn variables(&mut self, source: &Source) {
        for variable in &source.variables {
            let data_type = match &variable.data_type {
                Some(name) => self.data_type(name),
                None => {
                    self.findings.error(
                        variable.name.span.clone(),
                        format!("the variable \"{}\" has to have a type, which is text", variable.name.value),
                        Some("type = \"Int\"".to_owned()),
                    );
                    None
                }
            };
            let data_type = data_type.unwrap_or(DataType::Any);
            let initial = match &variable.initial {
                Some(literal) => self.value(literal, data_type).unwrap_or_else(|| data_type.zero()),
                None => data_type.zero(),
            };
            self.graph.variables.push(Variable { name: Rc::from(&*variable.name.value), data_type, initial });
        }
    }

    fn parameters(&mut self, written: &[ParameterSource]) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = Vec::with_capacity(written.len());
        for parameter in written {
            let data_type = match &parameter.data_type {
                Some(name) => self.data_type(name).unwrap_or(DataType::Any),
                None => DataType::String,
            };
            let default = match &parameter.default {
                Some(literal) => self.value(literal, data_type).unwrap_or_else(|| data_type.zero()),
                None => data_type.zero(),
            };
            let socket = slug(&parameter.name.value);
            if let Some(other) = parameters.iter().find(|other| slug(&other.name) == socket) {
                let (name, other) = (&parameter.name.value, &other.name);
                let text = if **other == **name {
                    format!("there are two parameters \"{name}\"")
                } else {
                    format!("the parameters \"{other}\" and \"{name}\" are both \"{socket}\" in wires")
                };
                self.findings.error(parameter.name.span.clone(), text, None);
            }
            parameters.push(Parameter { name: Rc::from(&*parameter.name.value), data_type, default });
        }
        parameters
    }

    /// The type of that name.
    fn data_type(&mut self, name: &Spanned<String>) -> Option<DataType> {
        let found = DataType::named(&name.value);
        if found.is_none() {
            let names = DataType::ALL.iter().map(|data_type| data_type.name());
            let help = suggestion(nearest(&name.value, names.clone()))
                .unwrap_or_else(|| format!("the types are {}", names.collect::<Vec<_>>().join(", ")));
            self.findings.error(name.span.clone(), format!("there is no data type \"{}\"", name.value), Some(help));
        }
        found
    }

    /// A written value as one of a type.
    fn value(&mut self, literal: &Spanned<Literal>, data_type: DataType) -> Option<Value> {
        let value = plain(&literal.value);
        // What is written is of the type already, or a form of it that has no other way to be written.
        let fits = match (value.data_type(), data_type) {
            (from, to) if from.fits(to) => true,
            (DataType::Int, DataType::Byte | DataType::Float) | (DataType::String, DataType::Binary) => true,
            (DataType::Array, to) => to.components().is_some(),
            _ => false,
        };
        let converted = if fits { convert(&value, data_type).ok() } else { None };
        if converted.is_none() {
            let given = match &literal.value {
                // Only a number can be of the right kind and still not fit.
                Literal::Int(number) => number.to_string(),
                Literal::Float(number) => number.to_string(),
                other => other.kind().to_owned(),
            };
            let text = format!("{} is expected, not {given}", expected(data_type));
            self.findings.error(literal.span.clone(), text, None);
        }
        converted
    }

    /// A network of nodes.
    fn body(&mut self, name: &str, written: &[NodeSource]) -> Body {
        let mut body = Body::new(Rc::from(name));
        let mut kept: Vec<&NodeSource> = Vec::with_capacity(written.len());
        self.broken.clear();
        for source in written {
            self.findings.node =
                if name.is_empty() { source.id.value.clone() } else { format!("{name}/{}", source.id.value) };
            let id: Rc<str> = Rc::from(&*source.id.value);
            if body.ids.contains_key(&id) {
                self.findings.error(source.id.span.clone(), format!("there are two nodes \"{id}\""), None);
                continue;
            }
            let Some(node_type) = self.node_type(source) else {
                self.broken.insert(id);
                continue;
            };
            let errors = self.findings.errors();
            let node = self.node(source, node_type, &mut body);
            if self.findings.errors() > errors {
                self.broken.insert(id.clone());
            }
            body.ids.insert(id, body.nodes.len() as u32);
            body.nodes.push(node);
            kept.push(source);
        }
        // All nodes are known now.
        for (index, source) in kept.into_iter().enumerate() {
            self.findings.node = body.nodes[index].label.to_string();
            self.wires(source, index, &mut body);
        }
        body
    }

    /// The declaration of a node's type, when the node may stand here.
    fn node_type(&mut self, source: &NodeSource) -> Option<&'static NodeType> {
        let Some(name) = &source.node_type else {
            self.findings.error(
                source.id.span.clone(),
                "a node has to have a type, which is text",
                Some("type = \"Console\"".to_owned()),
            );
            return None;
        };
        let off = |node_type: &NodeType| {
            node_type.plugin.filter(|plugin| self.context.plugins_off.iter().any(|off| off == plugin))
        };
        let Some(node_type) = self.types.get(name.value.as_str()).copied() else {
            let help = suggestion(nearest(&name.value, self.context.types.iter().map(|node_type| node_type.title)));
            self.findings.error(name.span.clone(), format!("there is no node \"{}\"", name.value), help);
            return None;
        };
        if let Some(plugin) = off(node_type) {
            let help = format!("[patch] plugins = {{ {plugin} = true }} in patch.toml switches it on");
            let text = format!("there is no node \"{}\": its plugin {plugin} is switched off", name.value);
            self.findings.error(name.span.clone(), text, Some(help));
            return None;
        }
        let scope = if self.function.is_some() { Scopes::FUNCTION } else { Scopes::PROJECT };
        if !node_type.scopes.contains(scope) {
            let help = format!("it may stand in: {}", node_type.scopes.names().join(", "));
            let place = if self.function.is_some() { "a function" } else { "the project's graph" };
            self.findings.error(name.span.clone(), format!("\"{}\" may not stand in {place}", name.value), Some(help));
            return None;
        }
        Some(node_type)
    }

    /// A node with its sockets, not wired yet.
    fn node(&mut self, source: &NodeSource, node_type: &'static NodeType, body: &mut Body) -> Node {
        let settings = self.settings(source, node_type);
        let attributes = Attributes::new(node_type, &settings, &self.graph, self.function);
        let sockets = sockets::of(node_type, &attributes);
        let stored = node_type.stored.and_then(|name| attributes.stored(name));
        // Nothing runs while there is a mistake, so another behaviour does no harm.
        let behaviour = (node_type.build)(&attributes).unwrap_or_else(|error| {
            let attribute = slug(error.attribute);
            let place = source.set.iter().find(|(name, _)| name.value == attribute);
            let span = place.map_or(source.id.span.clone(), |(_, literal)| literal.span.clone());
            self.findings.error(span, format!("{}: {}", error.attribute, error.message), None);
            Box::new(crate::nodes::Nothing)
        });
        let mut inputs = sockets.inputs;
        let is_attribute = |name: &Name| node_type.attributes.iter().any(|one| slug(one.name) == name.value);
        let mut literals = Vec::new();
        for (name, literal) in source.set.iter().filter(|(name, _)| !is_attribute(name)) {
            dotted(name.clone(), literal, &inputs, &mut literals);
        }
        for (name, literal) in literals {
            match inputs.iter_mut().find(|input| *input.name == *name.value) {
                Some(input) => {
                    if let Some(value) = self.value(literal, input.data_type) {
                        input.origin = crate::graph::Origin::Literal(value);
                    }
                }
                None => {
                    let known: Vec<String> = node_type
                        .attributes
                        .iter()
                        .map(|one| slug(one.name))
                        .chain(inputs.iter().map(|input| input.name.to_string()))
                        .collect();
                    let help = suggestion(nearest(&name.value, known.iter().map(String::as_str)))
                        .or_else(|| (!known.is_empty()).then(|| format!("it has {}", known.join(", "))));
                    let text = format!("\"{}\" has no attribute or input \"{}\"", node_type.title, name.value);
                    self.findings.error(name.span.clone(), text, help);
                }
            }
        }
        let first_slot = body.initial.len() as u32;
        for index in 0..sockets.outputs.len() {
            body.initial.push(stored.clone().filter(|_| index == 0));
        }
        if let Some(flag) = source.pass_through.as_ref().filter(|flag| flag.value)
            && !(node_type.shape.has_input() && node_type.shape.has_output())
        {
            let text = format!("\"{}\" has no Pulse Pass Through", node_type.title);
            self.findings.error(flag.span.clone(), text, Some("enabled = false keeps it from running".to_owned()));
        }
        Node {
            id: Rc::from(&*source.id.value),
            label: Rc::from(&*self.findings.node),
            node_type,
            enabled: source.enabled,
            pass_through: source.pass_through.as_ref().is_some_and(|flag| flag.value),
            inputs,
            outputs: sockets.outputs,
            targets: vec![None; sockets.pulse_outputs.len()],
            pulse_inputs: sockets.pulse_inputs,
            pulse_outputs: sockets.pulse_outputs,
            first_slot,
            behaviour,
        }
    }

    /// Files event nodes under what they wait for.
    fn listeners(&mut self, body: &Body) {
        for (index, node) in body.nodes.iter().enumerate() {
            let listens = node.behaviour.listens();
            if listens != Listen::Nothing {
                self.graph.listeners.entry(listens).or_default().push(index as u32);
            }
        }
    }

    /// Finds where calls of a function enter.
    fn entry(&mut self, body: &Body, span: Range<usize>) -> Option<u32> {
        let mut entries = body.nodes.iter().enumerate().filter(|(_, node)| node.node_type.title == "Function Input");
        let entry = entries.next().map(|(index, _)| index as u32);
        if entry.is_none() {
            self.findings.node.clear();
            let text = format!("the function \"{}\" has no Function Input", body.name);
            self.findings.error(span.clone(), text, Some("type = \"Function Input\"".to_owned()));
        }
        if entries.next().is_some() {
            self.findings.node.clear();
            self.findings.error(span, format!("the function \"{}\" has two nodes Function Input", body.name), None);
        }
        entry
    }
}

/// What is set, by the whole names of inputs: `set.value.seat = 1` is a table in the file where there is an input `value.seat`,
/// as it is behind `from`.
fn dotted<'a>(
    name: Name,
    literal: &'a Spanned<Literal>,
    inputs: &[Input],
    found: &mut Vec<(Name, &'a Spanned<Literal>)>,
) {
    let begins = format!("{}.", name.value);
    match &literal.value {
        Literal::Table(fields) if inputs.iter().any(|input| input.name.starts_with(&begins)) => {
            for (field, literal) in fields {
                let name = Spanned::new(format!("{begins}{}", field.value), field.span.clone());
                dotted(name, literal, inputs, found);
            }
        }
        _ => found.push((name, literal)),
    }
}

/// A written value without a type: lists and tables become arrays and dictionaries, whole numbers Int where they fit.
fn plain(literal: &Literal) -> Value {
    match literal {
        Literal::Bool(flag) => Value::Bool(*flag),
        Literal::Int(number) => match i32::try_from(*number) {
            Ok(number) => Value::Int(number),
            // Beyond 2^53 the nearest float.
            #[allow(clippy::cast_precision_loss)]
            Err(_) => Value::Float(*number as f64),
        },
        Literal::Float(number) => Value::Float(*number),
        Literal::Text(text) => Value::text(text.as_str()),
        Literal::List(list) => Value::Array(Rc::new(list.iter().map(|element| plain(&element.value)).collect())),
        Literal::Table(fields) => Value::Dictionary(Rc::new(
            fields.iter().map(|(name, value)| (Rc::from(&*name.value), plain(&value.value))).collect(),
        )),
    }
}

/// What people are told is expected.
fn expected(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Any => "a value",
        DataType::Bool => "true or false",
        DataType::Int => "a whole number of 32 bits",
        DataType::Byte => "a whole number from -128 to 127",
        DataType::Float => "a number",
        DataType::String => "text",
        DataType::Array => "a list",
        DataType::Dictionary => "a table",
        DataType::Binary => "text, whose UTF-8 bytes are taken",
        DataType::Vector2 => "a list of two numbers",
        DataType::Vector3 => "a list of three numbers",
        DataType::Vector4 | DataType::Color => "a list of four numbers",
        DataType::CustomId | DataType::InstanceId => "a wire (a handle cannot be written)",
    }
}
