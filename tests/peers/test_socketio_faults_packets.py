"""Packets that break the rules of Socket.IO, or stretch them: what is refused costs the session, and nothing that came
whole before; what is odd and allowed comes through as it is.

Servers are scripted. The rules are those that the reference parser enforces.
"""

import json
import re

import pytest

from raw import BINARY, PING, TEXT, frame
from running import PRELUDE
from scripted_socketio import after, event, frames, healthy
from socketio_faults import Peak, expect_lost, expect_recovery, expect_reset, expect_works

PLACES = [{"_placeholder": True, "num": number} for number in range(11)]
MIB = 1 << 20


def binary_event(name, *parts, count=None):
    """Packets of an event whose arguments are these bytes."""
    header = f"45{len(parts) if count is None else count}-" + json.dumps([name, *PLACES[: len(parts)]])
    return header, *parts


def in_log(part):
    """Bytes as callbacks note them."""
    return {"bytes": part.hex()}


# ---------------------------------------- attachments

ODD_BYTES = [b"\x04", b"\x04\x04", b"4", b"42[1]", b"\x1e", b"b\x1e", b"\xff\xfe\xc3", b"\x00" * 5, b"", b"2", b"b4AA="]


@pytest.mark.parametrize("version", [4, 3])
def test_bytes_come_as_they_are_whatever_they_look_like(sio, faulty, version):
    prefix = b"\x04" if version == 3 else b""
    sent = [packet for part in ODD_BYTES for packet in (binary_event("odd", part)[0], prefix + part)]

    def modern(wire):
        wire.open()
        wire.let_in()
        wire.say(*sent, event("end"))
        wire.serve()

    def old(wire):
        wire.open_3()
        wire.say(*sent, event("end"))
        wire.serve()

    one = sio(faulty(old if version == 3 else modern), version=f"v{version}")
    one.expect_received(*(["odd", in_log(part)] for part in ODD_BYTES), ["end", None])
    expect_works(one)


def test_no_attachments_and_as_many_as_there_may_be(sio, faulty):
    ten = [bytes([number]) for number in range(10)]
    one = sio(faulty(after('450-["none"]', *binary_event("ten", *ten), event("end"))))
    one.expect_received(["none", None], ["ten", [in_log(part) for part in ten]], ["end", None])
    expect_works(one)


def test_more_attachments_than_allowed_end_the_session(sio, faulty):
    eleven = [bytes([number]) for number in range(11)]
    server = faulty(after(event("before"), *binary_event("eleven", *eleven), event("after")))
    one = sio(server)
    expect_lost(one, "parse error", "the peer's packet has more than 10 attachments", "`maxattachments`")
    assert one.received() == [["before", None]]
    one.set(maxattachments=11, reconnect=True)
    one.expect_received(
        ["before", None], ["before", None], ["eleven", [in_log(part) for part in eleven]], ["after", None]
    )
    expect_works(one, 2)


def test_more_attachments_than_servers_take_are_not_sent(sio, faulty):
    one = sio(faulty(healthy))
    one.expect_opened()
    raised = "result = None\ntry: dat.emit('echo', *[b'x'] * 11)\nexcept ValueError as error: result = str(error)"
    assert "10" in one.do(raised)
    expect_works(one)


def test_attachments_stand_in_any_order_and_depth(sio, faulty):
    header = '452-["deep",{"list":[' + json.dumps(PLACES[1]) + ',[null]],"own":' + json.dumps(PLACES[0]) + "}]"
    one = sio(faulty(after(header, b"zero", b"one")))
    one.expect_received(["deep", {"list": [in_log(b"one"), [None]], "own": in_log(b"zero")}])
    expect_works(one)


# ---------------------------------------- what breaks the rules

HEADER, PART = binary_event("half", b"one", b"two")[0], b"one"
KEEPS_TO_RULES = "`parser`"


