"""Record and replay: traffic with a real peer goes into a file, and comes again from it without the peer.

The server is Python's `websockets`; the client of a replayed Web Server DAT is gone when its recording is played.
"""

import base64
import contextlib
import json
import os
import subprocess
import threading

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from running import PRELUDE, PYTHON, QUIET, eventually, free_port, program

# Notes every callback; answers text.
NOTES = (
    PRELUDE
    + """
def onConnect(dat):
    log("onConnect")

def onDisconnect(dat):
    log("onDisconnect")

def onReceiveText(dat, rowIndex, message):
    log("onReceiveText", rowIndex, message)
    log("sent", dat.sendText("re: " + message))

def onReceiveBinary(dat, contents):
    log("onReceiveBinary", contents)

def onReceivePing(dat, contents):
    log("onReceivePing", contents)
    dat.sendPong(contents)

def onReceivePong(dat, contents):
    log("onReceivePong", contents)

def onMonitorMessage(dat, message):
    log("onMonitorMessage", message)
"""
)

# The same without the answers.
SILENT = NOTES.replace('    log("sent", dat.sendText("re: " + message))\n', "")

HEARD = ("onConnect", "onDisconnect", "onReceiveText", "onReceiveBinary", "onReceivePing", "onReceivePong", "sent")


@contextlib.contextmanager
def session_server():
    """Sends one of each, waits for the answers, and closes. Gives its port and what it received."""
    received = []

    def session(connection):
        connection.send("größer")
        received.append(connection.recv(timeout=8))
        connection.send(b"\x00\xff")
        connection.ping(b"hi").wait(8)
        connection.send("second")
        received.append(connection.recv(timeout=8))
        with contextlib.suppress(ConnectionClosed):
            connection.close(4001, "show is over")

    with serve(session, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1], received
        server.shutdown()
        thread.join(8)


def websocket_dat(**parameters):
    """A WebSocket DAT `websocket1`, for `more` of a patch."""
    lines = ["[op.websocket1]", 'type = "websocketDAT"', 'par.callbacks = "notes"']
    lines += [f"par.{name} = {json.dumps(value)}" for name, value in parameters.items()]
    info = ["[op.info2]", 'type = "infoCHOP"', 'par.op = "websocket1"']
    return "\n".join([*lines, "", *info, "", "[op.notes]", 'type = "textDAT"', 'file = "notes.py"', ""])


@pytest.fixture
def dat_patch(patch):
    """Runs a patch with a WebSocket DAT."""

    def start(files=None, notes=NOTES, **parameters):
        return patch(more=websocket_dat(**parameters), files={"notes.py": notes, **(files or {})})

    return start


def entries(path):
    """Header and entries of a recording."""
    header, *rest = [json.loads(line) for line in path.read_text().splitlines()]
    return header, rest


def recorded_session(dat_patch):
    """A recording of a session, made with a real server that is gone now; also what the callbacks heard."""
    with session_server() as (port, received):
        live = dat_patch(record="show.jsonl", active=True, netaddress="ws://127.0.0.1/", port=port)
        eventually(lambda: live._records_read(["onDisconnect"]), what="the end of the session")
        heard = live.records(*HEARD)
        rows = live.do("result = [[cell.val for cell in row] for row in op('websocket1').rows()]")
        assert live.do("result = op('websocket1').par.record.eval()") == "show.jsonl"
        live.do("op('websocket1').par.record = ''")
        live.expect_line(r"recorded 9 entries to .*/show\.jsonl$")
    assert received == ["re: größer", "re: second"]
    return live.folder / "show.jsonl", heard, rows


