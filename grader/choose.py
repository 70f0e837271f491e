"""What every command shares: what it works with, found out from what it was told, and its exit status.

Whatever is wrong with the call is a `CallError` with one line for whoever called.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from grader.assignment import Assignment, find_assignment, load_assignment
from grader.batch import Result
from grader.execute import Executor, ExecutorError, isolation
from grader.execute.levels import Level
from grader.execute.warm import WarmExecutor
from grader.model import CellKind
from grader.regrade import open_run
from grader.submissions import Found, PathsError, find, load

NO_SANDBOX = "none"
"""What ``--sandbox`` says to accept the weakest level."""

_DEFINED = re.compile(r"^(?:class|def|async def)\s+(\w+)", re.MULTILINE)


class Exit(IntEnum):
    """What the exit status says. A low score is no failure of the command."""

    DONE = 0
    BELOW_MARK = 1
    """`check`, `grade --fail-under`, and `audit` where the rubric is not sound."""
    WRONG_CALL = 2
    HARNESS_FAILED = 3
    """At least one submission has no score because of a fault of ours."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C, as shells number it."""


class CallError(Exception):
    """The call was wrong; one line says what is to be done about it."""


@dataclass(frozen=True)
class Chosen:
    """An executor with the names that a run's record needs."""

    name: str
    level: str
    executor: Executor


JUPYTER = "jupyter"
"""Also ``jupyter:KERNEL`` for a kernel that is not the default one. It can't be shut in."""


def _jupyter(level: Level, kernel: str = "python3") -> Executor:
    from grader.execute.jupyter import JupyterExecutor  # here, because few calls need what it imports

    return JupyterExecutor(level, kernel_name=kernel)


EXECUTORS: Mapping[str, Callable[[Level], Executor]] = {"warm": WarmExecutor, JUPYTER: _jupyter}


def find_submissions(paths: Sequence[Path]) -> list[Found]:
    """Everything to grade at or below the paths."""
    try:
        return find(paths)
    except PathsError as error:
        raise CallError(str(error)) from None


def choose_assignment(told: Path | None, found: Sequence[Found], near: Sequence[Path] = ()) -> Assignment:
    """The folder that was named, else the one in a ``rubrics`` folder at or above ``near`` that fits what was found.

    ``near``: by default where the call was made, then where the submissions are.
    """
    if told is not None:
        return load_assignment(told)
    near = near or [Path.cwd(), found[0].path.parent]
    return find_assignment(near, notebook_names=[one.path.name for one in found], definitions=_definitions(found))


def assignment_of_run(out: Path, told: Path | None) -> Assignment:
    """The assignment that a run was graded with, or the folder that was named instead. Raises StoreError too."""
    _, run = open_run(out)
    return load_assignment(told or Path(run["assignment"]["folder"]))


def choose_executor(name: str, sandbox: str | None, *, least: Level) -> Chosen:
    """The executor, at the level that was demanded, or at the strongest that works here and is at least ``least``."""
    name = name or ("warm" if sys.platform == "linux" else "jupyter")
    kind, separator, kernel = name.partition(":")
    if kind not in EXECUTORS or (separator and (kind != JUPYTER or not kernel)):
        raise CallError(
            f"--executor {name}: there is no such executor; choose one of {', '.join(EXECUTORS)}, jupyter:KERNEL"
        )
    level = _level(sandbox, least, Level.PROCESS if kind == JUPYTER else None)
    return Chosen(name, level.value, _jupyter(level, kernel) if kernel else EXECUTORS[kind](level))


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def status_of(result: Result, fail_under: float | None) -> Exit:
    """The exit status of a batch."""
    if result.interrupted:
        return Exit.INTERRUPTED
    if result.failures:
        return Exit.HARNESS_FAILED
    if fail_under is not None and any((report.percent or 0) < fail_under for report in result.reports):
        return Exit.BELOW_MARK
    return Exit.DONE


def _level(sandbox: str | None, least: Level, most: Level | None = None) -> Level:
    """The level that was demanded, or the strongest; ``most`` is the only one that the executor has."""
    levels = list(Level)
    if most is not None and sandbox in levels and levels.index(Level(sandbox)) > levels.index(most):
        raise CallError(f"--sandbox {sandbox}: this executor runs student code at the level {most} only")
    if sandbox == NO_SANDBOX:
        return levels[0]
    if sandbox is not None:
        if sandbox not in levels:
            raise CallError(f"--sandbox {sandbox}: there is no such level; choose one of {', '.join(levels)}, none")
        try:
            return most or isolation.demand(Level(sandbox))
        except ExecutorError as error:
            raise CallError(f"--sandbox {sandbox}: {error}") from None
    strongest = most or isolation.strongest()
    if levels.index(strongest) < levels.index(least):
        what = "this machine" if most is None else "this executor"
        raise CallError(
            f"{what} isolates student code at the level {strongest} only, and {least} is wanted: see "
            f"`grader doctor`, or accept it with --sandbox {strongest}"
        )
    return strongest


def _definitions(found: Sequence[Found]) -> Iterator[str]:
    """Names that the first few notebooks define; read only where somebody asks."""
    for one in found[:5]:
        for cell in load(one).cells:
            if cell.kind is CellKind.CODE:
                yield from _DEFINED.findall(cell.source)
