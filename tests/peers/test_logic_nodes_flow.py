"""Nodes of logic graphs, by table: flow control, comparison, values, Boolean, math."""

import math

import pytest

from logic_cases import ANY, Case, Json, Of, Table

NAN, INF = math.nan, math.inf
LEAST, MOST = -(2**31), 2**31 - 1
T = ("on_true", "on_false")


def switch(kind, cases, value, way):
    pulses = tuple(f"case.{each}" for each in cases)
    values = [value_of(kind, each) for each in cases]
    return Case("Switch", {"data_type": kind, "cases": values}, {"input": value}, pulses=(*pulses, "default"), way=way)


def value_of(kind, text):
    return (
        text
        if kind == "String"
        else text == "true"
        if kind == "Bool"
        else float(text)
        if kind == "Float"
        else int(text)
    )


def index(value, way, outputs=3):
    pulses = (*(f"index.{each + 1}" for each in range(outputs)), "default")
    return Case("Index Switch", {"outputs": outputs}, {"index": value}, pulses=pulses, way=way)


FLOW = [
    Case("Branch", {}, {"input": True}, pulses=T, way="on_true"),
    Case("Branch", {}, {"input": False}, pulses=T, way="on_false"),
    Case("Branch", {"default_value": True}, pulses=T, way="on_true"),
    Case("Branch", {"default_value": True}, {"input": False}, pulses=T, way="on_false", literals=False),
    Case("Branch", pulses=T, way="on_false"),
    switch("Int", ("1", "2", "-3"), 2, "case.2"),
    switch("Int", ("1", "2", "-3"), -3, "case.-3"),
    switch("Int", ("1", "2", "-3"), 3, "default"),
    switch("Int", (str(LEAST), str(MOST)), LEAST, f"case.{LEAST}"),
    switch("String", ("chat", "Chat", "grün 𝄞", "with.point"), "Chat", "case.Chat"),
    switch("String", ("chat", "Chat", "grün 𝄞", "with.point"), "grün 𝄞", "case.grün 𝄞"),
    switch("String", ("chat", "Chat", "grün 𝄞", "with.point"), "with.point", "case.with.point"),
    switch("String", ("chat",), " chat", "default"),
    switch("String", ("chat",), "", "default"),
    switch("Bool", ("true", "false"), False, "case.false"),
    switch("Byte", ("7",), Of("Byte", 7), "case.7"),
    Case("Switch", {"data_type": "String"}, {"input": "x"}, pulses=("default",), way="default"),
    index(0, "index.1"),
    index(2, "index.3"),
    index(3, "default"),
    index(-1, "default"),
    index(MOST, "default"),
    Case("Index Switch", {"default_index": 1}, pulses=("index.1", "index.2", "default"), way="index.2"),
    Case("Sequential", {"pulse_count": 3}, pulses=("pulse.1", "pulse.2", "pulse.3"), way="pulse.1 pulse.2 pulse.3"),
    Case("Sequential", pulses=("pulse.1", "pulse.2"), way="pulse.1 pulse.2"),
    Case("Sequential", {"pulse_count": 1}, pulses=("pulse.1",), way="pulse.1"),
    Case("Toggle", {}, {}, {"is_on": True}),
    Case("Toggle", {"value": True}, {}, {"is_on": False}),
]


def rounds(first, last, step=1, included=True, *, count, at_end):
    way = " ".join(["next"] * count + ["on_end"])
    return Case(
        "For Loop",
        {"is_last_index_included": included},
        {"first_index": first, "last_index": last, "step": step},
        {"index": at_end},
        pulses=("next", "on_end"),
        way=way,
    )


LOOPS = [
    rounds(0, 2, count=3, at_end=2),
    rounds(0, 2, included=False, count=2, at_end=1),
    rounds(5, 5, count=1, at_end=5),
    rounds(5, 5, included=False, count=0, at_end=ANY),
    rounds(1, 0, count=0, at_end=ANY),
    rounds(3, 1, -1, count=3, at_end=1),
    rounds(3, 1, -1, included=False, count=2, at_end=2),
    rounds(0, 10, 4, count=3, at_end=8),
    rounds(0, 8, 4, included=False, count=2, at_end=4),
    rounds(MOST - 1, MOST, count=2, at_end=MOST),
    rounds(LEAST, LEAST + 1, count=2, at_end=LEAST + 1),
    rounds(LEAST, MOST, MOST, count=3, at_end=MOST - 1),
    rounds(LEAST + 1, LEAST, -1, count=2, at_end=LEAST),
    Case("For Loop", {"first_index": 1, "last_index": 2}, {}, {"index": 2}, ("next", "on_end"), "next next on_end"),
    Case("For Loop", {}, {"step": 0, "last_index": 3}, pulses=("next", "on_end"), says="step"),
]


