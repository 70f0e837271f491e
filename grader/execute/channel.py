"""Our end of a worker's socket: one frame at a time, each by a deadline, never more bytes than were agreed."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import deque
from typing import Any

from grader import wire
from grader.model import Limits

TICK_SECONDS = 0.2
TOTAL_BYTES = 256 << 20
"""All that one worker may ever send; honest notebooks stay below a tenth of it."""


class Closed(Exception):  # noqa: N818  says what happened
    """The worker's process is gone."""


class Overdue(Exception):  # noqa: N818
    """Nothing came by the deadline."""


class Violation(Exception):  # noqa: N818
    """What came is not what a worker sends."""


class Stopped(Exception):  # noqa: N818
    """We were told to stop."""


def caps(limits: Limits) -> wire.Caps:
    """What one frame of a worker may be at most."""
    largest = 4 * max(limits.answer_bytes, limits.image_bytes, limits.output_bytes) + (2 << 20)
    return wire.Caps(payload_bytes=largest, depth=limits.answer_depth + 20)


def events(frames: wire.Frames, data: bytes) -> list[dict[str, Any]]:
    """The events that are complete with ``data``. Raises `Violation`."""
    try:
        found = frames.feed(data)
    except (wire.WireError, MemoryError, RecursionError) as error:
        raise Violation(str(error)) from None
    if not all(type(tree) is dict and type(tree.get("event")) is str for tree in found):
        raise Violation("a frame that is no event")
    return found


class Channel:
    """Frames to and from one worker."""

    def __init__(self, sock: socket.socket, limits: Limits, stop: threading.Event | None = None) -> None:
        self._frames = wire.Frames(caps(limits))
        self._sock, self._stop = sock, stop
        self._ready: deque[dict[str, Any]] = deque()
        self._taken = 0

    def send(self, tree: dict[str, Any], seconds: float) -> None:
        """Send a frame. Raises `Closed`, or `Overdue` when the worker does not take it in time."""
        try:
            wire.send(self._sock, tree, time.monotonic() + seconds)
        except wire.WireTimeout:
            raise Overdue from None
        except wire.WireClosed:
            raise Closed from None

    def receive(self, deadline: float) -> dict[str, Any]:
        """The next frame, which is a dict with an ``event``; ``deadline`` is a time of `time.monotonic`."""
        while not self._ready:
            self._wait(deadline)
            self._read()
        return self._ready.popleft()

    def _wait(self, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        while True:
            if self._stop is not None and self._stop.is_set():
                raise Stopped
            left = deadline - time.monotonic()
            if poll.poll(1000 * max(0.0, min(left, TICK_SECONDS))):
                return
            if left <= TICK_SECONDS and time.monotonic() >= deadline:
                raise Overdue

    def _read(self) -> None:
        try:
            data = self._sock.recv(1 << 20)
        except OSError:
            raise Closed from None
        if not data:
            raise Closed
        self._taken += len(data)
        if self._taken > TOTAL_BYTES:
            raise Violation(f"more than {TOTAL_BYTES} bytes")
        self._ready.extend(events(self._frames, data))
