//! The file of a DAT: what Text DAT, Table DAT and Execute DAT share.
//!
//! A text or table can stand in a file. Files that the patch file names are read and followed by the project; here is
//! what happens when a script or a person asks: a pulse of `loadonstartpulse` or `writepulse`, or a `file` or
//! `syncfile` that is set while the patch runs.
//!
//! Promised: at most [`MAX_FILE_BYTES`] are read or written; a file is replaced as a whole, so that a full disk or a
//! crash leaves the old one; what cannot be done is a problem under the cause `file`, and the DAT keeps what it holds.
//! Names count from the patch folder; any folder may be named. The calls block, as small files allow.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use patchcord_core::change::Change;
use patchcord_core::declaration::{ContentKind, Page, ParIndex};
use patchcord_core::network::Network;
use patchcord_core::parameter::ParValue;
use patchcord_core::patch::{OpId, PatchError};
use patchcord_core::problem::Problem;
use patchcord_core::table::{Encoding, ReadError, ReadOptions, Separator, Table};

use crate::language::Language;
use crate::table_content::put_table;

/// Largest file that a DAT reads or writes, in bytes (16 MiB).
pub const MAX_FILE_BYTES: u64 = 16 << 20;

/// Cause of problems with the file; the project files its own under the same.
const FILE: &str = "file";

/// Names that are tried for the file which takes the place of another.
const MAX_PART_NAMES: u32 = 16;

/// The parameters of a DAT with a file, between those that come `before` and `after` on the same page.
macro_rules! with_file_parameters {
    ([$($before:expr),* $(,)?], [$($after:expr),* $(,)?]) => {
        &[
            $($before,)*
            Parameter::pulse("edit", "Edit..")
                .help("Says in the textport which file to edit. There is no editor here; use your own."),
            Parameter::file("file", "File").help(
                "File that the contents stand in, at most 16 MiB. Relative names count from the patch folder.",
            ),
            Parameter::toggle("syncfile", "Sync to File", false).help(
                "Reads the file now and when the patch is loaded. A file that the patch file names is read again \
                 whenever it is saved; one that a script names is not watched.",
            ),
            Parameter::toggle("loadonstart", "Load on Start", false)
                .help("Reads the file when the patch is loaded, and not again."),
            Parameter::pulse("loadonstartpulse", "Load File").help("Reads the file now."),
            Parameter::toggle("write", "Write on Save", false).help(
                "Kept for scripts that set it: nothing saves a whole project here, so it writes nothing. Pulse \
                 `writepulse` instead.",
            ),
            Parameter::pulse("writepulse", "Write File").help(
                "Writes the contents to the file now, as UTF-8. A name without an ending, for which there is no \
                 file, gets the one that `extension` says.",
            ),
            $($after,)*
        ]
    };
}
pub(crate) use with_file_parameters;

/// Where the parameters stand in an operator type that has them.
pub(crate) struct FileParameters {
    pub edit: ParIndex,
    pub file: ParIndex,
    pub sync: ParIndex,
    pub load_on_start: ParIndex,
    pub load: ParIndex,
    pub write: ParIndex,
    pub language: ParIndex,
}

impl FileParameters {
    pub const fn of(pages: &[Page]) -> Self {
        FileParameters {
            edit: ParIndex::of(pages, "edit"),
            file: ParIndex::of(pages, "file"),
            sync: ParIndex::of(pages, "syncfile"),
            load_on_start: ParIndex::of(pages, "loadonstart"),
            load: ParIndex::of(pages, "loadonstartpulse"),
            write: ParIndex::of(pages, "writepulse"),
            language: ParIndex::of(pages, "language"),
        }
    }
}

/// The file of one DAT.
pub(crate) struct DatFile {
    op: OpId,
    at: &'static FileParameters,
    /// `file` and `syncfile` as they were acted on last.
    seen: RefCell<(Rc<str>, bool)>,
}

impl DatFile {
    /// Takes note of the parameters, and reads the file when nobody has done so yet.
    pub fn start(network: &Network, op: OpId, at: &'static FileParameters) -> Self {
        let file = DatFile { op, at, seen: RefCell::new((Rc::from(""), false)) };
        let (name, sync) = file.wanted(network);
        let on_start = !network.has_started() && network.eval(op, at.load_on_start).is_on();
        let untouched = network.patch().get(op).is_some_and(|op| op.content().revision() == 0);
        *file.seen.borrow_mut() = (name.clone(), sync);
        if untouched && (sync || on_start) && !name.is_empty() {
            file.load(network);
        }
        file
    }

