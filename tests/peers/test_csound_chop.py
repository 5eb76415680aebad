"""The Csound CHOP in a patch, against clients and servers of Python's `websockets`, and against Csound itself: with the
opcode that Csound's plugins have always had, and with this project's."""

import contextlib
import json
import math
import signal
import socket
import struct
import threading
import time

import pytest
from csound_runs import watch
from running import PRELUDE, eventually, free_port, toml
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as dial
from websockets.sync.server import serve

CALLBACKS = (
    PRELUDE
    + """
def onConnect(chop, signal, peer):
    log("onConnect", signal)

def onDisconnect(chop, signal, peer):
    log("onDisconnect", signal)

def onReceive(chop, signal, value):
    log("onReceive", signal, value)

def onReceiveString(chop, signal, value):
    log("onReceiveString", signal, value)

def onSetChannel(chop, name, value):
    log("onSetChannel", name, value)

def onScoreEvent(chop, event):
    log("onScoreEvent", event)
"""
)

INFO = """
[op.csound_info]
type = "infoCHOP"
par.op = "csound1"

[op.csound_table]
type = "infoDAT"
par.op = "csound1"
"""


def doubles(*numbers):
    return struct.pack(f"<{len(numbers)}d", *numbers)


def numbers(message):
    return list(struct.unpack(f"<{len(message) // 8}d", message))


class Chop:
    """A patch with a Csound CHOP `csound1`, what is wired to it and the table of its signals."""

    def __init__(self, patch, *, rows=None, sources="", wired="", callbacks=CALLBACKS, more="", wait=True, **parameters):
        self.port = parameters.setdefault("port", free_port())
        self.parameters = {"active": True, "callbacks": "csound1_callbacks", **parameters}
        self.rows, self.wired, self.sources, self.more = rows or [], wired, sources, more
        self.run = patch(more=self.text(), files={"csound1_callbacks.py": callbacks})
        self.connections = contextlib.ExitStack()
        if wait and parameters.get("role") != "client":
            self.run.expect_line(rf"csound1\] listening on ws://127\.0\.0\.1:{self.port}/", 20)

    def text(self):
        lines = ["", "[op.csound1]", 'type = "csoundCHOP"', f"in = [{toml(self.wired)}]" if self.wired else ""]
        lines += ['par.signals = "signals"', *(f"par.{name} = {toml(value)}" for name, value in self.parameters.items())]
        lines += ["[op.signals]", 'type = "tableDAT"', f"rows = {toml(self.rows)}"]
        lines += ["[op.csound1_callbacks]", 'type = "textDAT"', 'file = "csound1_callbacks.py"']
        return "\n".join([*lines, INFO, self.sources, self.more])

    def save(self, **parameters):
        """Saves patch.toml with other parameters, and returns when they are live."""
        self.parameters.update(parameters)
        self.run.more = self.run.more[: self.run.more.index("\n[op.csound1]")] + self.text()
        self.run.write_patch()
        for name, value in parameters.items():
            eventually(lambda: self.run.do(f"result = op('csound1').par.{name}.eval()") == value, what=f"{name} = {value!r}")

    def connect(self, *names, **options):
        options = {"compression": None, "proxy": None, "open_timeout": 8, "close_timeout": 1, **options}
        connection = dial(f"ws://127.0.0.1:{self.port}/", subprotocols=list(names) or None, **options)
        return self.connections.enter_context(connection)

    def value(self, channel):
        return self.run.do(f"c = op('csound1')[{channel!r}]\nresult = None if c is None else c.eval()")

    def info(self, channel):
        return self.run.do(f"result = op('csound_info')[{channel!r}].eval()")

    def set(self, row, value):
        self.run.do(f"op('signals')[{row!r}, 'value'] = {value!r}")

    def heard(self, *names):
        return self.run.records(*names)

    def close(self):
        self.connections.close()


@pytest.fixture
def chops(patch):
    made = []

    def start(**options):
        made.append(Chop(patch, **options))
        return made[-1]

    yield start
    for one in made:
        one.close()


