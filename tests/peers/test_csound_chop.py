"""The Csound CHOP as a host, and what both roles have in common, against clients of Python's `websockets`."""

import json
import socket
import struct
import threading
import time

import pytest
from csound_chops import CONSTANT, HEADING, doubles, numbers
from running import eventually, free_port
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as dial


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
    rows = [HEADING, ["kfreq", "", "", ""], ["karr", "k[2][2]", "in", ""]]
    rows += [["inote", "i", "", ""], ["Sname", "S", "", ""]]
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
    # A larger one is no reason to part, but for what no value can have.
    connection.send(b"123456789")
    connection.send(doubles(8))
    eventually(lambda: chop.value("kfreq") == 8)
    assert chop.info("wrong") == 4
    connection.send(bytes((64 << 10) + 1))
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(8)
    assert closed.value.rcvd.code == 1009


def test_texts_and_numbers_of_the_table_are_sent(chops):
    rows = [HEADING, ["Stitle", "S", "out", "one"], ["kxy", "k[2]", "out", "1 2"]]
    rows += [["Sall", "S[2]", "out", '["a", "b"]']]
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


@pytest.mark.alone
def test_a_standing_channel_becomes_blocks_at_the_sample_rate(chops):
    chop = chops(wired="constant1", sources=CONSTANT, type="a", rate=8000, ksmps=100)
    connection = chop.connect("kamp")
    began, blocks = time.monotonic(), 0
    while time.monotonic() < began + 2:
        assert numbers(connection.recv(8)) == [0.5] * 100
        blocks += 1
    assert 140 <= blocks <= 180, blocks


@pytest.mark.alone
def test_every_a_rate_block_passes_through_a_patch_and_out_again(chops):
    # What a client sends to aleft is shown as time slices, goes to a second host in the patch and from there to a
    # client.
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
    chop.save(jitter=50.0, limit=500.0, dry="hold", maxtext=99)
    chop.save(buffer=200.0, maxclients=9, origins="https://example.org")
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
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        chop = chops(port=port, wait=False)
        eventually(lambda: "in use" in chop.run.do("result = str(op('csound1').errors())"))
        assert chop.info("running") == 0
        chop.run.do("op('csound1').par.reset.pulse()")
        assert chop.info("running") == 0
    # By itself, when the port is free.
    eventually(lambda: chop.info("running") == 1)
    assert chop.run.do("result = op('csound1').errors()") == ""
