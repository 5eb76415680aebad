//! Reads a recording as a stream, one line in memory at a time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::format::{LineError, MAX_LINE_BYTES, read_entry, read_header};
use super::{Header, Recorded};

/// Why a recording cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no such file.
    #[error("there is no file {path}")]
    NotThere {
        /// The file.
        path: PathBuf,
    },
    /// A folder, a pipe or a device.
    #[error("{path} is no file")]
    NoFile {
        /// What was given.
        path: PathBuf,
    },
    /// The system refuses to read it.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// There is nothing in it.
    #[error("{path} is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Another type of operator recorded it.
    #[error("{path} is a recording of a {recorded}, and this is a {here}")]
    OtherOperator {
        /// The file.
        path: PathBuf,
        /// The type that recorded it.
        recorded: String,
        /// The type that was to replay it.
        here: &'static str,
    },
    /// A line is too long to be one of a recording.
    #[error("{path}:{line}: the line is longer than {MAX_LINE_BYTES} bytes")]
    LongLine {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: u64,
    },
    /// A line cannot be understood.
    #[error("{path}:{line}: {error}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// What is wrong with it.
        error: LineError,
    },
}

impl ReplayError {
    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            ReplayError::NotThere { .. } | ReplayError::NoFile { .. } => {
                "name a recording; a relative path counts from the patch folder"
            }
            ReplayError::Unreadable { .. } => "see that this user may read it; recordings are their owner's alone",
            ReplayError::Empty { .. } | ReplayError::Line { error: LineError::NoRecording, .. } => "name a recording",
            ReplayError::Line { error: LineError::Version(_), .. } => "use the program that wrote it, or a newer one",
            ReplayError::OtherOperator { .. } => "replay it with an operator of the type that recorded it",
            ReplayError::LongLine { .. } | ReplayError::Line { .. } => "mend that line or take it out",
        }
    }
}

/// A recording that is read entry by entry.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    header: Header,
    lines: Lines,
    cut_off: Option<u64>,
}

impl Reader {
    /// Opens a recording and reads its first line.
    ///
    /// # Errors
    /// When it cannot be opened or is no recording.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let file = open_file(path)?;
        let mut lines = Lines { input: BufReader::new(file), line: 0, text: Vec::new() };
        if !lines.advance(path)? {
            return Err(ReplayError::Empty { path: path.to_owned() });
        }
        let header = read_header(&lines.text).map_err(|error| ReplayError::Line {
            path: path.to_owned(),
            line: lines.line,
            error,
        })?;
        Ok(Reader { path: path.to_owned(), header, lines, cut_off: None })
    }

    /// What the first line says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next entry; `None` at the end. The call blocks for as long as the disk takes.
    ///
    /// # Errors
    /// When a line cannot be read or understood. The entries before it are good; so are those behind it, which the
    /// next calls give.
    pub fn next_entry(&mut self) -> Result<Option<Recorded>, ReplayError> {
        while self.lines.advance(&self.path)? {
            // Whoever edits a recording may leave empty lines.
            if self.lines.text.trim_ascii().is_empty() {
                continue;
            }
            let line = self.lines.line;
            match read_entry(&self.lines.text) {
                Ok((at, entry)) => return Ok(Some(Recorded { at, line, entry })),
                Err(LineError::Broken(_)) if self.lines.is_end() => self.cut_off = Some(line),
                Err(error) => return Err(ReplayError::Line { path: self.path.clone(), line, error }),
            }
        }
        Ok(None)
    }

    /// The number of the last line, when that is broken because whoever wrote it was cut off. Known at the end.
    pub fn cut_off(&self) -> Option<u64> {
        self.cut_off
    }
}

fn open_file(path: &Path) -> Result<File, ReplayError> {
    let refused = |error: io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => ReplayError::NotThere { path: path.to_owned() },
        _ => ReplayError::Unreadable { path: path.to_owned(), error },
    };
    // Looked at before it is opened: opening a named pipe would wait for its other end.
    if !std::fs::metadata(path).map_err(refused)?.is_file() {
        return Err(ReplayError::NoFile { path: path.to_owned() });
    }
    File::open(path).map_err(refused)
}

#[derive(Debug)]
struct Lines {
    input: BufReader<File>,
    /// Number of the line that `text` holds, from 1.
    line: u64,
    text: Vec<u8>,
}

impl Lines {
    /// Reads the next line, with its end. Returns whether there was one.
    fn advance(&mut self, path: &Path) -> Result<bool, ReplayError> {
        self.text.clear();
        let unreadable = |error| ReplayError::Unreadable { path: path.to_owned(), error };
        let limit = MAX_LINE_BYTES as u64 + 1;
        let count = self.input.by_ref().take(limit).read_until(b'\n', &mut self.text).map_err(unreadable)?;
        self.line += u64::from(count > 0);
        if count as u64 == limit {
            return Err(ReplayError::LongLine { path: path.to_owned(), line: self.line });
        }
        Ok(count > 0)
    }

    /// Whether nothing follows. What cannot be read is seen by the next line.
    fn is_end(&mut self) -> bool {
        self.input.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}
