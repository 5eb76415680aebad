"""Writes patch folders, runs the built program on them and talks about what it printed.

A test says what the patch is (parameters, callbacks, files), gets a `Running` and drives it with clients that share
no code with the program. Callbacks note their calls as lines `LOG [name, values…]`. Every patch also holds a second
Web Server DAT, `control`, through which a test runs Python inside the patch: it stays reachable while the server
under test is off, full or changing.
"""

import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import httpx
from websockets.exceptions import InvalidMessage
from websockets.sync.client import connect

from ports import Ports

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("PATCHCORD_PYTHON", "/usr/bin/python3")

PRELUDE = """
import json

def log(name, *values):
    print("LOG " + json.dumps([name, *values], default=lambda value: {"bytes": bytes(value).hex()}))
"""

# Every callback notes what it was called with and echoes.
ECHO = (
    PRELUDE
    + """
def onHTTPRequest(dat, request, response):
    log("onHTTPRequest", dict(request))
    response["statusCode"] = 200
    response["statusReason"] = "OK"
    response["data"] = request["data"] or request["uri"]
    return response

def onWebSocketOpen(dat, client, uri):
    log("onWebSocketOpen", client, uri)

def onWebSocketClose(dat, client):
    log("onWebSocketClose", client)

def onWebSocketReceiveText(dat, client, data):
    log("onWebSocketReceiveText", client, data)
    dat.webSocketSendText(client, data)

def onWebSocketReceiveBinary(dat, client, data):
    log("onWebSocketReceiveBinary", client, data)
    dat.webSocketSendBinary(client, data)

def onWebSocketReceivePing(dat, client, data):
    log("onWebSocketReceivePing", client, data)
    dat.webSocketSendPong(client, data=data)

def onWebSocketReceivePong(dat, client, data):
    log("onWebSocketReceivePong", client, data)

def onServerStart(dat):
    log("onServerStart")

def onServerStop(dat):
    log("onServerStop", list(dat.webSocketConnections))
"""
)

# Only openings and closings are noted, nothing is answered.
QUIET = (
    PRELUDE
    + """
def onWebSocketOpen(dat, client, uri):
    log("onWebSocketOpen", client, uri)

def onWebSocketClose(dat, client):
    log("onWebSocketClose", client)
"""
)

CONTROL = """
import json

def onHTTPRequest(dat, request, response):
    scope = {"op": op, "run": run, "server": op("webserver1"), "result": None}
    exec(str(request["data"]), scope)
    response["statusCode"] = 200
    response["statusReason"] = "OK"
    response["data"] = json.dumps(scope["result"], default=str)
    return response
"""


def program():
    """Path of the program under test: `$PATCHCORD`, or what cargo built last."""
    if named := os.environ.get("PATCHCORD"):
        return Path(named).resolve()
    built = [REPOSITORY / "target" / profile / "patchcord" for profile in ("debug", "release")]
    built = [path for path in built if path.exists()]
    if not built:
        raise FileNotFoundError("no built program: run `cargo build`, or set PATCHCORD")
    return max(built, key=lambda path: path.stat().st_mtime)


@functools.cache
def ports():
    """The ports of this process."""
    return Ports()


def free_port():
    """A port of 127.0.0.1 that nothing listens on, and that nobody else is given."""
    return ports().next()


def save(path, content):
    """Writes a file at once, as editors do: a new file takes the place of the old one, and nobody sees half of it."""
    fresh = path.with_name(path.name + ".saving")
    fresh.write_bytes(content if isinstance(content, bytes) else content.encode())
    fresh.replace(path)


def eventually(condition, timeout=8.0, what="the condition"):
    """The first true value that `condition` gives, asked every 10 ms; fails after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        assert time.monotonic() < end, f"{what} did not come within {timeout} s"
        time.sleep(0.01)


def stop_for(program, seconds, stopped=None):
    """As a laptop that sleeps: nothing runs meanwhile, and then the clock has moved on."""
    os.kill(program.process.pid, signal.SIGSTOP)
    try:
        if stopped:
            stopped.set()
        time.sleep(seconds)
    finally:
        os.kill(program.process.pid, signal.SIGCONT)


def toml(value):
    """A value as TOML writes it on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(each) for each in value) + "]"
    return json.dumps(value)


