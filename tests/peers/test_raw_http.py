"""Doubtful requests, byte for byte: what comes back, and what the callback got to see of them.

The rule behind the table: a request whose end two servers could see at different places is refused and the connection
ends, so that nothing behind it can pass for a request of its own (RFC 9112, sections 2.2, 3, 5, 6, 7 and 11.2). Where
the HTTP library answers in its own way that is safe as well, the table holds that answer.
"""

from dataclasses import dataclass

import pytest

from raw import Raw
from running import eventually

HOST = b"Host: x\r\n"
NEXT = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Case:
    """Bytes that are sent, the statuses that come back, and the requests that the callback saw."""

    data: bytes
    statuses: list
    seen: list
    source: str


def refused(data, source):
    """Answered with 400, and the connection ends without a look at what follows."""
    return Case(data, [400], [], source)


def post(head, body=b"", line=b"POST / HTTP/1.1\r\n"):
    return line + HOST + head + b"\r\n" + body


def chunked(body, head=b""):
    return post(b"Transfer-Encoding: chunked\r\n" + head, body)


CASES = {
    # ------------------------------------------------------------ where a body ends
    "content-length before transfer-encoding": Case(
        post(b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\nX" + NEXT),
        [200],
        [("POST", "/", "")],
        "RFC 9112 6.1: chunked counts, then the connection ends",
    ),
    "transfer-encoding before content-length": Case(
        post(b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", b"0\r\n\r\nX" + NEXT),
        [200],
        [("POST", "/", "")],
        "RFC 9112 6.1",
    ),
    "space before the colon of transfer-encoding": refused(
        post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n" + NEXT), "RFC 9112 5.1"
    ),
    "space before the colon of content-length": refused(post(b"Content-Length : 0\r\n", NEXT), "RFC 9112 5.1"),
    "chunked is not the last coding": refused(
        post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n" + NEXT), "RFC 9112 6.3"
    ),
    "unknown coding": refused(post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n" + NEXT), "RFC 9112 6.3"),
    "identity only": refused(post(b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n" + NEXT), "RFC 9112 6.3"),
    "coding with a tab and a vertical tab": refused(
        post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n" + NEXT), "RFC 9110 5.5"
    ),
    "transfer-encoding in HTTP/1.0": refused(
        post(b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + NEXT, b"POST / HTTP/1.0\r\n"), "RFC 9112 6.1"
    ),
    "two different content-lengths": refused(
        post(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd" + NEXT), "RFC 9112 6.3"
    ),
    "list of different content-lengths": refused(post(b"Content-Length: 3, 4\r\n", b"abcd" + NEXT), "RFC 9112 6.3"),
    "content-length with a plus": refused(post(b"Content-Length: +3\r\n", b"abc" + NEXT), "RFC 9110 8.6"),
    "negative content-length": refused(post(b"Content-Length: -1\r\n", NEXT), "RFC 9110 8.6"),
    "hexadecimal content-length": refused(post(b"Content-Length: 0x3\r\n", b"abc" + NEXT), "RFC 9110 8.6"),
    "content-length beyond 64 bits": refused(post(b"Content-Length: 18446744073709551616\r\n", NEXT), "RFC 9112 6.3"),
    "content-length with words": refused(post(b"Content-Length: 3 bytes\r\n", b"abc" + NEXT), "RFC 9110 8.6"),
    "empty content-length": refused(post(b"Content-Length: \r\n", NEXT), "RFC 9110 8.6"),
    # ------------------------------------------------------------ chunks
    "chunk size that is no number": refused(chunked(b"g\r\nabc\r\n0\r\n\r\n" + NEXT), "RFC 9112 7.1"),
    "chunk size with 0x": refused(chunked(b"0x3\r\nabc\r\n0\r\n\r\n" + NEXT), "RFC 9112 7.1"),
    "chunk size with a sign": refused(chunked(b"+3\r\nabc\r\n0\r\n\r\n" + NEXT), "RFC 9112 7.1"),
    "chunk size that overflows": refused(chunked(b"10000000000000003\r\nabc\r\n0\r\n\r\n" + NEXT), "RFC 9112 7.1"),
    "chunk longer than its size": refused(chunked(b"3\r\nabcd\r\n0\r\n\r\n" + NEXT), "RFC 9112 7.1"),
    "chunk size ended by a bare line feed": refused(chunked(b"3\nabc\r\n0\r\n\r\n" + NEXT), "RFC 9112 7.1"),
    "chunk data ended by a bare line feed": refused(chunked(b"3\r\nabc\n0\r\n\r\n" + NEXT), "RFC 9112 7.1"),
    "bare line feed in a chunk extension": refused(chunked(b"3;a\nb\r\nabc\r\n0\r\n\r\n" + NEXT), "RFC 9112 7.1.1"),
    "chunk extension": Case(
        chunked(b"3;name=value\r\nabc\r\n0\r\n\r\n", b"Connection: close\r\n"),
        [200],
        [("POST", "/", "abc")],
        "RFC 9112 7.1.1: ignored",
    ),
    "endless chunk extension": refused(
        chunked(b"3;" + b"x" * 40_000 + b"\r\nabc\r\n0\r\n\r\n" + NEXT), "RFC 9112 7.1.1: limited"
    ),
    "trailers": Case(
        chunked(b"3\r\nabc\r\n0\r\nX-Late: 1\r\nContent-Length: 50\r\n\r\n", b"Connection: close\r\n"),
        [200],
        [("POST", "/", "abc")],
        "RFC 9112 7.1.2: not merged",
    ),
    "endless trailers": refused(
        chunked(b"0\r\n" + b"X-Late: 1\r\n" * 20_000 + b"\r\n" + NEXT), "RFC 9112 7.1.2: limited"
    ),
    # ------------------------------------------------------------ fields
    "folded field": refused(b"GET / HTTP/1.1\r\n" + HOST + b"X-Folded: a\r\n b\r\n\r\n" + NEXT, "RFC 9112 5.2"),
    "first field folded": refused(b"GET / HTTP/1.1\r\n " + HOST + b"\r\n" + NEXT, "RFC 9112 2.2"),
    "NUL in a field": refused(b"GET / HTTP/1.1\r\n" + HOST + b"X-Nul: a\x00b\r\n\r\n" + NEXT, "RFC 9110 5.5"),
    "NUL in a name": refused(b"GET / HTTP/1.1\r\n" + HOST + b"X-N\x00l: a\r\n\r\n" + NEXT, "RFC 9110 5.1"),
    "bare carriage return in a field": refused(
        b"GET / HTTP/1.1\r\n" + HOST + b"X-Bare: a\rb\r\n\r\n" + NEXT, "RFC 9112 2.2"
    ),
    "field without a colon": refused(b"GET / HTTP/1.1\r\n" + HOST + b"X-No-Colon\r\n\r\n" + NEXT, "RFC 9112 5"),
    "field without a name": refused(b"GET / HTTP/1.1\r\n" + HOST + b": value\r\n\r\n" + NEXT, "RFC 9112 5"),
    "space in a name": refused(b"GET / HTTP/1.1\r\n" + HOST + b"X Y: value\r\n\r\n" + NEXT, "RFC 9110 5.1"),
    "bytes above ASCII in a value": Case(
        b"GET / HTTP/1.1\r\n" + HOST + b"X-Latin: caf\xe9\r\nConnection: close\r\n\r\n",
        [200],
        [("GET", "/", "")],
        "RFC 9110 5.5",
    ),
    # ------------------------------------------------------------ lines
    "bare line feeds": Case(
        b"GET /lines HTTP/1.1\nHost: x\nConnection: close\n\n",
        [200],
        [("GET", "/lines", "")],
        "RFC 9112 2.2: may be taken as line ends; in chunks they are not",
    ),
    "empty line before the request": Case(
        b"\r\nGET /later HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
        [200],
        [("GET", "/later", "")],
        "RFC 9112 2.2",
    ),
    "HTTP/0.9": refused(b"GET /\r\n\r\n", "RFC 9112 3"),
    "HTTP/1.2": refused(b"GET / HTTP/1.2\r\n" + HOST + b"\r\n" + NEXT, "RFC 9112 2.3"),
    "HTTP/2.0 in words": refused(b"GET / HTTP/2.0\r\n" + HOST + b"\r\n" + NEXT, "RFC 9112 2.3"),
    "lower-case version": refused(b"GET / http/1.1\r\n" + HOST + b"\r\n" + NEXT, "RFC 9112 2.3"),
    "no version": refused(b"GET / \r\n" + HOST + b"\r\n" + NEXT, "RFC 9112 3"),
    "two spaces in the request line": refused(b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT, "RFC 9112 3"),
    "space in the target": refused(b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT, "RFC 9112 3.2"),
    "control character in the target": refused(b"GET /a\x01b HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT, "RFC 9112 3.2"),
    "target without a slash": refused(b"GET path HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT, "RFC 9112 3.2"),
    "no HTTP at all": refused(b"\x00\x01\x02\x03\r\n\r\n", "RFC 9112 2.2"),
    "TLS on a plain port": refused(
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 32 + b"\r\n\r\n", "RFC 9112 2.2"
    ),
    # ------------------------------------------------------------ host
    "no host": refused(b"GET / HTTP/1.1\r\n\r\n" + NEXT, "RFC 9112 3.2"),
    "two hosts": refused(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + NEXT, "RFC 9112 3.2"),
    "the same host twice": refused(b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" + NEXT, "RFC 9112 3.2"),
    "host that is no host": refused(b"GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n" + NEXT, "RFC 9112 3.2"),
    "empty host": Case(
        b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", [200], [("GET", "/", "")], "RFC 9110 7.2: allowed"
    ),
    "no host in HTTP/1.0": Case(b"GET /old HTTP/1.0\r\n\r\n", [200], [("GET", "/old", "")], "RFC 9112 3.2: 1.1 only"),
    "absolute target": Case(
        b"GET http://other.example/abs?q=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        [200],
        [("GET", "/abs", "")],
        "RFC 9112 3.2.2",
    ),
    "asterisk target": Case(
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", [200], [("OPTIONS", "*", "")], "RFC 9112 3.2.4"
    ),
    # ------------------------------------------------------------ right ones, next to the wrong ones
    "body of a GET": Case(
        b"GET /with HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
        [200],
        [("GET", "/with", "abc")],
        "RFC 9110 9.3.1",
    ),
    "chunked in capitals": Case(
        post(b"Transfer-Encoding: CHUNKED\r\nConnection: close\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
        [200],
        [("POST", "/", "abc")],
        "RFC 9112 7",
    ),
    "two requests": Case(
        b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        [200, 200],
        [("GET", "/1", ""), ("GET", "/2", "")],
        "RFC 9112 9.3.2",
    ),
}


def callback_saw(server):
    """What the callback was asked for, up to the request for /after."""

    def seen():
        noted = [(each["method"], each["uri"], each["data"]) for _, each in server.records("onHTTPRequest")]
        return noted if any(uri == "/after" for _, uri, _ in noted) else None

    return eventually(seen)


@pytest.mark.parametrize("name", CASES)
def test_a_doubtful_request_is_answered_safely(patch, name):
    case = CASES[name]
    server = patch(handshaketime=1.0, idletime=1.0, stalltime=1.0)
    with Raw(server.port) as client:
        client.send(case.data)
        answers = client.answers()
    assert server.get("/after").text == "/after", "the server goes on"
    *seen, _ = callback_saw(server)
    assert ([answer.status for answer in answers], seen) == (case.statuses, case.seen), case.source
    assert "panicked" not in server.output


def test_connect_is_refused_because_this_is_no_proxy(patch):
    server = patch()
    with Raw(server.port) as client:
        client.send(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
        assert client.answer().status in (400, 405, 501)
    assert server.get("/after").text == "/after"
    assert callback_saw(server) == [("GET", "/after", "")]


def test_a_trailer_never_becomes_a_header(patch):
    server = patch()
    with Raw(server.port) as client:
        client.send(chunked(b"1\r\na\r\n0\r\nAuthorization: Basic x\r\n\r\n", b"Connection: close\r\n"))
        client.answers()
    [[_, seen]] = server.expect_records("onHTTPRequest")
    assert "Authorization" not in seen


def test_a_request_cut_off_in_the_middle_never_reaches_the_callback(patch):
    server = patch()
    whole = post(b"Content-Length: 10\r\n", b"0123456789")
    for length in range(0, len(whole), 7):
        with Raw(server.port) as client:
            client.send(whole[:length])
    assert server.get("/after").text == "/after"
    assert callback_saw(server) == [("GET", "/after", "")]


def test_a_request_in_single_bytes_is_one_request(patch):
    server = patch()
    with Raw(server.port) as client:
        for byte in post(b"Content-Length: 3\r\nConnection: close\r\n", b"abc"):
            client.send(bytes([byte]))
        [answer] = client.answers()
    assert answer.body == b"abc"
