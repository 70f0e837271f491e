"""What goes wrong in the rounds of ``fit`` and in what it leaves behind, with both steps right."""

from __future__ import annotations

import numpy as np

from grader.rubric import mistake

from .pieces_training import Loop

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
    def fit(self, X):
        return super().fit(X[: len(X) // 2])


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
    "You sort the covariances after training but not weights and means: reorder all three alike.",
    replaces="GMM",
)
class SortsCovariancesOnly(Loop):
    def finish(self, X):
        self.covariances = self.covariances[np.argsort(self.means[:, 0])]


@mistake(
    "training",
    "After training you make the weights equal: keep those of the last M-step.",
    replaces="GMM",
)
class WeightsMadeEqual(Loop):
    def finish(self, X):
        self.weights = np.full(self.n_components, 1.0 / self.n_components)


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
