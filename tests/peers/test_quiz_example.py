"""The example of logic graphs, a quiz: its server, its patch, its pages in a browser, and players beside them.

With UPDATE_SCREENSHOT=1 the test of the pages writes docs/images/quiz-screen.png and quiz-phone.png.
"""

import json
import os
import re
import shutil
import urllib.error
import urllib.request

import pytest

from node_script import KIND, NodeScript
from peers import peer_module
from running import PYTHON, REPOSITORY, eventually, free_port, save

QUIZ = REPOSITORY / "examples" / "quiz"
QUESTIONS = [line.split("\t") for line in (QUIZ / "patch" / "questions.tsv").read_text().splitlines()[1:]]
# Players without a page of their own: they share one, and each is a client of Socket.IO's own library.
CROWD = """async (names) => {
    window.crowd = {};
    for (const name of names) {
        const one = io('/players', { forceNew: true, auth: { secret: `crowd ${name}` }, reconnectionDelayMax: 500 });
        one.lefts = [];
        one.on('answered', (player) => one.state?.answered.push(player));
        one.on('state', (state) => { one.state = state; if (state) one.lefts.push(state.left); });
        one.on('left', (seconds) => { if (one.state) one.state.left = seconds; });
        window.crowd[name] = one;
        await new Promise((joined) => one.on('connect', () => one.emit('join', name, joined)));
    }
}"""


class Quiz:
    """A copy of the example on a port of its own, with times that suit a test."""

    def __init__(self, folder, command):
        self.folder, self.command = folder, command
        shutil.copytree(QUIZ, folder, ignore=shutil.ignore_patterns("node_modules"))
        self.port = free_port()
        self.edit("patch.toml", "port = 3000", f"port = {self.port}")
        # The roll call leaves those who come back as much time as they need on a busy machine.
        self.times(seconds=30, pause=30, roll_call=2.5)
        self.programs, self.servers = [], []

    def edit(self, name, old, new):
        path = self.folder / "patch" / name
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} in {name}"
        save(path, text.replace(old, new))

    def times(self, **seconds):
        path = self.folder / "patch" / "quiz.logic.toml"
        text = path.read_text()
        for name, value in seconds.items():
            text, count = re.subn(rf"^({name} = {{ type = \"\w+\", initial = )[\d.]+", rf"\g<1>{value}", text, flags=re.M)
            assert count == 1, name
        save(path, text)

    def serve(self, **environment):
        environment["PORT"] = str(self.port)
        self.servers.append(NodeScript(self.folder / "server", "server.js", "the screen is at", **environment))
        return self.servers[-1]

    def run(self, *options):
        self.programs.append(self.command("run", self.folder / "patch", "--python", PYTHON, *options))
        return self.programs[-1]

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}/{path}"

    def end(self):
        """The patch ends in order, and no node has failed."""
        for program in self.programs:
            program.process.terminate()
            assert program.end() == 0
            errors = [line for line in program.output.splitlines() if re.search(r"error: \[Player\]", line)]
            assert [line for line in errors if "say_error" not in line] == []
        for server in self.servers:
            server.stop()


@pytest.fixture
def quiz(command, tmp_path):
    one = Quiz(tmp_path / "quiz", command)
    yield one
    one.end()


@pytest.fixture
def browser(chromium):
    """A browser; what its pages raise fails the test."""
    playwright = peer_module("playwright.sync_api")
    errors = []
    with playwright.sync_playwright() as started:
        one = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])

        def visit(url, width=390, height=680):
            page = one.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce").new_page()
            page.set_default_timeout(15_000)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(url)
            return page

        yield visit
        one.close()
    assert errors == []


@pytest.fixture
def hall(quiz, browser):
    """A quiz that waits in its lobby: (its server, its patch, the screen with the button)."""
    server = quiz.serve()
    program = quiz.run()
    program.expect_line("The quiz is on the stage.", 20)
    screen = browser(quiz.url("screen?token=rehearsal"), 1280, 720)
    in_phase(screen, "lobby")
    return server, program, screen


def in_phase(page, phase):
    page.locator(f"body[data-phase={phase}]").wait_for()


