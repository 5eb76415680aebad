"""Reconnection and the heartbeat of the WebSocket DAT: parameters that go beyond TouchDesigner's."""

import re

import pytest

from raw import PING, PONG, TEXT
from running import PRELUDE, eventually, free_port
from scripted_server import hold, http


def leave(wire):
    wire.accept()
    wire.send_close(1012, "restart")
    wire.rest()


def speak_and_leave(wire):
    wire.accept()
    wire.send_frame(TEXT, b"hello")
    wire.send_close(1012, "restart")
    wire.rest()


def planned_delays(one, count):
    """The delays that the operator has told of, in seconds."""
    one.expect_said("connecting again in", count=count)
    lines = [re.search(r"connecting again in ([0-9.]+) s, attempt ([0-9]+)", line) for line in one.said()]
    return [(float(found[1]), int(found[2])) for found in lines if found][:count]


# ---------------------------------------- reconnecting


def test_delays_double_up_to_the_longest_without_jitter(dat):
    one = dat(
        free_port(), callbacks=None, reconnect=True,
        reconnectdelay=0.1, reconnectlongest=0.3, reconnectjitter=0,
    )  # fmt: skip
    assert planned_delays(one, 4) == [(0.1, 1), (0.2, 2), (0.3, 3), (0.3, 4)]


def test_jitter_spreads_delays_around_their_value(dat):
    spread = {"callbacks": None, "reconnect": True, "reconnectdelay": 2, "reconnectlongest": 2, "reconnectjitter": 1}
    ones = [dat(free_port(), **spread) for _ in range(12)]
    delays = [planned_delays(one, 1)[0][0] for one in ones]
    assert all(0 <= delay <= 4 for delay in delays)
    assert len(set(delays)) > 3, "they all come back in one moment"
    for one in ones:
        assert one.info()["next_delay"] <= 4


def test_it_gives_up_after_so_many_attempts_and_begins_anew_when_told(dat, scripted):
    port = free_port()
    one = dat(port, reconnect=True, reconnectdelay=0.01, reconnectattempts=3)
    one.expect_said("^error: given up after 3 attempts$")
    one.expect_info(connected=0, attempts=3, next_delay=0)
    assert len([line for line in one.said() if line.startswith("connecting to")]) == 4
    one.expect_disconnected(4)
    one.expect_warning("refused")
    server = scripted(hold, port=port)
    one.do("dat.par.reset.pulse()")
    one.expect_connected()
    one.expect_info(attempts=0)
    assert len(server.wires) == 1


def test_a_lost_connection_comes_back_by_itself_and_is_counted(dat, scripted):
    server = scripted(speak_and_leave, speak_and_leave, hold)
    one = dat(server, reconnect=True, reconnectdelay=0.1, reconnectjitter=0)
    one.expect_connected(3)
    one.expect_info(connected=1, reconnects=2, attempts=0, next_delay=0, close_code=1012)
    assert one.warnings() == ""
    names = [record[0] for record in one.records("onConnect", "onDisconnect")]
    assert names == ["onConnect", "onDisconnect"] * 2 + ["onConnect"]
    # A message came in between, so that each delay is the first.
    assert planned_delays(one, 2) == [(0.1, 1), (0.1, 1)]


def test_a_server_that_accepts_and_closes_at_once_is_dialled_at_growing_delays_and_given_up(dat, scripted):
    server = scripted(leave, leave, leave, hold)
    one = dat(server, reconnect=True, reconnectdelay=0.1, reconnectjitter=0, reconnectattempts=2)
    one.expect_said("^error: given up after 2 attempts$")
    assert planned_delays(one, 2) == [(0.1, 1), (0.2, 2)]
    one.set(reconnect=False)
    one.set(reconnect=True)
    one.expect_connected(4)
    assert planned_delays(one, 3)[2] == (0.1, 1), "switching it on again begins anew"


def test_delays_have_a_floor(dat):
    one = dat(free_port(), callbacks=None, reconnect=True, reconnectdelay=0, reconnectlongest=0, reconnectjitter=0)
    assert planned_delays(one, 3) == [(0.1, 1), (0.1, 2), (0.1, 3)]


