"""What scripts can import: what Python finds anywhere, DATs, what stands in the patch folder, and modules that come with
the program."""

import builtins
import sys

FILE = "<patchcord>"


def make_import(find, refuse_missing):
    """An `__import__` that, after everything that is importable as usual, finds the DATs that are seen from a script, and
    then what stands in the patch folder. A file of the patch is mostly that of a DAT, so the DAT comes first.
    `refuse_missing` raises for what TouchDesigner's modules have and ours do not.

    They are not in `sys.modules` under that name: two networks may have DATs of one name, and a changed DAT is another module.
    """
    usual = builtins.__import__

    def __import__(name, globals=None, locals=None, fromlist=(), level=0):
        plain = not level and "." not in name
        before, PatchFolder.hidden = PatchFolder.hidden, name if plain else None
        try:
            module = usual(name, globals, locals, fromlist, level)
        except ModuleNotFoundError as error:
            if not plain or error.name != name:
                raise
            module = None
        finally:
            PatchFolder.hidden = before
        if module is not None:
            if fromlist and not level:
                refuse_missing(name, fromlist)
            return module
        module = find(name)
        if module is not None:
            return module
        try:
            return usual(name, globals, locals, fromlist, level)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
        refuse_missing(name, ("",))
        raise ModuleNotFoundError(
            f"No module named {name!r}, nor a DAT of that name, nor a file or folder of it beside the patch", name=name
        )

    return __import__


class PatchFolder:
    """Finds modules and packages that stand beside the patch file, after everything else that is importable."""

    hidden = None  # the name that is not found for a moment

    def __init__(self, folder):
        self._folder = folder
        self._known = None

    def find_spec(self, name, path=None, target=None):
        folder = self._folder()
        if folder is not None:
            self._known = folder
        if path is not None or name == PatchFolder.hidden or self._known is None:
            return None
        import importlib.machinery

        # A file may have come since the last look, which is far apart.
        sys.path_importer_cache.pop(self._known, None)
        return importlib.machinery.PathFinder.find_spec(name, [self._known], target)


class Library:
    """Finds modules that come with the program."""

    def __init__(self, text, answer):
        self._text = text
        self._answer = answer

    def find_spec(self, name, path=None, target=None):
        if path is not None or self._text(name) is None:
            return None
        import importlib.machinery

        return importlib.machinery.ModuleSpec(name, self, origin=FILE)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(self._text(module.__name__), FILE, "exec", dont_inherit=True), module.__dict__)
        self._answer(module.__name__, module)


def install_finders(folder, text, answer):
    """Makes modules importable, after all that is importable otherwise: those in the patch folder, which `folder()` names,
    and those that come with the program; `text(name)` gives the text of one, or None, and `answer(name, module)`
    lets one say what it lacks."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, (PatchFolder, Library))]
    sys.meta_path += [PatchFolder(folder), Library(text, answer)]
