"""Nodes of logic graphs, by table: conversions, data types, dates, options, assertions."""

import math

import pytest

from logic_cases import ANY, Case, Json, Made, Of, Table

NAN, INF = math.nan, math.inf
LEAST, MOST = -(2**31), 2**31 - 1
BOTH = ("next", "on_error")
ZEROS = {"Int": 0, "Byte": 0, "Float": 0.0, "Bool": False, "String": "", "Array": [], "Dictionary": {}, "Binary": b""}


def conversion(given, value, wanted, result):
    """`result` is what comes out, or None for an error: OnError fires, and the output is the zero of the type."""
    value = Of(given, value) if not isinstance(value, (Made, Json)) and given != "Binary" else value
    attributes = {"input_data_type": given, "output_data_type": wanted}
    if result is None:
        zero = Of(wanted, ZEROS[wanted]) if wanted != "Binary" else Made("Binary", "")
        case = Case(
            "Conversion", attributes, {"input": value}, {"output": zero}, BOTH, "on_error", says=f"{wanted}|JSON"
        )
    else:
        result = Of(wanted, result)
        case = Case("Conversion", attributes, {"input": value}, {"output": result}, BOTH)
    # A value of any type has no literal of its own.
    case.literals = given != "Any"
    return case


def of_any(value, wanted, result):
    """An Any that holds a value of this type."""
    case = conversion("Any", value, wanted, result)
    case.inputs = {"input": value}
    return case


