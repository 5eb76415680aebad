//! The content of a file as the body of a response.
//!
//! What fits into one piece is read at once; the rest is read piece by piece on the blocking pool, and only when the
//! connection asks for more. So a client costs at most one piece of memory here, however slowly it reads.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::body::Body;

/// Bytes that are read at a time.
const PIECE: u64 = 64 * 1024;

/// A stretch of a body.
#[derive(Debug)]
pub(super) enum Segment {
    /// Text between the parts of a multipart body.
    Text(Bytes),
    /// Bytes of the file, the end not included.
    File(Range<u64>),
}

/// The length of a body in bytes.
pub(super) fn length(segments: &[Segment]) -> u64 {
    segments
        .iter()
        .map(|segment| match segment {
            Segment::Text(text) => text.len() as u64,
            Segment::File(range) => range.end - range.start,
        })
        .sum()
}

/// Makes a body of the segments. Reads a small one now, so this belongs on the blocking pool.
///
/// # Errors
/// The file cannot be read, or has become shorter than the segments say.
pub(super) fn body(mut file: File, segments: Vec<Segment>) -> io::Result<Body> {
    let left = length(&segments);
    if left > PIECE {
        let segments = segments.into();
        return Ok(Body::stream(FileBody { file: Some(file), segments, left, reading: None }));
    }
    let mut content = Vec::with_capacity(left as usize);
    for segment in segments {
        match segment {
            Segment::Text(text) => content.extend_from_slice(&text),
            Segment::File(range) => read(&mut file, range, &mut content)?,
        }
    }
    Ok(Body::full(content))
}

/// A body that is read while it is sent.
struct FileBody {
    /// The file, unless it is with a read.
    file: Option<File>,
    /// What is yet to be read.
    segments: VecDeque<Segment>,
    /// Bytes that are yet to be handed out.
    left: u64,
    reading: Option<JoinHandle<io::Result<(File, Bytes)>>>,
}

impl FileBody {
    /// Takes the next piece from the segments and starts to read it; text comes back at once.
    fn advance(&mut self) -> Option<Bytes> {
        let range = match self.segments.front_mut()? {
            Segment::Text(text) => {
                let text = std::mem::take(text);
                self.segments.pop_front();
                return Some(text);
            }
            Segment::File(range) => {
                let piece = range.start..range.end.min(range.start + PIECE);
                range.start = piece.end;
                if range.is_empty() {
                    self.segments.pop_front();
                }
                piece
            }
        };
        let mut file = self.file.take()?;
        self.reading = Some(spawn_blocking(move || {
            let mut content = Vec::with_capacity((range.end - range.start) as usize);
            read(&mut file, range, &mut content)?;
            Ok((file, content.into()))
        }));
        None
    }

    fn finish(&mut self) {
        self.segments.clear();
        self.left = 0;
    }
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let text = if this.reading.is_none() { this.advance() } else { None };
        let piece = match (text, &mut this.reading) {
            (Some(text), _) => Ok(text),
            (None, Some(reading)) => {
                let result = ready!(Pin::new(reading).poll(cx));
                this.reading = None;
                result.unwrap_or_else(|failure| Err(io::Error::other(failure))).map(|(file, piece)| {
                    this.file = Some(file);
                    piece
                })
            }
            (None, None) => return Poll::Ready(None),
        };
        match &piece {
            Ok(piece) => this.left -= piece.len() as u64,
            Err(_) => this.finish(),
        }
        Poll::Ready(Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Appends a range of the file. The length has been announced, so a file that was cut short since is an error.
fn read(file: &mut File, range: Range<u64>, content: &mut Vec<u8>) -> io::Result<()> {
    let length = range.end - range.start;
    file.seek(SeekFrom::Start(range.start))?;
    let count = file.take(length).read_to_end(content)?;
    if (count as u64) < length {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was sent"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use http_body_util::BodyExt;

    use super::*;

    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index / 251 + index) as u8).collect()
    }

    #[tokio::test]
    async fn a_small_body_is_read_at_once() {
        let body = body(file(b"0123456789"), vec![Segment::Text("<".into()), Segment::File(2..5)]).unwrap();
        assert_eq!(format!("{body:?}"), "Body::Full(4 bytes)");
        assert_eq!(body.collect().await.unwrap().to_bytes(), "<234");
    }

    #[tokio::test]
    async fn a_large_body_comes_in_pieces_of_announced_length() {
        let content = pattern(3 * PIECE as usize + 17);
        let size = content.len() as u64;
        let segments =
            vec![Segment::File(5..size), Segment::Text("--".into()), Segment::File(1..4), Segment::Text("==".into())];
        let mut expected = content[5..].to_vec();
        expected.extend_from_slice(b"--");
        expected.extend_from_slice(&content[1..4]);
        expected.extend_from_slice(b"==");

        let mut body = body(file(&content), segments).unwrap();
        let mut received = Vec::new();
        while let Some(frame) = body.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() as u64 <= PIECE);
            received.extend_from_slice(&piece);
            assert_eq!(body.len(), Some((expected.len() - received.len()) as u64));
        }
        assert!(received == expected);
        assert!(body.is_empty());
    }

    #[tokio::test]
    async fn a_file_that_is_cut_short_ends_in_an_error() {
        let large = file(&pattern(200_000));
        let handle = large.try_clone().unwrap();
        let mut body = body(large, vec![Segment::File(0..200_000)]).unwrap();
        assert!(body.frame().await.unwrap().is_ok());
        handle.set_len(70_000).unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(body.frame().await.is_none());
        assert!(super::body(file(b"abc"), vec![Segment::File(0..4)]).is_err());
    }
}
