"""What training is asked with, and the grader's own EM, from which a fit's worth is taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from grader import laws

from .shared import Array, Mixture, draw, mean_log_likelihood, three_clusters

N = 240


def best_fit(X: Array, mixture: Mixture) -> Mixture:
    """The maximum-likelihood mixture of the data, by EM from the truth."""
    fit, last = mixture, -np.inf
    for _ in range(300):
        fit = em_round(X, fit)
        now = mean_log_likelihood(X, fit)
        if now - last < 1e-9:
            break
        last = now
    return fit


def em_round(X: Array, mixture: Mapping[str, Array]) -> Mixture:
    """One iteration of EM."""
    R = laws.posterior(X, mixture["weights"], mixture["means"], mixture["covariances"])
    N_k = R.sum(axis=0) + 1e-12
    means = R.T @ X / N_k[:, None]
    gaps = X[:, None, :] - means[None]
    covariances = np.einsum("nk,nkd,nke->kde", R, gaps, gaps) / N_k[:, None, None]
    return {"weights": N_k / len(X), "means": means, "covariances": covariances + 1e-9 * np.eye(X.shape[1])}


def several(rng: np.random.Generator, count: int) -> dict[str, Any]:
    """Data sets of three clusters, what drew them, and the best mean log-likelihoods of three and of one Gaussian."""
    found: dict[str, list[Any]] = {"X": [], "mixtures": [], "targets": [], "floors": [], "best": []}
    for _ in range(count):
        mixture, X = three_clusters(rng, N)
        best = best_fit(X, mixture)
        one = {"weights": np.ones(1), "means": X.mean(axis=0)[None], "covariances": np.cov(X.T, bias=True)[None]}
        for key, item in (("X", X), ("mixtures", mixture), ("best", best)):
            found[key].append(item)
        found["targets"].append(mean_log_likelihood(X, best))
        found["floors"].append(mean_log_likelihood(X, one))
    return found


def crossing(rng: np.random.Generator, count: int) -> dict[str, Any]:
    """Data sets of three long clusters that cross one another like a star: EM from anywhere takes many iterations."""
    found: dict[str, list[Any]] = {"X": [], "mixtures": [], "targets": [0.0] * count}
    for _ in range(count):
        angles = rng.uniform(0.0, np.pi) + np.pi / 3.0 * np.arange(3)
        along = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        outer = np.einsum("kd,ke->kde", along, along)
        covariances = 9.0 * outer + 0.14 * (np.eye(2) - outer)
        means = rng.normal(0.0, 0.5, (3, 2))
        mixture = {"weights": np.array([0.28, 0.33, 0.39]), "means": means, "covariances": covariances}
        found["mixtures"].append(mixture)
        found["X"].append(draw(rng, mixture, 180))
    return found


def typical_gain(answer: Mapping[str, Any], inputs: Mapping[str, Any]) -> float:
    """Median over the starts of what one more iteration would gain; NaN where no start left a mixture behind."""
    gains = [
        mean_log_likelihood(X, em_round(X, start["parameters"])) - start["log_likelihood"]
        for start, X in zip(answer["starts"], inputs["X"], strict=True)
        if start["complete"] and np.isfinite(start["log_likelihood"])
    ]
    return float(np.median(gains)) if gains else float("nan")
