"""What goes wrong in TODO 1 around the densities, with the sentences that their authors read."""

from __future__ import annotations

import numpy as np

from grader.rubric import mistake

from . import reference
from .pieces_e_step import densities, gaussian, normalised


@mistake("e_step", "You left the mixture weights out: multiply each density by its component's weight first.")
class WeightsLeftOut(reference.GMM):
    def _e_step(self, X):
        return normalised(densities(self, X))


@mistake("e_step", "Your responsibilities come transposed, (K, N): there has to be one row per point, so return `.T`.")
class Transposed(reference.GMM):
    def _e_step(self, X):
        return super()._e_step(X).T


@mistake(
    "e_step",
    "You return weight times density without dividing: divide each row by its sum to make probabilities of it.",
)
class NotNormalised(reference.GMM):
    def _e_step(self, X):
        return self.weights * densities(self, X)


@mistake(
    "e_step",
    "You return the densities themselves: multiply by the weights and divide each row by its sum (Bayes' rule).",
)
class LikelihoodOnly(reference.GMM):
    def _e_step(self, X):
        return densities(self, X)


@mistake(
    "e_step", "You return log-densities: the responsibilities are the normalised exponentials of weight and density."
)
class LogDensities(reference.GMM):
    def _e_step(self, X):
        return self._log_density(X)


@mistake(
    "e_step",
    "You add a constant to the denominator that is not small against the densities, so the rows no longer sum to 1: "
    "leave it out or take 1e-300.",
)
class EpsilonInDenominator(reference.GMM):
    def _e_step(self, X):
        joint = self.weights * densities(self, X)
        return joint / (joint.sum(axis=1, keepdims=True) + 0.01)


@mistake(
    "e_step",
    "You add a constant to every density before normalising: points far from all components are then shared equally.",
)
class EpsilonOnDensities(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights * densities(self, X) + 0.02)


@mistake(
    "e_step", "You assign each point to one component (0 or 1): keep the probabilities, they are the soft assignment."
)
class HardAssignment(reference.GMM):
    def _e_step(self, X):
        return np.eye(len(self.weights))[np.argmax(super()._e_step(X), axis=1)]


@mistake(
    "e_step", "You assign each point to the nearest mean: use weights and densities, not distances (that is K-means)."
)
class NearestMean(reference.GMM):
    def _e_step(self, X):
        distances = ((X[:, None] - self.means[None]) ** 2).sum(axis=2)
        return np.eye(len(self.means))[distances.argmin(axis=1)]


@mistake(
    "e_step", "You share each point by its distances to the means: use the Gaussian densities with their covariances."
)
class InverseDistances(reference.GMM):
    def _e_step(self, X):
        return normalised(1.0 / (np.linalg.norm(X[:, None] - self.means[None], axis=2) + 1e-12))


@mistake(
    "e_step",
    "You normalise over the points (axis 0) instead of over the components: each row has to sum to 1, so `axis=1`.",
)
class NormalisedOverPoints(reference.GMM):
    def _e_step(self, X):
        joint = self.weights * densities(self, X)
        return joint / joint.sum(axis=0, keepdims=True)


@mistake("e_step", "You divide by the sum over the whole table: divide each row by its own sum.")
class NormalisedByTotal(reference.GMM):
    def _e_step(self, X):
        joint = self.weights * densities(self, X)
        return joint / joint.sum()


@mistake("e_step", "You divide by the largest entry of each row: divide by the row's sum.")
class DividedByMaximum(reference.GMM):
    def _e_step(self, X):
        joint = self.weights * densities(self, X)
        return joint / joint.max(axis=1, keepdims=True)


@mistake("e_step", "You take the softmax of densities: they are no logarithms; divide each row by its sum instead.")
class SoftmaxOfDensities(reference.GMM):
    def _e_step(self, X):
        return normalised(np.exp(self.weights * densities(self, X)))


@mistake("e_step", "You normalise the logarithms of the densities by their sum: take exponentials before you divide.")
class LogarithmsNormalised(reference.GMM):
    def _e_step(self, X):
        return normalised(np.log(self.weights) + self._log_density(X))


@mistake(
    "e_step",
    "You add the weight to the log-density instead of its logarithm: log(weight · density) is log(weight) plus "
    "log(density).",
)
class WeightAddedToLog(reference.GMM):
    def _e_step(self, X):
        log_joint = self.weights + self._log_density(X)
        return normalised(np.exp(log_joint - log_joint.max(axis=1, keepdims=True)))


@mistake("e_step", "You multiply the log-density by the weight: in logarithms, add log(weight).")
class WeightTimesLog(reference.GMM):
    def _e_step(self, X):
        log_joint = self.weights * self._log_density(X)
        return normalised(np.exp(log_joint - log_joint.max(axis=1, keepdims=True)))


@mistake("e_step", "You divide the densities by the weights: multiply by them.")
class WeightsDivided(reference.GMM):
    def _e_step(self, X):
        return normalised(densities(self, X) / self.weights)


@mistake("e_step", "The weights enter twice: multiply each density by its weight once.")
class WeightsTwice(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights**2 * densities(self, X))


@mistake("e_step", "The weights are assigned to the components in the wrong order: column k gets weight k.")
class WeightsReversed(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights[::-1] * densities(self, X))


@mistake(
    "e_step",
    "Your E-step adds to the stored covariances each time it is called: make a copy before you regularise.",
    also=("training",),
)
class InflatesCovariances(reference.GMM):
    def _e_step(self, X):
        found = super()._e_step(X)
        self.covariances += 0.1 * np.eye(X.shape[1])
        return found


