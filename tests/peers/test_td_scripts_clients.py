"""Scripts of WebSocket and SocketIO DATs in the manner of TouchDesigner's users: clients of real servers."""

import asyncio
import base64
import contextlib
import hashlib
import json
import queue
import socket
import threading

import pytest
from websockets.exceptions import ConnectionClosed

from peers import peer_module
from running import eventually


class Line:
    """What a server of `python_server` holds of its clients: each connection, and what it says."""

    def __init__(self):
        self.connections = queue.Queue()

    def __call__(self, connection):
        over = threading.Event()
        self.connections.put((connection, over))
        over.wait(60)

    @contextlib.contextmanager
    def accepted(self, timeout=10):
        """The next connection; it is closed at the end of the block."""
        connection, over = self.connections.get(timeout=timeout)
        try:
            yield connection
        finally:
            over.set()

    def drop(self, connection):
        """Cuts a connection without a word."""
        connection.socket.shutdown(socket.SHUT_RDWR)


def receive(connection):
    return connection.recv(timeout=8)


def test_obs_remote(scenario, python_server):
    line = Line()
    server = python_server(line)
    remote = scenario("obs_remote", ports={9981: server.port})
    assert remote.json("/status")["status"] == {"identified": "0", "recording": "0", "error": ""}
    assert remote.json("/switch?scene=Wide") is False
    assert remote.json("/connect")

    def say(connection, code, **data):
        connection.send(json.dumps({"op": code, "d": data}))

    def hear(connection, code):
        message = json.loads(receive(connection))
        assert message["op"] == code, message
        return message["d"]

    def answer(connection, request, result=True, comment="", **data):
        status = {"result": result, "code": 100 if result else 600, **({"comment": comment} if comment else {})}
        kind, number = request["requestType"], request["requestId"]
        say(connection, 7, requestType=kind, requestId=number, requestStatus=status, responseData=data)

    with line.accepted() as obs:
        say(obs, 0, obsWebSocketVersion="5.1.0", rpcVersion=1, authentication={"challenge": "cha", "salt": "lo"})
        identify = hear(obs, 1)
        secret = base64.b64encode(hashlib.sha256(b"correct horselo").digest())
        expected = base64.b64encode(hashlib.sha256(secret + b"cha").digest()).decode()
        assert identify == {"rpcVersion": 1, "eventSubscriptions": 5, "authentication": expected}
        say(obs, 2, negotiatedRpcVersion=1)
        asked = hear(obs, 6)
        assert asked["requestType"] == "GetSceneList"
        scenes = [{"sceneName": "Wide", "sceneIndex": 1}, {"sceneName": "Nah", "sceneIndex": 0}]
        answer(obs, asked, currentProgramSceneName="Wide", scenes=scenes)
        remote.expect_json("/status", lambda now: now["scenes"] == [["Wide", "1"], ["Nah", "0"]] and not now["pending"])

        assert remote.json("/switch?scene=Nah") is True
        asked = hear(obs, 6)
        assert (asked["requestType"], asked["requestData"]) == ("SetCurrentProgramScene", {"sceneName": "Nah"})
        answer(obs, asked)
        say(obs, 5, eventType="CurrentProgramSceneChanged", eventIntent=4, eventData={"sceneName": "Nah"})
        say(obs, 5, eventType="RecordStateChanged", eventIntent=64, eventData={"outputActive": True})
        say(obs, 5, eventType="Unheard", eventIntent=1, eventData={})
        remote.expect_line("no handler for Unheard")
        now = remote.json("/status")
        assert now["scenes"] == [["Wide", "0"], ["Nah", "1"]] and now["status"]["recording"] == "1"

        assert remote.json("/switch?scene=None") is True
        answer(obs, hear(obs, 6), False, "no scene of this name")
        remote.expect_json(
            "/status", lambda now: now["status"]["error"] == "SetCurrentProgramScene: no scene of this name"
        )
        assert obs.ping(b"there?").wait(8)
        assert remote.json("/disconnect")
        with pytest.raises(ConnectionClosed):
            receive(obs)
    remote.expect_json("/status", lambda now: now["status"]["identified"] == "0")


