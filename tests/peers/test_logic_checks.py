"""What `patchcord check` says about logic graphs: each mistake with its file, line, column and a remedy.

All graphs stand in one patch, each in a file of its own, and are checked in one run. In a graph the marks ⟦ and ⟧ stand
around what has to be pointed at.
"""

import re
from dataclasses import dataclass

import pytest

from running import Command

PATCH = """
[patch]
format = 1

[connection.socketio.chat]
url = "http://127.0.0.1"
port = 3000

[connection.socketio.other]
url = "http://127.0.0.1"
port = 3001
"""
ALONE = '[node.init]\ntype = "On Initialize"\n'
INIT = ALONE + 'next = "a"\n'
# Definitions that tests refer to.
NAMES = """
[var.count]
type = "Int"
[event.tell]
params = [{ name = "text", type = "String" }]
[function.f]
params = [{ name = "n", type = "Int" }]
results = [{ name = "m", type = "Int" }]
[function.f.node.in]
type = "Function Input"
next = "out"
[function.f.node.out]
type = "Function Output"
"""


@dataclass
class Mistake:
    name: str
    text: str
    says: str
    help: str = ""
    kind: str = "error"


def a(rest, before=INIT, after=""):
    """A graph whose node `a` is pulsed by On Initialize."""
    return f"{before}[node.a]\n{rest}\n{after}"


def socketio(kind, rest="", configuration="chat"):
    return f'type = "Socket.IO {kind}"\nset.configuration = "{configuration}"\n{rest}'


def receive(rest=""):
    return socketio("Receive", rest).replace("Socket.IO", "On Socket.IO")


