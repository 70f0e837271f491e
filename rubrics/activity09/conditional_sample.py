"""Extension: draws of the unknown coordinates given the known ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from grader import laws
from grader.compare import count_lost, describe, fail, numbers
from grader.model import Finding, Tree, Verdict
from grader.rubric import Expr, New, Question, Read, Support, Unreadable, ask, best_of, check

from .conditional_laws import TOTAL, alike, dominant_probe, given_x, held_within, p_values, shared_probe

DRAWS = 4000
LOOK = (
    "Given the known part, component k has weight proportional to weights[k] * N(known | its mean and covariance "
    "there), "
    "mean m_u + C_uk C_kk^-1 (known - m_k) and covariance C_uu - C_uk C_kk^-1 C_ku."
)


def draws(value: Tree, inputs: Mapping[str, Tree]) -> Read:
    """(n, D) draws from (n, D), or from (n,) or (n, U) where only the unknown coordinates came back."""
    returned = value["returned"]
    inputs = inputs["plane"] if value.get("in the plane") else inputs
    known, values, D = list(inputs["known"]), np.asarray(inputs["values"]), int(inputs["D"])
    unknown = [d for d in range(D) if d not in known]
    parts = [returned, *returned] if isinstance(returned, list | tuple) and len(returned) <= 5 else [returned]
    for part in parts:
        array = numbers(part)
        if array is None or array.ndim not in (1, 2) or len(array) != DRAWS or array.dtype.kind == "c":
            continue
        array = np.asarray(array, dtype=float).reshape(DRAWS, -1)
        if array.shape[1] == D:
            return Read(array)
        if array.shape[1] == len(unknown):
            whole = np.empty((DRAWS, D))
            whole[:, known], whole[:, unknown] = values, array
            return Read(whole, ("Your `conditional_sample` returns the unknown coordinates only; they were taken.",))
    raise Unreadable(
        f"Asked for {DRAWS} draws of {D} coordinates, {len(known)} of them known; got {describe(returned)}. "
        f"Expected an array of shape ({DRAWS}, {D}).",
        "Return one row per draw, with the known coordinates in their places.",
    )


def same_draws(answer: Tree, mistaken: Tree, inputs: Mapping[str, Tree]) -> bool:
    """Two samplers behave alike where what tells samplers apart agrees within its standard errors."""
    if count_lost(answer) or count_lost(mistaken):
        return bool(count_lost(answer) and count_lost(mistaken))
    distinct = [len(np.unique(one, axis=0)) for one in (answer, mistaken)]
    if answer.shape == mistaken.shape and min(distinct) < DRAWS // 2:
        # Copies follow no law: how many differ, and whether they are the conditional means, tells them apart.
        return 0.7 < distinct[0] / distinct[1] < 1.4 and _on_means(answer, inputs) == _on_means(mistaken, inputs)
    if answer.shape[1] == 2 or mistaken.shape[1] == 2:
        return answer.shape == mistaken.shape and alike(answer, mistaken)
    spread = np.maximum(answer.std(axis=0), mistaken.std(axis=0))
    error = 4.5 * spread * np.sqrt(2 / DRAWS) + 1e-9
    means, spreads = (answer - mistaken).mean(axis=0), answer.std(axis=0) - mistaken.std(axis=0)
    return bool(np.all(np.abs(means) < error) and np.all(np.abs(spreads) < error) and _same_shape(answer, mistaken))


def _same_shape(a: np.ndarray, b: np.ndarray) -> bool:
    """Correlations, and how far points stray from their mean, alike."""
    with np.errstate(all="ignore"):
        turned = [np.nan_to_num(np.corrcoef(one.T)) for one in (a, b)]
        strays = [np.mean(np.abs(one - one.mean(axis=0)), axis=0) / np.maximum(one.std(axis=0), 1e-9) for one in (a, b)]
    return bool(np.all(np.abs(turned[0] - turned[1]) < 0.08) and np.all(np.abs(strays[0] - strays[1]) < 0.035))


def _on_means(answer: np.ndarray, inputs: Mapping[str, Tree]) -> bool:
    """Are all draws in the plane exactly the mean of a component given x?"""
    if answer.shape[1] != 2:
        return False
    means = given_x(inputs["mixture"], answer[:, 0]).means
    return bool(np.abs(answer[:, 1:2] - means).min(axis=1).max() < 1e-9)


def _asked(mixture: dict[str, Any], known: list[int], values: list[float], premised: bool) -> Question:
    K, D = mixture["means"].shape
    gmm: Expr = New("GMM", n_components=K, _data=mixture["means"]).given(mixture)
    if premised:
        gmm = gmm.patched(_e_step=Support("live_e_step")(), sample=Support("live_sample")())
    asked = Support("conditional_draws")(gmm, known, values, D, DRAWS)
    return Question(asked, inputs=_inputs(mixture, known, values))


def _inputs(mixture: dict[str, Any], known: list[int], values: list[float]) -> dict[str, Any]:
    return {"mixture": mixture, "known": known, "values": np.array(values), "D": mixture["means"].shape[1]}


def _given_first(probe: tuple[dict[str, Any], float], premised: bool = False) -> Question:
    mixture, x = probe
    return _asked(mixture, [0], [x], premised)


@ask(reads=draws, same=same_draws, seconds=30.0)
def one_component(rng: np.random.Generator) -> Question:
    """`conditional_sample` of y given an x that only one component can have."""
    return _given_first(dominant_probe(rng))


@ask(reads=draws, same=same_draws, seconds=30.0, premised=True)
def one_component_with_premises(rng: np.random.Generator) -> Question:
    """`conditional_sample` of y given an x that only one component can have, with the grader's E-step and `sample`."""
    return _given_first(dominant_probe(rng), premised=True)


