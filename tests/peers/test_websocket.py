"""WebSocket: messages, opening and pings, as callbacks and clients see them.

Clients are Python's `websockets`, Node's `ws`, and raw frames for what those never send. Sections are of RFC 6455.
"""

import pytest
from websockets.exceptions import InvalidStatus

from raw import BINARY, PING, PONG, TEXT, Raw, RawWebSocket, frame, request, upgrade_headers
from running import ECHO, PRELUDE, QUIET

# ---------------------------------------- messages


@pytest.mark.parametrize("text", ["", "hello", "größer 🎛 \u0000 end", "x" * 125, "x" * 126, "y" * 65_535, "z" * 65_536])
def test_text_comes_as_str_and_goes_back(patch, text):
    server = patch()
    client = server.connect()
    client.send(text)
    assert client.recv(timeout=8) == text
    [[_, name, data]] = server.expect_records("onWebSocketReceiveText")
    host, port = client.local_address[:2]
    assert (name, data) == (f"{host}:{port}", text)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 1_000_000])
def test_binary_comes_as_bytes_and_goes_back(patch, size):
    server = patch(
        ECHO.replace('log("onWebSocketReceiveBinary", client, data)', 'log("kind", type(data).__name__, len(data))')
    )
    client = server.connect(max_size=None)
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    client.send(data)
    assert client.recv(timeout=8) == data
    assert server.expect_records("kind") == [["kind", "bytes", size]]


def test_many_messages_keep_their_order(patch):
    server = patch(
        PRELUDE + "def onWebSocketReceiveText(dat, client, data):\n    dat.webSocketSendText(client, data)\n"
    )
    client = server.connect()
    for number in range(3000):
        client.send(str(number))
    assert [client.recv(timeout=8) for _ in range(3000)] == [str(number) for number in range(3000)]


def test_fragments_come_as_one_message_with_pings_between_them(patch):
    server = patch()
    whole = "größer 🎛 fader".encode()
    with RawWebSocket(server.port) as client:
        client.send_frame(TEXT, whole[:3], final=False)  # ends inside a character
        client.send_frame(PING, b"between")
        assert client.frame() == (PONG, b"between", True)
        client.send_frame(0, whole[3:8], final=False)
        client.send_frame(0, b"", final=False)
        client.send_frame(0, whole[8:])
        assert client.frame() == (TEXT, whole, True)
        client.send_frame(BINARY, b"\x00", final=False)
        client.send_frame(0, b"\xff")
        assert client.frame() == (BINARY, b"\x00\xff", True)
    assert [record[0] for record in server.records()][2:5] == [
        "onWebSocketReceivePing",
        "onWebSocketReceiveText",
        "onWebSocketReceiveBinary",
    ]


def test_node_ws_speaks_every_kind_of_message(patch, node_client):
    server = patch()
    client = node_client(server.url("/node?x=1", "ws"))
    assert client.expect("open") == ["open", "", ""]  # no subprotocol, no extension
    client.tell(text="from node é")
    assert client.expect("text") == ["text", "from node é"]
    client.tell(binary="00ff10")
    assert client.expect("binary") == ["binary", "00ff10"]
    client.tell(fragments=["one ", "two ", "three"])
    assert client.expect("text", 2) == ["text", "one two three"]
    client.tell(ping="cafe")
    assert client.expect("pong") == ["pong", "cafe"]
    client.tell(close=[4321, "done"])
    assert client.expect("close")[1] == 4321
    server.expect_line(r"4321.*done")
    assert server.expect_records("onWebSocketClose")
    assert server.records("onWebSocketOpen")[0][2] == "/node?x=1"


def test_a_script_may_send_text_bytes_and_what_turns_into_text(patch):
    server = patch(QUIET)
    client = server.connect()
    [[_, name, _]] = server.expect_records("onWebSocketOpen")
    server.do(
        f"for data in ('t', '', 7): server.webSocketSendText({name!r}, data)\n"
        f"for data in (b'b', bytearray(b'a'), memoryview(b'm'), b''): server.webSocketSendBinary({name!r}, data)"
    )
    assert [client.recv(timeout=8) for _ in range(7)] == ["t", "", "7", b"b", b"a", b"m", b""]


