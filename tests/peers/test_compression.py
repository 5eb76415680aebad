"""Compression of WebSocket messages (permessage-deflate, RFC 7692) with Python's `websockets` and Node's `ws`."""

import random
import zlib

import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from raw import BINARY, PING, TEXT, RawWebSocket
from running import QUIET, eventually

QUIET_ECHO = (
    QUIET
    + """
def onWebSocketReceiveText(dat, client, data):
    dat.webSocketSendText(client, data)

def onWebSocketReceiveBinary(dat, client, data):
    dat.webSocketSendBinary(client, data)
"""
)
COMPRESSED = 4  # the first reserved bit

# What is alike and what is not, short and long, text with characters of every length.
WORDS = ["fader", "größer", "🎛", "€", "0.25", '{"op": "level1", "value": ', "}", "\n"]


def messages():
    """The same mixture in every run."""
    chance = random.Random(7)
    texts = ["", "x", *("".join(chance.choices(WORDS, k=size)) for size in (10, 100, 100, 3000, 60_000))]
    binaries = [b"", chance.randbytes(5000), bytes(100_000), chance.randbytes(40_000) * 2]
    return [*texts, *binaries, *texts]


def connect(server, **parameters):
    """A client of `websockets` that offers compression with these parameters."""
    return server.connect(extensions=[ClientPerMessageDeflateFactory(**parameters)], max_size=None)


def offering(server, offers="permessage-deflate"):
    """A raw client that offers compression."""
    return RawWebSocket(server.port, headers=[f"Sec-WebSocket-Extensions: {offers}"])


def deflate(data):
    """A payload as RFC 7692 has it on the wire, compressed by itself."""
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")


def negotiated(client):
    """(context taken over by server, by client, window bits of the server, of the client)"""
    [extension] = client.protocol.extensions
    return (
        not extension.remote_no_context_takeover,
        not extension.local_no_context_takeover,
        extension.remote_max_window_bits,
        extension.local_max_window_bits,
    )


def test_nothing_is_compressed_by_default(patch, node_client):
    server = patch()
    client = connect(server)
    assert client.protocol.extensions == []
    client.send("plain " * 1000)
    assert client.recv(timeout=8) == "plain " * 1000
    assert node_client(server.url("/", "ws")).expect("open") == ["open", "", ""]


@pytest.mark.parametrize("context", [False, True])
@pytest.mark.parametrize("window", [8, 9, 12, 15])
def test_websockets_messages_pass_compressed_both_ways(patch, context, window):
    server = patch(QUIET_ECHO, compression=True, compresscontext=context, compresswindow=window)
    client = connect(server)
    assert negotiated(client) == (context, context, window, 15)
    for message in messages():
        client.send(message)
        assert client.recv(timeout=8) == message


@pytest.mark.parametrize("context", [False, True])
@pytest.mark.parametrize("window", [9, 15])
def test_node_messages_pass_compressed_both_ways(patch, node_client, context, window):
    server = patch(QUIET_ECHO, compression=True, compresscontext=context, compresswindow=window)
    client = node_client(server.url("/", "ws"), perMessageDeflate={"threshold": 0})
    [_, _, extensions] = client.expect("open")
    assert extensions == "permessage-deflate"
    texts = [message for message in messages() if isinstance(message, str)]
    binaries = [message for message in messages() if isinstance(message, bytes)]
    for number, text in enumerate(texts, 1):
        client.tell(text=text)
        assert client.expect("text", number) == ["text", text]
    for number, binary in enumerate(binaries, 1):
        client.tell(binary=binary.hex())
        assert client.expect("binary", number) == ["binary", binary.hex()]
    client.tell(fragments=["one ", "two " * 500, "three"])
    assert client.expect("text", len(texts) + 1) == ["text", "one " + "two " * 500 + "three"]
    client.tell(close=[1000, ""])
    assert client.expect("close")[1] == 1000


def test_the_clients_wishes_are_kept(patch):
    server = patch(QUIET_ECHO, compression=True, compresscontext=True)
    wishes = {
        "server_no_context_takeover": (False, True, 15, 15),
        "client_no_context_takeover": (True, False, 15, 15),
    }
    for wish, expected in wishes.items():
        client = connect(server, **{wish: True})
        assert negotiated(client) == expected
    client = connect(server, server_max_window_bits=9, client_max_window_bits=10)
    assert negotiated(client) == (True, True, 9, 10)
    for message in messages():
        client.send(message)
        assert client.recv(timeout=8) == message


@pytest.mark.parametrize(
    "offers, answer",
    [
        ("permessage-deflate; server_max_window_bits=16, permessage-deflate", "permessage-deflate"),
        (
            "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=8",
        ),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits", None),
        ("x-webkit-deflate-frame", None),
    ],
)
def test_the_first_offer_that_can_be_met_is_taken(patch, offers, answer):
    server = patch(QUIET, compression=True, compresscontext=True)
    with offering(server, offers) as client:
        assert client.handshake.headers.get("sec-websocket-extensions") == answer