@pytest.mark.parametrize(
    "packets, reason, remedy",
    [
        ((HEADER, PART, event("between")), "text where bytes have to come", KEEPS_TO_RULES),
        ((HEADER, HEADER), "text where bytes have to come", KEEPS_TO_RULES),
        ((b"out of the blue",), "bytes that belong to no packet", KEEPS_TO_RULES),
        ((b"\x04",), "bytes that belong to no packet", KEEPS_TO_RULES),
        (('450-["before",3]', b"too many"), "bytes that belong to no packet", KEEPS_TO_RULES),
        (('451-["x",{"_placeholder":true,"num":1}]', b"1"), "refers to an attachment that is not there", ""),
        (('451-["x",{"_placeholder":true,"num":-1}]', b"1"), "refers to an attachment that is not there", ""),
        (('451-["x",{"_placeholder":true}]', b"1"), "refers to an attachment that is not there", ""),
        (('451["x"]',), "without a proper number of attachments", ""),
        (('45-["x"]',), "without a proper number of attachments", ""),
        (('451.5-["x"]',), "without a proper number of attachments", ""),
        (('4599999999999999999999-["x"]',), "without a proper number of attachments|more than 10 attachments", ""),
        (("4",), "unknown type", ""),
        (("47[]",), 'unknown type "7"', ""),
        (("4x",), 'unknown type "x"', ""),
        (('42["x"',), "a payload that is not JSON, at byte [0-9]", KEEPS_TO_RULES),
        (("42",), "a payload that does not belong to its type", ""),
        (('42{"a":1}',), "a payload that does not belong to its type", ""),
        (("42[]",), "an event without a name", ""),
        (("42[null]",), "an event without a name", ""),
        (('41["x"]',), "a payload that does not belong to its type", ""),
        (("43[1]",), "an impossible acknowledgement number", ""),
        (('4218446744073709551616["x"]',), "an impossible acknowledgement number", ""),
        (('42/' + "n" * 5000 + ',["x"]',), "an impossible namespace", ""),
        (('42["x",' + "[" * 500 + "]" * 500 + "]",), "nested more than [0-9]+ deep", ""),
        *((( f'42["{name}"]',), f'the reserved name "{name}"', "") for name in
          ("connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener")),
        (("9",), "unknown type '9'", "Engine.IO"),
        (("",), "an empty packet", "Engine.IO"),
    ],
    ids=lambda value: re.sub("[^a-zA-Z0-9 ]", "", value)[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_packet_that_breaks_the_rules_ends_the_session_but_loses_nothing_before(sio, faulty, packets, reason, remedy):
    server = faulty(after(event("before", 1), event("before", 2), *packets, event("after")), healthy)
    one = sio(server)
    expect_lost(one, "parse error", reason, remedy)
    whole = [["before", number] for number in range(1, 4 if b"too many" in packets else 3)]
    assert one.received() == whole
    names = [record[0] for record in one.records("onOpen", "onReceiveEvent", "onClose")]
    assert names == ["onOpen", *["onReceiveEvent"] * len(whole), "onClose"]
    assert server.wires[0].ended.wait(8), "the connection is not ended"
    expect_reset(one)


@pytest.mark.parametrize(
    "sent, reason",
    [
        (frame(TEXT, b'42["\xff"]', masked=False), "text that is not UTF-8"),
        (frame(3, b"x", masked=False), "reserved opcode 0x3"),
        (frame(PING, bytes(126), masked=False), "a control frame of more than 125 bytes"),
        (frame(TEXT, b"x", masked=True), "the server sent a masked frame"),
        (frame(0, b"x", masked=False), "continued a message that it had not begun"),
    ],
    ids=["utf-8", "opcode", "long ping", "masked", "continued"],
)
def test_a_websocket_that_breaks_its_rules_ends_the_session(sio, faulty, sent, reason):
    def script(wire):
        wire.open()
        wire.let_in()
        wire.send(frames(event("before")) + sent)
        wire.hear()

    one = sio(faulty(script, healthy))
    expect_lost(one, "transport error", reason, "server")
    assert one.received() == [["before", None]]
    expect_recovery(one)


def test_bytes_of_version_3_without_their_type_end_the_session(sio, faulty):
    def script(wire):
        wire.open_3()
        wire.say(binary_event("x", b"")[0], b"\x05abc")
        wire.hear()

    def old(wire):
        wire.open_3()
        wire.serve()

    one = sio(faulty(script, old), version="v3")
    expect_lost(one, "parse error", "a binary packet of the unknown type 0x05", "Engine.IO")
    expect_recovery(one)


@pytest.mark.parametrize("sent", [event("text"), b"\xc1", b"\x90", b""], ids=["text", "never used", "array", "nothing"])
def test_a_server_with_another_parser(sio, faulty, sent):
    def script(wire):
        wire.open()
        wire.hear()
        wire.say(sent)
        wire.hear()

    one = sio(faulty(script), parser="msgpack")
    one.expect_record("onConnectError")
    one.expect_said("^warning: .*(text where bytes have to come|not MessagePack).*see that `parser`")


# ---------------------------------------- what is odd and allowed


def test_what_json_allows_comes_through(sio, faulty):
    sent = (
        ('42["big",9007199254740993,-9223372036854775808,18446744073709551615,1e5,-0.5]',
         ["big", [9007199254740993, -9223372036854775808, 18446744073709551615, 1e5, -0.5]]),
        ('42[5,"numbered"]', ["5", "numbered"]),
        ('42 [ "spaces" , { } ] ', ["spaces", {}]),
        ('42["",""]', ["", ""]),
        ('42["\\u0000\\ud83d\\ude00☃","x"]', ["\0😀☃", "x"]),
        ('42["__proto__",{"constructor":1,"__proto__":{}}]', ["__proto__", {"constructor": 1, "__proto__": {}}]),
        ('42["none"]', ["none", None]),
        ('42["null",null]', ["null", None]),
        ('42/,["comma"]', ["comma", None]),
    )  # fmt: skip
    one = sio(faulty(after(*(packet for packet, _ in sent))))
    one.expect_received(*(come for _, come in sent))
    expect_works(one)


def test_half_a_surrogate_pair_is_no_reason_to_lose_the_session(sio, faulty):
    one = sio(faulty(after('42["half","a\\ud83d"]', event("end"))))
    one.expect_received(["half", "a\ufffd"], ["end", None])
    expect_works(one)


def test_fragmented_frames_with_pings_between_are_put_together(sio, faulty):
    text = 'x☃😀'.encode()
    whole = b'42["pieces","' + text + b'"]'
    ping = frame(PING, b"here", masked=False)
    header, part = binary_event("bytes", bytes(range(200)))

    def script(wire):
        wire.open()
        wire.let_in()
        pieces = [frame(TEXT if at == 0 else 0, whole[at : at + 1], final=at == len(whole) - 1, masked=False)
                  for at in range(len(whole))]
        wire.send(ping.join(pieces))
        wire.say(header)
        wire.send(frame(BINARY, part[:1], final=False, masked=False) + frame(0, b"", final=False, masked=False)
                  + ping + frame(0, part[1:], masked=False))  # fmt: skip
        wire.serve()

    one = sio(faulty(script))
    one.expect_received(["pieces", text.decode()], ["bytes", in_log(part)])
    expect_works(one)


def test_frames_in_single_bytes(sio, faulty):
    def script(wire):
        wire.open()
        wire.let_in()
        for byte in frames(event("slow", "☃"), *binary_event("bytes", b"12"), "2"):
            wire.send(bytes([byte]))
        wire.serve()

    one = sio(faulty(script))
    one.expect_received(["slow", "☃"], ["bytes", in_log(b"12")])
    expect_works(one)


# ---------------------------------------- acknowledgements


def test_an_answer_counts_once_and_only_where_it_was_asked_for(sio, faulty):
    def script(wire):
        wire.open()
        wire.let_in()
        wire.expect('420["question"]')
        wire.say('437["unknown"]', '43/other,0["elsewhere"]', '430["first"]', '430["second"]', event("end"))
        wire.serve()

    one = sio(faulty(script))
    one.expect_opened()
    request = one.emit("question", ack=True)
    one.expect_received(["end", None])
    assert one.records("onAck", "onAckTimeout") == [["onAck", request, "first", "question", "/"]]
    one.expect_info(acks_pending=0)
    expect_works(one)


def test_a_late_answer_is_none(sio, faulty):
    def script(wire):
        wire.open()
        wire.let_in()
        wire.expect('420["question"]', event("now"))
        wire.say('430["late"]', event("end"))
        wire.serve()

    one = sio(faulty(script))
    one.expect_opened()
    request = one.emit("question", ack=True, timeout=0.1)
    assert one.expect_record("onAckTimeout") == ["onAckTimeout", request, "timeout", "question", "/"]
    one.emit("now")
    one.expect_received(["end", None])
    assert one.records("onAck") == [] and len(one.records("onAckTimeout")) == 1
    expect_works(one)


def test_a_lost_session_fails_what_is_asked_and_its_late_answer_means_nothing_to_the_next(sio, faulty):
    def leaves(wire):
        wire.open()
        wire.let_in()
        wire.expect('420["question"]')

    def answers_the_past(wire):
        wire.open()
        wire.let_in()
        wire.say('430["for the one before"]')
        wire.serve()

    one = sio(faulty(leaves, answers_the_past), reconnect=True)
    one.expect_opened()
    request = one.emit("question", ack=True)
    assert one.expect_record("onAckTimeout") == ["onAckTimeout", request, "disconnected", "question", "/"]
    expect_works(one, 2)
    assert one.records("onAck") == []
    assert one.ask("next", 5) == 5


def test_answers_with_bytes_and_with_many_arguments(sio, faulty):
    def script(wire):
        wire.open()
        wire.let_in()
        wire.expect('420["a"]', '421["b"]', '422["c"]')
        wire.say('461-1[{"_placeholder":true,"num":0}]', b"\x04", "432[]", '430[1,"two",null]')
        wire.serve()

    one = sio(faulty(script))
    one.expect_opened()
    a, b, c = (one.emit(name, ack=True) for name in "abc")
    assert [one.expect_answer(request) for request in (a, b, c)] == [[1, "two", None], in_log(b"\x04"), None]
    expect_works(one)


@pytest.mark.parametrize("number", [0, 2**53 + 1, 2**63, 2**64 - 1])
def test_numbers_of_questions_come_back_to_the_digit(sio, faulty, number):
    def script(wire):
        wire.open()
        wire.let_in()
        wire.say(event("question", id=number))
        wire.expect(f"43{number}[]")
        wire.say(event("right"))
        wire.serve()

    one = sio(faulty(script), answer=True)
    one.expect_received(["question", None], ["right", None])
    expect_works(one)


# ---------------------------------------- size


def in_one_frame(wire):
    wire.send(b"\x81\x7f" + (100 * MIB).to_bytes(8, "big"))
    for _ in range(100):
        wire.send(bytes(MIB))


def in_fragments(wire):
    for number in range(100):
        wire.send(frame(0 if number else TEXT, b"4" * MIB, final=False, masked=False))


def in_attachments(wire):
    wire.say('459-["much",' + json.dumps(PLACES[0]) + "]")
    for _ in range(9):
        wire.say(bytes(11 * MIB))


@pytest.mark.parametrize("much", [in_one_frame, in_fragments, in_attachments])
def test_a_message_of_100_mb_is_refused_in_little_memory(sio, faulty, fault_program, much):
    ended = []

    def script(wire):
        wire.open()
        wire.let_in()
        wire.say(event("before"))
        try:
            much(wire)
        except OSError:
            pass  # the client has ended the connection
        ended.append(wire.hear())

    one = sio(faulty(script, healthy), active=False)
    peak = Peak(fault_program)
    one.set(active=True)
    name = "parse error" if much is in_attachments else "transport error"
    expect_lost(one, name, "larger than the limit of 16777216 bytes", "`maxmessage`")
    assert peak.grown_mib() < 64
    assert one.received() == [["before", None]]
    expect_recovery(one)


def test_a_large_message_within_the_limit_comes_whole(sio, faulty):
    callbacks = PRELUDE + (
        "def onReceiveEvent(dat, rowIndex, message, event, *rest):\n    log(dat.name, event, len(message or ''))\n"
    )
    sent = event("large", "x" * (4 * MIB)), *binary_event("bytes", bytes(4 * MIB)), event("end")
    one = sio(faulty(after(*sent)), callbacks=callbacks)
    one.expect_record("end")
    assert one.records() == [["large", 4 * MIB], ["bytes", 4 * MIB], ["end", 0]]
