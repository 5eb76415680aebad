"""Nodes of logic graphs, by table: texts, JSON, dictionaries, arrays."""

import json
import math

import pytest

from logic_cases import Case, Json, Of, Table

MOST = 2**31 - 1
SCRIPTS = "grün 日本 𝄞"


def concat(*texts):
    inputs = {f"input_{number}": text for number, text in enumerate(texts, 1)}
    return Case("Concat Strings", {"count": len(texts)}, inputs, {"output": "".join(texts)})


def printed(pattern, *values, text=None, says=None):
    """A Format with these parameters."""
    types = [value.type if isinstance(value, Of) else TYPES[type(value)] for value in values]
    inputs = {"pattern": pattern, **{f"parameter_{number}": value for number, value in enumerate(values, 1)}}
    return Case("Format", {"parameters": types}, inputs, {} if says else {"formatted": text}, says=says)


TYPES = {bool: "Bool", int: "Int", float: "Float", str: "String"}
UNSUITED = r"(?i)error|cannot|parameter|pattern|percent|%"
FORMAT = [
    printed("no place", text="no place"),
    printed("", text=""),
    printed("100 %%", text="100 %"),
    printed("%s and %s", "one", "zwei", text="one and zwei"),
    printed("%s", "", text=""),
    printed("%d|%i|%u", 5, -6, 7, text="5|-6|7"),
    printed("%d", -(2**31), text="-2147483648"),
    printed("%5d|%-5d|%05d|%+d|% d", 42, 42, 42, 42, 42, text="   42|42   |00042|+42| 42"),
    printed("%x %o", 255, 8, text="ff 10"),
    printed("%#x %#o", 255, 8, text="0xff 010"),
    printed("%f", 1.5, text="1.500000"),
    printed("%.2f|%8.3f|%-8.1f|%08.2f", 3.14159, 3.14159, 3.14159, -3.14159, text="3.14|   3.142|3.1     |-0003.14"),
    printed("%.0f", 2.5, text="2"),
    printed("%e", 12345.678, text="1.234568e+04"),
    printed("%.1e", 0.0, text="0.0e+00"),
    printed("%e", 1e-300, text="1.000000e-300"),
    printed("%f", math.inf, text="inf"),
    printed("%f", math.nan, text="nan"),
    printed("%c%c", 65, 8364, text="A€"),
    printed("%s|%10s|%-4s|", SCRIPTS, "ab", "ab", text=f"{SCRIPTS}|        ab|ab  |"),
    printed("%.3s", "abcdef", text="abc"),
    printed("%.2s", "日本語", text="日本"),
    printed("%d", Of("Byte", -7), text="-7"),
    printed("%d", "five", says=UNSUITED),
    printed("%s %s", "alone", says=UNSUITED),
    printed("%", says=UNSUITED),
    printed("%q", 1, says=UNSUITED),
    printed("%n", 1, says=UNSUITED),
    printed("%999999999d", 1, says=UNSUITED),
    printed("%.999999999f", 1.0, says=UNSUITED),
    printed("%99999999999999999999d", 1, says=UNSUITED),
    Case("Format", {"default_pattern": "<%s>", "parameters": ["String"]}, {"parameter_1": "a"}, {"formatted": "<a>"}),
    Case("FormatArray", {}, {"pattern": "%s is %d, %.1f", "values": ["x", 3, 2.5]}, {"formatted": "x is 3, 2.5"}),
    Case("FormatArray", {"pattern": "%s"}, {"values": ["x"]}, {"formatted": "x"}),
    Case("FormatArray", {}, {"pattern": "%s %s", "values": ["x"]}, says=UNSUITED),
    Case("FormatArray", {}, {"pattern": "%d", "values": [[1]]}, says=UNSUITED),
    Case("FormatArray", {}, {"pattern": "none", "values": []}, {"formatted": "none"}),
]


def split(text, delimiter, parts):
    return Case("Split", {}, {"string": text, "delimiter": delimiter}, {"array": parts})


def joined(parts, separator, text):
    return Case("Join", {}, {"array_of_strings": parts, "separator": separator}, {"joined_string": text})


def asked(node, socket, text, pattern, holds):
    return Case(node, {}, {"string": text, "pattern": pattern}, {socket: holds})


def compare(a, b):
    return Case("Compare", {}, {"string_1": a, "string_2": b}, {"result": 0 if a == b else -1, "equal": a == b})


def found(text, pattern, at, **bounds):
    return Case("IndexOf", {}, {"string": text, "pattern": pattern, **bounds}, {"index_of": at, "found": at >= 0})


