"""Pictures that a notebook makes, with enough about each to tell a plot from a blank one."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grader.model import Figure, Limits, Tree
from grader.worker.plain import message_of, safe_text
from grader.worker.shapes import THUMBNAIL

DPI = 72
MAX_PIXELS = 1_500_000
TEXT = 200
MAX_AXES = 40


class Gallery:
    """Collects the figures of a cell; `flush` takes the ones that are open and closes them, as notebooks do."""

    def __init__(self, limits: Limits, say: Callable[[str], None], cut: Callable[[str], None]) -> None:
        self._limits = limits
        self._say = say
        self._cut = cut
        self._count = 0
        self._cell = 0
        self._closed = False
        self._taken: set[int] = set()
        self.figures: list[Figure] = []

    def close(self) -> None:
        """Take nothing more: whatever is plotted from here on belongs to no cell."""
        self._closed = True

    def begin(self, cell: int) -> None:
        self._cell = cell
        self._taken = set()
        self.figures = []

    def show(self, *_args: object, **_kwargs: object) -> None:
        """What ``plt.show()`` does here."""
        self.flush()

    def flush(self) -> None:
        """Take every open figure that was not displayed already, and close all of them."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None or self._closed:
            return
        for number in pyplot.get_fignums():
            figure = pyplot.figure(number)
            if id(figure) not in self._taken:
                self.take(figure)
        pyplot.close("all")
        self._taken = set()

    def take(self, figure: Any) -> bytes:
        """Record a matplotlib figure; its PNG, empty where it can't be drawn or there are too many."""
        self._taken.add(id(figure))
        if self._closed or self._full():
            return b""
        try:
            data = _png(figure, self._limits.image_bytes)
            thumbnail = _thumbnail(data) if data else None
        except Exception as error:  # noqa: BLE001  a student's artists and labels may fail in any way
            self._say(f"\n[a figure could not be drawn: {message_of(error)}]\n")
            return b""
        if not data:
            self._cut(f"A figure of cell {self._cell} was larger than {self._limits.image_bytes} bytes.")
            return b""
        axes = tuple(describe(item) for item in figure.axes[:MAX_AXES])
        self.figures.append(Figure(self._cell, "image/png", data, thumbnail, axes))
        return data

    def picture(self, mime: str, data: bytes) -> None:
        """Record a picture that the student displayed ready-made."""
        if self._closed or self._full():
            return
        if len(data) > self._limits.image_bytes:
            self._cut(f"A picture of cell {self._cell} was larger than {self._limits.image_bytes} bytes.")
            return
        self.figures.append(Figure(self._cell, mime, data))

    def _full(self) -> bool:
        self._count += 1
        if self._count > self._limits.images:
            self._cut(f"The notebook made more than {self._limits.images} pictures; the rest was left out.")
            return True
        return False


def describe(axes: Any) -> Mapping[str, Tree]:
    """Counts of what was drawn on ``axes``, and its texts; what can't be read counts nothing."""
    counts = dict.fromkeys(("lines", "points", "patches", "images", "contours", "bars"), 0)
    bars: set[int] = set()
    for container in _list(lambda: axes.containers):
        if type(container).__name__ == "BarContainer":
            bars |= {id(patch) for patch in _list(lambda container=container: container.patches)}  # type: ignore[misc]
    counts["bars"] = len(bars)
    counts["patches"] = sum(id(patch) not in bars for patch in _list(lambda: axes.patches))
    counts["images"] = len(_list(lambda: axes.images))
    for line in _list(lambda: axes.lines):
        size = len(_list(line.get_xdata))
        counts["lines"] += size > 0
        counts["points"] += size if safe_text(line.get_linestyle) in ("None", "") else 0
    for collection in _list(lambda: axes.collections):
        _count_collection(collection, counts)
    texts = {name: safe_text(getattr(axes, f"get_{name}", str), TEXT) for name in ("title", "xlabel", "ylabel")}
    return {**counts, **texts}


def _count_collection(collection: Any, counts: dict[str, int]) -> None:
    kinds = {kind.__name__ for kind in type(collection).__mro__}
    if "ContourSet" in kinds:
        counts["contours"] += 1
    elif "PathCollection" in kinds or "Path3DCollection" in kinds:
        counts["points"] += len(_list(collection.get_offsets))
    elif "QuadMesh" in kinds:
        counts["images"] += 1
    elif "LineCollection" in kinds:
        counts["lines"] += len(_list(collection.get_segments))
    else:
        counts["patches"] += len(_list(collection.get_paths))


def _list(read: Callable[[], Any]) -> list[Any]:
    try:
        return list(read())
    except Exception:  # noqa: BLE001  artists of a student's own
        return []


def _png(figure: Any, limit: int) -> bytes:
    width, height = (max(float(size), 0.01) for size in figure.get_size_inches())
    dpi = min(float(DPI), (MAX_PIXELS / (width * height)) ** 0.5)
    for attempt in (dpi, dpi / 2, dpi / 4):
        buffer = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            figure.savefig(buffer, format="png", dpi=attempt)
        if buffer.tell() <= limit:
            return buffer.getvalue()
    return b""


def _thumbnail(data: bytes) -> np.ndarray[Any, Any]:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture.convert("RGBA"))
        grey = white.convert("L")
    grey.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return np.array(grey, dtype=np.uint8)
