"""The examples of Csound's plugin: pages in a browser that play real csounds.

With UPDATE_SCREENSHOT=1 the tests write the pictures docs/images/csound-*.png.
"""

import contextlib
import json
import os
import shutil
import signal
import struct

import pytest
from websockets.sync.client import connect

from csound_runs import csound_program, environment
from node_script import KIND, NodeScript
from peers import missing, peer_module
from running import PYTHON, REPOSITORY, Watched, eventually, free_port
from socketio_servers import PEERS, SETUP

EXAMPLES = REPOSITORY / "examples" / "csound"
# What the page really plays is taken behind its back: every AudioWorkletNode gets an analyser.
LISTEN = """
window.players = [];
window.AudioWorkletNode = class extends AudioWorkletNode {
  constructor(context, ...rest) {
    super(context, ...rest);
    this.analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    this.connect(this.analyser);
    this.reports = [];
    this.port.addEventListener('message', ({ data }) => this.reports.push(data));
    window.players.push(this);
  }
};
// The strongest frequency in Hz and the root mean square of what was played in the last 170 ms.
window.heard = () => {
  const { analyser, context } = window.players.at(-1);
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const wave = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(wave);
  return {
    hertz: bins.indexOf(Math.max(...bins)) * context.sampleRate / analyser.fftSize,
    rms: Math.sqrt(wave.reduce((sum, each) => sum + each * each, 0) / wave.length),
  };
};
"""


class Example:
    """A copy of the examples on a port of its own, and a csound that plays one of them."""

    def __init__(self, folder, name, started):
        self.folder, self.name, self.started = folder / "examples", name, started
        shutil.copytree(EXAMPLES, self.folder, ignore=shutil.ignore_patterns("node_modules"))
        self.port = free_port()
        csd = self.folder / f"{name}.csd"
        text = csd.read_text()
        assert text.count("websocket 9000,") == text.count("websocketset 9000,") == 1
        csd.write_text(text.replace("9000", str(self.port)))
        modules = PEERS / "node" / "node_modules" / "uplot"
        if not modules.exists():
            missing("the Node package uplot", SETUP)
        shutil.copytree(modules, self.folder / "web" / "node_modules" / "uplot")
        self.surroundings = environment(folder)
        self.start()

    def start(self):
        self.csound = Watched(
            [csound_program(), "-+rtaudio=null", "-+msg_color=0", f"{self.name}.csd"], self.surroundings, self.folder
        )
        self.started.append(self.csound)

    def stop(self):
        """As with Ctrl-C."""
        self.csound.process.send_signal(signal.SIGINT)
        self.csound.end(5)
        assert "INIT ERROR" not in self.csound.output and "PERF ERROR" not in self.csound.output

    def url(self, page="", host="127.0.0.1"):
        return f"http://{host}:{self.port}/{page}"

    def variable(self, name):
        """A client of this variable."""
        options = {"compression": None, "proxy": None, "close_timeout": 1, "max_queue": None}
        return connect(f"ws://127.0.0.1:{self.port}/", subprotocols=[name], **options)


@pytest.fixture
def example(request, tmp_path):
    started = request.node.started_commands = getattr(request.node, "started_commands", [])
    mine = []

    def start(name):
        mine.append(Example(tmp_path, name, started))
        return mine[-1]

    yield start
    for one in mine:
        if one.csound.process.poll() is None:
            one.stop()


@pytest.fixture
def browser(chromium):
    """A browser; what its pages raise fails the test."""
    playwright = peer_module("playwright.sync_api")
    errors = []
    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP stage.test 127.0.0.1"]
        one = started.chromium.launch(executable_path=chromium, args=arguments)

        def visit(url, width=1280, height=800, ready="#link[data-state=live]", **options):
            size = {"width": width, "height": height}
            page = one.new_context(viewport=size, color_scheme="dark", **options).new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.add_init_script(LISTEN)

            def loaded():
                try:
                    return page.goto(url)
                except playwright.Error:  # csound is not there yet
                    return None

            eventually(loaded, 15, url)
            page.wait_for_selector(ready)
            return page

        yield visit
        one.close()
    assert errors == []


