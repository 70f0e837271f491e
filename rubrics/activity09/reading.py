"""Readers: bring what solutions return and store into one form. They run on the trusted side, on data alone.

An object's attributes (its *state*) come as a dict under the student's own names; `parameters_from` finds the
mixture's parameters in it under any of the names of the rubric file, in any usual layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from grader.compare import describe, numbers
from grader.rubric import Read, Unreadable
from grader.worker.lookup import logs_known_as, pick

Array = NDArray[np.float64]
PARAMETERS = ("weights", "means", "covariances")


@cache
def names() -> dict[str, tuple[str, ...]]:
    """Canonical name -> the other names that the rubric file lists for it."""
    data = yaml.safe_load((Path(__file__).parent / "rubric.yaml").read_text(encoding="utf-8"))
    return {name: tuple(others) for name, others in data["names"].items()}


# --- responsibilities -----------------------------------------------------------------------


def posterior(value: Any, inputs: Mapping[str, Any]) -> Read:
    """Responsibilities from ``{"returned", "state"}``: an array, a tuple or dict that holds one, or one kept on self.

    ``inputs`` has ``X`` (N, D) and ``params``. An array of another shape is handed on as it is, for the checks to
    tell. Raises Unreadable when nothing two-dimensional is to be found.
    """
    shape = (len(inputs["X"]), len(inputs["params"]["weights"]))
    returned, state = value["returned"], value["state"]
    # Data that the object keeps may have the same shape.
    state = {name: kept for name, kept in state.items() if not same_as(kept, inputs["X"])}
    found = _responsibilities_in(returned, state, shape)
    if found is None:
        raise Unreadable(
            f"Your E-step returned {describe(returned)}; expected an array of shape {shape}: one row per point, "
            "one column per component.",
            "End `_e_step` with `return responsibilities`.",
        )
    array, notes = found
    if array.shape == shape and _are_logs(array):
        return Read(np.exp(array), (*notes, "your E-step returns logarithms of the responsibilities; they were taken"))
    return Read(array, notes)


def _responsibilities_in(
    returned: Any, state: Mapping[str, Any], shape: tuple[int, int]
) -> tuple[Array, tuple[str, ...]] | None:
    whole = floats(returned)
    if whole is not None and whole.shape == shape:
        return whole, ()
    beside = _likeliest(parts(returned), shape)
    if beside is not None:
        return beside[1], (f"found your responsibilities in {beside[0]} of what the E-step returned",)
    kept = _likeliest(state.items(), shape)
    if kept is not None:
        return kept[1], (f"found your responsibilities on the object, under `{kept[0]}`",)
    if whole is not None and whole.ndim == 2:
        return whole, ()
    squeezed = None if whole is None or whole.ndim < 2 else np.squeeze(whole)
    if squeezed is not None and squeezed.shape == shape:
        return squeezed, (f"your E-step returned an array of shape {whole.shape}",) if whole is not None else ()
    return None


def _likeliest(places: Iterable[tuple[str, Any]], shape: tuple[int, int]) -> tuple[str, Array] | None:
    """The first array of the shape that is normalised, else the first; joint densities often stand beside."""
    fitting = [(where, array) for where, part in places if (array := floats(part)) is not None and array.shape == shape]
    normalised = (one for one in fitting if _rows_sum_to_one(one[1]) or _are_logs(one[1]))
    return next(normalised, fitting[0] if fitting else None)


def _rows_sum_to_one(array: Array) -> bool:
    return bool(array.size and np.max(np.abs(array.sum(axis=1) - 1.0)) < 1e-3 and np.min(array) >= 0.0)


def _are_logs(array: Array) -> bool:
    if not array.size or np.isnan(array).any() or array.max() > 1e-9:
        return False
    return bool(np.max(np.abs(np.exp(array).sum(axis=1) - 1.0)) < 1e-6)


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    """(where, part) of each part of a tuple, list or dict, one level deep."""
    ordinals = ("the first element", "the second element", "the third element", "the fourth element")
    if isinstance(value, dict):
        for key, part in value.items():
            yield f'["{key}"]', part
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value[:8]):
            yield ordinals[index] if index < len(ordinals) else f"element {index + 1}", part


# --- parameters -----------------------------------------------------------------------------


def parameters_from(state: Mapping[str, Any], *wanted: str, K: int, D: int) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The parameters in an object's state, canonical where their sizes allow, and where they were found.

    A parameter that is not there is left out. One whose layout can't be made out stays as it is.
    """
    found: dict[str, Any] = {}
    notes: list[str] = []
    for name in wanted or PARAMETERS:
        place = _find(state, name)
        if place is None:
            continue
        where, raw = place
        value, told = in_layout(name, raw, K, D)
        found[name] = value
        if where.removesuffix("_").strip("_") != name:
            notes.append(f"found your {name} under `{where}`")
        if told:
            notes.append(f"your {name} {told}")
    return found, tuple(notes)


