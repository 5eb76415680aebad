//! Operators as scripts see them: the class OP, and one class per operator type.
//!
//! An object is the operator's id and nothing else. When the operator was destroyed every use raises `td.Error`, except
//! `valid`. [`dat`], [`comp`] and [`chop`] are the families, [`par`] and [`cell`] what operators are made of, and
//! [`web_server`] the operator whose class has methods of its own, [`class`] makes the classes. Attributes that exist in TouchDesigner and not here
//! say so when they are used.

pub mod cell;
pub mod chop;
pub mod class;
pub mod comp;
pub mod custom;
pub mod dat;
mod extensions;
mod facts;
mod files;
pub mod logic;
pub mod par;
mod problems;
pub mod socketio;
pub mod stand_in;
mod table;
pub mod web_server;
pub mod websocket;

use patchcord_core::declaration::Family;
use patchcord_core::patch::{OpId, Operator, Patch, Side};
use patchcord_core::pattern::Pattern;
use patchcord_core::problem::{Problem, Severity};
use patchcord_core::tracking::Source;
use patchcord_core::value::OwnedValue;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use slotmap::{Key, KeyData};

use crate::convert::{from_python, text_of};
use crate::errors::{Error, refused};
use crate::evaluator;
use crate::globals::{ModuleFinder, ParentFinder, find_operators};
use crate::glue::Glue;
use crate::host::{self, Failure, gone};
use crate::shortcuts::{self, ExtensionFinder, InternalFinder};
use crate::storage;

/// Any operator.
#[pyclass(name = "OP", module = "td", frozen, subclass)]
pub struct Op(OpId);

impl Op {
    /// The object of the operator whose id, as a number, this is.
    fn of(id: u64) -> Self {
        Op(OpId::from(KeyData::from_ffi(id)))
    }

    /// The operator's id.
    pub fn id(&self) -> OpId {
        self.0
    }

    fn read<R>(&self, read: impl FnOnce(&Operator) -> R) -> PyResult<R> {
        read_operator(self.0, read)
    }
}

/// The classes of all operators and of the families.
pub fn families(py: Python<'_>) -> [(&'static str, Bound<'_, PyType>); 4] {
    [
        ("OP", py.get_type::<Op>()),
        ("COMP", py.get_type::<comp::Comp>()),
        ("DAT", py.get_type::<dat::Dat>()),
        ("CHOP", py.get_type::<chop::Chop>()),
    ]
}

/// Reads from an operator while the patch is borrowed for a moment; `read` must not touch Python.
///
/// # Errors
/// `td.Error` when the operator is gone or this is another thread.
pub fn read_operator<R>(op: OpId, read: impl FnOnce(&Operator) -> R) -> PyResult<R> {
    host::with(|host| {
        let patch = host.network.patch();
        // Names and places stand for all that a script may ask an operator here.
        patch.note_tree_read();
        patch.get(op).map(read).ok_or_else(gone)
    })
}

/// Edits an operator for which nobody has to be told.
fn edit_operator(op: OpId, edit: impl FnOnce(&mut Operator)) -> PyResult<()> {
    host::with(|host| {
        let mut patch = host.network.patch_mut();
        edit(patch.get_mut(op).ok_or_else(gone)?);
        patch.note_tree_change();
        Ok(())
    })
}

#[pymethods]
impl Op {
    #[new]
    fn new(id: u64) -> Self {
        Op::of(id)
    }

    // ---- what it is ----

    /// False once the operator was destroyed.
    #[getter]
    fn valid(&self) -> PyResult<bool> {
        host::with(|host| {
            host.network.note_read(Source::Tree);
            Ok(host.network.patch().get(self.0).is_some())
        })
    }

