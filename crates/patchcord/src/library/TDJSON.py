"""Parameters, operators and values of the td API as JSON, and custom parameters made of it."""

import json

import td

# ---- texts -------------------------------------------------------------------------------------------------------


def jsonToText(jsonObject):
    """The text of a JSON object, indented by tabs."""
    return json.dumps(jsonObject, indent="\t")


def jsonToDat(jsonObject, dat):
    """Puts the text of a JSON object into a DAT."""
    dat.text = jsonToText(jsonObject)


def textToJSON(text, orderedDict=True, showErrors=False):
    """The JSON object that a text is; None for a text that is none, or the error with `showErrors`. Entries have the order
    of the text in any case."""
    try:
        return json.loads(text)
    except ValueError:
        if showErrors:
            raise
        return None


def datToJSON(dat, orderedDict=True, showErrors=False):
    """The JSON object that the text of a DAT is; None when it is none, or the error with `showErrors`."""
    try:
        return textToJSON(dat.text, orderedDict, showErrors=True)
    except ValueError as error:
        if showErrors:
            raise ValueError(f"the text of {dat.path} is no JSON: {error}") from None
        return None


# ---- values of the td API ----------------------------------------------------------------------------------------

_KIND = "$td"


def serializeTDData(data, verbose=True):
    """A version of data that JSON can hold. Operators, parameters, cells, channels and what else JSON does not know become
    dictionaries that `deserializeTDData` understands. What has no such form becomes its text, and with `verbose` a line
    in the textport says so."""
    from TDStoreTools import DependDict, DependList, DependSet

    again = lambda value: serializeTDData(value, verbose)
    if data is None or isinstance(data, (bool, int, float, str)) and type(data).__module__ == "builtins":
        return data
    if isinstance(data, (DependDict, DependList, DependSet)):
        return again(data.getRaw())
    if isinstance(data, td.tdu.Dependency):
        return {_KIND: "Dependency", "val": again(data.val)}
    if isinstance(data, dict):
        if all(isinstance(key, str) for key in data) and _KIND not in data:
            return {key: again(value) for key, value in data.items()}
        return {_KIND: "dict", "items": [[again(key), again(value)] for key, value in data.items()]}
    if isinstance(data, list):
        return [again(value) for value in data]
    if isinstance(data, tuple):
        return {_KIND: "tuple", "items": [again(value) for value in data]}
    if isinstance(data, (set, frozenset)):
        return {_KIND: "set", "items": [again(value) for value in data]}
    if isinstance(data, (bytes, bytearray)):
        return {_KIND: "bytes", "hex": bytes(data).hex()}
    if isinstance(data, td.OP):
        return {_KIND: "OP", "path": data.path}
    if isinstance(data, td.Par):
        return {_KIND: "Par", "path": data.owner.path, "name": data.name}
    if isinstance(data, td.Cell):
        return {_KIND: "Cell", "path": data.owner.path, "row": data.row, "col": data.col}
    if isinstance(data, td.Channel):
        return {_KIND: "Channel", "path": data.owner.path, "name": data.name}
    if verbose:
        print(f"{data!r} has no form in JSON; its text is used")
    return str(data)


def deserializeTDData(data):
    """The data that `serializeTDData` was given. Operators, and what belongs to them, are None when they are gone."""
    if isinstance(data, list):
        return [deserializeTDData(value) for value in data]
    if not isinstance(data, dict):
        return data
    kind = data.get(_KIND)
    if kind is None:
        return {key: deserializeTDData(value) for key, value in data.items()}
    if kind in ("tuple", "set", "dict"):
        items = [deserializeTDData(item) for item in data["items"]]
        return {"tuple": tuple, "set": set, "dict": dict}[kind](items)
    if kind == "bytes":
        return bytes.fromhex(data["hex"])
    if kind == "Dependency":
        return td.tdu.Dependency(deserializeTDData(data["val"]))
    operator = td.op(data["path"])
    if operator is None or kind == "OP":
        return operator
    if kind == "Par":
        return operator.par[data["name"]]
    if kind == "Cell":
        return operator[data["row"], data["col"]]
    if kind == "Channel":
        return operator[data["name"]]
    raise ValueError(f"`{kind}` is nothing that serializeTDData writes")


# ---- parameters to JSON ------------------------------------------------------------------------------------------

# Attributes of a parameter that are noted, for the styles that have them.
_ALWAYS = ("default", "enable", "startSection", "readOnly", "help")
_NUMBERS = ("min", "max", "normMin", "normMax", "clampMin", "clampMax")
_MENUS = ("menuNames", "menuLabels", "menuSource")
_NUMBER_STYLES = ("Float", "Int", "XY", "XYZ", "XYZW", "WH", "UV", "UVW", "RGB", "RGBA")
_SIZED_STYLES = ("Float", "Int")
_MENU_STYLES = ("Menu", "StrMenu")
_VALUELESS_STYLES = ("Pulse", "Header")