def test_reconnect_by_strings(scenario, python_server):
    line = Line()
    server = python_server(line)
    client = scenario("reconnect_string", ports={9981: server.port})

    def hello(connection):
        return json.loads(receive(connection))

    with line.accepted() as first:
        assert hello(first) == {"hello": "reconnect", "me": "websocket1_callbacks", "rows": 2}
        first.send('{"type": "row", "value": [1, "ü"]}')
        assert receive(first) == '{"type": "row", "value": [1, "ü"]}'
        first.send('{"type": "clear"}')
        assert receive(first) == "1"
        line.drop(first)
    client.expect_line("^lost 0$")
    with line.accepted() as second:
        assert hello(second)["rows"] == 4
        second.close()
    with line.accepted() as third:
        assert hello(third)["rows"] == 6
        seen = len(client.program.lines)
        server.socket.close()  # from now on nobody answers
        line.drop(third)
        for tries in range(3):
            client.expect_line(f"^lost {tries}$", start=seen)


def test_reconnect_ends_when_it_is_switched_off(scenario, python_server):
    line = Line()
    client = scenario("reconnect_string", ports={9981: python_server(line).port})
    with line.accepted() as only:
        receive(only)
        only.send('{"type": "off"}')
        with pytest.raises(ConnectionClosed):
            receive(only)
    client.expect_line("^closed 0$")
    with pytest.raises(queue.Empty):
        line.connections.get(timeout=0.4)


def test_reconnect_by_functions(scenario, python_server):
    line = Line()
    client = scenario("reconnect_callable", ports={9981: python_server(line).port})
    with line.accepted() as first:
        assert receive(first) == "hello from websocket1"
        client.expect_line("^end of frame websocket1$")
        line.drop(first)
    client.expect_line("^waits True True$")
    client.expect_line("^dial 1 lost$")
    with line.accepted() as second:
        assert receive(second) == "hello from websocket1"
        second.send("report")
        client.expect_line("^report from /project1/watch$")
        second.send("stop")
        with pytest.raises(ConnectionClosed):
            receive(second)
    client.expect_line("^attempts 1$")
    assert not client.program.find_line("lost again")


def test_watchdog(scenario, python_server):
    line = Line()
    client = scenario("watchdog", ports={9981: python_server(line).port})
    with line.accepted() as first:
        assert receive(first) == "dialled 0"
        first.send("length")
        assert receive(first) == "1.2"
        first.send("fraction")
        assert 0 <= float(receive(first)) < 0.5
        # Silence: the timer ends, and the client dials again.
        with pytest.raises(ConnectionClosed):
            receive(first)
    client.expect_line("^watchdog barks 1$")
    with line.accepted() as second:
        assert receive(second) == "dialled 1"
        second.send("slow")
        assert receive(second) == "slow"
        with pytest.raises(TimeoutError):
            second.recv(timeout=1.8)


def test_agents(scenario):
    agents = scenario("agents")
    listener = agents.connect()
    assert agents.json("/start?name=quick&steps=4") == {"active": True, "frames": 1, "group": "agents"}
    assert listener.text() == "quick done after 4"
    for name in ("slow1", "slow2", "slow3"):
        agents.json(f"/start?name={name}&steps=1000&every=3")
    agents.expect_json("/agents", lambda now: all(now[f"slow{n}"][0] > 2 for n in (1, 2, 3)))
    assert agents.json("/runs") == 3
    assert agents.json("/stop?name=slow2") is True
    assert agents.json("/stop?name=slow2") is False
    assert agents.json("/stop") == 2
    assert agents.json("/runs") == 0
    now = agents.json("/agents")
    assert [now[name][1] for name in ("quick", "slow1", "slow2", "slow3")] == ["done"] + 3 * ["stopped"]
    agents.json("/start?name=last&steps=1")
    assert listener.text() == "last done after 1"
    assert {name: state for name, state in agents.json("/agents").items() if name != "last"} == now


