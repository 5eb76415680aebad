//! The command line: what `patchcord run`, `check`, `new`, `ops` and `replay` do, and with which exit code.
//!
//! [`main`] takes the arguments of the whole process and a [`HostFactory`], through which a script language comes in;
//! [`NoHost`] is a program without one. Nothing here panics on what a person types; what an exit code means stands in
//! [`EXIT_CODES`]. A running patch says everything through the terminal's queue; the other commands write directly.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use patchcord_core::callbacks::Evaluator;
use patchcord_core::declaration::OperatorType;
use patchcord_core::network::{Network, Project};
use patchcord_core::textport::LineKind;
use tracing_subscriber::EnvFilter;

use crate::engine::{Engine, Options, Parking};
use crate::guard::{EXIT_INTERRUPTED, Guard};
use crate::platform::{set_process_name, terminal_width};
use crate::project::{FILE_NAME, NEW_PROJECT_TYPES, PatchFile, Report, Review, Reviewer, Style, new_project};
use crate::remote::Remote;
use crate::terminal::{Streams, Terminal};

mod demo;
mod reference;
mod replay;

/// Ended in order.
pub const EXIT_OK: u8 = 0;
/// The patch has errors.
pub const EXIT_PATCH: u8 = 1;
/// The command line is wrong.
pub const EXIT_USAGE: u8 = 2;
/// The program could not do its work.
pub const EXIT_FAILED: u8 = 3;

/// Exit codes and what they mean.
pub const EXIT_CODES: &[(u8, &str)] = &[
    (EXIT_OK, "ended in order"),
    (EXIT_PATCH, "the patch has errors; `run` did not start"),
    (EXIT_USAGE, "the command line is wrong"),
    (EXIT_FAILED, "the program could not do its work: a file, a folder or a thread was refused, or is of no use"),
    (EXIT_INTERRUPTED, "Ctrl-C was pressed twice"),
];

/// Scripts and expressions that `run` reviews at most before it starts: a few tenths of a second of work.
const MAX_REVIEWED_AT_START: usize = 500;

/// Columns where nobody says how many there are.
const DEFAULT_WIDTH: usize = 100;

/// Widest layout: longer lines are hard to read.
const MAX_WIDTH: usize = 120;

/// Time that the last lines have to reach the terminal.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// Brings a script language into the program.
///
/// All methods are called on the thread that called [`main`], which is the patch's thread, with nothing borrowed.
pub trait HostFactory {
    /// What it is, for the first line that the program says: `Python 3.13.1`. Empty when it is nothing.
    fn description(&self) -> String {
        String::new()
    }

    /// A patch is about to be loaded: sets the network's callback source and evaluator, and the guard's interrupt
    /// hook. The remote is how its other threads reach the patch and how a script ends the program.
    ///
    /// # Errors
    /// A sentence that says why there can be no scripts; the program ends with [`EXIT_FAILED`].
    fn attach(&mut self, network: &Network, guard: &Arc<Guard>, remote: &Remote) -> Result<(), String>;

    /// What has to be called around the sleep of the event loop that [`HostFactory::run`] runs.
    fn parking(&self) -> Option<Parking> {
        None
    }

    /// Runs the patch by calling `run` once, with the interpreter kept if that is worth it.
    fn run(&mut self, run: &mut dyn FnMut()) {
        run();
    }

    /// What checks scripts, also without a patch (for `patchcord check`).
    fn evaluator(&self) -> Option<Rc<dyn Evaluator>>;

    /// What looks through scripts for what is not there.
    fn reviewer(&self) -> Option<Rc<dyn Reviewer>> {
        None
    }

    /// The loop has ended and every worker was asked to stop: lets go of all that scripts hold. Afterwards the engine
    /// takes callback source, evaluator and interrupt hook away.
    fn detach(&mut self, network: &Network);
}

/// A program without scripts.
pub struct NoHost;

impl HostFactory for NoHost {
    fn attach(&mut self, _: &Network, _: &Arc<Guard>, _: &Remote) -> Result<(), String> {
        Ok(())
    }

