"""Construct and call what a student wrote, with the student's own parameter names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from grader.worker.lookup import Missing, Names, known_as, parameters_of, pick

DATA_KEY = "_data"
"""Keyword of a `new` step that holds data for constructors which want some."""
_DATA_NAMES = ("x", "data", "points", "samples", "dataset", "xtrain", "traindata", "trainingdata", "observations")
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

Note = Callable[[str], None]


def constructor_arguments(
    kind: type, args: list[Any], kwargs: Mapping[str, Any], names: Names, note: Note
) -> tuple[list[Any], dict[str, Any], dict[str, Any]]:
    """Arguments for ``kind`` under its own parameter names, and what it has no parameter for.

    Raises `Missing` when it needs something that nobody can supply.
    """
    data = kwargs.get(DATA_KEY)
    wanted = {key: value for key, value in kwargs.items() if key != DATA_KEY}
    parameters = parameters_of(kind)
    if parameters is None:
        return args, wanted, {}
    args, wanted = _in_place(parameters, args, wanted, names)
    named, left = _by_name(parameters, args, wanted, names)
    required = _open(parameters, args, named, required=True)
    if data is not None:
        for name in [name for name in required if name.replace("_", "").lower() in _DATA_NAMES]:
            named[name] = data
            required.remove(name)
            note(f"your constructor wants data as `{name}`: it was given some")
    while required and left:
        name, key = required.pop(0), next(iter(left))
        named[name] = left.pop(key)
        note(f"passed {key} to your constructor as `{name}`")
    if required:
        shown = ", ".join(f"`{name}`" for name in required)
        keywords = [f"{key}={repr_short(value)}" for key, value in wanted.items()]
        signature = ", ".join([*map(repr_short, args), *keywords])
        raise Missing(
            f"Your constructor needs {shown}, which the grader can't supply; "
            f"the activity's way to construct it is {kind.__name__}({signature})."
        )
    return args, named, left


def call_arguments(
    function: Any, args: list[Any], kwargs: Mapping[str, Any], names: Names, known: Mapping[str, Any], note: Note
) -> tuple[list[Any], dict[str, Any]]:
    """Arguments for ``function`` under its own parameter names.

    Keywords that it knows by no name fill its open parameters in order; further required parameters are filled
    from ``known`` where they stand for one of those.
    """
    parameters = parameters_of(function)
    if parameters is None:
        return args, dict(kwargs)
    named, left = _by_name(parameters, args, kwargs, names)
    for name in _open(parameters, args, named, required=True):
        held = next((key for key in known if pick(key, names, [name]) == name), None)
        if held is not None and len(args) < _required_count(parameters):
            named[name] = known[held]
            note(f"passed your function the {held} that it asks for as `{name}`")
    for name in _open(parameters, args, named, required=False):
        if not left:
            break
        key = next(iter(left))
        named[name] = left.pop(key)
        note(f"passed {key} as your `{name}`")
    for key in left:
        note(f"your function takes no {key}; left out")
    return args, named


def repr_short(value: object) -> str:
    """A value as it may stand in a message: numbers and short text only."""
    return repr(value) if isinstance(value, int | float | str | None) and len(repr(value)) < 40 else "..."


def _by_name(
    parameters: Mapping[str, inspect.Parameter], args: list[Any], kwargs: Mapping[str, Any], names: Names
) -> tuple[dict[str, Any], dict[str, Any]]:
    """``kwargs`` under the names of the parameters, and those for which there is none."""
    open_ones = _open(parameters, args, {}, required=False)
    catches_all = any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters.values())
    named: dict[str, Any] = {}
    left: dict[str, Any] = {}
    for key, value in kwargs.items():
        found = pick(key, names, [name for name in open_ones if name not in named])
        if found is not None:
            named[found] = value
        elif catches_all:
            named[key] = value
        else:
            left[key] = value
    return named, left


def _in_place(
    parameters: Mapping[str, inspect.Parameter], args: list[Any], kwargs: Mapping[str, Any], names: Names
) -> tuple[list[Any], dict[str, Any]]:
    """Keywords for parameters that can only be given by position moved to their places."""
    args, left = list(args), dict(kwargs)
    only = [item.name for item in parameters.values() if item.kind is inspect.Parameter.POSITIONAL_ONLY]
    for name in only[len(args) :]:
        found = next((key for key in left if pick(key, names, [name]) == name), None)
        if found is None:
            break
        args.append(left.pop(found))
    return args, left


def _open(
    parameters: Mapping[str, inspect.Parameter], args: list[Any], named: Mapping[str, Any], *, required: bool
) -> list[str]:
    """Parameters that no positional argument reaches and that are not in ``named``."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = [item.name for item in parameters.values() if item.kind in positional][: len(args)]
    return [
        item.name
        for item in parameters.values()
        if item.kind in _NAMED
        and item.name not in taken
        and item.name not in named
        and (not required or item.default is inspect.Parameter.empty)
    ]


def _required_count(parameters: Mapping[str, inspect.Parameter]) -> int:
    return sum(item.kind in _NAMED and item.default is inspect.Parameter.empty for item in parameters.values())


def describe(name: str, names: Names) -> str:
    """The names looked for, as they stand in a message."""
    return ", ".join(f"`{alias}`" for alias in known_as(name, names)[:12])
