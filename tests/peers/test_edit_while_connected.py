"""Edits of the running patch, for every parameter of the Web Server DAT: who stays connected.

Each edit is a save of patch.toml while an HTTP connection is kept open and a WebSocket is connected. Only switching off
and restarting end connections (design rule 8: a change restarts only what owns the resource).
"""

import ssl
import time

import httpx
import pytest

from peers import peer_module
from raw import PING, PONG, TEXT, Raw, RawWebSocket, request, upgrade_headers
from running import ECHO, eventually, free_port

# Parameter, and the value that it is given while clients are connected. Nobody may lose a connection.
EDITS = {
    "port": free_port,
    "localaddress": "",
    "callbacks": "other_callbacks",
    "secure": True,
    "privatekey": "other.key",
    "certificate": "other.crt",
    "password": "changed",
    "verifyclient": True,
    "minprotocol": "tlsv13",
    "clientca": "ca.crt",
    "autopong": True,
    "subprotocols": "chat",
    "origins": "https://only.example",
    "pinginterval": 2.0,
    "missedpings": 50,
    "keepleft": 0,
    "clientstable": True,
    "staticfolder": "files",
    "corsorigins": "*",
    "maxmessage": 100,
    "maxbody": 10,
    "maxheader": 8192,
    "maxconnections": 1,
    "maxperaddress": 1,
    "handshaketime": 1.5,
    "stalltime": 1.5,
    "idletime": 60.0,
    "answertime": 1.5,
    "maxwaiting": 1,
    "maxqueue": 2048,
    "slowreader": "dropoldest",
    "compression": True,
    "compressthreshold": 0,
    "compresslevel": 9,
    "compresscontext": True,
    "compresswindow": 9,
    "record": "show.jsonl",
    "replay": "show.jsonl",
    "replayspeed": 2.0,
    "language": "python",
    "extension": "custom",
    "customext": "py",
    "wordwrap": "on",
}
ENDS_ALL = {"active", "restart"}
NOT_SETTINGS = {"pageindex", "edit"}

OTHER = ECHO.replace('response["data"] = request["data"] or request["uri"]', 'response["data"] = "other script"')
OTHER_DAT = '[op.other_callbacks]\ntype = "textDAT"\nfile = "other_callbacks.py"\n'


class Visitors:
    """An HTTP connection that is kept, and a WebSocket, both open since before the edit."""

    def __init__(self, server):
        self.server = server
        self.http = Raw(server.port)
        self.socket = RawWebSocket(server.port)
        self.are_connected()

    def are_connected(self, text=b"echo"):
        """Both still work, on the connections that they have."""
        self.http.send(request(self.server.port, "GET", "/echo"))
        answer = self.http.answer()
        self.socket.send_frame(TEXT, text)
        while (got := self.socket.frame())[0] == PING:
            self.socket.send_frame(PONG, got[1])
        assert got == (TEXT, text, True)
        return answer

    def leave(self):
        self.http.socket.close()
        self.socket.socket.close()


def is_refused(port):
    """Whether nobody listens on a port of 127.0.0.1; what listened there is let go of within a turn."""
    try:
        Raw(port).socket.close()
        return False
    except OSError:
        return True


def answers(server, url, text):
    """Whether a GET is answered with this; while a server moves it may be refused."""
    try:
        return server.http.get(url).text == text
    except httpx.TransportError:
        return False


@pytest.fixture
def visited(patch):
    made = []

    def start(*arguments, **options):
        options["more"] = options.get("more", "") + OTHER_DAT
        options["files"] = {"other_callbacks.py": OTHER, "files/page.html": "a page", **options.get("files", {})}
        server = patch(*arguments, **options)
        made.append(Visitors(server))
        return server, made[-1]

    yield start
    for visitors in made:
        visitors.leave()


def test_the_table_of_edits_has_every_parameter(patch):
    names = set(patch().do("result = [par.name for par in server.pars()]"))
    assert names - NOT_SETTINGS == set(EDITS) | ENDS_ALL


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_leaves_everyone_connected(visited, name):
    server, visitors = visited()
    value = EDITS[name]() if callable(EDITS[name]) else EDITS[name]
    server.change(**{name: value})
    assert visitors.are_connected().status == 200
    server.change(remove=[name]) if name not in ("port", "callbacks") else server.change(**{name: value})
    eventually(lambda: name in ("port", "callbacks") or server.constant(name) != value)
    visitors.are_connected()
    assert server.records("onWebSocketClose") == []
    # TLS without a certificate cannot listen, and must not go on in plain: the server stops, but those inside stay.
    assert len(server.records("onServerStop")) == (1 if name == "secure" else 0)


