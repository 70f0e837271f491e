"""Answer one question: run an ask's steps over the definitions that a notebook (or the reference) left.

`evaluate` works in any Python process. Nothing of it is trusted to judge; what student code returned or raised
leaves as plain data. Whose fault an exception is:

* Student code raised, also where a helper of the support module called it or stumbled over what it returned:
  the answer is ``RAISED`` with a `StudentError`. An error in the helper itself, with no line of a cell in it, has
  ``function`` set to ``<support>``. The reference is asked the same, so a helper that is really broken shows there.
* The ask itself can't be run (the support module does not load, a step is malformed): `SupportFault` is raised.
  The process that forks for a question turns it into ``DIED`` with the error type ``harness``.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from types import CodeType
from typing import Any

import numpy as np

from grader.model import Answer, AnswerStatus, Ask, Limits, StudentError, Tree
from grader.worker.blame import student_error
from grader.worker.forbidden import forbidding
from grader.worker.lookup import Missing, Names
from grader.worker.plain import TooLarge, to_plain
from grader.worker.seeds import seeded
from grader.worker.steps import Steps
from grader.worker.support import SupportFault
from grader.worker.tail import Tail

__all__ = ["SupportFault", "evaluate"]

OUTPUT_LIMIT = 2000
NOTE_LIMIT = 40


def evaluate(ask: Ask, namespace: MutableMapping[str, object], names: Names, limits: Limits) -> Answer:
    """Run the steps of ``ask`` over ``namespace`` and return what came back as plain data.

    Leaves the generators, warnings, output streams and open figures of the process as they were. Raises
    `SupportFault` when the ask itself is at fault, nothing else.
    """
    started = time.perf_counter()
    tail = Tail(OUTPUT_LIMIT)
    steps = Steps(namespace, names, limits)
    value: Tree = None
    error: StudentError | None = None
    with _undisturbed(ask, namespace, tail):
        try:
            live = steps.run(ask)
            value = to_plain(live, limits.answer_bytes, limits.answer_depth)
            status = AnswerStatus.VALUE
        except SupportFault:
            raise
        except Missing as missing:
            status, error = AnswerStatus.MISSING, StudentError("Missing", str(missing))
        except TooLarge as large:
            status, error = AnswerStatus.TOO_LARGE, StudentError("TooLarge", str(large))
        except BaseException as raised:  # noqa: BLE001  SystemExit, KeyboardInterrupt, anything a student may raise
            status, error = AnswerStatus.RAISED, _blamed(raised, steps.called, steps.helping)
    notes = tuple(dict.fromkeys(steps.notes))[:NOTE_LIMIT]
    return Answer(ask.id, status, value, error, notes, tail.text(), time.perf_counter() - started)


def _blamed(raised: BaseException, called: CodeType | None, helping: bool) -> StudentError:
    error = student_error(raised, called)
    if helping and error.cell is None:
        return StudentError(error.type, error.message, function="<support>")
    return error


@contextmanager
def _undisturbed(ask: Ask, namespace: MutableMapping[str, object], tail: Tail) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(tail))
        stack.enter_context(redirect_stderr(tail))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"))
        stack.enter_context(_figures_closed())
        stack.enter_context(seeded(ask.seed, namespace))
        stack.enter_context(forbidding(ask.forbidden, namespace))
        yield


@contextmanager
def _figures_closed() -> Iterator[None]:
    """Close the figures that student code opened, if it plots at all."""
    before = _figures(sys.modules.get("matplotlib.pyplot"))
    try:
        yield
    finally:
        pyplot = sys.modules.get("matplotlib.pyplot")
        for number in _figures(pyplot) - before:
            with suppress(Exception):  # closing calls a student's handlers
                pyplot.close(number)  # type: ignore[union-attr]


def _figures(pyplot: Any) -> set[int]:
    return set(pyplot.get_fignums()) if pyplot is not None else set()
