"""Limits: whatever a peer does, memory stays flat, others are served, and the peer is told by status or close code.

(Web-stack reference, section 2. Time-outs are set small here; each is waited for, not slept through.)
"""

import socket
import threading
import time

import httpx
import pytest

from peers import peer_module
from raw import BINARY, CLOSE, PING, TEXT, Raw, RawWebSocket, frame, request
from running import ECHO, PRELUDE, QUIET, eventually

FLAT_KIB = 40 * 1024  # growth that is no leak: buffers of the allocator and of a few connections

ANSWERING = (
    QUIET
    + """
def onWebSocketReceiveText(dat, client, data):
    dat.webSocketSendText(client, data)
"""
)


def others_are_served(server):
    """Another client gets its answers at once."""
    start = time.monotonic()
    client = server.connect()
    client.send("other")
    assert client.recv(timeout=8) == "other"
    client.close()
    assert server.get().status_code in (200, 404)
    assert time.monotonic() - start < 3


def send_numbered(server, client, count, size=65_536, each=8, keep_up=lambda start: None):
    """Messages of `size` bytes that begin with their number, from several turns of the patch; `keep_up` is called before
    each of them."""
    for start in range(0, count, each):
        keep_up(start)
        server.do(
            f"for number in range({start}, {min(start + each, count)}):\n"
            f"    server.webSocketSendBinary({client.id!r}, number.to_bytes(4, 'big') + bytes({size - 4}))"
        )


# ---------------------------------------- slow readers


@pytest.mark.parametrize("policy", ["pause", "dropoldest", "dropnewest", "latest", "close"])
def test_a_client_that_never_reads_costs_no_memory(patch, policy):
    server = patch(ANSWERING, slowreader=policy, maxqueue=1 << 20, clientstable=True)
    others_are_served(server)
    with RawWebSocket(server.port, receive_buffer=4096) as client:
        before = server.resident_kib()
        send_numbered(server, client, 3200)  # 200 MiB
        assert server.resident_kib() - before < FLAT_KIB
        others_are_served(server)
        if policy in ("pause", "close"):
            code = {"pause": "1013", "close": "1008"}[policy]
            eventually(lambda: client.id in str(server.records("onWebSocketClose")))
            row = next(row for row in server.table() if client.id in row.values())
            assert code in str(row)
        else:
            assert client.id in server.do("result = server.webSocketConnections")
            assert server.info("dropped") > 2000
            assert server.info("queued") <= 1 << 20
    eventually(lambda: client.id not in server.do("result = server.webSocketConnections"))
    eventually(lambda: server.info("queued") == 0)


@pytest.mark.parametrize("policy", ["dropoldest", "dropnewest", "latest"])
def test_what_a_slow_reader_gets_when_it_reads_at_last(patch, policy):
    server = patch(ANSWERING, slowreader=policy, maxqueue=1 << 20)
    with RawWebSocket(server.port, receive_buffer=4096) as client:
        send_numbered(server, client, 800)
        server.do(f"server.webSocketSendText({client.id!r}, 'end')" if policy != "dropnewest" else "pass")
        if policy == "dropnewest":
            client.socket.settimeout(2)  # the end is dropped, too
        numbers, last = [], None
        try:
            while last != b"end":
                opcode, last, _ = client.frame()
                if opcode == BINARY:
                    numbers.append(int.from_bytes(last[:4], "big"))
        except TimeoutError:
            assert policy == "dropnewest"
    assert numbers == sorted(set(numbers)), "messages keep their order and come once"
    assert len(numbers) < 700
    if policy == "dropnewest":
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= 16
    else:
        assert last == b"end"
        if policy == "dropoldest":
            assert numbers[-8:] == list(range(792, 800))


def test_a_client_that_reads_in_time_loses_nothing_under_any_policy(patch):
    server = patch(ANSWERING, slowreader="pause", maxqueue=4 << 20)
    with RawWebSocket(server.port) as client:
        numbers = []

        def read():
            for _ in range(400):
                numbers.append(int.from_bytes(client.frame()[1][:4], "big"))

        def keep_up(start):
            # Half of the queue; a reader that the machine holds up is no reader in time.
            eventually(lambda: len(numbers) > start - 32, 15, what="all but the last messages read")

        reader = threading.Thread(target=read)
        reader.start()
        send_numbered(server, client, 400, keep_up=keep_up)
        reader.join(15)
    assert numbers == list(range(400))


