//! The body of an HTTP response.
//!
//! [`Body`] is what every part of the server answers with: nothing, bytes that are already there, or a stream that
//! is read while the client takes it. It promises exact lengths for the first two (and for a stream that knows its
//! own), so that hyper announces `Content-Length` and sends a small answer in one write, and it costs no allocation
//! unless it streams.
//!
//! Where the bytes come from, and how fast they may be produced, is left to the stream: hyper polls it only when the
//! connection can take more, so a stream that reads nothing ahead keeps memory flat behind a slow reader.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Body of an HTTP response: empty, a piece of memory, or a stream.
///
/// An error from the stream ends the connection, because the status line has been sent by then.
#[derive(Default)]
pub struct Body(Content);

type BoxedStream = Pin<Box<dyn http_body::Body<Data = Bytes, Error = io::Error> + Send>>;

#[derive(Default)]
enum Content {
    #[default]
    Empty,
    Full(Bytes),
    Stream(BoxedStream),
}

impl Body {
    /// No body: `Content-Length: 0` where the status allows one.
    pub const fn empty() -> Self {
        Body(Content::Empty)
    }

    /// Bytes in memory, shared and not copied. No bytes at all are the same as [`Body::empty`].
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Body::empty() } else { Body(Content::Full(bytes)) }
    }

    /// A body that is produced while it is sent. If its size hint is exact, the length is announced; otherwise
    /// HTTP/1.1 sends it in chunks.
    pub fn stream(stream: impl http_body::Body<Data = Bytes, Error = io::Error> + Send + 'static) -> Self {
        Body(Content::Stream(Box::pin(stream)))
    }

    /// The length in bytes, unless the body is a stream that does not know its own.
    pub fn len(&self) -> Option<u64> {
        http_body::Body::size_hint(self).exact()
    }

    /// The bytes, unless the body is a stream.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Content::Empty => Some(&[]),
            Content::Full(bytes) => Some(bytes),
            Content::Stream(_) => None,
        }
    }

    /// Whether nothing is left to send.
    pub fn is_empty(&self) -> bool {
        http_body::Body::is_end_stream(self)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let content = &mut self.get_mut().0;
        match content {
            Content::Empty => Poll::Ready(None),
            Content::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *content = Content::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Content::Stream(stream) => stream.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Empty => true,
            Content::Full(_) => false,
            Content::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Empty => SizeHint::with_exact(0),
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream(stream) => stream.size_hint(),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Body::full(bytes)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Body::full(text)
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Body::full(text)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Empty => f.write_str("Body::Empty"),
            Content::Full(bytes) => write!(f, "Body::Full({} bytes)", bytes.len()),
            Content::Stream(_) => f.write_str("Body::Stream"),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::{BodyExt, Full};

    use super::*;

    #[tokio::test]
    async fn full_bodies_give_their_bytes_once_and_know_their_length() {
        let mut body = Body::full("hello");
        assert_eq!(body.len(), Some(5));
        assert!(!body.is_end_stream());
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "hello");
        assert!(body.is_end_stream());
        assert_eq!(body.len(), Some(0));
        assert!(body.frame().await.is_none());
    }

    #[test]
    fn an_empty_body_has_ended_before_it_begins() {
        assert!(Body::empty().is_end_stream());
        assert!(Body::full(Bytes::new()).is_end_stream());
        assert_eq!(Body::default().len(), Some(0));
    }

    #[tokio::test]
    async fn a_stream_keeps_its_own_size_hint() {
        let inner = Full::new(Bytes::from_static(b"streamed")).map_err(|never| match never {});
        let body = Body::stream(inner);
        assert_eq!(body.len(), Some(8));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "streamed");
    }

    #[test]
    fn a_body_stays_small() {
        assert!(size_of::<Body>() <= 40, "{} bytes", size_of::<Body>());
    }
}
