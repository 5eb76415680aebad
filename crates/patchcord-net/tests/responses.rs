//! Bodies as hyper sends them: lengths announced, small answers in one write, slow readers without cost.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use patchcord_net::body::Body;
use patchcord_net::static_files::StaticFiles;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};

/// One end of a pipe that notes the size of each write.
struct Recorded {
    pipe: DuplexStream,
    writes: Arc<Mutex<Vec<usize>>>,
}

impl AsyncRead for Recorded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(data)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let data: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let result = Pin::new(&mut self.pipe).poll_write(cx, &data);
        if let Poll::Ready(Ok(count)) = result {
            self.writes.lock().unwrap().push(count);
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

/// Serves one connection over a pipe that holds `capacity` bytes; gives the client's end and the record of writes.
fn serve<F, R>(capacity: usize, respond: F) -> (DuplexStream, Arc<Mutex<Vec<usize>>>)
where
    F: Fn(Request<hyper::body::Incoming>) -> R + 'static,
    R: Future<Output = Response<Body>> + 'static,
{
    let (client, pipe) = tokio::io::duplex(capacity);
    let writes = Arc::new(Mutex::new(Vec::new()));
    let io = TokioIo::new(Recorded { pipe, writes: writes.clone() });
    let service = service_fn(move |request| {
        let response = respond(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    tokio::task::spawn_local(async move {
        // A client that goes away is part of the test.
        let _ = http1::Builder::new().serve_connection(io, service).await;
    });
    (client, writes)
}

async fn exchange(client: &mut DuplexStream, request: &str) -> String {
    client.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).await.unwrap();
    String::from_utf8(reply).unwrap()
}

fn in_local_set(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

#[test]
fn head_and_body_of_a_small_answer_leave_in_one_write() {
    in_local_set(async {
        let (mut client, writes) = serve(1 << 20, |_| async { Response::new(Body::full("hello")) });
        let reply = exchange(&mut client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(reply.contains("content-length: 5\r\n"), "{reply}");
        assert!(reply.ends_with("\r\n\r\nhello"), "{reply}");
        assert_eq!(*writes.lock().unwrap(), [reply.len()]);
    });
}

#[test]
fn an_empty_answer_announces_zero_and_204_nothing() {
    in_local_set(async {
        let (mut client, _) = serve(1 << 20, |request: Request<_>| async move {
            let mut response = Response::new(Body::empty());
            if request.uri().path() == "/204" {
                *response.status_mut() = StatusCode::NO_CONTENT;
            }
            response
        });
        let both = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /204 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let reply = exchange(&mut client, both).await;
        let (first, second) = reply.split_once("HTTP/1.1 204").unwrap();
        assert!(first.contains("content-length: 0\r\n"), "{first}");
        assert!(!second.contains("content-length"), "{second}");
    });
}

#[test]
fn a_file_is_served_with_get_and_announced_with_head() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), vec![b'x'; 300_000]).unwrap();
    let root = folder.path().to_owned();
    in_local_set(async move {
        for (method, length) in [("GET", 300_000), ("HEAD", 0)] {
            let files = StaticFiles::new(root.clone());
            let (mut client, _) = serve(1 << 20, move |request| {
                let files = files.clone();
                async move { files.serve(&request.into_parts().0).await.unwrap() }
            });
            let request = format!("{method} /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let reply = exchange(&mut client, &request).await;
            let (head, body) = reply.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("content-length: 300000\r\n"), "{head}");
            assert_eq!(body.len(), length);
        }
    });
}

/// A stream without end that counts what was taken from it.
struct Endless(Arc<AtomicUsize>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = Bytes::from(vec![0; 64 * 1024]);
        self.0.fetch_add(piece.len(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[test]
fn a_stream_is_not_drained_for_a_client_that_does_not_read() {
    in_local_set(async {
        let taken = Arc::new(AtomicUsize::new(0));
        let counter = taken.clone();
        let (mut client, _) = serve(4096, move |_| {
            let stream = Body::stream(Endless(counter.clone()));
            async move { Response::new(stream) }
        });
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut head = [0; 16];
        client.read_exact(&mut head).await.unwrap();
        for _ in 0..10_000 {
            tokio::task::yield_now().await;
        }
        let taken = taken.load(Ordering::Relaxed);
        assert!((1..=1 << 20).contains(&taken), "{taken} bytes for a client that read 16");
    });
}