    fn evaluator(&self) -> Option<Rc<dyn Evaluator>> {
        None
    }

    fn detach(&mut self, _: &Network) {}
}

/// Runs the program. `args` begins with the program's name. Returns the exit code.
pub fn main(args: Vec<OsString>, hosts: &mut dyn HostFactory) -> u8 {
    set_process_name(c"patchcord");
    let types = patchcord_operators::types();
    let cli = match parse(args) {
        Ok(cli) => cli,
        Err(error) => {
            if let Some(patch) = patch_without_command(&error) {
                let text = format!("`{patch}` is a patch and no command; `patchcord run {}` runs it", quoted(patch));
                return refuse(EXIT_USAGE, &text);
            }
            // Nobody is left to tell when even this cannot be written.
            let _ = error.print();
            return if error.use_stderr() { EXIT_USAGE } else { EXIT_OK };
        }
    };
    let filter = match EnvFilter::try_new(&cli.log) {
        Ok(filter) => filter,
        Err(error) => return refuse(EXIT_USAGE, &format!("--log does not understand `{}`: {error}", cli.log)),
    };
    match cli.command {
        None => match demo::Unpacked::new() {
            Ok(demo) => {
                let note = format!("demo patch; edit {} while it runs, or copy it", demo.folder().display());
                run(demo.folder(), Some(note), Project::default(), filter, types, hosts)
            }
            Err(error) => refuse(EXIT_FAILED, &format!("the demo patch cannot be unpacked: {error}")),
        },
        Some(Command::Run { dir, trace_logic, options }) => {
            let project = Project { trace_logic, options: options.into_iter().collect(), ..Project::default() };
            run(&folder_of(dir), None, project, filter, types, hosts)
        }
        Some(Command::Check { dir }) => check(&folder_of(dir), types, hosts),
        Some(Command::New { dir, kind }) => new(&dir, &kind, types),
        Some(Command::Ops { kind }) => ops(kind.as_deref(), types),
        Some(Command::Replay { file, full }) => replay(&file, full),
    }
}

/// A headless, live runtime for real-time web communication in creative coding.
///
/// Without a command it runs the demo patch that ships inside it.
#[derive(Parser)]
#[command(name = "patchcord", bin_name = "patchcord", version)]
struct Cli {
    /// Interpreter for the scripts of the patch. Without it: $PATCHCORD_PYTHON, the active virtual environment, `.venv`
    /// in the patch folder, then `python3`.
    // The launcher takes it before this program starts; here it is declared for the help.
    #[arg(long, value_name = "PATH", global = true)]
    python: Option<PathBuf>,

    /// What is logged beside the textport: error, warn, info, debug or trace, also per module, such as
    /// `warn,patchcord_net=debug`.
    #[arg(long, value_name = "LEVEL", default_value = "warn", global = true)]
    log: String,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a patch until Ctrl-C; saved changes of its files are live.
    Run {
        /// Folder of the patch, or its patch.toml.
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Says every node that logic graphs run.
        #[arg(long)]
        trace_logic: bool,
        /// A value for the node Get Command Line Option; may be given several times.
        #[arg(long = "option", value_name = "NAME=VALUE", value_parser = option)]
        options: Vec<(String, String)>,
    },
    /// Checks a patch and its scripts without running it; shows all errors at once.
    Check {
        /// Folder of the patch, or its patch.toml.
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Begins a patch: a small one that runs, with every callback of its operator explained.
    New {
        /// A folder that is empty or does not exist.
        dir: PathBuf,
        /// Its operator: a server, or a client that connects to one.
        #[arg(value_name = "TYPE", default_value = NEW_PROJECT_TYPES[0], value_parser = NEW_PROJECT_TYPES)]
        kind: String,
    },
    /// Shows the operator reference: all types, or one of them with parameters, callbacks and info channels.
    Ops {
        /// A type, such as webserverDAT.
        #[arg(value_name = "TYPE")]
        kind: Option<String>,
    },
    /// Prints a recording of an operator's traffic: time, direction, kind, size and contents of each entry.
    ///
    /// To play one, name it in the operator's parameter `replay`.
    Replay {
        /// The recording, such as show.jsonl.
        file: PathBuf,
        /// Shows long messages whole, and the headers of HTTP.
        #[arg(long)]
        full: bool,
    },
}

/// An option of logic graphs.
fn option(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.trim().is_empty());
    let (name, value) = pair.ok_or("it is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn parse(args: Vec<OsString>) -> Result<Cli, clap::Error> {
    let codes: String = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:>3}  {meaning}\n")).collect();
    let environment = "  TOUCH_TEXT_CONSOLE=0  shows only errors of the textport\n  NO_COLOR=1            no colours";
    let more = format!("Exit codes:\n{codes}\nEnvironment:\n{environment}");
    Cli::from_arg_matches(&Cli::command().after_help(more).try_get_matches_from(args)?)
}

