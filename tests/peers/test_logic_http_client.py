"""HTTP requests of logic graphs, with the server of Python and a graph of our own."""

import base64
import json
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from certificates import Authority
from family_graphs import HTTP_SERVER, console, heard, http_server, key_text, said, starter, times, trigger
from running import eventually, free_port


@pytest.fixture
def graph(patch):
    """Runs a patch with one graph."""
    return starter(patch)


class Requests(BaseHTTPRequestHandler):
    """Python's own HTTP server: says what it was asked."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        self.server.asked.append((self.command, self.path))
        path = self.path.split("?")[0]
        if path == "/held":
            self.server.answers.wait(30)
        if path == "/redirect":
            return self.reply(302, b"", {"Location": "/elsewhere"})
        if path == "/binary":
            return self.reply(200, body or bytes([0, 255, 128]), {"Content-Type": "application/octet-stream"})
        if path == "/large":
            self.send_response(200)
            self.send_header("Content-Length", str(32 << 20))
            self.end_headers()
            return None
        if path == "/break":
            self.wfile.write(b"this is no HTTP\r\n\r\n")
            self.close_connection = True
            return None
        if path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
            return None
        said = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode("utf-8", "replace"),
        }
        return self.reply(200, json.dumps(said).encode(), {"Content-Type": "application/json", "X-Two": "a"})

    def reply(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def asked():
    """An HTTP server that we did not write."""
    servers = []

    def start(context=None):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        server.asked, server.daemon_threads, server.block_on_close = [], True, False
        server.request_queue_size, server.answers = 128, threading.Event()
        server.server_activate()
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.answers.set()
        server.shutdown()
        server.server_close()


def client(method="GET", host="127.0.0.1", port=80, more="", out="Response"):
    """A graph that asks when its event `go` is triggered, and says status, headers and body of the answer."""
    return (
        f"""
[event.go]
params = [{{ name = "Path", type = "String" }}, {{ name = "Body", type = "String" }}]
[node.ask]
type = "HTTP Client"
set.method = "{method}"
set.remote_ip = "{host}"
set.remote_port = {port}
from.path = "go.path"
{more}
next = "issued"
on.on_response = "status"
on.on_error = "failed"
[node.status]
type = "Format"
set = {{ default_pattern = "status %d", parameters = ["Int"] }}
from.parameter_1 = "ask.status_code"
next = "say_status"
[node.say_status]
type = "Console"
from.input = "status.formatted"
next = "headers"
[node.headers]
type = "JSON Stringify"
from.input = "ask.headers"
next = "say_headers"
[node.say_headers]
type = "Console"
from.input = "headers.output"
next = "bytes"
[node.bytes]
type = "Conversion"
set = {{ input_data_type = "Binary", output_data_type = "String" }}
from.input = "ask.body"
next = "say_body"
"""
        + heard("go", "go", "ask")
        + console("say_body", "bytes.output")
        + console("issued", "", "issued")
        + console("failed", "", "failed")
    )


def asking(*arguments, **options):
    """The same with a body of text."""
    text = client(*arguments, **options)
    start, end = text.index("[node.bytes]"), text.index("[node.go]")
    text = text[:start] + text[end:]
    return text.replace('next = "bytes"', 'next = "say_body"').replace("bytes.output", "ask.body")


def answer(one):
    """What Python's server says that it was asked."""
    found = eventually(lambda: [each for each in list(one.lines) if '{"method": ' in each], what="the answer")
    return json.loads(found[-1][found[-1].index("{") :])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_node_asks_by_every_method(graph, asked, method):
    server = asked()
    body = 'from.body = "go.body"'
    one = graph(asking(method, port=server.server_port, more=body))
    trigger(one, "go", "/seats", "zwölf")
    said(one, "issued")
    said(one, "status 200")
    got = answer(one)
    assert (got["method"], got["path"]) == (method, "/seats")
    assert got["body"] == ("" if method == "GET" else "zwölf")
    assert got["headers"]["host"] == f"127.0.0.1:{server.server_port}"
    kind = got["headers"].get("content-type")
    assert kind == (None if method == "GET" else "text/plain; charset=utf-8")
    assert any('"x-two":"a"' in each for each in one.lines)


def test_a_head_has_no_body(graph, asked):
    server = asked()
    one = graph(asking("HEAD", port=server.server_port))
    trigger(one, "go", "/")
    said(one, "status 200")
    assert server.asked == [("HEAD", "/")]


def test_headers_query_and_authentication(graph, asked):
    server = asked()
    more = """set.authentication = "Basic"
set.user = "ann"
set.password = "sesäme:"
set.default_headers = [{ key = "X-Show", value = "evening" }, { key = "Content-Length", value = "99" }]
set.request_query = [{ key = "name", value = "Ann & Bob" }, { key = "plus", value = "1+1=2" }]"""
    one = graph(asking(port=server.server_port, more=more))
    trigger(one, "go", "a b/ü")
    said(one, "status 200")
    got = answer(one)
    assert got["path"] == "/a%20b/%C3%BC?name=Ann+%26+Bob&plus=1%2B1%3D2"
    assert got["headers"]["x-show"] == "evening" and "content-length" not in got["headers"]
    credentials = base64.b64encode("ann:sesäme:".encode()).decode()
    assert got["headers"]["authorization"] == f"Basic {credentials}"


