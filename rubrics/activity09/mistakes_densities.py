"""What goes wrong in TODO 1 inside the Gaussian density: each a few lines, with the sentence for its author."""

from __future__ import annotations

import numpy as np

from grader.rubric import mistake

from . import reference
from .pieces_e_step import cumulative, densities, exponents, gaussian, normalised


@mistake(
    "e_step",
    "The mixture weight stands where the constant pi belongs in your density (both are called pi): use `np.pi` there.",
)
class PriorForPi(reference.GMM):
    def _e_step(self, X):
        D = X.shape[1]
        return normalised(self.weights * densities(self, X) * (np.pi / self.weights) ** (D / 2))


@mistake("e_step", "Your density lacks the determinant: divide by the root of `np.linalg.det(covariance)`.")
class NoDeterminant(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights * np.exp(-0.5 * exponents(self, X, np.linalg.inv(self.covariances))))


@mistake("e_step", "Your density divides by the determinant itself: take its square root.")
class DeterminantWithoutRoot(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights * densities(self, X) / np.sqrt(np.linalg.det(self.covariances)))


@mistake(
    "e_step",
    "Only half of the log-determinant enters your density: by a Cholesky factor it is `2 * np.log(np.diag(L)).sum()`.",
)
class HalfLogDeterminant(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights * densities(self, X) * np.linalg.det(self.covariances) ** 0.25)


@mistake("e_step", "Your density multiplies by the root of the determinant: divide by it.")
class DeterminantMultiplied(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights * densities(self, X) * np.linalg.det(self.covariances))


@mistake("e_step", "The factor 1/2 is missing in the exponent of your density.")
class NoHalf(reference.GMM):
    def _e_step(self, X):
        q = exponents(self, X, np.linalg.inv(self.covariances))
        return normalised(
            self.weights * np.exp(-q + q.min(axis=1, keepdims=True)) / np.sqrt(np.linalg.det(self.covariances))
        )


@mistake("e_step", "The exponent of your density has the wrong sign: it is -1/2 times the squared distance.")
class PositiveExponent(reference.GMM):
    def _e_step(self, X):
        q = 0.5 * exponents(self, X, np.linalg.inv(self.covariances))
        return normalised(
            self.weights * np.exp(q - q.max(axis=1, keepdims=True)) / np.sqrt(np.linalg.det(self.covariances))
        )


@mistake(
    "e_step", "The exponent of your density uses the covariance where its inverse belongs: `np.linalg.inv(covariance)`."
)
class CovarianceNotInverted(reference.GMM):
    def _e_step(self, X):
        q = 0.5 * exponents(self, X, self.covariances)
        return normalised(
            self.weights * np.exp(-q + q.min(axis=1, keepdims=True)) / np.sqrt(np.linalg.det(self.covariances))
        )


@mistake(
    "e_step",
    "You use only the variances on the diagonal: take the whole covariance matrix, the coordinates are correlated.",
)
class DiagonalOnly(reference.GMM):
    def _e_step(self, X):
        diagonal = [np.diag(np.diag(c)) for c in self.covariances]
        return normalised(self.weights * gaussian(X, self.means, diagonal))


@mistake(
    "e_step",
    "Your density takes the variance for the standard deviation: `norm.pdf` wants the root of the variance.",
)
class VarianceForDeviation(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights * gaussian(X, self.means, [c @ c.T for c in self.covariances]))


@mistake("e_step", "You ignore the covariances: give each Gaussian its own covariance matrix.")
class CovariancesIgnored(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights * gaussian(X, self.means, [np.eye(X.shape[1])] * len(self.means)))


@mistake("e_step", "All components use the covariance of the first: index with k inside the loop.")
class FirstCovarianceForAll(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights * gaussian(X, self.means, [self.covariances[0]] * len(self.means)))


@mistake("e_step", "All components use the average covariance: each has its own.")
class SharedCovariance(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights * gaussian(X, self.means, [self.covariances.mean(axis=0)] * len(self.means)))


@mistake("e_step", "You used the cumulative distribution (`cdf`) where the density (`pdf`) belongs.")
class CdfForPdf(reference.GMM):
    def _e_step(self, X):
        columns = [cumulative(X, m, c) for m, c in zip(self.means, self.covariances, strict=True)]
        return normalised(self.weights * np.stack(columns, axis=1) + 1e-300)


@mistake("e_step", "You regularise the covariances far too strongly: add 1e-6 to the diagonal, or nothing.")
class StrongRegularisation(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights * gaussian(X, self.means, self.covariances + np.eye(X.shape[1])))


@mistake("e_step", "You add the regulariser to every entry of the covariance: only the diagonal may get it (`np.eye`).")
class RegularisedEverywhere(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights * gaussian(X, self.means, self.covariances + 0.3))


@mistake(
    "e_step", "The means and the covariances are paired in different orders: component k has mean k and covariance k."
)
class CovariancesReversed(reference.GMM):
    def _e_step(self, X):
        return normalised(self.weights * gaussian(X, self.means, self.covariances[::-1]))
