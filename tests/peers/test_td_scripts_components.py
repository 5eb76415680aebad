"""Scripts of components in the manner of TouchDesigner's users: custom parameters, extensions, shortcuts, storage."""

import json


def test_schema_push(scenario):
    server = scenario("schema_push")
    page, other = server.connect(), server.connect()
    schema = page.json()
    assert other.json() == schema
    assert (schema["type"], schema["comp"]) == ("schema", "motion")
    assert [one["name"] for one in schema["pages"]] == ["Motion", "Text"]
    motion, text = (one["pars"] for one in schema["pages"])
    assert motion == [
        {"name": "Speed", "label": "Speed", "style": "Float", "value": 1.0, "default": 1.0, "min": 0, "max": 10},
        {"name": "Count", "label": "Count", "style": "Int", "value": 5, "default": 3, "min": 1, "max": 8},
        {"name": "Enable", "label": "Enable", "style": "Toggle", "value": True, **only_of(motion[2])},
    ]
    assert [one["name"] for one in text] == ["Title", "Reset"] and text[0]["value"] == "Nacht"
    assert server.json("/schema") == schema

    assert page.ask({"set": {"Speed": 99.5}}) == {"type": "values", "values": {"Speed": 10.0}}
    assert page.ask({"set": {"Count": -3, "Title": "Tag"}})["values"] == {"Count": 1, "Title": "Tag"}
    assert page.ask({"set": {"Speed": 2.5, "Enable": False}})["values"] == {"Speed": 2.5, "Enable": False}
    assert [other.json()["values"] for _ in range(3)][2] == {"Speed": 2.5, "Enable": False}
    assert server.get("/text").text == "Tag x1"
    page.ask({"set": {"Enable": 1, "Speed": 6}})
    assert server.get("/text").text == "Tag x1 at 6.0 fast"
    assert "Spead" in page.ask({"set": {"Spead": 1}})["error"]
    assert "opshortcut" in page.ask({"set": {"opshortcut": "X"}})["error"]
    assert page.ask({"pulse": "Reset"})["values"] == {"Speed": 1.0, "Count": 3, "Enable": True, "Title": "Tag"}
    assert "AttributeError" in page.ask({"pulse": "Rezet"})["error"]


def only_of(toggle):
    """What a description may say of a toggle, whether it counts as a number or not."""
    return {key: toggle[key] for key in ("default", "min", "max") if key in toggle}


def clamped(least, most):
    return {"min": least, "max": most, "clampMin": True, "clampMax": True}


