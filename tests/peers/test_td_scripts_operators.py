"""Scripts around other operators in the manner of TouchDesigner's users: networks made by scripts, Execute DATs,
expressions, Info, channels, stand-ins."""

import pytest
from websockets.exceptions import ConnectionClosed

from running import eventually, free_port


def test_network_builder(scenario):
    builder = scenario("network_builder")
    remote = builder.connect()

    def do(command, **arguments):
        answer = remote.ask({"do": command, **arguments})
        assert "ok" in answer, answer
        return answer["ok"]

    def fails(command, **arguments):
        return remote.ask({"do": command, **arguments})["error"]

    table = do("create", type="tableDAT", name="data", tags=["b", "a"])
    assert (table["path"], table["type"], table["family"]) == ("/project1/work/data", "tableDAT", "DAT")
    assert (table["tags"], table["inputs"], table["docked"], table["x"]) == (["a", "b"], [], [], 150)
    server = do("create", type="webserverDAT", port=1234, active=False, nonsense=1)
    assert (server["name"], server["docked"]) == ("webserver1", ["webserver1_callbacks"])
    builder.expect_line("no parameter nonsense on /project1/work/webserver1")
    assert do("pars", name="webserver1", pattern="port") == {"port": "1234"}
    assert do("create", type="webserverDAT")["name"] == "webserver2"
    assert do("destroy", pattern="webserver2") == ["webserver2"]
    assert do("listing") == ["data", "webserver1", "webserver1_callbacks"]
    assert fails("create", type="nonsenseDAT") in ("Error", "tdError")

    assert do("write", name="data", rows=[["a", 1], ["b", 2]]) == [2, 2]
    assert do("create", type="nullDAT", name="out")["inputs"] == []
    assert do("connect", a="data", b="out")["inputs"] == ["data"]
    assert do("read", name="out") == [["a", "1"], ["b", "2"]]
    do("write", name="data", rows=[["c", 3]])
    assert do("read", name="out") == [["c", "3"]]
    assert do("disconnect", name="out")["inputs"] == []
    do("create", type="textDAT", name="text")
    do("create", type="mergeDAT", name="both")
    assert do("wire", name="both", sources=["data", "out"])["inputs"] == ["data", "out"]

    unit = do("copy", source="template", name="unit1")
    assert (unit["type"], unit["path"]) == ("baseCOMP", "/project1/work/unit1")
    assert do("copy", source="template")["name"] == "template"
    assert do("pars", name="unit1", pattern="Label") == {"Label": "copy of template"}
    assert do("call", name="unit1/text1", function="hello") == "hello from unit1"
    assert do("read", name="unit1/table1") == [["key", "value"], ["state", "new"]]
    assert do("listing", type="tableDAT", depth=2) == ["table1", "table1"]
    assert do("listing", type="tableDAT") == ["data"]
    assert do("listing", name="web*") == ["webserver1", "webserver1_callbacks"]
    assert do("listing", tags=["a"]) == ["data"]
    assert "unit2" in do("rename", name="unit1", to="unit2")
    assert do("call", name="unit2/text1", function="hello") == "hello from unit2"

    assert do("client", text="round trip") == ["ws", "ws_callbacks", "ws"]
    eventually(lambda: do("noted") == "round trip")
    assert sorted(do("destroy", pattern="ws*")) == ["ws", "ws_callbacks"] and do("listing", name="ws*") == []
    assert do("destroy", pattern="unit2") == ["unit2"]
    assert do("listing", name="unit*") == []
    assert fails("read", name="unit2") == "AttributeError"


