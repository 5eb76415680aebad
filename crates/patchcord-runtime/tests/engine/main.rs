//! Tests of the running engine: frames, turns, files that are saved, and the end.
//!
//! Nothing here measures time. Each wait has a bound that is far longer than what it waits for.

mod end;
mod frames;
mod saves;
mod turns;
mod types;

use std::future::Future;
use std::time::Duration;

use patchcord_runtime::engine::{Engine, Options};

/// Bound of every wait.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An engine that knows the types of these tests.
pub fn engine() -> Engine {
    Engine::new(types::TYPES, Options::default()).unwrap()
}

/// Runs the engine until the future is ready.
pub fn run<R>(engine: &mut Engine, until: impl Future<Output = R>) -> R {
    let waited = engine.run_until(async { tokio::time::timeout(PATIENCE, until).await });
    waited.expect("the engine was stopped").expect("what was waited for did not happen")
}
