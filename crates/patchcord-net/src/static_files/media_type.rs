//! What a file is, by the end of its name (`Content-Type`).

use std::path::Path;

use http::HeaderValue;

/// Endings that the MIME table lacks, or for which it has a type that browsers do not take.
const OWN: [(&str, &str); 9] = [
    ("cjs", "text/javascript"),
    ("frag", "text/plain"),
    ("glsl", "text/plain"),
    // Browsers run a module only with a JavaScript type, and text/javascript is the one in use (RFC 9239).
    ("mjs", "text/javascript"),
    ("map", "application/json"),
    ("usdz", "model/vnd.usdz+zip"),
    ("vert", "text/plain"),
    ("wgsl", "text/wgsl"),
    ("ktx2", "image/ktx2"),
];

/// The media type; text says that it is UTF-8, and what is not known is `application/octet-stream`.
pub(super) fn of(path: &Path) -> HeaderValue {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let own = OWN.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known)).map(|&(_, media_type)| media_type);
    let media_type = own.or_else(|| mime_guess::from_ext(ending).first_raw()).unwrap_or("application/octet-stream");
    if media_type.starts_with("text/") {
        super::text(format!("{media_type}; charset=utf-8"))
    } else {
        HeaderValue::from_static(media_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_the_types_they_insist_on() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.MJS", "text/javascript; charset=utf-8"),
            ("a.wasm", "application/wasm"),
            ("a.json", "application/json"),
            ("a.js.map", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.mp4", "video/mp4"),
            ("a.woff2", "font/woff2"),
            ("a.glb", "model/gltf-binary"),
            ("a.frag", "text/plain; charset=utf-8"),
            ("notes.txt", "text/plain; charset=utf-8"),
            ("a.unknown-ending", "application/octet-stream"),
            ("README", "application/octet-stream"),
        ] {
            assert_eq!(of(Path::new(name)), expected, "{name}");
        }
    }
}
