"""What keeps a SocketIO DAT from a session, or out of a namespace: each fault is named, and gone once it is mended.

Servers are scripted, because real ones do not fail like this on demand.
"""

import re

import pytest

from scripted_server import answers, http
from scripted_socketio import after, event, healthy, open_packet
from socketio_faults import (
    expect_at_rest,
    expect_failed,
    expect_lost,
    expect_recovery,
    expect_reset,
    expect_warning,
    expect_works,
)

OTHER_ENGINE = "correct `url` and `path`: what answers there does not keep to Engine.IO"


def opens_with(*packets):
    """A script that opens the WebSocket, says this, and listens until the client leaves."""

    def script(wire):
        wire.accept()
        wire.say(*packets)
        wire.hear()

    return script


# ---------------------------------------- the open packet


def test_a_websocket_without_an_open_packet_is_given_up(sio, faulty):
    one = sio(faulty(opens_with(), healthy), timeout=700)
    expect_failed(one, "the server did not open the session in time", "correct `url` and `path`, or allow more `timeout`")
    one.set(timeout=8000)
    expect_recovery(one, 1)


def test_a_connection_that_is_never_answered_is_given_up(sio, faulty):
    one = sio(faulty(lambda wire: wire.rest(), healthy), timeout=200)
    expect_failed(one, "no connection within 0.2 s: gave up opening a WebSocket|did not open the session in time", "time")
    one.set(timeout=8000)
    expect_recovery(one, 1)


def test_a_websocket_that_ends_before_the_open_packet(sio, faulty):
    def leaves(wire):
        wire.accept()
        wire.send_close(1000)

    one = sio(faulty(leaves, healthy))
    expect_failed(one, "the server closed the connection", "see the log of the server")
    expect_recovery(one, 1)


@pytest.mark.parametrize(
    "first, reason",
    [
        ("40", "the server did not begin with an open packet"),
        ("2", "the server did not begin with an open packet"),
        (b"bytes", "the server did not begin with an open packet"),
        ("hello", "the peer sent a packet of the unknown type 'h'"),
        ("", "the peer sent an empty packet"),
        ("0", "open packet is not a JSON object"),
        ("0[]", "open packet is not a JSON object"),
        (open_packet()[:-1], "open packet is not a JSON object"),
        (open_packet(sid=None), 'open packet has no proper field "sid"'),
        (open_packet(sid=5), 'open packet has no proper field "sid"'),
        (open_packet(sid=""), 'open packet has no proper field "sid"'),
        (open_packet(sid="x" * 300), 'open packet has no proper field "sid"'),
        (open_packet(upgrades="websocket"), 'open packet has no proper field "upgrades"'),
        (open_packet(pingInterval=None), 'open packet has no proper field "pingInterval"'),
        (open_packet(pingInterval=-1), 'open packet has no proper field "pingInterval"'),
        (open_packet(pingTimeout="soon"), 'open packet has no proper field "pingTimeout"'),
        (open_packet(maxPayload=1.5), 'open packet has no proper field "maxPayload"'),
    ],
    ids=lambda value: None if isinstance(value, bytes) else re.sub("[^a-zA-Z0-9 ]", "", value)[:30],
)
def test_a_session_that_begins_otherwise_is_none(sio, faulty, first, reason):
    one = sio(faulty(opens_with(first), healthy))
    expect_failed(one, reason, OTHER_ENGINE)
    expect_reset(one, 1)


def test_a_session_that_is_opened_twice_is_lost(sio, faulty):
    one = sio(faulty(after(open_packet()), healthy))
    expect_lost(one, "parse error", "the server opened the session twice", OTHER_ENGINE)
    expect_recovery(one)


