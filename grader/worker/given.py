"""Set a student's object to the grader's parameters, named and stored the way this student does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grader.model import Tree
from grader.worker.attributes import attribute_names, is_computed, matching, own_attributes, write
from grader.worker.calling import describe
from grader.worker.containers import (
    component_places,
    entries,
    entry,
    parameter_places,
    set_components,
    set_parameter,
    shown,
)
from grader.worker.layout import Sample, canonical, fits, laid_out, sample_of
from grader.worker.lookup import Missing, Names, logs_known_as
from grader.worker.roles import extended, recognise

_FITTED = ("fitted", "isfitted", "trained", "istrained")


def set_parameters(
    instance: object,
    values: Mapping[str, Tree],
    names: Names,
    make: Callable[[], object] | None,
    note: Callable[[str], None],
) -> Names:
    """Set every parameter under all names that the class uses for it; under its own name if there are none.

    ``values`` are in the canonical layout, components along the first axis. ``make`` constructs a second object,
    from which the layout is learned. Returns ``names`` with what was recognised by its role.
    """
    sample = sample_of(instance, _components(values), make, names)
    recognised = recognise(names, sample)
    names = extended(names, recognised)
    fitted = sample.attributes if sample is not None else {}
    present = attribute_names(instance)
    present += [name for name in fitted if name not in present]
    for name, value in values.items():
        usable = [attribute for attribute in present if name not in recognised or attribute in recognised[name]]
        _set(instance, name, value, names, usable, sample, note)
    _set_sizes(instance, values, names, present)
    return names


def read_parameter(instance: object, name: str, names: Names) -> tuple[bool, Any, str]:
    """(found, value, where): the attribute that stands for ``name``; logarithms are undone.

    One that is still None, as the template's constructor leaves it, stands back behind any other that holds something.
    """
    present = attribute_names(instance)
    unset = ""
    for attribute in matching(name, names, present):
        try:
            value = getattr(instance, attribute)
        except AttributeError:
            continue
        if value is not None:
            return True, value, attribute
        unset = unset or attribute
    for attribute in logs_known_as(name, names):
        if attribute in present:
            return True, np.exp(getattr(instance, attribute)), attribute
    own = own_attributes(instance)
    for attribute, key in parameter_places(name, names, own):
        return True, entry(own[attribute], key), shown(attribute, own[attribute], key)
    for attribute, key in component_places(name, names, own):
        held = own[attribute]
        return True, [entry(one, key) for one in held], shown(f"{attribute}[k]", held[0], key)
    return bool(unset), None, unset


def names_for(instance: object, names: Names) -> Names:
    """``names`` with what is recognised by its role in an object like this one."""
    held = read_parameter(instance, "n_components", names)[1]
    return extended(names, recognise(names, sample_of(instance, held if type(held) is int else 3, None, names)))


def canonical_parameter(instance: object, name: str, ndim: int, names: Names) -> Tree:
    """A parameter as an array with its components first. Raises Missing when there is none."""
    found, value, _ = read_parameter(instance, name, names)
    if not found:
        raise no_attribute(instance, name, names)
    held = read_parameter(instance, "n_components", names)[1]
    components = held if type(held) is int else 3
    if sample_of(instance, components, None, names) is None:
        return np.array(value, dtype=float)
    # The sample of the class may have been fitted with another number of components than this object has.
    others = [size for size in np.shape(value) if size != components]
    now = Sample(components, max(others, default=components))
    return canonical(value, ndim, now)


def no_attribute(instance: object, name: str, names: Names) -> Missing:
    """What to raise where nothing stands for ``name``."""
    has = ", ".join(f"`{key}`" for key in attribute_names(instance)[:20]) or "none"
    return Missing(
        f"Your {type(instance).__name__} has no attribute `{name}`. Looked for: {describe(name, names)}. "
        f"Found these attributes: {has}."
    )


def _set(
    instance: object,
    name: str,
    value: Tree,
    names: Names,
    present: list[str],
    sample: Sample | None,
    note: Callable[[str], None],
) -> None:
    fitted = sample.attributes if sample is not None else {}
    own = own_attributes(instance)
    places = list(dict.fromkeys(parameter_places(name, names, fitted) + parameter_places(name, names, own)))
    listed = component_places(name, names, {**fitted, **own}) or component_places(name, names, fitted)
    used = matching(name, names, present)
    if places or listed:  # behind a property that only reads lies the container
        used = [attribute for attribute in used if not is_computed(instance, attribute)]
    fitting = [attribute for attribute in used if fits(value, fitted.get(attribute, own.get(attribute)), sample)]
    used = fitting or used  # `m` may be a count, `weights` the responsibilities; if nothing fits, set them all
    for attribute in used:
        write(instance, attribute, _in_form(value, fitted.get(attribute, own.get(attribute)), sample))
    logs = [attribute for attribute in logs_known_as(name, names) if attribute in present]
    for attribute in logs:
        with np.errstate(divide="ignore"):
            write(instance, attribute, _in_form(np.log(value), fitted.get(attribute), sample))
    where = [*used, *logs]
    for attribute, key in places:
        like = fitted[attribute] if entries(fitted.get(attribute)) else own[attribute]
        set_parameter(instance, attribute, key, _in_form(value, entries(like).get(key), sample), like)
        where.append(shown(attribute, like, key))
    for attribute, key in listed:
        kept = fitted[attribute] if type(fitted.get(attribute)) is list and fitted[attribute] else own[attribute]
        set_components(instance, attribute, key, value, kept)
        where.append(shown(f"{attribute}[k]", kept[0], key))
    if not where:
        write(instance, name, _in_form(value, None, sample))
    elif name not in where:
        note(f"found your {name} under `{where[0]}`")


def _in_form(value: Tree, like: object, sample: Sample | None) -> Tree:
    if not isinstance(value, np.ndarray | list | tuple):
        return value
    if sample is None:
        array = np.array(value)
        return list(array) if type(like) is list and array.ndim else array
    return laid_out(value, like, sample)


def _components(values: Mapping[str, Tree]) -> int:
    sizes = [np.shape(value)[0] for value in values.values() if np.ndim(value)]
    return int(sizes[0]) if sizes else 3


def _set_sizes(instance: object, values: Mapping[str, Tree], names: Names, present: list[str]) -> None:
    """Set what ``fit`` would have: counts that the class reads and that are not there, flags that it was fitted."""
    matrix = next((value for value in values.values() if np.ndim(value) == 2), None)
    if matrix is not None:
        fill(instance, "n_components", np.shape(matrix)[0], names, present)
        fill(instance, "n_features", np.shape(matrix)[1], names, present)
    for name, held in own_attributes(instance).items():
        if held is False and name.replace("_", "").lower() in _FITTED:
            write(instance, name, True)


def fill(instance: object, name: str, value: int, names: Names, present: list[str]) -> None:
    """Set a count where the class reads it and has none yet."""
    for attribute in matching(name, names, present):
        if getattr(instance, attribute, None) is None:
            write(instance, attribute, value)