def test_sending_returns_none_and_large_messages_arrive_whole(patch):
    server = patch(QUIET)
    client = server.connect(max_size=None)
    [[_, name, _]] = server.expect_records("onWebSocketOpen")
    assert server.do(f"result = repr(server.webSocketSendText({name!r}, 'x' * 3_000_000))") == "None"
    assert client.recv(timeout=8) == "x" * 3_000_000


# ---------------------------------------- opening


@pytest.mark.parametrize(
    "signature, logged, seen",
    [
        ("dat, client, uri", "client, uri", ["/room/1?ticket=a%20b&x"]),
        ("webServerDAT, client", "client", []),
        ("dat, client, uri='default'", "client, uri", ["/room/1?ticket=a%20b&x"]),
        ("*arguments", "arguments[1], arguments[2]", ["/room/1?ticket=a%20b&x"]),
        ("dat, client, *rest", "client, *rest", ["/room/1?ticket=a%20b&x"]),
        ("dat, client, uri, extra=None", "client, uri, extra", ["/room/1?ticket=a%20b&x", None]),
    ],
)
def test_open_is_called_with_as_many_arguments_as_it_takes(patch, signature, logged, seen):
    server = patch(PRELUDE + f"def onWebSocketOpen({signature}):\n    log('open', {logged})\n")
    client = server.connect("/room/1?ticket=a%20b&x")
    host, port = client.local_address[:2]
    assert server.expect_records("open") == [["open", f"{host}:{port}", *seen]]


def test_a_callback_that_wants_more_arguments_than_there_are_is_an_error_that_is_shown(patch):
    server = patch(QUIET + "\ndef onWebSocketReceiveText(dat, client, data, more):\n    log('never')\n")
    client = server.connect()
    client.send("x")
    server.expect_line(r"TypeError.*onWebSocketReceiveText")
    assert server.records("never") == []
    name = "{}:{}".format(*client.local_address[:2])
    server.do(f"server.webSocketSendText({name!r}, 'still open')")
    assert client.recv(timeout=8) == "still open"


def test_a_message_sent_in_open_is_the_first_that_the_client_gets(patch):
    server = patch(
        PRELUDE + "def onWebSocketOpen(dat, client, uri):\n    dat.webSocketSendText(client, 'welcome ' + client)\n"
    )
    client = server.connect()
    host, port = client.local_address[:2]
    assert client.recv(timeout=8) == f"welcome {host}:{port}"


def test_a_message_right_behind_the_handshake_is_not_lost(patch):
    server = patch()
    with Raw(server.port) as client:
        client.send(request(server.port, "GET", "/", upgrade_headers()) + frame(TEXT, b"early"))
        assert client.answer(head=True).status == 101
        raw = RawWebSocket.__new__(RawWebSocket)
        raw.socket, raw.buffer = client.socket, client.buffer
        assert raw.frame() == (TEXT, b"early", True)


def test_the_accept_key_is_that_of_rfc_6455(patch):
    server = patch()
    with Raw(server.port) as client:
        client.send(request(server.port, "GET", "/", upgrade_headers(key="dGhlIHNhbXBsZSBub25jZQ==")))
        answer = client.answer(head=True)
    assert answer.status == 101
    assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert answer.headers["upgrade"].lower() == "websocket"
    assert answer.headers["connection"].lower() == "upgrade"
    assert "sec-websocket-extensions" not in answer.headers


@pytest.mark.parametrize(
    "headers, status",
    [
        (upgrade_headers(version="8"), 426),
        (upgrade_headers(version="x"), 426),
        (upgrade_headers(key="short"), 400),
        (upgrade_headers(key="dGhlIHNhbXBsZSBub25jZQ=="[:-4]), 400),
        ([header for header in upgrade_headers() if "Key" not in header], 400),
    ],
)
def test_a_wrong_handshake_is_refused_with_its_reason(patch, headers, status):
    server = patch(QUIET)
    with Raw(server.port) as client:
        client.send(request(server.port, "GET", "/", headers))
        answer = client.answer()
        assert answer.status == status
        assert status != 426 or answer.headers["sec-websocket-version"] == "13"
    assert server.records() == []


