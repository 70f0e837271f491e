"""Test the rubric like software: grade the reference, correct variants and every catalogued mistake.

A grading suite is a classifier, so it needs programs that are known to be right and programs that are known to be
wrong (Wrenn, Krishnamurthi and Fisler, "Who Tests the Testers?", ICER 2018); the share of wrong ones that it
catches predicts how well it finds faults (Clegg, McMinn and Fraser, SIGCSE 2021).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from grader.assignment import Assignment, AssignmentError, load_assignment
from grader.audit_run import REFERENCE, Outcome, Task, may_fall, must_fall, run_task
from grader.rubric import MistakeDef, Variant

Progress = Callable[[int, int], None]
"""Called with how many programs were graded, of how many."""
CHUNK = 8
"""Variants in one task."""


@dataclass(frozen=True)
class MistakeRow:
    """A mistake over all seeds."""

    id: str
    item: str
    sentence: str
    runs: int
    caught: int
    """Runs in which its own item lost points (a composite one: each of its items)."""
    blamed_right: int
    """Runs in which no other item lost points, but those that may fall with it."""
    named_right: int
    """Runs in which it was caught and named, or named after one that no question can tell from it."""
    confusions: Mapping[str, int]
    """What else was named, ``(none)`` for nothing -> in how many runs."""
    twins: tuple[str, ...]
    """Mistakes that gave the same answers to all of the item's questions in every run in which they were named."""
    others_blamed: Mapping[str, int]
    message: str
    """What its author would read first."""


@dataclass(frozen=True)
class VariantRow:
    """A correct variant (or the reference) over all seeds."""

    id: str
    runs: int
    full: int
    lost: Mapping[str, int]
    """Check -> in how many runs it took points that it should not."""
    message: str


@dataclass(frozen=True)
class CheckRow:
    """How near the programs came to the threshold of a check with points; over it, so below 1 passes."""

    check: str
    worst_correct: float | None
    mildest_mistake: float | None
    correct_runs: int
    false_fails: int


@dataclass(frozen=True)
class Audit:
    """What the rubric catches, blames and names."""

    assignment: str
    seeds: tuple[str, ...]
    mistakes: tuple[MistakeRow, ...]
    variants: tuple[VariantRow, ...]
    checks: tuple[CheckRow, ...] = ()
    twins: tuple[tuple[str, ...], ...] = ()
    """Groups of mistakes that no question of their item can tell apart."""

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
    progress: Progress = lambda _done, _all: None,
) -> Audit:
    """Grade every mistake and variant of the assignment at every seed, with ``jobs`` processes.

    ``item`` and ``only`` restrict it to one item or one mistake. Raises AssignmentError, also where the assignment
    has no such item or mistake.
    """
    assignment = load_assignment(folder)
    _known(assignment, item, only)
    tasks = list(_tasks(assignment, seeds, item, only))
    outcomes = sorted(_outcomes(assignment, tasks, jobs, progress), key=lambda one: (one.kind, one.id, one.seed))
    return summary(assignment, seeds, outcomes)


def _known(assignment: Assignment, item: str, only: str) -> None:
    items = [one.id for one in assignment.spec.items]
    if item and item not in items:
        raise AssignmentError(f"no item {item!r} in this assignment; it has {', '.join(items)}")
    mistakes = [one.id for one in assignment.mistakes]
    if only and only not in mistakes:
        near = ", ".join([one for one in mistakes if only.rpartition(".")[2] in one][:5])
        raise AssignmentError(f"no mistake {only!r} in this assignment" + (f"; near it: {near}" if near else ""))


