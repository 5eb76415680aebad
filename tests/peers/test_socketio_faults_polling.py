"""HTTP long-polling of a SocketIO DAT whose requests are answered wrongly, and changes to a WebSocket that go wrong."""

import json
import re

import pytest

from running import eventually
from scripted_socketio import SEPARATOR, after, body_of, body_of_3, event, healthy, open_packet
from socketio_faults import expect_failed, expect_lost, expect_recovery, expect_reset, expect_works

MIB = 1 << 20
PAGE = "<!DOCTYPE html><html>\n<h1>It works!</h1>\x1b[31m</html>"
HTML = "text/html"


def refusal(code, message):
    return json.dumps({"code": code, "message": message})


def reset(wire):
    wire.reset()


def answering(*arguments):
    """What is done with a request: it is answered so."""
    return lambda exchange: exchange.answer(*arguments)


def half_an_answer(exchange):
    exchange.answer_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + body_of(event("never whole"))[:9], reset)


def no_answer(exchange):
    exchange.answer_raw(b"", reset)


# ---------------------------------------- the first poll


@pytest.mark.parametrize(
    "answer, reason, remedy",
    [
        (answering(refusal(0, "Transport unknown"), "400 Bad Request"), "does not offer this transport", "`transports`"),
        (answering(refusal(3, "Bad request"), "400 Bad Request"), "calls the request bad", "`url` and `path`"),
        (answering(refusal(4, "not you"), "403 Forbidden"), 'refuses this client: "not you"', "`headers`, `query` or"),
        (answering("who?", "401 Unauthorized"), "answered 401 Unauthorized: who", "`headers`, `query` or `auth`"),
        (answering("no", "403 Forbidden"), "answered 403 Forbidden: no", "`headers`, `query` or `auth`"),
        (answering("", "404 Not Found"), "answered 404 Not Found", "correct the path"),
        (answering(PAGE, "502 Bad Gateway", HTML), "answered 502 Bad Gateway: <!DOCTYPE", "log of the server"),
        (answering(PAGE, "200 OK", HTML), "answered 200 OK: <!DOCTYPE html>.*It works", "correct `?[a-z]+`? and path"),
        (answering("", "301 Moved", HTML, "Location: /other/"), "redirects to .*/other/", "use .*/other/ as `url`"),
        (answering(PAGE), "unknown type '<'", "does not keep to Engine.IO"),
        (answering(""), "an empty packet|did not begin with an open packet", "does not keep to Engine.IO"),
        (answering(event("early")), "did not begin with an open packet", "does not keep to Engine.IO"),
        (answering("0{"), "open packet is not a JSON object", "does not keep to Engine.IO"),
        (half_an_answer, "the other end (reset|closed) it", "port and path"),
        (no_answer, "the other end (reset|closed) it", "port and path"),
        (lambda exchange: exchange.answer_raw(b"SSH-2.0-Open\r\n", reset), "cannot be read|reset|closed", "correct|port"),
    ],
    ids=lambda value: None if callable(value) else re.sub("[^a-zA-Z0-9 ]", "", value)[:30],
)  # fmt: skip
def test_a_first_poll_that_is_answered_wrongly_says_why(sio, faulty, answer, reason, remedy):
    one = sio(faulty(lambda session: answer(session.get()), healthy, polling=True), transports="polling")
    expect_failed(one, reason, remedy)
    expect_reset(one, 1)


def test_a_poll_that_is_never_answered_is_given_up(sio, faulty):
    one = sio(faulty(lambda session: session.get(), healthy, polling=True), transports="polling", timeout=500)
    expect_failed(one, "no connection within 0.5 s: gave up asking http://127.0.0.1", "does not answer; or allow more time")
    one.set(timeout=8000)
    expect_recovery(one, 1)


def test_an_old_server_says_so_in_a_poll(sio, faulty):
    versions = []

    def old(session):
        exchange = session.get()
        versions.append(re.search("EIO=(.)", exchange.target)[1])
        if versions[-1] == "4":
            return exchange.answer(refusal(5, "Unsupported protocol version"), "400 Bad Request")
        packet = open_packet(sid=session.sid, maxPayload=None)
        exchange.answer(body_of_3(packet, "40", event("old ☃😀")))
        session.get().answer(body_of_3("6", event("older")))
        return session.get()

    one = sio(faulty(old, polling=True), transports="polling")
    one.expect_opened()
    one.expect_received(["old ☃😀", None], ["older", None])
    assert versions == ["4", "3"] and one.facts()["version"] == "Engine.IO 3"


