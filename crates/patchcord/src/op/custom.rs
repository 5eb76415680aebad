//! What `library/parameters.py` is made of: pages and groups of parameters.
//!
//! Page, ParGroup and most attributes of Par are said in Python, in terms of the functions here.

use patchcord_core::declaration::{ParIndex, Text};
use patchcord_core::parameter::ParMode;
use patchcord_core::patch::custom::{CustomError, PageId, STYLES, Style};
use patchcord_core::patch::{OpId, Operator, Patch, PatchError};
use pyo3::prelude::*;
use pyo3::types::PyModule;

use super::par::{Par, ParCollection};
use super::{Op, comp, facts, read_operator};
use crate::errors::{Error, refused};
use crate::glue::Glue;
use crate::{host, library, source};

/// Gives Par, OP and COMP what is said in Python.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn prepare(py: Python<'_>) -> PyResult<()> {
    let library = library::load(py, source!("_patchcord.parameters", "library/parameters.py"))?;
    let core = PyModule::new(py, "_patchcord.custom")?;
    core.add("Error", py.get_type::<Error>())?;
    core.add("ParMode", Glue::of(py)?.get(py, "ParMode")?)?;
    for function in [
        wrap_pyfunction!(styles, &core)?,
        wrap_pyfunction!(pages, &core)?,
        wrap_pyfunction!(page_name, &core)?,
        wrap_pyfunction!(page_groups, &core)?,
        wrap_pyfunction!(append_page, &core)?,
        wrap_pyfunction!(rename_page, &core)?,
        wrap_pyfunction!(destroy_page, &core)?,
        wrap_pyfunction!(destroy_pages, &core)?,
        wrap_pyfunction!(sort_pages, &core)?,
        wrap_pyfunction!(sort_page, &core)?,
        wrap_pyfunction!(define, &core)?,
        wrap_pyfunction!(group, &core)?,
        wrap_pyfunction!(find_group, &core)?,
        wrap_pyfunction!(rename_group, &core)?,
        wrap_pyfunction!(page_of, &core)?,
        wrap_pyfunction!(move_group, &core)?,
        wrap_pyfunction!(destroy_group, &core)?,
        wrap_pyfunction!(facts::fact, &core)?,
        wrap_pyfunction!(facts::set_fact, &core)?,
        wrap_pyfunction!(bound_to, &core)?,
        wrap_pyfunction!(copy_definitions, &core)?,
    ] {
        core.add_function(function)?;
    }
    let classes = (core, py.get_type::<Op>(), py.get_type::<comp::Comp>(), py.get_type::<Par>());
    let groups = library.getattr("install")?.call1(classes)?;
    // Where the globals of scripts are put together, they are found beside ParMode.
    let glue = Glue::of(py)?.module.bind(py);
    CLASSES.iter().try_for_each(|name| glue.setattr(*name, groups.getattr(*name)?))
}

/// Classes that are said in Python.
pub const CLASSES: &[&str] = &["Page", "ParGroup", "ParGroupCollection"];

fn id(op: &Bound<'_, Op>) -> OpId {
    op.get().id()
}

/// Edits the custom parameters of an operator; its collection in Python follows at once.
pub(super) fn edit<R>(py: Python<'_>, op: OpId, edit: impl FnOnce(&mut Patch) -> Result<R, PatchError>) -> PyResult<R> {
    host::with(|host| {
        let result = edit(&mut host.network.patch_mut()).map_err(refused)?;
        host.renew_parameters(py, op, None)?;
        Ok(result)
    })
}

fn pars<'py>(py: Python<'py>, op: OpId, indices: &[ParIndex]) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let names = read_operator(op, |op| {
        indices
            .iter()
            .filter_map(|index| op.parameter(*index))
            .map(|parameter| parameter.name.clone())
            .collect::<Vec<_>>()
    })?;
    let collection = host::with(|host| host.parameters(py, op))?;
    names.iter().map(|name| collection.getattr(&**name)).collect()
}

/// Names of the styles, with their size, and whether another size can be asked for.
#[pyfunction]
fn styles() -> Vec<(&'static str, usize, bool)> {
    STYLES.iter().map(|style| (style.name, style.size(), style.sizeable)).collect()
}

// ---- pages ------------------------------------------------------------------------------------------------------------

/// Numbers of an operator's pages: those of its type are counted from -1 downwards.
#[pyfunction]
fn pages(op: &Bound<'_, Op>) -> PyResult<Vec<i64>> {
    read_operator(id(op), |op| {
        let declared = (0..op.declaration().pages.len()).map(|at| -1 - at as i64);
        declared.chain(op.custom_pages().iter().map(|page| i64::from(page.id().0))).collect()
    })
}

fn custom_page(page: i64) -> PyResult<PageId> {
    u32::try_from(page).map(PageId).map_err(|_| Error::new_err("a page of the operator's type stays as it is"))
}

