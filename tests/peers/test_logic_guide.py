"""docs/logic.md: its graphs, server and scripts are taken out of the page and do what it says."""

import re

import pytest

from node_script import NodeScript
from running import PYTHON, REPOSITORY, eventually, free_port, save

PAGE = (REPOSITORY / "docs" / "logic.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.S | re.M)
PATCH = '[patch]\nformat = 1\n\n[op.logic1]\ntype = "logicCOMP"\nfile = "graph.logic.toml"\n'
# A patch to press the graph's buttons: each line of the file that is saved is run as a script.
BUTTONS = """
[op.buttons]
type = "textDAT"
file = "buttons.py"

[op.press]
type = "datexecuteDAT"
text = "def onTableChange(dat):\\n    exec(dat.text, {'op': op})\\n"
par.active = true
par.dat = "buttons"
par.tablechange = true
"""


def block(language, having):
    """The one block in which this stands."""
    (found,) = [text for one, text in BLOCKS if one == language and having in text]
    return found


GRAPHS = [text for language, text in BLOCKS if language == "toml" and "[node" in text]
CONNECTIONS = [text for language, text in BLOCKS if language == "toml" and "[connection" in text and "[op." not in text]


def patch_with(folder, graph, *, name="graph.logic.toml", patch=PATCH):
    folder.mkdir()
    (folder / "patch.toml").write_text(patch)
    (folder / name).write_text(graph)
    return folder


def console(output):
    """What nodes have said, as `node: text`."""
    return re.findall(r"\[Player\] \[[\d. :]+\] (.*)$", output, re.M)


@pytest.fixture
def run(command):
    """Runs a patch folder; it ends with exit code 0."""
    started = []

    def start(folder, *options):
        started.append(command("run", folder, "--python", PYTHON, *options))
        return started[-1]

    yield start
    for one in started:
        one.process.terminate()
        assert one.end() == 0


def is_in_order(command, folder):
    # What the page takes out of the environment is there.
    named = re.findall(r'env = "(\w+)"', (folder / "patch.toml").read_text())
    checked = command("check", folder, environment=dict.fromkeys(named, "secret"))
    return checked.end() == 0 and "warning" not in checked.output and "hint" not in checked.output


@pytest.mark.parametrize("number", range(len(GRAPHS)))
def test_no_graph_of_the_page_has_a_mistake_or_a_warning(command, tmp_path, number):
    graph = GRAPHS[number]
    patch = block("toml", "answers.logic.toml") if "Socket.IO" in graph else PATCH
    name = "answers.logic.toml" if "Socket.IO" in graph else "graph.logic.toml"
    assert is_in_order(command, patch_with(tmp_path / "patch", graph, name=name, patch=patch))


@pytest.mark.parametrize("number", range(len(CONNECTIONS)))
def test_no_connection_of_the_page_has_a_mistake(command, tmp_path, number):
    patch = f"{PATCH}\n{CONNECTIONS[number]}"
    assert is_in_order(command, patch_with(tmp_path / "patch", "", patch=patch))


def test_the_first_graph_counts_and_is_edited_while_it_runs(command, run, tmp_path):
    graph, patch = block("toml", 'set.seconds = 1\n'), block("toml", 'file = "seconds.logic.toml"')
    folder = patch_with(tmp_path / "seconds", graph, name="seconds.logic.toml", patch=patch)
    program = run(folder)
    shown = block("", "say: 1 seconds").splitlines()
    program.expect_line("say: 2 seconds$", 20)
    lines = [line for line in program.output.splitlines() if "[Player]" in line]
    digits = re.compile(r"\d")
    assert [digits.sub("0", line) for line in lines[:2]] == [digits.sub("0", line) for line in shown]
    save(folder / "seconds.logic.toml", graph.replace('"%d seconds"', '"%d s"'))
    eventually(lambda: re.search(r"^say: [3-9] s$", "\n".join(console(program.output)), re.M))
    wrong = graph.replace('from.input = "var.seconds"', 'from.input = "var.second"')
    save(folder / "seconds.logic.toml", wrong)
    program.expect_line('line 15, column 14: node "count": there is no variable "second"')
    checked = command("check", folder)
    assert checked.end() != 0
    assert block("", "seconds.logic.toml:15:14") in checked.output
    said = len(console(program.output))
    eventually(lambda: len(console(program.output)) > said, what="the last good graph to go on")


def test_a_graph_of_short_lines_is_the_same(run, tmp_path):
    program = run(patch_with(tmp_path / "short", block("toml", "[node]\n")))
    program.expect_line("say: 2 seconds$", 20)


def test_a_trace_is_as_shown(run, tmp_path):
    program = run(patch_with(tmp_path / "traced", block("toml", 'set.seconds = 1\n')), "--trace-logic")
    program.expect_line("say: 2 seconds$", 20)
    shown = block("", "⚡ every").splitlines()
    lines = [line for line in program.output.splitlines() if "⚡" in line or "►" in line]
    first = lines.index(shown[0])
    assert lines[first:][: len(shown)] == shown


def test_a_graph_subscribes_reads_and_answers(run, tmp_path):
    port = free_port()
    folder = tmp_path / "server"
    folder.mkdir()
    script = block("js", "new Server(3000)").replace("3000", str(port))
    (folder / "server.mjs").write_text(script + "console.log('it listens');\n")
    server = NodeScript(folder, "server.mjs", "it listens")
    patch = block("toml", "answers.logic.toml").replace("3000", str(port))
    program = run(
        patch_with(tmp_path / "answers", block("toml", '"Socket.IO Send"'), name="answers.logic.toml", patch=patch)
    )
    server.expect("^it has read: Hello, graph$")
    assert "show: Hello, graph" in console(program.output)
    server.stop()
    program.expect_line("error: .* say_error: transport close$")


def test_branches_run_in_the_order_of_the_page(run, tmp_path):
    program = run(patch_with(tmp_path / "order", block("toml", '"Sequential"')))
    program.expect_line("third: third", 20)
    assert console(program.output) == [
        "first: first",
        "second: second",
        "third: third, after a fifth of a second",
    ]


def test_scripts_trigger_events_and_read_variables(run, tmp_path):
    script = block("python", "graph.trigger('pay', 10)")
    folder = patch_with(tmp_path / "pay", block("toml", "[event.pay]"), patch=PATCH + BUTTONS)
    save(folder / "buttons.py", "pass\n")
    program = run(folder)
    program.expect_line("pay: ", 20)
    save(folder / "buttons.py", script + "\nonOffToOn(None, 0, 1, 0)\n")
    program.expect_line("^so far 12$")
    assert console(program.output) == ["say: 12"]
    for wrong, error in [("trigger('pay', 1, 2)", "ValueError"), ("variable('totl')", "KeyError")]:
        text = f"try:\n    op('logic1').{wrong}\nexcept Exception as error:\n    print(type(error).__name__)\n"
        save(folder / "buttons.py", text)
        program.expect_line(f"^{error}$")


def test_links_of_the_page_lead_somewhere():
    for target in re.findall(r"\]\(((?!https?:)[^)]+)\)", PAGE):
        path, _, anchor = target.partition("#")
        text = (REPOSITORY / "docs" / path).read_text() if path else PAGE
        titles = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.M)]
        assert not anchor or anchor in titles, target
