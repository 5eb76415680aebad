"""Callbacks: whatever a script does, the patch goes on, and says what went wrong and where."""

import re
import time

import pytest
from websockets.exceptions import ConnectionClosed

from raw import TEXT, Raw, RawWebSocket, frame, request
from running import ECHO, PRELUDE, eventually


def goes_on(server):
    """The server under test still answers requests and echoes messages."""
    assert server.get("/alive").status_code in (200, 404)
    client = server.connect()
    client.send("still here")
    assert client.recv(timeout=8) == "still here"


RAISING = {
    "onWebSocketOpen": "dat, client, uri",
    "onWebSocketReceiveBinary": "dat, client, data",
    "onWebSocketReceivePing": "dat, client, data",
    "onWebSocketClose": "dat, client",
    "onServerStart": "dat",
}


@pytest.mark.parametrize("name", RAISING)
def test_a_callback_that_raises_is_shown_under_its_operator_and_nothing_ends(patch, name):
    server = patch(ECHO + f"def {name}({RAISING[name]}):\n    raise RuntimeError('on purpose')\n")
    client = server.connect()
    client.send("before")
    assert client.recv(timeout=8) == "before"
    client.ping()
    client.send(b"binary")
    client.close()
    server.expect_line("RuntimeError: on purpose")
    server.expect_line(rf"in {name}")
    server.expect_line(r"/project1/webserver1")
    goes_on(server)


def test_an_error_in_onserverstop_does_not_stop_the_stop(patch):
    server = patch(ECHO + "\ndef onServerStop(dat):\n    raise RuntimeError('in stop')\n")
    client = server.connect()
    assert server.stop() == 0
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=8)
    assert closed.value.rcvd.code == 1001
    server.expect_line("RuntimeError: in stop")


def test_the_error_stays_on_the_operator_until_the_callback_works(patch):
    server = patch(
        PRELUDE
        + """
def onHTTPRequest(dat, request, response):
    if request['uri'] == '/bad':
        raise KeyError('missing-thing')
    response['statusCode'] = 200
    return response
"""
    )
    assert server.get("/bad").status_code == 500
    shown = server.do("result = server.scriptErrors() + op('webserver1_callbacks').scriptErrors()")
    assert "missing-thing" in shown
    assert server.get("/good").status_code == 200


def test_the_traceback_shows_the_scripts_own_lines_only(patch):
    server = patch(
        PRELUDE
        + """
def inner():
    return {}['key-that-is-not']

def onHTTPRequest(dat, request, response):
    return inner()
"""
    )
    server.get()
    server.expect_line(r"KeyError: 'key-that-is-not'")
    frames = [line for line in server.lines if re.search(r'File ".*", line \d+', line)]
    assert len(frames) == 2
    assert all("webserver1_callbacks" in frame for frame in frames)
    server.expect_line(r"return \{\}\['key-that-is-not'\]")


def test_the_same_error_again_and_again_does_not_flood_the_textport(patch):
    server = patch(
        PRELUDE
        + """
def onWebSocketReceiveText(dat, client, data):
    if data == 'end':
        dat.webSocketSendText(client, 'end')
    else:
        raise RuntimeError('again')
"""
    )
    client = server.connect()
    for _ in range(2000):
        client.send("x")
    client.send("end")
    assert client.recv(timeout=15) == "end"
    server.expect_line("RuntimeError: again")
    shown = sum("RuntimeError: again" in line for line in server.lines)
    assert 1 <= shown <= 20


@pytest.mark.parametrize(
    "endless",
    [
        "while True: pass",
        "import time; time.sleep(600)",
        "\n        while True:\n            try:\n                while True: pass\n            except Exception: pass",
        "import threading; threading.Event().wait()",
    ],
    ids=["busy", "sleeping", "catching", "waiting"],
)
def test_a_callback_that_never_returns_is_interrupted(patch, endless):
    server = patch(
        PRELUDE
        + f"""
def onHTTPRequest(dat, request, response):
    if request['uri'] == '/hang':
        {endless}
    response['statusCode'] = 200
    return response

def onWebSocketReceiveText(dat, client, data):
    dat.webSocketSendText(client, data)
""",
        settings={"callback_limit_s": 1, "callback_warning_ms": 50},
    )
    client = server.connect()
    start = time.monotonic()
    assert server.get("/hang").status_code == 500
    assert 0.8 < time.monotonic() - start < 5
    server.expect_line(r"onHTTPRequest")
    client.send("survived")
    assert client.recv(timeout=8) == "survived"
    goes_on(server)


def test_a_slow_callback_is_reported(patch):
    server = patch(
        PRELUDE
        + """
def onHTTPRequest(dat, request, response):
    import time
    time.sleep(0.4)
    response['statusCode'] = 200
    return response
""",
        settings={"callback_warning_ms": 100},
    )
    assert server.get().status_code == 200
    server.expect_line(r"onHTTPRequest.*\d+ ms|\d+ ms.*onHTTPRequest")


