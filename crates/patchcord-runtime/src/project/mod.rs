//! The project: the folder with `patch.toml` that a patch lives in.
//!
//! [`PatchFile::read`] turns a folder into a checked description of operators, or into a [`Report`] of everything that
//! is wrong; [`LivePatch`] brings such a description to life in a network and keeps it in step with later readings and
//! with the files beside it. [`set_parameter`] writes one parameter back, [`new_project()`] begins a folder.
//!
//! Promised: an invalid file changes nothing; an update touches only what the file changed; secrets are never shown nor
//! written. Left to others: noticing that files change, printing reports, and running the patch.

mod connections;
mod custom;
mod diff;
mod extensions;
mod file;
mod follow;
mod graphs;
mod keeps;
mod links;
mod live;
mod load;
mod new_project;
#[cfg(test)]
mod patch_page;
mod reader;
mod reason;
mod report;
mod review;
mod scripts;
mod values;
mod write;

pub use file::{Dispatch, FILE_NAME, PatchFile, Settings};
pub use live::{Applied, LivePatch};
pub use load::MAX_FILE_BYTES;
pub use new_project::{NEW_PROJECT_TYPES, NewProjectError, callbacks_template, new_project};
pub use reason::Reason;
pub use report::{Finding, Report, Style};
pub use review::{Remark, Review, ReviewedOperator, ReviewedPatch, ReviewedScript, Reviewer};
pub use write::{WriteError, set_parameter};
