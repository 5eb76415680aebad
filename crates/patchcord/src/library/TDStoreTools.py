"""Storage of extensions, and containers whose changes are noticed."""

import collections.abc

import tdu

# ---- containers --------------------------------------------------------------------------------------------------


class _Container:
    """What the containers have in common: the plain one inside, and a Dependency that stands for it."""

    def _begin(self, plain):
        self.myDependency = tdu.Dependency(plain)

    @property
    def _plain(self):
        return self.myDependency.val

    def _changed(self):
        self.myDependency.modified()

    def getRaw(self):
        """The same in plain containers, at any depth."""
        raise NotImplementedError

    def __len__(self):
        return len(self._plain)

    def __contains__(self, item):
        return item in self._plain

    def __repr__(self):
        return f"{type(self).__name__}({self.getRaw()!r})"

    def __eq__(self, other):
        return self.getRaw() == _raw(other)

    def __ne__(self, other):
        return not self == other

    __hash__ = None

    def __deepcopy__(self, memo):
        import copy

        return type(self)(copy.deepcopy(self.getRaw(), memo))

    def __reduce__(self):
        return type(self), (self.getRaw(),)


def _raw(value):
    """A value without the containers and dependencies of this module."""
    if isinstance(value, _Container):
        return value.getRaw()
    if isinstance(value, tdu.Dependency):
        return _raw(value.val)
    return value


class DependDict(_Container, collections.abc.MutableMapping):
    """A dictionary whose changes are noticed by expressions that have read it. `getDependency(key)` is the Dependency of one
    entry; reading an entry depends on that one alone."""

    def __init__(self, *args, **kwargs):
        self._begin({})
        for key, value in dict(*args, **kwargs).items():
            self.myDependency.peekVal[key] = _dependency(value)

    @property
    def _entries(self):
        return self.myDependency.peekVal

    def __getitem__(self, key):
        try:
            return self._entries[key].val
        except KeyError:
            self.myDependency.val  # whoever asks for a key that is missing hears when it comes
            raise

    def __setitem__(self, key, value):
        self.setItem(key, value)

    def setItem(self, key, value, raw=False):
        """Sets an entry; with `raw` a Dependency is kept as it is given."""
        known = self._entries.get(key)
        if raw or known is None:
            self._entries[key] = value if raw else _dependency(value)
            self._changed()
        else:
            known.val = _value(value)

    def __delitem__(self, key):
        gone = self._entries.pop(key)
        gone.modified()
        self._changed()

    def __iter__(self):
        return iter(self._plain)

    def clear(self):
        for gone in list(self._entries.values()):
            gone.modified()
        self._entries.clear()
        self._changed()

    def copy(self):
        return DependDict({key: entry.val for key, entry in self._entries.items()})

    def getDependency(self, key):
        """The Dependency of an entry."""
        return self._entries[key]

    def getRaw(self, key=None):
        if key is not None:
            return _raw(self[key])
        return {key: _raw(entry) for key, entry in self._plain.items()}


class DependList(_Container, collections.abc.MutableSequence):
    """A list whose changes are noticed by expressions that have read it."""

    def __init__(self, values=()):
        self._begin([_dependency(value) for value in values])

    @property
    def _entries(self):
        return self.myDependency.peekVal

    def __getitem__(self, index):
        if isinstance(index, slice):
            return DependList([entry.val for entry in self._plain[index]])
        return self._plain[index].val

    def __setitem__(self, index, value):
        if isinstance(index, slice):
            self._entries[index] = [_dependency(one) for one in value]
            self._changed()
        else:
            self._entries[index].val = _value(value)

    def __delitem__(self, index):
        del self._entries[index]
        self._changed()

    def __contains__(self, item):
        return any(entry.val == item for entry in self._plain)

    def insert(self, index, value):
        self._entries.insert(index, _dependency(value))
        self._changed()

    def sort(self, key=None, reverse=False):
        by = key or (lambda value: value)
        self._entries.sort(key=lambda entry: by(entry.val), reverse=reverse)
        self._changed()

    def copy(self):
        return DependList([entry.val for entry in self._plain])

    def __add__(self, other):
        return DependList([entry.val for entry in self._plain] + list(other))

    def getDependency(self, index):
        """The Dependency of an entry."""
        return self._entries[index]

    def getRaw(self):
        return [_raw(entry) for entry in self._plain]


class DependSet(_Container, collections.abc.MutableSet):
    """A set whose changes are noticed by expressions that have read it."""

    def __init__(self, values=()):
        self._begin(set(values))

    @classmethod
    def _from_iterable(cls, values):
        return cls(values)

    def __iter__(self):
        return iter(self._plain)

    def add(self, value):
        if value not in self.myDependency.peekVal:
            self.myDependency.peekVal.add(value)
            self._changed()

    def discard(self, value):
        if value in self.myDependency.peekVal:
            self.myDependency.peekVal.discard(value)
            self._changed()

    def update(self, *others):
        for other in others:
            for value in other:
                self.add(value)

    def copy(self):
        return DependSet(self._plain)

    def union(self, *others):
        return DependSet(self._plain.union(*others))

    def getRaw(self):
        return set(self._plain)


