"""Which of a notebook's definitions and imports run when some of its functions are called.

A reading of the text that leans towards the student: what can't be resolved is not reached.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from grader.parsing import Code, ParsedCell
from grader.symbols import Binding, Class, Table, first_parameter, imported

_MAX_UNITS = 5000
_MAX_LOOKUPS = 200_000
_MAX_BASES = 30
"""Enough for any notebook; a hostile one is read as far as that."""
_IMPORTERS = {"import_module", "__import__"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_MADE_BY_CONSTRUCTION = ("__init__", "__new__", "__post_init__", "__call__", "__getattr__")


@dataclass(frozen=True)
class Use:
    """A place where code refers to something imported."""

    cell: int
    line_no: int
    line: str
    target: str
    """Dotted path of what is referred to, such as ``sklearn.mixture.GaussianMixture``."""


@dataclass(frozen=True)
class Reached:
    """What runs when the roots are called, as far as the text tells."""

    definitions: tuple[str, ...]
    """The notebook's own: ``GMM._e_step``, ``helper``."""
    imports: tuple[Use, ...]


def reach(code: Code, roots: Iterable[str], names: Mapping[str, Sequence[str]]) -> Reached:
    """See `grader.source.code_reached`."""
    search = _Search(Table(code), names)
    for root in roots:
        search.start(root)
    search.run()
    ordered = sorted(search.uses, key=lambda use: (use.cell, use.line_no, use.target))
    return Reached(tuple(sorted(search.reached)), tuple(ordered))


@dataclass(frozen=True, eq=False)
class _Unit:
    """A piece of code to read: a function's body or an expression, and the class whose object ``self`` is."""

    node: ast.AST
    cell: ParsedCell
    owner: Class | None
    order: int | None = None
    """An expression sees itself replaced: ``fit = timed(fit)`` means the earlier one."""
    name: str = ""


@dataclass
class _Scope:
    """Names of a function that hide the module's."""

    local: set[str] = field(default_factory=set)
    paths: dict[str, str] = field(default_factory=dict)
    me: str = ""


