"""What keeps a WebSocket DAT from connecting: each fault is named on the operator, and gone once it is mended.

Servers are scripted, because real ones do not fail like this on demand.
"""

import re
import socket
import struct

import pytest

from raw import TEXT, frame
from running import eventually, free_port
from scripted_server import answers, hold, http, silent


def expect_fault(one, pattern, remedy=""):
    """The operator is down, says why and what can be done, and plans nothing by itself."""
    one.expect_disconnected()
    assert re.search(pattern, one.warnings()), one.warnings()
    one.expect_said(rf"^warning: .*({pattern}).*{remedy}")
    assert re.search(rf"failed: .*({pattern})", one.monitored()[-1])
    info = one.info()
    assert (info["connected"], info["next_delay"], info["attempts"]) == (0, 0, 0)
    assert one.records("onConnect") == []


def expect_recovery(one, connections=1):
    """Told to reconnect, the operator does, and nothing is left of the fault."""
    one.set(reconnectdelay=0, reconnect=True)
    one.expect_connected(connections)
    assert one.warnings() == "" == one.errors()


# ---------------------------------------- no answer


def test_a_refused_connection(dat, scripted):
    port = free_port()
    one = dat(port)
    expect_fault(one, f"127.0.0.1:{port} refused the connection", "start the server, or correct the port")
    scripted(hold, port=port)
    expect_recovery(one)


def test_a_server_that_takes_the_connection_and_never_answers(dat, scripted):
    one = dat(scripted(silent, hold), timeout=150)
    expect_fault(one, "no connection within 0.15 s: gave up opening a WebSocket at ws://127.0.0.1", "allow more time")
    one.set(timeout=8000)
    expect_recovery(one)


def test_a_listener_whose_backlog_is_full(dat):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = []
        try:
            # A loopback connection that is not accepted at once is not accepted at all: the backlog is full.
            while not waiting or waiting[-1].connect_ex(("127.0.0.1", port)) == 0:
                waiting.append(socket.socket())
                waiting[-1].settimeout(0.1)
                assert len(waiting) < 20
            one = dat(port, timeout=150)
            expect_fault(one, f"no connection within 0.15 s: gave up connecting to 127.0.0.1:{port}", "firewall")
        finally:
            for each in waiting:
                each.close()


def test_an_address_to_which_no_way_leads(dat):
    one = dat(netaddress="224.0.0.1", port=9, timeout=300, active=True)  # a group of machines; TCP goes to one
    expect_fault(one, "224.0.0.1:9 cannot be reached: |gave up connecting to 224.0.0.1:9", "firewall")


def test_a_name_that_nobody_has(dat):
    one = dat(netaddress="nobody.invalid", port=9, timeout=1500, active=True)
    expect_fault(one, "the name nobody.invalid cannot be looked up|gave up looking up nobody.invalid")


def test_tls_that_is_never_answered(dat, scripted):
    one = dat(scripted(silent), netaddress="wss://127.0.0.1", timeout=150)
    expect_fault(one, "gave up agreeing on TLS with 127.0.0.1")


# ---------------------------------------- an end instead of an answer


def reset(wire):
    wire.head()
    wire.reset()


def end(wire):
    wire.head()


def end_within_the_answer(wire):
    wire.head()
    wire.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgr")


@pytest.mark.parametrize(
    "script, reason",
    [
        (reset, "the other end reset it"),
        (end, "the other end closed it"),
        (end_within_the_answer, "the other end closed it"),
    ],
)
def test_an_end_within_the_handshake(dat, scripted, script, reason):
    one = dat(scripted(script, hold))
    expect_fault(one, f"the connection ended during the WebSocket handshake: {reason}", "correct port and path")
    expect_recovery(one)


# ---------------------------------------- another answer

PAGE = "<!DOCTYPE html>\n<html><body>\n  <h1>It  works!</h1>\x1b[31m</body></html>"


