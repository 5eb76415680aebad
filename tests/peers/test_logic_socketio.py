"""Socket.IO nodes of logic graphs with real servers of versions 4 and 3: every rule about starting and stopping, sending,
subscribing, what payloads become, namespaces, losses; settings of connections.

One graph does what scripts trigger (`open`, `close`, `send`, `subscribe`, `unsubscribe`) and says what its event nodes hear.
"""

import base64
import itertools
import json

import pytest

from logic_graphs import Graphs, event, listener, node, say, says
from running import eventually, free_port
from scripted_socketio import event as packet
from test_logic_checks import check

NUMBERS = itertools.count(1)
BOTH = ("node4", "node3")


def remote(connection):
    """The graph of a connection: its five action nodes behind events, and its four event nodes."""

    def work(name, kind, *inputs):
        params = [(each, "String") for each in inputs]
        wires = {"event_name" if each == "name" else each: f"{name}.{each}" for each in inputs}
        return (
            event(name, *params)
            + listener(name, f"do_{name}")
            + node(f"do_{name}", kind, configuration=connection, wires=wires, next=f"{name}_passed")
            + node(f"{name}_passed", "Toggle")
        )

    def heard(name, kind, *outputs):
        """Says its outputs as one JSON list."""
        push = "".join(
            node(
                f"{name}_{number}",
                "Push Array Element",
                data_type="String",
                wires={
                    "value_1": f"{name}.{output}",
                    **({"array": f"{name}_{number - 1}.array"} if number else {}),
                },
                next=f"{name}_{number + 1}" if number + 1 < len(outputs) else f"{name}_json",
            )
            for number, output in enumerate(outputs)
        )
        return (
            node(name, kind, configuration=connection, next=f"{name}_0")
            + push
            + node(
                f"{name}_json", "JSON Stringify", wires={"input": f"{name}_{len(outputs) - 1}.array"}, next=f"on_{name}"
            )
            + says(f"on_{name}", f"{name}_json.output")
        )

    return "\n".join(
        [
            work("open", "Socket.IO Start"),
            work("close", "Socket.IO Stop"),
            work("send", "Socket.IO Send", "name", "namespace", "message"),
            work("subscribe", "Socket.IO Subscribe", "name", "namespace"),
            work("unsubscribe", "Socket.IO Unsubscribe", "name", "namespace"),
            node("started", "On Socket.IO Start", configuration=connection, next="on_start"),
            say("on_start"),
            node("stopped", "On Socket.IO Stop", configuration=connection, next="on_stop"),
            say("on_stop"),
            heard("receive", "On Socket.IO Receive", "namespace", "trigger_name", "message"),
            heard("error", "On Socket.IO Error", "namespace", "message"),
        ]
    )


class Remote:
    """A connection of the shared program with a graph of its own, for one test."""

    def __init__(self, program, url, port):
        self.program, self.name = program, f"c{next(NUMBERS)}"
        program.connections[self.name] = (url, port)
        program.graphs[f"g_{self.name}"] = remote(self.name)
        program.write(f"g_{self.name}.logic.toml", program.graphs[f"g_{self.name}"])
        program.write_patch()
        eventually(lambda: program.do(f"result = op('g_{self.name}') is not None"), what="the new graph")
        self.graph = program.graph(f"g_{self.name}")

    def do(self, what, *values):
        self.graph.trigger(what, *values)

    def heard(self, node):
        """What an event node said: lists of its outputs, or its name if it has none."""
        self.program.fence()
        found = [line for line in self.graph._lines() if line["node"] == node]
        return [line["text"] if line["text"] == node else tuple(json.loads(line["text"])) for line in found]

    def expect(self, node, *last, count=None, timeout=8.0):
        """Waits until this event node has fired so often, and with this at last."""

        def found():
            heard = self.heard(node)
            return len(heard) >= (count or 1) and (not last or heard[-1] == last)

        try:
            eventually(found, timeout)
        except AssertionError:
            raise AssertionError(f"{node} {last} × {count}, but {self.graph.said()}") from None
        assert count is None or len(self.heard(node)) == count, self.graph.said()

    def begin(self, *subscriptions):
        """Opens the connection and subscribes."""
        self.do("open")
        self.expect("on_start", count=1)
        for name, namespace in subscriptions:
            self.do("subscribe", name, namespace)

    def complaints(self):
        """What the console says of this graph as warnings and errors, and of its connection."""
        self.program.fence()
        lines = self.program.lines[self.graph.first_line :]
        return [line for line in lines if self.name in line]


