"""What was seen of a submission so far, each piece cut to its limit as it comes in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from grader.model import (
    Answer,
    AnswerStatus,
    CellRun,
    CellStatus,
    Figure,
    Limits,
    Recording,
    StudentError,
    Submission,
)

TEXT = 4000
SHORT = 300
COUNT = 40


class Tape:
    """Collects, and becomes a recording. The worker cuts what it sends; that it did is not taken on trust here."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._cells: dict[int, CellRun] = {}
        self._lost: dict[int, CellRun] = {}
        self._seen: dict[int, float] = {}
        self._last: int | None = None
        self._figures: list[Figure] = []
        self._answers: dict[str, Answer] = {}
        self._cut: dict[str, None] = {}
        self._cells_cpu = self._answers_cpu = 0.0

    def rewind(self) -> None:
        """The notebook starts anew: what its cells showed the last time does not count."""
        self._cells.clear()
        self._figures.clear()
        self._last = None

    def add_cell(self, run: CellRun) -> None:
        limit = self.limits.output_bytes
        cut = len(run.output) > limit
        self._cells[run.index] = replace(
            run, output=run.output[:limit], truncated=run.truncated or cut, error=_clipped(run.error)
        )
        if run.status is not CellStatus.SKIPPED:
            self._seen[run.index] = run.seconds
            self._last = run.index

    def add_figure(self, figure: Figure) -> None:
        if len(self._figures) < self.limits.images and len(figure.data) <= self.limits.image_bytes:
            self._figures.append(replace(figure, axes=figure.axes[:COUNT]))

    def add_end(self, frame: dict[str, Any]) -> None:
        """The worker's word that the notebook ran: CPU seconds, and limits that it met itself."""
        self._cells_cpu += _seconds(frame.get("cpu_seconds"))
        cut = frame.get("cut", ())
        for text in cut[:COUNT] if isinstance(cut, list | tuple) else ():
            if isinstance(text, str):
                self.add_cut(text)

    def add_answer(self, answer: Answer, frame: dict[str, Any]) -> None:
        self._answers[answer.ask] = replace(
            answer,
            output=answer.output[:TEXT],
            notes=tuple(note[:SHORT] for note in answer.notes[:COUNT]),
            error=_clipped(answer.error),
        )
        self._answers_cpu += _seconds(frame.get("cpu_seconds"))

    def add_cut(self, text: str) -> None:
        if text and len(self._cut) < COUNT:
            self._cut[text[:SHORT]] = None

    def lose_cell(self, index: int, status: CellStatus, kind: str, reason: str) -> None:
        """The process ended, or was ended, in this cell; kept whatever the cell does in later runs."""
        self._lost[index] = CellRun(index, status, StudentError(kind, reason, index))
        self._seen.pop(index, None)

    def lose_answer(self, ask: str, status: AnswerStatus, reason: str) -> None:
        kind = "Timeout" if status is AnswerStatus.TIMEOUT else "ProcessEnded"
        self._answers[ask] = Answer(ask, status, error=StudentError(kind, reason))

    def last_cell(self) -> int | None:
        """The last cell that came to an end in this run of the notebook."""
        return self._last

    def known(self) -> set[int]:
        """Cells that came to an end in some run, and never ended the process."""
        return set(self._seen)

    def cell_seconds(self) -> float:
        """How long those took."""
        return sum(self._seen.values())

    def recording(self, submission: Submission, indices: Iterable[int], seconds: float) -> Recording:
        cells = tuple(
            self._lost.get(index) or self._cells.get(index) or CellRun(index, CellStatus.SKIPPED) for index in indices
        )
        return Recording(
            submission.id,
            submission.sha256,
            cells,
            tuple(self._figures),
            self._answers,
            tuple(self._cut),
            seconds=seconds,
            cpu_seconds=self._cells_cpu + self._answers_cpu,
        )


def _clipped(error: StudentError | None) -> StudentError | None:
    if error is None:
        return None
    return replace(
        error,
        type=error.type[:SHORT],
        message=error.message[:TEXT],
        line=error.line[:SHORT],
        function=error.function[:SHORT],
    )


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and value >= 0 else 0.0
