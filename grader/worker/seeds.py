"""Repeatable randomness for student code: every generator without a seed of its own follows the given one."""

from __future__ import annotations

import random
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def seeded(seed: int, namespace: MutableMapping[str, object]) -> Iterator[None]:
    """Seed numpy's and Python's generators, and ``default_rng()`` calls without a seed; put all back afterwards.

    Each call of ``default_rng()`` gets the next seed spawned from ``seed``, never the same one twice. A
    ``default_rng`` that the student imported by name is replaced in ``namespace`` for the time being.
    """
    original = np.random.default_rng
    state, numpy_state = random.getstate(), np.random.get_state()
    follower = _following(seed, original)
    borrowed = [name for name, value in list(namespace.items()) if value is original]
    reseed(seed)
    np.random.default_rng = follower
    namespace.update(dict.fromkeys(borrowed, follower))
    try:
        yield
    finally:
        np.random.default_rng = original
        namespace.update({name: original for name in borrowed if namespace.get(name) is follower})
        random.setstate(state)
        np.random.set_state(numpy_state)


def reseed(seed: int) -> None:
    """Seed the two global generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)


def _following(seed: int, original: Any) -> Any:
    root = np.random.SeedSequence(abs(seed))

    def default_rng(seed: Any = None) -> Any:
        return original(root.spawn(1)[0] if seed is None else seed)

    default_rng.__doc__ = original.__doc__
    return default_rng