def test_limits_of_0_are_off(patch):
    server = patch(
        PRELUDE
        + """
def onHTTPRequest(dat, request, response):
    import time
    time.sleep(1.5)
    response['statusCode'] = 200
    return response
""",
        settings={"callback_limit_s": 0, "callback_warning_ms": 0},
    )
    assert server.get().status_code == 200
    assert not server.find_line(r"\d+ ms")


@pytest.mark.parametrize(
    "ending", ["import sys; sys.exit(3)", "raise SystemExit", "quit()", "exit('bye')", "raise KeyboardInterrupt"]
)
def test_a_script_cannot_end_the_program(patch, ending):
    server = patch(ECHO + f"\ndef onHTTPRequest(dat, request, response):\n    {ending}\n")
    assert server.get().status_code == 500
    server.expect_line(r"SystemExit|KeyboardInterrupt")
    client = server.connect()
    client.send("still here")
    assert client.recv(timeout=8) == "still here"


def test_endless_recursion_is_an_error_like_any_other(patch):
    server = patch(
        ECHO + "\ndef onHTTPRequest(dat, request, response):\n    return onHTTPRequest(dat, request, response)\n"
    )
    assert server.get().status_code == 500
    server.expect_line("RecursionError")
    assert len(server.lines) < 500
    client = server.connect()
    client.send("still here")
    assert client.recv(timeout=8) == "still here"


def test_async_callbacks_are_told_apart(patch):
    server = patch(ECHO + "\nasync def onHTTPRequest(dat, request, response):\n    return response\n")
    assert server.get().status_code == 500
    server.expect_line(r"(?i)async")
    client = server.connect()
    client.send("still here")
    assert client.recv(timeout=8) == "still here"


@pytest.mark.parametrize("value", ["7", "'text'", "None"])
def test_a_callback_name_that_is_no_function_is_shown_and_nothing_ends(patch, value):
    server = patch(ECHO + f"\nonHTTPRequest = {value}\n")
    assert server.get().status_code in (404, 500)
    client = server.connect()
    client.send("still here")
    assert client.recv(timeout=8) == "still here"


# ---------------------------------------- what a callback does to its own


def test_a_callback_may_close_its_own_client(patch):
    server = patch(
        PRELUDE
        + """
def onWebSocketReceiveText(dat, client, data):
    log("begin", data)
    dat.webSocketClose(client)
    log("listed", client in dat.webSocketConnections)
    log("end", data)

def onWebSocketClose(dat, client):
    log("close")
"""
    )
    client = server.connect()
    client.send("one")
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=8)
    assert closed.value.rcvd.code == 1000
    server.expect_records("close")
    assert [record[0] for record in server.records()] == ["begin", "listed", "end", "close"], "callbacks do not nest"


def test_messages_behind_a_close_by_script_are_not_delivered(patch):
    server = patch(
        PRELUDE
        + """
def onWebSocketReceiveText(dat, client, data):
    log("text", data)
    dat.webSocketClose(client)

def onWebSocketClose(dat, client):
    log("close")
"""
    )
    with RawWebSocket(server.port) as client:
        client.send(frame(TEXT, b"one") + frame(TEXT, b"two") + frame(TEXT, b"three"))
        assert client.close_code() == 1000
    server.expect_records("close")
    assert server.records() == [["text", "one"], ["close"]]


@pytest.mark.parametrize("way", ["dat.par.active = False", "dat.par.active.val = 0", "op('webserver1').par.active = 0"])
def test_a_callback_may_switch_its_own_server_off(patch, way):
    server = patch(
        ECHO
        + f"""
def onHTTPRequest(dat, request, response):
    {way}
    log("off", bool(dat.par.active))
    response['statusCode'] = 200
    response['data'] = 'switched off'
    return response
"""
    )
    client = server.connect()
    server.expect_records("onWebSocketOpen")
    answer = server.get()
    assert (answer.status_code, answer.text) == (200, "switched off")
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=8)
    assert closed.value.rcvd.code == 1001
    server.expect_records("onServerStop")
    assert server.records("off") == [["off", False]]
    eventually(lambda: refused(server.port), what="a closed port")
    server.do("server.par.active = True")
    server.expect_records("onServerStart", count=2)
    Raw(server.port).socket.close()


def test_a_callback_may_restart_its_own_server(patch):
    server = patch(
        ECHO
        + """
def onWebSocketReceiveText(dat, client, data):
    log("before")
    dat.par.restart.pulse()
    log("after")
"""
    )
    client = server.connect()
    client.send("x")
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=8)
    assert closed.value.rcvd.code == 1001
    server.expect_records("onServerStart", count=2)
    server.expect_records("onWebSocketClose")
    names = [record[0] for record in server.records()]
    assert names[:5] == ["onServerStart", "onWebSocketOpen", "before", "after", "onServerStop"]
    assert sorted(names[5:]) == ["onServerStart", "onWebSocketClose"]
    server.connect().close()