def part(text, start, length, result):
    return Case("Substring", {}, {"source": text, "start_index": start, "length": length}, {"substring": result})


def replaced(text, old, new, result, node="Replace", says=None):
    return Case(node, {}, {"string": text, "from": old, "to": new}, {} if says else {"result": result}, says=says)


def matched(text, regex, position, count=None, says=None, **more):
    outputs = {} if says else {"found": position >= 0, "position": position}
    if count is not None:
        outputs["match_count"] = count
    return Case("MatchRegex", {}, {"string": text, "regex": regex, **more}, outputs, says=says)


def of(node, socket, text, result):
    return Case(node, {}, {"string": text}, {socket: result})


def trimmed(text, characters, result):
    return Case("Trim", {}, {"string": text, "characters": characters}, {"trimmed": result})


REGEX = r"(?i)regular expression|regex|pattern"
STRINGS = [
    concat("a", "b"),
    concat("", ""),
    concat(SCRIPTS, " ", "\u0000", "x" * 10_000),
    concat("alone"),
    split("a,b,,c", ",", ["a", "b", "", "c"]),
    split("", ",", [""]),
    split("abc", "", ["a", "b", "c"]),
    split("日𝄞", "", ["日", "𝄞"]),
    split("a--b-c", "--", ["a", "b-c"]),
    split(",", ",", ["", ""]),
    Case("Split", {"string": "a b", "delimiter": " "}, {}, {"array": ["a", "b"]}),
    joined(["a", "b", "c"], ", ", "a, b, c"),
    joined([], ",", ""),
    joined(["a"], ",", "a"),
    joined([1, True, 2.5, "x", [1, {"a": "ü"}]], "-", '1-true-2.5-x-[1,{"a":"ü"}]'),
    joined(["日", "本"], "", "日本"),
    asked("Contains", "contains", "grün", "rü", True),
    asked("Contains", "contains", "grün", "Rü", False),
    asked("Contains", "contains", "grün", "", True),
    asked("Contains", "contains", "", "x", False),
    asked("StartsWith", "starts_with", "grün", "gr", True),
    asked("StartsWith", "starts_with", "grün", "rü", False),
    asked("StartsWith", "starts_with", "a", "ab", False),
    asked("EndsWith", "ends_with", "grün", "ün", True),
    asked("EndsWith", "ends_with", "grün", "ü", False),
    asked("EndsWith", "ends_with", "", "", True),
    compare("a", "a"),
    compare("a", "b"),
    compare("", ""),
    compare("b", "a"),
    compare("ä", "a\u0308"),
    found("abcabc", "c", 2),
    found("abcabc", "x", -1),
    found("äöü", "ü", 2),
    found("日𝄞本", "本", 2),
    found("abcabc", "c", 5, start_index=3),
    found("abcabc", "c", -1, start_index=0, end_index=2),
    found("abcabc", "c", 2, start_index=0, end_index=3),
    found("abcabc", "bc", -1, start_index=0, end_index=2),
    found("abc", "c", -1, start_index=10),
    found("abc", "c", 2, start_index=0, end_index=100),
    found("abc", "c", -1, start_index=MOST, end_index=MOST),
    part("abcdef", 1, 3, "bcd"),
    part("abcdef", 4, 10, "ef"),
    part("abcdef", 2, -1, "cdef"),
    part("abcdef", 10, 2, ""),
    part("abcdef", 0, 0, ""),
    part("日𝄞本", 1, 1, "𝄞"),
    part("abc", 1, MOST, "bc"),
    part("abc", MOST, MOST, ""),
    Case("Substring", {"source": "abcdef", "start_index": 2}, {}, {"substring": "cdef"}),
    replaced("a-b-c", "-", "+", "a+b+c"),
    replaced("aaa", "aa", "b", "ba"),
    replaced("abc", "", "x", "abc"),
    replaced("abc", "b", "", "ac"),
    replaced("a.c", ".", "$1\\", "a$1\\c"),
    replaced("日本日", "日", "𝄞", "𝄞本𝄞"),
    replaced("a1b22", "[0-9]+", "#", "a#b#", "ReplaceRegex"),
    replaced("john smith", r"(\w+) (\w+)", "$2 $1", "smith john", "ReplaceRegex"),
    replaced("grün", r"[ü]", "ue", "gruen", "ReplaceRegex"),
    replaced("abc", "(", "x", None, "ReplaceRegex", says=REGEX),
    replaced("abc", "(?=b)", "x", None, "ReplaceRegex", says=REGEX),
    replaced("a" * 40 + "b", "(a+)+$", "x", "a" * 40 + "b", "ReplaceRegex"),
    matched("abc123", "[0-9]+", 3, 1),
    matched("abc", "[0-9]+", -1, 0),
    matched("äöü1", "[0-9]", 3, 1),
    matched("a1b2c3", "[0-9]", 1, 3, count_all_matches=True),
    matched("a1b2c3", "[0-9]", 1, 1, count_all_matches=False),
    matched("a1b2c3", "[0-9]", 3, **{"from": 2}),
    matched("abc3", "[0-9]", -1, **{"from": 0, "to": 3}),
    matched("abc", "[", 0, says=REGEX),
    matched("abc", r"(a)\1", 0, says=REGEX),
    matched("abc", "(((((x{1000}){1000}){1000}){1000})", 0, says=REGEX),
    matched("", "", 0, 1),
    of("Length", "length", "", 0),
    of("Length", "length", "日𝄞本", 3),
    of("Length", "length", "gru\u0308n", 5),
    of("Lower", "result", "ÄBC ΣΑΣ", "ÄBC ΣΑΣ".lower()),
    of("Upper", "result", "äbc ß", "ÄBC SS"),
    of("Lower", "result", "", ""),
    of("Upper", "result", SCRIPTS, "GRÜN 日本 𝄞"),
    trimmed(" \t\r\na b\n ", "", "a b"),
    trimmed("xyaxyx", "xy", "a"),
    trimmed("xyaxyx", "x", "yaxy"),
    trimmed("日a本", "日本", "a"),
    trimmed("xxx", "x", ""),
    trimmed(" a ", "x", " a "),
    Case("Trim", {"string": "--a--", "characters": "-"}, {}, {"trimmed": "a"}),
]