CONSTANT = """
[op.constant1]
type = "constantCHOP"
par.const = 2
par.const0name = "kamp"
par.const0value = 0.5
par.const1name = "kpan"
par.const1value = -1.0
"""

HEADING = ["name", "type", "direction", "value"]


def test_channels_of_the_input_are_signals_of_their_names(chops):
    chop = chops(wired="constant1", sources=CONSTANT)
    amp, again = chop.connect("kamp"), chop.connect("kamp")
    assert amp.subprotocol == "kamp"
    assert numbers(amp.recv(8)) == numbers(again.recv(8)) == [0.5]
    assert numbers(chop.connect("kpan").recv(8)) == [-1.0]
    # Whoever names none gets the first, and the answer names none either.
    first = chop.connect()
    assert first.subprotocol is None
    assert numbers(first.recv(8)) == [0.5]
    chop.run.do("op('constant1').par.const0value = 0.75")
    for connection in (amp, again, first):
        assert numbers(connection.recv(8)) == [0.75]
    # A channel that is added is a signal at once.
    chop.run.do("op('constant1').par.const = 3; op('constant1').par.const2name = 'knew'")
    assert numbers(chop.connect("knew").recv(8)) == [0.0]


def test_what_is_not_there_is_refused_in_words(chops):
    chop = chops(wired="constant1", sources=CONSTANT, maxclients=1)
    with pytest.raises(InvalidStatus) as refused:
        chop.connect("kAmp")
    assert refused.value.response.status_code == 404
    assert b"kamp k (out" in refused.value.response.body
    answer = chop.run.http.get(f"http://127.0.0.1:{chop.port}/")
    assert (answer.status_code, "kpan" in answer.text) == (426, True)
    chop.connect("kamp")
    with pytest.raises(InvalidStatus) as refused:
        chop.connect("kamp")
    assert refused.value.response.status_code == 503
    assert chop.info("refused") >= 2


def test_what_clients_send_becomes_channels_and_callbacks(chops):
    rows = [HEADING, ["kfreq", "", "", ""], ["karr", "k[2][2]", "in", ""], ["inote", "i", "", ""], ["Sname", "S", "", ""]]
    chop = chops(rows=rows)
    assert chop.value("kfreq") == 0
    freq = chop.connect("kfreq")
    for number in range(200):
        freq.send(doubles(number))
    eventually(lambda: chop.value("kfreq") == 199)
    chop.connect("karr").send(doubles(1, 2, 3, 4))
    eventually(lambda: chop.value("karr3") == 4)
    assert [chop.value(f"karr{at}") for at in range(3)] == [1, 2, 3]
    # A value in fragments, and one in a text frame, as the original takes it.
    freq.send([doubles(440)[:3], doubles(440)[3:]])
    eventually(lambda: chop.value("kfreq") == 440)
    freq.send("12345678", text=True)
    eventually(lambda: chop.value("kfreq") == struct.unpack("<d", b"12345678")[0])
    chop.connect("Sname").send("grüße")
    chop.connect("inote").send(doubles(60))
    eventually(lambda: chop.heard("onReceiveString") == [["onReceiveString", "Sname", "grüße"]])
    eventually(lambda: ["onReceive", "inote", 60.0] in chop.heard("onReceive"))
    received = [record[2] for record in chop.heard("onReceive") if record[1] == "kfreq"]
    assert received[:200] == [float(number) for number in range(200)]
    assert ["onReceive", "karr", [1.0, 2.0, 3.0, 4.0]] in chop.heard("onReceive")
    assert chop.run.do("result = op('csound1').numChans") == 6
    # An Info DAT shows each signal with its newest value.
    rows = chop.run.do("result = [[cell.val for cell in row] for row in op('csound_table').rows()]")
    assert [row[0] for row in rows] == ["name", "kfreq", "karr", "inote", "Sname"]
    assert rows[4][8] == "grüße"


