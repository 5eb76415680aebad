"""WebSocket connections of logic graphs, with the server of websockets."""

import socket
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from family_graphs import console, heard, said, starter, times, trigger
from running import eventually, free_port


@pytest.fixture
def graph(patch):
    """Runs a patch with one graph."""
    return starter(patch)


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


def test_what_one_graph_makes_of_a_message_comes_when_all_have_heard_it(graph, sockets):
    server = sockets()
    wire = 'from.input = "show.formatted"\n'
    assert WEBSOCKET.count(wire) == 1
    first = WEBSOCKET.replace(wire, wire + 'next = "close"\n')
    second = WEBSOCKET.replace('set.value = "stopped"', 'set.value = "second stopped"').replace("got %s", "second got %s")
    more = '\n[op.logic2]\ntype = "logicCOMP"\nfile = "second.logic.toml"\n'
    one = graph(first, more + websocket(server.port), {"second.logic.toml": second})
    trigger(one, "open")
    said(one, "started", 2)
    server.send("the last")
    said(one, "second stopped")
    heard_by_second = [line.rsplit(": ", 1)[1] for line in one.lines if ": second " in line]
    assert heard_by_second == ["second got the last", "second stopped"]


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
