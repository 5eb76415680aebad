"""Pages and groups of parameters, and what can be asked of a parameter beside its value.

Rust hands in what reads and changes the patch (`core`) and its classes; nothing else reaches the patch from here.
"""

core = None
Par = None


class Page:
    """A page of an operator's parameters. Custom ones can be given further parameters."""

    __slots__ = ("_owner", "_page")

    def __init__(self, owner, page):
        self._owner, self._page = owner, page

    @property
    def owner(self):
        return self._owner

    @property
    def name(self):
        return core.page_name(self._owner, self._page)

    @name.setter
    def name(self, name):
        core.rename_page(self._owner, self._page, str(name))

    @property
    def isCustom(self):
        return self._page >= 0

    @property
    def index(self):
        """Its place among the operator's custom pages, or among those of its type."""
        numbers = [page for page in core.pages(self._owner) if (page >= 0) == self.isCustom]
        if self._page not in numbers:
            raise core.Error("the page does not exist any more")
        return numbers.index(self._page)

    @property
    def parGroups(self):
        return [ParGroup(par) for par in core.page_groups(self._owner, self._page)]

    @property
    def pars(self):
        return [par for group in self.parGroups for par in group]

    @property
    def parTuplets(self):
        return [group.pars for group in self.parGroups]

    @property
    def styles(self):
        """The styles that can be appended: whether a size can be given, and how many values there are."""
        return {name: {"sizeable": sizeable, "size": size} for name, size, sizeable in core.styles()}

    @property
    def valid(self):
        return self._owner.valid and self._page in core.pages(self._owner)

    def destroy(self):
        """Destroys the page with its parameters."""
        core.destroy_page(self._owner, self._page)

    def sort(self, *names):
        """Puts these parameters, or groups, first."""
        core.sort_page(self._owner, self._page, [getattr(name, "name", name) for name in names])

    def __eq__(self, other):
        if isinstance(other, Page):
            return (self._owner, self._page) == (other._owner, other._page)
        return self.name == other if isinstance(other, str) else NotImplemented

    def __hash__(self):
        return hash((self._owner, self._page))

    def __str__(self):
        return self.name

    def __repr__(self):
        return f"type:Page name:{self.name} owner:{self._owner.path}"


def _append_sized(style):
    def append(self, name, label=None, size=1, order=None, replace=True):
        return ParGroup(core.define(self._owner, self._page, style, name, label, size, order, replace)[0])

    return append


def _append(style):
    def append(self, name, label=None, order=None, replace=True):
        return ParGroup(core.define(self._owner, self._page, style, name, label, None, order, replace)[0])

    return append


class ParGroup:
    """Parameters that were made together, such as the three of a position. Attributes of a parameter are tuples here."""

    __slots__ = ("_first",)

    def __init__(self, par):
        self._first = par

    @property
    def pars(self):
        return tuple(core.group(self._first)[2])

    @property
    def name(self):
        return core.group(self._first)[0]

    @name.setter
    def name(self, name):
        core.rename_group(self._first, str(name))

    @property
    def style(self):
        return core.group(self._first)[1]

    @style.setter
    def style(self, style):
        self._first.style = style

    @property
    def owner(self):
        return self._first.owner

    @property
    def size(self):
        return len(core.group(self._first)[2])

    @property
    def index(self):
        return self._first.index

    @property
    def iteration(self):
        """The block of a sequence that it belongs to; there are no sequences here."""
        return 0

    @property
    def sequence(self):
        return None

    @property
    def valid(self):
        return self._first.valid

    @property
    def subLabel(self):
        return tuple(par.name[len(self.name):] for par in self.pars)

    def eval(self):
        """The values now."""
        return tuple(par.eval() for par in self.pars)

    def evalNorm(self):
        return tuple(par.evalNorm() for par in self.pars)

    def evalExpression(self):
        return tuple(par.evalExpression() for par in self.pars)

    def evalExport(self):
        return tuple(par.evalExport() for par in self.pars)

    def reset(self):
        return any([par.reset() for par in self.pars])

    def destroy(self):
        """Destroys the parameters; only custom ones can be."""
        core.destroy_group(self._first)

    def copy(self, other):
        """Takes over values, modes and expressions of another group."""
        for par, source in zip(self.pars, other.pars):
            par.copy(source)

    def pulse(self, value=None, frames=0, seconds=0):
        for par in self.pars:
            par.pulse() if value is None else par.pulse(value, frames=frames, seconds=seconds)

    def isPar(self, other):
        return self.size == 1 and self._first.isPar(other)

    def isParGroup(self, other):
        """Whether another object is this very group."""
        return isinstance(other, ParGroup) and self._first.isPar(other._first)

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return self.pars[index]

    def __iter__(self):
        return iter(self.pars)

    def __contains__(self, par):
        return any(own.isPar(par) for own in self.pars)

    def __eq__(self, other):
        if isinstance(other, ParGroup):
            return self.isParGroup(other)
        return self.eval() == tuple(other) if isinstance(other, (tuple, list)) else NotImplemented

    def __hash__(self):
        return hash((self.owner, self.index))

    def __repr__(self):
        return f"type:ParGroup name:{self.name} owner:{self.owner.path} value:{self.eval()}"


