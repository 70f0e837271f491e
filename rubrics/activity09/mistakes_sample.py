"""What goes wrong in TODO 3 when choosing components and returning, with the sentences that their authors read."""

from __future__ import annotations

import numpy as np

from grader.rubric import mistake

from . import reference
from .pieces_sample import Steps

# --- choice of the component ----------------------------------------------------------------


@mistake(
    "sample",
    "You choose the components uniformly: choose k with probability weights[k], `np.random.choice(K, p=self.weights)`.",
    replaces="GMM",
)
class UniformChoice(Steps):
    def labels(self, n):
        return np.random.randint(len(self.weights), size=n)


@mistake(
    "sample",
    "You take as many samples of each component in turn: choose the component at random by weight.",
    replaces="GMM",
)
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


@mistake(
    "sample", "You choose the component once and draw all samples from it: choose anew for each sample.", replaces="GMM"
)
class OneComponentForAll(Steps):
    def labels(self, n):
        return np.full(n, np.random.choice(len(self.weights), p=self.weights))


@mistake(
    "sample",
    "The last component is never chosen: `randint(0, K - 1)` or a cumulative sum stops too early.",
    replaces="GMM",
)
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


@mistake(
    "sample",
    "Your samples have an axis too many, (n, 1, D): a draw of size 1 is a table with one row, take `[0]`.",
    replaces="GMM",
)
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


@mistake(
    "sample", "You set the seed inside `sample`, so every call returns the same: set it once, outside.", replaces="GMM"
)
class SeedInside(Steps):
    def sample(self, n_samples):
        np.random.seed(42)
        return super().sample(n_samples)


@mistake(
    "sample",
    "The weights that you choose with do not sum to 1, so `choice` refuses them: use `self.weights`.",
    replaces="GMM",
)
class WeightsDoNotSum(Steps):
    def labels(self, n):
        return np.random.choice(len(self.weights), size=n, p=self.weights * 0.9)


@mistake(
    "sample", "Three components are written into `sample`: take the number from `len(self.weights)`.", replaces="GMM"
)
class ThreeComponentsOnly(Steps):
    def labels(self, n):
        return np.random.choice(3, size=n, p=self.weights)


@mistake(
    "sample", "Two dimensions are written into `sample`: take the number from `self.means.shape[1]`.", replaces="GMM"
)
class TwoDimensionsOnly(Steps):
    def sample(self, n_samples):
        return super().sample(n_samples)[:, :2]
