"""Recordings of a SocketIO DAT: a session with a real server goes into a file, and comes again without the server.

What callbacks hear in a replay is compared with what they heard in the session, values and order.
"""

import json

import pytest

from running import PRELUDE, eventually
from socketio_dats import NOTE_ALL

# Emits when it is let in, and answers what the server asks: in a replay, too.
TALK = (
    NOTE_ALL
    + """
note_open = onOpen

def onOpen(dat, namespace, recovered):
    note_open(dat, namespace, recovered)
    if namespace == '/':
        dat.emit('echo', {'größe': [1, 2.5, None, b'\\x00\\xff']}, 'zwei', ack=True)
        dat.emit('late', 20, ack=lambda *answer: log(dat.name, 'late', *answer))
        dat.emit('mute', ack=True)
        dat.emit('ask', 'how?')

note_event = onReceiveEvent

def onReceiveEvent(dat, *rest):
    note_event(dat, *rest)
    if rest[2] == 'question':
        return 'so', b'\\x01'
"""
)
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def replay(io):
    """Plays a recording to the end, at once unless it is said how fast."""

    def play(path, **options):
        dat = io(NOWHERE, **{"replay": str(path), "replayspeed": 0, **options})
        dat.expect_said(r"the recording has ended|the replay has stopped")
        return dat

    return play


def heard(dat):
    """Calls of callbacks, but for those of attempts to connect, which a replay makes none of."""
    return [record for record in dat.records() if record[0] != "onReconnectAttempt"]


def end_recording(dat):
    """Ends a recording, and waits until it is on the disk."""
    dat.set(record="")
    dat.expect_said(r"^recorded \d+ entr(y|ies) to ")


def entries(path):
    """Entries of a recording: its lines without the first."""
    first, *rest = [json.loads(line) for line in path.read_text().splitlines()]
    assert (first["patchcord_recording"], first["type"]) == (1, "socketioDAT")
    return rest


def write(path, *lines):
    """A recording of these entries."""
    header = {"patchcord_recording": 1, "type": "socketioDAT"}
    path.write_text("".join(json.dumps(line) + "\n" for line in (header, *lines)))
    return path


def entry(kind, direction="in", at=0.0, **fields):
    return {"at": at, "dir": direction, "kind": kind, **fields}


OPENED = (entry("open", "out"), entry("text", text='0{"sid":"a"}', peer="/"))


def test_a_session_comes_again_without_the_server(io, own_server, replay, tmp_path):
    path = tmp_path / "show.jsonl"
    server = own_server("node4")
    columns = {"bytes": True, "eventcolumn": True, "namespacecolumn": True}
    live = io(
        server, callbacks=TALK, record=str(path), delay=60_000, namespaces="/ /admin /deny", **columns
    )
    live.expect_record("late", "late")
    live.expect_record("onReceiveEvent", 2, "how?", "question", "/", None)
    assert server.expect("answer", "/")[2] == ["so", {"bytes": "01"}]
    live.expect_opened("/admin")
    live.expect_record("onConnectError")
    server.emit("/admin", "nothing")
    server.emit("/", "several", 1, None, {"a": "<b>"})
    live.expect_messages("nothing", 1, "/admin")
    live.emit("kick", namespace="/admin")
    live.expect_closed("/admin")
    server.emit("/", "last", "words\n")
    live.expect_messages("last", 1)
    server.close()
    assert live.expect_closed() == (True, "transport close")
    live.expect_record("onAckTimeout")
    end_recording(live)
    # It comes from what was said, and not from a mistake that both share.
    assert [(record[0], record[-1]) for record in live.records("onOpen", "onConnectError", "onClose")] == [
        ("onOpen", False), ("onOpen", False), ("onConnectError", {"code": 42}),
        ("onClose", "io server disconnect"), ("onClose", "transport close"),
    ]  # fmt: skip
    assert [record[1:4] for record in live.records("onAck")] == [
        [1, [{"größe": [1, 2.5, None, {"bytes": "00ff"}]}, "zwei"], "echo"]
    ]

    again = replay(path, callbacks=TALK, **columns)
    assert heard(again) == heard(live)
    assert again.rows() == live.rows() and len(again.rows()) == 6
    beginnings = ("connected", "refused", "disconnected", "connection lost")
    said = [line for line in live.said() if line.startswith(beginnings)]
    assert [line for line in again.said() if line in said] == said
    figures = again.info()
    assert (figures["connected"], figures["events_in"], figures["replaying"]) == (0, 5, 0)
    assert figures["events_out"] == live.info()["events_out"] - 1  # a test has emitted `kick`
    assert figures["bytes_out"] == 0


