"""Extension: the Bayesian information criterion and the choice of the number of components by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from grader.compare import describe, fail, numbers, passed
from grader.model import Finding, Tree, Verdict
from grader.rubric import Expr, Function, New, Question, Read, Support, Unreadable, ask, best_of, check

from .shared import draw, overlapping, unequal_weights

SIZES = (3, 4, 611)
"""D, K, N: chosen so that nearly all wrong formulas seen in student code differ from the right one and one another."""
OTHER_SIZES = (5, 3, 430)
"""Tells those apart that coincide for D = 3, where D(D-1)/2 is D."""

FORMULA = "BIC = -2 * (total log-likelihood) + p * ln N with p = (K-1) + K*D + K*D*(D+1)/2 free parameters."
_KEYS = ("bic", "bic_score", "score", "value")


def one_number(value: Tree, inputs: Mapping[str, Tree]) -> Read:
    """A float from a number, an array of one, or the first such in a tuple or dict."""
    for part, where in _numbers(value):
        array = numbers(part)
        if array is not None and array.size == 1 and array.dtype.kind in "biuf":
            return Read(float(array.ravel()[0]), (where,) if where else ())
    if value is None:
        raise Unreadable("`compute_bic(gmm, X)` returned nothing (`None`).", "Return the number that you computed.")
    raise Unreadable(f"`compute_bic(gmm, X)` returned {describe(value)}; expected one number.", FORMULA)


def _numbers(value: Tree) -> Iterator[tuple[Tree, str]]:
    yield value, ""
    if isinstance(value, dict):
        known = [value[key] for key in value if key.lower() in _KEYS]
        for part in known or value.values():
            yield part, "Your BIC was found in the dict that `compute_bic` returned."
    elif isinstance(value, list | tuple):
        for part in value:
            yield part, f"The first number in the {type(value).__name__} that `compute_bic` returned was taken."


def same_number(answer: Tree, mistaken: Tree, inputs: Mapping[str, Tree]) -> bool:
    """Two formulas give the same number when it is the same to a part in a million (covariances may be regularised)."""
    return bool(abs(answer - mistaken) <= 1e-6 * max(1.0, abs(mistaken)))


def off_by(answer: Tree, expected: Tree, inputs: Mapping[str, Tree]) -> float:
    """For the power guard, in units of ln N."""
    gap = abs(answer - expected) / np.log(len(inputs["X"]))
    return float(gap) if np.isfinite(gap) else float("inf")


def _asked(rng: np.random.Generator, sizes: tuple[int, int, int], premised: bool) -> Question:
    D, K, N = sizes
    mixture = overlapping(rng, D, K)
    mixture["weights"] = unequal_weights(rng, K, 1.3)
    X = draw(rng, mixture, N)
    gmm: Expr = New("GMM", n_components=K, _data=X).given(mixture)
    if premised:
        gmm = gmm.patched(log_likelihood=Support("live_log_likelihood")(), _e_step=Support("live_e_step")())
        gmm = Support("with_history")(gmm, X)
    return Question(Function("compute_bic")(gmm, X), inputs={"X": X, "mixture": mixture})


@ask(public=True, reads=one_number, same=same_number, guard=off_by, margin=0.5)
def bic_as_written(rng: np.random.Generator) -> Question:
    """`compute_bic` of a mixture with 4 components in 3 dimensions, with your own `log_likelihood`."""
    return _asked(rng, SIZES, premised=False)


@ask(public=True, reads=one_number, same=same_number, guard=off_by, margin=0.5, premised=True)
def bic_with_premises(rng: np.random.Generator) -> Question:
    """`compute_bic` of a mixture with 4 components in 3 dimensions, with the grader's `log_likelihood` and history."""
    return _asked(rng, SIZES, premised=True)


@ask(reads=one_number, same=same_number)
def bic_other_as_written(rng: np.random.Generator) -> Question:
    """`compute_bic` of a mixture with 3 components in 5 dimensions, with your own `log_likelihood`."""
    return _asked(rng, OTHER_SIZES, premised=False)


@ask(reads=one_number, same=same_number, premised=True)
def bic_other_with_premises(rng: np.random.Generator) -> Question:
    """`compute_bic` of a mixture with 3 components in 5 dimensions, with the grader's `log_likelihood` and history."""
    return _asked(rng, OTHER_SIZES, premised=True)


@ask()
def chosen_components(rng: np.random.Generator) -> Question:
    """The number of components that your notebook settled on."""
    return Question(Support("found_numbers")(["best", "optimal", "k_opt", "n_opt", "chosen"]))


@check("bic", chosen_components)
def choice(answer: dict[str, int]) -> Finding:
    """The number of components is chosen among 1 to 10 (told, carries no points)"""
    if not answer:
        return fail(
            "No variable with the chosen number of components was found after your notebook ran.",
            "Fit K = 1 to 10, keep the K with the lowest BIC under a name such as `best_k`, and show it.",
        )
    name, chosen = next(iter(answer.items()))
    if 1 <= chosen <= 10:
        return passed(f"Your notebook settles on {chosen} component{'s' if chosen != 1 else ''} (`{name}`).")
    return fail(f"`{name}` is {chosen}; the activity asks for the best K among 1 to 10.")


@check("bic", best_of(bic_as_written, bic_with_premises))
def value(answer: float, expected: float, inputs: dict[str, Any], tolerance: float) -> Finding:
    """The number is -2 times the total log-likelihood plus the number of free parameters times ln N"""
    return _compare(answer, expected, inputs, tolerance)


@check("bic", best_of(bic_other_as_written, bic_other_with_premises))
def other_sizes(answer: float, expected: float, inputs: dict[str, Any], tolerance: float) -> Finding:
    """It is so for other numbers of components, dimensions and points as well"""
    return _compare(answer, expected, inputs, tolerance)


def _compare(answer: float, expected: float, inputs: dict[str, Any], tolerance: float) -> Finding:
    N, D, K = *np.shape(inputs["X"]), len(inputs["mixture"]["weights"])
    if not np.isfinite(answer):
        return fail(f"`compute_bic` returned {answer}.", FORMULA)
    off = (answer - expected) / np.log(N)
    if abs(off) <= tolerance:
        return Finding(Verdict.PASS, margin=abs(off) / tolerance)
    size = "too large" if off > 0 else "too small"
    told = _told(answer, expected, (N, D, K))
    message = f"For a mixture with K = {K}, D = {D} and N = {N} points, your BIC is {size}. {told}"
    return Finding(Verdict.FAIL, message.strip(), FORMULA, margin=abs(off) / tolerance)


def _told(answer: float, expected: float, sizes: tuple[int, int, int]) -> str:
    """What the number itself tells: the likelihood part is right, or the penalty is."""
    N, D, K = sizes
    p = (K - 1) + K * D + K * D * (D + 1) / 2
    total = (p * np.log(N) - expected) / 2
    if abs(answer + expected) < 1e-6 * abs(expected):
        return "The sign is turned around."
    counted = (answer + 2 * total) / np.log(N)
    if abs(counted) < 1e-6:
        return "It is -2 times the log-likelihood alone; the penalty is missing."
    if abs(counted - round(counted)) < 1e-6 and 0 <= counted <= 500:
        return f"It is what comes out with {round(counted)} free parameters; count them again."
    if abs(answer - p * np.log(N) + 2 * total / N) < 1e-6 * abs(expected):
        return "The penalty is right; the log-likelihood is the mean per point, not the total."
    return ""
