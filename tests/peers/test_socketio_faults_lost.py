"""How a session of a SocketIO DAT ends, and how it comes back: closed, broken, put out; a server that is gone for long."""

import re
import time

import pytest

from raw import CLOSE, frame
from running import PRELUDE, eventually, free_port
from scripted_socketio import after, event, healthy
from socketio_faults import expect_at_rest, expect_lost, expect_recovery, expect_warning, expect_works

# ---------------------------------------- the server closes


def closing(*sent, how):
    """A script that lets the client in, sends this, and ends the WebSocket in some way."""

    def script(wire):
        wire.open()
        wire.let_in()
        wire.say(*sent)
        how(wire)

    return script


def close_frame(code, reason=""):
    def close(wire):
        wire.send_close(code, reason)
        wire.hear()

    return close


def close_without_code(wire):
    wire.send(frame(CLOSE, masked=False))
    wire.hear()


@pytest.mark.parametrize(
    "how, reason, remedy",
    [
        (close_frame(1000), "the server closed the connection", "see the log of the server"),
        (close_frame(1001, "bye\n"), "the server closed the connection", "see the log of the server"),
        (close_without_code, "the server closed the connection", "see the log of the server"),
        (close_frame(1009), "the server closed the WebSocket with code 1009", "send less at a time"),
        (close_frame(1011, "oops"), "the server closed the WebSocket with code 1011: oops", "see the log of the server"),
        (close_frame(4000), "the server closed the WebSocket with code 4000", "see the log of the server"),
        (lambda wire: wire.say("1"), "the server closed the connection", "see the log of the server"),
        (lambda wire: None, "the server closed the connection", "see the log of the server"),
    ],
    ids=["1000", "1001", "1005", "1009", "1011", "4000", "engine", "1006"],
)
def test_a_closed_session_is_named_and_loses_nothing_before(sio, faulty, how, reason, remedy):
    one = sio(faulty(closing(event("last words"), how=how), healthy))
    expect_lost(one, "transport close", reason, remedy)
    assert one.received() == [["last words", None]]
    assert [record[0] for record in one.records("onReceiveEvent", "onClose")] == ["onReceiveEvent", "onClose"]
    expect_recovery(one)


def test_a_reset_is_an_error_of_the_transport(sio, faulty):
    def resets(wire):
        wire.expect(event("here"))  # nothing is on the way any more
        wire.reset()

    one = sio(faulty(closing(how=resets), healthy))
    one.expect_opened()
    one.emit("here")
    expect_lost(one, "transport error", "the other end reset it", "see that the server runs")
    expect_recovery(one)


@pytest.mark.parametrize("code", [999, 1005, 1006, 5000])
def test_a_close_code_that_must_not_be_sent_is_an_error_of_the_transport(sio, faulty, code):
    one = sio(faulty(closing(how=close_frame(code)), healthy))
    expect_lost(one, "transport error", f"closed with code {code}, which must not be sent", "server")
    expect_recovery(one)


def test_a_loss_is_told_in_order(sio, faulty):
    one = sio(faulty(closing(how=close_frame(1000)), healthy), namespaces="/", reconnect=True)
    expect_works(one, 2)
    names = [record[0] for record in one.records("onOpen", "onClose", "onReconnectAttempt")]
    assert names == ["onOpen", "onClose", "onReconnectAttempt", "onOpen"]
    expected = [
        "connected /$", "disconnected /: transport close$", "connection lost: the server closed the connection$",
        r"connecting again in 0\.1 s, attempt 1$", "connecting to 127", "session open over WebSocket", "connected /$",
    ]  # fmt: skip
    # Warnings come by another way, and have no place among these.
    said = iter(one.said())
    for pattern in expected:
        assert any(re.match(pattern, line) for line in said), f"{pattern!r} does not follow in {one.said()}"
    one.expect_info(connected=1, reconnects=1, attempts=0)


