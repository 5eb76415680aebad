"""Heartbeats that do not come, come too often, or come while the program sleeps.

Intervals are those that the scripted server names; real ones are a hundred times as long.
"""

import contextlib
import threading
import time

import pytest

from raw import PING, TEXT, frame
from running import eventually, stop_for
from scripted_socketio import event, frames, healthy
from socketio_faults import Peak, expect_lost, expect_recovery, expect_works

# For servers that fall silent, and for those that keep to it, on a machine that may halt for a moment.
SHORT = {"pingInterval": 100, "pingTimeout": 100}
KEPT = {"pingInterval": 400, "pingTimeout": 600}
TIMED_OUT = ("ping timeout", "the server has not been heard for too long", "see that the network and the server still work")


def silent_behind(sent=b"", said=()):
    """A script that opens a session with a short heartbeat, sends this, and then neither reads nor writes."""

    def script(wire):
        wire.open(**SHORT)
        wire.let_in()
        wire.send(frames(*said) + sent)
        wire.over.wait(20)

    return script


@pytest.mark.parametrize(
    "sent", [b"", frames(event("never whole"))[:9], frames('451-["x",{"_placeholder":true,"num":0}]')],
    ids=["nothing", "half a frame", "half an event"],
)  # fmt: skip
def test_a_server_that_falls_silent_is_given_up(sio, faulty, sent):
    one = sio(faulty(silent_behind(sent, [event("before")]), healthy))
    expect_lost(one, *TIMED_OUT)
    assert one.received() == [["before", None]]
    expect_recovery(one)


def test_only_pings_keep_a_session(sio, faulty):
    def talks(wire):
        wire.open(**SHORT)
        wire.let_in()
        for number in range(200):
            wire.say(event("number", number), "6", "3")
            time.sleep(0.02)

    one = sio(faulty(talks, healthy))
    expect_lost(one, *TIMED_OUT)
    numbers = [message for _, message in one.received()]
    assert numbers == list(range(len(numbers))) and len(numbers) > 2
    expect_recovery(one)


def test_pings_in_time_keep_a_session_and_are_answered(sio, faulty):
    def pings(wire):
        wire.open(**KEPT)
        wire.let_in()
        for _ in range(8):
            time.sleep(0.25)
            wire.say("2")
        wire.say(event("end"))
        wire.serve()

    server = faulty(pings)
    one = sio(server)
    one.expect_received(["end", None])
    eventually(lambda: server.wires[0].pongs >= 8)
    assert server.wires[0].pongs == 8
    assert one.records("onClose") == []


def test_a_flood_of_pings_drowns_nothing(sio, faulty):
    flood = 20_000

    def floods(wire):
        wire.open()
        wire.let_in()
        wire.say(*(packet for number in range(10) for packet in (*["2"] * (flood // 10), event("number", number))))
        wire.serve()

    server = faulty(floods)
    one = sio(server)
    one.expect_received(*(["number", number] for number in range(10)))
    expect_works(one)
    assert 1 <= server.wires[0].pongs <= flood
    assert one.info()["queued"] == 0


def test_a_flood_of_pings_of_the_websocket_that_nobody_hears_answered(sio, faulty, fault_program):
    def floods(wire):
        wire.open()
        wire.let_in()
        wire.send(frame(PING, bytes(125), masked=False) * 100_000)
        wire.say(event("end"))
        wire.serve()

    one = sio(faulty(floods, receive_buffer=8192), active=False)
    peak = Peak(fault_program)
    one.set(active=True)
    one.expect_received(["end", None])
    assert peak.grown_mib() < 24
    expect_works(one)


def test_odd_heartbeats_do_no_harm(sio, faulty):
    def odd(wire):
        wire.open()
        wire.let_in()
        wire.say("3", "3probe", "5", "6", "2probe", "2" + "x" * 1000, event("end"))
        wire.hear()
        wire.serve()

    one = sio(faulty(odd))
    one.expect_received(["end", None])
    one.emit("first")
    expect_works(one)


# ---------------------------------------- version 3: this end pings


def old(script, heartbeat=SHORT):
    """A script of a server of Socket.IO 2."""

    def opened(wire):
        wire.open_3(**heartbeat)
        script(wire)

    return opened


def test_an_old_server_is_pinged_and_kept_by_its_answers(sio, faulty):
    pings = []

    def answers(wire):
        while len(pings) < 5:
            opcode, payload, _ = wire.frame()
            assert (opcode, payload) == (TEXT, b"2")
            pings.append(time.monotonic())
            wire.say("3")
        wire.say(event("end"))
        wire.serve()

    one = sio(faulty(old(answers, {"pingInterval": 200, "pingTimeout": 1000})), version="v3")
    one.expect_received(["end", None])
    assert pings[-1] - pings[0] > 0.6
    expect_works(one)
    assert one.records("onClose") == []


def test_an_old_server_that_does_not_answer_pings_is_given_up(sio, faulty):
    def never(wire):
        while wire.frame():
            pass

    one = sio(faulty(old(never), old(lambda wire: wire.serve(), KEPT)), version="v3")
    expect_lost(one, *TIMED_OUT)
    expect_recovery(one)


# ---------------------------------------- a program that sleeps

SLEEP = {"pingInterval": 300, "pingTimeout": 300}


def pings_until(event, wire):
    """Keeps the session until something has happened."""
    with contextlib.suppress(OSError):  # the client has ended the connection
        while not event.wait(0.1):
            wire.say("2")


def test_a_program_that_slept_longer_than_the_heartbeat_goes_on_where_the_server_does(sio, faulty, fault_program):
    stopped = threading.Event()

    def goes_on(wire):
        wire.open(**SLEEP)
        wire.let_in()
        wire.say("2", event("before"))
        pings_until(stopped, wire)
        wire.say("2", event("meanwhile"))
        pings = threading.Thread(target=pings_until, args=(wire.over, wire))
        pings.start()
        wire.serve()
        wire.over.set()
        pings.join()

    one = sio(faulty(goes_on))
    one.expect_received(["before", None])
    stop_for(fault_program, 2, stopped)
    one.emit("echo", "awake")
    one.expect_received(["before", None], ["meanwhile", None], ["echo", "awake"])
    assert one.records("onClose") == [], "the own sleep was taken for the server's silence"


def test_a_server_that_fell_silent_meanwhile_is_given_up_after_the_sleep(sio, faulty, fault_program):
    one = sio(faulty(silent_behind(said=["2"]), healthy))
    one.expect_opened()
    stop_for(fault_program, 2)
    expect_lost(one, *TIMED_OUT)
    expect_recovery(one)


def test_a_server_that_gave_the_sleeper_up_gets_it_back(sio, faulty, fault_program):
    stopped = threading.Event()

    def gives_up(wire):
        wire.open(**SLEEP)
        wire.let_in()
        pings_until(stopped, wire)
        wire.say(event("last words"))
        wire.send_close(1000)

    server = faulty(gives_up, healthy)
    one = sio(server, reconnect=True)
    one.expect_opened()
    one.do("result = dat.emit('question', ack=True)")
    stop_for(fault_program, 2, stopped)
    failure, reason = one.expect_closed()
    assert failure is True and reason in ("transport close", "transport error", "ping timeout")
    one.expect_record("onReconnectAttempt", 1)
    expect_works(one, 2)
    assert [record[2] for record in one.records("onAckTimeout")] == ["disconnected"]
    assert one.messages("last words") == [None]
    assert len(one.records("onClose")) == 1 and len(server.wires) == 2
