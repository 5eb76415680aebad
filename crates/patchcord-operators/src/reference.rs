//! Parameters that name another operator.

use std::cell::Cell;

use patchcord_core::declaration::ParIndex;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;

/// Cause of the warning that a name has no operator.
const REFERENCE: &str = "reference";

/// The operator that a parameter names now. A name that no operator has is a warning for as long as that is so; an
/// empty one is none.
fn target(network: &Network, op: OpId, index: ParIndex) -> Option<OpId> {
    let name = network.eval(op, index).to_text();
    let found = network.patch().par_op(op, index);
    if found.is_none() && !name.is_empty() {
        let message = format!("there is no operator `{name}`");
        network.report(op, Problem::warning(REFERENCE, message, "names count from the component that holds this one"));
    } else {
        network.clear_problem(op, REFERENCE);
    }
    found
}

/// What operators have in common that show another one when they are read.
pub(crate) struct Follower {
    op: OpId,
    /// Two that look at each other must not go round for ever.
    cooking: Cell<bool>,
}

impl Follower {
    pub(crate) fn new(op: OpId) -> Self {
        Follower { op, cooking: Cell::new(false) }
    }

    /// The operator that follows.
    pub(crate) fn op(&self) -> OpId {
        self.op
    }

    /// Cooks with the operator that the parameter names, unless a cook is under way.
    pub(crate) fn cook(&self, network: &Network, index: ParIndex, work: impl FnOnce(Option<OpId>)) {
        if self.cooking.replace(true) {
            return;
        }
        let _cooking = Cooking(&self.cooking);
        let start = network.now();
        work(target(network, self.op, index));
        network.note_cook(self.op, start);
    }
}

/// Takes the mark of a cook back, also when it panics.
struct Cooking<'a>(&'a Cell<bool>);

impl Drop for Cooking<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
