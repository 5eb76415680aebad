//! HTTP connections: hyper on the transport, and the rules that hyper leaves to its user.
//!
//! hyper parses and writes. What it does not check is checked here before the handler is asked: one `Host`, the size of
//! target and body, and how long a peer may take. The state of a connection (who is being waited for, since when) is
//! read off the transport, so that the server's sweep can end slow peers without a timer for each.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, HeaderName, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use patchcord_websocket::handshake::server as handshake;
use patchcord_websocket::{DeflateParameters, DeflateSettings, Role, Sender};

use super::head::{check_head, header_bytes, is_read, name_host};
use super::owed::OwedBody;
use super::{Admission, CoarseClock, Handler, Limits, Refusal, Reply, Request, Shared, Upgrade};
use crate::body::Body;
use crate::catch_panic::catch_panic;
use crate::transport::Transport;
use crate::websocket::Peer;
use crate::websocket::connection::Connection;

/// Header fields that hyper allows by itself. To say the same number costs it a slower way of parsing.
const HYPER_FIELDS: usize = 100;
/// HTTP/2 streams of one connection at a time.
const MAX_STREAMS: u32 = 100;

/// Who is being waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// For the peer to begin a request.
    Idle,
    /// For the rest of a request's head.
    Head,
    /// For the rest of a request's body.
    Body,
    /// For the answer to be made, or for the peer to take it.
    Answer,
}

