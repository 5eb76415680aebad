"""Benchmark peer: python-socketio as a client, on asyncio and uvloop.

Usage: socketio_client.py PORT receive|send|echo|answer|request

What the modes do with the events of the server says xtask/src/bench/socketio/server.rs.
"""

import sys

import socketio
import uvloop


async def main(port, mode):
    client = socketio.AsyncClient(reconnection=False)

    async def request(text):
        await client.emit("e", text, callback=request)

    async def echo(text):
        await client.emit("e", text)

    async def send(count, text):
        for _ in range(count):
            await client.emit("e", text)

    async def start(count, text):
        await request(text)

    on_event = {"echo": echo, "answer": lambda text: text}
    on_mark = {"send": send, "request": start}
    # A handler that returns None answers with nothing where the server asks.
    client.on("e", on_event.get(mode, lambda text: None))
    client.on("m", on_mark.get(mode, lambda *args: None))
    await client.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
    await client.wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
