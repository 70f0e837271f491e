"""What a notebook's code says, read and never run: definitions, what a method reaches, forbidden uses, blanks left.

Nothing here raises for any source: a cell that does not parse is left out and named.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from grader.model import Cell, Submission
from grader.parsing import Code, parse, statements, targets
from grader.reach import Reached, Use, reach

__all__ = ["NO_NAMES", "Code", "Reached", "Use", "code_reached", "definitions", "forbidden_uses", "is_stub", "parse"]

NO_NAMES: Mapping[str, Sequence[str]] = {}


def definitions(submission: Submission) -> dict[str, tuple[int, ...]]:
    """Name -> cells that define it, in order, the last one counting; methods as ``Class.method``."""
    found: dict[str, list[int]] = {}
    for cell in parse(submission.cells).cells:
        for statement in statements(cell.body):
            for name in _defined(statement):
                found.setdefault(name, []).append(cell.index)
    return {name: tuple(cells) for name, cells in found.items()}


def code_reached(cells: Sequence[Cell], roots: Iterable[str], names: Mapping[str, Sequence[str]] = NO_NAMES) -> Reached:
    """What calling ``roots`` reaches through helpers, base classes, methods, aliases and methods attached later.

    Args:
        cells: of the submission.
        roots: ``"GMM._e_step"``, ``"GMM"`` (all of its methods) or ``"compute_bic"``.
        names: canonical name -> other names under which a solution may define it.
    """
    return reach(parse(tuple(cells)), roots, names)


def forbidden_uses(
    cells: Sequence[Cell],
    roots: Iterable[str],
    modules: Iterable[str],
    names: Mapping[str, Sequence[str]] = NO_NAMES,
) -> list[tuple[int, int, str]]:
    """Where code that ``roots`` reach uses one of ``modules``: (cell index, line number, line), in order.

    An import alone, or a comparison with the module elsewhere in the notebook, is no use. Arguments as in
    `code_reached`.
    """
    banned = tuple(modules)
    uses = code_reached(cells, roots, names).imports
    found = {
        (use.cell, use.line_no, use.line)
        for use in uses
        if any(use.target == module or use.target.startswith(f"{module}.") for module in banned)
    }
    return sorted(found)


def _defined(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield statement.name
    elif isinstance(statement, ast.ClassDef):
        yield statement.name
        for inner in statements(statement.body):
            for name in _defined(inner):
                yield f"{statement.name}.{name}"
    else:
        for target in targets(statement):
            dotted = _dotted(target)
            if dotted:
                yield dotted


def _dotted(target: ast.expr) -> str:
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id != "self":
        return f"{target.value.id}.{target.attr}"
    return ""


# --- blanks ---------------------------------------------------------------------------------

_EMPTY_MAKERS = {
    "zeros",
    "ones",
    "empty",
    "zeros_like",
    "ones_like",
    "empty_like",
    "full",
    "list",
    "dict",
    "array",
    "asarray",
}


def is_stub(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Is the body still the template's: nothing, or an empty array made and handed back?"""
    return all(_does_nothing(statement) for statement in statements(node.body))


def _does_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Import() | ast.ImportFrom() | ast.For() | ast.If() | ast.While() | ast.With() | ast.Try():
            return True  # what stands inside is looked at on its own
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
        case ast.Return(value=None):
            return True
        case ast.Return(value=value) | ast.Assign(value=value) | ast.AnnAssign(value=value):
            return value is None or _is_empty(value)
    return False


def _is_empty(value: ast.expr) -> bool:
    """A constant, a shape, a name, or an array of nothing."""
    match value:
        case ast.Constant() | ast.Name():
            return True
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.Tuple(elts=elements):
            return all(isinstance(e, (ast.Constant, ast.Name)) for e in elements)
        case ast.Attribute(attr="shape" | "n_components") | ast.Subscript(value=ast.Attribute(attr="shape")):
            return True
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
            return name in _EMPTY_MAKERS or name == "len"
    return False