@pytest.mark.parametrize(
    "changes",
    [
        {"sid": "0123456789abcdef"},
        {"sid": "lv_VI97HAXpY6yYWAAAB"},
        {"sid": "6f9619ff-8b86-d011-b42d-00cf4fc964ff"},
        {"sid": "ümlaut ünd ☃ \\ \""},
        {"maxPayload": None},
        {"upgrades": ["webtransport", "carrier pigeon", 5]},
        {"upgrades": None},
        {"pingInterval": 1e300},
        {"more": {"nested": [None]}},
    ],
    ids=lambda value: f"{value}"[:40],
)
def test_what_servers_open_a_session_with_is_taken(sio, faulty, changes):
    one = sio(faulty(after(**changes)))
    expect_works(one)
    assert one.facts()["session"] == changes.get("sid", "0123456789abcdefghij")
    assert one.facts()["transport"] == "WebSocket"


def test_what_is_larger_than_the_server_takes_is_not_sent(sio, faulty):
    one = sio(faulty(after(maxPayload=100)))
    one.expect_opened()
    one.emit("echo", "x" * 200)
    expect_warning(one, "the message has [0-9]+ bytes, the server takes at most 100; nothing was sent", "maxHttpBufferSize")
    assert one.emit("echo", "x" * 200, ack=True) is None
    expect_works(one)


# ---------------------------------------- the WebSocket is refused


@pytest.mark.parametrize(
    "script, reason, remedy",
    [
        (http("400 Bad Request", '{"code":0,"message":"Transport unknown"}'), "not offer this transport", "`transports`"),
        (http("400 Bad Request", '{"code":1,"message":"Session ID unknown"}'), "not know the session", "websocket"),
        (http("400 Bad Request", '{"code":2,"message":"Bad handshake method"}'), "begin with GET", "`url` and `path`"),
        (http("400 Bad Request", '{"code":3,"message":"Bad request"}'), "calls the request bad", "`url` and `path`"),
        (http("403 Forbidden", '{"code":4,"message":"not \\u001b[31myou"}'), "refuses this client: .*not", "`headers`"),
        (http("401 Unauthorized", "who?"), "answered 401 Unauthorized: who[?]", "`headers`, `query` or `auth`"),
        (http("403 Forbidden", "no"), "answered 403 Forbidden: no", "`headers`, `query` or `auth`"),
        (http("404 Not Found", ""), "answered 404 Not Found", "correct the path"),
        (http("502 Bad Gateway", "<html>nginx</html>"), "answered 502 Bad Gateway: <html>nginx", "log of the server"),
        (http("200 OK", "<html>It works!</html>"), "answered 200 OK: <html>It works", "correct the path"),
        (answers("SSH-2.0-Open\r\n"), "does not speak HTTP", "correct the port"),
    ],
    ids=lambda value: None if callable(value) else re.sub("[^a-zA-Z0-9 ]", "", value)[:30],
)  # fmt: skip
def test_a_refused_websocket_says_why(sio, faulty, script, reason, remedy):
    one = sio(faulty(script, healthy))
    expect_failed(one, reason, remedy)
    expect_reset(one, 1)


# ---------------------------------------- servers of Socket.IO 2


def old_server(wire):
    """What a server of Socket.IO 2 says to a client of any version: it lets it in, unasked and without an id."""
    wire.open_3()
    wire.serve()


def test_a_server_that_lets_in_unasked_speaks_version_3_and_is_asked_for_that(sio, faulty):
    server = faulty(old_server)
    one = sio(server)
    expect_works(one)
    one.expect_said("^the server speaks Engine.IO 3 alone; connecting again with that$")
    assert [wire.query()["EIO"] for wire in server.wires] == ["4", "3"]
    assert one.facts()["version"] == "Engine.IO 3"
    assert [record[0] for record in one.records("onOpen", "onClose", "onConnectError")] == ["onOpen"]


def test_a_server_that_says_so_is_asked_for_version_3(sio, faulty):
    refuses = http("400 Bad Request", '{"code":5,"message":"Unsupported protocol version"}')
    server = faulty(refuses, old_server)
    one = sio(server)
    expect_works(one)
    assert [wire.query()["EIO"] for wire in server.wires] == ["4", "3"]


