"""Scripts as modules: state, edits that fail, imports, and the globals that every script has."""

import time

from running import PRELUDE, eventually

COUNTING = (
    PRELUDE
    + """
calls = 0

def onHTTPRequest(dat, request, response):
    global calls
    calls += 1
    response.update({'statusCode': 200, 'data': f'VERSION {calls}'})
    return response
"""
)


def test_module_state_is_kept_between_calls_and_lost_on_edit(patch):
    server = patch(COUNTING.replace("VERSION", "a"))
    assert [server.get().text for _ in range(3)] == ["a 1", "a 2", "a 3"]
    server.write("webserver1_callbacks.py", COUNTING.replace("VERSION", "b"))
    eventually(lambda: server.get().text.startswith("b"))
    count = int(server.get().text.split()[1])
    assert count <= 60, "the count began anew"
    assert server.get().text == f"b {count + 1}"


def test_saving_the_same_text_again_keeps_the_state(patch):
    server = patch(COUNTING.replace("VERSION", "a"))
    assert server.get().text == "a 1"
    server.write("webserver1_callbacks.py", COUNTING.replace("VERSION", "a"))
    server.change(maxbody=1234)  # a later edit that has arrived
    assert server.get().text == "a 2"


def test_storage_outlives_an_edit(patch):
    text = (
        PRELUDE
        + """
def onHTTPRequest(dat, request, response):
    dat.store('calls', dat.fetch('calls', 0) + 1)
    response.update({'statusCode': 200, 'data': 'VERSION ' + str(dat.fetch('calls'))})
    return response
"""
    )
    server = patch(text.replace("VERSION", "a"))
    assert [server.get().text for _ in range(2)] == ["a 1", "a 2"]
    server.write("webserver1_callbacks.py", text.replace("VERSION", "b"))
    eventually(lambda: server.get().text.startswith("b"))
    assert int(server.get().text.split()[1]) > 3


def test_a_syntax_error_keeps_the_last_good_script_and_shows_its_line(patch):
    server = patch(COUNTING.replace("VERSION", "a"))
    assert server.get().text == "a 1"
    client = server.connect()
    broken = COUNTING.replace("VERSION", "b").replace("calls += 1", "calls += = 1")
    line = broken.splitlines().index("    calls += = 1") + 1
    server.write("webserver1_callbacks.py", broken)
    server.expect_line(rf"webserver1_callbacks(\.py)?.*(:|line ){line}\b")
    assert server.get().text == "a 2"
    errors = server.do("result = [server.errors() + server.scriptErrors(), op('webserver1_callbacks').errors()]")
    assert any(f"{line}" in text for text in errors)
    server.write("webserver1_callbacks.py", COUNTING.replace("VERSION", "c"))
    eventually(lambda: server.get().text.startswith("c"))
    eventually(lambda: server.do("result = server.errors() + op('webserver1_callbacks').errors()") == "")
    assert client.ping().wait(0.01) in (True, False)
    client.send("open")


def test_a_script_that_raises_while_it_loads_keeps_the_last_good_one(patch):
    server = patch(COUNTING.replace("VERSION", "a"))
    assert server.get().text == "a 1"
    server.write("webserver1_callbacks.py", "1 / 0\n" + COUNTING.replace("VERSION", "b"))
    server.expect_line("ZeroDivisionError")
    assert server.get().text == "a 2"


def test_a_traceback_of_the_last_good_script_shows_its_own_lines(patch):
    text = (
        PRELUDE + "def onHTTPRequest(dat, request, response):\n    raise ValueError('from the good one')  # good line\n"
    )
    server = patch(text)
    server.get()
    server.expect_line("# good line")
    seen = len(server.lines)
    server.write("webserver1_callbacks.py", text.replace("good line", "broken line") + "def (:\n")
    server.expect_line(r"webserver1_callbacks.*\d+", start=seen)
    seen = len(server.lines)
    eventually(lambda: server.get().status_code == 500 and server.find_line("# good line", seen), 5)
    assert not server.find_line("# broken line", seen)


