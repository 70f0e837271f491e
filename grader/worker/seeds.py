"""Repeatable randomness for student code: every generator without a seed of its own follows the given one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import numpy as np

_RandomState = np.random.RandomState
_SOURCES: tuple[tuple[Any, str], ...] = (
    (np.random, "default_rng"),
    (np.random, "RandomState"),
    (np.random, "seed"),
    (random, "seed"),
)
"""What takes its seed from the operating system when it is given none, or None."""


@contextmanager
def seeded(seed: int, namespace: MutableMapping[str, object]) -> Iterator[None]:
    """Seed numpy's and Python's generators, and whatever is seeded with None; put all back afterwards.

    Each call of ``default_rng()``, ``RandomState()`` and ``seed(None)`` gets the next seed spawned from ``seed``,
    never the same one twice. Where the student imported these by name, ``namespace`` is changed for the time being.
    """
    state, numpy_state = random.getstate(), np.random.get_state()
    originals = [getattr(module, name) for module, name in _SOURCES]
    reseed(seed)
    root = np.random.SeedSequence(abs(seed))
    followers = [_FOLLOWERS[name](original, root) for (_, name), original in zip(_SOURCES, originals, strict=True)]
    borrowed = {
        key: position
        for key, value in list(namespace.items())
        for position, original in enumerate(originals)
        if value is original
    }
    for (module, name), follower in zip(_SOURCES, followers, strict=True):
        setattr(module, name, follower)
    namespace.update({key: followers[position] for key, position in borrowed.items()})
    try:
        yield
    finally:
        for (module, name), original in zip(_SOURCES, originals, strict=True):
            setattr(module, name, original)
        for key, position in borrowed.items():
            if namespace.get(key) is followers[position]:
                namespace[key] = originals[position]
        random.setstate(state)
        np.random.set_state(numpy_state)


def reseed(seed: int) -> None:
    """Seed the two global generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)


def _function(original: Any, root: np.random.SeedSequence) -> Any:
    def default_rng(seed: Any = None) -> Any:
        return original(root.spawn(1)[0] if seed is None else seed)

    default_rng.__doc__ = original.__doc__
    return default_rng


def _seeding(original: Any, root: np.random.SeedSequence) -> Any:
    def seed(a: Any = None, *more: Any, **named: Any) -> None:
        if "seed" in named:
            a = named.pop("seed")
        original(_next(root) if a is None else a, *more, **named)

    seed.__doc__ = original.__doc__
    return seed


class _Kind(type):
    """Of the class in place of ``RandomState``: the real one's instances are its own."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _RandomState)


def _kind(original: Any, root: np.random.SeedSequence) -> Any:
    class RandomState(original, metaclass=_Kind):  # type: ignore[misc]
        def __init__(self, seed: Any = None) -> None:
            super().__init__(_next(root) if seed is None else seed)

    RandomState.__doc__ = original.__doc__
    return RandomState


def _next(root: np.random.SeedSequence) -> int:
    return int(root.spawn(1)[0].generate_state(1)[0])


_FOLLOWERS: dict[str, Callable[[Any, np.random.SeedSequence], Any]] = {
    "default_rng": _function,
    "RandomState": _kind,
    "seed": _seeding,
}
