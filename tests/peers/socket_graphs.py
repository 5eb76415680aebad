"""Graphs on one connection of TCP or UDP, and the sockets at its other end."""

import json
import re
import time

from running import eventually

OPERATOR = """
[op.logic1]
type = "logicCOMP"
file = "graph.logic.toml"

[op.desk_info]
type = "infoCHOP"
par.op = "connections/{family}_desk"
"""

# Every event of the connection `desk` is a line of the console; custom events start, stop and send. Bytes come back.
GRAPH = """
[event.start]
[event.stop]
[event.send]
params = [{{ name = "Text", type = "String" }}]
[node.on_start]
type = "Event Listener"
set.event = "start"
next = "start"
[node.start]
type = "{family} Start"
set.configuration = "desk"
next = "asked"
[node.asked]
type = "Console"
set.value = "asked to start"
[node.on_stop]
type = "Event Listener"
set.event = "stop"
next = "stop"
[node.stop]
type = "{family} Stop"
set.configuration = "desk"
[node.on_send]
type = "Event Listener"
set.event = "send"
next = "send"
[node.send]
type = "{family} Send"
set.configuration = "desk"
from.message = "on_send.text"
[node.up]
type = "On {family} Start"
set.configuration = "desk"
next = "say_up"
[node.say_up]
type = "Console"
set.value = "started"
[node.down]
type = "On {family} Stop"
set.configuration = "desk"
next = "say_down"
[node.say_down]
type = "Console"
set.value = "stopped"
[node.recv]
type = "On {family} Packet Receive"
set.configuration = "desk"
next = "show"
[node.show]
type = "Concat Strings"
set.input_1 = "got "
from.input_2 = "recv.message"
next = "say_got"
[node.say_got]
type = "Console"
from.input = "show.output"
[node.err]
type = "On {family} Error"
set.configuration = "desk"
next = "show_err"
[node.show_err]
type = "Concat Strings"
set.input_1 = "error: "
from.input_2 = "err.message"
next = "say_err"
[node.say_err]
type = "Console"
from.input = "show_err.output"
"""

ECHO = """
[node.raw]
type = "On {family} Packet Receive"
set = {{ configuration = "desk", data_type = "Binary" }}
next = "back"
[node.back]
type = "{family} Send"
set = {{ configuration = "desk", data_type = "Binary" }}
from.message = "raw.message"
"""

# What starts stops it, and what stops starts it.
FOR_EVER = """
[node.enough]
type = "On {family} Start"
set.configuration = "desk"
next = "stop"
[node.again]
type = "On {family} Stop"
set.configuration = "desk"
next = "start"
"""


class Desk:
    """A running patch with a graph on one connection."""

    def __init__(self, patch, family, fields, echo=False):
        self.family = family.lower()
        graph = GRAPH.format(family=family) + (ECHO.format(family=family) if echo else "")
        self.one = patch(more=self.more(fields), files={"graph.logic.toml": graph})

    def more(self, fields):
        return OPERATOR.format(family=self.family) + f"\n[connection.{self.family}.desk]\n{fields}\n"

    def change(self, fields):
        """Saves patch.toml with other fields of the connection."""
        self.one.more = self.one.more.split("\n[op.logic1]")[0] + self.more(fields)
        self.one.write_patch()

    def save(self, graph):
        """Saves another graph, and returns when it runs."""
        count = len(self.one.lines)
        self.one.write("graph.logic.toml", graph)
        # The second is said where the patch file is still being watched for its first time.
        self.one.expect_line(r"read graph\.logic\.toml again|patch\.toml: 1 text", start=count)

    def trigger(self, *arguments):
        self.one.do(f"op('/project1/logic1').trigger({', '.join(map(repr, arguments))})\nresult = 1")

    def said(self, pattern, count=1, timeout=8.0):
        """Waits for the `count`-th line of the console that begins with this pattern."""
        line = re.compile(rf"\[Player\] \[[^]]+\] \w+: {pattern}")

        def is_said():
            return sum(1 for text in self.one.lines if line.search(text)) >= count

        eventually(is_said, timeout, f"{count} × {pattern!r} in the console")

    def slowest_answer(self):
        """Seconds of the slowest of some requests to the program."""
        slowest = 0.0
        for _ in range(20):
            begun = time.monotonic()
            self.one.do("result = 1")
            slowest = max(slowest, time.monotonic() - begun)
        return slowest

    def starts_and_stops_for_ever(self, counter):
        """A graph in which that happens leaves the program time for everything else, and ends when it is edited."""
        graph = GRAPH.format(family=self.family.upper()).replace('next = "asked"', "")
        self.save(graph + FOR_EVER.format(family=self.family.upper()))
        self.trigger("start")
        eventually(lambda: self.info(counter) > 20, what="twenty starts")
        slowest = self.slowest_answer()
        self.save(graph)
        count = self.info(counter)
        self.trigger("send", "x")
        assert self.info(counter) <= count + 1
        assert slowest < 4, f"a request beside it took {slowest:.2f} s"

    def order(self, *patterns):
        """The lines of the console that match one of these, in order."""
        known = "|".join(f"(?:{pattern})" for pattern in patterns)
        line = re.compile(rf"\[Player\] \[[^]]+\] \w+: ({known})")
        return [match.group(1) for text in self.one.lines if (match := line.search(text))]

    def info(self, channel):
        """An info channel of the connection."""
        return self.one.do(f"result = op('/project1/desk_info')[{channel!r}].eval()")


def toml(**fields):
    """Fields of a connection, a line each; `par__port` is `par.port`."""
    return "\n".join(f"{name.replace('__', '.')} = {json.dumps(value)}" for name, value in fields.items())


def port_of(sock):
    return sock.getsockname()[1]


def accept(listener):
    client, _ = listener.accept()
    client.settimeout(8)
    return client


def receive(sock, size):
    got = b""
    while len(got) < size:
        more = sock.recv(size - len(got))
        assert more, f"the stream ended after {got!r}"
        got += more
    return got


def is_ended(sock):
    """Whether the other end ends the stream."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True
