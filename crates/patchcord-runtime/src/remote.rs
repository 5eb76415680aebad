//! The way to the patch from other threads: jobs, lines for the textport, and the wish to end.
//!
//! A [`Remote`] is cheap to clone and may go anywhere. Jobs run on the patch's thread, each as a turn, in order. The
//! queue is bounded: who submits more than the patch can take is told so and must decide.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patchcord_core::network::Network;
use patchcord_core::textport::LineKind;
use tokio::sync::Notify;

/// Jobs that may wait at once.
pub const MAX_JOBS: usize = 10_000;

/// Handle of a running engine for other threads.
#[derive(Clone)]
pub struct Remote(Arc<Shared>);

/// A job from another thread.
type Job = Box<dyn FnOnce(&Network) + Send>;

struct Shared {
    jobs: Mutex<VecDeque<Job>>,
    wake: Notify,
    stop: Notify,
    /// [`RUNNING`], or the exit code once the end was asked for.
    ending: AtomicU16,
}

/// No exit code: the end was not asked for.
const RUNNING: u16 = u16::MAX;

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Too many wait.
    #[error("{MAX_JOBS} jobs wait for the patch already")]
    Full,
}

impl Default for Remote {
    fn default() -> Self {
        Remote(Arc::new(Shared {
            jobs: Mutex::default(),
            wake: Notify::new(),
            stop: Notify::new(),
            ending: AtomicU16::new(RUNNING),
        }))
    }
}

impl Remote {
    /// Runs a job on the patch's thread, soon, as a turn of its own.
    ///
    /// # Errors
    /// [`SubmitError::Full`]; the job is dropped.
    pub fn submit(&self, job: impl FnOnce(&Network) + Send + 'static) -> Result<(), SubmitError> {
        {
            let mut jobs = self.jobs();
            if jobs.len() >= MAX_JOBS {
                return Err(SubmitError::Full);
            }
            jobs.push_back(Box::new(job));
        }
        self.0.wake.notify_one();
        Ok(())
    }

    /// Says a line in the textport. Lines from here come after those that the patch's thread says meanwhile.
    ///
    /// # Errors
    /// [`SubmitError::Full`]; the line is lost.
    pub fn say(&self, kind: LineKind, path: &str, text: &str) -> Result<(), SubmitError> {
        let (path, text) = (path.to_owned(), text.to_owned());
        self.submit(move |network| network.textport().say(kind, path, text))
    }

    /// Asks the engine to end in order; its `run` returns `exit_code`. The first wish counts.
    pub fn stop(&self, exit_code: u8) {
        let _ = self.0.ending.compare_exchange(RUNNING, exit_code.into(), Ordering::AcqRel, Ordering::Acquire);
        self.0.stop.notify_one();
    }

    /// Whether the end was asked for.
    pub fn is_stopping(&self) -> bool {
        self.exit_code().is_some()
    }

    /// Jobs and lines that wait now.
    pub fn waiting(&self) -> usize {
        self.jobs().len()
    }

    /// What [`Remote::stop`] was given.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        u8::try_from(self.0.ending.load(Ordering::Acquire)).ok()
    }

    /// Takes the next job.
    pub(crate) fn take(&self) -> Option<Job> {
        self.jobs().pop_front()
    }

    /// Waits until there is a job. May be dropped and called anew.
    pub(crate) async fn called(&self) {
        self.0.wake.notified().await;
    }

    /// Waits until the end is asked for and returns the exit code. May be dropped and called anew.
    pub(crate) async fn stop_asked(&self) -> u8 {
        loop {
            if let Some(code) = self.exit_code() {
                return code;
            }
            self.0.stop.notified().await;
        }
    }

    fn jobs(&self) -> MutexGuard<'_, VecDeque<Job>> {
        // A job never runs while the queue is locked, so a panic cannot leave it half changed.
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_come_in_order_and_are_bounded() {
        let remote = Remote::default();
        for _ in 0..MAX_JOBS {
            remote.submit(|_| ()).unwrap();
        }
        assert_eq!(remote.submit(|_| ()), Err(SubmitError::Full));
        assert!(remote.take().is_some());
        assert_eq!(remote.submit(|_| ()), Ok(()));
    }

    #[test]
    fn the_first_wish_to_end_counts() {
        let remote = Remote::default();
        assert!(!remote.is_stopping());
        remote.stop(3);
        remote.stop(0);
        assert!(remote.is_stopping());
        assert_eq!(remote.exit_code(), Some(3));
    }
}
