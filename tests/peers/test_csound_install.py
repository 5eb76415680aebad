"""`cargo xtask csound`: installs the plugin into a home folder, says which one csound plays with, and takes it away."""

import os
import shutil
import subprocess

import pytest

from csound_runs import csound_program, original_folder, plugin
from peers import missing

PLACE = ".local/lib/csound/6.0/plugins64/libpatchcord_csound.so"


@pytest.fixture
def xtask(tmp_path):
    """Runs the task with an empty home folder: (exit code, what it said)."""
    csound_program()
    program = plugin().with_name("xtask")
    if not program.exists():
        missing("xtask", "run `cargo build -p xtask`")
    left_out = ("CS_USER_PLUGINDIR", "CS_OMIT_LIBS", "OPCODE6DIR64")
    surroundings = {name: value for name, value in os.environ.items() if name not in left_out}
    surroundings["HOME"] = str(tmp_path)

    def run(*arguments, **settings):
        command = [program, "csound", *arguments]
        done = subprocess.run(
            command, env={**surroundings, **settings}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=50
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_it_is_installed_checked_and_taken_away(xtask, tmp_path):
    original_folder()
    place = tmp_path / PLACE
    code, said = xtask("check")
    assert code == 1 and "cargo xtask csound install" in said
    for _ in range(2):
        code, said = xtask("install", plugin())
        lines = said.splitlines()
        assert code == 0, said
        assert lines[0] == f"installed {place}"
        assert lines[1].startswith(f"csound 6.18 plays websocket with {place} ")
        assert lines[2].endswith("libwebsocketIO.so stays unused")
        assert lines[3] == "to undo this: cargo xtask csound remove"
        assert place.read_bytes() == plugin().read_bytes()
    assert xtask("check") == (0, "\n".join(lines[1:3]) + "\n")
    for words in (f"removed {place}", f"{place} is not there"):
        assert xtask("remove") == (0, f"{words}\ncsound now has another plugin's opcode websocket\n")
    assert not place.exists()


def test_a_folder_of_the_users_choice_is_taken(xtask, tmp_path):
    folders = f"{tmp_path / 'mine'}:{tmp_path / 'other'}"
    code, said = xtask("install", plugin(), CS_USER_PLUGINDIR=folders)
    assert code == 0 and str(tmp_path / "mine" / "libpatchcord_csound.so") in said
    assert not (tmp_path / ".local").exists()
    # Without the variable csound does not look there.
    code, said = xtask("check")
    assert code == 1 and f"{tmp_path / PLACE} is not there" in said


def test_another_plugin_that_wins_is_found_out(xtask, tmp_path):
    """csound takes what it finds in a later folder of the variable."""
    mine, later = tmp_path / "mine", tmp_path / "later"
    later.mkdir()
    shutil.copy(original_folder() / "libwebsocketIO.so", later)
    code, said = xtask("install", plugin(), CS_USER_PLUGINDIR=f"{mine}:{later}")
    assert code == 1 and "another plugin's opcode websocket is played" in said
    assert str(later / "libwebsocketIO.so") in said
    assert xtask("check", CS_USER_PLUGINDIR=str(mine))[0] == 0
    # Another copy of ours is told from the installed one.
    shutil.copy(plugin(), later)
    (later / "libwebsocketIO.so").unlink()
    code, said = xtask("check", CS_USER_PLUGINDIR=f"{mine}:{later}")
    assert code == 1 and f"csound loads {later / 'libpatchcord_csound.so'} and not only {mine}" in said, said


def test_what_keeps_csound_from_loading_it_is_said(xtask, tmp_path):
    assert xtask("install", plugin())[0] == 0
    code, said = xtask("check", CS_OMIT_LIBS="libpatchcord_csound")
    assert code == 1 and "CS_OMIT_LIBS" in said
    (tmp_path / "empty").mkdir()
    code, said = xtask("check", OPCODE6DIR64=str(tmp_path / "empty"))
    assert code == 0 and said.startswith("OPCODE6DIR64 is set") and "stays unused" not in said
    (tmp_path / PLACE).write_bytes(b"no library")
    code, said = xtask("check")
    assert code == 1 and "it lists no opcode" in said and "libpatchcord_csound.so" in said


def test_without_csound_the_package_is_named(xtask, tmp_path):
    code, said = xtask("install", plugin(), PATH=str(tmp_path))
    assert code == 1 and "csound is not installed; on Debian or Ubuntu: sudo apt-get install csound" in said
    for words, expected in (
        ("--Csound version 7.0 (double samples)", "this is Csound 7.0, and the plugin is for Csound 6"),
        ("--Csound version 6.18 (float samples)", "32-bit floats"),
        ("no Csound at all", "csound does not say its version; it says: no Csound at all"),
    ):
        fake = tmp_path / "csound"
        fake.write_text(f"#!/bin/sh\necho '{words}' >&2\n")
        fake.chmod(0o755)
        code, said = xtask("install", plugin(), PATH=str(tmp_path))
        assert code == 1 and expected in said, said
    assert not (tmp_path / PLACE).exists()


def test_arguments_that_are_none_are_refused(xtask):
    for arguments in ((), ("instal",), ("check", "x")):
        code, said = xtask(*arguments)
        assert code == 1 and "expected: csound install [LIBRARY]|check|remove" in said
