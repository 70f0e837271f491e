"""What goes wrong in TODO 3 when drawing from the Gaussian: each a few lines, with the sentence for its author."""

from __future__ import annotations

import numpy as np

from grader.rubric import mistake

from .pieces_sample import Steps, deviations

# --- the draw from the Gaussian -------------------------------------------------------------


@mistake("sample", "You return the means alone: draw from the Gaussian around the chosen mean.", replaces="GMM")
class MeansOnly(Steps):
    def noise(self, labels):
        return np.zeros((len(labels), self.means.shape[1]))


@mistake("sample", "You leave the mean out: add means[k] to the draw.", replaces="GMM")
class NoMean(Steps):
    def points(self, labels):
        return self.noise(labels)


@mistake("sample", "You draw with unit variance: use covariances[k].", replaces="GMM")
class UnitCovariance(Steps):
    def factors(self):
        return np.tile(np.eye(self.means.shape[1]), (len(self.means), 1, 1))


@mistake("sample", "You use only the variances on the diagonal: the coordinates are correlated.", replaces="GMM")
class DiagonalOnly(Steps):
    def factors(self):
        return deviations(self.covariances)[:, :, None] * np.eye(self.means.shape[1])


@mistake(
    "sample",
    "You take variances for standard deviations: `np.random.normal` wants the root of the variance.",
    replaces="GMM",
)
class VariancesForDeviations(Steps):
    def factors(self):
        return np.einsum("kdd->kd", self.covariances)[:, :, None] * np.eye(self.means.shape[1])


@mistake("sample", "You multiply normal draws with the covariance: multiply with its Cholesky factor.", replaces="GMM")
class CovarianceAsFactor(Steps):
    def factors(self):
        return self.covariances


@mistake("sample", "Your Cholesky factor stands on the wrong side: write `mean + L @ z`, or `z @ L.T`.", replaces="GMM")
class FactorTransposed(Steps):
    def factors(self):
        return np.swapaxes(np.linalg.cholesky(self.covariances), 1, 2)


@mistake("sample", "You use the element-wise root of the covariance: use its Cholesky factor.", replaces="GMM")
class ElementwiseRoot(Steps):
    def factors(self):
        return np.sqrt(np.abs(self.covariances))


@mistake("sample", "You draw with the inverse of the covariance: use the covariance itself.", replaces="GMM")
class PrecisionForCovariance(Steps):
    def factors(self):
        return np.linalg.cholesky(np.linalg.inv(self.covariances))


@mistake("sample", "Every component gets the covariance of the first: index the covariances with k.", replaces="GMM")
class FirstCovarianceForAll(Steps):
    def factors(self):
        return np.tile(np.linalg.cholesky(self.covariances[0]), (len(self.means), 1, 1))


@mistake("sample", "Every component gets the average covariance: each has its own.", replaces="GMM")
class SharedCovariance(Steps):
    def factors(self):
        return np.tile(np.linalg.cholesky(self.covariances.mean(axis=0)), (len(self.means), 1, 1))


@mistake("sample", "Means and covariances of different components are paired: use the same k for both.", replaces="GMM")
class CovariancesReversed(Steps):
    def factors(self):
        return np.linalg.cholesky(self.covariances[::-1])


@mistake("sample", "You choose k anew for the covariance: use the same k for mean and covariance.", replaces="GMM")
class CovarianceChosenAnew(Steps):
    def noise(self, labels):
        return super().noise(self.labels(len(labels)))


@mistake("sample", "Every sample comes from the first mean: index the means with k.", replaces="GMM")
class FirstMeanForAll(Steps):
    def points(self, labels):
        return self.means[0] + self.noise(labels)


@mistake("sample", "You average the means: each sample belongs to one component, not to all.", replaces="GMM")
class AverageOfMeans(Steps):
    def points(self, labels):
        return self.weights @ self.means + self.noise(labels)


@mistake(
    "sample",
    "You add up draws of all components with their weights: a mixture draws from one component at a time.",
    replaces="GMM",
)
class WeightedSumOfDraws(Steps):
    def points(self, labels):
        n = len(labels)
        draws = [super(WeightedSumOfDraws, self).points(np.full(n, k)) for k in range(len(self.weights))]
        return np.einsum("k,knd->nd", self.weights, np.array(draws))


@mistake(
    "sample",
    "You draw uniform numbers: the noise of a Gaussian is normal (`randn`, `multivariate_normal`).",
    replaces="GMM",
)
class UniformNoise(Steps):
    def normals(self, labels):
        return np.random.uniform(-np.sqrt(3.0), np.sqrt(3.0), (len(labels), self.means.shape[1]))


@mistake("sample", "You draw numbers between 0 and 1 (`rand`): use normal ones (`randn`).", replaces="GMM")
class UnitUniformNoise(Steps):
    def normals(self, labels):
        return np.random.random((len(labels), self.means.shape[1]))


@mistake("sample", "One normal number moves all coordinates: draw one for each coordinate.", replaces="GMM")
class SameNoiseForAllCoordinates(Steps):
    def normals(self, labels):
        return np.tile(np.random.standard_normal((len(labels), 1)), (1, self.means.shape[1]))


@mistake("sample", "You draw the noise once and add it to every sample: draw it anew for each.", replaces="GMM")
class SameNoiseForAllSamples(Steps):
    def normals(self, labels):
        return np.tile(np.random.standard_normal((1, self.means.shape[1])), (len(labels), 1))


@mistake("sample", "Your noise is never negative: take the normal numbers with their sign.", replaces="GMM")
class AbsoluteNoise(Steps):
    def normals(self, labels):
        return np.abs(super().normals(labels))


@mistake("sample", "You cut the noise off: far points of a Gaussian are rare but belong to it.", replaces="GMM")
class ClippedNoise(Steps):
    def normals(self, labels):
        return np.clip(super().normals(labels), -1.5, 1.5)


@mistake(
    "sample", "You scale the noise by the weight: the weight enters the choice of the component only.", replaces="GMM"
)
class NoiseTimesWeight(Steps):
    def noise(self, labels):
        return self.weights[labels][:, None] * super().noise(labels)


@mistake(
    "sample", "You multiply the mean by the weight: the weight enters the choice of the component only.", replaces="GMM"
)
class MeanTimesWeight(Steps):
    def points(self, labels):
        return (self.weights[:, None] * self.means)[labels] + self.noise(labels)


@mistake("sample", "You double the covariance, or forget a root: a stray factor scales the noise.", replaces="GMM")
class NoiseTooWide(Steps):
    def noise(self, labels):
        return np.sqrt(2.0) * super().noise(labels)


@mistake("sample", "You add much to the diagonal of the covariance before drawing: 1e-6 is plenty.", replaces="GMM")
class StrongRegularisation(Steps):
    def factors(self):
        return np.linalg.cholesky(self.covariances + 0.3 * np.eye(self.means.shape[1]))


@mistake("sample", "Mean and noise come out rounded: an integer array cuts what is written into it.", replaces="GMM")
class WholeNumbers(Steps):
    def points(self, labels):
        return np.trunc(super().points(labels))


@mistake("sample", "You repeat a few draws to fill the table: draw every sample.", replaces="GMM")
class FewDrawsRepeated(Steps):
    def points(self, labels):
        found = super().points(labels)
        return found[np.random.randint(max(1, len(found) // 20), size=len(found))]
