"""The drawings of a report, from plain data: the student's beside the reference's, in one look.

`Report.plots` maps a plot id to a tree. The id is also the kind of drawing, unless the tree says ``kind``:

================== ==============================================================================================
kind               fields
================== ==============================================================================================
``log_likelihood`` ``student`` (T,), ``reference`` (T',): mean log-likelihood per point at each iteration, in nats
``curve``          the same fields for any quantity per iteration, named by ``ylabel``
``clusters``       ``X`` (N, 2); ``means`` (K, 2), ``covariances`` (K, 2, 2), ``weights`` (K,) of the student;
                   ``reference_means`` (K, 2), ``reference_covariances`` (K, 2, 2)
``samples``        ``student`` (n, 2), ``reference`` (n', 2)
``figures``        a list (no mapping) of figures: see `grader.report.figures`
================== ==============================================================================================

Every field may be missing or None. Each mapping may also hold ``item`` (id of the item beside which to draw it; else it
stands in a section of its own), ``title``, ``xlabel`` and ``ylabel``. The student's values may be anything: what can't
be drawn is told in words in its place, and nothing here raises for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup

from grader.model import Opaque, Tree
from grader.report import svg
from grader.report.svg import Floats
from grader.text import strip_terminal

POINTS = 600
"""Points drawn per cloud; of more, evenly spaced ones."""
CURVE_POINTS = 1000
COMPONENTS = 30
HUGE = 1e30
"""Beyond this size numbers are treated as infinite: no picture can hold them."""
ELLIPSE_RADIUS = math.sqrt(-2.0 * math.log(1.0 - 0.95))
"""Mahalanobis radius that holds 95 % of a Gaussian in two dimensions."""

_ANGLES = np.linspace(0.0, 2.0 * np.pi, 49)[:-1]
_CIRCLE = ELLIPSE_RADIUS * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])


class UndrawableError(ValueError):
    """Why something can't be drawn, in words a student reads."""


@dataclass(frozen=True)
class Drawing:
    """A drawing with its words, or the words alone."""

    id: str
    title: str
    item: str
    svg: Markup | None
    caption: str = ""
    problems: tuple[str, ...] = ()


@dataclass
class _Sheet:
    """What one drawing function needs to know, and the remarks that it collects."""

    ident: str
    fields: Mapping[str, Tree]
    remarks: list[str] = field(default_factory=list)

    def words(self, name: str, default: str) -> str:
        value = self.fields.get(name)
        return value if isinstance(value, str) and value else default

    def read(self, name: str, shape: tuple[int | None, ...], what: str) -> Floats | None:
        """The field's numbers, or None with a remark."""
        try:
            return numbers(self.fields.get(name), shape, what)
        except UndrawableError as why:
            self.remarks.append(str(why))
            return None


def drawings(plots: Mapping[str, Tree]) -> tuple[Drawing, ...]:
    """Everything that can be drawn, in the order of ``plots``; figures of the notebook are not among them."""
    drawn = []
    for index, (ident, tree) in enumerate(plots.items()):
        if not isinstance(tree, Mapping):
            continue
        kind = tree.get("kind", ident)
        if isinstance(kind, str) and kind in _KINDS:
            title, draw = _KINDS[kind]
            sheet = _Sheet(f"plot-{index}", tree)
            picture, caption = draw(sheet)
            item = sheet.words("item", "")
            drawn.append(Drawing(ident, sheet.words("title", title), item, picture, caption, tuple(sheet.remarks)))
    return tuple(drawn)


