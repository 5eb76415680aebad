"""Several clients of one variable: each gets the whole stream from when it came, in order, whatever the others do."""

import socket
import threading
import time

import pytest
from websockets.exceptions import InvalidStatus

from csound_runs import count_up, doubles, expect_message, first_numbers, packed, received, silent, watch
from raw import BINARY, CLOSE
from running import eventually

COUNTER = f"instr 1\n{count_up()}kunused websocket $PORT, kcount\nendin"
# Audio: sample 0 of member 0 is the number of the block.
BLOCKS = f"instr 1\n{count_up()}" + "aout[] init {members}\nafirst = 0\nvaset kcount, 0, afirst\naout[0] = afirst\n"
BLOCKS += "kunused websocket $PORT, aout\nendin"
# Clients may lag by ten seconds.
PATIENT = 'websocketset $PORT, "buffer", 10000\n'
STATUS = "instr 2\nkclients, kdropped, klate websocketstatus $PORT\n" + watch("kclients", "kdropped") + "endin"


def consecutive(numbers):
    return numbers == list(range(int(numbers[0]), int(numbers[0]) + len(numbers)))


def whole_frames(client, count):
    """The first numbers of the next frames of a raw client; each is one whole binary message."""
    numbers = []
    for _ in range(count):
        opcode, payload, final = client.frame()
        assert (opcode, final) == (BINARY, True)
        numbers.append(doubles(payload[:8])[0])
    return numbers


# ---------------------------------------- all of it


@pytest.mark.parametrize("clients", [1, 2, 16])
def test_every_client_gets_every_value_in_order(csound, clients):
    """With 1, 2 and 16 clients on Python's `websockets`, at 400 values a second."""
    one = csound(COUNTER, ksmps=120)
    listeners = [one.connect("kcount") for _ in range(clients)]
    streams = [first_numbers(listener, 400) for listener in listeners]
    for stream in streams:
        assert consecutive(stream)
    assert len({stream[0] for stream in streams}) in range(1, clients + 1)


def test_sixteen_clients_get_every_block_of_audio(csound):
    """They are read one after the other, so the last of them lags for a while."""
    one = csound(PATIENT + BLOCKS.format(members=2))
    clients = [one.raw("aout") for _ in range(16)]
    time.sleep(0.6)
    for client in clients:
        assert consecutive(whole_frames(client, 400))


def test_every_value_of_48000_k_cycles_a_second_arrives(csound):
    """ksmps 1, two seconds of it, to one client."""
    one = csound(COUNTER, ksmps=1)
    client = one.raw("kcount", receive_buffer=1 << 20)
    assert consecutive(whole_frames(client, 96_000))


def test_values_of_different_variables_of_a_cycle_belong_together(csound):
    code = f"{count_up('ka')}kb = ka * 2\nkunused websocket $PORT, ka, kb\n"
    one = csound(f"instr 1\n{code}endin")
    a, b = one.connect("ka"), one.connect("kb")
    heard_a, heard_b = first_numbers(a, 300), first_numbers(b, 300)
    assert consecutive(heard_a) and consecutive([value / 2 for value in heard_b])


# ---------------------------------------- live


@pytest.mark.alone
def test_a_client_starts_live(csound):
    """What was computed before it came is not sent: the first value of a late client is the one of now."""
    one = csound(COUNTER)
    early = one.connect("kcount")
    begin = first_numbers(early, 1)[0]
    first_numbers(early, 700)
    late = one.raw("kcount")
    [number] = whole_frames(late, 1)
    latest = begin + 700
    while True:
        try:
            latest = doubles(early.recv(timeout=0))[0]
        except TimeoutError:
            break
    assert number >= begin + 700
    assert abs(number - latest) < 75, "within a tenth of a second"


def test_without_clients_nothing_is_kept(csound):
    one = csound(COUNTER)
    one.expect_listening()
    time.sleep(1)
    [number] = whole_frames(one.raw("kcount"), 1)
    assert number > 600, "the first client gets no history"


def test_an_init_value_goes_once_to_each_client(csound):
    one = csound("instr 1\nivalue = 2.5\niarr[] fillarray 3, 4\nkunused websocket $PORT, ivalue, iarr\nendin")
    clients = [one.connect("ivalue") for _ in range(3)] + [one.connect("iarr")]
    assert [received(client, 1) for client in clients] == [[[2.5]]] * 3 + [[[3, 4]]]
    again = one.connect("ivalue")
    assert received(again, 1) == [[2.5]]
    assert all(silent(client, 0.05) for client in [*clients, again])


# ---------------------------------------- comings and goings