class Program(Graphs):
    def __init__(self, folder):
        self.connections = {}
        super().__init__(folder, {})

    def patch_text(self):
        own = "".join(
            f'\n[connection.socketio.{name}]\nurl = "{url}"\nport = {port}\npar.delay = 100\n'
            for name, (url, port) in self.connections.items()
        )
        return super().patch_text() + own


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    program = Program(tmp_path_factory.mktemp("socketio"))
    yield program
    program.close()


@pytest.fixture
def remote_to(request, program):
    """Makes a connection to a server, or to a port, with its graph."""
    request.node.shared_commands = [program]
    made = []

    def make(server, url="http://127.0.0.1"):
        made.append(Remote(program, url, getattr(server, "port", server)))
        return made[-1]

    yield make
    for one in made:
        one.do("close")
        del program.connections[one.name], program.graphs[f"g_{one.name}"]
    program.write_patch()


def both(test):
    return pytest.mark.parametrize("kind", BOTH)(test)


# ---- starting and stopping


@both
def test_start_and_stop_and_start_again(remote_to, server):
    one = remote_to(server)
    assert one.heard("on_start") == []
    one.begin(("ball", "/"))
    one.do("close")
    one.expect("on_stop", count=1)
    assert one.heard("on_error") == []
    one.do("open")
    one.expect("on_start", count=2)
    server.emit("/", "ball", "kept")
    one.expect("on_receive", "/", "ball", "kept", count=1)
    server.client(count=2)
    assert len(server.clients()) == 2


@both
def test_start_while_open_and_stop_while_closed_do_nothing_but_say_so(remote_to, server):
    one = remote_to(server)
    one.do("close")
    eventually(lambda: any("do_close" in line for line in one.complaints()))
    assert one.heard("on_stop") == []
    one.begin()
    one.do("open")
    eventually(lambda: any("do_open" in line for line in one.complaints()))
    one.do("send", "note", "/", "still")
    server.expect("note", "/", ["still"])
    assert len(one.heard("on_start")) == 1
    assert len(server.clients()) == 1
    one.do("close")
    one.expect("on_stop", count=1)
    assert one.heard("on_error") == []


# ---- sending

TEXTS = ["x", "", "grün 日本 𝄞", '{"a": 1}', "5", "null", "two\nlines\u0000", '"quoted"', "x" * 100_000]


@both
def test_a_message_goes_out_as_one_text(remote_to, server):
    one = remote_to(server)
    one.begin()
    for text in TEXTS:
        one.do("send", "note", "/", text)
    server.expect("note", "/", count=len(TEXTS))
    assert [args for _, _, args in server.told("note", "/")] == [[text] for text in TEXTS]
    assert one.heard("on_error") == []


@both
def test_what_is_sent_without_a_connection_is_dropped_and_an_error(remote_to, server, program):
    one = remote_to(server)
    one.do("send", "note", "/admin", "too early")
    one.expect("on_error", count=1)
    assert one.heard("on_error")[0][0] == "/admin"
    eventually(lambda: any("warning" in line and "do_send" in line for line in one.complaints()))
    one.begin()
    one.do("send", "note", "/", "in time")
    server.expect("note", "/", ["in time"])
    one.do("close")
    one.expect("on_stop", count=1)
    one.do("send", "note", "/", "too late")
    one.expect("on_error", count=2)
    one.do("open")
    one.expect("on_start", count=2)
    one.do("send", "note", "/", "again")
    server.expect("note", "/", ["again"])
    assert [args for _, _, args in server.told("note")] == [["in time"], ["again"]]


