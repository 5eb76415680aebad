//! `cargo xtask fuzz TARGET [--time S]`: libFuzzer on one target, for a bounded time.
//!
//! The targets are plain functions of the crates; the tests replay their corpus and seeded mutations with any
//! compiler. libFuzzer needs a nightly compiler and cargo-fuzz. What it learns is kept in `fuzz/corpus`, which is not
//! committed; an input that breaks something is left in `fuzz/artifacts` and belongs into the committed corpus with
//! its fix.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;
use crate::workspace::{listen, root, show};

/// Seconds of a run when nothing else is said.
const TIME: u32 = 60;

/// Targets and the committed inputs that they start from.
const SEEDS: &[(&str, &str)] = &[
    ("signal_control", "crates/patchcord-signal/tests/corpus/control"),
    ("signal_stream_log", "crates/patchcord-signal/tests/corpus/stream_log"),
    ("signal_string_array", "crates/patchcord-signal/tests/corpus/string_array"),
    ("socketio_payload", "crates/patchcord-socketio/tests/corpus/payload"),
    ("socketio_decoder", "crates/patchcord-socketio/tests/corpus/decoder"),
    ("socketio_session", "crates/patchcord-socketio/tests/corpus/session"),
    ("websocket_receiver", "crates/patchcord-websocket/tests/corpus/receiver"),
    ("websocket_inflating_receiver", "crates/patchcord-websocket/tests/corpus/inflating_receiver"),
    ("websocket_deflate_negotiation", "crates/patchcord-websocket/tests/corpus/deflate_negotiation"),
    ("websocket_handshake_reply", "crates/patchcord-websocket/tests/corpus/handshake_reply"),
    ("websocket_handshake_request", "crates/patchcord-websocket/tests/corpus/handshake_request"),
];

/// Entry of `cargo xtask fuzz`.
pub fn run(args: &[String]) -> Outcome {
    let Some(options) = Options::parse(args) else {
        return Err(
            format!("expected: fuzz TARGET [--time SECONDS], with a target of: {}", targets()?.join(", ")).into()
        );
    };
    let nightly = |args: &[&str]| {
        let mut command = Command::new("rustup");
        // Variables that the outer cargo set would lead to its own compiler.
        command.args(["run", "nightly", "cargo"]).args(args).env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
        command.current_dir(root());
        command
    };
    if listen(&mut nightly(&["--version"])).is_err() {
        return Err("libFuzzer needs a nightly compiler: rustup toolchain install nightly".into());
    }
    if listen(&mut nightly(&["fuzz", "--version"])).is_err() {
        return Err("libFuzzer is run by cargo-fuzz: cargo install --locked cargo-fuzz".into());
    }
    let learned = root().join("fuzz/corpus").join(options.target);
    fs::create_dir_all(&learned)?;
    let mut command = nightly(&["fuzz", "run", options.target]);
    command.arg(learned).arg(root().join(options.seeds));
    command.args(["--", &format!("-max_total_time={}", options.seconds)]);
    Ok(show(&mut command)?)
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    target: &'static str,
    seeds: &'static str,
    seconds: u32,
}

impl Options {
    fn parse(args: &[String]) -> Option<Self> {
        let (name, rest) = args.split_first()?;
        let seconds = match rest {
            [] => TIME,
            [flag, seconds] if flag == "--time" => seconds.parse().ok().filter(|&seconds| seconds > 0)?,
            _ => return None,
        };
        let &(target, seeds) = SEEDS.iter().find(|(target, _)| target == name)?;
        Some(Self { target, seeds, seconds })
    }
}

/// Names of the targets, from their files.
fn targets() -> io::Result<Vec<String>> {
    let files = fs::read_dir(root().join("fuzz/fuzz_targets"))?.collect::<io::Result<Vec<_>>>()?;
    let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut names: Vec<String> = files.into_iter().filter_map(|file| stem(file.path())).collect();
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Options> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_target_has_seeds() -> io::Result<()> {
        let mut known: Vec<&str> = SEEDS.iter().map(|(target, _)| *target).collect();
        known.sort_unstable();
        assert_eq!(targets()?, known);
        for (target, seeds) in SEEDS {
            assert!(fs::read_dir(root().join(seeds))?.next().is_some(), "{target}");
        }
        Ok(())
    }

    #[test]
    fn a_run_is_bounded() {
        assert_eq!(parse("websocket_receiver").map(|options| options.seconds), Some(TIME));
        assert_eq!(parse("websocket_receiver --time 5").map(|options| options.seconds), Some(5));
        for line in ["", "websocket_sender", "websocket_receiver --time 0", "websocket_receiver 5"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