def test_wired_headers_and_query(graph, asked):
    server = asked()
    more = """set.default_headers = [{ key = "X-Show", value = "evening" }, { key = "X-Kept", value = "yes" }]
set.request_query = [{ key = "old", value = "1" }]
from.headers = "wired.output"
from.query = "wired.output"
"""
    wired = """
[node.wired]
type = "Dictionary Value"
set.value = { x-show = "matinee", seat = 7 }
"""
    one = graph(asking(port=server.server_port, more=more) + wired)
    trigger(one, "go", "/")
    said(one, "status 200")
    got = answer(one)
    assert got["path"] == "/?x-show=matinee&seat=7"
    assert (got["headers"]["x-show"], got["headers"]["x-kept"], got["headers"]["seat"]) == ("matinee", "yes", "7")


def test_bytes_are_sent_and_received(graph, asked):
    server = asked()
    more = 'set.data_type = "Binary"\nfrom.body = "encoded.output"'
    text = client("PUT", port=server.server_port, more=more).replace(
        'set.event = "go"\nnext = "ask"', 'set.event = "go"\nnext = "encoded"'
    )
    text += """
[node.encoded]
type = "Conversion"
set = { input_data_type = "String", output_data_type = "Binary" }
from.input = "go.body"
next = "ask"
"""
    one = graph(text)
    trigger(one, "go", "/binary", "grüße")
    said(one, "grüße")


def test_a_redirect_is_an_answer(graph, asked):
    server = asked()
    one = graph(asking(port=server.server_port))
    trigger(one, "go", "/redirect")
    said(one, "status 302")
    one.expect_line(r'"location":"/elsewhere"')
    assert [path for _, path in server.asked] == ["/redirect"]


def test_what_has_no_answer_is_an_error_that_says_why(graph, asked):
    server, closed = asked(), free_port()
    one = graph(asking(port=server.server_port))
    for count, (path, why) in enumerate(
        [
            ("/large", "the server's answer is larger than the limit of 16777216 bytes"),
            ("/break", "the server's answer cannot be read: "),
            ("/cut", "the connection ended during a request: "),
        ],
        1,
    ):
        trigger(one, "go", path)
        said(one, "failed", count)
        one.expect_line(r"\] ask: " + re.escape(why))
    one.write("graph.logic.toml", asking(port=closed))
    eventually(lambda: trigger(one, "go", "/") and one.find_line(rf"\] ask: 127\.0\.0\.1:{closed} refused the connection"))
    one.write("graph.logic.toml", asking(host="no.such.host.invalid"))
    eventually(lambda: trigger(one, "go", "/") and one.find_line(r"\] ask: the name no\.such\.host\.invalid cannot be"))
    one.write("graph.logic.toml", asking(host="ftp://example.org"))
    eventually(lambda: trigger(one, "go", "/") and one.find_line(r"\] ask: `ftp://` is not a scheme of HTTP"))


def test_requests_run_beside_each_other_and_beside_the_graph(graph, asked):
    server = asked()
    one = graph(asking(port=server.server_port))
    for number in range(10):
        trigger(one, "go", f"/held?{number}")
    said(one, "issued", 10)
    eventually(lambda: len(server.asked) == 10, what="ten requests at once")
    assert times(one, "status 200") == 0
    server.answers.set()
    said(one, "status 200", 10)
    assert sorted(path for _, path in server.asked) == [f"/held?{number}" for number in range(10)]


def test_more_requests_than_may_be_under_way_are_an_error(graph, asked):
    server = asked()
    one = graph(asking(port=server.server_port))
    for _ in range(101):
        trigger(one, "go", "/held")
    one.expect_line(r"\] ask: 100 requests are under way already$")
    server.answers.set()
    said(one, "status 200", 100, timeout=30)


def test_tls_is_verified(graph, asked, tmp_path):
    authority = Authority("families")
    certificate, key = authority.issue("server")
    for name, content in (("s.crt", certificate), ("s.key", key_text(key)), ("ca.crt", authority.pem)):
        (tmp_path / name).write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "s.crt", tmp_path / "s.key")
    server = asked(context)
    text = asking(host="https://127.0.0.1", port=server.server_port)
    one = graph(text, environment={"SSL_CERT_FILE": str(tmp_path / "ca.crt")})
    trigger(one, "go", "/secret")
    said(one, "status 200")
    assert answer(one)["path"] == "/secret"
    stranger = graph(text)
    trigger(stranger, "go", "/secret")
    said(stranger, "failed")
    stranger.expect_line(r"\] ask: .*certificate")
    assert server.asked == [("GET", "/secret")]


def test_a_graph_asks_a_graph(graph):
    """Server and client in one program: neither waits for the other's thread."""
    port = free_port()
    both = HTTP_SERVER + asking("POST", port=port, more='from.body = "go.body"').replace("[event.go]", "\n[event.go]")
    one = graph(both, http_server(port, "autostart = true"))
    said(one, "listens")
    trigger(one, "go", "/seats", "to myself")
    said(one, "status 201")
    said(one, "to myself")
