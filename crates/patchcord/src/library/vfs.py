"""Virtual files of components: `comp.vfs['name']` and what can be done with them."""
import os

import _patchcord_native as native
from _patchcord_native import COMP


class VFSFile:
    """A file that a component holds in itself. It is a name and keeps no content: what it says is so now."""

    __slots__ = ("_owner", "_name")

    def __init__(self, owner, name):
        self._owner, self._name = owner, name

    def _read(self):
        found = native.file(self._owner, self._name)
        if found is None:
            raise native.Error(f"{self._owner.path} has no virtual file {self._name!r} any more")
        return found

    owner = property(lambda self: self._owner)
    name = property(lambda self: self._name)
    virtualPath = property(lambda self: f"vfs:{self._owner.path}:{self._name}", doc="Its place, as `vfs:/path:name`.")
    size = property(lambda self: len(self._read()[0]), doc="Bytes.")
    valid = property(lambda self: native.file(self._owner, self._name) is not None)
    originalFilePath = property(lambda self: self._read()[2], doc="The file that it was read from; empty without one.")

    @property
    def date(self):
        """When it was put there, or when the file that it was read from was changed."""
        import datetime

        return datetime.datetime.fromtimestamp(self._read()[1])

    @property
    def byteArray(self):
        """Its content; what is assigned takes its place."""
        return bytearray(self._read()[0])

    @byteArray.setter
    def byteArray(self, content):
        original = self._read()[2]
        native.add_file(self._owner, self._name, bytes(content), None, original or None)

    def export(self, folder):
        """Writes it to a folder and returns the path."""
        content = self._read()[0]
        path = os.path.join(native.project()[1], str(folder), self._name)
        try:
            with open(path, "wb") as file:
                file.write(content)
        except OSError as error:
            raise native.Error(f"{path} cannot be written: {error}") from None
        return path

    def destroy(self):
        """Takes it away."""
        self._read()
        native.remove_file(self._owner, self._name)

    def __eq__(self, other):
        return isinstance(other, VFSFile) and (self._owner, self._name) == (other._owner, other._name)

    def __hash__(self):
        return hash((self._owner.id, self._name))

    def __str__(self):
        return self.virtualPath

    def __repr__(self):
        return f"type:VFSFile {self.virtualPath}"


class VFS:
    """The virtual files of a component, by name. They are bounded: 10,000 files and 256 MiB in a component."""

    __slots__ = ("_owner",)

    def __init__(self, owner):
        self._owner = owner

    owner = property(lambda self: self._owner)

    def __getitem__(self, name):
        """The file of a name; None when there is none."""
        found = native.file(self._owner, str(name))
        return None if found is None else VFSFile(self._owner, str(name))

    def __len__(self):
        return len(native.file_names(self._owner))

    def __iter__(self):
        return iter([VFSFile(self._owner, name) for name in native.file_names(self._owner)])

    def __contains__(self, name):
        return (name.name if isinstance(name, VFSFile) else str(name)) in native.file_names(self._owner)

    def addByteArray(self, byteArray, name):
        """Puts bytes there under a name, in the place of the file that has it."""
        native.add_file(self._owner, str(name), bytes(byteArray), None, None)
        return VFSFile(self._owner, str(name))

    def addFile(self, filePath, overrideName=None):
        """Puts a file there, under its own name or another."""
        path = os.path.join(native.project()[1], str(filePath))
        try:
            with open(path, "rb") as file:
                # One byte more than there may be is enough to be refused.
                content, date = file.read(native.max_virtual_bytes + 1), os.fstat(file.fileno()).st_mtime
        except OSError as error:
            raise native.Error(f"{path} cannot be read: {error}") from None
        name = os.path.basename(path) if overrideName is None else str(overrideName)
        native.add_file(self._owner, name, content, date, path)
        return VFSFile(self._owner, name)

    def find(self, pattern="*"):
        """The files whose names match a pattern."""
        import tdu

        return [VFSFile(self._owner, name) for name in tdu.match(str(pattern), native.file_names(self._owner))]

    def export(self, folder, pattern="*", overwrite=False):
        """Writes files to a folder and returns their paths. What is there already stays, unless `overwrite`."""
        paths = []
        for file in self.find(pattern):
            path = os.path.join(native.project()[1], str(folder), file.name)
            if overwrite or not os.path.exists(path):
                paths.append(file.export(folder))
        return paths

    def __repr__(self):
        return f"type:VFS owner:{self._owner.path} files:{len(self)}"


def install(td):
    COMP.vfs = property(lambda self: (self.path, VFS(self))[1], doc="The virtual files of the component.")
    td.VFS, td.VFSFile = VFS, VFSFile