def parsed(text, value, kind="Any", says=None):
    outputs = {} if says else {"output": Of("Any", value), "is_array": isinstance(value, list)}
    return Case("JSON Parse", {}, {"input": text}, outputs, says=says)


NO_JSON = r"(?i)json"
JSON = [
    parsed("1", 1),
    parsed("-2147483648", -(2**31)),
    parsed("2147483648", 2147483648.0),
    parsed("1.0", 1.0),
    parsed("1e3", 1000.0),
    parsed("true", True),
    parsed('"grün \\ud834\\udd1e \\u0000"', "grün 𝄞 \u0000"),
    parsed("null", None),
    parsed("[]", []),
    parsed('[1, "a", null, [true], {"b": 0.5}]', [1, "a", None, [True], {"b": 0.5}]),
    parsed('{"": 1, "ü": {"b": []}}', {"": 1, "ü": {"b": []}}),
    parsed(' \n{"a": 1}\t', {"a": 1}),
    parsed("", None, says=NO_JSON),
    parsed(" ", None, says=NO_JSON),
    parsed("NaN", None, says=NO_JSON),
    parsed("[1,]", None, says=NO_JSON),
    parsed("{'a': 1}", None, says=NO_JSON),
    parsed("1 2", None, says=NO_JSON),
    parsed('"\\ud834"', None, says=NO_JSON),
    parsed("1e400", None, says=NO_JSON),
    parsed("[" * 100_000, None, says=NO_JSON),
    parsed("[" * 100_000 + "]" * 100_000, None, says=NO_JSON),
    Case("JSON Parse", {"value": "[2]"}, {}, {"output": Of("Any", [2]), "is_array": True}),
]


def stringified(value, text, **attributes):
    return Case("JSON Stringify", attributes, {"input": value}, {"output": text})


JSON += [
    stringified(1, "1"),
    stringified(-2.5, "-2.5"),
    stringified(True, "true"),
    stringified('a"\\\n grün 𝄞', '"a\\"\\\\\\n grün 𝄞"'),
    stringified([1, "a", [True]], '[1,"a",[true]]'),
    stringified({"a": 1, "b": {"c": []}}, '{"a":1,"b":{"c":[]}}'),
    stringified({}, "{}"),
    stringified(Json("Any", "null"), "null"),
    stringified(Of("Vector2", [1.5, 2.5]), "[1.5,2.5]"),
    stringified({"a": [1, 2]}, json.dumps({"a": [1, 2]}, indent=2), beautified=True),
]


def pick(dictionary, keys, outputs, says=None, **inputs):
    keys = [{"key": key, "data_type": kind} for key, kind in keys]
    outputs = {} if says else {"dictionary": dictionary, **{f"value.{key}": value for key, value in outputs.items()}}
    inputs = {"dictionary": dictionary, **inputs}
    return Case("Get Dictionary Element", {"keys": keys}, inputs, outputs, says=says, literals=len(inputs) == 1)