@pytest.mark.parametrize("script", ["dat.par.active = False", "dat.par.reset.pulse()"], ids=["off", "reset"])
def test_what_a_callback_does_when_an_attempt_is_announced_counts(dat, scripted, script):
    server = scripted(leave, hold)
    body = f"    log(dat.name, 'onMonitorMessage', message)\n    if 'again in' in message: {script}\n"
    ends = "".join(f"def {name}(dat):\n    log(dat.name, '{name}')\n" for name in ("onConnect", "onDisconnect"))
    callbacks = f"{PRELUDE}{ends}def onMonitorMessage(dat, message):\n{body}"
    one = dat(server, callbacks=callbacks, reconnect=True, reconnectdelay=0.3, reconnectjitter=0)
    if "active" in script:
        one.expect_disconnected()
        one.expect_info(connected=0, next_delay=0)
    else:
        one.expect_connected(2)
        one.expect_info(connected=1, next_delay=0)
    # Longer than the delay: nothing comes of what was announced.
    other = dat(scripted(leave, hold), reconnect=True, reconnectdelay=0.6, reconnectjitter=0)
    other.expect_connected(2)
    assert len(server.wires) == (1 if "active" in script else 2)
    assert len(one.records("onDisconnect")) == 1


def test_reconnect_that_a_callback_switches_on_plans_one_attempt(dat, scripted):
    one = dat(
        scripted(leave, hold), reconnectdelay=0.2, reconnectjitter=0,
        callbacks=f"{PRELUDE}def onConnect(dat):\n    log(dat.name, 'onConnect')\n"
        "def onDisconnect(dat):\n    dat.par.reconnect = True\n",
    )  # fmt: skip
    one.expect_connected(2)
    assert planned_delays(one, 1) == [(0.2, 1)]
    assert len([line for line in one.said() if "again in" in line]) == 1


def test_a_mistake_in_the_settings_is_not_tried_again_before_it_is_corrected(dat, scripted):
    server = scripted(hold)
    one = dat(server, reconnect=True, reconnectdelay=0.1, subprotocols="two,words")
    one.expect_said("connection failed")
    one.expect_info(connected=0, next_delay=0)
    one.set(maxlines=5)
    assert len(one.records("onDisconnect")) == 1
    one.set(subprotocols="chat")
    one.expect_connected()
    assert one.warnings() == ""


def test_a_callback_that_corrects_the_mistake_it_hears_of_gets_one_connection(dat, scripted):
    server = scripted(hold, hold)
    body = "    if message.startswith('connection failed') and dat.par.proxy:\n"
    body += "        dat.par.proxy = ''\n        dat.par.reset.pulse()\n"
    callbacks = f"{PRELUDE}def onConnect(dat):\n    log(dat.name, 'onConnect')\ndef onMonitorMessage(dat, message):\n{body}"
    one = dat(server, callbacks=callbacks, reconnect=True, reconnectdelay=0.1, reconnectjitter=0, proxy="ftp://x")
    one.expect_connected()
    assert not [line for line in one.said() if "again in" in line]
    # Longer than the delay: nothing takes the place of what is there.
    other = dat(scripted(leave, hold), reconnect=True, reconnectdelay=0.3, reconnectjitter=0)
    other.expect_connected(2)
    assert len(server.wires) == 1
    one.expect_info(connected=1, next_delay=0)


def test_delays_may_be_expressions_about_the_operator_itself(dat, scripted):
    one = dat(scripted(leave, hold), reconnect=True, reconnectjitter=0)
    one.do("op('figures').par.op = dat\ndat.par.reconnectdelay.expr = \"0.2 + op('figures')['attempts'].eval()\"")
    one.expect_connected(2)
    one.do("dat.par.reconnectdelay = 1\nop('figures').par.op = ''")
    assert not [line for line in one.said() if "error:" in line or "panic" in line]


def test_the_reason_stays_on_the_operator_until_it_is_back_without_a_remedy_that_is_not_needed(dat, scripted):
    one = dat(scripted(leave, hold), reconnect=True, reconnectdelay=30, reconnectjitter=0)
    one.expect_warning("closed the connection with code 1012: restart")
    info = one.expect_info(connected=0, attempts=1)
    assert 20 < info["next_delay"] <= 30
    one.expect_said("^warning: the server closed the connection with code 1012: restart$")
    one.do("dat.par.reset.pulse()")
    one.expect_connected(2)
    assert one.warnings() == ""
    one.expect_info(next_delay=0, attempts=0)


