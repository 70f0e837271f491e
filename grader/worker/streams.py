"""What a cell prints, from Python and from below it, kept up to a limit: a flood is dropped as it comes."""

from __future__ import annotations

import codecs
import ctypes
import io
import os
import select
import struct
import threading
import time
from typing import Any

_CHUNK = 1 << 16
_SETTLE_SECONDS = 0.5


class Capture:
    """The text of one cell: its first ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.clear()

    def clear(self) -> None:
        self._parts: list[str] = []
        self._left = self.limit
        self.truncated = False

    def add(self, text: str) -> None:
        if self._left <= 0 or len(text) > self._left:
            self.truncated = self.truncated or bool(text)
        piece = text[: max(self._left, 0)]
        data = piece.encode("utf-8", "replace")
        if len(data) > self._left:
            self.truncated = True
            piece = data[: self._left].decode("utf-8", "ignore")
        if piece:
            self._left -= len(data)
            self._parts.append(piece)

    def text(self) -> str:
        return "".join(self._parts)


class Stream(io.TextIOBase):
    """Stands for ``sys.stdout`` and ``sys.stderr``; ``fileno`` is that of the real stream."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, capture: Capture, descriptor: int) -> None:
        super().__init__()
        self._capture = capture
        self._descriptor = descriptor
        self.buffer = _Bytes(capture)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._capture.add(str.__str__(text))
        return len(text)

    def close(self) -> None:
        """A student who closes the stream closes nothing."""


class _Bytes(io.RawIOBase):
    def __init__(self, capture: Capture) -> None:
        super().__init__()
        self._capture = capture

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._capture.add(bytes(view[: self._capture.limit + 1]).decode("utf-8", "replace"))
        if view.nbytes > self._capture.limit:
            self._capture.truncated = True
        return view.nbytes

    def close(self) -> None:
        """As above."""


class Drain:
    """Descriptors 1 and 2 go into a pipe, and a thread moves what arrives into the capture.

    Beyond the capture's limit it reads slowly, so that a flood waits instead of using up the processor.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._reading, writing = os.pipe()
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os.close(writing)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._busy = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="output")
        self._thread.start()

    def settle(self) -> None:
        """Wait until what was written so far has arrived, as far as that ends."""
        _flush_c()
        end = time.monotonic() + _SETTLE_SECONDS
        while (self._busy or self._waiting()) and self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.0005)

    def stop(self) -> None:
        """Send descriptors 1 and 2 to nowhere and end the thread."""
        self.settle()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.close(null)
        self._stopping = True
        self._thread.join(2.0)
        os.close(self._reading)

    def _waiting(self) -> bool:
        import fcntl  # here, because Windows has neither, and no use for a drain
        import termios

        (count,) = struct.unpack("i", fcntl.ioctl(self._reading, termios.FIONREAD, b"\0\0\0\0"))
        return bool(count)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._reading, select.POLLIN)
        while not self._stopping:
            if not poll.poll(50):
                continue
            self._busy = True
            data = os.read(self._reading, _CHUNK)
            if not data:
                self._busy = False
                return
            self._capture.add(self._decoder.decode(data))
            self._busy = False
            if self._capture.truncated:
                time.sleep(0.002)


def _flush_c() -> None:
    """Let C code's buffered output out."""
    try:
        ctypes.CDLL(None).fflush(None)
    except (OSError, AttributeError):
        return
