"""Test the rubric like software: grade the reference, correct variants and every catalogued mistake.

A grading suite is a classifier, so it needs programs that are known to be right and programs that are known to be
wrong (Wrenn, Krishnamurthi and Fisler, "Who Tests the Testers?", ICER 2018); the share of wrong ones that it
catches predicts how well it finds faults (Clegg, McMinn and Fraser, SIGCSE 2021).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from grader.assignment import Assignment, load_assignment
from grader.exam import Exam, prepare
from grader.judge import judge
from grader.model import Answer, Recording, Report, Submission, Verdict
from grader.rubric import MistakeDef, Variant
from grader.worker.answering import evaluate

_LOST = 1e-6
"""Points below which nothing was lost."""


@dataclass(frozen=True)
class Outcome:
    """How one program was graded at one seed."""

    kind: str
    """``mistake`` or ``variant``."""
    id: str
    seed: str
    lost: Mapping[str, float] = field(default_factory=dict)
    """Item id -> points lost against the reference."""
    named: Mapping[str, str] = field(default_factory=dict)
    """Item id -> id of the mistake that was named."""
    messages: Mapping[str, str] = field(default_factory=dict)
    """Item id -> what the student would read first."""
    wrong_checks: tuple[str, ...] = ()
    """Checks, as ``item.check``, that did not pass."""


@dataclass(frozen=True)
class MistakeRow:
    """A mistake over all seeds."""

    id: str
    item: str
    runs: int
    caught: int
    blamed_right: int
    named_right: int
    confusions: Mapping[str, int]
    others_blamed: Mapping[str, int]
    message: str


@dataclass(frozen=True)
class VariantRow:
    """A correct variant over all seeds."""

    id: str
    runs: int
    full: int
    lost: Mapping[str, int]
    """Check -> in how many runs it failed."""
    message: str


@dataclass(frozen=True)
class MarginRow:
    """How near the programs came to a check's threshold; statistic over threshold."""

    check: str
    worst_correct: float | None
    mildest_mistake: float | None


@dataclass(frozen=True)
class Audit:
    """What the rubric catches, blames and names."""

    assignment: str
    seeds: tuple[str, ...]
    mistakes: tuple[MistakeRow, ...]
    variants: tuple[VariantRow, ...]
    margins: tuple[MarginRow, ...] = ()

    def share(self, what: str) -> float:
        """Share of runs of all mistakes that were ``caught``, ``blamed_right`` or ``named_right``."""
        runs = sum(row.runs for row in self.mistakes)
        return sum(getattr(row, what) for row in self.mistakes) / runs if runs else 1.0

    @property
    def sound(self) -> bool:
        """No mistake passes or blames another item, and no correct variant loses a point."""
        right = all(row.caught == row.runs and row.blamed_right == row.runs for row in self.mistakes)
        return right and all(row.full == row.runs for row in self.variants)


