//! Which Python interpreter to start.
//!
//! In this order: `--python PATH`, the variable `PATCHCORD_PYTHON`, the virtual environment that is active
//! (`VIRTUAL_ENV`), the one in the patch folder (`.venv`), `python3` on the `PATH`. Whoever names an interpreter gets
//! that one or an error, never another. Whether it fits is found out by the boot text, which runs in it; starting it a
//! second time only to ask would cost as much as the whole start.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The interpreter that was chosen, and why.
pub struct Interpreter {
    /// Its program file.
    pub path: PathBuf,
    /// Who chose it, in words that complete "this interpreter comes from …".
    pub origin: &'static str,
}

/// Chooses the interpreter for a command line that begins with the program's name.
pub fn choose(arguments: &[OsString]) -> Result<Interpreter, String> {
    let chosen = |path: PathBuf, origin| Ok(Interpreter { path, origin });
    if let Some(path) = option(arguments, "--python") {
        return chosen(named(&path)?, "--python");
    }
    if let Some(path) = variable("PATCHCORD_PYTHON") {
        return chosen(named(&path)?, "PATCHCORD_PYTHON");
    }
    if let Some(folder) = variable("VIRTUAL_ENV") {
        let path = Path::new(&folder).join("bin/python");
        if !path.exists() {
            let shown = path.display();
            return Err(format!(
                "VIRTUAL_ENV names a virtual environment, but {shown} does not exist; run `deactivate`"
            ));
        }
        return chosen(path, "VIRTUAL_ENV");
    }
    if let Some(environment) = patch_folder(arguments).map(|folder| folder.join(".venv")) {
        let path = environment.join("bin/python");
        if path.exists() {
            return chosen(path, "the patch folder's .venv");
        }
        // Its packages would be missed by any other: an upgrade of the system has taken the Python that it was made with.
        if path.is_symlink() {
            let (environment, shown) = (environment.display(), path.display());
            return Err(format!(
                "{shown} (from the patch folder's .venv) leads to a Python that is not there any more\n\
                 Make the environment anew with `python3 -m venv --clear {environment}` and install its packages again, or name \
                 another Python with --python PATH"
            ));
        }
    }
    match on_path("python3") {
        Some(path) => chosen(path, "PATH"),
        None => Err("there is no `python3` on the PATH, and scripts need one\n\
                     Install it (Debian and Ubuntu: `sudo apt install python3`) or name one with --python PATH"
            .to_owned()),
    }
}

impl Interpreter {
    /// Why it could not be started.
    pub fn explain(&self, error: &io::Error) -> String {
        let (path, origin) = (self.path.display(), self.origin);
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => "there is no such program; name another with --python PATH",
            io::ErrorKind::PermissionDenied => "it is no program that you may run; name another with --python PATH",
            _ => "name another with --python PATH",
        };
        format!("{path} (from {origin}) cannot be started: {error}\n{remedy}")
    }
}

/// The value of an option, written `--name VALUE` or `--name=VALUE`. What stands after `--` is no option.
fn option(arguments: &[OsString], name: &str) -> Option<OsString> {
    let mut arguments = arguments.iter().skip(1).take_while(|argument| *argument != "--");
    while let Some(argument) = arguments.next() {
        if argument == name {
            return arguments.next().cloned();
        }
        let rest = argument.as_bytes().strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
        if let Some(value) = rest {
            return Some(OsString::from_vec(value.to_vec()));
        }
    }
    None
}

/// A variable of the environment that is set to something.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The program that a person named: a path, or a name on the `PATH`.
fn named(given: &OsStr) -> Result<PathBuf, String> {
    if given.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(given));
    }
    let shown = Path::new(given).display();
    on_path(given).ok_or_else(|| format!("there is no program `{shown}` on the PATH; give --python a path"))
}

/// The folder of the patch that `run` and `check` are about.
fn patch_folder(arguments: &[OsString]) -> Option<PathBuf> {
    let mut rest = arguments.iter().skip(1);
    let mut words = Vec::new();
    while let Some(argument) = rest.next() {
        if argument == "--python" || argument == "--log" {
            rest.next();
        } else if !argument.as_bytes().starts_with(b"-") {
            words.push(argument);
        }
    }
    let (command, patch) = (words.first()?, words.get(1));
    if *command != "run" && *command != "check" {
        return None;
    }
    let patch = patch.map_or_else(|| PathBuf::from("."), PathBuf::from);
    if patch.is_file() { patch.parent().map(|folder| folder.join(".")) } else { Some(patch) }
}

/// The first program of this name on the `PATH`.
fn on_path(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name.as_ref())).find(|candidate| is_program(candidate))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
