"""Correct models of digits put through the checks of `digits`: several fits each, several samples of each fit."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rates import failed, found, rubric, threshold
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

Array = NDArray[np.float64]
FITS = 20
CHECKED = ("recognisable", "varied")


def digit_runs(seed: int, count: int, style: str, images: int = 500) -> dict[str, tuple[Array, int]]:
    """Check -> margins and failures of ``count`` samples of `FITS` fits in turn.

    The margins are lack of confidence over what is allowed, and the spread wanted over the one found.
    """
    module = rubric("digits")
    margins: dict[str, list[float]] = {name: [] for name in CHECKED}
    failures = dict.fromkeys(CHECKED, 0)
    fits = [_fitted(style, fit) for fit in range(min(FITS, count))]
    for run in range(seed, seed + count):
        drawn = fits[run % len(fits)](images, run)
        answer = [{"from": "the samples", "images": module.in_our_units(drawn)}]
        for name in CHECKED:
            failures[name] += failed(found("digits", name, answer=answer, submission=None, recording=None))
        facts = module.facts_of(answer[0]["images"])
        margins["recognisable"].append((1 - facts.confidence) / (1 - threshold("digits", "recognisable", "confidence")))
        margins["varied"].append(threshold("digits", "varied", "spread") / facts.spread)
    return {name: (np.array(margins[name]), failures[name]) for name in CHECKED}


def _fitted(style: str, seed: int) -> Callable[[int, int], Array]:
    """A function (how many, seed) -> images (n, 64) with pixels from 0 to 16."""
    dimensions, options = STYLES[style]
    data = load_digits().data
    pca = PCA(dimensions, random_state=seed).fit(data) if dimensions else None
    model = GaussianMixture(random_state=seed, max_iter=30, tol=1e-2, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(data / 16 if pca is None else pca.transform(data))

    def draw(n: int, random_state: int) -> Array:
        model.random_state = random_state
        drawn = model.sample(n)[0]
        return np.asarray(drawn * 16 if pca is None else pca.inverse_transform(drawn))

    return draw


STYLES: dict[str, tuple[float | None, dict[str, Any]]] = {
    "25 principal components, K = 20": (25, {"n_components": 20}),
    "30 principal components, K = 10": (30, {"n_components": 10}),
    "15 principal components, K = 10": (15, {"n_components": 10}),
    "95 % of the variance, K = 15": (0.95, {"n_components": 15}),
    "raw pixels, K = 10, 1e-3 added": (None, {"n_components": 10, "reg_covar": 1e-3}),
    "raw pixels, K = 30, diagonal": (None, {"n_components": 30, "reg_covar": 1e-3, "covariance_type": "diag"}),
}
