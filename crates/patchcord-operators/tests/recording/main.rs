//! Recordings: what is written, what is read, and what happens to files that are none, are broken or were cut off.

mod playing;
mod reading;
mod writing;

use std::path::PathBuf;

/// A recording of the corpus.
fn corpus(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "recording", "corpus", name].iter().collect()
}
