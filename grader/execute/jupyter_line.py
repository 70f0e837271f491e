"""Frames from a Jupyter kernel and orders to it, with the deadlines and caps of `grader.execute.channel`."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from grader.execute.channel import TICK_SECONDS, Events, Overdue, Stopped
from grader.model import Limits

Piece: TypeAlias = bytes | dict[str, Any] | Exception


class Line:
    """What a session holds of a kernel.

    ``pieces`` are bytes of a stream of frames, an event that is the grader's own, or an exception at the end.
    """

    def __init__(
        self,
        order: Callable[[dict[str, Any]], None],
        pieces: queue.SimpleQueue[Piece],
        limits: Limits,
        stop: threading.Event | None,
    ) -> None:
        self._order, self._pieces, self._stop = order, pieces, stop
        self._events = Events(limits)

    def send(self, tree: dict[str, Any], seconds: float) -> None:  # noqa: ARG002  it never waits
        """Give the kernel its next orders; a notebook becomes one execute request per cell."""
        for order in _requests(tree) if tree["do"] == "run" else (tree,):
            self._order(order)

    def receive(self, deadline: float) -> dict[str, Any]:
        """The next frame; see `grader.execute.channel.Channel.receive`."""
        while (event := self._events.pop()) is None:
            piece = self._piece(deadline)
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, dict):
                return piece
            self._events.feed(piece)
        return event

    def _piece(self, deadline: float) -> Piece:
        while True:
            if self._stop is not None and self._stop.is_set():
                raise Stopped
            left = deadline - time.monotonic()
            try:
                return self._pieces.get(timeout=max(0.0, min(left, TICK_SECONDS)))
            except queue.Empty:
                if time.monotonic() >= deadline:
                    raise Overdue from None


def _requests(run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"do": "begin", "limits": run["limits"], "seed": run["seed"]}
    for index, source in run["cells"]:
        yield {"do": "cell", "index": index, "source": source, "skip": index in run["skip"]}
    yield {"do": "finish"}
