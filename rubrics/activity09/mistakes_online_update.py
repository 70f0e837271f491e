"""Wrong online updates."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.rubric import mistake

from . import reference

ITEM = "online_update"


class _Pieces(reference.GMM):
    """Stepwise EM in pieces, each a place to go wrong."""

    def soft(self, X: Any) -> Any:
        return self._e_step(X)

    def step(self) -> float:
        self.n_updates += 1
        return float((self.n_updates + 2) ** -0.6)

    def statistics(self, X: Any, r: Any) -> tuple[Any, Any, Any]:
        """Per point: share, weighted sum and weighted scatter about 0 of the batch, for each component."""
        return r.mean(axis=0), r.T @ X / len(X), np.einsum("nk,ni,nj->kij", r, X, X) / len(X)

    def held(self) -> tuple[Any, Any, Any]:
        """The same of the parameters."""
        m = self.means
        second = self.covariances + np.einsum("ki,kj->kij", m, m)
        return self.weights, self.weights[:, None] * m, self.weights[:, None, None] * second

    def blend(self, old: Any, new: Any, step: float) -> Any:
        return (1 - step) * old + step * new

    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        self.weights = s0 / s0.sum()
        self.means = s1 / s0[:, None]
        ridge = 1e-6 * np.eye(s1.shape[1])
        self.covariances = s2 / s0[:, None, None] - np.einsum("ki,kj->kij", self.means, self.means) + ridge

    def online_update(self, new_batch: Any) -> Any:
        X = np.asarray(new_batch, dtype=float)
        r = self.soft(X)
        step = self.step()
        pairs = zip(self.held(), self.statistics(X, r), strict=True)
        self.take(*(self.blend(old, new, step) for old, new in pairs))
        return self


@mistake(
    ITEM,
    "You keep all batches and fit again: update from the new batch and what was learned, without the old points.",
    replaces="GMM",
)
class KeepsAllBatches(_Pieces):
    def online_update(self, new_batch: Any) -> Any:
        self.batches = [*getattr(self, "batches", []), np.array(new_batch)]
        # Enough for what is to be shown: it learns, and its memory grows.
        self._m_step(recent := np.vstack(self.batches[-20:]), self._e_step(recent))
        return self


@mistake(
    ITEM, "You keep the responsibilities of all old points: what one batch adds has to be summed up.", replaces="GMM"
)
class KeepsAllResponsibilities(_Pieces):
    def online_update(self, new_batch: Any) -> Any:
        self.old = [*getattr(self, "old", []), self._e_step(np.asarray(new_batch))]
        return super().online_update(new_batch)


@mistake(ITEM, "Each batch replaces what was learned before: blend old and new statistics.", replaces="GMM")
class Overwrites(_Pieces):
    def step(self) -> float:
        return 1.0


@mistake(
    ITEM,
    "The method fits the model anew to the batch alone: continue from the parameters that are there.",
    replaces="GMM",
)
class FitsBatchAnew(_Pieces):
    def online_update(self, new_batch: Any) -> Any:
        self.max_iters = 3
        return self.fit(new_batch)


@mistake(ITEM, "Old and new are exchanged: the new batch gets the weight of all old ones.", replaces="GMM")
class StepTurned(_Pieces):
    def step(self) -> float:
        return 1 - super().step()


@mistake(
    ITEM,
    "The old statistics keep their full weight while the new ones are added, and are not normalised.",
    replaces="GMM",
)
class WeightsNotNormalised(_Pieces):
    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        super().take(s0, s1, s2)
        self.weights = self.weights * 1.5


@mistake(ITEM, "The responsibilities of the batch are not normalised: divide each row by its sum.", replaces="GMM")
class UnnormalisedResponsibilities(_Pieces):
    def soft(self, X: Any) -> Any:
        return self.weights * np.exp(self._log_density(X))

    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        super().take(s0, s1, s2)
        self.weights = s0


@mistake(
    ITEM,
    "A constant is added to the responsibilities before they are normalised: far points are shared equally.",
    replaces="GMM",
)
class ConstantAdded(_Pieces):
    def soft(self, X: Any) -> Any:
        joint = self.weights * np.exp(self._log_density(X)) + 0.02
        return joint / joint.sum(axis=1, keepdims=True)


@mistake(ITEM, "The weights are never updated.", replaces="GMM")
class WeightsFrozen(_Pieces):
    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        before = self.weights
        super().take(s0, s1, s2)
        self.weights = before


@mistake(ITEM, "The means are never updated.", replaces="GMM")
class MeansFrozen(_Pieces):
    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        before = self.means
        super().take(s0, s1, s2)
        self.means = before


@mistake(ITEM, "The covariances are never updated.", replaces="GMM")
class CovariancesFrozen(_Pieces):
    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        before = self.covariances
        super().take(s0, s1, s2)
        self.covariances = before


@mistake(ITEM, "Only the diagonals of the covariances are updated, the rest is 0.", replaces="GMM")
class DiagonalsOnly(_Pieces):
    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        super().take(s0, s1, s2)
        self.covariances = self.covariances * np.eye(self.covariances.shape[1])


@mistake(
    ITEM, "The mean's step is not divided by N_k: the weighted sum of the batch is taken for its mean.", replaces="GMM"
)
class MeanNotDivided(_Pieces):
    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        super().take(s0, s1, s2)
        self.means = s1


@mistake(ITEM, "The covariance's step is not divided by N_k: the scatter is taken for the covariance.", replaces="GMM")
class CovarianceNotDivided(_Pieces):
    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        super().take(s0, s1, s2)
        self.covariances = s0[:, None, None] * self.covariances


@mistake(ITEM, "The covariance lacks the subtraction of mean times mean: what you keep is E[x xᵀ].", replaces="GMM")
class SecondMoments(_Pieces):
    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        super().take(s0, s1, s2)
        self.covariances = s2 / s0[:, None, None]


@mistake(ITEM, "0.5 is added to the diagonal at every step, and adds up.", replaces="GMM")
class RidgeTooLarge(_Pieces):
    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        super().take(s0, s1, s2)
        self.covariances = self.covariances + 0.5 * np.eye(self.covariances.shape[1])


@mistake(ITEM, "The step is so small that hardly anything is learned from 300 batches.", replaces="GMM")
class StepTooSmall(_Pieces):
    def step(self) -> float:
        return 1e-4


@mistake(ITEM, "The step falls so fast (1/t²) that later batches have no effect.", replaces="GMM")
class StepFallsTooFast(_Pieces):
    def step(self) -> float:
        self.n_updates += 1
        return 0.1 / self.n_updates**2


@mistake(ITEM, "Only the first batch is learned from: the flag that says so is never taken back.", replaces="GMM")
class FirstBatchOnly(_Pieces):
    def online_update(self, new_batch: Any) -> Any:
        return self if self.n_updates > 0 else super().online_update(new_batch)


@mistake(ITEM, "Only the first point of each batch is used.", replaces="GMM")
class FirstPointOnly(_Pieces):
    def step(self) -> float:
        return super().step() / 50

    def online_update(self, new_batch: Any) -> Any:
        return super().online_update(np.asarray(new_batch)[:1])


@mistake(ITEM, "The new parameters are computed but not kept on the object.", replaces="GMM")
class NothingKept(_Pieces):
    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        pass


@mistake(
    ITEM, "The update moves away from the batch: the new minus the old, not the old minus the new.", replaces="GMM"
)
class WrongDirection(_Pieces):
    def take(self, s0: Any, s1: Any, s2: Any) -> None:
        before = self.means
        super().take(s0, s1, s2)
        self.means = 2 * before - self.means