@pytest.mark.parametrize("name, act", [("active", "edit"), ("restart", "pulse")])
def test_off_and_restart_end_every_connection(visited, name, act):
    server, visitors = visited()
    if act == "edit":
        server.change(active=False)
    else:
        server.do("server.par.restart.pulse()")
    assert visitors.socket.close_code() == 1001
    assert visitors.http.is_ended(5)
    server.expect_records("onWebSocketClose")
    server.expect_records("onServerStop")
    if act == "edit":
        eventually(lambda: is_refused(server.port))
        server.change(active=True)
    server.expect_records("onServerStart", count=2)
    assert server.get().status_code == 200


# ---------------------------------------- what an edit does for those who come next


def test_a_moved_port_is_answered_and_the_old_one_is_free(visited):
    server, visitors = visited()
    old = server.port
    server.change(port=free_port())
    server.expect_line(rf"listening on http://127\.0\.0\.1:{server.port}/")
    assert server.get("/new").text == "/new"
    eventually(lambda: is_refused(old))
    visitors.are_connected()
    late = server.connect()
    eventually(lambda: len(server.do("result = server.webSocketConnections")) == 2)
    late.close()
    server.change(port=old)
    eventually(lambda: answers(server, server.url("/back"), "/back"))
    visitors.are_connected()
    assert server.records("onServerStop") == []


def test_a_port_in_use_keeps_the_patch_and_the_connections(visited):
    server, visitors = visited()
    with Raw(server.control_port):
        server.parameters["port"] = server.control_port
        server.write_patch()
        server.expect_line(rf"(?i)/project1/webserver1.*{server.control_port}.*in use|in use.*{server.control_port}")
        visitors.are_connected()
    server.change(port=free_port())
    eventually(lambda: server.do("result = server.errors()") == "")
    eventually(lambda: answers(server, server.url("/later"), "/later"))
    visitors.are_connected()


def test_a_moved_address_is_answered(visited):
    server, visitors = visited()
    server.change(localaddress="127.0.0.2")
    eventually(lambda: server.find_line(rf"listening on http://127\.0\.0\.2:{server.port}/"))
    assert server.http.get(f"http://127.0.0.2:{server.port}/moved").text == "/moved"
    eventually(lambda: is_refused(server.port))
    visitors.are_connected()
    server.change(localaddress="*")
    eventually(lambda: answers(server, server.url("/everywhere"), "/everywhere"))
    assert server.http.get(f"http://127.0.0.2:{server.port}/two").text == "/two"
    visitors.are_connected()


@pytest.mark.parametrize("address", ["192.0.2.1", "not an address"])
def test_an_address_that_is_not_ours_is_an_error_that_says_so(visited, address):
    server, visitors = visited()
    server.parameters["localaddress"] = address
    server.write_patch()
    server.expect_line(rf"/project1/webserver1.*{address}")
    visitors.are_connected()
    server.change(localaddress="127.0.0.1")
    eventually(lambda: server.do("result = server.errors()") == "")
    eventually(lambda: answers(server, server.url("/again"), "/again"))


def test_tls_on_and_off_keeps_the_open_connections(visited):
    certificates = peer_module("certificates")
    authority = certificates.Authority("Edit CA")
    certificate, key = authority.issue("server")
    files = {"server.crt": certificate, "server.key": certificates.key_pem(key)}
    server, visitors = visited(files=files, certificate="server.crt", privatekey="server.key")
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)

    def secure_text():
        try:
            with httpx.Client(verify=context, trust_env=False) as client:
                return client.get(server.url("/secure", "https")).text
        except httpx.HTTPError:
            return None

    server.change(secure=True)
    assert eventually(secure_text) == "/secure"
    visitors.are_connected()
    safe = server.connect("/", "wss", ssl=context)
    server.change(secure=False)
    eventually(lambda: secure_text() is None)
    eventually(lambda: answers(server, server.url("/plain"), "/plain"))
    safe.send("still secure")
    assert safe.recv(timeout=8) == "still secure"
    visitors.are_connected()


