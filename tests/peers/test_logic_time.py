"""Time in logic graphs: time-outs, intervals, the clock, what is random."""

import time

import pytest

from logic_graphs import GO, event, graph, graph_of, listener, node, run_graphs, say, sequential, setter, variable
from running import eventually


@pytest.fixture(scope="module")
def program(request, tmp_path_factory):
    yield from run_graphs(request.module, tmp_path_factory.mktemp("time"))


@pytest.fixture
def logic(request, program):
    return graph_of(request, program)


@graph(
    GO,
    sequential("start", "long", "short", "at_once"),
    node("long", "Start Timeout", timeout_start_sec=0.2, on={"on_start": "long_began"}, next="long_over"),
    node("short", "Start Timeout", timeout_start_sec=0.05, next="short_over"),
    say("long_began"),
    say("long_over"),
    say("short_over"),
    say("at_once"),
)
def test_a_time_out_delays_the_rest_of_its_branch_alone(logic):
    begun = time.monotonic()
    logic.trigger("go")
    logic.expect("long_began", "at_once", "short_over", "long_over")
    assert time.monotonic() - begun >= 0.2


@graph(
    GO,
    node(
        "start", "Start Timeout", timeout_start_sec=300.0, next="over", on={"on_start": "began", "on_cancel": "ended"}
    ),
    say("began"),
    say("over"),
    say("ended"),
    event("stop"),
    listener("stop", "cancel"),
    node("cancel", "Cancel Timeout", wires={"instance_id": "start.instance_id"}, next="asked"),
    say("asked"),
)
def test_a_time_out_is_cancelled_once(logic, program):
    logic.trigger("stop")  # it has not been started: nothing to end
    eventually(lambda: "asked" in logic.said())
    assert "ended" not in logic.said()
    logic.trigger("go")
    eventually(lambda: "began" in logic.said())
    logic.trigger("stop")
    eventually(lambda: "ended" in logic.said())
    logic.trigger("stop")
    eventually(lambda: logic.said().count("asked") == 3)
    program.fence()
    assert logic.said().count("ended") == 1
    assert "over" not in logic.said()


@graph(
    GO,
    node("start", "Start Timeout", wires={"seconds": "var.seconds"}, next="over", on={"on_start": "began"}),
    variable("seconds", "Float", 300.0),
    say("began"),
    say("over"),
    event("soon"),
    listener("soon", "shorter"),
    setter("shorter", "seconds", "start", value=0.01),
)
def test_a_pulse_while_a_time_out_waits_begins_it_anew(logic, program):
    logic.trigger("go")
    logic.trigger("soon")
    eventually(lambda: "over" in logic.said())
    program.fence()
    assert logic.said() == ["began", "began", "over"]


@graph(
    GO,
    node("start", "Start Timeout", timeout_start_sec=0.0, next="over"),
    say("over"),
)
def test_a_time_out_of_no_time_fires(logic):
    logic.trigger("go")
    logic.expect("over")


@graph(
    GO,
    node("start", "Start Timeout", timeout_start_sec=-1.0, next="over"),
    say("over"),
)
def test_a_time_out_of_negative_time_fires(logic):
    logic.trigger("go")
    logic.expect("over")


def bad_times(node_name, attribute):
    values = {"nan": float("nan"), "infinite": float("inf"), "below": float("-inf")}
    parts = [event("go"), event("alive"), listener("alive", "still"), say("still"), say("never")]
    for name, seconds in values.items():
        parts += [listener("go", name, f"{name}_go"), node(name, node_name, next="never", **{attribute: seconds})]
    huge = node("huge", node_name, next="never", **{attribute: 1e300})
    return [*parts, listener("go", "huge", "huge_go"), huge]


@graph(*bad_times("Start Timeout", "timeout_start_sec"))
def test_time_outs_of_impossible_times(logic, program):
    check_bad_times(logic, program)


@graph(*bad_times("Start Interval", "timeout_sec"))
def test_intervals_of_impossible_times(logic, program):
    check_bad_times(logic, program)


def check_bad_times(logic, program):
    logic.trigger("go")
    logic.trigger("alive")
    logic.expect_line("still")
    program.do(f"op({logic.name!r}).par.active = False")
    program.fence()
    for name in ("nan", "infinite", "below"):
        assert program.find_line(rf"{logic.name}.*error.*\b{name}\b.*(?i:second)"), name
    assert "never" not in logic.said()


@graph(
    GO,
    node(
        "start",
        "Start Interval",
        timeout_sec=0.02,
        next="tick",
        on={"on_start": "began", "on_reset": "ended"},
    ),
    say("began"),
    say("tick"),
    say("ended"),
    event("stop"),
    listener("stop", "reset"),
    node("reset", "Reset Interval", wires={"instance_id": "start.instance_id"}),
)
def test_an_interval_goes_on_until_it_is_reset(logic, program):
    begun = time.monotonic()
    logic.trigger("go")
    eventually(lambda: logic.said().count("tick") >= 5)
    assert time.monotonic() - begun >= 0.1
    assert logic.said()[0] == "began"
    logic.trigger("stop")
    eventually(lambda: "ended" in logic.said())
    time.sleep(0.1)  # five more periods, in which nothing comes
    program.fence()
    assert logic.said()[-1] == "ended"
    assert logic.said().count("ended") == 1