def test_a_session_is_recorded_and_comes_again_without_the_server(dat_patch):
    path, heard, rows = recorded_session(dat_patch)
    assert [record[0] for record in heard] == [
        "onConnect", "onReceiveText", "sent", "onReceiveBinary", "onReceivePing", "onReceiveText", "sent",
        "onDisconnect",
    ]  # fmt: skip
    header, lines = entries(path)
    assert (header["patchcord_recording"], header["operator"]) == (1, "/project1/websocket1")
    assert [(line["dir"], line["kind"]) for line in lines] == [
        ("out", "open"), ("in", "text"), ("out", "text"), ("in", "binary"), ("in", "ping"), ("out", "pong"),
        ("in", "text"), ("out", "text"), ("in", "close"),
    ]  # fmt: skip
    assert [line.get("text") or line.get("data") for line in lines[1:8]] == [
        "größer", "re: größer", "AP8=", "aGk=", "aGk=", "second", "re: second",
    ]  # fmt: skip
    assert (lines[-1]["code"], lines[-1]["reason"]) == (4001, "show is over")
    times = [line["at"] for line in lines]
    assert times == sorted(times) and times[-1] < 60

    again = dat_patch(files={"show.jsonl": path.read_bytes()}, replay="show.jsonl", replayspeed=10, active=True, port=1)
    again.expect_line(r"the recording has ended: 6 entries$")
    assert again.records(*HEARD) == heard
    assert again.do("result = [[cell.val for cell in row] for row in op('websocket1').rows()]") == rows
    said = [record[1] for record in again.records("onMonitorMessage")]
    assert said[0].startswith("replaying ") and said[0].endswith("recorded by /project1/websocket1")
    assert said[1] == "connected"
    assert "the server closed the connection with code 4001: show is over" in said
    names = ["connected", "messages_in", "messages_out", "bytes_out", "close_code", "replaying"]
    assert info(again, *names) == [0, 3, 2, len("re: größerre: second".encode()), 4001, 0]


def info(running, *names):
    """Info channels of the WebSocket DAT."""
    return running.do(f"result = [op('info2')[name].eval() for name in {names!r}]")


def recording(*lines):
    """A recording of these entries."""
    return "\n".join(json.dumps(line) for line in ({"patchcord_recording": 1}, *lines)) + "\n"


def entry(at, kind, direction="in", **fields):
    return {"at": at, "dir": direction, "kind": kind, **fields}


def texts(*texts, step=0.0):
    """A recording of a connection with these messages, that is open at its end."""
    lines = [entry(step * number, "text", text=text) for number, text in enumerate(texts, 1)]
    return recording(entry(0, "open", "out"), *lines)


def errors(running, name="websocket1"):
    return running.do(f"result = op({name!r}).errors()"), running.do(f"result = op({name!r}).warnings()")


@contextlib.contextmanager
def echo_server():
    """A server that sends everything back. Gives its port and the list of those that have connected."""
    connected = []

    def session(connection):
        connected.append(connection)
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                connection.send(message)

    with serve(session, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1], connected
        server.shutdown()
        thread.join(8)


# ---------------------------------------- replay, WebSocket DAT


def test_the_speed_can_be_changed_while_it_plays(dat_patch):
    show = texts("first", "an hour later", step=3600)
    running = dat_patch(files={"a.jsonl": show}, replay="a.jsonl", replayspeed=1, active=True)
    running.expect_records("onConnect")
    assert info(running, "replaying", "connected") == [1, 1]
    running.do("op('websocket1').par.replayspeed = 0")
    running.expect_line(r"the recording has ended: 3 entries$")
    assert [record[2] for record in running.records("onReceiveText")] == ["first", "an hour later"]
    # What is open at the end of a recording is closed then.
    assert running.records("onDisconnect") == [["onDisconnect"]]
    assert info(running, "replaying", "connected") == [0, 0]


def test_speeds_beyond_the_range_are_clamped(dat_patch):
    running = dat_patch(files={"a.jsonl": texts("x")}, replay="a.jsonl")
    script = "op('websocket1').par.replayspeed = {}\nresult = op('websocket1').par.replayspeed.eval()"
    assert running.do(script.format(-3)) == 0
    assert running.do(script.format(1e9)) == 1000