def _find(state: Mapping[str, Any], name: str) -> tuple[str, Any] | None:
    """(where, raw value) of a parameter: an attribute, its logarithm, an entry of a dict, or one per component."""
    present = {key: value for key, value in state.items() if value is not None}
    key = pick(name, names(), present)
    if key is not None:
        return key, present[key]
    for log in logs_known_as(name, names()):
        array = floats(present.get(log))
        if array is not None:
            return log, np.exp(array)
    for outer, inner in present.items():
        if isinstance(inner, dict):
            key = pick(name, names(), [k for k, v in inner.items() if v is not None])
            if key is not None:
                return f'{outer}["{key}"]', inner[key]
        if isinstance(inner, list | tuple) and inner and all(isinstance(one, dict) for one in inner):
            singular = {"weights": "weight", "means": "mean", "covariances": "cov"}.get(name, name)
            keys = [pick(name, names(), one) or (singular if singular in one else None) for one in inner]
            if all(k is not None for k in keys):
                return f'{outer}[k]["{keys[0]}"]', [one[k] for one, k in zip(inner, keys, strict=True)]
    return None


def in_layout(name: str, raw: Any, K: int, D: int) -> tuple[Any, str]:
    """A parameter as (K,), (K, D) or (K, D, D) where its sizes allow, else as it is; and what it took, in words."""
    array = floats(raw)
    if array is None:
        return raw, ""
    shape = {"weights": (K,), "means": (K, D), "covariances": (K, D, D)}[name]
    if array.shape == shape:
        return array, ""
    without = tuple(n for n in array.shape if n != 1)
    if array.size == np.prod(shape) and without == tuple(n for n in shape if n != 1):
        return array.reshape(shape), ""
    if name == "means" and array.shape == (D, K):
        return array.T, "are stored as (D, K)"
    if name == "covariances":
        return _covariances(array, K, D)
    return array, ""


def _covariances(array: Array, K: int, D: int) -> tuple[Array, str]:
    if array.shape == (D, D, K):
        return np.moveaxis(array, -1, 0), "are stored as (D, D, K)"
    return array, ""


def same_as(a: Any, b: Any) -> bool:
    """Are two parameters the same numbers?"""
    x, y = floats(a), floats(b)
    return x is not None and y is not None and x.shape == y.shape and bool(np.array_equal(x, y, equal_nan=True))


