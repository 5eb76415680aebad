"""The WebSocket DAT as TouchDesigner has it: where it connects to, when, and what its callbacks hear.

Servers are Python's `websockets`, Node's `ws`, and scripted ones where the bytes of the request matter. What it
receives and sends is in test_websocket_dat_messages.py.
"""

import contextlib
import socket

import pytest

from raw import PING, TEXT
from running import eventually
from scripted_server import hold, silent
from websocket_dats import NOTE_ALL, Dat

# ---------------------------------------- the address


def accepts_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.parametrize(
    "netaddress, host, target",
    [
        ("127.0.0.1", "127.0.0.1", "/"),
        ("ws://127.0.0.1/ws", "127.0.0.1", "/ws"),
        ("http://127.0.0.1", "127.0.0.1", "/"),
        (" LOCALHOST/live?room=1 ", "localhost", "/live?room=1"),
        ("localhost?room=1", "localhost", "/?room=1"),
        ("localhost/a b/%41?q=größe", "localhost", "/a%20b/%41?q=gr%C3%B6%C3%9Fe"),
        ("localhost/?to=ws://other/", "localhost", "/?to=ws://other/"),
    ],
)
def test_the_address_may_have_scheme_path_and_query(dat, scripted, netaddress, host, target):
    server = scripted(hold)
    one = dat(server, netaddress=netaddress)
    one.expect_connected()
    [wire] = server.wires
    assert wire.request == f"GET {target} HTTP/1.1"
    assert wire.headers["host"] == f"{host}:{server.port}"
    assert wire.headers["origin"] == f"http://{host}:{server.port}"


def test_a_port_in_the_address_counts_before_the_parameter(dat, scripted):
    server, other = scripted(hold), scripted(hold)
    one = dat(netaddress=f"127.0.0.1:{server.port}/x", port=other.port, active=True)
    one.expect_connected()
    assert [wire.request for wire in server.wires] == ["GET /x HTTP/1.1"] and other.wires == []


@pytest.mark.parametrize("netaddress", ["::1", "[::1]", "ws://[::1]:{port}/six"])
def test_an_ipv6_address_with_and_without_brackets(dat, scripted, netaddress):
    if not accepts_ipv6():
        pytest.skip("this machine has no IPv6")
    server = scripted(hold, host="::1")
    one = dat(server, netaddress=netaddress.format(port=server.port))
    one.expect_connected()
    assert server.wires[0].headers["host"] == f"[::1]:{server.port}"


@pytest.mark.parametrize("scheme, starts", [("", b"\x16\x03"), ("ws://", b"GET "), ("wss://", b"\x16\x03")])
def test_port_443_means_tls_unless_a_scheme_says_otherwise(dat, scripted, scheme, starts):
    def proxy(wire):
        wire.head()
        assert wire.request == "CONNECT show.invalid:443 HTTP/1.1"
        wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
        first.append(wire.take(4))

    first = []
    server = scripted(proxy)
    one = dat(netaddress=f"{scheme}show.invalid", port=443, proxy=f"http://127.0.0.1:{server.port}", active=True)
    one.expect_disconnected()
    assert first[0].startswith(starts)


@pytest.mark.parametrize(
    "netaddress, why, remedy",
    [
        ("", "no address is set", "set the address to a host name"),
        ("ftp://localhost", "`ftp://` is not a scheme of WebSocket", "begin the address with ws://"),
        ("localhost:http", "`http` is no port", "from 1 to 65535"),
        ("localhost:70000", "`70000` is no port", "from 1 to 65535"),
        ("localhost/#top", "the address has a `#`", "%23"),
        ("two words", "`two words` is no host name", "correct the host"),
        ("ws:///live", "the address names no host", "set the address to a host name"),
    ],
)
def test_what_is_no_address_is_told_with_a_remedy_and_connects_once_it_is_corrected(
    dat, scripted, netaddress, why, remedy
):
    one = dat(netaddress=netaddress, active=True, reconnect=True, reconnectdelay=0)
    one.expect_disconnected()
    assert why in one.warnings()
    one.expect_said(rf"^warning: .*{remedy}")
    assert one.monitored()[0].startswith(f"connection failed: {why}")
    assert one.info()["next_delay"] == 0, "an attempt is planned though nothing has been corrected"
    server = scripted(hold)
    one.set(port=server.port, netaddress="127.0.0.1")
    one.expect_connected()
    assert one.warnings() == ""
    assert len(server.wires) == 1


