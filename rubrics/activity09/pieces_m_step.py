"""The reference's M-step in pieces, which the mistakes of TODO 2 override one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import reference


def totals(R: Any) -> Any:
    """N_k: the responsibilities summed over the points."""
    return R.sum(axis=0) + 1e-15


def averages(X: Any, R: Any) -> Any:
    """The weighted means (K, D)."""
    return R.T @ X / totals(R)[:, None]


def scatter(X: Any, R: Any, centres: Any) -> Any:
    """Σ_n r_nk (x_n - centre_k)(x_n - centre_k)ᵀ, (K, D, D)."""
    gaps = X[:, None, :] - np.asarray(centres)[None]
    return np.einsum("nk,nkd,nke->kde", R, gaps, gaps)


def spread(X: Any, R: Any, centres: Any) -> Any:
    """The weighted covariances (K, D, D) around given centres."""
    return scatter(X, R, centres) / totals(R)[:, None, None]


class Pieces(reference.GMM):
    """The reference's M-step in three pieces, so that a mistake overrides one of them."""

    def _m_step(self, X, responsibilities):
        old = self.means
        self.weights = self.new_weights(X, responsibilities)
        self.means = self.new_means(X, responsibilities)
        self.covariances = self.new_covariances(X, responsibilities, self.means, old)

    def new_weights(self, X, R):
        return totals(R) / len(X)

    def new_means(self, X, R):
        return averages(X, R)

    def new_covariances(self, X, R, means, old):
        return spread(X, R, means)
