//! Operators that scripts have found by a path: the same path finds them again without a look at the tree.
//!
//! A script's `op('table1')` comes with the same string object each time, so that the object stands for the text. What was
//! found counts until a name, a place or an operator in the tree is another.

use std::cell::RefCell;

use patchcord_core::patch::OpId;
use pyo3::prelude::*;
use pyo3::types::PyString;
use slotmap::Key;

/// Places. A power of two; each path has one, and the last one that came is kept there.
const PLACES: usize = 512;

/// What was found.
#[derive(Default)]
pub struct Found(RefCell<Vec<Option<Known>>>);

struct Known {
    /// Held, so that its address is not another string's.
    path: Py<PyString>,
    from: OpId,
    tree: u64,
    op: Py<PyAny>,
}

impl Found {
    /// The operator that a path named, seen from an operator, in this version of the tree.
    #[inline]
    pub fn get<'py>(&self, path: &Bound<'py, PyString>, from: OpId, tree: u64) -> Option<Bound<'py, PyAny>> {
        let places = self.0.borrow();
        let known = places.get(place_of(path, from))?.as_ref()?;
        let is_it = known.path.is(path) && known.from == from && known.tree == tree;
        is_it.then(|| known.op.bind(path.py()).clone())
    }

    /// Notes what a path names. Only strings of Python's own class are kept, since others can have code that runs when
    /// they go.
    pub fn put(&self, path: &Bound<'_, PyString>, from: OpId, tree: u64, op: &Bound<'_, PyAny>) {
        if !path.is_exact_instance_of::<PyString>() {
            return;
        }
        let known = Known { path: path.clone().unbind(), from, tree, op: op.clone().unbind() };
        let old = {
            let mut places = self.0.borrow_mut();
            if places.is_empty() {
                places.resize_with(PLACES, || None);
            }
            places[place_of(path, from)].replace(known)
        };
        drop(old);
    }
}

fn place_of(path: &Bound<'_, PyString>, from: OpId) -> usize {
    let mixed = (path.as_ptr() as u64 >> 4 ^ from.data().as_ffi().rotate_left(20)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as usize & (PLACES - 1)
}