    /// A number that no other operator of this run has.
    #[getter(id)]
    fn number(&self) -> u64 {
        self.0.data().as_ffi()
    }

    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        Ok(PyString::new(py, &self.read(|op| op.name().clone())?))
    }

    #[setter]
    fn set_name(&self, name: &str) -> PyResult<()> {
        host::with(|host| host.network.patch_mut().rename(self.0, name).map_err(refused))
    }

    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        Ok(PyString::new(py, &self.read(|op| op.path().clone())?))
    }

    /// The number at the end of the name; None without one.
    #[getter]
    fn digits(&self) -> PyResult<Option<u64>> {
        self.read(|op| patchcord_core::tdu::digits(op.name()))
    }

    /// The name up to its first digit.
    #[getter]
    fn base(&self) -> PyResult<String> {
        self.read(|op| patchcord_core::tdu::base(op.name()).to_owned())
    }

    #[getter(r#type)]
    fn short_type(&self) -> PyResult<String> {
        self.read(|op| op.short_type_name().to_owned())
    }

    #[getter(OPType)]
    fn op_type(&self) -> PyResult<String> {
        self.read(|op| op.type_name().to_owned())
    }

    #[getter]
    fn label(&self) -> PyResult<String> {
        self.read(|op| {
            if op.is_stand_in() {
                return op.short_type_name().to_owned();
            }
            let declaration = op.declaration();
            let label = declaration.label.strip_suffix(declaration.family.suffix()).unwrap_or(declaration.label);
            label.trim_end().to_owned()
        })
    }

    #[getter]
    fn family(&self) -> PyResult<&'static str> {
        self.read(Operator::family_name)
    }

    #[getter(subType)]
    fn sub_type(&self) -> &'static str {
        ""
    }

    #[getter(isCOMP)]
    fn is_comp(&self) -> PyResult<bool> {
        self.read(|op| op.family_name() == Family::Comp.suffix())
    }

    #[getter(isDAT)]
    fn is_dat(&self) -> PyResult<bool> {
        self.read(|op| op.family_name() == Family::Dat.suffix())
    }

    #[getter(isCHOP)]
    fn is_chop(&self) -> PyResult<bool> {
        self.read(|op| op.family_name() == Family::Chop.suffix())
    }

    #[getter(isTOP)]
    fn is_top(&self) -> PyResult<bool> {
        self.read(|op| op.family_name() == "TOP")
    }

    #[getter(isSOP)]
    fn is_sop(&self) -> PyResult<bool> {
        self.read(|op| op.family_name() == "SOP")
    }

    #[getter(isMAT)]
    fn is_mat(&self) -> PyResult<bool> {
        self.read(|op| op.family_name() == "MAT")
    }

    #[getter(isBase)]
    fn is_base(&self) -> PyResult<bool> {
        self.read(|op| op.declaration().name == "baseCOMP")
    }

    #[getter(minInputs)]
    fn min_inputs(&self) -> usize {
        0
    }

    #[getter(maxInputs)]
    fn max_inputs(&self) -> PyResult<usize> {
        let (family, inputs) = self.read(|op| (op.declaration().family, op.declaration().inputs.len()))?;
        match family {
            Family::Comp => host::with(|host| Ok(host.network.patch().connectors(self.0, Side::In).len())),
            _ => Ok(inputs),
        }
    }

    #[getter]
    fn tags(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let tags: Vec<String> = self.read(|op| op.tags.iter().map(|tag| tag.to_string()).collect())?;
        Ok(Glue::of(py)?.get(py, "Tags")?.call1((Bound::new(py, Op(self.0))?, tags))?.unbind())
    }

    #[setter]
    fn set_tags(&self, tags: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut words: Vec<std::rc::Rc<str>> = Vec::new();
        for tag in tags.try_iter()? {
            let tag = text_of(&tag?)?.into();
            if !words.contains(&tag) {
                words.push(tag);
            }
        }
        edit_operator(self.0, |op| op.tags = words)
    }

    #[getter]
    fn comment(&self) -> PyResult<String> {
        self.read(|op| op.comment.to_string())
    }

    #[setter]
    fn set_comment(&self, comment: &str) -> PyResult<()> {
        edit_operator(self.0, |op| op.comment = comment.into())
    }

    // ---- where it is ----

    /// The component that holds it, as `parent()`; `parent(2)` is the one above.
    #[getter]
    fn parent(&self) -> PyResult<ParentFinder> {
        self.read(|_| ())?;
        Ok(ParentFinder::of(self.0))
    }

    #[getter]
    fn children<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let children = self.read(|op| op.children().to_vec())?;
        host::with(|host| host.handles(py, &children))
    }

    #[getter(numChildren)]
    fn num_children(&self) -> PyResult<usize> {
        self.read(|op| op.children().len())
    }

    #[getter(numChildrenRecursive)]
    fn num_children_recursive(&self) -> PyResult<usize> {
        host::with(|host| {
            host.network.note_read(Source::Tree);
            Ok(comp::inside(&host.network.patch(), self.0).count())
        })
    }

    /// The first operator that a path or pattern names, seen from inside this component. `..` is this operator's parent.
    #[pyo3(signature = (*paths, **_options))]
    fn op<'py>(
        &self,
        paths: &Bound<'py, PyTuple>,
        _options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = find_operators(paths, |patch, path| inside_of(patch, self.0, path), true)?;
        host::with(|host| host.handle_or_none(paths.py(), found.first().copied()))
    }

    /// All operators that paths and patterns name.
    #[pyo3(signature = (*paths, **_options))]
    fn ops<'py>(
        &self,
        paths: &Bound<'py, PyTuple>,
        _options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let found = find_operators(paths, |patch, path| inside_of(patch, self.0, path), false)?;
        host::with(|host| host.handles(paths.py(), &found))
    }

    /// Extensions, those of this component and of the ones around it: `ext.Name`.
    #[getter(ext)]
    fn extension_finder(&self) -> ExtensionFinder {
        ExtensionFinder::of(self.0)
    }

    /// Internal operators, those of this component and of the ones around it: `iop.Name`.
    #[getter]
    fn iop(&self) -> InternalFinder {
        InternalFinder::operators_of(self.0)
    }

    /// Parameters of internal operators: `ipar.Name.Speed`.
    #[getter]
    fn ipar(&self) -> InternalFinder {
        InternalFinder::parameters_of(self.0)
    }

    /// A short expression by which scripts of this operator reach another one, by a shortcut where there is one; with
    /// `toParName` one of its parameters.
    #[pyo3(name = "shortcutPath", signature = (OP, toParName=None))]
    #[expect(non_snake_case, reason = "scripts name the arguments")]
    fn shortcut_path(&self, OP: &Bound<'_, PyAny>, toParName: Option<&str>) -> PyResult<String> {
        shortcuts::shortcut_path(self.0, operator_argument(OP)?, toParName)
    }

    /// Modules of DATs, seen from here.
    #[getter(r#mod)]
    fn modules(&self) -> ModuleFinder {
        ModuleFinder::seen_from(self.0)
    }

    #[getter]
    fn dock<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let dock = self.read(Operator::dock)?;
        host::with(|host| host.handle_or_none(py, dock))
    }

    #[setter]
    fn set_dock(&self, to: Option<&Bound<'_, Op>>) -> PyResult<()> {
        let to = to.map(|op| op.get().0);
        host::with(|host| host.network.patch_mut().dock(self.0, to).map_err(refused))
    }

    #[getter]
    fn docked<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        host::with(|host| {
            host.network.note_read(Source::Tree);
            let docked = host.network.patch().docked(self.0);
            host.handles(py, &docked)
        })
    }

    #[getter]
    fn inputs<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.read(|_| ())?;
        host::with(|host| {
            let inputs = host.network.patch().inputs(self.0);
            let inputs: Vec<OpId> = inputs.into_iter().flatten().map(|source| source.op).collect();
            host.handles(py, &inputs)
        })
    }

    #[getter]
    fn outputs<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.read(|_| ())?;
        host::with(|host| {
            let outputs = host.network.patch().fed_by(self.0);
            host.handles(py, &outputs)
        })
    }

    // ---- parameters ----

    #[getter]
    fn par<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, par::ParCollection>> {
        self.read(|_| ())?;
        host::with(|host| host.parameters(py, self.0))
    }

    /// Parameters whose names match any of the patterns; all without one.
    #[pyo3(signature = (*patterns))]
    fn pars<'py>(&self, py: Python<'py>, patterns: &Bound<'py, PyTuple>) -> PyResult<Vec<Bound<'py, par::Par>>> {
        let patterns =
            patterns.iter().map(|text| Ok(Pattern::parse(&text_of(&text)?))).collect::<PyResult<Vec<_>>>()?;
        let wanted = |name: &str| patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(name));
        let all: Vec<_> = self.read(|op| op.parameters().collect())?;
        let chosen = all.into_iter().filter(|(_, parameter)| wanted(&parameter.name));
        chosen.map(|(index, _)| Bound::new(py, par::Par::new(self.0, index))).collect()
    }

    /// What an expression gives on this operator's behalf.
    #[pyo3(name = "evalExpression")]
    fn eval_expression<'py>(&self, py: Python<'py>, expression: &str) -> PyResult<Bound<'py, PyAny>> {
        self.read(|_| ())?;
        host::with(|host| {
            evaluator::evaluate(host, py, self.0, expression).map_err(|failure| match failure {
                Failure::Raised(error) => error,
                Failure::Panicked(text) => Error::new_err(text),
            })
        })
    }

    // ---- storage ----

    #[getter]
    fn storage<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.read(|_| ())?;
        Glue::of(py)?.get(py, "Storage")?.call1((host::with(|host| host.handle(py, self.0))?,))
    }

    #[getter(_storedKeys)]
    fn stored_keys(&self) -> PyResult<Vec<String>> {
        host::with(|host| {
            host.network.note_read(Source::Storage(self.0));
            let patch = host.network.patch();
            Ok(patch.get(self.0).ok_or_else(gone)?.storage.iter().map(|(key, _)| key.to_string()).collect())
        })
    }

    /// Keeps a value under a key for as long as the operator exists.
    fn store<'py>(&self, key: &str, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        storage::store(self.0, key, &value)?;
        Ok(value)
    }

    /// The value that is kept under a key, here or (unless `search` is false) at the nearest component around it; else
    /// the default, which `storeDefault` keeps. Without a default a missing key is an error.
    #[pyo3(signature = (key, *rest, **options), text_signature = "($self, key, default, search=True, storeDefault=False)")]
    fn fetch<'py>(
        &self,
        key: &str,
        rest: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        storage::fetch(self.0, key, &storage::FetchOptions::read(rest, options)?, rest.py())
    }

    /// Forgets one key, named exactly.
    fn _forget(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        storage::forget(py, self.0, |stored| stored == key)
    }

    /// The operator at which a key is kept, this one or one around it.
    #[pyo3(name = "fetchOwner")]
    fn fetch_owner<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        host::with(|host| {
            let owner = storage::owner(host, self.0, key);
            storage::note_reads(host, self.0, owner);
            host.handle_or_none(py, owner)
        })
    }

    /// Forgets the keys that match any of the patterns.
    #[pyo3(signature = (*patterns))]
    fn unstore(&self, py: Python<'_>, patterns: &Bound<'_, PyTuple>) -> PyResult<()> {
        let patterns = patterns.iter().map(|pattern| text_of(&pattern)).collect::<PyResult<Vec<_>>>()?;
        let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::parse(text)).collect();
        storage::forget(py, self.0, |key| patterns.iter().any(|pattern| pattern.matches(key)))
    }

    // ---- errors ----

    /// Errors that stand on the operator, one per line; with `recurse` also those inside it.
    #[pyo3(signature = (recurse=false))]
    fn errors(&self, recurse: bool) -> PyResult<String> {
        problems::listed(self.0, recurse, |problem| problem.severity == Severity::Error)
    }

    /// Warnings that stand on the operator.
    #[pyo3(signature = (recurse=false))]
    fn warnings(&self, recurse: bool) -> PyResult<String> {
        problems::listed(self.0, recurse, |problem| problem.severity == Severity::Warning)
    }

    /// Errors of scripts, and those that scripts added.
    #[pyo3(name = "scriptErrors", signature = (recurse=false))]
    fn script_errors(&self, recurse: bool) -> PyResult<String> {
        problems::listed(self.0, recurse, problems::is_of_script)
    }

    #[pyo3(name = "addScriptError")]
    fn add_script_error(&self, message: &Bound<'_, PyAny>) -> PyResult<()> {
        problems::add(self.0, Problem::error(problems::SCRIPT_ERROR, text_of(message)?, ""))
    }

    #[pyo3(name = "addError")]
    fn add_error(&self, message: &Bound<'_, PyAny>) -> PyResult<()> {
        problems::add(self.0, Problem::error(problems::ERROR, text_of(message)?, ""))
    }

    #[pyo3(name = "addWarning")]
    fn add_warning(&self, message: &Bound<'_, PyAny>) -> PyResult<()> {
        problems::add(self.0, Problem::warning(problems::WARNING, text_of(message)?, ""))
    }

    /// Takes away script errors whose text matches the pattern.
    #[pyo3(name = "clearScriptErrors", signature = (recurse=false, error="*"))]
    fn clear_script_errors(&self, recurse: bool, error: &str) -> PyResult<()> {
        problems::clear(self.0, recurse, error)
    }

    // ---- cooking ----

    /// Brings what the operator shows up to date; with `recurse` also what is inside it.
    #[pyo3(signature = (force=false, recurse=false, **_options))]
    fn cook(&self, force: bool, recurse: bool, _options: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        host::with(|host| {
            for op in problems::with_inside(host, self.0, recurse)? {
                if force {
                    host.network.force_cook(op);
                } else {
                    host.network.cook(op);
                }
            }
            Ok(())
        })
    }

    // ---- the object itself ----

    /// Removes the operator with all that is inside it and docked to it.
    fn destroy(&self, py: Python<'_>) -> PyResult<()> {
        host::with(|host| {
            host.network.save_storage();
            host.network.patch_mut().destroy(self.0).map_err(refused)
        })?;
        host::let_go(py);
        Ok(())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Op>().is_ok_and(|other| other.get().0 == self.0)
    }

    fn __ne__(&self, other: &Bound<'_, PyAny>) -> bool {
        !self.__eq__(other)
    }

    fn __hash__(&self) -> u64 {
        self.0.data().as_ffi()
    }

    fn __str__(&self) -> PyResult<String> {
        self.read(|op| op.path().to_string())
    }

    fn __repr__(&self) -> PyResult<String> {
        let shown = host::with(|host| {
            Ok(host.network.patch().get(self.0).map(|op| format!("type:{} path:{}", op.type_name(), op.path())))
        })?;
        Ok(shown.unwrap_or_else(|| "an operator that does not exist any more".to_owned()))
    }
}

/// The operator from which an operator's own `op` looks: itself when it is a component, else the one around it. `..` is
/// its own parent in any case.
fn inside_of(patch: &Patch, op: OpId, path: &str) -> OpId {
    match patch.get(op).map(|op| op.declaration().family) {
        Some(Family::Comp) => op,
        _ if path.starts_with("..") => op,
        _ => patch.network_of(op),
    }
}

/// The operator that an argument means: an OP, or what a parameter or a path names.
///
/// # Errors
/// `TypeError` for anything that cannot name one.
pub fn operator_argument(value: &Bound<'_, PyAny>) -> PyResult<OpId> {
    if let Ok(op) = value.cast::<Op>() {
        return Ok(op.get().id());
    }
    let found = match from_python(value)? {
        OwnedValue::Op(op) => Some(op),
        OwnedValue::Str(path) => host::with(|host| {
            let patch = host.network.patch();
            let base = host.running().map_or(patch.root(), |op| patch.network_of(op));
            Ok(patch.find(base, &path))
        })?,
        _ => return Err(PyTypeError::new_err("an operator or the path of one is needed")),
    };
    found.ok_or_else(|| Error::new_err("there is no such operator"))
}
