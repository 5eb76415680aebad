//! `cargo xtask conformance`: conformance suites of others, run against this program.
//!
//! `websocket` is the whole of Autobahn's suite in both roles, compression included, which takes half an hour: its
//! fuzzing client against a patch with one Web Server DAT, then its fuzzing server for a patch with one WebSocket DAT,
//! both with callbacks that echo. Both roles run side by side. `websocket-quick` leaves out compression and takes half a minute. Only the results OK
//! and INFORMATIONAL pass, for the behaviour and for the close behaviour of every case. A full run of `websocket` is
//! written to `docs/conformance`; everything else is only printed.

mod autobahn;
mod process;
mod program;
mod report;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use autobahn::Python2;
use process::ProcessError;
use program::EchoServer;
use report::{Report, ReportError};

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
    /// Longest run in one role.
    limit: Duration,
    /// A full run is kept as a report.
    kept: bool,
}

/// Everything but compression, for every change.
const QUICK: Suite = Suite {
    name: "websocket-quick",
    groups: &["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "8.*", "9.*", "10.*"],
    cases: 301,
    limit: Duration::from_secs(600),
    kept: false,
};

/// Everything.
const WHOLE: Suite =
    Suite { name: "websocket", groups: &["*"], cases: 517, limit: Duration::from_secs(3600), kept: true };

const USAGE: &str = "expected: conformance websocket|websocket-quick [CASES] [--role client|server] [--url URL], \
                     with cases such as 1.*,9.1.*; --url is another server to test";

/// Which end of the connection is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The Web Server DAT.
    Server,
    /// The WebSocket DAT.
    Client,
}

impl Role {
    const ALL: [Role; 2] = [Role::Server, Role::Client];

    fn name(self) -> &'static str {
        match self {
            Role::Server => "server",
            Role::Client => "client",
        }
    }
}

/// Which build of the program is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Build {
    /// The one that people use, for reports that are kept.
    Release,
    /// The one that the other tests have built already: what the suite asks about does not depend on it, and building with
    /// optimisation takes longer than all cases together.
    Debug,
}

/// Why there is no good report.
#[derive(Debug, thiserror::Error)]
pub enum ConformanceError {
    /// Autobahn needs what nobody ships any more.
    #[error("Autobahn needs a Python 2.7: there is none on the PATH or in ~/.pyenv/versions")]
    NoPython2,
    /// Autobahn cannot be installed.
    #[error("Autobahn cannot be installed: {0}")]
    Install(InstallError),
    /// Autobahn or the program under test did not do its part.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// What Autobahn wrote is not a report.
    #[error("Autobahn's report: {0}")]
    Report(#[from] ReportError),
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
    let bench = Bench::set_up(options.url.is_none().then_some(Build::Release))?;
    let mut verdicts = Vec::new();
    for (role, report) in bench.test_all(&options) {
        let report = report?;
        let verdict = judge(role, &report, options.is_full().then_some(options.suite.cases));
        if options.is_kept() && !matches!(verdict, Err(ConformanceError::Incomplete { .. })) {
            bench.keep(role, &report)?;
        }
        verdicts.push(verdict);
    }
    verdicts.into_iter().collect::<Result<(), _>>()?;
    Ok(())
}

/// All cases but those of compression in both roles, for the tests; nothing is written.
///
/// # Errors
/// When it could not be run, and when a case failed.
pub fn websocket_quick() -> Result<(), ConformanceError> {
    let options = Options::of(&QUICK);
    let bench = Bench::set_up(Some(Build::Debug))?;
    bench.test_all(&options).into_iter().try_for_each(|(role, report)| judge(role, &report?, Some(QUICK.cases)))
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    suite: &'static Suite,
    roles: Vec<Role>,
    cases: Vec<String>,
    /// Another server to test.
    url: Option<String>,
}

impl Options {
    fn of(suite: &'static Suite) -> Self {
        let cases = suite.groups.iter().map(|&group| group.to_owned()).collect();
        Self { suite, roles: Role::ALL.to_vec(), cases, url: None }
    }

    fn parse(args: &[String]) -> Option<Self> {
        let (name, args) = args.split_first()?;
        let mut options = Self::of([&QUICK, &WHOLE].into_iter().find(|suite| suite.name == name)?);
        let mut cases = Vec::new();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--url" => options.url = Some(args.next()?.clone()),
                "--role" => {
                    let name = args.next()?;
                    options.roles = vec![Role::ALL.into_iter().find(|role| role.name() == name)?];
                }
                _ if arg.starts_with(|first: char| first.is_ascii_digit()) => {
                    cases.extend(arg.split(',').map(str::to_owned));
                }
                _ => return None,
            }
        }
        if options.url.is_some() {
            options.roles.retain(|role| *role == Role::Server);
        }
        if !cases.is_empty() {
            options.cases = cases;
        }
        (!options.roles.is_empty()).then_some(options)
    }

    fn is_full(&self) -> bool {
        self.cases == self.suite.groups
    }

    fn is_kept(&self) -> bool {
        self.suite.kept && self.is_full() && self.url.is_none()
    }
}

/// What a run needs: the suite, and the program under test.
struct Bench {
    python2: Python2,
    wstest: PathBuf,
    program: PathBuf,
}

