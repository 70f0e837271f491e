"""What a class's results say about the class and about the items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grader.model import CheckResult, ItemResult, Report, Status, Verdict

DISCRIMINATION_FROM = 10
"""Submissions below which a correlation says nothing."""
BINS = 10


@dataclass(frozen=True)
class ItemStats:
    """One item over all graded submissions."""

    id: str
    title: str
    max_points: float
    extension: bool
    mean: float
    full_rate: float
    """Share of submissions with all points, 0 to 1."""
    verdicts: tuple[tuple[Verdict, int], ...]
    diagnoses: tuple[tuple[str, int], ...]
    """(the mistake in words, submissions), most frequent first."""
    discrimination: float | None
    """See `discrimination`."""


@dataclass(frozen=True)
class ClassStats:
    """The class as a whole; scores in percent, None without a graded submission."""

    submissions: int
    graded: int
    passed: int
    mean: float | None
    median: float | None
    bins: tuple[int, ...]
    """Submissions per tenth of the percentage; 100 % belongs to the last."""
    items: tuple[ItemStats, ...]


@dataclass(frozen=True)
class Review:
    """A check that a person should look at."""

    report: Report
    number: int
    """Place of the item in the report, from 1."""
    item: ItemResult
    check: CheckResult


def class_stats(reports: Sequence[Report]) -> ClassStats:
    """Statistics over the graded submissions; the harness's failures are counted and otherwise left out."""
    graded = [report for report in reports if report.status is Status.GRADED]
    percents = np.array([report.percent for report in graded if report.percent is not None], dtype=float)
    tenths = np.clip((percents // (100 / BINS)).astype(int), 0, BINS - 1)
    return ClassStats(
        submissions=len(reports),
        graded=len(graded),
        passed=sum(1 for report in graded if report.passed),
        mean=float(percents.mean()) if percents.size else None,
        median=float(np.median(percents)) if percents.size else None,
        bins=tuple(int(count) for count in np.bincount(tenths, minlength=BINS)),
        items=_items(graded),
    )


def review_queue(reports: Sequence[Report]) -> tuple[Review, ...]:
    """Everything that a person should look at, in the order of the reports."""
    return tuple(
        Review(report, number, item, check)
        for report in reports
        for number, item in enumerate(report.items, 1)
        for check in item.checks
        if check.needs_review
    )


def discrimination(points: Sequence[float], totals: Sequence[float]) -> float | None:
    """How well an item tells strong from weak submissions: its correlation with the points of all other items.

    Pearson's r between the item and the rest, so that the item isn't correlated with itself ("corrected item-total
    correlation": Nunnally & Bernstein, Psychometric Theory, 3rd ed. 1994, ch. 8). None below `DISCRIMINATION_FROM`
    submissions, and where everybody has the same points.
    """
    item, rest = np.asarray(points, dtype=float), np.asarray(totals, dtype=float) - np.asarray(points, dtype=float)
    if item.size < DISCRIMINATION_FROM or np.ptp(item) < 1e-9 or np.ptp(rest) < 1e-9:
        return None
    return float(np.corrcoef(item, rest)[0, 1])


def _items(graded: Sequence[Report]) -> tuple[ItemStats, ...]:
    by_id: dict[str, list[ItemResult]] = {}
    for report in graded:
        for item in report.items:
            by_id.setdefault(item.id, []).append(item)
    totals = [sum(item.points for item in report.items) for report in graded]
    return tuple(_item(results, totals) for results in by_id.values())


def _item(results: Sequence[ItemResult], totals: Sequence[float]) -> ItemStats:
    first = results[0]
    counts = Counter(result.verdict for result in results)
    named = Counter(text for result in results for text in {_named(check) for check in result.checks} if text)
    earned = [result.points for result in results]
    return ItemStats(
        id=first.id,
        title=first.title,
        max_points=first.max_points,
        extension=first.extension,
        mean=sum(earned) / len(earned),
        full_rate=sum(1 for result in results if result.points >= result.max_points - 1e-9) / len(results),
        verdicts=tuple((verdict, counts[verdict]) for verdict in Verdict if counts[verdict]),
        # Equal counts in the order of the words, so that the page doesn't depend on the order of a set.
        diagnoses=tuple(sorted(named.items(), key=lambda pair: (-pair[1], pair[0]))[:3]),
        discrimination=discrimination(earned, totals) if len(earned) == len(totals) else None,
    )


def _named(check: CheckResult) -> str:
    return check.diagnosis_text or check.diagnosis or ""
