"""EM for Gaussian mixtures, fast: the same numbers as ``gmm.GMM.fit`` from the same start.

What makes it fast: E- and M-step in one pass over blocks of points that stay in the processor's cache, components
along the first axis so that every reduction over them adds whole rows, and matrix products in place of loops. For few
dimensions the log-density is linear in the features 1, x_i and x_i x_j, so the E-step is one product of coefficients
and features, and the M-step's sufficient statistics are one product of responsibilities and the same features. For
many dimensions these features cost more than a product with each component's inverse Cholesky factor. The data is
centred first: the second moments around a far-off origin would cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_triangular
from scipy.linalg.blas import dsyrk

Array = NDArray[np.float64]

QUADRATIC_UP_TO = 12
"""Dimensions up to which the quadratic features are the faster way."""
_CACHE_BYTES = 1 << 20


@dataclass(frozen=True)
class Mixture:
    """Parameters of a Gaussian mixture."""

    weights: Array
    """(K,), sum to 1"""
    means: Array
    """(K, D)"""
    covariances: Array
    """(K, D, D)"""


@dataclass(frozen=True)
class Fit:
    """What EM arrived at."""

    mixture: Mixture
    log_likelihoods: list[float]
    """Mean log-likelihood per point at the start of each iteration, in nats."""


class _Kernel(Protocol):
    """Sums over the points: EM needs nothing else of them."""

    def step(self, mixture: Mixture) -> tuple[float, Array, Array, Array]:
        """Return the sum of log p(x), N_k (K,), and the sums of r x (K, D) and r x x^T (K, D, D)."""
        ...


def fit(X: ArrayLike, start: Mixture, max_iters: int = 100, tol: float = 0.0, regularisation: float = 1e-6) -> Fit:
    """Run EM from ``start``.

    Args:
        X: data (N, D)
        start: where to begin
        max_iters: most iterations
        tol: stop when the mean log-likelihood rises by less than this; 0 makes all iterations
        regularisation: added to the diagonal of the covariances

    Raises:
        numpy.linalg.LinAlgError: a covariance is not positive definite.
    """
    X = np.asarray(X, dtype=float)
    centre = X.mean(axis=0)
    centred = np.ascontiguousarray(X.T - centre[:, None])
    D, N = centred.shape
    kernel: _Kernel = _Quadratic(centred) if D <= QUADRATIC_UP_TO else _Cholesky(centred)
    mixture = Mixture(start.weights, start.means - centre, start.covariances)
    log_likelihoods: list[float] = []
    for _ in range(max_iters):
        total, counts, sums, squares = kernel.step(mixture)
        log_likelihoods.append(total / N)
        mixture = _maximise(counts, sums, squares, regularisation)
        if tol and len(log_likelihoods) > 1 and log_likelihoods[-1] - log_likelihoods[-2] < tol:
            break
    return Fit(Mixture(mixture.weights, mixture.means + centre, mixture.covariances), log_likelihoods)


def _maximise(counts: Array, sums: Array, squares: Array, regularisation: float) -> Mixture:
    counts = counts + 10 * np.finfo(float).eps
    means = sums / counts[:, None]
    covariances = squares / counts[:, None, None] - means[:, :, None] * means[:, None, :]
    covariances += regularisation * np.eye(means.shape[1])
    return Mixture(counts / counts.sum(), means, covariances)


def _normalise(log_joint: Array) -> float:
    """Turn log p(x, k) (K, n) into responsibilities in place; return the sum of log p(x)."""
    largest = log_joint.max(axis=0)
    log_joint -= largest
    np.exp(log_joint, out=log_joint)
    density = log_joint.sum(axis=0)
    log_joint /= density
    return float(largest.sum() + np.log(density).sum())


def _log_scale(weights: Array, factors: Array) -> Array:
    """Logarithm of weight and normalising constant, (K,), of Gaussians with Cholesky factors (K, D, D)."""
    log_determinants = 2 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights)
    scale: Array = log_weights - 0.5 * (factors.shape[1] * np.log(2 * np.pi) + log_determinants)
    return scale


def _blocks(n: int, rows: int) -> list[slice]:
    """Cut n points so that ``rows`` numbers for each point of a block fit the cache."""
    size = max(256, _CACHE_BYTES // (8 * rows))
    return [slice(begin, min(begin + size, n)) for begin in range(0, n, size)]


class _Quadratic:
    """Both steps as products with the features 1, x_i and x_i x_j (i <= j)."""

    def __init__(self, centred: Array) -> None:
        D, n = centred.shape
        self.centred = centred
        self.i, self.j = np.triu_indices(D)
        self.n_features = 1 + D + len(self.i)
        self.n = n

    def step(self, mixture: Mixture) -> tuple[float, Array, Array, Array]:
        coefficients = self._coefficients(mixture)
        K, D = mixture.means.shape
        blocks = _blocks(self.n, self.n_features + K)
        features = np.empty((self.n_features, blocks[0].stop))
        statistics = np.zeros((K, self.n_features))
        features[0] = 1
        total = 0.0
        for block in blocks:
            phi = features[:, : block.stop - block.start]
            x = self.centred[:, block]
            phi[1 : D + 1] = x
            row = D + 1
            for i in range(D):
                np.multiply(x[i], x[i:], out=phi[row : row + D - i])
                row += D - i
            responsibilities = coefficients @ phi
            total += _normalise(responsibilities)
            statistics += responsibilities @ phi.T
        squares = np.empty((K, D, D))
        squares[:, self.i, self.j] = statistics[:, D + 1 :]
        squares[:, self.j, self.i] = statistics[:, D + 1 :]
        return total, statistics[:, 0], statistics[:, 1 : D + 1], squares

    def _coefficients(self, mixture: Mixture) -> Array:
        factors = np.asarray(np.linalg.cholesky(mixture.covariances))
        precisions = np.linalg.inv(mixture.covariances)
        linear = np.einsum("kij,kj->ki", precisions, mixture.means)
        constant = _log_scale(mixture.weights, factors) - 0.5 * np.einsum("ki,ki->k", linear, mixture.means)
        off_diagonal = np.where(self.i == self.j, -0.5, -1.0)  # x_i x_j stands for x_j x_i too
        return np.hstack([constant[:, None], linear, off_diagonal * precisions[:, self.i, self.j]])


class _Cholesky:
    """Distances by inverse Cholesky factors, moments by symmetric rank-n updates.

    A last coordinate 1 beside the data makes z = L^-1 (x - mean) one product, and one update gives all three moments.
    """

    def __init__(self, centred: Array) -> None:
        self.extended = np.vstack([centred, np.ones(centred.shape[1])])

    def step(self, mixture: Mixture) -> tuple[float, Array, Array, Array]:
        K, D = mixture.means.shape
        factors = np.asarray(np.linalg.cholesky(mixture.covariances))
        whiten = np.array(
            [
                solve_triangular(factor, np.column_stack([np.eye(D), -mean]), lower=True)
                for factor, mean in zip(factors, mixture.means, strict=True)
            ]
        )
        scale = _log_scale(mixture.weights, factors)[:, None]
        moments, total = np.zeros((D + 1, D + 1, K), order="F"), 0.0
        for block in _blocks(self.extended.shape[1], (K + 2) * D + K):
            x = np.ascontiguousarray(self.extended[:, block])
            responsibilities = np.empty((K, x.shape[1]))
            z = (whiten.reshape(K * D, D + 1) @ x).reshape(K, D, -1)
            np.einsum("kdn,kdn->kn", z, z, out=responsibilities)
            responsibilities *= -0.5
            responsibilities += scale
            total += _normalise(responsibilities)
            np.sqrt(responsibilities, out=responsibilities)
            for k in range(K):
                weighted = x * responsibilities[k]
                # weighted.T is column-major as BLAS wants it, so nothing is copied; only one triangle is filled.
                dsyrk(1.0, weighted.T, trans=1, beta=1.0, c=moments[:, :, k], overwrite_c=1)
        upper = moments.transpose(2, 0, 1)
        squares = np.triu(upper[:, :D, :D]) + np.triu(upper[:, :D, :D], 1).transpose(0, 2, 1)
        return total, upper[:, D, D], upper[:, :D, D], squares
