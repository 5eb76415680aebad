//! The program `patchcord`: starts Python and, in it, the module that is the program proper.
//!
//! The launcher uses the standard library alone and no Python, so that it starts anywhere and can say in plain words
//! what is missing. It picks the interpreter ([`interpreter`]), finds the module that was built with it
//! ([`module_file`]) and becomes that interpreter: `python -c <boot text> <module> …`. The boot text checks that
//! interpreter and module fit before anything of the module runs. `--version` is answered here.
//!
//! What the arguments mean is left to `patchcord_runtime::command`; `--python PATH` alone is read here too.

mod launcher {
    pub mod interpreter;
    pub mod module_file;
}

use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, ExitCode};

use launcher::{interpreter, module_file};

/// What the interpreter runs first; see the file.
const BOOT: &str = include_str!("launcher/boot.py");

/// The program could not do its work. The same number as in `patchcord_runtime::command`, which is not linked here.
const EXIT_FAILED: u8 = 3;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|first| first == "--version" || first == "-V") {
        // A closed pipe is no reason to complain.
        let _ = writeln!(std::io::stdout(), "patchcord {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    match become_python(&arguments) {
        Ok(never) => match never {},
        Err(reason) => {
            let _ = writeln!(std::io::stderr(), "patchcord: {reason}");
            ExitCode::from(EXIT_FAILED)
        }
    }
}

/// Replaces this process by the interpreter; comes back only with the reason why it could not.
fn become_python(arguments: &[OsString]) -> Result<std::convert::Infallible, String> {
    use std::os::unix::process::CommandExt;

    let python = interpreter::choose(arguments)?;
    let module = module_file::find()?;
    let mut command = Command::new(&python.path);
    command.arg("-c").arg(BOOT).arg(module);
    command.args([
        env!("PATCHCORD_BUILD_ID"),
        env!("PATCHCORD_PYTHON_VERSION"),
        env!("PATCHCORD_PYTHON_ABI3"),
        python.origin,
    ]);
    command.args(arguments.first()).args(arguments.iter().skip(1));
    Err(python.explain(&command.exec()))
}
