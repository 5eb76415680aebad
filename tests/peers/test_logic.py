"""Logic graphs on real Socket.IO servers, and in a patch that is edited while they run."""

import re
import time

import pytest

from running import Command, eventually, free_port
from socketio_servers import on

OPERATOR = """
[op.logic1]
type = "logicCOMP"
file = "graph.logic.toml"
"""


def connection(port, more=""):
    return f'\n[connection.socketio.chat]\nurl = "http://127.0.0.1"\nport = {port}\npar.delay = 200\n{more}\n'


ANSWERS = """
[node.init]
type = "On Initialize"
next = "open"
[node.open]
type = "Socket.IO Start"
set.configuration = "chat"
[node.up]
type = "On Socket.IO Start"
set.configuration = "chat"
next = "started"
[node.started]
type = "Console"
set.value = "started"
next = "listen"
[node.listen]
type = "Socket.IO Subscribe"
set = { configuration = "chat", event_name = "ball" }
next = "listen_admin"
[node.listen_admin]
type = "Socket.IO Subscribe"
set = { configuration = "chat", event_name = "ball", namespace = "admin" }
[node.down]
type = "On Socket.IO Stop"
set.configuration = "chat"
next = "stopped"
[node.stopped]
type = "Console"
set.value = "stopped"
[node.recv]
type = "On Socket.IO Receive"
set.configuration = "chat"
next = "show"
[node.show]
type = "Format"
set = { default_pattern = "%s %s %s", parameters = ["String", "String", "String"] }
from.parameter_1 = "recv.namespace"
from.parameter_2 = "recv.trigger_name"
from.parameter_3 = "recv.message"
next = "say"
[node.say]
type = "Console"
from.input = "show.formatted"
next = "back"
[node.back]
type = "Socket.IO Send"
set = { configuration = "chat", event_name = "note" }
from.namespace = "recv.namespace"
from.message = "recv.message"
[node.err]
type = "On Socket.IO Error"
set.configuration = "chat"
next = "err_text"
[node.err_text]
type = "Format"
set = { default_pattern = "error in '%s': %s", parameters = ["String", "String"] }
from.parameter_1 = "err.namespace"
from.parameter_2 = "err.message"
next = "err_say"
[node.err_say]
type = "Console"
set.type = "Error"
from.input = "err_text.formatted"
[event.close]
[event.open]
[event.send]
params = [{ name = "Text", type = "String" }, { name = "Namespace", type = "String", default = "/" }]
[node.on_close]
type = "Event Listener"
set.event = "close"
next = "close"
[node.close]
type = "Socket.IO Stop"
set.configuration = "chat"
[node.on_open]
type = "Event Listener"
set.event = "open"
next = "open"
[node.on_send]
type = "Event Listener"
set.event = "send"
next = "send"
[node.send]
type = "Socket.IO Send"
set = { configuration = "chat", event_name = "note" }
from.message = "on_send.text"
from.namespace = "on_send.namespace"
"""


@pytest.fixture
def graph(patch):
    """Runs a patch with one graph."""

    def start(text, more="", **options):
        return patch(more=OPERATOR + more, files={"graph.logic.toml": text}, **options)

    return start


def said(one, text, count=1):
    """Waits for the `count`-th line of the console with exactly this text."""
    pattern = re.compile(rf"\[Player\] \[\d{{4}}\.\d\d\.\d\d \d\d:\d\d:\d\d\.\d{{3}}\] \w+: {re.escape(text)}$", re.M)
    eventually(lambda: len(pattern.findall(one.output)) >= count, what=f"{count} × {text!r} in the console")


def trigger(one, *arguments):
    return one.do(f"op('/project1/logic1').trigger({', '.join(map(repr, arguments))})\nresult = 1")


@on("logic graph", ("node4", "node3"))
def test_a_graph_starts_subscribes_receives_and_sends(graph, server):
    one = graph(ANSWERS, connection(server.port))
    said(one, "started")
    eventually(lambda: len(server.clients("/admin")) >= 1, what="the namespace that is subscribed in")
    server.emit("/", "ball", "hello")
    said(one, "/ ball hello")
    assert server.expect("note", "/")[2] == ["hello"]
    server.emit("/", "other", "nobody subscribed")
    server.emit("/admin", "ball", {"a": [1, None]})
    said(one, '/admin ball {"a":[1,null]}')
    assert server.expect("note", "/admin")[2] == ['{"a":[1,null]}']
    server.emit("/", "ball", 1, "two")
    said(one, '/ ball [1,"two"]')
    server.emit("/", "ball")
    said(one, "/ ball ")
    assert "nobody subscribed" not in one.output


