"""The SocketIO DAT with real servers: events, bytes, acknowledgements, namespaces, requests, transports.

Each test runs with each kind of server that has what it is about; socketio_servers.py says what the servers do. How
connections end and come back is in test_socketio_servers_lost.py.
"""

import pytest

from running import eventually
from socketio_dats import NOTE_ALL, told
from socketio_servers import KINDS, on

# Kinds by the protocol that they speak.
PROTOCOL_5 = tuple(kind for kind in KINDS if kind != "node2")
JSON_SHAPES = [
    [],
    [None],
    [True],
    [False],
    [0],
    [-1],
    [0.1],
    [-1.5e300],
    [2**53 - 1],
    [""],
    ["grün 𝄞 日本 \u2028 \x00 \x7f \"\\/"],
    ["[1]"],
    ["x" * 100_000],
    [[]],
    [{}],
    [[1, [2, [None, {"a": []}]]]],
    [{"ü": {"b": [{"c": 1.25}, "d"]}, "": None, "10": 1}],
    [1, "two", [3], {"four": 4}, None],
    ["same", "same"],
]
BYTES = [
    [b"\x00\xff"],
    [b""],
    [b"\x04\x1e4b"],
    [{"name": "picture", "data": b"\x89PNG", "more": [b"", {"deep": b"\x01"}]}, "between", b"end"],
    [bytes([number]) * number for number in range(10)],
    [b"\x80" * 200_000],
]