def join(page, name):
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Join in").click()


def headline(page, text):
    page.locator("#headline", has_text=re.compile(f"^{re.escape(text)}$")).wait_for()


def press(screen, label):
    screen.get_by_role("button", name=label, exact=True).click()


def choose(page, answer):
    page.locator("#choices button", has_text=re.compile(f"^{re.escape(answer)}$")).click()


def crowd(page, *names):
    """Players on a page that is loaded already."""
    page.evaluate(CROWD, list(names))


def answers(page, name, answer):
    """A player of the crowd gives an answer, when it has got the question."""
    page.wait_for_function("([name, answer]) => crowd[name].state?.choices.includes(answer)", arg=[name, answer])
    page.evaluate(
        """([name, answer]) => {
            const { number, choices } = crowd[name].state;
            crowd[name].emit('answer', number, choices.indexOf(answer));
        }""",
        [name, answer],
    )


def state(page, name):
    return page.evaluate("(name) => crowd[name].state", name)


def ranking(screen):
    """What the screen shows: names and points, the best first."""
    lines = [line.locator("span").all_text_contents() for line in screen.locator("#players li").all()]
    return [(name, int(points)) for _, name, points in lines]


def test_the_patch_has_no_mistakes_and_the_package_is_pinned(command):
    checked = command("check", QUIZ / "patch")
    assert checked.end() == 0
    assert "warning" not in checked.output and "hint" not in checked.output, checked.output
    wanted = json.loads((QUIZ / "server" / "package.json").read_text())["dependencies"]
    assert wanted == {"socket.io": KIND.version().removeprefix("socket.io ")}, "the tests run another one"
    assert not [path for path in (QUIZ / "patch").rglob("*") if path.suffix in (".py", ".js")]
    assert all(len(row) == 5 and len(set(row)) == 5 for row in QUESTIONS)


def test_an_evening_from_the_first_player_to_the_winner(quiz, hall, browser, tmp_path):
    _, program, screen = hall
    phone = browser(quiz.url())
    headline(phone, "Quiz night")
    join(phone, "Ada")
    headline(phone, "You are in, Ada.")
    crowd(screen, "Grace", "Emmy", "Katherine", "Hedy")
    eventually(lambda: screen.locator("#players li").count() == 5, what="five names on the screen")
    # The first question: three are right, and the sooner the more.
    press(screen, "Begin")
    (question, right, wrong, *_), (second, second_right, *_) = QUESTIONS[:2]
    for page in (phone, screen):
        headline(page, question)
    assert sorted(phone.locator("#choices button").all_text_contents()) == sorted(QUESTIONS[0][1:])
    eventually(lambda: state(screen, "Grace")["phase"] == "question")
    assert state(screen, "Grace")["solution"] == -1, "nobody sees before the end what is right"
    answers(screen, "Katherine", right)
    eventually(lambda: state(screen, "Emmy")["left"] <= 28, what="two seconds to pass")
    choose(phone, right)
    phone.locator("#word", has_text=re.compile("^[ABCD] it is")).wait_for()
    images = REPOSITORY / "docs" / "images" if os.environ.get("UPDATE_SCREENSHOT") == "1" else tmp_path
    phone.screenshot(path=images / "quiz-phone.png")
    eventually(lambda: state(screen, "Emmy")["left"] <= 26, what="two more seconds to pass")
    answers(screen, "Grace", right)
    answers(screen, "Grace", wrong)
    answers(screen, "Emmy", wrong)
    answers(screen, "Hedy", wrong)
    # Everybody has answered: nobody has to wait.
    in_phase(screen, "reveal")
    eventually(lambda: state(screen, "Emmy")["phase"] == "reveal")
    gained = list(state(screen, "Emmy")["gained"].values())
    assert len(gained) == 3 and 100 < gained[2] < gained[1] < gained[0] <= 400
    headline(phone, f"Right. {gained[1]} points!")
    standing = [("Katherine", gained[0]), ("Ada", gained[1]), ("Grace", gained[2]), ("Emmy", 0), ("Hedy", 0)]
    assert ranking(screen) == standing
    assert screen.locator("#choices .right").text_content() == right
    screen.screenshot(path=images / "quiz-screen.png")
    # The second is the last, as the table says by now. The button ends the time, what comes afterwards counts no more.
    heading = (quiz.folder / "patch" / "questions.tsv").read_text().splitlines()[0]
    rows = [heading, *("\t".join(row) for row in QUESTIONS[:2])]
    save(quiz.folder / "patch" / "questions.tsv", "\n".join(rows) + "\n")
    program.expect_line("read questions.tsv again$")
    press(screen, "Go on")
    headline(phone, second)
    answers(screen, "Emmy", second_right)
    eventually(lambda: len(state(screen, "Emmy")["answered"]) == 1)
    press(screen, "Time is up")
    headline(phone, "The time is up.")
    answers(screen, "Grace", second_right)
    final = ranking(screen)
    winner, points = final[0]
    press(screen, "Go on")
    headline(screen, f"{winner} wins")
    place = [name for name, _ in final].index("Ada")
    headline(phone, f"You are {['first', 'second', 'third'][place]} of 5.")
    program.expect_line(f"{winner} wins with {points} points\\.$")
    # Another game begins at nothing, with those who are here.
    press(screen, "Play again")
    headline(phone, question)
    eventually(lambda: [points for _, points in ranking(screen)] == [0] * 5, what="all at 0 points")


