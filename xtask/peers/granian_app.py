"""Benchmark peer: granian with an RSGI application. Usage: granian_app.py PORT

Answers every GET with the benchmark's body and echoes WebSocket text messages, with one worker process.
"""

import sys

BODY = "Hello from the Patchcord bench"
HEADERS = [("content-type", "text/plain")]


async def app(scope, protocol):
    if scope.proto == "http":
        protocol.response_str(200, HEADERS, BODY)
        return
    transport = await protocol.accept()
    while True:
        message = await transport.receive()
        if message.kind == 0:  # closed
            return
        await transport.send_str(message.data)


if __name__ == "__main__":
    from granian import Granian
    from granian.constants import Interfaces, Loops

    Granian(
        "granian_app:app",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.RSGI,
        workers=1,
        loop=Loops.uvloop,
        log_access=False,
    ).serve()
