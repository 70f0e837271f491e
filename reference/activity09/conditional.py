"""Extension: samples of the unknown coordinates given the known ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

if TYPE_CHECKING:
    from .gmm import GMM

Array = NDArray[np.float64]


def conditional_sample(self: GMM, condition: ArrayLike | dict[int, float], n_samples: int) -> Array:
    """
    Generate samples conditioned on partial observations
    Example: Generate y coordinate given x coordinate

    Each component, given the known coordinates, is again a Gaussian (Bishop, Pattern Recognition and
    Machine Learning, 2.3.1); its weight is the posterior weight given the known coordinates.

    Args:
        condition: Vector (n_features,) with NaN where unknown, or a dict {dimension index: value}
        n_samples: Number of samples to generate

    Returns:
        samples: (n_samples, n_features), the known coordinates held
    """
    values = np.full(np.shape(self.means)[1], np.nan)
    if isinstance(condition, dict):
        for dimension, value in condition.items():
            values[dimension] = value
    else:
        values[:] = np.asarray(condition, dtype=float)
    known = np.flatnonzero(~np.isnan(values))
    unknown = np.flatnonzero(np.isnan(values))

    log_weights, means, factors = [], [], []
    for weight, mean, covariance in zip(self.weights, self.means, self.covariances, strict=True):
        known_block = covariance[np.ix_(known, known)]
        cross_block = covariance[np.ix_(unknown, known)]
        difference = values[known] - mean[known]
        solved = np.linalg.solve(known_block, difference)
        _, log_determinant = np.linalg.slogdet(known_block)
        with np.errstate(divide="ignore"):
            log_prior = np.log(weight)
        log_weights.append(log_prior - 0.5 * (len(known) * np.log(2 * np.pi) + log_determinant + difference @ solved))
        means.append(mean[unknown] + cross_block @ solved)
        spread = covariance[np.ix_(unknown, unknown)] - cross_block @ np.linalg.solve(known_block, cross_block.T)
        factors.append(np.linalg.cholesky(spread))

    posterior = np.exp(np.array(log_weights) - logsumexp(log_weights))
    samples = np.tile(values, (n_samples, 1))
    chosen = self.rng.choice(len(posterior), size=n_samples, p=posterior)
    for k in range(len(posterior)):
        rows = np.flatnonzero(chosen == k)
        noise = self.rng.standard_normal((len(rows), len(unknown)))
        samples[np.ix_(rows, unknown)] = means[k] + noise @ factors[k].T
    return samples
