"""What the WebSocket DAT receives and sends: its table, and the four methods of its class."""

import pytest

from raw import BINARY, PING, PONG, TEXT, frame
from running import eventually
from scripted_server import hold
from websocket_dats import NOTE_ALL

# ---------------------------------------- the table


def connected(dat, scripted, **parameters):
    """An operator with an open connection, and the server's end of it."""
    server = scripted(hold)
    one = dat(server, **parameters)
    one.expect_connected()
    return one, server.wires[0]


def send_texts(wire, texts):
    wire.send(b"".join(frame(TEXT, text.encode(), masked=False) for text in texts))


def test_the_table_has_a_heading_and_keeps_the_newest_100_messages(dat, scripted):
    one, wire = connected(dat, scripted)
    assert one.rows() == [["message"]]
    send_texts(wire, [f"m{number}" for number in range(105)])
    one.expect_record("onReceiveText", count=105)
    rows = [record[1] for record in one.records("onReceiveText")]
    assert rows == [*range(1, 101), 100, 100, 100, 100, 100]
    assert one.rows() == [["message"], *([f"m{number}"] for number in range(5, 105))]


def test_the_row_that_a_callback_is_told_holds_its_message(dat, scripted):
    noting = NOTE_ALL.replace(
        'log(dat.name, "onReceiveText", rowIndex, message)',
        'log(dat.name, "onReceiveText", dat[rowIndex, 0].val == message, dat.numRows)',
    )
    one, wire = connected(dat, scripted, callbacks=noting, maxlines=2)
    send_texts(wire, ["a", "b", "c"])
    one.expect_record("onReceiveText", count=3)
    assert [record[1:] for record in one.records("onReceiveText")] == [[True, 2], [True, 3], [True, 3]]


def test_a_callback_that_a_script_puts_in_place_later_is_called_from_the_next_read_on(dat, scripted):
    late = NOTE_ALL.replace("def onReceiveText", "def later").replace(
        'log(dat.name, "onReceivePing", contents)',
        'log(dat.name, "onReceivePing", contents)\n    global onReceiveText\n    onReceiveText = later',
    )
    one, wire = connected(dat, scripted, callbacks=late, autopong=True)
    send_texts(wire, ["a"])
    wire.send_frame(PING, b"now")
    one.expect_record("onReceivePing")
    send_texts(wire, ["b"])
    assert one.expect_record("onReceiveText")[1:] == [2, "b"]
    assert one.rows() == [["message"], ["a"], ["b"]]


def test_binary_messages_pings_and_pongs_add_no_row(dat, scripted):
    one, wire = connected(dat, scripted)
    for opcode in (BINARY, PING, PONG):
        wire.send_frame(opcode, b"x")
    send_texts(wire, ["text"])
    one.expect_record("onReceiveText", 1, "text")
    assert one.rows() == [["message"], ["text"]]


def test_clamp_and_maxlines_hold_at_once_and_clear_leaves_the_heading(dat, scripted):
    one, wire = connected(dat, scripted, clamp=False, maxlines=2)
    send_texts(wire, ["a", "b", "c", "d"])
    one.expect_record("onReceiveText", 4, "d")
    assert len(one.rows()) == 5
    one.set(clamp=True)
    assert one.rows() == [["message"], ["c"], ["d"]]
    send_texts(wire, ["e"])
    one.expect_record("onReceiveText", 2, "e")
    one.set(maxlines=1)
    assert one.rows() == [["message"], ["e"]]
    one.do("dat.par.clear.pulse()")
    assert one.rows() == [["message"]]
    send_texts(wire, ["f"])
    one.expect_record("onReceiveText", 1, "f")


def test_the_bytes_column_has_decimal_numbers_and_comes_and_goes(dat, scripted):
    one, wire = connected(dat, scripted, bytes=True)
    send_texts(wire, ["aé", ""])
    one.expect_record("onReceiveText", 2, "")
    assert one.rows() == [["message", "bytes"], ["aé", "97 195 169"], ["", ""]]
    one.set(bytes=False)
    assert one.rows() == [["message"], ["aé"], [""]]
    one.set(bytes=True)
    assert one.rows() == [["message", "bytes"], ["aé", "97 195 169"], ["", ""]]


