//! Nodes that work something out and go on: what most of them do.

use crate::declaration::{AttributeError, Behaviour};
use crate::engine::{Failure, Flow, Turn};

/// A node that does `F`, and goes on by the standard output.
struct Work<F>(F);

impl<F: Fn(&mut Turn<'_>) -> Result<(), Failure>> Behaviour for Work<F> {
    fn pulse(&self, turn: &mut Turn<'_>, _: usize) -> Result<Flow, Failure> {
        (self.0)(turn)?;
        Ok(Flow::Next)
    }
}

/// A node that does this, and goes on by the standard output.
pub(super) fn work<F>(does: F) -> Result<Box<dyn Behaviour>, AttributeError>
where
    F: Fn(&mut Turn<'_>) -> Result<(), Failure> + 'static,
{
    Ok(Box::new(Work(does)))
}

/// A failure in words.
pub(super) fn fail<T>(text: impl Into<String>) -> Result<T, Failure> {
    Err(Failure(text.into()))
}