def test_par_factory(scenario):
    factory = scenario("par_factory")
    made = factory.post(
        "/pars",
        json=[
            {"name": "speed", "page": "Move", "style": "Float", "default": 0.5, "normMin": 0, "normMax": 2},
            {"name": "Steps", "page": "Move", "style": "Int", "value": 4, **clamped(1, 8)},
            {"name": "Mode", "page": "Move", "style": "Menu", "menuNames": ["loop", "once"]},
            {"name": "Title", "page": "Text", "style": "Str", "label": "The Title", "value": "Nacht"},
            {"name": "Centre", "page": "Move", "style": "Float", "size": 3, "value": [1, 2, 3]},
            {"name": "Tint", "page": "Text", "style": "RGB", "value": [0, 0.5, 1]},
            {"name": "Shown", "page": "Text", "style": "Str", "expr": "me.par.Title + '!'"},
            {"name": "Source", "page": "Text", "style": "OP", "value": "webserver1"},
            {"name": "Go", "page": "Text", "style": "Pulse"},
        ],
    )
    assert made.status_code == 201, made.text
    assert made.json() == [
        *["Speed", "Steps", "Mode", "Title", "Centre1", "Centre2", "Centre3"],
        *["Tintr", "Tintg", "Tintb", "Shown", "Source", "Go"],
    ]
    assert factory.json("/pages") == {
        "Move": ["Speed", "Steps", "Mode", "Centre1", "Centre2", "Centre3"],
        "Text": ["Title", "Tintr", "Tintg", "Tintb", "Shown", "Source", "Go"],
    }
    groups = factory.json("/groups")
    assert groups["Centre"] == [1, 2, 3] and groups["Tint"] == [0, 0.5, 1] and groups["Speed"] == [0.5]
    speed = factory.json("/pars/Speed")
    assert (speed["value"], speed["normMax"], speed["normVal"], speed["page"]) == (0.5, 2, 0.25, "Move")
    assert factory.json("/pars/Title")["label"] == "The Title"
    assert factory.json("/pars/Source")["value"] == "/project1/webserver1"
    assert factory.json("/pars/Shown")["value"] == "Nacht!"
    assert factory.json("/pars/Mode") == {
        "name": "Mode",
        "page": "Move",
        "style": "Menu",
        "label": "Mode",
        "value": "loop",
        "menuNames": ["loop", "once"],
        "menuIndex": 0,
    }

    def put(name, value):
        return factory.request("PUT", f"/pars/{name}", json=value).json()

    assert put("Steps", 99)["value"] == 8
    assert put("Steps", -99)["value"] == 1
    assert put("Speed", 5)["value"] == 5, "normMax bounds a slider, not the value"
    assert put("Mode", "once")["menuIndex"] == 1
    assert put("Title", "Tag")["value"] == "Tag"
    assert factory.json("/pars/Shown")["value"] == "Tag!"
    assert factory.json("/find?pattern=T*") == ["Title", "Tintr", "Tintg", "Tintb"]
    assert factory.json("/find?pattern=Centre*")[-1] == "Centre3"

    assert factory.post("/pars", json=[{"name": "X", "style": "Knob"}]).json() == {
        "error": "ValueError",
        "text": "no style Knob",
    }
    assert factory.get("/pars/Nothing").status_code == 404
    left = factory.request("DELETE", "/pars/Go").json()
    assert "Go" not in left and len(left) == 12
    assert factory.request("DELETE", "/pars").json() == 0
    assert factory.json("/pars") == [] and factory.get("/pars/Speed").status_code == 404


def test_router_extension(scenario):
    server = scenario("router_ext")
    server.expect_line("^routes for server = server$")
    assert server.json("/items") == [{"id": 1, "name": "lamp"}, {"id": 2, "name": "fog"}]
    assert server.json("/items/2") == {"id": 2, "name": "fog"}
    assert server.post("/items", json={"name": "laser"}).json() == {"id": 3, "name": "laser"}
    assert server.json("/items/3")["name"] == "laser"
    missing = server.get("/items/9")
    assert (missing.status_code, missing.text) == (404, "no item 9")
    assert server.request("DELETE", "/items").status_code == 405
    assert server.get("/other").status_code == 404
    assert server.json("/routes")[0] == "GET ^/items$"
    assert server.json("/promoted") == {
        "capital": True,
        "small": False,
        "private": True,
        "notPromoted": False,
        "extension": True,
        "none": None,
        "ready": True,
        "owner": True,
    }
    client = server.connect()
    client.send("how many")
    assert client.text() == " ".join(7 * ["9"])


def test_counter_extension(scenario):
    game = scenario("counter_ext")
    game.expect_line("^GameExt 1 made$")
    assert game.json("/") == {
        "version": 1,
        "hits": 0,
        "score": 0,
        "best": {"name": None, "score": 0},
        "shown": "score 0",
        "private": 0,
        "path": "/project1/game",
    }
    assert game.json("/hit?name=Ada")["score"] == 1
    game.get("/step?by=5")
    now = game.json("/hit?name=Bo&times=3")
    assert (now["hits"], now["score"], now["best"], now["shown"]) == (2, 16, {"name": "Bo", "score": 16}, "score 16")
    assert game.json("/version") == "read only"
    # The text changes: the extension is made anew, what is stored stays.
    game.edit("GameExt.py", "VERSION = 1", "VERSION = 2")
    game.expect_line("^GameExt 2 made$")
    now = game.json("/")
    assert (now["version"], now["hits"], now["score"], now["private"]) == (2, 2, 0, 0)
    assert now["best"] == {"name": "Bo", "score": 16} and now["shown"] == "score 0"
    assert game.json("/hit?name=Cy")["shown"] == "score 5"
    # A mistake: the last good one goes on.
    game.may_raise = True
    game.edit("GameExt.py", "self.Hits += 1", "self.Hits += = 1")
    game.expect_line("GameExt.*(line|:)")
    assert game.json("/hit?name=Cy")["hits"] == 4
    game.edit("GameExt.py", "self.Hits += = 1", "self.Hits += 10")
    game.expect_json("/", lambda now: now["score"] == 0)
    assert game.json("/hit?name=Cy")["hits"] == 14
    assert game.json("/again")["score"] == 0


