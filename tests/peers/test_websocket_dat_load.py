"""A WebSocket DAT under load and attack: memory stays bounded, what is dropped is counted, and the program goes on.

Servers are scripted. Memory is the resident memory of the program, which other tests share; bounds leave room for what
allocators keep.
"""

import struct
import threading
import zlib

import pytest

from raw import BINARY, CLOSE, PING, PONG, TEXT, frame
from running import eventually
from scripted_server import hold
from websocket_dats import NOTE_ENDS

MIB = 1024  # in KiB, as resident memory is given


def server_frame(opcode, payload=b"", **options):
    return frame(opcode, payload, **{"masked": False, **options})


class Memory:
    """The most memory that the program takes while a test looks."""

    def __init__(self, program):
        self.program, self.start = program, program.resident_kib()
        self.most = self.start
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.over.wait(0.005):
            self.most = max(self.most, self.program.resident_kib())

    def grown(self):
        return max(self.most, self.program.resident_kib()) - self.start

    def end(self):
        self.over.set()
        self.thread.join()


@pytest.fixture
def memory(dat_program):
    one = Memory(dat_program)
    yield one
    one.end()


# ---------------------------------------- what a server sends


@pytest.mark.parametrize("receive", ["all", "latest"])
def test_of_messages_that_come_together_all_or_the_newest_of_each_kind_are_handled(dat, scripted, receive):
    def script(wire):
        wire.accept()
        flood = b"".join(
            server_frame(TEXT, b"text %d" % number) + server_frame(BINARY, b"%d" % number) + server_frame(PING, b"?")
            for number in range(60)
        )
        wire.send(flood)
        for _ in range(60):
            wire.frame()  # the pongs
        wire.send_frame(TEXT, b"alone")
        wire.rest()

    one = dat(scripted(script), receive=receive)
    one.expect_record("onReceiveText", count=2 if receive == "latest" else 61)
    eventually(lambda: one.records("onReceiveText")[-1][2] == "alone")
    texts = [record[2] for record in one.records("onReceiveText")]
    binaries = [bytes.fromhex(record[1]["bytes"]) for record in one.records("onReceiveBinary")]
    assert [row[0] for row in one.rows()[1:]] == texts[-100:], "the table has what the callback heard"
    assert len(one.records("onReceivePing")) == 60, "pings are no messages"
    assert "text 59" in texts and binaries[-1] == b"59"
    assert texts[:-1] == sorted(texts[:-1], key=lambda text: int(text.split()[1]))
    info = one.info()
    assert info["messages_in"] == 121
    assert info["dropped"] == 121 - len(texts) - len(binaries)
    if receive == "all":
        assert info["dropped"] == 0 and len(texts) == 61
    else:
        # What is sent at once may come in a few reads all the same.
        assert len(texts) < 20 and len(binaries) < 20
    one.set(receive="all")
    assert len(one.records("onConnect")) == 1



def test_a_gigabyte_that_is_announced_takes_no_memory(dat, scripted, memory):
    def announce(wire):
        wire.accept(behind=b"\x82\x7f" + struct.pack(">Q", 1 << 30))
        assert wire.close_frame()[0] == 1009

    one = dat(scripted(announce), maxmessage=1 << 29)
    one.expect_disconnected()
    one.expect_warning("closed with code 1009: .* larger than the limit of 536870912 bytes")
    assert memory.grown() < 16 * MIB


def test_a_gigabyte_that_is_allowed_takes_memory_only_as_it_comes(dat, scripted, memory):
    def announce(wire):
        wire.accept(behind=b"\x82\x7f" + struct.pack(">Q", 1 << 30))
        wire.send(bytes(1 << 20))

    one = dat(scripted(announce), maxmessage=1 << 30)
    one.expect_disconnected()
    one.expect_warning("lost: it ended without a close frame")
    assert memory.grown() < 32 * MIB


