"""Leads `ws_client.mjs` and `ws_server.mjs`: a WebSocket client or server in a process of its own, on Node's `ws`."""

import json
import subprocess
import threading
from pathlib import Path

from running import eventually


class NodePeer:
    """One peer; `events` are the lists that it told, in order."""

    def __init__(self, node, script):
        program, packages = node
        self.process = subprocess.Popen(
            [program, str(Path(__file__).with_name(script)), str(packages)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.events = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def tell(self, **line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()

    def expect(self, name, count=1):
        """The last of `count` events of this name."""

        def found():
            events = [event for event in self.events if event[0] == name]
            return events[count - 1] if len(events) >= count else None

        return eventually(found, 10, f"{count} × {name!r} from Node (so far {self.events})")

    def end(self):
        self.process.kill()
        self.process.wait()
        self.reader.join(5)
        self.process.stdin.close()
        self.process.stdout.close()


class NodeClient(NodePeer):
    """A client."""

    def __init__(self, node, url, protocols=(), **options):
        super().__init__(node, "ws_client.mjs")
        self.tell(open=url, protocols=list(protocols), options=options)


class NodeServer(NodePeer):
    """A server that listens on `port` of localhost and lets in requests with its own name in Host and Origin alone."""

    def __init__(self, node, **options):
        super().__init__(node, "ws_server.mjs")
        self.tell(listen=options)
        self.port = self.expect("listening")[1]
