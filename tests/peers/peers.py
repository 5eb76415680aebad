"""Peers that the tests need: a missing one is an error where all must be there (CI=true), else a named skip."""

import importlib
import os

import pytest


def missing(peer, remedy):
    """Ends the test, or the module that is being read, because a peer is not installed."""
    text = f"{peer} is missing: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(text, pytrace=False)
    pytest.skip(text, allow_module_level=True)


def peer_module(name):
    """A Python module of tests/peers/requirements.txt, or of this folder when it needs one of those."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing(f"the Python module {error.name}", "run `cargo xtask setup`")
