//! `patchcord replay`: prints a recording, a line for each entry.
//!
//! It is read as a stream, so that a recording of any length can be looked at, also through `| head`. What peers have
//! sent is shown with its control characters escaped: a terminal obeys nothing of it.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use patchcord_operators::recording::format::kind;
use patchcord_operators::recording::{Body, Content, Direction, Header, Headers, Reader, Recorded, ReplayError};

/// Characters of a text, and half as many bytes, that are shown of a long one.
const SHORT: usize = 80;

/// How entries are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Everything of every message, and the headers of HTTP.
    pub(super) full: bool,
    /// Directions and gaps in colours.
    pub(super) colours: bool,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Printed {
    /// All of it was printed, or the reader has seen enough.
    Whole,
    /// So many lines could not be understood; `warn` was told of each.
    Broken(u64),
}

/// Prints a recording. `warn` hears of lines that cannot be understood; those behind them are printed all the same.
///
/// # Errors
/// When it cannot be opened or is no recording, or the output cannot be written, in words.
pub(super) fn print(
    file: &Path,
    out: &mut impl Write,
    layout: Layout,
    warn: &mut dyn FnMut(&str),
) -> Result<Printed, String> {
    let mut reader = Reader::open(file).map_err(|error| {
        let remedy = match error {
            // Here it counts from where the person is, and not from a patch folder.
            ReplayError::NotThere { .. } | ReplayError::NoFile { .. } => "name a recording",
            _ => error.remedy(),
        };
        format!("{error}; {remedy}")
    })?;
    let mut out = BufWriter::new(out);
    let mut broken = 0;
    let mut write = |line: String| match out.write_all(line.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(format!("standard output cannot be written: {error}")),
        Ok(()) => Ok(true),
    };
    if !write(heading(reader.header()))? {
        return Ok(Printed::Whole);
    }
    loop {
        match reader.next_entry() {
            Ok(Some(recorded)) => {
                if !write(layout.line(&recorded))? {
                    return Ok(Printed::Whole);
                }
            }
            Ok(None) => break,
            // Nothing behind it would come, either.
            Err(error @ ReplayError::Unreadable { .. }) => return Err(error.to_string()),
            Err(error) => {
                broken += 1;
                warn(&error.to_string());
            }
        }
    }
    if let Some(line) = reader.cut_off() {
        warn(&format!("{}:{line}: the recording was cut off here", file.display()));
    }
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("standard output cannot be written: {error}"))
        }
        _ if broken > 0 => Ok(Printed::Broken(broken)),
        _ => Ok(Printed::Whole),
    }
}

/// What the first line tells: operator, type and beginning, each of which may be missing.
fn heading(header: &Header) -> String {
    let mut heading = match (&*escaped(&header.operator), &*escaped(&header.operator_type)) {
        ("", "") => "a recording".to_owned(),
        (operator, "") => operator.to_owned(),
        ("", kind) => kind.to_owned(),
        (operator, kind) => format!("{operator} ({kind})"),
    };
    if header.start > UNIX_EPOCH {
        heading.push_str(", ");
        heading.push_str(&httpdate::fmt_http_date(header.start));
    }
    heading.push('\n');
    heading
}

impl Layout {
    /// An entry: seconds since the start, direction, kind, bytes, client, contents.
    fn line(self, recorded: &Recorded) -> String {
        let entry = &recorded.entry;
        let (direction, colour) = match (&entry.content, entry.direction) {
            (Content::Lost(_) | Content::Failed { .. }, _) => ("", "\x1b[33m"),
            (_, Direction::In) => ("in", "\x1b[32m"),
            (_, Direction::Out) => ("out", "\x1b[36m"),
        };
        let (colour, plain) = if self.colours { (colour, "\x1b[0m") } else { ("", "") };
        let size = size(&entry.content).map(|size| size.to_string()).unwrap_or_default();
        let at = recorded.at.as_secs_f64();
        let mut line = format!("{at:>12.6} {colour}{direction:>3} {:<8}{plain} {size:>8}", kind(&entry.content));
        let content = self.content(&entry.content);
        let names = [&entry.peer, &entry.event].into_iter().flatten().map(|name| escaped(name));
        for text in names.chain([content]).filter(|text| !text.is_empty()) {
            let _ = write!(line, "  {text}");
        }
        if size.is_empty() && line.ends_with(' ') {
            line.truncate(line.trim_end().len());
        }
        line.push('\n');
        line
    }

