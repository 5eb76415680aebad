"""Scripts of web servers in the manner of TouchDesigner's users: WebSockets, and who is connected."""

import struct

import pytest
from websockets.exceptions import ConnectionClosed

from running import eventually


def test_fader_board(scenario):
    board = scenario("fader_board")
    one = board.connect()
    assert one.json() == {"type": "state", "values": {"red": 0.1, "green": 0.2, "blue": 0.3}}
    assert one.json() == {"type": "count", "clients": 1}
    two = board.connect("/anything")
    assert two.json()["type"] == "state"
    assert two.json() == one.json() == {"type": "count", "clients": 2}

    one.send({"type": "hello", "name": "Ada"})
    one.send({"type": "set", "name": "green", "value": 0.75})
    assert two.json() == {"type": "set", "name": "green", "value": 0.75}
    two.send({"type": "set", "name": "red", "value": 7})
    assert one.json() == {"type": "set", "name": "red", "value": 1.0}
    assert one.ask({"type": "set", "name": "mauve", "value": 1}) == {"type": "error", "text": "no control mauve"}
    assert one.ask("what?") == {"type": "error", "text": "no JSON: what?"}
    state = board.json("/state")
    assert state["controls"] == {"red": 1, "green": 0.75, "blue": 0.3}
    assert state["clients"] == [["client", "name", "moves"], [True, "Ada", "1"], [True, "", "1"]]
    assert state["by"]["green"] == "Ada" and state["by"]["red"].startswith("127.0.0.1:") and state["by"]["blue"] == ""

    one.send({"type": "reset"})
    assert one.json() == two.json() == {"type": "state", "values": {"red": 0.1, "green": 0.2, "blue": 0.3}}
    one.close()
    assert two.json() == {"type": "count", "clients": 1}
    assert len(board.json("/state")["clients"]) == 2


def test_ticket_door(scenario):
    door = scenario("ticket_door")

    def is_refused(path):
        guest = door.connect(path)
        assert guest.text() == "no entry"
        with pytest.raises(ConnectionClosed):
            guest.text()
        return True

    assert is_refused("/door") and is_refused("/door?ticket=C3") and is_refused("/elsewhere?ticket=A1")
    assert is_refused("/door?ticket=ticket")
    ada = door.connect("/door?seat=4&ticket=A1")
    assert ada.text() == "welcome Ada"
    bo = door.connect("/door?ticket=B2")
    assert bo.text() == "welcome Bo"
    assert door.json("/guests") == ["Ada", "Bo"]
    bo.send("hello")
    assert ada.text() == bo.text() == "Bo: hello"
    again = door.connect("/door?ticket=A1")
    assert again.text() == "welcome Ada"
    assert ada.text() == "somebody else has your ticket"
    with pytest.raises(ConnectionClosed):
        ada.text()
    assert door.json("/guests") == ["Ada", "Bo"]
    bo.close()
    door.expect_json("/guests", ["Ada"])
    again.send(b"\x01\x02")
    assert again.text() == b"\x01\x02"


def test_binary_protocol(scenario):
    lights = scenario("binary_protocol")
    desk = lights.connect()

    def ask(data):
        desk.send(data)
        return desk.text()

    assert ask(struct.pack("<BHBBB", 1, 2, 10, 20, 255)) == struct.pack("<BI", 0xFF, 1)
    assert ask(struct.pack("<BHf", 2, 2, 0.25)) == struct.pack("<BI", 0xFF, 2)
    assert ask(struct.pack("<BH", 3, 2)) == struct.pack("<BHBBBf", 4, 2, 10, 20, 255, 0.25)
    several = struct.pack("<BHBBB", 1, 1, 1, 2, 3) + struct.pack("<BH", 3, 1)
    assert ask(several) == struct.pack("<BI", 0xFF, 4) + struct.pack("<BHBBBf", 4, 1, 1, 2, 3, 0)
    assert ask("text") == "binary only"
    assert desk.socket.ping(b"alive").wait(8)
    assert lights.get("/count").text == "5 alive"
    assert ask(struct.pack("<BH", 3, 9)) == "KeyError: 9"
    with pytest.raises(ConnectionClosed):
        desk.text()
    other = lights.connect()
    other.send(b"\x01")
    assert other.text().startswith("error: ")


