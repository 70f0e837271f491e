"""A notebook's code cells as syntax trees, IPython's own syntax neutralised. Never raises."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from grader.model import Cell, CellKind

MAX_SOURCE = 400_000
"""Characters of a cell that are parsed; a longer one holds data, not code."""
MAX_TOTAL = 4_000_000
"""Characters of a notebook that are parsed."""


@dataclass(frozen=True)
class ParsedCell:
    """A code cell's statements, with the lines as the student wrote them."""

    index: int
    body: tuple[ast.stmt, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """The code cells of a notebook."""

    cells: tuple[ParsedCell, ...]
    unparsed: tuple[int, ...]
    """Cells that are not Python, by index."""


_PYTHON_MAGICS = r"(?:time|timeit|prun|capture|memit|mprun|lprun|debug|px|notify)"
_CELL_MAGIC = re.compile(rf"^\s*%%{_PYTHON_MAGICS}\b.*$")
_TIMED = re.compile(r"^(\s*)%(?:time|timeit|prun|memit)\s+(?:-\w+\s*\d*\s+)*(?=\S)(.*)$")
_LINE_MAGIC = re.compile(r"^(\s*)(?:%{1,2}[A-Za-z_]|!|\?).*$|^(\s*)[\w.%]+\?{1,2}\s*$")
_ASSIGNED_MAGIC = re.compile(r"^(\s*[\w.,\s]+=\s*)(?:%[A-Za-z_]|!).*$")


def parse(cells: Sequence[Cell]) -> Code:
    """The code cells as syntax trees, IPython's own syntax neutralised line by line."""
    return _parse(tuple(cell for cell in cells if cell.kind is CellKind.CODE and cell.source.strip()))


@lru_cache(maxsize=8)
def _parse(cells: tuple[Cell, ...]) -> Code:
    parsed: list[ParsedCell] = []
    unparsed: list[int] = []
    total = 0
    for cell in cells:
        total += len(cell.source)
        body = _body(cell.source) if total <= MAX_TOTAL else None
        if body is None:
            unparsed.append(cell.index)
        else:
            parsed.append(ParsedCell(cell.index, tuple(body), tuple(cell.source.split("\n"))))
    return Code(tuple(parsed), tuple(unparsed))


def _body(source: str) -> list[ast.stmt] | None:
    """The statements of a cell; None where it is not Python."""
    if len(source) > MAX_SOURCE:
        return None
    first = source.lstrip().split("\n", 1)[0]
    if first.startswith("%%") and not _CELL_MAGIC.match(first):
        return []  # another language, or a file to write
    for text in (source, _neutral(source), textwrap.dedent(_neutral(source))):
        body = _parsed(text)
        if body is not None:
            return body
    return None


def _parsed(text: str) -> list[ast.stmt] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\\d" in a student's string is not our warning
            return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None


def _neutral(source: str) -> str:
    """The same lines with magics, shell lines and help requests replaced by statements that do nothing."""
    lines = source.split("\n")
    if any(line.startswith(">>> ") for line in lines[:3]):  # pasted from a console
        lines = [line[4:] if line.startswith((">>> ", "... ")) else "" for line in lines]
    neutral: list[str] = []
    continued = False
    for line in lines:
        text, magic = ("", True) if continued else _neutral_line(line)
        neutral.append(text)
        continued = magic and line.endswith("\\")
    return "\n".join(neutral)


def _neutral_line(line: str) -> tuple[str, bool]:
    if _CELL_MAGIC.match(line):
        return "", False
    timed = _TIMED.match(line)
    if timed:
        return timed[1] + timed[2], False
    magic = _LINE_MAGIC.match(line)
    if magic:
        return (magic[1] or magic[2] or "") + "pass", True
    assigned = _ASSIGNED_MAGIC.match(line)
    return (assigned[1] + "None", True) if assigned else (line, False)


# --- statements -----------------------------------------------------------------------------


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements that run in the scope of ``body``: also in ``if``, loops and ``try``; not in definitions."""
    stack = list(body)[::-1]
    while stack:
        statement = stack.pop()
        yield statement
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            nested: list[ast.stmt] = []
            for child in ast.iter_child_nodes(statement):
                if isinstance(child, ast.stmt):
                    nested.append(child)
                elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
                    nested += child.body
            stack += nested[::-1]


def targets(statement: ast.stmt) -> list[ast.expr]:
    """What a statement assigns to, tuples taken apart."""
    found: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        found = list(statement.targets)
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor)):
        found = [statement.target]
    elif isinstance(statement, (ast.With, ast.AsyncWith)):
        found = [item.optional_vars for item in statement.items if item.optional_vars]
    flat: list[ast.expr] = []
    while found:
        target = found.pop(0)
        if isinstance(target, (ast.Tuple, ast.List)):
            found = list(target.elts) + found
        else:
            flat.append(target.value if isinstance(target, ast.Starred) else target)
    return flat
