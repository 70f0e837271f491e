"""What goes wrong in TODO 3: each a few lines over the reference, with the sentence that its author reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.rubric import mistake

from . import reference


class Steps(reference.GMM):
    """Sampling in two steps, so that a mistake overrides one of them."""

    def sample(self, n_samples):
        return self.points(self.labels(n_samples))

    def labels(self, n):
        return np.random.choice(len(self.weights), size=n, p=self.weights)

    def points(self, labels):
        return self.means[labels] + self.noise(labels)

    def noise(self, labels):
        return np.einsum("nij,nj->ni", self.factors()[labels], self.normals(labels))

    def factors(self):
        return np.linalg.cholesky(self.covariances)

    def normals(self, labels):
        return np.random.standard_normal((len(labels), self.means.shape[1]))


def deviations(covariances: Any) -> Any:
    """Standard deviations along the axes, (K, D)."""
    return np.sqrt(np.einsum("kdd->kd", covariances))


# --- choice of the component ----------------------------------------------------------------


@mistake(
    "sample",
    "You choose the components uniformly: choose k with probability weights[k], `np.random.choice(K, p=self.weights)`.",
    replaces="GMM",
)
class UniformChoice(Steps):
    def labels(self, n):
        return np.random.randint(len(self.weights), size=n)


@mistake("sample", "You take as many samples of each component in turn: choose the component at random by weight.", replaces="GMM")
class RoundRobin(Steps):
    def labels(self, n):
        return np.arange(n) % len(self.weights)


@mistake(
    "sample",
    "Your numbers per component are fixed by the weights instead of random: draw the component of each sample "
    "(rounded numbers need not even add up).",
    replaces="GMM",
)
class FixedCounts(Steps):
    def labels(self, n):
        counts = np.floor(self.weights * n).astype(int)
        counts[np.argmax(self.weights)] += n - counts.sum()
        return np.repeat(np.arange(len(counts)), counts)


@mistake(
    "sample",
    "You round weight times n to numbers per component: they need not add up to n, so draw the components at random.",
    replaces="GMM",
)
class RoundedCounts(Steps):
    def labels(self, n):
        return np.repeat(np.arange(len(self.weights)), (self.weights * n).astype(int))


@mistake("sample", "You draw from the heaviest component only: choose one at random for each sample.", replaces="GMM")
class HeaviestOnly(Steps):
    def labels(self, n):
        return np.full(n, np.argmax(self.weights))


@mistake("sample", "You choose the component once and draw all samples from it: choose anew for each sample.", replaces="GMM")
class OneComponentForAll(Steps):
    def labels(self, n):
        return np.full(n, np.random.choice(len(self.weights), p=self.weights))


@mistake("sample", "The last component is never chosen: `randint(0, K - 1)` or a cumulative sum stops too early.", replaces="GMM")
class LastNeverChosen(Steps):
    def labels(self, n):
        weights = self.weights[:-1] / self.weights[:-1].sum()
        return np.random.choice(len(weights), size=n, p=weights)


@mistake("sample", "The first component is never chosen: components are counted from 0.", replaces="GMM")
class FirstNeverChosen(Steps):
    def labels(self, n):
        weights = self.weights[1:] / self.weights[1:].sum()
        return 1 + np.random.choice(len(weights), size=n, p=weights)


@mistake("sample", "The weights belong to other components: component k is chosen with weights[k].", replaces="GMM")
class WeightsReversed(Steps):
    def labels(self, n):
        return super().labels(n)[::-1] * -1 + len(self.weights) - 1


@mistake("sample", "You choose with the squares of the weights: use them as they are.", replaces="GMM")
class WeightsSquared(Steps):
    def labels(self, n):
        p = self.weights**2
        return np.random.choice(len(p), size=n, p=p / p.sum())


@mistake("sample", "You put the weights through a softmax: they are probabilities already.", replaces="GMM")
class WeightsSoftmax(Steps):
    def labels(self, n):
        p = np.exp(self.weights)
        return np.random.choice(len(p), size=n, p=p / p.sum())


@mistake(
    "sample",
    "You compare a fresh random number with each weight in turn: compare one number with the cumulative weights.",
    replaces="GMM",
)
class FreshNumberForEach(Steps):
    def labels(self, n):
        hits = np.random.random((n, len(self.weights))) < self.weights
        hits[:, -1] = True
        return hits.argmax(axis=1)


@mistake(
    "sample",
    "You compare one random number with each weight, not with the cumulative weights: use `np.cumsum`.",
    replaces="GMM",
)
class NotCumulative(Steps):
    def labels(self, n):
        hits = np.random.random(n)[:, None] < self.weights
        hits[:, -1] = True
        return hits.argmax(axis=1)


@mistake("sample", "You choose with the inverse of the weights: the heavier, the more samples.", replaces="GMM")
class WeightsInverted(Steps):
    def labels(self, n):
        p = 1.0 / self.weights
        return np.random.choice(len(p), size=n, p=p / p.sum())


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


@mistake("sample", "You draw uniform numbers: the noise of a Gaussian is normal (`randn`, `multivariate_normal`).", replaces="GMM")
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


@mistake("sample", "You scale the noise by the weight: the weight enters the choice of the component only.", replaces="GMM")
class NoiseTimesWeight(Steps):
    def noise(self, labels):
        return self.weights[labels][:, None] * super().noise(labels)


@mistake("sample", "You multiply the mean by the weight: the weight enters the choice of the component only.", replaces="GMM")
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


# --- what is returned -----------------------------------------------------------------------


@mistake("sample", "TODO 3 is still open: `samples` stays empty, append one draw in every round.", id="left_blank")
class LeftBlank(reference.GMM):
    def sample(self, n_samples):
        return np.array([])


@mistake("sample", "Your samples are all zero: append the draws to the list, or write them into the table.")
class Zeros(reference.GMM):
    def sample(self, n_samples):
        return np.zeros((n_samples, self.means.shape[1]))


@mistake("sample", "`sample` returns nothing: end it with `return np.array(samples)`.")
class ReturnsNothing(reference.GMM):
    def sample(self, n_samples):
        super().sample(n_samples)


@mistake("sample", "You return the component numbers: draw from the chosen Gaussians and return the points.")
class LabelsOnly(reference.GMM):
    def sample(self, n_samples):
        return np.random.choice(len(self.weights), size=n_samples, p=self.weights)


@mistake("sample", "You return one sample only: `return` stands inside the loop.", replaces="GMM")
class ReturnsInsideLoop(Steps):
    def sample(self, n_samples):
        return super().sample(1)


@mistake("sample", "Your samples come transposed, (n_features, n_samples): one row per sample.", replaces="GMM")
class Transposed(Steps):
    def sample(self, n_samples):
        return super().sample(n_samples).T


@mistake("sample", "Your samples have an axis too many, (n, 1, D): a draw of size 1 is a table with one row, take `[0]`.", replaces="GMM")
class ExtraAxis(Steps):
    def sample(self, n_samples):
        return super().sample(n_samples)[:, None, :]


@mistake("sample", "You draw n samples of every component: n in all, each from one component.", replaces="GMM")
class SamplesOfEachComponent(Steps):
    def sample(self, n_samples):
        return self.points(np.repeat(np.arange(len(self.weights)), n_samples))


@mistake("sample", "You return one sample less than asked: loop over `range(n_samples)`.", replaces="GMM")
class OneTooFew(Steps):
    def sample(self, n_samples):
        return super().sample(n_samples - 1) if n_samples > 1 else super().sample(1)


@mistake("sample", "You set the seed inside `sample`, so every call returns the same: set it once, outside.", replaces="GMM")
class SeedInside(Steps):
    def sample(self, n_samples):
        np.random.seed(42)
        return super().sample(n_samples)


@mistake("sample", "The weights that you choose with do not sum to 1, so `choice` refuses them: use `self.weights`.", replaces="GMM")
class WeightsDoNotSum(Steps):
    def labels(self, n):
        return np.random.choice(len(self.weights), size=n, p=self.weights * 0.9)


@mistake("sample", "Three components are written into `sample`: take the number from `len(self.weights)`.", replaces="GMM")
class ThreeComponentsOnly(Steps):
    def labels(self, n):
        return np.random.choice(3, size=n, p=self.weights)


@mistake("sample", "Two dimensions are written into `sample`: take the number from `self.means.shape[1]`.", replaces="GMM")
class TwoDimensionsOnly(Steps):
    def sample(self, n_samples):
        return super().sample(n_samples)[:, :2]