def test_a_value_of_another_size_is_dropped_and_said_once(chops):
    chop = chops(rows=[HEADING, ["kfreq", "k", "in", ""]])
    connection = chop.connect("kfreq")
    for _ in range(3):
        connection.send(b"1234")
    connection.send(doubles(7))
    eventually(lambda: chop.value("kfreq") == 7)
    assert (chop.info("wrong"), chop.info("received")) == (3, 1)
    assert "it has 4 bytes, a value has 8" in chop.run.do("result = str(op('csound1').warnings())")
    # Beyond what a value can have, the connection ends.
    connection.send(b"123456789")
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(8)
    assert closed.value.rcvd.code == 1009


def test_texts_and_numbers_of_the_table_are_sent(chops):
    rows = [HEADING, ["Stitle", "S", "out", "one"], ["kxy", "k[2]", "out", "1 2"], ["Sall", "S[2]", "out", '["a", "b"]']]
    chop = chops(rows=rows)
    title, pair = chop.connect("Stitle"), chop.connect("kxy")
    assert title.recv(8) == "one"
    assert numbers(pair.recv(8)) == [1, 2]
    assert json.loads(chop.connect("Sall").recv(8)) == ["a", "b"]
    chop.set("Stitle", "zwei")
    chop.set("kxy", "3 4")
    assert title.recv(8) == "zwei"
    assert numbers(pair.recv(8)) == [3, 4]
    # What is wrong in one row is said, and the others go on.
    chop.set("kxy", "loud")
    eventually(lambda: "`kxy`" in chop.run.do("result = str(op('csound1').warnings())"))
    with pytest.raises(ConnectionClosed) as closed:
        pair.recv(8)
    assert closed.value.rcvd.code == 1001
    chop.set("Stitle", "three")
    assert title.recv(8) == "three"


def test_a_standing_channel_becomes_blocks_at_the_sample_rate(chops):
    chop = chops(wired="constant1", sources=CONSTANT, type="a", rate=8000, ksmps=100)
    connection = chop.connect("kamp")
    began, blocks = time.monotonic(), 0
    while time.monotonic() < began + 2:
        assert numbers(connection.recv(8)) == [0.5] * 100
        blocks += 1
    assert 140 <= blocks <= 180, blocks


def test_every_a_rate_block_passes_through_a_patch_and_out_again(chops):
    # What a client sends to aleft is shown as time slices, goes to a second host in the patch and from there to a client.
    port = free_port()
    second = f"""
[op.null1]
type = "nullCHOP"
in = ["csound1"]

[op.csound2]
type = "csoundCHOP"
in = ["null1"]
par.active = true
par.port = {port}
"""
    chop = chops(rows=[HEADING, ["aleft", "a[2]", "in", ""]], more=second)
    sender = chop.connect("aleft")
    url = f"ws://127.0.0.1:{port}/"
    listener = chop.connections.enter_context(dial(url, subprotocols=["aleft1"], compression=None, proxy=None))
    heard = []

    def listen():
        try:
            for message in listener:
                heard.extend(numbers(message))
        except ConnectionClosed:
            pass

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    began = time.monotonic()
    for block in range(3000):
        left = [block * 64 + at + 1.0 for at in range(64)]
        sender.send(doubles(*left, *(-value for value in left)))
        # 750 blocks a second.
        time.sleep(max(0.0, began + (block + 1) / 750 - time.monotonic()))
    eventually(lambda: -192_000.0 in heard[-6000:], what="the last sample")
    listener.close()
    thread.join(5)
    flow = [-value for value in heard if value]
    assert flow[-1] == 192_000
    assert all(after == before + 1 for before, after in zip(flow, flow[1:], strict=False))
    # From the beginning on: what the first frame gathered may go before anybody reads.
    assert flow[0] <= 8000
    assert chop.info("dropped") == 0
    assert chop.info("late") <= 1


