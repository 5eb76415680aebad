//! What few operators have and most have not: a place in a network editor, variables, virtual files, values for the start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use crate::value::HostValue;

/// Virtual files that one component holds at most.
pub const MAX_VIRTUAL_FILES: usize = 10_000;

/// Bytes that the virtual files of one component have together at most.
pub const MAX_VIRTUAL_BYTES: usize = 256 * 1024 * 1024;

/// Extras of an operator; they are copied with it.
#[derive(Clone, Default)]
pub struct Extras {
    /// Where it stands in a network editor.
    pub layout: Layout,
    /// Variables of a component.
    pub variables: BTreeMap<Rc<str>, Rc<str>>,
    /// Files that a component holds in itself.
    pub files: VirtualFiles,
    /// Values that its storage begins with at the next start.
    pub startup: Vec<(Rc<str>, HostValue)>,
    /// The file that keeps its storage over restarts.
    pub storage_file: Option<Rc<Path>>,
}

/// Place, size and colour in a network editor, in its units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// Left edge.
    pub x: f64,
    /// Lower edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Red, green and blue from 0 to 1.
    pub color: [f64; 3],
}

impl Default for Layout {
    fn default() -> Self {
        Layout { x: 0.0, y: 0.0, width: 130.0, height: 90.0, color: [0.55; 3] }
    }
}

/// A file that a component holds in itself.
#[derive(Clone, Debug)]
pub struct VirtualFile {
    /// What is in it.
    pub bytes: Rc<[u8]>,
    /// When it was put there, or the date of the file that it was read from.
    pub date: SystemTime,
    /// The file that it was read from.
    pub original: Option<PathBuf>,
}

/// Why a virtual file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VirtualFileError {
    /// The name is empty or one that no file can have.
    #[error("`{0}` is no name of a virtual file: it must not be empty nor hold a slash or a null")]
    BadName(String),
    /// There are too many.
    #[error("a component holds at most {MAX_VIRTUAL_FILES} virtual files")]
    TooMany,
    /// They are too large.
    #[error("the virtual files of a component have at most {} MiB together", MAX_VIRTUAL_BYTES / 1024 / 1024)]
    TooLarge,
}

/// The virtual files of a component, by name.
#[derive(Clone, Debug, Default)]
pub struct VirtualFiles(BTreeMap<Rc<str>, VirtualFile>);

impl VirtualFiles {
    /// Puts a file there, in the place of the one of that name.
    ///
    /// # Errors
    /// [`VirtualFileError`]; then all is as before.
    pub fn add(&mut self, name: &str, file: VirtualFile) -> Result<(), VirtualFileError> {
        if name.is_empty() || name.contains(['/', '\\', '\0']) || matches!(name, "." | "..") {
            return Err(VirtualFileError::BadName(name.to_owned()));
        }
        let old = self.0.get(name);
        if old.is_none() && self.0.len() >= MAX_VIRTUAL_FILES {
            return Err(VirtualFileError::TooMany);
        }
        let others = self.bytes() - old.map_or(0, |old| old.bytes.len());
        if others.saturating_add(file.bytes.len()) > MAX_VIRTUAL_BYTES {
            return Err(VirtualFileError::TooLarge);
        }
        self.0.insert(Rc::from(name), file);
        Ok(())
    }

    /// The file of a name.
    pub fn get(&self, name: &str) -> Option<&VirtualFile> {
        self.0.get(name)
    }

    /// Takes a file away. Returns whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// Names in their order.
    pub fn names(&self) -> impl Iterator<Item = &Rc<str>> {
        self.0.keys()
    }

    /// Bytes of all files together.
    pub fn bytes(&self) -> usize {
        self.0.values().map(|file| file.bytes.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: usize) -> VirtualFile {
        VirtualFile { bytes: vec![0; size].into(), date: SystemTime::UNIX_EPOCH, original: None }
    }

    #[test]
    fn virtual_files_are_bounded_and_well_named() {
        let mut files = VirtualFiles::default();
        files.add("a.html", file(10)).unwrap();
        files.add("a.html", file(20)).unwrap();
        assert_eq!((files.names().count(), files.bytes()), (1, 20));
        for name in ["", "..", "a/b", "a\\b", "a\0"] {
            assert_eq!(files.add(name, file(1)), Err(VirtualFileError::BadName(name.to_owned())));
        }
        assert_eq!(files.add("large", file(MAX_VIRTUAL_BYTES - 19)), Err(VirtualFileError::TooLarge));
        assert_eq!(files.add("a.html", file(MAX_VIRTUAL_BYTES)), Ok(()));
        assert!(files.remove("a.html") && !files.remove("a.html"));
        for number in 0..MAX_VIRTUAL_FILES {
            files.add(&number.to_string(), file(0)).unwrap();
        }
        assert_eq!(files.add("more", file(0)), Err(VirtualFileError::TooMany));
    }
}