def each(elements, kind, mode, way, **outputs):
    says = kind if "on_type_error" in way else None
    return Case(
        "For Each Loop",
        {"data_type": kind, "error_mode": mode},
        {"array": elements},
        outputs,
        pulses=("next", "on_type_error", "on_end"),
        way=way,
        says=says,
    )


LOOPS += [
    each(["a", "b"], "String", "Abort", "next next on_end", value="b", index=1, array=["a", "b"]),
    each([], "String", "Abort", "on_end"),
    each(["a", 1, "b"], "String", "Abort", "next on_type_error"),
    each(["a", 1, "b"], "String", "Break", "next on_type_error on_end"),
    each(["a", 1, "b"], "String", "Continue", "next on_type_error next on_end", value="b", index=2),
    each([1, "a", [2], {"b": 3}], "Any", "Abort", "next next next next on_end", index=3),
    each([[1], [2, 3]], "Array", "Abort", "next next on_end", value=[2, 3]),
    each(Json("Array", "[null]"), "String", "Break", "on_type_error on_end"),
]


def compared(kind, mode, a, b, holds, node="Is Equal"):
    return Case(node, {"data_type": kind, "mode": mode}, {"a": a, "b": b}, {"c": holds})


def equal(kind, a, b, holds):
    return [compared(kind, "IsEqual", a, b, holds), compared(kind, "IsNotEqual", a, b, not holds)]


def ordered(kind, less, more):
    """Both nodes with both modes, for two values in their order."""
    table = []
    for a, b in ((less, more), (more, less), (less, less)):
        first, second = (each.value if isinstance(each, Of) else each for each in (a, b))
        table += [
            compared(kind, "IsGreaterEqual", a, b, first >= second, "Is Greater Equal"),
            compared(kind, "IsGreater", a, b, first > second, "Is Greater Equal"),
            compared(kind, "IsLessEqual", a, b, first <= second, "Is Less Equal"),
            compared(kind, "IsLess", a, b, first < second, "Is Less Equal"),
        ]
    return table


COMPARISONS = [
    *equal("Int", 1, 1, True),
    *equal("Int", LEAST, MOST, False),
    *equal("Float", 0.1, 0.1, True),
    *equal("Float", 0.0, -0.0, True),
    *equal("Float", NAN, NAN, False),
    *equal("Float", INF, INF, True),
    *equal("Bool", True, False, False),
    *equal("String", "grün", "grün", True),
    *equal("String", "grün", "gru\u0308n", False),
    *equal("String", "", "", True),
    *equal("String", "a", "A", False),
    *equal("Byte", Of("Byte", -128), Of("Byte", -128), True),
    *equal("Array", [1, ["a"], {"b": True}], [1, ["a"], {"b": True}], True),
    *equal("Array", [1, 2], [2, 1], False),
    *equal("Array", [], [0], False),
    *equal("Dictionary", {"a": 1, "b": [2]}, {"b": [2], "a": 1}, True),
    *equal("Dictionary", {"a": 1}, {"a": 1, "b": 2}, False),
    *equal("Vector3", Of("Vector3", [1.0, 2.0, 3.0]), Of("Vector3", [1.0, 2.0, 3.0]), True),
    *equal("Vector2", Of("Vector2", [1.0, 2.0]), Of("Vector2", [1.0, 2.5]), False),
    *equal("Any", "1", 1, False),
    *equal("Any", "x", "x", True),
    *equal("Binary", b"abc", b"abc", True),
    *equal("Binary", b"abc", b"abd", False),
    Case("Is Equal", {"data_type": "String", "default_value_a": "x", "default_value_b": "x"}, {}, {"c": True}),
    Case("Is Equal", {}, {}, {"c": True}),
    *ordered("Int", LEAST, MOST),
    *ordered("Float", -0.5, INF),
    *ordered("Byte", Of("Byte", -128), Of("Byte", 127)),
    compared("Float", "IsGreaterEqual", NAN, 1.0, False, "Is Greater Equal"),
    compared("Float", "IsLessEqual", NAN, NAN, False, "Is Less Equal"),
    Case("Is Greater Equal", {"default_value_a": 2, "default_value_b": 1, "mode": "IsGreater"}, {}, {"c": True}),
]

