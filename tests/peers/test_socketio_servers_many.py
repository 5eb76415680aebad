"""The SocketIO DAT with real servers: many events, which of them it receives, versions and parsers."""

import pytest

from running import eventually
from socketio_dats import COUNT, NOTE_ALL
from socketio_servers import KINDS, on
from test_socketio_servers import BYTES, JSON_SHAPES, check_both_ways

# Events of one direction. Python's servers take 0.1 ms and more for each.
MANY = 100_000


# ---------------------------------------- many events


@on("100,000 events from the server, in order")
def test_a_hundred_thousand_events_come_in_order_none_lost_none_twice(io, server):
    one = io(server, callbacks=COUNT)
    one.expect_opened()
    one.emit("flood", MANY)
    script = f"op('{one.name}_callbacks').module"
    eventually(lambda: one.do(f"result = {script}.following") == MANY, timeout=90, what="all numbers")
    assert one.do(f"result = {script}.wrong") == 0
    assert one.ask("echo", "end") == "end"
    assert [row[0] for row in one.rows()[1:]] == [*(str(MANY - number) for number in range(99, 0, -1)), "end"]
    info = one.info()
    assert (info["events_in"], info["dropped"], info["queued"]) == (MANY + 1, 0, 0)
    assert one.do(f"result = {script}.following") == MANY


@on("100,000 events to the server, in order")
def test_a_hundred_thousand_events_go_in_order_none_lost_none_twice(io, server):
    one = io(server, callbacks=COUNT)
    one.expect_opened()
    one.do(f"for number in range({MANY}): dat.emit('count', number)")
    request = one.emit("counted", ack=True)
    eventually(lambda: one.records("onAck"), timeout=90, what="the count")
    assert one.expect_answer(request) == MANY
    info = one.info()
    assert (info["events_out"], info["dropped"]) == (MANY + 1, 0)
    eventually(lambda: one.info()["queued"] == 0)


# ---------------------------------------- which events are received


@on("The list of events, changed while connected")
def test_the_list_of_events_holds_at_once_and_without_a_reconnect(io, server):
    one = io(server, events=["one", "", "two", "last"])
    one.expect_opened()

    def send_all():
        for event in ("one", "three", "two", "fence", "last"):
            server.emit("/", event, event)

    def events():
        return [record[3] for record in one.records("onReceiveEvent")]

    server.emit("/", "one", 1)
    one.expect_record("onReceiveEvent")
    send_all()
    # What is emitted last is received each time, so that nothing of a round is on its way in the next.
    one.expect_record("onReceiveEvent", count=4)
    assert events() == ["one", "one", "two", "last"]
    one.fill("events", ["three", "fence", "last"])
    send_all()
    one.expect_record("onReceiveEvent", count=7)
    assert events()[4:] == ["three", "fence", "last"]
    one.set(allevents=True)
    send_all()
    one.expect_record("onReceiveEvent", count=12)
    assert events()[7:] == ["one", "three", "two", "fence", "last"]
    one.set(allevents=False)
    one.fill("events", [])
    send_all()
    # Answers may overtake what the server was told to emit, so that the last events of this round may come in the next.
    assert one.ask("echo", "x") == "x"
    assert len(events()) == 12
    one.fill("events", ["last"])
    send_all()
    one.expect_record("onReceiveEvent", count=13)
    assert set(events()[12:]) == {"last"}
    assert len(server.clients()) == 1 and len(one.records("onOpen")) == 1


@on("The list of events, changed while connected", ["node4"])
def test_without_a_list_nothing_is_received_unless_everything_is(io, server):
    one = io(server, allevents=False)
    one.expect_opened()
    server.emit("/", "news", 1)
    assert one.ask("echo", 1) == 1, "answers are no events"
    assert one.records("onReceiveEvent") == [] and one.rows() == [["message"]]


# ---------------------------------------- versions and parsers


@on("The version is found out")
@pytest.mark.parametrize("transports", ["websocket", "polling", "pollingwebsocket"])
def test_the_version_is_found_out(io, server, transports):
    one = io(server, version="auto", transports=transports)
    one.expect_opened()
    version = "3" if server.kind == "node2" else "4"
    assert server.client()["query"]["EIO"] == version and one.facts()["version"] == f"Engine.IO {version}"
    assert one.ask("echo", {"a": b"\x01"}) == {"a": {"bytes": "01"}}
    assert len(one.records("onOpen")) == 1 and one.records("onClose", "onConnectError") == []
    assert one.warnings() == "" == one.errors()


@on("Version 4, when it is asked for", [kind for kind in KINDS if kind != "node2"])
def test_version_4(io, server):
    one = io(server, version="v4")
    one.expect_opened()
    check_both_ways(one, server, BYTES)
    assert server.client()["query"]["EIO"] == "4"


@on("Version 3, when it is asked for", ["node4", "node2", "oxide"])
@pytest.mark.parametrize("transports", ["websocket", "polling", "pollingwebsocket"])
def test_version_3(io, own_server, kind, transports):
    server = own_server(kind, eio3=True)
    one = io(server, version="v3", transports=transports, namespaces="/ /admin")
    one.expect_opened("/")
    one.expect_opened("/admin")
    assert server.client()["query"]["EIO"] == "3" and one.facts()["version"] == "Engine.IO 3"
    check_both_ways(one, server, JSON_SHAPES)
    check_both_ways(one, server, JSON_SHAPES, "/admin")
    # Bytes over polling are broken by socketioxide, also for the reference client.
    if (kind, transports) != ("oxide", "polling"):
        check_both_ways(one, server, BYTES)


@on("Version 4 is not taken from a server that has none", ["node2"])
def test_version_4_is_refused_by_a_server_that_speaks_3_alone(io, server):
    one = io(server, version="v4")
    _, namespace, message, data = one.expect_record("onConnectError")
    assert namespace in ("", "/") and "3" in message and data is None
    assert one.records("onOpen") == []


@on("MessagePack in the place of JSON", ["node4", "oxide"])
@pytest.mark.parametrize("transports", ["websocket", "polling"])
def test_messagepack(io, own_server, kind, transports):
    server = own_server(kind, msgpack=True)
    callbacks = NOTE_ALL + "    return ['yes', message, b'\\x01'],\n"
    one = io(server, callbacks=callbacks, parser="msgpack", transports=transports, namespaces="/ /admin /deny")
    one.expect_opened("/")
    one.expect_opened("/admin")
    assert one.expect_record("onConnectError")[1:3] == ["/deny", "denied"]
    # npm's parser writes whole numbers beyond 64 bits as 0.
    check_both_ways(one, server, [shape for shape in JSON_SHAPES if shape != [-1.5e300]] + BYTES)
    check_both_ways(one, server, BYTES, "/admin")
    assert one.ask("echo", b"\x00", {"a": [1.5]}) == [{"bytes": "00"}, {"a": [1.5]}]
    one.emit("ask", "two")
    server.expect("answer", "/", [["yes", "two", {"bytes": "01"}]])
    assert one.info()["connected"] == 2
