"""Keep linear algebra on one thread: small matrices lose many times more than they gain where the cores are shared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401  has linear algebra of its own, which must be loaded to be found

    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS and OpenMP of this process at one thread; what was set before is set again."""
    with _controller().limit(limits=1):
        yield
