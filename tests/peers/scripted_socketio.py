"""Socket.IO servers that do what a test says, down to the byte: over WebSocket and HTTP long-polling, Engine.IO 3 and 4.

A script is a function of one session. Over a WebSocket that is a `SocketIoWire`, the connection itself; over polling a
`PollSession`, whose requests come over any number of connections. Both speak: `open`, `let_in`, `say`, `hear`, `serve`.
"""

import base64
import json
import queue
import re
import struct
import threading
from urllib.parse import parse_qs, urlsplit

from raw import BINARY, CLOSE, PING, PONG, TEXT, frame
from scripted_server import ScriptedServer, Wire

# What a server of Socket.IO 4 opens a session with.
OPEN = {
    "sid": "0123456789abcdefghij",
    "upgrades": [],
    "pingInterval": 25000,
    "pingTimeout": 20000,
    "maxPayload": 1000000,
}
# What an event or an acknowledgement is made of: namespace, number, payload.
EVENT = re.compile(r"42(?P<namespace>/[^,]*,)?(?P<id>\d*)(?P<payload>\[.*\])$", re.DOTALL)
CONNECT = re.compile(r"40(?P<namespace>/[^,?]*)?(\?[^,]*)?,?(?P<auth>\{.*\})?$", re.DOTALL)
# Separates packets in a body of version 4.
SEPARATOR = b"\x1e"
# Seconds that a script waits for what the client has to do.
PATIENCE = 10


def open_packet(**changes):
    """An open packet; a field that is None is left out."""
    fields = {name: value for name, value in {**OPEN, **changes}.items() if value is not None}
    return "0" + json.dumps(fields, separators=(",", ":"))


def event(*args, namespace="", id=""):
    """The packet of an event: its name and arguments."""
    return f"42{namespace}{id}" + json.dumps(args)


class Session:
    """What a server says to one client and hears of it, whatever carries it. `say` and `hear` are the transport's."""

    version = 4

    def let_in(self, namespace="/", sid="socket", **more):
        """Waits until the client asks for this namespace, and lets it in; gives the auth object of the client."""
        request = self._asked()
        asked = CONNECT.match(request or "")
        assert asked and (asked["namespace"] or "/") == namespace, f"{request!r} does not ask for {namespace}"
        self.say(self.connected(namespace, sid, **more))
        return json.loads(asked["auth"]) if asked["auth"] else None

    def connected(self, namespace="/", sid="socket", **more):
        """The packet that lets a client into a namespace."""
        place = "" if namespace == "/" else namespace + ","
        return f"40{place}" + ("" if self.version == 3 else json.dumps({"sid": sid, **more}))

    def expect(self, *packets):
        """What the client says next has to be this."""
        for packet in packets:
            heard = self._asked()
            assert heard == packet, f"heard {heard!r} in the place of {packet!r}"

    def _asked(self):
        """The client's next packet; an end of the test is none of the client's faults."""
        heard = self.hear()
        if heard is None and self.over.is_set():
            raise EOFError
        return heard

    def serve(self):
        """A server as it should be: lets everybody in, sends each event back, or acknowledges it with its arguments."""
        while (packet := self.hear()) is not None:
            if isinstance(packet, bytes):
                continue
            if asked := CONNECT.match(packet):
                self.say(self.connected(asked["namespace"] or "/"))
            elif (came := EVENT.match(packet)) and came["id"]:
                answer = json.dumps(json.loads(came["payload"])[1:])
                self.say(f"43{came['namespace'] or ''}{came['id']}{answer}")
            elif came:
                self.say(packet)


class SocketIoWire(Wire, Session):
    """A session that is a WebSocket."""

    def __init__(self, connected, timeout=20.0):
        super().__init__(connected, timeout)
        self.pongs = 0  # of Engine.IO
        self.closed_with = None  # code and reason of the client's close frame
        self.head_is_read = False

    def head(self):
        if not self.head_is_read:
            super().head()
        self.head_is_read = True
        return self.headers

    def query(self):
        """The query of the request."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.request.split()[1]).query).items()}

    def open(self, **changes):
        """Opens WebSocket and session."""
        self.accept()
        self.say(open_packet(**changes))

    def open_3(self, **changes):
        """Opens a session as Socket.IO 2 does: the client is in the root namespace unasked, and has to ping."""
        self.version = 3
        self.open(**{"maxPayload": None, "pingTimeout": 5000, **changes})
        self.say("40")

    def say(self, *packets):
        """Packets in one write: text as text frames, bytes as binary frames."""
        self.send(frames(*packets))

    def hear(self):
        """The client's next packet but for pongs, which are counted; None when it has ended the connection."""
        parts = []
        try:
            while True:
                opcode, payload, final = self.frame()
                if opcode == CLOSE:
                    self.closed_with = struct.unpack(">H", payload[:2])[0] if payload else 1005, payload[2:].decode()
                    self.send_frame(CLOSE, payload)
                    return None
                if opcode in (PING, PONG):
                    continue
                parts.append((opcode, payload))
                if not final:
                    continue
                whole, opcode = b"".join(part for _, part in parts), parts[0][0]
                parts.clear()
                if whole == b"3":
                    self.pongs += 1
                elif whole == b"2" and self.version == 3:
                    self.say("3")
                else:
                    return whole.decode() if opcode == TEXT else whole
        except EOFError:
            return None


def frames(*packets):
    """WebSocket frames of a server: text as text frames, bytes as binary frames."""
    return b"".join(
        frame(BINARY, packet, masked=False)
        if isinstance(packet, bytes)
        else frame(TEXT, packet.encode(), masked=False)
        for packet in packets
    )


