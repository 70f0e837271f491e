"""Plain data as bytes, between a process that may lie and one that must not be harmed.

A frame is a 4-byte big-endian length and that many bytes of payload. A payload is a 4-byte big-endian header length,
the header (JSON, ASCII), and the raw buffers of arrays and byte strings in the order in which the header names them.
In the header a JSON array is a list, and an object has exactly one key that says what it is:

===================== =========================================================
``{"d": [[k, v]...]}`` dict with text keys
``{"t": [...]}``       tuple
``{"a": [dtype, [n]]}`` array: little-endian, C order, kinds ``biufc``
``{"b": n}``           n bytes
``{"f": "nan"}``       a float that JSON can't hold: nan, inf, -inf
``{"o": [type, text]}`` `Opaque`
===================== =========================================================

Nothing is unpickled or evaluated, sizes are checked before anything is allocated, and whatever is wrong with the
bytes is a `WireError`.
"""

from __future__ import annotations

import json
import math
import select
import socket
import struct
import time
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.model import Opaque, Recording, Tree
from grader.worker.shapes import ShapeError, from_tree, to_tree

__all__ = [
    "Caps", "Frames", "WireClosed", "WireError", "WireTimeout", "decode", "dump_recording", "encode", "from_tree",
    "load_recording", "receive", "send", "to_tree",
]  # fmt: skip

WireError = ShapeError
"""The bytes or the values in them are not what they should be."""


class WireClosed(ShapeError):  # noqa: N818  says what happened
    """The other side is gone."""


class WireTimeout(ShapeError):  # noqa: N818  says what happened
    """The other side took too long."""


@dataclass(frozen=True)
class Caps:
    """What a payload may be at most."""

    payload_bytes: int = 64 << 20
    header_bytes: int = 32 << 20
    nodes: int = 4_000_000
    depth: int = 64
    int_bits: int = 512


DEFAULT = Caps()
RECORDING = Caps(payload_bytes=512 << 20, header_bytes=256 << 20, nodes=40_000_000)
MAGIC = b"grader-recording\x00\x01"
_LENGTH = struct.Struct(">I")
_DTYPES = {
    np.dtype(code).str: np.dtype(code)
    for code in ("?", "<i1", "<i2", "<i4", "<i8", "<u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16")
}


def encode(tree: Tree, caps: Caps = DEFAULT) -> bytes:
    """The payload for ``tree``. Raises `WireError` for what is not plain data or beyond the caps."""
    buffers: list[bytes] = []
    try:
        header = json.dumps(_head(tree, buffers, caps.depth), allow_nan=False, separators=(",", ":")).encode("ascii")
    except (ValueError, RecursionError) as error:
        raise WireError(f"not plain data: {error}") from None
    payload = b"".join([_LENGTH.pack(len(header)), header, *buffers])
    if len(payload) > caps.payload_bytes or len(header) > caps.header_bytes:
        raise WireError(f"{len(payload)} bytes are more than a message may have")
    return payload


