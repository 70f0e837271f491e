"""The vocabulary of questions, carried out: one method per ``op`` of `grader.asks`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from functools import partial
from types import CodeType, MethodType
from typing import Any

import numpy as np

from grader.model import Ask, Limits, Opaque, Tree
from grader.worker.attributes import attribute_names, own_attributes, write
from grader.worker.calling import call_arguments, constructor_arguments, describe
from grader.worker.containers import unfolded
from grader.worker.derived import bring_up_to_date
from grader.worker.given import canonical_parameter, fill, names_for, no_attribute, read_parameter, set_parameters
from grader.worker.layout import sample_of
from grader.worker.lookup import (
    Missing,
    Names,
    bare,
    code_of,
    find_function,
    known_as,
    methods_of,
    parameters_of,
    pick,
    roles_of,
)
from grader.worker.plain import TooLarge, is_a, to_plain
from grader.worker.subclasses import find_fullest
from grader.worker.support import Student, SupportFault, support_module

STATE_BYTES = 1 << 20
STATE_ENTRIES = 100


class Steps:
    """One run of one ask. ``notes`` are the adaptations made, ``called`` is the student code called last."""

    def __init__(self, namespace: MutableMapping[str, object], names: Names, limits: Limits) -> None:
        self.namespace = namespace
        self.names = names
        self._listed = names
        self.limits = limits
        self.notes: list[str] = []
        self.called: CodeType | None = None
        self.helping = False
        self._results: list[Any] = []
        self._made: dict[int, tuple[object, Callable[[], object]]] = {}
        self._given: dict[int, dict[str, Tree]] = {}
        self._support: Mapping[str, Any] = {}

    def run(self, ask: Ask) -> object:
        """Carry out the steps; the result is still the student's live objects.

        Raises whatever student code raises, `Missing`, or `SupportFault`.
        """
        with support_module(ask.support) as self._support:
            for step in ask.steps:
                self._results.append(self._step(step))
            return self._resolve(ask.result)

    def note(self, text: str) -> None:
        self.notes.append(str(text)[:300])

    def new(self, name: str, args: list[Any], kwargs: Mapping[str, Any]) -> object:
        kind, found = find_fullest(self.namespace, name, self.names)
        if found != name:
            self.note(f"found your {name} under `{found}`")
        args, named, left = constructor_arguments(kind, args, kwargs, self.names, self.note)
        spare = copy.deepcopy((args, named)) if all(map(_is_data, [*args, *named.values()])) else (args, named)
        self.called = code_of(kind)
        instance = kind(*args, **named)
        self.called = None
        self._made[id(instance)] = (instance, lambda: kind(*spare[0], **spare[1]))
        for key, value in left.items():
            present = [name for name in known_as(key, self.names) if _is_setting(getattr(instance, name, _put_method))]
            if present:
                write(instance, present[0], value)
                self.note(f"set `{present[0]}`, which your constructor does not take")
            else:
                self.note(f"your constructor takes no {key}; left out")
        return instance

    def given(self, instance: object, values: Mapping[str, Tree]) -> object:
        make = self._made.get(id(instance), (None, None))[1]
        self.names = set_parameters(instance, values, self.names, make, self.note)
        self._given.setdefault(id(instance), {}).update(values)
        return instance

    def call(self, instance: object, method: str, args: list[Any], kwargs: Mapping[str, Any]) -> object:
        function = self.method(instance, method)
        if id(instance) in self._given and args and is_a(args[0], np.ndarray) and args[0].ndim == 2:
            fill(instance, "n_samples", len(args[0]), self.names, attribute_names(instance))
        return self._invoke(function, args, kwargs, instance)

    def method(self, instance: object, name: str) -> Any:
        """The bound method for ``name``; a plain function of the notebook with ``self`` first will do."""
        present = methods_of(instance)
        found = pick(name, self.names, present)
        if found is not None:
            if bare(found) != bare(name):
                self.note(f"found your {name} under `{found}`")
            return getattr(instance, present[found])
        with suppress(Missing):
            function, called = find_function(self.namespace, name, self.names)
            if next(iter(parameters_of(function) or ()), "") in ("self", "gmm", "model"):
                self.note(f"`{called}` is a function outside your class; it was called with the object first")
                return partial(function, instance)
        own = [key for key in present if not key.startswith("__")][:20]
        raise Missing(
            f"Your class {type(instance).__name__} has no method `{name}`. Looked for: {describe(name, self.names)}. "
            f"It has: {', '.join(f'`{key}`' for key in own) or 'none'}."
        )

    def function(self, name: str, args: list[Any], kwargs: Mapping[str, Any]) -> object:
        try:
            function, found = find_function(self.namespace, name, self.names)
        except Missing:
            if not args or pick(name, self.names, methods_of(args[0])) is None:
                raise
            self.note(f"your {name} is a method of {type(args[0]).__name__}; it was called on the object")
            return self.call(args[0], name, args[1:], kwargs)
        if bare(found) != bare(name):
            self.note(f"found your {name} under `{found}`")
        return self._invoke(function, args, kwargs, args[0] if args else None)

    def get(self, instance: object, name: str) -> Any:
        found, value, where = self._held(instance, name)
        if not found:
            raise no_attribute(instance, name, self.names)
        if where != name:
            self.note(f"found your {name} under `{where}`")
        return value

    def read(self, instance: object, name: str, ndim: int) -> Any:
        """A parameter as an array of ``ndim`` axes, components first."""
        self._held(instance, name)
        return canonical_parameter(instance, name, ndim, self.names)

    def _held(self, instance: object, name: str) -> tuple[bool, Any, str]:
        """`read_parameter`; where nothing is found by name and the name has a role, by what is recognised."""
        found, value, where = read_parameter(instance, name, self.names)
        if (found and value is not None) or not roles_of(name, self.names):
            return found, value, where
        self.names = names_for(instance, self.names)
        return read_parameter(instance, name, self.names)

    def state(self, instance: object) -> dict[str, Tree]:
        """Attributes and properties that are plain data and small; a copy, so later steps don't change it."""
        found: dict[str, Tree] = {}
        for name in self._listed:
            self._held(instance, name)
        values: dict[str, Callable[[], object]] = {
            name: partial(_as_it_is, read_parameter(instance, name, self.names)[1])
            for name in self.names
            if self.names[name] != self._listed[name]  # it was recognised by its role: no reader knows that name
        }
        held = own_attributes(instance)
        values |= {key: partial(_as_it_is, value) for key, value in held.items() if key not in values}
        for owner in type(instance).__mro__[:-1]:
            for key, value in vars(owner).items():
                if is_a(value, property) and is_a(key, str):
                    values.setdefault(key, partial(getattr, instance, key))
        for key, read in list(values.items())[:STATE_ENTRIES]:
            with suppress(TooLarge, Exception):  # a property may raise; then it has no value
                plain = to_plain(unfolded(read()), STATE_BYTES, 8)
                if not isinstance(plain, Opaque):
                    found[key] = plain
        return found

    def patch(self, instance: object, methods: Mapping[str, Any]) -> object:
        present = methods_of(instance)
        for name, function in methods.items():
            wanted = {bare(alias) for alias in known_as(name, self.names)}
            targets = [attribute for key, attribute in present.items() if bare(key) in wanted] or [name]
            for target in dict.fromkeys(targets):
                _put_method(instance, target, function)
        return instance

    def _step(self, step: Mapping[str, Tree]) -> object:
        fields = {key: self._resolve(value) for key, value in step.items()}
        handler = _OPS.get(step.get("op", ""))
        if handler is None:
            raise SupportFault(f"unknown step {step.get('op')!r}")
        try:
            arguments = [fields[name] for name in _FIELDS[step["op"]]]
        except KeyError as missing:
            raise SupportFault(f"a step {step['op']} without {missing}") from None
        return handler(self, *arguments)

    def _resolve(self, value: Tree) -> Any:
        if isinstance(value, Mapping):
            if len(value) == 1 and "$ref" in value:
                return self._result(value["$ref"])
            return {key: self._resolve(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._resolve(item) for item in value)
        return value.copy() if isinstance(value, np.ndarray) else value

    def _result(self, index: object) -> Any:
        if not isinstance(index, int) or not 0 <= index < len(self._results):
            raise SupportFault(f"a reference to step {index!r}, which has not run")
        return self._results[index]

    def _invoke(self, function: Any, args: list[Any], kwargs: Mapping[str, Any], owner: object) -> object:
        known = self._given.get(id(owner), {})
        args, named = call_arguments(function, args, kwargs, self.names, known, self.note)
        self.called = code_of(function.func if isinstance(function, partial) else function)
        result = self._tried(function, args, named, owner)
        self.called = None
        return result

    def _tried(self, function: Any, args: list[Any], named: Mapping[str, Any], owner: object) -> object:
        """Call it; where it fails on an object whose parameters were set, derive what is behind and call again."""
        if id(owner) not in self._given:
            return function(*args, **named)
        spare = [arg.copy() if is_a(arg, np.ndarray) else arg for arg in args]
        try:
            return function(*args, **named)
        except Exception as error:
            if not self._brought_up_to_date(owner, error):
                raise
            with suppress(Exception):
                return function(*spare, **named)
            raise

    def _brought_up_to_date(self, instance: object, error: Exception) -> bool:
        values = self._given.pop(id(instance))  # one attempt
        missing = error.name if isinstance(error, AttributeError) and error.obj is instance else ""
        make = self._made.get(id(instance), (None, None))[1]
        components = next((len(value) for value in values.values() if np.ndim(value)), 3)
        told = bring_up_to_date(
            instance,
            values,
            self.names,
            sample_of(instance, components, make, self.names),
            missing if type(missing) is str else "",
            lambda: set_parameters(instance, values, self.names, make, _nothing),
        )
        self._given[id(instance)] = values
        if told:
            self.note(told)
        return bool(told)

    def _call_support(self, name: str, args: list[Any], kwargs: Mapping[str, Any]) -> object:
        function = self._support.get(name)
        if function is None:
            raise SupportFault(f"the support module defines no {name}")
        if next(iter(parameters_of(function) or ()), None) == "student":
            args = [Student(self), *args]
        self.helping = True
        result = function(*args, **kwargs)
        self.helping = False
        return result


def _is_data(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str | np.ndarray | list | tuple | dict)


def _is_setting(value: object) -> bool:
    return value is None or type(value) in (bool, int, float, str)


def _put_method(instance: object, name: str, function: Any) -> None:
    try:
        setattr(instance, name, MethodType(function, instance))
    except AttributeError:  # __slots__: a subclass of its own for this one object
        kind = type(instance)
        instance.__class__ = type(kind.__name__, (kind,), {"__slots__": (), name: function})


_OPS: dict[str, Callable[..., object]] = {
    "new": Steps.new,
    "given": Steps.given,
    "call": Steps.call,
    "function": Steps.function,
    "get": Steps.get,
    "state": Steps.state,
    "patch": Steps.patch,
    "support": Steps._call_support,
}
_FIELDS = {
    "new": ("name", "args", "kwargs"),
    "given": ("on", "values"),
    "call": ("on", "method", "args", "kwargs"),
    "function": ("name", "args", "kwargs"),
    "get": ("on", "name"),
    "state": ("on",),
    "patch": ("on", "methods"),
    "support": ("name", "args", "kwargs"),
}


def _nothing(_text: str) -> None:
    """A note that was made before."""


def _as_it_is(value: object) -> object:
    return value