/// What stands in the place of a command and is a patch.
fn patch_without_command(error: &clap::Error) -> Option<&str> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    folder_of(word.into()).join(FILE_NAME).is_file().then_some(word)
}

/// A word as a shell takes it, in quotes where it has to be.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+,:@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', "'\\''")))
}

/// The folder that a person means who gives it, or the file in it.
fn folder_of(dir: PathBuf) -> PathBuf {
    if dir.file_name().is_some_and(|name| name == FILE_NAME) && !dir.is_dir() {
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        return parent.unwrap_or(Path::new(".")).to_owned();
    }
    dir
}

fn run(
    folder: &Path,
    note: Option<String>,
    project: Project,
    filter: EnvFilter,
    types: &'static [&'static OperatorType],
    hosts: &mut dyn HostFactory,
) -> u8 {
    let (evaluator, reviewer) = (hosts.evaluator(), hosts.reviewer());
    let review = reviewer.as_deref().map(|reviewer| Review { reviewer, most: MAX_REVIEWED_AT_START });
    let file = match PatchFile::read_reviewed(folder, types, evaluator.as_deref(), review) {
        Ok(file) => file,
        Err(report) => {
            show(&report.without_remarks().0);
            return EXIT_PATCH;
        }
    };
    let (warnings, remarks) = file.warnings().clone().without_remarks();
    if !warnings.is_empty() {
        show(&warnings);
    }
    let streams = Streams::standard();
    let log_colours = streams.err_is_terminal;
    let terminal = match Terminal::start(streams) {
        Ok(terminal) => terminal,
        Err(error) => return refuse(EXIT_FAILED, &format!("the terminal's thread cannot be started: {error}")),
    };
    // Only fails where a program that embeds this has a log of its own already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(log_colours)
        .with_writer(terminal.clone())
        .try_init();
    terminal.say(LineKind::Status, "", &banner(&file, note, hosts));
    if remarks > 0 {
        let (use_, them) = if remarks == 1 { ("remark on a script", "it") } else { ("remarks on scripts", "them") };
        let text = format!("{remarks} {use_}, such as a use of what is not here; `patchcord check` shows {them}");
        terminal.say(LineKind::Warning, "", &text);
    }
    let code = run_file(file, project, &terminal, types, hosts);
    terminal.flush(FLUSH_LIMIT);
    code
}

fn banner(file: &PatchFile, note: Option<String>, hosts: &dyn HostFactory) -> String {
    let mut text = format!("patchcord {}", env!("CARGO_PKG_VERSION"));
    let host = hosts.description();
    if !host.is_empty() {
        text = format!("{text}, {host}");
    }
    let note = note.unwrap_or_else(|| file.folder().display().to_string());
    format!("{text}\n{}: {note}", file.settings().name)
}

