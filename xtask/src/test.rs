//! `cargo xtask test`: every check of the project, as groups in a fixed order.
//!
//! One row of [`GROUPS`] is one group; `cargo xtask test NAME…` runs only the named ones, in the same order. The first
//! failure ends the run, with a list of all groups and what became of them. Tests with independent clients come last,
//! so that their summary ends the output. A group whose tools cannot be had on this machine is skipped by name;
//! where `CI` is `true` that is a failure, except for Autobahn, which needs a Python 2.7.

use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::conformance::{self, ConformanceError};
use crate::docs;
use crate::setup::{self, SetupError};
use crate::wheel::{self, WheelError};
use crate::workspace::{CommandError, cargo, root, show, target};

/// One group of checks.
struct Group {
    name: &'static str,
    run: fn() -> Result<(), Trouble>,
    /// Ends with a summary of its own, to which nothing is added.
    last_words: bool,
}

impl Group {
    const fn new(name: &'static str, run: fn() -> Result<(), Trouble>) -> Self {
        Self { name, run, last_words: false }
    }
}

const GROUPS: &[Group] = &[
    Group::new("setup", set_up),
    Group::new("build", || Ok(show(cargo().args(["build", "--workspace", "--all-targets"]))?)),
    Group::new("format", || Ok(show(cargo().args(["fmt", "--all", "--check"]))?)),
    Group::new("clippy", || {
        Ok(show(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?)
    }),
    Group::new("rustdoc", rustdoc),
    Group::new("deny", deny),
    Group::new("test", unit_tests),
    Group::new("docs", || docs::check().map_err(|error| Trouble::Failed(error.to_string()))),
    Group::new("wheel", wheel),
    Group::new("conformance", conformance),
    Group { name: "peers", run: peers, last_words: true },
];

/// Why a group has not passed.
#[derive(Debug)]
enum Trouble {
    /// A check failed.
    Failed(String),
    /// Something cannot be had on this machine: a failure under CI.
    Missing(String),
    /// Something cannot be had on this machine, and never has to be.
    Optional(String),
}

/// What became of a group.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Passed(Duration),
    Skipped(String),
    Failed(String, Duration),
    NotRun,
}

/// Entry of `cargo xtask test`.
pub fn run(args: &[String]) -> Outcome {
    let chosen = choose(args)?;
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let mut ends: Vec<(&str, End)> = chosen.iter().map(|group| (group.name, End::NotRun)).collect();
    for (index, group) in chosen.iter().enumerate() {
        if group.last_words && index > 0 {
            println!("\n{}", summary(&ends[..index]));
        }
        println!("\n=== {} ===", group.name);
        let _ = std::io::stdout().flush();
        let begin = Instant::now();
        let end = judge((group.run)(), begin.elapsed(), ci);
        if !(group.last_words && matches!(end, End::Passed(_))) {
            println!("=== {}: {end} ===", group.name);
        }
        let failed = matches!(end, End::Failed(..));
        ends[index].1 = end;
        if failed {
            println!("\n{}", summary(&ends));
            return Err(format!("group {} failed", group.name).into());
        }
    }
    if !chosen.last().is_some_and(|group| group.last_words) {
        println!("\n{}", summary(&ends));
    }
    Ok(())
}

/// The groups of these names in their own order; all without names.
fn choose(names: &[String]) -> Result<Vec<&'static Group>, String> {
    let known = |name: &&String| GROUPS.iter().any(|group| group.name == name.as_str());
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let names: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
        return Err(format!("there is no group {unknown}; there are {}", names.join(", ")));
    }
    let wanted = |group: &&Group| names.is_empty() || names.iter().any(|name| name == group.name);
    Ok(GROUPS.iter().filter(wanted).collect())
}

fn judge(result: Result<(), Trouble>, time: Duration, ci: bool) -> End {
    match result {
        Ok(()) => End::Passed(time),
        Err(Trouble::Failed(reason)) => End::Failed(reason, time),
        Err(Trouble::Missing(reason)) if ci => End::Failed(reason, time),
        Err(Trouble::Missing(reason) | Trouble::Optional(reason)) => End::Skipped(reason),
    }
}

/// All groups with what became of them, one line each.
fn summary(ends: &[(&str, End)]) -> String {
    let line = |(name, end): &(&str, End)| format!("{name:12} {end}");
    ends.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Passed(time) => write!(f, "passed in {:.1} s", time.as_secs_f64()),
            End::Skipped(reason) => write!(f, "skipped: {reason}"),
            End::Failed(reason, time) => write!(f, "FAILED after {:.1} s: {reason}", time.as_secs_f64()),
            End::NotRun => f.write_str("not run"),
        }
    }
}

