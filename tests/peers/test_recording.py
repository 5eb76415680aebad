"""Record and replay: traffic with a real peer goes into a file, and comes again from it without the peer.

The server is Python's `websockets`; the client of a replayed Web Server DAT is gone when its recording is played.
"""

import contextlib
import json
import threading

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from running import ECHO, PRELUDE, eventually, free_port

# Notes every callback; answers text.
NOTES = (
    PRELUDE
    + """
def onConnect(dat):
    log("onConnect")

def onDisconnect(dat):
    log("onDisconnect")

def onReceiveText(dat, rowIndex, message):
    log("onReceiveText", rowIndex, message)
    log("sent", dat.sendText("re: " + message))

def onReceiveBinary(dat, contents):
    log("onReceiveBinary", contents)

def onReceivePing(dat, contents):
    log("onReceivePing", contents)
    dat.sendPong(contents)

def onReceivePong(dat, contents):
    log("onReceivePong", contents)

def onMonitorMessage(dat, message):
    log("onMonitorMessage", message)
"""
)

HEARD = ("onConnect", "onDisconnect", "onReceiveText", "onReceiveBinary", "onReceivePing", "onReceivePong", "sent")


@contextlib.contextmanager
def session_server():
    """Sends one of each, waits for the answers, and closes. Gives its port and what it received."""
    received = []

    def session(connection):
        connection.send("größer")
        received.append(connection.recv(timeout=8))
        connection.send(b"\x00\xff")
        connection.ping(b"hi").wait(8)
        connection.send("second")
        received.append(connection.recv(timeout=8))
        with contextlib.suppress(ConnectionClosed):
            connection.close(4001, "show is over")

    with serve(session, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1], received
        server.shutdown()
        thread.join(8)


def websocket_dat(**parameters):
    """A WebSocket DAT `websocket1`, for `more` of a patch."""
    lines = ["[op.websocket1]", 'type = "websocketDAT"', 'par.callbacks = "notes"']
    lines += [f"par.{name} = {json.dumps(value)}" for name, value in parameters.items()]
    return "\n".join([*lines, "", "[op.notes]", 'type = "textDAT"', 'file = "notes.py"', ""])


@pytest.fixture
def dat_patch(patch):
    """Runs a patch with a WebSocket DAT."""

    def start(files=None, notes=NOTES, **parameters):
        return patch(more=websocket_dat(**parameters), files={"notes.py": notes, **(files or {})})

    return start


def entries(path):
    """Header and entries of a recording."""
    header, *rest = [json.loads(line) for line in path.read_text().splitlines()]
    return header, rest


def recorded_session(dat_patch):
    """A recording of a session, made with a real server that is gone now; also what the callbacks heard."""
    with session_server() as (port, received):
        live = dat_patch(record="show.jsonl", active=True, netaddress="ws://127.0.0.1/", port=port)
        eventually(lambda: live._records_read(["onDisconnect"]), what="the end of the session")
        heard = live.records(*HEARD)
        rows = live.do("result = [[cell.val for cell in row] for row in op('websocket1').rows()]")
        assert live.do("result = op('websocket1').par.record.eval()") == "show.jsonl"
        live.do("op('websocket1').par.record = ''")
        live.expect_line(r"recorded 10 entries to .*/show\.jsonl$")
    assert received == ["re: größer", "re: second"]
    return live.folder / "show.jsonl", heard, rows


def test_a_session_is_recorded_and_comes_again_without_the_server(dat_patch):
    path, heard, rows = recorded_session(dat_patch)
    assert [record[0] for record in heard] == [
        "onConnect", "onReceiveText", "sent", "onReceiveBinary", "onReceivePing", "onReceiveText", "sent", "onDisconnect",
    ]  # fmt: skip
    header, lines = entries(path)
    assert (header["patchcord_recording"], header["operator"]) == (1, "/project1/websocket1")
    assert [(line["dir"], line["kind"]) for line in lines] == [
        ("out", "open"), ("in", "text"), ("out", "text"), ("in", "binary"), ("in", "ping"), ("out", "pong"),
        ("in", "text"), ("out", "text"), ("in", "close"),
    ]  # fmt: skip
    assert [line.get("text") or line.get("data") for line in lines[1:8]] == [
        "größer", "re: größer", "AP8=", "aGk=", "aGk=", "second", "re: second",
    ]  # fmt: skip
    assert (lines[-1]["code"], lines[-1]["reason"]) == (4001, "show is over")
    times = [line["at"] for line in lines]
    assert times == sorted(times) and times[-1] < 60

    again = dat_patch(files={"show.jsonl": path.read_bytes()}, replay="show.jsonl", replayspeed=10, active=True, port=1)
    again.expect_line(r"the recording has ended: 6 entries$")
    assert again.records(*HEARD) == heard
    assert again.do("result = [[cell.val for cell in row] for row in op('websocket1').rows()]") == rows
    said = [record[1] for record in again.records("onMonitorMessage")]
    assert said[0].startswith("replaying ") and said[0].endswith("recorded by /project1/websocket1")
    assert said[1] == "connected"
    assert "the server closed the connection with code 4001: show is over" in said
    info = again.do(
        "chop = create = op('/project1').create('infoCHOP', 'info2')\n"
        "chop.par.op = 'websocket1'\n"
        "names = ['connected', 'messages_in', 'messages_out', 'bytes_out', 'close_code', 'replaying']\n"
        "result = [chop[name].eval() for name in names]"
    )
    assert info == [0, 3, 2, len("re: größerre: second".encode()), 4001, 0]
