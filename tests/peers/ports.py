"""Ports of 127.0.0.1 for the programs under test, of which no other program of the machine is given one meanwhile.

The system chooses the ports of outgoing connections, and those of servers that ask for port 0, from one range; a port of that
range that is free now may be somebody else's a moment later, and a client that dials it again and again may even connect
to itself. So ports are taken from below that range, where only those listen who were told to. Several processes test at
once: each has a block of ports, which is its own as long as it holds the first port of the block.
"""

import itertools
import os
import socket
from pathlib import Path

FIRST, SIZE = 10_000, 1000


def _lowest_of_the_system():
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except FileNotFoundError:
        return 49_152  # where it begins on other systems


class Ports:
    """The block of this process."""

    def __init__(self):
        blocks = range(FIRST, _lowest_of_the_system() - SIZE + 1, SIZE)
        # Processes that start together begin their search at different places.
        for number in range(len(blocks)):
            first = blocks[(os.getpid() + number) % len(blocks)]
            self.held = socket.socket()
            try:
                self.held.bind(("127.0.0.1", first))
            except OSError:
                self.held.close()
                continue
            self.numbers = itertools.cycle(range(first + 1, first + SIZE))
            return
        raise OSError("every block of ports is taken by another process")

    def next(self):
        """A port of the block that nothing listens on; the one that was given out the longest time ago."""
        for number in itertools.islice(self.numbers, SIZE):
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", number))
                except OSError:
                    continue
            return number
        raise OSError("every port of the block is taken")
