"""Grade the audit's programs in this process: the reference, correct variants and mistakes, at one seed.

Nothing is asked that can't come out otherwise: the reference is watched while it answers, and a mistake is asked
only the questions in which the reference ran a piece that the mistake replaces. The others it answers as the
reference does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from grader.assignment import Assignment, load_assignment
from grader.compare import same_tree
from grader.diagnosis import alike
from grader.exam import Exam, answer_of_mistake, prepare
from grader.judge import judge
from grader.model import Answer, Ask, Recording, Report, Submission, Verdict
from grader.rubric import MistakeDef, Variant
from grader.threads import one_thread
from grader.touches import Watched, touched, watch
from grader.worker.answering import evaluate

REFERENCE = "reference"
"""Id under which the reference is graded as a correct program."""
_LOST = 1e-6
"""Points below which nothing was lost."""
_ANOTHER_SEED = 0x5EED
"""A student's random answers are not the catalogue's: the mistake under audit draws from a seed of its own."""


@dataclass(frozen=True)
class Task:
    """Programs to grade at one seed."""

    seed: str
    item: str = ""
    """Where not empty, variants are asked about this item alone."""
    mistakes: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many programs."""
        return len(self.mistakes) + len(self.variants)


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
    twins: tuple[str, ...] = ()
    """Those named that answered all of the item's questions as this one did."""
    messages: Mapping[str, str] = field(default_factory=dict)
    """Item id, and ``item.check`` -> what the student would read."""
    checked: tuple[str, ...] = ()
    """Checks, as ``item.check``, that were judged anew."""
    failed: tuple[str, ...] = ()
    """Those of them that did not pass."""
    costly: tuple[str, ...] = ()
    """Those of them that cost points."""
    margins: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """The reference's own run at one seed."""

    exam: Exam
    answers: Mapping[str, Answer]
    watched: Mapping[str, Watched]
    report: Report
    random: frozenset[str]
    """Asks whose answers depend on the generators."""


@one_thread()
def run_task(folder: str, fingerprint: str, task: Task) -> list[Outcome]:
    """Grade the task's programs; ``fingerprint`` is the assignment's, so that a changed folder is read again."""
    base = _baseline(folder, fingerprint, task.seed)
    assignment = base.exam.assignment
    done = [_of_mistake(base, one) for one in assignment.mistakes if one.id in task.mistakes]
    done += [_of_variant(base, one, task.item) for one in assignment.variants if one.id in task.variants]
    return done + ([_of_reference(base)] if REFERENCE in task.variants else [])


@lru_cache(maxsize=1)
def _assignment(folder: str, fingerprint: str) -> Assignment:  # noqa: ARG001  part of the cache's key
    return load_assignment(Path(folder))


@lru_cache(maxsize=1)
def _baseline(folder: str, fingerprint: str, seed: str) -> Baseline:
    exam = prepare(_assignment(folder, fingerprint), seed)
    watched: dict[str, Watched] = {}
    answers: dict[str, Answer] = {}
    for ask in exam.paper.asks:
        # Fresh classes, so that nothing that was learned of them at an earlier question is remembered.
        fresh = _fresh_classes(exam.assignment.reference)
        replaced = {exam.assignment.reference[name] for name in fresh}
        with watch(exam.assignment, replaced) as seen:
            answers[ask.id] = _evaluate(exam, ask, {**exam.assignment.reference, **fresh})
        watched[ask.id] = Watched(frozenset(seen), _names_in(ask))
    random = {ask.id for ask in exam.paper.asks if not same_tree(answers[ask.id].value, _reseeded(exam, ask).value)}
    return Baseline(exam, answers, watched, _judge(exam, answers), frozenset(random))


def _fresh_classes(reference: Mapping[str, Any]) -> dict[str, type]:
    """A subclass that changes nothing for each class of the reference that allows one."""
    found: dict[str, type] = {}
    for name, value in reference.items():
        if isinstance(value, type):
            with suppress(TypeError):
                found[name] = type(name, (value,), {})
    return found


def _names_in(ask: Ask) -> frozenset[str]:
    return frozenset(str(step["name"]) for step in ask.steps if step["op"] in ("new", "function"))


def _reseeded(exam: Exam, ask: Ask) -> Answer:
    return _evaluate(exam, replace(ask, seed=ask.seed ^ _ANOTHER_SEED), exam.assignment.reference)


def _evaluate(exam: Exam, ask: Ask, namespace: Mapping[str, Any]) -> Answer:
    with np.errstate(all="ignore"):
        return evaluate(ask, dict(namespace), exam.assignment.spec.names, exam.assignment.limits)


# --- programs -------------------------------------------------------------------------------


def _of_reference(base: Baseline) -> Outcome:
    asked = {made.item for made in base.exam.assignment.checks.values() if made.asks}
    return _outcome("variant", REFERENCE, base, _full_marks(base.report), base.report, asked)


def _full_marks(report: Report) -> Report:
    """The report that it should be, to compare the reference's own with."""
    items = tuple(
        replace(
            item,
            points=item.max_points,
            checks=tuple(replace(one, verdict=Verdict.PASS, points=one.max_points) for one in item.checks),
        )
        for item in report.items
    )
    return replace(report, items=items)


def may_fall(assignment: Assignment, mistake: MistakeDef) -> set[str]:
    """Items that may lose points by this mistake: its own, those it says, and those that need one of them."""
    allowed = must_fall(mistake) | {mistake.item, *mistake.also}
    return allowed | {rule.id for rule in assignment.spec.items if allowed & set(rule.needs)}


