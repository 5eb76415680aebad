"""Notes: arrays in many of them, reinit, ties, polyphony, several on one port, and ports that cannot be had."""

import socket
import time
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from csound_runs import close_code, count_up, doubles, expect_message, first_numbers, packed, received, watch
from running import eventually, free_port

COUNTER = f"instr 1\n{count_up()}kin websocket $PORT, kcount\n{watch('kin')}endin\n"
# What goes on when another note fails: says how far it is.
OTHER = f'instr 9\n{count_up("kgoes")}if kgoes == 200 then\nprintks "goes on\\n", 0\nendif\nendin\n'
# Each note says its own number.
VOICE = f"instr 1\nkvoice = p4\nkin websocket $PORT, kvoice\nkheard = kin + p4 * 1000\n{watch('kheard')}endin\n"


def consecutive(numbers):
    return numbers == list(range(int(numbers[0]), int(numbers[0]) + len(numbers)))


# ---------------------------------------- notes with arrays


def test_six_notes_with_arrays_one_after_the_other(csound):
    """Each opens the port anew, has a client, and is gone. The original crashes at the end of this."""
    code = (
        f"kin[] init 300\nkout[] init 300\nkout[0] = p4\nkin websocket $PORT, kout\nkfirst = kin[0]\n{watch('kfirst')}"
    )
    one = csound(f"instr 1\n{code}endin", score="f 0 3600")
    for number in range(1, 7):
        one.event(f"i 1 0 -1 {number}")
        listener = one.connect("kout")
        assert doubles(listener.recv(timeout=8))[0] == number
        speaker = one.connect("kin")
        speaker.send(packed(number + 0.5, *[0] * 299))
        one.expect_value("kfirst", number + 0.5)
        one.event("i -1 0 0")
        assert close_code(listener) == 1001
    one.stop()


@pytest.mark.parametrize("clients", [False, True], ids=["alone", "with clients"])
def test_many_short_notes(csound, clients):
    length = 0.1 if clients else 0.02
    code = "aarr[] init 4\nkarr[][] init 3, 3\nSin, aarr, karr websocket $PORT, aarr2, karr2, Sout, kcount"
    orchestra = f'instr 1\n{count_up()}aarr2[] init 4\nkarr2[] init 30\nSout = "x"\n{code}\nendin\n{OTHER}'
    notes = "\n".join(f"i 1 {number * length * 1.2:.3f} {length}" for number in range(round(1 / length)))
    one = csound(orchestra, score=f"{notes}\ni 9 0 1.2")
    heard = 0
    while clients and one.process.poll() is None and heard < 20:
        try:
            client = one.connect("kcount", keep=False, open_timeout=0.5)
            first_numbers(client, 2, timeout=1)
            client.close()
            heard += 1
        except Exception:  # a port between two notes refuses, an ending one closes
            time.sleep(0.001)
    assert one.end(8) == 0
    assert one.find_line("goes on") and one.find_line("0 errors in performance")
    assert heard > 0 or not clients


def test_reinit_keeps_the_port_and_its_clients(csound):
    code = f"{count_up()}kpulse metro 20\nif kpulse == 1 then\nreinit again\nendif\n"
    code += f"again:\nkin websocket $PORT, kcount\nrireturn\n{watch('kin')}"
    one = csound(f"instr 1\n{code}endin")
    listener, speaker = one.connect("kcount"), one.connect("kin")
    for value in range(1, 11):
        speaker.send(packed(value))
        one.expect_value("kin", value)
        numbers = first_numbers(listener, 50)
        assert numbers == sorted(set(numbers))
    assert consecutive(first_numbers(listener, 300)), "reinit costs no value"


def test_reinit_may_change_the_port(csound):
    other = free_port()
    code = (
        f"{count_up()}kdone init 0\niport init $PORT\nif gkgo == 1 && kdone == 0 then\nkdone = 1\n"
        "reinit again\nendif\nagain:\niport = (i(kdone) == 0 ? $PORT : $OTHER)\nkin websocket iport, kcount\nrireturn\n"
    )
    orchestra = f"gkgo init 0\ninstr 1\n{code}endin\ninstr 2\ngkgo = 1\nendin"
    one = csound(orchestra, macros={"OTHER": other})
    client = one.connect("kcount")
    first_numbers(client, 3)
    one.event("i 2 0 0.1")
    one.expect_listening(other)
    moved = one.connect("kcount", port=other)
    assert consecutive(first_numbers(moved, 50))
    assert close_code(client) == 1001