def test_board_of_the_old_form(scenario):
    board = scenario("board_old")
    page = board.connect()
    first = page.ask([["set", "Ada", 10]])
    assert (first["dat"], first["rows"][0]) == ("scores", {"name": "Ada", "points": "10"})
    # Several changes in one script are one call.
    second = page.ask([["set", "Ada", 11], ["set", "Bo", 12], ["add", "Cy", 5]])
    assert second["count"] == first["count"] + 1
    assert [row["points"] for row in second["rows"]] == ["11", "12", "5"]
    board.expect_line("^size 4 2$")
    assert len(page.ask([["remove", "Bo"]])["rows"]) == 2
    page.send([["set", "Ada", 11]])
    assert page.is_silent(), "nothing has changed"
    page.send([["active", False], ["set", "Ada", 1]])
    assert page.is_silent()
    page.send([["active", True]])
    page.is_silent(0.1)
    page.send([["set", "Ada", 2]])
    assert page.expect(lambda message: message["rows"][0]["points"] == "2")


def test_board_that_is_switched_on_again_tells_at_once(scenario):
    board = scenario("board_old")
    page = board.connect()
    page.send([["active", False], ["set", "Ada", 5]])
    assert page.is_silent()
    page.send([["active", True], ["set", "Ada", 2]])
    assert page.expect(lambda message: message["rows"][0]["points"] == "2")


def test_board_of_the_new_form(scenario):
    board = scenario("board_new")
    page = board.connect()

    def told(script, *events):
        page.send(script)
        found = {}
        while set(found) != set(events):
            message = page.json()
            found[message.pop("event")] = message
        return [found[event] for event in events]

    table, cells, rows = told("scores['Ada', 1] = 7", "table", "cells", "rows")
    assert table == {
        "dat": "scores",
        "before": [["name", "points"], ["Ada", "1"], ["Bo", "2"]],
        "rowsChanged": [1],
        "rowsAdded": [],
        "rowsRemoved": [],
        "colsAdded": [],
        "cells": [[1, 1, "7"]],
        "sizeChanged": False,
    }
    assert (cells, rows) == ({"changes": [[1, 1, "1", "7"]]}, {"rows": [1]})
    page.send("scores['Ada', 1] = 8; scores.appendRow(['Cy', 3])")
    table = page.expect(lambda message: message["event"] == "table")
    assert (table["rowsAdded"], table["sizeChanged"]) == ([3], True)
    assert len(table["before"]) == 3
    page.send("scores.deleteRow('Ada')")
    table = page.expect(lambda message: message["event"] == "table" and message["sizeChanged"])
    assert [row[0] for row in table["before"]] == ["name", "Ada", "Bo", "Cy"] and len(table["rowsRemoved"]) == 1
    page.send("scores.appendCol(['team', 'x', 'y'])")
    table = page.expect(lambda message: message["event"] == "table")
    assert table["colsAdded"] == [2]


def test_parameter_execute(scenario):
    show = scenario("par_execute")
    page = show.connect()

    def until(event):
        found = []
        while True:
            found.append(page.json())
            if found[-1]["event"] == event:
                return found

    page.send({"Level": 0.7})
    value, values = until("values")
    assert value == {"event": "value", "owner": "show", "name": "Level", "value": 0.7, "prev": 0.5}
    assert values == {"event": "values", "changes": [["Level", 0.5, 0.7]]}
    page.send({"Level": 0.9, "Cue": 4, "Title": "Tag"})
    *each, values = until("values")
    assert [(one["name"], one["value"]) for one in each][:2] == [("Level", 0.9), ("Cue", 4)]
    assert "Title" not in str(each) + str(values)
    page.send({"Go": "pulse"})
    pulsed = page.expect(lambda message: message["event"] == "pulse")
    assert pulsed == {"event": "pulse", "name": "Go"}
    assert page.expect(lambda message: message.get("name") == "Cue")["value"] == 5
    page.expect(lambda message: message["event"] == "values")
    page.send({"Level": {"expr": "me.par.Cue / 10"}})
    assert page.expect(lambda message: message.get("name") == "Level")["value"] == 0.5
    page.send({"Cue": 6})
    assert page.expect(lambda message: message.get("name") == "Level")["value"] == 0.6