def test_the_same_slice_for_all_readers_of_a_frame(chops):
    chop = chops(rows=[HEADING, ["aone", "a", "in", ""], ["kone", "k", "in", ""]], ksmps=480)
    sender, control = chop.connect("aone"), chop.connect("kone")
    stop = threading.Event()

    def send():
        value = 0.0
        while not stop.is_set():
            sender.send(doubles(*(value + at for at in range(480))))
            control.send(doubles(value))
            value += 480
            time.sleep(0.009)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    script = (
        "import time\n"
        "c = op('csound1')\n"
        "look = lambda: (absTime.frame, c.start, c.end, c['aone'].vals, c['kone'].vals, absTime.frame)\n"
        "a, b = look(), look()\n"
        "result = [a, b, c.isTimeSlice, c.rate]"
    )
    compared = 0
    try:
        while compared < 20:
            one, two, is_slice, rate = chop.run.do(script)
            assert (is_slice, rate) == (True, 48_000)
            # A frame may end while the script runs.
            if {*one[::5], *two[::5]} == {one[0]}:
                assert one == two
                assert len(one[3]) == len(one[4]) == one[2] - one[1] + 1 > 0
                compared += 1
    finally:
        stop.set()
        thread.join(5)


def test_a_slow_client_loses_its_oldest_blocks_and_nobody_else_does(chops):
    chop = chops(wired="constant1", sources=CONSTANT, type="a", ksmps=4096, rate=1_000_000, buffer=50)
    slow, fast = chop.connect("kamp", max_queue=1), chop.connect("kamp")
    end = time.monotonic() + 5
    count = 0
    while time.monotonic() < end and not chop.info("dropped"):
        for _ in range(100):
            assert len(fast.recv(8)) == 8 * 4096
            count += 1
    assert chop.info("dropped") > 0
    assert chop.info("queued") < 8 << 20
    slow.close()


def test_control_by_json(chops):
    rows = [HEADING, ["kfreq", "k", "in", ""], ["Sname", "S", "in", ""], ["karr", "k[2]", "out", "1 2"]]
    chop = chops(rows=rows, wired="constant1", sources=CONSTANT, control="events", ksmps=32)
    control = chop.connect("csound.v1")
    hello = json.loads(control.recv(8))["hello"]
    assert (hello["sr"], hello["ksmps"], hello["float"], hello["control"]) == (48000, 32, 64, 2)
    variables = {variable["name"]: (variable["type"], variable["direction"]) for variable in hello["variables"]}
    assert variables["kfreq"] == ("k", "in")
    assert (variables["kamp"], variables["karr"]) == (("k", "out"), ("k[2]", "out"))

    def ask(**request):
        control.send(json.dumps(request))

    ask(set={"kfreq": 440, "Sname": "a", "other": 1.5, "text": "t"})
    eventually(lambda: chop.value("kfreq") == 440)
    eventually(lambda: ["onReceiveString", "Sname", "a"] in chop.heard())
    assert chop.heard("onSetChannel") == [["onSetChannel", "other", 1.5], ["onSetChannel", "text", "t"]]
    ask(event="i 1 0 1")
    eventually(lambda: chop.heard("onScoreEvent") == [["onScoreEvent", "i 1 0 1"]])
    ask(get=["kamp", "karr", "kfreq"])
    assert json.loads(control.recv(8)) == {"values": {"kamp": 0.5, "karr": [1, 2], "kfreq": 440}}
    ask(subscribe=["kamp"], rate=1000)
    assert json.loads(control.recv(8)) == {"values": {"kamp": 0.5}}
    chop.run.do("op('constant1').par.const0value = 0.25")
    assert json.loads(control.recv(8)) == {"values": {"kamp": 0.25}}
    ask(get=["nothing"])
    assert "nothing" in json.loads(control.recv(8))["error"]
    # Other signals: said again.
    chop.set("karr", "")
    chop.run.do("op('signals').appendRow(['kmore', 'k', 'in', ''])")
    assert "kmore" in [variable["name"] for variable in json.loads(control.recv(8))["hello"]["variables"]]


