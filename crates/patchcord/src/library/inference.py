"""What the names and expressions of a script stand for in the td API, as far as a simple rule tells without running it.

Known are: the globals of every script, the first argument of a callback, `ownerComp` of an extension, what op(), parent()
and create() give where the patch file says what that is, and whatever is reached from these by attributes, calls,
indexes and assignments. A name that is bound in more than one way that differs is not known. What is not known is None.
"""

import ast
from collections import namedtuple

Op = namedtuple("Op", "kind path")  # an operator: its class or type (OP when any), and its path where it is known
Thing = namedtuple("Thing", "kind")  # an object of a declared class, or the module or object of that name
Many = namedtuple("Many", "of")  # a list
Kind = namedtuple("Kind", "name")  # a class or an operator type itself
Pars = namedtuple("Pars", "op")  # the parameters of an operator
Finder = namedtuple("Finder", "what place")  # op, ops or parent, and the path of the operator that it looks from
Instance = namedtuple("Instance", "node")  # an object of a class of the script

FAMILIES = ("COMP", "DAT", "CHOP")

# Arguments of callbacks that are no owner of the callbacks, by their names.
ARGUMENTS = {
    "channel": Thing("Channel"),
    "par": Thing("Par"),
    "dat": Op("DAT", None),
    "prevDAT": Op("DAT", None),
    "cells": Many(Thing("Cell")),
    "comp": Op("COMP", None),
}


class Api:
    """The declaration, made quick to ask."""

    def __init__(self, classes, absent_types, types, stand_ins):
        # Where stand-ins are made, a type that is not here accepts everything.
        self.stand_ins = stand_ins
        self.absent_types = {} if stand_ins else absent_types
        self.types = {kind.name: kind for kind in types}
        self.classes = {}
        for name, what, base, absent, members in classes:
            self.classes[name] = (base, absent, {row[0]: row for row in members})
        self.operator_classes = [name for name in self.classes if self.is_operator(name)]

    def is_operator(self, name):
        while name in self.classes and name != "OP":
            name = self.classes[name][0]
        return name == "OP" or name in self.types

    def chain(self, kind):
        """The classes whose members an object of a class or type has."""
        if kind in self.types and kind not in self.classes:
            kind = self.types[kind].family
        while kind in self.classes:
            yield kind
            kind = self.classes[kind][0]

    def member(self, kind, name):
        """The class that declares a member, and its row: name, why it is missing, what it gives, whether it is called.
        None when there is no such member."""
        for of in self.chain(kind):
            row = self.classes[of][2].get(name)
            if row is not None:
                return of, row
        return None

    def member_of_any_operator(self, name):
        """As `member`, of any class of operators; one that is there comes before one that is missing."""
        rows = [(of, self.classes[of][2][name]) for of in self.operator_classes if name in self.classes[of][2]]
        rows.sort(key=lambda found: bool(found[1][1]))
        return rows[0] if rows else None

    def names(self, kind):
        """Members that are there."""
        return [name for of in self.chain(kind) for name, row in self.classes[of][2].items() if not row[1]]

    def given(self, gives):
        """What a row of the declaration gives."""
        if gives.startswith("["):
            of = self.given(gives[1:-1])
            return of and Many(of)
        if not gives or gives in self.classes and self.classes[gives][1]:
            return None
        return Op(gives, None) if self.is_operator(gives) else Thing(gives)


class Patch:
    """The operators of the patch file by path."""

    def __init__(self, operators):
        self.kinds = {operator.path: operator.kind for operator in operators}
        self.names = {path.rpartition("/")[2] for path in self.kinds}

    def at(self, path):
        """The operator at a path; any, where the file has none there."""
        return Op(self.kinds[path], path) if path in self.kinds else Op("OP", None)

    def find(self, base, text):
        """The operator that a path means, seen from inside a component."""
        if base is None and not text.startswith("/") or any(c in text for c in "*?[] ^@"):
            return Op("OP", None)
        parts = [] if text.startswith("/") else [part for part in base.split("/") if part]
        for part in text.split("/"):
            if part == ".." and parts:
                parts.pop()
            elif part not in ("", ".", ".."):
                parts.append(part)
        return self.at("/" + "/".join(parts))

    def around(self, path, levels=1):
        """The component so many levels up."""
        for _ in range(levels):
            if path in (None, "/"):
                return Op("COMP", None)
            path = path.rpartition("/")[0] or "/"
        return Op(self.kinds.get(path, "COMP"), path)