@pytest.mark.parametrize(
    "offered, chosen",
    [(["superchat", "chat"], "chat"), (["superchat"], "superchat"), (["other"], None), ([], None), (["Chat"], None)],
)
def test_the_first_of_the_servers_subprotocols_that_is_offered_is_chosen(patch, offered, chosen):
    server = patch(subprotocols="chat superchat")
    client = server.connect(subprotocols=offered or None)
    assert client.subprotocol == chosen


def test_node_offers_subprotocols_too(patch, node_client):
    server = patch(subprotocols="osc.v1 chat")
    client = node_client(server.url("/", "ws"), ["chat", "osc.v1"])
    assert client.expect("open") == ["open", "osc.v1", ""]


@pytest.mark.parametrize(
    "allowed, origin, welcome",
    [
        ("", "http://anything.example", True),
        ("*", "http://anything.example", True),
        ("https://a.example https://b.example:8443", "https://a.example", True),
        ("https://a.example https://b.example:8443", "https://b.example:8443", True),
        ("https://a.example https://b.example:8443", "https://b.example", False),
        ("https://a.example", "http://a.example", False),
        ("https://a.example", "https://a.example.evil.example", False),
        ("https://a.example", "null", False),
        ("https://a.example", None, True),
    ],
)
def test_origins_say_which_pages_may_open(patch, allowed, origin, welcome):
    server = patch(QUIET, origins=allowed)
    if welcome:
        server.connect(origin=origin)
        server.expect_records("onWebSocketOpen")
    else:
        with pytest.raises(InvalidStatus) as refused:
            server.connect(origin=origin)
        assert refused.value.response.status_code == 403
        assert server.records() == []


REQUESTED = (
    QUIET
    + """
def onWebSocketRequest(dat, client, request):
    log("onWebSocketRequest", client, request["uri"], request["pars"], request["method"], request["x-token"],
        client in dat.webSocketConnections)
    return ANSWER
"""
)


@pytest.mark.parametrize("answer", ["True", "None", "{}"])
def test_a_request_callback_may_let_a_client_in(patch, answer):
    server = patch(REQUESTED.replace("ANSWER", answer))
    client = server.connect("/in?a=1", additional_headers={"X-Token": "t"})
    host, port = client.local_address[:2]
    name = f"{host}:{port}"
    server.expect_records("onWebSocketOpen")
    assert server.records() == [
        ["onWebSocketRequest", name, "/in", {"a": "1"}, "GET", "t", False],
        ["onWebSocketOpen", name, "/in?a=1"],
    ]


@pytest.mark.parametrize(
    "answer, status, reason",
    [
        ("False", 403, "Forbidden"),
        ("401", 401, "Unauthorized"),
        ("(429, 'Come back later')", 429, "Come back later"),
        ("{'statusCode': 503, 'statusReason': 'Full house'}", 503, "Full house"),
        ("{'statusCode': 404}", 404, "Not Found"),
    ],
)
def test_a_request_callback_may_refuse_with_status_and_reason(patch, answer, status, reason):
    server = patch(REQUESTED.replace("ANSWER", answer))
    with Raw(server.port) as client:
        client.send(request(server.port, "GET", "/", [*upgrade_headers(), "X-Token: t"]))
        got = client.answer()
    assert (got.status, got.reason) == (status, reason)
    assert [record[0] for record in server.records()] == ["onWebSocketRequest"]


@pytest.mark.parametrize("answer", ["'yes'", "object()", "(1, 2, 3)", "7", "{'statusCode': 'x'}", "1 / 0", "200"])
def test_a_request_callback_that_answers_junk_lets_nobody_in(patch, answer):
    server = patch(REQUESTED.replace("ANSWER", answer))
    with pytest.raises(InvalidStatus) as refused:
        server.connect(additional_headers={"X-Token": "t"})
    assert refused.value.response.status_code == 500
    server.expect_line("onWebSocketRequest")
    assert server.records("onWebSocketOpen") == []


def test_a_request_callback_may_choose_among_the_offered_subprotocols(patch):
    server = patch(REQUESTED.replace("ANSWER", "{'subprotocol': 'b'}"), subprotocols="a b")
    client = server.connect(subprotocols=["a", "b"], additional_headers={"X-Token": "t"})
    assert client.subprotocol == "b"


