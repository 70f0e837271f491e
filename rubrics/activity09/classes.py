"""Two-class data on which the classifiers of TODO 4 can't be taken for one another, and readers of their answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from grader.compare import count_lost, describe, fail, numbers
from grader.model import Finding, Tree, Verdict
from grader.rubric import Read, Unreadable

Array = npt.NDArray[Any]

TRAIN, TEST = 400, 500
"""Sizes differ, so that predictions for the wrong points are seen by their number."""


def parallel_classes(rng: np.random.Generator, labels: tuple[int, int] = (0, 1)) -> dict[str, Array]:
    """Two long, parallel, correlated clouds, balanced, in units that differ by axis.

    Logistic regression separates them along the narrow direction (accuracy 0.96 to 0.99); naive Bayes, blind to
    the correlation, cuts across (0.69 to 0.80), so the two agree on at most 0.81 of the points.
    """
    along, across = np.array([1.0, 1.0]) / np.sqrt(2), np.array([1.0, -1.0]) / np.sqrt(2)
    y = np.repeat([0, 1], (TRAIN + TEST) // 2)
    gap = 0.55 * along + 0.45 * across
    X = rng.multivariate_normal([0, 0], [[1, 0.95], [0.95, 1]], size=TRAIN + TEST) + np.where(
        y[:, None] == 1, gap, -gap
    )
    # Away from the origin, so that a line without an intercept does not do; not far, since liblinear, which shrinks the
    # intercept too, is as right. In wide units, so that a strong penalty (C = 0.01) moves the line but little.
    X = X + rng.choice([-1, 1]) * rng.uniform(1.1, 1.6) * across + rng.uniform(-3, 3) * along
    X = X * np.array([1, rng.choice([-1, 1])]) * rng.uniform(4.0, 6.0, size=2)
    return _split(rng, X, np.asarray(labels)[y])


def concentric_classes(rng: np.random.Generator, labels: tuple[int, int] = (0, 1)) -> dict[str, Array]:
    """A narrow cloud inside a wide one with the same centre, balanced: no line separates them, an ellipse does.

    In units in which variances and deviations are very different numbers.
    """
    y = np.repeat([0, 1], (TRAIN + TEST) // 2)
    spread = np.where(y == 1, rng.uniform(2.5, 3.5), rng.uniform(0.7, 0.9))
    X = rng.normal(size=(TRAIN + TEST, 2)) * spread[:, None] * rng.uniform(0.7, 1.5, size=2)
    return _split(rng, 3.0 * (X + rng.uniform(-3, 3, size=2)), np.asarray(labels)[y])


def _split(rng: np.random.Generator, X: Array, y: Array) -> dict[str, Array]:
    """Shuffle within each class and cut, so that training and test points are both balanced."""
    first, second = (rng.permutation(np.flatnonzero(y == label)) for label in np.unique(y))
    train = rng.permutation(np.concatenate([first[: TRAIN // 2], second[: TRAIN // 2]]))
    test = rng.permutation(np.concatenate([first[TRAIN // 2 :], second[TRAIN // 2 :]]))
    return {"X_train": X[train], "y_train": y[train], "X_test": X[test], "y_test": y[test]}


def predicted_labels(value: Tree, inputs: Mapping[str, Tree]) -> Read:
    """(n_test,) labels from labels, probabilities, a model's predictions, or any of them in a tuple, list or dict."""
    n, classes = len(inputs["X_test"]), np.unique(inputs["y_train"])
    arrays = [(array, where) for part, where in _parts(value) if (array := numbers(part)) is not None and array.ndim]
    # Scores and confidences may stand before the labels, and look like labels or probabilities too.
    arrays.sort(key=lambda one: not _are_labels(one[0], n, classes))
    for array, where in arrays:
        found = _as_labels(array, n, classes)
        if found is not None:
            labels, note = found
            return Read(labels, tuple(f"{text}." for text in (where, note) if text))
    raise _nothing_fits(value, [len(array) for array, _ in arrays], n, len(inputs["X_train"]))


def _are_labels(array: Array, n: int, classes: Array) -> bool:
    """One of the labels of ``y_train`` for each point?"""
    return array.size == len(array) == n and bool(np.isin(array, classes).all())


def _parts(value: Tree, where: str = "", depth: int = 0) -> Iterator[tuple[Tree, str]]:
    """The value, then what it holds, arrays before the predictions of models."""
    if isinstance(value, dict) and "predicted by" in value:
        yield value["labels"], f"Your function returned a fitted {value['predicted by']}; its predictions were taken"
        return
    yield value, where
    if depth >= 3 or not isinstance(value, list | tuple | dict) or len(value) > 50:
        return
    kind = type(value).__name__
    inner = list(value.values()) if isinstance(value, dict) else list(value)
    inner.sort(key=lambda part: isinstance(part, dict) and "predicted by" in part)
    for part in inner:
        yield from _parts(part, f"Your predictions were found in the {kind} that your function returned", depth + 1)