def test_context_makes_what_is_alike_smaller(patch):
    text = "".join(random.Random(3).choices("abcdefghijklmnop", k=1000))
    sizes = {}
    for context in (False, True):
        server = patch(QUIET, compression=True, compresscontext=context)
        with offering(server) as client:
            [[_, name, _]] = server.expect_records("onWebSocketOpen")
            server.do(f"for _ in range(20): server.webSocketSendText({name!r}, {text!r})")
            sizes[context] = sum(len(client.frame()[1]) for _ in range(20))
    assert sizes[True] < sizes[False] / 5 < len(text) * 20 / 5


def test_short_messages_are_sent_as_they_are(patch):
    server = patch(QUIET, compression=True, compressthreshold=100)
    with offering(server) as client:
        [[_, name, _]] = server.expect_records("onWebSocketOpen")
        server.do(f"server.webSocketSendText({name!r}, 'x' * 99)\nserver.webSocketSendText({name!r}, 'x' * 100)")
        assert client.frame() == (TEXT, b"x" * 99, True)
        opcode, payload, final = client.frame()
        assert (opcode, final, len(payload) < 20) == (TEXT, True, True)
        assert zlib.decompressobj(wbits=-15).decompress(payload + b"\x00\x00\xff\xff") == b"x" * 100


@pytest.mark.parametrize("size", [1_000_000, 300_000_000])
def test_a_bomb_is_refused_at_the_limit(patch, size):
    server = patch(QUIET_ECHO, compression=True, maxmessage=500_000)
    bomb = deflate(bytes(size))
    assert len(bomb) < size / 900
    before = server.resident_kib()
    with offering(server) as client:
        client.send_frame(BINARY, bomb, reserved=COMPRESSED)
        assert client.close_code() == 1009
    assert server.resident_kib() - before < 10_000
    assert server.do("result = 'alive'") == "alive"


def test_what_cannot_be_inflated_closes_with_1007(patch):
    server = patch(QUIET_ECHO, compression=True)
    for payload in (b"\x07", deflate(b"text " * 100)[:-9], deflate(b"caf\xe9 " * 100)):
        with offering(server) as client:
            client.send_frame(TEXT, payload, reserved=COMPRESSED)
            assert client.close_code() == 1007
    with offering(server) as client:
        client.send_frame(PING, b"?", reserved=COMPRESSED)
        assert client.close_code() == 1002


def test_bytes_are_counted_as_callbacks_see_them(patch):
    server = patch(QUIET_ECHO, compression=True, clientstable=True)
    client = connect(server)
    client.send("a" * 10_000)
    assert client.recv(timeout=8) == "a" * 10_000
    eventually(lambda: server.info("bytes_out") == 10_000)
    assert server.info("bytes_in") == 10_000
    [row] = server.table()
    assert (row["bytes_in"], row["bytes_out"]) == ("10000", "10000")


def test_a_change_holds_for_connections_that_open_from_then_on(patch):
    server = patch(QUIET_ECHO)
    before = connect(server)
    server.change(compression=True)
    after = connect(server)
    assert before.protocol.extensions == [] and len(after.protocol.extensions) == 1
    for client in (before, after):
        client.send("still " * 200)
        assert client.recv(timeout=8) == "still " * 200


@pytest.mark.parametrize("policy", ["dropoldest", "latest"])
def test_dropping_for_a_slow_reader_does_not_break_the_context(patch, policy):
    """A dropped message is missing from the client's context, too: what follows must not refer to it."""
    server = patch(QUIET, compression=True, compresscontext=True, slowreader=policy, maxqueue=200_000)
    offer = ["Sec-WebSocket-Extensions: permessage-deflate"]
    block = random.Random(5).randbytes(10_000)
    with RawWebSocket(server.port, headers=offer, receive_buffer=4096) as client:
        [[_, name, _]] = server.expect_records("onWebSocketOpen")
        server.do(f"server.store('block', bytes.fromhex('{block.hex()}'))")
        for first in range(0, 1000, 10):
            # Every second message can be told from the one before it in a few bytes.
            server.do(
                "import random\n"
                f"for number in range({first}, {first + 10}):\n"
                "    random.seed(number // 2)\n"
                "    noise = server.fetch('block') + random.randbytes(10_000)\n"
                f"    server.webSocketSendBinary({name!r}, number.to_bytes(4, 'big') + noise)\n"
            )
        assert server.info("dropped") > 100
        context = zlib.decompressobj(wbits=-15)
        numbers = []
        while not numbers or numbers[-1] < 999:
            _, payload, _ = client.frame()
            message = context.decompress(payload + b"\x00\x00\xff\xff")
            numbers.append(int.from_bytes(message[:4], "big"))
            noise = random.Random(numbers[-1] // 2).randbytes(10_000)
            is_whole = message[4:] == block + noise
            assert is_whole, f"message {numbers[-1]} is broken after {numbers[:-1]}"
        assert numbers == sorted(set(numbers)) and len(numbers) < 900