def put(dictionary, key, value, result, kind="String"):
    inputs = {"dictionary": dictionary, "key": key, "value": value}
    return Case("Set Dictionary Element", {"data_type": kind}, inputs, {"dictionary": result})


def erased(dictionary, keys, result, **inputs):
    inputs = {"dictionary": dictionary, **inputs}
    return Case("Erase Dictionary Element", {"keys": keys}, inputs, {"dictionary": result}, literals=len(inputs) == 1)


def merged(*dictionaries, result):
    inputs = {f"dictionary_{number}": each for number, each in enumerate(dictionaries, 1)}
    return Case("Merge Dictionaries", {"count": len(dictionaries)}, inputs, {"new_dictionary": result})


ABC = {"a": 1, "b": "zwei", "c": [3]}
DICTIONARIES = [
    Case("Dictionary Value", {"value": ABC}, {}, {"output": ABC}),
    Case("Dictionary Value", {}, {}, {"output": {}}),
    Case("Dictionary Value", {"value": ABC}, {"input": {"x": True}}, {"output": {"x": True}}),
    pick(ABC, [("a", "Int")], {"a": 1}),
    pick(ABC, [("a", "Int"), ("b", "String"), ("c", "Array")], ABC),
    pick({"with blank": 1, "ü.v": 2}, [("with blank", "Int"), ("ü.v", "Int")], {"with blank": 1, "ü.v": 2}),
    pick({"": 5}, [("", "Int")], {}),
    pick({"a": 1}, [("a", "Float")], {"a": 1.0}),
    pick({"a": 1}, [("a", "Any")], {"a": Of("Any", 1)}),
    pick(ABC, [("d", "Int")], {}, says=r"\bd\b"),
    pick({}, [("a", "Int")], {}, says=r"\ba\b"),
    pick({"a": "one"}, [("a", "Int")], {}, says=r"\ba\b|Int"),
    pick(ABC, [("a", "String")], {"a": "zwei"}, **{"key.a": "b"}),
    put({}, "a", "x", {"a": "x"}),
    put({"a": "x", "b": "y"}, "a", "z", {"a": "z", "b": "y"}),
    put({"a": 1}, "", 2, {"a": 1, "": 2}, "Int"),
    put({"a": 1}, "ü", [True], {"a": 1, "ü": [True]}, "Array"),
    Case(
        "Set Dictionary Element",
        {"key": "k", "data_type": "Int", "default_value": 7},
        {"dictionary": {}},
        {"dictionary": {"k": 7}},
    ),
    erased(ABC, ["a", "c"], {"b": "zwei"}),
    erased(ABC, ["d"], ABC),
    erased({}, ["a"], {}),
    erased(ABC, ["a"], {"a": 1, "c": [3]}, **{"key.a": "b"}),
    Case("Get Dictionary Keys", {}, {"dictionary": ABC}, {"dictionary": ABC, "keys": ["a", "b", "c"]}),
    Case("Get Dictionary Keys", {}, {"dictionary": {}}, {"keys": []}),
    Case("Get Dictionary Values", {}, {"dictionary": ABC}, {"dictionary": ABC, "values": [1, "zwei", [3]]}),
    Case("Size of Dictionary", {}, {"dictionary": ABC}, {"dictionary": ABC, "size": 3}),
    Case("Size of Dictionary", {}, {"dictionary": {}}, {"size": 0}),
    merged({"a": 1, "b": 2}, {"b": 3, "c": 4}, result={"a": 1, "b": 2, "c": 4}),
    merged({}, {}, result={}),
    merged({"a": 1}, {"a": 2}, {"a": 3, "d": 4}, result={"a": 1, "d": 4}),
]


def element(array, index, kind, value, says=None):
    attributes, inputs = {"data_type": kind}, {"array": array, "index": index}
    # An element that is not there is a warning: the pulse goes on, with the zero of the type.
    return Case("Get Array Element", attributes, inputs, {"array": array, "value": value}, way="next", says=says)


def no_element(array, index, kind, says):
    return Case("Get Array Element", {"data_type": kind}, {"array": array, "index": index}, says=says)


