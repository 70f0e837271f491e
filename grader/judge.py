"""Judge a recording against the reference's answers. Pure: no I/O, no student code, the same in gives the same out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from grader.assignment import CheckSpec, ItemSpec
from grader.compare import fail
from grader.diagnosis import Diagnosis
from grader.exam import Exam, canonical
from grader.model import (
    Answer,
    AnswerStatus,
    CellStatus,
    CheckResult,
    Finding,
    ItemResult,
    Recording,
    Report,
    Status,
    Submission,
    Tree,
    Verdict,
)
from grader.rubric import AskDef, BestOf, CheckDef, Reply, Unreadable
from grader.source import forbidden_uses
from grader.text import brief
from grader.threads import one_thread
from grader.unanswered import unanswered

# Which of several failed ways of asking tells the student most.
_TELLING = (
    Verdict.PASS,
    Verdict.PARTIAL,
    Verdict.FAIL,
    Verdict.TIMEOUT,
    Verdict.ERROR,
    Verdict.MISSING,
    Verdict.BLOCKED,
    Verdict.HARNESS,
)

# Which verdict an item gets when none of its points were earned.
_PRECEDENCE = (
    Verdict.HARNESS,
    Verdict.BLOCKED,
    Verdict.TIMEOUT,
    Verdict.ERROR,
    Verdict.MISSING,
    Verdict.FAIL,
)


@dataclass(frozen=True)
class Case:
    """All that judging one submission looks at, with its answers read once."""

    exam: Exam
    submission: Submission
    recording: Recording
    replies: Mapping[str, Reply | Finding]
    """Per ask: the canonical answer, or the finding that stands in its place."""
    diagnosis: Diagnosis
    fallen: tuple[str, ...] = ()
    """Items before this one that lost points."""


@contextmanager
def _quietly() -> Iterator[None]:
    """Values such as NaN make libraries warn; that is for the report to say, not for the terminal."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@one_thread()
@_quietly()
def judge(exam: Exam, submission: Submission, recording: Recording) -> Report:
    """The submission's report: every item from its checks, every check from what was recorded."""
    spec = exam.assignment.spec
    if recording.harness_error is not None:
        told = f"The grader itself failed here, so there is no score. {recording.harness_error}"
        return _report(exam, submission, recording, _nothing_asked(exam, Verdict.HARNESS, told))
    fatal = next((problem for problem in submission.problems if problem.fatal), None)
    if fatal is not None:
        report = _report(exam, submission, recording, _nothing_asked(exam, Verdict.MISSING, fatal.message, fatal.hint))
        return replace(report, advice=(f"{fatal.message} {fatal.hint}".strip(),))
    replies = _replies(exam, recording)
    case = Case(exam, submission, recording, replies, Diagnosis(exam, replies, recording))
    graded: dict[str, ItemResult] = {}
    for rule in spec.items:
        unmet = _unmet(rule, graded)
        fallen = tuple(name for name, item in graded.items() if item.points < item.max_points)
        graded[rule.id] = _block(_item(replace(case, fallen=fallen), rule, unmet), unmet)
    items = [item for item in graded.values() if item.checks]  # of some items no check is public
    report = _report(exam, submission, recording, items)
    return replace(report, advice=_advice(case, items), plots=_plots(case))


# --- answers --------------------------------------------------------------------------------


def _replies(exam: Exam, recording: Recording) -> dict[str, Reply | Finding]:
    return {ask_id: _reply(exam, ask_id, recording.answers.get(ask_id), recording) for ask_id in exam.questions}


def _reply(exam: Exam, ask_id: str, answer: Answer | None, recording: Recording) -> Reply | Finding:
    drawn = exam.questions[ask_id]
    if answer is None or answer.status is not AnswerStatus.VALUE:
        return unanswered(answer, recording, drawn.ask.seconds)
    try:
        read = canonical(drawn.definition, answer.value, drawn.inputs)
    except Unreadable as error:
        return Finding(Verdict.FAIL, error.message, error.hint)
    except Exception:  # noqa: BLE001
        # A value that our reader did not foresee: wrong, since the reference's is read, but a person should look.
        return Finding(
            Verdict.FAIL, "What came back could not be read as an answer to this question.", needs_review=True
        )
    return Reply(read.value, exam.expected[ask_id], drawn.inputs, (*answer.notes, *read.notes))


# --- checks ---------------------------------------------------------------------------------


def _item(case: Case, rule: ItemSpec, unmet: Sequence[ItemResult]) -> ItemResult:
    made = [(made, spec) for made, spec in case.exam.assignment.checks_of(rule) if made.public or not case.exam.public]
    total = sum(spec.weight for _, spec in made)
    banned = _banned(case, rule)
    # Where what it rests on is wrong, only a mistake made there is to be told.
    blamed = [one.id for one in unmet] or None
    checks = tuple(_check(case, rule, definition, spec, total, banned, blamed) for definition, spec in made)
    points = round(sum(one.points for one in checks), 2)
    return ItemResult(
        id=rule.id,
        title=rule.title,
        points=min(points, rule.points),
        max_points=rule.points,
        verdict=_verdict(checks),
        checks=checks,
        extension=rule.extension,
        asked=rule.asked,
        notes=_notes(case, [definition for definition, _ in made]),
    )


