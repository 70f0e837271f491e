"""The Gaussian mixture model: what the template gives, and TODO 1 to 3."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from . import conditional, online

Array = NDArray[np.float64]


class GMM:
    """
    Gaussian mixture model, fitted by expectation-maximisation

    Args:
        n_components: Number of Gaussians K
        max_iters: Most iterations that fit makes
        tol: fit stops when the mean log-likelihood rises by less than this
        random_state: Seed of everything random here, or None

    Attributes (None until initialised):
        weights: (K,), sum to 1
        means: (K, D)
        covariances: (K, D, D)
    """

    def __init__(
        self, n_components: int = 3, max_iters: int = 100, tol: float = 1e-4, random_state: int | None = None
    ) -> None:
        self.n_components = n_components
        self.max_iters = max_iters
        self.tol = tol
        self.random_state = random_state
        self.rng = np.random.default_rng(random_state)
        self.weights: Array = None  # type: ignore[assignment]
        self.means: Array = None  # type: ignore[assignment]
        self.covariances: Array = None  # type: ignore[assignment]
        self.log_likelihoods: list[float] = []
        self.n_updates = 0

    def _initialise(self, X: Array) -> None:
        """Start from points that cover the data best, with a ball of the same size around each."""
        spread, self.means = min((self._draw_means(X) for _ in range(20)), key=lambda drawn: drawn[0])
        ball = (spread / X.shape[1] + 1e-6) * np.eye(X.shape[1])
        self.covariances = np.array([ball] * self.n_components)
        self.weights = np.full(self.n_components, 1 / self.n_components)

    def _draw_means(self, X: Array) -> tuple[float, Array]:
        """Draw points far apart (k-means++); return the mean squared distance of the others to them, and them."""
        means = X[[self.rng.integers(len(X))]]
        squared_distances = ((X - means[0]) ** 2).sum(axis=1)
        while len(means) < self.n_components:
            total = squared_distances.sum()
            i = self.rng.choice(len(X), p=squared_distances / total if total > 0 else None)
            means = np.vstack([means, X[i]])
            squared_distances = np.minimum(squared_distances, ((X - X[i]) ** 2).sum(axis=1))
        return float(squared_distances.mean()), means

    def _log_density(self, X: Array) -> Array:
        """
        Logarithm of each component's Gaussian density

        Args:
            X: Data (n_samples, n_features)

        Returns:
            log N(x_i | mean_k, covariance_k): (n_samples, n_components)
        """
        columns = []
        for mean, covariance in zip(self.means, self.covariances, strict=True):
            # With covariance = L L^T, (x - mean)^T covariance^-1 (x - mean) is the squared length of L^-1 (x - mean).
            L = np.linalg.cholesky(covariance)
            z = solve_triangular(L, (X - mean).T, lower=True)
            log_determinant = 2 * np.log(np.diag(L)).sum()
            columns.append(-0.5 * (X.shape[1] * np.log(2 * np.pi) + log_determinant + (z**2).sum(axis=0)))
        return np.stack(columns, axis=1)

    def _e_step(self, X: Array) -> Array:
        """
        E-step: Compute responsibilities

        Args:
            X: Data (n_samples, n_features)

        Returns:
            responsibilities: (n_samples, n_components)
        """
        # Bayes' rule in log space: a point far from every component would divide 0 by 0 otherwise.
        with np.errstate(divide="ignore"):
            log_joint = np.log(self.weights) + self._log_density(X)
        responsibilities: Array = np.exp(log_joint - logsumexp(log_joint, axis=1, keepdims=True))
        return responsibilities

    def _m_step(self, X: Array, responsibilities: Array) -> None:
        """
        M-step: Update parameters

        Args:
            X: Data (n_samples, n_features)
            responsibilities: (n_samples, n_components)
        """
        # N_k, the points that belong to component k; the tiny addition keeps an empty component from dividing by 0.
        counts = responsibilities.sum(axis=0) + 10 * np.finfo(float).eps
        self.weights = counts / counts.sum()
        self.means = responsibilities.T @ X / counts[:, None]
        covariances = []
        for k in range(len(counts)):
            centred = X - self.means[k]
            covariance = (responsibilities[:, k, None] * centred).T @ centred / counts[k]
            covariances.append(covariance + 1e-6 * np.eye(X.shape[1]))  # invertible even around a single point
        self.covariances = np.array(covariances)

    def fit(self, X: ArrayLike) -> Self:
        """
        Alternate E-step and M-step until the log-likelihood stops rising

        Args:
            X: Data (n_samples, n_features)

        Returns:
            self, with the mean log-likelihood after each iteration in self.log_likelihoods
        """
        X = np.asarray(X, dtype=float)
        self._initialise(X)
        self.log_likelihoods = []
        for _ in range(self.max_iters):
            responsibilities = self._e_step(X)
            self._m_step(X, responsibilities)
            self.log_likelihoods.append(self.log_likelihood(X))
            if len(self.log_likelihoods) > 1 and self.log_likelihoods[-1] - self.log_likelihoods[-2] < self.tol:
                break
        return self

    def log_likelihood(self, X: ArrayLike) -> float:
        """Mean of log p(x) over the points of X (n_samples, n_features)."""
        X = np.asarray(X, dtype=float)
        with np.errstate(divide="ignore"):
            log_joint = np.log(self.weights) + self._log_density(X)
        return float(logsumexp(log_joint, axis=1).mean())

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """The likeliest component of each point: (n_samples,)."""
        return np.asarray(self._e_step(np.asarray(X, dtype=float)).argmax(axis=1))

    def sample(self, n_samples: int) -> Array:
        """
        Generate samples from the GMM

        Args:
            n_samples: Number of samples to generate

        Returns:
            samples: (n_samples, n_features)
        """
        # Step 1: Choose a component for each sample, k with probability weights[k]
        chosen = self.rng.choice(len(self.weights), size=n_samples, p=self.weights)
        # Step 2: Sample from the Gaussians, all samples of one component at once
        samples = np.empty((n_samples, np.shape(self.means)[1]))
        for k in range(len(self.weights)):
            rows = chosen == k
            samples[rows] = self.rng.multivariate_normal(self.means[k], self.covariances[k], size=rows.sum())
        return samples

    conditional_sample = conditional.conditional_sample
    online_update = online.online_update
