"""What `patchcord check` says of scripts in the manner of TouchDesigner's users: nothing is wrong with them."""

import pytest

from scenarios import SCRIPTS


@pytest.mark.parametrize("name", sorted(path.parent.name for path in SCRIPTS.glob("*/patch.toml")))
def test_the_patches_have_no_mistakes(command, name):
    checked = command("check", SCRIPTS / name)
    assert checked.end() == 0, checked.output
