"""A patch with a Csound CHOP under test, and a host of signals by another implementation."""

import contextlib
import struct
import threading

from running import PRELUDE, eventually, free_port, toml
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as dial
from websockets.sync.server import serve

HEADING = ["name", "type", "direction", "value"]

CONSTANT = """
[op.constant1]
type = "constantCHOP"
par.const = 2
par.const0name = "kamp"
par.const0value = 0.5
par.const1name = "kpan"
par.const1value = -1.0
"""

CALLBACKS = (
    PRELUDE
    + """
def onConnect(chop, signal, peer):
    log("onConnect", signal)

def onDisconnect(chop, signal, peer):
    log("onDisconnect", signal)

def onReceive(chop, signal, value):
    log("onReceive", signal, value)

def onReceiveString(chop, signal, value):
    log("onReceiveString", signal, value)

def onSetChannel(chop, name, value):
    log("onSetChannel", name, value)

def onScoreEvent(chop, event):
    log("onScoreEvent", event)
"""
)

INFO = """
[op.csound_info]
type = "infoCHOP"
par.op = "csound1"

[op.csound_table]
type = "infoDAT"
par.op = "csound1"
"""


def doubles(*numbers):
    return struct.pack(f"<{len(numbers)}d", *numbers)


def numbers(message):
    return list(struct.unpack(f"<{len(message) // 8}d", message))


class Chop:
    """A patch with a Csound CHOP `csound1`, what is wired to it and the table of its signals."""

    def __init__(
        self, patch, *, rows=None, sources="", wired="", callbacks=CALLBACKS, more="", wait=True, files=None, **parameters
    ):
        self.port = parameters.setdefault("port", free_port())
        self.parameters = {"active": True, "callbacks": "csound1_callbacks", **parameters}
        self.rows, self.wired, self.sources, self.more = rows or [], wired, sources, more
        self.run = patch(more=self.text(), files={"csound1_callbacks.py": callbacks, **(files or {})})
        self.connections = contextlib.ExitStack()
        if wait and parameters.get("role") != "client":
            self.run.expect_line(rf"csound1\] listening on wss?://127\.0\.0\.1:{self.port}/", 20)

    def text(self):
        lines = ["", "[op.csound1]", 'type = "csoundCHOP"', f"in = [{toml(self.wired)}]" if self.wired else ""]
        lines += ['par.signals = "signals"']
        lines += [f"par.{name} = {toml(value)}" for name, value in self.parameters.items()]
        lines += ["[op.signals]", 'type = "tableDAT"', f"rows = {toml(self.rows)}"]
        lines += ["[op.csound1_callbacks]", 'type = "textDAT"', 'file = "csound1_callbacks.py"']
        return "\n".join([*lines, INFO, self.sources, self.more])

    def save(self, **parameters):
        """Saves patch.toml with other parameters, and returns when they are live."""
        self.parameters.update(parameters)
        self.run.more = self.run.more[: self.run.more.index("\n[op.csound1]")] + self.text()
        self.run.write_patch()
        for name, value in parameters.items():
            script = f"result = op('csound1').par.{name}.eval()"
            eventually(lambda: self.run.do(script) == value, what=f"{name} = {value!r}")

    def connect(self, *names, **options):
        options = {"compression": None, "proxy": None, "open_timeout": 8, "close_timeout": 1, **options}
        connection = dial(f"ws://127.0.0.1:{self.port}/", subprotocols=list(names) or None, **options)
        return self.connections.enter_context(connection)

    def value(self, channel):
        return self.run.do(f"c = op('csound1')[{channel!r}]\nresult = None if c is None else c.eval()")

    def info(self, channel):
        return self.run.do(f"result = op('csound_info')[{channel!r}].eval()")

    def set(self, row, value):
        self.run.do(f"op('signals')[{row!r}, 'value'] = {value!r}")

    def heard(self, *names):
        return self.run.records(*names)

    def close(self):
        self.connections.close()


class Host:
    """A host of signals by another implementation: a port that serves each signal by its sub-protocol."""

    def __init__(self, port=None):
        self.received, self.clients, self.greetings = [], {}, {}
        self.port = port or free_port()
        self.server = serve(
            self.handle,
            "127.0.0.1",
            self.port,
            compression=None,
            select_subprotocol=lambda connection, offered: offered[0],
        )
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handle(self, connection):
        name = connection.subprotocol
        self.clients[name] = connection
        if name in self.greetings:
            connection.send(self.greetings[name])
        try:
            for message in connection:
                self.received.append((name, message))
        except ConnectionClosed:
            pass

    def close(self):
        self.server.shutdown()
        for connection in self.clients.values():
            connection.close()
