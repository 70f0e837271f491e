"""Exact laws for random answers: p-values and bounds, nothing about assignments.

A test that rejects below ``alpha`` fails a correct sampler with probability at most ``alpha``; each docstring says
whether that bound is exact or an inequality. Several tests of one answer divide their total with `share`. Points are
arrays (n, D), parameters are ``mean`` (D,) and ``covariance`` (D, D). Tails come from `scipy.special`, which is what
`scipy.stats` calls after milliseconds of checking its arguments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Array: TypeAlias = NDArray[np.float64]


def share(total: float, tests: int) -> float:
    """The level of each of ``tests`` tests: the chance that any rejects is at most ``total`` (Bonferroni)."""
    if tests < 1 or not 0.0 < total < 1.0:
        raise ValueError("share wants 0 < total < 1 and at least one test")
    return total / tests


def bonferroni(p_values: ArrayLike) -> float:
    """Smallest p-value times their number, at most 1: P(result <= alpha) <= alpha whatever their dependence.

    An inequality; for independent exact p-values it is short of exact by less than alpha²/2.
    """
    p = np.asarray(p_values, dtype=float).ravel()
    if p.size == 0:
        return 1.0
    return float(min(1.0, p.size * np.min(p)))


def two_sided(lower: float, upper: float) -> float:
    """Twice the smaller tail, at most 1: exact for continuous laws, at most alpha for counts."""
    return float(min(1.0, 2.0 * min(lower, upper)))


def binomial(successes: int, trials: int, probability: float) -> float:
    """Two-sided p-value of a count against Binomial(trials, probability).

    P(p <= alpha) <= alpha: each tail is a true tail of the count's own law, so no normal approximation enters.
    """
    lower = special.bdtr(successes, trials, probability)
    upper = special.bdtrc(successes - 1, trials, probability) if successes > 0 else 1.0
    return two_sided(float(lower), float(upper))


def counts(observed: ArrayLike, probabilities: ArrayLike) -> float:
    """p-value of category counts (K,) against probabilities (K,): a binomial test per category, Bonferroni over them.

    P(p <= alpha) <= alpha, since each count of a multinomial is binomial.
    """
    found = np.asarray(observed, dtype=int)
    expected = np.asarray(probabilities, dtype=float)
    if found.shape != expected.shape:
        raise ValueError("counts and probabilities differ in number")
    trials = int(found.sum())
    p = [binomial(int(n), trials, float(min(1.0, q))) for n, q in zip(found, expected, strict=True)]
    return bonferroni(p[:1] if len(p) == 2 else p)


def squared_distances(points: ArrayLike, mean: ArrayLike, covariance: ArrayLike) -> Array:
    """Squared Mahalanobis distances (n,); chi-square with D degrees for draws of N(mean, covariance)."""
    white = whitened(points, mean, covariance)
    return np.asarray(np.einsum("nd,nd->n", white, white))


def whitened(points: ArrayLike, mean: ArrayLike, covariance: ArrayLike) -> Array:
    """Points (n, D) as independent standard normals, by the Cholesky factor: for draws of N(mean, covariance)."""
    factor = np.linalg.cholesky(np.atleast_2d(np.asarray(covariance, dtype=float)))
    centred = np.atleast_2d(np.asarray(points, dtype=float)) - np.asarray(mean, dtype=float)
    # The inverse of a triangle of two or three columns is as good as solving with it, and costs a tenth.
    return np.asarray(centred @ np.linalg.inv(factor).T)


def largest_chi_square(squared: ArrayLike, degrees: int) -> float:
    """p-value of the largest of n independent chi-squares: P(max > t) = 1 - (1 - sf(t))^n, exact.

    Finds stray points. Computed as -expm1(n log1p(-sf)) so that it keeps its digits far out.
    """
    values = np.asarray(squared, dtype=float).ravel()
    if values.size == 0:
        return 1.0
    tail = float(special.chdtrc(degrees, np.max(values)))
    return 0.0 if math.isnan(tail) else float(-np.expm1(values.size * np.log1p(-min(tail, 1.0 - 1e-16))))


def stray_radius(count: int, degrees: int, alpha: float) -> float:
    """Mahalanobis distance that the furthest of ``count`` draws exceeds with probability ``alpha``, exact."""
    tail = -math.expm1(math.log1p(-alpha) / count)
    return math.sqrt(float(special.chdtri(degrees, tail)))


def scale(squared: ArrayLike, degrees: int) -> float:
    """Two-sided p-value of the sum of n independent chi-squares of ``degrees``: chi-square with n·degrees, exact.

    The sharpest test of one overall factor on all covariances: the sum is sufficient for it.
    """
    values = np.asarray(squared, dtype=float).ravel()
    total, freedom = float(np.sum(values)), values.size * degrees
    if freedom == 0:
        return 1.0
    return two_sided(float(special.chdtr(freedom, total)), float(special.chdtrc(freedom, total)))


def location(points: ArrayLike, mean: ArrayLike, covariance: ArrayLike) -> float:
    """p-value of the mean of n draws: n·d²(average, mean) is chi-square with D degrees, exact."""
    sample = np.atleast_2d(np.asarray(points, dtype=float))
    if sample.shape[0] == 0:
        return 1.0
    squared = squared_distances(sample.mean(axis=0)[None, :], mean, covariance)
    return float(special.chdtrc(sample.shape[1], sample.shape[0] * float(squared[0])))


def directions(dimensions: int) -> Array:
    """Axes, and sums and differences of each pair of axes, as rows: they fix a covariance matrix completely."""
    axes = list(np.eye(dimensions))
    pairs = [(i, j) for i in range(dimensions) for j in range(i)]
    signed = [axes[i] + sign * axes[j] for i, j in pairs for sign in (1.0, -1.0)]
    return np.array(axes + signed)


def spreads(
    points: ArrayLike, mean: ArrayLike, covariance: ArrayLike, along: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Two-sided p-values (m,) and ratios observed/expected (m,) of the variance along each direction.

    Σ (a·(x - mean))² / (aᵀ covariance a) is chi-square with n degrees for each direction a on its own, exact; join
    the p-values by `bonferroni`. Directions are rows (m, D), by default `directions`.
    """
    sample = np.atleast_2d(np.asarray(points, dtype=float))
    matrix = np.atleast_2d(np.asarray(covariance, dtype=float))
    rows = directions(sample.shape[1]) if along is None else np.asarray(along, dtype=float)
    expected = np.einsum("mi,ij,mj->m", rows, matrix, rows)
    sums = np.sum(((sample - np.asarray(mean, dtype=float)) @ rows.T) ** 2, axis=0) / expected
    n = sample.shape[0]
    if n == 0:
        return np.ones(len(rows)), np.ones(len(rows))
    p = np.minimum(1.0, 2.0 * np.minimum(special.chdtr(n, sums), special.chdtrc(n, sums)))
    return np.asarray(p), np.asarray(sums / n)


