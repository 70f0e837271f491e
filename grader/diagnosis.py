"""Name the mistake: which catalogued mistake answers the same questions with the same values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from grader.exam import Exam, canonical
from grader.model import AnswerStatus, Recording, StudentError
from grader.rubric import AskDef, MistakeDef, Reply, Unreadable


def diagnose(
    exam: Exam, item_id: str, failed: Sequence[AskDef], replies: Mapping[str, Any], recording: Recording
) -> MistakeDef | None:
    """The catalogued mistake that the answers to ``failed`` match, or None.

    A mistake matches a question when it gives the same answer and the reference does not. Among several, the one
    that agrees with the student on most of the item's questions is named, then the one catalogued first.
    """
    if not failed:
        return None
    catalogue = [one for one in exam.assignment.mistakes if not one.composite]
    candidates = [one for one in catalogue if item_id in (one.item, *one.also)]
    own = [one for one in candidates if one.item == item_id] + [one for one in candidates if one.item != item_id]
    matching = [one for one in own if all(_matches(exam, one, ask, replies, recording) for ask in failed)]
    matching = [one for one in matching if any(_touches(exam, one, ask) for ask in failed)]
    if len(matching) < 2:
        return matching[0] if matching else None
    wider = [ask for ask in _asks_of(exam, item_id) if ask.id in exam.questions]
    return max(matching, key=lambda one: sum(_matches(exam, one, ask, replies, recording) for ask in wider))


def _asks_of(exam: Exam, item_id: str) -> Iterable[AskDef]:
    seen: dict[str, AskDef] = {}
    for (item, _), made in exam.assignment.checks.items():
        if item == item_id:
            seen |= {ask.id: ask for ask in made.all_asks}
    return seen.values()


def _matches(exam: Exam, mistake: MistakeDef, ask: AskDef, replies: Mapping[str, Any], recording: Recording) -> bool:
    answer = exam.mistaken(mistake, ask.id)
    reply = replies.get(ask.id)
    if answer.status is AnswerStatus.VALUE:
        if not isinstance(reply, Reply):
            return _same_unreadable(exam, ask, answer.value, recording)
        return _same(exam, ask, answer.value, reply.value)
    given = recording.answers.get(ask.id)
    if given is None or given.status is not answer.status or isinstance(reply, Reply):
        return False
    return given.status is AnswerStatus.TIMEOUT or _same_error(given.error, answer.error)


def _same(exam: Exam, ask: AskDef, mistaken: Any, value: Any) -> bool:
    inputs = exam.questions[ask.id].inputs
    try:
        return bool(ask.same(value, canonical(ask, mistaken, inputs).value, inputs))
    except Exception:  # noqa: BLE001
        # Two values of kinds that the comparison did not foresee are not the same.
        return False


def _same_unreadable(exam: Exam, ask: AskDef, mistaken: Any, recording: Recording) -> bool:
    """Both can't be read, for the same reason."""
    given = recording.answers.get(ask.id)
    if given is None or given.status is not AnswerStatus.VALUE:
        return False
    inputs = exam.questions[ask.id].inputs
    return _complaint(ask, mistaken, inputs) == _complaint(ask, given.value, inputs) != ""


def _complaint(ask: AskDef, value: Any, inputs: Mapping[str, Any]) -> str:
    try:
        canonical(ask, value, inputs)
    except Unreadable as error:
        return error.message
    except Exception:  # noqa: BLE001
        # Not foreseen by the reader, so nothing to compare by.
        return ""
    return ""


def _same_error(given: StudentError | None, mistaken: StudentError | None) -> bool:
    if given is None or mistaken is None:
        return False
    return given.type == mistaken.type and given.message == mistaken.message


def _touches(exam: Exam, mistake: MistakeDef, ask: AskDef) -> bool:
    """Does the mistake change the answer to this question at all?"""
    answer = exam.mistaken(mistake, ask.id)
    if answer.status is not AnswerStatus.VALUE:
        return True
    return not _same(exam, ask, answer.value, exam.expected[ask.id])
