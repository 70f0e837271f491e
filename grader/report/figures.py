"""The student's own figures: pictures of an unknown maker, shown only when they are what they claim to be.

``Report.plots["figures"]`` is a list of mappings with ``cell`` (index of the cell, int), ``mime``, ``data`` (bytes)
and, where known, ``axes`` (as in `grader.model.Figure`, for the words that stand for the picture).
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from grader.model import Tree
from grader.text import strip_terminal

SIGNATURE = b"\x89PNG\r\n\x1a\n"
FIGURE_BYTES = 1 << 20
TOTAL_BYTES = 4 << 20
FIGURES = 24
SIDE = 8000
"""Largest width or height in pixels: a small file may unpack to gigabytes."""
PIXELS = 24_000_000

_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"IDAT", b"IEND"})
"""All that a still picture needs; texts, profiles, animations and private chunks stay out of the page."""


@dataclass(frozen=True)
class Picture:
    """A figure that may stand in a page."""

    source: Markup
    """A ``data:`` URI."""
    alt: str
    caption: str
    width: int
    height: int


def pictures(tree: Tree) -> tuple[tuple[Picture, ...], tuple[str, ...]]:
    """The figures that can be shown, and in words why others are not."""
    shown: list[Picture] = []
    problems: list[str] = []
    room = TOTAL_BYTES
    entries = tree if isinstance(tree, Sequence) and not isinstance(tree, str | bytes) else ()
    for number, entry in enumerate(entries, 1):
        if len(shown) == FIGURES or room <= 0:
            left = len(entries) - number + 1
            problems.append(f"{left} more figures are not shown here: the page would grow too large.")
            break
        fields = entry if isinstance(entry, Mapping) else {}
        cell = fields.get("cell")
        where = f"Figure {number}" + (f", cell {cell}" if isinstance(cell, int) and not isinstance(cell, bool) else "")
        try:
            data, width, height = still_png(fields.get("data"))
        except ValueError as why:
            problems.append(f"{where} is not shown: {why}.")
            continue
        room -= len(data)
        # Base64 holds nothing to escape, and must not be cut like text.
        source = Markup("data:image/png;base64," + base64.b64encode(data).decode("ascii"))  # noqa: S704
        shown.append(Picture(source, f"{where}: {_described(fields.get('axes'))}", where, width, height))
    return tuple(shown), tuple(problems)


def still_png(data: Tree) -> tuple[bytes, int, int]:
    """The picture's own chunks, width and height in pixels.

    Layout: https://www.w3.org/TR/png-3/#5DataRep. Raises ValueError with words for the student when ``data`` is no PNG
    or too large; the compressed pixels are left to the browser.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ValueError("its data is missing")
    data = bytes(data)
    if len(data) > FIGURE_BYTES:
        raise ValueError(f"it is larger than {FIGURE_BYTES >> 10} KiB")
    if not data.startswith(SIGNATURE):
        raise ValueError("only PNG pictures are shown")
    chunks = list(_chunks(data))
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 25 or chunks[-1][0] != b"IEND":
        raise ValueError("its file is damaged")
    width, height = struct.unpack_from(">II", chunks[0][1], 8)
    if not 0 < width <= SIDE or not 0 < height <= SIDE or width * height > PIXELS:
        raise ValueError(f"it has {width} × {height} pixels")
    return SIGNATURE + b"".join(raw for kind, raw in chunks if kind in _KEPT), width, height


def _chunks(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    """(type, the whole chunk) up to the end of the picture; stops early where the file is cut."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, raw = data[at + 4 : at + 8], data[at : at + 12 + length]
        if len(raw) < 12 + length:
            return
        yield kind, raw
        if kind == b"IEND":
            return
        at += 12 + length


def _described(axes: Tree) -> str:
    """What the axes hold, for those who don't see the picture."""
    said = []
    for ax in axes[:6] if isinstance(axes, list | tuple) else ():
        if not isinstance(ax, Mapping):
            continue
        words = [strip_terminal(str(ax[name]))[:80] for name in ("title", "xlabel", "ylabel") if ax.get(name)]
        kinds = ("lines", "points", "patches", "images", "contours")
        counts = [f"{ax[kind]} {kind}" for kind in kinds if isinstance(ax.get(kind), int) and ax[kind]]
        said.append(", ".join([*(f"“{word}”" for word in words), *counts]) or "empty axes")
    return "; ".join(said) or "a picture that the notebook drew, without a description"
