"""One question in the process of the notebook itself, where the platform has no fork.

What the question changed is put back as well as Python allows: names get deep copies of what they held, and the
classes of the notebook their attributes. Objects that can't be copied are shared from one question to the next.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any

from grader.model import Answer, AnswerStatus, Ask, Limits, StudentError
from grader.worker.alarm import CellTimeout, time_limit
from grader.worker.answering import SupportFault, evaluate
from grader.worker.lookup import Names
from grader.worker.question import cpu_used

_MAIN = "__main__"


def ask_alone(
    ask: Ask, namespace: MutableMapping[str, object], names: Names, limits: Limits, shared: Iterable[object] = ()
) -> tuple[Answer, float]:
    """Answer ``ask`` here; the answer and the CPU seconds it took. ``shared`` objects are never copied.

    Call it in the main thread, the only one that a time limit can interrupt.
    """
    before = cpu_used()
    try:
        with restored(namespace, shared):
            answer = _answer(ask, namespace, names, limits)
    except CellTimeout:
        answer = _overdue(ask)
    return answer, cpu_used() - before


def _answer(ask: Ask, namespace: MutableMapping[str, object], names: Names, limits: Limits) -> Answer:
    try:
        with time_limit(ask.seconds):
            answer = evaluate(ask, namespace, names, limits)
    except SupportFault as fault:
        return Answer(ask.id, AnswerStatus.DIED, error=StudentError("harness", str(fault)[:2000]))
    if answer.status is AnswerStatus.RAISED and answer.error and answer.error.type == CellTimeout.__name__:
        return _overdue(ask)
    return answer


def _overdue(ask: Ask) -> Answer:
    words = f"There was no answer after {ask.seconds:g} seconds."
    return Answer(ask.id, AnswerStatus.TIMEOUT, error=StudentError("Timeout", words))


@contextmanager
def restored(namespace: MutableMapping[str, object], shared: Iterable[object] = ()) -> Iterator[None]:
    """Put names, and the attributes of the notebook's classes, back to what they are now."""
    memo: dict[int, Any] = {id(value): value for value in shared}
    names = {name: _copied(value, memo) for name, value in namespace.items()}
    classes = [value for value in namespace.values() if isinstance(value, type) and value.__module__ == _MAIN]
    attributes = [(kind, {key: _copied(value, memo) for key, value in vars(kind).items()}) for kind in classes]
    try:
        yield
    finally:
        for name in [name for name in namespace if name not in names]:
            del namespace[name]
        namespace.update(names)
        for kind, held in attributes:
            _put_back(kind, held)


def _put_back(kind: type, held: Mapping[str, object]) -> None:
    for key in [key for key in vars(kind) if key not in held]:
        with suppress(AttributeError, TypeError):
            delattr(kind, key)
    for key, value in held.items():
        if vars(kind).get(key) is not value:
            with suppress(AttributeError, TypeError):
                setattr(kind, key, value)


def _copied(value: object, memo: dict[int, Any]) -> Any:
    try:
        return copy.deepcopy(value, memo)
    except Exception:  # noqa: BLE001  a lock, an open file, a student's __deepcopy__
        return value
