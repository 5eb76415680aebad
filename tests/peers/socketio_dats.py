"""SocketIO DATs under test, in one running program, so that a test costs no start.

Their callbacks note calls as lines `LOG [name of the operator, callback, values…]`. Scripts cannot lay wires, so the
patch holds as many DATs as tests need, each with tables at its inputs; a test takes the next one.
"""

import itertools

from running import PRELUDE, eventually
from websocket_dats import Dat

INPUTS = ("headers", "events", "query", "auth")

# DATs that a program holds: more than there are tests.
POOL = 400

# Every callback notes what it was called with. The last one can be continued.
NOTE_ALL = (
    PRELUDE
    + """
def onOpen(dat, namespace, recovered):
    log(dat.name, "onOpen", namespace, recovered)

def onClose(dat, failure, namespace, reason):
    log(dat.name, "onClose", failure, namespace, reason)

def onConnectError(dat, namespace, message, data):
    log(dat.name, "onConnectError", namespace, message, data)

def onAck(dat, request, message, event, namespace):
    log(dat.name, "onAck", request, message, event, namespace)

def onAckTimeout(dat, request, reason, event, namespace):
    log(dat.name, "onAckTimeout", request, reason, event, namespace)

def onReconnectAttempt(dat, attempt):
    log(dat.name, "onReconnectAttempt", attempt)

def onReceiveEvent(dat, rowIndex, message, event, namespace, offset):
    log(dat.name, "onReceiveEvent", rowIndex, message, event, namespace, offset)
"""
)

# Numbers that come are counted as long as they come in order, for tests that move much.
COUNT = (
    PRELUDE
    + """
following = wrong = 0

def onReceiveEvent(dat, rowIndex, message, event, namespace, offset):
    global following, wrong
    if event != "number":
        log(dat.name, "onReceiveEvent", rowIndex, message, event, namespace, offset)
    elif message == following:
        following += 1
    else:
        wrong += 1

def onOpen(dat, namespace, recovered):
    log(dat.name, "onOpen", namespace, recovered)

def onAck(dat, request, message, event, namespace):
    log(dat.name, "onAck", request, message, event, namespace)
"""
)


def pool():
    """The part of a patch file with all DATs and their tables."""
    figures = '[op.figures]\ntype = "infoCHOP"\n\n[op.facts]\ntype = "infoDAT"\n\n'
    return figures + "".join(_with_tables(number) for number in range(POOL))


def _with_tables(number):
    tables = [f"io{number}_{name}" for name in INPUTS]
    wires = ", ".join(f'"{table}"' for table in tables)
    return f'[op.io{number}]\ntype = "socketioDAT"\nin = [{wires}]\n\n' + "".join(
        f'[op.{table}]\ntype = "tableDAT"\n\n' for table in tables
    )


def told(args):
    """What a callback is told of an event's or an answer's arguments."""
    return None if not args else args[0] if len(args) == 1 else list(args)


class SocketIoDat(Dat):
    """One SocketIO DAT of a running program. `headers`, `events`, `query` and `auth` are the rows of its inputs."""

    NUMBERS = itertools.count()

    def __init__(self, program, callbacks=NOTE_ALL, *, url="", active=True, delay=100, **parameters):
        number = next(self.NUMBERS)
        assert number < POOL, "the pool of SocketIO DATs is empty: raise POOL"
        self.program, self.name = program, f"io{number}"
        for name in INPUTS:
            if (rows := parameters.pop(name, None)) is not None:
                self.fill(name, rows)
        # Without a list of events everything is received.
        if self.do(f"result = op('{self.name}_events').numRows") == 0:
            parameters.setdefault("allevents", True)
        super().__init__(program, self.name, callbacks, url=url, delay=delay, active=active, **parameters)

    def fill(self, name, rows):
        """Gives the table of an input these rows."""
        rows = [[row] if isinstance(row, str) else list(row) for row in rows]
        self.do(f"table = op('{self.name}_{name}')\ntable.clear()\nfor row in {rows!r}: table.appendRow(row)")

    def remove(self):
        super().remove()
        self.program.do("".join(f"op('{self.name}_{name}').destroy()\n" for name in INPUTS))

    # ---- sending

    def emit(self, event, *args, **options):
        """Emits, and gives what `emit` returned."""
        return self.do(f"result = dat.emit({self._call(event, args, options)})")

    def emit_all(self, calls):
        """Emits several events in one script: [event, *args] each."""
        self.do("".join(f"dat.emit({self._call(event, args, {})})\n" for event, *args in calls))

    @staticmethod
    def _call(event, args, options):
        return ", ".join([repr(event), *map(repr, args), *(f"{name}={value!r}" for name, value in options.items())])

    def ask(self, event, *args, **options):
        """Emits with the wish for an answer, and gives it."""
        request = self.emit(event, *args, ack=True, **options)
        assert isinstance(request, int), f"emit returned {request!r}; said: {self.said()}"
        return self.expect_answer(request)

    # ---- what has happened

    def expect_answer(self, request):
        def found():
            return next((record for record in self._records_read(("onAck",)) if record[1] == request), None)

        return eventually(found, what=f"the answer to request {request}")[2]

    def expect_opened(self, namespace="/", count=1, timeout=8.0):
        """Waits until a namespace has opened for the `count`-th time; gives `recovered`."""

        def found():
            fitting = [record for record in self._records_read(("onOpen",)) if record[1] == namespace]
            return fitting[count - 1] if len(fitting) >= count else None

        try:
            return eventually(found, timeout)[2]
        except AssertionError:
            raise AssertionError(f"{namespace} did not open {count} times; said: {self.said()}") from None

    def expect_closed(self, namespace="/", count=1, timeout=8.0):
        """Waits until a namespace has closed for the `count`-th time; gives (failure, reason)."""

        def found():
            fitting = [record for record in self._records_read(("onClose",)) if record[2] == namespace]
            return fitting[count - 1] if len(fitting) >= count else None

        record = eventually(found, timeout, f"{count} × onClose of {namespace}")
        return record[1], record[3]

    def messages(self, event, namespace="/"):
        """The messages of all events of this name until now."""
        return [record[2] for record in self.records("onReceiveEvent") if record[3:5] == [event, namespace]]

    def expect_messages(self, event, count, namespace="/", timeout=8.0):
        """The messages of the events of this name once there are `count`; more is an error."""

        def enough():
            come = [record for record in self._records_read(("onReceiveEvent",)) if record[3:5] == [event, namespace]]
            return len(come) >= count

        eventually(enough, timeout, f"{count} × event {event!r} in {namespace}")
        messages = self.messages(event, namespace)
        assert len(messages) == count, f"{len(messages)} × event {event!r}, expected {count}"
        return messages

    # ---- how it stands

    def facts(self):
        """The rows of an Info DAT as a dictionary."""
        rows = self.do(
            "facts = op('facts')\nfacts.par.op = dat\n"
            "result = [[cell.val for cell in row] for row in facts.rows()]\nfacts.par.op = ''"
        )
        return dict(rows[1:])