# ---------------------------------------- an open session


def opened_then(act, *said):
    """A script that lets the client in over polling, says this, and then acts."""

    def script(session):
        session.open()
        session.let_in()
        session.say(event("before"), *said)
        act(session)

    return script


@pytest.mark.parametrize(
    "answer, name, reason, remedy",
    [
        (answering(refusal(1, "Session ID unknown"), "400 Bad Request"), "transport error", "does not know the session",
         "restarted.*set `transports` to websocket"),
        (answering(refusal(3, "Bad request"), "400 Bad Request"), "transport error", "calls the request bad", ""),
        (answering("gone", "403 Forbidden"), "transport error", "answered 403 Forbidden: gone", "`headers`"),
        (answering(PAGE, "502 Bad Gateway", HTML), "transport error", "answered 502 Bad Gateway: <!DOC", "log of the"),
        (answering(PAGE, "200 OK", HTML), "transport error", "answered 200 OK: <!DOCTYPE html>", "path"),
        (answering(PAGE), "parse error", "unknown type '<'", "does not keep to Engine.IO"),
        (answering(b"\xff4"), "parse error", "not UTF-8", "does not keep to Engine.IO"),
        (answering(body_of(event("whole")) + SEPARATOR + b"9"), "parse error", "unknown type '9'", "Engine.IO"),
        (answering("b=not base64="), "parse error", "base64", "does not keep to Engine.IO"),
        (answering(body_of('451-["x",{"_placeholder":true,"num":0}]', event("y"))), "parse error", "text where bytes", ""),
        (answering("bAAAA"), "parse error", "bytes that belong to no packet", ""),
        (answering(SEPARATOR.join([b"6"] * 70_000)), "parse error", "more than 65536 packets in one response", ""),
        (answering("1"), "transport close", "the server closed the connection", "see the log of the server"),
        (half_an_answer, "transport error", "the other end (reset|closed) it", ""),
    ],
    ids=lambda value: None if callable(value) else re.sub("[^a-zA-Z0-9 ]", "", value)[:30],
)  # fmt: skip
def test_a_poll_that_is_answered_wrongly_ends_the_session_but_loses_nothing_before(
    sio, faulty, answer, name, reason, remedy
):
    one = sio(faulty(opened_then(lambda session: answer(session.get())), healthy, polling=True), transports="polling")
    expect_lost(one, name, reason, remedy)
    assert one.received()[0] == ["before", None]
    assert one.received()[1:] == ([["whole", None]] if "'9'" in reason else [])
    expect_reset(one)


def test_a_poll_whose_connection_breaks_is_asked_once_more(sio, faulty):
    def breaks_once(session):
        no_answer(session.get())
        session.say(event("after"))
        session.serve()

    one = sio(faulty(opened_then(breaks_once), polling=True), transports="polling")
    one.expect_received(["before", None], ["after", None])
    expect_works(one)
    assert one.records("onClose") == []


def test_a_poll_whose_connection_breaks_twice_ends_the_session(sio, faulty):
    def breaks(session):
        no_answer(session.get())
        no_answer(session.get())

    one = sio(faulty(opened_then(breaks), healthy, polling=True), transports="polling")
    expect_lost(one, "transport error", "the other end (reset|closed) it", "see that the server runs|port and path")
    expect_recovery(one)


@pytest.mark.parametrize("large", [b"x" * (40 * MIB), None], ids=["sent", "announced"])
def test_an_answer_that_is_too_large_is_refused(sio, faulty, large):
    def answers(session):
        exchange = session.get()
        try:
            if large:
                exchange.answer(large)
            else:
                exchange.answer_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        except OSError:
            pass  # the client has ended the connection

    one = sio(faulty(opened_then(answers), healthy, polling=True), transports="polling")
    expect_lost(one, "transport error", "larger than the limit of [0-9]+ bytes", "raise `maxmessage`")
    expect_recovery(one)