class Scope:
    """A module, class, function or comprehension, and how its names are bound."""

    def __init__(self, node, outer):
        self.node, self.outer = node, outer
        self.bindings = {}  # name: what is bound to it, as functions that say what it stands for
        self.elsewhere = set()  # names that `global` and `nonlocal` give to an outer scope
        self.known = {}
        self.guarded = set()  # attributes that hasattr and getattr ask for
        self.is_class = isinstance(node, ast.ClassDef)

    def bind(self, name, stands_for):
        scope = self
        while name in scope.elsewhere and scope.outer is not None:
            scope = scope.outer
        scope.bindings.setdefault(name, []).append(stands_for)

    def scope_of(self, name):
        """The scope that binds a name, seen from here."""
        scope = self
        while scope is not None:
            if name in scope.bindings and (scope is self or not scope.is_class):
                return scope
            scope = scope.outer
        return None


class Inference:
    """One script."""

    def __init__(self, api, patch, tree, me, owners):
        self.api, self.patch, self.tree = api, patch, tree
        self.me = me  # path of the operator that the script belongs to
        self.owners = owners  # operators whose callbacks it holds, as Op
        self.scopes = {}
        self.attributes = {}  # class: {name: [what is assigned to self.name]}
        self.star = False  # a `from x import *` may bind any name
        self.module = self.scopes[tree] = Scope(tree, None)
        body = tree.body if isinstance(tree, ast.Module) else [tree.body]
        for node in body:
            self._collect(node, self.module, None)

    # ---- names ----

    def _collect(self, node, scope, method):
        """Notes how names are bound; `method` is the class and name of `self` around the node."""
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            self._collect_function(node, scope, method)
            return
        if isinstance(node, ast.ClassDef):
            scope.bind(node.name, lambda: None)
            for part in node.decorator_list + node.bases + [keyword.value for keyword in node.keywords]:
                self._collect(part, scope, method)
            inner = self.scopes[node] = Scope(node, scope)
            self.attributes[node] = {}
            for part in node.body:
                self._collect(part, inner, None)
            return
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            inner = self.scopes[node] = Scope(node, scope)
            for generator in node.generators:
                self._bind_element(generator.target, generator.iter, inner)
            for child in ast.iter_child_nodes(node):
                self._collect(child, inner, method)
            return
        self._bind(node, scope, method)
        for child in ast.iter_child_nodes(node):
            self._collect(child, scope, method)

    def _bind(self, node, scope, method):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._bind_target(target, node.value, scope, method)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            self._bind_target(node.target, node.value, scope, method)
        elif isinstance(node, ast.AugAssign):
            self._bind_target(node.target, None, scope, method)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self._bind_element(node.target, node.iter, scope)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._bind_import(node, scope)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            scope.elsewhere.update(node.names)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._bind_target(node.optional_vars, None, scope, method)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            scope.bind(node.name, lambda: None)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            scope.bind(node.rest, lambda: None)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("hasattr", "getattr"):
            guards = len(node.args) >= (2 if node.func.id == "hasattr" else 3)
            if guards and isinstance(node.args[1], ast.Constant):
                scope.guarded.add(node.args[1].value)

    def _bind_target(self, target, value, scope, method):
        if isinstance(target, ast.Name):
            if not (isinstance(value, ast.Constant) and value.value is None):
                scope.bind(target.id, lambda: value and self.type_of(value, scope))
            else:
                scope.bind(target.id, lambda: ...)
        elif isinstance(target, (ast.Tuple, ast.List)):
            values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else ()
            matched = len(values) == len(target.elts)
            for at, part in enumerate(target.elts):
                self._bind_target(part, values[at] if matched else None, scope, method)
        elif isinstance(target, ast.Starred):
            self._bind_target(target.value, None, scope, method)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and method:
            if target.value.id == method[1] and target.value.id in scope.bindings:
                self.attributes[method[0]].setdefault(target.attr, []).append((value, scope))

    def _bind_element(self, target, iterated, scope):
        def element():
            many = self.type_of(iterated, scope)
            return many.of if isinstance(many, Many) else Thing("Par") if isinstance(many, Pars) else None

        if isinstance(target, ast.Name):
            scope.bind(target.id, element)
        else:
            self._bind_target(target, None, scope, None)

    def _bind_import(self, node, scope):
        for alias in node.names:
            if alias.name == "*":
                self.star = self.star or getattr(node, "module", None) not in ("td", "tdu")
                continue
            name = alias.asname or alias.name.partition(".")[0]
            if isinstance(node, ast.Import):
                scope.bind(name, lambda name=alias.name: Thing(name) if name in ("td", "tdu") else None)
            elif node.module in ("td", "tdu") and not node.level:
                scope.bind(name, lambda name=alias.name: self._member_of_module(node.module, name))
            else:
                scope.bind(name, lambda: None)

    def _member_of_module(self, module, name):
        if module == "td":
            return self.type_of_global(name)
        found = self.api.member(module, name)
        return None if found is None else self.api.given(found[1][2])

    def _collect_function(self, node, scope, method):
        is_lambda = isinstance(node, ast.Lambda)
        if not is_lambda:
            scope.bind(node.name, lambda: None)
        arguments = node.args
        outside = arguments.defaults + [default for default in arguments.kw_defaults if default]
        for part in outside + ([] if is_lambda else node.decorator_list):
            self._collect(part, scope, method)
        inner = self.scopes[node] = Scope(node, scope)
        own = method
        positional = arguments.posonlyargs + arguments.args
        for at, argument in enumerate(positional + arguments.kwonlyargs):
            inner.bind(argument.arg, lambda at=at, argument=argument: self._argument(node, scope, at, argument.arg))
        if scope.is_class and positional and not is_lambda:
            own = (scope.node, positional[0].arg)
        for argument in (arguments.vararg, arguments.kwarg):
            if argument is not None:
                inner.bind(argument.arg, lambda: None)
        for part in [node.body] if is_lambda else node.body:
            self._collect(part, inner, own)

    def _argument(self, node, scope, at, name):
        """What an argument of a function of the script is."""
        if scope.is_class:
            if at == 0:
                static = any(getattr(mark, "id", "") in ("staticmethod", "classmethod") for mark in node.decorator_list)
                return None if static else Instance(scope.node)
            return self.patch.around(self.me) if name == "ownerComp" else None
        if scope is not self.module or isinstance(node, ast.Lambda):
            return None
        kinds = [self.api.types[owner.kind] for owner in self.owners]
        if not kinds:
            # Nobody's callbacks, as far as the file says: the name may tell whose they are to be.
            kinds = [kind for kind in self.api.types.values() if node.name in kind.callbacks and not kind.own_script]
            if len(kinds) == 1 and at == 0:
                return Op(kinds[0].name, None)
            return None
        if not any(node.name in kind.callbacks for kind in kinds):
            return None
        if at == 0 and not any(kind.own_script for kind in kinds):
            return join([owner for owner in self.owners if node.name in self.api.types[owner.kind].callbacks])
        declared = {kind.callbacks[node.name][at] for kind in kinds if len(kind.callbacks.get(node.name, ())) > at}
        return ARGUMENTS.get(declared.pop()) if len(declared) == 1 else None

    # ---- expressions ----

    def type_of_global(self, name):
        """What a name stands for that every script has."""
        if name == "me":
            return self.patch.at(self.me)
        if name in ("op", "ops", "parent"):
            return Finder(name, self.me)
        if name == "root":
            return Op("COMP", "/")
        if name in ("td", "tdu"):
            return Thing(name)
        if name in self.api.types or name in self.api.classes and self.api.is_operator(name):
            return Kind(name)
        found = self.api.member("td", name)
        return self.api.given(found[1][2]) if found and not found[1][3] else None

    def type_of(self, node, scope):
        method = getattr(self, "_type_of_" + type(node).__name__.lower(), None)
        return method and method(node, scope)

    def _type_of_name(self, node, scope):
        binding = scope.scope_of(node.id)
        if binding is None:
            return None if self.star else self.type_of_global(node.id)
        if node.id not in binding.known:
            binding.known[node.id] = None  # a name that is bound to itself is not known
            kinds = [stands_for() for stands_for in binding.bindings[node.id]]
            binding.known[node.id] = join([kind for kind in kinds if kind is not ...])
        return binding.known[node.id]

    def _type_of_namedexpr(self, node, scope):
        return self.type_of(node.value, scope)

    def _type_of_ifexp(self, node, scope):
        values = [value for value in (node.body, node.orelse) if not is_none(value)]
        return join([self.type_of(value, scope) for value in values])

    def _type_of_boolop(self, node, scope):
        values = node.values if isinstance(node.op, ast.Or) else node.values[-1:]
        return join([self.type_of(value, scope) for value in values if not is_none(value)])

    def _type_of_attribute(self, node, scope):
        return self.attribute(self.type_of(node.value, scope), node.attr)

    def attribute(self, thing, name):
        """What an attribute of something is, when it is not called."""
        if isinstance(thing, Finder):
            return Op("COMP", None) if thing.what != "ops" and name[:1].isupper() else None
        if isinstance(thing, Pars):
            return Thing("Par") if name != "owner" else thing.op
        if isinstance(thing, Instance):
            values = self.attributes.get(thing.node, {}).get(name, ())
            kinds = [value and self.type_of(value, scope) for value, scope in values if not is_none(value)]
            return join(kinds)
        if isinstance(thing, Op):
            if name in ("op", "ops", "parent"):
                inside = "inside " if name != "parent" else ""
                return Finder(inside + name, thing.path)
            if name == "par":
                return Pars(thing)
        if isinstance(thing, Thing) and thing.kind in ("td", "tdu"):
            return self._member_of_module(thing.kind, name)
        found = self.found(thing, name)
        return self.api.given(found[1][2]) if found and not found[1][3] and not found[1][1] else None

    def found(self, thing, name):
        """The row of an attribute, as `Api.member`."""
        if isinstance(thing, Op) and thing.kind == "OP":
            return self.api.member_of_any_operator(name)
        return self.api.member(thing.kind, name) if isinstance(thing, (Op, Thing)) else None

    def _type_of_call(self, node, scope):
        called = self.type_of(node.func, scope)
        if isinstance(called, Finder):
            return self._find(called, node, scope)
        if isinstance(node.func, ast.Name) and not (self.star or scope.scope_of(node.func.id)):
            found = self.api.member("td", node.func.id)
            return self.api.given(found[1][2]) if found and found[1][3] and not found[1][1] else None
        if not isinstance(node.func, ast.Attribute):
            return None
        thing, name = self.type_of(node.func.value, scope), node.func.attr
        found = self.found(thing, name)
        if found is None or found[1][1] or not found[1][3]:
            return self.attribute(thing, name) if isinstance(thing, Thing) and thing.kind == "tdu" else None
        if isinstance(thing, Op) and node.args:
            first = node.args[0]
            if name == "create":
                made = self.type_of(first, scope)
                if isinstance(first, ast.Constant) and first.value in self.api.types:
                    made = Kind(first.value)
                return Op(made.name, None) if isinstance(made, Kind) else Op("OP", None)
            if name == "copy":
                copied = self.type_of(first, scope)
                is_component = self.api.member(thing.kind, "create") is not None
                return Op(copied.kind, None) if is_component and isinstance(copied, Op) else None
        return self.api.given(found[1][2])

    def _find(self, finder, node, scope):
        what, place = finder.what, finder.place
        if what.endswith("ops"):
            return Many(Op("OP", None))
        if what == "parent":
            levels = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else 1
            known = not node.args or isinstance(node.args[0], ast.Constant)
            return self.patch.around(place, levels) if known and isinstance(levels, int) else Op("COMP", None)
        if not node.args:
            return Op("OP", None)
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and len(node.args) == 1:
            base = place if what.startswith("inside") else self.patch.around(place).path
            return self.patch.find(base, first.value)
        meant = self.type_of(first, scope)
        return meant if isinstance(meant, Op) else Op("OP", None)

    def _type_of_subscript(self, node, scope):
        thing = self.type_of(node.value, scope)
        if isinstance(thing, Many):
            return thing if isinstance(node.slice, ast.Slice) else thing.of
        if isinstance(thing, Pars):
            return Thing("Par")
        if isinstance(thing, Op):
            family = next((of for of in self.api.chain(thing.kind) if of in FAMILIES), None)
            return {"DAT": Thing("Cell"), "CHOP": Thing("Channel")}.get(family)
        return None


def is_none(node):
    return isinstance(node, ast.Constant) and node.value is None


def join(kinds):
    """What several bindings have in common."""
    if not kinds or any(kind is None for kind in kinds):
        return None
    first = kinds[0]
    if all(kind == first for kind in kinds):
        return first
    if all(isinstance(kind, Op) for kind in kinds):
        return Op(first.kind if all(kind.kind == first.kind for kind in kinds) else "OP", None)
    return None