@on("logic graph: stop and restart", ("node4", "node3"))
def test_it_stops_and_starts_again(graph, own_server, kind):
    server = own_server(kind)
    one = graph(ANSWERS, connection(server.port))
    said(one, "started")
    trigger(one, "open")
    one.expect_line(r'the connection "chat" is started already')
    trigger(one, "close")
    said(one, "stopped")
    trigger(one, "send", "too late")
    said(one, "error in '/': \"note\" was not sent: \"chat\" is not connected in /")
    trigger(one, "open")
    said(one, "started", 2)
    trigger(one, "send", "again")
    assert server.expect("note", "/")[2] == ["again"]
    assert not server.told("note", "/", ["too late"])
    # A server that goes is an error and a stop; when it comes back, the graph starts anew.
    port = server.port
    server.kill()
    said(one, "stopped", 2)
    back = own_server(kind, port)
    said(one, "started", 3)
    back.emit("/", "ball", "still subscribed")
    said(one, "/ ball still subscribed")


@pytest.mark.parametrize("how", ["kick", "kickall"])
@on("logic graph: put out by the server", ("node4", "node3"))
def test_a_server_puts_the_graph_out_and_start_begins_again(graph, server, how):
    before, after = ANSWERS.rsplit('"note"', 1)
    one = graph(f'{before}"{how}"{after}', connection(server.port, "automatic_reconnect = false"))
    said(one, "started")
    server.client("/admin")
    trigger(one, "send", "please")
    said(one, "error in '/': io server disconnect")
    said(one, "stopped")
    trigger(one, "open")
    said(one, "started", 2)
    server.emit("/", "ball", "back")
    said(one, "/ ball back")


@on("logic graph: subscriptions end with their graph", ("node4",))
def test_a_subscription_ends_with_the_graph_that_made_it(graph, server):
    listens = """
[node.recv]
type = "On Socket.IO Receive"
set.configuration = "chat"
next = "say"
[node.say]
type = "Console"
from.input = "recv.message"
"""
    more = '\n[op.logic2]\ntype = "logicCOMP"\ntext = """' + listens + '"""\n'
    one = graph(ANSWERS, more + connection(server.port))
    said(one, "started")
    server.client()
    server.emit("/", "ball", "for both")
    said(one, "/ ball for both")
    said(one, "for both")
    # An edit of the graph is no end, nor is a restart.
    one.write("graph.logic.toml", ANSWERS.replace("%s %s %s", "now %s %s %s"))
    eventually(lambda: server.emit("/", "ball", "edited") or "now / ball edited" in one.output)
    one.do("op('/project1/logic1').par.restart.pulse()")
    said(one, "started", 2)
    server.emit("/", "ball", "restarted")
    said(one, "now / ball restarted")
    assert len(server.clients()) == 1
    one.do("op('/project1/logic1').destroy()")
    server.emit("/", "ball", "nobody subscribes")
    # Time for it to come.
    time.sleep(0.2)
    one.do("op('/project1/connections/socketio_chat').emit('note', 'done')")
    server.expect("note", "/", ["done"])
    assert "nobody subscribes" not in one.output


@on("logic graph: refused namespace", ("node4", "node3"))
def test_a_refused_namespace_is_an_error(graph, server):
    one = graph(ANSWERS, connection(server.port))
    said(one, "started")
    trigger(one, "send", "x", "/deny")
    said(one, "error in '/deny': denied")


def test_nobody_listens_and_the_error_says_so(graph):
    one = graph(ANSWERS, connection(free_port()))
    eventually(lambda: "error in '': " in one.output and "refused" in one.output, what="the error")


def test_two_graphs_on_one_connection(graph, own_server):
    server = own_server("node4")
    second = ANSWERS.replace('set.value = "started"', 'set.value = "second started"')
    more = '\n[op.logic2]\ntype = "logicCOMP"\ntext = """' + second.replace("\\", "\\\\") + '"""\n'
    one = graph(ANSWERS, more + connection(server.port))
    said(one, "started")
    said(one, "second started")
    server.emit("/", "ball", "both")
    said(one, "/ ball both", 2)
    assert server.client() and len(server.clients()) == 1


COUNTER = """
[var.count]
type = "Int"
initial = 10
[event.add]
params = [{{ name = "Step", type = "Int", default = 1 }}]
[node.heard]
type = "Event Listener"
set.event = "add"
next = "sum"
[node.sum]
type = "Add"
from.input_1 = "var.count"
from.input_2 = "heard.step"
next = "keep"
[node.keep]
type = "Variable Setter"
set.variable = "count"
from.value = "sum.output"
next = "cell"
[node.cell]
type = "Conversion"
set = {{ input_data_type = "Int", output_data_type = "String" }}
from.input = "keep.value"
next = "row"
[node.row]
type = "Set Cell"
set = {{ operator = "../table1", row = "{row}", column = 1 }}
from.text = "cell.output"
next = "later"
[node.later]
type = "Start Timeout"
set.seconds = {seconds}
next = "say"
[node.say]
type = "Console"
set.value = "{text}"
"""
TABLE = '\n[op.table1]\ntype = "tableDAT"\nrows = [["a", "0"], ["b", "0"]]\n'


