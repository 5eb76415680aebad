//! Signals of the system, held back while a lock may be held.
//!
//! Csound's own program ends itself within its handler of SIGINT and SIGTERM: it deinitialises all opcodes there, on the
//! thread that the signal has interrupted. In an init or a deinit that has a lock it would wait for itself.

use std::mem::MaybeUninit;

/// While this lives, this thread takes no signals; those that come are taken when it is dropped.
#[must_use]
pub(super) struct HeldSignals {
    before: libc::sigset_t,
}

impl HeldSignals {
    pub(super) fn new() -> Self {
        // SAFETY: both sets are filled before they are read.
        unsafe {
            let mut all = MaybeUninit::uninit();
            let mut before = MaybeUninit::uninit();
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            HeldSignals { before: before.assume_init() }
        }
    }
}

impl Drop for HeldSignals {
    fn drop(&mut self) {
        // SAFETY: the set is the one from before.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut());
        }
    }
}