def fader(page, name):
    return page.locator(f'[role=slider][aria-label="{name}"]')


def shown(page, name):
    """Where a fader stands, from 0 to 1."""
    return float(fader(page, name).get_attribute("aria-valuenow"))


def sound(page, state, timeout=10_000):
    page.wait_for_selector(f"#main[data-sound={state}]", timeout=timeout)


def picture(page, name, tmp_path, least=15_000):
    wanted = os.environ.get("UPDATE_SCREENSHOT") == "1"
    path = (REPOSITORY / "docs" / "images" if wanted else tmp_path) / name
    assert len(page.screenshot(path=path)) > least
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"


def is_near(hertz, *expected):
    """The pitch of a page's fader is that of the saws, and there is one an octave below."""
    return min(abs(hertz - each) for each in expected) < 8


def heard(page, condition):
    """What is played, once it is as the condition says."""
    return eventually(lambda: (now := page.evaluate("heard()")) and condition(now) and now, 10, "the sound")


def test_a_page_plays_the_stream_and_its_faders_change_the_sound(example, browser, tmp_path):
    stream = example("stream")
    page = browser(stream.url())
    assert page.url == stream.url("stream.html"), "the page of what is playing comes"
    assert page.text_content("#about") == "48 kHz · ksmps 128"
    sound(page, "stopped")
    assert page.text_content("#state") == "ready"
    # The scope moves without any sound.
    canvas = "document.querySelector('#scope canvas').toDataURL()"
    eventually(lambda: page.locator("#scope-words").is_hidden())
    before = page.evaluate(canvas)
    eventually(lambda: page.evaluate(canvas) != before)
    # As a person does it: browsers are silent until somebody presses something.
    page.get_by_role("button", name="Play").click()
    sound(page, "playing")
    heard(page, lambda now: now["rms"] > 0.05 and is_near(now["hertz"], 55, 110))
    fader(page, "spread").press("Home")
    fader(page, "pitch").press("End")
    heard(page, lambda now: is_near(now["hertz"], 160, 320))
    fader(page, "level").press("Home")
    heard(page, lambda now: now["rms"] < 1e-4)
    fader(page, "level").press("End")
    heard(page, lambda now: now["rms"] > 0.05)
    for name, position in (("pitch", "PageDown"), ("level", "PageDown"), ("colour", "PageUp"), ("spread", "PageUp")):
        for _ in range(4):
            fader(page, name).press(position)
    page.get_by_role("button", name="Stop").click()
    sound(page, "stopped")
    page.get_by_role("button", name="Play").click()
    sound(page, "playing")
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(1500)
    picture(page, "csound-stream.png", tmp_path)


def test_the_buffer_fills_to_its_target_and_stays_there(example, browser):
    page = browser(example("stream").url("stream.html"))
    page.evaluate(
        """() => {
            window.states = [];
            const main = document.getElementById('main');
            new MutationObserver(() => states.push(main.dataset.sound)).observe(main, { attributes: true });
        }"""
    )
    page.get_by_role("button", name="Play").click()
    sound(page, "playing")
    assert page.evaluate("states.indexOf('buffering') >= 0 && states.indexOf('buffering') < states.indexOf('playing')")
    for target in (120, 200):
        page.locator("#target").fill(str(target))

        # A second in which it played all the time; on a busy machine not every second is one.
        def steady(target=target):
            reports = page.evaluate("players[0].reports.slice(-25)")
            waiting = [report["waiting"] / 48 for report in reports]
            played = reports[-1]["played"] - reports[0]["played"]
            return (
                all(report["playing"] for report in reports)
                and abs(sum(waiting) / len(waiting) - target) < 40
                and played > 0.9 * 0.04 * 48000 * (len(reports) - 1)
            )

        eventually(steady, 20, f"a buffer of {target} ms")
    assert 0.3 < float(page.locator("#buffer").get_attribute("aria-valuenow")) <= 1


