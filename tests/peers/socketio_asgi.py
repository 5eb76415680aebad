"""A Socket.IO server on python-socketio, ASGI and uvicorn: socketio_asgi.py {"port": 0, "limit": seconds,
"ping": [interval, timeout]}.
"""

import asyncio
import collections
import socket

import socketio
import uvicorn

from socketio_python import NAMESPACES, OPTIONS, SETTINGS, client, follow, tell, token_of

io = socketio.AsyncServer(async_mode="asgi", **OPTIONS)
next_numbers = collections.defaultdict(int)


@io.on("connect", namespace="/deny")
async def refuse(sid, environ, auth):
    raise socketio.exceptions.ConnectionRefusedError("denied", {"code": 42})


def serve(namespace):
    """The events of one namespace."""

    async def connect(sid, environ, auth):
        if namespace == "/token" and token_of(auth) != "right":
            raise socketio.exceptions.ConnectionRefusedError("wrong token", {"token": token_of(auth)})
        tell("connect", namespace, sid, client(environ, auth, io.transport(sid, namespace)))

    async def disconnect(sid, reason):
        next_numbers.pop(sid, None)
        tell("disconnect", namespace, sid, reason)

    async def echo(sid, *args):
        await io.emit("echo", args, to=sid, namespace=namespace)
        return args

    async def note(sid, *args):
        tell("note", namespace, args)

    async def ask(sid, *args):
        def answered(*answer):
            tell("answer", namespace, answer)

        await io.emit("question", args, to=sid, namespace=namespace, callback=answered)

    async def late(sid, milliseconds):
        await asyncio.sleep(milliseconds / 1000)
        return "late"

    async def flood(sid, count):
        for number in range(count):
            await io.emit("number", number, to=sid, namespace=namespace)

    async def count(sid, number):
        if number == next_numbers[sid]:
            next_numbers[sid] += 1

    async def counted(sid):
        return next_numbers[sid]

    async def transport(sid):
        return io.transport(sid, namespace)

    async def kick(sid):
        await io.disconnect(sid, namespace)

    async def kickall(sid):
        engine = io.manager.eio_sid_from_sid(sid, namespace)
        for other in NAMESPACES:
            if there := io.manager.sid_from_eio_sid(engine, other):
                await io.disconnect(there, other)
        await io.eio.disconnect(engine)

    handlers = [connect, disconnect, echo, note, ask, late, flood, count, counted, transport, kick, kickall]
    for handler in handlers:
        io.on(handler.__name__, handler, namespace=namespace)


async def main():
    for namespace in NAMESPACES:
        serve(namespace)
    listener = socket.create_server(("127.0.0.1", SETTINGS["port"]))
    config = uvicorn.Config(
        socketio.ASGIApp(io), log_level="warning", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()

    def emit(namespace, event, *args):
        asyncio.run_coroutine_threadsafe(io.emit(event, args, namespace=namespace), loop)

    def close():
        server.should_exit = True

    follow({"emit": emit, "close": close})
    tell("listening", listener.getsockname()[1])
    await server.serve(sockets=[listener])


asyncio.run(main())