def audit(
    folder: Path,
    seeds: Sequence[str],
    *,
    item: str = "",
    only: str = "",
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Audit:
    """Grade every mistake and variant of the assignment at every seed, with ``jobs`` processes."""
    assignment = load_assignment(folder)
    tasks = list(_tasks(assignment, seeds, item, only))
    outcomes: list[tuple[Outcome, Mapping[str, float]]] = []
    if jobs == 1:
        for done, task in enumerate(tasks, 1):
            outcomes += _run(str(folder), *task)
            progress(done, len(tasks))
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            futures = [pool.submit(_run, str(folder), *task) for task in tasks]
            for done, future in enumerate(as_completed(futures), 1):
                outcomes += future.result()
                progress(done, len(tasks))
    outcomes.sort(key=lambda pair: (pair[0].kind, pair[0].id, pair[0].seed))
    return _summary(assignment, seeds, outcomes)


def _tasks(
    assignment: Assignment, seeds: Sequence[str], item: str, only: str, size: int = 12
) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """(seed, mistakes, variants): small enough to spread over the cores, large enough to share an exam."""
    mistakes = [m.id for m in assignment.mistakes if (not item or m.item == item) and (not only or m.id == only)]
    variants = [v.id for v in assignment.variants if not only and (not item or item in v.items)]
    for seed in seeds:
        for start in range(0, len(mistakes), size):
            yield seed, tuple(mistakes[start : start + size]), ()
        for start in range(0, len(variants), size):
            yield seed, (), tuple(variants[start : start + size])


@lru_cache(maxsize=1)
def _assignment(folder: str) -> Assignment:
    return load_assignment(Path(folder))


@lru_cache(maxsize=1)
def _graded_reference(folder: str, seed: str) -> tuple[Exam, Report]:
    exam = prepare(_assignment(folder), seed)
    return exam, _judge(exam, {ask.id: evaluate_on(exam, ask.id, exam.assignment.reference) for ask in exam.paper.asks})


def _run(
    folder: str, seed: str, mistakes: Sequence[str], variants: Sequence[str]
) -> list[tuple[Outcome, Mapping[str, float]]]:
    exam, baseline = _graded_reference(folder, seed)
    assignment = exam.assignment
    done = [_of_mistake(exam, baseline, one) for one in assignment.mistakes if one.id in mistakes]
    return done + [_of_variant(exam, baseline, one) for one in assignment.variants if one.id in variants]


def _of_mistake(exam: Exam, baseline: Report, mistake: MistakeDef) -> tuple[Outcome, Mapping[str, float]]:
    answers = {ask.id: exam.mistaken(mistake, ask.id) for ask in exam.paper.asks}
    return _outcome("mistake", mistake.id, exam, baseline, _judge(exam, answers))


def _of_variant(exam: Exam, baseline: Report, variant: Variant) -> tuple[Outcome, Mapping[str, float]]:
    namespace = run_source(variant)
    wanted = {item.id for item in exam.assignment.spec.items if item.id in variant.items}
    asks = {a.id for made in exam.assignment.checks.values() if made.item in wanted for a in made.all_asks}
    answers = {ask.id: evaluate_on(exam, ask.id, namespace) for ask in exam.paper.asks if ask.id in asks}
    return _outcome("variant", variant.id, exam, baseline, _judge(exam, answers))


def run_source(variant: Variant) -> dict[str, Any]:
    """Execute a variant, which is the rubric author's code, and return what it defines."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(variant.source, f"<variant {variant.id}>", "exec"), namespace)  # noqa: S102
    return namespace


def evaluate_on(exam: Exam, ask_id: str, namespace: Mapping[str, Any]) -> Answer:
    """Ask a trusted program one question of the exam, in this process."""
    spec = exam.assignment.spec
    with np.errstate(all="ignore"):
        return evaluate(exam.questions[ask_id].ask, dict(namespace), spec.names, exam.assignment.limits)


def _judge(exam: Exam, answers: Mapping[str, Answer]) -> Report:
    recording = Recording(submission="audit", sha256="", answers=answers)
    return judge(exam, Submission("audit", "audit", ""), recording)


def _outcome(
    kind: str, program: str, exam: Exam, baseline: Report, report: Report
) -> tuple[Outcome, Mapping[str, float]]:
    """Compare a report with the reference's; items without questions get no answers here and cancel out."""
    lost: dict[str, float] = {}
    named: dict[str, str] = {}
    messages: dict[str, str] = {}
    wrong: list[str] = []
    margins: dict[str, float] = {}
    for ours, theirs in zip(baseline.items, report.items, strict=True):
        for before, now in zip(ours.checks, theirs.checks, strict=True):
            if now.margin is not None:
                margins[f"{ours.id}.{now.id}"] = now.margin
            if now.verdict is not Verdict.PASS and before.verdict is Verdict.PASS:
                wrong.append(f"{ours.id}.{now.id}")
                messages.setdefault(ours.id, f"{now.message} {now.hint}".strip())
                if now.diagnosis:
                    named.setdefault(ours.id, now.diagnosis)
        if ours.points - theirs.points > _LOST:
            lost[ours.id] = round(ours.points - theirs.points, 2)
    return Outcome(kind, program, exam.seed, lost, named, messages, tuple(wrong)), margins


def _summary(
    assignment: Assignment, seeds: Sequence[str], graded: Sequence[tuple[Outcome, Mapping[str, float]]]
) -> Audit:
    by_id: dict[str, list[Outcome]] = {}
    for outcome, _ in graded:
        by_id.setdefault(outcome.id, []).append(outcome)
    mistakes = tuple(_mistake_row(assignment, one, by_id[one.id]) for one in assignment.mistakes if one.id in by_id)
    variants = tuple(_variant_row(one, by_id[one.id]) for one in assignment.variants if one.id in by_id)
    return Audit(assignment.id, tuple(seeds), mistakes, variants, _margins(assignment, graded))


def may_fall(assignment: Assignment, mistake: MistakeDef) -> set[str]:
    """Items that may lose points by this mistake: its own, those it says, and those that need one of them."""
    allowed = {mistake.item, *mistake.also}
    return allowed | {rule.id for rule in assignment.spec.items if allowed & set(rule.needs)}


def _mistake_row(assignment: Assignment, mistake: MistakeDef, outcomes: Sequence[Outcome]) -> MistakeRow:
    must = {mistake.item} | {name.partition(".")[0] for name in mistake.composite}
    allowed = may_fall(assignment, mistake) | must
    right_names = {mistake.id, *mistake.composite}
    caught = [one for one in outcomes if must <= set(one.lost)]
    others = Counter(item for one in outcomes for item in one.lost if item not in allowed)
    named = [one for one in caught if all(one.named.get(item) in right_names for item in must)]
    wrong_names = Counter(one.named.get(mistake.item, "(none)") for one in caught if one not in named)
    message = next((one.messages.get(mistake.item, "") for one in outcomes), "")
    return MistakeRow(
        mistake.id,
        mistake.item,
        len(outcomes),
        len(caught),
        sum(set(one.lost) <= allowed for one in outcomes),
        len(named),
        dict(wrong_names),
        dict(others),
        message,
    )


def _variant_row(variant: Variant, outcomes: Sequence[Outcome]) -> VariantRow:
    lost = Counter(
        check
        for one in outcomes
        for check in one.wrong_checks
        if check.partition(".")[0] in variant.items and check not in variant.loses
    )
    hurt = [one for one in outcomes if any(item in variant.items for item in one.lost) and _unexpected(variant, one)]
    message = next((f"{item}: {one.messages.get(item, '')}" for one in hurt for item in one.lost), "")
    return VariantRow(variant.id, len(outcomes), len(outcomes) - len(hurt), dict(lost), message)


def _unexpected(variant: Variant, outcome: Outcome) -> bool:
    wrong = [check for check in outcome.wrong_checks if check.partition(".")[0] in variant.items]
    return any(check not in variant.loses for check in wrong)


def _margins(assignment: Assignment, graded: Iterable[tuple[Outcome, Mapping[str, float]]]) -> tuple[MarginRow, ...]:
    correct: dict[str, float] = {}
    mild: dict[str, float] = {}
    items = {one.id: one.item for one in assignment.mistakes}
    for outcome, margins in graded:
        for check, margin in margins.items():
            if outcome.kind == "variant":
                correct[check] = max(margin, correct.get(check, 0.0))
            elif items[outcome.id] == check.partition(".")[0] and check in outcome.wrong_checks:
                mild[check] = min(margin, mild.get(check, float("inf")))
    order = [f"{item.id}.{name}" for item in assignment.spec.items for name in item.checks]
    return tuple(
        MarginRow(name, correct.get(name), mild.get(name)) for name in order if name in correct or name in mild
    )
