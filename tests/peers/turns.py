"""Tests that have the machine to themselves, among others that several processes run side by side.

Two locks that the processes share: in the room are any number of tests, or one that is marked `alone`; through the door
goes who enters the room, one after the other. Who wants to be alone keeps the door until the room is empty, so that nobody
is waited for who came later.
"""

import contextlib
import fcntl
from pathlib import Path


class Turns:
    """What the processes of one run share, in a folder."""

    def __init__(self, folder):
        self.door, self.room = (open(Path(folder) / name, "w") for name in ("door", "room"))

    @contextlib.contextmanager
    def turn(self, alone):
        """For the time of one test."""
        fcntl.flock(self.door, fcntl.LOCK_EX)
        fcntl.flock(self.room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(self.door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self.room, fcntl.LOCK_UN)
