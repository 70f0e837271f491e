"""The notebook runs from top to bottom in a fresh kernel."""

from __future__ import annotations

from grader.model import CellRun, CellStatus, Finding, Recording, Submission, Verdict
from grader.rubric import check

from .failures import causes_of, firsts_in_line, stopped, told

HINT = "Restart the kernel, run all cells from the top, and mend the first one that stops; then look again."


@check("runs", public=True)
def cells(
    submission: Submission, recording: Recording, stop_cost: float, cell_cost: float, follow_cost: float
) -> Finding:
    """All code cells run, in order, in a fresh kernel

    A cell that stops takes ``cell_cost`` of the points, one that runs endlessly or ends the process ``stop_cost``, and
    one that stops only because of an earlier one ``follow_cost``; at most the share of cells that ran is left.
    """
    if not submission.readable:
        problem = next(problem for problem in submission.problems if problem.fatal)
        return Finding(Verdict.FAIL, problem.message, problem.hint)
    if not recording.cells:
        return Finding(Verdict.FAIL, "There is no code cell in the notebook, so nothing could run.")
    bad = stopped(recording)
    skipped = [run for run in recording.cells if run.status is CellStatus.SKIPPED]
    machine = [run for run in recording.cells if run.environment]
    if not bad and not skipped:
        return Finding(Verdict.PASS, _about_the_machine(machine))
    causes = causes_of(submission, recording)
    cost = sum(_cost(run, causes[run.index], stop_cost, cell_cost, follow_cost) for run in bad)
    # Cells that did not run by the student's own doing; those that were never tried only where time was used up.
    own = [run for run in bad if not causes[run.index].environment]
    ran = 1.0 - (len(own) + len(skipped)) / len(recording.cells)
    left = max(0.0, min(1.0 - cost, ran))
    if left == 1.0:
        return Finding(Verdict.PASS, _about_the_machine(machine))
    return Finding(
        Verdict.PARTIAL if left > 0 else Verdict.FAIL, _message(bad, skipped, machine, recording), HINT, fraction=left
    )


def _cost(run: CellRun, cause: CellRun, stop_cost: float, cell_cost: float, follow_cost: float) -> float:
    if cause.environment:
        return 0.0
    if cause.index != run.index:
        return follow_cost
    return cell_cost if run.status is CellStatus.ERROR else stop_cost


def _message(bad: list[CellRun], skipped: list[CellRun], machine: list[CellRun], recording: Recording) -> str:
    total = len(recording.cells)
    begin = f"{total - len(bad) - len(skipped)} of {total} code cells ran to their end."
    in_line = firsts_in_line(recording)
    first = [run for run in bad if in_line[run.index] is run]
    words = [f"{told(run)}." for run in first[:3]]
    if len(first) > 3:
        words.append(f"{_more(len(first) - 3)}.")
    if len(first) < len(bad):
        words.append(
            f"{_more(len(bad) - len(first))} in {'the same line' if len(first) == 1 else 'one of these lines'}."
        )
    if skipped:
        words.append(f"{len(skipped)} cell{' was' if len(skipped) == 1 else 's were'} not tried any more.")
    return " ".join([begin, *words, _about_the_machine(machine)]).strip()


def _more(count: int) -> str:
    return f"{count} more stop{'s' if count == 1 else ''}"


def _about_the_machine(machine: list[CellRun]) -> str:
    if not machine:
        return ""
    cells = ", ".join(str(run.index) for run in machine[:5])
    need = f"Cells {cells} need" if len(machine) > 1 else f"Cell {cells} needs"
    first = next((run.error for run in machine if run.error), None)
    why = f" ({first.type}: {first.message[:100]})" if first else ""
    return f"{need} something that is not on this machine{why}; that costs nothing."
