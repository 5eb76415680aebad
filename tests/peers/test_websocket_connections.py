"""WebSocket: the list of connections and the table of clients, and exactly one close for each open, however it ends."""

import json
import re
import struct
import subprocess
import sys

import pytest
from websockets.exceptions import ConnectionClosed

from raw import BINARY, CLOSE, TEXT, RawWebSocket
from running import QUIET, eventually


def expect_one_close_each(server):
    """Ends the program; every open has had exactly one close, after it."""
    assert server.stop() == 0
    still_open = []
    for name, client, *_ in server.records("onWebSocketOpen", "onWebSocketClose"):
        if name == "onWebSocketOpen":
            still_open.append(client)
        else:
            assert client in still_open, f"a close without an open: {client}"
            still_open.remove(client)
    assert still_open == []


# ---------------------------------------- connections


def test_connections_are_listed_by_address_in_the_order_of_opening(patch):
    server = patch()

    def listed():
        return server.do("result = server.webSocketConnections")

    assert listed() == []
    clients = [server.connect() for _ in range(12)]
    names = ["{}:{}".format(*client.local_address[:2]) for client in clients]
    assert eventually(lambda: len(listed()) == 12) and listed() == names
    clients[5].close()
    server.expect_records("onWebSocketClose")
    assert listed() == names[:5] + names[6:]
    assert server.do(
        "result = [type(server.webSocketConnections).__name__, type(server.webSocketConnections[0]).__name__]"
    ) == [
        "list",
        "str",
    ]
    assert server.do("server.webSocketConnections.clear()\nresult = len(server.webSocketConnections)") == 11
    assert server.info("websocket_connections") == 11


def test_a_broadcast_reaches_everyone_once(patch, node_client):
    server = patch(
        QUIET
        + """
def onWebSocketReceiveText(dat, client, data):
    for each in dat.webSocketConnections:
        dat.webSocketSendText(each, f'{data} for {each}' if data == 'named' else data)
"""
    )
    clients = [server.connect() for _ in range(10)]
    other = node_client(server.url("/", "ws"))
    other.expect("open")
    clients[3].send("to all")
    assert [client.recv(timeout=8) for client in clients] == ["to all"] * 10
    assert other.expect("text") == ["text", "to all"]
    other.tell(text="named")
    for client in clients:
        assert client.recv(timeout=8) == "named for {}:{}".format(*client.local_address[:2])
    assert [event[0] for event in other.events].count("text") in (1, 2)
    assert other.expect("text", 2)[1].startswith("named for 127.0.0.1:")


@pytest.mark.parametrize(
    "call",
    [
        "webSocketSendText('nobody', 'x')",
        "webSocketSendText('127.0.0.1:1', 'x')",
        "webSocketSendBinary('nobody', b'x')",
        "webSocketSendPing('nobody')",
        "webSocketSendPong('nobody', data=b'')",
        "webSocketClose('nobody')",
    ],
)
def test_an_unknown_client_is_a_warning(patch, call):
    server = patch()
    assert server.do(f"result = repr(server.{call})") == "None"
    assert re.search(
        r"nobody|127\.0\.0\.1:1\b", server.expect_line(r"(?i)no (open )?(web ?socket|client|connection)|unknown client")
    )
    client = server.connect()
    client.send("goes on")
    assert client.recv(timeout=8) == "goes on"


def test_swapped_arguments_send_nothing_and_are_a_warning(patch):
    server = patch(
        QUIET
        + """
def onWebSocketReceiveText(dat, client, data):
    dat.webSocketSendText(data, client)
    log("went on")
    dat.webSocketSendText(client, 'second')
"""
    )
    client = server.connect()
    client.send("swapped")
    assert client.recv(timeout=8) == "second"
    assert server.records("went on") == [["went on"]]
    server.expect_line(r"swapped")