def test_shortcuts(scenario):
    desk = scenario("shortcuts")
    assert desk.json("/where") == {
        "show": "/project1/show",
        "stage": "/project1/show/stage",
        "stage of": "/project1/show/stage",
        "levels": ["desk", "stage", "show"],
        "title": "Nacht for 12",
        "sibling": "seats and title",
        "logger": "/project1/logger",
        "missing": 3 * ["AttributeError"],
        "has": [True, False, True],
        "short": "LOG",
    }
    assert desk.json("/log?text=fire") == [
        ["debug", "webserver1_callbacks", f"server at {desk.port}"],
        ["warn", "desk", "fire"],
    ]
    desk.expect_line("^WARN fire$")
    assert desk.json("/rename") == "/project1/journal"
    assert desk.json("/move") == [False, "journal"]
    assert desk.get("/log").status_code == 500
    desk.may_raise = True


def test_uploads(scenario):
    media = scenario("vfs_upload")
    files = media.json("/files")
    assert list(files) == ["readme.txt"] and files["readme.txt"][0] == 14
    readme = media.get("/files/readme.txt")
    assert (readme.text, readme.headers["content-type"]) == ("bring your own", "text/plain")

    data = bytes(range(256)) * 4
    assert media.request("PUT", "/files/Tile 1.PNG", content=data).json() == {
        "name": "Tile_1.png",
        "size": 1024,
        "replaced": False,
    }
    assert media.request("PUT", "/files/Tile_1.png", content=data[:100]).json()["replaced"] is True
    got = media.get("/files/tile_1.png")
    assert got.status_code == 404
    got = media.get("/files/Tile_1.png")
    assert (got.content, got.headers["content-type"]) == (data[:100], "image/png")
    form = {"one": ("one.txt", "grün".encode()), "two": ("two.bin", b"\x00\r\n\xff")}
    made = media.post("/files", files=form).json()
    assert [one["name"] for one in made] == ["one.txt", "two.bin"]
    assert media.get("/files/two.bin").content == b"\x00\r\n\xff"
    assert media.get("/files/one.txt").text == "grün"
    assert sorted(media.json("/files")) == ["Tile_1.png", "one.txt", "readme.txt", "two.bin"]
    assert media.request("PUT", "/files/big.bin", content=bytes(6000)).status_code == 413
    where = media.get("/files/two.bin?export=1").text
    assert (media.folder / where).read_bytes() == b"\x00\r\n\xff"
    assert media.request("DELETE", "/files/two.bin").json() is True
    assert media.get("/files/two.bin").status_code == 404


def test_storage_survives_a_restart(scenario):
    book = scenario("storage_restart")
    book.expect_line("^start number 1$")
    book.get("/sign?name=Ada&mood=0.25")
    before = book.json("/sign?name=Bj%C3%B6rn")
    assert [entry["name"] for entry in before["entries"]] == ["Ada", "Björn"]
    book.restart()
    book.expect_line("^start number 2$")
    after = book.json("/")
    assert after["entries"] == before["entries"] == [
        {"name": "Ada", "mood": 0.25, "tags": ["guest", None, True]},
        {"name": "Björn", "mood": 0.5, "tags": ["guest", None, True]},
    ]
    assert (after["starts"], after["tonight"], after["keys"]) == (2, 0, ["entries", "starts"])
    book.get("/strike")
    book.restart()
    assert [entry["name"] for entry in book.json("/")["entries"]] == ["Ada"]
    book.get("/forget")
    book.restart()
    now = book.json("/")
    assert (now["entries"], now["starts"]) == ([], 4)
    assert json.loads((book.folder / "book.json").read_text())