@ask(reads=draws, same=same_draws, seconds=30.0)
def two_components(rng: np.random.Generator) -> Question:
    """`conditional_sample` of y given an x that two components share."""
    return _given_first(shared_probe(rng))


@ask(reads=draws, same=same_draws, seconds=30.0, premised=True)
def two_components_with_premises(rng: np.random.Generator) -> Question:
    """`conditional_sample` of y given an x that two components share, with the grader's E-step and `sample`."""
    return _given_first(shared_probe(rng), premised=True)


@check("conditional_sample", best_of(one_component, one_component_with_premises))
def given_one(answer: np.ndarray, inputs: dict[str, Any], held: float) -> Finding:
    """Within a component, y follows its law given x

    Four exact tests share `TOTAL`: at most 1e-10.
    """
    return _judge(answer, inputs, held)


@check("conditional_sample", best_of(two_components, two_components_with_premises))
def given_two(answer: np.ndarray, inputs: dict[str, Any], held: float) -> Finding:
    """Components are drawn by their weights given x, not by their weights alone

    Eight exact tests share `TOTAL`: at most 1e-10.
    """
    return _judge(answer, inputs, held)


def _judge(answer: np.ndarray, inputs: dict[str, Any], held: float) -> Finding:
    x, mixture = float(inputs["values"][0]), inputs["mixture"]
    if count_lost(answer):
        return fail(f"{count_lost(answer)} of {answer.size} values are NaN or infinite.", LOOK)
    off = held_within(answer, mixture, x)
    if off > held:
        return Finding(
            Verdict.FAIL,
            f"The known coordinate was to stay at its value; in your draws it is up to {off:.2g} standard "
            "deviations off.",
            "Put the condition itself into the known column of every row.",
            margin=off / held,
        )
    found = p_values(answer, mixture, x)
    level = TOTAL / len(found)
    worst = min(found, key=lambda name: found[name])
    margin = np.log(max(found[worst], 1e-300)) / np.log(level)
    if found[worst] >= level:
        return Finding(Verdict.PASS, margin=float(margin))
    return Finding(Verdict.FAIL, _words(worst, answer, mixture, x), LOOK, margin=float(margin))


def _words(test: str, answer: np.ndarray, mixture: dict[str, Any], x: float) -> str:
    """What is wrong with the draws, in terms of the sampler; nothing of the hidden mixture."""
    begin = f"Asked for {DRAWS} draws of y given x."
    unique = len(np.unique(answer[:, 1]))
    if unique < 0.9 * DRAWS:
        return f"{begin} Only {unique} of them differ: draw each one anew."
    laws_here = given_x(mixture, answer[:, 0])
    z = np.where(laws_here.weights > 1e-6, (answer[:, 1:2] - laws_here.means) / laws_here.deviations, np.inf)
    label = np.argmin(np.abs(z), axis=1)
    nearest = z[np.arange(len(z)), label]
    kind = test.split()[0]
    if kind == "stray":
        far = float(np.mean(np.abs(nearest) > 5))
        return f"{begin} {far:.0%} of them lie where no component puts y given this x."
    if kind == "shares":
        return f"{begin} Two components can have this x, and your draws come from them in the wrong proportion."
    spread = float(np.std(nearest))
    if kind == "mean":
        return f"{begin} They lie {abs(float(nearest.mean())):.2g} standard deviations beside the conditional mean."
    if kind == "spread":
        return f"{begin} Their spread around the conditional mean is {spread:.2f} times what it should be."
    return f"{begin} Their distribution around the conditional mean is not a Gaussian."


