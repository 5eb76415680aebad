"""How an open connection of a WebSocket DAT ends: closed, broken, cut or silent. Each end is named on the operator.

Servers are scripted. Sections are of RFC 6455.
"""

import struct
import threading
import time

import pytest

from raw import BINARY, CLOSE, PING, PONG, TEXT, frame
from running import eventually, free_port, stop_for
from scripted_server import hold

# ---------------------------------------- help


class Ending:
    """A script that opens the WebSocket, sends what is given, and notes the client's close frame."""

    def __init__(self, *sent):
        self.sent, self.closed = sent, []

    def __call__(self, wire):
        wire.accept()
        for each in self.sent:
            wire.send(each)
        self.closed.append(wire.close_frame())
        wire.rest()


def server_frame(opcode, payload=b"", **options):
    return frame(opcode, payload, **{"masked": False, **options})


def expect_end(one, reason, code):
    """The operator is down, says why, and plans nothing."""
    one.expect_disconnected()
    warning = one.expect_warning("connection")
    assert reason in warning, warning
    one.expect_said("^warning: .*; pulse `reset` to connect anew, or switch `reconnect` on$")
    assert reason in one.monitored()[-1]
    one.expect_info(connected=0, next_delay=0, close_code=code)
    assert len(one.records("onConnect")) == len(one.records("onDisconnect")) == 1


def expect_recovery(one):
    """Told to reconnect, the operator does, and nothing is left of the fault."""
    one.set(reconnectdelay=0, reconnect=True)
    one.expect_connected(2)
    assert one.warnings() == "" == one.errors()
    one.expect_info(connected=1, reconnects=1)


# ---------------------------------------- the server closes


@pytest.mark.parametrize("code", [*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999])
def test_a_close_is_shown_with_code_and_reason_and_answered_section_5_5_1(dat, scripted, code):
    ending = Ending(server_frame(CLOSE, struct.pack(">H", code) + "weil größer\n".encode()))
    one = dat(scripted(ending, hold))
    expect_end(one, f"the server closed the connection with code {code}: weil größer", code)
    assert eventually(lambda: ending.closed) == [(code, "")]
    expect_recovery(one)


def test_a_close_without_a_code_is_1005_section_7_1_5(dat, scripted):
    ending = Ending(server_frame(CLOSE))
    one = dat(scripted(ending, hold))
    expect_end(one, "the server closed the connection with code 1005", 1005)
    assert eventually(lambda: ending.closed) == [(1005, "")]
    expect_recovery(one)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
def test_a_code_that_must_not_be_sent_is_a_protocol_error_section_7_4(dat, scripted, code):
    ending = Ending(server_frame(CLOSE, struct.pack(">H", code)))
    one = dat(scripted(ending, hold))
    reason = f"the connection had to be closed with code 1002: the peer closed with code {code}, which must not be sent"
    expect_end(one, reason, 1006)
    assert eventually(lambda: ending.closed)[0][0] == 1002
    expect_recovery(one)


def test_messages_before_the_close_are_handed_over(dat, scripted):
    one = dat(scripted(Ending(server_frame(TEXT, b"last words") + server_frame(CLOSE, struct.pack(">H", 1000)))))
    expect_end(one, "closed the connection with code 1000", 1000)
    assert [row[0] for row in one.rows()] == ["message", "last words"]


# ---------------------------------------- the server breaks the protocol

COMPRESSED, RESERVED = 4, 1


