"""The table of what works with which Socket.IO server, from a run of the tests.

A test that is marked with a feature counts for it; a feature works where all its tests passed. A run of all these tests
leaves what it found beside the program that it tested, in target/conformance/socketio.json; a run of some leaves nothing.
`target/peers/python/bin/python tests/peers/socketio_table.py` writes that as docs/conformance/socketio.md.
"""

import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

from running import REPOSITORY, program
from socketio_servers import KINDS

PAGE = REPOSITORY / "docs" / "conformance" / "socketio.md"

# What may become of a test; of those for a feature the last one of these counts.
WORSE = ("passed", "skipped", "failed")
# As the page shows what became of a feature; what is not here the server does not have.
SIGNS = {"passed": "yes", "failed": "**no**", "skipped": "not run"}
NONE = "–"

HEAD = """\
# Socket.IO servers and the SocketIO DAT

What the SocketIO DAT was seen to do with servers that share no code with it, from a run of the tests in
`tests/peers`, written by `tests/peers/socketio_table.py`. “{none}” stands for what the server does not have, or what
shows the same with any server and is tried with one of a kind.

- Date: {date}
- Tests and program: commit {commit}, {tests} tests

"""


def found():
    """Where a run leaves what it found: it belongs to the program under test, not to the peers, which several may share."""
    return program().parents[1] / "conformance" / "socketio.json"


def known():
    """The features that tests are marked with, in the order of the tests."""
    texts = [path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py"))]
    return [*dict.fromkeys(re.findall(r'^@on\("([^"]+)"', "".join(texts), re.MULTILINE))]


def commit():
    """The commit of the work tree, marked when files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True).stdout.strip() or "unknown"


class Outcomes:
    """What became of each feature with each kind of server while tests run."""

    def __init__(self):
        self.features = {}
        self.tests = 0
        self.is_whole = True

    def note_left_out(self, items):
        """Takes in tests that were not chosen."""
        if any(item.get_closest_marker("feature") for item in items):
            self.is_whole = False

    def note(self, item, report):
        """Takes in one phase of one test."""
        marker = item.get_closest_marker("feature")
        if marker is None or (report.passed and report.when != "call"):
            return
        self.tests += report.when == "call"
        self._note(marker.args[0], item.callspec.params["kind"], report.outcome)

    def _note(self, feature, kind, outcome):
        outcomes = self.features.setdefault(feature, {})
        outcomes[kind] = max(outcome, outcomes.get(kind, outcome), key=WORSE.index)

    def state(self):
        """All of it, for the process that leads this one."""
        return {"features": self.features, "tests": self.tests, "is_whole": self.is_whole}

    def add(self, state):
        """Takes in what another process has found; one that has broken off has no state."""
        if state is None:
            self.is_whole = False
            return
        self.tests += state["tests"]
        self.is_whole &= state["is_whole"]
        for feature, outcomes in state["features"].items():
            for kind, outcome in outcomes.items():
                self._note(feature, kind, outcome)

    def write(self):
        if not self.is_whole or self.features.keys() != set(known()):
            return
        features = {feature: self.features[feature] for feature in known()}
        facts = {"date": datetime.date.today().isoformat(), "commit": commit(), "tests": self.tests}
        path = found()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**facts, "features": features}, indent=1, ensure_ascii=False) + "\n")


def page(run, versions):
    """The page, from what a run has left and the kinds' versions."""
    rows = [["Feature", *versions.values()], ["---", *(":-:" for _ in versions)]]
    for feature, outcomes in run["features"].items():
        rows.append([feature, *(SIGNS[outcomes[kind]] if kind in outcomes else NONE for kind in versions)])
    head = HEAD.format(none=NONE, date=run["date"], commit=run["commit"], tests=run["tests"])
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main():
    try:
        run = json.loads(found().read_text())
    except FileNotFoundError:
        sys.exit(f"{found()} is missing: run all tests of Socket.IO first, such as with `cargo xtask test peers`")
    PAGE.write_text(page(run, {kind: what.version() for kind, what in KINDS.items()}))


if __name__ == "__main__":
    main()
