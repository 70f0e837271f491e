"""A whole assignment of a few lines, notebooks for it, and an executor that runs them in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grader.execute.levels import Level
from grader.model import CellKind, Paper, Recording, Submission
from grader.worker.answering import evaluate

RUBRIC = """\
assignment: tiny
title: "Tiny: two functions"
notebook: tiny.ipynb
definitions: [double, total]
reference: reference
pass_mark: 70
max_score: 100
public_seed: "tiny-public"
limits: {question_seconds: 5, cell_seconds: 5, notebook_seconds: 20}
items:
  - id: double
    title: "TODO 1: double"
    asked: "Double every number."
    points: 50
    checks:
      doubles: {weight: 1, atol: 1.0e-9, hint: "the factor"}
  - id: total
    title: "TODO 2: total"
    asked: "Add the numbers up."
    points: 50
    checks:
      adds: {weight: 1}
"""

REFERENCE = """\
def double(x):
    return 2 * x

def total(x):
    return x.sum()
"""

CHECKS = """\
from grader.compare import close
from grader.rubric import Function, ask, check, mistake

@ask(public=True)
def doubled(rng):
    \"\"\"Twice the numbers.\"\"\"
    return Function("double")(rng.normal(size=4))

@ask()
def added(rng):
    \"\"\"The sum of the numbers.\"\"\"
    return Function("total")(rng.normal(size=5))

@check("double", doubled)
def doubles(answer, expected, atol):
    \"\"\"Every number is doubled\"\"\"
    return close(answer, expected, atol=atol)

@check("total", added)
def adds(answer, expected):
    \"\"\"The numbers are added\"\"\"
    return close(answer, expected, atol=1e-9)

@mistake("double", "You tripled: multiply by two.", replaces="double")
def tripled(x):
    return 3 * x
"""

RIGHT = "def double(x):\n    return x + x\n\ndef total(x):\n    return sum(x)\n"
TRIPLED = RIGHT.replace("x + x", "3 * x")


def write_assignment(root: Path) -> Path:
    """The assignment's folder, below ``root/rubrics``."""
    folder = root / "rubrics" / "tiny"
    (folder / "reference").mkdir(parents=True)
    (folder / "rubric.yaml").write_text(RUBRIC)
    (folder / "reference" / "__init__.py").write_text(REFERENCE)
    (folder / "questions.py").write_text(CHECKS)
    return folder


def write_notebook(path: Path, *sources: str) -> Path:
    """A notebook with these code cells."""
    cells = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
        for source in sources
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
    return path


class FakeExecutor:
    """Runs cells in this process, one submission at a time: for notebooks that the tests themselves wrote.

    ``around`` sees every submission before it is recorded, and may raise, wait or set a stop.
    """

    def __init__(self, around: Callable[[Submission], None] = lambda submission: None) -> None:
        self.around = around
        self.recorded: list[str] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def record(self, submission: Submission, paper: Paper, *, stop: threading.Event | None = None) -> Recording:
        self.around(submission)
        with self._lock:  # `evaluate` seeds and redirects what belongs to the whole process
            self.recorded.append(submission.id)
            namespace: dict[str, Any] = {}
            for cell in submission.cells:
                if cell.kind is CellKind.CODE:
                    exec(cell.source, namespace)
            answers = {ask.id: evaluate(ask, dict(namespace), paper.names, paper.limits) for ask in paper.asks}
        return Recording(submission.id, submission.sha256, answers=answers, sandbox=(Level.PROCESS.value,))