@graph(
    event("go"),
    listener("go", "start"),
    node("start", "Start Interval", timeout_sec=0.02, next="tick", on={"on_reset": "ended"}),
    variable("first", "InstanceID"),
    variable("kept", "Bool"),
    say("tick"),
    say("ended"),
    event("keep"),
    listener("keep", "keep_id"),
    setter("keep_id", "first", wires={"value": "start.instance_id"}),
    event("stop_first"),
    listener("stop_first", "reset_first"),
    node("reset_first", "Reset Interval", wires={"instance_id": "var.first"}),
    event("stop_second"),
    listener("stop_second", "reset_second"),
    node("reset_second", "Reset Interval", wires={"instance_id": "start.instance_id"}),
)
def test_an_interval_that_was_started_twice_wants_two_resets(logic, program):
    for each in ("go", "keep", "go", "stop_first"):
        logic.trigger(each)
    eventually(lambda: logic.said().count("ended") == 1)
    ticks = logic.said().count("tick")
    eventually(lambda: logic.said().count("tick") >= ticks + 3)
    logic.trigger("stop_second")
    eventually(lambda: logic.said().count("ended") == 2)
    program.fence()
    ticks = logic.said().count("tick")
    time.sleep(0.1)  # five more periods, in which nothing comes
    program.fence()
    assert logic.said().count("tick") == ticks


@graph(
    GO,
    sequential("start", "now", "later"),
    node("now", "Now (UTC)", next="keep"),
    setter("keep", "ms", wires={"value": "now.utc_unix_ms"}),
    node("later", "Now (UTC)", offset_ms=3_600_000, next="keep_later"),
    setter("keep_later", "later_ms", wires={"value": "later.utc_unix_ms"}, next="done"),
    variable("ms", "Float"),
    variable("later_ms", "Float"),
    say("done"),
)
def test_now_is_the_time_of_the_machine(logic):
    before = time.time() * 1000
    logic.trigger("go")
    logic.expect("done")
    assert int(before) <= logic.variable("ms") <= time.time() * 1000
    assert 3_600_000 <= logic.variable("later_ms") - logic.variable("ms") < 3_660_000


@graph(
    GO,
    node("start", "For Loop", first_index=1, last_index=200, next="standard", on={"on_end": "done"}),
    *(
        node(name, "Random", next=f"{name}_push", **attributes)
        + node(
            f"{name}_push",
            "Push Array Element",
            data_type=kind,
            wires={"array": f"var.{name}", "value_1": f"{name}.output"},
            next=f"{name}_keep",
        )
        + setter(f"{name}_keep", name, next, wires={"value": f"{name}_push.array"})
        + variable(name, "Array")
        for name, kind, next, attributes in [
            ("standard", "Float", "advanced", {}),
            ("advanced", "Float", "whole", {"mode": "Advanced", "minimum": -3.0, "maximum": -2.0}),
            ("whole", "Int", "expert", {"mode": "Advanced", "data_type": "Int", "minimum": -1.0, "maximum": 2.0}),
            ("expert", "Float", "other", {"mode": "Expert", "seed": 7}),
            ("other", "Float", "twin", {"mode": "Expert", "seed": 8}),
            ("twin", "Float", None, {"mode": "Expert", "seed": 7}),
        ]
    ),
    say("done"),
)
def test_random_numbers_stay_in_their_bounds_and_are_the_same_with_a_seed(logic, program):
    logic.trigger("go")
    logic.expect_line("done")
    names = ("standard", "advanced", "whole", "expert", "other", "twin")
    numbers = {name: logic.variable(name) for name in names}
    assert all(len(each) == 200 for each in numbers.values())
    assert all(0 <= each < 1 for each in numbers["standard"])
    assert len(set(numbers["standard"])) > 190
    assert all(-3 <= each < -2 for each in numbers["advanced"])
    assert set(numbers["whole"]) == {-1, 0, 1, 2}
    assert all(isinstance(each, int) for each in numbers["whole"])
    assert numbers["expert"] == numbers["twin"] != numbers["other"]
    program.do(f"op({logic.name!r}).par.restart.pulse()")
    eventually(lambda: logic.variable("expert") == [])
    logic.trigger("go")
    eventually(lambda: len(logic.variable("expert")) == 200)
    assert logic.variable("expert") == numbers["expert"]
    assert logic.variable("standard") != numbers["standard"]


@graph(
    GO,
    sequential("start", "one", "two", "same", "other", "done"),
    node("one", "Create CustomID"),
    node("two", "Create CustomID"),
    node("same", "Is Equal", data_type="CustomID", wires={"a": "one.output", "b": "one.output"}, next="keep_same"),
    node("other", "Is Equal", data_type="CustomID", wires={"a": "one.output", "b": "two.output"}, next="keep_other"),
    variable("same", "Bool"),
    variable("other", "Bool", True),
    setter("keep_same", "same", wires={"value": "same.c"}),
    setter("keep_other", "other", wires={"value": "other.c"}),
    say("done"),
)
def test_custom_ids_are_equal_to_themselves_alone(logic):
    logic.trigger("go")
    logic.expect("done")
    assert (logic.variable("same"), logic.variable("other")) == (True, False)
