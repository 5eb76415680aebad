"""Connections of logic graphs besides Socket.IO: WebSocket clients, HTTP servers and requests, with peers that share no code
with the program.
"""

import base64
import json
import re
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from certificates import Authority
from running import eventually, free_port

OPERATOR = """
[op.logic1]
type = "logicCOMP"
file = "graph.logic.toml"
"""


@pytest.fixture
def graph(patch):
    """Runs a patch with one graph."""

    def start(text, more="", files=None, **options):
        return patch(more=OPERATOR + more, files={"graph.logic.toml": text, **(files or {})}, **options)

    return start


def line(text):
    return re.compile(rf"\[Player\] \[\d{{4}}\.\d\d\.\d\d \d\d:\d\d:\d\d\.\d{{3}}\] \w+: {re.escape(text)}$", re.M)


def said(one, text, count=1, timeout=8.0):
    """Waits for the `count`-th line of the console with exactly this text."""
    pattern = line(text)
    found = lambda: sum(1 for each in list(one.lines) if pattern.search(each)) >= count
    eventually(found, timeout, f"{count} × {text!r} in the console")


def times(one, text):
    return sum(1 for each in list(one.lines) if line(text).search(each))


def trigger(one, *arguments, of="logic1"):
    return one.do(f"op('/project1/{of}').trigger({', '.join(map(repr, arguments))})\nresult = 1")


def console(name, after, value=None, kind="Debug"):
    """A node that says what an output holds, or a text."""
    of = f'from.input = "{after}"' if value is None else f'set.value = "{value}"'
    return f'[node.{name}]\ntype = "Console"\nset.type = "{kind}"\n{of}\n'


def heard(name, event, to):
    return f'[node.{name}]\ntype = "Event Listener"\nset.event = "{event}"\nnext = "{to}"\n'


# ------------------------------------------------------------------------------------------------------ WebSocket

WEBSOCKET = (
    """
[event.open]
[event.close]
[event.text]
params = [{ name = "Text", type = "String" }]
[event.binary]
params = [{ name = "Text", type = "String" }]
[node.open]
type = "WebSocket Client Start"
set.configuration = "live"
next = "asked"
[node.close]
type = "WebSocket Client Stop"
set.configuration = "live"
[node.up]
type = "On WebSocket Start"
set.configuration = "live"
next = "started"
[node.down]
type = "On WebSocket Stop"
set.configuration = "live"
next = "stopped"
[node.recv]
type = "On WebSocket Receive"
set.configuration = "live"
next = "show"
[node.show]
type = "Format"
set = { default_pattern = "got %s", parameters = ["String"] }
from.parameter_1 = "recv.message"
next = "say"
[node.error]
type = "On WebSocket Error"
set.configuration = "live"
next = "error_text"
[node.error_text]
type = "Format"
set = { default_pattern = "error: %s", parameters = ["String"] }
from.parameter_1 = "error.message"
next = "error_say"
[node.send]
type = "WebSocket Client Send"
set.configuration = "live"
from.message = "on_text.text"
[node.bytes]
type = "Conversion"
set = { input_data_type = "String", output_data_type = "Binary" }
from.input = "on_binary.text"
next = "send_bytes"
[node.send_bytes]
type = "WebSocket Client Send"
set = { configuration = "live", data_type = "Binary" }
from.message = "bytes.output"
"""
    + heard("on_open", "open", "open")
    + heard("on_close", "close", "close")
    + heard("on_text", "text", "send")
    + heard("on_binary", "binary", "bytes")
    + console("asked", "", "asked")
    + console("started", "", "started")
    + console("stopped", "", "stopped")
    + console("say", "show.formatted")
    + console("error_say", "error_text.formatted", kind="Error")
)


def websocket(port, more="", url="ws://127.0.0.1"):
    return f'\n[connection.websocket.live]\nurl = "{url}"\nport = {port}\npar.reconnectdelay = 0.2\n{more}\n'


class Sockets:
    """A WebSocket server of the `websockets` library: notes what comes, and sends what it is told to."""

    def __init__(self, port=None, **options):
        self.open, self.came, self.heard, self.paths = [], [], [], []
        self.port = port or free_port()
        self.server = serve(self._serve, "127.0.0.1", self.port, **options)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def _serve(self, peer):
        self.paths.append(peer.request.path)
        self.open.append(peer)
        self.came.append(peer)
        try:
            for message in peer:
                self.heard.append(message)
        except ConnectionClosed:
            pass
        self.open.remove(peer)

    def peer(self, count=1):
        """The `count`-th connection that has come; the other end may know of it sooner than this one."""
        return eventually(lambda: self.came[count - 1 : count], what=f"{count} × a connection")[0]

    def send(self, message):
        eventually(lambda: self.open, what="a connection")
        self.open[0].send(message)

    def expect(self, *messages):
        eventually(lambda: self.heard == list(messages), what=f"{messages}")

    def end(self):
        self.server.shutdown()
        self.thread.join(5)


