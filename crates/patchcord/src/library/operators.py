"""Members of OP and COMP that are no affair of speed: flags, place in a network editor, copies, variables, values of the next
start, cook facts."""
import _patchcord_native as native
from _patchcord_native import CHOP, COMP, DAT, OP
from _patchcord_timeline import TIME

_PANELS = {"container", "button", "slider", "field", "list", "table", "widget", "opviewer", "parameter", "select", "window"}
_MANY_PATHS = 100


def _property(kind, name, read, write=None, doc=None):
    setattr(kind, name, property(read, write, doc=doc or read.__doc__))


def _method(kind, name, function):
    function.__name__ = name
    setattr(kind, name, function)


# ---- flags -------------------------------------------------------------------------------------------------------


def _add_flags():
    def add(kind, name):
        def write(self, on):
            native.set_flag(self, name, bool(on))

        _property(kind, name, lambda self: native.flag(self, name), write, f"The flag {name}.")

    for name in native.flag_names:
        if name == "export":
            add(DAT, name)
            add(CHOP, name)
        elif name in ("pickable", "utility"):
            add(COMP, name)
        else:
            add(OP, name)

    def write_clone_immune(self, on):
        self.cloneImmune = on

    _property(COMP, "componentCloneImmune", lambda self: self.cloneImmune, write_clone_immune, "As cloneImmune.")


# ---- place in a network editor -----------------------------------------------------------------------------------


def _add_layout():
    def number(name, read, write):
        def read_number(self):
            value = read(self)
            return int(value) if value.is_integer() else value

        _property(OP, name, read_number, write, f"{name}, kept for editors; in units of a network editor.")

    number("nodeX", lambda self: native.layout(self)[0], lambda self, x: native.set_layout(self, x, None, None, None, None))
    number("nodeY", lambda self: native.layout(self)[1], lambda self, y: native.set_layout(self, None, y, None, None, None))
    number(
        "nodeWidth", lambda self: native.layout(self)[2], lambda self, w: native.set_layout(self, None, None, w, None, None)
    )
    number(
        "nodeHeight", lambda self: native.layout(self)[3], lambda self, h: native.set_layout(self, None, None, None, h, None)
    )

    def center(low, size):
        return lambda self: native.layout(self)[low] + native.layout(self)[size] / 2

    def set_center_x(self, x):
        self.nodeX = x - self.nodeWidth / 2

    def set_center_y(self, y):
        self.nodeY = y - self.nodeHeight / 2

    number("nodeCenterX", center(0, 2), set_center_x)
    number("nodeCenterY", center(1, 3), set_center_y)

    def set_color(self, color):
        red, green, blue = (float(part) for part in tuple(color)[:3])
        native.set_layout(self, None, None, None, None, (red, green, blue))

    _property(OP, "color", lambda self: native.layout(self)[4], set_color, "Red, green and blue from 0 to 1; kept for editors.")


# ---- facts -------------------------------------------------------------------------------------------------------


def _plain(kind, **values):
    """Members that always have the same value here."""
    for name, value in values.items():
        _property(kind, name, lambda self, value=value: (self.path, value)[1], doc=f"Always {value!r}.")


def _add_facts():
    _plain(OP, gpuCookTime=0.0, gpuMemory=0, childrenGPUCookTime=0.0, childrenGPUCookAbsFrame=0, icon="", replicator=None,
           isObject=False, isPOP=False, passive=False, supported=True)
    for name in ("childrenCookTime", "childrenCPUCookTime"):
        _property(OP, name, lambda self: sum(op.cpuCookTime for op in self.findChildren()) if self.isCOMP else 0.0,
                  doc="Milliseconds of the last cooks of all that is inside.")
    for name in ("childrenCookAbsFrame", "childrenCPUCookAbsFrame"):
        _property(OP, name, lambda self: max([op.cookAbsFrame for op in self.findChildren()] or [0]) if self.isCOMP else 0,
                  doc="Frame of the latest cook of all that is inside.")
    figures = ("totalCooks", 0), ("cookTime", 1), ("cpuCookTime", 1), ("cookAbsFrame", 2), ("cookStartTime", 3), ("cookEndTime", 4)
    for name, at in figures:
        _property(OP, name, lambda self, at=at: native.cooks(self)[at], doc=f"{name}; times in milliseconds.")
    for name, ago in (("cookedThisFrame", 0), ("cookedPreviousFrame", 1)):
        _property(OP, name, lambda self, ago=ago: _cooked(self, ago), doc=f"{name}: whether it did.")
    _property(OP, "cpuMemory", native.memory, doc="Bytes that the operator with its content takes, about.")
    _property(OP, "isFilter", lambda self: self.maxInputs > 0, doc="Whether it takes an input.")
    _property(OP, "isMultiInputs", lambda self: self.maxInputs > 1, doc="Whether it takes several inputs.")
    _property(OP, "isPanel", lambda self: self.isCOMP and self.type in _PANELS, doc="Whether it is of a type that draws a panel.")
    _property(OP, "time", lambda self: (self.path, TIME)[1], doc="The timeline, which all operators share.")
    _property(OP, "cookFrame", lambda self: TIME._frame_of(self.cookAbsFrame), doc="Frame of the timeline at the last cook.")
    for name in "openMenu openParameters openViewer closeViewer resetViewer".split():
        _method(OP, name, _nothing)
    _method(COMP, "resetNetworkView", _nothing)


