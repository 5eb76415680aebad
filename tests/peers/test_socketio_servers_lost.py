"""The SocketIO DAT and real servers that go and come back: what callbacks hear, what is sent again, kept or lost."""

import os
import signal
import time

import pytest

from running import eventually, free_port
from socketio_dats import NOTE_ALL
from socketio_servers import on

# At each attempt to come back a fresh token stands in a table.
FRESH = NOTE_ALL.replace(
    '    log(dat.name, "onReconnectAttempt", attempt)\n',
    '    log(dat.name, "onReconnectAttempt", attempt)\n    op(dat.name + "_%s")[0, 1] = f"token {attempt}"\n',
)

# Why a connection ended whose server went, as the reference client calls it.
TRANSPORT_LOST = ("transport close", "transport error")


def check_order_of_a_loss(one):
    """Of what a lost connection causes: onClose, then the attempts, then onOpen; a line for each."""
    names = [name for [name, *_] in one.records("onOpen", "onClose", "onReconnectAttempt")]
    assert names[:2] == ["onOpen", "onClose"] and names[-1] == "onOpen"
    assert names[2:-1] and set(names[2:-1]) == {"onReconnectAttempt"}
    attempts = [record[1] for record in one.records("onReconnectAttempt")]
    assert attempts == list(range(1, len(attempts) + 1))
    one.expect_said("^disconnected /: transport ")
    one.expect_said(r"^connecting again in 0\.[1-9] s, attempt 1$")


def come_back(own_server, kind, server, end, one):
    """Ends the server in some way and starts another one on its port; gives that one, once the DAT has come to it."""
    end()
    failure, reason = one.expect_closed()
    assert failure is True and reason in TRANSPORT_LOST
    assert one.warnings() != "" and one.info()["connected"] == 0
    again = own_server(kind, server.port)
    one.expect_opened(count=2)
    return again


# ---------------------------------------- servers that go and come back


@on("A server that closes and comes back, with a fresh token")
@pytest.mark.parametrize("transports", ["websocket", "polling"])
def test_when_a_server_closes_it_comes_back_and_reads_its_inputs_anew(io, own_server, kind, transports):
    server = own_server(kind)
    token = "query" if kind == "node2" else "auth"
    one = io(server, transports=transports, callbacks=FRESH % token, **{token: [["token", "first"]]})
    one.expect_opened()
    assert server.client()[token]["token"] == "first"
    again = come_back(own_server, kind, server, server.close, one)
    attempts = [record[1] for record in one.records("onReconnectAttempt")]
    assert again.client()[token]["token"] == f"token {attempts[-1]}"
    check_order_of_a_loss(one)
    assert one.ask("echo", "again") == "again"
    assert one.info()["reconnects"] == 1 and one.warnings() == ""


@on("A server that dies and comes back on its port")
def test_when_a_server_is_killed_its_unanswered_events_are_told_and_it_comes_back(io, own_server, kind):
    server = own_server(kind)
    one = io(server)
    one.expect_opened()
    waiting = one.emit("mute", ack=True)
    again = come_back(own_server, kind, server, server.kill, one)
    _, request, reason, event, namespace = one.expect_record("onAckTimeout")
    assert (request, event, namespace) == (waiting, "mute", "/") and reason
    check_order_of_a_loss(one)
    assert one.ask("echo", "again") == "again"
    again.expect("connect", "/")
    assert one.messages("echo") == ["again"]


@on("A server that freezes is noticed by its heartbeat")
def test_a_server_that_freezes_is_noticed_and_a_lively_one_kept(io, own_server, kind):
    server = own_server(kind, ping=[300, 1200])
    # Asked for at once, a server of version 2 has no session of another version, whose end it may tell late.
    one = io(server, version="v3" if kind == "node2" else "auto")
    one.expect_opened()
    server.mark()
    # Longer than interval and time-out together: both ends would have noticed a heart that does not beat.
    one.do("run(\"print('RESTED', args[0])\", dat.name, delayMilliSeconds=1800)")
    one.program.expect_line(f"^RESTED {one.name}$")
    assert one.records("onClose") == [] and server.told("disconnect") == []
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        assert one.expect_closed() == (True, "ping timeout")
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    one.expect_opened(count=2)
    assert one.ask("echo", "alive") == "alive"


# ---------------------------------------- connection state recovery


@on("Connection state recovery", ["node4"])
def test_what_was_missed_comes_after_a_drop_and_the_session_is_the_same(io, own_server, kind):
    server = own_server(kind, recovery=True)
    one = io(server, delay=600)
    assert one.expect_opened() is False
    sid = one.facts()["namespace /"]
    server.emit("/", "news", "before", 1)
    one.expect_messages("news", 1)
    server.tell("drop")
    one.expect_closed()
    for number in range(3):
        server.emit("/", "news", "missed", number)
    assert one.expect_opened(count=2) is True
    assert one.expect_messages("news", 4) == [["before", 1], *(["missed", number] for number in range(3))]
    offsets = [record[5] for record in one.records("onReceiveEvent")]
    assert all(isinstance(offset, str) and offset for offset in offsets) and len(set(offsets)) == 4
    assert server.client(count=2)["recovered"] is True
    assert one.facts()["namespace /"] == sid and one.info()["recovered"] == 1
    # What is answered has no offset, and neither has what comes later twice.
    assert one.ask("echo", "x") == "x"
    assert one.expect_messages("echo", 1) == ["x"]


