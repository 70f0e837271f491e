"""The reference's ``fit`` in pieces, which the mistakes of training override one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import reference


class Loop(reference.GMM):
    """The reference's ``fit`` in pieces, so that a mistake overrides one of them."""

    def fit(self, X):
        X = np.asarray(X, dtype=float)
        self.start(X)
        self.log_likelihoods = []
        for _ in range(self.max_iters):
            self.round(X)
            self.log_likelihoods.append(self.value(X))
            if self.done():
                break
        self.finish(X)
        return self

    def start(self, X):
        self._initialise(X)

    def round(self, X):
        self._m_step(X, self._e_step(X))

    def value(self, X):
        return self.log_likelihood(X)

    def done(self):
        history = self.log_likelihoods
        return len(history) > 1 and history[-1] - history[-2] < self.tol

    def finish(self, X):
        pass


def joint(gmm: Any, X: Any) -> Any:
    """Weight times density, (N, K)."""
    return gmm.weights * np.exp(gmm._log_density(X))
