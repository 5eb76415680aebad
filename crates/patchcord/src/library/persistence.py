"""Storage that survives a restart: the JSON file of an operator's storage, and the values for the next start.

What JSON has is written as it is. The rest has a tagged form, an object with one key: `$tuple`, `$set`, `$frozenset`,
`$bytes` and `$bytearray` (base64), `$float` (nan, inf, -inf), `$dict` (pairs, for keys that are no texts), `$op` (a path),
`$dependency`, and `$dependdict`, `$dependlist` and `$dependset` of TDStoreTools. Nothing that could run code is written or read.
"""
import base64
import contextlib
import json
import math
import os
import stat

import _patchcord_native as native
from _patchcord_native import OP

_MOST_BYTES = 64 * 2**20
_DEEPEST = 100
# Python turns whole numbers of more digits (4,300) neither into text nor back.
_MOST_BITS = 14_000
_REMEDY_BROKEN = "mend the file or take it away, then start again; until then nothing is written to it"


class Unwritable(Exception):
    """A value that has no form in the file; names its type."""


class TooLarge(Exception):
    """What is stored does not fit into a file."""


class Room:
    """Bytes that a file may still have. What is reached in two ways is written twice, so that a few lists within lists can
    stand for more than any disk holds: that is noticed on the way and not at the end."""

    def __init__(self):
        self.left = _MOST_BYTES

    def take(self, least):
        self.left -= least
        if self.left < 0:
            raise TooLarge


def encode(value, room, depth=0):
    kind = type(value)
    # No value has less: it stands in a line of its own, behind a blank for each level.
    room.take(depth + 2 + (len(value) if kind in (str, bytes, bytearray) else 0))
    if kind is int and value.bit_length() > _MOST_BITS:
        raise Unwritable("a whole number of more than 4,200 digits")
    if value is None or kind in (bool, int, str):
        return value
    if depth > _DEEPEST:
        raise Unwritable("what holds itself, or is nested more than 100 deep")
    if kind is float:
        return value if math.isfinite(value) else {"$float": str(value)}
    if kind in (bytes, bytearray):
        return {f"${kind.__name__}": base64.b64encode(value).decode()}
    if kind is list:
        return [encode(part, room, depth + 1) for part in list(value)]
    if kind in (tuple, set, frozenset):
        # Copied first: another thread may be at work on it.
        parts = [encode(part, room, depth + 1) for part in list(value)]
        if kind is not tuple:
            parts.sort(key=lambda part: json.dumps(part, sort_keys=True))
        return {f"${kind.__name__}": parts}
    if kind is dict:
        entries = list(value.items())
        if all(type(key) is str and not key.startswith("$") for key, part in entries):
            return {key: encode(part, room, depth + 1) for key, part in entries}
        return {"$dict": [[encode(key, room, depth + 1), encode(part, room, depth + 1)] for key, part in entries]}
    if isinstance(value, OP):
        try:
            return {"$op": value.path}
        except native.Error:
            return None  # it has gone, and would not be found
    import tdu

    if kind is tdu.Dependency:
        return {"$dependency": encode(value.val, room, depth + 1)}
    if kind.__module__ == "TDStoreTools" and kind.__name__ in ("DependDict", "DependList", "DependSet"):
        plain = {"DependDict": dict, "DependList": list, "DependSet": set}[kind.__name__](value)
        if type(plain) is dict:
            pairs = [[encode(key, room, depth + 1), encode(part, room, depth + 1)] for key, part in plain.items()]
            return {"$dependdict": pairs}
        parts = encode(plain, room, depth)
        return {"$dependlist": parts} if type(plain) is list else {"$dependset": parts["$set"]}
    raise Unwritable(f"a {kind.__qualname__}")


def _decode_dependency(value):
    import tdu

    return tdu.Dependency(decode(value))


def _of_store_tools(name, plain):
    import TDStoreTools

    return getattr(TDStoreTools, name)(plain)


def _decode_op(path):
    try:
        return native.find(path)
    except native.Error:
        return None


_TAGS = {
    "$tuple": lambda parts: tuple(decode(parts)),
    "$set": lambda parts: set(decode(parts)),
    "$frozenset": lambda parts: frozenset(decode(parts)),
    "$bytes": lambda text: base64.b64decode(text, validate=True),
    "$bytearray": lambda text: bytearray(base64.b64decode(text, validate=True)),
    "$float": float,
    "$dict": lambda pairs: {decode(key): decode(value) for key, value in pairs},
    "$op": _decode_op,
    "$dependency": _decode_dependency,
    "$dependdict": lambda pairs: _of_store_tools("DependDict", {decode(key): decode(part) for key, part in pairs}),
    "$dependlist": lambda parts: _of_store_tools("DependList", decode(parts)),
    "$dependset": lambda parts: _of_store_tools("DependSet", decode(parts)),
}


def decode(value):
    if type(value) is list:
        return [decode(part) for part in value]
    if type(value) is not dict:
        return value
    tag = next(iter(value), "")
    if not tag.startswith("$"):
        return {key: decode(part) for key, part in value.items()}
    if len(value) != 1 or tag not in _TAGS:
        raise ValueError(f"`{tag}` is no form of a value that is known here")
    return _TAGS[tag](value[tag])


