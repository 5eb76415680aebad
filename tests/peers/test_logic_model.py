"""How logic graphs run: the order of branches, events, data, variables, functions, what is switched off, bounds."""

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
    sequential,
    setter,
    trigger,
    variable,
)
from running import eventually


@pytest.fixture(scope="module")
def program(request, tmp_path_factory):
    yield from run_graphs(request.module, tmp_path_factory.mktemp("model"))


@pytest.fixture
def logic(request, program):
    return graph_of(request, program)


# ---- pulses


@graph(
    GO,
    sequential("start", "a", "split", "e"),
    say("a", "b"),
    say("b"),
    sequential("split", "c", "d"),
    say("c"),
    say("d"),
    say("e"),
)
def test_a_branch_ends_before_the_next_begins(logic):
    logic.trigger("go")
    logic.expect("a", "b", "c", "d", "e")


@graph(
    GO,
    sequential("start", "a", "b", "meet"),
    say("a", "meet"),
    say("b", "meet"),
    say("meet"),
)
def test_pulses_meet_at_one_node(logic):
    logic.trigger("go")
    logic.expect("a", "meet", "b", "meet", "meet")


@graph(
    GO,
    sequential("start", "pick.pulse.1", "pick.pulse.2", "pick.pulse.1"),
    node("pick", "Select Data", data_type="String", input_1="left", wires={"input_2": "right.output"}, next="show"),
    node("right", "String Value", value="right"),
    says("show", "pick.output"),
)
def test_select_data_takes_the_value_of_the_pulse_that_came(logic):
    logic.trigger("go")
    logic.expect("left", "right", "left")


@graph(
    GO,
    sequential("start", "bad", "good"),
    node("bad", "JSON Parse", value="{", next="never"),
    say("never"),
    say("good"),
)
def test_an_error_ends_its_branch_alone_and_names_the_node(logic, program):
    logic.trigger("go")
    logic.expect_line("good")
    program.fence()
    assert "never" not in logic.said()
    program.expect_line(r"\bbad\b.*(?i:json)")


@graph(
    GO,
    node("start", "For Loop", last_index=1, next="inner", on={"on_end": "end"}),
    node("inner", "For Loop", first_index=7, last_index=8, next="tell", on={"on_end": "inner_end"}),
    node(
        "tell",
        "Format",
        default_pattern="%d %d",
        parameters=["Int", "Int"],
        wires={"parameter_1": "start.index", "parameter_2": "inner.index"},
        next="show",
    ),
    says("show", "tell.formatted"),
    say("inner_end"),
    say("end"),
)
def test_loops_within_loops(logic):
    logic.trigger("go")
    logic.expect("0 7", "0 8", "inner_end", "1 7", "1 8", "inner_end", "end")


@graph(
    variable("list", "Array", ["a", "b"]),
    GO,
    node(
        "start", "For Each Loop", data_type="String", wires={"array": "var.list"}, next="more", on={"on_end": "count"}
    ),
    node("more", "Push Array Element", data_type="String", value_1="c", wires={"array": "var.list"}, next="keep"),
    setter("keep", "list", "show", wires={"value": "more.array"}),
    says("show", "start.value"),
    node("count", "Length of Array", wires={"array": "var.list"}, next="size_text"),
    says("size", "count.length", "Int"),
)
def test_an_array_that_changes_while_it_is_looped_over(logic):
    logic.trigger("go")
    logic.expect("a", "b", "4")


# ---- events


@graph(
    event("go"),
    listener("go", "z", "z_listens"),
    listener("go", "a", "a_listens"),
    listener("go", "m", "m_listens"),
    say("m"),
    say("a"),
    say("z", "z2"),
    say("z2"),
)
def test_listeners_of_one_event_run_in_the_order_of_the_file(logic):
    logic.trigger("go")
    logic.expect("z", "z2", "a", "m")


@graph(
    node("second", "On Initialize", next="init_a"),
    node("first", "On Initialize", next="init_b"),
    say("init_b"),
    say("init_a"),
)
def test_on_initialize_fires_once_for_each_in_the_order_of_the_file(logic):
    logic.first_line = 0
    eventually(lambda: "init_b" in logic.said())
    assert [line for line in logic.said() if line.startswith("init_")] == ["init_a", "init_b"]


@graph(
    GO,
    event("one"),
    event("two"),
    event("three"),
    sequential("start", "cause_one", "cause_two", "after"),
    trigger("cause_one", "one"),
    trigger("cause_two", "two"),
    trigger("cause_three", "three"),
    say("after"),
    listener("one", "heard_one"),
    say("heard_one", "cause_three"),
    listener("three", "heard_three"),
    say("heard_three"),
    listener("two", "heard_two"),
    say("heard_two"),
)
def test_events_wait_until_the_branch_has_ended_and_then_come_in_order(logic):
    logic.trigger("go")
    logic.expect("after", "heard_one", "heard_two", "heard_three")


