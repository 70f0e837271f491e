"""Write a question as if the student's code were at hand; get a straight-line program as data.

::

    gmm = New("GMM", n_components=3).given(weights=w, means=m, covariances=c)
    returned = gmm.call("_e_step", X)
    return {"returned": returned, "state": gmm.state()}

Each call appends one step; steps run in the worker in the order in which they were written, each result is
kept, and an expression used twice is evaluated once. The vocabulary of steps (``op``):

========== ======================================== =====================================================
op         fields                                   result
========== ======================================== =====================================================
new        name, args, kwargs                       an instance of the student's class
given      on, values {canonical name: value}       the same instance, its parameters set
call       on, method, args, kwargs                 what the method returned
function   name, args, kwargs                       what the student's function returned
get        on, name                                 an attribute, looked up under its other names too
state      on                                       dict of the instance's attributes that are plain data
patch      on, methods {canonical name: node}       the same instance with methods replaced
support    name, args, kwargs                       what the function of the support module returned
========== ======================================== =====================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from grader.model import Tree

_program: ContextVar[list[dict[str, Tree]]] = ContextVar("program")


@dataclass(frozen=True, eq=False)
class Expr:
    """The result of step ``index`` of the program being written."""

    index: int

    def given(self, values: Mapping[str, Tree] | None = None, /, **more: Tree) -> Expr:
        """Set parameters by canonical name, stored the way the student stores them."""
        return _step("given", on=self, values={**(values or {}), **more})

    def call(self, method: str, /, *args: Tree, **kwargs: Tree) -> Expr:
        """Call a method of the student's object."""
        return _step("call", on=self, method=method, args=list(args), kwargs=kwargs)

    def get(self, name: str, /) -> Expr:
        """Read an attribute by canonical name."""
        return _step("get", on=self, name=name)

    def state(self) -> Expr:
        """All attributes of the object that are plain data, as a dict."""
        return _step("state", on=self)

    def patched(self, **methods: Expr) -> Expr:
        """Put the grader's methods in place of the student's, on this object only."""
        return _step("patch", on=self, methods=methods)


def New(name: str, /, *args: Tree, **kwargs: Tree) -> Expr:  # noqa: N802  reads as a constructor call
    """Construct the student's class ``name``."""
    return _step("new", name=name, args=list(args), kwargs=kwargs)


@dataclass(frozen=True)
class Function:
    """The student's function ``name``."""

    name: str

    def __call__(self, *args: Tree, **kwargs: Tree) -> Expr:
        return _step("function", name=self.name, args=list(args), kwargs=kwargs)


@dataclass(frozen=True)
class Support:
    """A function of the rubric's support module, which runs in the worker beside the student's code."""

    name: str

    def __call__(self, *args: Tree, **kwargs: Tree) -> Expr:
        return _step("support", name=self.name, args=list(args), kwargs=kwargs)


def write(build: Callable[[], Any]) -> tuple[tuple[dict[str, Tree], ...], Any]:
    """Run ``build`` and return the steps that it wrote and what it returned."""
    steps: list[dict[str, Tree]] = []
    token = _program.set(steps)
    try:
        returned = build()
    finally:
        _program.reset(token)
    return tuple(steps), returned


def plain(value: Tree) -> Tree:
    """Replace expressions in ``value`` by references to their steps."""
    if isinstance(value, Expr):
        return {"$ref": value.index}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(item) for item in value)
    return value


def _step(op: str, **fields: Tree) -> Expr:
    try:
        steps = _program.get()
    except LookupError:
        raise RuntimeError("questions can only be written inside a function marked @ask") from None
    steps.append({"op": op, **plain(fields)})
    return Expr(len(steps) - 1)
