"""What a student's class derives from its parameters and keeps: factors, inverses, frozen distributions, sizes.

Parameters that are set from outside leave it behind. Where a method then can't do its work, the object's own code
brings it up to date.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

from grader.model import Tree
from grader.worker.attributes import class_dict, forms, matching, own_attributes, same_numbers, write
from grader.worker.given import canonical_parameter
from grader.worker.layout import Sample, boxed, canonical
from grader.worker.lookup import Names, methods_of, pick

Array = np.ndarray[Any, Any]
_NEAR = 1e-3
"""How near the object's own M-step comes to the parameters: what it may add to the diagonals is within."""
_SETTINGS = (bool, int, float, str)


def moments(values: Mapping[str, Tree]) -> tuple[Array, Array] | None:
    """Points (2 K D, D) and responsibilities (2 K D, K) whose M-step gives these parameters, up to rounding.

    For each component two points on each axis of its covariance, `sqrt(D)` factors away from the mean, so that their
    average and scatter are exact. The responsibilities sum to the number of points, as they would; single rows don't
    sum to 1. None where ``values`` are not a mixture's.
    """
    by_axes = {np.ndim(value): np.asarray(value, dtype=float) for value in values.values() if np.ndim(value)}
    if set(by_axes) != {1, 2, 3} or by_axes[3].shape != (*by_axes[2].shape, by_axes[2].shape[1]):
        return None
    weights, means, covariances = by_axes[1], by_axes[2], by_axes[3]
    K, D = means.shape
    steps = np.sqrt(D) * np.linalg.cholesky(covariances).transpose(0, 2, 1)
    points = np.concatenate([means[:, None] + steps, means[:, None] - steps], axis=1).reshape(-1, D)
    shares = np.repeat(np.eye(K) * weights * K, 2 * D, axis=0)
    return points, shares


def bring_up_to_date(
    instance: object,
    values: Mapping[str, Tree],
    names: Names,
    sample: Sample | None,
    missing: str,
    set_again: Callable[[], object],
) -> str:
    """Have the object derive what its parameters leave behind; what was done, in words, or nothing where that failed.

    ``missing``: the attribute that was looked for in vain, if one was. ``set_again`` sets the parameters.
    """
    behind = _behind(instance, sample, missing)
    ways = [partial(_by_method, instance, name) for name in _methods_that_set(type(instance), behind)]
    ways.append(partial(_by_likeness, instance, names, sample, behind, values))
    ways.append(partial(_by_own_m_step, instance, names, values))
    used = []
    for way in ways:
        left = _unset(instance, behind)
        if left:
            name = way()
            set_again()
            used += [f"`{name}`"] if name and _unset(instance, behind) < left else []
    done = behind - _unset(instance, behind)
    if not done:
        return ""
    told = "brought " + " and ".join(f"`{name}`" for name in sorted(done)[:3]) + " up to date with the parameters"
    return told + (f" by your {' and '.join(used)}" if used else "")


def _behind(instance: object, sample: Sample | None, missing: str) -> set[str]:
    """What a fitted object has and this one has not, and what was missed."""
    fitted = sample.attributes if sample is not None else {}
    return {name for name in fitted if own_attributes(instance).get(name) is None} | ({missing} - {""})


def _unset(instance: object, behind: set[str]) -> set[str]:
    held = own_attributes(instance)
    return {name for name in behind if held.get(name) is None}


def _methods_that_set(kind: type, behind: set[str]) -> list[str]:
    """Methods to be called without arguments that store one of these attributes."""
    found = []
    for owner in kind.__mro__[:-1]:
        for name, value in class_dict(owner).items():
            if type(value) is FunctionType and not name.startswith("__") and not _needs_arguments(value):
                stored = {one.argval for one in dis.get_instructions(value.__code__) if one.opname == "STORE_ATTR"}
                found += [name] if stored & behind else []
    return found


def _needs_arguments(function: FunctionType) -> bool:
    code = function.__code__
    return code.co_argcount - len(function.__defaults__ or ()) != 1 or bool(code.co_kwonlyargcount)


def _by_method(instance: object, name: str) -> str:
    with suppress(Exception):
        getattr(instance, name)()
    return name


def _by_own_m_step(instance: object, names: Names, values: Mapping[str, Tree]) -> str:
    """The M-step's name, if it brought about these parameters: a wrong one is not to spoil other questions."""
    mixture, methods = moments(values), methods_of(instance)
    found = pick("_m_step", names, methods)
    if found is None or mixture is None:
        return ""
    before = own_attributes(instance)
    with suppress(Exception):
        getattr(instance, methods[found])(*mixture)
        if all(_came_about(instance, name, value, names) for name, value in values.items()):
            return found
    for name in own_attributes(instance):
        write(instance, name, before.get(name))
    return ""


def _came_about(instance: object, name: str, value: Tree, names: Names) -> bool:
    got = np.asarray(canonical_parameter(instance, name, np.ndim(value), names), dtype=float)
    return bool(np.allclose(got, value, rtol=_NEAR, atol=_NEAR * float(np.abs(np.asarray(value)).max())))


def _by_likeness(
    instance: object, names: Names, sample: Sample | None, behind: set[str], values: Mapping[str, Tree]
) -> str:
    """Set what a fitted object holds as a known form of its parameters, and settings and sizes. Returns no name."""
    shape = next((np.shape(value) for value in values.values() if np.ndim(value) == 2), None)
    if sample is None or shape is None:
        return ""
    sizes = {sample.components: shape[0], sample.dimensions: shape[1]}
    for name in _unset(instance, behind) & set(sample.attributes):
        held = sample.attributes[name]
        form = next((new for old, new in _derivable(sample, names, values) if same_numbers(held, old)), None)
        if form is not None:
            write(instance, name, boxed(form, held))
        elif type(held) in _SETTINGS:
            write(instance, name, sizes.get(held, held) if type(held) is int else held)
    return ""


def _derivable(sample: Sample, names: Names, values: Mapping[str, Tree]) -> Iterator[tuple[Array, Array]]:
    """What may be derived from each parameter: (from the fitted object's, from the one that was set)."""
    for name, value in values.items():
        wanted = np.asarray(value, dtype=float)
        for key in matching(name, names, list(sample.attributes)):
            with suppress(TypeError, ValueError, np.linalg.LinAlgError):
                fitted = canonical(sample.attributes[key], wanted.ndim, sample)
                yield from zip(_derivatives(np.asarray(fitted)), _derivatives(wanted), strict=True)


def _derivatives(array: Array) -> list[Array]:
    if array.ndim == 1:
        return [array, np.log(array)] if (array > 0).all() else []
    if array.ndim != 3:
        return []
    _, logs = np.linalg.slogdet(array)
    spread = [np.asarray(form) for form in forms(array)]  # one alone where a matrix has no factor
    roots = np.exp(logs / 2)
    return [*spread, roots**2, roots, 1 / roots, logs, logs / 2, -logs / 2, spread[-1].swapaxes(1, 2)]
