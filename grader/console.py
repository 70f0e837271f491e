"""What a terminal shows: the progress of a batch, and the checks of one notebook.

Every text that may come from a student passes `one_line` or `strip_terminal` before it is printed, and nothing is
printed as markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from grader.batch import Moment, Outcome, Result
from grader.execute.isolation import Layer
from grader.model import CheckResult, ItemResult, Report, Status, Verdict
from grader.report.words import VERDICTS, points
from grader.text import brief, strip_terminal

MEND = 8
"""How much to mend is told at once: the rest is easier to read when this is done."""

_STYLES = {
    Verdict.PASS: "green",
    Verdict.PARTIAL: "yellow",
    Verdict.BLOCKED: "yellow",
    Verdict.HARNESS: "magenta",
}
"""Beside the mark and the words, never instead of them; what is not named here is red."""


def console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is and colours nothing by itself."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def one_line(text: str) -> str:
    """``text`` on one line, without anything that a terminal would obey."""
    return " ".join(strip_terminal(text).split())


def duration(seconds: float) -> str:
    """``75.2`` -> ``1 min 15 s``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


# --- a batch --------------------------------------------------------------------------------


class BatchProgress:
    """A live line on a terminal, one line per submission elsewhere. Call it with each moment of the batch."""

    def __init__(self, to: Console, *, verbose: bool = False) -> None:
        self._to = to
        self._lines = verbose or not to.is_terminal
        self._live: Progress | None = None
        if to.is_terminal:
            columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._live = Progress(*columns, console=to, transient=True)
            self._task = self._live.add_task("starting", total=None)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, moment: Moment) -> None:
        if moment.last and self._lines:
            self._to.print(f"[{moment.done}/{moment.total}] {outcome_line(moment.last)}")
        if self._live:
            self._live.update(
                self._task, total=moment.total, completed=moment.done, description=moment_line(moment), refresh=True
            )


def moment_line(moment: Moment) -> str:
    """``2 running, 1 failed, 12 s left``."""
    left = f", {duration(moment.left)} left" if moment.left is not None and moment.done < moment.total else ""
    failed = f", {moment.failed} failed" if moment.failed else ""
    return f"{moment.running} running{failed}{left}"


def outcome_line(outcome: Outcome) -> str:
    """One submission's result: ``fails/one: 62 %, below the pass mark (1.4 s)``."""
    how = "recorded before" if outcome.resumed else f"{outcome.seconds:.1f} s"
    return f"{one_line(outcome.report.submission.id)}: {result_words(outcome.report)} ({how})"


def result_words(report: Report) -> str:
    if report.status is not Status.GRADED or report.percent is None:
        return f"no score, the grader itself failed: {one_line(report.harness_error or 'unknown')}"
    return f"{points(report.percent)} %, {'passed' if report.passed else 'below the pass mark'}"


def count(submissions: int) -> str:
    return "1 submission" if submissions == 1 else f"{submissions} submissions"


def batch_lines(result: Result, again: str) -> Iterator[str]:
    """What stands on the terminal when a batch has ended; ``again`` is the command that continues it."""
    graded = [report for report in result.reports if report.status is Status.GRADED]
    passed = sum(bool(report.passed) for report in graded)
    if result.interrupted:
        yield f"Stopped after {len(result.reports)} of {count(result.total)}; what is finished is written."
        yield f"To continue: {again}"
    else:
        failed = f", {len(result.failures)} without a score" if result.failures else ""
        yield f"{count(result.total)}: {passed} passed, {len(graded) - passed} below the pass mark{failed}."
    if result.earlier:
        yield f"The class page also has {count(len(result.earlier))} of earlier calls."
    if result.left_out:
        names = brief(", ".join(map(one_line, result.left_out)), 300)
        yield f"Not on the class page, because other questions were asked: {names}. Grade them again together."
    for report in result.failures:
        yield f"  {one_line(report.submission.id)}: {result_words(report)}"
    page = result.out / "index.html"
    yield f"Class page: {page.resolve()}"