@graph(
    event("tell", ("text", "String"), ("count", "Int")),
    listener("tell", "show"),
    node(
        "show",
        "Format",
        default_pattern="%s %d",
        parameters=["String", "Int"],
        wires={"parameter_1": "tell.text", "parameter_2": "tell.count"},
        next="say",
    ),
    says("say", "show.formatted"),
    GO,
    sequential("start", "first", "second"),
    trigger("first", "tell", text="a", count=1),
    trigger("second", "tell", text="b", count=2),
)
def test_each_event_keeps_the_values_that_it_was_triggered_with(logic):
    logic.trigger("go")
    logic.expect("a 1", "b 2")


@graph(
    f"[event.tell]\nparams = [{parameter('text', 'String', 'nothing')}, {parameter('count', 'Int', 5)}]\n",
    listener("tell", "show"),
    node(
        "show",
        "Format",
        default_pattern="%s %d",
        parameters=["String", "Int"],
        wires={"parameter_1": "tell.text", "parameter_2": "tell.count"},
        next="say",
    ),
    says("say", "show.formatted"),
    GO,
    trigger("start", "tell", count=6),
)
def test_a_parameter_that_is_not_given_has_its_default(logic):
    logic.trigger("go")
    logic.expect("nothing 6")


# ---- data


@graph(
    variable("a", "Int", 1),
    GO,
    sequential("start", "show_text", "sum", "show_text", "change", "show_text", "sum", "show_text"),
    node("sum", "Add", input_2=10, wires={"input_1": "var.a"}),
    setter("change", "a", value=5),
    says("show", "sum.output", "Int"),
)
def test_nodes_compute_when_a_pulse_comes_and_keep_what_they_computed(logic, program):
    logic.trigger("go")
    eventually(lambda: len([line for line in logic.said() if line.isdigit()]) == 4)
    program.fence()
    assert [line for line in logic.said() if line.isdigit()] == ["0", "11", "11", "15"]
    logic.trigger("go")
    eventually(lambda: len([line for line in logic.said() if line.isdigit()]) == 8)
    # The node that had not run was said once.
    assert len([line for line in program.lines if logic.name in line and "sum" in line]) == 1


@graph(
    GO,
    sequential("start", "s", "b_text", "n_text", "d_text", "a_text", "w"),
    node("text", "String Value", value="stored"),
    node("bool", "Bool Value", default_value=True),
    node("number", "Numerical Value", data_type="Float", value=2.5),
    node("dictionary", "Dictionary Value", value={"a": 1}),
    node("array", "Array Value", value=[1, "b"]),
    node("wired", "String Value", value="own", wires={"input": "text.output"}),
    says("s", "text.output"),
    says("b", "bool.output", "Bool"),
    says("n", "number.output", "Float"),
    says("d", "dictionary.output", "Dictionary"),
    says("a", "array.output", "Array"),
    says("w", "wired.output"),
)
def test_constants_can_be_read_without_a_pulse(logic):
    logic.trigger("go")
    logic.expect("stored", "true", "2.5", '{"a":1}', '[1,"b"]', "own")


@graph(
    variable("name", "String", "first"),
    GO,
    sequential("start", "a", "set", "b", "c"),
    setter("set", "name", "said", value="second"),
    node("get", "Variable Getter", variable="name"),
    says("a", "get.value"),
    says("said", "set.value"),
    says("b", "get.value"),
    says("c", "var.name"),
)
def test_a_variable_is_read_when_it_is_asked_for(logic):
    logic.trigger("go")
    logic.expect("first", "second", "second", "second")


# ---- variables


@graph(
    variable("n", "Int", 1),
    GO,
    sequential("start", "same", "two", "three", "end"),
    setter("same", "n", value=1),
    setter("two", "n", value=2),
    setter("three", "n", value=3),
    say("end"),
    node("change", "On Variable Change", variable="n", next="changed_text"),
    says("changed", "change.value", "Int"),
    node("set", "On Variable Set", variable="n", next="was_set"),
    say("was_set", "value_text"),
    says("value", "set.value", "Int"),
)
def test_on_set_and_on_change_of_a_variable(logic):
    logic.trigger("go")
    eventually(lambda: logic.said().count("was_set") == 3)
    said = logic.said()
    assert said[0] == "end"
    assert said[1:3] == ["was_set", "1"]
    assert sorted(said[3:]) == sorted(["2", "was_set", "2", "3", "was_set", "3"])
    assert said.index("2") < said.index("3")


