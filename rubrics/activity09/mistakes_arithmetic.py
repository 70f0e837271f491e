"""Wrong latent arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.rubric import mistake

from . import reference

EXPLORER = "LatentSpaceExplorer"


class _Sum(reference.LatentSpaceExplorer):
    """The explorer with the sum as a piece of its own."""

    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return z_base + alpha * z_attribute

    def arithmetic(self, z_base: Any, z_attribute: Any, alpha: float = 1.0) -> Any:
        return self.model.decode(self.combine(z_base, z_attribute, alpha))


@mistake("arithmetic", "`alpha` has no effect: multiply the attribute by it.", replaces=EXPLORER)
class AlphaIgnored(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return z_base + z_attribute


@mistake("arithmetic", "The attribute has no effect: add `alpha * z_attribute` to the base.", replaces=EXPLORER)
class AttributeIgnored(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return z_base


@mistake("arithmetic", "You add `alpha` itself to the code; add `alpha * z_attribute`.", replaces=EXPLORER)
class AlphaAdded(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return z_base + alpha


@mistake("arithmetic", "The attribute is subtracted; add it.", replaces=EXPLORER)
class AttributeSubtracted(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return z_base - alpha * z_attribute


@mistake("arithmetic", "Base and attribute are exchanged: `alpha` scales the attribute.", replaces=EXPLORER)
class RolesExchanged(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return alpha * z_base + z_attribute


@mistake("arithmetic", "`alpha` scales the whole sum; it should scale the attribute only.", replaces=EXPLORER)
class WholeSumScaled(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return alpha * (z_base + z_attribute)


@mistake(
    "arithmetic", "You interpolate between base and attribute; the base keeps its full weight here.", replaces=EXPLORER
)
class InterpolatedInstead(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return (1 - alpha) * z_base + alpha * z_attribute


@mistake("arithmetic", "`alpha` enters squared.", replaces=EXPLORER)
class AlphaSquared(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return z_base + alpha**2 * z_attribute


@mistake("arithmetic", "A negative `alpha` takes the attribute away: do not use its absolute value.", replaces=EXPLORER)
class AbsoluteAlpha(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return z_base + abs(alpha) * z_attribute


@mistake("arithmetic", "`alpha` is cut to 0..1; it may be negative or above 1.", replaces=EXPLORER)
class AlphaClipped(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return z_base + float(np.clip(alpha, 0, 1)) * z_attribute


@mistake("arithmetic", "`alpha` is cut to a whole number: use it as it is.", replaces=EXPLORER)
class AlphaWhole(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return z_base + int(alpha) * z_attribute


@mistake(
    "arithmetic",
    "An `alpha` of 0 is taken for a missing one (`alpha or 1.0`): then nothing should be added.",
    replaces=EXPLORER,
)
class ZeroAsDefault(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return z_base + (alpha or 1.0) * z_attribute


@mistake("arithmetic", "The attribute is scaled to length 1 first; add it as it is.", replaces=EXPLORER)
class AttributeNormalised(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return z_base + alpha * z_attribute / np.linalg.norm(z_attribute)


@mistake("arithmetic", "Only the attribute is decoded: add it to the base first.", replaces=EXPLORER)
class BaseForgotten(_Sum):
    def combine(self, z_base: Any, z_attribute: Any, alpha: float) -> Any:
        return alpha * z_attribute


@mistake("arithmetic", "The latent code comes back undecoded: give it to `self.model.decode`.", replaces=EXPLORER)
class NotDecoded(_Sum):
    def arithmetic(self, z_base: Any, z_attribute: Any, alpha: float = 1.0) -> Any:
        return self.combine(z_base, z_attribute, alpha)


@mistake(
    "arithmetic",
    "You decode base and attribute and add the images; add the codes, then decode the sum.",
    replaces=EXPLORER,
)
class ImagesAdded(_Sum):
    def arithmetic(self, z_base: Any, z_attribute: Any, alpha: float = 1.0) -> Any:
        return self.model.decode(z_base) + alpha * self.model.decode(z_attribute)


@mistake("arithmetic", "The image is made but not returned.", replaces=EXPLORER)
class NothingReturned(_Sum):
    def arithmetic(self, z_base: Any, z_attribute: Any, alpha: float = 1.0) -> None:
        self.model.decode(self.combine(z_base, z_attribute, alpha))


@mistake("arithmetic", "Without `alpha` the attribute is to be added once: keep the default 1.0.", replaces=EXPLORER)
class DefaultChanged(_Sum):
    def arithmetic(self, z_base: Any, z_attribute: Any, alpha: float = 0.5) -> Any:
        return self.model.decode(self.combine(z_base, z_attribute, alpha))


@mistake("arithmetic", "The method is still empty.", replaces=EXPLORER)
class LeftEmpty(_Sum):
    def arithmetic(self, z_base: Any, z_attribute: Any, alpha: float = 1.0) -> None:
        pass