@pytest.mark.parametrize(
    "script, reason, remedy",
    [
        (http("200 OK", PAGE), "answered 200 OK: <!DOCTYPE html> <html><body> <h1>It works!</h1> .31m", "path"),
        (http("301 Moved", "", "Location: /other"), "redirects to ws://127.0.0.1:[0-9]+/other, and", "use ws://"),
        (http("302 Found", "gone", "Location: mailto:me"), "redirects to mailto:me, which is no address", "ask"),
        (http("304 Not Modified"), "answered 304 Not Modified", "path"),
        (http("400 Bad Request", "no"), "answered 400 Bad Request: no", "wss://"),
        (http("401 Unauthorized", "who are you?"), "answered 401 Unauthorized: who are you[?]", "set `username`"),
        (http("403 Forbidden", "wrong origin"), "answered 403 Forbidden: wrong origin", "origins"),
        (http("404 Not Found", "nothing\r\nhere"), "answered 404 Not Found: nothing here", "correct the path"),
        (http("426 Upgrade Required", ""), "answered 426 Upgrade Required", "wss://"),
        (http("429 Too Many Requests", "slow down"), "answered 429 Too Many Requests: slow down", "wait"),
        (http("500 Internal Server Error", "x" * 5000), "answered 500 Internal Server Error: x{200}…", "log"),
        (http("503", ""), "answered 503", "log of the server"),
        (answers("SSH-2.0-Open\r\n"), 'does not speak HTTP: its answer begins with "SSH-2.0', "correct the port"),
        (answers(b"\x15\x03\x01\x00\x02\x02\x0a"), "does not speak HTTP", "wants TLS: begin the address with wss://"),
        (answers(b"\x00" * 300), "does not speak HTTP", "correct the port"),
    ],
    ids=lambda value: None if callable(value) else re.sub("[^a-zA-Z0-9 ]", "", value)[:30],
)  # fmt: skip
def test_an_answer_that_opens_no_websocket_is_shown_with_the_start_of_its_body(dat, scripted, script, reason, remedy):
    one = dat(scripted(script, hold))
    expect_fault(one, reason, remedy)
    assert all("\x1b" not in line for line in one.said()), "a server writes to the terminal"
    expect_recovery(one)


def test_of_a_body_that_never_comes_what_has_come_is_shown(dat, scripted):
    def script(wire):
        wire.head()
        wire.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1000\r\n\r\nyour address")
        wire.rest()

    one = dat(scripted(script), timeout=1000)
    expect_fault(one, "answered 403 Forbidden: your address")


def test_a_server_without_tls_where_the_address_wants_it(dat, scripted):
    def script(wire):
        wire.take(5)
        wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    one = dat(scripted(script), netaddress="wss://127.0.0.1", verifycert=False)
    expect_fault(one, "the server does not speak TLS", "begin the address with ws://")


# ---------------------------------------- a wrong 101


def accepting(*headers, drop=None, **options):
    """A script that answers with 101 and these headers more, leaving out those that begin with `drop`."""

    def script(wire):
        if drop is None:
            wire.accept(*headers, **options)
        else:
            real, whole = wire.send, []
            wire.send = whole.append
            wire.accept(*headers, **options)
            lines = b"".join(whole).split(b"\r\n")
            real(b"\r\n".join(line for line in lines if not line.lower().startswith(drop)))
        wire.rest()

    return script


@pytest.mark.parametrize(
    "script, reason",
    [
        (accepting(key="dGhlIHNhbXBsZSBub25jZQ=="), "the server's answer has the wrong accept key"),
        (accepting(drop=b"sec-websocket-accept"), "accept"),
        (accepting(drop=b"upgrade"), "Upgrade|upgrade"),
        (accepting(drop=b"connection"), "Connection|connection|upgrade"),
        (accepting("Sec-WebSocket-Protocol: chat"), "subprotocol"),
        (accepting("Sec-WebSocket-Extensions: permessage-deflate"), "extension"),
        (accepting("Sec-WebSocket-Extensions: x-made-up"), "extension"),
    ],
    ids=["wrong key", "no key", "no upgrade", "no connection", "subprotocol", "compression", "extension"],
)
def test_a_101_that_breaks_the_rules(dat, scripted, script, reason):
    one = dat(scripted(script, hold))
    expect_fault(one, reason)
    expect_recovery(one)


