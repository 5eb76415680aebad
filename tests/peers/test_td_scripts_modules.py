"""Scripts as programs in the manner of TouchDesigner's users: modules, packages, threads, errors, several builds."""


def test_siblings(scenario):
    siblings = scenario("siblings")
    client = siblings.connect()

    def ask(text):
        client.send(text)
        return client.text()

    assert ask("level;0.75") == "level;0.75"
    assert ask("level;") == "level;0.75"
    assert ask("count;") == "count;[3, 3, 3, 3]"
    assert ask('where;{"a": 1}') == 'where;["handlers", null, true]'
    assert ask("deep;") == 'deep;["the deep one", "the deep one", "the deep one", "protocol"]'
    assert ask("unknown;") == 'error;["nobody knows", true]'
    assert ask("nothing;") == 'error;["no handler for nothing", true]'
    assert ask("plain") == "error;[\"no separator in 'plain'\", true]"
    assert ask("level;{") == 'failed;"JSONDecodeError"'


def test_mcp_server(scenario):
    mcp = scenario("mcp_server")
    params = {"protocolVersion": "2025-06-18"}
    opened = mcp.post("/mcp", json={"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
    assert opened.json()["result"]["serverInfo"]["name"] == "mcp"
    session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
    notified = mcp.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=session)
    assert (notified.status_code, notified.content) == (202, b"")

    def call(method, **params):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return mcp.post("/mcp", json=body, headers=session).json()

    def tool(called, **arguments):
        result = call("tools/call", name=called, arguments=arguments)["result"]
        return result["content"][0]["text"], result["isError"]

    tools = {one["name"]: one for one in call("tools/list")["result"]["tools"]}
    assert set(tools) == {
        *["list_operators", "create_operator", "set_parameter", "delete_operator", "add_note", "find_notes"]
    }
    assert tools["add_note"]["description"] == "Keeps a note."
    assert tools["find_notes"]["inputSchema"] == {
        "type": "object",
        "properties": {"word": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["word"],
    }
    listed, failed = tool("list_operators", family="DAT")
    assert not failed and '{"name": "notes", "type": "tableDAT"}' in listed
    assert tool("list_operators", path="/nowhere") == ("/nowhere is no component", True)
    assert tool("create_operator", type="textDAT", name="made") == ("/project1/made", False)
    assert tool("create_operator", type="nonsense", name="x")[1] is True
    assert tool("set_parameter", path="/project1/made", name="language", value="json") == ("json", False)
    assert tool("set_parameter", path="/project1/made", name="colour", value="red")[1] is True
    assert tool("delete_operator", path="/project1/made") == ("true", False)
    text, failed = tool("delete_operator", path="/project1/made")
    assert failed and "AttributeError" in text
    assert tool("add_note", text="check the fog") == ("1", False)
    assert tool("add_note", text="call Ada") == ("2", False)
    assert tool("find_notes", word="fog") == ('["check the fog"]', False)
    assert call("tools/call", name="absent")["error"]["message"] == "unknown tool absent"
    assert call("resources/list")["error"]["code"] == -32601
    assert call("ping")["result"] == {}
    assert mcp.get("/mcp").status_code == 405
    mcp.request("DELETE", "/mcp", headers=session)
    assert mcp.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=session).status_code == 404


def test_threads(scenario):
    server = scenario("threads")
    client = server.connect()
    for job in ("odd 3", "even 4", "long 2001"):
        client.send(job)
    done = {}
    for _ in range(3):
        message = client.json()
        done[message["job"]] = message
    assert all(message["main"] is True and len(message["result"]) == 64 for message in done.values())
    jobs = server.json("/jobs")
    assert {name: state for name, (state, _) in jobs.items()} == {"odd": "done", "even": "done", "long": "done"}
    assert jobs["even"][1] == done["even"]["result"][:8]
    [kind] = server.json("/touch")
    assert isinstance(kind, str) and kind.lower().endswith("error"), kind
    client.send("last 1")
    assert client.json()["job"] == "last"
    client.send("again 1")
    assert client.json()["job"] == "again", "a new thread was started"
    server.stop()
    server.expect_line("^worker was told$")


def test_script_errors(scenario):
    health = scenario("script_errors")
    assert health.get("/health").json() == {"ok": True, "script": "", "errors": "", "below": 0, "warnings": ""}
    assert health.get("/read?sensor=north&value=20").json()["ok"] is True
    hot = health.get("/read?sensor=north&value=120")
    assert hot.status_code == 422
    state = hot.json()
    assert "sensor north is too hot: 120" in state["script"] and "sensor north is too hot: 120" in state["errors"]
    assert state["below"] == 1
    assert health.get("/health").status_code == 503
    assert health.get("/read?sensor=north&value=80").json()["ok"] is True
    assert "sensor south says 'cold'" in health.get("/read?sensor=south&value=cold").json()["script"]
    assert health.get("/clear").json()["ok"] is True
    assert health.get("/health").status_code == 200

    assert health.json("/mine") == ["", "", ""]
    health.may_raise = True
    assert health.get("/fail").status_code == 500
    health.expect_line("KeyError: 'none'")
    shown = health.json("/mine")
    assert any("KeyError" in text for text in shown), shown
    health.get("/clear")
    assert not any("KeyError" in text for text in health.json("/mine"))


def test_several_script_errors_stand_together(scenario):
    health = scenario("script_errors")
    health.get("/read?sensor=north&value=120")
    both = health.get("/read?sensor=south&value=cold").json()
    assert "sensor south says 'cold'" in both["script"] and "sensor north is too hot" in both["script"]
    assert both["below"] == 2
    cooler = health.get("/read?sensor=north&value=80").json()
    assert "sensor north" not in cooler["script"] and "sensor south" in cooler["script"]


def test_scripts_of_several_builds(scenario):
    server = scenario("builds")
    found = server.json("/")
    true = {key for key, value in found.items() if value is True}
    wanted = {"version", "python", "product", "ping", "connections", "localaddress", "storage", "json", "same"}
    assert wanted | {"evalled", "ui", "time", "year"} <= true, found
    assert found["send"] is False
    assert found["functions"] == [True, True]
    assert found["par"] == [True, False, False]
    assert found["td"] == [True, True, True, True, False]
    assert found["project"] == [True, True, True]
    assert "constant1" in found["shortcut"]
    name, value, status = server.json("/channel?v=4.5")
    assert (value, status) == (4.5, "asked for /channel") and name in ("value0", "const0value")