def test_rows_outlive_the_connection(dat, scripted):
    one, wire = connected(dat, scripted)
    send_texts(wire, ["kept"])
    one.expect_record("onReceiveText", 1, "kept")
    one.do("dat.par.reset.pulse()")
    one.expect_connected(2)
    assert one.rows() == [["message"], ["kept"]]


@pytest.mark.parametrize(
    "text", ["", "größer 🎛 \u0000 end", "tab\tand\nline", "x" * 126, "y" * 65_536, "z" * 1_000_000]
)  # fmt: skip
def test_text_comes_whole_whatever_is_in_it(dat, scripted, text):
    comparing = NOTE_ALL.replace('Text", rowIndex, message', 'Text", type(message) is str and message == text')
    one, wire = connected(dat, scripted, callbacks=comparing.replace("import json", f"import json\ntext = {text!r}", 1))
    send_texts(wire, [text])
    one.expect_record("onReceiveText", True)
    assert one.rows()[1] == [text]


def test_fragments_come_as_one_message_with_pings_between_them(dat, scripted):
    one, wire = connected(dat, scripted)
    whole = "größer 🎛 fader".encode()
    wire.send_frame(TEXT, whole[:3], final=False)  # ends inside a character
    wire.send_frame(PING, b"between")
    wire.send_frame(0, whole[3:], final=True)
    one.expect_record("onReceiveText", 1, whole.decode())
    names = [record[0] for record in one.records("onReceivePing", "onReceiveText")]
    assert names == ["onReceivePing", "onReceiveText"]


# ---------------------------------------- sending


@pytest.mark.parametrize(
    "call, result, sent",
    [
        ("sendText('hello')", 5, (TEXT, b"hello")),
        ("sendText('größe')", 7, (TEXT, "größe".encode())),
        ("sendText('a', 'b', 'c')", 3, (TEXT, b"abc")),
        ("sendText('n=', 1, ' ', 2.5, ' ', None)", 12, (TEXT, b"n=1 2.5 None")),
        ("sendText('')", 0, (TEXT, b"")),
        ("sendText()", 0, (TEXT, b"")),
        ("sendText('x' * 70000)", 70000, (TEXT, b"x" * 70000)),
        ("sendBinary(b'ab', bytearray(b'c'), 'é', 0, 255)", 7, (BINARY, b"abc\xc3\xa9\x00\xff")),
        ("sendBinary(memoryview(b'view'))", 4, (BINARY, b"view")),
        ("sendBinary()", 0, (BINARY, b"")),
        ("sendBinary(bytes(70000))", 70000, (BINARY, bytes(70000))),
        ("sendPing()", 0, (PING, b"")),
        ("sendPing('beat', 1)", 5, (PING, b"beat\x01")),
        ("sendPing(bytes(125))", 125, (PING, bytes(125))),
        ("sendPong(b'answer')", 6, (PONG, b"answer")),
        ("sendPong()", 0, (PONG, b"")),
    ],
)
def test_sending_gives_the_number_of_bytes(dat, scripted, call, result, sent):
    got = []

    def serve(wire):
        wire.accept()
        got.append(wire.frame())
        wire.rest()

    one = dat(scripted(serve))
    one.expect_connected()
    assert one.do(f"result = dat.{call}") == result
    assert eventually(lambda: got) == [(*sent, True)]


@pytest.mark.parametrize(
    "call, error",
    [
        ("sendBinary(256)", "ValueError: a number must be from 0 to 255"),
        ("sendBinary(-1)", "ValueError: a number must be from 0 to 255"),
        ("sendPing(1.5)", "TypeError: contents must be str, bytes or whole numbers"),
        ("sendPong(None)", "TypeError: contents must be str, bytes or whole numbers"),
        ("sendBinary([1, object()])", "TypeError: contents must be"),
    ],
)
def test_what_cannot_be_sent_raises_and_sends_nothing(dat, scripted, call, error):
    got = []

    def serve(wire):
        wire.accept()
        got.append(wire.frame())

    one = dat(scripted(serve))
    one.expect_connected()
    noted = "result = type(failure).__name__ + ': ' + str(failure)"
    raised = one.do(f"try: dat.{call}\nexcept Exception as failure: {noted}")
    assert raised.startswith(error)
    one.do("dat.sendText('next')")
    assert eventually(lambda: got) == [(TEXT, b"next", True)]