def test_a_sibling_dat_can_be_imported_and_reached_as_module(patch):
    server = patch(
        PRELUDE
        + """
import helpers
from helpers import double

def onHTTPRequest(dat, request, response):
    response['statusCode'] = 200
    response['data'] = json.dumps([double(4), helpers.double(5), mod.helpers.double(6), mod('helpers').double(7),
                                   op('helpers').module.double(8), helpers.where()])
    return response
""",
        more='[op.helpers]\ntype = "textDAT"\nfile = "helpers.py"\n',
        files={"helpers.py": "def double(x):\n    return 2 * x\n\ndef where():\n    return me.path\n"},
    )
    assert server.get().json() == [8, 10, 12, 14, 16, "/project1/helpers"]


def test_print_and_debug_go_to_the_textport(patch):
    server = patch(
        PRELUDE
        + """
def onHTTPRequest(dat, request, response):
    print('plain', 1, 'é', sep='|', end='!\\n')
    print('one')
    print('two\\nthree')
    debug('debugged', 7)
    return response
"""
    )
    server.get()
    server.expect_line(r"^plain\|1\|é!$")
    server.expect_line(r"debugged 7")
    at = server.lines.index("one")
    assert server.lines[at : at + 3] == ["one", "two", "three"]


def test_a_flood_of_prints_does_not_hold_the_patch(patch):
    server = patch(
        PRELUDE
        + """
def onHTTPRequest(dat, request, response):
    for number in range(100_000):
        print('flood', number)
    response['statusCode'] = 200
    return response
"""
    )
    start = time.monotonic()
    assert server.get().status_code == 200
    assert time.monotonic() - start < 10
    server.expect_line(r"flood 99999|dropped", 15)


def test_globals_of_touchdesigner_need_no_import(patch):
    server = patch(
        PRELUDE
        + """
import td, tdu as imported_tdu

def onHTTPRequest(dat, request, response):
    log("globals", me.path, op('webserver1') == dat, [each.name for each in ops('webserver*')], parent().path,
        project.name != '', absTime.frame >= 0, tdu.clamp(5, 0, 1), td.op('/project1/webserver1') == dat,
        imported_tdu.base('fader12'), app.version != '', op('nothing') is None, str(dat),
        dat.par.port + 0 == dat.par.port.eval())
    return response
"""
    )
    server.get()
    [[_, path, same, found, *rest]] = server.expect_records("globals")
    assert (path, same, found) == (
        "/project1/webserver1_callbacks",
        True,
        ["webserver1", "webserver1_callbacks"],
    )
    assert rest == ["/project1", True, True, 1, True, "fader", True, True, "/project1/webserver1", True]


def test_run_comes_later_and_in_order(patch):
    server = patch(
        PRELUDE
        + """
def later(*values):
    log("later", *values)

def onHTTPRequest(dat, request, response):
    run(later, 3, delayMilliSeconds=300)
    run(later, 2, delayFrames=3)
    run("op('webserver1_callbacks').module.log('later', args[0], me.name)", 1, endFrame=True)
    log("now")
    response['statusCode'] = 200
    return response
"""
    )
    server.get()
    records = server.expect_records("now", "later", count=4)
    assert [record[1] if len(record) > 1 else "now" for record in records] == ["now", 1, 2, 3]


def test_tables_are_seen_at_once_by_the_script_that_writes_them(patch):
    server = patch(
        PRELUDE
        + """
def onHTTPRequest(dat, request, response):
    table = op('table1')
    table.appendRow(['speed', 1])
    table['speed', 'value'] = 2
    log("seen", table.numRows, table['speed', 1].val, table['speed', 'value'] + 1, table['absent', 0],
        table.row('speed')[0].val)
    response['statusCode'] = 200
    return response
""",
        more='[op.table1]\ntype = "tableDAT"\nrows = [["name", "value"]]\n',
    )
    server.get()
    assert server.expect_records("seen") == [["seen", 2, "2", 3, None, "speed"]]
