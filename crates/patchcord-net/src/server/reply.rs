//! What a handler answers a request with: a response, or one that comes later.

use std::pin::Pin;
use std::sync::Arc;

use http::Response;

use super::http::ConnectionState;
use crate::body::Body;

/// The answer to a request.
pub enum Reply {
    /// It is there.
    Now(Response<Body>),
    /// It comes later, after as long as the handler likes: time limits are its own affair. The future is dropped when the
    /// stream of HTTP/2 is reset, or its connection lost, before. A client of HTTP/1.1 that has closed its half may still
    /// read, and cannot be told from one that has gone.
    Later(Pin<Box<dyn Future<Output = Response<Body>>>>),
}

impl From<Response<Body>> for Reply {
    fn from(response: Response<Body>) -> Self {
        Reply::Now(response)
    }
}

impl Reply {
    /// Waits for the answer. Meanwhile nobody waits for the peer.
    pub(super) async fn response(self, state: &Arc<ConnectionState>) -> Response<Body> {
        match self {
            Reply::Now(response) => response,
            Reply::Later(answer) => {
                let _answering = Answering::new(state);
                answer.await
            }
        }
    }
}

/// A request whose answer is being made.
struct Answering<'a>(&'a ConnectionState);

impl<'a> Answering<'a> {
    fn new(state: &'a ConnectionState) -> Self {
        state.note_asked();
        Answering(state)
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.note_answered();
    }
}