def _outcomes(assignment: Assignment, tasks: Sequence[Task], jobs: int, progress: Progress) -> Iterator[Outcome]:
    folder, fingerprint = str(assignment.folder), assignment.fingerprint
    total, done = sum(task.size for task in tasks), 0
    progress(0, total)
    if jobs == 1 or len(tasks) == 1:
        for task in tasks:
            yield from run_task(folder, fingerprint, task)
            progress(done := done + task.size, total)
        return
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(run_task, folder, fingerprint, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield from future.result()
                progress(done := done + futures[future].size, total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _tasks(assignment: Assignment, seeds: Sequence[str], item: str, only: str) -> Iterator[Task]:
    """Small enough to spread over the cores; the mistakes of an item together, since naming compares them."""
    chosen = [one for one in assignment.mistakes if (not only or one.id == only) and (not item or one.item == item)]
    by_item: dict[str, list[str]] = {}
    for one in chosen:
        by_item.setdefault(one.item, []).append(one.id)
    groups = sorted(by_item.values(), key=len, reverse=True)
    variants = [one.id for one in assignment.variants if not only and (not item or item in one.items)]
    for seed in seeds:
        for group in groups:
            yield Task(seed, item, mistakes=tuple(group))
        for start in range(0, len(variants), CHUNK):
            yield Task(seed, item, variants=tuple(variants[start : start + CHUNK]))
        if not only:
            yield Task(seed, item, variants=(REFERENCE,))


# --- summary --------------------------------------------------------------------------------


def summary(assignment: Assignment, seeds: Sequence[str], outcomes: Sequence[Outcome]) -> Audit:
    """Count over the seeds."""
    by_id: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        by_id.setdefault((outcome.kind, outcome.id), []).append(outcome)
    mistakes = tuple(
        _mistake_row(assignment, one, by_id["mistake", one.id])
        for one in assignment.mistakes
        if ("mistake", one.id) in by_id
    )
    correct = [reference_as_variant(assignment), *assignment.variants]
    variants = tuple(_variant_row(one, by_id["variant", one.id]) for one in correct if ("variant", one.id) in by_id)
    checks = _check_rows(assignment, {one.id: one for one in correct}, outcomes)
    return Audit(assignment.id, tuple(seeds), mistakes, variants, checks, _groups(mistakes))


def reference_as_variant(assignment: Assignment) -> Variant:
    """The reference as a correct program that attempts everything that is asked of code."""
    asked = {made.item for made in assignment.checks.values() if made.asks}
    return Variant(REFERENCE, "", tuple(item.id for item in assignment.spec.items if item.id in asked))


def _mistake_row(assignment: Assignment, mistake: MistakeDef, outcomes: Sequence[Outcome]) -> MistakeRow:
    must = must_fall(mistake)
    allowed = may_fall(assignment, mistake)
    caught = [one for one in outcomes if must <= set(one.lost)]
    twins = _twins(outcomes)
    right = {mistake.id, *mistake.composite, *twins}
    named = [one for one in caught if all(one.named.get(item) in right for item in must)]
    names = Counter(one.named.get(item, "(none)") for one in caught for item in must)
    return MistakeRow(
        id=mistake.id,
        item=mistake.item,
        sentence=mistake.sentence,
        runs=len(outcomes),
        caught=len(caught),
        blamed_right=sum(set(one.lost) <= allowed for one in outcomes),
        named_right=len(named),
        confusions={name: count for name, count in names.items() if name not in right},
        twins=twins,
        others_blamed=dict(Counter(item for one in outcomes for item in one.lost if item not in allowed)),
        message=next((one.messages[mistake.item] for one in outcomes if mistake.item in one.messages), ""),
    )


def _twins(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Mistakes that were named for this one and answered alike in every run in which they were."""
    told_apart = {name for one in outcomes for name in one.named.values() if name not in one.twins}
    return tuple(sorted({name for one in outcomes for name in one.twins} - told_apart))


def _groups(rows: Iterable[MistakeRow]) -> tuple[tuple[str, ...], ...]:
    groups: list[set[str]] = []
    for row in rows:
        if row.twins:
            found = {row.id, *row.twins}
            joined = [group for group in groups if group & found]
            groups = [group for group in groups if not group & found] + [found.union(*joined)]
    return tuple(tuple(sorted(group)) for group in groups)


def _variant_row(variant: Variant, outcomes: Sequence[Outcome]) -> VariantRow:
    wrong = [[name for name in one.costly if _unexpected(variant, name)] for one in outcomes]
    first = next(((one, names[0]) for one, names in zip(outcomes, wrong, strict=True) if names), None)
    message = f"{first[1]}: {first[0].messages.get(first[1], '')}" if first else ""
    lost = dict(Counter(name for names in wrong for name in names))
    return VariantRow(variant.id, len(outcomes), sum(not names for names in wrong), lost, message)


def _unexpected(variant: Variant, check: str) -> bool:
    return check.partition(".")[0] in variant.items and check not in variant.loses


def _check_rows(
    assignment: Assignment, correct: Mapping[str, Variant], outcomes: Sequence[Outcome]
) -> tuple[CheckRow, ...]:
    worst: dict[str, float] = {}
    mild: dict[str, float] = {}
    runs: Counter[str] = Counter()
    fails: Counter[str] = Counter()
    items = {one.id: one.item for one in assignment.mistakes}
    for one in outcomes:
        for check in one.checked:
            if one.kind == "variant" and _unexpected(correct[one.id], check):
                runs[check] += 1
                fails[check] += check in one.costly
                worst[check] = max(one.margins.get(check, 0.0), worst.get(check, 0.0))
        for check in set(one.failed) & one.margins.keys():
            if one.kind == "mistake" and items[one.id] == check.partition(".")[0]:
                mild[check] = min(one.margins[check], mild.get(check, float("inf")))
    scoring = [
        f"{item.id}.{name}" for item in assignment.spec.items for name, spec in item.checks.items() if spec.weight
    ]
    return tuple(
        CheckRow(name, worst.get(name), mild.get(name), runs[name], fails[name])
        for name in scoring
        if runs[name] or name in mild
    )
