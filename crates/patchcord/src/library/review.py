"""What a patch's scripts use of TouchDesigner and what is not here, found without running them.

For `patchcord check`. A finding is sure as far as `inference` knows what a name stands for, and nothing is said of what it
does not know, nor where the script asks first: hasattr, getattr with a default, try with AttributeError.
"""

import ast
from collections import namedtuple

from _patchcord.inference import Api, Inference, Kind, Op, Pars, Patch, Thing

# What Rust hands in. Callbacks of a type are a dictionary: name to names of arguments.
Type = namedtuple("Type", "name label family parameters callbacks own_script")
Operator = namedtuple("Operator", "path kind callbacks")  # callbacks: path of the DAT that its parameter names, or ""
Script = namedtuple("Script", "path text is_expression is_python")  # of which operator, and whether it is surely Python

# What is found: number of the script, line from 1, first and last column in bytes from 0, what, and what helps.
Finding = namedtuple("Finding", "script line column end message help")

# Objects that may have attributes which no row declares.
OPEN = {"td", "runs", "tdu.FileInfo", "ParCollection", "ParGroupCollection"}

# Names that people give to the same argument of a callback.
SAME = [{"message", "msg", "data", "text", "contents", "content", "payload"}, {"event", "eventname", "name"}, {"rowindex", "row"}]

# Callbacks of other libraries and operators, and those that were meant.
MEANT = {
    "onOpen": ["onConnect", "onWebSocketOpen"],
    "onConnect": ["onOpen", "onWebSocketOpen"],
    "onMessage": ["onReceiveText", "onReceiveEvent", "onWebSocketReceiveText"],
    "onReceive": ["onReceiveText", "onReceiveEvent", "onWebSocketReceiveText"],
    "onEvent": ["onReceiveEvent"],
    "onClose": ["onDisconnect", "onWebSocketClose"],
    "onDisconnect": ["onClose", "onWebSocketClose"],
    "onError": ["onMonitorMessage", "onConnectError"],
    "onRequest": ["onHTTPRequest"],
}

CATCHING = {"AttributeError", "NameError", "ImportError", "Exception", "BaseException"}


def review(classes, absent_types, types, operators, scripts, stand_ins):
    """All findings, in the order of the scripts and their lines."""
    api = Api(classes, absent_types, [Type(*kind) for kind in types], stand_ins)
    operators = [Operator(*operator) for operator in operators]
    patch = Patch(operators)
    parsed = {}
    for number, script in enumerate(Script(*script) for script in scripts):
        tree = parse(script)
        if tree is not None:
            parsed[number] = (script, tree)
    python = imported_too(parsed, patch)
    used = names_used(tree for number, (script, tree) in parsed.items() if number in python)
    served = {}
    for operator in operators:
        served.setdefault(operator.callbacks, []).append(Op(operator.kind, operator.path))
    findings = []
    for number in sorted(python):
        script, tree = parsed[number]
        owners = [] if script.is_expression else list(served.get(script.path, ()))
        own = patch.at(script.path)
        if not script.is_expression and own.kind in api.types and api.types[own.kind].own_script:
            owners.append(own)
        found = Review(api, patch, tree, script.path, owners).run(used)
        findings += [Finding(number, *rest) for rest in together(found)]
    return findings


def parse(script):
    try:
        text = f"({script.text}\n)" if script.is_expression else script.text
        return ast.parse(text, mode="eval" if script.is_expression else "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # what does not compile is reported elsewhere


def imported_too(parsed, patch):
    """Numbers of the scripts that are Python: the sure ones, and texts that one of them imports or calls a module."""
    python = {number for number, (script, tree) in parsed.items() if script.is_python}
    by_name = {}
    for number, (script, tree) in parsed.items():
        if not script.is_expression:
            by_name.setdefault(script.path.rpartition("/")[2], []).append(number)
    waiting = list(python)
    while waiting:
        for name in modules_named(*parsed[waiting.pop()]):
            for number in by_name.get(name, ()):
                if number not in python:
                    python.add(number)
                    waiting.append(number)
    return python


def modules_named(script, tree):
    for node in ast.walk(tree):
        if script.is_expression and isinstance(node, ast.Name):
            yield node.id  # an extension is named as module.Class(me)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "mod":
            yield node.attr
        elif isinstance(node, ast.Attribute) and node.attr == "module" and isinstance(node.value, ast.Call):
            for argument in node.value.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value.rpartition("/")[2]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "mod" and node.args:
            if isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value).rpartition("/")[2]


