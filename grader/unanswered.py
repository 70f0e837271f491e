"""The words for a question that came back without a value: raised, too late, not there. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from grader.model import Answer, AnswerStatus, Finding, Recording, StudentError, Verdict
from grader.text import brief

_UNPARSED = ("SyntaxError", "IndentationError", "TabError")
_NO_MODULE = re.compile(r"No module named '([A-Za-z_][\w.]{0,80})'")
_UNBOUND = re.compile(r"name '(\w{1,80})' is not defined\b.*", re.DOTALL)
FORBIDDEN = "ForbiddenUse"
"""Type of the error that a module raises which must not do the work; its message says all."""

_STATUS_VERDICT = {
    AnswerStatus.RAISED: Verdict.ERROR,
    AnswerStatus.TIMEOUT: Verdict.TIMEOUT,
    AnswerStatus.DIED: Verdict.ERROR,
    AnswerStatus.MISSING: Verdict.MISSING,
    AnswerStatus.TOO_LARGE: Verdict.FAIL,
    AnswerStatus.SKIPPED: Verdict.TIMEOUT,
}


def unanswered(answer: Answer | None, recording: Recording, seconds: float) -> Finding:
    """What stands in the place of an answer that has no value; never a success."""
    if answer is None:
        return Finding(Verdict.MISSING, "The question was not reached, so there is no answer to it.")
    if package := _not_installed(answer, recording):
        return Finding(
            _STATUS_VERDICT[answer.status],
            f"Your code needs the package `{package}`, which is not installed where it was graded.",
            "Your instructor is asked to look at this. Do it without that package if you can.",
            needs_review=True,
        )
    words = _STATUS_WORDS[answer.status](answer, recording, seconds)
    return Finding(_STATUS_VERDICT[answer.status], words[0], words[1])


def _not_installed(answer: Answer, recording: Recording) -> str:
    """The package that this machine lacks and the answer wanted: itself, or a name that its import would have bound."""
    error = answer.error
    if error is None or answer.status is not AnswerStatus.RAISED:
        return ""
    unbound = _UNBOUND.fullmatch(error.message) if error.type == "NameError" else None
    if unbound is None:
        return _package(error)
    lost = [run.error for run in recording.cells if run.environment and run.error]
    of_name = [one for one in lost if re.search(rf"\b{re.escape(unbound[1])}\b", one.line)]
    return next(filter(None, map(_package, of_name)), "")


def _package(error: StudentError) -> str:
    found = _NO_MODULE.fullmatch(error.message) if error.type == "ModuleNotFoundError" else None
    return found[1].split(".")[0] if found else ""


def _raised(answer: Answer, _recording: Recording, _seconds: float) -> tuple[str, str]:
    error = answer.error
    if error is None:
        return "Your code raised an error.", ""
    where = f" in cell {error.cell}, line {error.line_no}" if error.cell and error.line_no else ""
    line = f": `{error.line.strip()}`" if error.line.strip() else ""
    look = f"Look{where}{line}" if where else ""
    if error.type == FORBIDDEN:
        return error.message, look
    told = brief(error.message, 300).rstrip(".!") or "without a message"
    return f"Your code raised {error.type}: {told}.", look


def _timed_out(_answer: Answer, _recording: Recording, seconds: float) -> tuple[str, str]:
    return f"Your code gave no answer within {seconds:g} seconds.", "Look for a loop that does not end."


def _died(_answer: Answer, recording: Recording, _seconds: float) -> tuple[str, str]:
    met = " ".join(recording.cut)
    return f"The process ended before it answered. {met}".strip(), "Look for an exit, a crash, or very large arrays."


def _missing(answer: Answer, recording: Recording, _seconds: float) -> tuple[str, str]:
    told = answer.error.message if answer.error else "The name that was asked for is not defined."
    lost = [(run.index, run.error.type) for run in recording.cells if run.error and run.error.type in _UNPARSED]
    if lost:
        cells = ", ".join(str(index) for index, _ in lost[:3])
        return (
            told,
            f"Cell {cells} could not be run because of its {lost[0][1]}. If this was to be defined there, mend that.",
        )
    return told, ""


def _too_large(_answer: Answer, _recording: Recording, _seconds: float) -> tuple[str, str]:
    return "What came back is far larger or deeper than an answer to this question can be.", ""


def _skipped(_answer: Answer, _recording: Recording, _seconds: float) -> tuple[str, str]:
    return "The notebook's time was used up before this question was asked.", ""


_STATUS_WORDS: Mapping[AnswerStatus, Callable[[Answer, Recording, float], tuple[str, str]]] = {
    AnswerStatus.RAISED: _raised,
    AnswerStatus.TIMEOUT: _timed_out,
    AnswerStatus.DIED: _died,
    AnswerStatus.MISSING: _missing,
    AnswerStatus.TOO_LARGE: _too_large,
    AnswerStatus.SKIPPED: _skipped,
}
