//! The processes of a measurement: pinned to a core, accounted by the kernel, ended whatever happens.
//!
//! A server is started in a process group of its own, so that workers which it starts are found, counted and ended
//! with it. It gets a TERM from the kernel when this process goes (Ctrl-C, a kill), through `setpriv --pdeathsig`;
//! otherwise dropping a [`Server`] ends it: TERM first, KILL after [`GRACE`]. Only processes of that group are ever
//! signalled.
//!
//! CPU time is the run time in `/proc/PID/task/TID/schedstat`, in nanoseconds (utime and stime count in ticks of
//! 10 ms); the second figure there is the time for which a thread was ready and had no core. A thread that ends
//! inside a window is not counted. Memory is `Rss` of `/proc/PID/smaps_rollup`, which is exact where `VmRSS` is
//! batched per core.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal};
use rustix::thread::CpuSet;

/// How long a server may take to end after TERM.
const GRACE: Duration = Duration::from_secs(3);

/// The two cores of a session.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// The core that a server is pinned to.
    pub server: usize,
    /// The core of the load generator and of this process.
    pub load: usize,
}

impl Cores {
    /// The last and the first core that this process may use; `None` when there is only one.
    pub fn choose() -> io::Result<Option<Self>> {
        let allowed = rustix::thread::sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        let load = cores.next();
        Ok(load.zip(cores.next_back()).map(|(load, server)| Self { server, load }))
    }
}

/// Pins the calling thread, and what it starts from now on, to one core.
pub fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// Raises the limit of open files to the highest that is allowed, for this process and what it starts.
pub fn allow_many_files() -> io::Result<()> {
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    Ok(rustix::process::setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// What to start.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

impl Program {
    /// An executable and its arguments.
    pub fn new<A: Into<OsString>>(path: impl Into<PathBuf>, args: impl IntoIterator<Item = A>) -> Self {
        Self { path: path.into(), args: args.into_iter().map(Into::into).collect() }
    }

    /// The command that ends when this process ends.
    pub fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]).arg(&self.path).args(&self.args).stdin(Stdio::null());
        command
    }
}

/// A running server.
pub struct Server {
    child: Child,
    group: Pid,
    /// When it was started.
    pub started: Instant,
}

impl Server {
    /// Starts a program on the server's core; what it prints is appended to `log`. The calling thread must be the one
    /// that lives as long as this process, and is on the load's core afterwards.
    pub fn start(program: &Program, cores: Cores, log: &Path) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut command = program.command();
        command.stdout(log.try_clone()?).stderr(log).process_group(0);
        pin(cores.server)?;
        let started = Instant::now();
        let child = command.spawn();
        pin(cores.load)?;
        let child = child?;
        Ok(Self { group: Pid::from_child(&child), child, started })
    }

    /// Its exit status in words, once it has ended.
    pub fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Ends it at once, with nothing asked.
    pub fn kill(mut self) {
        // As below.
        let _ = rustix::process::kill_process_group(self.group, Signal::KILL);
        let _ = self.child.wait();
    }

    /// The ids of its processes.
    pub fn pids(&self) -> io::Result<Vec<u32>> {
        members(self.group)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A group that has ended by itself cannot be signalled, which is what is wanted.
        let _ = rustix::process::kill_process_group(self.group, Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if self.ended().is_some() && members(self.group).is_ok_and(|members| members.is_empty()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = rustix::process::kill_process_group(self.group, Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Living processes of a group.
fn members(group: Pid) -> io::Result<Vec<u32>> {
    let mut members = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end between the listing and the reading.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if group_of(&stat) == Some(group.as_raw_nonzero().get()) {
            members.push(pid);
        }
    }
    Ok(members)
}

/// The process group in a line of `/proc/PID/stat`, unless the process has ended and only waits to be noticed.
fn group_of(stat: &str) -> Option<i32> {
    // The name, in parentheses, may hold blanks and parentheses.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(1)?.parse().ok()
}

/// Time on a core and time spent waiting for one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// Time for which threads ran.
    pub ran: Duration,
    /// Time for which threads were ready and had no core.
    pub waited: Duration,
}

/// CPU times of some processes, by thread.
#[derive(Debug, Default)]
pub struct CpuAccount(BTreeMap<u32, CpuTime>);

impl CpuAccount {
    /// What was used since an earlier account of the same processes.
    pub fn since(&self, earlier: &Self) -> CpuTime {
        self.0.iter().fold(CpuTime::default(), |sum, (thread, now)| {
            let before = earlier.0.get(thread).copied().unwrap_or_default();
            CpuTime {
                ran: sum.ran + now.ran.saturating_sub(before.ran),
                waited: sum.waited + now.waited.saturating_sub(before.waited),
            }
        })
    }

    /// The same of one thread alone; nothing when it is not there.
    pub fn since_of(&self, thread: u32, earlier: &Self) -> CpuTime {
        let only = |account: &Self| {
            Self(account.0.get_key_value(&thread).map(|(&id, &time)| (id, time)).into_iter().collect())
        };
        only(self).since(earlier)
    }
}

/// Reads the CPU time of every thread of some processes.
pub fn cpu_time(pids: &[u32]) -> io::Result<CpuAccount> {
    let mut threads = BTreeMap::new();
    for pid in pids {
        for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
            let path = entry?.path();
            let Some(thread) = path.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
            match fs::read_to_string(path.join("schedstat")) {
                Ok(text) => threads.insert(thread, parse_schedstat(&text).ok_or(io::ErrorKind::InvalidData)?),
                // The thread has just ended.
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound && path.exists() => return Err(error),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
        }
    }
    Ok(CpuAccount(threads))
}

fn parse_schedstat(text: &str) -> Option<CpuTime> {
    let mut fields = text.split_whitespace().map(|field| field.parse().map(Duration::from_nanos));
    Some(CpuTime { ran: fields.next()?.ok()?, waited: fields.next()?.ok()? })
}

/// Resident memory of some processes in bytes; pages that they share count for each.
pub fn resident(pids: &[u32]) -> io::Result<u64> {
    pids.iter().try_fold(0, |sum, pid| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let kib = parse_kib(&text, "Rss:").ok_or(io::ErrorKind::InvalidData)?;
        Ok(sum + kib * 1024)
    })
}

/// The most resident memory that some processes had so far in bytes, as [`resident`].
pub fn peak(pids: &[u32]) -> io::Result<u64> {
    pids.iter().try_fold(0, |sum, pid| {
        let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let kib = parse_kib(&text, "VmHWM:").ok_or(io::ErrorKind::InvalidData)?;
        Ok(sum + kib * 1024)
    })
}

/// Memory of some processes, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident, with what is shared divided among those that share it (PSS).
    pub proportional: u64,
    /// Resident and backed by no file: what was allocated and touched.
    pub anonymous: u64,
}

