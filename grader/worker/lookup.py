"""Find what a student calls something: by its own name, by the names the rubric lists, by spelling alone."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, MutableMapping
from types import CodeType, FunctionType
from typing import Any

from grader.worker.plain import is_a, safe_text
from grader.worker.redefined import last_definition

Names = Mapping[str, tuple[str, ...]]
"""Canonical name -> other names, in order of preference."""

_LIBRARIES = {"numpy", "scipy", "sklearn", "matplotlib", "pandas", "torch", "tensorflow", "keras", "IPython"}
LOG = "log:"
"""An alias ``log:NAME`` means that the attribute NAME holds logarithms."""
ROLE = "role:"
"""An alias ``role:KIND`` means what `grader.worker.roles` recognises by its shape and values, whatever its name."""
ROLES = ("shares", "points", "spreads")
"""Weights of components, a point for each component, a covariance matrix for each component."""


class Missing(Exception):  # noqa: N818  says what is the matter
    """Nothing fits what was asked for; the message is for the student."""


def known_as(name: str, names: Names) -> tuple[str, ...]:
    """``name`` and its aliases, the preferred first; aliases of logarithms and roles are left out."""
    return (name, *(alias for alias in names.get(name, ()) if alias != name and not alias.startswith((LOG, ROLE))))


def logs_known_as(name: str, names: Names) -> tuple[str, ...]:
    """Names of attributes that hold the logarithm of ``name``."""
    return tuple(alias.removeprefix(LOG) for alias in names.get(name, ()) if alias.startswith(LOG))


def roles_of(name: str, names: Names) -> tuple[str, ...]:
    """The roles by which ``name`` can be recognised."""
    return tuple(alias.removeprefix(ROLE) for alias in names.get(name, ()) if alias.startswith(ROLE))


def bare(name: str) -> str:
    """A name without what spelling habits change: case and underscores."""
    return name.replace("_", "").lower()


def pick(name: str, names: Names, present: Iterable[str]) -> str | None:
    """Which of the names in ``present`` stands for ``name``: exact, then an alias, then spelt alike."""
    offered = [item for item in present if type(item) is str]
    wanted = known_as(name, names)
    for candidate in wanted:
        if candidate in offered:
            return candidate
    for candidate in wanted:
        for item in offered:
            if len(candidate) > 1 and bare(item) == bare(candidate):
                return item
    return None


def find_class(namespace: Mapping[str, object], name: str, names: Names) -> tuple[type, str]:
    """The student's class for ``name``, and what it is called there. Raises `Missing`."""
    classes: dict[str, Any] = {key: value for key, value in list(namespace.items()) if is_a(value, type)}
    found = pick(name, names, _written_here(classes)) or pick(name, names, classes)
    if found is not None:
        return classes[found], found
    instance = namespace.get(name)  # `GMM = GMM(3)` hides the class behind its instance
    if instance is not None and bare(type(instance).__name__) == bare(name):
        return type(instance), name
    raise Missing(_not_found("class", name, names, _own(classes)))


def find_function(namespace: MutableMapping[str, object], name: str, names: Names) -> tuple[Any, str]:
    """The student's function for ``name``, and what it is called there. Raises `Missing`."""
    functions = {
        key: value
        for key, value in list(namespace.items())
        if is_a(key, str) and not is_a(value, type) and callable(value)
    }
    found = pick(name, names, _written_here(functions)) or pick(name, names, functions)
    if found is not None:
        return functions[found], found
    if (before := last_definition(namespace, known_as(name, names))) is not None:
        return before
    raise Missing(_not_found("function", name, names, _own(functions)))


def methods_of(instance: object) -> dict[str, str]:
    """Names under which methods of ``instance`` can be asked for -> attribute to get; mangled names too."""
    found: dict[str, str] = {}
    for owner in type(instance).__mro__[:-1]:
        prefix = f"_{owner.__name__.lstrip('_')}__"
        for key, value in list(vars(owner).items()):
            if is_a(key, str) and (callable(value) or is_a(value, staticmethod, classmethod)):
                found.setdefault(key, key)
                if key.startswith(prefix):
                    found.setdefault("__" + key.removeprefix(prefix), key)
    own = list(getattr(instance, "__dict__", {}).items())
    return found | {key: key for key, value in own if callable(value) and not is_a(value, type)}


def parameters_of(function: Any) -> dict[str, inspect.Parameter] | None:
    """The parameters by name, ``self`` left out where it is bound; None where nothing can be told."""
    try:
        return dict(inspect.signature(function).parameters)
    except Exception:  # noqa: BLE001  builtins have no signature, and __signature__ may be anything
        return None


def code_of(function: Any) -> CodeType | None:
    """Where ``function`` was written; of a class its ``__init__``."""
    if is_a(function, type):
        function = function.__init__
    try:
        function = inspect.unwrap(getattr(function, "__func__", function))
    except Exception:  # noqa: BLE001  __wrapped__ may be anything
        return None
    return function.__code__ if type(function) is FunctionType else None


def _written_here(values: Mapping[str, Any]) -> list[str]:
    """Names of what no library brought: `GMM` of the notebook before an imported `GaussianMixture`."""
    return [
        key
        for key, value in values.items()
        if safe_text(lambda value=value: value.__module__).split(".")[0] not in _LIBRARIES  # type: ignore[misc]
    ]


def _own(values: Mapping[str, Any]) -> list[str]:
    """Names of what was written in the notebook, not imported."""
    found = [
        key
        for key, value in values.items()
        if not key.startswith("_") and safe_text(lambda value=value: value.__module__) == "__main__"  # type: ignore[misc]
    ]
    return found[:12]


def _not_found(kind: str, name: str, names: Names, present: list[str]) -> str:
    looked = ", ".join(f"`{alias}`" for alias in known_as(name, names)[:12])
    has = ", ".join(f"`{item}`" for item in present) if present else "none"
    plural = "classes" if kind == "class" else "functions"
    return f"No {kind} `{name}` is defined after your notebook ran. Looked for: {looked}. Found these {plural}: {has}."