def test_a_packet_of_a_poll_that_is_too_large_is_refused(sio, faulty):
    act = lambda session: session.say(event("x" * 2000))  # noqa: E731
    one = sio(faulty(opened_then(act), healthy, polling=True), transports="polling", maxmessage=1000)
    expect_lost(one, "parse error", "larger than the limit of 1000 bytes", "raise `maxmessage`")
    expect_recovery(one)


@pytest.mark.parametrize(
    "answer, reason, remedy",
    [
        (answering(refusal(1, "Session ID unknown"), "400 Bad Request"), "does not know the session", "`transports`"),
        (answering("", "413 Payload Too Large"), "answered 413", "send less at a time"),
        (answering(PAGE, "502 Bad Gateway", HTML), "answered 502 Bad Gateway: <!DOCTYPE", "log of the server"),
        (no_answer, "the other end (reset|closed) it", ""),
    ],
    ids=["unknown session", "too large", "bad gateway", "reset"],
)  # fmt: skip
def test_a_post_that_is_answered_wrongly_ends_the_session(sio, faulty, answer, reason, remedy):
    def script(session):
        session.open()
        session.let_in()
        session.takes_posts = False
        answer(session.post())

    one = sio(faulty(script, healthy, polling=True), transports="polling")
    one.expect_opened()
    request = one.emit("question", ack=True)
    expect_lost(one, "transport error", reason, remedy)
    assert one.records("onAckTimeout") == [["onAckTimeout", request, "disconnected", "question", "/"]]
    expect_recovery(one)


def test_a_polled_server_that_falls_silent_is_given_up(sio, faulty):
    def silent(session):
        session.open(pingInterval=100, pingTimeout=100)
        session.let_in()
        session.get()

    one = sio(faulty(silent, healthy, polling=True), transports="polling")
    expect_lost(one, "ping timeout", "has not been heard for too long", "see that the network and the server still work")
    expect_recovery(one)


def test_connections_that_end_after_each_answer_lose_nothing(sio, faulty):
    def hangs_up(session):
        session.open()
        session.let_in()
        for number in range(10):
            body = body_of(event("number", number), "2")
            head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
            session.get().answer_raw(head.encode() + body, lambda wire: wire.socket.close())
        session.serve()

    one = sio(faulty(hangs_up, polling=True), transports="polling")
    one.expect_received(*(["number", number] for number in range(10)))
    expect_works(one)
    assert one.records("onClose") == []


def test_an_odd_session_id_comes_back_in_every_request(sio, faulty):
    def odd(session):
        session.sid = "a+b&c=d %2F/é#☃"
        healthy(session)

    one = sio(faulty(odd, polling=True), transports="polling")
    expect_works(one)
    assert one.facts()["session"] == "a+b&c=d %2F/é#☃"


def test_bytes_come_whole_over_polls(sio, faulty):
    odd = [b"\x04", b"4", b"\x1e", b"\xff\xfe", b"", bytes(range(256))]
    sent = [packet for part in odd for packet in ('451-["odd",{"_placeholder":true,"num":0}]', part)]
    one = sio(faulty(after(*sent, event("end")), polling=True), transports="polling")
    one.expect_received(*(["odd", {"bytes": part.hex()}] for part in odd), ["end", None])
    expect_works(one)


# ---------------------------------------- going over to a WebSocket


def upgrading(act, **changes):
    """A script that opens a session over polling, offers a WebSocket, lets the client in, and acts."""

    def script(session):
        session.open(**{"upgrades": ["websocket"], **changes})
        session.let_in()
        act(session)

    return script


def test_a_change_of_transport_loses_nothing(sio, faulty):
    def act(session):
        wire = session.probed()
        session.say(event("polled", 1))
        waiting = session.get()
        wire.say("3probe")
        waiting.answer(body_of(event("polled", 2), "6"))
        wire.expect("5")
        wire.say(event("streamed", 3))
        wire.serve()

    one = sio(faulty(upgrading(act), polling=True), transports="pollingwebsocket")
    one.expect_received(["polled", 1], ["polled", 2], ["streamed", 3])
    one.expect_said("^session has gone over to WebSocket$")
    expect_works(one)
    assert one.facts()["transport"] == "WebSocket"
    assert one.records("onClose") == []