class _Search:
    def __init__(self, table: Table, names: Mapping[str, Sequence[str]]) -> None:
        self.table = table
        self.names = names
        self.reached: set[str] = set()
        self.uses: set[Use] = set()
        self._queue: list[_Unit] = []
        self._seen: set[tuple[int, int]] = set()
        self._classes: set[Class] = set()
        self._touched: set[str] = set()
        self._lines: dict[Class, tuple[Class, ...]] = {}
        self._lookups = 0

    # --- roots

    def start(self, root: str) -> None:
        first, _, rest = root.partition(".")
        owner = next(filter(None, (self.table.class_of(self.table.lookup(name)) for name in self._also(first))), None)
        if owner is None or self._imported(first):
            self._start_at_name(first)
        elif rest:
            members = [name for name in self._also(rest) if self._find(owner, name)]
            self._member(owner, members[0] if members else rest, owner, called=True)
        else:
            for name in list(owner.members):
                self._member(owner, name, owner, called=False)

    def _also(self, name: str) -> list[str]:
        return [name, *self.names.get(name, ())]

    def _imported(self, name: str) -> bool:
        binding = self.table.lookup(name)
        return binding is not None and bool(binding.path)

    def _start_at_name(self, name: str) -> None:
        """A function, or a name under which the notebook imports the work itself."""
        if self._imported(name):
            self._refer(name, _Scope(), _Unit(ast.Pass(), self.table.versions[name][-1].cell, None), self._node(name))
            return
        for other in self._also(name):
            binding = self.table.lookup(other)
            if binding is not None and not binding.path:
                self._bound(binding)
                return

    def _node(self, name: str) -> ast.AST:
        return self.table.versions[name][-1].node

    # --- the work list

    def run(self) -> None:
        while True:
            while self._queue and len(self._seen) < _MAX_UNITS:
                self._read(self._queue.pop())
            if len(self._seen) >= _MAX_UNITS or not self._construct():
                return

    def _construct(self) -> bool:
        """Queue what objects of the classes that were named may run: construction, and methods called by name."""
        for known, name in product(list(self._classes), (*_MADE_BY_CONSTRUCTION, *self._touched)):
            self._lookups += 1
            if self._lookups >= _MAX_LOOKUPS:
                break
            if self._find(known, name):
                self._member(known, name, known, called=True)
        return bool(self._queue)

    def _push(self, unit: _Unit) -> None:
        key = (id(unit.node), id(unit.owner))
        if key not in self._seen:
            self._seen.add(key)
            self._queue.append(unit)

    def _bound(self, binding: Binding) -> None:
        known = self.table.class_of(binding)
        if known is not None:
            self._reach_class(known)
        elif not binding.path:
            self.reached.add(binding.name)
            self._push(_Unit(binding.node, binding.cell, None, binding.order, binding.name))

    def _reach_class(self, known: Class) -> None:
        if known in self._classes:
            return
        self._classes.add(known)
        self.reached.add(known.binding.name)
        for base in known.node.bases:
            self._push(_Unit(base, known.binding.cell, None, known.binding.order, known.binding.name))

    # --- members

    def _bases(self, known: Class) -> tuple[Class, ...]:
        """The class and the notebook's classes that it inherits from."""
        if known not in self._lines:
            stack, found = [known], dict[Class, None]()
            while stack and len(found) < _MAX_BASES:
                one = stack.pop(0)
                if one in found:
                    continue
                found[one] = None
                for base in one.node.bases[:_MAX_BASES]:
                    if isinstance(base, ast.Name):
                        before = one.binding.order if base.id == one.binding.name else None
                        parent = self.table.class_of(self.table.lookup(base.id, before))
                        stack += [parent] if parent else []
            self._lines[known] = tuple(found)
        return self._lines[known]

    def _find(self, known: Class, name: str) -> tuple[Class, Binding] | None:
        return next(((one, one.members[name]) for one in self._bases(known) if name in one.members), None)

    def _member(self, known: Class, name: str, owner: Class, *, called: bool) -> None:
        """Queue the method or attribute ``name``, looked up from ``known``, with ``self`` an ``owner``."""
        found = self._find(known, name)
        if found is not None:
            where, binding = found
            self.reached.add(f"{where.binding.name}.{name}")
            self._method(binding, owner)
            return
        values = [value for one in self._bases(known) for value in one.values.get(name, ())]
        for value in values:
            self._push(_Unit(value.node, value.cell, owner))
        if called and not values:
            if self._find(known, "__getattr__") and name != "__getattr__":
                self._member(known, "__getattr__", owner, called=True)
            self._inherit(known)

    def _method(self, binding: Binding, owner: Class) -> None:
        """Queue what a member is: ``GMM.sample = sample`` makes a function a method."""
        version: Binding | None = binding
        while version is not None and len(self._seen) < _MAX_UNITS:
            node = version.node
            if isinstance(node, ast.Name):
                plain = self.table.lookup(node.id, version.order)
                if plain is not None and isinstance(plain.node, _FUNCTIONS):
                    self.reached.add(plain.name)
                    self._push(_Unit(plain.node, plain.cell, owner, plain.order, plain.name))
                    return
            self._push(_Unit(node, version.cell, owner, version.order, version.name))
            # `GMM.fit = timed(GMM.fit)` calls what was there before.
            before = not isinstance(node, _FUNCTIONS) and _mentions(node, version.name)
            version = version.previous if before else None

    def _inherit(self, known: Class) -> None:
        """A method that none of the notebook's classes has comes from an imported base."""
        for one in self._bases(known):
            for base in one.node.bases:
                self._push(_Unit(base, one.binding.cell, None, one.binding.order, one.binding.name))

    # --- reading

    def _read(self, unit: _Unit) -> None:
        scope = _scope(unit.node)
        if unit.owner is not None and isinstance(unit.node, _FUNCTIONS) and not _is_static(unit.node):
            scope.me = first_parameter(unit.node)
        elif unit.owner is not None:
            scope.me = "self"
        stack: list[ast.AST] = _run_parts(unit.node) if isinstance(unit.node, _FUNCTIONS) else [unit.node]
        while stack:
            node = stack.pop()
            if isinstance(node, (ast.Call, ast.Subscript)):
                self._named_in_text(node, unit)
            if isinstance(node, ast.Attribute):
                stack += self._attribute(node, scope, unit, called=False)
            elif isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Load):
                    self._refer(node.id, scope, unit, node)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                stack += self._attribute(node.func, scope, unit, called=True)
                stack += [*node.args, *node.keywords]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
                stack += node.args[:1]  # to ask what something is does no work
            else:
                stack += _run_parts(node)

    def _attribute(self, node: ast.Attribute, scope: _Scope, unit: _Unit, *, called: bool) -> list[ast.AST]:
        """Follow ``a.b.c``; what is left to read of it."""
        trail: list[str] = []
        base: ast.expr = node
        while isinstance(base, ast.Attribute):
            trail.append(base.attr)
            base = base.value
        trail.reverse()
        self._touched.update(trail)
        if isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id == "super" and unit.owner:
            self._super(unit, trail[0])
            return list(base.args)
        if not isinstance(base, ast.Name):
            return [base]
        if unit.owner is not None and base.id in {scope.me, "cls"} and scope.me:
            self._member(unit.owner, trail[0], unit.owner, called=called and len(trail) == 1)
            return []
        known = None if base.id in scope.local else self.table.class_of(self.table.lookup(base.id))
        if known is not None:
            self._member(known, trail[0], unit.owner or known, called=called and len(trail) == 1)
            if trail[0] in known.members:
                return []
        self._refer(base.id, scope, unit, node, ".".join(trail))
        return []

    def _super(self, unit: _Unit, name: str) -> None:
        """Where ``super()`` leads can't be told from the text alone: every base may be meant."""
        assert unit.owner is not None  # noqa: S101  for the type checker; the caller has looked
        parents = list(self._bases(unit.owner))[1:]
        for parent in parents:
            if name in parent.members:
                self._member(parent, name, unit.owner, called=True)
        if not any(name in parent.members for parent in parents) and name != "__init__":
            self._inherit(unit.owner)

    def _refer(self, name: str, scope: _Scope, unit: _Unit, node: ast.AST, trail: str = "") -> None:
        dotted = f".{trail}" if trail else ""
        if name in scope.paths:
            self._use(scope.paths[name] + dotted, unit.cell, node)
        elif name not in scope.local:
            binding = self.table.lookup(name, unit.order if name == unit.name else None)
            if binding is None:
                self._star(name, unit.cell, node)
            elif binding.path:
                self._use(binding.path + dotted, unit.cell, node)
            else:
                self._bound(binding)

    def _star(self, name: str, cell: ParsedCell, node: ast.AST) -> None:
        """A name that nothing defines came with ``from module import *``; among several, only classes are told."""
        if not hasattr(builtins, name) and (len(self.table.stars) == 1 or name[:1].isupper()):
            for path, _ in self.table.stars:
                self._use(f"{path}.{name}", cell, node)

    def _named_in_text(self, node: ast.Call | ast.Subscript, unit: _Unit) -> None:
        """``import_module("x")``, ``__import__("x")`` and ``sys.modules["x"]``."""
        text: ast.AST | None = None
        if isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            text = node.args[0] if called in _IMPORTERS else None
            if called == "getattr" and len(node.args) > 1 and isinstance(node.args[0], ast.Name):
                self._got(node.args[0].id, node.args[1], unit, node)
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "modules":
            text = node.slice
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            self._use(text.value, unit.cell, node)

    def _got(self, name: str, attribute: ast.expr, unit: _Unit, node: ast.AST) -> None:
        binding = self.table.lookup(name)
        if isinstance(attribute, ast.Constant) and isinstance(attribute.value, str):
            self._touched.add(attribute.value)
            if binding is not None and binding.path:
                self._use(f"{binding.path}.{attribute.value}", unit.cell, node)

    def _use(self, target: str, cell: ParsedCell, node: ast.AST) -> None:
        line_no = getattr(node, "lineno", 1)
        line = cell.lines[line_no - 1] if 0 < line_no <= len(cell.lines) else ""
        self.uses.add(Use(cell.index, line_no, line, target))


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(one, ast.Attribute) and one.attr == name for one in ast.walk(node))


def _is_static(function: ast.AST) -> bool:
    decorators = getattr(function, "decorator_list", [])
    return any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in decorators)


def _run_parts(node: ast.AST) -> list[ast.AST]:
    """The children of ``node`` that run: annotations don't."""
    parts: list[ast.AST] = []
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "type_params"}:
            continue
        parts += [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, ast.AST)]
    return parts


def _scope(node: ast.AST) -> _Scope:
    """What a function, with the functions inside it, binds for itself."""
    scope = _Scope()
    inside = isinstance(node, _FUNCTIONS)
    elsewhere: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.arg):
            scope.local.add(one.arg)
        elif isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            scope.local.add(one.id)
        elif isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and one is not node:
            scope.local.add(one.name)
        elif isinstance(one, (ast.Import, ast.ImportFrom)) and inside:
            scope.paths |= dict(imported(one))
        elif isinstance(one, (ast.Global, ast.Nonlocal)):
            elsewhere.update(one.names)
    scope.local -= elsewhere
    return scope
