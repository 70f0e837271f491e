"""Extension: how many components, by the Bayesian information criterion."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from .gmm import GMM


def compute_bic(gmm: GMM, X: ArrayLike) -> float:
    """
    Compute BIC = -2 * log_likelihood + k * log(n)
    where k = number of parameters

    Args:
        gmm: Fitted GMM
        X: Data (n_samples, n_features)

    Returns:
        BIC, lower is better (Schwarz, 1978)
    """
    n, D = np.shape(X)
    K = len(gmm.weights)
    # The weights sum to 1, so one of them is no free parameter; a covariance is symmetric.
    k = (K - 1) + K * D + K * D * (D + 1) // 2
    # log_likelihood is the mean per point, BIC wants the total.
    return float(-2 * n * gmm.log_likelihood(X) + k * np.log(n))


def choose_components(
    X: ArrayLike, candidates: Iterable[int] = range(1, 11), random_state: int | None = None
) -> tuple[int, list[float]]:
    """
    Fit a GMM for each number of components and choose the one with the lowest BIC

    Args:
        X: Data (n_samples, n_features)
        candidates: Numbers of components to try
        random_state: Seed of the fits

    Returns:
        best number of components, BIC of each candidate
    """
    candidates = list(candidates)
    bics = [compute_bic(GMM(n_components=K, random_state=random_state).fit(X), X) for K in candidates]
    return candidates[int(np.argmin(bics))], bics
