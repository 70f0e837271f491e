"""TODO 1, the E-step: asked with given parameters in several sizes, and held against the posterior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from grader import laws
from grader.compare import close, count_lost, distance, fail, stochastic, wrong_shape
from grader.model import Finding, Verdict
from grader.rubric import New, Question, ask, check

from .reading import posterior
from .shared import Array, Mixture, draw, overlapping

N = 150
MARGIN = 0.05
"""Every catalogued mistake is at least this far from the posterior in the questions that it touches."""
REGULAR = 1e-3
"""Share of the data's variance that a correct E-step may add to the diagonals."""
REGULAR_CHANGES = 5e-3
"""How much of a posterior that is at most: half of what it may be off."""
LIKELY = (
    "Check three things in turn: the density of one point under one component (`multivariate_normal.pdf` gives the "
    "same), its product with the weight of that component, and the sum over the row that you divide by."
)


def same(answer: Any, mistaken: Any, inputs: Mapping[str, Any]) -> bool:
    """Two E-steps behave alike: the same shape, and values within what a small regularisation changes."""
    return np.shape(answer) == np.shape(mistaken) and (
        distance(answer, mistaken) <= 4e-3 or bool(np.array_equal(answer, mistaken, equal_nan=True))
    )


def power(answer: Any, expected: Any, inputs: Mapping[str, Any]) -> float:
    """Largest deviation of a mistake; 0 where it is rounding only, so the mistake does not touch this question."""
    gap = distance(answer, expected)
    return gap if gap > 1e-9 else 0.0


def given(rng: np.random.Generator, D: int, K: int) -> tuple[Mixture, Array]:
    """Overlapping components and points of them, drawn until `REGULAR` on the diagonals changes no posterior much."""
    while True:
        params = overlapping(rng, D, K)
        X = draw(rng, params, N)
        added = params["covariances"] + REGULAR * X.var() * np.eye(D)
        regular = laws.posterior(X, params["weights"], params["means"], added)
        if np.max(np.abs(regular - laws.posterior(X, **params))) <= REGULAR_CHANGES:
            return params, X


def question(rng: np.random.Generator, D: int, K: int) -> Question:
    """The E-step of overlapping components."""
    params, X = given(rng, D, K)
    gmm = New("GMM", n_components=K, _data=X).given(params)
    returned = gmm.call("_e_step", X)
    return Question({"returned": returned, "state": gmm.state()}, inputs={"X": X, "params": params})


@ask(public=True, reads=posterior, same=same, guard=power, margin=MARGIN)
def responsibilities(rng: np.random.Generator) -> Question:
    """E-step on three overlapping components in the plane, with given parameters."""
    return question(rng, 2, 3)


@ask(public=True, reads=posterior, same=same, guard=power, margin=MARGIN)
def responsibilities_two(rng: np.random.Generator) -> Question:
    """E-step on two overlapping components in the plane, with given parameters."""
    return question(rng, 2, 2)


@ask(reads=posterior, same=same, guard=power, margin=MARGIN)
def responsibilities_line(rng: np.random.Generator) -> Question:
    """E-step on two overlapping components in one dimension, with given parameters."""
    return question(rng, 1, 2)


@ask(reads=posterior, same=same, guard=power, margin=MARGIN)
def responsibilities_space(rng: np.random.Generator) -> Question:
    """E-step on three overlapping components in three dimensions, with given parameters."""
    return question(rng, 3, 3)


@ask(reads=posterior, same=same, guard=power, margin=0.08)
def responsibilities_high(rng: np.random.Generator) -> Question:
    """E-step on three overlapping components in six dimensions, with given parameters."""
    return question(rng, 6, 3)


def thrice(value: Any, inputs: Mapping[str, Any]) -> Any:
    """Read each of the three calls; the notes of the first stand for all."""
    first = posterior({"returned": value["first"], "state": value["kept_first"]}, inputs)
    few = posterior({"returned": value["few"], "state": value["kept_few"]}, {**inputs, "X": inputs["few"]})
    again = posterior({"returned": value["again"], "state": value["kept_again"]}, inputs)
    return {"first": first.value, "few": few.value, "again": again.value}


def same_thrice(answer: Any, mistaken: Any, inputs: Mapping[str, Any]) -> bool:
    """The three calls behave alike, each as `same` says."""
    return all(same(answer[key], mistaken[key], inputs) for key in ("first", "few", "again"))


def power_thrice(answer: Any, expected: Any, inputs: Mapping[str, Any]) -> float:
    """Deviation of the call that deviates most."""
    return max(power(answer[key], expected[key], inputs) for key in ("first", "few", "again"))


@ask(reads=thrice, same=same_thrice, guard=power_thrice, margin=MARGIN)
def responsibilities_again(rng: np.random.Generator) -> Question:
    """E-step asked three times of the same object: for 150 points, for 11 points, and for the 150 points again."""
    params, X = given(rng, 2, 3)
    few = draw(rng, params, 11)
    gmm = New("GMM", n_components=3, _data=X).given(params)
    result = {"first": gmm.call("_e_step", X), "kept_first": gmm.state()}
    result |= {"few": gmm.call("_e_step", few), "kept_few": gmm.state()}
    result |= {"again": gmm.call("_e_step", X), "kept_again": gmm.state()}
    return Question(result, inputs={"X": X, "few": few, "params": params})


