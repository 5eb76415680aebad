"""Audio that clients send: every block once and in order, after a short wait that evens out the network, and silence,
not a buzz, when nothing comes.

A block in these tests holds one number in all of its samples. The instrument writes what it heard to a file, so that
every k-cycle can be looked at afterwards.
"""

import struct
import threading
import time

import pytest

from csound_runs import doubles, expect_message, packed
from running import eventually

pytestmark = pytest.mark.alone

PERIOD = 64 / 48_000
# Writes the first and last sample of each cycle; says the number of the newest block in a k-variable, too.
LISTEN = """
instr 1
know init 0
ain websocket $PORT, know
know vaget 0, ain
kend vaget ksmps - 1, ain
fprintks "heard.txt", "%d %d\\n", know, kend
endin
instr 2
kclients, kdropped, klate websocketstatus $PORT
fprintks "status.txt", "%d %d %d\\n", kclients, kdropped, klate
endin
"""
BOTH = "i 1 0 3600\ni 2 0 3600"


class Player:
    """A csound that listens, and a client that plays to it."""

    def __init__(self, csound, settings="", **options):
        self.csound = csound(settings + LISTEN, score=BOTH, **options)
        self.client = self.csound.connect("ain")
        self.sent = 0

    def play(self, blocks, pace=0.0):
        """Sends the next blocks, all at once or with this much time from one to the next."""
        begin = time.monotonic()
        for number in range(blocks):
            self.sent += 1
            self.client.send(packed(*[self.sent] * 64))
            if pace and (left := begin + (number + 1) * pace - time.monotonic()) > 0:
                time.sleep(left)

    def lines(self, name):
        self.csound.stop()
        text = self.csound.file.with_name(name).read_text()
        return [tuple(map(int, line.split())) for line in text.splitlines()]

    def heard(self):
        """What each cycle heard; csound has ended then."""
        cycles = self.lines("heard.txt")
        assert all(first == last for first, last in cycles), "blocks are played whole"
        return [first for first, _ in cycles]

    def late(self):
        return self.lines("status.txt")[-1][2]


def runs(values):
    """Values without the repetitions next to each other."""
    return [value for number, value in enumerate(values) if number == 0 or values[number - 1] != value]


def test_3000_blocks_at_750_a_second_are_all_heard_and_soon(csound):
    """None lost, none twice, in order; csound says what it hears now, and the way there and back is short.

    A block may be a second late here before it is dropped, so that a machine that halts for a moment loses none."""
    player = Player(csound, 'websocketset $PORT, "limit", 1000\n')
    now = player.csound.connect("know")
    delays, begin = [], time.monotonic()

    def listen():
        last = 0
        while last < 3000:
            [value] = doubles(now.recv(timeout=8))
            if value > last:
                last = value
                delays.append(time.monotonic() - begin - (value - 1) * PERIOD)

    listener = threading.Thread(target=listen)
    listener.start()
    player.play(3000, PERIOD)
    listener.join()
    heard = [value for value in player.heard() if value]
    assert heard == list(range(1, 3001))
    delays.sort()
    assert delays[-1] < 1.2, f"the longest delay is {delays[-1]:.3f} s"
    if not player.late():  # a sender that was late once stays behind by that
        assert delays[1500] < 0.1, f"the median delay is {delays[1500]:.3f} s"


def test_pauses_shorter_than_the_jitter_are_not_heard(csound):
    """40 blocks are 53 ms; the next come 80 ms later, and yet there is no gap."""
    player = Player(csound, 'websocketset $PORT, "jitter", 150\n')
    player.play(40)
    time.sleep(0.08)
    player.play(60)
    time.sleep(0.4)
    heard = player.heard()
    first = heard.index(1)
    assert heard[first : first + 100] == list(range(1, 101))


@pytest.mark.parametrize("dry, rest", [("silence", 0), ("hold", 60)])
def test_when_nothing_comes_there_is_silence_or_the_last_block_once_asked_for(csound, dry, rest):
    player = Player(csound, f'websocketset $PORT, "dry", "{dry}"\n')
    player.play(60)
    time.sleep(0.4)
    assert player.late() > 0, "running dry is counted"
    assert runs(player.heard()) == [0, *range(1, 61), *([rest] if rest == 0 else [])]


