"""What the WebSocket DAT asks for: headers, authorisation, subprotocols, redirects, compression.

These parameters go beyond TouchDesigner's. Servers are Python's `websockets`, Node's `ws`, and scripted ones.
"""

import base64

import pytest

from raw import BINARY
from running import eventually
from scripted_server import hold, http
from websocket_dats import Dat

# ---------------------------------------- headers


@pytest.fixture
def dat_wired(dat):
    """Connects the operator that has a wire, from a table with these headers: (rows, server, parameters…)."""
    changed = []

    def connect(rows, server, **parameters):
        one = dat(name="wired")
        one.do(f"table = op('headers')\ntable.clear()\nfor row in {rows!r}: table.appendRow(row)")
        one.set(netaddress="127.0.0.1", port=server.port, **parameters, active=True)
        changed.append((one, parameters))
        return one

    yield connect
    for one, parameters in changed:
        one.set(active=False, **dict.fromkeys(parameters, ""))


@pytest.mark.parametrize("heading", [["name", "value"], ["Header", "Value"]])
def test_headers_come_from_the_table_at_input_0_with_or_without_a_heading(dat_wired, scripted, heading):
    server = scripted(hold)
    one = dat_wired([heading, ["X-Room", "größe 1"], ["", "no name"], ["x-twice", "a"], ["x-twice", "b"]], server)
    one.expect_connected()
    headers = server.wires[0].headers
    assert headers["x-room"].encode("latin-1").decode() == "größe 1"
    assert headers["x-twice"] == "a, b"
    assert not {"name", "header"} & set(headers)


def test_headers_are_read_at_every_attempt(dat_wired, scripted):
    server = scripted(hold)
    one = dat_wired([["X-Seat", "1"]], server)
    one.expect_connected()
    one.do("op('headers')[0, 1] = '2'")
    one.do("dat.par.reset.pulse()")
    one.expect_connected(2)
    assert [wire.headers["x-seat"] for wire in server.wires] == ["1", "2"]


@pytest.mark.parametrize(
    "name, value",
    [
        ("X-A", "b\r\nX-Injected: 1"),
        ("X A", "b"),
        ("X:A", "b"),
        ("Sec-WebSocket-Key", "mine"),
        ("Host", "other"),
        ("Upgrade", "h2c"),
    ],
)
def test_a_header_that_cannot_stand_in_a_request_is_told_and_nothing_is_sent(dat_wired, scripted, name, value):
    server = scripted(hold)
    one = dat_wired([[name, value]], server)
    one.expect_disconnected()
    assert "header" in one.warnings()
    assert all(not hasattr(wire, "headers") for wire in server.wires), "a request was sent"


def test_a_header_that_is_put_right_is_found_by_itself(dat_wired, scripted):
    one = dat_wired([["X A", "b"]], scripted(hold))
    one.expect_disconnected()
    one.set(reconnectdelay=0.1, reconnectjitter=0, reconnect=True)
    try:
        one.expect_record("onDisconnect", count=2)
        one.do("op('headers')[0, 0] = 'X-A'")
        one.expect_connected()
        assert one.warnings() == ""
    finally:
        one.set(reconnect=False, reconnectdelay=1, reconnectjitter=0.5)


@pytest.mark.parametrize(
    "parameters, rows, sent",
    [
        ({"token": "t0k:en"}, [], "Bearer t0k:en"),
        ({"username": "größe", "password": "p:w"}, [], "Basic " + base64.b64encode("größe:p:w".encode()).decode()),
        ({"username": "me"}, [], "Basic " + base64.b64encode(b"me:").decode()),
        ({"username": "me", "password": "pw", "token": "first"}, [], "Bearer first"),
        ({"token": "t"}, [["authorization", "Own scheme"]], "Own scheme"),
        ({"password": "alone"}, [], None),
    ],
)
def test_authorisation_by_token_or_name_and_password(dat_wired, scripted, parameters, rows, sent):
    server = scripted(hold)
    one = dat_wired(rows, server, **parameters)
    one.expect_connected()
    assert server.wires[0].headers.get("authorization") == sent


def test_user_and_password_of_the_address_are_sent_and_not_shown(dat, scripted):
    server = scripted(hold)
    one = dat(server, netaddress="ws://me:s3cret@127.0.0.1/live?key=s3cret")
    one.expect_connected()
    wire = server.wires[0]
    assert wire.headers["authorization"] == "Basic " + base64.b64encode(b"me:s3cret").decode()
    assert wire.request == "GET /live?key=s3cret HTTP/1.1"
    assert all("s3cret" not in line for line in one.said())


def test_secrets_come_from_the_environment_and_stand_nowhere(patch, scripted):
    server = scripted(hold)
    program = patch(
        more=f"""
[op.ws]
type = "websocketDAT"
par.netaddress = "127.0.0.1"
par.port = {server.port}
par.token = {{ env = "SHOW_TOKEN" }}
par.password = {{ env = "SHOW_PASSWORD" }}
par.username = "me"
par.active = true
""",
        environment={"SHOW_TOKEN": "t0ken", "SHOW_PASSWORD": "passw0rd"},
    )
    eventually(lambda: server.wires and hasattr(server.wires[0], "headers"))
    assert server.wires[0].headers["authorization"] == "Bearer t0ken"
    one = Dat(program, "ws", callbacks=None)
    one.set(token="")
    one.do("dat.par.reset.pulse()")
    eventually(lambda: len(server.wires) == 2 and hasattr(server.wires[1], "headers"))
    assert server.wires[1].headers["authorization"] == "Basic " + base64.b64encode(b"me:passw0rd").decode()
    assert "t0ken" not in program.output and "passw0rd" not in program.output