# --- one notebook ---------------------------------------------------------------------------


def print_check(to: Console, report: Report) -> None:
    """One line per check in the activity's order, then what to mend first, then the result."""
    to.print(one_line(report.title), style="bold")
    for item in report.items:
        if item.checks:
            to.print(_item_line(item))
            for check in item.checks:
                to.print(_check_line(check))
    mend = list(_mend(report))
    if mend:
        to.print("\nMend first", style="bold")
    for number, text in enumerate(mend[:MEND], 1):
        to.print(f" {number}. {text}")
    if len(mend) > MEND:
        to.print(f" {len(mend) - MEND} more come after these.")
    for notice in report.notices:
        to.print(f"\nNote: {one_line(notice)}")
    to.print(Text(f"\n{_verdict_line(report)}", "green" if report.passed else "red"))


def _item_line(item: ItemResult) -> Text:
    look = VERDICTS[item.verdict]
    kind = " (extension)" if item.extension and "extension" not in item.title.lower() else ""
    line = Text(f"{look.mark} {one_line(item.title)}{kind}", _STYLES.get(item.verdict, "red"))
    return line.append(f"  {points(item.points)}/{points(item.max_points)}", "dim")


def _check_line(check: CheckResult) -> Text:
    look = VERDICTS[check.verdict]
    line = Text(f"  {look.mark} ", _STYLES.get(check.verdict, "red")).append(one_line(check.title), "default")
    return line if check.verdict is Verdict.PASS else line.append(f"  [{look.word.lower()}]", "dim")


def _mend(report: Report) -> Iterator[str]:
    """What the report advises, in its order, with what the checks saw; then the failed checks that it leaves out."""
    failed = [
        (one_line(item.title), check)
        for item in report.items
        for check in item.checks
        if check.verdict not in (Verdict.PASS, Verdict.BLOCKED) and not _left_out(item, check)
    ]
    said: set[tuple[str, str]] = set()  # one cause often fails several checks of an item
    for text in map(one_line, report.advice):
        about = next((pair for pair in failed if _told(pair[1]) and text.endswith(_told(pair[1]))), None)
        if about:
            failed.remove(about)
            said.add((about[0], _told(about[1])))
        yield text + (_more(about[1]) if about else "")
    for title, check in failed:
        if (title, _told(check)) not in said:
            said.add((title, _told(check)))
            yield f"{title}: {one_line(check.title)}: {_told(check)}".rstrip(": ") + _more(check)


def _left_out(item: ItemResult, check: CheckResult) -> bool:
    """An extension that was never begun is nothing to mend."""
    return item.extension and check.verdict is Verdict.MISSING


def _told(check: CheckResult) -> str:
    return one_line(check.diagnosis_text or check.message)


def _more(check: CheckResult) -> str:
    seen = f" {one_line(check.message)}" if check.diagnosis_text and check.message else ""
    return seen + (f" Hint: {one_line(check.hint)}" if check.hint else "")


def _verdict_line(report: Report) -> str:
    if report.status is not Status.GRADED:
        return f"No score: the grader itself failed, not your notebook. {one_line(report.harness_error or '')}"
    mark = points(report.pass_mark)
    word = "reached" if report.passed else "not reached yet"
    return f"{points(report.percent or 0)} % of the points of these checks; the pass mark of {mark} % is {word}."


# --- this machine ---------------------------------------------------------------------------


def print_layers(to: Console, layers: Sequence[Layer]) -> None:
    """What was tried, whether it works, and what is lacking."""
    width = max(len(layer.layer) for layer in layers)
    for layer in layers:
        mark = Text("✓ yes  ", "green") if layer.works else Text("✗ no   ", "red")
        to.print(mark.append(f"{layer.layer:<{width}}  {one_line(layer.detail)}", "default"))