def _dependency(value):
    return value if isinstance(value, tdu.Dependency) else tdu.Dependency(value)


def _value(value):
    return value.val if isinstance(value, tdu.Dependency) else value


# ---- storage of extensions ---------------------------------------------------------------------------------------

_ITEM_KEYS = ("name", "default", "readOnly", "property", "dependable")


class StorageManager(collections.abc.MutableMapping):
    """Keeps values of an extension in the storage of a component, where they outlive the extension.

    `storedItems` is a list of dictionaries: 'name', 'default' (None), 'readOnly' (False), 'property' (True: the value is an
    attribute of the extension, which is promoted when its name begins with a capital letter), 'dependable' (False; True or
    'deep' as for TDFunctions.createProperty). The values stand in a dictionary that is stored under the name of the
    extension's class, on `dataComp` or else the component.

    With `sync` items that are stored and not listed any more are forgotten. `restoreAllDefaults` begins anew. `locked`
    manages only the items that are listed now.
    """

    def __init__(
        self, extension, ownerComp, storedItems=None, restoreAllDefaults=False, sync=True, dataComp=None, locked=False
    ):
        self._extension = extension
        self._ownerComp = ownerComp
        self._dataComp = dataComp or ownerComp
        self._locked = locked
        self._storageName = _class_name(extension)
        self._items = {}
        for item in storedItems or ():
            self._add(item)
        stored = self._dataComp.fetch(self._storageName, None, search=False)
        if not isinstance(stored, DependDict):
            stored = DependDict(stored if isinstance(stored, dict) else {})
            self._dataComp.store(self._storageName, stored)
        self._stored = stored
        if sync:
            self.sync()
        else:
            self._fill()
        if restoreAllDefaults:
            self.restoreAllDefaults()
        for name, item in self._items.items():
            if item["property"]:
                self._make_property(name)

    def _add(self, item):
        unknown = set(item) - set(_ITEM_KEYS)
        if "name" not in item or unknown:
            keys = ", ".join(_ITEM_KEYS)
            raise ValueError(f"an item of StorageManager needs a 'name' and takes {keys}; this one is {item!r}")
        self._items[item["name"]] = {
            "default": item.get("default"),
            "readOnly": bool(item.get("readOnly", False)),
            "property": bool(item.get("property", True)),
            "dependable": item.get("dependable", False),
        }

    def _fill(self):
        for name, item in self._items.items():
            if name not in self._stored:
                self._stored[name] = self._fitting(name, _copied(item["default"]))
            else:
                self._stored[name] = self._fitting(name, self._stored[name])

    def _fitting(self, name, value):
        if self._items[name]["dependable"] == "deep":
            from TDFunctions import makeDeepDependable

            return makeDeepDependable(value)
        return value

    def _make_property(self, name):
        from TDFunctions import _own_class

        manager = self

        def read(extension):
            return manager[name]

        def write(extension, value):
            manager[name] = value

        setattr(_own_class(self._extension), name, property(read, write))

    def _check(self, name):
        if name not in self._items:
            raise KeyError(f"{name!r} is no stored item of {self._storageName}")

    def __getitem__(self, name):
        self._check(name)
        if self._items[name]["dependable"]:
            return self._stored[name]
        return self._stored.getDependency(name).peekVal

    def __setitem__(self, name, value):
        self._check(name)
        if self._items[name]["readOnly"]:
            raise AttributeError(f"{name} of {self._storageName} can only be read; the extension sets it with set()")
        self.set(name, value)

    def set(self, name, value):
        """Sets an item, also one that others can only read."""
        self._check(name)
        self._stored[name] = self._fitting(name, value)
        # It is the same object; a storage that is kept in a file is told of the change.
        self._dataComp.store(self._storageName, self._stored)

    def __delitem__(self, name):
        raise TypeError("stored items are not deleted; leave them out of storedItems")

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)

    def __repr__(self):
        return f"StorageManager({dict(self)!r})"

    def getDependency(self, name):
        """The Dependency of an item."""
        self._check(name)
        return self._stored.getDependency(name)

    def sync(self):
        """Forgets what is stored and not listed, and gives what is listed and not stored its default."""
        if not self._locked:
            for name in [name for name in self._stored if name not in self._items]:
                del self._stored[name]
        self._fill()

    def restoreDefault(self, storageItem):
        """Sets an item to its default."""
        self._check(storageItem)
        self.set(storageItem, _copied(self._items[storageItem]["default"]))

    def restoreDefaults(self, storageItems=None):
        """Sets items to their defaults; all without a list."""
        names = self._items if storageItems is None else [storageItems] if isinstance(storageItems, str) else storageItems
        for name in list(names):
            self.restoreDefault(name)

    def restoreAllDefaults(self):
        """Sets all items to their defaults."""
        self.restoreDefaults()


def _class_name(extension):
    return type(extension).__name__


def _copied(value):
    """A default may be a list that nobody wants to share."""
    import copy

    return copy.deepcopy(value)