def kolmogorov(uniforms: ArrayLike) -> float:
    """Two-sided Kolmogorov-Smirnov p-value of n values against the uniform law, from its exact finite-n law.

    For values F(x) of a continuous law F the bound is exact (Simard and L'Ecuyer 2011, as in scipy's ``kstwo``).
    """
    values = np.sort(np.asarray(uniforms, dtype=float).ravel())
    n = values.size
    if n == 0:
        return 1.0
    steps = np.arange(1, n + 1) / n
    distance = float(max(np.max(steps - values), np.max(values - (steps - 1.0 / n))))
    return 0.0 if math.isnan(distance) else float(min(1.0, stats.kstwo.sf(distance, n)))


def radii(squared: ArrayLike, degrees: int) -> float:
    """p-value of the shape of the distances: their chi-square probabilities are uniform; exact KS."""
    return kolmogorov(special.chdtr(degrees, np.asarray(squared, dtype=float)))


def normal(z: ArrayLike) -> float:
    """Two-sided p-value of standard normals, Bonferroni over them; exact for one, an inequality for several."""
    return bonferroni(2.0 * special.ndtr(-np.abs(np.asarray(z, dtype=float))))


def deviation(p_value: float) -> float:
    """A p-value as the standard normal deviate that has it two-sided: margins that can be compared between laws."""
    return float(-special.ndtri(min(1.0, max(p_value, 1e-300)) / 2.0))


def nearest(points: ArrayLike, means: ArrayLike, covariances: ArrayLike) -> tuple[NDArray[np.intp], Array]:
    """Component (n,) with the smallest Mahalanobis distance and that distance squared (n,).

    Certain for a mixture whose means stand 2 r of its largest standard deviation apart and points within r of
    their own mean (triangle inequality); then counts per component are multinomial and the points of each are
    independent draws of its Gaussian.
    """
    squared = np.stack(
        [squared_distances(points, m, c) for m, c in zip(np.asarray(means), np.asarray(covariances), strict=True)],
        axis=1,
    )
    labels = np.argmin(squared, axis=1)
    return labels, squared[np.arange(len(labels)), labels]


def log_density(points: ArrayLike, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike) -> Array:
    """log p(x) (n,) of a Gaussian mixture, by log-sum-exp: what the grader itself takes a fit's worth from."""
    return np.asarray(special.logsumexp(joint_log_density(points, weights, means, covariances), axis=1))


def posterior(points: ArrayLike, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike) -> Array:
    """Posterior probabilities (n, K) of the components of a Gaussian mixture; rows sum to 1."""
    joint = joint_log_density(points, weights, means, covariances)
    return np.asarray(np.exp(joint - special.logsumexp(joint, axis=1, keepdims=True)))


def joint_log_density(points: ArrayLike, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike) -> Array:
    """log(weight · density) (n, K). Raises numpy.linalg.LinAlgError for a covariance that is not positive definite."""
    columns: Sequence[Any] = [
        -0.5 * (squared_distances(points, m, c) + np.linalg.slogdet(2.0 * np.pi * np.atleast_2d(c))[1])
        for m, c in zip(np.asarray(means), np.asarray(covariances), strict=True)
    ]
    with np.errstate(divide="ignore"):
        return np.asarray(np.stack(columns, axis=1) + np.log(np.asarray(weights, dtype=float)))
