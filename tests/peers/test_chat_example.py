"""The example of both roles, a room and a guest: lines go across, and guests and pages come back when the room does.

With UPDATE_SCREENSHOT=1 the test of the page writes docs/images/chat.png.
"""

import contextlib
import os
import re
import shutil

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from peers import peer_module
from running import PYTHON, REPOSITORY, eventually, free_port, save

CHAT = REPOSITORY / "examples" / "chat"
GREETING = "Say my name, and I remember something."


class Chat:
    """Copies of both patches on a port of their own, each started and stopped at will."""

    def __init__(self, folder, command):
        self.folder, self.command = folder, command
        shutil.copytree(CHAT, folder)
        self.port = free_port()
        for name in ("room", "guest"):
            patch = folder / name / "patch.toml"
            text = patch.read_text()
            assert text.count("9980") == 1
            patch.write_text(text.replace("9980", str(self.port)))
        self.programs = []
        self.people = contextlib.ExitStack()

    def run(self, name):
        program = self.command("run", self.folder / name, "--python", PYTHON)
        self.programs.append(program)
        return program

    def open(self):
        self.room = self.run("room")
        self.room.expect_line(rf"listening on http://127\.0\.0\.1:{self.port}/", 20)

    def invite_echo(self):
        self.echo = self.run("guest")
        self.room.expect_line("^Echo is here$", 20)

    def join(self, name):
        """Somebody with a WebSocket of `websockets`; answers the room's pings as browsers do."""
        query = f"?name={name}" if name else ""
        url = f"ws://127.0.0.1:{self.port}/{query}"
        return self.people.enter_context(connect(url, proxy=None, open_timeout=8, close_timeout=8))

    def end(self):
        """Every program ends in order, and none of its scripts has failed."""
        self.people.close()
        for program in self.programs:
            if program.process.poll() is None:
                program.process.terminate()
        for program in self.programs:
            assert program.end() == 0
            assert "Traceback" not in program.output


@pytest.fixture
def chat(command, tmp_path):
    one = Chat(tmp_path / "chat", command)
    yield one
    one.end()


def heard(person, count):
    return [person.recv(timeout=8) for _ in range(count)]


def test_the_patches_have_no_mistakes(command):
    for name in ("room", "guest"):
        assert command("check", CHAT / name).end() == 0


def test_echo_greets_who_comes_and_remembers_what_was_said(chat):
    chat.open()
    chat.invite_echo()
    ada = chat.join("Ada")
    assert heard(ada, 2) == ["Ada is here", f"Echo: Hello, Ada. {GREETING}"]
    ada.send("Is there anything, echo?")
    assert heard(ada, 2) == ["Ada: Is there anything, echo?", "Echo: I have heard nothing yet."]
    grace = chat.join("Grace%20H")
    assert heard(grace, 2) == ["Grace H is here", f"Echo: Hello, Grace H. {GREETING}"]
    assert heard(ada, 2) == ["Grace H is here", f"Echo: Hello, Grace H. {GREETING}"]
    grace.send("Doors: half past. äöü ☎")
    assert heard(ada, 1) == heard(grace, 1) == ["Grace H: Doors: half past. äöü ☎"]
    ada.send("Echo?")
    both = ["Ada: Echo?", "Echo: Grace H said: Doors: half past. äöü ☎"]
    assert heard(ada, 2) == heard(grace, 2) == both
    chat.echo.expect_line("^Grace H: Doors: half past\\. äöü ☎$")
    grace.close()
    assert heard(ada, 1) == ["Grace H has left"]


