"""Grade programs on single items of activity 09, quickly: only the item's own questions are drawn and asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from grader.assignment import Assignment, load_assignment
from grader.exam import Exam, prepare
from grader.judge import judge
from grader.model import ItemResult, Recording, Submission
from grader.threads import one_thread
from grader.worker.answering import evaluate

FOLDER = Path(__file__).parents[2] / "rubrics" / "activity09"
SUBMISSION = Submission("student-01", "student-01.ipynb", "0")


@cache
def whole() -> Assignment:
    """Activity 09."""
    return load_assignment(FOLDER)


def rubric_file(name: str) -> ModuleType:
    """A Python file of the rubric's folder, as the loaded assignment holds it."""
    import sys

    package = next(iter(whole().asks.values())).module.rsplit(".", 1)[0]
    return sys.modules[f"{package}.{name}"]


@cache
def only(item: str) -> Assignment:
    """Activity 09 with a single item."""
    spec = whole().spec.model_copy(update={"items": tuple(one for one in whole().spec.items if one.id == item)})
    checks = {key: made for key, made in whole().checks.items() if key[0] == item}
    asked = {one.id for made in checks.values() for one in made.all_asks}
    mistakes = tuple(one for one in whole().mistakes if one.item == item)
    asks = {key: one for key, one in whole().asks.items() if key in asked}
    return replace(whole(), spec=spec, checks=checks, asks=asks, mistakes=mistakes)


@cache
def exam(item: str, seed: str) -> Exam:
    """The item's questions at a seed."""
    return prepare(only(item), seed)


def graded(item: str, namespace: Mapping[str, Any], seed: str = "one") -> ItemResult:
    """The item's result for what ``namespace`` defines."""
    paper = exam(item, seed)
    with one_thread(), np.errstate(all="ignore"):
        answers = {
            name: evaluate(drawn.ask, dict(namespace), whole().spec.names, whole().limits)
            for name, drawn in paper.questions.items()
        }
    (result,) = judge(paper, SUBMISSION, Recording("student-01", "0", answers=answers)).items
    return result


def with_mistake(item: str, name: str) -> dict[str, Any]:
    """The reference's namespace with a catalogued mistake in it."""
    one = next(one for one in only(item).mistakes if one.id == f"{item}.{name}")
    return {**whole().reference, one.replaces: one.piece, **one.pieces}


def reference_and(source: str) -> dict[str, Any]:
    """The reference's namespace with student code on top of it."""
    namespace = dict(whole().reference)
    namespace |= {"__name__": "__main__", "np": np}
    exec(compile(source, "<cell 1>", "exec"), namespace)
    return namespace


def failed(result: ItemResult) -> list[str]:
    """Checks that lost points, with what they said."""
    return [f"{one.id}: {one.message}" for one in result.checks if one.points < one.max_points]