def test_edits_lose_no_connection_of_a_host(chops):
    rows = [HEADING, ["kfreq", "k", "in", ""], ["Stitle", "S", "out", "one"]]
    chop = chops(rows=rows, wired="constant1", sources=CONSTANT)
    amp, freq, title = chop.connect("kamp"), chop.connect("kfreq"), chop.connect("Stitle")
    assert (numbers(amp.recv(8)), title.recv(8)) == ([0.5], "one")
    chop.save(jitter=50.0, limit=500.0, dry="hold", maxtext=99, buffer=200.0, maxclients=9, origins="https://example.org")
    chop.save(ksmps=128, type="k", rate=44100.0, control="channels")
    chop.run.do("op('signals').appendRow(['kmore', 'k', 'in', '']); op('constant1').par.const1name = 'kother'")
    chop.run.do("op('constant1').par.const0value = 0.75")
    assert numbers(amp.recv(8)) == [0.75]
    # Another port: who is connected stays, and who comes goes there.
    old, port = chop.port, free_port()
    chop.save(port=port)
    chop.port = port
    eventually(lambda: chop.run.find_line(f"listening on ws://127.0.0.1:{port}/"))
    freq.send(doubles(5))
    eventually(lambda: chop.value("kfreq") == 5)
    chop.set("Stitle", "two")
    assert title.recv(8) == "two"
    assert numbers(chop.connect("kamp").recv(8)) == [0.75]
    with pytest.raises(OSError), dial(f"ws://127.0.0.1:{old}/", proxy=None, open_timeout=2):
        pass
    assert chop.info("connections") == 4
    # Off: everybody is told.
    chop.save(active=False)
    for connection in (amp, freq, title):
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(8)
        assert closed.value.rcvd.code == 1001


def test_a_port_in_use_is_an_error_with_a_remedy(chops):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        chop = chops(port=other.getsockname()[1], wait=False)
        eventually(lambda: "in use" in chop.run.do("result = str(op('csound1').errors())"))
        assert chop.info("running") == 0
    chop.run.do("op('csound1').par.reset.pulse()")
    eventually(lambda: chop.info("running") == 1)


