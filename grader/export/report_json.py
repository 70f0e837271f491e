"""`report.json`: everything of a report that programs may want, in the fields and the order of the published schema.

Extra fields stand after the promised ones, so a reader of ``grader/report/1`` may ignore them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from grader.model import CheckResult, ItemResult, Report, Status, Submission, Tree
from grader.report.words import points
from grader.text import json_safe

SCHEMA = "grader/report/1"


def report_json(report: Report) -> str:
    """The text of ``report.json``: equal reports give equal bytes. Raises ValueError where a score is no number."""
    return _text(report_tree(report))


def reports_json(reports: Sequence[Report]) -> tuple[str, str]:
    """All reports of a run in one file."""
    return "reports.json", _text({"schema": "grader/reports/1", "reports": [report_tree(report) for report in reports]})


def report_tree(report: Report) -> dict[str, Tree]:
    """The report as plain data. After a fault of ours nothing in it reads as a score."""
    graded = report.status is Status.GRADED
    return {
        "schema": SCHEMA,
        "assignment": report.assignment,
        "submission": _submission(report.submission),
        "status": report.status.value,
        "score": _score(report.score, graded),
        "max_score": points(report.max_score),
        "bonus": _score(report.bonus, graded),
        "percent": _score(report.percent, graded),
        "passed": report.passed if graded else None,
        "seed": report.seed,
        "sandbox": list(report.sandbox),
        "versions": {name: report.versions[name] for name in sorted(report.versions)},
        "items": [_item(item) for item in report.items],
        "title": report.title,
        "pass_mark": points(report.pass_mark),
        "needs_review": any(check.needs_review for item in report.items for check in item.checks),
        "advice": list(report.advice),
        "notices": list(report.notices),
        "harness_error": report.harness_error,
    }


def _submission(submission: Submission) -> dict[str, Tree]:
    return {
        "id": submission.id,
        "student": submission.student,
        "path": submission.path,
        "sha256": submission.sha256,
    }


def _item(item: ItemResult) -> dict[str, Tree]:
    return {
        "id": item.id,
        "title": item.title,
        "points": points(item.points),
        "max_points": points(item.max_points),
        "verdict": item.verdict.value,
        "checks": [_check(check) for check in item.checks],
        "extension": item.extension,
        "asked": item.asked,
        "notes": list(item.notes),
    }


def _check(check: CheckResult) -> dict[str, Tree]:
    # `margin` tells how close a statistic came to a hidden threshold, so it is the audit's alone.
    return {
        "id": check.id,
        "verdict": check.verdict.value,
        "points": points(check.points),
        "max_points": points(check.max_points),
        "message": check.message,
        "hint": check.hint,
        "diagnosis": check.diagnosis,
        "title": check.title,
        "diagnosis_text": check.diagnosis_text,
        "needs_review": check.needs_review,
        "public": check.public,
    }


def _score(value: float | None, graded: bool) -> int | float | None:
    return points(value) if graded and value is not None else None


def _text(tree: Mapping[str, Tree]) -> str:
    return json.dumps(json_safe(tree), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
