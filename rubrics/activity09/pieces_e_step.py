"""Densities by their formulas, for the mistakes of TODO 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats


def densities(gmm: Any, X: Any) -> Any:
    """Densities (N, K) of the points under each component."""
    return np.exp(gmm._log_density(X))


def normalised(joint: Any) -> Any:
    """Rows that sum to 1."""
    return joint / joint.sum(axis=1, keepdims=True)


def gaussian(X: Any, means: Any, covariances: Any) -> Any:
    """Densities (N, K) by their formula."""
    return np.stack(
        [
            stats.multivariate_normal.pdf(X, m, c, allow_singular=True).reshape(len(X))
            for m, c in zip(means, covariances, strict=True)
        ],
        axis=1,
    )


def exponents(gmm: Any, X: Any, matrices: Any) -> Any:
    """(x - mean)ᵀ matrix (x - mean), (N, K), for a matrix per component."""
    gaps = X[:, None, :] - gmm.means[None]
    return np.einsum("nkd,kde,nke->nk", gaps, matrices, gaps)


def cumulative(X: Any, mean: Any, covariance: Any) -> Any:
    """Cumulative distribution (N,); as if independent in more than two dimensions, where it takes seconds."""
    if X.shape[1] > 2:
        return stats.norm.cdf(X, mean, np.sqrt(np.diag(covariance))).prod(axis=1)
    return stats.multivariate_normal.cdf(X, mean, covariance, maxpts=5000).reshape(len(X))
