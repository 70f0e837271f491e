"""One run's questions with their inputs drawn, and what the reference and the mistakes answer to them. Trusted side.

Everything derives from the run's seed: the same assignment and seed give the same exam, bit for bit.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grader.asks import plain, write
from grader.assignment import Assignment, AssignmentError
from grader.model import Answer, AnswerStatus, Ask, Paper, StudentError, Tree
from grader.rubric import AskDef, MistakeDef, Question, Read, Unreadable
from grader.supporting import needed
from grader.threads import one_thread
from grader.worker.answering import evaluate

TRIES = 20
"""How often a question's inputs are drawn again to satisfy its power guard."""


@dataclass(frozen=True)
class Drawn:
    """A question with its inputs."""

    definition: AskDef
    ask: Ask
    inputs: Mapping[str, Tree]


@dataclass(frozen=True)
class Reading:
    """An answer after the question's reader: with a canonical value, or with the reason why there is none."""

    status: AnswerStatus
    value: Tree = None
    complaint: str | None = None
    """What the reader said where it found nothing; empty where it did not foresee such an answer."""
    error: StudentError | None = None

    @property
    def readable(self) -> bool:
        return self.status is AnswerStatus.VALUE and self.complaint is None


@dataclass
class Exam:
    """The questions of a run. ``paper`` goes to the worker; everything else stays here."""

    assignment: Assignment
    seed: str
    public: bool
    questions: Mapping[str, Drawn]
    paper: Paper
    expected: Mapping[str, Tree]
    """The reference's canonical answers."""
    seconds: Mapping[str, float]
    """How long the reference took for each answer."""
    _mistaken: dict[tuple[str, str], Answer] = field(default_factory=dict)
    _readings: dict[tuple[str, str], Reading] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def mistaken(self, mistake: MistakeDef, ask_id: str) -> Answer:
        """What the mistake answers to this question; computed once."""
        key = (mistake.id, ask_id)
        with self._lock:
            if key not in self._mistaken:
                self._mistaken[key] = answer_of_mistake(self.assignment, mistake, self.questions[ask_id].ask)
            return self._mistaken[key]

    def mistaken_reading(self, mistake: MistakeDef, ask_id: str) -> Reading:
        """The mistake's answer as the question's reader sees it; read once."""
        key = (mistake.id, ask_id)
        with self._lock:
            if key not in self._readings:
                self._readings[key] = reading(self.questions[ask_id], self.mistaken(mistake, ask_id))
            return self._readings[key]


@one_thread()
def prepare(assignment: Assignment, seed: str, *, public: bool = False) -> Exam:
    """Draw every question (only the public ones for ``public``) and let the reference answer.

    Raises AssignmentError where the reference itself has no answer.
    """
    questions: dict[str, Drawn] = {}
    expected: dict[str, Tree] = {}
    seconds: dict[str, float] = {}
    known: dict[tuple[str, str], Answer] = {}
    for definition in assignment.asks.values():
        if public and not definition.public:
            continue
        drawn = _draw(assignment, definition, seed)
        questions[definition.id], expected[definition.id], seconds[definition.id], answers = drawn
        known |= {(mistake_id, definition.id): answer for mistake_id, answer in answers.items()}
    ordered = sorted((drawn.ask for drawn in questions.values()), key=lambda ask: ask.premised)
    names = {name: tuple(others) for name, others in assignment.spec.names.items()}
    paper = Paper(tuple(ordered), names, assignment.limits, number(seed, "notebook"))
    return Exam(assignment, seed, public, questions, paper, expected, seconds, known)


