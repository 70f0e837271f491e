"""Correct ways of online EM put through the checks of `online_update`, many streams at once.

The updates below are those of the reference and of the styles that `CHECKS` calls correct, for all streams in step;
what judges them is the rubric's own check, thresholds included. How the object grows is not looked at here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import em_in_bulk as em
import numpy as np
from em_in_bulk import Array, Mixtures
from rates import failed, found, rubric, seeded

PIECES = ("weights", "means", "covariances")
CHECKED = ("learns", "every_piece", "remembers", "valid_mixture")
Statistics = tuple[Array, Array, Array]
"""Per stream and component: share (S, K), sum of points (S, K, 2), sum of their squares (S, K, 2, 2), per point."""
Step = Callable[[int, int], float]
"""Weight of the new batch from its number (first is 1) and its size."""


def stream_runs(seed: int, count: int, style: str) -> dict[str, tuple[Array, int]]:
    """Check -> margins (statistic over threshold) of ``count`` streams, and how many failed."""
    course = [rubric("online_update").course(seeded(7, run)) for run in range(seed, seed + count)]
    start = Mixtures(*(np.stack([one["start"][piece] for one in course]) for piece in PIECES))
    batches = np.stack([one["batches"] for one in course])
    end, after = followed(start, batches, np.stack([one["only_one"] for one in course]), style)
    margins: dict[str, list[float]] = {name: [] for name in CHECKED}
    failures = dict.fromkeys(CHECKED, 0)
    for index, one in enumerate(course):
        answer = {"start": one["start"], "end": _one(end, index), "after": _one(after, index)}
        for name in CHECKED:
            finding = found("online_update", name, answer=answer, inputs=one)
            failures[name] += failed(finding)
            margins[name].append(finding.margin or 0.0)
    return {name: (np.array(margins[name]), failures[name]) for name in CHECKED}


def _one(mixtures: Mixtures, index: int) -> Mapping[str, Any]:
    return {piece: getattr(mixtures, piece)[index] for piece in PIECES}


def followed(start: Mixtures, batches: Array, last: Array, style: str) -> tuple[Mixtures, Mixtures]:
    """Parameters after batches (S, B, n, 2), and after one more batch (S, n, 2)."""
    update = STYLES[style]
    now = start
    for number in range(batches.shape[1]):
        now = update(now, batches[:, number], number + 1)
    return now, update(now, last, batches.shape[1] + 1)


def _statistics_of(mixtures: Mixtures) -> Statistics:
    w, m = mixtures.weights, mixtures.means
    squares = mixtures.covariances + np.einsum("skd,ske->skde", m, m)
    return w, w[..., None] * m, w[..., None, None] * squares


def _mixtures_of(statistics: Statistics, ridge: float) -> Mixtures:
    w, sums, squares = statistics
    means = sums / w[..., None]
    covariances = squares / w[..., None, None] - np.einsum("skd,ske->skde", means, means) + ridge * np.eye(2)
    return Mixtures(w / w.sum(axis=1, keepdims=True), means, covariances)


def by_statistics(step: Step, ridge: float = 1e-9) -> Callable[[Mixtures, Array, int], Mixtures]:
    """Blend old and new sufficient statistics (Cappé and Moulines 2009)."""

    def update(mixtures: Mixtures, batch: Array, number: int) -> Mixtures:
        R, _ = em.e_step(batch, mixtures)
        new = (
            R.mean(axis=2).T,
            np.einsum("ksn,snd->skd", R, batch) / batch.shape[1],
            np.einsum("ksn,snd,sne->skde", R, batch, batch) / batch.shape[1],
        )
        share = step(number, batch.shape[1])
        blended = [(1 - share) * a + share * b for a, b in zip(_statistics_of(mixtures), new, strict=True)]
        return _mixtures_of((blended[0], blended[1], blended[2]), ridge)

    return update


def by_parameters(mixtures: Mixtures, batch: Array, _number: int) -> Mixtures:
    """Blend old parameters with those that the batch alone gives, each component by what it got of the batch."""
    R, _ = em.e_step(batch, mixtures)
    new = em.m_step(batch, R, ridge=1e-6)
    share = 0.05 * np.minimum(1.0, new.weights * new.weights.shape[1])
    means = (1 - share[..., None]) * mixtures.means + share[..., None] * new.means
    covariances = (1 - share[..., None, None]) * mixtures.covariances + share[..., None, None] * new.covariances
    return Mixtures(0.95 * mixtures.weights + 0.05 * new.weights, means, covariances)


def point_by_point(mixtures: Mixtures, batch: Array, number: int) -> Mixtures:
    """Blend statistics after each point, with a constant step of 0.005."""
    update = by_statistics(lambda _number, _size: 0.005)
    for index in range(batch.shape[1]):
        mixtures = update(mixtures, batch[:, index : index + 1], number)
    return mixtures


STYLES: dict[str, Callable[[Mixtures, Array, int], Mixtures]] = {
    "statistics, step (t + 10)^-0.6": by_statistics(lambda t, _n: (t + 10) ** -0.6),
    "statistics, step (t + 2)^-0.7": by_statistics(lambda t, _n: (t + 2) ** -0.7),
    "statistics, step 1 / (t + 3)": by_statistics(lambda t, _n: 1 / (t + 3)),
    "statistics, step 0.05": by_statistics(lambda _t, _n: 0.05),
    "statistics, step 0.1": by_statistics(lambda _t, _n: 0.1),
    "counts of up to 2000 points": by_statistics(lambda t, n: n / (min(200 + n * (t - 1), 2000) + n)),
    "parameters, share 0.05": by_parameters,
    "point by point, step 0.005": point_by_point,
}
