//! COMPs as scripts see them: making, copying and finding operators inside a component.
//!
//! A new operator with callbacks gets a callbacks DAT docked to it. Names count up when they are taken. What is made is
//! there at once; its work begins when the script has returned.

use std::collections::HashMap;
use std::rc::Rc;

use patchcord_core::content::Content;
use patchcord_core::declaration::{Kind, OperatorType, ParIndex};
use patchcord_core::parameter::{ParState, ParValue};
use patchcord_core::patch::extras::Extras;
use patchcord_core::patch::flags::Flags;
use patchcord_core::patch::stand_in::{FAMILIES, STAND_IN, family_of_type};
use patchcord_core::patch::{OpId, Operator, Patch, PatchError, Source};
use patchcord_core::pattern::Pattern;
use patchcord_core::tdu::next_name;
use patchcord_core::tracking::Source as Read;
use patchcord_core::value::OwnedValue;
use patchcord_runtime::project::callbacks_template;
use patchcord_runtime::td_api::absent_type;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

use super::par::copy_state;
use super::{Op, extensions, operator_argument};
use crate::convert::text_of;
use crate::errors::{Error, refused};
use crate::host;

/// A component.
#[pyclass(name = "COMP", module = "td", frozen, extends = Op, subclass)]
pub struct Comp;

fn id(comp: &Bound<'_, Comp>) -> OpId {
    comp.as_super().get().id()
}

#[pymethods]
impl Comp {
    #[new]
    fn new(id: u64) -> PyClassInitializer<Self> {
        PyClassInitializer::from(Op::of(id)).add_subclass(Comp)
    }

    /// Only for names that the component does not have itself: members that an extension promotes.
    fn __getattr__<'py>(this: &Bound<'py, Self>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        extensions::member(this, id(this), name)
    }

    fn __setattr__(this: &Bound<'_, Self>, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        extensions::set_member(this, id(this), name, value)
    }

    fn __dir__<'py>(this: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        extensions::names(this, id(this))
    }

    /// The extensions' objects.
    #[getter]
    fn extensions<'py>(this: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        host::with(|host| Ok(host.extensions.objects(host, this.py(), id(this))))
    }

    /// False while extensions of the component are being made.
    #[getter(extensionsReady)]
    fn extensions_ready(this: &Bound<'_, Self>) -> PyResult<bool> {
        host::with(|host| Ok(host.extensions.are_ready(id(this))))
    }

    /// Makes the extensions anew, or the one at an index.
    #[pyo3(name = "initializeExtensions", signature = (index=None))]
    fn initialize_extensions(this: &Bound<'_, Self>, index: Option<usize>) -> PyResult<()> {
        host::with(|host| {
            host.extensions.make_anew(host, this.py(), id(this), index);
            Ok(())
        })
    }

    /// The name by which what is inside finds the component, as `parent.Name`; empty without one.
    #[getter(parentShortcut)]
    fn parent_shortcut(this: &Bound<'_, Self>) -> PyResult<String> {
        host::with(|host| {
            let shortcut = host.network.patch().parent_shortcut(id(this));
            Ok(shortcut.map(|name| name.to_string()).unwrap_or_default())
        })
    }

    /// Makes an operator of a type, given by its class (`textDAT`) or name. A name that is taken counts up.
    #[pyo3(signature = (OPtype, name=None, initialize=true))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn create<'py>(
        this: &Bound<'py, Self>,
        OPtype: &Bound<'py, PyAny>,
        name: Option<&str>,
        initialize: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let kind = match OPtype.cast::<PyType>() {
            Ok(class) => class.name()?.to_string(),
            Err(_) => match OPtype.cast::<Op>() {
                // An operator stands for its type.
                Ok(op) => super::read_operator(op.get().id(), |op| op.type_name().to_owned())?,
                Err(_) => text_of(OPtype)?,
            },
        };
        host::with(|host| {
            let made = create(&mut host.network.patch_mut(), id(this), &kind, name, initialize).map_err(refused)?;
            host.handle(this.py(), made)
        })
    }

    /// Copies an operator, with all that is inside it and (unless `includeDocked` is false) docked to it, into this
    /// component.
    #[pyo3(signature = (operator, name=None, includeDocked=true))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn copy<'py>(
        this: &Bound<'py, Self>,
        operator: &Bound<'py, PyAny>,
        name: Option<&str>,
        includeDocked: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let source = operator_argument(operator)?;
        host::with(|host| {
            let target = id(this);
            {
                let patch = host.network.patch();
                if source == target || inside(&patch, source).any(|op| op == target) {
                    return Err(Error::new_err("a component cannot be copied into itself"));
                }
            }
            let made = copy(&mut host.network.patch_mut(), source, target, name, includeDocked).map_err(refused)?;
            host.handle(this.py(), made)
        })
    }

    /// Operators inside that fit all that is asked: type (class or name), name, path, depth, maxDepth, text, comment,
    /// tags, allTags, key (a function that takes the operator).
    #[pyo3(name = "findChildren", signature = (**wanted))]
    fn find_children<'py>(
        this: &Bound<'py, Self>,
        wanted: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let (search, key) = Search::read(wanted)?;
        let handles = host::with(|host| {
            host.network.note_read(Read::Tree);
            if search.text.is_some() {
                // Any of the texts may become another.
                host.network.note_read(Read::Moment);
            }
            let found = {
                let patch = host.network.patch();
                search.found(&patch, id(this))
            };
            host.handles(this.py(), &found)
        })?;
        let Some(key) = key else { return Ok(handles) };
        handles
            .into_iter()
            .filter_map(|handle| match key.call1((&handle,)).and_then(|answer| answer.is_truthy()) {
                Ok(true) => Some(Ok(handle)),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            })
            .collect()
    }
}

