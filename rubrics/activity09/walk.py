"""A decoder's parameters, and readers for what the latent space explorer made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from grader.compare import count_lost, describe, numbers, same_tree
from grader.model import Tree
from grader.rubric import Read

Array = npt.NDArray[Any]

LATENT, PIXELS = 5, 64


def decoder_parameters(rng: np.random.Generator) -> dict[str, Array]:
    """A bent map from 5 latent numbers to 64 pixels: halfway between two images is not the image halfway."""
    return {
        "first": rng.normal(scale=0.6, size=(PIXELS, LATENT)),
        "shift": rng.normal(scale=0.5, size=PIXELS),
        "second": rng.normal(scale=0.35, size=(PIXELS, LATENT)),
    }


def two_codes(rng: np.random.Generator) -> tuple[Array, Array]:
    """Two latent codes that are neither near one another nor near 0."""
    z1 = rng.choice([-1, 1], size=LATENT) * rng.uniform(0.6, 1.6, size=LATENT)
    step = rng.choice([-1, 1], size=LATENT) * rng.uniform(0.8, 1.8, size=LATENT)
    return z1, z1 + step


def walked(value: Tree, inputs: Mapping[str, Tree]) -> Read:
    """{"images": (n, 64) or None, "codes": (n, 5) or None, "got": what came back in words, "asked": (m, 5)}."""
    returned, notes = value["returned"], ()
    images, where = _images(returned)
    if where:
        notes = (where,)
    codes = None
    array = numbers(returned)
    if images is None and array is not None and array.size and array.size % LATENT == 0 and array.shape[-1] == LATENT:
        codes = np.asarray(array, dtype=float).reshape(-1, LATENT)
    asked = numbers(value.get("asked"))
    asked = np.asarray(asked, dtype=float) if asked is not None and asked.ndim == 2 else np.empty((0, LATENT))
    return Read({"images": images, "codes": codes, "got": describe(returned), "asked": asked}, notes)


def _images(returned: Tree) -> tuple[Array | None, str]:
    for part, where in _parts(returned):
        array = numbers(part)
        if array is None or array.ndim == 0 or array.size == 0 or array.dtype.kind == "c":
            continue
        pixels = int(np.prod(array.shape[1:])) if array.ndim > 1 else array.size
        if array.size % PIXELS == 0 and (pixels % PIXELS == 0 or array.size == PIXELS):
            return np.asarray(array, dtype=float).reshape(-1, PIXELS), where
    return None, ""


def _parts(value: Tree) -> Iterator[tuple[Tree, str]]:
    """The value, what it holds, what each of its entries holds at one place, and at last what an entry alone holds."""
    yield value, ""
    inner = _held(value)
    where = f"Your images were found in the {type(value).__name__} that your method returned."
    yield from ((part, where) for part in inner)
    yield from ((column, where) for column in _columns(inner))
    yield from ((part, where) for entry in inner for part in _held(entry))


def _held(value: Tree) -> list[Tree]:
    if not isinstance(value, list | tuple | dict) or len(value) > 50:
        return []
    return list(value.values()) if isinstance(value, dict) else list(value)


def _columns(entries: list[Tree]) -> list[list[Tree]]:
    """Of pairs (or dicts) such as code and image the codes, then the images; nothing where entries differ in kind."""
    rows = [_held(entry) for entry in entries]
    kinds = {tuple(entry) if isinstance(entry, dict) else len(row) for entry, row in zip(entries, rows, strict=True)}
    return [list(column) for column in zip(*rows, strict=True)] if len(kinds) == 1 else []


def same_walk(answer: Tree, mistaken: Tree, inputs: Mapping[str, Tree]) -> bool:
    """Alike when the images are; where there are none, when the same codes or kind of thing came back."""
    if isinstance(answer, list) and isinstance(mistaken, list):
        return len(answer) == len(mistaken) and all(
            same_walk(a, b, inputs) for a, b in zip(answer, mistaken, strict=True)
        )
    a, b = (one["images"] if one["images"] is not None else one["codes"] for one in (answer, mistaken))
    if a is None or b is None:
        alike = answer["got"] == mistaken["got"] and (len(answer["asked"]) > 0) == (len(mistaken["asked"]) > 0)
        return a is None and b is None and bool(alike)
    return same_tree(a, b, rtol=1e-5, atol=1e-6)


def off_by(answer: Tree, expected: Tree, inputs: Mapping[str, Tree]) -> float:
    """For the power guard: how far a mistake's images are from the reference's, infinite where none can be compared."""
    a, b = answer["images"], expected["images"]
    if a is None or a.shape != b.shape or count_lost(a):
        return float("inf")
    return float(np.max(np.abs(a - b)))