def test_a_recording_has_packets_with_namespace_event_and_attachments(io, own_server, tmp_path):
    path = tmp_path / "show.jsonl"
    server = own_server("node4")
    live = io(server, record=str(path), callbacks=TALK, delay=60_000)
    live.expect_record("late", "late")
    live.expect_record("onReceiveEvent", 2, "how?", "question", "/", None)
    server.expect("answer", "/")
    live.set(active=False)
    end_recording(live)
    lines = entries(path)
    assert all(line["peer"] == "/" for line in lines[1:-1])
    kinds = [(line["dir"], line["kind"], line.get("event")) for line in lines]
    assert kinds[:2] == [("out", "open", None), ("in", "text", None)]
    assert kinds[-1] == ("out", "close", None) and lines[-1]["reason"] == "io client disconnect"
    at = kinds.index(("out", "text", "echo"))
    assert lines[at]["text"] == '51-1["echo",{"größe":[1,2.5,null,{"_placeholder":true,"num":0}]},"zwei"]'
    assert (lines[at + 1]["data"], lines[at + 1]["event"]) == ("AP8=", "echo")
    texts = {(line["dir"], line.get("event")): line["text"] for line in lines if line["kind"] == "text"}
    assert texts["in", "late"] == '32["late"]'
    assert texts["in", "question"] == '20["question","how?"]'
    assert texts["out", "question"] == '61-0["so",{"_placeholder":true,"num":0}]'


def test_a_parser_and_a_version_leave_no_trace_in_a_recording(io, own_server, replay, tmp_path):
    """What MessagePack or version 2 of Socket.IO has carried replays like everything else."""
    for kind, settings, options in (("node4", {"msgpack": True}, {"parser": "msgpack"}), ("node2", {}, {})):
        path = tmp_path / f"{kind}.jsonl"
        server = own_server(kind, **settings)
        live = io(server, record=str(path), callbacks=TALK, delay=60_000, **options)
        live.expect_record("late", "late")
        live.expect_record("onReceiveEvent", 2, "how?", "question", "/", None)
        server.expect("answer", "/")
        server.kill()
        live.expect_closed()
        live.expect_record("onAckTimeout")
        end_recording(live)
        assert heard(replay(path, callbacks=TALK)) == heard(live), kind


def test_refusals_losses_and_returns_come_again(io, own_server, replay, tmp_path):
    path = tmp_path / "show.jsonl"
    server = own_server("node4")
    live = io(server, record=str(path), delay=150, namespaces="/ /token", auth=[("token", "wrong")])
    live.expect_opened()
    live.expect_record("onConnectError", "/token", "wrong token", {"token": "wrong"})
    server.kill()
    assert live.expect_closed()[0]
    # Nobody is there for a while.
    live.expect_record("onReconnectAttempt", 2)
    eventually(lambda: "" in [record[1] for record in live.records("onConnectError")])
    live.fill("auth", [("token", "right")])
    live.set(reconnectrefused=True)
    own_server("node4", server.port)
    live.expect_opened("/token")
    live.expect_opened(count=2)
    live.set(namespaces="/")
    live.expect_closed("/token")
    live.set(active=False)
    live.expect_closed(count=2)
    end_recording(live)
    again = replay(path)
    assert heard(again) == heard(live)
    assert again.records("onReconnectAttempt") == []
    assert again.said().count("left /token") == 1


def test_sessions_that_end_before_anybody_is_let_in_come_again_as_failures(io, own_server, replay, tmp_path):
    path = tmp_path / "show.jsonl"
    server = own_server("node4")
    live = io(server, record=str(path), parser="msgpack")
    live.expect_record("onConnectError", "", "the server closed the connection", None, count=2)
    live.set(active=False)
    end_recording(live)
    again = replay(path)
    assert heard(again) == heard(live)


def test_recovery_and_offsets_come_again(io, own_server, replay, tmp_path):
    path = tmp_path / "show.jsonl"
    server = own_server("node4", recovery=True)
    live = io(server, record=str(path))
    live.expect_opened()
    server.emit("/", "first", 1)
    live.expect_messages("first", 1)
    server.tell("drop")
    live.expect_closed()
    server.emit("/", "missed", 2)
    live.expect_messages("missed", 1)
    assert live.expect_opened(count=2) is True
    live.set(active=False)
    end_recording(live)
    assert [type(record[-1]) for record in live.records("onReceiveEvent")] == [str, str]
    assert heard(replay(path)) == heard(live)


def test_recording_may_begin_while_it_is_connected(io, own_server, replay, tmp_path):
    path = tmp_path / "show.jsonl"
    server = own_server("node4")
    live = io(server, namespaces="/ /admin")
    live.expect_opened("/admin")
    session = live.facts()["session"]
    server.emit("/", "before", 1)
    live.expect_messages("before", 1)
    live.set(record=str(path))
    server.emit("/admin", "during", 2)
    live.expect_messages("during", 1, "/admin")
    end_recording(live)
    server.emit("/", "after", 3)
    live.expect_messages("after", 1)
    assert live.facts()["session"] == session and live.records("onClose") == []
    assert heard(replay(path)) == [
        ["onOpen", "/", False],
        ["onOpen", "/admin", False],
        ["onReceiveEvent", 1, 2, "during", "/admin", None],
        # What is open at its end is closed then.
        ["onClose", False, "/", "io client disconnect"],
        ["onClose", False, "/admin", "io client disconnect"],
    ]


