"""Comparisons of a student's answer with what was expected, and the words for what came back. Pure.

Every comparison returns a `Finding` and takes whatever came back: text, ragged lists, NaN, wrong shapes and
`Opaque` values are wrong answers, never exceptions. Messages describe the student's own values and the shape or
kind that was expected; they never show an expected value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from grader.model import Finding, Opaque, Tree, Verdict

Array = npt.NDArray[Any]

_WORDS = {"b": "true/false values", "i": "whole numbers", "u": "whole numbers", "f": "numbers", "c": "complex numbers"}


def numbers(value: Tree) -> Array | None:
    """``value`` as an array of numbers, or None where it is not one (text, ragged lists, objects)."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "biufc" else None
    if isinstance(value, bool | int | float | complex):
        return np.asarray(value) if not isinstance(value, int) or abs(value) < 2**63 else None
    if isinstance(value, list | tuple):
        parts = [numbers(item) for item in value]
        if any(part is None for part in parts):
            return None
        arrays = [part for part in parts if part is not None]
        if len({part.shape for part in arrays}) > 1:
            return None
        return np.stack(arrays) if arrays else np.empty(0)
    return None


def reals(value: Tree) -> Array | None:
    """``value`` as an array of floats, or None; complex numbers count where their imaginary part is 0."""
    got = numbers(value)
    if got is None or got.dtype.kind != "c":
        return None if got is None else np.asarray(got, dtype=float)
    return None if np.any(got.imag != 0) else np.asarray(got.real, dtype=float)


def describe(value: Tree) -> str:
    """What came back, in a few words: "an array of shape (3, 200)", "nothing (None)", "the text 'abc'"."""
    if value is None:
        return "nothing (`None`)"
    if isinstance(value, bool):
        return f"the truth value `{value}`"
    if isinstance(value, int | float | complex):
        return (
            f"the single number {value:.6g}" if not isinstance(value, int) or abs(value) < 10**12 else "a huge integer"
        )
    if isinstance(value, str):
        return f"the text {value[:40]!r}{'...' if len(value) > 40 else ''}"
    if isinstance(value, np.ndarray):
        return f"an array of {_WORDS.get(value.dtype.kind, 'values')} with shape {value.shape}"
    if isinstance(value, dict):
        keys = ", ".join(f"`{str(key)[:20]}`" for key in list(value)[:5])
        return f"a dict with the keys {keys}" if value else "an empty dict"
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        if not value:
            return f"an empty {kind}"
        array = numbers(value)
        if array is not None and array.ndim > 0:
            return f"a {kind} of numbers with shape {array.shape}"
        return f"a {kind} of {len(value)}, the first of them {describe(value[0])}"
    if isinstance(value, Opaque):
        return f"an object of type `{value.type_name[:60]}`"
    return f"a value of type `{type(value).__name__}`"


def close(
    answer: Tree, expected: Tree, *, atol: float, rtol: float = 0.0, what: str = "The answer", hint: str = ""
) -> Finding:
    """Pass where every element is within ``atol + rtol * |expected|``; NaN and infinity never are."""
    wanted = np.asarray(expected, dtype=float)
    got = reals(answer)
    if got is None or got.shape != wanted.shape:
        return wrong_shape(answer, wanted.shape, what=what, hint=hint)
    lost = count_lost(got)
    if lost:
        return fail(f"{what}: {lost} of {got.size} values are NaN or infinite.", hint)
    if got.size == 0:
        return Finding(Verdict.PASS, margin=0.0)
    difference = np.abs(got - wanted)
    allowed = atol + rtol * np.abs(wanted)
    margin = float(np.max(difference / np.maximum(allowed, 1e-300)))
    if margin <= 1.0:
        return Finding(Verdict.PASS, margin=margin)
    worst = np.unravel_index(int(np.argmax(difference / np.maximum(allowed, 1e-300))), difference.shape)
    share = int(np.count_nonzero(difference > allowed))
    where = f" (the furthest at index {tuple(int(i) for i in worst)})" if difference.ndim else ""
    told = explain(got, wanted)
    message = (
        f"{what}: {share} of {got.size} values are off by up to {difference[worst]:.3g}{where}.{told and ' ' + told}"
    )
    return Finding(Verdict.FAIL, message, hint, margin=margin)


