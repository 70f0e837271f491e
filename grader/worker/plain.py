"""Turn whatever student code returned into plain data, without trusting any of it.

Objects may lie about their class, shape, length or text, so types are read with ``type`` (never ``__class__``),
built-in containers are walked with the built-in types' own methods, and arrays are looked at through a base-class
view. Sizes are counted before anything is copied.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from grader.model import Opaque, Tree

NODE_BYTES = 16
"""What one value in a list or dict is counted as, besides its content."""
TEXT_LIMIT = 200
_TALKATIVE = {"numpy", "scipy", "sklearn", "pandas", "torch", "matplotlib", "ipywidgets", "IPython"}
"""Libraries whose ``repr`` is worth showing; a student's own is never run."""


class TooLarge(Exception):  # noqa: N818  says what the value is
    """The value is larger, or nested deeper, than an answer may be."""


def to_plain(value: object, max_bytes: int, max_depth: int) -> Tree:
    """Return ``value`` as plain data that shares no memory with it.

    Raises `TooLarge` when it takes more than ``max_bytes`` or nests deeper than ``max_depth``.
    """
    try:
        return _Converter(max_bytes, max_depth).convert(value, 0)
    except (MemoryError, RecursionError) as error:
        raise TooLarge("it does not fit into memory") from error


def type_name(value: object) -> str:
    """Name of the real type of ``value``."""
    try:
        return str.__str__(type(value).__name__)[:100]
    except Exception:  # noqa: BLE001  a metaclass may do anything
        return "object"


def is_a(value: object, *kinds: type) -> bool:
    """``isinstance`` by the real type: ``__class__`` may lie, or raise."""
    return issubclass(type(value), kinds)


def safe_text(make: Callable[[], object], limit: int = TEXT_LIMIT) -> str:
    """Call ``make`` for a text of student code; what raises or is no text gives an empty one, the rest is cut."""
    try:
        text = make()
    except BaseException:  # noqa: BLE001  __str__ and __repr__ may raise anything
        return ""
    if not issubclass(type(text), str):
        return ""
    text = str.__str__(text)[: limit + 1]
    return text if len(text) <= limit else text[: limit - 1] + "…"


def message_of(error: BaseException, limit: int = TEXT_LIMIT) -> str:
    """What ``str`` makes of an exception that may be a student's own."""
    return safe_text(lambda: str(error), limit)


def opaque(value: object) -> Opaque:
    """Name what ``value`` is; its own ``repr`` runs only where a known library wrote it."""
    name = type_name(value)
    if is_a(value, type):
        return Opaque("type", f"<class {safe_text(lambda: value.__name__)}>")  # type: ignore[attr-defined]
    module = safe_text(lambda: type(value).__module__)
    if module.split(".")[0] in _TALKATIVE:
        return Opaque(name, safe_text(lambda: repr(value)))
    label = safe_text(lambda: value.__name__) if callable(value) else ""  # type: ignore[attr-defined]
    return Opaque(name, f"<{name} {label}>" if label else f"<{name} object>")


