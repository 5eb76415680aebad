//! The lines of a recording: one JSON object each, first the header, then an entry for everything that happened.
//!
//! Fields that are not known are ignored, so that a later version can add some; a new kind of entry, or a field that
//! changes its meaning, is a new [`VERSION`].

use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{Body, Content, Direction, Entry, Header, Headers, Request, Response};

/// Version of the format, in the field `patchcord_recording` of the first line.
pub const VERSION: u32 = 1;

/// Longest line, in bytes with its end (32 MiB): a binary message of 24 MiB, or a text of the same order.
pub const MAX_LINE_BYTES: usize = 32 << 20;

/// Latest time of an entry (ten years). What is later is a slip of whoever wrote it.
const MAX_SECONDS: f64 = 10.0 * 365.0 * 86_400.0;

/// Why a line is no header or no entry.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// It is not JSON, as the last line of a program that was cut off.
    #[error("broken: {0}")]
    Broken(String),
    /// It is JSON, and a field is missing or has the wrong type.
    #[error("{0}")]
    Field(String),
    /// The first line is none of a recording.
    #[error("the first line has no `patchcord_recording`, so this is no recording")]
    NoRecording,
    /// A later program wrote it.
    #[error("the format is version {0}, and this program reads up to {VERSION}")]
    Version(u32),
    /// A kind that this version has not.
    #[error("unknown kind `{0}`; there are open, failed, close, text, binary, ping, pong, request, response, lost")]
    Kind(String),
    /// Neither `in` nor `out`.
    #[error("unknown direction `{0}`; there are in, out")]
    Direction(String),
    /// A field that the kind needs.
    #[error("a {kind} entry needs `{field}`")]
    Missing {
        /// The kind.
        kind: &'static str,
        /// The field.
        field: &'static str,
    },
    /// The bytes of a binary entry, a ping or a pong.
    #[error("`data` is not base64: {0}")]
    Data(base64::DecodeError),
    /// A time before the start or out of reach.
    #[error("`{field}` is {value}, which is no time in seconds that can be")]
    Time {
        /// The field.
        field: &'static str,
        /// What it says.
        value: f64,
    },
}

/// Appends the first line.
pub fn write_header(out: &mut Vec<u8>, header: &Header) {
    // Before 1970 only a clock that was never set can be.
    let start = header.start.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (operator, operator_type) = (json(&header.operator), json(&header.operator_type));
    let start = seconds(start);
    let line = format!(
        "{{\"patchcord_recording\":{VERSION},\"operator\":{operator},\"type\":{operator_type},\"start\":{start}}}\n"
    );
    out.extend_from_slice(line.as_bytes());
}

/// Appends the line of an entry, when there is room for it.
///
/// # Errors
/// When `out` would be longer than `limit` bytes; it is then as it was before.
pub fn write_entry(out: &mut Vec<u8>, at: Duration, entry: &Entry<'_>, limit: usize) -> Result<(), NoRoom> {
    let before = out.len();
    write_line(&mut Bounded { out, limit }, at, entry).map_err(|_| {
        out.truncate(before);
        NoRoom
    })
}

/// The line of an entry is longer than the room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

fn write_line(out: &mut Bounded<'_>, at: Duration, entry: &Entry<'_>) -> io::Result<()> {
    write!(out, "{{\"at\":{}", seconds(at))?;
    let direction = match entry.direction {
        _ if !has_direction(&entry.content) => None,
        Direction::In => Some("in"),
        Direction::Out => Some("out"),
    };
    if let Some(direction) = direction {
        write!(out, ",\"dir\":\"{direction}\"")?;
    }
    write!(out, ",\"kind\":\"{}\"", kind(&entry.content))?;
    for (name, value) in [("peer", &entry.peer), ("event", &entry.event), ("offset", &entry.offset)] {
        if let Some(value) = value {
            write_text(out, name, value)?;
        }
    }
    match &entry.content {
        Content::Open { uri, subprotocol } => {
            write_text_if_any(out, "uri", uri)?;
            write_text_if_any(out, "subprotocol", subprotocol)?;
        }
        Content::Failed { reason } => write_text(out, "reason", reason)?,
        Content::Close { code, reason } => {
            if let Some(code) = code {
                write!(out, ",\"code\":{code}")?;
            }
            write_text_if_any(out, "reason", reason)?;
        }
        Content::Text(text) => write_text(out, "text", text)?,
        Content::Binary(bytes) | Content::Ping(bytes) | Content::Pong(bytes) => write_bytes(out, bytes)?,
        Content::Request(Request { method, uri, server, headers, body }) => {
            write_text(out, "method", method)?;
            write_text(out, "uri", uri)?;
            write_text_if_any(out, "server", server)?;
            write_headers(out, headers)?;
            write_body(out, body)?;
        }
        Content::Response(Response { status, headers, body }) => {
            write!(out, ",\"status\":{status}")?;
            write_headers(out, headers)?;
            write_body(out, body)?;
        }
        Content::Lost(count) => write!(out, ",\"count\":{count}")?,
    }
    out.write_all(b"}\n")
}