def test_where_version_4_is_wanted_an_old_server_is_an_error(sio, faulty):
    server = faulty(old_server)
    one = sio(server, version="v4")
    expect_failed(one, "the server speaks Engine.IO 3", "set `version` to auto or v3")
    one.set(version="auto")
    expect_recovery(one, 1)


@pytest.mark.parametrize("said, message, data", [('"oops"', "oops", "oops"), ('{"code":42}', '{"code":42}', {"code": 42})])
def test_an_error_of_an_old_server_is_told_and_ends_nothing(sio, faulty, said, message, data):
    def complains(wire):
        wire.open_3()
        wire.say("44" + said)
        wire.serve()

    one = sio(faulty(complains), version="v3")
    assert one.expect_record("onConnectError") == ["onConnectError", "/", message, data]
    one.expect_said(f"^error /: {re.escape(message)}$")
    expect_works(one)
    assert one.records("onClose") == []


# ---------------------------------------- namespaces


def never_answers(session):
    session.open()
    while session.hear() is not None:
        pass


def test_a_namespace_that_is_never_answered_is_given_up(sio, faulty):
    server = faulty(never_answers, healthy)
    one = sio(server, namespacetimeout=200)
    record = one.expect_record("onConnectError")
    assert record == ["onConnectError", "/", "the server did not connect the namespace in time", None]
    expect_warning(
        one,
        "refused /: the server did not connect the namespace in time",
        "see the log of the server, or allow more `namespacetimeout`",
    )
    expect_at_rest(one)
    assert server.wires[0].ended.wait(8), "the session is held open without a namespace"
    one.set(namespacetimeout=8000)
    one.do("dat.par.reset.pulse()")
    expect_works(one)
    assert one.records("onClose") == []


@pytest.mark.parametrize(
    "said, message, data",
    [
        ('{"message":"denied","data":{"code":42}}', "denied", {"code": 42}),
        ('{"message":"denied"}', "denied", None),
        ('{"message":"\\u001b[31mred\\nline"}', "\x1b[31mred\nline", None),
        ('"denied"', "denied", None),
        ("{}", "no reason given", None),
        ('{"message":5,"data":[1,null]}', "no reason given", [1, None]),
    ],
)
def test_a_refusal_and_then_nothing(sio, faulty, said, message, data):
    def refuses(session):
        session.open()
        session.expect("40")
        session.say("44" + said)
        session.hear()

    server = faulty(refuses, healthy)
    one = sio(server, reconnect=True)
    assert one.expect_record("onConnectError") == ["onConnectError", "/", message, data]
    plain = re.escape(re.sub(r"[\x00-\x1f]", " ", message))
    expect_warning(one, f"refused /: {plain}", "correct the input `auth` or `namespaces`, then pulse `reset`")
    one.expect_said(f"^refused /: {plain}$")
    expect_at_rest(one)
    assert server.wires[0].ended.wait(8), "the session is held open without a namespace"
    assert len(server.wires) == 1 and one.records("onReconnectAttempt", "onOpen", "onClose") == []
    one.do("dat.par.reset.pulse()")
    expect_works(one)


def lets_in_but(refused):
    """A script that refuses one namespace and lets this client into the others."""

    def script(session):
        session.open()
        for _ in range(2):
            asked = session.hear()
            namespace = asked[2:].rstrip(",") or "/"
            if namespace == refused:
                session.say(f'44{namespace},{{"message":"members only","data":7}}')
            else:
                session.say(session.connected(namespace))
        session.serve()

    return script


def test_one_refused_namespace_of_two_leaves_the_other(sio, faulty):
    one = sio(faulty(lets_in_but("/club")), namespaces="/ /club")
    assert one.expect_record("onConnectError") == ["onConnectError", "/club", "members only", 7]
    one.expect_opened("/")
    one.emit("echo", "still here", namespace="/")
    assert one.expect_messages("echo", 1) == ["still here"]
    expect_warning(one, "refused /club: members only", "correct the input `auth` or `namespaces`")
    assert one.facts()["namespace /club"] == "refused: members only"
    assert one.info()["connected"] == 1 and one.facts()["status"] == "open"
    one.do("dat.emit('echo', 'to nobody', namespace='/club')")
    one.expect_warning("not connected; nothing was sent")
    assert one.records("onClose") == []


