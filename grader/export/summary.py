"""The job summary of a workflow run, in GitHub's Markdown. All text of students is shown as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.model import CheckResult, ItemResult, Report, Status, Verdict
from grader.report.words import VERDICTS, points
from grader.text import strip_terminal

TEXT_LIMIT = 600
"""Characters of one message."""
ROWS_LIMIT = 1000
"""Submissions in the table: GitHub refuses a summary above 1 MiB."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def summary_markdown(reports: Sequence[Report]) -> tuple[str, str]:
    """One submission's items and advice, or the table of several."""
    lines = _one(reports[0]) if len(reports) == 1 else _many(reports)
    return "summary.md", "\n".join(lines) + "\n"


def escape(text: str, limit: int = TEXT_LIMIT) -> str:
    """Text that Markdown shows as it is, on one line: no markup, link, formula or table cell comes out of it."""
    line = " ".join(strip_terminal(text).split())
    if len(line) > limit:
        line = line[:limit].rstrip() + " …"
    return re.sub(r"[!-/:-@\[-`{-~]", lambda found: _ENTITIES.get(found[0], "\\" + found[0]), line)


def _one(report: Report) -> list[str]:
    lines = [f"## {escape(report.title)}", ""]
    if report.status is not Status.GRADED:
        return [*lines, "🔧 **No score**: the grading system itself failed. This is not the notebook's fault."]
    lines += [f"**{_result(report)}**", ""]
    if report.advice:
        lines += ["### Mend first", "", *(f"{n}. {escape(text)}" for n, text in enumerate(report.advice, 1)), ""]
    lines += ["| Item | Result | Points |", "| :--- | :--- | ---: |", *(_item_row(item) for item in report.items), ""]
    for item in report.items:
        lines += _details(item)
    if report.notices:
        lines += ["### Notices", "", *(f"- {escape(text)}" for text in report.notices), ""]
    return lines


def _many(reports: Sequence[Report]) -> list[str]:
    lines = ["## Grades", ""]
    if not reports:
        return [*lines, "No submissions were graded."]
    graded = [report for report in reports if report.status is Status.GRADED]
    failed = len(reports) - len(graded)
    passed = sum(1 for report in graded if report.passed)
    unscored = f", {failed} without a score" if failed else ""
    lines.append(f"{len(reports)} submissions, {passed} passed{unscored}.")
    lines += ["", "| Submission | Student | Result |", "| :--- | :--- | :--- |"]
    for report in reports[:ROWS_LIMIT]:
        cells = escape(report.submission.id, 120), escape(report.submission.student, 120), _result(report)
        lines.append("| " + " | ".join(cells) + " |")
    if len(reports) > ROWS_LIMIT:
        lines += ["", f"{len(reports) - ROWS_LIMIT} more are in the class page."]
    return lines


def _result(report: Report) -> str:
    if report.status is not Status.GRADED or report.percent is None or report.score is None:
        return "🔧 no score: the grading system failed"
    mark = "✅ passed" if report.passed else "❌ below the pass mark"
    bonus = f" + {points(report.bonus)} bonus" if report.bonus else ""
    return f"{points(report.percent)} % ({points(report.score)} of {points(report.max_score)} points{bonus}), {mark}"


def _item_row(item: ItemResult) -> str:
    look = VERDICTS[item.verdict]
    name = escape(item.title) + (" (extension)" if item.extension else "")
    return f"| {name} | {look.emoji} {look.word} | {points(item.points)} / {points(item.max_points)} |"


def _details(item: ItemResult) -> list[str]:
    wrong = [check for check in item.checks if check.verdict is not Verdict.PASS]
    if not wrong or item.verdict is Verdict.PASS:
        return []
    return [f"### {escape(item.title)}", "", *(line for check in wrong for line in _check_lines(check)), ""]


def _check_lines(check: CheckResult) -> list[str]:
    look = VERDICTS[check.verdict]
    lines = [f"- {look.emoji} **{escape(check.title) or escape(check.id)}**: {escape(check.message)}"]
    if check.diagnosis_text:
        lines.append(f"  - **Likely cause**: {escape(check.diagnosis_text)}")
    if check.hint:
        lines.append(f"  - **Hint**: {escape(check.hint)}")
    if check.needs_review:
        lines.append("  - A person should look at this.")
    return lines