def test_chop_execute(scenario):
    faders = scenario("chop_execute")
    page = faders.connect()
    assert faders.json("/") == {
        "channels": {"red": 0.25, "go": 0},
        "sum": 0.25,
        "half": 0.125,
        "first": "red",
        "none": True,
        "numbers": [2, 1],
    }
    assert page.ask({"red": 0.75}) == {
        "kind": "value",
        "channel": "red",
        "owner": "null1",
        "val": 0.75,
        "prev": 0.25,
        "index": 0,
    }
    assert faders.json("/")["channels"]["red"] == 0.75
    assert page.ask({"go": 1}) == {"kind": "on", "channel": "go", "val": 1, "prev": 0}
    page.send({"go": 2})
    assert page.is_silent(0.15), "it is on already"
    assert page.ask({"go": 0}) == {"kind": "off", "channel": "go", "frames": True}
    # Within one frame only what stands at its end counts.
    assert page.ask({"wiggle": [0.1, 0.9, 0.5]})["val"] == 0.5
    page.send({"wiggle": [0.9, 0.5]})
    assert page.is_silent(0.15)


def test_expressions_and_bindings(scenario, python_server):
    heard = []

    def note(connection):
        heard.append((connection.request.path, connection.recv(timeout=8)))
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=20)

    first, second = python_server(note), python_server(note)
    show = scenario("expr_bind", ports={9981: first.port})
    pars = show.json("/pars")
    assert pars["netaddress"]["value"] == "ws://127.0.0.1/one" and pars["netaddress"]["mode"] == "EXPRESSION"
    port = pars["port"]
    assert (port["value"], port["mode"], port["bind"]) == (first.port, "BIND", "parent().par.Wsport")
    assert pars["active"]["value"] in (0, False)
    show.get("/link?Enable=1")
    eventually(lambda: len(heard) == 1)
    assert heard[0] == ("/one", "ws://127.0.0.1/one BIND EXPRESSION")

    # The address changes: the client goes elsewhere, without anybody touching `active`.
    show.get("/settings?path=two")
    eventually(lambda: len(heard) == 2, what="a connection at the new path")
    assert heard[1][0] == "/two"
    assert show.json(f"/client?port={second.port}") == second.port
    eventually(lambda: len(heard) == 3, what="a connection at the new port")
    assert show.json("/pars")["port"]["value"] == second.port
    show.get("/link?Enable=0")
    show.expect_line("^away from ws://127.0.0.1/two$")
    assert show.json("/rebind") == [1, True, True, "Wsport", ["websocket1"]]

    # The server's own port is an expression, too: it moves, and who is connected stays.
    client = show.connect()
    new = free_port()
    show.get(f"/settings?port={new}")
    show.ports[9980] = new
    show.expect_line(rf"listening on http://127\.0\.0\.1:{new}/")
    client.send("still here")
    assert client.text() == f"still here@{new}"
    assert show.json("/pars")["port"]["value"] == second.port


def test_info(scenario):
    info = scenario("info_poll")
    figures = info.json("/info")
    assert (figures["server_running"], figures["websocket_connections"]) == (1, 0)
    assert {"num_rows", "num_cols", "total_cooks", "cook_frame", "warnings", "errors"} <= set(figures)
    info.expect_json("/history", [0])
    clients = [info.connect() for _ in range(3)]
    info.expect_json("/some?names=websocket_connections", {"websocket_connections": 3})
    assert set(info.json("/some?names=num_*")) == {"num_rows", "num_cols"}
    assert info.get("/metrics").text == "td_server_running 1\ntd_websocket_connections 3\n"
    info.expect_json("/history", lambda rows: rows[-1] == 3)
    clients[0].send("hello")
    assert clients[0].text() == "2"
    clients[0].send("again")
    assert clients[0].text() == "3"
    assert info.json("/messages") == [3, 3, True]
    clients[1].close()
    info.expect_json("/history", lambda rows: rows[0] == 0 and rows[-2:] == [3, 2])
    assert info.json("/table")["rows"] >= 1


