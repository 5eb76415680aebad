//! A process of a run, ours or of the suite: started with its output in a file, watched, and ended in any case.
//!
//! It ends with this process, through `setpriv --pdeathsig`, or with [`Process::stop`], which asks it to end in order
//! and looks at how it did.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// Longest time from start to listening.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Longest time from TERM to the end.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Why a process did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It cannot be run, or its output cannot be kept.
    #[error("{name} cannot be run: {reason}")]
    Start {
        /// What was started.
        name: &'static str,
        /// What the system says.
        reason: io::Error,
    },
    /// It ended too early, or not with success.
    #[error("{name} ended with {status}; its output is in {}", log.display())]
    Ended {
        /// What was started.
        name: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// What it printed.
        log: PathBuf,
    },
    /// It runs and does not listen.
    #[error("{name} does not listen; its output is in {}", log.display())]
    Silent {
        /// What was started.
        name: &'static str,
        /// What it printed.
        log: PathBuf,
    },
    /// It still runs.
    #[error("{name} did not end within {} s; its output is in {}", limit.as_secs(), log.display())]
    Late {
        /// What was started.
        name: &'static str,
        /// How long it was waited for.
        limit: Duration,
        /// What it printed.
        log: PathBuf,
    },
}

/// A running process.
pub struct Process {
    /// What it is in words.
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program with these arguments in `folder`; its output goes to the file `log` there.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn start(
        name: &'static str,
        program: &Path,
        arguments: &[&str],
        folder: &Path,
        log: &str,
    ) -> Result<Self, ProcessError> {
        let log = folder.join(log);
        let spawn = || {
            let output = File::create(&log)?;
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "TERM", "--"]).arg(program).args(arguments).current_dir(folder);
            command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
            command.spawn()
        };
        let child = spawn().map_err(|reason| ProcessError::Start { name, reason })?;
        Ok(Self { name, child, log })
    }

    /// Waits until it listens on this port of loopback.
    ///
    /// # Errors
    /// When it ends instead, and when it takes too long.
    pub fn wait_until_it_listens(&mut self, port: u16) -> Result<(), ProcessError> {
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = self.status()? {
                return Err(ProcessError::Ended { name: self.name, status, log: self.log.clone() });
            }
            if Instant::now() >= deadline {
                return Err(ProcessError::Silent { name: self.name, log: self.log.clone() });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When that takes too long, and when it ends without success.
    pub fn wait(&mut self, limit: Duration) -> Result<(), ProcessError> {
        let deadline = Instant::now() + limit;
        loop {
            match self.status()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(ProcessError::Ended { name: self.name, status, log: self.log.clone() }),
                None if Instant::now() >= deadline => {
                    return Err(ProcessError::Late { name: self.name, limit, log: self.log.clone() });
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Asks it to end.
    ///
    /// # Errors
    /// When it does not end with success in time.
    pub fn stop(mut self) -> Result<(), ProcessError> {
        self.signal(Signal::TERM);
        self.wait(STOP_LIMIT)
    }

    fn status(&mut self) -> Result<Option<ExitStatus>, ProcessError> {
        self.child.try_wait().map_err(|reason| ProcessError::Start { name: self.name, reason })
    }

    fn signal(&self, signal: Signal) {
        // One that has ended by itself cannot be signalled, which is what is wanted.
        let _ = rustix::process::kill_process(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// A port of loopback on which nobody listens.
///
/// # Errors
/// When the system has none.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Process, ProcessError> {
        let log = format!("patchcord-process-{}.log", std::process::id());
        Process::start("the shell", Path::new("/bin/sh"), &["-c", script], &std::env::temp_dir(), &log)
    }

    #[test]
    fn one_that_ends_instead_of_listening_is_reported_with_its_log() -> Result<(), ProcessError> {
        let port = free_port().expect("a port");
        let failed = shell("exit 3")?.wait_until_it_listens(port);
        assert!(matches!(failed, Err(ProcessError::Ended { status, .. }) if status.code() == Some(3)));
        Ok(())
    }

    #[test]
    fn one_that_hangs_is_reported_and_ended() -> Result<(), ProcessError> {
        let mut process = shell("exec sleep 60")?;
        assert!(matches!(process.wait(Duration::from_millis(10)), Err(ProcessError::Late { .. })));
        let id = Pid::from_child(&process.child);
        drop(process);
        assert!(rustix::process::test_kill_process(id).is_err());
        Ok(())
    }

    #[test]
    fn one_that_was_asked_to_end_has_to_end_with_success() -> Result<(), ProcessError> {
        assert!(matches!(shell("exec sleep 60")?.stop(), Err(ProcessError::Ended { .. })));
        assert!(shell("exit 0")?.wait(Duration::from_secs(60)).is_ok());
        Ok(())
    }
}