def test_windows_agree(example, browser):
    stream = example("stream")
    one, two = browser(stream.url("stream.html")), browser(stream.url("stream.html"))
    fader(one, "colour").press("End")
    eventually(lambda: shown(two, "colour") == 1)
    fader(two, "pitch").press("Home")
    eventually(lambda: shown(one, "pitch") == 0)
    assert shown(two, "colour") == 1


def test_a_page_comes_back_when_csound_does(example, browser):
    stream = example("stream")
    page = browser(stream.url("stream.html"))
    page.get_by_role("button", name="Play").click()
    sound(page, "playing")
    fader(page, "pitch").press("End")
    heard(page, lambda now: is_near(now["hertz"], 160, 320))
    stream.stop()
    sound(page, "lost")
    assert page.text_content("#state") == "connection lost"
    heard(page, lambda now: now["rms"] == 0)
    stream.start()
    page.wait_for_selector("#link[data-state=live]", timeout=20_000)
    sound(page, "playing")
    # With the pitch that was set before.
    heard(page, lambda now: now["rms"] > 0.02 and is_near(now["hertz"], 160, 320))
    with stream.variable("csound.v1") as client:
        assert "hello" in json.loads(client.recv(timeout=5))
        client.send(json.dumps({"get": ["kstate"]}))
        assert json.loads(client.recv(timeout=5))["values"]["kstate"][0] == pytest.approx(320)


def test_a_page_that_may_not_sound_says_so_and_its_faders_work(example, browser):
    """Browsers give AudioWorklets to this machine and to TLS alone."""
    stream = example("stream")
    phone = browser(stream.url("stream.html", host="stage.test"), 390, 844)
    assert phone.text_content("#state") == "no sound here"
    assert phone.get_by_role("button", name="Play").is_disabled()
    fader(phone, "level").press("End")
    with stream.variable("kstate") as client:

        def level():
            return struct.unpack("<4d", client.recv(timeout=5))[3]

        eventually(lambda: level() == 1)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_uplot_the_page_says_what_is_missing(example, browser):
    stream = example("stream")
    shutil.rmtree(stream.folder / "web" / "node_modules")
    page = browser(stream.url("stream.html"))
    assert "npm install" in page.text_content("#scope-words")
    page.get_by_role("button", name="Play").click()
    sound(page, "playing")


def string_levels(client):
    """How loud each string has been since this was asked last: a message comes in every k-cycle."""
    messages = [client.recv(timeout=5)]
    with contextlib.suppress(TimeoutError):
        while True:
            messages.append(client.recv(timeout=0))
    return tuple(map(max, zip(*(struct.unpack("<6d", message) for message in messages), strict=True)))


def test_strings_sound_in_csound_and_swing_on_every_page(example, browser, tmp_path):
    instrument = example("instrument")
    page = browser(instrument.url())
    assert page.url == instrument.url("instrument.html")
    other = browser(instrument.url("instrument.html"))
    with instrument.variable("kamps") as client:
        assert string_levels(client) == (0,) * 6
        page.keyboard.press("2")
        eventually(lambda: string_levels(client)[1] > 0.05)
        assert [level > 0 for level in string_levels(client)] == [False, True, False, False, False, False]
        # What the other page draws is what Csound says.
        colours = """() => {
            const canvas = document.getElementById('canvas');
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            let loud = 0;
            for (let i = 0; i < data.length; i += 4) if (data[i] > 200 && data[i + 2] < 120 && data[i + 3] > 200) loud++;
            return loud;
        }"""
        eventually(lambda: other.evaluate(colours) > 300)
        # A finger draws across all of them.
        fader(page, "ring").press("End")
        box = page.locator("#strings").bounding_box()
        page.mouse.move(box["x"] + 400, box["y"] + 10)
        page.mouse.down()
        page.mouse.move(box["x"] + 420, box["y"] + box["height"] - 10, steps=24)
        page.mouse.up()
        loudest = [0] * 6

        def all_have_sounded():
            loudest[:] = map(max, loudest, string_levels(client))
            return min(loudest) > 0.01

        eventually(all_have_sounded)
    picture(other, "csound-instrument.png", tmp_path)


