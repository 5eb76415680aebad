"""The demo patch in a real browser: two windows in step, the table of clients, and a server that comes back.

The browser is the system's Chromium, headless, driven by Playwright. With UPDATE_SCREENSHOT=1 the last test writes
docs/images/demo.png.
"""

import json
import os
import re
import shutil
from types import SimpleNamespace

import pytest

from peers import peer_module
from running import PYTHON, REPOSITORY, eventually, free_port, save

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Demo:
    """The demo patch on a port of its own, started and stopped at will."""

    def __init__(self, folder, command):
        self.folder, self.command = folder, command
        shutil.copytree(REPOSITORY / "examples" / "demo", folder)
        self.port = free_port()
        patch = folder / "patch.toml"
        text = patch.read_text()
        assert "par.port = 9980" in text
        patch.write_text(text.replace("par.port = 9980", f"par.port = {self.port}"))
        self.url = f"http://127.0.0.1:{self.port}/"
        self.start()

    def start(self):
        self.run = self.command("run", self.folder, "--python", PYTHON)
        self.run.expect_line(rf"listening on http://127\.0\.0\.1:{self.port}/", 20)

    def stop(self):
        self.run.process.terminate()
        assert self.run.end() == 0
        assert "Traceback" not in self.run.output


@pytest.fixture
def demo(command, tmp_path):
    one = Demo(tmp_path / "demo", command)
    yield one
    if one.run.process.poll() is None:
        one.stop()


@pytest.fixture(scope="module")
def browser(chromium):
    playwright = peer_module("playwright.sync_api")
    with playwright.sync_playwright() as started:
        one = started.chromium.launch(executable_path=chromium, args=FLAGS)
        yield one
        one.close()


