"""The command line: check, run, new, ops, exit codes, and an orderly end.

Exit codes: 0 ended in order, 1 the patch has errors, 2 wrong command line, 130 second Ctrl-C.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest
from websockets.exceptions import ConnectionClosed

from raw import Raw, RawWebSocket
from running import PRELUDE, PYTHON, eventually, free_port, program

MISTAKEN = """\
[patch]
format = 1
fame_rate = 30

[op.webserver1]
type = "webserverDAT"
par.port = 80000
par.activ = true
par.minprotocol = "tlsv14"
par.callbacks = "webserver1_callbacks"

[op.webserver1_callbacks]
type = "textDat"
file = "callbacks.py"

[op.table1]
type = "tableDAT"
in = ["nobody"]
rows = "no rows"
"""

# What has to be said about it: line, column, and a word of the remedy.
SAID = [
    (3, 1, "frame_rate"),
    (7, None, "65535"),
    (8, 5, "active"),
    (9, 19, "tlsv13"),
    (13, 8, "textDAT"),
    (18, None, "nobody"),
    (19, None, "rows"),
]


def write_patch(folder, port, script):
    """A patch of a server and its callbacks, and nothing else."""
    folder.mkdir()
    server = f'[op.w]\ntype = "webserverDAT"\npar.port = {port}\npar.active = true\npar.callbacks = "c"\n'
    (folder / "patch.toml").write_text(f'[patch]\nformat = 1\n\n{server}\n[op.c]\ntype = "textDAT"\nfile = "c.py"\n')
    (folder / "c.py").write_text(script)


@pytest.fixture
def mistaken(tmp_path):
    (tmp_path / "patch.toml").write_text(MISTAKEN)
    (tmp_path / "callbacks.py").write_text("def onServerStart(dat):\n    pass\n")
    return tmp_path


def test_check_reports_every_mistake_at_once_with_its_place(command, mistaken):
    run = command("check", mistaken)
    assert run.end() == 1
    text = "\n".join(run.lines)
    for line, column, word in SAID:
        place = rf"patch\.toml:{line}:{column if column else r'[0-9]+'}\b"
        assert re.search(place, text), (place, text)
        assert word in text, (word, text)
    assert len(re.findall(r"patch\.toml:\d+:\d+", text)) >= len(SAID)
    assert "\x1b[" not in text


def test_run_refuses_with_the_same_report(command, mistaken):
    checked, refused = command("check", mistaken), command("run", mistaken)
    assert checked.end() == 1
    assert refused.end() == 1
    report = [line for line in checked.lines if line.strip()]
    assert [line for line in report if line not in refused.lines] == []
    assert not refused.find_line("listening on")


def test_check_shows_scripts_that_do_not_compile_in_their_own_file(command, tmp_path):
    folder = tmp_path / "p"
    write_patch(folder, 9980, "import json\n\ndef onServerStart(dat)\n    pass\n")
    run = command("check", folder)
    assert run.end() == 1
    run.expect_line(r"c\.py:3:\d+")
    refused = command("run", folder)
    assert refused.end() == 1
    refused.expect_line(r"c\.py:3:\d+")


def test_check_of_a_good_patch_is_content(command, tmp_path):
    assert command("new", tmp_path / "fresh").end() == 0
    assert command("check", tmp_path / "fresh").end() == 0
    assert command("check", tmp_path / "fresh" / "patch.toml").end() == 0
    assert command("check", folder=tmp_path / "fresh").end() == 0


def test_check_opens_no_port_and_runs_no_script(command, tmp_path):
    command("new", tmp_path / "fresh").end()
    scripts = list((tmp_path / "fresh").glob("*.py"))
    scripts[0].write_text("raise SystemExit('ran at check')\n")
    run = command("check", tmp_path / "fresh")
    assert run.end() == 0
    assert "ran at check" not in run.output


def test_new_writes_a_patch_that_runs_and_names_every_callback(command, tmp_path):
    folder = tmp_path / "show"
    assert command("new", folder).end() == 0
    script = "\n".join(path.read_text() for path in folder.glob("*.py"))
    for callback in [
        "onHTTPRequest", "onWebSocketRequest", "onWebSocketOpen", "onWebSocketClose", "onWebSocketReceiveText",
        "onWebSocketReceiveBinary", "onWebSocketReceivePing", "onWebSocketReceivePong", "onServerStart", "onServerStop",
    ]:  # fmt: skip
        assert callback in script
    port = free_port()
    patch = folder / "patch.toml"
    text = re.sub(r"par\.port = \d+", f"par.port = {port}", patch.read_text())
    patch.write_text(
        text if str(port) in text else text.replace('"webserverDAT"', f'"webserverDAT"\npar.port = {port}', 1)
    )
    run = command("run", folder)
    run.expect_line(rf"listening on http://127\.0\.0\.1:{port}/", 20)
    with Raw(port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.answer().status == 200
    with RawWebSocket(port) as client:
        client.send_frame(1, b"hello")
        assert client.frame() == (1, b"hello", True)
        client.send_frame(9, b"ping")
        assert client.frame() == (10, b"ping", True)
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0
    assert "Traceback" not in run.output and "error" not in run.output.lower()


def test_a_new_client_talks_with_a_new_server(command, tmp_path):
    port = free_port()
    for name, more in [("server", ()), ("client", ("websocketDAT",))]:
        assert command("new", tmp_path / name, *more).end() == 0
        patch = tmp_path / name / "patch.toml"
        text = patch.read_text()
        assert text.count("9980") >= 1
        patch.write_text(text.replace("9980", str(port)))
    script = (tmp_path / "client" / "websocket1_callbacks.py").read_text()
    for callback in [
        "onConnect", "onDisconnect", "onReceiveText", "onReceiveBinary", "onReceivePing", "onReceivePong",
        "onMonitorMessage",
    ]:  # fmt: skip
        assert f"def {callback}(dat" in script
    server = command("run", tmp_path / "server")
    server.expect_line("listening on", 20)
    client = command("run", tmp_path / "client")
    client.expect_line("^hello$", 20)
    for run in (client, server):
        run.process.send_signal(signal.SIGTERM)
        assert run.end() == 0
        assert "Traceback" not in run.output and "error" not in run.output.lower()


def test_a_new_socketio_client_hears_a_server(command, own_server, tmp_path):
    server = own_server("node4")
    assert command("new", tmp_path / "client", "socketioDAT").end() == 0
    patch, script = tmp_path / "client" / "patch.toml", tmp_path / "client" / "socketio1_callbacks.py"
    for callback in [
        "onOpen", "onReceiveEvent", "onClose", "onConnectError", "onReconnectAttempt", "onAck", "onAckTimeout",
    ]:  # fmt: skip
        assert f"def {callback}(dat" in script.read_text()
    text = patch.read_text()
    assert text.count("http://localhost:3000") == 1
    # The row that is commented out only has to be let in.
    text = text.replace("http://localhost:3000", server.url).replace('  # ["token"', '  ["token"')
    # This server has `echo` in the place of `hello`.
    patch.write_text(text.replace('"hello"', '"echo"'))
    script.write_text(script.read_text().replace("'hello'", "'echo'"))
    client = command("run", tmp_path / "client")
    client.expect_line("^echo from Patchcord$", 20)
    assert server.client()["auth"] == {"token": "secret"}
    client.process.send_signal(signal.SIGTERM)
    assert client.end() == 0
    assert "Traceback" not in client.output and "error" not in client.output.lower()


def test_a_new_graph_counts_and_hears_a_server(command, own_server, tmp_path):
    folder = tmp_path / "show"

    def says(line):
        run = command("run", folder)
        run.expect_line(line, 20)
        run.process.send_signal(signal.SIGTERM)
        assert run.end() == 0
        assert "error" not in run.output.lower() and "warning" not in run.output.lower()

    assert command("new", folder, "logicCOMP").end() == 0
    says("say: 2 seconds$")
    # What is commented out only has to be let in. This server has `echo` in the place of `hello`.
    patch, graph = folder / "patch.toml", folder / "logic1.logic.toml"
    text = re.sub(r"^# (?=\[connection|url|port)", "", patch.read_text(), flags=re.M)
    assert text.count("3000") == 1
    patch.write_text(text.replace("3000", str(own_server("node4").port)))
    counting, connection = re.split(r"(?<=\n)(?=# --- A Socket\.IO server)", graph.read_text())
    connection = re.sub(r"^#( (?!---)|$)", "", connection, flags=re.M)
    graph.write_text(counting + connection.replace('"hello"', '"echo"'))
    says("show: from Patchcord$")


def test_new_of_another_type_names_those_that_there_are(command, tmp_path):
    run = command("new", tmp_path / "show", "websocketDat")
    assert run.end() == 2
    run.expect_line("websocketDAT.*socketioDAT")
    assert not (tmp_path / "show").exists()


def test_new_overwrites_nothing(command, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    run = command("new", tmp_path)
    assert run.end() != 0
    assert str(tmp_path) in run.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt"]


def test_ops_lists_the_types_and_describes_one(command):
    every = command("ops")
    assert every.end() == 0
    for name in ["webserverDAT", "websocketDAT", "socketioDAT", "textDAT", "tableDAT", "baseCOMP", "infoDAT", "infoCHOP", "executeDAT"]:
        assert every.find_line(rf"\b{name}\b"), name
    one = command("ops", "webserverDAT")
    assert one.end() == 0
    for word in [
        "port",
        "9980",
        "slowreader",
        "dropoldest",
        "websocket_connections",
        "onWebSocketOpen",
        "clientca",
        "wordwrap",
    ]:
        assert one.find_line(rf"\b{word}\b"), word
    assert "\x1b[" not in one.output


def test_ops_of_an_unknown_type_names_the_nearest(command):
    run = command("ops", "webserverDta")
    assert run.end() in (1, 2)
    run.expect_line("webserverDAT")


def test_version_and_help(command):
    version = command("--version")
    assert version.end() == 0
    assert re.match(r"patchcord \d+\.\d+\.\d+", version.lines[0])
    help_text = command("--help")
    assert help_text.end() == 0
    for word in ["run", "check", "new", "ops", "--python", "--log", "130"]:
        assert word in "\n".join(help_text.lines), word


@pytest.mark.parametrize(
    "arguments", [["frobnicate"], ["run", "--nonsense"], ["run", "a", "b"], ["new"]] + [["check", "a", "b"]]
)
def test_a_wrong_command_line_is_exit_code_2(command, arguments):
    run = command(*arguments)
    assert run.end() == 2
    assert run.lines


@pytest.mark.parametrize("name", ["run", "check"])
def test_a_folder_without_a_patch_is_named(command, tmp_path, name):
    run = command(name, tmp_path / "nowhere")
    assert run.end() in (1, 3)
    run.expect_line(r"nowhere")


def test_a_python_that_does_not_exist_is_named(command, tmp_path):
    command("new", tmp_path / "p").end()
    run = command("run", tmp_path / "p", "--python", "/nonexistent/python3")
    assert run.end(10) not in (0, None)
    run.expect_line(r"/nonexistent/python3")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_in_order(patch, number):
    server = patch()
    client = server.connect()
    client.send("fence")
    assert client.recv(timeout=8) == "fence"
    assert server.get("/fence").text == "/fence"  # no callback runs when the signal comes
    assert server.stop(number) == 0
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=8)
    assert closed.value.rcvd.code == 1001
    assert len(server.records("onServerStop")) == 1
    assert len(server.records("onWebSocketClose")) == 1
    assert "Traceback" not in server.output


@pytest.mark.alone
def test_a_signal_while_nothing_happens_ends_at_once(patch):
    server = patch()
    start = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - start < 3


HANGING = (
    PRELUDE
    + """