def number(*parts: str) -> int:
    """A 63-bit number from texts: the seed of one thing in one run."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def canonical(definition: AskDef, value: Tree, inputs: Mapping[str, Tree]) -> Read:
    """Bring a raw answer into canonical form; raises Unreadable."""
    read = definition.reads(value, inputs)
    return read if isinstance(read, Read) else Read(read)


def reading(drawn: Drawn, answer: Answer) -> Reading:
    """Read an answer for comparing: what can't be read is told by the reader's complaint."""
    if answer.status is not AnswerStatus.VALUE:
        return Reading(answer.status, error=answer.error)
    try:
        return Reading(answer.status, canonical(drawn.definition, answer.value, drawn.inputs).value)
    except Unreadable as error:
        return Reading(answer.status, complaint=error.message)
    except Exception:  # noqa: BLE001
        # A value that the reader did not foresee: there is nothing to compare by.
        return Reading(answer.status, complaint="")


def answer_of_mistake(assignment: Assignment, mistake: MistakeDef, ask: Ask) -> Answer:
    """Ask a mistake: the reference with one piece replaced."""
    if mistake.outcome is not None:
        return Answer(ask.id, mistake.outcome)
    namespace = {**assignment.reference, mistake.replaces: mistake.piece, **mistake.pieces}
    return _evaluate(assignment, ask, namespace)


def _evaluate(assignment: Assignment, ask: Ask, namespace: Mapping[str, Any]) -> Answer:
    with one_thread(), np.errstate(all="ignore"):
        return evaluate(ask, dict(namespace), assignment.spec.names, assignment.limits)


def _draw(assignment: Assignment, definition: AskDef, seed: str) -> tuple[Drawn, Tree, float, dict[str, Answer]]:
    """Draw inputs until the power guard is content; the last draw stands where none is.

    Also returns how long the reference took, and the mistakes' answers that were needed for it.
    """
    rivals = _rivals(assignment, definition)
    for attempt in range(TRIES if definition.guard else 1):
        drawn = _draw_once(assignment, definition, seed, attempt)
        answer = _evaluate(assignment, drawn.ask, assignment.reference)
        expected = _expected(definition, answer, drawn.inputs)
        answers: dict[str, Answer] = {}
        weak = _too_near(assignment, drawn, expected, rivals, answers)
        if weak is None:
            break
        # What was too near in this draw is likely to be so in the next: ask it first.
        rivals.remove(weak)
        rivals.insert(0, weak)
    return drawn, expected, answer.seconds, answers


def _draw_once(assignment: Assignment, definition: AskDef, seed: str, attempt: int) -> Drawn:
    rng = np.random.default_rng(number(seed, definition.id, str(attempt)))
    steps, returned = write(lambda: definition.build(rng))
    question = returned if isinstance(returned, Question) else Question(returned)
    checked_by = {made.item for made in assignment.checks.values() if definition in made.all_asks}
    banned = {module for item in assignment.spec.items if item.id in checked_by for module in item.forbidden}
    helpers = frozenset(str(step["name"]) for step in steps if step["op"] == "support")
    ask = Ask(
        id=definition.id,
        steps=steps,
        result=plain(question.result),
        seed=number(seed, definition.id, "answer") % 2**32,
        seconds=definition.seconds or assignment.limits.question_seconds,
        public=definition.public,
        support=needed(assignment.support, helpers) if helpers else "",
        forbidden=tuple(sorted(banned | set(definition.forbidden))),
        premised=definition.premised,
    )
    return Drawn(definition, ask, question.inputs)


def _expected(definition: AskDef, answer: Answer, inputs: Mapping[str, Tree]) -> Tree:
    if answer.status is not AnswerStatus.VALUE:
        told = answer.error and f"{answer.error.type}: {answer.error.message} ({answer.error.line})"
        raise AssignmentError(f"the reference has no answer to {definition.id}: {answer.status} {told or ''}")
    try:
        return canonical(definition, answer.value, inputs).value
    except Unreadable as error:
        raise AssignmentError(f"the reference's answer to {definition.id} can't be read: {error}") from None


def _rivals(assignment: Assignment, definition: AskDef) -> list[MistakeDef]:
    """The mistakes that this question has to tell from the reference, where it has a power guard."""
    if definition.guard is None:
        return []
    items = {made.item for made in assignment.checks.values() if definition in made.all_asks}
    return [one for one in assignment.mistakes if one.item in items and one.outcome is None and not one.composite]


def _too_near(
    assignment: Assignment, drawn: Drawn, expected: Tree, rivals: list[MistakeDef], answers: dict[str, Answer]
) -> MistakeDef | None:
    """The first mistake that changes the answer to this question by less than the margin; ``answers`` is filled.

    A mistake that raises, can't be read, or gives exactly the reference's answer (distance 0) is none.
    """
    definition = drawn.definition
    for mistake in rivals:
        answers[mistake.id] = answer = answer_of_mistake(assignment, mistake, drawn.ask)
        read = reading(drawn, answer)
        if definition.guard is None or not read.readable:
            continue
        if 0.0 < definition.guard(read.value, expected, drawn.inputs) < definition.margin:
            return mistake
    return None
