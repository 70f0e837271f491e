from __future__ import annotations

import numpy as np
import pytest

from reference.activity09 import GMM, fast
from tests.reference.mixtures import mixture


class Continued(GMM):
    """The plain solution, from given parameters."""

    def _initialise(self, X: np.ndarray) -> None:
        pass


@pytest.mark.parametrize(
    ("N", "D", "K"), [(300, 1, 2), (5000, 2, 3), (700, 2, 1), (2000, 7, 4), (400, 13, 3), (3000, 20, 2), (900, 50, 3)]
)
def test_it_agrees_with_the_plain_solution(N: int, D: int, K: int) -> None:
    true = mixture(K, D, seed=D, spread=2.0)
    X = true.sample(N) + 40.0  # far from the origin, where uncentred second moments would cancel
    plain = Continued(K, max_iters=8, tol=-np.inf)
    plain.weights = np.full(K, 1 / K)
    plain.means = true.means + 40.3
    plain.covariances = np.array([2 * np.eye(D)] * K)
    first = plain.log_likelihood(X)
    result = fast.fit(X, fast.Mixture(plain.weights, plain.means, plain.covariances), max_iters=8)
    plain.fit(X)
    assert result.mixture.weights == pytest.approx(plain.weights, abs=1e-10)
    assert result.mixture.means == pytest.approx(plain.means, abs=1e-10)
    assert result.mixture.covariances == pytest.approx(plain.covariances, abs=1e-10)
    assert result.log_likelihoods == pytest.approx([first, *plain.log_likelihoods[:-1]], abs=1e-10)


def test_both_kernels_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    true = mixture(4, 6, spread=2.0)
    X = true.sample(2500)
    start = fast.Mixture(true.weights, true.means, true.covariances)
    quadratic = fast.fit(X, start, max_iters=5)
    monkeypatch.setattr(fast, "QUADRATIC_UP_TO", 0)
    cholesky = fast.fit(X, start, max_iters=5)
    assert quadratic.mixture.covariances == pytest.approx(cholesky.mixture.covariances, abs=1e-10)
    assert quadratic.log_likelihoods == pytest.approx(cholesky.log_likelihoods, abs=1e-10)


def test_small_blocks_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    true = mixture(3, 2)
    X, start = true.sample(1001), fast.Mixture(true.weights, true.means, true.covariances)
    whole = fast.fit(X, start, max_iters=3)
    monkeypatch.setattr(fast, "_CACHE_BYTES", 1)
    assert fast.fit(X, start, max_iters=3).mixture.means == pytest.approx(whole.mixture.means, abs=1e-12)


def test_it_stops_at_the_tolerance() -> None:
    true = mixture(3, 2)
    start = fast.Mixture(true.weights, true.means, true.covariances)
    assert len(fast.fit(true.sample(500), start, max_iters=200, tol=1e-4).log_likelihoods) < 50


def test_a_start_that_is_no_covariance_is_refused() -> None:
    start = fast.Mixture(np.ones(1), np.zeros((1, 2)), -np.eye(2)[None])
    with pytest.raises(np.linalg.LinAlgError):
        fast.fit(np.random.default_rng(0).normal(size=(30, 2)), start)
