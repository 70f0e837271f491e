"""The names of a notebook's module scope: every binding in order, and classes with what is attached to them later."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from grader.parsing import Code, ParsedCell, statements, targets

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, eq=False)
class Binding:
    """One thing that a name stood for: a function, a class, an import or the value of an expression."""

    name: str
    order: int
    cell: ParsedCell
    node: ast.AST
    path: str = ""
    """Dotted path, for an import."""
    previous: Binding | None = None
    """What a method was before the notebook put this in its place."""


@dataclass(eq=False)
class Class:
    """A class statement and what the notebook hangs on it afterwards."""

    binding: Binding
    node: ast.ClassDef
    members: dict[str, Binding] = field(default_factory=dict)
    values: dict[str, list[Binding]] = field(default_factory=dict)
    """Attribute -> expressions that its methods assign to it on ``self``."""


class Table:
    """Module-level bindings of all cells."""

    def __init__(self, code: Code) -> None:
        self.versions: dict[str, list[Binding]] = {}
        self.classes: dict[Binding, Class] = {}
        self.stars: list[tuple[str, ParsedCell]] = []
        self._count = 0
        for cell in code.cells:
            for statement in statements(cell.body):
                self._add(statement, cell)

    def lookup(self, name: str, before: int | None = None) -> Binding | None:
        """The last binding of ``name``, or the last one made before another."""
        versions = self.versions.get(name, [])
        at = len(versions) if before is None else bisect_left(versions, before, key=lambda one: one.order)
        return versions[at - 1] if at else None

    def class_of(self, binding: Binding | None) -> Class | None:
        """The class that a binding leads to, through plain aliases such as ``GMM = BetterGMM``."""
        for _ in range(20):
            if binding is None:
                return None
            if binding in self.classes:
                return self.classes[binding]
            if not isinstance(binding.node, ast.Name):
                return None
            same = binding.node.id == binding.name
            binding = self.lookup(binding.node.id, binding.order if same else None)
        return None

    def _bind(self, name: str, cell: ParsedCell, node: ast.AST, path: str = "") -> Binding:
        self._count += 1
        binding = Binding(name, self._count, cell, node, path)
        self.versions.setdefault(name, []).append(binding)
        return binding

    def _add(self, statement: ast.stmt, cell: ParsedCell) -> None:
        match statement:
            case ast.ClassDef():
                binding = self._bind(statement.name, cell, statement)
                self.classes[binding] = _class(binding, statement, cell)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._bind(statement.name, cell, statement)
                self._attach_by_decorator(statement, cell)
            case ast.Import() | ast.ImportFrom():
                for name, path in imported(statement):
                    if name == "*":
                        self.stars.append((path, cell))
                    else:
                        self._bind(name, cell, statement, path)
            case ast.Expr(
                value=ast.Call(func=ast.Name(id="setattr"), args=[owner, ast.Constant(value=str(name)), value])
            ):
                self._attach(owner, name, cell, value)
            case _:
                self._assign(statement, cell)
        for node in ast.walk(statement) if isinstance(statement, (ast.Expr, ast.Assign, ast.If, ast.While)) else ():
            if isinstance(node, ast.NamedExpr):
                self._bind(node.target.id, cell, node.value)

    def _assign(self, statement: ast.stmt, cell: ParsedCell) -> None:
        value = assigned(statement)
        if value is None:
            return
        found = targets(statement)
        each = value.elts if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(found) > 1 else None
        for i, target in enumerate(found):
            part = each[i] if each else value
            if isinstance(target, ast.Name):
                self._bind(target.id, cell, part)
            elif isinstance(target, ast.Attribute):
                self._attach(target.value, target.attr, cell, part)

    def _attach(self, owner: ast.expr, name: str, cell: ParsedCell, node: ast.AST) -> None:
        """``GMM.sample = sample``."""
        known = self.class_of(self.lookup(owner.id)) if isinstance(owner, ast.Name) else None
        if known is not None:
            self._count += 1
            known.members[name] = Binding(name, self._count, cell, node, previous=known.members.get(name))

    def _attach_by_decorator(self, function: ast.FunctionDef | ast.AsyncFunctionDef, cell: ParsedCell) -> None:
        """``@patch_to(GMM)`` above a function, as notebook tools write it."""
        for decorator in function.decorator_list:
            if isinstance(decorator, ast.Call):
                for argument in decorator.args:
                    self._attach(argument, function.name, cell, function)


def assigned(statement: ast.stmt) -> ast.expr | None:
    """The value whose parts a statement binds."""
    match statement:
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.AugAssign(value=value):
            return value
        case ast.For(iter=value) | ast.AsyncFor(iter=value):
            return value
        case ast.With(items=[item, *_]) | ast.AsyncWith(items=[item, *_]):
            return item.context_expr
    return None


def imported(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """(bound name, dotted path) of each name; ``("*", module)`` for a star."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            first = alias.name.split(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (first, first)
    elif statement.module and not statement.level:
        for alias in statement.names:
            path = statement.module if alias.name == "*" else f"{statement.module}.{alias.name}"
            yield alias.asname or alias.name, path


def _class(binding: Binding, node: ast.ClassDef, cell: ParsedCell) -> Class:
    made = Class(binding, node)
    for statement in statements(node.body):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            made.members[statement.name] = Binding(statement.name, binding.order, cell, statement)
            for name, value in _set_on_self(statement):
                made.values.setdefault(name, []).append(Binding(name, binding.order, cell, value))
        assigned_value = assigned(statement)
        for target in targets(statement) if assigned_value is not None else ():
            if isinstance(target, ast.Name) and assigned_value is not None:
                made.members[target.id] = Binding(target.id, binding.order, cell, assigned_value)
    return made


def _set_on_self(method: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, ast.expr]]:
    me = first_parameter(method)
    for statement in _all_statements(method.body):
        value = assigned(statement)
        for target in targets(statement) if value is not None else ():
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == me:
                yield target.attr, value  # type: ignore[misc]


def _all_statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    return (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.stmt))


def first_parameter(function: Function) -> str:
    """What a method calls its own object."""
    parameters = [*function.args.posonlyargs, *function.args.args]
    return parameters[0].arg if parameters else ""
