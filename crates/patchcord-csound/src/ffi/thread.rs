//! A thread of the plugin, started from a thread of Csound.
//!
//! `std::thread::spawn` keeps values in the calling thread that are dropped at that thread's end. As long as they wait, the
//! system does not unload the plugin, and Csound's thread may live on for ever. A thread that the system starts directly
//! leaves nothing behind in the one that starts it; what it keeps itself is dropped before [`Thread::join`] returns.

use std::ffi::{CStr, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::signals::HeldSignals;

/// A running thread. It has to be joined: a thread that runs on in a plugin which is unloaded takes the host with it.
#[must_use]
#[derive(Debug)]
pub struct Thread {
    id: libc::pthread_t,
}

// SAFETY: a pthread_t may be joined from any thread.
unsafe impl Send for Thread {}
// SAFETY: nothing is done through a shared reference.
unsafe impl Sync for Thread {}

type Run = Box<dyn FnOnce() + Send>;

/// Starts a thread with a name (at most 15 bytes are shown). It takes no signals: those are for the host's threads. It has the
/// ordinary priority, also when a real-time thread starts it. A panic ends the thread and nothing else.
///
/// # Errors
/// What the system says: too many threads, no memory.
pub fn spawn(name: &CStr, run: impl FnOnce() + Send + 'static) -> io::Result<Thread> {
    let run: *mut Run = Box::into_raw(Box::new(Box::new(run)));
    // A thread begins with the mask of the one that starts it.
    let _held = HeldSignals::new();
    // SAFETY: the attributes are made before they are used; `start` takes the box, or it is taken back when there is no
    // thread; the id is filled when there is one.
    unsafe {
        let mut attributes = MaybeUninit::uninit();
        libc::pthread_attr_init(attributes.as_mut_ptr());
        libc::pthread_attr_setinheritsched(attributes.as_mut_ptr(), libc::PTHREAD_EXPLICIT_SCHED);
        let mut id = MaybeUninit::uninit();
        let error = libc::pthread_create(id.as_mut_ptr(), attributes.as_ptr(), start, run.cast());
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if error != 0 {
            drop(Box::from_raw(run));
            return Err(io::Error::from_raw_os_error(error));
        }
        let id = id.assume_init();
        libc::pthread_setname_np(id, name.as_ptr());
        Ok(Thread { id })
    }
}

extern "C" fn start(run: *mut c_void) -> *mut c_void {
    // SAFETY: this is the box that `spawn` gave away.
    let run = unsafe { Box::from_raw(run.cast::<Run>()) };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        std::mem::forget(payload);
    }
    std::ptr::null_mut()
}

impl Thread {
    /// Waits until the thread has ended.
    pub fn join(self) {
        // SAFETY: it is joined once, because this takes it.
        unsafe {
            libc::pthread_join(self.id, std::ptr::null_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_thread_runs_and_is_joined_and_may_panic() {
        let count = Arc::new(AtomicU32::new(0));
        let of_thread = Arc::clone(&count);
        spawn(c"test", move || {
            of_thread.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap()
        .join();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        let of_thread = Arc::clone(&count);
        spawn(c"test", move || {
            of_thread.fetch_add(1, Ordering::SeqCst);
            std::panic::resume_unwind(Box::new("ends only this thread"));
        })
        .unwrap()
        .join();
        assert_eq!(count.load(Ordering::SeqCst), 2);
        assert_eq!(Arc::strong_count(&count), 2 - 1);
    }
}
