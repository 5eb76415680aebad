"""Runs Debian's csound with the built plugin and talks to it; also with the original plugin, where clients made for
that one are tried on both.

A test gives the instruments; the macro `$PORT` is the port that they open. csound runs at the pace of a sound card that
is not there, so a k-cycle of 64 samples comes every 1.33 ms. Score events are sent to it while it runs, and what
instruments print is read line by line. `watch("kx")` is code that prints a variable whenever it changes.
"""

import contextlib
import functools
import glob
import os
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from peers import missing
from raw import RawWebSocket
from running import REPOSITORY, Watched, eventually, free_port

# In real time, with the least that csound asks for between two blocks; score events come by standard input.
REAL_TIME = ("-odac", "-+rtaudio=null", "-b64", "-B128", "-L", "stdin")
# As fast as it can, without sound.
OFFLINE = ("-n",)
QUIET = ("-d", "-m0", "-+msg_color=0")
DEBUG_LINE = re.compile(rb"\[\d{4}/\d\d/\d\d [\d:]+\] D: ")


def plugin():
    """Path of the plugin under test: `$PATCHCORD_CSOUND`, or what cargo built last."""
    named = os.environ.get("PATCHCORD_CSOUND")
    path = Path(named).resolve() if named else REPOSITORY / "target" / "debug" / "libpatchcord_csound.so"
    if not path.exists():
        raise FileNotFoundError(f"{path}: run `cargo build -p patchcord-csound`, or set PATCHCORD_CSOUND")
    return path


@functools.cache
def csound_program():
    """Path of csound 6."""
    program = shutil.which("csound")
    if program is None:
        missing("csound", "install the packages csound, csound-plugins and libcsound64-6.0")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20)
    if "Csound version 6." not in said.stdout + said.stderr:
        missing("csound 6", f"{program} says {said.stderr.strip()[:80]!r}")
    return program


@functools.cache
def original_folder():
    """The system's folder of plugins, with the original of the opcode in it."""
    found = glob.glob("/usr/lib/*/csound/plugins64-6.0/libwebsocketIO.so") + glob.glob(
        "/usr/lib*/csound/plugins64-6.0/libwebsocketIO.so"
    )
    if not found:
        missing("the original plugin libwebsocketIO.so", "install the package csound-plugins")
    return Path(found[0]).parent


def environment(folder, original=False):
    """What makes csound load the plugin under test, or the original one. Our plugin lies in a folder of the user and
    wins over the original in the system's folder."""
    mine = folder / "plugins"
    mine.mkdir(exist_ok=True)
    if original:
        return {**os.environ, "CS_USER_PLUGINDIR": str(mine), "OPCODE6DIR64": str(original_folder())}
    link = mine / "libpatchcord_csound.so"
    if not link.exists():
        link.symlink_to(plugin())
    settings = {**os.environ, "CS_USER_PLUGINDIR": str(mine), "RUST_BACKTRACE": "1"}
    settings.pop("OPCODE6DIR64", None)
    settings.pop("PATCHCORD_CSOUND_INTERFACE", None)
    return settings


def header(sr=48000, ksmps=64, nchnls=1, **macros):
    """The beginning of an orchestra."""
    lines = [f"#define {name} #{value}#" for name, value in macros.items()]
    return "\n".join([*lines, f"sr = {sr}", f"ksmps = {ksmps}", f"nchnls = {nchnls}", "0dbfs = 1", ""])


def csd(orchestra, score, options=()):
    return f"""<CsoundSynthesizer>
<CsOptions>
{" ".join(options)}
</CsOptions>
<CsInstruments>
{orchestra}
</CsInstruments>
<CsScore>
{score}
</CsScore>
</CsoundSynthesizer>
"""


def watch(*names, form="%.17g"):
    """Code that prints `name value` whenever a k-variable changes."""
    return "".join(f'if changed({name}) == 1 then\nprintks "{name} {form}\\n", 0, {name}\nendif\n' for name in names)


def count_up(name="kcount"):
    """Code for a variable that counts k-cycles from 1."""
    return f"{name} init 0\n{name} += 1\n"


def doubles(data):
    """The numbers of a message."""
    return list(struct.unpack(f"<{len(data) // 8}d", data))


def packed(*values):
    """The message with these numbers."""
    return struct.pack(f"<{len(values)}d", *values)