@both
def test_an_event_without_a_name_or_with_a_reserved_one_is_an_error(remote_to, server):
    one = remote_to(server)
    one.begin()
    for number, name in enumerate(("connect", "disconnect"), 1):
        one.do("send", name, "/", "x")
        eventually(lambda: len(one.complaints()) >= number, what="a complaint")  # noqa: B023
    one.do("send", "note", "/", "goes on")
    server.expect("note", "/", ["goes on"])
    assert len(one.heard("on_start")) == 1


# ---- subscribing


@both
def test_only_subscribed_events_come_and_each_once(remote_to, server):
    one = remote_to(server)
    one.do("subscribe", "early", "/")  # remembered, and applied when connected
    one.begin(("ball", "/"), ("ball", "/"), ("ball", ""))
    server.client()
    server.emit("/", "unheard", "x")
    server.emit("/", "early", "1")
    server.emit("/", "ball", "2")
    one.expect("on_receive", "/", "ball", "2", count=2)
    assert one.heard("on_receive")[0] == ("/", "early", "1")
    one.do("unsubscribe", "ball", "/")  # one is enough, however often it was asked for
    one.do("unsubscribe", "nobody", "/")
    server.emit("/", "ball", "3")
    server.emit("/", "early", "4")
    one.expect("on_receive", "/", "early", "4", count=3)


PAYLOADS = [
    (["text"], "text"),
    ([""], ""),
    (["grün 日本 𝄞"], "grün 日本 𝄞"),
    (['{"a": 1}'], '{"a": 1}'),
    ([5], "5"),
    ([-0.5], "-0.5"),
    ([True], "true"),
    ([None], "null"),
    ([[1, "a", None]], '[1,"a",null]'),
    ([{"b": [True], "a": "ü"}], '{"b":[true],"a":"ü"}'),
    (["a", 1, {"b": 2}], '["a",1,{"b":2}]'),
    (["a", "b"], '["a","b"]'),
    ([[]], "[]"),
    ([{}], "{}"),
]


@both
def test_what_payloads_become(remote_to, server):
    one = remote_to(server)
    one.begin(("ball", "/"))
    one.do("send", "echo", "/", "there")
    for args, _ in PAYLOADS:
        server.emit("/", "ball", *args)
    one.expect("on_receive", count=len(PAYLOADS))
    assert one.heard("on_receive") == [("/", "ball", text) for _, text in PAYLOADS]


def test_bytes_come_as_base64_with_a_warning(remote_to, faulty):
    def script(wire):
        wire.open()
        wire.let_in()
        wire.say('451-["ball",{"_placeholder":true,"num":0}]', b"\x00\xff\x10", packet("ball", "end"))
        wire.serve()

    one = remote_to(faulty(script))
    one.do("subscribe", "ball", "/")
    one.do("open")
    one.expect("on_receive", "/", "ball", "end", count=2)
    assert one.heard("on_receive")[0] == ("/", "ball", base64.b64encode(b"\x00\xff\x10").decode())
    eventually(lambda: any("warning" in line for line in one.complaints()))


# ---- namespaces


@both
def test_namespaces(remote_to, server):
    one = remote_to(server)
    one.begin(("ball", "admin"), ("ball", "/"))  # a leading slash is added
    server.client("/admin")
    server.emit("/admin", "ball", "a")
    one.expect("on_receive", "/admin", "ball", "a", count=1)
    server.emit("/", "ball", "b")
    one.expect("on_receive", "/", "ball", "b", count=2)
    one.do("send", "note", "admin", "c")
    server.expect("note", "/admin", ["c"])
    one.do("send", "note", "", "d")
    server.expect("note", "/", ["d"])
    # On Start is about the main namespace alone.
    assert len(one.heard("on_start")) == 1
    one.do("unsubscribe", "ball", "admin")
    server.emit("/admin", "ball", "e")
    server.emit("/", "ball", "f")
    one.expect("on_receive", "/", "ball", "f", count=3)


