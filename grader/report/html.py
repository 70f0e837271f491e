"""`report.html`: one page for one student, with nothing outside it."""

from __future__ import annotations

from grader.model import ItemResult, Report, Status, Verdict
from grader.report.figures import pictures
from grader.report.page import render
from grader.report.plots import drawings
from grader.report.words import decimals


def render_report(report: Report) -> str:
    """The page's text; equal reports give equal bytes."""
    drawn = drawings(report.plots)
    known = {item.id for item in report.items}
    figures, withheld = pictures(report.plots.get("figures"))
    return render(
        "report.html",
        report=report,
        graded=report.status is Status.GRADED,
        items=report.items,
        beside={item.id: [drawing for drawing in drawn if drawing.item == item.id] for item in report.items},
        loose=[drawing for drawing in drawn if drawing.item not in known],
        figures=figures,
        withheld=withheld,
        places=decimals(item.points for item in report.items),
        tally=_tally(report.items),
        review=[(number, item) for number, item in enumerate(report.items, 1) if _wants_review(item)],
    )


def _tally(items: tuple[ItemResult, ...]) -> list[tuple[str, int]]:
    """How many items got each verdict, best first; verdicts that no item got are left out."""
    counts = [(verdict.value, sum(1 for item in items if item.verdict is verdict)) for verdict in Verdict]
    return [(verdict, count) for verdict, count in counts if count]


def _wants_review(item: ItemResult) -> bool:
    return any(check.needs_review for check in item.checks)
