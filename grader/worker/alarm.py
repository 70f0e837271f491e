"""A time limit on student code in the main thread, by a signal that raises."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

AGAIN_SECONDS = 0.5
"""Code that swallows the first interruption meets it again after this time."""


class CellTimeout(BaseException):
    """The cell used up its time. No ``Exception``, so that ``except Exception`` lets it through."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `CellTimeout` in the main thread after ``seconds``, again and again until the block is left."""
    end = time.monotonic() + seconds
    armed = True

    def ring(_signal: int, _frame: object) -> None:
        if armed and time.monotonic() >= end:
            raise CellTimeout(f"stopped after {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), AGAIN_SECONDS)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


