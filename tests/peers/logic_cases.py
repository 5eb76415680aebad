"""Tables of nodes: what a node with these attributes and inputs gives, by which pulse it goes on, what it complains of.

All cases of a module run in one graph. A custom event `go` runs every node, another, `collect`, keeps what its outputs
hold in variables, which a script reads. Inputs come once through wires and once, where a file can say them, as literals.
"""

import ast
import inspect
import re
from dataclasses import dataclass, field

from logic_graphs import Graphs, event, listener, node, variable
from running import eventually


def typed(value):
    """A value with its type, as JSON can carry it; it also runs inside the patch."""
    if isinstance(value, dict):
        return {"Dictionary": {name: typed(each) for name, each in value.items()}}
    if isinstance(value, (list, tuple)):
        return [typed(each) for each in value]
    if isinstance(value, (bytes, bytearray)):
        return {"Binary": bytes(value).hex()}
    return {type(value).__name__: repr(value)}


@dataclass
class Of:
    """A value of a type that Python does not show."""

    type: str
    value: object


@dataclass
class Made:
    """A value that no file can say: a Conversion makes it of another."""

    type: str
    source: object


@dataclass
class Json:
    """A value that a JSON text says, as this type."""

    type: str
    text: str


ANY = object()  # an output that is not looked at


@dataclass
class Case:
    kind: str
    attributes: dict = field(default_factory=dict)
    inputs: dict = field(default_factory=dict)
    outputs: dict = field(default_factory=dict)
    # The node's pulse outputs, and the ones by which the pulse went on.
    pulses: tuple = ("next",)
    way: str | None = None
    # What the console has to say of the node: a pattern.
    says: str | None = None
    literals: bool = True

    @property
    def expected_way(self):
        return self.way if self.way is not None else "" if self.says else self.pulses[0]


def type_of(value):
    if isinstance(value, (Of, Made, Json)):
        return value.type
    for kind, name in ((bool, "Bool"), (int, "Int"), (float, "Float"), (str, "String"), (list, "Array")):
        if isinstance(value, kind):
            return name
    return "Binary" if isinstance(value, bytes) else "Dictionary"


def plain(value):
    return value.value if isinstance(value, Of) else value


def sayable(value):
    return not isinstance(value, (Made, Json, bytes))


class Table:
    """The graph of a list of cases."""

    def __init__(self, cases):
        self.cases = {}
        for number, case in enumerate(cases):
            self.cases[f"c{number}w"] = (case, True)
            literals = case.inputs and case.literals and all(map(sayable, case.inputs.values()))
            if literals:
                self.cases[f"c{number}l"] = (case, False)

    def ids(self):
        """Names of the cases in a report of tests."""
        return [f"{case.kind}-{name}" for name, (case, _) in self.cases.items()]

    def text(self):
        parts = [event("go"), event("collect"), event("end"), variable("done", "Bool")]
        for name, (case, wired) in self.cases.items():
            parts += self._case(name, case, wired)
        parts += [listener("end", "set_done"), node("set_done", "Variable Setter", variable="done", value=True)]
        return "\n".join(parts)

    def _case(self, name, case, wired):
        """The node of a case, what makes its inputs, what notes the way of the pulse, and what keeps its outputs."""
        attributes, wires, before = dict(case.attributes), {}, []
        for number, (socket, value) in enumerate(case.inputs.items()):
            if not wired:
                attributes[socket] = plain(value)
                continue
            if isinstance(value, bytes):
                value = Made("Binary", value.decode())
            source = f"{name}_in{number}"
            if sayable(value):
                yield variable(source, type_of(value), plain(value))
                wires[socket] = f"var.{source}"
                continue
            if isinstance(value, Json):
                yield node(f"{source}_json", "JSON Parse", value=value.text, next=source)
                before.append(f"{source}_json")
                given, wire = "Any", {"input": f"{source}_json.output"}
            else:
                yield variable(f"{source}_of", type_of(value.source), plain(value.source))
                before.append(source)
                given, wire = type_of(value.source), {"input": f"var.{source}_of"}
            yield node(source, "Conversion", input_data_type=given, output_data_type=value.type, wires=wire)
            wires[socket] = f"{source}.output"
        pulses = {pulse: f"{name}_by{number}" for number, pulse in enumerate(case.pulses)}
        # What makes the inputs runs first, a listener each: listeners run in the order of the file.
        for number, each in enumerate(before):
            yield listener("go", each, f"{name}_go_in{number}")
        yield listener("go", name, f"{name}_go")
        yield node(
            name,
            case.kind,
            next=pulses.pop("next", None),
            on=pulses,
            wires=wires,
            **attributes,
        )
        yield variable(f"{name}_way", "String")
        for number, pulse in enumerate(case.pulses):
            by = f"{name}_by{number}"
            yield node(
                by,
                "Concat Strings",
                wires={"input_1": f"var.{name}_way"},
                input_2=f"{pulse} ",
                next=f"{by}_set",
            )
            yield node(f"{by}_set", "Variable Setter", variable=f"{name}_way", wires={"value": f"{by}.output"})
        for number, (socket, value) in enumerate(case.outputs.items()):
            if value is ANY:
                continue
            kept = f"{name}_out{number}"
            yield variable(kept, type_of(value))
            yield listener("collect", f"{kept}_set", f"{kept}_go")
            yield node(f"{kept}_set", "Variable Setter", variable=kept, wires={"value": f"{name}.{socket}"})

    def run(self, folder, **options):
        """Runs all cases: gives {id: (way, {output: value}, [lines about it])}."""
        program = Graphs(folder, {"cases": self.text()}, **options)
        try:
            graph = program.graph("cases")
            for each in ("go", "collect", "end"):
                graph.trigger(each)
            eventually(lambda: graph.variable("done") is True, 20, "the end of all cases")
            names = [f"{name}_way" for name in self.cases]
            for name, (case, _) in self.cases.items():
                names += [f"{name}_out{n}" for n, value in enumerate(case.outputs.values()) if value is not ANY]
            values = program.do(
                inspect.getsource(typed) + f"result = {{name: typed(op('cases').variable(name)) for name in {names!r}}}"
            )
        finally:
            program.close()
        # Errors come by another way than what the fence is about: with the end of the program all has been read.
        return {name: self._outcome(name, values, program.lines) for name in self.cases}

    def _outcome(self, name, values, lines):
        case = self.cases[name][0]
        outputs = {
            socket: values[f"{name}_out{number}"]
            for number, (socket, value) in enumerate(case.outputs.items())
            if value is not ANY
        }
        about = [line for line in lines if re.search(rf"\b{name}(_in\d+)?\b", line)]
        return ast.literal_eval(values[f"{name}_way"]["str"]), outputs, about

    def check(self, name, outcome):
        """Fails unless the outcome is what the case says."""
        case = self.cases[name][0]
        way, outputs, about = outcome
        assert way.split() == case.expected_way.split(), (
            f"went on by {way!r}, not {case.expected_way!r}: {outputs} {about}"
        )
        for socket, value in case.outputs.items():
            if value is not ANY:
                expected = value.source if isinstance(value, Made) else plain(value)
                expected = typed(expected)
                assert outputs[socket] == expected, f"{socket} is {outputs[socket]}, not {expected}: {about}"
        if case.says:
            assert any(re.search(case.says, line) for line in about), f"said {about}, not {case.says!r}"
        else:
            assert not about, f"nothing is wrong, but it said {about}"
