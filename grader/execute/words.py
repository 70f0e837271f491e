"""What students read when a run was cut or its process ended."""

from __future__ import annotations

import os
import signal
from typing import Any

from grader.model import Limits

MIB = 1 << 20


def ended(report: dict[str, Any] | None, limits: Limits) -> tuple[str, str]:
    """What ended a worker, from its guard's report: for the cell or answer, and, where a limit did it, for the head."""
    why = report["why"] if report else "exit"
    over = {
        "memory": f"used more than {limits.memory_bytes // MIB} MiB of memory",
        "processes": f"started more than {limits.processes} processes",
        "disk": f"wrote more than {limits.disk_bytes // MIB} MiB of files",
        "cpu": f"used more than {limits.cpu_seconds:g} s of processor time",
    }.get(why)
    if over:
        return f"It {over}, and was stopped.", f"The notebook {over}, and was stopped."
    status = report.get("status") if report else None
    if status is None:
        return "The process that ran it ended.", ""
    if os.WIFSIGNALED(status):
        return f"The process that ran it was ended by {_signal(os.WTERMSIG(status))}.", ""
    return f"The process that ran it ended itself with status {os.WEXITSTATUS(status)}.", ""


def _signal(number: int) -> str:
    known: dict[int, str] = {
        signal.SIGSEGV: "a crash (segmentation fault)",
        signal.SIGABRT: "a crash (abort)",
        signal.SIGBUS: "a crash (bus error)",
        signal.SIGFPE: "a crash (arithmetic)",
        signal.SIGKILL: "a kill; often that means too much memory",
    }
    return known.get(number, f"signal {number}")


CELL_OVERDUE = "The cell did not stop within {seconds:g} s and could not be interrupted, so its process was ended."
ANSWER_OVERDUE = "No answer within {seconds:g} s, and the code could not be interrupted, so its process was ended."
NOTEBOOK_OVERDUE = "The notebook did not finish within {seconds:g} s; the cells after that point were not run."
RESTARTED = "Cell {index} ended the whole process; the notebook was run again without it."
GAVE_UP = "The notebook's process ended {times} times, so the cells after that point were not run."
VIOLATION = "Code of the notebook disturbed the channel on which answers are collected, so its process was ended."
NOT_ASKED = "The notebook's process had ended before this was asked."
STOPPED = "Grading was stopped before this was reached."
