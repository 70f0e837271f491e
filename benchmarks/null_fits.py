"""Correct ways of training put through what `training` asks of a start: the share of starts that end badly.

A submission fails when all of its starts do, each on data of its own, so a style of initialising with a share q of
bad starts fails with q to the number of starts. What makes a start bad is `bad_starts`, with the rubric's thresholds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import em_in_bulk as em
import numpy as np
from em_in_bulk import Array, Mixtures
from rates import rubric, seeded, threshold

Start = Callable[[np.random.Generator, Array], Mixtures]


@dataclass(frozen=True)
class Starts:
    """What became of the starts of one style."""

    gaps: Array
    """How far each ends below the best fit of its data, nats per point."""
    furthest: Array
    """Largest distance of a cluster's centre from the nearest mean, in its standard deviations."""
    gains: Array
    """Of the way from a single Gaussian to the best fit, the share that was gone; infinite where there is no way."""


def data_sets(rng: np.random.Generator, count: int) -> tuple[Array, Mixtures]:
    """The rubric's data for `fit`, and what drew them."""
    drawn = [rubric("shared").three_clusters(rng, rubric("training").N) for _ in range(count)]
    pieces = [np.stack([mixture[name] for mixture, _ in drawn]) for name in ("weights", "means", "covariances")]
    return np.stack([X for _, X in drawn]), Mixtures(*pieces)


def starts_of(seed: int, count: int, style: str, tol: float) -> Starts:
    """``count`` starts of a style, each on data of its own."""
    X, truth = data_sets(seeded(5, seed), count)
    _, target = em.fit(X, truth, 1e-9, 300)
    fitted, reached = em.fit(X, STYLES[style](seeded(6, seed), X), tol)
    gaps = fitted.means[:, :, None] - truth.means[:, None]
    inverse = np.linalg.inv(truth.covariances)
    distances = np.sqrt(np.einsum("smkd,skde,smke->smk", gaps, inverse, gaps))
    floor = em.e_step(X, Mixtures(np.ones((count, 1)), X.mean(axis=1)[:, None], _covariance(X)[:, None]))[1]
    return Starts(target - reached, distances.min(axis=1).max(axis=1), (reached - floor) / (target - floor))


def bad_starts(starts: Starts) -> tuple[int, int, int]:
    """How many starts are too far below the best fit; near it but without a mode; of too little use for `fits_anew`."""
    near = starts.gaps <= threshold("training", "near_reference", "nats")
    missed = near & ~(starts.furthest <= threshold("training", "all_modes", "deviations"))
    return (
        int(np.sum(~near)),
        int(np.sum(missed)),
        int(np.sum(~(starts.gains >= threshold("training", "fits_anew", "share")))),
    )


# --- ways to initialise ---------------------------------------------------------------------


def _points(rng: np.random.Generator, X: Array) -> Array:
    order = np.argsort(rng.random(X.shape[:2]), axis=1)[:, :3]
    return np.asarray(np.take_along_axis(X, order[:, :, None], axis=1))


def _spread_points(rng: np.random.Generator, X: Array, furthest: bool = False) -> Array:
    """k-means++ (each next point with probability as its squared distance), or always the furthest point."""
    rows = np.arange(len(X))
    means = X[rows, rng.integers(X.shape[1], size=len(X))][:, None]
    for _ in range(2):
        squared = ((X[:, :, None] - means[:, None]) ** 2).sum(axis=3).min(axis=2)
        sums = np.cumsum(squared, axis=1)
        chosen = (sums < rng.random(len(X))[:, None] * sums[:, -1:]).sum(axis=1)
        chosen = squared.argmax(axis=1) if furthest else chosen
        means = np.concatenate([means, X[rows, chosen][:, None]], axis=1)
    return means


def _k_means(X: Array, means: Array) -> Array:
    """Labels (S, N, 3) as 0 and 1 after Lloyd's iterations from these means."""
    for _ in range(30):
        labels = ((X[:, :, None] - means[:, None]) ** 2).sum(axis=3).argmin(axis=2)
        members = (labels[..., None] == np.arange(3)).astype(float)
        means = np.einsum("snk,snd->skd", members, X) / np.maximum(members.sum(axis=1), 1e-9)[..., None]
    return members


def _box(rng: np.random.Generator, X: Array) -> Array:
    low, high = X.min(axis=1)[:, None], X.max(axis=1)[:, None]
    return np.asarray(low + (high - low) * rng.random((len(X), 3, 2)))


def _covariance(X: Array) -> Array:
    gaps = X - X.mean(axis=1, keepdims=True)
    return np.einsum("snd,sne->sde", gaps, gaps) / X.shape[1]


def _with_data_covariance(X: Array, means: Array) -> Mixtures:
    return Mixtures(np.full((len(X), 3), 1 / 3), means, np.repeat(_covariance(X)[:, None], 3, axis=1))


def _with_identity(X: Array, means: Array) -> Mixtures:
    return Mixtures(np.full((len(X), 3), 1 / 3), means, np.broadcast_to(np.eye(2), (len(X), 3, 2, 2)).copy())


def _from_shares(X: Array, shares: Array) -> Mixtures:
    """An M-step from responsibilities (S, N, 3)."""
    return em.m_step(X, np.moveaxis(shares, 2, 0))


STYLES: dict[str, Start] = {
    "random points, data covariance": lambda rng, X: _with_data_covariance(X, _points(rng, X)),
    "random points, identity": lambda rng, X: _with_identity(X, _points(rng, X)),
    "k-means++ points, data covariance": lambda rng, X: _with_data_covariance(X, _spread_points(rng, X)),
    "k-means++ points, identity": lambda rng, X: _with_identity(X, _spread_points(rng, X)),
    "farthest points, identity": lambda rng, X: _with_identity(X, _spread_points(rng, X, furthest=True)),
    "k-means once, from its clusters": lambda rng, X: _from_shares(X, _k_means(X, _points(rng, X))),
    "standard normal means, identity": lambda rng, X: _with_identity(X, rng.normal(size=(len(X), 3, 2))),
    "uniform means in [0, 1], identity": lambda rng, X: _with_identity(X, rng.random((len(X), 3, 2))),
    "uniform means in the data's box, identity": lambda rng, X: _with_identity(X, _box(rng, X)),
    "random responsibilities, Dirichlet": lambda rng, X: _from_shares(X, rng.dirichlet(np.ones(3), X.shape[:2])),
    "random responsibilities, uniform": lambda rng, X: _from_shares(X, _uniform_shares(rng, X)),
    "random labels": lambda rng, X: _from_shares(X, np.eye(3)[rng.integers(3, size=X.shape[:2])]),
}


def _uniform_shares(rng: np.random.Generator, X: Array) -> Array:
    shares = rng.random((*X.shape[:2], 3))
    return np.asarray(shares / shares.sum(axis=2, keepdims=True))