def test_active_off_and_on_in_one_script_is_a_restart(patch):
    server = patch()
    client = server.connect()
    server.expect_records("onWebSocketOpen")
    server.do("server.par.active = 0\nserver.par.active = 1")
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=8)
    server.expect_records("onServerStart", count=2)
    goes_on(server)


def test_a_callback_may_destroy_its_own_operator(patch):
    server = patch(
        PRELUDE
        + """
import gc

def onWebSocketReceiveText(dat, client, data):
    dat.destroy()
    gc.collect()
    log("valid", dat.valid, op('webserver1') is None)
    try:
        dat.webSocketSendText(client, 'x')
    except Exception as error:
        log("raised", isinstance(error, td.Error))
    log("end")

def onWebSocketClose(dat, client):
    log("close")
"""
    )
    client = server.connect()
    client.send("x")
    with pytest.raises(ConnectionClosed):
        client.recv(timeout=8)
    server.expect_records("end")
    assert server.records("valid", "raised", "end") == [["valid", False, True], ["raised", True], ["end"]]
    eventually(lambda: refused(server.port), what="a closed port")
    assert server.do("result = op('webserver1') is None") is True


def refused(port):
    try:
        Raw(port).socket.close()
        return False
    except OSError:
        return True


def test_a_callback_may_be_collected_while_it_runs(patch):
    server = patch(
        PRELUDE
        + """
import gc
LEFT = {"a": 1}

def onHTTPRequest(dat, request, response):
    del globals()['onHTTPRequest']
    me.text = me.text.replace('FIRST', 'SECOND')
    gc.collect()
    response['statusCode'] = 200
    response['data'] = 'FIRST'
    log("still has its globals", LEFT)
    return response
"""
    )
    assert [server.get().text for _ in range(2)] == ["FIRST", "SECOND"]
    assert server.records("still has its globals") == [["still has its globals", {"a": 1}]] * 2


def test_a_callback_may_destroy_its_callbacks_dat(patch):
    server = patch(
        PRELUDE
        + """
import gc

def onHTTPRequest(dat, request, response):
    me.destroy()
    gc.collect()
    response['statusCode'] = 200
    response['data'] = 'last answer'
    log("valid", me.valid)
    return response
"""
    )
    assert server.get().text == "last answer"
    assert server.records("valid") == [["valid", False]]
    assert server.get().status_code == 404


def test_operators_are_out_of_reach_from_other_threads(patch):
    server = patch(
        PRELUDE
        + """
import threading

def onHTTPRequest(dat, request, response):
    seen = []

    def attempt(name, act):
        try:
            act()
            seen.append([name, None])
        except BaseException as error:
            seen.append([name, isinstance(error, td.Error)])

    def work():
        attempt("method", lambda: dat.webSocketSendText('nobody', 'x'))
        attempt("par", lambda: dat.par.port.eval())
        attempt("set", lambda: setattr(dat.par, 'port', 1))
        attempt("op", lambda: op('control'))
        attempt("text", lambda: me.text)
        attempt("plain", lambda: len([1]))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    log("seen", seen)
    response['statusCode'] = 200
    return response
"""
    )
    assert server.get().status_code == 200
    [[_, seen]] = server.records("seen")
    assert seen == [["method", True], ["par", True], ["set", True], ["op", True], ["text", True], ["plain", None]]


def test_a_user_thread_comes_back_by_run(patch):
    server = patch(
        PRELUDE
        + """
import threading

def arrived(value):
    log("arrived", value, threading.current_thread() is threading.main_thread(), op('webserver1').name)

def onHTTPRequest(dat, request, response):
    threading.Thread(target=lambda: run(arrived, 'from a thread', delayFrames=1)).start()
    response['statusCode'] = 200
    return response
"""
    )
    server.get()
    assert server.expect_records("arrived") == [["arrived", "from a thread", True, "webserver1"]]


def test_a_user_thread_may_print(patch):
    server = patch(
        PRELUDE
        + """
import threading

def onHTTPRequest(dat, request, response):
    thread = threading.Thread(target=lambda: log("printed by a thread"))
    thread.start()
    thread.join()
    return response
"""
    )
    server.get()
    server.expect_line("printed by a thread")


def test_pipelined_requests_and_a_vanished_client_leave_nothing_behind(patch):
    server = patch()
    for _ in range(20):
        client = Raw(server.port)
        client.send(request(server.port) * 5)
        client.reset()
    goes_on(server)
    assert "Traceback" not in server.output
