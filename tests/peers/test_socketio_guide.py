"""docs/socketio.md: its server, patches and scripts are taken out of the page and do what it says."""

import re

import pytest

from node_script import NodeScript
from running import PYTHON, REPOSITORY, eventually, free_port
from socketio_dats import NOTE_ALL

PAGE = (REPOSITORY / "docs" / "socketio.md").read_text()


def blocks(language=""):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.S | re.M)
    return [text for one, text in found if one == language]


def block(language, having):
    """The one block in which this stands."""
    (found,) = [text for text in blocks(language) if having in text]
    return found


def first_table(heading):
    """The cells of the first table under a heading, without its own."""
    text = re.search(rf"^##+ {heading}\n(.*?)(?=^##)", PAGE, re.S | re.M)[1]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def write_patch(folder, text, **files):
    folder.mkdir()
    (folder / "patch.toml").write_text(text if "[patch]" in text else f"[patch]\nformat = 1\n\n{text}")
    for name, content in files.items():
        (folder / f"{name}.py").write_text(content)
    return folder


@pytest.fixture
def first_server(tmp_path):
    """The page's server, on a free port."""
    port = free_port()
    folder = tmp_path / "server"
    folder.mkdir()
    script = block("js", "new Server(3000)").replace("3000", str(port))
    (folder / "server.mjs").write_text(script + "console.log('it listens');\n")
    server = NodeScript(folder, "server.mjs", "it listens")
    server.port = port
    yield server
    server.stop()


def test_the_first_steps_say_what_the_page_says(command, first_server, tmp_path):
    patch = block("toml", 'par.callbacks = "client"').replace("3000", str(first_server.port))
    folder = write_patch(tmp_path / "patch", patch, client=block("python", "ack=print"))
    run = command("run", folder, "--python", PYTHON)
    expected = next(text for text in blocks() if "Hello, Ada" in text).replace("3000", str(first_server.port))
    run.expect_line("^Hello, Ada$", 20)
    first = run.lines.index(expected.splitlines()[0])
    assert run.lines[first:][: len(expected.splitlines())] == expected.splitlines()
    run.process.terminate()
    assert run.end() == 0


def test_the_patches_of_the_page_have_no_mistakes(command, tmp_path):
    patches = [text for text in blocks("toml") if "[op.socketio1]" in text]
    assert len(patches) == 2
    for number, patch in enumerate(patches):
        checked = command("check", write_patch(tmp_path / f"patch{number}", patch, client=""))
        assert checked.end() == 0, checked.output


def test_inputs_reach_the_server_as_the_page_says(command, own_server, tmp_path):
    server = own_server("node4")
    patch = block("toml", "stage left").replace("http://localhost:3000", server.url)
    run = command("run", write_patch(tmp_path / "patch", patch), "--python", PYTHON)
    told = server.client()
    assert told["headers"]["x-seat"] == "12"
    assert told["query"]["room"] == "stage left"
    assert told["auth"] == {"token": "secret", "name": "Ada"}
    run.process.terminate()
    assert run.end() == 0


def test_the_table_is_as_shown(io, own_server):
    server = own_server("node4")
    dat = io(server, bytes=True, eventcolumn=True, namespacecolumn=True, timecolumn=True)
    dat.expect_opened()
    for event in (("cue", {"scene": 3, "go": True}), ("say", "text as it is"), ("pair", 1, "two"), ("bang",)):
        server.emit("/", *event)
    dat.expect_messages("bang", 1)
    dat.emit("echo", b"\x00\xff\x10")
    dat.emit("echo", {"image": b"\x01"})
    dat.expect_messages("echo", 2)
    heading, *rows = dat.rows()
    assert heading == ["message", "bytes", "event", "namespace", "time"]
    shown = first_table("The table")
    assert len(shown) == len(rows)
    for (message, in_bytes, event, namespace, _), row in zip(shown, rows, strict=True):
        text = re.match(r"`(.*?)`", message)
        assert row[0] == (text[1] if text else "" if "empty" in message else message)
        assert row[1].startswith(in_bytes.strip("`").removesuffix("…"))
        assert event.strip("`") in (row[2], "frame", "shot") and namespace.strip("`") == row[3]


def test_every_emit_of_the_page_is_taken(io, own_server):
    server = own_server("node4")
    dat = io(server, namespaces="/ /admin")
    dat.expect_opened("/admin")
    script = block("python", "dat.emit('bang')").replace("/lights", "/admin")
    before = dat.info()["events_out"]
    dat.do(script)
    assert dat.info()["events_out"] - before == len(script.splitlines())
    assert dat.warnings() == ""