def test_the_clock_runs_by_itself(quiz, browser):
    quiz.times(seconds=2, pause=0.3)
    quiz.serve()
    program = quiz.run()
    program.expect_line("The quiz is on the stage.", 20)
    screen = browser(quiz.url("screen?token=rehearsal"), 1000, 600)
    in_phase(screen, "lobby")
    crowd(screen, "Ada")
    lefts = screen.evaluate_handle(
        "() => { const lefts = []; crowd.Ada.on('left', (seconds) => lefts.push(seconds)); return lefts; }"
    )
    press(screen, "Begin")
    headline(screen, QUESTIONS[2][0])
    assert lefts.json_value()[:2] == [1, 1], "one second is left of each question, once"


def test_a_full_hall_plays(quiz, hall):
    """What each page hears does not grow with what all the others do."""
    server, program, screen = hall
    names = [f"Player {number}" for number in range(120)]
    crowd(screen, *names)
    eventually(lambda: len(state(screen, names[-1])["here"]) == len(names), what="all players")
    press(screen, "Begin")
    eventually(lambda: state(screen, names[0])["phase"] == "question" and len(state(screen, names[0])["here"]) == len(names))
    screen.evaluate(
        """(right) => {
            for (const one of Object.values(crowd)) {
                one.states = 0;
                one.on('state', () => { one.states += 1; });
                one.emit('answer', one.state.number, one.state.choices.indexOf(right));
            }
        }""",
        QUESTIONS[0][1],
    )
    in_phase(screen, "reveal")
    assert screen.locator("#note").text_content() == f"{len(names)} of {len(names)} knew it"
    assert len(ranking(screen)) == 8
    assert screen.evaluate("() => Math.max(...Object.values(crowd).map(({ states }) => states))") <= 3


def test_players_come_late_leave_and_come_back(quiz, hall, browser):
    _, _, screen = hall
    phone, late = browser(quiz.url()), browser(quiz.url())
    join(phone, "Ada")
    headline(phone, "You are in, Ada.")
    crowd(screen, "Grace", "Guest")
    eventually(lambda: screen.locator("#players li").count() == 3)
    # Who leaves the lobby is gone; who leaves the game is kept, and not waited for.
    screen.evaluate("() => crowd.Guest.disconnect()")
    eventually(lambda: screen.locator("#players li").count() == 2)
    press(screen, "Begin")
    headline(phone, QUESTIONS[0][0])
    answers(screen, "Grace", QUESTIONS[0][1])
    eventually(lambda: len(state(screen, "Grace")["answered"]) == 1)
    phone.goto("about:blank")
    in_phase(screen, "reveal")
    eventually(lambda: screen.locator("#players .away").count() == 1)
    assert ranking(screen)[0][0] == "Grace" and ranking(screen)[1] == ("Ada", 0)
    phone.goto(quiz.url())
    headline(phone, "The time is up.")
    eventually(lambda: screen.locator("#players .away").count() == 0)
    join(late, "Late")
    headline(late, "The time is up.")
    press(screen, "Go on")
    headline(late, QUESTIONS[1][0])
    choose(late, QUESTIONS[1][1])
    choose(phone, QUESTIONS[1][1])
    answers(screen, "Grace", QUESTIONS[1][2])
    in_phase(screen, "reveal")
    assert {name for name, points in ranking(screen) if points > 100} == {"Grace", "Ada", "Late"}


