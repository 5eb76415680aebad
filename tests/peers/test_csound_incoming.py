"""What clients send: the last value wins, however it is cut on its way; what does not fit is refused and said."""

import re
import threading
import time

import pytest

from csound_runs import doubles, expect_message, first_numbers, packed, silent, watch
from raw import BINARY, CLOSE, PING, PONG, TEXT, Raw, frame, request, upgrade_headers
from running import eventually

# Sends back what came in.
ECHO = f"instr 1\nkback init 0\nkin websocket $PORT, kback\nkback = kin\n{watch('kin')}endin"
TABLE = "instr 1\nkback[] init {size}\nkin[] init {size}\nkin websocket $PORT, kback\nkback = kin\nendin"

# ---------------------------------------- the last one wins


def test_a_burst_ends_on_its_last_value(csound):
    one = csound(ECHO)
    client = one.connect("kin")
    for value in range(1, 11):
        client.send(packed(value))
    one.expect_value("kin", 10)
    for value in (100, 101, 102):  # each at once, none of the burst behind it
        client.send(packed(value))
        one.expect_value("kin", value)
    seen = one.values("kin")
    assert seen == sorted(seen)


def test_a_flood_in_one_write_ends_on_its_last_value(csound):
    one = csound(ECHO)
    client = one.raw("kin")
    client.send(b"".join(frame(BINARY, packed(value)) for value in range(1, 50_001)))
    one.expect_value("kin", 50_000)
    seen = one.values("kin")
    assert seen == sorted(seen)


def test_a_flood_of_arrays_never_shows_half_of_one(csound):
    """All members of what the instrument sees are of one message."""
    members = "".join(f"kbad += (kin[{index}] == kin[0] ? 0 : 1)\n" for index in range(1, 40))
    code = f"kbad init 0\nkin[] init 40\nkin websocket $PORT\n{members}klast = kin[39]\n{watch('kbad', 'klast')}"
    one = csound(f"instr 1\n{code}endin")
    client = one.raw("kin")
    for start in range(1, 20_000, 1000):
        client.send(b"".join(frame(BINARY, packed(*[value] * 40)) for value in range(start, start + 1000)))
    one.expect_value("klast", 20_000)
    assert not one.values("kbad")


