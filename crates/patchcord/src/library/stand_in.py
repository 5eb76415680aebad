"""Stand-ins as scripts see them: classes by family, whose members are remembered and give a neutral value.

Which members TOPs, SOPs and panels have, the API's declaration says; Rust hands them in.
"""

# What members give that give neither None nor 0.
GIVES = {
    "sample": (0.0, 0.0, 0.0, 0.0),
    "saveByteArray": b"",
    "save": "",
    "points": (),
    "prims": (),
    "pointAttribs": (),
    "primAttribs": (),
    "vertexAttribs": (),
    "pointGroups": (),
    "primGroups": (),
    "panelChildren": (),
    "pixelFormat": "",
    "aspect": 1.0,
}

# A picture that nobody has given a size.
SIZE = 256


class PanelValue(float):
    """A value of a panel: a number with a name."""

    def __new__(cls, owner, name, value):
        made = super().__new__(cls, value)
        made.owner, made.name = owner, name
        return made

    @property
    def val(self):
        return float(self)

    @property
    def valid(self):
        return True


class Panel:
    """`op.panel`: a value of any name, 0 until a script sets it."""

    __slots__ = ("owner", "_values")

    def __init__(self, owner):
        object.__setattr__(self, "owner", owner)
        object.__setattr__(self, "_values", panel_values.setdefault(owner.id, {}))

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return PanelValue(self.owner, name, self._values.get(name, 0.0))

    def __setattr__(self, name, value):
        self._values[name] = float(value)
        note(self.owner.id, "panel", name, repr(value))

    __getitem__, __setitem__ = __getattr__, __setattr__


# Panel values that were set, by the operators' ids.
panel_values = {}


def shown(args, kwargs):
    return ", ".join([repr(arg) for arg in args] + [f"{name}={value!r}" for name, value in kwargs.items()])


def method(name):
    def call(self, *args, **kwargs):
        note(self.id, "call", name, shown(args, kwargs))
        if name == "save" and args and isinstance(args[0], str):
            return args[0]
        return GIVES.get(name)

    call.__name__ = name
    call.__doc__ = "Remembered; there is nothing behind it."
    return call


def attribute(name):
    return property(lambda self: GIVES.get(name, 0))


def picture_array(self, *args, **kwargs):
    """A black picture, as wide and high as `resolutionw` and `resolutionh` say."""
    note(self.id, "call", "numpyArray", shown(args, kwargs))
    import numpy

    return numpy.zeros((self.height, self.width, 4), dtype=numpy.float32)


def channel_array(self, *args, **kwargs):
    """The samples, a row for each channel."""
    note(self.id, "call", "numpyArray", shown(args, kwargs))
    import numpy

    rows = [channel.vals for channel in self.chans()]
    return numpy.array(rows, dtype=numpy.float32).reshape(len(rows), -1)


OWN = {
    "TOP": {
        "numpyArray": picture_array,
        "width": property(lambda self: int(self.par.resolutionw) or SIZE),
        "height": property(lambda self: int(self.par.resolutionh) or SIZE),
    },
    "CHOP": {"numpyArray": channel_array, "save": method("save")},
    "COMP": {"panel": property(Panel), "isPanel": True},
}


class StandIns:
    """The classes of stand-ins. `bases` has the class of each family, `members` the names that a family's operators
    have; those of methods end with `()`."""

    def __init__(self, bases, members, noted):
        global note
        note = noted
        self.bases = bases
        self.members = members
        self.classes = {}

    def of_type(self, name, family):
        """The class of stand-ins for a type."""
        if name not in self.classes:
            base = self.of_family(family)
            self.classes[name] = type(name, (base,), {"__slots__": (), "__module__": "td"})
        return self.classes[name]

    def of_family(self, family):
        if family not in self.classes:
            body = {"__slots__": (), "__module__": "td", "__doc__": f"A stand-in for a {family}."}
            for member in self.members.get(family, ()):
                name = member.removesuffix("()")
                body[name] = method(name) if member.endswith("()") else attribute(name)
            body.update(OWN.get(family, {}))
            self.classes[family] = type(f"StandIn{family}", (self.bases[family],), body)
        return self.classes[family]
