"""What is simpler to say in Python than in Rust: dict and str subclasses, value-like behaviour, tracebacks.

The module is compiled into the extension under the file name <patchcord>, which tracebacks leave out. Nothing here
reaches the patch by itself; Rust hands in what it needs.
"""
import collections.abc
import enum
import linecache
import math
import operator
import os
import sys
import time
import traceback
import types

FILE = "<patchcord>"


# ---- what callbacks are given ------------------------------------------------------------------------------------


class Body(str):
    """Text of a request. Scripts both use it as text and decode it, so it offers `decode` as bytes do."""

    __slots__ = ()

    def decode(self, encoding="utf-8", errors="strict"):
        return str(self)


class Request(dict):
    """Fields of a request. A key that is missing as it is written is looked up again without regard to letter case."""

    __slots__ = ()

    def __missing__(self, key):
        if isinstance(key, str):
            folded = key.lower()
            for name in self:
                if name.lower() == folded:
                    return dict.__getitem__(self, name)
        raise KeyError(key)

    def __contains__(self, key):
        if dict.__contains__(self, key):
            return True
        return isinstance(key, str) and key.lower() in [name.lower() for name in self]

    def get(self, key, default=None):
        try:
            return self[key]
        except KeyError:
            return default


def positional(function):
    """How many positional arguments a function takes (-1: any number), and whether it is an `async def`."""
    code, bound = function, 0
    if isinstance(code, types.MethodType):
        code, bound = code.__func__, 1
    if not isinstance(code, types.FunctionType):
        return _positional_by_signature(function)
    flags, count = code.__code__.co_flags, code.__code__.co_argcount
    awaited = bool(flags & 0x280)  # a coroutine, or a generator with `yield` in an `async def`
    if not flags & 0x04:
        return max(count - bound, 0), awaited
    if hasattr(code, "__wrapped__"):  # a decorator that passes on what it gets
        count, awaited = positional(code.__wrapped__)
        return max(count - bound, -1), awaited
    return -1, awaited


def _positional_by_signature(function):
    import inspect

    awaited = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some callables of C have no signature
        return -1, awaited
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return -1, awaited
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(kind in plain for kind in kinds), awaited


# ---- scripts -----------------------------------------------------------------------------------------------------


def compile_script(text, name):
    return compile(text, name, "exec", dont_inherit=True)


def compile_expression(text, name):
    return compile(text.strip(), name, "eval", dont_inherit=True)


def compile_extension(text, name):
    """The code of an extension's expression, and the names that it uses."""
    import ast

    tree = ast.parse(text.strip(), name, "eval")
    names = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})
    return compile(tree, name, "eval", dont_inherit=True), names


def remember_lines(name, text):
    """Lets tracebacks show the lines of a script. Returns what was there before."""
    before = linecache.cache.get(name)
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    return before


def restore_lines(name, before):
    if before is None:
        linecache.cache.pop(name, None)
    else:
        linecache.cache[name] = before


def place_module(name, module):
    """Makes a script's module findable for what looks modules up by name: dataclasses, pickle, type hints. The name is
    the path of its DAT, which no other module has. Returns what was there before."""
    before = sys.modules.get(name)
    if module is None:
        sys.modules.pop(name, None)
    else:
        sys.modules[name] = module
    return before


def format_error(error):
    """The traceback as people read it, and its last line with the place, without the program's own frames."""
    summary = traceback.TracebackException.from_exception(error)
    place = _strip(summary, set())
    last = list(summary.format_exception_only())[-1].strip()
    if isinstance(error, SyntaxError) and error.lineno:
        place = f"line {error.lineno} of {error.filename}"
    return "".join(summary.format()).rstrip(), f"{last} ({place})" if place else last


def _strip(summary, seen):
    if summary is None or id(summary) in seen:
        return None
    seen.add(id(summary))
    own = [frame for frame in summary.stack if frame.filename != FILE and "importlib._bootstrap" not in frame.filename]
    summary.stack[:] = own
    _strip(summary.__cause__, seen)
    _strip(summary.__context__, seen)
    return f"line {own[-1].lineno} of {own[-1].filename}" if own else None


