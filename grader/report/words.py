"""How verdicts are named and marked, the same on every page and in every export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from grader.model import Verdict


@dataclass(frozen=True)
class Look:
    """A verdict as people see it: never by its colour alone."""

    mark: str
    """One character, for tables and plain text."""
    word: str
    meaning: str
    emoji: str


VERDICTS: Mapping[Verdict, Look] = MappingProxyType(
    {
        Verdict.PASS: Look("✓", "Pass", "everything that was asked came back right", "✅"),
        Verdict.PARTIAL: Look("◐", "Partial", "some of it is right", "🟡"),
        Verdict.FAIL: Look("✗", "Fail", "something else than what was asked came back", "❌"),
        Verdict.ERROR: Look("!", "Error", "the notebook's code raised an exception", "💥"),
        Verdict.TIMEOUT: Look("◷", "Timeout", "no answer came back in time", "⏱️"),
        Verdict.MISSING: Look("–", "Missing", "what was asked for is not defined or returned nothing", "⬜"),
        Verdict.BLOCKED: Look("⊘", "Blocked", "another item has to be mended first", "⛔"),
        Verdict.HARNESS: Look("?", "Not graded", "the grading system failed, not the notebook", "🔧"),
    }
)


def points(value: float) -> int | float:
    """A number of points or percent as people and programs read it: two decimals, whole numbers without a point.

    Raises ValueError for NaN and infinities: a score that is no number is a fault of ours and must not be published.
    """
    rounded = round(float(value), 2)
    if rounded != rounded or rounded in (float("inf"), float("-inf")):
        raise ValueError(f"not a number of points: {value!r}")
    return int(rounded) if rounded.is_integer() else rounded


def decimals(values: Iterable[float | None]) -> int:
    """How many decimals a column of such numbers needs so that their points stand below each other."""
    texts = [str(points(value)) for value in values if value is not None]
    return max((len(text.partition(".")[2]) for text in texts), default=0)
