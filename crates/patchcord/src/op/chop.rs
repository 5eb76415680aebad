//! CHOPs as scripts see them: named channels of samples, and Channel, which acts like its present value.

use std::rc::Rc;

use patchcord_core::content::Channels;
use patchcord_core::patch::OpId;
use patchcord_core::pattern::{Case, Pattern};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyTuple};

use super::Op;
use super::table::{AnyIndex, read};
use crate::convert::text_of;
use crate::errors::Error;
use crate::glue::Glue;
use crate::host;

/// Gives Channel the operators of its value.
///
/// # Errors
/// None but those of an interpreter without memory.
pub fn prepare(py: Python<'_>) -> PyResult<()> {
    let glue = Glue::of(py)?;
    let class = py.get_type::<Channel>();
    glue.get(py, "act_like_value")?.call1((class, wrap_pyfunction!(channel_beside, py)?))?;
    Ok(())
}

#[pyfunction]
fn channel_beside(channel: &Bound<'_, Channel>, _other: &Bound<'_, PyAny>) -> PyResult<f64> {
    channel.get().eval(None)
}

/// A CHOP.
#[pyclass(name = "CHOP", module = "td", frozen, extends = Op, subclass)]
pub struct Chop;

fn id(chop: &Bound<'_, Chop>) -> OpId {
    chop.as_super().get().id()
}

fn channels<R>(chop: OpId, with: impl FnOnce(&Channels) -> R) -> PyResult<Option<R>> {
    read(chop, |content| content.as_channels().map(with))
}

#[pymethods]
impl Chop {
    #[new]
    fn new(id: u64) -> PyClassInitializer<Self> {
        PyClassInitializer::from(Op::of(id)).add_subclass(Chop)
    }

    /// The channel of this position or name; None when there is none.
    fn __getitem__(this: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<Option<Channel>> {
        let key = AnyIndex::of(key)?;
        let op = id(this);
        let name = channels(op, |all| match &key {
            AnyIndex::Number(at) => {
                let at = if *at < 0 { all.channels.len() as i64 + at } else { *at };
                all.channels.get(usize::try_from(at).ok()?).map(|(name, _)| name.clone())
            }
            AnyIndex::Name(name) => all.channels.iter().find(|(n, _)| **n == **name).map(|(name, _)| name.clone()),
        })?;
        Ok(name.flatten().map(|name| Channel::of(op, &name)))
    }

    /// The first channel of these positions, names or patterns.
    #[pyo3(signature = (*names, caseSensitive=true))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn chan(this: &Bound<'_, Self>, names: &Bound<'_, PyTuple>, caseSensitive: bool) -> PyResult<Option<Channel>> {
        Ok(select(id(this), names, caseSensitive)?.into_iter().next())
    }

    /// The channels of these positions, names or patterns; all without one.
    #[pyo3(signature = (*names, caseSensitive=true))]
    #[expect(non_snake_case, reason = "scripts name the argument")]
    fn chans(this: &Bound<'_, Self>, names: &Bound<'_, PyTuple>, caseSensitive: bool) -> PyResult<Vec<Channel>> {
        select(id(this), names, caseSensitive)
    }

    #[getter(numChans)]
    fn num_chans(this: &Bound<'_, Self>) -> PyResult<usize> {
        Ok(channels(id(this), |all| all.channels.len())?.unwrap_or(0))
    }

    #[getter(numSamples)]
    fn num_samples(this: &Bound<'_, Self>) -> PyResult<usize> {
        Ok(channels(id(this), Channels::samples)?.unwrap_or(0))
    }

    /// Samples per second.
    #[getter]
    fn rate(this: &Bound<'_, Self>) -> PyResult<f64> {
        Ok(channels(id(this), |all| all.rate)?.unwrap_or(0.0))
    }

    /// Number of the first sample: 0, or of a time slice how many its operator has shown before.
    #[getter]
    fn start(this: &Bound<'_, Self>) -> PyResult<f64> {
        Ok(channels(id(this), |all| all.slice)?.flatten().unwrap_or(0) as f64)
    }