def must_fall(mistake: MistakeDef) -> set[str]:
    """Items that must lose points by this mistake."""
    return {name.partition(".")[0] for name in mistake.composite} or {mistake.item}


def _of_mistake(base: Baseline, mistake: MistakeDef) -> Outcome:
    exam = base.exam
    # What may fall with it, but need not, says nothing about the rubric.
    moot = may_fall(exam.assignment, mistake) - must_fall(mistake)
    telling = {one.id for made in exam.assignment.checks.values() if made.item not in moot for one in made.all_asks}
    asked = touched(exam.assignment, mistake, base.watched) & telling
    answers = dict(base.answers)
    answers |= {ask.id: _answer_as_student(base, mistake, ask) for ask in exam.paper.asks if ask.id in asked}
    items = _with_needs(exam.assignment, _items_of(exam.assignment, asked) - moot)
    report = _judge(_restricted(exam, items), answers)
    found = _outcome("mistake", mistake.id, base, base.report, report, items)
    others = set(found.named.values()) - {mistake.id, *mistake.composite}
    twins = [one.id for one in exam.assignment.mistakes if one.id in others and alike(exam, mistake, one)]
    return replace(found, twins=tuple(twins))


def _answer_as_student(base: Baseline, mistake: MistakeDef, ask: Ask) -> Answer:
    if ask.id not in base.random:
        return base.exam.mistaken(mistake, ask.id)
    return answer_of_mistake(base.exam.assignment, mistake, replace(ask, seed=ask.seed ^ _ANOTHER_SEED))


def _of_variant(base: Baseline, variant: Variant, item: str = "") -> Outcome:
    exam, attempted = base.exam, {item} if item else set(variant.items)
    namespace = run_source(variant)
    items = _with_needs(exam.assignment, attempted)
    asks = {one.id for made in exam.assignment.checks.values() if made.item in items for one in made.all_asks}
    answers: dict[str, Answer] = {}
    for premised in (False, True):
        # The grader's premises are for those who need them: where all is right without them, they change nothing.
        answers |= {
            ask.id: _evaluate(exam, ask, namespace)
            for ask in exam.paper.asks
            if ask.id in asks and ask.premised is premised
        }
        report = _judge(_restricted(exam, items), answers)
        found = _outcome("variant", variant.id, base, base.report, report, attempted)
        if not found.costly:
            break
    return found


def run_source(variant: Variant) -> dict[str, Any]:
    """Execute a variant, which is the rubric author's code, and return what it defines."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(variant.source, f"<variant {variant.id}>", "exec"), namespace)  # noqa: S102
    return namespace


# --- judging --------------------------------------------------------------------------------


def _items_of(assignment: Assignment, asks: set[str]) -> set[str]:
    """Items with a check that looks at one of the asks, and those that they need or that need them."""
    found = {made.item for made in assignment.checks.values() if any(one.id in asks for one in made.all_asks)}
    found |= {rule.id for rule in assignment.spec.items if found & set(rule.needs)}
    return _with_needs(assignment, found)


def _with_needs(assignment: Assignment, items: set[str]) -> set[str]:
    needs = {rule.id: set(rule.needs) for rule in assignment.spec.items}
    while more := {needed for item in items for needed in needs[item]} - items:
        items = items | more
    return items


def _restricted(exam: Exam, items: set[str]) -> Exam:
    """The exam with these items alone; what is remembered of the mistakes' answers is shared."""
    spec = exam.assignment.spec
    rules = tuple(rule for rule in spec.items if rule.id in items)
    asks = {one.id for made in exam.assignment.checks.values() if made.item in items for one in made.all_asks}
    return replace(
        exam,
        assignment=replace(exam.assignment, spec=spec.model_copy(update={"items": rules}), plots=None),
        questions={name: drawn for name, drawn in exam.questions.items() if name in asks},
    )


def _judge(exam: Exam, answers: Mapping[str, Answer]) -> Report:
    recording = Recording(submission="audit", sha256="", answers=answers)
    return judge(exam, Submission("audit", "audit", ""), recording)


def _outcome(
    kind: str, program: str, base: Baseline, wanted: Report, report: Report, items: Collection[str]
) -> Outcome:
    """Compare a report with the one that it should be, over items that are asked of code."""
    before = {item.id: item for item in wanted.items}
    lost: dict[str, float] = {}
    named: dict[str, str] = {}
    messages: dict[str, str] = {}
    checked: list[str] = []
    failed: list[str] = []
    costly: list[str] = []
    margins: dict[str, float] = {}
    for item in report.items:
        if item.id not in items:
            continue
        if before[item.id].points - item.points > _LOST:
            lost[item.id] = round(before[item.id].points - item.points, 2)
        for right, now in zip(before[item.id].checks, item.checks, strict=True):
            name = f"{item.id}.{now.id}"
            checked.append(name)
            if now.margin is not None:
                margins[name] = now.margin
            if now.verdict is Verdict.PASS or right.verdict is not Verdict.PASS:
                continue
            failed.append(name)
            messages[name] = f"{now.message} {now.hint}".strip()
            messages.setdefault(item.id, messages[name])
            if right.points - now.points > _LOST:
                costly.append(name)
            if now.diagnosis:
                named.setdefault(item.id, now.diagnosis)
    return Outcome(
        kind, program, base.exam.seed, lost, named, (), messages, tuple(checked), tuple(failed), tuple(costly), margins
    )
