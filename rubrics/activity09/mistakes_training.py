"""What goes wrong in ``fit`` and in the log-likelihood, with both steps right."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.rubric import mistake

from . import reference


class Loop(reference.GMM):
    """The reference's ``fit`` in pieces, so that a mistake overrides one of them."""

    def fit(self, X):
        X = np.asarray(X, dtype=float)
        self.start(X)
        self.log_likelihoods = []
        for _ in range(self.max_iters):
            self.round(X)
            self.log_likelihoods.append(self.value(X))
            if self.done():
                break
        self.finish(X)
        return self

    def start(self, X):
        self._initialise(X)

    def round(self, X):
        self._m_step(X, self._e_step(X))

    def value(self, X):
        return self.log_likelihood(X)

    def done(self):
        history = self.log_likelihoods
        return len(history) > 1 and history[-1] - history[-2] < self.tol

    def finish(self, X):
        pass


def joint(gmm: Any, X: Any) -> Any:
    """Weight times density, (N, K)."""
    return gmm.weights * np.exp(gmm._log_density(X))


# --- the log-likelihood ---------------------------------------------------------------------


@mistake(
    "training",
    "You take the log-likelihood from responsibilities that are normalised already, so it is always 0 and the loop "
    "stops at once: take it from weight times density before you divide.",
    replaces="GMM",
)
class LikelihoodOfNormalised(Loop):
    def value(self, X):
        return float(np.log(np.round(self._e_step(X).sum(axis=1), 9)).mean())


@mistake(
    "training",
    "You take the logarithm twice, which gives NaN, so the loop never sees that it converged.",
    replaces="GMM",
)
class LogOfLog(Loop):
    def value(self, X):
        with np.errstate(invalid="ignore"):
            return float(np.log(np.log(np.minimum(joint(self, X).sum(axis=1), 0.999))).mean())


@mistake(
    "training",
    "The normalising constant of the Gaussian is missing in your log-likelihood: D/2 · log(2π) per point.",
    replaces="GMM",
)
class ConstantMissing(Loop):
    def log_likelihood(self, X):
        return super().log_likelihood(X) + 0.5 * np.shape(X)[1] * np.log(2.0 * np.pi)


@mistake(
    "training",
    "Your log-likelihood leaves out the weights: it is the logarithm of Σ_k weight_k · density_k.",
    replaces="GMM",
)
class WeightsMissing(Loop):
    def log_likelihood(self, X):
        return float(np.log(np.exp(self._log_density(np.asarray(X, dtype=float))).sum(axis=1)).mean())


@mistake(
    "training",
    "You average the logarithms over the components: add weight times density over them, then take the logarithm.",
    replaces="GMM",
)
class LogInsideSum(Loop):
    def log_likelihood(self, X):
        X = np.asarray(X, dtype=float)
        return float((np.log(self.weights) + self._log_density(X)).sum(axis=1).mean())


@mistake("training", "Your history holds likelihoods, not their logarithms.", replaces="GMM")
class NoLogarithm(Loop):
    def value(self, X):
        return float(joint(self, X).sum(axis=1).mean())


@mistake("training", "You take the logarithm of the average density: average the logarithms.", replaces="GMM")
class LogOfAverage(Loop):
    def value(self, X):
        return float(np.log(joint(self, X).sum(axis=1).mean()))


@mistake(
    "training", "Your logarithm is to base 2 or 10: the log-likelihood takes the natural one, `np.log`.", replaces="GMM"
)
class WrongBase(Loop):
    def value(self, X):
        return self.log_likelihood(X) / np.log(10.0)


@mistake(
    "training", "You divide the total log-likelihood by N and by K, or by too much: divide by N once.", replaces="GMM"
)
class DividedTooOften(Loop):
    def value(self, X):
        return self.log_likelihood(X) / self.n_components


@mistake("training", "You append the change of the log-likelihood, not its value.", replaces="GMM")
class AppendsChange(Loop):
    def start(self, X):
        super().start(X)
        self.before = self.log_likelihood(X)

    def value(self, X):
        now = self.log_likelihood(X)
        change, self.before = now - self.before, now
        return change

    def done(self):
        return self.log_likelihoods[-1] < self.tol


@mistake(
    "training",
    "You measure the log-likelihood before the first round only: compute it anew in every iteration.",
    replaces="GMM",
)
class ValueComputedOnce(Loop):
    def start(self, X):
        super().start(X)
        self.once = self.log_likelihood(X)

    def value(self, X):
        return self.once


# --- when it stops --------------------------------------------------------------------------


@mistake(
    "training",
    "The sign of your stopping test is wrong, so training stops at the first improvement: stop when the rise is "
    "smaller than `tol`.",
    replaces="GMM",
)
class StopsAtFirstRise(Loop):
    def done(self):
        history = self.log_likelihoods
        return len(history) > 1 and history[-2] - history[-1] < self.tol


@mistake(
    "training",
    "You compare floating-point numbers for equality, which never comes: stop when the rise is below `tol`.",
    replaces="GMM",
)
class WaitsForEquality(Loop):
    def done(self):
        history = self.log_likelihoods
        return len(history) > 1 and history[-1] - history[-2] == self.tol


@mistake(
    "training",
    "Your `fit` makes one iteration only: repeat both steps until the rise is smaller than `tol`.",
    replaces="GMM",
)
class OneIteration(Loop):
    def done(self):
        return True


