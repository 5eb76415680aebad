"""Scripts of web servers in the manner of TouchDesigner's users: HTTP alone."""

import base64
import json

from running import eventually


def test_rest_orders(scenario):
    kitchen = scenario("rest_orders")
    kitchen.expect_line(rf"orders at port {kitchen.port}")
    soup, rice = (
        {"id": "1", "dish": "soup", "seat": "4", "state": "open"},
        {"id": "2", "dish": "rice", "seat": "2", "state": "done"},
    )
    assert kitchen.json("/orders") == [soup, rice]
    assert kitchen.json("/orders?state=done") == [rice]
    assert kitchen.json("/orders/?state=done&count") == {"count": 1}
    assert kitchen.json("/orders/1") == soup

    created = kitchen.post("/orders", json={"dish": "Käse", "seat": 7})
    assert (created.status_code, created.reason_phrase) == (201, "Created")
    assert created.headers["content-type"] == "application/json"
    assert created.json() == {"id": "3", "dish": "Käse", "seat": "7", "state": "open"}
    assert kitchen.request("PATCH", "/orders/3", json={"state": "cooking"}).json()["state"] == "cooking"
    assert kitchen.request("PUT", "/orders/3", json={"dish": "tea"}).json() == {
        "id": "3",
        "dish": "tea",
        "seat": "",
        "state": "",
    }
    deleted = kitchen.request("DELETE", "/orders/1")
    assert (deleted.status_code, deleted.content) == (204, b"")
    kitchen.expect_line("^deleted 1 soup$")
    assert [order["id"] for order in kitchen.json("/orders")] == ["2", "3"]
    assert kitchen.get("/orders/1").status_code == 404
    assert kitchen.post("/orders", json={"dish": "x", "state": "eaten"}).json() == {
        "error": "state must be one of open cooking done",
        "kind": "ValueError",
    }
    assert kitchen.post("/orders", content=b"{").status_code == 400
    assert kitchen.post("/orders", json={}).json()["kind"] == "KeyError"
    assert kitchen.request("DELETE", "/orders").status_code == 405
    assert kitchen.get("/").json() == {"error": "unknown path", "path": ""}


def test_json_rpc(scenario):
    rpc = scenario("json_rpc")

    def call(method, params=None, id=1, **more):
        body = {"jsonrpc": "2.0", "method": method, **({} if params is None else {"params": params}), **more}
        return rpc.post("/rpc", json=body if id is None else {**body, "id": id})

    def result(*arguments):
        answer = call(*arguments).json()
        assert "result" in answer, answer
        return answer["result"]

    assert result("get", ["gain"]) == 0.5
    assert result("get", {"name": "name of show"}) == "Nacht"
    assert result("set", ["gain", 0.75]) == "0.5"
    assert result("set", {"name": "hue", "value": "ü"}) is None
    assert result("names") == ["gain", "name of show", "hue"]
    assert result("note", ["one"]) == 1
    assert result("note", {"text": "two"}) == 2
    assert result("note", {"clear": True, "text": "new"}) == 1
    assert result("distance", [[0, 0], [3, 4], [3, 5]]) == 6.0
    assert result("where") == {"me": "/project1/rpc_methods", "frame": True, "project": "rpc"}

    assert call("nothing").json()["error"]["code"] == -32601
    assert call("get", []).json()["error"]["code"] == -32602
    failed = call("divide", [1, 0]).json()["error"]
    assert (failed["code"], failed["message"], failed["data"]["function"]) == (
        -32603,
        "ZeroDivisionError: division by zero",
        "divide",
    )
    assert call("get", ["absent"]).json()["error"]["message"] == "LookupError: no value absent"
    assert rpc.post("/rpc", content=b'{"jsonrpc"').json()["error"]["code"] == -32700
    assert rpc.post("/rpc", content=b"").json()["error"]["code"] == -32700

    notified = call("set", ["hue", 1], id=None)
    assert (notified.status_code, notified.content) == (204, b"")
    batch = [
        {"jsonrpc": "2.0", "method": "get", "params": ["hue"], "id": "a"},
        {"jsonrpc": "2.0", "method": "note", "params": ["by the way"]},
        {"foo": "bar"},
    ]
    answers = rpc.post("/rpc", json=batch).json()
    assert [(one.get("id"), one.get("result")) for one in answers] == [("a", 1.0), (None, None)]
    refused = rpc.get("/rpc")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")

    # A method that is added while it runs can be called at once.
    double = "@method\ndef double(x):\n    return 2 * x\n\n\n"
    rpc.edit("rpc_methods.py", "@method\ndef where", double + "@method\ndef where")
    assert eventually(lambda: call("double", [21]).json().get("result")) == 42