def names_used(trees):
    """Names that any script reads: a function of one of them is called by somebody."""
    used = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                used.add(node.id)
            elif isinstance(node, ast.Attribute):
                used.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                used.add(node.value)
            elif isinstance(node, ast.ImportFrom):
                used.update(alias.name for alias in node.names)
    return used


def together(found):
    """One finding for what is said several times, with the other lines."""
    first = {}
    for line, column, end, message, help in sorted(found):
        first.setdefault(message, (line, column, end, help, []))[4].append(line)
    for message, (line, column, end, help, lines) in first.items():
        more = sorted(set(lines) - {line})
        if more:
            listed = ", ".join(map(str, more[:10])) + (" …" if len(more) > 10 else "")
            also = f"also in line{'s' if len(more) > 1 else ''} {listed}"
            help = f"{help}; {also}" if help else also
        yield line, column, end, message, help


def nearest(name, names):
    import difflib

    close = difflib.get_close_matches(name, names, 1, 0.7)
    folded = {known.lower(): known for known in names}
    return folded.get(name.lower()) or (close[0] if close else None)


def did_you_mean(name, names):
    near = nearest(name, names)
    return f"did you mean `{near}`?" if near else ""


class Review(ast.NodeVisitor):
    """Walks through one script."""

    def __init__(self, api, patch, tree, me, owners):
        self.api, self.patch, self.tree = api, patch, tree
        self.me, self.owners = me, owners
        self.inference = Inference(api, patch, tree, me, owners)
        self.scope = self.inference.module
        self.quiet = 0  # around what may fail because somebody catches it
        self.found = []

    def run(self, used):
        self.visit(self.tree)
        if isinstance(self.tree, ast.Module):
            self.check_callbacks(used)
        return self.found

    def note(self, node, message, help="", name=None):
        """Something at the last part of a node: the attribute of an expression, the name of a function."""
        line, end = node.end_lineno, node.end_col_offset
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            start = len("async def ") if isinstance(node, ast.AsyncFunctionDef) else len("def ")
            line, end = node.lineno, node.col_offset + start + len(node.name.encode())
            name = node.name
        start = end - len(name.encode()) if name else node.col_offset if node.lineno == line else 0
        if isinstance(node, (ast.arg, ast.alias)):
            line, start, end = node.lineno, node.col_offset, node.col_offset + len(name.encode())
        self.found.append((line, start, end, message, help))

    def missing(self, node, name, what, why):
        reason, _, instead = why.partition("; use ")
        message = f"{what} exists in TouchDesigner but not in Patchcord: {reason}"
        self.note(node, message, f"use {instead}" if instead else "", name)

    # ---- scopes and guards ----

    def visit_FunctionDef(self, node):
        arguments = node.args
        for part in node.decorator_list + arguments.defaults + [default for default in arguments.kw_defaults if default]:
            self.visit(part)
        self.visit_within(node, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node):
        self.visit_within(node, [node.body])

    def visit_ClassDef(self, node):
        for part in node.decorator_list + node.bases:
            self.visit(part)
        self.visit_within(node, node.body)

    def visit_ListComp(self, node):
        self.visit_within(node, list(ast.iter_child_nodes(node)))

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp

    def visit_within(self, node, parts):
        before, self.scope = self.scope, self.inference.scopes[node]
        for part in parts:
            self.visit(part)
        self.scope = before

    def visit_Try(self, node):
        caught = any(catches(handler.type) for handler in node.handlers)
        self.quiet += caught
        for part in node.body:
            self.visit(part)
        self.quiet -= caught
        for part in node.handlers + node.orelse + node.finalbody:
            self.visit(part)

    visit_TryStar = visit_Try

    def visit_AnnAssign(self, node):
        for part in (node.target, node.value):
            if part is not None:
                self.visit(part)

    def is_guarded(self, name):
        scope = self.scope
        while scope is not None:
            if name in scope.guarded:
                return True
            scope = scope.outer
        return self.quiet > 0

    # ---- names ----

    def visit_Name(self, node):
        if not isinstance(node.ctx, ast.Load) or self.scope.scope_of(node.id) or self.inference.star:
            return
        text = self.missing_global(node.id)
        if text and not self.is_guarded(node.id):
            self.missing(node, node.id, node.id, text)

    def missing_global(self, name):
        """Why a global of TouchDesigner is not here; empty for all others."""
        found = self.api.member("td", name)
        if found:
            return found[1][1]
        declared = self.api.classes.get(name)
        if declared and declared[1] and name[:1].isupper() and not self.may_stand_in(name):
            return declared[1]
        return self.api.absent_types.get(name, "")

    def visit_ImportFrom(self, node):
        if node.module in ("td", "tdu") and not node.level:
            for alias in node.names:
                found = self.api.member(node.module, alias.name)
                why = found[1][1] if found else self.missing_global(alias.name) if node.module == "td" else ""
                if why and not self.is_guarded(alias.name):
                    self.missing(alias, alias.name, f"{node.module}.{alias.name}", why)

    def visit_Import(self, node):
        for alias in node.names:
            absent = self.api.classes.get(alias.name, ("", None, {}))[1]
            if absent and not self.quiet and alias.name not in self.patch.names:
                self.missing(alias, alias.name, f"the module {alias.name}", absent)

    def visit_Call(self, node):
        called, names = node.func, {"isinstance", "issubclass"}
        if isinstance(called, ast.Name) and called.id in names and not self.scope.scope_of(called.id):
            self.visit(node.args[0]) if node.args else None
            return  # a type that is not here is one that nothing is of
        self.visit(called)
        for part in node.args:
            self.visit(part)
        for keyword in node.keywords:
            if keyword.arg != "type":  # of findChildren, as with isinstance
                self.visit(keyword.value)
        if not node.args:
            return
        if isinstance(called, ast.Attribute) and called.attr == "create":
            self.check_created(node.args[0])
        if isinstance(called, ast.Name) and called.id == "run" and not self.scope.scope_of("run"):
            self.check_run(node)

    def check_run(self, node):
        """A text that is run later sees the names of the script and `args`."""
        text = node.args[0]
        if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
            return
        try:
            tree = ast.parse(text.value)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self.note(text, "this text does not compile as a script")
            return
        moved = any(keyword.arg in ("fromOP", None) for keyword in node.keywords)
        inner = Review(self.api, self.patch, tree, None if moved else self.me, [])
        inner.quiet = self.quiet
        for name in [*self.inference.module.bindings, "args"]:
            inner.scope.bind(name, lambda: None)
        inner.visit(tree)
        for line, start, end, message, help in inner.found:
            self.note(text, message, help)

    def check_created(self, node):
        if isinstance(node, ast.Constant) and node.value in self.api.absent_types and not self.quiet:
            self.missing(node, None, node.value, self.api.absent_types[node.value])

    # ---- attributes ----

    def visit_Attribute(self, node):
        self.visit(node.value)
        thing, name = self.inference.type_of(node.value, self.scope), node.attr
        if thing is None or name.startswith("_") or self.is_guarded(name):
            return
        if isinstance(thing, Pars):
            self.check_parameter(node, thing.op, name)
        elif isinstance(thing, (Op, Thing)):
            self.check_attribute(node, thing, name)
        elif isinstance(thing, Kind):
            return

    def check_attribute(self, node, thing, name):
        if isinstance(thing, Op) and thing.kind.startswith("standin"):
            return
        found = self.inference.found(thing, name)
        if found is not None:
            of, (member, why, gives, is_method) = found
            if why and not self.may_stand_in(of):
                self.missing(node, name, f"{of}.{name}", why)
            return
        if isinstance(thing, Thing):
            if thing.kind in OPEN:
                why = self.missing_global(name) if thing.kind == "td" else ""
                if why:
                    self.missing(node, name, f"td.{name}", why)
            else:
                self.note(node, f"{thing.kind} has no `{name}`", did_you_mean(name, self.api.names(thing.kind)), name)
        elif not name[:1].isupper() and not self.accepts_anything(thing):
            # What begins with a capital may be a promoted member of an extension.
            self.unknown_member(node, thing, name)

    def unknown_member(self, node, thing, name):
        kind = self.api.types.get(thing.kind)
        elsewhere = self.api.member_of_any_operator(name)
        if kind and kind.family != "COMP" and elsewhere and elsewhere[1][1]:
            elsewhere = None  # this operator is known, and never has it
        what = a(kind.label) if kind else "an operator" if thing.kind == "OP" else a(thing.kind)
        if elsewhere and not elsewhere[1][1]:
            self.note(node, f"{what} has no `{name}`; {a(elsewhere[0])} has", "", name)
        elif elsewhere:
            self.missing(node, name, f"{elsewhere[0]}.{name}", elsewhere[1][1])
        else:
            known = self.api.names(thing.kind)
            if thing.kind == "OP":
                known = [member for of in self.api.operator_classes for member in self.api.names(of)]
            self.note(node, f"{what} has no `{name}`", did_you_mean(name, known), name)

    def accepts_anything(self, thing):
        """Whether an operator may be one that stands in for others."""
        if thing.kind in ("OP", "COMP", "DAT", "CHOP"):
            return self.api.stand_ins or any(kind.startswith("standin") for kind in self.patch.kinds.values())
        return thing.kind.startswith("standin")

    def may_stand_in(self, name):
        """Whether a class is one of operators that are here as stand-ins only."""
        declared = self.api.classes.get(name)
        return bool(self.api.stand_ins and declared and declared[1] and self.api.is_operator(name))

    def check_parameter(self, node, op, name):
        kind = self.api.types.get(op.kind)
        if kind is None or name[:1].isupper() or name in kind.parameters or self.accepts_anything(op):
            return
        if self.api.member("ParCollection", name) is None:
            help = did_you_mean(name, kind.parameters) or f"`patchcord ops {kind.name}` lists them"
            self.note(node, f"{a(kind.label)} has no parameter `{name}`", help, name)

    # ---- callbacks ----

    def check_callbacks(self, used):
        kinds = [self.api.types[owner.kind] for owner in self.owners if owner.kind in self.api.types]
        if not kinds or len(kinds) < len(self.owners) or not any(kind.callbacks for kind in kinds):
            return
        names = {name.lower() for kind in kinds for name in kind.callbacks}
        for node in self.tree.body:
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if is_handler(node.name) or node.name.lower() in names:
                declared = [(kind, kind.callbacks[node.name]) for kind in kinds if node.name in kind.callbacks]
                if declared and isinstance(node, ast.AsyncFunctionDef):
                    self.note(node, f"`{node.name}` is an `async def`, which is not called", "make it a plain `def`")
                elif declared:
                    self.check_shape(node, *declared[0])
                elif node.name not in used:
                    self.check_handler(node, kinds)

    def check_handler(self, node, kinds):
        """A function that is named as a callback is, and that no script calls. It may be the script's own, called by a
        name that it computes, unless it is known from elsewhere or near to a callback."""
        names = [name for kind in kinds for name in kind.callbacks]
        same = next((name for name in names if name.lower() == node.name.lower()), None)
        usual = next((name for name in MEANT.get(node.name, ()) if name in names), None)
        meant = same or usual or nearest(node.name, names)
        is_known = node.name in MEANT or any(node.name in kind.callbacks for kind in self.api.types.values())
        if not is_known and (meant is None or self.calls_by_name()):
            return
        labels = " and ".join(sorted({a(kind.label) for kind in kinds}))
        help = f"did you mean `{meant}`?" if meant else f"its callbacks are {', '.join(names)}"
        self.note(node, f"`{node.name}` is never called: {labels} has no such callback", help)

    def calls_by_name(self):
        """Whether the script reaches functions by names that it computes."""
        asked = {"globals", "vars", "getattr", "locals"}
        return any(isinstance(node, ast.Name) and node.id in asked for node in ast.walk(self.tree))

    def check_shape(self, node, kind, declared):
        """Whether a callback takes what it is given: arguments are passed by position."""
        arguments = node.args.posonlyargs + node.args.args
        needed = len(arguments) - len(node.args.defaults)
        passed = f"it is called with ({', '.join(declared)})"
        if needed > len(declared):
            self.note(node, f"`{node.name}` needs {needed} arguments; {a(kind.label)} passes {len(declared)}", passed)
            return
        for at, argument in enumerate(arguments[: len(declared)]):
            meant = next((other for other, name in enumerate(declared) if is_same(argument.arg, name)), at)
            if meant != at and not is_same(argument.arg, declared[at]):
                message = f"argument {at + 1} of `{node.name}` is {declared[at]}, not {declared[meant]}"
                self.note(argument, message, passed, argument.arg)
                return


def a(label):
    """A label of an operator type with its article."""
    return f"an {label}" if label[0] in "AEIOU" else f"a {label}"


def is_handler(name):
    for start in ("on", "while"):
        if name.startswith(start) and name[len(start) : len(start) + 1].isupper():
            return True
    return False


def is_same(written, declared):
    written, declared = written.lower(), declared.lower()
    return written == declared or any(written in names and declared in names for names in SAME)


def catches(kind):
    if kind is None:
        return True
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(getattr(part, "id", getattr(part, "attr", "")) in CATCHING for part in kinds)
