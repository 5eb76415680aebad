"""The Logic COMP as an operator: off, on, begun anew, and graphs that answer their own mistakes."""

import socket

import pytest

from family_graphs import said, times, trigger
from logic_graphs import event, init, listener, node, say, variable
from running import free_port

OPERATOR = """
[op.logic1]
type = "logicCOMP"
file = "graph.logic.toml"
"""


@pytest.fixture
def graph(patch):
    """Runs a patch with one graph."""

    def start(*parts, more="", operator=OPERATOR, files=None):
        return patch(more=operator + more, files={"graph.logic.toml": "".join(parts), **(files or {})})

    return start


def chat(port, more=""):
    return f'\n[connection.socketio.chat]\nurl = "http://127.0.0.1"\nport = {port}\n{more}'


def test_an_error_that_is_answered_with_an_error_leaves_time_for_everything_else(graph):
    one = graph(
        event("go"),
        listener("go", "send"),
        node("error", "On Socket.IO Error", configuration="chat", next="send"),
        node("send", "Socket.IO Send", configuration="chat", event_name="x"),
        more=chat(free_port()),
    )
    trigger(one, "go")
    for number in range(20):
        assert one.do(f"result = {number}") == number
    one.do("op('/project1/logic1').par.active = False")


@pytest.mark.parametrize("family", ["TCP", "UDP"])
def test_a_start_that_answers_its_own_failure_leaves_time_for_everything_else(graph, family):
    kind = socket.SOCK_STREAM if family == "TCP" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if family == "TCP":
            holder.listen()
        server = "is_server = true\n" if family == "TCP" else ""
        one = graph(
            event("go"),
            listener("go", "start"),
            node("error", f"On {family} Error", configuration="taken", next="start"),
            node("start", f"{family} Start", configuration="taken"),
            more=f"\n[connection.{family.lower()}.taken]\nlocal_port = {holder.getsockname()[1]}\n{server}",
        )
        trigger(one, "go")
        for number in range(20):
            assert one.do(f"result = {number}") == number
        one.do("op('/project1/logic1').par.active = False")
        assert one.find_line("one turn caused work") is None


@pytest.mark.parametrize("namespace", ["my room", "a,b"])
def test_what_is_no_namespace_is_an_error_of_the_node(graph, namespace):
    one = graph(
        init("send"),
        node("send", "Socket.IO Send", configuration="chat", event_name="x", namespace=namespace, next="sent"),
        say("sent"),
        more=chat(free_port()),
    )
    one.expect_line(rf'error.* send: "/{namespace}" is no namespace')
    assert one.do("result = op('/project1/connections/socketio_chat').par.namespaces.eval()") == "/"
    assert times(one, "sent") == 0


def test_what_is_due_while_a_graph_is_off_comes_when_it_is_on(graph):
    one = graph(
        event("go"),
        listener("go", "wait"),
        node("wait", "Start Timeout", seconds=0.5, next="late"),
        say("late"),
    )
    trigger(one, "go")
    one.do("op('/project1/logic1').par.active = False")
    one.do("import time\ntime.sleep(0.7)\nresult = 1")
    assert one.do("result = 1") == 1
    assert times(one, "late") == 0
    one.do("op('/project1/logic1').par.active = True")
    said(one, "late")


def test_a_graph_that_is_off_from_its_beginning_begins_when_it_is_on(graph):
    one = graph(
        variable("n", "Int"),
        init("hello"),
        say("hello"),
        event("go"),
        listener("go", "went"),
        say("went"),
        operator=OPERATOR + "par.active = false\n",
    )
    trigger(one, "go")
    assert times(one, "hello") == 0
    one.do("op('/project1/logic1').par.active = True")
    said(one, "hello")
    for on in (False, True):
        one.do(f"op('/project1/logic1').par.active = {on}")
    trigger(one, "go")
    said(one, "went")
    assert (times(one, "hello"), times(one, "went")) == (1, 1)


def test_a_text_that_is_wrong_does_not_end_the_graph_at_a_restart(graph):
    one = graph(event("go"), listener("go", "went"), say("went"))
    one.write("graph.logic.toml", "[node.x]\ntype = 'Nothing'\n")
    one.expect_line("the last good graph goes on")
    one.do("op('/project1/logic1').par.restart.pulse()")
    trigger(one, "go")
    said(one, "went")


def test_an_answer_is_for_the_graph_that_asked(graph):
    one = graph(
        event("large"),
        listener("large", "load_large"),
        node("load_large", "Load File", file="large.txt"),
        event("small"),
        listener("small", "load_small"),
        node("load_small", "Load File", file="small.txt", next="show"),
        node("show", "Console", wires={"input": "load_small.content"}),
        files={"large.txt": "x" * (15 << 20), "small.txt": "small"},
    )
    # The numbers of questions begin anew with the graph.
    one.do("op('/project1/logic1').trigger('large')\nop('/project1/logic1').par.restart.pulse()")
    trigger(one, "small")
    said(one, "small")
    assert sum("] show: " in line for line in list(one.lines)) == 1


# Family, fields of a connection, and what it says when it is there, or that nobody is at its other end.
NEWCOMERS = [
    ("http_server", "local_port = {port}", "On HTTP Server Start", "heard"),
    ("tcp", "local_port = {port}\nis_server = true", "On TCP Start", "heard"),
    ("udp", "local_port = {port}", "On UDP Start", "heard"),
    ("websocket", 'url = "ws://127.0.0.1"\nport = {port}', "On WebSocket Error", "heard"),
    ("socketio", 'url = "http://127.0.0.1"\nport = {port}', "On Socket.IO Error", "heard"),
    ("mqtt", 'url = "127.0.0.1"\nport = {port}', None, 'MQTT connection "new": '),
]


@pytest.mark.parametrize(("family", "fields", "event_of_it", "told"), NEWCOMERS, ids=[row[0] for row in NEWCOMERS])
def test_a_graph_hears_of_a_connection_that_is_saved_with_it(graph, family, fields, event_of_it, told):
    def saved(text, connection=""):
        return f'\n[op.saved]\ntype = "logicCOMP"\ntext = \'\'\'\n{text}\'\'\'\n{connection}'

    alone = saved(say("alone"))
    one = graph(operator="", more=alone)
    listening = node("news", event_of_it, configuration="new", next="heard") if event_of_it else ""
    connection = f"\n[connection.{family}.new]\n{fields.format(port=free_port())}\nautostart = true\n"
    # One save for both: the operator of the connection is made in the turn in which the graph is another.
    one.more = one.more.replace(alone, saved(listening + say("heard"), connection))
    one.write_patch()
    one.expect_line(rf"\[Player\] .*{told}")
