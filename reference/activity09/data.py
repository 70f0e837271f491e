"""Given: data to work on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def make_clusters(n_samples: int = 300, random_state: int | None = 0) -> tuple[Array, NDArray[np.int64]]:
    """
    2-D data with 3 clusters

    Returns:
        X: (n_samples, 2), in random order
        labels: (n_samples,), the cluster that each point was drawn from
    """
    rng = np.random.default_rng(random_state)
    means = np.array([[2.1, 3.5], [5.8, 1.2], [1.5, 8.7]])
    covariances = np.array([[[1.4, 0.8], [0.8, 1.8]], [[1.9, -1.0], [-1.0, 1.3]], [[1.1, -0.3], [-0.3, 2.1]]])
    labels = rng.permutation(np.arange(n_samples) % 3)
    factors = np.linalg.cholesky(covariances)
    X = means[labels] + np.einsum("nij,nj->ni", factors[labels], rng.standard_normal((n_samples, 2)))
    return X, labels


def make_two_classes(n_samples: int = 400, random_state: int | None = 0) -> tuple[Array, NDArray[np.int64]]:
    """
    2-D data with 2 classes that overlap, for the classifiers

    Returns:
        X: (n_samples, 2), in random order
        y: (n_samples,), 0 or 1
    """
    rng = np.random.default_rng(random_state)
    y = rng.permutation(np.arange(n_samples) % 2)
    means = np.array([[0.0, 0.0], [1.7, -0.3]])
    factors = np.linalg.cholesky(np.array([[[1.0, 0.6], [0.6, 1.0]], [[1.3, 0.8], [0.8, 1.1]]]))
    X = means[y] + np.einsum("nij,nj->ni", factors[y], rng.standard_normal((n_samples, 2)))
    return X, y
