"""Running what students wrote: `Executor` turns a submission and the questions for it into a recording.

Everything on the trusted side of the wall speaks to student code through this one method. What comes back is data.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Protocol, Self

from grader.model import Paper, Recording, Submission


class ExecutorError(Exception):
    """The executor cannot work here, or the level that was demanded cannot be had; the message says what is lacking."""


class Executor(Protocol):
    """Records submissions. A context manager; many threads may call `record` at once."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def record(self, submission: Submission, paper: Paper, stop: threading.Event | None = None) -> Recording:
        """Run the cells of ``submission``, ask what ``paper`` asks, and return what was seen.

        Never raises for what student code did. A fault of ours is in `Recording.harness_error`. When ``stop`` is set
        the run ends early and what was not reached is marked as skipped.
        """
        ...