def test_a_change_of_address_or_port_connects_anew(dat, scripted):
    first, second = scripted(hold), scripted(hold)
    one = dat(first)
    one.expect_connected()
    one.set(port=second.port)
    one.expect_connected(2)
    one.set(netaddress="localhost")
    one.expect_connected(3)
    assert (len(first.wires), len(second.wires)) == (1, 2)
    assert len([line for line in one.said() if line == "disconnected, because the address has changed"]) == 2
    assert [name for [name, *_] in one.records("onConnect", "onDisconnect")] == [
        "onConnect",
        "onDisconnect",
        "onConnect",
        "onDisconnect",
        "onConnect",
    ]


def test_address_and_port_that_change_in_one_script_are_one_change(dat, scripted):
    first, second = scripted(hold), scripted(hold)
    one = dat(first, netaddress="127.0.0.1")
    one.expect_connected()
    one.do(f"dat.par.netaddress = 'localhost/live'\ndat.par.port = {second.port}")
    one.expect_connected(2)
    assert len(first.wires) == 1 and [wire.request for wire in second.wires] == ["GET /live HTTP/1.1"]
    assert len(one.records("onDisconnect")) == 1


def test_a_callback_that_switches_off_when_it_is_connected_gets_no_on_connect_behind_on_disconnect(dat, scripted):
    callbacks = NOTE_ALL + "    if message == 'connected': dat.par.active = False\n"
    one = dat(scripted(hold), callbacks=callbacks)
    one.expect_disconnected()
    assert one.records("onConnect") == []


def test_other_parameters_leave_the_connection_alone(dat, scripted):
    server = scripted(hold)
    one = dat(server)
    one.expect_connected()
    one.set(
        timeout=1234, query="later=1", subprotocols="later", origin="http://later", token="later", compression=True,
        proxy="http://127.0.0.1:1", cafile="none.pem", verifycert=False, maxmessage=99, maxqueue=2048, redirects=2,
        slowreader="latest", pinginterval=50, missedpings=7, bytes=True, clamp=False, reconnect=True, autopong=True,
    )  # fmt: skip
    server.wires[0].send_frame(TEXT, b"still here")
    one.expect_record("onReceiveText", 1, "still here")
    assert len(server.wires) == 1


# ---------------------------------------- active and reset


def test_it_is_off_at_first_and_closes_with_1000_when_switched_off(dat, scripted):
    closes = []

    def note_close(wire):
        wire.accept()
        closes.append(wire.close_frame())

    server = scripted(note_close)
    one = dat(netaddress="127.0.0.1", port=server.port)
    assert one.do("result = dat.par.active.eval()") == 0
    one.set(active=True)
    one.expect_connected()
    one.expect_info(connected=1)
    one.set(active=False)
    one.expect_disconnected()
    assert eventually(lambda: closes) == [(1000, "")]
    assert len(server.wires) == 1, "it has connected while it was off"
    assert one.info()["connected"] == 0
    assert one.warnings() == "" == one.errors(), "switching it off is no fault"
    one.expect_said("^disconnected$")
    assert one.said()[-1] == "disconnected"


def test_off_and_on_in_one_script_connects_anew(dat, scripted):
    server = scripted(hold)
    one = dat(server)
    one.expect_connected()
    one.do("dat.par.active = 0; dat.par.active = 1")
    one.expect_connected(2)
    names = [name for [name, *_] in one.records("onConnect", "onDisconnect")]
    assert names == ["onConnect", "onDisconnect", "onConnect"]
    assert len(server.wires) == 2
    assert one.info()["connected"] == 1


def test_on_and_off_while_it_is_dialling_ends_the_dial(dat, scripted):
    server = scripted(silent)
    one = dat(server, timeout=60_000)
    one.expect_said("opening a WebSocket")
    one.set(active=False)
    one.expect_disconnected()
    assert eventually(lambda: server.wires)[0].ended.wait(8)
    assert one.warnings() == ""


def test_reset_closes_and_connects_anew_if_it_is_active(dat, scripted):
    server = scripted(hold)
    one = dat(server, active=False)
    one.do("dat.par.reset.pulse()")
    one.set(active=True)
    one.expect_connected()
    one.do("dat.par.reset.pulse()")
    one.expect_connected(2)
    assert len(server.wires) == 2
    one.expect_said("^disconnected for a reset$")


def test_a_connection_that_the_server_ends_stays_closed_until_it_is_wanted(dat, scripted):
    def leave(wire):
        wire.accept()
        wire.send_close(1001, "back at noon")
        wire.rest()

    server = scripted(leave, hold)
    one = dat(server)
    one.expect_disconnected()
    one.expect_warning("closed the connection with code 1001: back at noon")
    one.expect_said("warning: .*pulse `reset`")
    one.expect_info(connected=0, next_delay=0, close_code=1001)
    assert one.do("result = dat.par.active.eval()") == 1
    assert one.do("dat.par.active = 1\nresult = dat.sendText('x')") == -1, "setting it to what it is connects nothing"
    one.do("dat.par.active = 0; dat.par.active = 1")
    one.expect_connected(2)
    assert one.warnings() == ""
    assert len(server.wires) == 2


