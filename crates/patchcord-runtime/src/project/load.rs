//! Loading: texts and tables from files, and values of parameters from files and the environment.
//!
//! A file is at most [`MAX_FILE_BYTES`] long. Text is UTF-8, with or without a byte order mark. A table is separated by
//! commas when its name ends in `.csv`, else by tabs; its encoding is that of `defaultreadencoding` where the type has
//! that parameter.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use patchcord_core::content::Content;
use patchcord_core::declaration::ContentKind;
use patchcord_core::parameter::{ParValue, nearest_name};
use patchcord_core::table::{Encoding, ReadError, ReadOptions, Separator, Table};

use super::file::FILE_NAME;
use super::reason::Reason;

/// Largest file that a patch loads, in bytes (16 MiB). It holds for `patch.toml` too.
pub const MAX_FILE_BYTES: u64 = 16 << 20;

/// Files of a folder among which a similar name is looked for.
const MAX_FILES_LOOKED_AT: usize = 10_000;

/// A text or table that was loaded.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Loaded {
    Text(Rc<str>),
    Table(Table),
}

impl Loaded {
    /// Whether an operator holds just this.
    pub fn equals(&self, content: &Content) -> bool {
        match (self, content) {
            (Loaded::Text(text), Content::Text(held)) => **text == **held.as_str(),
            (Loaded::Table(table), Content::Table(held)) => table == held,
            _ => false,
        }
    }
}

/// The text of the patch file of a folder.
pub(super) fn patch_text(folder: &Path) -> Result<String, Reason> {
    let bytes = read_file(&folder.join(FILE_NAME), FILE_NAME).map_err(|reason| match reason {
        Reason::NoFile { .. } => Reason::NoPatchFile { folder: folder.display().to_string() },
        other => other,
    })?;
    utf8(&bytes, FILE_NAME).map(str::to_owned)
}

/// The contents of a DAT's file. `shown` is its name as a person wrote it; `setting` gives the operator's parameters.
pub(super) fn content(
    path: &Path,
    shown: &str,
    kind: ContentKind,
    setting: impl Fn(&str) -> Option<ParValue>,
) -> Result<Loaded, Reason> {
    let bytes = read_file(path, shown)?;
    if kind != ContentKind::Table {
        return Ok(Loaded::Text(Rc::from(utf8(&bytes, shown)?)));
    }
    let encoding = match setting("defaultreadencoding") {
        Some(ParValue::Str(name)) => match &*name {
            "utf16le" => Encoding::Utf16Le,
            "utf16be" => Encoding::Utf16Be,
            "cp1252" => Encoding::Cp1252,
            _ => Encoding::Utf8,
        },
        _ => Encoding::Utf8,
    };
    let options = ReadOptions {
        encoding,
        separator: Separator::of_file_name(shown),
        remove_blank: setting("removeblank").is_some_and(|value| value.is_on()),
    };
    let table = Table::from_file_bytes(&bytes, &options);
    table.map(Loaded::Table).map_err(|error| Reason::Contents { file: shown.to_owned(), error: error.to_string() })
}

/// The value of a parameter that stands in a file: its text without the line end that editors add.
pub(super) fn value(path: &Path, shown: &str) -> Result<String, Reason> {
    let bytes = read_file(path, shown)?;
    let text = utf8(&bytes, shown)?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

/// The value of an environment variable.
pub(super) fn variable(name: &str) -> Result<String, Reason> {
    // A name with `=` or a zero byte cannot exist, and is not to be asked for.
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Reason::NoVariable { name: name.to_owned() });
    }
    std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => Reason::NoVariable { name: name.to_owned() },
        std::env::VarError::NotUnicode(_) => Reason::VariableNotText { name: name.to_owned() },
    })
}

/// The path of a file that is named in a patch, without `.` and `..` as far as that needs no look at the disk.
pub(super) fn resolve(folder: &Path, name: &str) -> PathBuf {
    clean(&folder.join(name))
}