@both
def test_the_first_send_joins_a_namespace(remote_to, server):
    one = remote_to(server)
    one.begin()
    one.do("send", "note", "/admin", "lost")
    one.expect("on_error", count=1)
    assert one.heard("on_error")[0][0] == "/admin"
    server.client("/admin")
    eventually(lambda: any(line.endswith("connected /admin") for line in one.complaints()))
    one.do("send", "note", "/admin", "second")
    server.expect("note", "/admin", ["second"])
    assert len(server.told("note")) == 1
    assert len(one.heard("on_start")) == 1


@both
def test_a_refused_namespace_is_an_error_and_the_rest_goes_on(remote_to, server):
    one = remote_to(server)
    one.begin(("ball", "/deny"), ("ball", "/"))
    one.expect("on_error", count=1)
    namespace, message = one.heard("on_error")[0]
    assert namespace == "/deny"
    assert "denied" in message
    server.emit("/", "ball", "still")
    one.expect("on_receive", "/", "ball", "still", count=1)
    assert one.heard("on_stop") == []


# ---- losses


@both
def test_a_lost_connection_is_an_error_and_a_stop_and_comes_back(remote_to, server):
    one = remote_to(server)
    one.begin(("ball", "/"), ("ball", "/admin"))
    server.client("/admin")
    server.tell("drop")
    one.expect("on_stop", count=1)
    one.expect("on_start", count=2)
    # Each namespace has an error of its own; the connection's is before the stop.
    order = [line for line in one.graph.said() if line.startswith(("on_", '["/",'))]
    assert [line.split(",")[0] for line in order] == ["on_start", '["/"', "on_stop", "on_start"]
    assert {namespace for namespace, _ in one.heard("on_error")} == {"/", "/admin"}
    server.client("/admin", count=2)
    server.emit("/admin", "ball", "kept")
    server.emit("/", "ball", "too")
    one.expect("on_receive", count=2)
    assert set(one.heard("on_receive")) == {("/admin", "ball", "kept"), ("/", "ball", "too")}


@both
def test_a_server_that_ends_the_session_is_a_stop(remote_to, server):
    one = remote_to(server)
    one.begin()
    one.do("send", "kickall", "/", "")
    one.expect("on_stop", count=1)


def test_a_server_that_is_not_there_is_an_error_until_it_is(remote_to, own_server):
    port = free_port()
    one = remote_to(port)
    one.do("open")
    one.expect("on_error")
    assert one.heard("on_start") == one.heard("on_stop") == []
    own_server("node4", port)
    one.expect("on_start", count=1)
    one.do("close")
    one.expect("on_stop", count=1)


# ---- several of them


def test_a_server_that_asks_is_not_answered(remote_to, socketio_servers):
    server = socketio_servers("node4")
    one = remote_to(server)
    one.begin(("question", "/"))
    one.do("send", "ask", "/", "what?")
    one.expect("on_receive", "/", "question", "what?", count=1)
    one.do("send", "note", "/", "and on")
    server.expect("note", "/", ["and on"])
    assert server.told("answer") == []


def test_several_connections_and_several_graphs_on_one(remote_to, socketio_servers, program):
    four, three = socketio_servers("node4"), socketio_servers("node3")
    first, second = remote_to(four), remote_to(three)
    # Another graph on the first connection.
    program.graphs["beside"] = remote(first.name)
    program.write("beside.logic.toml", program.graphs["beside"])
    program.write_patch()
    eventually(lambda: program.do("result = op('beside') is not None"))
    beside = program.graph("beside")
    first.do("open")
    both = (first.graph, beside)

    def each_has_said(text, graphs):
        eventually(lambda: [graph.said().count(text) for graph in graphs] == [1] * len(graphs), what=text)

    each_has_said("on_start", both)
    first.do("subscribe", "ball", "/")
    second.do("open")
    each_has_said("on_start", (*both, second.graph))
    second.do("subscribe", "ball", "/")
    four.client(), three.client()
    four.emit("/", "ball", "for two")
    three.emit("/", "ball", "for one")
    each_has_said('["/","ball","for two"]', both)
    each_has_said('["/","ball","for one"]', (second.graph,))
    beside.trigger("close")
    each_has_said("on_stop", both)
    assert second.graph.said() == ["on_start", '["/","ball","for one"]']
    del program.graphs["beside"]