    /// Does what a change of the operator asks for.
    pub fn handle_change(&self, network: &Network, change: &Change) {
        match change {
            Change::Parameter { index, .. } if *index == self.at.file || *index == self.at.sync => {
                let wanted = self.wanted(network);
                if self.seen.replace(wanted.clone()) != wanted && wanted.1 && !wanted.0.is_empty() {
                    self.load(network);
                }
            }
            Change::Pulse { index, .. } if *index == self.at.load => {
                self.load_and_say(network);
            }
            Change::Pulse { index, .. } if *index == self.at.write => self.write(network),
            Change::Pulse { index, .. } if *index == self.at.edit => self.say_where(network),
            _ => {}
        }
    }

    fn wanted(&self, network: &Network) -> (Rc<str>, bool) {
        (network.eval(self.op, self.at.file).to_text(), network.eval(self.op, self.at.sync).is_on())
    }

    /// Name of the file as it was written, and its path.
    fn path(&self, network: &Network) -> Result<(Rc<str>, PathBuf), FileError> {
        let name = network.eval(self.op, self.at.file).to_text();
        if name.is_empty() {
            return Err(FileError::NoName);
        }
        let path = network.project().folder.join(&*name);
        Ok((name, path))
    }

    /// Reads the file. Returns whether that could be done.
    fn load(&self, network: &Network) -> bool {
        let read = self.path(network).and_then(|(name, path)| {
            let bytes = read(&path, &name)?;
            self.take(network, &bytes, &name)
        });
        match read {
            Ok(()) => network.clear_problem(self.op, FILE),
            Err(ref error) => network.report(self.op, Problem::warning(FILE, error.to_string(), error.remedy())),
        }
        read.is_ok()
    }

    fn load_and_say(&self, network: &Network) {
        let loaded = self.load(network);
        if let Some((_, path)) = self.path(network).ok().filter(|_| loaded) {
            network.say_status(self.op, format!("read {}", path.display()));
        }
    }

    fn take(&self, network: &Network, bytes: &[u8], name: &str) -> Result<(), FileError> {
        let unfit = |error: ReadError| FileError::Contents { name: name.into(), error: error.to_string() };
        let kind = network.patch().get(self.op).map(|op| op.declaration().content);
        if kind != Some(ContentKind::Table) {
            let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            let mark = bytes.len() - text.len();
            let text = std::str::from_utf8(text)
                .map_err(|error| unfit(ReadError::NotUtf8 { offset: mark + error.valid_up_to() }))?;
            return Ok(network.patch_mut().set_text(self.op, text)?);
        }
        let options = ReadOptions {
            encoding: self.encoding(network),
            separator: Separator::of_file_name(name),
            remove_blank: setting(network, self.op, "removeblank").is_some_and(|value| value.is_on()),
        };
        let table = Table::from_file_bytes(bytes, &options).map_err(unfit)?;
        Ok(put_table(network, self.op, table)?)
    }

    fn encoding(&self, network: &Network) -> Encoding {
        match setting(network, self.op, "defaultreadencoding").map(|value| value.to_text()).as_deref() {
            Some("utf16le") => Encoding::Utf16Le,
            Some("utf16be") => Encoding::Utf16Be,
            Some("cp1252") => Encoding::Cp1252,
            _ => Encoding::Utf8,
        }
    }

    fn write(&self, network: &Network) {
        let written = self.path(network).and_then(|(name, mut path)| {
            if path.extension().is_none() && !path.exists() {
                let ending = file_ending(network, self.op);
                if !ending.is_empty() {
                    path.set_extension(ending);
                }
            }
            let contents = {
                let patch = network.patch();
                let content = patch.get(self.op).ok_or(PatchError::Gone)?.content();
                let is_csv = Separator::of_file_name(&path.to_string_lossy()) == Separator::Comma;
                match content.as_table().filter(|_| is_csv) {
                    Some(table) => Rc::from(table.to_csv()),
                    None => content.to_text(),
                }
            };
            write(&path, &name, contents.as_bytes())?;
            Ok((path, contents.len()))
        });
        match written {
            Ok((path, bytes)) => {
                network.clear_problem(self.op, FILE);
                network.say_status(self.op, format!("wrote {bytes} bytes to {}", path.display()));
            }
            Err(error) => network.report(self.op, Problem::error(FILE, error.to_string(), error.remedy())),
        }
    }

    fn say_where(&self, network: &Network) {
        let text = match self.path(network) {
            Ok((_, path)) if self.wanted(network).1 => format!("edit {}; it is synced", path.display()),
            Ok((_, path)) => format!("edit {}; then pulse `loadonstartpulse`", path.display()),
            Err(_) => "there is no file to edit; set `file` and pulse `writepulse` to make one".to_owned(),
        };
        network.say_status(self.op, text);
    }
}