class ScriptedSocketIo(ScriptedServer):
    """A server whose connections go to scripts in turn, all further ones to the last."""

    wire_type = SocketIoWire

    @property
    def url(self):
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.port}"


# ---------------------------------------- polling


class Exchange:
    """A request that waits for its answer."""

    def __init__(self, wire, method, target, body):
        self.wire, self.method, self.target, self.body = wire, method, target, body
        self.answered = threading.Event()

    def answer(self, body=b"ok", status="200 OK", content_type="text/plain; charset=UTF-8", *headers):
        body = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *headers]
        self.answer_raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def answer_raw(self, data, then=None):
        """Sends bytes as they are; `then` ends the connection in some way."""
        self.wire.send(data)
        if then:
            then(self.wire)
        self.answered.set()


class PollSession(Session):
    """A session whose packets pass in requests. POSTs are answered by themselves unless `takes_posts` is off."""

    def __init__(self, server, sid):
        self.sid = sid
        self.gets, self.posts, self.websockets, self.received = (queue.Queue() for _ in range(4))
        self.takes_posts = True
        self.over = server.over

    def _next(self, waiting, what):
        for _ in range(PATIENCE * 20):
            try:
                return waiting.get(timeout=0.05)
            except queue.Empty:
                if self.over.is_set():
                    raise EOFError from None
        raise AssertionError(f"no {what} came")

    def get(self):
        """The GET that waits, or the next one."""
        return self._next(self.gets, "GET")

    def post(self):
        """The next POST, to be answered; wants `takes_posts` off."""
        return self._next(self.posts, "POST")

    def websocket(self):
        """The next WebSocket that the client opens for this session, with its request read."""
        return self._next(self.websockets, "WebSocket").wire

    def probed(self):
        """That WebSocket, opened and asked whether it works."""
        wire = self.websocket()
        wire.accept()
        wire.expect("2probe")
        return wire

    def upgraded(self, *behind):
        """That WebSocket, when the client has gone over to it; packets `behind` end the last poll."""
        wire, waiting = self.probed(), self.get()
        wire.say("3probe")
        waiting.answer(body_of(*behind, "6"))
        wire.expect("5")
        return wire

    def open(self, *behind, **changes):
        """Answers the first GET; packets `behind` go in the same body."""
        self.say(open_packet(**{"sid": self.sid, **changes}), *behind)

    def say(self, *packets):
        self.get().answer(body_of(*packets))

    def hear(self):
        while True:
            packet = self._hear_any()
            if packet != "3":
                return None if packet == "1" else packet

    def _hear_any(self):
        while not self.over.is_set():
            try:
                return self.received.get(timeout=0.05)
            except queue.Empty:
                pass
        return "1"

    def handle(self, exchange):
        if exchange.method == "GET":
            self.gets.put(exchange)
        elif self.takes_posts:
            for packet in exchange.body.split(SEPARATOR):
                is_binary = packet[:1] == b"b"
                self.received.put(base64.b64decode(packet[1:]) if is_binary else packet.decode())
            exchange.answer()
        else:
            self.posts.put(exchange)


def body_of(*packets):
    """A body of version 4."""
    written = (b"b" + base64.b64encode(it) if isinstance(it, bytes) else it.encode() for it in packets)
    return SEPARATOR.join(written)


def body_of_3(*packets):
    """A body of version 3 with text alone."""
    return "".join(f"{len(packet.encode('utf-16-le')) // 2}:{packet}" for packet in packets).encode()


class PollingServer(ScriptedSocketIo):
    """A server whose sessions go to scripts in turn, all further ones to the last. A session that begins on a WebSocket
    is a `SocketIoWire`."""

    def __init__(self, *scripts, **options):
        self.session_scripts = scripts
        self.sessions, self.over, self.lock = [], threading.Event(), threading.Lock()
        super().__init__(self._route, **options)

    def close(self):
        self.over.set()
        super().close()

    def _route(self, wire):
        while True:
            wire.head_is_read = False
            wire.head()
            method, target, _ = wire.request.split(" ", 2)
            body = wire.take(int(wire.headers.get("content-length", 0)))
            exchange = Exchange(wire, method, target, body)
            is_websocket = "sec-websocket-key" in wire.headers
            with self.lock:
                if sid := wire.query().get("sid"):
                    session = next(session for session in self.sessions if getattr(session, "sid", None) == sid)
                else:
                    script = self.session_scripts[min(len(self.sessions), len(self.session_scripts) - 1)]
                    session = wire if is_websocket else PollSession(self, f"session{len(self.sessions):013}")
                    self.sessions.append(session)
                    if not is_websocket:
                        self._start(self._run, script, session)
            if session is wire:
                return script(wire)
            if is_websocket:
                session.websockets.put(exchange)
            else:
                session.handle(exchange)
            while not exchange.answered.wait(0.05):
                if self.over.is_set():
                    return None
            if is_websocket:
                return None

    def _run(self, script, session):
        try:
            script(session)
        except (EOFError, OSError):
            pass  # The test is over, or the client has gone.
        except Exception as failure:
            self.failures.append(failure)


# ---------------------------------------- scripts


def healthy(session):
    """A server as it should be."""
    session.open()
    session.serve()


def after(*packets, **changes):
    """A script that opens the session, lets the client in, says this, and goes on as it should."""

    def script(session):
        session.open(**changes)
        session.let_in()
        session.say(*packets)
        session.serve()

    return script
