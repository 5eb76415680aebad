"""Values in logic graphs have bounds: a graph that makes ever larger ones has errors, and the program lives on."""

import pytest

from logic_graphs import GO, event, graph, graph_of, listener, node, run_graphs, say, setter, variable

# KiB that the program may take for such a graph: its bound for one value, several times.
ROOM = 768 * 1024


@pytest.fixture(scope="module")
def program(request, tmp_path_factory):
    yield from run_graphs(request.module, tmp_path_factory.mktemp("bounds"))


@pytest.fixture
def logic(request, program):
    return graph_of(request, program)


def growing(kind, initial, grow, output, rounds=18, after=""):
    """A loop in which the node `grow` makes a value of the last one, and what is done with it in the end."""
    return [
        variable("value", kind, initial),
        GO,
        node("start", "For Loop", first_index=1, last_index=rounds, next="grow", on={"on_end": "use"}),
        grow,
        setter("keep", "value", wires={"value": f"grow.{output}"}),
        after or node("use", "Toggle"),
        event("alive"),
        listener("alive", "still"),
        say("still"),
    ]


def check_bounded(logic, program, name="grow"):
    """The node is said to be in error, everything else works, and memory comes back."""
    before = program.resident_kib()
    logic.trigger("go")
    program.expect_line(rf"{logic.name}\] error: .* {name}: ", timeout=20)
    logic.trigger("alive")
    logic.expect_line("still")
    assert program.do("result = 1") == 1
    assert program.resident_kib() - before < ROOM
    program.do(f"op({logic.name!r}).par.restart.pulse()")


TWICE = {"input_1": "var.value", "input_2": "var.value"}
TEXT = "x" * 1000


@graph(*growing("String", TEXT, node("grow", "Concat Strings", wires=TWICE, next="keep"), "output"))
def test_a_text_that_doubles(logic, program):
    check_bounded(logic, program)


@graph(
    *growing(
        "String",
        TEXT,
        node("grow", "Replace", wires={"string": "var.value", "to": "var.value"}, from_="x", next="keep"),
        "result",
        rounds=3,
    )
)
def test_a_text_that_is_replaced_by_itself(logic, program):
    check_bounded(logic, program)


@graph(
    *growing(
        "String",
        TEXT,
        node("grow", "ReplaceRegex", wires={"string": "var.value", "to": "var.value"}, from_="x", next="keep"),
        "result",
        rounds=3,
    )
)
def test_a_text_whose_matches_are_replaced_by_itself(logic, program):
    check_bounded(logic, program)


@graph(
    *growing(
        "String",
        TEXT,
        node(
            "grow",
            "Format",
            parameters=["String", "String"],
            default_pattern="%s%s",
            wires={"parameter_1": "var.value", "parameter_2": "var.value"},
            next="keep",
        ),
        "formatted",
    )
)
def test_a_text_that_is_formatted_into_itself(logic, program):
    check_bounded(logic, program)


NEST = node("grow", "Push Array Element", data_type="Array", wires={"value_1": "var.value"}, next="keep")
STRINGIFY = node("use", "JSON Stringify", wires={"input": "var.value"})


@graph(*growing("Array", [], NEST, "array", rounds=200, after=STRINGIFY))
def test_an_array_within_itself(logic, program):
    check_bounded(logic, program)


@graph(
    *growing(
        "Dictionary",
        {},
        node("empty", "Dictionary Value")
        + node(
            "grow",
            "Set Dictionary Element",
            key="k",
            data_type="Dictionary",
            wires={"dictionary": "empty.output", "value": "var.value"},
            next="keep",
        ),
        "dictionary",
        rounds=200,
        after=STRINGIFY,
    )
)
def test_a_dictionary_within_itself(logic, program):
    check_bounded(logic, program)


DOUBLE = node(
    "grow",
    "Push Array Element",
    count=2,
    data_type="Array",
    wires={"value_1": "var.value", "value_2": "var.value"},
    next="keep",
)


@graph(*growing("Array", ["x" * 16_000], DOUBLE, "array", rounds=14))
def test_an_array_that_holds_itself_twice(logic, program):
    check_bounded(logic, program)


LARGE = "y" * 200_000


@graph(
    GO,
    node("many", "Array Value", value=[""] * 1000),
    node("start", "Join", separator=LARGE, wires={"array_of_strings": "many.output"}, next="never"),
    say("never"),
    event("alive"),
    listener("alive", "still"),
    say("still"),
)
def test_a_long_separator(logic, program):
    check_bounded(logic, program, "start")
    assert "never" not in logic.said()