def test_bridge(scenario, python_server):
    line = Line()
    server = python_server(line)
    other = Line()
    beyond = python_server(other)
    scenario("ws_bridge", ports={9981: server.port, 9982: beyond.port})
    with line.accepted() as left, other.accepted() as right:
        assert (left.request.path, right.request.path) == ("/left", "/right?side=2")
        left.send("to the right")
        assert receive(right) == "to the right"
        right.send(b"\x00\xfe")
        assert receive(left) == b"\x00\xfe"
        left.send("bridge:parts")
        assert (receive(left), receive(left)) == ("one and two", b"abc\x00\x01\xffz")
        left.send("bridge:off")
        with pytest.raises(ConnectionClosed):
            receive(right)
        left.send("bridge:closed")
        assert receive(left) == "negative"
        for number in range(5):
            left.send(f"early {number}")
        left.send("bridge:on")
        with other.accepted() as again:
            assert [receive(again) for _ in range(3)] == ["early 2", "early 3", "early 4"]
            again.send("bridge:log")
            rows = receive(again).split(";")
            assert rows[:3] == ["left text 12", "right binary 2", "left text 12"]


class TokenServer:
    """A Socket.IO server on python-socketio that takes each token once, in order."""

    def __init__(self):
        socketio, uvicorn = peer_module("socketio"), peer_module("uvicorn")
        self.io = socketio.AsyncServer(async_mode="asgi")
        self.expected, self.refused = 1, []
        self.heard = queue.Queue()
        self.io.on("connect", self._connect)
        self.io.on("*", self._event)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(socketio.ASGIApp(self.io), log_level="error", lifespan="off")
        self.server = uvicorn.Server(config)
        self.listens = threading.Event()
        self.thread = threading.Thread(target=asyncio.run, args=(self._serve(listener),), daemon=True)
        self.thread.start()
        self.listens.wait(8)

    async def _serve(self, listener):
        self.loop = asyncio.get_running_loop()
        self.listens.set()
        await self.server.serve(sockets=[listener])

    async def _connect(self, sid, environ, auth):
        proof = hashlib.sha256(f"not so secret{self.expected}".encode()).hexdigest()[:16]
        if (auth, environ["HTTP_X_SHOW"]) != ({"client": "td", "token": f"{self.expected}:{proof}"}, "tokens"):
            self.refused.append(auth)
            return False
        self.expected += 1
        self.heard.put(("connect", sid))
        return True

    async def _event(self, event, sid, data):
        self.heard.put((event, data))

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(8)

    def hear(self):
        return self.heard.get(timeout=8)

    def close(self):
        self.server.should_exit = True
        self.thread.join(8)


@pytest.fixture
def token_server():
    server = TokenServer()
    yield server
    server.close()


def test_socketio_tokens(scenario, token_server):
    server = token_server
    client = scenario("socketio_auth", ports={9981: server.port})
    event, sid = server.hear()
    assert event == "connect"
    assert server.hear() == ("hello", {"name": "tokens", "cues": 0})
    server.do(server.io.emit("cue", {"cue": 7, "name": "Blüte"}))
    assert server.hear() == ("done", {"cue": 7, "row": True})
    server.do(server.io.emit("unlisted", 1))
    server.do(server.io.emit("number", 41))
    assert server.hear() == ("sum", [41, 42])
    server.do(server.io.emit("state", "on"))
    assert server.hear() == ("state", None)

    # The connection is lost: the next attempt brings the token that onClose wrote.
    server.do(server.io.eio.disconnect(server.io.manager.eio_sid_from_sid(sid, "/")))
    assert server.hear()[0] == "connect"
    assert server.hear() == ("hello", {"name": "tokens", "cues": 3})
    client.expect_line("^token 2$")
    assert server.refused == []
    assert eventually(lambda: client.program.find_line("^closed "))
