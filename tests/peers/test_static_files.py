"""Files of `staticfolder`: validators, ranges, types, what must not be served, and CORS (RFC 9110, 9111; Fetch)."""

import gzip
import os
import socket

import pytest

from raw import Raw, request
from running import ECHO

PAGE = b"<!doctype html><title>page</title>"
LARGE = bytes(range(256)) * 8192  # 2 MiB


@pytest.fixture
def site(patch, tmp_path):
    def start(callbacks=ECHO, **parameters):
        files = {
            "web/index.html": PAGE,
            "web/style.css": b"body{}",
            "web/app.js": b"export {}",
            "web/app.js.gz": gzip.compress(b"export {}"),
            "web/app.js.br": b"brotli stands here",
            "web/mod.wasm": b"\0asm\1\0\0\0",
            "web/data.json": b"{}",
            "web/photo.png": b"\x89PNG",
            "web/clip.mp4": b"mp4",
            "web/unknown.xyz1": b"?",
            "web/sp ace é.txt": b"name",
            "web/sub/index.html": b"sub page",
            "web/sub/other.txt": b"other",
            "web/empty.txt": b"",
            "web/large.bin": LARGE,
            "web/.hidden": b"hidden",
            "web/.git/config": b"hidden too",
            "secret.txt": b"secret of the patch",
        }
        server = patch(callbacks, files=files, staticfolder="web", **parameters)
        os.symlink(server.folder / "secret.txt", server.folder / "web" / "leads-out.txt")
        os.symlink(server.folder, server.folder / "web" / "folder-out")
        os.symlink("style.css", server.folder / "web" / "stays-in.css")
        return server

    return start


def raw_get(server, target, *headers, method="GET"):
    with Raw(server.port) as client:
        client.send(request(server.port, method, target, headers))
        return client.answer(head=method == "HEAD")


def test_files_come_before_the_callback_and_the_rest_goes_to_it(site):
    server = site()
    assert server.get("/").content == PAGE
    assert server.get("/index.html").content == PAGE
    assert server.get("/style.css?v=2").content == b"body{}"
    assert server.get("/sp%20ace%20%C3%A9.txt").content == b"name"
    assert server.get("/large.bin").content == LARGE
    assert server.get("/empty.txt").content == b""
    assert server.get("/stays-in.css").content == b"body{}"
    assert server.records("onHTTPRequest") == []
    assert server.get("/not-there").text == "/not-there"
    assert server.post("/style.css", content=b"posted").text == "posted"
    assert [record[1]["uri"] for record in server.expect_records("onHTTPRequest", count=2)] == [
        "/not-there",
        "/style.css",
    ]