def test_a_tied_note_goes_on_with_the_same_clients(csound):
    one = csound(VOICE, score="f 0 3600")
    one.event("i 1.5 0 -1 1")
    listener = one.connect("kvoice")
    assert received(listener, 1) == [[1]]
    one.event("i 1.5 0 -1 2")
    expect_message(listener, [2])
    one.connect("kin").send(packed(5))
    one.expect_value("kheard", 2005)
    one.event("i 1.5 0 0.3 3")
    expect_message(listener, [3])
    assert close_code(listener) == 1001


# ---------------------------------------- several notes on one port


def test_of_several_notes_the_youngest_speaks_and_all_hear(csound):
    one = csound(VOICE, score="f 0 3600")
    one.event("i 1.1 0 -1 1")
    listener = one.connect("kvoice")
    assert received(listener, 1) == [[1]]
    for number in (2, 3):
        one.event(f"i 1.{number} 0 -1 {number}")
        expect_message(listener, [number])
    speaker = one.connect("kin")
    speaker.send(packed(7))
    for number in (1, 2, 3):
        eventually(lambda number=number: number * 1000 + 7 in one.values("kheard"))
    one.event("i -1.2 0 0")
    time.sleep(0.1)
    one.event("i -1.3 0 0")  # the next older one that lives is 1
    expect_message(listener, [1])
    speaker.send(packed(8))
    one.expect_value("kheard", 1008)
    assert {tuple(message) for message in received(listener, 100)} == {(1,)}
    one.event("i -1.1 0 0")
    assert close_code(listener) == 1001


def test_instruments_share_a_port_with_different_names(csound):
    second = f"instr 2\n{count_up('kother')}kin2 websocket $PORT, kother\n{watch('kin2')}endin"
    one = csound(COUNTER + second, score="i 1 0 3600\ni 2 0.1 3600")
    one.connect("kin").send(packed(1))
    one.expect_value("kin", 1)
    eventually(lambda: name_is_there(one, "kin2"))
    one.connect("kin2").send(packed(2))
    one.expect_value("kin2", 2)
    assert consecutive(first_numbers(one.connect("kcount"), 50))
    assert consecutive(first_numbers(one.connect("kother"), 50))


def name_is_there(one, name):
    try:
        one.connect(name, keep=False).close()
    except InvalidStatus:
        return False
    return True


def test_several_ports_in_one_csound(csound):
    ports = [free_port() for _ in range(8)]
    code = "".join(f"kin{n} websocket {port}, kcount\n" for n, port in enumerate(ports))
    one = csound(f"instr 1\n{count_up()}{code}endin")
    for port in ports:
        one.expect_listening(port)
        assert consecutive(first_numbers(one.connect("kcount", port=port), 20))
    bare = csound("instr 1\nendin")
    bare.expect_line("SECTION 1")
    assert threads(one) == threads(bare) + 1, "one service thread for all"


def threads(one):
    status = Path(f"/proc/{one.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Threads:"))


@pytest.mark.parametrize(
    "clash, types",
    [
        ("kcount[] init 3\nkunused websocket $PORT, kcount", ("k", "k[3]")),
        ("kcount websocket $PORT", ("out", "in")),
    ],
    ids=["layout", "direction"],
)
def test_the_same_name_as_something_else_fails_the_second_note_and_says_both(csound, clash, types):
    one = csound(f"{COUNTER}instr 2\n{clash}\nendin\n{OTHER}", score="i 1 0 3600\ni 2 0.3 1\ni 9 0.3 3600", fails=True)
    listener = one.connect("kcount")
    one.expect_line("INIT ERROR.*kcount" if types[0] == "out" else r"INIT ERROR.*kcount.*k\[3\]")
    one.expect_line("goes on")
    assert consecutive(first_numbers(listener, 300))


# ---------------------------------------- ports that cannot be had


def test_a_busy_port_fails_that_note_and_not_the_performance(csound):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as busy:
        one = csound(COUNTER + OTHER, port=port, score="i 9 0 3600\ni 1 0.1 3600\ni 1.5 1 3600", fails=True)
        one.expect_line(f"INIT ERROR.*websocket: port {port} is in use")
        one.expect_line("goes on")
        busy.close()
    assert consecutive(first_numbers(one.connect("kcount"), 20)), "a later note gets the port"


def test_a_port_of_another_csound_is_busy(csound):
    first = csound(COUNTER)
    first.expect_listening()
    second = csound(COUNTER + OTHER, port=first.port, score="i 1 0 3600\ni 9 0 3600", fails=True)
    second.expect_line(f"websocket: port {first.port} is in use")
    second.expect_line("goes on")
    assert consecutive(first_numbers(first.connect("kcount"), 20))


