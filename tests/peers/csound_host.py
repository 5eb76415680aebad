"""A host of Csound: libcsound64 through ctypes, as programs use it that have Csound inside them.

Runs in a process of its own (`run` starts it), because a fault of a plugin would take the process with it. A script
there makes hosts, performs k-cycle by k-cycle, and gives what it found to `tell`.
"""

import ctypes
import ctypes.util
import functools
import json
import subprocess
import sys
import time
from pathlib import Path

PRELUDE = """
from websockets.sync.client import connect
from csound_host import *
from csound_runs import doubles, packed, listening

def client(name):
    return connect(f"ws://127.0.0.1:{PORT}/", subprotocols=[name], compression=None, proxy=None, ping_interval=None,
                   max_queue=None, close_timeout=1).__enter__()
"""
# csoundInitialize: no signal handlers, no atexit handler.
PLAIN = 3


@functools.cache
def library():
    """libcsound64, or None where it is not installed."""
    for name in ("libcsound64.so.6.0", ctypes.util.find_library("csound64")):
        try:
            found = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if found:
            break
    else:
        return None
    pointer, text, number, real = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_double
    for function, result, *arguments in [
        ("Initialize", number, number),
        ("Create", pointer, pointer),
        ("CreateMessageBuffer", None, pointer, number),
        ("GetFirstMessage", text, pointer),
        ("PopFirstMessage", None, pointer),
        ("GetMessageCnt", number, pointer),
        ("SetOption", number, pointer, text),
        ("CompileCsdText", number, pointer, text),
        ("Start", number, pointer),
        ("PerformKsmps", number, pointer),
        ("ReadScore", number, pointer, text),
        ("InputMessage", None, pointer, text),
        ("GetControlChannel", real, pointer, text, pointer),
        ("SetControlChannel", None, pointer, text, real),
        ("Cleanup", number, pointer),
        ("Reset", None, pointer),
        ("Destroy", None, pointer),
    ]:
        one = getattr(found, f"csound{function}")
        one.restype, one.argtypes = result, arguments
    found.csoundInitialize(PLAIN)
    return found


class Host:
    """One instance of Csound."""

    def __init__(self, text=None, keep_messages=True):
        self.api, self.keep_messages = library(), keep_messages
        self.csound = self.api.csoundCreate(None)
        if text is not None:
            self.start(text)

    def start(self, text):
        """Compiles and starts the text of a csd; messages are kept, or printed as csound does it."""
        if self.keep_messages:
            self.api.csoundCreateMessageBuffer(self.csound, 0)
        for option in ("-n", "-d", "-m0", "-+msg_color=0"):
            self.api.csoundSetOption(self.csound, option.encode())
        assert self.api.csoundCompileCsdText(self.csound, text.encode()) == 0, self.messages()
        assert self.api.csoundStart(self.csound) == 0, self.messages()

    def perform(self, cycles=1):
        """Performs cycles as fast as it can; false when the score has ended."""
        return not any(self.api.csoundPerformKsmps(self.csound) for _ in range(cycles))

    def perform_for(self, seconds, period=64 / 48_000):
        """Performs at the pace of a sound card."""
        begin, number = time.monotonic(), 0
        while (now := time.monotonic()) < begin + seconds:
            if begin + number * period > now:
                time.sleep(begin + number * period - now)
            self.perform()
            number += 1

    def perform_until(self, condition, timeout=8.0):
        """Performs until a condition holds."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"it did not come: {self.messages()}"
            self.perform()
            time.sleep(0.001)

    def event(self, line):
        self.api.csoundInputMessage(self.csound, line.encode())

    def channel(self, name):
        return self.api.csoundGetControlChannel(self.csound, name.encode(), None)

    def messages(self):
        """What has been printed since the last call."""
        found = []
        while self.keep_messages and self.api.csoundGetMessageCnt(self.csound) > 0:
            found.append(self.api.csoundGetFirstMessage(self.csound).decode("utf-8", "replace"))
            self.api.csoundPopFirstMessage(self.csound)
        return "".join(found)

    def end(self):
        """The end of the performance; the instance may be started again after a reset."""
        self.api.csoundCleanup(self.csound)

    def reset(self):
        self.api.csoundReset(self.csound)

    def destroy(self):
        self.api.csoundDestroy(self.csound)
        self.csound = None


def tell(value):
    """Gives a result to the test."""
    print("RESULT " + json.dumps(value), flush=True)


def is_loaded():
    """Whether this process has the plugin mapped."""
    return "libpatchcord_csound" in Path("/proc/self/maps").read_text()


def threads():
    """Number of threads of this process."""
    return len(list(Path("/proc/self/task").iterdir()))


def run(script, environment, folder, wrapper=(), timeout=100):
    """Runs a script in a process of its own and gives what it told, a list."""
    path = folder / "host_script.py"
    path.write_text(PRELUDE + script)
    settings = {**environment, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [*wrapper, sys.executable, str(path)], capture_output=True, text=True, env=settings, timeout=timeout, cwd=folder
    )
    assert done.returncode == 0, f"the host ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return [json.loads(line[7:]) for line in done.stdout.splitlines() if line.startswith("RESULT ")]