def test_stand_ins(scenario):
    show = scenario("stand_ins")
    assert [show.json("/reseed") for _ in range(3)] == [2, 3, 4]
    assert show.json("/colour?r=0.1&g=0.2&b=1") == [0.1, 0.2, 1.0]
    assert show.json("/fade?to=0.75") == [0.75, 0.75, 0.75]
    assert show.json("/play")[0] == 0
    assert show.json("/play?file=clip.mov") == [1, "clip.mov"]
    assert [show.json("/press") for _ in range(2)] == [2, 3]
    assert show.json("/kinds") == ["noiseTOP", "noise", "TOP", True, True, "noise1", True]
    assert show.json("/hidden") == [True, True, True]


def test_stand_ins_have_no_pixels(scenario):
    show = scenario("stand_ins")
    assert show.json("/pixels") == 0, "a picture of a stand-in is empty bytes"


def test_fifo_log(scenario):
    log = scenario("fifo_log")
    for number in range(4):
        log.post("/", content=f"info line {number}")
    log.post("/", content=b"debug hidden\nerror disk is full\nwarning slow")
    assert log.json("/tail") == [
        ["info", "line 1"],
        ["info", "line 2"],
        ["info", "line 3"],
        ["error", "disk is full"],
        ["warning", "slow"],
    ]
    client = log.connect("/watch")
    log.expect_json("/tail?n=1", [["info", "open /watch"]])
    client.close()
    log.expect_json("/tail?n=2", [["info", "open /watch"], ["info", "close"]])
    assert log.json("/limit?n=2") == 2
    log.post("/", content="info last")
    assert [text for _, text in log.json("/tail")][-2:] == ["close", "last"]
    assert len(log.json("/tail")) == 2


def test_fifo_log_is_cleared_at_once(scenario):
    log = scenario("fifo_log")
    log.post("/", content="info one\ninfo two")
    assert log.json("/clear") == 0
    log.post("/", content="info three")
    assert log.json("/tail") == [["info", "three"]]


def test_dat_pipeline(scenario):
    pipe = scenario("dat_pipeline")
    ada, bo, cy = ["Ada", "light", "1"], ["Bo", "sound", "2"], ["Cy", "guest", "7"]
    assert pipe.json("/null1") == [["name", "role", "seat"], ada, bo, cy]
    assert pipe.json("/seats") == [["name", "seat"], ["Ada", "1"], ["Bo", "2"], ["Cy", "7"]]
    assert pipe.json("/picked") == [["Ada", "light", "1"], ["Cy", "guest", "7"]]
    assert pipe.json("/inputs") == [["people", "guests"], ["merge1"], ["null1"], ["upper"]]
    assert pipe.json("/add?name=Di&role=guest&seat=8") == 5
    assert pipe.json("/seats")[-1] == ["Di", "8"]
    assert pipe.json("/rename?old=Ada&new=Eve")[1] == ["Eve", "1"]
    assert pipe.json("/picked") == [["Cy", "guest", "7"]]
    edited = pipe.json("/edit")
    assert edited[1:] == [False, True], edited


def test_json_cues(scenario):
    show = scenario("json_cues")
    assert show.json("/") == {"title": "Nacht", "cues": ["intro", "storm"], "count": 2}
    cues = show.get("/filtered").text
    assert "intro" in cues and "storm" in cues and "Nacht" not in cues
    assert show.post("/cues", json={"name": "calm", "level": 0}).json()["count"] == 3
    assert "calm" in show.get("/filtered").text
    assert show.post("/cues", content=b"{").status_code == 400
    assert show.json("/")["cues"] == ["intro", "storm", "calm"]


def test_chop_pipeline(scenario):
    pipe = scenario("chop_pipeline")
    assert pipe.json("/") == {
        "datto1": {"fade": 0.25, "speed": 2, "hue": 0.5},
        "null1": {"fade": 0.25, "hue": 0.5},
        "numChans": 2,
        "fade": 0.5,
        "missing": True,
    }
    assert pipe.json("/average") == 0.9167
    assert pipe.json("/set?fade=0.75&extra=1")["null1"] == {"fade": 0.75, "hue": 0.5}
    assert pipe.json("/")["datto1"]["extra"] == 1
    table = pipe.json("/table")
    assert [row[0] for row in table] == ["fade", "hue"] and float(table[0][1]) == 0.75
