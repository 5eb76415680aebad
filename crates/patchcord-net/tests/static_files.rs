//! Static files over real folders: what is served, what is refused, and what travels.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use patchcord_net::body::Body;
use patchcord_net::static_files::{FolderError, StaticFiles};
use tempfile::TempDir;

/// A folder with a small site.
struct Site {
    folder: TempDir,
    files: StaticFiles,
}

impl Site {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = Site { files: StaticFiles::new(folder.path().join("public")), folder };
        for (name, content) in files {
            site.write(name, content);
        }
        site
    }

    fn root(&self) -> &Path {
        self.files.root()
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    async fn ask(&self, method: Method, target: &str, headers: &[(&'static str, &str)]) -> Option<Response<Body>> {
        self.files.serve(&parts(method, target, headers)).await
    }

    async fn get(&self, target: &str, headers: &[(&'static str, &str)]) -> Answer {
        let response = self.ask(Method::GET, target, headers).await;
        Answer::of(response.unwrap_or_else(|| panic!("{target} is not served"))).await
    }

    async fn serves(&self, target: &str) -> bool {
        self.ask(Method::GET, target, &[]).await.is_some()
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    content: Bytes,
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let announced = body.len();
        let content = body.collect().await.unwrap().to_bytes();
        assert_eq!(announced, Some(content.len() as u64));
        if let Some(length) = head.headers.get("content-length") {
            assert_eq!(length, &content.len().to_string());
        }
        Answer { status: head.status, headers: head.headers, content }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn parts(method: Method, target: &str, headers: &[(&'static str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn digits(length: usize) -> Vec<u8> {
    (0..length).map(|index| b'0' + (index % 10) as u8).collect()
}

#[tokio::test]
async fn a_file_is_sent_with_what_describes_it() {
    let site = Site::new(&[("a b/app.js", b"export {}")]);
    let answer = site.get("/a%20b/app.js?version=2", &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.content, "export {}");
    assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(answer.header("content-length"), "9");
    assert_eq!(answer.header("accept-ranges"), "bytes");
    assert_eq!(answer.header("cache-control"), "no-cache");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("etag").starts_with('"'));
    assert!(answer.header("last-modified").ends_with(" GMT"));
    assert_eq!(answer.header("vary"), "");
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let site = Site::new(&[("empty.txt", b"")]);
    let answer = site.get("/empty.txt", &[("range", "bytes=0-")]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-length"), "0");
}

#[tokio::test]
async fn head_tells_the_same_without_content() {
    let site = Site::new(&[("a.txt", &digits(100_000))]);
    let get = site.get("/a.txt", &[]).await;
    let head = site.ask(Method::HEAD, "/a.txt", &[("range", "bytes=0-9")]).await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers(), &get.headers);
    assert_eq!(head.headers()["content-length"], "100000");
    assert!(head.body().is_empty());
}

#[tokio::test]
async fn other_methods_and_missing_files_are_left_to_the_callback() {
    let site = Site::new(&[("a.txt", b"a")]);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
        assert!(site.ask(method, "/a.txt", &[]).await.is_none());
    }
    let long = format!("/{}", "n".repeat(5_000));
    for target in ["/b.txt", "/a.txt/", "/a.txt/b", "/no/such", "/", long.as_str()] {
        assert!(!site.serves(target).await, "{target}");
    }
}

#[tokio::test]
async fn a_folder_is_its_index_behind_a_slash() {
    let site = Site::new(&[("index.html", b"top"), ("sub/index.html", b"sub"), ("bare/a.txt", b"a")]);
    assert_eq!(site.get("/", &[]).await.content, "top");
    let sub = site.get("/sub/", &[]).await;
    assert_eq!((sub.content.as_ref(), sub.header("content-type")), (&b"sub"[..], "text/html; charset=utf-8"));

    let redirect = site.get("/sub?a=1&b", &[]).await;
    assert_eq!(redirect.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(redirect.header("location"), "/sub/?a=1&b");

    for target in ["/bare", "/bare/"] {
        assert!(!site.serves(target).await, "{target}");
    }
}

#[tokio::test]
async fn a_redirect_never_names_another_host() {
    let site = Site::new(&[("host.example/index.html", b"x")]);
    assert_eq!(site.get("/host.example", &[]).await.header("location"), "/host.example/");
    for target in ["//host.example", "/%2Fhost.example", "/%5Chost.example"] {
        assert!(!site.serves(target).await, "{target}");
    }
}

#[tokio::test]
async fn nothing_outside_the_folder_is_served() {
    let site = Site::new(&[("a.txt", b"a"), ("sub/b.txt", b"b")]);
    fs::write(site.folder.path().join("secret.txt"), "secret").unwrap();
    for target in [
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/.%2e/secret.txt",
        "/..%2fsecret.txt",
        "/sub%2f..%2f..%2fsecret.txt",
        "/%2e%2e%5csecret.txt",
        "/..%00/secret.txt",
        "/a.txt%00",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/sub/../a.txt",
    ] {
        assert!(!site.serves(target).await, "{target}");
    }
    assert!(site.serves("/a.txt").await);
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_followed_inside_the_folder_only() {
    use std::os::unix::fs::symlink;

    let site = Site::new(&[("a.txt", b"a"), ("sub/b.txt", b"b"), (".env", b"KEY=1"), (".git/config", b"[core]")]);
    let outside = site.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret.txt"), "secret").unwrap();
    fs::write(outside.join("index.html"), "secret").unwrap();
    let root = site.root();
    symlink("a.txt", root.join("inside.txt")).unwrap();
    symlink(root.join("sub"), root.join("absolute")).unwrap();
    symlink("../outside/secret.txt", root.join("file-link.txt")).unwrap();
    symlink(&outside, root.join("folder-link")).unwrap();
    symlink(".env", root.join("env.txt")).unwrap();
    symlink(".git", root.join("git")).unwrap();
    symlink("circle", root.join("circle")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("../outside/secret.txt", root.join("a.txt.gz")).unwrap();

    assert_eq!(site.get("/inside.txt", &[]).await.content, "a");
    assert_eq!(site.get("/absolute/b.txt", &[]).await.content, "b");
    for target in [
        "/file-link.txt",
        "/folder-link/secret.txt",
        "/folder-link/",
        "/folder-link",
        "/env.txt",
        "/git/config",
        "/circle",
        "/dangling",
        "/a.txt.gz",
    ] {
        assert!(!site.serves(target).await, "{target}");
    }
    let compressed = site.get("/a.txt", &[("accept-encoding", "gzip")]).await;
    assert_eq!((compressed.content.as_ref(), compressed.header("content-encoding")), (&b"a"[..], ""));
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_itself_may_be_a_link_and_may_be_replaced() {
    let site = Site::new(&[("a.txt", b"first")]);
    let link = site.folder.path().join("link");
    std::os::unix::fs::symlink(site.root(), &link).unwrap();
    let files = StaticFiles::new(link);
    let ask = parts(Method::GET, "/a.txt", &[]);
    assert_eq!(Answer::of(files.serve(&ask).await.unwrap()).await.content, "first");

    fs::remove_dir_all(site.root()).unwrap();
    assert!(files.serve(&ask).await.is_none());
    assert_eq!(files.check(), Err(FolderError::Missing));
    site.write("a.txt", b"second");
    assert_eq!(Answer::of(files.serve(&ask).await.unwrap()).await.content, "second");
    assert_eq!(files.check(), Ok(()));
    assert_eq!(StaticFiles::new(site.root().join("a.txt")).check(), Err(FolderError::NotAFolder));
}

#[cfg(unix)]
#[tokio::test]
async fn pipes_are_not_opened() {
    let site = Site::new(&[("a.txt", b"a")]);
    let made = std::process::Command::new("mkfifo").arg(site.root().join("pipe")).status().unwrap();
    assert!(made.success());
    let answer = tokio::time::timeout(Duration::from_secs(5), site.serves("/pipe")).await;
    if answer.is_err() {
        // Lets the reader that should not be there go, so that the test fails and does not hang.
        fs::OpenOptions::new().write(true).open(site.root().join("pipe")).unwrap();
    }
    assert_eq!(answer, Ok(false));
}

#[tokio::test]
async fn hidden_files_are_not_served() {
    let site = Site::new(&[(".env", b"KEY=1"), (".git/config", b"[core]"), ("sub/.htpasswd", b"x"), ("a.txt", b"a")]);
    site.write(".well-known/acme-challenge/token", b"token");
    for target in ["/.env", "/%2eenv", "/.git/config", "/.git/", "/sub/.htpasswd"] {
        assert!(!site.serves(target).await, "{target}");
    }
    assert_eq!(site.get("/.well-known/acme-challenge/token", &[]).await.content, "token");
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let site = Site::new(&[("a.txt", b"first")]);
    let first = site.get("/a.txt", &[]).await;
    let (etag, date) = (first.header("etag"), first.header("last-modified"));

    for known in [("if-none-match", etag), ("if-modified-since", date)] {
        let again = site.get("/a.txt", &[known]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{known:?}");
        assert!(again.content.is_empty());
        assert_eq!(again.header("etag"), etag);
        assert_eq!(again.header("cache-control"), "no-cache");
        assert!(!again.headers.contains_key("content-length"));
    }

    site.write("a.txt", b"other");
    let later = SystemTime::now() - Duration::from_secs(100);
    fs::File::open(site.root().join("a.txt")).unwrap().set_modified(later).unwrap();
    let changed = site.get("/a.txt", &[("if-none-match", etag)]).await;
    assert_eq!((changed.status, changed.content.as_ref()), (StatusCode::OK, &b"other"[..]));
    let refused = site.get("/a.txt", &[("if-match", etag)]).await;
    assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn one_range() {
    let site = Site::new(&[("clip.mp4", &digits(200_000))]);
    for (range, content_range, length) in [
        ("bytes=0-9", "bytes 0-9/200000", 10),
        ("bytes=100000-", "bytes 100000-199999/200000", 100_000),
        ("bytes=-5", "bytes 199995-199999/200000", 5),
        ("bytes=0-9,10-19", "bytes 0-19/200000", 20),
    ] {
        let answer = site.get("/clip.mp4", &[("range", range)]).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(answer.header("content-range"), content_range);
        assert_eq!(answer.header("content-type"), "video/mp4");
        assert_eq!(answer.content.len(), length);
        let start: usize = content_range["bytes ".len()..].split('-').next().unwrap().parse().unwrap();
        assert!(answer.content[..] == digits(200_000)[start..start + length]);
    }
}

#[tokio::test]
async fn several_ranges_come_as_parts() {
    let site = Site::new(&[("a.txt", &digits(200_000))]);
    let answer = site.get("/a.txt", &[("range", "bytes=-3, 0-1, 100000-180001")]).await;
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
    assert!(!answer.headers.contains_key("content-range"));
    let boundary = answer.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap();
    let text = std::str::from_utf8(&answer.content).unwrap();
    let delimiter = format!("\r\n--{boundary}");
    let mut pieces = text.split(&delimiter);
    assert_eq!(pieces.next(), Some(""));
    for (content_range, content) in [
        ("bytes 199997-199999/200000", "789".to_owned()),
        ("bytes 0-1/200000", "01".to_owned()),
        ("bytes 100000-180001/200000", String::from_utf8(digits(80_002)).unwrap()),
    ] {
        let (head, body) = pieces.next().unwrap().split_once("\r\n\r\n").unwrap();
        assert_eq!(head, format!("\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: {content_range}"));
        assert!(body == content);
    }
    assert_eq!(pieces.next(), Some("--\r\n"));
    assert_eq!(pieces.next(), None);
}

#[tokio::test]
async fn a_range_beyond_the_file_is_refused() {
    let site = Site::new(&[("a.txt", b"0123456789")]);
    let answer = site.get("/a.txt", &[("range", "bytes=10-")]).await;
    assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(answer.header("content-range"), "bytes */10");
    assert!(answer.content.is_empty());
}

#[tokio::test]
async fn a_download_is_resumed_only_if_the_file_is_the_same() {
    let site = Site::new(&[("a.txt", b"0123456789")]);
    let etag = site.get("/a.txt", &[]).await.header("etag").to_owned();
    let same = site.get("/a.txt", &[("range", "bytes=5-"), ("if-range", &etag)]).await;
    assert_eq!((same.status, same.content.as_ref()), (StatusCode::PARTIAL_CONTENT, &b"56789"[..]));
    let other = site.get("/a.txt", &[("range", "bytes=5-"), ("if-range", "\"other\"")]).await;
    assert_eq!((other.status, other.content.as_ref()), (StatusCode::OK, &b"0123456789"[..]));
    // A range beyond the end of another state is no error either: the whole file is the answer.
    let beyond = site.get("/a.txt", &[("range", "bytes=50-"), ("if-range", "\"other\"")]).await;
    assert_eq!(beyond.status, StatusCode::OK);
}

#[tokio::test]
async fn compressed_neighbours_are_chosen_by_what_the_client_takes() {
    let site = Site::new(&[("app.js", b"plain"), ("app.js.br", b"brotli"), ("app.js.gz", b"gzipped")]);
    let mut tags = Vec::new();
    for (accept, encoding, content) in [
        ("gzip, deflate, br", "br", "brotli"),
        ("gzip", "gzip", "gzipped"),
        ("br;q=0, gzip", "gzip", "gzipped"),
        ("identity", "", "plain"),
    ] {
        let answer = site.get("/app.js", &[("accept-encoding", accept)]).await;
        assert_eq!(answer.header("content-encoding"), encoding, "{accept}");
        assert_eq!(answer.content, content);
        assert_eq!(answer.header("vary"), "Accept-Encoding");
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
        tags.push(answer.header("etag").to_owned());
    }
    assert_eq!(tags[1], tags[2]);
    assert!(tags[0] != tags[1] && tags[1] != tags[3] && tags[0] != tags[3]);

    let not_modified = site.get("/app.js", &[("accept-encoding", "br"), ("if-none-match", &tags[0])]).await;
    assert_eq!(not_modified.status, StatusCode::NOT_MODIFIED);
    assert_eq!(not_modified.header("vary"), "Accept-Encoding");

    let part = site.get("/app.js", &[("accept-encoding", "br"), ("range", "bytes=0-1")]).await;
    assert_eq!((part.content.as_ref(), part.header("content-encoding")), (&b"br"[..], "br"));

    let itself = site.get("/app.js.gz", &[]).await;
    assert_eq!((itself.header("content-encoding"), itself.content.as_ref()), ("", &b"gzipped"[..]));
}

#[tokio::test]
async fn a_compressed_neighbour_that_is_older_is_passed_over() {
    let site = Site::new(&[("app.js.gz", b"old"), ("app.js", b"new")]);
    let old = SystemTime::now() - Duration::from_secs(60);
    fs::File::open(site.root().join("app.js.gz")).unwrap().set_modified(old).unwrap();
    let answer = site.get("/app.js", &[("accept-encoding", "gzip")]).await;
    assert_eq!((answer.content.as_ref(), answer.header("vary")), (&b"new"[..], ""));
}

#[tokio::test]
async fn a_large_file_is_read_only_as_it_is_taken() {
    let size = 64 << 20;
    let site = Site::new(&[("large.bin", b"")]);
    fs::File::create(site.root().join("large.bin")).unwrap().set_len(size).unwrap();
    let mut response = site.ask(Method::GET, "/large.bin", &[]).await.unwrap();
    let first = response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first.len(), 64 * 1024);
    // Nothing was read ahead: the next piece sees what the file has become.
    fs::File::options().write(true).open(site.root().join("large.bin")).unwrap().set_len(64 * 1024).unwrap();
    assert!(response.body_mut().frame().await.unwrap().is_err());
}
