"""What the Socket.IO servers on Python have in common: standard input and output, and the record of a client.

socketio_servers.py says what they do and how they are led.
"""

import json
import os
import sys
import threading
from urllib.parse import parse_qsl

NAMESPACES = ["/", "/admin", "/token"]
SETTINGS = json.loads(sys.argv[1])
# Events are handled in the order in which they came.
OPTIONS = {"async_handlers": False}
if "ping" in SETTINGS:
    OPTIONS["ping_interval"], OPTIONS["ping_timeout"] = (milliseconds / 1000 for milliseconds in SETTINGS["ping"])


def tell(*event):
    line = json.dumps(event, default=lambda value: {"bytes": bytes(value).hex()})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def client(environ, auth, transport):
    """What is told of a client that comes."""
    headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
    return {"query": query, "headers": headers, "auth": auth, "transport": transport, "recovered": False}


def token_of(auth):
    return auth.get("token") if isinstance(auth, dict) else None


def follow(commands):
    """Obeys the lines of standard input in a thread; the process ends with them, and when its time is up."""

    def read():
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            commands[name](*arguments)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    timer = threading.Timer(SETTINGS["limit"], os._exit, [0])
    timer.daemon = True
    timer.start()
