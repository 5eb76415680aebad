//! `cargo xtask conformance`: conformance suites of others, run against this program.
//!
//! `websocket` is the whole of Autobahn's suite: its fuzzing client against a patch with one Web Server DAT whose
//! callbacks echo, compression included, which takes a quarter of an hour. `websocket-server` leaves out compression and
//! takes less than a minute. Only the results OK and INFORMATIONAL pass, for the behaviour and for the close behaviour of
//! every case. A full run of `websocket` is written to `docs/conformance`; everything else is only printed.

mod autobahn;
mod report;
mod server;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

pub use autobahn::AutobahnError;
use report::Report;
use server::{EchoServer, ServerError};

use crate::Outcome;
use crate::install::InstallError;
use crate::workspace::{CommandError, cargo, listen, root, show, target};

/// What is run when no cases are named.
#[derive(Debug, PartialEq, Eq)]
struct Suite {
    name: &'static str,
    groups: &'static [&'static str],
    /// Cases in the groups of Autobahn's release.
    cases: usize,
    /// Longest run.
    limit: Duration,
    /// A full run is kept as a report.
    kept: bool,
}

/// Everything but compression, for every change.
const QUICK: Suite = Suite {
    name: "websocket-server",
    groups: &["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "8.*", "9.*", "10.*"],
    cases: 301,
    limit: Duration::from_secs(600),
    kept: false,
};

/// Everything.
const WHOLE: Suite =
    Suite { name: "websocket", groups: &["*"], cases: 517, limit: Duration::from_secs(3600), kept: true };

const USAGE: &str =
    "expected: conformance websocket|websocket-server [CASES] [--url URL], with cases such as 1.*,9.1.*";

/// Why there is no good report.
#[derive(Debug, thiserror::Error)]
pub enum ConformanceError {
    /// Autobahn needs what nobody ships any more.
    #[error("Autobahn needs a Python 2.7: there is none on the PATH or in ~/.pyenv/versions")]
    NoPython2,
    /// Autobahn cannot be installed.
    #[error("Autobahn cannot be installed: {0}")]
    Install(InstallError),
    /// Autobahn did not finish.
    #[error(transparent)]
    Autobahn(AutobahnError),
    /// The server under test did not do its part.
    #[error("the server under test {0}")]
    Server(#[from] ServerError),
    /// A program that is needed failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file cannot be read or written.
    #[error("{0}")]
    File(#[from] io::Error),
    /// Cases that were asked for are not in the report.
    #[error("{found} of {expected} cases were run")]
    Incomplete {
        /// Cases in the report.
        found: usize,
        /// Cases that were asked for.
        expected: usize,
    },
    /// Cases failed; they have been listed.
    #[error("{0} cases failed")]
    Failed(usize),
}

/// Entry of `cargo xtask conformance`.
pub fn run(args: &[String]) -> Outcome {
    let options = Options::parse(args).ok_or(USAGE)?;
    let report = match &options.url {
        Some(url) => against(url, options.suite, &options.cases)?,
        None => against_own(options.suite, &options.cases)?,
    };
    let verdict = judge(&report, options.is_full().then_some(options.suite.cases));
    if options.suite.kept
        && options.is_full()
        && options.url.is_none()
        && !matches!(verdict, Err(ConformanceError::Incomplete { .. }))
    {
        let folder = root().join("docs/conformance");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("autobahn-server.json"), report.json())?;
        fs::write(folder.join("autobahn-server.md"), report.page(&versions()?))?;
        println!("written to {}", folder.display());
    }
    Ok(verdict?)
}

/// All cases but those of compression against the own server, for the tests; nothing is written.
///
/// # Errors
/// When it could not be run, and when a case failed.
pub fn websocket_server() -> Result<(), ConformanceError> {
    judge(&against_own(&QUICK, &QUICK.all())?, Some(QUICK.cases))
}

impl Suite {
    fn all(&self) -> Vec<String> {
        self.groups.iter().map(|&group| group.to_owned()).collect()
    }
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    suite: &'static Suite,
    cases: Vec<String>,
    url: Option<String>,
}

impl Options {
    fn parse(args: &[String]) -> Option<Self> {
        let (name, args) = args.split_first()?;
        let suite = [&QUICK, &WHOLE].into_iter().find(|suite| suite.name == name)?;
        let mut options = Self { suite, cases: Vec::new(), url: None };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--url" {
                options.url = Some(args.next()?.clone());
            } else if arg.starts_with(|first: char| first.is_ascii_digit()) {
                options.cases.extend(arg.split(',').map(str::to_owned));
            } else {
                return None;
            }
        }
        if options.cases.is_empty() {
            options.cases = suite.all();
        }
        Some(options)
    }

    fn is_full(&self) -> bool {
        self.cases == self.suite.groups
    }
}

