"""The end: of a note, a performance, a program, a host; prompt with clients and without, with nothing left behind."""

import signal
import time

import pytest

from csound_runs import OFFLINE, REAL_TIME, close_code, count_up, doubles, first_numbers, listening, watch
from raw import BINARY, CLOSE
from running import eventually

COUNTER = f'instr 1\n{count_up()}chnset kcount, "count"\nkin websocket $PORT, kcount\nchnset kin, "in"\nendin\n'
OUTPUTS = 'aout[] init 2\nSout = "text"\nSin, ain websocket $PORT, aout, Sout, kcount\n'
ALL_KINDS = f"instr 1\n{count_up()}{OUTPUTS}endin"

# ---------------------------------------- prompt


@pytest.mark.alone
def test_a_performance_without_clients_ends_at_once(csound):
    """The original hangs here for ever. What csound itself takes to end is measured beside."""
    bare = csound("instr 1\nendin")
    bare.expect_line("SECTION 1")
    begin = time.monotonic()
    bare.stop()
    least = time.monotonic() - begin
    one = csound(COUNTER)
    one.expect_listening()
    begin = time.monotonic()
    one.stop()
    took = time.monotonic() - begin
    assert took < least + 0.1, f"{took:.3f} s, csound alone {least:.3f} s"


@pytest.mark.alone
def test_a_performance_ends_at_once_when_its_clients_have_left(csound):
    one = csound(COUNTER)
    for _ in range(3):
        client = one.connect("kcount", keep=False)
        first_numbers(client, 3)
        client.close()
    begin = time.monotonic()
    one.stop()
    assert time.monotonic() - begin < 0.5


@pytest.mark.alone
@pytest.mark.parametrize("clients", [0, 1, 16])
def test_the_end_of_a_note_takes_no_audible_time(csound_in_host, clients):
    """The cycle that ends the last note of a port is over within 100 ms; the clients are told within that."""
    [longest, codes, left] = csound_in_host(
        f"""
host = Host(TEXT)
host.perform_until(lambda: listening(PORT))
clients = [client("kcount") for _ in range({clients})]
host.perform_for(0.2)
host.event("i -1 0 0")
times = []
for _ in range(50):
    begin = time.monotonic()
    host.perform()
    times.append(time.monotonic() - begin)
left = listening(PORT)
codes = []
for one in clients:
    try:
        while True:
            one.recv(timeout=2)
    except Exception:
        codes.append(one.close_code)
tell([max(times), codes, left])
host.destroy()
""",
        COUNTER,
        score="i 1 0 -1\nf 0 3600",
    )[0]
    assert longest < 0.1
    assert codes == [1001] * clients
    assert left == []


def test_clients_are_told_1001_at_the_end_of_the_performance(csound):
    one = csound(ALL_KINDS)
    clients = [one.connect(name) for name in ("aout", "Sout", "kcount", "Sin", "ain")]
    time.sleep(0.1)
    one.stop()
    assert [close_code(client) for client in clients] == [1001] * 5
    assert not listening(one.port)


def test_the_last_values_before_the_end_arrive(csound):
    """A note of 300 cycles: the client that was there from the start gets every one, then the close."""
    one = csound(f"instr 1\n{count_up()}kunused websocket $PORT, kcount\nendin", score="i 1 0 0.4\nf 0 3600")
    client = one.raw("kcount")
    assert last_value(client) == [300]


def last_value(client):
    payload = b""
    while True:
        opcode, data, _ = client.frame()
        if opcode == CLOSE:
            return doubles(payload)
        assert opcode == BINARY
        payload = data


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("clients", [0, 2])
def test_a_signal_ends_csound_as_it_does_without_the_plugin(csound, number, clients):
    bare = csound("instr 1\nendin")
    one = csound(COUNTER)
    bare.expect_line("SECTION 1")
    for _ in range(clients):
        one.connect("kcount")
    one.expect_listening()
    codes = []
    for each in (bare, one):
        each.process.send_signal(number)
        begin = time.monotonic()
        codes.append(each.end(5))
        each.stopped = True
        assert time.monotonic() - begin < 1
    assert codes[0] == codes[1]


# ---------------------------------------- offline


@pytest.mark.alone
def test_offline_rendering_is_as_fast_as_ever_and_quiet(csound):
    """A minute of score without a client: the original prints 12,000 lines and never ends."""
    begin = time.monotonic()
    one = csound(COUNTER, score="i 1 0 60", options=OFFLINE)
    assert one.end(20) == 0
    assert time.monotonic() - begin < 5
    assert len(one.lines) < 40


def test_offline_rendering_with_a_client_goes_on_at_full_speed(csound):
    """What a client does not take in time is dropped and counted; a few lines say so, not thousands."""
    status = "kclients, kdropped, klate websocketstatus $PORT\n"
    code = f"instr 1\n{count_up()}kunused websocket $PORT, kcount\n{status}{watch('kclients')}endin"
    one = csound(code, score="i 1 0 200", options=OFFLINE, ksmps=16)
    client = one.raw("kcount", receive_buffer=8192)
    numbers = []
    for _ in range(500):
        _, payload, final = client.frame()
        assert final
        numbers.append(memoryview(payload).cast("d")[0])
    assert numbers == sorted(set(numbers))
    one.end(40)
    assert len(one.lines) < 60
    one.stopped = True


# ---------------------------------------- hosts