def test_answers_are_what_the_page_returns(io, own_server):
    server = own_server("node4")
    script = block("python", "return 0.2, 0.7").replace("event ==", "message ==")
    dat = io(server, callbacks=script)
    dat.expect_said("connected /$")
    for question, answer in (("ready?", [True]), ("where?", [0.2, 0.7]), ("list?", [[1, 2, 3]])):
        server.mark()
        dat.emit("ask", question)
        assert server.expect("answer", "/")[2] == answer


WITH_TOKEN = """
[op.socketio1]
type = "socketioDAT"
in = ["", "", "", "auth"]
par.active = true
par.url = "{url}"
par.namespaces = "/token"
par.delay = 200
par.reconnectrefused = true
par.callbacks = "client"

[op.auth]
type = "tableDAT"
rows = [["token", "old"]]

[op.token]
type = "textDAT"
file = "token.txt"

[op.client]
type = "textDAT"
file = "client.py"
"""


def test_a_client_with_an_old_token_comes_in_when_the_token_is_renewed(command, own_server, tmp_path):
    server = own_server("node4")
    script = block("python", "op('token').text")
    folder = write_patch(tmp_path / "patch", WITH_TOKEN.format(url=server.url), client=script)
    (folder / "token.txt").write_text("old as well\n")
    run = command("run", folder, "--python", PYTHON)
    run.expect_line("refused /token: wrong token", 20)
    run.expect_line("trying again in 0.2 s, attempt 2")
    assert server.told("connect") == []
    (folder / "token.txt").write_text("right\n")
    run.expect_line("connected /token$")
    assert server.client("/token")["auth"] == {"token": "right"}
    run.process.terminate()
    assert run.end() == 0


def test_a_namespace_that_was_lost_is_asked_for_again_as_the_page_shows(io, own_server):
    """Also after events have come: the first attempt is the first."""
    server = own_server("node4")
    dat = io(server, namespaces="/ /admin", reconnectrefused=True)
    dat.expect_opened("/admin")
    assert dat.ask("echo", 1) == 1
    server.emit("/admin", "hello")
    dat.expect_messages("hello", 1, "/admin")
    dat.emit("kick", namespace="/admin")
    dat.expect_opened("/admin", count=2)
    shown = block("", "asking again for /lights").replace("/lights", "/admin").replace("5.0", "0.1")
    expected = [line.removeprefix("[/project1/socketio1] ") for line in shown.splitlines()]
    eventually(lambda: [line for line in dat.said() if not line.startswith("warning")][-4:] == expected)
    dat.emit("kickall")
    dat.expect_opened("/", count=2)
    assert dat.records("onReconnectAttempt") == [["onReconnectAttempt", 1], ["onReconnectAttempt", 1]]


def test_a_lost_connection_says_what_the_page_shows(io, own_server):
    server = own_server("node4")
    dat = io(server, delay=300)
    dat.expect_opened()
    server.kill()
    dat.expect_said("attempt 2")
    shown = block("", "refused the connection").replace("5.0", "0.3").replace("3000", str(server.port))
    expected = [line.removeprefix("[/project1/socketio1] ") for line in shown.splitlines()]
    expected = [line for line in expected if line != "looking up localhost"]
    said = [line for line in dat.said() if not line.startswith("warning")]
    assert said[said.index(expected[0]) :][: len(expected)] == expected


def test_an_info_dat_has_the_rows_of_the_page(io, own_server):
    dat = io(own_server("node4"), namespaces="/ /admin")
    dat.expect_opened("/admin")
    names = [name.strip() for cell, _ in first_table("Figures") for name in cell.replace("`", "").split(",")]
    facts = dat.facts()
    assert [*facts] == [*names[:-1], "namespace /", "namespace /admin"]
    assert (facts["status"], facts["transport"], facts["version"]) == ("open", "WebSocket", "Engine.IO 4")


def test_scripts_of_touchdesigner_run_as_they_are(io, own_server):
    """Callbacks take the arguments of TouchDesigner's templates; `data` is passed by name."""
    server = own_server("node4")
    script = (
        "def onOpen(dat):\n    dat.emit('note', data={'from': dat.name})\n    dat.emit('note', None)\n"
        "def onReceiveEvent(dat, rowIndex, message, event):\n    print('came', dat.name, rowIndex, message, event)\n"
        "def onClose(dat, failure):\n    print('closed', dat.name, failure)\n"
    )
    dat = io(server, callbacks=script, events=["cue"])
    assert server.expect("note", "/", count=2)[2] == [None]
    assert server.told("note")[0][2] == [{"from": dat.name}]
    server.emit("/", "other", 1)
    server.emit("/", "cue", {"scene": 3})
    dat.program.expect_line(f"^came {dat.name} 1 {{'scene': 3}} cue$")
    server.kill()
    dat.program.expect_line(f"^closed {dat.name} True$")
    eventually(lambda: "note" not in dat.warnings())