def test_frame_queue(scenario):
    queue = scenario("frame_queue")
    queue.expect_line("^queue is ready$")
    client = queue.connect()
    for number in range(12):
        client.send(f"job {number}")
    assert [client.text() for _ in range(12)] == [f"JOB {number}" for number in range(12)]
    status = queue.json("/status")
    assert (status["waiting"], status["dropped"], status["handled"]) == (0, 0, 12)
    assert status["jobs"] == [f"job {number}" for number in range(12)]
    frames = status["frames"]
    assert frames == sorted(frames) and max(map(frames.count, frames)) <= 2, frames

    assert queue.get("/hold").status_code == 200
    for number in range(130):
        client.send(f"{number}")
    queue.expect_json("/status", lambda status: status["dropped"] == 30 and status["waiting"] == 100)
    client.send("clear")
    queue.expect_json("/status", lambda status: status["waiting"] == 0)
    assert queue.get("/go").status_code == 200
    client.send("last")
    assert client.text() == "LAST"
    queue.stop()
    queue.expect_line("^queue ends with 13 handled$")


def test_global_state(scenario):
    server = scenario("global_state")
    one, two = server.connect(), server.connect()
    assert one.ask("first") == {
        "version": "a",
        "mine": 1,
        "total": 1,
        "history": ["first"],
        "clients": 2,
        "sockets": 2,
    }
    assert two.json()["mine"] == 1
    for text in ("second", "third", "fourth"):
        last = one.ask(text)
    assert (last["total"], last["history"]) == (4, ["second", "third", "fourth"])
    answer = server.json()
    assert answer == {"version": "a", "total": 4, "same": True, "up": True}
    assert server.json("/reset")["total"] == 0

    server.edit("webserver1_callbacks.py", "VERSION = 'a'", "VERSION = 'b'")
    server.expect_json("/", lambda answer: answer["version"] == "b")
    # The first message makes one client known again; the other has not spoken since.
    assert one.ask("back") == {
        "version": "b",
        "mine": 1,
        "total": 1,
        "history": ["back"],
        "clients": 1,
        "sockets": 2,
    }
    assert [two.json()["history"][-1] for _ in range(3)] == ["second", "third", "fourth"]
    assert two.ask("me, too")["clients"] == 2
    assert one.json()["total"] == 2


def test_long_poll(scenario):
    feed = scenario("long_poll")
    heard, since = [], 0
    while len(heard) < 12:
        answer = feed.get(f"/poll?since={since}")
        if answer.status_code == 204:
            assert answer.content == b""
            continue
        heard += answer.json()["events"]
        since = answer.json()["last"]
    assert [event["id"] for event in heard] == list(range(1, 13))
    frames = [event["data"]["frame"] for event in heard]
    assert all(frame % 3 == 0 for frame in frames) and frames == sorted(set(frames))
    assert heard[0]["data"]["seconds"] < heard[-1]["data"]["seconds"]

    assert feed.post("/say", content="hällo".encode()).text == "13"
    stream = feed.get("/events", headers={"Last-Event-ID": "12"})
    assert stream.headers["content-type"] == "text/event-stream"
    assert stream.headers["cache-control"] == "no-store"
    assert stream.text == 'retry: 50\n\nid: 13\nevent: say\ndata: "h\\u00e4llo"\n\n'
    assert feed.get("/events?since=13").text == "retry: 50\n\n"
    assert feed.get("/events").text.count("event: tick") == 12
    assert feed.get("/poll?since=x").status_code == 400


def test_chat_log(scenario):
    chat = scenario("chat_log")
    ada = chat.connect()
    assert ada.text() == ""
    ada.send("/name Ada")
    assert ada.text() == "*: guest1 is now Ada"
    ada.send("hello")
    assert ada.text() == "Ada: hello"
    bo = chat.connect()
    assert bo.text() == "*: guest1 is now Ada\nAda: hello\n"
    bo.send("/name Ada")
    assert bo.text() == "! Ada is taken"
    bo.send("/who")
    assert bo.text() == "* Ada, guest2"
    bo.send("/dance")
    assert bo.text() == "! no command dance"
    bo.send("/quit")
    with pytest.raises(ConnectionClosed):
        bo.text()
    eventually(lambda: chat.get("/log").text.endswith("guest2 has left\n"))
    for number in range(25):
        ada.send(f"{number}")
        assert ada.text() == f"Ada: {number}"
    assert chat.get("/log").text.splitlines() == [f"Ada: {number}" for number in range(5, 25)]
    assert chat.get("/").json() == 20
    ada.send("/clear")
    eventually(lambda: chat.get("/log").text == "* cleared by Ada\n")