def test_node_sees_why_it_is_refused(patch, node_client):
    server = patch(REQUESTED.replace("ANSWER", "(402, 'Coins please')"))
    client = node_client(server.url("/", "ws"), headers={"X-Token": "t"})
    assert client.expect("refused") == ["refused", 402, "Coins please"]


# ---------------------------------------- pings


def pongs_before_echo(client):
    """Contents of the pongs that come before the echo of a text sent now."""
    client.send_frame(TEXT, b"fence")
    pongs = []
    while (got := client.frame())[0] != TEXT:
        if got[0] == PONG:
            pongs.append(got[1])
    return pongs


SILENT_ON_PING = ECHO.replace("dat.webSocketSendPong(client, data=data)", "pass")


@pytest.mark.parametrize(
    "script, autopong, pongs",
    [
        (ECHO, False, [b"beat"]),
        (SILENT_ON_PING, False, []),
        (SILENT_ON_PING, True, [b"beat"]),
        (ECHO, True, [b"beat"]),
        (ECHO.replace("SendPong(client, data=data)", "SendPong(client, data=b'other')"), True, [b"beat", b"other"]),
        (ECHO.replace("SendPong(client, data=data)", "SendPong(client, data)"), False, [b"beat"]),
        (ECHO.replace("SendPong(client, data=data)", "SendPong(client)"), False, [b""]),
    ],
    ids=["callback", "nobody", "automatic", "both", "both differ", "positional", "empty"],
)
def test_a_ping_is_answered_as_callback_and_autopong_say_and_never_twice(patch, script, autopong, pongs):
    server = patch(script, autopong=autopong)
    with RawWebSocket(server.port) as client:
        client.send_frame(PING, b"beat")
        assert pongs_before_echo(client) == pongs
        assert server.expect_records("onWebSocketReceivePing") == [
            ["onWebSocketReceivePing", client.id, {"bytes": b"beat".hex()}]
        ]


def test_a_script_pings_and_hears_the_pong(patch):
    server = patch()
    client = server.connect()
    [[_, name, _]] = server.expect_records("onWebSocketOpen")
    server.do(f"server.webSocketSendPing({name!r}, data=b'are you there')")
    assert server.expect_records("onWebSocketReceivePong") == [
        ["onWebSocketReceivePong", name, {"bytes": b"are you there".hex()}]
    ]
    server.do(f"server.webSocketSendPing({name!r})")
    assert server.expect_records("onWebSocketReceivePong", count=2)[1][2] == {"bytes": ""}
    client.send("x")
    assert client.recv(timeout=8) == "x"


def test_an_unasked_pong_is_given_to_the_callback(patch):
    server = patch()
    with RawWebSocket(server.port) as client:
        client.send_frame(PONG, b"hello")
        assert server.expect_records("onWebSocketReceivePong")[0][2] == {"bytes": b"hello".hex()}


def test_a_control_frame_holds_125_bytes_and_a_script_that_sends_more_is_told(patch):
    server = patch()
    with RawWebSocket(server.port) as client:
        server.do(f"server.webSocketSendPing({client.id!r}, b'x' * 125)")
        assert client.frame() == (PING, b"x" * 125, True)
        server.do(
            f"try:\n    server.webSocketSendPing({client.id!r}, b'y' * 126)\n"
            "except Exception as error:\n    print('told', error)"
        )
        server.expect_line(r"125")
        assert pongs_before_echo(client) == []


def test_the_servers_own_pings_are_not_shown_to_callbacks(patch):
    server = patch(pinginterval=0.05, missedpings=50)
    with RawWebSocket(server.port) as client:
        for _ in range(4):
            opcode, payload, _ = client.frame()
            assert opcode == PING
            client.send_frame(PONG, payload)
        client.send_frame(TEXT, b"alive")
        while client.frame() != (TEXT, b"alive", True):
            pass
    assert server.records("onWebSocketReceivePong") == []


def test_a_client_that_answers_no_ping_is_given_up(patch):
    server = patch(pinginterval=0.1, missedpings=2)
    living = server.connect()  # answers by itself
    with RawWebSocket(server.port) as client:
        assert client.is_ended(5)
        [[_, closed]] = server.expect_records("onWebSocketClose")
        assert closed == client.id
    living.send("still here")
    assert living.recv(timeout=8) == "still here"
