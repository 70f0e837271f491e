from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reference.activity09 import GMM, make_clusters
from tests.reference.mixtures import matched, mixture


@pytest.mark.parametrize(("D", "K"), [(1, 2), (2, 2), (2, 3), (3, 3), (6, 4)])
def test_responsibilities_are_the_posterior(D: int, K: int) -> None:
    gmm = mixture(K, D, seed=D + K, spread=1.5)
    X = gmm.sample(200)
    joint = np.column_stack(
        [
            w * stats.multivariate_normal(m, c).pdf(X)
            for w, m, c in zip(gmm.weights, gmm.means, gmm.covariances, strict=True)
        ]
    )
    assert gmm._e_step(X) == pytest.approx(joint / joint.sum(axis=1, keepdims=True), abs=1e-10)
    assert gmm.log_likelihood(X) == pytest.approx(np.log(joint.sum(axis=1)).mean(), abs=1e-10)


def test_responsibilities_of_a_point_far_from_everything_still_sum_to_one() -> None:
    responsibilities = mixture()._e_step(np.array([[1e4, -1e4]]))
    assert responsibilities.sum(axis=1) == pytest.approx(1.0)


def test_a_component_of_weight_zero_gets_no_responsibility() -> None:
    gmm = mixture()
    gmm.weights = np.array([0.6, 0.4, 0.0])
    assert (gmm._e_step(gmm.means)[:, 2] == 0).all()


def test_m_step_takes_weighted_moments() -> None:
    rng = np.random.default_rng(1)
    X, responsibilities = rng.normal(size=(400, 3)), rng.dirichlet(np.ones(2), size=400)
    gmm = mixture(2, 3)
    gmm._m_step(X, responsibilities)
    assert gmm.weights == pytest.approx(responsibilities.mean(axis=0))
    for k in range(2):
        assert gmm.means[k] == pytest.approx(np.average(X, axis=0, weights=responsibilities[:, k]))
        weighted = np.cov(X.T, aweights=responsibilities[:, k], ddof=0)
        assert gmm.covariances[k] == pytest.approx(weighted + 1e-6 * np.eye(3))


def test_m_step_survives_a_component_without_points() -> None:
    gmm, X = mixture(2), np.random.default_rng(0).normal(size=(50, 2))
    gmm._m_step(X, np.column_stack([np.ones(50), np.zeros(50)]))
    assert np.isfinite(gmm.log_likelihood(X))
    assert gmm.weights == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize("seed", range(4))
def test_the_log_likelihood_never_falls(seed: int) -> None:
    true = mixture(4, 3, seed, spread=1.5)
    history = GMM(4, max_iters=60, tol=-np.inf, random_state=seed).fit(true.sample(500)).log_likelihoods
    assert len(history) == 60
    assert np.diff(history).min() > -1e-6


@pytest.mark.parametrize("seed", range(5))
def test_fit_finds_every_mode_and_the_true_parameters(seed: int) -> None:
    X, _ = make_clusters(1500, random_state=seed)
    gmm = GMM(3, random_state=seed).fit(X)
    true = GMM(3)
    true.means = np.array([[2.1, 3.5], [5.8, 1.2], [1.5, 8.7]])
    order = matched(gmm, true)
    assert sorted(order) == [0, 1, 2]
    assert gmm.means[order] == pytest.approx(true.means, abs=0.25)
    assert gmm.weights == pytest.approx(1 / 3, abs=0.05)
    assert gmm.covariances[order[1]] == pytest.approx(np.array([[1.9, -1.0], [-1.0, 1.3]]), abs=0.4)


def test_fit_returns_self_and_stops_at_the_tolerance() -> None:
    X, _ = make_clusters()
    gmm = GMM(random_state=0)
    assert gmm.fit(X.tolist()) is gmm
    assert 1 < len(gmm.log_likelihoods) < gmm.max_iters
    assert gmm.log_likelihoods[-1] == gmm.log_likelihood(X)


def test_fit_is_repeatable_and_starts_anew_each_time() -> None:
    X, _ = make_clusters()
    first, again = GMM(random_state=3).fit(X), GMM(random_state=3).fit(X)
    assert (first.means == again.means).all()
    first.fit(X[:150])
    assert first.log_likelihoods[-1] == first.log_likelihood(X[:150])


def test_fit_copes_with_fewer_different_points_than_components() -> None:
    gmm = GMM(3, random_state=0).fit(np.repeat([[0.0, 0.0], [1.0, 1.0]], 10, axis=0))
    assert np.isfinite(gmm.log_likelihoods).all()


def test_predict_gives_the_likeliest_component() -> None:
    gmm = mixture()
    assert gmm.predict(gmm.means).tolist() == [0, 1, 2]


def test_samples_follow_the_mixture() -> None:
    true = mixture(3, 2, seed=2, spread=20.0)
    true.weights = np.array([0.6, 0.3, 0.1])
    samples = true.sample(6000)
    labels = true.predict(samples)
    assert stats.chisquare(np.bincount(labels), 6000 * true.weights).pvalue > 1e-3
    for k in range(3):
        whitened = np.linalg.solve(np.linalg.cholesky(true.covariances[k]), (samples[labels == k] - true.means[k]).T)
        assert stats.kstest((whitened**2).sum(axis=0), stats.chi2(2).cdf).pvalue > 1e-3
        assert stats.kstest(whitened[0], stats.norm.cdf).pvalue > 1e-3


def test_single_samples_differ_from_call_to_call() -> None:
    gmm = mixture()
    draws = np.vstack([gmm.sample(1) for _ in range(20)])
    assert draws.shape == (20, 2)
    assert len(np.unique(draws, axis=0)) == 20


def test_a_subclass_overrides_one_step_and_fit_uses_it() -> None:
    class HardAssignment(GMM):
        def _e_step(self, X: np.ndarray) -> np.ndarray:
            return np.eye(self.n_components)[super()._e_step(X).argmax(axis=1)]

    X, _ = make_clusters()
    assert HardAssignment(random_state=0).fit(X).log_likelihoods != GMM(random_state=0).fit(X).log_likelihoods