@both
def test_a_saved_graph_keeps_its_connection_and_subscriptions(remote_to, server, program):
    one = remote_to(server)
    one.begin(("ball", "/"))

    def save(text):
        before = len([line for line in program.lines if f"g_{one.name}] read " in line])
        one.graph.write(text)
        eventually(lambda: len([line for line in program.lines if f"g_{one.name}] read " in line]) > before)

    more = node("more", "On Socket.IO Receive", configuration=one.name, next="on_more") + say("on_more")
    save(remote(one.name) + more)
    server.client()
    server.emit("/", "ball", "x")
    one.expect("on_more", count=1)
    one.expect("on_receive", "/", "ball", "x", count=1)
    # Also without any node that uses it.
    save(event("nothing"))
    save(remote(one.name))
    server.emit("/", "ball", "y")
    one.expect("on_receive", "/", "ball", "y", count=2)
    assert len(one.heard("on_start")) == 1
    assert len(server.clients()) == 1
    assert one.heard("on_more") == ["on_more"]


# ---- settings

CONNECTION = '[connection.socketio.chat]\nurl = "{url}"\n{more}\n'
USES = node("a", "On Socket.IO Start", configuration="chat", next="b") + say("b")


def settings(tmp_path, more, patch_more=""):
    code, report, run = check(tmp_path / "patch", {"g": USES}, f"[patch]\nformat = 1\n{patch_more}\n{more}")
    return code, report.problems, run


@pytest.mark.parametrize(
    "url, port, warned",
    [
        ("http://127.0.0.1", "port = 3000", False),
        ("http://127.0.0.1:3000", "", False),
        ("http://127.0.0.1:3000", "port = 0", False),
        ("http://127.0.0.1:3000", "port = 3000", False),
        ("http://127.0.0.1:3000/socket.io", "port = 80", True),
        ("http://127.0.0.1", "port = 0", False),
    ],
)
def test_which_port_counts(tmp_path, url, port, warned):
    code, problems, _ = settings(tmp_path, CONNECTION.format(url=url, more=port))
    assert (code, [each["mark"] for each in problems]) == (0, ["!"] if warned else [])
    assert not warned or "3000" in problems[0]["text"]


@pytest.mark.parametrize(
    "port", ["port = -1", "port = 65536", 'port = "80"', "port = 80.5", "port = 99999999999999999999"]
)
def test_ports_that_are_none(tmp_path, port):
    code, problems, _ = settings(tmp_path, CONNECTION.format(url="http://127.0.0.1", more=port))
    assert code == 1
    assert problems[0]["place"][:2] == ("patch.toml", 6)


@pytest.mark.parametrize("url", ["", "not a url", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999"])
def test_urls_that_are_none(tmp_path, url):
    code, problems, _ = settings(tmp_path, CONNECTION.format(url=url, more="port = 3000"))
    assert code == 1
    assert problems[0]["place"][:2] == ("patch.toml", 5)


def test_a_name_is_there_once(tmp_path):
    code, problems, _ = settings(tmp_path, CONNECTION.format(url="http://127.0.0.1", more="") * 2)
    assert code == 1
    assert problems[0]["place"][0] == "patch.toml"
    assert "chat" in problems[0]["text"]


def test_the_plugin_switch_makes_settings_and_nodes_unknown_and_says_why(tmp_path):
    connection = CONNECTION.format(url="http://127.0.0.1", more="port = 3000")
    code, problems, run = settings(tmp_path, connection, "plugins = { socketio = false }")
    assert code == 1
    assert {each["place"][0] for each in problems} == {"patch.toml", "g.logic.toml"}
    for problem in problems:
        assert "socketio" in problem["text"] + problem["help"], run.output
    code, problems, run = settings(tmp_path, connection, "plugins = { socketio = true }")
    assert (code, problems) == (0, []), run.output
