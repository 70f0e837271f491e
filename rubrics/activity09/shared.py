"""What the questions about mixtures are asked with: secret mixtures, data from them, and soft responsibilities.

A mixture is a dict of ``weights`` (K,), ``means`` (K, D) and ``covariances`` (K, D, D). Everything is drawn from the
generator that a question is given, so a run repeats by its seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from grader import laws

Array: TypeAlias = NDArray[np.float64]
Mixture: TypeAlias = dict[str, Array]


def shape_of(rng: np.random.Generator, D: int, low: float, high: float) -> Array:
    """A covariance (D, D) in a random direction, its standard deviations spread evenly over [low, high]."""
    turn = rotation(rng, D)
    middle = np.sqrt(low * high) * rng.uniform(0.8, 1.25)
    deviations = np.linspace(low, high, D) if D > 1 else np.array([middle])
    matrix = turn @ np.diag(deviations**2) @ turn.T
    return np.asarray((matrix + matrix.T) / 2)


def rotation(rng: np.random.Generator, D: int) -> Array:
    """An orthogonal matrix (D, D) in a random direction, no axis within about 15 degrees of another in the plane."""
    if D == 2:
        angle = rng.uniform(np.pi / 12, 5 * np.pi / 12) + rng.integers(4) * np.pi / 2
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(np.linalg.qr(rng.standard_normal((D, D)))[0])


def unequal_weights(rng: np.random.Generator, K: int, ratio: float = 1.8) -> Array:
    """Weights (K,), each about ``ratio`` times the next, in random order."""
    weights = ratio ** np.arange(K) * rng.uniform(0.9, 1.1, K)
    return np.asarray(rng.permutation(weights / weights.sum()))


def telling_weights(rng: np.random.Generator, K: int) -> Array:
    """Weights (K,) by which wrong choices of a component show: the heaviest first, the next last, none in sorted order.

    Reversed, inverted, softmaxed, squared, sorted or compared one by one they give frequencies that 4000 draws tell
    from these beyond chance.
    """
    heavy = rng.uniform(0.50, 0.57)
    rest = np.linspace(1.0, 1.5, K - 1) * rng.uniform(0.96, 1.04, K - 1)
    return np.concatenate([[heavy], (1.0 - heavy) * rest / rest.sum()])


def overlapping(rng: np.random.Generator, D: int, K: int) -> Mixture:
    """Components that share most points, of different sizes, away from the origin: every piece of Bayes' rule matters.

    All coordinates lie to one side, so that the variance of all numbers together, which some take for the scale of
    their regularisation, is little more than that of each coordinate.
    """
    centre = rng.choice([-1.0, 1.0]) * (rng.uniform(2.5, 3.5) + rng.uniform(-0.4, 0.4, D))
    means = centre + spread_out(rng, K, D, least=1.1, scale=1.0)
    scales = rng.permutation(np.linspace(0.75, 1.35, K))
    covariances = np.stack([shape_of(rng, D, 0.7 * s, 1.3 * s) for s in scales])
    return {"weights": unequal_weights(rng, K), "means": means, "covariances": covariances}


def separated(rng: np.random.Generator, D: int, K: int, gap: float = 14.0) -> Mixture:
    """Components ``gap`` of the largest standard deviation apart and more: which one drew a point is certain."""
    largest = 1.2
    lows = rng.permutation(np.linspace(0.45, 0.65, K))
    covariances = _turned(rng, lows, largest) if D == 2 else np.stack([shape_of(rng, D, low, largest) for low in lows])
    means = rng.uniform(-6.0, 6.0, D) + spread_out(rng, K, D, least=gap * largest, scale=gap * largest)
    return {"weights": telling_weights(rng, K), "means": means, "covariances": covariances}


def _turned(rng: np.random.Generator, lows: Array, high: float) -> Array:
    """Covariances (K, 2, 2) turned evenly against one another, so that taking one for another shows."""
    angles = rng.uniform(0.0, np.pi) + np.pi * np.arange(len(lows)) / len(lows)
    axes = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    outer = np.einsum("kd,ke->kde", axes, axes)
    return np.asarray(high**2 * outer + lows[:, None, None] ** 2 * (np.eye(2) - outer))


def spread_out(rng: np.random.Generator, count: int, D: int, *, least: float, scale: float) -> Array:
    """Points (count, D), every two of them at least ``least`` apart."""
    while True:
        points = rng.normal(0.0, scale, (count, D))
        gaps = np.linalg.norm(points[:, None] - points[None], axis=2)[~np.eye(count, dtype=bool)]
        if gaps.size == 0 or gaps.min() >= least:
            return points


def draw(rng: np.random.Generator, mixture: Mapping[str, Array], n: int) -> Array:
    """Points (n, D) of a mixture, in random order."""
    chosen = rng.choice(len(mixture["weights"]), size=n, p=mixture["weights"])
    factors = np.linalg.cholesky(mixture["covariances"])
    noise = rng.standard_normal((n, mixture["means"].shape[1]))
    return np.asarray(mixture["means"][chosen] + np.einsum("nij,nj->ni", factors[chosen], noise))


def soft_responsibilities(rng: np.random.Generator, X: Array, mixture: Mapping[str, Array]) -> Array:
    """Responsibilities (N, K) that no E-step would return: posteriors, softened and shaken."""
    logits = 0.6 * laws.joint_log_density(X, **mixture) + rng.normal(0.0, 0.8, (len(X), len(mixture["weights"])))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def three_clusters(rng: np.random.Generator, n: int) -> tuple[Mixture, Array]:
    """The activity's data: three clusters in the plane, near one another but clearly three; and n points of them.

    They lie around the origin, so that starts which do not look at the data are no worse than others.
    """
    angle = rng.uniform(0.0, 2.0 * np.pi)
    corners = angle + 2.0 * np.pi * (np.arange(3) + rng.uniform(-0.06, 0.06, 3)) / 3.0
    means = np.array([0.3, -0.4]) + 3.1 * np.stack([np.cos(corners), np.sin(corners)], axis=1)
    covariances = np.stack([shape_of(rng, 2, 0.7, 1.1) for _ in range(3)])
    weights = rng.permutation(np.array([0.28, 0.33, 0.39]))
    mixture = {"weights": weights, "means": means, "covariances": covariances}
    return mixture, draw(rng, mixture, n)


def mean_log_likelihood(X: Array, parameters: Mapping[str, Any]) -> float:
    """Mean log p(x) of the points under fitted parameters, taken by the grader; NaN where they are no mixture."""
    try:
        weights, means, covariances = (parameters[name] for name in ("weights", "means", "covariances"))
        return float(np.mean(laws.log_density(X, weights, means, covariances)))
    except (np.linalg.LinAlgError, ValueError):
        return float("nan")
