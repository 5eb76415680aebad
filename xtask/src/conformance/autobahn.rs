//! Autobahn's test suite: finding a Python 2.7, installing the suite for it, running its fuzzing client.
//!
//! The suite exists for Python 2 only. `virtualenv` is the last tool that makes environments for it, in releases
//! before 20.22; it runs on Python 3 in an environment of its own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use super::report::{Report, ReportError};
use crate::install::{self, InstallError};
use crate::workspace::{has, listen};

/// Release of the suite.
pub const VERSION: &str = "0.8.2";

/// Name of the server in Autobahn's files.
const AGENT: &str = "own";

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AutobahnError {
    /// A file of the run cannot be read or written.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// It failed or hung.
    #[error("Autobahn {how}; its output is in {}", log.display())]
    Ended {
        /// How it ended.
        how: String,
        /// What it printed.
        log: PathBuf,
    },
    /// What it wrote is not a report.
    #[error("Autobahn's report: {0}")]
    Report(#[from] ReportError),
}

/// A Python 2.7.
pub struct Python2 {
    path: PathBuf,
    /// Full version.
    pub version: String,
}

/// The first Python 2.7 that runs: on the PATH, then of pyenv.
pub fn python2() -> Option<Python2> {
    let on_path = has("python2.7").then(|| PathBuf::from("python2.7"));
    let versions = std::env::home_dir().map(|home| home.join(".pyenv/versions"));
    let entries = versions.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let of_pyenv = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("2.7"))
        .map(|entry| entry.path().join("bin/python2.7"));
    on_path.into_iter().chain(of_pyenv).find_map(|path| {
        // A shim of pyenv is on the PATH also where it leads nowhere.
        let ask = "import sys; sys.stdout.write('%s %d.%d.%d' % ((sys.executable,) + sys.version_info[:3]))";
        let said = listen(Command::new(&path).args(["-c", ask])).ok()?;
        let (path, version) = said.rsplit_once(' ')?;
        version.starts_with("2.7.").then(|| Python2 { path: path.into(), version: version.to_owned() })
    })
}

/// Installs the suite into `folder`, unless it is there, and returns its program `wstest`.
///
/// # Errors
/// When Python 3 has no venv, and when pip or virtualenv fails.
pub fn install(python2: &Python2, folder: &Path) -> Result<PathBuf, InstallError> {
    let pins = format!("autobahntestsuite=={VERSION}");
    let wstest = folder.join("bin/wstest");
    if install::is_installed(folder, &pins) && wstest.is_file() {
        return Ok(wstest);
    }
    println!("installing {pins} for Python {}", python2.version);
    let maker = folder.with_file_name("virtualenv");
    install::virtual_environment(&maker)?;
    install::pip(&maker).arg("virtualenv<20.22").run()?;
    let mut make = Command::new(maker.join("bin/virtualenv"));
    listen(make.args(["--quiet", "--clear", "--python"]).arg(&python2.path).arg(folder))?;
    install::pip(folder).arg(&pins).run()?;
    install::stamp(folder, &pins)?;
    Ok(wstest)
}

/// Runs the cases against a server, for at most `limit`.
///
/// # Errors
/// When Autobahn fails, takes too long, or leaves no report.
pub fn run(
    wstest: &Path,
    url: &str,
    cases: &[String],
    limit: Duration,
    folder: &Path,
) -> Result<Report, AutobahnError> {
    let file_error = |path: &Path| {
        let path = path.to_owned();
        move |reason| AutobahnError::File { path, reason }
    };
    let (spec, index, log) = (folder.join("spec.json"), folder.join("reports/index.json"), folder.join("wstest.log"));
    match fs::remove_file(&index) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file_error(&index)(error)),
        _ => {}
    }
    fs::write(&spec, specification(url, cases)).map_err(file_error(&spec))?;
    let output = File::create(&log).map_err(file_error(&log))?;
    let errors = output.try_clone().map_err(file_error(&log))?;
    let mut command = Command::new(wstest);
    command.current_dir(folder).args(["-m", "fuzzingclient", "-s", "spec.json"]).stdout(output).stderr(errors);
    let ended = |how: String| AutobahnError::Ended { how, log: log.clone() };
    match wait(&mut command, limit) {
        Ok(Some(status)) if status.success() => {}
        Ok(Some(status)) => return Err(ended(format!("ended with {status}"))),
        Ok(None) => return Err(ended(format!("did not end within {} s", limit.as_secs()))),
        Err(error) => return Err(ended(format!("cannot be run: {error}"))),
    }
    let text = fs::read_to_string(&index).map_err(file_error(&index))?;
    Ok(Report::parse(&text)?)
}

fn specification(url: &str, cases: &[String]) -> String {
    let server = serde_json::json!({ "agent": AGENT, "url": url });
    serde_json::json!({ "outdir": "reports", "servers": [server], "cases": cases, "exclude-cases": [] }).to_string()
}

/// Runs a program and ends it when it takes too long: then there is no status.
fn wait(command: &mut Command, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let mut child = command.spawn()?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_is_what_autobahn_reads() -> serde_json::Result<()> {
        let cases = ["1.*".to_owned(), "9.1.1".to_owned()];
        let spec: serde_json::Value = serde_json::from_str(&specification("ws://127.0.0.1:9001", &cases))?;
        assert_eq!(spec["servers"][0]["url"], "ws://127.0.0.1:9001");
        assert_eq!(spec["cases"], serde_json::json!(["1.*", "9.1.1"]));
        assert_eq!(spec["outdir"], "reports");
        Ok(())
    }

    #[test]
    fn a_program_that_hangs_is_ended() -> io::Result<()> {
        let status = wait(Command::new("/bin/sh").args(["-c", "exit 3"]), Duration::from_secs(60))?;
        assert_eq!(status.and_then(|status| status.code()), Some(3));
        assert_eq!(wait(Command::new("/bin/sh").args(["-c", "exec sleep 60"]), Duration::from_millis(10))?, None);
        Ok(())
    }
}