def changed(node, array, pairs, result, says=None, kind="Any"):
    inputs = {"array": array}
    for number, pair in enumerate(pairs, 1):
        inputs[f"index_{number}"] = pair[0]
        if len(pair) > 1:
            inputs[f"value_{number}"] = pair[1]
    attributes = {"count": len(pairs), **({} if node == "Remove Array Element" else {"data_type": kind})}
    return Case(node, attributes, inputs, {} if says else {"array": result}, says=says)


def pushed(array, values, result, **attributes):
    inputs = {} if array is None else {"array": array}
    inputs |= {f"value_{number}": value for number, value in enumerate(values, 1)}
    return Case("Push Array Element", {"count": len(values), **attributes}, inputs, {"array": result})


def popped(array, rest, value, kind="Any", says=None, **attributes):
    outputs = {"array": rest, "value": value}
    way = "next" if not says or not array else None
    if says and array:
        outputs = {}
    return Case("Pop Array Element", {"data_type": kind, **attributes}, {"array": array}, outputs, way=way, says=says)


NO_INDEX = r"(?i)index|element|insert"
ARRAYS = [
    Case("Array Value", {"value": [1, "a", [True]]}, {}, {"output": [1, "a", [True]]}),
    Case("Array Value", {}, {}, {"output": []}),
    Case("Array Value", {"value": [1]}, {"input": ["x"]}, {"output": ["x"]}),
    element(["a", "b"], 1, "String", "b"),
    element([1], 0, "Float", 1.0),
    element([[1]], 0, "Any", Of("Any", [1])),
    element(["a"], 10, "String", "", says=r"(?i)cannot get array element 10"),
    element([], 0, "Int", 0, says=NO_INDEX),
    element(["a"], -1, "String", "", says=NO_INDEX),
    element(["a"], MOST, "Bool", False, says=NO_INDEX),
    no_element(["a"], 0, "Int", says=r"(?i)Int"),
    Case("Get Array Element", {"default_index": 1, "data_type": "Int"}, {"array": [1, 2]}, {"value": 2}),
    changed("Set Array Element", [1, 2, 3], [(1, "x")], [1, "x", 3]),
    changed("Set Array Element", [1], [(3, 4)], [1, None, None, 4]),
    changed("Set Array Element", [], [(0, 1), (1, 2)], [1, 2], kind="Int"),
    changed("Set Array Element", [1], [(-1, 4)], None, says=NO_INDEX),
    changed("Set Array Element", [1], [(MOST, 4)], None, says=NO_INDEX),
    pushed([1], ["a"], [1, "a"]),
    pushed(None, ["a"], ["a"]),
    pushed([1], [2, 3], [1, 2, 3], data_type="Int"),
    pushed([1], ["a"], ["a", 1], add_to_end=False),
    Case("Push Array Element", {"data_type": "Int", "default_value": 5}, {"array": []}, {"array": [5]}),
    popped([1, "a"], [1], "a", "String"),
    popped([1, "a"], ["a"], 1, "Int", pop_end=False),
    popped([], [], 0, "Int", says=r"(?i)empty|element"),
    popped(["a"], None, None, "Int", says=r"(?i)Int"),
    changed("Insert Array Element", [1, 2], [(0, "x")], ["x", 1, 2]),
    changed("Insert Array Element", [1, 2], [(2, "x")], [1, 2, "x"]),
    changed("Insert Array Element", [1, 2], [(0, "x"), (0, "y")], ["y", "x", 1, 2]),
    changed("Insert Array Element", [1, 2], [(3, "x")], None, says=NO_INDEX),
    changed("Insert Array Element", [1, 2], [(-1, "x")], None, says=NO_INDEX),
    changed("Remove Array Element", [1, 2, 3], [(1,)], [1, 3]),
    changed("Remove Array Element", [1, 2, 3], [(0,), (2,)], [2]),
    changed("Remove Array Element", [1, 2, 3], [(2,), (0,)], [2]),
    changed("Remove Array Element", [1], [(1,)], None, says=NO_INDEX),
    changed("Remove Array Element", [], [(0,)], None, says=NO_INDEX),
    changed("Remove Array Element", [1], [(-1,)], None, says=NO_INDEX),
    Case("Length of Array", {}, {"array": [1, "a"]}, {"length": 2, "array": [1, "a"]}),
    Case("Length of Array", {}, {"array": []}, {"length": 0}),
]

TABLE = Table(FORMAT + STRINGS + JSON + DICTIONARIES + ARRAYS)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return TABLE.run(tmp_path_factory.mktemp("text"))


@pytest.mark.parametrize("name", TABLE.cases, ids=TABLE.ids())
def test_node(outcomes, name):
    TABLE.check(name, outcomes[name])