def _cooked(op, frames_ago):
    total, _, frame, _, _, now = native.cooks(op)
    return total > 0 and frame + frames_ago == now


def _nothing(self, *args, **options):
    """Windows are opened, moved and closed by this. There are none, so nothing happens."""
    self.path


# ---- paths and dependencies --------------------------------------------------------------------------------------


def relative_path(self, target):
    """The path by which this operator's parameters and scripts find another one."""
    target = native.find(target)
    base = self.parent() or self
    here, there = _steps(base.path), _steps(target.path)
    shared = 0
    while shared < min(len(here), len(there)) and here[shared] == there[shared]:
        shared += 1
    return "/".join([".."] * (len(here) - shared) + there[shared:]) or "."


def _steps(path):
    return [step for step in path.split("/") if step]


def dependencies_to(self, target):
    """The ways on which this operator depends on another: lists of operators from this one to the other, joined by wires and
    by parameters that name operators. At most 100 are given."""
    target, found = native.find(target), []

    def follow(way):
        if len(found) >= _MANY_PATHS:
            return
        for source in _sources(way[-1]):
            if source == target:
                found.append([*way, source])
            elif source not in way:
                follow([*way, source])

    follow([self])
    return found


def _sources(op):
    wired = [wire[0] for wire in native.wires(op) if wire is not None]
    named = []
    for par in op.pars():
        if par.isOP:
            value = par.eval()
            named += value if isinstance(value, list) else [value]
    sources = []
    for source in wired + named:
        if isinstance(source, OP) and source not in sources:
            sources.append(source)
    return sources


# ---- copies and other types --------------------------------------------------------------------------------------


def copy_parameters(self, operator, custom=True, builtin=True):
    """Takes over the parameters of an operator that this one has, too: values, expressions and binds. A component gets
    the custom ones that it lacks."""
    operator = native.find(operator)
    if custom and self.isCOMP and operator.customPages:
        self._copyDefinitions(operator)
    for par in operator.pars():
        own = self.par[par.name]
        if own is not None and (custom if par.isCustom else builtin):
            own.copy(par)


def change_type(self, OPtype):
    """Puts an operator of another type in the place of this one and returns it. Name, wires, docks, storage, comment, tags,
    place, flags and the parameters that both types have stay; what was inside or the content do not."""
    parent = self.parent()
    if parent is None:
        raise native.Error("the root cannot be of another type")
    new = parent.create(OPtype, initialize=False)
    copy_parameters(new, self)
    new.tags, new.comment = list(self.tags), self.comment
    for key, value in self.storage.items():
        new.store(key, value)
    for name in native.flag_names:
        native.set_flag(new, name, native.flag(self, name))
    native.set_layout(new, *native.layout(self))
    for index, wire in enumerate(native.wires(self)):
        if wire is not None and index < new.maxInputs:
            native.wire(new, index, *wire)
    for target, index, output in native.fed(self):
        native.wire(target, index, new, output)
    if self.dock is not None:
        new.dock = self.dock
    for docked in self.docked:
        docked.dock = new
    name = self.name
    self.destroy()
    new.name = name
    return new


def copy_ops(self, operators):
    """Copies several operators into this component, with the wires between them. Returns the copies."""
    operators = [native.find(operator) for operator in operators]
    # What is docked to another of them comes with it.
    copies = {source: self.copy(source) for source in operators if source.dock not in operators}
    for source in list(copies):
        for old, new in zip(source.docked, copies[source].docked):
            copies[old] = new
    for source, copied in copies.items():
        for index, wire in enumerate(native.wires(source)):
            if wire is not None and wire[0] in copies:
                native.wire(copied, index, copies[wire[0]], wire[1])
    return [copies[source] for source in operators]


# ---- variables ---------------------------------------------------------------------------------------------------


def _around(op):
    while op is not None:
        yield op
        op = op.parent()


