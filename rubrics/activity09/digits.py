"""Extension: new digits from a mixture that was fitted to images of digits.

The samples are random, without an exact law: `benchmarks/false_fail.py` measures how far 500 samples of correct models
stay from the thresholds (table in `docs/statistics.md`). Where a notebook keeps fewer, fewer kinds are asked for
(`kinds_wanted`, a bound) and less confidence (`chance_of_few`, from the spread between images), and a person looks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import comb, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from grader.compare import fail, numbers, passed
from grader.model import Finding, Recording, Submission, Tree, Verdict
from grader.rubric import Question, Support, ask, best_of, check

Array = npt.NDArray[Any]

DRAWS = 500
SOURCES = 6
"""What the question returns at most."""
FEWEST = 10
COMMONEST = 0.13
"""Share that the classifier gives to a kind at most, in samples of correct models."""
CONFIDENCE_ERROR, SPREAD_ERROR = 0.18, 0.16
"""Standard errors of confidence and spread, times the root of the number of images, for samples of correct models."""
LEAST_SPREAD = 0.5
"""Spread below which a set is no sample of all digits, such as a walk from one digit to another (0.4)."""
HOW = (
    "Keep the samples in a variable such as `digit_samples` of shape (n, 64), or define `sample_digits(n)` that "
    "returns "
    "them, so that they can be looked at."
)


@dataclass(frozen=True)
class Facts:
    """What can be said of a set of images."""

    count: int
    classes: int
    confidence: float
    duplicates: float
    copies: float
    """Share of images that stand in the data."""
    spread: float
    """Standard deviation of the pixels over that of the data."""


def images_of(value: Tree, inputs: Mapping[str, Tree]) -> list[dict[str, Any]]:
    """[{"from", "images" (n, 64), pixels 0 to 16}] of each source with enough finite images, up to `DRAWS`.

    Where there is none: [{"from", "images": None, "told"}] of what should have given some.
    """
    found = []
    for one in value[:SOURCES]:
        array = numbers(one["images"])
        if array is None or array.ndim != 2 or len(array) < FEWEST or array.shape[1] not in (64, 784):
            continue
        array = array[:DRAWS]
        if not np.isfinite(array).all():
            continue
        found.append({"from": one["from"], "images": in_our_units(np.asarray(array, dtype=float))})
    return found or [one for one in value if one["images"] is None]


def in_our_units(images: Array) -> Array:
    """8x8 images with pixels from 0 to 16, from 8x8 or 28x28 ones whose pixels end at 1, 16 or 255."""
    if images.shape[1] == 784:
        # The digit stands in the middle 20x20; repeated twice each way, blocks of five make 8x8.
        middle = images.reshape(-1, 28, 28)[:, 4:24, 4:24].repeat(2, axis=1).repeat(2, axis=2)
        images = middle.reshape(-1, 8, 5, 8, 5).mean(axis=(2, 4)).reshape(-1, 64)
    top = float(np.quantile(images, 0.99))
    scale = 16.0 if top <= 2.0 else 1.0 if top <= 40.0 else 16.0 / 255.0
    return np.clip(images * scale, 0.0, 16.0)


@cache
def _known() -> tuple[Array, LogisticRegression, NearestNeighbors]:
    data = load_digits()
    classifier = LogisticRegression(C=3.0, max_iter=200).fit(data.data / 16.0, data.target)
    return data.data, classifier, NearestNeighbors(n_neighbors=1).fit(data.data)


def facts_of(images: Array) -> Facts:
    """Measure a set of images (n, 64) with pixels from 0 to 16."""
    data, classifier, neighbours = _known()
    chances = classifier.predict_proba(images / 16.0)
    counts = np.bincount(chances.argmax(axis=1), minlength=10)
    distances = neighbours.kneighbors(images)[0][:, 0]
    return Facts(
        count=len(images),
        classes=int(np.sum(counts >= max(1, len(images) // 100))),
        confidence=float(chances.max(axis=1).mean()),
        duplicates=1.0 - len(np.unique(images.round(3), axis=0)) / len(images),
        copies=float(np.mean(distances < 0.05)),
        spread=float(images.std(axis=0).mean() / data.std(axis=0).mean()),
    )


def kinds_wanted(count: int, classes: int) -> int:
    """The most kinds that ``count`` images must show: a sampler of all ten shows fewer with probability below 1e-7.

    Fewer than m kinds mean that all images fall into some m - 1, which have at most (m - 1) `COMMONEST` of the draws.
    """
    sure = [m for m in range(2, classes + 1) if comb(10, m - 1) * min(1.0, (m - 1) * COMMONEST) ** count < 1e-7]
    return max(sure, default=1)


def chance_of_few(count: int, error: float) -> float:
    """How much lower a statistic of ``count`` images may be by chance than one of 500: five standard errors."""
    return 5.0 * error * max(0.0, 1.0 / sqrt(count) - 1.0 / sqrt(DRAWS))


def same_images(answer: Tree, mistaken: Tree, inputs: Mapping[str, Tree]) -> bool:
    """Two sources behave alike where none has images, or the best of each measure the same."""
    if not _sources(answer) or not _sources(mistaken):
        told = [[one.get("told") for one in side] for side in (answer, mistaken)]
        return not _sources(answer) and not _sources(mistaken) and told[0] == told[1]
    a, b = (_best(one, 8, 0.8)[1] for one in (answer, mistaken))
    if min(a.duplicates, b.duplicates) > 0.5:  # a few images again and again: which ones is chance
        return (a.classes == 1) == (b.classes == 1)
    near = (
        abs(a.confidence - b.confidence) < 0.03 and abs(a.spread - b.spread) < 0.04 and abs(a.classes - b.classes) < 2
    )
    return near and abs(a.duplicates - b.duplicates) < 0.1 and abs(a.copies - b.copies) < 0.2


def _sources(answer: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in answer if one["images"] is not None]


@ask(reads=images_of, same=same_images, seconds=60.0)
def digit_images(rng: np.random.Generator) -> Question:
    """New digits: kept in a variable, returned by a function such as `sample_digits(500)`, or drawn from your model."""
    return Question(Support("survey_digits")(DRAWS))


@ask(reads=images_of, same=same_images, seconds=60.0, premised=True)
def digit_images_with_premises(rng: np.random.Generator) -> Question:
    """New digits from your models, fitted and sampled with the grader's E-step, M-step, `fit` and `sample`."""
    return Question(Support("survey_digits_again")(DRAWS))


