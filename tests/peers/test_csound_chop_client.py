"""The Csound CHOP as a client, against servers of Python's `websockets`, another patch, and Csound itself: with the
opcode that Csound's plugins have always had, and with this project's. And Csound as its client."""

import math
import signal
import ssl

import httpx
import pytest
from csound_chops import CONSTANT, HEADING, Host, doubles, numbers
from csound_runs import watch
from peers import peer_module
from running import eventually, free_port
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as dial


@pytest.fixture
def host():
    made = []

    def start(port=None):
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
    eventually(lambda: "signals are not connected" in chop.run.do("result = str(op('csound1').warnings())"))
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


def test_both_roles_speak_tls_and_a_page_comes_from_the_same_port(chops):
    certificates = peer_module("certificates")
    authority = certificates.Authority("Signal Test CA")
    certificate, key = authority.issue("host")
    files = {"host.crt": certificate, "host.key": certificates.key_pem(key), "web/index.html": "<p>faders</p>"}
    secure = {"secure": True, "certificate": "host.crt", "privatekey": "host.key", "staticfolder": "web"}
    one = chops(rows=[HEADING, ["kback", "k", "in", ""], ["kout", "k", "out", "5"]], files=files, **secure)
    rows = [HEADING, ["kout", "k", "in", ""], ["kback", "k", "out", "7"]]
    address = f"wss://127.0.0.1:{one.port}/any/path"
    two = chops(role="client", netaddress=address, rows=rows, files={"ca.pem": authority.pem})
    # Nobody has said that this authority is to be trusted.
    eventually(lambda: "certificate" in two.run.do("result = str(op('csound1').warnings())"))
    two.save(cafile="ca.pem")
    eventually(lambda: two.value("kout") == 5 and one.value("kback") == 7)
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    with httpx.Client(verify=context, trust_env=False, timeout=8) as client:
        assert client.get(f"https://127.0.0.1:{one.port}/").text == "<p>faders</p>"
        assert client.get(f"https://127.0.0.1:{one.port}/missing").status_code == 404


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


@pytest.mark.alone
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
    rows = [HEADING, ["kfreq", "k", "out", "440"], ["Sname", "S", "out", "one"]]
    rows += [["asine", "a", "in", ""], ["kcount", "k", "in", ""]]
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


def test_a_signal_that_csound_does_not_have_is_told_with_those_that_it_has(chops, csound):
    there = csound("instr 1\nkfreq websocket $PORT, 1\nendin")
    there.expect_listening()
    rows = [HEADING, ["kfrq", "k", "out", "440"]]
    chop = chops(role="client", port=there.port, netaddress="127.0.0.1", rows=rows)
    chop.run.expect_line("not connected; kfrq: .*There is no variable .*kfreq k .*; declare the signal at the other end")
