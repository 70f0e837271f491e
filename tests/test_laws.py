"""The laws by which random answers are judged: exact under the null, sharp against what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from grader import laws

MEAN = np.array([1.0, -2.0])
COVARIANCE = np.array([[1.3, 0.6], [0.6, 0.8]])


def gaussian(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.multivariate_normal(MEAN, COVARIANCE, n)


def test_the_share_of_each_test_adds_up_to_the_level():
    assert 7 * laws.share(1e-6, 7) == pytest.approx(1e-6)
    with pytest.raises(ValueError, match="at least one"):
        laws.share(1e-6, 0)


@pytest.mark.parametrize("trials, probability", [(5, 0.3), (64, 0.5), (200, 0.03)])
@pytest.mark.parametrize("alpha", [0.2, 0.05, 1e-3, 1e-6])
def test_the_binomial_rejects_no_more_often_than_its_level_by_enumeration(
    trials: int, probability: float, alpha: float
):
    counts = np.arange(trials + 1)
    rejected = np.array([laws.binomial(int(n), trials, probability) <= alpha for n in counts])
    assert stats.binom.pmf(counts, trials, probability)[rejected].sum() <= alpha


def test_counts_of_two_categories_are_one_test():
    assert laws.counts([12, 8], [0.5, 0.5]) == laws.binomial(12, 20, 0.5)


def test_counts_reject_a_uniform_choice_and_take_the_right_one():
    weights = np.array([0.5, 0.3, 0.2])
    assert laws.counts([2000, 1200, 800], weights) == 1.0
    assert laws.counts([1333, 1333, 1334], weights) < 1e-30
    with pytest.raises(ValueError, match="differ in number"):
        laws.counts([1, 2], weights)


CONTINUOUS = {
    "location": lambda x: laws.location(x, MEAN, COVARIANCE),
    "scale": lambda x: laws.scale(laws.squared_distances(x, MEAN, COVARIANCE), 2),
    "radii": lambda x: laws.radii(laws.squared_distances(x, MEAN, COVARIANCE), 2),
    "stray": lambda x: laws.largest_chi_square(laws.squared_distances(x, MEAN, COVARIANCE), 2),
    "spread of the first axis": lambda x: laws.spreads(x, MEAN, COVARIANCE)[0][0],
    "spread of a diagonal": lambda x: laws.spreads(x, MEAN, COVARIANCE)[0][3],
}


@pytest.mark.parametrize("test", CONTINUOUS.values(), ids=CONTINUOUS.keys())
def test_p_values_of_continuous_laws_are_uniform_under_the_null(test):
    rng = np.random.default_rng(7)
    p_values = [test(gaussian(rng, 40)) for _ in range(1500)]
    assert stats.kstest(p_values, "uniform").pvalue > 1e-4


WRONG = {
    "a mean 0.2 off": lambda x: x + 0.2,
    "ten per cent more noise": lambda x: MEAN + 1.1 * (x - MEAN),
    "uncorrelated coordinates": lambda x: (
        MEAN + (x - MEAN) @ np.linalg.inv(np.linalg.cholesky(COVARIANCE)).T * np.sqrt(np.diag(COVARIANCE))
    ),
    "one far point": lambda x: np.vstack([x[1:], MEAN + 20.0]),
    "distances cut off": lambda x: (
        MEAN + (x - MEAN) * np.minimum(1.0, 1.5 / np.sqrt(((x - MEAN) ** 2).sum(axis=1)))[:, None]
    ),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_some_law_rejects_each_wrong_sample_at_a_millionth(change):
    sample = change(gaussian(np.random.default_rng(3), 4000))
    p_values = [test(sample) for test in CONTINUOUS.values()]
    p_values.append(laws.bonferroni(laws.spreads(sample, MEAN, COVARIANCE)[0]))
    assert min(p_values) < 1e-7


def test_the_stray_radius_is_the_quantile_of_the_furthest_point():
    radius = laws.stray_radius(4000, 2, 1e-7)
    assert laws.largest_chi_square([0.0] * 3999 + [radius**2], 2) == pytest.approx(1e-7, rel=1e-6)


def test_the_stray_point_test_keeps_its_digits_far_out_and_rejects_nan():
    assert 0.0 < laws.largest_chi_square([400.0], 2) < 1e-80
    assert laws.largest_chi_square([np.nan, 1.0], 2) == 0.0


def test_no_points_are_no_evidence():
    none = np.empty((0, 2))
    assert laws.location(none, MEAN, COVARIANCE) == laws.scale([], 2) == laws.kolmogorov([]) == 1.0
    assert laws.spreads(none, MEAN, COVARIANCE)[0].tolist() == [1.0] * 4
    assert laws.largest_chi_square([], 2) == laws.bonferroni([]) == 1.0


def test_directions_fix_every_entry_of_a_covariance():
    rows = laws.directions(3)
    seen = np.array([np.outer(row, row)[np.triu_indices(3)] for row in rows])
    assert rows.shape == (9, 3)
    assert np.linalg.matrix_rank(seen) == 6


def test_the_kolmogorov_law_is_that_of_scipy():
    values = np.random.default_rng(0).random(50)
    assert laws.kolmogorov(values) == pytest.approx(stats.kstest(values, "uniform", method="exact").pvalue)


def test_a_deviate_is_that_of_a_normal():
    assert laws.deviation(0.05) == pytest.approx(1.959964, rel=1e-6)
    assert laws.normal([1.959964]) == pytest.approx(0.05, rel=1e-5)
    assert laws.deviation(1.0) == 0.0


def test_posteriors_and_densities_of_a_mixture_agree_with_scipy():
    rng = np.random.default_rng(1)
    points = gaussian(rng, 20)
    weights, means = np.array([0.3, 0.7]), np.stack([MEAN, MEAN + 1.0])
    covariances = np.stack([COVARIANCE, 2.0 * COVARIANCE])
    joint = np.stack(
        [w * stats.multivariate_normal.pdf(points, m, c) for w, m, c in zip(weights, means, covariances, strict=True)],
        axis=1,
    )
    assert laws.posterior(points, weights, means, covariances) == pytest.approx(
        joint / joint.sum(axis=1, keepdims=True)
    )
    assert laws.log_density(points, weights, means, covariances) == pytest.approx(np.log(joint.sum(axis=1)))


def test_the_nearest_component_is_certain_for_separated_ones():
    rng = np.random.default_rng(2)
    means = np.array([[0.0, 0.0], [30.0, 0.0]])
    truth = rng.integers(2, size=500)
    labels, squared = laws.nearest(means[truth] + gaussian(rng, 500) - MEAN, means, np.stack([COVARIANCE] * 2))
    assert np.array_equal(labels, truth)
    assert squared.max() < 50.0


def test_a_covariance_that_is_not_positive_definite_is_no_density():
    with pytest.raises(np.linalg.LinAlgError):
        laws.log_density(np.zeros((3, 2)), [1.0], [MEAN], [-COVARIANCE])
