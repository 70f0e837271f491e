"""The audit for people and programs: tables in a terminal, an HTML page, JSON. Pure but for printing."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from grader.audit import Audit, CheckRow, MistakeRow
from grader.report.page import render
from grader.text import strip_terminal

SCHEMA = "grader/audit/1"
PLAIN_WIDTH = 130
"""Columns of the tables where the output is no terminal."""
SHARES = (("caught", "caught"), ("blamed_right", "blamed right"), ("named_right", "named right"))


@dataclass(frozen=True)
class ItemLine:
    """The mistakes of one item together."""

    item: str
    mistakes: int
    runs: int
    caught: int
    blamed_right: int
    named_right: int


def item_lines(audit: Audit) -> list[ItemLine]:
    """One line for each item with catalogued mistakes, and one for all."""
    by_item: dict[str, list[MistakeRow]] = {}
    for row in audit.mistakes:
        by_item.setdefault(row.item, []).append(row)
    lines = [_line(item, rows) for item, rows in by_item.items()]
    return [*lines, _line("all", audit.mistakes)] if len(lines) > 1 else lines


def _line(item: str, rows: Sequence[MistakeRow]) -> ItemLine:
    sums = [sum(getattr(row, what) for row in rows) for what in ("runs", *(name for name, _ in SHARES))]
    return ItemLine(item, len(rows), *sums)


def findings(audit: Audit) -> list[tuple[str, str, str]]:
    """(what is wrong, with which program, in words): everything that an author should look at, the gravest first."""
    found: list[tuple[str, str, str]] = []
    for variant in audit.variants:
        if variant.full < variant.runs:
            checks = ", ".join(f"{name} ({count} of {variant.runs})" for name, count in variant.lost.items())
            found.append(("a correct program loses points", variant.id, f"{checks}: {variant.message}"))
    missed = [row for row in audit.mistakes if row.caught < row.runs]
    found += [
        ("a mistake passes", row.id, f"not caught in {row.runs - row.caught} of {row.runs} runs") for row in missed
    ]
    blamed = [row for row in audit.mistakes if row.blamed_right < row.runs]
    found += [("another item is blamed", row.id, _counts(row.others_blamed)) for row in blamed]
    named = [row for row in audit.mistakes if row.named_right < row.caught]
    return found + [("named wrongly", row.id, _counts(row.confusions)) for row in named]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count} x)" for name, count in sorted(counts.items(), key=lambda pair: -pair[1]))


def percent(part: int, whole: int) -> str:
    """``99.7 %``; never rounded up to all."""
    if not whole:
        return "-"
    share = 100.0 * part / whole
    return f"{share:.0f} %" if part in (0, whole) else f"{min(share, 99.9):.1f} %"


# --- terminal -------------------------------------------------------------------------------


class AuditProgress:
    """A live bar on a terminal, nothing elsewhere. Call it with how many programs were graded, of how many."""

    def __init__(self, to: Console) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("programs"),
            TimeElapsedColumn(),
        )
        self._live = Progress(*columns, console=to, transient=True, disable=not to.is_terminal)
        self._task = self._live.add_task("auditing", total=None)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, done: int, total: int) -> None:
        self._live.update(self._task, completed=done, total=total)


def print_audit(to: Console, audit: Audit, *, details: bool = False) -> None:
    """Tables of what was caught, blamed and named, what went wrong, and how near checks came to their thresholds.

    With ``details`` also what the author of each mistake reads.
    """
    seeds = f"{len(audit.seeds)} seed{'s' if len(audit.seeds) != 1 else ''}"
    to.print(
        f"Audit of {audit.assignment}: {len(audit.mistakes)} mistakes, {len(audit.variants)} correct programs, {seeds}"
    )
    if audit.mistakes:
        _print(to, _items_table(audit))
    if audit.checks:
        _print(to, _checks_table(audit.checks))
    if audit.twins:
        to.print("\nNo question tells these apart, so each may be named for the other:")
        for group in audit.twins:
            to.print("  " + ", ".join(group))
    if details:
        for row in audit.mistakes:
            to.print(
                f"\n{row.id}\n  catalogued: {row.sentence}\n  its author reads: {_one_line(row.message) or '(nothing)'}"
            )
    _print_findings(to, audit)


def _items_table(audit: Audit) -> Table:
    table = Table("item", title="Mistakes", title_justify="left")
    for heading in ("mistakes", "runs", *(words for _, words in SHARES)):
        table.add_column(heading, justify="right")
    lines = item_lines(audit)
    for line in lines:
        if line.item == "all":
            table.add_section()
        shares = [percent(getattr(line, what), line.runs) for what, _ in SHARES]
        table.add_row(line.item, str(line.mistakes), str(line.runs), *shares)
    return table


def _checks_table(checks: Sequence[CheckRow]) -> Table:
    table = Table("check", title="Checks: statistic over threshold, below 1 passes", title_justify="left")
    for heading in ("correct programs", "false fails", "worst correct", "mildest mistake"):
        table.add_column(heading, justify="right")
    for row in checks:
        table.add_row(
            row.check,
            str(row.correct_runs),
            str(row.false_fails),
            margin(row.worst_correct),
            margin(row.mildest_mistake),
        )
    return table


def margin(value: float | None) -> str:
    """Three digits, nothing for nothing."""
    return "" if value is None else f"{value:.3g}"


def _print_findings(to: Console, audit: Audit) -> None:
    found = findings(audit)
    to.print("")
    for kind, program, words in found:
        to.print(f"{kind}: {program}: {_one_line(words)}")
    kept = sum(row.full == row.runs for row in audit.variants)
    shares = ", ".join(f"{words} {_share(audit, what)}" for what, words in SHARES)
    if audit.mistakes:
        to.print(f"Mistakes: {shares}.")
    to.print(f"Correct programs that keep all points: {kept} of {len(audit.variants)}.")


def _share(audit: Audit, what: str) -> str:
    return percent(sum(getattr(row, what) for row in audit.mistakes), sum(row.runs for row in audit.mistakes))


def _print(to: Console, table: Table) -> None:
    table.columns[0].no_wrap = True
    if not to.is_terminal:
        # Rich takes 80 columns where it can't ask; a log may be wider.
        to = Console(file=to.file, width=PLAIN_WIDTH, highlight=False, markup=False, emoji=False)
    to.print()
    to.print(table, soft_wrap=False)


def _one_line(text: str) -> str:
    return " ".join(strip_terminal(text).split())


# --- files ----------------------------------------------------------------------------------


def audit_json(audit: Audit) -> dict[str, Any]:
    """The audit as plain data."""
    totals = {what: round(audit.share(what), 6) for what, _ in SHARES}
    checks = [
        {**asdict(row), "worst_correct": _finite(row.worst_correct), "mildest_mistake": _finite(row.mildest_mistake)}
        for row in audit.checks
    ]
    return {"schema": SCHEMA, "sound": audit.sound, "shares": totals, **asdict(audit), "checks": checks}


def _finite(value: float | None) -> float | None:
    """JSON has no infinity: a statistic that can't be told stands as the largest number."""
    return None if value is None else min(value, sys.float_info.max)


def render_audit(audit: Audit) -> str:
    """One self-contained page; equal audits give equal bytes."""
    return render(
        "audit.html",
        audit=audit,
        lines=item_lines(audit),
        findings=findings(audit),
        kept=sum(row.full == row.runs for row in audit.variants),
        shares=[(words, what, _share(audit, what)) for what, words in SHARES],
        percent=percent,
        margin=margin,
        counts=_counts,
    )
