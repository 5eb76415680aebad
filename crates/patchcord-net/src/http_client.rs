//! Requests that this end makes of an HTTP server.
//!
//! [`HttpClient`] goes the way of every dial (name look-up, TCP, TLS, verified by the system's authorities), asks by
//! HTTP/1.1 and reads the answer whole, under one time limit and with a limit to its size. Each request has a connection of
//! its own, and a redirect is an answer like any other: who asks decides.

use std::cell::RefCell;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, TRANSFER_ENCODING, UPGRADE,
    USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use patchcord_websocket::handshake::client::{MAX_HEADERS, RequestError};

use crate::client::{Address, DialError, DialSettings, Phase, dial_stream, lost_by, system_tls};
use crate::tls::TlsClient;

/// Who asks, where the headers do not say.
const AGENT: &str = concat!("patchcord/", env!("CARGO_PKG_VERSION"));
/// Headers that say how the message is framed: what is given can only contradict what is sent, and is left out.
const FRAMING: [HeaderName; 4] = [CONNECTION, UPGRADE, CONTENT_LENGTH, TRANSFER_ENCODING];

/// What is asked.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// Where: server, path and query.
    pub address: Address,
    /// The method.
    pub method: Method,
    /// Names and values, as they are written.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: HttpBody,
}

/// The body of a request.
#[derive(Clone, Debug)]
pub enum HttpBody {
    /// None.
    Empty,
    /// Text: plain text in UTF-8, unless a header says otherwise.
    Text(String),
    /// Bytes: of no type, unless a header says otherwise.
    Binary(Bytes),
}

/// The limits of a request.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// From the beginning to the last byte of the answer.
    pub time: Duration,
    /// Bytes of the answer's body.
    pub body: usize,
}

impl Default for HttpLimits {
    /// 30 seconds, 16 MiB.
    fn default() -> Self {
        HttpLimits { time: Duration::from_secs(30), body: 16 << 20 }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// There was no way to the server, the request cannot be made, or the answer cannot be read.
    #[error(transparent)]
    Failed(#[from] DialError),
    /// The time limit has passed.
    #[error("no answer from {server} within {} s", limit.as_secs_f64())]
    TimedOut {
        /// The server.
        server: String,
        /// The limit.
        limit: Duration,
    },
}

impl From<RequestError> for HttpError {
    fn from(error: RequestError) -> Self {
        HttpError::Failed(error.into())
    }
}

/// The value of an `Authorization` header (RFC 7617).
pub fn basic_authorization(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Makes requests.
#[derive(Default)]
pub struct HttpClient {
    /// The system's authorities, once they have been read.
    tls: RefCell<Option<TlsClient>>,
}

impl HttpClient {
    /// Asks, and reads the answer whole. Must be called inside a `LocalSet`; dropping the future gives up at once.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn request(&self, request: HttpRequest, limits: HttpLimits) -> Result<Response<Bytes>, HttpError> {
        let server = request.address.host_header().to_owned();
        let answered = tokio::time::timeout(limits.time, self.ask(request, limits)).await;
        answered.unwrap_or(Err(HttpError::TimedOut { server, limit: limits.time }))
    }

    async fn ask(&self, request: HttpRequest, limits: HttpLimits) -> Result<Response<Bytes>, HttpError> {
        let (address, request) = encode(request)?;
        let settings =
            DialSettings { tls: self.tls(&address).await?, time_limit: limits.time, ..DialSettings::default() };
        let transport = dial_stream(&address, &settings, &|_| {}).await?;
        let mut builder = http1::Builder::new();
        builder.max_headers(MAX_HEADERS);
        let (mut sender, connection) =
            builder.handshake(TokioIo::new(transport)).await.map_err(|error| failed(&error))?;
        let asking = async {
            let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
            let (head, body) = response.into_parts();
            Ok(Response::from_parts(head, collect(body, limits.body).await?))
        };
        tokio::pin!(asking, connection);
        tokio::select! {
            biased;
            answer = &mut asking => answer,
            // What went wrong shows at the request.
            _ = &mut connection => asking.await,
        }
    }

    async fn tls(&self, address: &Address) -> Result<Option<TlsClient>, DialError> {
        if !address.is_tls() {
            return Ok(None);
        }
        let known = self.tls.borrow().clone();
        if known.is_some() {
            return Ok(known);
        }
        let tls = system_tls().await?;
        self.tls.replace(Some(tls.clone()));
        Ok(Some(tls))
    }
}

fn encode(request: HttpRequest) -> Result<(Address, Request<Full<Bytes>>), HttpError> {
    let HttpRequest { address, method, headers: given, body } = request;
    let mut headers = HeaderMap::new();
    for (name, text) in &given {
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| RequestError::BadHeaderName(name.clone()))?;
        if !FRAMING.contains(&header) {
            headers.append(header, value(name, text)?);
        }
    }
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if !headers.contains_key(HOST) {
        headers.insert(HOST, value("host", address.host_header())?);
    }
    if let Some(authorization) = address.authorization().filter(|_| !headers.contains_key(AUTHORIZATION)) {
        headers.insert(AUTHORIZATION, value("authorization", &authorization)?);
    }
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
    let (kind, bytes) = match body {
        HttpBody::Empty => (None, Bytes::new()),
        HttpBody::Text(text) => (Some("text/plain; charset=utf-8"), Bytes::from(text)),
        HttpBody::Binary(bytes) => (Some("application/octet-stream"), bytes),
    };
    if let Some(kind) = kind {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
    }
    let mut made = Request::new(Full::new(bytes));
    *made.method_mut() = method;
    // Without the query, which may be secret.
    let bad_path = || RequestError::BadPath(address.target().split('?').next().unwrap_or_default().to_owned());
    *made.uri_mut() = address.target().parse::<Uri>().map_err(|_| bad_path())?;
    *made.headers_mut() = headers;
    Ok((address, made))
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, HttpError> {
    let too_large = || HttpError::Failed(DialError::ResponseTooLarge { limit });
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| failed(&error))?.into_data() else { continue };
        if whole.len() + data.len() > limit {
            return Err(too_large());
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

fn value(name: &str, text: &str) -> Result<HeaderValue, RequestError> {
    HeaderValue::from_str(text)
        .or_else(|_| HeaderValue::from_bytes(text.as_bytes()))
        .map_err(|_| RequestError::BadHeaderValue(name.to_owned()))
}

/// What a failed request says to who made it.
pub(crate) fn failed(error: &hyper::Error) -> DialError {
    if error.is_parse() {
        return DialError::BadResponse { reason: error.to_string() };
    }
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return lost_by(Phase::Request, error);
        }
        source = error.source();
    }
    lost_by(Phase::Request, &std::io::ErrorKind::UnexpectedEof.into())
}
