from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grader.model import ItemResult, Report, Verdict
from grader.report.analysis import class_stats, discrimination, review_queue
from grader.report.words import decimals, points
from tests.report.sample import check, class_reports, harness_report, sample_report, scored


def with_points(*earned: float) -> Report:
    items = tuple(
        ItemResult(f"item{n}", f"Item {n}", got, 50.0, Verdict.PASS if got == 50 else Verdict.FAIL)
        for n, got in enumerate(earned)
    )
    return scored(replace(sample_report(), items=items))


def test_counts_and_averages():
    stats = class_stats([with_points(50, 50), with_points(50, 0), with_points(30, 10), harness_report()])
    assert (stats.submissions, stats.graded, stats.passed) == (4, 3, 1)
    assert (stats.mean, stats.median) == (pytest.approx(190 / 3), 50.0)
    assert stats.bins == (0, 0, 0, 0, 1, 1, 0, 0, 0, 1)
    first = stats.items[0]
    assert (first.mean, first.full_rate) == (pytest.approx(130 / 3), pytest.approx(2 / 3))
    assert first.verdicts == ((Verdict.PASS, 2), (Verdict.FAIL, 1))


def test_every_percentage_has_its_bin():
    assert class_stats([with_points(50, 50)]).bins[-1] == 1
    assert class_stats([with_points(50, 40)]).bins[9] == 1
    assert class_stats([with_points(0, 0)]).bins[0] == 1


@pytest.mark.parametrize("reports", [(), (harness_report(),)], ids=["empty", "only failures"])
def test_nothing_graded_gives_no_averages(reports):
    stats = class_stats(reports)
    assert (stats.graded, stats.mean, stats.median, stats.items) == (0, None, None, ())


def test_a_mistake_counts_once_per_submission_and_the_most_frequent_stands_first():
    def missed(*texts: str) -> Report:
        checks = tuple(check(f"c{n}", "t", Verdict.FAIL, 0, 5, diagnosis_text=text) for n, text in enumerate(texts))
        return replace(sample_report(), items=(ItemResult("e", "E", 0, 15, Verdict.FAIL, checks),))

    stats = class_stats([missed("b", "b"), missed("a"), missed("a", "b"), missed("c"), missed("d"), missed("")])
    assert stats.items[0].diagnoses == (("a", 2), ("b", 2), ("c", 1))


def test_discrimination_is_the_correlation_with_the_rest():
    rng = np.random.default_rng(1)
    item, rest = rng.random(40), rng.random(40)
    assert discrimination(item, item + rest) == pytest.approx(np.corrcoef(item, rest)[0, 1])
    strong = np.repeat([0.0, 1.0], 10)
    assert discrimination(strong, strong * 10) == pytest.approx(1.0)
    assert discrimination(strong, strong - strong * 10) == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("item", "total"),
    [([1.0] * 9, list(range(9))), ([5.0] * 20, list(range(20))), (list(range(20)), list(range(20)))],
    ids=["too few", "all the same", "nothing else"],
)
def test_discrimination_is_not_told_where_it_says_nothing(item, total):
    assert discrimination(item, total) is None


def test_review_queue_holds_every_flag_with_its_place():
    (one,) = review_queue([sample_report()])
    assert (one.item.id, one.number, one.check.id) == ("reflection", 11, "sentences")
    assert len(review_queue(class_reports())) == sum(
        made.needs_review for report in class_reports() for item in report.items for made in item.checks
    )


@pytest.mark.parametrize(("value", "shown"), [(5.0, "5"), (6.666, "6.67"), (-0.001, "0"), (7.50, "7.5"), (100, "100")])
def test_points_have_as_many_decimals_as_they_need(value, shown):
    assert str(points(value)) == shown


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_of_points_is_refused(value):
    with pytest.raises(ValueError, match="not a number of points"):
        points(value)


def test_a_column_has_the_decimals_of_its_finest_number():
    assert [decimals(column) for column in ([], [1, None], [1, 2.5], [1, 2.25])] == [0, 0, 1, 2]