@mistake(
    "e_step",
    "Your E-step normalises or changes the stored weights: read them, and change them in the M-step only.",
    also=("training",),
)
class OverwritesWeights(reference.GMM):
    def _e_step(self, X):
        found = super()._e_step(X)
        self.weights = found[0]
        return found


@mistake(
    "e_step",
    "Your E-step centres the data or the means in place: `X -= mean` changes what the next call sees, so write "
    "`X - mean`.",
    also=("training",),
)
class CentresMeansInPlace(reference.GMM):
    def _e_step(self, X):
        found = super()._e_step(X)
        self.means = self.means - self.means.mean(axis=0)
        return found


@mistake("e_step", "The number of components is written into your E-step: take it from `self.n_components`.")
class ThreeComponentsOnly(reference.GMM):
    def _e_step(self, X):
        found = np.zeros((len(X), 3))
        joint = self.weights * densities(self, X)
        for k in range(3):
            found[:, k] = joint[:, k] / joint.sum(axis=1)
        return found


@mistake(
    "e_step", "Your E-step treats only the first two components: loop over all of them, `range(self.n_components)`."
)
class TwoComponentsOnly(reference.GMM):
    def _e_step(self, X):
        found = np.zeros((len(X), len(self.weights)))
        joint = (self.weights * densities(self, X))[:, :2]
        found[:, :2] = normalised(joint)
        return found


@mistake(
    "e_step",
    "Your loop ends before the last component, whose column stays 0: loop over all, `range(self.n_components)`.",
)
class LastComponentLeftOut(reference.GMM):
    def _e_step(self, X):
        joint = self.weights * densities(self, X)
        joint[:, -1] = 0.0
        return normalised(joint)


@mistake("e_step", "Your E-step uses only the first two coordinates: the number of dimensions is `X.shape[1]`.")
class TwoDimensionsOnly(reference.GMM):
    def _e_step(self, X):
        covariances = self.covariances[:, :2, :2]
        return normalised(self.weights * gaussian(X[:, :2], self.means[:, :2], covariances))


@mistake(
    "e_step",
    "Your E-step works only for the number of points it saw first: make the table anew from `X.shape[0]`.",
)
class FixedBuffer(reference.GMM):
    def _e_step(self, X):
        if not hasattr(self, "buffer"):
            self.buffer = np.zeros((len(X), len(self.weights)))
        found = super()._e_step(X)
        self.buffer[:] = found
        return self.buffer


@mistake(
    "e_step",
    "Your E-step remembers its first result: compute the responsibilities anew from the X that it is given.",
)
class Remembers(reference.GMM):
    def _e_step(self, X):
        if not hasattr(self, "kept"):
            self.kept = super()._e_step(X)
        return self.kept


@mistake(
    "e_step",
    "Your E-step reads its data from a variable outside instead of from its argument X: use the argument.",
)
class ReadsGlobalData(reference.GMM):
    def _e_step(self, X):
        shift = np.linspace(-1.0, 1.0, X.size).reshape(X.shape)
        return super()._e_step(X + shift + X.mean(axis=0))


@mistake(
    "e_step",
    "You return the log-likelihood alone: return the responsibilities (and the rest beside them, if you like).",
)
class ReturnsLogLikelihood(reference.GMM):
    def _e_step(self, X):
        return self.log_likelihood(X)


@mistake(
    "e_step", "You return the sums of the rows, the mixture's density: divide each row by it and return the table."
)
class ReturnsMixtureDensity(reference.GMM):
    def _e_step(self, X):
        return (self.weights * densities(self, X)).sum(axis=1)


@mistake("e_step", "You return labels: return the whole table of probabilities; `argmax` belongs in `predict`.")
class ReturnsLabels(reference.GMM):
    def _e_step(self, X):
        return super()._e_step(X).argmax(axis=1)


@mistake("e_step", "Your E-step returns nothing: end it with `return responsibilities`.")
class ReturnsNothing(reference.GMM):
    def _e_step(self, X):
        super()._e_step(X)


@mistake(
    "e_step",
    "Your E-step returns the zeros that it starts with: TODO 1 is still open, fill the table.",
    id="left_blank",
)
class LeftBlank(reference.GMM):
    def _e_step(self, X):
        return np.zeros((len(X), len(self.weights)))


@mistake("e_step", "All points get the same responsibilities, the weights: the densities of the points are missing.")
class PriorOnly(reference.GMM):
    def _e_step(self, X):
        return np.tile(self.weights, (len(X), 1))


@mistake("e_step", "The loop returns after the first component: put `return` behind the loop.")
class ReturnsInsideLoop(reference.GMM):
    def _e_step(self, X):
        found = np.zeros((len(X), len(self.weights)))
        for k in range(len(self.weights)):
            found[:, k] = self.weights[k] * densities(self, X)[:, k]
            return normalised(found)
        return found


@mistake("e_step", "You round the responsibilities: keep them as they are.")
class Rounded(reference.GMM):
    def _e_step(self, X):
        return np.round(super()._e_step(X), 1) + 0.05 * (super()._e_step(X) > 0.5)


@mistake(
    "e_step", "You normalise twice, the second time over the points: one division of each row by its sum is enough."
)
class NormalisedTwice(reference.GMM):
    def _e_step(self, X):
        found = super()._e_step(X)
        return found / found.sum(axis=0)


@mistake(
    "e_step", "You take the square root of the responsibilities or densities somewhere: look for a stray `** 0.5`."
)
class Tempered(reference.GMM):
    def _e_step(self, X):
        return normalised(np.sqrt(self.weights * densities(self, X)))
