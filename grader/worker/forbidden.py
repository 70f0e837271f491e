"""Keep a module from doing the work of a question that is to be done from scratch."""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any


class ForbiddenUse(Exception):  # noqa: N818  its name is what the student reads
    """Code reached for a module that this question is to be answered without."""


Undo = list[Callable[[], object]]
_MARK = "what raises"
_WRAPPERS = ("__func__", "__wrapped__", "fget", "fset", "func")
"""Where decorated, static, class and cached functions and properties keep what they stand for."""


_WORKING = ("__init__", "__new__", "__call__")
"""Of the methods that Python calls by itself those that do work; to compare, print or copy an object does none."""


_LOADED: dict[str, tuple[int, dict[str, ModuleType]]] = {}
"""For a forbidden module: how many modules there were when it was looked up, and those found, itself and below it."""


@contextmanager
def forbidding(modules: Sequence[str], namespace: MutableMapping[str, object]) -> Iterator[None]:
    """While it lasts, running anything of ``modules`` raises `ForbiddenUse`.

    Functions and methods, private ones too, are changed where they are, so it does not matter by what way the student
    came to hold them: an instance, subclass, bound method or copy of a name made earlier, an import that no text
    shows, a pickle. What is not written in Python is replaced in its module and where ``namespace`` holds it. All is
    put back at the end.
    """
    undo: Undo = []
    try:
        with _codes_of_other_kinds():
            for name in modules:
                _forbid(name, namespace, undo)
        yield
    finally:
        with _codes_of_other_kinds():
            for restore in reversed(undo):
                restore()


@contextmanager
def _codes_of_other_kinds() -> Iterator[None]:
    """From 3.13 on Python warns of what is meant here: plain code in a generator's place, and back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _forbid(name: str, namespace: MutableMapping[str, object], undo: Undo) -> None:
    def raiser(*_args: Any, **_kwargs: Any) -> Any:
        raise ForbiddenUse(f"This has to be your own work: it used `{name}`, which is not allowed here.")

    seen: dict[int, bool] = {}
    for module in _modules(name):
        for key, value in list(vars(module).items()):
            if isinstance(value, type):
                for owner in value.__mro__[:-1]:
                    if id(owner) not in seen and _belongs(owner, name):
                        seen[id(owner)] = True
                        _forbid_class(owner, name, raiser, seen, undo)
            elif callable(value) and _belongs(value, name) and not _forbid_functions(value, name, raiser, seen, undo):
                undo.append(_replace(vars(module), key, raiser))
                borrowed = [mine for mine, held in list(namespace.items()) if held is value]
                undo.extend(_replace(namespace, mine, raiser) for mine in borrowed)


def read_ahead(modules: Sequence[str]) -> None:
    """Remember which modules are loaded, so that not every fork has to look through, and so copy, all of them.

    This runs outside of the forks, so it imports nothing: the notebook may have put a module of its own in the way.
    """
    for name in modules:
        if name in sys.modules and _remembered(name) is None:
            _LOADED[name] = (len(sys.modules), _loaded(name))


def _modules(name: str) -> list[ModuleType]:
    """The module and what lies below it, as far as it is loaded."""
    if name not in sys.modules:
        with contextlib.suppress(Exception):  # what can't be imported can't be used either
            importlib.import_module(name)
    known = _remembered(name)
    return list((_loaded(name) if known is None else known).values())


def _remembered(name: str) -> dict[str, ModuleType] | None:
    """What `read_ahead` found, if that is still what is loaded."""
    count, found = _LOADED.get(name, (0, {}))
    same = count == len(sys.modules) and all(sys.modules.get(key) is module for key, module in found.items())
    return found if same else None


def _loaded(name: str) -> dict[str, ModuleType]:
    loaded = list(sys.modules.items())
    return {key: module for key, module in loaded if type(module) is ModuleType and _below(key, name)}


def _below(path: object, name: str) -> bool:
    return isinstance(path, str) and (path == name or path.startswith(name + "."))


def _belongs(value: object, name: str) -> bool:
    return _below(getattr(value, "__module__", None), name)


def _forbid_class(owner: type, name: str, raiser: Callable[..., Any], seen: dict[int, bool], undo: Undo) -> None:
    for key, value in list(vars(owner).items()):
        if key in _WORKING or not key.startswith("__"):
            _forbid_functions(value, name, raiser, seen, undo)
    if not isinstance(vars(owner).get("__init__"), FunctionType):
        with contextlib.suppress(TypeError, AttributeError):  # a class in C
            old = vars(owner).get("__init__")
            owner.__init__ = raiser  # type: ignore[misc]
            undo.append(lambda: setattr(owner, "__init__", old) if old else delattr(owner, "__init__"))


def _forbid_functions(value: object, name: str, raiser: Callable[..., Any], seen: dict[int, bool], undo: Undo) -> bool:
    """Have the module's functions that ``value`` is, or wraps, raise in their own place; whether there were any."""
    if isinstance(value, type) or id(value) in seen:
        return seen.get(id(value), False)
    seen[id(value)] = False
    found = False
    if type(value) is FunctionType and _belongs(value, name):
        found = True
        undo.append(_code_restorer(value, value.__code__))
        value.__code__ = _raising(len(value.__code__.co_freevars), raiser)
    for where in _WRAPPERS:
        with contextlib.suppress(AttributeError):
            inner = object.__getattribute__(value, where)
            found = _forbid_functions(inner, name, raiser, seen, undo) or found
    seen[id(value)] = found
    return found


def _code_restorer(function: FunctionType, code: CodeType) -> Callable[[], None]:
    return lambda: setattr(function, "__code__", code)


def _raising(cells: int, raiser: Callable[..., Any]) -> CodeType:
    """Code that calls ``raiser``, for a function with so many closure cells."""
    code = _template(cells)
    return code.replace(co_consts=tuple(raiser if const == _MARK else const for const in code.co_consts))


@cache
def _template(cells: int) -> CodeType:
    names = ", ".join(f"_{number}" for number in range(cells))
    source = f"def outer({names}):\n def inner(*_args, **_kwargs):\n  call = {_MARK!r}\n  call()\n  return [{names}]"
    outer = next(const for const in compile(source, "<grader>", "exec").co_consts if isinstance(const, CodeType))
    return next(const for const in outer.co_consts if isinstance(const, CodeType))


def _replace(table: MutableMapping[str, Any], key: str, value: object) -> Callable[[], None]:
    old = table[key]
    table[key] = value

    def restore() -> None:
        if table.get(key) is value:
            table[key] = old

    return restore