_EITHER = best_of(digit_images, digit_images_with_premises)


@check("digits", _EITHER)
def recognisable(
    answer: Sequence[dict[str, Any]], submission: Submission, recording: Recording, classes: int, confidence: float
) -> Finding:
    """The sampled images are digits: a classifier recognises them, and all kinds are there"""
    if not _sources(answer):
        return _only_pictures(answer, submission, recording)
    source, facts = _best(answer, classes, confidence)
    if facts.copies > 0.5:
        return fail(
            f"The images from {source} stand in the data as they are; new ones are to be sampled from the mixture.",
            "Sample from the mixture, not from the data.",
        )
    needed = kinds_wanted(facts.count, classes)
    margin = max((1 - facts.confidence) / (1 - confidence), needed / max(1, facts.classes))
    if facts.spread < LEAST_SPREAD:
        return fail(
            f"The images from {source} hardly differ from one another, so they are no samples of digits.",
            "Fit the mixture to digits of all ten kinds, keep enough principal components, and for each image draw a "
            "component and then from its N(mean, covariance).",
        )
    if facts.classes >= needed and facts.confidence >= confidence:
        return Finding(Verdict.PASS, f"Looked at {facts.count} images from {source}.", margin=margin)
    if facts.classes >= needed and facts.confidence >= confidence - chance_of_few(facts.count, CONFIDENCE_ERROR):
        return passed(f"Looked at {facts.count} images from {source}, too few to be sure.", needs_review=True)
    told = (
        f"Looked at {facts.count} images from {source}: a classifier of digits sees {facts.classes} of 10 kinds and is "
        f"{facts.confidence:.1%} sure on average (wanted: {needed} kinds, {confidence:.1%})."
    )
    close = facts.classes >= needed and facts.confidence >= confidence - 0.1 and facts.spread < 1.1
    hint = "Fit more components, or on fewer principal components; digits need covariances between pixels."
    return Finding(
        Verdict.PARTIAL if close else Verdict.FAIL,
        told,
        hint,
        0.5 if close else None,
        needs_review=close,
        margin=margin,
    )