def test_the_clients_table_tells_about_everyone_and_why_they_left(patch):
    server = patch(clientstable=True, subprotocols="chat", keepleft=2)
    leaving = server.connect("/desk?x=1", subprotocols=["chat"])
    leaving.send("12345")
    leaving.recv(timeout=8)
    name = "{}:{}".format(*leaving.local_address[:2])
    [row] = server.table()
    assert name in row.values() and "chat" in row.values() and "/desk?x=1" in row.values()
    assert list(row.values()).count("5") == 2 and list(row.values()).count("1") >= 2  # bytes and messages, in and out
    leaving.close(4001, "coffee break")
    server.expect_records("onWebSocketClose")
    [row] = server.table()
    text = json.dumps(row)
    assert "4001" in text and "coffee break" in text
    for _ in range(4):
        server.connect().close()
    server.expect_records("onWebSocketClose", count=5)
    assert len(server.table()) == 2


def test_without_clientstable_the_dat_is_empty(patch):
    server = patch()
    server.connect()
    server.expect_records("onWebSocketOpen")
    assert server.do("result = server.text") == ""


def test_info_channels_count_what_came_and_went(patch):
    server = patch()
    client = server.connect()
    client.send("12345")
    client.recv(timeout=8)
    client.send(b"123")
    client.recv(timeout=8)
    server.get()
    counted = {
        name: server.info(name) for name in ("server_running", "messages_in", "messages_out", "bytes_in", "bytes_out")
    }
    assert counted == {"server_running": 1, "messages_in": 2, "messages_out": 2, "bytes_in": 8, "bytes_out": 8}
    assert server.info("requests") == 1
    assert server.info("connections") == 2  # the WebSocket, and the HTTP connection that is kept


# ---------------------------------------- closing


def end_by_close(server, client):
    client.send_frame(CLOSE, struct.pack(">H", 1000))
    assert client.close_code() == 1000


def end_by_close_with_reason(server, client):
    client.send_frame(CLOSE, struct.pack(">H", 4999) + "grüße".encode())
    assert client.close_code() == 4999


def end_by_empty_close(server, client):
    client.send_frame(CLOSE)
    assert client.close_code() in (1000, 1005)


def end_by_reset(server, client):
    client.reset()


def end_by_fin(server, client):
    client.socket.close()


def end_by_half_a_frame(server, client):
    client.send(b"\x81\xfe\x01")
    client.socket.close()


def end_by_script(server, client):
    server.do(f"server.webSocketClose({client.id!r})\nserver.webSocketClose({client.id!r})")
    assert client.close_code() == 1000
    client.send_frame(CLOSE, struct.pack(">H", 1000))


def end_by_script_without_reply(server, client):
    server.do(f"server.webSocketClose({client.id!r})")
    assert client.close_code() == 1000  # this client answers nothing: the server has to give up


def end_by_restart(server, client):
    server.do("server.par.restart.pulse()")
    assert client.close_code() == 1001
    client.send_frame(CLOSE, struct.pack(">H", 1001))


def end_by_switching_off(server, client):
    server.do("server.par.active = False")
    assert client.close_code() == 1001
    client.send_frame(CLOSE, struct.pack(">H", 1001))


def end_by_message_too_big(server, client):
    client.send_frame(BINARY, b"x" * 5001)
    assert client.close_code() == 1009


def end_by_fragments_too_big(server, client):
    for _ in range(6):
        client.send_frame(BINARY if _ == 0 else 0, b"x" * 999, final=False)
    assert client.close_code() == 1009


def end_by_unmasked_frame(server, client):
    client.send_frame(TEXT, b"bare", masked=False)
    assert client.close_code() == 1002


def end_by_reserved_bits(server, client):
    client.send_frame(TEXT, b"x", reserved=4)
    assert client.close_code() == 1002


def end_by_invalid_text(server, client):
    client.send_frame(TEXT, b"\xc0\xaf")
    assert client.close_code() == 1007


def end_by_invalid_close_code(server, client):
    client.send_frame(CLOSE, struct.pack(">H", 1006))
    assert client.close_code() == 1002


def end_by_lone_continuation(server, client):
    client.send_frame(0, b"x")
    assert client.close_code() == 1002


ENDS = [value for name, value in list(globals().items()) if name.startswith("end_by_")]


@pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])
def test_close_comes_exactly_once(patch, end):
    server = patch(maxmessage=5000)
    client = RawWebSocket(server.port)
    server.expect_records("onWebSocketOpen")
    end(server, client)
    assert server.expect_records("onWebSocketClose") == [["onWebSocketClose", client.id]]
    client.socket.close()
    if end is end_by_switching_off:
        server.do("server.par.active = True")
    eventually(lambda: server.do("result = server.webSocketConnections") == [])
    eventually(
        lambda: len(server.records("onServerStart")) == (2 if end in (end_by_restart, end_by_switching_off) else 1)
    )
    with RawWebSocket(server.port) as next_client:
        next_client.send_frame(TEXT, b"next")
        assert next_client.frame() == (TEXT, b"next", True)
    expect_one_close_each(server)


def test_close_comes_once_when_the_clients_process_is_killed(patch):
    server = patch()
    script = f"""
import sys
sys.path.insert(0, {__file__.rsplit("/", 1)[0]!r})
from raw import RawWebSocket
client = RawWebSocket({server.port})
print(client.id, flush=True)
client.frame()
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        name = process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert server.expect_records("onWebSocketClose") == [["onWebSocketClose", name]]
    expect_one_close_each(server)


def test_node_terminates_and_closes(patch, node_client):
    server = patch()
    one, two = node_client(server.url("/", "ws")), node_client(server.url("/", "ws"))
    one.expect("open"), two.expect("open")
    one.tell(terminate=True)
    server.expect_records("onWebSocketClose")
    two.tell(close=[1000, ""])
    assert two.expect("close")[1] == 1000
    server.expect_records("onWebSocketClose", count=2)
    expect_one_close_each(server)


@pytest.mark.parametrize("stop", ["signal", "restart", "off", "quit"])
def test_everyone_hears_1001_when_the_server_stops(patch, node_client, stop):
    server = patch()
    clients = [server.connect() for _ in range(5)]
    other = node_client(server.url("/", "ws"))
    other.expect("open")
    raw = RawWebSocket(server.port)  # never answers the close
    server.expect_records("onWebSocketOpen", count=7)
    if stop == "signal":
        assert server.stop() == 0
    elif stop == "quit":
        server.do("run('project.quit()', delayFrames=1)")
        assert server.end() == 0
    else:
        server.do("server.par.restart.pulse()" if stop == "restart" else "server.par.active = 0")
    for client in clients:
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=8)
        assert closed.value.rcvd.code == 1001
    assert other.expect("close")[1] == 1001
    assert raw.close_code() == 1001
    server.expect_records("onWebSocketClose", count=7)
    names = [record[0] for record in server.records("onServerStop", "onWebSocketClose")]
    assert names.index("onServerStop") == 0, "onServerStop still sees the clients"
    assert len(server.records("onServerStop")[0][1]) == 7
    expect_one_close_each(server)


def test_what_onserverstop_sends_still_arrives(patch):
    server = patch(
        QUIET
        + """
def onServerStop(dat):
    for client in dat.webSocketConnections:
        dat.webSocketSendText(client, 'goodbye')
"""
    )
    client = server.connect()
    assert server.stop() == 0
    assert client.recv(timeout=8) == "goodbye"
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=8)
    assert closed.value.rcvd.code == 1001


def test_what_was_sent_before_a_close_by_script_still_arrives(patch):
    server = patch(
        QUIET
        + """
def onWebSocketReceiveText(dat, client, data):
    dat.webSocketSendText(client, 'last words')
    dat.webSocketClose(client)
    dat.webSocketSendText(client, 'too late')
"""
    )
    client = server.connect()
    client.send("x")
    assert client.recv(timeout=8) == "last words"
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=8)
    assert closed.value.rcvd.code == 1000
    server.expect_records("onWebSocketClose")
    expect_one_close_each(server)


def test_many_clients_come_and_go(patch):
    server = patch(QUIET)
    clients = [RawWebSocket(server.port) for _ in range(150)]
    for number, client in enumerate(clients):
        if number % 3 == 0:
            client.reset()
        elif number % 3 == 1:
            client.send_frame(CLOSE, struct.pack(">H", 1000))
        else:
            client.socket.close()
    server.expect_records("onWebSocketClose", count=150, timeout=15)
    assert server.do("result = server.webSocketConnections") == []
    expect_one_close_each(server)