def test_an_echo_client_that_never_reads_is_not_read_either(patch):
    server = patch(ECHO.replace("log(", "len("), slowreader="pause", maxqueue=1 << 20)
    others_are_served(server)
    before = server.resident_kib()
    with RawWebSocket(server.port, receive_buffer=4096) as client:
        client.socket.settimeout(1.5)
        sent = 0
        message = frame(BINARY, bytes(65_536))
        with pytest.raises((TimeoutError, OSError)):
            for _ in range(4000):
                client.send(message)
                sent += len(message)
        assert sent < 100 << 20
        assert server.resident_kib() - before < FLAT_KIB
        others_are_served(server)


def test_a_broadcast_to_a_slow_and_a_fast_reader(patch):
    server = patch(ANSWERING, slowreader="dropoldest", maxqueue=1 << 20)
    slow = RawWebSocket(server.port, receive_buffer=4096)
    fast = RawWebSocket(server.port)
    numbers = []

    def read():
        for _ in range(400):
            numbers.append(int.from_bytes(fast.frame()[1][:4], "big"))

    reader = threading.Thread(target=read)
    reader.start()
    for start in range(0, 400, 4):
        server.do(
            f"for number in range({start}, {start + 4}):\n"
            "    for client in server.webSocketConnections:\n"
            "        server.webSocketSendBinary(client, number.to_bytes(4, 'big') + bytes(65532))"
        )
        # Fast is who has read what there is; a reader that the machine holds up is slow, too.
        eventually(lambda: len(numbers) >= start + 4, 15, what="all messages read by the fast one")
    reader.join(15)
    assert numbers == list(range(400)), "the fast one gets everything"
    slow.socket.close()
    fast.socket.close()


def test_a_flood_of_pings_queues_no_pongs(patch):
    server = patch(ANSWERING, autopong=True, maxqueue=1 << 20, slowreader="dropoldest")
    others_are_served(server)
    before = server.resident_kib()
    with RawWebSocket(server.port, receive_buffer=4096) as client:
        client.socket.settimeout(2)
        burst = frame(PING, b"p" * 125) * 500
        try:
            for _ in range(600):
                client.send(burst)
        except OSError:
            pass  # being closed or no longer read is right, too
        assert server.resident_kib() - before < FLAT_KIB
        others_are_served(server)


def test_an_announced_length_reserves_no_memory(patch):
    server = patch(ANSWERING, maxmessage=1 << 30)
    others_are_served(server)
    before = server.resident_kib()
    clients = [RawWebSocket(server.port) for _ in range(20)]
    for client in clients:
        client.send(b"\x82\xff" + (900 << 20).to_bytes(8, "big") + b"mask" + b"x" * 100)
    others_are_served(server)
    assert server.resident_kib() - before < FLAT_KIB
    for client in clients:
        client.socket.close()


def test_an_answer_that_nobody_reads_is_dropped_in_time(patch):
    server = patch(
        PRELUDE
        + "def onHTTPRequest(dat, request, response):\n"
        + "    response['statusCode'] = 200\n"
        + "    response['data'] = bytes(64_000_000) if request['uri'] == '/large' else 'ok'\n"
        + "    return response\n",
        stalltime=0.5,
    )
    with Raw(server.port, receive_buffer=4096) as client:
        client.send(request(server.port, "GET", "/large"))
        eventually(lambda: server.info("connections") == 0, 6, "an end of the connection that reads nothing")
    assert server.get().text == "ok"


# ---------------------------------------- slow writers


def ends_within(client, least, most):
    """The server ends the connection, not before `least` and not after `most` seconds."""
    start = time.monotonic()
    ended = client.is_ended(most)
    taken = time.monotonic() - start
    return ended and taken >= least


