"""Socket.IO servers that share no code with the program, each in a process of its own.

All of them do the same. They are programs with settings as JSON in their last argument: `port` (0: a free one) on
127.0.0.1, `limit` (seconds after which they end by themselves), `ping` (interval and time-out in ms), and what only
some know. Namespaces are `/`, `/admin`, `/deny` (refuses everybody with the message "denied" and the data
{"code": 42}) and `/token` (refuses who does not bring `token` = "right": in auth, in version 2 in the query). In each
that lets a client in, the client's events do this:

    echo …args        comes back as the event `echo`, and is answered with the same
    note …args        is told, and answered with nothing
    ask …args         the event `question` asks the client; its answer is told
    late MS           is answered "late" after that many milliseconds
    mute              is never answered
    flood COUNT       the event `number` comes that many times, with 0, 1, 2 …
    count NUMBER      counts numbers, as long as they come in order; `counted` answers with the next one
    transport         answers with the name of the transport
    kick, kickall     the server ends this namespace, or all of this client and its session

They tell what happens as lines of JSON, with bytes as {"bytes": hex}: ["listening", port], ["connect", namespace, sid,
{query, headers, auth, transport, recovered}], ["disconnect", namespace, sid, reason], ["note", namespace, args],
["answer", namespace, args]. Lines of standard input lead them: ["emit", namespace, event, …args] to all clients,
["drop"] (Node's alone) cuts all WebSockets, ["close"] ends the server in order. They end with their standard input.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from peers import missing
from running import REPOSITORY, eventually, free_port

# Seconds after which a server ends whatever happens: longer than all tests of a run.
LIMIT = 900
HERE = Path(__file__).parent
PEERS = Path(os.environ.get("PATCHCORD_PEERS", REPOSITORY / "target" / "peers"))
SETUP = "run `cargo xtask setup`"


class NodeKind:
    """npm's `socket.io`, one of its releases."""

    def __init__(self, package):
        self.package = package

    def command(self):
        program = shutil.which("node")
        if program is None:
            missing("node", "install the package nodejs")
        if not self.manifest().exists():
            missing(f"the Node package {self.package}", SETUP)
        return [program, str(HERE / "socketio_server.mjs"), str(self._packages()), self.package]

    def version(self):
        return f"socket.io {json.loads(self.manifest().read_text())['version']}"

    @staticmethod
    def _packages():
        return PEERS / "node" / "node_modules"

    def manifest(self):
        """Its package.json."""
        return self._packages() / self.package / "package.json"


class PythonKind:
    """A script on packages of the tests' own interpreter."""

    def __init__(self, script, *packages):
        self.script, self.packages = script, packages

    def command(self):
        for package in self.packages:
            try:
                importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                missing(f"the Python package {package}", SETUP)
        return [sys.executable, str(HERE / self.script)]

    def version(self):
        return f"{self.packages[0]} {importlib.metadata.version(self.packages[0])}"


class RustKind:
    """The program in `socketioxide`."""

    def command(self):
        program = PEERS / "socketioxide" / "debug" / "socketioxide-peer"
        if not program.exists():
            missing("the server on socketioxide", SETUP)
        return [str(program)]

    def version(self):
        lock = (HERE / "socketioxide" / "Cargo.lock").read_text()
        return "socketioxide " + re.search(r'name = "socketioxide"\nversion = "([^"]+)"', lock)[1]


KINDS = {
    "node4": NodeKind("socket.io-4"),
    "node3": NodeKind("socket.io-3"),
    "node2": NodeKind("socket.io-2"),
    "asgi": PythonKind("socketio_asgi.py", "python-socketio", "uvicorn"),
    "flask": PythonKind("socketio_flask.py", "Flask-SocketIO", "simple-websocket"),
    "oxide": RustKind(),
}


def on(feature, kinds=tuple(KINDS)):
    """Runs a test with a server of each of these kinds; for the table of what works, it shows this feature."""

    def mark(test):
        return pytest.mark.feature(feature)(pytest.mark.parametrize("kind", kinds)(test))

    return mark


class SocketIoServer:
    """One server; `events` are the lists that it told, in order."""

    def __init__(self, kind, port=None, **settings):
        self.kind = kind
        settings = {"port": port or free_port(), "limit": LIMIT, **settings}
        command = [*KINDS[kind].command(), json.dumps(settings)]
        self.events, self.complaints = [], []
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.readers = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_complaints, daemon=True),
        ]
        for reader in self.readers:
            reader.start()
        self.port = self.expect("listening", timeout=20)[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def _read_events(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def _read_complaints(self):
        for line in self.process.stderr:
            self.complaints.append(line.rstrip("\n"))

    def mark(self):
        """From here `expect` and `told` look at what comes next."""
        self.events = []

    def tell(self, *line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()

    def emit(self, namespace, event, *args):
        """Sends an event to all clients of a namespace."""
        self.tell("emit", namespace, event, *args)

    def told(self, *beginning):
        """What it told that begins so."""
        return [event for event in list(self.events) if event[: len(beginning)] == list(beginning)]

    def expect(self, *beginning, count=1, timeout=8.0):
        """The `count`-th list that begins so."""

        def found():
            fitting = self.told(*beginning)
            return fitting[count - 1] if len(fitting) >= count else None

        try:
            return eventually(found, timeout)
        except AssertionError:
            raise AssertionError(
                f"{count} × {list(beginning)} was not told by the server {self.kind}, but {self.events[-20:]}; "
                f"standard error: {self.complaints[-20:]}"
            ) from None

    def clients(self, namespace="/"):
        """What the server knows of each client that came to this namespace: query, headers, auth, transport, recovered.

        Those that asked a server of version 2 for another version are gone, and left out."""
        come = [record for _, _, _, record in self.told("connect", namespace)]
        return [record for record in come if self.kind != "node2" or record["query"]["EIO"] == "3"]

    def client(self, namespace="/", count=1):
        """The `count`-th of these clients."""

        def found():
            clients = self.clients(namespace)
            return clients[count - 1] if len(clients) >= count else None

        return eventually(found, what=f"{count} × a client in {namespace}")

    def close(self):
        """Ends it in order."""
        self.tell("close")
        self.process.wait(10)
        self._let_go()

    def kill(self):
        """Ends it at once."""
        self.process.kill()
        self.process.wait(10)
        self._let_go()

    def _let_go(self):
        for reader in self.readers:
            reader.join(5)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