def test_scripts_trigger_events_and_read_variables(graph):
    one = graph(COUNTER.format(row="a", seconds=0.1, text="later"), TABLE)
    trigger(one, "add")
    trigger(one, "add", 5)
    assert one.do("result = op('/project1/logic1').variable('count')") == 16
    assert one.do("result = op('/project1/table1')['a', 1].val") == "16"
    said(one, "later")
    for script, error in [
        ("trigger('ad')", "ValueError"),
        ("trigger('add', 'x')", "ValueError"),
        ("trigger('add', 1, 2)", "ValueError"),
        ("variable('nothing')", "KeyError"),
    ]:
        wrong = f"try:\n    op('/project1/logic1').{script}\nexcept Exception as error:\n    result = type(error).__name__"
        assert one.do(wrong) == error, script


def test_a_saved_graph_is_live_and_keeps_what_runs(graph):
    one = graph(COUNTER.format(row="a", seconds=3, text="before"), TABLE)
    trigger(one, "add")
    one.write("graph.logic.toml", COUNTER.format(row="b", seconds=3, text="after"))
    eventually(lambda: trigger(one, "add", 0) and one.do("result = op('/project1/table1')['b', 1].val") == "11")
    # A graph that is wrong changes nothing, and says what is wrong.
    one.write("graph.logic.toml", COUNTER.format(row="b", seconds=3, text="after").replace("sum.output", "sum.outptu"))
    one.expect_line(r'line \d+, column \d+: node "\w+": "sum" \(Add\) has no output "outptu"; did you mean "output"\?')
    trigger(one, "add", 0)
    assert one.do("result = op('/project1/logic1').variable('count')") == 11
    one.write("graph.logic.toml", COUNTER.format(row="b", seconds=0.1, text="after"))
    eventually(lambda: not one.do("result = op('/project1/logic1').errors()"))
    # The time-out of three seconds goes on in the new graph.
    said(one, "after")
    assert "before" not in one.output


def test_connections_are_edited_without_losing_others(graph, own_server):
    server = own_server("node4")
    one = graph(ANSWERS, connection(server.port))
    said(one, "started")
    one.more = OPERATOR + connection(server.port) + connection(server.port).replace(".chat]", ".second]")
    one.write_patch()
    eventually(lambda: one.do("result = op('/project1/connections/socketio_second') is not None"))
    server.emit("/", "ball", "still here")
    said(one, "/ ball still here")
    assert one.output.count("session open") == 1


def check(tmp_path, patch, graph):
    (tmp_path / "patch.toml").write_text(patch)
    (tmp_path / "graph.logic.toml").write_text(graph)
    one = Command(["check", tmp_path])
    code = one.end()
    return code, one.output


def test_check_shows_mistakes_of_graphs_and_connections(tmp_path):
    head = "[patch]\nformat = 1\n"
    code, output = check(tmp_path, head + OPERATOR + connection(3000), ANSWERS)
    assert code == 0, output
    code, output = check(tmp_path, head + OPERATOR + connection(3000), ANSWERS.replace('"Socket.IO Send"', '"Socket.IO Sent"'))
    assert code != 0 and 'there is no node "Socket.IO Sent"' in output and "graph.logic.toml:" in output
    assert 'did you mean "Socket.IO Send"?' in output
    off = head.replace("format = 1", "format = 1\nplugins = { socketio = false }")
    code, output = check(tmp_path, off + OPERATOR + connection(3000), ANSWERS)
    assert code != 0 and "its plugin socketio is switched off" in output
    wrong = '\n[connection.socketio.chat]\nprt = 3000\n[connection.mqtt.broker]\nport = 1883\n[connection.carrier.pigeon]\n'
    code, output = check(tmp_path, head + wrong, "")
    assert code != 0
    for text in ['the connection "chat" has to have a `url`', "prt", 'the connection "broker" has to have a `url`', "carrier"]:
        assert text in output, (text, output)


def test_a_trace_shows_every_node(graph):
    one = graph(COUNTER.format(row="a", seconds=0, text="done"), TABLE, arguments=["--trace-logic"])
    trigger(one, "add")
    for line in ["⚡ heard (Event Listener)", "► sum (Add)", "► keep (Variable Setter)", "⚡ later (Start Timeout)"]:
        one.expect_line(re.escape(line))


def test_files_options_and_the_clock(graph):
    text = """
[event.go]
[node.on]
type = "Event Listener"
set.event = "go"
next = "option"
[node.option]
type = "Get Command Line Option"
set = { option_type = "Int", option_name = "seat" }
next = "text"
[node.text]
type = "Format"
set = { default_pattern = "seat %d", parameters = ["Int"] }
from.parameter_1 = "option.option_value"
next = "save"
[node.save]
type = "Save File"
set.file_s_local_path = "seat.txt"
from.content = "text.formatted"
next = "load"
[node.load]
type = "Load File"
set.file = "seat.txt"
next = "say"
[node.say]
type = "Console"
from.input = "load.content"
next = "missing"
[node.missing]
type = "Load File"
set.file = "nothing.txt"
on.on_error = "error"
[node.error]
type = "Console"
set.value = "no such file"
"""
    one = graph(text, arguments=["--option", "seat=7"])
    trigger(one, "go")
    said(one, "seat 7")
    said(one, "no such file")
    assert (one.folder / "seat.txt").read_text() == "seat 7"