import time

def onHTTPRequest(dat, request, response):
    log("begun")
    while True:
        time.sleep(0.01)

def onServerStop(dat):
    log("onServerStop")
"""
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_short_callback_that_runs_when_the_signal_comes_is_not_cut_off(patch, number):
    server = patch(HANGING.replace("while True:\n        time.sleep(0.01)", 'time.sleep(0.1)\n    log("ended")'))
    with Raw(server.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server.expect_line(r'^LOG \["begun"\]$')
        assert server.stop(number) == 0
    assert server.records() == [["begun"], ["ended"], ["onServerStop"]]
    assert "Traceback" not in server.output


def test_ctrl_c_interrupts_a_callback_that_runs_and_ends_in_order(patch):
    server = patch(HANGING)
    with Raw(server.port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server.expect_line(r'^LOG \["begun"\]$')
        assert server.stop(signal.SIGINT) == 0
    assert server.records("onServerStop") == [["onServerStop"]]


def test_a_second_ctrl_c_ends_at_once_with_130(patch):
    server = patch(
        HANGING.replace(
            'log("onServerStop")',
            """log("stopping")
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass""",
        )
    )
    server.process.send_signal(signal.SIGINT)
    server.expect_line(r'^LOG \["stopping"\]$')
    assert server.stop(signal.SIGINT) == 130


def test_a_port_in_use_is_an_error_of_the_operator_and_the_patch_goes_on(patch):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        server = patch(wait=False, port=port)
        line = server.expect_line(rf"(?i)/project1/webserver1.*{port}")
        assert re.search(r"(?i)in use|taken|already", line)
        assert server.do("result = server.errors()") != ""
        assert server.info("server_running") == 0
        assert server.records("onServerStart") == []
        server.do("server.par.restart.pulse()")
        assert server.info("server_running") == 0
    server.do("server.par.restart.pulse()")
    eventually(lambda: server.info("server_running") == 1)
    assert server.get("/now").text == "/now"
    assert server.do("result = server.errors()") == ""
    server.expect_records("onServerStart")


def test_a_server_listens_by_itself_when_its_port_is_free(patch):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        server = patch(wait=False, port=port)
        server.expect_line(rf"error: port {port} is in use; .* tried again")
    eventually(lambda: server.info("server_running") == 1)
    assert server.get("/now").text == "/now"
    assert server.do("result = server.errors()") == ""
    server.expect_records("onServerStart")
    # One that moved in vain stays where it is, and moves when it can.
    other = free_port()
    with socket.create_server(("127.0.0.1", other)):
        server.do(f"server.par.port = {other}")
        server.expect_line(rf"error: port {other} is in use; still listening where it was; .* tried again")
        assert server.get("/now").text == "/now"
    server.expect_line(rf"listening on http://127.0.0.1:{other}/")
    eventually(lambda: server.do("result = server.errors()") == "")


def test_the_terminal_textport_can_be_silenced(patch, command, tmp_path):
    port = free_port()
    write_patch(
        tmp_path / "p",
        port,
        "def onHTTPRequest(dat, request, response):\n    print('chatter')\n    raise ValueError('still told')\n",
    )
    run = command("run", tmp_path / "p", environment={"TOUCH_TEXT_CONSOLE": "0"})

    def asked():
        try:
            with Raw(port) as client:
                client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                return client.answer().status == 500
        except OSError:
            return False

    eventually(asked, 20)
    eventually(lambda: any("still told" in line for line in run.err))
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0
    assert not run.find_line("chatter")
    assert not any("listening" in line for line in run.out)


def test_a_closed_terminal_does_not_stop_the_patch(command, tmp_path):
    port = free_port()
    write_patch(
        tmp_path / "p",
        port,
        "def onHTTPRequest(dat, request, response):\n    print('into the void')\n    return response\n",
    )
    reading, writing = os.pipe()
    run = subprocess.Popen([program(), "run", tmp_path / "p", "--python", PYTHON], stdout=writing, stderr=writing)
    try:
        os.close(writing)
        with open(reading, "rb", buffering=0) as terminal:
            printed = b""
            while b"listening" not in printed:
                got = terminal.read(4096)
                assert got, printed
                printed += got
        for _ in range(20):
            with Raw(port) as client:
                client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert client.answer().status == 404
        run.send_signal(signal.SIGTERM)
        assert run.wait(20) == 0
    finally:
        run.kill()
        run.wait()


def test_secrets_are_not_printed(command, tmp_path):
    (tmp_path / "patch.toml").write_text(
        '[patch]\nformat = 1\n[op.w]\ntype = "webserverDAT"\npar.password = "hush hush"\npar.pasword = "hush hush"\n'
    )
    run = command("check", tmp_path)
    assert run.end() == 1
    run.expect_line("password")
    assert "hush" not in run.output


def test_what_listens_beyond_this_machine_is_shown_with_its_addresses(patch):
    server = patch(localaddress="*")
    server.expect_line(rf"listening on http://\S+:{server.port}/")
    assert server.get("/open").text == "/open"


def test_no_arguments_run_the_demo(command, tmp_path):
    """The demo listens on 9980; where something else does, the operator says so and the program still ends in order."""
    run = command(folder=tmp_path)
    run.expect_line(r":9980\b|9980", 20)
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0


def test_the_patchs_own_venv_is_used(command, tmp_path):
    command("new", tmp_path / "p").end()
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", tmp_path / "p" / ".venv"], check=True)
    (tmp_path / "p" / "patch.toml").write_text(
        '[patch]\nformat = 1\n[op.e]\ntype = "executeDAT"\npar.start = true\nfile = "e.py"\n'
    )
    (tmp_path / "p" / "e.py").write_text(
        "import sys, json\ndef onStart():\n    print('LOG ' + json.dumps(sys.prefix))\n    project.quit()\n"
    )
    run = command("run", tmp_path / "p", environment={"PATCHCORD_PYTHON": ""})
    assert run.end() == 0
    assert json.loads(run.expect_line("^LOG ")[4:]) == str(tmp_path / "p" / ".venv")
