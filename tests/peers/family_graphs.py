"""Graphs on connections, for the tests of the families beside Socket.IO: how they are run, what they say, nodes of theirs."""

import re

from running import eventually

OPERATOR = """
[op.logic1]
type = "logicCOMP"
file = "graph.logic.toml"
"""


def starter(patch):
    """What runs a patch with one graph."""

    def start(text, more="", files=None, **options):
        return patch(more=OPERATOR + more, files={"graph.logic.toml": text, **(files or {})}, **options)

    return start


def line(text):
    return re.compile(rf"\[Player\] \[\d{{4}}\.\d\d\.\d\d \d\d:\d\d:\d\d\.\d{{3}}\] \w+: {re.escape(text)}$", re.M)


def said(one, text, count=1, timeout=8.0):
    """Waits for the `count`-th line of the console with exactly this text."""
    pattern = line(text)
    found = lambda: sum(1 for each in list(one.lines) if pattern.search(each)) >= count
    eventually(found, timeout, f"{count} × {text!r} in the console")


def times(one, text):
    return sum(1 for each in list(one.lines) if line(text).search(each))


def trigger(one, *arguments, of="logic1"):
    return one.do(f"op('/project1/{of}').trigger({', '.join(map(repr, arguments))})\nresult = 1")


def console(name, after, value=None, kind="Debug"):
    """A node that says what an output holds, or a text."""
    of = f'from.input = "{after}"' if value is None else f'set.value = "{value}"'
    return f'[node.{name}]\ntype = "Console"\nset.type = "{kind}"\n{of}\n'


def heard(name, event, to):
    return f'[node.{name}]\ntype = "Event Listener"\nset.event = "{event}"\nnext = "{to}"\n'


def key_text(key):
    from cryptography.hazmat.primitives import serialization

    if isinstance(key, bytes):
        return key
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


HTTP_SERVER = (
    """
[event.open]
[event.close]
[event.late]
[var.kept]
type = "Any"
[node.open]
type = "HTTP Server Start"
set.configuration = "web"
[node.close]
type = "HTTP Server Stop"
set.configuration = "web"
[node.up]
type = "On HTTP Server Start"
set.configuration = "web"
next = "started"
[node.down]
type = "On HTTP Server Stop"
set.configuration = "web"
next = "stopped"

[node.route]
type = "On HTTP Route"
set.configuration = "web"
[[node.route.set.routes]]
method = "GET"
url = "/seats"
[[node.route.set.routes]]
method = "POST"
url = "/seats"
[[node.route.set.routes]]
method = "PUT"
url = "/picture"
is_body_binary = true
[[node.route.set.routes]]
method = "GET"
url = "/silent"
[[node.route.set.routes]]
method = "GET"
url = "/bad header"
[[node.route.set.routes]]
method = "DELETE"
url = "/twice"
[[node.route.set.routes]]
method = "GET"
url = "/held"

[node.route.on.route]
1 = "facts"
2 = "echo"
3 = "picture"
4 = "silent"
5 = "bad"
6 = "first"
7 = "hold"

[node.facts]
type = "Dictionary Value"
set.value = { seats = 7 }
next = "with_query"
[node.with_query]
type = "Set Dictionary Element"
set = { key = "query", data_type = "Dictionary" }
from.dictionary = "facts.output"
from.value = "route.query"
next = "with_headers"
[node.with_headers]
type = "Set Dictionary Element"
set = { key = "headers", data_type = "Dictionary" }
from.dictionary = "with_query.dictionary"
from.value = "route.headers"
next = "answer"
[node.answer]
type = "HTTP Response"
set = { configuration = "web", header = [{ key = "Content-Type", value = "application/json" }] }
from.request_id = "route.request_id"
from.body = "with_headers.dictionary"

[node.echo]
type = "HTTP Response"
set = { configuration = "web", status_code = 201 }
from.request_id = "route.request_id"
from.body = "route.body_2"

[node.picture]
type = "HTTP Response"
set.configuration = "web"
from.request_id = "route.request_id"
from.body = "route.body_3"

[node.bad]
type = "HTTP Response"
set = { configuration = "web", header = [{ key = "no header", value = "x" }] }
from.request_id = "route.request_id"

[node.first]
type = "HTTP Response"
set = { configuration = "web", status_code = 204 }
from.request_id = "route.request_id"
next = "second"
[node.second]
type = "HTTP Response"
set = { configuration = "web", default_body = "again" }
from.request_id = "route.request_id"

[node.hold]
type = "Console"
set.value = "held"
[node.late]
type = "HTTP Response"
set = { configuration = "web", default_body = "late" }
from.request_id = "route.request_id"
"""
    + heard("on_open", "open", "open")
    + heard("on_close", "close", "close")
    + heard("on_late", "late", "late")
    + console("started", "", "listens")
    + console("stopped", "", "listens no more")
    + console("silent", "", "asked in silence")
).replace('[var.kept]\ntype = "Any"\n', "")


def http_server(port, more=""):
    return f"\n[connection.http_server.web]\nlocal_port = {port}\n{more}\n"