fn run_file(
    file: PatchFile,
    project: Project,
    terminal: &Terminal,
    types: &'static [&'static OperatorType],
    hosts: &mut dyn HostFactory,
) -> u8 {
    let fail = |text: &str| {
        terminal.say(LineKind::Error, "", text);
        EXIT_FAILED
    };
    let options = Options { terminal: Some(terminal.clone()), catch_signals: true, parking: hosts.parking() };
    let mut engine = match Engine::new(types, options) {
        Ok(engine) => engine,
        Err(error) => return fail(&error.to_string()),
    };
    let (network, guard, remote) = (engine.network().clone(), engine.guard().clone(), engine.remote().clone());
    network.set_project(project);
    if let Err(reason) = hosts.attach(&network, &guard, &remote) {
        return fail(&reason);
    }
    let code = match engine.open(file) {
        Ok(()) => {
            let mut code = EXIT_FAILED;
            hosts.run(&mut || code = engine.run());
            code
        }
        Err(report) => {
            engine.shut_down();
            // What was said so far stands before the report.
            terminal.flush(FLUSH_LIMIT);
            show(&report);
            EXIT_PATCH
        }
    };
    hosts.detach(&network);
    guard.clear_interrupt();
    network.release_hosts();
    code
}

fn check(folder: &Path, types: &'static [&'static OperatorType], hosts: &dyn HostFactory) -> u8 {
    let (evaluator, reviewer) = (hosts.evaluator(), hosts.reviewer());
    let review = reviewer.as_deref().map(|reviewer| Review { reviewer, most: usize::MAX });
    match PatchFile::read_reviewed(folder, types, evaluator.as_deref(), review) {
        Ok(file) if file.warnings().is_empty() => {
            let count = file.operators().count();
            write_out(&format!(
                "{} is in order: {count} operator{}\n",
                file.settings().name,
                if count == 1 { "" } else { "s" }
            ))
        }
        Ok(file) => {
            show(file.warnings());
            EXIT_OK
        }
        Err(report) => {
            show(&report);
            EXIT_PATCH
        }
    }
}

fn new(dir: &Path, kind: &str, types: &'static [&'static OperatorType]) -> u8 {
    match new_project(dir, kind, types) {
        Ok(files) => {
            let files: String = files.iter().map(|file| format!("  {}\n", file.display())).collect();
            write_out(&format!("wrote\n{files}start it with\n  patchcord run {}\n", quoted(&dir.to_string_lossy())))
        }
        Err(error) => refuse(EXIT_FAILED, &error.to_string()),
    }
}

fn ops(kind: Option<&str>, types: &'static [&'static OperatorType]) -> u8 {
    let out = io::stdout();
    let colours = Style::of(&out) == Style::Colours;
    let layout = reference::Layout { width: width_of(&out), colours };
    let Some(wanted) = kind else { return write_out(&reference::list(types, layout)) };
    match reference::find(types, wanted) {
        Ok(kind) => write_out(&reference::describe(kind, layout)),
        Err(Some(nearest)) => {
            refuse(EXIT_USAGE, &format!("there is no operator type `{wanted}`, did you mean `{nearest}`?"))
        }
        Err(None) => {
            refuse(EXIT_USAGE, &format!("there is no operator type `{wanted}`; `patchcord ops` lists them all"))
        }
    }
}

fn replay(file: &Path, full: bool) -> u8 {
    let out = io::stdout();
    let layout = replay::Layout { full, colours: Style::of(&out) == Style::Colours };
    let err = io::stderr();
    let (yellow, plain) = if Style::of(&err) == Style::Colours { ("\x1b[33m", "\x1b[0m") } else { ("", "") };
    let mut warn = |text: &str| {
        // Nobody is left to tell when this fails.
        let _ = writeln!(err.lock(), "{yellow}warning:{plain} {text}");
    };
    match replay::print(file, &mut out.lock(), layout, &mut warn) {
        Ok(replay::Printed::Whole) => EXIT_OK,
        Ok(replay::Printed::Broken(count)) => {
            let lines = if count == 1 { "line".to_owned() } else { format!("{count} lines") };
            refuse(EXIT_FAILED, &format!("{lines} of the recording could not be understood"))
        }
        Err(reason) => refuse(EXIT_FAILED, &reason),
    }
}