def test_a_refused_namespace_is_asked_for_again_where_that_is_wanted(sio, faulty):
    def second_thoughts(session):
        session.open()
        session.expect("40")
        session.say(session.connected())
        session.expect("40/club,")
        session.say('44/club,{"message":"full"}')
        session.expect("40/club,")
        session.say(session.connected("/club"))
        session.serve()

    one = sio(faulty(second_thoughts), namespaces="/ /club", reconnect=True, reconnectrefused=True)
    one.expect_record("onConnectError", "/club", "full", None)
    one.expect_record("onReconnectAttempt", 1)
    expect_works(one, 1, "/club")
    assert one.records("onClose") == []


def test_a_refusal_of_an_open_namespace_ends_it(sio, faulty):
    one = sio(faulty(after('44{"message":"second thoughts"}'), healthy))
    assert one.expect_closed() == (True, "io server disconnect")
    one.expect_record("onConnectError", "/", "second thoughts", None)
    expect_at_rest(one)
    one.do("dat.par.reset.pulse()")
    expect_works(one, 2)


def test_events_before_the_namespace_is_open_are_not_lost(sio, faulty):
    def hasty(session):
        session.open()
        session.expect("40")
        session.say(event("early", 1), event("early", 2), session.connected(), event("late", 3))
        session.serve()

    one = sio(faulty(hasty))
    one.expect_received(["early", 1], ["early", 2], ["late", 3])
    assert one.info()["events_in"] == 3
    names = [record[0] for record in one.records("onOpen", "onReceiveEvent")]
    assert names == ["onReceiveEvent", "onReceiveEvent", "onOpen", "onReceiveEvent"]
    expect_works(one)


def test_more_before_the_namespace_is_open_than_is_kept_ends_the_session(sio, faulty):
    def floods(session):
        session.open()
        session.expect("40")
        for _ in range(18):
            session.say(event("early", "x" * (1 << 20)))
        session.hear()

    one = sio(faulty(floods, healthy))
    reason = "the server sent more than 16777216 bytes of events before it connected the namespace"
    expect_failed(one, reason, "send less before it connects a namespace")
    expect_recovery(one, 1)


def test_what_comes_for_a_namespace_that_nobody_joined_is_left_out(sio, faulty):
    strangers = ('42/other,["x",1]', '43/other,1["x"]', "41/other,", '44/other,{"message":"no"}', '40/other,{"sid":"x"}')
    one = sio(faulty(after(*strangers, event("mine", 1))))
    one.expect_received(["mine", 1])
    expect_works(one)
    assert one.records("onConnectError", "onClose") == []


def test_a_namespace_that_is_opened_twice_is_open_once(sio, faulty):
    one = sio(faulty(after('40{"sid":"again"}', event("mine", 1))))
    one.expect_received(["mine", 1])
    expect_works(one)
    assert len(one.records("onOpen")) == 1
    assert one.facts()["namespace /"] == "socket"


@pytest.mark.parametrize("said", ['40{"sid":5}', "40{}", '40["sid"]', '40"sid"'])
def test_an_admission_that_is_none(sio, faulty, said):
    def script(session):
        session.open()
        session.expect("40")
        session.say(said)
        session.hear()

    one = sio(faulty(script, healthy), version="v4")
    reason = "speaks Engine.IO 3|payload that does not belong to its type"
    expect_failed(one, reason, "`version`|see its version and its log")
    expect_recovery(one, 1)


def test_an_end_while_a_namespace_is_asked_for(sio, faulty):
    def leaves(session):
        session.open()
        session.expect("40")

    one = sio(faulty(leaves, healthy))
    expect_failed(one, "the server closed the connection", "see the log of the server")
    expect_recovery(one, 1)
