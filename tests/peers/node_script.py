"""A server in Node that is written for people, in a document or an example, run on the packages of the tests."""

import os
import re
import shutil
import subprocess
import threading

from peers import missing
from running import eventually
from socketio_servers import SETUP, NodeKind

KIND = NodeKind("socket.io-4")


class NodeScript:
    """Runs a script of a folder, with npm's `socket.io` of the tests in the place of what npm would install; `lines`
    is what it printed. Returns when a line matches `ready`."""

    def __init__(self, folder, script, ready, **environment):
        node = shutil.which("node") or missing("node", "install the package nodejs")
        package = KIND.manifest().parent
        if not KIND.manifest().exists():
            missing(f"the Node package {KIND.package}", SETUP)
        modules = folder / "node_modules"
        if not modules.exists():
            modules.mkdir()
            (modules / "socket.io").symlink_to(package.resolve())
        self.lines = []
        self.process = subprocess.Popen(
            [node, script],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.expect(ready)

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def expect(self, pattern):
        """Waits for a line that matches."""

        def found():
            return any(re.search(pattern, line) for line in list(self.lines))

        eventually(found, 15, f"{pattern!r} from {self.process.args[1]}, so far {self.lines},")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)
        self.reader.join(5)
        self.process.stdout.close()