/// The ending, without a dot, that a DAT's file gets when its name has none: as the parameters `extension` and
/// `customext` of its Common page say. Empty when a custom one is asked for and none is given.
pub fn file_ending(network: &Network, op: OpId) -> String {
    let text = |name| setting(network, op, name).map(|value| value.to_text());
    let is_table = network.patch().get(op).is_some_and(|op| op.content().as_table().is_some());
    match text("extension").as_deref() {
        Some("custom") => text("customext").map(|ending| ending.trim_start_matches('.').to_owned()).unwrap_or_default(),
        Some("language") if is_table => "tsv".to_owned(),
        Some("language") => Language::of(network, op).ending().to_owned(),
        _ => "dat".to_owned(),
    }
}

/// Value of a parameter that not every type has.
pub(crate) fn setting(network: &Network, op: OpId, name: &str) -> Option<ParValue> {
    let (index, _) = network.patch().get(op)?.declaration().find_parameter(name)?;
    Some(network.eval(op, index))
}

/// Why a DAT's file is not read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("no file is named")]
    NoName,
    #[error("there is no file {name}")]
    NotThere { name: Rc<str> },
    #[error("there is no folder for {name}")]
    NoFolder { name: Rc<str> },
    #[error("{name} is no file")]
    NoFile { name: Rc<str> },
    #[error("{name} is larger than 16 MiB")]
    TooLarge { name: Rc<str> },
    #[error("{name} cannot be read: {error}")]
    Unreadable { name: Rc<str>, error: io::Error },
    #[error("{name} cannot be written: {error}")]
    Unwritable { name: Rc<str>, error: io::Error },
    #[error("{name} cannot be loaded: {error}")]
    Contents { name: Rc<str>, error: String },
    #[error(transparent)]
    Patch(#[from] PatchError),
}

impl FileError {
    /// What a person can do about it.
    fn remedy(&self) -> &'static str {
        match self {
            FileError::NoName => "set `file`",
            FileError::NotThere { .. } => "check `file`, or pulse `writepulse` to make it; the contents stay",
            FileError::NoFolder { .. } => "make the folder; it is not made here",
            FileError::Unwritable { .. } => "what the file held is untouched",
            FileError::Contents { .. } => "save it as UTF-8; the contents stay",
            _ => "the contents stay",
        }
    }
}

pub(crate) fn read(path: &Path, name: &Rc<str>) -> Result<Vec<u8>, FileError> {
    let unreadable = |error: io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FileError::NotThere { name: name.clone() },
        _ => FileError::Unreadable { name: name.clone(), error },
    };
    // Looked at before it is opened: opening a named pipe would wait for its other end.
    let facts = std::fs::metadata(path).map_err(unreadable)?;
    if !facts.is_file() {
        return Err(FileError::NoFile { name: name.clone() });
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES { Err(FileError::TooLarge { name: name.clone() }) } else { Ok(bytes) }
}

/// Writes beside the file and then puts the new one in its place. A link stays a link, permissions stay.
pub(crate) fn write(path: &Path, name: &Rc<str>, contents: &[u8]) -> Result<(), FileError> {
    if contents.len() as u64 > MAX_FILE_BYTES {
        return Err(FileError::TooLarge { name: name.clone() });
    }
    let unwritable = |error: io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FileError::NoFolder { name: name.clone() },
        _ => FileError::Unwritable { name: name.clone(), error },
    };
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = std::fs::metadata(&path).ok();
    if before.as_ref().is_some_and(|facts| !facts.is_file()) {
        return Err(FileError::NoFile { name: name.clone() });
    }
    let (mut file, part) = part_file(&path).map_err(unwritable)?;
    let permissions = before.map_or(Ok(()), |before| file.set_permissions(before.permissions()));
    let written = permissions.and_then(|()| file.write_all(contents)).and_then(|()| file.sync_all());
    written.and_then(|()| std::fs::rename(&part, &path)).map_err(|error| {
        // What is half written is of no use to anybody.
        let _ = std::fs::remove_file(&part);
        unwritable(error)
    })
}

/// A new file in the same folder, which no other program has.
fn part_file(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy();
    let mut number = 0;
    loop {
        let part = path.with_file_name(format!(".{name}.{}-{number}.part", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&part) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < MAX_PART_NAMES => number += 1,
            opened => return opened.map(|file| (file, part)),
        }
    }
}
