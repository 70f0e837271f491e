"""Correct samplers put through the checks of `sample` and `conditional_sample`: p-values, failures, extremes.

Points are drawn here in bulk, in several styles, from mixtures that the rubric itself draws; what judges them is the
rubric's own check, thresholds included.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rates import LEVEL, failed, found, once, p_of_deviate, rubric, seeded

Array = NDArray[np.float64]
Outcomes = dict[str, tuple[Array, int]]
"""Check -> p-values of the runs (joined over its tests) and how many runs failed."""

SEVENTH = LEVEL / 7
OF_4000 = ("frequencies", "stray_points", "centres", "covariances", "scale", "radii")
STYLES = ("choice and Cholesky", "multinomial counts and SVD", "the same in 32-bit numbers")


def sample_runs(seed: int, count: int) -> Outcomes:
    """The checks of `sample` on correct samplers; styles take turns."""
    sample = rubric("sample")
    tallies = {name: Tally() for name in (*OF_4000, "one_by_one", "other_sizes")}
    plain = sample.labelled, sample.usable
    sample.labelled, sample.usable = once(sample.labelled), once(sample.usable)
    try:
        for run in range(seed, seed + count):
            rng = seeded(3, run)
            plane, space = rubric("shared").separated(rng, 2, 3), rubric("shared").separated(rng, 3, 2)
            for names, params, n, level in (
                (OF_4000, plane, sample.N, SEVENTH),
                (("one_by_one",), plane, sample.SINGLES, 0.99 * SEVENTH),
                (("other_sizes",), space, 7, 0.01 * SEVENTH),
            ):
                points = drawn(rng, params, n, STYLES[run % len(STYLES)])
                answer, inputs = {"points": points, "shape": np.array(points.shape)}, {"params": params}
                for name in names:
                    finding = found("sample", name, answer=answer, inputs=inputs)
                    tallies[name].add(p_of_deviate(finding.margin or 0.0, level), failed(finding))
    finally:
        sample.labelled, sample.usable = plain
    return {name: tally.outcome for name, tally in tallies.items()}


class Tally:
    """P-values and failures of one check."""

    def __init__(self) -> None:
        self.p: list[float] = []
        self.failures = 0

    def add(self, p: float, failure: bool) -> None:
        self.p.append(p)
        self.failures += failure

    @property
    def outcome(self) -> tuple[Array, int]:
        return np.array(self.p), self.failures


def drawn(rng: np.random.Generator, params: Mapping[str, Array], n: int, style: str) -> Array:
    """Points (n, D) of a mixture."""
    if style == STYLES[0]:
        return np.asarray(rubric("shared").draw(rng, params, n))
    counts = rng.multinomial(n, params["weights"])
    parts = [
        rng.multivariate_normal(m, c, k) for m, c, k in zip(params["means"], params["covariances"], counts, strict=True)
    ]
    points = np.vstack(parts)
    return points.astype(np.float32).astype(float) if style == STYLES[2] else points


# --- conditional sampling -------------------------------------------------------------------

WAYS = {
    "exact": "draws at the condition",
    "window": "draws kept from within 0.2 standard deviations",
    "moved": "the same, moved onto the condition",
}
TESTS = {"given_one": 4, "given_two": 8, "any_coordinate": 4}


PROBES = 250


@cache
def probe(check: str, seed: int) -> tuple[Mapping[str, Any], list[int], list[float]]:
    """(mixture, known coordinates, their values); runs take turns with `PROBES` of them, which are dear to draw."""
    rng = seeded(11, seed)
    if check == "any_coordinate":
        return rubric("conditional_sample")._three_dimensions(rng)  # type: ignore[no-any-return]
    laws = rubric("conditional_laws")
    mixture, x = (laws.dominant_probe if check == "given_one" else laws.shared_probe)(rng)
    return mixture, [0], [x]


def conditional_runs(seed: int, count: int, way: str) -> Outcomes:
    """The checks of `conditional_sample` on one correct way of sampling."""
    probes, asks = rubric("conditional_laws"), rubric("conditional_sample")
    tallies = {name: Tally() for name in TESTS}
    for run in range(seed, seed + count):
        rng = seeded(4, run)
        for name in TESTS:
            mixture, known, values = probe(name, run % PROBES)
            answer = given(rng, mixture, known[0], values[0], way, asks.DRAWS)
            inputs = {"mixture": mixture, "known": known, "values": np.array(values), "D": answer.shape[1]}
            finding = found("conditional_sample", name, answer=answer, inputs=inputs)
            level = probes.TOTAL / TESTS[name]
            tallies[name].add(min(1.0, TESTS[name] * level ** (finding.margin or 0.0)), failed(finding))
    return {name: tally.outcome for name, tally in tallies.items()}


def given(rng: np.random.Generator, mixture: Mapping[str, Any], known: int, value: float, way: str, n: int) -> Array:
    """Draws (n, D) of a mixture given one coordinate; near it and moved onto it, or not, in the ways of `WAYS`."""
    weights, means, covariances = (np.asarray(mixture[name]) for name in ("weights", "means", "covariances"))
    spread = np.sqrt(covariances[:, known, known])
    alive = posterior(np.array([value]), weights, means[:, known], spread)[0] > 0.05
    width = {"exact": 0.0, "window": 0.2 * spread[alive].max(), "moved": 0.2 * spread[alive].min()}[way]
    x = _near(rng, value, width, weights, means[:, known], spread, n)
    rest = [d for d in range(means.shape[1]) if d != known]
    shares = posterior(x, weights, means[:, known], spread)
    labels = (rng.random(n)[:, None] > np.cumsum(shares, axis=1)).sum(axis=1).clip(0, len(weights) - 1)
    points = np.empty((n, means.shape[1]))
    for k in range(len(weights)):
        slope = covariances[k][rest, known] / spread[k] ** 2
        inner = covariances[k][np.ix_(rest, rest)] - np.outer(slope, covariances[k][known, rest])
        own = np.flatnonzero(labels == k)
        noise = rng.standard_normal((len(own), len(rest))) @ np.linalg.cholesky(inner).T
        points[np.ix_(own, rest)] = means[k][rest] + np.outer(x[own] - means[k][known], slope) + noise
    points[:, known] = x if way == "window" else value
    return points


def posterior(x: Array, weights: Array, centres: Array, spread: Array) -> Array:
    joint = np.log(weights / spread) - 0.5 * ((x[:, None] - centres) / spread) ** 2
    shares = np.exp(joint - joint.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _near(
    rng: np.random.Generator, value: float, width: float, weights: Array, centres: Array, spread: Array, n: int
) -> Array:
    """n values of the known coordinate, drawn by its own law among those within ``width``."""
    if width == 0.0:
        return np.full(n, value)
    x = value + width * rng.uniform(-1.0, 1.0, 4 * n)
    density = (weights / spread * np.exp(-0.5 * ((x[:, None] - centres) / spread) ** 2)).sum(axis=1)
    kept = x[rng.random(len(x)) * density.max() < density]
    return kept[:n]
