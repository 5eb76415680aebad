"""WebSocket servers that do what a test says, down to the byte: for answers that no well-behaved server gives.

A script is a function of one `Wire`, the connection that a client has opened. It runs in a thread of its own; when it
returns, the connection ends. What goes wrong in a script fails the test when the server closes.
"""

import base64
import hashlib
import socket
import struct
import threading

from raw import CLOSE, Raw, frame, mask_laid_on
from running import free_port

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


class Wire(Raw):
    """One connection, as the server sees it."""

    def __init__(self, connected, timeout=20.0):
        self.socket = connected
        self.socket.settimeout(timeout)
        self.buffer = b""
        self.ended = threading.Event()  # set once the script has returned
        self.over = threading.Event()  # set when the test is over

    def head(self):
        """The request: its first line, and its headers by lower-case names; repeated ones are joined by ", "."""
        self.request, *lines = self.take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        self.headers = {}
        for line in lines:
            name, value = line.split(":", 1)
            key, value = name.lower(), value.strip()
            self.headers[key] = f"{self.headers[key]}, {value}" if key in self.headers else value
        return self.headers

    def accept(self, *headers, key=None, behind=b""):
        """Reads the request and answers it with 101; `behind` goes out in the same write."""
        self.head()
        digest = hashlib.sha1((self.headers["sec-websocket-key"] + MAGIC).encode()).digest()
        key = key or base64.b64encode(digest).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Accept: {key}", *headers]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + behind)

    def send_frame(self, opcode, payload=b"", **options):
        self.send(frame(opcode, payload, **{"masked": False, **options}))

    def send_close(self, code, reason=""):
        self.send_frame(CLOSE, struct.pack(">H", code) + reason.encode())

    def frame(self):
        """The next frame: (opcode, payload, final). A client's frames are masked."""
        first, second = self.take(2)
        assert second & 0x80, "a client's frame is not masked"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self.take(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self.take(8))
        mask = self.take(4)
        return first & 0x0F, mask_laid_on(self.take(length), mask), bool(first & 0x80)

    def close_frame(self):
        """Code and reason of the next close frame, skipping what comes before; None when the connection just ends."""
        try:
            while True:
                opcode, payload, _ = self.frame()
                if opcode == CLOSE:
                    return (struct.unpack(">H", payload[:2])[0], payload[2:].decode()) if payload else (1005, "")
        except EOFError:
            return None


class ScriptedServer:
    """Listens on a port of its own. Connections go to the scripts in turn, all further ones to the last."""

    wire_type = Wire

    def __init__(self, *scripts, port=None, context=None, host="127.0.0.1", receive_buffer=None):
        self.scripts, self.context = scripts, context
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if receive_buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.port = port or free_port()
        self.listener.bind((host, self.port))
        self.listener.listen(64)
        self.wires, self.failures, self.threads = [], [], []
        self._start(self._accept)

    def _start(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                connected, _ = self.listener.accept()
            except OSError:
                return
            wire = self.wire_type(connected)
            script = self.scripts[min(len(self.wires), len(self.scripts) - 1)]
            self.wires.append(wire)
            self._start(self._serve, script, wire)

    def _serve(self, script, wire):
        try:
            if self.context:
                wire.socket = self.context.wrap_socket(wire.socket, server_side=True)
            script(wire)
        except (EOFError, OSError):
            pass  # The client has ended the connection, or the test is over.
        except Exception as failure:
            self.failures.append(failure)
        finally:
            wire.socket.close()
            wire.ended.set()

    def close(self):
        """Ends listener and connections; raises what a script raised."""
        self.end_listening()
        for wire in self.wires:
            wire.over.set()
            try:
                wire.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(5)
        if self.failures:
            raise self.failures[0]

    def end_listening(self):
        """From now on connections are refused; those that are there stay."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        except OSError:
            pass
        self.listener.close()


# ---------------------------------------- scripts


def hold(wire):
    """Opens the WebSocket and says nothing until the client ends it; a close frame is answered."""
    wire.accept()
    if closed := wire.close_frame():
        wire.send_close(closed[0] if closed[0] != 1005 else 1000)
        wire.rest()


def silent(wire):
    """Takes the connection and never answers."""
    wire.rest()


def answers(text, *more):
    """A script that answers the request with these bytes and ends the connection."""

    def script(wire):
        wire.head()
        wire.send(b"".join(part if isinstance(part, bytes) else part.encode() for part in (text, *more)))

    return script


def http(status, body="", *headers):
    """A script that answers the request with an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *headers]
    return answers("\r\n".join(lines) + "\r\n\r\n" + body)