fn against_own(suite: &Suite, cases: &[String]) -> Result<Report, ConformanceError> {
    // Python 2.7 is looked for first: building takes longer than finding out that there is none.
    autobahn::python2().ok_or(ConformanceError::NoPython2)?;
    show(cargo().args(["build", "--quiet", "--release", "--package", "patchcord"]))?;
    let folder = folder()?;
    let server = EchoServer::start(&target()?.join("release/patchcord"), &folder)?;
    let report = against(&server.url(), suite, cases);
    server.stop()?;
    report
}

fn against(url: &str, suite: &Suite, cases: &[String]) -> Result<Report, ConformanceError> {
    let python2 = autobahn::python2().ok_or(ConformanceError::NoPython2)?;
    let wstest = autobahn::install(&python2, &target()?.join("peers/autobahn")).map_err(ConformanceError::Install)?;
    println!("{} against {url}", cases.join(" "));
    autobahn::run(&wstest, url, cases, suite.limit, &folder()?).map_err(ConformanceError::Autobahn)
}

/// Working files: patch, specification, logs and Autobahn's own pages.
fn folder() -> io::Result<PathBuf> {
    let folder = target()?.join("conformance/websocket-server");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Prints the closing lines and turns what is not in order into an error; `cases` are expected of a full run.
fn judge(report: &Report, cases: Option<usize>) -> Result<(), ConformanceError> {
    println!("{}", report.closing());
    let expected = cases.unwrap_or(report.len().max(1));
    match (report.len(), report.failed().count()) {
        (found, _) if found != expected => Err(ConformanceError::Incomplete { found, expected }),
        (_, 0) => Ok(()),
        (_, failed) => Err(ConformanceError::Failed(failed)),
    }
}

/// What was run on what, for the written report: name and version.
fn versions() -> Result<Vec<(&'static str, String)>, ConformanceError> {
    let python2 = autobahn::python2().ok_or(ConformanceError::NoPython2)?;
    let git = |args: &[&str]| listen(Command::new("git").current_dir(root()).args(args));
    // What the program is made of; a page that is being written makes no other program.
    let sources = ["Cargo.lock", "Cargo.toml", "crates"];
    let unchanged = git(&[&["diff", "--quiet", "HEAD", "--"][..], &sources].concat()).is_ok();
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    let said = listen(Command::new(target()?.join("release/patchcord")).arg("--version"))?;
    Ok(vec![
        ("Date", listen(Command::new("date").args(["-u", "+%F"]))?),
        ("Server", format!("{said}, commit {commit}{}", if unchanged { "" } else { " with changes" })),
        ("Suite", format!("autobahntestsuite {} on Python {}", autobahn::VERSION, python2.version)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Options> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn all_groups_are_the_default() {
        for (name, suite) in [("websocket-server", &QUICK), ("websocket", &WHOLE)] {
            let options = parse(name).expect("understood");
            assert!(options.suite == suite && options.is_full() && options.url.is_none());
        }
    }

    #[test]
    fn a_part_and_another_server_can_be_chosen() {
        let options = parse("websocket-server 1.*,2.1 9.* --url ws://127.0.0.1:9001").expect("understood");
        assert_eq!(options.cases, ["1.*", "2.1", "9.*"]);
        assert_eq!(options.url.as_deref(), Some("ws://127.0.0.1:9001"));
        assert!(!options.is_full());
    }

    #[test]
    fn anything_else_is_refused() {
        for line in ["", "http", "websocket-server --url", "websocket-server --fast"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_report_without_cases_never_passes() {
        let empty = Report::parse(r#"{"own": {}}"#).expect("a report");
        assert!(matches!(judge(&empty, Some(301)), Err(ConformanceError::Incomplete { found: 0, expected: 301 })));
        assert!(matches!(judge(&empty, None), Err(ConformanceError::Incomplete { found: 0, expected: 1 })));
    }
}
