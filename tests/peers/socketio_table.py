"""The table of what works with which Socket.IO server, from a run of the tests.

A test that is marked with a feature counts for it; a feature works where all its tests passed. Each run leaves what
it found in target/conformance/socketio.json. `target/peers/python/bin/python tests/peers/socketio_table.py` writes
that as docs/conformance/socketio.md; the run should have been one of all tests.
"""

import datetime
import json
import subprocess
import sys

from running import REPOSITORY
from socketio_servers import KINDS, PEERS

FOUND = PEERS.parent / "conformance" / "socketio.json"
PAGE = REPOSITORY / "docs" / "conformance" / "socketio.md"

# As the page shows what became of a feature; what is not here the server does not have.
SIGNS = {"passed": "yes", "failed": "**no**", "skipped": "not run"}
NONE = "–"

HEAD = """\
# Socket.IO servers and the SocketIO DAT

What the SocketIO DAT was seen to do with servers that share no code with it, from a run of the tests in
`tests/peers`, written by `tests/peers/socketio_table.py`. “{none}” stands for what the server does not have, or what
shows the same with any server and is tried with one of a kind.

- Date: {date}
- Program: patchcord, commit {commit}

"""


class Outcomes:
    """What became of each feature with each kind of server while tests run."""

    def __init__(self):
        self.features = {}

    def note(self, item, report):
        """Takes in one phase of one test."""
        marker = item.get_closest_marker("feature")
        if marker is None or (report.passed and report.when != "call"):
            return
        outcomes = self.features.setdefault(marker.args[0], {})
        kind = item.callspec.params["kind"]
        # The worst counts.
        if outcomes.get(kind) != "failed" and not (report.passed and outcomes.get(kind) == "skipped"):
            outcomes[kind] = report.outcome

    def write(self):
        if self.features:
            FOUND.parent.mkdir(parents=True, exist_ok=True)
            FOUND.write_text(json.dumps(self.features, indent=1, ensure_ascii=False) + "\n")


def page(features, versions, date, commit):
    """The page, from {feature: {kind: outcome}} and the kinds' versions."""
    rows = [["Feature", *versions.values()], ["---", *(":-:" for _ in versions)]]
    for feature, outcomes in features.items():
        rows.append([feature, *(SIGNS[outcomes[kind]] if kind in outcomes else NONE for kind in versions)])
    head = HEAD.format(none=NONE, date=date, commit=commit)
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main():
    try:
        features = json.loads(FOUND.read_text())
    except FileNotFoundError:
        sys.exit(f"{FOUND} is missing: run the tests first, `cargo xtask test peers`")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.strip()
    versions = {kind: what.version() for kind, what in KINDS.items()}
    PAGE.write_text(page(features, versions, datetime.date.today().isoformat(), commit))


if __name__ == "__main__":
    main()
