"""Connection state recovery: what a server restores of a session, and what it only claims to.

A server that offers it gives the client a `pid`, and puts an offset behind the arguments of each event.
"""

import threading

import pytest

from scripted_socketio import event
from socketio_faults import expect_works


def offering(*said, pid="p1", sid="first", before=()):
    """A script that lets the client in with a pid, notes what the client gave, says this, and breaks off."""

    def script(wire):
        wire.open()
        request = wire.hear()
        assert request.startswith("40"), request
        script.auth = request[2:]
        wire.say(*before, wire.connected(sid=sid, pid=pid), *said)
        if script.stays:
            wire.serve()
        else:
            wire.expect(event("enough"))

    script.stays = False
    return script


def staying(*said, **options):
    """The same, and stays."""
    script = offering(*said, **options)
    script.stays = True
    return script


def noted(one):
    """What onReceiveEvent was told: [event, message, offset] each."""
    return [[record[3], record[2], record[5]] for record in one.records("onReceiveEvent")]


def lose(one, events):
    """Has the server break off once these many events are there."""
    one.expect_record("onReceiveEvent", count=events) if events else one.expect_opened()
    one.emit("enough")
    assert one.expect_closed() == (True, "transport close")


def test_what_was_missed_comes_once_in_order_and_the_offset_is_no_argument(sio, faulty):
    binary = '451-["bytes",{"_placeholder":true,"num":0},"off3"]', b"\x04"
    first = offering(event("a", 1, "off1"), event("b", "off2"), *binary)
    second = staying(event("after", "x", "off6"), before=[event("missed", 4, "off4"), event("missed", 5, "off5")])
    one = sio(faulty(first, second), reconnect=True)
    lose(one, 3)
    assert one.expect_opened(count=2) is True
    one.expect_record("onReceiveEvent", count=6)
    assert noted(one) == [
        ["a", 1, "off1"], ["b", None, "off2"], ["bytes", {"bytes": "04"}, "off3"],
        ["missed", 4, "off4"], ["missed", 5, "off5"], ["after", "x", "off6"],
    ]  # fmt: skip
    assert (first.auth, second.auth) == ("", '{"pid":"p1","offset":"off3"}')
    one.expect_said("^connected /, and the server has restored the session$")
    one.expect_info(recovered=1, reconnects=1)
    assert one.warnings() == ""


def test_without_an_offset_nothing_can_be_restored(sio, faulty):
    first, second = offering(), staying(pid="p2")
    one = sio(faulty(first, second), reconnect=True)
    lose(one, 0)
    assert one.expect_opened(count=2) is False
    assert second.auth == ""
    one.expect_info(recovered=0, reconnects=1)
    expect_works(one, 2)


@pytest.mark.parametrize("answer", [{"pid": "p2"}, {"pid": None}, {"pid": 5}, {"pid": ""}], ids=str)
def test_a_server_that_has_forgotten_the_session_opens_a_new_one(sio, faulty, answer):
    first, third = offering(event("a", "off1")), staying(pid="p9")
    second = offering(**answer)
    one = sio(faulty(first, second, third), reconnect=True)
    lose(one, 1)
    assert one.expect_opened(count=2) is False
    one.emit("enough")
    assert one.expect_opened(count=3) is False
    assert second.auth == '{"pid":"p1","offset":"off1"}'
    assert third.auth == "", "the offset of a session that is gone was sent"
    expect_works(one, 3)


def test_switched_off_it_asks_for_nothing(sio, faulty):
    first, second = offering(event("a", "off1")), staying(pid="p2")
    one = sio(faulty(first, second), reconnect=True, recovery=False)
    lose(one, 1)
    assert one.expect_opened(count=2) is False
    assert second.auth == ""


@pytest.mark.parametrize("how", ["41", '44{"message":"out"}'])
def test_who_is_put_out_begins_anew(sio, faulty, how):
    def puts_out(wire):
        wire.open()
        wire.expect("40")
        wire.say(wire.connected(pid="p1"), event("a", "off1"), how)
        wire.hear()

    second = staying(pid="p2")
    one = sio(faulty(puts_out, second))
    assert one.expect_closed() == (True, "io server disconnect")
    one.do("dat.par.reset.pulse()")
    assert one.expect_opened(count=2) is False
    assert second.auth == ""
    expect_works(one, 2)


def test_who_left_begins_anew(sio, faulty):
    first, second = staying(event("a", "off1")), staying(pid="p2")
    one = sio(faulty(first, second))
    one.expect_record("onReceiveEvent")
    one.do("dat.par.reset.pulse()")
    assert one.expect_opened(count=2) is False
    assert second.auth == ""
    assert one.expect_closed() == (False, "io client disconnect")


def test_what_is_no_offset_stays_an_argument(sio, faulty):
    said = (event("number", 5), event("text", "a sentence, no offset"), event("asked", "short", id=7), event("none"))
    one = sio(faulty(staying(*said)))
    one.expect_record("onReceiveEvent", count=4)
    assert noted(one) == [
        ["number", 5, None], ["text", "a sentence, no offset", None], ["asked", "short", None], ["none", None, None],
    ]  # fmt: skip


def test_without_a_pid_nothing_is_an_offset(sio, faulty):
    def plain(wire):
        wire.open()
        wire.let_in()
        wire.say(event("text", "short"))
        wire.serve()

    one = sio(faulty(plain))
    one.expect_record("onReceiveEvent")
    assert noted(one) == [["text", "short", None]]


def test_what_was_kept_goes_out_after_a_recovery(sio, faulty):
    first, second, all_kept = offering(event("a", "off1")), staying(), threading.Event()

    def late(wire):
        assert all_kept.wait(10)
        second(wire)

    one = sio(faulty(first, late), reconnect=True, offline="keep")
    lose(one, 1)
    for number in range(3):
        one.emit("echo", number)
    one.expect_info(buffered=3)
    all_kept.set()
    assert one.expect_opened(count=2) is True
    assert one.expect_messages("echo", 3) == [0, 1, 2]
    one.expect_info(buffered=0)
