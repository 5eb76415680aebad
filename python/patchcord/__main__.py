"""`python -m patchcord`."""
import os
import sys

from . import _cli

# `-m` puts the current folder on the path, where the file of a callbacks DAT would hide the DAT.
if sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

sys.exit(_cli())