def test_all_namespaces_hear_of_a_loss_and_come_back(sio, faulty):
    def lets_all_in(session):
        session.open()
        for _ in range(3):
            session.say(session.connected(session.hear()[2:].rstrip(",") or "/"))
        if session is server.wires[0]:
            session.send_close(1011)
        else:
            session.serve()

    server = faulty(lets_all_in)
    names = ("/", "/a", "/b")
    one = sio(server, namespaces=" ".join(names))
    expect_lost(one, "transport close", "the server closed the WebSocket with code 1011", "", names)
    one.set(reconnect=True)
    for name in names:
        expect_works(one, 2, name)


# ---------------------------------------- put out

PUT_OUT = "the server has put this client out of {}"
ON_PURPOSE = "the server has closed it on purpose: pulse `reset`, or see `reconnectrefused`"


def test_who_is_put_out_stays_out(sio, faulty):
    server = faulty(after(event("last words"), "41"), healthy)
    one = sio(server, reconnect=True)
    assert one.expect_closed() == (True, "io server disconnect")
    expect_warning(one, PUT_OUT.format("/"), ON_PURPOSE)
    one.expect_said("^disconnected /: io server disconnect$")
    assert server.wires[0].ended.wait(8), "the session is held open without a namespace"
    expect_at_rest(one)
    assert one.facts()["reason"] == "io server disconnect"
    one.do("dat.emit('anything')")
    one.expect_warning("not connected; nothing was sent")
    assert one.received() == [["last words", None]]
    assert one.records("onReconnectAttempt") == [] and len(server.wires) == 1
    one.do("dat.par.reset.pulse()")
    expect_works(one, 2)
    assert len(one.records("onClose")) == 1


def test_who_is_put_out_and_hung_up_on_stays_out(sio, faulty):
    server = faulty(closing("41", "1", how=close_frame(1000)), healthy)
    one = sio(server, reconnect=True)
    assert one.expect_closed() == (True, "io server disconnect")
    expect_warning(one, PUT_OUT.format("/"), ON_PURPOSE)
    expect_at_rest(one)
    assert one.records("onReconnectAttempt") == [] and len(server.wires) == 1
    one.set(active=False)
    one.set(active=True)
    expect_works(one, 2)


def test_who_is_put_out_comes_back_where_that_is_wanted(sio, faulty):
    server = faulty(after("41"), healthy)
    one = sio(server, reconnect=True, reconnectrefused=True)
    assert one.expect_closed() == (True, "io server disconnect")
    one.expect_record("onReconnectAttempt", 1)
    expect_works(one, 2)
    assert len(server.wires) == 2


def test_what_was_asked_before_being_put_out_is_not_waited_for(sio, faulty):
    def puts_out(wire):
        wire.open()
        wire.let_in()
        wire.expect('420["question"]')
        wire.say("41", '430["too late"]')
        wire.hear()

    one = sio(faulty(puts_out))
    one.expect_opened()
    request = one.emit("question", ack=True)
    assert one.expect_record("onAckTimeout") == ["onAckTimeout", request, "disconnected", "question", "/"]
    assert one.expect_closed() == (True, "io server disconnect")
    one.expect_info(acks_pending=0)
    assert one.records("onAck") == []


def test_who_is_put_out_each_time_does_not_hammer(sio, faulty):
    server = faulty(closing("41", how=lambda wire: wire.hear()))
    one = sio(server, reconnect=True, reconnectrefused=True, reconnectlongest=10)
    one.expect_record("onReconnectAttempt", 4)
    delays = [found[1] for line in one.said() if (found := re.search(r"again in (\S+) s", line))]
    assert delays[:4] == ["0.1", "0.2", "0.4", "0.8"]
    assert len(server.wires) <= 5


def two_namespaces(*packets):
    def script(session):
        session.open()
        session.expect("40")
        session.say(session.connected())
        session.expect("40/b,")
        session.say(session.connected("/b"), *packets)
        session.serve()

    return script


def test_who_is_put_out_of_one_namespace_stays_in_the_other(sio, faulty):
    server = faulty(two_namespaces("41/b,", '42/b,["to nobody"]', event("end")))
    one = sio(server, namespaces="/ /b", reconnect=True)
    assert one.expect_closed("/b") == (True, "io server disconnect")
    expect_warning(one, PUT_OUT.format("/b"), ON_PURPOSE)
    one.expect_received(["end", None])
    one.do("dat.emit('anything', namespace='/b')")
    one.emit("echo", "still here", namespace="/")
    assert one.expect_messages("echo", 1) == ["still here"]
    one.expect_info(connected=1)
    assert one.facts()["status"] == "open" and one.facts()["namespace /b"].startswith("refused")
    assert one.records("onReconnectAttempt") == [] and len(server.wires) == 1


