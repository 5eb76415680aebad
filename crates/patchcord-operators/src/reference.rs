//! Parameters that name another operator.

use patchcord_core::declaration::ParIndex;
use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;

/// Cause of the warning that a name has no operator.
const REFERENCE: &str = "reference";

/// The operator that a parameter names now. A name that no operator has is a warning for as long as that is so; an
/// empty one is none.
pub(crate) fn target(network: &Network, op: OpId, index: ParIndex) -> Option<OpId> {
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