CONSOLE_B = '[node.b]\ntype = "Console"\n'
MISTAKES = [
    # ---- the form
    Mistake("syntax", INIT + '[node.a]\ntype = ⟦"Console⟧\n', "(?i)string|toml|quote|newline"),
    Mistake("key_twice", a('type = "Console"\n⟦type⟧ = "Add"'), "(?i)duplicate|twice"),
    Mistake("node_twice", a('type = "Console"') + '[node.⟦a⟧]\ntype = "Add"\n', "(?i)duplicate|twice"),
    Mistake("no_such_table", ALONE + '[⟦nod⟧.a]\ntype = "Console"\n', "nod", "node"),
    Mistake("no_such_key", a('type = "Console"\n⟦nxet⟧ = "init"'), "nxet", "next"),
    Mistake("no_type", a('⟦⟧note = "x"').replace("[node.a]\n⟦⟧", "[node.⟦a⟧]\n"), "type"),
    Mistake("node_is_no_table", ALONE + "[node]\na = ⟦5⟧\n", "(?i)table|node"),
    Mistake("enabled_is_no_bool", a('type = "Console"\nenabled = ⟦"no"⟧'), "(?i)enabled.*true or false"),
    Mistake("pass_through_is_no_bool", a('type = "Console"\npass_through = ⟦1⟧'), "(?i)pass_through.*true or false"),
    Mistake(
        "two_nodes_behind_one_pulse", a('type = "Console"\nnext = ⟦["b", "c"]⟧'), "(?i)next.*text|string|one node", ""
    ),
    Mistake("type_is_no_text", a("type = 5").replace("[node.a]", "[node.⟦a⟧]"), "type.*text", 'type = "Console"'),
    # ---- types, attributes, sockets
    Mistake("unknown_type", a('type = ⟦"Consol"⟧'), "Consol", "Console"),
    Mistake("type_in_other_case", a('type = ⟦"socket.io start"⟧'), "socket.io start", "Socket.IO Start"),
    Mistake("empty_type", a('type = ""').replace("[node.a]", "[node.⟦a⟧]"), "(?i)node|type"),
    Mistake("type_of_other_script", a('type = ⟦"Консоль"⟧'), "Консоль"),
    Mistake("unknown_attribute", a('type = "Console"\nset.⟦valeu⟧ = "x"'), "valeu", "value"),
    Mistake("attribute_of_another", a('type = "Toggle"\nset.⟦pulse_count⟧ = 2'), "pulse_count"),
    Mistake(
        "missing_attribute", a('type = "Variable Setter"').replace("[node.a]", "[node.⟦a⟧]"), "Variable", "set.variable"
    ),
    Mistake("wrong_attribute_type", a('type = "Sequential"\nset.pulse_count = ⟦"two"⟧'), "Pulse Count.*number"),
    Mistake("no_choice", a('type = "Console"\nset.type = ⟦"Debugg"⟧'), "Debugg", "Debug"),
    Mistake("no_data_type", a('type = "Add"\nset.data_type = ⟦"String"⟧'), "Data Type is one of Int, Float"),
    Mistake("unknown_data_type", a('type = "Console"\nset.data_type = ⟦"Strin"⟧'), "Strin", "String"),
    Mistake("too_few_outputs", a('type = "Sequential"\nset.pulse_count = ⟦0⟧'), "1"),
    Mistake("too_many_outputs", a('type = "Sequential"\nset.pulse_count = ⟦1001⟧'), "1000"),
    Mistake("negative_count", a('type = "AND"\nset.count = ⟦-1⟧'), "1"),
    Mistake("huge_int", a('type = "Numerical Value"\nset.value = ⟦2147483648⟧'), "(?i)2147483648|range|fit|32 bit"),
    Mistake(
        "huge_byte", a('type = "Numerical Value"\nset.data_type = "Byte"\nset.value = ⟦128⟧'), "(?i)128|range|fit|Byte"
    ),
    Mistake(
        "huge_integer",
        a('type = "Numerical Value"\nset.value = ⟦99999999999999999999⟧'),
        "(?i)integer|number|large|fit|range",
    ),
    Mistake("float_for_int", a('type = "Numerical Value"\nset.value = ⟦1.5⟧'), "whole number"),
    Mistake("literal_of_other_type", a('type = "Length"\nset.string = ⟦5⟧'), "text"),
    Mistake(
        "vector_too_short",
        a('type = "Add"\nset.data_type = "Vector3"\nset.input_1 = ⟦[1.0, 2.0]⟧'),
        "(?i)Vector3|three|3",
    ),
    Mistake(
        "text_in_vector", a('type = "Add"\nset.data_type = "Vector2"\nset.input_1 = ⟦[1.0, "b"]⟧'), "(?i)Vector2|number"
    ),
    Mistake("case_of_other_type", a('type = "Switch"\nset.cases = ["1"]').replace('["1"]', '[⟦"1"⟧]'), "whole number"),
    Mistake("unknown_input", a('type = "Console"\nfrom.⟦inputt⟧ = "init.x"'), "inputt", "input"),
    Mistake("input_beyond_count", a('type = "Add"\nset.count = 2\nset.⟦input_3⟧ = 1'), "input_3"),
    Mistake("unknown_pulse", a('type = "Branch"\non.⟦on_tru⟧ = "b"', after=CONSOLE_B), "on_tru", "on_true"),
    Mistake("pulse_beyond_count", a('type = "Sequential"\non.pulse.⟦3⟧ = "b"', after=CONSOLE_B), "3"),
    Mistake("no_such_case", a('type = "Switch"\nset.cases = [1]\non.case.⟦2⟧ = "b"', after=CONSOLE_B), "2"),
    Mistake("no_standard_pulse", a('type = "Branch"\nnext = ⟦"b"⟧', after=CONSOLE_B), "pulse", "on.on_true"),
    Mistake(
        "event_trigger_ends_its_branch",
        a('type = "Event Trigger"\nset.event = "tell"\nnext = ⟦"b"⟧', after=CONSOLE_B + NAMES),
        "pulse",
    ),
    # ---- wires
    Mistake(
        "pulse_to_nobody", a('type = "Console"\nnext = ⟦"boo"⟧', after='[node.boot]\ntype = "Console"\n'), "boo", "boot"
    ),
    Mistake("pulse_to_itself_by_empty_name", a('type = "Console"\nnext = ⟦""⟧'), "(?i)node"),
    Mistake("pulse_to_an_event", a('type = "Console"\nnext = ⟦"init"⟧'), "(?i)pulse"),
    Mistake("pulse_input_that_is_not_there", a('type = "Console"\nnext = ⟦"b.pulse.1"⟧', after=CONSOLE_B), "pulse.1"),
    Mistake(
        "pulse_input_to_choose",
        a('type = "Console"\nnext = ⟦"b"⟧', after='[node.b]\ntype = "Select Data"\n'),
        "(?i)pulse",
        "pulse.1",
    ),
    Mistake("data_from_nobody", a('type = "Console"\nfrom.input = ⟦"nobody.output"⟧'), "nobody"),
    Mistake(
        "data_from_no_output",
        a('type = "Console"\nfrom.input = ⟦"b.outptu"⟧\nnext = "b"', after='[node.b]\ntype = "String Value"\n'),
        "outptu",
        "output",
    ),
    Mistake(
        "data_from_a_pulse",
        a('type = "Console"\nfrom.input = ⟦"b.on_true"⟧\nnext = "b"', after='[node.b]\ntype = "Branch"\n'),
        "on_true",
    ),
    Mistake(
        "data_from_a_node_without_socket",
        a('type = "Console"\nfrom.input = ⟦"b"⟧\nnext = "b"', after='[node.b]\ntype = "String Value"\n'),
        "b",
        "b.output",
    ),
    Mistake("data_from_no_variable", a('type = "Console"\nfrom.input = ⟦"var.cuont"⟧', after=NAMES), "cuont", "count"),
    Mistake("wire_is_no_text", a('type = "Console"\nfrom.input = ⟦5⟧'), "(?i)text|string"),
    Mistake(
        "two_wires_into_one_input",
        a('type = "Console"\nfrom.input = ⟦["b.output", "c.output"]⟧'),
        "(?i)text|string|one",
    ),
    Mistake(
        "types_differ",
        a('type = "Console"\nfrom.input = ⟦"b.output"⟧\nnext = "b"', after='[node.b]\ntype = "Numerical Value"\n'),
        "Int.*String|String.*Int",
        "Conversion",
    ),
    Mistake(
        "int_into_float",
        a('type = "Add"\nset.data_type = "Float"\nfrom.input_1 = ⟦"var.count"⟧', after=NAMES),
        "Int.*Float|Float.*Int",
        "Conversion",
    ),
    Mistake(
        "any_into_dictionary",
        a(
            'type = "Size of Dictionary"\nfrom.dictionary = ⟦"b.output"⟧\nnext = "b"',
            after='[node.b]\ntype = "JSON Parse"\nset.value = "{}"\n',
        ),
        "Any.*Dictionary|Dictionary.*Any",
        "Conversion",
    ),
    # ---- names
    Mistake("no_such_variable", a('type = "Variable Setter"\nset.variable = ⟦"cuont"⟧', after=NAMES), "cuont", "count"),
    Mistake("no_such_event", a('type = "Event Trigger"\nset.event = ⟦"tel"⟧', after=NAMES), "tel", "tell"),
    Mistake("no_such_function", a('type = "Function"\nset.function = ⟦"g"⟧', after=NAMES), "g"),
    Mistake(
        "no_such_parameter",
        a('type = "Event Trigger"\nset.event = "tell"\nset.⟦txet⟧ = "x"', after=NAMES),
        "txet",
        "text",
    ),
    Mistake(
        "parameter_of_other_type",
        a('type = "Function"\nset.function = "f"\nset.n = ⟦"x"⟧', after=NAMES),
        "whole number",
    ),
    Mistake(
        "no_such_result",
        a(
            'type = "Console"\nset.data_type = "Int"\nfrom.input = ⟦"b.n"⟧\nnext = "b"',
            after='[node.b]\ntype = "Function"\nset.function = "f"\n' + NAMES,
        ),
        "n",
    ),
    Mistake("variable_without_type", ALONE + "[var.⟦x⟧]\ninitial = 5\n", "type"),
    Mistake("variable_of_no_type", ALONE + '[var.x]\ntype = ⟦"Integer"⟧\n', "Integer"),
    Mistake("initial_of_other_type", ALONE + '[var.x]\ntype = "Int"\ninitial = ⟦"5"⟧\n', "whole number"),
    Mistake("unknown_key_of_variable", ALONE + '[var.x]\ntype = "Int"\n⟦inital⟧ = 5\n', "inital", "initial"),
    Mistake(
        "parameter_twice",
        ALONE + '[event.e]\nparams = [{ name = "p", type = "Int" }, { name = ⟦"p"⟧, type = "Int" }]\n',
        "two parameters",
    ),
    Mistake("parameter_without_name", ALONE + '[event.e]\nparams = [⟦{ type = "Int" }⟧]\n', "name"),
    Mistake(
        "default_of_other_type",
        ALONE + '[event.e]\nparams = [{ name = "p", type = "Int", default = ⟦"x"⟧ }]\n',
        "whole number",
    ),
    Mistake(
        "initial_too_great", ALONE + '[var.x]\ntype = "Int"\ninitial = ⟦3000000000⟧\n', "3000000000|range|fit|32 bits"
    ),
    Mistake("id_with_a_point", ALONE + '[node.⟦"a.b"⟧]\ntype = "Toggle"\n', "id of a node", kind="error"),
    Mistake("empty_id", ALONE + '[node.⟦""⟧]\ntype = "Toggle"\n', "id of a node"),
    Mistake("unknown_key_of_event", ALONE + "[event.e]\n⟦param⟧ = []\n", "param", "params"),
    Mistake(
        "parameter_of_no_type", ALONE + '[event.e]\nparams = [{ name = "p", type = ⟦"Pulse"⟧ }]\n', "Pulse", "String"
    ),
    Mistake("set_is_no_table", a('type = "Console"\nset = ⟦5⟧'), "table"),
    Mistake("from_is_no_table", a('type = "Console"\nfrom = ⟦"b.output"⟧'), "table"),
    Mistake("on_is_no_table", a('type = "Branch"\non = ⟦"b"⟧'), "table"),
    Mistake("date", a('type = "Console"\nset.value = ⟦1979-05-27T07:32:00Z⟧'), "text"),
    Mistake("int_that_is_no_number", a('type = "Numerical Value"\nset.value = ⟦nan⟧'), "NaN"),
    Mistake("case_twice", a('type = "Switch"\nset.cases = [⟦1, 1⟧]').replace("[⟦1, 1⟧]", "⟦[1, 1]⟧"), "twice"),
    Mistake("handle_that_is_written", ALONE + '[var.x]\ntype = "CustomID"\ninitial = ⟦"x"⟧\n', "handle"),
    Mistake("deep", a('type = "Array Value"\nset.value = ⟦' + "[" * 5000 + "]" * 5000 + "⟧"), "(?i)recur|deep"),
    Mistake("pulse_zero", a('type = "Sequential"\non.pulse.⟦0⟧ = "b"', after=CONSOLE_B), "pulse.0"),
    # ---- functions
    Mistake("no_function_input", ALONE + "[function.⟦f⟧]\n", "Function Input", 'type = "Function Input"'),
    Mistake(
        "two_function_inputs",
        ALONE + NAMES.replace("[function.f]", "[function.⟦f⟧]") + '[function.f.node.in2]\ntype = "Function Input"\n',
        "two nodes Function Input",
    ),
    Mistake(
        "wire_from_outside_a_function",
        a('type = "String Value"') + NAMES + '[function.f.node.c]\ntype = "Console"\nfrom.input = ⟦"a.output"⟧\n',
        'no node "a"',
    ),
    Mistake(
        "pulse_out_of_a_function",
        a('type = "Toggle"') + NAMES.replace('next = "out"', 'next = ⟦"a"⟧'),
        'no node "a"',
    ),
    # ---- scopes and connections
    Mistake(
        "socketio_in_function",
        ALONE + NAMES + '[function.f.node.open]\ntype = ⟦"Socket.IO Start"⟧\nset.configuration = "chat"\n',
        "(?i)function",
    ),
    Mistake(
        "initialize_in_function", ALONE + NAMES + '[function.f.node.begin]\ntype = ⟦"On Initialize"⟧\n', "(?i)function"
    ),
    Mistake("function_input_outside", ALONE + '[node.in]\ntype = ⟦"Function Input"⟧\n', "(?i)function"),
    Mistake("no_such_connection", a(socketio("Start", configuration="⟦").replace('"⟦"', '⟦"caht"⟧')), "caht", "chat"),
    Mistake(
        "no_connection_chosen",
        a('type = "Socket.IO Start"').replace("[node.a]", "[node.⟦a⟧]"),
        "Configuration",
        "set.configuration",
    ),
    Mistake(
        "empty_configuration",
        a('type = "Socket.IO Start"\nset.configuration = ⟦""⟧'),
        "(?i)configuration|connection",
        "",
    ),
    Mistake("bluetooth", a('type = ⟦"Bluetooth Scan"⟧'), "Bluetooth Scan"),
    # ---- warnings
    Mistake(
        "unreachable", ALONE + '[node.⟦lost⟧]\ntype = "Console"\n', "(?i)lost.*(reach|event)|never", kind="warning"
    ),
    Mistake(
        "unreachable_behind_unreachable",
        ALONE + '[node.⟦lost⟧]\ntype = "Toggle"\nnext = "b"\n[node.b]\ntype = "Toggle"\n',
        "lost|b",
        kind="warning",
    ),
    Mistake(
        "circle",
        '[node.init]\ntype = "On Initialize"\nnext = "a"\n[node.⟦a⟧]\ntype = "Toggle"\nnext = "b"\n[node.b]\ntype = "Toggle"\nnext = "a"\n',
        "(?i)circle|cycle",
        "Start Timeout",
        kind="warning",
    ),
    Mistake(
        "circle_of_one",
        '[node.init]\ntype = "On Initialize"\nnext = "a"\n[node.⟦a⟧]\ntype = "Toggle"\nnext = "a"\n',
        "(?i)circle|cycle",
        kind="warning",
    ),
    Mistake(
        "start_then_send",
        a(socketio("Start", 'next = ⟦"b"⟧', "chat"), after="[node.b]\n" + socketio("Send", 'set.event_name = "x"')),
        "(?i)send|open|connection",
        "On Socket.IO Start",
        kind="warning",
    ),
    Mistake(
        "start_then_later_send",
        a(
            socketio("Start", 'next = ⟦"b"⟧', "chat"),
            after='[node.b]\ntype = "Console"\nnext = "c"\n[node.c]\n' + socketio("Send", 'set.event_name = "x"'),
        ),
        "(?i)send|open|connection",
        "On Socket.IO Start",
        kind="warning",
    ),
    Mistake("nothing_subscribed", ALONE + "[node.⟦got⟧]\n" + receive(), "(?i)subscri", "Subscribe", kind="warning"),
    Mistake(
        "subscribed_elsewhere",
        a(socketio("Subscribe", 'set.event_name = "x"', "other"), after="[node.⟦got⟧]\n" + receive()),
        "(?i)subscri",
        "Subscribe",
        kind="warning",
    ),
    Mistake(
        "case_never_subscribed",
        a(
            socketio("Subscribe", 'set.event_name = "chat"'),
            after="[node.got]\n"
            + receive('next = "s"')
            + '\n[node.⟦s⟧]\ntype = "Switch"\nset.data_type = "String"\nset.cases = ["chat", "caht"]\n'
            + 'from.input = "got.trigger_name"\n',
        ),
        "caht",
        kind="warning",
    ),
]
GOOD = {
    "good_not_used": ALONE + NAMES,
    "good_value_of_any_type": a('type = "JSON Stringify"\nset.input = { a = [1, "x", { b = 1.5 }] }'),
    "good_mark_of_encoding": "\ufeff" + ALONE,
    "good_thousand_pulses": a('type = "Sequential"\nset.pulse_count = 1000\non.pulse.1000 = "b"', after=CONSOLE_B),
    "good_empty": "",
    "good_comment": "# nothing yet\n",
    "good_note": a('type = "Console"\nnote = "grün 𝄞"\nenabled = true\npass_through = false'),
    "good_layout": a('type = "Console"', after="[layout]\ninit = [0, 0]\na = [220, -40.5]\n"),
    "good_long_names": ALONE + f'next = "{"x" * 200}"\n[node.{"x" * 200}]\ntype = "Console"\n',
    "good_int_for_float": a('type = "Start Timeout"\nset.timeout_start_sec = 2'),
    "good_circle_that_waits": a('type = "Start Timeout"\nnext = "a"'),
    "good_any": a('type = "JSON Stringify"\nfrom.input = "var.count"', after=NAMES),
    "good_subscribed_by_wire": a(
        socketio("Subscribe", 'from.event_name = "var.name"'),
        after='[var.name]\ntype = "String"\n[node.got]\n'
        + receive('next = "s"')
        + '\n[node.s]\ntype = "Switch"\nset.data_type = "String"\nset.cases = ["chat"]\n'
        + 'from.input = "got.trigger_name"\n',
    ),
    "good_start_and_subscribe": a(
        socketio("Start", 'next = "b"'), after="[node.b]\n" + socketio("Subscribe", 'set.event_name = "x"')
    ),
    "good_crlf": a('type = "Console"').replace("\n", "\r\n"),
    "good_prefab_free_names": '[node."mit blank"]\ntype = "On Initialize"\n',
}


