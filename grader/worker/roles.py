"""Recognise a parameter by what it is, where no name tells: in what a fitted object of the student's class holds.

The rubric declares it by an alias ``role:KIND``. `grader.worker.layout` fits the object on data of which no two sizes
are equal, so that a shape tells a role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from grader.worker.attributes import matching
from grader.worker.containers import component_places, entries, parameter_places
from grader.worker.layout import Sample, fits
from grader.worker.lookup import ROLES, Names, logs_known_as, roles_of

Array = np.ndarray[Any, Any]
_LOOSE = 1e-6
"""Weights sum to 1 and covariances are symmetric up to rounding and tiny additions."""


def recognise(names: Names, sample: Sample | None) -> dict[str, tuple[str, ...]]:
    """Canonical name -> attributes and keys of ``sample`` that are it by their role.

    Only for what is not found by name, and only where one candidate is left, or all that are left hold the same.
    """
    if sample is None:
        return {}
    found = {name: _recognised(name, names, sample) for name in names if roles_of(name, names)}
    return {name: places for name, places in found.items() if places}


def extended(names: Names, recognised: Mapping[str, tuple[str, ...]]) -> Names:
    """``names`` with what was recognised among the aliases."""
    return {**names, **{name: (*names[name], *places) for name, places in recognised.items()}}


def _recognised(name: str, names: Names, sample: Sample) -> tuple[str, ...]:
    if _found_by_name(name, names, sample):
        return ()
    candidates = [
        (key, value)
        for key, value in _held(sample.attributes)
        if not _known(key, names)
        and any(_ROLES[role](value, sample) for role in roles_of(name, names) if role in _ROLES)
    ]
    values = [np.asarray(value, dtype=float) for _, value in candidates]
    same = all(value.shape == values[0].shape and np.allclose(value, values[0]) for value in values[1:])
    return tuple(dict.fromkeys(key for key, _ in candidates)) if candidates and same else ()


def _found_by_name(name: str, names: Names, sample: Sample) -> bool:
    """A name alone does not do: `m` may be a count, and what the template's constructor made may lie unused."""
    attributes = sample.attributes
    by_name = [attributes[key] for key in matching(name, names, list(attributes))]
    by_name += [attributes[key] for key in logs_known_as(name, names) if key in attributes]
    by_name += [entries(attributes[outer])[key] for outer, key in parameter_places(name, names, attributes)]
    axes = max((_AXES[role] for role in roles_of(name, names) if role in _AXES), default=0)
    like = np.zeros((sample.components, *[sample.dimensions] * (axes - 1)))
    return any(fits(like, held, sample) for held in by_name) or bool(component_places(name, names, attributes))


def _held(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(name, value) of the attributes, and of what the containers among them hold."""
    for key, value in attributes.items():
        yield key, value
        yield from entries(value).items()


def _known(key: str, names: Names) -> bool:
    """Does the rubric know the name for something else?"""
    return any(matching(name, names, [key]) for name in names)


def _numbers(value: object) -> Array | None:
    try:
        array = np.asarray(list(value.values()) if isinstance(value, dict) else value, dtype=float)
    except (TypeError, ValueError):
        return None
    return array if array.ndim and np.isfinite(array).all() else None


def _are_shares(value: object, sample: Sample) -> bool:
    """K numbers, none below 0, that sum to 1."""
    array = _numbers(value)
    if array is None or array.size != sample.components or sample.components not in array.shape:
        return False
    return bool((array >= 0).all() and abs(array.sum() - 1.0) < _LOOSE)


def _are_points(value: object, sample: Sample) -> bool:
    """A point for each component, in the midst of the data."""
    array = _numbers(value)
    if array is None or not fits(np.zeros((sample.components, sample.dimensions)), array, sample):
        return False
    return array.ndim == 2 or array.size == sample.components * sample.dimensions


def _are_spreads(value: object, sample: Sample) -> bool:
    """A symmetric, positive definite matrix for each component, wider than its inverse: the data are."""
    array = _numbers(value)
    K, D = sample.components, sample.dimensions
    if array is None or array.ndim != 3 or not fits(np.zeros((K, D, D)), array, sample):
        return False
    matrices = array if array.shape[0] == K else np.moveaxis(array, -1, 0)
    if np.abs(matrices - matrices.transpose(0, 2, 1)).max() > _LOOSE * np.abs(matrices).max():
        return False
    values = np.linalg.eigvalsh(matrices)
    return bool(values.min() > 0 and np.log(values).mean() > 0)


_ROLES: dict[str, Callable[[object, Sample], bool]] = dict(
    zip(ROLES, (_are_shares, _are_points, _are_spreads), strict=True)
)
_AXES = dict(zip(ROLES, (1, 2, 3), strict=True))