@mistake(
    "training", "Your `fit` stops after a few iterations, whatever `max_iters` and `tol` say: use both.", replaces="GMM"
)
class FewIterations(Loop):
    def done(self):
        return len(self.log_likelihoods) >= 3


# --- the rounds -----------------------------------------------------------------------------


@mistake(
    "training",
    "The E-step stands outside the loop: compute the responsibilities anew in every iteration.",
    replaces="GMM",
)
class ResponsibilitiesOnce(Loop):
    def start(self, X):
        super().start(X)
        self.first = self._e_step(X)

    def round(self, X):
        self._m_step(X, self.first)


@mistake("training", "Your `fit` never calls the M-step: the parameters stay as they were initialised.", replaces="GMM")
class NeverUpdates(Loop):
    def round(self, X):
        self._e_step(X)


@mistake(
    "training",
    "You make the responsibilities hard (argmax) between the steps: hand on the probabilities.",
    replaces="GMM",
)
class HardBetweenSteps(Loop):
    def round(self, X):
        self._m_step(X, np.eye(self.n_components)[self._e_step(X).argmax(axis=1)])

    def done(self):
        return len(self.log_likelihoods) > 30

    def finish(self, X):
        self.covariances = 0.7 * self.covariances


@mistake("training", "You initialise in every iteration: do it once, before the loop.", replaces="GMM")
class InitialisesEveryRound(Loop):
    def round(self, X):
        self._initialise(X)
        super().round(X)

    def done(self):
        return False


@mistake(
    "training",
    "All components start alike, so they stay alike: start them at different points of the data.",
    replaces="GMM",
)
class StartsAllAlike(Loop):
    def start(self, X):
        super().start(X)
        self.means = np.tile(X.mean(axis=0), (self.n_components, 1))


@mistake("training", "`fit` trains two components only: use `self.n_components`.", replaces="GMM")
class TwoComponents(Loop):
    def start(self, X):
        super().start(X)
        self.weights = np.r_[1.0 - 1e-12, np.full(self.n_components - 1, 0.0)]
        self.weights = np.array([0.5, 0.5, *([0.0] * (self.n_components - 2))])


@mistake("training", "`fit` sees only part of the data: hand the whole X to both steps.", replaces="GMM")
class PartOfTheData(Loop):
    def round(self, X):
        super().round(X[:20])


@mistake("training", "You move the parameters at random in every iteration: EM needs no noise.", replaces="GMM")
class NoiseEveryRound(Loop):
    def round(self, X):
        super().round(X)
        self.means = self.means + self.rng.normal(0.0, 0.5, self.means.shape)

    def done(self):
        return len(self.log_likelihoods) >= 40


@mistake(
    "training",
    "Your covariances take standard deviations for variances between the steps, so the log-likelihood falls.",
    replaces="GMM",
)
class DeviationForVariance(Loop):
    def round(self, X):
        super().round(X)
        values, vectors = np.linalg.eigh(self.covariances)
        self.covariances = np.einsum("kde,ke,kfe->kdf", vectors, values**2, vectors)

    def done(self):
        return len(self.log_likelihoods) >= 40


@mistake(
    "training", "You shrink or grow the covariances in every iteration: leave what the M-step found.", replaces="GMM"
)
class GrowingCovariances(Loop):
    def round(self, X):
        super().round(X)
        self.covariances = self.covariances + 0.6 * np.eye(X.shape[1])


# --- what is left behind --------------------------------------------------------------------


@mistake(
    "training",
    "You sort the means after training but not weights and covariances: reorder all three alike.",
    replaces="GMM",
)
class SortsMeansOnly(Loop):
    def finish(self, X):
        self.means = self.means[np.argsort(self.means[:, 0])]


@mistake(
    "training",
    "You sort the weights after training but not means and covariances: reorder all three alike.",
    replaces="GMM",
)
class SortsWeightsOnly(Loop):
    def finish(self, X):
        self.weights = np.sort(self.weights)


@mistake(
    "training",
    "You standardise the data for training and leave the parameters on that scale: transform them back.",
    replaces="GMM",
)
class StandardisedScale(Loop):
    def fit(self, X):
        X = np.asarray(X, dtype=float)
        return super().fit((X - X.mean(axis=0)) / X.std(axis=0))


@mistake("training", "After training the weights are scaled once more: they have to sum to 1.", replaces="GMM")
class WeightsScaledAfterwards(Loop):
    def finish(self, X):
        self.weights = self.weights * 3.0


@mistake(
    "training", "You put the initial parameters back at the end: keep those of the last iteration.", replaces="GMM"
)
class StartingPointKept(Loop):
    def start(self, X):
        super().start(X)
        self.kept = self.weights, self.means, self.covariances

    def finish(self, X):
        self.weights, self.means, self.covariances = self.kept


@mistake(
    "training",
    "A second `fit` goes on from the parameters of the first: initialise at the beginning of every `fit`.",
    replaces="GMM",
)
class ResumesInsteadOfStarting(Loop):
    def start(self, X):
        if self.means is None:
            super().start(X)


@mistake(
    "training", "TODO left open: `fit` does not train. Alternate E-step and M-step.", id="left_blank", replaces="GMM"
)
class LeftBlank(Loop):
    def fit(self, X):
        return self
