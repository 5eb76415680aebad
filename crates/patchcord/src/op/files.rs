//! Writing the content of a DAT to a file.
//!
//! Files are written by scripts only when they ask for it. The ending decides the form: `.csv` is a table with commas,
//! anything else the text as it is. A file that is replaced is written beside first, so that a full disk leaves the old
//! one.

use std::io::Write;
use std::path::{Path, PathBuf};

use patchcord_core::content::Content;
use patchcord_core::parameter::ParValue;
use patchcord_core::patch::{OpId, Operator};
use pyo3::prelude::*;

use super::{read_operator, table};
use crate::errors::Error;
use crate::host;

/// Writes the content to the given file, else to the one that the DAT is synced to, else to one that is named after it.
///
/// # Errors
/// `td.Error` when the operator is gone or the file cannot be written.
pub fn save(dat: OpId, given: Option<&str>, append: bool, create_folders: bool) -> PyResult<String> {
    let folder = host::with(|host| Ok(host.network.project().folder))?;
    let name = match given {
        Some(path) => PathBuf::from(path),
        None => read_operator(dat, default_name)?,
    };
    let path = folder.join(name);
    let text = table::read(dat, |content| match content {
        Content::Table(table) if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) => {
            table.to_csv()
        }
        content => content.to_text().to_string(),
    })?;
    let written = write(&path, &text, append, create_folders);
    written.map_err(|error| Error::new_err(format!("{} cannot be written: {error}", path.display())))?;
    Ok(path.to_string_lossy().into_owned())
}

fn write(path: &Path, text: &str, append: bool, create_folders: bool) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|_| create_folders) {
        std::fs::create_dir_all(folder)?;
    }
    if append {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
        return file.write_all(text.as_bytes());
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path).inspect_err(|_| {
        // What is left over would only confuse.
        let _ = std::fs::remove_file(&beside);
    })
}

fn default_name(dat: &Operator) -> PathBuf {
    let text = |name: &str| {
        let (index, _) = dat.declaration().find_parameter(name)?;
        match dat.par_value(index) {
            ParValue::Str(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    };
    if let Some(file) = text("file") {
        return PathBuf::from(&*file);
    }
    let language = match text("language").as_deref() {
        Some("python") => "py",
        Some("json") => "json",
        Some("xml") => "xml",
        _ => "txt",
    };
    let ending = match text("extension").as_deref() {
        Some("custom") => text("customext").unwrap_or_else(|| "txt".into()),
        Some("language") => language.into(),
        _ if dat.content().as_table().is_some() => "tsv".into(),
        _ => "dat".into(),
    };
    PathBuf::from(format!("{}.{ending}", dat.name()))
}