@pytest.fixture
def window(browser, demo):
    """Opens the demo in a window of its own and waits until it is live."""
    opened, errors = [], []

    def open_window(**options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(demo.url)
        page.wait_for_selector("#link[data-state=live]")
        page.wait_for_selector(".slot")
        return page

    yield open_window
    for context in opened:
        context.close()
    assert errors == []


def value(page, name):
    """What the page shows for a control: a number for a slider, true or false for a button."""
    return page.evaluate(
        """name => {
            const slider = document.querySelector(`[role=slider][aria-label="${name}"]`);
            if (slider) return Number(slider.getAttribute('aria-valuenow'));
            const label = [...document.querySelectorAll('button .name')].find((each) => each.textContent === name);
            return label.closest('button').getAttribute('aria-pressed') === 'true';
        }""",
        name,
    )


def slider(page, name):
    return page.locator(f'[role=slider][aria-label="{name}"]')


def button(page, name):
    return page.locator("button", has=page.locator(".name", has_text=re.compile(f"^{name}$")))


def painted(page):
    """Waits until the page has shown what was done to it so far."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def agree(pages, name, expected, tolerance=0.011):
    """All windows show the expected value, and exactly the same one."""

    def same():
        shown = [value(page, name) for page in pages]
        return len(set(shown)) == 1 and abs(shown[0] - expected) <= tolerance

    eventually(same, 5, f"{name} = {expected} in {len(pages)} windows")


def box(locator):
    found = locator.bounding_box()
    return SimpleNamespace(**found, middle=found["x"] + found["width"] / 2)


def state(page, demo, method="GET", query=""):
    return page.request.fetch(f"{demo.url}api/state{query}", method=method).json()


def clients(page):
    """Rows of the table of clients: (address, moves)."""
    return page.eval_on_selector_all(
        "#clients tr", "rows => rows.map((row) => [row.querySelector('small').textContent, row.cells[2].textContent])"
    )


def test_a_mouse_moves_a_fader_in_both_windows(window, demo):
    pages = one, two = window(), window()
    place = box(slider(one, "intensity"))
    one.mouse.move(place.middle, place.y + place.height / 2)
    one.mouse.down()
    one.mouse.move(place.middle, place.y + place.height * 0.25, steps=15)
    one.mouse.up()
    painted(one)
    moved = value(one, "intensity")
    assert 0.7 < moved < 0.85
    agree(pages, "intensity", moved, 0)
    assert abs(state(one, demo)["intensity"] - value(two, "intensity")) < 0.001


def test_a_fader_under_a_hand_is_not_pulled_away(window):
    one, two = window(), window()
    mine = box(slider(one, "intensity"))
    one.mouse.move(mine.middle, mine.y + mine.height / 2)
    one.mouse.down()
    one.mouse.move(mine.middle, mine.y + mine.height * 0.25, steps=10)
    painted(one)
    held = value(one, "intensity")
    assert held > 0.7
    agree([one, two], "intensity", held, 0)
    theirs = box(slider(two, "intensity"))
    two.mouse.click(theirs.middle, theirs.y + theirs.height - 5)
    eventually(lambda: value(two, "intensity") == 0)
    eventually(lambda: two.text_content("#latency"))
    assert value(one, "intensity") == held
    one.mouse.up()
    agree([one, two], "intensity", 0, 0)


def test_keys_move_faders_and_the_pad(window):
    pages = one, two = window(), window()
    slider(one, "density").focus()
    for key, expected in [
        ("Home", 0),
        ("ArrowUp", 0.01),
        ("ArrowRight", 0.02),
        ("PageUp", 0.12),
        ("ArrowDown", 0.11),
        ("End", 1),
        ("PageDown", 0.9),
    ]:
        one.keyboard.press(key)
        agree(pages, "density", expected, 1e-6)
    slider(two, "x").focus()
    two.keyboard.press("ArrowUp")
    two.keyboard.press("ArrowLeft")
    agree(pages, "y", 0.51, 1e-6)
    agree(pages, "x", 0.49, 1e-6)


def test_the_pad_is_dragged(window):
    pages = one, two = window(), window()
    place = box(two.locator(".field"))
    two.mouse.move(place.x + place.width / 4, place.y + place.height / 4)
    two.mouse.down()
    two.mouse.move(place.x + place.width * 0.75, place.y + place.height * 0.9, steps=10)
    two.mouse.up()
    agree(pages, "x", 0.75)
    agree(pages, "y", 0.1)


def test_toggles_and_momentary_buttons(window):
    pages = one, two = window(), window()
    button(one, "strobe").click()
    agree(pages, "strobe", True)
    button(two, "strobe").focus()
    two.keyboard.press("Space")
    agree(pages, "strobe", False)
    place = box(button(one, "flash"))
    one.mouse.move(place.middle, place.y + 10)
    one.mouse.down()
    agree(pages, "flash", True)
    one.mouse.up()
    agree(pages, "flash", False)


def test_two_fingers_move_two_faders(window):
    desk = window()
    phone = window(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    fingers = phone.context.new_cdp_session(phone)
    left, right = box(slider(phone, "feedback")), box(slider(phone, "hue"))

    def touch(kind, *points):
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    def point(place, share, number):
        return {"x": place.middle, "y": place.y + place.height * share, "id": number}

    touch("touchStart", point(left, 0.5, 1), point(right, 0.5, 2))
    for step in range(1, 11):
        touch("touchMove", point(left, 0.5 - 0.03 * step, 1), point(right, 0.5 + 0.03 * step, 2))
    touch("touchEnd")
    painted(phone)
    assert value(phone, "feedback") > 0.75 and value(phone, "hue") < 0.25
    for name in ("feedback", "hue"):
        agree([desk, phone], name, value(phone, name), 0)


def test_the_table_of_clients_is_live(window):
    one, two = window(), window()
    eventually(lambda: len(clients(one)) == len(clients(two)) == 2)
    assert one.locator("#clients em:visible").count() == 1, "one of them is you"
    slider(one, "speed").focus()
    for step in (1, 2, 3):
        one.keyboard.press("ArrowUp")
        agree([one, two], "speed", 0.35 + 0.01 * step, 1e-6)
    eventually(lambda: clients(one) == clients(two) and sorted(int(moves) for _, moves in clients(one)) == [0, 3])
    third = window()
    eventually(lambda: len(clients(one)) == 3 and clients(third) == clients(one))
    third.context.close()
    eventually(lambda: len(clients(one)) == len(clients(two)) == 2)


def test_http_and_the_windows_agree(window, demo):
    pages = one, two = window(), window()
    assert state(one, demo, "POST", "?speed=2&hue=abc&nothing=1")["speed"] == 1
    agree(pages, "speed", 1, 0)
    assert one.request.get(f"{demo.url}nothing").status == 404


def test_bad_messages_leave_everyone_connected(window):
    pages = one, two = window(), window()
    bad = ["", "x", "5", "null", "[]", '"set"', '{"set":5}', '{"set":{"speed":null,"hue":[]}}', '[["set",{}]]', "\0"]
    bad += ['{"set":{"speed":1' + "0" * 400 + "}}", "[" * 100_000]
    one.evaluate("bad => bad.forEach((message) => socket.send(message))", bad)
    slider(one, "blur").focus()
    one.keyboard.press("End")
    agree(pages, "blur", 1, 0)
    assert one.evaluate("socket.readyState") == 1


def test_windows_come_back_when_the_server_does(window, demo):
    pages = one, two = window(), window()
    slider(one, "density").focus()
    one.keyboard.press("Home")
    agree(pages, "density", 0, 0)
    demo.stop()
    for page in pages:
        page.wait_for_selector('#link:not([data-state="live"])')
    demo.start()
    for page in pages:
        page.wait_for_selector("#link[data-state=live]", timeout=20_000)
    agree(pages, "density", 0.5)
    assert one.evaluate("document.activeElement.getAttribute('aria-label')") == "density", "the focus is kept"
    one.keyboard.press("ArrowUp")
    agree(pages, "density", 0.51, 1e-6)
    eventually(lambda: len(clients(one)) == 2)


def test_an_edit_of_the_script_disconnects_nobody(window, demo):
    """What the demo's README proposes: blur follows speed from the moment of the save."""
    pages = one, two = window(), window()
    before = clients(one)
    script = demo.folder / "webserver1_callbacks.py"
    head = '    """Write what is valid into `controls`, then tell everyone, the sender too."""\n'
    assert head in script.read_text()
    save(script, script.read_text().replace(head, head + "    if 'speed' in values: values['blur'] = values['speed']\n"))

    def follows():
        for key in ("Home", "End"):
            slider(one, "speed").press(key)
        return eventually(lambda: value(two, "speed") == 1) and value(two, "blur") == 1

    eventually(follows, 5)
    agree(pages, "blur", 1, 0)
    assert [address for address, _ in clients(one)] == [address for address, _ in before]


def test_a_picture_for_the_readme(window, demo, tmp_path):
    shown, other = window(color_scheme="dark"), window()
    slider(other, "speed").focus()
    other.keyboard.press("PageUp")
    place = box(other.locator(".field"))
    other.mouse.move(place.x + place.width * 0.3, place.y + place.height * 0.6)
    other.mouse.down()
    other.mouse.move(place.x + place.width * 0.7, place.y + place.height * 0.3, steps=6)
    other.mouse.up()
    button(other, "strobe").click()
    agree([shown, other], "strobe", True)
    eventually(lambda: shown.text_content("#latency"))
    wanted = os.environ.get("UPDATE_SCREENSHOT") == "1"
    target = REPOSITORY / "docs" / "images" / "demo.png" if wanted else tmp_path / "demo.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    picture = shown.screenshot(path=target)
    assert picture.startswith(b"\x89PNG") and len(picture) > 20_000
    assert json.loads(shown.evaluate("JSON.stringify([document.documentElement.scrollWidth, innerWidth])")) == [
        1280,
        1280,
    ]
