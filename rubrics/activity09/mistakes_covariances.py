"""What goes wrong in TODO 2 with the covariances: each a few lines, with the sentence for its author."""

from __future__ import annotations

import numpy as np

from grader.rubric import mistake

from .pieces_m_step import Pieces, scatter, spread, totals

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


@mistake(
    "m_step", "You forgot to centre the points: subtract the component's mean before you multiply.", replaces="GMM"
)
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


@mistake(
    "m_step",
    "All components get the covariance of all the data: weigh the points by the responsibilities.",
    replaces="GMM",
)
class CovariancesOfAllData(Pieces):
    def new_covariances(self, X, R, means, old):
        return np.stack([np.cov(X.T, bias=True)] * len(means))


@mistake(
    "m_step", "Your covariances come from hard assignments: weigh every point by its responsibility.", replaces="GMM"
)
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


@mistake(
    "m_step",
    "You add a constant to the diagonal of the covariances that shows in the fit: 1e-6 is plenty.",
    replaces="GMM",
)
class NoticeableRegularisation(Pieces):
    def new_covariances(self, X, R, means, old):
        return super().new_covariances(X, R, means, old) + 0.25 * np.eye(X.shape[1])


@mistake(
    "m_step",
    "You store the inverses of the covariances: store the covariances, and invert in the density.",
    replaces="GMM",
)
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


@mistake(
    "m_step",
    "You take absolute deviations: multiply the centred points with themselves, with their signs.",
    replaces="GMM",
)
class AbsoluteDeviations(Pieces):
    def new_covariances(self, X, R, means, old):
        gaps = np.abs(X[:, None, :] - means[None])
        return np.einsum("nk,nkd,nke->kde", R, gaps, gaps) / totals(R)[:, None, None]


@mistake(
    "m_step", "The responsibilities enter the covariances twice: weigh one of the two factors only.", replaces="GMM"
)
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


@mistake(
    "m_step", "The covariances are overwritten in the loop over points instead of added up: use `+=`.", replaces="GMM"
)
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


@mistake(
    "m_step", "All covariances use the last component's responsibilities: index the columns with k.", replaces="GMM"
)
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


@mistake(
    "m_step",
    "You subtract the product of the means from unweighted products: weigh both by the responsibilities.",
    replaces="GMM",
)
class SecondMomentUnweighted(Pieces):
    def new_covariances(self, X, R, means, old):
        return X.T @ X / len(X) - np.einsum("kd,ke->kde", means, means)
