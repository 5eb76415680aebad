//! The requests of one session: at most one GET and one POST at a time (the core sees to that), over connections that are
//! kept. There is no time limit to an answer but the session's own heartbeat; opening a connection has that of the dial.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, LOCATION, ORIGIN,
    SET_COOKIE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use patchcord_socketio::engine::payload::Body;
use patchcord_websocket::handshake::client::{MAX_HEADERS, MAX_REFUSAL_BODY, Refusal, RequestError};
use tokio::task::JoinHandle;

use super::cookies::Cookies;
use super::driver::Driver;
use super::{Handler, Target};
use crate::catch_panic::catch_panic;
use crate::client::{Address, DialError, DialSettings, Phase, Progress, RedirectRefusal};
use crate::client::{dial_stream, redirected, system_tls};
use crate::http_client::failed;

/// Connections that are kept for later: one for GETs, one for POSTs.
const MOST_IDLE: usize = 2;
/// How long a connection is kept that a POST can be trusted to, where the server does not say how long it keeps it: less
/// than the shortest that servers are known to. A POST that is lost cannot be sent again.
const TRUSTED: Duration = Duration::from_secs(1);
/// How long a connection may take to get over its last request.
const READY: Duration = Duration::from_millis(50);
/// How long the body of a refusal is waited for.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// Bytes that a body may have beside twice the largest message: several packets, base64.
const SLACK: usize = 1 << 20;
/// Headers that a request has of its own.
const OWN: [HeaderName; 6] = [HOST, CONNECTION, UPGRADE, CONTENT_LENGTH, TRANSFER_ENCODING, CONTENT_TYPE];

/// What came of a request.
pub(super) enum Answer {
    Get(Bytes),
    Post,
    Failed(DialError),
}

/// The requests that are out, and what they share. Dropping it abandons them.
pub(super) struct Polling {
    requests: Rc<Requests>,
    get: Option<Task>,
    post: Option<Task>,
}

struct Requests {
    address: Address,
    dial: RefCell<DialSettings>,
    /// All but cookies.
    headers: Result<HeaderMap, RequestError>,
    cookies: RefCell<Cookies>,
    idle: RefCell<Vec<Connection>>,
    body_limit: Cell<usize>,
}

/// A connection that no request is out on.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    _task: Task,
    /// Until when a POST can be trusted to it.
    trusted: Instant,
}

/// A request that failed before anything of its answer came.
enum Unanswered {
    /// The server cannot have seen it.
    Unsent(DialError),
    /// The server may have seen it.
    Sent(DialError),
}

/// A task that ends when it is dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Polling {
    pub(super) fn new(target: &Target) -> Self {
        let Target { address, dial, connection } = target;
        let given = dial.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        let given: Vec<&str> = given.map(|(_, value)| value.as_str()).collect();
        let requests = Requests {
            address: address.clone(),
            headers: headers(address, dial),
            dial: RefCell::new(dial.clone()),
            cookies: RefCell::new(Cookies::from_header(&given.join(";"))),
            idle: RefCell::default(),
            body_limit: Cell::new(body_limit(connection.message)),
        };
        Polling { requests: Rc::new(requests), get: None, post: None }
    }

    /// Changes how large a message may be.
    pub(super) fn set_message_limit(&self, bytes: usize) {
        self.requests.body_limit.set(body_limit(bytes));
    }

    /// Lends the dial of a WebSocket the session's cookies, in the place of those of the settings, and what TLS verifies by.
    pub(super) fn lend(&self, dial: &mut DialSettings) {
        dial.tls.clone_from(&self.requests.dial.borrow().tls);
        dial.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("cookie"));
        dial.headers.extend(self.requests.cookies.borrow().header().map(|cookies| ("Cookie".to_owned(), cookies)));
    }

    /// Makes a POST, or without a body a GET, and tells the driver what came of it.
    pub(super) fn request<H: Handler>(
        &mut self,
        driver: Rc<Driver<H>>,
        session: u64,
        target: String,
        body: Option<Body>,
    ) {
        let requests = self.requests.clone();
        let place = if body.is_some() { &mut self.post } else { &mut self.get };
        let task = tokio::task::spawn_local(async move {
            let report = |progress: &Progress| driver.handle_progress(progress);
            let answered = {
                let mut asking = pin!(requests.ask(&target, body.as_ref(), &report));
                poll_fn(|cx| match catch_panic(|| asking.as_mut().poll(cx)) {
                    Ok(polled) => polled,
                    Err(reason) => Poll::Ready(Err(DialError::Panicked(reason))),
                })
                .await
            };
            let answer = match answered {
                Ok(_) if body.is_some() => Answer::Post,
                Ok(body) => Answer::Get(body),
                Err(error) => Answer::Failed(error),
            };
            driver.handle_answer(session, answer);
        });
        // The one before has been answered; this may be called from within its task, which ends with the call.
        *place = Some(Task(task));
    }
}