class Watched:
    """A program that runs, and the lines that it has printed so far."""

    def __init__(self, arguments, environment, folder=None, stdin=subprocess.DEVNULL):
        self.process = subprocess.Popen(
            [*map(str, arguments)],
            cwd=folder,
            env=environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines, self.out, self.err = [], [], []
        self.readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.out), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.err), daemon=True),
        ]
        for reader in self.readers:
            reader.start()

    def _read(self, stream, own):
        for line in stream:
            text = line.decode("utf-8", "replace").rstrip("\n")
            own.append(text)
            self.lines.append(text)

    @property
    def output(self):
        """What was printed, the end of it, with very long lines cut."""
        return "\n".join(line[:300] for line in self.lines[-80:])

    def find_line(self, pattern, start=0):
        return next((line for line in self.lines[start:] if re.search(pattern, line)), None)

    def expect_line(self, pattern, timeout=8.0, start=0):
        """The first line, from number `start`, in which `pattern` is found."""

        def found():
            line = self.find_line(pattern, start)
            assert line is not None or self.process.poll() is None or self.find_line(pattern, start), (
                f"the program ended with {self.process.returncode} before a line matched {pattern!r}:\n{self.output}"
            )
            return line and (line,)

        return eventually(found, timeout, f"a line that matches {pattern!r}")[0]

    def end(self, timeout=20.0):
        """Waits for the program to end by itself, and gives its exit code."""
        code = self.process.wait(timeout)
        for reader in self.readers:
            reader.join(5)
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.end()