@pytest.fixture
def sockets():
    made = []

    def make(port=None, **options):
        made.append(Sockets(port, **options))
        return made[-1]

    yield make
    for each in made:
        each.end()


def test_a_websocket_opens_sends_receives_and_closes(graph, sockets):
    server = sockets()
    one = graph(WEBSOCKET, websocket(server.port, url="ws://127.0.0.1/live?room=1"))
    time.sleep(0.2)
    assert not server.paths, "Start opens it, not the file"
    trigger(one, "open")
    said(one, "asked")
    said(one, "started")
    eventually(lambda: server.paths == ["/live?room=1"])
    trigger(one, "text", "grüße")
    trigger(one, "binary", "as bytes")
    server.expect("grüße", b"as bytes")
    server.send("from the server")
    said(one, "got from the server")
    server.send(b"in bytes")
    said(one, "got in bytes")
    trigger(one, "close")
    said(one, "stopped")
    eventually(lambda: not server.open)
    trigger(one, "text", "too late")
    said(one, 'error: "live": not connected; nothing was sent')
    # A graph says it, and the operator has nothing wrong with it.
    assert one.do("result = op('/project1/connections/websocket_live').warnings()") == ""
    trigger(one, "open")
    said(one, "started", 2)
    trigger(one, "open")
    one.expect_line(r'the connection "live" is started already')
    eventually(lambda: len(server.paths) >= 2)
    assert times(one, "started") == 2 and len(server.paths) == 2


def test_what_a_graph_cannot_reach_is_an_error_and_no_stop(graph):
    port = free_port()
    one = graph(WEBSOCKET, websocket(port))
    trigger(one, "open")
    said(one, f"error: 127.0.0.1:{port} refused the connection")
    assert times(one, "stopped") == 0
    # It rests, and begins again when it is asked to.
    server = Sockets(port)
    trigger(one, "open")
    said(one, "started")
    server.end()
    said(one, "stopped")


def test_a_lost_websocket_is_an_error_and_a_stop_and_comes_back(graph, sockets):
    server = sockets()
    one = graph(WEBSOCKET, websocket(server.port, "automatic_reconnect = true\nautostart = true"))
    said(one, "started")
    server.peer().socket.shutdown(socket.SHUT_RDWR)
    said(one, "stopped")
    said(one, "error: the connection was lost: it ended without a close frame")
    said(one, "started", 2)
    # A server that says goodbye in order is a stop alone.
    server.peer(2).close(1000)
    said(one, "stopped", 2)
    said(one, "started", 3)
    server.peer(3).close(1011, "full")
    said(one, "error: the server closed the connection with code 1011: full")
    said(one, "started", 4)
    assert sum("error:" in each for each in one.lines if "[Player]" in each) == 2


def test_graphs_and_callbacks_hear_the_same_websocket(graph, sockets):
    server = sockets()
    second = WEBSOCKET.replace('set.value = "started"', 'set.value = "second started"').replace("got %s", "second got %s")
    files = {
        "second.logic.toml": second,
        "callbacks.py": "def onReceiveText(dat, rowIndex, message):\n    print('callback', rowIndex, message)\n",
    }
    more = (
        '\n[op.logic2]\ntype = "logicCOMP"\nfile = "second.logic.toml"\n'
        '[op.callbacks]\ntype = "textDAT"\nfile = "callbacks.py"\n'
    )
    one = graph(WEBSOCKET, more + websocket(server.port, 'par.callbacks = "../callbacks"'), files)
    trigger(one, "open")
    said(one, "started")
    said(one, "second started")
    server.send("to all")
    for text in ("got to all", "second got to all"):
        said(one, text)
    one.expect_line("^callback 1 to all|callback 0 to all")
    # A graph that goes hears no more, and the others go on.
    one.do("op('/project1/logic2').destroy()")
    server.send("to those who are left")
    said(one, "got to those who are left")
    assert times(one, "second got to those who are left") == 0
    assert len(server.paths) == 1


def test_a_graph_that_is_off_hears_nothing_and_the_connection_stays(graph, sockets):
    server = sockets()
    one = graph(WEBSOCKET, websocket(server.port, "autostart = true"))
    said(one, "started")
    one.do("op('/project1/logic1').par.active = False")
    server.send("nobody hears")
    eventually(lambda: one.do("result = op('/project1/connections/websocket_live').numRows") >= 1, what="the message")
    one.do("op('/project1/logic1').par.active = True")
    server.send("heard")
    said(one, "got heard")
    assert times(one, "got nobody hears") == 0 and len(server.open) == 1


