//! Requests that wait for the answers of logic graphs.
//!
//! Each has a number that no other request of the process has, so that an answer cannot reach the client of another server.
//! It is answered once, or has its time, or its client goes; for a while it is known which, for whoever answers too late.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::header::{HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use patchcord_net::body::Body;
use tokio::sync::oneshot;

use super::response::empty;

/// Ends of requests that are remembered.
const REMEMBERED: usize = 10_000;
/// The first number. Other handles of graphs count from 1, and one of them must not happen to name a request.
static NEXT: AtomicU64 = AtomicU64::new(1 << 40);

/// The requests of a server that wait.
#[derive(Default)]
pub(super) struct Waiting {
    open: RefCell<HashMap<u64, oneshot::Sender<Response<Body>>>>,
    ended: RefCell<VecDeque<(u64, Unanswerable)>>,
    most: Cell<usize>,
    time: Cell<Duration>,
}

/// Why a request cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// It has an answer.
    #[error("the request was answered before")]
    Answered,
    /// Its time is over: the client got 504.
    #[error("the request waited too long for its answer, and got 504")]
    TimedOut,
    /// The client has closed the connection.
    #[error("the client of the request has gone")]
    Gone,
    /// The server has stopped: the client got 503.
    #[error("the server was stopped before the request was answered")]
    Stopped,
    /// No such request, or one of long ago.
    #[error("this server has no such request")]
    Unknown,
}

impl Waiting {
    /// How many may wait, and how long each.
    pub fn set_limits(&self, most: usize, time: Duration) {
        self.most.set(most);
        self.time.set(time);
    }

    /// A request begins to wait; `None` when there are too many.
    pub fn begin(self: &Rc<Self>) -> Option<Asked> {
        let mut open = self.open.borrow_mut();
        if open.len() >= self.most.get() {
            return None;
        }
        let number = NEXT.fetch_add(1, Relaxed);
        let (sender, answer) = oneshot::channel();
        open.insert(number, sender);
        Some(Asked { all: self.clone(), number, answer })
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.open.borrow().len()
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`Unanswerable`].
    pub fn answer(&self, number: u64, response: Response<Body>) -> Result<(), Unanswerable> {
        if let Some(sender) = self.end(number, Unanswerable::Answered) {
            // Whoever waits takes it, or is about to be dropped.
            let _ = sender.send(response);
            return Ok(());
        }
        let ended = self.ended.borrow();
        let found = ended.iter().find(|(ended, _)| *ended == number);
        Err(found.map_or(Unanswerable::Unknown, |(_, why)| *why))
    }

    /// The server stops: all are answered with 503.
    pub fn stop(&self) {
        let numbers: Vec<u64> = self.open.borrow().keys().copied().collect();
        for number in numbers {
            if let Some(sender) = self.end(number, Unanswerable::Stopped) {
                let _ = sender.send(unavailable());
            }
        }
    }

    fn end(&self, number: u64, why: Unanswerable) -> Option<oneshot::Sender<Response<Body>>> {
        let sender = self.open.borrow_mut().remove(&number)?;
        let mut ended = self.ended.borrow_mut();
        if ended.len() == REMEMBERED {
            ended.pop_front();
        }
        ended.push_back((number, why));
        Some(sender)
    }
}

/// A request that waits. Dropped before it has its answer, its client has gone.
pub(super) struct Asked {
    all: Rc<Waiting>,
    pub number: u64,
    answer: oneshot::Receiver<Response<Body>>,
}

impl Asked {
    /// The answer, if it is there already.
    pub fn answer_now(&mut self) -> Option<Response<Body>> {
        self.answer.try_recv().ok()
    }

    /// Waits for the answer; 504 when it takes too long.
    pub async fn answer(mut self) -> Response<Body> {
        match tokio::time::timeout(self.all.time.get(), &mut self.answer).await {
            Ok(answer) => answer.unwrap_or_else(|_| unavailable()),
            Err(_) => {
                self.all.end(self.number, Unanswerable::TimedOut);
                empty(StatusCode::GATEWAY_TIMEOUT)
            }
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.all.end(self.number, Unanswerable::Gone);
    }
}

/// The answer where there is none to be had now.
pub(super) fn unavailable() -> Response<Body> {
    let mut response = empty(StatusCode::SERVICE_UNAVAILABLE);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(most: usize, time: Duration) -> Rc<Waiting> {
        let waiting = Rc::new(Waiting::default());
        waiting.set_limits(most, time);
        waiting
    }

    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_request_is_answered_once() {
        let waiting = waiting(10, LONG);
        let asked = waiting.begin().unwrap();
        let number = asked.number;
        assert_eq!(waiting.answer(number, empty(StatusCode::OK)), Ok(()));
        assert_eq!(waiting.answer(number, empty(StatusCode::OK)), Err(Unanswerable::Answered));
        assert_eq!(asked.answer().await.status(), StatusCode::OK);
        assert_eq!(waiting.answer(number, empty(StatusCode::OK)), Err(Unanswerable::Answered));
        assert_eq!(waiting.len(), 0);
    }

    #[tokio::test]
    async fn one_that_nobody_answers_has_its_time() {
        let waiting = waiting(10, Duration::from_millis(20));
        let asked = waiting.begin().unwrap();
        let number = asked.number;
        assert_eq!(asked.answer().await.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(waiting.answer(number, empty(StatusCode::OK)), Err(Unanswerable::TimedOut));
    }

    #[tokio::test]
    async fn so_many_wait_and_a_client_that_goes_makes_room() {
        let waiting = waiting(2, LONG);
        let (one, other) = (waiting.begin().unwrap(), waiting.begin().unwrap());
        assert!(waiting.begin().is_none());
        let number = one.number;
        drop(one);
        assert_eq!(waiting.answer(number, empty(StatusCode::OK)), Err(Unanswerable::Gone));
        assert!(waiting.begin().is_some());
        waiting.stop();
        assert_eq!(waiting.answer(other.number, empty(StatusCode::OK)), Err(Unanswerable::Stopped));
        assert_eq!(other.answer().await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn servers_know_their_own_requests() {
        let (one, other) = (waiting(1, LONG), waiting(1, LONG));
        let asked = one.begin().unwrap();
        assert_eq!(other.answer(asked.number, empty(StatusCode::OK)), Err(Unanswerable::Unknown));
        assert_eq!(other.answer(1, empty(StatusCode::OK)), Err(Unanswerable::Unknown));
        assert_eq!(one.len(), 1);
    }
}
