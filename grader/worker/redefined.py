"""A function whose name the notebook used again for what it returned: ``total = total(points)``."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from typing import Any

from grader.worker.blame import cell_of

_MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)


def last_definition(namespace: MutableMapping[str, Any], names: Iterable[str]) -> tuple[Any, str] | None:
    """The last function that a cell defines under one of ``names`` which now stands for something else.

    The definition is run again in the notebook's namespace, which is left as it was.
    """
    reused = {name for name in names if name in namespace}
    if not reused or type(namespace) is not dict:
        return None
    cells = [file for file in list(linecache.cache) if cell_of(file) is not None]
    for file in sorted(cells, key=lambda file: cell_of(file) or 0, reverse=True):
        for node in reversed(_statements(file)):
            if isinstance(node, ast.FunctionDef) and node.name in reused:
                with suppress(Exception):  # a decorator or default may raise anything
                    return _run_again(namespace, node, file), node.name
    return None


def _statements(file: str) -> list[ast.stmt]:
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.parse(_MAGIC.sub(r"\1pass", "".join(linecache.getlines(file)))).body
    return []


def _run_again(namespace: dict[str, Any], node: ast.FunctionDef, file: str) -> Any:
    kept = namespace[node.name]
    try:
        exec(compile(ast.Module([node], []), file, "exec", dont_inherit=True), namespace)  # noqa: S102  the student's own
        return namespace[node.name]
    finally:
        namespace[node.name] = kept
