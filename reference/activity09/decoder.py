"""Given: a small decoder to explore."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

Array = NDArray[np.float64]


class Decoder:
    """
    Linear autoencoder (PCA) of scikit-learn's 8x8 digits

    Latent codes have latent_dim numbers of spread 1; images have 64 pixels from 0 to 16.
    """

    def __init__(self, latent_dim: int = 16) -> None:
        self.latent_dim = latent_dim
        self.pca = PCA(latent_dim, whiten=True, svd_solver="full").fit(load_digits().data)

    def encode(self, images: ArrayLike) -> Array:
        """Latent codes (latent_dim,) or (n, latent_dim) of images (64,) or (n, 64)."""
        images = np.asarray(images, dtype=float)
        codes = self.pca.transform(np.atleast_2d(images))
        return np.asarray(codes.reshape(*images.shape[:-1], self.latent_dim))

    def decode(self, z: ArrayLike) -> Array:
        """Images (64,) or (n, 64) at latent codes (latent_dim,) or (n, latent_dim)."""
        z = np.asarray(z, dtype=float)
        images = self.pca.inverse_transform(np.atleast_2d(z)).clip(0, 16)
        return np.asarray(images.reshape(*z.shape[:-1], 64))
