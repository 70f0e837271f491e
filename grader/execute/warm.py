"""The executor for Linux and macOS: every submission is a fork of a process that has its imports behind it."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from types import TracebackType
from typing import Self

from grader.execute.cgroup import Groups
from grader.execute.client import ZygoteError, ZygoteProcess
from grader.execute.isolation import demand, strongest
from grader.execute.levels import Level
from grader.execute.session import Session
from grader.model import Paper, Recording, Submission

TRIES = 2
"""A fault of ours is tried again this often in all before a submission goes without a score."""


class WarmExecutor:
    """See `grader.execute.Executor`. ``level`` demands an isolation level; None takes the strongest that works here.

    Raises `ExecutorError` on entering when the level cannot be had or the zygote cannot be started.
    """

    def __init__(self, level: Level | str | None = None) -> None:
        self._wanted = None if level is None else Level(level)
        self._zygote: ZygoteProcess | None = None
        self._groups: Groups | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.level = strongest() if self._wanted is None else demand(self._wanted)
        with contextlib.suppress(OSError):  # where the host lets us make none, the guards watch the memory
            self._groups = Groups()
        try:
            self._current()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._zygote is not None:
                self._zygote.close()
            if self._groups is not None:
                self._groups.close()
            self._zygote = self._groups = None

    @property
    def layers(self) -> tuple[str, ...]:
        """The isolation layers that are on, as they stand in the report's head."""
        return self._current().layers

    @property
    def zygote_pid(self) -> int:
        """Process id of what everything else descends from, for those who count processes."""
        return self._current().pid

    def record(self, submission: Submission, paper: Paper, stop: threading.Event | None = None) -> Recording:
        """See `Executor.record`."""
        fault = ""
        for _ in range(TRIES):
            try:
                zygote = self._current()
                recording = Session(zygote, submission, paper, stop).run()
            except ZygoteError as error:
                fault = str(error)
            else:
                return replace(recording, sandbox=zygote.layers, versions=zygote.versions)
        return Recording(submission.id, submission.sha256, harness_error=fault)

    def _current(self) -> ZygoteProcess:
        """The zygote; a new one when there is none or the last one is gone. Raises `ZygoteError`."""
        with self._lock:
            if self._zygote is not None and not self._zygote.alive:
                self._zygote.close()
                self._zygote = None
            if self._zygote is None:
                self._zygote = ZygoteProcess(self.level, groups=self._groups).start()
            return self._zygote