class StorageFile:
    """The file of one operator's storage."""

    def __init__(self, op, path):
        self.op, self.path = op, path
        self.real = os.path.realpath(path)  # one file may have many names
        self.broken = self.failed = False
        self.written = None  # what stands in the file, as it would be written
        self.unwritable = ()

    def load(self):
        """Stores what stands in the file. One that is broken stays as it is from now on."""
        try:
            with open(self.path, "rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return
        except OSError as error:
            return self._break(f"{self.path} cannot be read: {error.strerror or error}")
        try:
            if len(content) > _MOST_BYTES:
                raise ValueError(f"it is larger than {_MOST_BYTES // 2**20} MiB")
            values = json.loads(content)
            if type(values) is not dict:
                raise ValueError("it holds no object of keys and values")
            startup = values.pop("$startup", {})
            values = {key: decode(value) for key, value in values.items()}
            startup = {key: decode(value) for key, value in startup.items()}
            for key in (*values, *startup):
                key.encode()  # JSON has halves of letters, which are no text
        except Exception as error:
            return self._break(f"{self.path} is no storage that can be read: {error}")
        for key, value in {**values, **startup}.items():
            self.op.store(key, value)
        for key, value in startup.items():
            native.store_startup(self.op, key, value)
        if not startup:
            try:
                self.written = self._text()
            except TooLarge:
                pass  # in the form in which it would be written; the next change says so

    def _break(self, message):
        self.broken = True
        native.storage_problem(self.op, True, message, _REMEDY_BROKEN)

    def _text(self):
        """What is to stand in the file."""
        unwritable, content, room = [], {}, Room()
        for key, value in native.stored(self.op).items():
            self._add(content, key, value, unwritable, room)
        startup = {}
        for key, value in native.startup(self.op).items():
            self._add(startup, key, value, unwritable, room)
        if startup:
            content["$startup"] = startup
        self._tell(tuple(unwritable))
        return json.dumps(content, indent=1, allow_nan=False) + "\n"

    def _add(self, content, key, value, unwritable, room):
        left = room.left
        try:
            if key.startswith("$"):
                raise Unwritable("a key that begins with $")
            content[key] = encode(value, room)
        except Unwritable as error:
            room.left = left
            unwritable.append(f"`{key}` holds {error}")

    def _tell(self, unwritable):
        if unwritable == self.unwritable:
            return
        self.unwritable = unwritable
        if not unwritable:
            native.storage_is_well(self.op)
            return
        native.storage_problem(
            self.op, False, f"not everything that is stored can be kept in {self.path}: {'; '.join(unwritable)}",
            "it stays in memory; keep texts, numbers, bytes, lists, tuples, sets and dictionaries",
        )

    def save(self, last=False):
        """Writes the file, if something in it would be another. The old one stays until the new one is complete. The last time
        it waits for the disk, which would hold up the patch before. Whatever goes wrong is a problem of this operator alone:
        the files of others are written all the same."""
        if self.broken or not self.op.valid:
            return
        try:
            text = self._text()
            if len(text) > _MOST_BYTES:
                raise TooLarge
        except TooLarge:
            self._fail(f"{self.path} would be larger than {_MOST_BYTES // 2**20} MiB and is not written")
            return
        except Exception as error:
            self._fail(f"{self.path} is not written: {type(error).__name__}: {error}")
            return
        if text == self.written:
            return
        try:
            self._replace(text, last)
        except (OSError, UnicodeError) as error:
            self._fail(f"{self.path} cannot be written: {getattr(error, 'strerror', None) or error}")
            return
        if self.failed:
            self.failed, told, self.unwritable = False, self.unwritable, ()
            native.storage_is_well(self.op)
            self._tell(told)
        self.written = text

    def _replace(self, text, durable):
        """A link stays a link, permissions stay, and of a failure no half is left."""
        real = os.path.realpath(self.path)
        os.makedirs(os.path.dirname(real), exist_ok=True)
        # Another run of the same patch may be at it, too.
        beside = f"{real}.{os.getpid()}.part"
        try:
            with open(beside, "w", encoding="utf-8") as file:
                if os.path.exists(real):
                    os.chmod(beside, stat.S_IMODE(os.stat(real).st_mode))
                file.write(text)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(beside, real)
        except BaseException:
            with contextlib.suppress(OSError):
                os.remove(beside)
            raise

    def _fail(self, message):
        self.failed = True
        native.storage_problem(self.op, True, message, "it is tried again at the next change")


_files = {}


def attach(op, path):
    """Loads the storage of an operator from its file and keeps it there from now on; without a path it is let go of."""
    known = _files.pop(op.id, None)
    if known is not None:
        known.save()
        native.storage_is_well(op)
    for number in [number for number in _files if not native.exists(number)]:
        del _files[number]
    if path is None:
        return
    file = StorageFile(op, path)
    other = next((other for other in _files.values() if other.real == file.real), None)
    if other is not None:
        file._break(f"{path} holds the storage of {other.op.path} already")
    else:
        file.load()
    _files[op.id] = file


def save(operators):
    for op in operators:
        file = _files.get(op.id)
        if file is not None:
            file.save()


def save_all():
    for file in list(_files.values()):
        file.save(last=True)
    _files.clear()
