"""What of a support module a question brings along: the functions that it names, and what those use.

Student code runs in the process that gets it, and could keep a piece that one question brings to answer another with
it. So no question brings a piece that it does not need; those that need the grader's own pieces are asked last.
"""

from __future__ import annotations

import ast
from collections.abc import Set as AbstractSet
from functools import lru_cache


@lru_cache(maxsize=256)
def needed(source: str, names: AbstractSet[str]) -> str:
    """``source`` without the top-level statements that ``names`` don't reach; lines keep their numbers.

    What binds no name, such as a call, stays. Source that can't be parsed stays whole: where it runs, that is told.
    """
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError):
        return source
    bound = [_bound(statement) for statement in statements]
    kept = {index for index, found in enumerate(bound) if not found}
    wanted = set(names)
    while True:
        reached = {name for index in kept for name in _used(statements[index])} | wanted
        more = {index for index, found in enumerate(bound) if found & reached} - kept
        if not more:
            break
        kept |= more
    lines = {number for index in kept for number in _lines(statements[index])}
    return "\n".join(text if number in lines else "" for number, text in enumerate(source.split("\n"), 1))


def _bound(statement: ast.stmt) -> set[str]:
    """Names that the statement binds, or whose values it changes; none where the text does not tell."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Import | ast.ImportFrom):
            if getattr(node, "module", None) == "__future__":
                continue
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            base: ast.expr = node
            while isinstance(base, ast.Attribute | ast.Subscript):
                base = base.value
            found |= {base.id} if isinstance(base, ast.Name) else set()
    return found if "*" not in found else set()


def _used(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _lines(statement: ast.stmt) -> range:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return range(first, (statement.end_lineno or statement.lineno) + 1)
