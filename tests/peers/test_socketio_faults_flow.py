"""Slow readers on both sides: what waits is bounded, what was taken is not lost, and nobody else waits with them."""

import threading
import time

from running import PRELUDE, eventually
from scripted_socketio import EVENT, SEPARATOR, event, healthy
from socketio_faults import Peak, expect_warning, expect_works

MIB = 1 << 20
LARGE = 64 * 1024

# Emits numbers with ballast, and gives those that were taken: `emit` returns a number for them.
EMIT = """
result = []
for number in range({first}, {first} + {count}):
    if dat.emit('number', number, 'x' * {size}, ack=True) is not None:
        result.append(number)
"""


def numbers(wire, heard, count):
    """Reads so many events of `EMIT`."""
    while len(heard) < count:
        heard.append(int(EVENT.match(wire.hear())["payload"][10:].split(",")[0]))


def test_a_server_that_does_not_read_costs_no_more_than_the_queue(sio, faulty, fault_program):
    reads, taken, heard = threading.Event(), [], []

    def slow(wire):
        wire.open(maxPayload=None)
        wire.let_in()
        assert reads.wait(20)
        numbers(wire, heard, len(taken))
        wire.serve()

    one = sio(faulty(slow, receive_buffer=8192), maxqueue=2 * MIB)
    other = sio(faulty(healthy))
    one.expect_opened()
    peak = Peak(fault_program)
    for first in range(0, 1000, 50):
        now_taken = one.do(EMIT.format(first=first, count=50, size=LARGE))
        taken += now_taken
        if not now_taken:
            break
    expect_warning(one, "more than 2097152 bytes wait to be sent; nothing was sent", "raise `maxqueue`|volatile")
    assert 2 * MIB // LARGE <= len(taken) < 500, "what the system holds, and the queue"
    assert peak.grown_mib() < 32
    queued = one.info()["queued"]
    assert MIB < queued < 3 * MIB
    dropped = one.info()["dropped"]
    one.do("dat.emit('volatile', 'x', volatile=True)")
    assert one.info()["dropped"] == dropped + 1
    expect_works(other)
    reads.set()
    eventually(lambda: len(heard) == len(taken), 15, "all that was taken")
    assert heard == taken
    one.expect_info(queued=0, timeout=15)
    expect_works(one)


def test_heartbeats_are_answered_past_a_full_queue(sio, faulty):
    is_alive, is_full, heard, taken = threading.Event(), threading.Event(), [], []

    def ping(wire):
        while not is_alive.wait(0.1):
            wire.say("2")

    def slow(wire):
        wire.open(maxPayload=None, pingInterval=750, pingTimeout=750)
        wire.let_in()
        pings = threading.Thread(target=ping, args=(wire,))
        pings.start()
        assert is_full.wait(10)
        time.sleep(1.7)
        numbers(wire, heard, len(taken))
        is_alive.set()
        pings.join()
        wire.say(event("alive"))
        wire.serve()

    server = faulty(slow, receive_buffer=8192)
    one = sio(server, maxqueue=2 * MIB)
    one.expect_opened()
    taken += one.do(EMIT.format(first=0, count=100, size=LARGE))
    is_full.set()
    one.expect_received(["alive", None], timeout=15)
    assert heard == taken and server.wires[0].pongs > 0
    expect_works(one)


def test_a_callback_that_is_slow_holds_the_server_up_and_loses_nothing(sio, faulty, fault_program):
    callbacks = PRELUDE + (
        "import time\nfollowing = 0\n"
        "def onReceiveEvent(dat, rowIndex, message, event, *rest):\n"
        "    global following\n"
        "    assert message[0] == following, (message[0], following)\n"
        "    following += 1\n"
        "    time.sleep(0.002)\n"
        "    if event == 'end': log(dat.name, 'end', following)\n"
        "def onClose(dat, *rest): log(dat.name, 'onClose', *rest)\n"
    )
    count, sent_by = 500, []

    def fast(wire):
        wire.open(pingInterval=500, pingTimeout=500)
        wire.let_in()
        for number in range(count):
            if number % 10 == 0:
                wire.say("2")
            wire.say(event("end" if number == count - 1 else "number", number, "x" * LARGE))
            sent_by.append(time.monotonic())
        while not wire.over.wait(0.1):
            wire.say("2")

    one = sio(faulty(fast), callbacks=callbacks, active=False)
    peak = Peak(fault_program)
    one.set(active=True)
    assert one.expect_record("end", timeout=20) == ["end", count]
    ended = time.monotonic()
    assert peak.grown_mib() < 32
    assert ended - sent_by[count // 2] > 0.2, "the server was never held up"
    assert one.records("onClose") == [] and one.errors() == "" == one.warnings()


def test_a_server_that_is_slow_to_take_posts_gets_all_in_order_and_no_more_than_it_takes(sio, faulty):
    bodies = []

    def slow(session):
        session.open(maxPayload=1000)
        session.let_in()
        session.takes_posts = False
        while sum(body.count(b"42[") for body in bodies) < 60:
            exchange = session.post()
            bodies.append(exchange.body)
            time.sleep(0.02)
            exchange.answer()
        session.takes_posts = True
        session.serve()

    one = sio(faulty(slow, polling=True), transports="polling")
    one.expect_opened()
    one.do("for number in range(60): dat.emit('number', number, 'x' * 100)")
    eventually(lambda: sum(body.count(b"42[") for body in bodies) == 60)
    packets = [packet.decode() for body in bodies for packet in body.split(SEPARATOR)]
    assert packets == [event("number", number, "x" * 100).replace(", ", ",") for number in range(60)]
    assert max(map(len, bodies)) <= 1000 and 7 <= len(bodies) <= 20
    expect_works(one)
