"""`index.html`: the class on one page, for the instructor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from markupsafe import Markup

from grader.model import ItemResult, Report, Status
from grader.report import svg
from grader.report.analysis import BINS, ClassStats, class_stats, review_queue
from grader.report.page import render
from grader.report.words import decimals

WIDTH, HEIGHT = 640.0, 250.0


def render_class(reports: Sequence[Report], title: str = "") -> str:
    """The page's text, with links to ``submissions/<id>/report.html``; equal reports give equal bytes."""
    stats = class_stats(reports)
    columns = {item.id: item for report in reports for item in report.items}
    pass_mark = reports[0].pass_mark if reports else 0.0
    return render(
        "class.html",
        script="class.js",
        title=title or (reports[0].title if reports else "No submissions"),
        reports=reports,
        graded=[report.status is Status.GRADED for report in reports],
        failed=[report for report in reports if report.status is not Status.GRADED],
        links=[link(report) for report in reports],
        columns=list(columns.values()),
        cells=[_cells(report, tuple(columns)) for report in reports],
        places={
            "percent": decimals(report.percent for report in reports),
            "score": decimals(report.score for report in reports),
            "bonus": decimals(report.bonus for report in reports),
            "mean": decimals(item.mean for item in stats.items),
        },
        stats=stats,
        histogram=_histogram(stats, pass_mark),
        review=review_queue(reports),
        link=link,
        pass_mark=pass_mark,
        sandbox=_sandboxes(reports),
    )


def link(report: Report) -> str:
    """Where the report of a submission stands, as seen from the class page."""
    # A lone surrogate has no URL of its own; the caller's file names hold none.
    return f"submissions/{quote(report.submission.id, errors='replace')}/report.html"


def _cells(report: Report, columns: Sequence[str]) -> list[ItemResult | None]:
    items: Mapping[str, ItemResult] = {item.id: item for item in report.items} if report.status is Status.GRADED else {}
    return [items.get(column) for column in columns]


def _sandboxes(reports: Sequence[Report]) -> list[str]:
    """The layers that were on, each set once; a submission of which nothing was run has none."""
    return sorted({" · ".join(report.sandbox) for report in reports if report.sandbox})


def _histogram(stats: ClassStats, pass_mark: float) -> Markup | None:
    """Submissions per tenth of the percentage; hollow below the pass mark, so that print in one colour tells it too."""
    if not stats.graded:
        return None
    most = max(stats.bins)
    axes = svg.panel(svg.MARGIN_LEFT, 30, WIDTH - 14, HEIGHT - 44, (0.0, 100.0), (0.0, most * 1.12))
    axes.axes("percent", "submissions", whole_y=True)
    for number, count in enumerate(stats.bins):
        left, right = axes.x.at(number * 100 / BINS) + 2, axes.x.at((number + 1) * 100 / BINS) - 2
        css = "column" if (number + 1) * 100 / BINS > pass_mark else "column open"
        top = axes.y.at(count)
        if count:
            axes.parts.append(
                f'<rect class="{css}" x="{left:.1f}" y="{top:.1f}" '
                f'width="{right - left:.1f}" height="{axes.y.start - top:.1f}"/>'
            )
            axes.text((left + right) / 2, top - 5, str(count), "title", "middle")
    at = axes.x.at(pass_mark)
    axes.parts.append(f'<path class="mark-line" d="M{at:.1f} {axes.y.end:.1f}V{axes.y.start:.1f}"/>')
    axes.text(at, axes.y.end - 8, "pass mark", "tick", "middle")
    said = ", ".join(
        f"{number * 100 // BINS} to {(number + 1) * 100 // BINS} %: {count}" for number, count in enumerate(stats.bins)
    )
    return svg.document(WIDTH, HEIGHT, "Distribution of the percentages", said, axes.parts, "distribution")