    /// Number of the last sample.
    #[getter]
    fn end(this: &Bound<'_, Self>) -> PyResult<f64> {
        let end = |all: &Channels| all.slice.unwrap_or(0) as f64 + all.samples().saturating_sub(1) as f64;
        Ok(channels(id(this), end)?.unwrap_or(0.0))
    }

    /// Whether the samples are those since the last frame.
    #[getter(isTimeSlice)]
    fn is_time_slice(this: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(channels(id(this), |all| all.slice.is_some())?.unwrap_or(false))
    }
}

fn select(op: OpId, names: &Bound<'_, PyTuple>, case_sensitive: bool) -> PyResult<Vec<Channel>> {
    enum Wanted {
        At(i64),
        Named(Pattern),
    }
    let mut wanted = Vec::new();
    for name in names.iter() {
        wanted.push(if name.cast::<PyInt>().is_ok() {
            Wanted::At(name.extract()?)
        } else {
            Wanted::Named(Pattern::parse_with(&text_of(&name)?, Case::sensitive(case_sensitive)))
        });
    }
    let found = channels(op, |all| {
        let count = all.channels.len() as i64;
        let fits = |at: i64, name: &str| {
            wanted.is_empty()
                || wanted.iter().any(|wanted| match wanted {
                    Wanted::At(number) => *number == at || *number + count == at,
                    Wanted::Named(pattern) => pattern.matches(name),
                })
        };
        let numbered = (0..).zip(&all.channels);
        numbered.filter(|(at, (name, _))| fits(*at, name)).map(|(_, (name, _))| Channel::of(op, name)).collect()
    })?;
    Ok(found.unwrap_or_default())
}

/// A channel of a CHOP.
#[pyclass(module = "td", frozen)]
pub struct Channel {
    op: OpId,
    name: Box<str>,
}

impl Channel {
    /// The channel of this name, which need not exist.
    pub fn of(op: OpId, name: &str) -> Self {
        Channel { op, name: Box::from(name) }
    }

    fn samples<R>(&self, with: impl FnOnce(usize, &[f64]) -> R) -> PyResult<R> {
        let found = channels(self.op, |all| {
            let at = all.channels.iter().position(|(name, _)| **name == *self.name)?;
            Some(with(at, &all.channels[at].1))
        })?;
        found.flatten().ok_or_else(|| Error::new_err("the CHOP has no such channel any more"))
    }
}

#[pymethods]
impl Channel {
    /// The value now, or the sample at a position.
    #[pyo3(signature = (index=None))]
    fn eval(&self, index: Option<i64>) -> PyResult<f64> {
        match index {
            Some(index) => self.__getitem__(index),
            // The newest sample is the present.
            None => self.samples(|_, samples| samples.last().copied().unwrap_or(0.0)),
        }
    }

    fn __getitem__(&self, index: i64) -> PyResult<f64> {
        let found = self.samples(|_, samples| {
            let index = if index < 0 { samples.len() as i64 + index } else { index };
            usize::try_from(index).ok().and_then(|index| samples.get(index).copied())
        })?;
        found.ok_or_else(|| PyIndexError::new_err("there is no such sample"))
    }

    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    #[getter]
    fn index(&self) -> PyResult<usize> {
        self.samples(|at, _| at)
    }

    #[getter]
    fn owner<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        host::with(|host| host.handle(py, self.op))
    }

    #[getter]
    fn vals(&self) -> PyResult<Vec<f64>> {
        self.samples(|_, samples| samples.to_vec())
    }

    #[getter]
    fn valid(&self) -> bool {
        self.samples(|_, _| ()).is_ok()
    }

    fn average(&self) -> PyResult<f64> {
        self.samples(|_, samples| samples.iter().sum::<f64>() / (samples.len().max(1) as f64))
    }

    fn min(&self) -> PyResult<f64> {
        self.samples(|_, samples| samples.iter().copied().fold(f64::INFINITY, f64::min))
    }

    fn max(&self) -> PyResult<f64> {
        self.samples(|_, samples| samples.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }

    fn __repr__(&self) -> PyResult<String> {
        let path: Rc<str> = super::read_operator(self.op, |op| op.path().clone())?;
        Ok(format!("type:Channel name:{} owner:{path} value:{}", self.name, self.eval(None)?))
    }
}