def syntax_error(error):
    """Line, column and message of a text that does not compile."""
    if isinstance(error, SyntaxError):
        return error.lineno or 1, error.offset or 0, error.msg or str(error)
    if isinstance(error, (RecursionError, MemoryError)):
        return 1, 0, "too deep or too large for Python's compiler"  # these come without words
    return 1, 0, str(error)  # such as a null byte in the text


def raised_at(error):
    """File and line at which an exception was raised: enough to tell a repeated one."""
    trace = error.__traceback__
    if isinstance(error, SyntaxError) and error.lineno:
        return str(error.filename), error.lineno
    if trace is None:
        return "", 0
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename, trace.tb_lineno


def end_threads(code, patience=3.0):
    """Lets threads of scripts come to their end when the patch has ended. Python would wait for them for ever; those
    that do not end are left behind, and the process ends with its exit code."""
    threading = sys.modules.get("threading")
    if threading is None:
        return
    own = threading.main_thread()
    threads = [thread for thread in threading.enumerate() if thread is not own and not thread.daemon]
    if not threads:
        return
    names = ", ".join(thread.name for thread in threads)
    print(f"patchcord: threads of scripts still run ({names}); they have {patience:g} s", file=sys.stderr, flush=True)
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def debug(*args):
    """Prints its arguments and where it was called."""
    frame = sys._getframe(1)
    code = frame.f_code
    where = f"{code.co_filename} fn:{code.co_name} line:{frame.f_lineno}"
    print(*args, f"  (Debug - {where})")


# ---- values ------------------------------------------------------------------------------------------------------

_values = {}


def value_of(thing):
    """What a parameter, a cell or a channel stands for; anything else as it is."""
    value = _values.get(type(thing))
    return thing if value is None else value(thing, None)


def number(text):
    """The number that a text is."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def cell_value(cell, other):
    """A cell's text; where it meets a number and is one itself, the number."""
    text = cell.val
    if isinstance(other, (int, float, complex)):
        try:
            return number(text)
        except ValueError:
            pass
    return text


def cell_number(cell):
    return number(cell.val)


def act_like_value(kind, value, as_number=None):
    """Gives a class the operators of the value that it stands for. `value(self, other)` is that value beside another
    operand; `as_number(self)` the value where only a number makes sense."""
    as_number = as_number or (lambda self: value(self, None))
    _values[kind] = value

    def binary(function):
        def method(self, other):
            other = value_of(other)
            return function(value(self, other), other)

        def reflected(self, other):
            other = value_of(other)
            return function(other, value(self, other))

        return method, reflected

    arithmetic = "add sub mul truediv floordiv mod pow lshift rshift matmul".split()
    functions = {name: getattr(operator, name) for name in arithmetic}
    functions.update({"and": operator.and_, "or": operator.or_, "xor": operator.xor, "divmod": divmod})
    for name, function in functions.items():
        method, reflected = binary(function)
        setattr(kind, f"__{name}__", method)
        setattr(kind, f"__r{name}__", reflected)
    for name in "eq ne lt le gt ge".split():
        setattr(kind, f"__{name}__", binary(getattr(operator, name))[0])

    for name in "neg pos abs invert index".split():
        function = getattr(operator, name)
        setattr(kind, f"__{name}__", lambda self, function=function: function(as_number(self)))
    for name, function in (("int", int), ("float", float), ("complex", complex)):
        setattr(kind, f"__{name}__", lambda self, function=function: function(as_number(self)))
    for name in "trunc floor ceil".split():
        function = getattr(math, name)
        setattr(kind, f"__{name}__", lambda self, function=function: function(as_number(self)))
    kind.__round__ = lambda self, digits=None: round(as_number(self), digits)

    kind.__bool__ = lambda self: bool(value(self, None))
    kind.__str__ = lambda self: str(value(self, None))
    kind.__hash__ = lambda self: hash(value(self, None))
    kind.__len__ = lambda self: len(value(self, None))
    kind.__iter__ = lambda self: iter(value(self, None))
    kind.__contains__ = lambda self, part: value_of(part) in value(self, None)

    def __format__(self, spec):
        plain = value(self, None)
        try:
            return format(plain, spec)
        except ValueError:
            return format(as_number(self), spec)

    kind.__format__ = __format__