@pytest.mark.parametrize(
    "sent, code, reason",
    [
        (server_frame(TEXT, b"x", masked=True), 1002, "the server sent a masked frame"),
        (server_frame(TEXT, b"x", reserved=COMPRESSED), 1002, "a reserved frame bit"),
        (server_frame(TEXT, b"x", reserved=RESERVED), 1002, "a reserved frame bit"),
        (server_frame(3, b"x"), 1002, "reserved opcode 0x3"),
        (server_frame(11, b"x"), 1002, "reserved opcode 0xb"),
        (server_frame(PING, b"x", final=False), 1002, "a control frame in fragments"),
        (server_frame(PING, bytes(126)), 1002, "a control frame of more than 125 bytes"),
        (server_frame(0, b"x"), 1002, "continued a message that it had not begun"),
        (server_frame(TEXT, b"x", final=False) + server_frame(TEXT, b"y"), 1002, "a message inside another message"),
        (b"\x82\x7e\x00\x05hello", 1002, "a payload length in more bytes than needed"),
        (b"\x82\x7f" + struct.pack(">Q", 1 << 63), 1002, "a payload length of more than 63 bits"),
        (server_frame(TEXT, b"\xff"), 1007, "text that is not UTF-8"),
        (server_frame(TEXT, b"\xed\xa0\x80"), 1007, "text that is not UTF-8"),
        (server_frame(TEXT, "ö".encode()[:1]), 1007, "text that is not UTF-8"),
        (server_frame(CLOSE, b"\x03"), 1002, "half a close code"),
        (server_frame(CLOSE, struct.pack(">H", 1000) + b"\xff"), 1007, "a close reason that is not UTF-8"),
        (server_frame(BINARY, bytes(1001)), 1009, "larger than the limit of 1000 bytes"),
        (b"\x82\x7f" + struct.pack(">Q", 1 << 30), 1009, "larger than the limit of 1000 bytes"),
        (server_frame(BINARY, bytes(600), final=False) + server_frame(0, bytes(600)), 1009, "limit of 1000 bytes"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_server_that_breaks_protocol_or_limit_is_told_and_shown_why(dat, scripted, sent, code, reason):
    ending = Ending(sent)
    one = dat(scripted(ending, hold), maxmessage=1000)
    expect_end(one, reason, 1006)
    assert f"the connection had to be closed with code {code}: " in one.warnings()
    assert "error" in one.monitored()[-1], "scripts look for this word"
    assert eventually(lambda: ending.closed)[0][0] == code
    assert [record for record in one.records() if record[0].startswith("onReceive")] == []
    expect_recovery(one)


# ---------------------------------------- the transport ends


def leave(wire):
    wire.accept()


def reset(wire):
    wire.accept()
    wire.send_frame(PING, b"here")
    wire.frame()  # the answer, so that nothing is on the way
    wire.reset()


def leave_within_a_frame(wire):
    wire.accept(behind=server_frame(TEXT, b"never whole")[:-4])


def leave_within_a_message(wire):
    wire.accept(behind=server_frame(TEXT, b"never", final=False))


@pytest.mark.parametrize(
    "script, how",
    [
        (leave, "it ended without a close frame"),
        (reset, "the other end reset it"),
        (leave_within_a_frame, "it ended without a close frame"),
        (leave_within_a_message, "it ended without a close frame"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_end_without_a_close_is_a_lost_connection(dat, scripted, script, how):
    one = dat(scripted(script, hold))
    expect_end(one, f"the connection was lost: {how}", 1006)
    assert "error" in one.monitored()[-1], "scripts look for this word"
    assert one.rows() == [["message"]]
    expect_recovery(one)


def test_a_close_that_is_never_answered_holds_nobody_up(dat, scripted):
    def never_answers(wire):
        wire.accept()
        wire.rest()  # reads on until the client gives up

    server = scripted(never_answers, hold)
    one = dat(server)
    one.expect_connected()
    one.do("dat.par.active = 0; dat.par.active = 1")
    one.expect_connected(2)
    assert one.warnings() == ""
    assert server.wires[0].ended.wait(8), "the old connection is held for ever"
    one.expect_info(connected=1)


# ---------------------------------------- silence


def silent_after(sent=b""):
    """A script that sends this behind the 101 and then neither reads nor writes, as behind a cable that was pulled."""

    def script(wire):
        wire.accept(behind=sent)
        wire.over.wait(20)

    return script


@pytest.mark.parametrize(
    "sent", [b"", server_frame(TEXT, b"never whole")[:4], server_frame(TEXT, b"begun", final=False)],
    ids=["half-open", "half a frame", "half a message"],
)  # fmt: skip
def test_a_server_that_falls_silent_is_given_up_by_pings(dat, scripted, sent):
    one = dat(scripted(silent_after(sent), hold), pinginterval=0.05, missedpings=1)
    expect_end(one, "the connection was lost: pings were not answered", 1006)
    one.set(pinginterval=0)
    expect_recovery(one)


def test_without_pings_of_its_own_it_waits_for_a_silent_server(dat, scripted):
    server = scripted(silent_after())
    one = dat(server)
    other = dat(server, pinginterval=0.05, missedpings=1)
    other.expect_disconnected()
    one.expect_info(connected=1)


def test_any_sign_of_life_counts_where_pongs_do_not_come(dat, scripted):
    def talks(wire):
        wire.accept()
        pings = 0
        while pings < 3:
            opcode, _, _ = wire.frame()
            pings += opcode == PING
            wire.send_frame(TEXT, b"alive")
        wire.send_frame(TEXT, b"enough")
        wire.rest()

    one = dat(scripted(talks), pinginterval=0.5, missedpings=1)
    one.expect_record("onReceiveText", 4, "enough", timeout=15)
    assert one.records("onDisconnect") == []
    assert one.records("onReceivePong") == []


# ---------------------------------------- the program itself is held up


def answer_pings(wire):
    wire.accept()
    answer_frames(wire)


def answer_frames(wire):
    while True:
        opcode, payload, _ = wire.frame()
        if opcode == PING:
            wire.send_frame(PONG, payload)
        elif opcode == TEXT:
            wire.send_frame(TEXT, payload)
        elif opcode == CLOSE:
            return wire.send_frame(CLOSE, payload)


def test_a_program_that_was_stopped_for_longer_than_its_pings_goes_on(dat, dat_program, scripted):
    pinged, stopped = threading.Event(), threading.Event()

    def answers_meanwhile(wire):
        wire.accept()
        opcode, payload, _ = wire.frame()
        assert opcode == PING
        pinged.set()
        assert stopped.wait(10)
        wire.send_frame(PONG, payload)
        answer_frames(wire)

    server = scripted(answers_meanwhile)
    one = dat(server, pinginterval=1, missedpings=1)
    assert pinged.wait(10)
    stop_for(dat_program, 2.5, stopped)
    one.do("dat.sendText('awake')")
    one.expect_record("onReceiveText", 1, "awake")
    assert one.records("onDisconnect") == [], "the own sleep was taken for the server's silence"


def test_a_server_that_gave_a_stopped_program_up_gets_it_back(dat, dat_program, scripted):
    def gives_up(wire):
        wire.accept()
        wire.socket.settimeout(0.8)
        try:
            while wire.frame():
                pass
        except TimeoutError:
            wire.reset()

    server = scripted(gives_up, answer_pings)
    one = dat(server, pinginterval=0.2, missedpings=5, reconnect=True, reconnectdelay=0)
    one.expect_connected()
    stop_for(dat_program, 1.5)
    one.expect_connected(2)
    one.expect_said("connection was lost")
    one.expect_info(connected=1, reconnects=1)
    assert one.warnings() == ""


# ---------------------------------------- a server that comes back


def test_a_server_that_is_restarted_under_load_is_found_again_each_time(dat, dat_program, scripted):
    port = free_port()
    one = dat(
        netaddress="127.0.0.1", port=port, callbacks=None, active=True,
        reconnect=True, reconnectdelay=0.01, reconnectlongest=0.05, timeout=2000,
    )  # fmt: skip
    one.do(f"""
def load(name):
    dat = op(name)
    if dat:
        for number in range(20):
            dat.sendText('x' * 500)
        run(load, name, delayFrames=1)
load({one.name!r})
""")
    memory = None
    for _ in range(6):
        server = scripted(answer_pings, port=port)
        eventually(lambda: one.info()["messages_in"] > 0 and len(server.wires) > 0 and one.info()["connected"] == 1)
        before = one.info()["messages_in"]
        eventually(lambda: one.info()["messages_in"] > before + 50)
        server.close()
        one.expect_info(connected=0)
        memory = memory or dat_program.resident_kib()
    assert dat_program.resident_kib() - memory < 8 << 10
    assert one.info()["reconnects"] == 5
