//! What an operator keeps in files besides its text or table: `storage = "agent.json"` and `vfs = "assets"`.
//!
//! The storage file is read and written by whoever runs scripts, which knows the values; here it is only named. The files
//! of the folder become the virtual files of a component: its plain files, without hidden ones and folders.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use patchcord_core::declaration::Family;
use patchcord_core::patch::extras::{MAX_VIRTUAL_BYTES, MAX_VIRTUAL_FILES, VirtualFile, VirtualFiles};
use patchcord_core::patch::{OpId, Patch};
use toml_edit::TableLike;

use super::file::Entry;
use super::load::resolve;
use super::reader::{Reader, value_span};
use super::reason::Reason;

/// What an entry says about such files.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Keeps {
    /// The file of the storage.
    pub storage: Option<PathBuf>,
    /// The virtual files.
    pub files: Vec<KeptFile>,
}

/// A virtual file as it was read.
#[derive(Clone)]
pub(super) struct KeptFile {
    name: Rc<str>,
    file: VirtualFile,
}

impl PartialEq for KeptFile {
    fn eq(&self, other: &Self) -> bool {
        let facts = |kept: &KeptFile| (kept.name.clone(), kept.file.date, kept.file.original.clone());
        facts(self) == facts(other) && self.file.bytes == other.file.bytes
    }
}

impl Reader<'_> {
    /// Reads `storage` and `vfs` of an operator.
    pub fn read_keeps(&mut self, entry: &mut Entry, keys: &dyn TableLike) {
        if let Some(item) = keys.get("storage") {
            let span = value_span(keys, "storage", item);
            match item.as_str() {
                Some(name) if !name.is_empty() => {
                    let path = resolve(self.folder, name);
                    let other = self.entries.iter().find(|other| other.keeps.storage.as_ref() == Some(&path));
                    if let Some(other) = other {
                        let error = format!("it holds the storage of `{}` already", other.path);
                        self.note(Reason::Contents { file: name.to_owned(), error }, span);
                    } else if path.is_dir() {
                        let error = "it is a folder".to_owned();
                        self.note(Reason::Unreadable { file: name.to_owned(), error }, span);
                    }
                    entry.keeps.storage = Some(path);
                }
                _ => self.note_type("storage", "the name of a file, such as \"agent.json\"", item, span),
            }
        }
        if let Some(item) = keys.get("vfs") {
            let span = value_span(keys, "vfs", item);
            let name = item.as_str().unwrap_or_default();
            if entry.kind.family != Family::Comp {
                let error = "only components have virtual files".to_owned();
                self.note(Reason::Contents { file: name.to_owned(), error }, span);
            } else if name.is_empty() {
                self.note_type("vfs", "the name of a folder, such as \"assets\"", item, span);
            } else {
                let folder = resolve(self.folder, name);
                match read_folder(&folder, name) {
                    Ok(files) => entry.keeps.files = files,
                    Err(reason) => {
                        self.faulty_files.push(folder);
                        self.note(reason, span);
                    }
                }
            }
        }
    }
}

/// The files of a folder, by name.
fn read_folder(folder: &Path, shown: &str) -> Result<Vec<KeptFile>, Reason> {
    let unreadable = |error: std::io::Error| Reason::Unreadable { file: shown.to_owned(), error: error.to_string() };
    let refused = |error: String| Reason::Contents { file: shown.to_owned(), error };
    let mut files: Vec<KeptFile> = Vec::new();
    let mut bytes = 0;
    for found in std::fs::read_dir(folder).map_err(unreadable)? {
        let found = found.map_err(unreadable)?;
        let path = found.path();
        let facts = std::fs::metadata(&path).map_err(unreadable)?;
        let Some(name) = found.file_name().to_str().filter(|name| !name.starts_with('.')).map(Rc::from) else {
            continue;
        };
        if !facts.is_file() {
            continue;
        }
        bytes += facts.len();
        if files.len() >= MAX_VIRTUAL_FILES || bytes > MAX_VIRTUAL_BYTES as u64 {
            let most = MAX_VIRTUAL_BYTES >> 20;
            return Err(refused(format!("a component holds at most {MAX_VIRTUAL_FILES} virtual files and {most} MiB")));
        }
        let content = std::fs::read(&path).map_err(unreadable)?;
        let date = facts.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        files.push(KeptFile { name, file: VirtualFile { bytes: content.into(), date, original: Some(path) } });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Puts what an entry says in place of what it said before. Returns whether the storage file is another.
pub(super) fn put(patch: &mut Patch, op: OpId, before: &Keeps, now: &Keeps) -> bool {
    let Some(operator) = patch.get_mut(op) else { return false };
    if before == now {
        return false;
    }
    let extras = operator.extras_mut();
    if before.files != now.files {
        put_files(&mut extras.files, &before.files, &now.files);
    }
    let other = before.storage != now.storage;
    if other {
        extras.storage_file = now.storage.as_deref().map(Rc::from);
    }
    patch.note_tree_change();
    other
}

fn put_files(files: &mut VirtualFiles, before: &[KeptFile], now: &[KeptFile]) {
    for old in before {
        files.remove(&old.name);
    }
    for new in now {
        // They fit and are well named; only together with those of scripts they may be too many.
        if let Err(error) = files.add(&new.name, new.file.clone()) {
            tracing::warn!("the virtual file {} is left out: {error}", new.name);
        }
    }
}