def _check(
    case: Case,
    rule: ItemSpec,
    definition: CheckDef,
    spec: CheckSpec,
    total: float,
    banned: Finding | None,
    blamed: Sequence[str] | None,
) -> CheckResult:
    # A finding is true where it passes, so `is None`, not `not`.
    finding, failed = _find(case, definition, spec) if banned is None else (banned, ())
    share = rule.points * spec.weight / total if total else 0.0
    # An extra without points is too little to blame a mistake by: nothing else of the item contradicts it.
    nameless = finding or banned is not None or not share
    named = None if nameless else case.diagnosis.name(rule.id, failed, blamed)
    return CheckResult(
        id=definition.id,
        title=spec.title or definition.title,
        verdict=finding.verdict,
        points=round(share * finding.earned, 4),
        max_points=round(share, 4),
        message=finding.message,
        hint=finding.hint or ("" if finding else spec.hint),
        diagnosis=named.id if named else None,
        diagnosis_text=named.sentence if named else "",
        needs_review=finding.needs_review,
        public=definition.public,
        margin=finding.margin,
    )


def _find(case: Case, definition: CheckDef, spec: CheckSpec) -> tuple[Finding, tuple[AskDef, ...]]:
    """The best finding over the ways of asking, and the asks that it rests on."""
    ways: list[tuple[AskDef, ...]] = [()]
    for source in definition.asks:
        options = source.asks if isinstance(source, BestOf) else (source,)
        ways = [(*way, option) for way in ways for option in options]
    ways = [way for way in ways if all(one.id in case.exam.questions for one in way)] or [()]
    found = [(_run(case, definition, spec, way), way) for way in ways]
    return max(found, key=lambda pair: (pair[0].earned, -_TELLING.index(pair[0].verdict)))


def _run(case: Case, definition: CheckDef, spec: CheckSpec, way: tuple[AskDef, ...]) -> Finding:
    replies = {one.id: case.replies[one.id] for one in way}
    if AnswerStatus.RAISED not in definition.statuses:
        for reply in replies.values():
            if isinstance(reply, Finding):
                return reply
    arguments = {
        name: value for name, value in _arguments(case, spec, replies).items() if name in definition.parameters
    }
    try:
        return definition.function(**arguments)
    except Exception:  # noqa: BLE001
        # The reference's answer went through this check, so it is the value that the check did not foresee.
        return fail("What came back could not be compared with what was expected.", needs_review=True)


def _arguments(case: Case, spec: CheckSpec, replies: Mapping[str, Reply | Finding]) -> dict[str, Tree]:
    given: dict[str, Tree] = {
        "submission": case.submission,
        "recording": case.recording,
        "settings": case.exam.assignment.spec.settings,
        "fallen": case.fallen,
        **spec.thresholds,
        **replies,
    }
    if len(replies) == 1:
        (only,) = replies.values()
        if isinstance(only, Reply):
            given |= {"answer": only.value, "expected": only.expected, "inputs": only.inputs}
    return given


def _banned(case: Case, rule: ItemSpec) -> Finding | None:
    """A finding where the item's own code lets a forbidden module do its work."""
    if not rule.forbidden:
        return None
    names = case.exam.assignment.spec.names
    for cell, line_no, line in forbidden_uses(case.submission.cells, rule.uses, rule.forbidden, names)[:1]:
        modules = " or ".join(f"`{module}`" for module in rule.forbidden)
        return Finding(
            Verdict.FAIL,
            f"This is to be written from scratch, and your code uses {modules} for it.",
            f"Look in cell {cell}, line {line_no}: `{line.strip()[:120]}`",
        )
    return None


def _notes(case: Case, definitions: Sequence[CheckDef]) -> tuple[str, ...]:
    notes: dict[str, None] = {}
    for definition in definitions:
        for one in definition.all_asks:
            reply = case.replies.get(one.id)
            if isinstance(reply, Reply):
                notes |= dict.fromkeys(reply.notes)
    return tuple(notes)


def _verdict(checks: Sequence[CheckResult]) -> Verdict:
    """The item's verdict from the checks that carry points."""
    scoring = [one for one in checks if one.max_points > 0]
    if all(one.verdict is Verdict.PASS and one.points >= one.max_points for one in scoring):
        return Verdict.PASS
    if any(one.points > 0 for one in scoring):
        return Verdict.PARTIAL
    return next((verdict for verdict in _PRECEDENCE if any(one.verdict is verdict for one in scoring)), Verdict.FAIL)


# --- the whole ------------------------------------------------------------------------------


