"""Keep a module from doing the work of a question that is to be done from scratch."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any


class ForbiddenUse(Exception):  # noqa: N818  its name is what the student reads
    """Code reached for a module that this question is to be answered without."""


_ABSENT = object()


@contextmanager
def forbidding(modules: Sequence[str], namespace: MutableMapping[str, object]) -> Iterator[None]:
    """While it lasts, constructing, fitting or calling anything of ``modules`` raises `ForbiddenUse`.

    Classes are changed in place, so that instances made earlier and subclasses are met as well; functions are
    replaced in their module and where ``namespace`` holds them. All is put back at the end.
    """
    undo: list[Callable[[], None]] = []
    try:
        for name in modules:
            module = _module(name)
            if module is not None:
                _forbid(name, module, namespace, undo)
        yield
    finally:
        for restore in reversed(undo):
            restore()


def _module(name: str) -> ModuleType | None:
    if name not in sys.modules:
        with contextlib.suppress(Exception):  # what can't be imported can't be used either
            importlib.import_module(name)
    return sys.modules.get(name)


def _forbid(
    name: str, module: ModuleType, namespace: MutableMapping[str, object], undo: list[Callable[[], None]]
) -> None:
    def raiser(*_args: Any, **_kwargs: Any) -> Any:
        raise ForbiddenUse(f"This has to be your own work: it used `{name}`, which is not allowed here.")

    seen: set[type] = set()
    for key, value in list(vars(module).items()):
        if isinstance(value, type):
            for owner in value.__mro__[:-1]:
                if owner not in seen and _belongs(owner, name):
                    seen.add(owner)
                    _forbid_class(owner, raiser, undo)
        elif isinstance(value, FunctionType) and _belongs(value, name):
            undo.append(_replace(vars(module), key, raiser))
            borrowed = [mine for mine, held in list(namespace.items()) if held is value]
            undo.extend(_replace(namespace, mine, raiser) for mine in borrowed)


def _belongs(value: Any, module: str) -> bool:
    home = value.__module__
    return isinstance(home, str) and (home == module or home.startswith(module + "."))


def _forbid_class(owner: type, raiser: Callable[..., Any], undo: list[Callable[[], None]]) -> None:
    public = [key for key, value in vars(owner).items() if isinstance(value, FunctionType) and not key.startswith("_")]
    for key in ["__init__", *public]:
        old = vars(owner).get(key, _ABSENT)
        try:
            setattr(owner, key, raiser)
        except (TypeError, AttributeError):
            continue  # a class in C
        undo.append(_class_restorer(owner, key, old))


def _class_restorer(owner: type, key: str, old: object) -> Callable[[], None]:
    return lambda: delattr(owner, key) if old is _ABSENT else setattr(owner, key, old)


def _replace(table: MutableMapping[str, Any], key: str, value: object) -> Callable[[], None]:
    old = table[key]
    table[key] = value

    def restore() -> None:
        if table.get(key) is value:
            table[key] = old

    return restore
