"""Name the mistake: which catalogued mistake answers the same questions with the same values. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from grader.compare import same_tree
from grader.exam import Exam, Reading, reading
from grader.model import Answer, AnswerStatus, Recording, StudentError
from grader.rubric import AskDef, MistakeDef, Reply

_NO_ANSWER = Answer("", AnswerStatus.MISSING)
_COMPARABLE = (AnswerStatus.VALUE, AnswerStatus.RAISED, AnswerStatus.TIMEOUT)
"""What a catalogued mistake can answer."""


class Diagnosis:
    """Compares one submission's answers with the mistakes', each pair once."""

    def __init__(self, exam: Exam, replies: Mapping[str, Any], recording: Recording) -> None:
        self._exam = exam
        self._replies = replies
        self._recording = recording
        self._readings: dict[str, Reading] = {}
        self._matches: dict[tuple[str, str], bool] = {}

    def name(self, item_id: str, failed: Sequence[AskDef], blamed: Sequence[str] | None = None) -> MistakeDef | None:
        """The catalogued mistake that the answers to ``failed`` match, or None; with ``blamed`` one of these items'.

        A mistake matches a question when it gives the same answer and the reference does not. Among several, the
        one that agrees with the student on most of the item's questions is named, then on most questions of all items
        in which one of them shows, then the one catalogued first. None is named that would show in a question of the
        item that the student answers right: a false name is worse than none.
        """
        if not failed:
            return None
        asks = sorted(failed, key=lambda ask: self._exam.seconds[ask.id])  # most differ in what costs least to ask
        matching = [
            one
            for one in _candidates(self._exam, item_id, blamed)
            if all(self._match(one, ask) for ask in asks) and any(_changes(self._exam, one, ask) for ask in asks)
        ]
        errors = all(self._reading(ask).status is AnswerStatus.RAISED for ask in asks)
        matching = [one for one in matching if not self._contradicted(one, item_id, by_values=not errors)]
        touched = {name for one in matching for name in (one.item, *one.also)}
        for wider in ({item_id}, touched):
            if len(matching) < 2:
                break
            agreed = [sum(self._match(one, ask) for ask in _asks_of(self._exam, wider)) for one in matching]
            matching = [one for one, count in zip(matching, agreed, strict=True) if count == max(agreed)]
        return matching[0] if matching else None

    def _match(self, mistake: MistakeDef, ask: AskDef) -> bool:
        key = (mistake.id, ask.id)
        if key not in self._matches and self._reading(ask).status not in _COMPARABLE:
            self._matches[key] = False  # without asking the mistake, which costs more than all the rest
        if key not in self._matches:
            theirs = self._exam.mistaken_reading(mistake, ask.id)
            self._matches[key] = _same(self._exam, ask, self._reading(ask), theirs)
        return self._matches[key]

    def _contradicted(self, mistake: MistakeDef, item_id: str, *, by_values: bool) -> bool:
        """Would the mistake change an answer of the item that the student gives as the reference does?

        ``by_values``: only by numbers that are the reference's, which no random answer is by chance.
        """
        return any(
            self._is_right(ask, by_values=by_values) and _changes(self._exam, mistake, ask)
            for ask in _asks_of(self._exam, {item_id})
        )

    def _is_right(self, ask: AskDef, *, by_values: bool) -> bool:
        own, expected = self._reading(ask), self._exam.expected[ask.id]
        if by_values and not (own.readable and same_tree(own.value, expected)):
            return False
        return _same(self._exam, ask, own, Reading(AnswerStatus.VALUE, expected))

    def _reading(self, ask: AskDef) -> Reading:
        if ask.id not in self._readings:
            reply = self._replies.get(ask.id)
            if isinstance(reply, Reply):
                self._readings[ask.id] = Reading(AnswerStatus.VALUE, reply.value)
            else:
                answer = self._recording.answers.get(ask.id, _NO_ANSWER)
                self._readings[ask.id] = reading(self._exam.questions[ask.id], answer)
        return self._readings[ask.id]


def alike(exam: Exam, one: MistakeDef, other: MistakeDef) -> bool:
    """Do two mistakes answer all questions of the first one's item alike, so that nothing there tells them apart?"""
    return all(
        _same(exam, ask, exam.mistaken_reading(one, ask.id), exam.mistaken_reading(other, ask.id))
        for ask in _asks_of(exam, {one.item})
    )


def _candidates(exam: Exam, item_id: str, blamed: Sequence[str] | None) -> list[MistakeDef]:
    """Mistakes that may be seen in the item, its own first."""
    single = [one for one in exam.assignment.mistakes if not one.composite and item_id in (one.item, *one.also)]
    found = [one for one in single if blamed is None or one.item in blamed]
    return sorted(found, key=lambda one: one.item != item_id)


def _asks_of(exam: Exam, items: Collection[str]) -> list[AskDef]:
    found: dict[str, AskDef] = {}
    for (item, _), made in exam.assignment.checks.items():
        if item in items:
            found |= {ask.id: ask for ask in made.all_asks if ask.id in exam.questions}
    return list(found.values())


def _changes(exam: Exam, mistake: MistakeDef, ask: AskDef) -> bool:
    """Is the mistake's answer to this question another than the reference's?"""
    return not _same(
        exam, ask, exam.mistaken_reading(mistake, ask.id), Reading(AnswerStatus.VALUE, exam.expected[ask.id])
    )


def _same(exam: Exam, ask: AskDef, one: Reading, other: Reading) -> bool:
    """The same behaviour: values alike, unreadable for the same reason, or the same error."""
    if one.status is not other.status:
        return False
    if one.status is not AnswerStatus.VALUE:
        return one.status is AnswerStatus.TIMEOUT or _same_error(one.error, other.error)
    if not one.readable or not other.readable:
        return one.complaint == other.complaint != ""
    try:
        return bool(ask.same(one.value, other.value, exam.questions[ask.id].inputs))
    except Exception:  # noqa: BLE001
        # Two values of kinds that the comparison did not foresee are not the same.
        return False


def _same_error(one: StudentError | None, other: StudentError | None) -> bool:
    if one is None or other is None:
        return False
    return one.type == other.type and _gist(one.message) == _gist(other.message)


def _gist(message: str) -> str:
    """The message without what depends on sizes: two programs that trip over the same thing say the same otherwise."""
    return re.sub(r"\d+", "#", message)