def var(self, name, search=True):
    """A variable of this component or, unless `search` is false, of the nearest around it that has it; then of the environment.
    Without one it is empty."""
    owner = var_owner(self, name) if search else self
    value = native.variables(owner).get(name) if owner is not None else None
    if value is None and search:
        import os

        value = os.environ.get(name)
    return "" if value is None else value


def var_owner(op, name):
    return next((at for at in _around(op) if name in native.variables(at)), None)


def variable_names(self, *patterns):
    """Names of the component's variables that match any of the patterns; all without one."""
    import tdu

    names = sorted(native.variables(self))
    chosen = [set(tdu.match(pattern, names)) for pattern in patterns]
    return [name for name in names if not patterns or any(name in some for some in chosen)]


def set_var(self, name, value):
    """Sets a variable of the component; it is text."""
    native.set_variable(self, str(name), str(value))


def unset_var(self, *names):
    """Takes variables away; patterns are taken."""
    for name in variable_names(self, *names) if names else []:
        native.set_variable(self, name, None)


# ---- storage -----------------------------------------------------------------------------------------------------


def store_startup_value(self, key, value):
    """Sets a value with which the storage begins at the next start, whatever is stored until then. It outlives the program
    when the operator has a storage file."""
    native.store_startup(self, str(key), value)


def unstore_startup_value(self, *keys):
    """Takes such values away; patterns are taken."""
    import tdu

    for key in {name for pattern in keys for name in tdu.match(str(pattern), list(native.startup(self)))}:
        native.store_startup(self, key)


# ---- components --------------------------------------------------------------------------------------------------


def _find_children(plain):
    def find_children(self, *, parValue=None, parExpr=None, parName=None, onlyNonDefaults=False, includeUtility=False, **wanted):
        """Operators inside that fit all that is asked: type (class or name), name, path, depth, maxDepth, text, comment, tags,
        allTags, parName, parValue and parExpr (patterns that one parameter fits together), onlyNonDefaults, includeUtility, key (a
        function that takes the operator)."""
        found = plain(self, **wanted)
        if not includeUtility:
            found = [op for op in found if not native.flag(op, "utility")]
        if parValue is None and parExpr is None and parName is None and not onlyNonDefaults:
            return found
        return [op for op in found if _has_parameter(op, parValue, parExpr, parName, onlyNonDefaults)]

    return find_children


def _has_parameter(op, value, expression, name, only_non_defaults):
    import tdu

    def fits(pattern, text):
        return pattern is None or bool(tdu.match(str(pattern), [text]))

    for par in op.pars(*([] if name is None else [name])):
        if only_non_defaults and par.isDefault:
            continue
        if expression is not None and not (par.mode.name == "EXPRESSION" and fits(expression, par.expr)):
            continue
        if value is None or fits(value, str(par.eval())):
            return True
    return False


def _add_components():
    COMP.findChildren = _find_children(COMP.findChildren)
    COMP.copyOPs = copy_ops
    _property(COMP, "currentChild", lambda self: next((op for op in self.children if op.current), None),
              doc="The child with the flag `current`; None without one.")
    _property(COMP, "selectedChildren", lambda self: [op for op in self.children if op.selected],
              doc="Children with the flag `selected`.")
    _plain(COMP, isPrivate=False, isPrivacyActive=False, isPrivacyLicensed=False, dirty=False, externalTimeStamp=0)
    for name in "clones inputCOMPs outputCOMPs inputCOMPConnectors outputCOMPConnectors".split():
        _property(COMP, name, lambda self: (self.path, [])[1], doc="Always an empty list.")
    for name, function in (("vars", variable_names), ("setVar", set_var), ("unsetVar", unset_var)):
        _method(COMP, name, function)


def find_or_raise(self, *paths, **options):
    """As op, but what names nothing is an error."""
    found = self.op(*paths, **options)
    if found is None:
        raise native.Error(f"{self.path}: {', '.join(map(str, paths))} names no operator")
    return found


def install(td):
    _add_flags()
    _add_layout()
    _add_facts()
    methods = {"relativePath": relative_path, "dependenciesTo": dependencies_to, "copyParameters": copy_parameters,
               "changeType": change_type, "var": var, "opex": find_or_raise, "storeStartupValue": store_startup_value,
               "unstoreStartupValue": unstore_startup_value}
    for name, function in methods.items():
        _method(OP, name, function)
    _add_components()
    td.var = lambda name: var(td.me or td.root, name)
    td.varExists = lambda name: var_owner(td.me or td.root, name) is not None
    td.varOwner = lambda name: var_owner(td.me or td.root, name)
    td.passive = native.find