def test_another_callbacks_dat_answers_the_same_connections(visited):
    server, visitors = visited()
    server.change(callbacks="other_callbacks")
    assert visitors.are_connected().body == b"other script"
    server.change(callbacks="webserver1_callbacks")
    assert visitors.are_connected().body == b"/echo"


def test_new_limits_hold_for_connections_that_are_open(visited):
    server, visitors = visited()
    server.change(maxbody=10, maxmessage=50)
    visitors.http.send(request(server.port, "POST", "/", body=b"x" * 11))
    assert visitors.http.answer().status == 413
    visitors.socket.send_frame(TEXT, b"y" * 51)
    assert visitors.socket.close_code() == 1009


def test_new_limits_of_connections_hold_for_those_who_come_next(visited):
    server, visitors = visited()
    server.change(maxconnections=2)
    with Raw(server.port) as late:
        assert late.is_ended(5)
    visitors.are_connected()
    server.change(maxconnections=100)
    with Raw(server.port) as welcome:
        welcome.send(request(server.port))
        assert welcome.answer().status == 200


def test_origins_subprotocols_and_autopong_are_live(visited):
    server, visitors = visited(ECHO.replace("dat.webSocketSendPong(client, data=data)", "pass"))
    server.change(origins="https://only.example", subprotocols="chat", autopong=True)
    with Raw(server.port) as client:
        client.send(request(server.port, headers=[*upgrade_headers(), "Origin: https://other.example"]))
        assert client.answer().status == 403
    assert server.connect(subprotocols=["chat"]).subprotocol == "chat"
    visitors.socket.send_frame(PING, b"now")
    assert visitors.socket.frame() == (PONG, b"now", True)


def test_ping_interval_is_live_on_open_connections(visited):
    server, visitors = visited()
    server.change(pinginterval=0.1)
    assert visitors.socket.frame()[0] == PING


def test_files_are_served_as_soon_as_the_folder_is_named(visited):
    server, visitors = visited()
    assert server.get("/page.html").text == "/page.html"
    server.change(staticfolder="files")
    assert server.get("/page.html").text == "a page"
    server.write("files/page.html", "another page")
    assert server.get("/page.html").text == "another page"
    server.change(staticfolder="")
    assert server.get("/page.html").text == "/page.html"
    visitors.are_connected()


def test_the_clients_table_comes_and_goes(visited):
    server, visitors = visited()
    assert server.do("result = server.numRows") == 0
    server.change(clientstable=True)
    assert server.do("result = server.numRows") == 2
    server.change(clientstable=False)
    assert server.do("result = server.numRows") == 0


# ---------------------------------------- scripts, tables, the patch itself


TABLE = '[op.cues]\ntype = "tableDAT"\nfile = "cues.tsv"\n[op.inline]\ntype = "tableDAT"\nrows = {rows}\n'


def seconds_until(condition):
    start = time.monotonic()
    eventually(condition)
    return time.monotonic() - start


@pytest.mark.alone
def test_a_saved_script_is_live_at_once_and_nobody_is_disconnected(visited):
    server, visitors = visited()
    taken = []
    for version in ("one", "two", "three"):
        server.write("webserver1_callbacks.py", ECHO.replace('request["uri"]', repr(version)))
        taken.append(seconds_until(lambda: server.get().text == version))
    visitors.are_connected()
    assert min(taken) < 0.5, f"a save took {taken} s"


@pytest.mark.alone
def test_a_saved_table_file_is_live_at_once(visited):
    server, visitors = visited(more=TABLE.format(rows='[["a"]]'), files={"cues.tsv": "cue\ttime\nintro\t1\n"})
    cell = "result = op('cues')['intro', 'time'].val"
    assert server.do(cell) == "1"
    server.write("cues.tsv", "cue\ttime\nintro\t2\n")
    assert seconds_until(lambda: server.do(cell) == "2") < 2
    visitors.are_connected()


def test_rows_in_the_patch_file_are_live_and_run_time_changes_of_others_stay(visited):
    server, visitors = visited(more=TABLE.format(rows='[["a", "1"]]'), files={"cues.tsv": "x\n"})
    server.do("op('cues')[0, 0] = 'changed by a script'")
    server.more = server.more.replace('[["a", "1"]]', '[["a", "2"], ["b", "3"]]')
    server.write_patch()
    eventually(
        lambda: (
            server.do("result = [[cell.val for cell in row] for row in op('inline').rows()]")
            == [["a", "2"], ["b", "3"]]
        )
    )
    assert server.do("result = op('cues')[0, 0].val") == "changed by a script"
    visitors.are_connected()