def _group(par):
    """The parameters that belong together with one, such as the three of a colour, and their name."""
    group = getattr(par, "parGroup", None)
    members = list(group) if group is not None else [par]
    return (members, group.name) if group is not None else (members, par.name)


def parameterToJSONPar(p, extraAttrs=None, forceAttrLists=False):
    """A parameter, or the group that it belongs to, as a JSON object: name, label, page, style, size and the attributes of
    its style; and those of `extraAttrs`, such as 'val'. An attribute in which the parameters of a group differ is a
    list; with `forceAttrLists` every attribute is."""
    members, name = _group(p)
    first = members[0]
    found = {"name": name, "label": first.label, "page": _page_name(first), "style": first.style}
    if first.style in _SIZED_STYLES:
        found["size"] = len(members)
    wanted = list(_ALWAYS)
    if first.style in _NUMBER_STYLES:
        wanted += _NUMBERS
    if first.style in _MENU_STYLES:
        wanted += _MENUS
    if first.style in _VALUELESS_STYLES:
        wanted.remove("default")
    for attribute in wanted + [extra for extra in extraAttrs or () if extra not in wanted]:
        try:
            values = [_plain(getattr(par, attribute)) for par in members]
        except AttributeError:
            if attribute in (extraAttrs or ()):
                raise
            continue
        if attribute == "menuSource" and not values[0]:
            continue
        same = all(value == values[0] for value in values)
        found[attribute] = values[0] if same and not forceAttrLists else values
    return found


def _plain(value):
    if isinstance(value, td.OP):
        return value.path
    if isinstance(value, td.ParMode):
        return value.name
    if isinstance(value, tuple):
        return list(value)
    return value


def _page_name(par):
    page = par.page
    return page if isinstance(page, str) else page.name


def _groups(pars):
    """One parameter of each group, in order."""
    seen = set()
    for par in pars:
        name = _group(par)[1]
        if name not in seen:
            seen.add(name)
            yield par


def pageToJSONPage(page, extraAttrs=None, forceAttrLists=False):
    """A page as a JSON object: its parameters by their names."""
    found = (parameterToJSONPar(par, extraAttrs, forceAttrLists) for par in _groups(page.pars))
    return {par["name"]: par for par in found}


def opToJSONOp(op, extraAttrs=None, forceAttrLists=False, includeCustomPages=True, includeBuiltInPages=False):
    """The parameters of an operator as a JSON object: its pages by their names."""
    pages = []
    if includeBuiltInPages:
        pages += op.pages
    if includeCustomPages:
        pages += op.customPages
    return {page.name: pageToJSONPage(page, extraAttrs, forceAttrLists) for page in pages}


# ---- JSON to custom parameters -----------------------------------------------------------------------------------

_REQUIRED = ("name", "page", "style")
_KNOWN = ("name", "label", "page", "style", "size", "order", "val", "expr", "bindExpr", "mode")


def addParameterFromJSONDict(comp, jsonDict, replace=True, setValues=True, ignoreAttrErrors=False, fixParNames=True):
    """Makes a custom parameter of a component from a JSON object as `parameterToJSONPar` gives it, and its page when there is
    none. Returns the names of its parameters. One of that name and style is changed; one of another style is replaced, or
    with `replace` False an error. `setValues` sets `val`, `expr`, `bindExpr` and `mode`, else the default.
    `ignoreAttrErrors` leaves out what cannot be set. `fixParNames` makes a legal name of one that is not."""
    missing = [key for key in _REQUIRED if key not in jsonDict]
    if missing:
        raise ValueError(f"the parameter {jsonDict.get('name', jsonDict)!r} has no {', '.join(missing)}")
    name, style = jsonDict["name"], jsonDict["style"]
    if fixParNames:
        name = _legal_name(name)
    page = next((page for page in comp.customPages if page.name == jsonDict["page"]), None)
    page = page or comp.appendCustomPage(jsonDict["page"])
    append = getattr(page, "append" + style, None)
    if append is None:
        raise ValueError(f"the parameter {name!r} is of the style {style!r}, which there is not")
    before = _named(comp, name)
    if before and before[0].style != style:
        if not replace:
            raise ValueError(f"{comp.path} has a parameter {name!r} already, of the style {before[0].style}")
        _destroy(before)
        before = []
    if before and _page_name(before[0]) == page.name and _fits(before, jsonDict):
        pars = before
        for par in pars:
            par.label = jsonDict.get("label", par.label)
    else:
        options = {"size": jsonDict.get("size", 1)} if style in _SIZED_STYLES else {}
        pars = list(append(name, label=jsonDict.get("label", name), replace=True, **options))
    for attribute, value in jsonDict.items():
        if attribute not in _KNOWN:
            _set(pars, attribute, value, ignoreAttrErrors)
    if style not in _VALUELESS_STYLES:
        _set_values(pars, jsonDict, setValues, ignoreAttrErrors)
    if "order" in jsonDict:
        _set(pars, "order", jsonDict["order"], ignoreAttrErrors)
    return [par.name for par in pars]


