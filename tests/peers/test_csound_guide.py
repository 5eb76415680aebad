"""docs/csound.md: its orchestras, its page and its messages are taken out of the page and do what it says."""

import contextlib
import json
import re
import subprocess

import pytest

from csound_runs import csd, csound_program, doubles, environment, packed
from peers import peer_module
from running import PYTHON, REPOSITORY, Watched, eventually, free_port

certificates = peer_module("certificates")
PAGE = (REPOSITORY / "docs" / "csound.md").read_text()
PORT = "9000"


def blocks(language):
    found = re.findall(r"^```(\S*)\n(.*?)^```$", PAGE, re.S | re.M)
    return [text for one, text in found if one == language]


def block(language, having):
    """The one block in which this stands."""
    (found,) = [text for text in blocks(language) if having in text]
    return found


class Guide:
    """The page's first orchestra, beside the page's page, on a free port."""

    def __init__(self, folder, started, change=lambda text: text):
        self.port = free_port()
        (folder / "page").mkdir()
        (folder / "page" / "index.html").write_text(blocks("html")[0])
        (folder / "hello.csd").write_text(change(blocks("csound-document")[0].replace(PORT, str(self.port))))
        program = [csound_program(), "-+rtaudio=null", "-+msg_color=0", "hello.csd"]
        self.csound = Watched(program, environment(folder), folder)
        started.append(self.csound)

    def connect(self, name):
        client = peer_module("websockets.sync.client")

        def connected():
            with contextlib.suppress(ConnectionError):
                return client.connect(f"ws://127.0.0.1:{self.port}/", subprotocols=[name], compression=None, proxy=None)

        return eventually(connected)


@pytest.fixture
def guide(request, tmp_path):
    started = request.node.started_commands = getattr(request.node, "started_commands", [])
    mine = []

    def start(**options):
        mine.append(Guide(tmp_path, started, **options))
        return mine[-1]

    yield start
    for one in mine:
        one.csound.process.terminate()
        one.csound.end(5)
        assert "ERROR" not in one.csound.output


