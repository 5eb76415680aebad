"""`websocketstatus`, and control by name over the sub-protocol `csound.v1`: JSON for what does not want raw numbers."""

import json
import time

import pytest
from websockets.exceptions import ConnectionClosed

from csound_runs import count_up, first_numbers, packed, silent, watch
from raw import TEXT, frame
from running import eventually

STATUS = f"""
instr 1
{count_up()}aout = 1
kin, ain websocket $PORT, kcount, aout
kclients, kdropped, klate websocketstatus $PORT
{watch("kin", "kclients", "kdropped", "klate")}endin
"""
# Values of every kind under names, and what a software channel holds.
NAMES = f"""
chn_k "cutoff", 3
chn_S "title", 3
instr 1
{count_up()}kamp = 0.5
ifix = 4
Sname = "the name"
ktable[][] init 2, 2
ktable[0][1] = 3
aout = 1
kparts[] init 3
iin init 1
kfreq, kparts, Sin, iin, ain websocket $PORT, kamp, kcount, ifix, Sname, ktable, aout
klength strlenk Sin
ksecond = kparts[1]
klater = iin
kcutoff chnget "cutoff"
Stitle chnget "title"
ktitle strlenk Stitle
{watch("kfreq", "klength", "ksecond", "klater", "kcutoff", "ktitle")}endin
instr 5
prints "played %g\\n", p4
endin
"""


def control(value):
    return f'websocketset $PORT, "control", {value}\n'


