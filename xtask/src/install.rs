//! Installs packages of Python and Node into folders of the build directory.
//!
//! Versions are pinned in a requirements file and a package lock. An installation carries a copy of its pins and is
//! kept until they change, so that asking again costs nothing. pip and npm use whatever registry they are set up for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace::{CommandError, has, listen};

/// The distribution's own interpreter: it starts faster than a version manager's.
pub const PYTHON: &str = "/usr/bin/python3";

/// Written last, with the pins that were installed.
const STAMP: &str = "installed";

/// Why packages are not there.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Python has no venv.
    #[error("{0} cannot make a virtual environment: install python3 and python3-venv")]
    NoVenv(String),
    /// There is no npm.
    #[error("npm is missing: install nodejs and npm")]
    NoNpm,
    /// An installer failed.
    #[error(transparent)]
    Installer(#[from] CommandError),
    /// A file cannot be read or written.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
}

/// The interpreter for virtual environments: the distribution's, or whatever `python3` is.
pub fn python() -> &'static str {
    if Path::new(PYTHON).is_file() { PYTHON } else { "python3" }
}

/// Makes `folder` a virtual environment with the packages of a requirements file.
///
/// # Errors
/// When Python has no venv, and when pip fails.
pub fn python_packages(requirements: &Path, folder: &Path) -> Result<(), InstallError> {
    let pins = read(requirements)?;
    if is_installed(folder, &pins) {
        return Ok(());
    }
    virtual_environment(folder)?;
    pip(folder).arg("--requirement").arg(requirements).run()?;
    stamp(folder, &pins)
}

/// Makes `folder` an empty virtual environment.
///
/// # Errors
/// When Python has no venv.
pub fn virtual_environment(folder: &Path) -> Result<(), InstallError> {
    let python = python();
    if listen(Command::new(python).args(["-c", "import ensurepip, venv"])).is_err() {
        return Err(InstallError::NoVenv(python.to_owned()));
    }
    listen(Command::new(python).args(["-m", "venv", "--clear"]).arg(folder))?;
    Ok(())
}

/// `pip install` of a virtual environment; what to install is added as arguments.
pub fn pip(folder: &Path) -> Pip {
    let mut command = Command::new(folder.join("bin/python"));
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    Pip(command)
}

/// A call of pip that is being put together.
pub struct Pip(Command);

impl Pip {
    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    /// Installs.
    ///
    /// # Errors
    /// pip's last complaint.
    pub fn run(mut self) -> Result<(), InstallError> {
        listen(&mut self.0)?;
        Ok(())
    }
}

/// Fills `folder` with the packages that the package.json and package-lock.json of `source` name.
///
/// # Errors
/// When there is no npm, and when it fails.
pub fn node_packages(source: &Path, folder: &Path) -> Result<(), InstallError> {
    let pins = read(&source.join("package-lock.json"))?;
    if is_installed(folder, &pins) {
        return Ok(());
    }
    if !has("npm") {
        return Err(InstallError::NoNpm);
    }
    fs::create_dir_all(folder).map_err(|reason| InstallError::File { path: folder.to_owned(), reason })?;
    copy(source, folder, &["package.json", "package-lock.json"])?;
    if source.join(".npmrc").is_file() {
        copy(source, folder, &[".npmrc"])?;
    }
    listen(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder))?;
    stamp(folder, &pins)
}

/// Copies files from one folder into another.
///
/// # Errors
/// The file that cannot be read or written.
pub fn copy(from: &Path, to: &Path, files: &[&str]) -> Result<(), InstallError> {
    for file in files {
        let target = to.join(file);
        fs::copy(from.join(file), &target).map_err(|reason| InstallError::File { path: target, reason })?;
    }
    Ok(())
}

/// Whether `folder` was installed with these pins.
pub fn is_installed(folder: &Path, pins: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|installed| installed == pins)
}

/// Notes that `folder` is installed with these pins.
///
/// # Errors
/// When the note cannot be written.
pub fn stamp(folder: &Path, pins: &str) -> Result<(), InstallError> {
    let path = folder.join(STAMP);
    fs::write(&path, pins).map_err(|reason| InstallError::File { path, reason })
}

fn read(path: &Path) -> Result<String, InstallError> {
    fs::read_to_string(path).map_err(|reason| InstallError::File { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_is_kept_until_its_pins_change() -> Result<(), Box<dyn std::error::Error>> {
        let folder = std::env::temp_dir().join(format!("patchcord-install-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        assert!(!is_installed(&folder, "a==1"));
        stamp(&folder, "a==1")?;
        assert!(is_installed(&folder, "a==1") && !is_installed(&folder, "a==2"));
        fs::remove_dir_all(folder)?;
        Ok(())
    }

    #[test]
    fn pins_that_are_not_there_are_named() {
        let error = python_packages(Path::new("/nonexistent/requirements.txt"), Path::new("/nonexistent/venv"));
        assert!(error.unwrap_err().to_string().starts_with("/nonexistent/requirements.txt: "));
    }
}