def test_a_client_that_leaves_in_mid_message_harms_no_other(csound):
    """Messages of 4 KiB; some clients are gone in the middle of one. Who comes next starts with a whole one, and who
    is there all the time gets all."""
    one = csound(PATIENT + BLOCKS.format(members=8))
    steady, numbers, over = one.raw("aout"), [], threading.Event()

    def listen():
        while not over.is_set():
            numbers.extend(whole_frames(steady, 1))

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        for number in range(12):
            client = one.raw("aout")
            client.take(1000 + number)
            client.reset()
            fresh = one.raw("aout")
            assert consecutive(whole_frames(fresh, 3))
            fresh.socket.close()
    finally:
        over.set()
        listener.join()
    assert len(numbers) > 20 and consecutive(numbers)


def test_clients_come_and_go_while_others_listen(csound):
    one = csound(COUNTER)
    steady = one.connect("kcount")
    for number in range(30):
        client = one.connect("kcount", keep=False)
        assert consecutive(first_numbers(client, 3))
        client.close() if number % 2 else client.socket.shutdown(socket.SHUT_RDWR)
        client.close()
    assert consecutive(first_numbers(steady, 200))


def test_a_client_that_comes_back_goes_on_live(csound):
    one = csound(COUNTER)
    client = one.connect("kcount", keep=False)
    before = first_numbers(client, 50)
    client.close()
    time.sleep(0.3)
    again = first_numbers(one.connect("kcount"), 50)
    assert consecutive(before) and consecutive(again)
    assert again[0] > before[-1] + 100


# ---------------------------------------- slow ones


@pytest.mark.alone
def test_a_slow_client_loses_the_oldest_whole_values_and_holds_up_nobody(csound):
    """12 MB a second to a client that does not read for a while. What it gets then is whole frames, in order, and after
    the gap it is live again; what it lost is counted."""
    setting = 'websocketset $PORT, "buffer", 200\n'
    one = csound(setting + BLOCKS.format(members=32) + "\n" + STATUS, score="i 1 0 3600\ni 2 0 3600")
    slow = one.raw("aout", receive_buffer=8192)
    fast = one.raw("aout")
    heard = whole_frames(fast, 1500)
    assert consecutive(heard), "another client gets all"
    dropped = eventually(lambda: one.values("kdropped")[-1:], what="a count of what the slow one lost")
    assert dropped[0] > 0
    numbers = []
    while not numbers or numbers[-1] < heard[-1]:
        numbers += whole_frames(slow, 1)
    gaps = [after - before for before, after in zip(numbers, numbers[1:], strict=False)]
    assert min(gaps) >= 1, "in order, nothing twice"
    lost = sum(gap - 1 for gap in gaps)
    assert lost > 0
    assert max(gaps) > 1 and numbers[0] < heard[0] + 200, "the oldest that was under way came first"


def test_a_slow_client_loses_no_more_than_what_is_older_than_the_buffer(csound):
    """A pause shorter than the buffer costs nothing."""
    one = csound(PATIENT + BLOCKS.format(members=8))
    client = one.raw("aout", receive_buffer=8192)
    whole_frames(client, 10)
    time.sleep(0.5)
    assert consecutive(whole_frames(client, 800))


@pytest.mark.alone
def test_a_client_that_never_reads_does_not_hold_up_the_end(csound):
    one = csound(BLOCKS.format(members=32))
    one.raw("aout", receive_buffer=8192)
    time.sleep(0.5)
    begin = time.monotonic()
    one.stop()
    assert time.monotonic() - begin < 1


def test_memory_stays_flat_with_a_client_that_never_reads(csound):
    """24 MB a second for two seconds; a second of it may be kept."""
    one = csound(BLOCKS.format(members=64))
    one.expect_listening()
    before = resident_kib(one)
    one.raw("aout", receive_buffer=8192)
    time.sleep(2)
    assert resident_kib(one) - before < 64 * 1024


def resident_kib(one):
    with open(f"/proc/{one.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


# ---------------------------------------- the end of a name


def test_clients_are_told_when_a_name_goes_and_the_others_stay(csound):
    other = f"instr 2\n{count_up('kother')}kunused2 websocket $PORT, kother\nendin"
    one = csound(f"{COUNTER}\n{other}", score="i 1 0 3600\ni 2 0 -1")
    staying, leaving = one.connect("kcount"), one.raw("kother")
    first_numbers(staying, 5)
    one.event("i -2 0 0")
    assert leaving.close_code() == 1001
    assert consecutive(first_numbers(staying, 300))
    with pytest.raises(InvalidStatus, match="404"):
        one.connect("kother")


def test_closing_by_the_client_is_answered(csound):
    one = csound(COUNTER)
    client = one.raw("kcount")
    client.send_frame(CLOSE, b"\x03\xe8bye")
    assert client.close_code() == 1000
    assert client.rest() == b""


def test_a_value_sent_by_one_client_reaches_all_through_csound(csound):
    one = csound("instr 1\nkback init 0\nkin websocket $PORT, kback\nkback = kin\nendin")
    listeners = [one.connect("kback") for _ in range(4)]
    one.connect("kin").send(packed(6.5))
    for listener in listeners:
        expect_message(listener, packed(6.5))
