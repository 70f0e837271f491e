"""What goes wrong in TODO 2: each a few lines over the reference, with the sentence that its author reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.rubric import mistake

from . import reference


def totals(R: Any) -> Any:
    """N_k: the responsibilities summed over the points."""
    return R.sum(axis=0) + 1e-15


def averages(X: Any, R: Any) -> Any:
    """The weighted means (K, D)."""
    return R.T @ X / totals(R)[:, None]


def scatter(X: Any, R: Any, centres: Any) -> Any:
    """Σ_n r_nk (x_n - centre_k)(x_n - centre_k)ᵀ, (K, D, D)."""
    gaps = X[:, None, :] - np.asarray(centres)[None]
    return np.einsum("nk,nkd,nke->kde", R, gaps, gaps)


def spread(X: Any, R: Any, centres: Any) -> Any:
    """The weighted covariances (K, D, D) around given centres."""
    return scatter(X, R, centres) / totals(R)[:, None, None]


class Pieces(reference.GMM):
    """The reference's M-step in three pieces, so that a mistake overrides one of them."""

    def _m_step(self, X, responsibilities):
        old = self.means
        self.weights = self.new_weights(X, responsibilities)
        self.means = self.new_means(X, responsibilities)
        self.covariances = self.new_covariances(X, responsibilities, self.means, old)

    def new_weights(self, X, R):
        return totals(R) / len(X)

    def new_means(self, X, R):
        return averages(X, R)

    def new_covariances(self, X, R, means, old):
        return spread(X, R, means)


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


