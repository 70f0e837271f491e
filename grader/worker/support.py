"""The rubric's helper module, which runs beside student code, and what its functions can do with the student's work."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

from grader.model import Tree
from grader.worker.lookup import Missing, Names, find_class, find_function

if TYPE_CHECKING:
    from grader.worker.steps import Steps

SUPPORT_MODULE = "__grader_support__"


class SupportFault(Exception):  # noqa: N818  a fault of the question, not of the student
    """The ask can't be carried out for a reason of our own."""


class Student:
    """What a support function that names its first parameter ``student`` can do with the student's work."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self.namespace = steps.namespace

    @property
    def names(self) -> Names:
        """Canonical name -> other names, those included that were recognised on the way."""
        return self._steps.names

    def note(self, text: str) -> None:
        """Tell an adaptation in the report."""
        self._steps.note(text)

    def new(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Construct the student's class."""
        return self._steps.new(name, list(args), kwargs)

    def given(self, instance: Any, /, **values: Tree) -> Any:
        """Set parameters by canonical name, in the canonical layout."""
        return self._steps.given(instance, values)

    def call(self, instance: Any, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method by canonical name."""
        return self._steps.call(instance, method, list(args), kwargs)

    def function(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function by canonical name."""
        return self._steps.function(name, list(args), kwargs)

    def method(self, instance: Any, name: str, /) -> Any:
        """A bound method by canonical name, to call many times without looking it up again."""
        return self._steps.method(instance, name)

    def get(self, instance: Any, name: str, /) -> Any:
        """An attribute by canonical name, as the student keeps it."""
        return self._steps.get(instance, name)

    def read(self, instance: Any, name: str, /, ndim: int) -> Any:
        """A parameter by canonical name as an array of ``ndim`` axes, components first."""
        return self._steps.read(instance, name, ndim)

    def find(self, name: str, /) -> Any:
        """The student's class or function of this name."""
        try:
            return find_function(self.namespace, name, self.names)[0]
        except Missing:
            return find_class(self.namespace, name, self.names)[0]


@contextmanager
def support_module(source: str) -> Iterator[Mapping[str, Any]]:
    """The names of the support source, run in a fresh module that is importable meanwhile. Raises `SupportFault`."""
    before = sys.modules.get(SUPPORT_MODULE)
    module = ModuleType(SUPPORT_MODULE)
    sys.modules[SUPPORT_MODULE] = module
    try:
        try:
            exec(compiled(source), module.__dict__)  # noqa: S102  the rubric's own
        except BaseException as error:
            raise SupportFault(f"the support module does not load: {type(error).__name__}: {error}") from error
        yield module.__dict__
    finally:
        if before is None:
            sys.modules.pop(SUPPORT_MODULE, None)
        else:
            sys.modules[SUPPORT_MODULE] = before


@lru_cache(maxsize=64)
def compiled(source: str) -> CodeType:
    """The support source's code; a worker calls this before it forks, so that no question has to compile it again."""
    return compile(source, "<grader support>", "exec", dont_inherit=True)
