//! Serving the files of a folder to GET and HEAD requests (RFC 9110).
//!
//! [`StaticFiles`] answers what it has and leaves the rest to the operator's callback. It promises that nothing
//! outside the folder is ever sent (whatever the path is made of, and wherever a symbolic link points), that hidden
//! files stay hidden, that a saved file is seen at the next reload (browsers are told to ask again, and get a 304 if
//! nothing changed), and that a large file never stands in memory: it is read in pieces of 64 KiB on the blocking
//! pool, each when the client has taken the one before.
//!
//! Conditions, ranges (one or several) and compressed neighbours (`app.js.br`, `app.js.gz`) are handled as the RFC
//! says. There are no folder listings. Authentication, CORS and the `Date` header are left to the server.
//!
//! Ready-made crates were weighed: each lacks several of what is promised here (`If-None-Match` or `If-Range`,
//! several ranges, links that lead out, hidden files), so this builds on the small ones for dates, MIME types and
//! percent-encoding.

mod conditions;
mod encoding;
mod file_body;
mod folder;
mod media_type;
mod range;

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    LOCATION, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use self::conditions::{Validators, Verdict};
use self::encoding::Encoding;
use self::file_body::Segment;
use self::folder::{Entry, Folder, RequestPath};
use self::range::Ranges;
use crate::body::Body;

/// The file that stands for its folder.
const INDEX: &str = "index.html";

/// Why a folder cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    /// Nothing is there.
    #[error("the folder does not exist")]
    Missing,
    /// Something else has the name.
    #[error("it is a file and not a folder")]
    NotAFolder,
    /// The system does not let this user in.
    #[error("the folder may not be read")]
    NotPermitted,
}

/// A folder whose files are served.
#[derive(Debug, Clone)]
pub struct StaticFiles {
    root: PathBuf,
}

impl StaticFiles {
    /// Serves the files below `root`. The folder is looked up at each request, so it may appear, vanish or be
    /// replaced while the server runs.
    pub fn new(root: PathBuf) -> Self {
        StaticFiles { root }
    }

    /// The folder, as it was given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether there is a folder to serve at this moment.
    ///
    /// # Errors
    /// [`FolderError`], which an operator can show as a warning; [`serve`](Self::serve) works on regardless.
    pub fn check(&self) -> Result<(), FolderError> {
        match std::fs::read_dir(&self.root) {
            Ok(_) => Ok(()),
            Err(error) => Err(match error.kind() {
                io::ErrorKind::NotADirectory => FolderError::NotAFolder,
                io::ErrorKind::PermissionDenied => FolderError::NotPermitted,
                _ => FolderError::Missing,
            }),
        }
    }

    /// The answer to a GET or HEAD request, or `None` where there is no such file, where it must not be served, and
    /// for every other method.
    ///
    /// A folder is answered by its `index.html`, after a redirect to the path with a slash at its end. A file that
    /// the system refuses to read is answered with 403, a failing disk with 500; both are logged. Must be called
    /// within a tokio runtime; the look-up and every read run on its blocking pool.
    pub async fn serve(&self, request: &Parts) -> Option<Response<Body>> {
        let wanted = Wanted::new(request)?;
        let root = self.root.clone();
        // One hop for everything a small file needs, its content included.
        match tokio::task::spawn_blocking(move || answer(&root, &wanted)).await {
            Ok(answer) => answer,
            Err(failure) => Some(refuse(io::Error::other(failure), &self.root)),
        }
    }
}

/// What the look-up needs of a request.
struct Wanted {
    head: bool,
    path: RequestPath,
    /// Where the request goes if its path is a folder.
    with_slash: Option<HeaderValue>,
    headers: HeaderMap,
}

impl Wanted {
    fn new(request: &Parts) -> Option<Self> {
        let head = request.method == Method::HEAD;
        if !head && request.method != Method::GET {
            return None;
        }
        let uri = &request.uri;
        let path = RequestPath::parse(uri.path())?;
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let with_slash = HeaderValue::try_from(format!("{}/{query}", uri.path())).ok();
        Some(Wanted { head, path, with_slash, headers: request.headers.clone() })
    }
}

/// A file as it would be sent, whole.
struct Representation {
    entry: Entry,
    content_type: HeaderValue,
    encoding: Option<Encoding>,
    /// Whether another `Accept-Encoding` might have chosen otherwise.
    varies: bool,
    validators: Validators,
}

fn answer(root: &Path, wanted: &Wanted) -> Option<Response<Body>> {
    let found = Folder::new(root).and_then(|folder| match folder {
        Some(folder) => look_up(&folder, wanted),
        None => Ok(None),
    });
    found.unwrap_or_else(|error| Some(refuse(error, &root.join(wanted.path.relative()))))
}

fn look_up(folder: &Folder, wanted: &Wanted) -> io::Result<Option<Response<Body>>> {
    let mut relative = wanted.path.relative().to_owned();
    let Some(mut entry) = folder.find(&relative)? else { return Ok(None) };
    if entry.is_folder() {
        relative.push(INDEX);
        match folder.find(&relative)? {
            Some(index) if index.is_file() => entry = index,
            _ => return Ok(None),
        }
        if !wanted.path.ends_with_slash() {
            return Ok(wanted.with_slash.clone().map(redirect));
        }
    } else if !entry.is_file() || wanted.path.ends_with_slash() {
        return Ok(None);
    }
    let now = SystemTime::now();
    let representation = choose(folder, &relative, entry, &wanted.headers, now)?;
    respond(representation, wanted, now).map(Some)
}