@ask(reads=posterior, same=same)
def responsibilities_far(rng: np.random.Generator) -> Question:
    """E-step for points 60 standard deviations from every component."""
    params = overlapping(rng, 2, 3)
    angles = rng.uniform(0.0, 2.0 * np.pi, 20)
    X = params["means"].mean(axis=0) + 120.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    gmm = New("GMM", n_components=3, _data=X).given(params)
    returned = gmm.call("_e_step", X)
    return Question({"returned": returned, "state": gmm.state()}, inputs={"X": X, "params": params})


def matches(answer: Any, expected: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """Compare with the posterior; tell a transposition and too strong a regularisation, and give part for them."""
    found = close(answer, expected, atol=atol, what=f"Your responsibilities {_sizes(inputs)}", hint=LIKELY)
    if found:
        return found
    if answer.shape == expected.shape[::-1] and np.max(np.abs(answer.T - expected)) <= atol:
        told = wrong_shape(answer, expected.shape, what="Your responsibilities")
        return fail(told.message, "One row per point: return `responsibilities.T`, or fill `[:, k]`.", fraction=0.4)
    if answer.shape != expected.shape:
        return found
    if count_lost(answer):
        return Finding(Verdict.FAIL, found.message, "A density that is 0 for every component gives 0 / 0.")
    added = diagonal_added(answer, inputs)
    if added is not None:
        return fail(
            f"Your responsibilities {_sizes(inputs)} are what comes out when about {added:.2g} is added to the "
            "diagonal of every covariance: that regularisation is too strong.",
            "Use the covariances as they are, or add no more than 1e-6.",
            fraction=0.6,
        )
    return found


def diagonal_added(answer: Any, inputs: Mapping[str, Any]) -> float | None:
    """The constant on the diagonals that explains the answer, or None."""
    params, X = inputs["params"], inputs["X"]
    eye = np.eye(X.shape[1])

    def gap(log_added: float) -> float:
        covariances = params["covariances"] + np.exp(log_added) * eye
        return float(np.max(np.abs(laws.posterior(X, params["weights"], params["means"], covariances) - answer)))

    best = min(
        (minimize_scalar(gap, bounds=(low, low + 2.0), method="bounded") for low in np.arange(-7.0, 5.0, 2.0)),
        key=lambda result: float(result.fun),
    )
    return float(np.exp(best.x)) if best.fun < 2e-4 else None


def _sizes(inputs: Mapping[str, Any]) -> str:
    D, K = inputs["X"].shape[1], len(inputs["params"]["weights"])
    return f"for {K} components in {D} dimension{'s' if D > 1 else ''}"


@check("e_step", responsibilities)
def rows_sum_to_one(answer: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """Each row of the responsibilities sums to 1."""
    K = len(inputs["params"]["weights"])
    if answer.shape != (N, K):
        return wrong_shape(answer, (N, K), what="Your responsibilities")
    return stochastic(
        answer,
        atol=atol,
        what="The rows of your responsibilities",
        hint="Divide each row by its own sum: `r / r.sum(axis=1, keepdims=True)`.",
    )


@check("e_step", responsibilities)
def match_reference(answer: Any, expected: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """Responsibilities are the posterior probabilities of the components."""
    return matches(answer, expected, inputs, atol)


@check("e_step", responsibilities_two)
def two_components(answer: Any, expected: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """The same with two components."""
    return matches(answer, expected, inputs, atol)


@check("e_step", responsibilities_line)
def one_dimension(answer: Any, expected: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """The same in one dimension."""
    return matches(answer, expected, inputs, atol)


@check("e_step", responsibilities_space)
def three_dimensions(answer: Any, expected: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """The same in three dimensions."""
    return matches(answer, expected, inputs, atol)


@check("e_step", responsibilities_high)
def six_dimensions(answer: Any, expected: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """The same in six dimensions, less closely."""
    return matches(answer, expected, inputs, atol)


@check("e_step", responsibilities_again)
def changes_nothing(answer: Any, expected: Any, inputs: Mapping[str, Any], atol: float) -> Finding:
    """The same when asked again, and for other points: the E-step changes no parameter."""
    first = matches(answer["first"], expected["first"], inputs, atol)
    if not first:
        return first
    again = close(answer["again"], expected["again"], atol=atol, what="Your responsibilities when asked again")
    if not again:
        return fail(
            "Asked twice for the same points, your E-step gives different responsibilities: it changes the "
            "parameters or other things that it reads.",
            "Look for `+=`, `-=` or `/=` on `X` or on an array of `self`, and assignments to `self`: make new arrays.",
        )
    return close(
        answer["few"],
        expected["few"],
        atol=atol,
        what="Your responsibilities for 11 other points",
        hint="Take the number of points from `X.shape[0]`, and the points from the argument `X`.",
    )


@check("e_step", responsibilities_far)
def far_away(answer: Any, expected: Any, atol: float) -> Finding:
    """Extra without points: points very far from every component."""
    return close(
        answer,
        expected,
        atol=atol,
        what="Your responsibilities for points very far from every component",
        hint="Beyond about 38 standard deviations a density is exactly 0, and 0 / 0 is NaN: work with logarithms "
        "(`logpdf` and `scipy.special.logsumexp`).",
    )
