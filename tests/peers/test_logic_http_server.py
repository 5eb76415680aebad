"""HTTP servers of logic graphs, with httpx, curl and the client of Python."""

import re
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from certificates import Authority
from family_graphs import HTTP_SERVER, http_server, key_text, said, starter, trigger
from running import eventually, free_port


@pytest.fixture
def graph(patch):
    """Runs a patch with one graph."""
    return starter(patch)


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


HALL = """
[node.up]
type = "On HTTP Server Start"
set.configuration = "web"
next = "listens"
[node.listens]
type = "Console"
set.value = "listens"
[node.down]
type = "On HTTP Server Stop"
set.configuration = "web"
next = "stopped"
[node.stopped]
type = "Console"
set.value = "NAME stopped"
[node.route]
type = "On HTTP Route"
set.configuration = "web"
set.routes = [{ method = "GET", url = "/hall" }]
on.route.1 = "asked"
[node.asked]
type = "Console"
set.value = "NAME asked"
"""
STOPS = 'next = "close"\n[node.close]\ntype = "HTTP Server Stop"\nset.configuration = "web"\n'


def test_what_one_graph_makes_of_a_request_comes_when_all_have_heard_it(web):
    second = '\n[op.logic2]\ntype = "logicCOMP"\nfile = "second.logic.toml"\n'
    files = {"second.logic.toml": HALL.replace("NAME", "second")}
    one = web("autostart = true", HALL.replace("NAME", "first") + STOPS, second, files)
    assert one.ask("GET", "/hall").status_code == 503
    said(one.one, "second stopped")
    heard_by_second = [line.rsplit(": ", 1)[1] for line in one.one.lines if ": second " in line]
    assert heard_by_second == ["second asked", "second stopped"]


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


OPEN_ONES = "i = op('info1')\ni.par.op = op('/project1/connections/http_server_web')\nresult = i['connections'].eval()"


def test_a_client_that_goes_is_no_error(web):
    one = web()
    with socket.create_connection(("127.0.0.1", one.port)) as raw:
        raw.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5))
        head = b"\x82\x86\x04\x05/held\x41\x01x"
        raw.sendall(len(head).to_bytes(3, "big") + b"\x01\x05\x00\x00\x00\x01" + head)
        said(one.one, "held")
    # The end of the connection is heard of a moment later.
    eventually(lambda: one.one.do(OPEN_ONES) == 0, what="the end of the connection")
    trigger(one.one, "late")
    one.one.expect_line(re.escape("the client of the request has gone; the answer goes nowhere"))
    assert one.ask("GET", "/seats").status_code == 200


def test_a_client_that_closed_its_half_gets_a_late_answer(web):
    one = web()
    with socket.create_connection(("127.0.0.1", one.port), timeout=10) as raw:
        raw.sendall(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        raw.shutdown(socket.SHUT_WR)
        said(one.one, "held")
        trigger(one.one, "late")
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"late")
    eventually(lambda: one.one.do(OPEN_ONES) == 0, what="the end of the connection")


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
