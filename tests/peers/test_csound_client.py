"""`websocketclient`: csound connects to a server, with one connection per variable whose sub-protocol is its name.

Servers are Python's `websockets`, scripts of raw frames, and csound itself, with our plugin and with the original.
"""

import queue
import threading
import time

import pytest
from websockets.sync.server import serve

from csound_runs import count_up, doubles, packed, watch
from raw import BINARY, CLOSE, PING, PONG, TEXT
from running import eventually, free_port

CLIENT = f'instr 1\n{count_up()}kin websocketclient "ws://127.0.0.1:$PORT/some/path?x=1", kcount\n{watch("kin")}endin\n'
OTHER = f'instr 9\n{count_up("kgoes")}if kgoes == 200 then\nprintks "goes on\\n", 0\nendif\nendin\n'


class Rooms:
    """Keeps what comes, and the connections, by sub-protocol."""

    def __init__(self):
        self.connections, self.messages = queue.Queue(), {}

    def __call__(self, connection):
        self.connections.put(connection)
        for message in connection:
            self.messages.setdefault(connection.subprotocol, []).append(message)

    def take(self, count=1):
        """The next connections, by name."""
        return {one.subprotocol: one for one in (self.connections.get(timeout=8) for _ in range(count))}


def choose(_, offered):
    return offered[0] if offered else None


@pytest.fixture
def rooms(python_server):
    """A server that takes every name."""
    one = Rooms()
    one.port = python_server(one, select_subprotocol=choose, max_size=None).port
    return one


def consecutive(numbers):
    return numbers == list(range(int(numbers[0]), int(numbers[0]) + len(numbers)))


def test_it_connects_once_per_variable_and_speaks_both_ways(csound, rooms):
    one = csound(CLIENT, port=rooms.port)
    found = rooms.take(2)
    assert set(found) == {"kcount", "kin"}
    request = found["kin"].request
    assert request.path == "/some/path?x=1"
    assert request.headers["Host"] == f"127.0.0.1:{rooms.port}"
    assert request.headers.get_all("Sec-WebSocket-Protocol") == ["kin"]
    assert "Sec-WebSocket-Extensions" not in request.headers
    eventually(lambda: len(rooms.messages.get("kcount", [])) > 300)
    assert consecutive([doubles(message)[0] for message in rooms.messages["kcount"][:300]])
    found["kin"].send(packed(4.5))
    one.expect_value("kin", 4.5)


def test_every_kind_goes_both_ways(csound, rooms):
    code = """
instr 1
iout = 2.5
Sout = "text é"
karr[][] init 2, 2
karr[1][0] = 3
aout = 7
aoutarr[] init 2
Slist[] fillarray "one", "two"
kinarr[] init 3
Sin = ""
ainarr[] init 2
Surl = "ws://127.0.0.1:$PORT"
Sin, kinarr, iin, ainarr websocketclient Surl, iout, Sout, karr, aout, aoutarr, Slist, p4, kshow, klength
kshow = kinarr[2]
klength strlenk Sin
klate = iin
kaudio rms ainarr[1]
"""
    code = code.replace("iout = 2.5", "kshow init 0\nklength init 0\niin init 0\niout = 2.5")
    one = csound(code + watch("kshow", "klength", "klate", "kaudio") + "endin", port=rooms.port, score="i 1 0 3600 8")
    found = rooms.take(13)
    eventually(lambda: len(rooms.messages) >= 9)
    assert rooms.messages["iout"] == [packed(2.5)] and rooms.messages["in7"] == [packed(8)]
    assert rooms.messages["Sout"] == ["text é"]
    assert rooms.messages["karr"][0] == packed(0, 0, 3, 0)
    assert rooms.messages["aout"][0] == packed(*[7] * 64)
    assert len(rooms.messages["aoutarr"][0]) == 1024
    assert rooms.messages["Slist"] == ['["one","two"]']
    found["kinarr"].send(packed(1, 2, 3))
    one.expect_value("kshow", 3)
    found["Sin"].send("größer")
    one.expect_value("klength", 8)
    found["iin"].send(packed(9))
    one.expect_value("klate", 9)
    for _ in range(200):
        found["ainarr"].send(packed(*[0] * 64, *[0.5] * 64))
    eventually(lambda: max(one.values("kaudio"), default=0) > 0.1)


