"""TODO 5: the latent space explorer."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


class Decodes(Protocol):
    """A model that the explorer can walk through."""

    def decode(self, z: Array) -> Array:
        """The sample at latent code z."""
        ...


class LatentSpaceExplorer:
    """Walks through the latent space of a model that offers decode(z)."""

    def __init__(self, model: Decodes) -> None:
        self.model = model

    def interpolate(self, z1: ArrayLike, z2: ArrayLike, num_steps: int = 10) -> Array:
        """
        Interpolate between two latent codes

        Args:
            z1, z2: Start and end latent codes
            num_steps: Number of interpolation steps

        Returns:
            interpolated_samples: Generated samples along path
        """
        z1, z2 = np.asarray(z1, dtype=float), np.asarray(z2, dtype=float)
        path = [(1 - alpha) * z1 + alpha * z2 for alpha in np.linspace(0, 1, num_steps)]
        return np.array([self.model.decode(z) for z in path])

    def arithmetic(self, z_base: ArrayLike, z_attribute: ArrayLike, alpha: float = 1.0) -> Array:
        """
        Latent space arithmetic

        Args:
            z_base: Base latent code
            z_attribute: Attribute to add/subtract
            alpha: Strength of attribute

        Returns:
            generated_sample: Result of z_base + alpha * z_attribute
        """
        z_new = np.asarray(z_base, dtype=float) + alpha * np.asarray(z_attribute, dtype=float)
        return self.model.decode(z_new)