def _as_labels(array: Array, n: int, classes: Array) -> tuple[Array, str] | None:
    if array.ndim == 2 and array.shape == (n, 2) and count_lost(array) == 0:
        return classes[np.argmax(array, axis=1)], "Two columns were read as one score for each class"
    if array.ndim == 2 and 1 in array.shape:
        array = array.ravel()
    if array.shape != (n,):
        return None
    if array.dtype.kind == "b":
        return classes[array.astype(int)], "True and False were read as the second and the first class"
    values = np.unique(array)
    if len(values) > 2 and count_lost(array) == 0 and values.min() >= 0 and values.max() <= 1:
        return classes[
            (array > 0.5).astype(int)
        ], "Numbers between 0 and 1 were read as probabilities of the second class"
    return np.asarray(array, dtype=float), ""


def _nothing_fits(value: Tree, sizes: list[int], n: int, n_train: int) -> Unreadable:
    asked = f"Asked for the labels of the {n} points of `X_test`; got {describe(value)}."
    if value is None:
        return Unreadable(asked, "Return the predictions: printing or plotting them is not enough.")
    if n_train in sizes:
        return Unreadable(
            f"{asked} That is one label for each of the {n_train} points of `X_train`.",
            "Fit on `X_train`, `y_train`, but predict on `X_test`.",
        )
    if isinstance(value, int | float):
        return Unreadable(asked, "Return the predicted labels, not their accuracy.")
    return Unreadable(asked, "Return one label for each row of `X_test`, an array of shape (n_test,).")


def share_equal(a: Tree, b: Tree) -> float:
    """Share of equal labels; 0 where the lengths differ."""
    x, y = numbers(a), numbers(b)
    return float(np.mean(x == y)) if x is not None and y is not None and x.shape == y.shape and x.size else 0.0


def same_labels(answer: Tree, mistaken: Tree, inputs: Mapping[str, Tree]) -> bool:
    """Two classifiers behave alike when they agree on 99 of 100 points."""
    return share_equal(answer, mistaken) >= 0.99


def disagreement(answer: Tree, expected: Tree, inputs: Mapping[str, Tree]) -> float:
    """For the power guard: share of points on which a mistake differs from the reference."""
    return 1.0 - share_equal(answer, expected)


def foreign_labels(answer: Array, inputs: Mapping[str, Tree], hint: str) -> Finding | None:
    """A failure where labels came back that `y_train` doesn't hold."""
    if count_lost(answer):
        return fail(f"{count_lost(answer)} of the {len(answer)} predicted labels are NaN or infinite.", hint)
    known = np.unique(inputs["y_train"])
    foreign = np.setdiff1d(np.unique(answer), known)
    if foreign.size == 0:
        return None
    got = ", ".join(f"{label:g}" for label in np.unique(answer)[:5])
    return fail(
        f"`y_train` held the labels {known[0]} and {known[1]}; your predictions hold {got}.",
        hint or "Predict the labels that are in `y_train`: `model.predict` does that by itself.",
    )


def right_with_other_labels(answer: Array, inputs: Mapping[str, Tree], accuracy: float) -> Finding:
    """Pass where the labels are those of `y_train`, whatever they are, and the share ``accuracy`` of them is right."""
    foreign = foreign_labels(answer, inputs, "")
    if foreign is not None:
        return foreign
    right = share_equal(answer, inputs["y_test"])
    if right >= accuracy:
        return Finding(Verdict.PASS, margin=(1 - right) / (1 - accuracy))
    known = np.unique(inputs["y_train"])
    return fail(
        f"With labels {known[0]} and {known[1]} in place of 0 and 1, {right:.0%} of your labels are right.",
        "Nothing in the function should rely on the labels being 0 and 1.",
    )


def agrees(
    answer: Array, expected: Array, inputs: Mapping[str, Tree], *, least: float, model: str, hint: str
) -> Finding:
    """Pass where at least the share ``least`` of the labels is that of the model asked for."""
    lost = foreign_labels(answer, inputs, "")
    if lost is not None:
        return lost
    share, right = share_equal(answer, expected), share_equal(answer, inputs["y_test"])
    margin = (1 - share) / (1 - least)
    if share >= least:
        return Finding(Verdict.PASS, margin=margin)
    told = "All points got the same label." if np.ptp(answer) == 0 else ""
    if share < 0.1:
        told = "Nearly all labels are swapped."
    message = (
        f"Fitted on {len(inputs['X_train'])} points of two balanced classes and asked for {len(answer)} new points, "
        f"your labels agree with {model} on {share:.0%} of them and are right on {right:.0%}. {told}"
    )
    return Finding(Verdict.FAIL, message.strip(), hint, margin=margin)
