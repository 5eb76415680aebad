//! Run and the list of pending ones.

use super::{Class, works};

pub(super) static RUN: Class = Class::new(
    "Run",
    "A script or function that `run` has delayed.",
    &[
        works("active"),
        works("group"),
        works("isCell"),
        works("isDAT"),
        works("isString"),
        works("path").gives("OP"),
        works("source"),
        works("remainingFrames"),
        works("remainingMilliseconds"),
        works("kill()"),
    ],
);

pub(super) static RUNS: Class = Class::object("runs", "All that wait to run, as a list.", &[]);