def test_chords_and_faders_go_to_every_page(example, browser):
    instrument = example("instrument")
    one, two = browser(instrument.url("instrument.html")), browser(instrument.url("instrument.html"), 390, 844)
    eventually(lambda: one.text_content("#chord") == two.text_content("#chord") == "A minor 7")
    two.get_by_role("button", name="G major 9").click()
    eventually(lambda: one.text_content("#chord") == two.text_content("#chord") == "G major 9")
    assert one.locator("#chords [aria-pressed=true]").all_text_contents() == ["G major 9"]
    fader(one, "ring").press("End")
    eventually(lambda: shown(two, "ring") == 1)
    # A page that comes later is told, too; so is a Csound that was started anew.
    three = browser(instrument.url("instrument.html"))
    eventually(lambda: three.text_content("#chord") == "G major 9")
    assert two.evaluate("document.documentElement.scrollWidth <= innerWidth")
    instrument.stop()
    two.wait_for_selector("#link[data-state=lost]")
    instrument.start()
    two.wait_for_selector("#link[data-state=live]", timeout=20_000)
    eventually(lambda: two.text_content("#chord") == "G major 9")


def test_an_audience_plays_csound_over_socket_io(example, browser, command, tmp_path):
    """The bridge: phones, a Socket.IO server, the patch, and csound; each of them may go and come back."""
    instrument = example("instrument")
    bridge = instrument.folder / "bridge"
    port = free_port()
    patch = bridge / "patch" / "patch.toml"
    text = patch.read_text()
    assert text.count("3000") == text.count("9000") == 1
    patch.write_text(text.replace("3000", str(port)).replace("9000", str(instrument.port)))
    server = NodeScript(bridge / "server", "server.js", "the strings are at", PORT=str(port))
    program = command("run", bridge / "patch", "--python", PYTHON)
    server.expect("^the show is here$")
    phone = browser(f"http://127.0.0.1:{port}/", 390, 844, ready="#strings button")
    # The text of Csound, through the patch.
    phone.wait_for_function("document.getElementById('chord').textContent === 'A minor 7'")

    def tap_is_heard():
        """Tapped again until it is heard, since what stands between may still be connecting."""
        phone.get_by_role("button", name="string 3").click()
        with instrument.variable("kamps") as client:
            return any(struct.unpack("<6d", client.recv(timeout=5))[2] > 0.05 for _ in range(300))

    level = "Number(getComputedStyle(document.querySelector('[aria-label=\"string 3\"]')).getPropertyValue('--level'))"
    eventually(tap_is_heard, 15)
    eventually(lambda: phone.evaluate(level) > 0.3)
    phone.get_by_role("button", name="string 5").click()
    phone.wait_for_timeout(200)
    picture(phone, "csound-bridge.png", tmp_path, 5_000)
    with instrument.variable("kchord") as client:
        client.send(struct.pack("<d", 1))
        phone.wait_for_function("document.getElementById('chord').textContent === 'F major 9'")
    instrument.stop()
    instrument.start()
    phone.wait_for_function("document.getElementById('chord').textContent === 'A minor 7'")
    eventually(tap_is_heard, 15)
    program.process.terminate()
    assert program.end() == 0
    assert "Traceback" not in program.output
    server.stop()


def test_packages_are_pinned_to_what_the_tests_run():
    wanted = json.loads((EXAMPLES / "web" / "package.json").read_text())["dependencies"]
    installed = PEERS / "node" / "node_modules" / "uplot" / "package.json"
    if not installed.exists():
        missing("the Node package uplot", SETUP)
    assert wanted == {"uplot": json.loads(installed.read_text())["version"]}
    assert '"resolved"' not in (EXAMPLES / "web" / "package-lock.json").read_text()
    wanted = json.loads((EXAMPLES / "bridge" / "server" / "package.json").read_text())["dependencies"]
    assert wanted == {"socket.io": KIND.version().removeprefix("socket.io ")}
