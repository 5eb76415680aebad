"""Clients made for the original opcode work with ours as they are: each test here runs with both plugins.

What the original does and clients rely on: sub-protocols are names, a client without one gets the first input, any path
and origin is welcome, and numbers go both ways. Where the original fails, the tests in the other files say what ours
does.
"""

import subprocess

import pytest

from csound_runs import (
    REAL_TIME,
    count_up,
    csound_program,
    environment,
    first_numbers,
    original_folder,
    packed,
    plugin,
    watch,
)
from peers import peer_module
from raw import CLOSE, PING, PONG
from running import eventually, free_port
from test_demo import FLAGS

# In real-time mode a note begins a little after its time: the performance has to last by itself.
LONG = "i 1 0 3600\nf 0 3600"
BOTH = pytest.mark.parametrize("original", [True, False], ids=["original", "ours"])
# Counts out, prints what comes in.
COUNTER = f"instr 1\n{count_up()}kin websocket $PORT, kcount\n{watch('kin')}endin"

PAGE = """<!DOCTYPE html>
<title>numbers</title>
<script>
const address = `ws://127.0.0.1:${location.hash.slice(1)}`;
window.values = [];
const meter = new WebSocket(address, "kcount");
meter.binaryType = "arraybuffer";
meter.onmessage = (message) => window.values.push(new Float64Array(message.data)[0]);
const fader = new WebSocket(address, "kin");
window.move = (value) => fader.send(new Float64Array([value]));
fader.onopen = () => { window.ready = true; };
</script>
"""


def consecutive(numbers):
    return all(after == before + 1 for before, after in zip(numbers, numbers[1:], strict=False))


@BOTH
def test_a_client_on_python_hears_and_speaks(csound, original):
    one = csound(COUNTER, original=original)
    listener = one.connect("kcount")
    assert listener.subprotocol == "kcount"
    assert consecutive(first_numbers(listener, 50))
    speaker = one.connect("kin")
    assert speaker.subprotocol == "kin"
    for value in (1.5, -2.0, 7.25):
        speaker.send(packed(value))
        one.expect_value("kin", value)
    one.expect_line("websocket: connection established for kcount")
    one.expect_line("websocket: connection established for kin")


@BOTH
def test_a_client_on_node_hears_and_speaks(csound, node_client, original):
    one = csound(COUNTER, original=original, ksmps=640)
    one.expect_listening()
    listener = node_client(one.url(), ["kcount"])
    assert listener.expect("open") == ["open", "kcount", ""], "permessage-deflate was offered and not taken"
    listener.expect("binary", 10)
    numbers = [event[1] for event in listener.events if event[0] == "binary"]
    heard = [packed_number(number) for number in numbers]
    assert consecutive(heard)
    speaker = node_client(one.url(), ["kin"])
    speaker.expect("open")
    speaker.tell(binary=packed(12.5).hex())
    one.expect_value("kin", 12.5)


def packed_number(text):
    return memoryview(bytes.fromhex(text)).cast("d")[0]


@pytest.fixture(scope="module")
def browser(chromium):
    playwright = peer_module("playwright.sync_api")
    with playwright.sync_playwright() as started:
        one = started.chromium.launch(executable_path=chromium, args=FLAGS)
        yield one
        one.close()


@BOTH
def test_a_page_in_a_browser_hears_and_speaks(csound, original, browser, tmp_path):
    one = csound(COUNTER, original=original, ksmps=480)
    one.expect_listening()
    page_file = tmp_path / "page.html"
    page_file.write_text(PAGE)
    page = browser.new_page()
    page.goto(f"file://{page_file}#{one.port}")
    page.wait_for_function("window.ready && window.values.length >= 20", timeout=8000)
    assert consecutive(page.evaluate("window.values"))
    page.evaluate("window.move(0.75)")
    one.expect_value("kin", 0.75)
    page.close()


@BOTH
def test_without_a_name_a_client_gets_the_first_input(csound, original):
    one = csound(COUNTER, original=original)
    client = one.connect()
    assert client.subprotocol is None
    assert consecutive(first_numbers(client, 20))


@BOTH
def test_of_several_names_the_first_that_is_known_is_taken(csound, original):
    one = csound(COUNTER, original=original)
    for names, chosen in [(("nothing", "kin", "kcount"), "kin"), (("KIN", "kcount", "kin"), "kcount")]:
        assert one.raw(*names).handshake.headers["sec-websocket-protocol"] == chosen


@BOTH
def test_every_path_and_every_origin_is_welcome(csound, original):
    """Until origins are named, with ours."""
    one = csound(COUNTER, original=original)
    for path in ("/", "/deep/path?query=1", "/%20"):
        client = one.connect("kcount", url=one.url(path=path), keep=False)
        assert consecutive(first_numbers(client, 2))
        client.close()
    for origin in ("null", "http://somewhere.example", "file://"):
        client = one.connect("kcount", origin=origin, keep=False)
        assert first_numbers(client, 2)
        client.close()


