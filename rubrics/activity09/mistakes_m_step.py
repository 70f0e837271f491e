"""What goes wrong in TODO 2 with weights, means and the whole: each a few lines, with the sentence for its author."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.rubric import mistake

from . import reference
from .pieces_m_step import Pieces, averages, spread, totals

# --- weights --------------------------------------------------------------------------------


@mistake("m_step", "Your weights are not divided by the number of points: each is N_k / N.", replaces="GMM")
class WeightsNotDivided(Pieces):
    def new_weights(self, X, R):
        return totals(R)


@mistake("m_step", "Your weights stay equal: compute them from the responsibilities, N_k / N.", replaces="GMM")
class WeightsUniform(Pieces):
    def new_weights(self, X, R):
        return np.full(R.shape[1], 1.0 / R.shape[1])


@mistake("m_step", "Your M-step does not update the weights: set `self.weights` to N_k / N.", replaces="GMM")
class WeightsNotUpdated(Pieces):
    def new_weights(self, X, R):
        return self.weights


@mistake("m_step", "You divide N_k by the number of components: divide by the number of points.", replaces="GMM")
class WeightsDividedByComponents(Pieces):
    def new_weights(self, X, R):
        return totals(R) / R.shape[1]


@mistake("m_step", "Your weights count hard assignments (argmax): sum the responsibilities themselves.", replaces="GMM")
class WeightsFromLabels(Pieces):
    def new_weights(self, X, R):
        return np.bincount(R.argmax(axis=1), minlength=R.shape[1]) / len(X)


def bic_with_phi(gmm: Any, X: Any) -> Any:
    """The reference's BIC for an object that keeps its mixing weights as ``phi``."""
    return gmm.with_phi(reference.compute_bic, gmm, X)


@mistake(
    "m_step",
    "`self.weights` holds the responsibilities, (N, K): it is for the mixing weights, (K,).",
    replaces="GMM",
    pieces={"compute_bic": bic_with_phi},
)
class WeightsHoldResponsibilities(Pieces):
    def _m_step(self, X, responsibilities):
        super()._m_step(X, responsibilities)
        self.phi = self.weights
        self.weights = responsibilities

    def _initialise(self, X):
        super()._initialise(X)
        self.phi = self.weights

    def with_phi(self, method, *args):
        kept, self.weights = self.weights, self.phi
        found = method(*args)
        self.weights = kept
        return found

    def _e_step(self, X):
        return self.with_phi(super()._e_step, X)

    def log_likelihood(self, X):
        return self.with_phi(super().log_likelihood, X)

    def sample(self, n_samples):
        return self.with_phi(super().sample, n_samples)

    def conditional_sample(self, condition, n_samples):
        return self.with_phi(super().conditional_sample, condition, n_samples)

    def online_update(self, new_batch):
        self.weights = self.phi
        found = super().online_update(new_batch)
        self.phi = self.weights
        return found


@mistake(
    "m_step", "You average the responsibilities over the components (axis 1): average over the points.", replaces="GMM"
)
class WeightsOverWrongAxis(Pieces):
    def new_weights(self, X, R):
        return R.mean(axis=1)


@mistake("m_step", "You divide N_k by N - 1: divide by N, so that the weights sum to 1.", replaces="GMM")
class WeightsWrongCount(Pieces):
    def new_weights(self, X, R):
        return totals(R) / (len(X) - 1)


@mistake("m_step", "Your weights come from the largest responsibilities: sum them over all points.", replaces="GMM")
class WeightsFromMaxima(Pieces):
    def new_weights(self, X, R):
        return R.max(axis=0) / R.max(axis=0).sum()


@mistake("m_step", "You take a softmax of N_k: dividing N_k by N is all that the weights need.", replaces="GMM")
class WeightsSoftmax(Pieces):
    def new_weights(self, X, R):
        shares = np.exp(totals(R) / len(X))
        return shares / shares.sum()