    fn content(self, content: &Content<'_>) -> String {
        match content {
            Content::Open { uri, subprotocol } if subprotocol.is_empty() => escaped(uri),
            Content::Open { uri, subprotocol } => format!("{} ({})", escaped(uri), escaped(subprotocol)),
            Content::Failed { reason } => escaped(reason),
            Content::Close { code, reason } => {
                let code = code.map(|code| code.to_string());
                let parts = [code.as_deref().unwrap_or("no close frame"), &escaped(reason)].map(str::to_owned);
                parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
            }
            Content::Text(text) => self.text(text),
            Content::Binary(bytes) | Content::Ping(bytes) | Content::Pong(bytes) => self.bytes(bytes),
            Content::Request(request) => {
                let line = format!("{} {}", escaped(&request.method), escaped(&request.uri));
                self.http(line, &request.headers, &request.body)
            }
            Content::Response(response) => self.http(response.status.to_string(), &response.headers, &response.body),
            Content::Lost(1) => "1 message is missing here".to_owned(),
            Content::Lost(count) => format!("{count} messages are missing here"),
        }
    }

    fn http(self, mut line: String, headers: &Headers, body: &Body<'_>) -> String {
        if self.full {
            for (name, value) in headers {
                let _ = write!(line, "; {}: {}", escaped(name), escaped(value));
            }
        }
        if !body.bytes.is_empty() {
            line.push_str(" | ");
            line.push_str(&match std::str::from_utf8(&body.bytes) {
                Ok(text) => self.text(text),
                Err(_) => self.bytes(&body.bytes),
            });
        }
        if self.full && !body.is_whole() {
            let _ = write!(line, " … {} bytes are recorded", body.bytes.len());
        }
        line
    }

    fn text(self, text: &str) -> String {
        match text.char_indices().nth(SHORT) {
            Some((end, _)) if !self.full => escaped(&text[..end]) + "…",
            _ => escaped(text),
        }
    }

    /// Bytes in hexadecimal digits.
    fn bytes(self, bytes: &[u8]) -> String {
        let shown = if self.full { bytes } else { &bytes[..bytes.len().min(SHORT / 2)] };
        let mut text = String::with_capacity(shown.len() * 3);
        for byte in shown {
            let separator = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{separator}{byte:02x}");
        }
        if shown.len() < bytes.len() {
            text.push('…');
        }
        text
    }
}

/// Bytes of a message or a body; `None` for what has none.
fn size(content: &Content<'_>) -> Option<u64> {
    match content {
        Content::Text(text) => Some(text.len() as u64),
        Content::Binary(bytes) | Content::Ping(bytes) | Content::Pong(bytes) => Some(bytes.len() as u64),
        Content::Request(request) => Some(request.body.size),
        Content::Response(response) => Some(response.body.size),
        Content::Open { .. } | Content::Failed { .. } | Content::Close { .. } | Content::Lost(_) => None,
    }
}