def test_what_csound_says_without_the_plugin_is_in_the_troubleshooting(tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "hello.csd").write_text(blocks("csound-document")[0])
    said = subprocess.run(
        [csound_program(), "-+msg_color=0", "hello.csd"],
        env={**environment(tmp_path), "CS_USER_PLUGINDIR": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True,
        timeout=20,
    )  # fmt: skip
    (symptom,) = re.findall(r"^\| `csound` says `([^`]*)`.* the plugin is not loaded \|", PAGE, re.M)
    assert said.returncode != 0 and symptom in said.stderr


def orchestras():
    """The examples of the opcodes, by what they show."""
    found = [text for text in blocks("csound") if PORT in text]
    assert len(found) >= 7
    return {re.search(r"\b(websocket\w*)", text)[1] + str(number): text for number, text in enumerate(found)}


def run_example(csound, text):
    score = "\n".join(f"i {number} 0 3600" for number in re.findall(r"^instr (\d+)", text, re.M))
    port = free_port()
    return csound("nchnls = 2\n" + text.replace(PORT, str(port)), score=score, port=port)


@pytest.mark.parametrize("name", orchestras())
def test_the_orchestras_of_the_page_play(csound, tmp_path, name):
    """Each runs, opens its port, and ends well."""
    folder = tmp_path / "csound1"
    folder.mkdir()
    certificate, key = certificates.Authority("the guide").issue("csound")
    (folder / "cert.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(certificates.key_pem(key))
    one = run_example(csound, orchestras()[name])
    one.expect_listening()
    assert "ERROR" not in one.output and "error:" not in one.output


def test_the_example_of_websocket_goes_both_ways(csound):
    one = run_example(csound, orchestras()["websocket0"])
    sine, pair, audio, name = (one.connect(each) for each in ("ksine", "kpair", "aout", "Sname"))
    assert name.recv(timeout=5) == "sine"
    assert len(doubles(sine.recv(timeout=5))) == 1
    first, second = doubles(pair.recv(timeout=5))
    assert first == -second
    assert doubles(audio.recv(timeout=5)) == [0.0] * 64
    one.connect("kgate").send(packed(1))
    eventually(lambda: max(doubles(audio.recv(timeout=5))) > 0.09)
    one.connect("Sword").send("hello")
    one.expect_line("^hello$")


def test_the_first_steps_play_and_show(guide, chromium):
    one = guide()
    with one.connect("klevel"):
        pass
    playwright = peer_module("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{one.port}/")
        page.wait_for_function("kfreq.readyState == 1 && klevel.readyState == 1")
        eventually(lambda: page.evaluate("level.value") > 0.1)
        page.locator("#freq").fill("440")
        with one.connect("csound.v1") as control:
            control.recv(timeout=5)

            def frequency():
                control.send('{"get":["kfreq"]}')
                return json.loads(control.recv(timeout=5))["values"]["kfreq"]

            eventually(lambda: frequency() == 440)
        browser.close()


def test_csound_v1_says_what_the_page_says(guide):
    hello, requests, values, error = blocks("json")
    with guide().connect("csound.v1") as client:
        assert json.loads(client.recv(timeout=5)) == json.loads(hello)
        wrong = json.loads(error)
        client.send(json.dumps(wrong["of"]))
        assert json.loads(client.recv(timeout=5)) == wrong
        client.send('{"get":["klevel"]}')
        assert json.loads(client.recv(timeout=5))["values"].keys() == json.loads(values)["values"].keys()


def test_every_request_of_the_page_is_taken(guide):
    """With the setting that the page names for it; without, the last two are refused."""
    requests = blocks("json")[1].splitlines()
    assert len(requests) == 6

    def allow(text):
        return text.replace("instr 1", f"websocketset {re.search('websocketset ([0-9]+)', text)[1]}, \"control\", 2\n\ninstr 1", 1)

    def answers(client):
        client.recv(timeout=5)
        for request in requests:
            client.send(request)
        client.send('{"get":["nothing"]}')
        found = []
        while not found or "nothing" not in json.dumps(found[-1]):
            found.append(json.loads(client.recv(timeout=5)))
        return [one["of"] for one in found[:-1] if "error" in one]

    with guide(change=allow).connect("csound.v1") as client:
        assert answers(client) == []


def test_requests_beyond_the_setting_are_refused(guide):
    with guide().connect("csound.v1") as client:
        client.recv(timeout=5)
        for request in blocks("json")[1].splitlines()[-2:]:
            client.send(request)
            assert json.loads(client.recv(timeout=5))["of"] == json.loads(request)


def test_settings_of_the_page_are_those_that_there_are(csound, tmp_path):
    """Each name of the table is taken; the error of a wrong one names the rest."""
    table = re.search(r"^## websocketset\n(.*?)^## ", PAGE, re.S | re.M)[1]
    names = [name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r'`"(\w+)"`', row)]
    texts = {"interface": "127.0.0.1", "folder": ".", "certificate": "", "key": "", "origins": "*", "dry": "hold"}
    lines = [
        f'websocketset $PORT, "{name}", ' + (f'"{texts[name]}"' if name in texts else {"control": "1"}.get(name, "100"))
        for name in names
    ]
    one = csound("\n".join(lines) + "\ninstr 1\nkx init 0\nwebsocketsend $PORT, kx\nendin\n")
    one.expect_listening()
    assert "ERROR" not in one.output
    # In instr 0 a wrong one ends the run.
    (tmp_path / "wrong.csd").write_text(csd('websocketset 9000, "zzz", 1\n', "e 0"))
    program = [csound_program(), "-n", "-+msg_color=0", "wrong.csd"]
    wrong = subprocess.run(program, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=20)
    said = next(line for line in wrong.stderr.splitlines() if "there is no setting" in line)
    assert wrong.returncode != 0
    assert sorted(said.split("there are ")[1].strip().split(", ")) == sorted(names)


def run_patch(command, folder, having, port):
    folder.mkdir()
    (patch,) = [text for text in blocks("toml") if having in text]
    (folder / "patch.toml").write_text(patch.replace(having, str(port)))
    assert command("check", folder).end() == 0
    return command("run", folder, "--python", PYTHON)


def test_a_patch_is_a_client_of_the_first_orchestra(guide, command, tmp_path):
    one = guide()
    program = run_patch(command, tmp_path / "patch", PORT, one.port)
    for signal in ("kfreq", "klevel"):
        program.expect_line(f"^{signal} is connected$", 20)
    with one.connect("csound.v1") as control:
        control.recv(timeout=5)

        def frequency():
            control.send('{"get":["kfreq"]}')
            return json.loads(control.recv(timeout=5))["values"]["kfreq"]

        eventually(lambda: frequency() == 330)
    program.process.terminate()
    assert program.end() == 0


def test_a_patch_is_the_host_of_a_csound(csound, command, tmp_path):
    port = free_port()
    program = run_patch(command, tmp_path / "patch", "9001", port)
    (orchestra,) = [text for text in blocks("csound") if "9001" in text]
    one = csound(orchestra.replace("9001", str(port)))
    one.expect_line("^cue 3: the storm$", 20)
    program.process.terminate()
    assert program.end() == 0