def _unmet(rule: ItemSpec, earlier: Mapping[str, ItemResult]) -> list[ItemResult]:
    """The items that this one rests on and that are not right."""
    return [earlier[needed] for needed in rule.needs if earlier[needed].verdict is not Verdict.PASS]


def _block(item: ItemResult, unmet: Sequence[ItemResult]) -> ItemResult:
    """Mark what can't be judged before another item is mended.

    Checks that pass keep their points, unless an item that this one needs has earned none: then there is nothing that
    they could have observed (a mixture that is never updated doesn't lose likelihood, either).
    """
    if not unmet or item.verdict is Verdict.PASS:
        return item
    nothing = any(needed.points == 0 and needed.max_points > 0 for needed in unmet)
    named = " and ".join(f"“{needed.title}”" for needed in unmet)
    told = f"Mend {named} first: this rests on {'it' if len(unmet) == 1 else 'them'}."
    checks = tuple(
        replace(
            one,
            verdict=Verdict.BLOCKED,
            points=0.0 if nothing else one.points,
            message=f"{told} {one.message}".strip(),
        )
        if nothing or one.verdict is not Verdict.PASS
        else one
        for one in item.checks
    )
    points = round(sum(one.points for one in checks), 2)
    return replace(item, checks=checks, verdict=Verdict.BLOCKED, points=points)


def _nothing_asked(exam: Exam, verdict: Verdict, message: str, hint: str = "") -> list[ItemResult]:
    """Every item with one check in place of its own, where there was nothing to ask, or nobody to ask it."""
    items = []
    for rule in exam.assignment.spec.items:
        if any(made.public or not exam.public for made, _ in exam.assignment.checks_of(rule)):
            only = CheckResult(verdict.value, rule.title, verdict, 0.0, rule.points, message, hint)
            items.append(
                ItemResult(rule.id, rule.title, 0.0, rule.points, verdict, (only,), rule.extension, rule.asked)
            )
    return items


def _report(exam: Exam, submission: Submission, recording: Recording, items: Sequence[ItemResult]) -> Report:
    spec = exam.assignment.spec
    failed = recording.harness_error is not None
    base = round(sum(item.points for item in items if not item.extension), 2)
    bonus = round(sum(item.points for item in items if item.extension), 2)
    max_score = (
        round(sum(item.max_points for item in items if not item.extension), 2) if exam.public else spec.max_score
    )
    percent = round(min(100.0, 100.0 * (base + bonus) / max_score), 2) if max_score else 0.0
    return Report(
        assignment=spec.assignment,
        title=spec.title,
        submission=submission,
        status=Status.HARNESS_ERROR if failed else Status.GRADED,
        items=tuple(items),
        score=None if failed else base,
        max_score=max_score,
        bonus=None if failed else bonus,
        percent=None if failed else percent,
        passed=None if failed else percent >= spec.pass_mark,
        pass_mark=spec.pass_mark,
        seed=exam.seed if exam.public else None,
        sandbox=recording.sandbox,
        versions=dict(recording.versions),
        notices=(*(f"{p.message} {p.hint}".strip() for p in submission.problems), *recording.cut),
        harness_error=recording.harness_error,
    )


def _advice(case: Case, items: Sequence[ItemResult]) -> tuple[str, ...]:
    """What to mend first: cells that stop, then the items in order, those that block others before the rest."""
    stops: dict[tuple[object, ...], str] = {}  # one mistake may stop many cells
    for run in case.recording.cells:
        if run.error and not run.environment and run.status is CellStatus.ERROR:
            told = f"Cell {run.index} stops with {run.error.type}: {brief(run.error.message, 120)}"
            stops.setdefault((run.error.type, run.error.message, run.error.cell, run.error.line_no), told)
    advice = list(stops.values())[:3]
    needed = {name for rule in case.exam.assignment.spec.items for name in rule.needs}
    settled = (Verdict.PASS, Verdict.BLOCKED)  # what is blocked comes right with what it needs
    open_items = [item for item in items if item.verdict not in settled and not item.extension]
    for item in sorted(open_items, key=lambda item: item.id not in needed):
        worst = next((one for one in item.checks if one.verdict not in settled and one.max_points > 0), None)
        cause = (worst.diagnosis_text or worst.message or worst.title) if worst else ""
        if cause and not any(one in cause for one in advice):  # the cell that stopped is told already
            advice.append(f"{item.title}: {cause}")
    return tuple(advice[:5])


def _plots(case: Case) -> dict[str, Tree]:
    draw = case.exam.assignment.plots
    replies = {ask_id: reply for ask_id, reply in case.replies.items() if isinstance(reply, Reply)}
    try:
        plots = dict(draw(replies)) if draw else {}
    except Exception:  # noqa: BLE001
        # Drawings are an extra: a value that can't be drawn must not cost the report.
        plots = {}
    figures = [
        {"cell": one.cell, "mime": one.mime, "data": one.data, "axes": list(one.axes)} for one in case.recording.figures
    ]
    return {**plots, "figures": figures} if figures else plots
