"""The reference's sampling in steps, which the mistakes of TODO 3 override one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import reference


class Steps(reference.GMM):
    """Sampling in two steps, so that a mistake overrides one of them."""

    def sample(self, n_samples):
        return self.points(self.labels(n_samples))

    def labels(self, n):
        return np.random.choice(len(self.weights), size=n, p=self.weights)

    def points(self, labels):
        return self.means[labels] + self.noise(labels)

    def noise(self, labels):
        return np.einsum("nij,nj->ni", self.factors()[labels], self.normals(labels))

    def factors(self):
        return np.linalg.cholesky(self.covariances)

    def normals(self, labels):
        return np.random.standard_normal((len(labels), self.means.shape[1]))


def deviations(covariances: Any) -> Any:
    """Standard deviations along the axes, (K, D)."""
    return np.sqrt(np.einsum("kdd->kd", covariances))