@pytest.mark.parametrize(
    "again",
    [
        "dat.par.active = 0; dat.par.active = 1",
        "dat.par.reset.pulse()",
        "run('args[0].par.reset.pulse()', dat, delayFrames=2)",
    ],
)
def test_on_disconnect_may_connect_anew(dat, scripted, again):
    def leave(wire):
        wire.accept()
        wire.send_close(1000)
        wire.rest()

    server = scripted(leave, hold)
    note = '    log(dat.name, "onDisconnect")\n'
    once = f"{note}    if not dat.fetch('ended', False):\n        dat.store('ended', True)\n        {again}\n"
    one = dat(server, callbacks=NOTE_ALL.replace(note, once))
    one.expect_connected(2)
    eventually(lambda: one.info()["connected"] == 1)
    assert len(server.wires) == 2


def test_an_operator_that_is_deleted_closes_with_1001(dat, scripted):
    closes = []

    def note_close(wire):
        wire.accept()
        closes.append(wire.close_frame())

    one = dat(scripted(note_close), callbacks=None)
    one.expect_said("^connected$")
    one.do("dat.destroy()")
    assert eventually(lambda: closes) == [(1001, "")]


# ---------------------------------------- callbacks


def test_node_ws_with_a_check_of_host_and_origin_hears_and_says_everything(dat, node_server):
    server = node_server()
    one = dat(server, netaddress="ws://localhost/node?x=1")
    assert server.expect("open") == ["open", "/node?x=1", "", ""]  # no subprotocol, no extension
    one.expect_connected()
    server.tell(text="from node é")
    one.expect_record("onReceiveText", 1, "from node é")
    server.tell(fragments=["one ", "two ", "three"])
    one.expect_record("onReceiveText", 2, "one two three")
    server.tell(binary="00ff10")
    one.expect_record("onReceiveBinary", {"bytes": "00ff10"})
    server.tell(ping="cafe")
    one.expect_record("onReceivePing", {"bytes": "cafe"})
    assert server.expect("pong") == ["pong", "cafe"]
    one.do("dat.sendText('größer'); dat.sendBinary(1, 2); dat.sendPing('alive')")
    assert server.expect("text") == ["text", "größer"]
    assert server.expect("binary") == ["binary", "0102"]
    assert server.expect("ping") == ["ping", b"alive".hex()]
    one.expect_record("onReceivePong", {"bytes": b"alive".hex()})
    server.tell(close=[4321, "done"])
    one.expect_disconnected()
    assert server.expect("close") == ["close", 4321, ""]
    one.expect_warning("closed the connection with code 4321: done")


def test_python_websockets_with_a_check_of_host_and_origin_lets_it_in(dat, python_server):
    def check_host(connection, request):
        if request.headers["Host"] != f"127.0.0.1:{server.port}":
            return connection.respond(421, "wrong host\n")

    def serve(connection):
        for message in connection:
            connection.send(message)

    server = python_server(serve, process_request=check_host, check_origin=True)
    one = dat(server)
    one.expect_connected()
    assert one.do("result = [dat.sendText('there and back'), dat.sendBinary(b'\\x00\\xff')]") == [14, 2]
    one.expect_record("onReceiveText", 1, "there and back")
    one.expect_record("onReceiveBinary", {"bytes": "00ff"})


def test_the_monitor_is_told_what_the_textport_says(dat, scripted):
    def leave(wire):
        wire.accept()
        wire.send_close(4000, "enough")
        wire.rest()

    server = scripted(leave)
    one = dat(server)
    one.expect_disconnected()
    address = f"127.0.0.1:{server.port}"
    expected = [
        f"connecting to {address}",
        f"opening a WebSocket at ws://{address}/",
        "connected",
        "the server closed the connection with code 4000: enough",
    ]
    assert one.monitored() == expected
    assert [line for line in one.said() if not line.startswith("warning")] == expected
    server.end_listening()
    one.do("dat.par.reset.pulse()")
    one.expect_disconnected(2)
    # Scripts look for these words.
    assert "failed" in one.monitored()[-1] and "refused" in one.monitored()[-1]


def test_callbacks_edited_while_it_is_connected_hold_from_the_next_message_on(dat, scripted):
    server = scripted(hold)
    one = dat(server)
    one.expect_connected()
    [wire] = server.wires
    wire.send_frame(TEXT, b"a")
    one.expect_record("onReceiveText", 1, "a")
    one.do(
        f"text = op('{one.name}_callbacks')\n"
        "text.text = text.text.replace('rowIndex, message)', 'rowIndex, message.upper())', 2)\n"
        "text.text = text.text.replace('message.upper()):', 'message):')"
    )
    wire.send_frame(TEXT, b"b")
    one.expect_record("onReceiveText", 2, "B")
    one.do(f"op('{one.name}_callbacks').text = 'def onReceiveText(:'")
    wire.send_frame(TEXT, b"c")
    one.expect_record("onReceiveText", 3, "C")  # the last good script goes on
    assert len(server.wires) == 1 and one.info()["connected"] == 1