fn width_of(stream: &impl AsFd) -> usize {
    terminal_width(stream).unwrap_or(DEFAULT_WIDTH).min(MAX_WIDTH)
}

/// Shows a report on standard error.
fn show(report: &Report) {
    let err = io::stderr();
    let text = report.render(Style::of(&err), width_of(&err));
    // Nobody is left to tell when this fails.
    let _ = err.lock().write_all(text.as_bytes());
}

/// Writes what was asked for. A reader that has seen enough (`| head`) is no error.
fn write_out(text: &str) -> u8 {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            refuse(EXIT_FAILED, &format!("standard output cannot be written: {error}"))
        }
        _ => EXIT_OK,
    }
}

/// Says on standard error why nothing was done.
fn refuse(code: u8, text: &str) -> u8 {
    let err = io::stderr();
    let (red, plain) = if Style::of(&err) == Style::Colours { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
    // Nobody is left to tell when this fails.
    let _ = writeln!(err.lock(), "{red}error:{plain} {text}");
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(args: &[&str]) -> Option<Command> {
        parse(args.iter().map(OsString::from).collect()).unwrap().command
    }

    #[test]
    fn the_command_line_is_what_the_help_says() {
        Cli::command().debug_assert();
        assert!(command(&["patchcord", "--log", "debug"]).is_none());
        assert!(matches!(command(&["patchcord", "run"]), Some(Command::Run { dir, .. }) if dir == Path::new(".")));
        let check = command(&["python3", "check", "a b", "--python", "/usr/bin/python3"]);
        assert!(matches!(check, Some(Command::Check { dir }) if dir == Path::new("a b")));
        assert!(matches!(command(&["patchcord", "ops"]), Some(Command::Ops { kind: None })));
        let replay = command(&["patchcord", "replay", "a.jsonl", "--full"]);
        assert!(matches!(replay, Some(Command::Replay { file, full: true }) if file == Path::new("a.jsonl")));
    }

    #[test]
    fn the_help_lists_every_exit_code() {
        let error = parse(vec!["patchcord".into(), "--help".into()]).err().unwrap();
        assert!(!error.use_stderr());
        let help = error.to_string();
        for (code, meaning) in EXIT_CODES {
            assert!(help.contains(&format!("{code}  {meaning}")), "{code} is missing in:\n{help}");
        }
    }

    #[test]
    fn a_wrong_command_line_has_its_exit_code() {
        for args in [&["patchcord", "fly"][..], &["patchcord", "new"], &["patchcord", "run", "a", "b"]] {
            assert_eq!(main(args.iter().map(OsString::from).collect(), &mut NoHost), EXIT_USAGE);
        }
    }

    #[test]
    fn a_patch_in_the_place_of_a_command_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |word: &Path| parse(vec!["patchcord".into(), word.into()]).err().unwrap();
        assert_eq!(patch_without_command(&refused(folder.path())), None);
        let file = folder.path().join(FILE_NAME);
        std::fs::write(&file, "").unwrap();
        for word in [folder.path(), &file] {
            assert_eq!(patch_without_command(&refused(word)), word.to_str());
        }
        assert_eq!(patch_without_command(&refused(Path::new("fly"))), None);
    }

    #[test]
    fn a_command_to_be_copied_is_quoted_where_it_has_to_be() {
        assert_eq!(quoted("shows/übung-1.2"), "shows/übung-1.2");
        assert_eq!(quoted("my show"), "'my show'");
        assert_eq!(quoted("Ada's $HOME"), r"'Ada'\''s $HOME'");
    }

    #[test]
    fn the_file_stands_for_its_folder() {
        assert_eq!(folder_of("patch.toml".into()), Path::new("."));
        assert_eq!(folder_of("show/patch.toml".into()), Path::new("show"));
        assert_eq!(folder_of("show".into()), Path::new("show"));
    }
}