@on("Connection state recovery", ["node4"])
def test_where_recovery_is_not_wanted_the_session_is_a_new_one(io, own_server, kind):
    server = own_server(kind, recovery=True)
    one = io(server, delay=1500, recovery=False)
    one.expect_opened()
    server.emit("/", "news", "before")
    one.expect_record("onReceiveEvent")
    server.tell("drop")
    one.expect_closed()
    server.emit("/", "news", "missed")
    assert one.expect_opened(count=2) is False
    server.emit("/", "news", "after")
    one.expect_record("onReceiveEvent", count=2)
    assert not any("missed" in str(record[2]) for record in one.records("onReceiveEvent"))
    assert server.client(count=2)["recovered"] is False and one.info()["recovered"] == 0


# ---------------------------------------- what is sent while nobody is there


def late_server(own_server, kind, io, **parameters):
    """A DAT whose server is not there yet, after its first attempt has failed; and what starts the server."""
    port = free_port()
    one = io(f"http://127.0.0.1:{port}", **parameters)
    _, namespace, message, data = one.expect_record("onConnectError")
    assert namespace == "" and message and data is None
    return one, lambda: own_server(kind, port)


@on("Events of an offline time, by policy", ["node4", "node2", "oxide"])
@pytest.mark.parametrize(
    "offline, limit, kept",
    [("keep", 1024, [0, 1, 2, 3]), ("dropoldest", 2, [2, 3]), ("dropnewest", 2, [0, 1]), ("off", 1024, [])],
)
def test_what_is_sent_while_nobody_is_there_is_kept_as_the_policy_says(io, own_server, kind, offline, limit, kept):
    one, start = late_server(own_server, kind, io, offline=offline, offlinelimit=limit)
    one.do("for number in range(4): dat.emit('note', number)")
    info = one.info()
    assert (info["buffered"], info["dropped"]) == (len(kept), 4 - len(kept))
    if len(kept) < 4:
        assert one.warnings() != ""
    server = start()
    one.expect_opened()
    assert one.ask("echo", "last") == "last"
    eventually(lambda: len(server.told("note")) >= len(kept))
    assert [args for _, _, args in server.told("note", "/")] == [[number] for number in kept]
    assert one.info()["buffered"] == 0


@on("Events of an offline time, by policy", ["node4", "node2", "oxide"])
def test_what_asks_for_an_answer_while_nobody_is_there(io, own_server, kind):
    one, start = late_server(own_server, kind, io, offline="dropoldest", offlinelimit=2)
    dropped, kept, late = (one.emit("echo", name, ack=True) for name in ("dropped", "kept", "late"))
    _, request, reason, event, _ = one.expect_record("onAckTimeout")
    assert (request, event) == (dropped, "echo") and reason
    start()
    assert one.expect_answer(late) == "late" and one.expect_answer(kept) == "kept"
    one.set(offline="off", active=False)
    one.expect_closed()
    assert one.emit("echo", "nobody", ack=True) is None


@on("Volatile events", ["node4", "node2", "oxide"])
def test_volatile_events_are_sent_now_or_never(io, own_server, kind):
    one, start = late_server(own_server, kind, io, offline="keep")
    one.emit("note", "now or never", volatile=True)
    one.emit("note", "kept")
    assert one.info()["buffered"] == 1
    server = start()
    one.expect_opened()
    one.emit("note", "now", volatile=True)
    assert one.ask("echo", "last") == "last"
    server.expect("note", "/", ["now"])
    assert [args for _, _, args in server.told("note", "/")] == [["kept"], ["now"]]


# ---------------------------------------- what is sent again


@on("Events that are sent again until they are answered")
def test_an_event_is_sent_again_until_it_is_answered(io, own_server, kind):
    server = own_server(kind)
    one = io(server, retries=30, acktimeout=0.2)
    one.expect_opened()
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        first = one.emit("note", "first", ack=True)
        one.emit("note", "second")
        one.do("run(\"print('RESTED', args[0])\", dat.name, delayMilliSeconds=700)")
        one.program.expect_line(f"^RESTED {one.name}$")
        assert one.records("onAck", "onAckTimeout") == []
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert one.expect_answer(first) is None
    server.expect("note", "/", ["second"])
    texts = [args[0] for _, _, args in server.told("note", "/")]
    assert texts.count("first") >= 2, "it was not sent again"
    assert texts == sorted(texts), "the second overtook the first"
    assert len(one.records("onAck")) == 1


@on("Events that are sent again until they are answered")
def test_an_event_survives_the_death_of_its_server(io, own_server, kind):
    server = own_server(kind)
    one = io(server, retries=60, acktimeout=0.3)
    one.expect_opened()
    os.kill(server.process.pid, signal.SIGSTOP)
    request = one.emit("note", "survivor", ack=True)
    again = come_back(own_server, kind, server, server.kill, one)
    assert one.expect_answer(request) is None
    again.expect("note", "/", ["survivor"])
    assert one.records("onAckTimeout") == []


@on("Events that are sent again until they are answered")
def test_an_event_that_is_never_answered_is_given_up_once(io, server):
    one = io(server, acktimeout=0.2)
    one.expect_opened()
    begun = time.monotonic()
    request = one.emit("mute", ack=True, retries=2)
    _, number, reason, event, _ = one.expect_record("onAckTimeout")
    assert (number, event) == (request, "mute") and reason
    assert time.monotonic() - begun > 0.6, "three attempts take three time-outs"
    assert one.ask("echo", "next", timeout=5) == "next"
    assert len(one.records("onAckTimeout")) == 1 and one.info()["acks_pending"] == 0