def split_marks(text):
    """The text without marks, and the place that they stand around: line, first and last column."""
    before, _, rest = text.partition("⟦")
    inside, _, after = rest.partition("⟧")
    column = len(before) - (before.rfind("\n") + 1) + 1
    return before + inside + after, (before.count("\n") + 1, column, column + max(len(inside), 1))


REPORT = re.compile(r"^  (?P<mark>[x!]) (?P<says>.+)$")


class Report:
    """What a check printed, problem by problem."""

    def __init__(self, lines):
        self.problems = []
        for line in lines:
            if found := REPORT.match(line):
                self.problems.append({"mark": found["mark"], "text": found["says"], "help": "", "place": None})
            elif self.problems:
                problem = self.problems[-1]
                if place := re.search(r",-\[(?P<file>.+?):(?P<line>\d+):(?P<column>\d+)\]", line):
                    problem["place"] = (place["file"], int(place["line"]), int(place["column"]))
                elif help_ := re.match(r"^  help: (.*)$", line):
                    problem["help"] = help_[1]
                elif re.match(r"^  [|│] ", line):
                    problem["text"] += " " + line[4:]
                elif re.match(r"^        \S", line):
                    problem["help"] += " " + line.strip()

    def of(self, file):
        return [problem for problem in self.problems if problem["place"] and problem["place"][0] == file]