/// All operators inside one, at any depth, each before what is inside it.
pub fn inside(patch: &Patch, op: OpId) -> impl Iterator<Item = OpId> {
    let children = |op| patch.get(op).map(|op| op.children().to_vec()).unwrap_or_default();
    let mut waiting: Vec<OpId> = children(op);
    waiting.reverse();
    std::iter::from_fn(move || {
        let next = waiting.pop()?;
        let from = waiting.len();
        waiting.extend(children(next));
        waiting[from..].reverse();
        Some(next)
    })
}

/// Makes an operator and the callbacks DAT that belongs to it.
fn create(
    patch: &mut Patch,
    parent: OpId,
    kind: &str,
    name: Option<&str>,
    with_callbacks: bool,
) -> Result<OpId, PatchError> {
    let kind = match patch.find_type(kind) {
        Err(PatchError::UnknownType { .. }) if absent_type(kind).is_some() => {
            return create_stand_in(patch, parent, kind, name);
        }
        found => found?,
    };
    let name = name.map(|name| free_name(patch, parent, name));
    let op = patch.create(parent, kind, name.as_deref())?;
    if with_callbacks {
        add_callbacks_dat(patch, parent, op, kind)?;
    }
    Ok(op)
}

/// Makes a stand-in for a type that is not here.
fn create_stand_in(patch: &mut Patch, parent: OpId, kind: &str, name: Option<&str>) -> Result<OpId, PatchError> {
    if !patch.allows_stand_ins() {
        return Err(PatchError::NotHere { name: kind.to_owned() });
    }
    let base = kind.strip_suffix(family_of_type(kind).unwrap_or_default()).unwrap_or(kind);
    let name = match name {
        Some(name) => free_name(patch, parent, name),
        None => patch.free_name(parent, base),
    };
    let op = patch.create(parent, patch.find_type(STAND_IN)?, Some(&name))?;
    let optype = patch.find_par(op, "optype")?;
    patch.set_par(op, optype, &OwnedValue::Str(kind.to_owned()))?;
    Ok(op)
}

fn add_callbacks_dat(patch: &mut Patch, parent: OpId, op: OpId, kind: &OperatorType) -> Result<(), PatchError> {
    let (Some((parameter, _)), Ok(text)) = (kind.find_parameter("callbacks"), patch.find_type("textDAT")) else {
        return Ok(());
    };
    let wanted = format!("{}_callbacks", patch.get(op).ok_or(PatchError::Gone)?.name());
    let name = free_name(patch, parent, &wanted);
    let dat = patch.create(parent, text, Some(&name))?;
    patch.set_text(dat, &callbacks_template(kind))?;
    patch.dock(dat, Some(op))?;
    patch.set_par(op, parameter, &OwnedValue::Str(name))
}

fn free_name(patch: &Patch, parent: OpId, wanted: &str) -> String {
    let names: Vec<Rc<str>> = patch
        .get(parent)
        .map(|parent| parent.children().iter().filter_map(|child| patch.get(*child)).map(|op| op.name().clone()))
        .into_iter()
        .flatten()
        .collect();
    let taken = |name: &str| names.iter().any(|known| **known == *name);
    if taken(wanted) { next_name(wanted, taken) } else { wanted.to_owned() }
}

