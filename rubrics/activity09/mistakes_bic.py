"""Wrong formulas for BIC, most of them seen in student code."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.rubric import mistake

from . import reference


def sizes(gmm: Any, X: Any) -> tuple[int, int, int]:
    """N, D, K."""
    return len(X), np.shape(X)[1], len(gmm.weights)


def total(gmm: Any, X: Any) -> float:
    return len(X) * gmm.log_likelihood(X)


def parameters(D: int, K: int) -> float:
    return (K - 1) + K * D + K * D * (D + 1) / 2


def bic_with(gmm: Any, X: Any, p: float) -> float:
    """BIC with another count of parameters."""
    return -2 * total(gmm, X) + p * np.log(len(X))


@mistake(
    "bic", "You took the mean log-likelihood per point; BIC wants the total: multiply by N.", replaces="compute_bic"
)
def mean_not_total(gmm: Any, X: Any) -> float:
    N, D, K = sizes(gmm, X)
    return -2 * gmm.log_likelihood(X) + parameters(D, K) * np.log(N)


@mistake("bic", "You counted each covariance as diagonal (D numbers); a full one has D(D+1)/2.", replaces="compute_bic")
def covariances_as_diagonal(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, (K - 1) + K * D + K * D)


@mistake(
    "bic", "You counted D² numbers per covariance; it is symmetric, so only D(D+1)/2 are free.", replaces="compute_bic"
)
def covariances_as_squares(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, (K - 1) + K * D + K * D * D)


@mistake("bic", "You left the covariances out of the number of parameters.", replaces="compute_bic")
def covariances_left_out(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, (K - 1) + K * D)


@mistake(
    "bic",
    "You counted one number per covariance, as if it were a circle; a full one has D(D+1)/2.",
    replaces="compute_bic",
)
def covariances_as_circles(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, (K - 1) + K * D + K)


@mistake("bic", "You counted D(D+1) numbers per covariance; half of that is free.", replaces="compute_bic")
def covariances_counted_twice(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, (K - 1) + K * D + K * D * (D + 1))


@mistake("bic", "You counted one covariance for all components; each of the K has its own.", replaces="compute_bic")
def one_covariance_for_all(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, (K - 1) + K * D + D * (D + 1) / 2)


@mistake("bic", "You counted K free weights; they sum to 1, so only K - 1 are free.", replaces="compute_bic")
def all_weights_free(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, parameters(D, K) + 1)


@mistake("bic", "You left the weights out of the number of parameters: they add K - 1.", replaces="compute_bic")
def weights_left_out(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, parameters(D, K) - (K - 1))


@mistake(
    "bic",
    "You count K*D parameters too few: the means add K*D (and a covariance has D(D+1)/2, its diagonal included).",
    replaces="compute_bic",
)
def means_left_out(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, parameters(D, K) - K * D)


@mistake("bic", "You counted one number per mean; a mean has D.", replaces="compute_bic")
def means_as_numbers(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, (K - 1) + K + K * D * (D + 1) / 2)


@mistake(
    "bic", "You counted all entries of the arrays (K + K*D + K*D²), not the free parameters.", replaces="compute_bic"
)
def entries_of_arrays(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, K + K * D + K * D * D)


@mistake("bic", "You counted the parameters of one component only.", replaces="compute_bic")
def one_component_only(gmm: Any, X: Any) -> float:
    _, D, _ = sizes(gmm, X)
    return bic_with(gmm, X, D + D * (D + 1) / 2)


@mistake("bic", "You took the number of components for the number of parameters.", replaces="compute_bic")
def components_as_parameters(gmm: Any, X: Any) -> float:
    return bic_with(gmm, X, len(gmm.weights))


@mistake("bic", "You multiplied the weights' K - 1 into every component.", replaces="compute_bic")
def weights_times_components(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, K * ((K - 1) + D + D * (D + 1) / 2))


@mistake("bic", "You fixed the number of dimensions at 2; take it from X.", replaces="compute_bic")
def two_dimensions_fixed(gmm: Any, X: Any) -> float:
    return bic_with(gmm, X, parameters(2, len(gmm.weights)))


@mistake("bic", "You fixed the number of components at 3; take it from the mixture.", replaces="compute_bic")
def three_components_fixed(gmm: Any, X: Any) -> float:
    return bic_with(gmm, X, parameters(np.shape(X)[1], 3))


@mistake("bic", "You exchanged K and D in the number of parameters.", replaces="compute_bic")
def sizes_exchanged(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return bic_with(gmm, X, parameters(K, D))


@mistake(
    "bic",
    "You turned the sign around: BIC is -2 * log-likelihood + p * ln N, and lower is better.",
    replaces="compute_bic",
)
def sign_turned(gmm: Any, X: Any) -> float:
    return -reference.compute_bic(gmm, X)


@mistake("bic", "The log-likelihood enters with a minus: -2 * log-likelihood.", replaces="compute_bic")
def likelihood_added(gmm: Any, X: Any) -> float:
    N, D, K = sizes(gmm, X)
    return 2 * total(gmm, X) + parameters(D, K) * np.log(N)


@mistake("bic", "The penalty is added, not subtracted: -2 * log-likelihood + p * ln N.", replaces="compute_bic")
def penalty_subtracted(gmm: Any, X: Any) -> float:
    N, D, K = sizes(gmm, X)
    return -2 * total(gmm, X) - parameters(D, K) * np.log(N)


@mistake("bic", "You forgot the factor 2 before the log-likelihood.", replaces="compute_bic")
def factor_two_forgotten(gmm: Any, X: Any) -> float:
    N, D, K = sizes(gmm, X)
    return -total(gmm, X) + parameters(D, K) * np.log(N)


@mistake("bic", "You halved the penalty; with -2 * log-likelihood it is p * ln N.", replaces="compute_bic")
def penalty_halved(gmm: Any, X: Any) -> float:
    N, D, K = sizes(gmm, X)
    return -2 * total(gmm, X) + parameters(D, K) * np.log(N) / 2


@mistake("bic", "You computed AIC: its penalty is 2p, that of BIC is p * ln N.", replaces="compute_bic")
def aic_instead(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return -2 * total(gmm, X) + 2 * parameters(D, K)


@mistake("bic", "You left ln N out of the penalty.", replaces="compute_bic")
def logarithm_left_out(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return -2 * total(gmm, X) + parameters(D, K)


@mistake("bic", "You took the logarithm to base 10; BIC uses the natural one.", replaces="compute_bic")
def logarithm_to_base_ten(gmm: Any, X: Any) -> float:
    N, D, K = sizes(gmm, X)
    return -2 * total(gmm, X) + parameters(D, K) * np.log10(N)


@mistake("bic", "You took the logarithm to base 2; BIC uses the natural one.", replaces="compute_bic")
def logarithm_to_base_two(gmm: Any, X: Any) -> float:
    N, D, K = sizes(gmm, X)
    return -2 * total(gmm, X) + parameters(D, K) * np.log2(N)


@mistake("bic", "You multiplied by N instead of ln N.", replaces="compute_bic")
def points_without_logarithm(gmm: Any, X: Any) -> float:
    N, D, K = sizes(gmm, X)
    return -2 * total(gmm, X) + parameters(D, K) * N


@mistake("bic", "You took the number of entries of X (N*D) for the number of points.", replaces="compute_bic")
def entries_as_points(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return -2 * total(gmm, X) + parameters(D, K) * np.log(np.size(X))


@mistake("bic", "You took the number of dimensions for the number of points in ln N.", replaces="compute_bic")
def dimensions_as_points(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return -2 * total(gmm, X) + parameters(D, K) * np.log(D)


@mistake("bic", "You divided BIC by the number of points.", replaces="compute_bic")
def divided_by_points(gmm: Any, X: Any) -> float:
    return reference.compute_bic(gmm, X) / len(X)


@mistake(
    "bic",
    "You added the densities' logarithms component by component; the mixture's density is their weighted sum.",
    replaces="compute_bic",
)
def likelihood_of_best_component(gmm: Any, X: Any) -> float:
    N, D, K = sizes(gmm, X)
    best = (np.log(gmm.weights) + gmm._log_density(np.asarray(X))).max(axis=1)
    return -2 * best.sum() + parameters(D, K) * np.log(N)


@mistake(
    "bic",
    "You took the logarithm of the responsibilities' sums, which are 1: the log-likelihood is 0 then.",
    replaces="compute_bic",
)
def likelihood_of_responsibilities(gmm: Any, X: Any) -> float:
    N, D, K = sizes(gmm, X)
    return -2 * np.log(gmm._e_step(np.asarray(X)).sum(axis=1)).sum() + parameters(D, K) * np.log(N)


@mistake("bic", "You returned the number of parameters, not BIC.", replaces="compute_bic")
def parameters_returned(gmm: Any, X: Any) -> float:
    _, D, K = sizes(gmm, X)
    return parameters(D, K)


@mistake("bic", "You returned the log-likelihood without the penalty.", replaces="compute_bic")
def penalty_left_out(gmm: Any, X: Any) -> float:
    return -2 * total(gmm, X)


@mistake("bic", "The function returns nothing: it is still empty, or its `return` is missing.", replaces="compute_bic")
def left_empty(gmm: Any, X: Any) -> None:
    return None


@mistake(
    "bic",
    "Your own GMM has no `.bic`: that is scikit-learn's. Compute the number from `log_likelihood`.",
    replaces="compute_bic",
)
def method_of_another_library(gmm: Any, X: Any) -> float:
    return gmm.bic(X)
