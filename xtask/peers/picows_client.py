"""Benchmark peer: picows as a client, on uvloop. Usage: picows_client.py PORT flood|text|echo

Does nothing with a message, asks for it as a str, or sends it back.
"""

import sys

import uvloop
from picows import WSListener, WSMsgType, ws_connect


class Flood(WSListener):
    def on_ws_frame(self, transport, frame):
        pass


class Text(WSListener):
    def on_ws_frame(self, transport, frame):
        frame.get_payload_as_utf8_text()


class Echo(WSListener):
    def on_ws_frame(self, transport, frame):
        if frame.msg_type == WSMsgType.TEXT:
            transport.send(WSMsgType.TEXT, frame.get_payload_as_bytes())


async def main(port, mode):
    listeners = {"flood": Flood, "text": Text, "echo": Echo}
    transport, _ = await ws_connect(listeners[mode], f"ws://127.0.0.1:{port}/ws")
    await transport.wait_disconnected()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