def test_a_request_head_that_trickles_is_dropped_in_time(patch):
    server = patch(handshaketime=0.6)
    clients = [Raw(server.port) for _ in range(50)]
    for client in clients:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n")

    def trickle(client):
        for _ in range(40):
            try:
                client.send(b"X-Slow: 1\r\n")
            except OSError:
                return True
            try:
                client.socket.settimeout(0.1)
                got = client.socket.recv(4096)
                if not got:
                    return True
                assert got.startswith(b"HTTP/1.1 408"), got
            except TimeoutError:
                pass
            except OSError:
                return True
        return False

    others_are_served(server)
    assert trickle(clients[0]), "sending a header line now and then must not extend the time"
    assert all(client.is_ended(4) for client in clients[1:])
    for client in clients:
        client.socket.close()
    assert server.records("onHTTPRequest") == [] or len(server.records("onHTTPRequest")) == 1
    others_are_served(server)


def test_a_body_that_pauses_is_dropped_in_time(patch):
    server = patch(stalltime=1.2)
    with Raw(server.port) as fixed, Raw(server.port) as chunked, Raw(server.port) as steady:
        fixed.send(request(server.port, "POST", "/", ["Content-Length: 1000"]) + b"x" * 10)
        chunked.send(request(server.port, "POST", "/", ["Transfer-Encoding: chunked"]) + b"a\r\n0123456789\r\n")
        steady.send(request(server.port, "POST", "/", ["Content-Length: 12"]))
        for _ in range(12):  # slow in all, but never as long as the limit at once
            steady.send(b"s")
            time.sleep(0.15)
        assert steady.answer().body == b"s" * 12
        assert ends_within(fixed, 0, 4)
        assert chunked.is_ended(4)
        assert not fixed.buffer or fixed.buffer.startswith(b"HTTP/1.1 408")
    assert [record[1]["data"] for record in server.records("onHTTPRequest")] == ["s" * 12]


def test_an_idle_connection_is_closed_in_time(patch):
    server = patch(idletime=0.6, handshaketime=0.8)
    with Raw(server.port) as client, Raw(server.port) as silent:
        client.send(request(server.port))
        assert client.answer().status == 200
        assert ends_within(client, 0.3, 4)
        assert client.buffer == b""
        assert silent.is_ended(12), "a connection that never says anything ends, too"


def test_an_open_websocket_is_not_idle(patch):
    server = patch(idletime=0.5, handshaketime=0.5, stalltime=0.5, pinginterval=0)
    with RawWebSocket(server.port) as client:
        assert not client.is_ended(2)
        client.socket.settimeout(8)
        client.send_frame(TEXT, b"hello")
        assert client.frame() == (TEXT, b"hello", True)


# ---------------------------------------- too much


def test_too_large_a_head_is_a_431(patch):
    server = patch(maxheader=8192)
    with Raw(server.port) as client:
        client.send(request(server.port, headers=["X-Large: " + "x" * 9000]))
        assert client.answer().status == 431
        assert client.is_ended(4)
    with Raw(server.port) as client:
        client.send(request(server.port, headers=["X-Fits: " + "x" * 7000]))
        assert client.answer().status == 200
    others_are_served(server)


def test_too_many_header_fields_are_a_431(patch):
    server = patch(ANSWERING)
    with Raw(server.port) as client:
        client.send(request(server.port, headers=[f"X-{number}: 1" for number in range(200)]))
        assert client.answer().status == 431
    others_are_served(server)


def test_too_long_a_target_is_a_414(patch):
    server = patch()
    with Raw(server.port) as client:
        client.send(request(server.port, "GET", "/" + "x" * 9000))
        assert client.answer().status == 414
    with Raw(server.port) as client:
        client.send(request(server.port, "GET", "/" + "x" * 7000))
        assert client.answer().status == 200


def test_too_large_a_body_is_a_413_and_the_next_connection_is_served(patch):
    server = patch(maxbody=100)
    with Raw(server.port) as client:
        client.send(request(server.port, "POST", "/", body=b"x" * 101))
        assert client.answer().status == 413
    assert server.post("/", content=b"x" * 100).text == "x" * 100


def test_a_body_limit_of_0_takes_no_bodies(patch):
    server = patch(maxbody=0)
    assert server.get().status_code == 200
    assert server.post("/", content=b"x").status_code == 413


