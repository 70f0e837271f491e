"""A class test of the mixture items alone: their questions drawn at a seed, and programs graded on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from grader.assignment import Assignment, load_assignment
from grader.exam import Exam, prepare
from grader.judge import judge
from grader.model import ItemResult, Recording, Submission
from grader.worker.answering import evaluate

FOLDER = Path(__file__).parents[2] / "rubrics" / "activity09"
ITEMS = ("e_step", "m_step", "sample", "training")


@cache
def assignment() -> Assignment:
    """Activity 09 with the mixture items only."""
    whole = load_assignment(FOLDER)
    spec = whole.spec.model_copy(update={"items": tuple(item for item in whole.spec.items if item.id in ITEMS)})
    checks = {key: made for key, made in whole.checks.items() if key[0] in ITEMS}
    asked = {one.id for made in checks.values() for one in made.all_asks}
    mistakes = tuple(one for one in whole.mistakes if one.item in ITEMS)
    asks = {key: one for key, one in whole.asks.items() if key in asked}
    return replace(whole, spec=spec, checks=checks, asks=asks, mistakes=mistakes)


@cache
def exam(seed: str) -> Exam:
    """The items' questions at a seed."""
    return prepare(assignment(), seed)


def graded(seed: str, namespace: Mapping[str, Any], *items: str) -> Mapping[str, ItemResult]:
    """Grade a namespace at a seed, on some items or on all; the results by item."""
    paper, limits = exam(seed), assignment().limits
    wanted = {
        one.id for (item, _), made in assignment().checks.items() if item in (items or ITEMS) for one in made.all_asks
    }
    with np.errstate(all="ignore"):
        answers = {
            ask_id: evaluate(drawn.ask, dict(namespace), assignment().spec.names, limits)
            for ask_id, drawn in paper.questions.items()
            if ask_id in wanted
        }
    submission = Submission("student-01", "student-01.ipynb", "0")
    report = judge(paper, submission, Recording("student-01", "0", answers=answers))
    return {item.id: item for item in report.items if item.id in (items or ITEMS)}


def written(source: str) -> dict[str, Any]:
    """The namespace that student code leaves."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell 1>", "exec"), namespace)
    return namespace
