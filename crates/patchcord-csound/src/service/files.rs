//! Pages from a folder, on the port that has the signals.
//!
//! Nothing outside the folder is ever served: a path is made of plain names, none of them hidden, and where links on
//! the way lead is checked too. Bodies are read in pieces as the client takes them, so that memory does not grow with a
//! file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use percent_encoding::percent_decode_str;

use super::http::{Answer, Request, encode_head};

/// What is served when a folder is asked for.
const INDEX: &str = "index.html";

/// A body that is being sent.
#[derive(Debug)]
pub(super) struct FileBody {
    file: File,
    /// Bytes that are still to come.
    remaining: u64,
}

impl FileBody {
    /// Reads the next piece into `buffer`; `None` at the end.
    ///
    /// # Errors
    /// What reading says; and a file that has become shorter, since its length has been promised.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if self.remaining == 0 {
            return Ok(None);
        }
        let wanted = buffer.len().min(usize::try_from(self.remaining).unwrap_or(usize::MAX));
        let count = self.file.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.remaining -= count as u64;
        Ok(Some(count))
    }
}

/// Answers a request for a file: appends the head to `out`, and gives the body if there is one to send.
pub(super) fn answer(folder: &Path, request: &Request<'_>, out: &mut Vec<u8>) -> Option<FileBody> {
    match find(folder, request) {
        Ok(Found::Redirect(location)) => {
            Answer::new(301, "this is a folder").with("Location", &location).encode(out, request.is_head());
            None
        }
        Ok(Found::File(path, file)) => serve(&path, file, request, out),
        Ok(Found::Nothing) => {
            Answer::new(404, "there is no such page").encode(out, request.is_head());
            None
        }
        Err(_) => {
            Answer::new(403, "this page cannot be read").encode(out, request.is_head());
            None
        }
    }
}

enum Found {
    File(PathBuf, File),
    /// A folder that was asked for without the slash that its pages' links need.
    Redirect(String),
    Nothing,
}

fn find(folder: &Path, request: &Request<'_>) -> io::Result<Found> {
    let Some(path) = request.path() else { return Ok(Found::Nothing) };
    let Some(relative) = plain_path(path) else { return Ok(Found::Nothing) };
    let Some(mut found) = inside(folder, &relative)? else { return Ok(Found::Nothing) };
    if found.is_dir() {
        if !path.ends_with('/') {
            // What a path has beside plain names is percent-encoded, so it can stand in a header as it came.
            return Ok(Found::Redirect(format!("{path}/")));
        }
        match inside(folder, &relative.join(INDEX))? {
            Some(index) => found = index,
            None => return Ok(Found::Nothing),
        }
    } else if path.ends_with('/') {
        return Ok(Found::Nothing);
    }
    // Pipes and devices could block for ever.
    if !found.is_file() {
        return Ok(Found::Nothing);
    }
    let file = File::open(&found)?;
    Ok(Found::File(found, file))
}

/// The path of a request as names below the folder; `None` for what no page has: `..`, separators that were hidden by
/// encoding, empty and hidden names.
fn plain_path(path: &str) -> Option<PathBuf> {
    let names = path.strip_prefix('/')?;
    let mut relative = PathBuf::new();
    for name in names.strip_suffix('/').unwrap_or(names).split('/').filter(|_| !names.is_empty()) {
        let name = percent_decode_str(name).decode_utf8().ok()?;
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
            return None;
        }
        relative.push(&*name);
    }
    Some(relative)
}

/// Where a path leads, with all links followed; `None` if that is nowhere, outside the folder, or hidden.
fn inside(folder: &Path, relative: &Path) -> io::Result<Option<PathBuf>> {
    let found = match std::fs::canonicalize(folder.join(relative)) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
        Err(_) => return Ok(None),
    };
    let Ok(below) = found.strip_prefix(folder) else { return Ok(None) };
    let is_hidden = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
    Ok(if below.components().any(is_hidden) { None } else { Some(found) })
}

fn serve(path: &Path, file: File, request: &Request<'_>, out: &mut Vec<u8>) -> Option<FileBody> {
    let Some((size, etag)) = file.metadata().ok().map(|metadata| (metadata.len(), etag(&metadata))) else {
        Answer::new(403, "this page cannot be read").encode(out, request.is_head());
        return None;
    };
    let etag = etag.unwrap_or_default();
    // Pages change while they are being made, so that browsers ask each time; the tag makes that cheap.
    let mut headers = vec![("Cache-Control", "no-cache")];
    if !etag.is_empty() {
        headers.push(("ETag", &etag));
        if request.values("if-none-match").any(|field| has_tag(field, &etag)) {
            encode_head(out, 304, &headers, None);
            return None;
        }
    }
    let media_type = media_type(path);
    headers.push(("Content-Type", &media_type));
    encode_head(out, 200, &headers, Some(size));
    (!request.is_head()).then_some(FileBody { file, remaining: size })
}

/// Tells one state of a file from another: by its size and when it changed.
fn etag(metadata: &std::fs::Metadata) -> Option<String> {
    let modified: SystemTime = metadata.modified().ok()?;
    let since = modified.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("\"{:x}-{:x}.{:x}\"", metadata.len(), since.as_secs(), since.subsec_nanos()))
}

/// Whether the tag stands in the list of an `If-None-Match`, which compares weakly (RFC 9110 §13.1.2).
fn has_tag(field: &str, etag: &str) -> bool {
    field.trim() == "*" || field.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)
}

fn media_type(path: &Path) -> String {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let known = match ending.as_str() {
        // Browsers run a module only with a type of JavaScript, and the table has an older one (RFC 9239).
        "js" | "mjs" | "cjs" => Some("text/javascript"),
        "map" => Some("application/json"),
        "csd" | "orc" | "sco" | "udo" => Some("text/plain"),
        other => mime_guess::from_ext(other).first_raw(),
    };
    match known {
        Some(text) if text.starts_with("text/") => format!("{text}; charset=utf-8"),
        other => other.unwrap_or("application/octet-stream").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_plain_names_below_the_folder() {
        let plain = |path| plain_path(path).map(|path| path.to_str().unwrap().to_owned());
        assert_eq!(plain("/").as_deref(), Some(""));
        assert_eq!(plain("/a/b.html").as_deref(), Some("a/b.html"));
        assert_eq!(plain("/a%20b/%C3%A9.txt").as_deref(), Some("a b/é.txt"));
        assert_eq!(plain("/a/").as_deref(), Some("a"));
        for path in [
            "",
            "*",
            "a",
            "//",
            "//a",
            "/a//b",
            "/..",
            "/../a",
            "/a/../b",
            "/a/..",
            "/./a",
            "/%2e%2e/a",
            "/.%2E/a",
            "/a%2f..%2fb",
            "/%2fetc/passwd",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/%ff",
            "/.git/config",
            "/a/.b/c",
            "/%2egit",
        ] {
            assert_eq!(plain(path), None, "{path}");
        }
    }

    #[test]
    fn browsers_get_the_types_they_insist_on() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.JS", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.wasm", "application/wasm"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.csd", "text/plain; charset=utf-8"),
            ("README", "application/octet-stream"),
        ] {
            assert_eq!(media_type(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn tags_are_found_in_lists() {
        for field in ["\"a\"", "*", "W/\"a\"", "\"b\", \"a\"", " \"b\",W/\"a\" "] {
            assert!(has_tag(field, "\"a\""), "{field}");
        }
        assert!(!has_tag("\"b\", a", "\"a\""));
    }
}