@mistake("m_step", "Your weights come in another order than the columns of the responsibilities.", replaces="GMM")
class WeightsReversed(Pieces):
    def new_weights(self, X, R):
        return super().new_weights(X, R)[::-1]


@mistake("m_step", "You mix the new weights with the old ones: replace them.", replaces="GMM")
class WeightsBlended(Pieces):
    def new_weights(self, X, R):
        return 0.5 * (self.weights + super().new_weights(X, R))


# --- means ----------------------------------------------------------------------------------


@mistake(
    "m_step",
    "You divide the means by N, the number of points: divide by N_k, the sum of that component's responsibilities.",
    replaces="GMM",
)
class MeansDividedByPoints(Pieces):
    def new_means(self, X, R):
        return R.T @ X / len(X)


@mistake("m_step", "Your means are weighted sums: divide each by its N_k.", replaces="GMM")
class MeansNotDivided(Pieces):
    def new_means(self, X, R):
        return R.T @ X


@mistake("m_step", "Your means ignore the responsibilities: weigh every point by them.", replaces="GMM")
class MeansUnweighted(Pieces):
    def new_means(self, X, R):
        return np.tile(X.mean(axis=0), (R.shape[1], 1))


@mistake(
    "m_step",
    "Your means are averages over hard assignments (K-means): weigh every point by its responsibility.",
    replaces="GMM",
)
class MeansFromLabels(Pieces):
    def new_means(self, X, R):
        return averages(X, np.eye(R.shape[1])[R.argmax(axis=1)])


@mistake(
    "m_step", "Your M-step does not update the means: assign the weighted averages to `self.means`.", replaces="GMM"
)
class MeansNotUpdated(Pieces):
    def new_means(self, X, R):
        return self.means


@mistake(
    "m_step",
    "Your means come in another order than the columns of the responsibilities: row k is the mean of component k.",
    replaces="GMM",
)
class MeansReversed(Pieces):
    def new_means(self, X, R):
        return super().new_means(X, R)[::-1]


@mistake("m_step", "You divide each mean by its weight as well: N_k is enough.", replaces="GMM")
class MeansDividedTwice(Pieces):
    def new_means(self, X, R):
        return super().new_means(X, R) / (totals(R) / len(X))[:, None]


@mistake(
    "m_step", "You weigh the points with the squares of the responsibilities: use them as they are.", replaces="GMM"
)
class MeansSquaredResponsibilities(Pieces):
    def new_means(self, X, R):
        return averages(X, R**4)


@mistake("m_step", "Your means move only part of the way from the old ones: the M-step replaces them.", replaces="GMM")
class MeansBlended(Pieces):
    def new_means(self, X, R):
        return 0.5 * (self.means + super().new_means(X, R))


@mistake(
    "m_step", "Your means take the point with the largest responsibility: average over all points.", replaces="GMM"
)
class MeansLikeliestPoint(Pieces):
    def new_means(self, X, R):
        return X[R.argmax(axis=0)]


@mistake("m_step", "All means are divided by the first component's N_k: index N_k with k.", replaces="GMM")
class MeansFirstCount(Pieces):
    def new_means(self, X, R):
        return R.T @ X / totals(R)[0]


@mistake(
    "m_step", "You update only the first component: loop over all of them, and return behind the loop.", replaces="GMM"
)
class OnlyFirstComponent(Pieces):
    def _m_step(self, X, responsibilities):
        weights, means, covariances = self.weights.copy(), self.means.copy(), self.covariances.copy()
        super()._m_step(X, responsibilities)
        weights[0], means[0], covariances[0] = self.weights[0], self.means[0], self.covariances[0]
        self.weights, self.means, self.covariances = weights, means, covariances


@mistake(
    "m_step", "Your mean is one number per component, over all coordinates: average with `axis=0`.", replaces="GMM"
)
class MeansOverCoordinates(Pieces):
    def new_means(self, X, R):
        return np.tile(averages(X, R).mean(axis=1, keepdims=True), (1, X.shape[1]))


