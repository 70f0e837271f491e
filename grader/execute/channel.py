"""Our end of a worker's socket: one frame at a time, each by a deadline, never more bytes than were agreed."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from typing import Any

from grader import wire
from grader.model import Limits

_LENGTH = struct.Struct(">I")
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


class Events:
    """Events out of a worker's bytes, one at a time: garbage after an event does not take the event away."""

    def __init__(self, limits: Limits) -> None:
        largest = 4 * max(limits.answer_bytes, limits.image_bytes, limits.output_bytes) + (2 << 20)
        self._caps = wire.Caps(payload_bytes=largest, depth=limits.answer_depth + 20)
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        self._data += data

    def pop(self) -> dict[str, Any] | None:
        """The next event, or None when it is not complete yet. Raises `Violation`."""
        if len(self._data) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._data)[0]
        if end > _LENGTH.size + self._caps.payload_bytes:
            raise Violation(f"a frame of {end} bytes")
        if len(self._data) < end:
            return None
        payload = bytes(memoryview(self._data)[_LENGTH.size : end])
        del self._data[:end]
        try:
            tree = wire.decode(payload, self._caps)
        except (wire.WireError, MemoryError, RecursionError) as error:
            raise Violation(str(error)) from None
        if type(tree) is not dict or type(tree.get("event")) is not str:
            raise Violation("a frame that is no event")
        return tree


class Channel:
    """Frames to and from one worker."""

    def __init__(self, sock: socket.socket, limits: Limits, stop: threading.Event | None = None) -> None:
        self._events = Events(limits)
        self._sock, self._stop = sock, stop
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
        while (event := self._events.pop()) is None:
            self._wait(deadline)
            self._read()
        return event

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
        self._events.feed(data)
