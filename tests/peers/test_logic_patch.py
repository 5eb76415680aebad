"""Logic graphs and the patch around them: nodes of the group Patch, scripts, files, the console, the trace."""

import json
import re

import pytest

from logic_cases import Case, Of, Table
from logic_graphs import GO, LINE, Graphs, event, graph, graph_of, init, listener, node, run_graphs, say, says, variable
from running import eventually

PATCH = """
[op.notes]
type = "textDAT"
text = "grün 𝄞"

[op.blank]
type = "textDAT"

[op.list]
type = "tableDAT"
rows = [["name", "age"], ["anna", "5"], ["bo", ""]]

[op.base]
type = "baseCOMP"

[op."base/inner"]
type = "textDAT"
text = "within"

[op.figures]
type = "infoCHOP"
par.op = "webserver1"
"""


def read(operator, parameter, kind, value, says=None):
    inputs = {"operator": operator, "parameter": parameter}
    outputs = {} if says else {"value": Of(kind, value)}
    return Case("Get Parameter", {"data_type": kind}, inputs, outputs, says=says)


def write(operator, parameter, kind, value, says=None):
    inputs = {"operator": operator, "parameter": parameter, "value": Of(kind, value)}
    return Case("Set Parameter", {"data_type": kind}, inputs, says=says)


def cell(row, column, text, says=None):
    inputs = {"operator": "../list", "row": row, "column": column}
    return Case("Get Cell", {}, inputs, {} if says else {"text": text}, says=says)


def set_cell(row, column, text, says=None):
    return Case("Set Cell", {}, {"operator": "../list", "row": row, "column": column, "text": text}, says=says)


def text(operator, value, says=None):
    return Case("Get Text", {}, {"operator": operator}, {} if says else {"text": value}, says=says)


