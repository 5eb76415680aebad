//! The demo patch that ships inside the program.
//!
//! A person is to edit it while it runs, so it is unpacked into a folder of their own: `patchcord/demo-…` in the cache
//! folder (`$XDG_CACHE_HOME`, else `~/.cache`). The name carries a hash of the demo's files. Files that are there
//! already are left alone, so edits survive, and a program with another demo unpacks it beside the old one. Where no
//! such folder can be written, a temporary one serves until the program ends.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use tempfile::TempDir;

static DEMO: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../examples/demo");

/// The folder that the demo was unpacked into.
pub(super) enum Unpacked {
    /// Stays, with whatever a person edits there.
    Kept(PathBuf),
    /// Is removed when this is dropped.
    Temporary(TempDir),
}

impl Unpacked {
    /// Unpacks the demo where it may stay, or else where it may not.
    ///
    /// # Errors
    /// When no temporary folder can be written either.
    pub(super) fn new() -> io::Result<Self> {
        if let Some(folder) = own_folder() {
            match unpack(&DEMO, &folder) {
                Ok(()) => return Ok(Unpacked::Kept(folder)),
                Err(error) => tracing::warn!("the demo cannot be unpacked into {}: {error}", folder.display()),
            }
        }
        // Only its owner can look into it: a patch is code, and others must not be able to prepare it.
        let folder = tempfile::Builder::new().prefix("patchcord-demo-").tempdir()?;
        unpack(&DEMO, folder.path())?;
        Ok(Unpacked::Temporary(folder))
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Unpacked::Kept(folder) => folder,
            Unpacked::Temporary(folder) => folder.path(),
        }
    }
}

fn own_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    let mut hasher = DefaultHasher::new();
    hash(&DEMO, &mut hasher);
    Some(cache.join("patchcord").join(format!("demo-{:08x}", hasher.finish() as u32)))
}

fn hash(dir: &Dir<'_>, hasher: &mut DefaultHasher) {
    for file in dir.files() {
        (file.path(), file.contents()).hash(hasher);
    }
    dir.dirs().for_each(|dir| hash(dir, hasher));
}

/// Writes the files that are not there yet.
fn unpack(dir: &Dir<'_>, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for file in dir.files() {
        let path = folder.join(file.path());
        if path.exists() {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        // In one step, so that a program that was ended half-way leaves no half of a file that counts as edited.
        let mut half = tempfile::NamedTempFile::new_in(folder)?;
        io::Write::write_all(&mut half, file.contents())?;
        half.persist(&path).map_err(|error| error.error)?;
    }
    dir.dirs().try_for_each(|dir| unpack(dir, folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_complete_and_edits_survive_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        unpack(&DEMO, folder.path()).unwrap();
        assert!(fs::read_to_string(folder.path().join("patch.toml")).unwrap().contains("[op.webserver1]"));
        assert!(folder.path().join("web/index.html").is_file());
        fs::write(folder.path().join("patch.toml"), "edited").unwrap();
        fs::remove_file(folder.path().join("web/index.html")).unwrap();
        unpack(&DEMO, folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("patch.toml")).unwrap(), "edited");
        assert!(folder.path().join("web/index.html").is_file());
    }
}
