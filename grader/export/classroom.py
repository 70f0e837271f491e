"""The result that GitHub Classroom's reporter reads: base64 of a JSON object with one test per rubric item.

Its reporter (classroom-resources/autograding-grading-reporter) adds up the tests' scores, divides by ``max_score``
and publishes nothing where ``max_score`` is 0.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from grader.model import ItemResult, Report, Status, Tree, Verdict
from grader.report.words import VERDICTS, points
from grader.text import json_safe, workflow_safe

MESSAGE_LIMIT = 2000
"""Characters per test: the result travels in a step output, and those are limited to a megabyte."""

_ERRORS = frozenset({Verdict.ERROR, Verdict.TIMEOUT, Verdict.HARNESS})


def classroom_result(reports: Sequence[Report]) -> tuple[str, str]:
    """The value of the output ``result``, for one submission or several."""
    text = json.dumps(json_safe(classroom_tree(reports)), ensure_ascii=True, allow_nan=False)
    return "classroom.txt", base64.b64encode(text.encode("ascii")).decode("ascii") + "\n"


def classroom_tree(reports: Sequence[Report]) -> dict[str, Tree]:
    """The object before it is encoded.

    ``status`` is that of the whole: ``pass`` when every submission reached the pass mark, ``error`` when the harness
    failed. A submission that the harness failed on adds nothing to ``max_score``: with nothing else beside it the
    reporter then publishes no score, where a number would read as the student's.
    """
    named = len(reports) > 1
    graded = [report for report in reports if report.status is Status.GRADED]
    return {
        "version": 1,
        "status": _status(reports, graded),
        "max_score": points(sum(report.max_score for report in graded)),
        "tests": [test for report in reports for test in _tests(report, named)],
    }


def _status(reports: Sequence[Report], graded: Sequence[Report]) -> str:
    if len(graded) < len(reports):
        return "error"
    return "pass" if all(report.passed for report in graded) else "fail"


def _tests(report: Report, named: bool) -> list[dict[str, Tree]]:
    if report.status is not Status.GRADED:
        message = "The grading system failed on this submission, so it has no score. This is not the notebook's fault."
        return [_test(report, named, name=report.title, status="error", score=0, message=message)]
    left = report.max_score
    tests = []
    for item in sorted(report.items, key=lambda item: item.extension):
        # Bonus points count up to the maximum only, as in the percentage.
        score = min(item.points, left)
        left -= score
        tests.append(
            _test(
                report,
                named,
                name=item.title,
                status=_item_status(item),
                score=points(score),
                message=_message(item),
                code=item.asked,
            )
        )
    return tests


def _test(
    report: Report, named: bool, *, name: str, status: str, score: int | float, message: str, code: str = ""
) -> dict[str, Tree]:
    return {
        "name": workflow_safe(f"{report.submission.id}: {name}" if named else name),
        "status": status,
        "score": score,
        "message": workflow_safe(message[:MESSAGE_LIMIT]),
        "test_code": workflow_safe(code[:MESSAGE_LIMIT]),
        "filename": workflow_safe(report.submission.path),
        "line_no": 0,
        "duration": 0,
    }


def _item_status(item: ItemResult) -> str:
    if item.verdict is Verdict.PASS:
        return "pass"
    return "error" if item.verdict in _ERRORS else "fail"


def _message(item: ItemResult) -> str:
    lines = [f"{VERDICTS[item.verdict].word}: {points(item.points)} of {points(item.max_points)} points"]
    for check in item.checks:
        if check.verdict is not Verdict.PASS:
            lines += [f"{check.title}: {check.message}".rstrip(": "), check.diagnosis_text, check.hint]
    return "" if item.verdict is Verdict.PASS else "\n".join(line for line in lines if line)