def updated(value: Any, inputs: Mapping[str, Any]) -> Read:
    """Parameters after an M-step, from ``{"returned", "state"}``: as set on the object, else as returned.

    ``inputs`` has ``params`` (what was set before), ``X`` and ``R``. The answer is a dict of what was found, with
    ``unchanged``: the names that still hold what was set before, and ``elsewhere``: where new ones may be.
    Raises Unreadable when nothing was found.
    """
    old = inputs["params"]
    K, D = old["means"].shape
    found, notes = parameters_from(value["state"], K=K, D=D)
    given = _returned_parameters(value["returned"], K, D)
    told = list(notes)
    for name in PARAMETERS:
        stale = name not in found or same_as(found[name], old[name])
        if stale and name in given:
            found[name] = given[name]
            told.append(f"took your {name} from what the M-step returned")
    if not found:
        kept = ", ".join(f"`{key}`" for key in list(value["state"])[:12]) or "none"
        raise Unreadable(
            "No weights, means or covariances were found after your M-step, neither on the object nor in what it "
            f"returned ({describe(value['returned'])}). Attributes found: {kept}.",
            "Store them as `self.weights`, `self.means` and `self.covariances`.",
        )
    unchanged = [name for name in PARAMETERS if name in found and same_as(found[name], old[name])]
    elsewhere = _elsewhere(value["state"], unchanged, old)
    return Read({**found, "unchanged": unchanged, "elsewhere": elsewhere}, tuple(told))


def _elsewhere(state: Mapping[str, Any], unchanged: list[str], old: Mapping[str, Array]) -> dict[str, str]:
    """Parameter -> attribute of the same shape that holds something new, for parameters that were not updated."""
    found: dict[str, str] = {}
    for name in unchanged:
        for key, kept in state.items():
            array = floats(kept)
            if array is not None and array.shape == old[name].shape and not same_as(array, old[name]):
                found.setdefault(name, key)
    return found


def _returned_parameters(returned: Any, K: int, D: int) -> dict[str, Any]:
    """Parameters by name from a dict, or by their shapes from a tuple."""
    if isinstance(returned, dict):
        return parameters_from(returned, K=K, D=D)[0]
    if not isinstance(returned, list | tuple) or len(returned) > 8:
        return {}
    found: dict[str, Any] = {}
    for part in returned:
        for name, shape in (("weights", (K,)), ("means", (K, D)), ("covariances", (K, D, D))):
            value = in_layout(name, part, K, D)[0]
            if name not in found and isinstance(value, np.ndarray) and value.shape == shape:
                found[name] = value
                break
    return found


# --- samples --------------------------------------------------------------------------------


def samples(value: Any, inputs: Mapping[str, Any]) -> Read:
    """Samples as ``{"points": (n, D), "shape": (...)}``: an array or a tuple with one; ``shape`` as it came.

    ``inputs`` has ``n`` and ``params``. Transposed samples and such with an extra axis are turned, so that only the
    check of the shape tells. Raises Unreadable when no array fits.
    """
    n, D = int(inputs["n"]), int(inputs["params"]["means"].shape[1])
    best: Read | None = None
    for where, part in [("", value), *parts(value)]:
        array = floats(part)
        if array is None or (where and array.ndim == 1 and n != 1):
            continue
        points = _as_points(array, n, D)
        if points is None:
            continue
        notes = (f"took your samples from {where} of what `sample` returned",) if where else ()
        read = Read({"points": points, "shape": np.array(array.shape)}, notes)
        if array.shape == (n, D):
            return read
        best = best or read
    if best is None:
        raise Unreadable(
            f"`sample({n})` on {D}-dimensional components returned {describe(value)}; expected an array of shape "
            f"({n}, {D}).",
            "Append each draw, a point with all its coordinates, to `samples` and return `np.array(samples)`.",
        )
    return best


def _as_points(array: Array, n: int, D: int) -> Array | None:
    """(rows, D) points where the sizes allow, whatever the number of rows."""
    if array.ndim == 1:
        return array.reshape(-1, D) if array.size == D or (D == 1 and array.size) else None
    if array.ndim == 2:
        if array.shape[1] == D:
            return array
        return array.T if array.shape == (D, n) else None
    if array.size and array.size % D == 0 and sum(size > 1 for size in array.shape) <= 2 and array.shape[-1] == D:
        return array.reshape(-1, D)
    return None


def floats(value: Any) -> Array | None:
    """``value`` as an array of real numbers, entries of a dict along the first axis; None where it is no such array."""
    if isinstance(value, dict):
        value = list(value.values())
    array = numbers(value)
    if array is None or array.dtype.kind == "c":
        return None
    return np.asarray(array, dtype=float)
