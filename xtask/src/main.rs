//! Tasks of the project, started as `cargo xtask TASK`.
//!
//! One row of [`TASKS`] is one task; each lives in a module of its own and gets the arguments behind its name.
//! Rows without a help text are halves of another task that need a process of their own (a server that is
//! measured, the load it is measured with) and are not listed.
//!
//! Exit code: 0 when the task succeeded, 1 when it failed, 2 when there is no such task.

// A task talks to the person who started it.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod conformance;
mod csound;
mod docs;
mod fuzz;
mod install;
mod setup;
mod test;
mod wheel;
mod workspace;

use std::error::Error;
use std::process::ExitCode;

/// How a task ends: the error says what went wrong to the person who started it.
type Outcome = Result<(), Box<dyn Error>>;

/// One task: its name on the command line, what it does (empty: not listed) and its entry.
struct Task {
    name: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Outcome,
}

const TASKS: &[Task] = &[
    Task { name: "setup", help: "setup: install what the tests need", run: setup::run },
    Task { name: "test", help: "test [GROUP…]: run every check, or only some groups", run: test::run },
    Task {
        name: "bench",
        help: "bench web|websocket-client|socketio|python|csound|logic [--quick] [[--rounds] N] [--only NAME,NAME]: compare ours with its peers, and with its own bars",
        run: |args| Ok(bench::run(args)?),
    },
    Task {
        name: "conformance",
        help: "conformance websocket|websocket-quick [CASES] [--role client|server] [--url URL]: run Autobahn's cases, all or without compression",
        run: conformance::run,
    },
    Task {
        name: "csound",
        help: "csound install [LIBRARY]|check|remove: Csound's plugin, for the csound of this user",
        run: csound::run,
    },
    Task { name: "fuzz", help: "fuzz TARGET [--time SECONDS]: run libFuzzer on a target", run: fuzz::run },
    Task {
        name: "docs",
        help: "docs [--check]: write the operator reference from the declarations, or compare it",
        run: docs::run,
    },
    Task { name: "bench-logic", help: "", run: |args| Ok(bench::logic::measure(args)?) },
    Task { name: "bench-floor", help: "", run: |args| Ok(bench::floor::run(args)?) },
    Task { name: "bench-load", help: "", run: |args| Ok(bench::generator::run(args)?) },
    Task { name: "bench-bare", help: "", run: |args| Ok(bench::websocket_client::bare::run(args)?) },
    Task { name: "bench-socketio-load", help: "", run: |args| Ok(bench::socketio::server::run(args)?) },
    Task { name: "bench-csound-load", help: "", run: |args| Ok(bench::csound::load::run(args)?) },
    Task { name: "bench-flood", help: "", run: |args| Ok(bench::websocket_client::server::run(args)?) },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let name = args.first().map_or("", String::as_str);
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        eprintln!("usage: cargo xtask TASK\n");
        for task in TASKS.iter().filter(|task| !task.help.is_empty()) {
            eprintln!("  {}", task.help);
        }
        return ExitCode::from(2);
    };
    match (task.run)(&args[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask {name}: {error}");
            ExitCode::FAILURE
        }
    }
}
