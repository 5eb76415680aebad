"""Edits of a SocketIO DAT that is connected, for every parameter: which of them keep the session.

Only another address, parser or recording, switching off and `reset` end one (design rule 8: a change restarts only what
owns the resource). That it is the same session shows the id that the server has given it.
"""

import pytest

from running import eventually
from socketio_dats import NOTE_ALL

# Parameter, and the value that it is given while it is connected; the session goes on.
EDITS = {
    "verifycert": False,
    "delay": 200,
    "callbacks": "other_callbacks",
    "executeloc": "current",
    "fromop": "figures",
    "clamp": False,
    "maxlines": 5,
    "bytes": True,
    "allevents": False,
    "namespaces": "/ /admin",
    "answer": True,
    "eventcolumn": True,
    "namespacecolumn": True,
    "timecolumn": True,
    "transports": "polling",
    "version": "v3",
    "timeout": 1,
    "namespacetimeout": 1,
    "reconnect": False,
    "reconnectlongest": 1.0,
    "reconnectjitter": 0.5,
    "reconnectattempts": 1,
    "reconnectrefused": True,
    "offline": "keep",
    "offlinelimit": 1,
    "acktimeout": 5.0,
    "retries": 1,
    "cafile": "nowhere.pem",
    "clientcert": "nowhere.pem",
    "clientkey": "nowhere.pem",
    "clientkeypassword": "secret",
    "servername": "elsewhere.example",
    "proxy": "http://127.0.0.1:1",
    "compression": True,
    "compressthreshold": 0,
    "compresslevel": 9,
    "compresscontext": True,
    "compresswindow": 9,
    "maxmessage": 1000,
    "maxattachments": 0,
    "maxqueue": 1024,
    "recovery": False,
    "record": "edits.jsonl",
    "replayspeed": 2.0,
    "language": "python",
    "extension": "custom",
    "customext": "py",
    "wordwrap": "on",
}
ENDS = {"active", "reset", "url", "path", "parser", "replay"}
PULSES_THAT_KEEP = {"clear"}
NOT_SETTINGS = {"pageindex", "edit"}


@pytest.fixture
def connected(io, socketio_servers):
    """A DAT with a session of its own on a server of Node, and the id of that session."""

    def start(**parameters):
        server = socketio_servers("node4")
        dat = io(server, **parameters)
        dat.expect_opened()
        session = dat.facts()["session"]
        assert session
        return dat, session, server

    return start


def is_still(dat, session):
    """The session is the same, and events still go both ways."""
    assert dat.ask("echo", "there?") == "there?"
    assert dat.facts()["session"] == session
    assert [record for record in dat.records("onClose") if record[2] == "/"] == []


def test_the_table_of_edits_has_every_parameter(io):
    names = set(io().do("result = [par.name for par in dat.pars()]"))
    assert names - NOT_SETTINGS == set(EDITS) | ENDS | PULSES_THAT_KEEP


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_keeps_the_session(connected, name):
    dat, session, _ = connected()
    value = EDITS[name]
    if name == "callbacks":
        dat.do(f"op('/project1').create(textDAT, 'other_callbacks').text = {NOTE_ALL!r}")
    before = dat.do(f"result = dat.par.{name}.eval()\nresult = getattr(result, 'path', result)")
    dat.set(**{name: value})
    assert dat.do(f"result = dat.par.{name}.eval() == {before!r}") is False, "the edit changes nothing"
    is_still(dat, session)
    dat.set(**{name: "" if before is None else before})
    is_still(dat, session)
    if name == "callbacks":
        dat.do("op('other_callbacks').destroy()")


def test_clear_and_tables_at_the_inputs_keep_the_session(connected):
    dat, session, server = connected(events=["cue"], headers=[("X-Seat", "1")], auth=[("token", "a")])
    server.emit("/", "cue", 1)
    dat.expect_messages("cue", 1)
    dat.do("dat.par.clear.pulse()")
    assert len(dat.rows()) == 1
    for name in ("headers", "query", "auth"):
        dat.fill(name, [("token", "b")])
    dat.fill("events", ["cue", "blackout"])
    server.emit("/", "blackout")
    dat.expect_messages("blackout", 1)
    dat.fill("events", ["blackout"])
    server.emit("/", "cue", 2)
    server.emit("/", "blackout")
    dat.expect_messages("blackout", 2)
    assert dat.messages("cue") == [1]
    is_still(dat, session)


def test_a_namespace_is_joined_and_left_in_the_same_session(connected):
    dat, session, server = connected()
    dat.set(namespaces="/ /admin")
    dat.expect_opened("/admin")
    assert dat.ask("echo", 1, namespace="/admin") == 1
    dat.set(namespaces="/admin")
    assert dat.expect_closed("/") == (False, "io client disconnect")
    assert dat.ask("echo", 2) == 2, "the first of its namespaces is where it emits"
    dat.set(namespaces="/admin /")
    dat.expect_opened("/", count=2)
    assert dat.facts()["session"] == session
    assert [record[2] for record in dat.records("onClose")] == ["/"]


@pytest.mark.parametrize("name", ["url", "path", "parser", "active", "reset", "replay"])
def test_these_end_the_session_and_begin_another(connected, name, tmp_path):
    dat, session, server = connected()
    if name == "reset":
        dat.do("dat.par.reset.pulse()")
    elif name == "active":
        dat.do("dat.par.active = False\ndat.par.active = True")
    elif name == "replay":
        dat.set(replay=str(tmp_path / "missing.jsonl"))
        dat.set(replay="")
    else:
        dat.set(**{name: {"url": f"ws://127.0.0.1:{server.port}", "path": "/socket.io", "parser": "msgpack"}[name]})
    assert dat.expect_closed() == (False, "io client disconnect")
    if name == "parser":
        # This server does not speak it.
        dat.set(parser="json")
    dat.expect_opened(count=2)
    assert dat.facts()["session"] not in ("", session)
    assert dat.ask("echo", "there?") == "there?"
    assert len(dat.records("onClose")) == 1


def test_the_same_address_again_keeps_the_session(connected):
    dat, session, server = connected()
    dat.do(f"dat.par.url = 'http://nowhere.example'\ndat.par.url = {server.url!r}")
    is_still(dat, session)


WIRED = """
[op.socketio1]
type = "socketioDAT"
in = {wires}
par.active = true
par.url = "{url}"
par.maxlines = {maxlines}
par.callbacks = "notes"

[op.notes]
type = "textDAT"
text = '''
def onReceiveEvent(dat, rowIndex, message):
    print('came', message)
'''

[op.events]
type = "tableDAT"
rows = [["cue"]]

[op.facts]
type = "infoDAT"
par.op = "socketio1"
"""


def test_a_saved_patch_with_other_wires_keeps_the_session(patch, socketio_servers):
    server = socketio_servers("node4")
    running = patch(more=WIRED.format(wires="[]", maxlines=10, url=server.url))
    running.expect_line("connected /$")
    session = "result = op('facts')['session', 'value'].val"
    before = running.do(session)
    running.more = running.more.replace("in = []", 'in = ["", "events"]').replace("= 10", "= 20")
    running.write_patch()
    eventually(lambda: running.do("result = len(op('socketio1').inputs)") > 0)
    server.emit("/", "cue", "seven")
    running.expect_line("^came seven$")
    assert running.do(session) == before
    assert "disconnected" not in running.output