def as_noted(value):
    """A value as callbacks and servers note it: bytes in hex."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, dict):
        return {name: as_noted(field) for name, field in value.items()}
    return [as_noted(item) for item in value] if isinstance(value, (list, tuple)) else value


def check_both_ways(one, server, values, namespace="/"):
    """Sends arguments to the server, which notes them and sends them back."""
    before = len(one.messages("echo", namespace)), len(server.told("note", namespace))
    options = {} if namespace == "/" else {"namespace": namespace}
    one.do(
        f"for args in {values!r}:\n"
        f"    dat.emit('note', *args, **{options!r})\n    dat.emit('echo', *args, **{options!r})\n"
    )
    back = one.expect_messages("echo", before[0] + len(values), namespace)[before[0] :]
    server.expect("note", namespace, count=before[1] + len(values))
    noted = [args for _, _, args in server.told("note", namespace)][before[1] :]
    for sent, there, again in zip(values, noted, back, strict=True):
        assert there == as_noted(sent)
        assert again == told(as_noted(sent))


# ---------------------------------------- events


@on("Events with JSON of every shape, both ways")
def test_events_carry_json_of_every_shape_and_as_many_arguments_as_they_have(io, server):
    one = io(server)
    one.expect_opened()
    check_both_ways(one, server, JSON_SHAPES)
    assert one.warnings() == "" == one.errors()


@on("Bytes with up to 10 attachments, nested, both ways")
def test_events_carry_bytes_wherever_they_stand(io, server):
    one = io(server)
    one.expect_opened()
    check_both_ways(one, server, BYTES)
    assert one.warnings() == "" == one.errors()


@on("Events with JSON of every shape, both ways")
def test_what_came_stands_in_the_table_with_event_namespace_and_bytes(io, server):
    columns = {"bytes": True, "eventcolumn": True, "namespacecolumn": True, "timecolumn": True}
    one = io(server, **columns)
    one.expect_opened()
    one.emit_all([["echo", "grün"], ["echo"], ["echo", 1, "two"], ["echo", {"a": None}], ["echo", b"\x01\xff"]])
    one.expect_messages("echo", 5)
    heading, *rows = one.rows()
    assert heading == ["message", "bytes", "event", "namespace", "time"]
    assert [row[0] for row in rows] == ["grün", "", rows[2][0], rows[3][0], ""]
    assert one.do(f"import json\nresult = [json.loads(cell) for cell in {[rows[2][0], rows[3][0]]!r}]") == [
        [1, "two"],
        {"a": None},
    ]
    assert rows[4][1].split() == ["1", "255"]
    assert {tuple(row[2:4]) for row in rows} == {("echo", "/")}
    times = [float(row[4]) for row in rows]
    assert times == sorted(times) and times[0] > 1.7e9
    assert [record[1] for record in one.records("onReceiveEvent")] == [1, 2, 3, 4, 5]


# ---------------------------------------- acknowledgements


@on("Acknowledgements by the server")
def test_answers_of_the_server_come_to_the_event_that_asked(io, server):
    one = io(server)
    one.expect_opened()
    late = one.emit("late", 300, ack=True)
    some = one.emit("echo", "a", {"b": b"\x01"}, ack=True)
    nothing = one.emit("note", ack=True)
    one.expect_record("onAck", count=3)
    answers = {request: (message, event, namespace) for _, request, message, event, namespace in one.records("onAck")}
    assert answers == {
        late: ("late", "late", "/"),
        some: (["a", {"b": {"bytes": "01"}}], "echo", "/"),
        nothing: (None, "note", "/"),
    }
    assert len({late, some, nothing}) == 3
    info = one.info()
    assert info["acks_pending"] == 0 and info["round_trip"] > 0


@on("Acknowledgements by the server")
def test_an_answer_goes_to_a_function_with_its_arguments(io, server):
    one = io(server)
    one.expect_opened()
    one.do(
        "import json\nname = dat.name\n"
        "def answered(*answer): print('LOG ' + json.dumps([name, 'answered', *answer]))\n"
        "dat.emit('echo', 1, ['two'], ack=answered)\ndat.emit('echo', ack=answered)"
    )
    one.expect_record("answered", 1, ["two"])
    one.expect_record("answered", count=2)
    assert one.records("answered")[1] == ["answered"]
    assert one.records("onAck") == []


@on("Acknowledgements that do not come in time")
def test_an_answer_that_does_not_come_is_told_and_a_late_one_is_ignored(io, server):
    one = io(server, acktimeout=0.3)
    one.expect_opened()
    never = one.emit("mute", 1, ack=True)
    late = one.emit("late", 400, ack=True, timeout=0.1)
    one.expect_record("onAckTimeout", count=2)
    told_of = {record[1]: record for record in one.records("onAckTimeout")}
    assert told_of.keys() == {never, late}
    for request, event in ((never, "mute"), (late, "late")):
        _, _, reason, *rest = told_of[request]
        assert reason and rest == [event, "/"]
    assert one.ask("echo", "still here", timeout=5) == "still here"
    assert one.ask("late", 500, timeout=5) == "late", "and by now the late answer has come, too"
    assert late not in [record[1] for record in one.records("onAck")]
    assert one.info()["acks_pending"] == 0


@on("Acknowledgements by the DAT")
def test_what_a_callback_returns_answers_the_server(io, server):
    callbacks = NOTE_ALL + (
        "    return {'two': ('yes', [message]), 'one': {'a': b'\\x07'}, 'empty': (), 'false': False}.get(message)\n"
    )
    one = io(server, callbacks=callbacks)
    one.expect_opened()
    for question in ("two", "one", "none", "empty", "false"):
        one.emit("ask", question)
    server.expect("answer", count=4)
    assert one.messages("question") == ["two", "one", "none", "empty", "false"]
    answers = [args for _, _, args in server.told("answer", "/")]
    assert sorted(answers, key=str) == sorted([["yes", ["two"]], [{"a": {"bytes": "07"}}], [], [False]], key=str)
    one.set(answer=True)
    one.emit("ask", "none")
    server.expect("answer", "/", [], count=2)
    # Nobody has asked here: what the callback returns goes nowhere.
    assert one.ask("echo", "two") == "two"
    assert len(server.told("answer")) == 5


# ---------------------------------------- namespaces


@on("Namespaces, several over one connection")
def test_namespaces_share_a_connection_and_keep_their_events_apart(io, server):
    one = io(server, namespaces="/ /admin")
    one.expect_opened("/")
    one.expect_opened("/admin")
    assert one.info()["connected"] == 2
    check_both_ways(one, server, [["of admin", b"\x01"]], "/admin")
    check_both_ways(one, server, [["of the main one", b"\x02"]])
    assert one.ask("echo", 1, namespace="/admin") == 1
    server.emit("/admin", "news", "for admin")
    server.emit("/", "news", "for all")
    assert one.expect_messages("news", 1, "/admin") == ["for admin"]
    assert one.expect_messages("news", 1) == ["for all"]
    assert len(one.records("onOpen")) == 2 and one.records("onClose") == []
    facts = one.facts()
    assert {"namespace /", "namespace /admin"} <= facts.keys() and facts["status"] == "open"


@on("A namespace alone, without the main one")
def test_a_namespace_is_entered_without_the_main_one(io, server):
    one = io(server, namespaces="/admin")
    one.expect_opened("/admin")
    assert one.ask("echo", "x", namespace="/admin") == "x"
    assert [record[1] for record in one.records("onOpen")] == ["/admin"]
    assert one.info()["connected"] == 1


@on("A namespace that refuses, with message and data")
def test_a_namespace_that_refuses_leaves_the_others_alone(io, server):
    one = io(server, namespaces="/ /deny /nowhere")
    one.expect_opened("/")
    one.expect_record("onConnectError", count=2)
    refusals = {record[1]: record[2:] for record in one.records("onConnectError")}
    assert refusals.keys() == {"/deny", "/nowhere"}
    message, data = refusals["/deny"]
    # Protocol 4 has the data in place of the message; socketioxide has no data.
    assert message and (message == "denied" or server.kind == "node2")
    assert data == (None if server.kind == "oxide" else {"code": 42})
    assert refusals["/nowhere"][0]
    assert one.ask("echo", "still here") == "still here"
    assert one.info()["connected"] == 1
    assert one.facts()["namespace /deny"].startswith("refused")
    one.expect_said("refused /deny: ")
    server.client()
    assert len(one.records("onConnectError")) == 2 and len(server.clients()) == 1, "it has come back"


# ---------------------------------------- what the server sees of the request


@on("Query and headers reach the server")
def test_the_server_sees_path_query_and_headers(io, server):
    query = [["room", "ä b&c=d"], ["empty", ""], ["n", 7], ["", "without a name"]]
    headers = [["X-Show", "yes; a=b"], ["Authorization", "Bearer abc"], ["", "without a name"]]
    one = io(server, query=query, headers=headers)
    one.expect_opened()
    client = server.client()
    assert {name: client["query"].get(name) for name in ("room", "empty", "n")} == {
        "room": "ä b&c=d",
        "empty": "",
        "n": "7",
    }
    assert "" not in client["query"]
    assert client["query"]["EIO"] == ("3" if server.kind == "node2" else "4")
    assert client["headers"]["x-show"] == "yes; a=b"
    assert client["headers"]["authorization"] == "Bearer abc"


@on("Auth, accepted", PROTOCOL_5)
def test_the_server_sees_auth_in_each_namespace(io, server):
    one = io(server, namespaces="/ /token", auth=[["token", "right"], ["seat", 7], ["empty"]])
    one.expect_opened("/")
    one.expect_opened("/token")
    for namespace in ("/", "/token"):
        assert server.client(namespace)["auth"] == {"token": "right", "seat": "7", "empty": ""}


@on("Auth, refused and mended")
def test_a_token_that_is_refused_is_read_anew_at_the_next_attempt(io, server):
    token = "query" if server.kind == "node2" else "auth"
    one = io(server, namespaces="/token", **{token: [["token", "wrong"]]})
    _, namespace, message, data = one.expect_record("onConnectError")
    assert namespace == "/token" and message and (message == "wrong token" or server.kind == "node2")
    assert data == (None if server.kind == "oxide" else {"token": "wrong"})
    eventually(lambda: one.facts()["status"] == "closed", what="the end of a connection without a namespace")
    one.fill(token, [["token", "right"]])
    one.do("dat.par.reset.pulse()")
    one.expect_opened("/token")
    assert one.ask("echo", "in", namespace="/token") == "in"


@on("Auth, refused and mended")
def test_after_a_refusal_it_comes_back_where_that_is_wanted(io, server):
    token = "query" if server.kind == "node2" else "auth"
    callbacks = NOTE_ALL.replace(
        '    log(dat.name, "onReconnectAttempt", attempt)\n',
        '    log(dat.name, "onReconnectAttempt", attempt)\n'
        f"    if attempt == 2: op(dat.name + '_{token}')[0, 1] = 'right'\n",
    )
    one = io(server, callbacks=callbacks, namespaces="/token", reconnectrefused=True, **{token: [["token", "wrong"]]})
    one.expect_opened("/token")
    assert len(one.records("onConnectError")) == 2
    assert [record[1] for record in one.records("onReconnectAttempt")] == [1, 2]


# ---------------------------------------- transports

# As the Info DAT calls them.
WEBSOCKET, POLLING = "WebSocket", "HTTP long-polling"


def transport(one):
    return one.ask("transport", timeout=5)


@on("WebSocket only")
def test_over_a_websocket_alone(io, server):
    one = io(server, transports="websocket")
    one.expect_opened()
    assert server.client()["transport"] == "websocket" == transport(one)
    assert one.facts()["transport"] == WEBSOCKET
    check_burst(one)


@on("Polling only")
def test_over_polling_alone(io, server):
    one = io(server, transports="polling")
    one.expect_opened()
    check_both_ways(one, server, JSON_SHAPES[:9] + BYTES)
    assert server.client()["transport"] == "polling" == transport(one)
    assert one.facts()["transport"] == POLLING
    assert one.warnings() == "" == one.errors()


@on("Polling, a hundred events at once")
def test_many_events_at_once_over_polling(io, server):
    one = io(server, transports="polling")
    one.expect_opened()
    check_burst(one)


@on("Polling, then upgrade to a WebSocket")
def test_from_polling_to_a_websocket_without_losing_an_event(io, server):
    one = io(server, transports="pollingwebsocket", callbacks=NOTE_ALL)
    one.expect_opened()
    check_burst(one)
    eventually(lambda: one.facts()["transport"] == WEBSOCKET, what="the upgrade")
    assert transport(one) == "websocket"
    assert server.client()["transport"] == "polling"
    check_both_ways(one, server, BYTES)
    assert len(one.records("onOpen")) == 1 and one.records("onClose") == []


def check_burst(one):
    """A hundred events of one script, some of them with bytes, come back in order."""
    before = len(one.messages("echo"))
    one.do("for number in range(100): dat.emit('echo', number, *([b'\\x01'] if number % 10 == 0 else []))")
    wanted = [[number, {"bytes": "01"}] if number % 10 == 0 else number for number in range(100)]
    assert one.expect_messages("echo", before + 100)[before:] == wanted


# ---------------------------------------- put out by the server


@on("A kick from a namespace")
def test_a_kick_from_one_of_two_namespaces(io, server):
    one = io(server, namespaces="/ /admin")
    one.expect_opened("/")
    one.expect_opened("/admin")
    one.emit("kick", namespace="/admin")
    assert one.expect_closed("/admin") == (True, "io server disconnect")
    server.expect("disconnect", "/admin")
    assert one.ask("echo", "still here") == "still here"
    assert one.info()["connected"] == 1
    assert one.emit("echo", "nobody", namespace="/admin") is None
    assert len(one.records("onOpen")) == 2 and len(one.records("onClose")) == 1
    one.expect_said("disconnected /admin: io server disconnect")


@on("A kick of the whole client")
def test_a_kick_of_the_whole_client_is_final_until_it_is_wanted_again(io, server):
    one = io(server, namespaces="/ /admin")
    one.expect_opened("/")
    one.expect_opened("/admin")
    one.emit("kickall")
    assert one.expect_closed("/") == (True, "io server disconnect") == one.expect_closed("/admin")
    eventually(lambda: one.facts()["status"] == "closed")
    info = one.info()
    assert (info["connected"], info["next_delay"]) == (0, 0)
    server.client()
    assert len(server.clients()) == 1
    one.do("dat.par.active = 0; dat.par.active = 1")
    one.expect_opened("/", 2)
    one.expect_opened("/admin", 2)
    assert one.warnings() == ""


@on("A kick of the whole client")
def test_after_a_kick_it_comes_back_where_that_is_wanted(io, server):
    one = io(server, reconnectrefused=True)
    one.expect_opened()
    one.emit("kick")
    assert one.expect_closed() == (True, "io server disconnect")
    one.expect_opened(count=2)
    assert one.ask("echo", "again") == "again"


@on("Leaving in order")
@pytest.mark.parametrize("transports", ["websocket", "polling"])
def test_when_it_is_switched_off_the_server_knows_at_once(io, server, transports):
    one = io(server, transports=transports, namespaces="/ /admin")
    one.expect_opened("/")
    one.expect_opened("/admin")
    one.set(active=False)
    assert one.expect_closed("/") == (False, "io client disconnect") == one.expect_closed("/admin")
    server.expect("disconnect", "/")
    server.expect("disconnect", "/admin")
    assert one.warnings() == "" == one.errors()
    assert one.facts()["status"] == "closed"
