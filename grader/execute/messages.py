"""What the grader, the zygote and the guards tell one another: length-prefixed JSON over sockets of ours.

No student code ever holds an end of these.
"""

from __future__ import annotations

import json
import socket
import struct
from collections import deque
from typing import Any

MAX_MESSAGE = 8 << 20
MAX_DESCRIPTORS = 8


def send(sock: socket.socket, message: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
    """Send ``message``, and copies of ``descriptors`` with its first byte."""
    body = json.dumps(message).encode()
    data = struct.pack(">I", len(body)) + body
    if descriptors:
        sent = socket.send_fds(sock, [data], descriptors)
        data = data[sent:]
    sock.sendall(data)


class Inbox:
    """Messages out of a stream, each with the descriptors that came with it: ``message["descriptors"]`` counts them."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = bytearray()
        self._descriptors: deque[int] = deque()

    def read(self) -> bool:
        """Take in what is there, waiting for something; False at the end of the stream."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._sock, 1 << 16, MAX_DESCRIPTORS)
        except (ConnectionResetError, BrokenPipeError):
            return False
        self._data += data
        self._descriptors.extend(descriptors)
        return bool(data)

    def pop(self) -> tuple[dict[str, Any], list[int]] | None:
        """The next whole message with its descriptors, or None."""
        if len(self._data) < 4:
            return None
        (length,) = struct.unpack_from(">I", self._data)
        if length > MAX_MESSAGE:
            raise ValueError(f"a message of {length} bytes between parts of the grader")
        if len(self._data) < 4 + length:
            return None
        message = json.loads(bytes(self._data[4 : 4 + length]))
        del self._data[: 4 + length]
        return message, [self._descriptors.popleft() for _ in range(message.get("descriptors", 0))]
