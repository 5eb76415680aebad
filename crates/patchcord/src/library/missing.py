"""What exists in TouchDesigner and not here says so when a script uses it, with the reason and what to use instead.

Everything is made from the rows of the API's declaration (`docs/td-api.md` shows them), which Rust hands in.
"""

import operator

PAGE = ""  # the page that has the rows; Rust fills it in


def sentence(name, why):
    return f"{name} exists in TouchDesigner but not in Patchcord: {why} ({PAGE})"


class Missing:
    """An attribute that is not there. Reading or setting it says so; `hasattr` is False."""

    __slots__ = ("text",)

    def __init__(self, text):
        self.text = text

    def __get__(self, thing, kind=None):
        if thing is None:
            return self
        raise AttributeError(self.text)

    def __set__(self, thing, value):
        raise AttributeError(self.text)

    __delete__ = __get__


class Absent:
    """A global that is not there: an object or an operator type. It can stand in an annotation and in `isinstance`,
    which is False; any other use says so."""

    __slots__ = ("__name__", "_text")

    def __init__(self, name, text):
        object.__setattr__(self, "__name__", name)
        object.__setattr__(self, "_text", text)

    def _refuse(self, *args, **kwargs):
        raise AttributeError(self._text)

    __getattr__ = __setattr__ = __call__ = __getitem__ = __setitem__ = __iter__ = __len__ = __contains__ = _refuse

    def __bool__(self):
        return False

    def __or__(self, other):
        import typing

        return typing.Any

    __ror__ = __or__

    def __instancecheck__(self, thing):
        # A stand-in is of the type or family that it stands in for.
        return self.__name__ in (getattr(thing, "OPType", None), getattr(thing, "family", None))

    def __subclasscheck__(self, kind):
        return False

    def __str__(self):
        return self.__name__

    def __repr__(self):
        return f"<{self._text}>"


class Declared:
    """The declaration: rows of classes, each with its name, kind, base, why it is absent ("" when it is not) and its
    members; rows of members, each with its name, why it is missing ("" when it is not), what it gives, and whether it is
    called."""

    def __init__(self, classes, types):
        self.classes = classes
        self.types = types  # names of operator types that are not here, with the reason
        self.modules = {}  # module: what is missing in it
        for name, kind, base, absent, members in classes:
            if kind == "Module":
                self.modules[name] = {member: sentence(f"{name}.{member}", why) for member, why, gives, called in members if why}
                if absent:
                    self.modules[name][""] = sentence(f"the module {name}", absent)

    def mark(self, td, names):
        """Puts what is missing on the classes, and into `names`, which every script has. Nothing that is there is
        touched."""
        modules = {"td": td, "tdu": td.tdu}
        for name, kind, base, absent, members in self.classes:
            if kind == "Module":
                if name in modules:
                    self.answer_for(name, modules[name])
            elif absent:
                if "." not in name and name[0].isupper():
                    names.setdefault(name, Absent(name, sentence(name, absent)))
            elif name.partition(".")[0] in self.modules.keys() - modules.keys():
                pass  # a class of a module that is loaded when it is asked for
            else:
                thing = operator.attrgetter(name)(td)
                add_missing(thing if kind == "Class" else type(thing), name, members)
        for name, text in self.modules["td"].items():
            names.setdefault(name, Absent(name, text.replace("td.", "", 1)))
        for name, why in self.types.items():
            names.setdefault(name, Absent(name, sentence(name, why)))

    def answer_for(self, name, module):
        missing, usual = self.modules[name], module.__dict__.get("__getattr__")

        def __getattr__(attribute):
            if attribute in missing:
                raise AttributeError(missing[attribute])
            if usual is not None:
                return usual(attribute)
            raise AttributeError(f"module {name!r} has no attribute {attribute!r}")

        module.__getattr__ = __getattr__

    def refuse_missing(self, module, wanted):
        """Raises when a script imports what is missing: names of a module, or ("",) for the module itself."""
        missing = self.modules.get(module, {})
        for name in wanted:
            if name in missing:
                raise ImportError(missing[name], name=module)


def add_missing(kind, name, members):
    for member, why, gives, called in members:
        if why and not hasattr(kind, member):
            setattr(kind, member, Missing(sentence(f"{name}.{member}", why)))