ROWS = [["name", "age"], ["anna", "5"], ["bo", ""]]
NOBODY = "nobody"
# Cases run in this order, each twice: with its inputs by wire, and as literals.
TABLE = Table(
    [
        text("../notes", "grün 𝄞"),
        text("/project1/notes", "grün 𝄞"),
        text("../base/inner", "within"),
        text("../blank", ""),
        text("../list", "name\tage\nanna\t5\nbo\t\n"),
        text("nobody", None, says=NOBODY),
        text("notes", None, says=r'there is "\.\./notes"'),
        text("", None, says="(?i)operator"),
        text("../base", None, says="base"),
        Case("Set Text", {}, {"operator": "../base", "text": "x"}, says="base"),
        Case("Set Text", {}, {"operator": "../blank", "text": "日本\nzwei"}),
        text("../blank", "日本\nzwei"),
        Case("Set Text", {}, {"operator": "../blank", "text": ""}),
        text("../blank", ""),
        Case("Set Text", {}, {"operator": "nobody", "text": "x"}, says=NOBODY),
        Case("Set Text", {"operator": "../blank", "text": "by attribute"}),
        text("../blank", "by attribute"),
        Case("Get Table", {}, {"operator": "../list"}, {"rows": ROWS}),
        Case("Get Table", {}, {"operator": "nobody"}, says=NOBODY),
        cell(1, 1, "5"),
        cell("anna", "age", "5"),
        cell("bo", 0, "bo"),
        cell(2, "age", ""),
        cell(7, 0, None, says="(?i)row|cell"),
        cell(0, 7, None, says="(?i)column|cell"),
        cell(-1, 0, "bo"),
        cell(-9, 0, None, says="(?i)row|cell"),
        cell("carl", "age", None, says="carl"),
        cell("anna", "size", None, says="size"),
        cell([1], 0, None, says="(?i)row"),
        set_cell("bo", "age", "8"),
        cell("bo", "age", "8"),
        set_cell("bo", "age", ""),
        set_cell(9, 9, "x", says="(?i)row|cell"),
        set_cell("carl", "age", "x", says="carl"),
        read("../webserver1", "active", "Bool", False),
        read("../webserver1", "callbacks", "String", "webserver1_callbacks"),
        read("../control", "active", "Any", True),
        read("../webserver1", "nothing", "String", None, says="nothing"),
        read("nobody", "active", "Bool", None, says=NOBODY),
        read("../webserver1", "callbacks", "Int", None, says="(?i)int"),
        write("../webserver1", "port", "Int", 9123),
        read("../webserver1", "port", "Int", 9123),
        read("../webserver1", "port", "String", "9123"),
        write("../figures", "op", "String", "control"),
        read("../figures", "op", "String", "control"),
        write("../webserver1", "nothing", "Int", 5, says="nothing"),
        write("nobody", "port", "Int", 5, says=NOBODY),
        write("../webserver1", "port", "String", "many", says="(?i)port"),
        Case("Pulse Parameter", {}, {"operator": "nobody", "parameter": "x"}, says=NOBODY),
        Case("Pulse Parameter", {}, {"operator": "../notes", "parameter": "nothing"}, says="nothing"),
        Case("Get Channel", {}, {"operator": "../figures", "channel": "errors"}, {"value": 0.0}),
        Case("Get Channel", {}, {"operator": "../figures", "channel": "nothing"}, says="nothing"),
        Case("Get Channel", {}, {"operator": "../notes", "channel": "errors"}, says="(?i)chop|channel"),
        Case("Get Channel", {}, {"operator": "nobody", "channel": "errors"}, says=NOBODY),
        Case("Append Row", {}, {"operator": "nobody", "cells": ["x"]}, says=NOBODY),
        Case("Append Row", {}, {"operator": "../notes", "cells": ["x"]}, says="(?i)table"),
    ]
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return TABLE.run(tmp_path_factory.mktemp("nodes"), more=PATCH)


@pytest.mark.parametrize("name", TABLE.cases, ids=TABLE.ids())
def test_node(outcomes, name):
    TABLE.check(name, outcomes[name])


# ---- graphs beside scripts

SECOND = {
    "loaded.txt": "grün\nzwei 𝄞\n",
    "empty.txt": "",
    "latin.txt": b"gr\xfcn",
    "kept.txt": "old",
    "sub/deep.txt": "x",
}


@pytest.fixture(scope="module")
def program(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("patch")
    yield from run_graphs(request.module, folder, more=PATCH, files=SECOND)


@pytest.fixture
def logic(request, program):
    return graph_of(request, program)


@graph(
    GO,
    node("start", "Append Row", operator="../list", cells=["carl", 7, 1.5, True], next="done"),
    say("done"),
)
def test_a_row_is_appended_and_callbacks_see_it(logic, program):
    logic.trigger("go")
    logic.expect("done")
    rows = program.do("result = [[cell.val for cell in row] for row in op('list').rows()]")
    assert rows[0][:2] == ["name", "age"]
    assert rows[-1] == ["carl", "7", "1.5", "true"]


@graph(init("begun"), say("begun"), variable("n", "Int", 3))
def test_restart_is_a_button_that_graphs_press(logic, program):
    other = program.graph("test_a_graph_presses_buttons_of_others")
    other.trigger("go")
    logic.expect("begun")


@graph(
    GO,
    node("start", "Pulse Parameter", operator="../test_restart_is_a_button_that_graphs_press", parameter="restart"),
)
def test_a_graph_presses_buttons_of_others(logic, program):
    other = program.graph("test_restart_is_a_button_that_graphs_press")
    logic.trigger("go")
    other.expect("begun")


@graph(
    event("tell", ("text", "String"), ("number", "Int"), ("list", "Array"), ("share", "Float")),
    listener("tell", "show"),
    node(
        "show",
        "Format",
        default_pattern="%s %d %.2f",
        parameters=["String", "Int", "Float"],
        wires={"parameter_1": "tell.text", "parameter_2": "tell.number", "parameter_3": "tell.share"},
        next="said",
    ),
    says("said", "show.formatted", next="list_text"),
    says("list", "tell.list", "Array"),
)
def test_scripts_trigger_events_with_values(logic, program):
    logic.trigger("tell", "grün 𝄞", 5, [1, "a", [True, {"b": None}]], 0.5)
    logic.expect("grün 𝄞 5 0.50", '[1,"a",[true,{"b":null}]]')
    logic.trigger("tell")
    eventually(lambda: logic.said()[2:] == [" 0 0.00", "[]"])


@graph(event("tell", ("number", "Int"), ("any", "Any")), listener("tell", "said"), say("said"))
def test_what_scripts_cannot_trigger_is_their_error(logic, program):
    def refused(call):
        script = f"try:\n    {call}\n    result = ''\nexcept Exception as error:\n    result = str(error)\n"
        return program.do(f"graph = op({logic.name!r})\n{script}")

    assert "nobody" in refused("graph.trigger('nobody')")
    assert "number" in refused("graph.trigger('tell', 'five')")
    assert "number" in refused("graph.trigger('tell', 2**31)")
    assert "number" in refused("graph.trigger('tell', float('nan'))")
    assert "number" in refused("graph.trigger('tell', [1])")
    assert "2" in refused("graph.trigger('tell', 1, 2, 3)")
    assert refused("graph.trigger('tell', 1, '\\ud800')")
    assert refused("deep = []\n    for _ in range(100_000): deep = [deep]\n    graph.trigger('tell', 1, deep)")
    assert refused("round = []\n    round.append(round)\n    graph.trigger('tell', 1, round)")
    assert "parameter 2" in refused("graph.trigger('tell', 1, object())")
    assert "parameter 2" in refused("graph.trigger('tell', 1, [op('notes')])")
    assert refused("graph.trigger(5)")
    assert "nobody" in refused("graph.variable('nobody')")
    program.fence()
    assert logic.said() == []
    assert refused("graph.trigger('tell', 2**31 - 1)") == ""
    logic.expect("said")


# ---- files


@graph(
    *(
        part
        for name, file in [
            ("text", "loaded.txt"),
            ("empty", "empty.txt"),
            ("deep", "sub/deep.txt"),
            ("nobody", "nobody.txt"),
            ("latin", "latin.txt"),
            ("folder", "sub"),
        ]
        for part in (
            listener("go", name, f"{name}_go"),
            node(name, "Load File", file=file, next=f"{name}_json", on={"on_error": f"{name}_failed"}),
            node(f"{name}_json", "JSON Stringify", wires={"input": f"{name}.content"}, next=f"{name}_said"),
            says(f"{name}_said", f"{name}_json.output"),
            say(f"{name}_failed"),
        )
    ),
    event("go"),
)
def test_load_file(logic, program):
    logic.trigger("go")
    eventually(lambda: len(logic.said()) == 6)
    said = logic.said()
    assert {json.dumps(text, ensure_ascii=False) for text in ("grün\nzwei 𝄞\n", "", "x")} < set(said)
    for name in ("nobody", "latin", "folder"):
        assert f"{name}_failed" in said
        assert program.find_line(rf"{logic.name}.* {name}: ")


@graph(
    *(
        part
        for name, options in [
            ("new", {"file_s_local_path": "new.txt"}),
            ("over", {"file_s_local_path": "loaded_too.txt"}),
            ("kept", {"file_s_local_path": "kept.txt", "overwrite_file_if_exists": False}),
            ("nowhere", {"file_s_local_path": "no/such/folder.txt"}),
        ]
        for part in (
            listener("go", name, f"{name}_go"),
            node(
                name,
                "Save File",
                content="grün 𝄞\n",
                next=f"{name}_done",
                on={"on_error": f"{name}_failed"},
                **options,
            ),
            say(f"{name}_done"),
            say(f"{name}_failed"),
        )
    ),
    event("go"),
)
def test_save_file(logic, program):
    program.write("loaded_too.txt", "much longer than what takes its place")
    logic.trigger("go")
    eventually(lambda: len(logic.said()) == 4)
    assert (program.folder / "new.txt").read_bytes() == "grün 𝄞\n".encode()
    assert (program.folder / "loaded_too.txt").read_bytes() == "grün 𝄞\n".encode()
    assert (program.folder / "kept.txt").read_text() == "old"
    said = logic.said()
    assert {"new_done", "over_done", "kept_failed"} < set(said)


# ---- the console

SHOWN = [
    ("String", "grün 𝄞", "grün 𝄞"),
    ("Int", -5, "-5"),
    ("Float", 2.5, "2.5"),
    ("Bool", True, "true"),
    ("Byte", 7, "7"),
    ("Array", [1, "a"], '[1,"a"]'),
    ("Dictionary", {"a": True}, '{"a":true}'),
]


@graph(
    event("go"),
    *(
        listener("go", f"c{number}", f"go{number}") + node(f"c{number}", "Console", data_type=kind, value=value)
        for number, (kind, value, _) in enumerate(SHOWN)
    ),
    listener("go", "hello", "hello_go"),
    node("hello", "Console", next="passed_on"),
    says("passed_on", "hello.output"),
)
def test_the_console_prints_every_type_and_passes_it_on(logic):
    logic.trigger("go")
    logic.expect(*(text for _, _, text in SHOWN), "Hello World!", "Hello World!")


@graph(
    GO,
    node("start", "Console", type="Debug", value="one", next="b"),
    node("b", "Console", type="Info", value="two", next="c"),
    node("c", "Console", type="Warning", value="three", next="d"),
    node("d", "Console", type="Error", value="four", next="clear"),
    node("clear", "Clear Console", next="e"),
    say("e"),
)
def test_warnings_and_errors_of_the_console_are_those_of_the_graph(logic, program):
    logic.trigger("go")
    logic.expect_line("e")
    path = rf"\[/project1/{logic.name}\]"
    shape = r"\[Player\] \[\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d\.\d{3}\]"
    for kind, text in (("warning: ", "c: three"), ("error: ", "d: four"), ("(?:info: )?", "b: two")):
        program.expect_line(rf"^{path} {kind}{shape} {text}$")
    assert program.find_line(rf"^{path} {shape} start: one$")
    assert LINE.match(program.find_line(r"start: one"))


@graph(
    GO,
    node("start", "Branch", default_value=True, on={"on_true": "seen"}),
    node("seen", "Toggle"),
    event("quiet"),
    listener("quiet", "unseen"),
    node("unseen", "Toggle"),
)
def test_trace_says_every_node_that_is_run(logic, program):
    program.do(f"op({logic.name!r}).par.trace = True")
    logic.trigger("go")
    for what in (r"go \(Event Listener\)", r"start \(Branch\)", r"seen \(Toggle\)"):
        program.expect_line(rf"{logic.name}\].*{what}")
    program.do(f"op({logic.name!r}).par.trace = False")
    logic.trigger("quiet")
    program.fence()
    assert not program.find_line("unseen")


def test_trace_logic_traces_every_graph(tmp_path):
    graphs = {name: init("here") + node("here", "Toggle") for name in ("one", "two")}
    program = Graphs(tmp_path / "patch", graphs, arguments=["--trace-logic"])
    try:
        for name in graphs:
            program.expect_line(rf"\[/project1/{name}\] .*init \(On Initialize\)")
            program.expect_line(rf"\[/project1/{name}\] .*here \(Toggle\)")
    finally:
        program.close()


def test_options_are_pairs(command, tmp_path):
    (tmp_path / "patch.toml").write_text("[patch]\nformat = 1\n")
    for wrong in ("seat", "=5", ""):
        run = command("run", tmp_path, "--option", wrong)
        assert run.end() == 2
        assert run.find_line("(?i)option")


@graph(variable("n", "Int", 5), variable("ü", "String", "x"), event("go"), listener("go", "t"), node("t", "Toggle"))
def test_info_channels_of_a_graph(logic, program):
    logic.trigger("go")
    program.do(f"op('figures').par.op = op({logic.name!r})")
    eventually(lambda: program.do("result = op('figures')['nodes'].eval()") == 2)
    assert program.do("result = op('figures')['events'].eval()") >= 1
    assert program.do("result = op('figures')['dropped'].eval()") == 0
    assert logic.variable("ü") == "x"
    assert re.search("nodes", program.do("result = ' '.join(c.name for c in op('figures').chans())"))
