"""Extension: a mixture of Gaussians that writes digits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from .gmm import GMM

Array = NDArray[np.float64]


def fit_digits(n_components: int = 20, latent_dim: int = 25, random_state: int | None = None) -> tuple[Any, GMM]:
    """
    Fit a GMM to scikit-learn's 8x8 digits

    64 pixels are too many for full covariances on 1797 images (some are 0 in all of them), so the GMM works on the
    first latent_dim principal components.

    Returns:
        the fitted PCA, the GMM fitted to its components
    """
    images = load_digits().data
    pca = PCA(latent_dim, svd_solver="full").fit(images)
    gmm = GMM(n_components=n_components, max_iters=30, tol=1e-2, random_state=random_state)
    return pca, gmm.fit(pca.transform(images))


def sample_digits(n: int, random_state: int | None = None) -> Array:
    """
    Generate new digits

    Args:
        n: Number of images
        random_state: Seed of the fit and of the samples

    Returns:
        images: (n, 64), pixels from 0 to 16
    """
    pca, gmm = fit_digits(random_state=random_state)
    return np.asarray(pca.inverse_transform(gmm.sample(n)).clip(0, 16))