VALUES = [
    Case("String Value", {"value": 'grün 𝄞 \u0000 \\ " \n'}, {}, {"output": 'grün 𝄞 \u0000 \\ " \n'}),
    Case("String Value", {"value": "a"}, {"input": "b"}, {"output": "b"}),
    Case("String Value", {}, {}, {"output": ""}),
    Case("Bool Value", {"default_value": True}, {}, {"output": True}),
    Case("Bool Value", {"default_value": True}, {"input": False}, {"output": False}),
    Case("Bool Value", {}, {}, {"output": False}),
    Case("Numerical Value", {"value": MOST}, {}, {"output": MOST}),
    Case("Numerical Value", {"value": 5}, {"input": LEAST}, {"output": LEAST}),
    Case("Numerical Value", {"data_type": "Float", "value": 1e300}, {}, {"output": 1e300}),
    Case("Numerical Value", {"data_type": "Float", "value": 1}, {}, {"output": 1.0}),
    Case("Numerical Value", {"data_type": "Float", "value": INF}, {}, {"output": INF}),
    Case("Numerical Value", {"data_type": "Float"}, {"input": NAN}, {"output": NAN}),
    Case("Numerical Value", {"data_type": "Byte", "value": -128}, {}, {"output": Of("Byte", -128)}),
]


def gate(kind, values, holds):
    inputs = {f"input_{number}": value for number, value in enumerate(values, 1)}
    return Case(kind, {"count": len(values)}, inputs, {"output": holds})


BOOLEAN = [
    *(gate("AND", (a, b), a and b) for a in (False, True) for b in (False, True)),
    *(gate("OR", (a, b), a or b) for a in (False, True) for b in (False, True)),
    gate("AND", (True,) * 5, True),
    gate("AND", (True, True, False, True), False),
    gate("OR", (False,) * 5, False),
    gate("OR", (False, False, False, True), True),
    Case("AND", {}, {}, {"output": False}),
    Case("OR", {}, {}, {"output": False}),
    Case("Negate", {}, {"input": True}, {"output": False}),
    Case("Negate", {}, {"input": False}, {"output": True}),
    Case("Negate", {}, {}, {"output": True}),
]


def sum_of(kind, node, values, result):
    values = [Of(kind, each) for each in values]
    inputs = {f"input_{number}": value for number, value in enumerate(values, 1)}
    says = None if result is not None else r"(?i)fit|range|overflow"
    outputs = {} if result is None else {"output": Of(kind, result)}
    return Case(node, {"data_type": kind, "count": len(values)}, inputs, outputs, says=says)


def quotient(kind, dividend, divisor, result, node="Divide", says=None):
    socket = "quotient" if node == "Divide" else "remainder"
    inputs = {"dividend": Of(kind, dividend), "divisor": Of(kind, divisor)}
    return Case(node, {"data_type": kind}, inputs, {} if says else {socket: Of(kind, result)}, says=says)


def remainder(kind, dividend, divisor, result, says=None):
    return quotient(kind, dividend, divisor, result, "Modulo", says)


def stepped(node, kind, value, step, result, says=None):
    inputs = {"input": Of(kind, value), "step": Of(kind, step)}
    return Case(node, {"data_type": kind}, inputs, {} if says else {"output": Of(kind, result)}, says=says)


def clamped(kind, value, least, most, result, says=None):
    inputs = {"value": Of(kind, value), "from": Of(kind, least), "to": Of(kind, most)}
    return Case("Clamp", {"data_type": kind}, inputs, {} if says else {"result": Of(kind, result)}, says=says)


