"""The pictures that the activity asks for, looked for among those that the run made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from grader.compare import fail
from grader.model import Cell, CellRun, Figure, Finding, Recording, Submission, Verdict
from grader.rubric import check

from .failures import causes_of, source_of, stopped, told

Axes = Mapping[str, Any]

_READ = 400_000
"""Characters of code that are looked through for words; more is no code."""
_DRAWN = ("lines", "points", "patches", "images", "contours", "bars")
_WORDS = {
    "e_step": "TODO 1 (E-step)",
    "m_step": "TODO 2 (M-step)",
    "training": "the training (`fit`)",
    "sample": "TODO 3 (sampling)",
    "discriminative": "TODO 4a",
    "generative": "TODO 4b",
    "interpolate": "TODO 5a (interpolation)",
}
_ITEM_OF = {
    "_e_step": "e_step",
    "_m_step": "m_step",
    "fit": "training",
    "sample": "sample",
    "discriminative_model": "discriminative",
    "generative_model": "generative",
    "interpolate": "interpolate",
}
_MIXTURE = ("e_step", "m_step", "training", "sample")
"""Each of them works with what those before it made."""


@dataclass(frozen=True)
class Kind:
    """A kind of picture: its name, what its axes hold, and the words by which code and labels give it away."""

    name: str
    fits: Callable[[tuple[Axes, ...]], bool]
    alone: Callable[[tuple[Axes, ...]], bool]
    """Fits so well that no words are needed: then it passes, and a person looks."""
    words: re.Pattern[str]


def _any(test: Callable[[Axes], bool]) -> Callable[[tuple[Axes, ...]], bool]:
    return lambda panels: any(test(panel) for panel in panels)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _ellipses(a: Axes) -> bool:
    return bool(a["points"] >= 10 and a["patches"] + a["contours"] + a["images"] + max(0, a["lines"] - 1) >= 1)


def _curve(a: Axes) -> bool:
    return bool(a["lines"] >= 1 and a["images"] == 0 and not re.search(r"\b[ab]ic\b", _labels(a), re.IGNORECASE))


def _scattered(panels: tuple[Axes, ...]) -> int:
    return sum(a["points"] >= 10 for a in panels)


def _images(panels: tuple[Axes, ...]) -> int:
    return sum(a["images"] for a in panels)


CLUSTERS = Kind(
    "the fitted clusters with ellipses or contours over the data",
    _any(_ellipses),
    _any(lambda a: a["points"] >= 10 and a["patches"] >= 1 and a["contours"] == 0),
    _words(r"cluster(?!s?_per_class|s_std|_std)|ellips|gmm|mixture|covarian|sigma|component"),
)
SAMPLES = Kind(
    "samples beside data",
    lambda panels: _scattered(panels) >= 1,
    lambda panels: _scattered(panels) >= 2,
    _words(r"(?<!n_)sampl|generated|synthetic|new_points|muestra|stichprobe|échantillon|выбор|样本|サンプル"),
)
CURVE = Kind(
    "the log-likelihood curve",
    _any(_curve),
    lambda panels: len(panels) == 1 and _curve(panels[0]) and panels[0]["points"] == panels[0]["patches"] == 0,
    _words(r"likelihood|log.?lik|\blls?\b|convergen|vraisemblance|verosimil|правдоподоб|似然|尤度"),
)
BOUNDARIES = Kind(
    "the two decision boundaries",
    _any(lambda a: a["contours"] + a["images"] >= 1 or (a["points"] >= 10 and a["lines"] >= 1)),
    lambda panels: sum(a["contours"] + a["images"] >= 1 and a["points"] >= 10 for a in panels) >= 2,
    _words(r"boundar|decision|discriminative|logistic|naive|classif|frontera|frontière|grenze|границ|边界|境界"),
)
INTERPOLATION = Kind(
    "an interpolation",
    lambda panels: _images(panels) >= 1 or any(a["points"] + a["lines"] >= 1 for a in panels),
    lambda panels: _images(panels) >= 2 and _scattered(panels) == 0,
    _words(r"interpol|latent|explorer|lerp|morph|интерпол|插值|補間"),
)
KINDS = (CLUSTERS, SAMPLES, CURVE, BOUNDARIES, INTERPOLATION)


@check("visualisations", public=True)
def clusters(submission: Submission, recording: Recording, fallen: Sequence[str]) -> Finding:
    """The fitted clusters are drawn with their ellipses or contours over the data"""
    return look_for(CLUSTERS, submission, recording, fallen)


@check("visualisations", public=True)
def samples(submission: Submission, recording: Recording, fallen: Sequence[str]) -> Finding:
    """Generated samples are drawn beside the data"""
    return look_for(SAMPLES, submission, recording, fallen)


@check("visualisations", public=True)
def likelihood_curve(submission: Submission, recording: Recording, fallen: Sequence[str]) -> Finding:
    """The log-likelihood is drawn against the iterations"""
    return look_for(CURVE, submission, recording, fallen)


@check("visualisations", public=True)
def boundaries(submission: Submission, recording: Recording, fallen: Sequence[str]) -> Finding:
    """The decision boundaries of both classifiers are drawn"""
    found = look_for(BOUNDARIES, submission, recording, fallen)
    if not found or found.needs_review:
        return found
    matching = [f for f in _drawn(recording) if _hinted(BOUNDARIES, f, submission) and BOUNDARIES.fits(f.axes)]
    panels = sum(BOUNDARIES.fits((panel,)) for figure in matching for panel in figure.axes)
    layers = sum(panel["contours"] + panel["lines"] for figure in matching for panel in figure.axes)
    if panels >= 2 or layers >= 2:
        return found
    told_ = "One decision boundary was found; there are two classifiers to compare."
    return fail(told_, "Draw one panel for each classifier.", fraction=0.5, needs_review=True)


@check("visualisations", public=True)
def interpolation(submission: Submission, recording: Recording, fallen: Sequence[str]) -> Finding:
    """The steps of an interpolation are drawn"""
    return look_for(INTERPOLATION, submission, recording, fallen)


def look_for(kind: Kind, submission: Submission, recording: Recording, fallen: Sequence[str] = ()) -> Finding:
    """Is a picture of this kind among those that the run made?

    Evidence is a drawn picture whose axes hold the right things and whose labels or code say the right words. With one
    of the two alone a person should look; blank pictures and pictures saved in the file are no evidence. ``fallen``:
    items that lost points, of which one may be to mend first.
    """
    drawn = _drawn(recording)
    hinted = [figure for figure in drawn if _hinted(kind, figure, submission)]
    if any(figure.axes and kind.fits(figure.axes) for figure in hinted):
        return Finding(Verdict.PASS)
    if any(not figure.axes for figure in hinted):
        return Finding(Verdict.PASS, "A picture whose parts can't be read was taken for it.", needs_review=True)
    others = [figure for figure in drawn if kind.alone(figure.axes) and not _claimed(figure, kind, submission)]
    if others:
        told_ = f"The picture of cell {others[0].cell} was taken for it, though nothing there says so."
        return Finding(Verdict.PASS, told_, needs_review=True)
    if hinted:
        told_ = f"The picture of cell {hinted[0].cell} seems meant for it, but does not hold what it should."
        return fail(told_, f"Wanted: {kind.name}.", fraction=0.5, needs_review=True)
    return _absent(kind, submission, recording, fallen)


def _absent(kind: Kind, submission: Submission, recording: Recording, fallen: Sequence[str]) -> Finding:
    """Why there is no such picture: blank, stopped, saved only, or never drawn."""
    blank = [f for f in recording.figures if _blank(f) and _hinted(kind, f, submission)]
    # A cell that stopped may have opened axes before: then not the drawing is to be mended.
    halted = [run for run in stopped(recording) if run.index in {figure.cell for figure in blank}]
    if halted:
        return _stopped(kind, halted[0], causes_of(submission, recording)[halted[0].index], fallen)
    if blank:
        told_ = f"The picture of cell {blank[0].cell} is blank: nothing is drawn in it."
        return fail(told_, f"Wanted: {kind.name}. Draw before `plt.show()`, on the axes that you show.")
    for run in stopped(recording):
        source = source_of(submission, run.index)
        if kind.words.search(source) and re.search(r"plt\.|\.plot|show|ax\.|draw|scatter", source):
            return _stopped(kind, run, causes_of(submission, recording)[run.index], fallen)
    if submission.saved_images and not recording.figures:
        told_ = "The pictures that are saved in the file did not come out when the notebook ran, so they can't count."
        return fail(told_, "Make sure that the cells that draw run in a fresh kernel.")
    return Finding(
        Verdict.MISSING, f"No picture of {kind.name} was drawn when the notebook ran.", f"Wanted: {kind.name}."
    )


def _stopped(kind: Kind, run: CellRun, cause: CellRun, fallen: Sequence[str]) -> Finding:
    item = _first_to_mend(cause, fallen)
    if item:
        first = _WORDS[item]
        told_ = f"{kind.name[0].upper()}{kind.name[1:]} can't be drawn before {first} is mended. {told(run)}."
        return Finding(Verdict.BLOCKED, told_, f"Mend {first} first, then run the notebook again.")
    return fail(f"The cell that would draw it stopped. {told(run)}.", f"Wanted: {kind.name}.")


def _first_to_mend(cause: CellRun, fallen: Sequence[str]) -> str:
    """The item because of which the cell stopped: that of the function that raised, if it fell or nothing else did.

    `sample` may raise for what the E-step made; so does a helper that belongs to no item.
    """
    error = cause.error
    if error is None:
        return ""
    own = _ITEM_OF.get(error.function, "")
    if own in fallen or (own and own not in _MIXTURE):
        return own
    elsewhere = error.cell not in (None, cause.index)
    before = _MIXTURE[: _MIXTURE.index(own)] if own else _MIXTURE if elsewhere else ()
    return next((item for item in before if item in fallen), own)


# --- reading pictures -----------------------------------------------------------------------


def _drawn(recording: Recording) -> list[Figure]:
    return [figure for figure in recording.figures if not _blank(figure)]


def _blank(figure: Figure) -> bool:
    """Nothing drawn: one grey level all over, or axes without anything on them."""
    if figure.axes and not any(panel.get(name, 0) for panel in figure.axes for name in _DRAWN):
        return True
    thumbnail = figure.thumbnail
    return isinstance(thumbnail, np.ndarray) and thumbnail.size > 0 and int(thumbnail.max()) - int(thumbnail.min()) < 8


def _labels(panel: Axes) -> str:
    return " ".join(str(panel.get(name, "")) for name in ("title", "xlabel", "ylabel"))


def _hinted(kind: Kind, figure: Figure, submission: Submission) -> bool:
    """Do the labels, the cell, or the notebook's functions that the cell calls say the kind's words?"""
    labels = " ".join(_labels(panel) for panel in figure.axes)
    return bool(kind.words.search(labels)) or _code_says(kind, figure.cell, submission.cells)


@lru_cache(maxsize=512)
def _code_says(kind: Kind, index: int, cells: tuple[Cell, ...]) -> bool:
    source = next((cell.source for cell in cells if cell.index == index), "")
    called = set(re.findall(r"\b(\w++)\s*+\(", source[:_READ]))
    functions = [text for name, other, text in _functions(cells) if other != index and name in called]
    return bool(kind.words.search("\n".join([source, *functions])[:_READ]))


@lru_cache(maxsize=2)
def _functions(cells: tuple[Cell, ...]) -> tuple[tuple[str, int, str], ...]:
    """(name, cell, text) of each function at the notebook's top level."""
    found: list[tuple[str, int, str]] = []
    for cell in cells:
        starts = [one.start() for one in re.finditer(r"^\S", cell.source, re.MULTILINE)]
        for start, end in zip(starts, [*starts[1:], len(cell.source)], strict=True):
            name = re.compile(r"def (\w++)\(").match(cell.source, start)
            if name:
                found.append((name[1], cell.index, cell.source[start:end]))
    return tuple(found)


def _claimed(figure: Figure, kind: Kind, submission: Submission) -> bool:
    """Is the picture evidence for another kind already?"""
    return any(other is not kind and other.fits(figure.axes) and _hinted(other, figure, submission) for other in KINDS)