@pytest.mark.parametrize("call", ["sendPing(bytes(126))", "sendPong('x' * 126)"])
def test_a_ping_or_pong_of_more_than_125_bytes_is_refused_with_a_warning(dat, scripted, call):
    got = []

    def serve(wire):
        wire.accept()
        got.append(wire.frame())

    one = dat(scripted(serve))
    one.expect_connected()
    assert one.do(f"result = dat.{call}") < 0
    assert "125 bytes" in one.warnings()
    one.do("dat.sendText('next')")
    assert eventually(lambda: got) == [(TEXT, b"next", True)]


@pytest.mark.parametrize("call", ["sendText('x')", "sendBinary(1)", "sendPing()", "sendPong()"])
def test_sending_without_a_connection_gives_a_negative_number_and_a_warning_until_there_is_one(dat, scripted, call):
    server = scripted(hold)
    one = dat(netaddress="127.0.0.1", port=server.port)
    assert one.do(f"result = dat.{call}") < 0
    assert "not connected; nothing was sent" in one.warnings()
    one.set(active=True)
    one.expect_connected()
    assert one.warnings() == ""


def test_what_is_sent_in_the_script_that_switches_it_off_goes_out_before_the_close(dat, scripted):
    got = []

    def serve(wire):
        wire.accept()
        got.extend([wire.frame()[:2], wire.close_frame()])

    one = dat(scripted(serve))
    one.expect_connected()
    assert one.do("dat.par.active = 0\nresult = dat.sendText('last')") == 4
    one.expect_disconnected()
    assert one.do("result = dat.sendText('late')") == -1
    assert eventually(lambda: len(got) == 2 and got) == [(TEXT, b"last"), (1000, "")]


def test_what_the_class_does_not_have_scripts_can_find_out(dat):
    one = dat(callbacks=None)
    assert one.do("result = [hasattr(dat, name) for name in ('send', 'sendBytes', 'close', 'sendText')]") == [
        False,
        False,
        False,
        True,
    ]


def test_a_message_sent_in_on_connect_is_the_first_and_thousands_keep_their_order(dat, scripted):
    got = []

    def serve(wire):
        wire.accept()
        while True:
            opcode, payload, _ = wire.frame()
            got.append(payload.decode())
            wire.send_frame(TEXT, payload)

    greeting = NOTE_ALL.replace('log(dat.name, "onConnect")', 'log(dat.name, "onConnect", dat.sendText("hello"))')
    one = dat(scripted(serve), callbacks=greeting)
    one.expect_record("onConnect", 5)
    one.do("for number in range(3000): dat.sendText(str(number))")
    one.expect_record("onReceiveText", 100, "2999", timeout=20)
    expected = ["hello", *map(str, range(3000))]
    assert got == expected
    assert [record[2] for record in one.records("onReceiveText")] == expected


# ---------------------------------------- info channels


def test_info_channels_count_messages_and_bytes_over_all_connections(dat, scripted):
    def serve(wire):
        wire.accept()
        send_texts(wire, ["größe", "x"])
        wire.send_frame(BINARY, bytes(100))
        wire.send_frame(PING, b"no message")
        if wire.close_frame() == (1000, ""):
            wire.send_close(1000)
            wire.rest()

    one = dat(scripted(serve))
    one.expect_record("onReceivePing")
    one.do("dat.sendText('é'); dat.sendBinary(1, 2, 3); dat.sendPing('no message')")
    counted = {"messages_in": 3, "bytes_in": 108, "messages_out": 2, "bytes_out": 5}
    one.expect_info(connected=1, reconnects=0, close_code=0, dropped=0, queued=0, **counted)
    one.do("dat.par.reset.pulse()")
    one.expect_record("onReceivePing", count=2)
    counted = {"messages_in": 6, "bytes_in": 216, "messages_out": 2, "bytes_out": 5}
    one.expect_info(connected=1, reconnects=1, close_code=1000, **counted)
    one.set(active=False)
    one.expect_info(connected=0, reconnects=1, close_code=1000, **counted)