@mistake(
    "m_step", "You round the means to whole numbers: an integer array cuts what is written into it.", replaces="GMM"
)
class MeansAsIntegers(Pieces):
    def new_means(self, X, R):
        return np.trunc(super().new_means(X, R))


# --- the whole ------------------------------------------------------------------------------


@mistake(
    "m_step",
    "Your M-step computes responsibilities of its own: use the ones that it is given.",
)
class IgnoresResponsibilities(reference.GMM):
    def _m_step(self, X, responsibilities):
        super()._m_step(X, self._e_step(X))


@mistake("m_step", "Your M-step takes the number of components for the number of dimensions: D is `X.shape[1]`.")
class ComponentsForDimensions(reference.GMM):
    def _m_step(self, X, responsibilities):
        K = responsibilities.shape[1]
        super()._m_step(X, responsibilities)
        covariances = np.zeros((K, K, K))
        for k in range(K):
            covariances[k] = self.covariances[k]
        self.covariances = covariances


@mistake(
    "m_step", "Your M-step changes nothing: TODO 2 is still open, set weights, means and covariances.", id="left_blank"
)
class LeftBlank(reference.GMM):
    def _m_step(self, X, responsibilities):
        return None


@mistake(
    "m_step",
    "The new parameters stay in local variables or under other names: assign them to `self.weights`, `self.means` and "
    "`self.covariances`.",
)
class AssignedElsewhere(reference.GMM):
    def _m_step(self, X, responsibilities):
        kept = self.weights, self.means, self.covariances
        super()._m_step(X, responsibilities)
        self.new_weights, self.new_means, self.new_covariances = self.weights, self.means, self.covariances
        self.weights, self.means, self.covariances = kept


@mistake(
    "m_step",
    "The sizes are written into your M-step: take them from `X.shape` and `responsibilities.shape`.",
    replaces="GMM",
)
class SizesWrittenIn(Pieces):
    def new_covariances(self, X, R, means, old):
        covariances = np.zeros((3, 2, 2))
        for k in range(3):
            covariances[k] = spread(X, R, means)[k]
        return covariances


@mistake("m_step", "The number of points is written into your M-step: take it from `X.shape[0]`.", replaces="GMM")
class PointsWrittenIn(Pieces):
    def new_weights(self, X, R):
        return totals(R) / 1500


@mistake("m_step", "You sum the responsibilities over the wrong axis: N_k is `responsibilities.sum(axis=0)`.")
class SumsOverWrongAxis(reference.GMM):
    def _m_step(self, X, responsibilities):
        counts = responsibilities.sum(axis=1)
        self.weights = counts / len(X)
        self.means = responsibilities.T @ X / counts[: responsibilities.shape[1], None]
        self.covariances = spread(X, responsibilities, self.means)


@mistake(
    "m_step",
    "You normalise the responsibilities over the points once more and then divide by N_k as well.",
    replaces="GMM",
)
class NormalisedOverPoints(Pieces):
    def _m_step(self, X, responsibilities):
        super()._m_step(X, responsibilities)
        counts = totals(responsibilities)
        self.means = self.means / counts[:, None]
        self.covariances = spread(X, responsibilities, self.means)


@mistake(
    "m_step",
    "Your M-step reorders the means alone, so weights and covariances belong to other components: reorder all three.",
    replaces="GMM",
)
class SortsMeansOnly(Pieces):
    def _m_step(self, X, responsibilities):
        super()._m_step(X, responsibilities)
        order = np.argsort(self.means[:, 0])
        if np.array_equal(order, np.arange(len(order))):
            order = order[::-1]
        self.means = self.means[order]


@mistake("m_step", "You treat the responsibilities as hard labels (K-means): they are weights for every point.")
class HardAssignment(reference.GMM):
    def _m_step(self, X, responsibilities):
        super()._m_step(X, np.eye(responsibilities.shape[1])[responsibilities.argmax(axis=1)])