TOO_FAR = r"(?i)fit|range|overflow"
MATH = [
    sum_of("Int", "Add", (1, 2), 3),
    sum_of("Int", "Add", (1, 2, 3, -10), -4),
    sum_of("Int", "Add", (MOST, 0), MOST),
    sum_of("Int", "Add", (MOST, 1), None),
    sum_of("Int", "Add", (LEAST, -1), None),
    sum_of("Float", "Add", (0.1, 0.2), 0.1 + 0.2),
    sum_of("Float", "Add", (1e308, 1e308), INF),
    sum_of("Float", "Add", (INF, -INF), NAN),
    sum_of("Byte", "Add", (100, 27), 127),
    sum_of("Byte", "Add", (100, 28), None),
    sum_of("Vector2", "Add", ([1.0, 2.0], [0.5, -2.0]), [1.5, 0.0]),
    sum_of("Vector3", "Add", ([1.0, 2.0, 3.0], [1.0, 1.0, 1.0]), [2.0, 3.0, 4.0]),
    sum_of("Vector4", "Subtract", ([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0]), [0.0, 1.0, 2.0, 3.0]),
    sum_of("Color", "Multiply", ([1.0, 0.5, 0.25, 1.0], [0.5, 0.5, 0.5, 1.0]), [0.5, 0.25, 0.125, 1.0]),
    sum_of("Int", "Subtract", (10, 3), 7),
    sum_of("Int", "Subtract", (10, 3, 2, 1), 4),
    sum_of("Int", "Subtract", (LEAST, 1), None),
    sum_of("Int", "Multiply", (6, 7), 42),
    sum_of("Int", "Multiply", (65536, 65536), None),
    sum_of("Int", "Multiply", (LEAST, -1), None),
    sum_of("Int", "Multiply", (2, 3, 4), 24),
    sum_of("Byte", "Multiply", (-1, -128), None),
    sum_of("Float", "Multiply", (0.5, -4.0), -2.0),
    Case("Add", {"input_1": 4, "input_2": 5}, {}, {"output": 9}),
    Case("Add", {}, {}, {"output": 0}),
    quotient("Int", 7, 2, 3),
    quotient("Int", -7, 2, -3),
    quotient("Int", 7, -2, -3),
    quotient("Int", 7, 0, None, says=r"(?i)zero"),
    quotient("Int", LEAST, -1, None, says=TOO_FAR),
    quotient("Float", 7.0, 2.0, 3.5),
    quotient("Float", 1.0, 0.0, None, says=r"(?i)zero"),
    quotient("Float", 1.0, INF, 0.0),
    quotient("Byte", -128, -1, None, says=TOO_FAR),
    Case("Divide", {"default_dividend": 9, "default_divisor": 4}, {}, {"quotient": 2}),
    Case("Divide", {"default_dividend": 9}, {}, {"quotient": 9}),
    remainder("Int", 7, 3, 1),
    remainder("Int", -7, 3, -1),
    remainder("Int", 7, -3, 1),
    remainder("Int", 7, 0, None, says=r"(?i)zero"),
    remainder("Int", LEAST, -1, 0),
    remainder("Float", 5.5, 2.0, 1.5),
    remainder("Float", -5.5, 2.0, -1.5),
    remainder("Float", 5.5, 0.0, None, says=r"(?i)zero"),
    Case("Modulo", {"default_dividend": 9, "default_divisor": 4}, {}, {"remainder": 1}),
    stepped("Increment", "Int", 1, 1, 2),
    stepped("Increment", "Int", MOST, 1, None, says=TOO_FAR),
    stepped("Increment", "Float", 1.0, 0.25, 1.25),
    stepped("Increment", "Byte", 127, 1, None, says=TOO_FAR),
    stepped("Decrement", "Int", 1, 3, -2),
    stepped("Decrement", "Int", LEAST, 1, None, says=TOO_FAR),
    stepped("Decrement", "Float", 1.0, 0.25, 0.75),
    Case("Increment", {}, {"input": 5}, {"output": 6}),
    Case("Decrement", {}, {"input": 5}, {"output": 4}),
    Case("Increment", {"step": 10}, {"input": 5}, {"output": 15}),
    clamped("Int", 5, 0, 3, 3),
    clamped("Int", -5, 0, 3, 0),
    clamped("Int", 2, 0, 3, 2),
    clamped("Int", 2, 2, 2, 2),
    clamped("Int", 2, 3, 0, None, says=r"(?i)from"),
    clamped("Float", INF, 0.0, 1.0, 1.0),
    clamped("Float", -0.5, -1.0, 1.0, -0.5),
    clamped("Byte", 100, -1, 1, 1),
    Case("Clamp", {"from": 1, "to": 4}, {"value": 9}, {"result": 4}),
]

TABLE = Table(FLOW + LOOPS + COMPARISONS + VALUES + BOOLEAN + MATH)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return TABLE.run(tmp_path_factory.mktemp("flow"))


@pytest.mark.parametrize("name", TABLE.cases, ids=TABLE.ids())
def test_node(outcomes, name):
    TABLE.check(name, outcomes[name])