# --- other coordinates ----------------------------------------------------------------------


@ask(reads=draws, same=same_draws, seconds=30.0)
def middle_known(rng: np.random.Generator) -> Question:
    """`conditional_sample` in three dimensions, the second coordinate known.

    A function that takes the first coordinate's value alone can't be asked that; it is asked once more in the plane.
    """
    space, known, values = _three_dimensions(rng)
    plane, x = dominant_probe(rng)
    gmm = New("GMM", n_components=2, _data=space["means"]).given(space)
    flat = New("GMM", n_components=3, _data=plane["means"]).given(plane)
    asked = Support("conditional_draws")(gmm, known, values, 3, DRAWS, [flat, x])
    return Question(asked, inputs={**_inputs(space, known, values), "plane": _inputs(plane, [0], [x])})


def _three_dimensions(rng: np.random.Generator) -> tuple[dict[str, Any], list[int], list[float]]:
    """One component in three dimensions (another far away has no weight there), correlated throughout.

    The known coordinate explains 0.25 to 0.36 of the variance of each of the others, and at most 0.43 of that of any
    combination of them: a missing regression shows, and draws from near the condition, moved onto it, still pass.
    Given it the others still correlate by 0.53 to 0.74: drawing them one by one shows.
    """
    covariances = np.stack([_tied(rng), _tied(rng)])
    means = np.array([rng.uniform(-3, 3, size=3), rng.uniform(-3, 3, size=3) + np.array([0.0, 60.0, 0.0])])
    value = float(means[0, 1] + rng.choice([-1, 1]) * rng.uniform(0.8, 1.0) * np.sqrt(covariances[0, 1, 1]))
    return {"weights": np.array([0.4, 0.6]), "means": means, "covariances": covariances}, [1], [value]


def _tied(rng: np.random.Generator) -> np.ndarray:
    """A covariance (3, 3): the second coordinate correlates by about 0.55 with the others, and those by 0.7 to 0.8."""
    first, last = rng.choice([-1, 1], size=2) * rng.uniform(0.5, 0.6, size=2)
    others = np.sign(first * last) * rng.uniform(0.7, 0.8)
    correlations = np.array([[1.0, first, others], [first, 1.0, last], [others, last, 1.0]])
    # Far from 1, so that a variance taken for a standard deviation, or a lost inverse, shows.
    deviations = np.array([1.5, 2.4, 0.6]) * rng.uniform(0.95, 1.05, size=3)
    return np.asarray(correlations * np.outer(deviations, deviations))


@check("conditional_sample", middle_known)
def any_coordinate(answer: np.ndarray, inputs: dict[str, Any], held: float) -> Finding:
    """Any coordinate may be the known one

    Four tests (largest chi-square, mean, spread along four directions, exact KS of the distances) share `TOTAL`: at
    most 1e-10.
    """
    if answer.shape[1] == 2:
        return _judge(answer, inputs["plane"], held)
    mean, covariance = inputs["mixture"]["means"][0], inputs["mixture"]["covariances"][0]
    if count_lost(answer):
        return fail(f"{count_lost(answer)} of {answer.size} values are NaN or infinite.", LOOK)
    known, rest = 1, [0, 2]
    off = float(np.max(np.abs(answer[:, known] - inputs["values"][0])) / np.sqrt(covariance[known, known]))
    if off > held:
        return fail("With the second of three coordinates known, that coordinate does not stay at its value.", LOOK)
    slope = covariance[rest, known] / covariance[known, known]
    wanted = mean[rest] + np.outer(answer[:, known] - mean[known], slope)
    inner = covariance[np.ix_(rest, rest)] - np.outer(slope, covariance[known, rest])
    residual = answer[:, rest] - wanted
    squared = laws.squared_distances(residual, np.zeros(2), inner)
    found = [
        laws.largest_chi_square(squared, 2),
        laws.location(residual, np.zeros(2), inner),
        laws.bonferroni(laws.spreads(residual, np.zeros(2), inner)[0]),
        laws.radii(squared, 2),
    ]
    level = TOTAL / len(found)
    margin = float(np.log(max(min(found), 1e-300)) / np.log(level))
    if min(found) >= level:
        return Finding(Verdict.PASS, margin=margin)
    return Finding(
        Verdict.FAIL,
        "With the second of three coordinates known, the other two don't follow their joint law given it.",
        "Split mean and covariance by which coordinates are known, for any number and position of them.",
        margin=margin,
    )