def test_it_plays_again_on_reset_and_not_while_it_is_off(dat_patch):
    running = dat_patch(files={"a.jsonl": texts("one", "two")}, replay="a.jsonl", replayspeed=0)
    assert running.records() == [["onServerStart"]]
    running.do("op('websocket1').par.active = True")
    running.expect_records("onDisconnect")
    running.do("op('websocket1').par.reset.pulse()")
    running.expect_records("onDisconnect", count=2)
    texts_seen = [record[2] for record in running.records("onReceiveText")]
    assert texts_seen == ["one", "two"] * 2


@pytest.mark.parametrize(("edit", "more"), [("active = False", 0), ("reset.pulse()", 1)])
def test_a_callback_can_stop_it_or_begin_again(dat_patch, edit, more):
    once = "\n\ndef onReceiveText(dat, rowIndex, message):\n    log('text', message)\n"
    once += "    if message == 'stop' and not dat.fetch('done', False):\n"
    once += f"        dat.store('done', True)\n        dat.par.{edit}\n"
    show = {"a.jsonl": texts("before", "stop", "behind")}
    running = dat_patch(files=show, notes=NOTES + once, replay="a.jsonl", replayspeed=0, active=True)
    running.expect_records("onDisconnect", count=1 + more)
    again = ["before", "stop", "behind"] * more
    assert [record[1] for record in running.records("text")] == ["before", "stop", *again]