def test_an_origin_of_ones_own_replaces_the_servers(dat, scripted):
    server = scripted(hold)
    dat(server, origin="https://show.example").expect_connected()
    assert server.wires[0].headers["origin"] == "https://show.example"


@pytest.mark.parametrize(
    "address, query, target",
    [
        ("127.0.0.1", "room=1&name=größe x", "/?room=1&name=gr%C3%B6%C3%9Fe+x"),
        ("127.0.0.1/live?a=b", "c=d=e&flag", "/live?a=b&c=d%3De&flag="),
    ],
)
def test_the_query_is_added_to_that_of_the_address(dat, scripted, address, query, target):
    server = scripted(hold)
    dat(server, netaddress=address, query=query).expect_connected()
    assert server.wires[0].request == f"GET {target} HTTP/1.1"


# ---------------------------------------- subprotocols


def test_subprotocols_are_offered_and_the_servers_choice_is_taken(dat, python_server):
    chosen = []

    def serve(connection):
        chosen.append((connection.request.headers["Sec-WebSocket-Protocol"], connection.subprotocol))
        connection.recv()

    server = python_server(serve, subprotocols=["osc.v2"])
    one = dat(server, subprotocols="osc.v1  osc.v2")
    one.expect_connected()
    one.do("dat.sendText('go')")
    assert eventually(lambda: chosen) == [("osc.v1, osc.v2", "osc.v2")]


def test_a_subprotocol_that_was_not_offered_and_one_that_is_none_are_told(dat, scripted):
    def chooses(wire):
        wire.accept("Sec-WebSocket-Protocol: other")
        wire.rest()

    one = dat(scripted(chooses), subprotocols="mine")
    one.expect_disconnected()
    one.expect_warning("subprotocol")
    one.set(subprotocols="a,b")
    one.do("dat.par.reset.pulse()")
    one.expect_disconnected(2)
    one.expect_warning("subprotocol")


# ---------------------------------------- redirects


def test_redirects_are_followed_as_far_as_they_are_allowed_without_secrets_for_another_server(dat, scripted):
    target = scripted(hold)
    elsewhere = http("307 Moved", "", f"Location: http://127.0.0.1:{target.port}/third")
    same = scripted(http("302 Found", "", "Location: /second"), elsewhere)
    one = dat(same, redirects=2, token="s3cret")
    one.expect_connected()
    assert [wire.request for wire in same.wires] == ["GET / HTTP/1.1", "GET /second HTTP/1.1"]
    assert target.wires[0].request == "GET /third HTTP/1.1"
    assert [wire.headers.get("authorization") for wire in same.wires] == ["Bearer s3cret"] * 2
    assert "authorization" not in target.wires[0].headers


def test_too_many_redirects_end(dat, scripted):
    server = scripted(http("302 Found", "", "Location: /again"))
    one = dat(server, redirects=3)
    one.expect_disconnected()
    one.expect_warning("redirects to ws://.*/again, after 3 redirects already")
    assert len(server.wires) == 4


# ---------------------------------------- compression


def test_node_ws_agrees_on_compression_both_ways(dat, node_server):
    server = node_server(perMessageDeflate={"threshold": 0})
    one = dat(server, netaddress="localhost", compression=True, compressthreshold=0)
    assert "permessage-deflate" in server.expect("open")[3]
    one.expect_connected()
    text = "to and fro, " * 1000
    one.do(f"dat.sendText({text!r})")
    assert server.expect("text") == ["text", text]
    server.tell(text=text)
    one.expect_record("onReceiveText", 1, text)


@pytest.mark.parametrize("context, window", [(False, 15), (True, 15), (True, 9)])
def test_compression_saves_bytes_and_its_parameters_reach_the_server(dat, python_server, context, window):
    from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

    received = []

    def serve(connection):
        extensions.append(connection.protocol.extensions[0])
        for message in connection:
            received.append(message)
            connection.send(message)

    extensions = []
    server = python_server(serve, extensions=[ServerPerMessageDeflateFactory()])
    one = dat(
        server, compression=True, compresscontext=context, compresswindow=window, compressthreshold=100, compresslevel=9
    )
    one.expect_connected()
    text = "".join(chr(97 + number * number % 26) for number in range(2000)) * 3
    for count in (1, 2, 3):
        one.do(f"dat.sendText({text!r})")
        one.expect_record("onReceiveText", count, text)
    assert received == [text] * 3
    assert extensions[0].remote_no_context_takeover is not context
    assert extensions[0].remote_max_window_bits <= window


@pytest.mark.parametrize("size, compressed", [(99, False), (100, True)])
def test_messages_below_the_threshold_are_sent_as_they_are(dat, scripted, size, compressed):
    first = []

    def script(wire):
        agreed = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
        wire.accept(f"Sec-WebSocket-Extensions: {agreed}")
        first.append(wire.take(1)[0])
        wire.rest()

    server = scripted(script)
    one = dat(server, compression=True, compressthreshold=100)
    one.expect_connected()
    assert server.wires[0].headers["sec-websocket-extensions"].startswith("permessage-deflate")
    assert one.do(f"result = dat.sendBinary(bytes({size}))") == size
    assert eventually(lambda: first) == [0x80 | BINARY | (0x40 if compressed else 0)]


def test_without_compression_nothing_is_offered(dat, scripted):
    server = scripted(hold)
    dat(server).expect_connected()
    assert "sec-websocket-extensions" not in server.wires[0].headers