# What differs from value to value of a group.
_TUPLES = """val expr bindExpr mode prevMode default defaultExpr defaultBindExpr defaultMode min max clampMin clampMax
    normMin normMax normVal menuNames menuLabels menuIndex menuSource isDefault bindMaster bindReferences bindRange
    exportOP exportSource vecIndex lastScriptChange""".split()
# What is set for all of its values at once.
_EACH = "label enable enableExpr readOnly hidden help password startSection".split()
# What a group has once.
_SHARED = """page order isCustom isPulse isMomentary isMenu isNumber isFloat isInt isOP isPython isString isToggle
    isSequence""".split()


def _values(group, name, value):
    """A value for each parameter of a group: several that were given, or one for all. Entries of a menu are a list."""
    pars = group.pars
    several = isinstance(value, (tuple, list)) or (hasattr(value, "__iter__") and not isinstance(value, str))
    if not several or name in ("menuNames", "menuLabels"):
        return zip(pars, [value] * len(pars))
    values = list(value)
    if len(values) != len(pars):
        raise core.Error(f"{group.name} has {len(pars)} values, not {len(values)}")
    return zip(pars, values)


def _of_group(name, read, pairs):
    def change(group, value):
        for par, one in pairs(group, value):
            setattr(par, name, one)

    setattr(ParGroup, name, property(read, change))


def _build_group():
    for name in _TUPLES:
        _of_group(name, lambda group, name=name: tuple(getattr(par, name) for par in group.pars),
                  lambda group, value, name=name: _values(group, name, value))
    for name in _EACH:
        _of_group(name, lambda group, name=name: getattr(group._first, name),
                  lambda group, value: ((par, value) for par in group.pars))
    for name in _SHARED:
        _of_group(name, lambda group, name=name: getattr(group._first, name), lambda group, value: [(group._first, value)])


_build_group()


class ParGroupCollection:
    """The groups of parameters of an operator: `op.parGroup.Pos`."""

    __slots__ = ("_owner",)

    def __init__(self, owner):
        object.__setattr__(self, "_owner", owner)

    @property
    def owner(self):
        return self._owner

    def _find(self, name):
        par = core.find_group(self._owner, name)
        return None if par is None else ParGroup(par)

    def __getattr__(self, name):
        group = None if name.startswith("__") else self._find(name)
        if group is None:
            raise AttributeError(f"{self._owner.path} has no group of parameters {name}")
        return group

    def __setattr__(self, name, value):
        getattr(self, name).val = value

    def __getitem__(self, name):
        return self._find(name)

    def __setitem__(self, name, value):
        setattr(self, name, value)

    def __contains__(self, name):
        return self._find(name) is not None

    def __iter__(self):
        return iter(_par_groups(self._owner))

    def __len__(self):
        return sum(1 for _ in self)


# ---- operators ---------------------------------------------------------------------------------------------------------


def pages(op):
    """The pages of its type."""
    return [Page(op, page) for page in core.pages(op) if page < 0]


def custom_pages(op):
    return [Page(op, page) for page in core.pages(op) if page >= 0]


def _reset_pars(op):
    """Puts all parameters back to their defaults. Whether one was not at it."""
    return any([par.reset() for par in op.pars()])


def _par_groups(op, *patterns):
    """The groups whose names match any of the patterns; all without one."""
    import tdu

    groups = [group for page in pages(op) + custom_pages(op) for group in page.parGroups]
    return [group for group in groups if not patterns or any(tdu.match(pattern, [group.name]) for pattern in patterns)]


def _append_custom_page(op, name):
    """Adds a page of custom parameters, or finds the one of this name."""
    return Page(op, core.append_page(op, str(name)))


def _sort_custom_pages(op, *names):
    """Puts these pages first."""
    core.sort_pages(op, [getattr(name, "name", name) for name in names])


# ---- parameters --------------------------------------------------------------------------------------------------------


def _fact(name, doc=None):
    return property(lambda par: core.fact(par, name), lambda par, value: core.set_fact(par, name, value), doc=doc)


def _mode(name, settable=False):
    def change(par, mode):
        core.set_fact(par, name, mode)

    return property(lambda par: core.ParMode[core.fact(par, name)], change if settable else None)