def test_each_connection_of_a_recording_comes_with_its_end(dat_patch):
    show = recording(
        {"at": 0, "kind": "failed", "reason": "nobody is there"},
        entry(0, "open", "out"),
        entry(0, "close"),
        entry(0, "open", "out"),
        entry(0, "text", text="again"),
        entry(0, "close", "out", code=1000),
        entry(0, "text", text="from nowhere"),
        entry(0, "open", "out"),
        entry(0, "close", "out", code=1009, reason="too large"),
        entry(0, "open", "out"),
        entry(0, "close", code=1005),
    )
    running = dat_patch(
        files={"a.jsonl": show}, replay="a.jsonl", replayspeed=0, active=True, reconnect=True, reconnectdelay=0.0
    )
    running.expect_line(r"the recording has ended")
    assert [record[0] for record in running.records("onConnect", "onDisconnect", "onReceiveText")] == [
        "onDisconnect", "onConnect", "onDisconnect", "onConnect", "onReceiveText", "onDisconnect", "onConnect",
        "onDisconnect", "onConnect", "onDisconnect",
    ]  # fmt: skip
    said = [record[1] for record in running.records("onMonitorMessage")]
    assert said[1:] == [
        "connection failed: nobody is there",
        "connected",
        "error: the connection was lost",
        "connected",
        "disconnected with code 1000",
        "connected",
        "error: the connection had to be closed with code 1009: too large",
        "connected",
        "the server closed the connection with code 1005",
        "the recording has ended: 11 entries",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "there is no file"),
        ("", "is empty"),
        ("a,table\n", "so this is no recording"),
        ('{"patchcord_recording": 9}\n', "the format is version 9"),
        (texts("x") + "oops\n" + texts("y"), ":4: broken: expected value at column 1"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_an_error_with_a_remedy(dat_patch, content, problem):
    files = {} if content is None else {"a.jsonl": content}
    running = dat_patch(files=files, replay="a.jsonl", replayspeed=0, active=True)
    running.expect_records("onDisconnect")
    said, _ = errors(running)
    assert problem in said and "the replay has stopped" in said
    # It is gone with its cause.
    running.write("b.jsonl", texts("y"))
    running.do("op('websocket1').par.replay = 'b.jsonl'")
    running.expect_line(r"the recording has ended: 2 entries")
    assert errors(running)[0] == ""


def test_one_that_was_cut_off_is_played_up_to_the_cut(dat_patch):
    show = texts("one", "two")
    running = dat_patch(files={"a.jsonl": show[:-5]}, replay="a.jsonl", replayspeed=0, active=True)
    running.expect_line(r"the recording has ended: 2 entries")
    assert errors(running)[0] == ""
    assert "the recording was cut off in line 4" in errors(running)[1]


def test_what_is_answered_in_a_rehearsal_can_be_recorded(dat_patch):
    running = dat_patch(
        files={"a.jsonl": texts("x")}, record="b.jsonl", replay="a.jsonl", replayspeed=0, active=True
    )
    running.expect_line(r"the recording has ended")
    running.do("op('websocket1').par.record = ''")
    running.expect_line(r"recorded 4 entries")
    _, lines = entries(running.folder / "b.jsonl")
    assert [(line["dir"], line["kind"]) for line in lines] == [
        ("out", "open"), ("in", "text"), ("out", "text"), ("out", "close"),
    ]  # fmt: skip


# ---------------------------------------- record, WebSocket DAT


def test_edits_of_record_keep_the_connection_and_those_of_replay_dial_anew(dat_patch):
    with echo_server() as (port, connected):
        running = dat_patch(notes=SILENT, active=True, netaddress="ws://127.0.0.1/", port=port)
        running.expect_records("onConnect")
        for number, name in enumerate(["a.jsonl", "b.jsonl", "", "a.jsonl"]):
            running.do(f"op('websocket1').par.record = {name!r}")
            running.do(f"op('websocket1').sendText('in {name}')")
            running.expect_records("onReceiveText", count=number + 1)
        assert len(connected) == 1 and running.records("onDisconnect") == []
        running.do("op('websocket1').par.record = ''")
        running.expect_line(r"recorded 2 entries to .*/a-2\.jsonl$")
        said = [[line["text"] for line in entries(running.folder / name)[1]] for name in ("a.jsonl", "b.jsonl")]
        assert said == [["in a.jsonl"] * 2, ["in b.jsonl"] * 2]
        running.write("c.jsonl", texts("recorded"))
        running.do("op('websocket1').par.replay = 'c.jsonl'")
        running.expect_line(r"the recording has ended")
        assert len(connected) == 1
        running.do("op('websocket1').par.replay = ''")
        eventually(lambda: len(connected) == 2, what="the next connection")


def test_trouble_with_the_file_is_shown_and_holds_nothing_up(dat_patch):
    with echo_server() as (port, _):
        address = {"netaddress": "ws://127.0.0.1/", "port": port}
        running = dat_patch(notes=SILENT, record="missing/show.jsonl", active=True, **address)
        running.expect_records("onConnect")
        assert "there is no folder for" in errors(running)[0]
        running.expect_line(r"error: there is no folder for .*; make the folder")
        running.do("op('websocket1').sendText('unrecorded')")
        running.expect_records("onReceiveText")
        (running.folder / "missing").mkdir()
        running.do("op('websocket1').par.record = ''\nop('websocket1').par.record = 'missing/show.jsonl'")
        assert errors(running)[0] == ""
        running.stop()
    # The end of the program is the end of the recording.
    _, lines = entries(running.folder / "missing" / "show.jsonl")
    assert [line["kind"] for line in lines][-1] == "close"


def test_failures_to_connect_are_recorded(dat_patch):
    running = dat_patch(record="show.jsonl", active=True, netaddress="ws://127.0.0.1/", port=free_port())
    running.expect_records("onDisconnect")
    running.stop()
    _, [line] = entries(running.folder / "show.jsonl")
    assert line["kind"] == "failed" and "127.0.0.1" in line["reason"] and "dir" not in line


def test_addresses_that_are_none_are_recorded_as_failures(dat_patch):
    running = dat_patch(record="show.jsonl", active=True, netaddress="ftp://127.0.0.1/")
    running.expect_records("onDisconnect")
    running.stop()
    _, [line] = entries(running.folder / "show.jsonl")
    assert line["kind"] == "failed" and line["reason"]


def test_every_message_of_a_flood_is_recorded(dat_patch):
    with echo_server() as (port, _):
        running = dat_patch(
            notes=SILENT, record="show.jsonl", active=True, netaddress="ws://127.0.0.1/", port=port, autopong=True
        )
        running.expect_records("onConnect")
        running.do("for number in range(3000):\n    op('websocket1').sendBinary(bytes([number % 256]) * 500)")
        running.expect_records("onReceiveBinary", count=3000, timeout=30)
        assert info(running, "recorded", "record_lost") == [6001, 0]
        running.do("op('websocket1').par.record = ''")
        running.expect_line(r"recorded 6001 entries")
        _, lines = entries(running.folder / "show.jsonl")
        for direction in ("in", "out"):
            bytes_of = [base64.b64decode(line["data"]) for line in lines[1:] if line["dir"] == direction]
            assert bytes_of == [bytes([number % 256]) * 500 for number in range(3000)]


def test_an_operator_that_is_destroyed_ends_both(dat_patch):
    show = recording(entry(0, "open", "out"), entry(0, "text", text="x"), entry(9e4, "text", text="never"))
    running = dat_patch(files={"a.jsonl": show}, record="b.jsonl", replay="a.jsonl", active=True)
    running.expect_records("onReceiveText")
    running.do("op('websocket1').destroy()")
    running.expect_line(r"recorded 4 entries to .*/b\.jsonl$")
    _, lines = entries(running.folder / "b.jsonl")
    assert [line["kind"] for line in lines] == ["open", "text", "text", "close"]
    running.expect_records("onDisconnect")


# ---------------------------------------- Web Server DAT


def test_a_servers_clients_are_recorded_and_come_again(patch):
    live = patch(record="show.jsonl")
    first, second = live.connect("/live?room=1"), live.connect("/two")
    first.send("größer")
    assert first.recv(timeout=8) == "größer"
    second.send(b"\x00\xff")
    assert second.recv(timeout=8) == b"\x00\xff"
    secrets = {"Authorization": "Bearer s3cr3t", "Cookie": "session=s3cr3t", "X-Scene": "4"}
    assert live.post("/cue?x=1", content=b"go", headers=secrets).text == "go"
    first.close(4001, "bye")
    live.expect_records("onWebSocketClose")
    live.stop()
    heard = [record for record in live._records_read(()) if record[0].startswith(("onWebSocket", "onHTTP"))]

    path = live.folder / "show.jsonl"
    assert "s3cr3t" not in path.read_text()
    header, lines = entries(path)
    assert header["type"] == "webserverDAT"
    assert [(line["dir"], line["kind"]) for line in lines] == [
        ("in", "open"), ("in", "open"), ("in", "text"), ("out", "text"), ("in", "binary"), ("out", "binary"),
        ("in", "request"), ("out", "response"), ("in", "close"), ("out", "close"),
    ]  # fmt: skip
    assert (lines[7]["status"], lines[7]["text"]) == (200, "go")
    names = [record[1] for record in heard if record[0] == "onWebSocketOpen"]
    assert [line["peer"] for line in lines[:2]] == names

    again = patch(files={"show.jsonl": path.read_bytes()}, replay="show.jsonl", replayspeed=0)
    again.expect_line(r"the recording has ended: 7 entries$")
    came = [record for record in again.records() if record[0].startswith(("onWebSocket", "onHTTP"))]
    for record in heard + came:
        if record[0] == "onHTTPRequest":
            record[1].pop("Authorization"), record[1].pop("Cookie")
    assert came == heard
    assert [again.info(name) for name in ("messages_in", "messages_out", "requests", "replaying")] == [2, 2, 1, 0]
    assert again.get("/still?here").status_code == 200


def test_recorded_clients_and_real_ones_meet(patch):
    forward = QUIET + "\ndef onWebSocketReceiveText(dat, client, data):\n    log('text', client, data)\n"
    forward += "    for other in dat.webSocketConnections:\n        dat.webSocketSendText(other, data)\n"
    show = recording(
        entry(0, "open", peer="192.0.2.1:1", uri="/"),
        entry(3600, "text", peer="192.0.2.1:1", text="from the recording"),
        entry(7200, "text", peer="192.0.2.1:1", text="never"),
    )
    server = patch(forward, files={"a.jsonl": show}, replay="a.jsonl", clientstable=True)
    real = server.connect()
    eventually(lambda: len(server.table()) == 2, what="two clients")
    assert {row["address"] for row in server.table()} == {"192.0.2.1", "127.0.0.1"}
    server.change(replayspeed=1000)  # an hour takes 3.6 s
    real.send("from the network")
    assert real.recv(timeout=8) == "from the network"
    assert real.recv(timeout=8) == "from the recording"
    server.do("server.webSocketClose('192.0.2.1:1')")
    assert server.expect_records("onWebSocketClose") == [["onWebSocketClose", "192.0.2.1:1"]]
    # Another recording takes its place, and the real client stays.
    server.write("b.jsonl", recording(entry(0, "open", peer="b", uri="/b"), entry(9e4, "text", peer="b", text="")))
    server.change(replay="b.jsonl")
    server.expect_line(r"WebSocket b joined at /b")
    server.change(replay="")
    server.expect_records("onWebSocketClose", count=2)
    real.send("still here")
    assert real.recv(timeout=8) == "still here"


def test_the_end_of_the_server_is_the_end_of_the_replay(patch):
    show = recording(entry(0, "open", peer="a", uri="/"), entry(9e4, "text", peer="a", text=""))
    server = patch(QUIET, files={"a.jsonl": show}, replay="a.jsonl")
    server.expect_records("onWebSocketOpen")
    server.change(active=False)
    server.expect_records("onWebSocketClose")
    server.change(active=True)
    server.expect_records("onWebSocketOpen", count=2)
    server.do("server.par.restart.pulse()")
    server.expect_records("onWebSocketOpen", count=3)
    assert len(server.records("onWebSocketClose")) == 2


def test_requests_that_cannot_be_replayed_are_counted(patch):
    show = recording(
        entry(0, "request", method="GET", uri="/good", headers=[["host", "x"]]),
        entry(0, "request", method="POST", uri="/large", headers=[], text="beginning", size=9_000_000),
        entry(0, "request", method="G E T", uri="/", headers=[]),
    )
    server = patch(files={"a.jsonl": show}, replay="a.jsonl", replayspeed=0)
    server.expect_line(r"the recording has ended")
    [[_, request]] = server.records("onHTTPRequest")
    assert (request["method"], request["uri"], request["Host"]) == ("GET", "/good", "x")
    assert "requests that are not replayed: 2, the last in line 4" in errors(server, "webserver1")[1]


# ---------------------------------------- patchcord replay


def test_the_command_prints_a_recording(command, dat_patch, tmp_path):
    path, *_ = recorded_session(dat_patch)
    run = command("replay", path)
    assert run.end() == 0 and run.err == []
    assert run.out[0].startswith("/project1/websocket1 (websocketDAT), ")
    shown = [line.split() for line in run.out[1:]]
    assert [(line[1], line[2]) for line in shown[:4]] == [
        ("out", "open"), ("in", "text"), ("out", "text"), ("in", "binary"),
    ]  # fmt: skip
    assert shown[1][3:] == ["8", "größer"] and shown[3][3:] == ["2", "00", "ff"]
    assert shown[-1][1:] == ["in", "close", "4001", "show", "is", "over"]


def test_the_command_says_what_is_wrong_and_in_which_line(command, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(texts("good") + "oops\n" + json.dumps(entry(9, "text", text="behind")) + '\n{"at":')
    run = command("replay", path)
    assert run.end() == 3
    assert run.err == [
        f"warning: {path}:4: broken: expected value at column 1",
        f"warning: {path}:6: the recording was cut off here",
        "error: line of the recording could not be understood",
    ]
    assert run.out[-1].endswith("behind")
    for name, message in [("missing.jsonl", "there is no file"), (".", "is no file")]:
        run = command("replay", tmp_path / name)
        assert run.end() == 3
        assert message in run.err[0]
    assert command("replay").end() == 2


def test_a_reader_that_has_seen_enough_ends_the_command(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(texts(*("x" * 100 for _ in range(20_000))))
    run = subprocess.run(
        ["sh", "-c", f"{program()} replay {path} --full | head -n 3"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PATCHCORD_PYTHON": PYTHON},
    )
    assert len(run.stdout.splitlines()) == 3 and run.stderr == ""