def test_a_number_that_is_no_port_fails_that_note(csound, subtests):
    numbers = ["0", "-1", "65536", "1e12", "0.9", "log(-1)"]
    notes = "".join(f"instr {n}\nkin websocket {number}, 1\nendin\n" for n, number in enumerate(numbers, 20))
    one = csound(notes + OTHER, score="f 0 3600", fails=True)
    for n, number in enumerate(numbers, 20):
        with subtests.test(number):
            start = len(one.lines)
            one.event(f"i {n} 0 1")
            one.expect_line("INIT ERROR.*websocket.*port", start=start)
    one.event("i 9 0 -1")
    one.expect_line("goes on")


def test_a_port_that_was_closed_opens_again_at_once(csound):
    """Fifteen notes on one port with clients that were connected when it closed."""
    one = csound(VOICE, score="f 0 3600")
    for number in range(1, 16):
        one.event(f"i 1 0 -1 {number}")
        client = one.connect("kvoice")
        assert received(client, 1) == [[number]]
        one.event("i -1 0 0")
        assert close_code(client) == 1001
    assert not one.find_line("INIT ERROR")


# ---------------------------------------- many arguments


def many(count):
    """Code with so many inputs and outputs."""
    inputs = ", ".join(f"kx{n}" for n in range(count))
    outputs = ", ".join(f"ky{n}" for n in range(count))
    values = "".join(f"kx{n} = {n}\n" for n in range(count))
    return f"instr 1\n{values}{outputs} websocket $PORT, {inputs}\nksum = {'+'.join(f'ky{n}' for n in range(count))}\n"


@pytest.mark.parametrize("count", [18, 19, 20, 64, 100])
def test_many_arguments(csound, count):
    """The original has room for 18; with more it writes over what is not its own."""
    one = csound(many(count) + watch("ksum") + "endin")
    for n in (0, 17, count - 1):
        assert received(one.connect(f"kx{n}"), 2) == [[n]] * 2
        one.connect(f"ky{n}").send(packed(1000 + n))
    one.expect_value("ksum", sum({1000 + n for n in (0, 17, count - 1)}))


def test_more_arguments_than_there_is_room_for_fail_the_note_or_work(csound):
    """The parser takes up to 1999; no number of them brings csound down."""
    one = csound(f"{many(900)}endin\n{OTHER}", score="i 1 0 3600\ni 9 0 3600")
    one.expect_line("goes on", timeout=15)


# ---------------------------------------- names


def test_constants_p_fields_and_literals_have_the_name_of_their_place(csound):
    code = 'kx = 9\nkunused websocket $PORT, kx, 3.5, p4, "word", 2, kx + 1, i(kx) + 1'
    one = csound(f"instr 1\n{code}\nendin", score="i 1 0 3600 6.25")
    for name, value in [("in2", 3.5), ("in3", 6.25), ("in5", 2)]:
        assert doubles(one.connect(name).recv(timeout=8)) == [value]
    assert one.connect("in4").recv(timeout=8) == "word"
    assert received(one.connect("kx"), 2) == [[9]] * 2
    assert received(one.connect("#k0"), 2) == [[10]] * 2
    with pytest.raises(InvalidStatus, match="404"):
        one.connect("in1")


def test_p_fields_of_what_subinstr_plays(csound):
    """Csound gives them no type. They are the port, a setting and a value."""
    code = "websocketset p4, \"clients\", p5\nkin init 0\nkin websocket p4, p5\n" + watch("kin")
    one = csound(f"instr 1\n{code}endin\ninstr 2\naout subinstr 1, $PORT, 2\nendin", score="i 2 0 3600")
    assert first_numbers(one.connect("in1"), 1) == [2]
    one.connect("kin").send(packed(3))
    one.expect_value("kin", 3)
    with pytest.raises(InvalidStatus) as refused:
        one.connect("kin")
    assert refused.value.response.status_code == 503


def test_inputs_alone_and_outputs_alone(csound):
    first = f"instr 1\n{count_up()}websocketsend $PORT, kcount\nendin\n"
    second = f"instr 2\nkin websocket $PORT\n{watch('kin')}endin\n"
    one = csound(first + second, score="i 1 0 3600\ni 2 0 3600")
    assert consecutive(first_numbers(one.connect("kcount"), 20))
    one.connect("kin").send(packed(4))
    one.expect_value("kin", 4)
