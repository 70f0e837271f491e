"""What wrong parameters tell of the mistake behind them, from their values alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Facts = Mapping[str, Any]


def explain_weights(got: Array, inputs: Facts) -> str:
    """What formula gives these weights from the responsibilities, or nothing."""
    R = inputs["R"]
    N_k, N = R.sum(axis=0), len(R)
    if _alike(got, np.full(len(N_k), 1.0 / len(N_k))):
        return "They are all equal: the responsibilities do not enter."
    if _alike(got, N_k):
        return "They are the sums of the responsibilities: divide by the number of points."
    if _alike(got, np.bincount(R.argmax(axis=1), minlength=len(N_k)) / N):
        return "They are shares of hard assignments: sum the responsibilities, not their argmax."
    if _alike(got, N_k / len(N_k)):
        return "They are divided by the number of components, not by the number of points."
    total = float(np.sum(got))
    if total != 0 and _alike(got / total, N_k / N):
        return f"They are all off by the same factor of {total:.4g}."
    if _alike(np.sort(got), np.sort(N_k / N)):
        return "They are right, but in another order than the columns of the responsibilities."
    return ""


def explain_means(got: Array, inputs: Facts) -> str:
    """What formula gives these means from points and responsibilities, or nothing."""
    X, R = inputs["X"], inputs["R"]
    N_k, N = R.sum(axis=0), len(R)
    sums = R.T @ X
    hard = _hard(R)
    if _alike(got, np.broadcast_to(X.mean(axis=0), got.shape)):
        return "They are all the plain average of the points: the responsibilities do not enter."
    if _alike(got, sums / N):
        return "You divided by N, the number of points, not by N_k, the sum of that component's responsibilities."
    if _alike(got, sums):
        return "They are weighted sums: divide by N_k, the sum of that component's responsibilities."
    if _alike(got, hard.T @ X / np.maximum(hard.sum(axis=0), 1)[:, None]):
        return "They are averages over hard assignments: weigh every point by its responsibility."
    if _alike(got, sums / R.sum(axis=0).max()) or _alike(got, sums / N_k.sum() * len(N_k)):
        return "They are all divided by the same number: divide each by its own N_k."
    order = [int(np.argmin(np.abs(sums / N_k[:, None] - row).sum(axis=1))) for row in got]
    if sorted(order) == list(range(len(N_k))) and _alike(got, (sums / N_k[:, None])[order]):
        return "They are right, but in another order than the columns of the responsibilities."
    return ""


def explain_covariances(answer: Facts, expected: Facts, inputs: Facts) -> str:
    """What was added, what was divided by, what was left out: by regression, then by what is known of each mistake."""
    got = np.asarray(answer["covariances"], dtype=float)
    wanted = expected["covariances"]
    X, R = inputs["X"], inputs["R"]
    N_k, N = R.sum(axis=0), len(R)
    told = _scaled(got, wanted, N_k, N) or _regressed(got, wanted)
    if told:
        return told
    if _alike(got, np.einsum("nk,nd,ne->kde", R, X, X) / N_k[:, None, None]):
        return "The points were not centred: subtract the component's mean first."
    old = inputs["params"]["means"]
    if _alike(got, _around(X, R, old)):
        return "They are taken around the old means: compute the new means first and centre with those."
    if _alike(got, _around(X, R, np.broadcast_to(X.mean(axis=0), old.shape))):
        return "They are taken around the average of all points: centre with each component's own mean."
    means = answer.get("means")
    if isinstance(means, np.ndarray) and means.shape == old.shape and _alike(got, _around(X, R, means)):
        return "They follow from your means, so mend those first."
    return _structural(got, wanted)


def _scaled(got: Array, wanted: Array, N_k: Array, N: int) -> str:
    """Each matrix is the right one times a number: say which number."""
    ratios = np.array([np.vdot(b, a) / np.vdot(b, b) for a, b in zip(got, wanted, strict=True)])
    if not _alike(got, ratios[:, None, None] * wanted, 1e-3):
        return ""
    if np.allclose(ratios, N_k / N, rtol=2e-3):
        return "You divided by N, the number of points, not by N_k, the sum of that component's responsibilities."
    if np.allclose(ratios, N_k, rtol=2e-3):
        return "They are weighted sums: divide by N_k, the sum of that component's responsibilities."
    if np.allclose(ratios, N_k / (N_k - 1.0), rtol=2e-3):
        return "You divided by N_k - 1: the M-step divides by N_k."
    if np.ptp(ratios) < 1e-3 * abs(ratios.mean()):
        return f"They are all off by the same factor of {ratios.mean():.4g}."
    return "Each is the right matrix times a number of its own: look at what you divide by."


def _regressed(got: Array, wanted: Array) -> str:
    """Regression of the error on the right covariance and the identity; without a residual it names the mistake."""
    D = wanted.shape[1]
    eye = np.broadcast_to(np.eye(D), wanted.shape)
    ones = np.ones_like(wanted)
    for other, told in ((eye, "to the diagonal"), (ones, "to every entry, where only the diagonal may get it")):
        design = np.stack([wanted.ravel(), other.ravel()], axis=1)
        factor, added = np.linalg.lstsq(design, (got - wanted).ravel(), rcond=None)[0]
        if _alike(got, (1.0 + factor) * wanted + added * other, 1e-4) and abs(added) > 1e-9:
            scaled = f", and the rest is off by a factor of {1.0 + factor:.3g}" if abs(factor) > 1e-3 else ""
            return f"You added {added:.3g} {told}{scaled}."
    return ""


def _structural(got: Array, wanted: Array) -> str:
    off = ~np.eye(wanted.shape[1], dtype=bool)
    if not np.any(got[:, off]):
        return "Everything off the diagonal is 0: the covariances between coordinates are missing."
    if np.ptp(got, axis=0).max() < 1e-9 * np.abs(got).max():
        return "All components have the same covariance."
    if np.abs(got - np.swapaxes(got, 1, 2)).max() > 1e-6 * np.abs(got).max():
        return "They are not symmetric."
    if np.linalg.eigvalsh(got).min() < 0:
        return "They are not positive definite."
    inverse = np.linalg.inv(wanted)
    if _alike(got, inverse, 1e-3):
        return "They are the inverses (precisions) of the covariances."
    return ""


def _around(X: Array, R: Array, centres: Array) -> Array:
    gaps = X[:, None, :] - centres[None]
    return np.einsum("nk,nkd,nke->kde", R, gaps, gaps) / R.sum(axis=0)[:, None, None]


def _hard(R: Array) -> Array:
    return np.eye(R.shape[1])[R.argmax(axis=1)]


def _alike(a: Array, b: Array, rtol: float = 1e-4) -> bool:
    return a.shape == b.shape and bool(np.abs(a - b).max() <= rtol * np.abs(b).max())