def test_static_site(scenario):
    site = scenario("static_site")
    data = bytes(range(256)) * 40
    (site.folder / "web" / "clip.bin").write_bytes(data)

    index = site.get("/")
    assert (index.status_code, index.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>Grüße</h1>" in index.text
    assert site.get("/style.css").headers["content-type"] == "text/css"
    assert site.get("/img/dot.svg").headers["content-type"] == "image/svg+xml"
    assert site.get("/two%20words.txt").text == "two words\n"
    assert site.get("/two%20words.txt?v=2").status_code == 200
    whole = site.get("/clip.bin")
    assert whole.content == data and whole.headers["content-type"] == "application/octet-stream"

    part = site.get("/clip.bin", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, data[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(data)}"
    assert site.get("/clip.bin", headers={"range": "bytes=-5"}).content == data[-5:]
    assert site.get("/clip.bin", headers={"Range": "bytes=10000-"}).content == data[10000:]
    beyond = site.get("/clip.bin", headers={"Range": "bytes=99999-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(data)}")

    same = site.get("/", headers={"If-None-Match": index.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    head = site.request("HEAD", "/style.css")
    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "text/css")
    assert site.get("/none.html").text == "nothing at /none.html"
    assert site.get("/%2e%2e/site.py").status_code == 404
    assert site.get("/img").status_code == 404
    assert site.post("/").headers["allow"] == "GET, HEAD"


def test_login(scenario):
    door = scenario("login")

    def basic(user, password):
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}

    asked = door.get("/login")
    assert (asked.status_code, asked.headers["www-authenticate"]) == (401, 'Basic realm="show", charset="UTF-8"')
    assert door.get("/login", headers=basic("ada", "wrong")).status_code == 401
    assert door.get("/login", headers=basic("nobody", "x")).status_code == 401
    assert door.get("/login", headers={"Authorization": "Bearer abc"}).status_code == 401
    assert door.get("/me").status_code == 401

    def log_in(path, *who):
        answer = door.get(path, headers=basic(*who))
        assert answer.status_code == 200, answer.status_code
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        return {"Cookie": "theme=dark; " + cookie.split(";")[0]}

    ada, bo = log_in("/login", "ada", "engine no. 1"), log_in("/login?bare=1", "bo", "p:with:colons")
    door.http.cookies.clear()
    assert door.json("/me", headers=ada) == {"user": "ada", "role": "admin", "sessions": 2}
    assert door.json("/users", headers=ada) == {"users": ["ada", "bo"]}
    assert door.get("/users", headers=bo).status_code == 403
    assert door.get("/me", headers={"Cookie": "session=guessed"}).status_code == 401

    # Sessions are in the storage: an edit of the script ends none of them.
    door.edit("webserver1_callbacks.py", "LIFETIME = 60 * 60", "LIFETIME = 30 * 60")
    assert door.json("/me", headers=bo)["user"] == "bo"
    assert door.json("/logout", headers=ada) == {"user": None}
    door.http.cookies.clear()
    assert door.get("/me", headers=ada).status_code == 401
    assert door.json("/me", headers=bo)["sessions"] == 1


def test_cors(scenario):
    server = scenario("cors")
    asks = {
        "Origin": "http://localhost:5173",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type, x-show",
    }
    preflight = server.request("OPTIONS", "/cue", headers=asks)
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert preflight.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert preflight.headers["access-control-allow-methods"] == "GET, PUT, OPTIONS"
    assert preflight.headers["access-control-allow-headers"] == "content-type, x-show"
    assert preflight.headers["access-control-max-age"] == "600"
    refused = server.request("OPTIONS", "/cue", headers={**asks, "Origin": "https://evil.example"})
    assert refused.status_code == 403 and "access-control-allow-origin" not in refused.headers

    there = {"Origin": "https://show.example"}
    assert server.request("PUT", "/cue", json={"cue": 12}, headers=there).json() == {"cue": 12}
    assert server.request("PUT", "/cue", json={"cue": 13}, headers={"Origin": "null"}).status_code == 403
    assert server.request("PUT", "/cue", json={"cue": 14}).json() == {"cue": 14}
    answer = server.get("/cue", headers=there)
    assert answer.json() == {"cue": 14} and answer.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in server.get("/cue").headers


def test_failures(scenario):
    server = scenario("failures")
    server.may_raise = True
    untouched = server.get("/")
    assert (untouched.status_code, untouched.reason_phrase, untouched.content) == (404, "Not Found", b"")
    assert server.get("/unknown/path").status_code == 404
    forgot = server.get("/nothing")
    assert (forgot.status_code, forgot.reason_phrase, forgot.text) == (202, "Accepted", "taken")

    assert server.get("/raises").status_code == 500
    server.expect_line("AttributeError: 'NoneType' object has no attribute 'numRows'")
    server.expect_line("webserver1_callbacks")
    assert "numRows" in server.get("/errors").text

    caught = server.get("/caught?by=0")
    assert (caught.status_code, caught.text) == (500, "ZeroDivisionError: division by zero")
    assert server.get("/caught").text == "KeyError: 'by'"
    assert server.get("/caught?by=2").text == "fine"
    assert server.json("/log") == [["uri", "error"], ["/caught", "ZeroDivisionError"], ["/caught", "KeyError"]]

    both = server.get("/both")
    assert (both.headers.get_list("content-type"), both.text) == (["text/csv"], "a,b")
    assert (both.headers["x-count"], both.headers["x-ratio"]) == ("3", "0.5")
    assert server.get("/number").text == "42"
    assert server.get("/raw").content == bytes(range(256))
    away = server.get("/away")
    assert (away.status_code, away.headers["location"]) == (302, "/both")
    assert server.get("/away", follow_redirects=True).text == "a,b"
    pot = server.get("/teapot")
    assert (pot.status_code, pot.reason_phrase) == (418, "I'm a teapot")


def test_a_request_as_a_script_sees_it(scenario):
    server = scenario("failures")
    sent = server.post("/echo?a=1&b=two%20words&flag", content="ä".encode(), headers={"x-show": "night"})
    seen = json.loads(sent.text)
    assert (seen["method"], seen["uri"]) == ("POST", "/echo")
    assert seen["pars"] == {"a": "1", "b": "two words", "flag": ""}
    assert (seen["data"], seen["type"], seen["X-Show"]) == ("ä", "str", "night")
    assert seen["serverAddress"] == f"127.0.0.1:{server.port}"
    assert seen["clientAddress"].startswith("127.0.0.1:")
    assert seen["Host"] == f"127.0.0.1:{server.port}"
    assert json.loads(server.post("/echo", content=b"\xff\x00").text)["type"] == "bytes"
    assert json.loads(server.get("/echo").text)["data"] == ""
    assert json.loads(server.get("/echo").text)["pars"] == {}
