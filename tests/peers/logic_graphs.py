"""Logic graphs under test: their text, a patch that holds them, and what their consoles said.

A graph is written with `node`, `listener`, `say` and `variable`, each of which gives a table of the file. All graphs of
a test module live in one program, each by the name of its test.
"""

import json
import math
import re

from running import Running, eventually

BARE = re.compile(r"[A-Za-z0-9_-]+")
# A line of the console, behind the graph as Incari's: [Player] [time] node: text.
LINE = re.compile(r"^\[(?P<graph>/[^\]]*)\] \[Player\] \[\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d\.\d{3}\] (?P<node>[^ :]+): (?P<text>.*)$")


def literal(value):
    """A value as TOML writes it on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key_part(key)} = {literal(each)}" for key, each in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def key_part(text):
    return text if BARE.fullmatch(text) else literal(text)


def key(path):
    """The key of a socket: `case.a b` is the case with the value `a b`."""
    return ".".join(map(key_part, path.split(".", 1)))


def node(name, kind, *, next=None, on=None, wires=None, inside=None, enabled=True, pass_through=False, **attributes):
    """A node. Keywords are attributes (`from_` is `from`), `wires` is what `from.` says, `on` what `on.` says, `inside` the
    function that the node is of."""
    lines = [f"[function.{inside}.node.{name}]" if inside else f"[node.{name}]", f"type = {literal(kind)}"]
    lines += [f"set.{key(each.rstrip('_'))} = {literal(value)}" for each, value in attributes.items()]
    lines += [f"from.{key(each)} = {literal(wire)}" for each, wire in (wires or {}).items()]
    if next:
        lines.append(f"next = {literal(next)}")
    lines += [f"on.{key(each)} = {literal(target)}" for each, target in (on or {}).items()]
    if not enabled:
        lines.append("enabled = false")
    if pass_through:
        lines.append("pass_through = true")
    return "\n".join(lines) + "\n"


def init(next):
    return node("init", "On Initialize", next=next)


def listener(event, next, name=None):
    """An Event Listener; its name is that of the event unless there are several."""
    return node(name or event, "Event Listener", event=event, next=next)


def trigger(name, event, **options):
    return node(name, "Event Trigger", event=event, **options)


def say(name, next=None, **options):
    """A Console that says its own name, or what is wired to it."""
    if "wires" not in options:
        options.setdefault("value", name)
    return node(name, "Console", next=next, **options)


def variable(name, kind, initial=None):
    """A variable with its type and, unless it is that of the type, its initial value."""
    return f"[var.{key_part(name)}]\ntype = {literal(kind)}\n" + (
        "" if initial is None else f"initial = {literal(initial)}\n"
    )


def event(name, *params):
    """A custom event; a parameter is (name, type)."""
    return f"[event.{name}]\n" + (f"params = [{', '.join(parameter(*each) for each in params)}]\n" if params else "")


def parameter(name, kind, default=None):
    return literal({"name": name, "type": kind, **({} if default is None else {"default": default})})


def setter(name, of, next=None, **options):
    return node(name, "Variable Setter", variable=of, next=next, **options)


def sequential(name, *branches):
    return node(
        name,
        "Sequential",
        pulse_count=len(branches),
        on={f"pulse.{number}": branch for number, branch in enumerate(branches, 1)},
    )


def text_of(name, kind, wire, next):
    """A Conversion to String, for a Console."""
    return node(name, "Conversion", input_data_type=kind, output_data_type="String", wires={"input": wire}, next=next)


def says(name, wire, kind="String", next=None):
    """A Console that says what this wire brings."""
    if kind == "String":
        return say(name, next, wires={"input": wire})
    return text_of(f"{name}_text", kind, wire, name) + say(name, next, wires={"input": f"{name}_text.output"})


# An event `go` that begins at the node `start`.
GO = event("go") + listener("go", "start")


class Graphs(Running):
    """A program that runs graphs: {name: text}, each as a Logic COMP of this name with a file of its own."""

    def __init__(self, folder, graphs, *, more="", files=None, settings=None, environment=None, arguments=()):
        folder.mkdir(exist_ok=True)
        self.graphs = dict(graphs)
        super().__init__(
            folder,
            parameters={"active": False},
            callbacks="",
            settings=settings or {},
            more=more,
            files={**{f"{name}.logic.toml": text for name, text in graphs.items()}, **(files or {})},
            environment=environment,
            wait=False,
            arguments=arguments,
        )

    def patch_text(self):
        own = "".join(f'\n[op.{name}]\ntype = "logicCOMP"\nfile = "{name}.logic.toml"\n' for name in self.graphs)
        return super().patch_text() + own

    def graph(self, name):
        return Graph(self, name)

    def fence(self):
        """Returns when all that was printed until now has been read."""
        self.records()


class Graph:
    """One graph of a running program: what it says from here on counts."""

    def __init__(self, program, name):
        self.program, self.name = program, name
        self.first_line = len(program.lines)

    def trigger(self, event, *values):
        """Triggers a custom event from a script."""
        given = ", ".join(map(repr, (event, *values)))
        self.program.do(f"op({self.name!r}).trigger({given})")

    def variable(self, name):
        return self.program.do(f"result = op({self.name!r}).variable({name!r})")

    def write(self, text):
        self.program.write(f"{self.name}.logic.toml", text)

    def said(self):
        """What its console says so far."""
        return [found["text"] for found in self._lines()]

    def _lines(self):
        found = map(LINE.match, self.program.lines[self.first_line :])
        return [each for each in found if each and each["graph"].endswith(f"/{self.name}")]

    def expect(self, *texts, timeout=8.0):
        """Waits until the console has said these texts, in this order and nothing else."""
        eventually(lambda: len(self.said()) >= len(texts), timeout, f"{len(texts)} lines of {self.name}")
        self.program.fence()
        assert self.said() == list(texts)

    def expect_line(self, pattern, timeout=8.0):
        """The first text of the console in which the pattern is found."""

        def found():
            return next(((text,) for text in self.said() if re.search(pattern, text)), None)

        return eventually(found, timeout, f"a line of {self.name} that matches {pattern!r}")[0]


def graph(*parts):
    """Gives a test a graph, which runs under the test's name in the program that `run_graphs` starts."""

    def mark(test):
        test.graph = "\n".join(parts)
        return test

    return mark


def run_graphs(module, folder, **options):
    """The program with the graphs of all tests of a module. It has to end with exit code 0."""
    graphs = {
        name: test.graph for name, test in vars(module).items() if name.startswith("test_") and hasattr(test, "graph")
    }
    program = Graphs(folder, graphs, **options)
    # What they do at their beginning is over before the first test looks.
    program.fence()
    try:
        yield program
    finally:
        program.close()


def graph_of(request, program):
    """The graph of the test that asks."""
    request.node.shared_commands = [program]
    return program.graph(request.function.__name__)