class ParMode(enum.Enum):
    """How a parameter gets its value."""

    CONSTANT = "CONSTANT"
    EXPRESSION = "EXPRESSION"
    EXPORT = "EXPORT"
    BIND = "BIND"


class Tags(set):
    """Tags of an operator; a change of the set is one of the operator."""

    def __init__(self, owner, tags):
        super().__init__(tags)
        self._owner = owner


def _written_back(name):
    method = getattr(set, name)

    def write_back(self, *args):
        result = method(self, *args)
        self._owner.tags = sorted(self)
        return result

    return write_back


for _name in "add discard remove clear pop update difference_update intersection_update".split():
    setattr(Tags, _name, _written_back(_name))


class Storage(collections.abc.MutableMapping):
    """What is stored on an operator, as a dictionary."""

    def __init__(self, owner):
        self._owner = owner

    def __getitem__(self, key):
        if key not in self._owner._storedKeys:
            raise KeyError(key)
        return self._owner.fetch(key, search=False)

    def __setitem__(self, key, value):
        self._owner.store(key, value)

    def __delitem__(self, key):
        if key not in self._owner._storedKeys:
            raise KeyError(key)
        self._owner._forget(key)

    def __iter__(self):
        return iter(self._owner._storedKeys)

    def __len__(self):
        return len(self._owner._storedKeys)

    def __repr__(self):
        return repr(dict(self))


# ---- tdu ---------------------------------------------------------------------------------------------------------


class Dependency:
    """A value that tells its callbacks when it changes, and whose readers (expressions, computed operators) are worked
    out anew then."""

    def __init__(self, val=None):
        self._val = val
        self._changes = _Changes()
        self.callbacks = []

    @property
    def val(self):
        self._changes.note_read()
        return self._val

    @val.setter
    def val(self, val):
        previous, self._val = self._val, val
        if previous is not val and previous != val:
            self._tell(previous)

    @property
    def peekVal(self):
        return self._val

    @property
    def ops(self):
        return []

    def setVal(self, val, setInfo=None):
        self.val = val

    def modified(self):
        """Tells the callbacks that the value is another inside."""
        self._tell(self._val)

    def _tell(self, previous):
        self._changes.note_change()
        for callback in list(self.callbacks):
            callback({"dependency": self, "prevVal": previous, "callback": callback})

    def __repr__(self):
        return f"Dependency({self._val!r})"


def split(text, eval=False):
    """The words of a text; with `eval`, those that are Python literals as what they are."""
    words = _split(str(text))
    return [_literal(word) for word in words] if eval else words


def _literal(word):
    import ast

    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return word


def try_except(function, otherwise):
    """What the function returns; when it raises, the other value or what that returns."""
    try:
        return function()
    except Exception:
        return otherwise() if callable(otherwise) else otherwise


def clamp(value, low, high):
    return low if value < low else high if value > high else value


def remap(value, fromMin, fromMax, toMin, toMax):
    if fromMin == fromMax:
        return toMin
    return toMin + (value - fromMin) * (toMax - toMin) / (fromMax - fromMin)


def detect_language(text):
    """A guess at the language of a text, by its shape: json, xml, python or text."""
    import json

    bare = text.strip()
    if bare[:1] in ("{", "["):
        try:
            json.loads(bare)
            return "json"
        except ValueError:
            pass
    if bare.startswith("<"):
        return "xml"
    marks = ("def ", "import ", "from ", "class ", "print(", "op(", "if ", "for ", "return ", " = ")
    if any(mark in bare for mark in marks):
        try:
            compile_script(text, "text")
            return "python"
        except (SyntaxError, ValueError):
            pass
    return "text"