def check(folder, graphs, patch=PATCH):
    folder.mkdir(exist_ok=True)
    for number, (name, text) in enumerate(graphs.items()):
        (folder / f"{name}.logic.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        patch += f'\n[op.logic{number}]\ntype = "logicCOMP"\nfile = "{name}.logic.toml"\n'
    (folder / "patch.toml").write_text(patch)
    run = Command(["check", folder])
    code = run.end(60)
    return code, Report(run.lines), run


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    graphs = {mistake.name: split_marks(mistake.text)[0] for mistake in MISTAKES}
    code, report, _ = check(tmp_path_factory.mktemp("checks") / "patch", graphs)
    assert code == 1
    return report


@pytest.fixture(scope="module")
def good_report(tmp_path_factory):
    return check(tmp_path_factory.mktemp("checks") / "patch", GOOD)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake(report, mistake):
    problems = report.of(f"{mistake.name}.logic.toml")
    line, first, last = split_marks(mistake.text)[1]
    at_place = [each for each in problems if each["place"][1] == line and first <= each["place"][2] <= last]
    assert at_place, f"nothing is said of {line}:{first}, but {problems}"
    problem = at_place[0]
    assert problem["mark"] == {"error": "x", "warning": "!"}[mistake.kind], problem
    assert re.search(mistake.says, problem["text"]), problem
    assert mistake.help in problem["help"], problem
    # One mistake is said once.
    errors = [each for each in problems if each["mark"] == "x"]
    assert len(errors) == (mistake.kind == "error"), problems


def test_good_graphs_are_not_complained_of(good_report):
    code, report, run = good_report
    assert (code, report.problems) == (0, []), run.output
