//! What an HTTP/2 peer has yet to take.
//!
//! HTTP/2 sends of each body what the peer has made room for. A peer that makes none and still sends pings looks alive,
//! so a connection's bytes say nothing about its answers. What does is the body: hyper asks it for more when the peer has
//! made room, and drops a piece of it when that has been written. [`OwedBody`] cuts a body into pieces of a frame each
//! and notes both in the connection's state, where the sweep finds answers of which nothing moves.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::http::ConnectionState;
use crate::body::Body;

/// Bytes of a piece: of the largest frame that every peer takes (RFC 9113 §6.5.2).
const PIECE: usize = 16_384;

/// A body that notes how far the peer has taken it.
pub(super) struct OwedBody {
    body: Body,
    /// What the body gave and was not handed on yet.
    rest: Bytes,
    state: Arc<ConnectionState>,
    /// The peer has to make room before more is asked for.
    waits: Option<Owed>,
}

impl OwedBody {
    pub(super) fn new(body: Body, state: Arc<ConnectionState>) -> Self {
        let waits = Some(Owed::new(&state));
        OwedBody { body, rest: Bytes::new(), state, waits }
    }
}

impl http_body::Body for OwedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        // From here on it is the body that is waited for.
        this.waits = None;
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return Poll::Ready(other),
            }
        }
        let bytes = this.rest.split_to(this.rest.len().min(PIECE));
        let piece = Bytes::from_owner(Piece { bytes, _owed: Owed::new(&this.state) });
        if !this.is_end_stream() {
            this.waits = Some(Owed::new(&this.state));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, http_body::Body::size_hint(&self.body));
        let mut hint = SizeHint::new();
        hint.set_lower(rest + body.lower());
        if let Some(upper) = body.upper() {
            hint.set_upper(rest + upper);
        }
        hint
    }
}

/// A piece of a body; dropped when it has been written.
struct Piece {
    bytes: Bytes,
    _owed: Owed,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Something that the peer has to take.
struct Owed(Arc<ConnectionState>);

impl Owed {
    fn new(state: &Arc<ConnectionState>) -> Self {
        state.note_owed();
        Owed(state.clone())
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.0.note_taken();
    }
}
