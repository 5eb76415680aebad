"""SocketIO DATs that meet faulty servers, and what their users have to be told of it."""

import re
from pathlib import Path

from running import eventually
from socketio_dats import NOTE_ALL, SocketIoDat
from websocket_dats import Dat

# What a program of these tests holds beside its DATs.
FIGURES = '[op.figures]\ntype = "infoCHOP"\n\n[op.facts]\ntype = "infoDAT"\n\n'


class FaultDat(SocketIoDat):
    """One SocketIO DAT without inputs, which receives every event and does not come back before it is told to."""

    def __init__(self, program, name, *, callbacks=NOTE_ALL, **parameters):
        given = {"delay": 100, "reconnect": False, "allevents": True, "active": True, **parameters}
        script = f"op('/project1').create(socketioDAT, {name!r}, initialize=False)"
        program.do(script)
        Dat.__init__(self, program, name, callbacks, **given)

    def remove(self):
        Dat.remove(self)

    def received(self):
        """What onReceiveEvent was told: [event, message] each."""
        return [[record[3], record[2]] for record in self.records("onReceiveEvent")]

    def expect_received(self, *wanted, timeout=8.0):
        """These are all events that come: [event, message] each."""
        eventually(lambda: len(self._records_read(("onReceiveEvent",))) >= len(wanted), timeout, f"{len(wanted)} events")
        assert self.received() == [list(each) for each in wanted]


def expect_warning(one, reason, remedy):
    """The operator shows what is wrong, and the textport says beside it what can be done."""
    one.expect_warning(reason)
    one.expect_said(rf"^warning: .*({reason}).*({remedy})")
    assert all("\x1b" not in line for line in one.said()), "a server writes to the terminal"


def expect_at_rest(one):
    """There is no session, and none is planned."""
    one.expect_info(connected=0, next_delay=0, queued=0)
    eventually(lambda: one.facts()["status"] == "closed", what="the end of the session")


def expect_failed(one, reason, remedy):
    """No session could be had: onConnectError, the operator and the textport say why."""
    _, namespace, message, data = one.expect_record("onConnectError")
    assert (namespace, data) == ("", None) and re.search(reason, message), message
    expect_warning(one, reason, remedy)
    one.expect_said(rf"^connection failed: .*({reason})")
    expect_at_rest(one)
    assert one.facts()["error"] == message
    assert one.records("onOpen", "onClose", "onReceiveEvent") == []


def expect_lost(one, name, reason, remedy, namespaces=("/",)):
    """The session has ended against the will of this end: onClose once for each namespace, lines, a warning."""
    for namespace in namespaces:
        assert one.expect_closed(namespace) == (True, name)
        one.expect_said(f"^disconnected {namespace}: {name}$")
    expect_warning(one, reason, remedy)
    one.expect_said(rf"^connection lost: .*({reason})")
    expect_at_rest(one)
    assert one.facts()["reason"] == name
    assert len(one.records("onClose")) == len(namespaces)


def expect_works(one, count=1, namespace="/"):
    """The namespace is open for the `count`-th time, events go and come, and nothing is left of a fault."""
    one.expect_opened(namespace, count)
    before = len(one.messages("echo", namespace))
    one.emit("echo", f"works {count}", namespace=namespace)
    assert one.expect_messages("echo", before + 1, namespace)[-1] == f"works {count}"
    assert one.warnings() == "" == one.errors()


def expect_recovery(one, count=2):
    """Told to reconnect, the operator does, once, and all is well."""
    one.set(reconnect=True)
    one.expect_record("onReconnectAttempt", 1)
    expect_works(one, count)


def expect_reset(one, count=2):
    """Pulsed to, the operator connects anew at once, and all is well: for the many cases of one kind."""
    one.do("dat.par.reset.pulse()")
    expect_works(one, count)


class Peak:
    """The most memory that the program takes from now on, beyond what it has now."""

    def __init__(self, program):
        self.program, self.before = program, program.resident_kib()
        Path(f"/proc/{program.process.pid}/clear_refs").write_text("5")  # the peak begins anew

    def grown_mib(self):
        status = Path(f"/proc/{self.program.process.pid}/status").read_text()
        return (int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) - self.before) / 1024