def test_whatever_guests_are_called_and_say_a_line_is_one_line(chat):
    chat.open()
    plain = chat.join("Ada")
    heard(plain, 1)
    odd = chat.join("Echo:%20%0A" + 30 * "x")
    assert heard(plain, 1) == ["Echo xxxxxxxxxxxxxxx is here"]
    odd.send("one\r\n two\n")
    odd.send(" \n ")
    odd.send("three")
    assert heard(plain, 2) == ["Echo xxxxxxxxxxxxxxx: one two", "Echo xxxxxxxxxxxxxxx: three"]
    odd.send("x" * 5000)
    with pytest.raises(ConnectionClosedError) as closed:
        heard(odd, 4)
    assert closed.value.rcvd.code == 1009
    assert heard(plain, 1) == ["Echo xxxxxxxxxxxxxxx has left"]
    assert heard(chat.join(""), 1) == ["somebody is here"]


def test_the_guest_waits_for_a_room_and_comes_back_to_it(chat):
    chat.echo = chat.run("guest")
    chat.echo.expect_line(f"connection failed: .*:{chat.port} refused the connection", 20)
    chat.open()
    chat.room.expect_line("^Echo is here$", 20)
    ada = chat.join("Ada")
    ada.send("The doors open at seven.")
    chat.echo.expect_line("^Ada: The doors open at seven\\.$")
    chat.room.process.terminate()
    assert chat.room.end() == 0
    chat.echo.expect_line("the server closed the connection with code 1001")
    chat.echo.expect_line(r"connecting again in \d")
    chat.open()
    chat.room.expect_line("^Echo is here$", 20)
    grace = chat.join("Grace")
    heard(grace, 2)
    grace.send("Echo, what did Ada say?")
    assert heard(grace, 2)[1] == "Echo: Ada said: The doors open at seven.", "the table has outlived the connection"


def test_a_saved_script_changes_what_echo_says_and_it_stays_in_the_room(chat):
    chat.open()
    chat.invite_echo()
    ada = chat.join("Ada")
    heard(ada, 2)
    script = chat.folder / "guest" / "websocket1_callbacks.py"
    text = script.read_text()
    assert text.count("I have heard nothing yet.") == 1
    save(script, text.replace("I have heard nothing yet.", "Nothing, so far."))

    def answer():
        ada.send("Echo?")
        return heard(ada, 2)[1]

    eventually(lambda: answer() == "Echo: Nothing, so far.")
    assert chat.room.find_line("Echo has left") is None


def test_a_browser_comes_in_says_something_and_comes_back(chat, chromium, tmp_path):
    playwright = peer_module("playwright.sync_api")
    chat.open()
    chat.invite_echo()
    chat.join("Grace").send("Good evening. The projector is warm.")
    chat.room.expect_line("^Grace: Good evening")
    errors = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 760, "height": 520}, color_scheme="dark")
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{chat.port}/")
        page.fill("#name", "Ada")
        page.press("#name", "Enter")
        page.get_by_text(f"Hello, Ada. {GREETING}").wait_for()
        for line in ("Good evening, everybody!", "Echo, what did I miss?"):
            # Who has come in can type at once, without a click.
            page.keyboard.type(line)
            page.keyboard.press("Enter")
        page.locator("li.mine", has_text="Echo, what did I miss?").wait_for()
        page.locator("li", has_text=re.compile("^Echo(Grace|Ada) said: Good evening")).wait_for()
        wanted = os.environ.get("UPDATE_SCREENSHOT") == "1"
        page.screenshot(path=REPOSITORY / "docs" / "images" / "chat.png" if wanted else tmp_path / "chat.png")
        page.fill("#say input", "<b>5 < 7</b>")
        page.press("#say input", "Enter")
        said = page.locator("li.mine", has_text="<b>5 < 7</b>")
        said.wait_for()
        assert said.locator("b").all_text_contents() == ["Ada"]
        chat.room.process.terminate()
        assert chat.room.end() == 0
        page.get_by_text("the room is closed, trying again").wait_for()
        assert page.locator("#say button").is_disabled()
        chat.open()
        chat.room.expect_line("^Ada is here$", 20)
        page.locator("#state", has_text=re.compile("^Ada$")).wait_for()
        browser.close()
    assert errors == []