def test_a_callback_that_raises_is_shown_and_ends_nothing(dat, scripted):
    server = scripted(hold)
    raising = NOTE_ALL.replace('log(dat.name, "onReceiveText", rowIndex, message)', "float(message)")
    one = dat(server, callbacks=raising)
    one.expect_connected()
    server.wires[0].send_frame(TEXT, b"no number")
    eventually(lambda: "onReceiveText" in one.errors())
    server.wires[0].send_frame(TEXT, b"1.5")
    server.wires[0].send_frame(PING, b"x")
    assert one.expect_record("onReceivePing", {"bytes": b"x".hex()})
    eventually(lambda: one.errors() == "")
    assert [row[0] for row in one.rows()] == ["message", "no number", "1.5"]


def test_callbacks_that_are_missing_and_no_callbacks_dat_are_in_order(dat, scripted):
    server = scripted(hold)
    few = dat(server, callbacks="def onReceiveText(dat, rowIndex, message):\n    dat.sendText(message)\n")
    none = dat(server, callbacks=None)
    for one in (few, none):
        one.expect_said("^connected$")
    for wire in server.wires:
        wire.send_frame(PING, b"")
        wire.send_frame(TEXT, b"x")
    for one in (few, none):
        eventually(lambda one=one: len(one.rows()) == 2)
        assert (one.errors(), one.warnings()) == ("", "")


@pytest.mark.parametrize("executeloc, found", [("callbacks", "script"), ("current", "dat"), ("op", "from")])
def test_executeloc_says_from_whose_place_names_are_looked_up(dat, scripted, executeloc, found):
    one = dat(netaddress="127.0.0.1", port=scripted(hold).port, callbacks=None)
    places = f"{one.name}_places"
    one.do(f"""
outer = op('/project1').create(baseCOMP, {places!r})
for name in ('dat', 'script', 'from'):
    inner = outer.create(baseCOMP, name)
    inner.create(textDAT, 'here').text = name
script = op({places + "/script"!r}).create(textDAT, 'script')
script.text = '''
def onConnect(dat):
    print('LOG ["{one.name}", "found", "' + op('here').text + '", "' + me.name + '", "' + parent().name + '"]')
'''
moved = op({places + "/dat"!r}).create(websocketDAT, {one.name + "_moved"!r}, initialize=False)
moved.par.netaddress, moved.par.port = '127.0.0.1', dat.par.port.eval()
moved.par.callbacks = script
moved.par.executeloc = {executeloc!r}
moved.par.fromop = op({places + "/from/here"!r})
moved.par.active = True
""")
    try:
        assert one.expect_record("found") == ["found", found, "script", found]
    finally:
        one.do(f"op({places!r}).destroy()")


# ---------------------------------------- in a patch file


def test_retired_parameters_of_a_patch_file_are_taken_with_a_warning_and_active_dials_at_the_start(patch, scripted):
    server = scripted(hold)
    program = patch(
        more=f"""
[op.old]
type = "websocketDAT"
par.netaddress = "127.0.0.1"
par.port = {server.port}
par.active = true
par.socketio = true
par.socketioaddress = "http://localhost"
"""
    )
    old = Dat(program, "old", callbacks=None)
    assert "`socketio` and `socketioaddress` are retired and have no effect" in old.warnings()
    eventually(lambda: server.wires and old.do("result = dat.sendText('x')") == 1)
    old.set(socketio=False, socketioaddress="")
    assert old.warnings() == ""
    assert len(server.wires) == 1


def test_a_patch_file_edited_while_it_is_connected_keeps_the_connection(patch, scripted):
    server = scripted(hold)
    more = f"""
[op.ws]
type = "websocketDAT"
par.netaddress = "127.0.0.1"
par.port = {server.port}
par.active = true
par.maxlines = 100
"""
    program = patch(more=more)
    one = Dat(program, "ws", callbacks=None)
    eventually(lambda: server.wires and hasattr(server.wires[0], "headers"))
    program.more = program.more.replace("maxlines = 100", "maxlines = 2")
    program.write_patch()
    eventually(lambda: one.do("result = dat.par.maxlines.eval()") == 2)
    for text in (b"a", b"b", b"c"):
        server.wires[0].send_frame(TEXT, text)
    eventually(lambda: one.rows() == [["message"], ["b"], ["c"]])
    assert program.stop() == 0
    assert server.wires[0].ended.wait(8)
    assert len(server.wires) == 1