/// Copies an operator into a component.
fn copy(
    patch: &mut Patch,
    source: OpId,
    parent: OpId,
    name: Option<&str>,
    with_docked: bool,
) -> Result<OpId, PatchError> {
    let wanted = match name {
        Some(name) => name.to_owned(),
        None => patch.get(source).ok_or(PatchError::Gone)?.name().to_string(),
    };
    let mut copies = HashMap::new();
    let made = copy_tree(patch, source, parent, &free_name(patch, parent, &wanted), &mut copies)?;
    if with_docked {
        for docked in patch.docked(source) {
            let old: Rc<str> = patch.get(docked).ok_or(PatchError::Gone)?.name().clone();
            let new = free_name(patch, parent, &old);
            let copied = copy_tree(patch, docked, parent, &new, &mut copies)?;
            patch.dock(copied, Some(made))?;
            rename_references(patch, made, &old, &new)?;
        }
    }
    copy_links(patch, made, &copies)?;
    Ok(made)
}

/// Joins copies as the operators are that they are copies of. What comes from outside is left open.
fn copy_links(patch: &mut Patch, made: OpId, copies: &HashMap<OpId, OpId>) -> Result<(), PatchError> {
    for (source, copied) in copies {
        let dock = patch.get(*source).and_then(Operator::dock);
        if let Some(dock) = dock.and_then(|dock| copies.get(&dock)).filter(|_| *copied != made) {
            patch.dock(*copied, Some(*dock))?;
        }
        for (input, wired) in patch.inputs(*source).into_iter().enumerate() {
            if let Some((wired, op)) = wired.and_then(|wired| Some((wired, *copies.get(&wired.op)?))) {
                patch.wire(*copied, input, Some(Source { op, output: wired.output }))?;
            }
        }
    }
    Ok(())
}

/// An operator's own state, taken out so that the patch is free for the copy.
struct Taken {
    kind: &'static OperatorType,
    parameters: Vec<(ParIndex, ParValue, ParState)>,
    content: Option<Content>,
    tags: Vec<Rc<str>>,
    comment: Rc<str>,
    flags: Flags,
    extras: Option<Extras>,
    storage: Vec<(Rc<str>, patchcord_core::value::HostValue)>,
    children: Vec<OpId>,
}

impl Taken {
    fn from(op: &Operator) -> Self {
        let kind = op.declaration();
        let set =
            op.parameters().filter_map(|(index, _)| Some((index, op.par_value(index), op.par_state(index)?.clone())));
        let content = match op.content() {
            Content::Text(text) => Some(Content::Text(text.clone())),
            Content::Table(table) => Some(Content::Table(table.clone())),
            _ => None,
        };
        Taken {
            kind,
            parameters: set.collect(),
            content: content.filter(|_| kind.editable),
            tags: op.tags.clone(),
            comment: op.comment.clone(),
            flags: op.flags,
            // Two operators cannot keep their storage in one file.
            extras: op.extras().map(|extras| Extras { storage_file: None, ..extras.clone() }),
            storage: op.storage.clone(),
            children: op.children().to_vec(),
        }
    }
}

/// Copies an operator with all that is inside it, but for wires and docks, and notes which copy is whose.
fn copy_tree(
    patch: &mut Patch,
    source: OpId,
    parent: OpId,
    name: &str,
    copies: &mut HashMap<OpId, OpId>,
) -> Result<OpId, PatchError> {
    let taken = Taken::from(patch.get(source).ok_or(PatchError::Gone)?);
    let made = patch.create(parent, taken.kind, Some(name))?;
    patch.copy_custom(source, made)?;
    for (index, value, state) in &taken.parameters {
        copy_state(patch, (made, *index), value, Some(state))?;
    }
    match &taken.content {
        Some(Content::Text(text)) => patch.set_text(made, text.as_str())?,
        Some(Content::Table(table)) => patch.table_mut(made)?.copy_from(table),
        _ => {}
    }
    if let Some(op) = patch.get_mut(made) {
        (op.tags, op.comment, op.flags, op.storage) = (taken.tags, taken.comment, taken.flags, taken.storage);
        if let Some(extras) = taken.extras {
            *op.extras_mut() = extras;
        }
    }
    copies.insert(source, made);
    for child in taken.children {
        let name = patch.get(child).ok_or(PatchError::Gone)?.name().clone();
        copy_tree(patch, child, made, &name, copies)?;
    }
    Ok(made)
}

