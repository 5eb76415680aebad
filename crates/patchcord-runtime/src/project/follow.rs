//! Following the files beside `patch.toml`: texts and tables with `syncfile`, and values that stand in files.
//!
//! The file wins: when its contents are other than at the last reading, they replace what the operator holds, with a
//! warning when that were edits which nobody saved. A file that is gone, too large or not readable changes nothing;
//! the operator shows a warning until the file can be read again.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use patchcord_core::declaration::ParIndex;
use patchcord_core::network::Network;
use patchcord_core::parameter::{ParMode, ParValue, convert};
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_core::value::OwnedValue;

use super::file::{ContentEntry, Entry, FileEntry, ParEntry};
use super::live::{LivePatch, find, index_in, put_content, set_parameter};
use super::load::{self, Loaded};
use super::reason::Reason;

/// Cause of the warning that a file cannot be read.
const FILE: &str = "file";

/// Cause of the warning that unsaved edits were replaced.
const UNSAVED: &str = "unsaved edits";

impl LivePatch {
    /// Files whose changes are to be passed to [`LivePatch::file_changed`]: absolute paths, each once. `patch.toml` is
    /// not among them.
    pub fn watched_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = self.file.entries.iter().flat_map(files_of).cloned().collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    /// Reads a file again that was changed, made or deleted, and brings the operators that hold it up to date, in one
    /// turn. Returns the paths of the operators that changed.
    pub fn file_changed(&mut self, network: &Network, path: &Path) -> Vec<Rc<str>> {
        let path = load::clean(path);
        let mut changed = Vec::new();
        network.turn(|network| {
            for at in 0..self.file.entries.len() {
                if !files_of(&self.file.entries[at]).any(|file| *file == path) {
                    continue;
                }
                let entry = &self.file.entries[at];
                let id = find(&network.patch(), &self.file.settings, &entry.path);
                let Some(id) = id.filter(|&id| is_of_type(network, id, entry)) else { continue };
                let absolute: Rc<str> = network.patch().path(id);
                let entry = &mut self.file.entries[at];
                let content = read_content_again(network, id, entry, &path);
                let values = read_values_again(network, id, entry, &path);
                if content || values {
                    changed.push(absolute);
                }
            }
        });
        changed
    }
}

/// Files that an entry takes content or values from, as long as they are followed.
fn files_of(entry: &Entry) -> impl Iterator<Item = &PathBuf> {
    let content = match &entry.content {
        ContentEntry::File(file) if file.sync => Some(&file.path),
        _ => None,
    };
    let values = entry.parameters.values().filter_map(|given| match given {
        ParEntry::Hidden { file, .. } => file.as_ref(),
        _ => None,
    });
    content.into_iter().chain(values)
}

/// Returns whether the operator holds something else now.
fn read_content_again(network: &Network, id: OpId, entry: &mut Entry, path: &Path) -> bool {
    let kind = entry.kind;
    let ContentEntry::File(file) = &mut entry.content else { return false };
    if file.path != path || !file.sync || !still_names(network, id, file) {
        return false;
    }
    let setting = |name: &str| {
        let (index, _) = kind.find_parameter(name)?;
        network.patch().get(id).map(|op| op.par_value(index))
    };
    let loaded = match load::content(path, &file.shown, kind.content, setting) {
        Ok(loaded) => loaded,
        Err(reason) => {
            warn(network, id, &reason);
            return false;
        }
    };
    network.clear_problem(id, FILE);
    if loaded == file.loaded {
        return false;
    }
    let before = std::mem::replace(&mut file.loaded, loaded);
    let holds = |loaded: &Loaded| network.patch().get(id).is_some_and(|op| loaded.equals(op.content()));
    if holds(&file.loaded) {
        // The operator has written the file itself.
        return false;
    }
    let saved = holds(&before);
    // Bound to a name, so that the borrow has ended when the problem is filed.
    let put = put_content(&mut network.patch_mut(), id, &file.loaded);
    if let Err(error) = put {
        network.report(id, Problem::warning(FILE, format!("{}: {error}", file.shown), "the last content stays"));
        return false;
    }
    if saved {
        network.clear_problem(id, UNSAVED);
        network.say_status(id, format!("read {} again", file.shown));
    } else {
        let message = format!("{} changed outside and replaced edits that were not saved", file.shown);
        network.report(id, Problem::warning(UNSAVED, message, ""));
    }
    true
}

/// Returns whether a parameter has another value now.
fn read_values_again(network: &Network, id: OpId, entry: &mut Entry, path: &Path) -> bool {
    let mut changed = false;
    let from_file = |given: &ParEntry| matches!(given, ParEntry::Hidden { file: Some(file), .. } if file == path);
    let indices: Vec<_> =
        entry.parameters.iter().filter(|(_, given)| from_file(given)).map(|(index, _)| *index).collect();
    for index in indices {
        let parameter = entry.parameter(index).clone();
        let Some(given) = entry.parameters.get_mut(&index) else { continue };
        let ParEntry::Hidden { value, file: Some(file) } = given else { continue };
        let shown = file.file_name().map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into());
        let read = load::value(path, &shown).and_then(|text| {
            let style = parameter.kind.style();
            convert(&parameter, &OwnedValue::Str(text)).map_err(|_| Reason::HiddenValue {
                from: format!("the content of {shown}"),
                parameter: parameter.name.clone(),
                style,
            })
        });
        match read {
            Err(reason) => warn(network, id, &reason),
            Ok(read) => {
                network.clear_problem(id, FILE);
                if read != *value {
                    *value = read;
                    let mut patch = network.patch_mut();
                    let found = index_in(&patch, id, index, &parameter.name);
                    changed |= found.is_some_and(|index| set_parameter(&mut patch, id, index, Some(given)).is_ok());
                }
            }
        }
    }
    changed
}

/// Whether the operator's `file` is still the one of the patch file, and still followed: a script may have changed both.
fn still_names(network: &Network, id: OpId, file: &FileEntry) -> bool {
    let patch = network.patch();
    let Some(op) = patch.get(id) else { return false };
    let value = |name: &str| {
        let (index, _) = op.declaration().find_parameter(name)?;
        let constant = |index: ParIndex| op.par_state(index).is_none_or(|state| state.mode == ParMode::Constant);
        constant(index).then(|| op.par_value(index))
    };
    value("file") == Some(ParValue::Str(file.shown.clone())) && value("syncfile").is_none_or(|sync| sync.is_on())
}

fn is_of_type(network: &Network, id: OpId, entry: &Entry) -> bool {
    network.patch().get(id).is_some_and(|op| std::ptr::eq(op.declaration(), entry.kind))
}

fn warn(network: &Network, id: OpId, reason: &Reason) {
    network.report(id, Problem::warning(FILE, reason.to_string(), "what was read last stays"));
}
