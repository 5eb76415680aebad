"""Patchcord: a headless, live runtime for real-time web communication in creative coding.

The package holds one extension module, the program itself. The command `patchcord` runs it in the interpreter that
the package is installed in; scripts of a patch get the td API by `import td` or as globals.
"""
import sys

from ._patchcord import __version__, main

__all__ = ["__version__", "main"]


def _cli():
    arguments = sys.argv[1:]
    if any(argument == "--python" or argument.startswith("--python=") for argument in arguments):
        print(
            "patchcord: --python does not work here: an installed package runs in the interpreter that it is installed"
            f" in, {sys.executable}\nInstall it in the other one as well",
            file=sys.stderr,
        )
        return 2
    return main(["patchcord", *arguments])
