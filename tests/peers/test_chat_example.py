"""The example of both roles, a room and its guests: lines go across, and guests come back when the room does.

The patches run where they are; their ports come from the environment, as a person would give them.
"""

import httpx
import pytest

from running import PYTHON, REPOSITORY, eventually, free_port

CHAT = REPOSITORY / "examples" / "chat"


class Guest:
    """A guest patch, and what a person does with it by HTTP."""

    def __init__(self, chat, name):
        self.port = free_port()
        self.run = chat.command("run", CHAT / "guest", "--python", PYTHON, environment=chat.guest(name, self.port))
        self.run.expect_line(rf"listening on http://127\.0\.0\.1:{self.port}/", 20)
        self.url = f"http://127.0.0.1:{self.port}/"

    def say(self, line):
        return httpx.post(self.url, content=line, trust_env=False).status_code

    def heard(self):
        return httpx.get(self.url, trust_env=False).text.splitlines()


class Chat:
    """A room on a port of its own, started and stopped at will, and guests who know where it is."""

    def __init__(self, command):
        self.command, self.port = command, free_port()
        self.programs = []

    def guest(self, name, port):
        return {"CHAT_ROOM": f"localhost:{self.port}/?name={name}", "CHAT_PORT": str(port)}

    def open(self):
        self.room = self.command(
            "run", CHAT / "room", "--python", PYTHON, environment={"CHAT_PORT": str(self.port)}
        )
        self.programs.append(self.room)
        self.room.expect_line(rf"listening on http://127\.0\.0\.1:{self.port}/", 20)

    def join(self, name):
        guest = Guest(self, name)
        self.programs.append(guest.run)
        return guest

    def end(self):
        """Every program ends in order and none of its scripts has failed."""
        for program in self.programs:
            if program.process.poll() is None:
                program.process.terminate()
        for program in self.programs:
            assert program.end() == 0
            assert "Traceback" not in program.output


@pytest.fixture
def chat(command):
    one = Chat(command)
    yield one
    one.end()


def test_the_patches_of_the_chat_example_have_no_mistakes(command, chat):
    for name in ("room", "guest"):
        assert command("check", CHAT / name, environment=chat.guest("Ada", 9981)).end() == 0
    unset = command("check", CHAT / "room")
    assert unset.end() == 1
    assert unset.find_line("the environment variable CHAT_PORT is not set")


def test_a_line_goes_from_one_guest_to_the_other(chat):
    chat.open()
    ada = chat.join("Ada")
    chat.room.expect_line("^Ada is here$")
    grace = chat.join("Grace%20H")
    ada.run.expect_line("^Grace H is here$")
    assert ada.say("Hello, is anybody there? äöü ☎") == 200
    grace.run.expect_line("^Ada: Hello, is anybody there\\? äöü ☎$")
    assert grace.say("I am.") == 200
    ada.run.expect_line(r"^Grace H: I am\.$")
    both = ["Grace H is here", "Ada: Hello, is anybody there? äöü ☎", "Grace H: I am."]
    assert ada.heard() == ["Ada is here", *both]
    assert grace.heard() == both
    grace.run.process.terminate()
    assert grace.run.end() == 0
    ada.run.expect_line("^Grace H has left$")


def test_guests_come_back_when_the_room_was_stopped_and_started_again(chat):
    chat.open()
    ada, grace = chat.join("Ada"), chat.join("Grace")
    for name in ("Ada", "Grace"):
        chat.room.expect_line(f"^{name} is here$")
    chat.room.process.terminate()
    assert chat.room.end() == 0
    for guest in (ada, grace):
        guest.run.expect_line("the server closed the connection with code 1001")
        guest.run.expect_line(r"connecting again in \d")
        assert guest.say("Nobody hears this.") == 503
    chat.open()
    for name in ("Ada", "Grace"):
        chat.room.expect_line(f"^{name} is here$", 20)
    assert ada.say("There we are again.") == 200
    grace.run.expect_line(r"^Ada: There we are again\.$")
    assert not any("Nobody hears this." in line for line in grace.heard())


def test_a_guest_waits_for_a_room_that_is_not_there_yet(chat):
    early = chat.join("Early")
    early.run.expect_line(f"connection failed: .*:{chat.port} refused the connection")
    chat.open()
    chat.room.expect_line("^Early is here$", 20)
    eventually(lambda: early.heard() == ["Early is here"])