/// Chooses between the file and its compressed neighbours. One that is older than the file is passed over, because
/// the file was edited since.
fn choose(
    folder: &Folder,
    relative: &Path,
    plain: Entry,
    headers: &HeaderMap,
    now: SystemTime,
) -> io::Result<Representation> {
    let accepted = encoding::accepted(headers);
    let content_type = media_type::of(relative);
    let mut neighbours = Vec::new();
    for encoding in Encoding::ALL {
        let mut name = relative.to_owned().into_os_string();
        name.push(encoding.suffix());
        let neighbour = folder.find(Path::new(&name))?;
        neighbours
            .extend(neighbour.filter(|entry| entry.is_file() && !entry.is_older_than(&plain)).map(|e| (encoding, e)));
    }
    let varies = !neighbours.is_empty();
    let best = accepted.iter().find_map(|wanted| neighbours.iter().position(|(encoding, _)| encoding == wanted));
    let (encoding, entry) = match best {
        Some(index) => {
            let (encoding, entry) = neighbours.swap_remove(index);
            (Some(encoding), entry)
        }
        None => (None, plain),
    };
    let validators = Validators::new(entry.size(), entry.modified(), encoding, now);
    Ok(Representation { entry, content_type, encoding, varies, validators })
}

fn respond(representation: Representation, wanted: &Wanted, now: SystemTime) -> io::Result<Response<Body>> {
    let mut response = Response::new(Body::empty());
    representation.describe(response.headers_mut());
    match representation.validators.evaluate(&wanted.headers) {
        Verdict::Send => {}
        Verdict::NotModified => {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        Verdict::Failed => {
            *response.status_mut() = StatusCode::PRECONDITION_FAILED;
            return Ok(response);
        }
    }

    let size = representation.entry.size();
    let ranges = if wanted.head || !representation.validators.allow_range(&wanted.headers, now) {
        Ranges::Whole
    } else {
        Ranges::of(&wanted.headers, size)
    };
    response.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ranges::Unsatisfiable = ranges {
        *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
        response.headers_mut().insert(CONTENT_RANGE, text(format!("bytes */{size}")));
        return Ok(response);
    }

    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, representation.content_type.clone());
    if let Some(encoding) = representation.encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    let segments = match ranges {
        Ranges::Parts(parts) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            partial(response.headers_mut(), &parts, size, &representation.content_type)
        }
        Ranges::Whole | Ranges::Unsatisfiable => vec![Segment::File(0..size)],
    };
    let length = file_body::length(&segments);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    if !wanted.head {
        *response.body_mut() = file_body::body(representation.entry.open()?, segments)?;
    }
    Ok(response)
}

impl Representation {
    /// The headers that every answer about the file has, a 304 included.
    fn describe(&self, headers: &mut HeaderMap) {
        // The file may be saved at any moment; asking again costs a 304.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if self.varies {
            headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if let Some(etag) = self.validators.etag() {
            headers.insert(ETAG, etag);
        }
        if let Some(modified) = self.validators.last_modified() {
            headers.insert(LAST_MODIFIED, modified);
        }
    }
}

/// The body of a 206 answer: one range as it is, several as `multipart/byteranges` (RFC 9110 §14.6).
fn partial(headers: &mut HeaderMap, parts: &[Range<u64>], size: u64, content_type: &HeaderValue) -> Vec<Segment> {
    let content_range = |part: &Range<u64>| format!("bytes {}-{}/{size}", part.start, part.end - 1);
    if let [part] = parts {
        headers.insert(CONTENT_RANGE, text(content_range(part)));
        return vec![Segment::File(part.clone())];
    }
    // Unlikely to stand in the file, and not to be foreseen by who wrote it.
    let boundary = format!("{:016x}{:016x}", random(), random());
    headers.insert(CONTENT_TYPE, text(format!("multipart/byteranges; boundary={boundary}")));
    let content_type = content_type.to_str().unwrap_or_default();
    let mut segments = Vec::with_capacity(parts.len() * 2 + 1);
    for part in parts {
        let range = content_range(part);
        let head = format!("\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {range}\r\n\r\n");
        segments.push(Segment::Text(head.into()));
        segments.push(Segment::File(part.clone()));
    }
    segments.push(Segment::Text(format!("\r\n--{boundary}--\r\n").into()));
    segments
}

/// Sends the client to the folder's own path, so that relative links in its page work. Not permanent, because a
/// browser would keep to it after the folder has become something else.
fn redirect(with_slash: HeaderValue) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert(LOCATION, with_slash);
    response
}

fn refuse(error: io::Error, path: &Path) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = if error.kind() == io::ErrorKind::PermissionDenied {
        StatusCode::FORBIDDEN
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    tracing::warn!(path = %path.display(), %error, "a static file could not be served");
    response
}

/// A header value of text that this module wrote itself: digits and ASCII names.
fn text(value: String) -> HeaderValue {
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static(""))
}

fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}
