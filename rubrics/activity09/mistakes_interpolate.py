"""Wrong walks through the latent space."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.rubric import mistake

from . import reference


class _Walk(reference.LatentSpaceExplorer):
    """The explorer with the walk in pieces."""

    def alphas(self, num_steps: int) -> Any:
        return np.linspace(0, 1, num_steps)

    def mix(self, z1: Any, z2: Any, alpha: float) -> Any:
        return (1 - alpha) * z1 + alpha * z2

    def interpolate(self, z1: Any, z2: Any, num_steps: int = 10) -> Any:
        return np.array([self.model.decode(self.mix(z1, z2, alpha)) for alpha in self.alphas(num_steps)])


EXPLORER = "LatentSpaceExplorer"


@mistake(
    "interpolate", "The walk goes from `z2` to `z1`: weigh `z1` with 1 - alpha and `z2` with alpha.", replaces=EXPLORER
)
class EndsSwapped(_Walk):
    def mix(self, z1: Any, z2: Any, alpha: float) -> Any:
        return alpha * z1 + (1 - alpha) * z2


@mistake("interpolate", "`z2` itself is left out: use `np.linspace(0, 1, num_steps)` with its end.", replaces=EXPLORER)
class EndLeftOut(_Walk):
    def alphas(self, num_steps: int) -> Any:
        return np.arange(num_steps) / num_steps


@mistake("interpolate", "`z1` itself is left out: alpha starts at 0.", replaces=EXPLORER)
class StartLeftOut(_Walk):
    def alphas(self, num_steps: int) -> Any:
        return np.arange(1, num_steps + 1) / num_steps


@mistake("interpolate", "Both ends are left out: alpha runs from 0 to 1, both included.", replaces=EXPLORER)
class BothEndsLeftOut(_Walk):
    def alphas(self, num_steps: int) -> Any:
        return np.linspace(0, 1, num_steps + 2)[1:-1]


@mistake(
    "interpolate", "There is one step too many: `num_steps` counts the points, both ends included.", replaces=EXPLORER
)
class OneStepTooMany(_Walk):
    def alphas(self, num_steps: int) -> Any:
        return np.linspace(0, 1, num_steps + 1)


@mistake(
    "interpolate", "There is one step too few: `num_steps` counts the points, both ends included.", replaces=EXPLORER
)
class OneStepTooFew(_Walk):
    def alphas(self, num_steps: int) -> Any:
        return np.linspace(0, 1, num_steps - 1)


@mistake("interpolate", "`num_steps` is ignored: the walk has 10 steps whatever is asked.", replaces=EXPLORER)
class StepsIgnored(_Walk):
    def alphas(self, num_steps: int) -> Any:
        return np.linspace(0, 1, 10)


@mistake("interpolate", "alpha runs over whole numbers; it has to run from 0 to 1.", replaces=EXPLORER)
class AlphasNotScaled(_Walk):
    def alphas(self, num_steps: int) -> Any:
        return np.arange(num_steps)


@mistake("interpolate", "The steps are not evenly spaced: use alpha itself, not its square.", replaces=EXPLORER)
class AlphaSquared(_Walk):
    def alphas(self, num_steps: int) -> Any:
        return np.linspace(0, 1, num_steps) ** 2


@mistake("interpolate", "The steps are eased in and out; linear interpolation has even steps.", replaces=EXPLORER)
class SmoothSteps(_Walk):
    def alphas(self, num_steps: int) -> Any:
        t = np.linspace(0, 1, num_steps)
        return t * t * (3 - 2 * t)


@mistake("interpolate", "The steps are drawn at random; they are to be evenly spaced.", replaces=EXPLORER)
class RandomSteps(_Walk):
    def alphas(self, num_steps: int) -> Any:
        return np.sort(np.random.default_rng(0).uniform(size=num_steps))


@mistake(
    "interpolate",
    "`z1` keeps its full weight: it has to fade by 1 - alpha while `z2` comes in by alpha.",
    replaces=EXPLORER,
)
class FirstNotFaded(_Walk):
    def mix(self, z1: Any, z2: Any, alpha: float) -> Any:
        return z1 + alpha * z2


@mistake("interpolate", "You fade `z1` but always add all of `z2`: multiply it by alpha.", replaces=EXPLORER)
class SecondNotFaded(_Walk):
    def mix(self, z1: Any, z2: Any, alpha: float) -> Any:
        return (1 - alpha) * z1 + z2


@mistake("interpolate", "You walk along z1 - z2, away from `z2`: the direction is z2 - z1.", replaces=EXPLORER)
class WrongDirection(_Walk):
    def mix(self, z1: Any, z2: Any, alpha: float) -> Any:
        return z1 + alpha * (z1 - z2)


@mistake(
    "interpolate",
    "You interpolate along the sphere; asked for is the straight line (1 - alpha) * z1 + alpha * z2.",
    replaces=EXPLORER,
)
class AlongTheSphere(_Walk):
    def mix(self, z1: Any, z2: Any, alpha: float) -> Any:
        angle = np.arccos(np.clip(z1 @ z2 / (np.linalg.norm(z1) * np.linalg.norm(z2)), -1, 1))
        return (np.sin((1 - alpha) * angle) * z1 + np.sin(alpha * angle) * z2) / np.sin(angle)


@mistake(
    "interpolate",
    "Each code is scaled to length 1 before it is decoded; decode the mixture as it is.",
    replaces=EXPLORER,
)
class CodesNormalised(_Walk):
    def mix(self, z1: Any, z2: Any, alpha: float) -> Any:
        z = super().mix(z1, z2, alpha)
        return z / np.linalg.norm(z)


@mistake("interpolate", "The latent codes come back undecoded: give each to `self.model.decode`.", replaces=EXPLORER)
class NotDecoded(_Walk):
    def interpolate(self, z1: Any, z2: Any, num_steps: int = 10) -> Any:
        return np.array([self.mix(z1, z2, alpha) for alpha in self.alphas(num_steps)])


@mistake(
    "interpolate",
    "You decode the two ends and mix the images; mix the codes, then decode each mixture.",
    replaces=EXPLORER,
)
class ImagesMixed(_Walk):
    def interpolate(self, z1: Any, z2: Any, num_steps: int = 10) -> Any:
        first, last = self.model.decode(z1), self.model.decode(z2)
        return np.array([self.mix(first, last, alpha) for alpha in self.alphas(num_steps)])


@mistake("interpolate", "The images are drawn but not returned: collect them and return them.", replaces=EXPLORER)
class NothingReturned(_Walk):
    def interpolate(self, z1: Any, z2: Any, num_steps: int = 10) -> None:
        super().interpolate(z1, z2, num_steps)


@mistake("interpolate", "The method is still empty.", replaces=EXPLORER)
class LeftEmpty(_Walk):
    def interpolate(self, z1: Any, z2: Any, num_steps: int = 10) -> None:
        pass


@mistake("interpolate", "The `return` stands inside the loop, so only the first image comes back.", replaces=EXPLORER)
class ReturnInsideLoop(_Walk):
    def interpolate(self, z1: Any, z2: Any, num_steps: int = 10) -> Any:
        return super().interpolate(z1, z2, num_steps)[0]


@mistake("interpolate", "Only the last image is kept: append each image to a list.", replaces=EXPLORER)
class LastOnly(_Walk):
    def interpolate(self, z1: Any, z2: Any, num_steps: int = 10) -> Any:
        return super().interpolate(z1, z2, num_steps)[-1]


@mistake("interpolate", "Every image is `z1` decoded: decode the mixture, not `z1`.", replaces=EXPLORER)
class FirstCodeDecoded(_Walk):
    def mix(self, z1: Any, z2: Any, alpha: float) -> Any:
        return z1


@mistake(
    "interpolate", "Noise is added to the codes, so the walk differs each time and misses its ends.", replaces=EXPLORER
)
class NoisyCodes(_Walk):
    def mix(self, z1: Any, z2: Any, alpha: float) -> Any:
        return super().mix(z1, z2, alpha) + 0.3 * np.random.default_rng(1).standard_normal(np.shape(z1))


@mistake(
    "interpolate",
    "Without `num_steps` the walk should have 10 steps: keep the default of the signature.",
    replaces=EXPLORER,
)
class DefaultChanged(_Walk):
    def interpolate(self, z1: Any, z2: Any, num_steps: int = 5) -> Any:
        return super().interpolate(z1, z2, num_steps)


@mistake(
    "interpolate", "Your explorer reads a decoder from a variable of the notebook; use `self.model`.", replaces=EXPLORER
)
class GlobalDecoder(_Walk):
    def interpolate(self, z1: Any, z2: Any, num_steps: int = 10) -> Any:
        return [vae.decode(self.mix(z1, z2, alpha)) for alpha in self.alphas(num_steps)]  # type: ignore[name-defined]  # noqa: F821
