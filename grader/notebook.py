"""Any notebook file as a `Submission`: read, repaired, or told in the student's words why it can't be.

The cells are taken from the JSON by hand, format 1 to 4, instead of by ``nbformat.read``: that one raises on the first
field of a wrong type, and a student whose tool wrote one has still done the work. A test holds both to the same cells.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grader import scripts
from grader.model import Cell, CellKind, Problem, Submission
from grader.repair import DOWNLOAD, MAX_BYTES, BrokenError, broken, decode, parse, slim
from grader.sniff import IPYNB_ONLY, check_content, check_language, check_script, check_text
from grader.text import clean

MAX_CELLS = 5000
MAX_NAME = 200
SCRIPT_SUFFIXES = (".py",)


def read(path: Path, *, id: str, shown_path: str | None = None, student: str = "") -> Submission:  # noqa: A002
    """Read the file at ``path``. Never raises: what can't be read has one fatal problem and no cells.

    Args:
        path: a notebook or a script, by its suffix.
        id: the submission's id, safe for a file name.
        shown_path: path below the given folder, for reports; the file's name by default.
        student: who handed it in; where empty, the notebook's own metadata is asked.
    """
    shown = path.name if shown_path is None else shown_path
    try:
        data = _bytes(path)
    except BrokenError as error:
        return unreadable(error.problem, id=id, shown_path=shown, student=student)
    return from_bytes(data, id=id, shown_path=shown, student=student)


def from_bytes(data: bytes, *, id: str, shown_path: str, student: str = "") -> Submission:  # noqa: A002
    """The submission in ``data``; ``shown_path`` tells notebook from script by its suffix. Never raises."""
    digest = hashlib.sha256(data).hexdigest()
    try:
        check_content(data)
        if shown_path.lower().endswith(SCRIPT_SUFFIXES):
            cells, problems = _read_script(data)
            author, images = "", 0
        else:
            cells, problems, author, images = _read_notebook(data)
        _check_cells(cells)
    except BrokenError as error:
        return unreadable(error.problem, id=id, shown_path=shown_path, student=student, sha256=digest)
    return Submission(
        id=id,
        path=clean(shown_path),
        sha256=digest,
        student=clean(student or author, MAX_NAME),
        cells=cells,
        problems=problems,
        saved_images=images,
    )


def unreadable(
    problem: Problem,
    *,
    id: str,  # noqa: A002
    shown_path: str,
    student: str = "",
    sha256: str = "",
) -> Submission:
    """The submission of a file of which nothing can be graded."""
    return Submission(
        id=id, path=clean(shown_path), sha256=sha256, student=clean(student, MAX_NAME), problems=(problem,)
    )


def _bytes(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited on, a device read for ever
            raise broken("unreadable", "This is not a file that can be read (a folder, a pipe or a device).")
        if status.st_size > MAX_BYTES:
            raise _too_large()
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise broken(
            "unreadable",
            f"The file could not be opened: {clean(reason, 200)}.",
            "Ask whoever runs the grader: the file is there, but it may not be read.",
        ) from None
    if len(data) > MAX_BYTES:
        raise _too_large()
    return data


def _too_large() -> BrokenError:
    return broken(
        "too_large",
        f"The file is bigger than {MAX_BYTES >> 20} MB.",
        "Clear the outputs (Edit > Clear all outputs), keep data out of the cells, save, and hand it in again.",
    )


# --- scripts --------------------------------------------------------------------------------


def _read_script(data: bytes) -> tuple[tuple[Cell, ...], tuple[Problem, ...]]:
    text, problems = decode(data, script=True)
    text = _source(text)
    check_script(text)
    pieces = scripts.split(text)
    return tuple(Cell(i, kind, source) for i, (kind, source) in enumerate(pieces, 1)), problems


# --- notebooks ------------------------------------------------------------------------------


def _read_notebook(data: bytes) -> tuple[tuple[Cell, ...], tuple[Problem, ...], str, int]:
    small, dropped = slim(data)
    text, problems = decode(small)
    text = text.lstrip("\ufeff")
    check_text(text)
    tree, images, repairs = parse(text)
    problems += repairs
    raw = _raw_cells(tree)
    metadata = _dict(tree.get("metadata"))
    check_language(metadata)
    if len(raw) > MAX_CELLS:
        raise broken("too_large", f"The notebook has {len(raw)} cells; {MAX_CELLS} can be read.")
    cells = tuple(_cell(i, cell) for i, cell in enumerate(raw, 1))
    strange = [i for i, cell in enumerate(raw, 1) if not isinstance(cell, dict)]
    if strange:
        problems += (_strange_cells(strange),)
    return cells, problems, _author(metadata), images + dropped


def _strange_cells(indices: list[int]) -> Problem:
    shown = ", ".join(str(i) for i in indices[:5])
    return Problem(
        id="bad_cell",
        message=f"{len(indices)} of the cells can't be read and were left out (cell {shown}).",
        hint=DOWNLOAD,
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _raw_cells(tree: Any) -> list[Any]:
    """The list of cells: at the top in format 4 and 1, in worksheets in format 2 and 3."""
    if not isinstance(tree, dict):
        raise broken("not_a_notebook", "The file is JSON, but not a notebook.", IPYNB_ONLY)
    found: list[Any] = []
    if isinstance(tree.get("cells"), list):
        found = tree["cells"]
    elif isinstance(tree.get("worksheets"), list):
        for sheet in tree["worksheets"]:
            cells = _dict(sheet).get("cells")
            found.extend(cells if isinstance(cells, list) else [])
    elif "nbformat" not in tree and not {"cells", "worksheets"} & tree.keys():
        raise broken("not_a_notebook", "The file is JSON, but not a notebook: it has no cells.", IPYNB_ONLY)
    return found


def _cell(index: int, raw: Any) -> Cell:
    cell = _dict(raw)
    kind, prefix = _cell_kind(cell)
    # "input" in format 2 and 3, "code" and "text" in format 1
    fields: tuple[str, ...] = ("source", "input", "code") if kind is CellKind.CODE else ("source", "text", "rendered")
    source = next((cell[field] for field in fields if cell.get(field) is not None), "")
    return Cell(index, kind, prefix + _joined(source))


def _cell_kind(cell: dict[str, Any]) -> tuple[CellKind, str]:
    name = cell.get("cell_type")
    if name == "heading":
        level = cell.get("level")
        return CellKind.MARKDOWN, "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1) + " "
    if name in ("markdown", "text", "html"):
        return CellKind.MARKDOWN, ""
    if name == "code" or (name is None and {"outputs", "execution_count", "input", "code"} & cell.keys()):
        return CellKind.CODE, ""
    return CellKind.RAW, ""


def _joined(source: Any) -> str:
    """A cell's text from a string or a list of lines; anything else in it is left out."""
    if isinstance(source, str):
        return _source(source)
    if not isinstance(source, list):
        return ""
    lines = [line for line in source if isinstance(line, str)]
    # Lines end in newlines here. Where none does, a tool split the text and dropped them.
    split = len(lines) > 1 and not any("\n" in line for line in lines)
    return _source(("\n" if split else "").join(lines))


def _source(text: str) -> str:
    return clean(text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff"))


def _author(metadata: dict[str, Any]) -> str:
    """Who the notebook's own metadata says wrote it."""
    return next((name for name in _authors(metadata)), "")


def _authors(metadata: dict[str, Any]) -> Iterator[str]:
    for key in ("authors", "author"):
        value = metadata.get(key)
        for entry in value if isinstance(value, list) else [value]:
            name = entry.get("name") if isinstance(entry, dict) else entry
            if isinstance(name, str) and name.strip():
                yield " ".join(clean(name).split())


def _check_cells(cells: tuple[Cell, ...]) -> None:
    if any(cell.kind is CellKind.CODE and cell.source.strip() for cell in cells):
        return
    what = "no cells" if not cells else "no code: all of its cells are text or empty"
    raise broken("no_code", f"The notebook has {what}.", "Check that you handed in the right file. " + DOWNLOAD)
