//! What panics in the handling of one connection ends that connection and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`, and gives what a panic said instead of letting it pass.
pub(crate) fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
    })
}
