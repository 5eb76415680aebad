"""The example of the SocketIO DAT, a poll: its server, its patch, and pages in a browser.

With UPDATE_SCREENSHOT=1 the test of the pages writes docs/images/poll-screen.png and poll-phone.png.
"""

import json
import os
import re
import shutil
import socket

import pytest

from node_script import KIND, NodeScript
from peers import peer_module
from running import PYTHON, REPOSITORY, eventually, free_port, save

POLL = REPOSITORY / "examples" / "socketio"
FIRST = "How shall it begin?"
SECOND = "Who opens the door?"


class Poll:
    """A copy of the example on a port of its own."""

    def __init__(self, folder, command):
        self.folder, self.command = folder, command
        shutil.copytree(POLL, folder, ignore=shutil.ignore_patterns("node_modules"))
        self.port = free_port()
        patch = folder / "patch" / "patch.toml"
        text = patch.read_text()
        assert text.count("3000") == 1
        patch.write_text(text.replace("3000", str(self.port)))
        self.programs, self.servers = [], []

    def serve(self, **environment):
        environment["PORT"] = str(self.port)
        self.servers.append(NodeScript(self.folder / "server", "server.js", "the poll is at", **environment))
        return self.servers[-1]

    def run(self):
        self.programs.append(self.command("run", self.folder / "patch", "--python", PYTHON))
        return self.programs[-1]

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}/{path}"

    def end(self):
        """The patch ends in order, and none of its scripts has failed."""
        for program in self.programs:
            program.process.terminate()
            assert program.end() == 0
            assert "Traceback" not in program.output
        for server in self.servers:
            server.stop()


@pytest.fixture
def poll(command, tmp_path):
    one = Poll(tmp_path / "poll", command)
    yield one
    one.end()


@pytest.fixture
def browser(chromium):
    """A browser; what its pages raise fails the test."""
    playwright = peer_module("playwright.sync_api")
    errors = []
    with playwright.sync_playwright() as started:
        one = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])

        def visit(url, width=390, height=640):
            page = one.new_context(viewport={"width": width, "height": height}, color_scheme="dark").new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(url)
            return page

        yield visit
        one.close()
    assert errors == []


def says(page, text):
    page.locator("#question", has_text=re.compile(f"^{re.escape(text)}$")).wait_for()


def answers(page, text):
    page.locator("#answer", has_text=re.compile(f"^{re.escape(text)}$")).wait_for()


def votes(screen):
    """What the screen shows."""
    return {bar.text_content(): int(bar.get_attribute("data-votes")) for bar in screen.locator("li > div").all()}


def test_the_patch_has_no_mistakes_and_the_package_is_pinned(command):
    assert command("check", POLL / "patch").end() == 0
    wanted = json.loads((POLL / "server" / "package.json").read_text())["dependencies"]
    assert wanted == {"socket.io": KIND.version().removeprefix("socket.io ")}, "the tests run another one"


def test_an_audience_votes_and_is_answered_by_the_patch(poll, browser, tmp_path):
    server = poll.serve()
    program = poll.run()
    server.expect("^the show is here$")
    program.expect_line("connected /show$", 20)
    screen = browser(poll.url("?screen"), 1000, 560)
    says(screen, FIRST)
    phones = [browser(poll.url()) for _ in range(4)]
    for phone, choice in zip(phones, ["With a bell", "In the dark", "With a bell", "With a bell"], strict=True):
        says(phone, FIRST)
        phone.get_by_role("button", name=choice).click()
        answers(phone, f"Thank you. {choice} it is.")
    eventually(lambda: votes(screen) == {"In the dark": 1, "With a bell": 3, "In the middle": 0})
    program.expect_line(f"^{re.escape(FIRST)} 4 votes, 5 pages$")
    # Bars grow for a moment.
    screen.wait_for_timeout(400)
    images = REPOSITORY / "docs" / "images" if os.environ.get("UPDATE_SCREENSHOT") == "1" else tmp_path
    screen.screenshot(path=images / "poll-screen.png")
    phones[0].screenshot(path=images / "poll-phone.png")
    # A voter may think again, also on a page that was loaded anew.
    phones[0].reload()
    says(phones[0], FIRST)
    phones[0].get_by_role("button", name="In the middle").click()
    answers(phones[0], "Then In the middle it is.")
    eventually(lambda: votes(screen) == {"In the dark": 1, "With a bell": 2, "In the middle": 1})
    screen.get_by_role("button", name="Next question").click()
    for page in (screen, *phones):
        says(page, SECOND)
    eventually(lambda: set(votes(screen).values()) == {0})