@pytest.mark.parametrize(
    "path, kind",
    [
        ("/", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/mod.wasm", "application/wasm"),
        ("/data.json", "application/json"),
        ("/photo.png", "image/png"),
        ("/clip.mp4", "video/mp4"),
        ("/unknown.xyz1", "application/octet-stream"),
    ],
)
def test_types_follow_the_ending(site, path, kind):
    assert site().get(path).headers["content-type"] == kind


def test_a_folder_is_its_index_page(site):
    server = site()
    redirected = server.get("/sub")
    assert redirected.status_code in (301, 302, 307, 308)
    assert redirected.headers["location"].endswith("/sub/")
    assert server.get("/sub/").content == b"sub page"


def test_head_says_what_get_would(site):
    server = site()
    head, get = server.http.head(server.url("/large.bin")), server.get("/large.bin")
    assert head.status_code == 200
    assert head.content == b""
    for name in ("content-length", "content-type", "etag", "last-modified"):
        assert head.headers[name] == get.headers[name]


def test_a_known_file_is_a_304(site):
    server = site()
    first = server.get("/style.css")
    tag, date = first.headers["etag"], first.headers["last-modified"]
    for headers in [
        {"If-None-Match": tag},
        {"If-None-Match": f'"other", {tag}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": date},
        {"If-None-Match": tag, "If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ]:
        answer = server.get("/style.css", headers=headers)
        assert (answer.status_code, answer.content) == (304, b""), headers
        assert answer.headers["etag"] == tag
    for headers in [
        {"If-None-Match": '"other"'},
        {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If-Modified-Since": "nonsense"},
    ]:
        assert server.get("/style.css", headers=headers).status_code == 200, headers
    server.write("web/style.css", "body{color:red}")
    changed = server.get("/style.css", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.content) == (200, b"body{color:red}")


@pytest.mark.parametrize(
    "ranges, content, place",
    [
        ("bytes=0-0", LARGE[:1], "bytes 0-0/2097152"),
        ("bytes=10-19", LARGE[10:20], "bytes 10-19/2097152"),
        ("bytes=2097100-", LARGE[2097100:], "bytes 2097100-2097151/2097152"),
        ("bytes=-5", LARGE[-5:], "bytes 2097147-2097151/2097152"),
        ("bytes=100-99999999", LARGE[100:], "bytes 100-2097151/2097152"),
        ("bytes=-99999999", LARGE, "bytes 0-2097151/2097152"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_part_is_a_206(site, ranges, content, place):
    answer = site().get("/large.bin", headers={"Range": ranges})
    assert answer.status_code == 206
    assert answer.content == content
    assert answer.headers["content-range"] == place
    assert answer.headers["content-length"] == str(len(content))


def test_several_parts_are_multipart(site):
    answer = site().get("/large.bin", headers={"Range": "bytes=0-3,100-103"})
    assert answer.status_code == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges; boundary=")
    boundary = answer.headers["content-type"].split("boundary=")[1].strip('"')
    parts = answer.content.split(b"--" + boundary.encode())
    assert [
        part.split(b"\r\n\r\n")[1][:4] for part in parts if b"Content-Range" in part or b"content-range" in part
    ] == [
        LARGE[0:4],
        LARGE[100:104],
    ]


@pytest.mark.parametrize("ranges", ["bytes=2097152-", "bytes=99999999-999999999", "bytes=-0"])
def test_a_part_beyond_the_end_is_a_416(site, ranges):
    answer = site().get("/large.bin", headers={"Range": ranges})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */2097152"


@pytest.mark.parametrize("ranges", ["bytes=5-2", "lines=1-2", "bytes=x-y", "bytes", "bytes=18446744073709551616-"])
def test_a_range_that_makes_no_sense_harms_nobody(site, ranges):
    answer = site().get("/large.bin", headers={"Range": ranges})
    assert answer.status_code in (200, 416)
    assert answer.status_code == 416 or answer.content == LARGE


def test_very_many_parts_are_not_multiplied(site):
    ranges = "bytes=" + ",".join("0-" for _ in range(500))
    answer = site().get("/large.bin", headers={"Range": ranges})
    assert len(answer.content) <= 2 * len(LARGE)


def test_if_range_gives_the_whole_when_the_file_has_changed(site):
    server = site()
    tag = server.get("/large.bin").headers["etag"]
    same = server.get("/large.bin", headers={"Range": "bytes=0-3", "If-Range": tag})
    assert same.status_code == (206 if not tag.startswith("W/") else 200)
    other = server.get("/large.bin", headers={"Range": "bytes=0-3", "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, LARGE)


def test_precompressed_files_go_to_those_who_take_them(site):
    server = site()
    plain = raw_get(server, "/app.js", "Accept-Encoding: identity")
    assert plain.body == b"export {}" and "content-encoding" not in plain.headers
    zipped = raw_get(server, "/app.js", "Accept-Encoding: gzip")
    assert gzip.decompress(zipped.body) == b"export {}"
    assert zipped.headers["content-encoding"] == "gzip"
    brotli = raw_get(server, "/app.js", "Accept-Encoding: gzip, br")
    assert (brotli.headers["content-encoding"], brotli.body) == ("br", b"brotli stands here")
    assert "gzip" not in raw_get(server, "/app.js", "Accept-Encoding: gzip;q=0").headers.get("content-encoding", "")
    for answer in (plain, zipped, brotli):
        assert "accept-encoding" in answer.headers["vary"].lower()
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert len({plain.headers["etag"], zipped.headers["etag"], brotli.headers["etag"]}) == 3
    assert "content-encoding" not in raw_get(server, "/style.css", "Accept-Encoding: gzip, br").headers


OUTSIDE = [
    "/../secret.txt",
    "/sub/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/%2E%2E%2Fsecret.txt",
    "/..%2fsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/sub/..%2f..%2fsecret.txt",
    "/%252e%252e/secret.txt",
    "/.%00./secret.txt",
    "/index.html%00.txt",
    "//etc/passwd",
    "/%2fetc/passwd",
    "/....//secret.txt",
    "/leads-out.txt",
    "/folder-out/secret.txt",
    "/.hidden",
    "/%2ehidden",
    "/.git/config",
    "/sub/./../.hidden",
]


@pytest.mark.parametrize("target", OUTSIDE)
def test_nothing_outside_the_folder_and_nothing_hidden_is_served(site, target):
    server = site(
        ECHO.replace('response["statusCode"] = 200', 'response["statusCode"] = 404').replace(
            'request["data"] or request["uri"]', '"from the callback"'
        )
    )
    answer = raw_get(server, target)
    assert answer.status in (400, 403, 404), answer
    for content in (b"secret of the patch", b"hidden", b"root:"):
        assert content not in answer.body
    assert "panicked" not in server.output


def test_a_folder_that_is_not_there_is_told_and_the_callback_answers(patch):
    server = patch(staticfolder="nowhere")
    server.expect_line(r"nowhere")
    assert server.get("/x").text == "/x"


def test_many_slow_readers_of_a_large_file_cost_little(site):
    server = site()
    server.write("web/huge.bin", bytes(40 << 20))
    server.get("/")
    before = server.resident_kib()
    clients = [Raw(server.port, receive_buffer=4096) for _ in range(20)]
    for client in clients:
        client.send(request(server.port, "GET", "/huge.bin"))
    for client in clients:
        client.take(10_000)
    assert server.resident_kib() - before < 60 * 1024
    for client in clients:
        client.socket.close()
    assert server.get("/").content == PAGE


# ---------------------------------------- CORS


def preflight(server, origin, method="POST", fields="x-token, content-type"):
    return raw_get(
        server, "/api", f"Origin: {origin}", f"Access-Control-Request-Method: {method}",
        f"Access-Control-Request-Headers: {fields}", method="OPTIONS",
    )  # fmt: skip


def test_preflight_is_answered_without_the_callback(patch):
    server = patch(corsorigins="https://a.example https://b.example")
    answer = preflight(server, "https://b.example")
    assert answer.status in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "https://b.example"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")} >= {
        "x-token",
        "content-type",
    }
    assert "origin" in answer.headers["vary"].lower()
    assert server.records("onHTTPRequest") == []


def test_a_stranger_gets_no_permission(patch):
    server = patch(corsorigins="https://a.example")
    assert "access-control-allow-origin" not in preflight(server, "https://evil.example").headers
    answer = raw_get(server, "/", "Origin: https://evil.example")
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers
    assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize(
    "allowed, origin, said",
    [("https://a.example", "https://a.example", "https://a.example"), ("*", "https://any.example", "*")],
)
def test_answers_and_files_name_the_origin_that_may_read_them(site, allowed, origin, said):
    server = site(corsorigins=allowed)
    for path in ("/style.css", "/from-the-callback"):
        answer = raw_get(server, path, f"Origin: {origin}")
        assert answer.headers["access-control-allow-origin"] == said
        assert "access-control-allow-credentials" not in answer.headers


def test_what_a_script_says_about_origins_stands(patch):
    server = patch(
        ECHO.replace(
            "return response", 'response["Access-Control-Allow-Origin"] = "https://script.example"\n    return response'
        ),
        corsorigins="*",
    )
    answer = raw_get(server, "/", "Origin: https://a.example")
    assert answer.headers["access-control-allow-origin"] == "https://script.example"


def test_without_corsorigins_options_belong_to_the_script(patch):
    server = patch()
    answer = preflight(server, "https://a.example")
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers
    assert [record[1]["method"] for record in server.expect_records("onHTTPRequest")] == ["OPTIONS"]


@pytest.mark.parametrize("target", ["/large.bin", "/style.css", "/callback"])
def test_a_client_that_closed_its_half_gets_the_whole_answer(site, target):
    server = site("def onHTTPRequest(dat, request, response):\n    return 'a' * 3000000\n")
    size = len(server.get(target).content)
    # Whether the end of a half is there with the request, or after it, is chance.
    for _ in range(20):
        with Raw(server.port) as client:
            client.send(request(server.port, target=target))
            client.socket.shutdown(socket.SHUT_WR)
            answer = client.answer()
            assert (answer.status, len(answer.body)) == (200, size)
            assert client.is_ended(8)
