"""Raw sockets: HTTP answers and WebSocket frames taken apart by hand, for what well-behaved clients never send."""

import base64
import os
import socket
import struct
from dataclasses import dataclass, field

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


@dataclass
class Answer:
    """One HTTP/1.1 answer as it stood on the wire."""

    status: int
    reason: str
    headers: dict = field(default_factory=dict)  # names in lower case; repeated ones joined by ", "
    names: list = field(default_factory=list)  # names as sent
    body: bytes = b""


class Raw:
    """A TCP connection with a buffer in front of it."""

    def __init__(self, port, receive_buffer=None, timeout=8.0):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self.buffer = b""
        host, number = self.socket.getsockname()
        self.id = f"{host}:{number}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        try:
            got = self.socket.recv(1 << 16)
        except (ConnectionResetError, BrokenPipeError):
            got = b""
        self.buffer += got
        return bool(got)

    def take(self, count):
        """Exactly `count` bytes; EOFError when the other side ended before."""
        while len(self.buffer) < count:
            if not self._more():
                raise EOFError(self.buffer)
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def take_until(self, mark):
        while mark not in self.buffer:
            if not self._more():
                raise EOFError(self.buffer)
        taken, self.buffer = self.buffer.split(mark, 1)
        return taken

    def answer(self, head=False):
        """The next HTTP answer, with its body by Content-Length or chunks; 100 Continue counts as one."""
        first, *lines = self.take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, *reason = first.split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), first
        answer = Answer(int(status), reason[0] if reason else "")
        for line in lines:
            name, value = line.split(":", 1)
            answer.names.append(name)
            key, value = name.lower(), value.strip()
            answer.headers[key] = f"{answer.headers[key]}, {value}" if key in answer.headers else value
        if head or answer.status < 200 or answer.status in (204, 304):
            return answer
        if answer.headers.get("transfer-encoding") == "chunked":
            while size := int(self.take_until(b"\r\n"), 16):
                answer.body += self.take(size)
                self.take(2)
            self.take_until(b"\r\n")
        elif "content-length" in answer.headers:
            answer.body = self.take(int(answer.headers["content-length"]))
        else:
            answer.body = self.rest()
        return answer

    def answers(self):
        """All answers until the server ends the connection."""
        found = []
        while True:
            try:
                found.append(self.answer())
            except EOFError:
                return found

    def rest(self):
        """Everything until the server ends the connection."""
        while self._more():
            pass
        taken, self.buffer = self.buffer, b""
        return taken

    def is_ended(self, timeout):
        """Whether the server ends the connection within `timeout` seconds (what it sends before is kept)."""
        self.socket.settimeout(timeout)
        try:
            while self._more():
                pass
            return True
        except TimeoutError:
            return False

    def reset(self):
        """Ends the connection by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def request(port, method="GET", target="/", headers=(), body=b"", host=True):
    """Bytes of a plain request."""
    lines = [f"{method} {target} HTTP/1.1"]
    if host:
        lines.append(f"Host: 127.0.0.1:{port}")
    lines += headers
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def frame(opcode, payload=b"", *, final=True, masked=True, reserved=0):
    """Bytes of one WebSocket frame."""
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 1 << 16:
        head += bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + mask_laid_on(payload, mask)


def mask_laid_on(payload, mask):
    """A payload with a mask laid on it, or taken off."""
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


class RawWebSocket(Raw):
    """A WebSocket client that answers nothing by itself."""

    def __init__(self, port, target="/", headers=(), receive_buffer=None, timeout=8.0):
        super().__init__(port, receive_buffer, timeout)
        self.send(request(port, "GET", target, [*upgrade_headers(), *headers]))
        self.handshake = self.answer(head=True)
        assert self.handshake.status == 101, self.handshake

    def send_frame(self, opcode, payload=b"", **options):
        self.send(frame(opcode, payload, **options))

    def frame(self):
        """The next frame: (opcode, payload, final). A server's frames are not masked."""
        first, second = self.take(2)
        assert not second & 0x80, "a server's frame is masked"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self.take(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self.take(8))
        return first & 0x0F, self.take(length), bool(first & 0x80)

    def close_code(self):
        """Close code in the next close frame, skipping what comes before; None when the connection just ends."""
        try:
            while True:
                opcode, payload, _ = self.frame()
                if opcode == CLOSE:
                    return struct.unpack(">H", payload[:2])[0] if payload else 1005
        except EOFError:
            return None


def upgrade_headers(version="13", key=None):
    """Headers that ask for a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode() if key is None else key
    return [
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        f"Sec-WebSocket-Version: {version}",
    ]
