"""Helpers that extensions of TouchDesigner projects use."""

import re

import td
import tdu

_DEEP = "deep"


# ---- properties --------------------------------------------------------------------------------------------------


def createProperty(inst, name, value=None, attributeName=None, readOnly=False, dependable=True):
    """Gives an object a property with a value of its own.

    The value stands in an attribute of the object, `attributeName` or `_name`. With `dependable` that is a
    tdu.Dependency, so that expressions which read the property follow it; with 'deep', lists, dictionaries and sets
    in it are followed, too. `readOnly` properties change through that attribute only.

    The property goes to the class of this object alone: it gets a class of its own for it, so that other objects of
    the class are left as they are.
    """
    attribute = attributeName or "_" + name
    if dependable:
        value = tdu.Dependency(makeDeepDependable(value) if dependable == _DEEP else value)
    setattr(inst, attribute, value)

    def read(self):
        stored = getattr(self, attribute)
        return stored.val if isinstance(stored, tdu.Dependency) else stored

    def write(self, new):
        if readOnly:
            raise AttributeError(f"{name} of {type(self).__name__} can only be read; set {attribute} inside the extension")
        stored = getattr(self, attribute)
        if isinstance(stored, tdu.Dependency):
            stored.val = makeDeepDependable(new) if dependable == _DEEP else new
        else:
            setattr(self, attribute, new)

    setattr(_own_class(inst), name, property(read, write))


def _own_class(inst):
    """The class of one object alone."""
    kind = type(inst)
    if "_properties_of_one" not in kind.__dict__:
        own = type(kind.__name__, (kind,), {"_properties_of_one": True, "__slots__": (), "__module__": kind.__module__})
        own.__qualname__ = kind.__qualname__
        inst.__class__ = kind = own
    return kind


def makeDeepDependable(collection):
    """The same in containers whose changes are noticed: DependDict, DependList and DependSet, at any depth. What is no
    dictionary, list or set stays as it is."""
    from TDStoreTools import DependDict, DependList, DependSet

    if isinstance(collection, (DependDict, DependList, DependSet)):
        return collection
    if isinstance(collection, dict):
        return DependDict({key: makeDeepDependable(value) for key, value in collection.items()})
    if isinstance(collection, list):
        return DependList([makeDeepDependable(value) for value in collection])
    if isinstance(collection, set):
        return DependSet(collection)
    return collection


def checkDeepDependable(value):
    """Whether changes anywhere in a value are noticed."""
    from TDStoreTools import DependDict, DependList, DependSet

    if isinstance(value, tdu.Dependency):
        return checkDeepDependable(value.peekVal)
    if isinstance(value, DependDict):
        return all(checkDeepDependable(item) for item in value.values())
    if isinstance(value, DependList):
        return all(checkDeepDependable(item) for item in value)
    return isinstance(value, DependSet) or not isinstance(value, (dict, list, set))


# ---- operators ---------------------------------------------------------------------------------------------------


def getShortcutPath(fromOp, toOp, toParName=None):
    """As `fromOp.shortcutPath(toOp, toParName=toParName)`."""
    return fromOp.shortcutPath(toOp, toParName=toParName)


def bestOpName(comp, name):
    """A name that is legal and free in a component, and the wanted one if that is."""
    name = tdu.validName(name)
    while comp.op("./" + name) is not None:
        name = incrementStringDigits(name)
    return name


def incrementStringDigits(text, min=1):
    """The text with the number at its end one higher; without a number, with one at its end."""
    digits = re.search(r"\d+$", text)
    if digits is None:
        return text + str(min)
    return text[: digits.start()] + str(int(digits.group()) + 1).zfill(len(digits.group()))


def forceCookNonDatCOMP(comp):
    """Cooks a component, and what is inside it except DATs."""
    comp.cook(force=True)
    for child in comp.children:
        if child.isCOMP:
            forceCookNonDatCOMP(child)
        elif not child.isDAT:
            child.cook(force=True)


def findNetworkEdges(comp, ignoreOPs=None):
    """The operators at the edges of a component's network, and how far these reach: a dictionary with the entries
    'ops' and 'positions', each with 'top', 'right', 'left' and 'bottom'. None when there are no operators."""
    ignored = set(ignoreOPs or ())
    children = [child for child in comp.children if child not in ignored]
    if not children:
        return None
    edges = {
        "left": (min, lambda o: o.nodeX),
        "right": (max, lambda o: o.nodeX + o.nodeWidth),
        "bottom": (min, lambda o: o.nodeY),
        "top": (max, lambda o: o.nodeY + o.nodeHeight),
    }
    found = {edge: choose(children, key=position) for edge, (choose, position) in edges.items()}
    return {"ops": found, "positions": {edge: edges[edge][1](o) for edge, o in found.items()}}


def replaceOp(dest, source=None):
    """Puts a copy of an operator, or of the one that is stored as 'replaceSource', in the place of another: with its name,
    wires and position. Returns the copy."""
    source = source or dest.fetch("replaceSource")
    parent, name, place = dest.parent(), dest.name, (dest.nodeX, dest.nodeY)
    inputs = [(number, connector) for number, connector in enumerate(dest.inputs)]
    outputs = [(reader, reader.inputs.index(dest)) for reader in dest.outputs]
    copy = parent.copy(source, name=bestOpName(parent, name))
    dest.destroy()
    copy.name = name
    copy.nodeX, copy.nodeY = place
    for number, giver in inputs:
        copy.inputConnectors[number].connect(giver)
    for reader, number in outputs:
        reader.inputConnectors[number].connect(copy)
    return copy


def copyOPs(listOfOPs, destination):
    """Copies operators into a component. Returns the copies in the order of the list."""
    return list(destination.copyOPs(listOfOPs))


# ---- parameters --------------------------------------------------------------------------------------------------


def parMenu(menuNames, menuLabels=None):
    """The source of a menu for a parameter's `menuSource`."""
    names = list(menuNames)
    return tdu.ParMenu(names, list(menuLabels) if menuLabels is not None else names)


def getMenu(menuNames, menuLabels=None):
    """As `parMenu`."""
    return parMenu(menuNames, menuLabels)


def parStringToIntList(parString):
    """The whole numbers in a text such as '1 2 5'; ranges such as '1-3' and '[1-3]' count each number."""
    numbers = []
    for first, last in re.findall(r"(\d+)(?:\s*-\s*(\d+))?", str(parString)):
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers


_INFO = ("val", "expr", "bindExpr")


def getParInfo(sourceOp, pattern="*", names=None, includeCustom=True, includeNonCustom=True):
    """The state of parameters: a dictionary of their names with value, expression, mode name, bind expression and
    default expression."""
    info = {}
    for par in sourceOp.pars(pattern):
        if names is not None and par.name not in names:
            continue
        if not (includeCustom if par.isCustom else includeNonCustom) or par.isPulse:
            continue
        value = par.val
        value = value.path if isinstance(value, td.OP) else value
        info[par.name] = (value, par.expr, par.mode.name, par.bindExpr, None)
    return info


def applyParInfo(targetOp, parInfo, setByIndex=False):
    """Puts parameters in the state that `getParInfo` gave. Names that the operator does not have are left out."""
    for name, (value, expr, mode, bindExpr, _default) in parInfo.items():
        par = targetOp.par[name]
        if par is None:
            continue
        if expr:
            par.expr = expr
        if bindExpr:
            par.bindExpr = bindExpr
        if mode == "CONSTANT":
            par.val = value
        else:
            par.mode = getattr(td.ParMode, mode)