def numbers(value: Tree, shape: tuple[int | None, ...], what: str) -> Floats:
    """``value`` as real numbers of the given shape (None: any length); overlarge ones become infinite.

    Raises `UndrawableError` when it is something else.
    """
    sizes = ", ".join("any" if size is None else str(size) for size in shape)
    wanted = f"({sizes},)" if len(shape) == 1 else f"({sizes})"
    if value is None:
        raise UndrawableError(f"Nothing came back to draw for {what}.")
    if isinstance(value, Opaque):
        raise UndrawableError(
            f"Can't draw {what}: an object of type {strip_terminal(value.type_name)[:60]} came back, not numbers."
        )
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise UndrawableError(f"Can't draw {what}: what came back is no regular array of shape {wanted}.") from None
    if array.dtype.kind not in "biuf":
        raise UndrawableError(f"Can't draw {what}: what came back does not consist of real numbers.")
    if array.ndim != len(shape) or any(want not in (None, have) for want, have in zip(shape, array.shape, strict=True)):
        raise UndrawableError(f"Can't draw {what}: shape {wanted} was needed, and {array.shape} came back.")
    with np.errstate(all="ignore"):
        array = array.astype(np.float64)
        return np.where(np.abs(array) > HUGE, np.inf, array)


def _curve(sheet: _Sheet) -> tuple[Markup | None, str]:
    what = sheet.words("what", "your curve")
    ylabel = sheet.words("ylabel", "value")
    student = sheet.read("student", (None,), what)
    reference = _trusted(sheet, "reference", (None,))
    if student is not None and not np.isfinite(student).any():
        sheet.remarks.append(f"Can't draw {what}: it holds no finite number.")
        student = None
    if student is None:
        return None, ""
    lost = int((~np.isfinite(student)).sum())
    if lost:
        sheet.remarks.append(f"{lost} of your {student.size} values are NaN or infinite and leave gaps.")
    if reference is not None and not _share_axes(student, reference):
        sheet.remarks.append("The reference's curve lies too far from yours to be drawn on the same axes.")
        reference = None
    finite = [curve[np.isfinite(curve)] for curve in (student, reference) if curve is not None]
    longest = max(student.size, reference.size if reference is not None else 0)
    axes = svg.panel(svg.MARGIN_LEFT, svg.MARGIN_TOP + 4, 560 - svg.MARGIN_RIGHT, 300 - svg.MARGIN_BOTTOM,
                     (0.5, longest + 0.5) if longest < 8 else (1.0, float(longest)), svg.span(finite))  # fmt: skip
    axes.axes(sheet.words("xlabel", "iteration"), ylabel, whole_x=True)
    entries = [("line", "student", "yours")]
    if reference is not None:
        _draw_curve(axes, reference, "reference")
        entries.append(("line", "reference", "reference"))
    _draw_curve(axes, student, "student")
    said = f"Yours: {_course(student)}." + (f" Reference: {_course(reference)}." if reference is not None else "")
    parts = [*axes.parts, svg.key(svg.MARGIN_LEFT, 20, entries)]
    said += _falls(student) if sheet.fields.get("rising") else ""
    return svg.document(560, 300, sheet.words("title", ylabel), said, parts, sheet.ident), said


def _draw_curve(axes: svg.Panel, values: Floats, css: str) -> None:
    steps = np.arange(1.0, values.size + 1.0)
    keep = _evenly(values.size, CURVE_POINTS)
    axes.curve(steps[keep], values[keep], css, dots=values.size <= 40)


def _course(values: Floats) -> str:
    finite = values[np.isfinite(values)]
    steps = "1 iteration" if values.size == 1 else f"{values.size} iterations"
    return f"from {_said(finite[0])} to {_said(finite[-1])} in {steps}" if finite.size else steps


def _falls(values: Floats) -> str:
    """Where a curve that must never fall does, beyond rounding."""
    with np.errstate(invalid="ignore"):
        places = (np.flatnonzero(np.diff(values) < -1e-3) + 2).tolist()
    if not places:
        return ""
    more = f" and {len(places) - 5} more" if len(places) > 5 else ""
    return f" Yours falls at iteration {', '.join(map(str, places[:5]))}{more}; it never should."


def _share_axes(student: Floats, reference: Floats) -> bool:
    """Whether both curves can be read on one pair of axes: what lies between them is not most of the picture."""
    mine, theirs = student[np.isfinite(student)], reference[np.isfinite(reference)]
    gap = max(float(mine.min() - theirs.max()), float(theirs.min() - mine.max()))
    return gap <= 2.0 * max(float(np.ptp(mine)), float(np.ptp(theirs)), 1e-3)