@check("digits", _EITHER)
def varied(
    answer: Sequence[dict[str, Any]],
    submission: Submission,
    recording: Recording,
    duplicates: float,
    spread: float,
) -> Finding:
    """The sampled images differ from one another and from the data"""
    if not _sources(answer):
        return _only_pictures(answer, submission, recording)
    source, facts = _best(answer, 8, 0.8)
    begin = f"Of {facts.count} images from {source}"
    if facts.copies > duplicates:
        return fail(
            f"{begin}, {facts.copies:.0%} stand in the data as they are.", "Sample from the mixture, not from the data."
        )
    if facts.duplicates > duplicates:
        told = f"{begin}, {facts.duplicates:.0%} repeat another one."
        return fail(
            told, "Draw from N(mean, covariance) each time: the means alone are the same few images again and again."
        )
    if spread - chance_of_few(facts.count, SPREAD_ERROR) <= facts.spread < spread:
        return passed(f"Looked at {facts.count} images from {source}, too few to be sure.", needs_review=True)
    if facts.spread < spread:
        told = f"{begin}, the pixels vary {facts.spread:.1%} as much as in real digits (wanted: {spread:.1%})."
        return fail(told, "Use the covariances when you sample, and keep enough principal components.")
    beside = next((one for one in _sources(answer) if _repeats(one)), None)
    if beside is not None and beside["from"] != source:
        kept = beside["from"][0].upper() + beside["from"][1:]
        told = f"{kept} holds the same few images again and again; {source} was judged instead."
        return Finding(Verdict.PASS, told, margin=spread / facts.spread, needs_review=True)
    return Finding(Verdict.PASS, margin=spread / facts.spread)


def _repeats(source: Mapping[str, Any]) -> bool:
    """What was kept as samples may be the components' means, while the model itself draws well."""
    return bool("variable" in source["from"] and facts_of(source["images"]).duplicates > 0.5)


def _best(answer: Sequence[dict[str, Any]], classes: int, confidence: float) -> tuple[str, Facts]:
    """The source that does best: what a student keeps beside it does no harm."""
    measured = [(one["from"], facts_of(one["images"])) for one in answer]

    def merit(pair: tuple[str, Facts]) -> tuple[Any, ...]:
        facts = pair[1]
        sound = facts.copies < 0.5 and facts.duplicates < 0.5 and facts.spread < 1.15
        return (
            sound,
            facts.confidence >= confidence and facts.classes >= min(classes, facts.count // 2),
            facts.confidence,
        )

    return max(measured, key=merit)


def _only_pictures(answer: Sequence[dict[str, Any]], submission: Submission, recording: Recording) -> Finding:
    """No images as data: where cells about digits drew samples and showed pictures, a person should look at them.

    Digits alone are no attempt: the latent space of the activity is made of them too.
    """
    sources = {cell.index: cell.source.lower() for cell in submission.cells}
    about = {
        index
        for index, source in sources.items()
        if any(word in source for word in ("digit", "mnist")) and re.search(r"\bsample\w*\(|\brvs\(", source)
    }
    drawn = [figure for figure in recording.figures if figure.cell in about]
    if drawn:
        cells = ", ".join(str(index) for index in sorted({figure.cell for figure in drawn})[:5])
        told = f"Pictures of digits were drawn (cell {cells}), but no sampled images were found among your variables."
        return fail(told, HOW, fraction=0.5, needs_review=True)
    if answer:
        told = " ".join(f"{one['from']}, asked for {DRAWS} digits, {one['told']}." for one in answer)
        return fail(f"{told} Expected images: an array of shape ({DRAWS}, 64).", HOW)
    told = "No images of digits were found: no variable, function or fitted model that holds or gives them."
    return Finding(Verdict.MISSING, told, HOW)
