"""Probes for conditional sampling, and the exact laws that draws given a coordinate follow. Pure.

A mixture of Gaussians given x is again one (Bishop, Pattern Recognition and Machine Learning, 2.3.1): component k
has weight proportional to w_k N(x | m_kx, s_kx²), mean m_ky + r_k s_ky (x - m_kx) / s_kx and variance
s_ky² (1 - r_k²). Each row is judged given its own x, which is exact too for samplers that keep draws near the
condition. The level of a probe, `TOTAL`, is divided among its tests (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from grader import laws

Array = npt.NDArray[Any]

TOTAL = 1e-10
"""Most that a correct sampler's chance to fail a probe is: 3e-10 for the three of them (exact laws, by Bonferroni).

That is far below 1e-6, to leave room for samplers that keep draws within 0.2 standard deviations of the condition and
then move them onto it. They are off by up to 1.6 standard errors in mean and 0.8 in spread, and with that stay below
1e-6 too (worked out in `benchmarks/moved_draws.py`); with 5e-7 for a probe they would not.
"""


@dataclass(frozen=True)
class Given:
    """The mixture given x, for each of n rows: ``weights``, ``means``, ``deviations`` (n, K) of y."""

    weights: Array
    means: Array
    deviations: Array


def dominant_probe(rng: np.random.Generator) -> tuple[dict[str, Array], float]:
    """A mixture in the plane and an x at which one component has all the weight (the others less than 1e-20).

    The condition lies 0.6 to 0.8 standard deviations off the component's centre and the correlation is 0.65 to
    0.75, so that regression term and reduced variance both show, and a draw kept from within 0.2 standard deviations
    of the condition, and then moved onto it, is off by less than one standard error.
    """
    centre = float(rng.uniform(2, 4) * rng.choice([-1, 1]))
    gaps = rng.permutation([-22.0, 25.0])
    means = np.array([[centre, rng.uniform(-4, -2)], [centre + gaps[0], rng.uniform(3, 5)], [centre + gaps[1], 9.0]])
    covariances = np.stack([_correlated(rng, 1.4, 1.9) for _ in range(3)])
    weights = np.array([0.3, 0.45, 0.25])
    x = centre + float(rng.choice([-1, 1]) * rng.uniform(0.6, 0.8) * np.sqrt(covariances[0, 0, 0]))
    return _shuffled(rng, weights, means, covariances), x


def shared_probe(rng: np.random.Generator) -> tuple[dict[str, Array], float]:
    """A mixture and an x that two components share, in shares that are far from their weights.

    The lighter of the two is the nearer one, the third is the heaviest and has no weight here, so that heaviest,
    nearest and likeliest are three different components. Given x the two stand at least 17 standard deviations
    apart, so which of them drew a point is certain. Drawn again until the right share is told from each wrong one of
    `wrong_shares` by 0.09, eleven standard errors, and the wrong ones from one another by 0.06: five standard errors
    of a difference.
    """
    while True:
        mixture, x = _shared(rng)
        shares = [*wrong_shares(mixture, x), 0.0, 0.5, 1.0]
        gaps = np.abs(np.subtract.outer(shares, shares))[~np.eye(len(shares), dtype=bool)]
        lighter, heavier, _ = np.abs(mixture["means"][:, 0] - x)
        told_apart = gaps.min() >= 0.06 and np.abs(np.subtract(shares[1:], shares[0])).min() >= 0.09
        if told_apart and lighter < heavier:
            return _shuffled(rng, mixture["weights"], mixture["means"], mixture["covariances"]), x


def _shared(rng: np.random.Generator) -> tuple[dict[str, Array], float]:
    x = float(rng.uniform(2, 4) * rng.choice([-1, 1]))
    covariances = np.stack([_correlated(rng, 2.2, 2.9), _correlated(rng, 0.9, 1.7), _correlated(rng, 0.8, 1.2)])
    sx = np.sqrt(covariances[:, 0, 0])
    weights = np.array([rng.uniform(0.05, 0.09), 0.0, 0.6])
    weights[1] = 0.4 - weights[0]
    posterior = float(rng.uniform(0.20, 0.45))
    near = float(rng.uniform(0.3, 0.9))
    # Solve w1 N(x; m1, s1) / (w2 N(x; m2, s2)) = posterior / (1 - posterior) for the distance of the second centre.
    log_odds = np.log(posterior / (1 - posterior)) - np.log(weights[0] / weights[1]) - np.log(sx[1] / sx[0])
    far = float(np.sqrt(near**2 + 2 * max(log_odds, 0.0)))
    sides = rng.choice([-1, 1], size=2)
    low = float(rng.uniform(-5, -3))
    means = np.array(
        [
            [x + sides[0] * near * sx[0], low],
            [x + sides[1] * far * sx[1], low + 20],
            [x + rng.choice([-1, 1]) * 16, 3.0],
        ]
    )
    return {"weights": weights, "means": means, "covariances": covariances}, x


def wrong_shares(mixture: Mapping[str, Array], x: float) -> list[float]:
    """Share of the first component among the two that can have x: the right one, then by rules that lack a piece."""
    w, m, s = mixture["weights"][:2], mixture["means"][:2, 0], np.sqrt(mixture["covariances"][:2, 0, 0])
    z = (x - m) / s
    right = w * np.exp(-(z**2) / 2) / s
    rules = [right, right / w, right * s, w * np.exp(-(z**2)) / s, w * np.exp(-((z / s) ** 2) / 2) / s**2]
    rules.append(np.sqrt(right))
    return [float(rule[0] / rule.sum()) for rule in rules]


def _correlated(rng: np.random.Generator, low: float, high: float) -> Array:
    sx, sy = rng.uniform(low, high), rng.uniform(0.6, 0.9)
    r = rng.choice([-1, 1]) * rng.uniform(0.65, 0.75)
    return np.array([[sx**2, r * sx * sy], [r * sx * sy, sy**2]])


def _shuffled(rng: np.random.Generator, weights: Array, means: Array, covariances: Array) -> dict[str, Array]:
    order = rng.permutation(len(weights))
    return {"weights": weights[order], "means": means[order], "covariances": covariances[order]}


def given_x(mixture: Mapping[str, Array], x: Array) -> Given:
    """The law of y for each x (n,)."""
    w, m, c = (np.asarray(mixture[name]) for name in ("weights", "means", "covariances"))
    sx = np.sqrt(c[:, 0, 0])
    z = (x[:, None] - m[:, 0]) / sx
    log_weights = np.log(w) - np.log(sx) - z**2 / 2
    shares = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
    means = m[:, 1] + c[:, 0, 1] / sx * z
    deviations = np.sqrt(c[:, 1, 1] - c[:, 0, 1] ** 2 / c[:, 0, 0])
    return Given(shares / shares.sum(axis=1, keepdims=True), means, np.broadcast_to(deviations, means.shape))


def held_within(samples: Array, mixture: Mapping[str, Array], x: float) -> float:
    """Largest distance of the known coordinate from its condition, in standard deviations of the components there."""
    shares = given_x(mixture, np.array([x])).weights[0]
    spread = np.sqrt(np.asarray(mixture["covariances"])[shares > 0.05, 0, 0])
    return float(np.max(np.abs(samples[:, 0] - x)) / spread.max())


def p_values(samples: Array, mixture: Mapping[str, Array], x: float) -> dict[str, float]:
    """Test id -> p-value; a probe fails when one is below `TOTAL` over their number.

    Tests: ``stray`` (largest chi-square of all points to their nearest component), ``shares`` (binomial; rows with
    an x of their own make the count Poisson-binomial, whose tails the binomial's bound, Hoeffding 1956), and for each
    component ``mean`` (z), ``spread`` (chi-square) and ``shape`` (exact KS) of the y that it drew. Given x the
    components stand so far apart (17 standard deviations) that a label is wrong only where ``stray`` rejects. A
    component with less than 1e-6 of the weight is taken to draw nothing: the probes leave it less than 1e-14, so that
    one of 4000 draws comes from it with probability below 1e-10.
    """
    n = len(samples)
    laws_here = given_x(mixture, samples[:, 0])
    z = (samples[:, 1:2] - laws_here.means) / laws_here.deviations
    # Components without weight here can't have drawn a point: a point near one of those is a stray one.
    z = np.where(laws_here.weights > 1e-6, z, np.inf)
    label = np.argmin(np.abs(z), axis=1)
    nearest = z[np.arange(n), label]
    found = {"stray": laws.largest_chi_square(nearest**2, 1)}
    alive = np.flatnonzero(laws_here.weights.mean(axis=0) > 0.05)
    if len(alive) > 1:
        found["shares"] = laws.binomial(int(np.sum(label == alive[0])), n, float(laws_here.weights[:, alive[0]].mean()))
    for position, k in enumerate(alive):
        own = nearest[label == k]
        name = f" {position + 1}" if len(alive) > 1 else ""
        found[f"mean{name}"] = laws.normal(own.sum() / np.sqrt(max(1, len(own))))
        found[f"spread{name}"] = laws.scale(own**2, 1)
        found[f"shape{name}"] = laws.kolmogorov(special.ndtr(own))
    return found


def alike(answer: Array, mistaken: Array) -> bool:
    """Do two sets of draws show the same sampler? Held coordinate, shares, and mean, spread and shape of each part.

    Compared within 4.5 standard errors: for naming a mistake only.
    """
    a, b = _parts(answer), _parts(mistaken)
    if len(a) != len(b) or not _near(answer[:, 0], mistaken[:, 0]):
        return False
    unique = [len(np.unique(one[:, 1])) / len(one) for one in (answer, mistaken)]
    if max(unique) > 2 * min(unique):
        return False
    return all(abs(len(p) - len(q)) < 4.5 * np.sqrt(len(answer) / 2) and _near(p, q) for p, q in zip(a, b, strict=True))


def _parts(samples: Array) -> list[Array]:
    """y, cut where a gap of more than 5 parts it."""
    y = np.sort(samples[:, 1])
    cut = int(np.argmax(np.diff(y))) + 1 if len(y) > 1 else len(y)
    return [y[:cut], y[cut:]] if 0 < cut < len(y) and y[cut] - y[cut - 1] > 5.0 else [y]


def _near(a: Array, b: Array) -> bool:
    """Mean, spread and mean absolute deviation within 4.5 standard errors."""
    spread = max(float(np.std(a)), float(np.std(b)))
    error = 4.5 * spread * np.sqrt(1 / len(a) + 1 / len(b)) + 1e-9
    absolute = [float(np.mean(np.abs(one - one.mean()))) / max(float(np.std(one)), 1e-9) for one in (a, b)]
    return bool(
        abs(np.mean(a) - np.mean(b)) < error
        and abs(np.std(a) - np.std(b)) < error
        and abs(absolute[0] - absolute[1]) < 0.035
    )
