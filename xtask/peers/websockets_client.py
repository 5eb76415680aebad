"""Benchmark peer: websockets as a client, on uvloop. Usage: websockets_client.py PORT flood|echo

Does nothing with a message, or sends it back.
"""

import sys

import uvloop
from websockets.asyncio.client import connect


async def main(port, mode):
    async with connect(f"ws://127.0.0.1:{port}/ws", compression=None) as websocket:
        if mode == "echo":
            async for message in websocket:
                await websocket.send(message)
        else:
            async for _ in websocket:
                pass


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
