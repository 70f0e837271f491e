"""What `false_fail.py` and `power.py` share: the rubric's modules, rates with their confidence bounds, tables."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy is imported
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  after the thread counts are set
from scipy import special, stats  # noqa: E402

from grader.assignment import Assignment, load_assignment  # noqa: E402
from grader.model import Finding, Verdict  # noqa: E402

FOLDER = ROOT / "rubrics" / "activity09"
LEVEL = 1e-6
T = TypeVar("T")


@dataclass
class Rate:
    """How often something happened, and what is known of it beforehand."""

    name: str
    runs: int
    events: int
    bound: float | None = None
    """What the law says, for comparison."""
    note: str = ""

    @property
    def upper(self) -> float:
        return clopper_pearson(self.events, self.runs)

    @property
    def lower(self) -> float:
        return 1.0 - clopper_pearson(self.runs - self.events, self.runs)


def clopper_pearson(events: int, runs: int, confidence: float = 0.95) -> float:
    """Upper confidence bound of a probability, one-sided (Clopper and Pearson 1934)."""
    return float(stats.beta.ppf(confidence, events + 1, runs - events)) if events < runs else 1.0


@cache
def assignment() -> Assignment:
    return load_assignment(FOLDER)


def rubric(name: str) -> ModuleType:
    """A module of the rubric folder, the very one that its checks live in."""
    package = assignment().asks["draws"].module.rpartition(".")[0]
    return sys.modules[f"{package}.{name}"]


def threshold(item: str, check: str, name: str) -> float:
    """A threshold of the rubric file."""
    spec = next(one for one in assignment().spec.items if one.id == item)
    return float(spec.checks[check].thresholds[name])


def found(item: str, check: str, **given: Any) -> Finding:
    """What a check finds, with the thresholds of the rubric file."""
    made = assignment().checks[item, check]
    spec = next(one for one in assignment().spec.items if one.id == item).checks[check]
    arguments = {**spec.thresholds, **given}
    return made.function(**{name: value for name, value in arguments.items() if name in made.parameters})


def failed(finding: Finding) -> bool:
    return finding.verdict is not Verdict.PASS


def once(function: Callable[..., T]) -> Callable[..., T]:
    """Remember the last call: several checks of one answer ask the same."""
    last: list[Any] = []

    def remembering(*args: Any) -> T:
        if not (last and len(last[0]) == len(args) and all(a is b for a, b in zip(last[0], args, strict=True))):
            last[:] = [args, function(*args)]
        return last[1]  # type: ignore[no-any-return]

    return remembering


def p_of_deviate(margin: float, level: float) -> float:
    """The p-value behind a margin that compares normal deviates, as the checks of `sample` tell it."""
    return float(2.0 * special.ndtr(margin * special.ndtri(level / 2.0)))


def blocks(runs: int, size: int) -> list[tuple[int, int]]:
    """(seed, count) of blocks that make up the runs."""
    return [(start, min(size, runs - start)) for start in range(0, runs, size)]


def over(work: Callable[[int, int], T], runs: int, size: int, jobs: int) -> list[T]:
    """``work(seed, count)`` for all blocks, in order, in ``jobs`` processes."""
    todo = blocks(runs, size)
    if jobs == 1 or len(todo) == 1:
        return [work(*one) for one in todo]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, *zip(*todo, strict=True)))


def number(value: float | None) -> str:
    """Short, aligned: 0, 1.4e-07, 0.083."""
    if value is None:
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.3g}"
    return f"{value:.1e}"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    print(f"\n{title}")
    for row in [head, *rows]:
        cells = [
            f"{row[0]:<{widths[0]}}",
            *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        print("  ".join(cells).rstrip())


class Clock:
    """Processor seconds since it was made."""

    def __init__(self) -> None:
        self.began = time.process_time()

    def __str__(self) -> str:
        return f"{time.process_time() - self.began:.0f} s"


def seeded(*parts: int) -> np.random.Generator:
    return np.random.default_rng(parts)
