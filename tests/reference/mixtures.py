"""Mixtures with known parameters."""

from __future__ import annotations

import numpy as np

from reference.activity09 import GMM


def mixture(K: int = 3, D: int = 2, seed: int = 0, spread: float = 6.0) -> GMM:
    """A GMM with parameters set from outside, its means a typical ``spread`` apart."""
    rng = np.random.default_rng(seed)
    gmm = GMM(n_components=K, random_state=seed)
    gmm.weights = rng.dirichlet(np.full(K, 5.0))
    gmm.means = rng.normal(0, spread, (K, D))
    roots = rng.normal(size=(K, D, D))
    gmm.covariances = 0.4 * roots @ roots.transpose(0, 2, 1) + 0.4 * np.eye(D)
    return gmm


def matched(gmm: GMM, true: GMM) -> list[int]:
    """For each true component the fitted one with the nearest mean."""
    distances = np.linalg.norm(true.means[:, None] - gmm.means[None], axis=2)
    return [int(k) for k in distances.argmin(axis=1)]