def test_of_several_senders_the_last_wins(csound):
    one = csound(ECHO)
    senders = [one.connect("kin") for _ in range(4)]
    threads = [
        threading.Thread(target=lambda sender=sender, n=n: [sender.send(packed(n)) for _ in range(500)])
        for n, sender in enumerate(senders, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for sender in senders:
        assert sender.ping().wait(8), "all that was sent before has been read"
    for sender, value in zip(senders, (11, 12, 13, 14), strict=True):
        sender.send(packed(value))
        one.expect_value("kin", value)


@pytest.mark.alone
def test_a_value_is_back_within_a_few_cycles(csound):
    """Round trips at 750 cycles a second; the median is some milliseconds, on a busy machine too."""
    one = csound(ECHO)
    back, client = one.raw("kback"), one.connect("kin")
    times = []
    for value in range(1, 101):
        begin = time.monotonic()
        client.send(packed(value))
        while doubles(back.frame()[1]) != [value]:
            pass
        times.append(time.monotonic() - begin)
    assert sorted(times)[50] < 0.02, times


# ---------------------------------------- cut in pieces


def test_a_message_in_fragments_is_one_value(csound):
    one = csound(ECHO)
    client = one.raw("kin")
    for value, cuts in enumerate([[3], [1, 2, 3, 4, 5, 6, 7], [0, 0, 8], [8]], 1):
        whole, parts, start = packed(value), [], 0
        for cut in [*cuts, 8]:
            parts.append(whole[start:cut])
            start = cut
        for number, part in enumerate(parts):
            client.send_frame(0 if number else BINARY, part, final=number == len(parts) - 1)
            client.send_frame(PING, b"between")
            assert client.frame() == (PONG, b"between", True)
        one.expect_value("kin", value)


def test_a_message_may_come_byte_by_byte(csound):
    one = csound(ECHO)
    client = one.raw("kin")
    for value in (2.5, 3.5):
        for byte in frame(BINARY, packed(value)):
            client.send(bytes([byte]))
            time.sleep(0.002)
        one.expect_value("kin", value)


def test_a_handshake_may_come_byte_by_byte_with_a_value_behind_it(csound):
    one = csound(ECHO)
    one.expect_listening()
    with Raw(one.port) as client:
        asked = request(one.port, headers=[*upgrade_headers(), "Sec-WebSocket-Protocol: kin"])
        for byte in asked[:-1]:
            client.send(bytes([byte]))
        client.send(asked[-1:] + frame(BINARY, packed(8)))
        assert client.answer(head=True).status == 101
        one.expect_value("kin", 8)


@pytest.mark.parametrize("size", [511, 512, 513, 10_000, 200_000])
def test_large_arrays_come_in_whole(csound, size):
    """Beyond a service buffer of 4096 bytes, in one frame and in fragments."""
    one = csound(TABLE.format(size=size), ksmps=2400)
    back, client = one.connect("kback"), one.connect("kin")
    first = packed(*range(size))
    client.send(first)
    expect_message(back, first)
    second = packed(*range(size, 0, -1))
    client.send([second[start : start + 1777] for start in range(0, len(second), 1777)])
    expect_message(back, second)


# ---------------------------------------- what does not fit


def test_a_value_of_the_wrong_size_is_dropped_and_said_once_per_client(csound):
    one = csound(ECHO)
    for number in (1, 2):
        client = one.raw("kin")
        for wrong in (b"", b"1234567", b"1234"):
            client.send_frame(BINARY, wrong)
        client.send_frame(BINARY, packed(number))
        one.expect_value("kin", number)
        eventually(lambda number=number: len(complaints(one)) == number, what=f"{number} lines")
    time.sleep(0.1)
    assert len(complaints(one)) == 2, complaints(one)
    assert one.values("kin") == [1, 2]


def complaints(one):
    """Lines that say what was wrong with a size: they name the variable."""
    return [line for line in list(one.lines) if "kin" in line and re.search("size|bytes", line)]


@pytest.mark.parametrize("parts", [1, 3])
def test_a_message_beyond_the_size_is_dropped_and_said(csound, parts):
    """Blocks of a larger ksmps, one number too many: who sends them is heard as soon as a value is right."""
    one = csound(ECHO)
    client = one.raw("kin")
    data = bytes(9 if parts == 1 else 12)
    for number in range(parts):
        piece = data[number * len(data) // parts : (number + 1) * len(data) // parts]
        client.send_frame(0 if number else BINARY, piece, final=number == parts - 1)
    eventually(lambda: complaints(one), what="the reason")
    assert complaints(one) == [f"websocket: a message for kin was dropped: it has {len(data)} bytes, a value has 8"]
    client.send_frame(BINARY, packed(5))
    one.expect_value("kin", 5)


def test_a_message_beyond_64_kib_is_closed_with_1009(csound):
    one = csound(ECHO)
    client = one.raw("kin")
    client.send_frame(BINARY, bytes((64 << 10) + 1))
    assert client.close_code() == 1009
    one.expect_line("a client of kin is closed with 1009: the peer's message is larger than the limit of 65536 bytes")
    fresh = one.connect("kin")
    fresh.send(packed(5))
    one.expect_value("kin", 5)


def test_an_announced_length_of_gigabytes_takes_no_memory(csound):
    one = csound(ECHO)
    client = one.raw("kin")
    client.send(bytes([0x82, 0xFF]) + (1 << 40).to_bytes(8, "big") + b"mask" + bytes(1000))
    assert client.close_code() == 1009
    fresh = one.connect("kin")
    fresh.send(packed(5))
    one.expect_value("kin", 5)


BROKEN = {
    "unmasked": (frame(BINARY, packed(1), masked=False), 1002),
    "reserved bit": (frame(BINARY, packed(1), reserved=4), 1002),
    "unknown opcode": (frame(3, b"?"), 1002),
    "continuation of nothing": (frame(0, b"nothing"), 1002),
    "long ping": (frame(PING, bytes(126)), 1002),
    "not UTF-8": (frame(TEXT, b"\xff\xfe\xfd 567"), 1007),
    "short close": (frame(CLOSE, b"\x03"), 1002),
}


def test_a_broken_frame_closes_that_connection_alone(csound, subtests):
    one = csound(ECHO)
    other = one.connect("kin")
    for number, (name, (data, code)) in enumerate(BROKEN.items(), 1):
        with subtests.test(name):
            client = one.raw("kin")
            client.send(data)
            assert client.close_code() == code
            other.send(packed(number))
            one.expect_value("kin", number)


def test_an_array_that_has_no_size_yet_fails_its_note_alone(csound):
    """An array output takes its size from what it was made with."""
    bad = "instr 2\nknone[] websocket $PORT\nendin"
    one = csound(f"{ECHO}\n{bad}", score="i 1 0 3600\ni 2 0.2 1", fails=True)
    one.expect_line("knone")
    one.connect("kin").send(packed(3))
    one.expect_value("kin", 3)


def test_an_array_that_changes_its_size_does_no_harm(csound):
    """It shrinks and grows again: what is sent goes where the array is now, or is dropped, and csound goes on."""
    code = "kin[] init 4\nkin websocket $PORT\nktime timeinsts\nif ktime > 0.3 && ktime < 0.31 then\n"
    code += "trim kin, 2\nelseif ktime > 0.5 && ktime < 0.51 then\ntrim kin, 4\nendif\nkfirst = kin[0]\n" + watch(
        "kfirst"
    )
    one = csound(f"instr 1\n{code}endin\n{other_counter()}", score="i 1 0 3600\ni 2 0 3600")
    client, live = one.connect("kin"), one.connect("klive")
    end = time.monotonic() + 0.8
    value = 0
    while time.monotonic() < end:
        value += 1
        client.send(packed(value, 0, 0, 0))
        time.sleep(0.002)
    first_numbers(live, 20)
    assert silent(client, 0.01)


def other_counter():
    return "instr 2\nklive init 0\nklive += 1\nkunused websocket $PORT + 0, klive\nendin"


def test_values_go_to_each_note_that_takes_them(csound):
    """Two instruments with the same name on one port."""
    first = f"instr 1\nkin websocket $PORT\n{watch('kin')}endin\n"
    second = "instr 2\nkin websocket $PORT\nkboth = kin + 0.5\n" + watch("kboth") + "endin"
    one = csound(first + second, score="i 1 0 3600\ni 2 0 3600")
    eventually(lambda: one.find_line("kboth"))
    one.connect("kin").send(packed(3))
    one.expect_value("kin", 3)
    one.expect_value("kboth", 3.5)


def test_a_loop_through_csound_keeps_every_number_in_order(csound):
    """What a client sends at the pace of the cycles comes back to it in order."""
    one = csound(ECHO)
    back, client = one.connect("kback"), one.connect("kin")
    for value in range(1, 301):
        client.send(packed(value))
        time.sleep(1 / 750)
    heard = [0]
    while heard[-1] != 300:
        heard += first_numbers(back, 1)
    assert heard == sorted(heard)
    assert len(set(heard)) > 100
