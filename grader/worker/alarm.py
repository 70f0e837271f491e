"""A time limit on student code in the main thread, by a signal that raises."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TIMERS = hasattr(signal, "setitimer")
"""Whether the system has interval timers; Windows has none."""
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

    number = signal.SIGALRM if TIMERS else signal.SIGINT
    before = signal.signal(number, ring)
    stop = _set_timer(seconds) if TIMERS else _start_thread(seconds)
    try:
        yield
    finally:
        armed = False
        stop()
        signal.signal(number, before)


def _set_timer(seconds: float) -> Callable[[], object]:
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), AGAIN_SECONDS)
    return lambda: signal.setitimer(signal.ITIMER_REAL, 0)


def _start_thread(seconds: float) -> Callable[[], object]:
    """Where there are no timers a thread plays the part. It meets Python code, not a call that waits."""
    done = threading.Event()

    def wake() -> None:
        wait = max(seconds, 0.001)
        while not done.wait(wait):
            wait = AGAIN_SECONDS
            _thread.interrupt_main(signal.SIGINT)

    threading.Thread(target=wake, name="alarm", daemon=True).start()
    return done.set
