"""EM on many small data sets at once, in the plane: what `false_fail.py` and `power.py` train with.

Arrays carry the data sets along the first axis: points (S, N, 2), weights (S, K), means (S, K, 2), covariances
(S, K, 2, 2). `tests/test_benchmarks.py` holds it against the reference, step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
RIDGE = 1e-6
"""What the reference adds to the diagonals."""


@dataclass
class Mixtures:
    """One mixture per data set."""

    weights: Array
    means: Array
    covariances: Array

    def of(self, chosen: NDArray[np.bool_]) -> Mixtures:
        return Mixtures(self.weights[chosen], self.means[chosen], self.covariances[chosen])

    def put(self, chosen: NDArray[np.intp], other: Mixtures) -> None:
        self.weights[chosen], self.means[chosen] = other.weights, other.means
        self.covariances[chosen] = other.covariances


def joint_log_density(X: Array, mixtures: Mixtures) -> Array:
    """log(weight · density), (K, S, N): components first, so that sums over them are sums of whole arrays."""
    a, b, c = (mixtures.covariances[..., i, j].T[:, :, None] for i, j in ((0, 0), (0, 1), (1, 1)))
    x, y = (X[None, ..., d] - mixtures.means[..., d].T[:, :, None] for d in (0, 1))
    determinant = a * c - b * b
    with np.errstate(divide="ignore", invalid="ignore"):
        constant = np.log(mixtures.weights.T[:, :, None]) - np.log(2 * np.pi) - 0.5 * np.log(determinant)
        return np.asarray(constant - 0.5 * (c * x * x - 2 * b * x * y + a * y * y) / determinant)


def e_step(X: Array, mixtures: Mixtures) -> tuple[Array, Array]:
    """Responsibilities (K, S, N) and mean log-likelihoods (S,)."""
    joint = joint_log_density(X, mixtures)
    top = joint.max(axis=0)
    shares = np.exp(joint - top)
    total = shares.sum(axis=0)
    return shares / total, (top + np.log(total)).mean(axis=1)


def m_step(X: Array, R: Array, ridge: float = RIDGE) -> Mixtures:
    """The maximum-likelihood mixtures for given responsibilities (K, S, N)."""
    counts = R.sum(axis=2) + 10 * np.finfo(float).eps
    means = np.einsum("ksn,snd->ksd", R, X) / counts[..., None]
    x, y = (X[None, ..., d] - means[..., d][..., None] for d in (0, 1))
    covariances = np.empty((*means.shape, 2))
    for i, j, product in ((0, 0, x * x), (0, 1, x * y), (1, 1, y * y)):
        covariances[..., i, j] = covariances[..., j, i] = (R * product).sum(axis=2) / counts
    covariances[..., 0, 0] += ridge
    covariances[..., 1, 1] += ridge
    weights = counts / counts.sum(axis=0)
    return Mixtures(weights.T, means.transpose(1, 0, 2), covariances.transpose(1, 0, 2, 3))


def fit(X: Array, start: Mixtures, tol: float = 1e-4, max_iters: int = 100) -> tuple[Mixtures, Array]:
    """EM from the starts until the mean log-likelihood rises by less than ``tol``: mixtures, log-likelihoods (S,).

    Like the template's loop: E-step, M-step, log-likelihood of the new parameters, stop or go on. Data sets that
    have stopped are left alone.
    """
    fitted = Mixtures(start.weights.copy(), start.means.copy(), start.covariances.copy())
    last = np.full(len(X), -np.inf)
    active = np.arange(len(X))
    points, now = X, start
    R, _ = e_step(points, now)
    for _ in range(max_iters):
        now = m_step(points, R)
        R, likelihood = e_step(points, now)
        fitted.put(active, now)
        going = ~(likelihood - last[active] < tol)
        last[active] = likelihood
        if not going.any():
            break
        active, points, now, R = active[going], points[going], now.of(going), R[:, going]
    return fitted, last


def in_blocks(size: int, total: int, make: Callable[[int, int], Array]) -> Array:
    """``make(first, count)`` over blocks, joined along the first axis: what fits into the caches is faster."""
    return np.concatenate([make(first, min(size, total - first)) for first in range(0, total, size)])
