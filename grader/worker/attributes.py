"""What attributes a student's object has or works with, and how to read and write them."""

from __future__ import annotations

import dis
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from grader.worker.lookup import Names, bare, known_as
from grader.worker.plain import is_a

_LONG_CODE = 1 << 16
"""Bytes of code that no question has to wait for: what is longer is read in the question's own time."""


def own_attributes(instance: object) -> dict[str, Any]:
    """What is stored on the object itself: its ``__dict__`` and its slots."""
    try:
        found = dict(object.__getattribute__(instance, "__dict__"))
    except AttributeError:
        found = {}
    for owner in type(instance).__mro__[:-1]:
        slots = vars(owner).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            try:
                found.setdefault(name, object.__getattribute__(instance, name))
            except AttributeError:
                continue
    return {key: value for key, value in found.items() if type(key) is str}


def attribute_names(instance: object) -> list[str]:
    """Names stored on the object, then properties and fields, then those its methods read or write as ``self.X``."""
    names = dict.fromkeys(own_attributes(instance))
    owners = [owner for owner in type(instance).__mro__[:-1] if isinstance(owner, type)]
    for owner in owners:
        names.update(dict.fromkeys(key for key, value in vars(owner).items() if is_a(value, property)))
        slots = vars(owner).get("__slots__", ())
        names.update(dict.fromkeys((slots,) if isinstance(slots, str) else slots))
        names.update(dict.fromkeys(vars(owner).get("__annotations__", ())))
    for owner in owners:
        for value in list(vars(owner).values()):
            for function in _functions_in(value):
                names.update(dict.fromkeys(self_attributes(function.__code__)))
    return [name for name in names if type(name) is str and not _is_method(type(instance), name)]


@lru_cache(maxsize=4096)
def self_attributes(code: CodeType) -> tuple[str, ...]:
    """Attributes that the code reads or writes on its first parameter, in the order of the code."""
    if not code.co_argcount:
        return ()
    return tuple(dict.fromkeys(_attributes_on(code, code.co_varnames[0])))


def class_dict(owner: type) -> dict[str, Any]:
    """What the class holds itself, got at without the help of its metaclass, which may be a student's."""
    return dict(type.__dict__["__dict__"].__get__(owner))


def is_computed(instance: object, name: str) -> bool:
    """Is it a property that can't be set?"""
    prop: Any = getattr(type(instance), name, None)
    return is_a(prop, property) and prop.fset is None


def read_ahead(namespace: Mapping[str, Any]) -> None:
    """Remember `self_attributes` of the notebook's own methods, so that not every fork has to read their code again.

    This runs outside of the forks, so it touches nothing that could run student code: plain functions in the
    dictionaries of classes, got at without the help of a metaclass.
    """
    for owner in list(namespace.values()):
        if is_a(owner, type):
            held = class_dict(owner)
            if type(held.get("__module__")) is str and held["__module__"] == "__main__":
                for value in held.values():
                    if type(value) is FunctionType and len(value.__code__.co_code) < _LONG_CODE:
                        self_attributes(value.__code__)


def matching(name: str, names: Names, present: list[str]) -> list[str]:
    """All of ``present`` that stand for ``name``: as it is, then by alias, then spelt alike."""
    wanted = known_as(name, names)
    found = [candidate for candidate in wanted if candidate in present]
    spelt = {bare(candidate) for candidate in wanted if len(candidate) > 1}
    return found + [item for item in present if item not in found and bare(item) in spelt]


def write(instance: object, name: str, value: object) -> None:
    """Set an attribute; behind a read-only property set the field that it reads.

    Raises AttributeError when the object refuses.
    """
    if not is_computed(instance, name):
        _store(instance, name, value)
        return
    prop: Any = getattr(type(instance), name)
    read = self_attributes(prop.fget.__code__) if isinstance(prop.fget, FunctionType) else ()
    field = read[0] if read else "_" + name
    for form in (*forms(value), value):
        _store(instance, field, form)
        if reads_as(instance, name, value):
            return


def forms(value: object) -> Iterator[object]:
    """A parameter as it is, then what else a class may keep of (K, D, D) covariances to compute them from."""
    yield value
    if is_a(value, np.ndarray) and value.ndim == 3:  # type: ignore[attr-defined]
        matrices = np.asarray(value, dtype=float)
        with suppress(np.linalg.LinAlgError):
            factors, inverses = np.linalg.cholesky(matrices), np.linalg.inv(matrices)
            yield from (factors, inverses, np.linalg.cholesky(inverses), np.linalg.inv(factors))


def reads_as(instance: object, name: str, value: object) -> bool:
    """Whether a property gives the value back, up to rounding."""
    try:
        got = getattr(instance, name)
    except Exception:  # noqa: BLE001  a property may raise anything
        return False
    return same_numbers(got, value)


def same_numbers(held: object, value: object) -> bool:
    """Whether both are numbers of one shape, the same up to rounding."""
    try:
        got, wanted = np.asarray(held, dtype=float), np.asarray(value, dtype=float)
    except Exception:  # noqa: BLE001  a student's object may raise anything
        return False
    return got.shape == wanted.shape and bool(np.allclose(got, wanted, rtol=1e-6, atol=1e-9))


def _store(instance: object, name: str, value: object) -> None:
    try:
        setattr(instance, name, value)
    except AttributeError:
        object.__setattr__(instance, name, value)  # a frozen dataclass


def _functions_in(value: Any) -> list[Any]:
    if is_a(value, property):
        return [part for part in (value.fget, value.fset) if isinstance(part, FunctionType)]
    if is_a(value, classmethod, staticmethod):
        return []
    if not is_a(value, FunctionType):
        return []
    return [part for part in (value, getattr(value, "__wrapped__", None)) if is_a(part, FunctionType)]


def _is_method(owner: type, name: str) -> bool:
    held = getattr(owner, name, None)
    return callable(held) and not is_a(held, property)


def _attributes_on(code: CodeType, first: str) -> list[str]:
    found = []
    last: Any = None
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_ATTR", "STORE_ATTR", "LOAD_METHOD") and last == first:
            found.append(str(instruction.argval))
        if instruction.opname.startswith(("LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF")):
            last = instruction.argval[-1] if isinstance(instruction.argval, tuple) else instruction.argval
        else:
            last = None
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and first in constant.co_freevars:
            found += _attributes_on(constant, first)
    return found