class Session:
    """A client of `csound.v1`."""

    def __init__(self, one):
        self.client = one.connect("csound.v1")
        self.hello = self.next()["hello"]

    def tell(self, **message):
        self.client.send(json.dumps(message))

    def next(self, timeout=8.0):
        message = self.client.recv(timeout=timeout)
        assert isinstance(message, str)
        return json.loads(message)

    def ask(self, **message):
        self.tell(**message)
        return self.next()

    def until(self, condition, timeout=8.0):
        """The first message that fulfils the condition."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            message = self.next(timeout)
            if condition(message):
                return message
        raise AssertionError("the message did not come")


# ---------------------------------------- status


def test_clients_are_counted(csound):
    one = csound(STATUS)
    clients = [one.connect(name, keep=False) for name in ("kcount", "kin", "kcount")]
    one.expect_value("kclients", 3)
    for left, client in zip((2, 1, 0), clients, strict=True):
        client.close()
        one.expect_value("kclients", left)
    assert not one.values("kdropped") and not one.values("klate")


def test_late_blocks_are_counted(csound):
    one = csound(STATUS)
    client = one.connect("ain")
    for _ in range(30):
        client.send(packed(*[1] * 64))
    eventually(lambda: one.values("klate")[-1:] > [0], what="a count of late blocks")


def test_status_of_a_port_that_nobody_opened(csound):
    """It is no error: there is nobody."""
    one = csound(f"instr 1\nkc, kd, kl websocketstatus $PORT\nkzero = kc + kd + kl + 7\n{watch('kzero')}endin")
    one.expect_value("kzero", 7)
    assert not one.find_line("INIT ERROR")


# ---------------------------------------- hello


def test_the_hello_says_what_is_here(csound):
    one = csound(NAMES)
    hello = Session(one).hello
    assert {name: hello[name] for name in ("version", "sr", "ksmps", "float", "control")} == {
        "version": 1,
        "sr": 48000,
        "ksmps": 64,
        "float": 64,
        "control": 0,
    }
    table = {each["name"]: (each["type"], each["direction"]) for each in hello["variables"]}
    assert table == {
        "kamp": ("k", "out"),
        "kcount": ("k", "out"),
        "ifix": ("i", "out"),
        "Sname": ("S", "out"),
        "ktable": ("k[2][2]", "out"),
        "aout": ("a", "out"),
        "kfreq": ("k", "in"),
        "kparts": ("k[3]", "in"),
        "Sin": ("S", "in"),
        "iin": ("i", "in"),
        "ain": ("a", "in"),
    }


def test_a_new_hello_comes_when_names_come_and_go(csound):
    one = csound("instr 1\nk1 websocket $PORT\nendin\ninstr 2\nk2 websocket $PORT\nendin")
    session = Session(one)

    def names(message):
        return {each["name"] for each in message.get("hello", {}).get("variables", [])}

    assert names({"hello": session.hello}) == {"k1"}
    one.event("i 2 0 0.3")
    session.until(lambda message: names(message) == {"k1", "k2"})
    session.until(lambda message: names(message) == {"k1"})


# ---------------------------------------- values


def test_values_are_read_by_name(csound):
    """What is known is answered at once, what performance has to be asked for right behind it."""
    session = Session(csound(NAMES))
    session.tell(get=["kamp", "ifix", "Sname", "ktable"])
    values = {}
    while len(values) < 4:
        values |= session.next()["values"]
    assert (values["kamp"], values["ifix"], values["Sname"]) == (0.5, 4, "the name")
    assert flat(values["ktable"]) == [0, 3, 0, 0]


def flat(value):
    return [each for part in value for each in flat(part)] if isinstance(value, list) else [value]


def test_values_are_set_by_name(csound):
    one = csound(NAMES)
    session = Session(one)
    session.tell(set={"kfreq": 440, "Sin": "größer", "kparts": [1, 2.5, 3], "iin": 9})
    for name, value in [("kfreq", 440), ("klength", 8), ("ksecond", 2.5), ("klater", 9)]:
        one.expect_value(name, value)


def test_a_raw_client_and_control_share_a_variable(csound):
    one = csound(NAMES)
    session, raw = Session(one), one.connect("kfreq")
    for value in range(1, 6):
        session.tell(set={"kfreq": value})
        one.expect_value("kfreq", value)
        raw.send(packed(value + 0.5))
        one.expect_value("kfreq", value + 0.5)


@pytest.mark.alone
@pytest.mark.parametrize("rate", [10, 50])
def test_subscriptions_bring_the_latest_values_at_their_rate(csound, rate):
    session = Session(csound(NAMES))
    session.tell(subscribe=["kcount", "kamp"], rate=rate)
    numbers, begin = [], time.monotonic()
    while time.monotonic() - begin < 1:
        values = session.next()["values"]
        if "kcount" in values:
            numbers.append(values["kcount"])
    assert numbers == sorted(set(numbers))
    assert rate * 0.6 < len(numbers) < rate * 1.3 + 2
    session.tell(unsubscribe=["kcount", "kamp"])
    time.sleep(0.2)
    while not silent(session.client, 0.01):
        pass
    assert silent(session.client, 0.2)


@pytest.mark.alone
def test_without_a_rate_a_subscription_has_thirty_a_second(csound):
    session = Session(csound(NAMES))
    session.tell(subscribe=["kcount"])
    begin = session.next() and time.monotonic()
    for _ in range(30):
        session.next()
    assert 0.7 < time.monotonic() - begin < 1.6


def test_strings_are_subscribed_too(csound):
    code = 'instr 1\nkone timeinsts\nSout = "first"\nif kone > 0.5 then\nSout strcpyk "second"\nendif\n'
    one = csound(code + "kunused websocket $PORT, Sout\nendin")
    session = Session(one)
    session.tell(subscribe=["Sout"])
    session.until(lambda message: message.get("values", {}).get("Sout") == "second")


# ---------------------------------------- what is allowed


def test_channels_may_be_set_when_control_is_1(csound):
    one = csound(control(1) + NAMES)
    session = Session(one)
    assert session.hello["control"] == 1
    session.tell(set={"cutoff": 1200.5, "title": "a title"})
    one.expect_value("kcutoff", 1200.5)
    one.expect_value("ktitle", 7)
    refused = session.ask(event="i 5 0 1 3")
    assert "control" in refused["error"] and "of" in refused
    assert not one.find_line("played")


def test_events_may_be_sent_when_control_is_2(csound):
    one = csound(control(2) + NAMES)
    session = Session(one)
    for number in range(20):
        session.tell(event=f"i 5 0 0.1 {number}")
    for number in range(20):
        one.expect_line(f"^played {number}$")
    session.tell(set={"cutoff": 7})
    one.expect_value("kcutoff", 7)


@pytest.mark.parametrize("line", ['i 5 0 0.1 1 "a text without an end', "{ 3 N"])
def test_an_event_that_csound_would_read_on_for_is_refused(csound, line):
    """Its reader would take all later events, of whomever, as the rest of this one."""
    one = csound(control(2) + NAMES)
    session = Session(one)
    assert "ends with its line" in session.ask(event=line)["error"]
    session.tell(event="i 5 0 0.1 2")
    one.expect_line("^played 2$")
    one.event("i 5 0 0.1 3")
    one.expect_line("^played 3$")


REFUSED = [
    {"set": {"cutoff": 5}},
    {"event": "i 5 0 1 3"},
    {"set": {"kamp": 5}},
    {"set": {"nothing": 5}},
    {"set": {"kfreq": "high"}},
    {"set": {"kfreq": [1, 2]}},
    {"set": {"kparts": [1, 2]}},
    {"set": {"kparts": [1, 2, "x"]}},
    {"set": {"Sin": 5}},
    {"set": 5},
    {"get": ["nothing"]},
    {"get": "kamp"},
    {"get": ["aout"]},
    {"subscribe": ["aout"]},
    {"subscribe": ["kamp"], "rate": 0},
    {"subscribe": ["kamp"], "rate": 100_000},
    {"subscribe": ["kamp"], "rate": "fast"},
    {"unknown": 1},
    {},
]
NO_OBJECTS = ["", "no json", "[1,2]", "5", "null", '{"get":', "[" * 20_000, '{"get":["kamp"]} x']


def test_what_is_refused_is_answered_in_words(csound, subtests):
    """Control is off here. The session goes on."""
    session = Session(csound(NAMES))
    for message in REFUSED:
        with subtests.test(json.dumps(message)):
            answer = session.ask(**message)
            assert isinstance(answer["error"], str) and len(answer["error"]) > 10
            assert "of" in answer
            assert session.ask(get=["kamp"]) == {"values": {"kamp": 0.5}}
    assert "sub-protocol" in session.ask(subscribe=["aout"])["error"], "how to get audio is said"


def test_what_is_no_json_object_is_answered_in_words(csound, subtests):
    session = Session(csound(NAMES))
    for text in NO_OBJECTS:
        with subtests.test(text[:20]):
            session.client.send(text)
            assert session.next()["error"]
            assert session.ask(get=["kamp"]) == {"values": {"kamp": 0.5}}


def test_a_message_beyond_64_kib_is_closed_with_1009(csound):
    session = Session(csound(NAMES))
    session.client.send("x" * 65_537)
    with pytest.raises(ConnectionClosed):
        while True:
            session.next()
    assert session.client.close_code == 1009


def test_a_flood_of_requests_is_bounded_and_ends_on_the_last(csound):
    """Sets and events as fast as they go, by a client that reads no answers."""
    one = csound(control(2) + NAMES)
    client = one.raw("csound.v1", receive_buffer=8192)
    for start in range(0, 20_000, 1000):
        client.send(
            b"".join(
                frame(TEXT, json.dumps({"set": {"kfreq": value + 1}}).encode()) for value in range(start, start + 1000)
            )
        )
    one.expect_value("kfreq", 20_000)
    numbers = first_numbers(one.connect("kcount"), 50)
    assert numbers == list(range(int(numbers[0]), int(numbers[0]) + 50))