def _samples(sheet: _Sheet) -> tuple[Markup | None, str]:
    student = _cloud(sheet, "student", "your samples")
    reference = _trusted(sheet, "reference", (None, 2))
    if student is None or not student.size:
        return None, ""
    xlim, ylim = _window(student, reference)
    panels = [("student", "yours", student, False)]
    if reference is not None:
        panels.append(("reference", "reference", reference, True))
    width = 60.0 + 300.0 * len(panels)
    parts: list[str] = []
    for place, (css, words, cloud, cross) in enumerate(panels):
        left = svg.MARGIN_LEFT + 312.0 * place
        axes = svg.panel(left, svg.MARGIN_TOP, left + 232, 300 - svg.MARGIN_BOTTOM, xlim, ylim)
        axes.axes(sheet.words("xlabel", "x₁"), sheet.words("ylabel", "x₂"), f"{words}, n = {len(cloud)}")
        _outside(sheet, axes, cloud, css)
        shown = cloud[_evenly(len(cloud), POINTS)]
        axes.points(shown[:, 0], shown[:, 1], css, cross)
        parts += axes.parts
    said = f"Yours: {_place(student)}." + (f" Reference: {_place(reference)}." if reference is not None else "")
    return svg.document(width, 300, sheet.words("title", "Samples"), said, parts, sheet.ident), said


def _clusters(sheet: _Sheet) -> tuple[Markup | None, str]:
    data = _trusted(sheet, "X", (None, 2))
    means = sheet.read("means", (None, 2), "your means")
    size = (None if means is None else len(means), 2, 2)
    covariances = sheet.read("covariances", size, "your covariances")
    theirs = _trusted(sheet, "reference_means", (None, 2))
    their_shapes = _trusted(sheet, "reference_covariances", (None, 2, 2))
    mine = _ellipses(sheet, means, covariances)
    if data is None and not mine:
        return None, ""
    reference = _ellipses(None, theirs, their_shapes)
    frame = [points for points in (data, *(outline for _, outline in reference)) if points is not None]
    outlines = [outline for _, outline in mine] or frame
    xlim, ylim = _window(np.concatenate(outlines), np.concatenate(frame or outlines))
    axes = svg.panel(svg.MARGIN_LEFT, svg.MARGIN_TOP + 4, 560 - svg.MARGIN_RIGHT, 380 - svg.MARGIN_BOTTOM, xlim, ylim)
    axes.axes(sheet.words("xlabel", "x₁"), sheet.words("ylabel", "x₂"))
    entries = []
    if data is not None:
        shown = data[_evenly(len(data), POINTS)]
        axes.points(shown[:, 0], shown[:, 1], "data")
        entries.append(("dots", "data", "data"))
    for css, words, ellipses in (("reference", "reference", reference), ("student", "yours", mine)):
        _draw_ellipses(axes, css, ellipses)
        entries += [("line", css, words)] if ellipses else []
    weights = _shares(sheet, len(means) if means is not None else 0)
    said = _said_clusters(means, weights)
    parts = [*axes.parts, svg.key(svg.MARGIN_LEFT, 20, entries)]
    caption = "Each ellipse holds 95 % of its component. " + said
    return svg.document(560, 380, sheet.words("title", "Clusters"), caption, parts, sheet.ident), caption


def _draw_ellipses(axes: svg.Panel, css: str, ellipses: Sequence[tuple[Floats, Floats]]) -> None:
    for centre, outline in ellipses:
        axes.outline(outline[:, 0], outline[:, 1], css)
        axes.points(centre[:1], centre[1:], f"{css} mean", cross=css == "reference")


def _ellipses(sheet: _Sheet | None, means: Floats | None, covariances: Floats | None) -> list[tuple[Floats, Floats]]:
    """(mean, outline (48, 2)) of each component that has one; the others are remarked upon."""
    found: list[tuple[Floats, Floats]] = []
    if means is None or covariances is None:
        return found
    for number, (mean, covariance) in enumerate(zip(means[:COMPONENTS], covariances, strict=False), 1):
        if not np.isfinite(mean).all() or not np.isfinite(covariance).all():
            why = "its mean or covariance is not finite"
        else:
            with np.errstate(all="ignore"):
                values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
            if values[0] > 0:
                outline = mean[:, None] + vectors @ (np.sqrt(values)[:, None] * _CIRCLE)
                found.append((mean, outline.T))
                continue
            why = "its covariance is not positive definite"
        if sheet is not None:
            sheet.remarks.append(f"Your component {number} has no ellipse: {why}.")
    if sheet is not None and len(means) > COMPONENTS:
        sheet.remarks.append(f"Only the first {COMPONENTS} of your {len(means)} components are drawn.")
    return found


