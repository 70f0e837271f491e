from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture

from reference.activity09 import GMM, choose_components, compute_bic, make_clusters, sample_digits
from tests.reference.mixtures import mixture


@pytest.mark.parametrize("condition", [{0: 1.0, 2: -0.5}, [1.0, np.nan, -0.5]], ids=["dict", "vector"])
def test_one_component_gives_the_gaussian_conditional(condition: object) -> None:
    gmm = mixture(1, 3, seed=5)
    samples = gmm.conditional_sample(condition, 5000)  # type: ignore[arg-type]
    mean, S, known = gmm.means[0], gmm.covariances[0], [0, 2]
    gain = S[1, known] @ np.linalg.inv(S[np.ix_(known, known)])
    expected = stats.norm(mean[1] + gain @ (np.array([1.0, -0.5]) - mean[known]), np.sqrt(S[1, 1] - gain @ S[known, 1]))
    assert samples.shape == (5000, 3)
    assert (samples[:, known] == [1.0, -0.5]).all()
    assert stats.kstest(samples[:, 1], expected.cdf).pvalue > 1e-3


def test_components_are_weighted_by_how_well_they_explain_what_is_known() -> None:
    gmm = GMM(2, random_state=0)
    gmm.weights = np.array([0.9, 0.1])
    gmm.means = np.array([[0.0, -50.0], [2.0, 50.0]])
    gmm.covariances = np.array([np.eye(2), np.eye(2)])
    upper = int((gmm.conditional_sample({0: 2.0}, 4000)[:, 1] > 0).sum())
    weights = gmm.weights * stats.norm.pdf(2.0, gmm.means[:, 0])
    assert stats.binomtest(upper, 4000, weights[1] / weights.sum()).pvalue > 1e-3


def test_knowing_nothing_samples_the_mixture_and_knowing_all_holds_it() -> None:
    gmm = mixture(3, 2, spread=20.0)
    free = gmm.conditional_sample([np.nan, np.nan], 3000)
    assert stats.chisquare(np.bincount(gmm.predict(free), minlength=3), 3000 * gmm.weights).pvalue > 1e-3
    assert (gmm.conditional_sample([1.0, 2.0], 4) == [1.0, 2.0]).all()


@pytest.mark.parametrize("seed", range(4))
def test_online_updates_reach_the_stream_from_parameters_set_from_outside(seed: int) -> None:
    true = mixture(3, 2, seed, spread=4.0)
    held_out = true.sample(3000)
    gmm = mixture(3, 2, seed, spread=4.0)
    gmm.means = gmm.means + np.random.default_rng(seed).normal(0, 1.2, (3, 2))
    gmm.covariances = np.array([3 * np.eye(2)] * 3)
    start = gmm.log_likelihood(held_out)
    for _ in range(300):
        assert gmm.online_update(true.sample(60)) is gmm
    best = true.log_likelihood(held_out)
    assert (best - gmm.log_likelihood(held_out)) / (best - start) < 0.08
    assert gmm.weights.sum() == pytest.approx(1.0)
    assert np.linalg.eigvalsh(gmm.covariances).min() > 0


def test_one_batch_of_one_component_does_not_wipe_out_the_others() -> None:
    gmm = mixture(3, 2, spread=20.0)
    before = gmm.weights[1:].sum()
    gmm.online_update(np.random.default_rng(0).multivariate_normal(gmm.means[0], gmm.covariances[0], 60))
    assert gmm.weights[1:].sum() > 0.5 * before
    assert gmm.weights[0] > 1 - before


def test_online_updates_keep_no_data() -> None:
    gmm = mixture()
    batches = [gmm.sample(60) for _ in range(20)]
    gmm.online_update(batches[0])
    small = len(pickle.dumps(gmm))
    for batch in batches[1:]:
        gmm.online_update(batch)
    assert len(pickle.dumps(gmm)) - small < 100


def test_a_batch_in_another_order_gives_the_same_update() -> None:
    gmm = mixture()
    batch, twin = gmm.sample(60), copy.deepcopy(gmm)
    assert gmm.online_update(batch).means == pytest.approx(twin.online_update(batch[::-1]).means)


@pytest.mark.parametrize(("K", "D", "parameters"), [(1, 1, 2), (3, 2, 17), (4, 3, 39)])
def test_bic_counts_the_free_parameters(K: int, D: int, parameters: int) -> None:
    gmm = mixture(K, D)
    X = gmm.sample(611)
    assert compute_bic(gmm, X) == pytest.approx(-2 * 611 * gmm.log_likelihood(X) + parameters * np.log(611))


def test_bic_agrees_with_scikit_learn() -> None:
    X, _ = make_clusters()
    gmm = GMM(3, random_state=0).fit(X)
    theirs = GaussianMixture(3)
    theirs.weights_, theirs.means_, theirs.covariances_ = gmm.weights, gmm.means, gmm.covariances
    theirs.precisions_cholesky_ = np.linalg.inv(np.linalg.cholesky(gmm.covariances)).transpose(0, 2, 1)
    assert compute_bic(gmm, X) == pytest.approx(theirs.bic(X))


def test_bic_chooses_the_number_of_clusters() -> None:
    X, _ = make_clusters(400, random_state=4)
    best, bics = choose_components(X, range(1, 7), random_state=0)
    assert best == 3
    assert len(bics) == 6


def test_sampled_digits_look_like_every_digit_and_are_new() -> None:
    digits = load_digits()
    images = sample_digits(500, random_state=1)
    assert images.shape == (500, 64)
    classifier = LogisticRegression(max_iter=2000).fit(digits.data / 16, digits.target)
    certainty = classifier.predict_proba(images / 16)
    assert len(np.unique(certainty.argmax(axis=1))) == 10
    assert certainty.max(axis=1).mean() > 0.83
    assert len(np.unique(images.round(3), axis=0)) == 500
    assert images.std(axis=0).mean() / digits.data.std(axis=0).mean() > 0.75