/// Whether it came from one end of a connection.
fn has_direction(content: &Content<'_>) -> bool {
    !matches!(content, Content::Failed { .. } | Content::Lost(_))
}

fn write_text_if_any(out: &mut Bounded<'_>, name: &str, text: &str) -> io::Result<()> {
    if text.is_empty() { Ok(()) } else { write_text(out, name, text) }
}

fn write_headers(out: &mut Bounded<'_>, headers: &Headers) -> io::Result<()> {
    write!(out, ",\"headers\":")?;
    Ok(serde_json::to_writer(out, headers)?)
}

/// What is recorded of a body, as a text where it is one, and its size when that is more.
fn write_body(out: &mut Bounded<'_>, body: &Body<'_>) -> io::Result<()> {
    match std::str::from_utf8(&body.bytes) {
        Ok(text) => write_text_if_any(out, "text", text)?,
        Err(_) => write_bytes(out, &body.bytes)?,
    }
    if body.is_whole() { Ok(()) } else { write!(out, ",\"size\":{}", body.size) }
}

fn write_text(out: &mut Bounded<'_>, name: &str, text: &str) -> io::Result<()> {
    write!(out, ",\"{name}\":")?;
    Ok(serde_json::to_writer(out, text)?)
}

fn write_bytes(out: &mut Bounded<'_>, bytes: &[u8]) -> io::Result<()> {
    out.write_all(b",\"data\":\"")?;
    let mut encoder = base64::write::EncoderWriter::new(&mut *out, &STANDARD);
    encoder.write_all(bytes)?;
    encoder.finish()?;
    drop(encoder);
    out.write_all(b"\"")
}

/// The word for it in the field `kind`.
pub fn kind(content: &Content<'_>) -> &'static str {
    match content {
        Content::Open { .. } => "open",
        Content::Failed { .. } => "failed",
        Content::Close { .. } => "close",
        Content::Text(_) => "text",
        Content::Binary(_) => "binary",
        Content::Ping(_) => "ping",
        Content::Pong(_) => "pong",
        Content::Request(_) => "request",
        Content::Response(_) => "response",
        Content::Lost(_) => "lost",
    }
}

/// Seconds with six places, which a number of JSON keeps exactly for 285 years.
fn seconds(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A buffer that refuses what it has no room for.
struct Bounded<'a> {
    out: &'a mut Vec<u8>,
    limit: usize,
}

impl Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.out.len() + bytes.len() > self.limit {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Deserialize)]
struct HeaderLine {
    patchcord_recording: Option<u32>,
    #[serde(default)]
    operator: String,
    #[serde(default, rename = "type")]
    operator_type: String,
    #[serde(default)]
    start: f64,
}

/// Reads the first line.
///
/// # Errors
/// When it is no header, or that of a later version.
pub fn read_header(line: &[u8]) -> Result<Header, LineError> {
    // Whatever it is, a person has to hear that it is no recording; the place of a comma would not help.
    let header: HeaderLine = serde_json::from_slice(line).map_err(|_| LineError::NoRecording)?;
    match header.patchcord_recording {
        None | Some(0) => return Err(LineError::NoRecording),
        Some(version) if version > VERSION => return Err(LineError::Version(version)),
        Some(_) => {}
    }
    let start = Duration::try_from_secs_f64(header.start).ok().and_then(|start| UNIX_EPOCH.checked_add(micros(start)));
    Ok(Header {
        operator: header.operator,
        operator_type: header.operator_type,
        start: start.ok_or(LineError::Time { field: "start", value: header.start })?,
    })
}