/// Reads a page: a declared one as its position, a custom one as it is.
fn read_page<R>(op: OpId, page: i64, read: impl FnOnce(&Operator, Result<usize, PageId>) -> Option<R>) -> PyResult<R> {
    let which = u32::try_from(page).map_or_else(|_| Ok((-1 - page) as usize), |page| Err(PageId(page)));
    read_operator(op, |op| read(op, which))?.ok_or_else(|| refused(CustomError::PageGone.into()))
}

#[pyfunction]
fn page_name(op: &Bound<'_, Op>, page: i64) -> PyResult<String> {
    read_page(id(op), page, |op, page| match page {
        Ok(at) => op.declaration().pages.get(at).map(|page| page.name.to_owned()),
        Err(page) => op.custom_page(page).map(|page| page.name().to_owned()),
    })
}

/// The first parameter of each group of a page.
#[pyfunction]
fn page_groups<'py>(op: &Bound<'py, Op>, page: i64) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let first = read_page(id(op), page, |op, page| match page {
        Ok(at) => {
            let pages = op.declaration().pages;
            let before: usize = pages.iter().take(at).map(|page| page.parameters.len()).sum();
            let count = pages.get(at)?.parameters.len();
            Some((before..before + count).map(|index| ParIndex(index as u32)).collect::<Vec<_>>())
        }
        Err(page) => {
            let groups = op.custom_page(page)?.groups();
            Some(groups.iter().filter_map(|group| group.members().first().copied()).collect())
        }
    })?;
    pars(op.py(), id(op), &first)
}

#[pyfunction]
fn append_page(op: &Bound<'_, Op>, name: &str) -> PyResult<u32> {
    edit(op.py(), id(op), |patch| patch.append_custom_page(id(op), name)).map(|page| page.0)
}

#[pyfunction]
fn rename_page(op: &Bound<'_, Op>, page: i64, name: &str) -> PyResult<()> {
    let page = custom_page(page)?;
    edit(op.py(), id(op), |patch| patch.rename_custom_page(id(op), page, name))
}

#[pyfunction]
fn destroy_page(op: &Bound<'_, Op>, page: i64) -> PyResult<()> {
    let page = custom_page(page)?;
    edit(op.py(), id(op), |patch| patch.destroy_custom_page(id(op), page))
}

#[pyfunction]
fn destroy_pages(op: &Bound<'_, Op>) -> PyResult<()> {
    edit(op.py(), id(op), |patch| patch.destroy_all_custom(id(op)))
}

#[pyfunction]
fn sort_pages(op: &Bound<'_, Op>, names: Vec<String>) -> PyResult<()> {
    edit(op.py(), id(op), |patch| patch.sort_custom_pages(id(op), &names))
}

#[pyfunction]
fn sort_page(op: &Bound<'_, Op>, page: i64, names: Vec<String>) -> PyResult<()> {
    let page = custom_page(page)?;
    edit(op.py(), id(op), |patch| patch.sort_custom_page(id(op), page, &names))
}

/// Makes parameters and gives them.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "they are those of TouchDesigner's appendX")]
fn define<'py>(
    op: &Bound<'py, Op>,
    page: i64,
    style: &str,
    name: &str,
    label: Option<&str>,
    size: Option<usize>,
    order: Option<f64>,
    replace: bool,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let page = custom_page(page)?;
    let style = find_style(style)?;
    let size = size.unwrap_or_else(|| style.size());
    let mut definition =
        style.define(name, label.unwrap_or(name), size).map_err(|error| refused(PatchError::Custom(error)))?;
    definition.order = order;
    let (py, op) = (op.py(), id(op));
    let made = host::with(|host| {
        let count = || host.network.patch().get(op).map_or(0, |op| op.custom_count());
        let before = count();
        let made = host.network.patch_mut().define_custom(op, page, definition, replace).map_err(refused)?;
        // Nothing that was there has gone: what is new is all that the collection lacks.
        let news = (count() == before + made.len()).then_some(&*made);
        host.renew_parameters(py, op, news)?;
        Ok(made)
    })?;
    pars(py, op, &made)
}

pub(super) fn find_style(name: &str) -> PyResult<&'static Style> {
    Style::find(name).ok_or_else(|| {
        let nearest = Style::nearest(name).map(|near| format!(", did you mean {near}?")).unwrap_or_default();
        Error::new_err(format!("there is no style of parameter `{name}`{nearest}"))
    })
}

// ---- groups -----------------------------------------------------------------------------------------------------------

/// Name, style and parameters of the group that a parameter belongs to. One of the operator's type is a group by itself.
#[pyfunction]
fn group<'py>(par: &Bound<'py, Par>) -> PyResult<(String, &'static str, Vec<Bound<'py, PyAny>>)> {
    let (op, index) = par.get().place();
    let (name, style, members) = read_operator(op, |op| match op.group_of(index) {
        Some(group) => Some((group.name.to_string(), group.style.name, group.members().to_vec())),
        None => op.parameter(index).map(|it| (it.name.to_string(), it.kind.style(), vec![index])),
    })?
    .ok_or_else(gone)?;
    Ok((name, style, pars(par.py(), op, &members)?))
}

