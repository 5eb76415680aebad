"""Logic graphs that are saved while they run: what stays, what is new, and what wrong texts do."""

import pytest

from logic_graphs import (
    GO,
    event,
    graph,
    graph_of,
    init,
    listener,
    node,
    parameter,
    run_graphs,
    say,
    says,
    setter,
    variable,
)
from running import eventually


@pytest.fixture(scope="module")
def program(request, tmp_path_factory):
    yield from run_graphs(request.module, tmp_path_factory.mktemp("edits"))


class Edited:
    """A graph under test and its text."""

    def __init__(self, graph, text):
        self.graph, self.text = graph, text
        self.edition = 0

    def save(self, *parts):
        """Saves other text, and returns when it runs: a variable tells."""
        self.text = "\n".join(parts)
        self.edition += 1
        self.graph.write(self.text + "\n" + variable("edition", "Int", self.edition))
        eventually(self.is_live, what="the saved graph")

    def is_live(self):
        # Until then the graph may have no such variable.
        script = f"graph = op({self.graph.name!r})\ntry: result = graph.variable('edition')\nexcept KeyError: result = None\n"
        return self.graph.program.do(script) == self.edition

    def replace(self, old, new):
        assert old in self.text
        self.save(self.text.replace(old, new))


@pytest.fixture
def logic(request, program):
    return graph_of(request, program)


@pytest.fixture
def edited(request, logic):
    return Edited(logic, request.function.graph)


COUNT = (
    GO
    + node("start", "Increment", wires={"input": "var.n"}, next="keep")
    + setter("keep", "n", wires={"value": "start.output"}, next="told")
)


@graph(init("begun"), say("begun"), variable("n", "Int", 5), COUNT, say("told"))
def test_variables_keep_their_values_and_on_initialize_does_not_run_again(edited, logic):
    logic.trigger("go")
    eventually(lambda: logic.variable("n") == 6)
    edited.replace('set.value = "told"', 'set.value = "told anew"')
    assert logic.variable("n") == 6
    logic.trigger("go")
    logic.expect("told", "told anew")
    assert logic.variable("n") == 7
    # Another initial value is meant.
    edited.replace("initial = 5", "initial = 50")
    assert logic.variable("n") == 50
    edited.save(variable("n", "String", "now a text"), init("begun"), say("begun"))
    assert logic.variable("n") == "now a text"
    edited.save(init("begun"), say("begun"))
    refused = (
        f"try:\n    result = op({logic.name!r}).variable('n')\nexcept Exception as error:\n    result = str(error)\n"
    )
    assert "n" in logic.program.do(refused)
    assert "begun" not in logic.said()


@graph(
    GO,
    node("start", "Add", input_1=1, input_2=2, next="flip"),
    node("flip", "Toggle", next="told"),
    say("told"),
    event("look"),
    listener("look", "sum_text"),
    says("sum", "start.output", "Int", next="flip_told_text"),
    says("flip_told", "flip.is_on", "Bool"),
)
def test_nodes_keep_what_they_computed(edited, logic):
    logic.trigger("go")
    logic.expect("told")
    edited.replace("set.input_2 = 2", "set.input_2 = 20")
    logic.trigger("look")
    logic.expect("told", "3", "true")
    logic.trigger("go")
    logic.trigger("look")
    logic.expect("told", "3", "true", "told", "21", "false")


WAITS = [
    GO,
    node(
        "start", "Start Timeout", timeout_start_sec=300.0, next="over", on={"on_start": "began", "on_cancel": "ended"}
    ),
    say("began"),
    say("over"),
    say("ended"),
    event("stop"),
    listener("stop", "cancel"),
    node("cancel", "Cancel Timeout", wires={"instance_id": "start.instance_id"}),
]


@graph(*WAITS)
def test_a_running_time_out_is_kept(edited, logic):
    logic.trigger("go")
    logic.expect("began")
    edited.replace('set.value = "ended"', 'set.value = "ended anew"')
    logic.trigger("stop")
    logic.expect("began", "ended anew")


@graph(
    GO,
    node("start", "Start Interval", timeout_sec=0.05, next="tick", on={"on_start": "began", "on_reset": "ended"}),
    say("began"),
    say("tick"),
    say("ended"),
    event("stop"),
    listener("stop", "reset"),
    node("reset", "Reset Interval", wires={"instance_id": "start.instance_id"}),
)
def test_a_running_interval_is_kept(edited, logic):
    logic.trigger("go")
    eventually(lambda: "tick" in logic.said())
    edited.replace('set.value = "tick"', 'set.value = "tock"')
    eventually(lambda: logic.said().count("tock") >= 3)
    assert logic.said().count("began") == 1
    logic.trigger("stop")
    eventually(lambda: "ended" in logic.said())
    logic.program.fence()
    assert logic.said()[-1] == "ended"


@graph(
    event("go"),
    listener("go", "gone", "gone_go"),
    node("gone", "Start Timeout", timeout_start_sec=2.5, next="late"),
    listener("go", "stays", "stays_go"),
    node("stays", "Start Timeout", timeout_start_sec=2.6, next="over"),
    say("late"),
    say("over"),
)
def test_a_time_out_whose_node_goes_never_fires(edited, logic):
    logic.trigger("go")
    edited.save(
        event("go"),
        listener("go", "stays", "stays_go"),
        node("stays", "Start Timeout", timeout_start_sec=2.6, next="over"),
        node("gone", "Toggle", next="late"),
        listener("go", "gone", "gone_go"),
        say("late"),
        say("over"),
    )
    logic.expect("over")