/// Lets parameters that name a docked operator name its copy.
fn rename_references(patch: &mut Patch, op: OpId, old: &str, new: &str) -> Result<(), PatchError> {
    let operator = patch.get(op).ok_or(PatchError::Gone)?;
    let names_old = |value: ParValue| matches!(value, ParValue::Str(text) if *text == *old);
    let referring: Vec<ParIndex> = operator
        .parameters()
        .filter(|(index, parameter)| matches!(parameter.kind, Kind::Op { .. }) && names_old(operator.par_value(*index)))
        .map(|(index, _)| index)
        .collect();
    referring.into_iter().try_for_each(|index| patch.set_par(op, index, &OwnedValue::Str(new.to_owned())))
}

/// What `findChildren` was asked for.
#[derive(Default)]
struct Search {
    kind: Option<String>,
    name: Option<Pattern>,
    path: Option<Pattern>,
    text: Option<Pattern>,
    comment: Option<Pattern>,
    tags: Vec<Pattern>,
    all_tags: bool,
    depth: Option<usize>,
    max_depth: Option<usize>,
}

impl Search {
    fn read<'py>(wanted: Option<&Bound<'py, PyDict>>) -> PyResult<(Self, Option<Bound<'py, PyAny>>)> {
        let (mut search, mut key) = (Search::default(), None);
        for (name, value) in wanted.into_iter().flat_map(|wanted| wanted.iter()) {
            if value.is_none() {
                continue;
            }
            let pattern = |value: &Bound<'_, PyAny>| Ok::<_, PyErr>(Some(Pattern::parse(&text_of(value)?)));
            match name.extract::<String>()?.as_str() {
                "type" => {
                    search.kind = Some(match value.cast::<PyType>() {
                        Ok(class) => class.name()?.to_string(),
                        Err(_) => text_of(&value)?,
                    });
                }
                "name" => search.name = pattern(&value)?,
                "path" => search.path = pattern(&value)?,
                "text" => search.text = pattern(&value)?,
                "comment" => search.comment = pattern(&value)?,
                "tags" => {
                    for tag in value.try_iter()? {
                        search.tags.extend(pattern(&tag?)?);
                    }
                }
                "allTags" => search.all_tags = value.is_truthy()?,
                "depth" => search.depth = Some(value.extract()?),
                "maxDepth" => search.max_depth = Some(value.extract()?),
                "key" => key = Some(value),
                name => return Err(PyTypeError::new_err(format!("findChildren cannot look for `{name}`"))),
            }
        }
        Ok((search, key))
    }

    fn found(&self, patch: &Patch, comp: OpId) -> Vec<OpId> {
        let base = depth(patch, comp);
        inside(patch, comp).filter(|op| self.fits(patch, *op, depth(patch, *op) - base)).collect()
    }

    fn fits(&self, patch: &Patch, op: OpId, depth: usize) -> bool {
        let Some(op) = patch.get(op) else { return false };
        let matches = |pattern: &Option<Pattern>, text: &str| pattern.as_ref().is_none_or(|p| p.matches(text));
        let has = |tag: &Pattern| op.tags.iter().any(|known| tag.matches(known));
        let tagged = match self.all_tags {
            true => self.tags.iter().all(has),
            false => self.tags.is_empty() || self.tags.iter().any(has),
        };
        self.depth.is_none_or(|wanted| depth == wanted)
            && self.max_depth.is_none_or(|most| depth <= most)
            && self.kind.as_deref().is_none_or(|kind| is_kind(op, kind))
            && matches(&self.name, op.name())
            && matches(&self.path, op.path())
            && matches(&self.comment, &op.comment)
            && (self.text.is_none() || matches(&self.text, &op.content().to_text()))
            && tagged
    }
}

/// Whether an operator is of a type or of a family, named as its class.
fn is_kind(op: &Operator, kind: &str) -> bool {
    match kind {
        "OP" => true,
        kind if FAMILIES.contains(&kind) => op.family_name() == kind,
        kind => op.type_name() == kind || op.short_type_name() == kind,
    }
}

fn depth(patch: &Patch, op: OpId) -> usize {
    std::iter::successors(Some(op), |op| patch.get(*op).and_then(Operator::parent)).count()
}