class Command(Watched):
    """One run of the program under test."""

    def __init__(self, arguments, environment=None, folder=None):
        settings = {
            **os.environ,
            "PATCHCORD_PYTHON": PYTHON,
            "NO_COLOR": "1",
            "RUST_BACKTRACE": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        settings.pop("TOUCH_TEXT_CONSOLE", None)
        settings.update(environment or {})
        super().__init__([program(), *arguments], settings, folder)


class Running(Command):
    """A patch folder whose server is under test, and the program that runs it."""

    def __init__(self, folder, *, parameters, callbacks, settings, more, files, environment, wait, arguments):
        self.folder = folder
        self.port = parameters.setdefault("port", free_port())
        parameters.setdefault("active", True)
        parameters.setdefault("callbacks", "webserver1_callbacks")
        self.parameters, self.settings, self.more = parameters, settings, more
        self.control_port = free_port()
        self.fences = 0
        self._stopped = False
        self._clients = contextlib.ExitStack()
        self.http = httpx.Client(trust_env=False, timeout=20)
        for name, content in {
            "webserver1_callbacks.py": callbacks,
            "control_callbacks.py": CONTROL,
            **files,
        }.items():
            self.write(name, content)
        self.write_patch()
        super().__init__(["run", folder, "--python", PYTHON, *arguments], environment)
        if wait:
            self.expect_line(rf"listening on https?://[^ ]*:{self.port}/", 20)
        self.expect_line(rf"listening on http://127\.0\.0\.1:{self.control_port}/", 20)

    def write(self, name, content):
        """Saves a file of the patch."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, content)

    def patch_text(self):
        lines = ["[patch]", "format = 1", *(f"{key} = {toml(value)}" for key, value in self.settings.items())]
        lines += ["", "[op.webserver1]", 'type = "webserverDAT"']
        lines += [f"par.{key} = {toml(value)}" for key, value in self.parameters.items()]
        lines += ["", "[op.webserver1_callbacks]", 'type = "textDAT"', 'file = "webserver1_callbacks.py"']
        lines += ["", "[op.control]", 'type = "webserverDAT"', f"par.port = {self.control_port}", "par.active = true"]
        lines += ['par.callbacks = "control_callbacks"']
        lines += ["", "[op.control_callbacks]", 'type = "textDAT"', 'file = "control_callbacks.py"', "", self.more]
        return "\n".join(lines) + "\n"

    def write_patch(self):
        self.write("patch.toml", self.patch_text())

    def change(self, remove=(), **parameters):
        """Saves patch.toml with other parameters of the server under test, and returns when they are live."""
        for name in remove:
            del self.parameters[name]
        self.parameters.update(parameters)
        self.write_patch()
        self.port = self.parameters["port"]
        for name, value in parameters.items():
            eventually(lambda: self.constant(name) == value, what=f"{name} = {value!r}")

    def constant(self, name):
        """A parameter of the server under test; an operator is given by its name."""
        return self.do(
            f"value = server.par.{name}.eval()\n"
            "result = '' if value is None else value if isinstance(value, (str, int, float)) else value.name"
        )

    def url(self, path="/", scheme="http"):
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def get(self, path="/", **options):
        return self.http.get(self.url(path), **options)

    def post(self, path="/", **options):
        return self.http.post(self.url(path), **options)

    def do(self, script):
        """Runs Python inside the patch and gives what it left in `result` (`server` is the server under test)."""
        answer = self.http.post(f"http://127.0.0.1:{self.control_port}/", content=script.encode())
        assert answer.status_code == 200, f"the script failed inside the patch:\n{script}\n{self.output}"
        return json.loads(answer.text)

    def connect(self, path="/", scheme="ws", **options):
        """A WebSocket of Python's `websockets`, closed when the test ends."""
        options = {
            "compression": None,
            "open_timeout": 8,
            "close_timeout": 8,
            "proxy": None,
            "ping_interval": None,
            **options,
        }
        # This client uses one TLS session from two threads, and about one in 200 of its handshakes is never sent, whatever
        # the server. Only such a one is tried again; a server that refuses is not asked twice.
        for last in (scheme != "wss", False, True):
            try:
                return self._clients.enter_context(connect(self.url(path, scheme), **options))
            except (TimeoutError, InvalidMessage):
                if last:
                    raise

    def info(self, channel):
        """An info channel of the server under test, as an Info CHOP `info1` of the patch shows it."""
        return self.do(f"result = op('info1')[{channel!r}].eval()")

    def table(self):
        """The clients table as a list of dictionaries (wants `clientstable`)."""
        rows = self.do("result = [[cell.val for cell in row] for row in server.rows()]")
        return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]

    def records(self, *names):
        """What callbacks have noted until now, all or of these names."""
        if self.process.poll() is None:
            self.fences += 1
            self.do(f"print('FENCE {self.fences}')")  # the textport keeps the order: what was noted before is here, too
            self.expect_line(rf"^FENCE {self.fences}$")
        return self._records_read(names)

    def _records_read(self, names):
        noted = [json.loads(line[4:]) for line in list(self.out) if line.startswith("LOG ")]
        return [record for record in noted if not names or record[0] in names]

    def expect_records(self, *names, count=1, timeout=8.0):
        """The notes of these callbacks once there are `count`; more is an error."""
        eventually(lambda: len(self._records_read(names)) >= count, timeout, f"{count} × {names}")
        noted = self.records(*names)
        assert len(noted) == count, noted
        return noted

    def resident_kib(self):
        """Resident memory of the program in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

    def stop(self, number=signal.SIGTERM):
        """Ends the program by a signal and gives its exit code."""
        self._stopped = True
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.end()

    def close(self):
        """Ends everything that the test left; the program has to end in order."""
        try:
            self._clients.close()
            self.http.close()
            if not self._stopped:
                code = self.stop()
                assert code == 0, f"exit code {code}\n{self.output}"
        finally:
            self.kill()


INFO_CHOP = '[op.info1]\ntype = "infoCHOP"\npar.op = "webserver1"\n'
