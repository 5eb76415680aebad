//! Starts the built program on a patch in a folder of its own, and reads what it says.

// Each test binary uses a part of this.
#![allow(dead_code)]

pub mod live;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A program that has not ended by then is ended, and the test fails.
const LIMIT: Duration = Duration::from_secs(60);

/// Writes the files of a patch.
pub fn write_patch(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder can be made");
        fs::write(path, text).expect("the file can be written");
    }
}

/// The program, to be started with these arguments. It gets no settings of the environment that tests run in.
pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patchcord"));
    command.args(arguments).env("NO_COLOR", "1").env_remove("TOUCH_TEXT_CONSOLE").env_remove("VIRTUAL_ENV");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the patch in a folder to its end.
pub fn run_patch(folder: &Path) -> Said {
    run(program(&["run"]).arg(folder))
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Said {
    finish(command.spawn().expect("the program starts"))
}

/// Waits for the end of a program.
pub fn finish(child: Child) -> Said {
    let id = child.id();
    let (done, waiting) = std::sync::mpsc::channel::<()>();
    // Reading the output and watching the time at once takes a thread.
    let watch = std::thread::spawn(move || {
        let start = Instant::now();
        let in_time = waiting.recv_timeout(LIMIT).is_ok();
        if !in_time {
            let _ = Command::new("kill").arg("-9").arg(id.to_string()).status();
        }
        (in_time, start.elapsed())
    });
    let output = child.wait_with_output().expect("its output can be read");
    let _ = done.send(());
    let (in_time, after) = watch.join().expect("the watch does not panic");
    let said = Said::of(&output);
    assert!(in_time, "the program did not end within {after:?}; it said\n{}", said.text);
    said
}

/// What a program said, and how it ended.
pub struct Said {
    /// Everything, standard output first.
    pub text: String,
    /// Exit code.
    pub code: Option<i32>,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = [&output.stdout, &output.stderr].map(|part| String::from_utf8_lossy(part).into_owned()).join("");
        Said { text, code: output.status.code() }
    }

    /// Asserts that it ended in order.
    pub fn ended_well(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.text);
        self
    }

    /// Asserts that it said this.
    pub fn says(&self, wanted: &str) -> &Self {
        assert!(self.text.contains(wanted), "{wanted:?} is missing in\n{}", self.text);
        self
    }

    /// Asserts that it did not say this.
    pub fn does_not_say(&self, unwanted: &str) -> &Self {
        assert!(!self.text.contains(unwanted), "{unwanted:?} is in\n{}", self.text);
        self
    }

    /// How often it said this.
    pub fn count(&self, wanted: &str) -> usize {
        self.text.matches(wanted).count()
    }
}