/// An absolute path without `.` and `..`. Links are not followed.
pub(super) fn clean(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut clean = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

fn read_file(path: &Path, shown: &str) -> Result<Vec<u8>, Reason> {
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            Reason::NoFile { file: shown.to_owned(), nearest: nearest_file(path, shown) }
        }
        _ => Reason::Unreadable { file: shown.to_owned(), error: error.to_string() },
    };
    // Looked at before it is opened, because opening a named pipe would wait for its other end.
    let facts = std::fs::metadata(path).map_err(unreadable)?;
    if !facts.is_file() {
        return Err(Reason::Unreadable { file: shown.to_owned(), error: "it is no file".into() });
    }
    let too_large = || Reason::TooLarge { file: shown.to_owned(), limit: MAX_FILE_BYTES };
    if facts.len() > MAX_FILE_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(facts.len() as usize);
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES { Err(too_large()) } else { Ok(bytes) }
}

/// The file of the same folder with the most similar name, written as `shown` is.
fn nearest_file(path: &Path, shown: &str) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let files = std::fs::read_dir(path.parent()?).ok()?.take(MAX_FILES_LOOKED_AT).filter_map(Result::ok);
    let mut names: Vec<_> = files.filter_map(|file| file.file_name().into_string().ok()).collect();
    names.sort_unstable();
    let nearest = nearest_name(wanted, names.iter().map(String::as_str))?;
    Some(format!("{}{nearest}", shown.strip_suffix(wanted)?))
}

fn utf8<'a>(bytes: &'a [u8], shown: &str) -> Result<&'a str, Reason> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes_before = bytes.len() - text.len();
    std::str::from_utf8(text).map_err(|error| Reason::Contents {
        file: shown.to_owned(),
        error: ReadError::NotUtf8 { offset: bytes_before + error.valid_up_to() }.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    #[test]
    fn text_loses_its_byte_order_mark_and_must_be_utf8() {
        let (_folder, path) = written("a.txt", b"\xef\xbb\xbfh\xc3\xa9llo\n");
        let text = content(&path, "a.txt", ContentKind::Text, |_| None);
        assert_eq!(text, Ok(Loaded::Text(Rc::from("héllo\n"))));

        let (_folder, path) = written("a.txt", b"caf\xe9");
        let error = content(&path, "a.txt", ContentKind::Text, |_| None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a.txt cannot be loaded: not UTF-8 at byte 3; the file may be in another encoding"
        );
    }

    #[test]
    fn the_ending_of_the_name_chooses_the_separator_of_a_table() {
        let table = |cells: &[[&str; 2]]| Ok(Loaded::Table(Table::from_rows(cells).unwrap()));
        let (_folder, path) = written("a.csv", b"a,\"b,c\"\n");
        assert_eq!(content(&path, "a.csv", ContentKind::Table, |_| None), table(&[["a", "b,c"]]));
        let (_folder, path) = written("a.tsv", b"a\tb,c\n");
        assert_eq!(content(&path, "a.tsv", ContentKind::Table, |_| None), table(&[["a", "b,c"]]));
    }

    #[test]
    fn a_table_is_read_in_the_encoding_of_its_parameter() {
        let (_folder, path) = written("a.txt", b"caf\xe9\n");
        let setting = |name: &str| (name == "defaultreadencoding").then(|| ParValue::Str(Rc::from("cp1252")));
        let table = Table::from_rows(&[["café"]]).unwrap();
        assert_eq!(content(&path, "a.txt", ContentKind::Table, setting), Ok(Loaded::Table(table)));
    }

    #[test]
    fn a_file_over_the_limit_or_no_file_at_all_is_a_reason() {
        let (folder, path) = written("big.txt", b"");
        File::options().write(true).open(&path).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        let error = content(&path, "big.txt", ContentKind::Text, |_| None).unwrap_err();
        assert_eq!(error.to_string(), "big.txt is larger than 16 MiB");
        let error = content(folder.path(), "x", ContentKind::Text, |_| None).unwrap_err();
        assert_eq!(error.to_string(), "x cannot be read: it is no file");
        let error = value(&folder.path().join("bug.txt"), "./bug.txt").unwrap_err();
        assert_eq!(error, Reason::NoFile { file: "./bug.txt".into(), nearest: Some("./big.txt".into()) });
    }

    #[test]
    fn a_value_from_a_file_loses_only_its_last_line_end() {
        let (_folder, path) = written("secret", b" two\n\r\n");
        assert_eq!(value(&path, "secret"), Ok(" two\n".into()));
    }

    #[test]
    fn paths_lose_their_dots() {
        assert_eq!(resolve(Path::new("/show/./patch"), "../shared/a.py"), Path::new("/show/shared/a.py"));
        assert_eq!(resolve(Path::new("/show"), "/etc/key"), Path::new("/etc/key"));
    }
}