def test_switching_off_forgets_the_attempt_that_is_planned(dat, scripted):
    server = scripted(leave, hold)
    one = dat(server, reconnect=True, reconnectdelay=1.2, reconnectjitter=0)
    one.expect_said("connecting again")
    one.set(active=False)
    one.expect_info(next_delay=0)
    other = dat(scripted(leave, hold), reconnect=True, reconnectdelay=1.2, reconnectjitter=0)
    other.expect_connected(2)  # its attempt was planned later
    assert len(server.wires) == 1
    assert one.warnings() == ""


def test_reconnect_switched_off_forgets_the_attempt_and_switched_on_plans_one(dat, scripted):
    server = scripted(leave, hold)
    one = dat(server, reconnect=True, reconnectdelay=30)
    one.expect_said("connecting again")
    one.set(reconnect=False)
    one.expect_info(next_delay=0)
    one.set(reconnectdelay=0.1, reconnect=True)
    one.expect_connected(2)


def test_closing_it_oneself_is_no_reason_to_reconnect(dat, scripted):
    server = scripted(hold)
    one = dat(server, reconnect=True, reconnectdelay=0)
    one.expect_connected()
    one.set(active=False)
    one.expect_disconnected()
    one.expect_info(connected=0, next_delay=0, attempts=0)
    one.set(active=True)
    one.expect_connected(2)
    assert len(server.wires) == 2


def test_a_rejection_is_tried_again_as_well(dat, scripted):
    server = scripted(http("503 Service Unavailable"), http("403 Forbidden"), hold)
    one = dat(server, reconnect=True, reconnectdelay=0.01)
    one.expect_connected()
    one.expect_said("connection failed: the server answered 503")
    one.expect_said("connection failed: the server answered 403")


# ---------------------------------------- pings and pongs


def test_pings_of_its_own_measure_the_round_trip_and_callbacks_do_not_see_them(dat, scripted):
    pings = []

    def answer(wire):
        wire.accept()
        while True:
            opcode, payload, _ = wire.frame()
            if opcode == PING:
                pings.append(payload)
                wire.send_frame(PONG, payload)

    one = dat(scripted(answer))
    one.expect_connected()
    assert one.info()["round_trip"] == 0
    one.set(missedpings=50, pinginterval=0.05)
    eventually(lambda: one.info()["round_trip"] > 0)
    assert len(set(pings)) == len(pings) > 0, "two pings are alike"
    one.do("dat.sendPing('mine')")
    one.expect_record("onReceivePong", {"bytes": b"mine".hex()})
    assert len(one.records("onReceivePong")) == 1


def pinged(wire):
    """Pings once and notes all pongs that come before the message `end`."""
    wire.accept()
    wire.send_frame(PING, b"there?")
    wire.pongs = []
    while (frame := wire.frame())[0] != TEXT:
        wire.pongs.append(frame[:2])
    wire.pongs.append("end")
    wire.rest()


ANSWER = "    log(dat.name, 'onReceivePing', contents)\n    dat.sendPong(contents)\n"


@pytest.mark.parametrize(
    "autopong, body, pongs",
    [
        (False, ANSWER, [b"there?"]),
        (False, "    log(dat.name, 'onReceivePing', contents)\n", []),
        (True, "    log(dat.name, 'onReceivePing', contents)\n", [b"there?"]),
        (True, ANSWER, [b"there?"]),
        (True, ANSWER + "    dat.sendPong('more')\n", [b"there?", b"more"]),
    ],
    ids=["callback", "nobody", "automatic", "both", "another"],
)
def test_a_ping_is_answered_once_by_the_callback_or_automatically(dat, scripted, autopong, body, pongs):
    server = scripted(pinged)
    one = dat(server, callbacks=f"{PRELUDE}def onReceivePing(dat, contents):\n{body}", autopong=autopong)
    one.expect_record("onReceivePing", {"bytes": b"there?".hex()})
    one.do("dat.sendText('end')")
    eventually(lambda: server.wires[0].pongs[-1:] == ["end"])
    assert server.wires[0].pongs[:-1] == [(PONG, payload) for payload in pongs]


def test_a_later_pong_of_the_same_contents_is_sent(dat, scripted):
    server = scripted(pinged)
    one = dat(server, autopong=True)
    one.expect_record("onReceivePing", {"bytes": b"there?".hex()})
    assert one.do("result = dat.sendPong('there?')") == 6
    one.do("dat.sendText('end')")
    eventually(lambda: server.wires[0].pongs[-1:] == ["end"])
    assert server.wires[0].pongs[:-1] == [(PONG, b"there?")] * 2