def test_parameters_set_by_a_script_stay_when_the_file_changes_another(visited):
    server, visitors = visited()
    server.do("server.par.maxmessage = 4321")
    server.change(maxbody=999)
    assert server.constant("maxmessage") == 4321
    visitors.are_connected()


def test_a_comment_or_another_order_changes_nothing(visited):
    server, visitors = visited()
    seen = len(server.lines)
    server.write(
        "patch.toml", "# a comment\n" + server.patch_text().replace("par.active = true", "par.active =   true # on")
    )
    server.change(maxbody=999)
    server.expect_line(r"patch\.toml: .*1 parameter", start=seen)
    assert len([line for line in server.lines[seen:] if "patch.toml" in line]) == 1
    visitors.are_connected()


def test_an_added_operator_runs_and_a_removed_one_stops(visited):
    server, visitors = visited()
    port = free_port()
    second = f'[op.second]\ntype = "webserverDAT"\npar.port = {port}\npar.active = true\n'
    before = server.more
    server.more += second
    server.write_patch()
    server.expect_line(rf"listening on http://127\.0\.0\.1:{port}/")
    client = RawWebSocket(port)
    server.more = before
    server.write_patch()
    assert client.close_code() == 1001
    eventually(lambda: is_refused(port))
    assert server.do("result = op('second') is None") is True
    visitors.are_connected()


MISTAKES = {
    "syntax": ("par.active = true", "par.active = tru", r"patch\.toml:\d+:\d+"),
    "parameter": ("par.active = true", "par.activ = true", "active"),
    "value": ("par.active = true", 'par.active = "maybe"', "active"),
    "type": ('type = "webserverDAT"', 'type = "webservrDAT"', "webserverDAT"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_an_invalid_patch_file_changes_nothing_and_shows_where(visited, name):
    server, visitors = visited()
    good, bad, hint = MISTAKES[name]
    text = server.patch_text().replace(good, bad, 1).replace("[patch]", "[patch]\n# longer")
    line, column = next((at, each.index(bad)) for at, each in enumerate(text.splitlines(), 1) if bad in each)
    server.parameters["maxbody"] = 999
    text = text.replace("par.callbacks =", "par.maxbody = 999\npar.callbacks =", 1)
    seen = len(server.lines)
    server.write("patch.toml", text)
    where = server.expect_line(rf"patch\.toml:{line}:\d+", start=seen)
    assert int(where.split(f"patch.toml:{line}:")[1].split("]")[0].split()[0].rstrip(":]")) >= column + 1
    server.expect_line(hint, start=seen)
    visitors.are_connected()
    assert server.constant("maxbody") != 999, "nothing of an invalid file is applied"
    server.change(maxbody=999)
    visitors.are_connected()
    assert server.records("onServerStop", "onWebSocketClose") == []


def test_a_vanished_patch_file_changes_nothing(visited):
    server, visitors = visited()
    (server.folder / "patch.toml").unlink()
    server.expect_line(r"patch\.toml")
    visitors.are_connected()
    server.change(maxbody=999)
    visitors.are_connected()


def test_a_vanished_script_goes_on_with_a_warning(visited):
    server, visitors = visited()
    (server.folder / "webserver1_callbacks.py").unlink()
    server.expect_line(r"webserver1_callbacks\.py")
    visitors.are_connected()
    server.write("webserver1_callbacks.py", OTHER)
    eventually(lambda: server.get().text == "other script")


def test_editors_that_write_in_place_are_followed_too(visited):
    server, visitors = visited()
    path = server.folder / "webserver1_callbacks.py"
    with path.open("w") as file:
        file.write(OTHER[:50])
        file.flush()
        file.write(OTHER[50:])
    eventually(lambda: server.get().text == "other script")
    visitors.are_connected()


def test_frame_rate_is_live(visited):
    server, visitors = visited()
    assert server.do("result = project.cookRate") == 60
    server.settings["frame_rate"] = 20
    server.write_patch()
    eventually(lambda: server.do("result = project.cookRate") == 20)
    visitors.are_connected()