def test_the_server_goes_and_the_game_goes_on_where_it_was(quiz, hall, browser):
    server, program, screen = hall
    phone = browser(quiz.url())
    join(phone, "Ada")
    headline(phone, "You are in, Ada.")
    crowd(screen, "Grace", "Guest")
    eventually(lambda: screen.locator("#players li").count() == 3)
    press(screen, "Begin")
    headline(phone, QUESTIONS[0][0])
    choose(phone, QUESTIONS[0][1])
    eventually(lambda: len(state(screen, "Grace")["answered"]) == 1)
    screen.evaluate("() => crowd.Guest.io.reconnection(false)")
    server.stop()
    program.expect_line("error: .* say_error: transport close", 20)
    headline(phone, "Looking for the server …")
    left = screen.evaluate("() => { crowd.Grace.lefts = []; return crowd.Grace.state.left; }")
    phone.wait_for_timeout(3500)
    server = quiz.serve()
    server.expect("^the quiz is here$")
    headline(phone, QUESTIONS[0][0])
    phone.locator("#word", has_text="it is. Let us see.").wait_for()
    # The clock has stood still, and runs again.
    eventually(lambda: screen.evaluate("() => crowd.Grace.lefts.length") > 0, what="news of the question")
    assert screen.evaluate("() => crowd.Grace.lefts[0]") >= left - 1
    eventually(lambda: state(screen, "Grace")["left"] < left - 1, what="the clock to go on")
    # Who has not come back is not waited for.
    answers(screen, "Grace", QUESTIONS[0][2])
    in_phase(screen, "reveal")
    assert [name for name, points in ranking(screen) if points > 100] == ["Ada"]
    assert screen.locator("#players .away").all_text_contents() == ["3Guest0"]
    # The same in the pause: it begins anew.
    server.stop()
    headline(phone, "Looking for the server …")
    server = quiz.serve()
    server.expect("^the quiz is here$")
    in_phase(screen, "reveal")
    press(screen, "Go on")
    headline(phone, QUESTIONS[1][0])


def test_the_patch_goes_and_a_new_one_finds_the_players(quiz, hall, browser):
    server, program, screen = hall
    phone = browser(quiz.url())
    join(phone, "Ada")
    headline(phone, "You are in, Ada.")
    press(screen, "Begin")
    headline(phone, QUESTIONS[0][0])
    program.process.terminate()
    assert program.end() == 0
    server.expect("^the quiz is gone")
    headline(phone, "Quiz night")
    quiz.run().expect_line("The quiz is on the stage.", 20)
    headline(phone, "You are in, Ada.")
    eventually(lambda: screen.locator("#players li").count() == 1)


def test_a_saved_graph_and_saved_questions_are_live(quiz, hall):
    server, program, screen = hall
    crowd(screen, "Ada", "Grace")
    press(screen, "Begin")
    headline(screen, QUESTIONS[0][0])
    answers(screen, "Ada", QUESTIONS[0][1])
    quiz.edit("quiz.logic.toml", 'set.input_2 = 100, from.input_1 = "bonus.output"', 'set.input_2 = 5000, from.input_1 = "bonus.output"')
    program.expect_line("read quiz.logic.toml again$")
    quiz.edit("questions.tsv", QUESTIONS[1][0], "<b>Now?</b>")
    program.expect_line("read questions.tsv again$")
    left = state(screen, "Ada")["left"]
    eventually(lambda: state(screen, "Ada")["left"] < left, what="the clock to go on")
    answers(screen, "Grace", QUESTIONS[0][2])
    in_phase(screen, "reveal")
    assert ranking(screen)[0][1] > 5000
    press(screen, "Go on")
    headline(screen, "<b>Now?</b>")
    assert not [line for line in server.lines if "gone" in line]


