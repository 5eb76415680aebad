"""What keeps processes apart that test side by side: ports, turns, and what they found of Socket.IO servers."""

import fcntl
import socket
import threading

from ports import Ports
from running import eventually
from socketio_table import Outcomes
from turns import Turns


def test_ports_of_two_processes_are_never_the_same_and_never_the_systems():
    one, other = Ports(), Ports()
    given = [ports.next() for ports in (one, other) for _ in range(50)]
    assert len(set(given)) == 100
    with socket.create_server(("127.0.0.1", 0)) as system:
        assert max(given) < system.getsockname()[1]
    one.held.close(), other.held.close()


def test_a_port_that_somebody_listens_on_is_not_given():
    ports = Ports()
    first = ports.next()
    with socket.create_server(("127.0.0.1", first + 1)):
        assert ports.next() == first + 2
    ports.held.close()


def test_a_test_that_is_alone_waits_for_the_others_and_they_for_it(tmp_path):
    happened = []

    def enter(name, alone, leave):
        with Turns(tmp_path).turn(alone):
            happened.append(name)
            assert leave.wait(8)
            happened.append(f"{name} ends")

    def start(name, alone=False):
        leave = threading.Event()
        thread = threading.Thread(target=enter, args=(name, alone, leave))
        thread.start()
        return thread, leave

    first, second = start("first"), start("second")
    eventually(lambda: len(happened) == 2)
    alone = start("alone", alone=True)
    turns = Turns(tmp_path)
    eventually(lambda: door_is_closed(turns))
    later = start("later")
    for thread, leave in (first, second, alone, later):
        leave.set()
        thread.join(8)
    assert sorted(happened[:2]) == ["first", "second"]
    assert happened[-4:] == ["alone", "alone ends", "later", "later ends"]


def door_is_closed(turns):
    """Whether somebody waits in it for the room to be empty."""
    try:
        fcntl.flock(turns.door, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(turns.door, fcntl.LOCK_UN)
    return False


def test_what_processes_have_found_comes_together_and_the_worst_counts():
    whole = Outcomes()
    for features in ({"events": {"node4": "passed"}}, {"events": {"node4": "failed", "oxide": "skipped"}}):
        whole.add({"features": features, "tests": 2, "is_whole": True})
    whole.add({"features": {"events": {"node4": "passed"}}, "tests": 1, "is_whole": True})
    assert whole.state() == {"features": {"events": {"node4": "failed", "oxide": "skipped"}}, "tests": 5, "is_whole": True}
    whole.add(None)
    assert not whole.state()["is_whole"], "a process has broken off"
