"""A Socket.IO server on Flask-SocketIO with threads and Werkzeug: socketio_flask.py {"port": 0,
"limit": seconds, "ping": [interval, timeout]}.
"""

import collections
import logging
import os
import threading
import time

from flask import Flask, request
from flask_socketio import ConnectionRefusedError, SocketIO, emit
from werkzeug.serving import make_server

from socketio_python import NAMESPACES, OPTIONS, SETTINGS, client, follow, tell, token_of

app = Flask(__name__)
io = SocketIO(app, async_mode="threading", **OPTIONS)
next_numbers = collections.defaultdict(int)


@io.on("connect", namespace="/deny")
def refuse():
    raise ConnectionRefusedError("denied", {"code": 42})


def serve(namespace):
    """The events of one namespace."""

    def connect(auth):
        if namespace == "/token" and token_of(auth) != "right":
            raise ConnectionRefusedError("wrong token", {"token": token_of(auth)})
        transport = io.server.transport(request.sid, namespace)
        tell("connect", namespace, request.sid, client(request.environ, auth, transport))

    def disconnect(reason):
        next_numbers.pop(request.sid, None)
        tell("disconnect", namespace, request.sid, reason)

    def echo(*args):
        emit("echo", args)
        return args

    def note(*args):
        tell("note", namespace, args)

    def ask(*args):
        emit("question", args, callback=lambda *answer: tell("answer", namespace, answer))

    def late(milliseconds):
        time.sleep(milliseconds / 1000)
        return "late"

    def flood(count):
        for number in range(count):
            emit("number", number)

    def count(number):
        if number == next_numbers[request.sid]:
            next_numbers[request.sid] += 1

    def counted():
        return next_numbers[request.sid]

    def transport():
        return io.server.transport(request.sid, namespace)

    def kick():
        io.server.disconnect(request.sid, namespace)

    def kickall():
        engine = io.server.manager.eio_sid_from_sid(request.sid, namespace)
        for other in NAMESPACES:
            if there := io.server.manager.sid_from_eio_sid(engine, other):
                io.server.disconnect(there, other)
        io.server.eio.disconnect(engine)

    handlers = [connect, disconnect, echo, note, ask, late, flood, count, counted, transport, kick, kickall]
    for handler in handlers:
        io.on_event(handler.__name__, handler, namespace=namespace)


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    for namespace in NAMESPACES:
        serve(namespace)
    server = make_server("127.0.0.1", SETTINGS["port"], app, threaded=True)

    def close():
        # The connections end with the process: Werkzeug cannot end those of WebSockets.
        threading.Thread(target=lambda: (server.shutdown(), server.server_close(), os._exit(0)), daemon=True).start()

    follow({"emit": lambda namespace, event, *args: io.emit(event, args, namespace=namespace), "close": close})
    tell("listening", server.port)
    server.serve_forever()


main()
