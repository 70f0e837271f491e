"""How likely draws that were kept from near the condition and moved onto it fail a probe of `conditional_sample`.

Such draws follow the law given x' for an x' within the window, and are judged as if x' were x. Given x' a component's
y is normal with a mean that is linear in x', so what comes out is known: counts with other shares, sums of squares
scaled by what the mean varies, and a distance of laws D by which a Kolmogorov-Smirnov statistic differs at most.
"""

from __future__ import annotations

from typing import Any

import null_draws
import numpy as np
from rates import rubric
from scipy import special, stats


def chance(check: str, seed: int, width: float = 0.2) -> float:
    """Upper bound (to the normal approximation of the mean, which is exact to 1e-3) for one probe in the plane."""
    mixture, _, (x,) = null_draws.probe(check, seed)
    weights, means, covariances = (np.asarray(mixture[name]) for name in ("weights", "means", "covariances"))
    spread = np.sqrt(covariances[:, 0, 0])
    shares = null_draws.posterior(np.array([x]), weights, means[:, 0], spread)[0]
    alive = np.flatnonzero(shares > 0.05)
    near = x + width * spread[alive].min() * np.linspace(-1.0, 1.0, 1001)
    density = weights / spread * np.exp(-0.5 * ((near[:, None] - means[:, 0]) / spread) ** 2)
    alpha = rubric("conditional_laws").TOTAL / null_draws.TESTS[check]
    n = rubric("conditional_sample").DRAWS
    kept = density.sum(axis=0) / density.sum()
    total = _counts(n, float(shares[alive[0]]), float(kept[alive[0]]), alpha) if len(alive) > 1 else 0.0
    for k in alive:
        inner = np.sqrt(covariances[k, 1, 1] - covariances[k, 0, 1] ** 2 / covariances[k, 0, 0])
        offsets = covariances[k, 0, 1] / covariances[k, 0, 0] * (near - x) / inner
        total += _component(n * float(kept[k]), offsets, density[:, k] / density[:, k].sum(), alpha)
    return total


def _counts(n: int, asked: float, kept: float, alpha: float) -> float:
    law, other = stats.binom(n, asked), stats.binom(n, kept)
    return float(other.cdf(law.ppf(alpha / 2) - 1) + other.sf(law.isf(alpha / 2)))


def _component(n: float, offsets: Any, density: Any, alpha: float) -> float:
    """Chance that mean, spread or shape of one component's draws is rejected."""
    shift = float(density @ offsets)
    varies = float(density @ (offsets - shift) ** 2)
    mean = stats.norm.sf((stats.norm.isf(alpha / 2) - abs(shift) * np.sqrt(n)) / np.sqrt(1 + varies))
    scale = stats.chi2.sf(stats.chi2.isf(alpha / 2, n) / (1 + varies + shift**2), n)
    u = np.linspace(-5.0, 5.0, 501)
    apart = float(np.abs(special.ndtr(u[:, None] - offsets) @ density - special.ndtr(u)).max())
    shape = stats.kstwo.sf(stats.kstwo.isf(alpha, int(n)) - apart, int(n))
    return float(mean + scale + shape)


def bound(check: str, probes: int) -> float | None:
    """The mean chance over the probes; None for the probe in three dimensions, which is not worked out."""
    return float(np.mean([chance(check, seed) for seed in range(probes)])) if check != "any_coordinate" else None