class Csound(Watched):
    """A csound that runs."""

    def __init__(self, folder, orchestra, *, score="i 1 0 3600", options=REAL_TIME, original=False, sr=48000, ksmps=64,
                 macros=None, port=None, settings=None, wrapper=(), fails=False):  # fmt: skip
        self.port = port or free_port()
        self.clients = contextlib.ExitStack()
        folder.mkdir(exist_ok=True)
        self.file = folder / "test.csd"
        orchestra = header(sr, ksmps, PORT=self.port, **(macros or {})) + orchestra
        self.file.write_text(csd(orchestra, score, (*options, *QUIET)))
        self.original, self.stopped, self.fails = original, False, fails
        surroundings = {**environment(folder, original), **(settings or {})}
        super().__init__(
            [*wrapper, csound_program(), self.file], environment=surroundings, folder=folder, stdin=subprocess.PIPE
        )

    def _read(self, stream, own):
        """Leaves out what the original's library says about each frame."""
        super()._read((line for line in stream if not DEBUG_LINE.match(line)), own)

    def event(self, line):
        """Sends a line of score, such as `i 2 0 1`."""
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def values(self, name):
        """What `watch` printed of a variable until now."""
        start = name + " "
        return [float(line[len(start) :]) for line in list(self.lines) if line.startswith(start)]

    def expect_value(self, name, value, timeout=8.0):
        """Waits until the last value printed of a variable is this one."""
        eventually(lambda: self.values(name)[-1:] == [value], timeout, f"{name} = {value} ({self.values(name)[-5:]})")

    def url(self, scheme="ws", host="127.0.0.1", path="/"):
        return f"{scheme}://{host}:{self.port}{path}"

    def connect(self, *names, keep=True, port=None, **options):
        """A client on Python's `websockets` that asks for these names; closed when the test ends, unless not to
        keep."""
        options = {
            "subprotocols": list(names) or None,
            "compression": None,
            "proxy": None,
            "ping_interval": None,
            "max_size": None,
            "max_queue": None,
            "open_timeout": 8,
            "close_timeout": 1,
            **options,
        }
        url = options.pop("url", None) or f"ws://127.0.0.1:{port or self.port}/"
        self.expect_listening(port)
        client = connect(url, **options)
        return self.clients.enter_context(client) if keep else client.__enter__()

    def raw(self, *names, headers=(), **options):
        """A client that is raw frames."""
        self.expect_listening()
        if names:
            headers = [*headers, "Sec-WebSocket-Protocol: " + ", ".join(names)]
        return self.clients.enter_context(RawWebSocket(self.port, headers=headers, **options))

    def expect_listening(self, port=None):
        """Waits until the port listens; nothing is connected for that."""

        def listens():
            assert self.process.poll() is None, f"csound ended with {self.process.returncode}:\n{self.output}"
            return listening(port or self.port)

        eventually(listens, what="the port")

    def stop(self, timeout=5.0):
        """Ends the score; csound has to end by itself, with exit code 0 unless a note was to fail."""
        if self.stopped:
            return
        self.stopped = True
        if self.process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                self.event("e")
        try:
            code = self.end(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"csound has not ended within {timeout} s:\n{self.output}")
        assert (code > 0) == self.fails, f"csound ended with {code}:\n{self.output}"

    def close(self):
        """The end of the test: csound ends, clients go. With the original plugin it often would not."""
        try:
            self.kill() if self.original else self.stop()
        finally:
            with contextlib.suppress(ConnectionClosed):
                self.clients.close()
            self.process.stdin.close()


def listening(port):
    """The local addresses (hexadecimal, as the kernel prints them) that listen on a port."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                address, number = line.split()[1].split(":")
                if line.split()[3] == "0A" and int(number, 16) == port:
                    found.append(address)
    return found


def received(client, count, timeout=8.0):
    """The next messages of a client, as lists of numbers."""
    return [doubles(client.recv(timeout=timeout)) for _ in range(count)]


def first_numbers(client, count, timeout=8.0):
    """The first number of each of the next messages."""
    return [message[0] for message in received(client, count, timeout)]


def expect_message(client, expected, timeout=8.0):
    """Takes messages until this one comes: bytes, a text, or a list of numbers."""
    end, message = time.monotonic() + timeout, None
    while time.monotonic() < end:
        message = client.recv(timeout=timeout)
        if (doubles(message) if isinstance(expected, list) else message) == expected:
            return
    raise AssertionError(f"{expected!r:.80} has not come within {timeout} s, the last was {message!r:.80}")


def close_code(client, timeout=8.0):
    """The code that a connection is closed with; what comes before is thrown away."""
    end = time.monotonic() + timeout
    try:
        while time.monotonic() < end:
            client.recv(timeout=timeout)
    except ConnectionClosed:
        return client.close_code
    raise AssertionError(f"the connection has not been closed within {timeout} s")


def silent(client, seconds=0.3):
    """Whether a client receives nothing for a while."""
    try:
        client.recv(timeout=seconds)
    except TimeoutError:
        return True
    return False