def test_an_edited_graph_keeps_its_websocket(graph, sockets):
    server = sockets()
    one = graph(WEBSOCKET, websocket(server.port, "autostart = true"))
    said(one, "started")
    one.write("graph.logic.toml", WEBSOCKET.replace("got %s", "now %s"))
    eventually(lambda: server.send("a") or times(one, "now a"))
    assert len(server.paths) == 1


# ---------------------------------------------------------------------------------------------------- HTTP server

HTTP_SERVER = (
    """
[event.open]
[event.close]
[event.late]
[var.kept]
type = "Any"
[node.open]
type = "HTTP Server Start"
set.configuration = "web"
[node.close]
type = "HTTP Server Stop"
set.configuration = "web"
[node.up]
type = "On HTTP Server Start"
set.configuration = "web"
next = "started"
[node.down]
type = "On HTTP Server Stop"
set.configuration = "web"
next = "stopped"

[node.route]
type = "On HTTP Route"
set.configuration = "web"
[[node.route.set.routes]]
method = "GET"
url = "/seats"
[[node.route.set.routes]]
method = "POST"
url = "/seats"
[[node.route.set.routes]]
method = "PUT"
url = "/picture"
is_body_binary = true
[[node.route.set.routes]]
method = "GET"
url = "/silent"
[[node.route.set.routes]]
method = "GET"
url = "/bad header"
[[node.route.set.routes]]
method = "DELETE"
url = "/twice"
[[node.route.set.routes]]
method = "GET"
url = "/held"

[node.route.on.route]
1 = "facts"
2 = "echo"
3 = "picture"
4 = "silent"
5 = "bad"
6 = "first"
7 = "hold"

[node.facts]
type = "Dictionary Value"
set.value = { seats = 7 }
next = "with_query"
[node.with_query]
type = "Set Dictionary Element"
set = { key = "query", data_type = "Dictionary" }
from.dictionary = "facts.output"
from.value = "route.query"
next = "with_headers"
[node.with_headers]
type = "Set Dictionary Element"
set = { key = "headers", data_type = "Dictionary" }
from.dictionary = "with_query.dictionary"
from.value = "route.headers"
next = "answer"
[node.answer]
type = "HTTP Response"
set = { configuration = "web", header = [{ key = "Content-Type", value = "application/json" }] }
from.request_id = "route.request_id"
from.body = "with_headers.dictionary"

[node.echo]
type = "HTTP Response"
set = { configuration = "web", status_code = 201 }
from.request_id = "route.request_id"
from.body = "route.body_2"

[node.picture]
type = "HTTP Response"
set.configuration = "web"
from.request_id = "route.request_id"
from.body = "route.body_3"

[node.bad]
type = "HTTP Response"
set = { configuration = "web", header = [{ key = "no header", value = "x" }] }
from.request_id = "route.request_id"

[node.first]
type = "HTTP Response"
set = { configuration = "web", status_code = 204 }
from.request_id = "route.request_id"
next = "second"
[node.second]
type = "HTTP Response"
set = { configuration = "web", default_body = "again" }
from.request_id = "route.request_id"

[node.hold]
type = "Console"
set.value = "held"
[node.late]
type = "HTTP Response"
set = { configuration = "web", default_body = "late" }
from.request_id = "route.request_id"
"""
    + heard("on_open", "open", "open")
    + heard("on_close", "close", "close")
    + heard("on_late", "late", "late")
    + console("started", "", "listens")
    + console("stopped", "", "listens no more")
    + console("silent", "", "asked in silence")
).replace('[var.kept]\ntype = "Any"\n', "")


def http_server(port, more=""):
    return f"\n[connection.http_server.web]\nlocal_port = {port}\n{more}\n"


class Web:
    """A graph that serves, and a client of it."""

    def __init__(self, one, port):
        self.one, self.port = one, port
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False)

    def ask(self, method, path, **options):
        return self.client.request(method, path, **options)


@pytest.fixture
def web(graph):
    made = []

    def start(more="autostart = true", text=HTTP_SERVER, operators="", files=None):
        port = free_port()
        one = graph(text, http_server(port, more) + operators, files)
        made.append(Web(one, port))
        if "autostart" in more:
            said(one, "listens")
        return made[-1]

    yield start
    for each in made:
        each.client.close()