CONVERSIONS = [
    # Bool, Int, Byte, Float to String
    conversion("Bool", True, "String", "true"),
    conversion("Bool", False, "String", "false"),
    conversion("Int", LEAST, "String", str(LEAST)),
    conversion("Int", 0, "String", "0"),
    conversion("Byte", -128, "String", "-128"),
    conversion("Float", 0.1, "String", "0.1"),
    conversion("Float", -2.5, "String", "-2.5"),
    conversion("Float", 0.1 + 0.2, "String", "0.30000000000000004"),
    # String to numbers: all of it, trimmed, and it has to fit
    conversion("String", "42", "Int", 42),
    conversion("String", " \t-7\n", "Int", -7),
    conversion("String", str(MOST), "Int", MOST),
    conversion("String", str(LEAST), "Int", LEAST),
    conversion("String", str(MOST + 1), "Int", None),
    conversion("String", "9" * 100, "Int", None),
    conversion("String", "", "Int", None),
    conversion("String", "4.0", "Int", None),
    conversion("String", "4 2", "Int", None),
    conversion("String", "0x10", "Int", None),
    conversion("String", "vier", "Int", None),
    conversion("String", "٤", "Int", None),
    conversion("String", "-128", "Byte", -128),
    conversion("String", "127", "Byte", 127),
    conversion("String", "128", "Byte", None),
    conversion("String", "-129", "Byte", None),
    conversion("String", " 1.5e3 ", "Float", 1500.0),
    conversion("String", "-0.25", "Float", -0.25),
    conversion("String", "7", "Float", 7.0),
    conversion("String", "1,5", "Float", None),
    conversion("String", "", "Float", None),
    conversion("String", "1.5x", "Float", None),
    conversion("String", "1e400", "Float", None),
    # String to Bool
    *(conversion("String", text, "Bool", True) for text in ("true", "TRUE", "True", "1")),
    *(conversion("String", text, "Bool", False) for text in ("false", "FALSE", "False", "0")),
    *(conversion("String", text, "Bool", None) for text in ("", "yes", "2", "-1", "truee")),
    # numbers
    conversion("Int", MOST, "Float", float(MOST)),
    conversion("Float", 2.9, "Int", 2),
    conversion("Float", -2.9, "Int", -2),
    conversion("Float", -0.0, "Int", 0),
    conversion("Float", MOST + 0.9, "Int", MOST),
    conversion("Float", LEAST - 0.9, "Int", LEAST),
    conversion("Float", MOST + 1.0, "Int", None),
    conversion("Float", LEAST - 1.0, "Int", None),
    conversion("Float", 1e300, "Int", None),
    conversion("Float", NAN, "Int", None),
    conversion("Float", INF, "Int", None),
    conversion("Float", -INF, "Int", None),
    conversion("Int", 127, "Byte", 127),
    conversion("Int", -128, "Byte", -128),
    conversion("Int", 128, "Byte", None),
    conversion("Int", -129, "Byte", None),
    conversion("Byte", -5, "Int", -5),
    conversion("Bool", True, "Int", 1),
    conversion("Bool", False, "Int", 0),
    conversion("Bool", True, "Float", 1.0),
    conversion("Bool", True, "Byte", 1),
    conversion("Int", 0, "Bool", False),
    conversion("Int", -3, "Bool", True),
    conversion("Float", 0.0, "Bool", False),
    conversion("Float", 0.001, "Bool", True),
    conversion("Byte", 2, "Bool", True),
    # arrays and dictionaries
    conversion("Array", [1, "a", [True]], "String", '[1,"a",[true]]'),
    conversion("Array", [], "String", "[]"),
    conversion("Dictionary", {"a": 1, "ü": "𝄞"}, "String", '{"a":1,"ü":"𝄞"}'),
    conversion("String", ' [1, "a", null] ', "Array", [1, "a", None]),
    conversion("String", '{"a": [1]}', "Array", None),
    conversion("String", "[1", "Array", None),
    conversion("String", "", "Array", None),
    conversion("String", "[" * 100_000, "Array", None),
    conversion("String", '{"a": {"b": 0.5}}', "Dictionary", {"a": {"b": 0.5}}),
    conversion("String", "[1]", "Dictionary", None),
    conversion("String", "x", "Dictionary", None),
    # bytes
    conversion("String", "grün", "Binary", "grün".encode()),
    conversion("String", "", "Binary", b""),
    conversion("Binary", Made("Binary", "日𝄞"), "String", "日𝄞"),
    # the same type
    conversion("Int", 5, "Int", 5),
    conversion("String", "x", "String", "x"),
    # Any: what it holds has to be of the type
    of_any(5, "Int", 5),
    of_any("x", "String", "x"),
    of_any(True, "Bool", True),
    of_any([1], "Array", [1]),
    of_any({"a": 1}, "Dictionary", {"a": 1}),
    of_any(5, "Float", 5.0),
    of_any(5.9, "Int", 5),
    of_any(1e300, "Int", None),
    of_any([1], "Dictionary", None),
    of_any("5", "Int", None),
    of_any(5, "String", None),
    of_any(5, "Bool", None),
    of_any([1], "String", None),
    of_any("[1]", "Array", None),
    of_any(Json("Any", "null"), "Int", None),
    of_any(Json("Any", "null"), "String", None),
    # T to Any
    conversion("Int", 5, "Any", 5),
    conversion("String", "x", "Any", "x"),
]
# Without a wire from OnError the branch ends, and the console names the node.
CONVERSIONS += [
    Case("Conversion", {"output_data_type": "Int"}, {"input": "5"}, {"output": 0}, says="Int", literals=False),
    Case(
        "Conversion",
        {"input_data_type": "String", "output_data_type": "Int"},
        {"input": "x"},
        {"output": 0},
        says="Int",
    ),
]


def is_type(kind, value, holds):
    return Case("Is Data Type", {"data_type": kind}, {"input": value}, {"output": holds}, literals=False)


SAMPLES = {
    "Int": 1,
    "Float": 1.0,
    "Bool": True,
    "String": "1",
    "Array": [1],
    "Dictionary": {"a": 1},
    "Byte": Of("Byte", 1),
    "Vector2": Of("Vector2", [1.0, 2.0]),
    "Vector3": Of("Vector3", [1.0, 2.0, 3.0]),
    "Color": Of("Color", [1.0, 1.0, 1.0, 1.0]),
    "Binary": b"1",
}
TYPES = [is_type(kind, value, kind == given) for kind in SAMPLES for given, value in SAMPLES.items()]


def date(ms, form, text, **inputs):
    return Case("Date Time Formatter", {"format_examples": form}, {"utc_unix_ms": ms, **inputs}, {"output": text})


def custom(ms, form, text, **attributes):
    attributes = {"format_examples": "Custom", "custom_format": form, **attributes}
    return Case("Date Time Formatter", attributes, {"utc_unix_ms": ms}, {"output": text})