@pytest.mark.alone
def test_a_host_creates_performs_resets_three_times_and_nothing_is_left(csound_in_host):
    """Its thread is gone after each time, and the next is as the first. A reset unloads the library and loads it anew,
    so that it is gone when the instance is."""
    told = csound_in_host(
        """
host = Host()
for number in range(3):
    before = threads()
    host.start(TEXT)
    host.perform_until(lambda: listening(PORT))
    listener, speaker = client("kcount"), client("kin")
    speaker.send(packed(number + 0.5))
    host.perform_until(lambda: host.channel("in") == number + 0.5)
    heard = doubles(listener.recv(timeout=5))[0]
    inside = threads(), is_loaded()
    begin = time.monotonic()
    host.end()
    took = time.monotonic() - begin
    host.reset()
    listener.close(); speaker.close()
    time.sleep(0.05)  # the clients' own threads
    tell([heard >= 1, inside[1], inside[0] > before, took, threads() - before, listening(PORT)])
host.destroy()
tell(is_loaded())
""",
        COUNTER,
    )
    *times, still_loaded = told
    assert len(times) == 3 and not still_loaded
    for heard, loaded, serves, took, more_threads, still_listening in times:
        assert (heard, loaded, serves) == (True, True, True)
        assert took < 0.1
        assert more_threads == 0
        assert still_listening == []


@pytest.mark.alone
def test_a_host_that_destroys_without_an_end_leaves_nothing(csound_in_host):
    """Three instances, each with all kinds of variables and clients that stay; destroyed in the middle of a note."""
    told = csound_in_host(
        """
for number in range(3):
    before = threads()
    host = Host(TEXT)
    host.perform_until(lambda: listening(PORT))
    clients = [client(name) for name in ("aout", "Sout", "Sin", "ain")]
    clients[2].send("a string that is longer than its first buffer")
    clients[3].send(packed(*range(64)))
    host.perform_for(0.1)
    begin = time.monotonic()
    host.destroy()
    took = time.monotonic() - begin
    codes = []
    for one in clients:
        try:
            while True:
                one.recv(timeout=2)
        except Exception:
            codes.append(one.close_code)
    time.sleep(0.05)
    tell([took, codes, threads() - before, is_loaded(), listening(PORT)])
""",
        ALL_KINDS,
    )
    for took, codes, more_threads, still_loaded, still_listening in told:
        assert took < 0.2
        assert codes == [1001] * 4
        assert (more_threads, still_loaded, still_listening) == (0, False, [])
    assert len(told) == 3


def test_two_instances_in_a_process_do_not_share_a_port(csound_in_host):
    """The second one's note fails, as it would in another process; each has its own settings and its own end."""
    [said, heard, after] = csound_in_host(
        """
first, second = Host(TEXT), Host()
first.perform_until(lambda: listening(PORT))
second.start(TEXT)
second.perform(10)
said = second.messages()
listener = client("kcount")
first.perform_for(0.1)
heard = doubles(listener.recv(timeout=5))[0]
second.destroy()
first.perform_for(0.1)
listener.recv(timeout=5)
first.destroy()
after = listening(PORT)
again = Host(TEXT)
again.perform_until(lambda: listening(PORT))
again.destroy()
tell([said, heard, after])
""",
        COUNTER,
    )[0]
    assert "is in use" in said
    assert heard >= 1 and after == []


def test_an_instance_may_be_made_and_gone_while_another_plays(csound_in_host):
    """The service thread is one for the process: the end of one instance is not the end of the other's clients."""
    [lost] = csound_in_host(
        """
first = Host(TEXT)
first.perform_until(lambda: listening(PORT))
listener = client("kcount")
for _ in range(3):
    other = Host(TEXT.replace(str(PORT), str(PORT + 1)))
    other.perform(20)
    other.destroy()
    first.perform_for(0.05)
count = int(first.channel("count"))
numbers = []
while not numbers or numbers[-1] < count:
    numbers.append(doubles(listener.recv(timeout=5))[0])
first.destroy()
tell(sum(after - before - 1 for before, after in zip(numbers, numbers[1:])))
""",
        COUNTER,
    )
    assert lost == 0


@pytest.mark.alone
def test_a_value_is_seen_within_two_cycles_of_its_arrival(csound_in_host):
    late = csound_in_host(
        """
host = Host(TEXT)
host.perform_until(lambda: listening(PORT))
speaker = client("kin")
late = []
for value in range(1, 31):
    speaker.send(packed(value))
    time.sleep(0.02)  # it has arrived by then
    host.perform(2)
    late.append(host.channel("in") != value)
tell(sum(late))
host.destroy()
""",
        COUNTER,
    )[0]
    assert late <= 1, "of 30; one may be the machine's"


def test_a_host_may_perform_without_pause_and_stop_in_the_middle(csound_in_host):
    """csoundReset while clients send as fast as they can."""
    [done] = csound_in_host(
        """
import threading
host = Host(TEXT)
host.perform_until(lambda: listening(PORT))
speaker = client("kin")
over = threading.Event()

def send():
    try:
        while not over.is_set():
            speaker.send(packed(1))
    except Exception:
        pass

sender = threading.Thread(target=send)
sender.start()
host.perform(3000)
host.reset()
over.set()
sender.join()
host.destroy()
tell(True)
""",
        COUNTER,
    )
    assert done


@pytest.mark.alone
@pytest.mark.parametrize("options", [("--realtime",), ("-j2",)], ids=" ".join)
def test_it_ends_in_real_time_mode_and_with_threads(csound, options):
    one = csound(COUNTER, options=(*REAL_TIME, *options), score="i 1 0 3600\nf 0 3600")
    clients = [one.raw("kcount") for _ in range(2)]
    first = [client.frame() for client in clients]
    assert all(first)
    begin = time.monotonic()
    one.stop()
    assert time.monotonic() - begin < 1
    assert [client.close_code() for client in clients] == [1001] * 2
    eventually(lambda: not listening(one.port))