class _Converter:
    def __init__(self, max_bytes: int, max_depth: int) -> None:
        self.left = max_bytes
        self.max_depth = max_depth

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise TooLarge("it is larger than an answer may be")

    def convert(self, value: Any, depth: int) -> Tree:
        if depth > self.max_depth:
            raise TooLarge(f"it is nested deeper than {self.max_depth} levels")
        self.spend(NODE_BYTES)
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        for base, method in _BY_TYPE:
            if issubclass(kind, base):
                return method(self, value, depth)
        return self._other(value, depth)

    def _int(self, value: int, depth: int) -> Tree:  # noqa: ARG002
        number = int.__index__(value)
        return number if number.bit_length() <= 256 else Opaque("int", f"<an integer of {number.bit_length()} bits>")

    def _float(self, value: float, depth: int) -> Tree:  # noqa: ARG002
        return float.__pos__(value)

    def _fraction(self, value: Fraction | Decimal, depth: int) -> Tree:
        try:
            return self.convert(float(value), depth)
        except (OverflowError, ValueError):
            return opaque(value)

    def _complex(self, value: complex, depth: int) -> Tree:  # noqa: ARG002
        return np.array(complex.__pos__(value))

    def _text(self, value: str, depth: int) -> Tree:  # noqa: ARG002
        text = str.__str__(value)
        self.spend(4 * len(text))
        return text.encode("utf-8", "replace").decode("utf-8")

    def _bytes(self, value: Any, depth: int) -> Tree:  # noqa: ARG002
        view = memoryview(value)
        self.spend(view.nbytes)
        return bytes(view)

    def _items(self, items: Iterable[object], size: int, depth: int) -> list[Tree]:
        if size * NODE_BYTES > self.left:
            raise TooLarge("it has more elements than an answer may have")
        return [self.convert(item, depth + 1) for item in items]

    def _list(self, value: list[object], depth: int) -> Tree:
        return self._items(list.__iter__(value), list.__len__(value), depth)

    def _tuple(self, value: tuple[object, ...], depth: int) -> Tree:
        return tuple(self._items(tuple.__iter__(value), tuple.__len__(value), depth))

    def _deque(self, value: deque[object], depth: int) -> Tree:
        return self._items(deque.__iter__(value), deque.__len__(value), depth)

    def _view(self, value: Any, depth: int) -> Tree:
        kind = type(value)
        return self._items(kind.__iter__(value), kind.__len__(value), depth)

    def _set(self, value: Any, depth: int) -> Tree:
        base = set if issubclass(type(value), set) else frozenset
        items = self._items(base.__iter__(value), base.__len__(value), depth)
        try:
            return sorted(items)
        except (TypeError, ValueError):
            return items

    def _dict(self, value: dict[object, object], depth: int) -> Tree:
        if dict.__len__(value) * NODE_BYTES > self.left:
            raise TooLarge("it has more elements than an answer may have")
        result: dict[str, Tree] = {}
        for key, item in list(dict.items(value)):
            result[self._key(key, len(result), depth)] = self.convert(item, depth + 1)
        return result

    def _key(self, key: object, position: int, depth: int) -> str:
        if key is None or issubclass(type(key), str | int | float | tuple | np.generic):
            converted = self.convert(key, depth)
            return converted if isinstance(converted, str) else str(converted)[:TEXT_LIMIT]
        return f"{type_name(key)} #{position}"

    def _scalar(self, value: np.generic, depth: int) -> Tree:
        item = np.array(value)
        if item.dtype.kind in "bi":
            return item.item()
        if item.dtype.kind == "u" or item.dtype.kind == "U":
            return self.convert(item.item(), depth)
        if item.dtype.kind == "f":
            return float(item)
        return self._array(item, depth)

    def _array(self, value: np.ndarray[Any, Any], depth: int) -> Tree:
        if type(value) is np.ma.MaskedArray and value.dtype.kind in "biuf":
            self._measure(np.ndarray.view(value, np.ndarray), 8)
            value = np.ma.filled(np.ma.asarray(value, dtype=np.float64), np.nan)
        array = np.ndarray.view(value, np.ndarray)
        kind = array.dtype.kind
        if kind in "biuf":
            plain = np.dtype(np.float64) if array.dtype.itemsize not in _SIZES[kind] else array.dtype.newbyteorder("=")
            self.spend(self._measure(array, plain.itemsize))
            return np.array(array, dtype=plain, order="C", copy=True)
        if kind == "c":
            self.spend(self._measure(array, 16))
            return np.array(array, dtype=np.complex128, order="C", copy=True)
        if kind in "OUS":
            self._measure(array, max(array.dtype.itemsize, NODE_BYTES))
            return self.convert(array.tolist(), depth)
        return Opaque("ndarray", f"<array of {array.dtype.name[:40]}>")

    def _measure(self, array: np.ndarray[Any, Any], itemsize: int) -> int:
        size = int(math.prod(array.shape)) * itemsize
        if array.ndim > 32 or size > self.left:
            raise TooLarge(f"an array of shape {array.shape} is larger than an answer may be")
        return size

    def _other(self, value: Any, depth: int) -> Tree:
        if type(value) is range:
            return self._items(value, len(value), depth)
        try:
            array = _as_array(value, self.left)
        except TooLarge:
            raise
        except Exception:  # noqa: BLE001  __array__ is the student's
            return opaque(value)
        if array is None or not issubclass(type(array), np.ndarray):
            return opaque(value)
        if array.dtype.kind == "O" and array.shape == ():
            return opaque(value)
        return self._array(array, depth)


def _as_array(value: Any, limit: int) -> Any:
    """What numpy makes of data frames, tensors and sparse matrices; None for anything else."""
    if is_a(value, type):
        return None
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and issubclass(type(value), sparse.spmatrix | sparse.sparray):
        if math.prod(value.shape) * 8 > limit:
            raise TooLarge(f"a matrix of shape {value.shape} is larger than an answer may be")
        return value.toarray()
    if type(value).__module__.split(".")[0] == "torch" and hasattr(value, "detach"):
        value = value.detach().cpu()
    if not hasattr(type(value), "__array__"):
        return None
    return np.asarray(value)


_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (4, 8)}
_BY_TYPE: tuple[tuple[Any, Callable[..., Tree]], ...] = (
    (np.ndarray, _Converter._array),
    (np.generic, _Converter._scalar),
    (str, _Converter._text),
    (int, _Converter._int),
    (float, _Converter._float),
    (list, _Converter._list),
    (tuple, _Converter._tuple),
    (dict, _Converter._dict),
    (complex, _Converter._complex),
    (bytes | bytearray, _Converter._bytes),
    (set | frozenset, _Converter._set),
    (deque, _Converter._deque),
    (type({}.keys()) | type({}.values()) | type({}.items()), _Converter._view),
    (Fraction | Decimal, _Converter._fraction),
    (Opaque, lambda _self, value, _depth: value),
)