def test_routes_answer_with_what_they_get(web):
    one = web()
    got = one.ask("GET", "/seats?row=4&row=5&name=Ann%20B%2B&flag", headers={"X-Show": "evening"})
    assert got.status_code == 200 and got.headers["content-type"] == "application/json"
    body = got.json()
    assert body["seats"] == 7 and body["query"] == {"row": "5", "name": "Ann B+", "flag": ""}
    assert body["headers"]["x-show"] == "evening" and body["headers"]["host"] == f"127.0.0.1:{one.port}"
    got = one.ask("POST", "/seats", content="zwölf".encode())
    assert (got.status_code, got.text, got.headers["content-type"]) == (201, "zwölf", "text/plain; charset=utf-8")
    picture = bytes(range(256)) * 300
    got = one.ask("PUT", "/picture", content=picture)
    assert (got.status_code, got.content) == (200, picture)
    # A HEAD is a GET without its body.
    got = one.ask("HEAD", "/seats")
    assert got.status_code == 200 and got.content == b"" and int(got.headers["content-length"]) > 10
    assert one.ask("GET", "/nothing").status_code == 404
    assert one.ask("DELETE", "/seats").status_code == 404


def test_curl_is_answered(web):
    one = web()
    command = ["curl", "-sS", "-i", "--noproxy", "*", "--data-binary", "from curl", f"http://127.0.0.1:{one.port}/seats"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    assert answer.startswith("HTTP/1.1 201 Created") and answer.endswith("from curl")


def test_http2_is_answered(web):
    one = web()
    with httpx.Client(http1=False, http2=True, trust_env=False, base_url=f"http://127.0.0.1:{one.port}") as client:
        answers = [client.post("/seats", content=f"body {number}") for number in range(20)]
    assert [answer.text for answer in answers] == [f"body {number}" for number in range(20)]
    assert answers[0].http_version == "HTTP/2"


def test_a_second_answer_is_an_error_of_the_node(web):
    one = web()
    assert one.ask("DELETE", "/twice").status_code == 204
    said_error = re.compile(r"\] second: the request was answered before$")
    eventually(lambda: any(said_error.search(each) for each in one.one.lines), what="the error")


def test_a_header_that_is_none_is_an_error_and_the_request_waits_on(web):
    one = web("autostart = true\npar.answertime = 1.0")
    got = one.ask("GET", "/bad%20header")
    assert got.status_code == 504
    one.one.expect_line(r"\] bad: `no header` is no header name$")


def test_who_is_not_answered_gets_504_and_a_late_answer_is_an_error(web):
    one = web("autostart = true\npar.answertime = 1.0")
    begin = time.monotonic()
    assert one.ask("GET", "/silent").status_code == 504
    assert 0.9 < time.monotonic() - begin < 5
    said(one.one, "asked in silence")
    trigger(one.one, "late")
    one.one.expect_line(r"\] late: the request waited too long for its answer, and got 504$")
    assert one.ask("GET", "/seats").status_code == 200


def test_an_answer_may_come_later(web):
    one = web()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(one.ask, "GET", "/held")
        said(one.one, "held")
        assert one.ask("POST", "/seats", content="meanwhile").text == "meanwhile"
        assert not waiting.done()
        # The Request ID is that of the latest request, so this one has to be it.
        again = pool.submit(httpx.get, f"http://127.0.0.1:{one.port}/held", trust_env=False, timeout=20)
        said(one.one, "held", 2)
        trigger(one.one, "late")
        assert again.result(10).text == "late"
        # The first still waits; the server that stops says so.
        assert not waiting.done()
        trigger(one.one, "close")
        assert waiting.result(10).status_code == 503


def test_a_client_that_goes_is_no_error(web):
    one = web()
    with socket.create_connection(("127.0.0.1", one.port)) as raw:
        raw.sendall(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        said(one.one, "held")
    gone = "the client of the request has gone; the answer goes nowhere"
    # The end of the connection is heard of a moment later.
    open_ones = "i = op('info1')\ni.par.op = op('/project1/connections/http_server_web')\nresult = i['connections'].eval()"
    eventually(lambda: one.one.do(open_ones) == 0, what="the end of the connection")
    trigger(one.one, "late")
    one.one.expect_line(re.escape(gone))
    assert one.ask("GET", "/seats").status_code == 200


def test_too_many_that_wait_are_refused(web):
    one = web("autostart = true\npar.maxwaiting = 3")
    with ThreadPoolExecutor(8) as pool:
        url = f"http://127.0.0.1:{one.port}/held"
        waiting = [pool.submit(httpx.get, url, trust_env=False, timeout=20) for _ in range(3)]
        said(one.one, "held", 3)
        refused = one.ask("GET", "/seats")
        assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
        warnings = one.one.do("result = op('/project1/connections/http_server_web').warnings()")
        assert "3 wait for an answer of a graph" in warnings
        trigger(one.one, "close")
        assert {each.result(10).status_code for each in waiting} == {503}


def test_what_no_route_takes_goes_to_the_callback(web):
    callbacks = (
        "def onHTTPRequest(dat, request, response):\n"
        "    response['statusCode'] = 200\n"
        "    response['data'] = 'callback ' + request['method'] + ' ' + request['uri']\n"
        "    return response\n"
    )
    operators = '\n[op.callbacks]\ntype = "textDAT"\nfile = "callbacks.py"\n'
    one = web('autostart = true\npar.callbacks = "../callbacks"', operators=operators, files={"callbacks.py": callbacks})
    assert one.ask("GET", "/other").text == "callback GET /other"
    assert one.ask("DELETE", "/seats").text == "callback DELETE /seats"
    assert one.ask("POST", "/seats", content="graph").text == "graph"
    # A graph that is off takes nothing, nor does one whose route is gone.
    one.one.do("op('/project1/logic1').par.active = False")
    assert one.ask("POST", "/seats", content="graph").text == "callback POST /seats"
    one.one.do("op('/project1/logic1').par.active = True")
    assert one.ask("POST", "/seats", content="graph").text == "graph"
    text = HTTP_SERVER.replace('method = "POST"\nurl = "/seats"', 'method = "POST"\nurl = "/places"')
    one.one.write("graph.logic.toml", text)
    eventually(lambda: one.ask("POST", "/places", content="now here").text == "now here")
    assert one.ask("POST", "/seats", content="graph").text == "callback POST /seats"


def test_a_server_starts_and_stops(web):
    one = web("")
    with pytest.raises(httpx.ConnectError):
        one.ask("GET", "/seats")
    trigger(one.one, "open")
    said(one.one, "listens")
    assert one.ask("GET", "/seats").status_code == 200
    trigger(one.one, "open")
    one.one.expect_line(r'the connection "web" is started already')
    trigger(one.one, "close")
    said(one.one, "listens no more")
    eventually(lambda: socket.socket().connect_ex(("127.0.0.1", one.port)) != 0)
    trigger(one.one, "open")
    said(one.one, "listens", 2)
    assert httpx.get(f"http://127.0.0.1:{one.port}/seats", trust_env=False).status_code == 200


def test_a_server_that_starts_and_stops_for_ever_leaves_others_their_turns(web):
    text = HTTP_SERVER.replace('next = "started"', 'next = "close"').replace('next = "stopped"', 'next = "open"')
    one = web("", text=text)
    trigger(one.one, "open")
    one.one.expect_line(r"listening on http://127\.0\.0\.1:%d/" % one.port)
    # The script of another server is answered meanwhile.
    for number in range(20):
        assert one.one.do(f"result = {number}") == number
    one.one.do("op('/project1/logic1').par.active = False")
    one.one.do("op('/project1/connections/http_server_web').par.active = False")
    assert one.one.do("result = 'calm'") == "calm"


def test_a_port_that_is_taken_is_said_and_tried_again(web):
    one = web("")
    with socket.socket() as other:
        other.bind(("127.0.0.1", one.port))
        other.listen()
        trigger(one.one, "open")
        one.one.expect_line(r'HTTP Server connection "web": .*in use')
    trigger(one.one, "open")
    said(one.one, "listens")


def test_a_server_of_ipv6_listens_on_loopback(web):
    one = web("autostart = true\nis_ipv6 = true")
    assert httpx.get(f"http://[::1]:{one.port}/seats", trust_env=False).json()["seats"] == 7
    with pytest.raises(httpx.ConnectError):
        one.ask("GET", "/seats")


def test_a_server_with_a_certificate(graph):
    authority, port = Authority("families"), free_port()
    certificate, key = authority.issue("server")
    more = http_server(port, 'autostart = true\nuse_ssl = true\nssl_certificate = "server.crt"\nssl_key = "server.key"')
    one = graph(HTTP_SERVER, more, {"server.crt": certificate, "server.key": key_text(key)})
    said(one, "listens")
    context = ssl.create_default_context(cadata=authority.pem.decode())
    assert httpx.get(f"https://127.0.0.1:{port}/seats", verify=context, trust_env=False).json()["seats"] == 7


def key_text(key):
    from cryptography.hazmat.primitives import serialization

    if isinstance(key, bytes):
        return key
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


# ---------------------------------------------------------------------------------------------------- HTTP client


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
