"""Judge the stored recordings of a run again: after the rubric changed, or to export. No student code runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.assignment import Assignment
from grader.batch import (
    Count,
    Progress,
    Result,
    Run,
    Settings,
    about_assignment,
    kept_or_lost,
    questions,
    write_class,
)
from grader.exam import Exam, prepare
from grader.judge import judge
from grader.model import Report
from grader.store import RunFolder, StoreError


def regrade(out: Path, assignment: Assignment, progress: Progress) -> Result:
    """Write all reports of a run anew, with the run's own seed. Raises StoreError and AssignmentError."""
    folder, told = open_run(out)
    with folder.alone():
        run = Run(folder, exam_of_run(folder, told, assignment), Settings(out))
        count = Count(len(told["submissions"]), progress)
        reports = []
        for name in told["submissions"]:
            outcome = run.finish(kept_or_lost(folder, name))
            reports.append(outcome.report)
            count.finished(outcome, running=0)
        write_class(folder, reports)
        folder.write_run({**told, "assignment": about_assignment(assignment)})
    return Result(out, tuple(reports), len(reports))


def reports_of_run(out: Path, assignment: Assignment) -> list[Report]:
    """The reports that stand in the folder, nothing written. Raises StoreError where the rubric changed since."""
    folder, told = open_run(out)
    if told["assignment"]["fingerprint"] != assignment.fingerprint:
        raise StoreError(f"{out}: the rubric has changed since these reports were written: run `grader regrade` first")
    exam = exam_of_run(folder, told, assignment)
    stored = (kept_or_lost(folder, name) for name in told["submissions"])
    judged = (judge(exam, recorded.submission, recorded.recording) for recorded in stored)
    return [replace(report, plots={}) for report in judged]


def open_run(out: Path) -> tuple[RunFolder, dict[str, Any]]:
    """The folder of a run and what its ``run.json`` says. Raises StoreError."""
    folder = RunFolder(out)
    told = folder.run()
    if told is None:
        raise StoreError(f"{out}: no run.json in it, so it is not a folder that `grader grade` wrote")
    return folder, told


def exam_of_run(folder: RunFolder, told: Mapping[str, Any], assignment: Assignment) -> Exam:
    """The questions that the recordings answer. Raises StoreError where the rubric asks others now."""
    exam = prepare(assignment, str(told["seed"]), public=bool(told["public"]))
    changed = sorted(name for name, hashed in questions(exam).items() if told["questions"].get(name) != hashed)
    if changed:
        raise StoreError(
            f"{folder.root}: the rubric's questions have changed ({', '.join(changed)}) and the recordings don't "
            "answer them: run `grader grade` again"
        )
    return exam
