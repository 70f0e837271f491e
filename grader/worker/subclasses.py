"""Take a class together with the subclasses that fill in what it leaves open, as the student's one class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any

from grader.worker.attributes import class_dict
from grader.worker.lookup import Names, bare, find_class, known_as
from grader.worker.plain import is_a
from grader.worker.stubs import function_in, is_stub

IsKnown = Callable[[str], bool]
"""Whether a method's name is one that the rubric knows."""


def find_fullest(namespace: Mapping[str, object], name: str, names: Names) -> tuple[type, str]:
    """The student's class for ``name`` with its stubs filled in, and what it is called. Raises `Missing`.

    ``class MyGMM(GMM)`` may do what ``GMM`` was left open for. One that does again what is there already is another
    thing, tried out, and is never taken.
    """
    kind, found = find_class(namespace, name, names)
    known = {bare(alias) for canonical in names for alias in known_as(canonical, names)}
    called = {id(value): key for key, value in reversed(list(namespace.items())) if is_a(value, type)}
    filling = filling_in(kind, _written(namespace.values()), lambda method: bare(method) in known)
    if not filling:
        return kind, found
    return united(kind, filling), "`, `".join(called[id(one)] for one in filling)


def filling_in(kind: type, written: Iterable[type], is_known: IsKnown) -> list[type]:
    """Of the ``written`` classes those that together fill in ``kind``; one alone if it is made of all the others."""
    kept = _adding_only(kind, written)
    filling = [one for one in kept if _fills(one, is_known) and _constructed_alike(one, kind, is_known)]
    wholes = [one for one in kept if all(_descends(one, part) or one is part for part in filling)]
    if filling and wholes and _constructed_alike(wholes[0], kind, is_known):
        return wholes[:1]
    return [one for one in filling if not any(_descends(other, one) for other in filling)]


def united(kind: type, filling: list[type]) -> type:
    """One class of all in ``filling``, where a later one comes before an earlier one."""
    if len(filling) == 1:
        return filling[0]
    name: str = type.__dict__["__name__"].__get__(kind)
    try:
        return type(name, tuple(reversed(filling)), {"__module__": "__main__"})
    except Exception:  # noqa: BLE001  slots that clash, or a metaclass that raises anything
        return filling[-1]


def _written(values: Iterable[object]) -> list[type]:
    """The notebook's own classes, each once."""
    kinds: list[Any] = [value for value in list(values) if is_a(value, type)]
    return [one for one in {id(kind): kind for kind in kinds}.values() if _module_of(one) == "__main__"]


def _module_of(kind: type) -> object:
    module = class_dict(kind).get("__module__")
    return module if type(module) is str else None


def _adding_only(kind: type, written: Iterable[type]) -> list[type]:
    """Subclasses of ``kind``, bases first, that override nothing which is really there, nor have such a base."""
    family = sorted((one for one in written if _descends(one, kind)), key=lambda one: len(_mro(one)))
    others: list[type] = []
    kept: list[type] = []
    for one in family:
        apart = _overrides(one) or any(_descends(one, other) for other in others)
        (others if apart else kept).append(one)
    return kept


def _descends(one: type, base: type) -> bool:
    return any(above is base for above in _mro(one)[1:])


def _overrides(one: type) -> bool:
    return any(_does_something(_inherited(one, name)) for name in _methods(one))


def _fills(one: type, is_known: IsKnown) -> bool:
    return any(
        is_known(name) and not is_stub(method.__code__) and not _does_something(_inherited(one, name))
        for name, method in _methods(one).items()
    )


def _constructed_alike(one: type, kind: type, is_known: IsKnown) -> bool:
    """Whether ``one`` can be constructed as ``kind`` is: its own constructor demands nothing further."""
    own, first = function_in(_found(_mro(one), "__init__")), function_in(_found(_mro(kind), "__init__"))
    if own is None or own is first:
        return True
    taken = {bare(name) for name in _parameters(first)} if first is not None else None
    demanded = _parameters(own)[: len(_parameters(own)) - len(own.__defaults__ or ())]
    return all(bare(name) in taken if taken is not None else is_known(name) for name in demanded)


def _parameters(function: FunctionType) -> tuple[str, ...]:
    return function.__code__.co_varnames[1 : function.__code__.co_argcount]


def _methods(one: type) -> dict[str, FunctionType]:
    """What the class itself defines, but for what Python calls by itself: a constructor may well be extended."""
    held = {key: function_in(value) for key, value in class_dict(one).items() if type(key) is str}
    return {
        key: function
        for key, function in held.items()
        if function is not None and not (key.startswith("__") and key.endswith("__"))
    }


def _does_something(held: object) -> bool:
    """Whether what a class holds is a method that was not left open."""
    function = function_in(held)
    return callable(held) if function is None else not is_stub(function.__code__)


def _inherited(one: type, name: str) -> object:
    return _found(_mro(one)[1:], name)


def _found(owners: Iterable[type], name: str) -> object:
    return next((held[name] for held in map(class_dict, owners) if name in held), None)


def _mro(kind: type) -> tuple[type, ...]:
    """Without the help of its metaclass, which may be a student's."""
    found: tuple[type, ...] = type.__dict__["__mro__"].__get__(kind)
    return found