def test_a_recording_that_was_cut_off_is_good_up_to_the_cut(io, own_server, replay, tmp_path):
    path = tmp_path / "show.jsonl"
    server = own_server("node4")
    live = io(server, record=str(path))
    live.expect_opened()
    server.emit("/", "whole", "x")
    live.expect_messages("whole", 1)
    live.emit("echo", b"\x07" * 300)
    live.expect_messages("echo", 1)
    end_recording(live)
    text = path.read_text()
    cut = tmp_path / "cut.jsonl"
    cut.write_text(text[: text.rindex('"data"') + 20])
    again = replay(cut)
    assert [record[2] for record in again.records("onReceiveEvent")] == ["x"]
    assert again.expect_warning(f"cut off in line {len(text.splitlines())}")
    assert again.expect_closed() == (False, "io client disconnect")


def test_an_event_whose_attachments_are_missing_is_left_out_and_the_next_is_not(replay, tmp_path):
    header = '51-["shot",{"_placeholder":true,"num":0}]'
    path = write(
        tmp_path / "gaps.jsonl",
        *OPENED,
        entry("text", text=header, peer="/"),
        {"at": 0, "kind": "lost", "count": 1},
        entry("text", text='2["one"]', peer="/"),
        entry("text", text=header, peer="/"),
        {"at": 0, "kind": "lost", "count": 2},
        entry("binary", data="AA==", peer="/"),
        entry("text", text='2["two"]', peer="/"),
        entry("text", text=header, peer="/"),
        entry("text", text='2["three"]', peer="/"),
        entry("text", text="no packet", peer="/"),
        entry("text", text='2["four"]', peer="/"),
    )
    again = replay(path)
    assert [record[3] for record in again.records("onReceiveEvent")] == ["one", "two", "three", "four"]
    again.expect_said("a message of the recording was left out: the peer sent bytes that belong to no packet")
    again.expect_said("a message of the recording was left out: the peer sent a packet of the unknown type")


def test_answers_of_a_recording_go_to_those_who_ask(replay, tmp_path):
    script = PRELUDE + (
        "def onOpen(dat):\n"
        "    for number in range(3):\n"
        "        heard = lambda *answer, n=number: log(dat.name, 'answer', n, answer)\n"
        "        dat.emit('a' if number < 2 else 'b', ack=heard)\n"
        "def onAckTimeout(dat, request, reason, event): log(dat.name, 'none', reason, event)\n"
        "def onClose(dat): log(dat.name, 'closed')\n"
    )
    path = write(
        tmp_path / "acks.jsonl",
        *OPENED,
        entry("text", text='39["for b"]', peer="/", event="b"),
        entry("text", text='31["for nobody"]', peer="/", event="c"),
        entry("text", text='37[1,2]', peer="/", event="a"),
    )  # fmt: skip
    again = replay(path, callbacks=script)
    assert again.records() == [
        ["answer", 2, ["for b"]], ["answer", 0, [1, 2]], ["closed"], ["none", "disconnected", "a"],
    ]  # fmt: skip
    assert again.info()["acks_pending"] == 0


def test_a_recording_plays_again_on_reset_and_gives_way_to_a_server(io, own_server, replay, tmp_path):
    path = write(tmp_path / "one.jsonl", *OPENED, entry("text", text='2["e",1]', peer="/"))
    dat = replay(path)
    dat.do("dat.par.reset.pulse()")
    dat.expect_said("the recording has ended", count=2)
    assert dat.messages("e") == [1, 1]
    server = own_server("node4")
    dat.set(url=server.url)
    assert dat.info()["connected"] == 0, "the recording stays in the server's place"
    dat.set(replay="")
    server.expect("connect", "/")
    dat.expect_opened(count=3)


@pytest.mark.parametrize(
    "text, error",
    [
        ("", "is empty"),
        ("hello\n", "this is no recording"),
        ('{"patchcord_recording":1,"type":"websocketDAT"}\n', "is a recording of a websocketDAT"),
    ],
)
def test_what_is_no_recording_of_this_operator_is_an_error(replay, tmp_path, text, error):
    path = tmp_path / "show.jsonl"
    path.write_text(text)
    dat = replay(path)
    assert error in dat.errors()
    assert dat.records("onOpen") == []


def test_a_recording_can_be_looked_at(io, own_server, command, tmp_path):
    path = tmp_path / "show.jsonl"
    server = own_server("node4")
    live = io(server, record=str(path))
    live.expect_opened()
    server.emit("/", "cue", {"scene": 3})
    live.expect_messages("cue", 1)
    end_recording(live)
    look = command("replay", path)
    assert look.end() == 0
    look.expect_line(r'in text +20  /  cue  2\["cue",\{"scene":3\}\]$')
