"""A text stream that keeps a bounded part of what is written to it."""

from __future__ import annotations

import io


class Tail(io.TextIOBase):
    """Keeps the last ``limit`` characters."""

    encoding = "utf-8"

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._parts: list[str] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._parts.append(str.__str__(text)[-self._limit :])
        self._size += len(self._parts[-1])
        if self._size > 4 * self._limit or len(self._parts) > 1000:
            self._parts = [self.text()]
            self._size = len(self._parts[0])
        return len(text)

    def text(self) -> str:
        return "".join(self._parts)[-self._limit :]
