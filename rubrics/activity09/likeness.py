"""Do two random answers show the same sampler? Summaries compared in standard errors, for naming a mistake only.

A wrong answer is already known to be wrong when this is asked, so the levels are loose: a match says that a
catalogued mistake draws by the same law as far as these samples can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader import laws

Array = NDArray[np.float64]
LIMIT = 4.0
"""Standard errors that two summaries of one law may differ by."""
FEW = 3
"""Fewer points than this show no law."""


def alike_samples(answer: Any, mistaken: Any, inputs: Mapping[str, Any]) -> bool:
    """Are two canonical answers of `sample` draws by one law? Shape, copies, and every summary within its error."""
    a, b = answer["points"], mistaken["points"]
    if not np.array_equal(answer["shape"], mistaken["shape"]) or a.shape != b.shape:
        return False
    if np.isnan(a).any() or np.isnan(b).any():
        return bool(np.isnan(a).any()) == bool(np.isnan(b).any())
    if len(a) < FEW:
        return True  # of so few only the number tells
    copies = _distinct(a), _distinct(b)
    if min(copies) < 0.5:
        # Copies follow no law: how many different points there are, and whether they are the means, tells them apart.
        return _on_means(a, inputs) == _on_means(b, inputs) and 0.7 < copies[0] / copies[1] < 1.4
    one, other = summaries(a, inputs), summaries(b, inputs)
    if one.keys() != other.keys():
        # All from one component, and not the same one: then only how they scatter can be compared.
        return max(one["frequencies"][0]) == max(other["frequencies"][0]) == 1.0 and _within(
            one["distances"], other["distances"]
        )
    return all(_within(one[key], other[key]) for key in one)


def alike_beside(answer: Any, mistaken: Any, inputs: Mapping[str, Any]) -> bool:
    """Are two answers of few draws alike, and the many that were drawn beside them as well? Few alone tell little."""
    a, b = answer["points"], mistaken["points"]
    if a.shape != b.shape or not np.array_equal(answer["shape"], mistaken["shape"]):
        return False
    told = answer["beside"], mistaken["beside"]
    if told[0] is None or told[1] is None:
        return told[0] is told[1] and _alike_points(a, b, answer, mistaken, inputs)
    return _alike_points(told[0]["points"], told[1]["points"], told[0], told[1], inputs) and _alike_points(
        a, b, answer, mistaken, inputs
    )


def _alike_points(a: Array, b: Array, one: Any, other: Any, inputs: Mapping[str, Any]) -> bool:
    if a.shape[1:] == b.shape[1:] == (inputs["params"]["means"].shape[1],):
        return alike_samples(one, other, inputs)
    # Of another dimension than asked: only as numbers can they be compared.
    return a.shape == b.shape and all(
        _within(_moments(x), _moments(y)) for x, y in ((a, b), ((a - a.mean(axis=0)) ** 2, (b - b.mean(axis=0)) ** 2))
    )


def _distinct(points: Array) -> float:
    return len(np.unique(points, axis=0)) / len(points)


def _on_means(points: Array, inputs: Mapping[str, Any]) -> bool:
    params = inputs["params"]
    return bool(laws.nearest(points, params["means"], params["covariances"])[1].max() < 1e-12)


def _within(one: tuple[Array, Array], other: tuple[Array, Array]) -> bool:
    value, error = one
    value_b, error_b = other
    spread = np.sqrt(error**2 + error_b**2) + 1e-9 * (1.0 + np.abs(value))
    return bool(np.all(np.abs(value - value_b) <= LIMIT * spread))


def summaries(points: Array, inputs: Mapping[str, Any]) -> dict[str, tuple[Array, Array]]:
    """Name -> (values, standard errors): frequencies, tails of the distances, and moments of each component.

    Everything is taken in the coordinates that make the asked components standard normal.
    """
    params = inputs["params"]
    labels, squared = laws.nearest(points, params["means"], params["covariances"])
    n, K = len(points), len(params["weights"])
    shares = np.bincount(labels, minlength=K) / n
    # The variance of a deterministic count is 0, so a random one may not hide behind its own error: add half a count.
    found = {"frequencies": (shares, np.sqrt(shares * (1.0 - shares) / n) + 0.5 / n)}
    if n < 200:
        found["distances"] = _moments(np.log1p(squared)[:, None])
        return found
    levels = np.array([0.01, 0.1, 0.5, 1.5, 3.0, 6.0, 10.0])
    below = (squared[:, None] <= levels).mean(axis=0)
    found["distances"] = (below, np.sqrt(below * (1.0 - below) / n) + 0.5 / n)
    for k in range(K):
        white = laws.whitened(points[labels == k], params["means"][k], params["covariances"][k])
        if len(white) < 3:
            continue
        centred = white - white.mean(axis=0)
        first, second = np.triu_indices(white.shape[1])
        found[f"moments {k}"] = _moments(np.hstack([white, centred[:, first] * centred[:, second]]))
        found[f"tails {k}"] = _tails(centred)
    return found


def _tails(centred: Array) -> tuple[Array, Array]:
    """The mean fourth power of the distances in their own metric: D(D + 2) for a Gaussian, more for a mixture."""
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    own = np.sum((centred @ vectors) ** 2 / np.maximum(values, 1e-12), axis=1)
    return _moments(own[:, None] ** 2)


def _moments(features: Array) -> tuple[Array, Array]:
    return features.mean(axis=0), features.std(axis=0) / np.sqrt(len(features))