@mistake(
    "m_step",
    "`self.weights` holds the responsibilities, (N, K): it is for the mixing weights, (K,).",
    replaces="GMM",
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


@mistake("m_step", "You average the responsibilities over the components (axis 1): average over the points.", replaces="GMM")
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


@mistake("m_step", "Your means are averages over hard assignments (K-means): weigh every point by its responsibility.", replaces="GMM")
class MeansFromLabels(Pieces):
    def new_means(self, X, R):
        return averages(X, np.eye(R.shape[1])[R.argmax(axis=1)])


@mistake("m_step", "Your M-step does not update the means: assign the weighted averages to `self.means`.", replaces="GMM")
class MeansNotUpdated(Pieces):
    def new_means(self, X, R):
        return self.means


@mistake("m_step", "Your means are stored transposed into the wrong order: row k is the mean of component k.", replaces="GMM")
class MeansReversed(Pieces):
    def new_means(self, X, R):
        return super().new_means(X, R)[::-1]


@mistake("m_step", "You divide each mean by its weight as well: N_k is enough.", replaces="GMM")
class MeansDividedTwice(Pieces):
    def new_means(self, X, R):
        return super().new_means(X, R) / (totals(R) / len(X))[:, None]


@mistake("m_step", "You weigh the points with the squares of the responsibilities: use them as they are.", replaces="GMM")
class MeansSquaredResponsibilities(Pieces):
    def new_means(self, X, R):
        return averages(X, R**4)


@mistake("m_step", "Your means move only part of the way from the old ones: the M-step replaces them.", replaces="GMM")
class MeansBlended(Pieces):
    def new_means(self, X, R):
        return 0.5 * (self.means + super().new_means(X, R))


@mistake("m_step", "Your means take the point with the largest responsibility: average over all points.", replaces="GMM")
class MeansLikeliestPoint(Pieces):
    def new_means(self, X, R):
        return X[R.argmax(axis=0)]


@mistake("m_step", "All means are divided by the first component's N_k: index N_k with k.", replaces="GMM")
class MeansFirstCount(Pieces):
    def new_means(self, X, R):
        return R.T @ X / totals(R)[0]


@mistake("m_step", "You update only the first component: loop over all of them, and return behind the loop.", replaces="GMM")
class OnlyFirstComponent(Pieces):
    def _m_step(self, X, responsibilities):
        weights, means, covariances = self.weights.copy(), self.means.copy(), self.covariances.copy()
        super()._m_step(X, responsibilities)
        weights[0], means[0], covariances[0] = self.weights[0], self.means[0], self.covariances[0]
        self.weights, self.means, self.covariances = weights, means, covariances


@mistake("m_step", "Your mean is one number per component, over all coordinates: average with `axis=0`.", replaces="GMM")
class MeansOverCoordinates(Pieces):
    def new_means(self, X, R):
        return np.tile(averages(X, R).mean(axis=1, keepdims=True), (1, X.shape[1]))


@mistake("m_step", "You round the means to whole numbers: an integer array cuts what is written into it.", replaces="GMM")
class MeansAsIntegers(Pieces):
    def new_means(self, X, R):
        return np.trunc(super().new_means(X, R))


# --- covariances ----------------------------------------------------------------------------


@mistake(
    "m_step",
    "Your covariances are taken around the old means: compute the new means first and centre with those.",
    replaces="GMM",
)
class CovariancesAroundOldMeans(Pieces):
    def new_covariances(self, X, R, means, old):
        return spread(X, R, old)


@mistake("m_step", "Your M-step does not update the covariances: assign them to `self.covariances`.", replaces="GMM")
class CovariancesNotUpdated(Pieces):
    def new_covariances(self, X, R, means, old):
        return self.covariances


@mistake("m_step", "You forgot to centre the points: subtract the component's mean before you multiply.", replaces="GMM")
class CovariancesNotCentred(Pieces):
    def new_covariances(self, X, R, means, old):
        return spread(X, R, np.zeros_like(means))


@mistake("m_step", "You centre with the average of all points: centre with each component's own mean.", replaces="GMM")
class CovariancesAroundGrandMean(Pieces):
    def new_covariances(self, X, R, means, old):
        return spread(X, R, np.tile(X.mean(axis=0), (len(means), 1)))


@mistake(
    "m_step",
    "You divide the covariances by N, the number of points: divide by N_k, the sum of that component's "
    "responsibilities.",
    replaces="GMM",
)
class CovariancesDividedByPoints(Pieces):
    def new_covariances(self, X, R, means, old):
        return scatter(X, R, means) / len(X)


@mistake("m_step", "Your covariances are weighted sums: divide each by its N_k.", replaces="GMM")
class CovariancesNotDivided(Pieces):
    def new_covariances(self, X, R, means, old):
        return scatter(X, R, means)


@mistake("m_step", "You divide the covariances by N_k - 1: the M-step divides by N_k.", replaces="GMM")
class CovariancesUnbiased(Pieces):
    def new_covariances(self, X, R, means, old):
        return scatter(X, R, means) / (totals(R) - 1.0)[:, None, None]


@mistake(
    "m_step",
    "`np.cov` with `aweights` corrects for small samples unless you say `ddof=0`; the M-step divides by N_k.",
    replaces="GMM",
)
class CovariancesByNumpyCov(Pieces):
    def new_covariances(self, X, R, means, old):
        return np.stack([np.cov(X.T, aweights=r).reshape(X.shape[1], X.shape[1]) for r in R.T])


@mistake("m_step", "Your covariances ignore the responsibilities: weigh every point by them.", replaces="GMM")
class CovariancesUnweighted(Pieces):
    def new_covariances(self, X, R, means, old):
        return spread(X, np.ones_like(R), means)


@mistake("m_step", "All components get the covariance of all the data: weigh the points by the responsibilities.", replaces="GMM")
class CovariancesOfAllData(Pieces):
    def new_covariances(self, X, R, means, old):
        return np.stack([np.cov(X.T, bias=True)] * len(means))


@mistake("m_step", "Your covariances come from hard assignments: weigh every point by its responsibility.", replaces="GMM")
class CovariancesFromLabels(Pieces):
    def new_covariances(self, X, R, means, old):
        return spread(X, np.eye(R.shape[1])[R.argmax(axis=1)], means)


@mistake("m_step", "Only the variances are computed: the entries off the diagonal are missing.", replaces="GMM")
class CovariancesDiagonal(Pieces):
    def new_covariances(self, X, R, means, old):
        return super().new_covariances(X, R, means, old) * np.eye(X.shape[1])


@mistake("m_step", "Your covariances are one variance times the identity: compute the whole matrices.", replaces="GMM")
class CovariancesSpherical(Pieces):
    def new_covariances(self, X, R, means, old):
        full = super().new_covariances(X, R, means, old)
        return np.einsum("kdd->k", full)[:, None, None] / X.shape[1] * np.eye(X.shape[1])


@mistake("m_step", "All components share one covariance: each has its own.", replaces="GMM")
class CovariancesShared(Pieces):
    def new_covariances(self, X, R, means, old):
        pooled = scatter(X, R, means).sum(axis=0) / len(X)
        return np.stack([pooled] * len(means))


@mistake(
    "m_step",
    "You add the regulariser to every entry of the covariance: only the diagonal may get it (`np.eye`).",
    replaces="GMM",
)
class RegularisedEverywhere(Pieces):
    def new_covariances(self, X, R, means, old):
        return super().new_covariances(X, R, means, old) + 0.3


@mistake("m_step", "You add far too much to the diagonal of the covariances: 1e-6 is plenty.", replaces="GMM")
class StrongRegularisation(Pieces):
    def new_covariances(self, X, R, means, old):
        return super().new_covariances(X, R, means, old) + np.eye(X.shape[1])


@mistake("m_step", "You add 0.1 to the diagonal of the covariances, which shows in the fit: 1e-6 is plenty.", replaces="GMM")
class NoticeableRegularisation(Pieces):
    def new_covariances(self, X, R, means, old):
        return super().new_covariances(X, R, means, old) + 0.25 * np.eye(X.shape[1])


@mistake("m_step", "You store the inverses of the covariances: store the covariances, and invert in the density.", replaces="GMM")
class StoresPrecisions(Pieces):
    def new_covariances(self, X, R, means, old):
        return np.linalg.inv(super().new_covariances(X, R, means, old))


@mistake("m_step", "You store the Cholesky factors or roots of the covariances: store the covariances.", replaces="GMM")
class StoresFactors(Pieces):
    def new_covariances(self, X, R, means, old):
        return np.linalg.cholesky(super().new_covariances(X, R, means, old))


@mistake("m_step", "You store standard deviations: the covariance has variances on its diagonal.", replaces="GMM")
class StoresDeviations(Pieces):
    def new_covariances(self, X, R, means, old):
        full = super().new_covariances(X, R, means, old)
        return np.sqrt(np.maximum(full * np.eye(X.shape[1]), 0.0))


@mistake("m_step", "You take absolute deviations: multiply the centred points with themselves, with their signs.", replaces="GMM")
class AbsoluteDeviations(Pieces):
    def new_covariances(self, X, R, means, old):
        gaps = np.abs(X[:, None, :] - means[None])
        return np.einsum("nk,nkd,nke->kde", R, gaps, gaps) / totals(R)[:, None, None]


@mistake("m_step", "The responsibilities enter the covariances twice: weigh one of the two factors only.", replaces="GMM")
class ResponsibilitiesTwice(Pieces):
    def new_covariances(self, X, R, means, old):
        return scatter(X, R**2, means) / totals(R)[:, None, None]


@mistake(
    "m_step",
    "The outer product of each centred point came out as one number: `d @ d` of 1-D arrays is a dot product, use "
    "`np.outer(d, d)`.",
    replaces="GMM",
)
class DotForOuter(Pieces):
    def new_covariances(self, X, R, means, old):
        full = super().new_covariances(X, R, means, old)
        return np.einsum("kdd->k", full)


@mistake(
    "m_step",
    "The outer product of each centred point came out as one number that fills the whole matrix: use `np.outer(d, d)`.",
    replaces="GMM",
)
class DotFillsMatrix(Pieces):
    def new_covariances(self, X, R, means, old):
        trace = np.einsum("kdd->k", super().new_covariances(X, R, means, old))
        return trace[:, None, None] * np.ones((1, X.shape[1], X.shape[1]))


@mistake("m_step", "The covariances are overwritten in the loop over points instead of added up: use `+=`.", replaces="GMM")
class LastPointOnly(Pieces):
    def new_covariances(self, X, R, means, old):
        gaps = X[-1] - means
        return R[-1][:, None, None] * np.einsum("kd,ke->kde", gaps, gaps) / totals(R)[:, None, None] + 1e-6 * np.eye(
            X.shape[1]
        )


@mistake("m_step", "A loop runs one point short: use `range(n_samples)`, or whole arrays.", replaces="GMM")
class SkipsHalfThePoints(Pieces):
    def new_covariances(self, X, R, means, old):
        return scatter(X[::2], R[::2], means) / totals(R)[:, None, None]


@mistake("m_step", "All components are centred with the mean of the last: index the means with k.", replaces="GMM")
class LastMeanForAll(Pieces):
    def new_covariances(self, X, R, means, old):
        return spread(X, R, np.tile(means[-1], (len(means), 1)))


@mistake("m_step", "All covariances use the last component's responsibilities: index the columns with k.", replaces="GMM")
class LastResponsibilitiesForAll(Pieces):
    def new_covariances(self, X, R, means, old):
        return spread(X, np.tile(R[:, -1:], (1, R.shape[1])), means)


@mistake("m_step", "The covariances come in another order than the columns of the responsibilities.", replaces="GMM")
class CovariancesReversed(Pieces):
    def new_covariances(self, X, R, means, old):
        return super().new_covariances(X, R, means, old)[::-1]


@mistake("m_step", "The covariances carry a stray factor: look for a 1/2 or 2 in them.", replaces="GMM")
class CovariancesHalved(Pieces):
    def new_covariances(self, X, R, means, old):
        return 0.5 * super().new_covariances(X, R, means, old)


@mistake("m_step", "Your covariances are stored flat as (K, D) variances: store matrices, (K, D, D).", replaces="GMM")
class CovariancesAsVariances(Pieces):
    def new_covariances(self, X, R, means, old):
        return np.einsum("kdd->kd", super().new_covariances(X, R, means, old))


@mistake("m_step", "You subtract the product of the means from unweighted products: weigh both by the responsibilities.", replaces="GMM")
class SecondMomentUnweighted(Pieces):
    def new_covariances(self, X, R, means, old):
        return X.T @ X / len(X) - np.einsum("kd,ke->kde", means, means)


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


@mistake("m_step", "Your M-step changes nothing: TODO 2 is still open, set weights, means and covariances.", id="left_blank")
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


@mistake("m_step", "The sizes are written into your M-step: take them from `X.shape` and `responsibilities.shape`.", replaces="GMM")
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


@mistake("m_step", "You normalise the responsibilities over the points once more and then divide by N_k as well.", replaces="GMM")
class NormalisedOverPoints(Pieces):
    def _m_step(self, X, responsibilities):
        super()._m_step(X, responsibilities)
        counts = totals(responsibilities)
        self.means = self.means / counts[:, None]
        self.covariances = spread(X, responsibilities, self.means)


@mistake("m_step", "Your M-step swaps weights and covariances of different components: sort all three alike.", replaces="GMM")
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
