"""One executor per isolation level that this machine offers, and the portable ones, shared by the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from grader.execute.isolation import Level, lacking
from grader.execute.jupyter import JupyterExecutor
from grader.execute.warm import WarmExecutor
from grader.model import Ask, Cell, CellKind, Limits, Paper, Recording, Submission

QUICK = Limits(cell_seconds=3, notebook_seconds=30, question_seconds=3, memory_bytes=600 << 20, disk_bytes=24 << 20)


WITH_KERNELS = pytest.mark.parametrize("bench", [*Level, "jupyter"], indirect=True, ids=str, scope="module")
"""Mark of the tests that every executor passes; without it a test runs on the warm executor's levels."""
EVERYWHERE = pytest.mark.parametrize(
    "bench", [*Level, "jupyter", "jupyter without fork"], indirect=True, ids=str, scope="module"
)
"""The same, also with what the Jupyter executor does on Windows."""


class Bench:
    """Runs cells at one level and returns what was recorded."""

    def __init__(self, level: Level, executor: Any, *, forks: bool = True) -> None:
        self.level = level
        self.executor = executor
        self.forks = forks
        """Whether each question is asked in a fork of the notebook's process."""

    @property
    def walled(self) -> bool:
        """Whether the machine itself is out of reach, and not only the process apart."""
        return self.level is not Level.PROCESS

    def record(self, *cells: str, ask: tuple[str, ...] = (), limits: Limits = QUICK, **changes: Any) -> Recording:
        asks = tuple(question(name, limits.question_seconds) for name in ask)
        return self.executor.record(notebook(*cells), Paper(asks, limits=replace(limits, **changes)))


def notebook(*cells: str) -> Submission:
    code = tuple(Cell(index, CellKind.CODE, source) for index, source in enumerate(cells, 1))
    return Submission("student-01", "student-01.ipynb", "0" * 64, cells=code)


def question(name: str, seconds: float = 3.0) -> Ask:
    """Call the student's function ``name`` without arguments."""
    steps = ({"op": "function", "name": name, "args": [], "kwargs": {}},)
    return Ask(name, steps, {"$ref": 0}, seconds=seconds)


@pytest.fixture(scope="module", params=list(Level), ids=str)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if not isinstance(request.param, Level):
        forks = request.param == "jupyter"
        with JupyterExecutor(portable=not forks) as kernels:
            yield Bench(Level.PROCESS, kernels, forks=forks)
        return
    level: Level = request.param
    reason = lacking(level)
    if reason is not None:
        pytest.skip(f"{level}: {reason}")
    with WarmExecutor(level) as executor:
        yield Bench(level, executor)
