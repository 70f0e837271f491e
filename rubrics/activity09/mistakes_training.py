"""What goes wrong in the log-likelihood that ``fit`` keeps and in when it stops, with both steps right."""

from __future__ import annotations

import numpy as np

from grader.rubric import mistake

from .pieces_training import Loop, joint

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
    "Your history has a single entry although training went on further: make the list before the loop and append the "
    "log-likelihood in every iteration.",
    replaces="GMM",
)
class HistoryOverwritten(Loop):
    before = -np.inf

    def done(self):
        (now,) = self.log_likelihoods
        rise, self.before = now - self.before, now
        self.kept, self.log_likelihoods = [now], []
        return rise < self.tol

    def finish(self, X):
        self.log_likelihoods = self.kept


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
    "Training stops in the second iteration, while the log-likelihood still rises by far more than `tol`: your test "
    "is turned round, always true, or its bound too large. Stop when the rise is smaller than `self.tol`.",
    replaces="GMM",
)
class StopsAtFirstRise(Loop):
    def done(self):
        history = self.log_likelihoods
        return len(history) > 1 and history[-2] - history[-1] < self.tol


@mistake(
    "training",
    "You stop while the log-likelihood still rises by far more than `tol`: compare the rise with `self.tol`, not with "
    "a larger number.",
    replaces="GMM",
)
class BoundTooLarge(Loop):
    def done(self):
        history = self.log_likelihoods
        return len(history) > 1 and history[-1] - history[-2] < 0.012


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