/// State of one connection, shared with the sweep. Only one thread touches it; it is made of atomics because hyper wants
/// a transport that could be sent to another thread.
pub(crate) struct ConnectionState {
    address: SocketAddr,
    clock: Arc<CoarseClock>,
    phase: AtomicU8,
    /// When the phase began or last made progress, by the coarse clock.
    since: AtomicU64,
    /// The socket takes no bytes at present.
    blocked: AtomicBool,
    /// When the socket took bytes last.
    written: AtomicU64,
    /// HTTP/2 carries many requests at once; only whole silence is timed, and answers that are not taken.
    is_h2: AtomicBool,
    /// Bodies of HTTP/2 answers, and pieces of them, that wait for the peer.
    owed: AtomicUsize,
    /// When the peer took any of them last, or began to owe.
    taken: AtomicU64,
    /// Requests whose answers the handler is making.
    asked: AtomicUsize,
    abandoned: AtomicBool,
    ending: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl ConnectionState {
    fn new(address: SocketAddr, clock: Arc<CoarseClock>) -> Self {
        ConnectionState {
            address,
            phase: AtomicU8::new(Phase::Head as u8),
            since: AtomicU64::new(clock.now()),
            blocked: AtomicBool::new(false),
            written: AtomicU64::new(clock.now()),
            is_h2: AtomicBool::new(false),
            owed: AtomicUsize::new(0),
            taken: AtomicU64::new(clock.now()),
            clock,
            asked: AtomicUsize::new(0),
            abandoned: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            waker: Mutex::new(None),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
        self.since.store(self.clock.now(), Relaxed);
    }

    fn is_in(&self, phase: Phase) -> bool {
        self.phase.load(Relaxed) == phase as u8
    }

    fn note_progress(&self) {
        // The head has one deadline from its first byte: a byte now and then does not extend it.
        if !self.is_in(Phase::Head) {
            self.since.store(self.clock.now(), Relaxed);
        }
    }

    fn note_written<T>(&self, written: &Poll<io::Result<T>>) {
        match written {
            Poll::Ready(_) => {
                self.blocked.store(false, Relaxed);
                self.written.store(self.clock.now(), Relaxed);
                self.note_progress();
            }
            Poll::Pending => {
                if !self.blocked.swap(true, Relaxed) {
                    self.written.store(self.clock.now(), Relaxed);
                }
            }
        }
    }

    /// Something of an HTTP/2 answer waits for the peer.
    pub(super) fn note_owed(&self) {
        if self.owed.fetch_add(1, Relaxed) == 0 {
            self.taken.store(self.clock.now(), Relaxed);
        }
    }

    /// The peer has taken it, or the stream has ended.
    pub(super) fn note_taken(&self) {
        self.owed.fetch_sub(1, Relaxed);
        self.taken.store(self.clock.now(), Relaxed);
    }

    /// The handler has been asked, and takes its time.
    pub(super) fn note_asked(&self) {
        self.asked.fetch_add(1, Relaxed);
    }

    /// The handler has answered, or the peer has gone.
    pub(super) fn note_answered(&self) {
        self.asked.fetch_sub(1, Relaxed);
        self.since.store(self.clock.now(), Relaxed);
    }

    /// Lets the connection end after the answer that it is at.
    pub(crate) fn end_gracefully(&self) {
        self.ending.store(true, Relaxed);
        self.wake();
    }

    /// Gives the connection up when the peer has been too slow; says for what.
    pub(crate) fn handle_time(&self, limits: &Limits) -> Option<&'static str> {
        let mut since = self.since.load(Relaxed);
        let (limit, reason) = if self.blocked.load(Relaxed) || self.owed.load(Relaxed) > 0 {
            // Also while idle: the answer is handed over, but not yet taken. What the peer sends meanwhile does not count.
            let blocked = self.blocked.load(Relaxed).then(|| self.written.load(Relaxed));
            let owed = (self.owed.load(Relaxed) > 0).then(|| self.taken.load(Relaxed));
            since = blocked.into_iter().chain(owed).min().unwrap_or(since);
            (limits.stall_time, Some("the answer was not read"))
        } else if self.asked.load(Relaxed) > 0 {
            return None;
        } else if self.is_in(Phase::Idle) || self.is_h2.load(Relaxed) {
            (limits.idle_time, None)
        } else if self.is_in(Phase::Head) {
            (limits.handshake_time, Some("the request's head took too long"))
        } else if self.is_in(Phase::Body) {
            (limits.stall_time, Some("the request's body stopped coming"))
        } else {
            // The handler is at work, or a file is being read: that is not the peer's fault.
            return None;
        };
        let waited = Duration::from_millis(self.clock.now().saturating_sub(since));
        if waited < limit || self.abandoned.swap(true, Relaxed) {
            return None;
        }
        self.wake();
        reason
    }

    fn set_waker(&self, waker: &Waker) {
        let mut slot = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    fn wake(&self) {
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve<H: Handler>(
    shared: Rc<Shared<H>>,
    admission: Admission<H>,
    transport: Transport,
    address: SocketAddr,
) {
    let Ok(server_address) = transport.tcp().local_addr() else { return };
    let server_address = SocketAddr::new(server_address.ip().to_canonical(), server_address.port());
    let state = Arc::new(ConnectionState::new(address, shared.clock.clone()));
    let number = shared.next_connection.get();
    shared.next_connection.set(number + 1);
    shared.http.borrow_mut().insert(number, state.clone());

    let limits = shared.settings.borrow().limits.clone();
    let admission = Rc::new(admission);
    let exchange = Rc::new(Exchange {
        shared: shared.clone(),
        state: state.clone(),
        admission,
        address,
        client_text: address.to_string().into(),
        server_text: server_address.to_string().into(),
    });
    let service = service_fn({
        let exchange = exchange.clone();
        move |request| exchange.clone().answer(request)
    });
    let mut builder = auto::Builder::new(LocalExecutor(shared.clone()));
    builder
        .http1()
        .max_buf_size(limits.head.max(8192))
        .header_read_timeout(None)
        // A client may end its half when it has asked: its answer is written all the same, to the end.
        .half_close(true)
        // Head and small bodies leave as one piece of memory: a vectored write of two costs the system more.
        .writev(false)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
        .keep_alive_interval(None);
    if limits.fields != HYPER_FIELDS {
        builder.http1().max_headers(limits.fields);
    }
    {
        let io = Observed { io: TokioIo::new(transport), state: state.clone() };
        let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
        let mut told = false;
        poll_fn(|cx| {
            if state.abandoned.load(Relaxed) {
                return Poll::Ready(());
            }
            state.set_waker(cx.waker());
            if (state.ending.load(Relaxed) || shared.is_stopping()) && !told {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
            match catch_panic(|| connection.as_mut().poll(cx)) {
                Ok(polled) => polled.map(|result| {
                    if let Err(error) = result {
                        tracing::debug!(%address, %error, "an HTTP connection ended with an error");
                    }
                }),
                Err(reason) => {
                    shared.handler.handle_refusal(&Refusal::Panicked { reason });
                    Poll::Ready(())
                }
            }
        })
        .await;
    }
    shared.http.borrow_mut().remove(&number);
}

/// Spawns hyper's own tasks (HTTP/2 streams) on this thread. A panic in one ends that stream.
struct LocalExecutor<H: Handler>(Rc<Shared<H>>);

impl<H: Handler> Clone for LocalExecutor<H> {
    fn clone(&self) -> Self {
        LocalExecutor(self.0.clone())
    }
}

impl<H: Handler, F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalExecutor<H> {
    fn execute(&self, future: F) {
        let shared = self.0.clone();
        tokio::task::spawn_local(async move {
            let mut future = pin!(future);
            poll_fn(|cx| match catch_panic(|| future.as_mut().poll(cx)) {
                Ok(polled) => polled.map(drop),
                Err(reason) => {
                    shared.handler.handle_refusal(&Refusal::Panicked { reason });
                    Poll::Ready(())
                }
            })
            .await;
        });
    }
}

/// The transport, with its progress noted in the connection's state.
struct Observed {
    io: TokioIo<Transport>,
    state: Arc<ConnectionState>,
}

impl Read for Observed {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_read(cx, buf);
        if polled.is_ready() {
            if this.state.is_in(Phase::Idle) {
                this.state.enter(Phase::Head);
            }
            this.state.note_progress();
        }
        polled
    }
}

impl Write for Observed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write(cx, buf);
        this.state.note_written(&polled);
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        this.state.note_written(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

/// What answering a request needs to know of its connection.
struct Exchange<H: Handler> {
    shared: Rc<Shared<H>>,
    state: Arc<ConnectionState>,
    /// Kept as long as the connection or what became of it lives.
    admission: Rc<Admission<H>>,
    address: SocketAddr,
    /// Both addresses as text, written out once for all requests.
    client_text: Box<str>,
    server_text: Box<str>,
}

impl<H: Handler> Exchange<H> {
    async fn answer(self: Rc<Self>, request: http::Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let mut response = self.clone().respond(request).await;
        if self.state.is_h2.load(Relaxed) && !response.body().is_end_stream() {
            response = response.map(|body| Body::stream(OwedBody::new(body, self.state.clone())));
        }
        let phase = if response.body().is_end_stream() && response.status() == StatusCode::SWITCHING_PROTOCOLS {
            Phase::Answer
        } else {
            Phase::Idle
        };
        self.state.enter(phase);
        Ok(response)
    }

    async fn respond(self: Rc<Self>, mut request: http::Request<Incoming>) -> Response<Body> {
        self.state.enter(Phase::Answer);
        if request.version() == Version::HTTP_2 {
            self.state.is_h2.store(true, Relaxed);
        }
        if let Err((status, reason)) = check_head(&request, &self.shared.settings.borrow().limits) {
            return self.refuse(status, reason);
        }
        let may_upgrade = request.version() < Version::HTTP_2 && request.headers().contains_key(UPGRADE);
        if may_upgrade && handshake::is_upgrade(header_bytes(request.headers())) {
            let upgrade = hyper::upgrade::on(&mut request);
            return self.open_websocket(request.into_parts().0, upgrade);
        }
        let settings = self.shared.settings.borrow().clone();
        let (mut parts, body) = request.into_parts();
        if self.state.is_h2.load(Relaxed) {
            name_host(&mut parts);
        }
        if let Some(preflight) = settings.cors.as_ref().and_then(|cors| cors.preflight(&parts)) {
            return preflight;
        }
        if let Some(files) = settings.static_files.as_ref().filter(|_| is_read(&parts.method))
            && let Some(mut found) = files.serve(&parts).await
        {
            if let Some(cors) = &settings.cors {
                cors.apply(&parts.headers, found.headers_mut());
            }
            return found;
        }
        let body = if body.is_end_stream() {
            Bytes::new()
        } else {
            match self.read_body(body, &settings.limits).await {
                Ok(body) => body,
                Err((status, reason)) => return self.refuse(status, reason),
            }
        };
        let handler = &self.shared.handler;
        let request = Request {
            parts: &parts,
            body: &body,
            client_address: &self.client_text,
            server_address: &self.server_text,
        };
        let mut reply = Reply::Now(Response::new(Body::empty()));
        handler.handle_turn(&mut || reply = handler.handle_request(&request));
        let mut response = reply.response(&self.state).await;
        if let Some(cors) = &settings.cors {
            cors.apply(&parts.headers, response.headers_mut());
        }
        response
    }

    async fn read_body(&self, mut body: Incoming, limits: &Limits) -> Result<Bytes, (StatusCode, &'static str)> {
        self.state.enter(Phase::Body);
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        // The sweep times the bodies of HTTP/1.1. In HTTP/2 others may go on beside one that has stopped.
        let patience = self.state.is_h2.load(Relaxed).then_some(limits.stall_time);
        loop {
            let frame = match patience {
                None => body.frame().await,
                Some(patience) => tokio::time::timeout(patience, body.frame())
                    .await
                    .map_err(|_| (StatusCode::REQUEST_TIMEOUT, "the request's body stopped coming"))?,
            };
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|_| (StatusCode::BAD_REQUEST, "the body cannot be read"))?;
            let Ok(data) = frame.into_data() else { continue };
            if first.len() + rest.len() + data.len() > limits.body {
                return Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"));
            }
            // Most bodies come in one piece, which needs no copy.
            if first.is_empty() && rest.is_empty() {
                first = data;
            } else {
                if rest.is_empty() {
                    rest.extend_from_slice(&std::mem::take(&mut first));
                }
                rest.extend_from_slice(&data);
            }
        }
        self.state.enter(Phase::Answer);
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    }

    fn open_websocket(self: Rc<Self>, parts: Parts, upgrade: hyper::upgrade::OnUpgrade) -> Response<Body> {
        let version = if parts.version >= Version::HTTP_11 { (1, 1) } else { (1, 0) };
        let mut accepted = match handshake::accept(parts.method.as_str(), version, header_bytes(&parts.headers)) {
            Ok(accepted) => accepted,
            Err(error) => {
                let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
                let mut response = self.refuse(status, "a WebSocket handshake that breaks the protocol");
                for (name, value) in error.headers() {
                    if let Ok(name) = HeaderName::try_from(*name) {
                        response.headers_mut().insert(name, HeaderValue::from_static(value));
                    }
                }
                return response;
            }
        };
        let asked = Upgrade {
            parts: &parts,
            handshake: &accepted,
            client_address: &self.client_text,
            server_address: &self.server_text,
        };
        let handler = &self.shared.handler;
        let mut answer = None;
        handler.handle_turn(&mut || answer = Some(handler.handle_upgrade(&asked)));
        let accept = match answer {
            Some(Ok(accept)) => accept,
            Some(Err(refusal)) => return *refusal,
            None => return self.refuse(StatusCode::INTERNAL_SERVER_ERROR, "the handler did not answer"),
        };
        let settings = self.shared.settings().deflate;
        let deflate = settings.and_then(|settings| Some((accepted.accept_deflate(&settings)?, settings)));
        let headers = match accepted.response_headers(accept.subprotocol.as_deref()) {
            Ok(headers) => headers,
            Err(_) => return self.refuse(StatusCode::INTERNAL_SERVER_ERROR, "a subprotocol that was not offered"),
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        tokio::task::spawn_local(begin_websocket(self, upgrade, deflate, accept.data));
        response
    }

    fn refuse(&self, status: StatusCode, reason: &'static str) -> Response<Body> {
        self.shared.handler.handle_refusal(&Refusal::Request { address: self.address.ip(), status, reason });
        let mut response = Response::new(Body::full(Bytes::from_static(reason.as_bytes())));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        // What follows on the connection cannot be trusted, or is a body that nobody will read.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}

/// Waits for hyper to let go of the transport, then hands it to a task of its own: this one, with all that belongs to
/// HTTP, is gone while the WebSocket lives.
async fn begin_websocket<H: Handler>(
    exchange: Rc<Exchange<H>>,
    upgrade: hyper::upgrade::OnUpgrade,
    deflate: Option<(DeflateParameters, DeflateSettings)>,
    data: H::Data,
) {
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(parts) = auto::upgrade::downcast::<Observed>(upgraded) else { return };
    let pending = parts.read_buf.to_vec();
    drop(parts.read_buf);
    let shared = exchange.shared.clone();
    let settings = shared.settings();
    let now = Instant::now();
    // A server does not mask, so its sender needs no seed.
    let mut sender = Sender::new(Role::Server, 0);
    if let Some((agreed, settings)) = &deflate {
        sender = sender.with_deflate(agreed, settings);
    }
    let agreed = deflate.map(|(agreed, _)| agreed);
    let client = Peer::new(data, exchange.address, sender, now, settings.heartbeat(now));
    client.set_budget(settings.limits.queue, settings.slow_reader);
    client.set_message_limit(settings.limits.message);
    let admission = exchange.admission.clone();
    let connection = Connection::new(Rc::new(client), shared, parts.io.io.into_inner(), agreed, pending, admission);
    tokio::task::spawn_local(connection);
}