/// Reads it.
pub fn memory(pids: &[u32]) -> io::Result<Memory> {
    pids.iter().try_fold(Memory::default(), |sum, pid| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let bytes = |name| parse_kib(&text, name).map(|kib| kib * 1024).ok_or(io::ErrorKind::InvalidData);
        Ok(Memory { proportional: sum.proportional + bytes("Pss:")?, anonymous: sum.anonymous + bytes("Anonymous:")? })
    })
}

fn parse_kib(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_read_behind_any_name() {
        assert_eq!(group_of("42 (a) b (c)) S 1 77 77 0"), Some(77));
        assert_eq!(group_of("42 (gone) Z 1 77 77 0"), None);
        assert_eq!(group_of("42"), None);
    }

    #[test]
    fn accounts_are_compared_by_thread() {
        let time = |ran, waited| CpuTime { ran: Duration::from_nanos(ran), waited: Duration::from_nanos(waited) };
        assert_eq!(parse_schedstat("100 7 3\n"), Some(time(100, 7)));
        assert_eq!(parse_schedstat("100"), None);
        let before = CpuAccount(BTreeMap::from([(1, time(100, 7)), (2, time(50, 0))]));
        let after = CpuAccount(BTreeMap::from([(1, time(130, 8)), (3, time(5, 1))]));
        assert_eq!(after.since(&before), time(35, 2));
        assert_eq!((after.since_of(1, &before), after.since_of(2, &before)), (time(30, 1), time(0, 0)));
        assert_eq!(after.since_of(3, &before), time(5, 1));
    }

    #[test]
    fn this_process_has_an_account() -> io::Result<()> {
        let own = [std::process::id()];
        let before = cpu_time(&own)?;
        // Enough work to be seen: the kernel accounts a running thread at its ticks, a sleeping one exactly.
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(20) {
            std::thread::yield_now();
        }
        assert!(cpu_time(&own)?.since(&before).ran > Duration::ZERO);
        assert!(resident(&own)? > 100 * 1024 && peak(&own)? > 100 * 1024);
        let memory = memory(&own)?;
        assert!(memory.proportional > 100 * 1024 && memory.anonymous > 100 * 1024);
        assert_eq!(parse_kib("Rss:   12 kB\nPss: 3 kB\n", "Rss:"), Some(12));
        Ok(())
    }

    #[test]
    fn a_server_ends_with_everything_it_started() -> io::Result<()> {
        let Some(cores) = Cores::choose()? else { return Ok(()) };
        let log = std::env::temp_dir().join(format!("patchcord-bench-test-{}.log", std::process::id()));
        // On a thread of its own: starting pins the thread that starts.
        let group = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let program = Program::new("/bin/sh", ["-c", "sleep 60 & sleep 60"]);
                let mut server = Server::start(&program, cores, &log)?;
                let deadline = Instant::now() + Duration::from_secs(5);
                while members(server.group)?.len() < 3 && Instant::now() < deadline {
                    std::thread::yield_now();
                }
                assert_eq!(members(server.group)?.len(), 3);
                assert_eq!(server.ended(), None);
                io::Result::Ok(server.group)
            });
            thread.join().expect("the thread does not panic")
        })?;
        assert!(members(group)?.is_empty());
        fs::remove_file(log)
    }
}