MOMENT = 1709127900000.0  # 2024-02-28 13:45:00 UTC, a Wednesday of a leap year
DATES = [
    date(MOMENT, "2024-02-28 13:45:00", "2024-02-28 13:45:00"),
    date(MOMENT, "28.02.2024", "28.02.2024"),
    date(MOMENT, "02/28/2024", "02/28/2024"),
    date(MOMENT, "13:45", "13:45"),
    date(MOMENT, "13:45:00", "13:45:00"),
    date(MOMENT, "Wednesday, 28 February 2024", "Wednesday, 28 February 2024"),
    date(MOMENT, "2024-02-28T13:45:00Z", "2024-02-28T13:45:00Z"),
    date(0.0, "2024-02-28 13:45:00", "1970-01-01 00:00:00"),
    date(-1000.0, "2024-02-28 13:45:00", "1969-12-31 23:59:59"),
    date(MOMENT + 86_400_000.0, "28.02.2024", "29.02.2024"),
    date(MOMENT, "13:45", "Wed 059", format="%a %j"),
    custom(MOMENT, "%Y/%m/%d %A %B %j", "2024/02/28 Wednesday February 059"),
    custom(MOMENT, "", ""),
    custom(MOMENT, "100 %%", "100 %"),
    custom(MOMENT, "%H:%M", "15:45", timezone="Offset", timezone_offset_ms=7_200_000),
    custom(MOMENT, "%H:%M", "16:45", timezone="Offset", timezone_offset_ms=7_200_000, dst=True),
    custom(MOMENT, "%H:%M", "08:45", timezone="Offset", timezone_offset_ms=-18_000_000),
    custom(MOMENT, "%H:%M", "13:45", timezone_offset_ms=7_200_000, dst=True),
    Case("Date Time Formatter", {}, {"utc_unix_ms": NAN}, says=r"(?i)time|date"),
    Case("Date Time Formatter", {}, {"utc_unix_ms": 1e300}, says=r"(?i)time|date"),
    Case("Date Time Formatter", {}, {"utc_unix_ms": -INF}, says=r"(?i)time|date"),
]


def option(name, kind, value, way="next", says=None):
    attributes, outputs = {"option_type": kind}, {"option_value": Of(kind, value) if way == "next" else ANY}
    return Case("Get Command Line Option", attributes, {"option_name": name}, outputs, BOTH, way, says)


OPTIONS = [
    option("seat", "Int", 7),
    option("seat", "String", "7"),
    option("seat", "Float", 7.0),
    option("title", "String", "grün = ja"),
    option("blank", "String", ""),
    option("title", "Int", 0, "on_error", says="title"),
    option("nobody", "String", "", "on_error"),
    option("", "String", "", "on_error"),
    Case("Get Command Line Option", {"option_name": "seat"}, {}, {"option_value": "7"}, BOTH),
]
GIVEN = ["--option", "seat=7", "--option", "title=grün = ja", "--option", "blank="]


def asserted(kind, operator, a, b, holds):
    attributes = {"data_type": kind, "operator": operator, "label": "the claim"}
    inputs = {"a": Of(kind, a), "b": Of(kind, b)}
    says = None if holds else "the claim"
    return Case("Assert", attributes, inputs, {"c": holds}, way="next", says=says)


COMPARED = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
ASSERTIONS = [
    asserted("Int", operator, a, b, holds(a, b))
    for operator, holds in COMPARED.items()
    for a, b in ((1, 2), (2, 2), (3, 2))
] + [
    asserted("String", "==", "a", "a", True),
    asserted("String", "!=", "a", "a", False),
    asserted("Float", "<", NAN, 1.0, False),
    Case("Assert", {"default_a": 1, "default_b": 1}, {}, {"c": True}),
]

TABLE = Table(CONVERSIONS + TYPES + DATES + OPTIONS + ASSERTIONS)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return TABLE.run(tmp_path_factory.mktemp("utilities"), arguments=GIVEN)


@pytest.mark.parametrize("name", TABLE.cases, ids=TABLE.ids())
def test_node(outcomes, name):
    TABLE.check(name, outcomes[name])
