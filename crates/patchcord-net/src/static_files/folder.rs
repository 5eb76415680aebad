//! From a request's path to a file of the folder, and never to one outside.
//!
//! Two barriers stand behind each other. [`RequestPath`] takes only paths whose decoded segments are plain names:
//! no `..`, no separators that were hidden by encoding, no NUL, nothing hidden. [`Folder`] then follows symbolic
//! links and checks that the place they lead to lies in the folder and is not hidden either. Who may change the
//! folder while it is served is trusted: the check and the opening are two steps.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use percent_encoding::percent_decode_str;

/// The one hidden name that is meant to be public (RFC 8615), at the top of the folder only.
const WELL_KNOWN: &str = ".well-known";

/// The path of a request, decoded and harmless.
pub(super) struct RequestPath {
    relative: PathBuf,
    ends_with_slash: bool,
}

impl RequestPath {
    /// Reads the path part of a URI; `None` for every path that no file can have.
    ///
    /// Empty segments are refused too: `//host/` in a redirect would lead to another host.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let mut relative = PathBuf::new();
        let ends_with_slash = path.is_empty() || path.ends_with('/');
        let names = path.strip_suffix('/').unwrap_or(path);
        for name in names.split('/').filter(|_| !names.is_empty() || path == "/") {
            let name = percent_decode_str(name).decode_utf8().ok()?;
            if name.contains(['/', '\\', '\0']) || !is_one_plain_name(&name) {
                return None;
            }
            relative.push(&*name);
        }
        (!is_hidden(&relative)).then_some(RequestPath { relative, ends_with_slash })
    }

    /// Below the folder; empty for the folder itself.
    pub(super) fn relative(&self) -> &Path {
        &self.relative
    }

    /// Whether a folder is asked for.
    pub(super) fn ends_with_slash(&self) -> bool {
        self.ends_with_slash
    }
}

/// The served folder, with every link on the way to it followed.
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Finds the folder; `None` if there is none.
    pub(super) fn new(root: &Path) -> io::Result<Option<Self>> {
        Ok(existing(fs::canonicalize(root))?.map(|root| Folder { root }))
    }

    /// Finds what has a path; `None` if nothing has, or if it lies outside or is hidden.
    pub(super) fn find(&self, relative: &Path) -> io::Result<Option<Entry>> {
        let Some(path) = existing(fs::canonicalize(self.root.join(relative)))? else { return Ok(None) };
        match path.strip_prefix(&self.root) {
            Ok(inside) if !is_hidden(inside) => {}
            _ => return Ok(None),
        }
        Ok(existing(fs::symlink_metadata(&path))?.map(|metadata| Entry { path, metadata }))
    }
}

/// A file or folder that may be served.
pub(super) struct Entry {
    path: PathBuf,
    metadata: Metadata,
}

impl Entry {
    /// Whether it is a regular file. Pipes and devices are not: opening one could block for ever.
    pub(super) fn is_file(&self) -> bool {
        self.metadata.is_file()
    }

    pub(super) fn is_folder(&self) -> bool {
        self.metadata.is_dir()
    }

    /// In bytes.
    pub(super) fn size(&self) -> u64 {
        self.metadata.len()
    }

    /// When its content last changed, where the file system tells.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        self.metadata.modified().ok()
    }

    pub(super) fn is_older_than(&self, other: &Entry) -> bool {
        self.modified() < other.modified()
    }

    pub(super) fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }
}

fn is_one_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!(components.next(), Some(Component::Normal(only)) if only == OsStr::new(name))
        && components.next().is_none()
}

fn is_hidden(relative: &Path) -> bool {
    relative
        .components()
        .enumerate()
        .map(|(depth, component)| (depth, component.as_os_str()))
        .any(|(depth, name)| name.as_encoded_bytes().starts_with(b".") && !(depth == 0 && name == WELL_KNOWN))
}

/// Tells what is not there from what cannot be read.
fn existing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | InvalidFilename) => Ok(None),
        // Links in a circle; the kind has no stable name yet.
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relative(path: &str) -> Option<String> {
        RequestPath::parse(path).map(|path| path.relative().to_str().unwrap().to_owned())
    }

    #[test]
    fn plain_paths_are_decoded() {
        assert_eq!(relative("/").as_deref(), Some(""));
        assert_eq!(relative("/a/b.html").as_deref(), Some("a/b.html"));
        assert_eq!(relative("/a%20b/%C3%A9.txt").as_deref(), Some("a b/é.txt"));
        assert_eq!(relative("/a/").as_deref(), Some("a"));
        assert_eq!(relative("/a..b/c...").as_deref(), Some("a..b/c..."));
        assert_eq!(relative("/.well-known/acme").as_deref(), Some(".well-known/acme"));
    }

    #[test]
    fn a_slash_at_the_end_asks_for_a_folder() {
        assert!(RequestPath::parse("/").unwrap().ends_with_slash());
        assert!(RequestPath::parse("/a/").unwrap().ends_with_slash());
        assert!(!RequestPath::parse("/a").unwrap().ends_with_slash());
    }

    #[test]
    fn paths_that_could_leave_the_folder_are_refused() {
        for path in [
            "",
            "*",
            "a",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/..",
            "/../a",
            "/a/../b",
            "/a/..",
            "/./a",
            "/a/.",
            "/%2e%2e/a",
            "/.%2E/a",
            "/%2e/a",
            "/a%2f..%2fb",
            "/a%2Fb",
            "/%2fetc/passwd",
            "/a%5cb",
            "/..%5c..%5ca",
            "/a\\b",
            "/a%00",
            "/a%00.html",
            "/%ff",
            "/%2e%2e%2f%2e%2e%2fetc",
        ] {
            assert_eq!(relative(path), None, "{path}");
        }
    }

    #[test]
    fn hidden_names_are_refused() {
        for path in ["/.git/config", "/.env", "/a/.b/c", "/%2egit/config", "/a/.well-known/b", "/.well-known2", "/..."]
        {
            assert_eq!(relative(path), None, "{path}");
        }
    }
}
