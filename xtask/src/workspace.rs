//! Where things are in the repository, and how other programs are run.
//!
//! All paths count from the repository's root, so that a task can be started in any folder of it. A program either
//! shows what it prints ([`show`]) or is listened to ([`listen`]); both turn a failure into a reason that names the
//! program, because a task's user sees only that.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It cannot be started.
    #[error("{program} cannot be started: {reason}")]
    Start {
        /// Name or path of the program.
        program: String,
        /// What the system says.
        reason: io::Error,
    },
    /// It ended with a failure, which it has shown.
    #[error("{program} ended with {status}")]
    Failed {
        /// Name or path of the program.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// It ended with a failure and said this last.
    #[error("{program} ended with {status}: {complaint}")]
    Complained {
        /// Name or path of the program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// Its last line on standard error.
        complaint: String,
    },
}

/// The repository's root.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// The build directory, wherever cargo was told to have it.
///
/// # Errors
/// When the system does not say where this program is.
pub fn target() -> io::Result<PathBuf> {
    // This program is in target/debug or target/release.
    let own = std::env::current_exe()?;
    Ok(own.ancestors().nth(2).ok_or(io::ErrorKind::NotFound)?.to_owned())
}

/// The cargo that started this task, at the root.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a program that shows what it prints.
///
/// # Errors
/// When it cannot be started, and when it ends with a failure.
pub fn show(command: &mut Command) -> Result<(), CommandError> {
    let status = command.status().map_err(|reason| CommandError::Start { program: name(command), reason })?;
    if status.success() { Ok(()) } else { Err(CommandError::Failed { program: name(command), status }) }
}

/// Runs a program silently and returns what it printed on standard output.
///
/// # Errors
/// When it cannot be started, and when it ends with a failure: with its last complaint.
pub fn listen(command: &mut Command) -> Result<String, CommandError> {
    let output = command.output().map_err(|reason| CommandError::Start { program: name(command), reason })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let complaint = complaint.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no message");
    Err(CommandError::Complained { program: name(command), status: output.status, complaint: complaint.to_owned() })
}

/// Whether a program is found on the PATH.
pub fn has(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("Cargo.lock").is_file() && root().join("xtask/Cargo.toml").is_file());
    }

    #[test]
    fn a_failing_program_says_why() {
        let complaint = listen(Command::new("/bin/sh").args(["-c", "echo first >&2; echo why >&2; echo >&2; exit 3"]));
        assert_eq!(complaint.unwrap_err().to_string(), "/bin/sh ended with exit status: 3: why");
        assert!(matches!(show(&mut Command::new("/nonexistent/program")), Err(CommandError::Start { .. })));
    }

    #[test]
    fn what_a_program_prints_is_returned() {
        assert_eq!(listen(Command::new("/bin/sh").args(["-c", "echo ' one '"])).unwrap(), "one");
        assert!(has("sh") && !has("no-program-has-this-name"));
    }

    #[test]
    fn every_package_says_what_it_is_and_how_it_is_licensed() {
        let text = listen(cargo().args(["metadata", "--no-deps", "--offline", "--format-version", "1"])).unwrap();
        let metadata: serde_json::Value = serde_json::from_str(&text).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        assert!(!packages.is_empty());
        for package in packages {
            let says = |key: &str| package[key].as_str().is_some_and(|text| !text.is_empty());
            assert!(says("description") && says("license"), "{}", package["name"]);
        }
    }
}
