"""Debian's mosquitto, started for a test: the broker, and its clients `mosquitto_pub` and `mosquitto_sub`."""

import re
import shutil
import subprocess
import threading

from peers import missing
from running import eventually, free_port

REMEDY = "run `cargo xtask setup`, or install mosquitto and mosquitto-clients"


def path_of(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    return found or missing(name, REMEDY)


class Broker:
    """A broker on a port of 127.0.0.1. `lines` are further lines of its configuration; `users` has passwords by name."""

    def __init__(self, folder, port=None, *, lines=(), users=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port, self.process, self.subscribers = folder, port or free_port(), None, 0
        settings = [f"listener {self.port} 127.0.0.1", "persistence false", "user root", *lines]
        if users is None:
            settings.append("allow_anonymous true")
        else:
            passwords = folder / "passwords"
            passwords.touch(mode=0o600)
            for name, password in users.items():
                subprocess.run(
                    [path_of("mosquitto_passwd"), "-b", passwords, name, password], check=True, capture_output=True
                )
            settings += ["allow_anonymous false", f"password_file {passwords}"]
        self.file = folder / "mosquitto.conf"
        self.file.write_text("\n".join(settings) + "\n")
        self.start()

    def start(self):
        self.lines = []
        self.process = subprocess.Popen(
            [path_of("mosquitto"), "-v", "-c", self.file], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        self.expect_line(r"mosquitto version .* running")

    def _read(self, process):
        for line in process.stderr:
            self.lines.append(line.decode("utf-8", "replace").rstrip())

    def expect_line(self, pattern, count=1):
        """Waits until so many lines of the broker's log match."""

        def found():
            assert self.process.poll() is None, "the broker ended:\n" + "\n".join(self.lines[-20:])
            return len([line for line in list(self.lines) if re.search(pattern, line)]) >= count

        eventually(found, what=f"{count} × {pattern!r} in the broker's log")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)

    def publish(self, topic, message=b"", *, retain=False, qos=0, more=()):
        """Publishes with mosquitto_pub, and returns when it has ended."""
        arguments = ["-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-q", str(qos), *more]
        content = message if isinstance(message, bytes) else message.encode()
        arguments += ["-s"] if content else ["-n"]
        arguments += ["-r"] if retain else []
        subprocess.run([path_of("mosquitto_pub"), *arguments], input=content, check=True, timeout=10)

    def subscriber(self, topic, *, qos=0, more=()):
        self.subscribers += 1
        name = f"subscriber{self.subscribers}"
        one = Subscriber(self.port, topic, qos, ["-i", name, *more])
        try:
            self.expect_line(f"Sending SUBACK to {name}$")
        except BaseException:
            one.__exit__()
            raise
        return one


class Subscriber:
    """mosquitto_sub: what it has heard is in `heard` as (topic, bytes, qos, retained). A context manager."""

    def __init__(self, port, topic, qos, more):
        self.heard = []
        arguments = ["-h", "127.0.0.1", "-p", str(port), "-t", topic, "-q", str(qos), *more]
        self.process = subprocess.Popen(
            [path_of("mosquitto_sub"), *arguments, "-F", "%q %r %x %t"], stdout=subprocess.PIPE
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            qos, retained, content, topic = line.decode().rstrip("\n").split(" ", 3)
            self.heard.append((topic, bytes.fromhex(content), int(qos), retained == "1"))

    def expect(self, *messages):
        """Waits for these (topic, content) in this order, and no others until then."""
        eventually(lambda: len(self.heard) >= len(messages), what=f"{messages!r} at mosquitto_sub, heard {self.heard!r}")
        assert [message[:2] for message in self.heard] == list(messages)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