@graph(
    f"[function.wait]\nparams = [{parameter('text', 'String')}]\nresults = [{parameter('text', 'String')}]\n",
    node("in", "Function Input", next="delay", inside="wait"),
    node("delay", "Start Timeout", timeout_start_sec=0.5, next="out", inside="wait"),
    node("out", "Function Output", wires={"text": "in.text"}, inside="wait"),
    GO,
    node("start", "Function", function="wait", text="given", next="behind"),
    says("behind", "start.text", next="edition"),
    say("edition", value="before"),
)
def test_a_function_that_waits_comes_back_to_the_saved_graph(edited, logic):
    logic.trigger("go")
    edited.replace('"before"', '"after"')
    logic.expect("given", "after")


@graph(event("go"), listener("go", "a", "go_a"), listener("go", "b", "go_b"), say("a"), say("b"))
def test_listeners_take_the_new_order(edited, logic):
    logic.trigger("go")
    logic.expect("a", "b")
    edited.save(event("go"), listener("go", "b", "go_b"), listener("go", "a", "go_a"), say("a"), say("b"))
    logic.trigger("go")
    logic.expect("a", "b", "b", "a")


@graph(GO, say("start"))
def test_a_file_that_was_emptied_leaves_the_last_good_one(edited, logic, program):
    """As an editor leaves it between the two halves of a save, or a full disk for good."""
    start = len(program.lines)
    program.write(f"{logic.name}.logic.toml", "\n")
    program.expect_line(rf"{logic.name}\] warning: there is nothing in the text; the last good graph goes on", start=start)
    logic.trigger("go")
    logic.expect("start")


WRONG = {
    "syntax": ('[node.start]\ntype = "Console\n', 2),
    "unknown": (GO + '[node.start]\ntype = "Consol"\n', 7),
    "no_wire": (GO + node("start", "Console", next="nobody"), 8),
    "no_text": (b'[node.start]\ntype = "gr\xfcn"\n', 2),
    "deep": ("x = " + "[" * 100_000, 1),
}


@graph(GO, say("start"), variable("n", "Int", 1))
def test_a_wrong_graph_leaves_the_last_good_one(edited, logic, program):
    for number, (name, (text, line)) in enumerate(WRONG.items(), 1):
        start = len(program.lines)
        program.write(f"{logic.name}.logic.toml", text)
        program.expect_line(rf"{logic.name}\] (error|warning): .*(line {line}, column|UTF-8)", start=start)
        logic.trigger("go")
        eventually(lambda: logic.said().count("start") == number, what=f"the good graph after {name}")  # noqa: B023
    edited.replace('set.value = "start"', 'set.value = "mended"')
    logic.trigger("go")
    eventually(lambda: logic.said()[-1] == "mended")


@graph(GO, say("start"))
def test_a_file_that_goes_leaves_the_graph(edited, logic, program):
    file = program.folder / f"{logic.name}.logic.toml"
    file.unlink()
    program.expect_line(rf"{logic.name}")
    logic.trigger("go")
    eventually(lambda: "start" in logic.said())
    edited.replace('set.value = "start"', 'set.value = "back"')
    logic.trigger("go")
    eventually(lambda: logic.said()[-1] == "back")


@graph(GO, say("start"))
def test_many_saves_in_a_row_end_with_the_last(edited, logic, program):
    for number in range(30):
        logic.write(GO + say("start", value=f"text {number}"))
    edited.save(GO, say("start", value="the last"))
    logic.trigger("go")
    eventually(lambda: "the last" in logic.said())


@graph(GO, say("start"), variable("n", "Int", 1), setter("set", "n", value=2), listener("go", "set", "go_set"))
def test_an_edit_of_the_patch_leaves_graphs_alone(logic, program):
    logic.trigger("go")
    eventually(lambda: logic.variable("n") == 2)
    program.more += '\n[op.fresh]\ntype = "textDAT"\ntext = "x"\n'
    program.write_patch()
    eventually(lambda: program.do("result = op('fresh') is not None"))
    assert logic.variable("n") == 2
    program.more += '\n[op.wrong]\ntype = "logicCOMP"\nfile = "nobody.logic.toml"\n[op.bad]\ntype = "textDATT"\n'
    program.write_patch()
    program.expect_line("textDATT")
    logic.trigger("go")
    eventually(lambda: logic.said().count("start") == 2)
    program.more = ""
    program.write_patch()


@graph(GO, say("start"))
def test_a_text_of_ten_thousand_nodes_is_live_soon(edited, logic):
    chain = "\n".join(node(f"n{number}", "Toggle", next=f"n{number + 1}") for number in range(10_000))
    edited.save(event("go"), listener("go", "n0"), chain, say("n10000", value="through"))
    logic.trigger("go")
    eventually(lambda: "through" in logic.said(), timeout=20)
    edited.save(GO, say("start"))