@graph(
    variable("n", "Int"),
    variable("f", "Float", 1.5),
    variable("b", "Bool", True),
    variable("s", "String", "grün 𝄞"),
    variable("a", "Array", [1, "x", [True]]),
    variable("d", "Dictionary", {"a": {"b": 1}}),
    variable("v", "Vector2", [1.0, 2.0]),
    variable("y", "Byte", -128),
    variable("any", "Any", 5),
    variable("no", "String"),
    init("set_any"),
    setter("set_any", "any", value=5),
)
def test_scripts_read_variables_of_every_type(logic, program):
    values = {"n": 0, "f": 1.5, "b": True, "s": "grün 𝄞", "a": [1, "x", [True]], "d": {"a": {"b": 1}}}
    values |= {"v": [1.0, 2.0], "y": -128, "any": 5, "no": ""}
    assert {name: logic.variable(name) for name in values} == values
    refused = f"try:\n    op({logic.name!r}).variable('nobody')\nexcept Exception as error:\n    result = str(error)\n"
    assert "nobody" in program.do(refused)


# ---- functions


@graph(
    "[function.twice]\n"
    f"params = [{parameter('text', 'String')}, {parameter('mark', 'String', '!')}]\n"
    f"results = [{parameter('out', 'String')}]\n",
    node("in", "Function Input", next="join", inside="twice"),
    node(
        "join",
        "Concat Strings",
        count=3,
        wires={"input_1": "in.text", "input_2": "in.text", "input_3": "in.mark"},
        next="out",
        inside="twice",
    ),
    node("out", "Function Output", wires={"out": "join.output"}, inside="twice"),
    GO,
    sequential("start", "one", "two", "again"),
    node("one", "Function", function="twice", text="a", next="show_one"),
    says("show_one", "one.out"),
    node("two", "Function", function="twice", mark="?", wires={"text": "one.out"}, next="show_two"),
    says("show_two", "two.out"),
    says("again", "one.out"),
)
def test_functions_take_parameters_and_give_results(logic):
    logic.trigger("go")
    logic.expect("aa!", "aa!aa!?", "aa!")


@graph(
    "[function.f]\n",
    node("in", "Function Input", next="parts", inside="f"),
    node("parts", "Sequential", on={"pulse.1": "before", "pulse.2": "never"}, inside="f"),
    node("before", "Console", value="before", next="out", inside="f"),
    node("out", "Function Output", inside="f"),
    node("never", "Console", value="never", inside="f"),
    GO,
    sequential("start", "call", "end"),
    node("call", "Function", function="f", next="behind"),
    say("behind"),
    say("end"),
)
def test_what_is_left_of_a_function_is_not_run_after_its_output(logic):
    logic.trigger("go")
    logic.expect("before", "behind", "end")


@graph(
    "[function.wait]\n",
    node("in", "Function Input", next="delay", inside="wait"),
    node("delay", "Start Timeout", timeout_start_sec=0.01, next="out", inside="wait"),
    node("out", "Function Output", inside="wait"),
    GO,
    sequential("start", "call", "meanwhile"),
    node("call", "Function", function="wait", next="behind"),
    say("behind"),
    say("meanwhile"),
)
def test_a_function_that_waits_goes_on_later(logic):
    logic.trigger("go")
    logic.expect("meanwhile", "behind")


@graph(
    f"[function.inner]\nparams = [{parameter('n', 'Int')}]\nresults = [{parameter('m', 'Int')}]\n",
    node("in", "Function Input", next="more", inside="inner"),
    node("more", "Increment", wires={"input": "in.n"}, next="out", inside="inner"),
    node("out", "Function Output", wires={"m": "more.output"}, inside="inner"),
    f"[function.outer]\nparams = [{parameter('n', 'Int')}]\nresults = [{parameter('m', 'Int')}]\n",
    node("in", "Function Input", next="one", inside="outer"),
    node("one", "Function", function="inner", wires={"n": "in.n"}, next="two", inside="outer"),
    node("two", "Function", function="inner", wires={"n": "one.m"}, next="out", inside="outer"),
    node("out", "Function Output", wires={"m": "two.m"}, inside="outer"),
    GO,
    node("start", "Function", function="outer", n=40, next="show_text"),
    says("show", "start.m", "Int"),
)
def test_functions_call_functions(logic):
    logic.trigger("go")
    logic.expect("42")


# ---- what is switched off