impl From<CommandError> for Trouble {
    fn from(error: CommandError) -> Self {
        Trouble::Failed(error.to_string())
    }
}

impl From<SetupError> for Trouble {
    fn from(error: SetupError) -> Self {
        Trouble::Missing(error.to_string())
    }
}

fn set_up() -> Result<(), Trouble> {
    let missing: Vec<String> = setup::everything().iter().map(ToString::to_string).collect();
    if missing.is_empty() { Ok(()) } else { Err(Trouble::Missing(missing.join("; "))) }
}

/// The pages are for people who work on the project, so private items are in, and links to them are welcome.
fn rustdoc() -> Result<(), Trouble> {
    let mut command = cargo();
    command.args(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    Ok(show(command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))?)
}

fn deny() -> Result<(), Trouble> {
    let mut command = Command::new(setup::cargo_deny()?);
    Ok(show(command.current_dir(root()).args(["check", "--hide-inclusion-graph", "licenses", "bans", "sources"]))?)
}

/// The plugin for a Csound with 32-bit floats is another build of the same crate; a table of functions stands for that
/// Csound, which no distribution has.
fn unit_tests() -> Result<(), Trouble> {
    show(cargo().args(["test", "--workspace"]))?;
    let plugin = ["test", "--package", "patchcord-csound", "--features", "f32", "--lib", "opcodes"];
    Ok(show(cargo().args(plugin))?)
}

fn wheel() -> Result<(), Trouble> {
    wheel::check().map_err(|error| match error {
        WheelError::Environment(_) => Trouble::Missing(error.to_string()),
        _ => Trouble::Failed(error.to_string()),
    })
}

fn conformance() -> Result<(), Trouble> {
    conformance::websocket_quick().map_err(|error| match error {
        ConformanceError::NoPython2 => Trouble::Optional(error.to_string()),
        ConformanceError::Install(_) => Trouble::Missing(error.to_string()),
        _ => Trouble::Failed(error.to_string()),
    })
}

/// In three processes, because tests mostly wait: for a program to start, a time-out, another process. One that is through
/// takes over from the others.
fn peers() -> Result<(), Trouble> {
    let peers = setup::peers()?;
    let built = target().map_err(SetupError::Target)?.join("debug");
    show(cargo().args(["build", "--package", "patchcord-csound"]))?;
    let mut command = Command::new(peers.python);
    command.current_dir(root()).args(["-m", "pytest", "tests/peers", "-q", "-n", "3", "--dist", "worksteal"]);
    command.env("PATCHCORD", built.join("patchcord")).env("PATCHCORD_PEERS", peers.folder);
    Ok(show(command.env("PATCHCORD_CSOUND", built.join("libpatchcord_csound.so")))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Result<Vec<&'static str>, String> {
        let args: Vec<String> = args.iter().map(|&name| name.to_owned()).collect();
        Ok(choose(&args)?.iter().map(|group| group.name).collect())
    }

    #[test]
    fn groups_run_in_their_own_order_with_the_peers_last() {
        assert_eq!(names(&["peers", "build"]), Ok(vec!["build", "peers"]));
        assert_eq!(names(&[]).map(|names| names.len()), Ok(GROUPS.len()));
        assert_eq!(GROUPS.last().map(|group| group.name), Some("peers"));
        assert!(names(&["tests"]).is_err_and(|error| error.contains("no group tests") && error.contains("clippy")));
    }

    #[test]
    fn what_is_missing_fails_under_ci_only() {
        let time = Duration::from_millis(1250);
        let missing = || Err(Trouble::Missing("no chromium".to_owned()));
        assert_eq!(judge(missing(), time, false), End::Skipped("no chromium".to_owned()));
        assert_eq!(judge(missing(), time, true), End::Failed("no chromium".to_owned(), time));
        let optional = Err(Trouble::Optional("no Python 2.7".to_owned()));
        assert_eq!(judge(optional, time, true), End::Skipped("no Python 2.7".to_owned()));
        assert_eq!(judge(Err(Trouble::Failed("a test".to_owned())), time, false), End::Failed("a test".into(), time));
        assert_eq!(judge(Ok(()), time, true), End::Passed(time));
    }

    #[test]
    fn the_summary_names_every_group() {
        let second = Duration::from_secs(1);
        let ends = [
            ("build", End::Passed(second)),
            ("clippy", End::Failed("cargo ended with exit status: 101".to_owned(), second)),
            ("peers", End::NotRun),
        ];
        assert_eq!(
            summary(&ends),
            "build        passed in 1.0 s\n\
             clippy       FAILED after 1.0 s: cargo ended with exit status: 101\n\
             peers        not run"
        );
    }
}
