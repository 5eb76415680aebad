"""Patches of `scripts/` under test: each folder is a patch with scripts in the manner of TouchDesigner's users.

A patch says 9980 where it listens, and 9981 … 9989 for what it connects to or listens on besides; `Scenario` runs a
copy with free ports, or those of a test's servers, in their places.
"""

import contextlib
import json
import re
import shutil
from pathlib import Path

import httpx
from websockets.sync.client import connect

from running import PYTHON, Command, eventually, free_port, save

SCRIPTS = Path(__file__).parent / "scripts"
# What stands in files of a patch for a port.
PORT = re.compile(r"\b99(8\d)\b")


class Scenario:
    """A copy of one patch, the program that runs it, and clients that are closed at the end."""

    def __init__(self, name, folder, ports, environment, started):
        self.folder, self.environment = folder, environment
        self.ports = dict(ports or {})
        self.programs, self.started = [], started
        shutil.copytree(SCRIPTS / name, folder)
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".toml", ".py", ".tsv", ".json"):
                path.write_text(self._with_ports(path.read_text()))
        self.serves = 9980 in self.ports
        self.http = httpx.Client(trust_env=False, timeout=20)
        self._clients = contextlib.ExitStack()
        # What may fail: tracebacks that a test wants to see.
        self.may_raise = False

    def _with_ports(self, text):
        def put(found):
            number = int(found[0])
            return str(self.ports.setdefault(number, free_port()))

        return PORT.sub(put, text)

    @property
    def port(self):
        return self.ports[9980]

    @property
    def program(self):
        return self.programs[-1]

    # ---- the program

    def start(self):
        self.programs.append(Command(["run", self.folder, "--python", PYTHON], self.environment))
        self.started.append(self.program)
        if self.serves:
            self.program.expect_line(rf"listening on http://127\.0\.0\.1:{self.port}/", 20)
        return self

    def stop(self):
        """Ends the program in order."""
        if self.program.process.poll() is None:
            self.program.process.terminate()
        code = self.program.end()
        assert code == 0, f"exit code {code}\n{self.program.output}"

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        """Ends everything; no script may have failed, unless the test is about that."""
        try:
            self._clients.close()
            self.http.close()
            for program in self.programs:
                if program.process.poll() is None:
                    program.process.terminate()
            for program in self.programs:
                assert program.end() == 0, program.output
                assert self.may_raise or "Traceback" not in "\n".join(program.lines), program.output
        finally:
            for program in self.programs:
                program.kill()

    def expect_line(self, pattern, timeout=8.0, start=0):
        return self.program.expect_line(pattern, timeout, start)

    # ---- its files

    def write(self, name, content):
        """Saves a file of the patch."""
        save(self.folder / name, content if isinstance(content, bytes) else self._with_ports(content))

    def edit(self, name, old, new):
        """Replaces one place of a file."""
        text = (self.folder / name).read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        self.write(name, text.replace(old, new))

    # ---- HTTP

    def url(self, path="/", scheme="http"):
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def request(self, method, path="/", **options):
        return self.http.request(method, self.url(path), **options)

    def get(self, path="/", **options):
        return self.request("GET", path, **options)

    def post(self, path="/", **options):
        return self.request("POST", path, **options)

    def json(self, path="/", **options):
        """The answer to a GET, which has to be 200, as JSON."""
        answer = self.get(path, **options)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}\n{self.program.output}"
        return answer.json()

    def expect_json(self, path, wanted, timeout=8.0):
        """Waits until the answer to a GET is `wanted`, or fits the function `wanted`."""
        last = None

        def found():
            nonlocal last
            last = self.json(path)
            return (wanted(last) if callable(wanted) else last == wanted) and (last,)

        try:
            return eventually(found, timeout)[0]
        except AssertionError as error:
            raise AssertionError(f"{path} never gave {wanted!r}, but {last!r}\n{self.program.output}") from error

    # ---- WebSockets

    def connect(self, path="/", **options):
        options = {
            "compression": None,
            "open_timeout": 8,
            "close_timeout": 8,
            "proxy": None,
            "ping_interval": None,
            **options,
        }
        return Client(self._clients.enter_context(connect(self.url(path, "ws"), **options)))


class Client:
    """A WebSocket whose messages are JSON, or not."""

    def __init__(self, socket):
        self.socket = socket

    def send(self, message):
        self.socket.send(message if isinstance(message, (str, bytes)) else json.dumps(message))

    def text(self, timeout=8):
        return self.socket.recv(timeout=timeout)

    def json(self, timeout=8):
        return json.loads(self.text(timeout))

    def ask(self, message):
        """The next message after this one."""
        self.send(message)
        return self.json()

    def expect(self, fits, timeout=8):
        """The first message, as JSON, that fits; the others are dropped."""
        for _ in range(1000):
            message = self.json(timeout)
            if fits(message):
                return message
        raise AssertionError("1000 messages, and none fits")

    def is_silent(self, seconds=0.2):
        """Whether nothing comes for so long."""
        try:
            self.socket.recv(timeout=seconds)
        except TimeoutError:
            return True
        return False

    def close(self):
        self.socket.close()
