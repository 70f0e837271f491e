"""`grades.csv`: one row per submission, one column per item."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from grader.model import Report, Status
from grader.report.words import points
from grader.text import defuse_csv, strip_terminal

HEADER = ("submission", "student", "status", "score", "max_score", "bonus", "percent", "passed")


def grades_csv(reports: Sequence[Report]) -> tuple[str, str]:
    """The gradebook. A submission that the harness failed on has empty cells, never zeros."""
    columns = item_ids(reports)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*HEADER, *(_text(column) for column in columns)])
    for report in reports:
        writer.writerow(_row(report, columns))
    return "grades.csv", out.getvalue()


def item_ids(reports: Sequence[Report]) -> tuple[str, ...]:
    """Every item id that a report names, in the order of first sight."""
    return tuple(dict.fromkeys(item.id for report in reports for item in report.items))


def _row(report: Report, columns: Sequence[str]) -> list[str | int | float]:
    graded = report.status is Status.GRADED
    earned = {item.id: item.points for item in report.items} if graded else {}
    return [
        _text(report.submission.id),
        _text(report.submission.student),
        report.status.value,
        _number(report.score if graded else None),
        _number(report.max_score),
        _number(report.bonus if graded else None),
        _number(report.percent if graded else None),
        "" if not graded or report.passed is None else str(report.passed).lower(),
        *(_number(earned.get(column)) for column in columns),
    ]


def _text(text: str) -> str | int | float:
    return defuse_csv(strip_terminal(text))


def _number(value: float | None) -> str:
    return "" if value is None else str(points(value))