@BOTH
def test_compression_is_declined(csound, original):
    one = csound(COUNTER, original=original)
    client = one.connect("kcount", compression="deflate")
    assert "Sec-WebSocket-Extensions" not in client.response.headers
    assert consecutive(first_numbers(client, 3))


@BOTH
def test_a_ping_is_answered_and_a_close_is_echoed(csound, original):
    one = csound(f"instr 1\n{count_up()}kin websocket $PORT, kcount\nendin", original=original)
    client = one.raw("kin")
    client.send_frame(PING, b"are you there")
    assert client.frame() == (PONG, b"are you there", True)
    client.send_frame(CLOSE, b"\x0f\xa0over")
    opcode, payload, _ = client.frame()
    assert (opcode, payload[:2]) == (CLOSE, b"\x0f\xa0")
    assert client.rest() == b""


@BOTH
def test_what_is_sent_to_an_input_is_ignored(csound, original):
    one = csound(COUNTER, original=original)
    client = one.connect("kcount")
    heard = first_numbers(client, 5)
    client.send(packed(1_000_000))
    heard += first_numbers(client, 100)
    assert consecutive(heard)


@BOTH
def test_globals_and_expressions_have_their_names(csound, original):
    names = {
        "gklevel": "gklevel init 3\ninstr 1\nkunused websocket $PORT, gklevel\nendin",
        "#k0": "instr 1\nklevel = 1.5\nkunused websocket $PORT, klevel * 2\nendin",
        "kunder_score9": "instr 1\nkunder_score9 = 3\nkunused websocket $PORT, kunder_score9\nendin",
    }
    for name, orchestra in names.items():
        one = csound(orchestra, original=original)
        assert first_numbers(one.connect(name), 3) == [3, 3, 3], name


@BOTH
def test_a_port_is_cut_to_a_whole_number(csound, original):
    one = csound(f"instr 1\n{count_up()}kin websocket $PORT + 0.7, kcount\nendin", original=original)
    assert consecutive(first_numbers(one.connect("kcount"), 3))


@BOTH
@pytest.mark.parametrize("options", [("--realtime",), ("-j2",), ("--realtime", "-j2")], ids=" ".join)
def test_real_time_mode_and_several_threads(csound, original, options):
    code = f"kadd init 0\n{count_up()}ksum = kcount + kadd\nkin websocket $PORT, ksum\nkadd = kin"
    one = csound(f"instr 1\n{code}\nendin", original=original, options=(*REAL_TIME, *options), score=LONG)
    listener, speaker = one.connect("ksum"), one.connect("kin")
    assert consecutive(first_numbers(listener, 100))
    speaker.send(packed(1_000_000))
    while first_numbers(listener, 1) < [1_000_000]:
        pass
    assert consecutive(first_numbers(listener, 100))


# ---------------------------------------- which one is loaded


def opcodes(settings):
    """The lines of `csound -z1` about our opcodes."""
    said = subprocess.run([csound_program(), "-z1"], capture_output=True, text=True, env=settings, timeout=20)
    return sorted(line.split() for line in (said.stdout + said.stderr).splitlines() if line.startswith("websocket"))


def test_in_the_folder_of_the_user_ours_wins_over_the_original(tmp_path):
    assert original_folder().exists()
    assert [line[0] for line in opcodes(environment(tmp_path, original=True))] == ["websocket"]
    ours = {line[0] for line in opcodes(environment(tmp_path))}
    assert ours == {
        "websocket",
        "websocketclient",
        "websocketclientsend",
        "websocketsend",
        "websocketset",
        "websocketstatus",
    }


def test_given_on_the_command_line_it_wins_where_the_original_is_left_out(tmp_path, csound):
    none = tmp_path / "none"
    none.mkdir()
    one = csound(
        "instr 1\nka = 1\nkb = 2\nkunused websocket $PORT, ka, kb\nendin",
        options=(*REAL_TIME, f"--opcode-lib={plugin()}"),
        settings={"CS_USER_PLUGINDIR": str(none), "CS_OMIT_LIBS": "libwebsocketIO"},
    )
    assert first_numbers(one.connect("kb"), 3) == [2, 2, 2]


def test_a_port_that_clients_just_left_opens_again(csound):
    """A run right behind another, on the same port."""
    port = free_port()
    for _ in range(3):
        one = csound(COUNTER, port=port)
        client = one.connect("kcount", keep=False)
        first_numbers(client, 3)
        one.stop()
        eventually(lambda client=client: client.state.name == "CLOSED", what="the end")