def wrong_shape(answer: Tree, shape: tuple[int, ...], *, what: str = "The answer", hint: str = "") -> Finding:
    """A failure that says what came back and which shape was expected, and names a transposition."""
    got = reals(answer)
    turned = got is not None and got.ndim == 2 and got.shape == shape[::-1]
    told = " It has the right number of entries, but is transposed." if turned else ""
    return fail(
        f"{what}: got {describe(answer)}, expected {'one number' if shape == () else f'shape {shape}'}.{told}", hint
    )


def shaped(answer: Tree, shape: tuple[int | None, ...], *, what: str = "The answer", hint: str = "") -> Finding:
    """Pass where ``answer`` is an array of finite numbers of this shape; None stands for any length."""
    got = reals(answer)
    wanted = "(" + ", ".join("n" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"
    fits = got is not None and got.ndim == len(shape)
    fits = fits and got is not None and all(n is None or n == m for n, m in zip(shape, got.shape, strict=True))
    if not fits or got is None:
        return fail(f"{what}: got {describe(answer)}, expected an array of shape {wanted}.", hint)
    lost = count_lost(got)
    if lost:
        return fail(f"{what}: {lost} of {got.size} values are NaN or infinite.", hint)
    return Finding(Verdict.PASS)


def stochastic(answer: Tree, *, atol: float, what: str = "The rows", hint: str = "") -> Finding:
    """Pass where ``answer`` is (N, K), not negative, and every row sums to 1 within ``atol``."""
    got = reals(answer)
    if got is None or got.ndim != 2:
        return fail(f"{what}: got {describe(answer)}, expected a two-dimensional array.", hint)
    lost = count_lost(got)
    if lost:
        return fail(f"{what}: {lost} of {got.size} values are NaN or infinite.", hint)
    sums = got.sum(axis=1)
    if got.min(initial=0.0) < -atol:
        return fail(f"{what}: some values are negative, and probabilities never are.", hint)
    off = float(np.max(np.abs(sums - 1.0), initial=0.0))
    if off <= atol:
        return Finding(Verdict.PASS, margin=off / atol)
    low, high = (f"{edge:.4g}" for edge in (sums.min(), sums.max()))
    return Finding(
        Verdict.FAIL,
        f"{what} {f'all sum to {low}' if low == high else f'sum to between {low} and {high}'}; expected 1.",
        hint,
        margin=off / atol,
    )


def monotone(values: Tree, *, tolerance: float, what: str = "The sequence", hint: str = "") -> Finding:
    """Pass where no value is more than ``tolerance`` below the one before it."""
    got = reals(values)
    if got is None or got.ndim != 1 or got.size < 2:
        return fail(f"{what}: got {describe(values)}, expected a history of at least two numbers.", hint)
    lost = count_lost(got)
    if lost:
        return fail(f"{what}: {lost} of {got.size} values are NaN or infinite.", hint)
    falls = -np.diff(got)
    worst = int(np.argmax(falls))
    margin = max(0.0, float(falls[worst])) / tolerance
    if margin <= 1.0:
        return Finding(Verdict.PASS, margin=margin)
    message = f"{what} falls by {falls[worst]:.3g} at step {worst + 2}; it should never fall."
    return Finding(Verdict.FAIL, message, hint, margin=margin)


def positive_definite(answer: Tree, *, what: str = "The covariances", hint: str = "") -> Finding:
    """Pass where the last two axes hold symmetric matrices with positive eigenvalues."""
    got = reals(answer)
    if got is None or got.ndim < 2 or got.shape[-1] != got.shape[-2]:
        return fail(f"{what}: got {describe(answer)}, expected square matrices.", hint)
    if count_lost(got):
        return fail(f"{what} hold NaN or infinite values.", hint)
    matrices = got
    scale = max(float(np.max(np.abs(matrices), initial=0.0)), 1e-300)
    if np.max(np.abs(matrices - np.swapaxes(matrices, -1, -2)), initial=0.0) > 1e-6 * scale:
        return fail(f"{what} are not symmetric.", hint)
    smallest = float(np.min(np.linalg.eigvalsh(matrices), initial=np.inf))
    if smallest <= 0:
        return fail(f"{what} are not positive definite: the smallest eigenvalue is {smallest:.3g}.", hint)
    return Finding(Verdict.PASS)


def explain(got: Array, wanted: Array) -> str:
    """What the values themselves tell of the mistake, or nothing; both finite and of one shape."""
    if wanted.size < 2:
        return ""
    got, wanted = np.asarray(got, dtype=float), np.asarray(wanted, dtype=float)
    if not np.any(got):
        return "All of them are 0."
    if np.ptp(got) == 0 and np.ptp(wanted) > 0:
        return "All of them are the same number."
    if got.ndim == 2 and got.shape[0] > 1 and np.ptp(got, axis=0).max() == 0 and np.ptp(wanted, axis=0).max() > 0:
        return "All rows are the same."
    for told, test in _EXPLANATIONS:
        if test(got, wanted):
            return told(got, wanted)
    return ""


def _factor(got: Array, wanted: Array) -> float:
    return float(np.vdot(wanted, got) / max(float(np.vdot(wanted, wanted)), 1e-300))


def _alike(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-6, atol=1e-8 * max(1e-300, float(np.abs(b).max()))))