/// A text on one line, in which no character does anything to a terminal: control characters, and those that turn the
/// direction of writing, are escaped, and so is the backslash.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let acts = c.is_control()
            || matches!(c, '\\' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if acts { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Layout = Layout { full: false, colours: false };

    /// What is printed, and what is warned of.
    fn printed(lines: &[&str], layout: Layout) -> (String, Vec<String>, Result<Printed, String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("show.jsonl");
        let header = r#"{"patchcord_recording":1,"operator":"/a","type":"websocketDAT","start":1760000000.5}"#;
        std::fs::write(&path, format!("{header}\n{}", lines.join("\n"))).unwrap();
        let (mut out, mut warnings) = (Vec::new(), Vec::new());
        let result = print(&path, &mut out, layout, &mut |warning| {
            warnings.push(warning.replace(path.to_str().unwrap(), "F"));
        });
        (String::from_utf8(out).unwrap(), warnings, result)
    }

    #[test]
    fn each_entry_is_a_line() {
        let (out, warnings, result) = printed(
            &[
                r#"{"at":0.0001,"dir":"in","kind":"open","peer":"192.0.2.7:5","uri":"/x","subprotocol":"chat"}"#,
                r#"{"at":1,"dir":"in","kind":"text","text":"grö\u001b[2J\\\n"}"#,
                r#"{"at":2,"dir":"out","kind":"binary","data":"AP8="}"#,
                r#"{"at":3,"kind":"lost","count":2}"#,
                r#"{"at":4,"dir":"in","kind":"request","method":"POST","uri":"/a b","headers":[["a","b"]],"text":"go"}"#,
                r#"{"at":4,"dir":"out","kind":"response","status":404,"size":9}"#,
                r#"{"at":5,"dir":"in","kind":"close","code":1000,"reason":"bye"}"#,
                r#"{"at":6,"dir":"in","kind":"close"}"#,
                r#"{"at":7,"kind":"failed","reason":"nobody there"}"#,
                r#"{"at":8,"dir":"out","kind":"open"}"#,
            ],
            PLAIN,
        );
        assert!(matches!(result, Ok(Printed::Whole)) && warnings.is_empty(), "{result:?} {warnings:?}");
        let expected = [
            "/a (websocketDAT), Thu, 09 Oct 2025 08:53:20 GMT",
            "    0.000100  in open               192.0.2.7:5  /x (chat)",
            r"    1.000000  in text           10  grö\u{1b}[2J\\\n",
            "    2.000000 out binary          2  00 ff",
            "    3.000000     lost               2 messages are missing here",
            "    4.000000  in request         2  POST /a b | go",
            "    4.000000 out response        9  404",
            "    5.000000  in close              1000 bye",
            "    6.000000  in close              no close frame",
            "    7.000000     failed             nobody there",
            "    8.000000 out open",
        ];
        assert_eq!(out.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn long_messages_are_cut_unless_all_is_wanted() {
        let text = format!(r#"{{"at":0,"dir":"in","kind":"text","text":"{}"}}"#, "ä".repeat(200));
        let data = format!(r#"{{"at":0,"dir":"in","kind":"binary","data":"{}"}}"#, "AAAA".repeat(50));
        let request = r#"{"at":0,"dir":"in","kind":"request","method":"GET","uri":"/","headers":[["a","b"]],"text":"x","size":5}"#;
        let lines = [&*text, &data, request];
        let (out, ..) = printed(&lines, PLAIN);
        assert!(out.contains(&format!("     400  {}…\n", "ä".repeat(80))), "{out}");
        assert!(out.contains(&format!("     150  {}…\n", ["00"; 40].join(" "))), "{out}");
        let (out, ..) = printed(&lines, Layout { full: true, ..PLAIN });
        assert!(out.contains(&format!("  {}\n", "ä".repeat(200))), "{out}");
        assert!(out.contains(&format!("  {}\n", ["00"; 150].join(" "))), "{out}");
        assert!(out.ends_with("GET /; a: b | x … 1 bytes are recorded\n"), "{out}");
    }

    #[test]
    fn wrong_lines_are_named_and_the_rest_is_printed() {
        let good = r#"{"at":0,"dir":"in","kind":"text","text":"good"}"#;
        let (out, warnings, result) = printed(&["{}", good, "{\"at\":0,\"di"], PLAIN);
        assert!(matches!(result, Ok(Printed::Broken(1))), "{result:?}");
        assert!(out.ends_with("  good\n"), "{out}");
        assert_eq!(warnings, ["F:2: missing field `at` at column 2", "F:4: the recording was cut off here"]);
    }

    #[test]
    fn the_heading_tells_what_is_known() {
        let header = |operator: &str, kind: &str, start| {
            heading(&Header { operator: operator.to_owned(), operator_type: kind.to_owned(), start })
        };
        assert_eq!(header("", "", UNIX_EPOCH), "a recording\n");
        assert_eq!(header("/a", "", UNIX_EPOCH), "/a\n");
        assert_eq!(header("", "websocketDAT", UNIX_EPOCH), "websocketDAT\n");
        let start = UNIX_EPOCH + std::time::Duration::from_secs(1);
        assert_eq!(header("/a", "websocketDAT", start), "/a (websocketDAT), Thu, 01 Jan 1970 00:00:01 GMT\n");
    }

    #[test]
    fn who_names_no_file_is_not_told_of_a_patch_folder() {
        let refused = print(Path::new("nothing.jsonl"), &mut Vec::new(), PLAIN, &mut |_| {}).err().unwrap();
        assert_eq!(refused, "there is no file nothing.jsonl; name a recording");
    }

    #[test]
    fn directions_have_colours_where_they_are_wanted() {
        let line = r#"{"at":0,"dir":"out","kind":"text","text":"x"}"#;
        let (out, ..) = printed(&[line], Layout { colours: true, ..PLAIN });
        assert!(out.contains("\x1b[36mout text    \x1b[0m"), "{out:?}");
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("show.jsonl");
        let line = r#"{"at":0,"dir":"in","kind":"text","text":"x"}"#;
        std::fs::write(&path, format!("{{\"patchcord_recording\":1}}\n{}", format!("{line}\n").repeat(10_000)))
            .unwrap();
        let result = print(&path, &mut Closed, PLAIN, &mut |warning| panic!("{warning}"));
        assert!(matches!(result, Ok(Printed::Whole)), "{result:?}");
    }
}