def test_an_inflate_bomb_is_cut_off_at_the_limit(dat, scripted, memory):
    def bomb(wire):
        deflate = zlib.compressobj(9, wbits=-15)
        packed = b"".join(deflate.compress(bytes(1 << 20)) for _ in range(256)) + deflate.flush(zlib.Z_SYNC_FLUSH)[:-4]
        assert len(packed) < 1 << 19
        agreed = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
        wire.accept(f"Sec-WebSocket-Extensions: {agreed}")
        wire.send_frame(BINARY, packed, reserved=4)
        assert wire.close_frame()[0] == 1009

    one = dat(scripted(bomb, hold), compression=True, maxmessage=1 << 20)
    one.expect_disconnected()
    one.expect_warning("closed with code 1009: .* larger than the limit of 1048576 bytes")
    assert memory.grown() < 32 * MIB
    assert one.rows() == [["message"]]
    one.set(reconnectdelay=0, reconnect=True)
    one.expect_connected()


@pytest.mark.parametrize("autopong", [False, True], ids=["callback", "autopong"])
def test_a_flood_of_pings_is_answered_in_bounded_memory_by_a_client_that_is_not_read(dat, scripted, memory, autopong):
    count, payload = 60_000, bytes(100)
    flooded = threading.Event()
    answers = []

    def flood(wire):
        wire.accept()
        block = server_frame(PING, payload) * 600

        def send():
            for _ in range(count // 600):
                wire.send(block)
            wire.send_frame(TEXT, b"over")

        sending = threading.Thread(target=send, daemon=True)
        sending.start()
        sending.join(0.3)  # for this time nothing is read
        flooded.set()
        while len(answers) < count:
            opcode, answer, _ = wire.frame()
            assert (opcode, answer) == (PONG, payload)
            answers.append(answer)
        sending.join(10)
        wire.close_frame()

    quick = "def onReceivePing(dat, contents):\n    dat.sendPong(contents)\n"
    one = dat(scripted(flood), callbacks=NOTE_ENDS + quick, autopong=autopong, maxqueue=1 << 20)
    assert flooded.wait(10)
    eventually(lambda: one.rows()[-1] == ["over"], 30)
    eventually(lambda: len(answers) == count, 30)
    assert memory.grown() < 16 * MIB
    assert one.records("onDisconnect") == []


def test_a_flood_of_messages_is_slowed_down_and_nothing_is_lost(dat, scripted, memory):
    count = 40_000

    def flood(wire):
        wire.accept()
        for start in range(0, count, 500):
            texts = (b"%07d" % number + bytes(500) for number in range(start, start + 500))
            wire.send(b"".join(server_frame(TEXT, text) for text in texts))
        assert wire.close_frame() == (1000, "")
        wire.send_close(1000)

    add = "dat.store('sum', dat.fetch('sum', 0) + int(message[:7]))"
    summing = f"def onReceiveText(dat, rowIndex, message):\n    {add}\n"
    server = scripted(flood)
    one = dat(server, callbacks=NOTE_ENDS + summing)
    eventually(lambda: one.info()["messages_in"] == count, 30)
    assert one.do("result = dat.fetch('sum')") == count * (count - 1) // 2
    assert len(one.rows()) == 101
    assert memory.grown() < 16 * MIB
    one.set(active=False)
    assert server.wires[0].ended.wait(8)


def test_a_message_in_endless_fragments_is_given_up(dat, scripted, memory):
    def fragments(wire):
        wire.accept(behind=server_frame(TEXT, b"", final=False))
        empty = server_frame(0, b"", final=False) * 1000
        for _ in range(10_000):
            wire.send(empty)

    one = dat(scripted(fragments, hold))
    one.expect_disconnected()
    one.expect_warning("cut a message into more than .* frames")
    assert memory.grown() < 16 * MIB


# ---------------------------------------- a server that does not read

# Ten messages of 100 KB at a time, in turns of their own, and what became of them.
SEND = "result = [dat.sendBinary(number, bytes(99_999)) for number in range(10)]"


class Sluggish:
    """A script that reads nothing until it is told to, and then notes the first byte of each message."""

    def __init__(self):
        self.read_on, self.numbers, self.closed = threading.Event(), [], []

    def __call__(self, wire):
        wire.accept()
        while not self.read_on.wait(0.02):
            if wire.over.is_set():
                return
        while True:
            opcode, payload, _ = wire.frame()
            if opcode == CLOSE:
                self.closed.append(struct.unpack(">H", payload[:2])[0])
                return
            self.numbers.append(payload[0])


def fill(one, rounds=200):
    """Sends until a message is refused, or for so many rounds. The sizes that were given back."""
    results = []
    for _ in range(rounds):
        results += one.do(SEND)
        if results[-1] < 0:
            break
    return results


@pytest.mark.parametrize("policy", ["dropoldest", "dropnewest", "latest"])
def test_messages_for_a_server_that_does_not_read_are_dropped_and_counted(dat, scripted, memory, policy):
    sluggish = Sluggish()
    server = scripted(sluggish, receive_buffer=16_384)
    one = dat(server, slowreader=policy, maxqueue=500_000)
    one.expect_connected()
    for _ in range(30):
        results = one.do(SEND)
    info = one.expect_info(connected=1)
    assert info["dropped"] > 100
    assert 100_000 <= info["queued"] <= 500_000 + 1000
    assert memory.grown() < 32 * MIB
    if policy == "dropnewest":
        assert set(results) == {-1}
        assert "the server reads too slowly; messages are dropped" in one.warnings()
    else:
        assert set(results) == {100_000}
    one.do("dat.sendText(chr(77))")
    sluggish.read_on.set()
    eventually(lambda: one.info()["queued"] == 0)
    one.do("dat.sendText(chr(88))")
    eventually(lambda: sluggish.numbers and sluggish.numbers[-1] == 88)
    assert (77 in sluggish.numbers) or policy == "dropnewest"
    waited = sluggish.numbers[: sluggish.numbers.index(77)] if 77 in sluggish.numbers else sluggish.numbers[:-1]
    total = len(waited) + one.info()["dropped"]
    assert total in (300, 301)
    if policy == "dropoldest":
        assert waited[-2:] == [8, 9], "the newest of those that waited are gone"


@pytest.mark.parametrize(
    "policy, code, reason", [("pause", 1013, "too much waits"), ("close", 1008, "reads too slowly")]
)  # fmt: skip
def test_a_server_that_does_not_read_is_closed_when_the_queue_is_full(dat, scripted, memory, policy, code, reason):
    sluggish = Sluggish()
    server = scripted(sluggish, hold, receive_buffer=16_384)
    one = dat(server, slowreader=policy, maxqueue=500_000)
    one.expect_connected()
    results = fill(one)
    assert results[-1] == -1 and len(results) < 200
    assert "the server reads too slowly; the connection is closed" in one.warnings()
    assert memory.grown() < 32 * MIB
    sluggish.read_on.set()
    one.expect_disconnected()
    assert eventually(lambda: sluggish.closed) == [code]
    one.expect_warning(f"the connection had to be closed with code {code}: {reason}")
    assert sluggish.numbers == [number % 10 for number in range(len(sluggish.numbers))]
    one.set(reconnectdelay=0, reconnect=True)
    one.expect_connected(2)
    assert one.warnings() == ""


def test_a_server_that_never_reads_is_let_go_of_after_its_time(dat, scripted):
    server = scripted(Sluggish(), hold, receive_buffer=16_384)
    one = dat(server, slowreader="close", maxqueue=200_000)
    one.expect_connected()
    assert fill(one)[-1] == -1
    one.expect_disconnected()
    one.expect_warning("the connection had to be closed with code 1008: reads too slowly")
    one.expect_info(connected=0, queued=0)
    one.set(reconnectdelay=0, reconnect=True)
    one.expect_connected(2)


def test_pause_reads_no_more_from_a_server_that_does_not_read(dat, scripted):
    told = threading.Event()
    sluggish = Sluggish()

    def script(wire):
        wire.accept()
        assert told.wait(10)
        wire.send_frame(TEXT, b"held back")
        wire.accept = lambda: None
        sluggish(wire)

    one = dat(scripted(script, receive_buffer=16_384), slowreader="pause", maxqueue=8 << 20)
    one.expect_connected()
    eventually(lambda: one.do(SEND) and one.info()["queued"] > 1 << 20)
    told.set()
    for _ in range(5):
        assert one.rows() == [["message"]]
    sluggish.read_on.set()
    one.expect_record("onReceiveText", 1, "held back")


def test_one_message_larger_than_the_queue_goes_out_when_nothing_waits(dat, scripted):
    got = []

    def script(wire):
        wire.accept()
        got.append(len(wire.frame()[1]))

    one = dat(scripted(script), maxqueue=1024)
    one.expect_connected()
    assert one.do("result = dat.sendBinary(bytes(3_000_000))") == 3_000_000
    assert eventually(lambda: got) == [3_000_000]
