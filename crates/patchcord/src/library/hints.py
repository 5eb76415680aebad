"""What helps with an exception that a script did not catch, where Python's own words leave people alone."""

import difflib
import linecache
import types

from _patchcord.missing import Missing


def hint(error, not_found):
    """A clause to be put behind the message; empty when nothing is known. `not_found` is what the last op() was asked
    for that found nothing."""
    if not isinstance(error, (AttributeError, TypeError)):
        return ""
    said, name = str(error), getattr(error, "name", None)
    if "'NoneType' object" in said:
        return f"op({not_found!r}) found nothing" if not_found and led_to(error, not_found) else ""
    if name is None or not said.endswith(f"no attribute {name!r}") or not is_ours(error.obj):
        return ""
    return nearest(name, public(error.obj))


def is_ours(thing):
    if isinstance(thing, types.ModuleType):
        return thing.__name__ in ("td", "tdu")
    return type(thing).__module__ in ("td", "tdu", "_patchcord.glue")


def public(thing):
    """Members that are there."""
    kind = type(thing)
    names = [name for name in dir(thing) if not name.startswith("_")]
    return [name for name in names if not isinstance(getattr(kind, name, None), Missing)]


def nearest(name, names):
    folded = {known.lower(): known for known in names}
    close = [folded[name.lower()]] if name.lower() in folded else difflib.get_close_matches(name, names, 1, 0.7)
    return f"did you mean `{close[0]}`?" if close else ""


def led_to(error, path):
    """Whether the None that a script stumbled over may be what op() gave for a path: it stands in the line itself, or
    the line has a variable from a line before it."""
    trace = error.__traceback__
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 : trace.tb_lineno]
    if not lines:
        return False
    if path in lines[-1]:
        return True
    return "op(" not in lines[-1] and "[" not in lines[-1] and any(path in line for line in lines)
