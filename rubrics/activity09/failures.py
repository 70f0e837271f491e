"""Which cells stopped, and which of them only because an earlier one did. Pure."""

from __future__ import annotations

import re

from grader.model import CellRun, CellStatus, Recording, Submission
from grader.text import brief

STOPPED = (CellStatus.ERROR, CellStatus.TIMEOUT, CellStatus.DIED)
_DEFINED = re.compile(
    r"^[ \t]*+(?:async[ \t]+def|def|class)[ \t]+(\w++)"
    r"|^[ \t]*+(\w++)(?:[ \t]*+,[ \t]*+\w++)*+[ \t]*+(?::[^=\n]++)?=(?!=)",
    re.MULTILINE,
)
_NAMES = re.compile(r"^[ \t]*+(\w++(?:[ \t]*+,[ \t]*+\w++)++)[ \t]*+=(?!=)", re.MULTILINE)
_IMPORTED = re.compile(r"^[ \t]*+(?:from[ \t]++[\w.]++[ \t]++)?import[ \t]++(.+)$", re.MULTILINE)
_MISSING = re.compile(r"name '(\w+)' is not defined")


def source_of(submission: Submission, index: int) -> str:
    """What stands in the cell with this index, or nothing."""
    return next((cell.source for cell in submission.cells if cell.index == index), "")


def assigned_in(source: str) -> set[str]:
    """Names that the code of a cell would define, found by its text: the cell may not even parse."""
    found = {name for pair in _DEFINED.findall(source) for name in pair if name}
    for names in _NAMES.findall(source):
        found |= {name.strip() for name in names.split(",")}
    for names in _IMPORTED.findall(source):
        found |= {part.split()[-1].split(".")[0] for part in names.split(",") if part.split()}
    return found


def stopped(recording: Recording) -> list[CellRun]:
    """Cells that did not run to their end and whose fault it is not the machine's, in order."""
    return [run for run in recording.cells if run.status in STOPPED and not run.environment]


def causes_of(submission: Submission, recording: Recording) -> dict[int, CellRun]:
    """For each cell, by index, the earlier one because of which it stopped, or itself.

    A cell that misses a name falls with the last earlier cell that would have defined it and didn't run; that may
    be one that the machine, not the student, is to blame for. Cells that trip over the same line of a function fall
    with the first of them: it is one mistake, however often the function is called.
    """
    sources = {cell.index: cell.source for cell in submission.cells}
    lost: dict[str, CellRun] = {}
    causes: dict[int, CellRun] = {}
    for run in sorted(recording.cells, key=lambda one: one.index):
        missing = _MISSING.search(run.error.message) if run.error and run.error.type == "NameError" else None
        before = lost.get(missing.group(1)) if missing else None
        causes[run.index] = run if before is None else causes[before.index]
        if run.status in STOPPED or run.status is CellStatus.SKIPPED:
            lost |= dict.fromkeys(assigned_in(sources.get(run.index, "")), run)
    first = firsts_in_line(recording)
    return {index: first.get(cause.index, cause) for index, cause in causes.items()}


def firsts_in_line(recording: Recording) -> dict[int, CellRun]:
    """For each cell that stopped, by index, the first that stopped in the same line of a function, or itself."""
    firsts: dict[tuple[str, int, int], CellRun] = {}
    return {
        run.index: run if (place := _place(run)) is None else firsts.setdefault(place, run)
        for run in stopped(recording)
    }


def _place(run: CellRun) -> tuple[str, int, int] | None:
    error = run.error
    if error is None or error.cell is None or error.line_no is None:
        return None
    return error.type, error.cell, error.line_no


def told(run: CellRun) -> str:
    """The cell and how it ended, in a few words."""
    if run.status is CellStatus.TIMEOUT:
        return f"Cell {run.index} was stopped after {run.seconds:.0f} s"
    if run.status is CellStatus.DIED:
        return f"Cell {run.index} ended the whole process"
    if run.error is None:
        return f"Cell {run.index} stops"
    elsewhere = f"cell {run.error.cell}, " if run.error.cell not in (None, run.index) else ""
    line = f" ({elsewhere}line {run.error.line_no}: `{run.error.line.strip()[:60]}`)" if run.error.line_no else ""
    return f"Cell {run.index} stops with {run.error.type}: {brief(run.error.message, 120)}{line}"