@pytest.mark.parametrize("endless", [b"X: " + b"y" * 4096 + b"\r\n", b"X:y\r\n", b"z"], ids=["long", "many", "one"])
def test_an_answer_whose_head_never_ends_is_given_up_in_little_memory(dat, dat_program, scripted, endless):
    sent = []

    def script(wire):
        wire.head()
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\n")
        block = endless * (65536 // len(endless))
        for _ in range(1000):
            wire.send(block)
            sent.append(len(block))

    before = dat_program.resident_kib()
    one = dat(scripted(script, hold), timeout=20_000)
    expect_fault(one, "answer|header|head")
    assert sum(sent) < 8 << 20, "most of the head was read"
    assert dat_program.resident_kib() - before < 8 << 10
    expect_recovery(one)


# ---------------------------------------- what comes with the 101


def test_messages_glued_to_the_101_are_not_lost(dat, scripted):
    def script(wire):
        texts = b"".join(frame(TEXT, text, masked=False) for text in (b"first", b"second", b"third"))
        wire.accept(behind=texts + frame(TEXT, b"half", masked=False)[:3])
        wire.send(frame(TEXT, b"half", masked=False)[3:])
        wire.rest()

    one = dat(scripted(script))
    one.expect_record("onReceiveText", 4, "half")
    names = [record[0] for record in one.records("onConnect", "onReceiveText")]
    assert names == ["onConnect", *["onReceiveText"] * 4]
    assert [row[0] for row in one.rows()] == ["message", "first", "second", "third", "half"]


def test_a_close_glued_to_the_101_is_an_opening_and_an_end(dat, scripted):
    def script(wire):
        wire.accept(behind=frame(8, struct.pack(">H", 1013) + b"full", masked=False))
        assert wire.close_frame() == (1013, "")

    one = dat(scripted(script, hold))
    one.expect_disconnected()
    one.expect_warning("the server closed the connection with code 1013: full")
    assert [record[0] for record in one.records("onConnect", "onDisconnect")] == ["onConnect", "onDisconnect"]
    expect_recovery(one, 2)


def test_a_101_in_single_bytes(dat, scripted):
    def script(wire):
        real, whole = wire.send, []
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.send = whole.append
        wire.accept(behind=frame(TEXT, b"bit by bit", masked=False))
        for byte in b"".join(whole):
            real(bytes([byte]))
        wire.rest()

    one = dat(scripted(script))
    one.expect_record("onReceiveText", 1, "bit by bit")


# ---------------------------------------- many


def leave_with_wrong_key(wire):
    wire.accept(key="wrong")


def test_hundreds_of_failed_attempts_leave_no_memory_and_no_sockets_behind(dat, dat_program, scripted):
    answered = [answers("nonsense\r\n"), http("500 No", "x" * 3000), http("200 OK", PAGE)]
    kinds = [reset, end, leave_with_wrong_key, *answered]
    count = 0

    def script(wire):
        nonlocal count
        count += 1
        kinds[count % len(kinds)](wire)

    server = scripted(script)
    # The shortest delay of one would take a minute for this.
    ones = [
        dat(server, callbacks=None, reconnect=True, reconnectdelay=0, reconnectlongest=0, reconnectjitter=0)
        for _ in range(10)
    ]
    one = ones[0]
    open_files = f"/proc/{dat_program.process.pid}/fd"

    def figures():
        return dat_program.resident_kib(), one.do(f"import os\nresult = len(os.listdir({open_files!r}))")

    eventually(lambda: count >= 100, 20)
    memory, files = figures()
    eventually(lambda: count >= 500, 30)
    grown, now = figures()
    assert grown - memory < 2048, "memory grows with each attempt"
    assert now <= files + 2 * len(ones)
