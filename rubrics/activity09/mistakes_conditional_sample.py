"""Wrong conditional samplers."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.model import AnswerStatus
from grader.rubric import mistake

from . import reference

ITEM = "conditional_sample"


class _Pieces(reference.GMM):
    """Conditional sampling in pieces, each a place to go wrong. ``u`` and ``k``: unknown and known indices."""

    def split(self, condition: Any) -> tuple[Any, Any, Any]:
        values = np.full(np.shape(self.means)[1], np.nan)
        if isinstance(condition, dict):
            for index, value in condition.items():
                values[index] = value
        else:
            values[:] = np.asarray(condition, dtype=float)
        return values, np.flatnonzero(np.isnan(values)), np.flatnonzero(~np.isnan(values))

    def density(self, d: Any, C: Any) -> float:
        return float(np.exp(-0.5 * d @ np.linalg.solve(C, d)) / np.sqrt(np.linalg.det(2 * np.pi * C)))

    def posterior(self, x: Any, k: Any) -> Any:
        pairs = zip(self.means, self.covariances, strict=True)
        joint = self.weights * [self.density(x - m[k], C[np.ix_(k, k)]) for m, C in pairs]
        return joint / joint.sum()

    def mean(self, m: Any, C: Any, x: Any, u: Any, k: Any) -> Any:
        return m[u] + C[np.ix_(u, k)] @ np.linalg.solve(C[np.ix_(k, k)], x - m[k])

    def covariance(self, C: Any, u: Any, k: Any) -> Any:
        return C[np.ix_(u, u)] - C[np.ix_(u, k)] @ np.linalg.solve(C[np.ix_(k, k)], C[np.ix_(k, u)])

    def noise(self, C: Any, n: int) -> Any:
        return self.rng.standard_normal((n, len(C))) @ np.linalg.cholesky(C).T

    def choose(self, p: Any, n: int) -> Any:
        return self.rng.choice(len(p), size=n, p=p)

    def conditional_sample(self, condition: Any, n_samples: int) -> Any:
        values, u, k = self.split(condition)
        samples = np.tile(values, (n_samples, 1))
        chosen = self.choose(self.posterior(values[k], k), n_samples)
        for j in np.unique(chosen):
            rows = np.flatnonzero(chosen == j)
            mean = self.mean(self.means[j], self.covariances[j], values[k], u, k)
            samples[np.ix_(rows, u)] = mean + self.noise(self.covariance(self.covariances[j], u, k), len(rows))
        return samples


@mistake(
    ITEM,
    "You choose the component by its weight alone; given the known part it is weight times density there.",
    replaces="GMM",
)
class WeightsNotConditioned(_Pieces):
    def posterior(self, x: Any, k: Any) -> Any:
        return self.weights


@mistake(ITEM, "You choose the component by the density alone: multiply it by the component's weight.", replaces="GMM")
class PriorForgotten(_Pieces):
    def posterior(self, x: Any, k: Any) -> Any:
        joint = super().posterior(x, k) / self.weights
        return joint / joint.sum()


@mistake(
    ITEM,
    "A root is taken of the weights given the known part: weight times density, divided by their sum, are the chances.",
    replaces="GMM",
)
class RootOfPosterior(_Pieces):
    def posterior(self, x: Any, k: Any) -> Any:
        root = np.sqrt(super().posterior(x, k))
        return root / root.sum()


@mistake(
    ITEM, "You choose the components with equal chances; given the known part their chances differ.", replaces="GMM"
)
class ComponentsUniform(_Pieces):
    def posterior(self, x: Any, k: Any) -> Any:
        return np.full(len(self.weights), 1 / len(self.weights))


@mistake(
    ITEM, "All draws come from one component: draw it anew for each sample, by its posterior weight.", replaces="GMM"
)
class LikeliestComponentOnly(_Pieces):
    def posterior(self, x: Any, k: Any) -> Any:
        return np.eye(len(self.weights))[np.argmax(super().posterior(x, k))]


@mistake(
    ITEM, "You take the component with the largest weight; the known part decides which one it is.", replaces="GMM"
)
class HeaviestComponentOnly(_Pieces):
    def posterior(self, x: Any, k: Any) -> Any:
        return np.eye(len(self.weights))[np.argmax(self.weights)]


@mistake(
    ITEM,
    "All draws come from the component whose mean is nearest to the known part: draw it anew for each sample, by its "
    "posterior weight.",
    replaces="GMM",
)
class NearestComponentOnly(_Pieces):
    def posterior(self, x: Any, k: Any) -> Any:
        distances = [np.linalg.norm(x - m[k]) for m in self.means]
        return np.eye(len(self.weights))[np.argmin(distances)]


@mistake(ITEM, "The density of the known part lacks its determinant, which differs between components.", replaces="GMM")
class DeterminantForgotten(_Pieces):
    def density(self, d: Any, C: Any) -> float:
        return float(np.exp(-0.5 * d @ np.linalg.solve(C, d)))


@mistake(ITEM, "The exponent of the density of the known part lacks its factor 1/2.", replaces="GMM")
class HalfForgotten(_Pieces):
    def density(self, d: Any, C: Any) -> float:
        return float(np.exp(-d @ np.linalg.solve(C, d)) / np.sqrt(np.linalg.det(2 * np.pi * C)))


@mistake(ITEM, "You use the variance of the known part as a standard deviation in its density.", replaces="GMM")
class VarianceAsDeviation(_Pieces):
    def density(self, d: Any, C: Any) -> float:
        return super().density(d, C @ C)


@mistake(ITEM, "The conditional mean lacks the regression term C_uk C_kk^-1 (known - m_k).", replaces="GMM")
class RegressionForgotten(_Pieces):
    def mean(self, m: Any, C: Any, x: Any, u: Any, k: Any) -> Any:
        return m[u]


@mistake(ITEM, "The regression term has the wrong sign: it is C_uk C_kk^-1 (known - m_k).", replaces="GMM")
class RegressionSign(_Pieces):
    def mean(self, m: Any, C: Any, x: Any, u: Any, k: Any) -> Any:
        return 2 * m[u] - super().mean(m, C, x, u, k)


@mistake(ITEM, "The regression term lacks the inverse of the known block: C_uk C_kk^-1 (known - m_k).", replaces="GMM")
class RegressionWithoutInverse(_Pieces):
    def mean(self, m: Any, C: Any, x: Any, u: Any, k: Any) -> Any:
        return m[u] + C[np.ix_(u, k)] @ (x - m[k])


@mistake(ITEM, "You multiply by the known block where its inverse belongs.", replaces="GMM")
class RegressionTimesBlock(_Pieces):
    def mean(self, m: Any, C: Any, x: Any, u: Any, k: Any) -> Any:
        return m[u] + C[np.ix_(u, k)] @ C[np.ix_(k, k)] @ (x - m[k])


@mistake(
    ITEM,
    "The regression term multiplies the known value itself; subtract the component's mean from it first.",
    replaces="GMM",
)
class KnownNotCentred(_Pieces):
    def mean(self, m: Any, C: Any, x: Any, u: Any, k: Any) -> Any:
        return m[u] + C[np.ix_(u, k)] @ np.linalg.solve(C[np.ix_(k, k)], x)


@mistake(ITEM, "You regress with the unknown block in place of the known one.", replaces="GMM")
class RegressionByUnknownBlock(_Pieces):
    def mean(self, m: Any, C: Any, x: Any, u: Any, k: Any) -> Any:
        return m[u] + np.diag(1 / np.diag(C)[u]) @ C[np.ix_(u, k)] @ (x - m[k])


@mistake(ITEM, "The conditional covariance is left at its marginal block: subtract C_uk C_kk^-1 C_ku.", replaces="GMM")
class CovarianceNotReduced(_Pieces):
    def covariance(self, C: Any, u: Any, k: Any) -> Any:
        return C[np.ix_(u, u)]


@mistake(
    ITEM, "C_uk C_kk^-1 C_ku is added to the covariance; subtract it: knowing more leaves less spread.", replaces="GMM"
)
class CovarianceEnlarged(_Pieces):
    def covariance(self, C: Any, u: Any, k: Any) -> Any:
        return 2 * C[np.ix_(u, u)] - super().covariance(C, u, k)


@mistake(
    ITEM, "You draw with the variance where the standard deviation (or a Cholesky factor) belongs.", replaces="GMM"
)
class VarianceForDeviation(_Pieces):
    def noise(self, C: Any, n: int) -> Any:
        return self.rng.standard_normal((n, len(C))) @ C


@mistake(ITEM, "You give the standard deviation where the covariance belongs.", replaces="GMM")
class DeviationForVariance(_Pieces):
    def noise(self, C: Any, n: int) -> Any:
        return super().noise(np.diag(np.sqrt(np.diag(C))), n)


@mistake(
    ITEM,
    "You draw the unknown coordinates one by one; given the known part they are correlated: draw them together.",
    replaces="GMM",
)
class UnknownIndependent(_Pieces):
    def noise(self, C: Any, n: int) -> Any:
        return super().noise(np.diag(np.diag(C)), n)


@mistake(
    ITEM,
    "The Cholesky factor stands on the wrong side: with one draw in each row it is `noise @ L.T`.",
    replaces="GMM",
)
class FactorTransposed(_Pieces):
    def noise(self, C: Any, n: int) -> Any:
        return self.rng.standard_normal((n, len(C))) @ np.linalg.cholesky(C)


@mistake(ITEM, "All draws are the conditional means: add noise with the conditional covariance.", replaces="GMM")
class MeansOnly(_Pieces):
    def noise(self, C: Any, n: int) -> Any:
        return np.zeros((n, len(C)))


@mistake(ITEM, "The noise has the variance 1 whatever the covariance says.", replaces="GMM")
class UnitNoise(_Pieces):
    def noise(self, C: Any, n: int) -> Any:
        return self.rng.standard_normal((n, len(C)))


@mistake(ITEM, "The noise is uniform; it has to be Gaussian.", replaces="GMM")
class UniformNoise(_Pieces):
    def noise(self, C: Any, n: int) -> Any:
        return self.rng.uniform(-np.sqrt(3), np.sqrt(3), (n, len(C))) @ np.linalg.cholesky(C).T


@mistake(ITEM, "One draw is repeated n_samples times: draw each one anew.", replaces="GMM")
class OneDrawRepeated(_Pieces):
    def noise(self, C: Any, n: int) -> Any:
        return np.tile(super().noise(C, 1), (n, 1))


@mistake(ITEM, "You condition on the wrong coordinate: known and unknown are exchanged.", replaces="GMM")
class WrongCoordinate(_Pieces):
    def split(self, condition: Any) -> tuple[Any, Any, Any]:
        values, u, k = super().split(condition)
        turned = np.full(len(values), np.nan)
        turned[u[: len(k)]] = values[k[: len(u)]]
        return turned, np.flatnonzero(np.isnan(turned)), np.flatnonzero(~np.isnan(turned))


@mistake(ITEM, "The condition has no effect: these are draws of the whole mixture.", replaces="GMM")
class ConditionIgnored(_Pieces):
    def conditional_sample(self, condition: Any, n_samples: int) -> Any:
        return self.sample(n_samples)


@mistake(
    ITEM,
    "You draw from the whole mixture and overwrite the known column: the others must follow the known value.",
    replaces="GMM",
)
class KnownOverwritten(_Pieces):
    def conditional_sample(self, condition: Any, n_samples: int) -> Any:
        values, _, k = self.split(condition)
        samples = self.sample(n_samples)
        samples[:, k] = values[k]
        return samples


@mistake(ITEM, "The known coordinate is drawn as well; it has to stay at its value.", replaces="GMM")
class KnownNotHeld(_Pieces):
    def conditional_sample(self, condition: Any, n_samples: int) -> Any:
        samples = super().conditional_sample(condition, n_samples)
        _, _, k = self.split(condition)
        spread = np.sqrt(np.mean([np.diag(C)[k] for C in self.covariances], axis=0))
        samples[:, k] += spread * self.rng.standard_normal((n_samples, len(k)))
        return samples


@mistake(
    ITEM,
    "You average the components' conditional means and covariances into one Gaussian; draw a component each time.",
    replaces="GMM",
)
class ComponentsAveraged(_Pieces):
    def conditional_sample(self, condition: Any, n_samples: int) -> Any:
        values, u, k = self.split(condition)
        p = self.posterior(values[k], k)
        pairs = list(zip(self.means, self.covariances, strict=True))
        mean = sum(w * self.mean(m, C, values[k], u, k) for w, (m, C) in zip(p, pairs, strict=True))
        spread = sum(w * self.covariance(C, u, k) for w, (_, C) in zip(p, pairs, strict=True))
        samples = np.tile(values, (n_samples, 1))
        samples[:, u] = mean + self.noise(spread, n_samples)
        return samples


@mistake(
    ITEM,
    "You keep draws from a wide band around the condition: the band has to be narrow, or use the formula.",
    replaces="GMM",
)
class WideBand(_Pieces):
    def conditional_sample(self, condition: Any, n_samples: int) -> Any:
        values, _, k = self.split(condition)
        drawn = self.sample(80 * n_samples)
        band = np.sqrt(np.max([np.diag(C)[k] for C in self.covariances], axis=0))
        near = drawn[np.all(np.abs(drawn[:, k] - values[k]) < band, axis=1)]
        samples = near[np.arange(n_samples) % max(1, len(near))].copy()
        samples[:, k] = values[k]
        return samples


@mistake(ITEM, "The method returns a single draw; return n_samples rows.", replaces="GMM")
class SingleDraw(_Pieces):
    def conditional_sample(self, condition: Any, n_samples: int) -> Any:
        return super().conditional_sample(condition, 1)[0]


@mistake(ITEM, "The method returns the parameters of the conditional law; draw from it.", replaces="GMM")
class LawReturned(_Pieces):
    def conditional_sample(self, condition: Any, n_samples: int) -> Any:
        values, u, k = self.split(condition)
        pairs = list(zip(self.means, self.covariances, strict=True))
        return np.array([self.mean(m, C, values[k], u, k) for m, C in pairs])


@mistake(ITEM, "The method returns nothing: it is still empty, or its `return` is missing.", replaces="GMM")
class NothingReturned(_Pieces):
    def conditional_sample(self, condition: Any, n_samples: int) -> Any:
        return None


@mistake(
    ITEM,
    "You wait for a draw that has exactly the known value: that never happens. Use the conditional law.",
    replaces="GMM",
    outcome=AnswerStatus.TIMEOUT,
)
class WaitsForExactValue(_Pieces):
    def conditional_sample(self, condition: Any, n_samples: int) -> Any:
        values, _, k = self.split(condition)
        kept: list[Any] = []
        while len(kept) < n_samples:
            kept += [row for row in self.sample(1000) if np.array_equal(row[k], values[k])]
        return np.array(kept)