@graph(
    GO,
    sequential("start", "off", "through", "add"),
    say("off", "behind_off", enabled=False),
    say("behind_off"),
    say("through", "behind_through", pass_through=True),
    say("behind_through"),
    node("add", "Add", input_1=1, input_2=2, pass_through=True, next="sum_text"),
    says("sum", "add.output", "Int"),
    listener("go", "unheard", "deaf").replace("[node.deaf]", "[node.deaf]\nenabled = false"),
    say("unheard"),
)
def test_enabled_and_pulse_pass_through(logic, program):
    logic.trigger("go")
    eventually(lambda: "0" in logic.said())
    program.fence()
    said = [line for line in logic.said() if line in ("off", "behind_off", "through", "behind_through", "unheard", "0")]
    assert said == ["behind_through", "0"]


@graph(
    variable("n", "Int"),
    GO,
    node("start", "Increment", wires={"input": "var.n"}, next="keep"),
    setter("keep", "n", wires={"value": "start.output"}),
    init("hello"),
    say("hello"),
)
def test_a_graph_that_is_not_active_runs_nothing(logic, program):
    logic.trigger("go")
    eventually(lambda: logic.variable("n") == 1)
    program.do(f"op({logic.name!r}).par.active = False")
    program.do(f"try:\n    op({logic.name!r}).trigger('go')\nexcept Exception:\n    pass")
    program.do(f"op({logic.name!r}).par.active = True")
    logic.trigger("go")
    eventually(lambda: logic.variable("n") == 2)
    assert "hello" not in logic.said()
    program.do(f"op({logic.name!r}).par.restart.pulse()")
    eventually(lambda: logic.said() == ["hello"])
    assert logic.variable("n") == 0


# ---- bounds


@graph(
    GO,
    node("start", "Add", input_1=1, next="again"),
    node("again", "Add", input_1=2, next="start"),
    event("alive"),
    listener("alive", "still"),
    say("still"),
)
def test_a_pulse_in_a_circle_is_an_error_and_the_graph_goes_on(logic, program):
    logic.trigger("go")
    program.expect_line(rf"{logic.name}.*(?i:million|1,?000,?000)", timeout=30)
    logic.trigger("alive")
    logic.expect_line("still")


@graph(
    "[function.f]\n",
    node("in", "Function Input", next="again", inside="f"),
    node("again", "Function", function="f", next="out", inside="f"),
    node("out", "Function Output", inside="f"),
    GO,
    node("start", "Function", function="f", next="never"),
    say("never"),
    event("alive"),
    listener("alive", "still"),
    say("still"),
)
def test_a_function_that_calls_itself_for_ever_is_an_error(logic, program):
    logic.trigger("go")
    program.expect_line(rf"{logic.name}.*\b(?:1,?000|call)")
    logic.trigger("alive")
    logic.expect_line("still")
    assert "never" not in logic.said()


@graph(
    f"[function.sum]\nparams = [{parameter('n', 'Int')}]\nresults = [{parameter('m', 'Int')}]\n",
    node("in", "Function Input", next="zero", inside="sum"),
    node("zero", "Is Equal", default_value_b=0, wires={"a": "in.n"}, next="end", inside="sum"),
    node("end", "Branch", wires={"input": "zero.c"}, on={"on_true": "none.pulse.1", "on_false": "less"}, inside="sum"),
    node("less", "Decrement", wires={"input": "in.n"}, next="deeper", inside="sum"),
    node("deeper", "Function", function="sum", wires={"n": "less.output"}, next="plus", inside="sum"),
    node("plus", "Increment", wires={"input": "deeper.m"}, next="none.pulse.2", inside="sum"),
    node("none", "Select Data", input_1=0, wires={"input_2": "plus.output"}, next="out", inside="sum"),
    node("out", "Function Output", wires={"m": "none.output"}, inside="sum"),
    GO,
    node("start", "Function", function="sum", n=500, next="show_text"),
    says("show", "start.m", "Int"),
)
def test_a_function_that_calls_itself_and_ends(logic):
    logic.trigger("go")
    logic.expect("500")


@graph(
    event("go"),
    listener("go", "start"),
    sequential("start", "one", "two"),
    trigger("one", "go"),
    trigger("two", "go"),
)
def test_events_that_cause_more_events_are_bounded(logic, program):
    logic.trigger("go")
    program.expect_line(rf"{logic.name}.*(?i:event|wait|drop)", timeout=20)
    # Everything else is as quick as before.
    assert program.do("result = 1") == 1
    program.do(f"op({logic.name!r}).par.active = False")
    before = program.resident_kib()
    assert program.do("result = 2") == 2
    assert program.resident_kib() - before < 64 * 1024


@graph(
    event("go"),
    listener("go", "again"),
    trigger("again", "go"),
    variable("n", "Int"),
)
def test_an_event_that_triggers_itself_leaves_time_for_everything_else(logic, program):
    logic.trigger("go")
    for number in range(20):
        assert program.do(f"result = {number}") == number
    program.do(f"op({logic.name!r}).par.active = False")