def _shares(sheet: _Sheet, count: int) -> Floats | None:
    try:
        return numbers(sheet.fields.get("weights"), (count,), "your weights") if count else None
    except UndrawableError:
        return None


def _said_clusters(means: Floats | None, weights: Floats | None) -> str:
    if means is None:
        return "Your components could not be drawn."
    shown = []
    for number, mean in enumerate(means[:6], 1):
        weight = "" if weights is None else f", weight {_said(weights[number - 1])}"
        shown.append(f"component {number}: mean ({_said(mean[0])}, {_said(mean[1])}){weight}")
    return "Yours: " + "; ".join(shown) + ("; …" if len(means) > 6 else "") + "."


def _trusted(sheet: _Sheet, name: str, shape: tuple[int | None, ...]) -> Floats | None:
    """A field of the grader's own: what is missing there is no matter for the student."""
    try:
        array = numbers(sheet.fields.get(name), shape, name)
    except UndrawableError:
        return None
    rows = array[np.isfinite(array).reshape(len(array), -1).all(axis=1)]
    return rows if rows.size else None


def _cloud(sheet: _Sheet, name: str, what: str) -> Floats | None:
    points = sheet.read(name, (None, 2), what)
    if points is None:
        return None
    finite = points[np.isfinite(points).all(axis=1)]
    if len(finite) < len(points):
        sheet.remarks.append(f"{len(points) - len(finite)} of {what} are NaN or infinite and are left out.")
    if not len(finite):
        sheet.remarks.append(f"Can't draw {what}: there is no finite point among them.")
    return finite


def _outside(sheet: _Sheet, axes: svg.Panel, cloud: Floats, css: str) -> None:
    hidden = int((~(axes.x.holds(cloud[:, 0]) & axes.y.holds(cloud[:, 1]))).sum())
    if hidden and css == "student":
        sheet.remarks.append(f"{hidden} of your {len(cloud)} points lie outside the picture, far from the reference's.")


def _window(student: Floats, reference: Floats | None) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of both axes: all of the reference, and of the student's what is not much further out."""
    anchor = student if reference is None else reference
    limits = []
    for axis in (0, 1):
        low, high = svg.span([anchor[:, axis]])
        near = np.clip(student[:, axis], low - 0.6 * (high - low), high + 0.6 * (high - low))
        limits.append(svg.span([anchor[:, axis], near]))
    return limits[0], limits[1]


def _evenly(count: int, most: int) -> slice:
    return slice(None, None, max(1, -(-count // most)))


def _place(cloud: Floats) -> str:
    middle, spread = cloud.mean(axis=0), cloud.std(axis=0)
    return (
        f"{len(cloud)} points about ({_said(middle[0])}, {_said(middle[1])}), "
        f"standard deviations {_said(spread[0])} and {_said(spread[1])}"
    )


def _said(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _log_likelihood(sheet: _Sheet) -> tuple[Markup | None, str]:
    words = {"ylabel": "mean log-likelihood per point (nats)", "what": "your log-likelihood curve"}
    preset = {"title": "Log-likelihood while training", "rising": True, **words}
    named = _Sheet(sheet.ident, {**preset, **sheet.fields}, sheet.remarks)
    return _curve(named)


_KINDS: Mapping[str, tuple[str, Callable[[_Sheet], tuple[Markup | None, str]]]] = {
    "log_likelihood": ("Log-likelihood while training", _log_likelihood),
    "curve": ("Curve", _curve),
    "clusters": ("Fitted clusters over the data", _clusters),
    "samples": ("Samples", _samples),
}
