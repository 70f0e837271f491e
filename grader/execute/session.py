"""One submission from its first cell to its last question: what is sent, how long it may take, what silence means.

The other end of the socket is student code's to abuse, so an answer is only ever taken for what was asked last, and
silence, an end, a frame too many or a frame that makes no sense is never success.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from enum import Enum
from typing import Any, Protocol, TypeVar

from grader import wire
from grader.execute import words
from grader.execute.channel import Closed, Overdue, Stopped, Violation
from grader.execute.client import ZygoteError
from grader.execute.tape import Tape
from grader.model import (
    Answer,
    AnswerStatus,
    Ask,
    CellKind,
    CellRun,
    CellStatus,
    Figure,
    Limits,
    Paper,
    Recording,
    Submission,
)

GRACE = 2.0
"""Seconds that the worker gets to cut off by itself what took too long, before it is ended."""
REPLAY_SECONDS = 10.0
"""What a notebook that is run again gets on top of twice the time that its cells took before."""
STALL_SECONDS = 30.0
"""How long a worker may take for what is ours: to start, to read a frame, to go from one cell to the next."""

_T = TypeVar("_T")


class Line(Protocol):
    """Frames to and from a worker: see `grader.execute.channel.Channel`."""

    def send(self, tree: dict[str, Any], seconds: float) -> None: ...

    def receive(self, deadline: float) -> dict[str, Any]: ...


class Worker(Protocol):
    """A process that runs a notebook: see `grader.execute.client.Worker`."""

    def channel(self, limits: Limits, stop: threading.Event | None) -> Line: ...

    def wait(self, event: str) -> dict[str, Any]: ...

    def tidy(self) -> dict[str, Any]: ...

    def end(self) -> dict[str, Any]: ...


class Host(Protocol):
    """Starts workers: a zygote, or what starts Jupyter kernels. Raises `ZygoteError`."""

    def worker(self, limits: Limits) -> Worker: ...


class Lost(Enum):
    """Why a worker is no more."""

    DIED = "died"
    OVERDUE = "overdue"
    VIOLATION = "violation"
    STOPPED = "stopped"


_LOSSES: dict[type[Exception], Lost] = {
    Closed: Lost.DIED,
    Overdue: Lost.OVERDUE,
    Violation: Lost.VIOLATION,
    Stopped: Lost.STOPPED,
}


class Session:
    """Records one submission with as many workers, one after the other, as it takes."""

    def __init__(self, zygote: Host, submission: Submission, paper: Paper, stop: threading.Event | None = None) -> None:
        self.zygote, self.submission, self.paper, self.stop = zygote, submission, paper, stop
        self.limits = paper.limits
        self.sources = {cell.index: cell.source for cell in submission.cells if cell.kind is CellKind.CODE}
        self.pending = deque(sorted(paper.asks, key=lambda ask: ask.premised))
        self.tape = Tape(self.limits)
        self.skip: set[int] = set()
        self.running: int | None = None
        self.begun = 0
        self.asked: Ask | None = None
        self.told: dict[str, Any] | None = None
        self.restarts = 0

    def run(self) -> Recording:
        """Run and ask. Raises `ZygoteError` for a fault of ours."""
        started = time.monotonic()
        deadline = started + self.limits.notebook_seconds
        while True:
            lost = self._attempt(deadline)
            if lost is None or not self._again(lost, time.monotonic() >= deadline):
                break
            deadline = max(deadline, time.monotonic() + 2 * self.tape.cell_seconds() + REPLAY_SECONDS)
        self._leave_unasked(lost)
        return self.tape.recording(self.submission, list(self.sources), time.monotonic() - started)

    # --- one worker ---------------------------------------------------------------------------

    def _attempt(self, deadline: float) -> Lost | None:
        """One worker, from the first cell as far as it comes. None when everything was asked."""
        self.running = self.asked = None
        self.begun = 0
        self.tape.rewind()
        worker = self.zygote.worker(self.limits)
        channel = worker.channel(self.limits, self.stop)
        lost: Lost | None = None
        try:
            self._run_cells(channel, deadline)
            self.running = None
            self._ask(channel, worker)
        except (Closed, Overdue, Violation, Stopped) as error:
            lost = _LOSSES[type(error)]
            if lost is Lost.DIED:
                worker.wait("ended")
        finally:
            self.told = worker.end()
        return lost

    def _run_cells(self, channel: Line, deadline: float) -> None:
        self._send_run(channel)
        limit = time.monotonic() + STALL_SECONDS
        while True:
            frame = channel.receive(min(limit, deadline + GRACE))
            event = frame["event"]
            limit = time.monotonic() + STALL_SECONDS
            if event == "start":
                self._begin_cell(frame.get("index"))
                limit = time.monotonic() + self.limits.cell_seconds + GRACE
            elif event == "cell":
                self._take_cell(frame)
            elif event == "figure":
                self.tape.add_figure(_shaped(Figure, frame.get("figure")))
            elif event == "ran":
                self.tape.add_end(frame)
                return
            else:
                raise Violation(f"an event {event[:40]!r} while the notebook ran")

    def _send_run(self, channel: Line) -> None:
        message = {
            "do": "run",
            "cells": [[index, source] for index, source in self.sources.items()],
            "skip": sorted(self.skip),
            "limits": wire.to_tree(self.limits),
            "seed": self.paper.seed,
        }
        channel.send(message, STALL_SECONDS)

    def _begin_cell(self, index: object) -> None:
        if type(index) is not int or index not in self.sources or self.running is not None or index <= self.begun:
            raise Violation("a cell out of turn")
        self.running = self.begun = index

    def _take_cell(self, frame: dict[str, Any]) -> None:
        run = _shaped(CellRun, frame.get("cell"))
        if run.index != self.running:
            raise Violation("a cell out of turn")
        self.tape.add_cell(run)
        self.running = None

    def _ask(self, channel: Line, worker: Worker) -> None:
        names = wire.to_tree(self.paper.names)
        while self.pending:
            self.asked = ask = self.pending[0]
            if worker.tidy()["event"] == "ended":
                raise Closed
            channel.send({"do": "ask", "ask": wire.to_tree(ask), "names": names}, STALL_SECONDS)
            frame = self._answer(channel, worker, ask)
            if frame["event"] != "answer":
                raise Violation("something that is no answer")
            answer = _shaped(Answer, frame.get("answer"))
            if answer.ask != ask.id:
                raise Violation("an answer to another question")
            self.tape.add_answer(answer, frame)
            self.pending.popleft()
            self.asked = None

    def _answer(self, channel: Line, worker: Worker, ask: Ask) -> dict[str, Any]:
        """The frame with the answer. A worker that can't end its own fork gets it ended, and may then say so."""
        try:
            return channel.receive(time.monotonic() + ask.seconds + GRACE)
        except Overdue:
            if worker.tidy()["event"] == "ended":
                raise Closed from None
            return channel.receive(time.monotonic() + GRACE)

    # --- what the loss of a worker means ------------------------------------------------------

    def _again(self, lost: Lost, late: bool) -> bool:
        """Take down the loss; say whether to try again, without the cell that was to blame."""
        reason, cut = words.ended(self.told if lost is Lost.DIED else None, self.limits)
        self.tape.add_cut(cut)
        if lost is Lost.STOPPED:
            self.tape.add_cut(words.STOPPED)
            return False
        if lost is Lost.VIOLATION:
            reason = words.VIOLATION
            self.tape.add_cut(reason)
        if self.asked is not None:
            self._lose_answer(self.asked, lost, reason)
            return self._may_restart()
        culprit = self.running if self.running is not None else self.tape.last_cell()
        if culprit is None:
            raise ZygoteError("the process for the notebook ended before its first cell")
        self._lose_cell(culprit, lost, reason, late)
        if self.restarts < self.limits.restarts and not late:
            self.restarts += 1
            self.tape.add_cut(words.RESTARTED.format(index=culprit))
            return True
        return self._last_try(late)

    def _lose_cell(self, index: int, lost: Lost, reason: str, late: bool) -> None:
        self.skip.add(index)
        if lost is Lost.OVERDUE:
            seconds = self.limits.notebook_seconds if late else self.limits.cell_seconds
            reason = words.CELL_OVERDUE.format(seconds=seconds)
        status = CellStatus.TIMEOUT if lost is Lost.OVERDUE else CellStatus.DIED
        self.tape.lose_cell(index, status, "Timeout" if lost is Lost.OVERDUE else "ProcessEnded", reason)

    def _last_try(self, late: bool) -> bool:
        """Once more with nothing but the cells that are known to end, so that the questions meet what they defined."""
        known = self.tape.known()
        if self.restarts > self.limits.restarts or not known:
            return False
        self.restarts = self.limits.restarts + 1
        times = 1 + self.limits.restarts
        seconds = self.limits.notebook_seconds
        self.tape.add_cut(words.NOTEBOOK_OVERDUE.format(seconds=seconds) if late else words.GAVE_UP.format(times=times))
        self.skip |= set(self.sources) - known
        return True

    def _may_restart(self) -> bool:
        if self.restarts >= self.limits.restarts or not self.pending:
            return False
        self.restarts += 1
        return True

    def _lose_answer(self, ask: Ask, lost: Lost, reason: str) -> None:
        if lost is Lost.OVERDUE:
            reason = words.ANSWER_OVERDUE.format(seconds=ask.seconds)
        status = AnswerStatus.TIMEOUT if lost is Lost.OVERDUE else AnswerStatus.DIED
        self.tape.lose_answer(ask.id, status, reason)
        self.pending.popleft()

    def _leave_unasked(self, lost: Lost | None) -> None:
        status = AnswerStatus.SKIPPED if lost is Lost.STOPPED else AnswerStatus.DIED
        for ask in self.pending:
            self.tape.lose_answer(ask.id, status, words.STOPPED if lost is Lost.STOPPED else words.NOT_ASKED)


def _shaped(kind: type[_T], tree: Any) -> _T:
    try:
        return wire.from_tree(kind, tree)
    except wire.WireError as error:
        raise Violation(str(error)) from None