impl Bench {
    /// Builds the program unless another one is tested.
    fn set_up(own: Option<Build>) -> Result<Self, ConformanceError> {
        // Python 2.7 is looked for first: building takes longer than finding out that there is none.
        let python2 = autobahn::python2().ok_or(ConformanceError::NoPython2)?;
        let (arguments, built): (&[&str], _) = match own {
            Some(Build::Debug) => (&[], "debug/patchcord"),
            Some(Build::Release) | None => (&["--release"], "release/patchcord"),
        };
        if own.is_some() {
            show(cargo().args(["build", "--quiet", "--package", "patchcord"]).args(arguments))?;
        }
        let folder = target()?.join("peers/autobahn");
        let wstest = autobahn::install(&python2, &folder).map_err(ConformanceError::Install)?;
        Ok(Self { python2, wstest, program: target()?.join(built) })
    }

    /// All roles side by side: each has its own programs, ports and files, and cases wait more than they compute.
    fn test_all(&self, options: &Options) -> Vec<(Role, Result<Report, ConformanceError>)> {
        let test = |role| (role, self.test(role, options));
        std::thread::scope(|scope| {
            let tests: Vec<_> = options.roles.iter().map(|&role| scope.spawn(move || test(role))).collect();
            tests.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        })
    }

    fn test(&self, role: Role, options: &Options) -> Result<Report, ConformanceError> {
        let Options { suite, cases, url, .. } = options;
        // Working files: patch, specification, logs and Autobahn's own pages.
        let folder = target()?.join("conformance").join(role.name());
        fs::create_dir_all(&folder)?;
        println!("{} against {}", cases.join(" "), url.as_deref().unwrap_or(role.name()));
        match (role, url) {
            (_, Some(url)) => autobahn::test_server(&self.wstest, url, cases, suite.limit, &folder),
            (Role::Server, None) => {
                let server = EchoServer::start(&self.program, &folder)?;
                let report = autobahn::test_server(&self.wstest, &server.url(), cases, suite.limit, &folder);
                server.stop()?;
                report
            }
            (Role::Client, None) => autobahn::test_client(&self.wstest, cases, &folder, |port| {
                program::run_client(&self.program, port, suite.limit, &folder)
            }),
        }
    }

    /// Writes the report of a full run.
    fn keep(&self, role: Role, report: &Report) -> Result<(), ConformanceError> {
        let folder = root().join("docs/conformance");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("autobahn-{}.json", role.name())), report.json())?;
        fs::write(folder.join(format!("autobahn-{}.md", role.name())), report.page(role, &self.versions()?))?;
        println!("written to {}", folder.display());
        Ok(())
    }

    /// What was run on what, for the written report: name and version.
    fn versions(&self) -> Result<Vec<(&'static str, String)>, ConformanceError> {
        let git = |args: &[&str]| listen(Command::new("git").current_dir(root()).args(args));
        // What the program is made of; a page that is being written makes no other program.
        let sources = ["Cargo.lock", "Cargo.toml", "crates"];
        let unchanged = git(&[&["diff", "--quiet", "HEAD", "--"][..], &sources].concat()).is_ok();
        let commit = git(&["rev-parse", "--short", "HEAD"])?;
        let said = listen(Command::new(&self.program).arg("--version"))?;
        Ok(vec![
            ("Date", listen(Command::new("date").args(["-u", "+%F"]))?),
            ("Program", format!("{said}, commit {commit}{}", if unchanged { "" } else { " with changes" })),
            ("Suite", format!("autobahntestsuite {} on Python {}", autobahn::VERSION, self.python2.version)),
        ])
    }
}

/// Prints the closing lines and turns what is not in order into an error; `cases` are expected of a full run.
fn judge(role: Role, report: &Report, cases: Option<usize>) -> Result<(), ConformanceError> {
    println!("{}: {}", role.name(), report.closing());
    let expected = cases.unwrap_or(report.len().max(1));
    match (report.len(), report.failed().count()) {
        (found, _) if found != expected => Err(ConformanceError::Incomplete { found, expected }),
        (_, 0) => Ok(()),
        (_, failed) => Err(ConformanceError::Failed(failed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Options> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn all_groups_and_both_roles_are_the_default() {
        for (name, suite) in [("websocket-quick", &QUICK), ("websocket", &WHOLE)] {
            let options = parse(name).expect("understood");
            assert!(options.suite == suite && options.is_full() && options.roles == Role::ALL);
            assert_eq!(options.is_kept(), suite.kept);
        }
    }

    #[test]
    fn a_part_a_role_and_another_server_can_be_chosen() {
        let options = parse("websocket 1.*,2.1 9.* --url ws://127.0.0.1:9001").expect("understood");
        assert_eq!(options.cases, ["1.*", "2.1", "9.*"]);
        assert_eq!(options.url.as_deref(), Some("ws://127.0.0.1:9001"));
        assert!(options.roles == [Role::Server] && !options.is_full() && !options.is_kept());
        assert_eq!(parse("websocket --role client").expect("understood").roles, [Role::Client]);
    }

    #[test]
    fn anything_else_is_refused() {
        let client_url = "websocket --role client --url ws://127.0.0.1:9001";
        for line in ["", "http", "websocket --url", "websocket --fast", "websocket --role peer", client_url] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_report_without_cases_never_passes() {
        let empty = Report::parse(r#"{"own": {}}"#).expect("a report");
        let judge = |cases| judge(Role::Client, &empty, cases);
        assert!(matches!(judge(Some(301)), Err(ConformanceError::Incomplete { found: 0, expected: 301 })));
        assert!(matches!(judge(None), Err(ConformanceError::Incomplete { found: 0, expected: 1 })));
    }
}
