//! Autobahn's test suite: finding a Python 2.7, installing the suite for it, running its fuzzing client or server.
//!
//! The suite exists for Python 2 only. `virtualenv` is the last tool that makes environments for it, in releases
//! before 20.22; it runs on Python 3 in an environment of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::ConformanceError;
use super::process::{Process, free_port};
use super::report::Report;
use crate::install::{self, InstallError};
use crate::workspace::{has, listen};

/// Release of the suite.
pub const VERSION: &str = "0.8.2";

/// Name of what is tested in Autobahn's files.
const AGENT: &str = "own";

/// How it is called in errors.
const NAME: &str = "Autobahn";

/// Files of a run, in its folder.
const SPECIFICATION: &str = "spec.json";
const LOG: &str = "wstest.log";
const REPORT: &str = "reports/index.json";

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
pub fn test_server(
    wstest: &Path,
    url: &str,
    cases: &[String],
    limit: Duration,
    folder: &Path,
) -> Result<Report, ConformanceError> {
    let servers = serde_json::json!([{ "agent": AGENT, "url": url }]);
    prepare("servers", servers, cases, folder)?;
    Process::start(NAME, wstest, &["-m", "fuzzingclient", "-s", SPECIFICATION], folder, LOG)?.wait(limit)?;
    read_report(folder)
}

/// Runs the cases with a client, which gets the port to connect to and returns when it has been through all of them.
///
/// # Errors
/// When Autobahn or the client fails, and when there is no report.
pub fn test_client(
    wstest: &Path,
    cases: &[String],
    folder: &Path,
    client: impl FnOnce(u16) -> Result<(), ConformanceError>,
) -> Result<Report, ConformanceError> {
    let port = free_port()?;
    prepare("url", format!("ws://127.0.0.1:{port}").into(), cases, folder)?;
    // Without the web page that it would offer to people.
    let arguments = ["-m", "fuzzingserver", "-s", SPECIFICATION, "-u", "0"];
    let mut server = Process::start(NAME, wstest, &arguments, folder, LOG)?;
    server.wait_until_it_listens(port)?;
    client(port)?;
    server.stop()?;
    read_report(folder)
}

/// Writes the specification of a run and takes the report of an earlier one away.
fn prepare(key: &str, value: serde_json::Value, cases: &[String], folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(REPORT)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::write(folder.join(SPECIFICATION), specification(key, value, cases))
}

fn read_report(folder: &Path) -> Result<Report, ConformanceError> {
    Ok(Report::parse(&fs::read_to_string(folder.join(REPORT))?)?)
}

fn specification(key: &str, value: serde_json::Value, cases: &[String]) -> String {
    serde_json::json!({ key: value, "outdir": "reports", "cases": cases, "exclude-cases": [], "exclude-agent-cases": {} })
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_is_what_autobahn_reads() -> serde_json::Result<()> {
        let cases = ["1.*".to_owned(), "9.1.1".to_owned()];
        let spec: serde_json::Value =
            serde_json::from_str(&specification("url", "ws://127.0.0.1:9001".into(), &cases))?;
        assert_eq!(spec["url"], "ws://127.0.0.1:9001");
        assert_eq!(spec["cases"], serde_json::json!(["1.*", "9.1.1"]));
        assert_eq!(spec["outdir"], "reports");
        Ok(())
    }
}