def _same_columns(got: Array, wanted: Array) -> bool:
    if got.ndim != 2 or got.shape[1] > 10:
        return False
    return _alike(np.sort(got, axis=1), np.sort(wanted, axis=1))


_Told: TypeAlias = Callable[[Array, Array], str]
_Test: TypeAlias = Callable[[Array, Array], bool]

_EXPLANATIONS: tuple[tuple[_Told, _Test], ...] = (
    (lambda _g, _w: "They are right up to the sign.", lambda g, w: _alike(-g, w)),
    (
        lambda g, w: f"They are all off by the same factor of {_factor(g, w):.4g}.",
        lambda g, w: abs(_factor(g, w)) > 1e-12 and _alike(g, _factor(g, w) * w),
    ),
    (
        lambda g, w: f"They are all off by the same constant, {float(np.mean(g - w)):.4g}.",
        lambda g, w: _alike(g - np.mean(g - w), w),
    ),
    (lambda _g, _w: "They come in reversed order.", lambda g, w: _alike(g[::-1], w)),
    (lambda _g, _w: "Each row holds the right values in another order.", _same_columns),
    (
        lambda _g, _w: "They are the logarithms of what was expected.",
        lambda g, w: _alike(np.exp(np.minimum(g, 700)), w),
    ),
    (lambda _g, _w: "They are the squares of what was expected.", lambda g, w: _alike(g, w**2)),
)


def count_lost(values: Array) -> int:
    """How many values are NaN or infinite."""
    return int(values.size - np.count_nonzero(np.isfinite(values)))


def fail(message: str, hint: str = "", *, fraction: float | None = None, needs_review: bool = False) -> Finding:
    """A failure, or with a ``fraction`` a partial one."""
    verdict = Verdict.PARTIAL if fraction else Verdict.FAIL
    return Finding(verdict, message, hint, fraction=fraction, needs_review=needs_review)


def passed(message: str = "", *, margin: float | None = None, needs_review: bool = False) -> Finding:
    """A pass, with something to say where it helps."""
    return Finding(Verdict.PASS, message, margin=margin, needs_review=needs_review)


def same_tree(a: Tree, b: Tree, *, rtol: float = 1e-6, atol: float = 1e-9) -> bool:
    """Are two answers the same data, numbers within the tolerance and NaN equal to NaN?"""
    x, y = numbers(a), numbers(b)
    if x is not None and y is not None:
        return x.shape == y.shape and bool(np.allclose(x, y, rtol=rtol, atol=atol, equal_nan=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_tree(a[key], b[key], rtol=rtol, atol=atol) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same_tree(p, q, rtol=rtol, atol=atol) for p, q in zip(a, b, strict=True))
    if isinstance(a, Opaque) and isinstance(b, Opaque):
        return a.type_name == b.type_name
    return type(a) is type(b) and bool(a == b)


def distance(a: Tree, b: Tree) -> float:
    """Largest absolute difference; infinite where kinds or shapes differ or a value is lost."""
    x, y = numbers(a), numbers(b)
    if x is None or y is None or x.shape != y.shape:
        return 0.0 if same_tree(a, b) else float("inf")
    if x.size == 0:
        return 0.0
    gap = float(np.max(np.abs(np.asarray(x, dtype=complex) - np.asarray(y, dtype=complex))))
    return gap if np.isfinite(gap) else float("inf")