#[derive(Deserialize)]
struct EntryLine {
    at: f64,
    dir: Option<String>,
    kind: String,
    peer: Option<String>,
    event: Option<String>,
    offset: Option<String>,
    text: Option<String>,
    data: Option<String>,
    code: Option<u16>,
    #[serde(default)]
    reason: String,
    count: Option<u64>,
    method: Option<String>,
    #[serde(default)]
    uri: String,
    #[serde(default)]
    server: String,
    #[serde(default)]
    subprotocol: String,
    status: Option<u16>,
    #[serde(default)]
    headers: Headers,
    size: Option<u64>,
}

impl EntryLine {
    fn bytes(&self, kind: &'static str) -> Result<Vec<u8>, LineError> {
        let data = self.data.as_deref().ok_or(LineError::Missing { kind, field: "data" })?;
        STANDARD.decode(data).map_err(LineError::Data)
    }

    fn body(&mut self, kind: &'static str) -> Result<Body<'static>, LineError> {
        let bytes = match self.text.take() {
            Some(text) => text.into_bytes(),
            None if self.data.is_some() => self.bytes(kind)?,
            None => Vec::new(),
        };
        let size = self.size.unwrap_or(0).max(bytes.len() as u64);
        Ok(Body { bytes: bytes.into(), size })
    }

    fn content(&mut self) -> Result<Content<'static>, LineError> {
        let missing = |kind, field| LineError::Missing { kind, field };
        let take = |text: &mut String| std::mem::take(text).into();
        Ok(match self.kind.as_str() {
            "open" => Content::Open { uri: take(&mut self.uri), subprotocol: take(&mut self.subprotocol) },
            "failed" => Content::Failed { reason: take(&mut self.reason) },
            "close" => Content::Close { code: self.code, reason: take(&mut self.reason) },
            "text" => Content::Text(self.text.take().ok_or(missing("text", "text"))?.into()),
            "binary" => Content::Binary(self.bytes("binary")?.into()),
            "ping" => Content::Ping(self.bytes("ping")?.into()),
            "pong" => Content::Pong(self.bytes("pong")?.into()),
            "request" => Content::Request(Request {
                method: self.method.take().ok_or(missing("request", "method"))?.into(),
                uri: take(&mut self.uri),
                server: take(&mut self.server),
                headers: std::mem::take(&mut self.headers),
                body: self.body("request")?,
            }),
            "response" => Content::Response(Response {
                status: self.status.ok_or(missing("response", "status"))?,
                headers: std::mem::take(&mut self.headers),
                body: self.body("response")?,
            }),
            "lost" => Content::Lost(self.count.ok_or(missing("lost", "count"))?),
            _ => return Err(LineError::Kind(std::mem::take(&mut self.kind))),
        })
    }
}

/// Reads the line of an entry: its time since the start, and what happened.
///
/// # Errors
/// When it is no entry of this version.
pub fn read_entry(line: &[u8]) -> Result<(Duration, Entry<'static>), LineError> {
    let mut line: EntryLine = serde_json::from_slice(line).map_err(|error| match error.is_data() {
        true => LineError::Field(in_words(&error)),
        false => LineError::Broken(in_words(&error)),
    })?;
    if !(0.0..=MAX_SECONDS).contains(&line.at) {
        return Err(LineError::Time { field: "at", value: line.at });
    }
    let content = line.content()?;
    let direction = match line.dir.as_deref() {
        Some("in") => Direction::In,
        Some("out") => Direction::Out,
        Some(_) => return Err(LineError::Direction(line.dir.unwrap_or_default())),
        None if !has_direction(&content) => Direction::In,
        None => return Err(LineError::Missing { kind: kind(&content), field: "dir" }),
    };
    let [peer, event, offset] = [line.peer, line.event, line.offset].map(|text| text.map(Into::into));
    let entry = Entry { direction, content, peer, event, offset };
    Ok((micros(Duration::from_secs_f64(line.at)), entry))
}

/// The nearest microsecond: a number of JSON is not always exactly what was written.
fn micros(time: Duration) -> Duration {
    let time = time.saturating_add(Duration::from_nanos(500));
    Duration::new(time.as_secs(), time.subsec_micros() * 1000)
}

/// What the reader of JSON says, with its column and without its line, which is always the first.
fn in_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    format!("{text} at column {}", error.column())
}