class Host:
    """A host of signals by another implementation: a port that serves each signal by its sub-protocol."""

    def __init__(self, port=0):
        self.received, self.clients, self.greetings = [], {}, {}
        self.server = serve(
            self.handle, "127.0.0.1", port, compression=None, select_subprotocol=lambda connection, offered: offered[0]
        )
        self.port = self.server.socket.getsockname()[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handle(self, connection):
        name = connection.subprotocol
        self.clients[name] = connection
        if name in self.greetings:
            connection.send(self.greetings[name])
        try:
            for message in connection:
                self.received.append((name, message))
        except ConnectionClosed:
            pass

    def close(self):
        self.server.shutdown()
        for connection in self.clients.values():
            connection.close()


@pytest.fixture
def host():
    made = []

    def start(port=0):
        made.append(Host(port))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_a_client_connects_each_signal_and_comes_back(chops, host):
    there = host()
    there.greetings["kpitch"] = doubles(261.5)
    rows = [HEADING, ["kpitch", "k", "in", ""], ["kgain", "k", "out", "0.5"], ["Stext", "S", "out", "hello"]]
    chop = chops(role="client", port=there.port, netaddress="127.0.0.1", rows=rows, wired="constant1", sources=CONSTANT)
    eventually(lambda: chop.value("kpitch") == 261.5)
    eventually(lambda: len(there.received) >= 4)
    got = dict(there.received)
    assert got["Stext"] == "hello"
    assert [numbers(got[name]) for name in ("kgain", "kamp", "kpan")] == [[0.5], [0.5], [-1.0]]
    assert (chop.info("running"), chop.info("connections"), chop.info("signals")) == (1, 5, 5)
    chop.run.do("op('constant1').par.const0value = 0.125")
    eventually(lambda: ("kamp", doubles(0.125)) in there.received)
    chop.set("kgain", "0.25")
    eventually(lambda: ("kgain", doubles(0.25)) in there.received)
    there.close()
    eventually(lambda: chop.info("connections") == 0)
    assert "signals are not connected" in chop.run.do("result = str(op('csound1').warnings())")
    # The same host again: everything is connected anew and knows what is now.
    back = host(there.port)
    back.greetings["kpitch"] = doubles(300)
    eventually(lambda: chop.value("kpitch") == 300, timeout=15)
    eventually(lambda: len(dict(back.received)) == 4, timeout=15)
    got = dict(back.received)
    assert [numbers(got[name]) for name in ("kgain", "kamp")] == [[0.25], [0.125]]
    assert chop.info("reconnects") == 5
    assert chop.run.do("result = str(op('csound1').warnings())") == ""


def test_edits_lose_no_connection_of_a_client(chops, host):
    there = host()
    rows = [HEADING, ["kpitch", "k", "in", ""], ["aout", "a", "in", ""], ["kgain", "k", "out", "0.5"]]
    chop = chops(role="client", port=there.port, netaddress="127.0.0.1", rows=rows)
    eventually(lambda: chop.info("connections") == 3)
    first = dict(there.clients)
    chop.save(jitter=5.0, ksmps=32, maxtext=500, reconnectdelay=1.0, timeout=100, dry="hold")
    chop.run.do("op('signals').appendRow(['kmore', 'k', 'in', ''])")
    eventually(lambda: chop.info("connections") == 4)
    # Another type of a signal is another way to read it.
    chop.run.do("op('signals')['kpitch', 'type'] = 'k[2]'")
    first["kpitch"].send(doubles(1, 2))
    eventually(lambda: chop.value("kpitch1") == 2)
    for _ in range(100):
        first["aout"].send(doubles(*[0.5] * 32))
    eventually(lambda: chop.info("wrong") == 0 and chop.run.do("result = max(op('csound1')['aout'].vals)") == 0.5)
    assert all(there.clients[name] is first[name] for name in first)
    # A row that goes takes its connection along, and no other.
    chop.run.do("op('signals').deleteRow('kmore')")
    eventually(lambda: chop.info("connections") == 3)
    # Another address connects anew.
    other = host()
    chop.save(port=other.port)
    eventually(lambda: len(other.clients) == 3)
    with pytest.raises(ConnectionClosed):
        first["kgain"].recv(8)


def test_the_role_can_change(chops, host):
    there = host()
    chop = chops(rows=[HEADING, ["kgain", "k", "out", "0.5"]])
    connection = chop.connect("kgain")
    assert numbers(connection.recv(8)) == [0.5]
    chop.save(role="client", netaddress=f"127.0.0.1:{there.port}")
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(8)
    assert closed.value.rcvd.code == 1001
    eventually(lambda: ("kgain", doubles(0.5)) in there.received)
    chop.save(role="host")
    assert numbers(eventually(lambda: _try(lambda: chop.connect("kgain"))).recv(8)) == [0.5]


def _try(action):
    try:
        return action()
    except OSError:
        return None


def test_two_patches_speak_with_each_other(chops):
    rows = [HEADING, ["kback", "k", "in", ""], ["asound", "a[2]", "in", ""]]
    one = chops(wired="constant1", sources=CONSTANT, rows=rows)
    rows = [HEADING, ["kamp", "k", "in", ""], ["kback", "k", "out", "7"], ["asound", "a[2]", "out", ""]]
    sources = """
[op.constant2]
type = "constantCHOP"
par.const = 2
par.const0name = "asound0"
par.const0value = 0.5
par.const1name = "asound1"
par.const1value = -0.5
"""
    two = chops(role="client", port=one.port, netaddress="127.0.0.1", rows=rows, wired="constant2", sources=sources)
    eventually(lambda: two.value("kamp") == 0.5)
    eventually(lambda: one.value("asound1") == -0.5 and one.value("kback") == 7)
    one.run.do(f"op('constant1').par.const0value = {math.pi}")
    eventually(lambda: two.value("kamp") == math.pi)


def test_a_new_patch_offers_its_signals(command, tmp_path):
    assert command("new", tmp_path / "new", "csoundCHOP").end() == 0
    patch, port = tmp_path / "new" / "patch.toml", free_port()
    patch.write_text(patch.read_text().replace("9000", str(port)))
    run = command("run", tmp_path / "new")
    run.expect_line(f"listening on ws://127.0.0.1:{port}/", 20)
    with dial(f"ws://127.0.0.1:{port}/", subprotocols=["Stitle"], proxy=None) as title:
        assert title.recv(8) == "Hello"
    with dial(f"ws://127.0.0.1:{port}/", subprotocols=["kfreq"], proxy=None) as freq:
        freq.send(doubles(440))
        run.expect_line("^kfreq 440.0$")
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0
    assert "Traceback" not in run.output and "error" not in run.output.lower()


def original_or_ours(test):
    return pytest.mark.parametrize("original", [True, False], ids=["original", "ours"])(test)


@original_or_ours
def test_a_client_of_csound_exchanges_numbers(chops, csound, original):
    orchestra = f"""
instr 1
kcount init 0
kcount += 1
kfreq websocket $PORT, kcount
{watch("kfreq")}
endin
"""
    there = csound(orchestra, original=original)
    there.expect_listening()
    rows = [HEADING, ["kcount", "k", "in", ""], ["kfreq", "k", "out", "440"]]
    chop = chops(role="client", port=there.port, netaddress="127.0.0.1", rows=rows)
    there.expect_value("kfreq", 440.0)
    chop.set("kfreq", "330")
    there.expect_value("kfreq", 330.0)
    first = eventually(lambda: chop.value("kcount"))
    eventually(lambda: chop.value("kcount") > first + 100)
    assert chop.info("wrong") == 0


@original_or_ours
def test_audio_of_csound_is_shown_as_time_slices_without_a_gap(chops, csound, original):
    orchestra = """
instr 1
kcount init 0
asamp phasor sr / 65536
asamp = int(asamp * 65536 + 0.5)
kback websocket $PORT, asamp
endin
"""
    there = csound(orchestra, original=original)
    there.expect_listening()
    more = """
[op.heard]
type = "chopexecuteDAT"
text = '''
samples = []
def onOffToOn(channel, sampleIndex, val, prev): pass
def onValueChange(channel, sampleIndex, val, prev):
    if channel.name == "asamp":
        samples.append((channel.owner.start, channel.vals))
'''
par.chop = "csound1"
par.offtoon = false
par.ontooff = false
"""
    rows = [HEADING, ["asamp", "a", "in", ""], ["kback", "k", "out", "1"]]
    options = {"role": "client", "port": there.port, "netaddress": "127.0.0.1", "jitter": 300, "rows": rows}
    chop = chops(**options, more=more)
    eventually(lambda: chop.run.do("result = sum(len(v) for _, v in op('heard').module.samples) > 60_000"), timeout=30)
    slices = chop.run.do("result = op('heard').module.samples")
    flow, next_start = [], slices[0][0]
    for start, samples in slices:
        assert start == next_start
        next_start = start + len(samples)
        flow += samples
    begin = next((at for at, value in enumerate(flow) if value), len(flow))
    steps = {(after - before) % 65536 for before, after in zip(flow[begin:], flow[begin + 1 :], strict=False)}
    assert len(flow) - begin > 20_000
    assert steps == {1.0}
    assert chop.info("dropped") == 0


def test_csound_is_a_client_of_a_patch(chops, csound):
    port = free_port()
    rows = [HEADING, ["kfreq", "k", "out", "440"], ["asine", "a", "in", ""], ["kcount", "k", "in", ""], ["Sname", "S", "out", "one"]]
    chop = chops(port=port, rows=rows)
    orchestra = f"""
instr 1
kcount init 0
kcount += 1
asine oscili 0.5, 750
kfreq, Sname websocketclient "ws://127.0.0.1:{port}/", asine, kcount
{watch("kfreq")}
if changed(kfreq) == 1 then
printks "Sname %s\\n", 0, Sname
endif
endin
"""
    there = csound(orchestra)
    there.expect_value("kfreq", 440.0)
    chop.set("Sname", "two")
    chop.set("kfreq", "330")
    there.expect_value("kfreq", 330.0)
    eventually(lambda: chop.value("kcount"))
    # All of a sine of 750 Hz: 64 samples each, half as loud as can be.
    eventually(lambda: chop.info("buffered") > 0)
    peak = eventually(lambda: chop.run.do("v = op('csound1')['asine'].vals\nresult = max(v) if v else 0"))
    assert abs(peak - 0.5) < 0.01
    assert chop.info("connections") == 4
    there.stop()
    eventually(lambda: chop.info("connections") == 0)