pub(super) fn gone() -> PyErr {
    refused(CustomError::ParameterGone.into())
}

/// The first parameter of the group of a name; a parameter that is a group by itself counts.
#[pyfunction]
fn find_group<'py>(op: &Bound<'py, Op>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    let found = read_operator(id(op), |op| {
        let first = |group: &patchcord_core::patch::custom::ParGroup| group.members().first().copied();
        op.find_group(name).and_then(first).or_else(|| {
            let (index, _) = op.find_parameter(name)?;
            op.group_of(index).is_none_or(|group| *group.name == *name).then_some(index)
        })
    })?;
    Ok(pars(op.py(), id(op), found.as_slice())?.pop())
}

#[pyfunction]
fn rename_group(par: &Bound<'_, Par>, name: &str) -> PyResult<()> {
    let (op, index) = par.get().place();
    edit(par.py(), op, |patch| patch.rename_custom(op, index, name))
}

/// Number of the page that a parameter stands on.
#[pyfunction]
fn page_of(par: &Bound<'_, Par>) -> PyResult<i64> {
    let (op, index) = par.get().place();
    read_operator(op, |op| {
        if let Some(page) = op.custom_page_of(index) {
            return Some(i64::from(page.id().0));
        }
        let name = op.page_of(index)?;
        op.declaration().pages.iter().position(|page| page.name == name).map(|at| -1 - at as i64)
    })?
    .ok_or_else(gone)
}

#[pyfunction]
fn move_group(par: &Bound<'_, Par>, page: i64) -> PyResult<()> {
    let page = custom_page(page)?;
    let (op, index) = par.get().place();
    edit(par.py(), op, |patch| patch.move_custom(op, index, page))
}

#[pyfunction]
fn destroy_group(par: &Bound<'_, Par>) -> PyResult<()> {
    let (op, index) = par.get().place();
    edit(par.py(), op, |patch| patch.destroy_custom(op, index))
}

/// Gives a component the custom parameters of another one, beside those that it has. Values are not copied.
#[pyfunction]
fn copy_definitions(source: &Bound<'_, Op>, target: &Bound<'_, Op>) -> PyResult<()> {
    edit(target.py(), id(target), |patch| patch.add_custom(id(source), id(target)))
}

/// Parameters that are bound to this one.
#[pyfunction]
fn bound_to<'py>(par: &Bound<'py, Par>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let bound: Vec<(OpId, ParIndex)> = host::with(|host| {
        let patch = host.network.patch();
        let of = |(id, op): (OpId, &Operator)| {
            let bound = op.computed_parameters().filter(|(_, mode)| *mode == ParMode::Bind);
            bound.map(|(index, _)| (id, index)).collect::<Vec<_>>()
        };
        Ok(patch.iter().flat_map(of).collect())
    })?;
    let mut found = Vec::new();
    for (op, index) in bound {
        let other = Par::new(op, index);
        // A bind that leads nowhere is a problem of its own operator.
        if other.master().ok().flatten().is_some_and(|master| master.place() == par.get().place()) {
            found.extend(pars(par.py(), op, &[index])?);
        }
    }
    Ok(found)
}

/// The parameters of an operator as a script holds them, brought in step with the operator.
///
/// # Errors
/// None but for want of memory.
pub fn renew(collection: &Bound<'_, ParCollection>, op: OpId, news: Option<&[ParIndex]>) -> PyResult<()> {
    let py = collection.py();
    let held = collection.getattr("__dict__")?.cast_into::<pyo3::types::PyDict>()?;
    let all: Vec<(ParIndex, Text)> = read_operator(op, |op| match news {
        Some(news) => news.iter().filter_map(|at| Some((*at, op.parameter(*at)?.name.clone()))).collect(),
        None => op.custom_parameters().map(|(index, parameter)| (index, parameter.name.clone())).collect(),
    })?;
    if news.is_none() {
        let mut known: std::collections::HashMap<&str, ParIndex> =
            all.iter().map(|(at, name)| (&**name, *at)).collect();
        let stale: Vec<_> = held
            .iter()
            .filter(|(name, par)| {
                let Ok(par) = par.cast::<Par>() else { return false };
                let (_, index) = par.get().place();
                let is_right = name.extract::<&str>().is_ok_and(|name| known.remove(name) == Some(index));
                index.is_custom() && !is_right
            })
            .map(|(name, _)| name)
            .collect();
        stale.into_iter().try_for_each(|name| held.del_item(name))?;
    }
    for (index, name) in all {
        let name = pyo3::types::PyString::intern(py, &name);
        if !held.contains(&name)? {
            held.set_item(name, Bound::new(py, Par::new(op, index))?)?;
        }
    }
    Ok(())
}
