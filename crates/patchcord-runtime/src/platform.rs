//! What depends on the operating system: stop signals, the frame timer, the clock, terminal and process facts.
//!
//! Linux is what is written here; another system is another body for the same items. Signals are *caught*, not
//! blocked: a blocked signal stays blocked in every program that a script starts, and such a program could not be
//! ended any more, while a handler is gone after `exec`. The handler only counts and rings an [`Alarm`]; the guard's
//! thread, which waits for that alarm, does everything else.

#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{Errno, read, write};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, clock_gettime, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// A bell that any thread and a signal handler can ring for one thread that waits.
#[derive(Debug)]
pub struct Alarm(OwnedFd);

impl Alarm {
    /// A silent alarm.
    ///
    /// # Errors
    /// When the process has too many files open.
    pub fn new() -> io::Result<Self> {
        Ok(Alarm(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Rings it. Several rings before the next wait count as one.
    pub fn ring(&self) {
        // The only possible failure is a full counter, and then the bell rings already.
        let _ = write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Waits for a ring, at most so long.
    pub fn wait(&self, limit: Duration) {
        let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: i64::from(limit.subsec_nanos()) };
        // An interrupted wait returns early, which every caller copes with: it looks and waits again.
        let _ = poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&limit));
        let _ = read(&self.0, &mut [0_u8; 8]);
    }
}

/// What asked the program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopSignal {
    /// Ctrl-C (SIGINT).
    Interrupt,
    /// SIGTERM, or SIGHUP when the terminal was closed.
    Terminate,
}

static ALARM: AtomicI32 = AtomicI32::new(-1);
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);
static TERMINATIONS: AtomicU32 = AtomicU32::new(0);

const CAUGHT: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// Holds the stop signals; gives them back to whoever had them when it is dropped.
pub struct StopSignals {
    before: Vec<(libc::c_int, libc::sigaction)>,
}

impl StopSignals {
    /// Catches SIGINT, SIGTERM and (unless it was ignored, as under `nohup`) SIGHUP. Each rings the alarm. The alarm
    /// must live as long as the program does, hence the leaked reference.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when they are caught already: there is one guard per process.
    pub fn catch(alarm: &'static Alarm) -> io::Result<Self> {
        if ALARM.compare_exchange(-1, alarm.0.as_raw_fd(), Ordering::AcqRel, Ordering::Acquire).is_err() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the stop signals are caught already"));
        }
        let mut caught = StopSignals { before: Vec::new() };
        for signal in CAUGHT {
            let before = swap_action(signal, None)?;
            if signal == libc::SIGHUP && before.sa_sigaction == libc::SIG_IGN {
                continue;
            }
            // SAFETY: all-zero bytes are a valid `sigaction`: no flags, an empty mask, the default handler.
            let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
            action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
            action.sa_flags = libc::SA_RESTART;
            swap_action(signal, Some(&action))?;
            caught.before.push((signal, before));
        }
        Ok(caught)
    }

    /// The next signal that came and was not taken yet.
    pub fn take(&self) -> Option<StopSignal> {
        if take_one(&INTERRUPTS) {
            Some(StopSignal::Interrupt)
        } else if take_one(&TERMINATIONS) {
            Some(StopSignal::Terminate)
        } else {
            None
        }
    }
}

impl Drop for StopSignals {
    fn drop(&mut self) {
        for (signal, before) in &self.before {
            // It was accepted once for the same signal; there is nothing to do about a failure now.
            let _ = swap_action(*signal, Some(before));
        }
        ALARM.store(-1, Ordering::Release);
    }
}

fn take_one(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1)).is_ok()
}

/// Reads the action of a signal and, when one is given, replaces it.
fn swap_action(signal: libc::c_int, new: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let mut before = MaybeUninit::<libc::sigaction>::uninit();
    let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `new` is null or a valid action, `before` is writable; our handler is async-signal-safe (see there).
    if unsafe { libc::sigaction(signal, new, before.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: sigaction succeeded, so it has filled `before`.
    Ok(unsafe { before.assume_init() })
}

/// Counts the signal and rings. It may run between any two instructions of any thread, so it touches atomics and one
/// `write` only, and leaves `errno` as it was.
extern "C" fn on_signal(signal: libc::c_int) {
    let counter = if signal == libc::SIGINT { &INTERRUPTS } else { &TERMINATIONS };
    counter.fetch_add(1, Ordering::AcqRel);
    let alarm: RawFd = ALARM.load(Ordering::Acquire);
    if alarm < 0 {
        return;
    }
    let one = 1_u64.to_ne_bytes();
    // SAFETY: errno is a valid thread-local location, `write` is async-signal-safe, and the alarm's file is never
    // closed while its number is in `ALARM` (it is leaked).
    unsafe {
        let errno = libc::__errno_location();
        let kept = *errno;
        libc::write(alarm, one.as_ptr().cast(), one.len());
        *errno = kept;
    }
}

/// Ends the process at once: no destructors, no exit handlers, nothing flushed.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` has no conditions; that nothing is unwound is what the caller asks for.
    unsafe { libc::_exit(code) }
}

/// Time on the monotonic clock that [`FrameTimer`] counts on.
pub fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// A timer with absolute deadlines on the monotonic clock, finer than tokio's millisecond wheel.
pub struct FrameTimer(AsyncFd<OwnedFd>);

impl FrameTimer {
    /// A timer that is not set. To be made inside a tokio runtime.
    ///
    /// # Errors
    /// When the process has too many files open.
    pub fn new() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        // SAFETY: the timer is moved in, owned for as long as the registration, and never replaced.
        Ok(FrameTimer(unsafe { AsyncFd::register(timer)? }))
    }

    /// Sets it to a time of [`monotonic`]; a time that has passed expires at once.
    ///
    /// # Errors
    /// None that a valid time causes.
    pub fn set(&self, deadline: Duration) -> io::Result<()> {
        // Zero would switch the timer off.
        let deadline = deadline.max(Duration::from_nanos(1));
        let value = Timespec { tv_sec: deadline.as_secs() as i64, tv_nsec: i64::from(deadline.subsec_nanos()) };
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(
            self.0.get_ref(),
            TimerfdTimerFlags::ABSTIME,
            &Itimerspec { it_interval: never, it_value: value },
        )?;
        Ok(())
    }

    /// Waits until it expires. May be dropped and called anew without losing an expiry.
    ///
    /// # Errors
    /// When the timer cannot be read.
    pub async fn expired(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            match read(self.0.get_ref(), &mut [0_u8; 8]) {
                Ok(_) => return Ok(()),
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Sets the name under which the process shows in lists; cut to 15 bytes by the system.
pub fn set_process_name(name: &std::ffi::CStr) {
    // Cosmetic: without it the process is called after the interpreter.
    let _ = rustix::thread::set_name(name);
}

/// Columns of the terminal behind a stream; `None` when it is none.
pub fn terminal_width(stream: &impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream.as_fd()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