def test_after_a_pause_it_waits_for_the_target_again(csound):
    """Dry at 60; what comes then, one block and 40 ms later the rest, is heard without a gap."""
    player = Player(csound, 'websocketset $PORT, "jitter", 100\n')
    now = player.csound.connect("know")
    player.play(60)
    expect_message(now, [60])
    expect_message(now, [0])
    player.play(1)
    time.sleep(0.04)
    player.play(60)
    expect_message(now, [121])
    heard = player.heard()
    second = heard.index(61)
    assert heard[second : second + 61] == list(range(61, 122))


def test_what_is_behind_by_more_than_the_limit_is_dropped_from_its_old_end(csound):
    """A second of blocks at once, with a limit of 100 ms: the newest are heard, in order, the delay is short again."""
    player = Player(csound, 'websocketset $PORT, "limit", 100\n')
    now = player.csound.connect("know")
    player.play(750)
    expect_message(now, [750])
    heard = [value for value in player.heard() if value]
    assert heard == sorted(set(heard)) and heard[-1] == 750
    assert 750 - len(heard) > 300, "most of it was dropped"


def test_a_long_jitter_needs_no_other_limit(csound):
    """400 ms of blocks come at once: no more than may wait with a jitter of 300 ms, though the limit is 200 ms."""
    player = Player(csound, 'websocketset $PORT, "jitter", 300\n')
    now = player.csound.connect("know")
    player.play(300)
    expect_message(now, [300])
    assert [value for value in player.heard() if value] == list(range(1, 301))


def test_blocks_of_a_wrong_size_do_not_disturb_the_stream(csound):
    player = Player(csound)
    for _ in range(100):
        player.play(1)
        player.client.send(bytes(511))
    eventually(lambda: player.csound.find_line("size|bytes"))
    time.sleep(0.3)
    assert [value for value in player.heard() if value] == list(range(1, 101))


def test_two_senders_take_turns_in_the_order_of_arrival(csound):
    """Nobody decides between them: what comes is heard."""
    player = Player(csound, 'websocketset $PORT, "limit", 1000\n')
    other = player.csound.connect("ain")
    for number in range(50):
        player.play(1)
        other.send(packed(*[1000 + number] * 64))
    time.sleep(0.4)
    heard = [value for value in player.heard() if value]
    assert [value for value in heard if value < 1000] == list(range(1, 51))
    assert [value for value in heard if value >= 1000] == list(range(1000, 1050))


def test_a_stream_goes_on_when_its_sender_comes_back(csound):
    player = Player(csound)
    player.play(30)
    player.client.close()
    time.sleep(0.3)
    player.client = player.csound.connect("ain")
    player.play(30)
    time.sleep(0.3)
    heard = player.heard()
    assert [value for value in heard if value] == list(range(1, 61))
    assert 0 in heard[heard.index(30) : heard.index(31)]


@pytest.mark.parametrize("ksmps", [1, 7, 1024, 4096])
def test_every_size_of_block_comes_in(csound, ksmps):
    """One sample, an odd number, and beyond the original's 511; jitter is a time and not a number of blocks."""
    code = 'instr 1\nain websocket $PORT\nfout "played.raw", 0, ain\nendin'
    one = csound(f'websocketset $PORT, "limit", 2000\n{code}', ksmps=ksmps, sr=48_000)
    client = one.connect("ain")
    samples = list(range(1, 4096 * 4 + 1 if ksmps > 100 else 2101))
    for start in range(0, len(samples) // ksmps * ksmps, ksmps):
        client.send(packed(*samples[start : start + ksmps]))
    whole = len(samples) // ksmps * ksmps
    path = one.file.with_name("played.raw")

    def played():
        data = path.read_bytes() if path.exists() else b""
        return [value for value in struct.unpack(f"<{len(data) // 4}f", data[: len(data) // 4 * 4]) if value]

    eventually(lambda: whole in played()[-5000:] or one.process.poll() is not None, what="the last sample")
    one.stop()
    assert played() == samples[:whole]