@pytest.mark.parametrize("offered", [["webtransport", "carrier pigeon"], ["WebSocket"], []])
def test_transports_that_nobody_knows_are_not_tried(sio, faulty, offered):
    server = faulty(upgrading(lambda session: session.serve(), upgrades=offered), polling=True)
    one = sio(server, transports="pollingwebsocket")
    expect_works(one)
    assert one.facts()["transport"] == "HTTP long-polling"
    assert server.sessions[0].websockets.empty()


def refuse(wire):
    wire.send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno")


def probe_ends(*said, how=None):
    """What becomes of a WebSocket that is opened to be probed: it hears this in the place of `3probe`, and ends so."""

    def act(wire):
        wire.accept()
        wire.expect("2probe")
        wire.say(*said)
        if how:
            how(wire)

    return act


@pytest.mark.parametrize(
    "act, reason",
    [
        (refuse, "502"),
        (lambda wire: wire.reset(), "the other end reset it"),
        (probe_ends("3wrong"), "answered something else than asked"),
        (probe_ends("3"), "answered something else than asked"),
        (probe_ends(event("too early")), "answered something else than asked"),
        (probe_ends(b"3probe"), "answered something else than asked"),
        (probe_ends("garbage"), "answered something else than asked"),
        (probe_ends(how=lambda wire: wire.send_close(1011)), "the server closed the WebSocket with code 1011"),
        (probe_ends(how=lambda wire: wire.send(b"\xff" * 20)), "reserved"),
        (probe_ends("3" * 5000), "larger than the limit|answered something else"),
    ],
    ids=["502", "reset", "wrong", "3", "event", "bytes", "garbage", "close", "broken", "large"],
)  # fmt: skip
def test_a_probe_that_fails_leaves_the_session_on_polling(sio, faulty, act, reason):
    def script(session):
        act(session.websocket())
        session.say(event("still polled"))
        session.serve()

    one = sio(faulty(upgrading(script), polling=True), transports="pollingwebsocket", maxmessage=4000)
    one.expect_received(["still polled", None])
    one.expect_said(f"^session stays on HTTP long-polling: .*({reason})")
    expect_works(one)
    assert one.facts()["transport"] == "HTTP long-polling"
    assert one.records("onClose", "onConnectError") == []


def hang_up(wire):
    wire.send_close(1001)
    wire.socket.close()


def test_a_websocket_that_ends_while_polls_are_waited_for_leaves_the_session_on_polling(sio, faulty):
    def act(session):
        wire = session.probed()
        waiting = session.get()
        wire.say("3probe")
        hang_up(wire)
        one.expect_said("^session stays on HTTP long-polling: the server closed the connection")
        waiting.answer("6")
        session.say(event("still polled"))
        session.serve()

    one = sio(faulty(upgrading(act), polling=True), transports="pollingwebsocket", active=False)
    one.set(active=True)
    one.expect_received(["still polled", None])
    expect_works(one)


def closes_over_polling(session):
    session.probed()
    session.say(event("last words"), "1")


def closes_right_behind_the_change(session):
    wire = session.upgraded(event("last words"))
    hang_up(wire)


def forgets_the_session(session):
    wire = session.probed()
    session.say(event("last words"))
    waiting = session.get()
    wire.say("3probe")
    waiting.answer(refusal(1, "Session ID unknown"), "400 Bad Request")


@pytest.mark.parametrize(
    "act, name, reason",
    [
        (closes_over_polling, "transport close", "the server closed the connection"),
        (closes_right_behind_the_change, "transport close", "the server closed the connection"),
        (forgets_the_session, "transport error", "does not know the session"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_session_that_ends_during_the_change_is_lost_once_and_comes_back(sio, faulty, act, name, reason):
    server = faulty(upgrading(act), healthy, polling=True)
    one = sio(server, transports="pollingwebsocket")
    expect_lost(one, name, reason, "")
    assert one.received() == [["last words", None]]
    expect_recovery(one)
    eventually(lambda: len(server.sessions) == 2)