def _renew_menu(par):
    """Brings the entries in step with what `menuSource` gives, and returns the expression."""
    source = core.fact(par, "menuSource")
    if source:
        menu = par.owner.evalExpression(source)
        if not hasattr(menu, "menuNames"):
            raise core.Error(f"menuSource of {par.name} gives no menu: `{source}` has no menuNames")
        core.set_fact(par, "menuNames", [str(name) for name in menu.menuNames])
        core.set_fact(par, "menuLabels", [str(label) for label in getattr(menu, "menuLabels", menu.menuNames)])
    return source


def _set_menu_source(par, source):
    before = core.fact(par, "menuSource")
    core.set_fact(par, "menuSource", source or "")
    try:
        _renew_menu(par)
    except Exception:
        core.set_fact(par, "menuSource", before)
        raise


def _entries(name):
    def read(par):
        _renew_menu(par)
        return core.fact(par, name)

    return property(read, lambda par, value: core.set_fact(par, name, value))


def _page(par):
    return Page(par.owner, core.page_of(par))


def _set_page(par, page):
    if not isinstance(page, Page):
        found = [one for one in custom_pages(par.owner) if one.name == page]
        if not found:
            raise core.Error(f"{par.owner.path} has no custom page {page}")
        page = found[0]
    if page.owner != par.owner:
        raise core.Error("the page belongs to another operator")
    core.move_group(par, page._page)


def _eval_expression(par):
    """What its expression gives, whatever mode it is in; None without one."""
    return par.owner.evalExpression(par.expr) if par.expr else None


def _eval_file(par):
    """Its value as the path of a file."""
    import tdu

    path = str(par.eval() or "")
    return tdu.FileInfo(path) if hasattr(tdu, "FileInfo") else path


def _vec_index(par):
    return next((at for at, one in enumerate(core.group(par)[2]) if one.isPar(par)), 0)


def install(given, op, comp, par):
    """Gives the classes of Rust what is said here."""
    global core, Par
    core, Par = given, par
    for style, _, sizeable in core.styles():
        append = (_append_sized if sizeable else _append)(style)
        append.__name__, append.__qualname__ = f"append{style}", f"Page.append{style}"
        append.__doc__ = f"Appends a parameter of style {style}, or defines the one of this name anew."
        setattr(Page, f"append{style}", append)

    for name in """label help password default min max normMin normMax clampMin clampMax order enable enableExpr readOnly
            hidden startSection defaultExpr defaultBindExpr bindRange""".split():
        setattr(par, name, _fact(name))
    par.defaultMode, par.prevMode = _mode("defaultMode", settable=True), _mode("prevMode")
    par.menuNames, par.menuLabels = _entries("menuNames"), _entries("menuLabels")
    par.menuSource = property(lambda par: core.fact(par, "menuSource"), _set_menu_source)
    par.page = property(_page, _set_page)
    par.parGroup = property(ParGroup, doc="The group that it belongs to.")
    par.tuplet = property(lambda par: tuple(core.group(par)[2]), doc="All parameters of its group.")
    par.tupletName = property(lambda par: core.group(par)[0], doc="The name of its group.")
    par.isSequence = property(lambda par: par.style == "Sequence")
    par.vecIndex = property(_vec_index, doc="Its place in its group.")
    par.bindReferences = property(core.bound_to, doc="The parameters that are bound to it.")
    for name, doc in [
        ("exportOP", "There are no exports."),
        ("exportSource", "There are no exports."),
        ("sequence", "There are no sequences."),
        ("lastScriptChange", "It is not recorded who changed a parameter."),
    ]:
        setattr(par, name, property(lambda par: None, doc=doc))
    par.evalNorm = lambda par: par.normVal
    par.evalExpression = _eval_expression
    par.evalExport = lambda par: None
    par.evalFile = _eval_file
    par.destroy = lambda par: core.destroy_group(par)

    op.pages = property(pages, doc="The pages of parameters of its type.")
    op.customPages = property(custom_pages, doc="The pages of custom parameters.")
    op.customPars = property(lambda op: [par for page in custom_pages(op) for par in page.pars])
    op.customParGroups = property(lambda op: [group for page in custom_pages(op) for group in page.parGroups])
    op.builtinPars = property(lambda op: [par for page in pages(op) for par in page.pars])
    op.parGroup = property(ParGroupCollection, doc="Its groups of parameters.")
    op.curPar = property(lambda op: None, doc="The parameter under the mouse; there is no mouse.")
    op.customTuplets = property(lambda op: [group.pars for group in op.customParGroups])
    op.parGroups, op.resetPars = _par_groups, _reset_pars
    comp._copyDefinitions = lambda comp, source: core.copy_definitions(source, comp)
    comp.appendCustomPage = _append_custom_page
    comp.destroyCustomPars = lambda comp: core.destroy_pages(comp)
    comp.sortCustomPages = _sort_custom_pages
    return __import__("types").SimpleNamespace(Page=Page, ParGroup=ParGroup, ParGroupCollection=ParGroupCollection)
