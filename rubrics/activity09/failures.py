"""Which cells stopped, and which of them only because an earlier one did. Pure."""

from __future__ import annotations

import re

from grader.model import CellRun, CellStatus, Recording, Submission
from grader.text import brief

STOPPED = (CellStatus.ERROR, CellStatus.TIMEOUT, CellStatus.DIED)
_DEFINED = re.compile(
    r"^\s*(?:async\s+def|def|class)\s+(\w+)|^\s*(\w+)(?:\s*,\s*\w+)*\s*(?::[^=]+)?=(?!=)", re.MULTILINE
)
_NAMES = re.compile(r"^\s*(\w+(?:\s*,\s*\w+)+)\s*=(?!=)", re.MULTILINE)
_MISSING = re.compile(r"name '(\w+)' is not defined")


def source_of(submission: Submission, index: int) -> str:
    """What stands in the cell with this index, or nothing."""
    return next((cell.source for cell in submission.cells if cell.index == index), "")


def assigned_in(source: str) -> set[str]:
    """Names that the code of a cell would define, found by its text: the cell may not even parse."""
    found = {name for pair in _DEFINED.findall(source) for name in pair if name}
    for names in _NAMES.findall(source):
        found |= {name.strip() for name in names.split(",")}
    for names in re.findall(r"^\s*(?:from\s+[\w.]+\s+)?import\s+(.+)$", source, re.MULTILINE):
        found |= {part.split()[-1].split(".")[0] for part in names.split(",") if part.split()}
    return found


def stopped(recording: Recording) -> list[CellRun]:
    """Cells that did not run to their end and whose fault it is not the machine's, in order."""
    return [run for run in recording.cells if run.status in STOPPED and not run.environment]


def cause_of(run: CellRun, submission: Submission, recording: Recording) -> CellRun:
    """The earlier cell because of which this one stopped, or the cell itself.

    A cell that misses a name falls with the last earlier cell that would have defined it and didn't run; that may
    be one that the machine, not the student, is to blame for. Cells that trip over the same line of a function fall
    with the first of them: it is one mistake, however often the function is called.
    """
    seen = {run.index}
    while run.error is not None and run.error.type == "NameError":
        found = _MISSING.search(run.error.message)
        before = [
            other
            for other in recording.cells
            if found
            and other.index not in seen
            and other.index < run.index
            and (other.status in STOPPED or other.status is CellStatus.SKIPPED)
            and found.group(1) in assigned_in(source_of(submission, other.index))
        ]
        if not before:
            break
        run = before[-1]
        seen.add(run.index)
    return first_in_line(run, recording)


def first_in_line(run: CellRun, recording: Recording) -> CellRun:
    """The first cell that stopped in the same line of a function as this one, or the cell itself."""
    place = _place(run)
    if place is None:
        return run
    return next((other for other in stopped(recording) if _place(other) == place), run)


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