def _legal_name(name):
    letters = "".join(letter for letter in str(name) if letter.isascii() and letter.isalnum()).lower()
    letters = letters.lstrip("0123456789") or "p"
    return letters[0].upper() + letters[1:]


def _named(comp, name):
    for par in comp.customPars:
        members, group = _group(par)
        if group == name:
            return members
    return []


def _fits(pars, jsonDict):
    return pars[0].style not in _SIZED_STYLES or len(pars) == jsonDict.get("size", 1)


def _destroy(pars):
    """Destroys a group; the members of one go together."""
    for par in pars:
        if par.valid:
            par.destroy()


def _set(pars, attribute, value, ignore):
    # A list is one value for each, unless each takes a list.
    each = isinstance(value, list) and len(value) == len(pars) and not (
        attribute.startswith("menu") and not (value and isinstance(value[0], list))
    )
    for par, one in zip(pars, value if each else [value] * len(pars)):
        try:
            if attribute == "mode":
                one = getattr(td.ParMode, one)
            setattr(par, attribute, one)
        except Exception as error:
            if not ignore:
                raise ValueError(f"`{attribute}` of {par.name} cannot be {one!r}: {error}") from error


def _set_values(pars, jsonDict, setValues, ignore):
    if not setValues:
        return
    given = [key for key in ("expr", "bindExpr", "val", "mode") if jsonDict.get(key) not in (None, "")]
    if "val" not in given and "default" in jsonDict:
        _set(pars, "val", jsonDict["default"], ignore)
    # Setting a value chooses the mode, so that values come in the order in which the last one counts.
    order = ["expr", "bindExpr", "mode"] if "val" not in given else ["expr", "bindExpr", "val", "mode"]
    mode = jsonDict.get("mode")
    for key in order:
        if key not in given or key == "val" and mode not in (None, "CONSTANT"):
            continue
        _set(pars, key, jsonDict[key], ignore)


def addParametersFromJSONList(
    comp, jsonList, replace=True, setValues=True, destroyOthers=False, newAtEnd=True, fixParNames=True
):
    """Makes custom parameters from a list of JSON objects. Returns their names. With `destroyOthers` the component has no
    other custom parameters afterwards; with `newAtEnd` new ones stand behind those that were there."""
    before = {par.name for par in comp.customPars}
    names = []
    for jsonDict in jsonList:
        names += addParameterFromJSONDict(comp, jsonDict, replace, setValues, fixParNames=fixParNames)
    if not newAtEnd:
        for number, name in enumerate(name for name in names if name not in before):
            comp.par[name].order = number - len(names)
    if destroyOthers:
        destroyOtherPagesAndParameters(comp, {jsonDict["page"] for jsonDict in jsonList}, names)
    return names


def addParametersFromJSONDict(
    comp, jsonDict, replace=True, setValues=True, destroyOthers=False, newAtEnd=True, fixParNames=True
):
    """As `addParametersFromJSONList`, from a dictionary of names."""
    return addParametersFromJSONList(
        comp, list(jsonDict.values()), replace, setValues, destroyOthers, newAtEnd, fixParNames
    )


def addParametersFromJSONOp(
    comp, jsonOp, replace=True, setValues=True, destroyOthers=False, newAtEnd=True, fixParNames=True
):
    """As `addParametersFromJSONList`, from a dictionary of pages as `opToJSONOp` gives it. Returns the names of the
    parameters and of the pages."""
    pars = [par for page in jsonOp.values() for par in page.values()]
    names = addParametersFromJSONList(comp, pars, replace, setValues, False, newAtEnd, fixParNames)
    if destroyOthers:
        destroyOtherPagesAndParameters(comp, list(jsonOp), names)
    return names, list(jsonOp)


def destroyOtherPagesAndParameters(comp, pagesToKeep, parsToKeep):
    """Destroys the custom parameters of a component that are not named, and the custom pages that are not named."""
    pages, pars = set(pagesToKeep), set(parsToKeep)
    for par in list(_groups(comp.customPars)):
        members, name = _group(par)
        if name not in pars and not any(member.name in pars for member in members):
            _destroy(members)
    for page in list(comp.customPages):
        if page.name not in pages:
            page.destroy()