def test_it_waits_for_a_server_that_comes_later(csound):
    port = free_port()
    one = csound(CLIENT + OTHER, port=port, score="i 1 0 3600\ni 9 0 3600")
    one.expect_line("goes on")
    room = Rooms()
    server = serve(room, "127.0.0.1", port, select_subprotocol=choose, compression=None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        found = room.take(2)
        found["kin"].send(packed(3))
        one.expect_value("kin", 3)
    finally:
        server.shutdown()


@pytest.mark.parametrize("way", ["close", "drop"])
def test_it_connects_again_after_an_end_and_goes_on_live(csound, rooms, way):
    one = csound(CLIENT, port=rooms.port)
    for value in (1, 2):
        found = rooms.take(2)
        found["kin"].send(packed(value))
        one.expect_value("kin", value)
        begin = time.monotonic()
        for connection in found.values():
            if way == "close":
                connection.close(1012, "restart")
            else:
                connection.socket.shutdown(2)
    rooms.take(2)
    assert time.monotonic() - begin > 0.1, "not at once"
    # Of the connections before, the last values may have come after their end was asked for.
    rooms.messages.clear()
    eventually(lambda: len(rooms.messages.get("kcount", [])) > 50)
    numbers = [doubles(message)[0] for message in rooms.messages["kcount"][:50]]
    assert consecutive(numbers) and numbers[0] > 50


@pytest.mark.alone
def test_the_end_of_the_note_closes_in_order(csound, rooms):
    one = csound(CLIENT, port=rooms.port)
    found = rooms.take(2)
    found["kin"].send(packed(1))
    one.expect_value("kin", 1)
    eventually(lambda: rooms.messages.get("kcount"))
    begin = time.monotonic()
    one.stop()
    assert time.monotonic() - begin < 1
    eventually(lambda: all(connection.close_code for connection in found.values()))
    assert {connection.close_code for connection in found.values()} <= {1000, 1001}


@pytest.mark.alone
@pytest.mark.parametrize("listens", [False, True], ids=["nobody", "one that never answers"])
def test_the_end_does_not_wait_for_a_server_that_does_not_answer(csound, scripted, listens):
    server = scripted(lambda wire: wire.rest(), lambda wire: wire.rest()) if listens else None
    one = csound(CLIENT, port=server.port if server else free_port())
    one.expect_line("SECTION 1")
    time.sleep(0.4)
    begin = time.monotonic()
    one.stop()
    assert time.monotonic() - begin < 0.5


def test_an_address_that_is_none_fails_the_note(csound, subtests):
    urls = ["", "http://127.0.0.1:1", "ws://", "ws://127.0.0.1:99999", "no url", "ws://no spaces:80/", "ftp://x"]
    notes = "".join(f'instr {n}\nkin websocketclient "{url}", 1\nendin\n' for n, url in enumerate(urls, 20))
    one = csound(notes + OTHER, score="f 0 3600", fails=True)
    for n, url in enumerate(urls, 20):
        with subtests.test(url):
            start = len(one.lines)
            one.event(f"i {n} 0 1")
            one.expect_line("INIT ERROR.*websocket", start=start)
    one.event("i 9 0 -1")
    one.expect_line("goes on")


def test_a_server_that_breaks_the_protocol_is_left_and_dialled_again(csound, scripted):
    """Masked frames, a wrong accept, junk instead of HTTP, an endless answer: each costs that connection alone."""
    seen = []

    def masked(wire):
        wire.accept("Sec-WebSocket-Protocol: kin")
        wire.send(b"\x82\x88mask" + bytes(8))
        seen.append("masked")
        wire.rest()

    def junk(wire):
        wire.send(b"220 mail.example ready\r\n\r\n")
        seen.append("junk")
        wire.rest()

    def plain(wire):
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        seen.append("plain")
        wire.rest()

    server = scripted(masked, junk, plain)
    one = csound('instr 1\nkin websocketclient "ws://127.0.0.1:$PORT"\nendin\n' + OTHER, port=server.port,
                 score="i 1 0 3600\ni 9 0 3600")  # fmt: skip
    one.expect_line("goes on")
    eventually(lambda: len(seen) >= 3, 12, what="three attempts")


# ---------------------------------------- with csound as the server


@pytest.mark.parametrize("original", [False, True], ids=["ours", "original"])
def test_two_csounds_speak_with_each_other(csound, original):
    """The server counts; the client gives back what it hears, and the server hears that."""
    server = csound(
        f"instr 1\n{count_up('ktick')}kback websocket $PORT, ktick\n{watch('kback')}endin", original=original
    )
    server.expect_listening()
    client = csound(
        'instr 1\nkback init 0\nktick websocketclient "ws://127.0.0.1:$PORT", kback\nkback = ktick + 0.5\nendin',
        port=server.port,
    )
    eventually(lambda: len(server.values("kback")) > 50, what="values that went round")
    assert client.process.poll() is None
    if not original:
        eventually(lambda: server.values("kback")[-1] > 100)


@pytest.mark.alone
def test_audio_from_one_csound_to_another(csound):
    server = csound(f"instr 1\n{count_up()}aout = 0\nvaset kcount, 0, aout\nkunused websocket $PORT, aout\nendin")
    server.expect_listening()
    listen = 'instr 1\naout websocketclient "ws://127.0.0.1:$PORT"\nkfirst vaget 0, aout\n'
    client = csound(listen + 'fprintks "heard.txt", "%d\\n", kfirst\nendin', port=server.port)
    time.sleep(1.2)
    client.stop()
    heard = [int(line) for line in client.file.with_name("heard.txt").read_text().split() if line != "0"]
    assert len(heard) > 400
    gaps = sum(after != before + 1 for before, after in zip(heard, heard[1:], strict=False))
    assert gaps <= 2, "a machine that halts may cost a gap"


def test_a_client_and_a_server_in_one_csound(csound):
    loop = f"instr 1\n{count_up('ktick')}kback websocket $PORT, ktick\n{watch('kback')}endin\n"
    loop += 'instr 2\nkback init 0\nktick websocketclient "ws://127.0.0.1:$PORT", kback\nkback = ktick\nendin'
    one = csound(loop, score="i 1 0 3600\ni 2 0 3600")
    eventually(lambda: len(one.values("kback")) > 50)


def test_frames_of_a_server_in_every_form(csound, scripted):
    """In fragments, split, with pings between, as text."""

    def script(wire):
        wire.accept("Sec-WebSocket-Protocol: kin")
        wire.send_frame(BINARY, packed(1)[:3], final=False)
        wire.send_frame(PING, b"?")
        wire.send_frame(0, packed(1)[3:])
        opcode, payload, _ = wire.frame()
        assert (opcode, payload) == (PONG, b"?")
        for byte in b"\x82\x08" + packed(2):
            wire.send(bytes([byte]))
            time.sleep(0.001)
        time.sleep(0.05)
        wire.send_frame(TEXT, b"8 bytes!")
        time.sleep(0.05)
        wire.send_frame(CLOSE, b"\x03\xe8")
        wire.rest()

    server = scripted(script)
    code = f'instr 1\nkin websocketclient "ws://127.0.0.1:$PORT"\n{watch("kin")}endin'
    one = csound(code, port=server.port)
    eventually(lambda: len(one.values("kin")) == 3, what="three values")
    assert one.values("kin") == [1, 2, doubles(b"8 bytes!")[0]]
