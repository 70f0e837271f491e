"""Parameters that lie one step down: in a dict or an object of the student's, for all components or for each."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np

from grader.model import Tree
from grader.worker.attributes import class_dict, matching, own_attributes, write
from grader.worker.lookup import Names
from grader.worker.plain import is_a


def entries(held: object) -> dict[str, Any]:
    """What a dict, a tuple of unlike arrays or an object of a class of the notebook's holds; nothing for all else."""
    if type(held) is dict:
        return {key: value for key, value in held.items() if type(key) is str}
    if _is_row_of_unlikes(held):
        return {str(number): value for number, value in enumerate(held)}  # type: ignore[arg-type,var-annotated]
    if isinstance(held, tuple) and _is_named_tuple(held):
        fields: tuple[str, ...] = held._fields  # type: ignore[attr-defined]
        return dict(zip(fields, held, strict=True))
    if type(held) is SimpleNamespace or class_dict(type(held)).get("__module__") == "__main__":
        return own_attributes(held)
    return {}


def unfolded(held: object) -> object:
    """A container, or a list of some, as dicts; all else as it is."""
    if type(held) is list and held and all(entries(one) for one in held):
        return [entries(one) for one in held]
    return held if type(held) is dict else entries(held) or held


def entry(held: Any, key: str) -> Any:
    """One of the `entries`."""
    if _is_row_of_unlikes(held):
        return held[int(key)]
    return held[key] if type(held) is dict else getattr(held, key)


def with_entry(held: Any, key: str, value: Tree) -> Any:
    """``held`` with the entry set: itself, or a new one where it can't be changed."""
    if _is_named_tuple(held):
        return held._replace(**{key: value})
    if _is_row_of_unlikes(held):
        return type(held)(value if str(number) == key else one for number, one in enumerate(held))
    if type(held) is dict:
        held[key] = value
    else:
        write(held, key, value)
    return held


def shown(attribute: str, held: object, key: str) -> str:
    """The place in the student's words."""
    if _is_row_of_unlikes(held):
        return f"{attribute}[{key}]"
    return f'{attribute}["{key}"]' if type(held) is dict else f"{attribute}.{key}"


def parameter_places(name: str, names: Names, attributes: dict[str, Any]) -> list[tuple[str, str]]:
    """(attribute, key) of each container among ``attributes`` that keeps ``name`` under a key of it."""
    return [
        (attribute, key) for attribute, held in attributes.items() for key in matching(name, names, list(entries(held)))
    ]


def component_places(name: str, names: Names, attributes: dict[str, Any]) -> list[tuple[str, str]]:
    """(attribute, key) of each list of one container per component that keeps ``name`` under a key of them."""
    return [
        (attribute, key)
        for attribute, held in attributes.items()
        if type(held) is list and held and all(type(one) is type(held[0]) for one in held)
        for key in matching(name, names, list(entries(held[0])))
    ]


def set_parameter(instance: object, attribute: str, key: str, value: Tree, like: object) -> None:
    """Set an entry of the container; where there is none yet, one like ``like`` is made."""
    held = own_attributes(instance).get(attribute)
    if not entries(held):
        held = {} if type(like) is dict else copy.deepcopy(like)
        write(instance, attribute, held)
    changed = with_entry(held, key, value)
    if changed is not held:
        write(instance, attribute, changed)


def set_components(instance: object, attribute: str, key: str, value: Tree, like: list[Any]) -> None:
    """Set one entry of each component's container; they are made where there are none or too many."""
    parts = [float(part) if np.ndim(part) == 0 else np.array(part) for part in value]
    held = own_attributes(instance).get(attribute)
    if type(held) is not list or len(held) != len(parts):
        held = [{} if type(like[0]) is dict else copy.deepcopy(like[0]) for _ in parts]
        write(instance, attribute, held)
    for k, part in enumerate(parts):
        held[k] = with_entry(held[k], key, part)


def _is_named_tuple(held: object) -> bool:
    return is_a(held, tuple) and type(class_dict(type(held)).get("_fields")) is tuple


def _is_row_of_unlikes(held: object) -> bool:
    """A plain tuple or list such as ``(weights, means, covariances)``: arrays, no two with as many axes."""
    if type(held) not in (tuple, list) or not 2 <= len(held) <= 8:  # type: ignore[arg-type]
        return False
    axes = [part.ndim for part in held if type(part) is np.ndarray]  # type: ignore[attr-defined]
    return len(axes) == len(set(axes)) == len(held)  # type: ignore[arg-type]
