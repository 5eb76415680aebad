"""WebSocket DATs under test, made and taken away in one running program, so that a test costs no start.

Their callbacks note calls as lines `LOG [name of the operator, callback, values…]`.
"""

import json
import re

from running import PRELUDE, Running, eventually

# Every callback notes what it was called with; pings are answered, as in the callbacks that TouchDesigner makes.
NOTE_ALL = (
    PRELUDE
    + """
def onConnect(dat):
    log(dat.name, "onConnect")

def onDisconnect(dat):
    log(dat.name, "onDisconnect")

def onReceiveText(dat, rowIndex, message):
    log(dat.name, "onReceiveText", rowIndex, message)

def onReceiveBinary(dat, contents):
    log(dat.name, "onReceiveBinary", contents)

def onReceivePing(dat, contents):
    log(dat.name, "onReceivePing", contents)
    dat.sendPong(contents)

def onReceivePong(dat, contents):
    log(dat.name, "onReceivePong", contents)

def onMonitorMessage(dat, message):
    log(dat.name, "onMonitorMessage", message)
"""
)

# Only openings and closings are noted, for tests that move much.
NOTE_ENDS = PRELUDE + "".join(
    f"\ndef {name}(dat):\n    log(dat.name, '{name}')\n" for name in ("onConnect", "onDisconnect")
)

# In the shared program: a DAT that shows figures of others, and one with a wire, since scripts cannot lay wires.
SHARED = """
[op.figures]
type = "infoCHOP"

[op.headers]
type = "tableDAT"

[op.wired]
type = "websocketDAT"
in = ["headers"]
"""


class Program(Running):
    """A program that runs WebSocket DATs."""

    def __init__(self, folder, more=SHARED, environment=None, files=None):
        super().__init__(
            folder,
            parameters={"active": False},
            callbacks="",
            settings={},
            more=more,
            files=files or {},
            environment=environment,
            wait=False,
            arguments=(),
        )


class Dat:
    """One WebSocket DAT of a running program."""

    def __init__(self, program, name, callbacks=NOTE_ALL, **parameters):
        self.program, self.name = program, name
        self.first_line, self.first_out = len(program.lines), len(program.out)
        script = f"dat = op({name!r}) or parent().create(websocketDAT, {name!r}, initialize=False)\n"
        if callbacks is not None:
            script += f"script = parent().create(textDAT, {name + '_callbacks'!r})\nscript.text = {callbacks!r}\n"
            script += "dat.par.callbacks = script\n"
        # `active` goes last: what is set before is part of the first attempt.
        ordered = sorted(parameters.items(), key=lambda item: item[0] == "active")
        self.program.do(script.replace("parent()", "op('/project1')") + self._setting(dict(ordered)))

    @staticmethod
    def _setting(parameters):
        return "".join(f"dat.par.{name} = {value!r}\n" for name, value in parameters.items())

    def do(self, script):
        """Runs Python inside the patch; `dat` is this operator. Gives what it left in `result`."""
        return self.program.do(f"dat = op({self.name!r})\n{script}")

    def set(self, **parameters):
        """Sets parameters in one script, in order."""
        self.do(self._setting(parameters))

    def let_go(self):
        """Takes the callbacks away and leaves the operator."""
        self.do(f"dat.par.callbacks = ''\nop({self.name + '_callbacks'!r}).destroy()")
        self.records()  # all that it has noted has been read

    def remove(self):
        self.do(f"if dat: dat.destroy()\nscript = op({self.name + '_callbacks'!r})\nif script: script.destroy()")

    # ---- what has happened

    def records(self, *names):
        """Calls of callbacks until now, all or of these: [callback, values…]."""
        self.program.fences += 1
        fence = f"FENCE {self.program.fences}"
        self.program.do(f"print({fence!r})")
        self.program.expect_line(rf"^{fence}$", start=self.first_line)
        return self._records_read(names)

    def _records_read(self, names):
        mark = f'LOG ["{self.name}", '
        noted = [json.loads(line[4:])[1:] for line in self.program.out[self.first_out :] if line.startswith(mark)]
        return [record for record in noted if not names or record[0] in names]

    def expect_record(self, name, *values, count=1, timeout=8.0):
        """The `count`-th call of this callback, among those with these values if any are given."""

        def found():
            fitting = [
                record for record in self._records_read((name,)) if not values or tuple(record[1:]) == values
            ]
            return fitting[count - 1] if len(fitting) >= count else None

        return eventually(found, timeout, f"{count} × {name} {values or ''} of {self.name}")

    def said(self):
        """Lines of the textport about this operator, without its path."""
        mark = f"[/project1/{self.name}] "
        lines = self.program.lines[self.first_line :]
        return [line[len(mark) :] for line in lines if line.startswith(mark)]

    def expect_said(self, pattern, count=1, timeout=8.0):
        """The `count`-th line of the textport about this operator in which `pattern` is found."""

        def found():
            fitting = [line for line in self.said() if re.search(pattern, line)]
            return fitting[count - 1] if len(fitting) >= count else None

        try:
            return eventually(found, timeout)
        except AssertionError:
            raise AssertionError(f"{count} × {pattern!r} was not said; but was: {self.said()}") from None

    def monitored(self):
        """What onMonitorMessage was told."""
        return [record[1] for record in self.records("onMonitorMessage")]

    # ---- how it stands

    def warnings(self):
        return self.do("result = dat.warnings()")

    def errors(self):
        return self.do("result = dat.errors()")

    def expect_warning(self, pattern, timeout=8.0):
        """The warnings on the operator once `pattern` is found in them."""

        def found():
            text = self.warnings()
            return text if re.search(pattern, text) else None

        try:
            return eventually(found, timeout)
        except AssertionError:
            raise AssertionError(f"no warning {pattern!r}, but: {self.warnings()!r}; said: {self.said()}") from None

    def info(self):
        """Info channels by their names."""
        return self.do(
            "figures = op('figures')\nfigures.par.op = dat\n"
            "result = {channel.name: channel.eval() for channel in figures.chans()}\nfigures.par.op = ''"
        )

    def expect_info(self, timeout=8.0, **wanted):
        """The info channels once these have these values."""
        last = {}

        def found():
            last.update(self.info())
            return all(last[name] == value for name, value in wanted.items()) and last

        try:
            return eventually(found, timeout)
        except AssertionError:
            raise AssertionError(f"info channels never were {wanted}, but {last}; said: {self.said()}") from None

    def rows(self):
        """The table, heading included."""
        return self.do("result = [[cell.val for cell in row] for row in dat.rows()]")

    def expect_connected(self, count=1):
        self.expect_record("onConnect", count=count)

    def expect_disconnected(self, count=1):
        self.expect_record("onDisconnect", count=count)