def test_the_server_bears_whatever_a_page_sends(quiz, hall, browser):
    server, _, screen = hall
    page = browser(quiz.url())
    refused = page.evaluate(
        """async () => {
            const odd = io('/players', { forceNew: true, auth: { secret: { toString: 1 }, token: 5 } });
            odd.emit('answer', 1, 1);
            odd.emit('join');
            odd.emit('join', { toString: 1 }, 5);
            odd.emit('next', 1, 2);
            const empty = await odd.emitWithAck('join', ' \\u0000\\u200b ');
            await odd.emitWithAck('join', '<b>\\t"x\\\\"</b>' + 'x'.repeat(5000));
            for (const [number, choice] of [['1', {}], [1e99, -1], [null, 0.5], [[], 4]]) odd.emit('answer', number, choice);
            const show = io('/', { forceNew: true, auth: null });
            const error = await new Promise((resolve) => show.on('connect_error', resolve));
            return [empty, error.message];
        }"""
    )
    assert refused == ["Please say who you are.", "wrong token"]
    screen.locator("#players", has_text='<b>"x\\"</b>').wait_for()
    in_phase(screen, "lobby")
    press(screen, "Begin")
    in_phase(screen, "question")
    page.evaluate("() => { const odd = io('/players', { forceNew: true }); odd.emit('answer', 1, 0); odd.emit('next'); }")
    page.wait_for_timeout(300)
    in_phase(screen, "question")
    for path in ("server.js", "..%2fserver.js", "//", "page/play.js"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(quiz.url(path), timeout=8)
    assert server.process.poll() is None


def test_a_wrong_token_is_refused_until_it_is_corrected(quiz):
    server = quiz.serve(SHOW_TOKEN="premiere")
    program = quiz.run()
    program.expect_line("refused /: wrong token", 20)
    program.expect_line("say_error: wrong token")
    quiz.edit("patch.toml", '"rehearsal"', '"premiere"')
    server.expect("^the quiz is here$")
    program.expect_line("The quiz is on the stage.")


def test_the_button_of_the_readme_goes_on(quiz):
    connection, nodes = re.findall(r"^```toml\n(.*?)^```$", (QUIZ / "README.md").read_text(), re.S | re.M)
    assert connection.count("9980") == 1
    port = free_port()
    for name, more in [("patch.toml", connection.replace("9980", str(port))), ("quiz.logic.toml", nodes)]:
        path = quiz.folder / "patch" / name
        save(path, f"{path.read_text()}\n{more}")
    quiz.serve()
    program = quiz.run()
    program.expect_line("The quiz is on the stage.", 20)

    def ask(method, path):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        with urllib.request.urlopen(request, timeout=8) as response:
            return response.read().decode()

    for phase in ("lobby", "question", "reveal"):
        eventually(lambda phase=phase: ask("GET", "/phase") == phase)
        assert ask("POST", "/next") == phase


def test_a_script_presses_the_button(quiz):
    more = """
[op.pedal]
type = "textDAT"
file = "pedal.txt"

[op.pedal_changes]
type = "datexecuteDAT"
text = "def onTableChange(dat):\\n    op('quiz').trigger('next')\\n    print('now', op('quiz').variable('phase'))\\n"
par.active = true
par.dat = "pedal"
par.tablechange = true
"""
    patch, pedal = quiz.folder / "patch" / "patch.toml", quiz.folder / "patch" / "pedal.txt"
    save(patch, patch.read_text() + more)
    save(pedal, "0")
    quiz.serve()
    program = quiz.run()
    program.expect_line("The quiz is on the stage.", 20)
    for number, phase in enumerate(("question", "reveal"), 1):
        save(pedal, str(number))
        program.expect_line(f"^now {phase}$")