def test_saved_questions_and_scripts_are_live_and_nobody_leaves(poll, browser):
    server = poll.serve()
    program = poll.run()
    program.expect_line("connected /show$", 20)
    screen, phone = browser(poll.url("?screen")), browser(poll.url())
    says(phone, FIRST)
    phone.get_by_role("button", name="In the dark").click()
    answers(phone, "Thank you. In the dark it is.")
    script = poll.folder / "patch" / "socketio1_callbacks.py"
    text = script.read_text()
    assert text.count("Thank you. ") == 1
    save(script, text.replace("Thank you. ", "Noted. "))
    questions = poll.folder / "patch" / "questions.tsv"
    save(questions, questions.read_text().replace(SECOND, "<b>Now?</b>"))
    for name in ("questions.tsv", "socketio1_callbacks.py"):
        program.expect_line(f"read {name} again$")
    screen.get_by_role("button", name="Next question").click()
    says(phone, "<b>Now?</b>")
    phone.get_by_role("button", name="Nobody").click()
    answers(phone, "Noted. Nobody it is.")
    assert "the show is gone" not in "\n".join(server.lines)


def test_pages_wait_for_the_patch_and_everybody_comes_back(poll, browser):
    server = poll.serve()
    phone = browser(poll.url())
    says(phone, "The show begins soon.")
    program = poll.run()
    says(phone, FIRST)
    phone.get_by_role("button", name="In the dark").click()
    answers(phone, "Thank you. In the dark it is.")
    # The server goes, and comes back with an empty head; the patch has the votes.
    server.stop()
    program.expect_line("disconnected /show: transport close")
    says(phone, "The show begins soon.")
    server = poll.serve()
    server.expect("^the show is here$")
    says(phone, FIRST)
    phone.get_by_role("button", name="In the middle").click()
    answers(phone, "Then In the middle it is.")
    # The patch goes.
    program.process.terminate()
    assert program.end() == 0
    server.expect("^the show is gone: (client namespace disconnect|transport close)$")
    says(phone, "The show begins soon.")


def test_the_server_bears_whatever_a_page_sends(poll, browser):
    server = poll.serve()
    program = poll.run()
    program.expect_line("connected /show$", 20)
    page = browser(poll.url())
    says(page, FIRST)
    page.evaluate(
        """async () => {
            const odd = io({ forceNew: true, auth: { phone: { toString: 1 } } });
            odd.emit('vote', { toString: 1 }, 5);
            odd.emit('vote');
            odd.emit('next', 1, 2);
            const show = io('/show', { forceNew: true, auth: null });
            await new Promise((resolve) => show.on('connect_error', resolve));
            await odd.emitWithAck('vote', 'x'.repeat(5000));
        }"""
    )
    with socket.create_connection(("127.0.0.1", poll.port), timeout=8) as raw:
        raw.sendall(b"GET // HTTP/1.0\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 404")
    says(page, SECOND)
    assert server.process.poll() is None


def test_a_wrong_token_is_refused_until_it_is_corrected(poll):
    server = poll.serve(SHOW_TOKEN="premiere")
    program = poll.run()
    program.expect_line("refused /show: wrong token", 20)
    assert "the show is here" not in server.lines
    patch = poll.folder / "patch" / "patch.toml"
    save(patch, patch.read_text().replace('"rehearsal"', '"premiere"'))
    server.expect("^the show is here$")
    program.expect_line("connected /show$")