@pytest.mark.parametrize("size, fits", [(1000, True), (1001, False)])
def test_maxmessage_counts_over_all_fragments(patch, size, fits):
    server = patch(maxmessage=1000)
    for parts in (1, 4):
        with RawWebSocket(server.port) as client:
            share = size // parts
            for part in range(parts):
                length = share if part < parts - 1 else size - share * (parts - 1)
                client.send_frame(BINARY if part == 0 else 0, b"x" * length, final=part == parts - 1)
            opcode, payload, _ = client.frame()
            if fits:
                assert (opcode, len(payload)) == (BINARY, 1000)
            else:
                assert (opcode, payload[:2]) == (CLOSE, (1009).to_bytes(2, "big"))


def test_more_connections_than_maxconnections_are_closed_at_once(patch):
    server = patch(maxconnections=3)
    inside = [RawWebSocket(server.port), Raw(server.port), RawWebSocket(server.port)]
    inside[1].send(request(server.port))
    assert inside[1].answer().status == 200
    for _ in range(5):
        with Raw(server.port) as late:
            assert late.is_ended(4)
    for client in (inside[0], inside[2]):
        client.send_frame(TEXT, b"inside")
        assert client.frame() == (TEXT, b"inside", True)
    assert server.info("refused") >= 5
    inside[0].send_frame(CLOSE)
    inside[0].close_code()
    inside[0].socket.close()

    def welcome():
        with Raw(server.port) as client:
            client.send(request(server.port))
            try:
                return client.answer().status == 200
            except (EOFError, OSError):
                return False

    eventually(welcome)
    for client in inside[1:]:
        client.socket.close()


def test_maxperaddress_counts_each_address(patch):
    server = patch(maxperaddress=2, localaddress="*")
    first = [RawWebSocket(server.port), RawWebSocket(server.port)]
    with Raw(server.port) as late:
        assert late.is_ended(4)
    other = Raw.__new__(Raw)
    other.socket = socket.socket()
    other.socket.bind(("127.0.0.9", 0))
    other.socket.settimeout(8)
    other.socket.connect(("127.0.0.1", server.port))
    other.buffer = b""
    other.send(request(server.port))
    assert other.answer().status == 200
    other.socket.close()
    for client in first:
        client.socket.close()


def test_many_connections_cost_little_and_give_it_back(patch):
    server = patch(ANSWERING, pinginterval=0)
    others_are_served(server)
    before = server.resident_kib()
    clients = [RawWebSocket(server.port) for _ in range(300)]
    assert server.resident_kib() - before < 300 * 64
    for client in clients:
        client.socket.close()
    eventually(lambda: server.do("result = server.webSocketConnections") == [])


def test_http_2_streams_are_limited(patch):
    h2_connection = peer_module("h2.connection")
    h2_events = peer_module("h2.events")
    server = patch()
    with Raw(server.port) as client:
        connection = h2_connection.H2Connection()
        connection.initiate_connection()
        client.send(connection.data_to_send())
        limit = None
        while limit is None:
            for event in connection.receive_data(client.socket.recv(65_536)):
                if isinstance(event, h2_events.RemoteSettingsChanged):
                    changed = {int(key): each.new_value for key, each in event.changed_settings.items()}
                    limit = changed.get(3)
        assert limit <= 100


def test_a_rapid_reset_of_streams_is_cut_off(patch):
    h2_connection = peer_module("h2.connection")
    server = patch(ECHO.replace("log(", "len("))
    before = server.resident_kib()
    with Raw(server.port) as client:
        connection = h2_connection.H2Connection()
        connection.initiate_connection()
        head = [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "x")]
        try:
            for _ in range(3000):
                stream = connection.get_next_available_stream_id()
                connection.send_headers(stream, head, end_stream=True)
                connection.reset_stream(stream)
                client.send(connection.data_to_send())
            assert client.is_ended(4), "thousands of cancelled streams were taken without a word"
        except OSError:
            pass
    assert server.resident_kib() - before < FLAT_KIB
    others_are_served(server)


def test_httpx_and_limits_agree_on_http_2_bodies(patch):
    server = patch(maxbody=1000)
    with httpx.Client(http1=False, http2=True, trust_env=False) as client:
        assert client.post(server.url(), content=b"x" * 1000).status_code == 200
        assert client.post(server.url(), content=b"x" * 1001).status_code == 413
        assert client.get(server.url()).status_code == 200