impl Requests {
    /// Makes a request, over a connection that is kept or a new one. Gives the body of the answer.
    async fn ask(&self, target: &str, body: Option<&Body>, report: &dyn Fn(&Progress)) -> Result<Bytes, DialError> {
        let address = self.address.clone().with_target(target);
        if let Some(mut kept) = self.take_idle(body.is_some()).await {
            match self.send(&mut kept, self.encode(&address, body)?).await {
                Ok(response) => return self.read(kept, response).await,
                // The server has ended it in between. What it cannot have seen, or may see twice, is asked anew.
                Err(Unanswered::Unsent(_)) => {}
                Err(Unanswered::Sent(_)) if body.is_none() => {}
                Err(Unanswered::Sent(error)) => return Err(error),
            }
        }
        let request = self.encode(&address, body)?;
        let mut connection = self.open(&address, report).await?;
        match self.send(&mut connection, request).await {
            Ok(response) => self.read(connection, response).await,
            Err(Unanswered::Unsent(error) | Unanswered::Sent(error)) => Err(error),
        }
    }

    fn encode(&self, address: &Address, body: Option<&Body>) -> Result<Request<Full<Bytes>>, DialError> {
        let mut headers = self.headers.clone()?;
        if let Some(cookies) = self.cookies.borrow().header() {
            headers.insert(COOKIE, value(COOKIE.as_str(), &cookies)?);
        }
        if let Some(body) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(body.content_type));
        }
        let mut request = Request::new(Full::new(body.map(|body| body.bytes.clone()).unwrap_or_default()));
        *request.method_mut() = if body.is_some() { Method::POST } else { Method::GET };
        // Without the query, which may be secret.
        let bad_path = || RequestError::BadPath(address.target().split('?').next().unwrap_or_default().to_owned());
        *request.uri_mut() = address.target().parse::<Uri>().map_err(|_| bad_path())?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// A connection that the server has not ended, as far as is known.
    async fn take_idle(&self, for_post: bool) -> Option<Connection> {
        // An end that has come already is seen before the connection is used.
        tokio::task::yield_now().await;
        loop {
            let now = Instant::now();
            let mut connection = {
                let mut idle = self.idle.borrow_mut();
                idle.retain(|connection| !connection.sender.is_closed());
                let place = idle.iter().rposition(|connection| !for_post || now < connection.trusted)?;
                idle.remove(place)
            };
            // A connection that has just been used takes a moment; one whose last request was answered before it had been
            // sent takes for ever.
            if let Ok(Ok(())) = tokio::time::timeout(READY, connection.sender.ready()).await {
                return Some(connection);
            }
        }
    }

    async fn open(&self, address: &Address, report: &dyn Fn(&Progress)) -> Result<Connection, DialError> {
        let mut dial = self.dial.borrow().clone();
        if address.is_tls() && dial.tls.is_none() {
            // Once for all connections of the session.
            dial.tls = Some(system_tls().await?);
            self.dial.borrow_mut().tls.clone_from(&dial.tls);
        }
        let transport = dial_stream(address, &dial, report).await?;
        // An address has a scheme of WebSocket, whatever was written; requests are asked as what they are.
        report(&Progress { phase: Phase::Request, subject: address.to_string().replacen("ws", "http", 1) });
        let mut builder = http1::Builder::new();
        builder.max_headers(MAX_HEADERS);
        let (sender, connection) = builder.handshake(TokioIo::new(transport)).await.map_err(|error| failed(&error))?;
        let task = tokio::task::spawn_local(async move {
            // What goes wrong shows at the request.
            let _ = connection.await;
        });
        Ok(Connection { sender, _task: Task(task), trusted: Instant::now() })
    }

    async fn send(
        &self,
        connection: &mut Connection,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Unanswered> {
        connection.sender.try_send_request(request).await.map_err(|mut error| {
            let is_unsent = error.take_message().is_some();
            let error = failed(error.error());
            if is_unsent { Unanswered::Unsent(error) } else { Unanswered::Sent(error) }
        })
    }

    /// Reads the body of the answer, and keeps the connection.
    async fn read(&self, mut connection: Connection, response: Response<Incoming>) -> Result<Bytes, DialError> {
        let (head, body) = response.into_parts();
        for header in head.headers.get_all(SET_COOKIE) {
            if let Ok(header) = header.to_str() {
                self.cookies.borrow_mut().set(header, SystemTime::now());
            }
        }
        if head.status != StatusCode::OK {
            return Err(self.refusal(head, body).await);
        }
        let bytes = self.collect(body).await?;
        if is_page(&head.headers, &bytes) {
            return Err(DialError::Poll(Box::new(refusal(&head, bytes))));
        }
        connection.trusted = Instant::now() + kept_for(&head.headers).map_or(TRUSTED, |kept| kept / 2);
        let mut idle = self.idle.borrow_mut();
        if idle.len() == MOST_IDLE {
            idle.remove(0);
        }
        idle.push(connection);
        Ok(bytes)
    }

    async fn collect(&self, mut body: Incoming) -> Result<Bytes, DialError> {
        let too_large = || DialError::ResponseTooLarge { limit: self.body_limit.get() };
        let announced = body.size_hint().exact();
        if announced.is_some_and(|length| length > self.body_limit.get() as u64) {
            return Err(too_large());
        }
        let mut first: Option<Bytes> = None;
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| failed(&error))?.into_data() else { continue };
            if whole.len() + data.len() > self.body_limit.get() {
                return Err(too_large());
            }
            // Most answers are short and come in one piece.
            match (&first, whole.is_empty()) {
                (None, true) => first = Some(data),
                _ => {
                    if let Some(first) = first.take() {
                        whole.extend_from_slice(&first);
                    }
                    whole.extend_from_slice(&data);
                }
            }
        }
        let bytes = first.unwrap_or_else(|| whole.freeze());
        if bytes.len() > self.body_limit.get() { Err(too_large()) } else { Ok(bytes) }
    }

    /// Why an answer is none: what it says, as far as it comes soon.
    async fn refusal(&self, head: http::response::Parts, mut body: Incoming) -> DialError {
        if head.status.is_redirection()
            && let Some(location) = head.headers.get(LOCATION)
        {
            let location = String::from_utf8_lossy(location.as_bytes());
            return redirected(&location, self.address.join(&location).as_ref(), RedirectRefusal::Polling);
        }
        let mut start = BytesMut::new();
        let reading = async {
            while start.len() < MAX_REFUSAL_BODY
                && let Some(Ok(frame)) = body.frame().await
            {
                if let Ok(data) = frame.into_data() {
                    start.extend_from_slice(&data[..data.len().min(MAX_REFUSAL_BODY - start.len())]);
                }
            }
        };
        // What has come by then is enough.
        let _ = tokio::time::timeout(REFUSAL_TIME, reading).await;
        DialError::Poll(Box::new(refusal(&head, start.freeze())))
    }
}

