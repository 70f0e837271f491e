"""Extension: EM on a stream of batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from .gmm import GMM


def online_update(self: GMM, new_batch: ArrayLike) -> GMM:
    """
    Update GMM parameters with new batch without storing all data

    Stepwise EM (Cappé and Moulines, 2009): the sufficient statistics of the old points and of the new batch are
    blended with a step that decays as t^-0.6. Weights, means and covariances are the statistics in another form,
    so nothing is kept but them and the number of updates so far.

    Args:
        new_batch: Data (n_samples, n_features)

    Returns:
        self
    """
    X = np.asarray(new_batch, dtype=float)
    responsibilities = self._e_step(X)
    self.n_updates += 1
    step = (self.n_updates + 10) ** -0.6

    weights, means, covariances = [], [], []
    for k in range(len(self.weights)):
        r = responsibilities[:, k]
        old = (1 - step) * self.weights[k]
        new = step * r.mean()
        total = old + new + np.finfo(float).tiny
        mean = (old * self.means[k] + new * (r @ X) / (r.sum() + np.finfo(float).tiny)) / total
        # Spread around the blended mean: the old component's own, how far its mean was off, and the new points'.
        shift = self.means[k] - mean
        centred = X - mean
        scatter = (r[:, None] * centred).T @ centred / len(X) + r.mean() * 1e-6 * np.eye(X.shape[1])
        covariance = (old * (self.covariances[k] + np.outer(shift, shift)) + step * scatter) / total
        weights.append(total)
        means.append(mean)
        covariances.append(covariance)

    self.weights = np.array(weights) / np.sum(weights)
    self.means = np.array(means)
    self.covariances = np.array(covariances)
    return self
