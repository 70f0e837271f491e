"""How a student's class stores its parameters: arrays or lists, components first or last.

Found out by fitting a second object on a small data set in which no two sizes are equal, and looking at the shapes.
"""

from __future__ import annotations

import copy
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from grader.model import Tree
from grader.worker.attributes import own_attributes
from grader.worker.blame import cell_of
from grader.worker.containers import entries
from grader.worker.lookup import Names, known_as, methods_of, parameters_of, pick
from grader.worker.tail import Tail

POINTS_EACH = 8
"""Points per component: a loop over points and components in Python has to be quick, too."""
SECONDS = 2.0
_ITERATION_NAMES = ("max_iters", "max_iter", "n_iter", "n_iters", "iterations", "num_iters", "epochs", "n_iterations")


@dataclass(frozen=True)
class Sample:
    """What a fitted object of the class holds, with the number of components and dimensions that it was fitted with."""

    components: int
    dimensions: int
    attributes: dict[str, Any] = field(default_factory=dict)


class _OutOfTime(BaseException):
    pass


_samples: WeakKeyDictionary[type, Sample | None] = WeakKeyDictionary()


def sample_of(instance: object, components: int, make: Callable[[], object] | None, names: Names) -> Sample | None:
    """A fitted look-alike of ``instance``, found once per class; None where fitting fails or takes too long.

    ``make`` constructs another object like it; without it a deep copy is fitted. The generators are left as they were.
    """
    kind = type(instance)
    if kind not in _samples:
        state, numpy_state = random.getstate(), np.random.get_state()
        try:
            with redirect_stdout(Tail(1)), redirect_stderr(Tail(1)), _deadline(SECONDS):
                _samples[kind] = _fitted(instance, components, make, names)
        except BaseException:  # noqa: BLE001  the student's constructor and fit may raise anything
            _samples[kind] = None
        finally:
            random.setstate(state)
            np.random.set_state(numpy_state)
    return _samples[kind]


def laid_out(value: Tree, like: object, sample: Sample) -> Tree:
    """``value``, with components along its first axis, arranged and boxed as ``like`` is."""
    array = np.array(value)
    if array.ndim == 0 or like is None:
        return array if isinstance(value, np.ndarray) else value
    shape = _shape_of(like)
    order = None if shape is None else _axes(array.ndim, shape, sample)
    if shape is None or order is None:
        return boxed(array, like) if shape is not None and len(shape) == array.ndim else array
    array = array.transpose([axis for axis in order if axis is not None])
    sizes = iter(array.shape)
    return boxed(array.reshape([1 if axis is None else next(sizes) for axis in order]), like)


def fits(value: Tree, like: object, sample: Sample | None) -> bool:
    """Whether an attribute that holds ``like`` after fitting can be the one for ``value``."""
    ndim = np.ndim(value)
    if like is None or ndim == 0:
        return True
    shape = _shape_of(like)
    if shape == () or sample is None:
        return shape != ()
    return shape is not None and _axes(ndim, shape, sample) is not None


def canonical(value: object, ndim: int, sample: Sample) -> Tree:
    """The inverse of `laid_out`: ``value`` as an array with its components first, where that can be told."""
    array = np.asarray(list(value.values()) if isinstance(value, dict) else value, dtype=float)
    order = _axes(ndim, array.shape, sample)
    if order is None:
        return array
    kept = [axis for axis in order if axis is not None]
    squeezed = array.reshape([size for size, axis in zip(array.shape, order, strict=True) if axis is not None])
    return np.array(squeezed.transpose(np.argsort(kept)))


def _fitted(instance: object, components: int, make: Callable[[], object] | None, names: Names) -> Sample | None:
    other = make() if make is not None else copy.deepcopy(instance)
    fit = pick("fit", names, methods_of(other))
    if fit is None:
        return None
    iteration_names = dict.fromkeys((*known_as("max_iters", names), *_ITERATION_NAMES))
    for name, held in own_attributes(other).items():
        if name in iteration_names and type(held) is int:
            setattr(other, name, 1)
    method = getattr(other, fit)
    known = parameters_of(method) or {}
    dimensions = 2 if components != 2 else 3
    method(_points(components, dimensions), **{name: 1 for name in iteration_names if name in known})
    kept = {key: held for key, held in own_attributes(other).items() if type(held) in _KEPT or entries(held)}
    return Sample(components, dimensions, kept)


def _points(components: int, dimensions: int) -> np.ndarray[Any, Any]:
    rng = np.random.Generator(np.random.PCG64(9))
    centres = 6.0 * rng.permutation(np.arange(components * dimensions)).reshape(components, dimensions)
    which = np.arange(POINTS_EACH * components) % components
    # Wide enough that a covariance can be told from its inverse.
    return np.asarray(centres[which] + 1.5 * rng.normal(size=(len(which), dimensions)))


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Raise in a cell's code, or at a call, after ``seconds``; needs no signal, so it works in any thread."""
    end = time.monotonic() + seconds

    def watch(frame: FrameType, event: str, _arg: object) -> Any:
        if time.monotonic() > end:
            raise _OutOfTime
        if event == "call" and cell_of(frame.f_code.co_filename) is None:
            return None
        frame.f_trace_opcodes = True  # `while True: pass` on one line has no line events
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        yield
    finally:
        sys.settrace(before)


def _shape_of(value: object) -> tuple[int, ...] | None:
    if isinstance(value, dict):
        value = list(value.values())
    try:
        return np.asarray(value, dtype=float).shape
    except (TypeError, ValueError):
        return None


def _axes(ndim: int, shape: tuple[int, ...], sample: Sample) -> list[int | None] | None:
    """For each axis of ``shape`` the canonical axis that it holds, None for an axis of size 1; None if unclear."""
    wanted = [sample.components] + [sample.dimensions] * (ndim - 1)
    free = list(range(ndim))
    order: list[int | None] = []
    for position, size in enumerate(shape):
        here = next((axis for axis in free if wanted[axis] == size), None)
        if here is None and (size != 1 or len(shape) - position <= len(free)):
            return None
        if here is not None:
            free.remove(here)
        order.append(here)
    return None if free else order


def boxed(array: np.ndarray[Any, Any], like: Any) -> Tree:
    """``array`` as lists, tuples, a dict, a matrix or an array, as ``like`` is."""
    if array.ndim == 0:
        return float(array)
    if isinstance(like, list | tuple) and like:
        items = [boxed(part, like[0]) for part in array]
        return tuple(items) if isinstance(like, tuple) else items
    if isinstance(like, dict) and like:
        first = next(iter(like.values()))
        keys = list(like) if len(like) == len(array) else range(len(array))
        return {key: boxed(part, first) for key, part in zip(keys, array, strict=True)}
    return np.matrix(array) if isinstance(like, np.matrix) else np.array(array)


_KEPT = {np.ndarray, np.matrix, list, tuple, dict, int, float, bool}