fn body_limit(message: usize) -> usize {
    message.saturating_mul(2).saturating_add(SLACK)
}

fn refusal(head: &http::response::Parts, body: Bytes) -> Refusal {
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    Refusal {
        status: head.status.as_u16(),
        reason: head.status.canonical_reason().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: body[..body.len().min(MAX_REFUSAL_BODY)].to_vec(),
    }
}

/// Whether an answer is a page for people: that of a portal, or of another web server.
fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    let is_html = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    is_html && body.trim_ascii_start().starts_with(b"<")
}

/// How long the server says that it keeps the connection (`Keep-Alive: timeout=5`).
fn kept_for(headers: &HeaderMap) -> Option<Duration> {
    let header = headers.get("keep-alive")?.to_str().ok()?;
    let seconds = header.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?;
    seconds.parse::<u16>().ok().map(|seconds| Duration::from_secs(seconds.into()))
}

/// What every request has beside its own: the headers of the settings, and who asks.
fn headers(address: &Address, dial: &DialSettings) -> Result<HeaderMap, RequestError> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, value("host", address.host_header())?);
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if let Some(origin) = &dial.origin {
        headers.insert(ORIGIN, value("origin", origin)?);
    }
    if let Some(authorization) = address.authorization() {
        headers.insert(AUTHORIZATION, value("authorization", &authorization)?);
    }
    let mut given = HeaderMap::new();
    for (name, text) in &dial.headers {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| RequestError::BadHeaderName(name.clone()))?;
        if OWN.contains(&header) {
            return Err(RequestError::ReservedHeader(name.clone()));
        }
        if header != COOKIE {
            given.append(header, value(name, text)?);
        }
    }
    headers.extend(given);
    Ok(headers)
}

fn value(name: &str, text: &str) -> Result<HeaderValue, RequestError> {
    HeaderValue::from_str(text).map_err(|_| RequestError::BadHeaderValue(name.to_owned()))
}