def test_who_is_put_out_of_one_namespace_comes_back_over_the_same_session(sio, faulty):
    server = faulty(two_namespaces("41/b,"))
    one = sio(server, namespaces="/ /b", reconnect=True, reconnectrefused=True)
    assert one.expect_closed("/b") == (True, "io server disconnect")
    one.expect_record("onReconnectAttempt", 1)
    expect_works(one, 2, "/b")
    assert len(server.wires) == 1 and len(one.records("onClose")) == 1


# ---------------------------------------- gone for long


def test_a_server_that_is_gone_for_long_is_found_when_it_is_back(sio, faulty, fault_program):
    port = free_port()
    one = sio(f"http://127.0.0.1:{port}", reconnect=True)
    one.expect_record("onReconnectAttempt", 3)
    memory = fault_program.resident_kib()
    one.expect_record("onReconnectAttempt", 25, timeout=20)
    assert fault_program.resident_kib() - memory < 1024
    reason = f"127.0.0.1:{port} refused the connection"
    expect_warning(one, reason, "start the server, or correct the port")
    assert one.info()["attempts"] >= 25
    faulty(healthy, port=port)
    expect_works(one)
    attempts = [record[1] for record in one.records("onReconnectAttempt")]
    assert attempts == list(range(1, len(attempts) + 1))
    failures = one.records("onConnectError")
    assert len(failures) == len(attempts)
    assert all(failure[1] == "" and reason in failure[2] for failure in failures)
    assert one.records("onClose") == []


def test_delays_grow_as_far_as_they_may_and_attempts_end(sio):
    one = sio(f"http://127.0.0.1:{free_port()}", reconnect=True, reconnectlongest=0.4, reconnectattempts=4)
    one.expect_said("^given up after 4 attempts$")
    delays = [re.search(r"in (\S+) s, attempt (\d)", line) for line in one.said()]
    assert [(found[1], found[2]) for found in delays if found] == [("0.1", "1"), ("0.2", "2"), ("0.4", "3"), ("0.4", "4")]
    expect_at_rest(one)
    assert len(one.records("onConnectError")) == 5


def test_a_door_that_opens_and_shuts_is_not_hammered(sio, faulty):
    server = faulty(closing(how=close_frame(1000)))
    one = sio(server, reconnect=True, reconnectlongest=10)
    one.expect_record("onReconnectAttempt", 4)
    delays = [found[1] for line in one.said() if (found := re.search(r"again in (\S+) s", line))]
    assert delays[:4] == ["0.1", "0.2", "0.4", "0.8"]
    assert len(server.wires) <= 5


def test_switched_off_while_it_waits_it_comes_back_no_more(sio, faulty):
    server = faulty(closing(how=close_frame(1000)), healthy)
    one = sio(server, reconnect=True, delay=1200)
    one.expect_said("^connecting again in")
    assert one.facts()["status"] == "waiting"
    one.set(active=False)
    expect_at_rest(one)
    time.sleep(1.4)
    assert len(server.wires) == 1 and one.records("onReconnectAttempt") == []
    assert one.warnings() == ""
    one.set(active=True)
    expect_works(one, 2)


def test_a_script_that_gives_up_in_its_callback_is_obeyed(sio, faulty):
    callbacks = PRELUDE + (
        "def onReconnectAttempt(dat, attempt):\n    log(dat.name, 'tried')\n    dat.par.active = False\n"
    )
    server = faulty(closing(how=close_frame(1000)), healthy)
    one = sio(server, reconnect=True, callbacks=callbacks)
    one.expect_record("tried")
    expect_at_rest(one)
    eventually(lambda: server.wires[0].ended.is_set())
    assert len(server.wires) == 1 and len(one.records("tried")) == 1