def decode(payload: bytes | bytearray | memoryview, caps: Caps = DEFAULT) -> Tree:
    """The tree in ``payload``, which must be used up exactly. Raises `WireError`."""
    view = memoryview(payload)
    if len(view) > caps.payload_bytes or len(view) < _LENGTH.size:
        raise WireError(f"a message of {len(view)} bytes")
    (size,) = _LENGTH.unpack_from(view)
    if size > min(caps.header_bytes, len(view) - _LENGTH.size):
        raise WireError(f"a header of {size} bytes in a message of {len(view)}")
    header = bytes(view[_LENGTH.size : _LENGTH.size + size])
    if sum(header.count(mark) for mark in (b",", b"[", b"{")) > caps.nodes:
        raise WireError("more values than a message may have")
    try:
        head = json.loads(header.decode("ascii"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WireError(f"the header is no JSON: {type(error).__name__}") from None
    reader = _Reader(view[_LENGTH.size + size :], caps)
    tree = reader.tree(head, caps.depth)
    if reader.at != len(reader.data):
        raise WireError(f"{len(reader.data) - reader.at} bytes too many")
    return tree


def dump_recording(recording: Recording) -> bytes:
    """The recording as a file's content: magic, version and a compressed payload."""
    return MAGIC + zlib.compress(encode(to_tree(recording), RECORDING), 6)


def load_recording(data: bytes, caps: Caps = RECORDING) -> Recording:
    """Read what `dump_recording` wrote. Raises `WireError` for anything else, however large it would inflate."""
    if not data.startswith(MAGIC):
        raise WireError("this is not a recording, or one of another version")
    inflate = zlib.decompressobj()
    try:
        payload = inflate.decompress(data[len(MAGIC) :], caps.payload_bytes + 1)
    except zlib.error as error:
        raise WireError(f"the recording is damaged: {error}") from None
    if not inflate.eof or inflate.unused_data:
        raise WireError("the recording is damaged or too large")
    return from_tree(Recording, decode(payload, caps))


def send(sock: socket.socket, tree: Tree, deadline: float | None = None, caps: Caps = DEFAULT) -> None:
    """Send one frame. ``deadline`` is a time of `time.monotonic`. Raises `WireError`, `WireClosed`, `WireTimeout`."""
    payload = encode(tree, caps)
    send_payload(sock, payload, deadline)


def send_payload(sock: socket.socket, payload: bytes, deadline: float | None = None) -> None:
    """Send a payload that is encoded already as one frame."""
    view = memoryview(_LENGTH.pack(len(payload)) + payload)
    while view:
        _wait(sock, select.POLLOUT, deadline)
        try:
            view = view[sock.send(view[: 1 << 20], getattr(socket, "MSG_DONTWAIT", 0)) :]
        except (BlockingIOError, InterruptedError):
            continue
        except OSError as error:
            raise WireClosed(f"the other side is gone: {error.strerror}") from None


def receive(sock: socket.socket, deadline: float | None = None, caps: Caps = DEFAULT) -> Tree:
    """Wait for one frame and decode it. Raises `WireError`, `WireClosed` at the end of the stream, `WireTimeout`."""
    (length,) = _LENGTH.unpack(_exactly(sock, _LENGTH.size, deadline))
    if length > caps.payload_bytes:
        raise WireError(f"a message of {length} bytes")
    return decode(_exactly(sock, length, deadline), caps)


class Frames:
    """Frames out of a stream that is read piece by piece: `feed` it, it gives the trees that are complete."""

    def __init__(self, caps: Caps = DEFAULT) -> None:
        self._caps = caps
        self._data = bytearray()

    def feed(self, data: bytes) -> list[Tree]:
        """Take in ``data``. Raises `WireError`; after that the stream can't be read on."""
        self._data += data
        trees = []
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            if length > self._caps.payload_bytes:
                raise WireError(f"a message of {length} bytes")
            if len(self._data) < _LENGTH.size + length:
                break
            payload = bytes(memoryview(self._data)[_LENGTH.size : _LENGTH.size + length])
            del self._data[: _LENGTH.size + length]
            trees.append(decode(payload, self._caps))
        return trees

    @property
    def unfinished(self) -> bool:
        """Whether a part of a frame is waiting for its rest."""
        return bool(self._data)


def _head(tree: Tree, buffers: list[bytes], depth: int) -> Any:
    if depth < 0:
        raise WireError("nested too deep for a message")
    kind = type(tree)
    if tree is None or kind is bool or kind is str or kind is int:
        return tree
    if kind is float:
        return tree if math.isfinite(tree) else {"f": repr(tree)}
    if kind is list:
        return [_head(item, buffers, depth - 1) for item in tree]
    if kind is tuple:
        return {"t": [_head(item, buffers, depth - 1) for item in tree]}
    if isinstance(tree, dict) or hasattr(tree, "items"):
        if not all(type(key) is str for key in tree):
            raise WireError("a dict with keys that are not text")
        return {"d": [[key, _head(item, buffers, depth - 1)] for key, item in tree.items()]}
    if isinstance(tree, Opaque):
        return {"o": [str(tree.type_name), str(tree.text)]}
    if kind is bytes:
        buffers.append(tree)
        return {"b": len(tree)}
    if isinstance(tree, np.generic):
        return _head(tree.item(), buffers, depth)
    if isinstance(tree, np.ndarray):
        return _array_head(tree, buffers)
    raise WireError(f"{kind.__name__} is not plain data")


def _array_head(array: np.ndarray[Any, Any], buffers: list[bytes]) -> Any:
    dtype = array.dtype.newbyteorder("<")
    if dtype.str not in _DTYPES:
        raise WireError(f"an array of {array.dtype} is not plain data")
    buffers.append(np.asarray(array, dtype=dtype).tobytes("C"))
    return {"a": [dtype.str, list(array.shape)]}


class _Reader:
    def __init__(self, data: memoryview, caps: Caps) -> None:
        self.data = data
        self.at = 0
        self.caps = caps

    def tree(self, head: Any, depth: int) -> Tree:
        if depth < 0:
            raise WireError("nested too deep for a message")
        if isinstance(head, list):
            return [self.tree(item, depth - 1) for item in head]
        if isinstance(head, dict):
            if len(head) != 1:
                raise WireError("an object that does not say what it is")
            ((tag, content),) = head.items()
            return self._tagged(tag, content, depth)
        if type(head) is int and head.bit_length() > self.caps.int_bits:
            raise WireError("a number too large")
        return head

    def _tagged(self, tag: str, content: Any, depth: int) -> Tree:
        if tag == "d" and isinstance(content, list) and all(map(_is_pair, content)):
            found = {key: self.tree(item, depth - 1) for key, item in content}
            if len(found) == len(content):
                return found
        elif tag == "t" and isinstance(content, list):
            return tuple(self.tree(item, depth - 1) for item in content)
        elif tag == "a" and isinstance(content, list) and len(content) == 2:
            return self._array(*content)
        elif tag == "b" and type(content) is int:
            return bytes(self._take(content))
        elif tag == "f" and content in ("nan", "inf", "-inf"):
            return float(content)
        elif tag == "o" and isinstance(content, list) and list(map(type, content)) == [str, str]:
            return Opaque(*content)
        raise WireError("a value that is malformed")

    def _array(self, code: Any, shape: Any) -> np.ndarray[Any, Any]:
        dtype = _DTYPES.get(code) if type(code) is str else None
        if dtype is None or not isinstance(shape, list) or len(shape) > 32:
            raise WireError("an array that is malformed")
        if not all(type(size) is int and 0 <= size < 2**62 for size in shape):
            raise WireError("an array whose shape is malformed")
        if math.prod(max(size, 1) for size in shape) * dtype.itemsize >= 2**62:
            raise WireError("an array too large")
        raw = self._take(math.prod(shape) * dtype.itemsize)
        if dtype.kind == "b":
            return np.array(np.frombuffer(raw, dtype=np.uint8).reshape(shape), dtype=np.bool_)
        array = np.frombuffer(raw, dtype=dtype).reshape(shape)
        copy: np.ndarray[Any, Any] = np.array(array, dtype=dtype.newbyteorder("="))
        return copy  # writable, and the message can go

    def _take(self, size: int) -> memoryview:
        if not 0 <= size <= len(self.data) - self.at:
            raise WireError("a buffer beyond the end of the message")
        self.at += size
        return self.data[self.at - size : self.at]


def _is_pair(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and type(item[0]) is str


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} in the header")


def _exactly(sock: socket.socket, size: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        _wait(sock, select.POLLIN, deadline)
        try:
            part = sock.recv(min(size - len(data), 1 << 20), getattr(socket, "MSG_DONTWAIT", 0))
        except (BlockingIOError, InterruptedError):
            continue
        except OSError as error:
            raise WireClosed(f"the other side is gone: {error.strerror}") from None
        if not part:
            raise WireClosed("the other side is gone")
        data += part
    return bytes(data)


def _wait(sock: socket.socket, event: int, deadline: float | None) -> None:
    poll = select.poll()
    poll.register(sock, event)
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    if not poll.poll(None if left is None else math.ceil(1000 * left)) and deadline is not None:
        raise WireTimeout("the other side took too long")
